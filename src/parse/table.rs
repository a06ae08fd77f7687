//! Delimited tables, as `Export-Csv`, `csvde`, `wmic` and Excel write them.
//!
//! Known here: the `#TYPE` line, the four delimiters, the byte order mark, headers repeated in mid-file by
//! appended exports, ragged rows, an unterminated quote that swallows the rows behind it, and rows that are
//! PowerShell's screen layout instead of data. Rows give their values by column name.
//! What is *not* done here: any meaning of a column. An empty value and a missing one (`""` and nothing
//! between two commas) look alike; a cell that the row ends before is told apart.

use std::rc::Rc;

use csv::{ReaderBuilder, StringRecord};

use super::text;
use crate::fact::Issue;

/// In this order where a header fits several alike.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// How many lines a header may follow: blank ones, `#TYPE`, `sep=;`.
const HEADER_WITHIN: usize = 5;
/// A value as long as this, or of as many lines, was hardly meant.
const HUGE: usize = 64 << 10;
const MANY_LINES: usize = 500;
/// The types of PowerShell's screen layout.
const LAYOUT_ROW: &str = "Microsoft.PowerShell.Commands.Internal.Format.";

/// A table while it is read.
pub(super) struct Table<'a> {
    text: &'a str,
    known: &'a [&'a str],
    reader: csv::Reader<&'a [u8]>,
    /// Where in `text` the reader began.
    base: usize,
    delimiter: u8,
    header: Rc<Vec<String>>,
    /// A line number and where its line begins.
    counted: (u64, usize),
    /// Bytes that were read again behind unterminated quotes; bounded, so the work stays linear.
    again: usize,
    rows: u64,
    unterminated: (u64, Option<u64>),
    layout_rows: u64,
    /// The file ends within its last row.
    cut: bool,
}

/// One row of a table.
#[derive(Debug)]
pub(super) struct Row {
    /// Its first line, counted from 1.
    pub(super) line: u64,
    header: Rc<Vec<String>>,
    cells: StringRecord,
}

impl Row {
    /// The trimmed value under `name` (lower case); `None` without such a column, or if the row ends before
    /// it.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.at(self.column(name)?)
    }

    /// The index of the column `name` (lower case).
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|own| own == name)
    }

    /// The trimmed value at `index`.
    pub(super) fn at(&self, index: usize) -> Option<&str> {
        self.cells.get(index).map(str::trim)
    }

    /// The names of the columns, lower-case.
    pub(super) fn names(&self) -> &[String] {
        &self.header
    }

    /// How many values stand behind the last column: an unquoted delimiter has shifted the row, or each row
    /// ends in one.
    pub(super) fn surplus(&self) -> usize {
        self.cells.len().saturating_sub(self.header.len())
    }
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

impl<'a> Table<'a> {
    /// The table that `text` begins with; the delimiter is the one that gives most of the `known` names
    /// (lower case). `None` if no line among the first gives two.
    pub(super) fn open(text: &'a str, known: &'a [&'a str]) -> Option<Self> {
        let layout = layout(text, known)?;
        Some(Self {
            text,
            known,
            reader: reader(text.get(layout.behind..).unwrap_or_default(), layout.delimiter),
            base: layout.behind,
            delimiter: layout.delimiter,
            header: Rc::new(layout.names),
            counted: (1, 0),
            again: 0,
            rows: 0,
            unterminated: (0, Some(0)),
            layout_rows: 0,
            cut: false,
        })
    }

    /// The next row of data.
    pub(super) fn next_row(&mut self) -> Option<Row> {
        loop {
            let mut cells = StringRecord::new();
            // Neither of its errors can come: ragged rows are allowed and the text is UTF-8.
            if !self.reader.read_record(&mut cells).unwrap_or(false) {
                return None;
            }
            let begin = self.begin_of(&cells);
            let end = self.base + usize::try_from(self.reader.position().byte()).unwrap_or(usize::MAX);
            if self.is_unterminated(&cells, begin, end) {
                self.again += end.saturating_sub(begin);
                if self.again <= self.text.len() {
                    self.unterminated = (self.unterminated.0 + 1, self.unterminated.1.map(|lost| lost + 1));
                    self.restart(self.next_line(begin));
                    continue;
                }
                self.unterminated.1 = None;
            }
            if self.is_cut(&cells, begin, end) {
                self.cut = true;
                cells.truncate(cells.len().saturating_sub(1));
            }
            if cells.get(0).is_some_and(|cell| cell.starts_with("#TYPE")) {
                self.reread_header(self.next_line(begin));
            } else if cells.iter().any(|cell| cell.starts_with(LAYOUT_ROW)) {
                self.layout_rows += 1;
            } else if self.is_header(&cells) {
                self.header = Rc::new(names(&cells));
            } else if cells.iter().any(|cell| !cell.trim().is_empty()) {
                self.rows += 1;
                return Some(Row { line: self.line_of(begin), header: Rc::clone(&self.header), cells });
            }
        }
    }

    /// How many rows of data were read, and what was noticed.
    pub(super) fn finish(self) -> (u64, Vec<Issue>) {
        let mut issues = Vec::new();
        if self.unterminated.0 > 0 || self.unterminated.1.is_none() {
            let detail = "a quote is opened and not closed, so a row swallows those behind it; the rows behind were read \
                          again, the broken ones are left out; ask for a fresh export";
            issues.push(Issue::loss("csv-unterminated-quote", detail, self.unterminated.1));
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

    /// Where a record begins: the reader's position may stand before the line end of the record before.
    fn begin_of(&self, cells: &StringRecord) -> usize {
        let at = cells.position().map_or(0, csv::Position::byte);
        let at = self.base + usize::try_from(at).unwrap_or(usize::MAX);
        let ahead = self.text.get(at..).unwrap_or_default();
        at + ahead.len() - ahead.trim_start_matches(['\r', '\n']).len()
    }

    fn line_of(&mut self, begin: usize) -> u64 {
        let between = self.text.as_bytes().get(self.counted.1..begin).unwrap_or_default();
        let newlines = between.iter().filter(|&&byte| byte == b'\n').count();
        self.counted = (self.counted.0 + newlines as u64, begin);
        self.counted.0
    }

    /// Where the line after the one at `at` begins.
    fn next_line(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        at + rest.find('\n').map_or(rest.len(), |end| end + 1)
    }

    fn restart(&mut self, at: usize) {
        self.reader = reader(self.text.get(at..).unwrap_or_default(), self.delimiter);
        self.base = at;
    }

    /// Reads a new header at `at`, which may bring its own delimiter.
    fn reread_header(&mut self, at: usize) {
        if let Some(layout) = layout(self.text.get(at..).unwrap_or_default(), self.known) {
            self.delimiter = layout.delimiter;
            self.header = Rc::new(layout.names);
            self.restart(at + layout.behind);
        } else {
            // Rows of another kind follow; under the old header they would be misread.
            self.header = Rc::default();
        }
    }

    /// Whether a row repeats the header, or is one: appended exports may have other columns.
    fn is_header(&self, cells: &StringRecord) -> bool {
        let names = || cells.iter().map(name);
        let known = names().filter(|name| self.known.contains(&name.as_str())).count();
        known >= 3 || (known >= 1 && names().eq(self.header.iter().cloned()))
    }

    /// Whether the file ends within a row: no line end, and a quote that is not closed or values that lack.
    fn is_cut(&self, cells: &StringRecord, begin: usize, end: usize) -> bool {
        let last = end >= self.text.len() && !self.text.ends_with('\n');
        last && (self.has_odd_quotes(begin, end) || cells.len() < self.header.len())
    }

    fn has_odd_quotes(&self, begin: usize, end: usize) -> bool {
        let raw = self.text.as_bytes().get(begin..end).unwrap_or_default();
        raw.iter().filter(|&&byte| byte == b'"').count() % 2 == 1
    }

    /// Whether a record swallowed others: it runs over lines of which the second is a whole row by itself,
    /// and its quotes do not pair up, its values are too many or too few, or one of them is far too long.
    fn is_unterminated(&self, cells: &StringRecord, begin: usize, end: usize) -> bool {
        if !cells.iter().any(|cell| cell.contains('\n')) {
            return false;
        }
        let misfit = self.has_odd_quotes(begin, end) || cells.len() != self.header.len();
        let huge = cells.iter().any(|cell| cell.len() > HUGE || cell.matches('\n').count() > MANY_LINES);
        let second = self.text.get(self.next_line(begin)..).and_then(|rest| rest.lines().next());
        let whole_row = || {
            second.is_some_and(|line| {
                self.header.len() > 1 && first_record(line, self.delimiter).len() == self.header.len()
            })
        };
        (misfit && huge) || ((misfit || huge) && whole_row())
    }
}

struct Layout {
    delimiter: u8,
    names: Vec<String>,
    /// Where the line after the header begins.
    behind: usize,
}

fn layout(text: &str, known: &[&str]) -> Option<Layout> {
    let mut behind = 0;
    for line in text.split_inclusive('\n').take(HEADER_WITHIN) {
        behind += line.len();
        if line.starts_with("#TYPE") || line.trim().is_empty() {
            continue;
        }
        let split = |&delimiter: &u8| {
            let names = names(&first_record(line, delimiter));
            let hits = names.iter().filter(|name| known.contains(&name.as_str())).count();
            (hits, delimiter, names)
        };
        let best =
            DELIMITERS.iter().map(split).reduce(|best, other| if other.0 > best.0 { other } else { best });
        if let Some((_, delimiter, names)) = best.filter(|(hits, ..)| *hits >= 2) {
            return Some(Layout { delimiter, names, behind });
        }
    }
    None
}

fn reader(text: &str, delimiter: u8) -> csv::Reader<&[u8]> {
    ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes())
}

fn first_record(line: &str, delimiter: u8) -> StringRecord {
    reader(line, delimiter).into_records().next().and_then(Result::ok).unwrap_or_default()
}

fn names(cells: &StringRecord) -> Vec<String> {
    cells.iter().map(name).collect()
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
