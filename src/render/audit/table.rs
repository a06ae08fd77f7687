//! For a person at a terminal: what will fail, by which hardening, and what prevents it.

use super::super::layout::{Ink, Page};
use super::super::sources::noticed;
use super::super::table::{arrows, gaps, plan};
use super::super::{Style, word};
use crate::diagnose::{Basis, Level, State};
use crate::incident::Grant;
use crate::report::audit::{AuditReport, AuditedPair, PhaseReport, StaleReport, UnconstrainedReport};

/// Pairs that are shown before only those with something to say are.
const PAIRS: usize = 24;
/// Stale entries that are listed one by one; the JSON has all.
const ENTRIES: usize = 40;

pub(super) fn render(report: &AuditReport, style: Style) -> String {
    let mut page = Page::new(style);
    verdict(&mut page, report);
    pairs(&mut page, report);
    phases(&mut page, report);
    unconstrained(&mut page, &report.unconstrained);
    encryption(&mut page, report);
    stale(&mut page, report);
    plan(&mut page, &report.plan);
    gaps(&mut page, &report.gaps);
    noticed(&mut page, &report.bundle.sources);
    page.into_text()
}

fn verdict(page: &mut Page, report: &AuditReport) {
    let verdict = &report.verdict;
    let (title, ink) = match verdict.level {
        Level::Latent => ("LATENT", Ink::Red),
        Level::Healthy => ("READY", Ink::Green),
        _ => ("INCONCLUSIVE", Ink::Yellow),
    };
    let cause = if verdict.cause.is_fault() { format!("{} ", verdict.cause.name()) } else { String::new() };
    page.headline(title, ink, &format!("{cause}on {}", report.on));
    page.paragraph("", 0, &verdict.summary);
    for other in &report.also {
        page.paragraph("", 0, &format!("Also: {} ({}).", other.cause.name(), arrows(&other.pairs)));
    }
    if report.on > report.tool.knowledge.as_of {
        page.paragraph(
            "",
            0,
            &format!(
                "kcdoctor knows updates up to {}; phases announced later are not in it.",
                report.tool.knowledge.as_of
            ),
        );
    }
}

fn pairs(page: &mut Page, report: &AuditReport) {
    if report.pairs.is_empty() {
        return;
    }
    page.heading("PAIRS");
    let telling = |pair: &&AuditedPair| report.pairs.len() <= PAIRS || pair.state != State::Ready;
    let mut shown: Vec<_> = report.pairs.iter().filter(telling).collect();
    shown.truncate(PAIRS);
    let row = |pair: &&AuditedPair| {
        let missing = match &pair.missing_spns {
            _ if matches!(pair.delegation, Grant::Granted | Grant::NotNeeded) => "-".to_owned(),
            Some(missing) => missing.len().to_string(),
            None => "?".to_owned(),
        };
        vec![
            format!("{} → {}", pair.source, pair.target),
            word(&pair.state),
            causes(pair),
            word(&pair.delegation),
            missing,
        ]
    };
    page.table(&["pair", "state", "why", "delegation", "SPNs missing"], shown.iter().map(row).collect());
    let hidden = report.pairs.len() - shown.len();
    if hidden > 0 {
        page.paragraph("  ", 2, &format!("and {hidden} more pairs, in the JSON report"));
    }
    let mut remarks: Vec<(&String, Vec<(String, String)>)> = Vec::new();
    for pair in &report.pairs {
        let ends = (pair.source.clone(), pair.target.clone());
        for remark in &pair.remarks {
            match remarks.iter_mut().find(|(own, _)| *own == remark) {
                Some((_, pairs)) => pairs.push(ends.clone()),
                None => remarks.push((remark, vec![ends.clone()])),
            }
        }
    }
    for (remark, pairs) in remarks {
        page.paragraph("  ", 2, &format!("{}: {remark}.", arrows(&pairs)));
    }
}

/// The causes of a pair, each once, with the question mark of what is not known.
fn causes(pair: &AuditedPair) -> String {
    let mut names: Vec<_> = pair.reasons.iter().map(|reason| reason.cause.name()).collect();
    names.dedup();
    let doubt = if pair.state == State::Unknown { "?" } else { "" };
    names.iter().map(|name| format!("{name}{doubt}")).collect::<Vec<_>>().join(", ")
}

fn phases(page: &mut Page, report: &AuditReport) {
    page.heading(&format!("HARDENING IN FORCE ON {}", report.on));
    let (acting, quiet): (Vec<_>, Vec<_>) = report
        .phases
        .iter()
        .partition(|phase| !phase.fails.is_empty() || !phase.unknown.is_empty() || phase.straddled);
    if acting.is_empty() {
        page.paragraph("  ", 2, "None is known to break a pair, as far as exports can show.");
    }
    for phase in acting {
        phase_of(page, phase);
    }
    let mut by_force: Vec<(String, Vec<&PhaseReport>)> = Vec::new();
    for phase in quiet {
        let force = force(phase);
        match by_force.iter_mut().find(|(own, _)| *own == force) {
            Some((_, phases)) => phases.push(phase),
            None => by_force.push((force, vec![phase])),
        }
    }
    for (force, phases) in by_force {
        page.gap();
        page.paragraph("  ", 2, &format!("No pair is seen to fail under these, in force {force}:"));
        let row = |phase: &&PhaseReport| {
            vec![format!("  {}", phase.since), phase.hardening.clone(), phase.phase.clone()]
        };
        let rows: Vec<_> = phases.iter().map(row).collect();
        let widths = page.columns(&["  since", "hardening", "phase"], &rows);
        for (phase, row) in phases.iter().zip(&rows) {
            page.row(row, &widths, None);
            if let Some(next) = &phase.next {
                page.paragraph("", 14, &format!("next: {} on {}", next.phase, next.date));
            }
        }
    }
}

fn phase_of(page: &mut Page, phase: &PhaseReport) {
    page.paragraph(
        "  ",
        4,
        &format!(
            "{} {}: {} since {} ({})",
            phase.hardening,
            phase.title,
            phase.phase,
            phase.since,
            force(phase)
        ),
    );
    if !phase.fails.is_empty() {
        page.aside(6, &format!("will fail: {}", arrows(&phase.fails)), Ink::Red);
    }
    if !phase.unknown.is_empty() {
        page.aside(6, &format!("not known: {}", arrows(&phase.unknown)), Ink::Yellow);
    }
    // What a version brings is no state to bring the others to.
    if phase.straddled && phase.basis != Basis::Default {
        page.aside(6, "Machines stand on both sides of this phase; bring all to one build.", Ink::Yellow);
    }
    page.aside(6, &phase.effect, Ink::Dim);
    if let Some(next) = &phase.next {
        page.paragraph("", 6, &format!("Next: {} on {}.", next.phase, next.date));
    }
}

/// What it rests on that a phase is in force.
fn force(phase: &PhaseReport) -> String {
    let known = phase.machines.iter().filter(|machine| machine.carries.is_some()).count();
    let carrying = phase.machines.iter().filter(|machine| machine.carries == Some(true)).count();
    match phase.basis {
        Basis::Stated => "stated".to_owned(),
        Basis::Build if carrying == 0 => "by its date; no build that is known carries it".to_owned(),
        Basis::Build => format!("by build, on {carrying} of {known}"),
        Basis::Default if carrying == 0 => "with a version that no machine here runs".to_owned(),
        Basis::Default => format!("by the default of the version, on {carrying} of {}", phase.machines.len()),
        Basis::Date if known > 0 => {
            format!("by build on {carrying} of {known}, else by date, if updates are installed")
        }
        Basis::Date => "by date, if updates are installed".to_owned(),
    }
}

fn unconstrained(page: &mut Page, hosts: &[UnconstrainedReport]) {
    if hosts.is_empty() {
        return;
    }
    page.heading("UNCONSTRAINED DELEGATION");
    for own in hosts {
        let by = own.refused_by.as_deref().unwrap_or("Credential Guard");
        let default = if own.basis == Basis::Default { " by the default of its version" } else { "" };
        let refused = match own.refused {
            "now" => format!("refused{default} ({by})"),
            "after-upgrade" => format!(
                "works until an upgrade to Windows Server 2025, or until Credential Guard is turned on ({by})"
            ),
            "not" => "works, as Credential Guard is off".to_owned(),
            _ => format!("whether Credential Guard runs is not known ({by})"),
        };
        let list = match (&own.listed_targets, &own.unlisted_targets) {
            (Some(listed), Some(unlisted)) if unlisted.is_empty() && !listed.is_empty() => {
                "a complete list is there as well".to_owned()
            }
            (Some(listed), Some(_)) if listed.is_empty() => "no list is there".to_owned(),
            (Some(_), Some(unlisted)) => format!("a list is there, without {}", unlisted.join(", ")),
            _ => "whether a list is there is not known".to_owned(),
        };
        page.paragraph("  ", 4, &format!("{}: {refused}; {list}.", own.host));
    }
}

fn encryption(page: &mut Page, report: &AuditReport) {
    if report.encryption.is_empty() {
        return;
    }
    page.heading("ENCRYPTION TYPES");
    for own in &report.encryption {
        let types = own.types.map_or_else(|| "none".to_owned(), |types| format!("0x{types:X}"));
        page.paragraph("  ", 4, &format!("{} ({types}): {}.", own.host, own.note));
    }
}

fn stale(page: &mut Page, report: &AuditReport) {
    if report.stale.is_empty() && report.stale_unseen.is_empty() {
        return;
    }
    page.heading("STALE ENTRIES");
    for own in report.stale.iter().take(ENTRIES) {
        entry(page, own);
    }
    let more = report.stale.len().saturating_sub(ENTRIES);
    if more > 0 {
        page.paragraph("  ", 2, &format!("and {more} more; --format json lists all"));
    }
    if !report.stale_unseen.is_empty() {
        let hosts = report.stale_unseen.join(", ");
        page.paragraph(
            "  ",
            2,
            &format!("Not every list of {hosts} is in the exports, so stale entries there can't be seen."),
        );
    }
}

fn entry(page: &mut Page, own: &StaleReport) {
    let sure = if own.certain { "" } else { " (not certain)" };
    page.paragraph("  ", 4, &format!("{}{sure}: {}", word(&own.kind), own.value));
    page.paragraph("", 6, &format!("on {}: {}.", own.holders.join("; "), own.detail));
    if !own.foreign.is_empty() {
        page.paragraph("", 6, &format!("Another name has {}: take it off there.", own.foreign.join("; ")));
    }
    if !own.certain {
        page.verbatim("", 8, &own.check);
    }
}
