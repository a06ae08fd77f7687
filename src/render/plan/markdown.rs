//! `plan.md`: the plan in the order and with the tools in which people carry it out.
//!
//! Names come from the customer's files, so nothing of them is Markdown: words are escaped, scripts stand in fences that
//! are longer than any run of backticks in them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::render::escape::words;
use crate::render::layout::{plain, plain_lines};
use crate::report::plan::PlanDocument;
use crate::report::{EditReport, GapReport, ModificationReport, ProofReport, StepReport};

const FILES: &str = "\
| file | what it is |
|---|---|
| `apply.ps1` | shows the state, then makes the changes in Active Directory, each after a question; `-WhatIf` only shows. `-Phase AfterTests` takes away what is no longer needed |
| `verify.ps1` | reads only: which pairs have what they need; ends with 1 where one has not. `-EveryController` shows whether it has replicated |
| `rollback.ps1` | takes the changes back, the last one first |
| `apply.ldf`, `rollback.ldf` | the additions as LDIF and the way back: `ldifde -i -f`, `ldapmodify -f` or `ldbmodify` |
| `apply-after-tests.ldf`, `rollback-after-tests.ldf` | what is taken away, likewise |
| `plan.json` | all of this for programs |
";

const ORDER: &str = "\
Go by the numbers: they are in the order of risk. First what only reads, then what adds, then waiting for replication and\n\
for tickets to be forgotten, then a test migration of every pair with the least important virtual machine first, and only\n\
then what takes something away. A step that is blocked is not done by any script: collect what it waits for, and make the\n\
plan again.\n";

const DRAIN: &str = "\
## When every test has passed

Drain the node that was to be patched: Failover Cluster Manager, Nodes, the node, Pause, Drain Roles; back with Resume, Fail
Roles Back. In PowerShell `Suspend-ClusterNode -Name NODE -Drain -Wait`, and `Resume-ClusterNode -Name NODE -Failback Immediate`.
Then send a new bundle: `kcdoctor validate` says which pairs are proven.
";

/// Headings by what a step is for, in the order of the plan.
const PARTS: [(&str, &str); 4] = [
    ("test-migration", "Test"),
    ("purge-tickets", "Let it take effect"),
    ("clear-unconstrained", "Take away what is no longer needed"),
    ("collect", "Collect first"),
];

/// The whole page, with a final line end.
pub(super) fn render(document: &PlanDocument<'_>) -> String {
    let mut text = format!(
        "# Plan for {}\n\n{}\n\nBundle `{}`, written by kcdoctor {} with knowledge of {}.\n",
        words(document.bundle.name),
        words(document.summary),
        document.bundle.hash,
        document.tool.version,
        document.tool.knowledge.as_of
    );
    if document.plan.steps.is_empty() {
        text.push_str("\nThere is nothing to do.\n");
        return text;
    }
    let _ = write!(text, "\n{ORDER}\n{FILES}");
    overview(&mut text, &document.plan.steps);
    let mut part = "";
    for own in &document.plan.steps {
        let of = PARTS.iter().find(|(kind, _)| *kind == own.kind).map_or("Change", |(_, title)| title);
        if of != part {
            let _ = write!(text, "\n## {of}\n");
            part = of;
        }
        step(&mut text, own);
    }
    if document.plan.steps.iter().any(|step| step.kind == "test-migration") {
        let _ = write!(text, "\n{DRAIN}");
    }
    proof(&mut text, &document.plan.proof);
    gaps(&mut text, &document.gaps);
    text
}

fn overview(text: &mut String, steps: &[StepReport]) {
    text.push_str("\n| step | what | done by |\n|---|---|---|\n");
    for step in steps {
        let by = match step.why_left_out() {
            Some(why) => format!("nobody yet: {}", words(&why)),
            None if !step.blocked_by.is_empty() => {
                format!("nobody yet: blocked until {} is there", words(&step.blocked_by.join(", ")))
            }
            None if step.is_after_tests() => "`apply.ps1 -Phase AfterTests`, `apply-after-tests.ldf`".into(),
            None if step.is_of_directory() => "`apply.ps1`, `apply.ldf`".into(),
            None => "hand".into(),
        };
        let _ = writeln!(text, "| [{}](#step-{}) | {} | {by} |", step.n, step.n, words(&step.title));
    }
}

fn step(text: &mut String, step: &StepReport) {
    let mark = match (step.optional, step.blocked_by.is_empty()) {
        (_, false) => " (blocked)",
        (true, true) => " (optional)",
        (false, true) => "",
    };
    let _ = write!(text, "\n### Step {}\n\n**{}**{mark}\n\n", step.n, words(&step.title));
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "- {}: {}", words(name), words(value));
        }
    };
    line("Blocked until there is", &step.blocked_by.join(", "));
    for (target, gap) in &step.left_out {
        line(&format!("Left out until {gap} is there"), target);
    }
    line("Because", &step.why.join(", "));
    line("Protocol", step.reason.as_deref().unwrap_or_default());
    line("Touches", &step.affects);
    line("Risk", &step.risk);
    line("Rights", &step.rights);
    line("Who has to agree", &step.approval);
    if !step.note.is_empty() {
        let _ = write!(text, "\n{}\n", step.note);
    }
    // What is blocked must not look like something to run.
    if !step.blocked_by.is_empty() {
        return;
    }
    changes(text, &step.changes);
    script(text, "Look first:", &step.precheck);
    script(text, "PowerShell:", &step.command);
    clicks(text, "By hand:", &step.aduc);
    clicks(text, "The same in Active Directory Administrative Center:", &step.adac);
    script(text, "Another way:", &step.alternative);
    fenced(text, "See that it worked:", "", &step.verify);
    fenced(text, "Way back:", "", &step.rollback);
}

/// What becomes different in the directory, value by value.
fn changes(text: &mut String, changes: &[ModificationReport]) {
    for change in changes {
        let _ = write!(text, "\nIn the directory, on {}:\n\n", code(&change.object.dn));
        match &change.edit {
            EditReport::Add { add } => add.iter().for_each(|value| {
                let _ = writeln!(text, "- `{}` gains {}", change.attribute, code(value));
            }),
            EditReport::Swap { from, to } => {
                let _ = writeln!(
                    text,
                    "- `{}` becomes {to} ({to:#x}), if it is still {from} ({from:#x})",
                    change.attribute
                );
            }
        }
    }
}

fn script(text: &mut String, name: &str, lines: &str) {
    fenced(text, name, "powershell", lines);
}

/// Lines as they are, in a language or in none.
fn fenced(text: &mut String, name: &str, language: &str, lines: &str) {
    if lines.is_empty() {
        return;
    }
    let lines = plain_lines(lines);
    let fence = "`".repeat(longest_run(&lines).max(2) + 1);
    let _ = write!(text, "\n{name}\n\n{fence}{language}\n{lines}{fence}\n");
}

fn clicks(text: &mut String, name: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = write!(text, "\n{name}\n\n");
    for (index, line) in lines.iter().enumerate() {
        let _ = writeln!(text, "{}. {}", index + 1, words(line));
    }
}

fn proof(text: &mut String, proof: &ProofReport) {
    text.push_str("\n## Proof\n\nThe rules were asked again of the same facts, with the changes made.\n\n");
    text.push_str("| rule | pairs now | pairs afterwards |\n|---|---|---|\n");
    let count = |of: &[(String, Vec<(String, String)>)], rule: &str| {
        of.iter().find(|(own, _)| own == rule).map_or(0, |(_, pairs)| pairs.len())
    };
    let all: BTreeSet<&String> = proof.before.iter().chain(&proof.after).map(|(rule, _)| rule).collect();
    for rule in all {
        let (before, after) = (count(&proof.before, rule), count(&proof.after, rule));
        let _ = writeln!(text, "| {} | {before} | {after} |", words(rule));
    }
    if !proof.remaining.is_empty() {
        text.push_str("\nWhat the changes do not mend:\n\n");
    }
    for line in &proof.remaining {
        let _ = writeln!(text, "- {}", words(line));
    }
}

fn gaps(text: &mut String, gaps: &[&GapReport]) {
    if gaps.is_empty() {
        return;
    }
    text.push_str("\n## What blocked steps wait for\n");
    for gap in gaps {
        let hosts = if gap.hosts.is_empty() { String::new() } else { format!(" ({})", gap.hosts.join(", ")) };
        let _ = write!(text, "\n- {}{}: {}\n", words(&gap.id), words(&hosts), words(&gap.why));
        script(text, "Collect it with:", &gap.collect);
    }
}

/// A value as it is, between backticks.
fn code(text: &str) -> String {
    let text = plain(text);
    let ticks = "`".repeat(longest_run(&text) + 1);
    if text.starts_with('`') || text.ends_with('`') {
        format!("{ticks} {text} {ticks}")
    } else {
        format!("{ticks}{text}{ticks}")
    }
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_longer_than_what_stands_in_it() {
        let mut text = String::new();
        script(&mut text, "x", "````\n`");
        assert!(text.contains("\n`````powershell\n````\n`\n`````\n"), "{text}");
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code("`"), "`` ` ``");
    }
}
