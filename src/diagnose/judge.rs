//! Every rule asked of every pair in question, in parallel, and the answers gathered to findings.

use std::sync::Arc;

use rayon::prelude::*;

use super::facts::{PairFacts, incident_facts};
use super::seen::Seen;
use crate::evidence::{Directory, Evidence, FactId};
use crate::incident::{Incident, Pair};
use crate::knowledge::condition::{Condition, Facts, Truth, Values};
use crate::knowledge::{Rule, Scope};

mod memory;

use memory::{Memory, Said};

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
    pub missing: Arc<[String]>,
    /// Whether all that a confirmation requires is known to hold.
    pub required: bool,
    /// Whether something corroborates what a component says of itself.
    pub corroborated: bool,
    /// For a rule that was ruled out: the facts that exclude it, such as `pair.needs_delegation`.
    pub because: Arc<[String]>,
    /// The records that state the facts it names; of a rule that was ruled out, those that exclude it.
    pub proof: Vec<FactId>,
}

/// Pairs that rules are asked about: those with failures, and those that lack what they need; all where nothing has
/// moved yet.
#[must_use]
pub fn in_question(pairs: &[Pair], incident: &Incident) -> Vec<usize> {
    let broken = incident.attempts.iter().any(|attempt| attempt.outcome == crate::incident::Outcome::Failed);
    let asked = |pair: &Pair| {
        incident.foresight.is_some()
            || incident.failures(pair).next().is_some()
            || pair.grant.is_unmet()
            || !broken && incident.lacks_something(pair)
    };
    pairs.iter().enumerate().filter(|(_, pair)| asked(pair)).map(|(index, _)| index).collect()
}

/// Asks every rule of those of `pairs` that are `asked`, by index, as `directory` has them.
///
/// A rule whose condition is at fault (a wrong type) counts as inconclusive; the rules' own tests keep that
/// from shipping.
#[must_use]
pub fn judge<'a>(
    rules: &'a [Rule],
    asked: Vec<usize>,
    pairs: &[Pair],
    incident: &Incident,
    evidence: &Evidence,
    directory: &Directory,
) -> Vec<Answer<'a>> {
    let by_pair: Vec<Vec<Answer<'a>>> = asked
        .into_par_iter()
        .map_init(
            || (Memory::new(rules, incident.foresight.is_some()), Seen::new(evidence)),
            |(memory, seen), index| {
                let facts = PairFacts::of(pairs.get(index)?, incident, evidence, directory);
                Some(answers(memory, seen, index, &facts))
            },
        )
        .flatten()
        .collect();
    let mut answers: Vec<Answer<'a>> = by_pair.into_iter().flatten().collect();
    let stated = incident_facts(pairs, incident, evidence);
    let facts = Facts::new([("incident", &stated.values)]);
    let mut seen = Seen::new(evidence);
    for rule in rules.iter().filter(|rule| rule.scope == Scope::Incident) {
        let (outcome, missing) = ask(&rule.when, &facts);
        let names = rule.when.names().iter();
        let stating = names.filter_map(|(_, name)| stated.proof.get(name.as_str()));
        let mut proof: Vec<_> = stating.flatten().copied().collect();
        seen.dedup(&mut proof);
        answers.push(Answer {
            rule,
            pair: None,
            outcome,
            missing: missing.into(),
            required: true,
            corroborated: false,
            because: Arc::default(),
            proof,
        });
    }
    answers
}

/// The answers about a pair, each with the records that state what it names.
fn answers<'a>(memory: &mut Memory<'a>, seen: &mut Seen, index: usize, facts: &PairFacts) -> Vec<Answer<'a>> {
    let answer = |(rule, said): (&'a Rule, Arc<Said<'a>>)| {
        // Many facts are stated by the same records.
        let mut stating: Vec<&[FactId]> = Vec::new();
        for (variable, name) in &said.names {
            let records = facts.proof(variable, name);
            if !stating.contains(&records) {
                stating.push(records);
            }
        }
        let mut proof = stating.concat();
        seen.dedup(&mut proof);
        Answer {
            rule,
            pair: Some(index),
            outcome: said.outcome,
            missing: Arc::clone(&said.missing),
            required: said.required,
            corroborated: said.corroborated,
            because: Arc::clone(&said.because),
            proof,
        }
    };
    memory.ask(facts).into_iter().map(answer).collect()
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
