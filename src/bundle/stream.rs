//! A source while it is read: forward only, hashed on the way, bounded.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use super::allowance::{Allowance, spending};

/// Bytes that [`Stream::head`] shows; recognition looks at no more.
const HEAD: usize = 64 * 1024;

/// How much of a bundle is read at most. Real bundles stay far below; bombs do not.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of one source.
    pub max_source_bytes: u64,
    /// Bytes that come out of all archives of one bundle.
    pub max_unpacked_bytes: u64,
    /// Bytes that are held in memory for one archive in another, and for what is nested in it; also what unpacking
    /// a 7z may take.
    pub max_held_bytes: u64,
    /// Files and archive members of one bundle.
    pub max_entries: usize,
    /// Bytes out for one byte in, for archive members over 64 MiB.
    pub max_ratio: u64,
    /// Archives around a file.
    pub max_depth: usize,
    /// What all reading of one bundle may take, beyond which it ends wherever it is.
    pub allowance: Option<Arc<Allowance>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_source_bytes: 64 << 30,
            max_unpacked_bytes: 64 << 30,
            max_held_bytes: 256 << 20,
            max_entries: 200_000,
            max_ratio: 200,
            max_depth: 4,
            allowance: None,
        }
    }
}

/// One forward reading of a source.
pub struct Stream<'a> {
    reader: Box<dyn Read + 'a>,
    head: Vec<u8>,
    given: usize,
    taken: u64,
    max_bytes: u64,
    allowance: Option<Arc<Allowance>>,
    hasher: blake3::Hasher,
    failure: Option<io::Error>,
}

/// A source after it was read.
#[derive(Debug)]
pub struct Finished {
    /// blake3 of all its bytes.
    pub hash: blake3::Hash,
    /// How many there were.
    pub bytes: u64,
    /// What cut it, if anything.
    pub failure: Option<io::Error>,
}

impl<'a> Stream<'a> {
    /// Reads from `reader`, as much and as long as one source may by `limits`.
    #[must_use]
    pub fn new(reader: Box<dyn Read + 'a>, limits: &Limits) -> Self {
        Self {
            reader,
            head: Vec::new(),
            given: 0,
            taken: 0,
            max_bytes: limits.max_source_bytes,
            allowance: limits.allowance.clone(),
            hasher: blake3::Hasher::new(),
            failure: None,
        }
    }

    /// The first bytes (64 KiB, fewer in a smaller source), without consuming them.
    pub fn head(&mut self) -> &[u8] {
        while self.head.len() < HEAD {
            let mut block = vec![0; HEAD - self.head.len()];
            match self.pull(&mut block) {
                0 => break,
                count => self.head.extend_from_slice(block.get(..count).unwrap_or_default()),
            }
        }
        &self.head
    }

    /// Reads what is left.
    pub fn finish(mut self) -> Finished {
        let mut block = vec![0; HEAD];
        while self.pull(&mut block) > 0 {}
        Finished { hash: self.hasher.finalize(), bytes: self.taken, failure: self.failure }
    }

    /// Reads from the source itself; an error ends the stream and is kept for [`Stream::finish`].
    fn pull(&mut self, block: &mut [u8]) -> usize {
        if self.failure.is_some() {
            return 0;
        }
        loop {
            match spending(self.allowance.as_deref(), || self.reader.read(block)) {
                Ok(count) if self.taken + count as u64 > self.max_bytes => {
                    self.failure =
                        Some(too_large("larger than the limit for one file; the rest was not read"));
                    return 0;
                }
                Ok(count) => {
                    self.taken += count as u64;
                    self.hasher.update(block.get(..count).unwrap_or_default());
                    return count;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure = Some(error);
                    return 0;
                }
            }
        }
    }
}

/// Takes all of `reader` into memory behind `bytes`; gives the error that ended it early.
///
/// Where memory runs out, the process ends. [`Read::read_to_end`] gives an error then, by which a file looks shorter than
/// it is, and what is judged would depend on the memory of a machine.
pub(crate) fn take_all(reader: &mut impl Read, bytes: &mut Vec<u8>) -> Option<io::Error> {
    let mut block = vec![0; HEAD];
    loop {
        match reader.read(&mut block) {
            Ok(0) => return None,
            Ok(count) => bytes.extend_from_slice(block.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Some(error),
        }
    }
}

/// Reads from a place of a file that several threads may read at once.
pub(super) fn read_at(file: &File, block: &mut [u8], at: u64) -> io::Result<usize> {
    #[cfg(unix)]
    let count = std::os::unix::fs::FileExt::read_at(file, block, at)?;
    // It moves the position of the file as well, which nobody uses.
    #[cfg(windows)]
    let count = std::os::windows::fs::FileExt::seek_read(file, block, at)?;
    Ok(count)
}

/// The error of a source that is cut for its size.
pub(super) fn too_large(detail: &str) -> io::Error {
    let refusal = Refusal { code: "member-too-large", detail: detail.to_owned() };
    io::Error::new(io::ErrorKind::FileTooLarge, refusal)
}

/// Why a source is not read on, in words for a person, on its way through readers that know only errors.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub(super) struct Refusal {
    /// The code of the issue that it becomes.
    pub(super) code: &'static str,
    /// One sentence, ending in advice.
    pub(super) detail: String,
}

impl Refusal {
    pub(super) fn error(code: &'static str, detail: impl Into<String>) -> io::Error {
        io::Error::other(Self { code, detail: detail.into() })
    }

    pub(super) fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref())
    }
}

/// Never fails: an error ends the stream early, and [`Stream::finish`] tells of it.
impl Read for Stream<'_> {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        let ahead = self.head.get(self.given..).unwrap_or_default();
        if ahead.is_empty() {
            return Ok(self.pull(block));
        }
        let count = ahead.len().min(block.len());
        if let (Some(to), Some(from)) = (block.get_mut(..count), ahead.get(..count)) {
            to.copy_from_slice(from);
        }
        self.given += count;
        Ok(count)
    }
}
