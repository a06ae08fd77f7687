//! Installed updates: what `Get-HotFix`, `wmic qfe` and `Win32_QuickFixEngineering` list, in any syntax.
//!
//! What is *not* done here: telling a patch level. The list lacks what later updates have replaced.

use super::Context;
use super::dates::{Order, Written, written};
use super::records::{Gather, Kinds, Meaning, Record};
use super::table::Row;
use crate::fact::{InstallDay, InstalledUpdate, Observation, Parsed, Position};

/// What is read here.
pub(super) const MEANING: Meaning = Meaning {
    kinds: Kinds {
        csv: "hot-fix-csv",
        json: "hot-fix-json",
        clixml: "hot-fix-clixml",
        list: "hot-fix-list",
        table: "hot-fix-table",
    },
    columns: COLUMNS,
    tells: |has| has("hotfixid"),
    gather: || Box::new(Updates::default()),
};

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

/// The updates of one source, before the order of its dates is known.
#[derive(Default)]
pub(super) struct Updates {
    order: Order,
    found: Vec<(u64, Option<String>, String, Written)>,
}

impl Updates {
    /// Looks at a date of the source, of an update or not.
    pub(super) fn learn(&mut self, day: Written) {
        self.order.learn(day);
    }

    /// Adds the update of a line.
    pub(super) fn add(&mut self, line: u64, host: Option<String>, kb: String, day: Written) {
        self.found.push((line, host, kb, day));
    }

    /// The updates, and an issue where the order of their dates stays open.
    pub(super) fn into_parsed(self, context: &Context<'_>) -> Parsed {
        let mut parsed = Parsed::default();
        let mut undecided = None;
        for (line, host, kb, written) in self.found {
            let installed = self.order.install_day(written);
            if let InstallDay::Either(month_first, day_first) = installed {
                undecided.get_or_insert((month_first, day_first));
            }
            let update = InstalledUpdate { host, kb, installed };
            parsed.facts.push(context.fact(Position::Line(line), Observation::Update(update)));
        }
        parsed
            .issues
            .extend(undecided.map(|(month_first, day_first)| Order::undecided(month_first, day_first)));
        parsed
    }
}

impl Gather for Updates {
    fn take(&mut self, record: &Record, _: &Context<'_>) {
        let day = day(record);
        self.learn(day);
        if let Some(kb) = update(record) {
            self.add(record.line, host(record), kb, day);
        }
    }

    fn finish(self: Box<Self>, context: &Context<'_>) -> Parsed {
        self.into_parsed(context)
    }
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

fn update(record: &Record) -> Option<String> {
    let Some(row) = record.row() else { return kb(record.text("hotfixid")?) };
    row.at(row.column("hotfixid")? + shift(row)?).and_then(kb)
}

/// `KB` and digits; other ids, such as `File 1`, name no update.
pub(super) fn kb(value: &str) -> Option<String> {
    let value = value.to_ascii_uppercase();
    let digits = value.strip_prefix("KB")?;
    (!digits.is_empty() && digits.len() <= 10 && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then_some(value)
}

/// The machine; names that a table cut (`DESKTOP-KA...`) are no names.
fn host(record: &Record) -> Option<String> {
    // In a shifted row only the first column surely stands where it should.
    let shifted = record.row().filter(|row| shift(row).is_some_and(|shift| shift > 0));
    let name = |column: &&str| match shifted {
        Some(row) => row.column(column).filter(|index| *index == 0).and_then(|index| row.at(index)),
        None => record.text(column),
    };
    HOSTS
        .iter()
        .filter_map(name)
        .find(|name| is_whole(name))
        .map(|name| name.trim_start_matches('\\').to_owned())
}

/// Whether a table did not cut a value.
pub(super) fn is_whole(value: &str) -> bool {
    !value.is_empty() && !value.ends_with("...") && !value.ends_with('…')
}

fn day(record: &Record) -> Written {
    let Some(row) = record.row() else {
        return record.text("installedon").map_or(Written::Nothing, written);
    };
    let Some(column) = row.column("installedon") else { return Written::Nothing };
    let before = row.column("hotfixid").is_some_and(|kb| kb < column);
    let moved = if before { shift(row).unwrap_or(0) } else { 0 };
    match row.at(column + moved).map_or(Written::Nothing, written) {
        Written::Nothing => row.at(column + row.surplus()).map_or(Written::Nothing, written),
        day => day,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::records::delimited;
    use crate::parse::testing;
    use jiff::civil::date as day_of;

    fn read(text: &str) -> Parsed {
        testing::read(&delimited::FORMAT, text.as_bytes())
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
        assert_eq!(testing::kind(&delimited::FORMAT, text.as_bytes()), Some("hot-fix-csv"));
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
