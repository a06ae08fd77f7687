//! From what happened to what broke: rules, findings, competing causes, verdict, gaps.
//!
//! What is *not* done here: fixing (see [`crate::plan`]) and wording for people (see [`crate::report`]).

use std::collections::{BTreeMap, BTreeSet};

use crate::evidence::{Evidence, FactId, HostId};
use crate::incident::{Change, Incident, Outcome, Pair};
use crate::knowledge::{Cause, Knowledge, Rule};

mod cases;
mod audit;
mod drift;
mod facts;
mod gaps;
mod judge;
mod onset;
mod requests;
mod seen;
mod stale;
mod validate;
mod weigh;

pub use audit::{Audit, Basis, Outlook, Phased, Reason, State, audit, credential_guard_from, lacks_aes};
pub use cases::{Deviation, deviation};
pub use drift::{Aspect, Attribute, Drift, Drifted, Edit, Ends, Fate, Moved, Shift, Side, Untold, drift};
pub use facts::{PairFacts, Stated};
pub use gaps::Gap;
pub use judge::{Answer, Outcome as RuleOutcome, ask_case, in_question, judge};
pub use onset::{Estimate, Onset, Placed, Relation, Strength, Tally};
pub use requests::{Request, requests};
pub use stale::{Stale, StaleKind, misplaced_names, stale};
pub use validate::{Failed, PairState, Reviewed, Since, Validated, Validation, validate};
pub use weigh::Level;

use seen::Seen;

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
    /// Where the failure rate of the verdict's pairs rose.
    pub estimate: Option<Estimate>,
    /// The same for each pair with failures, by index.
    pub pair_estimates: BTreeMap<usize, Estimate>,
    /// Every change with its place.
    pub changes: Vec<Placed<'a>>,
    /// What is missing, and how to collect it.
    pub gaps: Vec<Gap>,
}

/// Judges an incident.
#[must_use]
pub fn diagnose<'a>(incident: &'a Incident, evidence: &Evidence, knowledge: &'a Knowledge) -> Diagnosis<'a> {
    let asked = in_question(&incident.pairs, incident);
    let answers = judge(&knowledge.rules, asked, &incident.pairs, incident, evidence, &evidence.directory);
    let findings = gather(&answers, incident, evidence);
    let candidates = weigh::candidates(weigh::claims(&answers, &incident.pairs, incident, &knowledge.rules));
    let confidences = weigh::confidences(&candidates, incident);
    let mut judgements = judgements(&candidates, incident).into_iter();
    let (mut verdict, also, confidences) = match unbroken(&answers, incident, evidence, knowledge) {
        Some(verdict) if candidates.is_empty() => {
            // Of a host that nothing in the bundle names nobody knows, and what will fail is only foreseen.
            let sure = match verdict.level {
                Level::Healthy => Some(19.0),
                Level::Latent => Some(8.0),
                _ => None,
            };
            let confidences = match sure {
                Some(sure) => weigh::to_hundredths(vec![(verdict.cause, sure), (Cause::undetermined(), 1.0)]),
                None => vec![(verdict.cause, 1.0)],
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
    if verdict.level == Level::Confirmed && weigh::has_good_rival(&candidates) {
        verdict.level = Level::Probable;
    }
    let hypotheses = hypotheses(confidences, &findings);
    let onset = onset::onset(&verdict, incident);
    let changes: Vec<_> =
        incident.changes.iter().map(|change| onset::place(change, onset, &verdict, incident)).collect();
    let changes = onset::judged(changes, &verdict, incident, evidence, knowledge);
    let estimate = onset::of_judgement(&verdict, incident, evidence);
    let pair_estimates = onset::of_pairs(std::iter::once(&verdict).chain(&also), incident, evidence);
    let trigger = onset::trigger_of(&changes, &verdict, incident);
    let gaps = gaps::gaps(&findings, &verdict, onset, incident, evidence, &knowledge.gaps);
    Diagnosis {
        findings,
        verdict,
        confidence,
        trigger,
        also,
        hypotheses,
        onset,
        estimate,
        pair_estimates,
        changes,
        gaps,
    }
}

/// One finding a rule and outcome, its pairs together.
fn gather<'a>(answers: &[Answer<'a>], incident: &Incident, evidence: &Evidence) -> Vec<Finding<'a>> {
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
        add_new(&mut finding.missing, &answer.missing);
        add_new(&mut finding.because, &answer.because);
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
    let mut seen = Seen::new(evidence);
    for finding in &mut findings {
        seen.dedup(&mut finding.proof);
    }
    findings
}

/// Thousands of pairs lack the same facts.
fn add_new(known: &mut BTreeSet<String>, names: &[String]) {
    for name in names {
        if !known.contains(name) {
            known.insert(name.clone());
        }
    }
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
    evidence: &Evidence,
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
    // Where machines move, or moved outside of what is looked at, the configuration does not fail as it stands.
    let moved = !incident.attempts.is_empty();
    let will_fail =
        |index: usize| incident.pairs.get(index).is_some_and(|pair| !incident.works_as_it_is(pair, evidence));
    let latent = answers.iter().filter(hit).filter(|answer| {
        !moved && answer.rule.cause.is_fault() && answer.required && answer.pair.is_some_and(will_fail)
    });
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
