//! `kcdoctor triage`: many bundles in, a line of JSON for each out.
//!
//! Every bundle gives exactly one [`Line`], whatever becomes of it: one that can't be opened, is damaged, takes too long
//! or makes the program panic costs only itself. [`jobs`] finds the bundles, [`Analyst`] makes a line of one, [`crew`]
//! lets several work at once and keeps the order, [`workers`] does the same in processes of their own, [`output`] writes
//! the lines and goes on where an earlier run ended, and [`expected`] compares them with a recorded result.
//! What is *not* done here: judging (see [`super::analyze`]), counting (`kcdoctor merge`).

use std::any::Any;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::{Deserialize, Serialize};

use super::analyze::{Options, conclude, is_understood, join, nothing_understood, read};
use crate::bundle::{Bundle, Limits, hash_of};
use crate::error::Error;
use crate::knowledge::Knowledge;
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

/// How each bundle is read, and what is said of it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// As for one bundle.
    pub options: Options,
    /// Passwords of archives.
    pub passwords: Vec<String>,
    /// What one bundle may take; its deadline comes from `timeout`.
    pub limits: Limits,
    /// How long one bundle may take.
    pub timeout: Option<Duration>,
    /// Whether lines hold the whole report.
    pub full: bool,
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
            (limits.max_bundle_bytes != usual.max_bundle_bytes)
                .then(|| format!("--max-bytes {}", limits.max_bundle_bytes)),
            (limits.max_entries != usual.max_entries)
                .then(|| format!("--max-entries {}", limits.max_entries)),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
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
        // What is shared with the pool are inputs that nobody changes.
        let report = catch_unwind(AssertUnwindSafe(|| self.pool.install(|| self.report(job, begun))));
        let report = match report.unwrap_or_else(|panic| Err(fault(panic.as_ref()))) {
            Ok(None) => return Answer::Same,
            Ok(Some(report)) => self.filed(job, report),
            Err(failure) => Err(failure),
        };
        let mut line = match &report {
            Ok(report) => Line::of(&job.ticket, &job.path, &self.tool.options, report),
            Err(failure) => failure.line(job, &self.tool),
        };
        line.elapsed_ms = self.settings.timings.then(|| begun.elapsed().as_millis() as u64);
        Answer::Line(if self.settings.full {
            text(&Full { line: &line, report: report.as_ref().ok().map(AsRef::as_ref) })
        } else {
            text(&line)
        })
    }

    /// The report; `None` where the bundle is the one that is known already.
    fn report(&self, job: &Job, begun: Instant) -> Result<Option<Box<Report>>, Failure> {
        let deadline = self.settings.timeout.and_then(|timeout| begun.checked_add(timeout));
        let limits = Limits { deadline, ..self.settings.limits.clone() };
        let passwords = &self.settings.passwords;
        let bundle = match &job.place {
            Place::Path(path) => Bundle::open_with(&[PathBuf::from(path)], passwords, &limits)?,
            Place::StandardInput => Bundle::piped(&job.ticket, passwords, &limits)?,
        };
        if job.known.is_some() && bundle.hash() == job.known {
            return Ok(None);
        }
        let parsed = read(&bundle, self.knowledge, &self.settings.options, &|| ());
        self.in_time(&limits)?;
        if !is_understood(&parsed) {
            let failure = Failure::from(nothing_understood(&bundle.name, &parsed));
            let hash = hash_of(parsed.iter().filter_map(|source| source.hash));
            let bytes = parsed.iter().map(|source| source.bytes).sum();
            return Err(Failure { hash: Some(hash), bytes: Some(bytes), ..failure });
        }
        let (evidence, incident) = join(parsed, self.knowledge, &self.settings.options);
        self.in_time(&limits)?;
        Ok(Some(Box::new(conclude(
            &bundle.name,
            &evidence,
            &incident,
            self.knowledge,
            &self.settings.options,
        ))))
    }

    /// What is read in part is not judged: where reading stopped depends on the machine.
    fn in_time(&self, limits: &Limits) -> Result<(), Failure> {
        match self.settings.timeout.filter(|_| limits.is_overdue()) {
            Some(timeout) => Err(overdue(timeout)),
            None => Ok(()),
        }
    }

    /// Writes the report file where that is asked for.
    fn filed(&self, job: &Job, report: Box<Report>) -> Result<Box<Report>, Failure> {
        if let (Some(folder), Some(name)) = (&self.settings.reports, &job.report) {
            let path = folder.join(name);
            fs::write(&path, crate::render::to_json(&report)).map_err(Error::io(&path))?;
        }
        Ok(report)
    }
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
    Failure { code: "deadline", why, ..Failure::default() }
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
