//! Hardening changes and the updates that bring them: `knowledge/hardening/<id>.toml`.
//!
//! What is *not* done here yet: judging which phase is active on a machine; a change is only named.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Standing, Text, fault};
use crate::error::Error;

/// One hardening change.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hardening {
    /// Such as `ETYPE-CVE-2022-37966`; the file is named after it.
    pub id: String,
    /// In a few words.
    pub title: String,
    /// Where it acts.
    pub role: Role,
    /// What it changes.
    pub what: String,
    /// What it can do to live migration, and how sure that is.
    pub effect: String,
    /// How well the effect is known.
    pub standing: Standing,
    /// The version whose installation brings it, where no update does.
    pub upgrade_to: Option<String>,
    /// Public sources.
    pub sources: Vec<String>,
    /// The day of the last check, `YYYY-MM-DD`.
    pub checked: String,
    /// Its phases, in order.
    pub phase: Vec<Phase>,
}

/// One phase of a hardening change.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Such as `enforcement`.
    pub name: String,
    /// The day it begins, `YYYY-MM-DD`.
    pub date: String,
    /// How well that is known.
    pub standing: Standing,
    /// The first updates that carry it, for all versions.
    #[serde(default)]
    pub kbs: Vec<String>,
}

/// Where a change acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Domain controllers.
    Dc,
    /// Hyper-V hosts.
    Host,
    /// Both.
    Both,
}

/// Every hardening change known.
#[derive(Debug)]
pub struct Hardenings {
    all: Vec<Hardening>,
    by_kb: BTreeMap<String, Vec<String>>,
}

impl Hardenings {
    pub(super) fn load(files: &[Text]) -> Result<Self, Error> {
        let mut hardenings = Self { all: Vec::new(), by_kb: BTreeMap::new() };
        for (name, text) in files {
            let hardening: Hardening = toml::from_str(text).map_err(|error| fault(name, error))?;
            if name.strip_suffix(".toml") != Some(&hardening.id) {
                return Err(fault(name, format!("the file is not named after its change {}", hardening.id)));
            }
            for kb in hardening.phase.iter().flat_map(|phase| &phase.kbs) {
                let ids = hardenings.by_kb.entry(kb.clone()).or_default();
                if !ids.contains(&hardening.id) {
                    ids.push(hardening.id.clone());
                }
            }
            hardenings.all.push(hardening);
        }
        Ok(hardenings)
    }

    /// The changes of which `kb` is the first update to carry a phase.
    #[must_use]
    pub fn brought_by(&self, kb: &str) -> &[String] {
        self.by_kb.get(kb).map_or(&[], Vec::as_slice)
    }

    /// The changes that come with an upgrade to `version`.
    pub fn brought_by_upgrade(&self, version: &str) -> impl Iterator<Item = &str> {
        self.all
            .iter()
            .filter(move |hardening| hardening.upgrade_to.as_deref() == Some(version))
            .map(|hardening| hardening.id.as_str())
    }

    /// Every change, by id.
    #[must_use]
    pub fn all(&self) -> &[Hardening] {
        &self.all
    }
}
