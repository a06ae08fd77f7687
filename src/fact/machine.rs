//! What exports say of a machine itself, beside its events and its computer object.
//!
//! A `host` of `None` means that the export names no machine; [`crate::evidence`] may know it by the place of the
//! file.

use jiff::Timestamp;

use super::{Date, Known};

/// How a Hyper-V host authenticates an outgoing live migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MigrationAuthentication {
    /// `Kerberos`: delegation decides.
    Kerberos,
    /// `CredSSP`: delegation is irrelevant.
    CredSsp,
}

/// The migration settings of one Hyper-V host.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HostSettings {
    /// `ComputerName`, else `Name`.
    pub host: Option<String>,
    /// `FullyQualifiedDomainName`, where printed: the *domain* of the host.
    pub domain: Option<String>,
    /// `VirtualMachineMigrationAuthenticationType`.
    pub authentication: Known<MigrationAuthentication>,
    /// `VirtualMachineMigrationEnabled`.
    pub enabled: Option<bool>,
    /// `VirtualMachineMigrationPerformanceOption`, as printed.
    pub performance: Option<String>,
    /// `UseAnyNetworkForMigration`.
    pub any_network: Option<bool>,
}

/// An update that an inventory lists as installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledUpdate {
    /// The machine: `CSName`, `PSComputerName` or `Source`; `None` where the export names none.
    pub host: Option<String>,
    /// `KB` and digits.
    pub kb: String,
    /// When it was installed.
    pub installed: InstallDay,
}

/// A day read from text whose order of day and month may be undecidable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallDay {
    /// The day, local to the exporter.
    On(Date),
    /// The instant, where the export states it with its zone or in UTC.
    At(Timestamp),
    /// Both readings are possible in this file: month first, day first.
    Either(Date, Date),
    /// Blank, cut or not a date.
    Unstated,
}

/// A build of Windows: `17763.3650`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Build {
    /// `CurrentBuild`: 17763.
    pub number: u32,
    /// `UBR`, the update revision: 3650. Most exports do not state it.
    pub revision: Option<u32>,
}

/// What an inventory says of one machine; every part may be missing, and missing says nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MachineReport {
    /// Its name, as printed.
    pub host: Option<String>,
    /// Its DNS domain, as printed.
    pub domain: Option<String>,
    /// The product, such as `Microsoft Windows Server 2019 Datacenter`.
    pub product: Option<String>,
    /// The build that it runs.
    pub build: Option<Build>,
    /// When it was started last.
    pub booted: Option<Timestamp>,
    /// Its offset from UTC in seconds, east positive, when the report was made.
    pub utc_offset: Option<i32>,
    /// Whether Credential Guard was *running*; a configuration alone is not told here.
    pub credential_guard: Option<bool>,
    /// Where it takes its time from (`w32tm`).
    pub time_source: Option<String>,
    /// Milliseconds that its clock is behind that source (`w32tm`'s phase offset); negative where it is ahead.
    pub clock_offset: Option<i64>,
    /// The status of its secure channel (`nltest /sc_query`): 0 is sound, else a Win32 error.
    pub secure_channel: Option<u32>,
    /// The cluster that it is a node of.
    pub cluster: Option<String>,
}

/// A value of the registry, or of a policy that writes it. Parsers keep only values that bear on authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryValue {
    /// The machine; `None` where the export names none.
    pub host: Option<String>,
    /// The key under `HKEY_LOCAL_MACHINE`, as `knowledge/registry.toml` writes it:
    /// `SYSTEM\CurrentControlSet\Services\Kdc`.
    pub key: String,
    /// The value's name, as written there.
    pub name: String,
    /// Its number; `None` where it is of another type.
    pub number: Option<u32>,
    /// The policy object that sets it, where a policy report names one.
    pub policy: Option<String>,
}

/// A Kerberos ticket in a machine's cache (`klist`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The machine; `None` where the export names none.
    pub host: Option<String>,
    /// `Client`, such as `HV01$ @ CONTOSO.COM`.
    pub client: String,
    /// `Server`, the service and its realm.
    pub server: String,
    /// `KerbTicket Encryption Type`, as printed.
    pub encryption: Option<String>,
    /// `Ticket Flags` (RFC 4120 2.1 in Windows' order).
    pub flags: Option<u32>,
    /// `Kdc Called`.
    pub kdc: Option<String>,
}

/// One service principal name on several accounts (`setspn -X`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateSpn {
    /// The name.
    pub spn: String,
    /// The accounts that hold it: distinguished names.
    pub accounts: Vec<String>,
}

/// A node of a failover cluster (`Get-ClusterNode`, `cluster.log`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterNode {
    /// The node's name.
    pub node: String,
    /// The cluster's name, where stated.
    pub cluster: Option<String>,
    /// `Up`, `Paused`, `Down`, as printed.
    pub state: Option<String>,
}

/// A virtual machine and where it ran (`Get-VM`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualMachine {
    /// Its name.
    pub name: String,
    /// Its id, a GUID without braces.
    pub id: Option<String>,
    /// The host that it was on.
    pub host: Option<String>,
    /// `Running`, `Off`, as printed.
    pub state: Option<String>,
}

/// A network of a cluster, or one that a host takes migrations from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// The host; `None` where it is the cluster's.
    pub host: Option<String>,
    /// Its name in the cluster.
    pub name: Option<String>,
    /// The subnet as printed: `10.30.0.0/24`, or address and mask with a `/` between them.
    pub subnet: String,
}
