//! `kcdoctor triage`: many bundles in, a line of JSON for each out.
//!
//! Every bundle gives exactly one [`Line`], whatever becomes of it: one that can't be opened, is damaged, takes too long
//! or makes the program panic costs only itself. `jobs` finds the bundles, [`Analyst`] makes a line of one, `crew`
//! lets several work at once and keeps the order, `workers` does the same in processes of their own, `output` writes
//! the lines and goes on where an earlier run ended, and `expected` compares them with a recorded result.
//! What is *not* done here: judging (see [`super::analyze`]), counting (`kcdoctor merge`).

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io};

use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::{Deserialize, Serialize};

use super::analyze::{Options, conclude, is_understood, join, nothing_understood, read};
use crate::bundle::{Allowance, Bundle, Limits, Spent, hash_of};
use crate::error::Error;
use crate::knowledge::Knowledge;
use crate::parse::ParsedSource;
use crate::report::Report;
use crate::report::triage::{Line, LineTool};

mod crew;
mod expected;
mod jobs;
mod output;
mod progress;
mod run;
mod workers;

pub use jobs::{Inputs, Job, Place, Shard};
pub use output::Target;
pub use run::{Done, Isolation, Run, run, threads};
pub use workers::{become_worker, check_memory, serve};

/// The stack of a thread: while one waits for a part of its bundle it may begin with another bundle on top of it.
const STACK: usize = 8 << 20;

/// The code of a bundle that took too long.
const LATE: &str = "deadline";
/// What a line notices where its report file could not be written.
const NOT_FILED: &str = "report-not-written";

/// How each bundle is read, and what is said of it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// As for one bundle.
    pub options: Options,
    /// Passwords of archives.
    pub passwords: Vec<String>,
    /// How deep and how far archives are read.
    pub limits: Limits,
    /// Bytes that may be read of one bundle.
    pub max_bytes: Option<u64>,
    /// How long one bundle may take.
    pub timeout: Option<Duration>,
    /// Whether lines hold the whole report.
    pub full: bool,
    /// Whether several bundles are read by the same threads at once.
    pub shares_threads: bool,
    /// Where a report file is written for each bundle.
    pub reports: Option<PathBuf>,
    /// Whether lines say how long they took.
    pub timings: bool,
}

impl Settings {
    /// The options that change what a line says, as they would be typed, in one order.
    fn text(&self) -> String {
        let scope = &self.options.scope;
        let usual = Limits::default();
        let limits = &self.limits;
        let parts = [
            (!scope.nodes.is_empty()).then(|| format!("--nodes {}", scope.nodes.join(","))),
            scope.since.map(|since| format!("--since {since}")),
            scope.until.map(|until| format!("--until {until}")),
            self.options.recover.then(|| "--recover".to_owned()),
            self.max_bytes.map(|bytes| format!("--max-bytes {bytes}")),
            (limits.max_entries != usual.max_entries)
                .then(|| format!("--max-entries {}", limits.max_entries)),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// Writes the report file where that is asked for; of a bundle without a report none stays.
    fn file(&self, job: &Job, report: Option<&Report>) -> io::Result<()> {
        let Some((folder, name)) = self.reports.as_ref().zip(job.report.as_ref()) else {
            return Ok(());
        };
        let path = folder.join(name);
        match report {
            // A run that is killed here leaves no part of a report under its name.
            Some(report) => {
                let beside = folder.join(format!("{name}.part"));
                fs::write(&beside, crate::render::to_json(report))?;
                fs::rename(beside, path)
            }
            None => match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        }
    }
}

/// What became of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// The bundle is still the one of which a line is known, so that line holds.
    Same,
    /// A line of JSON, without its end.
    Line(String),
}

/// Makes lines of bundles, all in one pool of threads.
pub struct Analyst<'a> {
    knowledge: &'a Knowledge,
    settings: &'a Settings,
    pool: ThreadPool,
    tool: LineTool,
}

/// A bundle of which there is no report.
#[derive(Default)]
struct Failure {
    code: &'static str,
    why: String,
    hash: Option<String>,
    bytes: Option<u64>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::NoInput { .. } => "no-input",
            Error::NothingUnderstood { .. } => "nothing-understood",
            Error::Io { .. } => "io",
            Error::Usage(_) | Error::Fault(_) => "fault",
        };
        Self { code, why: error.to_string(), ..Self::default() }
    }
}

impl Failure {
    fn line(&self, job: &Job, tool: &LineTool) -> Line {
        let line = Line::failed(&job.ticket, &job.path, self.code, self.why.clone(), tool.clone());
        Line { hash: self.hash.clone(), bytes: self.bytes, ..line }
    }
}

/// A line that holds the report as well.
#[derive(Serialize)]
struct Full<'a> {
    #[serde(flatten)]
    line: &'a Line,
    report: Option<&'a Report>,
}

impl<'a> Analyst<'a> {
    /// Ready to work, with the threads of the settings.
    ///
    /// # Errors
    /// [`Error::Fault`] where threads can't be had.
    pub fn new(knowledge: &'a Knowledge, settings: &'a Settings) -> Result<Self, Error> {
        let tool = tool(knowledge, settings);
        let pool = ThreadPoolBuilder::new().num_threads(settings.options.threads).stack_size(STACK).build();
        let pool = pool.map_err(|error| Error::Fault(error.to_string()))?;
        Ok(Self { knowledge, settings, pool, tool })
    }

    /// The line of one bundle. Never fails and never panics.
    #[must_use]
    pub fn answer(&self, job: &Job) -> Answer {
        let begun = Instant::now();
        let report = match self.attempt(job) {
            // While it waited for a part of its bundle, a thread may have worked on another one: that took its time.
            Err(failure)
                if failure.code == LATE && self.settings.shares_threads && is_readable_again(job) =>
            {
                self.attempt(job)
            }
            attempted => attempted,
        };
        let (report, mut line) = match report {
            Ok(None) => return Answer::Same,
            Ok(Some(report)) => {
                let line = Line::of(&job.ticket, &job.path, &self.tool.options, &report);
                (Some(report), line)
            }
            Err(failure) => (None, failure.line(job, &self.tool)),
        };
        if self.settings.file(job, report.as_deref()).is_err() {
            line.issues.get_or_insert_default().push(NOT_FILED.to_owned());
        }
        line.elapsed_ms = self.settings.timings.then(|| begun.elapsed().as_millis() as u64);
        Answer::Line(if self.settings.full {
            text(&Full { line: &line, report: report.as_deref() })
        } else {
            text(&line)
        })
    }

    /// The report; `None` where the bundle is the one that is known already.
    fn attempt(&self, job: &Job) -> Result<Option<Box<Report>>, Failure> {
        // What is shared with the pool are inputs that nobody changes.
        let report = catch_unwind(AssertUnwindSafe(|| self.pool.install(|| self.report(job))));
        report.unwrap_or_else(|panic| Err(fault(panic.as_ref())))
    }

    fn report(&self, job: &Job) -> Result<Option<Box<Report>>, Failure> {
        let begun = Instant::now();
        if job.known.is_some() && self.open(job, begun)?.0.hash() == job.known {
            return Ok(None);
        }
        // What comparing took of the bytes is given back; the time is not.
        let (bundle, allowance) = self.open(job, begun)?;
        let parsed = read(&bundle, self.knowledge, &self.settings.options, &|| ());
        self.within(&allowance, &parsed)?;
        if !is_understood(&parsed) {
            let failure = Failure::from(nothing_understood(&bundle.name, &parsed));
            let hash = hash_of(parsed.iter().filter_map(|source| source.hash));
            let bytes = parsed.iter().map(|source| source.bytes).sum();
            return Err(Failure { hash: Some(hash), bytes: Some(bytes), ..failure });
        }
        let (evidence, incident) = join(parsed, self.knowledge, &self.settings.options);
        self.within(&allowance, &[])?;
        let options = &self.settings.options;
        Ok(Some(Box::new(conclude(&bundle.name, &evidence, &incident, self.knowledge, options))))
    }

    fn open(&self, job: &Job, begun: Instant) -> Result<(Bundle, Arc<Allowance>), Failure> {
        let time = self.settings.timeout.map(|timeout| timeout.saturating_sub(begun.elapsed()));
        let allowance = Arc::new(Allowance::new(time, self.settings.max_bytes));
        let limits = Limits { allowance: Some(Arc::clone(&allowance)), ..self.settings.limits.clone() };
        let passwords = &self.settings.passwords;
        let bundle = match &job.place {
            Place::Path(path) => Bundle::open_with(&[PathBuf::from(path)], passwords, &limits)?,
            Place::StandardInput => Bundle::piped(&job.ticket, passwords, &limits)?,
        };
        Ok((bundle, allowance))
    }

    /// What is read in part for a bound of this run is not judged: of another run it might be said otherwise.
    fn within(&self, allowance: &Allowance, parsed: &[ParsedSource]) -> Result<(), Failure> {
        let Settings { timeout, max_bytes, limits, .. } = self.settings;
        let too_many =
            |source: &ParsedSource| source.parsed.issues.iter().any(|issue| issue.code == "too-many-files");
        let why = match allowance.spent() {
            Some(Spent::Time) => return Err(overdue(timeout.unwrap_or_default())),
            Some(Spent::Bytes) => {
                format!("more than {} bytes, as many as --max-bytes allows", max_bytes.unwrap_or_default())
            }
            None if parsed.iter().any(too_many) => {
                format!("more than {} files, as many as one may have; see --max-entries", limits.max_entries)
            }
            None => return Ok(()),
        };
        let why = format!("it holds {why}, and a bundle that is read in part is not judged");
        Err(Failure { code: "over-budget", why, ..Failure::default() })
    }
}

/// What comes through a pipe is gone once it was read.
fn is_readable_again(job: &Job) -> bool {
    job.place != Place::StandardInput
}

/// What makes the lines of a run.
fn tool(knowledge: &Knowledge, settings: &Settings) -> LineTool {
    LineTool {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        knowledge: knowledge.revision.clone(),
        options: settings.text(),
    }
}

fn overdue(timeout: Duration) -> Failure {
    let why = format!(
        "not done within {} s, and a bundle that is read in part is not judged; allow more with --timeout, or send a shorter span",
        timeout.as_secs_f64()
    );
    Failure { code: LATE, why, ..Failure::default() }
}

fn fault(panic: &(dyn Any + Send)) -> Failure {
    let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    Error::Fault(said.unwrap_or("no reason was given").to_owned()).into()
}

/// JSON in one line.
fn text(value: &impl Serialize) -> String {
    // A report is plain data with texts for keys, so this can't fail.
    serde_json::to_string(value).unwrap_or_default()
}
