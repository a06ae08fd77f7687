//! The report of an audit as text: one file a form.

use super::{PlainFormat, Style, to_json};
use crate::report::audit::AuditReport;

mod table;

/// Writes `report` in `format`, with a final line end.
#[must_use]
pub fn render_audit(report: &AuditReport, format: PlainFormat, style: Style) -> String {
    match format {
        PlainFormat::Table => table::render(report, style),
        PlainFormat::Json => to_json(report),
    }
}
