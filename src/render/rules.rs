//! What `kcdoctor rules` says, as text: one file a form.

use super::layout::{Ink, Page, plain_lines};
use super::{Style, to_json, word};
use crate::diagnose::RuleOutcome;
use crate::knowledge::Origin;
use crate::knowledge::fault::Fault;
use crate::report::rules::{FailureReport, LintReport, RuleReport, RulesReport, TestReport};

mod reference;

/// A form of the list of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RulesFormat {
    /// For a person at a terminal.
    #[default]
    Table,
    /// The reference: every rule with its prose, and every fact that one may name.
    Markdown,
    /// For programs.
    Json,
}

/// A form of what has no more than two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlainFormat {
    /// For a person at a terminal.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// Writes the list of rules in `format`, with a final line end.
#[must_use]
pub fn render_rules(report: &RulesReport, format: RulesFormat, style: Style) -> String {
    match format {
        RulesFormat::Table => list(report, style),
        RulesFormat::Markdown => reference::render(report),
        RulesFormat::Json => to_json(report),
    }
}

fn list(report: &RulesReport, style: Style) -> String {
    let mut page = Page::new(style);
    let row = |rule: &RuleReport| {
        let origin = match rule.origin {
            Origin::Shipped => "shipped",
            Origin::Added => "added",
            Origin::Replaced => "in place of the shipped one",
        };
        let (id, cause) = (rule.id.clone(), rule.cause.name().to_owned());
        vec![id, cause, word(&rule.scope), word(&rule.proof), origin.to_owned()]
    };
    let rows: Vec<_> = report.rules.iter().map(row).collect();
    let widths = page.columns(&["rule", "cause", "scope", "proof", "origin"], &rows);
    for (rule, row) in report.rules.iter().zip(&rows) {
        page.row(row, &widths, None);
        page.aside(4, &rule.title, Ink::Dim);
    }
    page.into_text()
}

/// Writes what is wrong with rules in `format`, with a final line end.
#[must_use]
pub fn render_lint(report: &LintReport, format: PlainFormat, style: Style) -> String {
    if format == PlainFormat::Json {
        return to_json(report);
    }
    let mut page = Page::new(style);
    faults(&mut page, &report.faults);
    page.verbatim(
        "",
        0,
        &format!("{}: {}", counted(report.rules, "rule"), wrong(report.faults.len(), "fault")),
    );
    page.into_text()
}

/// One line a fault, as compilers write them so that editors can follow, and what to do below it.
fn faults(page: &mut Page, faults: &[Fault]) {
    for fault in faults {
        let Fault { file, line, column, title, advice } = fault;
        page.verbatim("", 0, &plain_lines(&format!("{file}:{line}:{column}: {title}")));
        page.aside(4, advice, Ink::Dim);
    }
}

/// Writes how cases came out in `format`, with a final line end.
#[must_use]
pub fn render_test(report: &TestReport, format: PlainFormat, style: Style) -> String {
    if format == PlainFormat::Json {
        return to_json(report);
    }
    let mut page = Page::new(style);
    faults(&mut page, &report.faults);
    for failure in &report.failures {
        let FailureReport { rule, case, expected, expected_missing, got, got_missing } = failure;
        let said = |outcome: &RuleOutcome, missing: &[String]| {
            let missing = if missing.is_empty() {
                String::new()
            } else {
                format!(" for want of {}", missing.join(", "))
            };
            format!("{}{missing}", word(outcome))
        };
        page.verbatim("", 0, &format!("{case}: {rule} says {}", said(got, got_missing)));
        page.aside(
            4,
            &format!("expected: {}; mend the condition or the case", said(expected, expected_missing)),
            Ink::Dim,
        );
    }
    let bad = report.faults.len() + report.failures.len();
    let said = if bad == 0 {
        "all as expected".to_owned()
    } else {
        format!("{}, {}", wrong(report.faults.len(), "fault"), wrong(report.failures.len(), "failure"))
    };
    page.verbatim(
        "",
        0,
        &format!("{}, {}: {said}", counted(report.rules, "rule"), counted(report.cases, "case")),
    );
    page.into_text()
}

fn counted(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

fn wrong(count: usize, thing: &str) -> String {
    if count == 0 { format!("no {thing}") } else { counted(count, thing) }
}
