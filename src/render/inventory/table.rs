//! For a person at a terminal: what is there, what it lacks, what to ask for.

use super::super::layout::{Ink, Page, clock};
use super::super::{Style, word};
use super::place;
use crate::report::inventory::{ClockReport, InventoryReport, LogReport, RequestReport};
use crate::report::{IssueReport, SourceReport, shortened};

/// Files of one guess that are named; the JSON has all.
const FILES: usize = 3;
/// Guesses that are listed one by one; the JSON has all.
const GUESSES: usize = 40;
/// Sources that are listed one by one; the JSON has all.
const SOURCES: usize = 200;
/// Characters of an issue that are shown.
const DETAIL: usize = 160;

pub(super) fn render(report: &InventoryReport, style: Style) -> String {
    let mut page = Page::new(style);
    headline(&mut page, report);
    hosts(&mut page, report);
    logs(&mut page, report);
    clocks(&mut page, &report.clocks);
    sources(&mut page, report);
    not_understood(&mut page, report);
    requests(&mut page, report);
    page.into_text()
}

fn counted(count: u64, [one, many]: [&str; 2]) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// `12,345`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn headline(page: &mut Page, report: &InventoryReport) {
    let files = report.bundle.sources.len() as u64;
    let records = report.bundle.sources.iter().map(|source| source.records).sum();
    let said = format!("{}, {}", counted(files, ["file", "files"]), counted(records, ["record", "records"]));
    page.headline(&report.bundle.name, Ink::Bold, &said);
    if files == 0 {
        page.paragraph("", 0, "There is nothing in this bundle.");
    } else if !report.understood {
        page.paragraph("", 0, "Nothing in this bundle was understood.");
    }
    for layout in &report.layouts {
        page.paragraph("", 0, &format!("Laid out by {}. Such a bundle lacks {}.", layout.name, layout.lacks));
    }
}

fn hosts(page: &mut Page, report: &InventoryReport) {
    if report.hosts.is_empty() {
        return;
    }
    page.heading("HOSTS");
    let rows = report.hosts.iter().map(|host| {
        let os = host.os.as_ref().map_or_else(|| "?".into(), |os| format!("Windows Server {os}"));
        vec![host.name.clone(), word(&host.role), os, host.fqdn.clone().unwrap_or_default()]
    });
    page.table(&["host", "role", "version", "full name"], rows.collect());
}

fn logs(page: &mut Page, report: &InventoryReport) {
    if report.logs.is_empty() {
        return;
    }
    page.heading("LOGS (UTC)");
    let short = |channel: &str| match channel {
        "" => "(no channel)".to_owned(),
        channel => channel.trim_start_matches("Microsoft-Windows-").to_owned(),
    };
    let row = |log: &LogReport| {
        vec![
            log.host.clone(),
            short(&log.channel),
            grouped(log.records),
            clock(&log.first),
            clock(&log.last),
            if log.holes == 0 { String::new() } else { grouped(log.holes as u64) },
            damage(&log.damage),
        ]
    };
    let header = ["host", "channel", "records", "first", "last", "holes", "damage"];
    let rows: Vec<_> = report.logs.iter().map(row).collect();
    let widths = page.columns(&header, &rows);
    for (log, row) in report.logs.iter().zip(&rows) {
        page.row(row, &widths, (!log.damage.is_empty()).then_some(Ink::Yellow));
        if let Some((number, older)) = beginning(log) {
            let gone = counted(older, ["older record is", "older records are"]);
            page.paragraph("", 4, &format!("Begins with record {}, so {gone} gone.", grouped(number)));
        }
        if let Some((from, to)) = &log.longest_hole {
            page.paragraph("", 4, &format!("Longest hole: {} to {}.", clock(from), clock(to)));
        }
    }
    if report.logs.iter().any(|log| beginning(log).is_some()) {
        page.aside(0, "Gone: overwritten, cleared, or left out by the export.", Ink::Dim);
    }
}

/// The first record's number and how many stood before it, where there were any.
fn beginning(log: &LogReport) -> Option<(u64, u64)> {
    log.first_record.zip(log.older_missing).filter(|(_, older)| *older > 0)
}

/// What was lost, as a number where it can be counted.
fn damage(issues: &[IssueReport]) -> String {
    let lost: u64 = issues.iter().filter_map(|issue| issue.lost).sum();
    let is_countable = issues.iter().all(|issue| issue.lost.is_some());
    match (issues, lost, is_countable) {
        ([], ..) => String::new(),
        (_, lost, true) => format!("{} lost", grouped(lost)),
        (_, 0, false) => "some lost".to_owned(),
        (_, lost, false) => format!("{} lost, or more", grouped(lost)),
    }
}

fn clocks(page: &mut Page, clocks: &[ClockReport]) {
    if clocks.is_empty() {
        return;
    }
    page.heading("CLOCKS");
    for ClockReport { host, ahead_seconds, is_wrong, moves } in clocks {
        let way = if *ahead_seconds < 0 { "behind" } else { "ahead of" };
        let (others, doubt) = if *is_wrong {
            ("the others", "")
        } else {
            ("the other end's", ". Which of the two is wrong the logs do not tell")
        };
        page.paragraph(
            "  ",
            2,
            &format!(
                "{host}'s clock runs {} s {way} {others}, as {} recorded at both ends {}{doubt}.",
                grouped(ahead_seconds.unsigned_abs()),
                counted(*moves as u64, ["move", "moves"]),
                if *moves == 1 { "shows" } else { "show" }
            ),
        );
    }
}

fn sources(page: &mut Page, report: &InventoryReport) {
    let known = || report.bundle.sources.iter().filter(|source| source.kind != crate::parse::UNKNOWN);
    let rows: Vec<_> = known().take(SOURCES).map(source).collect();
    if rows.is_empty() {
        return;
    }
    page.heading("FILES");
    let widths = page.columns(&["kind", "host", "records", "used", "file"], &rows);
    for (source, row) in known().zip(&rows) {
        page.row(row, &widths, None);
        for issue in &source.issues {
            page.aside(4, &format!("{}: {}", issue.code, shortened(&issue.detail, DETAIL)), Ink::Dim);
        }
    }
    let more = known().count().saturating_sub(SOURCES) as u64;
    if more > 0 {
        page.paragraph("", 0, &format!("and {} more; --format json lists all.", grouped(more)));
    }
}

fn source(source: &SourceReport) -> Vec<String> {
    vec![
        source.kind.to_owned(),
        source.host.clone().unwrap_or_default(),
        grouped(source.records),
        grouped(source.used),
        source.path.clone(),
    ]
}

fn not_understood(page: &mut Page, report: &InventoryReport) {
    if report.not_understood.is_empty() {
        return;
    }
    page.heading("NOT UNDERSTOOD");
    for unknown in report.not_understood.iter().take(GUESSES) {
        let shown: Vec<_> = unknown.files.iter().take(FILES).map(String::as_str).collect();
        let rest = unknown.files.len().saturating_sub(FILES) as u64;
        let rest = if rest == 0 { String::new() } else { format!(" and {} more", grouped(rest)) };
        page.paragraph("  ", 2, &format!("{}{rest}", shown.join(", ")));
        page.paragraph("", 6, &format!("Most likely {}. Instead: {}.", unknown.what, unknown.advice));
    }
    let more = report.not_understood.len().saturating_sub(GUESSES) as u64;
    if more > 0 {
        page.paragraph("  ", 2, &format!("and {} more; --format json lists all.", grouped(more)));
    }
}

fn requests(page: &mut Page, report: &InventoryReport) {
    let (needed, helpful): (Vec<_>, Vec<_>) = report.requests.iter().partition(|request| request.needed);
    page.heading("ASK FOR");
    if needed.is_empty() {
        page.paragraph("  ", 2, "Nothing is missing that the verdict waits for.");
    } else {
        page.paragraph(
            "  ",
            2,
            "The easy way: send the script that `kcdoctor collect` prints; it gathers all of this but older logs. A mail to \
             the customer: --format mail.",
        );
    }
    for (index, asked) in needed.iter().enumerate() {
        request(page, &format!("{}.", index + 1), asked);
    }
    if !helpful.is_empty() {
        page.heading("HELPFUL, NOT ESSENTIAL");
    }
    for asked in helpful {
        request(page, "-", asked);
    }
}

fn request(page: &mut Page, mark: &str, request: &RequestReport) {
    page.gap();
    page.paragraph(&format!("  {mark}"), 6, &format!("{} ({})", request.ask, request.gaps.join(", ")));
    page.paragraph("", 6, &format!("Why: {}. {}", request.why.join("; "), request.decides));
    page.paragraph("", 6, &format!("Where: {}.", place(request)));
    page.verbatim("", 8, &request.collect);
    if let Some(other) = &request.otherwise {
        page.paragraph("", 6, &format!("{}:", other.applies));
        page.verbatim("", 8, &other.collect);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let numbers = [0, 999, 1000, 12_345, 1_234_567];
        assert_eq!(numbers.map(grouped), ["0", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn damage_is_counted_where_it_can_be() {
        let issue = |lost| IssueReport { code: "x", detail: String::new(), lost };
        assert_eq!(damage(&[]), "");
        assert_eq!(damage(&[issue(Some(3)), issue(Some(1))]), "4 lost");
        assert_eq!(damage(&[issue(None)]), "some lost");
        assert_eq!(damage(&[issue(None), issue(Some(2))]), "2 lost, or more");
    }
}
