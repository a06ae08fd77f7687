//! Clock offsets that the logs themselves prove: both ends record the same migrations at a constant distance.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::attempt::Sighting;
use super::machine::Machine;
use crate::evidence::HostId;
use crate::knowledge::{Class, Meaning, Side};

/// Offsets below this are taken for the time between two records of one migration.
const LEAST: i64 = 60;
/// Distances that agree within this are one offset.
const SPREAD: i64 = 20;
/// A clock that is off by more is another matter.
const MOST: i64 = 26 * 3600;

/// ERROR_TIMEOUT as an HRESULT.
const TIMED_OUT: u32 = 0x8007_05B4;

/// What the logs prove of clocks.
pub(super) struct Offsets {
    /// Seconds by which a host's clock runs ahead of the other end's.
    pub(super) by: BTreeMap<HostId, i64>,
    /// How many moves show that.
    pub(super) moves: BTreeMap<HostId, usize>,
    /// Hosts of which something says that theirs is the wrong one.
    pub(super) culprits: BTreeSet<HostId>,
}

/// Offsets on which at least two failed moves agree that name no lost connection, each recorded by its source, which names the target, and by
/// that target. Of two hosts the wrong one is that of which the time service or a domain controller (`suspects`)
/// complains, else the one that differs from several others. Where nothing tells, the target is set to the
/// source's time, so that records of one move meet, and nobody is blamed.
pub(super) fn offsets(
    sightings: &[Sighting<'_>],
    machines: &BTreeMap<HostId, Machine>,
    suspects: &BTreeSet<HostId>,
) -> Offsets {
    let failures = |side: Side| {
        let failed = sightings.iter().filter(|sighting| sighting.meaning == Meaning::MoveFailed);
        let failed = failed.filter(|sighting| !may_have_waited(sighting));
        let identified = failed.filter_map(|sighting| Some((sighting.reading.vm_id?, sighting)));
        identified.filter(move |(_, sighting)| sighting.writer_side() == Some(side))
    };
    let mut arrivals: BTreeMap<_, Vec<i64>> = BTreeMap::new();
    for (machine, arrival) in failures(Side::Destination) {
        arrivals.entry((machine, arrival.host)).or_default().push(arrival.time.as_second());
    }
    let mut distances: BTreeMap<(HostId, HostId), Vec<i64>> = BTreeMap::new();
    for (machine, departure) in failures(Side::Source) {
        for target in &departure.reading.others {
            if let Some(times) = arrivals.get(&(machine, *target)) {
                let nearest = nearest(times, departure.time.as_second());
                distances.entry((departure.host, *target)).or_default().extend(nearest);
            }
        }
    }
    let known = |host: &HostId| machines.get(host).and_then(|machine| machine.clock.known());
    let troubled =
        |host: &HostId| suspects.contains(host) || known(host).is_some_and(|dated| !dated.is_empty());
    let constant: Vec<_> =
        distances.into_iter().filter_map(|(ends, distances)| Some((ends, constant(distances)?))).collect();
    let partners = |host: HostId| {
        let of = |(source, target): (HostId, HostId)| {
            if source == host { Some(target) } else { Some(source).filter(|_| target == host) }
        };
        constant.iter().filter_map(|(ends, _)| of(*ends)).collect::<BTreeSet<_>>().len()
    };
    let mut offsets = Offsets { by: BTreeMap::new(), moves: BTreeMap::new(), culprits: BTreeSet::new() };
    for ((source, target), (offset, moves)) in &constant {
        let blame = |of: &dyn Fn(HostId) -> usize| of(*source).cmp(&of(*target));
        let by_trouble = blame(&|host| usize::from(troubled(&host)));
        let source_is_off = match by_trouble.then(blame(&partners)) {
            Ordering::Greater => Some(true),
            Ordering::Less => Some(false),
            Ordering::Equal => None,
        };
        let (off, offset) = if source_is_off == Some(true) { (*source, -offset) } else { (*target, *offset) };
        offsets.by.entry(off).or_insert(offset);
        *offsets.moves.entry(off).or_default() += moves;
        offsets.culprits.extend(source_is_off.map(|_| off));
    }
    offsets
}

/// Whether the end may have waited before it gave up: where a connection was lost or not answered, the ends notice that
/// as far apart as their timeouts are, which is as constant as a clock's offset.
fn may_have_waited(sighting: &Sighting<'_>) -> bool {
    sighting.reading.statements.iter().any(|statement| statement.class == Class::Network)
        || sighting.reading.codes.contains(&TIMED_OUT)
}

/// The distance from `time` to the nearest of `times`, which are sorted.
fn nearest(times: &[i64], time: i64) -> Option<i64> {
    let at = times.partition_point(|other| *other < time);
    let around = times.get(at.saturating_sub(1)..).unwrap_or_default().iter().take(2);
    around.map(|other| other - time).min_by_key(|distance| distance.abs())
}

/// The distance on which all agree and how many there are, where that is two or more and it is an offset at all.
fn constant(mut distances: Vec<i64>) -> Option<(i64, usize)> {
    distances.sort_unstable();
    let (least, most) = (*distances.first()?, *distances.last()?);
    let median = *distances.get(distances.len() / 2)?;
    (distances.len() >= 2 && most - least <= SPREAD && (LEAST..=MOST).contains(&median.abs()))
        .then_some((median, distances.len()))
}

/// Sets every record of a host that is off to the others' clock.
pub(super) fn correct(sightings: &mut [Sighting<'_>], offsets: &BTreeMap<HostId, i64>) {
    for sighting in sightings.iter_mut() {
        sighting.time = corrected(offsets, sighting.host, sighting.time);
    }
    sightings.sort_by_key(|sighting| (sighting.time, sighting.fact));
}

/// What the others' clocks showed when that of `host` showed `time`.
pub(super) fn corrected(offsets: &BTreeMap<HostId, i64>, host: HostId, time: Timestamp) -> Timestamp {
    let ahead = SignedDuration::from_secs(offsets.get(&host).copied().unwrap_or(0));
    time.checked_sub(ahead).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_must_agree() {
        assert_eq!(constant(vec![3600, 3605, 3598]), Some((3600, 3)));
        assert_eq!(constant(vec![3600, 10]), None);
        assert_eq!(constant(vec![3600]), None);
        assert_eq!(constant(vec![3, 4]), None);
    }
}
