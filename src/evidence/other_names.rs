//! Names of a computer beside its DNS name: the one that NetBIOS cuts after 15 characters, and the one in a domain that
//! its DNS name does not show.

use std::collections::{BTreeMap, BTreeSet};

use crate::fact::{DirectoryObject, domain_of, host_label as label};

/// The longest name that NetBIOS knows.
const LONGEST: usize = 15;

/// What Windows calls a computer beside its DNS name, each with the full name; lower-case. One whose name is too long for
/// NetBIOS goes by its account: cluster nodes and `Get-VMHost` have it so. One whose DNS name lies outside of its domain's
/// goes by its name in the domain. A name that another computer bears in full, or that means several, is left out.
pub(super) fn other_names(objects: &[&DirectoryObject]) -> BTreeMap<String, String> {
    let mut cut: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for object in objects {
        let account = object.account.as_deref().map(|account| account.trim_end_matches('$').to_lowercase());
        let (Some(account), Some(full)) = (account, object.full_name()) else { continue };
        let Some((own, suffix)) = full.split_once('.') else { continue };
        let is_cut = account.len() == LONGEST && own.len() > LONGEST && own.starts_with(&account);
        if !is_cut && account != own {
            continue;
        }
        let suffixes = [Some(suffix.to_owned()), object.dn.as_deref().and_then(domain_of)];
        let in_domain = suffixes.into_iter().flatten().map(|domain| format!("{account}.{domain}"));
        for name in in_domain.chain(is_cut.then(|| account.clone())).filter(|name| *name != full) {
            cut.entry(name).or_default().insert(full.clone());
        }
    }
    for full in objects.iter().filter_map(|object| object.full_name()) {
        cut.remove(label(&full));
        cut.remove(&full);
    }
    let only = |(name, full): (String, BTreeSet<String>)| {
        let mut full = full.into_iter();
        full.next().filter(|_| full.next().is_none()).map(|full| (name, full))
    };
    cut.into_iter().filter_map(only).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(computers: &[(&str, &str)]) -> Vec<String> {
        let object = |(account, full): &(&str, &str)| DirectoryObject {
            account: Some((*account).to_owned()),
            dns_name: Some((*full).to_owned()),
            ..DirectoryObject::default()
        };
        let objects: Vec<_> = computers.iter().map(object).collect();
        other_names(&objects.iter().collect::<Vec<_>>()).into_keys().collect()
    }

    const MAIN: (&str, &str) = ("HV-A-FRANKFURT-$", "Hv-A-Frankfurt-Main.contoso.com");

    #[test]
    fn an_account_that_was_cut_names_its_computer() {
        let short = ("HV01$", "hv01.contoso.com");
        assert_eq!(cut(&[MAIN, short]), ["hv-a-frankfurt-", "hv-a-frankfurt-.contoso.com"]);
    }

    #[test]
    fn two_domains_may_cut_two_names_alike() {
        let other = ("HV-A-FRANKFURT-$", "hv-a-frankfurt-test.fabrikam.com");
        assert_eq!(cut(&[MAIN, other]), ["hv-a-frankfurt-.contoso.com", "hv-a-frankfurt-.fabrikam.com"]);
    }

    #[test]
    fn a_name_in_the_domain_means_the_computer_with_another_suffix() {
        let apart = DirectoryObject {
            dn: Some("CN=HV01,OU=Hyper-V,DC=contoso,DC=com".to_owned()),
            account: Some("HV01$".to_owned()),
            dns_name: Some("hv01.lab.example".to_owned()),
            ..DirectoryObject::default()
        };
        let names = other_names(&[&apart]);
        assert_eq!(names.get("hv01.contoso.com").map(String::as_str), Some("hv01.lab.example"));
        assert_eq!(names.len(), 1);
    }

    /// A renamed computer's account says nothing of the length of names, and a name borne in full is its bearer's.
    #[test]
    fn other_accounts_and_names_in_full_are_no_other_names() {
        assert!(cut(&[("OLD-NAME-OF-15C$", "hv-a-frankfurt-main.contoso.com")]).is_empty());
        let whole = ("HYPERV-CLUSTER-$", "hyperv-cluster-.contoso.com");
        assert!(cut(&[whole, ("HYPERV-CLUSTER-$", "hyperv-cluster-one.contoso.com")]).is_empty());
    }
}
