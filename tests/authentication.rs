//! Causes of authentication and delegation: each with what confirms it, and with the traps beside it.

use std::collections::BTreeSet;

use kcdoctor::knowledge::{Cause, Family, Knowledge};
use kcdoctor::report::Report;
use kcdoctor::scenario::bundles::all;

use super::incidents::{ANY_PROTOCOL, Case, IDS, MEMBER, NO_CREDENTIALS, grant, level};

const KERBEROS: &str = "Microsoft-Windows-Security-Kerberos";
const AUDITING: &str = "Microsoft-Windows-Security-Auditing";
const SERVICE: &str = "Microsoft Virtual System Migration Service";
const SYSTEM_2022: &str = "operatingSystem: Windows Server 2022 Datacenter\nwhenChanged: 20260801000000.0Z";
/// Resource-based delegation for HV01, the first of the objects.
const TRUSTS_HV01: &str = "msDS-AllowedToActOnBehalfOfOtherIdentity: O:BAD:(A;;0xf01ff;;;S-1-5-21-1-2-3-1100)\nwhenChanged: 20260801000000.0Z";
const SENSITIVE: &str = "dn: CN=adm-weiss,DC=contoso,DC=com\nobjectClass: user\nsAMAccountName: adm-weiss\nuserAccountControl: 1049088\n";

/// A record with named values.
fn record(provider: &str, id: u32, channel: &str, host: &str, time: &str, data: &[(&str, &str)]) -> String {
    let data: String =
        data.iter().map(|(name, value)| format!("<Data Name='{name}'>{value}</Data>")).collect();
    format!(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='{provider}'/>\
         <EventID>{id}</EventID><Level>2</Level><TimeCreated SystemTime='2026-09-{time}Z'/><EventRecordID>{id}{}</EventRecordID>\
         <Channel>{channel}</Channel><Computer>{host}.contoso.com</Computer></System><EventData>{data}</EventData></Event>\n",
        time.replace(|c: char| !c.is_ascii_digit(), "")
    )
}

/// Security-Kerberos 3 on HV01: a refused request to act for a user at `asked`.
fn refused(time: &str, asked: &str, extended: &str, user: &str) -> String {
    let data = [
        ("ErrorCode", "0xd"),
        ("ExtendedError", extended),
        ("ClientName", user),
        ("TargetName", &format!("{asked}@CONTOSO.COM")),
    ];
    record(KERBEROS, 3, "System", "hv01", time, &data)
}

/// 4769 of the domain controller: HV01 asked for a ticket for `service`.
fn ticket(time: &str, service: &str, options: &str, status: &str) -> String {
    let data = [
        ("TargetUserName", "HV01$@CONTOSO.COM"),
        ("ServiceName", service),
        ("TicketOptions", options),
        ("Status", status),
    ];
    record(AUDITING, 4769, "Security", "dc01", time, &data)
}

/// 5136 of the domain controller: HV01's list gained `value`.
fn added(time: &str, value: &str) -> String {
    let data = [
        ("ObjectDN", "CN=HV01,DC=contoso,DC=com"),
        ("AttributeLDAPDisplayName", "msDS-AllowedToDelegateTo"),
        ("AttributeValue", value),
        ("OperationType", "%%14674"),
    ];
    record(AUDITING, 5136, "Security", "dc01", time, &data)
}

/// Two hosts that use Kerberos, and moves from HV01 to HV02 that fail with `sentence` at `times`.
fn failing(sentence: &str, times: &[&str]) -> Case {
    let mut case = Case::new();
    case.kerberos(&["HV01", "HV02"]);
    // The other end has a log, in which nothing of a move stands.
    case.service(13002, 4, "HV02", "01T00:00:00", &["OLD", IDS[2]]);
    for (at, time) in times.iter().enumerate() {
        let vm = IDS[at % 2];
        let source = format!(
            "Virtual machine migration operation for 'SQL01' failed at migration source 'HV01'.\n\n\
             Failed to establish a connection with host 'HV02': {sentence}"
        );
        case.cluster_failure("SQL01", vm, "HV01", time, &source);
    }
    case
}

/// One such failure for want of credentials.
fn no_credentials() -> Case {
    failing(NO_CREDENTIALS, &["15T10:00:00"])
}

/// A move from HV01 to HV02 that arrives.
fn success(case: &mut Case, day: &str) {
    case.service(20413, 4, "HV01", &format!("{day}T12:00:00"), &["WEB03", "HV02", IDS[1]]);
    case.service(20415, 4, "HV01", &format!("{day}T12:01:00"), &["WEB03", IDS[1], "0.4"]);
}

/// Both objects with everything that delegation needs, older than all failures.
fn complete(case: &mut Case) -> &mut Case {
    case.objects(&[
        ("HV01", ANY_PROTOCOL, &["HV02"], SYSTEM_2022),
        ("HV02", ANY_PROTOCOL, &["HV01"], SYSTEM_2022),
    ])
}

fn verdict(report: &Report) -> (String, String) {
    (report.verdict.cause.name().to_owned(), level(report))
}

fn is(report: &Report, cause: &str, expected: &str) {
    assert_eq!(verdict(report), (cause.to_owned(), expected.to_owned()), "{}", report.verdict.summary);
}

/// Neither the verdict nor another cause is sure that it is `cause`.
fn is_not_sure(report: &Report, cause: &str, why: &str) {
    let verdict = report.verdict.cause.name() == cause && level(report) == "confirmed";
    let sure = |other: &kcdoctor::report::AlsoReport| {
        other.cause.name() == cause && serde_json::to_value(other.level).unwrap() == "confirmed"
    };
    assert!(!verdict && !report.also.iter().any(sure), "{why}: {}", report.verdict.summary);
}

fn has_gap(report: &Report, gap: &str) -> bool {
    report.gaps.iter().any(|own| own.id.split(':').next() == Some(gap))
}

/// What hardening changes bring is told elsewhere.
#[test]
fn every_cause_of_delegation_and_authentication_has_a_rule_and_an_incident() {
    const ELSEWHERE: [&str; 3] = ["encryption-mismatch", "ticket-validation", "kdc-regression"];
    let knowledge = Knowledge::load().unwrap();
    let told: BTreeSet<_> = all().iter().map(|incident| incident.truth.cause).collect();
    for name in Cause::names() {
        let cause = Cause::named(name).unwrap();
        let ours = matches!(cause.family(), Family::Delegation | Family::Authentication);
        if ours && !ELSEWHERE.contains(&name) {
            assert!(knowledge.rules.iter().any(|rule| rule.cause == cause), "{name} has no rule");
            assert!(told.contains(name), "{name} has no bundled incident");
        }
    }
}

#[test]
fn a_sensitive_user_in_the_directory_confirms_nothing() {
    let mut case = no_credentials();
    let report = complete(&mut case).file("user.ldif", SENSITIVE).report();
    is_not_sure(&report, "user-not-delegatable", "nobody says who started the move");
    assert!(has_gap(&report, "user-objects"));
}

#[test]
fn a_refused_user_is_named_where_delegation_is_granted_and_the_record_is_of_this_move() {
    let short = format!("{SERVICE}/HV02");
    let granted: &[(&str, u32, &[&str], &str)] =
        &[("HV01", MEMBER, &[], ""), ("HV02", MEMBER, &[], TRUSTS_HV01)];
    let of = |objects, event: String| no_credentials().objects(objects).file("system.xml", &event).report();
    is(&of(granted, refused("15T10:00:01", &short, "0xc000006e", "")), "user-not-delegatable", "confirmed");
    for (why, event) in [
        ("of another day", refused("14T10:00:01", &short, "0xc000006e", "")),
        ("of another target", refused("15T10:00:01", &format!("{SERVICE}/HV03"), "0xc000006e", "")),
        ("of another service", refused("15T10:00:01", "cifs/HV02", "0xc000006e", "")),
        ("of another host", refused("15T10:00:01", &short, "0xc000006e", "").replace("hv01.", "hv01-dr.")),
    ] {
        is_not_sure(&of(granted, event), "user-not-delegatable", why);
    }
    let bare: &[(&str, u32, &[&str], &str)] = &[("HV01", MEMBER, &[], ""), ("HV02", MEMBER, &[], "")];
    let report = of(bare, refused("15T10:00:01", &short, "0xc000006e", ""));
    is_not_sure(&report, "user-not-delegatable", "delegation is not granted");
    is_not_sure(&report, "kcd-missing", "the domain controller speaks of the user");
}

#[test]
fn a_ticket_that_cannot_be_forwarded_is_the_users_only_where_the_user_is_known() {
    let short = format!("{SERVICE}/HV02");
    let of = |user: &str, bits: &str| {
        let mut case = no_credentials();
        complete(&mut case).file("user.ldif", &SENSITIVE.replace("1049088", bits));
        case.file("system.xml", &refused("15T10:00:01", &short, "0xc0000272", user)).report()
    };
    is(&of("adm-weiss", "1049088"), "user-not-delegatable", "confirmed");
    for (user, bits) in [("adm-weiss", "512"), ("adm-other", "1049088"), ("", "1049088")] {
        is_not_sure(&of(user, bits), "user-not-delegatable", user);
    }
}

#[test]
fn a_status_that_contradicts_the_export_leaves_it_unproven() {
    let of = |list: &[&str], extended: &str| {
        let mut case = no_credentials();
        case.objects(&[("HV01", ANY_PROTOCOL, list, ""), ("HV02", MEMBER, &[], "")]);
        case.file("system.xml", &refused("15T10:00:01", &format!("{SERVICE}/HV02"), extended, "")).report()
    };
    is(&of(&[], "0xc00000bb"), "kcd-missing", "confirmed");
    is(&of(&[], "0xc0000272"), "kcd-missing", "probable");
    is(&of(&["HV03"], "0xc0000272"), "kcd-incomplete", "confirmed");
    is(&of(&["HV03"], "0xc00000bb"), "kcd-incomplete", "probable");
}

#[test]
fn a_missing_form_counts_where_it_was_asked_for() {
    let one = format!("msDS-AllowedToDelegateTo: {SERVICE}/HV02\n{SYSTEM_2022}");
    let of = |asked: &str| {
        let mut case = no_credentials();
        case.objects(&[("HV01", ANY_PROTOCOL, &[], &one), ("HV02", MEMBER, &[], SYSTEM_2022)]);
        case.file("system.xml", &refused("15T10:00:01", &format!("{SERVICE}/{asked}"), "0xc0000272", ""))
            .report()
    };
    is(&of("hv02.contoso.com"), "kcd-incomplete", "confirmed");
    is_not_sure(&of("HV02"), "kcd-incomplete", "the form that was asked for is there");
}

#[test]
fn kerberos_only_needs_a_sign_that_the_move_was_started_elsewhere() {
    let of = |event: &str| {
        let mut case = no_credentials();
        case.objects(&[("HV01", MEMBER, &["HV02"], SYSTEM_2022), ("HV02", MEMBER, &["HV01"], SYSTEM_2022)]);
        case.file("dc.xml", event).report()
    };
    is(&of(&ticket("15T10:00:01", "HV02$", "0x40830000", "0xd")), "kcd-kerberos-only", "confirmed");
    for (why, event) in [
        ("nothing tells", String::new()),
        ("of another day", ticket("10T10:00:01", "HV02$", "0x40830000", "0xd")),
        ("without the S4U bit", ticket("15T10:00:01", "HV02$", "0x40810000", "0xd")),
    ] {
        let report = of(&event);
        is_not_sure(&report, "kcd-kerberos-only", why);
        assert!(has_gap(&report, "security-log"), "{why}");
    }
}

#[test]
fn resource_based_delegation_is_a_grant() {
    let mut case = no_credentials();
    let report =
        case.objects(&[("HV01", MEMBER, &[], SYSTEM_2022), ("HV02", MEMBER, &[], TRUSTS_HV01)]).report();
    assert_eq!(grant(&report, "HV01", "HV02"), "granted");
    assert!(!report.verdict.cause.name().starts_with("kcd-"), "{}", report.verdict.summary);
}

/// Failures at ten and at noon; delegation added in between.
#[test]
fn delegation_that_was_added_counts_by_time_target_and_what_came_after() {
    let both = ["15T10:00:00", "15T12:00:00"];
    let of = |times: &[&str], event: &str, works: Option<&str>| {
        let mut case = failing(NO_CREDENTIALS, times);
        let changed = "operatingSystem: Windows Server 2022 Datacenter\nwhenChanged: 20260915110000.0Z";
        case.objects(&[
            ("HV01", ANY_PROTOCOL, &["HV02", "HV03"], changed),
            ("HV02", MEMBER, &[], SYSTEM_2022),
        ]);
        works.into_iter().for_each(|day| success(&mut case, day));
        case.file("dc.xml", event).report()
    };
    let cause = "delegation-not-effective";
    let add = added("15T11:00:00", &format!("{SERVICE}/HV02"));
    is(&of(&both, &add, Some("16")), cause, "probable");
    is(&of(&both, &add, None), cause, "probable");
    is(&of(&["15T09:00:00", "15T10:00:00"], &add, None), cause, "probable");
    let late = of(&["15T10:00:00", "16T10:00:00"], &add, Some("17"));
    assert_ne!(late.verdict.cause.name(), cause, "a day later no old ticket lives");
    let other = added("15T11:00:00", &format!("{SERVICE}/HV03"));
    is_not_sure(&of(&both, &other, Some("16")), cause, "another target was added");
    is_not_sure(&of(&both, "", Some("16")), cause, "a date alone says nothing");
}

const WRONG: &str = "The target principal name is incorrect. (0x80090322).";

/// An object that holds the names of HV02 beside its own.
fn holder(dn: &str, class: &str) -> String {
    format!(
        "dn: {dn}\nobjectClass: {class}\nsAMAccountName: other{}\nobjectSid: S-1-5-21-1-2-3-1900\nuserAccountControl: 4096\n\
         whenChanged: 20260801000000.0Z\nservicePrincipalName: {SERVICE}/HV02\n\n",
        if class == "computer" { "$" } else { "" }
    )
}

#[test]
fn a_name_is_doubled_where_one_export_shows_both_holders() {
    let old = holder("CN=HV-OLD,DC=contoso,DC=com", "computer");
    let of = |extra: &str, file: Option<(&str, &str)>, works: bool| {
        let mut case = failing(WRONG, &["15T10:00:00"]);
        let target = format!("{SYSTEM_2022}\n\n{extra}");
        case.objects(&[("HV01", ANY_PROTOCOL, &["HV02"], SYSTEM_2022), ("HV02", MEMBER, &[], &target)]);
        if works {
            success(&mut case, "10");
        }
        file.into_iter().for_each(|(name, text)| _ = case.file(name, text));
        case.report()
    };
    let cause = "spn-duplicate";
    is(&of(&old, None, false), cause, "confirmed");
    let service = holder("CN=svc-hv,DC=contoso,DC=com", "user");
    is(&of(&service, None, false), cause, "confirmed");
    let listed = format!(
        "Checking domain DC=contoso,DC=com\nProcessing entry 0\n{SERVICE}/HV02 is registered on these accounts:\n\
         \tCN=HV02,DC=contoso,DC=com\n\tCN=HV-OLD,DC=contoso,DC=com\n\nfound 1 group of duplicate SPNs.\n"
    );
    let report = of("", Some(("setspn.txt", &listed)), false);
    is(&report, cause, "confirmed");
    let step = report.plan.steps.iter().find(|step| step.kind == "remove-duplicate-spn").unwrap();
    assert!(step.command.contains("'CN=HV-OLD,DC=contoso,DC=com'"), "{}", step.command);
    for (why, report) in [
        (
            "two exports may be of two days",
            of("", Some(("old.ldif", &format!("# requesting: ALL\n\n{old}"))), false),
        ),
        ("of another domain", of(&holder("CN=HV-OLD,DC=fabrikam,DC=com", "computer"), None, false)),
        ("another service's name", of(&old.replace(SERVICE, "HOST"), None, false)),
        ("a host of a similar name", of(&old.replace("/HV02", "/HV02-DR"), None, false)),
        ("it worked so before", of(&old, None, true)),
        ("another service is listed", of("", Some(("setspn.txt", &listed.replace(SERVICE, "HOST"))), false)),
    ] {
        is_not_sure(&report, cause, why);
    }
}

#[test]
fn a_domain_controller_that_finds_two_holders_is_heard_at_the_failure_alone() {
    let of = |event: String| {
        let mut case = failing(WRONG, &["15T10:00:00"]);
        complete(&mut case).file("dc.xml", &event).report()
    };
    let name = format!("{SERVICE}/HV02");
    is(&of(ticket("15T10:00:01", &name, "0x40810000", "0x8")), "spn-duplicate", "confirmed");
    for (why, event) in [
        ("of another day", ticket("14T10:00:01", &name, "0x40810000", "0x8")),
        ("of another service", ticket("15T10:00:01", "MSSQLSvc/HV02", "0x40810000", "0x8")),
        ("of another host", ticket("15T10:00:01", &format!("{SERVICE}/HV02-DR"), "0x40810000", "0x8")),
    ] {
        is_not_sure(&of(event), "spn-duplicate", why);
    }
}

#[test]
fn no_domain_controller_is_told_by_the_host_that_missed_it() {
    let sentence = "No authority could be contacted for authentication. (0x80090311).";
    let of = |events: &[String]| {
        let mut case = failing(sentence, &["15T10:00:00"]);
        complete(&mut case).file("system.xml", &events.concat()).report()
    };
    let policy = |host, time| {
        record("Microsoft-Windows-GroupPolicy", 1129, "System", host, time, &[("ErrorCode", "1222")])
    };
    let netlogon = record("NETLOGON", 5719, "System", "hv01", "15T09:58:00", &[("Domain", "CONTOSO")]);
    let cause = "dc-unreachable";
    is(&of(&[policy("hv01", "15T10:03:00")]), cause, "confirmed");
    is(&of(std::slice::from_ref(&netlogon)), cause, "probable");
    for (why, events) in [
        ("of another host", vec![policy("hv02", "15T10:03:00")]),
        ("of a similar name", vec![policy("hv01-dr", "15T10:03:00")]),
        ("an hour before", vec![policy("hv01", "15T09:00:00")]),
        ("a hint alone", vec![netlogon]),
        (
            "one answered",
            vec![policy("hv01", "15T10:03:00"), ticket("15T10:00:01", "HV02$", "0x40830000", "0xd")],
        ),
    ] {
        is_not_sure(&of(&events), cause, why);
    }
}

#[test]
fn a_policy_is_to_blame_where_it_refused_these_two_hosts_now() {
    let sentence =
        "The computer you are signing into is protected by an authentication firewall. (0x8007078F).";
    let of = |event: String| {
        let mut case = failing(sentence, &["15T10:00:00"]);
        complete(&mut case).file("dc.xml", &event).report()
    };
    let silo = |time, user, service| {
        let data =
            [("TargetUserName", user), ("ServiceName", service), ("Status", "0xc"), ("SiloName", "Hosts")];
        record(AUDITING, 4821, "Security", "dc01", time, &data)
    };
    is(&of(ticket("15T10:00:01", "HV02$", "0x40810000", "0xc")), "policy-restricted", "confirmed");
    is(&of(silo("15T10:00:01", "adm-weiss", "HV02$")), "policy-restricted", "confirmed");
    for (why, event) in [
        ("another service", silo("15T10:00:01", "adm-weiss", "FS01$")),
        ("another host's own", silo("15T10:00:01", "HV03$", "HV02$")),
        ("of the morning", silo("15T07:00:01", "HV01$", "HV02$")),
        ("a name like it", ticket("15T10:00:01", "HV02-DR$", "0x40810000", "0xc")),
    ] {
        is_not_sure(&of(event), "policy-restricted", why);
    }
}

#[test]
fn a_shared_identity_shows_beside_every_failure() {
    let of = |system: &str, times: &[&str]| {
        let mut case = failing(NO_CREDENTIALS, &["15T10:00:00", "16T10:00:00"]);
        let extra = format!("operatingSystem: {system}\nwhenChanged: 20260801000000.0Z");
        case.objects(&[("HV01", ANY_PROTOCOL, &["HV02"], &extra), ("HV02", ANY_PROTOCOL, &["HV01"], &extra)]);
        let events: String = times
            .iter()
            .map(|time| record("LsaSrv", 6167, "System", "hv02", time, &[("Package", "Kerberos")]))
            .collect();
        case.file("system.xml", &events).report()
    };
    let (now, before) = ("Windows Server 2025 Datacenter", "Windows Server 2022 Datacenter");
    is(&of(now, &["15T10:00:03", "16T10:00:03"]), "duplicate-sid", "confirmed");
    is_not_sure(&of(now, &["15T10:00:03"]), "duplicate-sid", "beside one of two");
    is_not_sure(&of(now, &["15T11:00:03", "16T11:00:03"]), "duplicate-sid", "an hour later");
    is_not_sure(&of(before, &["15T10:00:03", "16T10:00:03"]), "duplicate-sid", "2022 does not refuse clones");
}

/// A host set to CredSSP, with or without Credential Guard.
fn credssp(events: &str, works: bool) -> Report {
    let mut case = no_credentials();
    complete(&mut case)
        .file("Get-VMHost.txt", "Name : HV01\nVirtualMachineMigrationAuthenticationType : CredSSP\n");
    if works {
        success(&mut case, "10");
    }
    case.file("system.xml", events).report()
}

#[test]
fn credssp_is_blocked_by_what_blocked_it_then() {
    let guard = record("Microsoft-Windows-Wininit", 13, "System", "hv01", "05T06:00:00", &[]);
    is(&credssp(&guard, false), "credssp-blocked", "confirmed");
    is(&credssp(&guard, true), "credssp-blocked", "probable");
    is(&credssp("", false), "credssp-blocked", "probable");
    let version =
        |service: &str| record("LsaSrv", 6041, "System", "hv01", "15T10:00:01", &[("Target", service)]);
    is(&credssp(&version(&format!("{SERVICE}/HV02")), false), "credssp-blocked", "confirmed");
    for service in ["TERMSRV/HV02", "Microsoft Virtual System Migration Service/HV03"] {
        is_not_sure(&credssp(&version(service), false), "credssp-blocked", service);
    }
}

#[test]
fn a_secure_channel_without_a_domain_controller_is_not_broken() {
    let status = |status: &str| {
        format!(
            "Flags: 0\nTrusted DC Name\nTrusted DC Connection Status Status = {status}\nThe command completed successfully\n"
        )
    };
    let of = |texts: &[&str]| {
        let mut case = failing("The user name or password is incorrect. (0x8007052E).", &["15T10:00:00"]);
        complete(&mut case);
        for (at, text) in texts.iter().enumerate() {
            case.file(&format!("HV01_nltest{at}.txt"), &status(text));
        }
        case.report()
    };
    let (broken, sound) = ("5 0x5 ERROR_ACCESS_DENIED", "0 0x0 NERR_Success");
    is(&of(&[broken]), "account-unusable", "confirmed");
    is_not_sure(&of(&["1311 0x51f ERROR_NO_LOGON_SERVERS"]), "account-unusable", "nobody answered");
    is_not_sure(&of(&[broken, sound]), "account-unusable", "it was sound at another time");
}

/// Moves inside a cluster that succeed without delegation, before and after a failure of another kind.
#[test]
fn a_cluster_that_never_needed_delegation_lacks_nothing() {
    let mut case = failing("Not enough memory. (0x8007000E).", &["15T10:00:00"]);
    case.objects(&[("HV01", MEMBER, &[], SYSTEM_2022), ("HV02", MEMBER, &[], SYSTEM_2022)]);
    success(&mut case, "10");
    success(&mut case, "16");
    let report = case.report();
    assert_eq!(report.verdict.cause.name(), "memory-short", "{}", report.verdict.summary);
    let also: Vec<_> = report.also.iter().map(|other| (other.cause.name(), other.pairs.clone())).collect();
    assert_eq!(also, []);
    assert_eq!(grant(&report, "HV01", "HV02"), "not-needed");
}

/// What confirmed wrongly once: two causes proven for the same failures, an export that may be older than a grant, a
/// host of one name in another realm, a guard of another start, a deleted holder.
#[test]
fn what_has_a_rival_or_is_of_another_state_is_not_confirmed() {
    // Without a stamp.
    let lists = "operatingSystem: Windows Server 2022 Datacenter";
    let mut case = no_credentials();
    case.objects(&[("HV01", MEMBER, &[], lists), ("HV02", MEMBER, &[], lists)]);
    case.file("dc.xml", &added("10T11:00:00", &format!("{SERVICE}/HV02")));
    is_not_sure(&case.report(), "kcd-missing", "the export may be older than the grant");
    let deleted = holder("CN=HV-OLD\\0ADEL:1b2c,CN=Deleted Objects,DC=contoso,DC=com", "computer");
    let mut case = failing(WRONG, &["15T10:00:00"]);
    let target = format!("{SYSTEM_2022}\n\n{deleted}");
    case.objects(&[("HV01", ANY_PROTOCOL, &["HV02"], SYSTEM_2022), ("HV02", MEMBER, &[], &target)]);
    is_not_sure(&case.report(), "spn-duplicate", "the other holder is deleted");
    let mut case = failing(WRONG, &["15T10:00:00"]);
    let old = holder("CN=HV-OLD,DC=contoso,DC=com", "computer");
    let target = format!("{SYSTEM_2022}\n\n{old}");
    case.objects(&[("HV01", ANY_PROTOCOL, &["HV02"], SYSTEM_2022), ("HV02", MEMBER, &[], &target)]);
    success(&mut case, "17");
    is_not_sure(&case.report(), "spn-duplicate", "it works with both holders");
}
