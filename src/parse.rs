//! From bytes to facts: the table of formats, recognition by content, the parallel loop.
//!
//! A format is one file in `src/parse/` and one line in [`FORMATS`]. Recognition looks at the first
//! 64 KiB and never at a file's name: collectors rename everything. A parser never fails; what it could
//! not read becomes an [`Issue`](crate::fact::Issue), and the rest of the source is still read.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::io;

use crate::bundle::{Blocks, Bundle, Entry, Stream, unreadable};
use crate::fact::{DirectoryObject, Fact, Observation, Origin, Parsed, Position, SourceId};
use crate::knowledge::Interest;

mod attribute_metadata;
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
mod guess;
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
mod wanted;
mod xml;

pub use evtx::steps;
pub use guess::Guess;
pub use wanted::Wanted;

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

/// The kinds of directory exports that can be larger than memory. A dump of a forest holds a million objects of which
/// a handful matter, so these are read last, when it is known what the other sources speak of.
const DIRECTORY: &[&str] = &["ldif", "computer-csv", "computer-json", "computer-clixml"];

/// How often directory exports are read again at most, for what their own objects refer to: groups in groups.
const MAX_ROUNDS: usize = 20;

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

/// The kind of a source that no format recognises.
pub const UNKNOWN: &str = "unknown";

/// What every parser is given beside its source.
pub struct Context<'a> {
    /// The source's index, for the facts' origins.
    pub source: SourceId,
    /// What is worth keeping: events, and values of the registry.
    pub interest: &'a Interest,
    /// Which directory objects become facts; `None` where nothing is known of the other sources, so all do.
    pub wanted: Option<&'a Wanted>,
}

impl Context<'_> {
    /// A fact of this source.
    #[must_use]
    pub fn fact(&self, at: Position, observation: Observation) -> Fact {
        Fact { origin: Origin { source: self.source, at }, observation }
    }

    /// Puts an object of the directory where it belongs: among the facts, or the bystanders.
    fn take_object(&self, parsed: &mut Parsed, line: u64, object: DirectoryObject) {
        if self.wanted.is_none_or(|wanted| wanted.wants(&object)) {
            let observation = Observation::Directory(Box::new(object));
            parsed.facts.push(self.fact(Position::Line(line), observation));
        } else {
            parsed.bystanders.has_unknown_servers |= object.is_unknown_server();
            parsed.bystanders.add(&object);
        }
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
    /// Bytes that were read of it.
    pub bytes: u64,
    /// What was taken from it.
    pub parsed: Parsed,
    /// What it most likely is, where no format recognises it.
    pub guess: Option<Guess>,
}

/// Reads every source of `bundle` in parallel, archives included; in the order of paths. `tick` is told of each
/// finished source.
///
/// Files and the blocks of large logs share one pool. No thread holds a block while it waits for another, so the
/// memory for reading is bounded by the threads, whatever the bundle's size.
///
/// Directory exports are put off until the other sources are read. One in an archive that is read in one pass costs a
/// second pass over that archive, and what can be read only once (a pipe) is not put off: all its objects become facts.
#[must_use]
pub fn parse(bundle: &Bundle, interest: &Interest, tick: &(dyn Fn() + Sync)) -> Vec<ParsedSource> {
    // Which files there are is known when the last archive was read; until then every source is the first.
    let context = Context { source: SourceId(0), interest, wanted: None };
    let mut all = bundle.read(&|entry| parse_entry(entry, &context, true), tick);
    read_directory(&mut all, bundle, interest);
    let mut all: Vec<_> = all.into_iter().map(|(source, _)| source).collect();
    all.sort_by(|a, b| a.path.cmp(&b.path));
    for (index, source) in all.iter_mut().enumerate() {
        source.parsed.facts.iter_mut().for_each(|fact| fact.origin.source = SourceId(index));
    }
    all
}

/// Reads the sources that were put off, and those again in which an object that was passed over turns out to matter.
fn read_directory(all: &mut [(ParsedSource, bool)], bundle: &Bundle, interest: &Interest) {
    let mut wanted = Wanted::default();
    interest.named().iter().for_each(|name| wanted.learn_host(name));
    all.iter().for_each(|(source, _)| wanted.learn(source));
    for _ in 0..MAX_ROUNDS {
        let is_due = |(source, waits): &&(ParsedSource, bool)| *waits || wanted.wants_one_of(source);
        let due: BTreeSet<String> =
            all.iter().filter(is_due).map(|(source, _)| source.path.clone()).collect();
        if due.is_empty() {
            return;
        }
        let context = Context { source: SourceId(0), interest, wanted: Some(&wanted) };
        let read = |mut entry: Entry<'_>| {
            if due.contains(&entry.path) {
                return Some(parse_entry(entry, &context, false));
            }
            entry.pass_over();
            None
        };
        let fresh: Vec<_> = bundle.read_again(&due, &read).into_iter().flatten().collect();
        for (source, _) in fresh {
            wanted.learn(&source);
            if let Some(own) = all.iter_mut().find(|(own, _)| own.path == source.path) {
                *own = (source, false);
            }
        }
    }
}

/// Reads a file; with `true` beside the result where that is put off, for which it `may_wait`.
fn parse_entry(mut entry: Entry<'_>, context: &Context<'_>, may_wait: bool) -> (ParsedSource, bool) {
    let issues = std::mem::take(&mut entry.issues);
    let path = std::mem::take(&mut entry.path);
    let mut result = ParsedSource::stated(path, UNKNOWN, Parsed { issues, ..Parsed::default() });
    let Some(mut stream) = entry.stream.take() else { return (result, false) };
    let recognised = recognise(stream.head());
    match recognised {
        Some((kind, _)) => result.kind = kind,
        None if guess::is_message_texts(&result.path) => result.kind = guess::MESSAGE_TEXTS,
        None => result.guess = Some(guess::guess(&result.path, stream.head())),
    }
    if may_wait && entry.can_be_read_again() && DIRECTORY.contains(&result.kind) {
        entry.stream = Some(stream);
        entry.pass_over();
        return (result, true);
    }
    let reader = recognised.map(|(_, format)| format.reader);
    read_stream(stream, reader, &entry, &mut result, context);
    (result, false)
}

fn read_stream(
    mut stream: Stream<'_>,
    reader: Option<Reader>,
    entry: &Entry<'_>,
    result: &mut ParsedSource,
    context: &Context<'_>,
) {
    if let Some(Reader::Blocks(_, parse_blocks)) = reader
        && let Some(blocks) = entry.blocks()
    {
        let head = stream.head().to_vec();
        drop(stream);
        let (parsed, hash) = parse_blocks(&blocks, &head, context);
        result.take(parsed);
        result.parsed.issues.extend(hash.as_ref().err().map(unreadable));
        result.hash = hash.ok();
        result.bytes = blocks.bytes();
        return;
    }
    match reader {
        Some(Reader::Blocks(parse, _) | Reader::Stream(parse)) => result.take(parse(&mut stream, context)),
        Some(Reader::Text(_)) => result.take(read_text(&mut stream, context, FORMATS)),
        None => {}
    }
    let finished = stream.finish();
    result.hash = Some(finished.hash);
    result.bytes = finished.bytes;
    result.parsed.issues.extend(finished.failure.as_ref().map(unreadable));
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
            all.bystanders.join(parsed.bystanders);
            all.coverage.channels.extend(parsed.coverage.channels);
        }
    }
    all.facts.sort_by_key(|fact| fact.origin.at);
    all
}

impl ParsedSource {
    /// A source of which only the facts are there: nothing was read.
    #[must_use]
    pub fn stated(path: String, kind: &'static str, parsed: Parsed) -> Self {
        Self { path, kind, hash: None, bytes: 0, parsed, guess: None }
    }

    /// Whether anything can be learned from it.
    #[must_use]
    pub fn is_understood(&self) -> bool {
        ![UNKNOWN, guess::MESSAGE_TEXTS].contains(&self.kind)
    }

    fn take(&mut self, mut parsed: Parsed) {
        self.parsed.issues.append(&mut parsed.issues);
        self.parsed.facts = parsed.facts;
        self.parsed.coverage = parsed.coverage;
        self.parsed.bystanders = parsed.bystanders;
    }
}

/// The kind and the format of a source that begins with `bytes`.
#[must_use]
pub fn recognise(bytes: &[u8]) -> Option<(&'static str, &'static Format)> {
    let head = Head::new(bytes);
    FORMATS.iter().find_map(|format| Some(((format.recognise)(&head)?, format)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Limits;

    const DIRECTORY_EXPORT: &str = "# extended LDIF\n# requesting: ALL\n\n\
        dn: CN=HV01,OU=Old,DC=x\nobjectClass: computer\ncn: HV01\n\n\
        dn: CN=PC1,DC=x\nobjectClass: computer\ncn: PC1\n\n\
        dn: CN=Inner,DC=x\nobjectClass: group\nobjectSid: S-1-5-21-1-2-3-12\n\n\
        dn: CN=Outer,DC=x\nobjectClass: group\nobjectSid: S-1-5-21-1-2-3-11\nmember: CN=Inner,DC=x\n\n\
        dn: CN=Other,DC=x\nobjectClass: group\nobjectSid: S-1-5-21-1-2-3-13\n\n\
        dn: CN=HV01,DC=x\nobjectClass: computer\ncn: HV01\nservicePrincipalName: Microsoft Virtual System Migration \n Service/HV01\n\
        msDS-AllowedToActOnBehalfOfOtherIdentity: O:BAD:(A;;CR;;;S-1-5-21-1-2-3-11)\n\n\
        dn: CN=HV02,DC=x\nobjectClass: computer\ncn: HV02\n\n";

    fn names(source: &ParsedSource) -> Vec<&str> {
        let mut names = Vec::new();
        for fact in &source.parsed.facts {
            match &fact.observation {
                Observation::Directory(object) => names.extend(object.dn.as_deref()),
                other => panic!("{other:?}"),
            }
        }
        names
    }

    #[test]
    fn only_objects_that_something_speaks_of_become_facts() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.ldif"), DIRECTORY_EXPORT).unwrap();
        let csv =
            "Name,SamAccountName,DistinguishedName\nHV01,HV01$,\"CN=HV01,DC=x\"\nPC2,PC2$,\"CN=PC2,DC=x\"\n";
        std::fs::write(folder.path().join("b.csv"), csv).unwrap();
        std::fs::write(folder.path().join("c.csv"), "CSName,HotFixID,InstalledOn\nHV02,KB1,1/13/2020\n")
            .unwrap();
        let bundle = Bundle::open(&[folder.path().to_path_buf()], &Limits::default()).unwrap();
        let read = parse(&bundle, &Interest::default(), &|| ());
        let [ldif, csv, updates] = <[_; 3]>::try_from(read).unwrap();
        // HV01 by its service, what bears its name in any export, the groups that it trusts; HV02 by its updates.
        let kept = ["CN=HV01,OU=Old,DC=x", "CN=Inner,DC=x", "CN=Outer,DC=x", "CN=HV01,DC=x", "CN=HV02,DC=x"];
        assert_eq!(names(&ldif), kept);
        assert_eq!((ldif.parsed.coverage.records, ldif.parsed.bystanders.objects), (7, 2));
        assert_eq!((names(&csv), csv.parsed.bystanders.objects), (vec!["CN=HV01,DC=x"], 1));
        assert_eq!((updates.kind, updates.parsed.facts.len()), ("hot-fix-csv", 1));
    }
}
