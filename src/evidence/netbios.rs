//! Names that NetBIOS cuts: a computer whose own name is longer than 15 characters goes by its account as well.

use std::collections::{BTreeMap, BTreeSet};

use crate::fact::{DirectoryObject, host_label as label};

/// The longest name that NetBIOS knows.
const LONGEST: usize = 15;

/// What Windows calls a computer whose name is too long for NetBIOS: its account, alone and in its domain, each with the
/// full name; lower-case. Cluster nodes and `Get-VMHost` go by it. A name that another computer bears in full, or that
/// several were cut to, is left out.
pub(super) fn cut_names(objects: &[&DirectoryObject]) -> BTreeMap<String, String> {
    let mut cut: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for object in objects {
        let account = object.account.as_deref().map(|account| account.trim_end_matches('$').to_lowercase());
        let (Some(account), Some(full)) = (account, object.full_name()) else { continue };
        if account.len() == LONGEST && label(&full).len() > LONGEST && label(&full).starts_with(&account) {
            let in_domain = full.split_once('.').map(|(_, domain)| format!("{account}.{domain}"));
            for name in in_domain.into_iter().chain([account]) {
                cut.entry(name).or_default().insert(full.clone());
            }
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
        cut_names(&objects.iter().collect::<Vec<_>>()).into_keys().collect()
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

    /// A renamed computer's account says nothing of the length of names, and a name borne in full is its bearer's.
    #[test]
    fn other_accounts_and_names_in_full_are_no_cut_names() {
        assert!(cut(&[("OLD-NAME-OF-15C$", "hv-a-frankfurt-main.contoso.com")]).is_empty());
        let whole = ("HYPERV-CLUSTER-$", "hyperv-cluster-.contoso.com");
        assert!(cut(&[whole, ("HYPERV-CLUSTER-$", "hyperv-cluster-one.contoso.com")]).is_empty());
    }
}
