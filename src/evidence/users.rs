//! Users of the directory and whether they may be delegated at all.
//!
//! What is *not* done here: nested groups. Who stands in Protected Users through another group is not told from who
//! does not, so nobody is cleared by a group that holds groups.

use std::collections::{BTreeMap, BTreeSet};

use super::FactId;
use crate::fact::{DirectoryObject, Fact, Known, Observation, Reason, domain_of};

/// userAccountControl: "account is sensitive and cannot be delegated" ([MS-ADTS] 2.2.16, NOT_DELEGATED).
const NOT_DELEGATED: u32 = 0x10_0000;
/// The relative id of Protected Users.
const PROTECTED_USERS: &str = "-525";

/// Every user that an export states, by account name in lower case.
#[derive(Debug, Default)]
pub struct Users(BTreeMap<String, Vec<User>>);

/// A user of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// What states it.
    pub fact: FactId,
    /// The domain that holds it.
    domain: Option<String>,
    /// Known to be sensitive or in Protected Users, or known not to be.
    pub is_protected: Known<bool>,
}

impl Users {
    pub(super) fn gather(facts: &[Fact]) -> Self {
        let objects = || {
            facts.iter().enumerate().filter_map(|(index, fact)| match &fact.observation {
                Observation::Directory(object) => Some((FactId(index), &**object)),
                _ => None,
            })
        };
        let is_protecting = |object: &DirectoryObject| {
            object.has_class("group")
                && object.sid.as_ref().is_some_and(|sid| sid.as_str().ends_with(PROTECTED_USERS))
        };
        let (mut groups, mut members) = (BTreeSet::new(), BTreeSet::new());
        for (_, group) in objects().filter(|(_, object)| is_protecting(object)) {
            groups.extend(group.dn.as_ref().map(|dn| dn.to_lowercase()));
            members.extend(group.members.known().into_iter().flatten().map(|dn| dn.to_lowercase()));
        }
        let mut users = Self::default();
        let is_user = |object: &DirectoryObject| object.has_class("user") && !object.is_computer();
        for (fact, object) in objects().filter(|(_, object)| is_user(object)) {
            let Some(account) = &object.account else { continue };
            let domain = object.dn.as_deref().and_then(domain_of);
            let user = User { fact, domain, is_protected: is_protected(object, &groups, &members) };
            users.0.entry(account.to_lowercase()).or_default().push(user);
        }
        users
    }

    /// The user whose account is called `name`, with or without its domain, where one object alone bears it. A user of
    /// another domain is not that of this one, whoever bears the name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&User> {
        let (domain, rest) =
            name.rsplit_once('\\').map_or((None, name), |(domain, rest)| (Some(domain), rest));
        let (account, realm) =
            rest.split_once('@').map_or((rest, domain), |(account, realm)| (account, Some(realm)));
        let is_of = |user: &User, realm: &str| {
            let own = user.domain.as_deref().unwrap_or(realm);
            // Before the backslash stands a short name, by default the first label.
            let own = if realm.contains('.') { own } else { own.split('.').next().unwrap_or(own) };
            own.eq_ignore_ascii_case(realm.trim())
        };
        match self.0.get(&account.trim().to_lowercase())?.as_slice() {
            [only] => Some(only).filter(|only| realm.is_none_or(|realm| is_of(only, realm))),
            _ => None,
        }
    }
}

fn is_protected(
    object: &DirectoryObject,
    groups: &BTreeSet<String>,
    members: &BTreeSet<String>,
) -> Known<bool> {
    let sensitive = object.user_account_control.known().map(|bits| bits & NOT_DELEGATED != 0);
    let listed = object.dn.as_ref().is_some_and(|dn| members.contains(&dn.to_lowercase()));
    let by_name = |dn: &str| dn.to_lowercase().starts_with("cn=protected users,");
    let of = object.member_of.known();
    let stated = of.is_some_and(|of| of.iter().any(|dn| by_name(dn) || groups.contains(&dn.to_lowercase())));
    match (sensitive, of) {
        (Some(true), _) => Known::Known(true),
        _ if listed || stated => Known::Known(true),
        (Some(false), Some(of)) if of.is_empty() => Known::Known(false),
        _ => Known::Unknown(Reason::NotAskedFor),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Origin, Position, Sid, SourceId};

    fn user(name: &str, bits: u32, of: &[&str]) -> DirectoryObject {
        DirectoryObject {
            dn: Some(format!("CN={name},DC=x")),
            classes: vec!["user".into()],
            account: Some(name.into()),
            user_account_control: Known::Known(bits),
            member_of: Known::Known(of.iter().map(|&dn| dn.to_owned()).collect()),
            ..DirectoryObject::default()
        }
    }

    #[test]
    fn sensitive_and_protected_users_are_told_from_others() {
        let group = DirectoryObject {
            dn: Some("CN=Geschützte Benutzer,DC=x".into()),
            classes: vec!["group".into()],
            sid: Sid::from_text("S-1-5-21-1-2-3-525"),
            members: Known::Known(vec!["CN=Listed,DC=x".into()]),
            ..DirectoryObject::default()
        };
        let all = [
            group,
            user("sensitive", 0x10_0200, &[]),
            user("listed", 0x200, &[]),
            user("member", 0x200, &["CN=Geschützte Benutzer,DC=x"]),
            user("plain", 0x200, &[]),
            user("nested", 0x200, &["CN=Admins,DC=x"]),
            user("twice", 0x10_0200, &[]),
            user("twice", 0x200, &[]),
        ];
        let origin = Origin { source: SourceId(0), at: Position::Line(1) };
        let fact =
            |object: DirectoryObject| Fact { origin, observation: Observation::Directory(Box::new(object)) };
        let users = Users::gather(&all.map(fact));
        let of = |name: &str| users.find(name).map(|user| user.is_protected.known().copied());
        for name in ["sensitive", "X\\Listed", "member@x"] {
            assert_eq!(of(name), Some(Some(true)), "{name}");
        }
        assert_eq!((of("plain"), of("nested"), of("twice")), (Some(Some(false)), Some(None), None));
        assert_eq!((of("member@y.com"), of("Y\\listed")), (None, None));
    }
}
