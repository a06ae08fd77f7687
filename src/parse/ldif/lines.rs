//! The logical lines of a source that is read forward, block by block.
//!
//! Lines are found and not copied: whoever needs those of a whole entry holds them in the buffer. A line or an entry
//! that would fill the memory is let go.

use std::io::Read;

use memchr::memchr;

use crate::parse::text::{Blocks, Window};

/// The most bytes of a line or an entry that are held. A value that the directory hands out stays below 10 MiB.
pub(super) const MOST_HELD: usize = 16 << 20;

/// A line and those that continue it, as places in the buffer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Line {
    /// Its number, counted from 1.
    pub(super) number: u64,
    /// Where it begins.
    pub(super) begin: usize,
    /// Where it ends, before the line end.
    end: usize,
    /// Others continue it.
    pub(super) is_folded: bool,
    /// The source ends within it.
    pub(super) is_cut: bool,
    /// It was too long to be held; what is left of it tells nothing.
    pub(super) is_too_long: bool,
}

/// A source while its lines are read.
pub(super) struct Lines<R> {
    window: Window<R>,
    /// From here on bytes are held for whoever asked for that.
    held: Option<usize>,
    has_dropped: bool,
    /// Where the next line begins, and its number.
    next: usize,
    number: u64,
}

impl<R: Read> Lines<R> {
    /// The lines of `blocks`.
    pub(super) fn new(blocks: Blocks<R>) -> Self {
        Self { window: Window::new(blocks), held: None, has_dropped: false, next: 0, number: 1 }
    }

    /// The next line; those before it are gone unless they are held.
    pub(super) fn next(&mut self) -> Option<Line> {
        let mut line = Line { number: self.number, begin: self.next, ..Line::default() };
        let mut searched = self.next;
        loop {
            let found = self.window.bytes().get(searched..).and_then(|ahead| memchr(b'\n', ahead));
            let Some(at) = found else {
                searched = self.window.bytes().len();
                if self.refill(&mut line, &mut searched) {
                    continue;
                }
                (line.end, line.is_cut) = (self.window.bytes().len(), true);
                self.next = line.end;
                return (line.begin < line.end || line.is_too_long).then_some(line);
            };
            let mut end = searched + at;
            self.number += 1;
            if end + 1 == self.window.bytes().len() {
                self.refill(&mut line, &mut end);
            }
            let continues = self.window.bytes().get(end + 1) == Some(&b' ');
            if continues
                && (line.is_folded || line.is_too_long || !is_blank(self.window.between(line.begin, end)))
            {
                line.is_folded = true;
                searched = end + 1;
                continue;
            }
            line.end = end;
            self.next = end + 1;
            return Some(line);
        }
    }

    /// The bytes of `line`, without its line end; with those inside it where it is folded.
    pub(super) fn bytes(&self, line: &Line) -> &[u8] {
        trim_end(self.window.between(line.begin, line.end))
    }

    /// Holds what stands from `line` on.
    pub(super) fn hold(&mut self, line: &Line) {
        (self.held, self.has_dropped) = (Some(line.begin), false);
    }

    /// What was held up to `end`; `None` where it was too much.
    pub(super) fn held(&self, end: usize) -> Option<&[u8]> {
        self.held.filter(|_| !self.has_dropped).map(|begin| self.window.between(begin, end))
    }

    /// Holds nothing any more.
    pub(super) fn release(&mut self) {
        self.held = None;
    }

    /// Where the next line begins.
    pub(super) fn position(&self) -> usize {
        self.next
    }

    /// The code page that was guessed, where one had to be.
    pub(super) fn guessed(&self) -> Option<&'static str> {
        self.window.guessed()
    }

    /// Drops what nobody needs and reads a block; moves `line` and `at` with the bytes. `false` at the end.
    fn refill(&mut self, line: &mut Line, at: &mut usize) -> bool {
        let len = self.window.bytes().len();
        if self.window.has_ended() {
            return false;
        }
        if self.held.is_some_and(|held| len - held > MOST_HELD) {
            (self.held, self.has_dropped) = (None, true);
        }
        if *at - line.begin > MOST_HELD {
            (line.begin, line.is_too_long) = (*at, true);
        }
        let used = self.held.unwrap_or(line.begin).min(line.begin);
        line.begin -= used;
        *at -= used;
        self.next = self.next.saturating_sub(used);
        self.held = self.held.map(|held| held - used);
        self.window.refill(used)
    }
}

/// The line `raw` without the line ends and blanks where it is folded.
pub(super) fn unfolded<'a>(raw: &'a [u8], is_folded: bool, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    if !is_folded {
        return raw;
    }
    scratch.clear();
    for (index, piece) in raw.split(|&byte| byte == b'\n').enumerate() {
        let piece = trim_end(piece);
        scratch.extend_from_slice(if index == 0 { piece } else { piece.get(1..).unwrap_or_default() });
    }
    scratch
}

/// A line without the carriage returns before its end.
fn trim_end(line: &[u8]) -> &[u8] {
    let returns = line.iter().rev().take_while(|&&byte| byte == b'\r').count();
    line.get(..line.len() - returns).unwrap_or_default()
}

fn is_blank(line: &[u8]) -> bool {
    trim_end(line).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives `count` bytes at once.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, block: &mut [u8]) -> std::io::Result<usize> {
            let count = self.1.min(block.len());
            self.0.read(&mut block[..count])
        }
    }

    fn read(text: &[u8], count: usize) -> (Vec<(u64, Vec<u8>, bool)>, bool) {
        let mut lines = Lines::new(Blocks::new(Drip(text, count), text));
        let mut found = Vec::new();
        let mut scratch = Vec::new();
        while let Some(line) = lines.next() {
            let content = unfolded(lines.bytes(&line), line.is_folded, &mut scratch).to_vec();
            found.push((line.number, content, line.is_cut));
        }
        (found, lines.guessed().is_some())
    }

    #[test]
    fn lines_are_the_same_at_any_size_of_blocks() {
        let text = b"dn: a\r\n b\n  c\n\n x\ncn: 1\r\r\n\ncut\n t";
        let line = |number, content: &str, is_cut| (number, content.as_bytes().to_vec(), is_cut);
        let expected = [
            line(1, "dn: ab c", false),
            line(4, "", false),
            line(5, " x", false),
            line(6, "cn: 1", false),
            line(7, "", false),
            line(8, "cutt", true),
        ];
        for count in [1, 2, 3, 5, 100] {
            assert_eq!(read(text, count), (expected.to_vec(), false), "{count}");
        }
        assert_eq!(read(b"", 9), (Vec::new(), false));
        assert_eq!(read(b"\xEF\xBB\xBFa\n", 9).0, [line(1, "a", false)]);
    }

    #[test]
    fn a_guess_needs_a_line_that_is_not_utf_8() {
        for (text, guessed) in [
            ("ü\nü\n".as_bytes(), false),
            (b"a\nZ\xFCrich\n", true),
            (b"\xC3\xBC\nZ\xC3", false),
            (b"abc\nZ\xC3", true),
        ] {
            for count in [1, 4, 100] {
                assert_eq!(read(text, count).1, guessed, "{text:?}");
            }
        }
    }

    #[test]
    fn a_line_without_end_is_let_go() {
        let mut text = b"a: 1\nb: ".to_vec();
        text.resize(text.len() + MOST_HELD + (3 << 20), b'x');
        text.extend(b"\n more\nc: 2\n");
        let mut lines = Lines::new(Blocks::new(text.as_slice(), &text));
        let mut seen = Vec::new();
        while let Some(line) = lines.next() {
            if line.number == 1 {
                lines.hold(&line);
            }
            assert!(lines.window.bytes().len() < MOST_HELD + (1 << 20));
            seen.push((line.number, line.is_too_long));
        }
        assert_eq!(seen, [(1, false), (2, true), (4, false)]);
        assert_eq!(lines.held(lines.position()), None);
    }
}
