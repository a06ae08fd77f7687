//! Where lines go, and how a run goes on where an earlier one ended.
//!
//! A line is written by one call, so a run that is killed leaves whole lines; should the system have torn the last one,
//! it is cut off when the run is resumed. A resumed run adds to the file what is missing. At its end the file is put into
//! the order of an unbroken run, if it is not in it already: lines of bundles that have changed since, or failed, were
//! written anew behind the others. A file belongs to one run at a time, and one that holds anything but lines is left
//! as it is.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::Error;
use crate::report::triage::{BEGIN, Line, LineTool, Status, is_begun};

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    StandardOutput,
    /// Nowhere: they are only compared, or put into a table.
    Nowhere,
    /// A file that is made anew.
    File(PathBuf),
    /// A file that an earlier run began.
    Resumed(PathBuf),
}

impl Target {
    /// The files that a run into `path` may write.
    #[must_use]
    pub fn files(path: &Path) -> [PathBuf; 2] {
        [path.to_path_buf(), beside(path)]
    }
}

/// Bytes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: u64,
    to: u64,
}

/// A line that an earlier run wrote.
#[derive(Debug)]
struct Kept {
    hash: String,
    span: Span,
}

/// The lines of earlier runs, by ticket and path; those that no longer hold have nothing to keep.
#[derive(Debug, Default)]
pub(super) struct Earlier(HashMap<(String, String), Option<Kept>>);

impl Earlier {
    /// The hash of the bundle of which there is a line that may still hold.
    pub(super) fn hash(&self, ticket: &str, path: &str) -> Option<&str> {
        let kept = self.0.get(&(ticket.to_owned(), path.to_owned()))?;
        kept.as_ref().map(|kept| kept.hash.as_str())
    }

    /// Bundles of which there was a line.
    pub(super) fn bundles(&self) -> impl Iterator<Item = &(String, String)> {
        self.0.keys()
    }
}

/// What makes a line of now: another one does not hold.
pub(super) struct Terms<'a> {
    pub(super) tool: &'a LineTool,
    pub(super) full: bool,
    pub(super) timings: bool,
}

/// A line with what may stand beside it.
#[derive(Deserialize)]
struct Written {
    #[serde(flatten)]
    line: Line,
    report: Option<IgnoredAny>,
}

/// Lines on their way out.
pub(super) enum Output {
    Nowhere,
    /// Standard output, or a pipe or device by its name.
    Stream(Box<dyn Write>, PathBuf),
    File(Results),
}

/// A file of lines.
pub(super) struct Results {
    path: PathBuf,
    file: File,
    end: u64,
    /// The lines of this run, in its order.
    spans: Vec<Span>,
}

impl Output {
    /// Opens `target`, and reads what an earlier run left there.
    ///
    /// # Errors
    /// [`Error::Io`] where it can't be read or written, or another run writes to it; [`Error::NothingUnderstood`] where
    /// what should be resumed is no result.
    pub(super) fn open(target: &Target, terms: &Terms<'_>) -> Result<(Self, Earlier), Error> {
        let (path, resumes) = match target {
            Target::Nowhere => return Ok((Self::Nowhere, Earlier::default())),
            Target::StandardOutput => {
                let output = Self::Stream(Box::new(io::stdout()), "standard output".into());
                return Ok((output, Earlier::default()));
            }
            Target::File(path) => (path, false),
            Target::Resumed(path) => (path, true),
        };
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            if resumes {
                let what = io::Error::other("not a file, so there is nothing to resume");
                return Err(Error::io(path)(what));
            }
            let stream = OpenOptions::new().write(true).open(path).map_err(Error::io(path))?;
            return Ok((Self::Stream(Box::new(stream), path.clone()), Earlier::default()));
        }
        let options = || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = options().map_err(Error::io(path))?;
        file.try_lock().map_err(|_| Error::io(path)(io::Error::other("another run writes to it")))?;
        if !resumes && !is_result(&file).map_err(Error::io(path))? {
            let why = "it is there and holds something else than lines of triage; name another file, or delete it first";
            return Err(Error::Usage(format!("{}: {why}", path.display())));
        }
        let (earlier, end) = if resumes { earlier(&file, path, terms)? } else { (Earlier::default(), 0) };
        file.set_len(end).map_err(Error::io(path))?;
        // A link stays one.
        let path = fs::canonicalize(path).map_err(Error::io(path))?;
        Ok((Self::File(Results { path, file, end, spans: Vec::new() }), earlier))
    }

    /// Writes a line. `false` where nobody reads on.
    pub(super) fn write(&mut self, line: &str) -> Result<bool, Error> {
        let line = format!("{line}\n");
        match self {
            Self::Nowhere => Ok(true),
            Self::Stream(output, path) => {
                match output.write_all(line.as_bytes()).and_then(|()| output.flush()) {
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
                    written => written.map(|()| true).map_err(Error::io(path.clone())),
                }
            }
            Self::File(results) => {
                results.append(line.as_bytes()).map(|()| true).map_err(Error::io(&results.path))
            }
        }
    }

    /// Takes the line of an earlier run as it stands, and gives it.
    pub(super) fn keep(&mut self, earlier: &Earlier, ticket: &str, path: &str) -> Result<String, Error> {
        let key = (ticket.to_owned(), path.to_owned());
        match (self, earlier.0.get(&key)) {
            (Self::File(results), Some(Some(kept))) => {
                results.spans.push(kept.span);
                results.text(kept.span).map_err(Error::io(&results.path))
            }
            _ => Err(Error::Fault(format!("no earlier line of {path}"))),
        }
    }

    /// Puts the lines into the order of this run where they are not, and lets go of those that no longer hold.
    pub(super) fn finish(self) -> Result<(), Error> {
        match self {
            Self::File(results) => results.finish(),
            _ => Ok(()),
        }
    }
}

impl Results {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(line)?;
        let span = Span { from: self.end, to: self.end + line.len() as u64 };
        self.spans.push(span);
        self.end = span.to;
        Ok(())
    }

    fn text(&mut self, span: Span) -> io::Result<String> {
        self.file.seek(SeekFrom::Start(span.from))?;
        let mut text = String::new();
        (&self.file).take(span.to - span.from).read_to_string(&mut text)?;
        Ok(text.trim_end().to_owned())
    }

    fn finish(mut self) -> Result<(), Error> {
        let mut end = 0;
        let in_place = |span: &Span| std::mem::replace(&mut end, span.to) == span.from;
        if self.spans.iter().all(in_place) && end == self.end {
            return Ok(());
        }
        let beside = beside(&self.path);
        self.copy(&beside).map_err(Error::io(&beside))?;
        fs::rename(&beside, &self.path).map_err(Error::io(&self.path))
    }

    fn copy(&mut self, path: &Path) -> io::Result<()> {
        let mut copy = BufWriter::new(File::create(path)?);
        for span in &self.spans {
            self.file.seek(SeekFrom::Start(span.from))?;
            io::copy(&mut (&self.file).take(span.to - span.from), &mut copy)?;
        }
        let copy = copy.into_inner()?;
        copy.set_permissions(self.file.metadata()?.permissions())?;
        copy.sync_all()
    }
}

/// A file in the same folder, so that it can take the other's place at once.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".ordered");
    path.with_file_name(name)
}

/// What of a file may still hold, and where its whole lines end.
fn earlier(file: &File, path: &Path, terms: &Terms<'_>) -> Result<(Earlier, u64), Error> {
    let mut reader = BufReader::new(file);
    let mut kept = HashMap::new();
    let (mut from, mut line) = (0, Vec::new());
    for number in 1.. {
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(Error::io(path))? == 0 {
            break;
        }
        let is_whole = line.ends_with(b"\n");
        let written = is_whole.then(|| serde_json::from_slice::<Written>(&line).ok()).flatten();
        let Some(written) = written else {
            // Only the last line can be torn.
            if !is_whole && is_begun(&line) {
                break;
            }
            let detail = format!(
                "{}:{number}: not a line of triage, so this is no result to resume; nothing was changed, write to another file",
                path.display()
            );
            return Err(Error::NothingUnderstood { detail });
        };
        let span = Span { from, to: from + line.len() as u64 };
        let hash = written.line.hash.clone().filter(|_| written.holds(terms));
        let bundle = (written.line.ticket, written.line.path);
        kept.insert(bundle, hash.map(|hash| Kept { hash, span }));
        from = span.to;
    }
    Ok((Earlier(kept), from))
}

/// Whether a file is empty or begins as a result does: nothing else is overwritten.
fn is_result(mut file: &File) -> io::Result<bool> {
    let mut begun = [0; BEGIN.len()];
    let count = file.read(&mut begun)?;
    file.rewind()?;
    Ok(is_begun(begun.get(..count).unwrap_or_default()))
}

impl Written {
    /// Whether it would be written alike now.
    fn holds(&self, terms: &Terms<'_>) -> bool {
        let Self { line, report } = self;
        line.status == Status::Ok
            && line.tool == *terms.tool
            && report.is_some() == terms.full
            && line.elapsed_ms.is_some() == terms.timings
    }
}
