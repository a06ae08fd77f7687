//! `kcdoctor simulate`: how often the verdict is right, and whether it is as sure as it says, over drawn incidents of
//! known truth.

use jiff::{SignedDuration, Timestamp};
use rayon::prelude::*;

use crate::bundle::{Bundle, Limits};
use crate::command::analyze::{Options, join, pool, read};
use crate::diagnose::{Diagnosis, Level, diagnose};
use crate::error::Error;
use crate::evidence::{Evidence, HostId};
use crate::incident::{Change, When};
use crate::knowledge::Knowledge;
use crate::parse::ParsedSource;
use crate::report::accuracy::{Accuracy, Score, Set, Stated};
use crate::scenario::bundles::Trigger;
use crate::scenario::simulation::{Simulated, Sources, draw};

mod writing;

pub use writing::{Container, Order, write};

/// How an incident reaches the analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    /// As facts.
    Facts,
    /// Written as files in forms by lot, and read again.
    Files,
}

/// What is simulated.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// The seed of the first incident of each set.
    pub first_seed: u64,
    /// Incidents judged as facts, half of them complete.
    pub incidents: u64,
    /// Incidents written as files and read again, half of them complete.
    pub bundles: u64,
    /// Threads; 0 means one a processor.
    pub threads: usize,
}

/// The whole run.
///
/// # Errors
/// [`Error::Fault`] where threads can't be had.
pub fn run(run: &Run, knowledge: &Knowledge) -> Result<Accuracy, Error> {
    let set = |sources: Sources, through: Through, count: u64| Set {
        complete: sources == Sources::Complete,
        files: through == Through::Files,
        score: simulate(run.first_seed, count / 2, sources, through, knowledge),
    };
    let sets = pool(run.threads)?.install(|| {
        vec![
            set(Sources::Complete, Through::Facts, run.incidents),
            set(Sources::Thinned, Through::Facts, run.incidents),
            set(Sources::Complete, Through::Files, run.bundles),
            set(Sources::Thinned, Through::Files, run.bundles),
        ]
    });
    Ok(Accuracy::of(run.first_seed, sets, knowledge))
}

/// Judges `count` incidents from the seed `first` on, and keeps the score. Uses the pool that it is called in.
#[must_use]
pub fn simulate(first: u64, count: u64, sources: Sources, through: Through, knowledge: &Knowledge) -> Score {
    let judged: Vec<Stated> = (first..first.saturating_add(count))
        .into_par_iter()
        .map(|seed| judge(&draw(seed, sources), through, knowledge))
        .collect();
    Score::of(judged)
}

/// What is said of one incident, beside the truth.
#[must_use]
pub fn judge(simulated: &Simulated, through: Through, knowledge: &Knowledge) -> Stated {
    let parsed = match through {
        Through::Facts => simulated.facts().into_iter().map(parsed).collect(),
        Through::Files => {
            let bundle = Bundle::held("simulated", simulated.written(), &Limits::default());
            read(&bundle, knowledge, &Options::default(), &|| ())
        }
    };
    let (evidence, incident) = join(parsed, knowledge, &Options::default());
    let diagnosis = diagnose(&incident, &evidence, knowledge);
    stated(simulated, &diagnosis, &evidence)
}

fn parsed(source: crate::scenario::simulation::Source) -> ParsedSource {
    ParsedSource::stated(source.path, source.kind, source.parsed)
}

fn stated(simulated: &Simulated, diagnosis: &Diagnosis<'_>, evidence: &Evidence) -> Stated {
    let verdict = &diagnosis.verdict;
    let name = |host: HostId| evidence.hosts.name(host).to_owned();
    let right = verdict.cause.name() == simulated.cause();
    let leading = diagnosis.hypotheses.iter().find(|hypothesis| hypothesis.cause.is_fault());
    let triggers = simulated.planted.first().map_or(&[][..], |planted| planted.triggers.as_slice());
    let is_bracketed = || simulated.onset(simulated.pairs()).is_some_and(|(last, _)| last.is_some());
    let is_dated = right && verdict.level > Level::Inconclusive && simulated.offset == 0;
    Stated {
        seed: simulated.seed,
        truth: simulated.cause(),
        said: verdict.cause.name(),
        level: verdict.level,
        confidence: diagnosis.confidence,
        leading: leading.map(|leading| (leading.cause.name(), leading.confidence)),
        also: simulated.planted.iter().skip(1).map(|planted| planted.cause).collect(),
        said_also: diagnosis.also.iter().map(|also| (also.cause.name(), also.level)).collect(),
        onset_right: onset_right(simulated, diagnosis, &name).filter(|_| is_dated),
        pairs_right: hit(simulated, verdict.cause.name(), &verdict.pairs, &name),
        // Without a success before, no change can be said to lie between.
        trigger: triggers.first().map(|trigger| trigger.kind).filter(|_| is_bracketed()),
        trigger_right: diagnosis.trigger.map(|change| {
            triggers.iter().any(|trigger| is_trigger(change, trigger, simulated.offset, &name))
        }),
    }
}

/// Whether the onset is that of the logs; `None` where no failure can be seen. Of the fault's pairs a report may
/// confirm some, and name the others beside them.
fn onset_right(
    simulated: &Simulated,
    diagnosis: &Diagnosis<'_>,
    name: &dyn Fn(HostId) -> String,
) -> Option<bool> {
    let blamed: Vec<_> = diagnosis.verdict.pairs.iter().map(|own| (name(own.0), name(own.1))).collect();
    let pairs: Vec<_> = simulated.pairs().iter().filter(|pair| blamed.contains(pair)).cloned().collect();
    let (last, first) = simulated.onset(&pairs)?;
    let same = |one: Option<Timestamp>, other: Option<Timestamp>| match (one, other) {
        (Some(one), Some(other)) => one.duration_since(other).abs() <= SignedDuration::from_secs(2),
        (one, other) => one == other,
    };
    Some(same(diagnosis.onset.first_failure, Some(first)) && same(diagnosis.onset.last_success, last))
}

/// Whether a change is what set the fault off, give or take an hour and what the clock is off.
fn is_trigger(change: &Change, trigger: &Trigger, offset: i64, name: &dyn Fn(HostId) -> String) -> bool {
    let slack = SignedDuration::from_secs(3_600 + offset.abs());
    let close = |when: When| {
        let (from, to) = when.span();
        from.duration_since(trigger.time) <= slack && trigger.time.duration_since(to) <= slack
    };
    change.kind.name() == trigger.kind
        && trigger.kb.is_none_or(|kb| change.id == kb)
        && change.host.map(name).is_some_and(|host| host.eq_ignore_ascii_case(&trigger.host))
        && change.installed.is_some_and(close)
}

/// Whether the pairs that a verdict blames are pairs that its fault hit.
fn hit(
    simulated: &Simulated,
    cause: &str,
    pairs: &[(HostId, HostId)],
    name: &dyn Fn(HostId) -> String,
) -> Option<bool> {
    let planted = simulated.planted.iter().find(|planted| planted.cause == cause)?;
    let is_hit =
        |(source, target): &(HostId, HostId)| planted.pairs.contains(&(name(*source), name(*target)));
    (!pairs.is_empty()).then(|| pairs.iter().all(is_hit))
}
