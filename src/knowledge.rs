//! What kcdoctor knows about Windows, loaded from `knowledge/` and cross-checked.
//!
//! Data that people can review: signals, codes, sentences, builds, rules and fixes, each claim with its
//! source, its standing and the day it was last checked. Loading is the only door: what passes it is
//! complete and consistent, so no later stage checks again. What is *not* here: names of formats, SPN
//! arithmetic and joins, which are code.

use include_dir::{Dir, include_dir};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use self::fault::Draft;
use crate::error::Error;

mod builds;
pub mod cases;
mod cause;
mod class;
mod codes;
pub mod condition;
pub mod fault;
mod fixes;
mod gaps;
mod hardening;
mod interest;
mod progress;
mod registry;
mod rules;
mod sentences;
mod signals;
pub mod vocabulary;

pub use builds::{Builds, Release};
pub use cause::{Cause, Family};
pub use class::{Class, Weight};
pub use codes::{Code, Codes, Space};
pub use fixes::{Fix, Fixes, PLACEHOLDERS, Per, Stage};
pub use gaps::{Gaps, Otherwise, Piece, Place, Recipe};
pub use hardening::{Fault, First, Gate, Hardening, Hardenings, Phase, Reached, Role, Spares, State};
pub use interest::{Cell, Interest, Routine, Wanted, Worth};
pub use progress::Progress;
pub use registry::{Registry, Setting};
pub use rules::{Origin, Proof, Reading, Rule, Scope, Severity, Verification, read_rules};
pub use sentences::Sentences;
pub use signals::{Meaning, Side, Signal, Signals};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/knowledge");

/// How well a claim is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// A named source states it.
    Verified,
    /// It follows from a stated fact.
    Derived,
    /// Unverified: a hint that never decides alone.
    Memory,
}

/// All that is known.
#[derive(Debug)]
pub struct Knowledge {
    /// Which event means what.
    pub signals: Signals,
    /// Error codes and their classes.
    pub codes: Codes,
    /// Phrases of messages and their classes.
    pub sentences: Sentences,
    /// What the progress of a move at its failure tells.
    pub progress: Progress,
    /// Updates and the builds they bring.
    pub builds: Builds,
    /// Hardening changes.
    pub hardenings: Hardenings,
    /// Values of the registry that are kept.
    pub registry: Registry,
    /// Rules, by id.
    pub rules: Vec<Rule>,
    /// What a plan's steps say.
    pub fixes: Fixes,
    /// What a bundle can lack.
    pub gaps: Gaps,
    /// Twelve hexadecimal digits over every file: two runs with one revision know the same.
    pub revision: String,
    /// The day of the newest update known, `YYYY-MM-DD`.
    pub as_of: String,
}

impl Knowledge {
    /// Loads the embedded knowledge.
    ///
    /// # Errors
    /// [`Error::Fault`] naming the file where data does not hold together; a test keeps that from shipping.
    pub fn load() -> Result<Self, Error> {
        let builds = Builds::load(text("builds.csv")?)?;
        let as_of = builds.newest().to_owned();
        let fixes = Fixes::load(&files("fixes")?)?;
        let hardenings = Hardenings::load(&files("hardening")?, &builds)?;
        let signals = Signals::load(toml("signals.toml")?);
        let registry = Registry::load(toml("registry.toml")?, &hardenings)?;
        hardenings.check(&signals, &registry)?;
        Ok(Self {
            signals,
            codes: Codes::load(&files("codes")?)?,
            sentences: Sentences::load(toml("sentences.toml")?),
            progress: Progress::load(toml("progress.toml")?)?,
            builds,
            registry,
            hardenings,
            rules: rules::load(&Self::shipped_rules()?, &fixes)?,
            fixes,
            gaps: Gaps::load()?,
            revision: revision(),
            as_of,
        })
    }
}

impl Knowledge {
    /// What is worth keeping of a source: events that mean something, and values of the registry.
    #[must_use]
    pub fn interest(&self) -> Interest {
        self.signals.interest().keeping(&self.registry)
    }
}

impl Knowledge {
    /// The same with rules of the user's: one with the id of a shipped rule takes its place. `drafts` are the files
    /// that hold them; the revision changes with every byte of them.
    #[must_use]
    pub fn with_rules(mut self, added: Vec<Rule>, drafts: &[Draft]) -> Self {
        for mut rule in added {
            let shipped = self.rules.iter().position(|own| own.id == rule.id);
            rule.origin = if shipped.is_some() { Origin::Replaced } else { Origin::Added };
            match shipped.and_then(|index| self.rules.get_mut(index)) {
                Some(own) => *own = rule,
                None => self.rules.push(rule),
            }
        }
        self.rules.sort_by(|a, b| a.id.cmp(&b.id));
        // The folder's place is no knowledge.
        let name = |draft: &Draft| draft.file.rsplit('/').next().unwrap_or_default().to_owned();
        let texts = drafts.iter().map(|draft| (name(draft), blake3::hash(draft.text.as_bytes())));
        self.revision = digits(&self.revision, texts.collect());
        self
    }

    /// The files of the shipped rules, named by their paths in the source tree.
    ///
    /// # Errors
    /// [`Error::Fault`] where they are not embedded.
    pub fn shipped_rules() -> Result<Vec<Draft>, Error> {
        let files = files("rules")?;
        Ok(files
            .into_iter()
            .map(|(name, text)| Draft::new(format!("knowledge/rules/{name}"), text))
            .collect())
    }

    /// Rules of the user's, by id: those that were added and those that took a shipped one's place.
    pub fn own_rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| rule.origin != Origin::Shipped)
    }
}

/// An embedded file: its name inside its folder, and its text.
pub(crate) type Text = (&'static str, &'static str);

fn fault(file: &str, detail: impl std::fmt::Display) -> Error {
    Error::Fault(format!("knowledge/{file}: {detail}"))
}

fn text(file: &str) -> Result<&'static str, Error> {
    FILES
        .get_file(file)
        .and_then(|file| file.contents_utf8())
        .ok_or_else(|| fault(file, "missing or not UTF-8"))
}

fn toml<T: DeserializeOwned>(file: &str) -> Result<T, Error> {
    toml::from_str(text(file)?).map_err(|error| fault(file, error))
}

/// The files of a folder by name.
fn files(folder: &str) -> Result<Vec<Text>, Error> {
    let dir = FILES.get_dir(folder).ok_or_else(|| fault(folder, "missing"))?;
    let named = dir.files().map(|file| {
        let name = file.path().file_name().and_then(|name| name.to_str());
        name.zip(file.contents_utf8()).ok_or_else(|| fault(folder, "a file is not UTF-8"))
    });
    let mut named = named.collect::<Result<Vec<_>, _>>()?;
    named.sort_unstable();
    Ok(named)
}

fn revision() -> String {
    fn add(dir: &Dir<'_>, hashes: &mut Vec<(String, blake3::Hash)>) {
        hashes.extend(
            dir.files().map(|file| {
                (file.path().to_string_lossy().replace('\\', "/"), blake3::hash(file.contents()))
            }),
        );
        dir.dirs().for_each(|dir| add(dir, hashes));
    }
    let mut hashes = Vec::new();
    add(&FILES, &mut hashes);
    digits("", hashes)
}

/// Twelve digits over what stands `before` and the hashes of files, whatever their order.
fn digits(before: &str, mut hashes: Vec<(String, blake3::Hash)>) -> String {
    hashes.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut hasher = blake3::Hasher::new();
    hasher.update(before.as_bytes());
    for (path, hash) in hashes {
        hasher.update(path.as_bytes()).update(hash.as_bytes());
    }
    hasher.finalize().to_hex().chars().take(12).collect()
}

/// Splits a file with TOML front matter between `+++` lines into the front matter and the prose behind it.
fn front_matter<T: DeserializeOwned>(name: &str, text: &'static str) -> Result<(T, &'static str), Error> {
    let parts =
        text.trim_start_matches('\u{feff}').strip_prefix("+++\n").and_then(|rest| rest.split_once("\n+++\n"));
    let (front, prose) = parts.ok_or_else(|| fault(name, "must begin with TOML between two +++ lines"))?;
    Ok((toml::from_str(front).map_err(|error| fault(name, error))?, prose.trim()))
}
