//! Entries of the directory that serve no host any more, or the wrong one.
//!
//! An entry is certain only where the export shows both sides of it; what only a complete export could show is said to
//! be unknown, with the command that tells. What is *not* done here: removing anything.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::evidence::{Evidence, FactId, HostId};
use crate::fact::{DirectoryObject, Observation, Spn, Trustee, domain_of, host_name};
use crate::incident::migration_names;

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StaleKind {
    /// A migration SPN on a delegation list that no object registers.
    Unregistered,
    /// A SID in resource-based delegation that no object bears.
    OrphanSid,
    /// A migration SPN on an object with another name.
    WrongObject,
    /// A migration SPN that several objects register.
    Duplicate,
    /// A migration SPN on its own host's account, which is disabled while nothing else speaks of the host.
    Retired,
}

/// An entry that is stale, or may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// What is wrong with it.
    pub kind: StaleKind,
    /// The objects that hold it, by distinguished name, else by account; sorted.
    pub holders: Vec<String>,
    /// The SPN or SID.
    pub value: String,
    /// Whether the export shows it; else it may be that the export lacks the other object.
    pub is_certain: bool,
    /// Of a name that several objects register those that have another name: the one that is left should keep it.
    pub foreign: Vec<String>,
    /// What states it.
    pub facts: Vec<FactId>,
}

/// Every such entry once, by kind and value.
#[must_use]
pub fn stale(evidence: &Evidence) -> Vec<Stale> {
    let mut found = each_once(registrations(evidence));
    let hosts: Vec<_> = evidence.hosts.iter().map(|(id, _)| id).collect();
    found.extend(hosts.iter().flat_map(|host| unregistered(*host, evidence)));
    found.extend(hosts.iter().flat_map(|host| orphans(*host, evidence)));
    found.extend(hosts.iter().filter_map(|host| retired(*host, evidence)));
    found.sort_by(|a, b| (a.kind, &a.value, &a.holders).cmp(&(b.kind, &b.value, &b.holders)));
    found.dedup_by(|a, b| (a.kind, &a.value, &a.holders) == (b.kind, &b.value, &b.holders));
    found
}

/// Registrations, each once: what several exports state, and a name under a wrong object that is registered on the right
/// one as well.
fn each_once(found: Vec<Stale>) -> Vec<Stale> {
    let mut entries: BTreeMap<(StaleKind, String, Option<String>), Stale> = BTreeMap::new();
    for own in found {
        // Of a duplicate one export may know more holders than another.
        let holder = own.holders.first().filter(|_| own.kind != StaleKind::Duplicate);
        let key = (own.kind, own.value.trim().to_lowercase(), holder.map(|holder| holder.to_lowercase()));
        match entries.entry(key) {
            Entry::Vacant(entry) => _ = entry.insert(own),
            Entry::Occupied(mut entry) => entry.get_mut().join(own),
        }
    }
    let (duplicates, mut others): (Vec<_>, Vec<_>) =
        entries.into_values().partition(|own| own.kind == StaleKind::Duplicate);
    let mut kept = Vec::new();
    for mut duplicate in duplicates {
        let is_part = |own: &Stale| {
            own.value.trim().eq_ignore_ascii_case(duplicate.value.trim())
                && own.holders.iter().all(|holder| holds(&duplicate.holders, holder))
        };
        let (parts, rest): (Vec<_>, Vec<_>) = others.into_iter().partition(is_part);
        duplicate.foreign = parts.into_iter().flat_map(|own| own.holders).collect();
        others = rest;
        kept.push(duplicate);
    }
    others.into_iter().chain(kept).collect()
}

fn holds(holders: &[String], holder: &str) -> bool {
    holders.iter().any(|own| own.eq_ignore_ascii_case(holder))
}

impl Stale {
    /// Adds what another export says of the same entry.
    fn join(&mut self, other: Self) {
        for holder in other.holders {
            if !holds(&self.holders, &holder) {
                self.holders.push(holder);
            }
        }
        self.holders.sort_unstable();
        self.facts
            .extend(other.facts.into_iter().filter(|fact| !self.facts.contains(fact)).collect::<Vec<_>>());
    }
}

/// Migration SPNs that stand on an object with another name, or on several of one domain; lower-case. Who is allowed to
/// delegate to such a name may reach another account than was meant.
#[must_use]
pub fn misplaced_names(evidence: &Evidence) -> BTreeSet<String> {
    let entries = registrations(evidence).into_iter();
    entries.map(|entry| entry.value.to_lowercase()).collect()
}

/// How reports call an object.
fn holder(object: &DirectoryObject) -> String {
    let named = object.dn.as_ref().or(object.account.as_ref()).or(object.dns_name.as_ref());
    named.or(object.name.as_ref()).cloned().unwrap_or_default()
}

/// An object as the directory tells it apart: the host that it is of, and its SID or name. Exports of one object may
/// leave out the latter.
type Holder = (Option<HostId>, Option<String>);

/// A name, in lower case, and the domain in which it is registered.
type Registered = (String, Option<String>);

/// Who registers which migration SPN: under a name that is not its own, or more than one in a domain. A domain controller
/// looks in its own domain first, so the short names of two domains do not meet.
fn registrations(evidence: &Evidence) -> Vec<Stale> {
    let mut by_spn: BTreeMap<Registered, BTreeMap<Holder, (String, FactId)>> = BTreeMap::new();
    let mut found = Vec::new();
    for (index, fact) in evidence.facts.iter().enumerate() {
        match &fact.observation {
            // A deleted object holds no name any more, whatever its export still shows.
            Observation::Directory(object) if !object.is_deleted() => {
                for name in migration_names(object).known().into_iter().flatten() {
                    let spn = Spn::migration(name).to_lowercase();
                    let sid = object.sid.as_ref().map(ToString::to_string);
                    let host = evidence.host_of(FactId(index));
                    let dn = || object.dn.as_deref().filter(|_| host.is_none()).map(str::to_lowercase);
                    let key = (host, sid.or_else(dn));
                    let domain = object.dn.as_deref().and_then(domain_of);
                    by_spn
                        .entry((spn, domain))
                        .or_default()
                        .entry(key)
                        .or_insert((holder(object), FactId(index)));
                    if !object.bears(name) {
                        found.push(Stale {
                            kind: StaleKind::WrongObject,
                            holders: vec![holder(object)],
                            value: Spn::migration(name),
                            is_certain: true,
                            foreign: Vec::new(),
                            facts: vec![FactId(index)],
                        });
                    }
                }
            }
            Observation::DuplicateSpn(duplicate) if Spn::migration_host(&duplicate.spn).is_some() => {
                found.push(Stale {
                    kind: StaleKind::Duplicate,
                    holders: duplicate.accounts.clone(),
                    value: duplicate.spn.clone(),
                    is_certain: true,
                    foreign: Vec::new(),
                    facts: vec![FactId(index)],
                });
            }
            _ => {}
        }
    }
    for ((spn, _), mut holders) in by_spn {
        let told: BTreeSet<_> =
            holders.keys().filter(|(_, id)| id.is_some()).map(|(host, _)| *host).collect();
        holders.retain(|(host, id), _| id.is_some() || !told.contains(host));
        if holders.len() > 1 {
            let mut names: Vec<_> = holders.values().map(|(name, _)| name.clone()).collect();
            names.sort_unstable();
            found.push(Stale {
                kind: StaleKind::Duplicate,
                holders: names,
                value: Spn::migration_host(&spn).map(Spn::migration).unwrap_or(spn),
                is_certain: true,
                foreign: Vec::new(),
                facts: holders.into_values().map(|(_, fact)| fact).collect(),
            });
        }
    }
    found
}

/// Migration SPNs on a host's list that no object registers.
fn unregistered(host: HostId, evidence: &Evidence) -> Vec<Stale> {
    let Some(object) = evidence.directory.computer(host) else { return Vec::new() };
    let list = object.allowed_to_delegate_to.known().into_iter().flatten();
    let entry = |spn: &String| {
        let name = Spn::migration_host(spn)?;
        // The short form is the account's, which is cut to 15 characters.
        let by_account = || evidence.directory.of_account(name);
        let target = evidence.hosts.find_from(name, host).or_else(by_account);
        let registered = target
            .and_then(|target| evidence.directory.computer(target))
            .map(|object| migration_names(object).known().cloned());
        let is_certain = match registered {
            Some(Some(names)) if names.iter().any(|own| own.eq_ignore_ascii_case(name)) => return None,
            Some(Some(_)) => true,
            // The object is there, and its services are not stated.
            Some(None) => false,
            None => {
                // The name of another domain may be registered there.
                let own_domain = evidence.hosts.get(host).and_then(|host| host.fqdn.as_deref());
                let is_own = !name.contains('.')
                    || own_domain.and_then(|own| own.split_once('.')).map(|(_, domain)| domain)
                        == host_name(name).split_once('.').map(|(_, domain)| domain);
                is_own
                    && object.sid.as_ref().is_some_and(|sid| evidence.directory.is_whole_domain_of(sid))
                    && !evidence.directory.has_unknown_servers
            }
        };
        Some(Stale {
            kind: StaleKind::Unregistered,
            holders: vec![holder(object)],
            value: spn.trim().to_owned(),
            is_certain,
            foreign: Vec::new(),
            facts: evidence.directory.facts(host).to_vec(),
        })
    };
    list.filter_map(entry).collect()
}

/// The name under which a host stands that is a node by nothing but a disabled account.
fn retired(host: HostId, evidence: &Evidence) -> Option<Stale> {
    evidence.hosts.get(host).filter(|host| host.is_retired && !host.is_node)?;
    let object = evidence.directory.computer(host)?;
    let name = migration_names(object).known()?.iter().find(|name| object.bears(name)).cloned()?;
    Some(Stale {
        kind: StaleKind::Retired,
        holders: vec![holder(object)],
        value: Spn::migration(&name),
        is_certain: true,
        foreign: Vec::new(),
        facts: evidence.directory.facts(host).to_vec(),
    })
}

/// SIDs and names in resource-based delegation that no object of the export bears.
fn orphans(host: HostId, evidence: &Evidence) -> Vec<Stale> {
    let Some(object) = evidence.directory.computer(host) else { return Vec::new() };
    let trustees = object.allowed_to_act.known().into_iter().flatten();
    let unseen = trustees.filter(|trustee| !evidence.directory.has_seen(trustee));
    let entry = |trustee: &Trustee| {
        let value = match trustee {
            Trustee::Sid(sid) => sid.to_string(),
            Trustee::Dn(dn) => dn.clone(),
            Trustee::Everyone => return None,
        };
        let (holders, facts) = (vec![holder(object)], evidence.directory.facts(host).to_vec());
        Some(Stale {
            kind: StaleKind::OrphanSid,
            holders,
            value,
            is_certain: false,
            foreign: Vec::new(),
            facts,
        })
    };
    unseen.filter_map(entry).collect()
}
