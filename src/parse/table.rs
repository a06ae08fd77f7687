//! Delimited tables, as `Export-Csv`, `csvde`, `wmic` and Excel write them.
//!
//! Known here: the `#TYPE` line, the four delimiters, the byte order mark, headers repeated in mid-file by
//! appended exports, ragged rows, an unterminated quote that swallows the rows behind it, and rows that are
//! PowerShell's screen layout instead of data. Rows give their values by column name. A table is read forward: no more
//! of it is held than one row.
//! What is *not* done here: any meaning of a column. An empty value and a missing one (`""` and nothing
//! between two commas) look alike; a cell that the row ends before is told apart.

use std::io::Read;
use std::rc::Rc;

use memchr::memchr;

use super::text::{self, Blocks, Window};
use crate::fact::Issue;

mod record;
mod row;

use record::{Cell, split};
pub(super) use row::Row;

/// In this order where a header fits several alike.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// How many lines a header may follow: blank ones, `#TYPE`, `sep=;`.
const HEADER_WITHIN: usize = 5;
/// How far a header is looked for.
const HEADER_BYTES: usize = 1 << 20;
/// A value as long as this, or of as many lines, was hardly meant.
const HUGE: usize = 64 << 10;
const MANY_LINES: usize = 500;
/// The most bytes of a row; a longer one is a quote that is not closed, or no table.
const MAX_ROW: usize = 16 << 20;
/// The types of PowerShell's screen layout.
const LAYOUT_ROW: &str = "Microsoft.PowerShell.Commands.Internal.Format.";

/// A table while it is read.
pub(super) struct Table<'a, R> {
    window: Window<R>,
    known: &'a [&'a str],
    delimiter: u8,
    header: Rc<Vec<String>>,
    /// Where in the window the next row begins, and its line.
    next: usize,
    line: u64,
    /// The values of the row that is looked at.
    cells: Vec<Cell>,
    /// Bytes that were read again behind unterminated quotes; bounded, so the work stays linear.
    again: u64,
    rows: u64,
    unterminated: (u64, Option<u64>),
    layout_rows: u64,
    too_long: u64,
    /// The file ends within its last row.
    cut: bool,
}

/// The names of the columns (lower-case) of the table that `text` begins with, if two of them are `known`.
pub(super) fn columns(text: &str, known: &[&str]) -> Option<Vec<String>> {
    layout(text, known).map(|layout| layout.names)
}

/// Whether `text` begins with PowerShell's screen layout, written as a table.
pub(super) fn is_screen_layout(text: &str) -> bool {
    text.lines().take(HEADER_WITHIN).any(|line| line.contains(LAYOUT_ROW))
}

/// The advice for screen layout in place of data.
pub(super) fn screen_layout(rows: u64) -> Issue {
    let detail = format!(
        "{} came as PowerShell's screen layout instead of data, because the export ran Format-Table or Format-List \
         before Export-Csv; run it again without that",
        text::counted(rows, ["row", "rows"])
    );
    Issue::loss("csv-format-table", detail, Some(rows))
}

#[cfg(test)]
impl<'a> Table<'a, &'a [u8]> {
    /// The table that `text` begins with; the delimiter is the one that gives most of the `known` names
    /// (lower case). `None` if no line among the first gives two.
    pub(super) fn open(text: &'a str, known: &'a [&'a str]) -> Option<Self> {
        Self::read(Blocks::new(text.as_bytes(), b""), known)
    }
}

impl<'a, R: Read> Table<'a, R> {
    /// The table that a source begins with, as [`Table::open`] finds it, read as far as rows are asked for.
    pub(super) fn read(blocks: Blocks<R>, known: &'a [&'a str]) -> Option<Self> {
        let mut table = Self {
            window: Window::new(blocks),
            known,
            delimiter: b',',
            header: Rc::default(),
            next: 0,
            line: 1,
            cells: Vec::new(),
            again: 0,
            rows: 0,
            unterminated: (0, Some(0)),
            layout_rows: 0,
            too_long: 0,
            cut: false,
        };
        table.read_header().then_some(table)
    }

    /// The next row of data.
    pub(super) fn next_row(&mut self) -> Option<Row> {
        loop {
            let end = self.find_row()?;
            let raw = self.window.between(self.next, end);
            if memchr(b'\n', raw).is_some() && self.is_unterminated(raw) {
                self.again += raw.len() as u64;
                let is_too_long = raw.len() > MAX_ROW;
                if self.again <= self.window.read() {
                    self.unterminated = (self.unterminated.0 + 1, self.unterminated.1.map(|lost| lost + 1));
                    self.advance(self.next_line());
                    continue;
                }
                self.unterminated.1 = None;
                if is_too_long {
                    self.advance(end);
                    continue;
                }
            } else if raw.len() > MAX_ROW {
                self.too_long += 1;
                self.skip_line(end);
                continue;
            }
            if self.is_cut(end) {
                self.cut = true;
                self.cells.pop();
            }
            if let Some(row) = self.take_row(end) {
                return Some(row);
            }
        }
    }

    /// Takes the row that ends at `end`; `None` where it is no row of data.
    fn take_row(&mut self, end: usize) -> Option<Row> {
        let raw = self.window.between(self.next, end);
        let begins = |cell: &Cell, text: &str| cell_bytes(raw, cell).starts_with(text.as_bytes());
        let is_blank = |cell: &Cell| cell_bytes(raw, cell).trim_ascii().is_empty();
        if self.cells.first().is_some_and(|cell| begins(cell, "#TYPE")) {
            self.advance(self.next_line());
            if !self.read_header() {
                // Rows of another kind follow; under the old header they would be misread.
                self.header = Rc::default();
            }
            return None;
        }
        let is_layout = self.cells.iter().any(|cell| begins(cell, LAYOUT_ROW));
        let names = self.header_names(raw);
        let row = (!is_layout && names.is_none() && !self.cells.iter().all(is_blank))
            .then(|| Row::new(self.line, &self.header, raw, &self.cells, self.delimiter));
        self.layout_rows += u64::from(is_layout);
        if let Some(names) = names.filter(|_| !is_layout) {
            self.header = Rc::new(names);
        }
        self.rows += u64::from(row.is_some());
        self.advance(end);
        row
    }

    /// How many rows of data were read, and what was noticed.
    pub(super) fn finish(self) -> (u64, Vec<Issue>) {
        let mut issues = Vec::new();
        if self.unterminated.0 > 0 || self.unterminated.1.is_none() {
            let detail = "a quote is opened and not closed, so a row swallows those behind it; the rows behind were read \
                          again, the broken ones are left out; ask for a fresh export";
            issues.push(Issue::loss("csv-unterminated-quote", detail, self.unterminated.1));
        }
        if self.too_long > 0 {
            let detail = format!(
                "{} longer than {} MiB, which no row of an export is, and left out; ask for a fresh export",
                text::counted(self.too_long, ["line was", "lines were"]),
                MAX_ROW >> 20
            );
            issues.push(Issue::loss("csv-row-too-long", detail, Some(self.too_long)));
        }
        if self.cut {
            let detail = "the file ends in the middle of its last row, of which only the whole values are used; copy or \
                          export it again";
            issues.push(Issue::loss("csv-truncated", detail, None));
        }
        if self.layout_rows > 0 {
            issues.push(screen_layout(self.layout_rows));
        }
        (self.rows, issues)
    }

    /// The code page that was guessed, where one had to be.
    pub(super) fn guessed(&self) -> Option<&'static str> {
        self.window.guessed()
    }

    /// Goes to the next row and gives where it ends, or where the window does if it is too long to be a row.
    fn find_row(&mut self) -> Option<usize> {
        loop {
            let ahead = self.window.bytes().get(self.next..).unwrap_or_default();
            let blank = ahead.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let is_over = blank == ahead.len();
            self.advance(self.next + blank);
            if !is_over {
                break;
            }
            if !self.refill() {
                return None;
            }
        }
        loop {
            let ahead = self.window.bytes().get(self.next..).unwrap_or_default();
            let (len, is_whole) = split(ahead, self.delimiter, &mut self.cells);
            if is_whole || self.window.has_ended() || len > MAX_ROW {
                return Some(self.next + len);
            }
            // Twice as much each time, so that a long row is not split again for every block.
            while self.window.bytes().len() < self.next + 2 * len && self.refill() {}
        }
    }

    /// Drops what stands before the next row and reads a block.
    fn refill(&mut self) -> bool {
        let used = std::mem::take(&mut self.next);
        let has_read = self.window.refill(used);
        if !has_read {
            self.next = used;
        }
        has_read
    }

    /// Moves to `at` and counts the lines on the way.
    fn advance(&mut self, at: usize) {
        self.line += memchr::memchr_iter(b'\n', self.window.between(self.next, at)).count() as u64;
        self.next = at;
    }

    /// Passes over a line that does not end within the window up to `end`.
    fn skip_line(&mut self, end: usize) {
        self.advance(end);
        loop {
            let ahead = self.window.bytes().get(self.next..).unwrap_or_default();
            if let Some(at) = memchr(b'\n', ahead) {
                return self.advance(self.next + at);
            }
            self.next = self.window.bytes().len();
            if !self.refill() {
                return;
            }
        }
    }

    /// Where the line after the next row's first begins.
    fn next_line(&self) -> usize {
        let rest = self.window.bytes().get(self.next..).unwrap_or_default();
        self.next + memchr(b'\n', rest).map_or(rest.len(), |end| end + 1)
    }

    /// Reads a header where the next row would begin, which may bring its own delimiter.
    fn read_header(&mut self) -> bool {
        let lines = |bytes: &[u8]| memchr::memchr_iter(b'\n', bytes).take(HEADER_WITHIN).count();
        loop {
            let ahead = self.window.bytes().get(self.next..).unwrap_or_default();
            if lines(ahead) >= HEADER_WITHIN || ahead.len() > HEADER_BYTES || !self.refill() {
                break;
            }
        }
        let ahead = self.window.bytes().get(self.next..).unwrap_or_default();
        let begin = memchr::memchr_iter(b'\n', ahead).nth(HEADER_WITHIN - 1).map_or(ahead.len(), |at| at + 1);
        let text = text::decode_each_line(ahead.get(..begin).unwrap_or_default());
        let Some(layout) = layout(&text, self.known) else { return false };
        let behind = ahead.len().min(raw_len(ahead, layout.lines));
        (self.delimiter, self.header) = (layout.delimiter, Rc::new(layout.names));
        self.advance(self.next + behind);
        true
    }

    /// The names, if the row repeats the header, or is one: appended exports may have other columns.
    fn header_names(&self, raw: &[u8]) -> Option<Vec<String>> {
        // Most rows hold no name of a column, and are told without copying a value.
        let is_known = |cell: &Cell| {
            let value = cell_bytes(raw, cell);
            let value = value.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(value).trim_ascii();
            self.known.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(value))
        };
        if !self.cells.iter().any(is_known) {
            return None;
        }
        let row = Row::new(self.line, &self.header, raw, &self.cells, self.delimiter);
        let names: Vec<String> = row.values().map(name).collect();
        let known = names.iter().filter(|name| self.known.contains(&name.as_str())).count();
        (known >= 3 || (known >= 1 && names == *self.header)).then_some(names)
    }

    /// Whether the file ends within the row: no line end, and a quote that is not closed or values that lack.
    fn is_cut(&self, end: usize) -> bool {
        let rest = self.window.bytes().get(end..).unwrap_or_default();
        let last = self.window.has_ended() && rest.iter().all(|byte| *byte == b'\r');
        last && (has_odd_quotes(self.window.between(self.next, end)) || self.cells.len() < self.header.len())
    }

    /// Whether a record swallowed others: it runs over lines of which the second is a whole row by itself,
    /// and its quotes do not pair up, its values are too many or too few, or one of them is far too long.
    fn is_unterminated(&self, raw: &[u8]) -> bool {
        let lines = |cell: &Cell| memchr::memchr_iter(b'\n', cell_bytes(raw, cell)).count();
        let misfit = has_odd_quotes(raw) || self.cells.len() != self.header.len();
        let huge =
            self.cells.iter().any(|cell| cell_bytes(raw, cell).len() > HUGE || lines(cell) > MANY_LINES);
        let second = self.window.bytes().get(self.next_line()..).unwrap_or_default();
        let second = memchr(b'\n', second).and_then(|end| second.get(..end)).unwrap_or(second);
        let second = second.strip_suffix(b"\r").unwrap_or(second);
        let whole_row = || {
            let mut cells = Vec::new();
            split(second, self.delimiter, &mut cells);
            self.header.len() > 1 && cells.len() == self.header.len()
        };
        (misfit && huge) || ((misfit || huge) && whole_row())
    }
}

fn has_odd_quotes(raw: &[u8]) -> bool {
    memchr::memchr_iter(b'"', raw).count() % 2 == 1
}

/// The bytes of a value; of an odd one with its quotes, but for the first.
fn cell_bytes<'a>(raw: &'a [u8], cell: &Cell) -> &'a [u8] {
    raw.get(cell.begin + usize::from(cell.is_odd)..cell.end).unwrap_or_default()
}

/// How many bytes the first `lines` lines take.
fn raw_len(bytes: &[u8], lines: usize) -> usize {
    memchr::memchr_iter(b'\n', bytes).nth(lines.saturating_sub(1)).map_or(bytes.len(), |at| at + 1)
}

struct Layout {
    delimiter: u8,
    names: Vec<String>,
    /// How many lines the header ends.
    lines: usize,
}

fn layout(text: &str, known: &[&str]) -> Option<Layout> {
    for (index, line) in text.split_inclusive('\n').take(HEADER_WITHIN).enumerate() {
        if line.starts_with("#TYPE") || line.trim().is_empty() {
            continue;
        }
        let split = |&delimiter: &u8| {
            let names = names(line.trim_start_matches(['\r', '\n']), delimiter);
            let hits = names.iter().filter(|name| known.contains(&name.as_str())).count();
            (hits, delimiter, names)
        };
        let best =
            DELIMITERS.iter().map(split).reduce(|best, other| if other.0 > best.0 { other } else { best });
        if let Some((_, delimiter, names)) = best.filter(|(hits, ..)| *hits >= 2) {
            return Some(Layout { delimiter, names, lines: index + 1 });
        }
    }
    None
}

/// The names in a line.
fn names(line: &str, delimiter: u8) -> Vec<String> {
    let mut cells = Vec::new();
    let (end, _) = split(line.as_bytes(), delimiter, &mut cells);
    let raw = line.as_bytes().get(..end).unwrap_or_default();
    Row::new(0, &Rc::default(), raw, &cells, delimiter).values().map(name).collect()
}

fn name(cell: &str) -> String {
    cell.trim_start_matches('\u{FEFF}').trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["name", "sid", "spns", "enabled"];

    type Rows = Vec<(u64, Vec<String>)>;

    fn read(text: &str) -> (Rows, Vec<Issue>) {
        let mut table = Table::open(text, KNOWN).unwrap();
        let mut rows = Vec::new();
        while let Some(row) = table.next_row() {
            let cells = ["name", "sid", "spns"].map(|name| row.get(name).unwrap_or("-").to_owned());
            rows.push((row.line, cells.to_vec()));
        }
        let (count, issues) = table.finish();
        assert_eq!(count, rows.len() as u64);
        (rows, issues)
    }

    fn row(line: u64, cells: [&str; 3]) -> (u64, Vec<String>) {
        (line, cells.map(str::to_owned).to_vec())
    }

    #[test]
    fn every_delimiter_and_line_end_is_found() {
        for delimiter in [",", ";", "\t", "|"] {
            for end in ["\n", "\r\n", "\r\r\n"] {
                let text = ["#TYPE System.Object", "\"Name\",SID,Spns", "a,1,", "", "b,2,\"x\"", ""]
                    .join(end)
                    .replace(',', delimiter);
                let (rows, issues) = read(&text);
                assert_eq!(rows, [row(3, ["a", "1", ""]), row(5, ["b", "2", "x"])], "{delimiter:?} {end:?}");
                assert_eq!(issues, []);
            }
        }
    }

    #[test]
    fn headers_in_mid_file_are_read_again() {
        let text =
            "Name,SID\na,1\nname,sid\nb,2\n#TYPE X\nSID;Spns;Name\n3;s;c\nEnabled;Name;SID\nTrue;d;4\n";
        let (rows, _) = read(text);
        let expected = [
            row(2, ["a", "1", "-"]),
            row(4, ["b", "2", "-"]),
            row(7, ["c", "3", "s"]),
            row(9, ["d", "4", "-"]),
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn ragged_rows_are_told_apart() {
        let mut table = Table::open("Name,SID,Spns\na,1\nb,2,x,y\nc,3,x,,\n", KNOWN).unwrap();
        let (a, b, c) = (table.next_row().unwrap(), table.next_row().unwrap(), table.next_row().unwrap());
        assert_eq!((a.get("spns"), a.surplus()), (None, 0));
        assert_eq!((b.get("spns"), b.surplus()), (Some("x"), 1));
        assert_eq!((c.get("spns"), c.surplus()), (Some("x"), 2));
    }

    /// Rows that end where a block does, rows larger than a block, and lines that are too long to be rows.
    #[test]
    fn blocks_make_no_difference() {
        let value = "x\"\"y".repeat(40_000);
        let mut text = format!("Name,SID,Spns\na,1,\"{value}\"\n");
        let rows: String = (0..20_000).map(|n| format!("h{n},{n},\"s, {n}\"\r\n")).collect();
        text.push_str(&rows);
        let (found, issues) = read(&text);
        assert_eq!((found.len(), issues), (20_001, Vec::new()));
        assert_eq!(found[0].1[2], value.replace("\"\"", "\""));
        assert_eq!(found[20_000], row(20_002, ["h19999", "19999", "s, 19999"]));
        let line = "x".repeat(MAX_ROW + (3 << 20));
        let (found, issues) = read(&format!("Name,SID,Spns\na,1,s\n{line}\nb,2,t\n"));
        assert_eq!(found, [row(2, ["a", "1", "s"]), row(4, ["b", "2", "t"])]);
        assert_eq!(
            issues.iter().map(|issue| (issue.code, issue.lost)).collect::<Vec<_>>(),
            [("csv-row-too-long", Some(1))]
        );
        let wide = format!("b,2,{}\n", "t".repeat(16 << 10)).repeat(MAX_ROW >> 13);
        let (found, issues) = read(&format!("Name,SID,Spns\na,1,\"s\n{wide}"));
        assert_eq!((found.len(), issues.len()), (MAX_ROW >> 13, 1));
    }

    #[test]
    fn an_unterminated_quote_costs_its_row_only() {
        let many: String = (0..20_000).map(|n| format!("h{n},{n},s\n")).collect();
        let (rows, issues) = read(&format!("Name,SID,Spns\na,1,\"s\n{many}"));
        assert_eq!(rows.len(), 20_000);
        assert_eq!(rows.first(), Some(&row(3, ["h0", "0", "s"])));
        assert_eq!(
            issues.iter().map(|issue| (issue.code, issue.lost)).collect::<Vec<_>>(),
            [("csv-unterminated-quote", Some(1))]
        );
        let (rows, _) = read("Name,SID,Spns\n\"a,1,s\n\"b\",\"2\",\"s\"\nc,3,s");
        assert_eq!(rows, [row(3, ["b", "2", "s"]), row(4, ["c", "3", "s"])]);
    }

    #[test]
    fn values_of_several_lines_are_left_alone() {
        let lines = "line\n".repeat(600);
        let (rows, issues) = read(&format!("Name,SID,Spns\na,1,\"x\ny\"\nb,2,\"{lines}\"\nc,3,\n"));
        assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), [2, 4, 605]);
        assert_eq!(issues, []);
    }

    #[test]
    fn hostile_quotes_stay_linear() {
        let text = format!("Name,SID,Spns\n{}", "a,b,\"\"\"\n".repeat(20_000));
        let (_, issues) = read(&text);
        assert!(issues.len() <= 1);
    }

    #[test]
    fn screen_layout_is_named() {
        let text = "Name,SID\na,1\n27c8,Microsoft.PowerShell.Commands.Internal.Format.TableRowEntry\n";
        let (rows, issues) = read(text);
        assert_eq!((rows.len(), issues.first().map(|issue| issue.code)), (1, Some("csv-format-table")));
        assert!(is_screen_layout("\"27c8\",\"Microsoft.PowerShell.Commands.Internal.Format.TableRowEntry\""));
    }

    #[test]
    fn what_has_no_known_columns_is_no_table() {
        assert!(Table::open("some text, with a comma\n", KNOWN).is_none());
        assert!(Table::open("", KNOWN).is_none());
        assert_eq!(columns("\u{FEFF}Name;SID\n", KNOWN), Some(vec!["name".into(), "sid".into()]));
    }
}
