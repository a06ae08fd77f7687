//! The facts that a rule may name, and the gap that an unknown one leaves.
//!
//! A rule that names anything else is refused when it is loaded, so a misspelt fact can't hide behind
//! `|| true`. The values are derived in [`crate::diagnose`].

/// The type of a fact's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// A word.
    Text,
    /// Words.
    List,
}

impl Kind {
    /// What is to be written for it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Int => "a whole number",
            Self::Text => "a text",
            Self::List => "a list of texts",
        }
    }
}

/// A fact that rules may name.
#[derive(Debug, PartialEq, Eq)]
pub struct FactName {
    /// `pair`, `host` (named `source` and `target` in a rule) or `incident`.
    pub of: &'static str,
    /// The name behind the dot.
    pub name: &'static str,
    /// The type.
    pub kind: Kind,
    /// The id of the gap that an unknown value leaves; a trailing `:` takes a host's name.
    pub gap: &'static str,
    /// What it says.
    pub about: &'static str,
}

const fn fact(
    of: &'static str,
    name: &'static str,
    kind: Kind,
    gap: &'static str,
    about: &'static str,
) -> FactName {
    FactName { of, name, kind, gap, about }
}

/// Every fact that a rule may name.
pub const FACTS: &[FactName] = &[
    fact(
        "incident",
        "attempts",
        Kind::Int,
        "hyperv-log:",
        "live migrations seen; unknown without any Hyper-V log",
    ),
    fact("incident", "failed", Kind::Int, "hyperv-log:", "of them failed"),
    fact("incident", "succeeded", Kind::Int, "hyperv-log:", "of them succeeded"),
    fact("incident", "unclassified", Kind::Int, "hyperv-log:", "failed ones that name no class of failure"),
    fact(
        "incident",
        "unmet",
        Kind::Int,
        "delegation-attributes",
        "pairs that need delegation and are known not to have it",
    ),
    fact(
        "incident",
        "all_seen",
        Kind::Bool,
        "hyperv-log:",
        "of every host of a pair in question a log of Hyper-V was sent; unknown otherwise",
    ),
    fact("pair", "failed", Kind::Int, "hyperv-log:", "failed migrations from source to target"),
    fact("pair", "succeeded", Kind::Int, "hyperv-log:", "successful ones"),
    fact("pair", "classes", Kind::List, "hyperv-log:", "the classes of the failed ones"),
    fact(
        "pair",
        "worked_unchanged",
        Kind::Bool,
        "delegation-attributes",
        "a migration succeeded before the failures, when both objects already were as the export shows them",
    ),
    fact(
        "pair",
        "hides_class",
        Kind::Bool,
        "hyperv-log:",
        "false where every failure names its class by itself; unknown where one may hide another class",
    ),
    fact(
        "pair",
        "refused",
        Kind::Bool,
        "hyperv-log:",
        "the failures that name the network are refused connections (0x8007274D), every one, and the target was not reached since the first",
    ),
    fact(
        "pair",
        "refused_by_setting",
        Kind::Bool,
        "host-export",
        "the connections were refused, and the target's export says that it takes no migrations; false where none says so",
    ),
    fact(
        "pair",
        "needs_delegation",
        Kind::Bool,
        "cluster-nodes",
        "the moves run under a user's identity and the source is not set to CredSSP",
    ),
    fact(
        "pair",
        "coverage",
        Kind::Text,
        "delegation-attributes",
        "how much of what the target needs is on the source's list: none, partial (one form of the name), full",
    ),
    fact(
        "pair",
        "granted_by_target",
        Kind::Bool,
        "delegation-attributes",
        "resource-based delegation on the target names the source",
    ),
    fact("pair", "same_domain", Kind::Bool, "directory-export", "both computer objects stand in one domain"),
    fact(
        "pair",
        "moved_since_failure",
        Kind::Bool,
        "hyperv-log:",
        "a migration succeeded after one had failed to authenticate by delegation, so it worked without any change seen",
    ),
    fact(
        "pair",
        "kdc_refused",
        Kind::Int,
        "security-log:DC",
        "delegated ticket requests of the source that a domain controller refused (4769, S4U2Proxy, status 0xD)",
    ),
    fact(
        "pair",
        "kdc_unknown_service",
        Kind::Int,
        "security-log:DC",
        "ticket requests for the target's service that no account answers to (status 0x7)",
    ),
    fact(
        "pair",
        "kdc_clock",
        Kind::Int,
        "security-log:DC",
        "ticket requests of either host refused for the clock (status 0x25)",
    ),
    fact(
        "pair",
        "kdc_account",
        Kind::Int,
        "security-log:DC",
        "ticket requests of either host refused for the account (status 0x12, 0x17, 0x18)",
    ),
    fact(
        "pair",
        "network_trouble",
        Kind::Int,
        "system-log:",
        "cluster network events of either host near a failure (1126–1130, 1135, 1650)",
    ),
    fact(
        "pair",
        "storage_trouble",
        Kind::Int,
        "system-log:",
        "cluster storage events of the target near a failure (5120, 5142)",
    ),
    fact(
        "pair",
        "clock_difference",
        Kind::Int,
        "hyperv-log:",
        "seconds between the two ends' records of the same failures",
    ),
    fact(
        "host",
        "migration_authentication",
        Kind::Text,
        "host-export",
        "kerberos or credssp, from Get-VMHost",
    ),
    fact(
        "host",
        "uses_kerberos",
        Kind::Bool,
        "host-export",
        "the host authenticates migrations with Kerberos: by Get-VMHost, or by a domain controller's S4U refusal for it",
    ),
    fact(
        "host",
        "accepts_migrations",
        Kind::Bool,
        "host-export",
        "live migration is switched on (VirtualMachineMigrationEnabled of Get-VMHost)",
    ),
    fact("host", "allowed_to_delegate_to", Kind::List, "delegation-attributes", "msDS-AllowedToDelegateTo"),
    fact(
        "host",
        "unconstrained",
        Kind::Bool,
        "delegation-attributes",
        "trusted for delegation to any service (userAccountControl 0x80000)",
    ),
    fact(
        "host",
        "protocol_transition",
        Kind::Bool,
        "delegation-attributes",
        "use any authentication protocol (userAccountControl 0x1000000)",
    ),
    fact("host", "enabled", Kind::Bool, "directory-export", "the computer account is enabled"),
    fact(
        "host",
        "migration_spns",
        Kind::List,
        "delegation-attributes",
        "host names for which the migration service is registered",
    ),
    fact("host", "version", Kind::Int, "system-log:", "year of the Windows Server version"),
    fact("host", "credential_guard", Kind::Bool, "system-log:", "Credential Guard runs"),
    fact(
        "host",
        "clock_trouble",
        Kind::Int,
        "system-log:",
        "clock events of the host (Time-Service 34; Kerberos 5)",
    ),
    fact(
        "host",
        "secure_channel_trouble",
        Kind::Int,
        "system-log:",
        "events that say that the host's account was refused (NETLOGON 3210, 5805)",
    ),
    fact(
        "host",
        "spn_registration_failures",
        Kind::Int,
        "hyperv-log:",
        "failed registrations of a service principal name (VMMS 14050)",
    ),
];

/// Which facts the variable `name` of a condition holds.
#[must_use]
pub fn owner(name: &str) -> Option<&'static str> {
    match name {
        "source" | "target" => Some("host"),
        "pair" => Some("pair"),
        "incident" => Some("incident"),
        _ => None,
    }
}

/// The fact called `field` of variable `variable`.
#[must_use]
pub fn find(variable: &str, field: &str) -> Option<&'static FactName> {
    let of = owner(variable)?;
    FACTS.iter().find(|fact| fact.of == of && fact.name == field)
}
