//! `kcdoctor schema`: the JSON Schema of the report.

use crate::render::to_json;

/// The schema as text.
#[must_use]
pub fn run() -> String {
    to_json(&crate::report::schema())
}
