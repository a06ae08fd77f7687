//! Where a record of delimited values ends, and where its values stand in it.
//!
//! Quotes are read as the csv crate reads them, which a test compares: they count at the beginning of a value, two stand
//! for one, and what follows the closing one belongs to the value. That crate copies values out of the text; here they
//! stay places in it, so that a row can be looked at, and read again behind a quote that is not closed.

use memchr::{memchr, memchr3};

/// A value, as a place in its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    /// Where it begins, behind its quote.
    pub(super) begin: usize,
    /// Where it ends, before its quote.
    pub(super) end: usize,
    /// It can't be taken as it stands: quotes are doubled, or do not pair up. Its quotes are part of it then.
    pub(super) is_odd: bool,
}

/// Splits the record that `bytes` begin with into `cells`. Gives where it ends, and whether a line end follows; else
/// `bytes` end within it.
pub(super) fn split(bytes: &[u8], delimiter: u8, cells: &mut Vec<Cell>) -> (usize, bool) {
    cells.clear();
    let mut at = 0;
    loop {
        let (cell, end) = cell(bytes, at, delimiter);
        cells.push(cell);
        match bytes.get(end) {
            Some(&byte) if byte == delimiter => at = end + 1,
            behind => return (end, behind.is_some()),
        }
    }
}

/// The value that begins at `begin`, and where what follows it stands.
fn cell(bytes: &[u8], begin: usize, delimiter: u8) -> (Cell, usize) {
    let ahead = |at: usize| bytes.get(at..).unwrap_or_default();
    let plain_end =
        |at: usize| memchr3(delimiter, b'\n', b'\r', ahead(at)).map_or(bytes.len(), |found| at + found);
    if bytes.get(begin) != Some(&b'"') {
        let end = plain_end(begin);
        return (Cell { begin, end, is_odd: false }, end);
    }
    let mut is_odd = false;
    let mut at = begin + 1;
    loop {
        let Some(quote) = memchr(b'"', ahead(at)).map(|found| at + found) else {
            return (Cell { begin, end: bytes.len(), is_odd: true }, bytes.len());
        };
        match bytes.get(quote + 1) {
            Some(b'"') => (is_odd, at) = (true, quote + 2),
            Some(&byte) if byte != delimiter && byte != b'\n' && byte != b'\r' => {
                let end = plain_end(quote + 1);
                return (Cell { begin, end, is_odd: true }, end);
            }
            _ if is_odd => return (Cell { begin, end: quote + 1, is_odd }, quote + 1),
            _ => return (Cell { begin: begin + 1, end: quote, is_odd }, quote + 1),
        }
    }
}

/// What an odd value means.
pub(super) fn unquoted(raw: &str) -> String {
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw.strip_prefix('"').unwrap_or(raw);
    while let Some((before, behind)) = rest.split_once('"') {
        value.push_str(before);
        let Some(quoted) = behind.strip_prefix('"') else {
            value.push_str(behind);
            return value;
        };
        value.push('"');
        rest = quoted;
    }
    value.push_str(rest);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, delimiter: u8) -> Vec<Vec<String>> {
        let mut records = Vec::new();
        let mut cells = Vec::new();
        let mut rest = text.trim_start_matches(['\r', '\n']);
        while !rest.is_empty() {
            let (end, _) = split(rest.as_bytes(), delimiter, &mut cells);
            let value = |cell: &Cell| {
                let raw = &rest[cell.begin..cell.end];
                if cell.is_odd { unquoted(raw) } else { raw.to_owned() }
            };
            records.push(cells.iter().map(value).collect());
            rest = rest[end..].trim_start_matches(['\r', '\n']);
        }
        records
    }

    #[test]
    fn every_text_splits_as_the_csv_crate_splits_it() {
        const BYTES: [char; 7] = ['a', ',', '"', '\n', '\r', ' ', 'ü'];
        let mut state = 7_u64;
        for round in 0..20_000 {
            let mut text = String::new();
            for _ in 0..round % 23 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                text.push(BYTES[(state >> 33) as usize % BYTES.len()]);
            }
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            let expected: Vec<Vec<String>> =
                reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect();
            assert_eq!(all(&text, b','), expected, "{text:?}");
        }
    }
}
