//! How many members a zip says that it has, before its directory is read.
//!
//! PKWARE's APPNOTE 6.3.10: the end of the central directory (4.3.16), and, for more than 65,534 members, that of ZIP64
//! (4.3.14), which its locator (4.3.15) points to.

use std::io::{Read, Seek, SeekFrom};

const END: &[u8] = b"PK\x05\x06";
const LOCATOR: &[u8] = b"PK\x06\x07";
const END_64: &[u8] = b"PK\x06\x06";
/// Bytes of an end without its comment, the longest comment, and a locator before it.
const LONGEST: u64 = 22 + 0xFFFF + 20;

/// The number of members; `None` where no end of a directory is found, which is for others to complain of.
pub(super) fn members(zip: &mut (impl Read + Seek)) -> Option<u64> {
    let len = zip.seek(SeekFrom::End(0)).ok()?;
    zip.seek(SeekFrom::Start(len.saturating_sub(LONGEST))).ok()?;
    let mut tail = Vec::new();
    zip.take(LONGEST).read_to_end(&mut tail).ok()?;
    let at = tail.windows(END.len()).rposition(|bytes| bytes == END)?;
    let count = u16::from_le_bytes(array(&tail, at + 10)?);
    if count != u16::MAX {
        return Some(count.into());
    }
    let is_locator = |at: &usize| tail.get(*at..)?.starts_with(LOCATOR).then_some(());
    let Some(at) = at.checked_sub(20).filter(|at| is_locator(at).is_some()) else {
        return Some(count.into());
    };
    zip.seek(SeekFrom::Start(u64::from_le_bytes(array(&tail, at + 8)?))).ok()?;
    let mut end = [0; 40];
    zip.read_exact(&mut end).ok()?;
    end.starts_with(END_64).then(|| array(&end, 32).map(u64::from_le_bytes))?
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write};
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    fn zip(members: usize, comment: &str) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.set_comment(comment.to_owned()).unwrap();
        let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for member in 0..members {
            zip.start_file(format!("{member}"), stored).unwrap();
            zip.write_all(b"x").unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn the_end_of_the_directory_says_how_many_there_are() {
        for (count, comment) in [(0, ""), (3, ""), (3, "made by hand"), (66_000, "")] {
            let bytes = zip(count, comment);
            assert_eq!(members(&mut Cursor::new(&bytes)), Some(count as u64), "{count} {comment}");
            for cut in 0..bytes.len().min(200) {
                // A cut archive may say nothing; it must not hurt.
                let _ = members(&mut Cursor::new(&bytes[..cut]));
                let _ = members(&mut Cursor::new(&bytes[cut..]));
            }
        }
        assert_eq!(members(&mut Cursor::new(b"no zip")), None);
    }
}
