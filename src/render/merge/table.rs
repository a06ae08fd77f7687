//! For a person at a terminal.

use super::super::Style;
use super::super::layout::{Ink, Page};
use super::document::{Room, Section, counted, headline, origin, sections};
use crate::report::merge::MergeReport;

/// Rows of a section; the other forms have all.
const ROWS: usize = 24;

pub(super) fn render(report: &MergeReport, style: Style) -> String {
    let mut page = Page::new(style);
    let (word, rest) = headline(report);
    page.headline(&word, Ink::Bold, &rest);
    page.paragraph("", 0, &origin(report));
    if !report.remarks.is_empty() {
        page.heading("TO KNOW FIRST");
        for remark in &report.remarks {
            page.paragraph("- ", 2, remark);
        }
    }
    for own in sections(report, Room::Narrow) {
        section(&mut page, own);
    }
    page.into_text()
}

fn section(page: &mut Page, mut section: Section) {
    page.heading(&section.title.to_uppercase());
    if !section.prose.is_empty() {
        page.aside(0, &section.prose, Ink::Dim);
    }
    let hidden = section.hidden + section.rows.len().saturating_sub(ROWS);
    section.rows.truncate(ROWS);
    let titles: Vec<_> = section.header.iter().map(|head| head.title.as_str()).collect();
    if section.rows.iter().any(|row| row.note.is_some()) {
        let rows: Vec<_> = section.rows.iter().map(|row| row.cells.clone()).collect();
        let widths = page.columns(&titles, &rows);
        for row in &section.rows {
            page.row(&row.cells, &widths, None);
            page.aside(4, row.note.as_deref().unwrap_or_default(), Ink::Dim);
        }
    } else {
        page.table(&titles, section.rows.into_iter().map(|row| row.cells).collect());
    }
    if hidden > 0 {
        page.paragraph(
            "  ",
            2,
            &format!("and {}; --format json has all that is counted", counted(hidden, "more row")),
        );
    }
}
