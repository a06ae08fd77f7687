//! Loose ends: records of failures and of moves that are part of no attempt.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::attempt::Sighting;
use super::{Attempt, Scope};
use crate::evidence::HostId;
use crate::knowledge::Meaning;

/// Records that a connection or a transfer failed, or that a move began, which are part of no attempt.
pub(super) fn ends<'a, 's>(
    sightings: &'a [Sighting<'s>],
    attempts: &[Attempt],
    scope: &Scope,
) -> Vec<&'a Sighting<'s>> {
    let of_moves = || attempts.iter().flat_map(|attempt| attempt.facts.iter().map(|fact| fact.0));
    let mut told = vec![false; of_moves().max().map_or(0, |last| last + 1)];
    for fact in of_moves() {
        told.get_mut(fact).into_iter().for_each(|told| *told = true);
    }
    let is_loose = |sighting: &&Sighting<'_>| {
        let severe = sighting.level.is_some_and(|level| (1..=2).contains(&level));
        let warned = sighting.founds && sighting.level == Some(3);
        let broke = warned || severe && (sighting.founds || sighting.is_of_a_move());
        broke || sighting.meaning == Meaning::MoveStarted
    };
    let loose = sightings.iter().filter(is_loose).filter(|sighting| scope.holds(sighting.time));
    loose.filter(|sighting| told.get(sighting.fact.0) != Some(&true)).collect()
}

/// When failures were recorded among `loose` ends, for each host.
pub(super) fn failures(loose: &[&Sighting<'_>]) -> BTreeMap<HostId, Vec<Timestamp>> {
    let mut failures: BTreeMap<HostId, Vec<Timestamp>> = BTreeMap::new();
    for sighting in loose.iter().filter(|sighting| sighting.meaning != Meaning::MoveStarted) {
        failures.entry(sighting.host).or_default().push(sighting.time);
    }
    failures
}
