//! Many triage lines as one table, as plain data: serialised, it is the JSON of `kcdoctor merge`.
//!
//! Lines are only counted: what they say was judged when they were made. What is *not* done here: reading them (see
//! [`crate::command::merge`]), layout.

use std::collections::BTreeMap;

use serde::Serialize;

use super::triage::{Line, Status};
use super::{SCHEMA_VERSION, Tool};
use crate::knowledge::Knowledge;

mod count;
mod duplicates;
mod remarks;
#[cfg(test)]
mod testing;

/// The report of `kcdoctor merge`.
#[derive(Debug, Serialize)]
pub struct MergeReport {
    /// The version of this form.
    pub schema_version: u32,
    /// The command that made it.
    pub command: &'static str,
    /// What made it; what made the lines stands in `tools`.
    pub tool: Tool,
    /// How much there is of what.
    pub totals: Totals,
    /// What to know before trusting the figures, a sentence each.
    pub remarks: Vec<String>,
    /// Causes by level, the most frequent first.
    pub causes: Vec<CauseCount>,
    /// What set faults off: updates and hardening changes, then changes of single tickets by kind, the most frequent
    /// first; last the tickets of which nobody knows.
    pub triggers: Vec<TriggerCount>,
    /// Tickets with one signature, the most frequent first.
    pub clusters: Vec<Cluster>,
    /// What is missing, the most frequent first.
    pub gaps: Vec<GapCount>,
    /// Why bundles could not be analyzed, the most frequent first.
    pub errors: Vec<ErrorCount>,
    /// What made the lines, the most frequent first.
    pub tools: Vec<ToolCount>,
    /// Lines that can't be read, the first of them.
    pub unread: Vec<Unread>,
    /// The line of each ticket, by ticket. The results hold them already, so JSON does not repeat them.
    #[serde(skip)]
    pub tickets: Vec<Line>,
}

/// How much there is of what.
#[derive(Debug, Default, Serialize)]
pub struct Totals {
    /// Results that were read.
    pub results: usize,
    /// Lines of triage in them.
    pub lines: usize,
    /// Lines that are none, and are not counted anywhere else.
    pub unread: usize,
    /// Last lines that a killed run tore, and that are not counted anywhere else.
    pub torn: usize,
    /// Tickets: one line each.
    pub tickets: usize,
    /// Tickets that were analyzed.
    pub ok: usize,
    /// Tickets that could not be.
    pub errors: usize,
    /// Lines that another line of their ticket stands for.
    pub duplicates: Duplicates,
    /// Bytes that were read of the files of all tickets, unpacked.
    pub bytes: u64,
    /// Intact records in them.
    pub records: u64,
}

/// Lines that do not count, because another line of their ticket does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Duplicates {
    /// All of them.
    pub lines: usize,
    /// Lines that say that the bundle could not be analyzed.
    pub failed: usize,
    /// Lines about the bundle that counts.
    pub same_bundle: usize,
    /// Lines about another bundle.
    pub other_bundle: usize,
    /// Tickets with failed lines of several paths, of which no hash says that they are about one bundle.
    pub other_paths: usize,
    /// Tickets of which nothing in the lines says which is the newer, so that the one that was read last counts.
    pub by_order: usize,
}

/// A cause.
#[derive(Debug, PartialEq, Serialize)]
pub struct CauseCount {
    /// Its name.
    pub cause: String,
    /// Its family; `null` where no verdict names the cause.
    pub family: Option<String>,
    /// Tickets with this verdict.
    pub tickets: usize,
    /// The same by level.
    pub levels: BTreeMap<String, usize>,
    /// Tickets in which it stands beside the verdict.
    pub also: usize,
}

/// Something that set faults off.
#[derive(Debug, PartialEq, Serialize)]
pub struct TriggerCount {
    /// The update or hardening change, else the kind of change; `null` for faults of which nobody knows.
    pub trigger: Option<String>,
    /// Tickets that it hit.
    pub tickets: usize,
    /// The same by cause.
    pub causes: BTreeMap<String, usize>,
    /// The same by level.
    pub levels: BTreeMap<String, usize>,
    /// Since when.
    pub onset: Onsets,
    /// Some of them.
    pub examples: Vec<Example>,
}

/// Tickets with one signature.
#[derive(Debug, PartialEq, Serialize)]
pub struct Cluster {
    /// The signature.
    pub signature: String,
    /// The cause.
    pub cause: String,
    /// Its family.
    pub family: String,
    /// What set it off, as in the signature.
    pub trigger: Option<String>,
    /// How its pairs lie to each other.
    pub shape: Option<String>,
    /// Versions of Windows.
    pub os: Vec<String>,
    /// Tickets.
    pub tickets: usize,
    /// The same by level.
    pub levels: BTreeMap<String, usize>,
    /// Since when.
    pub onset: Onsets,
    /// Some of them.
    pub examples: Vec<Example>,
}

/// When faults of several tickets set in: by the first failure that each verdict explains.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Onsets {
    /// Tickets that know.
    pub known: usize,
    /// The earliest.
    pub first: Option<String>,
    /// The latest.
    pub last: Option<String>,
}

/// A ticket to look at.
#[derive(Debug, PartialEq, Serialize)]
pub struct Example {
    /// The ticket.
    pub ticket: String,
    /// The path of its bundle.
    pub path: String,
    /// How sure its verdict is.
    pub level: String,
    /// The probability that its cause is right.
    pub confidence: f64,
}

/// Something that bundles lack.
#[derive(Debug, PartialEq, Serialize)]
pub struct GapCount {
    /// Its id, without a host.
    pub gap: String,
    /// What to ask for, in a few words; `null` where this program does not know the gap.
    pub ask: Option<String>,
    /// Tickets that lack it.
    pub tickets: usize,
    /// Of these, tickets whose verdict is inconclusive.
    pub inconclusive: usize,
    /// Pieces: a ticket may lack it of several hosts.
    pub pieces: usize,
}

/// A reason why bundles could not be analyzed.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct ErrorCount {
    /// Its stable name.
    pub code: Option<String>,
    /// Tickets.
    pub tickets: usize,
    /// Some of them.
    pub examples: Vec<String>,
}

/// What made lines.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ToolCount {
    /// The version of the program.
    pub version: String,
    /// The revision of its knowledge.
    pub knowledge: String,
    /// Options that change what is said.
    pub options: String,
    /// The version of the line's form.
    pub line_version: u32,
    /// Tickets.
    pub tickets: usize,
}

/// A line that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// The result.
    pub result: String,
    /// The line, from 1 on.
    pub line: u64,
    /// Why.
    pub why: String,
}

/// Lines as they were read.
#[derive(Debug, Default)]
pub struct Results {
    /// How many results.
    pub results: usize,
    /// Every line, as they stand.
    pub lines: Vec<Line>,
    /// How many lines can't be read.
    pub unread: usize,
    /// The first of them.
    pub first_unread: Vec<Unread>,
    /// Results whose last line is torn.
    pub torn: Vec<String>,
}

/// Counts lines. At most `examples` tickets are named of each cluster, trigger and error.
#[must_use]
pub fn merge(results: Results, examples: usize, knowledge: &Knowledge) -> MergeReport {
    let Results { results, lines, unread, first_unread, torn } = results;
    let mut totals = Totals { results, lines: lines.len(), unread, torn: torn.len(), ..Totals::default() };
    let (tickets, duplicates) = duplicates::resolve(lines);
    let is_ok = |line: &&Line| line.status == Status::Ok;
    totals.tickets = tickets.len();
    totals.ok = tickets.iter().filter(is_ok).count();
    totals.errors = totals.tickets - totals.ok;
    totals.duplicates = duplicates;
    totals.bytes = tickets.iter().filter_map(|line| line.bytes).fold(0, u64::saturating_add);
    totals.records = tickets.iter().filter_map(|line| line.records).fold(0, u64::saturating_add);
    let tools = count::tools(&tickets);
    MergeReport {
        schema_version: SCHEMA_VERSION,
        command: "merge",
        tool: Tool::with(knowledge),
        remarks: remarks::remarks(&totals, &tools, &torn),
        totals,
        causes: count::causes(&tickets),
        triggers: count::triggers(&tickets, examples),
        clusters: count::clusters(&tickets, examples),
        gaps: count::gaps(&tickets, knowledge),
        errors: count::errors(&tickets, examples),
        tools,
        unread: first_unread,
        tickets,
    }
}

/// The part of a line's signature at `place`; `None` where it says that there is nothing or nothing is known.
pub(crate) fn part(line: &Line, place: usize) -> Option<&str> {
    line.signature.as_ref()?.splitn(4, '|').nth(place).filter(|part| !matches!(*part, "" | "-"))
}

/// Places in a [signature](Line::signature).
pub(crate) const TRIGGER: usize = 1;
pub(crate) const SHAPE: usize = 2;
pub(crate) const WINDOWS: usize = 3;

#[cfg(test)]
mod tests {
    use super::testing::{failed, line};
    use super::*;

    fn of(lines: Vec<Line>) -> MergeReport {
        merge(Results { results: 1, lines, ..Results::default() }, 2, &Knowledge::load().unwrap())
    }

    #[test]
    fn clusters_are_what_shares_a_signature() {
        let mut lines = vec![failed("T9", "deadline"), line("T8", "healthy|-|-|2025")];
        for (ticket, onset, confidence) in
            [("T1", "2026-10-02T08:00:00Z", 0.8), ("T2", "2026-10-01T08:00:00Z", 0.9)]
        {
            let mut own = line(ticket, "ticket-validation|KB5120238|both-ways|2019+2022");
            own.verdict.as_mut().unwrap().confidence = confidence;
            own.onset.as_mut().unwrap().first_failure = Some(onset.into());
            lines.push(own);
        }
        let report = of(lines);
        assert_eq!((report.totals.tickets, report.totals.ok, report.totals.errors), (4, 3, 1));
        let cluster = &report.clusters[0];
        assert_eq!((cluster.tickets, cluster.trigger.as_deref()), (2, Some("KB5120238")));
        assert_eq!(cluster.shape.as_deref(), Some("both-ways"));
        assert_eq!(cluster.os, ["2019", "2022"]);
        assert_eq!(cluster.onset.first.as_deref(), Some("2026-10-01T08:00:00Z"));
        assert_eq!(cluster.onset.last.as_deref(), Some("2026-10-02T08:00:00Z"));
        let examples: Vec<_> = cluster.examples.iter().map(|own| own.ticket.as_str()).collect();
        assert_eq!(examples, ["T2", "T1"]);
        assert_eq!(report.clusters.iter().map(|own| own.tickets).sum::<usize>(), report.totals.ok);
        let healthy = &report.clusters[1];
        assert_eq!((&healthy.shape, &healthy.trigger, healthy.onset.known), (&None, &None, 0));
    }

    #[test]
    fn an_update_is_counted_over_its_causes_and_what_is_not_known_stands_last() {
        let report = of(vec![
            line("T1", "kdc-regression|KB5019966|both-ways|2019"),
            line("T2", "ticket-validation|KB5019966|both-ways|2019"),
            line("T3", "kcd-missing|-|both-ways|2019"),
            line("T4", "kcd-missing|-|both-ways|2019"),
            line("T5", "kcd-missing|-|both-ways|2019"),
            line("T6", "healthy|-|-|2019"),
            line("T7", "undetermined|-|-|2019"),
        ]);
        let [update, unknown] = &report.triggers[..] else { panic!("{:?}", report.triggers) };
        assert_eq!((update.trigger.as_deref(), update.tickets), (Some("KB5019966"), 2));
        assert_eq!(update.causes.len(), 2);
        assert_eq!((&unknown.trigger, unknown.tickets), (&None, 3), "healthy and undetermined are no faults");
    }

    #[test]
    fn names_stand_before_kinds() {
        let mut lines = vec![line("T0", "kcd-missing|-|one-way|2019")];
        for ticket in ["T1", "T2"] {
            let mut own = line(ticket, "kcd-missing|directory|one-way|2019");
            own.verdict.as_mut().unwrap().trigger = Some(format!("directory:{ticket}:2026-09-30T16:12:00Z"));
            lines.push(own);
        }
        lines.push(line("T3", "ticket-validation|KB5019966|both-ways|2019"));
        let triggers = of(lines).triggers;
        let names: Vec<_> = triggers.iter().map(|count| count.trigger.as_deref().unwrap_or("-")).collect();
        assert_eq!(names, ["KB5019966", "directory", "-"]);
    }

    #[test]
    fn a_change_of_one_ticket_counts_by_its_kind() {
        let mut own = line("T1", "kcd-missing|directory|one-way|2019");
        own.verdict.as_mut().unwrap().trigger = Some("directory:HV01:2026-09-30T16:12:00Z".into());
        assert_eq!(of(vec![own]).triggers[0].trigger.as_deref(), Some("directory"));
    }

    #[test]
    fn gaps_count_tickets_and_pieces() {
        let lacking = |ticket: &str, gaps: &[&str]| {
            let gaps = gaps.iter().map(|&gap| gap.to_owned()).collect();
            Line { gaps: Some(gaps), ..line(ticket, "kcd-missing|-|one-way|2022") }
        };
        let mut open = lacking("T2", &["system-log:HV01"]);
        open.verdict.as_mut().unwrap().level = "inconclusive".into();
        let report = of(vec![lacking("T1", &["system-log:HV01", "system-log:HV02", "moon-phase"]), open]);
        let [system, moon] = &report.gaps[..] else { panic!("{:?}", report.gaps) };
        assert_eq!((system.gap.as_str(), system.tickets), ("system-log", 2));
        assert_eq!((system.pieces, system.inconclusive), (3, 1));
        assert!(system.ask.is_some());
        assert_eq!((moon.gap.as_str(), &moon.ask), ("moon-phase", &None));
    }

    #[test]
    fn other_causes_and_mixed_tools_are_said() {
        let mut own = line("T1", "kcd-missing|-|one-way|2022");
        own.also = Some(vec![crate::report::triage::LineAlso {
            cause: "clock-skew".into(),
            level: "probable".into(),
            pairs: Vec::new(),
        }]);
        let mut other = line("T2", "clock-skew|-|one-way|2022");
        other.tool.knowledge = "another".into();
        let report = of(vec![own, other]);
        let clock = report.causes.iter().find(|own| own.cause == "clock-skew").unwrap();
        assert_eq!((clock.tickets, clock.also), (1, 1));
        assert_eq!(report.tools.len(), 2);
        assert_eq!(report.remarks.len(), 1, "{:?}", report.remarks);
    }

    #[test]
    fn a_signature_of_anything_is_no_fault_of_the_program() {
        for signature in ["", "|||||", "a", "=1|<b>|\u{1b}|+"] {
            let report = of(vec![line("T1", signature)]);
            assert_eq!(report.clusters.len(), 1, "{signature}");
        }
    }
}
