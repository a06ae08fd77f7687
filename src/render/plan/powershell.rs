//! `apply.ps1`, `verify.ps1` and `rollback.ps1`, for PowerShell 5.1 and 7.
//!
//! What a script does is the same for every plan and stands beside this file; what it does it to is data in front of it,
//! in which names from the bundle are single-quoted literals and nothing else. The way back is the same program with the
//! data turned round. No PowerShell is written for a step that is blocked: the script says that it is left out, and why.

use std::fmt::Write as _;

use crate::plan::quoted;
use crate::report::plan::PlanDocument;
use crate::report::{EditReport, ModificationReport, ObjectReport, PlannedPairReport, StepReport};

/// PowerShell 5.1 takes a script without a byte order mark for ANSI and would misread names.
const BYTE_ORDER_MARK: char = '\u{feff}';

const CHANGE_HEAD: &str = include_str!("powershell/change-head.ps1");
const ROLLBACK_HEAD: &str = include_str!("powershell/rollback-head.ps1");
const VERIFY_HEAD: &str = include_str!("powershell/verify-head.ps1");
const COMMON: &str = include_str!("powershell/common.ps1");
const CHANGE_FUNCTIONS: &str = include_str!("powershell/change-functions.ps1");
const APPLY: &str = include_str!("powershell/apply-main.ps1");
const ROLLBACK: &str = include_str!("powershell/rollback-main.ps1");
const VERIFY: &str = include_str!("powershell/verify-main.ps1");

/// The script that makes the changes.
pub(super) fn apply(document: &PlanDocument<'_>) -> String {
    let steps = &document.plan.steps;
    let changes = steps.iter().flat_map(|step| step.changes.iter().map(move |own| change(step, own, false)));
    let left_out = steps.iter().flat_map(left_out);
    let by_hand = steps.iter().filter(|step| !step.is_of_directory()).map(titled);
    let data = identity(document)
        + &table("changes", changes)
        + &table("leftOut", left_out)
        + &table("byHand", by_hand);
    assemble(
        "Makes the changes of the plan in Active Directory: additions first; with -Phase AfterTests what is taken away.",
        &[CHANGE_HEAD, &data, COMMON, CHANGE_FUNCTIONS, APPLY],
    )
}

/// The script that takes them back.
pub(super) fn rollback(document: &PlanDocument<'_>) -> String {
    let steps = document.plan.steps.iter().rev();
    let changes =
        steps.clone().flat_map(|step| step.changes.iter().rev().map(move |own| change(step, own, true)));
    let by_hand = steps.filter(|step| !step.is_of_directory()).map(titled);
    let data = identity(document) + &table("changes", changes) + &table("byHand", by_hand);
    assemble(
        "Takes the changes of the plan in Active Directory back, the last one first.",
        &[ROLLBACK_HEAD, &data, COMMON, CHANGE_FUNCTIONS, ROLLBACK],
    )
}

/// The script that only reads, and says which pairs have what they need.
pub(super) fn verify(document: &PlanDocument<'_>) -> String {
    let pairs = document.plan.pairs.iter().map(pair);
    let after = document.plan.steps.iter().filter(|step| step.is_after_tests());
    let removals = after.flat_map(|step| step.changes.iter().map(move |own| change(step, own, false)));
    let data = identity(document) + &table("pairs", pairs) + &table("removals", removals);
    assemble(
        "Reads and says which pairs have the delegation that they need; ends with 1 where one has not.",
        &[VERIFY_HEAD, &data, COMMON, VERIFY],
    )
}

fn assemble(what: &str, parts: &[&str]) -> String {
    let head = format!("# {what}\n# Written by kcdoctor {}. See plan.md.\n", env!("CARGO_PKG_VERSION"));
    let rest: String = parts.iter().map(|part| part.replace("\r\n", "\n") + "\n").collect();
    format!("{BYTE_ORDER_MARK}{head}{}\n", rest.trim_end())
}

fn identity(document: &PlanDocument<'_>) -> String {
    let [name, hash] = [document.bundle.name, document.bundle.hash].map(quoted);
    format!("$bundle = {name}\n$bundleHash = {hash}\n")
}

/// `$name = @(…)`, a row on each line.
fn table(name: &str, rows: impl Iterator<Item = String>) -> String {
    let rows: String = rows.map(|row| format!("    {row}\n")).collect();
    if rows.is_empty() { format!("${name} = @()\n") } else { format!("${name} = @(\n{rows})\n") }
}

/// The members of a row that name the object.
fn named(object: &ObjectReport) -> String {
    let [domain, sid] = [&object.domain, &object.sid].map(|name| quoted(name.as_deref().unwrap_or_default()));
    format!("Object = {}; Domain = {domain}; Sid = {sid}", quoted(&object.dn))
}

fn change(step: &StepReport, own: &ModificationReport, back: bool) -> String {
    let (operation, values, from, to) = match (&own.edit, back) {
        (EditReport::Add { add }, false) => ("Add", add.as_slice(), 0, 0),
        (EditReport::Add { add }, true) => ("Remove", add.as_slice(), 0, 0),
        (EditReport::Swap { from, to }, false) => ("Set", &[][..], *from, *to),
        (EditReport::Swap { from, to }, true) => ("Set", &[][..], *to, *from),
    };
    let title = if back { format!("Take back: {}", step.title) } else { step.title.clone() };
    let mut row = format!("@{{ Step = {}; Title = {}; {}", step.n, quoted(&title), named(&own.object));
    let after = if step.is_after_tests() { "$true" } else { "$false" };
    // Writing to a string can't fail.
    let _ = write!(
        row,
        "; AfterTests = {after}; Operation = '{operation}'; Values = {}; From = {from}; To = {to}; Mask = {} }}",
        list(values),
        from ^ to
    );
    row
}

fn pair(own: &PlannedPairReport) -> String {
    let nameless = ObjectReport { dn: String::new(), account: None, domain: None, sid: None };
    let object = own.object.as_ref().unwrap_or(&nameless);
    let protocol = if own.protocol { "$true" } else { "$false" };
    format!(
        "@{{ Source = {}; Target = {}; {}; Spns = {}; Protocol = {protocol}; Blocked = {} }}",
        quoted(&own.source),
        quoted(&own.target),
        named(object),
        list(&own.spns),
        quoted(&own.blocked_by.join(", "))
    )
}

/// What a step of the directory leaves out: all of it, or some of its targets.
fn left_out(step: &StepReport) -> Vec<String> {
    if !step.is_of_directory() {
        return Vec::new();
    }
    let row = |title: &str, why: &str| {
        format!("@{{ Step = {}; Title = {}; Why = {} }}", step.n, quoted(title), quoted(why))
    };
    let targets = step.left_out.iter().map(|(target, gap)| {
        row(&format!("{} for {target}", step.title), &format!("blocked until {gap} is there"))
    });
    step.why_left_out().map(|why| row(&step.title, &why)).into_iter().chain(targets).collect()
}

fn titled(step: &StepReport) -> String {
    format!("@{{ Step = {}; Title = {} }}", step.n, quoted(&step.title))
}

fn list(values: &[String]) -> String {
    format!("@({})", values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_table_is_a_table() {
        assert_eq!(table("x", std::iter::empty()), "$x = @()\n");
    }
}
