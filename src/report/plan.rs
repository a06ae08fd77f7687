//! The plan as a document of its own, which `--plan-dir` writes: serialised, it is `plan.json`.
//!
//! What is *not* done here: wording scripts and LDIF (see [`crate::render`]).

use schemars::JsonSchema;
use serde::Serialize;

use super::audit::AuditReport;
use super::{BundleReport, GapReport, PlanReport, Report, SCHEMA_VERSION, StepReport, Tool};
use crate::evidence::{Evidence, HostId};
use crate::fact::domain_of;
use crate::plan::{Edit, Modification, PlannedPair};

/// One change of one attribute of one computer object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ModificationReport {
    /// The object.
    #[serde(flatten)]
    pub object: ObjectReport,
    /// The attribute, as the directory names it.
    pub attribute: &'static str,
    /// What becomes different.
    #[serde(flatten)]
    pub edit: EditReport,
}

/// A computer object, by each name that it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ObjectReport {
    /// Its distinguished name.
    pub dn: String,
    /// Its sAMAccountName, with `$`.
    pub account: Option<String>,
    /// The DNS name of its domain.
    pub domain: Option<String>,
    /// Its security identifier, as text.
    pub sid: Option<String>,
}

/// What becomes different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum EditReport {
    /// Values that a list gains; it holds none of them, whatever the case.
    Add {
        /// The values.
        add: Vec<String>,
    },
    /// A number that is set, if it is still what it was.
    Swap {
        /// What it must be.
        from: u32,
        /// What it becomes.
        to: u32,
    },
}

/// The computer object of a host; `None` where it is not known, or by no distinguished name.
fn object(host: HostId, evidence: &Evidence) -> Option<ObjectReport> {
    let object = evidence.directory.computer(host)?;
    let dn = object.dn.clone()?;
    Some(ObjectReport {
        account: object.account.clone(),
        domain: domain_of(&dn),
        sid: object.sid.as_ref().map(ToString::to_string),
        dn,
    })
}

/// A change, with the names of its object.
pub(super) fn modification(own: &Modification, evidence: &Evidence) -> Option<ModificationReport> {
    let (attribute, edit) = match &own.edit {
        Edit::Delegate(values) => ("msDS-AllowedToDelegateTo", EditReport::Add { add: values.clone() }),
        Edit::Control { old, new } => ("userAccountControl", EditReport::Swap { from: *old, to: *new }),
    };
    Some(ModificationReport { object: object(own.host, evidence)?, attribute, edit })
}

/// What an ordered pair needs on its source's computer object, when all steps are done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlannedPairReport {
    /// Where virtual machines run.
    pub source: String,
    /// Where they shall run.
    pub target: String,
    /// The source's computer object; `null` where it is not known by a distinguished name.
    pub object: Option<ObjectReport>,
    /// Names that belong on its list, those that are there already included.
    pub spns: Vec<String>,
    /// Whether protocol transition is needed.
    pub protocol: bool,
    /// Gaps that keep the pair out of the plan.
    pub blocked_by: Vec<String>,
}

/// What a pair needs, with the names of its source's object.
pub(super) fn planned_pair(own: &PlannedPair, evidence: &Evidence) -> PlannedPairReport {
    let [source, target] = [own.source, own.target].map(|host| evidence.hosts.name(host).to_owned());
    PlannedPairReport {
        source,
        target,
        object: object(own.source, evidence),
        spns: own.spns.clone(),
        protocol: own.protocol,
        blocked_by: own.blocked_by.iter().cloned().collect(),
    }
}

/// A plan and what it was made of.
#[derive(Debug, Serialize)]
pub struct PlanDocument<'a> {
    /// The version of the report's form.
    pub schema_version: u32,
    /// What it is.
    pub command: &'static str,
    /// What made it.
    pub tool: &'a Tool,
    /// The bundle.
    pub bundle: Identity<'a>,
    /// What broke or will break, in one sentence.
    pub summary: &'a str,
    /// The steps and their proof.
    pub plan: &'a PlanReport,
    /// What blocked steps wait for.
    pub gaps: Vec<&'a GapReport>,
}

/// Which bundle it was.
#[derive(Debug, Serialize)]
pub struct Identity<'a> {
    /// Its name.
    pub name: &'a str,
    /// Over the sorted hashes of its sources.
    pub hash: &'a str,
}

impl<'a> PlanDocument<'a> {
    /// The plan of an analysis.
    #[must_use]
    pub fn of_analysis(report: &'a Report) -> Self {
        Self::of(&report.tool, &report.bundle, &report.verdict.summary, &report.plan, &report.gaps)
    }

    /// The plan of an audit.
    #[must_use]
    pub fn of_audit(report: &'a AuditReport) -> Self {
        Self::of(&report.tool, &report.bundle, &report.verdict.summary, &report.plan, &report.gaps)
    }

    fn of(
        tool: &'a Tool,
        bundle: &'a BundleReport,
        summary: &'a str,
        plan: &'a PlanReport,
        gaps: &'a [GapReport],
    ) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            command: "plan",
            tool,
            bundle: Identity { name: &bundle.name, hash: &bundle.hash },
            summary,
            plan,
            gaps: awaited(plan, gaps),
        }
    }
}

/// Gaps that steps wait for.
fn awaited<'a>(plan: &PlanReport, gaps: &'a [GapReport]) -> Vec<&'a GapReport> {
    let waits = |gap: &&GapReport| plan.steps.iter().any(|step| step.blocked_by.contains(&gap.id));
    gaps.iter().filter(waits).collect()
}

impl StepReport {
    /// Whether its turn comes only when the test migrations have passed: it takes something away.
    #[must_use]
    pub fn is_after_tests(&self) -> bool {
        self.kind == "clear-unconstrained"
    }

    /// Whether it is only on offer, since nothing says that storage moves along.
    #[must_use]
    pub fn is_offer(&self) -> bool {
        self.optional && self.kind == "add-storage-delegation"
    }

    /// Why scripts leave it out; `None` where they do it, or where it is not of the directory.
    #[must_use]
    pub fn why_left_out(&self) -> Option<String> {
        if !self.is_of_directory() || !self.changes.is_empty() {
            return None;
        }
        Some(match (self.blocked_by.is_empty(), self.is_offer()) {
            (false, _) => format!("blocked until {} is there", self.blocked_by.join(", ")),
            (true, true) => "an offer: kcdoctor --storage puts it into the plan".into(),
            (true, false) => {
                "the directory has it already; where a name there ends in a blank, mend that by hand".into()
            }
        })
    }

    /// Whether it changes the directory, or would if it were not blocked.
    #[must_use]
    pub fn is_of_directory(&self) -> bool {
        crate::plan::is_directory(&self.kind)
    }
}
