//! Dates and times as exports print them: in the exporter's culture, mostly without a zone.
//!
//! The order of day and month is decided for a whole source and never for a cell; where nothing decides it, both
//! readings are kept. What is *not* done here: guessing zones.

use jiff::civil::{Date, DateTime, Time};
use jiff::{Timestamp, tz::TimeZone};

use crate::fact::{InstallDay, Issue};

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// A date as it stands in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Nothing,
    Day(Date),
    /// An instant that is stated with its zone, and the day and time that the exporter's clock showed, where stated.
    At(Timestamp, Option<DateTime>),
    /// Two numbers whose order is the culture's, and the year.
    Pair {
        first: i8,
        second: i8,
        year: i16,
        dotted: bool,
    },
}

/// Reads a cell. Times behind the date (`12:00:00 a. m.`, with or without no-break blanks) are passed over.
pub(super) fn written(cell: &str) -> Written {
    let cell = cell.trim();
    let digits = cell.strip_prefix("0x").unwrap_or(cell);
    if digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return u64::from_str_radix(digits, 16)
            .ok()
            .and_then(file_time)
            .map_or(Written::Nothing, Written::Day);
    }
    if cell.len() == 8 && cell.bytes().all(|byte| byte.is_ascii_digit()) {
        let date = date(cell.get(..4), cell.get(4..6), cell.get(6..));
        return date.map_or(Written::Nothing, Written::Day);
    }
    if let Some(at) = instant(cell) {
        return at;
    }
    if let Some(date) = with_month_name(cell) {
        return Written::Day(date);
    }
    three_numbers(cell).unwrap_or(Written::Nothing)
}

/// `/Date(1720919582928)/` of PowerShell 5.1, and ISO 8601 with an offset.
fn instant(cell: &str) -> Option<Written> {
    let bare = cell.trim_matches(['\\', '/']);
    if let Some(inner) = bare.strip_prefix("Date(").and_then(|rest| rest.strip_suffix(')')) {
        let (sign, digits) = inner.strip_prefix('-').map_or((1, inner), |digits| (-1, digits));
        let digits = digits.split(['+', '-']).next()?;
        let time = Timestamp::from_millisecond(digits.parse::<i64>().ok()?.checked_mul(sign)?).ok()?;
        return Some(Written::At(time, None));
    }
    if !cell.get(10..11).is_some_and(|mark| matches!(mark, "T" | " ")) {
        return None;
    }
    let time: Timestamp = cell.parse().ok()?;
    let local = cell.get(..19)?.replacen(' ', "T", 1).parse().ok();
    Some(Written::At(time, local))
}

/// The time of day behind a date: `3:24:10 PM`, `15:24:10`, `12:00:00 a. m.`, `下午 3:24:10`.
pub(super) fn time_of_day(cell: &str) -> Option<Time> {
    let colon = cell.find(':')?;
    let begin = cell
        .get(..colon)?
        .rfind(|char: char| !char.is_ascii_digit())
        .map_or(0, |at| at + cell.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8));
    let clock = cell.get(begin..)?;
    let end =
        clock.find(|char: char| !(char.is_ascii_digit() || matches!(char, ':' | '.'))).unwrap_or(clock.len());
    let (clock, behind) = clock.split_at_checked(end)?;
    let mut parts = clock.trim_end_matches('.').split(':');
    let hour: i8 = parts.next()?.parse().ok()?;
    let minute: i8 = parts.next()?.parse().ok()?;
    let (second, fraction) =
        parts.next().map_or(("0", ""), |rest| rest.split_once('.').unwrap_or((rest, "")));
    let nanoseconds = format!("{fraction:0<9}");
    let nanoseconds: i32 = nanoseconds.get(..9)?.parse().ok()?;
    let letter = behind.trim_start().chars().next().map(|char| char.to_ascii_lowercase());
    let says = |words: [&str; 3]| words.iter().any(|word| cell.contains(word));
    let afternoon = letter == Some('p') || says(["下午", "午後", "오후"]);
    let morning = letter == Some('a') || says(["上午", "午前", "오전"]);
    let hour = match (hour, morning, afternoon) {
        (12, true, _) => 0,
        (1..=11, _, true) => hour + 12,
        _ => hour,
    };
    Time::new(hour, minute, second.parse().ok()?, nanoseconds).ok()
}

fn date(year: Option<&str>, month: Option<&str>, day: Option<&str>) -> Option<Date> {
    Date::new(year?.parse().ok()?, month?.parse().ok()?, day?.parse().ok()?).ok()
}

/// The UTC day of a FILETIME; Windows Vista and 2008 print one in hex.
fn file_time(value: u64) -> Option<Date> {
    let seconds = i64::try_from(value / 10_000_000).ok()?.checked_sub(11_644_473_600)?;
    Some(Timestamp::from_second(seconds).ok()?.to_zoned(TimeZone::UTC).date())
}

/// `12-Mar-2020`, `Thursday, March 12, 2020 12:00:00 AM`: the name decides the order.
fn with_month_name(cell: &str) -> Option<Date> {
    let words = || cell.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty());
    let start = |word: &str| word.get(..3).map(str::to_ascii_lowercase).unwrap_or_default();
    let is_month = |word: &&str| MONTHS.contains(&start(word).as_str());
    let name = start(words().find(is_month)?);
    let month = 1 + MONTHS.iter().position(|month| *month == name)?;
    let day = words().find(|word| word.len() <= 2)?;
    let year = words().find(|word| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit()))?;
    date(Some(year), Some(&month.to_string()), Some(day))
}

/// Three numbers with `/`, `-`, `.` and blanks between them.
fn three_numbers(cell: &str) -> Option<Written> {
    let mut rest = cell;
    let mut dotted = false;
    let mut numbers = [""; 3];
    for (index, number) in numbers.iter_mut().enumerate() {
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, tail) = rest.split_at_checked(length).filter(|(digits, _)| !digits.is_empty())?;
        *number = digits;
        let behind =
            tail.trim_start_matches(|char: char| matches!(char, '/' | '-' | '.') || char.is_whitespace());
        if index < 2 {
            let between = tail.strip_suffix(behind)?;
            dotted |= between.contains('.');
            // A blank alone divides a date from something else.
            if between.trim().is_empty() {
                return None;
            }
        }
        // The table cut the year: `2/12/20...`.
        if index == 2 && (tail.starts_with("...") || tail.starts_with('…')) && digits.len() < 4 {
            return None;
        }
        rest = behind;
    }
    let [first, second, third] = numbers;
    if first.len() == 4 {
        return date(Some(first), Some(second), Some(third)).map(Written::Day);
    }
    let year: i16 = third.parse().ok()?;
    let year = if third.len() == 2 { 2000 + year } else { year };
    Some(Written::Pair { first: first.parse().ok()?, second: second.parse().ok()?, year, dotted })
}

/// What the dates of a file say about their order.
#[derive(Debug, Default)]
pub(super) struct Order {
    day_first: bool,
    month_first: bool,
}

impl Order {
    /// Looks at a date of the source.
    pub(super) fn learn(&mut self, written: Written) {
        if let Written::Pair { first, second, dotted, .. } = written {
            self.day_first |= first > 12 || dotted;
            self.month_first |= second > 12;
        }
    }

    /// The day of installation that a date states.
    pub(super) fn install_day(&self, written: Written) -> InstallDay {
        let (first, second, year) = match written {
            Written::Nothing => return InstallDay::Unstated,
            Written::Day(date) => return InstallDay::On(date),
            Written::At(time, local) => return of_instant(time, local),
            Written::Pair { first, second, year, .. } => (first, second, year),
        };
        let month_first = Date::new(year, first, second).ok();
        let day_first = Date::new(year, second, first).ok();
        let one = |date: Option<Date>| date.map_or(InstallDay::Unstated, InstallDay::On);
        match (self.month_first, self.day_first) {
            (true, false) => return one(month_first),
            (false, true) => return one(day_first),
            // Nothing decides, or the file contradicts itself.
            _ => {}
        }
        match (month_first, day_first) {
            (Some(month_first), Some(day_first)) if month_first != day_first => {
                InstallDay::Either(month_first, day_first)
            }
            (month_first, day_first) => one(month_first.or(day_first)),
        }
    }

    /// What the source leaves open of `installed`, as an issue: both readings.
    pub(super) fn undecided(month_first: Date, day_first: Date) -> Issue {
        let detail = format!(
            "nothing in this file tells whether its dates begin with the month or the day (the first of them is \
             {month_first} or {day_first}); send the date format of the machine that made the export"
        );
        Issue::note("date-order-undecided", detail)
    }
}

/// Dates without a time are exported as local midnights: then only the day is meant.
fn of_instant(time: Timestamp, local: Option<DateTime>) -> InstallDay {
    let utc = time.to_zoned(TimeZone::UTC).datetime();
    let is_midnight = |at: DateTime| at.hour() == 0 && at.minute() == 0 && at.second() == 0;
    match local {
        Some(local) if is_midnight(local) => InstallDay::On(local.date()),
        // In UTC the midnight of any zone stands at a whole quarter of an hour; the evening belongs to the next day.
        None if utc.minute() % 15 == 0 && utc.second() == 0 && utc.subsec_nanosecond() == 0 => {
            let day = utc.date();
            let next = || day.tomorrow().unwrap_or(day);
            InstallDay::On(if utc.hour() >= 12 { next() } else { day })
        }
        _ => InstallDay::At(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, time};

    #[test]
    fn times_of_day_are_read_in_several_cultures() {
        let cases = [
            ("8/30/2023 12:11:07 AM", time(0, 11, 7, 0)),
            ("9/11/2024 3:24:10 PM", time(15, 24, 10, 0)),
            ("10/02/2020 12:00:00 a.\u{a0}m.", time(0, 0, 0, 0)),
            ("18.09.2019 07:08:09", time(7, 8, 9, 0)),
            ("2019/2/14 下午 3:04:05", time(15, 4, 5, 0)),
            ("2020-10-05 20:43:58.4505228", time(20, 43, 58, 450_522_800)),
            ("06:38 PM", time(18, 38, 0, 0)),
        ];
        for (text, expected) in cases {
            assert_eq!(time_of_day(text), Some(expected), "{text}");
        }
        for text in ["2/12/2020", "", ":", "25:00:00", "12:"] {
            assert_eq!(time_of_day(text), None, "{text}");
        }
    }

    #[test]
    fn instants_state_days_where_a_midnight_was_meant() {
        let day = |text: &str| Order::default().install_day(written(text));
        assert_eq!(day("\\/Date(1582761600000)\\/"), InstallDay::On(date(2020, 2, 27)));
        assert_eq!(day("/Date(1582758000000)/"), InstallDay::On(date(2020, 2, 27)));
        assert_eq!(day("2020-02-27T00:00:00+01:00"), InstallDay::On(date(2020, 2, 27)));
        assert_eq!(day("2020-02-27T00:00:00"), InstallDay::On(date(2020, 2, 27)));
        let at = InstallDay::At("2020-02-27T13:05:09Z".parse().unwrap());
        assert_eq!((day("2020-02-27T14:05:09+01:00"), day("/Date(1582808709000)/")), (at, at));
    }
}
