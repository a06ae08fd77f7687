//! For a person at a terminal: which pairs are proven, what failed since, which tests are owed.

use super::super::layout::{Ink, Page, clock};
use super::super::sources::noticed;
use super::super::table::gaps;
use super::super::{Style, word};
use crate::diagnose::PairState;
use crate::report::AttemptReport;
use crate::report::validate::{EndReport, FailureReport, TestReport, ValidateReport, ValidatedPair};

/// Pairs that are shown before only those that are not proven are.
const PAIRS: usize = 24;
/// Attempts of a list that are shown; the JSON has all.
const ATTEMPTS: usize = 20;

pub(super) fn render(report: &ValidateReport, style: Style) -> String {
    let mut page = Page::new(style);
    let (title, ink) = match report.outcome {
        Some(PairState::Proven) => ("PROVEN", Ink::Green),
        Some(PairState::Failing) => ("FAILING", Ink::Red),
        Some(PairState::Owed) => ("TESTS OWED", Ink::Yellow),
        Some(PairState::Unseen) | None => ("UNSEEN", Ink::Yellow),
    };
    page.headline(title, ink, &report.bundle.name);
    page.paragraph("", 0, &report.summary);
    since(&mut page, report);
    pairs(&mut page, report);
    failures(&mut page, &report.failures);
    unnamed(&mut page, &report.unnamed);
    tests(&mut page, &report.tests);
    gaps(&mut page, &report.gaps);
    noticed(&mut page, &report.bundle.sources);
    page.into_text()
}

/// From when on the pairs are looked at, those of one time together.
fn since(page: &mut Page, report: &ValidateReport) {
    if let Some(fixed_at) = &report.fixed_at {
        page.paragraph("", 0, &format!("Since {}, as given.", clock(fixed_at)));
        return;
    }
    let mut times: Vec<(String, Vec<String>)> = Vec::new();
    for pair in &report.pairs {
        let text = match (&pair.since, &pair.since_change) {
            (Some(since), Some(change)) => format!("Since {}: {}", clock(since), change.summary),
            _ => "All that the logs hold, as no change of the directory, a policy or the system is seen on either end; --fixed-at gives a time".to_owned(),
        };
        let name = arrow(pair);
        match times.iter_mut().find(|(own, _)| *own == text) {
            Some((_, pairs)) => pairs.push(name),
            None => times.push((text, vec![name])),
        }
    }
    for (text, pairs) in times {
        let several =
            if pairs.len() == report.pairs.len() { "all pairs".to_owned() } else { pairs.join(", ") };
        page.paragraph("", 0, &format!("{text} ({several})."));
    }
}

fn arrow(pair: &ValidatedPair) -> String {
    format!("{} → {}", pair.source, pair.target)
}

fn pairs(page: &mut Page, report: &ValidateReport) {
    if report.pairs.is_empty() {
        return;
    }
    page.heading("PAIRS SINCE THEN (UTC)");
    let telling = |pair: &&ValidatedPair| report.pairs.len() <= PAIRS || pair.state != PairState::Proven;
    let mut shown: Vec<_> = report.pairs.iter().filter(telling).collect();
    shown.truncate(PAIRS);
    let row = |pair: &&ValidatedPair| {
        let last = pair.last_success.as_ref().map_or_else(|| "-".to_owned(), |seen| clock(&seen.time));
        vec![
            arrow(pair),
            word(&pair.state),
            pair.succeeded.to_string(),
            pair.failed.to_string(),
            last,
            pair.unnamed.len().to_string(),
        ]
    };
    page.table(
        &["pair", "state", "ok", "failed", "last ok", "ok, ends not named"],
        shown.iter().map(row).collect(),
    );
    let hidden = report.pairs.len() - shown.len();
    if hidden > 0 {
        page.paragraph("  ", 2, &format!("and {hidden} more pairs, in the JSON report"));
    }
    let mut lacks: Vec<String> = Vec::new();
    for pair in report.pairs.iter().filter(|pair| pair.in_doubt && pair.state != PairState::Failing) {
        lacks.push(format!(
            "{}: after its last success a move failed, and its records do not say that it was another pair's.",
            arrow(pair)
        ));
    }
    for end in report.pairs.iter().flat_map(|pair| &pair.ends) {
        let text = lacking(end);
        if !lacks.contains(&text) && !text.is_empty() {
            lacks.push(text);
        }
    }
    lacks.iter().for_each(|text| page.aside(2, text, Ink::Yellow));
}

/// Why the logs of an end are not enough.
fn lacking(end: &EndReport) -> String {
    let Some(lacks) = end.lacks else { return String::new() };
    let until = end.to.as_ref().map_or_else(String::new, |to| format!(" (last record {})", clock(to)));
    format!("{}: {lacks}{until}.", end.host)
}

fn failures(page: &mut Page, failures: &[FailureReport]) {
    if failures.is_empty() {
        return;
    }
    page.heading("FAILURES SINCE THEN (UTC)");
    for failure in failures.iter().take(ATTEMPTS) {
        let (why, ink) = match (failure.cause, failure.level, &failure.rule) {
            (Some(cause), Some(level), rule) => {
                let rule = rule.as_ref().map_or_else(String::new, |rule| format!(", {rule}"));
                (format!("{} ({}{rule})", cause.name(), word(&level)), Ink::Dim)
            }
            _ => (format!("NOT EXPLAINED (class {})", word(&failure.class)), Ink::Red),
        };
        page.paragraph("  ", 4, &moved(&failure.attempt));
        page.aside(6, &why, ink);
    }
    more(page, failures.len());
    page.paragraph("  ", 2, "kcdoctor analyze says more of each, and what mends them.");
}

/// An attempt in one line.
fn moved(attempt: &AttemptReport) -> String {
    let end = |end: &Option<String>| end.clone().unwrap_or_else(|| "?".to_owned());
    let codes =
        if attempt.codes.is_empty() { String::new() } else { format!("  {}", attempt.codes.join(" ")) };
    format!(
        "{}  {}  {} → {}  {}{codes}",
        attempt.id,
        clock(&attempt.time),
        end(&attempt.source),
        end(&attempt.target),
        end(&attempt.vm)
    )
}

fn more(page: &mut Page, count: usize) {
    let more = count.saturating_sub(ATTEMPTS);
    if more > 0 {
        page.paragraph("  ", 2, &format!("and {more} more, in the JSON report"));
    }
}

fn unnamed(page: &mut Page, attempts: &[AttemptReport]) {
    if attempts.is_empty() {
        return;
    }
    page.heading("SUCCESSES THAT PROVE NO PAIR");
    page.paragraph("  ", 2, "Their records do not name both ends (event 20415 alone names neither).");
    attempts.iter().take(ATTEMPTS).for_each(|attempt| page.paragraph("  ", 4, &moved(attempt)));
    more(page, attempts.len());
}

fn tests(page: &mut Page, tests: &[TestReport]) {
    if tests.is_empty() {
        return;
    }
    page.heading("TESTS OWED");
    for (index, test) in tests.iter().enumerate() {
        page.paragraph(&format!("{}. ", index + 1), 4, &test.title);
        page.paragraph("", 6, &format!("Rights: {}", test.rights));
        page.paragraph("", 6, "PowerShell:");
        page.verbatim("", 8, &test.command);
        page.paragraph("", 6, "Verify:");
        page.verbatim("", 8, &test.verify);
    }
    page.paragraph("", 0, "Then collect the logs of both ends again, and validate them.");
}
