//! When the fault set in, where each change stands to that, and which change set it off.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

mod estimate;
mod exact;
mod hardening;

pub use estimate::Estimate;
pub(super) use estimate::{of_judgement, of_pairs};
pub use exact::Tally;
pub(super) use hardening::judged;

use super::Judgement;
use crate::evidence::HostId;
use crate::incident::{Attempt, Change, Hits, Incident, Kind, Outcome, When, trigger};

/// The bracket in which the fault set in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Onset {
    /// The last success before the first failure.
    pub last_success: Option<Timestamp>,
    /// The first failure that the verdict explains.
    pub first_failure: Option<Timestamp>,
}

/// Where a change stands to the onset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// Between the last success and the first failure.
    InBracket,
    /// Before the last success, or before the first failure where no success is seen.
    Before,
    /// After the first failure.
    After,
}

/// Why a change is thought to matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// A documented mechanism leads from it to the fault.
    Mechanism,
    /// It merely stands there in time.
    Timing,
}

/// A change and its place.
#[derive(Debug, Clone, Copy)]
pub struct Placed<'a> {
    /// The change.
    pub change: &'a Change,
    /// Its place; `None` where no failure gives an onset, or its own time is not known.
    pub relation: Option<Relation>,
    /// Why it may matter.
    pub strength: Strength,
}

/// First failure that the verdict explains, and the last success before it: on its pairs, else of its sources. Local
/// times of an unknown zone bracket nothing.
pub(super) fn onset(verdict: &Judgement<'_>, incident: &Incident) -> Onset {
    let mut ends = verdict.pairs.iter().flat_map(|(source, target)| [source, target]);
    if ends.any(|end| incident.local_times.contains(end)) {
        return Onset::default();
    }
    let first_failure = verdict
        .attempts
        .iter()
        .filter_map(|index| incident.attempts.get(*index))
        .map(|attempt| attempt.time)
        .min();
    let Some(first) = first_failure else { return Onset::default() };
    let before = |keep: &dyn Fn(&Attempt) -> bool| {
        incident
            .attempts
            .iter()
            .filter(|attempt| attempt.outcome == Outcome::Succeeded && attempt.time < first && keep(attempt))
            .map(|attempt| attempt.time)
            .max()
    };
    let pairs: BTreeSet<_> = verdict.pairs.iter().collect();
    let sources: BTreeSet<_> = verdict.pairs.iter().map(|(source, _)| source).collect();
    let on_pairs =
        |attempt: &Attempt| attempt.source.zip(attempt.target).is_some_and(|pair| pairs.contains(&pair));
    let of_sources = |attempt: &Attempt| attempt.source.is_some_and(|source| sources.contains(&source));
    Onset { last_success: before(&on_pairs).or_else(|| before(&of_sources)), first_failure }
}

/// The change with a mechanism that lies in the bracket: of several the last on an end of the first failure.
pub(super) fn trigger_of<'a>(
    changes: &[Placed<'a>],
    verdict: &Judgement<'_>,
    incident: &Incident,
) -> Option<&'a Change> {
    let attempts = verdict.attempts.iter().filter_map(|index| incident.attempts.get(*index));
    let first = attempts.min_by_key(|attempt| attempt.time)?;
    let fits = |placed: &&Placed<'_>| {
        placed.relation == Some(Relation::InBracket) && placed.strength == Strength::Mechanism
    };
    let of =
        |host: Option<HostId>| changes.iter().rev().filter(fits).find(|placed| placed.change.host == host);
    let last = || changes.iter().rev().find(fits);
    of(first.source).or_else(|| of(first.target)).or_else(last).map(|placed| placed.change)
}

pub(super) fn place<'a>(
    change: &'a Change,
    onset: Onset,
    verdict: &Judgement<'_>,
    incident: &Incident,
) -> Placed<'a> {
    let relation = onset
        .first_failure
        .zip(change.effective)
        .map(|(first, when)| relation(when, onset.last_success, first));
    let hit = |hits: Hits, host: HostId| {
        verdict.pairs.iter().any(|(source, target)| match hits {
            Hits::Source => host == *source && change.concerns(*target),
            Hits::Target => host == *target,
            Hits::Either => host == *source || host == *target,
        })
    };
    let triggers = verdict.rule.map_or(&[][..], |rule| rule.triggers.as_slice()).iter();
    let mut fitting = triggers.filter(|name| change.sets_off(name)).filter_map(|name| trigger(name));
    // Where one clock is known to be wrong, setting another one was no fault.
    let is_blamed = |host: HostId| {
        change.kind != Kind::Time
            || incident.blamed_clocks.is_empty()
            || incident.blamed_clocks.contains(&host)
    };
    let counts = |host: HostId| {
        is_blamed(host) && !is_undone(change, onset, incident) && !is_no_news(change, incident)
    };
    let mechanism = fitting.any(|hits| change.host.is_some_and(|host| hit(hits, host) && counts(host)));
    Placed { change, relation, strength: if mechanism { Strength::Mechanism } else { Strength::Timing } }
}

/// Whether all that the change took away was given back before the first failure.
fn is_undone(change: &Change, onset: Onset, incident: &Incident) -> bool {
    let (Some(host), Some(made), Some(first)) = (change.host, change.installed, onset.first_failure) else {
        return false;
    };
    let between = |when: When| when.span().0 > made.span().1 && when.span().1 < first;
    let later = incident.object_changes(host).filter(|other| other.installed.is_some_and(between));
    let given: BTreeSet<_> = later.flat_map(|other| other.gives.iter().copied()).collect();
    !change.takes.is_empty() && change.takes.iter().all(|taken| given.contains(taken))
}

/// Whether an upgrade brought no Credential Guard, which ran before it already.
fn is_no_news(change: &Change, incident: &Incident) -> bool {
    let (Kind::OsUpgrade, Some(host), Some(when)) = (change.kind, change.host, change.installed) else {
        return false;
    };
    let machine = incident.machines.get(&host);
    let before = when.span().0.checked_sub(SignedDuration::from_secs(1)).ok();
    let ran = machine.zip(before).and_then(|(machine, before)| machine.credential_guard_at(before));
    change.sets_off("os-upgrade-to-2025") && ran.is_some_and(|(ran, _)| ran)
}

fn relation(when: When, last_success: Option<Timestamp>, first_failure: Timestamp) -> Relation {
    let (earliest, latest) = when.span();
    match last_success {
        _ if earliest > first_failure => Relation::After,
        Some(success) if latest >= success => Relation::InBracket,
        _ => Relation::Before,
    }
}
