//! Classes of failure: what kind of trouble a code or a sentence names. A class is a symptom, a
//! [`Cause`](super::Cause) is what a verdict names.

use serde::{Deserialize, Serialize};

/// What kind of failure a record states.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The source could not act for the user: "no credentials".
    Delegation,
    /// The target's service principal name is missing, doubled or wrong.
    ServiceName,
    /// Clocks differ.
    Clock,
    /// An account is disabled, expired, locked or has a wrong password.
    Account,
    /// No domain controller could be reached.
    DomainController,
    /// No common encryption type.
    Encryption,
    /// CredSSP or other credentials refused, not by delegation.
    Credentials,
    /// Authentication failed and nothing more was said.
    Authentication,
    /// A logon right is missing.
    UserRight,
    /// "Access denied" and nothing more.
    AccessDenied,
    /// The other host could not be reached, or the connection broke.
    Network,
    /// A name could not be resolved.
    NameResolution,
    /// No cluster network for the migration.
    ClusterNetwork,
    /// The destination lacks memory.
    Memory,
    /// The destination's processor lacks features.
    Processor,
    /// A virtual switch is missing.
    Switch,
    /// A disk or path could not be opened.
    Storage,
    /// The destination could not register the configuration.
    Registration,
    /// Too many migrations at once.
    Limit,
    /// The configuration version is not supported.
    Version,
    /// The key protector of a virtual TPM could not be opened.
    KeyProtector,
    /// The migration listener is off.
    Listener,
    /// The node may not own the role.
    Owner,
    /// The state of the virtual machine could not be read.
    State,
    /// Something took too long.
    Timeout,
    /// An internal error without a documented reading.
    Internal,
    /// Noise that proves nothing.
    Noise,
    /// Nothing that could be classified.
    Unknown,
}

/// How much a class is worth as evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Fits several causes.
    Ambiguous,
    /// A consequence of something that happened at the other end.
    Secondary,
    /// Names the class by itself.
    Specific,
}

impl Class {
    /// The name in reports and data files.
    #[must_use]
    pub fn name(self) -> String {
        // A unit variant always serialises to a string.
        serde_json::to_value(self)
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    }
}
