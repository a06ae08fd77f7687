//! Whether a host's account was refused when its moves failed.
//!
//! A refused secure channel is a witness of the time around it. Where the same host's moves arrived between it and the
//! failure, the account worked again, and where it comes hours later, it may have broken since: then the record is no
//! proof, and neither can it be said that there was none.

use jiff::{SignedDuration, Timestamp};

use super::{SAME_DAY, Stated, count};
use crate::evidence::{Evidence, FactId, HostId};
use crate::incident::{Incident, Pair, is_near};

/// The service that asks for the channel retries at its own pace, so the record may follow the failure by this much.
const SOON: SignedDuration = SignedDuration::from_hours(1);

/// Adds what is known of the secure channel of `host`, an end of `pair`; `times` are those of the pair's failures.
pub(super) fn secure_channel(
    stated: &mut Stated,
    host: HostId,
    pair: &Pair,
    times: &[Timestamp],
    (incident, evidence): (&Incident, &Evidence),
) {
    let Some(machine) = incident.machines.get(&host) else { return };
    let records = machine.secure_channel.known();
    let beside = records.into_iter().flatten().filter(|(time, _)| is_near(times, *time, SAME_DAY));
    let beside: Vec<_> = beside.collect();
    let mut telling: Vec<FactId> = Vec::new();
    if !beside.is_empty() {
        let failed = incident.refused_for_identity(pair);
        let arrived = incident.arrivals(host);
        let tells = |time: Timestamp| is_of_one_time(time, &failed, &arrived);
        telling.extend(beside.iter().filter(|(time, _)| tells(*time)).map(|(_, fact)| *fact));
    }
    // An inventory that found it broken says so of every time.
    telling.extend(machine.broken_channel);
    let is_silent = beside.is_empty() && records.is_some() && evidence.covers_all(host, "System", times);
    if !telling.is_empty() || is_silent {
        stated.set("secure_channel_trouble", count(telling.len()), telling);
    }
}

/// Whether a record at `time` and one of the failures show one state of the account: the failure came within a day
/// after it, or at most an hour before it, and nothing arrived in between. Both lists are sorted.
fn is_of_one_time(time: Timestamp, failed: &[Timestamp], arrived: &[Timestamp]) -> bool {
    let worked = |from: Timestamp, until: Timestamp| {
        arrived.get(arrived.partition_point(|at| *at < from)).is_some_and(|at| *at < until)
    };
    let at = failed.partition_point(|failure| *failure < time);
    let next = failed.get(at);
    let last = at.checked_sub(1).and_then(|at| failed.get(at));
    next.is_some_and(|next| next.duration_since(time) <= SAME_DAY && !worked(time, *next))
        || last.is_some_and(|last| time.duration_since(*last) <= SOON && !worked(*last, time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_of_the_time_of_a_failure_that_nothing_parts_from_it() {
        let at = |hours: i64| Timestamp::from_second(hours * 3600).unwrap();
        let tells = |time: i64, arrived: &[i64]| {
            let arrived: Vec<_> = arrived.iter().map(|hour| at(*hour)).collect();
            is_of_one_time(at(time), &[at(100), at(110)], &arrived)
        };
        for (time, arrived) in [(76, &[][..]), (98, &[97, 101]), (100, &[]), (101, &[]), (111, &[100])] {
            assert!(tells(time, arrived), "{time} {arrived:?}");
        }
        for (time, arrived) in [(75, &[][..]), (98, &[99]), (112, &[]), (130, &[]), (111, &[110])] {
            assert!(!tells(time, arrived), "{time} {arrived:?}");
        }
    }
}
