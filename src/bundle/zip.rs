//! A zip: a list of members, each opened on its own and read forward.
//!
//! Nothing is extracted. Where the list at its end is lost, or the whole is too large to be held in memory, it's
//! read from the front by what stands before each member. What is *not* done here: other methods than store, deflate
//! and deflate64; they are named.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;
use std::sync::Arc;

use zip::ZipArchive;
use zip::read::{ZipFile, ZipReadOptions, read_zipfile_from_stream_with_options};
use zip::result::ZipError;

use super::input::{Data, Input};
use super::names::Names;
use super::stream::Refusal;
use super::unreadable;
use super::walk::{Metered, Place, Walk, damage, locked, too_large_to_hold, too_many};
use crate::fact::Issue;

mod counted;

use counted::Counted;

/// Bytes that several passwords are tried on, where the zip's own check lets more than one pass.
const TRIED: u64 = 64 << 20;

/// An opened archive; clones share its directory.
#[derive(Debug, Clone)]
pub(super) struct Archive {
    directory: Arc<ZipArchive<Counted>>,
    input: Input,
}

/// A file of an archive, before it is opened.
pub(super) struct Member {
    pub(super) index: usize,
    pub(super) name: String,
    pub(super) packed: u64,
    pub(super) readable: bool,
    pub(super) issues: Vec<Issue>,
}

impl Member {
    fn closed(name: &str, issue: Issue) -> Self {
        Self { index: 0, name: name.into(), packed: 0, readable: false, issues: vec![issue] }
    }
}

/// Reads a zip that stands in another archive or came through a pipe.
pub(super) fn read(walk: &mut Walk<'_>, at: &Place, data: Data<'_>) -> Result<(), Issue> {
    let (data, failure) = data.hold(at.may_hold);
    let input = match data {
        Data::Anywhere(input) => input,
        Data::Forward(mut reader) => {
            return read_forward(walk, at, &mut reader, &too_large_to_hold(at.may_hold)).map(|_| ());
        }
    };
    let at = at.holding(&input);
    let archive = match Archive::new(input.clone(), walk.limits.max_entries) {
        Ok(archive) => archive,
        Err(error) if Refusal::of(&error).is_some() => return Err(unreadable(&error)),
        Err(error) => {
            let issue = damage(failure.as_ref().unwrap_or(&error));
            let told = read_forward(walk, &at, &mut input.clone(), &issue)?;
            return if told { Ok(()) } else { Err(issue) };
        }
    };
    for member in archive.members(walk.passwords, walk.limits.max_entries)? {
        walk.enter()?;
        let place = at.member(&member.name);
        if !member.readable {
            walk.closed(place.path, member.issues);
            continue;
        }
        archive.read(walk, &place, member.issues, member.index);
    }
    Ok(())
}

impl Archive {
    /// Opens an archive by the directory at its end, which is held in memory.
    ///
    /// # Errors
    /// Where there is none, and, as a [`Refusal`], where it has many more than `most` members.
    pub(super) fn new(input: Input, most: usize) -> io::Result<Self> {
        let directory = ZipArchive::new(Counted::new(input.clone(), most)).map_err(|error| match error {
            // As it was said, not as an error of a zip.
            ZipError::Io(error) => error,
            other => other.into(),
        })?;
        Ok(Self { directory: Arc::new(directory), input })
    }

    /// The archive's files in its own order, `most` at most.
    ///
    /// # Errors
    /// The issue of an archive of which every member is encrypted and opens with none of `passwords`.
    pub(super) fn members(&self, passwords: &[String], most: usize) -> Result<Vec<Member>, Issue> {
        self.unlocked(passwords)?;
        let (mut names, mut members, mut packed) = (Names::default(), Vec::new(), 0u64);
        for index in 0..self.directory.len() {
            if members.len() >= most {
                members.push(Member::closed("…", too_many(most)));
                break;
            }
            let member = self.member(index, passwords, &mut names);
            packed = packed.saturating_add(member.as_ref().map_or(0, |member| member.packed));
            if packed > self.input.len() {
                let detail = "the members from here on share bytes with others, as no usual tool writes it; they were not read; ask who made the archive";
                members.push(Member::closed("…", Issue::loss("member-overlaps", detail, None)));
                break;
            }
            members.extend(member);
        }
        if self.directory.has_duplicate_names()
            && let Some(first) = members.first_mut()
        {
            first.issues.push(Issue::loss(
                "member-name-repeated",
                "the archive names several members alike; only the last of each name can be read; unpack it at its origin, and send the folder",
                None,
            ));
        }
        Ok(members)
    }

    fn member(&self, index: usize, passwords: &[String], names: &mut Names) -> Option<Member> {
        let entry = match self.directory.by_index_data(index) {
            Ok(entry) => entry,
            Err(error) => {
                return Some(Member::closed(&format!("member {index}"), super::unreadable(&error.into())));
            }
        };
        if entry.is_dir() {
            return None;
        }
        let raw = entry.name().map_or_else(
            |_| String::from_utf8_lossy(entry.name_raw()).into_owned(),
            |name| name.into_owned(),
        );
        let (name, mut issues) = names.place(&raw);
        let obstacle = if entry.encrypted() && passwords.is_empty() {
            Some(Issue::loss("member-encrypted", NO_PASSWORD, None))
        } else if entry.is_symlink() {
            let detail = "a symbolic link; links are not followed, send the file itself";
            Some(Issue::loss("link-not-followed", detail, None))
        } else {
            None
        };
        let readable = obstacle.is_none();
        issues.extend(obstacle);
        Some(Member { index, name, packed: entry.compressed_size(), readable, issues })
    }

    /// Fails where every file is encrypted and none opens.
    fn unlocked(&self, passwords: &[String]) -> Result<(), Issue> {
        let mut any = false;
        for index in 0..self.directory.len() {
            let Ok(entry) = self.directory.by_index_data(index) else { return Ok(()) };
            if entry.is_dir() {
                continue;
            }
            if !entry.encrypted() || passwords.iter().any(|password| self.opens(index, password)) {
                return Ok(());
            }
            any = true;
        }
        if any { Err(locked("every member of this zip is encrypted")) } else { Ok(()) }
    }

    /// Whether `password` passes the check of member `index`. One in 256 wrong ones does with ZipCrypto.
    fn opens(&self, index: usize, password: &str) -> bool {
        let mut input = self.input.clone();
        !matches!(self.open(index, Some(password), &mut input), Err(ZipError::InvalidPassword))
    }

    fn open<'a>(
        &'a self,
        index: usize,
        password: Option<&str>,
        input: &'a mut Input,
    ) -> Result<ZipFile<'a, Input>, ZipError> {
        let options = ZipReadOptions::new().password(password.map(str::as_bytes));
        self.directory.by_index_data(index)?.with_reader(input, options)
    }

    /// The password of member `index`: of several that pass its check, the one with which it can be read.
    fn password<'p>(&self, index: usize, passwords: &'p [String]) -> io::Result<Option<&'p str>> {
        if !self.directory.by_index_data(index)?.encrypted() {
            return Ok(None);
        }
        let opening = || passwords.iter().map(String::as_str).filter(|password| self.opens(index, password));
        let reads = |password: &&str| {
            let mut input = self.input.clone();
            let member = self.open(index, Some(password), &mut input).map(|member| member.take(TRIED));
            member.is_ok_and(|mut member| io::copy(&mut member, &mut io::sink()).is_ok())
        };
        let mut candidates = opening();
        let first = candidates.next().ok_or_else(|| Refusal::error("member-encrypted", NO_PASSWORD))?;
        let several = candidates.next().is_some();
        Ok(Some(if several { opening().find(reads).unwrap_or(first) } else { first }))
    }

    /// Reads member `index`, which stands at `place`.
    pub(super) fn read(&self, walk: &mut Walk<'_>, place: &Place, mut issues: Vec<Issue>, index: usize) {
        let mut input = self.input.clone();
        let opened = self.password(index, walk.passwords).and_then(|password| {
            Ok((self.open(index, password, &mut input).map_err(unsupported)?, password.is_some()))
        });
        match opened {
            Ok((member, encrypted)) => {
                let member = metered(walk, member).blaming(if encrypted { garbled } else { as_it_is });
                walk.file(place, issues, Data::Forward(Box::new(member)));
            }
            Err(error) => {
                issues.push(super::unreadable(&error));
                walk.closed(place.path.clone(), issues);
            }
        }
    }
}

const NO_PASSWORD: &str = "this member is encrypted, and no password that was given opens it; ask for the password and pass it with --password PASSWORD";

fn metered<'a, R: Read>(walk: &Walk<'_>, member: ZipFile<'a, R>) -> Metered<ZipFile<'a, R>> {
    let packed = Rc::new(Cell::new(member.compressed_size()));
    walk.metered(member, packed)
}

/// Damage to one member says nothing of the others.
fn as_it_is(error: io::Error) -> io::Error {
    error
}

/// What a wrong password makes of a member can't be told from damage.
fn garbled(error: io::Error) -> io::Error {
    let detail = format!(
        "this member is encrypted and does not come out whole ({error}): the password is wrong, or the archive damaged; check --password, or ask for the archive again"
    );
    Refusal::error("member-encrypted", detail)
}

/// Reads the members from the front, up to where nothing follows; gives whether one of them told of damage. `otherwise` is the issue of an archive that does not let itself be read like that.
fn read_forward(
    walk: &mut Walk<'_>,
    at: &Place,
    mut reader: &mut dyn Read,
    otherwise: &Issue,
) -> Result<bool, Issue> {
    let (mut names, mut told) = (Names::default(), false);
    let password = walk.passwords.first().map(String::as_bytes);
    loop {
        let options = ZipReadOptions::new().password(password);
        let member = match read_zipfile_from_stream_with_options(&mut reader, options) {
            Ok(Some(member)) => member,
            Ok(None) => return Ok(told),
            Err(_) if told => return Ok(true),
            Err(_) => return Err(otherwise.clone()),
        };
        if member.is_dir() {
            continue;
        }
        walk.enter()?;
        let raw = String::from_utf8_lossy(member.name_raw()).into_owned();
        let (name, issues) = names.place(&raw);
        let member = metered(walk, member);
        let failed = member.failed();
        walk.file(&at.member(&name), issues, Data::Forward(Box::new(member)));
        told |= failed.get();
    }
}

/// A method or a form of archive that is not read is said as such.
fn unsupported(error: ZipError) -> io::Error {
    match error {
        ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_) => Refusal::error(
            "member-unsupported",
            format!(
                "its compression is not supported ({error}); ask for a zip made by Windows Explorer or Compress-Archive"
            ),
        ),
        other => other.into(),
    }
}
