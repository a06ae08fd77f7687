//! A whole run: bundles to workers, and their lines out.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::{fs, thread};

use super::expected::Expected;
use super::output::{Earlier, Output, Target, Terms};
use super::progress::Progress;
use super::workers::Worker;
use super::{Analyst, Answer, Inputs, Job, Place, Settings, crew, text, tool};
use crate::error::Error;
use crate::knowledge::Knowledge;
use crate::report::triage::{Difference, Line, LineTool, Status};

/// What a run is asked to do.
#[derive(Debug, Clone)]
pub struct Run {
    /// Which bundles.
    pub inputs: Inputs,
    /// How each is read.
    pub settings: Settings,
    /// Where lines go.
    pub target: Target,
    /// Whether in the order of the inputs, or as bundles are done.
    pub in_order: bool,
    /// Whether [`Done`] holds all lines.
    pub keeps_lines: bool,
    /// A recorded result to compare with.
    pub expected: Option<PathBuf>,
    /// Whether workers are processes.
    pub isolation: Option<Isolation>,
    /// Whether nothing is said of how far the run is.
    pub hidden: bool,
}

/// Workers as processes.
#[derive(Debug, Clone)]
pub struct Isolation {
    /// How many.
    pub processes: usize,
    /// Arguments by which this program becomes a worker.
    pub arguments: Vec<OsString>,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Done {
    /// Lines that were written or kept.
    pub bundles: usize,
    /// Those that say that the bundle could not be analyzed.
    pub errors: usize,
    /// Lines of an earlier run whose bundles are no longer named, and that were let go.
    pub dropped: usize,
    /// All lines, where they are kept, in the order in which they went out.
    pub lines: Vec<Line>,
    /// What differs from the recorded result, by ticket.
    pub differences: Vec<Difference>,
}

/// Why a run ends early.
enum Stop {
    Failed(Error),
    /// Nobody reads on.
    Gone,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// `threads`, or one a processor of this machine where that is 0.
#[must_use]
pub fn threads(threads: usize) -> usize {
    if threads > 0 { threads } else { thread::available_parallelism().map_or(1, NonZero::get) }
}

/// The whole run. A reader of standard output that goes away early ends it, and is no error.
///
/// # Errors
/// [`Error::Io`] where lines can't be written or an earlier result can't be read, [`Error::Fault`] where threads can't
/// be had, and those of a recorded result that is none. No bundle makes it fail.
pub fn run(run: Run, knowledge: &Knowledge) -> Result<Done, Error> {
    let Run { inputs, settings, target, in_order, keeps_lines, expected, isolation, hidden } = run;
    if let Some(folder) = &settings.reports {
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
    }
    let expected = expected.map(|path| Expected::read(&path, inputs.shard)).transpose()?;
    let tool = tool(knowledge, &settings);
    let (output, earlier) =
        Output::open(&target, &Terms { tool: &tool, full: settings.full, timings: settings.timings })?;
    let (jobs, total) = inputs.jobs();
    let jobs = jobs.map(|job| job.map(|job| Job { known: known(&job, &earlier, &settings, &tool), ..job }));
    let mut lines = Lines {
        left: earlier.bundles().cloned().collect(),
        output,
        earlier: &earlier,
        keeps: keeps_lines,
        expected,
        progress: Progress::new(total, hidden),
        done: Done::default(),
    };
    let mut take = |_, answered: Result<(Job, Answer), Error>| {
        let (job, answer) = answered?;
        lines.take(&job, answer)
    };
    let ended = match isolation {
        Some(Isolation { processes, arguments }) => {
            let worker = |_| {
                let mut worker = Worker::new(arguments.clone(), settings.timeout);
                let (tool, settings) = (&tool, &settings);
                move |job: Result<Job, Error>| {
                    let job = job?;
                    let answer = worker.ask(&job).unwrap_or_else(|failure| {
                        // The worker could not take away the report of another day; a run that can't either goes on.
                        let _ = settings.file(&job, None);
                        Answer::Line(text(&failure.line(&job, tool)))
                    });
                    Ok((job, answer))
                }
            };
            crew::run(jobs, (0..processes).map(worker).collect(), in_order, &mut take)
        }
        None => {
            let analyst = &Analyst::new(knowledge, &settings)?;
            let worker = |_| {
                move |job: Result<Job, Error>| {
                    let job = job?;
                    let answer = analyst.answer(&job);
                    Ok((job, answer))
                }
            };
            let workers = (0..threads(settings.options.threads)).map(worker).collect();
            crew::run(jobs, workers, in_order, &mut take)
        }
    };
    match ended {
        Err(Stop::Failed(error)) => Err(error),
        Err(Stop::Gone) => Ok(lines.done),
        Ok(()) => lines.finish(),
    }
}

/// The hash of the bundle of which the line is there, and its report too if that is wanted.
fn known(job: &Job, earlier: &Earlier, settings: &Settings, tool: &LineTool) -> Option<String> {
    let report = settings.reports.as_ref().zip(job.report.as_ref()).map(|(folder, name)| folder.join(name));
    let hash = earlier.hash(&job.ticket, &job.path)?;
    // What can be read only once is not read to be compared first.
    if job.place == Place::StandardInput {
        return None;
    }
    report.is_none_or(|report| is_of(&report, hash, tool)).then(|| hash.to_owned())
}

/// Whether a report is that of the bundle with this hash, by the knowledge of now; both stand near its beginning. By which
/// options it was made a report does not say, so with some it is always made anew.
fn is_of(report: &Path, hash: &str, tool: &LineTool) -> bool {
    const BEGINNING: u64 = 16 << 10;
    let mut begun = Vec::new();
    let read = File::open(report).and_then(|file| file.take(BEGINNING).read_to_end(&mut begun));
    let holds = |text: &str| begun.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    tool.options.is_empty()
        && read.is_ok()
        && holds(hash)
        && holds(&format!("\"revision\": \"{}\"", tool.knowledge))
}

/// Lines as they come in.
struct Lines<'a> {
    /// Bundles of an earlier run that were not met yet.
    left: HashSet<(String, String)>,
    output: Output,
    earlier: &'a Earlier,
    keeps: bool,
    expected: Option<Expected>,
    progress: Progress,
    done: Done,
}

impl Lines<'_> {
    fn take(&mut self, job: &Job, answer: Answer) -> Result<(), Stop> {
        let text = match answer {
            Answer::Same => self.output.keep(self.earlier, &job.ticket, &job.path)?,
            Answer::Line(text) => {
                if !self.output.write(&text)? {
                    return Err(Stop::Gone);
                }
                text
            }
        };
        let line: Line = serde_json::from_str(&text).map_err(|error| Error::Fault(error.to_string()))?;
        self.left.remove(&(job.ticket.clone(), job.path.clone()));
        self.done.bundles += 1;
        self.done.errors += usize::from(line.status == Status::Error);
        self.progress.note(&line);
        let expected = self.expected.as_mut();
        self.done.differences.extend(expected.and_then(|expected| expected.compare(&line)));
        if self.keeps {
            self.done.lines.push(line);
        }
        Ok(())
    }

    fn finish(self) -> Result<Done, Error> {
        let Self { output, expected, progress, mut done, left, .. } = self;
        done.dropped = left.len();
        progress.finish();
        output.finish()?;
        done.differences.extend(expected.into_iter().flat_map(Expected::rest));
        done.differences.sort();
        Ok(done)
    }
}
