//! Rules: one Markdown file each under `knowledge/rules/`, TOML front matter and prose.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::cause::Cause;
use super::class::Class;
use super::condition::Condition;
use super::{Text, fault, front_matter};
use crate::error::Error;

/// The stack on which conditions are compiled: the parser recurses.
const STACK: usize = 64 << 20;

/// What a rule is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Every ordered pair of hosts that has failures or is in question.
    Pair,
    /// The incident as a whole.
    Incident,
}

/// Where the proof of a rule's condition comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
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
    /// How grave a hit is.
    pub severity: Severity,
    /// The cause's condition.
    pub when: Condition,
    /// What must hold beside it before anything is confirmed.
    pub requires: Option<Condition>,
    /// What stands in for the second witness of a component's own statement.
    pub corroborated_by: Option<Condition>,
    /// Kinds of change that set this fault off by a documented mechanism.
    pub triggers: Vec<String>,
    /// Fixes, in order, by id.
    pub fixes: Vec<String>,
    /// The verdict in one sentence; `{pairs}` is replaced.
    pub summary: String,
    /// Where the claim is made and when it was last checked.
    pub verification: Verification,
    /// Why it matters and how to confirm it, Markdown.
    pub prose: &'static str,
}

/// Where a rule's claim is made.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    /// Public sources.
    pub sources: Vec<String>,
    /// The day of the last check, `YYYY-MM-DD`.
    pub checked: String,
}

/// The form of the front matter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Front {
    id: String,
    title: String,
    cause: Cause,
    scope: Scope,
    #[serde(default)]
    classes: Vec<Class>,
    #[serde(default)]
    ambiguous: Vec<Class>,
    proof: Proof,
    #[serde(default)]
    echoes: bool,
    severity: Severity,
    when: String,
    requires: Option<String>,
    corroborated_by: Option<String>,
    #[serde(default)]
    triggers: Vec<String>,
    #[serde(default)]
    fixes: Vec<String>,
    summary: String,
    verification: Verification,
}

/// Loads and compiles every rule, in the order of their ids.
pub(super) fn load(files: &[Text]) -> Result<Vec<Rule>, Error> {
    let rules = std::thread::scope(|scope| {
        let compile = || files.iter().map(|&(name, text)| rule(name, text)).collect::<Result<Vec<_>, _>>();
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, compile);
        thread
            .map_err(|error| fault("rules", error))?
            .join()
            .map_err(|_| fault("rules", "the compiler of conditions failed"))?
    })?;
    let mut seen = HashSet::new();
    match rules.iter().find(|rule| !seen.insert(&rule.id)) {
        Some(twice) => Err(fault("rules", format!("{} stands twice", twice.id))),
        None => Ok(rules),
    }
}

fn rule(name: &'static str, text: &'static str) -> Result<Rule, Error> {
    let (front, prose): (Front, _) = front_matter(name, text)?;
    if name.strip_suffix(".md") != Some(&front.id) {
        return Err(fault(name, format!("the file is not named after its rule {}", front.id)));
    }
    let compile = |source: &str| Condition::compile(source).map_err(|error| fault(name, error));
    Ok(Rule {
        when: compile(&front.when)?,
        requires: front.requires.as_deref().map(compile).transpose()?,
        corroborated_by: front.corroborated_by.as_deref().map(compile).transpose()?,
        id: front.id,
        title: front.title,
        cause: front.cause,
        scope: front.scope,
        classes: front.classes,
        ambiguous: front.ambiguous,
        proof: front.proof,
        echoes: front.echoes,
        severity: front.severity,
        triggers: front.triggers,
        fixes: front.fixes,
        summary: front.summary,
        verification: front.verification,
        prose,
    })
}
