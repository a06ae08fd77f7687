//! `Format-List`, as a console of some width shows it.

use super::{EVENT_VALUE, Object, Value};
use crate::scenario::exports::culture::Exporter;

/// What `Format-List *` prints: names in one column, values wrapped at the console's width.
#[must_use]
pub fn format_list(objects: &[Object], exporter: Exporter) -> String {
    let mut out = String::from("\r\n");
    for object in objects {
        out.push_str("\r\n");
        let column = object.seen().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in object.seen() {
            let text = printed(value, exporter);
            let lines = wrapped(&text, exporter.width.saturating_sub(column + 3).max(1));
            for (at, line) in lines.iter().enumerate() {
                let head = if at == 0 { format!("{name:<column$} : ") } else { " ".repeat(column + 3) };
                out.push_str(&format!("{head}{line}\r\n"));
            }
        }
    }
    out.push_str("\r\n\r\n");
    out
}

fn printed(value: &Value, exporter: Exporter) -> String {
    match value {
        Value::Nothing => String::new(),
        Value::Text(text) | Value::Sid(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Flag(flag) => if *flag { "True" } else { "False" }.to_owned(),
        Value::Time(time) => exporter.time(*time),
        Value::Day(day) => exporter.culture.day(*day),
        Value::Choice(name, _) | Value::Opaque(name) => (*name).to_owned(),
        Value::Many(_, values) => listed(values, exporter.limit),
        Value::Values(values) => {
            listed(&values.iter().map(|_| EVENT_VALUE.to_owned()).collect::<Vec<_>>(), exporter.limit)
        }
    }
}

/// `{a, b, c...}`: what is beyond the limit is left out.
fn listed(values: &[String], limit: Option<usize>) -> String {
    let shown = limit.unwrap_or(values.len()).min(values.len());
    let rest = if shown < values.len() { "..." } else { "" };
    format!("{{{}{rest}}}", values.get(..shown).unwrap_or_default().join(", "))
}

/// Breaks a text behind blanks and hyphens; a word that is longer than a line is filled into lines. This follows
/// `StringManipulationHelper` of PowerShell. The texts written here take a column a letter.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n').map(|line| line.trim_end_matches('\r')) {
        let mut line = String::new();
        for word in paragraph.split_inclusive([' ', '-']) {
            let length = word.chars().count();
            if line.chars().count() + length <= width {
                line.push_str(word);
            } else if length <= width {
                lines.push(std::mem::replace(&mut line, word.to_owned()));
            } else {
                for letter in word.chars() {
                    if line.chars().count() >= width {
                        lines.push(std::mem::take(&mut line));
                    }
                    line.push(letter);
                }
            }
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_broken_as_a_console_breaks_them() {
        let dn = "CN=Person,CN=Schema,CN=Configuration,DC=underthewire,DC=tech";
        assert_eq!(wrapped(dn, 41), ["CN=Person,CN=Schema,CN=Configuration,DC=u", "nderthewire,DC=tech"]);
        assert_eq!(wrapped("S-1-5-21-75-2177", 13), ["S-1-5-21-75-", "2177"]);
        assert_eq!(wrapped("CN=Domain Users,CN=Users,DC=u", 20), ["CN=Domain ", "Users,CN=Users,DC=u"]);
        assert_eq!(wrapped("", 9), [""]);
        let values = ["a", "b", "c", "d", "e"].map(str::to_owned);
        assert_eq!(
            (listed(&values, Some(4)), listed(&values, None)),
            ("{a, b, c, d...}".into(), "{a, b, c, d, e}".into())
        );
    }
}
