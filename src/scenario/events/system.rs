//! Events of the system log and its neighbours: starts, updates, services, Kerberos client, time, cluster.

use jiff::Timestamp;

use super::{KERBEROS, Provider, SETUP, SYSTEM, data, unnamed};
use crate::fact::Spn;
use crate::scenario::evtx::{Payload, Record};
use crate::scenario::{Dice, Machine, Os, Update, exports};

const KERNEL: Provider = Provider {
    name: "Microsoft-Windows-Kernel-General",
    guid: Some("A68CA8B7-004F-D7B6-A698-07E2DE0F1F5D"),
    channel: SYSTEM,
};
const EVENT_LOG: Provider = Provider { name: "EventLog", guid: None, channel: SYSTEM };
const SERVICES: Provider = Provider {
    name: "Service Control Manager",
    guid: Some("555908D1-A6D7-4695-8E1E-26931D2012F4"),
    channel: SYSTEM,
};
const UPDATES: Provider = Provider {
    name: "Microsoft-Windows-WindowsUpdateClient",
    guid: Some("945A8954-C147-4ACD-923F-40C45405A658"),
    channel: SYSTEM,
};
const SERVICING: Provider = Provider {
    name: "Microsoft-Windows-Servicing",
    guid: Some("BD12F3B8-FC40-4A61-A307-B7A013A069C1"),
    channel: SETUP,
};
const WININIT: Provider = Provider {
    name: "Microsoft-Windows-Wininit",
    guid: Some("206F6DEA-D3C5-4D10-BC72-989F03C8B84B"),
    channel: SYSTEM,
};
const KERBEROS_CLIENT: Provider = Provider {
    name: "Microsoft-Windows-Security-Kerberos",
    guid: Some("98E6CFCB-EE0A-41E0-A57B-622D4E1B30B1"),
    channel: SYSTEM,
};
const TIME: Provider = Provider {
    name: "Microsoft-Windows-Time-Service",
    guid: Some("06EDCFEB-0FD0-4E53-ACCA-A6F8BBF81BCB"),
    channel: SYSTEM,
};
const CLUSTER: Provider = Provider {
    name: "Microsoft-Windows-FailoverClustering",
    guid: Some("BAF908EA-3421-4CA9-9B84-6689B8C6F85F"),
    channel: SYSTEM,
};
const NETLOGON: Provider = Provider { name: "NETLOGON", guid: None, channel: SYSTEM };
const GROUP_POLICY: Provider = Provider {
    name: "Microsoft-Windows-GroupPolicy",
    guid: Some("AEA1B4FA-97D1-45F2-A64C-4D69FFFD92C9"),
    channel: SYSTEM,
};
const LSA: Provider =
    Provider { name: "LsaSrv", guid: Some("199FE037-2B82-40A9-82AC-E1D46C792B99"), channel: SYSTEM };
/// The GUID is from memory.
const KDC: Provider = Provider {
    name: "Microsoft-Windows-Kerberos-Key-Distribution-Center",
    guid: Some("3FD9DA1A-5A54-46C5-9A26-9BD7C0685056"),
    channel: SYSTEM,
};

/// The classic keyword of events that have no provider manifest.
const CLASSIC: u64 = 0x0080_0000_0000_0000;

/// EventLog 6005: the log service started.
#[must_use]
pub fn log_started(host: &Machine, time: Timestamp) -> Record {
    classic(EVENT_LOG.event(6005, host, time, unnamed([""])), 32768)
}

/// Kernel-General 12: the machine started on `os` with that update revision, the proof of what really runs.
#[must_use]
pub fn started(host: &Machine, os: Os, revision: u32, time: Timestamp) -> Record {
    let fields = [
        ("MajorVersion", "10".to_owned()),
        ("MinorVersion", "0".to_owned()),
        ("BuildVersion", os.build().to_string()),
        ("QfeVersion", revision.to_string()),
        ("ServiceVersion", "0".to_owned()),
        ("BootMode", "0".to_owned()),
        ("StartTime", exports::system_time(time)),
    ];
    Record { task: 1, keywords: 0x8000_0000_0000_0080, ..KERNEL.event(12, host, time, data(fields)) }
}

/// Kernel-General 13: the machine shuts down.
#[must_use]
pub fn stopped(host: &Machine, time: Timestamp) -> Record {
    let record = KERNEL.event(13, host, time, data([("StopTime", exports::system_time(time))]));
    Record { task: 2, keywords: 0x8000_0000_0000_0080, user: None, ..record }
}

/// Service Control Manager 7036: a service changed its state.
#[must_use]
pub fn service_changed(host: &Machine, service: &str, state: &str, time: Timestamp) -> Record {
    let record = SERVICES.event(7036, host, time, data([("param1", service), ("param2", state)]));
    Record { qualifiers: Some(16384), keywords: 0x8080_0000_0000_0000, user: None, ..record }
}

/// The title of a cumulative update, as Windows Update shows it.
#[must_use]
pub fn title(os: Os, update: Update) -> String {
    format!("{} Cumulative Update for {} for x64-based Systems ({})", update.month, os.product(), update.kb)
}

/// WindowsUpdateClient 43: the installation begins.
#[must_use]
pub fn update_started(host: &Machine, update: Update, time: Timestamp) -> Record {
    let title = title(host.os, update);
    let guid = Dice::named(&title).guid();
    let fields = [("updateTitle", title), ("updateGuid", guid), ("updateRevisionNumber", "1".to_owned())];
    let record = UPDATES.event(43, host, time, data(fields));
    Record { version: 1, task: 1, opcode: 13, keywords: 0x8000_0000_0000_2008, ..record }
}

/// WindowsUpdateClient 19: installed, which is logged minutes *after* the restart onto the new build.
#[must_use]
pub fn update_installed(host: &Machine, update: Update, time: Timestamp) -> Record {
    let title = title(host.os, update);
    let guid = Dice::named(&title).guid();
    let fields = [
        ("updateTitle", title),
        ("updateGuid", guid),
        ("updateRevisionNumber", "1".to_owned()),
        ("serviceGuid", "9482F4B4-E343-43B6-B170-9A65BC822C77".to_owned()),
    ];
    let record = UPDATES.event(19, host, time, data(fields));
    Record { version: 1, task: 1, opcode: 13, keywords: 0x8000_0000_0000_0018, ..record }
}

/// Servicing 4: the package needs a restart.
#[must_use]
pub fn restart_required(host: &Machine, update: Update, time: Timestamp) -> Record {
    package_changed(host, 4, update, "0x0", time)
}

/// Servicing 2: the package is installed.
#[must_use]
pub fn package_installed(host: &Machine, update: Update, time: Timestamp) -> Record {
    package_changed(host, 2, update, "0x0", time)
}

fn package_changed(host: &Machine, id: u16, update: Update, error: &str, time: Timestamp) -> Record {
    let fields = [
        ("PackageIdentifier", update.kb),
        ("IntendedPackageState", "5112"),
        ("IntendedPackageStateTextized", "Installed"),
        ("ErrorCode", error),
        ("Client", "UpdateAgentLCU"),
    ];
    let payload = Payload::UserData {
        element: "CbsPackageChangeState".to_owned(),
        namespace: "http://manifests.microsoft.com/win/2004/08/windows/setup_provider".to_owned(),
        fields: fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    Record { level: 0, task: 1, ..SERVICING.event(id, host, time, payload) }
}

/// Wininit 13: Credential Guard was started.
#[must_use]
pub fn credential_guard_started(host: &Machine, time: Timestamp) -> Record {
    let nothing: [(&'static str, &str); 0] = [];
    Record { keywords: 0x4000_0000_0000_0000, ..WININIT.event(13, host, time, data(nothing)) }
}

/// Wininit 14: how Credential Guard is configured; 2 is "on, without lock", the default of 2025.
#[must_use]
pub fn credential_guard_configured(host: &Machine, config: u32, automatic: bool, time: Timestamp) -> Record {
    let fields = [
        ("Config", config.to_string()),
        ("IsTestConfig", "0".to_owned()),
        ("IsAutoEnabled", u8::from(automatic).to_string()),
    ];
    Record { keywords: 0x4000_0000_0000_0000, ..WININIT.event(14, host, time, data(fields)) }
}

/// Security-Kerberos 3: a refusal as the client saw it, logged only with `LogLevel` 1. `extended` is the
/// NTSTATUS that tells refusals of delegation apart: 0xc00000bb no list, 0xc0000272 not on the list.
#[must_use]
pub fn kerberos_refusal(source: &Machine, target: &Machine, extended: &str, time: Timestamp) -> Record {
    let realm = source.domain.realm();
    let service = migration_spn(target);
    let fields = [
        ("LogonSession", String::new()),
        ("ClientTime", String::new()),
        ("ServerTime", time.strftime("%-H:%-M:%-S.0000 %-m/%-d/%Y Z").to_string()),
        ("ErrorCode", "0xd".to_owned()),
        ("ErrorMessage", "KDC_ERR_BADOPTION".to_owned()),
        ("ExtendedError", extended.to_owned()),
        ("ClientRealm", String::new()),
        ("ClientName", String::new()),
        ("ServerRealm", realm.clone()),
        ("ServerName", service.clone()),
        ("TargetName", format!("{service}@{realm}")),
        ("ErrorText", String::new()),
        ("File", "9".to_owned()),
        ("Line", "124b".to_owned()),
    ];
    let record = classic(KERBEROS_CLIENT.event(3, source, time, data(fields)), 32768);
    Record { level: 2, ..record }
}

/// Security-Kerberos 201: Credential Guard refused unconstrained delegation of `user`.
#[must_use]
pub fn unconstrained_refused(source: &Machine, target: &Machine, user: &str, time: Timestamp) -> Record {
    let domain = source.domain.netbios.clone();
    let fields = [
        ("TargetName", migration_spn(target)),
        ("UserName", user.to_owned()),
        ("DomainName", domain.clone()),
        ("CallerPID", "2980".to_owned()),
        ("ProcessName", r"C:\Windows\System32\vmms.exe".to_owned()),
        ("ClientLUID", "0x4c1d7e".to_owned()),
        ("ClientUserName", user.to_owned()),
        ("ClientDomainName", domain),
        ("MechanismOID", "1.2.840.48018.1.2.2".to_owned()),
    ];
    let provider = Provider { channel: KERBEROS, ..KERBEROS_CLIENT };
    Record { level: 3, keywords: 0x4000_0000_0000_0000, ..provider.event(201, source, time, data(fields)) }
}

/// The SPN that a move asks for, in its short form.
fn migration_spn(target: &Machine) -> String {
    Spn::migration(&target.name)
}

/// Time-Service 50: the clock is off by more than `milliseconds`. Field names not established.
#[must_use]
pub fn clock_differs(host: &Machine, milliseconds: u64, time: Timestamp) -> Record {
    let fields =
        [("TimeDifferenceMilliseconds", milliseconds.to_string()), ("TimeSampleSeconds", "900".to_owned())];
    clock(TIME.event(50, host, time, data(fields)), 3)
}

/// Time-Service 36: not synchronised for `seconds`. Field names not established.
#[must_use]
pub fn clock_unsynchronised(host: &Machine, seconds: u64, time: Timestamp) -> Record {
    let fields = [("TimeDifferenceSeconds", seconds.to_string())];
    clock(TIME.event(36, host, time, data(fields)), 3)
}

/// Time-Service 34: the clock would have to change by `offset` seconds, more than `limit`. Field names not
/// established.
#[must_use]
pub fn clock_change_refused(host: &Machine, offset: i64, limit: u64, time: Timestamp) -> Record {
    let fields = [
        ("TimeOffsetSeconds", offset.to_string()),
        ("MaxTimeOffsetSeconds", limit.to_string()),
        ("TimeSource", format!("DC01.{} (ntp.d|0.0.0.0:123->10.20.4.3:123)", host.domain.dns)),
    ];
    clock(TIME.event(34, host, time, data(fields)), 2)
}

/// The time service runs under an account of its own.
fn clock(record: Record, level: u8) -> Record {
    Record { level, user: Some("S-1-5-19".to_owned()), ..record }
}

/// FailoverClustering 1135: `node` was removed from the cluster's membership.
#[must_use]
pub fn node_removed(host: &Machine, node: &Machine, time: Timestamp) -> Record {
    cluster(CLUSTER.event(1135, host, time, data([("NodeName", node.name.as_str())])), 1)
}

/// FailoverClustering 1126: an interface of `node` is unreachable by at least one other node.
#[must_use]
pub fn interface_unreachable(host: &Machine, node: &Machine, network: &str, time: Timestamp) -> Record {
    cluster(CLUSTER.event(1126, host, time, interface(node, network)), 3)
}

/// FailoverClustering 1127: an interface of `node` failed.
#[must_use]
pub fn interface_failed(host: &Machine, node: &Machine, network: &str, time: Timestamp) -> Record {
    cluster(CLUSTER.event(1127, host, time, interface(node, network)), 2)
}

fn interface(node: &Machine, network: &str) -> Payload {
    data([
        ("InterfaceName", format!("{} - {network}", node.name)),
        ("NodeName", node.name.clone()),
        ("NetworkName", network.to_owned()),
    ])
}

/// FailoverClustering 5120: a shared volume paused.
#[must_use]
pub fn volume_paused(host: &Machine, volume: &str, error: &str, time: Timestamp) -> Record {
    let resource = format!("Cluster Disk 2 ({volume})");
    let fields = [("VolumeName", volume), ("ResourceName", resource.as_str()), ("ErrorCode", error)];
    cluster(CLUSTER.event(5120, host, time, data(fields)), 2)
}

/// NETLOGON 3210: the host's own password was not accepted by `dc`. Number from memory, shape as 5805's.
#[must_use]
pub fn secure_channel_broken(host: &Machine, dc: &Machine, time: Timestamp) -> Record {
    let values = [host.domain.netbios.clone(), format!(r"\\{}", dc.fqdn()), "%%5".to_owned()];
    Record { level: 2, ..classic(NETLOGON.event(3210, host, time, unnamed(values)), 0) }
}

/// GroupPolicy 1129: no domain controller answered. Field names as in real records of the provider.
#[must_use]
pub fn policy_without_controller(host: &Machine, time: Timestamp) -> Record {
    let fields = [
        ("SupportInfo1", "1"),
        ("SupportInfo2", "1632"),
        ("ProcessingMode", "0"),
        ("ProcessingTimeInMilliseconds", "21078"),
        ("ErrorCode", "1222"),
        ("ErrorDescription", "The network is not present or not started. "),
    ];
    Record { level: 2, ..GROUP_POLICY.event(1129, host, time, data(fields)) }
}

/// Security-Kerberos 200: the client found no domain controller. Documented.
#[must_use]
pub fn kerberos_without_controller(host: &Machine, time: Timestamp) -> Record {
    let fields = [("TargetDomain", host.domain.realm()), ("ErrorCode", "0xc000005e".to_owned())];
    let provider = Provider { channel: KERBEROS, ..KERBEROS_CLIENT };
    Record { level: 3, keywords: 0x4000_0000_0000_0000, ..provider.event(200, host, time, data(fields)) }
}

/// NETLOGON 5719: no domain controller. Number and shape from memory.
#[must_use]
pub fn no_logon_server(host: &Machine, time: Timestamp) -> Record {
    let values = [host.domain.netbios.clone(), "%%1311".to_owned()];
    Record { level: 2, ..classic(NETLOGON.event(5719, host, time, unnamed(values)), 0) }
}

/// KDC 11: `dc` found the migration SPN of `target` on several accounts. Template documented.
#[must_use]
pub fn name_not_unique(dc: &Machine, target: &Machine, time: Timestamp) -> Record {
    let fields = [("Name", migration_spn(target)), ("Type", "DS_SERVICE_PRINCIPAL_NAME".to_owned())];
    Record { level: 2, ..classic(KDC.event(11, dc, time, data(fields)), 49152) }
}

/// LsaSrv 6167: `host` refused a machine that shares its identity. The number is documented, the fields are not.
#[must_use]
pub fn identity_refused(host: &Machine, time: Timestamp) -> Record {
    Record { level: 2, ..classic(LSA.event(6167, host, time, unnamed(["Kerberos"])), 0) }
}

fn cluster(record: Record, level: u8) -> Record {
    Record { level, ..record }
}

fn classic(record: Record, qualifiers: u16) -> Record {
    Record { qualifiers: Some(qualifiers), keywords: CLASSIC, user: None, ..record }
}
