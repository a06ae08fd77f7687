//! What a directory object says of itself, read off its own attributes alone.

use jiff::Timestamp;

use super::{DirectoryObject, Spn};

/// userAccountControl: the account of a domain controller ([MS-ADTS] 2.2.16, SERVER_TRUST_ACCOUNT).
const DOMAIN_CONTROLLER: u32 = 0x2000;
/// userAccountControl: ACCOUNTDISABLE.
pub const DISABLED: u32 = 0x2;
/// userAccountControl: accounts of workstations, servers and domain controllers, writable or not.
const MACHINE: u32 = 0x1000 | DOMAIN_CONTROLLER | 0x0400_0000;

impl DirectoryObject {
    /// Whether one of its classes is `name`, compared without case.
    #[must_use]
    pub fn has_class(&self, name: &str) -> bool {
        self.classes.iter().any(|class| class.eq_ignore_ascii_case(name))
    }

    /// Whether it is a computer, by its class, or by the machine bits of its userAccountControl.
    #[must_use]
    pub fn is_computer(&self) -> bool {
        self.has_class("computer")
            || self.account.as_deref().is_some_and(|account| account.ends_with('$'))
                && !self.has_class("msDS-GroupManagedServiceAccount")
            || self.user_account_control.known().is_some_and(|bits| bits & MACHINE != 0)
            || self.classes.is_empty() && self.dns_name.is_some()
    }

    /// Whether it is a server whose services the export does not state: it may be a Hyper-V host.
    #[must_use]
    pub fn is_unknown_server(&self) -> bool {
        self.operating_system.as_deref().is_some_and(|name| name.contains("Server"))
            && self.spns.known().is_none()
    }

    /// Whether it makes a host although nothing else names it: it holds a name of live migration, or it is a
    /// domain controller.
    #[must_use]
    pub fn makes_a_host(&self) -> bool {
        self.migration_hosts().next().is_some() || self.is_domain_controller()
    }

    /// Whether it has registered live migration under a name of its own. One that holds another host's name is what
    /// is left of that host, or a mistake.
    #[must_use]
    pub fn registers_migration(&self) -> bool {
        self.migration_hosts().any(|name| self.bears(name))
    }

    /// The hosts in whose names it has registered live migration.
    fn migration_hosts(&self) -> impl Iterator<Item = &str> {
        self.spns.known().into_iter().flatten().filter_map(|spn| Spn::migration_host(spn))
    }

    /// Whether `name` is one of its own; of an object without any nobody knows. An account's name is cut to 15
    /// characters, so a longer one is compared in full where the object states its DNS name or its common name.
    #[must_use]
    pub fn bears(&self, name: &str) -> bool {
        let name = host_name(name);
        let account = self.account.as_deref().map(|account| host_name(account.trim_end_matches('$')));
        let long = [&self.dns_name, &self.name].into_iter().flatten().map(|own| host_name(own));
        let own: Vec<_> = long.chain(account).collect();
        let fits = |own: &String| {
            *own == name
                || host_label(own) == name
                || host_label(&name) == *own && (self.dns_name.is_none() || !name.contains('.'))
        };
        own.is_empty() || own.iter().any(fits)
    }

    /// Whether its account is known to be disabled.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        self.user_account_control.known().is_some_and(|bits| bits & DISABLED != 0)
    }

    /// Whether it is the name of a cluster, or of a role in one, which no machine bears.
    #[must_use]
    pub fn is_cluster_name(&self) -> bool {
        let is_virtual = |spn: &String| {
            spn.split_once('/').is_some_and(|(class, _)| class.eq_ignore_ascii_case("MSClusterVirtualServer"))
        };
        self.spns.known().is_some_and(|spns| spns.iter().any(is_virtual))
    }

    /// Whether it is the account of a domain controller.
    #[must_use]
    pub fn is_domain_controller(&self) -> bool {
        self.user_account_control.known().is_some_and(|bits| bits & DOMAIN_CONTROLLER != 0)
    }

    /// The DNS name, else the account's name in the domain of its distinguished name; lower-case.
    #[must_use]
    pub fn full_name(&self) -> Option<String> {
        let stated = self.dns_name.as_deref().map(host_name).filter(|name| name.contains('.'));
        stated.or_else(|| {
            let domain = domain_of(self.dn.as_deref()?)?;
            let name = self.name.as_deref().or(self.account.as_deref())?.trim_end_matches('$');
            Some(format!("{}.{domain}", host_name(name)))
        })
    }

    /// Since when what it says of delegation, of its names and of its use is as it says: the last change of those
    /// attributes where that is stated, else that of any attribute.
    #[must_use]
    pub fn unchanged_since(&self) -> Option<Timestamp> {
        self.attribute_changes.values().max().copied().or(self.when_changed)
    }

    /// Whether it is a deleted object, of which only a name is left ([MS-ADTS] 3.1.1.5.5.1.1).
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        let is_tombstone = self.dn.as_deref().is_some_and(|dn| {
            let dn = dn.to_lowercase();
            dn.contains("\\0adel:") || dn.contains(",cn=deleted objects,")
        });
        // PowerShell writes the name's line feed as it is.
        is_tombstone || self.name.as_deref().is_some_and(|name| name.contains("\nDEL:"))
    }

    /// The domain's part of its SID, where the SID is that of Domain Users or Domain Computers: both stand in
    /// every export of a whole domain.
    #[must_use]
    pub fn shows_whole_domain(&self) -> Option<&str> {
        let (domain, rid) = self.sid.as_ref()?.as_str().rsplit_once('-')?;
        matches!(rid, "513" | "515").then_some(domain)
    }
}

/// A host's name as names are compared: lower-case, without a final dot.
#[must_use]
pub fn host_name(name: &str) -> String {
    name.trim().trim_end_matches('.').to_lowercase()
}

/// The first label of a host's name.
#[must_use]
pub fn host_label(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

/// `contoso.com` of `CN=HV01,OU=Hyper-V,DC=contoso,DC=com`, lower-case.
#[must_use]
pub fn domain_of(dn: &str) -> Option<String> {
    let labels: Vec<_> = dn
        .split(',')
        .filter_map(|part| part.trim().split_once('='))
        .filter(|(kind, _)| kind.eq_ignore_ascii_case("dc"))
        .map(|(_, label)| label.to_lowercase())
        .collect();
    (!labels.is_empty()).then(|| labels.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_read_off_a_name_with_escapes() {
        assert_eq!(
            domain_of("CN=HV11,OU=Zürich\\, Süd,DC=Contoso,DC=local").as_deref(),
            Some("contoso.local")
        );
        assert_eq!(domain_of("CN=HV11"), None);
    }

    fn object(account: &str, name: Option<&str>, dns: Option<&str>) -> DirectoryObject {
        DirectoryObject {
            account: Some(account.to_owned()),
            name: name.map(str::to_owned),
            dns_name: dns.map(str::to_owned),
            ..DirectoryObject::default()
        }
    }

    #[test]
    fn a_name_of_its_own_is_not_foreign_however_long_or_spelt() {
        let long =
            object("CLUSTERNODE-WES$", Some("CLUSTERNODE-WEST01"), Some("clusternode-west01.contoso.com"));
        for own in
            ["CLUSTERNODE-WEST01", "ClusterNode-West01.CONTOSO.com", "clusternode-wes", "clusternode-west01."]
        {
            assert!(long.bears(own), "{own}");
        }
        for other in ["clusternode-west02", "clusternode-west01.fabrikam.com", "HV02"] {
            assert!(!long.bears(other), "{other}");
        }
        let bare = object("HV01$", None, None);
        assert!(bare.bears("hv01.contoso.com") && !bare.bears("hv02.contoso.com"));
        assert!(DirectoryObject::default().bears("HV01"));
    }
}
