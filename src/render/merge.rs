//! Merged results as text: one file a form.
//!
//! Tables for people have the same sections, which [`document`] makes; the other files only write them. CSV and Parquet
//! hold the tickets, in the columns of [`columns`].

use super::{Style, to_json};
use crate::report::merge::MergeReport;

mod columns;
mod csv;
mod document;
mod html;
mod markdown;
#[cfg(feature = "parquet")]
mod parquet;
mod table;

pub(super) use document::{by_level, counted};
#[cfg(feature = "parquet")]
pub use parquet::write_parquet;

/// A form of merged results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MergeFormat {
    /// For a person at a terminal.
    #[default]
    Table,
    /// For programs.
    Json,
    /// A row a ticket, for spreadsheets.
    Csv,
    /// For tickets and wikis.
    Markdown,
    /// A page of its own for a browser.
    Html,
}

/// Writes `report` in `format`, with a final line end.
#[must_use]
pub fn render_merge(report: &MergeReport, format: MergeFormat, style: Style) -> String {
    match format {
        MergeFormat::Table => table::render(report, style),
        MergeFormat::Json => to_json(report),
        MergeFormat::Csv => csv::render(&report.tickets),
        MergeFormat::Markdown => markdown::render(report),
        MergeFormat::Html => html::render(report),
    }
}
