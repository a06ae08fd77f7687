//! One row of a table.

use std::rc::Rc;

use super::record::{Cell, split, unquoted};
use crate::parse::text;

/// One row of a table.
#[derive(Debug)]
pub(in crate::parse) struct Row {
    /// Its first line, counted from 1.
    pub(in crate::parse) line: u64,
    header: Rc<Vec<String>>,
    text: String,
    cells: Vec<Cell>,
}

impl Row {
    /// The row in `raw`, whose values stand at `cells`.
    pub(super) fn new(
        line: u64,
        header: &Rc<Vec<String>>,
        raw: &[u8],
        cells: &[Cell],
        delimiter: u8,
    ) -> Self {
        let mut row = Self { line, header: Rc::clone(header), text: String::new(), cells: cells.to_vec() };
        if let Ok(text) = std::str::from_utf8(raw) {
            row.text.push_str(text);
        } else {
            row.text = text::decode_each_line(raw).into_owned();
            split(row.text.as_bytes(), delimiter, &mut row.cells);
            // A row that is cut has lost its last value.
            row.cells.truncate(cells.len());
        }
        for cell in row.cells.iter_mut().filter(|cell| cell.is_odd) {
            let value = unquoted(row.text.get(cell.begin..cell.end).unwrap_or_default());
            *cell = Cell { begin: row.text.len(), end: row.text.len() + value.len(), is_odd: false };
            row.text.push_str(&value);
        }
        row
    }

    /// The trimmed value under `name` (lower case); `None` without such a column, or if the row ends before
    /// it.
    pub(in crate::parse) fn get(&self, name: &str) -> Option<&str> {
        self.at(self.column(name)?)
    }

    /// The index of the column `name` (lower case).
    pub(in crate::parse) fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|own| own == name)
    }

    /// The trimmed value at `index`.
    pub(in crate::parse) fn at(&self, index: usize) -> Option<&str> {
        self.cells.get(index).map(|cell| self.value(cell).trim())
    }

    /// The names of the columns, lower-case.
    pub(in crate::parse) fn names(&self) -> &[String] {
        &self.header
    }

    /// The same, to be compared with that of another row.
    pub(in crate::parse) fn header(&self) -> &Rc<Vec<String>> {
        &self.header
    }

    /// How many values stand behind the last column: an unquoted delimiter has shifted the row, or each row
    /// ends in one.
    pub(in crate::parse) fn surplus(&self) -> usize {
        self.cells.len().saturating_sub(self.header.len())
    }

    /// Every value, as it stands.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.cells.iter().map(|cell| self.value(cell))
    }

    fn value(&self, cell: &Cell) -> &str {
        self.text.get(cell.begin..cell.end).unwrap_or_default()
    }
}
