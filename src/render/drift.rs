//! The report of a comparison as text: one file a form.

use super::{PlainFormat, Style, to_json};
use crate::report::drift::DriftReport;

mod table;

/// Writes `report` in `format`, with a final line end.
#[must_use]
pub fn render_drift(report: &DriftReport, format: PlainFormat, style: Style) -> String {
    match format {
        PlainFormat::Table => table::render(report, style),
        PlainFormat::Json => to_json(report),
    }
}
