//! For a person at a terminal: the verdict first, then why, what was ruled out, when, and what to do.

use std::collections::BTreeMap;

use super::layout::{Ink, Page, clock};
use super::sources::issues;
use super::{Style, word};
use crate::diagnose::{Level, Relation, RuleOutcome};
use crate::incident::Grant;
use crate::knowledge::{Cause, Origin};
use crate::report::{
    EstimateReport, EvidenceReport, FindingReport, GapReport, PlanReport, Report, StepReport, TallyReport,
};

/// Pieces of evidence shown for one finding; the JSON report has more.
const PIECES: usize = 6;
/// Lines of the timeline before and after the first failure.
const AROUND: usize = 6;
/// A rise that is more probable than this by chance is called so.
const PLAIN: f64 = 0.05;
/// Pairs shown before only those with something to say are.
const PAIRS: usize = 24;

pub(super) fn render(report: &Report, style: Style) -> String {
    let mut page = Page::new(style);
    verdict(&mut page, report);
    why(&mut page, report);
    ruled_out(&mut page, report);
    timeline(&mut page, report);
    pairs(&mut page, report);
    plan(&mut page, &report.plan);
    gaps(&mut page, &report.gaps);
    sources(&mut page, report);
    page.into_text()
}

fn verdict(page: &mut Page, report: &Report) {
    let verdict = &report.verdict;
    let ink = match verdict.level {
        Level::Confirmed | Level::Latent => Ink::Red,
        Level::Healthy => Ink::Green,
        Level::Probable | Level::Possible | Level::Inconclusive => Ink::Yellow,
    };
    let sure = if verdict.cause == Cause::undetermined() {
        String::new()
    } else {
        format!("  ({:.0} % confidence)", verdict.confidence * 100.0)
    };
    page.headline(&word(&verdict.level).to_uppercase(), ink, &format!("{}{sure}", verdict.cause.name()));
    page.paragraph("", 0, &verdict.summary);
    if let Some(change) = report.trigger() {
        page.paragraph("", 0, &format!("Set off by this: {}.", change.summary));
    }
    for other in &report.also {
        let pairs = arrows(&other.pairs);
        page.paragraph("", 0, &format!("Also {}: {} ({pairs}).", word(&other.level), other.cause.name()));
    }
}

/// `HV01 → HV02`, shortened for many.
pub(super) fn arrows(pairs: &[(String, String)]) -> String {
    let shown: Vec<_> = pairs.iter().take(6).map(|(source, target)| format!("{source} → {target}")).collect();
    let rest = pairs.len().saturating_sub(6);
    if rest == 0 { shown.join(", ") } else { format!("{} and {rest} more", shown.join(", ")) }
}

fn address(piece: &EvidenceReport) -> String {
    match (piece.record, piece.line) {
        (Some(record), _) => format!("{} record {record}", piece.source),
        (None, Some(line)) => format!("{} line {line}", piece.source),
        (None, None) => piece.source.clone(),
    }
}

/// Findings for the verdict and for the other causes, with the records behind them. Where the verdict is open,
/// an undecided rule of its cause is part of the answer.
fn why(page: &mut Page, report: &Report) {
    let spoken: Vec<Cause> =
        std::iter::once(report.verdict.cause).chain(report.also.iter().map(|other| other.cause)).collect();
    let is_open = matches!(report.verdict.level, Level::Inconclusive | Level::Possible | Level::Probable);
    let speaks = |finding: &&FindingReport| match finding.outcome {
        RuleOutcome::Hit => spoken.contains(&finding.cause),
        RuleOutcome::Inconclusive => is_open && finding.cause == report.verdict.cause,
        RuleOutcome::RuledOut => false,
    };
    let findings: Vec<_> = report.findings.iter().filter(speaks).collect();
    if findings.is_empty() {
        return;
    }
    page.heading("WHY");
    for finding in findings {
        let missing = if finding.missing.is_empty() {
            String::new()
        } else {
            format!("; unknown: {}", finding.missing.join(", "))
        };
        page.paragraph(
            &format!("{} ", finding.id),
            4,
            &format!("{} {} [{}{missing}]", finding.rule, finding.title, word(&finding.outcome)),
        );
        for piece in by_source(&finding.evidence).into_iter().take(PIECES) {
            let time = piece.time.as_deref().map_or(String::new(), |time| format!("{}  ", clock(time)));
            page.paragraph("", 6, &format!("{time}{}", address(piece)));
            page.aside(8, &piece.excerpt, Ink::Dim);
        }
        let rest = finding.evidence_total.saturating_sub(PIECES.min(finding.evidence.len()));
        if rest > 0 {
            page.paragraph("", 6, &format!("and {rest} more"));
        }
    }
}

/// Evidence with every source named before any is named twice.
fn by_source(evidence: &[EvidenceReport]) -> Vec<&EvidenceReport> {
    let mut ordered: Vec<(usize, usize, &EvidenceReport)> = Vec::new();
    for (index, piece) in evidence.iter().enumerate() {
        let turn = evidence.iter().take(index).filter(|other| other.source == piece.source).count();
        ordered.push((turn, index, piece));
    }
    ordered.sort_by_key(|(turn, index, _)| (*turn, *index));
    ordered.into_iter().map(|(_, _, piece)| piece).collect()
}

/// Causes that lost, with the finding that excludes them.
fn ruled_out(page: &mut Page, report: &Report) {
    let lost = report
        .hypotheses
        .iter()
        .filter_map(|hypothesis| Some((hypothesis, hypothesis.ruled_out_by.as_ref()?)));
    let lost: Vec<_> = lost.collect();
    if lost.is_empty() {
        return;
    }
    page.heading("RULED OUT");
    let mut unnamed = Vec::new();
    for (hypothesis, id) in lost {
        let Some(finding) = report.findings.iter().find(|finding| finding.id == *id) else { continue };
        // A component that says nothing of itself leaves no record.
        if finding.because.iter().any(|fact| fact == "pair.classes") {
            unnamed.push(hypothesis.cause.name());
            continue;
        }
        let at = finding.evidence.first().map_or_else(String::new, |piece| format!(", {}", address(piece)));
        let text = format!("{}: {id}, by {}{at}", hypothesis.cause.name(), finding.because.join(", "));
        page.paragraph("  ", 4, &text);
    }
    if !unnamed.is_empty() {
        page.paragraph("  ", 4, &format!("no failure names {}", unnamed.join(", ")));
    }
}

/// The events next to the first failure, changes in the bracket always.
fn timeline(page: &mut Page, report: &Report) {
    let Some(first) = &report.onset.first_failure else { return };
    page.heading("TIMELINE AROUND ONSET");
    if report.onset.last_success.is_none() {
        page.paragraph(
            "  ",
            2,
            "No success is seen before the first failure, so the onset has no earlier bound.",
        );
    }
    if let Some(estimate) = &report.onset.estimate {
        page.paragraph("  ", 2, &rise(estimate));
    }
    let at = report.timeline.partition_point(|entry| entry.time < *first);
    let near = at.saturating_sub(AROUND)..(at + AROUND).min(report.timeline.len());
    let bracketed = |reference: &str| {
        report
            .changes
            .iter()
            .any(|change| change.id == reference && change.relation == Some(Relation::InBracket))
    };
    let shown = report.timeline.iter().enumerate().filter(|(index, entry)| {
        near.contains(index) || entry.kind == "change" && bracketed(&entry.reference)
    });
    let rows = shown
        .map(|(_, entry)| {
            vec![
                clock(&entry.time),
                entry.host.clone().unwrap_or_default(),
                describe(report, entry.kind, &entry.reference, entry.host.as_deref()),
            ]
        })
        .collect();
    page.table(&["time (UTC)", "host", "what"], rows);
    progress(page, report);
}

/// What the progress at the failures tells, each reading once.
fn progress(page: &mut Page, report: &Report) {
    let mut said: Vec<&str> = Vec::new();
    for attempt in &report.attempts {
        let Some(reading) = attempt.progress_reading.as_deref().filter(|reading| !said.contains(reading))
        else {
            continue;
        };
        said.push(reading);
        let stated = attempt.progress.map_or_else(String::new, |percent| format!(" failed at {percent} %"));
        page.paragraph("  ", 2, &format!("{}{stated}: {reading}", attempt.id));
    }
}

/// How the failure rate rose, no surer than it is.
fn rise(estimate: &EstimateReport) -> String {
    let of = |tally: &TallyReport| format!("{} of {}", tally.failed, tally.attempts);
    let (before, after) = (of(&estimate.before), of(&estimate.after));
    let mut text = match &estimate.at.0 {
        None => format!("Nothing before the first failure is seen on these pairs; since: {after} failed."),
        Some(from) => {
            let p = match estimate.p_value {
                p if p < 0.00001 => "p < 0.00001".to_owned(),
                p => format!("p = {}", (p * 100_000.0).round() / 100_000.0),
            };
            let p = if estimate.p_value < PLAIN { p } else { format!("{p}: chance may do that") };
            let between = format!("between {} and {}", clock(from), clock(&estimate.at.1));
            format!("Failures most likely set in {between}. Before: {before} failed, since: {after} ({p}).")
        }
    };
    if estimate.intermittent {
        text.push_str(" Some moves succeeded after the first failure.");
    }
    if estimate.reaches_back == Some(false) {
        text.push_str(" A source's log begins no earlier than the first failure, so the fault may be older.");
    }
    text
}

fn describe(report: &Report, kind: &str, reference: &str, host: Option<&str>) -> String {
    match kind {
        "attempt" => report.attempts.iter().find(|attempt| attempt.id == reference).map_or_else(
            String::new,
            |attempt| {
                let target = attempt.target.as_deref().unwrap_or("?");
                let class = attempt
                    .class
                    .filter(|_| attempt.outcome == "failed")
                    .map_or(String::new(), |class| format!(", {}", word(&class)));
                let codes = if attempt.codes.is_empty() {
                    String::new()
                } else {
                    format!(" {}", attempt.codes.join(" "))
                };
                format!(
                    "{reference} {} to {target} {}{class}{codes}",
                    attempt.vm.as_deref().unwrap_or("?"),
                    attempt.outcome
                )
            },
        ),
        "change" => report
            .changes
            .iter()
            .find(|change| change.id == reference && change.host.as_deref() == host)
            .map_or_else(String::new, |change| {
                let relation =
                    change.relation.map_or(String::new(), |relation| format!(", {}", word(&relation)));
                let brings = change
                    .hardening
                    .as_ref()
                    .map_or_else(String::new, |ids| format!(", brings {}", ids.join(", ")));
                // The time stands in its own column.
                let what = match change.summary.split_once(" at 2") {
                    Some((what, rest)) => {
                        format!("{what}{}", rest.split_once(" UTC").map_or("", |(_, tail)| tail))
                    }
                    None => change.summary.clone(),
                };
                format!("{what}{brings} ({}{relation})", word(&change.strength))
            }),
        _ => format!("records missing in {reference}"),
    }
}

fn pairs(page: &mut Page, report: &Report) {
    let unplaced = unplaced(report);
    if report.pairs.is_empty() && unplaced.is_empty() {
        return;
    }
    page.heading("PAIRS");
    let telling = |pair: &&crate::report::PairReport| {
        report.pairs.len() <= PAIRS || pair.failed > 0 || pair.delegation.is_unmet()
    };
    let shown: Vec<_> = report.pairs.iter().filter(telling).collect();
    let hidden = report.pairs.len() - shown.len().min(PAIRS);
    let row = |pair: &&crate::report::PairReport| {
        let missing = match &pair.missing_spns {
            _ if pair.delegation == Grant::NotNeeded => "-".to_owned(),
            Some(missing) => missing.len().to_string(),
            None => "?".to_owned(),
        };
        vec![
            format!("{} → {}", pair.source, pair.target),
            pair.failed.to_string(),
            pair.succeeded.to_string(),
            pair.last_success.as_deref().map_or_else(|| "-".into(), clock),
            word(&pair.delegation),
            missing,
        ]
    };
    let rows = shown.iter().take(PAIRS).map(row).chain(unplaced).collect();
    page.table(&["pair", "failed", "ok", "last ok", "delegation", "SPNs missing"], rows);
    if hidden > 0 {
        page.paragraph("  ", 2, &format!("and {hidden} more pairs, in the JSON report"));
    }
}

/// Migrations of which no record names both ends, in rows of their own: they are no pair's, and still happened.
fn unplaced(report: &Report) -> Vec<Vec<String>> {
    let mut places: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    let open = report.attempts.iter().filter(|own| own.source.is_none() || own.target.is_none());
    for attempt in open {
        let [source, target] = [&attempt.source, &attempt.target].map(|end| end.as_deref().unwrap_or("?"));
        let [failed, succeeded] = places.entry(format!("{source} → {target}")).or_default();
        *(if attempt.outcome == "failed" { failed } else { succeeded }) += 1;
    }
    let row = |(place, [failed, succeeded]): (String, [usize; 2])| {
        let dash = || "-".to_owned();
        vec![place, failed.to_string(), succeeded.to_string(), dash(), dash(), dash()]
    };
    places.into_iter().map(row).collect()
}

/// The steps, and what the rules say of them.
pub(super) fn plan(page: &mut Page, plan: &PlanReport) {
    if plan.steps.is_empty() {
        return;
    }
    page.heading("PLAN");
    for step in &plan.steps {
        plan_step(page, step);
    }
    let left = &plan.proof.remaining;
    if !plan.proof.before.is_empty() {
        let speak = |hits: &[(String, Vec<(String, String)>)]| {
            if hits.is_empty() {
                "none".to_owned()
            } else {
                hits.iter()
                    .map(|(rule, pairs)| format!("{rule} ({})", pairs.len()))
                    .collect::<Vec<_>>()
                    .join(", ")
            }
        };
        page.paragraph(
            "",
            0,
            &format!(
                "Rules that speak now: {}; with the plan applied: {}.",
                speak(&plan.proof.before),
                speak(&plan.proof.after)
            ),
        );
    }
    left.iter().for_each(|line| page.paragraph("  ", 2, line));
}

fn plan_step(page: &mut Page, step: &StepReport) {
    let marks = match (step.optional, step.blocked_by.is_empty()) {
        (true, true) => " (optional)".to_owned(),
        (_, false) => format!(" (BLOCKED until {} is there)", step.blocked_by.join(", ")),
        (false, true) => String::new(),
    };
    let why = if step.why.is_empty() { String::new() } else { format!(" [{}]", step.why.join(", ")) };
    page.paragraph(&format!("{}. ", step.n), 4, &format!("{}{marks}{why}", step.title));
    for spn in &step.add_spns {
        page.verbatim("", 6, spn);
    }
    if step.is_offer() {
        return page.paragraph("", 6, "Only where storage moves along: --storage puts it into the plan.");
    }
    page.paragraph("", 6, &format!("Rights: {}", step.rights));
    let mut block = |name: &str, text: &str| {
        if !text.is_empty() {
            page.paragraph("", 6, name);
            page.verbatim("", 8, text);
        }
    };
    block("Look first:", &step.precheck);
    block("PowerShell:", &step.command);
    if !step.aduc.is_empty() {
        page.paragraph("", 6, "By hand:");
        step.aduc.iter().for_each(|click| page.paragraph("      - ", 8, click));
    }
    page.paragraph("", 6, "Verify:");
    page.verbatim("", 8, &step.verify);
    page.paragraph("", 6, "Way back:");
    page.verbatim("", 8, &step.rollback);
}

/// What is missing, with the commands that collect it.
pub(super) fn gaps(page: &mut Page, gaps: &[GapReport]) {
    if gaps.is_empty() {
        return;
    }
    page.heading("MISSING");
    for gap in gaps {
        let hosts = if gap.hosts.is_empty() { String::new() } else { format!(" ({})", gap.hosts.join(", ")) };
        page.paragraph("  ", 2, &format!("{}{hosts}: {}", gap.id, gap.why));
        page.verbatim("", 8, &gap.collect);
    }
}

fn own_rule(rule: &crate::report::OwnRule) -> String {
    match rule.origin {
        Origin::Replaced => format!("{} (in place of the shipped one)", rule.id),
        Origin::Added | Origin::Shipped => rule.id.clone(),
    }
}

/// Files that were damaged or not understood; the rest needs no word.
fn sources(page: &mut Page, report: &Report) {
    let records: u64 = report.bundle.sources.iter().map(|source| source.records).sum();
    page.heading("SOURCES");
    page.paragraph(
        "  ",
        2,
        &format!(
            "{} files, {records} records; {} {}",
            report.bundle.sources.len(),
            report.bundle.name,
            report.bundle.hash
        ),
    );
    let own: Vec<_> = report.tool.knowledge.own_rules.iter().map(own_rule).collect();
    if !own.is_empty() {
        page.paragraph("  ", 2, &format!("With rules of your own: {}.", own.join(", ")));
    }
    let mut coverage: Vec<_> = report
        .coverage
        .iter()
        .filter(|row| {
            row.channel.starts_with("Microsoft-Windows-Hyper-V")
                || ["System", "Security", "Setup"].contains(&row.channel.as_str())
        })
        .collect();
    coverage.truncate(PAIRS);
    let row = |row: &&crate::report::CoverageReport| {
        vec![
            row.host.clone(),
            row.channel.trim_start_matches("Microsoft-Windows-").to_owned(),
            row.records.to_string(),
            clock(&row.first),
            clock(&row.last),
            row.holes.len().to_string(),
        ]
    };
    if !coverage.is_empty() {
        page.table(
            &["host", "channel", "records", "first", "last", "holes"],
            coverage.iter().map(row).collect(),
        );
    }
    issues(page, &report.bundle.sources);
}
