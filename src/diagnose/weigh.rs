//! Competing causes: how well each explains the failures, and which verdict that allows.
//!
//! The levels are the contract's. Confidences are shares of weights by kind of support, fitted to simulated incidents;
//! `docs/accuracy.md` says how well stated and true agree there.

use std::collections::{BTreeMap, BTreeSet};

use super::judge::{Answer, Outcome as Says};
use crate::incident::{Attempt, Incident, Outcome, Pair};
use crate::knowledge::{Cause, Proof, Rule, Weight};

/// How sure a verdict is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// The evidence cannot decide.
    Inconclusive,
    /// Consistent, by ambiguous evidence only.
    Possible,
    /// Failures of the cause's class or proof of its condition, the other not contradicted.
    Probable,
    /// Failures of the cause's class and independent proof, and no rival.
    Confirmed,
    /// No failure seen, and the configuration will fail.
    Latent,
    /// Migrations seen, none failing, every need met.
    Healthy,
}

/// How well a rule explains a pair's failures. Ordered from weakest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Support {
    /// Ambiguous failures, condition unknown.
    Weak,
    /// Ambiguous failures, condition holds.
    Possible,
    /// Failures of the class; the condition, what it requires and its rivals are unknown.
    Open,
    /// Failures of the class, what it requires holds, condition unknown, rivals of the class not excluded.
    Symptom,
    /// As [`Self::Supported`] where the condition holds, but a rival of the class is not excluded.
    Likely,
    /// Failures of the class, condition unknown, rivals excluded; or it holds and something required is unknown.
    Supported,
    /// Failures of the class, condition proven.
    Proven,
}

/// What is left for what nobody thought of, beside the weights of support; and where failures stay unexplained.
const UNDETERMINED: f64 = 0.4;
const UNEXPLAINED: f64 = 4.0;
/// The most that anything is stated with.
const CERTAIN: f64 = 0.99;
/// Short of proof nothing is stated with nine tenths, however well it does in simulated incidents: the field knows
/// more causes than they do.
const UNPROVEN: f64 = 0.89;

impl Support {
    /// Fitted to simulated incidents of known truth (`kcdoctor simulate`), so that what is stated is about how often it
    /// is right.
    fn weight(self) -> f64 {
        match self {
            Self::Weak => 0.5,
            Self::Possible => 1.2,
            Self::Open => 1.0,
            Self::Symptom => 3.0,
            Self::Likely => 2.0,
            Self::Supported => 16.0,
            Self::Proven => 200.0,
        }
    }

    pub(super) fn level(self) -> Level {
        match self {
            Self::Weak | Self::Open => Level::Inconclusive,
            Self::Possible | Self::Symptom => Level::Possible,
            Self::Likely | Self::Supported => Level::Probable,
            Self::Proven => Level::Confirmed,
        }
    }
}

/// One cause's claim on one pair.
#[derive(Debug, Clone)]
pub(super) struct Claim<'a> {
    pub(super) rule: &'a Rule,
    /// `None` for failures whose target is not known.
    pub(super) pair: Option<usize>,
    pub(super) support: Support,
    /// The attempts it explains, by index.
    pub(super) attempts: Vec<usize>,
}

/// Every claim that rules have on failures.
pub(super) fn claims<'a>(
    answers: &[Answer<'a>],
    pairs: &[Pair],
    incident: &Incident,
    rules: &'a [Rule],
) -> Vec<Claim<'a>> {
    let mut by_pair: BTreeMap<usize, Vec<&Answer<'a>>> = BTreeMap::new();
    let is_open = |answer: &&Answer<'_>| answer.rule.cause.is_fault() && answer.outcome != Says::RuledOut;
    for answer in answers.iter().filter(is_open) {
        if let Some(pair) = answer.pair {
            by_pair.entry(pair).or_default().push(answer);
        }
    }
    let of_pair = |(index, answers): (&usize, &Vec<&Answer<'a>>)| {
        let failures: Vec<_> = incident.failures(pairs.get(*index)?).collect();
        let claims = answers.iter().filter_map(|answer| claim(answer, *index, &failures, incident, answers));
        Some(claims.collect::<Vec<_>>())
    };
    let mut claims: Vec<_> = by_pair.iter().filter_map(of_pair).flatten().collect();
    doubt_rivals(&mut claims);
    let open = incident.attempts.iter().enumerate().filter(|(_, attempt)| {
        attempt.outcome == Outcome::Failed && (attempt.target.is_none() || attempt.source.is_none())
    });
    let open: Vec<_> = open.collect();
    claims.extend(rules.iter().filter_map(|rule| unplaced(rule, &open)));
    claims
}

/// Of two causes that are proven for the same failures neither is sure.
fn doubt_rivals(claims: &mut [Claim<'_>]) {
    // The only cause that is proven for an attempt; `None` where there are several.
    let mut proven: BTreeMap<usize, Option<Cause>> = BTreeMap::new();
    for claim in claims.iter().filter(|claim| claim.support == Support::Proven) {
        let cause = Some(claim.rule.cause);
        for attempt in &claim.attempts {
            let only = proven.entry(*attempt).or_insert(cause);
            if *only != cause {
                *only = None;
            }
        }
    }
    for claim in claims.iter_mut().filter(|claim| claim.support == Support::Proven) {
        let alone = |attempt: &usize| proven.get(attempt).is_some_and(Option::is_some);
        if !claim.attempts.iter().any(alone) {
            claim.support = Support::Supported;
        }
    }
}

fn claim<'a>(
    answer: &Answer<'a>,
    index: usize,
    failures: &[(usize, &Attempt)],
    incident: &Incident,
    others: &[&Answer<'a>],
) -> Option<Claim<'a>> {
    let rule = answer.rule;
    let of = |pick: &dyn Fn(&Attempt) -> bool| {
        failures.iter().filter(|(_, attempt)| pick(attempt)).map(|(index, _)| *index).collect::<Vec<_>>()
    };
    let own = of(&|attempt| is_own(rule, attempt));
    let faint = of(&|attempt| {
        rule.classes.contains(&attempt.class) && !is_own(rule, attempt)
            || rule.ambiguous.contains(&attempt.class)
    });
    let support = match (answer.outcome, rule.proof, own.is_empty(), faint.is_empty()) {
        (Says::RuledOut, ..) | (_, _, true, true) => return None,
        (Says::Hit, Proof::Component, _, _) => component(answer, &own, &faint, incident, others),
        (Says::Inconclusive, Proof::Component, ..) => Support::Weak,
        (Says::Inconclusive, ..) if rule.rare => Support::Weak,
        (Says::Hit, Proof::Independent, false, _)
            if answer.required && !rule.tentative && placed(&own, incident) =>
        {
            Support::Proven
        }
        // What is tentative lacks nothing that could be had.
        (Says::Hit, Proof::Independent, false, _)
            if !answer.required && !rule.tentative && has_rival(answer, others) =>
        {
            Support::Likely
        }
        (Says::Hit, Proof::Independent, false, _) => Support::Supported,
        (Says::Inconclusive, Proof::Independent, false, _) if has_rival(answer, others) => {
            if answer.required { Support::Symptom } else { Support::Open }
        }
        (Says::Inconclusive, Proof::Independent, false, _) if has_rare_rival(answer, others) => {
            if answer.required { Support::Likely } else { Support::Open }
        }
        (Says::Inconclusive, Proof::Independent, false, _) => Support::Supported,
        (Says::Hit, Proof::Independent, true, _) => Support::Possible,
        (Says::Inconclusive, Proof::Independent, true, _) => Support::Weak,
    };
    // A broken connection beside failures that name the class is one of them.
    let of_class = of(&|attempt| rule.classes.contains(&attempt.class));
    let attempts = if of_class.is_empty() { faint } else { of_class };
    Some(Claim { rule, pair: Some(index), support, attempts })
}

/// A failure that names a class of the rule by itself. A broken connection names a component's class only by
/// consequence, so it is faint.
fn is_own(rule: &Rule, attempt: &Attempt) -> bool {
    rule.classes.contains(&attempt.class) && attempt.weight == Weight::Specific
}

/// Whether records state both ends of the failures.
fn placed(attempts: &[usize], incident: &Incident) -> bool {
    attempts.iter().filter_map(|index| incident.attempts.get(*index)).any(|attempt| attempt.direction_proven)
}

/// What a component says of itself counts double-sourced; a mere consequence counts when it is corroborated.
fn component(
    answer: &Answer<'_>,
    own: &[usize],
    faint: &[usize],
    incident: &Incident,
    others: &[&Answer<'_>],
) -> Support {
    let attempts = || own.iter().filter_map(|index| incident.attempts.get(*index));
    let witnessed =
        attempts().any(|attempt| attempt.witnesses_of(&answer.rule.classes, answer.rule.echoes) >= 2);
    match (own.is_empty(), answer.corroborated) {
        (true, true) if placed(faint, incident) && is_secondary(answer.rule, faint, incident) => {
            Support::Proven
        }
        (false, true) if placed(own, incident) => Support::Proven,
        (false, false) if witnessed && placed(own, incident) => Support::Proven,
        (false, _) if has_rival(answer, others) => Support::Likely,
        (false, _) => Support::Supported,
        (true, _) => Support::Possible,
    }
}

/// Whether a failure is a known consequence, a broken connection: corroborated, that is as good as the cause's own
/// words. An ambiguous code is not.
fn is_secondary(rule: &Rule, attempts: &[usize], incident: &Incident) -> bool {
    let mut faint = attempts.iter().filter_map(|index| incident.attempts.get(*index));
    faint.any(|attempt| attempt.weight == Weight::Secondary && rule.classes.contains(&attempt.class))
}

/// Whether another rule for the same class of failure is not excluded. Of rare ones, which nobody thinks of while their
/// condition is unknown, only one that holds.
fn has_rival(answer: &Answer<'_>, others: &[&Answer<'_>]) -> bool {
    rivals(answer, others).any(|other| other.outcome == Says::Hit || !other.rule.rare)
}

/// The same of rare ones whose condition is unknown: they are seldom, but so is what nothing but its symptom speaks for.
fn has_rare_rival(answer: &Answer<'_>, others: &[&Answer<'_>]) -> bool {
    rivals(answer, others).next().is_some()
}

/// Answers of other causes' rules for the same class of failure that are not excluded.
fn rivals<'a, 'b>(
    answer: &'b Answer<'a>,
    others: &'b [&'b Answer<'a>],
) -> impl Iterator<Item = &'b Answer<'a>> {
    let shares = |other: &Rule| other.classes.iter().any(|class| answer.rule.classes.contains(class));
    let open = |other: &&Answer<'_>| other.rule.cause != answer.rule.cause && other.outcome != Says::RuledOut;
    others.iter().copied().filter(open).filter(move |other| shares(other.rule))
}

/// Failures without a known target: the class speaks for the cause, and nothing is confirmed.
fn unplaced<'a>(rule: &'a Rule, open: &[(usize, &Attempt)]) -> Option<Claim<'a>> {
    let own = open.iter().filter(|(_, attempt)| is_own(rule, attempt));
    let attempts: Vec<_> = own.map(|(index, _)| *index).collect();
    let support = match rule.proof {
        _ if rule.rare => Support::Weak,
        Proof::Component => Support::Supported,
        Proof::Independent => Support::Open,
    };
    (!attempts.is_empty() && rule.cause.is_fault()).then_some(Claim { rule, pair: None, support, attempts })
}

/// A cause with all of its claims.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) cause: Cause,
    pub(super) claims: Vec<Claim<'a>>,
    /// The best claim's support.
    pub(super) support: Support,
    /// Failures of its own class that it explains.
    pub(super) explained: BTreeSet<usize>,
}

impl<'a> Candidate<'a> {
    /// Claims of the best support.
    pub(super) fn best(&self) -> impl Iterator<Item = &Claim<'a>> {
        self.claims.iter().filter(|claim| claim.support == self.support)
    }

    /// The pairs of the best claims, by index, sorted.
    pub(super) fn pairs(&self) -> BTreeSet<usize> {
        self.best().filter_map(|claim| claim.pair).collect()
    }

    /// Attempts of which it is proven.
    fn proven(&self) -> impl Iterator<Item = usize> {
        let claims = self.claims.iter().filter(|claim| claim.support == Support::Proven);
        claims.flat_map(|claim| claim.attempts.iter().copied())
    }

    /// The rule of the best claim.
    pub(super) fn rule(&self) -> Option<&'a Rule> {
        self.best().next().map(|claim| claim.rule)
    }
}

/// Causes, the one that explains most first; ties by proof, then by the vocabulary's order. What only
/// ambiguous failures speak for comes after what failures of its class speak for.
pub(super) fn candidates(claims: Vec<Claim<'_>>) -> Vec<Candidate<'_>> {
    let mut by_cause: BTreeMap<Cause, Vec<Claim<'_>>> = BTreeMap::new();
    for claim in claims {
        by_cause.entry(claim.rule.cause).or_default().push(claim);
    }
    let mut candidates = Vec::new();
    for (cause, claims) in by_cause {
        let support = claims.iter().map(|claim| claim.support).max().unwrap_or(Support::Weak);
        let explained = claims.iter().flat_map(|claim| claim.attempts.iter().copied()).collect();
        candidates.push(Candidate { cause, claims, support, explained });
    }
    let proven: BTreeSet<usize> = candidates.iter().flat_map(Candidate::proven).collect();
    // What only ambiguous failures speak for must not outweigh what failures of its own class do, and what is proven of
    // another cause is nobody else's.
    let own = |candidate: &Candidate<'_>| {
        let strong = candidate.claims.iter().filter(|claim| claim.support >= Support::Open);
        let mut told: BTreeSet<_> = strong.flat_map(|claim| claim.attempts.iter().copied()).collect();
        let own: BTreeSet<_> = candidate.proven().collect();
        told.retain(|attempt| own.contains(attempt) || !proven.contains(attempt));
        told.len()
    };
    let rank = |candidate: &Candidate<'_>| (own(candidate), candidate.support, candidate.explained.len());
    candidates.sort_by(|a, b| rank(b).cmp(&rank(a)).then(a.cause.cmp(&b.cause)));
    candidates
}

/// Whether another cause explains all that the first does nearly as well: its own rule would call it probable.
pub(super) fn has_good_rival(candidates: &[Candidate<'_>]) -> bool {
    let Some((first, others)) = candidates.split_first() else { return false };
    let told = |candidate: &Candidate<'_>| {
        let good = candidate.claims.iter().filter(|claim| claim.support >= Support::Likely);
        good.flat_map(|claim| claim.attempts.iter().copied()).collect::<BTreeSet<_>>()
    };
    let own = told(first);
    others.iter().any(|other| own.is_subset(&told(other)))
}

/// The confidence of each candidate and of `undetermined`, two decimals that sum to 1. Candidates compete for
/// the failures that the first of them explains: a second fault with failures of its own is no rival.
pub(super) fn confidences(candidates: &[Candidate<'_>], incident: &Incident) -> Vec<(Cause, f64)> {
    let failed = |(index, attempt): (usize, &Attempt)| (attempt.outcome == Outcome::Failed).then_some(index);
    let failed: BTreeSet<usize> = incident.attempts.iter().enumerate().filter_map(failed).collect();
    let contested = candidates.first().map(|first| first.explained.clone()).unwrap_or_default();
    let share = |part: usize, whole: usize| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let explained: BTreeSet<usize> =
        candidates.iter().flat_map(|candidate| candidate.explained.iter().copied()).collect();
    let weight = |candidate: &Candidate<'_>| {
        let common = candidate.explained.intersection(&contested).count();
        (candidate.cause, candidate.support.weight() * share(common, contested.len()))
    };
    let mut weights: Vec<(Cause, f64)> = candidates.iter().map(weight).collect();
    let unexplained = share(failed.difference(&explained).count(), failed.len());
    let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
    let mut open = (UNDETERMINED + UNEXPLAINED * unexplained).max(total * (1.0 / CERTAIN - 1.0));
    let unproven =
        candidates.iter().zip(&weights).filter(|(candidate, _)| candidate.support < Support::Proven);
    for (_, (_, weight)) in unproven {
        open = open.max(weight / UNPROVEN - total);
    }
    weights.push((Cause::undetermined(), open));
    to_hundredths(weights)
}

/// Scales weights to hundredths that sum to exactly 1, the largest remainders rounded up.
pub(super) fn to_hundredths(weights: Vec<(Cause, f64)>) -> Vec<(Cause, f64)> {
    let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
    let mut parts: Vec<_> = weights
        .into_iter()
        .map(|(cause, weight)| (cause, 100.0 * weight / total))
        .map(|(cause, exact)| (cause, exact.floor(), exact.fract()))
        .collect();
    let short = 100.0 - parts.iter().map(|(_, whole, _)| whole).sum::<f64>();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    let remainder = |index: &usize| parts.get(*index).map_or(0.0, |part| part.2);
    order.sort_by(|a, b| remainder(b).total_cmp(&remainder(a)).then(a.cmp(b)));
    for index in order.into_iter().take(short.round() as usize) {
        parts.get_mut(index).into_iter().for_each(|part| part.1 += 1.0);
    }
    parts.into_iter().map(|(cause, whole, _)| (cause, whole / 100.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidences_sum_to_one() {
        let cause = Cause::undetermined();
        for weights in [vec![1.0, 1.0, 1.0], vec![60.0, 1.0], vec![0.1, 0.2, 0.3, 12.0, 3.0, 3.0]] {
            let parts = to_hundredths(weights.into_iter().map(|weight| (cause, weight)).collect());
            let hundredths: f64 = parts.iter().map(|part| (part.1 * 100.0).round()).sum();
            assert_eq!(hundredths, 100.0);
        }
    }

    #[test]
    fn support_orders_from_weak_to_proven() {
        assert!(
            Support::Weak < Support::Possible
                && Support::Symptom < Support::Supported
                && Support::Supported < Support::Proven
        );
        assert_eq!(Support::Open.level(), Level::Inconclusive);
    }
}
