//! Records beside the moves, found by what they mean, who wrote them and when.
//!
//! What is *not* done here: saying what such a record proves.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Attempt;
use crate::evidence::{FactId, HostId, Signalled};
use crate::knowledge::{Meaning, Standing};

/// A record beside the moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Witness {
    /// When.
    pub time: Timestamp,
    /// The record.
    pub fact: FactId,
    /// What it means is known from memory only, so it never decides.
    pub is_hint: bool,
}

/// A record further from a move than this has nothing to do with it.
const APART: SignedDuration = SignedDuration::from_mins(10);

/// Every such record.
#[derive(Debug, Default)]
pub struct Witnesses {
    all: BTreeMap<(Meaning, HostId), Vec<Witness>>,
    doubled_elsewhere: BTreeMap<HostId, usize>,
}

impl Witnesses {
    /// Sorts records, which stand in the order of time, by meaning and writer.
    pub(super) fn of(signalled: &[Signalled<'_>], attempts: &[Attempt]) -> Self {
        let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for signalled in signalled.iter().filter(|signalled| explains(signalled.signal.meaning)) {
            let witness = Witness {
                time: signalled.event.time,
                fact: signalled.fact,
                is_hint: signalled.signal.standing == Standing::Memory,
            };
            all.entry((signalled.signal.meaning, signalled.host)).or_default().push(witness);
        }
        let mut witnesses = Self { all, doubled_elsewhere: BTreeMap::new() };
        witnesses.doubled_elsewhere = witnesses.find_doubled_elsewhere(attempts);
        witnesses
    }

    fn find_doubled_elsewhere(&self, attempts: &[Attempt]) -> BTreeMap<HostId, usize> {
        let doubled = self.all.iter().filter(|((meaning, _), _)| *meaning == Meaning::DuplicateIdentity);
        let count = |((meaning, host), records): (&(Meaning, HostId), &Vec<Witness>)| {
            let arrivals = attempts.iter().filter(|attempt| attempt.target == Some(*host));
            let arrivals: Vec<_> = arrivals.map(|attempt| attempt.time).collect();
            (*host, records.len() - self.near(*meaning, *host, &arrivals, APART).len())
        };
        doubled.map(count).collect()
    }

    /// How often `host` refused a machine of its own identity with no move to it in the ten minutes around.
    #[must_use]
    pub fn doubled_elsewhere(&self, host: HostId) -> usize {
        self.doubled_elsewhere.get(&host).copied().unwrap_or(0)
    }

    /// What `host` wrote of `meaning` within `distance` of one of `times`, each record once, in the order of time.
    #[must_use]
    pub fn near(
        &self,
        meaning: Meaning,
        host: HostId,
        times: &[Timestamp],
        distance: SignedDuration,
    ) -> Vec<Witness> {
        let all = self.all.get(&(meaning, host)).map_or(&[][..], Vec::as_slice);
        let around = |time: &Timestamp| {
            let from = all.partition_point(|witness| time.duration_since(witness.time) > distance);
            let rest = all.get(from..).unwrap_or_default().iter();
            let time = *time;
            rest.take_while(move |witness| witness.time.duration_since(time) <= distance)
        };
        let mut found: Vec<_> = times.iter().flat_map(around).copied().collect();
        found.sort_by_key(|witness| (witness.time, witness.fact));
        found.dedup();
        found
    }
}

/// Meanings that are looked for beside a failure and by nothing else.
fn explains(meaning: Meaning) -> bool {
    matches!(
        meaning,
        Meaning::NoDomainController
            | Meaning::DuplicateName
            | Meaning::ProtectedUser
            | Meaning::CredsspRefused
            | Meaning::DuplicateIdentity
            | Meaning::ClusterNameTrouble
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_near_is_found_and_once() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let witness = |second: i64| Witness {
            time: at(second),
            fact: FactId(usize::try_from(second).unwrap()),
            is_hint: false,
        };
        let key = (Meaning::NoDomainController, HostId(0));
        let records = BTreeMap::from([(key, [10, 100, 110, 500].map(witness).to_vec())]);
        let all = Witnesses { all: records, ..Witnesses::default() };
        let near = |times: &[Timestamp], host| {
            let found = all.near(key.0, HostId(host), times, SignedDuration::from_secs(15));
            found.iter().map(|witness| witness.fact.0).collect::<Vec<_>>()
        };
        assert_eq!(near(&[at(105), at(112)], 0), [100, 110]);
        assert_eq!(near(&[at(105)], 1), Vec::<usize>::new());
        assert_eq!(near(&[at(485), at(25)], 0), [10, 500]);
    }
}
