//! What must not make a verdict sure: records of others, of another time, of another state, and words that are names.
//! Each trap stands beside the same case without it, which is confirmed.

use kcdoctor::report::Report;

use super::components::message;
use super::incidents::{ANY_PROTOCOL, Case, IDS, MEMBER, NO_CREDENTIALS, level};

pub(super) const AUDITING: &str = "Microsoft-Windows-Security-Auditing";
pub(super) const SERVICE: &str = "Microsoft Virtual System Migration Service";
pub(super) const OLD: &str =
    "operatingSystem: Windows Server 2022 Datacenter\nwhenChanged: 20260801000000.0Z";
pub(super) const UNKNOWN_TARGET: &str = "The specified target is unknown or unreachable. (0x80090303).";
const SKEWED: &str = "The clocks on the client and server machines are skewed. (0x80090324).";
pub(super) const LOGON_FAILED: &str = "The user name or password is incorrect. (0x8007052E)";
const REFUSED: &str =
    "No connection could be made because the target machine actively refused it. (0x8007274D)";
const RESET: &str = "An existing connection was forcibly closed by the remote host. (0x80072746)";

/// A record with named values, by the full name of its writer.
pub(super) fn record(
    provider: &str,
    id: u32,
    channel: &str,
    host: &str,
    time: &str,
    data: &[(&str, &str)],
) -> String {
    let data: String =
        data.iter().map(|(name, value)| format!("<Data Name='{name}'>{value}</Data>")).collect();
    format!(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='{provider}'/>\
         <EventID>{id}</EventID><Level>2</Level><TimeCreated SystemTime='2026-09-{time}Z'/><EventRecordID>{id}{}</EventRecordID>\
         <Channel>{channel}</Channel><Computer>{host}</Computer></System><EventData>{data}</EventData></Event>\n",
        time.replace(|c: char| !c.is_ascii_digit(), "")
    )
}

/// 4769 of a domain controller of contoso.com.
pub(super) fn ticket(time: &str, client: &str, service: &str, options: &str, status: &str) -> String {
    let data = [
        ("TargetUserName", client),
        ("ServiceName", service),
        ("TicketOptions", options),
        ("Status", status),
    ];
    record(AUDITING, 4769, "Security", "dc01.contoso.com", time, &data)
}

/// Security-Kerberos 3 on HV01: it might not act for `user` at HV02.
fn refused(time: &str, extended: &str, user: &str) -> String {
    let target = format!("{SERVICE}/HV02@CONTOSO.COM");
    let data =
        [("ErrorCode", "0xd"), ("ExtendedError", extended), ("ClientName", user), ("TargetName", &target)];
    record("Microsoft-Windows-Security-Kerberos", 3, "System", "hv01.contoso.com", time, &data)
}

/// Moves from HV01 to HV02 that fail with `sentence` at `times`; both hosts have a log and use Kerberos.
pub(super) fn failing(sentence: &str, times: &[&str]) -> Case {
    let mut case = Case::new();
    case.kerberos(&["HV01", "HV02"]).service(13002, 4, "HV02", "01T00:00:00", &["OLD", IDS[2]]);
    for (at, time) in times.iter().enumerate() {
        let text = format!(
            "Virtual machine migration operation for 'SQL{at}' failed at migration source 'HV01'.\n\n\
             Failed to establish a connection with host 'HV02': {sentence}"
        );
        case.cluster_failure(&format!("SQL{at}"), IDS[at % 3], "HV01", time, &text);
    }
    case
}

pub(super) fn objects<'a>(case: &'a mut Case, bits: u32, list: &[&str]) -> &'a mut Case {
    case.objects(&[("HV01", bits, list, OLD), ("HV02", ANY_PROTOCOL, &["HV01"], OLD)])
}

/// A case with sound objects and more files.
pub(super) fn sound(sentence: &str, files: &[String]) -> Report {
    let mut case = failing(sentence, &["15T10:00:00"]);
    for (at, content) in files.iter().enumerate() {
        case.file(&format!("more{at}.xml"), content);
    }
    objects(&mut case, ANY_PROTOCOL, &["HV02"]).report()
}

pub(super) fn is_confirmed(report: &Report, cause: &str) {
    assert_eq!((report.verdict.cause.name(), level(report).as_str()), (cause, "confirmed"));
}

pub(super) fn is_open(report: &Report, why: &str) {
    assert_ne!(level(report), "confirmed", "{why}: {}", report.verdict.summary);
}

#[test]
fn credssp_that_was_set_after_the_failures_explains_nothing() {
    let of = |asked: &str| {
        let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
        let setting = "Name : HV01\nVirtualMachineMigrationAuthenticationType : CredSSP\n";
        let guard = record(
            "Microsoft-Windows-Wininit",
            13,
            "System",
            "hv01.contoso.com",
            "04T00:00:20",
            &[("Config", "0x1")],
        );
        case.file("Get-VMHost.txt", setting).file("guard.xml", &guard).file("dc.xml", asked);
        objects(&mut case, MEMBER, &[]).report()
    };
    is_confirmed(&of(""), "credssp-blocked");
    let asked = of(&ticket("15T10:00:01", "HV01$@CONTOSO.COM", "HV02$", "0x40830000", "0xd"));
    assert_eq!((asked.verdict.cause.name(), level(&asked).as_str()), ("kcd-missing", "probable"));
}

#[test]
fn a_listener_is_as_its_settings_have_it_after_a_start() {
    let stopped = "The Virtual Machine Management Service disabled the listener for Virtual Machine migration connections.";
    let of = |start: &str| {
        let stop = message(20402, "HV02", "15T04:00:00", stopped);
        sound(REFUSED, &[stop, start.to_owned()])
    };
    is_confirmed(&of(""), "listener-disabled");
    let boot = [("BuildVersion", "20348"), ("QfeVersion", "2000")];
    let general = "Microsoft-Windows-Kernel-General";
    for (why, start) in [
        ("a boot", record(general, 12, "System", "hv02.contoso.com", "15T05:00:00", &boot)),
        ("a start", message(14094, "HV02", "15T05:00:00", "The service is started successfully.")),
        ("its own word", message(20403, "HV02", "15T05:00:00", &stopped.replace("disabled", "enabled"))),
    ] {
        assert_eq!(of(&start).verdict.cause.name(), "network-unreachable", "{why}");
    }
}

#[test]
fn names_and_paths_name_no_class() {
    let of = |name: &str, path: &str| {
        let mut case = Case::new();
        case.kerberos(&["HV01", "HV02"]);
        let text =
            format!("Virtual machine migration operation for '{name}' failed at migration source 'HV01'.");
        case.cluster_failure(name, IDS[0], "HV01", "15T10:00:00", &text);
        let opened = format!("{path} could not be opened");
        case.service(21026, 2, "HV02", "15T10:00:01", &[name, IDS[0], "HV01", &opened]);
        objects(&mut case, ANY_PROTOCOL, &["HV02"]).report()
    };
    for (name, path) in
        [("x' migration limit 'y", r"C:\a.vhdx"), ("SQL01", r"E:\virtual switch lab\disk one.vhdx")]
    {
        let report = of(name, path);
        assert!(
            !["migration-limit", "switch-missing"].contains(&report.verdict.cause.name()),
            "{name} {path}"
        );
    }
    assert_eq!(of("SQL01", "The virtual switch").verdict.cause.name(), "switch-missing");
}

#[test]
fn an_identity_is_shared_only_where_each_failure_has_its_own_record_and_nothing_else_has() {
    let of = |records: &[&str]| {
        let mut case = failing(NO_CREDENTIALS, &["15T10:00:00", "15T10:00:05", "16T10:00:00"]);
        let written = |time: &&str| record("LsaSrv", 6167, "System", "hv02.contoso.com", time, &[("", "x")]);
        case.file("lsa.xml", &records.iter().map(written).collect::<String>());
        let of_2025 = OLD.replace("2022", "2025");
        case.objects(&[
            ("HV01", ANY_PROTOCOL, &["HV02"], &of_2025),
            ("HV02", ANY_PROTOCOL, &["HV01"], &of_2025),
        ]);
        case.report()
    };
    is_confirmed(&of(&["15T10:00:01", "15T10:00:06", "16T10:00:01"]), "duplicate-sid");
    is_open(&of(&["15T10:00:06", "16T10:00:01"]), "one record beside two failures of a drain");
    let noise = ["15T10:00:01", "15T10:00:06", "16T10:00:01", "16T04:00:00", "16T05:00:00"];
    is_open(&of(&noise), "records at other times as well");
}

#[test]
fn a_name_is_unknown_only_where_the_source_asked_and_nothing_shows_it_registered() {
    let of = |asked: &str, client: &str| {
        sound(UNKNOWN_TARGET, &[ticket("15T10:00:10", client, asked, "0x40810000", "0x7")])
    };
    let other_form = format!("{SERVICE}/HV02.contoso.com:6600");
    is_confirmed(&of(&other_form, "HV01$@CONTOSO.COM"), "spn-missing");
    is_open(&of(&other_form, "SCVMM$@CONTOSO.COM"), "another machine asked");
    is_open(
        &of(&format!("{SERVICE}/hv02.contoso.com"), "HV01$@CONTOSO.COM"),
        "the object has that very name",
    );
}

#[test]
fn what_worked_before_with_the_same_objects_is_not_what_is_missing() {
    let of = |success: &[(&str, &[&str])], sentence: &str| {
        let mut case = failing(sentence, &["15T10:00:00"]);
        for (time, values) in success {
            case.service(
                if values.len() == 3 && values[1] == "HV02" { 20413 } else { 20415 },
                4,
                "HV01",
                time,
                values,
            );
        }
        case.objects(&[("HV01", MEMBER, &[], OLD), ("HV02", MEMBER, &[], OLD), ("HV03", MEMBER, &[], OLD)]);
        case.report()
    };
    is_confirmed(&of(&[], NO_CREDENTIALS), "kcd-missing");
    let placed: [(&str, &[&str]); 2] =
        [("05T12:00:00", &["WEB03", "HV02", IDS[1]]), ("05T12:01:00", &["WEB03", IDS[1], "0.4"])];
    is_open(&of(&placed, NO_CREDENTIALS), "a move between the two");
    is_open(&of(&placed[1..], NO_CREDENTIALS), "a move that may be between the two");
}

#[test]
fn one_network_of_several_does_not_explain_a_reset_connection() {
    let of = |id: u32, field: (&str, &str)| {
        let cluster = "Microsoft-Windows-FailoverClustering";
        sound(RESET, &[record(cluster, id, "System", "hv01.contoso.com", "15T10:00:20", &[field])])
    };
    is_confirmed(&of(1135, ("NodeName", "HV02")), "network-unreachable");
    is_open(&of(1127, ("NodeName", "HV01")), "an interface");
    is_open(&of(1130, ("NetworkName", "iSCSI-B")), "a network");
}

#[test]
fn accounts_of_another_domain_are_not_these() {
    let of = |dc: &str| {
        let data = [("TargetUserName", "HV02$"), ("ServiceName", "krbtgt"), ("Status", "0x18")];
        sound(LOGON_FAILED, &[record(AUDITING, 4771, "Security", dc, "15T10:00:30", &data)])
    };
    is_confirmed(&of("dc01.contoso.com"), "account-unusable");
    is_open(&of("dc9.fabrikam.com"), "a domain controller of another domain");
    let machine = |dc: &str| {
        sound(LOGON_FAILED, &[record("NETLOGON", 5805, "System", dc, "15T02:00:00", &[("", "HV02")])])
    };
    is_confirmed(&machine("dc01.contoso.com"), "account-unusable");
    is_open(&machine("dc9.fabrikam.com"), "another domain's HV02");
}

#[test]
fn a_refused_user_is_of_this_domain_and_of_this_move() {
    let user = "# requesting: ALL\n\ndn: CN=adm-weiss,DC=contoso,DC=com\nobjectClass: user\nsAMAccountName: adm-weiss\nuserAccountControl: 1049088\n";
    let of = |time: &str, status: &str, name: &str| {
        let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
        case.file("user.ldif", user).file("system.xml", &refused(time, status, name));
        objects(&mut case, ANY_PROTOCOL, &["HV02"]).report()
    };
    for name in ["adm-weiss", "adm-weiss@CONTOSO.COM", "CONTOSO\\adm-weiss"] {
        is_confirmed(&of("15T10:00:01", "0xc0000272", name), "user-not-delegatable");
    }
    is_open(&of("15T10:00:01", "0xc0000272", "adm-weiss@FABRIKAM.COM"), "a user of another realm");
    is_confirmed(&of("15T10:00:01", "0xc000006e", ""), "user-not-delegatable");
    is_open(&of("15T10:04:30", "0xc000006e", "svc-monitor"), "minutes after the failure");
}

#[test]
fn only_what_can_have_set_a_fault_off_is_its_trigger() {
    let worked = |case: &mut Case| {
        case.service(20413, 4, "HV01", "05T12:00:00", &["WEB03", "HV02", IDS[1]]);
        case.service(20415, 4, "HV01", "05T12:01:00", &["WEB03", IDS[1], "0.4"]);
    };
    let upgrade = |from: &str| {
        let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
        worked(&mut case);
        let boot = |time, build| {
            let data = [("BuildVersion", build), ("QfeVersion", "2000")];
            record("Microsoft-Windows-Kernel-General", 12, "System", "hv01.contoso.com", time, &data)
        };
        case.file("boots.xml", &(boot("04T00:00:00", from) + &boot("10T00:00:00", "20348")));
        case.file("dc.xml", &ticket("15T10:00:01", "HV01$@CONTOSO.COM", "HV02$", "0x40830000", "0xd"));
        objects(&mut case, MEMBER, &["HV02"]).report()
    };
    for (from, is_trigger) in [("9600", true), ("17763", false)] {
        let report = upgrade(from);
        is_confirmed(&report, "kcd-kerberos-only");
        assert_eq!(report.verdict.trigger.is_some(), is_trigger, "{from}");
    }
    let clock = |host: &str| {
        let mut case = failing(SKEWED, &["15T10:00:00"]);
        worked(&mut case);
        let data = [("NewTime", "2026-09-10T00:10:00Z"), ("OldTime", "2026-09-10T00:00:00Z")];
        case.file(
            "time.xml",
            &record("Microsoft-Windows-Kernel-General", 1, "System", host, "10T00:00:00", &data),
        );
        case.file("dc.xml", &ticket("15T10:00:01", "HV01$@CONTOSO.COM", "HV02$", "0x40810000", "0x25"));
        objects(&mut case, ANY_PROTOCOL, &["HV02"]).report()
    };
    for (host, is_trigger) in [("hv01.contoso.com", true), ("hv02.contoso.com", false)] {
        let report = clock(host);
        is_confirmed(&report, "clock-skew");
        assert_eq!(report.verdict.trigger.is_some(), is_trigger, "{host}");
    }
}

#[test]
fn a_resource_that_is_called_like_a_host_ties_no_cluster() {
    let of = |field: &str| {
        let mut case = Case::new();
        case.service(20413, 4, "HV01", "05T12:00:00", &["WEB03", "HV02", IDS[1]]);
        for (host, id) in [("HV02", IDS[0]), ("HV03", IDS[2])] {
            case.service(13002, 4, host, "01T00:00:00", &["OLD", id]);
        }
        let cluster = "Microsoft-Windows-FailoverClustering";
        let named = |name, time| record(cluster, 1069, "System", "hv01.contoso.com", time, &[(field, name)]);
        case.file("cluster.xml", &(named("HV02", "06T00:00:00") + &named("HV02", "06T00:01:00")));
        let report = case.kerberos(&["HV01", "HV02", "HV03"]).report();
        report.pairs.iter().any(|pair| pair.target == "HV03")
    };
    assert!(of("ResourceName") && !of("NodeName"));
}

#[test]
fn a_log_of_another_year_does_not_say_that_nothing_failed() {
    let of = |quiet: &str| {
        let mut case = Case::new();
        case.kerberos(&["HV01", "HV02"]);
        case.service(20413, 4, "HV01", "05T12:00:00", &["WEB03", "HV02", IDS[1]]);
        case.service(20415, 4, "HV01", "05T12:01:00", &["WEB03", IDS[1], "0.4"]);
        let old = record(
            "Microsoft-Windows-Hyper-V-VMMS",
            13002,
            "Microsoft-Windows-Hyper-V-VMMS-Admin",
            "hv02.contoso.com",
            "01T00:00:00",
            &[],
        );
        case.file("quiet.xml", &old.replace("2026-09-01", quiet));
        objects(&mut case, ANY_PROTOCOL, &["HV02"]).report().verdict.cause.name()
    };
    assert_eq!((of("2026-08-01"), of("2021-09-01")), ("healthy", "undetermined"));
}

/// Replication metadata date each attribute: what was changed after the failures may have been as it should before.
#[test]
fn an_attribute_that_was_changed_after_the_failures_does_not_explain_them() {
    let of = |time: &str| {
        let value = |name: &str, time: &str| {
            format!(
                "msDS-ReplAttributeMetaData: <DS_REPL_ATTR_META_DATA> <pszAttributeName>{name}</pszAttributeName> \
                 <ftimeLastOriginatingChange>{time}</ftimeLastOriginatingChange> </DS_REPL_ATTR_META_DATA>"
            )
        };
        let system = "operatingSystem: Windows Server 2022 Datacenter\nwhenChanged: 20260930000000.0Z\n";
        let dated = system.to_owned()
            + &value("userAccountControl", "2026-01-01T00:00:00Z")
            + "\n"
            + &value("msDS-AllowedToDelegateTo", time);
        let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
        case.objects(&[("HV01", MEMBER, &[], &dated), ("HV02", MEMBER, &[], OLD)]);
        case.report()
    };
    is_confirmed(&of("2026-08-01T00:00:00Z"), "kcd-missing");
    let later = of("2026-09-20T08:00:00Z");
    is_open(&later, "the list was changed later");
    let change = later.changes.iter().find(|change| change.id == "directory:HV01:2026-09-20T08:00:00Z");
    assert!(change.is_some_and(|change| change.relation.is_some()));
}

#[test]
fn a_record_of_another_host_proves_no_direction() {
    let of = |writer: &str, side: &str| {
        let mut case = Case::new();
        case.kerberos(&["HV01", "HV02"]).service(13002, 4, "HV01", "01T00:00:00", &["OLD", IDS[2]]);
        let text = format!(
            "Virtual machine migration operation for 'SQL1' failed at migration {side}.\n\n\
             Failed to establish a connection with host 'HV02': {NO_CREDENTIALS}"
        );
        case.cluster_failure("SQL1", IDS[0], writer, "15T10:00:00", &text);
        case.objects(&[("HV01", MEMBER, &[], OLD), ("HV02", MEMBER, &[], OLD)]).report()
    };
    let pairs = |report: &Report| report.verdict.pairs.clone();
    let way = vec![("HV01".to_owned(), "HV02".to_owned())];
    let own = of("HV01", "source 'HV01'");
    is_confirmed(&own, "kcd-missing");
    assert_eq!(pairs(&own), way);
    for (writer, side) in
        [("HV02", "source 'HV01'"), ("HV02", "destination 'HV02'"), ("HV03", "source 'HV01'")]
    {
        let report = of(writer, side);
        is_open(&report, "whoever wrote it was not the source");
        assert!(pairs(&report).is_empty() || pairs(&report) == way, "{writer}: {:?}", pairs(&report));
    }
}
