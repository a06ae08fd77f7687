//! JSON, indented, with a final line end.

use serde::Serialize;

use super::layout::is_printable;

/// Writes `value`. Report types hold nothing that JSON can't say (no maps with other keys, no NaN).
#[must_use]
pub fn to_json(value: &impl Serialize) -> String {
    let mut text = printable(serde_json::to_string_pretty(value).unwrap_or_default());
    text.push('\n');
    text
}

/// JSON in which nothing stands that a terminal obeys: it only has to escape the control characters below 0x20,
/// and 0x9B begins a command as well. What is escaped here can stand only inside of strings.
pub(super) fn printable(json: String) -> String {
    if json.chars().all(|c| c == '\n' || is_printable(c)) {
        return json;
    }
    let escape = |c: char| match c {
        '\n' => c.to_string(),
        c if is_printable(c) => c.to_string(),
        c => format!("\\u{:04x}", u32::from(c)),
    };
    json.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_is_written_and_none_is_lost() {
        let hostile = "a\u{1b}[31m\u{9b}31m\u{202e}\u{7f}\nb";
        let text = to_json(&[hostile]);
        assert!(text.chars().all(|c| c == '\n' || is_printable(c)), "{text}");
        assert_eq!(serde_json::from_str::<[String; 1]>(&text).unwrap(), [hostile]);
    }
}
