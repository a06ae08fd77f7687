//! Connections that the target refused: the network's, unless the target says that its listener was off.

use kcdoctor::report::Report;
use kcdoctor::scenario::bundles::all;
use kcdoctor::scenario::exports::culture::{Culture, Exporter};
use kcdoctor::scenario::exports::encoding::Encoding;
use kcdoctor::scenario::forms::{Directory, Events, Forms, Syntax, Updates};

use super::components::{is, message, verdict};
use super::incidents::{Case, IDS};
use super::report;

const REFUSED: &str =
    "No connection could be made because the target machine actively refused it. (0x8007274D)";

/// The source's own record of a refused connection.
pub(super) fn refused(case: &mut Case, vm: &str, id: &str, time: &str) {
    case.cluster_failure(
        vm,
        id,
        "HV01",
        time,
        &format!("Failed to establish a connection with host 'HV02': {REFUSED}"),
    );
}

fn listener_off(host: &str, time: &str) -> String {
    message(
        20402,
        host,
        time,
        "The Virtual Machine Management Service disabled the listener for Virtual Machine migration connections.",
    )
}

/// Three nodes, two refused connections to HV02 on the 15th.
fn refusals() -> Case {
    let mut case = Case::new();
    for (host, id) in [("HV02", IDS[1]), ("HV03", IDS[2])] {
        case.service(13002, 4, host, "01T00:00:00", &["OLD", id]);
    }
    refused(&mut case, "SQL01", IDS[0], "15T10:00:00");
    refused(&mut case, "SQL01", IDS[0], "15T14:00:00");
    case
}

#[test]
fn a_refused_connection_is_the_networks_where_nobody_says_more() {
    is(&refusals().report(), "network-unreachable", "probable");
}

#[test]
fn the_targets_own_word_makes_a_refusal_the_listeners() {
    let report = refusals().file("hv02.xml", &listener_off("HV02", "15T04:00:00")).report();
    is(&report, "listener-disabled", "confirmed");
    let network = report.findings.iter().find(|finding| finding.rule == "NET-101").unwrap();
    assert_eq!(network.because, ["pair.classes", "pair.hides_class"]);
}

#[test]
fn a_listener_that_was_off_elsewhere_or_at_another_time_explains_nothing() {
    for (host, time) in
        [("HV01", "15T04:00:00"), ("HV03", "15T04:00:00"), ("HV02", "11T04:00:00"), ("HV02", "15T15:00:00")]
    {
        let report = refusals().file("said.xml", &listener_off(host, time)).report();
        is(&report, "network-unreachable", "probable");
    }
    // What arrives shows that the target listens again.
    let mut case = refusals();
    case.service(20413, 4, "HV03", "15T06:00:00", &["WEB03", "HV02", IDS[2]]);
    case.service(20415, 4, "HV03", "15T06:01:00", &["WEB03", IDS[2], "0.4"]);
    is(
        &case.file("said.xml", &listener_off("HV02", "15T04:00:00")).report(),
        "network-unreachable",
        "probable",
    );
}

#[test]
fn a_listener_stays_off_until_something_arrives() {
    let mut case = refusals();
    refused(&mut case, "SQL01", IDS[0], "19T10:00:00");
    let report = case.file("said.xml", &listener_off("HV02", "15T04:00:00")).report();
    is(&report, "listener-disabled", "confirmed");
    assert!(report.also.is_empty(), "{:?}", report.also);
}

#[test]
fn settings_of_another_day_make_it_likely() {
    let off = "Name : HV02\nVirtualMachineMigrationEnabled : False\n";
    is(&refusals().file("Get-VMHost.txt", off).report(), "listener-disabled", "probable");
    let on = "Name : HV02\nVirtualMachineMigrationEnabled : True\n";
    is(&refusals().file("Get-VMHost.txt", on).report(), "network-unreachable", "probable");
    let mut both = refusals();
    is(&both.file("a.txt", off).file("b.txt", on).report(), "network-unreachable", "probable");
    // The target of another pair.
    let other = "Name : HV03\nVirtualMachineMigrationEnabled : False\n";
    is(&refusals().file("Get-VMHost.txt", other).report(), "network-unreachable", "probable");
    // A connection that timed out is no refusal.
    let mut case = refusals();
    let late = "Failed to establish a connection with host 'HV02': no response (0x8007274C)";
    case.cluster_failure("SQL01", IDS[0], "HV01", "16T10:00:00", late).file("Get-VMHost.txt", off);
    is(&case.report(), "network-unreachable", "probable");
    // It arrived afterwards.
    let mut case = refusals();
    case.service(20413, 4, "HV03", "16T06:00:00", &["WEB03", "HV02", IDS[2]]);
    case.service(20415, 4, "HV03", "16T06:01:00", &["WEB03", IDS[2], "0.4"]);
    is(&case.file("Get-VMHost.txt", off).report(), "network-unreachable", "probable");
}

#[test]
fn a_refusal_asks_for_the_targets_settings() {
    let report = refusals().report();
    assert!(report.gaps.iter().any(|gap| gap.id == "host-export"), "{:?}", report.gaps);
}

/// The record has no values, so it says something only where an export holds its words; and where times have no zone, what
/// came first is not sure.
#[test]
fn the_listeners_record_is_as_good_as_its_export() {
    let incident = all().into_iter().find(|incident| incident.name == "listener-disabled").unwrap();
    let exporter = Exporter { culture: Culture::American, ahead: -7, width: 4096, limit: None };
    for (events, cause, expected) in [
        (Events::ViewerXml, "listener-disabled", "confirmed"),
        (Events::Object(Syntax::Json7), "listener-disabled", "confirmed"),
        (Events::Tss, "listener-disabled", "probable"),
        // What is left then is the setting, of another day.
        (Events::Wevtutil, "listener-disabled", "probable"),
    ] {
        let forms = Forms {
            directory: Directory::Ldapsearch,
            hosts: Syntax::List,
            updates: Updates::Table,
            events,
            encoding: Encoding::Utf8Mark,
            exporter,
        };
        let mut case = Case::new();
        for (path, content) in incident.told.written(forms) {
            case.bytes(&path, &content);
        }
        let report = report(case.path());
        assert_eq!(verdict(&report), (cause, expected.to_owned()), "{events:?}: {}", report.verdict.summary);
    }
}

/// That the setting is on does not show that something listened; the target's own words do.
#[test]
fn only_words_exclude_the_listener() {
    let on = "Name : HV02\nVirtualMachineMigrationEnabled : True\n";
    let silent = refusals().file("Get-VMHost.txt", on).report();
    is(&silent, "network-unreachable", "probable");
    assert!(silent.verdict.confidence < 0.9, "{}", silent.verdict.confidence);
    assert!(silent.gaps.iter().any(|gap| gap.id == "event-messages"), "{:?}", silent.gaps);
    let mut case = refusals();
    let words = ["15T09:00:00", "15T15:00:00"]
        .map(|time| message(13002, "HV02", time, "The virtual machine was created."));
    let spoken = case.file("Get-VMHost.txt", on).file("hv02.xml", &words.concat()).report();
    is(&spoken, "network-unreachable", "probable");
    let listener = |report: &Report| {
        let own = report.hypotheses.iter().find(|own| own.cause.name() == "listener-disabled");
        own.map_or(0.0, |own| own.confidence)
    };
    assert!(listener(&silent) > 0.0 && listener(&spoken) == 0.0);
}
