//! From one source to the files in it: archives in archives, read forward by one thread.
//!
//! A container hands on its members in one pass, so the cost is linear in what is unpacked, however solid it is.
//! Only what has its directory at its end (zip, 7z) is held in memory when it comes out of another archive or a pipe:
//! 256 MiB for a source and all that is nested in it ([`Limits::max_held_bytes`]), hence that much for every thread
//! at most. Members of one archive on disk are read at once where it's a zip; every other archive keeps one thread
//! busy. What comes out is counted, not believed: see [`Budget`].

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;
use std::sync::Arc;

use super::allowance::{Allowance, in_budget};
use super::input::{Data, Input};
use super::magic::{self, Container};
use super::stream::{Limits, Refusal, Stream, too_large};
use super::{Content, Entry, Source, cabinet, gzip, seven, tar, unreadable, zip};
use crate::fact::Issue;

/// Members up to this size may expand by more than the limit's ratio.
const RATIO_FREE: u64 = 64 << 20;
/// The same for all that comes out of one source.
const SOURCE_FREE: u64 = 1 << 30;
/// What a member counts beside its content, so that millions of empty ones end too.
const MEMBER: u64 = 4 << 10;

/// What may still come out of a bundle's archives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    pub(super) bytes: u64,
    pub(super) entries: usize,
}

impl Budget {
    /// What is left of it after `spent` was taken.
    pub(super) fn less(self, spent: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(spent.bytes),
            entries: self.entries.saturating_sub(spent.entries),
        }
    }
}

/// Where a file stands.
pub(super) struct Place {
    pub(super) path: String,
    /// Archives around it.
    pub(super) depth: usize,
    /// Bytes that may still be held in memory.
    pub(super) may_hold: u64,
}

impl Place {
    /// A member of the archive that stands here.
    pub(super) fn member(&self, name: &str) -> Self {
        Self { path: format!("{}!/{name}", self.path), depth: self.depth + 1, may_hold: self.may_hold }
    }

    /// The same place while `input` is open.
    pub(super) fn holding(&self, input: &Input) -> Self {
        let held = if matches!(input, Input::Memory(_)) { input.len() } else { 0 };
        Self { path: self.path.clone(), depth: self.depth, may_hold: self.may_hold.saturating_sub(held) }
    }
}

/// One reading of a source.
pub(super) struct Walk<'w> {
    pub(super) limits: &'w Limits,
    pub(super) passwords: &'w [String],
    source: &'w Source,
    begun: Budget,
    left: Rc<Cell<u64>>,
    entries: usize,
    visit: &'w mut dyn FnMut(Entry<'_>),
}

impl<'w> Walk<'w> {
    pub(super) fn new(source: &'w Source, budget: Budget, visit: &'w mut dyn FnMut(Entry<'_>)) -> Self {
        Self {
            limits: &source.terms.limits,
            passwords: &source.terms.passwords,
            source,
            begun: budget,
            left: Rc::new(Cell::new(budget.bytes)),
            entries: budget.entries,
            visit,
        }
    }

    /// Allows no more to come out than a source of `packed` bytes ever holds.
    pub(super) fn expanding(&mut self, packed: u64) -> &mut Self {
        let most = packed.saturating_mul(self.limits.max_ratio).max(SOURCE_FREE);
        self.begun.bytes = self.begun.bytes.min(most);
        self.left.set(self.begun.bytes);
        self
    }

    /// What was taken.
    pub(super) fn spent(&self) -> Budget {
        self.begun.less(Budget { bytes: self.left.get(), entries: self.entries })
    }

    /// Reads one file: hands it on, or, where it's an archive, what is in it. The archive itself appears only where
    /// something is to be said about it.
    pub(super) fn file(&mut self, place: &Place, mut issues: Vec<Issue>, mut data: Data<'_>) {
        let head = data.peek();
        let Some(container) = magic::container(&head) else {
            issues.extend(magic::unread(&head));
            return self.plain(place, issues, data);
        };
        let read = if place.depth >= self.limits.max_depth {
            let most = self.limits.max_depth;
            let detail = format!("an archive inside {most} archives is not read; unpack the outermost");
            Err(Issue::loss("archive-nested", detail, None))
        } else {
            match container {
                Container::Zip => zip::read(self, place, data),
                Container::Gzip => gzip::read(self, place, data.into_reader()),
                Container::Tar => tar::read(self, place, data.into_reader()),
                Container::SevenZip => seven::read(self, place, data),
                Container::Cabinet => cabinet::read(self, place, data.into_reader()),
            }
        };
        issues.extend(read.err());
        if !issues.is_empty() {
            self.closed(place.path.clone(), issues);
        }
    }

    fn plain(&mut self, place: &Place, issues: Vec<Issue>, data: Data<'_>) {
        let stream = Stream::new(data.into_reader(), self.limits);
        let source = (place.depth == 0).then_some(self.source);
        let again = !matches!(self.source.content, Content::Piped(_));
        (self.visit)(Entry { path: place.path.clone(), issues, stream: Some(stream), source, again });
    }

    /// Hands on a file that can't be read; its issues say why.
    pub(super) fn closed(&mut self, path: String, issues: Vec<Issue>) {
        (self.visit)(Entry { path, issues, stream: None, source: None, again: false });
    }

    /// Counts a member before it is read.
    ///
    /// # Errors
    /// The issue of an archive of which no more members may be read.
    pub(super) fn enter(&mut self) -> Result<(), Issue> {
        self.entries = self.entries.checked_sub(1).ok_or_else(|| too_many(self.limits.max_entries))?;
        let left = self.left.get().checked_sub(MEMBER);
        self.left.set(left.ok_or_else(|| unreadable(&exhausted()))?);
        Ok(())
    }

    /// A member, or what was compressed, that expands from `packed` bytes. An error in it costs what follows it, too.
    pub(super) fn metered<R: Read>(&self, reader: R, packed: Rc<Cell<u64>>) -> Metered<R> {
        let ratio = self.limits.max_ratio;
        Metered {
            reader,
            out: 0,
            allowed: Allowed::Packed(packed, ratio, Rc::clone(&self.left)),
            allowance: self.limits.allowance.clone(),
            blame: cut,
            failed: Rc::default(),
        }
    }

    /// A member of exactly `size` bytes that were counted before.
    pub(super) fn sized<R: Read>(&self, reader: R, size: u64) -> Metered<R> {
        let allowance = self.limits.allowance.clone();
        Metered { reader, out: 0, allowed: Allowed::Size(size), allowance, blame: cut, failed: Rc::default() }
    }
}

/// The issue of a bundle or an archive with more than `most` files.
pub(super) fn too_many(most: usize) -> Issue {
    let detail = format!("more than {most} files; the rest was not read; send one incident at a time");
    Issue::loss("too-many-files", detail, None)
}

/// The issue of an archive in an archive, or in a pipe, that is not held in memory.
pub(super) fn too_large_to_hold(most: u64) -> Issue {
    let detail = format!(
        "this archive has to be held in memory, since it stands in another or comes through a pipe, and takes more than {} MiB; unpack the outer one, or pass it by its path",
        most >> 20
    );
    Issue::loss("archive-too-large", detail, None)
}

/// The issue of an archive, or its only issue-worthy member, without its password.
pub(super) fn locked(what: &str) -> Issue {
    let detail = format!(
        "{what}, and no password that was given opens it; ask for the password and pass it with --password PASSWORD"
    );
    Issue::loss("archive-encrypted", detail, None)
}

/// The issue of an archive that can't be read on: what stopped it, or else damage.
pub(super) fn damage(error: &io::Error) -> Issue {
    if error.kind() == io::ErrorKind::FileTooLarge {
        return Issue::loss("member-too-large", error.to_string(), None);
    }
    let detail = format!(
        "this archive is damaged or cut ({error}); what could be read before that was read, the rest is lost; ask for it again"
    );
    Issue::loss("archive-damaged", detail, None)
}

fn exhausted() -> io::Error {
    too_large(
        "more comes out of this archive than one bundle may hold; the rest was not read; unpack it and send the parts that matter",
    )
}

/// The error of a member behind which nothing can be read.
fn cut(error: io::Error) -> io::Error {
    let detail = format!(
        "the archive is damaged or cut here ({error}); the rest of this member and what stood behind it are lost; ask for it again"
    );
    Refusal::error("archive-damaged", detail)
}

/// Counts what comes out of an archive, and ends it where that is too much.
pub(super) struct Metered<R> {
    reader: R,
    out: u64,
    allowed: Allowed,
    allowance: Option<Arc<Allowance>>,
    blame: fn(io::Error) -> io::Error,
    failed: Rc<Cell<bool>>,
}

enum Allowed {
    /// What may come out of so many bytes at this ratio, and of the whole source.
    Packed(Rc<Cell<u64>>, u64, Rc<Cell<u64>>),
    Size(u64),
}

impl<R> Metered<R> {
    /// Set once reading failed: then what follows in the same pass can't be read.
    pub(super) fn failed(&self) -> Rc<Cell<bool>> {
        Rc::clone(&self.failed)
    }

    /// The same, with errors that mean something else than damage.
    pub(super) fn blaming(self, blame: fn(io::Error) -> io::Error) -> Self {
        Self { blame, ..self }
    }

    fn count(&mut self, count: u64) -> io::Result<()> {
        self.out += count;
        match &self.allowed {
            Allowed::Size(size) if count == 0 && self.out < *size => {
                Err((self.blame)(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends early")))
            }
            Allowed::Size(_) => Ok(()),
            Allowed::Packed(packed, ratio, left) => {
                if self.out > RATIO_FREE.max(packed.get().saturating_mul(*ratio)) {
                    return Err(too_large(
                        "it expands far more than real logs do; the rest was not read; ask who made it",
                    ));
                }
                let rest = left.get().checked_sub(count);
                left.set(rest.unwrap_or(0));
                rest.map(|_| ()).ok_or_else(exhausted)
            }
        }
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        if block.is_empty() {
            return Ok(0);
        }
        let read = match in_budget(self.allowance.as_deref()).and_then(|()| self.reader.read(block)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            // What was refused below keeps its own words.
            Err(error) if Refusal::of(&error).is_some() => Err(error),
            Err(error) => Err((self.blame)(error)),
            Ok(count) => self.count(count as u64).map(|()| count),
        };
        self.failed.set(self.failed.get() || read.is_err());
        read
    }
}
