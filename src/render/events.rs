//! The events of a bundle as text: one file a form.

use super::{Style, to_json};
use crate::report::events::EventsReport;

mod csv;
mod lines;
mod table;
mod timesketch;

/// A form of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EventsFormat {
    /// For a person at a terminal.
    #[default]
    Table,
    /// For spreadsheets.
    Csv,
    /// One JSON object a line, an event each.
    Jsonl,
    /// JSON lines with the fields that Timesketch expects.
    Timesketch,
    /// One JSON object for programs.
    Json,
}

/// Writes `report` in `format`, with a final line end.
#[must_use]
pub fn render_events(report: &EventsReport, format: EventsFormat, style: Style) -> String {
    match format {
        EventsFormat::Table => table::render(report, style),
        EventsFormat::Csv => csv::render(report),
        EventsFormat::Jsonl => lines::render(&report.events),
        EventsFormat::Timesketch => timesketch::render(report),
        EventsFormat::Json => to_json(report),
    }
}
