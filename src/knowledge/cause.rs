//! The vocabulary of verdicts: every cause, its family, and the order that breaks ties.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A family of causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Who may act for whom.
    Delegation,
    /// Kerberos and accounts.
    Authentication,
    /// Reaching the other host.
    Network,
    /// Disks and paths.
    Storage,
    /// Memory and limits.
    Resources,
    /// Processors and versions.
    Compatibility,
    /// Settings of hosts and clusters.
    Configuration,
    /// Nothing is wrong.
    None,
    /// Not decided.
    Unknown,
}

/// What broke live migration. Ordered as the vocabulary lists it, which breaks ties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cause(usize);

/// Name, family, and what it is called in a sentence.
const CAUSES: &[(&str, Family, &str)] = &[
    ("kcd-missing", Family::Delegation, "constrained delegation is not configured"),
    ("kcd-incomplete", Family::Delegation, "constrained delegation does not cover the target"),
    ("kcd-kerberos-only", Family::Delegation, "delegation lacks protocol transition"),
    ("unconstrained-blocked", Family::Delegation, "unconstrained delegation is refused"),
    ("credssp-blocked", Family::Delegation, "CredSSP is refused"),
    ("user-not-delegatable", Family::Delegation, "the administrator's account cannot be delegated"),
    ("delegation-not-effective", Family::Delegation, "delegation is configured and not yet in effect"),
    ("spn-missing", Family::Authentication, "the target's service principal name is not registered"),
    ("spn-duplicate", Family::Authentication, "a service principal name is registered twice"),
    ("clock-skew", Family::Authentication, "the hosts' clocks differ"),
    ("account-unusable", Family::Authentication, "a computer account is unusable"),
    ("encryption-mismatch", Family::Authentication, "no common Kerberos encryption type"),
    (
        "ticket-validation",
        Family::Authentication,
        "tickets are refused by domain controllers of mixed patch levels",
    ),
    ("dc-unreachable", Family::Authentication, "no domain controller can be reached"),
    ("kdc-regression", Family::Authentication, "a domain controller runs a build with a known fault"),
    ("policy-restricted", Family::Authentication, "a policy restricts authentication"),
    ("duplicate-sid", Family::Authentication, "two hosts share a machine identity"),
    ("user-right-missing", Family::Authentication, "a logon right is missing"),
    ("network-unreachable", Family::Network, "the target cannot be reached over the network"),
    ("name-resolution", Family::Network, "a host name cannot be resolved"),
    ("storage-failure", Family::Storage, "storage cannot be opened"),
    ("memory-short", Family::Resources, "the destination lacks memory"),
    ("migration-limit", Family::Resources, "too many migrations at once"),
    ("cpu-incompatible", Family::Compatibility, "the destination's processor lacks features"),
    ("configuration-version", Family::Compatibility, "the configuration version is not supported"),
    ("switch-missing", Family::Configuration, "a virtual switch is missing on the destination"),
    ("registration-failed", Family::Configuration, "the destination cannot register the configuration"),
    ("key-protector", Family::Configuration, "the key protector of a virtual TPM cannot be opened"),
    ("listener-disabled", Family::Configuration, "the migration listener is disabled"),
    ("owner-restricted", Family::Configuration, "the node is not a possible owner"),
    ("healthy", Family::None, "nothing is wrong"),
    ("undetermined", Family::Unknown, "the cause is not determined"),
];

impl Cause {
    /// The cause called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        CAUSES.iter().position(|entry| entry.0 == name).map(Self)
    }

    /// Migrations succeed.
    #[must_use]
    pub fn healthy() -> Self {
        Self(CAUSES.len() - 2)
    }

    /// The evidence cannot tell.
    #[must_use]
    pub fn undetermined() -> Self {
        Self(CAUSES.len() - 1)
    }

    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        CAUSES.get(self.0).map_or("undetermined", |entry| entry.0)
    }

    /// The family.
    #[must_use]
    pub fn family(self) -> Family {
        CAUSES.get(self.0).map_or(Family::Unknown, |entry| entry.1)
    }

    /// A clause for a sentence.
    #[must_use]
    pub fn clause(self) -> &'static str {
        CAUSES.get(self.0).map_or("", |entry| entry.2)
    }

    /// Whether the cause is a fault that a rule can blame.
    #[must_use]
    pub fn is_fault(self) -> bool {
        !matches!(self.family(), Family::None | Family::Unknown)
    }

    /// Every cause, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..CAUSES.len()).map(Self)
    }

    /// Every name, in order.
    pub fn names() -> impl Iterator<Item = &'static str> {
        CAUSES.iter().map(|entry| entry.0)
    }
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Cause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| serde::de::Error::custom(format!("no cause is called {name:?}")))
    }
}

impl schemars::JsonSchema for Cause {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cause".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "enum": Self::names().collect::<Vec<_>>()})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_that_are_no_faults_stand_last() {
        assert_eq!((Cause::healthy().name(), Cause::undetermined().name()), ("healthy", "undetermined"));
        assert!(Cause::named("kcd-missing") < Cause::named("network-unreachable"));
    }
}
