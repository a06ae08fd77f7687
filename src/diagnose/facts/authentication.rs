//! Facts about delegation and authentication: what domain controllers and Kerberos clients said beside a failure, who
//! else holds a name, and what was changed when.
//!
//! A record counts for a pair only where it names the pair's ends, or where its writer is the end that it speaks of,
//! and only beside one of the pair's own failures. What nobody would have recorded stays unknown.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{NEAR, SAME_DAY, Stated, account, count, near};
use crate::evidence::{Directory, Evidence, FactId, HostId};
use crate::fact::{DirectoryObject, Event, Known, Spn};
use crate::incident::{
    Attempt, Change, Coverage, Dated, Grant, Incident, Loss, Pair, Refused, When, Witness, forms, holds,
    is_near,
};
use crate::knowledge::{Class, Meaning, Side};

/// Domain controllers and clients log a refusal within this time of the failure, small clock errors included.
const AROUND: SignedDuration = SignedDuration::from_mins(5);
/// What is written of one connection stands this close together.
const AT_ONCE: SignedDuration = SignedDuration::from_mins(1);
/// Tickets live ten hours by default, so what was granted in the directory shows after that at the latest.
const TICKET: SignedDuration = SignedDuration::from_hours(10);

/// NTSTATUS that a domain controller gives for a user who can't be delegated (MS-SFU 3.2.5.2.2).
const RESTRICTED: u32 = 0xC000_006E;
/// The same for a name that is not on the list, and for a ticket that can't be forwarded.
const NO_MATCH: u32 = 0xC000_0272;

/// Adds the facts of `pair` and of both its ends; `times` are those of its failures.
pub(super) fn add(
    [(_, source), (_, target), (_, own), _]: &mut [(&'static str, Stated); 4],
    pair: &Pair,
    times: &[Timestamp],
    (incident, evidence, directory): (&Incident, &Evidence, &Directory),
) {
    for (stated, host) in [(source, pair.source), (&mut *target, pair.target)] {
        account::secure_channel(stated, host, pair, times, (incident, evidence));
    }
    let pair = About { pair, times, incident, evidence };
    pair.refusals(own, directory);
    pair.grants(own);
    pair.names(own, target);
    pair.witnesses(own);
    pair.guard(own);
}

/// A pair and what is known of it.
struct About<'a> {
    pair: &'a Pair,
    times: &'a [Timestamp],
    incident: &'a Incident,
    evidence: &'a Evidence,
}

impl About<'_> {
    fn is_current(&self, host: HostId) -> bool {
        !self.incident.is_outdated(host, self.times, self.evidence)
    }

    fn times_of(&self, class: Class) -> Vec<Timestamp> {
        let own = self.incident.failures(self.pair).filter(|(_, attempt)| attempt.class == class);
        own.map(|(_, attempt)| attempt.time).collect()
    }

    /// What domain controllers refused, and what the source's client recorded of it.
    fn refusals(&self, own: &mut Stated, directory: &Directory) {
        let refused = &self.pair.refused;
        let facts = |keep: &dyn Fn(&Refused) -> bool| {
            refused.iter().filter(|refused| keep(refused)).map(|refused| refused.fact).collect::<Vec<_>>()
        };
        let statuses: BTreeSet<_> =
            refused.iter().map(|refused| format!("0x{:08X}", refused.extended)).collect();
        let statuses = super::FactValue::List(statuses.into_iter().collect());
        own.set("kdc_extended", statuses, facts(&|_| true));
        let asked = facts(&|refused| refused.extended != RESTRICTED);
        let list =
            directory.computer(self.pair.source).and_then(|object| object.allowed_to_delegate_to.known());
        if let Some(list) = list.filter(|_| !asked.is_empty() && self.is_current(self.pair.source)) {
            let lacks = |refused: &Refused| refused.extended != RESTRICTED && !holds(list, &refused.asked);
            let lacking = facts(&lacks);
            let shown = if lacking.is_empty() { asked } else { lacking.clone() };
            own.set("asked_name_missing", flag(!lacking.is_empty()), shown);
        }
        self.storage(own, directory);
        let on_behalf = dated_near(&self.pair.kdc_refused, self.times, AROUND);
        let late = self.incident.failures(self.pair).map(|(_, attempt)| attempt).filter(|own| is_late(own));
        let late: Vec<_> = late.flat_map(|attempt| attempt.telling.iter().copied()).collect();
        // A domain controller's own refusal outweighs how far the move is said to have come.
        if self.incident.hyper_v_logs {
            own.set("failed_late", flag(!late.is_empty() && on_behalf.is_empty()), late);
            // Nor does it matter then that a later move of the pair arrived: it was started on the source, for want of
            // better.
            if let Known::Known(moved) = self.incident.moved_since_failure(self.pair) {
                let moved = moved.filter(|_| on_behalf.is_empty());
                own.set("moved_since_failure", flag(moved.is_some()), moved);
            }
        }
        // The same of one to another target that needed no delegation.
        match self.incident.worked_elsewhere(self.pair, self.evidence) {
            Known::Known(Some(fact)) if on_behalf.is_empty() => {
                let audited = self.pair.kdc_refused.known().map(|_| true);
                own.set_known("worked_elsewhere", audited, &[fact], flag);
            }
            Known::Unknown(_) if on_behalf.is_empty() => {}
            _ => own.set("worked_elsewhere", flag(false), []),
        }
        if !on_behalf.is_empty() {
            own.set("started_elsewhere", flag(true), on_behalf);
        }
        self.tickets(own, list.map_or(&[], Vec::as_slice));
        let is_protected = |refused: &Refused| {
            let user = refused.user.as_deref().and_then(|name| self.evidence.users.find(name));
            user.is_some_and(|user| user.is_protected == Known::Known(true))
        };
        // Where an export clears the very user, one of the two is of another time. Where the source's record names nobody,
        // those of the domain controllers beside it may.
        let is_free = |name: &str| {
            let user = self.evidence.users.find(name);
            user.is_some_and(|user| user.is_protected == Known::Known(false))
        };
        let is_cleared = |refused: &Refused| match refused.user.as_deref() {
            Some(name) => is_free(name),
            None => {
                let named = self.pair.refused_users.iter();
                let mut beside = named.filter(|(time, _)| is_near(&[refused.time], *time, AROUND)).peekable();
                beside.peek().is_some() && beside.all(|(_, name)| is_free(name))
            }
        };
        let of_user = facts(&|refused| {
            refused.extended == RESTRICTED && !is_cleared(refused)
                || refused.extended == NO_MATCH && is_protected(refused)
        });
        if !of_user.is_empty() {
            let named =
                refused.iter().filter_map(|refused| self.evidence.users.find(refused.user.as_deref()?));
            let total = count(of_user.len());
            own.set("user_refused", total, of_user.into_iter().chain(named.map(|user| user.fact)));
        }
        own.set_count("policy_refusals", &self.pair.kdc_policy, true, |_| true);
    }

    /// Whether the target's file service was refused for want of its name on the source's list.
    fn storage(&self, own: &mut Stated, directory: &Directory) {
        let refused = self.pair.refused_storage.iter().filter(|refused| refused.extended != RESTRICTED);
        let refused: Vec<_> = refused.collect();
        let copying = if refused.is_empty() { self.copying() } else { Vec::new() };
        if refused.is_empty() && copying.is_empty() {
            own.set("storage_refused", flag(false), []);
            return;
        }
        let source = directory.computer(self.pair.source).filter(|_| self.is_current(self.pair.source));
        let Some(list) = source.and_then(|object| object.allowed_to_delegate_to.known()) else { return };
        let lacks_asked = refused.iter().any(|refused| !holds(list, &refused.asked));
        let names = forms(self.pair.target, &self.evidence.hosts, directory);
        let lacks_all = !copying.is_empty() && !names.iter().any(|name| holds(list, &format!("cifs/{name}")));
        let facts = refused.iter().map(|refused| refused.fact).chain(copying);
        own.set("storage_refused", flag(lacks_asked || lacks_all), facts);
    }

    /// Records of failures that speak of copying storage in English, with what domain controllers refused beside them;
    /// empty where one of the two is missing. A domain controller names the target's account, not the service.
    fn copying(&self) -> Vec<FactId> {
        let refused = dated_near(&self.pair.kdc_refused, &self.times_of(Class::Delegation), AROUND);
        let failures = self.incident.failures(self.pair).map(|(_, attempt)| attempt);
        let own = failures.filter(|attempt| attempt.class == Class::Delegation);
        let speaks = |fact: &FactId| {
            let event = self.evidence.event(*fact);
            event.is_some_and(|event| event.fields.iter().any(|field| field.value.contains(" copy storage ")))
        };
        let said: Vec<_> = own.flat_map(|attempt| attempt.facts.iter().copied()).filter(speaks).collect();
        if said.is_empty() || refused.is_empty() {
            Vec::new()
        } else {
            said.into_iter().chain(refused).collect()
        }
    }

    /// Whether a ticket on a user's behalf was given although nothing on the source's `list` explains it.
    fn tickets(&self, own: &mut Stated, list: &[String]) {
        let Pair { target, .. } = *self.pair;
        let is_of_target = |spn: &String| {
            Spn::parse(spn).and_then(|spn| self.evidence.hosts.find(spn.host.split(':').next()?))
                == Some(target)
        };
        let given = self.incident.delegated_all_the_same(self.pair, self.evidence);
        let given = given.filter(|_| !list.iter().any(is_of_target));
        own.set("kdc_granted", flag(given.is_some()), given);
    }

    /// What the directory grants now, since when, and whether moves came to work.
    fn grants(&self, own: &mut Stated) {
        let (directory, pair) = (&self.evidence.directory, self.pair);
        let objects =
            || [pair.source, pair.target].into_iter().flat_map(|host| directory.facts(host)).copied();
        let granted = match pair.grant {
            Grant::Granted | Grant::Partial => Some(true),
            Grant::Missing | Grant::KerberosOnly | Grant::Unconstrained => Some(false),
            Grant::NotNeeded | Grant::Unknown => None,
        };
        let facts: Vec<_> = objects().collect();
        own.set_known("delegation_in_place", granted, &facts, flag);
        let then = granted.filter(|_| pair.grant != Grant::Partial);
        let then = then.filter(|_| self.is_current(pair.source) && self.is_current(pair.target));
        own.set_known("granted", then, &facts, flag);
        if let Some((word, facts)) = self.after_grant() {
            own.set("after_grant", super::FactValue::Text(word.to_owned()), facts);
        }
        let recovered = self.incident.recovered(pair);
        own.set("recovered", flag(recovered.is_some()), recovered);
    }

    /// Where the failures for want of credentials stand to the last change that granted delegation. A record of what
    /// was added says so; the objects' own dates can only say that nothing was.
    fn after_grant(&self) -> Option<(&'static str, Vec<FactId>)> {
        let failed = self.times_of(Class::Delegation);
        let (first, last) = (*failed.first()?, *failed.last()?);
        let from = first.checked_sub(TICKET).unwrap_or(first);
        let (source, target) = (self.pair.source, self.pair.target);
        let listed = self.pair.coverage.known().is_some_and(|coverage| *coverage != Coverage::None);
        let to_source = |change: &Change| {
            change.gives.iter().any(|(gain, host)| match gain {
                Loss::Delegation => listed && host.is_none_or(|host| host == target),
                Loss::Transition => listed,
                _ => false,
            })
        };
        let by_target = self.pair.granted_by_target == Known::Known(true);
        let to_target = |change: &Change| {
            by_target && change.gives.iter().any(|(gain, _)| *gain == Loss::ResourceDelegation)
        };
        let additions = self.incident.object_changes(source).filter(|change| to_source(change));
        let additions =
            additions.chain(self.incident.object_changes(target).filter(|change| to_target(change)));
        let made = |change: &Change| change.installed.map(|when: When| when.span().0);
        if let Some((time, change)) = additions
            .filter_map(|change| Some((made(change)?, change)))
            .filter(|(time, _)| *time >= from)
            .max_by_key(|(time, _)| *time)
        {
            let word = match last.duration_since(time) {
                behind if behind < SignedDuration::ZERO => "none",
                behind if behind <= TICKET => "soon",
                _ => "late",
            };
            return Some((word, change.facts.clone()));
        }
        let directory = &self.evidence.directory;
        let stamps =
            [source, target].map(|host| directory.computer(host).and_then(DirectoryObject::unchanged_since));
        let older = stamps.iter().all(|stamp| stamp.is_some_and(|stamp| stamp < from));
        let facts = [source, target].into_iter().flat_map(|host| directory.facts(host)).copied();
        older.then(|| ("unchanged", facts.collect()))
    }

    /// Who else holds the target's names, and whether moves worked all the same.
    fn names(&self, own: &mut Stated, target: &mut Stated) {
        let (pair, directory) = (self.pair, &self.evidence.directory);
        own.set("worked_with_duplicate", flag(false), []);
        let registered = self.registered_all_the_same();
        own.set("unknown_name_registered", flag(!registered.is_empty()), registered);
        let Known::Known(holders) = self.evidence.holders.of(pair.target, directory) else { return };
        let others = || holders.iter().filter_map(|holder| holder.host);
        if !others().chain([pair.target]).all(|host| self.is_current(host)) {
            return;
        }
        let held: BTreeSet<_> = holders.iter().map(|holder| holder.spn.clone()).collect();
        let facts = directory.facts(pair.target).iter().copied();
        let names = super::FactValue::List(held.into_iter().collect());
        target.set("duplicate_spns", names, facts.chain(holders.iter().map(|holder| holder.fact)));
        let stamps = others().chain([pair.target]).map(|host| directory.computer(host)?.unchanged_since());
        let since = stamps.collect::<Option<Vec<_>>>().and_then(|stamps| stamps.into_iter().max());
        let first = self.times_of(Class::ServiceName).first().copied();
        let unchanged = |attempt: &Attempt| {
            attempt.direction_proven
                && first.is_some_and(|first| attempt.time < first)
                && since.is_some_and(|since| since < attempt.time)
        };
        let all_known = holders.iter().all(|holder| holder.host.is_some());
        let worked = self.incident.every_success(pair).find(|attempt| all_known && unchanged(attempt));
        let fact = worked.and_then(|attempt| attempt.facts.first().copied());
        own.set("worked_with_duplicate", flag(fact.is_some()), fact);
    }

    /// Refusals of a name as unknown that the target's object had registered all along.
    fn registered_all_the_same(&self) -> Vec<FactId> {
        let object = self.evidence.directory.computer(self.pair.target);
        let object = object.filter(|_| self.is_current(self.pair.target));
        let Some(spns) = object.and_then(|object| object.spns.known()) else { return Vec::new() };
        let asked = |fact: FactId| {
            let event = self.evidence.event(fact)?;
            let name =
                ["ServiceName", "TargetName", "ServerName"].iter().find_map(|name| event.field(name))?;
            name.split('@').next()
        };
        let is_registered = |fact: &FactId| {
            asked(*fact).is_some_and(|asked| spns.iter().any(|spn| spn.eq_ignore_ascii_case(asked.trim())))
        };
        let refused = self.pair.kdc_unknown_service.known().into_iter().flatten();
        refused.map(|(_, fact)| *fact).filter(is_registered).collect()
    }

    /// Records of either end, or of domain controllers, beside the failures.
    fn witnesses(&self, own: &mut Stated) {
        let (pair, incident, evidence) = (self.pair, self.incident, self.evidence);
        let of = |meaning, host, times: &[Timestamp], distance| {
            incident.witnesses.near(meaning, host, times, distance)
        };
        let event = |witness: &Witness| evidence.event(witness.fact);
        let holds = |host, channel| evidence.covers_all(host, channel, self.times);
        let mut set = |name, found: Vec<Witness>, covered: bool| {
            let facts: Vec<_> = found.iter().filter(|one| !one.is_hint).map(|one| one.fact).collect();
            // A hint decides nothing, and neither can it be said that there is none.
            if !facts.is_empty() || covered && found.is_empty() {
                own.set(name, count(facts.len()), facts);
            }
        };
        let out_of_reach = self.ends_without_controller().into_iter();
        let trouble =
            out_of_reach.flat_map(|(host, times)| of(Meaning::NoDomainController, host, &times, NEAR));
        // The services ask at their own pace, so silence says nothing.
        set("dc_trouble", trouble.collect(), false);
        let controllers: Vec<_> = evidence.hosts.domain_controllers().collect();
        let audited = !controllers.is_empty() && controllers.iter().all(|dc| holds(*dc, "Security"));
        let by_controllers =
            |meaning| controllers.iter().flat_map(move |dc| of(meaning, *dc, self.times, AROUND));
        set("protected_user_seen", by_controllers(Meaning::ProtectedUser).collect(), audited);
        let about_target = |witness: &Witness| event(witness).is_some_and(|event| self.names_target(event));
        let doubled = by_controllers(Meaning::DuplicateName).chain(of(
            Meaning::DuplicateName,
            pair.source,
            self.times,
            AROUND,
        ));
        let refused = pair.kdc_duplicate.known().into_iter().flatten();
        let refused = refused.map(|(time, fact)| Witness { time: *time, fact: *fact, is_hint: false });
        let audited = pair.kdc_duplicate.known().is_some();
        set("kdc_duplicate", doubled.filter(about_target).chain(refused).collect(), audited);
        let credssp =
            of(Meaning::CredsspRefused, pair.source, self.times, AROUND).into_iter().filter(about_target);
        set("credssp_refused", credssp.collect(), holds(pair.source, "System"));
        let ends = [pair.source, pair.target];
        let cluster =
            ends.iter().flat_map(|host| of(Meaning::ClusterNameTrouble, *host, self.times, SAME_DAY));
        let together = incident.clusters.together(pair.source, pair.target);
        let held = !together || ends.iter().all(|host| holds(*host, "System"));
        set("cluster_name_trouble", cluster.filter(|_| together).collect(), held);
        self.identities(own);
        let answers = [
            &pair.kdc_refused,
            &pair.kdc_unknown_service,
            &pair.kdc_duplicate,
            &pair.kdc_clock,
            &pair.kdc_account,
            &pair.kdc_policy,
        ];
        let unreached = self.times_of(Class::DomainController);
        let answered: Vec<_> =
            answers.iter().flat_map(|dated| dated_near(dated, &unreached, AT_ONCE)).collect();
        own.set("dc_answered", flag(!answered.is_empty()), answered);
    }

    /// The ends that reported that no domain controller answered, with the times.
    fn ends_without_controller(&self) -> [(HostId, Vec<Timestamp>); 2] {
        let reported = |side: Side| {
            let own = self.incident.failures(self.pair).filter(move |(_, attempt)| {
                attempt.class == Class::DomainController && attempt.side.unwrap_or(Side::Source) == side
            });
            own.map(|(_, attempt)| attempt.time).collect()
        };
        [(self.pair.source, reported(Side::Source)), (self.pair.target, reported(Side::Destination))]
    }

    /// Failures at whose very moment the target refused a machine of its own identity. The record does not say whom it
    /// refused, so only that one stands beside every failure, and none elsewhere, can tie them.
    fn identities(&self, own: &mut Stated) {
        let (incident, target) = (self.incident, self.pair.target);
        let records = |times: &[Timestamp], near| {
            incident.witnesses.near(Meaning::DuplicateIdentity, target, times, near)
        };
        // One record is of one refusal: each failure takes the first that no other has taken.
        let mut taken: Vec<FactId> = Vec::new();
        for time in self.times {
            let mut beside = records(&[*time], AT_ONCE).into_iter().map(|witness| witness.fact);
            taken.extend(beside.find(|fact| !taken.contains(fact)));
        }
        let beside = taken.len();
        if beside > 0 || self.evidence.covers_all(target, "System", self.times) {
            own.set("identity_refused", count(beside), taken);
        }
        own.set("identity_refused_elsewhere", count(incident.witnesses.doubled_elsewhere(target)), []);
    }

    /// Whether an event names a migration service of the target.
    fn names_target(&self, event: &Event) -> bool {
        let names = |value: &str| {
            let spn = value.trim().split('@').next().unwrap_or_default();
            Spn::migration_host(spn).and_then(|name| self.evidence.hosts.find(name)) == Some(self.pair.target)
        };
        event.fields.iter().any(|field| names(&field.value))
    }

    /// A success from the source while Credential Guard ran there.
    fn guard(&self, own: &mut Stated) {
        let guarded = |attempt: &Attempt| {
            let machine = self.incident.machines.get(&self.pair.source);
            let running = machine.and_then(|machine| machine.credential_guard_at(attempt.time));
            attempt.direction_proven && running.is_some_and(|(running, _)| running)
        };
        let moved = self.incident.every_success(self.pair).find(|attempt| guarded(attempt));
        let fact = moved.and_then(|attempt| attempt.facts.first().copied());
        own.set("moved_under_guard", flag(fact.is_some()), fact);
    }
}

/// Whether a failure for want of credentials came when the hosts had authenticated each other: its progress says so, or
/// the destination reports it.
fn is_late(attempt: &Attempt) -> bool {
    const CONNECTED: u8 = 10;
    attempt.class == Class::Delegation
        && (attempt.progress.is_some_and(|progress| progress >= CONNECTED)
            || attempt.side == Some(Side::Destination))
}

fn flag(value: bool) -> super::FactValue {
    super::FactValue::Bool(value)
}

/// The records of `dated` within `distance` of one of `times`.
fn dated_near(dated: &Known<Dated>, times: &[Timestamp], distance: SignedDuration) -> Vec<FactId> {
    let is_beside = near(times, distance);
    let all = dated.known().into_iter().flatten();
    all.filter(|(time, _)| is_beside(*time)).map(|(_, fact)| *fact).collect()
}
