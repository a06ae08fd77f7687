//! What rules may ask: facts derived from the incident, each with the records that state it.
//!
//! Every name in [`crate::knowledge::vocabulary`] is filled here and nowhere else. An unknown fact is left out.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::evidence::{Covered, Directory, Evidence, FactId, HostId};
use crate::fact::{Field, Known, MigrationAuthentication, Reason};
use crate::incident::{
    Coverage, DISABLED, Dated, Grant, Incident, Machine, Outcome, PROTOCOL_TRANSITION, Pair, UNCONSTRAINED,
    is_near, migration_names,
};
use crate::knowledge::condition::{FactValue, Values};
use crate::knowledge::{Builds, Class, Weight};

mod account;
mod authentication;
mod hardening;

pub(super) use hardening::{common_types, states_types};

/// The channel of the management service, in which it says that its listener is off.
const VMMS_ADMIN: &str = "Microsoft-Windows-Hyper-V-VMMS-Admin";
/// Cluster events stand this close to the failure that they explain.
const NEAR: SignedDuration = SignedDuration::from_mins(10);
/// A cluster takes this long to say that it lost a network or a node.
const LATE: SignedDuration = SignedDuration::from_mins(2);
/// A log that ends this long before the last move is of another time, and not merely quiet.
const QUIET: SignedDuration = SignedDuration::from_hours(92 * 24);
/// Time service and secure channel complain at their own pace.
const SAME_DAY: SignedDuration = SignedDuration::from_hours(24);

/// Known facts of one variable, and what states each.
#[derive(Debug, Default, Clone)]
pub struct Stated {
    /// The values.
    pub values: Values,
    /// The records.
    pub proof: BTreeMap<&'static str, Vec<FactId>>,
}

impl Stated {
    fn set(&mut self, name: &'static str, value: FactValue, proof: impl IntoIterator<Item = FactId>) {
        self.values.insert(name, value);
        self.proof.insert(name, proof.into_iter().collect());
    }

    fn set_known<T>(
        &mut self,
        name: &'static str,
        value: Option<T>,
        proof: &[FactId],
        wrap: impl Fn(T) -> FactValue,
    ) {
        if let Some(value) = value {
            self.set(name, wrap(value), proof.iter().copied());
        }
    }

    /// A count of records; a known zero has none to show, and is known only where `covered` says so.
    fn set_count(
        &mut self,
        name: &'static str,
        dated: &Known<Dated>,
        covered: bool,
        near: impl Fn(Timestamp) -> bool,
    ) {
        let facts: Vec<_> = dated
            .known()
            .into_iter()
            .flatten()
            .filter(|(time, _)| near(*time))
            .map(|(_, fact)| *fact)
            .collect();
        if !facts.is_empty() || covered && dated.known().is_some() {
            self.set(name, count(facts.len()), facts);
        }
    }
}

fn count(value: usize) -> FactValue {
    FactValue::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

/// The facts of a pair and both of its ends.
#[derive(Debug, Clone)]
pub struct PairFacts {
    /// `source`, `target`, `pair` and `domain`, in that order.
    pub variables: [(&'static str, Stated); 4],
}

impl PairFacts {
    /// Derives them.
    #[must_use]
    pub fn of(pair: &Pair, incident: &Incident, evidence: &Evidence, directory: &Directory) -> Self {
        let times: Vec<_> = incident.failures(pair).map(|(_, attempt)| attempt.time).collect();
        let last = times.iter().max().copied();
        let host = |host: HostId| {
            let mut stated = host_facts(host, &times, last, incident, evidence);
            // The state of another time says nothing about the failures.
            if !incident.is_outdated(host, &times, evidence) {
                directory_facts(&mut stated, host, directory);
                if last.is_some_and(|last| incident.is_disabled_later(host, last, evidence)) {
                    stated.values.remove("enabled");
                }
            }
            stated
        };
        let mut variables = [
            ("source", host(pair.source)),
            ("target", host(pair.target)),
            ("pair", pair_facts(pair, &times, incident, evidence)),
            ("domain", hardening::domain_facts(pair, &times, incident, evidence)),
        ];
        authentication::add(&mut variables, pair, &times, (incident, evidence, directory));
        if let Some((_, stated)) = variables.iter_mut().find(|variable| variable.0 == "pair") {
            hardening::pair_facts(stated, pair, &times, incident, evidence, directory);
        }
        Self { variables }
    }

    /// The records that state `variable.name`.
    #[must_use]
    pub fn proof(&self, variable: &str, name: &str) -> &[FactId] {
        let stated = self.variables.iter().find(|own| own.0 == variable);
        stated.and_then(|(_, stated)| stated.proof.get(name)).map_or(&[], Vec::as_slice)
    }
}

fn near(times: &[Timestamp], distance: SignedDuration) -> impl Fn(Timestamp) -> bool {
    move |time| is_near(times, time, distance)
}

fn host_facts(
    host: HostId,
    times: &[Timestamp],
    last: Option<Timestamp>,
    incident: &Incident,
    evidence: &Evidence,
) -> Stated {
    let mut stated = Stated::default();
    let Some(machine) = incident.machines.get(&host) else { return stated };
    let stated_setting = incident.authentication(host);
    let authentication = stated_setting.known().copied();
    let name = |authentication| {
        FactValue::Text(
            if authentication == MigrationAuthentication::Kerberos { "kerberos" } else { "credssp" }.into(),
        )
    };
    stated.set_known("migration_authentication", authentication, &machine.settings_facts, name);
    let accepts = machine.accepts_migrations.known().copied();
    stated.set_known("accepts_migrations", accepts, &machine.settings_facts, FactValue::Bool);
    // Its own word makes a refusal the listener's (see the attempts); here is only whether its silence counts.
    if incident.speaks(host) && evidence.covers_all(host, VMMS_ADMIN, times) {
        stated.set("stopped_listening", FactValue::Bool(false), []);
    }
    let refused = incident.refused_sources.get(&host);
    let refused = refused.filter(|_| stated_setting != Known::Unknown(Reason::Contradictory));
    match (authentication, refused) {
        (Some(authentication), _) => {
            let facts = machine.settings_facts.iter().chain(refused.into_iter().flatten());
            stated.set(
                "uses_kerberos",
                FactValue::Bool(authentication == MigrationAuthentication::Kerberos),
                facts.copied(),
            );
        }
        (None, Some(facts)) => stated.set("uses_kerberos", FactValue::Bool(true), facts.iter().copied()),
        (None, None) => {}
    }
    let year = machine.version.as_deref().and_then(Builds::year);
    stated.set_known("version", year, &machine.version_facts, FactValue::Int);
    let guard_at = |time: Option<&Timestamp>| time.and_then(|time| machine.credential_guard_at(*time));
    let guard = guard_at(last.as_ref()).filter(|(running, _)| {
        // What began to run between the failures explains the later ones alone.
        !running || guard_at(times.first()).is_none_or(|(first, _)| first)
    });
    if let Some((running, fact)) = guard {
        stated.set("credential_guard", FactValue::Bool(running), [fact]);
    } else if let Some(guard) = incident.foresight.as_ref().and_then(|foresight| foresight.guard.get(&host)) {
        stated.set("credential_guard", FactValue::Bool(guard.runs), guard.facts.iter().copied());
    }
    let holds = |channel: &str| evidence.covers_all(host, channel, times);
    stated.set_count("clock_trouble", &machine.clock, holds("System"), near(times, SAME_DAY));
    stated.set_count("spn_registration_failures", &machine.spn_registration, true, |_| true);
    stated
}

fn directory_facts(stated: &mut Stated, host: HostId, directory: &Directory) {
    let Some(object) = directory.computer(host) else { return };
    let facts = directory.facts(host);
    stated.set_known(
        "allowed_to_delegate_to",
        object.allowed_to_delegate_to.known().cloned(),
        facts,
        FactValue::List,
    );
    stated.set_known("migration_spns", migration_names(object).known().cloned(), facts, FactValue::List);
    if let Some(bits) = object.user_account_control.known() {
        let mut flag = |name, value| stated.set(name, FactValue::Bool(value), facts.iter().copied());
        flag("unconstrained", bits & UNCONSTRAINED != 0);
        flag("protocol_transition", bits & PROTOCOL_TRANSITION != 0);
        flag("enabled", bits & DISABLED == 0);
    }
}

fn pair_facts(pair: &Pair, times: &[Timestamp], incident: &Incident, evidence: &Evidence) -> Stated {
    let mut stated = Stated::default();
    let failures: Vec<_> = incident.failures(pair).map(|(_, attempt)| attempt).collect();
    let failed_facts: Vec<FactId> =
        failures.iter().flat_map(|attempt| attempt.telling.iter().copied()).collect();
    let successes: Vec<_> =
        incident.successes(pair).filter_map(|(_, attempt)| attempt.facts.first().copied()).collect();
    if incident.hyper_v_logs {
        let mut classes: Vec<_> = failures.iter().map(|attempt| attempt.class).collect();
        classes.sort_unstable();
        classes.dedup();
        stated.set("failed", count(failures.len()), failed_facts.iter().copied());
        stated.set("succeeded", count(successes.len()), successes);
        stated.set(
            "classes",
            FactValue::List(classes.into_iter().map(Class::name).collect()),
            failed_facts.iter().copied(),
        );
        if failures.iter().all(|attempt| attempt.weight == Weight::Specific) {
            stated.set("hides_class", FactValue::Bool(false), failed_facts.iter().copied());
        }
    }
    refusals(&mut stated, pair, incident);
    let is_credssp = incident.authentication(pair.source) == Known::Known(MigrationAuthentication::CredSsp);
    let credssp = incident.machines.get(&pair.source).filter(|_| is_credssp);
    let why = credssp.map_or(&failed_facts, |machine| &machine.settings_facts);
    if let Known::Known(worked) = incident.worked_unchanged(pair, evidence) {
        stated.set("worked_unchanged", FactValue::Bool(worked.is_some()), worked);
    }
    if incident.is_need_known(pair) {
        stated.set("needs_delegation", FactValue::Bool(pair.needs_delegation), why.iter().copied());
    }
    let list = evidence.directory.facts(pair.source);
    let named = |coverage| {
        FactValue::Text(
            match coverage {
                Coverage::None => "none",
                Coverage::Partial => "partial",
                Coverage::Full => "full",
            }
            .into(),
        )
    };
    let current = |host: HostId| !incident.is_outdated(host, times, evidence);
    stated.set_known(
        "coverage",
        pair.coverage.known().copied().filter(|_| current(pair.source)),
        list,
        named,
    );
    stated.set_known(
        "granted_by_target",
        pair.granted_by_target.known().copied().filter(|_| current(pair.target)),
        evidence.directory.facts(pair.target),
        FactValue::Bool,
    );
    stated.set_known("same_domain", pair.same_domain.known().copied(), list, FactValue::Bool);
    for (name, dated) in [
        ("kdc_refused", &pair.kdc_refused),
        ("kdc_unknown_service", &pair.kdc_unknown_service),
        ("kdc_clock", &pair.kdc_clock),
        ("kdc_account", &pair.kdc_account),
    ] {
        stated.set_count(name, dated, true, |_| true);
    }
    trouble(&mut stated, pair, incident, evidence);
    let (offset_facts, offset) = offset(pair, incident, evidence);
    stated.set_known("clock_difference", offset, &offset_facts, FactValue::Int);
    stated
}

/// Whether the target refused every connection, and whether its own settings say why.
fn refusals(stated: &mut Stated, pair: &Pair, incident: &Incident) {
    let failures = || incident.failures(pair).map(|(_, attempt)| attempt);
    let network: Vec<_> = failures().filter(|attempt| attempt.class == Class::Network).collect();
    let refused: Vec<_> = network.iter().copied().filter(|attempt| attempt.is_refused()).collect();
    let first = refused.iter().map(|attempt| attempt.time).min();
    let reached = first.is_some_and(|first| incident.reached_after(pair.target, first));
    let all = !refused.is_empty() && refused.len() == network.len() && !reached;
    let facts = || refused.iter().flat_map(|attempt| attempt.telling.iter().copied());
    let target = incident.machines.get(&pair.target);
    let shut = target.filter(|target| target.accepts_migrations.known() == Some(&false));
    if incident.hyper_v_logs {
        stated.set("refused", FactValue::Bool(all), facts());
    }
    let settings = shut.into_iter().flat_map(|target| target.settings_facts.iter().copied());
    stated.set("refused_by_setting", FactValue::Bool(all && shut.is_some()), settings.chain(facts()));
}

/// Cluster trouble between the two ends, near a failure that it would explain.
fn trouble(stated: &mut Stated, pair: &Pair, incident: &Incident, evidence: &Evidence) {
    let ends = [pair.source, pair.target];
    let times_of = |classes: &[Class]| {
        let own = incident.failures(pair).filter(|(_, attempt)| classes.contains(&attempt.class));
        own.map(|(_, attempt)| attempt.time).collect::<Vec<_>>()
    };
    let joined = |pick: &dyn Fn(&Machine) -> &Known<Dated>| {
        let machines = ends.iter().filter_map(|host| incident.machines.get(host));
        let known: Vec<_> = machines.filter_map(|machine| pick(machine).known().cloned()).collect();
        if known.is_empty() { Known::default() } else { Known::Known(known.concat()) }
    };
    let holds = |times: &[Timestamp]| ends.iter().all(|host| evidence.covers_all(*host, "System", times));
    let network = times_of(&[Class::Network, Class::ClusterNetwork, Class::Timeout]);
    let between = |pick: &dyn Fn(&Machine) -> &Known<Dated>| {
        joined(pick).map(|dated| {
            dated.into_iter().filter(|(_, fact)| is_between(*fact, ends, evidence)).collect::<Dated>()
        })
    };
    // What comes after a failure did not cause it, small delays of the cluster's own log aside.
    let beside = near(&network, (NEAR + LATE) / 2);
    let before = |time: Timestamp| time.checked_add((NEAR - LATE) / 2).is_ok_and(&beside);
    let held = holds(&network);
    stated.set_count("network_trouble", &between(&|machine| &machine.network), held, before);
    stated.set_count("node_lost", &between(&|machine| &machine.lost_nodes), held, before);
    // The destination opens the disks; what the source's volumes do is another matter.
    let storage = times_of(&[Class::Storage, Class::Timeout]);
    let opened =
        incident.machines.get(&pair.target).map(|machine| machine.storage.clone()).unwrap_or_default();
    let held = evidence.covers_all(pair.target, "System", &storage);
    stated.set_count("storage_trouble", &opened, held, near(&storage, NEAR));
}

/// Whether a cluster network event is about the two ends: it names one of them beside its writer, or no node.
fn is_between(fact: FactId, ends: [HostId; 2], evidence: &Evidence) -> bool {
    let (Some(event), Some(writer)) = (evidence.event(fact), evidence.host_of(fact)) else { return false };
    let node =
        |field: &Field| field.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("NodeName"));
    let nodes: Vec<_> = event
        .fields
        .iter()
        .filter(|field| node(field))
        .map(|field| evidence.hosts.find_from(&field.value, writer))
        .collect();
    let named: Vec<_> =
        event.fields.iter().filter_map(|field| evidence.hosts.find_from(&field.value, writer)).collect();
    let stated = if nodes.is_empty() { named.into_iter().map(Some).collect() } else { nodes };
    stated.is_empty() || stated.iter().any(|node| node.is_some_and(|node| ends.contains(&node)))
}

/// Seconds between the two ends' records: a proven offset, or none where both ends recorded one failure.
fn offset(pair: &Pair, incident: &Incident, evidence: &Evidence) -> (Vec<FactId>, Option<i64>) {
    if [pair.source, pair.target].iter().any(|end| incident.local_times.contains(end)) {
        return (Vec::new(), None);
    }
    let of = |host: HostId| incident.clock_offsets.get(&host).copied();
    let attempts = pair.attempts.iter().filter_map(|index| incident.attempts.get(*index));
    let wrote =
        |facts: &[FactId], host: HostId| facts.iter().any(|fact| evidence.host_of(*fact) == Some(host));
    let both_ends = |facts: &[FactId]| wrote(facts, pair.source) && wrote(facts, pair.target);
    let both: Vec<_> =
        attempts.filter(|attempt| attempt.outcome == Outcome::Failed && both_ends(&attempt.facts)).collect();
    let facts = both.iter().flat_map(|attempt| attempt.facts.iter().copied()).collect();
    let proven = of(pair.source).or(of(pair.target)).is_some();
    let difference = (of(pair.source).unwrap_or(0) - of(pair.target).unwrap_or(0)).abs();
    (facts, (proven || !both.is_empty()).then_some(difference))
}

/// The facts of the incident as a whole.
#[must_use]
pub(super) fn incident_facts(pairs: &[Pair], incident: &Incident, evidence: &Evidence) -> Stated {
    let mut stated = Stated::default();
    if incident.hyper_v_logs {
        let of =
            |outcome: Outcome| incident.attempts.iter().filter(move |attempt| attempt.outcome == outcome);
        let facts = |outcome: Outcome| {
            of(outcome).flat_map(|attempt| attempt.facts.iter().copied()).collect::<Vec<_>>()
        };
        let unclassified: Vec<_> =
            of(Outcome::Failed).filter(|attempt| attempt.class == Class::Unknown).collect();
        let all = incident.attempts.iter().flat_map(|attempt| attempt.facts.iter().copied());
        stated.set("attempts", count(incident.attempts.len()), all);
        stated.set("failed", count(of(Outcome::Failed).count()), facts(Outcome::Failed));
        stated.set("succeeded", count(of(Outcome::Succeeded).count()), facts(Outcome::Succeeded));
        stated.set(
            "unclassified",
            count(unclassified.len()),
            unclassified.iter().flat_map(|attempt| attempt.facts.iter().copied()),
        );
    }
    // Of moves whose ends nobody knows, nobody knows whose logs are missing.
    let are_placed =
        incident.attempts.iter().all(|attempt| attempt.source.is_some() || attempt.target.is_some());
    let can_tell = !pairs.is_empty() && are_placed && !incident.loose_ends;
    if can_tell && unseen(pairs, incident, evidence).is_empty() {
        stated.set("all_seen", FactValue::Bool(true), []);
    }
    // A need that nobody can check is neither met nor unmet.
    if pairs.iter().all(|pair| pair.grant != Grant::Unknown) {
        let unmet = pairs.iter().filter(|pair| incident.lacks_something(pair));
        stated.set("unmet", count(unmet.count()), []);
    }
    stated
}

/// Hosts that may have seen failures, since the log in which those would stand was not sent: ends of pairs, and Hyper-V
/// hosts that sent something else.
pub(super) fn unseen(pairs: &[Pair], incident: &Incident, evidence: &Evidence) -> Vec<HostId> {
    let ends = pairs.iter().flat_map(|pair| [pair.source, pair.target]);
    let hosts: BTreeSet<HostId> = ends.chain(incident.senders.iter().copied()).collect();
    let (first, last) = (incident.attempts.first(), incident.attempts.last());
    let [first, last] = [first, last].map(|attempt| attempt.map(|attempt| attempt.time));
    // What a cluster refuses by itself stands in its own log alone, and moves out of it in that of the service.
    let has = |host: HostId, log: &str| {
        let logs: Vec<_> =
            evidence.covered(host, |channel| channel.to_ascii_lowercase().contains(log)).collect();
        let end = logs.iter().map(|covered| covered.last).max();
        // What is missing before the first move that is seen is as if the log began later.
        let misses = |covered: &Covered| covered.holes.iter().any(|(_, until)| Some(*until) > first);
        end.is_some_and(|end| {
            last.is_none_or(|last| last.duration_since(end) <= QUIET && !is_left(host, last, evidence))
        }) && logs.iter().all(|covered| !evidence.is_damaged(covered) && !misses(covered))
    };
    let is_seen = |host: &HostId| {
        let is_member = evidence.hosts.get(*host).is_some_and(|host| host.is_clustered);
        let clustered = is_member || incident.clusters.together(*host, *host);
        has(*host, "vmms-admin") && (!clustered || has(*host, "high-availability"))
    };
    hosts.into_iter().filter(|host| !is_seen(host)).collect()
}

/// Whether no log of a host comes near the last move although its System log was written all the time: then it is not
/// quiet, it was collected at another time.
fn is_left(host: HostId, last: Timestamp, evidence: &Evidence) -> bool {
    const WEEKS: SignedDuration = SignedDuration::from_hours(14 * 24);
    // Of few records nobody can tell how often there are any.
    const ENOUGH: u64 = 30;
    const PAUSES: u64 = 10;
    let pause = |system: &Covered| {
        let span = system.last.duration_since(system.first).as_secs().unsigned_abs();
        let usual = span.checked_div(system.records).filter(|_| system.records >= ENOUGH)?;
        i64::try_from(usual.saturating_mul(PAUSES)).ok().map(SignedDuration::from_secs)
    };
    let system = evidence.covered(host, |channel| channel.eq_ignore_ascii_case("System"));
    let Some(pause) = system.filter_map(pause).max() else { return false };
    let reach = evidence.covered(host, |_| true).map(|covered| covered.last).max();
    reach.is_some_and(|reach| last.duration_since(reach) > pause.max(WEEKS))
}
