//! What rules said of facts that they were asked of before. Thousands of pairs are alike in all that a rule names, and a
//! rule that names the same says the same.
//!
//! What is *not* done here: the records that state the facts, which are each pair's own.

use std::cell::LazyCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::{Outcome, ask};
use crate::diagnose::facts::PairFacts;
use crate::knowledge::condition::{Condition, FactValue, Facts};
use crate::knowledge::{Rule, Scope};

/// A rule's answer, as far as the values of the facts that it names decide it.
#[derive(Debug)]
pub(super) struct Said<'a> {
    pub(super) outcome: Outcome,
    pub(super) missing: Arc<[String]>,
    pub(super) required: bool,
    pub(super) corroborated: bool,
    pub(super) because: Arc<[String]>,
    /// The facts that decided, in the order of the variables.
    pub(super) names: Vec<&'a (String, String)>,
}

/// Every rule about pairs with what it said.
pub(super) struct Memory<'a> {
    rules: Vec<Remembered<'a>>,
    foreseeing: bool,
    /// Used again for each key.
    key: Vec<u8>,
}

struct Remembered<'a> {
    rule: &'a Rule,
    /// Every fact that it names.
    names: Vec<&'a (String, String)>,
    said: HashMap<Vec<u8>, Arc<Said<'a>>>,
}

impl<'a> Memory<'a> {
    /// Of `rules`, nothing yet. Before anything has failed (`foreseeing`) a rule is asked by what it foresees, where it
    /// says that.
    pub(super) fn new(rules: &'a [Rule], foreseeing: bool) -> Self {
        let of_pairs = rules.iter().filter(|rule| rule.scope == Scope::Pair);
        let remembered = |rule: &'a Rule| {
            let conditions = std::iter::once(&rule.when)
                .chain(&rule.requires)
                .chain(&rule.corroborated_by)
                .chain(&rule.foresees);
            let mut names: Vec<_> = conditions.flat_map(Condition::names).collect();
            names.sort_unstable();
            names.dedup();
            Remembered { rule, names, said: HashMap::new() }
        };
        Self { rules: of_pairs.map(remembered).collect(), foreseeing, key: Vec::new() }
    }

    /// What each rule says of `facts`.
    pub(super) fn ask(&mut self, facts: &PairFacts) -> Vec<(&'a Rule, Arc<Said<'a>>)> {
        let bound = LazyCell::new(|| {
            Facts::new(facts.variables.iter().map(|(name, stated)| (*name, &stated.values)))
        });
        let mut all = Vec::with_capacity(self.rules.len());
        for remembered in &mut self.rules {
            write_key(&mut self.key, &remembered.names, facts);
            let said = match remembered.said.get(&self.key) {
                Some(said) => Arc::clone(said),
                None => {
                    let said = Arc::new(say(remembered.rule, self.foreseeing, facts, &bound));
                    remembered.said.insert(self.key.clone(), Arc::clone(&said));
                    said
                }
            };
            all.push((remembered.rule, said));
        }
        all
    }
}

fn say<'a>(rule: &'a Rule, foreseeing: bool, facts: &PairFacts, bound: &Facts<'_>) -> Said<'a> {
    let foresees = rule.foresees.as_ref().filter(|_| foreseeing);
    let when = foresees.unwrap_or(&rule.when);
    let requires = rule.requires.as_ref().filter(|_| foresees.is_none());
    let (outcome, mut missing) = ask(when, bound);
    // Of what is ruled out nobody asks more.
    let open = outcome != Outcome::RuledOut;
    let mut required = open;
    if let Some(condition) = requires.filter(|_| open) {
        let (answer, more) = ask(condition, bound);
        required = answer == Outcome::Hit;
        missing.extend(more.into_iter().filter(|_| outcome == Outcome::Hit));
    }
    let corroborated_by = rule.corroborated_by.as_ref().filter(|_| open);
    let corroborated = corroborated_by.is_some_and(|condition| ask(condition, bound).0 == Outcome::Hit);
    let conditions = std::iter::once(when).chain(requires).chain(corroborated_by.filter(|_| corroborated));
    let mut names: Vec<&(String, String)> = match outcome {
        Outcome::RuledOut => when.excluding(bound).iter().collect(),
        _ => conditions.flat_map(Condition::names).collect(),
    };
    // The source's own object first: it is what a reader looks for.
    names.sort_by_key(|name| facts.variables.iter().position(|variable| variable.0 == name.0));
    let excluding = names.iter().filter(|_| outcome == Outcome::RuledOut);
    let because = excluding.map(|(variable, name)| format!("{variable}.{name}")).collect();
    Said { outcome, missing: missing.into(), required, corroborated, because, names }
}

/// The values of `names`, one behind the other; each says what it is and how long, so that no two keys meet.
fn write_key(key: &mut Vec<u8>, names: &[&(String, String)], facts: &PairFacts) {
    let text = |key: &mut Vec<u8>, text: &str| {
        key.extend(text.len().to_le_bytes());
        key.extend(text.as_bytes());
    };
    key.clear();
    for (variable, name) in names {
        let own = facts.variables.iter().find(|own| own.0 == variable);
        match own.and_then(|(_, stated)| stated.values.get(name.as_str())) {
            None => key.push(0),
            Some(FactValue::Bool(value)) => key.extend([1, u8::from(*value)]),
            Some(FactValue::Int(value)) => {
                key.push(2);
                key.extend(value.to_le_bytes());
            }
            Some(FactValue::Text(value)) => {
                key.push(3);
                text(key, value);
            }
            Some(FactValue::List(values)) => {
                key.push(4);
                key.extend(values.len().to_le_bytes());
                values.iter().for_each(|value| text(key, value));
            }
        }
    }
}
