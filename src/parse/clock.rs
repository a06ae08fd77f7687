//! The clock of the machine that made a directory export: its offset from UTC, and the order of its dates.
//!
//! `PasswordLastSet` shows in local time what `pwdLastSet` holds in UTC, and `LastLogonDate` what
//! `lastLogonTimestamp` does. Their difference is the offset, and only the right order of day and month gives a
//! whole quarter of an hour every time. What is *not* done here: rules of daylight saving time; of two offsets the
//! one counts that was seen nearest in time.

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::dates::{Written, time_of_day, written};
use super::records::Record;
use crate::fact::Issue;

/// A time in UTC and the same in local time.
const TWINS: [(&str, &str); 2] = [("pwdlastset", "passwordlastset"), ("lastlogontimestamp", "lastlogondate")];
/// More pairs than these say nothing new.
const ENOUGH: usize = 1000;
/// Offsets of zones, in seconds.
const OFFSETS: std::ops::RangeInclusive<i64> = -12 * 3600..=14 * 3600;
const QUARTER: i64 = 900;

/// Pairs of times seen in an export.
#[derive(Debug, Default)]
pub(super) struct Clock {
    seen: Vec<(Timestamp, String)>,
}

/// What the pairs show.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settled {
    /// `None` where days and months read alike, or dots say which is which.
    day_first: Option<bool>,
    /// When each offset (seconds, east positive) was seen, by time.
    offsets: Vec<(Timestamp, i64)>,
}

impl Clock {
    /// Looks at an object.
    pub(super) fn learn(&mut self, record: &Record) {
        for (utc, local) in TWINS {
            if self.seen.len() < ENOUGH
                && let (Some(utc), Some(local)) = (record.text(utc).and_then(file_time), record.text(local))
            {
                self.seen.push((utc, local.to_owned()));
            }
        }
    }

    /// The one order of dates under which every pair differs by a zone's offset; `None` where there is no pair, or
    /// both orders do.
    pub(super) fn settle(mut self) -> Option<Settled> {
        self.seen.sort();
        let offsets = |day_first: bool| -> Option<Vec<(Timestamp, i64)>> {
            let offset = |(utc, local): &(Timestamp, String)| {
                let local = at_utc(civil(local, day_first)?)?;
                let seconds = local.as_second() - utc.as_second();
                // Both are cut to seconds by other rules.
                let rounded = (seconds + QUARTER / 2).div_euclid(QUARTER) * QUARTER;
                ((rounded - seconds).abs() <= 1 && OFFSETS.contains(&rounded)).then_some((*utc, rounded))
            };
            let all: Vec<_> = self.seen.iter().map(offset).collect::<Option<_>>()?;
            let (least, most) = (all.iter().map(|seen| seen.1).min()?, all.iter().map(|seen| seen.1).max()?);
            (most - least <= 3600).then_some(all)
        };
        match (offsets(false), offsets(true)) {
            (Some(month_first), None) => Some(Settled { day_first: Some(false), offsets: month_first }),
            (None, Some(day_first)) => Some(Settled { day_first: Some(true), offsets: day_first }),
            // Days that read alike in both orders still give the offset.
            (Some(one), Some(other)) if one == other => Some(Settled { day_first: None, offsets: one }),
            _ => None,
        }
    }
}

impl Settled {
    /// The instant that the exporter's clock showed as `cell`.
    pub(super) fn instant(&self, cell: &str) -> Option<Timestamp> {
        if let Written::At(time, _) = written(cell) {
            return Some(time);
        }
        let local = at_utc(self.civil(cell)?)?;
        let distance = |seen: &&(Timestamp, i64)| (seen.0.as_second() - local.as_second()).abs();
        let (_, offset) = self.offsets.iter().min_by_key(distance)?;
        local.checked_sub(SignedDuration::from_secs(*offset)).ok()
    }

    /// A local date and time; `None` where the order of its date is not settled and matters.
    fn civil(&self, cell: &str) -> Option<DateTime> {
        match self.day_first {
            Some(day_first) => civil(cell, day_first),
            None => civil(cell, true).filter(|read| civil(cell, false) == Some(*read)),
        }
    }

    /// What was worked out, for the reader.
    pub(super) fn note(&self) -> Issue {
        let mut offsets: Vec<i64> = self.offsets.iter().map(|seen| seen.1).collect();
        offsets.sort_unstable();
        offsets.dedup();
        let name = |offset: &i64| {
            let sign = if *offset < 0 { '-' } else { '+' };
            format!("UTC{sign}{:02}:{:02}", offset.abs() / 3600, offset.abs() / 60 % 60)
        };
        let offsets: Vec<_> = offsets.iter().map(name).collect();
        let order = match self.day_first {
            Some(true) => " and its dates begin with the day",
            Some(false) => " and its dates begin with the month",
            None => "",
        };
        let detail = format!(
            "the exporter's clock stood at {}{order}, as pwdLastSet and PasswordLastSet (or lastLogonTimestamp and \
             LastLogonDate) show side by side",
            offsets.join(" or ")
        );
        Issue::note("export-clock", detail)
    }
}

/// A FILETIME as text; 0 and the largest mean never.
fn file_time(text: &str) -> Option<Timestamp> {
    let value: i64 = text.parse().ok()?;
    if value <= 0 || value == i64::MAX {
        return None;
    }
    Timestamp::from_second((value / 10_000_000).checked_sub(11_644_473_600)?).ok()
}

/// A local date and time, with its day and month in the given order.
fn civil(cell: &str, day_first: bool) -> Option<DateTime> {
    let date = match written(cell) {
        Written::Day(date) => date,
        Written::Pair { first, second, year, dotted } => {
            let (month, day) = if day_first || dotted { (second, first) } else { (first, second) };
            Date::new(year, month, day).ok()?
        }
        Written::Nothing | Written::At(..) => return None,
    };
    Some(date.to_datetime(time_of_day(cell)?))
}

/// A local time, as if it were in UTC.
fn at_utc(local: DateTime) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(local).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(pairs: &[(&str, &str)]) -> Option<Settled> {
        let seen = pairs.iter().map(|(utc, local)| (utc.parse().unwrap(), (*local).to_owned()));
        Clock { seen: seen.collect() }.settle()
    }

    #[test]
    fn the_offset_tells_the_order_of_the_date() {
        let clock = settled(&[("2023-08-30T07:11:07Z", "8/30/2023 12:11:07 AM")]).unwrap();
        assert!(clock.day_first == Some(false) && clock.note().detail.contains("UTC-07:00"));
        assert_eq!(clock.instant("9/1/2023 1:00:00 PM"), "2023-09-01T20:00:00Z".parse().ok());
        let clock = settled(&[("2023-03-04T07:11:07Z", "4/3/2023 9:11:07")]).unwrap();
        assert!(clock.day_first == Some(true) && clock.note().detail.contains("UTC+02:00"));
        assert_eq!(clock.instant("2/1/2023 1:00:00"), "2023-01-01T23:00:00Z".parse().ok());
    }

    #[test]
    fn winter_and_summer_have_their_own_offset() {
        let clock = settled(&[
            ("2023-01-20T08:00:00Z", "20.01.2023 09:00:00"),
            ("2023-07-20T08:00:00Z", "20.07.2023 10:00:00"),
        ])
        .unwrap();
        assert_eq!(clock.instant("01.02.2023 12:00:00"), "2023-02-01T11:00:00Z".parse().ok());
        assert_eq!(clock.instant("01.08.2023 12:00:00"), "2023-08-01T10:00:00Z".parse().ok());
    }

    #[test]
    fn what_does_not_fit_settles_nothing() {
        assert_eq!(settled(&[]), None);
        assert_eq!(settled(&[("2023-08-30T07:11:07Z", "8/30/2023 12:19:07 AM")]), None);
        assert_eq!(settled(&[("2023-08-30T07:11:07Z", "nonsense")]), None);
        let two = [
            ("2023-08-30T07:11:07Z", "8/30/2023 12:11:07 AM"),
            ("2023-08-30T07:11:07Z", "8/30/2023 9:11:07 AM"),
        ];
        assert_eq!(settled(&two), None);
        assert_eq!(
            file_time("133378530676936642").map(|time| time.to_string()).as_deref(),
            Some("2023-08-30T07:11:07Z")
        );
        assert_eq!(
            (file_time("0"), file_time("9223372036854775807"), file_time("1.33E+17")),
            (None, None, None)
        );
    }
}
