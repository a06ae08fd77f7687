//! JSON lines: one object a line, in the order given.

use serde::Serialize;

use crate::render::json::printable;

/// Writes each of `values` into a line of its own; JSON itself never breaks a line inside of an object.
pub(super) fn render<T: Serialize>(values: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    for value in values {
        text.push_str(&printable(serde_json::to_string(&value).unwrap_or_default()));
        text.push('\n');
    }
    text
}
