//! Phases of hardening changes, the values that gate them, and the faults of their updates.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::knowledge::{Builds, Class, Standing};

/// What a phase means for a machine, in the order of severity.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The machine's build knows nothing of it.
    Absent,
    /// The registry holds it back.
    Off,
    /// It is there and refuses nothing by default.
    Available,
    /// What it would refuse is logged.
    Audit,
    /// It refuses, unless the registry holds it back.
    EnforcedByDefault,
    /// It refuses.
    Enforced,
    /// Nobody can tell.
    Unknown,
}

impl State {
    /// Whether it refuses; `None` where nobody can tell.
    #[must_use]
    pub fn enforces(self) -> Option<bool> {
        match self {
            Self::Unknown => None,
            state => Some(state >= Self::EnforcedByDefault),
        }
    }
}

/// One phase of a hardening change.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Such as `enforcement`.
    pub name: String,
    /// What it means.
    pub state: State,
    /// The day it begins, `YYYY-MM-DD`.
    pub date: String,
    /// How well that is known.
    pub standing: Standing,
    /// By version: the first build that carries it, its KB where builds are not published, `release` where the
    /// version came with it, `unknown` where a later update brought it and which is not known.
    first: BTreeMap<String, String>,
    /// The first cumulative updates that carry it, for all versions; filled in on loading.
    #[serde(skip)]
    pub kbs: Vec<String>,
}

/// Where a phase begins for a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// With the version itself.
    Release,
    /// With the first update of this rank.
    Rank(u64),
    /// With an update that is not known.
    Unknown,
}

/// How far a machine has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// The change does not concern its version.
    Never,
    /// It has not reached the first phase.
    Before,
    /// It has reached this one, by index, and none behind it.
    Phase(usize),
    /// Which phase it has reached is not known.
    Open,
}

impl Phase {
    /// Where it begins for `version`; `None` where it does not concern that version.
    #[must_use]
    pub fn first_of(&self, version: &str, builds: &Builds) -> Option<First> {
        first(version, self.first.get(version)?, builds)
    }

    /// Where it begins for each version.
    pub fn firsts<'a>(&'a self, builds: &'a Builds) -> impl Iterator<Item = (&'a str, First)> {
        self.first
            .iter()
            .filter_map(|(version, text)| Some((version.as_str(), first(version, text, builds)?)))
    }

    pub(super) fn name_updates(&mut self, builds: &Builds) {
        let is_first = |release: &&crate::knowledge::Release| {
            let first = self.first_of(&release.os, builds);
            let full = release.is_cumulative() && !release.is_hotpatch();
            full && builds.rank(release).map(First::Rank) == first
        };
        let kbs: BTreeSet<_> = builds.all().filter(is_first).map(|release| release.kb.clone()).collect();
        self.kbs = kbs.into_iter().collect();
    }

    pub(super) fn check(&self, builds: &Builds) -> Result<(), String> {
        let is_day = self.date.parse::<jiff::civil::Date>().is_ok();
        if !is_day || matches!(self.state, State::Absent | State::Off | State::Unknown) {
            return Err(format!("phase {} needs a day and a state of its own", self.name));
        }
        check_builds(&self.first, builds).map_err(|detail| format!("phase {}: {detail}", self.name))
    }
}

fn first(version: &str, text: &str, builds: &Builds) -> Option<First> {
    match text {
        "release" => Some(First::Release),
        "unknown" => Some(First::Unknown),
        text => rank(version, text, builds).map(First::Rank),
    }
}

/// The rank of a build, or of a KB.
fn rank(version: &str, text: &str, builds: &Builds) -> Option<u64> {
    match text.split_once('.') {
        Some((_, revision)) => revision.parse().ok(),
        None => builds.rank(builds.release(text, version)?),
    }
}

/// Whether every version is known, and every build one that an update brings to it.
fn check_builds(firsts: &BTreeMap<String, String>, builds: &Builds) -> Result<(), String> {
    for (version, text) in firsts {
        if !builds.knows(version) {
            return Err(format!("no version is called {version}"));
        }
        let is_build = |release: &crate::knowledge::Release| release.os == *version && release.build == *text;
        let is_known = match text.as_str() {
            "release" | "unknown" => true,
            text if text.starts_with("KB") => builds.release(text, version).is_some(),
            _ => builds.all().any(is_build),
        };
        if !is_known {
            return Err(format!("{text} is no update of {version} that builds.csv has"));
        }
    }
    Ok(())
}

/// A value of the registry that holds a change back or brings it forward, until a phase ends that.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The key under `HKEY_LOCAL_MACHINE`, as `registry.toml` writes it.
    pub key: String,
    /// The value's name.
    pub name: String,
    /// Numbers that switch it off.
    #[serde(default)]
    pub off: Vec<u32>,
    /// Numbers that let it log, or serve both ways.
    #[serde(default)]
    pub audit: Vec<u32>,
    /// Numbers that enforce it.
    #[serde(default)]
    pub on: Vec<u32>,
    /// The phase from which on it can't be switched off.
    pub off_until: Option<String>,
    /// The phase from which on the value is not heard; `None` where it always is.
    pub until: Option<String>,
    /// How well all that is known.
    pub standing: Standing,
}

impl Gate {
    /// What `number` makes of a change; `None` for a number without a meaning.
    #[must_use]
    pub fn state(&self, number: u32) -> Option<State> {
        let table = [(&self.off, State::Off), (&self.audit, State::Audit), (&self.on, State::Enforced)];
        table.into_iter().find(|(numbers, _)| numbers.contains(&number)).map(|(_, state)| state)
    }

    /// Whether `state` is heard in `phases`, all that a machine has reached.
    #[must_use]
    pub fn is_heard(&self, state: State, phases: &[Phase]) -> bool {
        let reached = |name: &Option<String>| {
            name.as_ref().is_some_and(|name| phases.iter().any(|phase| phase.name == *name))
        };
        !(reached(&self.until) || state == State::Off && reached(&self.off_until))
    }

    pub(super) fn check(&self, phases: &BTreeSet<&str>) -> Result<(), String> {
        let mut named = self.until.iter().chain(&self.off_until);
        if let Some(name) = named.find(|name| !phases.contains(name.as_str())) {
            return Err(format!("{}: no phase is called {name}", self.name));
        }
        let all: Vec<_> = self.off.iter().chain(&self.audit).chain(&self.on).collect();
        let each: BTreeSet<_> = all.iter().collect();
        if all.is_empty() || each.len() != all.len() {
            return Err(format!("{} needs numbers, each with one meaning", self.name));
        }
        Ok(())
    }
}

/// A fault of an update that breaks authentication, until another one mends it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Such as `S4USELF-2021-11`.
    pub id: String,
    /// What it breaks.
    pub what: String,
    /// Classes of failure that it shows.
    pub classes: Vec<Class>,
    /// Signals that show it at work, by id.
    pub witnesses: Vec<String>,
    /// By version: the first build, or KB, that carries it.
    carried: BTreeMap<String, String>,
    /// By version: the first build, or KB, that mends it.
    mended: BTreeMap<String, String>,
    /// How well that is known.
    pub standing: Standing,
    /// Public sources.
    pub sources: Vec<String>,
}

impl Fault {
    /// The ranks of `version` that carry it: from the first on, up to the one that mends it, which does not.
    #[must_use]
    pub fn ranks(&self, version: &str, builds: &Builds) -> Option<std::ops::Range<u64>> {
        let rank = |map: &BTreeMap<String, String>| rank(version, map.get(version)?, builds);
        Some(rank(&self.carried)?..rank(&self.mended)?)
    }

    pub(super) fn check(&self, builds: &Builds) -> Result<(), String> {
        let both = [&self.carried, &self.mended];
        both.into_iter()
            .try_for_each(|map| check_builds(map, builds))
            .map_err(|detail| format!("fault {}: {detail}", self.id))?;
        let in_order = |version: &String| self.ranks(version, builds).is_some_and(|ranks| !ranks.is_empty());
        if !self.carried.keys().eq(self.mended.keys()) || !self.carried.keys().all(in_order) {
            return Err(format!("fault {}: what carries it must come before what mends it", self.id));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::Knowledge;

    fn gate() -> Gate {
        let text = "key = 'K'\nname = \"N\"\noff = [1]\non = [0]\noff_until = \"b\"\nuntil = \"c\"\nstanding = \"verified\"";
        toml::from_str(text).unwrap()
    }

    fn phase(name: &str) -> Phase {
        let text = format!(
            "name = \"{name}\"\nstate = \"audit\"\ndate = \"2026-01-02\"\nstanding = \"verified\"\n[first]\n"
        );
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn a_gate_has_its_own_sense_and_its_end() {
        let gate = gate();
        assert_eq!(
            (gate.state(0), gate.state(1), gate.state(7)),
            (Some(State::Enforced), Some(State::Off), None)
        );
        let [a, b, c] = [phase("a"), phase("b"), phase("c")];
        let phases = [a, b, c];
        assert!(gate.is_heard(State::Off, &phases[..1]) && !gate.is_heard(State::Off, &phases[..2]));
        assert!(gate.is_heard(State::Audit, &phases[..2]) && !gate.is_heard(State::Audit, &phases));
        let known = BTreeSet::from(["a", "b"]);
        assert!(gate.check(&known).is_err() && gate.check(&BTreeSet::from(["b", "c"])).is_ok());
    }

    /// NonForwardableDelegation is the one whose 0 enforces.
    #[test]
    fn the_inverse_gate_is_not_read_the_usual_way() {
        let knowledge = Knowledge::load().unwrap();
        let state = |id: &str, number| knowledge.hardenings.named(id).unwrap().gate[0].state(number);
        assert_eq!(state("RBCD-CVE-2020-16996", 0), Some(State::Enforced));
        assert_eq!(state("RBCD-CVE-2020-16996", 1), Some(State::Off));
        assert_eq!(state("PACREQ-CVE-2021-42287", 0), Some(State::Off));
    }

    #[test]
    fn a_phase_begins_with_its_first_build_and_not_before() {
        let Knowledge { hardenings, builds, .. } = Knowledge::load().unwrap();
        let pacsig = hardenings.named("PACSIG-CVE-2022-37967").unwrap();
        let at = |version: &str, rank| pacsig.reached(version, rank, &builds);
        assert_eq!((at("2019", 3649), at("2019", 3650)), (Reached::Before, Reached::Phase(0)));
        assert_eq!((at("2019", 4973), at("2019", 4974)), (Reached::Phase(3), Reached::Phase(4)));
        assert_eq!((at("2025", 1742), at("2012R2", 20_231_010)), (Reached::Phase(4), Reached::Phase(4)));
        assert_eq!(
            hardenings.named("DUPSID-KB5068222").unwrap().reached("2019", 9999, &builds),
            Reached::Never
        );
        // Which update of 2012 R2 brought full enforcement is not known: an older one did not.
        let rc4 = hardenings.named("RC4-CVE-2026-20833").unwrap();
        assert_eq!(rc4.reached("2012R2", 20_260_414, &builds), Reached::Phase(1));
        assert_eq!(rc4.reached("23H2", 1, &builds), Reached::Before);
    }

    #[test]
    fn faults_end_where_they_are_mended() {
        let Knowledge { hardenings, builds, .. } = Knowledge::load().unwrap();
        let (_, fault) = hardenings.faults().find(|(_, fault)| fault.id == "S4U2SELF-2021-11").unwrap();
        let ranks = fault.ranks("2019", &builds).unwrap();
        assert_eq!((ranks.contains(&2299), ranks.contains(&2300)), (false, true));
        assert_eq!((ranks.contains(&2304), ranks.contains(&2305)), (true, false));
        assert_eq!(fault.ranks("2022", &builds), None);
    }
}
