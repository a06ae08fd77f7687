//! What the script of `kcdoctor collect` writes: the files of its layout, beside the event logs.
//!
//! Each function gives the content of one file. Lists of objects are [`Json`], so that a test can have them in the layout
//! of either PowerShell. What is *not* done here: which files a bundle holds; its story says that.

use jiff::Timestamp;

use super::directory::{Account, Value, attributes, line, sid_bytes};
use super::host::{Authentication, HotFix};
use crate::scenario::events::security::Admin;
use crate::scenario::{Machine, Os, Update, Vm, moment};

pub mod console;
mod json;

pub use json::{Json, Shell};

/// The attributes that the script asks the directory for.
const ATTRIBUTES: [&str; 21] = [
    "objectClass",
    "cn",
    "name",
    "instanceType",
    "uSNChanged",
    "whenChanged",
    "objectSid",
    "sAMAccountName",
    "dNSHostName",
    "userAccountControl",
    "pwdLastSet",
    "servicePrincipalName",
    "msDS-AllowedToDelegateTo",
    "msDS-AllowedToActOnBehalfOfOtherIdentity",
    "primaryGroupID",
    "msDS-SupportedEncryptionTypes",
    "msDS-ReplAttributeMetaData",
    "operatingSystem",
    "operatingSystemVersion",
    "member",
    "memberOf",
];

/// One object as the script writes it, with the machine that it was read on.
fn row<const N: usize>(host: &Machine, pairs: [(&'static str, Json); N]) -> Json {
    let host = [("PSComputerName", host.name.as_str().into())];
    Json::Object(pairs.into_iter().chain(host).collect())
}

/// A time as the script writes it: UTC, whole seconds.
fn utc(time: Timestamp) -> Json {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into()
}

/// `Get-VMHost.json`.
#[must_use]
pub fn vm_host(host: &Machine, authentication: Authentication) -> Json {
    let authentication = match authentication {
        Authentication::Kerberos => "Kerberos",
        Authentication::CredSsp => "CredSSP",
    };
    Json::List(vec![row(
        host,
        [
            ("ComputerName", host.name.as_str().into()),
            ("Name", host.name.as_str().into()),
            ("FullyQualifiedDomainName", host.domain.dns.as_str().into()),
            ("VirtualMachineMigrationEnabled", true.into()),
            ("VirtualMachineMigrationAuthenticationType", authentication.into()),
            ("VirtualMachineMigrationPerformanceOption", "Compression".into()),
            ("UseAnyNetworkForMigration", false.into()),
            ("MaximumVirtualMachineMigrations", 2.into()),
            ("MaximumStorageMigrations", 2.into()),
            ("VirtualHardDiskPath", r"C:\ClusterStorage\Volume1".into()),
            ("VirtualMachinePath", r"C:\ClusterStorage\Volume1".into()),
        ],
    )])
}

/// `Get-VM.json`.
#[must_use]
pub fn vms(host: &Machine, names: &[&str]) -> Json {
    let one = |name: &&str| {
        let id = Vm::new(name).id.to_ascii_lowercase();
        row(
            host,
            [
                ("Name", (*name).into()),
                ("VMId", id.into()),
                ("State", "Running".into()),
                ("Status", "Operating normally".into()),
                ("ComputerName", host.name.as_str().into()),
                ("Version", "9.0".into()),
                ("Generation", 2.into()),
                ("IsClustered", true.into()),
                ("ProcessorCount", 4.into()),
                ("MemoryStartup", 8_589_934_592.into()),
            ],
        )
    };
    Json::List(names.iter().map(one).collect())
}

/// `Get-HotFix.json`.
#[must_use]
pub fn hot_fixes(host: &Machine, fixes: &[HotFix<'_>]) -> Json {
    let one = |fix: &HotFix<'_>| {
        row(
            host,
            [
                ("CSName", host.name.as_str().into()),
                ("HotFixID", fix.kb.into()),
                ("Description", fix.description.into()),
                ("InstalledOn", fix.installed.to_string().into()),
            ],
        )
    };
    Json::List(fixes.iter().map(one).collect())
}

/// `WindowsUpdateHistory.json`: updates and when each was installed.
#[must_use]
pub fn update_history(host: &Machine, updates: &[(Update, Timestamp)]) -> Json {
    let one = |(update, time): &(Update, Timestamp)| {
        let title = format!(
            "{} Cumulative Update for {} for x64-based Systems ({})",
            update.month,
            host.os.product(),
            update.kb
        );
        row(
            host,
            [
                ("Date", utc(*time)),
                ("Operation", 1.into()),
                ("ResultCode", 2.into()),
                ("HResult", 0.into()),
                ("Title", title.into()),
            ],
        )
    };
    Json::List(updates.iter().map(one).collect())
}

/// `Win32_OperatingSystem.json`; the clock is `ahead` minutes ahead of UTC.
#[must_use]
pub fn operating_system(host: &Machine, is_controller: bool, booted: Timestamp, ahead: i64) -> Json {
    Json::List(vec![row(
        host,
        [
            ("CSName", host.name.as_str().into()),
            ("Caption", format!("Microsoft {}", host.os.name()).into()),
            ("Version", format!("10.0.{}", host.os.build()).into()),
            ("BuildNumber", host.os.build().to_string().into()),
            ("ProductType", if is_controller { 2 } else { 3 }.into()),
            ("InstallDate", utc(moment(2, 12, 9, 15))),
            ("LastBootUpTime", utc(booted)),
            ("CurrentTimeZone", ahead.into()),
            ("OSLanguage", 1033.into()),
            ("Locale", "0409".into()),
        ],
    )])
}

/// `CurrentVersion.json`: the build with its update revision.
#[must_use]
pub fn current_version(host: &Machine, revision: u32) -> Json {
    let (display, release) = match host.os {
        Os::Server2016 => (Json::Null, "1607"),
        Os::Server2019 => (Json::Null, "1809"),
        Os::Server2022 => ("21H2".into(), "2009"),
        Os::Server2025 => ("24H2".into(), "2009"),
    };
    Json::List(vec![row(
        host,
        [
            ("ProductName", host.os.name().into()),
            ("EditionID", "ServerDatacenter".into()),
            ("InstallationType", "Server".into()),
            ("DisplayVersion", display),
            ("ReleaseId", release.into()),
            ("CurrentBuild", host.os.build().to_string().into()),
            ("UBR", i64::from(revision).into()),
        ],
    )])
}

/// `Win32_DeviceGuard.json`; service 1 is Credential Guard.
#[must_use]
pub fn device_guard(host: &Machine, running: &[i64]) -> Json {
    let list = |services: &[i64]| Json::List(services.iter().copied().map(Json::Number).collect());
    Json::List(vec![row(
        host,
        [
            ("VirtualizationBasedSecurityStatus", if running.is_empty() { 0 } else { 2 }.into()),
            ("SecurityServicesConfigured", list(running)),
            ("SecurityServicesRunning", list(running)),
            ("AvailableSecurityProperties", list(&[1, 2, 3, 5])),
            ("RequiredSecurityProperties", list(&[])),
        ],
    )])
}

/// `Get-ClusterNode.json`, as the node `at` sees it.
#[must_use]
pub fn cluster_nodes(at: &Machine, cluster: &str, nodes: &[&Machine]) -> Json {
    let one = |(id, node): (i64, &&Machine)| {
        row(
            at,
            [
                ("Name", node.name.as_str().into()),
                ("Id", id.to_string().into()),
                ("State", "Up".into()),
                ("DrainStatus", "NotInitiated".into()),
                ("NodeWeight", 1.into()),
                ("DynamicWeight", 1.into()),
                ("Cluster", cluster.into()),
            ],
        )
    };
    Json::List((1..).zip(nodes).map(one).collect())
}

/// `Get-Cluster.json`, as the node `at` sees it.
#[must_use]
pub fn cluster(at: &Machine, cluster: &str) -> Json {
    Json::List(vec![row(
        at,
        [
            ("Name", cluster.into()),
            ("Domain", at.domain.dns.as_str().into()),
            ("ClusterFunctionalLevel", 10.into()),
        ],
    )])
}

/// `directory/computers.ldf`, read from `dc` by `user`.
#[must_use]
pub fn computers(dc: &Machine, user: &str, accounts: &[Account]) -> String {
    let objects = accounts.iter().map(|account| (account.dn(), attributes(account)));
    ldif(dc, user, objects)
}

/// `directory/users.ldf`: administrators without delegation settings of their own.
#[must_use]
pub fn users(dc: &Machine, user: &str, admins: &[&Admin]) -> String {
    let objects = admins.iter().map(|admin| {
        let text = |text: &str| Value::Text(text.to_owned());
        let mut all: Vec<(&str, Value)> = ["top", "person", "organizationalPerson", "user"]
            .map(|class| ("objectClass", text(class)))
            .into();
        all.extend([
            ("cn", text(&admin.name)),
            ("name", text(&admin.name)),
            ("instanceType", text("4")),
            ("uSNChanged", text("400113")),
            ("whenChanged", text("20260814071203.0Z")),
            ("objectSid", Value::Bytes(sid_bytes(&admin.sid))),
            ("sAMAccountName", text(&admin.name)),
            ("userAccountControl", text("512")),
        ]);
        (format!("CN={},OU=Admins,{}", admin.name, dc.domain.dn()), all)
    });
    ldif(dc, user, objects)
}

/// LDIF as the script writes it: its own head, the attributes in its order.
fn ldif<'a>(
    dc: &Machine,
    user: &str,
    objects: impl Iterator<Item = (String, Vec<(&'a str, Value)>)>,
) -> String {
    let mut out = format!(
        "# extended LDIF\n# server: {}\n# read as: {user}\n# what this user may not read looks as if it were not set\n\
         # requesting: {}\n#\nversion: 1\n\n",
        dc.fqdn(),
        ATTRIBUTES.join(" ")
    );
    for (dn, values) in objects {
        out.push_str(&line("dn", &Value::Text(dn)));
        for name in ATTRIBUTES {
            let own = values.iter().filter(|(own, _)| *own == name);
            out.extend(own.map(|(name, value)| line(name, value)));
        }
        out.push('\n');
    }
    out
}

/// A run of the script.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// Where it ran.
    pub at: &'a Machine,
    /// Who ran it, with the domain.
    pub user: &'a str,
    /// When it began and ended.
    pub span: (Timestamp, Timestamp),
    /// The hosts that it gathered from.
    pub nodes: &'a [&'a Machine],
    /// The domain controllers that it gathered from.
    pub controllers: &'a [&'a Machine],
    /// What failed: the host, what, the error.
    pub failed: &'a [(&'a str, &'a str, &'a str)],
}

/// `kcdoctor-collect.json` of a bundle with these files.
#[must_use]
pub fn manifest(run: &Run<'_>, files: &[&str]) -> Json {
    let item = |host: &str, what: &str, file: Json, error: Json| {
        let ok = error == Json::Null;
        Json::Object(vec![
            ("host", host.into()),
            ("what", what.into()),
            ("file", file),
            ("ok", ok.into()),
            ("error", error),
            ("note", Json::Null),
        ])
    };
    let written = files.iter().map(|file| {
        let mut parts = file.trim_start_matches("DC/").split('/');
        let (place, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let what = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        item(place, what, (*file).into(), Json::Null)
    });
    let failed = run.failed.iter().map(|(host, what, error)| item(host, what, Json::Null, (*error).into()));
    let names = |machines: &[&Machine], name: fn(&Machine) -> String| {
        Json::List(machines.iter().map(|machine| name(machine).into()).collect())
    };
    Json::Object(vec![
        ("kcdoctorCollect", 1.into()),
        ("started", utc(run.span.0)),
        ("ended", utc(run.span.1)),
        ("days", 30.into()),
        ("computer", run.at.name.as_str().into()),
        ("user", run.user.into()),
        ("powershell", format!("5.1.{}.{}", run.at.os.build(), 2931).into()),
        ("nodes", names(run.nodes, |machine| machine.name.clone())),
        ("domainControllers", names(run.controllers, Machine::fqdn)),
        ("items", Json::List(written.chain(failed).collect())),
    ])
}

/// `collect.log`.
#[must_use]
pub fn log(run: &Run<'_>) -> String {
    let (begin, end) = run.span;
    let time = |time: Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut out = format!(
        "kcdoctor collect log, times in UTC\r\n{}  gathering 30 days; nothing is changed but temporary folders, which are \
         removed\r\n",
        time(begin)
    );
    for machine in run.nodes.iter().chain(run.controllers) {
        out.push_str(&format!("{}  {}: gathering\r\n", time(begin), machine.name));
    }
    for (host, what, error) in run.failed {
        out.push_str(&format!("{}  {host}: {what} failed: {error}\r\n", time(end)));
    }
    for machine in run.nodes.iter().chain(run.controllers) {
        out.push_str(&format!("{}  {}: done\r\n", time(end), machine.name));
    }
    out
}
