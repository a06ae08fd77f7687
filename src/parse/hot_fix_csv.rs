//! Installed updates: `Get-HotFix | Export-Csv` and `wmic qfe … /format:csv`.
//!
//! Days are printed in the exporter's culture, so the order of day and month is decided for the whole file
//! and never for a cell; where nothing decides it, both readings are kept.
//! What is *not* done here: telling a patch level. The list lacks what later updates have replaced.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::table::{self, Row, Table};
use super::{Context, Format, Head, Reader, text};
use crate::bundle::Stream;
use crate::fact::{Coverage, InstallDay, InstalledUpdate, Issue, Observation, Parsed, Position};

/// The format's line in the table.
pub(super) const FORMAT: Format = Format { recognise, reader: Reader::Stream(parse) };

/// The columns that name the machine, the most trustworthy first.
const HOSTS: &[&str] =
    &["csname", "__server", "pscomputername", "source", "node", "computername", "machinename"];

const COLUMNS: &[&str] = &[
    "hotfixid",
    "installedon",
    "installedby",
    "description",
    "caption",
    "fixcomments",
    "installdate",
    "servicepackineffect",
    "csname",
    "__server",
    "pscomputername",
    "source",
    "node",
    "computername",
    "machinename",
];

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    is_ours(head).then_some("hot-fix-csv")
}

fn is_ours(head: &Head<'_>) -> bool {
    let columns = table::columns(head.text(), COLUMNS).unwrap_or_default();
    ["hotfixid", "installedon"].iter().all(|name| columns.iter().any(|column| column == name))
}

fn parse(stream: &mut Stream<'_>, context: &Context<'_>) -> Parsed {
    let source = text::read(stream);
    let mut parsed = Parsed { issues: source.issues, ..Parsed::default() };
    let Some(mut table) = Table::open(&source.text, COLUMNS) else { return parsed };
    let mut updates = Vec::new();
    let mut order = Order::default();
    while let Some(row) = table.next_row() {
        let (kb, day) = (update(&row), day(&row));
        order.learn(day);
        if let Some(kb) = kb {
            updates.push((row.line, host(&row), kb, day));
        }
    }
    let (records, mut issues) = table.finish();
    parsed.coverage = Coverage { records, channels: Vec::new() };
    let mut undecided = None;
    for (line, host, kb, written) in updates {
        let installed = order.read(written);
        if let InstallDay::Either(month_first, day_first) = installed {
            undecided.get_or_insert((month_first, day_first));
        }
        let update = InstalledUpdate { host, kb, installed };
        parsed.facts.push(context.fact(Position::Line(line), Observation::Update(update)));
    }
    if let Some((month_first, day_first)) = undecided {
        let detail = format!(
            "nothing in this file tells whether its dates begin with the month or the day (the first of them is \
             {month_first} or {day_first}); send the date format of the machine that made the export"
        );
        issues.push(Issue::note("date-order-undecided", detail));
    }
    parsed.issues.append(&mut issues);
    parsed
}

/// How far an unquoted comma (wmic escapes none) has pushed the values, judged by where the KB number stands.
fn shift(row: &Row) -> Option<usize> {
    let column = row.column("hotfixid")?;
    let reach = column..=column + row.surplus();
    reach
        .into_iter()
        .find(|&index| row.at(index).is_some_and(|value| kb(value).is_some()))
        .map(|index| index - column)
}

fn update(row: &Row) -> Option<String> {
    row.at(row.column("hotfixid")? + shift(row)?).and_then(kb)
}

/// `KB` and digits; other ids, such as `File 1`, name no update.
fn kb(value: &str) -> Option<String> {
    let value = value.to_ascii_uppercase();
    let digits = value.strip_prefix("KB")?;
    (!digits.is_empty() && digits.len() <= 10 && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then_some(value)
}

/// The machine; names that a table cut (`DESKTOP-KA...`) are no names.
fn host(row: &Row) -> Option<String> {
    // In a shifted row only the first column surely stands where it should.
    let moved = shift(row).is_some_and(|shift| shift > 0);
    let name = |column: &&str| {
        row.column(column).filter(|index| !moved || *index == 0).and_then(|index| row.at(index))
    };
    let whole = |name: &&str| !name.is_empty() && !name.ends_with("...") && !name.ends_with('…');
    HOSTS.iter().filter_map(name).find(whole).map(|name| name.trim_start_matches('\\').to_owned())
}

fn day(row: &Row) -> Written {
    let Some(column) = row.column("installedon") else { return Written::Nothing };
    let before = row.column("hotfixid").is_some_and(|kb| kb < column);
    let moved = if before { shift(row).unwrap_or(0) } else { 0 };
    match row.at(column + moved).map_or(Written::Nothing, written) {
        Written::Nothing => row.at(column + row.surplus()).map_or(Written::Nothing, written),
        day => day,
    }
}

/// A date as it stands in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Nothing,
    Day(Date),
    /// Two numbers whose order is the culture's, and the year.
    Pair {
        first: i8,
        second: i8,
        year: i16,
        dotted: bool,
    },
}

/// Reads a cell. Times behind the date (`12:00:00 a. m.`, with or without no-break blanks) are passed over.
fn written(cell: &str) -> Written {
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
    if let Some(date) = with_month_name(cell) {
        return Written::Day(date);
    }
    three_numbers(cell).unwrap_or(Written::Nothing)
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
struct Order {
    day_first: bool,
    month_first: bool,
}

impl Order {
    fn learn(&mut self, written: Written) {
        if let Written::Pair { first, second, dotted, .. } = written {
            self.day_first |= first > 12 || dotted;
            self.month_first |= second > 12;
        }
    }

    fn read(&self, written: Written) -> InstallDay {
        let (first, second, year) = match written {
            Written::Nothing => return InstallDay::Unstated,
            Written::Day(date) => return InstallDay::On(date),
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing;
    use jiff::civil::date as day_of;

    fn read(text: &str) -> Parsed {
        testing::read(&FORMAT, text.as_bytes())
    }

    fn updates(parsed: Parsed) -> Vec<InstalledUpdate> {
        let update = |fact: crate::fact::Fact| match fact.observation {
            Observation::Update(update) => Some(update),
            _ => None,
        };
        parsed.facts.into_iter().filter_map(update).collect()
    }

    fn days(dates: &[&str]) -> Vec<InstallDay> {
        let rows: String = dates.iter().map(|date| format!("\"HV01\",\"KB5019966\",\"{date}\"\n")).collect();
        let parsed = read(&format!("CSName,HotFixID,InstalledOn\n{rows}"));
        let either =
            updates(parsed.clone()).iter().any(|update| matches!(update.installed, InstallDay::Either(..)));
        assert_eq!(parsed.issues.iter().any(|issue| issue.code == "date-order-undecided"), either);
        updates(parsed).into_iter().map(|update| update.installed).collect()
    }

    fn on(year: i16, month: i8, day: i8) -> InstallDay {
        InstallDay::On(day_of(year, month, day))
    }

    #[test]
    fn an_export_is_read() {
        let text = "#TYPE System.Management.ManagementObject#root\\cimv2\\Win32_QuickFixEngineering\r\n\
                    \"PSComputerName\",\"HotFixID\",\"InstalledOn\",\"CSName\",\"InstalledBy\"\r\n\
                    \"HV01.x\",\"KB5019966\",\"11/15/2022 12:00:00 AM\",\"HV01\",\"\"\r\n\
                    \"HV01.x\",\"kb5020000\",\"\",\"\",\"\"\r\n\"HV01.x\",\"File 1\",\"\",\"HV01\",\"\"\r\n";
        let head = Head::new(text.as_bytes());
        assert!(is_ours(&head));
        let parsed = read(text);
        assert_eq!((parsed.coverage.records, parsed.facts[0].origin.at), (3, Position::Line(3)));
        let update = |host: &str, kb: &str, installed| InstalledUpdate {
            host: Some(host.into()),
            kb: kb.into(),
            installed,
        };
        let expected = [
            update("HV01", "KB5019966", on(2022, 11, 15)),
            update("HV01.x", "KB5020000", InstallDay::Unstated),
        ];
        assert_eq!(updates(parsed), expected);
    }

    #[test]
    fn the_whole_file_decides_the_order() {
        assert_eq!(
            days(&["21/09/2019 12:00:00 a.\u{a0}m.", "10/02/2020 12:00:00 a. m."]),
            [on(2019, 9, 21), on(2020, 2, 10)]
        );
        assert_eq!(
            days(&["4/10/2025 12:00:00 AM", "4/13/2025 12:00:00 AM"]),
            [on(2025, 4, 10), on(2025, 4, 13)]
        );
        assert_eq!(days(&["01.02.2023 00:00:00", "1. 2. 2023 0:00:00"]), [on(2023, 2, 1), on(2023, 2, 1)]);
        assert_eq!(
            days(&["2019/2/14 0:00:00", "2020-02-27T00:00:00", "20200228"]),
            [on(2019, 2, 14), on(2020, 2, 27), on(2020, 2, 28)]
        );
    }

    #[test]
    fn what_is_undecidable_keeps_both_readings() {
        let either = InstallDay::Either(day_of(2023, 3, 4), day_of(2023, 4, 3));
        assert_eq!(days(&["3/4/2023", "5/5/2023"]), [either, on(2023, 5, 5)]);
        assert_eq!(days(&["3/4/2023", "13/5/2023", "5/13/2023"]), [either, on(2023, 5, 13), on(2023, 5, 13)]);
    }

    #[test]
    fn other_shapes_of_a_date() {
        assert_eq!(
            days(&["01c9c5ce4b48e5fd", "Thursday, March 12, 2020 12:00:00 AM", "12-Mar-2020"]),
            [on(2009, 4, 25), on(2020, 3, 12), on(2020, 3, 12)]
        );
        assert_eq!(
            days(&["6/15/2015 ...", "2/12/2020 12:00:...", "2/12/20..."]),
            [on(2015, 6, 15), on(2020, 2, 12), InstallDay::Unstated]
        );
        let nothing = [
            "",
            "never",
            "99/99/2020",
            "1/2",
            "2020",
            "ffffffffffffffff",
            "1 2 2020",
            "1/2/99999",
            "31/31/2020",
            "٣/٤/2020",
        ];
        assert!(days(&nothing).iter().all(|day| *day == InstallDay::Unstated));
    }

    #[test]
    fn unquoted_commas_of_wmic_are_bridged() {
        let text = "\r\r\nNode,Caption,CSName,Description,FixComments,HotFixID,InstallDate,InstalledBy,InstalledOn,Name,ServicePackInEffect,Status\r\r\n\
                    HV01,http://x,HV01,Update,,KB1,,NT AUTHORITY\\SYSTEM,4/20/2017,,,\r\r\n\
                    HV02,http://x,HV02,Update, a, b,KB2,,CN=a,4/21/2017,,,\r\r\n";
        let found: Vec<_> = updates(read(text))
            .into_iter()
            .map(|update| (update.host.unwrap(), update.kb, update.installed))
            .collect();
        assert_eq!(found[0], ("HV01".into(), "KB1".into(), on(2017, 4, 20)));
        assert_eq!(found[1], ("HV02".into(), "KB2".into(), on(2017, 4, 21)));
    }

    #[test]
    fn damage_never_panics() {
        let good = "HotFixID;InstalledOn;Source\r\nKB1;15.12.2023;DESKTOP-KA...\r\nKB2;\"x";
        for cut in 0..good.len() {
            read(&good[..cut]);
        }
        assert_eq!(updates(read(good))[0].host, None);
    }
}
