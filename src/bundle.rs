//! What the customer sent: files, folders and archives as one sorted list of sources.
//!
//! This is the only input of the program. A source is opened as a forward [`Stream`], a large file also in
//! [`Blocks`]; nothing is ever
//! written to disk, so a member that names `../../etc/passwd` can do no harm and is read like any other.
//! What is *not* done here: recognising formats (see [`crate::parse`]).

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::fact::Issue;

mod archive;
mod blocks;
mod stream;

use archive::Archive;
pub use blocks::{BLOCK, Block, Blocks, Whole, join};
pub use stream::{Limits, Stream};

/// All that was sent about one incident.
#[derive(Debug)]
pub struct Bundle {
    /// The first argument's last component without its extension.
    pub name: String,
    /// Every file, sorted by path.
    pub sources: Vec<Source>,
}

/// One file of a bundle.
#[derive(Debug)]
pub struct Source {
    /// Relative to its argument, with `/`; members of an archive as `a.zip!/x`.
    pub path: String,
    /// What was noticed before the file was opened.
    pub issues: Vec<Issue>,
    content: Content,
    limits: Limits,
}

#[derive(Debug)]
enum Content {
    File(PathBuf),
    Member(Archive, usize),
    /// Standard input, of which these bytes were read already.
    Piped(Vec<u8>),
    /// Listed, and not readable; its issues say why.
    Closed,
}

impl Bundle {
    /// Opens `arguments` (folders, archives, files, or `-` for an archive or a file on standard input) as one
    /// bundle.
    ///
    /// # Errors
    /// [`Error::NoInput`] where nothing stands at an argument, [`Error::Io`] where it can't be listed,
    /// [`Error::Usage`] without arguments, or with two that are standard input.
    pub fn open(arguments: &[PathBuf], limits: &Limits) -> Result<Self, Error> {
        let first = arguments.first().ok_or_else(|| Error::Usage("no bundle was named".into()))?;
        if arguments.iter().filter(|argument| argument.as_os_str() == "-").count() > 1 {
            return Err(Error::Usage("standard input can be read only once".into()));
        }
        let mut sources = Vec::new();
        for argument in arguments {
            let prefix =
                if arguments.len() > 1 { format!("{}/", last_component(argument)) } else { String::new() };
            add_argument(&mut sources, argument, &prefix, limits)?;
        }
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { name: bundle_name(first), sources })
    }
}

impl Source {
    fn file(path: impl Into<String>, file: PathBuf, limits: &Limits) -> Self {
        Self { path: path.into(), issues: Vec::new(), content: Content::File(file), limits: limits.clone() }
    }

    /// Opens the source and hands it to `read` for one forward reading.
    ///
    /// # Errors
    /// What the system or the archive says; an encrypted or unsupported member is an error too.
    pub fn read<T>(&self, read: impl FnOnce(Stream<'_>) -> T) -> io::Result<T> {
        let max = self.limits.max_source_bytes;
        match &self.content {
            Content::File(path) => Ok(read(Stream::new(Box::new(File::open(path)?), max))),
            Content::Member(archive, index) => {
                archive.read(*index, &self.limits, |member| read(Stream::new(member, max)))
            }
            Content::Piped(begun) => {
                let all = begun.chain(io::stdin());
                Ok(read(Stream::new(Box::new(all), max)))
            }
            Content::Closed => Ok(read(Stream::new(Box::new(io::empty()), 0))),
        }
    }

    /// Whether [`Source::read`] begins anew each time: what comes through a pipe can be read once.
    #[must_use]
    pub fn can_be_read_again(&self) -> bool {
        matches!(self.content, Content::File(_) | Content::Member(..))
    }

    /// Whether the source is only listed and can't be read.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.content, Content::Closed)
    }
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

fn add_argument(
    sources: &mut Vec<Source>,
    argument: &Path,
    prefix: &str,
    limits: &Limits,
) -> Result<(), Error> {
    if argument.as_os_str() == "-" {
        return add_piped(sources, prefix, limits).map_err(Error::io("standard input"));
    }
    let metadata = fs::metadata(argument).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => Error::NoInput { path: argument.to_path_buf() },
        _ => Error::Io { path: argument.to_path_buf(), source },
    })?;
    if metadata.is_dir() {
        return add_folder(sources, argument, prefix, limits);
    }
    let name =
        if prefix.is_empty() { last_component(argument) } else { prefix.trim_end_matches('/').to_owned() };
    add_file(sources, argument, name, limits).map_err(Error::io(argument))
}

/// Adds what stands on standard input: the members of an archive, or else one file, which is read as it comes.
fn add_piped(sources: &mut Vec<Source>, prefix: &str, limits: &Limits) -> io::Result<()> {
    let mut begun = Vec::new();
    io::stdin().lock().take(4).read_to_end(&mut begun)?;
    if archive::is_zip(&begun) {
        let archive = Archive::from_reader(begun.chain(io::stdin().lock()))?;
        add_members(sources, &archive, &format!("{prefix}stdin!/"), limits);
        return Ok(());
    }
    sources.push(Source {
        path: format!("{prefix}stdin"),
        issues: Vec::new(),
        content: Content::Piped(begun),
        limits: limits.clone(),
    });
    Ok(())
}

/// Walks a folder in the order of names, without following links, so that a link to a parent can't make the walk
/// endless. What can't be listed below the argument itself costs only itself.
fn add_folder(sources: &mut Vec<Source>, folder: &Path, prefix: &str, limits: &Limits) -> Result<(), Error> {
    let listed = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = listed.map_err(Error::io(folder))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if sources.len() >= limits.max_entries {
            let detail =
                format!("more than {} files; the rest of the bundle was not read", limits.max_entries);
            sources.push(Source::closed(name, Issue::loss("too-many-files", detail, None)));
            return Ok(());
        }
        if let Some(issue) = add_entry(sources, &entry, &name, limits) {
            sources.push(Source::closed(name, issue));
        }
    }
    Ok(())
}

/// Adds a file or the files of a folder; gives the issue of an entry that can't be read.
fn add_entry(sources: &mut Vec<Source>, entry: &fs::DirEntry, name: &str, limits: &Limits) -> Option<Issue> {
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
        (true, _) => add_folder(sources, &path, &format!("{name}/"), limits)
            .map_err(|error| io::Error::other(error.to_string())),
        (false, true) => add_file(sources, &path, name.to_owned(), limits),
        (false, false) => Ok(()),
    };
    added.err().map(|error| unreadable(&error))
}

fn add_file(sources: &mut Vec<Source>, path: &Path, name: String, limits: &Limits) -> io::Result<()> {
    let mut magic = [0; 4];
    let count = File::open(path)?.read(&mut magic)?;
    if !archive::is_zip(magic.get(..count).unwrap_or_default()) {
        sources.push(Source::file(name, path.to_path_buf(), limits));
        return Ok(());
    }
    match Archive::from_file(path) {
        Ok(archive) => add_members(sources, &archive, &format!("{name}!/"), limits),
        Err(error) => sources.push(Source::closed(
            name,
            Issue::loss(
                "archive-damaged",
                format!("this zip can't be listed ({error}); ask for it again"),
                None,
            ),
        )),
    }
    Ok(())
}

fn add_members(sources: &mut Vec<Source>, archive: &Archive, prefix: &str, limits: &Limits) {
    let members = archive.members(limits);
    for member in members {
        let content =
            if member.readable { Content::Member(archive.clone(), member.index) } else { Content::Closed };
        sources.push(Source {
            path: format!("{prefix}{}", member.name),
            issues: member.issues,
            content,
            limits: limits.clone(),
        });
    }
}

/// The issue of a source that the system or its archive would not let us read to its end.
#[must_use]
pub fn unreadable(error: &io::Error) -> Issue {
    match error.kind() {
        io::ErrorKind::FileTooLarge => Issue::loss("member-too-large", error.to_string(), None),
        io::ErrorKind::Unsupported => Issue::loss("member-unsupported", error.to_string(), None),
        _ => Issue::loss(
            "unreadable",
            format!("this file can't be read to its end ({error}); ask for it again"),
            None,
        ),
    }
}

impl Source {
    fn closed(path: String, issue: Issue) -> Self {
        Self { path, issues: vec![issue], content: Content::Closed, limits: Limits::default() }
    }
}
