//! Loose ends: records of failures, of refusals and of moves that are part of no attempt.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::attempt::Sighting;
use super::{AT_ONCE, Attempt, Incident, Scope, is_near, kdc};
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

/// Whether a node was refused what a move to another one needs, and no move between the two was seen at that moment:
/// one that was tried and left no record of its own.
pub(super) fn has_refusal(refusals: &[kdc::Refusal], incident: &Incident) -> bool {
    let mut by_ends: BTreeMap<_, Vec<&kdc::Refusal>> = BTreeMap::new();
    for refusal in refusals {
        by_ends.entry((refusal.client, refusal.service)).or_default().push(refusal);
    }
    incident.pairs.iter().any(|pair| {
        let Some(own) = by_ends.get(&(Some(pair.source), Some(pair.target))) else { return false };
        let attempts = pair.attempts.iter().filter_map(|index| incident.attempts.get(*index));
        let times: Vec<_> = attempts.map(|attempt| attempt.time).collect();
        let is_of_a_move = |refusal: &kdc::Refusal| match refusal.kind {
            kdc::Kind::Delegation => pair.needs_delegation,
            kdc::Kind::UnknownService | kdc::Kind::NotUnique => true,
            _ => false,
        };
        own.iter().any(|refusal| is_of_a_move(refusal) && !is_near(&times, refusal.time, AT_ONCE))
    })
}
