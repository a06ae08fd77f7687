//! Wrapping, colours and tables for the terminal.

use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};

use super::Style;

/// `2026-09-30 19:21:27` of an RFC 3339 instant in UTC; a day stays as it is.
pub(super) fn clock(time: &str) -> String {
    time.get(..19)
        .filter(|_| time.as_bytes().get(10) == Some(&b'T'))
        .map_or_else(|| time.to_owned(), |seconds| seconds.replace('T', " "))
}

/// Whether a terminal shows a character instead of obeying it: no control character, nothing that turns the
/// direction of the text behind it or breaks its line (Unicode 9, Bidirectional Algorithm; 5.8, Newlines).
pub(super) fn is_printable(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !turns && !matches!(c, '\u{2028}' | '\u{2029}')
}

/// Text without what is not printable: names come from the customer's files, and a terminal obeys what it is sent.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| is_printable(*c)).collect()
}

/// The same for text of several lines.
pub(super) fn plain_lines(text: &str) -> String {
    text.lines().map(plain).map(|line| line + "\n").collect()
}

/// Colours of the terminal's own palette.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ink {
    Bold,
    Red,
    Green,
    Yellow,
    Dim,
}

/// Text that is being laid out.
pub(super) struct Page {
    text: String,
    style: Style,
}

impl Page {
    pub(super) fn new(style: Style) -> Self {
        Self { text: String::new(), style }
    }

    /// The whole page.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// A heading, with an empty line before it.
    pub(super) fn heading(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let title = self.ink(&plain(title), Ink::Bold);
        self.text.push_str(&title);
        self.text.push('\n');
    }

    /// A paragraph, wrapped; every line begins with `indent` blanks, the first with `mark` in their place.
    pub(super) fn paragraph(&mut self, mark: &str, indent: usize, text: &str) {
        let width = self.style.width.max(40).saturating_sub(indent);
        self.wrapped(mark, indent, &wrap(&plain(text), width), None);
    }

    /// A paragraph in a colour.
    pub(super) fn aside(&mut self, indent: usize, text: &str, ink: Ink) {
        let width = self.style.width.max(40).saturating_sub(indent);
        self.wrapped("", indent, &wrap(&plain(text), width), Some(ink));
    }

    fn wrapped(&mut self, mark: &str, indent: usize, lines: &[String], ink: Option<Ink>) {
        for (index, line) in lines.iter().enumerate() {
            let lead = if index == 0 { format!("{mark:<indent$}") } else { " ".repeat(indent) };
            let line = ink.map_or_else(|| line.clone(), |ink| self.ink(line, ink));
            self.text.push_str(format!("{lead}{line}").trim_end());
            self.text.push('\n');
        }
    }

    /// Lines that must be copied as they are: indented, never wrapped.
    pub(super) fn verbatim(&mut self, mark: &str, indent: usize, text: &str) {
        for (index, line) in text.lines().enumerate() {
            let lead = if index == 0 { format!("{mark:<indent$}") } else { " ".repeat(indent) };
            self.text.push_str(&format!("{lead}{}\n", plain(line)));
        }
    }

    /// A table without ornament.
    pub(super) fn table(&mut self, header: &[&str], rows: Vec<Vec<String>>) {
        let mut table = Table::new();
        table
            .load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')))
            .set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(self.style.width).unwrap_or(u16::MAX));
        table.set_header(header);
        table.add_rows(rows.into_iter().map(|row| row.iter().map(|cell| plain(cell)).collect::<Vec<_>>()));
        for line in table.lines() {
            self.text.push_str(line.trim_end());
            self.text.push('\n');
        }
    }

    /// Begins columns that never wrap, so that other text can stand between their rows; gives their widths.
    pub(super) fn columns(&mut self, header: &[&str], rows: &[Vec<String>]) -> Vec<usize> {
        let header: Vec<_> = header.iter().map(|&title| title.to_owned()).collect();
        let width = |column: usize| {
            let cells = rows.iter().chain([&header]).filter_map(|row| row.get(column));
            cells.map(|cell| plain(cell).chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..header.len()).map(width).collect();
        self.row(&header, &widths, None);
        self.text
            .push_str(&"─".repeat(widths.iter().map(|width| width + 2).sum::<usize>().saturating_sub(2)));
        self.text.push('\n');
        widths
    }

    /// One row of such columns.
    pub(super) fn row(&mut self, cells: &[String], widths: &[usize], ink: Option<Ink>) {
        let cells: Vec<_> =
            cells.iter().zip(widths).map(|(cell, width)| format!("{:<width$}", plain(cell))).collect();
        let line = cells.join("  ");
        let line = line.trim_end();
        let line = ink.map_or_else(|| line.to_owned(), |ink| self.ink(line, ink));
        self.text.push_str(&line);
        self.text.push('\n');
    }

    /// An empty line.
    pub(super) fn gap(&mut self) {
        self.text.push('\n');
    }

    /// The first line: a word in a colour, and what follows it.
    pub(super) fn headline(&mut self, word: &str, ink: Ink, rest: &str) {
        let word = self.ink(&plain(word), ink);
        self.text.push_str(&format!("{word}  {}\n", plain(rest)));
    }

    /// `text` in a colour, where colours are wanted.
    fn ink(&self, text: &str, ink: Ink) -> String {
        let code = match ink {
            Ink::Bold => "1",
            Ink::Red => "1;31",
            Ink::Green => "1;32",
            Ink::Yellow => "1;33",
            Ink::Dim => "2",
        };
        if self.style.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Breaks at blanks; a word longer than the line stands alone.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { continue };
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_blanks() {
        assert_eq!(wrap("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(wrap("abcdefgh ij", 5), ["abcdefgh", "ij"]);
    }
}
