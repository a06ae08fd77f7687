//! What is of another time than the failures, or was not seen at all: it proves nothing, and nothing can be ruled out by
//! it. Each trap stands beside the same case without it.

use kcdoctor::command::analyze::Options;
use kcdoctor::incident::Scope;

use super::contrary::{cause, edit, success};
use super::doubt::{
    AUDITING, LOGON_FAILED, OLD, SERVICE, UNKNOWN_TARGET, failing, is_confirmed, is_open, objects, record,
    ticket,
};
use super::incidents::{ANY_PROTOCOL, Case, IDS, MEMBER, NO_CREDENTIALS};
use super::report_with;

/// NETLOGON 5805: a domain controller refused HV02.
fn machine_refused(time: &str) -> String {
    record("NETLOGON", 5805, "System", "dc01.contoso.com", time, &[("", "HV02")])
}

/// Both hosts with a log and moves that arrive; nothing failed.
fn working(times: &[&str]) -> Case {
    let mut case = Case::new();
    case.kerberos(&["HV01", "HV02"]).service(13002, 4, "HV02", "01T00:00:00", &["OLD", IDS[2]]);
    times.iter().for_each(|time| success(&mut case, time));
    case
}

#[test]
fn a_refused_machine_is_a_witness_of_its_own_time() {
    let of = |witness: &str, worked: &str| {
        let mut case = failing(LOGON_FAILED, &["15T21:00:00"]);
        if !worked.is_empty() {
            success(&mut case, worked);
        }
        case.file("dc.xml", &machine_refused(witness));
        objects(&mut case, ANY_PROTOCOL, &["HV02"]).report()
    };
    is_confirmed(&of("15T02:00:00", ""), "account-unusable");
    is_confirmed(&of("15T02:00:00", "14T19:00"), "account-unusable");
    is_open(&of("15T02:00:00", "15T19:00"), "moves reached it in between");
    is_confirmed(&of("15T21:20:00", ""), "account-unusable");
    is_open(&of("16T19:00:00", ""), "hours after the failure");
}

#[test]
fn a_refusal_that_no_move_explains_is_not_healthy() {
    let of = |more: &str| {
        let mut case = working(&["05T12:00"]);
        case.file("more.xml", more);
        cause(&objects(&mut case, ANY_PROTOCOL, &["HV02"]).report()).to_owned()
    };
    assert_eq!(of(""), "healthy");
    let target = format!("{SERVICE}/HV02@CONTOSO.COM");
    let data = [("ErrorCode", "0xd"), ("ExtendedError", "0xc000006e"), ("TargetName", target.as_str())];
    let client = |time: &str| {
        record("Microsoft-Windows-Security-Kerberos", 3, "System", "hv01.contoso.com", time, &data)
    };
    let controller = |time: &str, asks: &str| ticket(time, asks, "HV02$", "0x40830000", "0xd");
    assert_ne!(of(&client("06T09:00:00")), "healthy");
    assert_ne!(of(&controller("06T09:00:00", "HV01$@CONTOSO.COM")), "healthy");
    assert_eq!(of(&client("05T12:00:01")), "healthy", "the move beside it arrived");
    assert_eq!(of(&controller("06T09:00:00", "adm@CONTOSO.COM")), "healthy", "a user asked");
}

#[test]
fn what_lies_between_two_exports_of_a_log_was_not_seen() {
    let service = |number: u32, time: &str| {
        let event = record(
            "Microsoft-Windows-Hyper-V-VMMS",
            13002,
            "Microsoft-Windows-Hyper-V-VMMS-Admin",
            "hv02.contoso.com",
            time,
            &[],
        );
        let (before, rest) = event.split_once("<EventRecordID>").unwrap();
        let (_, after) = rest.split_once('<').unwrap();
        format!("{before}<EventRecordID>{number}<{after}")
    };
    let of = |next: u32| {
        let mut case = Case::new();
        case.kerberos(&["HV01", "HV02"]);
        success(&mut case, "05T12:00");
        success(&mut case, "22T12:00");
        case.file("old.xml", &(service(1, "01T00:00:00") + &service(90, "08T00:00:00")));
        case.file("new.xml", &(service(next, "20T00:00:00") + &service(900, "24T00:00:00")));
        let report = objects(&mut case, ANY_PROTOCOL, &["HV02"]).report();
        let log = report.coverage.iter().find(|log| log.host == "HV02").map(|log| log.holes.len());
        (cause(&report).to_owned(), log)
    };
    assert_eq!(of(91), ("healthy".to_owned(), Some(0)));
    assert_eq!(of(591), ("undetermined".to_owned(), Some(1)));
}

#[test]
fn a_controller_whose_log_lacks_the_failures_rules_nothing_out() {
    let of = |next: u32| {
        let mut case = failing(UNKNOWN_TARGET, &["15T10:00:00"]);
        let sign_in = |number: u32, time: &str| {
            let event = record(AUDITING, 4768, "Security", "dc01.contoso.com", time, &[("Status", "0x0")]);
            let (before, rest) = event.split_once("<EventRecordID>").unwrap();
            let (_, after) = rest.split_once('<').unwrap();
            format!("{before}<EventRecordID>{number}<{after}")
        };
        case.file("a.xml", &sign_in(7, "10T00:00:00")).file("b.xml", &sign_in(next, "20T00:00:00"));
        let report = objects(&mut case, ANY_PROTOCOL, &["HV02"]).report();
        report.findings.iter().any(|finding| {
            finding.rule == "SPN-101" && serde_json::to_value(finding.outcome).unwrap() == "ruled-out"
        })
    };
    assert!(of(8) && !of(800));
}

/// Of two exports that differ, the stamp of the later says by when the object had changed, and not since when.
#[test]
fn an_export_of_after_the_failures_says_nothing_sure_where_an_older_one_differs() {
    let of = |bits: u32, list: &[&str], changed: &str, dc: &str| {
        let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
        let changed = OLD.replace("20260801", changed);
        objects(&mut case, bits, list);
        let older = std::fs::read_to_string(case.path().join("computers.ldif")).unwrap();
        case.file("older.ldif", &older).file("dc.xml", dc);
        case.objects(&[("HV01", MEMBER, &[], &changed), ("HV02", ANY_PROTOCOL, &["HV01"], OLD)]).report()
    };
    is_confirmed(&of(MEMBER, &[], "20260921", ""), "kcd-missing");
    is_confirmed(&of(ANY_PROTOCOL, &["HV02"], "20260914", ""), "kcd-missing");
    is_open(&of(ANY_PROTOCOL, &["HV02"], "20260921", ""), "it may have been there");
    let taken = edit("14T10:00:00", "%%14675");
    is_confirmed(&of(ANY_PROTOCOL, &["HV02"], "20260921", &taken), "kcd-missing");
}

#[test]
fn an_object_that_was_made_later_says_nothing_of_before() {
    let of = |created: &str| {
        let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
        let changed = OLD.replace("20260801", "20260920");
        let made = format!("{changed}\nwhenCreated: {created}000000.0Z");
        case.objects(&[("HV01", MEMBER, &[], &made), ("HV02", ANY_PROTOCOL, &["HV01"], OLD)]).report()
    };
    is_confirmed(&of("20240101"), "kcd-missing");
    is_open(&of("20260917"), "its account was made anew");
}

/// A disabled account renews no password, so the last change of its object is most likely that it was disabled.
#[test]
fn an_account_that_was_disabled_after_the_failures_did_not_cause_them() {
    let of = |changed: &str| {
        let mut case = failing(LOGON_FAILED, &["15T10:00:00"]);
        let changed = OLD.replace("20260801", changed);
        case.objects(&[
            ("HV01", ANY_PROTOCOL, &["HV02"], OLD),
            ("HV02", ANY_PROTOCOL | 2, &["HV01"], &changed),
        ]);
        case.report()
    };
    is_confirmed(&of("20260910"), "account-unusable");
    is_open(&of("20261001"), "changed two weeks later");
}

#[test]
fn an_unmet_need_of_any_kind_is_not_healthy() {
    let of = |bits: u32, setting: &str| {
        let mut case = working(&["05T12:00"]);
        let text = format!(
            "Name : HV02\nVirtualMachineMigrationAuthenticationType : Kerberos\nVirtualMachineMigrationEnabled : {setting}\n"
        );
        case.file("Get-VMHost-2.txt", &text);
        case.objects(&[("HV01", bits, &["HV02"], OLD), ("HV02", ANY_PROTOCOL, &["HV01"], OLD)]);
        case.report()
    };
    assert_eq!(cause(&of(ANY_PROTOCOL, "True")), "healthy");
    for report in [of(ANY_PROTOCOL | 2, "True"), of(ANY_PROTOCOL, "False")] {
        assert_eq!(cause(&report), "undetermined", "{}", report.verdict.summary);
        assert!(!report.verdict.summary.contains("delegation"), "{}", report.verdict.summary);
    }
}

#[test]
fn a_host_whose_logs_all_end_long_before_the_last_move_was_left_out() {
    let of = |hours: std::ops::Range<usize>, days: std::ops::Range<usize>| {
        let mut case = working(&["05T12:00", "25T12:00"]);
        let times = days.flat_map(|day| hours.clone().map(move |hour| format!("{day:02}T{hour:02}:00:00")));
        let uptime =
            |time: String| record("EventLog", 6013, "System", "hv02.contoso.com", &time, &[("", "x")]);
        case.file("system.xml", &times.map(uptime).collect::<String>());
        cause(&objects(&mut case, ANY_PROTOCOL, &["HV02"]).report()).to_owned()
    };
    assert_eq!(of(0..12, 1..25), "healthy");
    assert_eq!(of(0..12, 1..7), "undetermined", "every hour until the 6th");
    assert_eq!(of(0..1, 1..7), "healthy", "a few records");
}

#[test]
fn what_moved_outside_of_the_window_does_not_wait_to_fail() {
    let of = |changed: &str, times: &[&str]| {
        let mut case = working(times);
        let changed = OLD.replace("20260801", changed);
        case.objects(&[("HV01", MEMBER, &[], &changed), ("HV02", ANY_PROTOCOL, &["HV01"], OLD)]);
        let since = Options {
            scope: Scope { since: "2026-09-28T00:00:00Z".parse().ok(), ..Scope::default() },
            ..Options::default()
        };
        let report = report_with(case.written(), &since);
        (cause(&report).to_owned(), super::incidents::level(&report))
    };
    let latent = ("kcd-missing".to_owned(), "latent".to_owned());
    assert_eq!(of("20260801", &[]), latent);
    assert_eq!(of("20260926", &["05T12:00"]), latent);
    assert_ne!(of("20260801", &["05T12:00"]), latent);
}
