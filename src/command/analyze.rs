//! `kcdoctor analyze`: one incident in, verdict and plan out.

use std::collections::BTreeMap;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::bundle::Bundle;
use crate::diagnose::{Level, diagnose};
use crate::error::Error;
use crate::evidence::Evidence;
use crate::incident::{Incident, Scope};
use crate::knowledge::Knowledge;
use crate::parse::{ParsedSource, parse};
use crate::plan::{Choice, plan};
use crate::report::{Report, build};

/// What an analysis is asked to do.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The part of the bundle that is looked at.
    pub scope: Scope,
    /// Threads; 0 means one a processor.
    pub threads: usize,
    /// Machines that count as hosts whatever else in the bundle speaks of them.
    pub named: Vec<String>,
    /// Whether records count that a log has given up and not overwritten yet.
    pub recover: bool,
    /// Which part of the plan is wanted, and how.
    pub plan: Choice,
}

/// The whole program: a bundle in, a report out.
///
/// `tick` is told of each source that was read; it may be called from any thread.
///
/// # Errors
/// [`Error::NothingUnderstood`] where no source is of a known format, [`Error::Fault`] where threads can't be
/// had.
pub fn analyze(
    bundle: &Bundle,
    knowledge: &Knowledge,
    options: &Options,
    tick: &(dyn Fn() + Sync),
) -> Result<Report, Error> {
    pool(options.threads)?.install(|| {
        let (evidence, incident) = reconstruct(bundle, knowledge, options, tick)?;
        Ok(conclude(&bundle.name, &evidence, &incident, knowledge, options))
    })
}

/// The stages after the incident.
pub(super) fn conclude(
    name: &str,
    evidence: &Evidence,
    incident: &Incident,
    knowledge: &Knowledge,
    options: &Options,
) -> Report {
    let diagnosis = diagnose(incident, evidence, knowledge);
    let plan = plan(&diagnosis, incident, evidence, knowledge, &options.plan);
    build(name, evidence, incident, &diagnosis, &plan, knowledge)
}

/// The stages up to the incident.
pub(super) fn reconstruct(
    bundle: &Bundle,
    knowledge: &Knowledge,
    options: &Options,
    tick: &(dyn Fn() + Sync),
) -> Result<(Evidence, Incident), Error> {
    let parsed = read(bundle, knowledge, options, tick);
    if !is_understood(&parsed) {
        return Err(nothing_understood(&bundle.name, &parsed));
    }
    Ok(join(parsed, knowledge, options))
}

/// The first stage: every source, understood or not.
pub(super) fn read(
    bundle: &Bundle,
    knowledge: &Knowledge,
    options: &Options,
    tick: &(dyn Fn() + Sync),
) -> Vec<ParsedSource> {
    let Scope { since, until, .. } = options.scope;
    let interest = knowledge.interest().within(since, until).recovering(options.recover);
    parse(bundle, &interest.naming(&options.named), tick)
}

/// The stages from there to the incident.
pub(super) fn join(
    parsed: Vec<ParsedSource>,
    knowledge: &Knowledge,
    options: &Options,
) -> (Evidence, Incident) {
    let evidence = Evidence::gather_naming(parsed, &knowledge.signals, &options.named);
    let incident = Incident::reconstruct(&evidence, knowledge, &options.scope);
    (evidence, incident)
}

/// A pool of our own: a library must not take the process's.
pub(super) fn pool(threads: usize) -> Result<ThreadPool, Error> {
    ThreadPoolBuilder::new().num_threads(threads).build().map_err(|error| Error::Fault(error.to_string()))
}

/// Whether anything can be learned.
pub(super) fn is_understood(parsed: &[ParsedSource]) -> bool {
    parsed.iter().any(ParsedSource::is_understood)
}

/// Why nothing was understood: what was noticed about the files, else what kcdoctor reads.
pub(super) fn nothing_understood(name: &str, parsed: &[ParsedSource]) -> Error {
    const READS: &str = "kcdoctor reads .evtx logs, events as XML, exports of the directory (LDIF, CSV, JSON, Clixml, lists), of updates and of hosts, and what Windows' tools print";
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for issue in parsed.iter().flat_map(|source| &source.parsed.issues) {
        *reasons.entry(issue.detail.clone()).or_default() += 1;
    }
    let reason = |(detail, count): (String, usize)| {
        if count == 1 { detail } else { format!("{detail} ({count} files)") }
    };
    let why = reasons.into_iter().take(3).map(reason).collect::<Vec<_>>().join("; ");
    let is_empty = parsed.iter().all(|source| source.hash == Some(blake3::hash(b"")));
    let detail = match (parsed, why.is_empty(), is_empty) {
        ([], ..) => format!("{name}: there is nothing in it; pass the folder or zip that the customer sent"),
        (.., true) if why.is_empty() => format!("{name}: empty, 0 bytes; ask for it again"),
        ([one], true, _) => format!("{}: kcdoctor does not understand this file; {READS}", one.path),
        (all, true, _) => format!("{name}: none of its {} files is understood; {READS}", all.len()),
        ([one], false, _) => format!("{}: {why}", one.path),
        (all, false, _) => format!("{name}: none of its {} files is understood: {why}", all.len()),
    };
    Error::NothingUnderstood { detail }
}

/// The exit status of `--exit-code`.
#[must_use]
pub fn verdict_status(level: Level) -> u8 {
    match level {
        Level::Healthy => 0,
        Level::Confirmed => 1,
        Level::Probable | Level::Latent => 2,
        Level::Possible | Level::Inconclusive => 3,
    }
}
