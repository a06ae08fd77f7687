//! What the customer sent: files, folders and archives as one sorted list of sources.
//!
//! This is the only input of the program. A source is opened as a forward [`Stream`], a large file also in
//! [`Blocks`]. Archives are recognised by content and read in place, in each other up to a depth; nothing is ever
//! written to disk, so a member that names `../../etc/passwd` can do no harm and is read like any other.
//!
//! The members of a zip that was sent are sources of their own, which all threads share. What is in any other archive
//! is found while its source is read (`walk`), so a source may turn out to be many files.
//! What is *not* done here: recognising formats (see [`crate::parse`]).

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use crate::error::Error;
use crate::fact::Issue;

mod allowance;
mod blocks;
mod cabinet;
mod gzip;
mod input;
mod listing;
mod magic;
mod names;
mod seven;
mod stream;
mod tar;
mod walk;
mod zip;

pub use allowance::{Allowance, Spent};
pub use blocks::{BLOCK, Block, Blocks, Whole, join};
use input::{Data, Input};
use listing::Listing;
use stream::Refusal;
pub(crate) use stream::take_all;
pub use stream::{Finished, Limits, Stream};
use walk::{Budget, Place, Walk};
use zip::Archive;

/// Sources that are read before it's counted what has come out of archives: the count must not depend on which
/// thread was first.
const ROUND: usize = 64;

/// All that was sent about one incident.
#[derive(Debug)]
pub struct Bundle {
    /// The first argument's last component without its extension.
    pub name: String,
    /// Every file, and every member of a zip, sorted by path.
    pub sources: Vec<Source>,
    terms: Arc<Terms>,
}

/// On what terms a bundle is read.
#[derive(Debug)]
struct Terms {
    limits: Limits,
    passwords: Vec<String>,
}

/// One file of a bundle, or an archive that is not a zip.
#[derive(Debug)]
pub struct Source {
    /// Relative to its argument, with `/`; members of an archive as `a.zip!/x`.
    pub path: String,
    /// What was noticed before the file was opened.
    issues: Vec<Issue>,
    content: Content,
    terms: Arc<Terms>,
}

#[derive(Debug)]
enum Content {
    File(PathBuf),
    /// With its index and its size in the archive.
    Member(Archive, usize, u64),
    /// In memory.
    Held(Input),
    /// Standard input, of which these bytes were read already.
    Piped(Input),
    /// Listed, and not readable; its issues say why.
    Closed,
}

/// A file that stands open: a source, or a member of one that is an archive.
pub struct Entry<'a> {
    /// As [`Source::path`].
    pub path: String,
    /// What was noticed before it was read.
    pub issues: Vec<Issue>,
    /// Its content; `None` where it can't be read, and the issues say why.
    pub stream: Option<Stream<'a>>,
    source: Option<&'a Source>,
    again: bool,
}

impl Entry<'_> {
    /// Whether [`Bundle::read_again`] can hand it out once more: what comes through a pipe can be read once.
    #[must_use]
    pub fn can_be_read_again(&self) -> bool {
        self.again
    }

    /// Passes over a file that is not read now. In an archive that is read in one pass the next one stands behind it.
    pub fn pass_over(&mut self) {
        if let Some(stream) = self.stream.take().filter(|_| self.source.is_none()) {
            stream.finish();
        }
    }

    /// As [`Source::blocks`].
    #[must_use]
    pub fn blocks(&self) -> Option<Blocks> {
        self.source?.blocks()
    }
}

impl Bundle {
    /// Opens `arguments` (folders, archives, files, or `-` for an archive or a file on standard input) as one
    /// bundle.
    ///
    /// # Errors
    /// [`Error::NoInput`] where nothing stands at an argument, [`Error::Io`] where it can't be listed,
    /// [`Error::Usage`] without arguments, or with two that are standard input.
    pub fn open(arguments: &[PathBuf], limits: &Limits) -> Result<Self, Error> {
        Self::open_with(arguments, &[], limits)
    }

    /// The same, with the passwords of its archives.
    ///
    /// # Errors
    /// Those of [`Bundle::open`].
    pub fn open_with(arguments: &[PathBuf], passwords: &[String], limits: &Limits) -> Result<Self, Error> {
        let first = arguments.first().ok_or_else(|| Error::Usage("no bundle was named".into()))?;
        if arguments.iter().filter(|argument| argument.as_os_str() == "-").count() > 1 {
            return Err(Error::Usage("standard input can be read only once".into()));
        }
        let terms = Arc::new(Terms { limits: limits.clone(), passwords: passwords.to_vec() });
        let mut listing = Listing { sources: Vec::new(), terms: Arc::clone(&terms) };
        for argument in arguments {
            let prefix =
                if arguments.len() > 1 { format!("{}/", last_component(argument)) } else { String::new() };
            listing.add_argument(argument, &prefix)?;
        }
        let mut sources = listing.sources;
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { name: bundle_name(first), sources, terms })
    }

    /// What stands on standard input, as if it were a file called `name`.
    ///
    /// # Errors
    /// [`Error::Io`] where it can't be read.
    pub fn piped(name: &str, passwords: &[String], limits: &Limits) -> Result<Self, Error> {
        let terms = Arc::new(Terms { limits: limits.clone(), passwords: passwords.to_vec() });
        let mut listing = Listing { sources: Vec::new(), terms: Arc::clone(&terms) };
        listing.add_piped(name.to_owned()).map_err(Error::io("standard input"))?;
        let mut sources = listing.sources;
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        let stem = Path::new(name).file_stem().unwrap_or_default();
        Ok(Self { name: stem.to_string_lossy().into_owned(), sources, terms })
    }

    /// `blake3:` and the hash over the sorted hashes of its files, as reports state it; nothing of them is parsed. Uses
    /// the pool that it is called in. `None` where a file can't be read to its end, or only once.
    #[must_use]
    pub fn hash(&self) -> Option<String> {
        let read = |mut entry: Entry<'_>| match entry.stream.take() {
            Some(stream) if entry.can_be_read_again() => {
                let finished = stream.finish();
                finished.failure.is_none().then_some(Some(finished.hash))
            }
            Some(_) => None,
            None => Some(None),
        };
        let hashes: Option<Vec<_>> = self.read(&read, &|| ()).into_iter().collect();
        Some(hash_of(hashes?.into_iter().flatten()))
    }

    /// A bundle of files in memory: paths with `/`, and contents. Archives among them are read like any other.
    #[must_use]
    pub fn held(name: &str, files: Vec<(String, Vec<u8>)>, limits: &Limits) -> Self {
        let terms = Arc::new(Terms { limits: limits.clone(), passwords: Vec::new() });
        let source = |(path, content)| Source {
            path,
            issues: Vec::new(),
            content: Content::Held(Input::memory(content)),
            terms: Arc::clone(&terms),
        };
        let mut sources: Vec<_> = files.into_iter().map(source).collect();
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        Self { name: name.to_owned(), sources, terms }
    }

    /// Reads every file of the bundle by `read`, on all threads of the pool that this is called in. Gives what was
    /// read in the order of the sources, and in each in the order of its archive. `tick` is told of each finished
    /// source.
    pub fn read<T: Send>(&self, read: &(dyn Fn(Entry<'_>) -> T + Sync), tick: &(dyn Fn() + Sync)) -> Vec<T> {
        self.read_sources(&self.sources.iter().collect::<Vec<_>>(), read, tick)
    }

    /// Reads the sources again in which one of `paths` stands, those of entries, all of their files by `read`.
    pub fn read_again<T: Send>(
        &self,
        paths: &BTreeSet<String>,
        read: &(dyn Fn(Entry<'_>) -> T + Sync),
    ) -> Vec<T> {
        let holds = |source: &&Source| {
            let is_in = |path: &String| {
                path.strip_prefix(&source.path).is_some_and(|rest| rest.is_empty() || rest.starts_with("!/"))
            };
            paths.iter().any(is_in)
        };
        self.read_sources(&self.sources.iter().filter(holds).collect::<Vec<_>>(), read, &|| ())
    }

    fn read_sources<T: Send>(
        &self,
        sources: &[&Source],
        read: &(dyn Fn(Entry<'_>) -> T + Sync),
        tick: &(dyn Fn() + Sync),
    ) -> Vec<T> {
        let limits = &self.terms.limits;
        let mut left = Budget {
            bytes: limits.max_unpacked_bytes,
            entries: limits.max_entries.saturating_sub(self.sources.len()),
        };
        let mut all = Vec::new();
        for round in sources.chunks(ROUND) {
            let read_one = |source: &&Source| {
                let mut values = Vec::new();
                let spent = source.walk(left, &mut |entry| values.push(read(entry)));
                tick();
                (values, spent)
            };
            for (values, spent) in round.par_iter().map(read_one).collect::<Vec<_>>() {
                left = left.less(spent);
                all.extend(values);
            }
        }
        all
    }
}

impl Source {
    /// Reads the source, and, where it's an archive, the files in it, one after the other; gives what that took of
    /// `left`.
    fn walk(&self, left: Budget, visit: &mut dyn FnMut(Entry<'_>)) -> Budget {
        let may_hold = self.terms.limits.max_held_bytes;
        let place = |depth| Place { path: self.path.clone(), depth, may_hold };
        let mut issues = self.issues.clone();
        let mut walk = Walk::new(self, left, visit);
        match &self.content {
            Content::File(path) => match Input::open(path) {
                Ok(input) => walk.expanding(input.len()).file(&place(0), issues, Data::Anywhere(input)),
                Err(error) => {
                    issues.push(unreadable(&error));
                    walk.closed(self.path.clone(), issues);
                }
            },
            Content::Member(archive, index, packed) => {
                archive.read(walk.expanding(*packed), &place(1), issues, *index);
            }
            Content::Held(input) => {
                walk.expanding(input.len()).file(&place(0), issues, Data::Anywhere(input.clone()));
            }
            Content::Piped(begun) => {
                let all = begun.clone().chain(io::stdin());
                walk.file(&place(0), issues, Data::Forward(Box::new(all)));
            }
            Content::Closed => walk.closed(self.path.clone(), issues),
        }
        walk.spent()
    }
}

/// `blake3:` and the hash of a bundle whose files have these: over the sorted ones, so that a folder and its zip are equal.
#[must_use]
pub fn hash_of(hashes: impl Iterator<Item = blake3::Hash>) -> String {
    let mut hashes: Vec<_> = hashes.map(|hash| *hash.as_bytes()).collect();
    hashes.sort_unstable();
    format!("blake3:{}", blake3::hash(&hashes.concat()))
}

fn bundle_name(argument: &Path) -> String {
    if argument.as_os_str() == "-" {
        return "stdin".into();
    }
    let resolved = if argument.file_name().is_some() {
        argument.to_path_buf()
    } else {
        fs::canonicalize(argument).unwrap_or_default()
    };
    let name = if resolved.is_dir() { resolved.file_name() } else { resolved.file_stem() };
    name.map_or_else(|| "bundle".into(), |name| name.to_string_lossy().into_owned())
}

fn last_component(argument: &Path) -> String {
    let resolved = fs::canonicalize(argument).unwrap_or_else(|_| argument.to_path_buf());
    let name = argument.file_name().or_else(|| resolved.file_name());
    name.map_or_else(|| argument.to_string_lossy().into_owned(), |name| name.to_string_lossy().into_owned())
}

/// The issue of a source that the system or its archive would not let us read to its end.
#[must_use]
pub fn unreadable(error: &io::Error) -> Issue {
    match Refusal::of(error) {
        Some(refusal) => Issue::loss(refusal.code, refusal.detail.clone(), None),
        None => Issue::loss(
            "unreadable",
            format!("this file can't be read to its end ({error}); ask for it again"),
            None,
        ),
    }
}
