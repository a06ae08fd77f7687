//! A row a ticket, for spreadsheets. What nobody knows is an empty cell.

use super::super::escape::harmless;
use super::columns::{COLUMNS, Column, Values};
use crate::report::triage::Line;

pub(super) fn render(tickets: &[Line]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing into memory does not fail.
    let _ = writer.write_record(COLUMNS.iter().map(|column| column.name));
    for line in tickets {
        let _ = writer.write_record(COLUMNS.iter().map(|column| harmless(&cell(column, line))));
    }
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

fn cell(column: &Column, line: &Line) -> String {
    let text = match column.values {
        Values::Text(of) => of(line),
        Values::Number(of) => of(line).map(|number| number.to_string()),
        Values::Share(of) => of(line).map(|share| share.to_string()),
        Values::Time(of) => of(line).cloned(),
    };
    text.unwrap_or_default()
}
