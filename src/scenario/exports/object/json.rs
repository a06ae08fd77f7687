//! `ConvertTo-Json` of PowerShell 5.1 and 7.

use super::{Object, Value};
use crate::scenario::exports::culture::Exporter;

/// What `ConvertTo-Json` of PowerShell 5.1 prints: two blanks behind a colon, values that stand under their names,
/// `\/Date(ms)\/`, enumerations as numbers, and every bracket on a line of its own. One object is no array.
#[must_use]
pub fn json_5(objects: &[Object], exporter: Exporter) -> String {
    written(objects, Dialect { five: true, exporter })
}

/// What PowerShell 7 prints: one blank, dates of ISO 8601 with their offset.
#[must_use]
pub fn json_7(objects: &[Object], exporter: Exporter) -> String {
    written(objects, Dialect { five: false, exporter })
}

#[derive(Clone, Copy)]
struct Dialect {
    five: bool,
    exporter: Exporter,
}

fn written(objects: &[Object], dialect: Dialect) -> String {
    let all: Vec<String> = objects.iter().map(|object| dialect.object(object)).collect();
    let text = match &all[..] {
        [only] => only.clone(),
        all => dialect.bracketed("[", all, "]"),
    };
    text.replace('\n', "\r\n") + "\r\n"
}

impl Dialect {
    fn object(self, object: &Object) -> String {
        let pairs: Vec<String> =
            object.seen().map(|(name, value)| self.pair(name, &self.value(value))).collect();
        self.bracketed("{", &pairs, "}")
    }

    fn pair(self, name: &str, value: &str) -> String {
        if !self.five {
            return format!("\"{name}\": {value}");
        }
        // What goes on over lines is moved under its beginning.
        let column = " ".repeat(name.len() + 5);
        format!("\"{name}\":  {}", value.replace('\n', &format!("\n{column}")))
    }

    fn value(self, value: &Value) -> String {
        match value {
            Value::Nothing => "null".to_owned(),
            Value::Text(text) => self.quoted(text),
            Value::Number(number) | Value::Choice(_, number) => number.to_string(),
            Value::Flag(flag) => flag.to_string(),
            Value::Time(time) if self.five => format!("\"\\/Date({})\\/\"", time.as_millisecond()),
            Value::Time(time) => format!("\"{}\"", self.exporter.instant(*time)),
            Value::Day(day) if self.five => {
                format!("\"\\/Date({})\\/\"", self.exporter.midnight(*day).as_millisecond())
            }
            Value::Day(day) => format!("\"{}T00:00:00\"", day.strftime("%Y-%m-%d")),
            Value::Sid(sid) => {
                let domain = sid.rsplit_once('-').map_or("", |(domain, _)| domain);
                let pairs = [
                    self.pair("BinaryLength", "28"),
                    self.pair("AccountDomainSid", &self.quoted(domain)),
                    self.pair("Value", &self.quoted(sid)),
                ];
                self.bracketed("{", &pairs, "}")
            }
            Value::Many(_, values) => {
                let values: Vec<_> = values.iter().map(|value| self.quoted(value)).collect();
                self.bracketed("[", &values, "]")
            }
            Value::Values(values) => {
                let object =
                    |value: &String| self.bracketed("{", &[self.pair("Value", &self.quoted(value))], "}");
                self.bracketed("[", &values.iter().map(object).collect::<Vec<_>>(), "]")
            }
            Value::Opaque(name) => self.quoted(name),
        }
    }

    fn bracketed(self, open: &str, items: &[String], close: &str) -> String {
        let indent = if self.five { "    " } else { "  " };
        let gap = if self.five { "\n\n" } else { "" };
        if items.is_empty() {
            return format!("{open}{gap}{close}");
        }
        let body: Vec<String> = items
            .iter()
            .map(|item| format!("{indent}{}", item.replace('\n', &format!("\n{indent}"))))
            .collect();
        format!("{open}\n{}\n{close}", body.join(",\n"))
    }

    fn quoted(self, text: &str) -> String {
        let escape = |letter: char| match letter {
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            '\r' => "\\r".to_owned(),
            '\n' => "\\n".to_owned(),
            '\t' => "\\t".to_owned(),
            // The serializer of 5.1 was made for web pages.
            '<' | '>' | '&' | '\'' if self.five => format!("\\u{:04x}", u32::from(letter)),
            other => other.to_string(),
        };
        format!("\"{}\"", text.chars().map(escape).collect::<String>())
    }
}
