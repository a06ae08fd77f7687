//! The listing of a bundle: every file of a folder, every member of a zip.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use super::allowance::{Allowance, in_budget};
use super::input::Input;
use super::stream::{Refusal, take_all};
use super::walk::too_many;
use super::zip::Archive;
use super::{Content, Source, Terms, magic, unreadable};
use crate::error::Error;
use crate::fact::Issue;

/// The most bytes of a zip on standard input: its directory stands at its end, so it's held in memory.
const MOST_PIPED: u64 = 4 << 30;

/// The sources so far.
pub(super) struct Listing {
    pub(super) sources: Vec<Source>,
    pub(super) terms: Arc<Terms>,
}

impl Listing {
    pub(super) fn add_argument(&mut self, argument: &Path, prefix: &str) -> Result<(), Error> {
        if argument.as_os_str() == "-" {
            return self.add_piped(format!("{prefix}stdin")).map_err(Error::io("standard input"));
        }
        let metadata = fs::metadata(argument).map_err(Error::opening(argument))?;
        if metadata.is_dir() {
            return self.add_folder(argument, prefix);
        }
        if !metadata.is_file() {
            let what =
                io::Error::other("neither a file nor a folder; if it is a pipe, pass - and pipe it in");
            return Err(Error::io(argument)(what));
        }
        let name = if prefix.is_empty() {
            super::last_component(argument)
        } else {
            prefix.trim_end_matches('/').to_owned()
        };
        self.add_file(argument, name).map_err(Error::io(argument))
    }

    /// Adds what stands on standard input, under `path`: the members of a zip, or else one file, which is read as it comes.
    pub(super) fn add_piped(&mut self, path: String) -> io::Result<()> {
        let mut begun = Vec::new();
        io::stdin().lock().take(4).read_to_end(&mut begun)?;
        let is_zip = magic::is_zip(&begun);
        if is_zip {
            let allowance = self.terms.limits.allowance.as_deref();
            let most = allowance.and_then(Allowance::left).unwrap_or(MOST_PIPED).min(MOST_PIPED);
            let failure = take_all(&mut io::stdin().lock().take(most), &mut begun);
            failure.map_or(Ok(()), Err)?;
            // What comes out of it counts; a zip that is larger than that packed has no need to be unpacked.
            if let Some(allowance) = allowance.filter(|_| begun.len() as u64 >= most) {
                allowance.take(begun.len().saturating_add(1));
            }
        }
        let input = Input::memory(begun);
        if !(is_zip && self.add_zip(&path, &input)) {
            self.add(path, Vec::new(), Content::Piped(input));
        }
        Ok(())
    }

    /// Walks a folder in the order of names, without following links, so that a link to a parent can't make the walk
    /// endless. What can't be listed below the argument itself costs only itself.
    fn add_folder(&mut self, folder: &Path, prefix: &str) -> Result<(), Error> {
        let listed = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = listed.map_err(Error::io(folder))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            // Who gave the allowance does not ask for what is left of the list.
            if in_budget(self.terms.limits.allowance.as_deref()).is_err() {
                return Ok(());
            }
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if self.sources.len() >= self.terms.limits.max_entries {
                self.add(name, vec![too_many(self.terms.limits.max_entries)], Content::Closed);
                return Ok(());
            }
            if let Some(issue) = self.add_entry(&entry, &name) {
                self.add(name, vec![issue], Content::Closed);
            }
        }
        Ok(())
    }

    /// Adds a file or the files of a folder; gives the issue of an entry that can't be read.
    fn add_entry(&mut self, entry: &fs::DirEntry, name: &str) -> Option<Issue> {
        let path = entry.path();
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            Err(error) => return Some(unreadable(&error)),
        };
        if kind.is_symlink() {
            let detail = "a symbolic link; links are not followed, send the file itself";
            return Some(Issue::loss("link-not-followed", detail, None));
        }
        let added = match (kind.is_dir(), kind.is_file()) {
            (true, _) => self
                .add_folder(&path, &format!("{name}/"))
                .map_err(|error| io::Error::other(error.to_string())),
            (false, true) => self.add_file(&path, name.to_owned()),
            (false, false) => {
                let detail =
                    "a pipe, a socket or a device; it was not read, send a file with what comes out of it";
                return Some(Issue::loss("no-file", detail, None));
            }
        };
        added.err().map(|error| unreadable(&error))
    }

    fn add_file(&mut self, path: &Path, name: String) -> io::Result<()> {
        let mut input = Input::open(path)?;
        let mut begun = [0; 4];
        let count = input.read(&mut begun)?;
        let is_zip = magic::is_zip(begun.get(..count).unwrap_or_default());
        if !(is_zip && self.add_zip(&name, &Input::open(path)?)) {
            self.add(name, Vec::new(), Content::File(path.to_path_buf()));
        }
        Ok(())
    }

    /// Adds the members of a zip; `false` if it can't be listed, and is left to be read forward.
    fn add_zip(&mut self, path: &str, input: &Input) -> bool {
        let limits = &self.terms.limits;
        let archive = match Archive::new(input.clone(), limits.max_entries) {
            Ok(archive) => archive,
            Err(error) if Refusal::of(&error).is_some() => {
                self.add(path.to_owned(), vec![unreadable(&error)], Content::Closed);
                return true;
            }
            Err(_) => return false,
        };
        let most = limits.max_entries.saturating_sub(self.sources.len());
        match archive.members(&self.terms.passwords, most) {
            Ok(members) => {
                for member in members {
                    let content = if member.readable {
                        Content::Member(archive.clone(), member.index, member.packed)
                    } else {
                        Content::Closed
                    };
                    self.add(format!("{path}!/{}", member.name), member.issues, content);
                }
            }
            Err(issue) => self.add(path.to_owned(), vec![issue], Content::Closed),
        }
        true
    }

    fn add(&mut self, path: String, issues: Vec<Issue>, content: Content) {
        self.sources.push(Source { path, issues, content, terms: Arc::clone(&self.terms) });
    }
}
