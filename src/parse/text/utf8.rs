//! A source as a stream of UTF-8 that knows its lines, for parsers of XML and JSON.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use super::{Blocks, decode_any, encoding::valid_part};

/// A line is hardly longer; what is gets decoded in pieces.
const LONGEST_LINE: usize = 1 << 20;

/// A source of valid UTF-8, whatever it was encoded in; its byte order mark is left out.
pub(in crate::parse) struct Utf8<'a> {
    blocks: Blocks<Box<dyn Read + 'a>>,
    /// What was read and not yet decoded.
    raw: Vec<u8>,
    ready: Vec<u8>,
    used: usize,
    lines: Rc<Cell<u64>>,
    begun: bool,
    ended: bool,
}

impl<'a> Utf8<'a> {
    /// Reads from `reader`, whose content begins with `head`.
    pub(in crate::parse) fn new(reader: impl Read + 'a, head: &[u8]) -> Self {
        Self {
            blocks: Blocks::new(Box::new(reader), head),
            raw: Vec::new(),
            ready: Vec::new(),
            used: 0,
            lines: Rc::new(Cell::new(1)),
            begun: false,
            ended: false,
        }
    }

    /// Reads a text.
    pub(in crate::parse) fn of_text(text: &'a str) -> Self {
        Self::new(text.as_bytes(), b"")
    }

    /// The number of the line, from 1, that the next byte stands in; it counts on while the source is read.
    pub(in crate::parse) fn line_counter(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.lines)
    }

    /// Decodes what was read, up to its last whole line or character.
    fn decode(&mut self) {
        let mut whole = valid_part(&self.raw).len();
        if whole < self.raw.len()
            && std::str::from_utf8(&self.raw).is_err_and(|error| error.error_len().is_some())
        {
            // Bytes that are no UTF-8 are read as a code page, by lines.
            let line = self.raw.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
            whole =
                if self.ended || line == 0 && self.raw.len() > LONGEST_LINE { self.raw.len() } else { line };
        }
        for line in self.raw.get(..whole).unwrap_or_default().split_inclusive(|&byte| byte == b'\n') {
            self.ready.extend_from_slice(decode_any(line).as_bytes());
        }
        self.raw.drain(..whole);
    }
}

impl BufRead for Utf8<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.used >= self.ready.len() && !(self.ended && self.raw.is_empty()) {
            self.ready.clear();
            self.used = 0;
            let count = self.raw.len();
            self.ended |= !self.blocks.next(&mut self.raw);
            self.decode();
            if !self.begun && self.ready.starts_with(b"\xEF\xBB\xBF") {
                self.used = 3;
            }
            self.begun |= !self.ready.is_empty();
            // A last character that is cut is dropped.
            if self.ended && self.raw.len() == count && self.ready.is_empty() {
                self.raw.clear();
            }
        }
        Ok(self.ready.get(self.used..).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        let passed = self.ready.get(self.used..self.used + count).unwrap_or_default();
        let lines = passed.iter().filter(|&&byte| byte == b'\n').count();
        self.lines.set(self.lines.get() + lines as u64);
        self.used += count;
    }
}

impl Read for Utf8<'_> {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        let mut ahead = self.fill_buf()?;
        let count = ahead.read(block)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (String, u64) {
        let mut source = Utf8::new(bytes, bytes);
        let (mut text, lines) = (String::new(), source.line_counter());
        source.read_to_string(&mut text).unwrap();
        (text, lines.get())
    }

    #[test]
    fn every_encoding_becomes_utf8_and_lines_are_counted() {
        let text = "a\nü\n😀";
        let wide: Vec<u8> = "\u{FEFF}a\nü\n😀".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [text.as_bytes(), b"\xEF\xBB\xBFa\n\xC3\xBC\n\xF0\x9F\x98\x80", &wide] {
            assert_eq!(read(bytes), (text.to_owned(), 3));
        }
        assert_eq!(read(b"a\nZ\xFCrich\n"), ("a\nZürich\n".to_owned(), 3));
        assert_eq!(read(b"Gen\xC3\xA8ve\nZ\xFC"), ("Genève\nZü".to_owned(), 2));
    }

    #[test]
    fn blocks_may_end_anywhere() {
        let text = format!("{}\n", "üa😀".repeat(40_000));
        assert_eq!(read(text.as_bytes()), (text.clone(), 2));
        let cut = &text.as_bytes()[..text.len() - 3];
        assert_eq!(read(cut).1, 1);
        assert_eq!(read(b""), (String::new(), 1));
        assert_eq!(read(&[b'x'; 3 << 20]).0.len(), 3 << 20);
    }
}
