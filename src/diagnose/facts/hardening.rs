//! Facts about hardening: what the domain controllers of a pair ran and refused, and which encryption types both ends
//! have in common.
//!
//! "None" is said only where every domain controller is known; a controller that no source speaks of is not.

use jiff::Timestamp;

use super::{Stated, count};
use crate::evidence::{Directory, Evidence, FactId, HostId};
use crate::fact::DirectoryObject;
use crate::incident::{Incident, Pair, Rejected};
use crate::knowledge::Class;
use crate::knowledge::condition::FactValue;

/// Encryption types by their bits ([MS-KILE] 2.2.7), the session key's own bit left out.
const TYPES: [(u32, &str); 4] = [(0x3, "des"), (0x4, "rc4"), (0x8, "aes128"), (0x10, "aes256")];
/// What a domain controller assumes where an account states nothing: RC4, with AES session keys since November 2022
/// (KB5021131).
const ASSUMED: u32 = 0x1C;
/// The same once RC4 is refused (KB5073381).
const ASSUMED_WITHOUT_RC4: u32 = 0x18;
/// The bit that lets session keys be AES beside another type of ticket (KB5021131).
const AES_SESSION: u32 = 0x20;
/// The change that takes RC4 from what is assumed.
const RC4: &str = "RC4-CVE-2026-20833";

/// The facts of the domain controllers that serve `pair`.
pub(super) fn domain_facts(
    pair: &Pair,
    times: &[Timestamp],
    incident: &Incident,
    evidence: &Evidence,
) -> Stated {
    let mut stated = Stated::default();
    let controllers = incident.controllers_of(pair, evidence);
    let Some(moments) = moments(times, incident) else { return stated };
    let domain = Domain { controllers, moments, incident, evidence };
    domain.faults(&mut stated);
    domain.straddles(&mut stated);
    if let Some(refused) = domain.refuses(RC4) {
        stated.set("rc4_refused", FactValue::Bool(refused), domain.builds());
    }
    stated
}

/// The first and the last failure; before anything has failed, the latest state that is known.
fn moments(times: &[Timestamp], incident: &Incident) -> Option<[Timestamp; 2]> {
    let failed = times.first().zip(times.last()).map(|(first, last)| [*first, *last]);
    failed.or_else(|| incident.foresight.is_some().then_some([Timestamp::MAX; 2]))
}

/// The domain controllers of a pair at its first and last failure.
struct Domain<'a> {
    controllers: Vec<HostId>,
    moments: [Timestamp; 2],
    incident: &'a Incident,
    evidence: &'a Evidence,
}

impl Domain<'_> {
    /// Whether every controller there may be is known: an export of the directory names them all.
    fn is_whole(&self) -> bool {
        let exported = |host: &HostId| self.evidence.directory.computer(*host).is_some();
        !self.controllers.is_empty() && self.controllers.iter().all(exported)
    }

    /// What states the builds.
    fn builds(&self) -> Vec<FactId> {
        let running = |host: &HostId| self.incident.postures.running(*host, self.moments[1]);
        self.controllers.iter().filter_map(running).flat_map(|own| own.facts.iter().copied()).collect()
    }

    /// Controllers that carried a known fault of a class of failure at the first or the last failure.
    fn faults(&self, stated: &mut Stated) {
        let postures = &self.incident.postures;
        let carries = |host: HostId, fault: usize| {
            let [first, last] = self.moments.map(|time| postures.carries(host, fault, time));
            if first == Some(true) || last == Some(true) { Some(true) } else { first.and(last) }
        };
        let mut of = |name: &'static str, concerns: &dyn Fn(Class) -> bool| {
            let mut known = self.is_whole();
            let (mut faulty, mut proof) = (Vec::new(), Vec::new());
            for host in &self.controllers {
                for (index, fault) in postures.faults.iter().enumerate() {
                    if !fault.classes.iter().any(|class| concerns(*class)) {
                        continue;
                    }
                    match carries(*host, index) {
                        Some(true) => {
                            let name = self.evidence.hosts.name(*host);
                            faulty.push(format!("{name}: {}", fault.id));
                            let running = postures.running(*host, self.moments[1]);
                            proof.extend(running.into_iter().flat_map(|own| own.facts.iter().copied()));
                        }
                        Some(false) => {}
                        None => known = false,
                    }
                }
            }
            if known || !faulty.is_empty() {
                let proof = if faulty.is_empty() { self.builds() } else { proof };
                stated.set(name, FactValue::List(faulty), proof);
            }
        };
        of("delegation_faults", &|class| class == Class::Delegation);
        of("encryption_faults", &|class| class == Class::Encryption);
    }

    /// Changes that some controllers enforce and others do not, at the first or the last failure.
    fn straddles(&self, stated: &mut Stated) {
        let postures = &self.incident.postures;
        let found = self.moments.map(|time| postures.straddles(&self.controllers, time));
        let mut splits: Vec<&str> = Vec::new();
        for (index, id) in postures.refusing() {
            if found.iter().flatten().any(|own| own.hardening == index) {
                splits.push(id);
            }
        }
        // A change that does not concern a controller's version is on neither side.
        let is_known = |host: &HostId| {
            let [first, last] = self.moments.map(|time| postures.at(*host, time));
            let known = |active: Option<&[crate::incident::Active]>| {
                active.is_some_and(|active| active.iter().all(|own| own.enforces.is_some()))
            };
            known(first) && known(last)
        };
        if !splits.is_empty() || self.is_whole() && self.controllers.iter().all(is_known) {
            let splits = splits.into_iter().map(str::to_owned).collect();
            stated.set("straddles", FactValue::List(splits), self.builds());
        }
    }

    /// Whether the controllers refuse what the change `id` refuses; `None` where they differ or nothing tells.
    fn refuses(&self, id: &str) -> Option<bool> {
        let index = self.incident.postures.refusing().find(|(_, own)| *own == id)?.0;
        let last = self.moments[1];
        let answers = self.controllers.iter().map(|host| self.incident.postures.enforces(*host, index, last));
        answers.reduce(|one, other| if one == other { one } else { None })?
    }
}

/// Refusals near the failures of `pair`, and what both of its ends can encrypt with.
pub(super) fn pair_facts(
    stated: &mut Stated,
    pair: &Pair,
    times: &[Timestamp],
    incident: &Incident,
    evidence: &Evidence,
    directory: &Directory,
) {
    let controllers = incident.controllers_of(pair, evidence);
    let ends = [pair.source, pair.target];
    let holds = |channel: &str| {
        let all = controllers.iter().all(|host| evidence.covers_all(*host, channel, times));
        !controllers.is_empty() && !times.is_empty() && all
    };
    for (name, kind, channels) in [
        ("etype_refused", Rejected::Encryption, &["Security"][..]),
        ("ticket_refused", Rejected::Ticket, &["Security", "System"]),
        ("signature_refused", Rejected::Signature, &["System"]),
    ] {
        let facts = incident.rejections.near(kind, times, ends, &controllers);
        if !facts.is_empty() || channels.iter().all(|channel| holds(channel)) {
            stated.set(name, count(facts.len()), facts);
        }
    }
    let last = moments(times, incident).map(|[_, last]| last);
    let Some(bits) = last.and_then(|last| common(pair, &controllers, last, incident, directory)) else {
        return;
    };
    let named = TYPES.iter().filter(|(own, _)| bits & own != 0).map(|(_, name)| (*name).to_owned());
    let facts = ends.iter().flat_map(|host| directory.facts(*host).iter().copied());
    let policy = ends.iter().filter_map(|host| incident.postures.policy_types.get(host).map(|own| own.1));
    stated.set("encryption_common", FactValue::List(named.collect()), facts.chain(policy));
}

/// Bits of the encryption types that both ends have in common by the latest state that is known; `None` where one of
/// them is open.
pub(in crate::diagnose) fn common_types(
    pair: &Pair,
    incident: &Incident,
    evidence: &Evidence,
) -> Option<u32> {
    let controllers = incident.controllers_of(pair, evidence);
    common(pair, &controllers, Timestamp::MAX, incident, &evidence.directory)
}

/// Bits of the encryption types that the source's client, the target's account and the target itself have in common.
/// Keys that an account lacks can't be seen from outside.
fn common(
    pair: &Pair,
    controllers: &[HostId],
    time: Timestamp,
    incident: &Incident,
    directory: &Directory,
) -> Option<u32> {
    let stated = |host: HostId| incident.postures.policy_types.get(&host).map(|(bits, _)| bits & 0x1F);
    let policy = |host: HostId| stated(host).filter(|bits| *bits != 0);
    // A host writes what its policy allows to its own object.
    let client = policy(pair.source).or_else(|| stated_types(directory.computer(pair.source)?).flatten())?;
    let account = match stated_types(directory.computer(pair.target)?)? {
        Some(bits) => bits,
        None => assumed(controllers, time, incident)?,
    };
    Some(client & account & policy(pair.target).unwrap_or(u32::MAX))
}

/// Whether an object is known to state its types, so that no default of the domain controllers counts for it.
pub(in crate::diagnose) fn states_types(object: &DirectoryObject) -> bool {
    stated_types(object).is_some_and(|types| types.is_some())
}

/// What an object states: `Some(None)` where it is known to state nothing.
fn stated_types(object: &DirectoryObject) -> Option<Option<u32>> {
    let types = object.encryption_types.known()?;
    let session = |bits: u32| if bits & AES_SESSION == 0 { bits } else { bits | ASSUMED_WITHOUT_RC4 };
    Some(types.map(|bits| session(bits) & 0x1F).filter(|bits| *bits != 0))
}

/// What every controller assumes of an account that states nothing; `None` where they differ or nothing tells.
fn assumed(controllers: &[HostId], time: Timestamp, incident: &Incident) -> Option<u32> {
    let postures = &incident.postures;
    let (index, _) = postures.refusing().find(|(_, id)| *id == RC4)?;
    let of = |host: &HostId| {
        if let Some((bits, _)) = postures.default_types.get(host) {
            return Some(bits & 0x1F);
        }
        // The value is there only where somebody made it, but nobody can tell from a missing export.
        let enforces = postures.enforces(*host, index, time)?;
        Some(if enforces { ASSUMED_WITHOUT_RC4 } else { ASSUMED })
    };
    controllers.iter().map(of).reduce(|one, other| if one == other { one } else { None })?
}
