//! What will fail before anything has, as plain data: serialised, it is the JSON of `kcdoctor audit`.
//!
//! Everything is looked up, nothing is judged. What is *not* done here: layout.

use serde::Serialize;

use super::build::{address, build as analysis};
use super::words::pairs as arrows;
use super::{
    AddressReport, AlsoReport, BundleReport, FindingReport, GapReport, HostReport, PlanReport,
    SCHEMA_VERSION, Tool,
};
use crate::diagnose::{Audit, Basis, Level, Outlook, Phased, Reason, Stale, StaleKind, State, lacks_aes};
use crate::evidence::{Evidence, HostId};
use crate::fact::{Known, MigrationAuthentication, Spn};
use crate::incident::{Grant, Incident, Pair, UNCONSTRAINED};
use crate::knowledge::{Cause, Family, Knowledge, Standing};
use crate::plan::Plan;

/// Damaged files that the summary names.
const DAMAGED: usize = 2;

/// The report of `kcdoctor audit`.
#[derive(Debug, Serialize)]
pub struct AuditReport {
    /// The version of this form.
    pub schema_version: u32,
    /// The command that made it.
    pub command: &'static str,
    /// What made it.
    pub tool: Tool,
    /// What was sent.
    pub bundle: BundleReport,
    /// The day in question, `YYYY-MM-DD`.
    pub on: String,
    /// What most pairs will fail by.
    pub verdict: AuditVerdict,
    /// Other causes, each with its pairs.
    pub also: Vec<AlsoReport>,
    /// Nodes, domain controllers and whoever wrote events.
    pub hosts: Vec<HostReport>,
    /// Ordered pairs of hosts.
    pub pairs: Vec<AuditedPair>,
    /// Hardening changes in force on that day, by id.
    pub phases: Vec<PhaseReport>,
    /// Hosts trusted for delegation to any service.
    pub unconstrained: Vec<UnconstrainedReport>,
    /// Hosts whose object states no encryption types, or none with AES.
    pub encryption: Vec<EncryptionReport>,
    /// Entries of the directory that serve no host, or the wrong one.
    pub stale: Vec<StaleReport>,
    /// Hosts whose lists or services the exports do not state, so that no stale entry of theirs can be seen.
    pub stale_unseen: Vec<String>,
    /// What each rule says.
    pub findings: Vec<FindingReport>,
    /// What is missing.
    pub gaps: Vec<GapReport>,
    /// What prevents it.
    pub plan: PlanReport,
}

/// The outcome.
#[derive(Debug, Serialize)]
pub struct AuditVerdict {
    /// The cause of most failures to come.
    pub cause: Cause,
    /// Its family.
    pub family: Family,
    /// `latent`, `inconclusive` or `healthy`.
    pub level: Level,
    /// The pairs that it is about.
    pub pairs: Vec<(String, String)>,
    /// One sentence for a person.
    pub summary: String,
}

/// A pair and what it has to expect.
#[derive(Debug, Serialize)]
pub struct AuditedPair {
    /// Where virtual machines run.
    pub source: String,
    /// Where they shall run.
    pub target: String,
    /// Whether a move can succeed.
    pub state: State,
    /// What delegation grants.
    pub delegation: Grant,
    /// SPNs that the source's list lacks; `null` where the list is not known.
    pub missing_spns: Option<Vec<String>>,
    /// Why it fails, or may.
    pub reasons: Vec<ReasonReport>,
    /// What to know although it is ready.
    pub remarks: Vec<String>,
}

/// Why a pair fails, or may.
#[derive(Debug, Serialize)]
pub struct ReasonReport {
    /// The cause.
    pub cause: Cause,
    /// `latent` where it is known to hold, else `inconclusive`.
    pub level: Level,
    /// The hardening under which it is a fault; `null` where it is one without any.
    pub hardening: Option<String>,
    /// What it rests on.
    pub basis: Basis,
    /// Facts that would decide it.
    pub missing: Vec<String>,
}

/// A hardening change in force on the day in question.
#[derive(Debug, Serialize)]
pub struct PhaseReport {
    /// Its id.
    pub hardening: String,
    /// In a few words.
    pub title: String,
    /// The last phase that has begun.
    pub phase: String,
    /// The day it began.
    pub since: String,
    /// How well that day is known.
    pub standing: &'static str,
    /// The phase that follows after that day.
    pub next: Option<NextPhase>,
    /// What it rests on that it is in force.
    pub basis: Basis,
    /// Machines on which it acts, by what is known of their builds.
    pub machines: Vec<PhasedMachine>,
    /// Domain controllers stand on both sides of it.
    pub straddled: bool,
    /// What it can do to live migration, and how sure that is.
    pub effect: String,
    /// Pairs that will fail under it.
    pub fails: Vec<(String, String)>,
    /// Pairs that may.
    pub unknown: Vec<(String, String)>,
}

/// A phase to come.
#[derive(Debug, Serialize)]
pub struct NextPhase {
    /// Its name.
    pub phase: String,
    /// The day it begins.
    pub date: String,
}

/// A machine on which a change acts.
#[derive(Debug, Serialize)]
pub struct PhasedMachine {
    /// The machine.
    pub host: String,
    /// Whether its build carries the phase; `null` where the build is not known.
    pub carries: Option<bool>,
}

/// A host trusted for delegation to any service.
#[derive(Debug, Serialize)]
pub struct UnconstrainedReport {
    /// The host.
    pub host: String,
    /// Version of Windows Server.
    pub os: Option<String>,
    /// The hardening that refuses it.
    pub refused_by: Option<String>,
    /// `now` on the day in question, `after-upgrade` to the version that brings it, `not` where Credential Guard is
    /// known to be off, `unknown`.
    pub refused: &'static str,
    /// What that rests on.
    pub basis: Basis,
    /// Targets of which both names stand on its list; `null` where the list is not known.
    pub listed_targets: Option<Vec<String>>,
    /// Targets of which a name is missing there.
    pub unlisted_targets: Option<Vec<String>>,
}

/// What a host's object says of encryption.
#[derive(Debug, Serialize)]
pub struct EncryptionReport {
    /// The host.
    pub host: String,
    /// `msDS-SupportedEncryptionTypes`; `null` where it is not set.
    pub types: Option<u32>,
    /// What that means.
    pub note: &'static str,
}

/// A stale entry.
#[derive(Debug, Serialize)]
pub struct StaleReport {
    /// What is wrong with it.
    pub kind: StaleKind,
    /// The objects that hold it.
    pub holders: Vec<String>,
    /// The SPN or SID.
    pub value: String,
    /// Whether the export shows it; else look it up with `check`.
    pub certain: bool,
    /// Of a name that several objects register those that have another name.
    pub foreign: Vec<String>,
    /// What is wrong, in a sentence.
    pub detail: &'static str,
    /// The command that tells.
    pub check: String,
    /// Where it is stated.
    pub evidence: Vec<AddressReport>,
}

/// Writes the report of an audit.
#[must_use]
pub fn build(
    bundle: &str,
    evidence: &Evidence,
    incident: &Incident,
    audit: &Audit<'_>,
    plan: &Plan,
    knowledge: &Knowledge,
) -> AuditReport {
    let whole = analysis(bundle, evidence, incident, &audit.diagnosis, plan, knowledge);
    let builder = Builder { evidence, incident, audit };
    AuditReport {
        schema_version: SCHEMA_VERSION,
        command: "audit",
        tool: whole.tool,
        bundle: whole.bundle,
        on: audit.on.to_string(),
        verdict: AuditVerdict {
            cause: whole.verdict.cause,
            family: whole.verdict.family,
            level: whole.verdict.level,
            pairs: whole.verdict.pairs,
            summary: builder.summary(),
        },
        also: whole.also,
        hosts: whole.hosts,
        pairs: builder.pairs(),
        phases: audit.phases.iter().map(|phased| builder.phase(phased)).collect(),
        unconstrained: builder.unconstrained(),
        encryption: builder.encryption(),
        stale: audit.stale.iter().map(|own| stale_report(own, evidence)).collect(),
        stale_unseen: builder.unseen(),
        findings: whole.findings,
        gaps: whole.gaps,
        plan: whole.plan,
    }
}

struct Builder<'a> {
    evidence: &'a Evidence,
    incident: &'a Incident,
    audit: &'a Audit<'a>,
}

impl Builder<'_> {
    fn name(&self, host: HostId) -> String {
        self.evidence.hosts.name(host).to_owned()
    }

    fn summary(&self) -> String {
        let verdict = &self.audit.diagnosis.verdict;
        let count = |state| self.audit.pairs.iter().filter(|own| own.state() == state).count();
        let (fails, unknown, all) = (count(State::Fails), count(State::Unknown), self.audit.pairs.len());
        let open =
            if unknown == 0 { String::new() } else { format!(" Of {unknown} more the exports do not say.") };
        match verdict.level {
            Level::Latent => {
                let named = arrows(&verdict.pairs, self.evidence);
                let clause = || format!("On {named}, {}.", verdict.cause.clause());
                let stated = verdict.rule.map_or_else(clause, |rule| rule.summary.replace("{pairs}", &named));
                let more = self
                    .damaged()
                    .map_or_else(String::new, |damaged| format!(" There may be more: {damaged}."));
                format!("{fails} of {all} ordered pairs will fail. {stated}{open}{more}")
            }
            Level::Healthy => {
                format!("None of {all} ordered pairs is known to fail: each has what it needs.")
            }
            _ if all == 0 => self.no_pairs(),
            _ => {
                let damaged = self.damaged();
                let open = (unknown > 0).then(|| format!("of {unknown} of {all} the exports do not say"));
                let why: Vec<_> = open.into_iter().chain(damaged).collect();
                format!("No pair is known to fail, and {}: see what is missing.", why.join(", and "))
            }
        }
    }

    /// That exports lost something, by their names; `None` where none did.
    fn damaged(&self) -> Option<String> {
        let sources = self.audit.damaged.iter().filter_map(|source| self.evidence.sources.get(source.0));
        let paths: Vec<_> = sources.map(|source| source.path.as_str()).collect();
        let (named, more) = paths.split_at(paths.len().min(DAMAGED));
        let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
        (!named.is_empty()).then(|| format!("{}{more} lost a part of what was exported", named.join(", ")))
    }

    fn no_pairs(&self) -> String {
        match self.incident.nodes.len() {
            0 => "No computer object in the exports registers the migration service and no host settings are there, so no Hyper-V host is seen; export all attributes (ldapsearch without a list, or ldifde).".into(),
            1 => "Only one Hyper-V host is seen, so there is no pair to judge; add the computer objects of the others.".into(),
            _ => "The hosts seen stand in clusters of their own, so no pair is in question.".into(),
        }
    }

    fn pairs(&self) -> Vec<AuditedPair> {
        let all = self.incident.pairs.iter().zip(&self.audit.pairs);
        all.map(|(pair, outlook)| self.pair(pair, outlook)).collect()
    }

    fn pair(&self, pair: &Pair, outlook: &Outlook<'_>) -> AuditedPair {
        let reason = |reason: &Reason<'_>| ReasonReport {
            cause: reason.cause,
            level: if reason.is_known { Level::Latent } else { Level::Inconclusive },
            hardening: reason.hardening.map(str::to_owned),
            basis: reason.basis,
            missing: reason.missing.clone(),
        };
        AuditedPair {
            source: self.name(pair.source),
            target: self.name(pair.target),
            state: outlook.state(),
            delegation: pair.grant,
            missing_spns: pair.missing_spns.known().cloned(),
            reasons: outlook.reasons.iter().map(reason).collect(),
            remarks: self.remarks(pair, outlook),
        }
    }

    /// What a pair that is ready rests on, where that may end.
    fn remarks(&self, pair: &Pair, outlook: &Outlook<'_>) -> Vec<String> {
        if outlook.state() != State::Ready {
            return Vec::new();
        }
        let machine = self.incident.machines.get(&pair.source);
        let by_credssp = machine
            .is_some_and(|machine| machine.authentication == Known::Known(MigrationAuthentication::CredSsp));
        let remark = match pair.grant {
            Grant::NotNeeded if self.incident.clusters.together(pair.source, pair.target) => {
                if by_credssp {
                    "moves inside a cluster run under its own identity as a rule; those that do not (started by SCVMM, say) use CredSSP, which Credential Guard refuses"
                } else {
                    "moves inside a cluster run under its own identity as a rule; a test migration shows it"
                }
            }
            Grant::NotNeeded => {
                "CredSSP: delegation is not needed; somebody must be signed in on the source, and Credential Guard (on by default from Windows Server 2025 on) refuses it"
            }
            Grant::Partial => "one form of the target's name is missing on the list",
            Grant::Unconstrained => {
                "only by unconstrained delegation, which Credential Guard (on by default from Windows Server 2025 on) refuses; put the target on the list before an upgrade"
            }
            _ => return Vec::new(),
        };
        vec![remark.to_owned()]
    }

    fn phase(&self, phased: &Phased<'_>) -> PhaseReport {
        let under = |state: State| {
            let hit = |(_, outlook): &(&Pair, &Outlook<'_>)| {
                let id = Some(phased.hardening.id.as_str());
                outlook.state() == state && outlook.reasons.iter().any(|reason| reason.hardening == id)
            };
            let all = self.incident.pairs.iter().zip(&self.audit.pairs).filter(hit);
            all.map(|(pair, _)| (self.name(pair.source), self.name(pair.target))).collect()
        };
        let machine = |(host, carries): &(HostId, Option<bool>)| PhasedMachine {
            host: self.name(*host),
            carries: *carries,
        };
        PhaseReport {
            hardening: phased.hardening.id.clone(),
            title: phased.hardening.title.clone(),
            phase: phased.phase.name.clone(),
            since: phased.phase.date.clone(),
            standing: match phased.phase.standing {
                Standing::Verified => "verified",
                Standing::Derived => "derived",
                Standing::Memory => "memory",
            },
            next: phased.next.map(|next| NextPhase { phase: next.name.clone(), date: next.date.clone() }),
            basis: phased.basis(),
            machines: phased.machines.iter().map(machine).collect(),
            straddled: phased.is_straddled(),
            effect: phased.hardening.effect.clone(),
            fails: under(State::Fails),
            unknown: under(State::Unknown),
        }
    }

    fn unconstrained(&self) -> Vec<UnconstrainedReport> {
        let is_trusted = |host: &&HostId| {
            let object = self.evidence.directory.computer(**host);
            let bits = object.and_then(|object| object.user_account_control.known());
            // Every domain controller is trusted so, and has to be.
            bits.is_some_and(|bits| bits & UNCONSTRAINED != 0)
                && self.evidence.hosts.get(**host).is_some_and(|host| !host.is_dc)
        };
        self.incident.nodes.iter().filter(is_trusted).map(|host| self.trusted(*host)).collect()
    }

    fn trusted(&self, host: HostId) -> UnconstrainedReport {
        let guard = self.incident.foresight.as_ref().and_then(|foresight| foresight.guard.get(&host));
        let all = || self.audit.phases.iter().filter(|phased| phased.hardening.upgrade_to.is_some());
        let refused = match guard {
            Some(guard) if guard.runs => "now",
            Some(guard) if guard.is_stated => "not",
            Some(_) => "after-upgrade",
            None => "unknown",
        };
        let own = || self.incident.pairs.iter().filter(|pair| pair.source == host);
        let targets = |is_listed: bool| {
            let fits =
                |pair: &&Pair| pair.missing_spns.known().is_some_and(|own| own.is_empty() == is_listed);
            let list = self.evidence.directory.computer(host)?.allowed_to_delegate_to.known();
            list.map(|_| own().filter(fits).map(|pair| self.name(pair.target)).collect())
        };
        UnconstrainedReport {
            host: self.name(host),
            os: self.incident.machines.get(&host).and_then(|machine| machine.version.clone()),
            refused_by: all().next().map(|phased| phased.hardening.id.clone()).filter(|_| refused != "not"),
            refused,
            basis: if guard.is_some_and(|guard| guard.is_stated) { Basis::Stated } else { Basis::Default },
            listed_targets: targets(true),
            unlisted_targets: targets(false),
        }
    }

    fn encryption(&self) -> Vec<EncryptionReport> {
        let report = |host: &HostId| {
            let types = self.evidence.directory.computer(*host)?.encryption_types.known()?;
            let note = match types {
                None | Some(0) => {
                    "not set: domain controllers assume a default, which since the changes of 2026 is AES only; hosts set it themselves as a rule, so look why this one does not"
                }
                Some(types) if lacks_aes(*types) => {
                    "set, and without AES: an explicit setting outlives the changes of 2026, and whoever takes AES only gets no ticket"
                }
                Some(_) => return None,
            };
            Some(EncryptionReport { host: self.name(*host), types: *types, note })
        };
        self.incident.nodes.iter().filter_map(report).collect()
    }

    fn unseen(&self) -> Vec<String> {
        let is_unseen = |host: &&HostId| {
            self.evidence.directory.computer(**host).is_none_or(|object| {
                matches!(object.allowed_to_delegate_to, Known::Unknown(_))
                    || matches!(object.spns, Known::Unknown(_))
                    || matches!(object.allowed_to_act, Known::Unknown(_))
            })
        };
        self.incident.nodes.iter().filter(is_unseen).map(|host| self.name(*host)).collect()
    }
}

fn stale_report(stale: &Stale, evidence: &Evidence) -> StaleReport {
    let quoted = stale.value.replace('\'', "''");
    let (detail, check) = match (stale.kind, stale.is_certain) {
        (StaleKind::Unregistered, true) => (
            "no object registers this name; it may be taken off the list",
            format!("setspn -Q \"{}\"", stale.value),
        ),
        (StaleKind::Unregistered, false) => (
            "no object in the exports registers this name; it may be stale, or its object was left out",
            format!("setspn -Q \"{}\"", stale.value),
        ),
        (StaleKind::OrphanSid, _) => (
            "no object in the exports bears this; a removed or re-created account grants nothing any more, and an object that was left out does",
            if stale.value.contains('=') {
                format!("Get-ADObject -Identity '{quoted}'")
            } else {
                format!("Get-ADObject -Filter \"objectSid -eq '{quoted}'\" -IncludeDeletedObjects")
            },
        ),
        (StaleKind::WrongObject, _) => (
            "registered on an object that has another name; a ticket for it is encrypted for the wrong host",
            format!("setspn -Q \"{}\"", stale.value),
        ),
        (StaleKind::Duplicate, _) => (
            "registered on several objects; domain controllers refuse a ticket for it",
            "setspn -X".to_owned(),
        ),
        (StaleKind::Retired, _) => (
            "the account is disabled and nothing else speaks of this host, so its pairs are left out; take its names off other lists if it is gone, and enable it if it is not",
            format!("setspn -Q \"{}\"", stale.value),
        ),
    };
    let name = Spn::migration_host(&stale.value);
    StaleReport {
        kind: stale.kind,
        holders: stale.holders.clone(),
        value: name.map_or_else(|| stale.value.clone(), Spn::migration),
        certain: stale.is_certain,
        foreign: stale.foreign.clone(),
        detail,
        check,
        evidence: stale.facts.iter().filter_map(|fact| address(*fact, evidence)).collect(),
    }
}
