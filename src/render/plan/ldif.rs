//! LDIF change records that `ldifde`, `ldapmodify` and `ldbmodify` all load.
//!
//! The three agree on little (measured on ldb-tools 2.6 and OpenLDAP 2.5; RFC 2849 for the rest): no byte order mark,
//! which `ldapmodify` answers with success and no change; no `version:` line and no carriage returns, which `ldbmodify`
//! refuses; plain ASCII, anything else in base64; no folded lines; every change closed by a `-`, as `ldifde` wants it.
//!
//! Each change is a record of its own. A value that is there already is result 20 (attributeOrValueExists), one that is
//! no longer there result 16 (noSuchAttribute); either leaves the whole record undone and the tool names it. So
//! userAccountControl is compared and set in one, by deleting the value that the bundle shows and adding the new one.

use std::fmt::Write as _;

use data_encoding::BASE64;

use crate::report::plan::PlanDocument;
use crate::report::{EditReport, ModificationReport, StepReport};

/// Which steps a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// What adds.
    Additions,
    /// What takes away, once the test migrations have passed.
    AfterTests,
}

/// There or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Makes the changes.
    Apply,
    /// Takes them back, the last one first.
    RollBack,
}

/// One file, with a final line end.
pub(super) fn render(document: &PlanDocument<'_>, part: Part, direction: Direction) -> String {
    let mut text = String::new();
    for line in head(document, part, direction) {
        comment(&mut text, &line);
    }
    text.push('\n');
    let own =
        |step: &&StepReport| step.is_of_directory() && step.is_after_tests() == (part == Part::AfterTests);
    let mut steps: Vec<&StepReport> = document.plan.steps.iter().filter(own).collect();
    if direction == Direction::RollBack {
        steps.reverse();
    }
    if steps.iter().all(|step| step.changes.is_empty()) {
        comment(&mut text, "There is nothing to change here.");
    }
    for step in steps {
        write_step(&mut text, step, direction);
    }
    text
}

/// What the file is, and how it is loaded.
fn head(document: &PlanDocument<'_>, part: Part, direction: Direction) -> [String; 4] {
    let what = match (part, direction) {
        (Part::Additions, Direction::Apply) => {
            "additions; apply-after-tests.ldf holds what is taken away later"
        }
        (Part::Additions, Direction::RollBack) => {
            "takes apply.ldf back; if apply-after-tests.ldf was loaded, load rollback-after-tests.ldf before this"
        }
        (Part::AfterTests, Direction::Apply) => {
            "what is taken away: only after apply.ldf, and after a test migration of every pair has passed"
        }
        (Part::AfterTests, Direction::RollBack) => "takes apply-after-tests.ldf back",
    };
    [
        format!("kcdoctor {}: {what}.", document.tool.version),
        format!("Bundle {} {}", document.bundle.name, document.bundle.hash),
        "Load it with one of: ldifde -i -f FILE | ldapmodify -f FILE | ldbmodify -H URL FILE".into(),
        "Result 20 or 16 means that the directory has changed since the export: nothing of that record was done.".into(),
    ]
}

fn write_step(text: &mut String, step: &StepReport, direction: Direction) {
    if let Some(why) = step.why_left_out() {
        comment(text, &format!("Step {} is left out: {} ({why}).", step.n, step.title));
    }
    for (target, gap) in &step.left_out {
        comment(text, &format!("Step {} leaves {target} out (blocked until {gap} is there).", step.n));
    }
    if step.changes.is_empty() {
        text.push('\n');
        return;
    }
    let changes: Vec<&ModificationReport> = match direction {
        Direction::Apply => step.changes.iter().collect(),
        Direction::RollBack => step.changes.iter().rev().collect(),
    };
    for change in changes {
        comment(text, &format!("Step {}: {}", step.n, step.title));
        record(text, change, direction);
        text.push('\n');
    }
}

fn record(text: &mut String, change: &ModificationReport, direction: Direction) {
    line(text, "dn", &change.object.dn);
    line(text, "changetype", "modify");
    let mut operation = |name: &str, values: &[String]| {
        line(text, name, change.attribute);
        values.iter().for_each(|value| line(text, change.attribute, value));
        text.push_str("-\n");
    };
    match (&change.edit, direction) {
        (EditReport::Add { add }, Direction::Apply) => operation("add", add),
        (EditReport::Add { add }, Direction::RollBack) => operation("delete", add),
        (EditReport::Swap { from, to }, _) => {
            let (old, new) = if direction == Direction::Apply { (from, to) } else { (to, from) };
            operation("delete", &[old.to_string()]);
            operation("add", &[new.to_string()]);
        }
    }
}

/// `name: value`, or `name:: base64` of a value that is not plain (RFC 2849, SAFE-STRING).
fn line(text: &mut String, name: &str, value: &str) {
    let is_plain = value.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && !value.starts_with([' ', ':', '<'])
        && !value.ends_with(' ');
    // Writing to a string can't fail.
    let _ = if is_plain {
        writeln!(text, "{name}: {value}")
    } else {
        writeln!(text, "{name}:: {}", BASE64.encode(value.as_bytes()))
    };
}

/// A comment on one line; what is not ASCII becomes a question mark.
fn comment(text: &mut String, words: &str) {
    let plain: String = words.chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }).collect();
    let _ = writeln!(text, "# {plain}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &str) -> String {
        let mut text = String::new();
        line(&mut text, "dn", value);
        text
    }

    #[test]
    fn what_is_not_plain_is_base64() {
        assert_eq!(written("CN=HV01,DC=x"), "dn: CN=HV01,DC=x\n");
        assert_eq!(written("CN=HV01,OU=Süd\\, Ost,DC=x"), "dn:: Q049SFYwMSxPVT1Tw7xkXCwgT3N0LERDPXg=\n");
        for unsafe_value in [" a", ":a", "<a", "a ", "a\nb", "a\u{7f}", "a\0"] {
            assert!(written(unsafe_value).starts_with("dn:: "), "{unsafe_value:?}");
        }
    }

    #[test]
    fn a_comment_stays_on_its_line() {
        let mut text = String::new();
        comment(&mut text, "Zürich\ndn: CN=x");
        assert_eq!(text, "# Z?rich?dn: CN=x\n");
    }
}
