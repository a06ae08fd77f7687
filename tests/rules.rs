//! Every rule has its three cases, and they come out as named: `fixtures/rules/<id>/{hit,clear,blind}.toml`.

use std::collections::BTreeMap;
use std::fs;

use kcdoctor::diagnose::{RuleOutcome, ask_case};
use kcdoctor::knowledge::condition::{FactValue, Values};
use kcdoctor::knowledge::{Knowledge, vocabulary};

use super::root;

type Case = BTreeMap<String, toml::Table>;

/// Reads a case: tables `source`, `target`, `pair` and `incident` with declared facts, and `expect`.
fn values(case: &Case, variable: &'static str) -> (&'static str, Values) {
    let mut values = Values::new();
    for (name, value) in case.get(variable).into_iter().flatten() {
        let fact =
            vocabulary::find(variable, name).unwrap_or_else(|| panic!("no fact is called {variable}.{name}"));
        let value = match (fact.kind, value) {
            (vocabulary::Kind::Bool, toml::Value::Boolean(value)) => FactValue::Bool(*value),
            (vocabulary::Kind::Int, toml::Value::Integer(value)) => FactValue::Int(*value),
            (vocabulary::Kind::Text, toml::Value::String(value)) => FactValue::Text(value.clone()),
            (vocabulary::Kind::List, toml::Value::Array(list)) => {
                FactValue::List(list.iter().map(|item| item.as_str().unwrap().to_owned()).collect())
            }
            (kind, value) => panic!("{variable}.{name} is {kind:?}, not {value}"),
        };
        values.insert(fact.name, value);
    }
    (variable, values)
}

#[test]
fn every_rule_answers_its_cases() {
    let knowledge = Knowledge::load().unwrap();
    for rule in &knowledge.rules {
        for (name, expected) in [
            ("hit", RuleOutcome::Hit),
            ("clear", RuleOutcome::RuledOut),
            ("blind", RuleOutcome::Inconclusive),
        ] {
            let file = root().join("fixtures/rules").join(&rule.id).join(format!("{name}.toml"));
            let text = fs::read_to_string(&file).unwrap_or_else(|error| {
                panic!("{}: {error}; every rule has its three cases", file.display())
            });
            let case: Case =
                toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let variables = ["source", "target", "pair", "incident"].map(|variable| values(&case, variable));
            let (outcome, missing) = ask_case(rule, &variables);
            assert_eq!(outcome, expected, "{}", file.display());
            let named = case
                .get("expect")
                .and_then(|expect| expect.get("missing"))
                .and_then(|missing| missing.as_array());
            let named: Vec<_> =
                named.into_iter().flatten().map(|name| name.as_str().unwrap().to_owned()).collect();
            assert_eq!(missing, named, "{}", file.display());
        }
    }
}

#[test]
fn no_case_is_without_its_rule() {
    let knowledge = Knowledge::load().unwrap();
    for entry in fs::read_dir(root().join("fixtures/rules")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(knowledge.rules.iter().any(|rule| rule.id == name), "{name} is no rule");
    }
}
