//! Windows event logs (`.evtx`), as the machine wrote them.
//!
//! A log is a 4 KiB header and chunks of 64 KiB at fixed offsets. It is read forward, a few chunks at a
//! time, and by no count that it claims: logs are copied while they are open, cut by full disks and
//! wrapped. Damage costs the records that it hit and is reported once a kind.
//!
//! Three steps a chunk: find the records ([`chunk`]); find provider, id, host and time of each without
//! decoding it ([`system`]), which is all that coverage needs; decode those that are worth it ([`decode`],
//! [`event`](super::event)). What is *not* done here: carving old records out of the slack of chunks, and rendering
//! messages, for which a log carries no texts.

use std::borrow::Cow;
use std::io::Read;

use rayon::prelude::*;

use super::event::Reading;
use super::{Context, Format, Head};
use crate::bundle::Stream;
use crate::fact::{Fact, Issue, Observation, Parsed, Position};

mod bytes;
mod chunk;
mod damage;
mod decode;
mod system;
mod tally;

use bytes::{checksum, filetime, u16_at, u32_at};
use chunk::{CHUNK, Chunk, Cut, Frame, Walk};
use damage::{Damage, Kind};
use system::System;
use tally::Tally;

/// Event logs, recognised by their signature, or by that of the first chunk where the header is damaged.
pub(super) const FORMAT: Format = Format { kind: "evtx", recognise, parse };

/// The signature of a log.
const SIGNATURE: &[u8; 8] = b"ElfFile\0";
/// Bytes before the first chunk.
const HEADER: usize = 4096;
/// Chunks read at once: enough to keep the pool busy, and 1 MiB.
const BATCH: usize = 16;

fn recognise(head: &Head<'_>) -> bool {
    let chunk_at = |at| head.bytes.get(at..).is_some_and(|rest| rest.starts_with(chunk::SIGNATURE));
    head.bytes.starts_with(SIGNATURE) || chunk_at(HEADER) || chunk_at(0)
}

fn parse(stream: &mut Stream, context: &Context<'_>) -> Parsed {
    let mut log = Log::default();
    let mut offset = if stream.head().starts_with(chunk::SIGNATURE) { 0 } else { log.read_header(stream) };
    let mut batch = read_batch(stream, &mut offset);
    while !batch.is_empty() {
        let mut parts: Vec<Part> = Vec::new();
        let mut next = Vec::new();
        // Reading, with its hashing, costs as much as all the rest: the pool works on one batch while this
        // thread reads the next.
        rayon::in_place_scope(|scope| {
            scope.spawn(|_| parts = batch.into_par_iter().map(|chunk| Part::read(chunk, context)).collect());
            next = read_batch(stream, &mut offset);
        });
        parts.into_iter().for_each(|part| log.add(part));
        batch = next;
    }
    log.finish()
}

/// The next chunks; empty at the end of the log.
fn read_batch(stream: &mut Stream, offset: &mut u64) -> Vec<Chunk> {
    let chunks = std::iter::from_fn(|| {
        let chunk = Chunk::read(stream, *offset)?;
        *offset += CHUNK as u64;
        Some(chunk)
    });
    chunks.take(BATCH).collect()
}

/// What was read of a log so far.
#[derive(Default)]
struct Log {
    facts: Vec<Fact>,
    tally: Tally,
    damage: Damage,
    issues: Vec<Issue>,
    /// The count of chunks that an intact header of a log that was closed states.
    claimed_chunks: Option<u16>,
    chunks: u64,
    cut: Option<Cut>,
}

impl Log {
    /// Reads the header and returns where the chunks begin. All it states is a hint.
    fn read_header(&mut self, stream: &mut Stream) -> u64 {
        let mut header = Vec::with_capacity(HEADER);
        // A stream never fails: it ends early, and its owner reports why.
        let read = stream.take(HEADER as u64).read_to_end(&mut header).unwrap_or_default();
        if read < HEADER {
            let detail =
                format!("the file ends {} bytes before its first chunk; copy the log again", HEADER - read);
            self.issues.push(Issue::loss("log-truncated", detail, None));
            return HEADER as u64;
        }
        let flags = u32_at(&header, 120).unwrap_or_default();
        let computed = header.get(..120).map(|stated| checksum(&[stated]));
        let fits = flags & chunk::NO_CHECKSUM != 0 || u32_at(&header, 124) == computed;
        if !header.starts_with(SIGNATURE) || !fits {
            let detail = "the header of this log is damaged; all that follows it was read";
            self.issues.push(Issue::note("log-header-damaged", detail));
        } else if flags & 1 != 0 {
            let detail = "this log was open when it was copied; its last events may be missing, \
                          export it with wevtutil epl to have them";
            self.issues.push(Issue::note("log-dirty", detail));
        } else {
            self.claimed_chunks = u16_at(&header, 42);
        }
        HEADER as u64
    }

    fn add(&mut self, part: Part) {
        self.facts.extend(part.facts);
        self.tally.append(part.tally);
        self.damage.append(part.damage);
        self.chunks += 1;
        self.cut = part.cut;
    }

    fn finish(mut self) -> Parsed {
        let missing_chunks =
            self.claimed_chunks.map_or(0, |claimed| u64::from(claimed).saturating_sub(self.chunks));
        if let Some(Cut { missing, lost }) = self.cut {
            let detail = format!(
                "the file ends {missing} bytes before the end of its last chunk; every intact record was read, \
                 copy the log again for the rest"
            );
            let lost = if missing_chunks == 0 { lost } else { None };
            self.issues.push(Issue::loss("log-truncated", detail, lost));
        } else if missing_chunks > 0 {
            let bytes = missing_chunks * CHUNK as u64;
            let detail = format!(
                "the file ends {bytes} bytes before the end that its header states; \
                 copy the log again for the rest"
            );
            self.issues.push(Issue::loss("log-truncated", detail, None));
        }
        self.issues.extend(self.damage.into_issues());
        Parsed { facts: self.facts, issues: self.issues, coverage: self.tally.into_coverage() }
    }
}

/// What was read of one chunk.
#[derive(Default)]
struct Part {
    facts: Vec<Fact>,
    tally: Tally,
    damage: Damage,
    cut: Option<Cut>,
}

impl Part {
    fn read(chunk: Chunk, context: &Context<'_>) -> Self {
        let Walk { frames, damage, cut } = chunk.walk();
        let mut part = Self { damage, cut, ..Self::default() };
        let picks = part.pick(&chunk, &frames, context);
        if !picks.is_empty() {
            part.decode(chunk, &frames, &picks, context);
        }
        part
    }

    /// Counts the records and picks those to decode: the wanted ones, and those whose shape is unusual.
    fn pick(&mut self, chunk: &Chunk, frames: &[Frame], context: &Context<'_>) -> Vec<Pick> {
        let mut reader = system::Reader::new(&chunk.data);
        let mut picks = Vec::new();
        for frame in frames.iter().copied() {
            let offset = chunk.offset + frame.at as u64;
            match reader.system(&frame) {
                Some(system) if self.count(offset, &system, context) => {
                    picks.push(Pick { frame, is_counted: true })
                }
                Some(_) => {}
                None => picks.push(Pick { frame, is_counted: false }),
            }
        }
        picks
    }

    /// Counts a record, wanted or not, and returns whether it makes a fact: it is wanted and has a time.
    fn count(&mut self, offset: u64, system: &System<'_>, context: &Context<'_>) -> bool {
        self.tally.add(
            &system.computer,
            system.channel.as_deref().unwrap_or_default(),
            system.record,
            system.time,
        );
        let is_wanted = context.interest.wants(&system.provider, system.id);
        if system.time.is_none() {
            self.damage.loss(Kind::Timeless, offset, Some(u64::from(is_wanted)));
        }
        is_wanted && system.time.is_some()
    }

    fn decode(&mut self, chunk: Chunk, frames: &[Frame], picks: &[Pick], context: &Context<'_>) {
        let picked: Vec<Frame> = picks.iter().map(|pick| pick.frame).collect();
        let start = chunk.offset;
        let mut rendered = decode::decode(chunk.data, frames, &picked);
        for Pick { frame, is_counted } in picks {
            let offset = start + frame.at as u64;
            let Some(rendered) = rendered.remove(&frame.at) else {
                self.damage.loss(Kind::Undecodable, offset, Some(1));
                continue;
            };
            let system = rendered.system(frame);
            let (time, record) = (system.time, system.record);
            let is_usable = *is_counted || self.count(offset, &system, context);
            if let Some(time) = time.filter(|_| is_usable) {
                let event = Observation::Event(rendered.into_event(record, time));
                self.facts.push(context.fact(Position::Record(record), event));
            }
        }
    }
}

/// A record to decode.
struct Pick {
    frame: Frame,
    /// Whether its `System` part could be read and was counted.
    is_counted: bool,
}

impl Reading {
    /// What [`system::Reader`] would have found, had the record been of a usual shape.
    fn system(&self, frame: &Frame) -> System<'_> {
        System {
            provider: Cow::Borrowed(&self.provider),
            id: self.id,
            channel: self.channel.as_deref().map(Cow::Borrowed),
            computer: Cow::Borrowed(&self.computer),
            record: self.record.unwrap_or(frame.id),
            time: self.time.or_else(|| filetime(frame.written)),
        }
    }
}

#[cfg(test)]
mod tests;
