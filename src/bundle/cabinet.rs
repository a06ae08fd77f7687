//! A cabinet: its folders one after the other, each unpacked once, in one pass and at the cost of one window.
//!
//! The form is that of MS-CAB ("Cabinet File Format"), stored, MSZIP (MS-MCI) or LZX. Read here rather
//! than by the `cab` crate, which unpacks a folder anew for each of its files, needs to seek, and panics on offsets
//! that lie. What is *not* done: Quantum, and members that begin or end in another cabinet of a set.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::rc::Rc;

use encoding_rs::WINDOWS_1252;
use flate2::{Decompress, FlushDecompress};
use lzxd::{Lzxd, WindowSize};

use super::input::Data;
use super::names::Names;
use super::unreadable;
use super::walk::{Place, Walk, damage};
use crate::fact::Issue;

/// What MSZIP refers back to at most, and what a block holds at most.
const WINDOW: usize = 32 << 10;
/// The longest name; the format says 256 bytes with its end.
const MOST_NAME: u64 = 1 << 10;
const HAS_PREVIOUS: u16 = 1;
const HAS_NEXT: u16 = 2;
const HAS_RESERVE: u16 = 4;
const NAME_IS_UTF8: u16 = 0x80;
/// Folder indices from here on mean a member that another cabinet begins or ends.
const CONTINUED: u16 = 0xfffd;

/// Reads every member, in the order of their data. A folder that is damaged costs itself, as far as the next is there.
pub(super) fn read(walk: &mut Walk<'_>, at: &Place, reader: Box<dyn Read + '_>) -> Result<(), Issue> {
    let mut bytes = Forward { reader, at: Rc::default() };
    let mut directory = Directory::read(&mut bytes).map_err(|error| damage(&error))?;
    directory.folders.sort_by_key(|folder| folder.begin);
    let (mut names, mut told) = (Names::default(), false);
    for folder in &directory.folders {
        let files = directory.files.remove(&folder.index).unwrap_or_default();
        match read_folder(walk, at, &mut bytes, folder, files, &mut names) {
            Ok(damaged) => told |= damaged,
            Err(_) if told => return Ok(()),
            Err(issue) => return Err(issue),
        }
    }
    let continued: usize = directory.files.range(CONTINUED..).map(|(_, files)| files.len()).sum();
    if continued > 0 {
        let detail = format!(
            "{continued} members begin or end in another cabinet of a set and are not read; unpack the set, and send the folder"
        );
        return Err(Issue::loss("member-unsupported", detail, None));
    }
    Ok(())
}

/// Gives whether a member told of damage.
fn read_folder(
    walk: &mut Walk<'_>,
    at: &Place,
    bytes: &mut Forward<'_>,
    folder: &Folder,
    mut files: Vec<File>,
    names: &mut Names,
) -> Result<bool, Issue> {
    bytes.skip_to(u64::from(folder.begin)).map_err(|error| damage(&error))?;
    let Some(method) = Method::of(folder.method) else {
        let detail = "its compression (Quantum) is not unpacked; unpack it, and send the folder or a zip";
        return Err(Issue::loss("member-unsupported", detail, None));
    };
    let packed = Rc::clone(&bytes.at);
    let (blocks, reserve) = (folder.blocks, folder.reserve);
    let content = Content { bytes, method, blocks, reserve, block: Vec::new(), given: 0 };
    let mut content = walk.metered(content, packed);
    files.sort_by_key(|file| file.begin);
    let mut position = 0;
    for file in files {
        walk.enter()?;
        let (name, mut issues) = names.place(&file.name);
        let place = at.member(&name);
        let Some(gap) = u64::from(file.begin).checked_sub(position) else {
            let detail = "it shares bytes with another member, as no usual tool writes it; it was not read; ask who made the archive";
            issues.push(Issue::loss("member-overlaps", detail, None));
            walk.closed(place.path, issues);
            continue;
        };
        io::copy(&mut content.by_ref().take(gap), &mut io::sink()).map_err(|error| unreadable(&error))?;
        position = u64::from(file.begin) + u64::from(file.size);
        let member = walk.sized(content.by_ref().take(file.size.into()), file.size.into());
        let failed = member.failed();
        walk.file(&place, issues, Data::Forward(Box::new(member)));
        if failed.get() {
            return Ok(true);
        }
    }
    Ok(false)
}

struct Folder {
    index: u16,
    begin: u32,
    blocks: u16,
    method: u16,
    /// Bytes between the header and the data of each block.
    reserve: u8,
}

struct File {
    name: String,
    size: u32,
    begin: u32,
}

struct Directory {
    folders: Vec<Folder>,
    /// By the index of their folder.
    files: BTreeMap<u16, Vec<File>>,
}

impl Directory {
    fn read(bytes: &mut Forward<'_>) -> io::Result<Self> {
        bytes.skip_to(16)?;
        let files_begin = bytes.u32()?;
        bytes.skip_to(26)?;
        let (folder_count, file_count, flags) = (bytes.u16()?, bytes.u16()?, bytes.u16()?);
        bytes.skip_to(36)?;
        let (header_reserve, [folder_reserve, reserve]) =
            if flags & HAS_RESERVE == 0 { (0, [0, 0]) } else { (bytes.u16()?, bytes.array()?) };
        bytes.skip(header_reserve.into())?;
        for flag in [HAS_PREVIOUS, HAS_NEXT] {
            if flags & flag != 0 {
                bytes.name()?;
                bytes.name()?;
            }
        }
        let mut folders = Vec::new();
        for index in 0..folder_count {
            let (begin, blocks, method) = (bytes.u32()?, bytes.u16()?, bytes.u16()?);
            bytes.skip(folder_reserve.into())?;
            folders.push(Folder { index, begin, blocks, method, reserve });
        }
        bytes.skip_to(files_begin.into())?;
        let mut files: BTreeMap<u16, Vec<File>> = BTreeMap::new();
        for _ in 0..file_count {
            let (folder, file) = File::read(bytes)?;
            files.entry(folder).or_default().push(file);
        }
        Ok(Self { folders, files })
    }
}

impl File {
    /// A file and the index of its folder.
    fn read(bytes: &mut Forward<'_>) -> io::Result<(u16, Self)> {
        let (size, begin, folder) = (bytes.u32()?, bytes.u32()?, bytes.u16()?);
        bytes.skip(4)?;
        let attributes = bytes.u16()?;
        let raw = bytes.name()?;
        let name = if attributes & NAME_IS_UTF8 == 0 {
            WINDOWS_1252.decode_without_bom_handling(&raw).0.into_owned()
        } else {
            String::from_utf8_lossy(&raw).into_owned()
        };
        Ok((folder, Self { name, size, begin }))
    }
}

/// How a folder is compressed.
enum Method {
    Stored,
    MsZip(Decompress),
    Lzx(Box<Lzxd>),
}

impl Method {
    fn of(code: u16) -> Option<Self> {
        match (code & 0xf, code >> 8 & 0x1f) {
            (0, _) => Some(Self::Stored),
            (1, _) => Some(Self::MsZip(Decompress::new(false))),
            (3, bits) => {
                let window = match bits {
                    15 => WindowSize::KB32,
                    16 => WindowSize::KB64,
                    17 => WindowSize::KB128,
                    18 => WindowSize::KB256,
                    19 => WindowSize::KB512,
                    20 => WindowSize::MB1,
                    21 => WindowSize::MB2,
                    _ => return None,
                };
                Some(Self::Lzx(Box::new(Lzxd::new(window))))
            }
            _ => None,
        }
    }

    /// Unpacks a block to `size` bytes in `block`, which holds the block before it.
    fn unpack(&mut self, packed: &[u8], size: usize, block: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Stored => {
                block.clear();
                block.extend_from_slice(packed);
            }
            Self::MsZip(inflate) => {
                let packed = packed.strip_prefix(b"CK").ok_or_else(|| wrong("a block without its mark"))?;
                inflate.reset(false);
                if !block.is_empty() {
                    inflate.set_dictionary(block).map_err(io::Error::other)?;
                }
                let mut unpacked = Vec::with_capacity(size);
                inflate
                    .decompress_vec(packed, &mut unpacked, FlushDecompress::Finish)
                    .map_err(io::Error::other)?;
                *block = unpacked;
            }
            Self::Lzx(lzx) => {
                let unpacked = lzx.decompress_next(packed, size).map_err(io::Error::other)?;
                block.clear();
                block.extend_from_slice(unpacked);
            }
        }
        if block.len() == size { Ok(()) } else { Err(wrong("a block of another size than stated")) }
    }
}

/// What a folder holds, block by block.
struct Content<'r, 'b> {
    bytes: &'r mut Forward<'b>,
    method: Method,
    blocks: u16,
    reserve: u8,
    block: Vec<u8>,
    given: usize,
}

impl Content<'_, '_> {
    fn next_block(&mut self) -> io::Result<()> {
        self.blocks = self.blocks.saturating_sub(1);
        let stated = self.bytes.u32()?;
        let sizes = self.bytes.array::<4>()?;
        let [a, b, c, d] = sizes;
        let (packed, size) = (u16::from_le_bytes([a, b]), usize::from(u16::from_le_bytes([c, d])));
        let reserved = self.bytes.exact(self.reserve.into())?;
        let data = self.bytes.exact(packed.into())?;
        let own = checksum([&reserved[..], &data].concat().as_slice()) ^ u32::from_le_bytes(sizes);
        if stated != 0 && stated != own {
            return Err(wrong("the checksum of a block does not match"));
        }
        if size == 0 || size > WINDOW {
            return Err(wrong("a block of an impossible size"));
        }
        self.given = 0;
        self.method.unpack(&data, size, &mut self.block)
    }
}

impl Read for Content<'_, '_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.given >= self.block.len() {
            if self.blocks == 0 {
                return Ok(0);
            }
            self.next_block()?;
        }
        let count = self.block.get(self.given..).unwrap_or_default().read(to)?;
        self.given += count;
        Ok(count)
    }
}

/// XOR of the data as 32-bit numbers; the bytes that are left over stand the other way round.
fn checksum(data: &[u8]) -> u32 {
    let (words, rest) = data.as_chunks::<4>();
    let sum = words.iter().fold(0, |sum, word| sum ^ u32::from_le_bytes(*word));
    sum ^ rest.iter().fold(0, |tail, byte| tail << 8 | u32::from(*byte))
}

fn wrong(detail: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, detail)
}

/// The cabinet's bytes with their position.
struct Forward<'a> {
    reader: Box<dyn Read + 'a>,
    at: Rc<Cell<u64>>,
}

impl Forward<'_> {
    fn exact(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.reader.read_exact(&mut bytes)?;
        self.at.set(self.at.get() + count as u64);
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes)?;
        self.at.set(self.at.get() + N as u64);
        Ok(bytes)
    }

    fn u16(&mut self) -> io::Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> io::Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// A name without the zero that ends it.
    fn name(&mut self) -> io::Result<Vec<u8>> {
        let mut name = Vec::new();
        loop {
            match self.array()? {
                [0] => return Ok(name),
                _ if name.len() as u64 >= MOST_NAME => return Err(wrong("a name that does not end")),
                [byte] => name.push(byte),
            }
        }
    }

    fn skip(&mut self, count: u64) -> io::Result<()> {
        let skipped = io::copy(&mut self.reader.by_ref().take(count), &mut io::sink())?;
        self.at.set(self.at.get() + skipped);
        if skipped == count { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    fn skip_to(&mut self, place: u64) -> io::Result<()> {
        let ahead = place
            .checked_sub(self.at.get())
            .ok_or_else(|| wrong("its parts overlap, or stand in no usual order"))?;
        self.skip(ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{Bundle, Limits};

    /// Blocks with what they unpack to, and members with begin, size and folder: all in one folder.
    fn cabinet(method: u16, blocks: &[(&[u8], u16)], files: &[(&[u8], u32, u32, u16)]) -> Vec<u8> {
        let mut data = Vec::new();
        for (packed, size) in blocks {
            let sizes = [u16::try_from(packed.len()).unwrap().to_le_bytes(), size.to_le_bytes()].concat();
            let sum = checksum(packed) ^ u32::from_le_bytes(sizes.clone().try_into().unwrap());
            data.extend([&sum.to_le_bytes(), sizes.as_slice(), packed].concat());
        }
        let mut table = Vec::new();
        for (name, begin, size, folder) in files {
            table.extend([size.to_le_bytes(), begin.to_le_bytes()].concat());
            table.extend([&folder.to_le_bytes(), [0; 6].as_slice(), name, &[0]].concat());
        }
        let count = |number: usize| u16::try_from(number).unwrap().to_le_bytes();
        let mut all = b"MSCF\0\0\0\0".to_vec();
        all.extend([0u32, 0, 44, 0].map(u32::to_le_bytes).concat());
        all.extend([[3, 1], count(1), count(files.len()), [0, 0], [0, 0], [0, 0]].concat());
        all.extend(u32::try_from(44 + table.len()).unwrap().to_le_bytes());
        all.extend([count(blocks.len()), method.to_le_bytes()].concat());
        [all, table, data].concat()
    }

    /// Path, bytes and codes of issues.
    fn read(bytes: &[u8]) -> Vec<(String, u64, Vec<&'static str>)> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("c"), bytes).unwrap();
        let bundle = Bundle::open(&[folder.path().to_path_buf()], &Limits::default()).unwrap();
        let entry = |entry: crate::bundle::Entry<'_>| {
            let mut codes: Vec<_> = entry.issues.iter().map(|issue| issue.code).collect();
            let mut count = 0;
            if let Some(mut stream) = entry.stream {
                count = io::copy(&mut stream, &mut io::sink()).unwrap();
                codes.extend(stream.finish().failure.map(|error| crate::bundle::unreadable(&error).code));
            }
            (entry.path, count, codes)
        };
        bundle.read(&entry, &|| ())
    }

    /// LZX in a block that is not compressed: 0 (no translation of jumps), 3 (as it is), its size, three offsets.
    fn lzx(text: &[u8]) -> Vec<u8> {
        let head = 3 << 28 | u32::try_from(text.len()).unwrap() << 4;
        let [a, b, c, d] = head.to_be_bytes();
        [&[b, a, d, c], [1u32; 3].map(u32::to_le_bytes).concat().as_slice(), text].concat()
    }

    #[test]
    fn lzx_is_unpacked() {
        let bytes = cabinet(15 << 8 | 3, &[(&lzx(b"onetwo"), 6)], &[(b"a", 0, 3, 0), (b"b\\c", 3, 3, 0)]);
        assert_eq!(read(&bytes), [("c!/a".into(), 3, vec![]), ("c!/b/c".into(), 3, vec![])]);
    }

    #[test]
    fn a_member_spans_blocks_and_gaps_are_passed_over() {
        let files = [(&b"a"[..], 1, 4, 0), (b"empty", 5, 0, 0), (b"b", 5, 1, 0)];
        let bytes = cabinet(0, &[(b"xyz", 3), (b"uvw", 3)], &files);
        assert_eq!(read(&bytes).iter().map(|(_, count, _)| *count).collect::<Vec<_>>(), [4, 0, 1]);
    }

    #[test]
    fn lies_and_damage_are_said_once() {
        let code = |bytes: &[u8]| read(bytes).into_iter().flat_map(|(_, _, codes)| codes).collect::<Vec<_>>();
        let good = cabinet(0, &[(b"abc", 3)], &[(b"a", 0, 3, 0)]);
        assert_eq!(code(&good), [""; 0]);
        let mut altered = good.clone();
        *altered.last_mut().unwrap() ^= 1;
        assert_eq!(code(&altered), ["archive-damaged"]);
        assert_eq!(code(&good[..good.len() - 1]), ["archive-damaged"]);
        assert_eq!(code(&good[..50]), ["archive-damaged"]);
        assert_eq!(code(&cabinet(0, &[(b"abc", 3)], &[(b"a", 0, 9, 0)])), ["archive-damaged"]);
        assert_eq!(code(&cabinet(0, &[(b"abc", 3)], &[(b"a", u32::MAX, 9, 0)])), ["archive-damaged"]);
        assert_eq!(code(&cabinet(0, &[(b"abc", 0)], &[(b"a", 0, 3, 0)])), ["archive-damaged"]);
        assert_eq!(code(&cabinet(2, &[(b"abc", 3)], &[(b"a", 0, 3, 0)])), ["member-unsupported"]);
        assert_eq!(code(&cabinet(0, &[(b"abc", 3)], &[(b"a", 0, 3, CONTINUED)])), ["member-unsupported"]);
        let shared = [(&b"a"[..], 0, 3, 0), (b"b", 1, 2, 0)];
        assert_eq!(code(&cabinet(0, &[(b"abc", 3)], &shared)), ["member-overlaps"]);
    }
}
