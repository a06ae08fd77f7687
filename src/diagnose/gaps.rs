//! What is missing, what it would decide, and the exact command that collects it.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::unseen;
use super::{Finding, Judgement, Level, Onset, RuleOutcome};
use crate::evidence::{Evidence, HostId};
use crate::incident::{HYPER_V, Incident};
use crate::knowledge::{Cause, Gaps, vocabulary};

/// Something that the bundle lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// A stable id, with the host behind a colon where it is about one.
    pub id: String,
    /// The hosts that it is about.
    pub hosts: BTreeSet<HostId>,
    /// The causes that it would decide.
    pub matters_for: BTreeSet<Cause>,
    /// Why it is asked for.
    pub why: String,
    /// The command that collects it.
    pub collect: String,
}

/// Every gap, by id.
pub(super) fn gaps(
    findings: &[Finding<'_>],
    verdict: &Judgement<'_>,
    onset: Onset,
    incident: &Incident,
    evidence: &Evidence,
    known: &Gaps,
) -> Vec<Gap> {
    let mut gaps = Found { all: BTreeMap::new(), evidence, known };
    let decided = matches!(verdict.level, Level::Confirmed | Level::Healthy | Level::Latent);
    for finding in findings.iter().filter(|finding| finding.outcome != RuleOutcome::RuledOut) {
        // A decided verdict leaves no question open about other causes, nor do failures of another class.
        if finding.rule.cause != verdict.cause && (decided || !could_explain(finding, incident)) {
            continue;
        }
        // Nor about the same cause by another rule, where no failure is left to explain.
        if decided && finding.outcome == RuleOutcome::Inconclusive && !is_open(finding, verdict, incident) {
            continue;
        }
        // A rare cause asks for what shows it once nothing else stands against it.
        if finding.rule.rare && finding.missing.iter().any(|missing| !is_of_controllers(missing)) {
            continue;
        }
        for missing in &finding.missing {
            gaps.add_missing(missing, finding, incident);
        }
    }
    gaps.add_sources(incident, verdict);
    if onset.first_failure.is_some() && onset.last_success.is_none() {
        gaps.add("logs-before-onset", None, verdict.cause);
    }
    // Where hosts are known, nobody has to be asked for "a host".
    for kind in ["hyperv-log", "system-log"] {
        let any = format!("{kind}:HOST");
        if gaps.all.keys().any(|id| *id != any && id.starts_with(kind)) {
            gaps.all.remove(&any);
        }
    }
    if verdict.level == Level::Inconclusive && gaps.all.is_empty() {
        gaps.add("user-objects", None, verdict.cause);
    }
    gaps.all.into_values().collect()
}

/// What the unknown facts of `findings` leave open, whether anything failed or not.
pub(super) fn left_open<'a>(
    findings: impl Iterator<Item = &'a Finding<'a>>,
    incident: &Incident,
    evidence: &Evidence,
    known: &Gaps,
) -> Vec<Gap> {
    let mut gaps = Found { all: BTreeMap::new(), evidence, known };
    for finding in findings {
        finding.missing.iter().for_each(|missing| gaps.add_missing(missing, finding, incident));
    }
    gaps.all.into_values().collect()
}

/// Whether an unknown fact is one that domain controllers alone can state.
fn is_of_controllers(missing: &str) -> bool {
    let fact = missing.split_once('.').and_then(|(variable, name)| vocabulary::find(variable, name));
    fact.is_some_and(|fact| matches!(fact.gap, "dc-builds" | "security-log:DC"))
}

/// Whether a pair of the finding has failures that its rule's cause can show.
fn could_explain(finding: &Finding<'_>, incident: &Incident) -> bool {
    let pairs = finding.pairs.iter().filter_map(|index| incident.pairs.get(*index));
    let mut failures = pairs.flat_map(|pair| incident.failures(pair));
    let rule = finding.rule;
    failures
        .any(|(_, attempt)| rule.classes.contains(&attempt.class) || rule.ambiguous.contains(&attempt.class))
        || finding.pairs.is_empty()
}

/// Whether a pair of the finding has failures that the verdict does not speak of.
fn is_open(finding: &Finding<'_>, verdict: &Judgement<'_>, incident: &Incident) -> bool {
    let pairs = finding.pairs.iter().filter_map(|index| incident.pairs.get(*index));
    let mut others = pairs.filter(|pair| !verdict.pairs.contains(&(pair.source, pair.target)));
    finding.pairs.is_empty() || others.any(|pair| incident.failures(pair).next().is_some())
}

struct Found<'a> {
    all: BTreeMap<String, Gap>,
    evidence: &'a Evidence,
    known: &'a Gaps,
}

impl Found<'_> {
    fn add(&mut self, kind: &str, host: Option<HostId>, cause: Cause) {
        let Some(piece) = self.known.piece(kind) else { return };
        let name = host.map(|host| self.evidence.hosts.name(host).to_owned());
        let id = match (kind, name) {
            ("hyperv-log" | "system-log" | "update-history" | "security-log", Some(name)) => {
                format!("{kind}:{name}")
            }
            ("security-log", None) => format!("{kind}:DC"),
            ("hyperv-log" | "system-log", None) => format!("{kind}:HOST"),
            _ => kind.to_owned(),
        };
        let why = piece.why_unnamed.as_ref().filter(|_| host.is_none()).unwrap_or(&piece.why);
        let fresh = Gap {
            id: id.clone(),
            hosts: BTreeSet::new(),
            matters_for: BTreeSet::new(),
            why: self.explain(kind, why),
            collect: piece.collect.clone(),
        };
        let gap = self.all.entry(id).or_insert(fresh);
        gap.hosts.extend(host);
        gap.matters_for.insert(cause);
    }

    /// An export that speaks of another domain is said as such.
    fn explain(&self, kind: &str, why: &str) -> String {
        let domains = &self.evidence.directory.domains;
        if kind == "directory-export" && !domains.is_empty() {
            return format!("{why}; the export in the bundle speaks of {}", domains.join(", "));
        }
        why.to_owned()
    }

    /// The gap that an unknown fact of a finding leaves.
    fn add_missing(&mut self, missing: &str, finding: &Finding<'_>, incident: &Incident) {
        let Some((variable, name)) = missing.split_once('.') else { return };
        let Some(fact) = vocabulary::find(variable, name) else { return };
        let pairs = finding.pairs.iter().filter_map(|index| incident.pairs.get(*index));
        let ends: BTreeSet<Option<HostId>> = match variable {
            "source" => pairs.map(|pair| Some(pair.source)).collect(),
            // The target's object holds resource-based delegation.
            "target" => pairs.map(|pair| Some(pair.target)).collect(),
            "pair" if name == "granted_by_target" => pairs.map(|pair| Some(pair.target)).collect(),
            "pair" if matches!(name, "coverage" | "delegation_in_place" | "granted") => {
                pairs.map(|pair| Some(pair.source)).collect()
            }
            "pair" if fact.gap.ends_with(':') => {
                pairs.flat_map(|pair| [Some(pair.source), Some(pair.target)]).collect()
            }
            _ => BTreeSet::from([None]),
        };
        for host in ends {
            let kind = fact.gap.split(':').next().unwrap_or_default();
            match host {
                Some(host) if self.is_known(variable, name, host, incident) => {}
                Some(host) if matches!(kind, "delegation-attributes" | "directory-export") => {
                    self.add(self.directory_gap(host), Some(host), finding.rule.cause)
                }
                Some(host) => self.add(kind, Some(host), finding.rule.cause),
                None if kind == "hyperv-log" => {
                    for host in self.without_hyper_v_log(incident) {
                        self.add(kind, host, finding.rule.cause);
                    }
                }
                None => self.add(kind, None, finding.rule.cause),
            }
        }
    }

    /// The nodes of which no log of Hyper-V is there; all where every node has sent one, which did not tell enough.
    fn without_hyper_v_log(&self, incident: &Incident) -> Vec<Option<HostId>> {
        let nodes = || incident.nodes.iter().copied();
        let silent: Vec<_> = nodes().filter(|node| !self.has_log(*node, HYPER_V)).map(Some).collect();
        let all: Vec<_> = if silent.is_empty() { nodes().map(Some).collect() } else { silent };
        if all.is_empty() { vec![None] } else { all }
    }

    fn has_log(&self, host: HostId, prefix: &str) -> bool {
        self.evidence.covered(host, |name| name.to_ascii_lowercase().starts_with(prefix)).next().is_some()
    }

    /// Pairs are aggregated in a finding: what is missing for one host may be there for another.
    fn is_known(&self, variable: &str, name: &str, host: HostId, incident: &Incident) -> bool {
        let machine = incident.machines.get(&host);
        match (variable, name) {
            (_, "uses_kerberos" | "migration_authentication") => {
                machine.is_some_and(|machine| machine.authentication.known().is_some())
            }
            (_, "allowed_to_delegate_to" | "coverage" | "delegation_in_place" | "granted") => self
                .evidence
                .directory
                .computer(host)
                .is_some_and(|object| object.allowed_to_delegate_to.known().is_some()),
            (_, "unconstrained" | "protocol_transition" | "enabled") => self
                .evidence
                .directory
                .computer(host)
                .is_some_and(|object| object.user_account_control.known().is_some()),
            (_, "migration_spns") => {
                self.evidence.directory.computer(host).is_some_and(|object| object.spns.known().is_some())
            }
            (_, "version") => machine.is_some_and(|machine| machine.version.is_some()),
            _ => false,
        }
    }

    fn directory_gap(&self, host: HostId) -> &'static str {
        if self.evidence.directory.computer(host).is_some() {
            "delegation-attributes"
        } else {
            "directory-export"
        }
    }

    /// Sources that every incident should have, asked for the ends of its migrations.
    fn add_sources(&mut self, incident: &Incident, verdict: &Judgement<'_>) {
        let failed = |pair: &&crate::incident::Pair| incident.failures(pair).next().is_some();
        let ends: BTreeSet<HostId> =
            incident.pairs.iter().filter(failed).flat_map(|pair| [pair.source, pair.target]).collect();
        let has = |host: HostId, prefix: &str| self.has_log(host, prefix);
        let (mut kinds, mut stated) = (Vec::new(), BTreeSet::new());
        stated.extend(incident.changes.iter().filter_map(|change| change.host));
        for host in ends {
            if !has(host, HYPER_V) {
                kinds.push(("hyperv-log", host));
            }
            if self.evidence.directory.computer(host).is_none() {
                kinds.push(("directory-export", host));
            }
            if !stated.contains(&host) && !has(host, "system") {
                kinds.push(("update-history", host));
            }
        }
        // Nothing failed as far as the logs tell, and some were not sent.
        if incident.hyper_v_logs && verdict.level == Level::Inconclusive && verdict.attempts.is_empty() {
            let unseen = unseen(&incident.pairs, incident, self.evidence);
            kinds.extend(unseen.into_iter().map(|host| ("hyperv-log", host)));
        }
        if !incident.hyper_v_logs {
            let nodes: Vec<_> = incident.nodes.iter().copied().collect();
            kinds.extend(nodes.iter().map(|node| ("hyperv-log", *node)));
            if nodes.is_empty() {
                self.add("hyperv-log", None, Cause::undetermined());
            }
        }
        if self.evidence.directory.objects == 0 {
            self.add("directory-export", None, verdict.cause);
        }
        kinds.into_iter().for_each(|(kind, host)| self.add(kind, Some(host), verdict.cause));
    }
}
