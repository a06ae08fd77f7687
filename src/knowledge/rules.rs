//! Rules: one Markdown file each under `knowledge/rules/` or in a folder of the user's, TOML front matter and prose.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

use super::cause::Cause;
use super::class::Class;
use super::condition::Condition;
use super::fault;
use super::fault::{Draft, Fault};
use super::fixes::Fixes;
use crate::error::Error;

pub(super) mod form;
mod read;

/// The stack on which conditions are compiled: the parser recurses.
const STACK: usize = 64 << 20;

/// What a rule is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Every ordered pair of hosts that has failures or is in question.
    Pair,
    /// The incident as a whole.
    Incident,
}

/// Where the proof of a rule's condition comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// From somewhere else than the failing component: the directory, a domain controller, the time service.
    Independent,
    /// The failing component states the condition itself: two providers or both ends must agree.
    Component,
}

/// How grave a hit is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It breaks migrations.
    Error,
    /// It may.
    Warning,
    /// It is good to know.
    Info,
}

/// Who brought a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// It came with the program.
    Shipped,
    /// It stands in a folder of the user's.
    Added,
    /// The same, in place of the shipped rule of its id.
    Replaced,
}

/// A checked rule.
#[derive(Debug)]
pub struct Rule {
    /// Such as `KCD-101`; the file is named after it.
    pub id: String,
    /// The problem in a few words.
    pub title: String,
    /// The cause that a hit speaks for.
    pub cause: Cause,
    /// What it is asked about.
    pub scope: Scope,
    /// The classes of failure that are the cause's own.
    pub classes: Vec<Class>,
    /// Classes that the cause can show as well, and that prove nothing.
    pub ambiguous: Vec<Class>,
    /// Where the proof comes from.
    pub proof: Proof,
    /// The component's words reach the same host's other logs, so only both ends are two witnesses.
    pub echoes: bool,
    /// Too seldom to be thought of unless its condition is seen: unknown, it rivals no cause but those that nothing
    /// except their symptom speaks for.
    pub rare: bool,
    /// What it finds is never more than probable: something that logs and exports do not hold would have to show it.
    pub tentative: bool,
    /// How grave a hit is.
    pub severity: Severity,
    /// The cause's condition.
    pub when: Condition,
    /// What must hold beside it before anything is confirmed.
    pub requires: Option<Condition>,
    /// What stands in for the second witness of a component's own statement.
    pub corroborated_by: Option<Condition>,
    /// What is asked in place of `when` before anything has failed; `None` where `when` itself can be.
    pub foresees: Option<Condition>,
    /// Kinds of change that set this fault off by a documented mechanism.
    pub triggers: Vec<String>,
    /// Fixes, in order, by id.
    pub fixes: Vec<String>,
    /// The verdict in one sentence; `{pairs}` is replaced.
    pub summary: String,
    /// Where the claim is made and when it was last checked.
    pub verification: Verification,
    /// Why it matters and how to confirm it, Markdown.
    pub prose: String,
    /// Who brought it.
    pub origin: Origin,
}

/// Where a rule's claim is made.
#[derive(Debug, Clone)]
pub struct Verification {
    /// Public sources.
    pub sources: Vec<String>,
    /// The day of the last check, `YYYY-MM-DD`.
    pub checked: String,
}

/// Rules as their files state them, and what is wrong with those files.
#[derive(Debug, Default)]
pub struct Reading {
    /// Every rule without a fault, by id.
    pub rules: Vec<Rule>,
    /// Every fault, by file and place.
    pub faults: Vec<Fault>,
    /// The words of `triggers`, each as the fault that it is where no change bears its name: only a later stage
    /// knows which there are.
    pub triggers: Vec<(String, Fault)>,
}

/// Reads rule files of any origin: the only door.
#[must_use]
pub fn read_rules(files: &[Draft], fixes: &Fixes) -> Reading {
    let read = |draft: &Draft| {
        let mut reading = Reading::default();
        read::rule(draft, fixes, &mut reading);
        reading
    };
    let readings = std::thread::scope(|scope| {
        // A text on which the reader itself fails costs its own rule only, and not silently.
        let guarded = |draft| catch_unwind(AssertUnwindSafe(|| read(draft))).ok();
        let all = move || files.iter().map(guarded).collect::<Vec<_>>();
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, all);
        thread.ok().and_then(|thread| thread.join().ok()).unwrap_or_default()
    });
    let mut readings = readings.into_iter();
    let mut reading = Reading::default();
    for draft in files {
        let Some(own) = readings.next().flatten() else {
            let advice = "simplify its condition, and report it with the file";
            reading.faults.push(draft.fault(0, "the reader of rules failed on this file", advice));
            continue;
        };
        reading.rules.extend(own.rules);
        reading.faults.extend(own.faults);
        reading.triggers.extend(own.triggers);
    }
    reading.rules.sort_by(|a, b| a.id.cmp(&b.id));
    reading.faults.sort();
    reading
}

/// The embedded rules, in the order of their ids.
pub(super) fn load(drafts: &[Draft], fixes: &Fixes) -> Result<Vec<Rule>, Error> {
    let reading = read_rules(drafts, fixes);
    match reading.faults.first() {
        Some(first) => Err(fault("rules", first)),
        None => Ok(reading.rules),
    }
}
