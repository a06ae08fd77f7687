//! Which bundles there are: children of folders, and lines of a list.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{fs, iter};

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// One bundle to make a line of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The ticket: the id given with the path, else the bundle's name with its extension.
    pub ticket: String,
    /// The path, as it was given or found.
    pub path: String,
    /// The same for the system.
    pub place: Place,
    /// The name of its report file, where reports are wanted.
    pub report: Option<String>,
    /// The hash of the bundle of which there is a line already.
    pub known: Option<String>,
}

/// Where a bundle is read from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Place {
    /// A path. As the system's own text, so that names that are no Unicode reach a worker as they are.
    Path(OsString),
    /// An archive or a file on standard input.
    StandardInput,
}

/// What is triaged.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// Folders of bundles, bundles that are files, and `-` for a list on standard input.
    pub paths: Vec<PathBuf>,
    /// The name of the bundle that stands on standard input itself.
    pub piped: Option<String>,
    /// How deep in a folder its bundles stand: 0 means that it is one itself.
    pub depth: usize,
    /// The part that is wanted.
    pub shard: Option<Shard>,
    /// Whether each bundle needs a name for its report.
    pub reports: bool,
    /// What this run writes: it is no bundle, wherever it stands.
    pub own: Vec<PathBuf>,
}

/// A part of all tickets, by the hash of their ids: it stays the same when the list is ordered anew or grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which part, from 1 on.
    part: u64,
    /// Of how many.
    of: u64,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers =
            text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        let shard =
            numbers.map(|(part, of)| Self { part, of }).filter(|own| (1..=own.of).contains(&own.part));
        shard.ok_or_else(|| "not a part; parts count from 1: write 1/4, 2/4, 3/4 or 4/4".into())
    }
}

impl Shard {
    /// Whether `ticket` is in it.
    pub(super) fn holds(self, ticket: &str) -> bool {
        let [a, b, c, d, e, f, g, h, ..] = *blake3::hash(ticket.as_bytes()).as_bytes();
        u64::from_le_bytes([a, b, c, d, e, f, g, h]) % self.of == self.part - 1
    }
}

impl Inputs {
    /// Every bundle, in order, and how many they are. Lists are read as far as work goes, so they may be longer than
    /// memory, and nobody knows how long; one that can't be read on ends with the error.
    pub(super) fn jobs(self) -> (Box<dyn Iterator<Item = Result<Job, Error>> + Send>, Option<usize>) {
        if self.paths.iter().any(|path| path.as_os_str() == "-") {
            return (Box::new(self.each()), None);
        }
        let all: Vec<_> = self.each().collect();
        let count = all.len();
        (Box::new(all.into_iter()), Some(count))
    }

    fn each(self) -> impl Iterator<Item = Result<Job, Error>> + Send {
        let Self { paths, piped, depth, shard, reports, own } = self;
        let piped = piped.map(|name| Job {
            ticket: name.clone(),
            path: name,
            place: Place::StandardInput,
            report: None,
            known: None,
        });
        let own: Vec<_> = own.iter().filter_map(|path| fs::canonicalize(path).ok()).collect();
        let found = paths.into_iter().flat_map(move |path| -> Box<dyn Iterator<Item = _> + Send> {
            if path.as_os_str() == "-" {
                Box::new(listed())
            } else {
                Box::new(below(&path, depth, &own).into_iter().map(Ok))
            }
        });
        let mut seen = HashMap::<String, usize>::new();
        let mut named = move |mut job: Job| {
            if reports {
                // Not every file system tells `t1` from `T1`.
                let count = seen.entry(job.ticket.to_lowercase()).or_default();
                *count += 1;
                job.report = Some(report_name(&job.ticket, *count));
            }
            job
        };
        let wanted = move |job: &Result<Job, Error>| {
            shard.zip(job.as_ref().ok()).is_none_or(|(shard, job)| shard.holds(&job.ticket))
        };
        piped.into_iter().map(Ok).chain(found).filter(wanted).map(move |job| job.map(&mut named))
    }
}

/// The bundle at `path`.
fn job(path: PathBuf, ticket: Option<String>) -> Job {
    let shown = path.to_string_lossy().into_owned();
    // `..` and `/` have no name of their own.
    let name = path.file_name().map(OsString::from);
    let name = name.or_else(|| fs::canonicalize(&path).ok()?.file_name().map(OsString::from));
    let name = name.map_or_else(|| shown.clone(), |name| name.to_string_lossy().into_owned());
    Job {
        ticket: ticket.unwrap_or(name),
        path: shown,
        place: Place::Path(path.into_os_string()),
        report: None,
        known: None,
    }
}

/// The bundles of a folder, by name; what is no folder, or can't be listed, is one itself. A link below it is not gone
/// into: it is a bundle, whatever it leads to. What is this run's `own` is left out.
fn below(path: &Path, depth: usize, own: &[PathBuf]) -> Vec<Job> {
    let is_folder = depth > 0 && fs::metadata(path).is_ok_and(|metadata| metadata.is_dir());
    let listed = is_folder.then(|| fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>));
    let Some(Ok(mut entries)) = listed else { return vec![job(path.to_path_buf(), None)] };
    entries.sort_by_key(fs::DirEntry::file_name);
    let is_own = |entry: &&fs::DirEntry| {
        let is_named = own.iter().any(|path| path.file_name() == Some(&entry.file_name()));
        is_named && fs::canonicalize(entry.path()).is_ok_and(|path| own.contains(&path))
    };
    let found = |entry: &fs::DirEntry| {
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        below(&entry.path(), if is_link { 0 } else { depth - 1 }, own)
    };
    entries.iter().filter(|entry| !is_own(entry)).flat_map(found).collect()
}

/// The most bytes of a line: no system has longer paths.
const LONGEST: u64 = 64 << 10;

/// The bundles of a list on standard input: a path a line, or a path, a tab and the ticket.
fn listed() -> impl Iterator<Item = Result<Job, Error>> + Send {
    let mut number = 0;
    let lines = iter::from_fn(move || {
        number += 1;
        let mut line = Vec::new();
        match io::stdin().lock().take(LONGEST).read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(_) => Some(unmarked(line, number)),
            Err(error) => Some(Err(Error::io("standard input")(error))),
        }
    });
    lines.filter_map(|line| line.map(|line| from_line(&line)).transpose())
}

/// A line without its end and, the first, without the mark of UTF-8.
///
/// # Errors
/// [`Error::NothingUnderstood`] where it is too long, or not in an encoding that holds a path a line.
fn unmarked(mut line: Vec<u8>, number: usize) -> Result<Vec<u8>, Error> {
    let refused = |why: &str| {
        Err(Error::NothingUnderstood { detail: format!("line {number} of the list on standard input {why}") })
    };
    if line.contains(&0) {
        return refused(
            "holds a NUL, as UTF-16 does; write it as UTF-8 (in PowerShell: Set-Content -Encoding utf8)",
        );
    }
    if !line.ends_with(b"\n") && line.len() as u64 == LONGEST {
        return refused(
            "is longer than 64 KiB, and no path is; an archive is read with --stdin-archive NAME",
        );
    }
    if number == 1 && line.starts_with(b"\xEF\xBB\xBF") {
        line.drain(..3);
    }
    while line.pop_if(|byte| b"\r\n".contains(byte)).is_some() {}
    Ok(line)
}

/// The bundle of a line; `None` where it is blank. Columns behind the ticket are somebody else's.
fn from_line(line: &[u8]) -> Option<Job> {
    let mut columns = line.split(|byte| *byte == b'\t');
    let path = columns.next().unwrap_or_default();
    let ticket = columns.next().unwrap_or_default().trim_ascii();
    if path.is_empty() && ticket.is_empty() {
        return None;
    }
    let ticket = (!ticket.is_empty()).then(|| String::from_utf8_lossy(ticket).into_owned());
    // A ticket without a path is not lost: it gets the line of a bundle that is not there.
    let mut job = job(system_path(path), ticket);
    // Here it is a file of that name. Standard input is where the list stands.
    if path == b"-" {
        job.place = Place::Path("./-".into());
    }
    Some(job)
}

/// The path of these bytes.
#[cfg(unix)]
fn system_path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

/// The path of these bytes, which are UTF-8 there.
#[cfg(not(unix))]
fn system_path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}

/// The most characters of a file's name before its ending; systems take 255.
const LONGEST_NAME: usize = 200;

/// The file name of a ticket's report: its usual characters, all others as `%` and two digits, so that no ticket can
/// leave the folder. The second of one ticket ends in `+2`; a long one is cut, and ends in `+` and a hash of it.
fn report_name(ticket: &str, count: usize) -> String {
    let mut name = String::new();
    for byte in ticket.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    if name.len() > LONGEST_NAME {
        name.truncate(LONGEST_NAME);
        let hash = blake3::hash(ticket.as_bytes()).to_hex();
        name.push_str(&format!("+{}", hash.get(..16).unwrap_or_default()));
    }
    let again = if count > 1 { format!("+{count}") } else { String::new() };
    format!("{name}{again}.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(path: &Path, depth: usize) -> Inputs {
        Inputs {
            paths: vec![path.to_path_buf()],
            piped: None,
            depth,
            shard: None,
            reports: true,
            own: vec![path.join("b/T1")],
        }
    }

    #[test]
    fn bundles_are_the_children_of_a_folder_as_deep_as_asked() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["b/T2/x.evtx", "b/T1/y.evtx", "a.zip"] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let tickets =
            |depth| inputs(folder.path(), depth).each().map(|job| job.unwrap().ticket).collect::<Vec<_>>();
        assert_eq!(tickets(1), ["a.zip", "b"]);
        assert_eq!(tickets(2), ["a.zip", "T2"], "what the run writes itself is none");
        assert_eq!(tickets(0).len(), 1);
        let missing = folder.path().join("none");
        assert_eq!(inputs(&missing, 1).each().map(|job| job.unwrap().ticket).collect::<Vec<_>>(), ["none"]);
    }

    #[test]
    fn a_line_is_a_path_and_may_name_its_ticket() {
        let job = |line: &str| from_line(line.as_bytes()).map(|job| (job.path, job.ticket));
        assert_eq!(job("in/T 1.zip"), Some(("in/T 1.zip".into(), "T 1.zip".into())));
        assert_eq!(job("in/x.zip\tCASE-7"), Some(("in/x.zip".into(), "CASE-7".into())));
        assert_eq!(job("in/x.zip\t"), Some(("in/x.zip".into(), "x.zip".into())));
        assert_eq!(job("\tCASE-8"), Some((String::new(), "CASE-8".into())));
        assert_eq!(job("in/x \tCASE-7\ta customer"), Some(("in/x ".into(), "CASE-7".into())));
        assert_eq!((job(""), job("\t")), (None, None));
        assert_eq!(from_line(b"-").unwrap().place, Place::Path("./-".into()));
    }

    #[test]
    fn a_line_that_can_hold_no_path_is_refused() {
        let line = |line: &[u8], number| unmarked(line.to_vec(), number).map_err(|error| error.to_string());
        assert_eq!(line(b"\xEF\xBB\xBFa\r\n", 1), Ok(b"a".to_vec()));
        assert!(line(b"\xFF\xFEa\0\n", 1).unwrap_err().contains("UTF-16"));
        assert!(line(&vec![b'x'; LONGEST as usize], 7).unwrap_err().contains("line 7"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_a_bundle_and_not_gone_into() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        std::os::unix::fs::symlink(".", folder.path().join("loop")).unwrap();
        let tickets = inputs(folder.path(), 100).each().map(|job| job.unwrap().ticket).collect::<Vec<_>>();
        assert_eq!(tickets, ["loop"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_no_text_reaches_the_system_as_it_is() {
        let job = from_line(b"in/\xff.zip").unwrap();
        assert_eq!(job.place, Place::Path(system_path(b"in/\xff.zip").into_os_string()));
        let text = serde_json::to_string(&job).unwrap();
        assert_eq!(serde_json::from_str::<Job>(&text).unwrap(), job);
    }

    #[test]
    fn each_ticket_is_in_one_part_whatever_stands_around_it() {
        let parts: Vec<Shard> = (1..=4).map(|part| format!("{part}/4").parse().unwrap()).collect();
        let tickets: Vec<_> = (0..1_000).map(|number| format!("T{number}")).collect();
        for ticket in &tickets {
            assert_eq!(parts.iter().filter(|part| part.holds(ticket)).count(), 1);
        }
        for part in &parts {
            let count = tickets.iter().filter(|ticket| part.holds(ticket)).count();
            assert!((200..300).contains(&count), "{count}");
        }
        for wrong in ["0/4", "5/4", "1", "1/0", "a/b", "-1/2"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_ticket_leaves_the_folder_of_reports() {
        assert_eq!(report_name("T-1_a.zip", 1), "T-1_a.zip.json");
        assert_eq!(report_name("../../etc/passwd", 1), "..%2F..%2Fetc%2Fpasswd.json");
        assert_eq!(
            (report_name("T1", 2), report_name("T1+2", 1)),
            ("T1+2.json".into(), "T1%2B2.json".into())
        );
    }
}
