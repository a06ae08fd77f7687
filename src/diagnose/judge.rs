//! Every rule asked of every pair in question, in parallel, and the answers gathered to findings.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::facts::{PairFacts, incident_facts};
use crate::evidence::{Directory, Evidence, FactId};
use crate::incident::{Incident, Pair};
use crate::knowledge::condition::{Condition, Facts, Truth, Values};
use crate::knowledge::{Rule, Scope};

/// What a rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Its condition holds.
    Hit,
    /// Its condition does not hold.
    RuledOut,
    /// Facts are missing.
    Inconclusive,
}

/// One rule's answer about one pair, or about the incident.
#[derive(Debug, Clone)]
pub struct Answer<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// The pair, by index; `None` for a rule about the incident.
    pub pair: Option<usize>,
    /// What it says.
    pub outcome: Outcome,
    /// The unknown facts that keep it from saying more, or from confirming.
    pub missing: Vec<String>,
    /// Whether all that a confirmation requires is known to hold.
    pub required: bool,
    /// Whether something corroborates what a component says of itself.
    pub corroborated: bool,
    /// For a rule that was ruled out: the facts that exclude it, such as `pair.needs_delegation`.
    pub because: Vec<String>,
    /// The records that state the facts it names; of a rule that was ruled out, those that exclude it.
    pub proof: Vec<FactId>,
}

/// Pairs that rules are asked about: those with failures, and those that lack what they need; all where nothing has
/// moved yet.
pub(super) fn in_question(pairs: &[Pair], incident: &Incident) -> Vec<usize> {
    let asked = |pair: &Pair| {
        incident.foresight.is_some() || incident.failures(pair).next().is_some() || pair.grant.is_unmet()
    };
    pairs.iter().enumerate().filter(|(_, pair)| asked(pair)).map(|(index, _)| index).collect()
}

/// Asks every rule of `pairs` as `directory` has them.
///
/// A rule whose condition is at fault (a wrong type) counts as inconclusive; the rules' own tests keep that
/// from shipping.
#[must_use]
pub fn judge<'a>(
    rules: &'a [Rule],
    pairs: &[Pair],
    incident: &Incident,
    evidence: &Evidence,
    directory: &Directory,
) -> Vec<Answer<'a>> {
    let asked = in_question(pairs, incident);
    let by_pair: Vec<Vec<Answer<'a>>> = asked
        .into_par_iter()
        .filter_map(|index| {
            let facts = PairFacts::of(pairs.get(index)?, incident, evidence, directory);
            Some(ask_pair(rules, index, &facts, incident.foresight.is_some()))
        })
        .collect();
    let mut answers: Vec<Answer<'a>> = by_pair.into_iter().flatten().collect();
    let stated = incident_facts(pairs, incident, evidence);
    let facts = Facts::new([("incident", &stated.values)]);
    for rule in rules.iter().filter(|rule| rule.scope == Scope::Incident) {
        let (outcome, missing) = ask(&rule.when, &facts);
        let proof = rule
            .when
            .names()
            .iter()
            .filter_map(|(_, name)| stated.proof.get(name.as_str()))
            .flatten()
            .copied();
        answers.push(Answer {
            rule,
            pair: None,
            outcome,
            missing,
            required: true,
            corroborated: false,
            because: Vec::new(),
            proof: unique(proof),
        });
    }
    answers
}

/// Before anything has failed, a rule is asked by what it foresees, where it says that.
fn ask_pair<'a>(rules: &'a [Rule], index: usize, facts: &PairFacts, foreseeing: bool) -> Vec<Answer<'a>> {
    let bound = Facts::new(facts.variables.iter().map(|(name, stated)| (*name, &stated.values)));
    let answer = |rule: &'a Rule| {
        let foresees = rule.foresees.as_ref().filter(|_| foreseeing);
        let when = foresees.unwrap_or(&rule.when);
        let requires = rule.requires.as_ref().filter(|_| foresees.is_none());
        let (outcome, mut missing) = ask(when, &bound);
        // Of what is ruled out nobody asks more.
        let open = outcome != Outcome::RuledOut;
        let mut required = open;
        if let Some(condition) = requires.filter(|_| open) {
            let (answer, more) = ask(condition, &bound);
            required = answer == Outcome::Hit;
            missing.extend(more.into_iter().filter(|_| outcome == Outcome::Hit));
        }
        let corroborated_by = rule.corroborated_by.as_ref().filter(|_| open);
        let corroborated = corroborated_by.is_some_and(|condition| ask(condition, &bound).0 == Outcome::Hit);
        let conditions =
            std::iter::once(when).chain(requires).chain(corroborated_by.filter(|_| corroborated));
        let mut names: Vec<&(String, String)> = match outcome {
            Outcome::RuledOut => when.excluding(&bound).iter().collect(),
            _ => conditions.flat_map(Condition::names).collect(),
        };
        // The source's own object first: it is what a reader looks for.
        let order =
            |name: &&(String, String)| facts.variables.iter().position(|variable| variable.0 == name.0);
        names.sort_by_key(order);
        // Many facts are stated by the same records.
        let mut stating: Vec<&[FactId]> = Vec::new();
        for (variable, name) in &names {
            let records = facts.proof(variable, name);
            if !stating.contains(&records) {
                stating.push(records);
            }
        }
        let proof = unique(stating.into_iter().flatten().copied());
        let excluded = outcome == Outcome::RuledOut;
        let because =
            names.iter().filter(|_| excluded).map(|(variable, name)| format!("{variable}.{name}")).collect();
        Answer { rule, pair: Some(index), outcome, missing, required, corroborated, because, proof }
    };
    rules.iter().filter(|rule| rule.scope == Scope::Pair).map(answer).collect()
}

/// Asks a condition of a rule's own test case.
#[must_use]
pub fn ask_case(rule: &Rule, variables: &[(&'static str, Values)]) -> (Outcome, Vec<String>) {
    ask(&rule.when, &Facts::new(variables.iter().map(|(name, values)| (*name, values))))
}

fn ask(condition: &Condition, facts: &Facts<'_>) -> (Outcome, Vec<String>) {
    match condition.ask(facts) {
        Ok(Truth::True) => (Outcome::Hit, Vec::new()),
        Ok(Truth::False) => (Outcome::RuledOut, Vec::new()),
        Ok(Truth::Unknown(missing)) => (Outcome::Inconclusive, missing),
        Err(fault) => (Outcome::Inconclusive, vec![fault]),
    }
}

/// In order, each once.
fn unique(facts: impl Iterator<Item = FactId>) -> Vec<FactId> {
    let mut seen = BTreeSet::new();
    facts.filter(|fact| seen.insert(*fact)).collect()
}
