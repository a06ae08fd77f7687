//! What is different between two lines about one ticket.
//!
//! Compared are status, cause, level, trigger, pairs, other causes and plan. Confidence, wording and revisions are not:
//! they change with every release, and a difference must mean something.

use super::{Line, LineAlso, LinePlan, LineStep, LineVerdict};

/// What differs about a ticket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The ticket.
    pub ticket: String,
    /// What was, and what is, a phrase each.
    pub changes: Vec<String>,
}

impl Line {
    /// What is different since `was`, a phrase each; nothing where the two say the same.
    #[must_use]
    pub fn changes_since(&self, was: &Self) -> Vec<String> {
        changes(was, self)
    }
}

fn changes(was: &Line, is: &Line) -> Vec<String> {
    let mut all = Vec::new();
    let mut compare = |what: &str, was: String, is: String| {
        if was != is {
            all.push(format!("{what}: {was} → {is}"));
        }
    };
    compare("status", status(was), status(is));
    let options = |line: &Line| match line.tool.options.as_str() {
        "" => "none".to_owned(),
        options => options.to_owned(),
    };
    compare("options", options(was), options(is));
    compare(
        "cause",
        of_verdict(was, |verdict| verdict.cause.clone()),
        of_verdict(is, |verdict| verdict.cause.clone()),
    );
    compare(
        "level",
        of_verdict(was, |verdict| verdict.level.clone()),
        of_verdict(is, |verdict| verdict.level.clone()),
    );
    let trigger =
        |line: &Line| of_verdict(line, |verdict| verdict.trigger.clone().unwrap_or_else(|| "none".into()));
    compare("trigger", trigger(was), trigger(is));
    let pairs = |line: &Line| line.verdict.iter().flat_map(|verdict| &verdict.pairs).map(pair).collect();
    all.extend(listed("pair", pairs(was), pairs(is)));
    let also = |line: &Line| {
        let text = |also: &LineAlso| {
            let pairs: Vec<_> = also.pairs.iter().map(pair).collect();
            format!("{} ({}) of {}", also.cause, also.level, pairs.join(", "))
        };
        line.also.iter().flatten().map(text).collect()
    };
    all.extend(listed("other cause", also(was), also(is)));
    all.extend(plans(was.plan.as_ref(), is.plan.as_ref()));
    all
}

fn status(line: &Line) -> String {
    line.error_code.as_ref().map_or_else(|| "ok".to_owned(), |code| format!("error ({code})"))
}

fn of_verdict(line: &Line, part: impl Fn(&LineVerdict) -> String) -> String {
    line.verdict.as_ref().map_or_else(|| "none".to_owned(), part)
}

fn pair((source, target): &(String, String)) -> String {
    format!("{source} to {target}")
}

fn plans(was: Option<&LinePlan>, is: Option<&LinePlan>) -> Vec<String> {
    let steps =
        |plan: Option<&LinePlan>| plan.iter().flat_map(|plan| &plan.steps).map(step).collect::<Vec<_>>();
    let (steps_were, steps_are) = (steps(was), steps(is));
    let hash = |plan: Option<&LinePlan>| plan.map(|plan| plan.changes.clone());
    if steps_were == steps_are {
        let differ = hash(was) != hash(is);
        return differ
            .then(|| "plan: its steps change other values; compare the reports".to_owned())
            .into_iter()
            .collect();
    }
    let mut changes = listed("step", steps_were, steps_are);
    if changes.is_empty() {
        changes.push("plan: its steps stand in another order".to_owned());
    }
    changes
}

fn step(step: &LineStep) -> String {
    let mut text = step.kind.clone();
    text.extend(step.host.iter().map(|host| format!(" on {host}")));
    if !step.targets.is_empty() {
        text.push_str(&format!(" for {}", step.targets.join(", ")));
    }
    if !step.blocked_by.is_empty() {
        text.push_str(&format!(" (blocked by {})", step.blocked_by.join(", ")));
    }
    text
}

/// What went and what came.
fn listed(what: &str, was: Vec<String>, is: Vec<String>) -> Vec<String> {
    let gone = was.iter().filter(|one| !is.contains(one)).map(|one| format!("{what} gone: {one}"));
    let new = is.iter().filter(|one| !was.contains(one)).map(|one| format!("{what} new: {one}"));
    gone.chain(new).collect()
}
