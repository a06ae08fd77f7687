//! What the tools of Windows print, as the script of `kcdoctor collect` keeps it: UTF-8, CRLF, in English.

use jiff::Timestamp;

use crate::scenario::exports::directory::Account;
use crate::scenario::{Machine, later};

/// Keys that gate hardenings, in the script's order, without their hive.
const KEYS: [&str; 13] = [
    r"SYSTEM\CurrentControlSet\Control\Lsa",
    r"SYSTEM\CurrentControlSet\Control\Lsa\Kerberos\Parameters",
    r"SYSTEM\CurrentControlSet\Control\Lsa\MSV1_0",
    r"SYSTEM\CurrentControlSet\Control\DeviceGuard",
    r"SYSTEM\CurrentControlSet\Control\DeviceGuard\Scenarios\CredentialGuard",
    r"SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System\Kerberos\Parameters",
    r"SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System\CredSSP\Parameters",
    r"SOFTWARE\Policies\Microsoft\Windows\DeviceGuard",
    r"SOFTWARE\Policies\Microsoft\Windows\CredentialsDelegation",
    r"SOFTWARE\Microsoft\Ole\AppCompat",
    r"SYSTEM\CurrentControlSet\Services\Netlogon\Parameters",
    r"SYSTEM\CurrentControlSet\Services\Kdc",
    r"SYSTEM\CurrentControlSet\Services\W32Time\Parameters",
];

/// A DWORD of the registry: key without its hive, name, value.
pub type Dword<'a> = (&'a str, &'a str, u32);

/// `reg query` of every key, one after the other: the machine's name first, then those of `values`; a key without
/// values stands alone.
#[must_use]
pub fn registry(host: &Machine, values: &[Dword<'_>]) -> String {
    let name = r"SYSTEM\CurrentControlSet\Control\ComputerName\ActiveComputerName";
    let mut out =
        format!("\r\nHKEY_LOCAL_MACHINE\\{name}\r\n    ComputerName    REG_SZ    {}\r\n", host.name);
    for key in KEYS {
        out.push_str(&format!("\r\nHKEY_LOCAL_MACHINE\\{key}\r\n"));
        for (_, name, value) in values.iter().filter(|(own, ..)| *own == key) {
            out.push_str(&format!("    {name}    REG_DWORD    0x{value:x}\r\n"));
        }
    }
    out
}

/// `w32tm /query /status /verbose`; the clock is `offset` microseconds ahead of its source.
#[must_use]
pub fn w32tm_status(source: &Machine, synchronised: Timestamp, offset: i64) -> String {
    let (sign, offset) = (if offset < 0 { "" } else { "-" }, offset.unsigned_abs());
    format!(
        "Leap Indicator: 0(no warning)\r\nStratum: 4 (secondary reference - syncd by (S)NTP)\r\n\
         Precision: -23 (119.209ns per tick)\r\nRoot Delay: 0.0154902s\r\nRoot Dispersion: 0.0461172s\r\n\
         ReferenceId: 0x0A14{:04X} (source IP:  {})\r\nLast Successful Sync Time: {}\r\nSource: {}\r\n\
         Poll Interval: 10 (1024s)\r\n\r\nPhase Offset: {sign}{}.{:06}0s\r\nClockRate: 0.0156250s\r\nState Machine: 2 (Sync)\r\n\
         Time Source Flags: 0 (None)\r\nServer Role: 0 (None)\r\nLast Sync Error: 0 (The command completed successfully.)\r\n\
         Time since Last Good Sync Time: 412.3011702s\r\n\r\n",
        source.rid % 0x1_0000,
        source.ip,
        american(synchronised),
        source.fqdn(),
        offset / 1_000_000,
        offset % 1_000_000,
    )
}

/// `klist -li 0x3e7`: the machine's own tickets, for the domain and for each of `services`.
#[must_use]
pub fn klist(host: &Machine, dc: &Machine, services: &[String], start: Timestamp) -> String {
    let realm = host.domain.realm();
    let krbtgt = [format!("krbtgt/{realm}")];
    let all = krbtgt.iter().chain(services);
    let mut out =
        format!("\r\nCurrent LogonId is 0:0x3e7\r\n\r\nCached Tickets: ({})\r\n", 1 + services.len());
    for (at, service) in all.enumerate() {
        let flags = if at == 0 {
            "0x40e10000 -> forwardable renewable initial pre_authent name_canonicalize "
        } else {
            "0x40a50000 -> forwardable renewable pre_authent ok_as_delegate name_canonicalize "
        };
        out.push_str(&format!(
            "\r\n#{at}>\tClient: {} @ {realm}\r\n\tServer: {service} @ {realm}\r\n\
             \tKerbTicket Encryption Type: AES-256-CTS-HMAC-SHA1-96\r\n\tTicket Flags {flags}\r\n\
             \tStart Time: {} (local)\r\n\tEnd Time:   {} (local)\r\n\tRenew Time: {} (local)\r\n\
             \tSession Key Type: AES-256-CTS-HMAC-SHA1-96\r\n\tCache Flags: {}\r\n\tKdc Called: {}\r\n",
            host.account().to_lowercase(),
            american(start),
            american(later(start, 36_000_000)),
            american(later(start, 604_800_000)),
            if at == 0 { "0x1 -> PRIMARY " } else { "0 " },
            dc.fqdn(),
        ));
    }
    out
}

/// `nltest /sc_query:DOMAIN` of a sound secure channel.
#[must_use]
pub fn nltest(dc: &Machine) -> String {
    format!(
        "Flags: b0 HAS_IP  HAS_TIMESERV \r\nTrusted DC Name \\\\{} \r\n\
         Trusted DC Connection Status Status = 0 0x0 NERR_Success\r\nThe command completed successfully\r\n",
        dc.fqdn()
    )
}

/// `setspn -L HOST`.
#[must_use]
pub fn setspn(account: &Account) -> String {
    let spns: String = account.spns.iter().map(|spn| format!("\t{spn}\r\n")).collect();
    format!("Registered ServicePrincipalNames for {}:\r\n{spns}", account.dn())
}

/// The head of `Get-ClusterLog`, in UTC, and one line a message. *Not established*: the sentence that says UTC; only
/// its counterpart for local time was seen in public.
#[must_use]
pub fn cluster_log(node: &Machine, id: u32, messages: &[(Timestamp, &str)]) -> String {
    let mut out = format!(
        "[=== Cluster ===]\r\n\r\nUTC= localtime + time zone offset; with daylight savings, the time zone offset of this \
         machine is -120 minutes, or -2 hours\r\n\r\nThe logs were generated using Coordinated Universal Time (UTC). \
         'Get-ClusterLog -UseLocalTime' will generate in local time.\r\n\r\nBuild Number {}\r\n\r\n\
         Current node: name ({}) id ({id})\r\n\r\n[=== Cluster Logs ===]\r\n",
        node.os.build(),
        node.name
    );
    for (time, message) in messages {
        let time = time.strftime("%Y/%m/%d-%H:%M:%S.%3f");
        out.push_str(&format!("00000b1c.000013{:02x}::{time} {message}\r\n", id * 16));
    }
    out
}

/// A time as an American console shows it.
fn american(time: Timestamp) -> String {
    time.strftime("%-m/%-d/%Y %-H:%M:%S").to_string()
}
