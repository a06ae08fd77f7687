//! The reader of a zip while its directory is read: every member costs a few hundred bytes of memory before anything can be
//! asked of the archive, so there is an end to them.
//!
//! The members are counted by what begins each of their entries, whatever the end of the directory says of their number:
//! there may be several ends, and they may lie.

use std::io::{self, Read, Seek, SeekFrom};

use super::super::stream::Refusal;
use super::super::walk::too_many;
use super::Input;

/// What begins an entry of the central directory (PKWARE's APPNOTE 6.3.10, 4.3.12).
const ENTRY: u32 = u32::from_be_bytes(*b"PK\x01\x02");

/// Entries of archives in the archive that may stand where the end of its directory is looked for.
const NEAR_THE_END: usize = 4096;

/// Reads the directory of an archive, and counts its entries.
#[derive(Debug, Clone)]
pub(super) struct Counted {
    input: Input,
    /// The bytes that were read last.
    last: u32,
    most: usize,
    left: usize,
}

impl Counted {
    /// Reads `input` as long as it has no more than `most` members. Whoever looks for the end of the directory may meet
    /// some twice.
    pub(super) fn new(input: Input, most: usize) -> Self {
        Self { input, last: 0, most, left: most.saturating_mul(2).saturating_add(NEAR_THE_END) }
    }
}

impl Read for Counted {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(block)?;
        let mut entries = 0;
        for byte in block.get(..count).unwrap_or_default() {
            self.last = self.last << 8 | u32::from(*byte);
            entries += usize::from(self.last == ENTRY);
        }
        self.left = self.left.checked_sub(entries).ok_or_else(|| {
            let issue = too_many(self.most);
            Refusal::error(issue.code, issue.detail)
        })?;
        Ok(count)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.last = 0;
        self.input.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Archive;
    use super::*;
    use std::io::{Cursor, Write};
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    fn zip(members: usize) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for member in 0..members {
            zip.start_file(format!("{member}"), stored).unwrap();
            zip.write_all(b"x").unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn a_directory_with_too_many_members_is_not_read_to_its_end() {
        // An end that claims less stands behind the true one, as a comment; another archive has something before it.
        let lying = [&zip(5_000)[..], b"PK\x05\x06\0\0\0\0\x05\0\x05\0\0\0\0\0\0\0\0\0\0\0"].concat();
        let prefixed = [b"something before", &zip(5_000)[..]].concat();
        for bytes in [zip(5_000), lying, prefixed] {
            let error = Archive::new(Input::memory(bytes), 100).unwrap_err();
            assert_eq!(Refusal::of(&error).map(|refusal| refusal.code), Some("too-many-files"), "{error}");
        }
    }

    #[test]
    fn as_many_as_may_be_are_read_and_may_hold_archives() {
        let mut outer = ZipWriter::new(Cursor::new(Vec::new()));
        let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for member in 0..3 {
            outer.start_file(format!("{member}.zip"), stored).unwrap();
            outer.write_all(&zip(100)).unwrap();
        }
        let outer = outer.finish().unwrap().into_inner();
        let members = Archive::new(Input::memory(outer), 3).unwrap().members(&[], 3).unwrap();
        assert_eq!(members.len(), 3);
        assert!(Archive::new(Input::memory(zip(100)), 100).is_ok());
    }
}
