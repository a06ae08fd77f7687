//! What a failing component states of itself, and what only looks like it.

use std::collections::BTreeSet;

use kcdoctor::knowledge::{Cause, Family, Knowledge};
use kcdoctor::report::Report;
use kcdoctor::scenario::bundles::all;
use kcdoctor::scenario::events::hyper_v::listener_disabled;
use kcdoctor::scenario::events::{Fault, HIGH_AVAILABILITY, Language, VMMS, WORKER};
use kcdoctor::scenario::site::{Form, Log, Site, Style};
use kcdoctor::scenario::{Domain, Machine, Os, moment};

use super::incidents::{Case, IDS, MEMBER, NO_CREDENTIALS, level};
use super::listener::refused;
use super::{bundle, report};

const UNWRAPPED: &str = "The key protector for the virtual machine could not be unwrapped.";

/// A verdict's cause and level.
pub(super) fn verdict(report: &Report) -> (&str, String) {
    (report.verdict.cause.name(), level(report))
}

pub(super) fn is(report: &Report, cause: &str, expected: &str) {
    assert_eq!(verdict(report), (cause, expected.to_owned()), "{}", report.verdict.summary);
}

/// A record of `host` that has no values, only the export's words.
pub(super) fn message(id: u32, host: &str, time: &str, words: &str) -> String {
    format!(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Hyper-V-VMMS'/>\
         <EventID>{id}</EventID><Level>3</Level><TimeCreated SystemTime='2026-09-{time}Z'/><EventRecordID>77</EventRecordID>\
         <Channel>Microsoft-Windows-Hyper-V-VMMS-Admin</Channel><Computer>{host}.contoso.com</Computer></System><UserData/>\
         <RenderingInfo Culture='en-US'><Message>{words}</Message></RenderingInfo></Event>"
    )
}

const FAMILIES: [Family; 5] =
    [Family::Network, Family::Storage, Family::Resources, Family::Compatibility, Family::Configuration];

#[test]
fn every_cause_that_a_component_states_has_a_rule_and_an_incident() {
    let knowledge = Knowledge::load().unwrap();
    let ruled: BTreeSet<_> = knowledge.rules.iter().map(|rule| rule.cause).collect();
    let told: BTreeSet<_> = all().iter().map(|incident| incident.truth.cause).collect();
    let causes = Cause::names().filter_map(Cause::named);
    for cause in
        causes.filter(|cause| FAMILIES.contains(&cause.family()) || cause.name() == "user-right-missing")
    {
        assert!(ruled.contains(&cause), "{} has no rule", cause.name());
        assert!(told.contains(cause.name()), "{} has no bundled incident", cause.name());
    }
}

/// Some moves of a drain were too many; the rest fail for want of delegation.
#[test]
fn a_limit_does_not_hide_missing_delegation() {
    let mut case = Case::new();
    case.kerberos(&["HV01", "HV02"]).objects(&[("HV01", MEMBER, &[], ""), ("HV02", MEMBER, &[], "")]);
    for hour in 10..14 {
        let sentence = format!("Failed to establish a connection with host 'HV02': {NO_CREDENTIALS}");
        case.cluster_failure("SQL01", IDS[0], "HV01", &format!("15T{hour}:00:00"), &sentence);
    }
    let limit = "Failed to perform migration on virtual machine 'WEB03' because virtual machine migration limit '2' was reached, \
                 please wait for completion of an ongoing migration operation.";
    for hour in 10..12 {
        case.cluster_failure("WEB03", IDS[1], "HV01", &format!("15T{hour}:30:00"), limit);
    }
    let report = case.report();
    is(&report, "kcd-missing", "confirmed");
    let also: Vec<_> = report.also.iter().map(|other| other.cause.name()).collect();
    assert_eq!(also, ["migration-limit"]);
}

#[test]
fn the_registration_of_another_machine_is_no_part_of_a_failure() {
    let mut case = Case::new();
    case.service(13002, 4, "HV02", "01T00:00:00", &["OLD", IDS[2]]);
    refused(&mut case, "SQL01", IDS[0], "15T10:00:00");
    let other = format!(
        "The Virtual Machine Management Service failed to register the configuration for the virtual machine '{}' at \
         'E:\\Hyper-V\\WEB03': The system cannot find the path specified. (0x80070003)",
        IDS[1]
    );
    case.service(16300, 2, "HV02", "15T10:00:01", &[&other]);
    let report = case.report();
    is(&report, "network-unreachable", "probable");
    assert_eq!(report.attempts.len(), 1);
}

/// The right is missing where the machine should arrive: the source's two logs repeat one voice.
#[test]
fn a_logon_right_is_confirmed_by_the_destination_alone() {
    let sentence = "Virtual machine migration operation for 'SQL01' failed at migration destination 'HV02'.\n\nFailed to create Planned \
                    Virtual Machine at migration destination: the user has not been granted the requested logon type at this \
                    computer. (0x80070569)";
    let failed = || {
        let mut case = Case::new();
        case.service(13002, 4, "HV02", "01T00:00:00", &["OLD", IDS[2]]);
        case.cluster_failure("SQL01", IDS[0], "HV01", "15T10:00:00", sentence);
        case
    };
    let values = ["SQL01", IDS[0], "%%2147943785", "0x80070569"];
    let mut at_source = failed();
    at_source.service(24002, 2, "HV01", "15T10:00:00.1", &values);
    is(&at_source.report(), "user-right-missing", "probable");
    let mut at_destination = failed();
    at_destination.service(24002, 2, "HV02", "15T10:00:00.1", &values);
    is(&at_destination.report(), "user-right-missing", "confirmed");
}

#[test]
fn a_machine_that_fails_to_start_is_no_failed_move() {
    let mut case = Case::new();
    case.service(15500, 2, "HV01", "15T10:00:00", &["SQL01", IDS[0], "%%2147943785", "0x80070569"]);
    assert!(case.report().attempts.is_empty());
}

/// The last sentence is the cause; a second one takes nothing for sure that one log alone says.
#[test]
fn of_two_sentences_the_last_decides() {
    let register = "The Virtual Machine Management Service failed to register the configuration for the virtual machine at 'E:\\x'.";
    let locked = "'SQL01': Attachment 'E:\\x.vhdx' failed to open because of error: in use (0x80070020).";
    for (sentences, cause) in
        [([register, locked], "storage-failure"), ([locked, register], "registration-failed")]
    {
        let mut case = Case::new();
        let text = format!("failed at migration destination 'HV02'.\n\n{}", sentences.join("\n\n"));
        is(&case.cluster_failure("SQL01", IDS[0], "HV01", "15T10:00:00", &text).report(), cause, "probable");
    }
}

/// A name is no statement, in whatever value or sentence it stands.
#[test]
fn a_machine_may_be_called_like_a_cause() {
    for name in ["Key Protector Test", "virtual switch lab", "migration limit"] {
        let mut case = Case::new();
        case.kerberos(&["HV01", "HV02"]).objects(&[("HV01", MEMBER, &[], ""), ("HV02", MEMBER, &[], "")]);
        case.service(21026, 2, "HV02", "15T10:00:01", &[name, IDS[0], "HV02"]);
        case.service(21024, 2, "HV01", "15T10:00:01", &[name, IDS[0], "HV01"]);
        let sentence = format!(
            "Virtual machine migration operation for '{name}' failed at migration source 'HV01'.\n\n\
             Failed to establish a connection with host 'HV02': {NO_CREDENTIALS}"
        );
        case.cluster_failure(name, IDS[0], "HV01", "15T10:00:00", &sentence);
        let report = case.report();
        assert_eq!(report.verdict.cause.name(), "kcd-missing", "{name}: {}", report.verdict.summary);
    }
}

#[test]
fn the_action_that_the_cluster_quotes_is_no_host() {
    let mut case = Case::new();
    case.service(13002, 4, "HV02", "01T00:00:00", &["OLD", IDS[2]]);
    let text = "The action 'Move' did not complete.\n\nError Code: 0x80071398";
    let report = case.cluster_failure("SQL01", IDS[0], "HV01", "15T10:00:00", text).report();
    is(&report, "owner-restricted", "probable");
    assert_eq!(report.verdict.pairs, [("HV01".to_owned(), "HV02".to_owned())]);
}

/// Codes of paths and elements are said of other files too.
#[test]
fn a_missing_path_alone_is_no_registration() {
    let mut case = Case::new();
    let text =
        "failed at migration destination 'HV02'.\n\nThe system cannot find the path specified. (0x80070003)";
    is(
        &case.cluster_failure("SQL01", IDS[0], "HV01", "15T10:00:00", text).report(),
        "registration-failed",
        "possible",
    );
}

/// One voice, however often: the same words in both of the source's logs.
#[test]
fn a_key_protector_needs_the_destinations_word() {
    let mut case = Case::new();
    let text = format!("failed at migration destination 'HV02'.\n\n{UNWRAPPED}");
    case.cluster_failure("SQL01", IDS[0], "HV01", "15T10:00:00", &text);
    case.service(33014, 2, "HV01", "15T10:00:00.2", &["SQL01", IDS[0], UNWRAPPED]);
    is(&case.report(), "key-protector", "probable");
    case.service(33014, 2, "HV02", "15T10:00:00.3", &["SQL01", IDS[0], UNWRAPPED]);
    is(&case.report(), "key-protector", "confirmed");
}

#[test]
fn progress_is_read_and_decides_nothing() {
    let text = |percent: &str| {
        format!(
            "Live migration failed{percent}.\n\nFailed to establish a connection with host 'HV02': {NO_CREDENTIALS}"
        )
    };
    let mut verdicts = Vec::new();
    for percent in ["", " at 87 %"] {
        let mut case = Case::new();
        case.kerberos(&["HV01", "HV02"]).objects(&[("HV01", MEMBER, &[], ""), ("HV02", MEMBER, &[], "")]);
        let report = case.cluster_failure("SQL01", IDS[0], "HV01", "15T10:00:00", &text(percent)).report();
        verdicts.push((report.attempts[0].progress, report.attempts[0].progress_reading.clone()));
        assert_eq!(report.verdict.cause.name(), "kcd-missing");
    }
    assert_eq!(verdicts[0], (None, None));
    assert_eq!(verdicts[1].0, Some(87));
    assert!(
        verdicts[1]
            .1
            .as_deref()
            .is_some_and(|reading| reading.contains("speaks against delegation without deciding"))
    );
    let registration = report(&bundle("registration-failed"));
    let reading = registration.attempts.iter().find_map(|attempt| attempt.progress_reading.as_deref());
    assert!(reading.is_some_and(|reading| reading.contains("90 to 100 %")));
}

/// In any language the number alone hints at a limit, and proves none.
#[test]
fn the_number_of_a_limit_is_a_hint() {
    let mut case = Case::new();
    case.service(13002, 4, "HV02", "01T00:00:00", &["OLD", IDS[2]]);
    let text = "Fehler bei der Livemigration von „Virtual Machine SQL01“.";
    let values = ["Virtual Machine SQL01", IDS[0], text];
    case.event("High-Availability", (21501, 2), "HV01", "15T10:00:00", &values);
    is(&case.report(), "migration-limit", "possible");
    // What a record names goes before the number.
    let mut case = Case::new();
    case.service(13002, 4, "HV02", "01T00:00:00", &["OLD", IDS[2]]);
    let text = format!("{text}\n\nDer Host „HV02“ wurde nicht gefunden (0x80072AF9).");
    let values = ["Virtual Machine SQL01", IDS[0], &text];
    case.event("High-Availability", (21501, 2), "HV01", "15T10:00:00", &values);
    is(&case.report(), "name-resolution", "probable");
}

/// A number that is documented for one thing says it at any level, and only beside a move of that machine.
#[test]
fn a_version_is_named_by_its_number() {
    let failed = |machine: &str| {
        let mut case = Case::new();
        let text = "Virtual machine migration operation for 'SQL01' failed at migration destination 'HV02'.";
        case.cluster_failure("SQL01", IDS[0], "HV01", "15T10:00:00", text);
        case.service(10698, 3, "HV02", "15T10:00:00.1", &["x", machine]);
        case.report()
    };
    is(&failed(IDS[0]), "configuration-version", "probable");
    assert_eq!(failed(IDS[1]).verdict.cause.name(), "undetermined");
}

/// Without a cluster there is no 21502; the words of an export name what numbers don't.
#[test]
fn words_of_an_export_name_a_processor() {
    let mut case = Case::new();
    case.service(13002, 4, "HV02", "01T00:00:00", &["OLD", IDS[2]]);
    case.service(20413, 4, "HV01", "15T10:00:00", &["SQL01", "HV02", IDS[0]]);
    case.service(21024, 2, "HV01", "15T10:00:02", &["SQL01", IDS[0], "HV01"]);
    let said = format!(
        "The virtual machine 'SQL01' is using processor-specific features not supported on physical computer 'HV02'. (Virtual \
         machine ID {})",
        IDS[0]
    );
    let record = message(24004, "HV01", "15T10:00:01", &said).replace("<Level>3", "<Level>2").replace(
        "<UserData/>",
        &format!(
            "<UserData><VmlEventLog><VmName>SQL01</VmName><VmId>{}</VmId></VmlEventLog></UserData>",
            IDS[0]
        ),
    );
    is(&case.file("hv01.xml", &record).report(), "cpu-incompatible", "probable");
}

/// Of three nodes nobody knows which one was meant: the cause is likely, and the sentence names no pair.
#[test]
fn a_limit_without_a_target_names_no_pair() {
    let mut case = Case::new();
    for (host, id) in [("HV02", IDS[1]), ("HV03", IDS[2])] {
        case.service(13002, 4, host, "01T00:00:00", &["OLD", id]);
    }
    let limit = "Failed to perform migration on virtual machine 'SQL01' because virtual machine migration limit '2' was reached.";
    let report = case.cluster_failure("SQL01", IDS[0], "HV01", "15T10:00:00", limit).report();
    is(&report, "migration-limit", "probable");
    assert!(
        report.verdict.pairs.is_empty() && !report.verdict.summary.contains("()"),
        "{}",
        report.verdict.summary
    );
}

/// What a component states of itself, and the cause that it is.
const STATED: [(Fault, &str); 15] = [
    (Fault::TimedOut, "network-unreachable"),
    (Fault::Refused, "network-unreachable"),
    (Fault::UnknownName, "name-resolution"),
    (Fault::NotOwner, "owner-restricted"),
    (Fault::LimitReached, "migration-limit"),
    (Fault::ListenerOff, "listener-disabled"),
    (Fault::UserRight, "user-right-missing"),
    (Fault::OutOfMemory, "memory-short"),
    (Fault::NoResources, "memory-short"),
    (Fault::MissingSwitch, "switch-missing"),
    (Fault::Processor, "cpu-incompatible"),
    (Fault::SharingViolation, "storage-failure"),
    (Fault::MissingMedia, "storage-failure"),
    (Fault::OldVersion, "configuration-version"),
    (Fault::NotRegistered, "registration-failed"),
];

/// Moves from HV01 to HV02 that `fault` prevents, in the logs of all four nodes or of all but one.
fn failing(fault: Fault, language: Language, form: Form, without: Option<usize>) -> Report {
    let domain = Domain::new("contoso.com");
    let machine = |name: &str, rid| Machine::new(name, &domain, rid, Os::Server2022);
    let hosts =
        ["HV01", "HV02", "HV03", "HV04"].map(|name| machine(name, 1100 + u32::from(name.as_bytes()[3])));
    let [one, two, three, _] = &hosts;
    let style = Style { clustered: true, delegated: false, phases: false, language };
    let mut site = Site::new("failing", &machine("DC01", 1001), style);
    site.place(one, &["SQL01", "WEB03"]);
    site.place(two, &["FS01"]);
    site.place(three, &["APP02"]);
    site.succeed_often(one, two, moment(9, 1, 8, 0), 2, 30);
    site.succeed_often(two, three, moment(9, 1, 18, 0), 2, 30);
    if fault == Fault::ListenerOff {
        site.log(listener_disabled(two, moment(9, 10, 2, 0)));
    }
    for hour in [8, 11] {
        site.fail(one, two, fault, moment(9, 10, hour, 0));
    }
    let sent = hosts.iter().enumerate().filter(|(index, _)| Some(*index) != without);
    let logs: Vec<_> = sent
        .flat_map(|(_, host)| [HIGH_AVAILABILITY, VMMS, WORKER].map(|channel| Log { host, channel, form }))
        .collect();
    let mut case = Case::new();
    for (path, content) in site.export(&logs).files {
        case.bytes(&path, &content);
    }
    report(case.path())
}

#[test]
fn every_component_is_named_for_what_it_is() {
    for (fault, cause) in STATED {
        let report = failing(fault, Language::English, Form::XmlWithMessages, None);
        let sure = ["confirmed", "probable"].contains(&level(&report).as_str());
        assert!(sure && report.verdict.cause.name() == cause, "{fault:?}: {:?}", verdict(&report));
    }
}

/// Without words, without the destination, without the source: the level falls, the cause does not change sides.
#[test]
fn what_is_missing_makes_no_other_cause() {
    for (fault, cause) in STATED.into_iter().filter(|(fault, _)| *fault != Fault::ListenerOff) {
        for (language, form, without) in [
            (Language::German, Form::Xml, None),
            (Language::English, Form::Xml, Some(0)),
            (Language::English, Form::XmlWithMessages, Some(1)),
        ] {
            let report = failing(fault, language, form, without);
            let named = [cause, "undetermined"].contains(&report.verdict.cause.name());
            assert!(named, "{fault:?} without {without:?}: {:?}", verdict(&report));
        }
    }
}
