//! Which event means what: `knowledge/signals.toml`.

use foldhash::{HashMap, HashMapExt};
use serde::Deserialize;

use super::class::Class;
use super::{Interest, Routine, Standing};
use crate::fact::Event;

/// What an event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Meaning {
    /// A live migration failed.
    MoveFailed,
    /// A live migration succeeded.
    MoveSucceeded,
    /// A live migration began.
    MoveStarted,
    /// May belong to a live migration: judged by codes and names.
    MoveDetail,
    /// Hyper-V could not register a service principal name.
    SpnRegistrationFailed,
    /// The cluster lost a path to a node.
    NetworkTrouble,
    /// The cluster lost a whole node.
    NodeLost,
    /// A drain, or the move of a role, did not come to its end.
    ClusterMoveBroken,
    /// Hyper-V's management service started.
    ServiceStarted,
    /// The cluster lost storage.
    StorageTrouble,
    /// Any other cluster event: proves that the host is a cluster node.
    ClusterActivity,
    /// A service ticket was asked for (4769).
    TicketRequest,
    /// A ticket-granting ticket was asked for (4768, 4771).
    SignInTicket,
    /// A computer account changed (4742).
    AccountChanged,
    /// A directory attribute changed (5136).
    AttributeChanged,
    /// A domain controller found no encryption type in common (KDC 14, 16, 26, 27, 203 and on).
    EncryptionRefused,
    /// A ticket was refused for what it holds (KDC 35 to 38, 43, 44; Security-Kerberos 7, 22).
    TicketRefused,
    /// A domain controller refused the signature of a ticket (KDC 18).
    SignatureRefused,
    /// New settings of Group Policy were applied.
    PolicyApplied,
    /// The Kerberos client was refused (Security-Kerberos 3).
    KerberosError,
    /// No domain controller could be found or reached.
    NoDomainController,
    /// A service name stands on several accounts (KDC 11, Security-Kerberos 101).
    DuplicateName,
    /// An authentication policy or silo denied a ticket (4820, 4821).
    PolicyDenied,
    /// A sign-in was refused because the account is in Protected Users (4824, NTLM 100).
    ProtectedUser,
    /// CredSSP was refused for the version of the other end (LsaSrv 6041).
    CredsspRefused,
    /// A machine with the same identity was refused (LsaSrv 6167).
    DuplicateIdentity,
    /// The cluster's own object in the directory is missing, disabled or can't be reached.
    ClusterNameTrouble,
    /// The clock is wrong, or a ticket was not yet valid.
    ClockTrouble,
    /// The clock was set by more than it drifts.
    ClockStepped,
    /// Credential Guard refused a delegation.
    CredentialGuardRefused,
    /// Credential Guard was started.
    CredentialGuardRunning,
    /// How Credential Guard is configured.
    CredentialGuardConfigured,
    /// The host's own secure channel is broken.
    SecureChannelBroken,
    /// A domain controller refused a machine.
    MachineRefused,
    /// Windows Update installed an update.
    UpdateInstalled,
    /// Servicing changed a package.
    PackageState,
    /// The system started; carries the running build.
    Booted,
    /// Known, and no part of a migration.
    Other,
}

/// The end of a migration.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Deserialize,
    serde::Serialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Where the virtual machine runs.
    Source,
    /// Where it shall run.
    Destination,
}

/// Events of one provider and what they mean.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// A stable name.
    pub id: String,
    /// `Provider/@Name`.
    pub provider: String,
    /// Event ids; empty means all.
    pub events: Vec<u32>,
    /// What they say.
    pub meaning: Meaning,
    /// The same in plain words, one sentence.
    pub says: String,
    /// The class of failure that the number alone names.
    pub class: Option<Class>,
    /// The class that the number suggests where its record names none: ambiguous.
    pub hints: Option<Class>,
    /// The end that logs it.
    pub side: Option<Side>,
    /// The position of the value that names the other host, counted from 0.
    pub host_field: Option<usize>,
    /// A record of it alone shows that a migration failed, where it carries an error and another host.
    #[serde(default)]
    pub founds: bool,
    /// Which of its records say nothing but that their computer writes such records.
    pub routine: Option<Routine>,
    /// How well this is known.
    pub standing: Standing,
    /// Who says so.
    pub source: String,
    /// When that was last checked.
    pub checked: String,
}

/// Every signal, found by provider and event id.
#[derive(Debug)]
pub struct Signals {
    all: Vec<Signal>,
    /// By lower-case provider.
    providers: HashMap<String, Provider>,
}

/// The signals of one provider, by index.
#[derive(Debug, Default)]
struct Provider {
    /// By event id; the first signal that names an id and has a class wins, then the first.
    exact: HashMap<u32, usize>,
    /// The signal for all its events.
    whole: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    signal: Vec<Signal>,
}

impl Signals {
    pub(super) fn load(file: File) -> Self {
        let mut signals = Self { all: file.signal, providers: HashMap::new() };
        for (index, signal) in signals.all.iter().enumerate() {
            let provider = signals.providers.entry(signal.provider.to_ascii_lowercase()).or_default();
            if signal.events.is_empty() {
                provider.whole = Some(index);
            }
            for &id in &signal.events {
                let slot = provider.exact.entry(id).or_insert(index);
                if signal.class.is_some() {
                    *slot = index;
                }
            }
        }
        signals
    }

    /// What `event` means; `None` for an event that nobody looks for.
    #[must_use]
    pub fn of(&self, event: &Event) -> Option<&Signal> {
        let provider = self.providers.get(&event.provider.to_ascii_lowercase())?;
        self.all.get(provider.exact.get(&event.id).copied().or(provider.whole)?)
    }

    /// Which events are worth decoding.
    #[must_use]
    pub fn interest(&self) -> Interest {
        let Self { all, .. } = self;
        Interest::new(
            all.iter()
                .map(|signal| (signal.provider.as_str(), signal.events.as_slice(), signal.routine.as_ref())),
        )
    }

    /// Every signal, in the file's order.
    #[must_use]
    pub fn all(&self) -> &[Signal] {
        &self.all
    }
}
