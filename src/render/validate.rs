//! The report of a validation as text: one file a form.

use super::{PlainFormat, Style, to_json};
use crate::report::validate::ValidateReport;

mod table;

/// Writes `report` in `format`, with a final line end.
#[must_use]
pub fn render_validate(report: &ValidateReport, format: PlainFormat, style: Style) -> String {
    match format {
        PlainFormat::Table => table::render(report, style),
        PlainFormat::Json => to_json(report),
    }
}
