//! Directory objects that nothing else in a bundle speaks of, reduced to what conclusions can rest on.
//!
//! A dump of a forest holds a million of them, so of each stay at most a few numbers: a hash of its name, so that
//! a member of a group can be told from a name that the export lacks, and hashes of what would make it matter after
//! all. What is *not* done here: choosing (see [`crate::parse`]).

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hasher};

use super::DirectoryObject;
use super::object::{domain_of, host_label, host_name};

/// Objects of a directory export that were passed over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bystanders {
    /// How many.
    pub objects: u64,
    /// Their DNS domains.
    pub domains: BTreeSet<String>,
    /// SID prefixes of the domains that were exported whole: their group Domain Users or Domain Computers is there.
    pub whole_domains: BTreeSet<String>,
    /// One of them is a server whose services the export does not state.
    pub has_unknown_servers: bool,
    names: Vec<Key>,
    handles: Vec<Key>,
}

/// A hash by which names are compared. It differs between versions of the program and is never shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(u64);

impl Key {
    /// The key of a text, which is compared without case.
    #[must_use]
    pub fn of(text: &str) -> Self {
        if text.bytes().any(|byte| !byte.is_ascii() || byte.is_ascii_uppercase()) {
            Self::of_lower(text.to_lowercase().as_bytes())
        } else {
            Self::of_lower(text.as_bytes())
        }
    }

    /// The key of a text that is lower-case already.
    #[must_use]
    pub fn of_lower(text: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(text);
        Self(hasher.finish())
    }
}

impl Bystanders {
    /// Adds an object that was not even built: the keys of its distinguished name and, of a computer, of the first
    /// label of its name.
    pub fn add_keys(&mut self, dn: Option<Key>, label: Option<Key>) {
        self.objects += 1;
        self.names.extend(dn);
        self.handles.extend(label);
    }

    /// Adds an object that is passed over. Whether it is a server whose services are not stated is left to the
    /// caller, for that may show later.
    pub fn add(&mut self, object: &DirectoryObject) {
        self.objects += 1;
        self.whole_domains.extend(object.shows_whole_domain().map(str::to_owned));
        if let Some(dn) = &object.dn {
            self.domains.extend(domain_of(dn));
            self.names.push(Key::of(dn));
        }
        if object.is_computer() {
            let account = || Some(host_name(object.account.as_deref()?.trim_end_matches('$')));
            let name = object.full_name().or_else(account);
            self.handles.extend(name.map(|name| Key::of(host_label(&name))));
        } else if object.has_class("group") {
            self.handles.extend(object.sid.as_ref().map(|sid| Key::of(sid.as_str())));
            self.handles.extend(object.dn.as_deref().map(Key::of));
        }
    }

    /// The same in an order that does not tell when each was passed over.
    #[cfg(test)]
    pub(crate) fn in_order(mut self) -> Self {
        self.names.sort_unstable();
        self.handles.sort_unstable();
        self
    }

    /// Adds those of another source.
    pub fn join(&mut self, mut other: Self) {
        self.objects += other.objects;
        self.domains.append(&mut other.domains);
        self.whole_domains.append(&mut other.whole_domains);
        self.has_unknown_servers |= other.has_unknown_servers;
        self.names.append(&mut other.names);
        self.handles.append(&mut other.handles);
    }

    /// Whether something would make one of them matter: the first label of a computer's name, the SID or the
    /// distinguished name of a group.
    pub fn any(&self, is_wanted: impl Fn(Key) -> bool) -> bool {
        self.handles.iter().any(|key| is_wanted(*key))
    }

    /// The names of all of them, for asking whether an object was exported at all.
    #[must_use]
    pub fn into_names(self) -> Names {
        let mut names = self.names;
        names.sort_unstable();
        Names(names.into())
    }
}

/// Distinguished names, each known by its hash.
#[derive(Debug, Clone, Default)]
pub struct Names(std::sync::Arc<[Key]>);

impl Names {
    /// Whether `dn` is among them, compared without case.
    #[must_use]
    pub fn contains(&self, dn: &str) -> bool {
        self.0.binary_search(&Key::of(dn)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_ignore_case() {
        assert_eq!(Key::of("CN=Zürich,DC=X"), Key::of("cn=ZÜRICH,dc=x"));
        assert_eq!(Key::of("HV01"), Key::of_lower(b"hv01"));
        assert_ne!(Key::of("hv01"), Key::of("hv02"));
    }

    #[test]
    fn who_is_passed_over_can_be_asked_for() {
        let mut all = Bystanders::default();
        let dn = |name: &str| Some(format!("CN={name},OU=x,DC=contoso,DC=com"));
        let classes = |class: &str| vec![class.to_owned()];
        all.add(&DirectoryObject {
            dn: dn("PC1"),
            name: Some("PC1".into()),
            classes: classes("computer"),
            ..DirectoryObject::default()
        });
        all.add(&DirectoryObject {
            dn: dn("Group"),
            classes: classes("group"),
            ..DirectoryObject::default()
        });
        assert!(all.any(|key| key == Key::of("pc1")));
        assert!(all.any(|key| key == Key::of("cn=group,ou=x,dc=contoso,dc=com")));
        assert!(!all.any(|key| key == Key::of("cn=pc1,ou=x,dc=contoso,dc=com")));
        assert_eq!((all.objects, all.domains.first().map(String::as_str)), (2, Some("contoso.com")));
        let names = all.into_names();
        assert!(names.contains("cn=pc1,OU=x,DC=contoso,DC=com") && !names.contains("CN=PC2"));
    }
}
