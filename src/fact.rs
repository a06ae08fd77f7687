//! The vocabulary of everything that a bundle can state: one fact, and where it stands.
//!
//! Parsers produce these values, every later stage reads them. Nothing is interpreted here: an event is
//! its fields, a directory object its attributes. What is *not* done here: joining facts (see
//! [`crate::evidence`]) and reading sense into them (see [`crate::incident`]).

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};

mod bystanders;
mod machine;
mod object;
mod sid;
mod spn;

pub use bystanders::{Bystanders, Key, Names};
pub use machine::{
    Build, ClusterNode, DuplicateSpn, HostSettings, InstallDay, InstalledUpdate, MachineReport,
    MigrationAuthentication, Network, RegistryValue, Ticket, VirtualMachine,
};
pub use object::{DISABLED, domain_of, host_label, host_name};
pub use sid::Sid;
pub use spn::Spn;

/// Index of a source in its bundle, in the bundle's (sorted) order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub usize);

/// Where inside a source a fact stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Position {
    /// The record number of an event, as the log numbers it.
    Record(u64),
    /// The first line of the statement in a text file, counted from 1.
    Line(u64),
}

/// The address of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The file that states it.
    pub source: SourceId,
    /// The place in that file.
    pub at: Position,
}

/// One statement and its address.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Where it is stated.
    pub origin: Origin,
    /// What is stated.
    pub observation: Observation,
}

/// What a source can state.
#[derive(Debug, Clone, PartialEq)]
pub enum Observation {
    /// A Windows event.
    Event(Event),
    /// An object of Active Directory.
    Directory(Box<DirectoryObject>),
    /// The migration settings of a Hyper-V host (`Get-VMHost`).
    HostSettings(HostSettings),
    /// An update listed as installed (`Get-HotFix`).
    Update(InstalledUpdate),
    /// What an inventory says of a machine.
    Machine(Box<MachineReport>),
    /// A value of the registry or of a policy.
    Registry(RegistryValue),
    /// A Kerberos ticket in a cache.
    Ticket(Box<Ticket>),
    /// A service principal name that several accounts hold.
    DuplicateSpn(DuplicateSpn),
    /// A node of a cluster.
    Node(ClusterNode),
    /// A virtual machine.
    VirtualMachine(VirtualMachine),
    /// A network of hosts.
    Network(Network),
}

impl Observation {
    /// The machine that it is about or that made it, as the export names it; `None` where it names none, and for
    /// what is about the directory.
    #[must_use]
    pub fn host(&self) -> Option<String> {
        let named = |host: &Option<String>| host.clone().filter(|host| !host.is_empty());
        match self {
            Self::Event(event) => Some(event.computer.clone()).filter(|host| !host.is_empty()),
            Self::HostSettings(settings) => {
                named(&settings.host).map(|host| full_name(host, settings.domain.as_deref()))
            }
            Self::Update(update) => named(&update.host),
            Self::Machine(report) => {
                named(&report.host).map(|host| full_name(host, report.domain.as_deref()))
            }
            Self::Registry(value) => named(&value.host),
            Self::Ticket(ticket) => named(&ticket.host),
            Self::Node(node) => Some(node.node.clone()),
            Self::VirtualMachine(machine) => named(&machine.host),
            Self::Network(network) => named(&network.host),
            Self::Directory(_) | Self::DuplicateSpn(_) => None,
        }
    }
}

/// The full name of a host whose export prints its domain, else the name as printed.
fn full_name(host: String, domain: Option<&str>) -> String {
    match domain {
        Some(domain) if !host.contains('.') && domain.contains('.') => format!("{host}.{domain}"),
        _ => host,
    }
}

/// A Windows event, decoded and not interpreted.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// `Provider/@Name`, as written.
    pub provider: String,
    /// `EventID`, without its qualifiers.
    pub id: u32,
    /// `Channel`; `None` where the record carries none.
    pub channel: Option<String>,
    /// `Computer`, as written: a DNS name or a bare host name.
    pub computer: String,
    /// `TimeCreated`.
    pub time: Timestamp,
    /// `EventRecordID`.
    pub record: u64,
    /// `Level`: 1 critical, 2 error, 3 warning, 4 information, 0 always.
    pub level: Option<u8>,
    /// `Security/@UserID`, a SID in text form.
    pub user: Option<String>,
    /// The payload (`EventData` or the one child of `UserData`) in document order.
    pub fields: Vec<Field>,
    /// The rendered message where the export carries one; localised, a help and never a proof.
    pub message: Option<String>,
    /// Whether [`Event::time`] is the exporter's local time, whose zone nothing states: it stands as if it were UTC
    /// and must not be set against other clocks.
    pub local: bool,
}

impl Event {
    /// The value of the first field called `name` (compared without case); empty values count as absent.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|field| field.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name)))
            .map(|field| field.value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// Whether the event comes from `provider` (compared without case) under one of `ids`.
    #[must_use]
    pub fn is(&self, provider: &str, ids: &[u32]) -> bool {
        self.provider.eq_ignore_ascii_case(provider) && ids.contains(&self.id)
    }
}

/// One value of an event's payload.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// `Data/@Name`, or the element's name under `UserData`; classic events have none.
    pub name: Option<String>,
    /// The value as text.
    pub value: String,
}

/// A value that an export may not have asked for. Unknown is never "no" and never "empty".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<T> {
    /// Stated by a source.
    Known(T),
    /// Not stated; why.
    Unknown(Reason),
}

/// Why a value is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// No source describes the object at all.
    NoExport,
    /// The export describes the object but did not ask for the attribute.
    NotAskedFor,
    /// PowerShell wrote the type's name in place of the values.
    Flattened,
    /// The list was cut (`...`, or a range without its last part).
    Truncated,
    /// The value stands there and can't be read.
    Undecodable,
    /// Two sources state different values and nothing tells which is newer.
    Contradictory,
}

impl<T> Known<T> {
    /// The value, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// Applies `f` to a known value and keeps the reason of an unknown one.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Self::Known(value) => Known::Known(f(value)),
            Self::Unknown(reason) => Known::Unknown(reason),
        }
    }
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self::Unknown(Reason::NoExport)
    }
}

/// An object of Active Directory, reduced to the attributes that matter here.
///
/// Only attributes on this allow-list are ever kept, of exports and of audits (5136): they carry LAPS and BitLocker
/// secrets.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DirectoryObject {
    /// `distinguishedName`.
    pub dn: Option<String>,
    /// `cn` or `name`.
    pub name: Option<String>,
    /// `objectClass` values, or the single class that PowerShell prints; empty where not exported.
    pub classes: Vec<String>,
    /// `sAMAccountName`, with its `$`.
    pub account: Option<String>,
    /// `dNSHostName`.
    pub dns_name: Option<String>,
    /// `objectSid`.
    pub sid: Option<Sid>,
    /// `userAccountControl`, Active Directory's bits ([MS-ADTS] 2.2.16).
    pub user_account_control: Known<u32>,
    /// `servicePrincipalName`.
    pub spns: Known<Vec<String>>,
    /// `msDS-AllowedToDelegateTo`.
    pub allowed_to_delegate_to: Known<Vec<String>>,
    /// Trustees of the allow entries of `msDS-AllowedToActOnBehalfOfOtherIdentity`.
    pub allowed_to_act: Known<Vec<Trustee>>,
    /// `msDS-SupportedEncryptionTypes`; a known `None` means the attribute is not set.
    pub encryption_types: Known<Option<u32>>,
    /// `operatingSystem`.
    pub operating_system: Option<String>,
    /// `operatingSystemVersion`, such as `10.0 (17763)`.
    pub operating_system_version: Option<String>,
    /// `whenChanged`, where it is stated with its zone (Generalized Time).
    pub when_changed: Option<Timestamp>,
    /// `whenCreated`, likewise.
    pub when_created: Option<Timestamp>,
    /// The last change of each attribute that decides, by its name in lower case, where the export states it
    /// (`msDS-ReplAttributeMetaData`).
    pub attribute_changes: BTreeMap<String, Timestamp>,
    /// `member` of a group: distinguished names.
    pub members: Known<Vec<String>>,
    /// `primaryGroupID`: the last part of the SID of the group that neither `member` nor `memberOf` tells of. Every account
    /// has one, so it is never known to be absent.
    pub primary_group: Known<u32>,
    /// `memberOf`: distinguished names of groups, the primary one left out.
    pub member_of: Known<Vec<String>>,
}

/// Who may delegate to an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trustee {
    /// By SID, as the directory stores it.
    Sid(Sid),
    /// By distinguished name, as `PrincipalsAllowedToDelegateToAccount` prints it.
    Dn(String),
    /// A NULL access list: everyone.
    Everyone,
}

/// Something a reader should know about a source: damage, a trap met, a value that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Issue {
    /// A stable name, such as `chunk-damaged`; each is documented in `docs/issues.md`.
    pub code: &'static str,
    /// One sentence for a person, ending in advice where there is any.
    pub detail: String,
    /// Records or entries lost by it; `None` where that can't be counted, 0 where nothing is lost.
    pub lost: Option<u64>,
}

impl Issue {
    /// An issue that cost nothing.
    #[must_use]
    pub fn note(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), lost: Some(0) }
    }

    /// An issue that cost `lost` records, or an unknown number of them.
    #[must_use]
    pub fn loss(code: &'static str, detail: impl Into<String>, lost: Option<u64>) -> Self {
        Self { code, detail: detail.into(), lost }
    }
}

/// What a source covers, counted before anything is filtered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Intact records: events, rows or entries.
    pub records: u64,
    /// Events by host and channel; empty for other formats.
    pub channels: Vec<ChannelCoverage>,
}

/// What a log holds of one host's channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelCoverage {
    /// `Computer`, as written.
    pub computer: String,
    /// `Channel`; empty where the records carry none.
    pub channel: String,
    /// Intact records.
    pub records: u64,
    /// The earliest event.
    pub first: Timestamp,
    /// The latest event.
    pub last: Timestamp,
    /// The lowest and the highest record number; `None` where the records carry none.
    pub numbers: Option<(u64, u64)>,
    /// Spans in which record numbers are missing: the times of the records before and after.
    pub holes: Vec<(Timestamp, Timestamp)>,
}

/// The span of numbers over both.
#[must_use]
pub fn widened(own: Option<(u64, u64)>, other: Option<(u64, u64)>) -> Option<(u64, u64)> {
    match (own, other) {
        (Some(own), Some(other)) => Some((own.0.min(other.0), own.1.max(other.1))),
        (own, other) => own.or(other),
    }
}

/// All that a parser took from one source. A parser never fails: what it could not read is an issue.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parsed {
    /// Facts in the order of the source.
    pub facts: Vec<Fact>,
    /// What was noticed on the way.
    pub issues: Vec<Issue>,
    /// What the source covers.
    pub coverage: Coverage,
    /// Directory objects that became no facts, as nothing else speaks of them.
    pub bystanders: Bystanders,
}
