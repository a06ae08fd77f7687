//! Rules as their authors use them: listed, linted, tested, and judged with, without a compiler.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::cli::{kcdoctor, path, text};
use super::{assert_golden, bundle, root};

fn example() -> PathBuf {
    root().join("docs/example-rules")
}

/// A copy of the example that a test can spoil.
fn copy() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("ACME-101")).unwrap();
    for file in ["ACME-101.md", "ACME-101/hit.toml", "ACME-101/clear.toml", "ACME-101/blind.toml"] {
        fs::copy(example().join(file), folder.path().join(file)).unwrap();
    }
    folder
}

fn replace(file: &Path, from: &str, to: &str) {
    let before = fs::read_to_string(file).unwrap();
    assert!(before.contains(from), "{from}");
    fs::write(file, before.replace(from, to)).unwrap();
}

fn json(arguments: &[&str], status: i32) -> Value {
    let output = kcdoctor(arguments);
    assert_eq!(output.status.code(), Some(status), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_shipped_rules_pass_and_are_listed() {
    for command in ["lint", "test"] {
        let output = kcdoctor(&["rules", command]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
        assert_eq!(text(&output.stdout).lines().count(), 1);
    }
    let list = json(&["rules", "list", "--format", "json"], 0);
    assert_eq!((&list["command"], &list["schema_version"]), (&"rules list".into(), &1.into()));
    let rules = list["rules"].as_array().unwrap();
    assert!(rules.iter().all(|rule| rule["origin"] == "shipped" && rule["scope"].is_string()));
    assert!(rules.iter().any(|rule| rule["id"] == "KCD-101" && rule["cause"] == "kcd-missing"));
}

#[test]
fn the_reference_is_that_of_the_shipped_rules() {
    let output = kcdoctor(&["rules", "list", "--format", "markdown"]);
    assert_golden(&root().join("docs/rules.md"), text(&output.stdout));
}

/// The page shows the example as it is, and names every field.
#[test]
fn the_worked_example_is_what_the_page_shows() {
    let page = fs::read_to_string(root().join("docs/writing-rules.md")).unwrap();
    let rule = fs::read_to_string(example().join("ACME-101.md")).unwrap();
    let front = rule.rsplit_once("\n+++\n").unwrap().0;
    assert!(
        page.contains(front),
        "docs/writing-rules.md shows another rule than docs/example-rules/ACME-101.md"
    );
    let blind = fs::read_to_string(example().join("ACME-101/blind.toml")).unwrap();
    assert!(page.contains(blind.trim()));
}

/// And what the page says that lint says is what it says.
#[test]
fn lint_says_what_the_page_shows() {
    let folder = copy();
    replace(
        &folder.path().join("ACME-101.md"),
        "source.allowed_to_delegate_to",
        "source.allowed_to_delegate",
    );
    let output = kcdoctor(&["rules", "lint", path(folder.path())]);
    let said = text(&output.stdout).replace(&path(folder.path()).replace('\\', "/"), "my-rules");
    let page = fs::read_to_string(root().join("docs/writing-rules.md")).unwrap();
    assert!(page.contains(&said), "{said}");
}

#[test]
fn a_rule_is_linted_tested_and_judged_with() {
    let folder = example();
    for command in ["lint", "test"] {
        let output = kcdoctor(&["rules", command, path(&folder)]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    }
    let bundle = bundle("two-faults");
    let without = json(&["analyze", path(&bundle), "--format", "json"], 0);
    let with = json(&["analyze", path(&bundle), "--rules", path(&folder), "--format", "json"], 0);
    let says = |report: &Value| {
        let findings = report["findings"].as_array().unwrap();
        findings.iter().any(|finding| finding["rule"] == "ACME-101" && finding["outcome"] == "hit")
    };
    assert!(says(&with) && !says(&without));
    let knowledge = |report: &Value| report["tool"]["knowledge"].clone();
    assert_ne!(knowledge(&with)["revision"], knowledge(&without)["revision"]);
    assert_eq!(knowledge(&with)["own_rules"], serde_json::json!([{"id": "ACME-101", "origin": "added"}]));
    assert_eq!(knowledge(&without)["own_rules"], serde_json::json!([]));
    let table = kcdoctor(&["analyze", path(&bundle), "--rules", path(&folder)]);
    assert!(text(&table.stdout).contains("With rules of your own: ACME-101."), "{}", text(&table.stdout));
    assert_eq!(text(&table.stderr), "");
    // The folder's place is no knowledge.
    let copy = copy();
    let elsewhere = json(&["analyze", path(&bundle), "--rules", path(copy.path()), "--format", "json"], 0);
    assert_eq!(elsewhere, with);
}

#[test]
fn a_rule_takes_the_place_of_the_shipped_one_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("KCD-101.md");
    fs::copy(root().join("knowledge/rules/KCD-101.md"), &file).unwrap();
    replace(&file, "summary = \"No constrained", "summary = \"As in runbook RB-17: no constrained");
    let bundle = bundle("classic-two-nodes");
    let arguments = ["analyze", path(&bundle), "--rules", path(folder.path())];
    let output = kcdoctor(&arguments);
    assert_eq!(
        text(&output.stderr),
        "kcdoctor: warning: KCD-101: your own rule is used in place of the shipped one\n"
    );
    let out = text(&output.stdout);
    assert!(out.contains("As in runbook RB-17"), "{out}");
    assert!(out.contains("With rules of your own: KCD-101 (in place of the shipped one)."), "{out}");
    let list = kcdoctor(&["rules", "list", path(folder.path())]);
    assert!(text(&list.stdout).contains("in place of the shipped one"));
}

#[test]
fn every_fault_is_said_at_once_with_its_place() {
    let folder = copy();
    let at = |name: &str| folder.path().join(name);
    replace(&at("ACME-101.md"), "source.allowed_to_delegate_to", "source.allowed_to_delegate");
    replace(&at("ACME-101.md"), "severity =", "severty =");
    replace(&at("ACME-101/hit.toml"), "succeeded = 0", "succeded = 0");
    fs::remove_file(at("ACME-101/clear.toml")).unwrap();
    fs::create_dir(at("ACME-102")).unwrap();
    fs::write(at("ACME-102/blind.toml"), "").unwrap();
    fs::write(at("ACME-103.txt"), "").unwrap();
    fs::write(at("ACME-104.md"), [0xFF, 0xFE]).unwrap();
    fs::write(at("README.md"), "ours").unwrap();
    let report = json(&["rules", "lint", path(folder.path()), "--format", "json"], 1);
    let shown = path(folder.path()).replace('\\', "/");
    let faults: Vec<_> = report["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| {
            let file = fault["file"].as_str().unwrap().strip_prefix(&format!("{shown}/")).unwrap();
            assert!(!fault["advice"].as_str().unwrap().is_empty(), "{fault}");
            format!("{file}:{}:{}: {}", fault["line"], fault["column"], fault["title"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        faults,
        [
            "ACME-101.md:1:1: the case clear.toml is missing",
            "ACME-101.md:2:1: severity is missing",
            "ACME-101.md:9:1: no field is called severty",
            "ACME-101.md:12:13: no fact is called source.allowed_to_delegate",
            "ACME-101/hit.toml:6:1: no fact is called pair.succeded",
            "ACME-102/blind.toml:1:1: the case belongs to no rule",
            "ACME-103.txt:1:1: this is no rule",
            "ACME-104.md:1:1: the file is not UTF-8",
        ]
    );
    let table = kcdoctor(&["rules", "lint", path(folder.path())]);
    let out = text(&table.stdout);
    assert!(out.contains("ACME-101.md:12:13: no fact is called source.allowed_to_delegate\n    did you mean allowed_to_delegate_to?\n"), "{out}");
    assert!(out.ends_with("1 rule: 8 faults\n"), "{out}");
    let used = kcdoctor(&["analyze", path(&bundle("two-faults")), "--rules", path(folder.path())]);
    assert_eq!(used.status.code(), Some(65));
    assert!(text(&used.stderr).contains("rules lint"), "{}", text(&used.stderr));
    assert_eq!(text(&used.stdout), "");
}

#[test]
fn an_unknown_trigger_is_a_fault() {
    let folder = copy();
    replace(&folder.path().join("ACME-101.md"), "fixes = [", "triggers = [\"delegation-remved\"]\nfixes = [");
    let output = kcdoctor(&["rules", "lint", path(folder.path())]);
    let out = text(&output.stdout);
    assert!(out.contains(":16:13: triggers: no change is called \"delegation-remved\"\n    did you mean delegation-removed?"), "{out}");
}

#[test]
fn a_case_that_comes_out_otherwise_fails_with_both() {
    let folder = copy();
    replace(&folder.path().join("ACME-101/hit.toml"), "succeeded = 0", "succeeded = 1");
    fs::write(folder.path().join("ACME-101/blind.toml"), "[source]\nallowed_to_delegate_to = []\n").unwrap();
    let output = kcdoctor(&["rules", "test", path(folder.path())]);
    assert_eq!(output.status.code(), Some(1));
    let out = text(&output.stdout);
    assert!(out.contains("ACME-101/hit.toml: ACME-101 says ruled-out\n    expected: hit; "), "{out}");
    assert!(out.contains("ACME-101/blind.toml: ACME-101 says inconclusive for want of pair.needs_delegation, pair.succeeded\n"), "{out}");
    assert!(out.ends_with("1 rule, 3 cases: no fault, 2 failures\n"), "{out}");
    let report = json(&["rules", "test", path(folder.path()), "--format", "json"], 1);
    assert_eq!(report["failures"][1]["expected"], "hit");
    assert_eq!(report["failures"][1]["got"], "ruled-out");
}

#[test]
fn a_folder_that_is_not_there_is_66_and_an_empty_one_a_fault() {
    for arguments in [
        &["rules", "lint", "no/such/rules"][..],
        &["rules", "test", "no/such/rules"],
        &["rules", "list", "no/such/rules"],
        &["analyze", path(&bundle("two-faults")), "--rules", "no/such/rules"],
    ] {
        let output = kcdoctor(arguments);
        assert_eq!(output.status.code(), Some(66), "{arguments:?}");
        assert!(text(&output.stderr).contains("no/such/rules"));
    }
    let file = example().join("ACME-101.md");
    assert_eq!(kcdoctor(&["rules", "lint", path(&file)]).status.code(), Some(64));
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(kcdoctor(&["rules", "lint", path(empty.path())]).status.code(), Some(1));
}
