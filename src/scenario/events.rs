//! The shape of every event that a story needs: one constructor each, no judgement.
//!
//! A constructor returns a record without a number; the log that takes it gives it one. Marks in the comments
//! on single constructors: *documented* (a number or text that Microsoft or a real record states),
//! *not established* (the text is real, the number or the field names are the best guess there is).
//! Analysis must therefore never lean on a number or a field name that is marked so.

use jiff::Timestamp;

use super::evtx::{Payload, Record};
use super::{Machine, Vm};

mod fault;
pub mod hyper_v;
pub mod kdc;
pub mod security;
pub mod system;

pub use fault::Fault;

/// The channel of the cluster's virtual machine resources. Hyper-V's channels have dashes, no slash.
pub const HIGH_AVAILABILITY: &str = "Microsoft-Windows-Hyper-V-High-Availability-Admin";
/// The channel of the Virtual Machine Management Service.
pub const VMMS: &str = "Microsoft-Windows-Hyper-V-VMMS-Admin";
/// The channel of the worker processes.
pub const WORKER: &str = "Microsoft-Windows-Hyper-V-Worker-Admin";
/// The security log.
pub const SECURITY: &str = "Security";
/// The system log.
pub const SYSTEM: &str = "System";
/// The log of the servicing stack.
pub const SETUP: &str = "Setup";
/// The operational channel of the Kerberos client.
pub const KERBEROS: &str = "Microsoft-Windows-Kerberos/Operational";

/// The account that most services run under.
pub(crate) const LOCAL_SYSTEM: &str = "S-1-5-18";

/// Name and GUID of an event provider, and the channel that it writes to here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Provider {
    pub(crate) name: &'static str,
    pub(crate) guid: Option<&'static str>,
    pub(crate) channel: &'static str,
}

impl Provider {
    /// An informational event of this provider; callers change what differs.
    pub(crate) fn event(self, id: u16, host: &Machine, time: Timestamp, payload: Payload) -> Record {
        Record {
            provider: self.name.to_owned(),
            guid: self.guid.map(|guid| format!("{{{}}}", guid.to_lowercase())),
            id,
            qualifiers: None,
            version: 0,
            level: 4,
            task: 0,
            opcode: 0,
            keywords: 0x8000_0000_0000_0000,
            time,
            record: 0,
            channel: self.channel.to_owned(),
            computer: host.fqdn(),
            user: Some(LOCAL_SYSTEM.to_owned()),
            payload,
        }
    }
}

/// Named values of `EventData`.
pub(crate) fn data<V: Into<String>>(fields: impl IntoIterator<Item = (&'static str, V)>) -> Payload {
    Payload::EventData(
        fields.into_iter().map(|(name, value)| (Some(name.to_owned()), value.into())).collect(),
    )
}

/// Values of a classic event, which have no names.
pub(crate) fn unnamed<V: Into<String>>(values: impl IntoIterator<Item = V>) -> Payload {
    Payload::EventData(values.into_iter().map(|value| (None, value.into())).collect())
}

/// One try to move a virtual machine.
#[derive(Debug, Clone, Copy)]
pub struct Move<'a> {
    /// What moves.
    pub vm: &'a Vm,
    /// Where from.
    pub source: &'a Machine,
    /// Where to.
    pub target: &'a Machine,
}

/// The display language of the host, which is the language of the texts that an event carries whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German. Free translations in the manner of the product: the real strings were not found in public.
    German,
}

/// The end of a move that reports a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The host that the machine runs on.
    Source,
    /// The host that it should run on.
    Destination,
}
