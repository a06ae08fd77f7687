//! Installed updates as consoles and wmic list them.

use super::csv_row;
use super::culture::{Culture, Exporter};
use super::host::HotFix;
use crate::scenario::Machine;

/// What `Get-HotFix` shows: five columns, of which the first is cut at thirteen letters.
#[must_use]
pub fn hot_fix_table(host: &Machine, fixes: &[HotFix<'_>], culture: Culture) -> String {
    let row = |source: &str, description: &str, kb: &str, by: &str, on: &str| {
        let row = format!("{source:<13} {description:<16} {kb:<13} {by:<20} {on}");
        format!("{}\r\n", row.trim_end())
    };
    let mut out = String::from("\r\n");
    out.push_str(&row("Source", "Description", "HotFixID", "InstalledBy", "InstalledOn"));
    out.push_str(&row("------", "-----------", "--------", "-----------", "-----------"));
    for fix in fixes {
        let source = cut(&host.name, 13);
        let by = r"NT AUTHORITY\SYSTEM";
        out.push_str(&row(&source, fix.description, fix.kb, by, &culture.day(fix.installed)));
    }
    out.push_str("\r\n\r\n");
    out
}

/// What `wmic qfe list full /format:csv` writes through `cmd`: every line ends twice, and no comma is quoted.
#[must_use]
pub fn wmic_csv(host: &Machine, fixes: &[HotFix<'_>]) -> String {
    let mut out = String::from(
        "\r\r\nNode,Caption,CSName,Description,FixComments,HotFixID,InstallDate,InstalledBy,InstalledOn,Name,\
         ServicePackInEffect,Status\r\r\n",
    );
    for fix in fixes {
        let caption = format!("http://support.microsoft.com/?kbid={}", fix.kb.trim_start_matches("KB"));
        out.push_str(&format!(
            "{0},{caption},{0},{1},,{2},,NT AUTHORITY\\SYSTEM,{3},,,\r\r\n",
            host.name,
            fix.description,
            fix.kb,
            fix.installed.strftime("%-m/%-d/%Y"),
        ));
    }
    out
}

/// What `wmic qfe list full` (or `/format:list`) writes.
#[must_use]
pub fn wmic_list(host: &Machine, fixes: &[HotFix<'_>]) -> String {
    let mut out = String::from("\r\r\n\r\r\n");
    for fix in fixes {
        let lines = [
            ("Caption", format!("http://support.microsoft.com/?kbid={}", fix.kb.trim_start_matches("KB"))),
            ("CSName", host.name.clone()),
            ("Description", fix.description.to_owned()),
            ("FixComments", String::new()),
            ("HotFixID", fix.kb.to_owned()),
            ("InstallDate", String::new()),
            ("InstalledBy", r"NT AUTHORITY\SYSTEM".to_owned()),
            ("InstalledOn", fix.installed.strftime("%-m/%-d/%Y").to_string()),
            ("Name", String::new()),
            ("ServicePackInEffect", String::new()),
            ("Status", String::new()),
        ];
        out.extend(lines.map(|(name, value)| format!("{name}={value}\r\r\n")));
        out.push_str("\r\r\n\r\r\n");
    }
    out
}

/// The columns of a history, in the order of PSWindowsUpdate, and their widths on its console.
const HISTORY: [(&str, usize); 5] =
    [("ComputerName", 12), ("OperationName", 13), ("Result", 10), ("Date", 22), ("Title", 0)];

/// What `Get-WUHistory` of PSWindowsUpdate shows on a wide console.
#[must_use]
pub fn update_history_table(host: &Machine, fixes: &[HotFix<'_>], exporter: Exporter) -> String {
    let line = |cells: [&str; 5]| {
        let cells = HISTORY.iter().zip(cells).map(|((_, width), cell)| format!("{cell:<width$}"));
        format!("{}\r\n", cells.collect::<Vec<_>>().join(" ").trim_end())
    };
    let names = HISTORY.map(|(name, _)| name);
    let rules = names.map(|name| "-".repeat(name.len()));
    let mut out = format!("\r\n{}{}", line(names), line(rules.each_ref().map(String::as_str)));
    for [host, operation, result, date, title] in history(host, fixes, exporter) {
        out.push_str(&line([&host, operation.as_str(), &result, &date, &title]));
    }
    out.push_str("\r\n\r\n");
    out
}

/// The same through `Export-Csv`.
#[must_use]
pub fn update_history_csv(host: &Machine, fixes: &[HotFix<'_>], exporter: Exporter) -> String {
    let delimiter = exporter.culture.delimiter();
    let rows = history(host, fixes, exporter).into_iter().map(|row| csv_row(row, delimiter));
    csv_row(HISTORY.map(|(name, _)| name), delimiter) + &rows.collect::<String>()
}

/// Each update was installed in the evening of its day.
fn history(host: &Machine, fixes: &[HotFix<'_>], exporter: Exporter) -> Vec<[String; 5]> {
    let row = |fix: &HotFix<'_>| {
        let title = format!(
            "{} Cumulative Update for x64-based Systems ({})",
            fix.installed.strftime("%Y-%m"),
            fix.kb
        );
        let date = exporter.culture.time(fix.installed.at(20, 3, 0, 0));
        [host.name.clone(), "Installation".to_owned(), "Succeeded".to_owned(), date, title]
    };
    fixes.iter().map(row).collect()
}

/// A value as a column of `width` shows it.
fn cut(value: &str, width: usize) -> String {
    if value.chars().count() <= width {
        return value.to_owned();
    }
    format!("{}...", value.chars().take(width.saturating_sub(3)).collect::<String>())
}
