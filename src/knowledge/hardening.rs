//! Hardening changes, their phases, and the updates that bring them: `knowledge/hardening/<id>.toml`.
//!
//! Loading is the only door: versions and updates must be known, phases in order, gates kept of a registry, witnesses
//! must be signals. What is *not* done here: judging a machine, see [`crate::incident`].

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Builds, Registry, Signals, Standing, Text, fault};
use crate::error::Error;

mod phase;

pub use phase::{Fault, First, Gate, Phase, Reached, State};

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
    /// How well the effect is known; what is from memory sets nothing off.
    pub standing: Standing,
    /// Signals that show it at work, by id.
    pub witnesses: Vec<String>,
    /// Accounts that it leaves alone, where it does.
    pub spares: Option<Spares>,
    /// The version whose installation brings it, where no update does.
    pub upgrade_to: Option<String>,
    /// Public sources.
    pub sources: Vec<String>,
    /// The day of the last check, `YYYY-MM-DD`.
    pub checked: String,
    /// Values of the registry that hold it back or bring it forward.
    #[serde(default)]
    pub gate: Vec<Gate>,
    /// Its phases, in order.
    pub phase: Vec<Phase>,
    /// Faults of its updates, with the builds that carry and mend them.
    #[serde(default)]
    pub fault: Vec<Fault>,
}

/// Accounts that a change leaves alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spares {
    /// Those whose object states encryption types.
    EncryptionTypesStated,
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

impl Role {
    /// Whether it acts on a machine that is a domain controller or a Hyper-V host.
    #[must_use]
    pub fn fits(self, is_dc: bool, is_node: bool) -> bool {
        match self {
            Self::Dc => is_dc,
            Self::Host => is_node && !is_dc,
            Self::Both => is_dc || is_node,
        }
    }
}

impl Hardening {
    /// The last phase that `rank` of `version` holds.
    #[must_use]
    pub fn reached(&self, version: &str, rank: u64, builds: &Builds) -> Reached {
        let mut reached = Reached::Before;
        let mut applies = false;
        for (index, phase) in self.phase.iter().enumerate() {
            match phase.first_of(version, builds) {
                None => {}
                Some(First::Release) => (applies, reached) = (true, Reached::Phase(index)),
                Some(First::Rank(first)) if first <= rank => {
                    (applies, reached) = (true, Reached::Phase(index))
                }
                Some(First::Rank(_)) => applies = true,
                // Which update brought it is not known: only an older one surely did not.
                Some(First::Unknown) => {
                    applies = true;
                    let is_older = builds.day_of(version, rank).is_none_or(|day| day < phase.date.as_str());
                    if !is_older {
                        return Reached::Open;
                    }
                }
            }
        }
        if applies { reached } else { Reached::Never }
    }

    /// Phases that a machine enters when its rank rises from `before`, which it no longer has, to `after`.
    pub fn entered<'a>(
        &'a self,
        version: &'a str,
        before: u64,
        after: u64,
        builds: &'a Builds,
    ) -> impl Iterator<Item = &'a Phase> {
        self.phase.iter().filter(move |phase| {
            matches!(phase.first_of(version, builds), Some(First::Rank(first)) if before < first && first <= after)
        })
    }

    fn check(&self, builds: &Builds) -> Result<(), String> {
        if !self.phase.is_sorted_by(|a, b| a.date <= b.date) {
            return Err("its phases are not in the order of their dates".into());
        }
        let names: BTreeSet<_> = self.phase.iter().map(|phase| phase.name.as_str()).collect();
        if names.len() != self.phase.len() {
            return Err("two phases bear one name".into());
        }
        self.phase.iter().try_for_each(|phase| phase.check(builds))?;
        self.fault.iter().try_for_each(|fault| fault.check(builds))?;
        self.gate.iter().try_for_each(|gate| gate.check(&names))
    }
}

/// Every hardening change known.
#[derive(Debug)]
pub struct Hardenings {
    all: Vec<Hardening>,
    /// By version and KB: what the update is the first to carry.
    by_kb: BTreeMap<String, Vec<String>>,
}

impl Hardenings {
    pub(super) fn load(files: &[Text], builds: &Builds) -> Result<Self, Error> {
        let mut hardenings = Self { all: Vec::new(), by_kb: BTreeMap::new() };
        for (name, text) in files {
            let mut hardening: Hardening = toml::from_str(text).map_err(|error| fault(name, error))?;
            if name.strip_suffix(".toml") != Some(&hardening.id) {
                return Err(fault(name, format!("the file is not named after its change {}", hardening.id)));
            }
            hardening.check(builds).map_err(|detail| fault(name, detail))?;
            hardening.phase.iter_mut().for_each(|phase| phase.name_updates(builds));
            hardenings.all.push(hardening);
        }
        hardenings.index(builds);
        Ok(hardenings)
    }

    /// What each update is the first to carry.
    fn index(&mut self, builds: &Builds) {
        let mut firsts: BTreeMap<(&str, u64), Vec<&str>> = BTreeMap::new();
        for hardening in &self.all {
            for (version, first) in hardening.phase.iter().flat_map(|phase| phase.firsts(builds)) {
                if let First::Rank(rank) = first {
                    let ids = firsts.entry((version, rank)).or_default();
                    if !ids.contains(&hardening.id.as_str()) {
                        ids.push(&hardening.id);
                    }
                }
            }
        }
        let mut by_kb: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for release in builds.all() {
            let ids = builds.rank(release).and_then(|rank| firsts.get(&(release.os.as_str(), rank)));
            if let Some(ids) = ids {
                by_kb.entry(release.kb.clone()).or_default().extend(ids.iter().map(|id| (*id).to_owned()));
            }
        }
        self.by_kb = by_kb.into_iter().map(|(kb, ids)| (kb, ids.into_iter().collect())).collect();
    }

    /// Checks what points to other files.
    pub(super) fn check(&self, signals: &Signals, registry: &Registry) -> Result<(), Error> {
        for hardening in &self.all {
            let file = format!("hardening/{}.toml", hardening.id);
            let of_faults = hardening.fault.iter().flat_map(|fault| &fault.witnesses);
            let is_signal = |id: &String| signals.all().iter().any(|signal| signal.id == *id);
            if let Some(id) = hardening.witnesses.iter().chain(of_faults).find(|id| !is_signal(id)) {
                return Err(fault(&file, format!("no signal is called {id}")));
            }
            let is_kept =
                |gate: &Gate| registry.all().iter().any(|own| own.key == gate.key && own.name == gate.name);
            if let Some(gate) = hardening.gate.iter().find(|gate| !is_kept(gate)) {
                return Err(fault(&file, format!("{} is not in registry.toml", gate.name)));
            }
        }
        Ok(())
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

    /// Every fault, with the change whose updates carry it.
    pub fn faults(&self) -> impl Iterator<Item = (&Hardening, &Fault)> {
        self.all.iter().flat_map(|hardening| hardening.fault.iter().map(move |fault| (hardening, fault)))
    }

    /// Where the change acts whose id, or the id of a fault of which, a rule's `triggers` names; `None` for any other
    /// name.
    #[must_use]
    pub fn sets_off(&self, name: &str) -> Option<Role> {
        let is_meant = |own: &&Hardening| own.id == name || own.fault.iter().any(|fault| fault.id == name);
        self.all.iter().find(is_meant).map(|hardening| hardening.role)
    }

    /// The change called `id`.
    #[must_use]
    pub fn named(&self, id: &str) -> Option<&Hardening> {
        self.all.iter().find(|hardening| hardening.id == id)
    }

    /// Every change, by id.
    #[must_use]
    pub fn all(&self) -> &[Hardening] {
        &self.all
    }
}
