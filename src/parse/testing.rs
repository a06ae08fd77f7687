//! What the tests of several formats share.

use std::io::Cursor;

use super::{Context, Format};
use crate::bundle::Stream;
use crate::fact::{DirectoryObject, Known, Observation, Parsed, SourceId};
use crate::knowledge::Interest;

/// Reads `bytes` as `format`, with an eye for the events of `interest`.
pub(super) fn read_with(format: &Format, bytes: &[u8], interest: &Interest) -> Parsed {
    let mut stream = Stream::new(Box::new(Cursor::new(bytes.to_vec())), u64::MAX);
    (format.parse)(&mut stream, &Context { source: SourceId(0), interest, wanted: None })
}

/// Reads `bytes` as `format`.
pub(super) fn read(format: &Format, bytes: &[u8]) -> Parsed {
    read_with(format, bytes, &Interest::default())
}

/// The directory objects among the facts.
pub(super) fn objects(parsed: Parsed) -> Vec<DirectoryObject> {
    let object = |fact: crate::fact::Fact| match fact.observation {
        Observation::Directory(object) => Some(*object),
        _ => None,
    };
    parsed.facts.into_iter().filter_map(object).collect()
}

/// A list that an export states.
pub(super) fn known<const N: usize>(values: [&str; N]) -> Known<Vec<String>> {
    Known::Known(values.map(str::to_owned).to_vec())
}

/// The codes of the issues.
pub(super) fn codes(parsed: &Parsed) -> Vec<&'static str> {
    parsed.issues.iter().map(|issue| issue.code).collect()
}

/// The codes of the issues, and what each cost.
pub(super) fn losses(parsed: &Parsed) -> Vec<(&'static str, Option<u64>)> {
    parsed.issues.iter().map(|issue| (issue.code, issue.lost)).collect()
}

/// Reads every beginning of `good`, and `good` with one byte after the other replaced by one of `bytes`; that it ends is
/// the test.
pub(super) fn damage(format: &Format, good: &str, bytes: [u8; 5]) {
    for cut in 0..good.len() {
        read(format, &good.as_bytes()[..cut]);
        let mut damaged = good.as_bytes().to_vec();
        damaged[cut] = bytes[cut % 5];
        read(format, &damaged);
    }
}
