//! What a report states beside its verdict: what is ruled out, what is missing, what the plan does, in words and in steps.
//! Each must hold as it is written.

use kcdoctor::report::Report;

use super::contrary::success;
use super::doubt::{OLD, SERVICE, failing, is_confirmed, objects, record, ticket};
use super::incidents::{ANY_PROTOCOL, Case, IDS, MEMBER, NO_CREDENTIALS, level};

const CONTROLLER: u32 = 0x8_2000;
/// TicketOptions with the S4U2Proxy bit.
const ON_BEHALF: &str = "0x40830000";

fn ruled_out(report: &Report, cause: &str) -> bool {
    let own = report.hypotheses.iter().find(|own| own.cause.name() == cause);
    own.is_some_and(|own| own.ruled_out_by.is_some())
}

fn steps<'a>(report: &'a Report, kind: &str) -> Vec<(&'a str, &'a [String], bool)> {
    let own = report.plan.steps.iter().filter(|step| step.kind == kind);
    own.map(|step| (step.host.as_deref().unwrap_or_default(), &*step.targets, step.optional)).collect()
}

/// Whether every step waits only for what the report asks for with a command.
fn waits_are_asked_for(report: &Report) -> bool {
    let asked = |id: &String| report.gaps.iter().any(|gap| gap.id == *id && !gap.collect.is_empty());
    report.plan.steps.iter().flat_map(|step| &step.blocked_by).all(asked)
}

#[test]
fn a_cause_is_ruled_out_by_all_of_its_rules_and_all_controllers_or_not_at_all() {
    let of = |log: bool, controller: bool| {
        let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
        let mut accounts = vec![("HV01", MEMBER, &[][..], OLD), ("HV02", ANY_PROTOCOL, &["HV01"][..], OLD)];
        if controller {
            accounts.push(("DC01", CONTROLLER, &[], OLD));
        }
        if log {
            let other = |time: &str| ticket(time, "HV07$@CONTOSO.COM", "HV08$", ON_BEHALF, "0xD");
            case.file("dc.xml", &(other("01T00:00:00") + &other("25T00:00:00")));
        }
        let report = case.objects(&accounts).report();
        is_confirmed(&report, "kcd-missing");
        ["spn-missing", "account-unusable"].map(|cause| ruled_out(&report, cause))
    };
    assert!(of(true, true)[0]);
    assert_eq!((of(false, true), of(true, false)), ([false; 2], [false; 2]));
}

/// Security-Kerberos 3 on HV01 for the file service of HV02, and what the domain controller wrote.
fn storage_refused(case: &mut Case, extended: Option<&str>) {
    let data = |extended| {
        [
            ("ErrorCode", "0xd"),
            ("ExtendedError", extended),
            ("TargetName", "cifs/HV02.contoso.com@CONTOSO.COM"),
        ]
    };
    if let Some(extended) = extended {
        let provider = "Microsoft-Windows-Security-Kerberos";
        let own = record(provider, 3, "System", "hv01.contoso.com", "15T10:00:00", &data(extended));
        case.file("system.xml", &own);
    }
    case.file("dc.xml", &ticket("15T10:00:00", "HV01$@CONTOSO.COM", "HV02$", ON_BEHALF, "0xD"));
}

#[test]
fn a_refused_file_service_asks_for_its_delegation_and_blames_no_administrator() {
    let of = |extended: Option<&str>, sentence: &str, more: &str| {
        let mut case = failing(sentence, &["15T10:00:00"]);
        storage_refused(&mut case, extended);
        let objects = [("HV01", ANY_PROTOCOL, &["HV02"][..], more), ("HV02", ANY_PROTOCOL, &["HV01"], OLD)];
        case.objects(&objects).report()
    };
    let copying = "Failed to copy storage to the destination host 'HV02'. (0x8009030E)";
    for report in [of(Some("0xC0000272"), NO_CREDENTIALS, OLD), of(None, copying, OLD)] {
        is_confirmed(&report, "kcd-incomplete");
        let storage = steps(&report, "add-storage-delegation");
        assert!(storage.contains(&("HV01", &["HV02".to_owned()], false)), "{storage:?}");
        assert!(report.also.is_empty() && steps(&report, "user-not-delegatable").is_empty());
    }
    // The name is there, or the user is to blame: then it is not the list.
    let listed = format!("msDS-AllowedToDelegateTo: cifs/HV02.contoso.com\n{OLD}");
    for report in [
        of(Some("0xC0000272"), NO_CREDENTIALS, &listed),
        of(Some("0xC000006E"), NO_CREDENTIALS, OLD),
        of(None, copying, &listed),
        of(None, NO_CREDENTIALS, OLD),
    ] {
        assert_ne!(report.verdict.cause.name(), "kcd-incomplete", "{}", report.verdict.summary);
    }
}

#[test]
fn a_plan_serves_a_pair_that_lacks_delegation_and_fails_for_another_reason_too() {
    let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
    let network = "Virtual machine migration operation for 'WEB' failed at migration source 'HV01'.\n\nFailed to \
                   establish a connection with host 'HV03': A connection attempt failed because the connected party \
                   did not properly respond. (0x8007274C)";
    case.cluster_failure("WEB", IDS[1], "HV01", "16T10:00:00", network).kerberos(&["HV01", "HV02", "HV03"]);
    let objects = ["HV01", "HV02", "HV03"].map(|name| (name, MEMBER, &[][..], OLD));
    let report = case.objects(&objects).report();
    is_confirmed(&report, "kcd-missing");
    let (two, three) = ("HV02".to_owned(), "HV03".to_owned());
    assert!(steps(&report, "add-delegation").contains(&("HV01", &[two, three], false)));
    let remaining = report.plan.proof.remaining.join("\n");
    assert!(!remaining.contains("KCD-"), "{remaining}");
}

#[test]
fn a_step_in_one_direction_does_not_act_on_the_other() {
    let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
    let options = kcdoctor::command::analyze::Options {
        plan: kcdoctor::plan::Choice {
            pairs: vec![("HV02".into(), "HV01".into())],
            ..kcdoctor::plan::Choice::default()
        },
        ..kcdoctor::command::analyze::Options::default()
    };
    case.objects(&["HV01", "HV02"].map(|name| (name, MEMBER, &[][..], OLD)));
    let report = super::report_with(case.written(), &options);
    let own = report.plan.proof.remaining.iter().find(|own| own.starts_with("KCD-101"));
    assert!(own.is_some_and(|own| own.contains("not in this plan: HV01 → HV02")), "{own:?}");
}

#[test]
fn what_keeps_moves_from_being_healthy_is_said_as_it_is() {
    let of = |third: bool, loose: bool| {
        let mut case = Case::new();
        case.kerberos(&["HV01", "HV02"]).service(13002, 4, "HV02", "01T00:00:00", &["OLD", IDS[2]]);
        success(&mut case, "05T12:00");
        if loose {
            case.service(20306, 2, "HV01", "06T12:00:00", &["HV02"]);
        }
        if third {
            case.kerberos(&["HV01", "HV02", "HV03"]);
        }
        let lists: [(&str, &[&str]); 3] =
            [("HV01", &["HV02", "HV03"]), ("HV02", &["HV01", "HV03"]), ("HV03", &["HV01", "HV02"])];
        let objects = lists.map(|(name, list)| (name, ANY_PROTOCOL, list, OLD));
        let report = case.objects(&objects[..if third { 3 } else { 2 }]).report();
        let gaps: Vec<_> = report.gaps.iter().map(|gap| gap.id.clone()).collect();
        (level(&report), report.verdict.summary, gaps)
    };
    assert_eq!(of(false, false).0, "healthy");
    for (third, loose, says) in
        [(true, false, "do not show all that happened"), (false, true, "belong to no move")]
    {
        let (level, summary, gaps) = of(third, loose);
        assert_eq!(level, "inconclusive");
        assert!(summary.contains(says) && !summary.contains("delegation"), "{summary}");
        assert!(!gaps.iter().any(|gap| gap == "hyperv-log:HOST"), "{gaps:?}");
        assert_eq!(gaps.contains(&"hyperv-log:HV03".to_owned()), third, "{gaps:?}");
    }
}

#[test]
fn no_step_waits_for_what_nobody_asks_for() {
    let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
    let table = "Name;DNSHostName;SamAccountName;userAccountControl;msDS-AllowedToDelegateTo;PrincipalsAllowedToDelegateToAccount;OperatingSystemVersion\n\
                 HV01;HV01.contoso.com;HV01$;4096;;;10.0 (17763)\nHV02;HV02.contoso.com;HV02$;4096;;;10.0 (17763)\n";
    let report = case.file("computers.csv", table).report();
    is_confirmed(&report, "kcd-missing");
    assert!(report.plan.steps.iter().any(|step| step.blocked_by == ["delegation-attributes"]));
    assert!(waits_are_asked_for(&report));
    let gap = report.gaps.iter().find(|gap| gap.id == "delegation-attributes").unwrap();
    assert!(gap.why.contains("distinguished name") && gap.hosts == ["HV01", "HV02"], "{gap:?}");
}

#[test]
fn timeouts_at_both_ends_prove_no_clock() {
    let of = |source: &str, target: &str| {
        let mut case = Case::new();
        case.objects(&["HV01", "HV02"].map(|name| (name, MEMBER, &[][..], OLD)));
        for (day, id) in [("15", IDS[0]), ("16", IDS[1]), ("17", IDS[2])] {
            let sentence = format!(
                "Virtual machine migration operation for 'SQL01' failed at migration source 'HV01'.\n\nFailed to send \
                 data for a Virtual Machine migration to host 'HV02': {source}"
            );
            case.service(21024, 2, "HV01", &format!("{day}T10:00:00"), &["SQL01", id, &sentence]);
            let sentence = format!("Failed to receive data for a Virtual Machine migration: {target}");
            case.service(21026, 2, "HV02", &format!("{day}T10:10:00"), &["SQL01", id, &sentence]);
        }
        let folder = case.written();
        let bundle = kcdoctor::bundle::Bundle::open(&[folder.to_path_buf()], &Default::default()).unwrap();
        let report = kcdoctor::command::inventory::inventory(
            &bundle,
            &kcdoctor::knowledge::Knowledge::load().unwrap(),
            &Default::default(),
            &|| (),
        );
        report.unwrap().clocks.len()
    };
    let reset = "An existing connection was forcibly closed by the remote host. (0x80072746)";
    let timeout = "This operation returned because the timeout period expired. (0x800705B4)";
    assert_eq!(of(reset, timeout), 0);
    let skewed = "The clocks on the client and server machines are skewed. (0x80090324)";
    assert_eq!(of(skewed, skewed), 1);
}

/// A name of another host on an account, or a name of its own on a disabled one, makes no node of it.
#[test]
fn what_is_left_of_old_hosts_gets_no_delegation() {
    let more = |bits: u32, name: &str| {
        format!(
            "dn: CN=OLD7,OU=Retired,DC=contoso,DC=com\nobjectClass: computer\nsAMAccountName: OLD7$\n\
             dNSHostName: old7.contoso.com\nobjectSid: S-1-5-21-1-2-3-1177\nuserAccountControl: {bits}\n\
             servicePrincipalName: {SERVICE}/{name}\n{OLD}\n\n"
        )
    };
    for (bits, name) in [(MEMBER, "HV09"), (MEMBER, "HV02"), (MEMBER | 2, "HV09"), (MEMBER | 2, "OLD7")] {
        let mut case = failing(NO_CREDENTIALS, &["15T10:00:00"]);
        let report = objects(&mut case, MEMBER, &[])
            .file("more.ldif", &format!("# requesting: ALL\n\n{}", more(bits, name)))
            .report();
        let ends = report.pairs.iter().flat_map(|pair| [&pair.source, &pair.target]);
        assert!(ends.clone().count() > 0 && ends.clone().all(|host| host != "OLD7"), "{bits:#x} {name}");
        let named = report.plan.steps.iter().any(|step| {
            step.host.as_deref() == Some("OLD7") || step.targets.iter().any(|target| target == "OLD7")
        });
        assert!(!named, "{bits:#x} {name}");
    }
}
