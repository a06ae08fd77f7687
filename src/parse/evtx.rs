//! Windows event logs (`.evtx`), as the machine wrote them.
//!
//! A log is a 4 KiB header and chunks of 64 KiB at fixed offsets. It is read in blocks of chunks, and by no
//! count that it claims: logs are copied while they are open, cut by full disks and wrapped. Damage costs the
//! records that it hit and is reported once a kind.
//!
//! Three steps a chunk, while it is in the processor's cache: find the records ([`chunk`]); find provider,
//! id, host and time of each without decoding it ([`system`]), which is all that coverage needs; decode those
//! that are worth it ([`decode`], [`event`](super::event)). Blocks know nothing of each other, so they can be
//! read by any number of threads; [`Log`] puts them together in their order. What is *not* done here: rendering
//! messages, for which a log carries no texts.

use std::io::{self, Read};

use jiff::Timestamp;
use rayon::prelude::*;

use super::event::{Firsts, Reading};
use super::{Context, Format, Head, Reader};
use crate::bundle::{BLOCK, Blocks, Stream, Whole, join};
use crate::fact::{Fact, Issue, Observation, Parsed, Position};
use crate::knowledge::{Wanted, Worth};

mod binxml;
mod bytes;
mod chunk;
mod damage;
mod decode;
mod reference;
pub mod steps;
mod system;
mod tally;

use bytes::{checksum, filetime, text, ticks, u16_at, u32_at};
use chunk::{CHUNK, Chunk, Cut, Frame, Walk};
use damage::{Damage, Kind};
use decode::Budget;
use system::System;
use tally::{Lane, Tally};

/// Event logs, recognised by their signature, or by that of the first chunk where the header is damaged.
pub(super) const FORMAT: Format = Format { recognise, reader: Reader::Blocks(parse, parse_blocks) };

/// The signature of a log.
const SIGNATURE: &[u8; 8] = b"ElfFile\0";
/// Bytes before the first chunk. A block of a log is read with as many of the next one, for its last chunk
/// reaches into that.
const HEADER: usize = 4096;

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    let chunk_at = |at| head.bytes.get(at..).is_some_and(|rest| rest.starts_with(chunk::SIGNATURE));
    (head.bytes.starts_with(SIGNATURE) || chunk_at(HEADER) || chunk_at(0)).then_some("evtx")
}

/// Where the chunks of a log begin that begins with `bytes`: some have lost their header.
fn first_chunk(bytes: &[u8]) -> usize {
    if bytes.starts_with(chunk::SIGNATURE) { 0 } else { HEADER }
}

/// Reads a log forward, block by block.
fn parse(stream: &mut Stream, context: &Context<'_>) -> Parsed {
    let mut log = Log::default();
    let first_chunk = first_chunk(stream.head());
    let mut buffer = vec![0; BLOCK + HEADER];
    let (mut offset, mut known) = (0, 0);
    loop {
        // What the block before had of this one stands at the front already.
        let filled = known + fill(stream, buffer.get_mut(known..).unwrap_or_default());
        log.add(Part::read(buffer.get(..filled).unwrap_or_default(), offset, first_chunk, context));
        known = filled.saturating_sub(BLOCK);
        if known <= first_chunk && filled < buffer.len() {
            return log.finish();
        }
        buffer.copy_within(BLOCK..filled, 0);
        offset += BLOCK as u64;
    }
}

/// Reads a log in blocks, as many at once as there are threads.
fn parse_blocks(blocks: &Blocks, head: &[u8], context: &Context<'_>) -> (Parsed, io::Result<blake3::Hash>) {
    let first_chunk = first_chunk(head);
    let part = |data: &[u8], offset| Part::read(data, offset, first_chunk, context);
    let read = |buffer: &mut Vec<u8>, index| blocks.read(index, HEADER, buffer, part);
    let read: Vec<_> = (0..blocks.count()).into_par_iter().map_init(Vec::new, read).collect();
    let Whole { values, hash } = join(read);
    let mut log = Log::default();
    values.into_iter().for_each(|part| log.add(part));
    (log.finish(), hash)
}

/// Reads until `buffer` is full or the stream ends; gives the bytes read.
fn fill(stream: &mut Stream, buffer: &mut [u8]) -> usize {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        // A stream never fails: it ends early, and its owner reports why.
        match stream.read(rest) {
            Ok(0) | Err(_) => break,
            Ok(count) => filled += count,
        }
    }
    filled
}

/// What was read of a log so far.
#[derive(Default)]
struct Log {
    facts: Vec<Fact>,
    firsts: Firsts,
    tally: Tally,
    damage: Damage,
    issues: Vec<Issue>,
    /// The count of chunks that an intact header of a log that was closed states.
    claimed_chunks: Option<u16>,
    chunks: u64,
    cut: Option<Cut>,
}

impl Log {
    /// Adds the next part of the log.
    fn add(&mut self, part: Part) {
        let Self { facts, firsts, .. } = self;
        facts.extend(part.facts.into_iter().filter_map(|(fact, is_routine)| match &fact.observation {
            Observation::Event(event) if is_routine => {
                firsts.is_first(&event.computer, &event.provider, event.id).then_some(fact)
            }
            _ => Some(fact),
        }));
        self.tally.append(part.tally);
        self.damage.append(part.damage);
        self.issues.extend(part.issues);
        self.claimed_chunks = self.claimed_chunks.or(part.claimed_chunks);
        self.chunks += part.chunks;
        // The last block may be too short for a chunk.
        if part.chunks > 0 {
            self.cut = part.cut;
        }
    }

    /// All that the log holds.
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
        Parsed {
            facts: self.facts,
            issues: self.issues,
            coverage: self.tally.into_coverage(),
            ..Parsed::default()
        }
    }
}

/// What was read of a block.
#[derive(Default)]
struct Part {
    /// Each with whether it is routine.
    facts: Vec<(Fact, bool)>,
    tally: Tally,
    damage: Damage,
    issues: Vec<Issue>,
    claimed_chunks: Option<u16>,
    chunks: u64,
    cut: Option<Cut>,
}

impl Part {
    /// Reads the chunks that begin in a block: `data` is the block at `offset` of its file, and [`HEADER`]
    /// bytes of the next one where there is one. The chunks of the file begin at `first_chunk`.
    fn read(data: &[u8], offset: u64, first_chunk: usize, context: &Context<'_>) -> Self {
        let mut part = Self::default();
        if offset == 0 {
            part.read_header(data.get(..first_chunk).unwrap_or(data));
        }
        let mut writers = Writers::new(context);
        for at in (first_chunk..first_chunk + BLOCK).step_by(CHUNK) {
            let Some(rest) = data.get(at..).filter(|rest| !rest.is_empty()) else { break };
            let data = rest.get(..CHUNK).unwrap_or(rest);
            part.read_chunk(Chunk { offset: offset + at as u64, data }, &mut writers);
        }
        for writer in writers.all {
            part.tally.add(text(writer.computer), text(writer.channel), writer.lane);
        }
        part
    }

    /// Reads the header of a log; all it states is a hint.
    fn read_header(&mut self, header: &[u8]) {
        if header.is_empty() {
            return;
        }
        if header.len() < HEADER {
            let missing = HEADER - header.len();
            let detail = format!("the file ends {missing} bytes before its first chunk; copy the log again");
            self.issues.push(Issue::loss("log-truncated", detail, None));
            return;
        }
        let flags = u32_at(header, 120).unwrap_or_default();
        let computed = header.get(..120).map(|stated| checksum(&[stated]));
        let fits = flags & chunk::NO_CHECKSUM != 0 || u32_at(header, 124) == computed;
        if !header.starts_with(SIGNATURE) || !fits {
            let detail = "the header of this log is damaged; all that follows it was read";
            self.issues.push(Issue::note("log-header-damaged", detail));
        } else if flags & 1 != 0 {
            let detail = "this log was open when it was copied; its last events may be missing, \
                          export it with wevtutil epl to have them";
            self.issues.push(Issue::note("log-dirty", detail));
        } else {
            self.claimed_chunks = u16_at(header, 42);
        }
    }

    fn read_chunk<'a>(&mut self, chunk: Chunk<'a>, writers: &mut Writers<'a, '_>) {
        let walk = chunk.walk();
        if !chunk.fits(&walk) {
            self.damage.note(Kind::RecordsChecksum, chunk.offset);
        }
        let picks = self.find(chunk, &walk.frames, writers);
        let readings = decode_all(chunk.data, &walk.frames, &picks);
        for (pick, reading) in picks.into_iter().zip(readings) {
            self.settle(pick, reading, chunk, writers);
        }
        if writers.context.interest.recovers() {
            self.recover(chunk, &walk, writers.context);
        }
        self.damage.append(walk.damage);
        self.cut = walk.cut;
        self.chunks += 1;
    }

    /// Counts the records of a chunk and finds those that are worth decoding.
    fn find<'f, 'a, 'i>(
        &mut self,
        chunk: Chunk<'a>,
        frames: &'f [Frame],
        writers: &mut Writers<'a, 'i>,
    ) -> Vec<Pick<'f, 'i>> {
        let mut reader = system::Reader::new(chunk.data);
        let mut system = System::default();
        let mut picks = Vec::new();
        writers.fixed.clear();
        for frame in frames {
            let known = reader.read(frame, &mut system).map(|()| writers.count(&system));
            if let Some(Count { worth, is_dated: false, .. }) = known {
                let lost = u64::from(worth != Worth::Nothing);
                self.damage.loss(Kind::Timeless, chunk.offset + frame.at as u64, Some(lost));
            } else if known.is_none_or(|known| writers.wants(&known, chunk.data, frame)) {
                picks.push(Pick { frame, known });
            }
        }
        picks
    }

    /// Makes facts of the records that the chunk has given up. They are not counted: what the log covers is what it
    /// holds by its own account.
    fn recover(&mut self, chunk: Chunk<'_>, walk: &Walk, context: &Context<'_>) {
        let mut budget = Budget::default();
        for frame in chunk.slack(walk) {
            let Some(reading) = decode::recover(chunk.data, &frame, &mut budget) else { continue };
            let Some(time) = reading.time.or_else(|| filetime(frame.written)) else { continue };
            let Worth::Looked(routine) =
                context.interest.of(&reading.provider).worth(reading.id, || Some(time))
            else {
                continue;
            };
            if routine.is_none_or(|routine| !reading.is(routine)) {
                self.damage.note(Kind::Recovered, chunk.offset + frame.at as u64);
                let record = reading.record.unwrap_or(frame.id);
                let event = Observation::Event(reading.into_event(record, time));
                self.facts.push((context.fact(Position::Record(record), event), false));
            }
        }
    }

    /// Makes a fact of a decoded record, unless it is not worth it.
    fn settle<'i>(
        &mut self,
        pick: Pick<'_, 'i>,
        reading: Option<Reading>,
        chunk: Chunk<'_>,
        writers: &mut Writers<'_, 'i>,
    ) {
        let Pick { frame, known } = pick;
        let offset = chunk.offset + frame.at as u64;
        let Some(reading) = reading else {
            self.damage.loss(Kind::Undecodable, offset, Some(1));
            return;
        };
        let time = reading.time.or_else(|| filetime(frame.written));
        let record = reading.record.unwrap_or(frame.id);
        let worth =
            known.map_or_else(|| self.count(&reading, record, time, writers.context), |known| known.worth);
        let Some(time) = time else {
            self.damage.loss(Kind::Timeless, offset, Some(u64::from(worth != Worth::Nothing)));
            return;
        };
        let is_routine = match worth {
            Worth::Nothing => return,
            Worth::Routine => true,
            Worth::Looked(routine) => routine.is_some_and(|routine| reading.is(routine)),
        };
        if is_routine && known.is_some_and(|known| !writers.is_first(known.writer, reading.id)) {
            return;
        }
        let event = Observation::Event(reading.into_event(record, time));
        self.facts.push((writers.context.fact(Position::Record(record), event), is_routine));
    }

    /// Counts a record that had to be decoded for it.
    fn count<'i>(
        &mut self,
        reading: &Reading,
        record: u64,
        time: Option<Timestamp>,
        context: &Context<'i>,
    ) -> Worth<'i> {
        let mut lane = Lane::default();
        lane.count(record, time.and_then(ticks).unwrap_or_default());
        self.tally.add(reading.computer.clone(), reading.channel.clone().unwrap_or_default(), lane);
        context.interest.of(&reading.provider).worth(reading.id, || time)
    }
}

/// A record that is worth decoding.
struct Pick<'f, 'i> {
    frame: &'f Frame,
    /// What its `System` part told, where that could be read.
    known: Option<Count<'i>>,
}

/// Decodes the picks of the chunk `data`; those of an unusual shape with the other decoder.
fn decode_all(data: &[u8], frames: &[Frame], picks: &[Pick<'_, '_>]) -> Vec<Option<Reading>> {
    let mut budget = Budget::default();
    let mut readings: Vec<_> =
        picks.iter().map(|pick| decode::decode(data, pick.frame, &mut budget)).collect();
    if budget.is_spent() {
        return readings;
    }
    let unusual = picks.iter().zip(&readings).filter(|(_, reading)| reading.is_none());
    let unusual: Vec<Frame> = unusual.map(|(pick, _)| *pick.frame).collect();
    if !unusual.is_empty() {
        let mut others = reference::decode(data, frames, &unusual);
        for (pick, reading) in picks.iter().zip(&mut readings).filter(|(_, reading)| reading.is_none()) {
            *reading = others.remove(&pick.frame.at);
        }
    }
    readings
}

/// Who wrote the records of a block: a few, each met again and again.
struct Writers<'a, 'i> {
    context: &'i Context<'i>,
    all: Vec<Writer<'a, 'i>>,
    /// By definition of the chunk: the one writer of its records.
    fixed: Vec<Option<usize>>,
}

/// A provider on a computer's channel.
struct Writer<'a, 'i> {
    provider: &'a [u8],
    channel: &'a [u8],
    computer: &'a [u8],
    wanted: Wanted<'i>,
    /// Ids of which a routine record was seen.
    routine: Vec<u32>,
    lane: Lane,
}

/// What is known of a record that was counted.
#[derive(Clone, Copy)]
struct Count<'i> {
    writer: usize,
    id: u32,
    worth: Worth<'i>,
    is_dated: bool,
}

impl<'a, 'i> Writers<'a, 'i> {
    fn new(context: &'i Context<'i>) -> Self {
        Self { context, all: Vec::new(), fixed: Vec::new() }
    }

    /// Counts a record.
    fn count(&mut self, system: &System<'a>) -> Count<'i> {
        let index = self.find(system);
        let is_dated = system.ticks != 0;
        let Some(writer) = self.all.get_mut(index) else {
            return Count { writer: index, id: system.id, worth: Worth::Nothing, is_dated };
        };
        writer.lane.count(system.record, system.ticks);
        let worth = writer.wanted.worth(system.id, || filetime(system.ticks));
        Count { writer: index, id: system.id, worth, is_dated }
    }

    /// Whether a counted record is to be decoded: of routine ones only the first.
    fn wants(&self, known: &Count<'i>, data: &[u8], frame: &Frame) -> bool {
        let has_one = || self.all.get(known.writer).is_some_and(|own| own.routine.contains(&known.id));
        match known.worth {
            Worth::Nothing => false,
            Worth::Looked(None) => true,
            Worth::Looked(Some(routine)) => !(has_one() && decode::is_routine(data, frame, routine)),
            Worth::Routine => !has_one(),
        }
    }

    /// The writer of a record.
    fn find(&mut self, system: &System<'a>) -> usize {
        let fixed = system.fixed.and_then(|definition| *self.fixed.get(definition)?);
        fixed.unwrap_or_else(|| self.search(system))
    }

    fn search(&mut self, system: &System<'a>) -> usize {
        let System { provider, channel, computer, .. } = *system;
        let is_it = |own: &Writer| (own.provider, own.channel, own.computer) == (provider, channel, computer);
        let index = self.all.iter().position(is_it).unwrap_or(self.all.len());
        if index == self.all.len() {
            let wanted = self.context.interest.of(&text(provider));
            let lane = Lane::default();
            self.all.push(Writer { provider, channel, computer, wanted, routine: Vec::new(), lane });
        }
        if let Some(definition) = system.fixed {
            self.fixed.resize(self.fixed.len().max(definition + 1), None);
            self.fixed.get_mut(definition).into_iter().for_each(|fixed| *fixed = Some(index));
        }
        index
    }

    /// Whether a routine record is the writer's first of its kind.
    fn is_first(&mut self, writer: usize, id: u32) -> bool {
        let Some(Writer { routine, .. }) = self.all.get_mut(writer) else { return true };
        let is_first = !routine.contains(&id);
        if is_first {
            routine.push(id);
        }
        is_first
    }
}

#[cfg(test)]
mod tests;
