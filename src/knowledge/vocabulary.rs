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
    /// `pair`, `host` (named `source` and `target` in a rule), `domain` (the domain controllers that serve the pair) or
    /// `incident`.
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
        "of every host of a pair in question, and of every Hyper-V host that sent anything, the log of Hyper-V's management was sent undamaged, of a cluster's node that of the cluster's machines as well, and nothing in them broke off without an outcome; unknown otherwise",
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
        "worked_elsewhere",
        Kind::Bool,
        "security-log:DC",
        "a migration of the source to another target that it is not granted either, in one cluster with it or not as here, succeeded with the objects as they were when the pair failed for want of credentials, and no domain controller refused the source beside a failure; unknown where the one is seen and nothing tells of the other",
    ),
    fact(
        "pair",
        "failed_late",
        Kind::Bool,
        "hyperv-log:",
        "a failure for want of credentials came after a tenth of the progress, or at the destination, and no domain controller refused the source beside it: the hosts had authenticated each other by then",
    ),
    fact(
        "pair",
        "unknown_name_registered",
        Kind::Bool,
        "delegation-attributes",
        "a domain controller called a name unknown that the target's object shows registered",
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
        "a migration succeeded after one had failed to authenticate by delegation, so it worked without any change seen; not \
         where a domain controller's refusal shows that the failing one was started elsewhere",
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
        "kdc_granted",
        Kind::Bool,
        "security-log:DC",
        "a domain controller gave the source a ticket on a user's behalf for the target (4769, status 0, with the services that asked), with both objects as they were when the pair failed for want of credentials, and the source's list names no service of the target that it may have been for",
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
        "kdc_extended",
        Kind::List,
        "system-log:",
        "extended statuses that the source recorded of refused delegation to the target's migration service beside a failure (Security-Kerberos 3), such as 0xC00000BB; empty where it recorded none",
    ),
    fact(
        "pair",
        "asked_name_missing",
        Kind::Bool,
        "system-log:",
        "the name that the source asked for at a failure, and was refused, is not on its list",
    ),
    fact(
        "pair",
        "storage_refused",
        Kind::Bool,
        "delegation-attributes",
        "the source recorded beside a failure that it was refused the target's file service in a user's name (Security-Kerberos 3), or says that storage could not be copied while a domain controller refused it the target, and the name is not on its list; false where it recorded neither",
    ),
    fact(
        "pair",
        "started_elsewhere",
        Kind::Bool,
        "security-log:DC",
        "a failing move made the source act in a user's name, as it must for moves that are started on another machine (4769 with the S4U bit, Security-Kerberos 3)",
    ),
    fact(
        "pair",
        "user_refused",
        Kind::Int,
        "user-objects",
        "refusals beside a failure that blame the user: extended status 0xC000006E, or 0xC0000272 for a user who is sensitive or in Protected Users",
    ),
    fact(
        "pair",
        "protected_user_seen",
        Kind::Int,
        "security-log:DC",
        "sign-ins of members of Protected Users that a domain controller refused beside a failure (4824)",
    ),
    fact(
        "pair",
        "granted",
        Kind::Bool,
        "delegation-attributes",
        "all the delegation that the pair needs was in place when the moves failed; unknown where one form of a name is missing",
    ),
    fact(
        "pair",
        "delegation_in_place",
        Kind::Bool,
        "delegation-attributes",
        "the exports show all the delegation that the pair needs, whenever it came there",
    ),
    fact(
        "pair",
        "after_grant",
        Kind::Text,
        "security-log:DC",
        "where the failures for want of credentials stand to the last record that delegation was added: none after it, soon (within ten hours), late; unchanged where the objects are older than all of them",
    ),
    fact(
        "pair",
        "recovered",
        Kind::Bool,
        "hyperv-log:",
        "a success after the last failure, with no change of either object seen in between",
    ),
    fact(
        "pair",
        "kdc_duplicate",
        Kind::Int,
        "security-log:DC",
        "records beside a failure that say that the target's service name stands on several accounts (4769 status 0x8, KDC 11, Security-Kerberos 101)",
    ),
    fact(
        "pair",
        "worked_with_duplicate",
        Kind::Bool,
        "delegation-attributes",
        "a migration succeeded before the failures, when the target's name was held twice already",
    ),
    fact(
        "pair",
        "policy_refusals",
        Kind::Int,
        "security-log:DC",
        "ticket requests between the two hosts that a policy refused beside a failure (4820, 4821, 4769 status 0xC)",
    ),
    fact(
        "pair",
        "dc_trouble",
        Kind::Int,
        "system-log:",
        "records beside a failure that the host which reported it found no domain controller (Security-Kerberos 200, GroupPolicy 1054 and 1129); unknown where there are none",
    ),
    fact(
        "pair",
        "dc_answered",
        Kind::Bool,
        "security-log:DC",
        "a domain controller answered one of the two hosts within a minute of a failure to reach one",
    ),
    fact(
        "pair",
        "identity_refused",
        Kind::Int,
        "system-log:",
        "failures at whose moment the target refused a machine of its own identity (LsaSrv 6167)",
    ),
    fact(
        "pair",
        "identity_refused_elsewhere",
        Kind::Int,
        "system-log:",
        "such records of the target with no move to it in the ten minutes around",
    ),
    fact(
        "pair",
        "credssp_refused",
        Kind::Int,
        "system-log:",
        "records of the source beside a failure that CredSSP was refused for the version of the target's migration service (LsaSrv 6041)",
    ),
    fact(
        "pair",
        "cluster_name_trouble",
        Kind::Int,
        "system-log:",
        "events of either of two hosts of one cluster on the day of a failure that the cluster's own account is missing or unusable (FailoverClustering 1683 to 1688)",
    ),
    fact(
        "pair",
        "moved_under_guard",
        Kind::Bool,
        "system-log:",
        "a migration succeeded while Credential Guard ran on the source",
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
        "node_lost",
        Kind::Int,
        "system-log:",
        "those of them that say that the cluster lost a whole node (1135)",
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
        "pair",
        "etype_refused",
        Kind::Int,
        "security-log:DC",
        "refusals near a failure, about no other machine, for want of a common encryption type (status 0xE; KDC 14, 16, 26, 27, 203, 204, 208, 209)",
    ),
    fact(
        "pair",
        "ticket_refused",
        Kind::Int,
        "dc-builds",
        "refusals near a failure, about no other machine, of what a ticket holds (status 0x14, 0x1F; KDC 35–38, 43, 44; Kerberos 7, 22)",
    ),
    fact(
        "pair",
        "signature_refused",
        Kind::Int,
        "dc-builds",
        "refusals near a failure, about no other machine, of a ticket's signature (KDC 18)",
    ),
    fact(
        "pair",
        "encryption_common",
        Kind::List,
        "delegation-attributes",
        "encryption types that the source's policy or object, the target's object and policy, and what domain controllers assume have in common: aes256, aes128, rc4, des",
    ),
    fact(
        "domain",
        "delegation_faults",
        Kind::List,
        "dc-builds",
        "domain controllers that ran a build with a known fault of delegation at the first or last failure",
    ),
    fact(
        "domain",
        "encryption_faults",
        Kind::List,
        "dc-builds",
        "domain controllers that ran a build with a known fault of encryption types at the first or last failure",
    ),
    fact(
        "domain",
        "straddles",
        Kind::List,
        "dc-builds",
        "hardening changes that some domain controllers enforced and others did not at the first or last failure",
    ),
    fact(
        "domain",
        "rc4_refused",
        Kind::Bool,
        "dc-builds",
        "the domain controllers assume AES alone for accounts that state no encryption type",
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
    fact(
        "host",
        "stopped_listening",
        Kind::Bool,
        "event-messages",
        "false where the host's own log holds the failures in English words and says nothing of a disabled listener; unknown otherwise",
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
    fact(
        "host",
        "duplicate_spns",
        Kind::List,
        "duplicate-names",
        "names of the host's migration service that another account of its domain holds as well",
    ),
    fact(
        "host",
        "signed_in",
        Kind::Bool,
        "sign-in",
        "the administrator was signed in on the host when the move was started; nothing that is read says so",
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
        "records that say that the host's account was refused (NETLOGON 3210, 5805; nltest)",
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
        "domain" => Some("domain"),
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
