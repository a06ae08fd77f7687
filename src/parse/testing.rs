//! What the tests of several formats share.

use std::io::Cursor;

use super::{Context, Format, Head, ParsedSource, Reader, Wanted, read_text};
use crate::bundle::{Limits, Stream};
use crate::fact::{
    DirectoryObject, Fact, InstallDay, InstalledUpdate, Known, Observation, Parsed, Position, SourceId,
};
use crate::knowledge::Interest;

/// Reads `bytes` as `format`, with an eye for the events of `interest`.
pub(super) fn read_with(format: &Format, bytes: &[u8], interest: &Interest) -> Parsed {
    let mut stream = Stream::new(Box::new(Cursor::new(bytes.to_vec())), &Limits::default());
    let context = Context { source: SourceId(0), interest, wanted: None };
    read_in(format, &mut stream, &context)
}

fn read_in(format: &Format, stream: &mut Stream<'_>, context: &Context<'_>) -> Parsed {
    match format.reader {
        Reader::Blocks(parse, _) | Reader::Stream(parse) => parse(stream, context),
        Reader::Text(_) => read_text(stream, context, &[*format]),
    }
}

/// Reads `bytes` as `format`.
pub(super) fn read(format: &Format, bytes: &[u8]) -> Parsed {
    read_with(format, bytes, &Interest::default())
}

/// What `bytes` are recognised as by `format`.
pub(super) fn kind(format: &Format, bytes: &[u8]) -> Option<&'static str> {
    (format.recognise)(&Head::new(bytes))
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

/// What is wanted where updates of the hosts `HV02` and `Zürich` are listed.
fn wanted(context: &Context<'_>) -> Wanted {
    let update = |host: &str| {
        let update =
            InstalledUpdate { host: Some(host.into()), kb: "KB1".into(), installed: InstallDay::Unstated };
        context.fact(Position::Line(1), Observation::Update(update))
    };
    let mut wanted = Wanted::default();
    let parsed = Parsed { facts: vec![update("HV02"), update("Zürich")], ..Parsed::default() };
    wanted.learn(&ParsedSource::stated(String::new(), "hot-fix-csv", parsed));
    wanted
}

/// A directory export read with a choice of objects, and read whole with the choice made then: both must come to the
/// same.
pub(super) fn chosen_and_expected(format: &Format, bytes: &[u8]) -> [Parsed; 2] {
    let interest = Interest::default();
    let all = Context { source: SourceId(0), interest: &interest, wanted: None };
    let wanted = wanted(&all);
    let context = Context { wanted: Some(&wanted), ..all };
    let mut stream = Stream::new(Box::new(Cursor::new(bytes.to_vec())), &Limits::default());
    let chosen = read_in(format, &mut stream, &context);
    let whole = read(format, bytes);
    let mut expected = Parsed { issues: whole.issues, coverage: whole.coverage, ..Parsed::default() };
    for Fact { origin, observation } in whole.facts {
        match (origin.at, observation) {
            (Position::Line(line), Observation::Directory(object)) => {
                context.take_object(&mut expected, line, *object);
            }
            other => panic!("{other:?}"),
        }
    }
    // An object that came in parts is passed over late.
    [chosen, expected].map(|parsed| Parsed { bystanders: parsed.bystanders.in_order(), ..parsed })
}
