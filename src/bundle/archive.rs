//! Zip archives as a list of members, each opened on its own and read forward.
//!
//! Nothing is extracted. Limits hold on the bytes really read, since sizes in headers lie. What is *not*
//! done here: archives inside archives, and other methods than store and deflate; both are named.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use zip::ZipArchive;
use zip::read::ZipReadOptions;
use zip::result::ZipError;

use super::stream::{Limits, read_at, too_large};
use crate::fact::Issue;

/// Members over this size must not expand more than the limit's ratio.
const RATIO_FREE: u64 = 64 << 20;

/// The most bytes of an archive that are held in memory.
const MOST_IN_MEMORY: u64 = 4 << 30;

/// Whether a file begins as a zip does (an empty zip included).
pub(super) fn is_zip(magic: &[u8]) -> bool {
    magic == b"PK\x03\x04" || magic == b"PK\x05\x06"
}

/// An opened archive; clones share its directory.
#[derive(Debug, Clone)]
pub(super) struct Archive {
    directory: Arc<ZipArchive<Input>>,
    input: Input,
}

/// A file of an archive, before it is opened.
pub(super) struct Member {
    pub(super) index: usize,
    /// With `/`, without `..` and roots, unique in its archive.
    pub(super) name: String,
    pub(super) readable: bool,
    pub(super) issues: Vec<Issue>,
}

impl Archive {
    pub(super) fn from_file(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Self::new(Input::File(Shared { file: Arc::new(file), at: 0, len }))
    }

    /// Reads a whole archive into memory: a zip's directory stands at its end.
    pub(super) fn from_reader(reader: impl Read) -> io::Result<Self> {
        let mut bytes = Vec::new();
        reader.take(MOST_IN_MEMORY + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MOST_IN_MEMORY {
            return Err(too_large("an archive this large can't come through a pipe; pass it by its path"));
        }
        Self::new(Input::Memory(Cursor::new(bytes.into())))
    }

    fn new(input: Input) -> io::Result<Self> {
        Ok(Self { directory: Arc::new(ZipArchive::new(input.clone())?), input })
    }

    /// The archive's files in its own order, `limits.max_entries` at most.
    pub(super) fn members(&self, limits: &Limits) -> Vec<Member> {
        let mut seen = HashSet::new();
        let mut members = Vec::new();
        for index in 0..self.directory.len() {
            if members.len() >= limits.max_entries {
                members.push(Member {
                    index,
                    name: "…".into(),
                    readable: false,
                    issues: vec![Issue::loss(
                        "too-many-files",
                        format!("more than {} members; the rest was not read", limits.max_entries),
                        None,
                    )],
                });
                break;
            }
            members.extend(self.member(index, &mut seen));
        }
        if self.directory.has_duplicate_names()
            && let Some(first) = members.first_mut()
        {
            first.issues.push(Issue::loss(
                "member-name-repeated",
                "the archive names several members alike; only the last of each name can be read",
                None,
            ));
        }
        members
    }

    fn member(&self, index: usize, seen: &mut HashSet<String>) -> Option<Member> {
        let entry = match self.directory.by_index_data(index) {
            Ok(entry) => entry,
            Err(error) => {
                return Some(Member {
                    index,
                    name: format!("member {index}"),
                    readable: false,
                    issues: vec![super::unreadable(&error.into())],
                });
            }
        };
        if entry.is_dir() {
            return None;
        }
        let raw = entry.name().map_or_else(
            |_| String::from_utf8_lossy(entry.name_raw()).into_owned(),
            |name| name.into_owned(),
        );
        let mut issues = Vec::new();
        let mut name = safe_name(&raw);
        if name != raw.replace('\\', "/") {
            issues.push(Issue::note("member-name-unsafe", format!("the archive names this member {raw:?}, which would leave the folder it is unpacked to; it was read in place, nothing was written")));
        }
        while !seen.insert(name.clone()) {
            name.push('+');
        }
        let obstacle = if entry.encrypted() {
            Some(Issue::loss(
                "member-encrypted",
                "this member is encrypted; ask for the archive without a password",
                None,
            ))
        } else if entry.is_symlink() {
            Some(Issue::loss(
                "link-not-followed",
                "a symbolic link; links are not followed, send the file itself",
                None,
            ))
        } else {
            None
        };
        let readable = obstacle.is_none();
        issues.extend(obstacle);
        Some(Member { index, name, readable, issues })
    }

    /// Opens member `index` and hands its bytes to `read`.
    pub(super) fn read<T>(
        &self,
        index: usize,
        limits: &Limits,
        read: impl FnOnce(Box<dyn Read + '_>) -> T,
    ) -> io::Result<T> {
        let mut input = self.input.clone();
        let entry = self.directory.by_index_data(index)?;
        let compressed = entry.compressed_size();
        let member = entry.with_reader(&mut input, ZipReadOptions::new()).map_err(unsupported)?;
        Ok(read(Box::new(Bounded {
            reader: member,
            left: RATIO_FREE.max(compressed.saturating_mul(limits.max_ratio)),
        })))
    }
}

/// A method or a form of archive that is not read is said as such.
fn unsupported(error: ZipError) -> io::Error {
    match error {
        ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_) => io::Error::new(
            io::ErrorKind::Unsupported,
            format!(
                "its compression is not supported ({error}); ask for a zip made by Windows Explorer or Compress-Archive"
            ),
        ),
        other => other.into(),
    }
}

/// The path without roots, drive letters and `..`, with `/` as its only separator.
fn safe_name(raw: &str) -> String {
    let slashed = raw.replace('\\', "/");
    let sound = |part: &&str| !part.is_empty() && *part != "." && *part != ".." && !part.ends_with(':');
    slashed.split('/').filter(sound).collect::<Vec<_>>().join("/")
}

/// Stops a member that expands beyond all measure.
struct Bounded<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(block)?;
        self.left = self
            .left
            .checked_sub(count as u64)
            .ok_or_else(|| too_large("it expands far more than real logs do; the rest was not read"))?;
        Ok(count)
    }
}

/// Where an archive's bytes stand; clones read on their own.
#[derive(Debug, Clone)]
enum Input {
    File(Shared),
    Memory(Cursor<Arc<[u8]>>),
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

/// One open file with a position of its own in every clone.
#[derive(Debug, Clone)]
struct Shared {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_and_use_slashes() {
        assert_eq!(safe_name(r"BasicLog\EventLogs\System.evtx"), "BasicLog/EventLogs/System.evtx");
        assert_eq!(safe_name("../../etc/passwd"), "etc/passwd");
        assert_eq!(safe_name(r"C:\Windows\x"), "Windows/x");
        assert_eq!(safe_name("/abs/evil"), "abs/evil");
    }
}
