//! The shape of every event that a story needs: one constructor each, no judgement.
//!
//! A constructor returns a record without a number; the log that takes it gives it one. Marks in the comments
//! on single constructors: *documented* (a number or text that Microsoft or a real record states),
//! *not established* (the text is real, the number or the field names are the best guess there is).
//! Analysis must therefore never lean on a number or a field name that is marked so.

use jiff::Timestamp;

use super::evtx::{Payload, Record};
use super::{Machine, Vm};

pub mod hyper_v;
pub mod security;
pub mod system;

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

/// What the hosts say when a move fails. Several causes share one: that is the point of the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 0x8009030E: no delegation, or CredSSP without a sign-in on the source.
    NoCredentials,
    /// 0x80070005, which means anything.
    AccessDenied,
    /// 0x8007274C.
    TimedOut,
    /// 0x8007274D.
    Refused,
    /// 0x80072746, in the middle of the copy.
    Reset,
    /// 0x80090324.
    ClockSkew,
    /// 0x80090303.
    UnknownTarget,
    /// 0x8007052E.
    LogonFailure,
    /// 0x8007000E on the destination.
    OutOfMemory,
    /// 0x800705AA on the destination.
    NoResources,
    /// No code: the destination has no switch of that name.
    MissingSwitch,
    /// No code: the destination lacks processor features.
    Processor,
    /// 0x80070020 on the destination: someone else holds the disk.
    SharingViolation,
}

impl Fault {
    /// The code that the messages end with.
    #[must_use]
    pub fn code(self) -> Option<u32> {
        match self {
            Self::NoCredentials => Some(0x8009_030e),
            Self::AccessDenied => Some(0x8007_0005),
            Self::TimedOut => Some(0x8007_274c),
            Self::Refused => Some(0x8007_274d),
            Self::Reset => Some(0x8007_2746),
            Self::ClockSkew => Some(0x8009_0324),
            Self::UnknownTarget => Some(0x8009_0303),
            Self::LogonFailure => Some(0x8007_052e),
            Self::OutOfMemory => Some(0x8007_000e),
            Self::NoResources => Some(0x8007_05aa),
            Self::SharingViolation => Some(0x8007_0020),
            Self::MissingSwitch | Self::Processor => None,
        }
    }

    /// The end that reports it.
    #[must_use]
    pub fn side(self) -> Side {
        match self {
            Self::OutOfMemory | Self::NoResources | Self::Processor | Self::SharingViolation => {
                Side::Destination
            }
            _ => Side::Source,
        }
    }

    /// Whether the connection between the hosts never came about.
    #[must_use]
    pub fn prevents_connection(self) -> bool {
        !matches!(self, Self::Reset | Self::MissingSwitch) && self.side() == Side::Source
    }

    /// How long after its start a move fails, in milliseconds: a connection that never comes about fails
    /// at once or when it times out, a broken one late.
    #[must_use]
    pub fn delay(self) -> i64 {
        match self {
            Self::TimedOut => 21_400,
            Self::Reset => 254_000,
            Self::OutOfMemory | Self::NoResources | Self::SharingViolation => 6_300,
            _ => 1_750,
        }
    }

    /// The system's message for the code.
    #[must_use]
    pub fn message(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::NoCredentials, Language::German) => {
                "Im Sicherheitspaket sind keine Anmeldeinformationen verfügbar"
            }
            (Self::NoCredentials, Language::English) => {
                "No credentials are available in the security package"
            }
            (Self::AccessDenied, _) => "General access denied error",
            (Self::TimedOut, _) => {
                "A connection attempt failed because the connected party did not properly respond after a \
                 period of time, or established connection failed because connected host has failed to respond."
            }
            (Self::Refused, _) => {
                "No connection could be made because the target machine actively refused it."
            }
            (Self::Reset, _) => "An existing connection was forcibly closed by the remote host.",
            (Self::ClockSkew, _) => "The clocks on the client and server machines are skewed.",
            (Self::UnknownTarget, _) => "The specified target is unknown or unreachable",
            (Self::LogonFailure, _) => "The user name or password is incorrect.",
            (Self::OutOfMemory, _) => "Ran out of memory",
            (Self::NoResources, _) => {
                "Insufficient system resources exist to complete the requested service."
            }
            (Self::SharingViolation, _) => {
                "The process cannot access the file because it is being used by another process."
            }
            (Self::MissingSwitch | Self::Processor, _) => "",
        }
    }
}
