//! Refused connections, laid to the target where its own record says that it had stopped listening.
//!
//! The source sees the same refusal whatever stands behind it: no listener, or a firewall that rejects. Only the
//! target's word tells. What is *not* done here: the target's settings, which tell of another day (see the rules).

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::attempt::{Attempt, Outcome, REFUSED, Sighting};
use super::message::Statement;
use crate::evidence::{HostId, Signalled};
use crate::knowledge::{Class, Meaning, Weight};

/// The first refusal stands within this time of the record; then the listener stays off until a move arrives.
const SOON: SignedDuration = SignedDuration::from_hours(24);

/// What the source saw and what the target said become one failure of the listener's class, with both as witnesses.
/// Attempts stand in the order of time. Of hosts in `local` the zone is not known: their records are set against each
/// other alone, and then the target's word is no second witness.
pub(super) fn explain_refusals(attempts: &mut [Attempt], sightings: &[Sighting], local: &BTreeSet<HostId>) {
    let mut stops: Vec<_> = sightings.iter().filter(|sighting| disables(sighting)).collect();
    stops.sort_by_key(|stop| (stop.time, stop.fact));
    let mut stops = stops.into_iter().peekable();
    // Whose listener may be off, by which record, and whether a refusal bore that out.
    let mut off: BTreeMap<HostId, (&Sighting, bool)> = BTreeMap::new();
    for attempt in attempts {
        while let Some(stop) = stops.next_if(|stop| stop.time <= attempt.time) {
            let borne_out = off.get(&stop.host).is_some_and(|(_, borne_out)| *borne_out);
            off.insert(stop.host, (stop, borne_out));
        }
        match (shows_listening(attempt), attempt.target) {
            (Listening::Someone, _) => off.clear(),
            (Listening::Target, Some(target)) => {
                off.remove(&target);
            }
            (Listening::Nobody, Some(target)) if attempt.is_refused() => {
                let Some((stop, borne_out)) = off.get_mut(&target) else { continue };
                let is_local = local.contains(&stop.host);
                if attempt.writers.iter().any(|writer| local.contains(writer) != is_local) {
                    continue;
                }
                if *borne_out || attempt.time.duration_since(stop.time) <= SOON {
                    *borne_out = true;
                    lay_to(attempt, stop, is_local);
                }
            }
            _ => {}
        }
    }
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
fn disables(sighting: &Sighting) -> bool {
    let listener = |statement: &Statement| statement.class == Class::Listener;
    sighting.meaning == Meaning::MoveDetail && sighting.reading.statements.iter().any(listener)
}

fn lay_to(attempt: &mut Attempt, stop: &Sighting, is_local: bool) {
    attempt.class = Class::Listener;
    attempt.telling.push(stop.fact);
    for (_, _, statement) in &mut attempt.witnesses {
        if statement.code == Some(REFUSED) {
            statement.class = Class::Listener;
        }
    }
    if is_local {
        return;
    }
    let said = Statement { class: Class::Listener, weight: Weight::Specific, code: None };
    attempt.witnesses.push((stop.provider.clone(), stop.host, said));
}
