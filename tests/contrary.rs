//! What speaks against a cause although all that it asks for is there: moves that came as far as they could not, that
//! worked all the same, states of another time, and other machines' troubles. Each beside the plain case.

use kcdoctor::command::analyze::Options;
use kcdoctor::incident::Scope;
use kcdoctor::knowledge::Class;
use kcdoctor::report::Report;

use super::doubt::{
    AUDITING, LOGON_FAILED, OLD, SERVICE, UNKNOWN_TARGET, failing, is_confirmed, is_open, objects, record,
    ticket,
};
use super::incidents::{ANY_PROTOCOL, Case, IDS, MEMBER, NO_CREDENTIALS, level};
use super::report_with;

const UNTRUSTED: &str = "userAccountControl: 1049088\n";

/// A move from HV01 to HV02 that arrives.
pub(super) fn success(case: &mut Case, time: &str) {
    case.service(20413, 4, "HV01", &format!("{time}:00"), &["WEB03", "HV02", IDS[1]]);
    case.service(20415, 4, "HV01", &format!("{time}:30"), &["WEB03", IDS[1], "0.4"]);
}

/// 5136 of a domain controller: a value of HV01's list, taken away (`%%14675`) or added (`%%14674`).
pub(super) fn edit(time: &str, operation: &str) -> String {
    let value = format!("{SERVICE}/HV02");
    let data = [
        ("ObjectDN", "CN=HV01,DC=contoso,DC=com"),
        ("AttributeLDAPDisplayName", "msDS-AllowedToDelegateTo"),
        ("AttributeValue", value.as_str()),
        ("OperationType", operation),
    ];
    record(AUDITING, 5136, "Security", "dc01.contoso.com", time, &data)
}

pub(super) fn cause(report: &Report) -> &str {
    report.verdict.cause.name()
}

#[test]
fn hosts_that_had_authenticated_each_other_lacked_no_delegation() {
    let of = |more: &str, dc: &str| {
        let mut case = failing(&format!("{NO_CREDENTIALS} {more}"), &["15T10:00:00"]);
        case.file("dc.xml", dc);
        objects(&mut case, MEMBER, &[]).report()
    };
    is_confirmed(&of("", ""), "kcd-missing");
    is_open(&of("The migration failed at 87 %.", ""), "most of it was copied");
    let asked = ticket("15T10:00:01", "HV01$@CONTOSO.COM", "HV02$", "0x40830000", "0xd");
    is_confirmed(&of("The migration failed at 87 %.", &asked), "kcd-missing");
}

#[test]
fn a_retry_to_another_target_is_another_move() {
    let mut case = Case::new();
    case.kerberos(&["HV01", "HV02", "HV03"]);
    for host in ["HV02", "HV03"] {
        case.service(13002, 4, host, "01T00:00:00", &["OLD", IDS[2]]);
    }
    let text =
        |target: &str, why: &str| format!("Failed to establish a connection with host '{target}': {why}");
    case.cluster_failure("SQL01", IDS[0], "HV01", "15T10:00:00", &text("HV03", UNKNOWN_TARGET));
    case.cluster_failure("SQL01", IDS[0], "HV01", "15T10:02:00", &text("HV02", NO_CREDENTIALS));
    let all = ["HV01", "HV02", "HV03"].map(|host| (host, MEMBER, &[][..], OLD));
    let report = case.objects(&all).report();
    let failed = |target: &str| {
        report.attempts.iter().find(|own| own.target.as_deref() == Some(target)).and_then(|own| own.class)
    };
    assert_eq!((failed("HV03"), failed("HV02")), (Some(Class::ServiceName), Some(Class::Delegation)));
}

#[test]
fn failures_that_no_attempt_tells_of_are_not_healthy() {
    let of = |event: Option<(&str, u32)>| {
        let mut case = Case::new();
        case.kerberos(&["HV01", "HV02"]).service(13002, 4, "HV02", "01T00:00:00", &["OLD", IDS[2]]);
        success(&mut case, "05T12:00");
        match event {
            Some(("cluster", id)) => {
                let provider = "Microsoft-Windows-FailoverClustering";
                let data = [("ResourceGroup", "SQL01")];
                case.file("c.xml", &record(provider, id, "System", "hv01.contoso.com", "06T00:00:00", &data));
            }
            Some((log, id)) => {
                case.event(log, (id, 2), "HV01", "06T00:00:00", &["Virtual Machine SQL01", IDS[0]]);
            }
            None => {}
        }
        objects(&mut case, ANY_PROTOCOL, &["HV02"]);
        cause(&case.report()).to_owned()
    };
    assert_eq!(of(None), "healthy");
    for event in
        [("High-Availability", 21125), ("High-Availability", 21131), ("cluster", 1137), ("cluster", 1677)]
    {
        assert_ne!(of(Some(event)), "healthy", "{event:?}");
    }
}

#[test]
fn what_others_were_refused_is_theirs() {
    let of = |services: &str, client: &str| {
        let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
        let data = [
            ("TargetUserName", client),
            ("ServiceName", "HV02$"),
            ("TicketOptions", "0x40830000"),
            ("Status", "0xd"),
            ("TransmittedServices", services),
        ];
        case.file("dc.xml", &record(AUDITING, 4769, "Security", "dc01.contoso.com", "15T10:00:01", &data));
        case.objects(&[("HV01", MEMBER, &["HV02"], OLD), ("HV02", MEMBER, &[], OLD)]).report()
    };
    is_confirmed(&of("-", "HV01$@CONTOSO.COM"), "kcd-kerberos-only");
    is_confirmed(&of("host/hv01.contoso.com", "adm@CONTOSO.COM"), "kcd-kerberos-only");
    is_open(&of("http/web01.contoso.com", "adm@CONTOSO.COM"), "another service asked for the user");
    is_open(&of("-", "svc-web@CONTOSO.COM"), "a service's account asked");
}

/// Who can't drain a host remotely moves its machines from its own console, where no delegation is needed.
#[test]
fn a_move_from_the_console_does_not_clear_what_a_domain_controller_refused() {
    let of = |worked: bool, refused: bool| {
        let mut case = failing(NO_CREDENTIALS, &["15T10:00:00", "15T10:20:00"]);
        if worked {
            success(&mut case, "15T12:00");
        }
        if refused {
            let own = |time| ticket(time, "HV01$@CONTOSO.COM", "HV02$", "0x40830000", "0xd");
            case.file("dc.xml", &(own("15T09:59:59") + &own("15T10:19:59")));
        }
        case.objects(&[("HV01", MEMBER, &[], OLD), ("HV02", MEMBER, &[], OLD)]).report()
    };
    is_confirmed(&of(false, false), "kcd-missing");
    is_open(&of(true, false), "it came to work by itself");
    is_confirmed(&of(true, true), "kcd-missing");
}

/// A later failure for another reason does not take back that it worked in between.
#[test]
fn what_came_to_work_was_not_broken_for_good() {
    let of = |worked: bool| {
        let mut case = failing(LOGON_FAILED, &["15T10:00:00"]);
        if worked {
            success(&mut case, "17T12:00");
        }
        case.cluster_failure(
            "APP01",
            IDS[2],
            "HV01",
            "20T10:00:00",
            "Not enough memory. (0x8007000E) on 'HV02'",
        );
        let disabled = OLD.to_owned();
        case.objects(&[
            ("HV01", ANY_PROTOCOL, &["HV02"], OLD),
            ("HV02", ANY_PROTOCOL | 2, &["HV01"], &disabled),
        ]);
        let report = case.report();
        let own = (report.verdict.cause.name(), level(&report));
        let also =
            report.also.iter().map(|also| (also.cause.name(), format!("{:?}", also.level).to_lowercase()));
        let mut all: Vec<_> = std::iter::once(own).chain(also).collect();
        all.retain(|(cause, _)| *cause == "account-unusable");
        all
    };
    assert_eq!(of(false), [("account-unusable", "confirmed".to_owned())]);
    assert!(of(true).iter().all(|(_, level)| level != "confirmed"));
}

#[test]
fn a_state_that_came_between_the_failures_explains_only_some() {
    let of = |times: &[&str]| {
        let mut case = failing(NO_CREDENTIALS, times);
        case.file("dc.xml", &edit("14T10:00:00", "%%14675"));
        let changed = OLD.replace("20260801000000", "20260914100000");
        case.objects(&[("HV01", MEMBER, &[], &changed), ("HV02", MEMBER, &[], OLD)]).report()
    };
    is_confirmed(&of(&["15T10:00:00"]), "kcd-missing");
    is_open(&of(&["10T10:00:00", "15T10:00:00"]), "it failed so before it was taken away");
}

#[test]
fn a_window_hides_failures_and_no_proof() {
    let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
    success(&mut case, "17T12:00");
    objects(&mut case, MEMBER, &[]);
    let until = Options {
        scope: Scope { until: "2026-09-16T00:00:00Z".parse().ok(), ..Scope::default() },
        ..Options::default()
    };
    is_open(&report_with(case.written(), &until), "it moved on the 17th");
}

/// A cluster's name is no machine, and of two objects of one host nobody knows which it is.
#[test]
fn nothing_is_said_of_an_object_that_may_not_be_the_hosts() {
    let of = |extra: &str| {
        let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
        objects(&mut case, MEMBER, &[]).file("more.ldif", extra).report()
    };
    is_confirmed(&of("# requesting: ALL\n"), "kcd-missing");
    let twin = format!(
        "# requesting: ALL\n\ndn: CN=HV01NEW,DC=contoso,DC=com\nobjectClass: computer\nsAMAccountName: HV01NEW$\n\
         dNSHostName: hv01.contoso.com\nobjectSid: S-1-5-21-1-2-3-1900\nuserAccountControl: 16781312\n\
         servicePrincipalName: {SERVICE}/HV01\n"
    );
    is_open(&of(&twin), "two enabled objects claim the name");
    let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
    let name = format!("servicePrincipalName: MSClusterVirtualServer/HV02\n{OLD}");
    case.objects(&[("HV01", MEMBER, &[], OLD), ("HV02", MEMBER, &[], &name)]);
    is_open(&case.report(), "the target is a cluster's name");
}

#[test]
fn a_machine_called_like_a_code_names_none() {
    let of = |name: &str| {
        let mut case = Case::new();
        case.kerberos(&["HV01", "HV02"]);
        let text =
            format!("Virtual machine migration operation for '{name}' failed at migration source 'HV01'.");
        case.cluster_failure(name, IDS[0], "HV01", "15T10:00:00", &text);
        cause(&objects(&mut case, ANY_PROTOCOL, &["HV02"]).report()).to_owned()
    };
    for name in ["80071398", "80070569", "8009030E"] {
        assert!(
            !["owner-restricted", "user-right-missing", "kcd-missing"].contains(&of(name).as_str()),
            "{name}"
        );
    }
}

#[test]
fn what_was_undone_in_time_set_nothing_off() {
    let of = |back: &str| {
        let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
        success(&mut case, "05T12:00");
        case.file("dc.xml", &(edit("07T10:00:00", "%%14675") + back));
        let changed = OLD.replace("20260801000000", "20260912100000");
        case.objects(&[("HV01", MEMBER, &[], &changed), ("HV02", MEMBER, &[], OLD)]);
        case.report().verdict.trigger
    };
    assert_eq!(of("").as_deref(), Some("directory:HV01:2026-09-07T10:00:00Z"));
    assert_eq!(of(&edit("07T11:00:00", "%%14674")), None);
}

#[test]
fn a_domain_controller_keeps_its_delegation() {
    let of = |bits: u32| {
        let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
        let guard = [("Config", "0x1")];
        let wininit = "Microsoft-Windows-Wininit";
        case.file("g.xml", &record(wininit, 13, "System", "hv01.contoso.com", "04T00:00:20", &guard));
        case.objects(&[("HV01", bits, &[], OLD), ("HV02", MEMBER, &[], OLD)]);
        let plan = case.report().plan;
        plan.steps.iter().any(|step| step.kind == "clear-unconstrained")
    };
    assert!(of(0x8_1000) && !of(0x8_2000));
}

#[test]
fn a_user_that_an_export_clears_was_not_the_reason() {
    let user = |bits: &str| {
        format!(
            "# requesting: ALL\n\ndn: CN=adm,DC=contoso,DC=com\nobjectClass: user\nsAMAccountName: adm\n{bits}"
        )
    };
    let asked = |user: &str| {
        let data = [
            ("TargetUserName", user),
            ("ServiceName", "HV02$"),
            ("TicketOptions", "0x40830000"),
            ("Status", "0xd"),
            ("TransmittedServices", "HV01$@CONTOSO.COM"),
        ];
        record(AUDITING, 4769, "Security", "dc01.contoso.com", "15T10:00:01", &data)
    };
    let of = |bits: &str, name: &str, asked: &str| {
        let target = format!("{SERVICE}/HV02@CONTOSO.COM");
        let data = [
            ("ErrorCode", "0xd"),
            ("ExtendedError", "0xc000006e"),
            ("ClientName", name),
            ("TargetName", target.as_str()),
        ];
        let kerberos = "Microsoft-Windows-Security-Kerberos";
        let refused = record(kerberos, 3, "System", "hv01.contoso.com", "15T10:00:01", &data);
        let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
        case.file("k.xml", &refused).file("u.ldif", &user(bits)).file("dc.xml", asked);
        objects(&mut case, ANY_PROTOCOL, &["HV02"]).report()
    };
    let cleared = "userAccountControl: 512\nmemberOf: \n";
    for (name, asked) in [("adm", ""), ("", &*asked("adm@CONTOSO.COM"))] {
        is_confirmed(&of(UNTRUSTED, name, asked), "user-not-delegatable");
        is_open(&of(cleared, name, asked), "neither sensitive nor protected");
    }
    for asked in [String::new(), asked("HV01$@CONTOSO.COM"), asked("adm-other@CONTOSO.COM")] {
        is_confirmed(&of(cleared, "", &asked), "user-not-delegatable");
    }
}

/// The plan's proof asks the same pairs before and after: what it did not touch is still there.
#[test]
fn a_proof_claims_nothing_that_the_plan_did_not_mend() {
    let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
    case.service(13002, 4, "HV03", "01T00:00:00", &["OLD", IDS[0]]).objects(&[
        ("HV01", MEMBER, &[], OLD),
        ("HV02", MEMBER, &["HV01"], OLD),
        ("HV03", MEMBER | 2, &["HV01"], OLD),
    ]);
    case.service(20413, 4, "HV03", "05T12:00:00", &["WEB03", "HV01", IDS[1]]);
    case.service(20415, 4, "HV03", "05T12:00:30", &["WEB03", IDS[1], "0.4"]);
    let cluster = "Microsoft-Windows-FailoverClustering";
    let tie = record(cluster, 1069, "System", "hv01.contoso.com", "02T00:00:00", &[("NodeName", "HV03")]);
    let proof = case.file("cluster.xml", &tie).report().plan.proof;
    let disabled = |hits: &[(String, Vec<(String, String)>)]| {
        let own = hits.iter().find(|(rule, _)| rule == "ACC-101").map(|(_, pairs)| pairs.clone());
        own.unwrap_or_default()
    };
    let before = disabled(&proof.before);
    assert!(!before.is_empty());
    assert_eq!(disabled(&proof.after), before);
}

/// A move that needed no delegation to one target may have needed none to another.
#[test]
fn what_moves_elsewhere_without_delegation_may_not_want_for_it() {
    let tie = record(
        "Microsoft-Windows-FailoverClustering",
        1069,
        "System",
        "hv01.contoso.com",
        "02T00:00:00",
        &[("NodeName", "HV03")],
    );
    let of = |time: &str, changed: &str, of_target: &str, other: &str| {
        let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
        case.service(13002, 4, "HV03", "01T00:00:00", &["OLD", IDS[2]]).file("other.xml", other);
        if !time.is_empty() {
            case.service(20413, 4, "HV01", &format!("{time}:00"), &["WEB03", "HV03", IDS[1]]);
            case.service(20415, 4, "HV01", &format!("{time}:30"), &["WEB03", IDS[1], "0.4"]);
        }
        let changed = OLD.replace("20260801", changed);
        let target = format!("{OLD}\n{of_target}");
        case.objects(&[
            ("HV01", MEMBER, &[], &changed),
            ("HV02", MEMBER, &[], OLD),
            ("HV03", MEMBER, &[], target.trim_end()),
        ]);
        case.report()
    };
    let trusting = "msDS-AllowedToActOnBehalfOfOtherIdentity: O:BAD:(A;;0xf01ff;;;S-1-5-21-1-2-3-1100)";
    let asked = tie.clone() + &ticket("15T10:00:01", "HV01$@CONTOSO.COM", "HV02$", "0x40830000", "0xd");
    is_confirmed(&of("", "20260801", "", &tie), "kcd-missing");
    for time in ["05T12:00", "17T12:00"] {
        is_open(&of(time, "20260801", "", &tie), "it moved to HV03");
        for (trusting, other) in [(trusting, tie.as_str()), ("", &asked), ("", "")] {
            is_confirmed(&of(time, "20260801", trusting, other), "kcd-missing");
        }
    }
    is_confirmed(&of("05T12:00", "20260910", "", &tie), "kcd-missing");
}

/// A domain controller that gives tickets on users' behalf grants what the directory is said not to.
#[test]
fn what_a_domain_controller_grants_is_not_missing() {
    let given = |time: &str, services: &str, host: &str| {
        let data = [
            ("TargetUserName", "adm@CONTOSO.COM"),
            ("ServiceName", host),
            ("TicketOptions", "0x40830000"),
            ("Status", "0x0"),
            ("TransmittedServices", services),
        ];
        record(AUDITING, 4769, "Security", "dc01.contoso.com", time, &data)
    };
    let of = |list: &str, tickets: &[String]| {
        let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
        // Of tickets that say nothing the first stands for all.
        let routine = [given("02T00:00:00", "-", "HV02$"), given("02T00:00:01", "-", "HV02$")].concat();
        case.file("dc.xml", &(routine + &tickets.concat()));
        let source = format!("{OLD}\n{list}");
        case.objects(&[("HV01", MEMBER, &[], source.trim_end()), ("HV02", MEMBER, &[], OLD)]).report()
    };
    let own = |time| given(time, "HV01$@CONTOSO.COM", "HV02$");
    for (list, cause) in [("", "kcd-missing"), ("msDS-AllowedToDelegateTo: cifs/files01", "kcd-incomplete")] {
        is_confirmed(&of(list, &[]), cause);
        for time in ["05T12:00:00", "15T09:59:00", "17T12:00:00"] {
            is_open(&of(list, &[own(time)]), "the source acted for a user at the target");
        }
        let others = given("17T12:00:00", "http/web01.contoso.com", "HV02$");
        is_confirmed(&of(list, &[others, given("17T12:00:00", "HV01$@CONTOSO.COM", "FILES01$")]), cause);
        is_confirmed(&of(list, &[own("17T12:00:00"), edit("16T12:00:00", "%%14674")]), cause);
    }
    is_confirmed(&of("msDS-AllowedToDelegateTo: cifs/HV02", &[own("17T12:00:00")]), "kcd-incomplete");
}

/// A collector numbers the records that it is sent anew, and may be sent one twice.
#[test]
fn a_forwarded_record_is_no_second_attempt() {
    let of = |forwarded: &[(&str, &str)]| {
        let mut case = failing(NO_CREDENTIALS, &["15T10:00:00.1234567"]);
        let original =
            case.events().rsplit_once("<Event ").map(|(_, last)| format!("<Event {last}")).unwrap();
        let number =
            original.split_once("<EventRecordID>").and_then(|(_, rest)| rest.split_once('<')).unwrap().0;
        let number = format!("<EventRecordID>{number}<");
        let copies = forwarded.iter().map(|(record, digit)| {
            original.replace(&number, &format!("<EventRecordID>{record}<")).replace("1234567", digit)
        });
        let copies: String = copies.collect();
        case.file("ForwardedEvents.xml", &copies);
        objects(&mut case, MEMBER, &[]).report().attempts.len()
    };
    assert_eq!(of(&[]), 1);
    assert_eq!(of(&[("90011", "1234567"), ("90012", "1234567")]), 1);
    assert_eq!(of(&[("90011", "1234568")]), 2);
}

/// What was changed after the export may be there by now.
#[test]
fn a_plan_waits_for_an_export_that_is_newer_than_the_last_change() {
    let of = |change: &str, stamp: &str| {
        let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
        let source = OLD.replace("20260801000000", stamp);
        case.file("dc.xml", change);
        case.objects(&[("HV01", MEMBER, &[], &source), ("HV02", MEMBER, &[], OLD)]);
        let report = case.report();
        let of_kind = |kind: &str| {
            let mut steps = report.plan.steps.iter();
            steps.find(|step| step.kind == kind).unwrap().blocked_by.clone()
        };
        (of_kind("add-delegation"), of_kind("set-protocol"))
    };
    let waits = vec!["delegation-attributes".to_owned()];
    let added = edit("16T12:00:00", "%%14674");
    assert_eq!(of("", "20260801000000"), (vec![], vec![]));
    assert_eq!(of(&added, "20260801000000"), (waits.clone(), waits));
    let before = edit("10T12:00:00", "%%14675");
    assert_eq!(of(&before, "20260910120000"), (vec![], vec![]));
}

#[test]
fn a_domain_controller_is_not_let_act_for_users() {
    let of = |bits: u32| {
        let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
        let plan = case.objects(&[("HV01", bits, &[], OLD), ("HV02", MEMBER, &[], OLD)]).report().plan;
        let kinds = ["add-delegation", "set-protocol", "add-storage-delegation"];
        let own = plan.steps.iter().filter(|step| step.host.as_deref() == Some("HV01"));
        let steps = own.filter(|step| kinds.contains(&step.kind.as_str())).count();
        (steps, plan.proof.remaining.iter().any(|text| text.contains("is a domain controller")))
    };
    let (steps, is_said) = of(MEMBER);
    assert!(steps > 0 && !is_said);
    assert_eq!(of(0x2000), (0, true));
}

/// A worker that fails at something else, soon after, says nothing of the move.
#[test]
fn what_comes_after_the_report_of_a_failure_does_not_name_it() {
    let of = |times: &[&str]| {
        let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
        for (id, time) in (18_012..).zip(times) {
            let text = "'SQL0' could not create a checkpoint: not enough memory (0x8007000E).";
            case.event("Worker", (id, 2), "HV01", time, &["SQL0", IDS[0], text]);
        }
        let attempts = objects(&mut case, MEMBER, &[]).report().attempts;
        attempts.iter().map(|attempt| attempt.class).collect::<Vec<_>>()
    };
    assert_eq!(of(&["15T10:00:40", "15T10:00:41"]), [Some(Class::Delegation)]);
    assert_eq!(of(&["15T10:00:00", "15T10:00:01"]), [Some(Class::Memory)]);
}

/// Two accounts are needed for a name to be doubled; on the wrong one alone it is missing, and in the way.
#[test]
fn a_name_on_another_object_alone_is_missing_and_taken_off_there_first() {
    let of = |names: &str| {
        let mut case = failing(UNKNOWN_TARGET, &["15T10:00:00"]);
        let object = |name: &str, rid: u32, more: &str| {
            format!(
                "dn: CN={name},DC=contoso,DC=com\nobjectClass: computer\nsAMAccountName: {name}$\n\
                 dNSHostName: {name}.contoso.com\nobjectSid: S-1-5-21-1-2-3-{rid}\nuserAccountControl: {MEMBER}\n\
                 {more}{OLD}\n\n"
            )
        };
        let both = |name: &str| {
            format!(
                "servicePrincipalName: {SERVICE}/{name}\nservicePrincipalName: {SERVICE}/{name}.contoso.com\n"
            )
        };
        let own =
            [object("HV01", 1100, &both("HV01")), object("HV02", 1101, ""), object("NODE9", 1102, names)];
        let report = case.file("computers.ldif", &format!("# requesting: ALL\n\n{}", own.concat())).report();
        is_confirmed(&report, "spn-missing");
        let steps = report.plan.steps.iter().filter(|step| step.kind.ends_with("-spn"));
        steps.map(|step| (step.kind.clone(), step.command.contains("CN=NODE9"))).collect::<Vec<_>>()
    };
    let register = ("register-spn".to_owned(), false);
    assert_eq!(of(""), std::slice::from_ref(&register));
    let both =
        format!("servicePrincipalName: {SERVICE}/HV02\nservicePrincipalName: {SERVICE}/hv02.contoso.com\n");
    assert_eq!(of(&both), [("remove-duplicate-spn".to_owned(), true), register]);
}
