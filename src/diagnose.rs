//! From what happened to what broke: rules, findings, competing causes, verdict, gaps.
//!
//! What is *not* done here: fixing (see [`crate::plan`]) and wording for people (see [`crate::report`]).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::evidence::{Evidence, FactId, HostId};
use crate::incident::{Attempt, Change, Hits, Incident, Outcome, Pair, When, trigger};
use crate::knowledge::{Cause, Knowledge, Rule};

mod facts;
mod gaps;
mod judge;
mod requests;
mod weigh;

pub use facts::{PairFacts, Stated};
pub use gaps::Gap;
pub use judge::{Answer, Outcome as RuleOutcome, ask_case, judge};
pub use requests::{Request, requests};
pub use weigh::Level;

/// One rule's outcome over all pairs for which it is the same.
#[derive(Debug, Clone)]
pub struct Finding<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// The outcome.
    pub outcome: RuleOutcome,
    /// The pairs, by index.
    pub pairs: BTreeSet<usize>,
    /// Unknown facts that keep it from saying more.
    pub missing: BTreeSet<String>,
    /// For a rule that was ruled out: the facts that exclude it.
    pub because: BTreeSet<String>,
    /// The records behind it.
    pub proof: Vec<FactId>,
}

/// A cause with its level and the pairs it stands for.
#[derive(Debug, Clone)]
pub struct Judgement<'a> {
    /// The cause.
    pub cause: Cause,
    /// How sure.
    pub level: Level,
    /// Its pairs, as source and target.
    pub pairs: Vec<(HostId, HostId)>,
    /// The rule that speaks for it.
    pub rule: Option<&'a Rule>,
    /// The failures that it explains, by index.
    pub attempts: BTreeSet<usize>,
}

/// A cause that was considered.
#[derive(Debug, Clone)]
pub struct Hypothesis {
    /// The cause.
    pub cause: Cause,
    /// The probability that it is right.
    pub confidence: f64,
    /// Findings for it, by index.
    pub supports: Vec<usize>,
    /// Findings against it.
    pub contradicts: Vec<usize>,
}

/// The bracket in which the fault set in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Onset {
    /// The last success before the first failure.
    pub last_success: Option<Timestamp>,
    /// The first failure that the verdict explains.
    pub first_failure: Option<Timestamp>,
}

/// Where a change stands to the onset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// Between the last success and the first failure.
    InBracket,
    /// Before the last success, or before the first failure where no success is seen.
    Before,
    /// After the first failure.
    After,
}

/// Why a change is thought to matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// A documented mechanism leads from it to the fault.
    Mechanism,
    /// It merely stands there in time.
    Timing,
}

/// A change and its place.
#[derive(Debug, Clone, Copy)]
pub struct Placed<'a> {
    /// The change.
    pub change: &'a Change,
    /// Its place; `None` where no failure gives an onset, or its own time is not known.
    pub relation: Option<Relation>,
    /// Why it may matter.
    pub strength: Strength,
}

/// What broke, how sure that is, and what speaks for and against it.
#[derive(Debug)]
pub struct Diagnosis<'a> {
    /// Findings, by rule and outcome.
    pub findings: Vec<Finding<'a>>,
    /// The verdict.
    pub verdict: Judgement<'a>,
    /// Its probability.
    pub confidence: f64,
    /// The change that set it off.
    pub trigger: Option<&'a Change>,
    /// Other causes with failures of their own.
    pub also: Vec<Judgement<'a>>,
    /// Every cause considered, the likeliest first.
    pub hypotheses: Vec<Hypothesis>,
    /// The onset.
    pub onset: Onset,
    /// Every change with its place.
    pub changes: Vec<Placed<'a>>,
    /// What is missing, and how to collect it.
    pub gaps: Vec<Gap>,
}

/// Judges an incident.
#[must_use]
pub fn diagnose<'a>(incident: &'a Incident, evidence: &Evidence, knowledge: &'a Knowledge) -> Diagnosis<'a> {
    let answers = judge(&knowledge.rules, &incident.pairs, incident, evidence, &evidence.directory);
    let findings = gather(&answers, incident);
    let candidates = weigh::candidates(weigh::claims(&answers, &incident.pairs, incident, &knowledge.rules));
    let confidences = weigh::confidences(&candidates, incident);
    let mut judgements = judgements(&candidates, incident).into_iter();
    let (verdict, also, confidences) = match unbroken(&answers, incident, knowledge) {
        Some(verdict) if candidates.is_empty() => {
            let sure = [(verdict.cause, 30.0), (Cause::undetermined(), 1.0)];
            let confidences = if verdict.cause == Cause::undetermined() {
                vec![(verdict.cause, 1.0)]
            } else {
                weigh::to_hundredths(sure.to_vec())
            };
            (verdict, Vec::new(), confidences)
        }
        _ => {
            let verdict = judgements.next().unwrap_or_else(|| undetermined(incident));
            (verdict, judgements.collect(), confidences)
        }
    };
    let confidence = confidences
        .iter()
        .find(|(cause, _)| *cause == verdict.cause)
        .map_or(0.0, |(_, confidence)| *confidence);
    let hypotheses = hypotheses(confidences, &findings);
    let onset = onset(&verdict, incident);
    let changes: Vec<_> = incident.changes.iter().map(|change| place(change, onset, &verdict)).collect();
    let trigger = trigger_of(&changes, &verdict, incident);
    let gaps = gaps::gaps(&findings, &verdict, onset, incident, evidence, &knowledge.gaps);
    Diagnosis { findings, verdict, confidence, trigger, also, hypotheses, onset, changes, gaps }
}

/// One finding a rule and outcome, its pairs together.
fn gather<'a>(answers: &[Answer<'a>], incident: &Incident) -> Vec<Finding<'a>> {
    let mut findings: BTreeMap<(&str, RuleOutcome), Finding<'a>> = BTreeMap::new();
    for answer in answers {
        let fresh = || Finding {
            rule: answer.rule,
            outcome: answer.outcome,
            pairs: BTreeSet::new(),
            missing: BTreeSet::new(),
            because: BTreeSet::new(),
            proof: Vec::new(),
        };
        let finding = findings.entry((answer.rule.id.as_str(), answer.outcome)).or_insert_with(fresh);
        finding.pairs.extend(answer.pair);
        finding.missing.extend(answer.missing.iter().cloned());
        finding.because.extend(answer.because.iter().cloned());
        finding.proof.extend(&answer.proof);
        if answer.outcome == RuleOutcome::Hit
            && let Some(pair) = answer.pair.and_then(|index| incident.pairs.get(index))
        {
            let own =
                incident.failures(pair).filter(|(_, attempt)| answer.rule.classes.contains(&attempt.class));
            finding.proof.extend(own.flat_map(|(_, attempt)| attempt.telling.iter().copied()));
        }
    }
    let mut findings: Vec<_> = findings.into_values().collect();
    for finding in &mut findings {
        let mut seen = BTreeSet::new();
        finding.proof.retain(|fact| seen.insert(*fact));
    }
    findings
}

/// Candidates as judgements: the pairs of the best support first, weaker pairs of the same cause behind.
fn judgements<'a>(candidates: &[weigh::Candidate<'a>], incident: &Incident) -> Vec<Judgement<'a>> {
    let mut judgements = Vec::new();
    let mut spoken: BTreeSet<usize> = BTreeSet::new();
    // What only ambiguous failures of an unknown condition speak for is a hypothesis, no verdict.
    for candidate in candidates.iter().filter(|candidate| candidate.support > weigh::Support::Weak) {
        let best = candidate.pairs();
        let attempts: BTreeSet<usize> =
            candidate.best().flat_map(|claim| claim.attempts.iter().copied()).collect();
        // A cause that explains nothing of its own is a hypothesis, not a second fault.
        if !judgements.is_empty()
            && (attempts.is_subset(&spoken) || candidate.support < weigh::Support::Possible)
        {
            continue;
        }
        spoken.extend(&candidate.explained);
        judgements.push(Judgement {
            cause: candidate.cause,
            level: candidate.support.level(),
            pairs: named(&best, incident),
            rule: candidate.rule(),
            attempts,
        });
        let weaker: Vec<_> = candidate
            .claims
            .iter()
            .filter(|claim| claim.support < candidate.support && claim.support > weigh::Support::Weak)
            .collect();
        let rest: BTreeSet<usize> =
            weaker.iter().filter_map(|claim| claim.pair).filter(|pair| !best.contains(pair)).collect();
        if let Some(strongest) = weaker
            .iter()
            .filter(|claim| claim.pair.is_some_and(|pair| rest.contains(&pair)))
            .max_by_key(|claim| claim.support)
        {
            let attempts = weaker.iter().flat_map(|claim| claim.attempts.iter().copied()).collect();
            judgements.push(Judgement {
                cause: candidate.cause,
                level: strongest.support.level(),
                pairs: named(&rest, incident),
                rule: Some(strongest.rule),
                attempts,
            });
        }
    }
    // The verdict is the first candidate; what follows it stands by weight already.
    judgements
}

fn named(pairs: &BTreeSet<usize>, incident: &Incident) -> Vec<(HostId, HostId)> {
    pairs
        .iter()
        .filter_map(|index| incident.pairs.get(*index))
        .map(|pair| (pair.source, pair.target))
        .collect()
}

fn undetermined<'a>(incident: &Incident) -> Judgement<'a> {
    let failed = |pair: &&Pair| incident.failures(pair).next().is_some();
    let pairs = incident.pairs.iter().filter(failed).map(|pair| (pair.source, pair.target)).collect();
    let attempts = incident
        .attempts
        .iter()
        .enumerate()
        .filter(|(_, attempt)| attempt.outcome == Outcome::Failed)
        .map(|(index, _)| index)
        .collect();
    Judgement { cause: Cause::undetermined(), level: Level::Inconclusive, pairs, rule: None, attempts }
}

/// The verdict where nothing failed: healthy, latent, or nothing to say. `None` where something failed.
fn unbroken<'a>(
    answers: &[Answer<'a>],
    incident: &Incident,
    knowledge: &'a Knowledge,
) -> Option<Judgement<'a>> {
    if incident.attempts.iter().any(|attempt| attempt.outcome == Outcome::Failed) {
        return None;
    }
    let judgement = |cause, level, pairs: BTreeSet<usize>, rule| Judgement {
        cause,
        level,
        pairs: named(&pairs, incident),
        rule,
        attempts: BTreeSet::new(),
    };
    let hit = |answer: &&Answer<'a>| answer.outcome == RuleOutcome::Hit;
    if let Some(healthy) = answers.iter().filter(hit).find(|answer| answer.rule.cause == Cause::healthy()) {
        return Some(judgement(Cause::healthy(), Level::Healthy, BTreeSet::new(), Some(healthy.rule)));
    }
    // Where machines move, the configuration does not fail as it stands.
    let moved = !incident.attempts.is_empty();
    let latent = answers
        .iter()
        .filter(hit)
        .filter(|answer| !moved && answer.rule.cause.is_fault() && answer.required && answer.pair.is_some());
    let rule = latent.clone().map(|answer| answer.rule).min_by_key(|rule| rule.cause);
    if let Some(rule) = rule {
        let pairs = latent
            .filter(|answer| answer.rule.cause == rule.cause)
            .filter_map(|answer| answer.pair)
            .collect();
        return Some(judgement(rule.cause, Level::Latent, pairs, Some(rule)));
    }
    let rule = knowledge.rules.iter().find(|rule| rule.cause == Cause::undetermined());
    Some(judgement(Cause::undetermined(), Level::Inconclusive, BTreeSet::new(), rule))
}

/// Every cause with a weight, and those that the rules excluded.
fn hypotheses(confidences: Vec<(Cause, f64)>, findings: &[Finding<'_>]) -> Vec<Hypothesis> {
    let mut all: BTreeMap<Cause, f64> = findings
        .iter()
        .filter(|finding| finding.rule.cause.is_fault())
        .map(|finding| (finding.rule.cause, 0.0))
        .collect();
    all.extend(confidences);
    let about = |cause: Cause, outcome: RuleOutcome| {
        findings
            .iter()
            .enumerate()
            .filter(move |(_, finding)| finding.rule.cause == cause && finding.outcome == outcome)
            .map(|(index, _)| index)
            .collect::<Vec<_>>()
    };
    let hypothesis = |(cause, confidence)| Hypothesis {
        cause,
        confidence,
        supports: about(cause, RuleOutcome::Hit),
        contradicts: about(cause, RuleOutcome::RuledOut),
    };
    let mut hypotheses: Vec<_> = all.into_iter().map(hypothesis).collect();
    hypotheses.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(a.cause.cmp(&b.cause)));
    hypotheses
}

/// First failure that the verdict explains, and the last success before it: on its pairs, else of its sources. Local
/// times of an unknown zone bracket nothing.
fn onset(verdict: &Judgement<'_>, incident: &Incident) -> Onset {
    let mut ends = verdict.pairs.iter().flat_map(|(source, target)| [source, target]);
    if ends.any(|end| incident.local_times.contains(end)) {
        return Onset::default();
    }
    let first_failure = verdict
        .attempts
        .iter()
        .filter_map(|index| incident.attempts.get(*index))
        .map(|attempt| attempt.time)
        .min();
    let Some(first) = first_failure else { return Onset::default() };
    let before = |keep: &dyn Fn(&Attempt) -> bool| {
        incident
            .attempts
            .iter()
            .filter(|attempt| attempt.outcome == Outcome::Succeeded && attempt.time < first && keep(attempt))
            .map(|attempt| attempt.time)
            .max()
    };
    let on_pairs = |attempt: &Attempt| {
        attempt.source.zip(attempt.target).is_some_and(|pair| verdict.pairs.contains(&pair))
    };
    let of_sources =
        |attempt: &Attempt| verdict.pairs.iter().any(|(source, _)| attempt.source == Some(*source));
    Onset { last_success: before(&on_pairs).or_else(|| before(&of_sources)), first_failure }
}

/// The change with a mechanism that lies in the bracket: of several the last on an end of the first failure.
fn trigger_of<'a>(
    changes: &[Placed<'a>],
    verdict: &Judgement<'_>,
    incident: &Incident,
) -> Option<&'a Change> {
    let attempts = verdict.attempts.iter().filter_map(|index| incident.attempts.get(*index));
    let first = attempts.min_by_key(|attempt| attempt.time)?;
    let fits = |placed: &&Placed<'_>| {
        placed.relation == Some(Relation::InBracket) && placed.strength == Strength::Mechanism
    };
    let of =
        |host: Option<HostId>| changes.iter().rev().filter(fits).find(|placed| placed.change.host == host);
    let last = || changes.iter().rev().find(fits);
    of(first.source).or_else(|| of(first.target)).or_else(last).map(|placed| placed.change)
}

fn place<'a>(change: &'a Change, onset: Onset, verdict: &Judgement<'_>) -> Placed<'a> {
    let relation = onset
        .first_failure
        .zip(change.effective)
        .map(|(first, when)| relation(when, onset.last_success, first));
    let hit = |hits: Hits, host: HostId| {
        verdict.pairs.iter().any(|(source, target)| match hits {
            Hits::Source => host == *source && change.concerns(*target),
            Hits::Target => host == *target,
            Hits::Either => host == *source || host == *target,
        })
    };
    let triggers = verdict.rule.map_or(&[][..], |rule| rule.triggers.as_slice()).iter();
    let mut fitting = triggers.filter(|name| change.sets_off(name)).filter_map(|name| trigger(name));
    let mechanism = fitting.any(|hits| change.host.is_some_and(|host| hit(hits, host)));
    Placed { change, relation, strength: if mechanism { Strength::Mechanism } else { Strength::Timing } }
}

fn relation(when: When, last_success: Option<Timestamp>, first_failure: Timestamp) -> Relation {
    let (earliest, latest) = when.span();
    match last_success {
        _ if earliest > first_failure => Relation::After,
        Some(success) if latest >= success => Relation::InBracket,
        _ => Relation::Before,
    }
}
