//! What a directory object says of itself, read off its own attributes alone.

use jiff::Timestamp;

use super::{DirectoryObject, Spn};

/// userAccountControl: the account of a domain controller ([MS-ADTS] 2.2.16, SERVER_TRUST_ACCOUNT).
const DOMAIN_CONTROLLER: u32 = 0x2000;
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

    /// Whether it makes a host although nothing else names it: it has registered live migration, or it is a
    /// domain controller.
    #[must_use]
    pub fn makes_a_host(&self) -> bool {
        self.has_migration_spn() || self.is_domain_controller()
    }

    /// Whether it has registered live migration.
    #[must_use]
    pub fn has_migration_spn(&self) -> bool {
        self.spns.known().is_some_and(|spns| spns.iter().any(|spn| Spn::migration_host(spn).is_some()))
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
        self.dn.as_deref().is_some_and(|dn| {
            let dn = dn.to_lowercase();
            dn.contains("\\0adel:") || dn.contains(",cn=deleted objects,")
        })
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
}
