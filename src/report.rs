//! Everything that a reader needs, as plain data: serialised, it is the JSON report.
//!
//! Field names, their meaning and their order are a promise to other programs; they change only with a new
//! [`SCHEMA_VERSION`]. Unknown is `null`, never an empty list. What is *not* done here: layout.

use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnose::{Level, Relation, RuleOutcome, Strength};
use crate::incident::{Grant, Kind, Mode};
use crate::knowledge::{Cause, Class, Family, Knowledge, Origin, Rule, Severity, Side};

pub mod audit;
mod build;
pub mod accuracy;
pub mod drift;
pub mod events;
pub mod explain;
mod hardening;
pub mod inventory;
pub mod merge;
pub mod plan;
pub mod rules;
pub mod triage;
pub mod validate;
mod excerpt;
mod words;

pub use build::build;
pub(crate) use excerpt::shortened;
pub use hardening::{HardeningReport, StraddleReport};
pub use plan::{EditReport, ModificationReport, ObjectReport, PlannedPairReport};

/// The version of the report's form.
pub const SCHEMA_VERSION: u32 = 1;

/// The report of `kcdoctor analyze`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Report {
    /// The version of this form.
    pub schema_version: u32,
    /// The command that made it.
    pub command: &'static str,
    /// What made it.
    pub tool: Tool,
    /// What was sent.
    pub bundle: BundleReport,
    /// What logs cover.
    pub coverage: Vec<CoverageReport>,
    /// Nodes, domain controllers and whoever wrote events.
    pub hosts: Vec<HostReport>,
    /// Hardening changes that split the domain controllers.
    pub straddles: Vec<StraddleReport>,
    /// Live migrations, in time order.
    pub attempts: Vec<AttemptReport>,
    /// Ordered pairs of hosts.
    pub pairs: Vec<PairReport>,
    /// When the fault set in.
    pub onset: OnsetReport,
    /// What changed, by time.
    pub changes: Vec<ChangeReport>,
    /// Attempts, changes and holes on one clock.
    pub timeline: Vec<TimelineEntry>,
    /// What broke.
    pub verdict: VerdictReport,
    /// Other causes with failures of their own.
    pub also: Vec<AlsoReport>,
    /// Every cause considered, the likeliest first; confidences sum to 1.
    pub hypotheses: Vec<HypothesisReport>,
    /// What each rule says.
    pub findings: Vec<FindingReport>,
    /// What is missing.
    pub gaps: Vec<GapReport>,
    /// What to do.
    pub plan: PlanReport,
}

/// The program and what it knows.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Tool {
    /// `kcdoctor`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Its knowledge.
    pub knowledge: KnowledgeReport,
}

/// Which knowledge was used.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KnowledgeReport {
    /// A hash over every file of it.
    pub revision: String,
    /// The day of the newest update it knows.
    pub as_of: String,
    /// Rules of the user's that were used beside the shipped ones, or in place of them.
    pub own_rules: Vec<OwnRule>,
}

/// A rule of the user's.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OwnRule {
    /// Its id.
    pub id: String,
    /// `added`, or `replaced` where it takes the place of the shipped rule of its id.
    pub origin: Origin,
}

/// The bundle.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BundleReport {
    /// The first argument's last component without its extension.
    pub name: String,
    /// Over the sorted hashes of the sources: a folder and its zip are equal.
    pub hash: String,
    /// Every file, by path.
    pub sources: Vec<SourceReport>,
}

/// One file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SourceReport {
    /// Relative to its argument, with `/`; archive members as `a.zip!/x`.
    pub path: String,
    /// `blake3:` and the hash of the content; `null` where it could not be read.
    pub hash: Option<String>,
    /// The format, or `unknown`.
    pub kind: &'static str,
    /// The host of which all of it speaks.
    pub host: Option<String>,
    /// Bytes that were read of it.
    pub bytes: u64,
    /// Intact records before any filter.
    pub records: u64,
    /// Records that gave a fact.
    pub used: u64,
    /// The earliest event.
    pub first: Option<String>,
    /// The latest event.
    pub last: Option<String>,
    /// What was noticed.
    pub issues: Vec<IssueReport>,
}

/// Something noticed about a file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct IssueReport {
    /// A stable name.
    pub code: &'static str,
    /// One sentence.
    pub detail: String,
    /// Records lost; `null` where that can't be counted.
    pub lost: Option<u64>,
}

/// What logs cover of one host's channel.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CoverageReport {
    /// The host.
    pub host: String,
    /// The channel.
    pub channel: String,
    /// Intact records.
    pub records: u64,
    /// The earliest event.
    pub first: String,
    /// The latest event.
    pub last: String,
    /// Spans in which records are missing.
    pub holes: Vec<(String, String)>,
}

/// What a host is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A Hyper-V host or cluster node.
    Node,
    /// A domain controller.
    Dc,
    /// Another writer of events.
    Other,
}

/// A host.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HostReport {
    /// First label of the DNS name, upper-case.
    pub name: String,
    /// sAMAccountName without `$`.
    pub account: Option<String>,
    /// Full DNS name.
    pub fqdn: Option<String>,
    /// What it is.
    pub role: Role,
    /// Version of Windows Server, such as `2019`.
    pub os: Option<String>,
    /// Build and revision of the last boot.
    pub build: Option<String>,
    /// `kerberos` or `credssp`.
    pub migration_authentication: Option<&'static str>,
    /// Whether Credential Guard ran, by the last record of it.
    pub credential_guard: Option<bool>,
    /// Whether it ran a build beyond every update that is known, so that later phases may hold as well.
    pub newer_than_knowledge: bool,
    /// Hardening on it at the last failure, else at the last attempt; `null` where nothing tells its build.
    pub hardening: Option<Vec<HardeningReport>>,
    /// The tab Delegation.
    pub delegation: DelegationReport,
}

/// What a host's computer object says of delegation.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DelegationReport {
    /// The mode, read off the bits.
    pub mode: Mode,
    /// `msDS-AllowedToDelegateTo`.
    pub allowed_to_delegate_to: Option<Vec<String>>,
    /// Who may delegate to it: hosts by name, others by SID.
    pub allowed_to_act: Option<Vec<String>>,
    /// `servicePrincipalName`.
    pub spns: Option<Vec<String>>,
}

/// One live migration.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AttemptReport {
    /// `A1` and on.
    pub id: String,
    /// Its first record.
    pub time: String,
    /// The virtual machine.
    pub vm: Option<String>,
    /// Where it ran.
    pub source: Option<String>,
    /// Where it should run.
    pub target: Option<String>,
    /// The host on which it was started.
    pub started_from: Option<String>,
    /// Who started it.
    pub user: Option<String>,
    /// `failed` or `succeeded`.
    pub outcome: &'static str,
    /// The class of its failure.
    pub class: Option<Class>,
    /// Codes, in the order they were logged.
    pub codes: Vec<String>,
    /// The end at which it failed.
    pub side: Option<Side>,
    /// The percentage at failure, where a record states it.
    pub progress: Option<u8>,
    /// What the progress at this failure does and does not tell, in a sentence.
    pub progress_reading: Option<String>,
    /// Its records.
    pub evidence: Vec<AddressReport>,
}

/// Where a statement stands.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AddressReport {
    /// The file.
    pub source: String,
    /// The record number of an event.
    pub record: Option<u64>,
    /// The line of a text file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

/// An ordered pair.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PairReport {
    /// Where virtual machines run.
    pub source: String,
    /// Where they shall run.
    pub target: String,
    /// Failed migrations.
    pub failed: usize,
    /// Successful ones.
    pub succeeded: usize,
    /// The first failure.
    pub first_failure: Option<String>,
    /// The last failure.
    pub last_failure: Option<String>,
    /// The last success of all.
    pub last_success: Option<String>,
    /// Where its failure rate most likely rose; `null` without failures, and as `onset.estimate` is.
    pub onset_estimate: Option<EstimateReport>,
    /// What delegation grants it.
    pub delegation: Grant,
    /// SPNs that the source's list lacks; `null` where the list is unknown.
    pub missing_spns: Option<Vec<String>>,
}

/// The bracket in which the fault set in.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OnsetReport {
    /// The last success before it.
    pub last_success: Option<String>,
    /// The first failure that the verdict explains.
    pub first_failure: Option<String>,
    /// Where the failure rate of the verdict's pairs most likely rose; `null` where fewer than two attempts are seen, or
    /// their times have an unknown zone.
    pub estimate: Option<EstimateReport>,
}

/// Where a failure rate most likely rose: docs/onset.md says how that is found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EstimateReport {
    /// The last attempt before the change, `null` where none is seen, and the first one since.
    pub at: (Option<String>, String),
    /// Attempts before it.
    pub before: TallyReport,
    /// Attempts since.
    pub after: TallyReport,
    /// How probable such a rise would be, were the order of the outcomes chance.
    pub p_value: f64,
    /// Whether an attempt succeeded after the first failure.
    pub intermittent: bool,
    /// Whether of every source something is seen before the first failure; `null` where no log says.
    pub reaches_back: Option<bool>,
}

/// Attempts on one side of a change.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TallyReport {
    /// Failed ones; failures of other causes are left out.
    pub failed: usize,
    /// All.
    pub attempts: usize,
}

/// A change.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ChangeReport {
    /// What kind.
    pub kind: Kind,
    /// The KB, or `kind:HOST:time`.
    pub id: String,
    /// The host, or the host whose object changed.
    pub host: Option<String>,
    /// What it was, for a person.
    pub summary: String,
    /// When it was installed or made.
    pub installed_at: Option<String>,
    /// When it took effect.
    pub effective_at: Option<String>,
    /// `second` or `day`.
    pub precision: Option<&'static str>,
    /// Hardening that it brings; `null` where that is not known.
    pub hardening: Option<Vec<String>>,
    /// Its place to the onset.
    pub relation: Option<Relation>,
    /// Why it may matter.
    pub strength: Strength,
    /// Findings that show its mechanism.
    pub witness: Vec<String>,
}

/// One line of the timeline.
#[derive(Debug, Serialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimelineEntry {
    /// When.
    pub time: String,
    /// Where.
    pub host: Option<String>,
    /// `attempt`, `change` or `gap`.
    pub kind: &'static str,
    /// The attempt's or change's id, or the channel of a gap.
    #[serde(rename = "ref")]
    pub reference: String,
}

/// What broke.
#[derive(Debug, Serialize, JsonSchema)]
pub struct VerdictReport {
    /// The cause.
    pub cause: Cause,
    /// Its family.
    pub family: Family,
    /// How sure.
    pub level: Level,
    /// The probability that the cause is right.
    pub confidence: f64,
    /// The pairs that it explains.
    pub pairs: Vec<(String, String)>,
    /// One sentence that a customer can read.
    pub summary: String,
    /// The change that set it off.
    pub trigger: Option<String>,
}

/// Another cause with failures of its own.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AlsoReport {
    /// The cause.
    pub cause: Cause,
    /// Its family.
    pub family: Family,
    /// How sure.
    pub level: Level,
    /// The pairs that it explains.
    pub pairs: Vec<(String, String)>,
}

/// A cause that was considered.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HypothesisReport {
    /// The cause.
    pub cause: Cause,
    /// Its family.
    pub family: Family,
    /// Its probability.
    pub confidence: f64,
    /// Findings for it.
    pub supports: Vec<String>,
    /// Findings against it.
    pub contradicts: Vec<String>,
    /// The finding that excludes it.
    pub ruled_out_by: Option<String>,
}

/// What a rule says.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FindingReport {
    /// `F1` and on.
    pub id: String,
    /// The rule.
    pub rule: String,
    /// The cause that a hit speaks for.
    pub cause: Cause,
    /// What it says.
    pub outcome: RuleOutcome,
    /// How grave that is.
    pub severity: Severity,
    /// The problem in a few words.
    pub title: String,
    /// The hosts of its pairs.
    pub hosts: Vec<String>,
    /// Its pairs.
    pub pairs: Vec<(String, String)>,
    /// Unknown facts that keep it from saying more.
    pub missing: Vec<String>,
    /// For a rule that was ruled out: the facts that exclude it.
    pub because: Vec<String>,
    /// How many records stand behind it.
    pub evidence_total: usize,
    /// The first twenty of them.
    pub evidence: Vec<EvidenceReport>,
}

/// A record behind a finding.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EvidenceReport {
    /// The file.
    pub source: String,
    /// The record number of an event.
    pub record: Option<u64>,
    /// The line of a text file.
    pub line: Option<u64>,
    /// When it was written.
    pub time: Option<String>,
    /// Who wrote it, or of whom it speaks.
    pub host: Option<String>,
    /// What it says, shortened.
    pub excerpt: String,
}

/// Something missing.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GapReport {
    /// A stable id.
    pub id: String,
    /// The hosts that it is about.
    pub hosts: Vec<String>,
    /// The causes that it would decide.
    pub matters_for: Vec<Cause>,
    /// Why it is asked for.
    pub why: String,
    /// The command that collects it.
    pub collect: String,
}

/// What to do.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PlanReport {
    /// Steps, in order.
    pub steps: Vec<StepReport>,
    /// What each pair needs whose delegation the steps are about, by name of source and target.
    pub pairs: Vec<PlannedPairReport>,
    /// What the rules say of the facts with the steps applied.
    pub proof: ProofReport,
}

/// One step.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StepReport {
    /// Its number.
    pub n: usize,
    /// Its kind.
    pub kind: String,
    /// What it does, in a few words.
    pub title: String,
    /// The host.
    pub host: Option<String>,
    /// The other ends.
    pub targets: Vec<String>,
    /// SPNs to add to the host's list.
    pub add_spns: Vec<String>,
    /// What it changes in the directory, in order; nothing while it is blocked.
    pub changes: Vec<ModificationReport>,
    /// Targets that it leaves out, each with the gap that must be closed first.
    pub left_out: Vec<(String, String)>,
    /// Why it is as it is, where there was a choice.
    pub reason: Option<String>,
    /// It may be left out.
    pub optional: bool,
    /// Gaps that must be closed first.
    pub blocked_by: Vec<String>,
    /// The rights that it needs.
    pub rights: String,
    /// Findings that ask for it.
    pub why: Vec<String>,
    /// Shows the state before.
    pub precheck: String,
    /// The change, in PowerShell.
    pub command: String,
    /// The same in Active Directory Users and Computers, or by hand.
    pub aduc: Vec<String>,
    /// Its directory part in Active Directory Administrative Center.
    pub adac: Vec<String>,
    /// Which accounts and services it touches.
    pub affects: String,
    /// What a wrong value would allow or break.
    pub risk: String,
    /// Who has to agree.
    pub approval: String,
    /// Another way to the same, in PowerShell.
    pub alternative: String,
    /// What to know about it, in Markdown.
    pub note: String,
    /// Shows that it worked.
    pub verify: String,
    /// Takes it back.
    pub rollback: String,
}

/// Rules before and after, each with its pairs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProofReport {
    /// Now.
    pub before: Vec<(String, Vec<(String, String)>)>,
    /// With the steps applied.
    pub after: Vec<(String, Vec<(String, String)>)>,
    /// What the steps do not mend.
    pub remaining: Vec<String>,
}

impl Tool {
    /// This program with `knowledge`.
    fn with(knowledge: &Knowledge) -> Self {
        let (revision, as_of) = (knowledge.revision.clone(), knowledge.as_of.clone());
        let (name, version) = ("kcdoctor", env!("CARGO_PKG_VERSION"));
        let own = |rule: &Rule| OwnRule { id: rule.id.clone(), origin: rule.origin };
        let own_rules = knowledge.own_rules().map(own).collect();
        Self { name, version, knowledge: KnowledgeReport { revision, as_of, own_rules } }
    }
}

impl Report {
    /// The change that set the fault off.
    #[must_use]
    pub fn trigger(&self) -> Option<&ChangeReport> {
        let id = self.verdict.trigger.as_ref()?;
        // One update may stand on several hosts, and lead to the fault on one of them.
        let led = |change: &&ChangeReport| {
            change.strength == Strength::Mechanism && change.relation == Some(Relation::InBracket)
        };
        let on_pair = |change: &&ChangeReport| {
            let host = change.host.as_ref();
            self.verdict.pairs.iter().any(|(source, target)| host == Some(source) || host == Some(target))
        };
        let named = || self.changes.iter().filter(|change| change.id == *id).filter(led);
        named().find(on_pair).or_else(|| named().next())
    }
}

/// The kebab-case name of a unit variant, as reports write it.
pub(crate) fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The JSON Schema of [`Report`].
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Report).to_value()
}
