//! The tables: causes, triggers, clusters, gaps, errors, tools. Each is ordered by frequency, then by name; of
//! triggers, names that tickets share stand before kinds of changes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{CauseCount, Cluster, ErrorCount, Example, GapCount, Onsets, SHAPE, TRIGGER, ToolCount};
use super::{TriggerCount, WINDOWS, part};
use crate::knowledge::{Cause, Knowledge};
use crate::report::triage::{Line, LineVerdict, Status};

/// How often each name was met.
type Counts = BTreeMap<String, usize>;

pub(super) fn causes(tickets: &[Line]) -> Vec<CauseCount> {
    let mut also = Counts::new();
    for other in tickets.iter().flat_map(|line| line.also.iter().flatten()) {
        *also.entry(other.cause.clone()).or_default() += 1;
    }
    let own = grouped(tickets.iter().filter_map(|line| Some((line.verdict.as_ref()?.cause.as_str(), line))));
    let names: BTreeSet<_> = own.keys().copied().chain(also.keys().map(String::as_str)).collect();
    let of = |cause: &str| {
        let lines = own.get(cause).map(Vec::as_slice).unwrap_or_default();
        CauseCount {
            cause: cause.to_owned(),
            family: verdicts(lines).next().map(|verdict| verdict.family.clone()),
            tickets: lines.len(),
            levels: levels(lines),
            also: also.get(cause).copied().unwrap_or_default(),
        }
    };
    let mut all: Vec<_> = names.into_iter().map(of).collect();
    all.sort_by_key(|count| (Reverse(count.tickets), Reverse(count.also)));
    all
}

pub(super) fn triggers(tickets: &[Line], examples: usize) -> Vec<TriggerCount> {
    let hit = tickets.iter().filter_map(|line| {
        let verdict = line.verdict.as_ref()?;
        let trigger = verdict.trigger.as_deref();
        let trigger = trigger.map(|own| (is_kind(own), part(line, TRIGGER).unwrap_or(own)));
        (trigger.is_some() || is_fault(verdict)).then_some((trigger, line))
    });
    let of = |(trigger, lines): (Option<(bool, &str)>, Vec<&Line>)| TriggerCount {
        trigger: trigger.map(|(_, name)| name.to_owned()),
        tickets: lines.len(),
        causes: counted(verdicts(&lines).map(|verdict| &verdict.cause)),
        levels: levels(&lines),
        onset: onsets(&lines),
        examples: named(&lines, examples),
    };
    let mut all: Vec<_> = grouped(hit).into_iter().collect();
    all.sort_by_key(|(trigger, lines)| {
        let own = trigger.map(|(is_kind, _)| is_kind);
        (own.is_none(), own, Reverse(lines.len()))
    });
    all.into_iter().map(of).collect()
}

/// Whether a trigger is a change of one ticket (`directory:HV01:2026-09-30T16:12:00Z`), which counts by its kind, and no
/// name that tickets share.
fn is_kind(trigger: &str) -> bool {
    trigger.contains(':')
}

pub(super) fn clusters(tickets: &[Line], examples: usize) -> Vec<Cluster> {
    let signed = tickets.iter().filter_map(|line| Some((line.signature.as_deref()?, line)));
    let of = |(signature, lines): (&str, Vec<&Line>)| {
        let line = lines.first()?;
        let verdict = line.verdict.as_ref()?;
        let os = part(line, WINDOWS).unwrap_or_default();
        Some(Cluster {
            signature: signature.to_owned(),
            cause: verdict.cause.clone(),
            family: verdict.family.clone(),
            trigger: part(line, TRIGGER).map(str::to_owned),
            shape: part(line, SHAPE).map(str::to_owned),
            os: os.split('+').filter(|version| !version.is_empty()).map(str::to_owned).collect(),
            tickets: lines.len(),
            levels: levels(&lines),
            onset: onsets(&lines),
            examples: named(&lines, examples),
        })
    };
    let mut all: Vec<_> = grouped(signed).into_iter().filter_map(of).collect();
    all.sort_by_key(|cluster| Reverse(cluster.tickets));
    all
}

/// A gap such as `system-log:HV01` counts as what stands before the colon.
pub(super) fn gaps(tickets: &[Line], knowledge: &Knowledge) -> Vec<GapCount> {
    let mut all = BTreeMap::<&str, GapCount>::new();
    for line in tickets {
        let is_open = line.verdict.as_ref().is_some_and(|verdict| verdict.level == "inconclusive");
        let pieces = line.gaps.iter().flatten().map(|gap| gap.split(':').next().unwrap_or_default());
        let mut own = BTreeMap::<&str, usize>::new();
        pieces.for_each(|gap| *own.entry(gap).or_default() += 1);
        for (gap, pieces) in own {
            let count = all.entry(gap).or_insert_with(|| GapCount {
                gap: gap.to_owned(),
                ask: knowledge.gaps.piece(gap).map(|piece| piece.ask.clone()),
                tickets: 0,
                inconclusive: 0,
                pieces: 0,
            });
            count.tickets += 1;
            count.inconclusive += usize::from(is_open);
            count.pieces += pieces;
        }
    }
    let mut all: Vec<_> = all.into_values().collect();
    all.sort_by_key(|count| Reverse(count.tickets));
    all
}

pub(super) fn errors(tickets: &[Line], examples: usize) -> Vec<ErrorCount> {
    let failed = tickets.iter().filter(|line| line.status == Status::Error);
    let of = |(code, lines): (Option<&str>, Vec<&Line>)| ErrorCount {
        code: code.map(str::to_owned),
        tickets: lines.len(),
        examples: lines.iter().take(examples).map(|line| line.ticket.clone()).collect(),
    };
    let mut all: Vec<_> =
        grouped(failed.map(|line| (line.error_code.as_deref(), line))).into_iter().map(of).collect();
    all.sort_by_key(|count| Reverse(count.tickets));
    all
}

pub(super) fn tools(tickets: &[Line]) -> Vec<ToolCount> {
    let made = tickets.iter().map(|line| {
        let tool = &line.tool;
        ((&tool.version, &tool.knowledge, &tool.options, line.schema_version), line)
    });
    let mut all: Vec<_> = grouped(made)
        .into_iter()
        .map(|((version, knowledge, options, line_version), lines)| ToolCount {
            version: version.clone(),
            knowledge: knowledge.clone(),
            options: options.clone(),
            line_version,
            tickets: lines.len(),
        })
        .collect();
    all.sort_by_key(|count| Reverse(count.tickets));
    all
}

/// Lines by a key; those of one key stay by ticket.
fn grouped<'a, K: Ord>(lines: impl Iterator<Item = (K, &'a Line)>) -> BTreeMap<K, Vec<&'a Line>> {
    let mut all = BTreeMap::<_, Vec<_>>::new();
    lines.for_each(|(key, line)| all.entry(key).or_default().push(line));
    all
}

fn counted<'a>(names: impl Iterator<Item = &'a String>) -> Counts {
    let mut all = Counts::new();
    names.for_each(|name| *all.entry(name.clone()).or_default() += 1);
    all
}

fn verdicts<'a>(lines: &[&'a Line]) -> impl Iterator<Item = &'a LineVerdict> {
    lines.iter().filter_map(|line| line.verdict.as_ref())
}

fn levels(lines: &[&Line]) -> Counts {
    counted(verdicts(lines).map(|verdict| &verdict.level))
}

/// A cause that this version does not know is one of a later version.
fn is_fault(verdict: &LineVerdict) -> bool {
    Cause::named(&verdict.cause).is_none_or(Cause::is_fault)
}

fn onsets(lines: &[&Line]) -> Onsets {
    let texts = || lines.iter().filter_map(|line| line.onset.as_ref()?.first_failure.as_ref());
    let times = || texts().filter_map(|text| Some((text.parse::<Timestamp>().ok()?, text)));
    Onsets {
        known: times().count(),
        first: times().min().map(|(_, text)| text.clone()),
        last: times().max().map(|(_, text)| text.clone()),
    }
}

/// The surest first, then by ticket.
fn named(lines: &[&Line], most: usize) -> Vec<Example> {
    let mut all: Vec<_> = lines.iter().filter_map(|line| Some((*line, line.verdict.as_ref()?))).collect();
    all.sort_by(|(_, a), (_, b)| b.confidence.total_cmp(&a.confidence));
    let example = |(line, verdict): (&Line, &LineVerdict)| Example {
        ticket: line.ticket.clone(),
        path: line.path.clone(),
        level: verdict.level.clone(),
        confidence: verdict.confidence,
    };
    all.into_iter().take(most).map(example).collect()
}
