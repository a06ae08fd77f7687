//! From bytes to facts: the table of formats, recognition by content, the parallel loop.
//!
//! A format is one file in `src/parse/` and one line in [`FORMATS`]. Recognition looks at the first
//! 64 KiB and never at a file's name: collectors rename everything. A parser never fails; what it could
//! not read becomes an [`Issue`], and the rest of the source is still read.

use std::borrow::Cow;
use std::io;

use rayon::prelude::*;

use crate::bundle::{Blocks, Bundle, Source, Stream, unreadable};
use crate::fact::{DirectoryObject, Fact, Issue, Observation, Origin, Parsed, Position, SourceId};
use crate::knowledge::Interest;

mod computer_csv;
mod event;
mod event_xml;
mod evtx;
mod hot_fix_csv;
mod ldif;
mod security_descriptor;
mod table;
#[cfg(test)]
mod testing;
mod text;
mod vm_host;
mod wanted;

pub use evtx::steps;
pub use wanted::Wanted;

/// A format that kcdoctor reads.
pub struct Format {
    /// The name in reports, `sources[].kind`.
    pub kind: &'static str,
    /// Whether the head of a source is of this format.
    pub recognise: fn(&Head<'_>) -> bool,
    /// Reads the whole source.
    pub parse: fn(&mut Stream<'_>, &Context<'_>) -> Parsed,
    /// Reads a large file in blocks that know nothing of each other, where the format allows that.
    pub parse_blocks: Option<ParseBlocks>,
}

/// Reads a file, of which the head is given, block by block; gives its hash too.
pub type ParseBlocks = fn(&Blocks, &[u8], &Context<'_>) -> (Parsed, io::Result<blake3::Hash>);

/// Every format, the most telling heads first: the first that recognises a head reads the source.
pub const FORMATS: &[Format] = &[
    evtx::FORMAT,
    event_xml::FORMAT,
    ldif::FORMAT,
    computer_csv::FORMAT,
    hot_fix_csv::FORMAT,
    vm_host::FORMAT,
];

/// The kinds of directory exports. A dump of a forest holds a million objects of which a handful matter, so these are
/// read last, when it is known what the other sources speak of.
const DIRECTORY: &[&str] = &[ldif::FORMAT.kind, computer_csv::FORMAT.kind];

/// How often directory exports are read again at most, for what their own objects refer to: groups in groups.
const MAX_ROUNDS: usize = 20;

/// The beginning of a source, as bytes and as text.
pub struct Head<'a> {
    /// Up to 64 KiB.
    pub bytes: &'a [u8],
    /// The same, decoded; a cut last character is dropped. Nonsense for binary formats.
    pub text: Cow<'a, str>,
}

/// What every parser is given beside its source.
pub struct Context<'a> {
    /// The source's index, for the facts' origins.
    pub source: SourceId,
    /// Which events are worth decoding.
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
    pub(crate) fn take_object(&self, parsed: &mut Parsed, line: u64, object: DirectoryObject) {
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
    /// What was taken from it.
    pub parsed: Parsed,
}

/// Reads every source of `bundle` in parallel, in the bundle's order. `tick` is told of each finished source.
///
/// Files and the blocks of large logs share one pool. No thread holds a block while it waits for another, so the
/// memory for reading is bounded by the threads, whatever the bundle's size.
///
/// Directory exports are put off until the other sources are read, and read again where an object that was passed
/// over turns out to matter. What can be read only once (a pipe) is not put off, and all its objects become facts.
#[must_use]
pub fn parse(bundle: &Bundle, interest: &Interest, tick: &(dyn Fn() + Sync)) -> Vec<ParsedSource> {
    let read = |index: usize, wanted: Option<&Wanted>| {
        let source = bundle.sources.get(index)?;
        let can_wait = wanted.is_none() && source.can_be_read_again();
        let read = parse_source(source, &Context { source: SourceId(index), interest, wanted }, can_wait);
        read.inspect(|_| tick())
    };
    let sources: Vec<usize> = (0..bundle.sources.len()).collect();
    let mut results: Vec<_> = sources.par_iter().map(|&index| read(index, None)).collect();
    let mut wanted = Wanted::default();
    results.iter().flatten().for_each(|result| wanted.learn(result));
    let waiting = |result: &Option<ParsedSource>, wanted: &Wanted| {
        result.as_ref().is_none_or(|result| wanted.wants_one_of(result))
    };
    for _ in 0..MAX_ROUNDS {
        let is_due = |index: &usize| results.get(*index).is_some_and(|result| waiting(result, &wanted));
        let again: Vec<usize> = sources.iter().copied().filter(is_due).collect();
        if again.is_empty() {
            break;
        }
        let fresh: Vec<_> = again.par_iter().map(|&index| read(index, Some(&wanted))).collect();
        for (index, fresh) in again.into_iter().zip(fresh) {
            fresh.iter().for_each(|result| wanted.learn(result));
            if let Some(result) = results.get_mut(index) {
                *result = fresh;
            }
        }
    }
    results.into_iter().flatten().collect()
}

/// Reads a source; `None` where it is a directory export that `can_wait`.
fn parse_source(source: &Source, context: &Context<'_>, can_wait: bool) -> Option<ParsedSource> {
    let mut result =
        ParsedSource { path: source.path.clone(), kind: "unknown", hash: None, parsed: Parsed::default() };
    result.parsed.issues.clone_from(&source.issues);
    if source.is_closed() {
        return Some(result);
    }
    match source.read(|stream| read_stream(stream, source, &mut result, context, can_wait)) {
        Ok(true) => {}
        Ok(false) => return None,
        Err(error) => result.parsed.issues.push(unreadable(&error)),
    }
    Some(result)
}

/// Reads a stream into `result`; `false` where that was put off.
fn read_stream(
    mut stream: Stream<'_>,
    source: &Source,
    result: &mut ParsedSource,
    context: &Context<'_>,
    can_wait: bool,
) -> bool {
    if stream.head().starts_with(b"PK\x03\x04") {
        let detail = "an archive inside an archive is not read; unpack it beside the other files";
        result.parsed.issues.push(Issue::loss("archive-nested", detail, None));
    }
    let format = recognise(stream.head());
    if can_wait && format.is_some_and(|format| DIRECTORY.contains(&format.kind)) {
        return false;
    }
    result.kind = format.map_or(result.kind, |format| format.kind);
    let parse_blocks = format.and_then(|format| format.parse_blocks);
    let split = parse_blocks.and_then(|parse_blocks| Some((parse_blocks, source.blocks()?)));
    let failure = if let Some((parse_blocks, blocks)) = split {
        let head = stream.head().to_vec();
        drop(stream);
        let (parsed, hash) = parse_blocks(&blocks, &head, context);
        result.take(parsed);
        hash.map(|hash| result.hash = Some(hash)).err()
    } else {
        if let Some(format) = format {
            result.take((format.parse)(&mut stream, context));
        }
        let (hash, failure) = stream.finish();
        result.hash = Some(hash);
        failure
    };
    result.parsed.issues.extend(failure.as_ref().map(unreadable));
    true
}

impl ParsedSource {
    fn take(&mut self, mut parsed: Parsed) {
        self.parsed.issues.append(&mut parsed.issues);
        self.parsed.facts = parsed.facts;
        self.parsed.coverage = parsed.coverage;
        self.parsed.bystanders = parsed.bystanders;
    }
}

/// The format of a source that begins with `bytes`.
#[must_use]
pub fn recognise(bytes: &[u8]) -> Option<&'static Format> {
    let head = Head { bytes, text: text::decode_head(bytes) };
    FORMATS.iter().find(|format| (format.recognise)(&head))
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
