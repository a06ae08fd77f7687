//! Accounts beside a host's own that hold its migration service's names.
//!
//! A name counts as doubled only where one export shows both holders at once, or `setspn -X` says so: of two exports
//! either may be the older one. What is *not* done here: other services' names, and holders in other domains, where a
//! domain controller does not look first.

use std::collections::{BTreeMap, BTreeSet};

use super::{Directory, FactId, HostId, Hosts};
use crate::fact::{
    DirectoryObject, DuplicateSpn, Fact, Known, Observation, Reason, SourceId, Spn, domain_of,
};

/// One other account that holds a name of a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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
pub struct Holders {
    /// Beside the host's own.
    beside: BTreeMap<HostId, BTreeSet<Holder>>,
    /// In its place: the host's own object, in the same domain, is known not to hold the name.
    instead: BTreeMap<HostId, BTreeSet<Holder>>,
}

/// Who holds a name: the fact, its source and the object.
type Stated<'a> = (FactId, SourceId, &'a DirectoryObject);

impl Holders {
    pub(super) fn gather(facts: &[Fact], hosts: &Hosts, directory: &Directory) -> Self {
        let mut by_name: BTreeMap<String, Vec<Stated<'_>>> = BTreeMap::new();
        // How many statements of an object list its names at all.
        let mut stated: BTreeMap<String, usize> = BTreeMap::new();
        let mut holders = Self::default();
        for (index, fact) in facts.iter().enumerate() {
            match &fact.observation {
                Observation::Directory(object) if !object.is_deleted() => {
                    let Some(spns) = object.spns.known() else { continue };
                    keys(object).into_iter().for_each(|key| *stated.entry(key).or_default() += 1);
                    let names = spns.iter().filter(|spn| Spn::migration_host(spn).is_some());
                    for name in names.map(|spn| spn.trim().to_lowercase()).collect::<BTreeSet<_>>() {
                        by_name.entry(name).or_default().push((FactId(index), fact.origin.source, object));
                    }
                }
                Observation::DuplicateSpn(duplicate) => {
                    holders.add_listed(duplicate, FactId(index), hosts, directory)
                }
                _ => {}
            }
        }
        for (spn, all) in by_name.iter().filter(|(_, all)| all.len() > 1) {
            holders.add_stated(spn, all, &stated, hosts);
        }
        for (spn, all) in &by_name {
            holders.add_alone(spn, all, hosts, directory);
        }
        holders
    }

    /// What exports show of the holders of one name.
    fn add_stated(&mut self, spn: &str, all: &[Stated<'_>], stated: &BTreeMap<String, usize>, hosts: &Hosts) {
        let Some(host) = Spn::migration_host(spn).and_then(|name| hosts.find(name)) else { return };
        let mut holding: BTreeMap<String, usize> = BTreeMap::new();
        let each = all.iter().flat_map(|(_, _, object)| keys(object));
        each.for_each(|key| *holding.entry(key).or_default() += 1);
        // An object that another export shows without the name may have lost it since.
        let agreed =
            |object: &DirectoryObject| keys(object).iter().all(|key| holding.get(key) == stated.get(key));
        let domain = |object: &DirectoryObject| object.dn.as_deref().and_then(domain_of);
        let is_own = |object: &DirectoryObject| hosts.of_object(object) == Some(host);
        let own = || all.iter().filter(|(_, _, object)| is_own(object));
        // Objects keep their SID when they are renamed or moved.
        let own_keys: BTreeSet<_> = own().flat_map(|(_, _, object)| keys(object)).collect();
        let seen = own().filter(|(_, _, object)| agreed(object));
        let beside: BTreeSet<_> = seen.map(|(_, source, object)| (*source, domain(object))).collect();
        for (fact, source, object) in all.iter().filter(|(_, _, object)| !is_own(object)) {
            let is_other = !keys(object).iter().any(|key| own_keys.contains(key));
            if is_other && agreed(object) && beside.contains(&(*source, domain(object))) {
                let account = object.dn.as_ref().or(object.account.as_ref()).cloned().unwrap_or_default();
                let (spn, other) = (spelt(spn, object), hosts.of_object(object));
                self.beside.entry(host).or_default().insert(Holder {
                    spn,
                    account,
                    host: other,
                    fact: *fact,
                });
            }
        }
    }

    /// A name that only another object of the host's domain holds.
    fn add_alone(&mut self, spn: &str, all: &[Stated<'_>], hosts: &Hosts, directory: &Directory) {
        let Some(host) = Spn::migration_host(spn).and_then(|name| hosts.find(name)) else { return };
        let Some(own) = directory.computer(host) else { return };
        let lacks =
            own.spns.known().is_some_and(|spns| !spns.iter().any(|own| own.eq_ignore_ascii_case(spn)));
        let domain = |object: &DirectoryObject| object.dn.as_deref().and_then(domain_of);
        let is_own = |object: &DirectoryObject| {
            hosts.of_object(object) == Some(host) || keys(object).iter().any(|key| keys(own).contains(key))
        };
        if !lacks || all.iter().any(|(_, _, object)| is_own(object)) {
            return;
        }
        for (fact, _, object) in all.iter().filter(|(_, _, object)| domain(object) == domain(own)) {
            let account = object.dn.as_ref().or(object.account.as_ref()).cloned().unwrap_or_default();
            let holder =
                Holder { spn: spelt(spn, object), account, host: hosts.of_object(object), fact: *fact };
            self.instead.entry(host).or_default().insert(holder);
        }
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
            let holder = Holder { spn: duplicate.spn.clone(), account: account.clone(), host: other, fact };
            self.beside.entry(host).or_default().insert(holder);
        }
    }

    /// The other accounts that hold a migration name of `host`; known to be none only where its whole domain was
    /// exported.
    #[must_use]
    pub fn of(&self, host: HostId, directory: &Directory) -> Known<Vec<&Holder>> {
        match self.beside.get(&host) {
            Some(holders) => Known::Known(holders.iter().collect()),
            None if directory.is_whole(host) => Known::Known(Vec::new()),
            None => Known::Unknown(Reason::NoExport),
        }
    }
}

impl Holders {
    /// The accounts that hold a migration name of `host` which its own object lacks. Until they give it up, a domain
    /// controller that keeps names unique lets the host register none.
    pub fn instead_of(&self, host: HostId) -> impl Iterator<Item = &Holder> {
        self.instead.get(&host).into_iter().flatten()
    }
}

/// What tells an object from others: its SID and its distinguished name.
fn keys(object: &DirectoryObject) -> Vec<String> {
    let sid = object.sid.as_ref().map(ToString::to_string);
    sid.into_iter().chain(object.dn.as_ref().map(|dn| dn.to_lowercase())).collect()
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
