//! Every rule has its three cases, and they come out as named: `fixtures/rules/<id>/{hit,clear,blind}.toml`.

use kcdoctor::command::rules;

#[test]
fn every_rule_answers_its_cases() {
    let report = rules::test(None).unwrap();
    assert!(report.faults.is_empty() && report.failures.is_empty(), "{report:#?}");
    assert_eq!(report.cases, 3 * report.rules);
}
