//! Accounts beside a host's own that hold its migration service's names.
//!
//! A name counts as doubled only where one export shows both holders at once, or `setspn -X` says so: of two exports
//! either may be the older one. What is *not* done here: other services' names, and holders in other domains, where a
//! domain controller does not look first.

use std::collections::BTreeMap;

use super::{Directory, FactId, HostId, Hosts};
use crate::fact::{
    DirectoryObject, DuplicateSpn, Fact, Known, Observation, Reason, SourceId, Spn, domain_of,
};

/// One other account that holds a name of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The name, as the export writes it.
    pub spn: String,
    /// The distinguished name of the account, else its account name.
    pub account: String,
    /// The host whose account it is, where it is one's.
    pub host: Option<HostId>,
    /// What states it.
    pub fact: FactId,
}

/// Every such account, by the host whose name it holds.
#[derive(Debug, Default)]
pub struct Holders(BTreeMap<HostId, Vec<Holder>>);

/// Who holds a name: the fact, its source and the object.
type Stated<'a> = (FactId, SourceId, &'a DirectoryObject);

impl Holders {
    pub(super) fn gather(facts: &[Fact], hosts: &Hosts, directory: &Directory) -> Self {
        let mut objects: BTreeMap<String, Vec<Stated<'_>>> = BTreeMap::new();
        let mut holders = Self::default();
        for (index, fact) in facts.iter().enumerate() {
            match &fact.observation {
                Observation::Directory(object) => {
                    for spn in object.spns.known().into_iter().flatten() {
                        if Spn::migration_host(spn).is_some() {
                            let stated = (FactId(index), fact.origin.source, &**object);
                            objects.entry(spn.trim().to_lowercase()).or_default().push(stated);
                        }
                    }
                }
                Observation::DuplicateSpn(duplicate) => {
                    holders.add_listed(duplicate, FactId(index), hosts, directory)
                }
                _ => {}
            }
        }
        // An object that another export shows without the name may have lost it since.
        let disagrees = |own: &DirectoryObject, spn: &str| {
            let without = |object: &DirectoryObject| {
                is_same(own, object)
                    && object
                        .spns
                        .known()
                        .is_some_and(|all| !all.iter().any(|one| one.trim().eq_ignore_ascii_case(spn)))
            };
            facts
                .iter()
                .any(|fact| matches!(&fact.observation, Observation::Directory(object) if without(object)))
        };
        for (spn, stated) in objects.iter().filter(|(_, stated)| stated.len() > 1) {
            let Some(host) = Spn::migration_host(spn).and_then(|name| hosts.find(name)) else { continue };
            let is_own = |object: &DirectoryObject| hosts.of_object(object) == Some(host);
            for (fact, source, object) in stated.iter().filter(|(_, _, object)| !is_own(object)) {
                let beside = stated.iter().any(|(_, other, own)| {
                    is_own(own) && other == source && is_neighbour(own, object) && !disagrees(own, spn)
                });
                if beside && !disagrees(object, spn) {
                    let account = object.dn.as_ref().or(object.account.as_ref()).cloned().unwrap_or_default();
                    holders.add(
                        host,
                        Holder {
                            spn: spelt(spn, object),
                            account,
                            host: hosts.of_object(object),
                            fact: *fact,
                        },
                    );
                }
            }
        }
        holders
    }

    /// What `setspn -X` lists: the host's own account is the one that bears its name.
    fn add_listed(&mut self, duplicate: &DuplicateSpn, fact: FactId, hosts: &Hosts, directory: &Directory) {
        let Some(host) = Spn::migration_host(&duplicate.spn).and_then(|name| hosts.find(name)) else {
            return;
        };
        let label = hosts.get(host).and_then(|host| host.fqdn.as_deref()).unwrap_or_else(|| hosts.name(host));
        let label = label.split('.').next().unwrap_or_default();
        let own = directory.computer(host).and_then(|object| object.dn.as_deref());
        let is_own = |dn: &&String| match own {
            Some(own) => own.eq_ignore_ascii_case(dn),
            None => common_name(dn).is_some_and(|name| name.eq_ignore_ascii_case(label)),
        };
        // Of an account that bears another name nothing tells whether it is the host's.
        let Some(known) = duplicate.accounts.iter().find(is_own) else { return };
        for account in duplicate.accounts.iter().filter(|account| *account != known) {
            let other = common_name(account).and_then(|name| hosts.find(name)).filter(|other| *other != host);
            self.add(
                host,
                Holder { spn: duplicate.spn.clone(), account: account.clone(), host: other, fact },
            );
        }
    }

    fn add(&mut self, host: HostId, holder: Holder) {
        let all = self.0.entry(host).or_default();
        if !all.contains(&holder) {
            all.push(holder);
        }
    }

    /// The other accounts that hold a migration name of `host`; known to be none only where its whole domain was
    /// exported.
    #[must_use]
    pub fn of(&self, host: HostId, directory: &Directory) -> Known<&[Holder]> {
        match self.0.get(&host) {
            Some(holders) => Known::Known(holders),
            None if directory.is_whole(host) => Known::Known(&[]),
            None => Known::Unknown(Reason::NoExport),
        }
    }
}

/// Two statements of one object: objects keep their SID when they are renamed or moved.
fn is_same(one: &DirectoryObject, other: &DirectoryObject) -> bool {
    match (&one.sid, &other.sid) {
        (Some(one), Some(other)) => one == other,
        _ => {
            one.dn.as_ref().zip(other.dn.as_ref()).is_some_and(|(one, other)| one.eq_ignore_ascii_case(other))
        }
    }
}

/// Two objects of one domain, as far as their names tell.
fn is_neighbour(one: &DirectoryObject, other: &DirectoryObject) -> bool {
    let domain = |object: &DirectoryObject| object.dn.as_deref().and_then(domain_of);
    !is_same(one, other) && domain(one) == domain(other)
}

/// The name as the object spells it.
fn spelt(spn: &str, object: &DirectoryObject) -> String {
    let all = object.spns.known().into_iter().flatten();
    all.map(|own| own.trim()).find(|own| own.eq_ignore_ascii_case(spn)).unwrap_or(spn).to_owned()
}

/// `HV01` of `CN=HV01,OU=Hyper-V,…`.
fn common_name(dn: &str) -> Option<&str> {
    dn.split(',').next()?.split_once('=').map(|(_, name)| name)
}
