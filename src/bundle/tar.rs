//! A tar: its members one after the other, in one pass and at no cost in memory.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use tar::EntryType;

use super::input::Data;
use super::names::Names;
use super::walk::{Place, Walk, damage};
use crate::fact::Issue;

/// What the headers of one member may take: the tar crate holds long names in memory as a whole.
const MOST_HEADERS: u64 = 1 << 20;

/// Reads every member. One that is cut says itself that all behind it is lost.
pub(super) fn read(walk: &mut Walk<'_>, at: &Place, reader: Box<dyn Read + '_>) -> Result<(), Issue> {
    let gate = Gate { reader, passed: Rc::default(), end: Rc::new(Cell::new(MOST_HEADERS)) };
    let (passed, end) = (Rc::clone(&gate.passed), Rc::clone(&gate.end));
    let mut archive = tar::Archive::new(gate);
    let mut names = Names::default();
    let mut entries = archive.entries().map_err(|error| damage(&error))?;
    let mut member_end = 0;
    loop {
        end.set(MOST_HEADERS.saturating_add(passed.get().max(member_end)));
        let Some(entry) = entries.next() else { return Ok(()) };
        let entry = entry.map_err(|error| damage(&error))?;
        member_end = entry.raw_file_position().saturating_add(entry.header().entry_size().unwrap_or(0));
        end.set(u64::MAX);
        let raw = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() || raw.ends_with('/') {
            continue;
        }
        walk.enter()?;
        let (name, mut issues) = names.place(&raw);
        let place = at.member(&name);
        let target = entry.link_name_bytes().map(|name| String::from_utf8_lossy(&name).into_owned());
        if let Some(issue) = obstacle(kind, &target.unwrap_or_default()) {
            issues.push(issue);
            walk.closed(place.path, issues);
            continue;
        }
        let size = entry.size();
        let member = walk.sized(entry, size);
        let failed = member.failed();
        walk.file(&place, issues, Data::Forward(Box::new(member)));
        if failed.get() {
            return Ok(());
        }
    }
}

/// Why a member of this kind has no content to read.
fn obstacle(kind: EntryType, target: &str) -> Option<Issue> {
    if kind.is_file() || kind.is_contiguous() {
        return None;
    }
    Some(if kind.is_hard_link() {
        let detail = format!("a hard link to {target:?}, under which name its content stands in the archive");
        Issue::note("link-not-followed", detail)
    } else if kind.is_symlink() {
        let detail = "a symbolic link; links are not followed, send the file itself";
        Issue::loss("link-not-followed", detail, None)
    } else {
        let detail = "neither a file nor a folder (a device, or a file with holes); send a plain copy of it";
        Issue::loss("member-unsupported", detail, None)
    })
}

/// Ends the reading of headers that take too much.
struct Gate<R> {
    reader: R,
    passed: Rc<Cell<u64>>,
    end: Rc<Cell<u64>>,
}

impl<R: Read> Read for Gate<R> {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        if self.passed.get() > self.end.get() {
            return Err(io::Error::other("the header of a member is too long"));
        }
        let count = self.reader.read(block)?;
        self.passed.set(self.passed.get() + count as u64);
        Ok(count)
    }
}
