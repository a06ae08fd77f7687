//! Which build each machine ran at which time, as far as the bundle tells.
//!
//! A boot says it (Kernel-General 12), else an inventory, else a list of updates. Between what is known stand bounds:
//! an update that was installed later says that the machine was older before. What is *not* done here: judging what
//! a build means, see [`super::hardening`].

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Machine;
use super::change::{Boot, When};
use crate::evidence::{Covered, Evidence, FactId, HostId};
use crate::fact::InstallDay;
use crate::knowledge::{Builds, Knowledge};

/// What decided on a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The build that was started, or that an inventory states.
    Build,
    /// A list of updates.
    UpdateList,
    /// The registry.
    Registry,
    /// Only the day: a hint that decides nothing.
    Date,
}

/// What is known of a machine's build at some time. Ranks are those of [`Builds`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// The version, `2019`.
    pub version: String,
    /// At least this rank.
    pub least: Option<u64>,
    /// At most this rank.
    pub most: Option<u64>,
    /// What decided.
    pub by: By,
    /// What states it.
    pub facts: Vec<FactId>,
}

/// An update of a machine that says something of its build.
#[derive(Debug, Clone)]
struct Installed {
    rank: u64,
    when: When,
    is_cumulative: bool,
    is_hotpatch: bool,
    fact: FactId,
}

/// Updates come every month, so a log that ended a quarter ago does not say what runs.
const BEYOND: SignedDuration = SignedDuration::from_hours(92 * 24);

/// All that tells a machine's builds.
#[derive(Debug, Clone)]
pub(super) struct History {
    version: String,
    /// Times, ranks and facts, in time order.
    boots: Vec<(Timestamp, u64, FactId)>,
    /// Rank, start and fact of the newest inventory.
    inventory: Option<(u64, FactId)>,
    booted: Option<Timestamp>,
    /// The end of its System log, where moves may be set against it.
    seen: Option<Timestamp>,
    /// In the order of ranks.
    updates: Vec<Installed>,
}

/// The history of every machine whose version is known.
pub(super) fn histories(
    boots: &BTreeMap<HostId, Vec<Boot>>,
    machines: &BTreeMap<HostId, Machine>,
    evidence: &Evidence,
    knowledge: &Knowledge,
) -> BTreeMap<HostId, History> {
    let mut updates: BTreeMap<HostId, Vec<(FactId, &str, When)>> = BTreeMap::new();
    for (fact, update) in evidence.updates() {
        let when = match update.installed {
            InstallDay::On(day) => When::On(day),
            InstallDay::At(time) => When::At(time),
            InstallDay::Either(..) | InstallDay::Unstated => continue,
        };
        if let Some(host) = evidence.host_of(fact) {
            updates.entry(host).or_default().push((fact, &update.kb, when));
        }
    }
    let of = |(host, machine): (&HostId, &Machine)| {
        let own = boots.get(host).map_or(&[][..], Vec::as_slice);
        let listed = updates.get(host).map_or(&[][..], Vec::as_slice);
        Some((*host, History::of(*host, machine, own, listed, evidence, &knowledge.builds)?))
    };
    machines.iter().filter_map(of).collect()
}

impl History {
    fn of(
        host: HostId,
        machine: &Machine,
        boots: &[Boot],
        listed: &[(FactId, &str, When)],
        evidence: &Evidence,
        builds: &Builds,
    ) -> Option<Self> {
        let version = machine.version.clone().filter(|version| builds.knows(version))?;
        let number = Builds::number(&version)?;
        // Of an upgraded machine only the time on its last version is told here.
        let own = boots.iter().filter(|boot| boot.1 == number);
        let boots = own.filter_map(|boot| Some((boot.0, builds.rank_of(&version, boot.2)?, boot.3)));
        let stated = evidence.reports(host).filter_map(|(fact, report)| {
            let build = report.build.filter(|build| build.number == number)?;
            Some((builds.rank_of(&version, build.revision?)?, fact))
        });
        let installed = |(fact, kb, when): &(FactId, &str, When)| {
            let release = builds.release(kb, &version)?;
            Some(Installed {
                rank: builds.rank(release)?,
                when: *when,
                is_cumulative: release.is_cumulative(),
                is_hotpatch: release.is_hotpatch(),
                fact: *fact,
            })
        };
        let mut updates: Vec<_> = listed.iter().filter_map(installed).collect();
        updates.sort_by_key(|update| (update.rank, update.fact));
        let boots = boots.collect();
        let system = evidence.covered(host, |channel| channel.eq_ignore_ascii_case("System"));
        // Without a node's log there is no failure, and the last that is known is asked for.
        let is_of_a_node = |own: &&Covered| evidence.hosts.get(own.host).is_some_and(|host| host.is_node);
        let has_moves = evidence.coverage.iter().any(|own| is_of_a_node(&own));
        let seen = system.map(|covered| covered.last).max().filter(|_| has_moves);
        Some(Self { boots, inventory: stated.max(), booted: machine.booted, seen, updates, version })
    }

    /// The times at which what is known of the build can change, sorted.
    pub(super) fn times(&self) -> Vec<Timestamp> {
        let spans = self.updates.iter().map(|update| update.when.span());
        let mut times: Vec<_> = self.boots.iter().map(|boot| boot.0).collect();
        times.extend(spans.flat_map(|(from, to)| [from, to]));
        times.extend(self.booted);
        times.extend(self.seen.and_then(|seen| seen.checked_add(BEYOND + SignedDuration::from_secs(1)).ok()));
        times.sort_unstable();
        times.dedup();
        times
    }

    /// What is known of the build at `time`; `None` where nothing is.
    pub(super) fn at(&self, time: Timestamp) -> Option<Running> {
        let running =
            |least, most, by, facts| Some(Running { version: self.version.clone(), least, most, by, facts });
        if let Some((started, rank, fact)) = self.boots.iter().rfind(|boot| boot.0 <= time) {
            let patched = self.hotpatch(*started, time).filter(|own| own.rank > *rank);
            let rank = patched.map_or(*rank, |own| own.rank);
            let facts = std::iter::once(*fact).chain(patched.map(|own| own.fact)).collect();
            // Of the time after its logs end only this is sure, that it ran nothing older.
            let is_told = self.seen.is_none_or(|seen| time.duration_since(seen) <= BEYOND);
            return running(Some(rank), Some(rank).filter(|_| is_told), By::Build, facts);
        }
        let later = self.boots.first().map(|(_, rank, fact)| (*rank, *fact));
        if let Some((rank, fact)) = self.inventory {
            let same_start = self.booted.is_some_and(|booted| booted <= time);
            // Without a start it is what ran, unless an update came in between.
            let untouched = self.booted.is_none() && !self.updates.iter().any(|own| own.when.span().1 > time);
            if same_start || untouched {
                return running(Some(rank), Some(rank), By::Build, vec![fact]);
            }
        }
        let most = [later, self.inventory].into_iter().flatten().min();
        self.by_list(time, most)
    }

    /// A hotpatch that took effect between a start and `time`.
    fn hotpatch(&self, started: Timestamp, time: Timestamp) -> Option<&Installed> {
        let fits =
            |own: &&Installed| own.is_hotpatch && own.when.span().0 >= started && own.when.span().1 <= time;
        self.updates.iter().rfind(fits)
    }

    /// What the list of updates tells of `time`, where nothing else does better than `most`.
    fn by_list(&self, time: Timestamp, most: Option<(u64, FactId)>) -> Option<Running> {
        // What came after the last start waits for the next one.
        let waits = |own: &Installed| {
            !own.is_hotpatch && self.booted.is_some_and(|booted| own.when.span().0 > booted)
        };
        let in_force = |own: &&Installed| own.when.span().1 <= time && !waits(own);
        let least = self.updates.iter().filter(|own| own.is_cumulative).rfind(in_force);
        // The first update that was not there yet bounds from above; where there is none, the newest does.
        let pending = |own: &&Installed| own.when.span().0 > time || waits(own);
        let next = self.updates.iter().find(pending).map(|own| (own.rank.saturating_sub(1), own.fact));
        let newest = self.updates.last().map(|own| (own.rank, own.fact));
        let most = most.into_iter().chain(next.or(newest)).min();
        if least.is_none() && most.is_none() {
            return None;
        }
        Some(Running {
            version: self.version.clone(),
            least: least.map(|own| own.rank),
            most: most.map(|(rank, _)| rank.max(least.map_or(0, |own| own.rank))),
            by: By::UpdateList,
            facts: least.map(|own| own.fact).into_iter().chain(most.map(|(_, fact)| fact)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(hours * 3600).unwrap()
    }

    fn installed(rank: u64, hours: i64) -> Installed {
        Installed {
            rank,
            when: When::At(at(hours)),
            is_cumulative: true,
            is_hotpatch: false,
            fact: FactId(0),
        }
    }

    fn history() -> History {
        History {
            version: "2019".into(),
            boots: Vec::new(),
            inventory: None,
            booted: None,
            seen: None,
            updates: Vec::new(),
        }
    }

    fn bounds(history: &History, hours: i64) -> Option<(Option<u64>, Option<u64>)> {
        history.at(at(hours)).map(|running| (running.least, running.most))
    }

    #[test]
    fn a_boot_says_what_runs_from_then_on() {
        let boots = vec![(at(10), 5, FactId(0)), (at(20), 9, FactId(1))];
        let history = History { boots, ..history() };
        assert_eq!(bounds(&history, 15), Some((Some(5), Some(5))));
        assert_eq!(bounds(&history, 20), Some((Some(9), Some(9))));
        assert_eq!(bounds(&history, 9), Some((None, Some(5))));
    }

    /// An update that waits for a restart is not in force, however long ago it was installed.
    #[test]
    fn an_update_counts_from_the_boot() {
        let updates = vec![installed(5, 10), installed(9, 30)];
        let history = History { booted: Some(at(20)), updates, ..history() };
        assert_eq!(bounds(&history, 50), Some((Some(5), Some(8))));
        let boots = vec![(at(20), 5, FactId(0))];
        assert_eq!(bounds(&History { boots, ..history.clone() }, 50), Some((Some(5), Some(5))));
        assert_eq!(bounds(&History { booted: Some(at(40)), ..history }, 50), Some((Some(9), Some(9))));
    }

    #[test]
    fn a_list_bounds_what_ran_before_its_newest_update() {
        let history = History { updates: vec![installed(9, 30)], ..history() };
        assert_eq!(
            (bounds(&history, 20), bounds(&history, 40)),
            (Some((None, Some(8))), Some((Some(9), Some(9))))
        );
    }

    #[test]
    fn a_hotpatch_needs_no_restart() {
        let patch = Installed { is_hotpatch: true, ..installed(9, 30) };
        let history = History { boots: vec![(at(10), 5, FactId(0))], updates: vec![patch], ..history() };
        assert_eq!(
            (bounds(&history, 20), bounds(&history, 30)),
            (Some((Some(5), Some(5))), Some((Some(9), Some(9))))
        );
    }

    #[test]
    fn an_inventory_without_its_start_counts_where_nothing_was_installed_since() {
        let history = History { inventory: Some((7, FactId(0))), ..history() };
        assert_eq!(bounds(&history, 20), Some((Some(7), Some(7))));
        let later = History { updates: vec![installed(7, 30)], ..history };
        assert_eq!(bounds(&later, 20), Some((None, Some(6))));
    }
}
