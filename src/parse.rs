//! From bytes to facts: the table of formats, recognition by content, the parallel loop.
//!
//! A format is one file in `src/parse/` and one line in [`FORMATS`]. Recognition looks at the first
//! 64 KiB and never at a file's name: collectors rename everything. A parser never fails; what it could
//! not read becomes an [`Issue`](crate::fact::Issue), and the rest of the source is still read.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::io;

use crate::bundle::{Blocks, Bundle, Entry, Stream, unreadable};
use crate::fact::{Fact, Observation, Origin, Parsed, Position, SourceId};
use crate::knowledge::Interest;

mod build_info;
mod clock;
mod cluster;
mod cluster_log;
mod computer;
mod dates;
mod event;
mod event_rows;
mod event_xml;
mod evtx;
mod group_policy;
mod hot_fix;
mod hyper_v_info;
mod ldif;
mod machine_info;
mod manifest;
mod packages;
mod records;
mod registry;
mod secure_channel;
mod security_descriptor;
mod spn_list;
mod system_info;
mod system_report;
mod table;
#[cfg(test)]
mod testing;
mod text;
mod tickets;
mod time_status;
mod tool_text;
mod update_history;
mod vm_host;
mod xml;

pub use evtx::steps;

/// A format that kcdoctor reads.
#[derive(Clone, Copy)]
pub struct Format {
    /// The name in reports (`sources[].kind`) of a source with this head; `None` if it is not of this format.
    pub recognise: fn(&Head<'_>) -> Option<&'static str>,
    /// How it is read.
    pub reader: Reader,
}

/// How a format is read.
#[derive(Clone, Copy)]
pub enum Reader {
    /// From the beginning to the end, and a large file in blocks that know nothing of each other.
    Blocks(Parse, ParseBlocks),
    /// From the beginning to the end, in bounded memory.
    Stream(Parse),
    /// As one text. Such formats may share a source: a console's output often holds several.
    Text(fn(&str, &Context<'_>) -> Parsed),
}

/// Reads a whole source forward.
pub type Parse = fn(&mut Stream<'_>, &Context<'_>) -> Parsed;

/// Reads a file, of which the head is given, block by block; gives its hash too.
pub type ParseBlocks = fn(&Blocks, &[u8], &Context<'_>) -> (Parsed, io::Result<blake3::Hash>);

/// Every format, the most telling heads first: the first that recognises a head reads the source.
pub const FORMATS: &[Format] = &[
    evtx::FORMAT,
    event_xml::FORMAT,
    ldif::FORMAT,
    manifest::FORMAT,
    cluster_log::FORMAT,
    records::json::FORMAT,
    records::clixml::FORMAT,
    records::delimited::FORMAT,
    records::console::FORMAT,
    records::wmic::FORMAT,
    registry::FORMAT,
    group_policy::FORMAT,
    system_info::FORMAT,
    system_report::FORMAT,
    time_status::FORMAT,
    tickets::FORMAT,
    secure_channel::FORMAT,
    spn_list::FORMAT,
    packages::FORMAT,
    build_info::FORMAT,
    hyper_v_info::FORMAT,
];

/// The beginning of a source, as bytes and as text.
pub struct Head<'a> {
    /// Up to 64 KiB.
    pub bytes: &'a [u8],
    text: OnceCell<Cow<'a, str>>,
}

impl<'a> Head<'a> {
    /// The head of a source that begins with `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, text: OnceCell::new() }
    }

    /// A text that is there as a whole.
    fn of_text(text: &'a str) -> Self {
        Self { bytes: text.as_bytes(), text: OnceCell::from(Cow::Borrowed(text)) }
    }

    /// The bytes as text; a cut last character is dropped. Nonsense for binary formats, which are told by their
    /// bytes before anything is decoded.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.get_or_init(|| text::decode_head(self.bytes))
    }
}

/// What every parser is given beside its source.
pub struct Context<'a> {
    /// The source's index, for the facts' origins.
    pub source: SourceId,
    /// What is worth keeping: events, and values of the registry.
    pub interest: &'a Interest,
}

impl Context<'_> {
    /// A fact of this source.
    #[must_use]
    pub fn fact(&self, at: Position, observation: Observation) -> Fact {
        Fact { origin: Origin { source: self.source, at }, observation }
    }
}

/// A source after it was read.
#[derive(Debug)]
pub struct ParsedSource {
    /// The source's path in its bundle.
    pub path: String,
    /// The format, or `unknown`.
    pub kind: &'static str,
    /// blake3 of the whole content; `None` where it could not be opened.
    pub hash: Option<blake3::Hash>,
    /// What was taken from it.
    pub parsed: Parsed,
}

/// Reads every source of `bundle` in parallel, archives included; in the order of paths. `tick` is told of each
/// finished source.
///
/// Files and the blocks of large logs share one pool. No thread holds a block while it waits for another, so the
/// memory for reading is bounded by the threads, whatever the bundle's size.
#[must_use]
pub fn parse(bundle: &Bundle, interest: &Interest, tick: &(dyn Fn() + Sync)) -> Vec<ParsedSource> {
    // Which files there are is known when the last archive was read; until then every source is the first.
    let context = Context { source: SourceId(0), interest };
    let mut all = bundle.read(&|entry| parse_entry(entry, &context), tick);
    all.sort_by(|a, b| a.path.cmp(&b.path));
    for (index, source) in all.iter_mut().enumerate() {
        source.parsed.facts.iter_mut().for_each(|fact| fact.origin.source = SourceId(index));
    }
    all
}

fn parse_entry(mut entry: Entry<'_>, context: &Context<'_>) -> ParsedSource {
    let issues = std::mem::take(&mut entry.issues);
    let mut result = ParsedSource {
        path: std::mem::take(&mut entry.path),
        kind: "unknown",
        hash: None,
        parsed: Parsed { issues, ..Parsed::default() },
    };
    if let Some(stream) = entry.stream.take() {
        read_stream(stream, &entry, &mut result, context);
    }
    result
}

fn read_stream(mut stream: Stream<'_>, entry: &Entry<'_>, result: &mut ParsedSource, context: &Context<'_>) {
    let recognised = recognise(stream.head());
    result.kind = recognised.map_or(result.kind, |(kind, _)| kind);
    let reader = recognised.map(|(_, format)| format.reader);
    if let Some(Reader::Blocks(_, parse_blocks)) = reader
        && let Some(blocks) = entry.blocks()
    {
        let head = stream.head().to_vec();
        drop(stream);
        let (parsed, hash) = parse_blocks(&blocks, &head, context);
        result.take(parsed);
        result.parsed.issues.extend(hash.as_ref().err().map(unreadable));
        result.hash = hash.ok();
        return;
    }
    match reader {
        Some(Reader::Blocks(parse, _) | Reader::Stream(parse)) => result.take(parse(&mut stream, context)),
        Some(Reader::Text(_)) => result.take(read_text(&mut stream, context, FORMATS)),
        None => {}
    }
    let (hash, failure) = stream.finish();
    result.hash = Some(hash);
    result.parsed.issues.extend(failure.as_ref().map(unreadable));
}

/// Reads a text by every one of `formats` that finds something of its own in it.
fn read_text(stream: &mut Stream<'_>, context: &Context<'_>, formats: &[Format]) -> Parsed {
    let source = text::read(stream);
    let head = Head::of_text(&source.text);
    let mut all = Parsed { issues: source.issues, ..Parsed::default() };
    for format in formats {
        if let Reader::Text(parse) = format.reader
            && (format.recognise)(&head).is_some()
        {
            let parsed = parse(&source.text, context);
            all.facts.extend(parsed.facts);
            for issue in parsed.issues {
                // Several formats may notice the same thing.
                if !all.issues.contains(&issue) {
                    all.issues.push(issue);
                }
            }
            all.coverage.records += parsed.coverage.records;
            all.coverage.channels.extend(parsed.coverage.channels);
        }
    }
    all.facts.sort_by_key(|fact| fact.origin.at);
    all
}

impl ParsedSource {
    fn take(&mut self, mut parsed: Parsed) {
        self.parsed.issues.append(&mut parsed.issues);
        self.parsed.facts = parsed.facts;
        self.parsed.coverage = parsed.coverage;
    }
}

/// The kind and the format of a source that begins with `bytes`.
#[must_use]
pub fn recognise(bytes: &[u8]) -> Option<(&'static str, &'static Format)> {
    let head = Head::new(bytes);
    FORMATS.iter().find_map(|format| Some(((format.recognise)(&head)?, format)))
}
