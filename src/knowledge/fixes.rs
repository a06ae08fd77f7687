//! What the steps of a plan say: one Markdown file each under `knowledge/fixes/`.
//!
//! Texts are templates; [`PLACEHOLDERS`] lists what may stand in braces. Filling them, with the quoting that
//! each place needs, is the plan's work.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Text, fault, front_matter};
use crate::error::Error;

/// What may stand in braces: the step's host by short and full name, its object for the directory module, its own
/// SPNs, the other ends, and the values to add; the domain that the directory module asks, and the accounts that hold the
/// host's names beside it, with those names, the update to install, the object of the other end for the directory module,
/// and what the tab Delegation calls the protocol that the host needs.
pub const PLACEHOLDERS: &[&str] = &[
    "host",
    "fqdn",
    "identity",
    "migration_spn",
    "migration_spn_fqdn",
    "target",
    "target_fqdn",
    "targets",
    "spns",
    "names",
    "server",
    "held",
    "update",
    "target_identity",
    "protocol",
];

/// One kind of step.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fix {
    /// The kind, as reports name it.
    pub id: String,
    /// What the step does, in a few words.
    pub title: String,
    /// When in a plan its turn comes.
    pub stage: Stage,
    /// Whose step it is.
    pub per: Per,
    /// The rights it needs.
    pub rights: String,
    /// Shows the state before anything changes.
    pub precheck: String,
    /// Makes the change.
    pub command: String,
    /// The same by hand; a line with `{target}` is repeated for each target.
    pub clicks: Vec<String>,
    /// Its directory part in Active Directory Administrative Center, likewise.
    #[serde(default)]
    pub adac: Vec<String>,
    /// Which accounts and services it touches.
    #[serde(default)]
    pub affects: String,
    /// What a wrong value would allow or break.
    #[serde(default)]
    pub risk: String,
    /// Who has to agree.
    #[serde(default)]
    pub approval: String,
    /// Another way to the same, in PowerShell.
    #[serde(default)]
    pub alternative: String,
    /// Shows that it worked.
    pub verify: String,
    /// Takes it back.
    pub rollback: String,
    /// Why, and what to know; the Markdown behind the front matter.
    #[serde(skip)]
    pub prose: &'static str,
}

/// The order of risk: mend what is broken, add what is missing, let it take effect, test, and only then remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Something is broken.
    Repair,
    /// Something is missing.
    Add,
    /// What was changed takes effect.
    Settle,
    /// A migration shows it.
    Test,
    /// Something is no longer needed.
    Remove,
}

/// Which host a step belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Per {
    /// The source, for all its targets at once.
    Source,
    /// The target.
    Target,
    /// The end whose own fault it is; both where nothing tells.
    FaultyEnd,
    /// The domain controllers whose build is at fault or behind; all that serve the pair where nothing tells.
    Controller,
}

/// Every kind of step.
#[derive(Debug)]
pub struct Fixes(BTreeMap<String, Fix>);

impl Fixes {
    pub(super) fn load(files: &[Text]) -> Result<Self, Error> {
        let mut fixes = BTreeMap::new();
        for &(name, text) in files {
            let (mut fix, prose): (Fix, _) = front_matter(name, text)?;
            if name.strip_suffix(".md") != Some(&fix.id) {
                return Err(fault(name, format!("the file is not named after its fix {}", fix.id)));
            }
            fix.prose = prose;
            fixes.insert(fix.id.clone(), fix);
        }
        Ok(Self(fixes))
    }

    /// The kind called `id`.
    #[must_use]
    pub fn named(&self, id: &str) -> Option<&Fix> {
        self.0.get(id)
    }

    /// Every kind, by id.
    pub fn all(&self) -> impl Iterator<Item = &Fix> {
        self.0.values()
    }
}
