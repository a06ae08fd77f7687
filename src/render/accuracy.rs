//! How well verdicts do, as Markdown: `docs/accuracy.md` is this.

use std::fmt::Write as _;

use super::word;
use crate::report::accuracy::{Accuracy, Score, Set};

/// The whole page, with a final line end.
#[must_use]
pub fn render_accuracy(accuracy: &Accuracy) -> String {
    let mut out = String::from(HEAD);
    let of = |set: &Set| set.score.stated.len();
    let _ = writeln!(
        out,
        "Seeds from {}: {} incidents, of them {} written as files and read again.\n",
        accuracy.first_seed,
        accuracy.sets.iter().map(of).sum::<usize>(),
        accuracy.sets.iter().filter(|set| set.files).map(of).sum::<usize>(),
    );
    out.push_str("## Bounds\n\n| what | bound | measured | holds |\n|---|---|---:|---|\n");
    for bound in &accuracy.bounds {
        let holds = if bound.holds { "yes" } else { "**no**" };
        let measured =
            if bound.wanted == "none" { bound.measured.to_string() } else { figure(bound.measured) };
        let _ = writeln!(out, "| {} | {} | {measured} | {holds} |", bound.what, bound.wanted);
    }
    triggers(&mut out, &accuracy.complete());
    for set in &accuracy.sets {
        let sent = if set.complete { "everything sent" } else { "a third of the sources missing" };
        let read = if set.files { "as files" } else { "as facts" };
        let _ = writeln!(out, "\n## {}, {sent}, {read}\n", set.score.stated.len());
        causes(&mut out, &set.score);
        if !set.files {
            worth(&mut out, &set.score);
            calibration(&mut out, &set.score);
        }
    }
    out
}

const HEAD: &str = "\
# How often the verdict is right

Made by `kcdoctor simulate`, which draws incidents by lot, knows the truth about each, and asks for a verdict. The
numbers say how the rules do on incidents as they are told here (`src/scenario/simulation/`): sites of 2 to 16 hosts of 2016 to 2025,
31 causes or none, one fault or two, updates that set it off and updates that have nothing to do with it, delegation that is
missing and was never needed, noise, clocks that are off, German texts, logs that were overwritten. How often which cause occurs in the field,
and how customers really send what, nobody has counted; no simulation can say more than was put into it.

A verdict is *right* where it names the cause that was planted, or one of two. *Open* is `inconclusive`. *Sure and
wrong* is a wrong verdict that is `confirmed`, `healthy`, or stated with nine tenths. Where the machines do not say what
failed (\"access denied\" and nothing more), anything up to `possible` is right. Calibration compares the confidence of
the verdict, and of the likeliest fault where the verdict leaves it open, with how often that is the fault. Of each set one
table goes by the fault that was planted, one by the verdict that was given.

";

/// Four places, but for nothing at all.
fn figure(value: f64) -> String {
    if value == 0.0 { "0".to_owned() } else { format!("{value:.4}") }
}

/// A row for each kind of change that sets faults off.
fn triggers(out: &mut String, score: &Score) {
    out.push_str(
        "\n## What set it off, everything sent\n\n| change | incidents | named |\n|---|---:|---:|\n",
    );
    for (kind, share) in score.triggers_by_kind() {
        let _ = writeln!(out, "| {kind} | {} | {} |", share.all, share.of);
    }
}

/// A row for each cause: how often the verdict says what, and what it says instead.
fn causes(out: &mut String, score: &Score) {
    let confusion = score.confusion();
    out.push_str("| cause | incidents | right | at which level | instead |\n|---|---:|---:|---|---|\n");
    for (truth, levels) in score.levels() {
        let all: usize = levels.values().map(|share| share.all).sum();
        let right: usize = levels.values().map(|share| share.of).sum();
        let level = |(level, share): (&crate::diagnose::Level, &crate::report::accuracy::Share)| {
            (share.of > 0).then(|| format!("{} {}", word(level), share.of))
        };
        let at: Vec<_> = levels.iter().rev().filter_map(level).collect();
        let instead = confusion.iter().filter(|((own, said), _)| *own == truth && *said != truth);
        let instead: Vec<_> = instead.map(|((_, said), count)| format!("{said} {count}")).collect();
        let _ = writeln!(out, "| {truth} | {all} | {right} | {} | {} |", at.join(", "), instead.join(", "));
    }
}

/// A row for each verdict: how sure it says that it is, and how often it is right.
fn worth(out: &mut String, score: &Score) {
    out.push_str("\n| verdict | level | incidents | mean stated | right |\n|---|---|---:|---:|---:|\n");
    for ((said, level), worth) in score.worths() {
        let _ = writeln!(
            out,
            "| {said} | {} | {} | {:.2} | {:.2} |",
            word(&level),
            worth.count,
            worth.stated,
            worth.right
        );
    }
}

fn calibration(out: &mut String, score: &Score) {
    let _ = writeln!(
        out,
        "\nCalibration error {}.\n\n| stated | incidents | mean stated | right |\n|---|---:|---:|---:|",
        figure(score.calibration_error())
    );
    for bin in score.bins() {
        let _ = writeln!(
            out,
            "| {:.1} to {:.1} | {} | {:.2} | {:.2} |",
            bin.from,
            bin.from + 0.1,
            bin.count,
            bin.stated,
            bin.right
        );
    }
}
