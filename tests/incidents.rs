//! What has gone wrong before, or nearly: small incidents, each a trap that must not close.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use kcdoctor::report::Report;

use super::report;

const HYPER_V: &str = "Microsoft-Windows-Hyper-V-";
pub(super) const NO_CREDENTIALS: &str = "No credentials are available in the security package (0x8009030E).";
pub(super) const IDS: [&str; 3] = [
    "00000001-1111-4111-8111-000000000001",
    "00000002-1111-4111-8111-000000000002",
    "00000003-1111-4111-8111-000000000003",
];

/// A bundle in the making: events as `wevtutil qe` prints them, and text files.
pub(super) struct Case {
    folder: tempfile::TempDir,
    events: String,
    records: u32,
}

impl Case {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), events: String::new(), records: 0 }
    }

    /// An event of one of Hyper-V's logs (`VMMS`, `High-Availability`); values are positional.
    pub(super) fn event(
        &mut self,
        log: &str,
        (id, level): (u32, u8),
        host: &str,
        time: &str,
        values: &[&str],
    ) -> &mut Self {
        self.records += 1;
        let mut fields = String::new();
        for (index, value) in values.iter().enumerate() {
            let value = value.replace('&', "&amp;").replace('<', "&lt;");
            write!(fields, "<Parameter{index}>{value}</Parameter{index}>").unwrap();
        }
        let record = self.records;
        writeln!(
            self.events,
            "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='{HYPER_V}{log}'/>\
             <EventID>{id}</EventID><Level>{level}</Level><TimeCreated SystemTime='2026-09-{time}Z'/><EventRecordID>{record}</EventRecordID>\
             <Channel>{HYPER_V}{log}-Admin</Channel><Computer>{host}.contoso.com</Computer></System><UserData><VmlEventLog>{fields}</VmlEventLog></UserData></Event>"
        )
        .unwrap();
        self
    }

    pub(super) fn service(
        &mut self,
        id: u32,
        level: u8,
        host: &str,
        time: &str,
        values: &[&str],
    ) -> &mut Self {
        self.event("VMMS", (id, level), host, time, values)
    }

    /// 21502 on the source, with the sentence of the cause.
    pub(super) fn cluster_failure(
        &mut self,
        vm: &str,
        id: &str,
        host: &str,
        time: &str,
        sentence: &str,
    ) -> &mut Self {
        let text = format!("Live migration of 'Virtual Machine {vm}' failed.\n\n{sentence}");
        self.event(
            "High-Availability",
            (21502, 2),
            host,
            time,
            &[&format!("Virtual Machine {vm}"), id, &text],
        )
    }

    /// A computer object with everything that decides; `extra` are more LDIF lines.
    pub(super) fn objects(&mut self, objects: &[(&str, u32, &[&str], &str)]) -> &mut Self {
        let mut text = "# requesting: ALL\n\n".to_owned();
        for (index, (name, bits, list, extra)) in objects.iter().enumerate() {
            let lower = name.to_lowercase();
            writeln!(text, "dn: CN={name},DC=contoso,DC=com\nobjectClass: computer\nsAMAccountName: {name}$\ndNSHostName: {lower}.contoso.com").unwrap();
            writeln!(text, "objectSid: S-1-5-21-1-2-3-{}\nuserAccountControl: {bits}", 1100 + index).unwrap();
            for form in [(*name).to_owned(), format!("{lower}.contoso.com")] {
                writeln!(text, "servicePrincipalName: Microsoft Virtual System Migration Service/{form}")
                    .unwrap();
            }
            for target in *list {
                for form in [(*target).to_owned(), format!("{}.contoso.com", target.to_lowercase())] {
                    writeln!(
                        text,
                        "msDS-AllowedToDelegateTo: Microsoft Virtual System Migration Service/{form}"
                    )
                    .unwrap();
                }
            }
            writeln!(text, "{extra}\n").unwrap();
        }
        self.file("computers.ldif", &text)
    }

    pub(super) fn kerberos(&mut self, hosts: &[&str]) -> &mut Self {
        let list = hosts
            .iter()
            .map(|host| format!("Name : {host}\nVirtualMachineMigrationAuthenticationType : Kerberos\n\n"));
        let list: String = list.collect();
        self.file("Get-VMHost.txt", &list)
    }

    pub(super) fn file(&mut self, name: &str, text: &str) -> &mut Self {
        fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    /// A file in a folder, as bytes.
    pub(super) fn bytes(&mut self, path: &str, content: &[u8]) -> &mut Self {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// The events so far.
    pub(super) fn events(&self) -> &str {
        &self.events
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The folder, with the events in it.
    pub(super) fn written(&mut self) -> &Path {
        let events = self.events.clone();
        self.file("events.xml", &events);
        self.path()
    }

    pub(super) fn report(&mut self) -> Report {
        report(self.written())
    }
}

pub(super) const MEMBER: u32 = 0x1000;
pub(super) const ANY_PROTOCOL: u32 = 0x100_1000;

pub(super) fn level(report: &Report) -> String {
    serde_json::to_value(report.verdict.level).unwrap().as_str().unwrap().to_owned()
}

fn ends(report: &Report) -> Vec<(Option<&str>, Option<&str>, &str)> {
    report
        .attempts
        .iter()
        .map(|attempt| (attempt.source.as_deref(), attempt.target.as_deref(), attempt.outcome))
        .collect()
}

pub(super) fn grant(report: &Report, source: &str, target: &str) -> String {
    let pair = report
        .pairs
        .iter()
        .find(|pair| (pair.source.as_str(), pair.target.as_str()) == (source, target))
        .unwrap();
    serde_json::to_value(pair.delegation).unwrap().as_str().unwrap().to_owned()
}

/// The same failure, HV01 to HV02, in a case with everything else.
fn classic() -> Case {
    let mut case = Case::new();
    case.kerberos(&["HV01", "HV02"]);
    case.service(21024, 2, "HV02", "01T00:00:00", &["OLD", IDS[2], "HV02"]);
    case.cluster_failure(
        "SQL01",
        IDS[0],
        "HV01",
        "15T10:00:00",
        &format!("Failed to establish a connection with host 'HV02': {NO_CREDENTIALS}"),
    );
    case
}

#[test]
fn the_base_of_these_cases_is_confirmed() {
    let report = classic().objects(&[("HV01", MEMBER, &[], ""), ("HV02", MEMBER, &[], "")]).report();
    assert_eq!(
        (report.verdict.cause.name(), level(&report).as_str()),
        ("kcd-missing", "confirmed"),
        "{}",
        report.verdict.summary
    );
}

/// With two nodes in the bundle, a third that a record names in another language must not become one of them.
#[test]
fn a_host_that_is_named_and_unknown_is_not_replaced_by_a_known_one() {
    let mut case = Case::new();
    case.kerberos(&["HV01", "HV02"]).objects(&[("HV01", MEMBER, &[], ""), ("HV02", MEMBER, &[], "")]);
    case.cluster_failure(
        "SQL01",
        IDS[0],
        "HV01",
        "15T10:00:00",
        "Fehler beim Herstellen einer Verbindung mit dem Host „HV03“ (0x8009030E).",
    );
    let report = case.report();
    assert_eq!(ends(&report), [(Some("HV01"), None, "failed")]);
    assert_ne!(level(&report), "confirmed");
}

#[test]
fn a_machine_that_bears_a_hosts_name_is_no_target() {
    let mut case = classic();
    case.objects(&[("HV01", MEMBER, &[], ""), ("HV02", MEMBER, &[], ""), ("DC01", 0x8_2000, &[], "")]);
    case.cluster_failure(
        "DC01",
        IDS[1],
        "HV01",
        "16T10:00:00",
        &format!("Failed to establish a connection with host 'HV02': {NO_CREDENTIALS}"),
    );
    let report = case.report();
    assert!(ends(&report).iter().all(|(_, target, _)| *target != Some("DC01")), "{:?}", ends(&report));
    assert!(report.pairs.iter().all(|pair| pair.target != "DC01"));
}

#[test]
fn an_error_of_a_replica_is_no_failed_migration() {
    let mut case = Case::new();
    case.objects(&[("HV01", ANY_PROTOCOL, &["HV02"], ""), ("HV02", ANY_PROTOCOL, &["HV01"], "")]);
    case.service(20413, 4, "HV01", "15T09:00:00", &["SQL01", "HV02", IDS[0]]).service(
        20415,
        4,
        "HV01",
        "15T09:01:00",
        &["SQL01", IDS[0], "0.4"],
    );
    case.service(
        33680,
        2,
        "HV01",
        "15T10:00:00",
        &["SQL01", IDS[0], "HV02", "replication failed", "0x8007274C"],
    );
    let without = case.report();
    assert_eq!(level(&without), "inconclusive", "what HV02 would have written is not there");
    case.service(14051, 4, "HV02", "15T08:00:00", &["Hyper-V Replica Service"]);
    let report = case.report();
    assert_eq!(ends(&report), [(Some("HV01"), Some("HV02"), "succeeded")]);
    assert_eq!(level(&report), "healthy");
}

#[test]
fn two_machines_at_once_do_not_get_each_others_targets() {
    let mut case = Case::new();
    case.kerberos(&["HV01"]).objects(&[
        ("HV01", MEMBER, &[], ""),
        ("HV02", MEMBER, &[], ""),
        ("HV03", MEMBER, &[], ""),
    ]);
    case.service(20306, 2, "HV01", "15T10:00:00.10", &["HV03", "%%2148074254", "0x8009030E"]);
    case.service(20306, 2, "HV01", "15T10:00:00.11", &["HV02", "%%2147952460", "0x8007274C"]);
    case.service(21024, 2, "HV01", "15T10:00:00.12", &["TO-HV02", IDS[0], "HV01"]);
    case.service(21024, 2, "HV01", "15T10:00:00.13", &["TO-HV03", IDS[1], "HV01"]);
    let report = case.report();
    assert!(ends(&report).iter().all(|(_, target, _)| target.is_none()), "{:?}", ends(&report));
    assert_ne!(level(&report), "confirmed");
}

/// Two clocks an hour apart: both ends' records still are one attempt each, told in one time.
#[test]
fn clocks_an_hour_apart_are_set_right_where_the_logs_prove_it() {
    let mut case = Case::new();
    case.objects(&[("HV01", MEMBER, &[], ""), ("HV02", MEMBER, &[], ""), ("HV03", MEMBER, &[], "")]);
    for (day, id) in [("15", IDS[0]), ("16", IDS[1]), ("17", IDS[2])] {
        let sentence =
            "Virtual machine migration operation failed at migration destination 'HV02'. (0x80090324)";
        case.cluster_failure("SQL01", id, "HV01", &format!("{day}T10:00:00"), sentence);
        case.service(21026, 2, "HV02", &format!("{day}T11:00:04"), &["SQL01", id, "HV02"]);
    }
    let report = case.report();
    assert_eq!(ends(&report), [(Some("HV01"), Some("HV02"), "failed"); 3]);
    assert!(report.attempts.iter().all(|attempt| attempt.time.ends_with("T10:00:00Z")));
    assert_eq!((report.verdict.cause.name(), level(&report).as_str()), ("clock-skew", "confirmed"));
}

#[test]
fn there_and_back_are_two_moves() {
    let mut case = Case::new();
    case.service(20415, 4, "HV01", "15T10:00:00", &["SQL01", IDS[0], "0.4"]).service(
        20415,
        4,
        "HV02",
        "15T10:02:00",
        &["SQL01", IDS[0], "0.4"],
    );
    case.service(21024, 2, "HV01", "16T10:00:00", &["SQL01", IDS[0], "HV01"]).service(
        21024,
        2,
        "HV02",
        "16T10:03:00",
        &["SQL01", IDS[0], "HV02"],
    );
    assert_eq!(case.report().attempts.len(), 4);
}

/// The start of a move whose outcome nobody logged is not the start of the next failure.
#[test]
fn an_open_start_does_not_lend_its_target() {
    let mut case = Case::new();
    case.objects(&[("HV01", MEMBER, &[], ""), ("HV02", MEMBER, &[], ""), ("HV03", MEMBER, &[], "")]);
    case.service(20413, 4, "HV01", "15T08:00:00", &["SQL01", "HV02", IDS[0]]);
    case.service(20306, 2, "HV01", "15T10:00:00.10", &["HV03", "%%2148074254", "0x8009030E"]);
    case.service(21024, 2, "HV01", "15T10:00:00.12", &["SQL01", IDS[0], "HV01"]);
    assert_eq!(ends(&case.report()), [(Some("HV01"), Some("HV03"), "failed")]);
}

#[test]
fn kerberos_only_serves_before_2016_and_is_open_where_the_version_is_unknown() {
    for (version, expected) in [
        ("Windows Server 2012 R2 Standard", "granted"),
        ("Windows Server 2019 Standard", "kerberos-only"),
        ("", "unknown"),
    ] {
        let system = if version.is_empty() { String::new() } else { format!("operatingSystem: {version}") };
        let report =
            classic().objects(&[("HV01", MEMBER, &["HV02"], &system), ("HV02", MEMBER, &[], "")]).report();
        assert_eq!(grant(&report, "HV01", "HV02"), expected, "{version}");
    }
}

#[test]
fn one_missing_form_is_partial_and_proves_nothing() {
    let one = "msDS-AllowedToDelegateTo: Microsoft Virtual System Migration Service/HV02";
    let report = classic().objects(&[("HV01", ANY_PROTOCOL, &[], one), ("HV02", MEMBER, &[], "")]).report();
    assert_eq!(grant(&report, "HV01", "HV02"), "partial");
    assert_ne!(level(&report), "confirmed");
}

/// A group in resource-based delegation is unknown unless all of its members are in the bundle.
#[test]
fn a_group_that_may_hold_the_source_keeps_the_question_open() {
    let act = "msDS-AllowedToActOnBehalfOfOtherIdentity: O:BAD:(A;;0xf01ff;;;S-1-5-21-1-2-3-2000)";
    for (group, expected) in [
        ("", "unknown"),
        (
            "dn: CN=Hosts,DC=contoso,DC=com\nobjectClass: group\nobjectSid: S-1-5-21-1-2-3-2000\nmember: CN=Nested,DC=contoso,DC=com\n",
            "unknown",
        ),
        (
            "dn: CN=Hosts,DC=contoso,DC=com\nobjectClass: group\nobjectSid: S-1-5-21-1-2-3-2000\nmember: CN=HV01,DC=contoso,DC=com\n",
            "granted",
        ),
    ] {
        let target = format!("{act}\n\n{group}");
        let report = classic().objects(&[("HV01", MEMBER, &[], ""), ("HV02", MEMBER, &[], &target)]).report();
        assert_eq!(grant(&report, "HV01", "HV02"), expected, "{group}");
        assert_ne!(level(&report), "confirmed", "{group}");
    }
}

/// A group's `member` does not list the hosts whose primary group it is.
#[test]
fn a_primary_group_lists_its_hosts_nowhere() {
    let group = |name: &str, rid: u32, member: &str| {
        format!(
            "dn: CN={name},DC=contoso,DC=com\nobjectClass: group\nobjectSid: S-1-5-21-1-2-3-{rid}\n{member}\n"
        )
    };
    let hosts = "member: CN=Domain Computers,DC=contoso,DC=com\n";
    for (groups, primary, expected) in [
        (group("Hosts", 2000, ""), "primaryGroupID: 515", "missing"),
        (group("Hosts", 2000, ""), "primaryGroupID: 2000", "granted"),
        (group("Hosts", 2000, ""), "", "unknown"),
        (group("Hosts", 2000, hosts) + &group("Domain Computers", 515, ""), "primaryGroupID: 515", "granted"),
        (group("Hosts", 2000, hosts) + &group("Domain Computers", 515, ""), "", "granted"),
        (
            group("Hosts", 2000, hosts) + &group("Domain Computers", 515, ""),
            "primaryGroupID: 2001",
            "missing",
        ),
    ] {
        let act = "msDS-AllowedToActOnBehalfOfOtherIdentity: O:BAD:(A;;0xf01ff;;;S-1-5-21-1-2-3-2000)";
        let target = format!("{act}\n\n{groups}");
        let objects = [("HV01", MEMBER, &[][..], primary), ("HV02", MEMBER, &[], &target)];
        let report = classic().objects(&objects).report();
        assert_eq!(grant(&report, "HV01", "HV02"), expected, "{primary} {groups}");
    }
}

fn deleted(time: &str) -> String {
    let fields = [
        ("ObjectDN", "CN=HV01,DC=contoso,DC=com"),
        ("AttributeLDAPDisplayName", "msDS-AllowedToDelegateTo"),
        ("AttributeValue", "Microsoft Virtual System Migration Service/HV02"),
        ("OperationType", "%%14675"),
    ];
    let data: String =
        fields.iter().map(|(name, value)| format!("<Data Name='{name}'>{value}</Data>")).collect();
    format!(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Security-Auditing'/>\
         <EventID>5136</EventID><Level>0</Level><TimeCreated SystemTime='2026-09-{time}Z'/><EventRecordID>9</EventRecordID><Channel>Security</Channel>\
         <Computer>dc01.contoso.com</Computer></System><EventData>{data}</EventData></Event>"
    )
}

/// The directory's state counts only where it is that of the failures.
#[test]
fn a_change_on_the_other_side_of_the_failures_takes_the_proof_away() {
    let objects: &[(&str, u32, &[&str], &str)] =
        &[("HV01", MEMBER, &[], "whenChanged: 20260920100000.0Z"), ("HV02", MEMBER, &[], "")];
    let before = classic().objects(objects).file("dc.xml", &deleted("14T10:00:00")).report();
    assert_eq!(level(&before), "confirmed");
    let after = classic().objects(objects).file("dc.xml", &deleted("20T10:00:00")).report();
    assert_ne!(level(&after), "confirmed", "{}", after.verdict.summary);
}

#[test]
fn a_name_suffix_is_no_border_of_a_domain() {
    let csv = "Name,DNSHostName,SamAccountName,userAccountControl,servicePrincipalName,msDS-AllowedToDelegateTo\n\
        HV01,hv01.contoso.com,HV01$,16781312,,Microsoft Virtual System Migration Service/HV02;Microsoft Virtual System Migration Service/hv02.other.com\n\
        HV02,hv02.other.com,HV02$,4096,Microsoft Virtual System Migration Service/HV02;Microsoft Virtual System Migration Service/hv02.other.com,\n";
    let mut case = Case::new();
    case.kerberos(&["HV01"]).file("computers.csv", csv);
    case.cluster_failure(
        "SQL01",
        IDS[0],
        "HV01",
        "15T10:00:00",
        &format!("Failed to establish a connection with host 'hv02.other.com': {NO_CREDENTIALS}"),
    );
    let report = case.report();
    assert_eq!(grant(&report, "HV01", "HV02"), "granted");
}

#[test]
fn classic_delegation_ends_at_the_border_of_a_domain() {
    let mut case = Case::new();
    let object = |name: &str, domain: &str, list: &str| {
        let lower = name.to_lowercase();
        format!(
            "dn: CN={name},DC={domain},DC=com\nobjectClass: computer\nsAMAccountName: {name}$\ndNSHostName: {lower}.{domain}.com\nuserAccountControl: 16781312\n\
            servicePrincipalName: Microsoft Virtual System Migration Service/{lower}.{domain}.com\n{list}\n"
        )
    };
    let list = "msDS-AllowedToDelegateTo: Microsoft Virtual System Migration Service/HV02\nmsDS-AllowedToDelegateTo: Microsoft Virtual System Migration Service/hv02.fabrikam.com\n";
    case.kerberos(&["HV01"]).file(
        "all.ldif",
        &format!(
            "# requesting: ALL\n\n{}{}",
            object("HV01", "contoso", list),
            object("HV02", "fabrikam", "")
        ),
    );
    case.cluster_failure(
        "SQL01",
        IDS[0],
        "HV01",
        "15T10:00:00",
        &format!("Failed to establish a connection with host 'hv02.fabrikam.com': {NO_CREDENTIALS}"),
    );
    let report = case.report();
    assert_eq!(grant(&report, "HV01", "HV02"), "missing");
    assert!(report.plan.steps.iter().all(|step| step.kind != "add-delegation"));
    assert!(
        report.plan.proof.remaining.iter().any(|line| line.contains("two domains")),
        "{:?}",
        report.plan.proof.remaining
    );
}

/// A success that may be one of the pair keeps `confirmed` away; one that is, excludes the cause.
#[test]
fn a_move_that_worked_afterwards_counts_against_missing_delegation() {
    let objects: &[(&str, u32, &[&str], &str)] = &[("HV01", MEMBER, &[], ""), ("HV02", MEMBER, &[], "")];
    let mut case = classic();
    case.objects(objects).service(20415, 4, "HV01", "16T10:00:00", &["WEB03", IDS[1], "0.4"]);
    assert_eq!(level(&case.report()), "probable");
    let mut case = classic();
    case.objects(objects);
    case.service(20413, 4, "HV01", "16T10:00:00", &["WEB03", "HV02", IDS[1]]).service(
        20415,
        4,
        "HV01",
        "16T10:01:00",
        &["WEB03", IDS[1], "0.4"],
    );
    let report = case.report();
    assert_ne!((report.verdict.cause.name(), level(&report).as_str()), ("kcd-missing", "confirmed"));
}

#[test]
fn hosts_without_a_cluster_that_never_moved_anything_are_latent() {
    let mut case = Case::new();
    case.kerberos(&["HV01", "HV02"]).objects(&[("HV01", MEMBER, &[], ""), ("HV02", MEMBER, &[], "")]);
    case.service(13002, 4, "HV01", "15T10:00:00", &["SQL01", IDS[0]]).service(
        13002,
        4,
        "HV02",
        "15T10:00:00",
        &["WEB03", IDS[1]],
    );
    let report = case.report();
    assert_eq!((report.verdict.cause.name(), level(&report).as_str()), ("kcd-missing", "latent"));
}

/// A success that names no end is laid to a pair that is granted what it needs, where there is one.
#[test]
fn a_success_without_ends_belongs_to_the_pair_that_can() {
    let mut case = classic();
    case.objects(&[
        ("HV01", MEMBER, &[], ""),
        ("HV02", ANY_PROTOCOL, &["HV01"], "operatingSystem: Windows Server 2019 Standard"),
    ]);
    case.service(20415, 4, "HV02", "16T10:00:00", &["WEB03", IDS[1], "0.4"]);
    let report = case.report();
    assert_eq!((grant(&report, "HV02", "HV01").as_str(), level(&report).as_str()), ("granted", "confirmed"));
}

/// It worked before with the very same objects, so what they lack is not what changed.
#[test]
fn a_move_that_worked_before_with_the_same_objects_caps_the_verdict() {
    let mut case = classic();
    case.objects(&[
        ("HV01", MEMBER, &[], "whenChanged: 20260101000000.0Z"),
        ("HV02", MEMBER, &[], "whenChanged: 20260101000000.0Z"),
    ]);
    case.service(20413, 4, "HV01", "10T10:00:00", &["WEB03", "HV02", IDS[1]]).service(
        20415,
        4,
        "HV01",
        "10T10:01:00",
        &["WEB03", IDS[1], "0.4"],
    );
    assert_eq!(level(&case.report()), "probable");
}

#[test]
fn a_third_node_that_only_a_cluster_event_names_keeps_the_target_open() {
    let mut case = Case::new();
    case.kerberos(&["HV01", "HV02"]).objects(&[("HV01", MEMBER, &[], ""), ("HV02", MEMBER, &[], "")]);
    case.cluster_failure(
        "SQL01",
        IDS[0],
        "HV01",
        "15T10:00:00",
        "No credentials are available in the security package (0x8009030E).",
    );
    let moved = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-FailoverClustering'/>\
        <EventID>1641</EventID><Level>4</Level><TimeCreated SystemTime='2026-09-15T09:59:58Z'/><EventRecordID>7</EventRecordID><Channel>System</Channel>\
        <Computer>hv01.contoso.com</Computer></System><EventData><Data Name='ToNode'>HV03</Data></EventData></Event>";
    assert_eq!(ends(&case.file("system.xml", moved).report()), [(Some("HV01"), None, "failed")]);
}

/// The clock that differs from several others is the one to mend.
#[test]
fn the_wrong_clock_is_found_among_three() {
    let mut case = Case::new();
    case.objects(&[("HV01", MEMBER, &[], ""), ("HV02", MEMBER, &[], ""), ("HV03", MEMBER, &[], "")]);
    for (index, (target, day)) in
        [("HV02", "15"), ("HV02", "16"), ("HV03", "17"), ("HV03", "18")].into_iter().enumerate()
    {
        let id = format!("0000000{index}-1111-4111-8111-000000000009");
        case.cluster_failure(
            "SQL01",
            &id,
            "HV01",
            &format!("{day}T10:10:00"),
            &format!("failed at migration destination '{target}'. (0x80090324)"),
        );
        case.service(21026, 2, target, &format!("{day}T10:00:02"), &["SQL01", &id, target]);
    }
    let report = case.report();
    let mended: Vec<_> = report
        .plan
        .steps
        .iter()
        .filter(|step| step.kind == "mend-time")
        .map(|step| step.host.as_deref())
        .collect();
    assert_eq!((report.verdict.cause.name(), mended), ("clock-skew", vec![Some("HV01")]));
}

/// A drain: many machines in one second, and the service's records name no machine.
#[test]
fn a_drain_gives_every_machine_its_own_failure() {
    let mut case = Case::new();
    case.kerberos(&["HV01"]).objects(&[
        ("HV01", MEMBER, &[], ""),
        ("HV02", MEMBER, &[], ""),
        ("HV03", MEMBER, &[], ""),
    ]);
    for index in 0..5 {
        case.service(
            20306,
            2,
            "HV01",
            &format!("15T10:00:00.{index}0"),
            &["HV02", "%%2148074254", "0x8009030E"],
        );
    }
    for index in 0..5 {
        let id = format!("0000000{index}-1111-4111-8111-000000000008");
        case.service(
            21024,
            2,
            "HV01",
            &format!("15T10:00:00.{index}5"),
            &[&format!("VM{index}"), &id, "HV01"],
        );
    }
    let report = case.report();
    assert_eq!(ends(&report), [(Some("HV01"), Some("HV02"), "failed"); 5]);
    assert_eq!(level(&report), "confirmed");
}

/// Settings that two exports state differently are unknown.
#[test]
fn contradictory_settings_prove_nothing() {
    let mut case = classic();
    case.objects(&[("HV01", MEMBER, &[], ""), ("HV02", MEMBER, &[], "")]);
    case.file("older.txt", "Name : HV01\nVirtualMachineMigrationAuthenticationType : CredSSP\n");
    assert_eq!(level(&case.report()), "probable");
}

/// What a step names is what it acts on.
#[test]
fn every_step_acts_on_its_own_host() {
    for incident in kcdoctor::scenario::bundles::all() {
        let report = report(&super::bundle(incident.name));
        for step in report.plan.steps.iter().filter(|step| step.kind != "collect") {
            let host = step.host.as_deref().unwrap();
            let about =
                step.title.contains(host) || step.targets.iter().any(|target| step.title.contains(target));
            assert!(about, "{}: {}", incident.name, step.title);
            let acts = step.command.to_uppercase().contains(host)
                || step.targets.iter().any(|target| step.command.to_uppercase().contains(target.as_str()))
                || step.command.contains("console");
            assert!(acts, "{}: {} {}", incident.name, step.kind, step.command);
            let scripts = [&step.command, &step.precheck, &step.verify, &step.rollback];
            for text in scripts.into_iter().filter(|text| !text.starts_with("nothing to take back")) {
                assert_eq!(text.matches('\'').count() % 2, 0, "{}: {text}", incident.name);
                assert!(
                    !text.contains("\"'") && !text.contains("{host") && !text.contains("{target"),
                    "{}: {text}",
                    incident.name
                );
            }
        }
    }
    let report = report(&super::bundle("spn-missing"));
    let step = report.plan.steps.iter().find(|step| step.kind == "register-spn").unwrap();
    assert_eq!(step.host.as_deref(), Some("HV02"));
    assert!(step.command.contains("hv02") && !step.command.contains("hv01"));
}
