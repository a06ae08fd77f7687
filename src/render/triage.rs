//! Many bundles for a person: a row each, and what differs from a recorded result.

use std::collections::BTreeMap;

use super::Style;
use super::layout::{Ink, Page, clock};
use super::merge::{by_level, counted};
use crate::report::shortened;
use crate::report::triage::{Difference, Line, Status};

/// Characters of a ticket, and of a trigger, which stands last.
const TICKET: usize = 32;
const TRIGGER: usize = 80;
/// What stands for what is not there or not known.
const NOTHING: &str = "-";

/// Writes a row a bundle; below a bundle that could not be analyzed stands why.
#[must_use]
pub fn render_triage(lines: &[Line], style: Style) -> String {
    let mut page = Page::new(style);
    let errors = lines.iter().filter(|line| line.status == Status::Error).count();
    let rest = match errors {
        _ if lines.is_empty() => "nothing to judge".to_owned(),
        0 => levels(lines),
        all if all == lines.len() => "none of them analyzed".to_owned(),
        _ => format!("{errors} not analyzed, {}", levels(lines)),
    };
    page.headline(&counted(lines.len(), "bundle"), Ink::Bold, &rest);
    if lines.is_empty() {
        return page.into_text();
    }
    page.gap();
    let rows: Vec<_> = lines.iter().map(row).collect();
    let header = ["TICKET", "VERDICT", "LEVEL", "SURE", "SINCE", "PAIRS", "MISSING", "SET OFF BY"];
    let widths = page.columns(&header, &rows);
    for (line, row) in lines.iter().zip(&rows) {
        page.row(row, &widths, None);
        if let Some(error) = &line.error {
            page.aside(4, error, Ink::Dim);
        }
    }
    page.into_text()
}

fn levels(lines: &[Line]) -> String {
    let mut counts = BTreeMap::new();
    for verdict in lines.iter().filter_map(|line| line.verdict.as_ref()) {
        *counts.entry(verdict.level.clone()).or_insert(0) += 1;
    }
    by_level(&counts)
}

/// One bundle.
fn row(line: &Line) -> Vec<String> {
    let nothing = || NOTHING.to_owned();
    let ticket = shortened(&line.ticket, TICKET);
    let Some(verdict) = &line.verdict else {
        let code = line.error_code.clone().unwrap_or_else(nothing);
        let rest = std::iter::repeat_with(nothing).take(5);
        return [ticket, code, "error".to_owned()].into_iter().chain(rest).collect();
    };
    let since = line.onset.as_ref().and_then(|onset| onset.first_failure.as_deref());
    let pairs = match verdict.pairs.as_slice() {
        [] => nothing(),
        [(source, target)] => format!("{source} to {target}"),
        pairs => pairs.len().to_string(),
    };
    vec![
        ticket,
        verdict.cause.clone(),
        verdict.level.clone(),
        format!("{:.2}", verdict.confidence),
        since.map_or_else(nothing, clock),
        pairs,
        line.gaps.as_ref().map_or(0, Vec::len).to_string(),
        verdict.trigger.as_ref().map_or_else(nothing, |trigger| shortened(trigger, TRIGGER)),
    ]
}

/// Writes differences by ticket, and their count, of `bundles` that were compared with the result called `recorded`.
#[must_use]
pub fn render_differences(differences: &[Difference], bundles: usize, recorded: &str) -> String {
    let mut text = String::new();
    for Difference { ticket, changes } in differences {
        text.push_str(&format!("{}\n", super::layout::plain(ticket)));
        for change in changes {
            text.push_str(&format!("  {}\n", super::layout::plain(change)));
        }
    }
    let compared = if bundles == 1 { "1 bundle was".to_owned() } else { format!("{bundles} bundles were") };
    let outcome = match differences.len() {
        0 => "nothing differs".to_owned(),
        1 => "1 ticket differs".to_owned(),
        count => format!("{count} tickets differ"),
    };
    text.push_str(&format!("{compared} compared with {recorded}: {outcome}.\n"));
    text
}
