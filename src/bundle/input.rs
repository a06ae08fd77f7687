//! Where a file's bytes stand: in a file or in memory, with a position of their own for every reader, or somewhere
//! that they only come from once.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use super::stream::{read_at, take_all};

/// Bytes that recognition of archives looks at: a tar tells by its whole first block.
const HEAD: u64 = 512;

/// Bytes that can be read from any place; clones read on their own.
#[derive(Debug, Clone)]
pub(super) enum Input {
    File(Shared),
    Memory(Cursor<Bytes>),
}

impl Input {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(Self::File(Shared { file: Arc::new(file), at: 0, len }))
    }

    pub(super) fn memory(bytes: Vec<u8>) -> Self {
        Self::Memory(Cursor::new(Bytes(Arc::new(bytes))))
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::File(file) => file.len,
            Self::Memory(bytes) => bytes.get_ref().0.len() as u64,
        }
    }

    fn rewind(&mut self) {
        match self {
            Self::File(file) => file.at = 0,
            Self::Memory(bytes) => bytes.set_position(0),
        }
    }
}

impl Read for Input {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(block),
            Self::Memory(bytes) => bytes.read(block),
        }
    }
}

impl Seek for Input {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::File(file) => file.seek(to),
            Self::Memory(bytes) => bytes.seek(to),
        }
    }
}

/// Bytes that clones share; unlike `Arc<[u8]>`, they are not copied to get there.
#[derive(Debug, Clone)]
pub(super) struct Bytes(Arc<Vec<u8>>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// One open file with a position of its own in every clone.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    file: Arc<File>,
    at: u64,
    len: u64,
}

impl Read for Shared {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        let count = read_at(&self.file, block, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Shared {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at =
            at.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a seek to before the beginning"))?;
        Ok(self.at)
    }
}

/// The bytes of a file that is about to be read.
pub(super) enum Data<'a> {
    Anywhere(Input),
    Forward(Box<dyn Read + 'a>),
}

impl<'a> Data<'a> {
    /// The first bytes, which stay to be read. What ends the reading before its time ends it again then.
    pub(super) fn peek(&mut self) -> Vec<u8> {
        let mut head = Vec::new();
        match self {
            Self::Anywhere(input) => {
                let _ = input.by_ref().take(HEAD).read_to_end(&mut head);
                input.rewind();
            }
            Self::Forward(reader) => {
                let failure = reader.by_ref().take(HEAD).read_to_end(&mut head).err();
                let rest = std::mem::replace(reader, Box::new(io::empty()));
                let begun = Cursor::new(head.clone()).chain(Failed(failure));
                *reader = Box::new(begun.chain(rest));
            }
        }
        head
    }

    pub(super) fn into_reader(self) -> Box<dyn Read + 'a> {
        match self {
            Self::Anywhere(input) => Box::new(input),
            Self::Forward(reader) => reader,
        }
    }

    /// Takes what only comes once into memory, up to `most` bytes; more than that stays as it came. Gives the error
    /// that cut it, too.
    pub(super) fn hold(self, most: u64) -> (Self, Option<io::Error>) {
        let Self::Forward(mut reader) = self else { return (self, None) };
        let mut bytes = Vec::new();
        let failure = take_all(&mut reader.by_ref().take(most.saturating_add(1)), &mut bytes);
        if bytes.len() as u64 > most {
            return (Self::Forward(Box::new(Cursor::new(bytes).chain(reader))), failure);
        }
        (Self::Anywhere(Input::memory(bytes)), failure)
    }
}

/// Fails once, where something failed before.
struct Failed(Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}
