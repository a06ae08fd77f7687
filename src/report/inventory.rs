//! What a bundle holds and what it lacks, as plain data: serialised, it is the JSON of `kcdoctor inventory`.
//!
//! Everything is looked up, nothing is judged. What is *not* done here: layout, and the wording of a mail (see
//! [`crate::render`]).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::build::{bundle, role, text};
use super::{BundleReport, IssueReport, Role, SCHEMA_VERSION, Tool};
use crate::diagnose::{Diagnosis, Request, requests};
use crate::evidence::{Covered, Evidence, HostId, layouts};
use crate::fact::Issue;
use crate::incident::Incident;
use crate::knowledge::{Builds, Cause, Knowledge, Otherwise, Place};

/// The report of `kcdoctor inventory`.
#[derive(Debug, Serialize)]
pub struct InventoryReport {
    /// The version of this form.
    pub schema_version: u32,
    /// The command that made it.
    pub command: &'static str,
    /// What made it.
    pub tool: Tool,
    /// What was sent: every file with its kind.
    pub bundle: BundleReport,
    /// Whether anything of it was understood.
    pub understood: bool,
    /// The collectors that laid it out.
    pub layouts: Vec<LayoutReport>,
    /// Every host that the bundle speaks of, by name.
    pub hosts: Vec<KnownHost>,
    /// What logs cover, by host and channel.
    pub logs: Vec<LogReport>,
    /// Clocks that the logs prove to be off.
    pub clocks: Vec<ClockReport>,
    /// Files from which nothing is read, those of one kind together.
    pub not_understood: Vec<UnknownReport>,
    /// What to ask the customer for, the most telling first.
    pub requests: Vec<RequestReport>,
    /// How the script of `kcdoctor collect` is run.
    pub script: CommandReport,
    /// How the folder of what was collected becomes one archive.
    pub pack: CommandReport,
}

/// A known layout.
#[derive(Debug, Serialize)]
pub struct LayoutReport {
    /// Its collector.
    pub name: &'static str,
    /// What it lacks as a rule.
    pub lacks: &'static str,
}

/// A host.
#[derive(Debug, Serialize)]
pub struct KnownHost {
    /// Its name in reports.
    pub name: String,
    /// Full DNS name.
    pub fqdn: Option<String>,
    /// What it is.
    pub role: Role,
    /// Version of Windows Server, such as `2019`.
    pub os: Option<String>,
}

/// What logs hold of one host's channel.
#[derive(Debug, Serialize)]
pub struct LogReport {
    /// The host.
    pub host: String,
    /// The channel; empty where the records carry none.
    pub channel: String,
    /// The files that hold it.
    pub sources: Vec<String>,
    /// Intact records.
    pub records: u64,
    /// The earliest event.
    pub first: String,
    /// The latest event.
    pub last: String,
    /// The lowest record number.
    pub first_record: Option<u64>,
    /// The highest record number.
    pub last_record: Option<u64>,
    /// Records before the lowest number: overwritten, cleared, or left out by the export.
    pub older_missing: Option<u64>,
    /// How many spans miss records.
    pub holes: usize,
    /// The longest of them.
    pub longest_hole: Option<(String, String)>,
    /// What its files have lost.
    pub damage: Vec<IssueReport>,
}

/// A clock that is off.
#[derive(Debug, Serialize)]
pub struct ClockReport {
    /// The host.
    pub host: String,
    /// Seconds by which its clock runs ahead of the other ends'.
    pub ahead_seconds: i64,
    /// Whether this clock is the wrong one; where that is false, the logs do not tell which of two is.
    pub is_wrong: bool,
    /// How many moves, recorded at both ends, show it.
    pub moves: usize,
}

/// Files from which nothing is read.
#[derive(Debug, Serialize)]
pub struct UnknownReport {
    /// What they most likely are.
    pub what: String,
    /// What the sender can do instead, as an imperative; begins with `nothing` where that is so.
    pub advice: String,
    /// Their paths.
    pub files: Vec<String>,
}

/// A piece of evidence to ask for.
#[derive(Debug, Serialize)]
pub struct RequestReport {
    /// The kind of gap.
    pub id: String,
    /// The gaps that it closes, with their hosts.
    pub gaps: Vec<String>,
    /// Whether a verdict waits for it; else it only helps.
    pub needed: bool,
    /// The hosts that it is about; empty where it is about every host of its kind.
    pub hosts: Vec<String>,
    /// Hosts whose piece is there already.
    pub have: Vec<String>,
    /// What to ask the customer for.
    pub ask: String,
    /// Why, in the customer's words.
    pub reason: String,
    /// Why, in the engineer's.
    pub why: Vec<String>,
    /// What it would decide, as a sentence.
    pub decides: String,
    /// The causes that it would decide.
    pub matters_for: Vec<Cause>,
    /// Where the command runs.
    pub place: Place,
    /// Whether it needs an elevated PowerShell.
    pub elevated: bool,
    /// The command.
    pub collect: String,
    /// Another way to the same.
    pub otherwise: Option<Otherwise>,
}

/// A command for the versions of Windows Server in the bundle.
#[derive(Debug, Serialize)]
pub struct CommandReport {
    /// The command.
    pub command: String,
    /// What to know.
    pub note: Option<String>,
}

/// Takes stock of a bundle.
#[must_use]
pub fn build(
    name: &str,
    understood: bool,
    evidence: &Evidence,
    incident: &Incident,
    diagnosis: &Diagnosis<'_>,
    knowledge: &Knowledge,
) -> InventoryReport {
    let versions = incident.nodes.iter().filter_map(|node| incident.machines.get(node)?.version.as_deref());
    let years: Vec<i64> = versions.filter_map(Builds::year).collect();
    let command = |recipe: &crate::knowledge::Recipe| {
        let (command, note) = recipe.for_years(years.iter().copied());
        CommandReport { command: command.to_owned(), note: note.map(str::to_owned) }
    };
    let requests = requests(diagnosis, incident, evidence, &knowledge.gaps);
    InventoryReport {
        schema_version: SCHEMA_VERSION,
        command: "inventory",
        tool: Tool::with(knowledge),
        bundle: bundle(name, evidence),
        understood,
        layouts: layouts(evidence.sources.iter().map(|source| source.path.as_str()))
            .into_iter()
            .map(|layout| LayoutReport { name: layout.name, lacks: layout.lacks })
            .collect(),
        hosts: known_hosts(evidence, incident),
        logs: evidence.coverage.iter().map(|covered| log(covered, evidence)).collect(),
        clocks: clocks(evidence, incident),
        not_understood: not_understood(evidence),
        requests: requests.iter().map(|own| request(own, evidence)).collect(),
        script: command(&knowledge.gaps.script),
        pack: command(&knowledge.gaps.pack),
    }
}

/// Every host that the bundle speaks of.
pub(super) fn known_hosts(evidence: &Evidence, incident: &Incident) -> Vec<KnownHost> {
    let host = |(id, host): (HostId, &crate::evidence::Host)| KnownHost {
        name: host.name.clone(),
        fqdn: host.fqdn.clone(),
        role: role(id, host, incident),
        os: incident.machines.get(&id).and_then(|machine| machine.version.clone()),
    };
    evidence.hosts.iter().map(host).collect()
}

fn log(covered: &Covered, evidence: &Evidence) -> LogReport {
    let sources = || covered.sources.iter().filter_map(|source| evidence.sources.get(source.0));
    let longest = covered.holes.iter().max_by_key(|(from, to)| to.duration_since(*from));
    let damage = sources().flat_map(|source| &source.issues).filter(|issue| issue.lost != Some(0));
    LogReport {
        host: evidence.hosts.name(covered.host).to_owned(),
        channel: covered.channel.clone(),
        sources: sources().map(|source| source.path.clone()).collect(),
        records: covered.records,
        first: text(covered.first),
        last: text(covered.last),
        first_record: covered.numbers.map(|numbers| numbers.0),
        last_record: covered.numbers.map(|numbers| numbers.1),
        older_missing: covered.numbers.map(|numbers| numbers.0.saturating_sub(1)),
        holes: covered.holes.len(),
        longest_hole: longest.map(|(from, to)| (text(*from), text(*to))),
        damage: damage.map(issue).collect(),
    }
}

fn issue(issue: &Issue) -> IssueReport {
    IssueReport { code: issue.code, detail: issue.detail.clone(), lost: issue.lost }
}

fn clocks(evidence: &Evidence, incident: &Incident) -> Vec<ClockReport> {
    let clock = |(host, ahead): (&HostId, &i64)| ClockReport {
        host: evidence.hosts.name(*host).to_owned(),
        ahead_seconds: *ahead,
        is_wrong: incident.wrong_clocks.contains(host),
        moves: incident.offset_moves.get(host).copied().unwrap_or(0),
    };
    incident.clock_offsets.iter().map(clock).collect()
}

/// Files of one guess together: a workbook has a dozen parts, a collector writes hundreds of pages. What the bundle
/// says of an archive or a log of another kind is better than a guess.
fn not_understood(evidence: &Evidence) -> Vec<UnknownReport> {
    let mut files: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for source in evidence.sources.iter().filter(|source| source.kind == crate::parse::UNKNOWN) {
        let said = source.issues.iter().find(|issue| issue.lost != Some(0));
        let guessed = source.guess.as_ref();
        let (what, advice) = match (said, guessed) {
            (Some(said), _) => {
                let (what, advice) = said.detail.rsplit_once("; ").unwrap_or((&said.detail, "send it again"));
                (what.to_owned(), advice.replace("ask for it again", "send it again"))
            }
            (None, Some(guess)) => (guess.what.clone(), guess.advice.to_owned()),
            (None, None) => continue,
        };
        files.entry((what, advice)).or_default().push(source.path.clone());
    }
    let report = |((what, advice), files)| UnknownReport { what, advice, files };
    let mut all: Vec<_> = files.into_iter().map(report).collect();
    all.sort_by(|a, b| a.files.cmp(&b.files));
    all
}

fn request(request: &Request<'_>, evidence: &Evidence) -> RequestReport {
    let names = |hosts: &BTreeSet<HostId>| -> Vec<String> {
        hosts.iter().map(|host| evidence.hosts.name(*host).to_owned()).collect()
    };
    let piece = request.piece;
    RequestReport {
        id: piece.id.clone(),
        gaps: request.gaps.iter().cloned().collect(),
        needed: request.needed,
        hosts: names(&request.hosts),
        have: names(&request.have),
        ask: piece.ask.clone(),
        reason: piece.reason.clone(),
        why: request.why.iter().cloned().collect(),
        decides: decides(request),
        matters_for: request.matters_for.iter().copied().collect(),
        place: piece.place,
        elevated: piece.elevated,
        collect: piece.collect.clone(),
        otherwise: piece.otherwise.clone(),
    }
}

/// What a piece would decide, with the causes in question.
fn decides(request: &Request<'_>) -> String {
    let faults = request.matters_for.iter().filter(|cause| cause.is_fault());
    let clauses: Vec<_> = faults.map(|cause| cause.clause()).collect();
    let decides = &request.piece.decides;
    if clauses.is_empty() {
        format!("It decides {decides}.")
    } else {
        format!("It decides {decides}; here, whether {}.", clauses.join(", or whether "))
    }
}
