//! What `kcdoctor rules` says, as plain data: serialised, it is the JSON of its commands. What is *not* done here:
//! layout.

use serde::Serialize;

use super::{SCHEMA_VERSION, Tool};
use crate::diagnose::{Deviation, RuleOutcome};
use crate::knowledge::condition::Condition;
use crate::knowledge::fault::Fault;
use crate::knowledge::vocabulary::FACTS;
use crate::knowledge::{Cause, Class, Family, Knowledge, Origin, Proof, Rule, Scope, Severity};

/// The report of `kcdoctor rules list`.
#[derive(Debug, Serialize)]
pub struct RulesReport {
    /// The version of this form.
    pub schema_version: u32,
    /// The command that made it.
    pub command: &'static str,
    /// What made it.
    pub tool: Tool,
    /// Every rule, by id.
    pub rules: Vec<RuleReport>,
    /// Every fact that a rule may name, in the vocabulary's order.
    pub facts: Vec<FactReport>,
}

/// A rule.
#[derive(Debug, Clone, Serialize)]
pub struct RuleReport {
    /// Its id.
    pub id: String,
    /// The problem in a few words.
    pub title: String,
    /// The cause that a hit speaks for.
    pub cause: Cause,
    /// The cause's family.
    pub family: Family,
    /// What it is asked about.
    pub scope: Scope,
    /// The classes of failure that are the cause's own.
    pub classes: Vec<Class>,
    /// Classes that prove nothing.
    pub ambiguous: Vec<Class>,
    /// Where the proof comes from.
    pub proof: Proof,
    /// How grave a hit is.
    pub severity: Severity,
    /// The condition, as it is written.
    pub when: String,
    /// What must hold beside it before anything is confirmed.
    pub requires: Option<String>,
    /// What stands in for a second witness.
    pub corroborated_by: Option<String>,
    /// What is asked in place of the condition before anything has failed.
    pub foresees: Option<String>,
    /// The facts that it names, such as `source.enabled`.
    pub facts: Vec<String>,
    /// Kinds of change that set the fault off.
    pub triggers: Vec<String>,
    /// The steps that mend it.
    pub fixes: Vec<String>,
    /// The verdict in one sentence.
    pub summary: String,
    /// Who says so.
    pub sources: Vec<String>,
    /// The day of the last check, `YYYY-MM-DD`.
    pub checked: String,
    /// Why it matters and how to confirm it, Markdown.
    pub prose: String,
    /// Who brought it.
    pub origin: Origin,
}

/// A fact that a rule may name.
#[derive(Debug, Serialize)]
pub struct FactReport {
    /// `pair`, `incident`, or `host`, which is `source` or `target` in a rule.
    pub of: &'static str,
    /// The name behind the dot.
    pub name: &'static str,
    /// What its value is, in words.
    pub kind: &'static str,
    /// The gap that an unknown value leaves, without a host.
    pub gap: &'static str,
    /// What it says.
    pub about: &'static str,
}

/// The report of `kcdoctor rules lint`.
#[derive(Debug, Serialize)]
pub struct LintReport {
    /// The version of this form.
    pub schema_version: u32,
    /// The command that made it.
    pub command: &'static str,
    /// What made it.
    pub tool: Tool,
    /// How many rule files were read.
    pub rules: usize,
    /// What is wrong with them and their cases, by file and place.
    pub faults: Vec<Fault>,
}

/// The report of `kcdoctor rules test`.
#[derive(Debug, Serialize)]
pub struct TestReport {
    /// The version of this form.
    pub schema_version: u32,
    /// The command that made it.
    pub command: &'static str,
    /// What made it.
    pub tool: Tool,
    /// How many rule files were read.
    pub rules: usize,
    /// How many cases were asked.
    pub cases: usize,
    /// What keeps rules and cases from being asked.
    pub faults: Vec<Fault>,
    /// Cases of which their rule says something else.
    pub failures: Vec<FailureReport>,
}

/// A case of which its rule says something else.
#[derive(Debug, Serialize)]
pub struct FailureReport {
    /// The rule.
    pub rule: String,
    /// The file of the case.
    pub case: String,
    /// What the rule should say.
    pub expected: RuleOutcome,
    /// The unknown facts that it should name.
    pub expected_missing: Vec<String>,
    /// What it says.
    pub got: RuleOutcome,
    /// The unknown facts that it names.
    pub got_missing: Vec<String>,
}

impl From<&Rule> for RuleReport {
    fn from(rule: &Rule) -> Self {
        let further = [&rule.requires, &rule.corroborated_by, &rule.foresees].into_iter().flatten();
        let names = std::iter::once(&rule.when).chain(further).flat_map(Condition::names);
        let mut facts: Vec<_> = names.map(|(variable, name)| format!("{variable}.{name}")).collect();
        facts.sort();
        facts.dedup();
        let source = |condition: &Condition| condition.source().trim().to_owned();
        Self {
            id: rule.id.clone(),
            title: rule.title.clone(),
            cause: rule.cause,
            family: rule.cause.family(),
            scope: rule.scope,
            classes: rule.classes.clone(),
            ambiguous: rule.ambiguous.clone(),
            proof: rule.proof,
            severity: rule.severity,
            when: source(&rule.when),
            requires: rule.requires.as_ref().map(source),
            corroborated_by: rule.corroborated_by.as_ref().map(source),
            foresees: rule.foresees.as_ref().map(source),
            facts,
            triggers: rule.triggers.clone(),
            fixes: rule.fixes.clone(),
            summary: rule.summary.clone(),
            sources: rule.verification.sources.clone(),
            checked: rule.verification.checked.clone(),
            prose: rule.prose.clone(),
            origin: rule.origin,
        }
    }
}

/// Every rule that is known, and every fact that one may name.
#[must_use]
pub fn list(knowledge: &Knowledge) -> RulesReport {
    let fact = |fact: &crate::knowledge::vocabulary::FactName| FactReport {
        of: fact.of,
        name: fact.name,
        kind: fact.kind.words(),
        gap: fact.gap.split(':').next().unwrap_or_default(),
        about: fact.about,
    };
    RulesReport {
        schema_version: SCHEMA_VERSION,
        command: "rules list",
        tool: Tool::with(knowledge),
        rules: knowledge.rules.iter().map(RuleReport::from).collect(),
        facts: FACTS.iter().map(fact).collect(),
    }
}

/// What is wrong with `rules` rule files.
#[must_use]
pub fn lint(knowledge: &Knowledge, rules: usize, faults: Vec<Fault>) -> LintReport {
    let (schema_version, command) = (SCHEMA_VERSION, "rules lint");
    LintReport { schema_version, command, tool: Tool::with(knowledge), rules, faults }
}

/// How `cases` cases of `rules` rule files came out.
#[must_use]
pub fn test(
    knowledge: &Knowledge,
    (rules, cases): (usize, usize),
    faults: Vec<Fault>,
    failures: Vec<FailureReport>,
) -> TestReport {
    let (schema_version, command) = (SCHEMA_VERSION, "rules test");
    TestReport { schema_version, command, tool: Tool::with(knowledge), rules, cases, faults, failures }
}

impl FailureReport {
    /// The case in `case`, of which the rule `rule` says something else.
    #[must_use]
    pub fn new(rule: &str, case: &str, deviation: Deviation) -> Self {
        let Deviation { expected: (expected, expected_missing), got: (got, got_missing) } = deviation;
        let (rule, case) = (rule.to_owned(), case.to_owned());
        Self { rule, case, expected, expected_missing, got, got_missing }
    }
}
