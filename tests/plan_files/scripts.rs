//! No PowerShell runs here: two grammars and its own text are what a script is held to.

use std::collections::BTreeSet;
use std::fs;

use kcdoctor::report::Report;

use super::{bundle, file, files, report};
use crate::collect::{pieces, refusal, texts, tree};
use crate::root;

/// A name that would be code in every kind of string but one.
const HOSTILE: &str =
    "x'; Remove-Item C:\\ -Recurse; '‘’‚‛\" $(Stop-Computer) `n\r\n@'\r\nRemove-Item\r\n'@ #> }) \u{202e}";

/// Cmdlets that a script may call, apart from those that only shape or show.
const CHANGING: &[&str] =
    &["Set-ADAccountControl", "Set-ADComputer", "New-Item", "Set-Content", "Start-Transcript"];
const READING: &[&str] = &[
    "ConvertFrom-Json",
    "ConvertTo-Json",
    "ForEach-Object",
    "Get-ADComputer",
    "Get-ADDomain",
    "Get-ADDomainController",
    "Get-Content",
    "Get-Date",
    "Import-Module",
    "Join-Path",
    "Set-StrictMode",
    "Sort-Object",
    "Stop-Transcript",
    "Where-Object",
    "Write-Host",
];

fn scripts(report: &Report) -> Vec<(&'static str, String)> {
    files(report).into_iter().filter(|(name, _)| name.ends_with(".ps1")).collect()
}

/// A script without the mark that tells PowerShell 5.1 its encoding.
fn plain(script: &str) -> &str {
    script.strip_prefix('\u{feff}').expect("a byte order mark")
}

/// The data in front of the program.
fn data(script: &str) -> &str {
    let from = script.find("$bundle = ").unwrap();
    &script[from..script.find("\nSet-StrictMode").unwrap()]
}

/// A report of which every name is hostile.
fn hostile() -> Report {
    let mut report = report(&bundle("unconstrained-after-2025"));
    report.bundle.name = HOSTILE.into();
    for step in &mut report.plan.steps {
        step.title = format!("Allow {HOSTILE}");
        step.left_out = vec![(HOSTILE.into(), HOSTILE.into())];
        for change in &mut step.changes {
            change.object.dn = format!("CN={HOSTILE},DC=x");
            change.object.domain = Some(HOSTILE.into());
            if let kcdoctor::report::EditReport::Add { add } = &mut change.edit {
                add.push(HOSTILE.into());
            }
        }
    }
    for pair in &mut report.plan.pairs {
        pair.source = HOSTILE.into();
        pair.spns.push(HOSTILE.into());
        pair.blocked_by = vec![HOSTILE.into()];
    }
    report
}

#[test]
fn both_grammars_take_every_script_whole() {
    let report = report(&bundle("unconstrained-after-2025"));
    for (name, script) in scripts(&report) {
        assert!(!tree(plain(&script)).root_node().has_error(), "{name}");
        for piece in pieces(plain(&script)) {
            assert_eq!(refusal(&piece), None, "{name}: {piece}");
        }
    }
}

/// The program is the same in all of them, the data is not.
#[test]
fn both_grammars_take_the_data_of_every_incident() {
    let mut seen = 0;
    for folder in fs::read_dir(root().join("fixtures/bundles")).unwrap().map(Result::unwrap) {
        if !folder.path().is_dir() {
            continue;
        }
        for (name, script) in scripts(&report(&folder.path())) {
            let data = data(&script);
            assert!(!tree(data).root_node().has_error(), "{name} of {folder:?}: {data}");
            assert_eq!(refusal(data), None, "{name} of {folder:?}: {data}");
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn broken_scripts_are_refused() {
    let script = file(&report(&bundle("unconstrained-after-2025")), "apply.ps1");
    let whole = pieces(plain(&script));
    for (piece, good, broken) in [
        ("function Write-Change", "if ($Item.Operation -eq 'Add') {", "if ($Item.Operation -eq 'Add')"),
        ("function Compare-State", "return 'done' }", "return 'done }"),
        ("$changes = @(", "$changes = @(", "$changes = @(("),
        ("try {", "finally {", "finally"),
    ] {
        let piece = whole.iter().find(|own| own.contains(piece) && own.contains(good)).unwrap();
        let mutant = piece.replacen(good, broken, 1);
        assert!(tree(&mutant).root_node().has_error(), "{broken}");
        assert!(refusal(&mutant).is_some(), "{broken}");
    }
}

/// Nothing of a hostile name is code: the data holds literals and no command, comments are the program's own.
#[test]
fn hostile_names_stay_text() {
    let clean = report(&bundle("unconstrained-after-2025"));
    let hostile = hostile();
    for ((name, own), (_, other)) in scripts(&clean).into_iter().zip(scripts(&hostile)) {
        let data = data(&other);
        assert!(!tree(data).root_node().has_error(), "{name}: {data}");
        assert_eq!(refusal(data), None, "{name}: {data}");
        assert!(texts(data, "command").is_empty(), "{name}: {:?}", texts(data, "command"));
        assert!(texts(data, "sub_expression").is_empty(), "{name}");
        let program = |script: &str| script[script.find("\nSet-StrictMode").unwrap()..].to_owned();
        assert_eq!(program(&own), program(&other), "{name}");
        assert_eq!(own.lines().next(), other.lines().next());
    }
}

#[test]
fn hostile_names_are_neither_ldif_nor_markdown() {
    let hostile = hostile();
    for (name, text) in files(&hostile).iter().filter(|(name, _)| name.ends_with(".ldf")) {
        assert!(text.is_ascii(), "{name}");
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let known = [
                "dn:",
                "changetype: modify",
                "add: ",
                "delete: ",
                "-",
                "msDS-AllowedToDelegateTo:",
                "userAccountControl: ",
            ];
            assert!(known.iter().any(|known| line.starts_with(known)), "{name}: {line}");
        }
    }
    let page = file(&hostile, "plan.md");
    assert!(page.lines().all(|line| !line.starts_with("Remove-Item") && !line.contains('\u{202e}')));
}

/// What is untrusted, what is optional in one version, and what hides errors has no place in them.
#[test]
fn scripts_are_plain_and_call_what_is_known() {
    for (name, script) in scripts(&report(&bundle("unconstrained-after-2025"))) {
        let script = plain(&script);
        let called: BTreeSet<_> =
            texts(script, "command_name").into_iter().filter(|name| name.contains('-')).collect();
        let own: BTreeSet<_> = texts(script, "function_name").into_iter().collect();
        for command in called.difference(&own) {
            let is_known = READING.contains(command) || CHANGING.contains(command);
            assert!(is_known, "{name}: {command}");
            assert!(name != "verify.ps1" || !CHANGING.contains(command), "{name}: {command}");
        }
        for alias in ["%", "?", "gc", "sc", "foreach-object {", "iex", "select", "where", "echo"] {
            assert!(!texts(script, "command_name").contains(&alias), "{name}: {alias}");
        }
        assert!(script.contains("Set-StrictMode -Version Latest\n$ErrorActionPreference = 'Stop'\n"));
        assert!(script.lines().all(|line| !line.ends_with('`') && line.trim_end() == line), "{name}");
        assert!(!script.contains("SilentlyContinue") && !script.contains("-Replace "), "{name}");
        // Files and the directory are changed only where the question was asked.
        for line in script.lines().filter(|line| line.contains("Set-AD")) {
            assert!(line.contains("@at"), "{name}: {line}");
        }
        assert_eq!(script.contains("SupportsShouldProcess"), name != "verify.ps1");
    }
}
