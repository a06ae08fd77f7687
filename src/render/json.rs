//! JSON, indented, with a final line end.

use serde::Serialize;

/// Writes `value`. Report types hold nothing that JSON can't say (no maps with other keys, no NaN).
#[must_use]
pub fn to_json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}
