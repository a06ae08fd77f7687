//! What logs cover of a host's channel, joined from several files, with what is missing between them.
//!
//! Record numbers tell whether two files follow each other without a gap. Where they do not, or where records carry
//! none, nobody knows what came in between: that time is not seen.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::HostId;
use crate::fact::{ChannelCoverage, SourceId, widened};

/// What the bundle covers of one host's channel.
#[derive(Debug, Clone)]
pub struct Covered {
    /// The host.
    pub host: HostId,
    /// The channel.
    pub channel: String,
    /// Intact records.
    pub records: u64,
    /// The earliest event.
    pub first: Timestamp,
    /// The latest event.
    pub last: Timestamp,
    /// The lowest and the highest record number, where the records carry them.
    pub numbers: Option<(u64, u64)>,
    /// Spans in which records are missing, in a file or between two.
    pub holes: Vec<(Timestamp, Timestamp)>,
    /// The sources that hold it.
    pub sources: BTreeSet<SourceId>,
}

impl Covered {
    /// Joins files of one channel; `None` of none.
    pub(super) fn join(host: HostId, mut parts: Vec<(SourceId, ChannelCoverage)>) -> Option<Self> {
        parts.sort_by_key(|(source, part)| (part.first, part.last, part.numbers, *source));
        let (_, first) = parts.first()?;
        let mut row = Self {
            host,
            channel: first.channel.clone(),
            records: 0,
            first: first.first,
            last: first.last,
            numbers: first.numbers,
            holes: Vec::new(),
            sources: BTreeSet::new(),
        };
        for (source, part) in &parts {
            // Of records without a channel nobody knows that they are of one log.
            let is_one_log = !row.channel.is_empty();
            if is_one_log && part.first > row.last && !follows(part.numbers, row.numbers) {
                row.holes.push((row.last, part.first));
            }
            row.records += part.records;
            row.last = row.last.max(part.last);
            row.numbers = widened(row.numbers, part.numbers);
            row.sources.insert(*source);
            let is_filled = |hole: &&(Timestamp, Timestamp)| {
                parts.iter().any(|(other, part)| other != source && fills(part, **hole))
            };
            row.holes.extend(part.holes.iter().filter(|hole| !is_filled(hole)));
        }
        row.holes.sort_unstable();
        row.holes.dedup();
        Some(row)
    }

    /// Whether it holds all of `times`, which are sorted.
    #[must_use]
    pub fn holds_all(&self, times: &[Timestamp]) -> bool {
        let lost = |(from, until): &(Timestamp, Timestamp)| {
            let after = times.get(times.partition_point(|time| time <= from));
            after.is_some_and(|time| time < until)
        };
        let reaches = |time: &Timestamp| self.first <= *time && *time <= self.last;
        times.first().into_iter().chain(times.last()).all(reaches) && !self.holes.iter().any(lost)
    }
}

/// Whether records of these numbers come right after those: with the next number, or as the first of a log that was
/// begun anew.
fn follows(next: Option<(u64, u64)>, before: Option<(u64, u64)>) -> bool {
    let Some(((first, _), (_, last))) = next.zip(before) else { return false };
    last.checked_add(1) == Some(first) || first == 1
}

/// Whether a file that lacks no record reaches over a hole of another.
fn fills(part: &ChannelCoverage, (from, until): (Timestamp, Timestamp)) -> bool {
    let is_dense =
        part.numbers.is_some_and(|(first, last)| last.checked_sub(first) == part.records.checked_sub(1));
    is_dense && part.holes.is_empty() && part.first <= from && until <= part.last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400).unwrap()
    }

    fn part(days: (i64, i64), numbers: Option<(u64, u64)>, holes: &[(i64, i64)]) -> ChannelCoverage {
        ChannelCoverage {
            computer: "HV01".into(),
            channel: "System".into(),
            records: numbers.map_or(5, |(first, last)| last - first + 1),
            first: at(days.0),
            last: at(days.1),
            numbers,
            holes: holes.iter().map(|(from, until)| (at(*from), at(*until))).collect(),
        }
    }

    fn joined(parts: &[ChannelCoverage]) -> Covered {
        let parts = parts.iter().cloned().enumerate().map(|(index, part)| (SourceId(index), part));
        Covered::join(HostId(0), parts.collect()).unwrap()
    }

    #[test]
    fn files_are_seamless_only_where_their_numbers_follow_each_other() {
        let old = part((1, 8), Some((1, 100)), &[]);
        for (next, holes) in [
            (part((20, 24), Some((101, 200)), &[]), 0),
            (part((20, 24), Some((1, 50)), &[]), 0),
            (part((5, 24), Some((600, 700)), &[]), 0),
            (part((20, 24), Some((600, 700)), &[]), 1),
            (part((20, 24), Some((50, 120)), &[]), 1),
            (part((20, 24), None, &[]), 1),
        ] {
            for parts in [[old.clone(), next.clone()], [next.clone(), old.clone()]] {
                let row = joined(&parts);
                assert_eq!(row.holes.len(), holes, "{next:?}");
                let holds = |day| row.holds_all(&[at(day)]);
                assert_eq!((holds(8), holds(10), holds(20)), (true, holes == 0, true));
            }
        }
    }

    #[test]
    fn a_hole_is_filled_by_a_file_that_lacks_nothing() {
        let holed = part((1, 20), Some((1, 200)), &[(5, 9)]);
        let whole = part((3, 12), Some((30, 120)), &[]);
        assert!(joined(&[holed.clone(), whole.clone()]).holes.is_empty());
        let by_query = ChannelCoverage { records: 3, ..whole };
        assert_eq!(joined(&[holed, by_query]).holes, [(at(5), at(9))]);
    }

    #[test]
    fn what_falls_into_a_hole_is_not_held() {
        let row = joined(&[part((1, 20), Some((1, 200)), &[(5, 9)])]);
        assert!(row.holds_all(&[at(1), at(5), at(9), at(20)]) && row.holds_all(&[]));
        for times in [&[at(6)][..], &[at(1), at(6), at(20)], &[at(0)], &[at(3), at(21)]] {
            assert!(!row.holds_all(times), "{times:?}");
        }
    }
}
