//! Exports of a host: its migration settings and its updates.

use jiff::civil::Date;

use super::csv_row;
use super::culture::Culture;
use super::object::{Object, Value};
use crate::scenario::Machine;

/// How a host authenticates outgoing moves, as PowerShell prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// Kerberos.
    Kerberos,
    /// CredSSP, the default for long.
    CredSsp,
}

/// What `Get-VMHost | Format-List *` prints. `FullyQualifiedDomainName` is the host's *domain*.
#[must_use]
pub fn get_vm_host(host: &Machine, authentication: Authentication) -> String {
    vm_host_list(host, authentication, "True")
}

/// The same of a host on which live migration is switched off.
#[must_use]
pub fn get_vm_host_switched_off(host: &Machine, authentication: Authentication) -> String {
    vm_host_list(host, authentication, "False")
}

fn vm_host_list(host: &Machine, authentication: Authentication, enabled: &str) -> String {
    let authentication = match authentication {
        Authentication::Kerberos => "Kerberos",
        Authentication::CredSsp => "CredSSP",
    };
    let rows = [
        ("ComputerName", host.name.as_str()),
        ("EnableEnhancedSessionMode", "False"),
        ("FullyQualifiedDomainName", &host.domain.dns),
        ("HostNumaStatus", "{...}"),
        ("IovSupport", "True"),
        ("LogicalProcessorCount", "64"),
        ("MacAddressMinimum", "00155D140B00"),
        ("MacAddressMaximum", "00155D140BFF"),
        ("MaximumStorageMigrations", "2"),
        ("MaximumVirtualMachineMigrations", "2"),
        ("MemoryCapacity", "549662265344"),
        ("Name", &host.name),
        ("NumaSpanningEnabled", "True"),
        ("UseAnyNetworkForMigration", "False"),
        ("VirtualHardDiskPath", r"C:\ClusterStorage\Volume1"),
        ("VirtualMachineMigrationAuthenticationType", authentication),
        ("VirtualMachineMigrationEnabled", enabled),
        ("VirtualMachineMigrationPerformanceOption", "Compression"),
        ("VirtualMachinePath", r"C:\ClusterStorage\Volume1"),
    ];
    let body: String = rows.iter().map(|(name, value)| format!("{name:<41} : {value}\r\n")).collect();
    format!("\r\n\r\n{body}\r\n\r\n")
}

/// An update as `Get-HotFix` lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HotFix<'a> {
    /// `KB` and digits.
    pub kb: &'a str,
    /// `Update` or `Security Update`.
    pub description: &'a str,
    /// The local day of its installation.
    pub installed: Date,
}

/// What `Get-HotFix | Export-Csv` writes.
#[must_use]
pub fn get_hot_fix(host: &Machine, fixes: &[HotFix<'_>], culture: Culture) -> String {
    let delimiter = culture.delimiter();
    let mut out =
        String::from("#TYPE System.Management.ManagementObject#root\\cimv2\\Win32_QuickFixEngineering\r\n");
    let header = [
        "PSComputerName",
        "InstalledOn",
        "__GENUS",
        "__CLASS",
        "__SERVER",
        "__NAMESPACE",
        "Caption",
        "CSName",
        "Description",
        "FixComments",
        "HotFixID",
        "InstallDate",
        "InstalledBy",
        "Name",
        "ServicePackInEffect",
        "Status",
    ];
    out.push_str(&csv_row(header, delimiter));
    for fix in fixes {
        let installed = culture.day(fix.installed);
        let caption = format!("http://support.microsoft.com/?kbid={}", fix.kb.trim_start_matches("KB"));
        let row = [
            host.name.as_str(),
            &installed,
            "2",
            "Win32_QuickFixEngineering",
            &host.name,
            r"root\cimv2",
            &caption,
            &host.name,
            fix.description,
            "",
            fix.kb,
            "",
            r"NT AUTHORITY\SYSTEM",
            "",
            "",
            "",
        ];
        out.push_str(&csv_row(row, delimiter));
    }
    out
}

/// The object that `Get-VMHost` returns.
#[must_use]
pub fn vm_host(host: &Machine, authentication: Authentication) -> Object {
    vm_host_object(host, authentication, true)
}

/// The same of a host on which live migration is switched off.
#[must_use]
pub fn vm_host_switched_off(host: &Machine, authentication: Authentication) -> Object {
    vm_host_object(host, authentication, false)
}

fn vm_host_object(host: &Machine, authentication: Authentication, enabled: bool) -> Object {
    let text = |text: &str| Value::Text(text.to_owned());
    let authentication = match authentication {
        Authentication::CredSsp => Value::Choice("CredSSP", 0),
        Authentication::Kerberos => Value::Choice("Kerberos", 1),
    };
    Object {
        types: &["Microsoft.HyperV.PowerShell.VMHost", "System.Object"],
        printed: "Microsoft.HyperV.PowerShell.VMHost".to_owned(),
        properties: vec![
            ("ComputerName", text(&host.name)),
            ("FullyQualifiedDomainName", text(&host.domain.dns)),
            ("HostNumaStatus", Value::Opaque("Microsoft.HyperV.PowerShell.VMHostNumaNode[]")),
            ("LogicalProcessorCount", Value::Number(64)),
            ("MaximumVirtualMachineMigrations", Value::Number(2)),
            ("MemoryCapacity", Value::Number(549_662_265_344)),
            ("Name", text(&host.name)),
            ("UseAnyNetworkForMigration", Value::Flag(false)),
            ("VirtualHardDiskPath", text(r"C:\ClusterStorage\Volume1")),
            ("VirtualMachineMigrationAuthenticationType", authentication),
            ("VirtualMachineMigrationEnabled", Value::Flag(enabled)),
            ("VirtualMachineMigrationPerformanceOption", Value::Choice("Compression", 1)),
        ],
        added: Vec::new(),
    }
}

/// An object that `Get-HotFix` returns. It has two `InstalledOn`: WMI's text, always month first, and the date that
/// PowerShell makes of it.
#[must_use]
pub fn hot_fix(host: &Machine, fix: &HotFix<'_>) -> Object {
    let text = |text: &str| Value::Text(text.to_owned());
    let caption = format!("http://support.microsoft.com/?kbid={}", fix.kb.trim_start_matches("KB"));
    Object {
        types: &[
            r"System.Management.ManagementObject#root\cimv2\Win32_QuickFixEngineering",
            "System.Management.ManagementObject",
            "System.Object",
        ],
        printed: format!(r#"\\{}\root\cimv2:Win32_QuickFixEngineering.HotFixID="{}""#, host.name, fix.kb),
        properties: vec![
            ("__CLASS", text("Win32_QuickFixEngineering")),
            ("__SERVER", text(&host.name)),
            ("Caption", Value::Text(caption)),
            ("CSName", text(&host.name)),
            ("Description", text(fix.description)),
            ("HotFixID", text(fix.kb)),
            ("InstallDate", Value::Nothing),
            ("InstalledBy", text(r"NT AUTHORITY\SYSTEM")),
            ("InstalledOn", Value::Text(fix.installed.strftime("%-m/%-d/%Y").to_string())),
            ("Status", Value::Nothing),
        ],
        added: vec![("PSComputerName", text(&host.name)), ("InstalledOn", Value::Day(fix.installed))],
    }
}
