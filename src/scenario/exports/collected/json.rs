//! JSON as `ConvertTo-Json` lays it out.

/// A value that exports hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// A boolean.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object, its keys in the order of the export.
    Object(Vec<(&'static str, Json)>),
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Json {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Json {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// Who lays it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// Windows PowerShell 5.1: two blanks after a colon, children below the bracket that holds them, and some signs of
    /// HTML escaped.
    Five,
    /// PowerShell 7: one blank, children two columns in.
    Seven,
}

impl Json {
    /// The text, without a line end behind it.
    #[must_use]
    pub fn text(&self, shell: Shell) -> String {
        let mut out = String::new();
        self.write(shell, 0, &mut out);
        out
    }

    /// Writes the value, whose bracket stands at `column`.
    fn write(&self, shell: Shell, column: usize, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Flag(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Self::Number(number) => out.push_str(&number.to_string()),
            Self::Text(text) => out.push_str(&quoted(text, shell)),
            Self::List(items) => {
                let child = |item: &Self, column: usize, out: &mut String| item.write(shell, column, out);
                block(['[', ']'], items, shell, column, out, child);
            }
            Self::Object(pairs) => {
                let child = |(key, value): &(&'static str, Self), column: usize, out: &mut String| {
                    let label = format!("\"{key}\":{}", if shell == Shell::Five { "  " } else { " " });
                    out.push_str(&label);
                    value.write(shell, if shell == Shell::Five { column + label.len() } else { column }, out);
                };
                block(['{', '}'], pairs, shell, column, out, child);
            }
        }
    }
}

/// Children between brackets, each on a line of its own.
fn block<T>(
    [open, close]: [char; 2],
    children: &[T],
    shell: Shell,
    column: usize,
    out: &mut String,
    write: impl Fn(&T, usize, &mut String),
) {
    out.push(open);
    let inner = column + if shell == Shell::Five { 4 } else { 2 };
    for (at, child) in children.iter().enumerate() {
        out.push_str(if at == 0 { "\r\n" } else { ",\r\n" });
        out.push_str(&" ".repeat(inner));
        write(child, inner, out);
    }
    if !children.is_empty() || shell == Shell::Five {
        // Windows PowerShell leaves a blank line in what is empty.
        out.push_str(if children.is_empty() { "\r\n\r\n" } else { "\r\n" });
        out.push_str(&" ".repeat(column));
    }
    out.push(close);
}

fn quoted(text: &str, shell: Shell) -> String {
    let mut out = String::from('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\r' => out.push_str("\\r"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\'' if shell == Shell::Five => {
                out.push_str(&format!("\\u{:04x}", u32::from(char)));
            }
            char => out.push(char),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Json {
        Json::List(vec![Json::Object(vec![
            ("Name", "O'Hara \"<1>\"".into()),
            ("Running", Json::List(vec![1.into(), 2.into()])),
            ("None", Json::List(Vec::new())),
            ("Up", true.into()),
            ("Error", Json::Null),
        ])])
    }

    #[test]
    fn windows_powershell_puts_children_below_their_bracket() {
        let expected = "[\r\n    {\r\n        \"Name\":  \"O\\u0027Hara \\\"\\u003c1\\u003e\\\"\",\r\n        \
                        \"Running\":  [\r\n                        1,\r\n                        2\r\n                    ],\r\n        \
                        \"None\":  [\r\n\r\n                 ],\r\n        \"Up\":  true,\r\n        \"Error\":  null\r\n    }\r\n]";
        assert_eq!(sample().text(Shell::Five), expected);
    }

    #[test]
    fn powershell_7_indents_by_two() {
        let expected = "[\r\n  {\r\n    \"Name\": \"O'Hara \\\"<1>\\\"\",\r\n    \"Running\": [\r\n      1,\r\n      2\r\n    ],\r\n    \
                        \"None\": [],\r\n    \"Up\": true,\r\n    \"Error\": null\r\n  }\r\n]";
        assert_eq!(sample().text(Shell::Seven), expected);
    }

    #[test]
    fn both_say_the_same() {
        let read = |shell| serde_json::from_str::<serde_json::Value>(&sample().text(shell)).unwrap();
        assert_eq!(read(Shell::Five), read(Shell::Seven));
    }
}
