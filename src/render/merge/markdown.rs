//! For tickets and wikis. Names come from results, so nothing of them is Markdown.

use std::fmt::Write as _;

use super::super::escape::words;
use super::document::{Room, Section, counted, headline, origin, sections};
use crate::report::merge::MergeReport;

pub(super) fn render(report: &MergeReport) -> String {
    let (count, rest) = headline(report);
    let mut text = format!("# {count}\n\n{}: {rest}. {}\n", count, words(&origin(report)));
    if !report.remarks.is_empty() {
        text.push_str("\n## To know first\n\n");
    }
    for remark in &report.remarks {
        let _ = writeln!(text, "- {}", words(remark));
    }
    for own in sections(report, Room::Wide) {
        section(&mut text, &own);
    }
    text
}

fn section(text: &mut String, section: &Section) {
    let _ = write!(text, "\n## {}\n\n", section.title);
    if !section.prose.is_empty() {
        let _ = write!(text, "{}\n\n", words(&section.prose));
    }
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    text.push_str(&line(section.header.iter().map(|head| words(&head.title)).collect()));
    let rule = section.header.iter().map(|head| if head.is_number { "---:" } else { "---" }.to_owned());
    text.push_str(&line(rule.collect()));
    for row in &section.rows {
        text.push_str(&line(row.cells.iter().map(|cell| words(cell)).collect()));
    }
    if section.hidden > 0 {
        let _ = write!(text, "\nAnd {}.\n", counted(section.hidden, "more row"));
    }
}
