//! Which pairs were seen to work since, as plain data: serialised, it is the JSON of `kcdoctor validate`.
//!
//! Everything is looked up, nothing is judged. What is *not* done here: layout.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::build::{attempt, attempt_id, bundle, text};
use super::inventory::{KnownHost, known_hosts};
use super::{AttemptReport, BundleReport, GapReport, SCHEMA_VERSION, Tool};
use crate::diagnose::{Failed, Level, PairState, Reviewed, Validated, Validation};
use crate::evidence::{Evidence, HostId};
use crate::incident::{Incident, Pair};
use crate::knowledge::{Cause, Class, Knowledge};
use crate::plan::{Step, test_migration};

/// The report of `kcdoctor validate`.
#[derive(Debug, Serialize)]
pub struct ValidateReport {
    /// The version of this form.
    pub schema_version: u32,
    /// The command that made it.
    pub command: &'static str,
    /// What made it.
    pub tool: Tool,
    /// What was sent.
    pub bundle: BundleReport,
    /// The time that was given; `null` where each pair is looked at from its own last change on.
    pub fixed_at: Option<String>,
    /// How the worst pair stands; `null` without any pair.
    pub outcome: Option<PairState>,
    /// One sentence for a person.
    pub summary: String,
    /// Every host that the bundle speaks of.
    pub hosts: Vec<KnownHost>,
    /// Every pair in question.
    pub pairs: Vec<ValidatedPair>,
    /// Every failure since, with what explains it.
    pub failures: Vec<FailureReport>,
    /// Successes since whose records do not name both ends.
    pub unnamed: Vec<AttemptReport>,
    /// The tests that are owed, by source.
    pub tests: Vec<TestReport>,
    /// Logs that do not reach.
    pub gaps: Vec<GapReport>,
}

/// A pair and how it stands.
#[derive(Debug, Serialize)]
pub struct ValidatedPair {
    /// Where virtual machines run.
    pub source: String,
    /// Where they shall run.
    pub target: String,
    /// How it stands.
    pub state: PairState,
    /// From when on it is looked at; `null` where no change is seen and all that the logs hold counts.
    pub since: Option<String>,
    /// The change that gives that time; `null` where it was given or no change is seen.
    pub since_change: Option<SinceChange>,
    /// Successes since that name both ends.
    pub succeeded: usize,
    /// Failures since.
    pub failed: usize,
    /// The last of the successes.
    pub last_success: Option<Seen>,
    /// The last of the failures.
    pub last_failure: Option<Seen>,
    /// Successes since that may be of this pair and do not name both ends.
    pub unnamed: Vec<String>,
    /// Whether a move failed after the last success that may have been this one: its records do not say between whom.
    pub in_doubt: bool,
    /// What the logs of source and target hold.
    pub ends: Vec<EndReport>,
}

/// A change from which on a pair is looked at.
#[derive(Debug, Serialize)]
pub struct SinceChange {
    /// Its id.
    pub id: String,
    /// What it was.
    pub summary: String,
}

/// An attempt and its time.
#[derive(Debug, Serialize)]
pub struct Seen {
    /// Its id, as `analyze` numbers it.
    pub attempt: String,
    /// Its time.
    pub time: String,
}

/// What is there of one end's Hyper-V logs.
#[derive(Debug, Serialize)]
pub struct EndReport {
    /// The end.
    pub host: String,
    /// The first record; `null` where no log of Hyper-V is there.
    pub from: Option<String>,
    /// The last record of any of its logs.
    pub to: Option<String>,
    /// Whether that reaches as far as the pair's state rests on it.
    pub enough: bool,
    /// Why it does not.
    pub lacks: Option<&'static str>,
}

/// A failure and what explains it.
#[derive(Debug, Serialize)]
pub struct FailureReport {
    /// The attempt.
    pub attempt: AttemptReport,
    /// Whether a rule explains it.
    pub explained: bool,
    /// The class of its errors.
    pub class: Class,
    /// The cause that explains it.
    pub cause: Option<Cause>,
    /// How sure that is.
    pub level: Option<Level>,
    /// The rule that says so.
    pub rule: Option<String>,
}

/// Tests that are owed from one source.
#[derive(Debug, Serialize)]
pub struct TestReport {
    /// What to do.
    pub title: String,
    /// The source.
    pub host: String,
    /// The targets.
    pub targets: Vec<String>,
    /// The rights that it needs.
    pub rights: String,
    /// The test, in PowerShell.
    pub command: String,
    /// The same by hand.
    pub clicks: Vec<String>,
    /// Shows that it worked.
    pub verify: String,
}

/// Writes the report of a validation.
#[must_use]
pub fn build(
    name: &str,
    evidence: &Evidence,
    incident: &Incident,
    validation: &Validation<'_>,
    fixed_at: Option<jiff::Timestamp>,
    knowledge: &Knowledge,
) -> ValidateReport {
    let builder = Builder { evidence, incident, validation, knowledge };
    let own = |index: usize| Some(attempt(index, incident.attempts.get(index)?, evidence, knowledge));
    ValidateReport {
        schema_version: SCHEMA_VERSION,
        command: "validate",
        tool: Tool::with(knowledge),
        bundle: bundle(name, evidence),
        fixed_at: fixed_at.map(text),
        outcome: validation.pairs.iter().map(|own| own.state).min(),
        summary: builder.summary(),
        hosts: known_hosts(evidence, incident),
        pairs: builder.each(|pair, own| builder.pair(pair, own)),
        failures: validation.failures.iter().filter_map(|failed| builder.failure(failed)).collect(),
        unnamed: validation.unnamed.iter().filter_map(|index| own(*index)).collect(),
        tests: builder.tests(knowledge),
        gaps: builder.gaps(knowledge),
    }
}

struct Builder<'a> {
    evidence: &'a Evidence,
    incident: &'a Incident,
    validation: &'a Validation<'a>,
    knowledge: &'a Knowledge,
}

impl Builder<'_> {
    fn name(&self, host: HostId) -> String {
        self.evidence.hosts.name(host).to_owned()
    }

    fn each<T>(&self, of: impl Fn(&Pair, &Validated<'_>) -> T) -> Vec<T> {
        self.incident.pairs.iter().zip(&self.validation.pairs).map(|(pair, own)| of(pair, own)).collect()
    }

    fn summary(&self) -> String {
        let count = |state| self.validation.pairs.iter().filter(|own| own.state == state).count();
        let all = self.validation.pairs.len();
        if all == 0 {
            return "No pair of hosts is seen in these logs; add the Hyper-V logs of both hosts.".into();
        }
        let parts = [
            (count(PairState::Failing), "failing"),
            (count(PairState::Unseen), "not to be seen, for the logs do not reach"),
            (count(PairState::Owed), "owing a test"),
        ];
        let parts =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
        let rest = parts.collect::<Vec<_>>().join(", ");
        let rest = if rest.is_empty() { String::new() } else { format!("; {rest}") };
        let unexplained = self.validation.failures.iter().filter(|failed| failed.by.is_none()).count();
        let open = match unexplained {
            0 => String::new(),
            1 => " 1 failure since is not explained.".to_owned(),
            several => format!(" {several} failures since are not explained."),
        };
        format!("{} of {all} ordered pairs proven{rest}.{open}", count(PairState::Proven))
    }

    fn pair(&self, pair: &Pair, own: &Validated<'_>) -> ValidatedPair {
        let last = |all: &[usize]| {
            let attempts = all.iter().filter_map(|index| Some((*index, self.incident.attempts.get(*index)?)));
            let last = attempts.max_by_key(|(_, attempt)| attempt.time)?;
            Some(Seen { attempt: attempt_id(last.0), time: text(last.1.time) })
        };
        ValidatedPair {
            source: self.name(pair.source),
            target: self.name(pair.target),
            state: own.state,
            since: own.since.at.map(text),
            since_change: own.since.by.map(|change| SinceChange {
                id: change.id.clone(),
                summary: super::words::change(change, self.evidence),
            }),
            succeeded: own.succeeded.len(),
            failed: own.failed.len(),
            last_success: last(&own.succeeded),
            last_failure: last(&own.failed),
            unnamed: own.unnamed.iter().map(|index| attempt_id(*index)).collect(),
            in_doubt: own.in_doubt,
            ends: own.ends.iter().map(|end| self.end(end)).collect(),
        }
    }

    fn end(&self, end: &Reviewed) -> EndReport {
        let lacks = match end {
            end if end.is_enough => None,
            Reviewed { from: None, .. } => Some("no log of Hyper-V is there"),
            Reviewed { is_local: true, .. } => Some("its times have no zone"),
            Reviewed { has_hole: true, .. } => Some("records are missing since then"),
            Reviewed { lacks_cluster_log: true, .. } => {
                Some("the log of the cluster's machines (Hyper-V-High-Availability) is not there")
            }
            _ => Some("its logs end before; its System log would show that it was only quiet"),
        };
        EndReport {
            host: self.name(end.host),
            from: end.from.map(text),
            to: end.to.map(text),
            enough: end.is_enough,
            lacks,
        }
    }

    fn failure(&self, failed: &Failed<'_>) -> Option<FailureReport> {
        let own = self.incident.attempts.get(failed.attempt)?;
        Some(FailureReport {
            attempt: attempt(failed.attempt, own, self.evidence, self.knowledge),
            explained: failed.by.is_some(),
            class: own.class,
            cause: failed.by.map(|judgement| judgement.cause),
            level: failed.by.map(|judgement| judgement.level),
            rule: failed.by.and_then(|judgement| judgement.rule).map(|rule| rule.id.clone()),
        })
    }

    /// The tests of every pair that is not proven, by source.
    fn tests(&self, knowledge: &Knowledge) -> Vec<TestReport> {
        let mut owed: BTreeMap<String, (HostId, Vec<HostId>)> = BTreeMap::new();
        let all = self.incident.pairs.iter().zip(&self.validation.pairs);
        for (pair, _) in all.filter(|(_, own)| own.state != PairState::Proven) {
            let targets = owed.entry(self.name(pair.source)).or_insert((pair.source, Vec::new()));
            targets.1.push(pair.target);
        }
        let test = |step: Step, host: HostId| TestReport {
            title: step.title,
            host: self.name(host),
            targets: step.targets.iter().map(|target| self.name(*target)).collect(),
            rights: step.rights,
            command: step.command,
            clicks: step.clicks,
            verify: step.verify,
        };
        let step = |(host, targets): (HostId, Vec<HostId>)| {
            test_migration(host, &targets, self.evidence, knowledge).map(|step| test(step, host))
        };
        owed.into_values().filter_map(step).collect()
    }

    /// The logs of ends that do not reach.
    fn gaps(&self, knowledge: &Knowledge) -> Vec<GapReport> {
        let unseen = self.validation.pairs.iter().filter(|own| own.state == PairState::Unseen);
        let ends = unseen.flat_map(|own| &own.ends).filter(|end| !end.is_enough);
        let hosts: BTreeSet<String> = ends.map(|end| self.name(end.host)).collect();
        let Some(piece) = knowledge.gaps.piece("hyperv-log") else { return Vec::new() };
        let gap = |host: String| {
            GapReport {
            id: format!("{}:{host}", piece.id),
            hosts: vec![host],
            matters_for: Vec::new(),
            why: "the Hyper-V logs of this host do not reach the time in question, so its end of the migrations was not seen".into(),
            collect: piece.collect.clone(),
        }
        };
        hosts.into_iter().map(gap).collect()
    }
}
