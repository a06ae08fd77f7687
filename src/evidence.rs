//! All facts of a bundle, joined to hosts and indexed; read-only from here on.
//!
//! Joining is by DNS name or SID, never by a truncated account name. What can't be joined without doubt is
//! not joined: unknown is better than wrong. What is *not* done here: reading sense into events
//! (see [`crate::incident`]).

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::fact::{
    Bystanders, Event, Fact, HostSettings, InstalledUpdate, Issue, MachineReport, Observation, Origin,
    Position, SourceId,
};
use crate::knowledge::{Meaning, Signal, Signals};
use crate::parse::{Guess, ParsedSource};

mod copies;
mod coverage;
mod directory;
mod holders;
mod host;
mod layout;
mod other_names;
mod users;

pub use coverage::Covered;
pub use directory::{Directory, Revision};
pub use holders::{Holder, Holders};
pub use host::{Host, HostId, Hosts};
pub(crate) use host::{called_host, is_host_name, placed_host};
pub use layout::{Layout, layouts};
pub use users::{User, Users};

/// Index of a fact in [`Evidence::facts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactId(pub usize);

/// What is known of a source file.
#[derive(Debug)]
pub struct SourceRecord {
    /// The path in the bundle.
    pub path: String,
    /// The format.
    pub kind: &'static str,
    /// blake3 of the content.
    pub hash: Option<blake3::Hash>,
    /// Bytes that were read of it.
    pub bytes: u64,
    /// Intact records.
    pub records: u64,
    /// Directory objects that were read and became no facts.
    pub bystanders: u64,
    /// The host that it speaks of, where it speaks of one.
    pub host: Option<HostId>,
    /// Earliest and latest event.
    pub span: Option<(Timestamp, Timestamp)>,
    /// What was noticed.
    pub issues: Vec<Issue>,
    /// What it most likely is, where nothing is read from it.
    pub guess: Option<Guess>,
}

/// An event joined to its host and its meaning.
#[derive(Debug, Clone, Copy)]
pub struct Signalled<'a> {
    /// Its fact.
    pub fact: FactId,
    /// The host that wrote it.
    pub host: HostId,
    /// The event.
    pub event: &'a Event,
    /// What it means.
    pub signal: &'a Signal,
}

/// All facts of a bundle.
#[derive(Debug)]
pub struct Evidence {
    /// Every fact, in the order of sources.
    pub facts: Vec<Fact>,
    /// Every source, in the bundle's order.
    pub sources: Vec<SourceRecord>,
    /// Every host.
    pub hosts: Hosts,
    /// Every directory object.
    pub directory: Directory,
    /// Accounts that hold another host's migration names.
    pub holders: Holders,
    /// Users of the directory.
    pub users: Users,
    /// What logs cover, by host and channel.
    pub coverage: Vec<Covered>,
    /// Host of each fact, where it has one.
    host_of: Vec<Option<HostId>>,
    /// Facts that state the settings of a host.
    settings: BTreeMap<HostId, Vec<FactId>>,
    /// Facts that report of a host.
    reports: BTreeMap<HostId, Vec<FactId>>,
    /// Facts that repeat another: the same record in two exports.
    repeated: BTreeSet<FactId>,
}

impl Evidence {
    /// Whether something of a log was lost, so that it may have held what it does not show.
    #[must_use]
    pub fn is_damaged(&self, covered: &Covered) -> bool {
        let lost = |source: &SourceRecord| source.issues.iter().any(|issue| issue.lost != Some(0));
        covered.sources.iter().filter_map(|id| self.sources.get(id.0)).any(lost)
    }

    /// Joins what the sources state.
    #[must_use]
    pub fn gather(parsed: Vec<ParsedSource>, signals: &Signals) -> Self {
        Self::gather_naming(parsed, signals, &[])
    }

    /// The same, where the machines called `named` count as hosts whatever else speaks of them.
    #[must_use]
    pub fn gather_naming(parsed: Vec<ParsedSource>, signals: &Signals, named: &[String]) -> Self {
        let mut facts = Vec::new();
        let mut sources = Vec::new();
        let mut channels = Vec::new();
        let mut bystanders = Bystanders::default();
        for source in parsed {
            let own = source.parsed.coverage.channels;
            let span = own
                .iter()
                .map(|channel| (channel.first, channel.last))
                .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
            channels.extend(own.into_iter().map(|channel| (SourceId(sources.len()), channel)));
            facts.extend(source.parsed.facts);
            sources.push(SourceRecord {
                path: source.path,
                kind: source.kind,
                hash: source.hash,
                bytes: source.bytes,
                records: source.parsed.coverage.records,
                bystanders: source.parsed.bystanders.objects,
                host: None,
                span,
                issues: source.parsed.issues,
                guess: source.guess,
            });
            bystanders.join(source.parsed.bystanders);
        }
        let computers = channels.iter().map(|(_, channel)| channel.computer.as_str());
        let mut hosts = Hosts::gather(&facts, computers.chain(named.iter().map(String::as_str)), signals);
        let places: Vec<Option<HostId>> = sources.iter().map(|source| hosts.placed(&source.path)).collect();
        let place = |source: SourceId| places.get(source.0).copied().flatten();
        name_computers(&mut facts, &mut channels, &hosts, &place);
        channels.iter().for_each(|(_, channel)| hosts.wrote(&channel.computer));
        named.iter().for_each(|name| hosts.takes_part(name));
        let directory = Directory::gather(&facts, &hosts, bystanders);
        let host_of: Vec<Option<HostId>> = facts.iter().map(|fact| host_of(fact, &hosts, &place)).collect();
        let (mut settings, mut reports) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
        for (index, (fact, host)) in facts.iter().zip(&host_of).enumerate() {
            let of_host = match &fact.observation {
                Observation::HostSettings(_) => &mut settings,
                Observation::Machine(_) => &mut reports,
                _ => continue,
            };
            if let Some(host) = host {
                of_host.entry(*host).or_default().push(FactId(index));
            }
        }
        let mut evidence = Self {
            settings,
            reports,
            holders: Holders::gather(&facts, &hosts, &directory),
            users: Users::gather(&facts),
            facts,
            sources,
            hosts,
            directory,
            coverage: Vec::new(),
            host_of,
            repeated: BTreeSet::new(),
        };
        let mut computers = vec![BTreeSet::new(); evidence.sources.len()];
        for (source, channel) in &channels {
            computers.get_mut(source.0).into_iter().for_each(|own| _ = own.insert(channel.computer.clone()));
        }
        evidence.coverage = evidence.merge(channels);
        evidence.repeated = evidence.find_repeated();
        evidence.name_sources(&computers);
        evidence.note_contradictions();
        evidence.note_unnamed();
        evidence
    }

    /// The fact.
    #[must_use]
    pub fn fact(&self, id: FactId) -> Option<&Fact> {
        self.facts.get(id.0)
    }

    /// The event of a fact.
    #[must_use]
    pub fn event(&self, id: FactId) -> Option<&Event> {
        match &self.fact(id)?.observation {
            Observation::Event(event) => Some(event),
            _ => None,
        }
    }

    /// The host of a fact.
    #[must_use]
    pub fn host_of(&self, id: FactId) -> Option<HostId> {
        self.host_of.get(id.0).copied().flatten()
    }

    /// Every event, each once however many exports hold it, in the order of sources.
    pub fn events(&self) -> impl Iterator<Item = (FactId, &Event)> {
        self.facts
            .iter()
            .enumerate()
            .filter_map(|(index, fact)| match &fact.observation {
                Observation::Event(event) => Some((FactId(index), event)),
                _ => None,
            })
            .filter(|(fact, _)| !self.repeated.contains(fact))
    }

    /// Whether a log is there whose channel's name, in lower case, begins with `channel`.
    #[must_use]
    pub fn has_log(&self, channel: &str) -> bool {
        self.coverage.iter().any(|covered| covered.channel.to_ascii_lowercase().starts_with(channel))
    }

    /// Every event that means something and whose host is known, each once, in time order.
    #[must_use]
    pub fn signalled<'a>(&'a self, signals: &'a Signals) -> Vec<Signalled<'a>> {
        let joined = self.events().filter_map(|(fact, event)| {
            let (host, signal) = (self.host_of(fact)?, signals.of(event)?);
            // When the clock of what happened beside the moves is not known, it explains none of them.
            let placed =
                !event.local || signal.meaning == Meaning::MoveSucceeded || is_about_a_move(signal.meaning);
            placed.then_some((event.time, Signalled { fact, host, event, signal }))
        });
        let mut joined: Vec<_> = joined.collect();
        let place = |Signalled { event, fact, .. }: &Signalled<'a>| {
            (&event.computer, &event.channel, event.record, *fact)
        };
        joined.sort_by(|(a, one), (b, other)| a.cmp(b).then_with(|| place(one).cmp(&place(other))));
        joined.into_iter().map(|(_, signalled)| signalled).collect()
    }

    /// The updates that exports list.
    pub fn updates(&self) -> impl Iterator<Item = (FactId, &InstalledUpdate)> {
        self.facts.iter().enumerate().filter_map(|(index, fact)| match &fact.observation {
            Observation::Update(update) => Some((FactId(index), update)),
            _ => None,
        })
    }

    /// The settings of `host`, from every export that states them.
    pub fn settings(&self, host: HostId) -> impl Iterator<Item = (FactId, &HostSettings)> {
        let stated = self.settings.get(&host).map_or(&[][..], Vec::as_slice);
        stated.iter().filter_map(|id| match &self.fact(*id)?.observation {
            Observation::HostSettings(settings) => Some((*id, settings)),
            _ => None,
        })
    }

    /// What inventories say of `host`.
    pub fn reports(&self, host: HostId) -> impl Iterator<Item = (FactId, &MachineReport)> {
        let stated = self.reports.get(&host).map_or(&[][..], Vec::as_slice);
        stated.iter().filter_map(|id| match &self.fact(*id)?.observation {
            Observation::Machine(report) => Some((*id, &**report)),
            _ => None,
        })
    }

    /// The paths of logs of `host` that hold no record: they were sent, and say that there was nothing to say.
    pub fn empty_logs(&self, host: HostId) -> impl Iterator<Item = &str> {
        let is_empty = move |source: &&SourceRecord| {
            source.records == 0 && source.kind == "evtx" && self.hosts.placed(&source.path) == Some(host)
        };
        self.sources.iter().filter(is_empty).map(|source| source.path.as_str())
    }

    /// What logs cover of `host`'s channels whose name `matches`.
    pub fn covered(&self, host: HostId, matches: impl Fn(&str) -> bool) -> impl Iterator<Item = &Covered> {
        self.coverage.iter().filter(move |covered| covered.host == host && matches(&covered.channel))
    }

    /// Whether a log of a domain controller's or node's `channel` holds all of `times`, which are sorted, so that "none" can
    /// be said of them: it reaches over the first and the last, and lacks nothing around those between.
    #[must_use]
    pub fn covers_all(&self, host: HostId, channel: &str, times: &[Timestamp]) -> bool {
        let mut own = self.covered(host, |name| name.eq_ignore_ascii_case(channel));
        times.is_empty() || own.any(|covered| covered.holds_all(times))
    }

    /// Coverage joined by host and channel: two files of one log are one row.
    fn merge(&self, channels: Vec<(SourceId, crate::fact::ChannelCoverage)>) -> Vec<Covered> {
        let mut rows: BTreeMap<(HostId, String), Vec<_>> = BTreeMap::new();
        for (source, channel) in channels {
            let Some(host) = self.hosts.find(&channel.computer) else { continue };
            rows.entry((host, channel.channel.clone())).or_default().push((source, channel));
        }
        rows.into_iter().filter_map(|((host, _), parts)| Covered::join(host, parts)).collect()
    }

    /// The same record reaches us by .evtx, XML and tables; the first source keeps it. Where a table has no record
    /// numbers, the moment tells; where it has no zone either, it repeats whatever the same family of services of the
    /// same host says with one, as far as that goes: a log may begin later than a table made of it, or end before. The
    /// family, since records of one failure at two times would make two of it. A forwarded record has another number, so
    /// what is alike to the last digit of its time is one as well.
    fn find_repeated(&self) -> BTreeSet<FactId> {
        let events = || {
            self.facts.iter().enumerate().filter_map(|(index, fact)| match &fact.observation {
                Observation::Event(event) => {
                    Some((FactId(index), fact.origin, event, self.host_of(FactId(index))))
                }
                _ => None,
            })
        };
        let is_numbered = |origin: Origin| matches!(origin.at, Position::Record(_));
        let (mut zoned, mut moments) = (BTreeMap::new(), BTreeSet::new());
        for (_, origin, event, host) in events().filter(|(_, _, event, _)| !event.local) {
            let (first, last) = zoned.entry((host, family(event))).or_insert((event.time, event.time));
            (*first, *last) = ((*first).min(event.time), (*last).max(event.time));
            if is_numbered(origin) {
                moments.insert((host, &event.provider, event.id, event.time.as_second()));
            }
        }
        let numbered = events().filter(|(_, origin, event, _)| is_numbered(*origin) && !event.local);
        let mut copies = copies::Copies::among(numbered.map(|(_, _, event, host)| (event, host)));
        let (mut records, mut repeated) = (BTreeSet::new(), BTreeSet::new());
        for (fact, origin, event, host) in events() {
            let second = event.time.as_second();
            let is_new = match (event.local, is_numbered(origin)) {
                (true, _)
                    if zoned
                        .get(&(host, family(event)))
                        .is_some_and(|span| may_lie_in(event.time, *span)) =>
                {
                    false
                }
                (_, true) => {
                    let is_copy = copies.has(origin.source, event, host);
                    records.insert((host, &event.channel, event.record, event.id, second)) && !is_copy
                }
                (_, false) => {
                    let moment = (host, &event.provider, event.id, second);
                    // A service may say the same twice in a second, and then in one source.
                    !moments.contains(&moment)
                }
            };
            if !is_new {
                repeated.insert(fact);
            }
        }
        repeated
    }

    /// Two objects for one host, or one object stated twice and differently, prove nothing: say so at their files.
    fn note_contradictions(&mut self) {
        for (index, fact) in self.facts.iter().enumerate() {
            let Some(host) = self.host_of(FactId(index)) else { continue };
            let Observation::Directory(object) = &fact.observation else { continue };
            let name = object.dn.as_deref().unwrap_or_else(|| self.hosts.name(host));
            let detail = if self.directory.ambiguous.contains(&host) {
                format!(
                    "{name} and another object both claim the host {}; neither was used, export the right one alone",
                    self.hosts.name(host)
                )
            } else if self.directory.is_contradictory(host) {
                format!(
                    "{name} is stated differently by two exports and nothing tells which is newer; what differs counts as unknown"
                )
            } else {
                continue;
            };
            if let Some(source) = self.sources.get_mut(fact.origin.source.0) {
                source.issues.push(Issue::note("directory-contradiction", detail));
            }
        }
    }

    /// Statements about a machine that nothing names belong to nobody.
    fn note_unnamed(&mut self) {
        let mut unnamed: BTreeMap<SourceId, u64> = BTreeMap::new();
        for (fact, host) in self.facts.iter().zip(&self.host_of) {
            let is_of_a_machine = !matches!(
                fact.observation,
                Observation::Directory(_)
                    | Observation::DuplicateSpn(_)
                    | Observation::VirtualMachine(_)
                    | Observation::Network(_)
            );
            let names_none = fact.observation.host().is_none();
            if host.is_none() && is_of_a_machine && names_none {
                *unnamed.entry(fact.origin.source).or_default() += 1;
            }
        }
        for (source, count) in unnamed {
            let detail = "neither this file nor its place names the machine that it is about, so it can't be used; put it in a \
                          folder that bears the machine's name";
            if let Some(source) = self.sources.get_mut(source.0) {
                source.issues.push(Issue::loss("host-unnamed", detail, Some(count)));
            }
        }
    }

    /// A source speaks of a host when all that it holds does; directory exports speak of many.
    fn name_sources(&mut self, computers: &[BTreeSet<String>]) {
        let mut stated: BTreeMap<SourceId, BTreeSet<HostId>> = BTreeMap::new();
        for (fact, host) in self.facts.iter().zip(&self.host_of) {
            if !matches!(fact.observation, Observation::Event(_) | Observation::Directory(_)) {
                stated.entry(fact.origin.source).or_default().extend(*host);
            }
        }
        for (index, (source, computers)) in self.sources.iter_mut().zip(computers).enumerate() {
            let mut hosts: BTreeSet<_> =
                computers.iter().filter_map(|computer| self.hosts.find(computer)).collect();
            hosts.extend(stated.remove(&SourceId(index)).unwrap_or_default());
            source.host = if hosts.len() == 1 { hosts.pop_first() } else { None };
        }
    }
}

/// Whether a `time` of an unknown zone may lie in `span`: clocks show from 12 hours less to 14 hours more than UTC.
fn may_lie_in(time: Timestamp, (first, last): (Timestamp, Timestamp)) -> bool {
    let (behind, ahead) = (SignedDuration::from_hours(12), SignedDuration::from_hours(14));
    time.duration_since(last) <= ahead && first.duration_since(time) <= behind
}

/// The host of a fact: the one that it names, else the one of its file's place.
fn host_of(fact: &Fact, hosts: &Hosts, place: &dyn Fn(SourceId) -> Option<HostId>) -> Option<HostId> {
    match &fact.observation {
        Observation::Directory(object) => hosts.of_object(object),
        Observation::DuplicateSpn(_) => None,
        other => match other.host() {
            Some(name) => hosts.find(&name),
            None => place(fact.origin.source),
        },
    }
}

/// The services that write down the same: all of Hyper-V's are one.
fn family(event: &Event) -> &str {
    const HYPER_V: &str = "Microsoft-Windows-Hyper-V-";
    if event.provider.starts_with(HYPER_V) { HYPER_V } else { &event.provider }
}

/// Gives events of exports that name no computer the one of their file's place.
fn name_computers(
    facts: &mut [Fact],
    channels: &mut [(SourceId, crate::fact::ChannelCoverage)],
    hosts: &Hosts,
    place: &dyn Fn(SourceId) -> Option<HostId>,
) {
    let name = |source: SourceId| {
        let host = hosts.get(place(source)?)?;
        Some(host.fqdn.clone().unwrap_or_else(|| host.name.clone()))
    };
    for fact in facts {
        if let Observation::Event(event) = &mut fact.observation
            && event.computer.is_empty()
            && let Some(name) = name(fact.origin.source)
        {
            event.computer = name;
        }
    }
    for (source, channel) in channels.iter_mut().filter(|(_, channel)| channel.computer.is_empty()) {
        channel.computer = name(*source).unwrap_or_default();
    }
}

/// Whether events of this meaning can name the other end of a move.
fn is_about_a_move(meaning: Meaning) -> bool {
    matches!(meaning, Meaning::MoveFailed | Meaning::MoveStarted | Meaning::MoveDetail)
}

/// Whether a meaning makes its writer a node: Hyper-V or cluster events.
fn is_node(meaning: Meaning) -> bool {
    matches!(
        meaning,
        Meaning::MoveFailed
            | Meaning::MoveSucceeded
            | Meaning::MoveStarted
            | Meaning::MoveDetail
            | Meaning::SpnRegistrationFailed
            | Meaning::NetworkTrouble
            | Meaning::NodeLost
            | Meaning::ClusterMoveBroken
            | Meaning::ServiceStarted
            | Meaning::StorageTrouble
            | Meaning::ClusterActivity
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_a_zone_lies_in_a_span_that_some_zone_brings_it_to() {
        let at = |hours: i64| Timestamp::from_second(hours * 3600).unwrap();
        let span = (at(100), at(110));
        for hours in [88, 100, 110, 124] {
            assert!(may_lie_in(at(hours), span), "{hours}");
        }
        for hours in [87, 125] {
            assert!(!may_lie_in(at(hours), span), "{hours}");
        }
    }
}
