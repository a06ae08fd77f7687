//! The columns of a ticket, for CSV and Parquet alike: flat, so that whoever has the file groups them himself.
//!
//! Lists stand in one cell, with a comma and a blank between; a pair is `SOURCE:TARGET`.

use crate::report::merge::{SHAPE, WINDOWS, part};
use crate::report::triage::{Line, LineVerdict, Status};

/// A column.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) values: Values,
}

/// What a column holds of a line; `None` where the line says nothing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Values {
    Text(fn(&Line) -> Option<String>),
    Number(fn(&Line) -> Option<u64>),
    Share(fn(&Line) -> Option<f64>),
    /// RFC 3339, UTC.
    Time(fn(&Line) -> Option<&String>),
}

use Values::{Number, Share, Text, Time};

/// Every column, in order. Names are a promise; new ones are added at the end.
pub(super) const COLUMNS: &[Column] = &[
    column("ticket", Text(|line| Some(line.ticket.clone()))),
    column("status", Text(|line| Some(if line.status == Status::Ok { "ok" } else { "error" }.to_owned()))),
    column("error_code", Text(|line| line.error_code.clone())),
    column("cause", Text(|line| of(line, |verdict| verdict.cause.clone()))),
    column("family", Text(|line| of(line, |verdict| verdict.family.clone()))),
    column("level", Text(|line| of(line, |verdict| verdict.level.clone()))),
    column("confidence", Share(|line| of(line, |verdict| verdict.confidence))),
    column("trigger", Text(|line| line.verdict.as_ref()?.trigger.clone())),
    column("shape", Text(|line| part(line, SHAPE).map(str::to_owned))),
    column("os", Text(|line| part(line, WINDOWS).map(str::to_owned))),
    column("signature", Text(|line| line.signature.clone())),
    column("pairs", Text(|line| of(line, pairs))),
    column("also", Text(|line| Some(list(line.also.as_ref()?.iter().map(|also| also.cause.as_str()))))),
    column("last_success", Time(|line| line.onset.as_ref()?.last_success.as_ref())),
    column("first_failure", Time(|line| line.onset.as_ref()?.first_failure.as_ref())),
    column("gaps", Text(|line| Some(list(line.gaps.as_ref()?.iter().map(String::as_str))))),
    column("issues", Text(|line| Some(list(line.issues.as_ref()?.iter().map(String::as_str))))),
    column("steps", Text(|line| Some(list(line.plan.as_ref()?.steps.iter().map(|step| step.kind.as_str()))))),
    column("summary", Text(|line| of(line, |verdict| verdict.summary.clone()))),
    column("error", Text(|line| line.error.clone())),
    column("first", Time(|line| line.first.as_ref())),
    column("last", Time(|line| line.last.as_ref())),
    column("bytes", Number(|line| line.bytes)),
    column("records", Number(|line| line.records)),
    column("path", Text(|line| Some(line.path.clone()))),
    column("hash", Text(|line| line.hash.clone())),
    column("version", Text(|line| Some(line.tool.version.clone()))),
    column("knowledge", Text(|line| Some(line.tool.knowledge.clone()))),
    column("options", Text(|line| Some(line.tool.options.clone()))),
    column("elapsed_ms", Number(|line| line.elapsed_ms)),
];

const fn column(name: &'static str, values: Values) -> Column {
    Column { name, values }
}

fn of<T>(line: &Line, value: impl FnOnce(&LineVerdict) -> T) -> Option<T> {
    line.verdict.as_ref().map(value)
}

fn pairs(verdict: &LineVerdict) -> String {
    verdict.pairs.iter().map(|(source, target)| format!("{source}:{target}")).collect::<Vec<_>>().join(", ")
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
