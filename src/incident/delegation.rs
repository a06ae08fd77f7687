//! Need against have: what a source's computer object lets it do, and what a target asks for.
//!
//! A pure function of the directory, so that a plan can be proven by asking it again of a patched one.

use crate::evidence::{Directory, HostId, Hosts};
use crate::fact::{DirectoryObject, Known, Reason, Spn};

/// userAccountControl: TRUSTED_FOR_DELEGATION ([MS-ADTS] 2.2.16).
pub const UNCONSTRAINED: u32 = 0x8_0000;
/// userAccountControl: TRUSTED_TO_AUTH_FOR_DELEGATION.
pub const PROTOCOL_TRANSITION: u32 = 0x100_0000;

/// What the tab Delegation of a computer object shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Do not trust this computer for delegation.
    None,
    /// Trust it for delegation to any service.
    Unconstrained,
    /// Specified services only, Kerberos only.
    KerberosOnly,
    /// Specified services only, any authentication protocol.
    AnyProtocol,
    /// The export does not say.
    Unknown,
}

/// How much of what a target needs stands on a source's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coverage {
    /// No form of the target's name.
    None,
    /// One form of two.
    Partial,
    /// Every form that the target registers.
    Full,
}

/// The mode, read off the bits as the directory's own tools do.
#[must_use]
pub fn mode(object: Option<&DirectoryObject>) -> Mode {
    let Some(bits) = object.and_then(|object| object.user_account_control.known()) else {
        return Mode::Unknown;
    };
    if bits & UNCONSTRAINED != 0 {
        return Mode::Unconstrained;
    }
    if bits & PROTOCOL_TRANSITION != 0 {
        return Mode::AnyProtocol;
    }
    match object.and_then(|object| object.allowed_to_delegate_to.known()) {
        Some(list) if list.is_empty() => Mode::None,
        Some(_) => Mode::KerberosOnly,
        None => Mode::Unknown,
    }
}

/// The host names for which `object` has registered the migration service; as spelt.
#[must_use]
pub fn migration_names(object: &DirectoryObject) -> Known<Vec<String>> {
    object
        .spns
        .clone()
        .map(|spns| spns.iter().filter_map(|spn| Spn::migration_host(spn)).map(str::to_owned).collect())
}

/// The forms of a target's name that belong on a source's list: short account name and full DNS name, in the target's
/// own spelling where it registers them; between them the first label of the DNS name, where it registers that as well
/// and its account is cut. Names of others that it registers too are no forms of its own.
#[must_use]
pub fn forms(target: HostId, hosts: &Hosts, directory: &Directory) -> Vec<String> {
    let object = directory.computer(target);
    let host = hosts.get(target);
    let account = object
        .and_then(|object| object.account.as_deref())
        .map(|account| account.trim_end_matches('$').to_owned());
    let label = || host.map(|host| host.name.split('.').next().unwrap_or_default().to_owned());
    let full =
        object.and_then(|object| object.dns_name.clone()).or_else(|| host.and_then(|host| host.fqdn.clone()));
    let registered = object.and_then(|object| migration_names(object).known().cloned()).unwrap_or_default();
    let spelt =
        |name: String| registered.iter().find(|own| own.eq_ignore_ascii_case(&name)).cloned().unwrap_or(name);
    let uncut = full.as_deref().and_then(|full| full.split('.').next()).map(str::to_owned);
    let uncut = uncut.filter(|name| registered.iter().any(|own| own.eq_ignore_ascii_case(name)));
    let names = account.or_else(label).into_iter().chain(uncut).chain(full);
    let mut forms: Vec<String> = names.map(spelt).collect();
    forms.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
    forms
}

/// Migration SPNs for `target` that `source`'s list lacks, in both forms.
pub(super) fn missing_spns(
    source: HostId,
    target: HostId,
    hosts: &Hosts,
    directory: &Directory,
) -> Known<Vec<String>> {
    let Some(object) = directory.computer(source) else { return Known::Unknown(Reason::NoExport) };
    let forms = forms(target, hosts, directory);
    object
        .allowed_to_delegate_to
        .clone()
        .map(|list| forms.iter().map(|form| Spn::migration(form)).filter(|spn| !holds(&list, spn)).collect())
}

/// Whether `spn` stands on a list. A blank at the end of a value makes it another name: a domain controller compares
/// them whole, without case.
#[must_use]
pub fn holds(list: &[String], spn: &str) -> bool {
    list.iter().any(|own| own.eq_ignore_ascii_case(spn))
}

/// Whether both objects stand in one domain; classic delegation ends at its border.
pub(super) fn same_domain(
    source: HostId,
    target: HostId,
    hosts: &Hosts,
    directory: &Directory,
) -> Known<bool> {
    let object = |host: HostId| directory.computer(host);
    let by_dn = |host: HostId| object(host)?.dn.as_deref().and_then(crate::fact::domain_of);
    let by_sid = |host: HostId| Some(object(host)?.sid.as_ref()?.as_str().rsplit_once('-')?.0.to_owned());
    let by_name =
        |host: HostId| hosts.get(host)?.fqdn.as_deref()?.split_once('.').map(|(_, domain)| domain.to_owned());
    let stated = by_dn(source).zip(by_dn(target)).or_else(|| by_sid(source).zip(by_sid(target)));
    match (stated, by_name(source).zip(by_name(target))) {
        (Some((one, other)), _) => Known::Known(one == other),
        // One domain can hold several DNS suffixes, so a difference in names proves nothing.
        (None, Some((one, other))) if one == other => Known::Known(true),
        _ => Known::Unknown(Reason::NoExport),
    }
}

/// How much of what `target` registers of its own names stands on `source`'s list. A target that registers none needs
/// all of them.
pub(super) fn coverage(
    source: HostId,
    target: HostId,
    hosts: &Hosts,
    directory: &Directory,
) -> Known<Coverage> {
    let Some(object) = directory.computer(source) else { return Known::Unknown(Reason::NoExport) };
    if same_domain(source, target, hosts, directory) == Known::Known(false) {
        return Known::Known(Coverage::None);
    }
    let registered = directory
        .computer(target)
        .and_then(|object| migration_names(object).known().cloned())
        .unwrap_or_default();
    let mut needed = forms(target, hosts, directory);
    let is_registered = |form: &String| registered.iter().any(|own| own.eq_ignore_ascii_case(form));
    if needed.iter().any(is_registered) {
        needed.retain(is_registered);
    }
    object.allowed_to_delegate_to.clone().map(|list| {
        let held = needed.iter().filter(|form| holds(&list, &Spn::migration(form))).count();
        match held {
            0 => Coverage::None,
            _ if held == needed.len() => Coverage::Full,
            _ => Coverage::Partial,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(bits: u32, list: &[&str]) -> DirectoryObject {
        let list = list.iter().map(|&spn| spn.to_owned()).collect();
        DirectoryObject {
            user_account_control: Known::Known(bits),
            allowed_to_delegate_to: Known::Known(list),
            ..DirectoryObject::default()
        }
    }

    #[test]
    fn a_value_that_ends_in_a_blank_is_another_name() {
        let list = ["cifs/HV02 ".to_owned(), "CIFS/hv03".to_owned()];
        assert!(holds(&list, "cifs/HV03") && !holds(&list, "cifs/HV02"));
    }

    #[test]
    fn the_mode_is_read_off_the_bits() {
        let of = |bits, list: &[&str]| mode(Some(&object(bits, list)));
        assert_eq!(of(0x1000, &[]), Mode::None);
        assert_eq!(of(0x1000, &["cifs/x"]), Mode::KerberosOnly);
        assert_eq!(of(0x1000 | PROTOCOL_TRANSITION, &[]), Mode::AnyProtocol);
        assert_eq!(of(0x1000 | PROTOCOL_TRANSITION | UNCONSTRAINED, &["cifs/x"]), Mode::Unconstrained);
        assert_eq!(mode(None), Mode::Unknown);
    }
}
