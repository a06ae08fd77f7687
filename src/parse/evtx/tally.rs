//! What a log holds, counted over every intact record: per host and channel, with the spans that miss records.

use std::collections::BTreeMap;

use super::bytes::filetime;
use crate::fact::{ChannelCoverage, Coverage};

/// The count of a log's records.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// By computer, then channel.
    lanes: BTreeMap<String, BTreeMap<String, Lane>>,
}

/// The count of one host's channel. Times are FILETIMEs.
#[derive(Debug, Default)]
pub(super) struct Lane {
    records: u64,
    /// The earliest and the latest time; zeros where no record has one.
    span: (u64, u64),
    runs: Vec<Run>,
}

/// Records whose ids follow one another without a gap. A log is a few runs, so its ids need not be kept.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: u64,
    last: u64,
    /// The times of the first and the last record that have one, else zeros.
    times: (u64, u64),
}

impl Tally {
    /// Adds the count of a channel in a later part of the log.
    pub(super) fn add(&mut self, computer: String, channel: String, lane: Lane) {
        self.lanes.entry(computer).or_default().entry(channel).or_default().append(lane);
    }

    /// Adds the count of a later part of the log.
    pub(super) fn append(&mut self, later: Self) {
        for (computer, channels) in later.lanes {
            for (channel, lane) in channels {
                self.add(computer.clone(), channel, lane);
            }
        }
    }

    /// The coverage, sorted by computer and channel. A channel of which no record has a time is left out:
    /// it covers no span.
    pub(super) fn into_coverage(self) -> Coverage {
        let present = self.present();
        let mut coverage = Coverage::default();
        for (computer, channels) in self.lanes {
            for (channel, lane) in channels {
                coverage.records += lane.records;
                let present = present.get(&channel).map(Vec::as_slice).unwrap_or_default();
                coverage.channels.extend(lane.into_coverage(&computer, channel, present));
            }
        }
        coverage
    }

    /// By channel: the first and last id of every run, whatever the computer called itself then.
    fn present(&self) -> BTreeMap<String, Vec<(u64, u64)>> {
        let mut present: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
        for (channel, lane) in self.lanes.values().flatten() {
            let runs = lane.runs.iter().map(|run| (run.first, run.last));
            present.entry(channel.clone()).or_default().extend(runs);
        }
        present.values_mut().for_each(|runs| runs.sort_unstable());
        present
    }
}

impl Lane {
    /// Counts a record. One without a time (zero) counts, but is never the first or the last.
    pub(super) fn count(&mut self, id: u64, ticks: u64) {
        let times = (ticks, ticks);
        self.records += 1;
        self.span = widened(self.span, times);
        self.follow(Run { first: id, last: id, times });
    }

    fn follow(&mut self, run: Run) {
        match self.runs.last_mut() {
            Some(last) if last.last.checked_add(1) == Some(run.first) => last.join(&run),
            _ => self.runs.push(run),
        }
    }

    fn append(&mut self, later: Self) {
        self.records += later.records;
        self.span = widened(self.span, later.span);
        later.runs.into_iter().for_each(|run| self.follow(run));
    }

    fn into_coverage(
        self,
        computer: &str,
        channel: String,
        present: &[(u64, u64)],
    ) -> Option<ChannelCoverage> {
        let (first, last) = (filetime(self.span.0)?, filetime(self.span.1)?);
        // A host that logged under another name for a while has not lost what stands under that name.
        let highest = present.iter().map(|(_, last)| *last).max();
        let numbers = present.first().map(|(first, _)| *first).zip(highest);
        let holes = holes(self.runs, present);
        let holes =
            holes.into_iter().filter_map(|(from, to)| Some((filetime(from)?, filetime(to)?))).collect();
        Some(ChannelCoverage {
            computer: computer.to_owned(),
            channel,
            records: self.records,
            first,
            last,
            numbers,
            holes,
        })
    }
}

/// The span over both; zeros are none.
fn widened(own: (u64, u64), other: (u64, u64)) -> (u64, u64) {
    match (own.0, other.0) {
        (_, 0) => own,
        (0, _) => other,
        _ => (own.0.min(other.0), own.1.max(other.1)),
    }
}

impl Run {
    fn join(&mut self, next: &Self) {
        self.last = self.last.max(next.last);
        self.times = match (self.times.0, next.times.0) {
            (_, 0) => self.times,
            (0, _) => next.times,
            (first, _) => (first, next.times.1),
        };
    }
}

/// The spans between `runs` in the order of ids: a wrapped log begins with its newest chunks. Ids that are
/// `present` under another name of the computer are not missing.
fn holes(mut runs: Vec<Run>, present: &[(u64, u64)]) -> Vec<(u64, u64)> {
    runs.sort_by_key(|run| (run.first, run.last));
    let mut spans = Vec::new();
    let mut runs = runs.into_iter();
    let Some(mut known) = runs.next() else {
        return spans;
    };
    for run in runs {
        let next = known.last.saturating_add(1);
        if run.first <= next || covers(present, next, run.first - 1) {
            known.join(&run);
            continue;
        }
        // Clocks are set back at times; a span is still one.
        let (before, after) = (known.times.1, run.times.0);
        if before != 0 && after != 0 {
            spans.push((before.min(after), before.max(after)));
        }
        known = Run { times: if after == 0 { known.times } else { run.times }, ..run };
    }
    merged(spans)
}

/// Whether the ids `from..=to` are exactly some of the runs in `present`, sorted. Hosts log under another
/// name for a moment while they start or are renamed.
fn covers(present: &[(u64, u64)], from: u64, to: u64) -> bool {
    let start = present.partition_point(|(first, _)| *first < from);
    let mut expected = from;
    for (first, last) in present.get(start..).unwrap_or_default() {
        if *first != expected || *last >= to {
            return *first == expected && *last == to;
        }
        expected = last + 1;
    }
    false
}

/// Spans that touch are one, or a filtered export would be a hole a record.
fn merged(mut spans: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    spans.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::new();
    for (from, to) in spans {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::bytes::ticks;
    use super::*;

    fn add(tally: &mut Tally, computer: &str, id: u64, time: Option<Timestamp>) {
        let mut lane = Lane::default();
        lane.count(id, time.and_then(ticks).unwrap_or_default());
        tally.add(computer.into(), "System".into(), lane);
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn tally(records: &[(u64, Option<i64>)]) -> Coverage {
        let mut tally = Tally::default();
        for (id, second) in records {
            add(&mut tally, "HV01", *id, second.map(at));
        }
        tally.into_coverage()
    }

    #[test]
    fn a_wrapped_log_has_no_hole() {
        let coverage = tally(&[(5, Some(50)), (6, Some(60)), (3, Some(30)), (4, Some(40))]);
        let channel = &coverage.channels[0];
        assert_eq!((channel.first, channel.last, channel.records), (at(30), at(60), 4));
        assert_eq!(channel.numbers, Some((3, 6)));
        assert!(channel.holes.is_empty());
    }

    #[test]
    fn holes_lie_between_the_records_before_and_after() {
        let coverage =
            tally(&[(1, Some(10)), (2, Some(20)), (9, Some(90)), (10, Some(100)), (12, Some(120))]);
        assert_eq!(coverage.channels[0].holes, [(at(20), at(90)), (at(100), at(120))]);
    }

    #[test]
    fn holes_that_touch_are_one() {
        let coverage = tally(&[(1, Some(10)), (3, Some(30)), (7, Some(70)), (8, Some(80))]);
        assert_eq!(coverage.channels[0].holes, [(at(10), at(70))]);
    }

    #[test]
    fn records_without_a_time_count_and_bound_nothing() {
        let coverage = tally(&[(1, None), (2, Some(20)), (3, None), (9, None), (10, Some(100))]);
        let channel = &coverage.channels[0];
        assert_eq!((coverage.records, channel.records), (5, 5));
        assert_eq!((channel.first, channel.last), (at(20), at(100)));
        assert_eq!(channel.holes, [(at(20), at(100))]);
        assert_eq!(tally(&[(1, None)]), Coverage { records: 1, channels: Vec::new() });
    }

    #[test]
    fn records_under_another_name_of_the_computer_are_not_missing() {
        let holes = |name_of: fn(u64) -> Option<&'static str>| {
            let mut tally = Tally::default();
            for (id, name) in (1..=9).filter_map(|id| Some((id, name_of(id)?))) {
                add(&mut tally, name, id, Some(at(id as i64)));
            }
            tally.into_coverage().channels.into_iter().map(|channel| channel.holes).collect::<Vec<_>>()
        };
        let renamed = |id| Some(if (4..=5).contains(&id) { "WIN-1" } else { "HV01" });
        assert_eq!(holes(renamed), [vec![], vec![]]);
        let lost = |id| (id != 5).then_some(if id == 4 { "WIN-1" } else { "HV01" });
        assert_eq!(holes(lost), [vec![(at(3), at(6))], vec![]]);
        let mut tally = Tally::default();
        (4..=9).for_each(|id| {
            add(&mut tally, if id < 6 { "WIN-1" } else { "HV01" }, id, Some(at(id as i64)));
        });
        let numbers: Vec<_> =
            tally.into_coverage().channels.into_iter().map(|channel| channel.numbers).collect();
        assert_eq!(numbers, [Some((4, 9)), Some((4, 9))]);
    }

    #[test]
    fn appending_is_counting_on() {
        let records = [(4, Some(40)), (5, Some(50)), (1, Some(10)), (2, Some(20)), (8, Some(80))];
        for cut in 0..records.len() {
            let mut tally_of_parts = Tally::default();
            for part in [&records[..cut], &records[cut..]] {
                let mut later = Tally::default();
                part.iter().for_each(|(id, second)| add(&mut later, "HV01", *id, second.map(at)));
                tally_of_parts.append(later);
            }
            assert_eq!(tally_of_parts.into_coverage(), tally(&records));
        }
    }
}
