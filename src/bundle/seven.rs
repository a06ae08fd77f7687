//! A 7z: its blocks one after the other, each in one pass, however many members were compressed together in it.
//!
//! Its directory stands at its end, so one that comes through a pipe or out of another archive is held in memory.
//! The dictionary that a block needs counts like that: [`Limits::max_held_bytes`](super::Limits::max_held_bytes).

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use sevenz_rust2::{Archive, ArchiveEntry, Block, BlockDecoder, EncoderMethod, Error, Password};

use super::input::{Data, Input};
use super::names::Names;
use super::walk::{Place, Walk, damage, locked, too_large_to_hold};
use crate::fact::Issue;

/// Bytes that a password is tried on.
const TRIED: u64 = 64 << 10;

/// Reads every member. What a damaged block holds is lost, and counted in one issue.
pub(super) fn read(walk: &mut Walk<'_>, at: &Place, data: Data<'_>) -> Result<(), Issue> {
    let (data, failure) = data.hold(at.may_hold);
    let Data::Anywhere(input) = data else { return Err(too_large_to_hold(at.may_hold)) };
    let at = at.holding(&input);
    let passwords: Vec<_> = walk.passwords.iter().map(|password| Password::new(password)).collect();
    let most_kib = usize::try_from(walk.limits.max_held_bytes >> 10).unwrap_or(usize::MAX);
    let opened = unlock(&input, &passwords, most_kib);
    let (archive, password) =
        opened.map_err(|error| failure.as_ref().map_or_else(|| said(&error), damage))?;
    let packed = Rc::new(Cell::new(input.len()));
    let mut reading = Reading { walk, at, packed, names: Names::default(), lost: 0, first: None };
    for index in 0..archive.blocks.len() {
        let mut own = input.clone();
        reading
            .block(BlockDecoder::new_with_memory_limit(1, most_kib, index, &archive, &password, &mut own))?;
    }
    for entry in archive.files.iter().filter(|entry| !entry.has_stream && !entry.is_directory) {
        reading.member(entry, &mut io::empty())?;
    }
    let lost = reading.lost;
    reading.first.map_or(Ok(()), |first| {
        Err(Issue { detail: format!("{lost} members are lost: {}", first.detail), ..first })
    })
}

/// A 7z while it's read.
struct Reading<'r, 'w> {
    walk: &'r mut Walk<'w>,
    at: Place,
    packed: Rc<Cell<u64>>,
    names: Names,
    /// Members of damaged blocks that did not tell of it themselves.
    lost: usize,
    /// What was wrong with the first such block.
    first: Option<Issue>,
}

impl Reading<'_, '_> {
    fn block(&mut self, decoder: BlockDecoder<'_, Input>) -> Result<(), Issue> {
        let mut left = decoder.entries().iter().filter(|entry| entry.has_stream).count();
        let mut ended = None;
        let decoded = decoder.for_each_entries(&mut |entry: &ArchiveEntry, reader: &mut dyn Read| {
            if !entry.has_stream {
                return Ok(true);
            }
            left -= 1;
            let read = self.member(entry, reader);
            let whole = matches!(read, Ok(true));
            ended = (!whole).then_some(read);
            Ok(whole)
        });
        match (ended, decoded) {
            (Some(Err(full)), _) => return Err(full),
            (None, Err(error)) if left > 0 => {
                self.lost += left;
                self.first.get_or_insert_with(|| said(&error));
            }
            _ => {}
        }
        Ok(())
    }

    /// Reads a member; gives whether the next in its block can be read, too.
    fn member(&mut self, entry: &ArchiveEntry, reader: &mut dyn Read) -> Result<bool, Issue> {
        self.walk.enter()?;
        let (name, mut issues) = self.names.place(&entry.name);
        let place = self.at.member(&name);
        if is_link(entry) {
            let detail = "a symbolic link; links are not followed, send the file itself";
            issues.push(Issue::loss("link-not-followed", detail, None));
            self.walk.closed(place.path, issues);
            return Ok(true);
        }
        let member = self.walk.metered(reader, Rc::clone(&self.packed));
        let failed = member.failed();
        self.walk.file(&place, issues, Data::Forward(Box::new(member)));
        Ok(!failed.get())
    }
}

/// The directory, and the password that opens both it and what was encrypted.
fn unlock(input: &Input, passwords: &[Password], most_kib: usize) -> Result<(Archive, Password), Error> {
    let open = |password: &Password| Archive::read_with_memory_limit(&mut input.clone(), password, most_kib);
    let empty = Password::empty();
    let plain = open(&empty);
    if let Ok(archive) = plain {
        let Some(block) = archive.blocks.iter().position(is_encrypted) else { return Ok((archive, empty)) };
        let opens = |password: &&Password| {
            let mut own = input.clone();
            let decoder =
                BlockDecoder::new_with_memory_limit(1, most_kib, block, &archive, password, &mut own);
            let tried = decoder.for_each_entries(&mut |_: &ArchiveEntry, reader: &mut dyn Read| {
                io::copy(&mut reader.take(TRIED), &mut io::sink())?;
                Ok(false)
            });
            tried.is_ok()
        };
        let password = passwords.iter().find(opens).cloned();
        let any_plain = archive.blocks.iter().any(|block| !is_encrypted(block));
        return match password {
            Some(password) => Ok((archive, password)),
            None if any_plain => Ok((archive, empty)),
            None => Err(Error::PasswordRequired),
        };
    }
    let opened = passwords.iter().find_map(|password| Some((open(password).ok()?, password.clone())));
    opened.map_or_else(|| plain.map(|archive| (archive, empty)), Ok)
}

/// A reparse point, or what 7-Zip writes on Unix: the mode in the upper half, and a bit that says so.
fn is_link(entry: &ArchiveEntry) -> bool {
    let attributes = entry.windows_attributes;
    attributes & 0x400 != 0 || (attributes & 0x8000 != 0 && (attributes >> 16) & 0o170_000 == 0o120_000)
}

fn is_encrypted(block: &Block) -> bool {
    block.coders.iter().any(|coder| coder.encoder_method_id() == EncoderMethod::ID_AES256_SHA256)
}

fn said(error: &Error) -> Issue {
    let needs = |what: &str| {
        let detail = format!(
            "this 7z needs {what}, which kcdoctor does not do; unpack it, and send the folder or a zip"
        );
        Issue::loss("member-unsupported", detail, None)
    };
    match error {
        Error::PasswordRequired | Error::MaybeBadPassword(_) => locked("this 7z is encrypted"),
        Error::UnsupportedCompressionMethod(method) => needs(&format!("the method {method}")),
        Error::MaxMemLimited { actaul_kb, .. } => {
            needs(&format!("{} MiB of memory at once", actaul_kb >> 10))
        }
        Error::Unsupported(what) => needs(what),
        Error::Io(error, _) => damage(error),
        other => damage(&io::Error::other(other.to_string())),
    }
}
