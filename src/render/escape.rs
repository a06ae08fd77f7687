//! Texts of customers' files in forms in which some characters mean something.

use super::layout::plain;

/// A cell in one line for spreadsheets. They run a cell that begins with one of `= + - @` as a formula, and the values
/// come from the customer's files, so an apostrophe before it makes it text (OWASP, CSV Injection).
pub(super) fn harmless(cell: &str) -> String {
    let line = plain(&cell.replace(['\r', '\n', '\t'], " "));
    let line = line.trim();
    // The wide forms of the same characters count in East Asian editions.
    let is_formula = line.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if is_formula { format!("'{line}") } else { line.to_owned() }
}

/// Words in which nothing is Markdown.
pub(super) fn words(text: &str) -> String {
    let is_special = |c: char| matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#');
    plain(text).chars().flat_map(|c| is_special(c).then_some('\\').into_iter().chain([c])).collect()
}

/// Words in which nothing is HTML, in an element or in a quoted attribute.
pub(super) fn html(text: &str) -> String {
    let mut safe = String::new();
    for c in plain(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_or_a_command() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\u{1b}=1", "＝1"] {
            assert!(harmless(cell).starts_with('\''), "{cell:?}");
        }
        assert_eq!(harmless("a\r\nb=1\u{1b}[31m"), "a  b=1[31m");
        assert_eq!(harmless(""), "");
    }

    #[test]
    fn names_are_no_markdown() {
        let hostile = "a_b [x](y) `c` <b>\n# |";
        assert_eq!(words(hostile), "a\\_b \\[x\\](y) \\`c\\` \\<b\\>\\# \\|");
    }

    #[test]
    fn names_are_no_html() {
        assert_eq!(html("<a href='x'>&amp;\u{1b}\"\n"), "&lt;a href=&#39;x&#39;&gt;&amp;amp;&quot;");
    }
}
