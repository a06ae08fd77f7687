//! Exports of a host: its migration settings and its updates.

use jiff::civil::Date;

use super::csv_row;
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
        ("VirtualMachineMigrationEnabled", "True"),
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

/// The culture that dates are printed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Culture {
    /// `9/15/2026 12:00:00 AM`.
    American,
    /// `15.09.2026 00:00:00`.
    German,
}

/// What `Get-HotFix | Export-Csv` writes.
#[must_use]
pub fn get_hot_fix(host: &Machine, fixes: &[HotFix<'_>], culture: Culture) -> String {
    let delimiter = if culture == Culture::German { ';' } else { ',' };
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
        let installed = match culture {
            Culture::American => fix.installed.strftime("%-m/%-d/%Y 12:00:00 AM").to_string(),
            Culture::German => fix.installed.strftime("%d.%m.%Y 00:00:00").to_string(),
        };
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
