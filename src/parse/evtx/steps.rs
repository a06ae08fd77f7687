//! The steps of reading a log one by one, for benchmarks and for telling what each costs. An analysis takes them
//! together, block by block, with the same code, except that here no routine record is ever passed over: each counts
//! as wanted.

use super::chunk::{CHUNK, Chunk};
use super::{Part, Writers, decode_all, first_chunk};
use crate::fact::SourceId;
use crate::knowledge::Interest;
use crate::parse::Context;

/// Finds every record of `log`, counts it for the coverage, and decides whether `interest` wants it; nothing is
/// decoded, checked or hashed. Gives the records, and how many of them are wanted.
#[must_use]
pub fn find(log: &[u8], interest: &Interest) -> (usize, usize) {
    let context = Context { source: SourceId(0), interest, wanted: None };
    let mut writers = Writers::new(&context);
    let mut part = Part::default();
    let (mut records, mut wanted) = (0, 0);
    for chunk in chunks(log) {
        let walk = chunk.walk();
        records += walk.frames.len();
        wanted += part.find(chunk, &walk.frames, &mut writers).len();
    }
    (records, wanted)
}

/// Does what [`find`] does, and decodes what is wanted. Gives the records that could be decoded.
#[must_use]
pub fn decode(log: &[u8], interest: &Interest) -> usize {
    let context = Context { source: SourceId(0), interest, wanted: None };
    let mut writers = Writers::new(&context);
    let mut part = Part::default();
    let mut decoded = 0;
    for chunk in chunks(log) {
        let walk = chunk.walk();
        let picks = part.find(chunk, &walk.frames, &mut writers);
        decoded += decode_all(chunk.data, &walk.frames, &picks).into_iter().flatten().count();
    }
    decoded
}

/// Checks the checksums of every chunk's records. Gives how many are wrong.
#[must_use]
pub fn check(log: &[u8]) -> usize {
    chunks(log).filter(|chunk| !chunk.fits(&chunk.walk())).count()
}

fn chunks(log: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let first = first_chunk(log);
    let data = log.get(first..).unwrap_or_default().chunks(CHUNK);
    (first as u64..).step_by(CHUNK).zip(data).map(|(offset, data)| Chunk { offset, data })
}
