//! The 64 KiB chunks of a log, and the walk over the records of one.
//!
//! A record is `2a 2a 00 00`, its size, its id, the FILETIME of its writing, BinXML, and its size again.
//! Records follow one another from byte 512 up to the free space that the chunk header states. A header is
//! believed only where its checksum fits; else the walk goes on for as long as sound records with growing
//! ids follow, which also ends it before the older records that the slack of a reused chunk holds. What is
//! *not* done here: reading BinXML (see [`super::system`]).

use super::bytes::{checksum, offset_at, u32_at, u64_at};
use super::damage::{Damage, Kind};

/// Bytes of a chunk.
pub(super) const CHUNK: usize = 64 * 1024;
/// The signature of a chunk.
pub(super) const SIGNATURE: &[u8; 8] = b"ElfChnk\0";
/// Where the records of a chunk begin.
pub(super) const RECORDS: usize = 512;
/// Where the string table, then the template table, of a chunk header stand.
pub(super) const TABLES: usize = 128;
/// The first four bytes of a record.
const RECORD: &[u8; 4] = b"\x2a\x2a\0\0";
/// Bytes of a record before its BinXML.
pub(super) const RECORD_HEADER: usize = 24;
/// A record header and the second copy of the size.
const SMALLEST_RECORD: usize = RECORD_HEADER + 4;
/// More records than a chunk can hold: a larger difference of ids is no count of lost records.
const MOST_RECORDS: u64 = ((CHUNK - RECORDS) / SMALLEST_RECORD) as u64;
/// Room for the records of a usual chunk.
const USUAL_RECORDS: usize = 128;
/// The flag of a chunk or file header that carries no checksums.
pub(super) const NO_CHECKSUM: u32 = 4;

/// One chunk as it stands in the file.
#[derive(Clone, Copy)]
pub(super) struct Chunk<'a> {
    /// Where it begins in the file.
    pub(super) offset: u64,
    /// 64 KiB, less where the file ends inside the chunk.
    pub(super) data: &'a [u8],
}

/// A record with a sound frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// Where it begins in its chunk.
    pub(super) at: usize,
    /// Where its BinXML ends: before the second copy of its size.
    pub(super) end: usize,
    /// Its id.
    pub(super) id: u64,
    /// The FILETIME of its writing.
    pub(super) written: u64,
}

/// What a walk over a chunk found.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The intact records, in the chunk's order.
    pub(super) frames: Vec<Frame>,
    /// What is wrong with the chunk.
    pub(super) damage: Damage,
    /// Where the file ends inside the chunk.
    pub(super) cut: Option<Cut>,
    /// Where the search for records ended.
    end: usize,
    /// Where the records end of which the header states a checksum.
    records: Option<usize>,
}

/// The end of a file inside a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    /// Bytes that a whole chunk would still have.
    pub(super) missing: usize,
    /// Records that stood in them, where the chunk's header tells.
    pub(super) lost: Option<u64>,
}

impl Chunk<'_> {
    /// Finds the records.
    pub(super) fn walk(&self) -> Walk {
        if self.data.iter().all(|byte| *byte == 0) {
            let missing = CHUNK.saturating_sub(self.data.len());
            let cut = (missing > 0).then_some(Cut { missing, lost: Some(0) });
            return Walk { cut, ..Walk::default() };
        }
        let header = Header::read(self.data);
        let mut walker = Walker { chunk: *self, live_end: header.live_end(), header, walk: Walk::default() };
        walker.walk.frames.reserve(USUAL_RECORDS);
        walker.examine_header();
        walker.run();
        walker.walk
    }

    /// Whether the records that `walk` found have the checksum that the header states.
    pub(super) fn fits(&self, walk: &Walk) -> bool {
        let records = walk.records.and_then(|end| self.data.get(RECORDS..end));
        records.is_none_or(|records| Some(checksum(&[records])) == u32_at(self.data, 52))
    }

    /// Records behind those that `walk` found: the log has given them up, and not overwritten them yet. What
    /// they refer to may be overwritten.
    pub(super) fn slack(&self, walk: &Walk) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut at = walk.end;
        while let Some(rest) = self.data.get(at..).filter(|_| at > 0) {
            let Some(distance) = rest.windows(RECORD.len()).position(|bytes| bytes == RECORD) else { break };
            at += distance;
            let found = self.header_of_record(at).filter(|(_, next)| self.repeats_size(at, *next));
            frames.extend(found.map(|(frame, _)| frame));
            at = found.map_or(at + 1, |(_, next)| next);
        }
        frames.retain(|frame| walk.frames.iter().all(|live| live.id != frame.id));
        frames
    }

    /// The record at `at`. The second copy of its size proves it; where that is damaged, the next record
    /// or the end of all does.
    fn frame(&self, at: usize, live_end: Option<usize>) -> Option<Frame> {
        let (frame, next) = self.header_of_record(at)?;
        let proven = self.repeats_size(at, next)
            || Some(next) == live_end
            || self.data.get(next..)?.starts_with(RECORD);
        proven.then_some(frame)
    }

    /// The record at `at` and where the next one begins, not proven yet.
    fn header_of_record(&self, at: usize) -> Option<(Frame, usize)> {
        let header: &[u8; RECORD_HEADER] = self.data.get(at..)?.first_chunk()?;
        if !header.starts_with(RECORD) {
            return None;
        }
        let size = offset_at(header, 4)?;
        let next = at.checked_add(size).filter(|next| size >= SMALLEST_RECORD && *next <= self.data.len())?;
        Some((Frame { at, end: next - 4, id: u64_at(header, 8)?, written: u64_at(header, 16)? }, next))
    }

    fn repeats_size(&self, at: usize, next: usize) -> bool {
        u32_at(self.data, next - 4) == u32_at(self.data, at + 4)
    }
}

impl Frame {
    /// Where the record after it begins.
    fn next(&self) -> usize {
        self.end + 4
    }
}

/// The part of a chunk header that the walk needs.
struct Header {
    signed: bool,
    sound: bool,
    first_id: u64,
    last_id: u64,
    free_space: usize,
    without_checksums: bool,
}

impl Header {
    fn read(data: &[u8]) -> Self {
        let number = |at| u32_at(data, at).unwrap_or_default();
        let long = |at| u64_at(data, at).unwrap_or_default();
        let part = |from, to| data.get(from..to).unwrap_or_default();
        let signed = data.starts_with(SIGNATURE);
        let without_checksums = number(120) & NO_CHECKSUM != 0;
        let fits = without_checksums || number(124) == checksum(&[part(0, 120), part(TABLES, RECORDS)]);
        Self {
            signed,
            sound: signed && fits,
            first_id: long(24),
            last_id: long(32),
            free_space: offset_at(data, 48).unwrap_or_default(),
            without_checksums,
        }
    }

    /// Where the live records end; `None` where the header can't be believed.
    fn live_end(&self) -> Option<usize> {
        (self.sound && self.has_free_space()).then_some(self.free_space)
    }

    fn has_free_space(&self) -> bool {
        (RECORDS..=CHUNK).contains(&self.free_space)
    }

    /// Whether a record `id` belongs into this chunk: a sound header lists it, else it follows `previous`.
    /// A snapshot taken while the chunk was reused holds records of two passes, one not in the list.
    fn can_hold(&self, id: u64, previous: Option<u64>) -> bool {
        let follows = |previous| id > previous && id - previous <= MOST_RECORDS;
        let listed = self.sound && (self.first_id..=self.last_id).contains(&id);
        listed || previous.map_or(!self.sound, follows)
    }

    /// Records of this chunk between `previous` and `next` (or its end); `None` where that can't be told.
    fn between(&self, previous: Option<u64>, next: Option<u64>) -> Option<u64> {
        let from = previous.map_or(self.signed.then_some(self.first_id), |id| id.checked_add(1))?;
        let to = next.or_else(|| self.signed.then(|| self.last_id.checked_add(1)).flatten())?;
        to.checked_sub(from).filter(|count| *count <= MOST_RECORDS)
    }
}

struct Walker<'a> {
    chunk: Chunk<'a>,
    header: Header,
    live_end: Option<usize>,
    walk: Walk,
}

impl Walker<'_> {
    /// Reports what is wrong with the chunk's header.
    fn examine_header(&mut self) {
        let Self { chunk, header, .. } = self;
        if !header.signed {
            return;
        }
        let damage = &mut self.walk.damage;
        if !header.sound {
            damage.note(Kind::HeaderChecksum, chunk.offset);
        }
        if !header.has_free_space() {
            damage.note(Kind::RecordsEnd, chunk.offset);
        }
        let heads = (TABLES..RECORDS).step_by(4).filter_map(|at| offset_at(chunk.data, at));
        if heads.into_iter().any(|head| head != 0 && !(RECORDS..CHUNK - RECORD_HEADER).contains(&head)) {
            damage.note(Kind::Tables, chunk.offset);
        }
        self.walk.records = self.live_end.filter(|end| *end <= chunk.data.len() && !header.without_checksums);
    }

    fn run(&mut self) {
        let limit = self.live_end.unwrap_or(CHUNK).min(self.chunk.data.len());
        let mut at = RECORDS;
        let mut previous = None;
        while at < limit {
            let frame = self.chunk.frame(at, self.live_end);
            if frame.is_some_and(|frame| self.is_stale(&frame, previous)) {
                break;
            }
            if let Some(frame) = frame.filter(|frame| !self.is_astray(frame, previous)) {
                previous = Some(frame.id);
                at = frame.next();
                self.walk.frames.push(frame);
            } else if let Some(frame) = self.resume(at + 1, limit, previous) {
                let lost = self.header.between(previous, Some(frame.id));
                self.walk.damage.loss(Kind::Record, self.chunk.offset + at as u64, lost);
                at = frame.at;
            } else {
                break;
            }
        }
        self.finish(at, previous);
    }

    /// Whether `frame` is an older record in the slack, where no header says that the live ones have ended.
    fn is_stale(&self, frame: &Frame, previous: Option<u64>) -> bool {
        self.live_end.is_none() && previous.is_some_and(|previous| frame.id <= previous)
    }

    /// Whether the id of `frame` can't be right; believed, it would make all that follow look stale.
    fn is_astray(&self, frame: &Frame, previous: Option<u64>) -> bool {
        self.live_end.is_none()
            && previous.is_some_and(|previous| frame.id.saturating_sub(previous) > MOST_RECORDS)
    }

    /// The next record behind a damaged one: it must repeat its size and fit the chunk's ids, for its first
    /// four bytes can stand inside any other record.
    fn resume(&self, from: usize, limit: usize, previous: Option<u64>) -> Option<Frame> {
        let rest = self.chunk.data.get(from..limit)?;
        let starts = rest.windows(RECORD.len()).enumerate().filter(|(_, bytes)| *bytes == RECORD);
        starts.map(|(distance, _)| from + distance).find_map(|at| {
            let (frame, next) = self.chunk.header_of_record(at)?;
            let fits = next <= limit
                && self.chunk.repeats_size(at, next)
                && self.header.can_hold(frame.id, previous);
            fits.then_some(frame)
        })
    }

    /// Reports what the end of the walk, at `at`, left out.
    fn finish(&mut self, at: usize, previous: Option<u64>) {
        let Self { chunk, header, live_end, walk } = self;
        walk.end = at;
        let offset = chunk.offset + at as u64;
        if !header.signed {
            let kind = if walk.frames.is_empty() { Kind::Unreadable } else { Kind::Signature };
            let lost = (!walk.frames.is_empty()).then_some(0);
            walk.damage.loss(kind, chunk.offset, lost);
        }
        let lost = header.between(previous, None);
        if chunk.data.len() < CHUNK {
            let complete = live_end.is_some_and(|end| end <= at);
            let lost = if complete { Some(0) } else { lost.filter(|_| header.signed) };
            walk.cut = Some(Cut { missing: CHUNK - chunk.data.len(), lost });
        } else if header.signed && live_end.is_none_or(|end| at < end) {
            // Where nothing is lost, the header only overstates its free space.
            let blank = chunk.data.get(at..at + 4).is_none_or(|start| start == [0; 4]);
            match lost {
                Some(0) => {}
                None if blank || live_end.is_none() => {}
                _ => walk.damage.loss(Kind::Record, offset, lost),
            }
        }
    }
}
