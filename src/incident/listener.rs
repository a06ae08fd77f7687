//! Refused connections, laid to the target where its own record says that it had stopped listening.
//!
//! The source sees the same refusal whatever stands behind it: no listener, or a firewall that rejects. Only the
//! target's word tells, until it or its management service starts again: then the listener is as its settings have it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::attempt::{Attempt, Outcome, REFUSED, Sighting};
use super::machine::Machine;
use super::message::Statement;
use crate::evidence::{HostId, Signalled};
use crate::knowledge::{Class, Meaning, Weight};

/// The first refusal stands within this time of the record; then the listener stays off until a move arrives.
const SOON: SignedDuration = SignedDuration::from_hours(24);
/// The counterpart of the record that the listener was disabled; derived from its words.
const ENABLED: &str = "enabled the listener";

/// Hosts on which something is known of the listener beside its own record.
pub(super) struct Known {
    /// Hosts whose records have local times of an unknown zone: they are set against each other alone, and then the
    /// target's word is no second witness.
    pub(super) local: BTreeSet<HostId>,
    /// Hosts whose settings say that they take migrations: nor is it then.
    pub(super) accepting: BTreeSet<HostId>,
}

impl Known {
    /// What the settings of `machines` say, and whose times are `local`.
    pub(super) fn of(machines: &BTreeMap<HostId, Machine>, local: &BTreeSet<HostId>) -> Self {
        let accepts = |machine: &Machine| machine.accepts_migrations.known() == Some(&true);
        let accepting = machines.iter().filter(|(_, machine)| accepts(machine)).map(|(host, _)| *host);
        Self { local: local.clone(), accepting: accepting.collect() }
    }
}

/// What the source saw and what the target said become one failure of the listener's class, with both as witnesses.
/// Attempts stand in the order of time; `starts` are those of hosts and services, see [`starts`].
pub(super) fn explain_refusals(
    attempts: &mut [Attempt],
    sightings: &[Sighting<'_>],
    starts: &[(Timestamp, HostId)],
    known: &Known,
) {
    let stops = sightings.iter().filter(|sighting| disables(sighting));
    let stops = stops.map(|stop| (stop.time, stop.host, Some(stop)));
    let mut turns: Vec<_> = stops.chain(starts.iter().map(|(time, host)| (*time, *host, None))).collect();
    turns.sort_by_key(|(time, host, stop)| (*time, *host, stop.map(|stop| stop.fact)));
    let mut turns = turns.into_iter().peekable();
    // Whose listener may be off, by which record, and whether a refusal bore that out.
    let mut off: BTreeMap<HostId, (&Sighting<'_>, bool)> = BTreeMap::new();
    for attempt in attempts {
        while let Some((_, host, stop)) = turns.next_if(|(time, ..)| *time <= attempt.time) {
            let borne_out = off.remove(&host).is_some_and(|(_, borne_out)| borne_out);
            off.extend(stop.map(|stop| (host, (stop, borne_out))));
        }
        match (shows_listening(attempt), attempt.target) {
            (Listening::Someone, _) => off.clear(),
            (Listening::Target, Some(target)) => {
                off.remove(&target);
            }
            (Listening::Nobody, Some(target)) if attempt.is_refused() => {
                let Some((stop, borne_out)) = off.get_mut(&target) else { continue };
                let is_local = known.local.contains(&stop.host);
                if attempt.writers.iter().any(|writer| known.local.contains(writer) != is_local) {
                    continue;
                }
                if *borne_out || attempt.time.duration_since(stop.time) <= SOON {
                    *borne_out = true;
                    lay_to(attempt, stop, !is_local && !known.accepting.contains(&stop.host));
                }
            }
            _ => {}
        }
    }
}

/// When hosts and their management services started, and when those said that they listen.
pub(super) fn starts(signalled: &[Signalled<'_>]) -> Vec<(Timestamp, HostId)> {
    let is_start = |signalled: &&Signalled<'_>| {
        let event = signalled.event;
        // The record has no values; an export may give its words as one.
        let values = event.fields.iter().filter(|_| event.fields.len() == 1).map(|field| &field.value);
        let texts = event.message.iter().chain(values);
        let says_so = |text: &String| text.len() >= ENABLED.len() && text.to_lowercase().contains(ENABLED);
        matches!(signalled.signal.meaning, Meaning::Booted | Meaning::ServiceStarted)
            || event.provider.ends_with("-VMMS") && texts.into_iter().any(says_so)
    };
    signalled.iter().filter(is_start).map(|signalled| (signalled.event.time, signalled.host)).collect()
}

/// When hosts were last seen to listen.
#[derive(Debug, Default)]
pub(super) struct LastSeen {
    by_host: BTreeMap<HostId, Timestamp>,
    someone: Option<Timestamp>,
}

impl LastSeen {
    /// Derives it; attempts stand in the order of time.
    pub(super) fn of(attempts: &[Attempt]) -> Self {
        let mut seen = Self::default();
        for attempt in attempts {
            match (shows_listening(attempt), attempt.target) {
                (Listening::Someone, _) => seen.someone = Some(attempt.time),
                (Listening::Target, Some(target)) => {
                    seen.by_host.insert(target, attempt.time);
                }
                _ => {}
            }
        }
        seen
    }

    /// Whether `host` listened after `time`, or may have.
    pub(super) fn after(&self, host: HostId, time: Timestamp) -> bool {
        self.by_host.get(&host).max(self.someone.as_ref()).is_some_and(|seen| *seen > time)
    }
}

/// Hosts whose management service's records come with their words in English: its listener's record has nothing else.
pub(super) fn speaking(signalled: &[Signalled<'_>]) -> BTreeSet<HostId> {
    let in_words = |signalled: &&Signalled<'_>| {
        let words = signalled.event.message.as_deref();
        signalled.event.provider.ends_with("-VMMS")
            && words.is_some_and(|words| words.to_lowercase().contains("virtual machine"))
    };
    signalled.iter().filter(in_words).map(|signalled| signalled.host).collect()
}

/// Whose listener an attempt shows to be on.
enum Listening {
    /// The target's: the machine arrived, or the target took part before it failed.
    Target,
    /// That of a host that is not named.
    Someone,
    /// Nobody's.
    Nobody,
}

fn shows_listening(attempt: &Attempt) -> Listening {
    match (attempt.outcome, attempt.target) {
        (Outcome::Succeeded, Some(_)) => Listening::Target,
        (Outcome::Succeeded, None) => Listening::Someone,
        (Outcome::Failed, Some(target))
            if attempt.writers.contains(&target) && !attempt.codes.contains(&REFUSED) =>
        {
            Listening::Target
        }
        (Outcome::Failed, _) => Listening::Nobody,
    }
}

/// The management service says that it disabled its listener; the report of a failed move says so of that move.
fn disables(sighting: &Sighting<'_>) -> bool {
    let listener = |statement: &Statement| statement.class == Class::Listener;
    sighting.meaning == Meaning::MoveDetail && sighting.reading.statements.iter().any(listener)
}

fn lay_to(attempt: &mut Attempt, stop: &Sighting<'_>, is_witness: bool) {
    attempt.class = Class::Listener;
    attempt.telling.push(stop.fact);
    for (_, _, statement) in &mut attempt.witnesses {
        if statement.code == Some(REFUSED) {
            statement.class = Class::Listener;
        }
    }
    if !is_witness {
        return;
    }
    let said = Statement { class: Class::Listener, weight: Weight::Specific, code: None };
    attempt.witnesses.push((stop.provider.to_owned(), stop.host, said));
}
