//! Before a hardening: which pairs will fail, by which cause and which phase, from exports alone.
//!
//! The rules are asked of the hosts as if nothing had moved yet ([`Incident::foresee`]), so that what breaks a pair is
//! written down once. A phase counts by its date, and where a machine's build is known, by the build. What is *not*
//! done here: stale entries of the directory (see [`super::stale`]), and what other updates may bring that no phase
//! announces.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::{
    Diagnosis, Finding, Gap, Hypothesis, Judgement, Level, Onset, RuleOutcome, Stale, StaleKind, gaps,
    gather, in_question, judge, stale,
};
use crate::evidence::{Evidence, HostId};
use crate::fact::{SourceId, Spn, domain_of};
use crate::incident::{Incident, Pair, forms};
use crate::knowledge::{Builds, Cause, Family, Hardening, Hardenings, Knowledge, Phase, Role, Rule};

mod damage;
mod encryption;

pub use encryption::lacks_aes;

/// Causes whose conditions the exports decide; what other rules leave open takes logs.
const DECIDABLE: &[&str] =
    &["kcd-missing", "kcd-incomplete", "kcd-kerberos-only", "unconstrained-blocked", "credssp-blocked"];
/// Whether moves of a pair depend on delegation, as rules call it.
const NEED: &str = "pair.needs_delegation";
/// Facts that exports tell; what else a rule asks for takes a failure.
const TOLD: &[&str] = &[
    "source.allowed_to_delegate_to",
    "source.credential_guard",
    "source.migration_authentication",
    "source.protocol_transition",
    "source.unconstrained",
    "source.uses_kerberos",
    "source.version",
    "pair.coverage",
    "pair.granted_by_target",
    "pair.same_domain",
    NEED,
];
/// What exports say of the moves to come.
#[derive(Debug)]
pub struct Audit<'a> {
    /// The day in question.
    pub on: Date,
    /// The causes as judgements, so that a plan can be made of them.
    pub diagnosis: Diagnosis<'a>,
    /// What each pair of the incident has to expect, in its order.
    pub pairs: Vec<Outlook<'a>>,
    /// The hardening changes in force on that day, by id.
    pub phases: Vec<Phased<'a>>,
    /// Entries of the directory that serve no host, or the wrong one.
    pub stale: Vec<Stale>,
    /// Exports that lost something, so that there may be more than is said here.
    pub damaged: Vec<SourceId>,
}

/// Whether a move can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing in the exports speaks against it.
    Ready,
    /// It will fail.
    Fails,
    /// The exports do not say.
    Unknown,
}

/// What a reason rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The exports state it.
    Stated,
    /// The build of every machine that it takes shows it.
    Build,
    /// It is the default of the host's version, and the exports say nothing else.
    Default,
    /// By date, if updates are installed.
    Date,
}

/// Why a pair fails, or may.
#[derive(Debug, Clone)]
pub struct Reason<'a> {
    /// The cause.
    pub cause: Cause,
    /// The rule that says so; `None` where no rule does.
    pub rule: Option<&'a Rule>,
    /// Whether it is known to hold.
    pub is_known: bool,
    /// The hardening that makes it a fault; `None` where it is one without any.
    pub hardening: Option<&'a str>,
    /// What it rests on.
    pub basis: Basis,
    /// Facts that would decide it.
    pub missing: Vec<String>,
}

/// What a pair has to expect.
#[derive(Debug, Clone, Default)]
pub struct Outlook<'a> {
    /// Why it fails; where it is not known to, why it may.
    pub reasons: Vec<Reason<'a>>,
}

impl Outlook<'_> {
    /// Whether its moves can succeed.
    #[must_use]
    pub fn state(&self) -> State {
        match self.reasons.first() {
            None => State::Ready,
            Some(reason) if reason.is_known => State::Fails,
            Some(_) => State::Unknown,
        }
    }
}

/// A hardening change on the day in question.
#[derive(Debug, Clone)]
pub struct Phased<'a> {
    /// The change.
    pub hardening: &'a Hardening,
    /// Its last phase that has begun.
    pub phase: &'a Phase,
    /// The phase that follows later.
    pub next: Option<&'a Phase>,
    /// Machines on which it acts, and whether their build carries the phase; `None` where that is not known.
    pub machines: Vec<(HostId, Option<bool>)>,
}

impl Phased<'_> {
    /// Whether domain controllers stand on both sides of it, by their builds.
    #[must_use]
    pub fn is_straddled(&self) -> bool {
        let has = |carries| self.machines.iter().any(|(_, own)| *own == Some(carries));
        has(true) && has(false)
    }

    /// What it rests on that it is in force.
    #[must_use]
    pub fn basis(&self) -> Basis {
        let is_known = |(_, carries): &(HostId, Option<bool>)| carries.is_some();
        if self.hardening.upgrade_to.is_some() {
            Basis::Default
        } else if !self.machines.is_empty() && self.machines.iter().all(is_known) {
            Basis::Build
        } else {
            Basis::Date
        }
    }

    /// Whether builds show that it is in force nowhere.
    fn is_absent(&self) -> bool {
        !self.machines.is_empty() && self.machines.iter().all(|(_, carries)| *carries == Some(false))
    }
}

/// The version from which on Credential Guard runs by default, where that default is in force on that day.
#[must_use]
pub fn credential_guard_from(hardenings: &Hardenings, on: Date) -> Option<&str> {
    let begun = |hardening: &&Hardening| current(hardening, on).is_some();
    hardenings.all().iter().filter(begun).find_map(|hardening| hardening.upgrade_to.as_deref())
}

/// Says what `incident`, whose moves were taken out, has to expect on that day.
#[must_use]
pub fn audit<'a>(
    incident: &'a Incident,
    evidence: &Evidence,
    knowledge: &'a Knowledge,
    on: Date,
) -> Audit<'a> {
    let asked = in_question(&incident.pairs, incident);
    let answers = judge(&knowledge.rules, asked, &incident.pairs, incident, evidence, &evidence.directory);
    let phases = phases(incident, evidence, knowledge, on);
    let guard = phases.iter().find(|phased| phased.hardening.upgrade_to.is_some());
    let mut pairs = vec![Outlook::default(); incident.pairs.len()];
    for answer in &answers {
        let Some((index, pair)) = answer.pair.and_then(|index| Some((index, incident.pairs.get(index)?)))
        else {
            continue;
        };
        let reason = reason(answer, pair, incident, guard.map(|phased| phased.hardening.id.as_str()));
        pairs.get_mut(index).into_iter().for_each(|own| own.reasons.extend(reason.clone()));
    }
    let stale = stale(evidence);
    let rc4 = encryption::without_rc4(&phases);
    let mut bare = BTreeSet::new();
    for (pair, outlook) in incident.pairs.iter().zip(&mut pairs) {
        if let Some(phased) = rc4 {
            encryption::lay_to_hardening(outlook, pair, phased, evidence);
            for (host, reason) in encryption::without_types(pair, phased, evidence) {
                bare.insert(host);
                outlook.reasons.push(reason);
            }
        }
        outlook.reasons.extend(duplicate(pair, outlook, &stale, evidence, &knowledge.rules));
        // What is known to fail needs no guess beside it.
        if outlook.reasons.iter().any(|reason| reason.is_known) {
            outlook.reasons.retain(|reason| reason.is_known);
        }
        outlook.reasons.sort_by_key(|reason| (!reason.is_known, reason.cause));
    }
    let mut findings = gather(&answers, incident, evidence);
    findings.retain(|finding| match finding.outcome {
        RuleOutcome::Hit => finding.rule.cause.is_fault(),
        RuleOutcome::Inconclusive => {
            DECIDABLE.contains(&finding.rule.cause.name()) || is_asked(&pairs, finding.rule)
        }
        RuleOutcome::RuledOut => false,
    });
    let mut gaps = open_gaps(&findings, &pairs, incident, evidence, knowledge);
    gaps.extend(encryption::gap(&bare, &pairs, knowledge));
    let damaged = damage::damaged(evidence);
    let again = damage::gaps(&damaged, evidence, &knowledge.gaps).into_iter();
    gaps.extend(again.filter(|gap| !gaps.iter().any(|own| own.id == gap.id)).collect::<Vec<_>>());
    let diagnosis = diagnosis(&pairs, findings, gaps, incident, damaged.is_empty());
    Audit { on, diagnosis, pairs, phases, stale, damaged }
}

/// Whether a rule leaves a pair open.
fn is_asked(pairs: &[Outlook<'_>], rule: &Rule) -> bool {
    let mut reasons = pairs.iter().flat_map(|own| &own.reasons);
    reasons.any(|reason| !reason.is_known && reason.rule.is_some_and(|own| own.id == rule.id))
}

/// What a rule's answer means for a pair on which nothing was tried yet.
fn reason<'a>(
    answer: &judge::Answer<'a>,
    pair: &Pair,
    incident: &Incident,
    guard: Option<&'a str>,
) -> Option<Reason<'a>> {
    let rule = answer.rule;
    if !rule.cause.is_fault() {
        return None;
    }
    // What is foreseen but for the need of delegation is as open as that need.
    let is_decidable = DECIDABLE.contains(&rule.cause.name())
        || rule.foresees.is_some() && answer.missing.iter().all(|fact| fact == NEED);
    let told: Vec<String> =
        answer.missing.iter().filter(|fact| TOLD.contains(&fact.as_str())).cloned().collect();
    let is_known = match answer.outcome {
        RuleOutcome::Hit if answer.required => true,
        // What is required and known not to hold speaks against the rule; what only a failure tells is no doubt here.
        RuleOutcome::Hit if is_decidable && !answer.missing.is_empty() => told.is_empty(),
        RuleOutcome::Inconclusive if is_decidable && told.len() == answer.missing.len() => false,
        _ => return None,
    };
    // What asks for no need of delegation still can't break a move that runs under a cluster's own identity.
    let condition = rule.foresees.as_ref().unwrap_or(&rule.when);
    let asks_need = condition.names().iter().any(|(_, name)| name == "needs_delegation");
    let in_cluster = rule.cause.family() == Family::Delegation && !asks_need;
    let (is_known, missing) = match in_cluster && incident.clusters.together(pair.source, pair.target) {
        true if !incident.clusters.is_assumed(pair.source, pair.target) => return None,
        true => (false, vec![NEED.to_owned()]),
        false if is_known => (true, Vec::new()),
        false => (false, told),
    };
    let asks_guard = condition.names().iter().any(|(_, name)| name == "credential_guard");
    let own = incident.foresight.as_ref().and_then(|foresight| foresight.guard.get(&pair.source));
    let is_default = asks_guard && own.is_some_and(|guard| !guard.is_stated);
    Some(Reason {
        cause: rule.cause,
        rule: Some(rule),
        is_known,
        hardening: guard.filter(|_| asks_guard),
        basis: if is_default { Basis::Default } else { Basis::Stated },
        missing,
    })
}

/// A target whose name several objects register, unless a rule has said so: no ticket is issued for it (RFC 4120,
/// KDC_ERR_PRINCIPAL_NOT_UNIQUE).
fn duplicate<'a>(
    pair: &Pair,
    outlook: &Outlook<'a>,
    stale: &[Stale],
    evidence: &Evidence,
    rules: &'a [Rule],
) -> Option<Reason<'a>> {
    let cause = Cause::named("spn-duplicate")?;
    let names = forms(pair.target, &evidence.hosts, &evidence.directory);
    let object = evidence.directory.computer(pair.target);
    let domain = object.and_then(|object| domain_of(object.dn.as_deref()?));
    let is_own = |own: &&Stale| {
        let name = Spn::migration_host(&own.value);
        own.kind == StaleKind::Duplicate
            && own.holders.iter().any(|holder| domain_of(holder) == domain)
            && name.is_some_and(|name| names.iter().any(|form| form.eq_ignore_ascii_case(name)))
    };
    let is_said = outlook.reasons.iter().any(|reason| reason.cause == cause);
    (pair.needs_delegation && !is_said && stale.iter().any(|own| is_own(&own))).then(|| Reason {
        cause,
        rule: rules.iter().find(|rule| rule.cause == cause),
        is_known: true,
        hardening: None,
        basis: Basis::Stated,
        missing: Vec::new(),
    })
}

/// The changes in force on that day, with the machines on which they act.
fn phases<'a>(
    incident: &Incident,
    evidence: &Evidence,
    knowledge: &'a Knowledge,
    on: Date,
) -> Vec<Phased<'a>> {
    let controllers: Vec<_> = evidence.hosts.domain_controllers().collect();
    let of = |hardening: &'a Hardening| {
        let phase = current(hardening, on)?;
        let next = hardening.phase.iter().find(|phase| phase.date > on.to_string());
        let nodes = incident.nodes.iter().copied();
        let machines: BTreeSet<_> = match hardening.role {
            Role::Dc => controllers.iter().copied().collect(),
            Role::Host => nodes.collect(),
            Role::Both => controllers.iter().copied().chain(nodes).collect(),
        };
        let carried = |host: HostId| (host, carries(hardening, phase, host, incident, &knowledge.builds));
        Some(Phased { hardening, phase, next, machines: machines.into_iter().map(carried).collect() })
    };
    knowledge.hardenings.all().iter().filter_map(of).collect()
}

/// The last phase that has begun on that day.
fn current(hardening: &Hardening, on: Date) -> Option<&Phase> {
    hardening.phase.iter().rfind(|phase| phase.date <= on.to_string())
}

/// Whether a machine's build, or its version where the change comes with one, carries a phase.
fn carries(
    hardening: &Hardening,
    phase: &Phase,
    host: HostId,
    incident: &Incident,
    builds: &Builds,
) -> Option<bool> {
    let machine = incident.machines.get(&host)?;
    if let Some(version) = &hardening.upgrade_to {
        return Some(Builds::year(machine.version.as_deref()?)? >= Builds::year(version)?);
    }
    let (number, revision) = machine.build.as_deref()?.split_once('.')?;
    let (number, revision): (u32, u32) = (number.parse().ok()?, revision.parse().ok()?);
    let first = phase.kbs.iter().filter_map(|kb| builds.revision(kb, number)).min()?;
    Some(revision >= first)
}

/// The gaps that keep pairs unknown.
fn open_gaps(
    findings: &[Finding<'_>],
    pairs: &[Outlook<'_>],
    incident: &Incident,
    evidence: &Evidence,
    knowledge: &Knowledge,
) -> Vec<Gap> {
    let is_open = |index: &usize| pairs.get(*index).is_some_and(|own| own.state() == State::Unknown);
    let narrowed = findings.iter().filter_map(|finding| {
        let open: BTreeSet<_> = finding.pairs.iter().copied().filter(is_open).collect();
        let reasons = open.iter().filter_map(|index| pairs.get(*index)).flat_map(|own| &own.reasons);
        let own = reasons.filter(|reason| reason.cause == finding.rule.cause);
        let missing: BTreeSet<_> = own.flat_map(|reason| reason.missing.iter().cloned()).collect();
        (!open.is_empty()).then(|| Finding { pairs: open, missing, ..finding.clone() })
    });
    let narrowed: Vec<_> = narrowed.collect();
    gaps::left_open(narrowed.iter(), incident, evidence, &knowledge.gaps)
}

/// The causes as judgements: what most pairs are known to fail by first, then by the order of causes. Of exports that
/// are not whole nobody can say that all is well.
fn diagnosis<'a>(
    pairs: &[Outlook<'a>],
    findings: Vec<Finding<'a>>,
    gaps: Vec<Gap>,
    incident: &Incident,
    is_whole: bool,
) -> Diagnosis<'a> {
    let mut by_cause: BTreeMap<Cause, (Option<&'a Rule>, BTreeSet<usize>)> = BTreeMap::new();
    for (index, outlook) in pairs.iter().enumerate() {
        for reason in outlook.reasons.iter().filter(|reason| reason.is_known) {
            by_cause.entry(reason.cause).or_insert((reason.rule, BTreeSet::new())).1.insert(index);
        }
    }
    let judgement = |cause, level, rule, pairs: &BTreeSet<usize>| Judgement {
        cause,
        level,
        pairs: super::named(pairs, incident),
        rule,
        attempts: BTreeSet::new(),
    };
    let latent = by_cause.iter();
    let mut latent: Vec<_> =
        latent.map(|(cause, (rule, pairs))| judgement(*cause, Level::Latent, *rule, pairs)).collect();
    latent.sort_by_key(|judgement| std::cmp::Reverse(judgement.pairs.len()));
    let of = |state: State| {
        let all = pairs.iter().enumerate().filter(move |(_, own)| own.state() == state);
        all.map(|(index, _)| index).collect::<BTreeSet<_>>()
    };
    let unknown = of(State::Unknown);
    let mut latent = latent.into_iter();
    let verdict = latent.next().unwrap_or_else(|| {
        if pairs.is_empty() || !unknown.is_empty() || !is_whole {
            judgement(Cause::undetermined(), Level::Inconclusive, None, &unknown)
        } else {
            judgement(Cause::healthy(), Level::Healthy, None, &BTreeSet::new())
        }
    });
    let hypotheses = vec![Hypothesis {
        cause: verdict.cause,
        confidence: 1.0,
        supports: Vec::new(),
        contradicts: Vec::new(),
    }];
    Diagnosis {
        findings,
        verdict,
        confidence: 1.0,
        trigger: None,
        also: latent.collect(),
        hypotheses,
        onset: Onset::default(),
        estimate: None,
        pair_estimates: BTreeMap::new(),
        changes: Vec::new(),
        gaps,
    }
}
