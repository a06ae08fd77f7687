//! Decodes records with the `evtx` crate: those of a shape that [`super::decode`] does not know, and, in tests,
//! all of them.
//!
//! The crate decodes every record of a chunk that it is given and rejects chunks with damaged headers. So
//! it gets a copy with a header that it accepts, in which only the picked records can be seen: the others
//! lose their signature, but stay where they are, for they hold names and templates that later ones use.

use std::collections::HashMap;
use std::sync::Arc;

use ::evtx::{EvtxChunkData, ParserSettings};

use super::bytes::filetime;
use super::chunk::{CHUNK, Frame, RECORD_HEADER, RECORDS, SIGNATURE, TABLES};
use crate::parse::event::{Reading, read};

/// The ids that the picked records get in the copy: no stale record can look like one of them.
const FIRST_ID: u64 = 0x6b63_0000_0000_0000;

/// The XML of a chunk that is used, in bytes. Real chunks stay below 1 MiB; hostile templates multiply what
/// they hold, and would fill the memory chunk after chunk.
const MOST_XML: usize = 8 << 20;

/// Decodes the `picked` ones of the records `frames` of the chunk `data`, both in the chunk's order. Those
/// that can't be decoded are missing in the result, whose key is where a record begins.
pub(super) fn decode(data: &[u8], frames: &[Frame], picked: &[Frame]) -> HashMap<usize, Reading> {
    let mut data = data.to_vec();
    data.resize(CHUNK, 0);
    repair_header(&mut data);
    let mut picked = picked.iter().peekable();
    for (id, frame) in (FIRST_ID..).zip(frames) {
        if picked.next_if_eq(&frame).is_some() {
            repair_record(&mut data, frame, id);
        } else {
            write(&mut data, frame.at, &[0; 4]);
        }
    }
    let settings = Arc::new(ParserSettings::new().indent(false));
    let Ok(mut data) = EvtxChunkData::new(data, false) else {
        return HashMap::new();
    };
    let Ok(mut chunk) = data.parse(settings) else {
        return HashMap::new();
    };
    let mut left = MOST_XML;
    let rendered = chunk.iter().flatten().filter_map(|record| {
        let at = usize::try_from(record.binxml_offset).ok()?.checked_sub(RECORD_HEADER)?;
        let xml = record.into_xml().ok()?.data;
        left = left.checked_sub(xml.len())?;
        Some((at, read(&xml, |_| true)?.0))
    });
    rendered.collect()
}

/// Writes a header that puts no bounds to the walk. Its string table is left empty: the crate then reads
/// each name where it stands, which a damaged table can't disturb.
fn repair_header(data: &mut [u8]) {
    write(data, 0, SIGNATURE);
    write(data, 24, &FIRST_ID.to_le_bytes());
    write(data, 32, &u64::MAX.to_le_bytes());
    let end = (CHUNK as u32).to_le_bytes();
    write(data, 44, &end);
    write(data, 48, &end);
    write(data, TABLES, &[0; RECORDS - TABLES]);
}

/// Gives a record an id that can't end the walk, and makes its frame whole.
fn repair_record(data: &mut [u8], frame: &Frame, id: u64) {
    write(data, frame.at + 8, &id.to_le_bytes());
    // The crate refuses a record whose time it can't represent.
    if filetime(frame.written).is_none() {
        write(data, frame.at + 16, &0_u64.to_le_bytes());
    }
    let size = u32::try_from(frame.end + 4 - frame.at).unwrap_or_default();
    write(data, frame.end, &size.to_le_bytes());
}

fn write(data: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = data.get_mut(at..).and_then(|rest| rest.get_mut(..bytes.len())) {
        place.copy_from_slice(bytes);
    }
}
