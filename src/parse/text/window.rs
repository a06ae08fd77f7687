//! The part of a source that is looked at, while it is read forward.

use std::io::Read;

use memchr::memrchr;

use super::{Blocks, page_of};

/// Bytes of a source from some place on, as far as they were read.
pub(in crate::parse) struct Window<R> {
    blocks: Blocks<R>,
    bytes: Vec<u8>,
    ended: bool,
    /// How many bytes were read in all.
    read: u64,
    /// Up to here the encoding was checked.
    checked: usize,
    has_other_letters: bool,
    guessed: Option<&'static str>,
}

impl<R: Read> Window<R> {
    /// A window on `blocks`; nothing is read yet.
    pub(in crate::parse) fn new(blocks: Blocks<R>) -> Self {
        Self {
            blocks,
            bytes: Vec::new(),
            ended: false,
            read: 0,
            checked: 0,
            has_other_letters: false,
            guessed: None,
        }
    }

    /// What was read and not dropped.
    pub(in crate::parse) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A part of it; what is not there is left out.
    pub(in crate::parse) fn between(&self, begin: usize, end: usize) -> &[u8] {
        self.bytes.get(begin..end.min(self.bytes.len())).unwrap_or_default()
    }

    /// How many bytes were read in all.
    pub(in crate::parse) fn read(&self) -> u64 {
        self.read
    }

    /// Whether everything was read.
    pub(in crate::parse) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Drops the first `used` bytes and reads a block; `false` if everything was read before.
    pub(in crate::parse) fn refill(&mut self, used: usize) -> bool {
        if self.ended {
            return false;
        }
        self.bytes.drain(..used.min(self.bytes.len()));
        self.checked = self.checked.saturating_sub(used);
        let before = self.bytes.len();
        self.ended = !self.blocks.next(&mut self.bytes);
        self.read += (self.bytes.len() - before) as u64;
        self.check();
        true
    }

    /// The code page that was guessed for the first line that is not UTF-8.
    pub(in crate::parse) fn guessed(&self) -> Option<&'static str> {
        self.guessed
    }

    /// Looks for lines that are not UTF-8. No line end stands within a character, so whole lines are checked at once.
    fn check(&mut self) {
        let ahead = self.bytes.get(self.checked..).unwrap_or_default();
        let whole = if self.ended { ahead.len() } else { memrchr(b'\n', ahead).map_or(0, |at| at + 1) };
        let ahead = ahead.get(..whole).unwrap_or_default();
        self.checked += whole;
        if ahead.is_ascii() {
            return;
        }
        let Err(error) = std::str::from_utf8(ahead) else {
            self.has_other_letters = true;
            return;
        };
        // A last character that is cut proves nothing unless others before it were UTF-8.
        let before = ahead.get(..error.valid_up_to()).unwrap_or_default();
        let others = self.has_other_letters || !before.is_ascii();
        if self.guessed.is_none() && !(self.ended && error.error_len().is_none() && others) {
            self.guessed = Some(page_of(ahead));
        }
    }
}
