//! For a person at a terminal: who is hit, what changed of each host, what can't be told.

use super::super::layout::{Ink, Page, clock};
use super::super::sources::issues;
use super::super::{Style, word};
use crate::diagnose::{Attribute, Fate, Shift};
use crate::report::drift::{ChangedObject, DriftReport, Outcome, PairShift, UntoldReport};

/// Pairs that are listed one by one; the JSON has all.
const PAIRS: usize = 40;

pub(super) fn render(report: &DriftReport, style: Style) -> String {
    let mut page = Page::new(style);
    let (title, ink) = match report.outcome {
        Outcome::Unchanged => ("UNCHANGED", Ink::Green),
        Outcome::Lost => ("LOST", Ink::Red),
        Outcome::Changed => ("CHANGED", Ink::Yellow),
        Outcome::CannotTell => ("CANNOT TELL", Ink::Yellow),
    };
    page.headline(title, ink, &format!("{} → {}", report.baseline.name, report.current.name));
    page.paragraph("", 0, &report.summary);
    if report.reversed {
        page.paragraph(
            "",
            0,
            "By the stamps of its objects the baseline is the newer export: read removed for added.",
        );
    }
    pairs(&mut page, report);
    if !report.changes.is_empty() {
        page.heading("CHANGES");
    }
    report.changes.iter().for_each(|own| object(&mut page, own));
    untold(&mut page, &report.untold);
    page.heading("SOURCES");
    for (what, bundle) in [("baseline", &report.baseline), ("current", &report.current)] {
        let files = bundle.sources.len();
        page.paragraph("  ", 2, &format!("{what}: {} ({files} files), {}", bundle.name, bundle.hash));
        issues(&mut page, &bundle.sources);
    }
    page.paragraph("  ", 2, &format!("{} hosts are in both.", report.compared));
    page.into_text()
}

fn pairs(page: &mut Page, report: &DriftReport) {
    if report.pairs.is_empty() {
        return;
    }
    page.heading("PAIRS");
    let grant = |grant: &Option<_>| grant.as_ref().map_or_else(|| "no pair".to_owned(), word);
    let row = |pair: &PairShift| {
        let shift = if pair.shift == Shift::Unknown { "cannot tell".to_owned() } else { word(&pair.shift) };
        vec![
            format!("{} → {}", pair.source, pair.target),
            shift,
            pair.aspects.iter().map(word).collect::<Vec<_>>().join(", "),
            grant(&pair.before),
            grant(&pair.after),
            pair.by.join(", "),
        ]
    };
    page.table(
        &["pair", "shift", "what", "delegation before", "now", "by changes of"],
        report.pairs.iter().take(PAIRS).map(row).collect(),
    );
    let more = report.pairs.len().saturating_sub(PAIRS);
    if more > 0 {
        page.paragraph("  ", 2, &format!("and {more} more pairs, in the JSON report"));
    }
}

fn object(page: &mut Page, own: &ChangedObject) {
    let was = own.was.as_ref().map_or_else(String::new, |was| format!(" (was {was})"));
    let fate = match own.fate {
        Fate::Kept => String::new(),
        fate => format!(": {}", word(&fate)),
    };
    page.paragraph("  ", 4, &format!("{}{was}{fate}{}", own.host, since(own)));
    if let Some(meaning) = own.meaning {
        page.paragraph("", 6, &format!("That means {meaning}."));
    }
    for edit in &own.edits {
        page.paragraph("", 6, &word(&edit.attribute));
        edit.removed.iter().for_each(|value| page.aside(8, &format!("- {value}"), Ink::Red));
        edit.added.iter().for_each(|value| page.aside(8, &format!("+ {value}"), Ink::Green));
    }
    for change in &own.recorded {
        let at = change.evidence.first().map_or_else(String::new, |at| match at.record {
            Some(record) => format!(" ({} record {record})", at.source),
            None => format!(" ({})", at.source),
        });
        page.paragraph("", 6, &format!("Recorded: {}{at}.", change.summary));
    }
}

/// Between which times the changes lie.
fn since(own: &ChangedObject) -> String {
    match (&own.after, &own.by) {
        (Some(after), Some(by)) => format!(", between {} and {}", clock(after), clock(by)),
        (None, Some(by)) => format!(", no later than {}", clock(by)),
        (Some(after), None) => format!(", after {}", clock(after)),
        (None, None) => String::new(),
    }
}

/// Hosts of which the same is not told, together.
fn untold(page: &mut Page, untold: &[UntoldReport]) {
    if untold.is_empty() {
        return;
    }
    page.heading("CANNOT TELL");
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for own in untold {
        let side = |name: &str, why: Option<&str>| why.map(|why| format!("{name}: {why}"));
        let sides = [side("baseline", own.baseline), side("current", own.current)];
        let what = match own.attribute {
            Attribute::Object => "the object".to_owned(),
            attribute => word(&attribute),
        };
        let text = format!("{what} ({})", sides.into_iter().flatten().collect::<Vec<_>>().join("; "));
        match groups.iter_mut().find(|(known, _)| *known == text) {
            Some((_, hosts)) => hosts.push(&own.host),
            None => groups.push((text, vec![&own.host])),
        }
    }
    for (text, hosts) in groups {
        page.paragraph("  ", 4, &format!("{text}: {}", hosts.join(", ")));
    }
}
