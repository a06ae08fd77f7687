//! The report as text: one file a form. A renderer decides on layout, never on content.

use crate::report::{Report, word};

mod accuracy;
mod audit;
mod drift;
mod escape;
mod events;
mod explain;
mod inventory;
mod json;
mod layout;
mod merge;
mod plan;
mod rules;
mod sources;
mod summary;
mod table;
mod triage;
mod validate;

pub use accuracy::render_accuracy;
pub use audit::render_audit;
pub use drift::render_drift;
pub use events::{EventsFormat, render_events};
pub use explain::render_explanation;
pub use inventory::{InventoryFormat, render_inventory};
pub use json::to_json;
#[cfg(feature = "parquet")]
pub use merge::write_parquet;
pub use merge::{MergeFormat, render_merge};
pub use plan::plan_files;
pub use rules::{PlainFormat, RulesFormat, render_lint, render_rules, render_test};
pub use triage::{render_differences, render_triage};
pub use validate::render_validate;

/// A form of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For a person at a terminal.
    #[default]
    Table,
    /// Five lines for a ticket.
    Summary,
    /// For programs.
    Json,
}

/// How text is laid out.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether colours may be used.
    pub color: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self { width: 80, color: false }
    }
}

/// Writes `report` in `format`, with a final line end.
#[must_use]
pub fn render(report: &Report, format: Format, style: Style) -> String {
    match format {
        Format::Table => table::render(report, style),
        Format::Summary => summary::render(report),
        Format::Json => to_json(report),
    }
}
