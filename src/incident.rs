//! What happened: attempts, pairs with need against have, changes. Derived from evidence, no blame yet.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::evidence::{Directory, Evidence, FactId, Host, HostId, Signalled};
use crate::fact::{Known, MigrationAuthentication, Reason};
use crate::knowledge::{Class, Knowledge, Meaning, Weight};

mod attempt;
mod change;
mod clock;
mod cluster;
mod delegation;
mod foresee;
mod hardening;
mod history;
mod kdc;
mod listener;
mod loose;
mod machine;
mod message;
mod rejected;
mod running;
mod witness;

pub use crate::fact::DISABLED;
pub use attempt::{Attempt, Outcome};
pub use change::{Change, Hits, Kind, Loss, When, trigger, triggers};
pub use cluster::Clusters;
pub use delegation::{
    Coverage, Mode, PROTOCOL_TRANSITION, UNCONSTRAINED, forms, holds, migration_names, mode,
};
pub use foresee::{Foresight, Guard};
pub use hardening::{Active, KnownFault, Postures, Straddle};
pub use kdc::Refused;
pub use machine::{Dated, HYPER_V, Machine};
pub use message::{Statement, codes, placed_codes};
pub use rejected::{Rejected, Rejections};
pub use running::{By, Running};
pub use witness::{Witness, Witnesses};

/// Domain controllers log a refusal within this time of the failure that it causes, small clock errors included.
const AROUND: SignedDuration = SignedDuration::from_mins(5);

/// A host records a refusal within this time of the failure that it records itself: they have one clock.
const AT_ONCE: SignedDuration = SignedDuration::from_mins(2);

/// What delegation grants a pair, in the words of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Grant {
    /// All that is needed.
    Granted,
    /// One form of the target's name is missing.
    Partial,
    /// Nothing.
    Missing,
    /// The list is there, protocol transition is not.
    KerberosOnly,
    /// Only by delegation to any service.
    Unconstrained,
    /// The moves do not depend on it.
    NotNeeded,
    /// The exports do not say.
    Unknown,
}

impl Grant {
    /// Whether something that is needed is known to be absent.
    #[must_use]
    pub fn is_unmet(self) -> bool {
        matches!(self, Self::Missing | Self::KerberosOnly | Self::Unconstrained)
    }
}

/// An ordered pair of hosts.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Where virtual machines run.
    pub source: HostId,
    /// Where they shall run.
    pub target: HostId,
    /// Its attempts, by index, in time order.
    pub attempts: Vec<usize>,
    /// Whether moves depend on delegation.
    pub needs_delegation: bool,
    /// How much of the target's names stands on the source's list.
    pub coverage: Known<Coverage>,
    /// Whether the target's object names the source.
    pub granted_by_target: Known<bool>,
    /// Whether both objects stand in one domain.
    pub same_domain: Known<bool>,
    /// The verdict on all that.
    pub grant: Grant,
    /// SPNs that the source's list lacks, in both forms.
    pub missing_spns: Known<Vec<String>>,
    /// Refused delegated ticket requests; known where a domain controller's Security log holds a failure.
    pub kdc_refused: Known<Dated>,
    /// Requests for a service that no account answers to.
    pub kdc_unknown_service: Known<Dated>,
    /// Requests refused for the clock.
    pub kdc_clock: Known<Dated>,
    /// Requests refused for the account.
    pub kdc_account: Known<Dated>,
    /// Requests for a service that several accounts answer to.
    pub kdc_duplicate: Known<Dated>,
    /// Requests refused by a policy.
    pub kdc_policy: Known<Dated>,
    /// Tickets on a user's behalf that domain controllers gave the source for the target, whichever of its services.
    pub kdc_granted: Dated,
    /// Users for whom domain controllers refused delegation, each with the time.
    pub refused_users: Vec<(Timestamp, String)>,
    /// What the source's own Kerberos client recorded of refused delegation beside a failure.
    pub refused: Vec<Refused>,
    /// The same of the target's file service.
    pub refused_storage: Vec<Refused>,
}

/// What part of a bundle is looked at.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Events from this time on.
    pub since: Option<Timestamp>,
    /// Events before this time.
    pub until: Option<Timestamp>,
    /// Moves between these hosts, or from and to the only one; empty means all.
    pub nodes: Vec<String>,
}

impl Scope {
    fn holds(&self, time: Timestamp) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }

    /// Whether hosts of a move are among those that were asked for: both of several, or either for one name.
    fn names(&self, source: Option<HostId>, target: Option<HostId>, evidence: &Evidence) -> bool {
        let asked: BTreeSet<_> = self.nodes.iter().map(|name| evidence.hosts.find(name)).collect();
        let named = |host: Option<HostId>| host.is_some() && asked.contains(&host);
        match self.nodes.len() {
            0 => true,
            1 => named(source) || named(target),
            _ => named(source) && (target.is_none() || named(target)),
        }
    }
}

/// What happened.
#[derive(Debug)]
pub struct Incident {
    /// Every attempt, in time order.
    pub attempts: Vec<Attempt>,
    /// Every ordered pair that was tried or is in question, by name of source and target.
    pub pairs: Vec<Pair>,
    /// Hosts that can be an end of a migration.
    pub nodes: BTreeSet<HostId>,
    /// Those of them that sent something of their own, and not only stand in the directory.
    pub senders: BTreeSet<HostId>,
    /// Which nodes form a cluster.
    pub clusters: Clusters,
    /// Every host's own state.
    pub machines: BTreeMap<HostId, Machine>,
    /// Hosts that a domain controller refused delegation, and the records: they use Kerberos.
    pub refused_sources: BTreeMap<HostId, Vec<FactId>>,
    /// Hosts that were seen to ask for tickets on behalf of users beside a failed move of theirs: they used Kerberos then,
    /// whatever their settings say of another day.
    asked_for_users: BTreeSet<HostId>,
    /// Every change, by time.
    pub changes: Vec<Change>,
    /// Proven clock offsets against the other hosts, in seconds; of two hosts that differ, one stands here.
    pub clock_offsets: BTreeMap<HostId, i64>,
    /// How many moves, recorded at both ends, show the offset.
    pub offset_moves: BTreeMap<HostId, usize>,
    /// Hosts whose records of moves have local times of an unknown zone: nothing is said of their clocks, and no
    /// change is set against what they recorded.
    pub local_times: BTreeSet<HostId>,
    /// Hosts whose clock is the one that is wrong.
    pub wrong_clocks: BTreeSet<HostId>,
    /// Those, and hosts that a domain controller refused for their clock.
    pub blamed_clocks: BTreeSet<HostId>,
    /// Which hardening is in force where.
    pub postures: Postures,
    /// What domain controllers and hosts refused because of it.
    pub rejections: Rejections,
    /// Successes of which an end is not known, by index, for each host that recorded them.
    unplaced: BTreeMap<HostId, Vec<usize>>,
    /// Hosts with a pair that is granted what it needs.
    working: BTreeSet<HostId>,
    /// Moves that arrived although their source's list names nothing of their target, by source.
    bare: BTreeMap<HostId, Vec<history::Bare>>,
    /// Every change of each host's computer object, by time; also those outside of what is looked at.
    object_changes: BTreeMap<HostId, Vec<Change>>,
    /// Successes outside of what is looked at: they blame nobody, and they can clear.
    beyond: Vec<Attempt>,
    /// Hosts whose management service's records come with their words.
    speaking: BTreeSet<HostId>,
    /// When hosts were last seen to take migrations.
    listening: listener::LastSeen,
    /// Whether any log of Hyper-V is there, so that "no failure" can be said.
    pub hyper_v_logs: bool,
    /// Nothing failed, but a record says that a connection or a transfer did, that a move began, or that a node was refused
    /// what it needs for one, and no attempt explains it.
    pub loose_ends: bool,
    /// When a host recorded that a connection or a transfer failed and no attempt explains it, by host.
    pub loose_failures: BTreeMap<HostId, Vec<Timestamp>>,
    /// Hosts that no move can reach or leave, as the exports have them: the account is disabled, or live migration is
    /// switched off.
    pub shut: BTreeSet<HostId>,
    /// What is assumed of the hosts, where the moves were taken out: see [`Incident::foresee`].
    pub foresight: Option<Foresight>,
    /// Records beside the moves, by meaning and writer.
    pub witnesses: Witnesses,
}

impl Incident {
    /// Derives what happened from what was seen.
    #[must_use]
    pub fn reconstruct(evidence: &Evidence, knowledge: &Knowledge, scope: &Scope) -> Self {
        let mut signalled = evidence.signalled(&knowledge.signals);
        let mut sightings = attempt::sightings(&signalled, evidence, knowledge);
        let is_node = |(id, host): (HostId, &Host)| host.is_node.then_some(id);
        let mut nodes: BTreeSet<HostId> = evidence.hosts.iter().filter_map(is_node).collect();
        let named = sightings.iter().flat_map(|sighting| sighting.reading.others.iter().copied());
        // An account that is disabled by now may have been a target before.
        let retired = evidence.hosts.iter().filter(|(_, host)| host.is_retired).map(|(id, _)| id);
        let possible: BTreeSet<HostId> = nodes.iter().copied().chain(named).chain(retired).collect();
        // Attempts are rebuilt of all records: a window must not cut one in two.
        let machines = machines(&signalled, evidence);
        let histories = running::histories(&change::boots(&signalled), &machines, evidence, knowledge);
        let refusals = kdc::refusals(&signalled, evidence);
        // Of refusals outside the window a source may keep one only: they blame nobody.
        let refusals: Vec<_> = refusals.into_iter().filter(|refusal| scope.holds(refusal.time)).collect();
        let refused = refusals.iter().filter(|refusal| refusal.kind == kdc::Kind::Clock);
        let suspects: BTreeSet<HostId> = refused.filter_map(|refusal| refusal.client).collect();
        let is_local = |sighting: &attempt::Sighting<'_>| {
            evidence.event(sighting.fact).is_some_and(|event| event.local).then_some(sighting.host)
        };
        let local_times: BTreeSet<HostId> = sightings.iter().filter_map(is_local).collect();
        let clock::Offsets { by: clock_offsets, moves: offset_moves, culprits: mut wrong_clocks } =
            clock::offsets(&sightings, &machines, &suspects);
        wrong_clocks.retain(|_| local_times.is_empty());
        let blamed_clocks = wrong_clocks.union(&suspects).copied().collect();
        clock::correct(&mut sightings, &clock_offsets);
        // A server of which nobody knows its services may be a node as well.
        let complete = !evidence.directory.has_unknown_servers;
        let mut attempts = attempt::rebuild(&sightings, &possible, complete);
        let speaking = listener::speaking(&signalled);
        let known = listener::Known::of(&machines, &local_times);
        listener::explain_refusals(&mut attempts, &sightings, &listener::starts(&signalled), &known);
        let (attempts, mut beyond): (Vec<_>, Vec<_>) = attempts.into_iter().partition(|attempt| {
            scope.holds(attempt.time) && scope.names(attempt.source, attempt.target, evidence)
        });
        beyond.retain(|attempt| attempt.outcome == Outcome::Succeeded);
        let object_changes = change::of_objects(&signalled, evidence);
        signalled.retain(|signalled| scope.holds(signalled.event.time));
        let loose = loose::ends(&sightings, &attempts, scope);
        let failed = attempts.iter().any(|attempt| attempt.outcome == Outcome::Failed);
        let loose_ends = !failed && !loose.is_empty() || signalled.iter().any(is_broken_move);
        nodes.extend(attempts.iter().flat_map(|attempt| [attempt.source, attempt.target]).flatten());
        let clusters = Clusters::of(&attempts, &signalled, evidence);
        let rejections = Rejections::of(&signalled, evidence);
        let postures = Postures::of(&histories, evidence, knowledge);
        let mut changes = change::changes(&signalled, &machines, evidence, knowledge);
        changes.extend(change::by_date(&attempts, &postures, evidence, knowledge));
        change::sort(&mut changes);
        let unplaced = unplaced(&attempts);
        let witnesses = Witnesses::of(&signalled, &attempts);
        let mut incident = Self {
            postures,
            rejections,
            unplaced,
            listening: listener::LastSeen::of(&attempts),
            speaking,
            working: BTreeSet::new(),
            bare: BTreeMap::new(),
            object_changes,
            beyond,
            attempts,
            pairs: Vec::new(),
            senders: senders(&nodes, &machines, scope, evidence),
            nodes,
            clusters,
            machines,
            refused_sources: BTreeMap::new(),
            asked_for_users: BTreeSet::new(),
            changes,
            clock_offsets,
            offset_moves,
            local_times,
            wrong_clocks,
            blamed_clocks,
            hyper_v_logs: evidence.has_log(HYPER_V),
            loose_ends,
            loose_failures: loose::failures(&loose),
            shut: BTreeSet::new(),
            foresight: None,
            witnesses,
        };
        incident.join(&refusals, scope, evidence);
        incident.loose_ends |= !failed && loose::has_refusal(&refusals, &incident);
        incident
    }

    /// Finds the pairs, and joins to them what the attempts do not tell.
    fn join(&mut self, refusals: &[kdc::Refusal], scope: &Scope, evidence: &Evidence) {
        self.shut = self.shut(evidence);
        self.pairs = self.find_pairs(evidence);
        self.pairs.retain(|pair| scope.names(Some(pair.source), Some(pair.target), evidence));
        self.join_refusals(refusals, evidence);
        self.weigh_delegation(evidence, &evidence.directory);
        self.bare = self.bare(evidence);
    }

    /// The domain controllers that serve a pair: those of either end's domain, all where that can't be told.
    #[must_use]
    pub fn controllers_of(&self, pair: &Pair, evidence: &Evidence) -> Vec<HostId> {
        let serves = |host: &HostId| {
            [pair.source, pair.target].iter().any(|end| kdc::are_neighbours(*host, *end, evidence))
        };
        evidence.hosts.domain_controllers().filter(serves).collect()
    }

    /// Of the domain controllers that serve a pair those whose build is at fault, or behind a phase that others
    /// enforce, at the last failure; all where nothing tells.
    #[must_use]
    pub fn controllers_behind(&self, pair: &Pair, evidence: &Evidence) -> Vec<HostId> {
        let all = self.controllers_of(pair, evidence);
        let failed = self.failures(pair).map(|(_, attempt)| attempt.time).max();
        let latest = self.foresight.as_ref().map(|_| Timestamp::MAX);
        let Some(time) = failed.or(latest) else { return all };
        let straddles = self.postures.straddles(&all, time);
        let is_behind = |host: &HostId| {
            let faults = 0..self.postures.faults.len();
            faults.into_iter().any(|fault| self.postures.carries(*host, fault, time) == Some(true))
                || straddles.iter().any(|straddle| straddle.behind.contains(host))
        };
        let behind: Vec<_> = all.iter().copied().filter(is_behind).collect();
        if behind.is_empty() { all } else { behind }
    }

    /// The same incident as another directory would have it: the plan's proof.
    #[must_use]
    pub fn with_directory(&self, evidence: &Evidence, directory: &Directory) -> Vec<Pair> {
        let mut pairs = self.pairs.clone();
        self.weigh(&mut pairs, evidence, directory);
        pairs
    }

    /// What the others' clocks showed when that of `host` showed `time`, by the offset that is proven of it.
    #[must_use]
    pub fn on_one_clock(&self, host: HostId, time: Timestamp) -> Timestamp {
        clock::corrected(&self.clock_offsets, host, time)
    }

    /// How `host` authenticated its moves. Settings are of the day of their export; where a failure shows the opposite,
    /// they were others then.
    #[must_use]
    pub fn authentication(&self, host: HostId) -> Known<MigrationAuthentication> {
        let stated =
            self.machines.get(&host).map(|machine| machine.authentication.clone()).unwrap_or_default();
        if stated == Known::Known(MigrationAuthentication::CredSsp) && self.asked_for_users.contains(&host) {
            return Known::Unknown(Reason::Contradictory);
        }
        stated
    }

    fn shut(&self, evidence: &Evidence) -> BTreeSet<HostId> {
        let is_shut = |host: &HostId| {
            let machine = self.machines.get(host);
            evidence.directory.computer(*host).is_some_and(|object| object.is_disabled())
                || machine.is_some_and(|machine| machine.accepts_migrations.known() == Some(&false))
        };
        self.nodes.iter().copied().filter(is_shut).collect()
    }

    /// Whether something that moves of `pair` need is known to be absent.
    #[must_use]
    pub fn lacks_something(&self, pair: &Pair) -> bool {
        pair.grant.is_unmet() || [pair.source, pair.target].iter().any(|end| self.shut.contains(end))
    }

    /// A pair's failed attempts.
    pub fn failures<'a>(&'a self, pair: &'a Pair) -> impl Iterator<Item = (usize, &'a Attempt)> {
        self.of_outcome(pair, Outcome::Failed)
    }

    /// A pair's successful attempts.
    pub fn successes<'a>(&'a self, pair: &'a Pair) -> impl Iterator<Item = (usize, &'a Attempt)> {
        self.of_outcome(pair, Outcome::Succeeded)
    }

    /// Whether the records of the host's management service come with their words, in English.
    #[must_use]
    pub fn speaks(&self, host: HostId) -> bool {
        self.speaking.contains(&host)
    }

    /// Whether moves reached `host` after `time`, or may have.
    #[must_use]
    pub fn reached_after(&self, host: HostId, time: Timestamp) -> bool {
        self.listening.after(host, time)
    }

    fn of_outcome<'a>(
        &'a self,
        pair: &'a Pair,
        outcome: Outcome,
    ) -> impl Iterator<Item = (usize, &'a Attempt)> {
        let attempts = pair.attempts.iter().filter_map(|index| Some((*index, self.attempts.get(*index)?)));
        attempts.filter(move |(_, attempt)| attempt.outcome == outcome)
    }

    /// Every pair tried, and every ordered pair of nodes of one cluster, or of all nodes where none is known.
    fn find_pairs(&self, evidence: &Evidence) -> Vec<Pair> {
        let mut tried: BTreeMap<(HostId, HostId), Vec<usize>> = BTreeMap::new();
        for (index, attempt) in self.attempts.iter().enumerate() {
            if let (Some(source), Some(target)) = (attempt.source, attempt.target) {
                tried.entry((source, target)).or_default().push(index);
            }
        }
        for &source in &self.nodes {
            for &target in self
                .nodes
                .iter()
                .filter(|target| **target != source && self.clusters.in_question(source, **target))
            {
                tried.entry((source, target)).or_default();
            }
        }
        let mut pairs: Vec<_> = tried.into_iter().map(|(ends, attempts)| Pair::new(ends, attempts)).collect();
        pairs.sort_by_key(|pair| {
            (evidence.hosts.name(pair.source).to_owned(), evidence.hosts.name(pair.target).to_owned())
        });
        pairs
    }

    /// Joins refusals to pairs: by the asking host, else by the target and the minute of a failure.
    fn join_refusals(&mut self, refusals: &[kdc::Refusal], evidence: &Evidence) {
        let controllers: Vec<_> = evidence.hosts.domain_controllers().collect();
        let mut by_host: BTreeMap<HostId, Vec<&kdc::Refusal>> = BTreeMap::new();
        for refusal in refusals {
            for host in BTreeSet::from([refusal.client, refusal.service]).into_iter().flatten() {
                by_host.entry(host).or_default().push(refusal);
            }
        }
        let mut pairs = std::mem::take(&mut self.pairs);
        for pair in &mut pairs {
            let times: Vec<_> = self.failures(pair).map(|(_, attempt)| attempt.time).collect();
            // "None" can be said only where every controller's log holds the failures.
            let covered = !controllers.is_empty()
                && !times.is_empty()
                && controllers.iter().all(|dc| evidence.covers_all(*dc, "Security", &times));
            let of_ends =
                [pair.source, pair.target].map(|host| by_host.get(&host).map_or(&[][..], Vec::as_slice));
            let mut joined: Vec<&kdc::Refusal> = of_ends.concat();
            joined.retain(|refusal| refusal.concerns(pair, is_near(&times, refusal.time, AROUND)));
            joined.sort_by_key(|refusal| (refusal.time, refusal.fact));
            joined.dedup_by_key(|refusal| refusal.fact);
            let of = |kind: kdc::Kind| {
                let dated = joined
                    .iter()
                    .filter(|refusal| refusal.kind == kind)
                    .map(|refusal| (refusal.time, refusal.fact));
                let dated: Dated = dated.collect();
                if dated.is_empty() && !covered {
                    Known::Unknown(Reason::NoExport)
                } else {
                    Known::Known(dated)
                }
            };
            pair.kdc_refused = of(kdc::Kind::Delegation);
            pair.kdc_unknown_service = of(kdc::Kind::UnknownService);
            pair.kdc_clock = of(kdc::Kind::Clock);
            pair.kdc_account = of(kdc::Kind::Account);
            pair.kdc_duplicate = of(kdc::Kind::NotUnique);
            pair.kdc_policy = of(kdc::Kind::Policy);
            pair.kdc_granted = of(kdc::Kind::Granted).known().cloned().unwrap_or_default();
            let delegated = joined.iter().filter(|refusal| refusal.kind == kdc::Kind::Delegation);
            let users = delegated.filter_map(|refusal| Some((refusal.time, refusal.user.clone()?)));
            pair.refused_users = users.collect();
            let own = joined.iter().filter(|refusal| refusal.client == Some(pair.source));
            let said = own.filter_map(|refusal| refusal.said.clone());
            // What was refused at another time may have been refused for another state.
            let said = said.filter(|said| is_near(&times, said.time, AT_ONCE));
            (pair.refused_storage, pair.refused) = said.partition(kdc::Refused::is_of_storage);
            let delegated = joined.iter().filter(|refusal| {
                let near = is_near(&times, refusal.time, AROUND);
                near && refusal.by_controller && refusal.proves_kerberos(pair)
            });
            let facts: Vec<_> = delegated.map(|refusal| refusal.fact).collect();
            if !facts.is_empty() || !pair.refused.is_empty() || !pair.refused_storage.is_empty() {
                self.asked_for_users.insert(pair.source);
            }
            if !facts.is_empty() {
                self.refused_sources.entry(pair.source).or_default().extend(facts);
            }
        }
        self.pairs = pairs;
    }

    fn weigh_delegation(&mut self, evidence: &Evidence, directory: &Directory) {
        let mut pairs = std::mem::take(&mut self.pairs);
        self.weigh(&mut pairs, evidence, directory);
        let works = |pair: &&Pair| matches!(pair.grant, Grant::Granted | Grant::NotNeeded);
        self.working = pairs.iter().filter(works).flat_map(|pair| [pair.source, pair.target]).collect();
        self.pairs = pairs;
    }

    fn weigh(&self, pairs: &mut [Pair], evidence: &Evidence, directory: &Directory) {
        let identity = Identity::shown(&self.attempts, &self.clusters);
        for pair in pairs {
            let (source, target) = (pair.source, pair.target);
            pair.needs_delegation = self.needs(pair, &identity);
            pair.coverage = delegation::coverage(source, target, &evidence.hosts, directory);
            pair.missing_spns = delegation::missing_spns(source, target, &evidence.hosts, directory);
            pair.granted_by_target = directory.granted_by_target(source, target);
            pair.same_domain = delegation::same_domain(source, target, &evidence.hosts, directory);
            pair.grant = self.grant(pair, directory);
        }
    }

    /// Moves run under a user's identity between standalone hosts and across clusters; inside a cluster only
    /// where its failures show it, and never where the source is set to CredSSP.
    fn needs(&self, pair: &Pair, identity: &Identity) -> bool {
        if self.authentication(pair.source) == Known::Known(MigrationAuthentication::CredSsp) {
            return false;
        }
        if !self.clusters.together(pair.source, pair.target) {
            return true;
        }
        let after = |time: Timestamp| identity.first_open.is_some_and(|first| time > first);
        let moved_meanwhile =
            self.successes(pair).any(|(_, attempt)| attempt.direction_proven && after(attempt.time));
        // Failures that say nothing leave the question open, and an open question counts as need.
        let open = || self.failures(pair).any(|(_, attempt)| may_show_user_identity(attempt));
        identity.pairs.contains(&(pair.source, pair.target))
            || !moved_meanwhile && (identity.hosts.contains(&pair.source) || open())
    }

    fn grant(&self, pair: &Pair, directory: &Directory) -> Grant {
        if !pair.needs_delegation {
            return Grant::NotNeeded;
        }
        if pair.granted_by_target == Known::Known(true) {
            return Grant::Granted;
        }
        let object = directory.computer(pair.source);
        let Some(bits) = object.and_then(|object| object.user_account_control.known()) else {
            return Grant::Unknown;
        };
        let transition = bits & PROTOCOL_TRANSITION != 0;
        let year = self
            .machines
            .get(&pair.source)
            .and_then(|machine| machine.version.as_deref())
            .and_then(crate::knowledge::Builds::year);
        // "Kerberos only" serves before Windows Server 2016; of an unknown version nobody can say.
        let serves = if transition { Some(true) } else { year.map(|year| year < 2016) };
        match (pair.coverage.known(), serves) {
            (Some(Coverage::Full), Some(true)) => Grant::Granted,
            (Some(Coverage::Partial), Some(true)) => Grant::Partial,
            _ if bits & UNCONSTRAINED != 0 => Grant::Unconstrained,
            // The target might still name the source.
            _ if pair.granted_by_target.known().is_none() => Grant::Unknown,
            (Some(Coverage::None), _) => Grant::Missing,
            (Some(_), Some(false)) => Grant::KerberosOnly,
            _ => Grant::Unknown,
        }
    }
}

/// Whether one of `times`, which are sorted, lies within `distance` of `time`.
#[must_use]
pub fn is_near(times: &[Timestamp], time: Timestamp, distance: SignedDuration) -> bool {
    let at = times.partition_point(|other| *other < time);
    let around = times.get(at.saturating_sub(1)..).unwrap_or_default().iter().take(2);
    around.into_iter().any(|other| other.duration_since(time).abs() <= distance)
}

/// Those of `nodes` that sent settings or events.
fn senders(
    nodes: &BTreeSet<HostId>,
    machines: &BTreeMap<HostId, Machine>,
    scope: &Scope,
    evidence: &Evidence,
) -> BTreeSet<HostId> {
    let has_sent = |host: HostId| {
        let has_settings = machines.get(&host).is_some_and(|own| !own.settings_facts.is_empty());
        has_settings || evidence.hosts.get(host).is_some_and(|own| own.wrote_events)
    };
    let is_named = |host: HostId| scope.names(Some(host), Some(host), evidence);
    nodes.iter().copied().filter(|host| is_named(*host) && has_sent(*host)).collect()
}

/// Successes of which an end is not known, or only assumed, for each host that recorded them.
fn unplaced(attempts: &[Attempt]) -> BTreeMap<HostId, Vec<usize>> {
    let mut unplaced: BTreeMap<HostId, Vec<usize>> = BTreeMap::new();
    for (index, attempt) in attempts.iter().enumerate() {
        if attempt.outcome == Outcome::Succeeded && !attempt.direction_proven {
            attempt.writers.iter().for_each(|writer| unplaced.entry(*writer).or_default().push(index));
        }
    }
    unplaced
}

/// Every host's own state.
fn machines(signalled: &[Signalled<'_>], evidence: &Evidence) -> BTreeMap<HostId, Machine> {
    let mut own: BTreeMap<HostId, Vec<Signalled<'_>>> = BTreeMap::new();
    for signalled in signalled {
        own.entry(signalled.host).or_default().push(*signalled);
    }
    let refused = signalled.iter().filter(|signalled| signalled.signal.meaning == Meaning::MachineRefused);
    let refused: Vec<_> = refused.copied().collect();
    let of = |id| own.get(&id).map_or(&[][..], Vec::as_slice);
    evidence.hosts.iter().map(|(id, _)| (id, Machine::of(id, of(id), &refused, evidence))).collect()
}

/// Where failures show that moves run under a user's identity.
struct Identity {
    /// Pairs with such failures.
    pairs: BTreeSet<(HostId, HostId)>,
    /// Every node of a cluster in which such a pair lies.
    hosts: BTreeSet<HostId>,
    /// The first failure that shows it or leaves it open.
    first_open: Option<Timestamp>,
}

impl Identity {
    fn shown(attempts: &[Attempt], clusters: &Clusters) -> Self {
        let shown = attempts.iter().filter(|attempt| shows_user_identity(attempt));
        let pairs: BTreeSet<_> =
            shown.filter_map(|attempt| Some((attempt.source?, attempt.target?))).collect();
        let within = pairs.iter().filter(|(source, target)| clusters.together(*source, *target));
        let hosts = within.flat_map(|(source, _)| clusters.members(*source)).collect();
        let open = attempts.iter().filter(|attempt| may_show_user_identity(attempt));
        Self { pairs, hosts, first_open: open.map(|attempt| attempt.time).min() }
    }
}

/// Whether a failure shows that the move ran under a user's identity.
fn shows_user_identity(attempt: &Attempt) -> bool {
    attempt.outcome == Outcome::Failed
        && attempt.class == Class::Delegation
        && attempt.weight == Weight::Specific
}

/// Whether a failure leaves it open: access denied, an authentication that says no more, or nothing at all.
fn may_show_user_identity(attempt: &Attempt) -> bool {
    let open = matches!(
        attempt.class,
        Class::Delegation | Class::AccessDenied | Class::Authentication | Class::Unknown
    );
    attempt.outcome == Outcome::Failed && open
}

impl kdc::Refusal {
    /// Whether the refusal is about `pair`; `near` tells that one of its failures stands at that minute.
    fn concerns(&self, pair: &Pair, near: bool) -> bool {
        let (by_client, by_service) = (self.client == Some(pair.source), self.service == Some(pair.target));
        match self.kind {
            kdc::Kind::Delegation => {
                by_service && (by_client || self.client.is_none() && near && !self.by_user)
            }
            // The source asks, or for it the user who started the move.
            kdc::Kind::UnknownService | kdc::Kind::NotUnique => {
                by_service && near && (by_client || self.client.is_none())
            }
            // Where a user's ticket is denied, the record names the user in the client's place.
            kdc::Kind::Policy => {
                near && (by_service && (by_client || self.client.is_none())
                    || by_client && self.service.is_none())
            }
            kdc::Kind::Granted => by_service && by_client,
            kdc::Kind::Clock | kdc::Kind::Account => near && (by_client || self.client == Some(pair.target)),
        }
    }

    /// The source itself asked to act for a user at the target: it authenticates migrations with Kerberos.
    fn proves_kerberos(&self, pair: &Pair) -> bool {
        let named = (self.client, self.service) == (Some(pair.source), Some(pair.target));
        named && self.kind == kdc::Kind::Delegation
    }
}

impl Pair {
    fn new((source, target): (HostId, HostId), attempts: Vec<usize>) -> Self {
        Self {
            source,
            target,
            attempts,
            needs_delegation: false,
            coverage: Known::default(),
            granted_by_target: Known::default(),
            same_domain: Known::default(),
            grant: Grant::Unknown,
            missing_spns: Known::default(),
            kdc_refused: Known::default(),
            kdc_unknown_service: Known::default(),
            kdc_clock: Known::default(),
            kdc_account: Known::default(),
            kdc_duplicate: Known::default(),
            kdc_policy: Known::default(),
            kdc_granted: Dated::new(),
            refused_users: Vec::new(),
            refused: Vec::new(),
            refused_storage: Vec::new(),
        }
    }
}

/// Whether the cluster says that a move did not come to its end.
fn is_broken_move(signalled: &Signalled<'_>) -> bool {
    signalled.signal.meaning == Meaning::ClusterMoveBroken
}

/// Whether a meaning belongs to a cluster node's life.
fn names_nodes(signalled: &Signalled<'_>) -> bool {
    matches!(
        signalled.signal.meaning,
        Meaning::NetworkTrouble | Meaning::NodeLost | Meaning::ClusterActivity | Meaning::ClusterMoveBroken
    )
}
