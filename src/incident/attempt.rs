//! Attempts: one live migration each, rebuilt from the records that it left on both ends.
//!
//! Records belong together by virtual machine, time and order; a record that repeats what its host has
//! already said begins a new attempt. Which end a record comes from follows from its event, from the hosts
//! it names and from the other records of the attempt. What stays open stays `None`.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use foldhash::{HashMap, HashMapExt, HashSet};
use jiff::{SignedDuration, Timestamp};

use super::message::{Guid, Reading, Statement, read_once};
use crate::evidence::{Evidence, FactId, HostId, Signalled};
use crate::knowledge::{Class, Knowledge, Meaning, Side, Weight};

/// Records of one failure stand this close together.
const FAILURE_WINDOW: SignedDuration = SignedDuration::from_mins(5);
/// A record that merely may belong to a migration stands this close to it.
const DETAIL_WINDOW: SignedDuration = SignedDuration::from_mins(2);
/// Records that one component writes for one failure stand this close together.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(15);
/// Records this close together can't be told apart by time.
const SAME_MOMENT: SignedDuration = SignedDuration::from_secs(1);
/// Two hosts that can't speak to each other say so within this time of the start.
const CONNECTING: SignedDuration = SignedDuration::from_mins(15);
/// A migration takes no longer than this from its start to its outcome.
const LONGEST: SignedDuration = SignedDuration::from_hours(6);

/// WSAECONNREFUSED as an HRESULT.
pub(super) const REFUSED: u32 = 0x8007_274D;

/// How a migration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It failed.
    Failed,
    /// It succeeded.
    Succeeded,
}

/// One live migration.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Its first record's time, corrected by a proven clock offset.
    pub time: Timestamp,
    /// The virtual machine's name, or its GUID where no record names it.
    pub vm: Option<String>,
    /// The virtual machine's GUID.
    pub vm_id: Option<String>,
    /// Where it ran.
    pub source: Option<HostId>,
    /// Where it should run.
    pub target: Option<HostId>,
    /// Both ends are stated by records, not assumed.
    pub direction_proven: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// The class of its failure.
    pub class: Class,
    /// How much that class is worth.
    pub weight: Weight,
    /// Codes, as eight digits, in the order they were logged.
    pub codes: Vec<u32>,
    /// The end at which it failed.
    pub side: Option<Side>,
    /// The percentage at failure, where a record states it.
    pub progress: Option<u8>,
    /// Who left records of it.
    pub writers: BTreeSet<HostId>,
    /// A cluster's provider logged it.
    pub clustered: bool,
    /// Its records, in time order.
    pub facts: Vec<FactId>,
    /// Those of them that state a class of failure; all where none does.
    pub telling: Vec<FactId>,
    /// Who stated which class: provider, host and statement.
    pub witnesses: Vec<(String, HostId, Statement)>,
}

impl Attempt {
    /// Whether the other end refused the connection.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.class == Class::Network && self.weight == Weight::Specific && self.codes.contains(&REFUSED)
    }

    /// Different pairs of provider and host that state one of `classes` by itself; different hosts alone where the
    /// words echo from one log of a host to another.
    #[must_use]
    pub fn witnesses_of(&self, classes: &[Class], echoes: bool) -> usize {
        let own = self.witnesses.iter().filter(|(_, _, statement)| {
            classes.contains(&statement.class) && statement.weight == Weight::Specific
        });
        let voices = own.map(|(provider, host, _)| (host, if echoes { "" } else { provider.as_str() }));
        voices.collect::<BTreeSet<_>>().len()
    }
}

/// A record that speaks of a migration.
#[derive(Debug, Clone)]
pub(super) struct Sighting<'a> {
    pub(super) fact: FactId,
    pub(super) host: HostId,
    pub(super) time: Timestamp,
    pub(super) provider: &'a str,
    pub(super) id: u32,
    pub(super) meaning: Meaning,
    pub(super) level: Option<u8>,
    /// Its signal says that it can show a failure alone.
    pub(super) founds: bool,
    /// Its number alone names a class of failure, whatever its level.
    pub(super) is_numbered: bool,
    /// It was written by the end that makes the connection.
    pub(super) connects: bool,
    /// What it says; equal records share it.
    pub(super) reading: Rc<Reading<'a>>,
}

impl Sighting<'_> {
    /// Whether the record alone shows that a migration failed.
    fn shows_failure(&self) -> bool {
        let severe = self.level.is_some_and(|level| (1..=2).contains(&level));
        let classed = self.reading.statements.iter().any(|statement| statement.class != Class::Internal);
        match self.meaning {
            Meaning::MoveFailed => true,
            // Many a record of the service carries a code and a host: a replica's, a console's.
            Meaning::MoveDetail => {
                let names_other = !self.reading.others.is_empty() || self.reading.names_a_stranger;
                severe && classed && names_other && (self.founds || self.reading.about_migration)
            }
            Meaning::MoveStarted => severe && !self.reading.codes.is_empty(),
            _ => false,
        }
    }

    /// Whether the record surely speaks of a move: the service logs replicas and consoles in the same form.
    pub(super) fn is_of_a_move(&self) -> bool {
        let service = self.provider.ends_with("-VMMS");
        // A record, not a code, names these; and only what starts a machine asks for a logon right.
        let classed = |statement: &Statement| statement.code.is_none() || statement.class == Class::UserRight;
        let classed_by_id = self.reading.statements.iter().any(classed);
        self.meaning != Meaning::MoveDetail
            || !service
            || self.founds
            || self.reading.about_migration
            || classed_by_id
    }

    /// What it states is a hint then.
    fn weaken(&mut self) {
        let statements = &mut Rc::make_mut(&mut self.reading).statements;
        statements.iter_mut().for_each(|statement| statement.weight = Weight::Ambiguous);
    }

    /// Whether the end that the text names is the writer; `None` where it names none, or a target, which any end may name.
    fn names_its_end(&self) -> Option<bool> {
        match self.reading.failed_at? {
            (_, Some(host)) if host == self.host => Some(true),
            (Side::Source, _) => Some(false),
            (Side::Destination, _) => None,
        }
    }

    /// The end that wrote the record, where the record alone tells.
    pub(super) fn writer_side(&self) -> Option<Side> {
        let cluster = self.provider.ends_with("High-Availability");
        match (self.meaning, self.id) {
            _ if self.names_its_end() == Some(true) => self.reading.failed_at.map(|(side, _)| side),
            // Another host was the source, so whoever wrote this was not.
            _ if self.names_its_end() == Some(false) => None,
            (Meaning::MoveSucceeded | Meaning::MoveStarted, 21306 | 21307) => Some(Side::Destination),
            // The owning node logs 21501 and 21502, whichever end the text then blames.
            (Meaning::MoveFailed, _) if cluster => Some(Side::Source),
            (Meaning::MoveSucceeded | Meaning::MoveStarted, _) if cluster => Some(Side::Source),
            (Meaning::MoveFailed, 21024) => Some(Side::Source),
            (Meaning::MoveFailed, 21026) => Some(Side::Destination),
            // A start that names another host names its target.
            (Meaning::MoveStarted, _) if !self.reading.others.is_empty() => Some(Side::Source),
            _ => None,
        }
    }
}

/// Reads every record about migrations, in time order.
pub(super) fn sightings<'a>(
    signalled: &[Signalled<'a>],
    evidence: &Evidence,
    knowledge: &Knowledge,
) -> Vec<Sighting<'a>> {
    let is_about = |signalled: &&Signalled<'_>| {
        matches!(
            signalled.signal.meaning,
            Meaning::MoveFailed | Meaning::MoveSucceeded | Meaning::MoveStarted | Meaning::MoveDetail
        )
    };
    let about = || signalled.iter().filter(is_about);
    let (mut readings, own) = read_once(about().copied(), &evidence.hosts, knowledge);
    name_by_id(&mut readings);
    let readings: Vec<_> = readings.into_iter().map(Rc::new).collect();
    let sighted = about().zip(own).filter_map(|(signalled, own)| {
        Some(Sighting {
            fact: signalled.fact,
            host: signalled.host,
            time: signalled.event.time,
            provider: &signalled.signal.provider,
            id: signalled.event.id,
            meaning: signalled.signal.meaning,
            level: signalled.event.level,
            founds: signalled.signal.founds,
            is_numbered: signalled.signal.class.is_some(),
            connects: signalled.signal.side == Some(Side::Source),
            reading: Rc::clone(readings.get(own)?),
        })
    });
    let mut sightings = Vec::with_capacity(signalled.len());
    sightings.extend(sighted);
    sightings.iter_mut().filter(|sighting| !sighting.is_of_a_move()).for_each(Sighting::weaken);
    sightings
}

/// Records that give only a name get the GUID that another record gives to that name, where it is unique.
fn name_by_id(readings: &mut [Reading<'_>]) {
    // Most records repeat what others say.
    let said: HashSet<(&String, Guid)> =
        readings.iter().filter_map(|reading| Some((reading.vm_key.as_ref()?, reading.vm_id?))).collect();
    let mut ids: HashMap<String, BTreeSet<Guid>> = HashMap::new();
    for (name, id) in said {
        ids.entry(name.clone()).or_default().insert(id);
    }
    for reading in readings.iter_mut().filter(|reading| reading.vm_id.is_none()) {
        let known = reading.vm_key.as_ref().and_then(|name| ids.get(name));
        reading.vm_id = known.filter(|ids| ids.len() == 1).and_then(|ids| ids.first().copied());
    }
}

/// Joins sightings to attempts. `nodes` are the hosts that can be an end, `complete` whether there can be no other.
pub(super) fn rebuild(sightings: &[Sighting<'_>], nodes: &BTreeSet<HostId>, complete: bool) -> Vec<Attempt> {
    let mut groups = group(sightings);
    let moments = moments(&groups);
    let details: Vec<_> =
        sightings.iter().filter(|sighting| sighting.meaning == Meaning::MoveDetail).collect();
    let mut joined: BTreeMap<usize, Vec<&Sighting<'_>>> = BTreeMap::new();
    // Of several records of one kind, each machine gets one.
    let mut given: BTreeSet<(usize, HostId, u32)> = BTreeSet::new();
    for (index, detail) in details.iter().enumerate() {
        match place(&groups, &moments, &details, index, &given) {
            Place::At(group) => {
                given.insert((group, detail.host, detail.id));
                joined.entry(group).or_default().push(detail);
            }
            Place::Alone if detail.shows_failure() => groups.push(vec![detail]),
            Place::Alone | Place::Ambiguous => {}
        }
    }
    for (index, details) in joined {
        groups.get_mut(index).into_iter().for_each(|group| group.extend(&details));
    }
    let mut attempts: Vec<_> =
        groups.into_iter().filter_map(|group| attempt(group, nodes, complete)).collect();
    attempts.sort_by(|a, b| (a.time, &a.vm, &a.facts).cmp(&(b.time, &b.vm, &b.facts)));
    attempts
}

/// Records that speak of a move outright, by virtual machine and order.
fn group<'a>(sightings: &'a [Sighting<'a>]) -> Vec<Vec<&'a Sighting<'a>>> {
    let mut open: HashMap<Machine, Vec<Vec<&Sighting<'_>>>> = HashMap::new();
    // Of a name that several machines bear, a record without a GUID continues what its host has just begun.
    let mut by_name: HashMap<&str, BTreeSet<Machine>> = HashMap::new();
    for sighting in sightings.iter().filter(|sighting| sighting.meaning != Meaning::MoveDetail) {
        let name = sighting.reading.vm_key.as_deref();
        let mut key = Machine::of(sighting);
        if let (None, Some(name)) = (&sighting.reading.vm_id, name) {
            let continued = |key: &&Machine| {
                let last = open.get(*key).and_then(|groups| groups.last());
                last.is_some_and(|group| {
                    group.iter().any(|own| own.host == sighting.host) && belongs(group, sighting)
                })
            };
            key = by_name.get(name).and_then(|keys| keys.iter().find(continued)).cloned().unwrap_or(key);
        }
        if let Some(name) = name {
            let keys = by_name.entry(name).or_default();
            if !keys.contains(&key) {
                keys.insert(key.clone());
            }
        }
        let groups = open.entry(key).or_default();
        match groups.last_mut().filter(|group| belongs(group, sighting)) {
            Some(group) => group.push(sighting),
            None => groups.push(vec![sighting]),
        }
    }
    let mut groups: Vec<Vec<&Sighting<'_>>> = open.into_values().flatten().collect();
    groups.sort_by_key(|group| group.first().map(|first| (first.time, first.fact)));
    groups
}

/// What tells the records of one virtual machine from those of others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Machine {
    Id(Guid),
    /// Lower-case.
    Name(String),
    /// Whichever it is that a host speaks of.
    Of(HostId),
}

impl Machine {
    fn of(sighting: &Sighting<'_>) -> Self {
        match (sighting.reading.vm_id, &sighting.reading.vm_key) {
            (Some(id), _) => Self::Id(id),
            (None, Some(name)) => Self::Name(name.clone()),
            (None, None) => Self::Of(sighting.host),
        }
    }
}

fn outcome(sighting: &Sighting<'_>) -> Option<Outcome> {
    match sighting.meaning {
        Meaning::MoveSucceeded => Some(Outcome::Succeeded),
        _ if sighting.shows_failure() => Some(Outcome::Failed),
        _ => None,
    }
}

/// Whether `sighting` continues the attempt `group` of the same virtual machine.
fn belongs(group: &[&Sighting<'_>], sighting: &Sighting<'_>) -> bool {
    let Some(last) = group.last() else { return false };
    let decided = group.iter().find_map(|earlier| outcome(earlier));
    let said = group.iter().any(|earlier| {
        (earlier.host, earlier.id, earlier.provider) == (sighting.host, sighting.id, sighting.provider)
    });
    // One move has one source and one target; the service says success once.
    let is_success = |sighting: &Sighting<'_>| {
        sighting.meaning == Meaning::MoveSucceeded && sighting.writer_side().is_none()
    };
    let other_move = group.iter().any(|earlier| {
        let same_side = earlier.writer_side().is_some() && earlier.writer_side() == sighting.writer_side();
        earlier.host != sighting.host && (same_side || is_success(earlier) && is_success(sighting))
    });
    // The source says of each move where it should go.
    let elsewhere = group.iter().any(|earlier| contradicts(earlier, sighting));
    let gap = sighting.time.duration_since(last.time);
    match (decided, outcome(sighting)) {
        _ if said || other_move || elsewhere => false,
        (None, Some(_)) => gap <= LONGEST,
        (None, None) => gap <= FAILURE_WINDOW,
        (Some(before), Some(now)) => before == now && gap <= FAILURE_WINDOW,
        // The other end's start can't come after the outcome.
        (Some(_), None) => false,
    }
}

/// When each group left a record, sorted, so that only near groups are looked at.
fn moments(groups: &[Vec<&Sighting<'_>>]) -> Vec<(Timestamp, usize)> {
    let groups = groups.iter().enumerate();
    let mut moments: Vec<_> =
        groups.flat_map(|(index, group)| group.iter().map(move |sighting| (sighting.time, index))).collect();
    moments.sort_unstable();
    moments
}

/// Where a mere detail belongs.
enum Place {
    /// To this group.
    At(usize),
    /// To none.
    Alone,
    /// To one of several, and nothing tells which.
    Ambiguous,
}

/// The attempt to which the detail at `index` belongs: the same machine, else the same host at the same moment.
fn place(
    groups: &[Vec<&Sighting<'_>>],
    moments: &[(Timestamp, usize)],
    details: &[&Sighting<'_>],
    index: usize,
    given: &BTreeSet<(usize, HostId, u32)>,
) -> Place {
    let Some(detail) = details.get(index) else { return Place::Alone };
    let reading = &detail.reading;
    let severe = detail.level.is_some_and(|level| (1..=2).contains(&level)) || !reading.codes.is_empty();
    if !severe && !detail.is_numbered {
        return Place::Alone;
    }
    let from = detail.time.checked_sub(DETAIL_WINDOW).unwrap_or(detail.time);
    let near = moments.iter().skip(moments.partition_point(|(time, _)| *time < from));
    let near = near.take_while(|(time, _)| time.duration_since(detail.time) <= DETAIL_WINDOW);
    let matching = near.filter(|(_, index)| groups.get(*index).is_some_and(|group| is_of(group, detail)));
    let mut ranked: Vec<_> =
        matching.map(|(time, index)| (time.duration_since(detail.time).abs(), *index)).collect();
    ranked.sort_unstable();
    let nameless = reading.vm_id.is_none() && reading.vm_name.is_none();
    let free =
        ranked.iter().find(|(_, index)| nameless && !given.contains(&(*index, detail.host, detail.id)));
    let Some((distance, best)) = free.or(ranked.first()) else { return Place::Alone };
    let close = |other: &SignedDuration| *other <= *distance + SAME_MOMENT;
    let several = ranked.iter().any(|(other, index)| index != best && close(other));
    if nameless && several && differs_from_neighbours(details, index) {
        Place::Ambiguous
    } else {
        Place::At(*best)
    }
}

/// Whether a detail can be part of `group`.
fn is_of(group: &[&Sighting<'_>], detail: &Sighting<'_>) -> bool {
    let reading = &detail.reading;
    let any = |like: &dyn Fn(&Sighting<'_>) -> bool| group.iter().any(|other| like(other));
    if reading.vm_id.is_some() {
        return any(&|other| other.reading.vm_id == reading.vm_id);
    }
    if reading.vm_name.is_some() {
        return any(&|other| other.reading.vm_name == reading.vm_name);
    }
    // A record that names no machine was written with another of its host, or by the other end of the move. It belongs to
    // no move that went elsewhere, nor to one that had arrived by then.
    let is_near = |other: &Sighting<'_>| other.time.duration_since(detail.time).abs() <= DETAIL_WINDOW;
    if any(&|other| is_near(other) && contradicts(other, detail)) {
        return false;
    }
    let has_arrived = any(&|other| other.meaning == Meaning::MoveSucceeded && other.time <= detail.time);
    let at_once = !has_arrived
        && any(&|other| other.host == detail.host && other.time.duration_since(detail.time).abs() <= AT_ONCE);
    let other_end =
        any(&|other| other.reading.others.contains(&detail.host) && reading.others.contains(&other.host));
    at_once || other_end
}

/// Whether two records of one host name different other hosts.
fn contradicts(one: &Sighting<'_>, other: &Sighting<'_>) -> bool {
    let (these, those) = (&one.reading.others, &other.reading.others);
    one.host == other.host
        && !these.is_empty()
        && !those.is_empty()
        && !these.iter().any(|host| those.contains(host))
}

/// Whether the host wrote another nameless detail at that moment that says something else: then neither can be
/// given to one of several machines.
fn differs_from_neighbours(details: &[&Sighting<'_>], index: usize) -> bool {
    let Some(own) = details.get(index) else { return false };
    let near = |other: &&&Sighting<'_>| other.time.duration_since(own.time).abs() <= AT_ONCE;
    let after = details.iter().skip(index + 1).take_while(near);
    let before = details.iter().take(index).rev().take_while(near);
    let says = |sighting: &Sighting<'_>| {
        let reading = &sighting.reading;
        (reading.others.clone(), reading.names_a_stranger)
    };
    let nameless = |other: &Sighting<'_>| other.reading.vm_id.is_none() && other.reading.vm_name.is_none();
    let speaks = |other: &Sighting<'_>| !other.reading.others.is_empty() || other.reading.names_a_stranger;
    before
        .chain(after)
        .any(|other| other.host == own.host && nameless(other) && speaks(other) && says(other) != says(own))
}

fn attempt(mut group: Vec<&Sighting<'_>>, nodes: &BTreeSet<HostId>, complete: bool) -> Option<Attempt> {
    group.sort_by_key(|sighting| (sighting.time, sighting.fact));
    drop_foreign_start(&mut group);
    let first = group.first()?;
    let outcome = group
        .iter()
        .filter_map(|sighting| outcome(sighting))
        .max_by_key(|outcome| *outcome == Outcome::Failed)?;
    let (source, target, direction_proven) = ends(&group, nodes, complete);
    let (class, weight) =
        if outcome == Outcome::Failed { classify(&group) } else { (Class::Unknown, Weight::Ambiguous) };
    let mut codes: Vec<u32> = Vec::new();
    for code in group.iter().flat_map(|sighting| &sighting.reading.codes) {
        if !codes.contains(code) {
            codes.push(*code);
        }
    }
    let witnesses = group.iter().flat_map(|sighting| {
        let statements = sighting.reading.statements.iter();
        statements.map(|statement| (sighting.provider.to_owned(), sighting.host, *statement))
    });
    let vm_id = group.iter().find_map(|sighting| sighting.reading.vm_id).map(|id| id.to_string());
    Some(Attempt {
        time: first.time,
        vm: group
            .iter()
            .find_map(|sighting| sighting.reading.vm_name.map(str::to_owned))
            .or_else(|| vm_id.clone()),
        vm_id,
        source,
        target,
        direction_proven,
        outcome,
        class,
        weight,
        codes: if outcome == Outcome::Failed { codes } else { Vec::new() },
        side: if outcome == Outcome::Failed { failed_side(&group) } else { None },
        progress: group
            .iter()
            .find_map(|sighting| sighting.reading.progress)
            .filter(|_| outcome == Outcome::Failed),
        clustered: group.iter().any(|sighting| sighting.provider.ends_with("High-Availability")),
        writers: group.iter().map(|sighting| sighting.host).collect(),
        telling: telling(&group),
        facts: group.iter().map(|sighting| sighting.fact).collect(),
        witnesses: witnesses.collect(),
    })
}

/// Source, target, and whether records state both.
fn ends(
    group: &[&Sighting<'_>],
    nodes: &BTreeSet<HostId>,
    complete: bool,
) -> (Option<HostId>, Option<HostId>, bool) {
    let writer = |side: Side| {
        group.iter().find(|sighting| sighting.writer_side() == Some(side)).map(|sighting| sighting.host)
    };
    let (mut source, mut target) = (writer(Side::Source), writer(Side::Destination));
    // A record may say of another host than its writer that it was the source: then nobody has proven it.
    let foreign = group.iter().find(|sighting| sighting.names_its_end() == Some(false));
    if let Some(record) = foreign {
        source = source.or_else(|| record.reading.failed_at?.1);
        let other = record.reading.others.iter().copied().find(|other| Some(*other) != source);
        target = target.or(other.filter(|_| source.is_some()));
    }
    let named_by = |host: Option<HostId>| {
        group
            .iter()
            .filter(|sighting| Some(sighting.host) == host)
            .flat_map(|sighting| &sighting.reading.others)
            .find(|other| Some(**other) != host)
            .copied()
    };
    target = target.or_else(|| named_by(source).filter(|_| source.is_some()));
    source = source.or_else(|| named_by(target).filter(|_| target.is_some()));
    // Who could not connect is the source; any other detail that names a host may stand at either end.
    if source.is_none() && target.is_none() {
        let naming = group.iter().find(|sighting| {
            sighting.shows_failure() && sighting.connects && !sighting.reading.others.is_empty()
        });
        source = naming.map(|sighting| sighting.host);
        target = naming.and_then(|sighting| sighting.reading.others.first().copied());
    }
    let writers: BTreeSet<HostId> = group.iter().map(|sighting| sighting.host).collect();
    let other_writer = |known: HostId| {
        writers.iter().copied().find(|writer| *writer != known).filter(|_| writers.len() == 2)
    };
    match (source, target) {
        (Some(known), None) => target = other_writer(known),
        (None, Some(known)) => source = other_writer(known),
        _ => {}
    }
    let proven = source.is_some() && target.is_some() && foreign.is_none();
    // The only other node is meant where nothing else was named.
    let stranger = group.iter().any(|sighting| sighting.reading.names_a_stranger);
    let only_other = |known: Option<HostId>| {
        let known =
            known.filter(|known| complete && !stranger && nodes.len() == 2 && nodes.contains(known))?;
        nodes.iter().copied().find(|node| *node != known)
    };
    target = target.or_else(|| only_other(source));
    source = source.or_else(|| only_other(target));
    let is_placed = foreign.is_none() && writer(Side::Source).is_some() && target.is_some();
    (source, target, proven || is_placed)
}

/// A start whose outcome is not in the logs is not the start of a later failure: where the failure itself names
/// another target, or fails to connect long after the start.
fn drop_foreign_start(group: &mut Vec<&Sighting<'_>>) {
    let failed =
        group.iter().find(|sighting| sighting.shows_failure() && sighting.meaning != Meaning::MoveStarted);
    let (Some(failed), Some(start)) =
        (failed, group.first().filter(|first| first.meaning == Meaning::MoveStarted))
    else {
        return;
    };
    let named = group
        .iter()
        .filter(|sighting| sighting.meaning != Meaning::MoveStarted && sighting.host == start.host);
    let elsewhere = named
        .flat_map(|sighting| &sighting.reading.others)
        .any(|other| !start.reading.others.is_empty() && !start.reading.others.contains(other));
    let stranger = group
        .iter()
        .any(|sighting| sighting.meaning != Meaning::MoveStarted && sighting.reading.names_a_stranger);
    let late = failed.time.duration_since(start.time) > CONNECTING && is_refusal(classify(group).0);
    if elsewhere || stranger || late {
        group.remove(0);
    }
}

/// Classes of failure that stand at the beginning of a move, when the two hosts first speak to each other.
fn is_refusal(class: Class) -> bool {
    matches!(
        class,
        Class::Delegation
            | Class::ServiceName
            | Class::Clock
            | Class::Account
            | Class::Authentication
            | Class::Credentials
            | Class::Encryption
            | Class::DomainController
            | Class::AccessDenied
    )
}

fn telling(group: &[&Sighting<'_>]) -> Vec<FactId> {
    let stating: Vec<_> = group
        .iter()
        .filter(|sighting| !sighting.reading.statements.is_empty())
        .map(|sighting| sighting.fact)
        .collect();
    if stating.is_empty() { group.iter().map(|sighting| sighting.fact).collect() } else { stating }
}

/// The class of a failure: what weighs most; among equals what most records say; then the last sentence. What is written
/// after the failure was reported is about something else where the report speaks for itself.
fn classify(group: &[&Sighting<'_>]) -> (Class, Weight) {
    let is_report = |sighting: &Sighting<'_>| sighting.meaning == Meaning::MoveFailed;
    let speaks = |sighting: &&&Sighting<'_>| {
        let specific = |statement: &Statement| statement.weight == Weight::Specific;
        is_report(sighting) && sighting.reading.statements.iter().any(specific)
    };
    let reported = group.iter().filter(speaks).map(|sighting| sighting.time).max();
    let is_late = |sighting: &Sighting<'_>| {
        let after = reported.map(|reported| sighting.time.duration_since(reported));
        !is_report(sighting) && after.is_some_and(|after| after > AT_ONCE)
    };
    let statements: Vec<_> = group
        .iter()
        .filter(|sighting| !is_late(sighting))
        .flat_map(|sighting| {
            sighting.reading.statements.iter().map(move |statement| (sighting.fact, statement))
        })
        .collect();
    let Some(weight) = statements.iter().map(|(_, statement)| statement.weight).max() else {
        return (Class::Unknown, Weight::Ambiguous);
    };
    let heaviest: Vec<_> = statements.iter().filter(|(_, statement)| statement.weight == weight).collect();
    let records = |class: Class| {
        let own = heaviest.iter().filter(|(_, statement)| statement.class == class);
        let mut facts: Vec<_> = own.map(|(fact, _)| fact).collect();
        // The statements of one record stand together.
        facts.dedup();
        facts.len()
    };
    let best =
        heaviest.iter().enumerate().max_by_key(|(index, (_, statement))| (records(statement.class), *index));
    best.map_or((Class::Unknown, Weight::Ambiguous), |(_, (_, statement))| (statement.class, weight))
}

/// The end that the records blame: what the text says, else where the failing component stands.
fn failed_side(group: &[&Sighting<'_>]) -> Option<Side> {
    let said: Vec<_> = group.iter().filter_map(|sighting| sighting.reading.side).collect();
    if said.contains(&Side::Destination) {
        Some(Side::Destination)
    } else {
        said.first().copied().or_else(|| group.iter().find_map(|sighting| sighting.writer_side()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighting(
        fact: usize,
        minute: i64,
        host: usize,
        id: u32,
        meaning: Meaning,
        others: &[usize],
    ) -> Sighting<'static> {
        let provider = if id > 21100 {
            "Microsoft-Windows-Hyper-V-High-Availability"
        } else {
            "Microsoft-Windows-Hyper-V-VMMS"
        };
        let reading = Reading {
            vm_id: Some(Guid(1)),
            others: others.iter().map(|&other| HostId(other)).collect(),
            ..Reading::default()
        };
        Sighting {
            fact: FactId(fact),
            host: HostId(host),
            time: Timestamp::from_second(minute * 60).unwrap(),
            provider,
            id,
            meaning,
            level: Some(2),
            founds: false,
            is_numbered: false,
            connects: false,
            reading: Rc::new(reading),
        }
    }

    fn nodes(count: usize) -> BTreeSet<HostId> {
        (0..count).map(HostId).collect()
    }

    #[test]
    fn one_failure_is_one_however_many_records_it_left() {
        let records = [
            sighting(0, 0, 0, 21024, Meaning::MoveFailed, &[]),
            sighting(1, 0, 0, 21502, Meaning::MoveFailed, &[1]),
            sighting(2, 1, 1, 21026, Meaning::MoveFailed, &[]),
            sighting(3, 3, 0, 21502, Meaning::MoveFailed, &[1]),
        ];
        let attempts = rebuild(&records, &nodes(3), true);
        let ends: Vec<_> =
            attempts.iter().map(|attempt| (attempt.source, attempt.target, attempt.facts.len())).collect();
        assert_eq!(ends, [(Some(HostId(0)), Some(HostId(1)), 3), (Some(HostId(0)), Some(HostId(1)), 1)]);
    }

    #[test]
    fn a_missing_target_is_filled_only_where_one_is_left() {
        let records = [sighting(0, 0, 0, 21024, Meaning::MoveFailed, &[])];
        assert_eq!(rebuild(&records, &nodes(3), true)[0].target, None);
        assert_eq!(rebuild(&records, &nodes(2), true)[0].target, Some(HostId(1)));
    }

    #[test]
    fn a_success_after_a_failure_is_another_attempt() {
        let records = [
            sighting(0, 0, 0, 21502, Meaning::MoveFailed, &[1]),
            sighting(1, 2, 0, 20415, Meaning::MoveSucceeded, &[]),
        ];
        let outcomes: Vec<_> = rebuild(&records, &nodes(2), true)
            .iter()
            .map(|attempt| (attempt.outcome, attempt.direction_proven))
            .collect();
        assert_eq!(outcomes, [(Outcome::Failed, true), (Outcome::Succeeded, false)]);
    }
}
