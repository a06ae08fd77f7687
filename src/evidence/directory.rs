//! Directory objects by host, by SID and by name, and who may act for whom.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{FactId, HostId, Hosts};
use crate::fact::{
    Bystanders, DirectoryObject, Fact, Known, Names, Observation, Reason, Sid, Trustee, domain_of, host_label,
};

mod membership;
mod revision;

pub use revision::Revision;

/// Every directory object of a bundle.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    computers: BTreeMap<HostId, (Vec<FactId>, DirectoryObject)>,
    /// Computer objects that exports state differently, with the time in which they changed.
    revisions: BTreeMap<HostId, Revision>,
    groups: Vec<DirectoryObject>,
    /// Distinguished names of every object that became a fact, lower-case.
    names: BTreeSet<String>,
    /// Those of every other object.
    bystanders: Names,
    /// SID prefixes of domains that were exported whole: their group Domain Users or Domain Computers is there.
    whole_domains: BTreeSet<String>,
    /// Hosts by sAMAccountName, lower-case, without `$`.
    accounts: BTreeMap<String, Vec<HostId>>,
    /// Hosts that two objects claim, neither of them disabled.
    pub ambiguous: Vec<HostId>,
    /// DNS domains of the objects that were exported.
    pub domains: Vec<String>,
    /// Servers whose services the export does not state: any of them may be a Hyper-V host.
    pub has_unknown_servers: bool,
    /// Objects of any kind.
    pub objects: usize,
}

impl Directory {
    pub(super) fn gather(facts: &[Fact], hosts: &Hosts, bystanders: Bystanders) -> Self {
        let mut by_host: BTreeMap<HostId, Vec<(FactId, &DirectoryObject)>> = BTreeMap::new();
        let mut directory = Self {
            objects: usize::try_from(bystanders.objects).unwrap_or(usize::MAX),
            domains: bystanders.domains.iter().cloned().collect(),
            whole_domains: bystanders.whole_domains.clone(),
            has_unknown_servers: bystanders.has_unknown_servers,
            bystanders: bystanders.into_names(),
            ..Self::default()
        };
        for (index, fact) in facts.iter().enumerate() {
            let Observation::Directory(object) = &fact.observation else { continue };
            // A deleted object grants nothing and holds no name any more.
            if object.is_deleted() {
                continue;
            }
            directory.objects += 1;
            directory.domains.extend(object.dn.as_deref().and_then(domain_of));
            directory.names.extend(object.dn.as_ref().map(|dn| dn.to_lowercase()));
            directory.whole_domains.extend(object.shows_whole_domain().map(str::to_owned));
            let host = hosts.of_object(object);
            let is_named =
                host.and_then(|host| hosts.get(host)).is_some_and(|host| host.is_node || host.is_dc);
            directory.has_unknown_servers |= object.is_unknown_server() && !is_named;
            if let Some(host) = host {
                by_host.entry(host).or_default().push((FactId(index), object));
            } else if object.has_class("group") {
                directory.groups.push((**object).clone());
            }
        }
        directory.domains.sort_unstable();
        directory.domains.dedup();
        for (host, mut objects) in by_host {
            // Of several objects the host's own is the one that is enabled and holds its services.
            let is_own = |object: &DirectoryObject| !object.is_disabled() && object.registers_migration();
            // Where another one that is enabled bears its very account name, nothing tells.
            let label = hosts.get(host).map(|host| host_label(&host.name).to_lowercase());
            let is_called = |object: &DirectoryObject| {
                let account =
                    object.account.as_deref().map(|account| account.trim_end_matches('$').to_lowercase());
                account.is_some() && account == label
            };
            let rival =
                |object: &DirectoryObject| !is_own(object) && !object.is_disabled() && is_called(object);
            if different(&objects)
                && objects.iter().any(|(_, object)| is_own(object))
                && !objects.iter().any(|(_, object)| rival(object))
            {
                objects.retain(|(_, object)| is_own(object));
            }
            if different(&objects) {
                directory.ambiguous.push(host);
                continue;
            }
            // A bare list of services is cited only where nothing says more.
            let states = |object: &DirectoryObject| object.user_account_control.known().is_some();
            let any_states = objects.iter().any(|(_, object)| states(object));
            let cited = objects.iter().filter(|(_, object)| states(object) || !any_states);
            let ids = cited.map(|(id, _)| *id).collect();
            directory.revisions.extend(revision::of(&objects).map(|revision| (host, revision)));
            if let Some(merged) = objects.into_iter().map(|(_, object)| object.clone()).reduce(merge) {
                if let Some(account) = &merged.account {
                    directory
                        .accounts
                        .entry(account.trim_end_matches('$').to_lowercase())
                        .or_default()
                        .push(host);
                }
                directory.computers.insert(host, (ids, merged));
            }
        }
        directory
    }

    /// The host of the account `name` (without `$`), where one domain alone has it.
    #[must_use]
    pub fn of_account(&self, name: &str) -> Option<HostId> {
        match self.accounts.get(&name.to_lowercase())?.as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// The computer object of `host`.
    #[must_use]
    pub fn computer(&self, host: HostId) -> Option<&DirectoryObject> {
        self.computers.get(&host).map(|(_, object)| object)
    }

    /// Whether an export shows domain controllers: then those are all that there are, as far as it can be known.
    #[must_use]
    pub fn shows_controllers(&self) -> bool {
        self.computers.values().any(|(_, object)| object.is_domain_controller())
    }

    /// The facts that state the computer object of `host`.
    #[must_use]
    pub fn facts(&self, host: HostId) -> &[FactId] {
        self.computers.get(&host).map_or(&[], |(ids, _)| ids)
    }

    /// The last change of the computer object of `host` that shows by exports that differ.
    #[must_use]
    pub fn revision(&self, host: HostId) -> Option<Revision> {
        self.revisions.get(&host).copied()
    }

    /// Whether the whole domain of `host` was exported, with the names of services in it.
    #[must_use]
    pub(super) fn is_whole(&self, host: HostId) -> bool {
        let Some(object) = self.computer(host).filter(|object| object.spns.known().is_some()) else {
            return false;
        };
        let domain = object.sid.as_ref().and_then(|sid| sid.as_str().rsplit_once('-'));
        domain.is_some_and(|(domain, _)| self.whole_domains.contains(domain))
    }

    /// Whether exports disagree about an attribute of `host` that decides delegation.
    #[must_use]
    pub fn is_contradictory(&self, host: HostId) -> bool {
        let disagrees = |object: &DirectoryObject| {
            object.user_account_control == Known::Unknown(Reason::Contradictory)
                || object.allowed_to_delegate_to == Known::Unknown(Reason::Contradictory)
                || object.allowed_to_act == Known::Unknown(Reason::Contradictory)
                || object.spns == Known::Unknown(Reason::Contradictory)
        };
        self.computer(host).is_some_and(disagrees)
    }

    /// Whether resource-based delegation on `target` lets `source` act for users.
    #[must_use]
    pub fn granted_by_target(&self, source: HostId, target: HostId) -> Known<bool> {
        let Some(object) = self.computer(target) else { return Known::Unknown(Reason::NoExport) };
        let trustees = match &object.allowed_to_act {
            Known::Known(trustees) => trustees,
            Known::Unknown(reason) => return Known::Unknown(*reason),
        };
        let answers: Vec<_> = trustees.iter().map(|trustee| self.is_covered(source, trustee)).collect();
        if answers.contains(&Known::Known(true)) {
            return Known::Known(true);
        }
        answers.into_iter().find(|answer| answer.known().is_none()).unwrap_or(Known::Known(false))
    }

    /// Whether an object that `trustee` names was seen in an export. That none was seen proves little: it may be a user
    /// or another object that nothing else speaks of, and exports leave out much.
    #[must_use]
    pub fn has_seen(&self, trustee: &Trustee) -> bool {
        let mut all = self.computers.values().map(|(_, object)| object).chain(&self.groups);
        match trustee {
            Trustee::Everyone => true,
            Trustee::Dn(dn) => self.is_exported(dn),
            // Others than S-1-5-21 are well known and have no object; so have 513 to 516 of every domain.
            Trustee::Sid(sid) => {
                let well_known = sid.as_str().rsplit_once('-').is_some_and(|(_, rid)| rid.len() < 4);
                !sid.as_str().starts_with("S-1-5-21-")
                    || well_known
                    || all.any(|object| object.sid.as_ref() == Some(sid))
            }
        }
    }

    /// Whether the whole domain of the object with `sid` was exported, so that a name that no object bears has none.
    #[must_use]
    pub fn is_whole_domain_of(&self, sid: &Sid) -> bool {
        sid.as_str().rsplit_once('-').is_some_and(|(domain, _)| self.whole_domains.contains(domain))
    }

    /// Whether an object called `dn` stands in an export.
    fn is_exported(&self, dn: &str) -> bool {
        self.names.contains(&dn.to_lowercase()) || self.bystanders.contains(dn)
    }

    /// A copy in which the computer object of `host` was changed by `change`: the plan's proof asks it.
    #[must_use]
    pub fn patched(&self, patches: &BTreeMap<HostId, impl Fn(&mut DirectoryObject)>) -> Self {
        let mut copy = self.clone();
        for (host, patch) in patches {
            if let Some((_, object)) = copy.computers.get_mut(host) {
                patch(object);
            }
        }
        copy
    }
}

/// Whether facts that join to one host are different objects: by SID, else by distinguished name.
fn different(objects: &[(FactId, &DirectoryObject)]) -> bool {
    let distinct = |key: &dyn Fn(&DirectoryObject) -> Option<String>| {
        let mut keys: Vec<_> = objects.iter().filter_map(|(_, object)| key(object)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.len() > 1
    };
    let all_have_sids = objects.iter().all(|(_, object)| object.sid.is_some());
    let by_dn = || distinct(&|object| object.dn.as_ref().map(|dn| dn.to_lowercase()));
    // An object that was moved keeps its SID.
    distinct(&|object| object.sid.as_ref().map(ToString::to_string)) || !all_have_sids && by_dn()
}

/// One object stated twice: the later statement wins where both say when they hold, else what both agree on.
fn merge(a: DirectoryObject, b: DirectoryObject) -> DirectoryObject {
    let later = match (a.when_changed, b.when_changed) {
        // Two states of one moment: nothing tells which held last.
        (Some(one), Some(other)) if one != other => Some(other > one),
        _ => None,
    };
    let when_changed = stated_at(&a, &b);
    DirectoryObject {
        dn: a.dn.or(b.dn),
        name: a.name.or(b.name),
        classes: if a.classes.is_empty() { b.classes } else { a.classes },
        account: a.account.or(b.account),
        dns_name: a.dns_name.or(b.dns_name),
        sid: a.sid.or(b.sid),
        user_account_control: agree(a.user_account_control, b.user_account_control, later),
        spns: agree(sorted(a.spns), sorted(b.spns), later),
        allowed_to_delegate_to: agree(
            sorted(a.allowed_to_delegate_to),
            sorted(b.allowed_to_delegate_to),
            later,
        ),
        allowed_to_act: agree(a.allowed_to_act, b.allowed_to_act, later),
        encryption_types: agree(a.encryption_types, b.encryption_types, later),
        operating_system: a.operating_system.or(b.operating_system),
        operating_system_version: a.operating_system_version.or(b.operating_system_version),
        when_changed,
        when_created: a.when_created.or(b.when_created),
        attribute_changes: latest(a.attribute_changes, b.attribute_changes),
        members: agree(a.members, b.members, later),
        primary_group: agree(a.primary_group, b.primary_group, later),
        member_of: agree(a.member_of, b.member_of, later),
    }
}

/// Since when the object is as the two statements of it say together: what only the earlier one states may have
/// changed since, so it dates both.
fn stated_at(a: &DirectoryObject, b: &DirectoryObject) -> Option<Timestamp> {
    let (earlier, later) = if a.when_changed <= b.when_changed { (a, b) } else { (b, a) };
    let only_earlier = [
        (earlier.user_account_control.known().is_some(), later.user_account_control.known().is_some()),
        (earlier.allowed_to_delegate_to.known().is_some(), later.allowed_to_delegate_to.known().is_some()),
        (earlier.allowed_to_act.known().is_some(), later.allowed_to_act.known().is_some()),
    ];
    let is_older = only_earlier.iter().any(|&(earlier, later)| earlier && !later);
    if is_older && earlier.when_changed.is_some() { earlier.when_changed } else { later.when_changed }
}

/// Of each attribute the later of two dates.
fn latest(
    mut one: BTreeMap<String, Timestamp>,
    other: BTreeMap<String, Timestamp>,
) -> BTreeMap<String, Timestamp> {
    for (name, time) in other {
        let known = one.entry(name).or_insert(time);
        *known = time.max(*known);
    }
    one
}

fn sorted(list: Known<Vec<String>>) -> Known<Vec<String>> {
    list.map(|mut values| {
        values.sort_unstable();
        values
    })
}

fn agree<T: PartialEq>(a: Known<T>, b: Known<T>, later: Option<bool>) -> Known<T> {
    match (a, b, later) {
        (Known::Known(a), Known::Known(b), _) if a == b => Known::Known(a),
        (Known::Known(_), Known::Known(b), Some(true)) => Known::Known(b),
        (Known::Known(a), Known::Known(_), Some(false)) => Known::Known(a),
        (Known::Known(_), Known::Known(_), None) => Known::Unknown(Reason::Contradictory),
        (Known::Known(value), Known::Unknown(_), _) | (Known::Unknown(_), Known::Known(value), _) => {
            Known::Known(value)
        }
        (unknown, Known::Unknown(_), _) => unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stated(when: i64, list: Option<&[&str]>) -> DirectoryObject {
        let list = list.map(|list| list.iter().map(|&name| name.to_owned()).collect());
        DirectoryObject {
            when_changed: Timestamp::from_second(when).ok(),
            allowed_to_delegate_to: list.map_or(Known::Unknown(Reason::NotAskedFor), Known::Known),
            ..DirectoryObject::default()
        }
    }

    #[test]
    fn of_two_states_of_one_moment_neither_holds() {
        for (a, b) in [(&["cifs/a"][..], &[][..]), (&[], &["cifs/a"])] {
            let merged = merge(stated(5, Some(a)), stated(5, Some(b)));
            assert_eq!(merged.allowed_to_delegate_to, Known::Unknown(Reason::Contradictory));
        }
        let later = merge(stated(6, Some(&[])), stated(5, Some(&["cifs/a"])));
        assert_eq!(later.allowed_to_delegate_to, Known::Known(Vec::new()));
    }

    /// A newer export that leaves delegation out does not make an older one's any newer.
    #[test]
    fn a_statement_is_as_old_as_what_only_it_says() {
        for (one, other) in [(stated(5, Some(&[])), stated(9, None)), (stated(9, None), stated(5, Some(&[])))]
        {
            assert_eq!(merge(one, other).when_changed, Timestamp::from_second(5).ok());
        }
        let newer = merge(stated(5, Some(&[])), stated(9, Some(&[])));
        assert_eq!(newer.when_changed, Timestamp::from_second(9).ok());
        assert_eq!(merge(stated(5, None), stated(9, None)).when_changed, Timestamp::from_second(9).ok());
    }

    #[test]
    fn statements_that_differ_are_unknown_unless_one_is_later() {
        assert_eq!(agree(Known::Known(1), Known::Known(2), None), Known::Unknown(Reason::Contradictory));
        assert_eq!(agree(Known::Known(1), Known::Known(2), Some(true)), Known::Known(2));
        assert_eq!(agree(Known::Unknown(Reason::NotAskedFor), Known::Known(2), None), Known::Known(2));
    }
}
