//! Five lines for a ticket.

use super::layout::{clock, plain, plain_lines};
use super::word;
use crate::knowledge::Cause;
use crate::report::Report;

pub(super) fn render(report: &Report) -> String {
    let verdict = &report.verdict;
    let onset = match (&report.onset.first_failure, &report.onset.last_success) {
        (None, _) => "no failure seen".to_owned(),
        (Some(first), None) => format!("first failure {} UTC, no success seen before it", clock(first)),
        (Some(first), Some(last)) => {
            format!("last success {}, first failure {} UTC", clock(last), clock(first))
        }
    };
    let trigger =
        report.trigger().map_or(String::new(), |change| format!("; set off by this: {}", change.summary));
    let also = if report.also.is_empty() {
        String::new()
    } else {
        format!(
            "; also {}",
            report
                .also
                .iter()
                .map(|other| format!("{} ({})", other.cause.name(), word(&other.level)))
                .collect::<Vec<_>>()
                .join(", ")
        )
    };
    // Many hosts with one gap are one word: `system-log:HV01,HV02`.
    let mut gaps: Vec<String> = Vec::new();
    for gap in &report.gaps {
        let (kind, host) = gap.id.split_once(':').unwrap_or((&gap.id, ""));
        match gaps.last_mut().filter(|last| !host.is_empty() && last.starts_with(&format!("{kind}:"))) {
            Some(last) => last.push_str(&format!(",{host}")),
            None => gaps.push(gap.id.clone()),
        }
    }
    let steps = report.plan.steps.iter().filter(|step| step.blocked_by.is_empty() && !step.optional).count();
    let blocked = report.plan.steps.iter().filter(|step| !step.blocked_by.is_empty()).count();
    let held = if blocked == 0 { String::new() } else { format!(", {blocked} when the gaps are closed") };
    let sure = if verdict.cause == Cause::undetermined() {
        String::new()
    } else {
        format!(", {:.0} %", verdict.confidence * 100.0)
    };
    let plural = if steps == 1 { "" } else { "s" };
    plain_lines(&format!(
        "{}: {} ({}{sure}){also}\n{}\nOnset: {onset}{trigger}\nPlan: {steps} step{plural} now{held}\nMissing: {}\n",
        plain(&report.bundle.name),
        verdict.cause.name(),
        word(&verdict.level),
        verdict.summary,
        if gaps.is_empty() { "nothing".to_owned() } else { gaps.join(", ") },
    ))
}
