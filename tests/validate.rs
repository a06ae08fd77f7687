//! `kcdoctor validate`: which pairs were seen to work since a fix, and which owe a test.

use jiff::Timestamp;
use kcdoctor::bundle::{Bundle, Limits};
use kcdoctor::command::analyze::Options;
use kcdoctor::command::validate::validate;
use kcdoctor::diagnose::PairState;
use kcdoctor::knowledge::Knowledge;
use kcdoctor::render::{PlainFormat, Style, render_validate};
use kcdoctor::report::validate::{ValidateReport, ValidatedPair};
use kcdoctor::scenario::events::security::Admin;
use kcdoctor::scenario::events::{Fault, HIGH_AVAILABILITY, SECURITY, SYSTEM, VMMS};
use kcdoctor::scenario::exports::directory::{ANY_PROTOCOL, Account};
use kcdoctor::scenario::exports::host::Authentication;
use kcdoctor::scenario::site::{Form, Log, Site, Style as SiteStyle};
use kcdoctor::scenario::{Machine, Os, later, moment};

use super::audit::{case, contoso, ldif, nodes, settings};
use super::cli::{kcdoctor, path, text};
use super::doubt::record;
use super::{assert_golden, bundle, root, without_revision};

/// When it was fixed.
fn fixed() -> Timestamp {
    moment(9, 20, 12, 0)
}

fn controller() -> Machine {
    Machine::new("DC01", &contoso(), 1001, Os::Server2019)
}

/// Two hosts that fail both ways before the fix.
fn broken(name: &str) -> (Site, [Machine; 2]) {
    let [one, two] = nodes(&contoso(), Os::Server2019);
    let style = SiteStyle { delegated: true, ..SiteStyle::default() };
    let mut site = Site::new(name, &controller(), style);
    site.place(&one, &["SQL01", "WEB03"]);
    site.place(&two, &["FS01", "APP04"]);
    site.fail(&one, &two, Fault::NoCredentials, moment(9, 18, 7, 0));
    site.fail(&two, &one, Fault::NoCredentials, moment(9, 18, 8, 0));
    // Their system logs show that they were exported later than their last moves.
    for host in [&one, &two] {
        site.hum(host, moment(9, 17, 4, 0), 8, 24);
    }
    (site, [one, two])
}

fn logs<'a>(hosts: &[&'a Machine], channels: &[&'static str]) -> Vec<Log<'a>> {
    let of = |host: &&'a Machine| {
        let host = *host;
        channels.iter().map(move |&channel| Log { host, channel, form: Form::Xml })
    };
    hosts.iter().flat_map(of).collect()
}

fn shown(files: Vec<(String, Vec<u8>)>, fixed_at: Option<Timestamp>) -> ValidateReport {
    let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), content.clone())).collect();
    let (_parent, folder) = case(&files);
    let bundle = Bundle::open(&[folder], &Limits::default()).unwrap();
    validate(&bundle, &Knowledge::load().unwrap(), &Options::default(), fixed_at, &|| ()).unwrap()
}

fn pair<'a>(report: &'a ValidateReport, source: &str, target: &str) -> &'a ValidatedPair {
    report.pairs.iter().find(|pair| pair.source == source && pair.target == target).unwrap()
}

#[test]
fn a_success_since_proves_a_pair_and_the_other_direction_owes_a_test() {
    let (mut site, [one, two]) = broken("owed");
    site.succeed(&one, &two, moment(9, 21, 7, 0));
    let report = shown(site.export(&logs(&[&one, &two], &[VMMS, SYSTEM])).files, Some(fixed()));
    let proven = pair(&report, "HV01", "HV02");
    assert_eq!((proven.state, proven.succeeded, proven.failed), (PairState::Proven, 1, 0));
    assert_eq!(pair(&report, "HV02", "HV01").state, PairState::Owed);
    assert_eq!(report.outcome, Some(PairState::Owed));
    assert!(report.failures.is_empty() && report.unnamed.is_empty());
    assert_eq!(report.tests.len(), 1);
    let test = &report.tests[0];
    assert_eq!((test.host.as_str(), &*test.targets), ("HV02", &["HV01".to_owned()][..]));
    assert!(
        test.command.contains("Move-VM -ComputerName 'HV02.contoso.com'")
            || test.command.contains("Move-VM -ComputerName 'hv02.contoso.com'"),
        "{}",
        test.command
    );
    assert_golden(&root().join("fixtures/validate/owed.txt"), &rendered(&report));
    let json = render_validate(&report, PlainFormat::Json, Style::default());
    assert_golden(&root().join("fixtures/validate/owed.json"), &without_revision(&json));
}

fn rendered(report: &ValidateReport) -> String {
    render_validate(report, PlainFormat::Table, Style::default())
}

#[test]
fn a_failure_after_the_success_takes_the_proof_back() {
    let (mut site, [one, two]) = broken("failing");
    site.succeed(&one, &two, moment(9, 21, 7, 0));
    site.fail(&one, &two, Fault::NoCredentials, moment(9, 22, 7, 0));
    site.fail(&two, &one, Fault::NoCredentials, moment(9, 21, 9, 0));
    site.succeed(&two, &one, moment(9, 22, 9, 0));
    let mut files = site.export(&logs(&[&one, &two], &[VMMS, SYSTEM])).files;
    files.extend(settings(&[&one, &two], Authentication::Kerberos));
    files.push(("computers.ldif".into(), ldif(&[Account::host(&one), Account::host(&two)])));
    let report = shown(files, Some(fixed()));
    assert_eq!(pair(&report, "HV01", "HV02").state, PairState::Failing);
    assert_eq!(pair(&report, "HV02", "HV01").state, PairState::Proven);
    // Failures before the time are not listed; those since are, with what explains them.
    assert_eq!(report.failures.len(), 2);
    assert!(report.failures.iter().all(|own| own.attempt.time.as_str() >= "2026-09-20T12"));
    assert_golden(&root().join("fixtures/validate/failing.txt"), &rendered(&report));
}

#[test]
fn what_no_rule_explains_is_flagged() {
    let [one, two] = nodes(&contoso(), Os::Server2019);
    let mut site = Site::new("unexplained", &controller(), SiteStyle::default());
    site.place(&one, &["SQL01"]);
    site.fail(&one, &two, Fault::AccessDenied, moment(9, 21, 7, 0));
    let report = shown(site.export(&logs(&[&one, &two], &[VMMS])).files, Some(fixed()));
    let failure = &report.failures[0];
    assert_eq!(
        (failure.explained, failure.cause, failure.class.name().as_str()),
        (false, None, "access-denied")
    );
    assert!(report.summary.contains("1 failure since is not explained"), "{}", report.summary);
    assert!(rendered(&report).contains("NOT EXPLAINED (class access-denied)"));
}

#[test]
fn logs_that_do_not_reach_prove_nothing_and_owe_nothing_yet() {
    // The target's log is not there at all.
    let (mut site, [one, two]) = broken("unseen");
    site.succeed(&one, &two, moment(9, 21, 7, 0));
    let report = shown(site.export(&logs(&[&one], &[VMMS])).files, Some(fixed()));
    assert_eq!(pair(&report, "HV01", "HV02").state, PairState::Unseen);
    let target = &pair(&report, "HV01", "HV02").ends[1];
    assert_eq!((target.enough, target.lacks), (false, Some("no log of Hyper-V is there")));
    assert!(report.gaps.iter().any(|gap| gap.id == "hyperv-log:HV02"), "{:?}", report.gaps);
    // Both logs end before the time in question.
    let (site, [one, two]) = broken("before");
    let report = shown(site.export(&logs(&[&one, &two], &[VMMS])).files, Some(fixed()));
    assert_eq!(report.outcome, Some(PairState::Unseen));
    assert!(
        report
            .pairs
            .iter()
            .flat_map(|pair| &pair.ends)
            .all(|end| end.lacks.is_some_and(|lacks| lacks.starts_with("its logs end before")))
    );
    assert_eq!(report.tests.len(), 2);
}

#[test]
fn a_success_that_names_no_ends_proves_no_pair() {
    let [one, two, three] = nodes(&contoso(), Os::Server2019);
    let mut site = Site::new("unnamed", &controller(), SiteStyle::default());
    site.place(&one, &["SQL01"]);
    for (source, target) in [(&one, &two), (&two, &three), (&three, &one)] {
        site.succeed(source, target, moment(9, 10, 7, 0));
    }
    site.succeed(&one, &two, moment(9, 21, 7, 0));
    let mut files = site.export(&logs(&[&one, &two, &three], &[VMMS])).files;
    // The start of each move, which names the target, is lost: event 20415 alone stays.
    for (_, content) in &mut files {
        let text = String::from_utf8(content.clone()).unwrap();
        let events = text
            .split_inclusive("</Event>")
            .filter(|event| event.contains(">20415<") || !event.contains("<Event "));
        *content = events.collect::<String>().into_bytes();
    }
    let report = shown(files, Some(fixed()));
    assert!(report.pairs.iter().all(|pair| pair.state != PairState::Proven), "{:#?}", report.pairs);
    assert_eq!(report.unnamed.len(), 1);
    assert!(!pair(&report, "HV01", "HV02").unnamed.is_empty());
    assert!(rendered(&report).contains("20415 alone names neither"));
}

#[test]
fn without_a_time_the_last_change_on_either_end_counts() {
    let (mut site, [one, two]) = broken("change");
    let before = [Account::host(&one), Account::host(&two)];
    let after = [
        Account::host(&one).migrating_to(&[&two]).with(ANY_PROTOCOL),
        Account::host(&two).migrating_to(&[&one]).with(ANY_PROTOCOL),
    ];
    let by = Admin::new("adm-kim", &contoso(), 1500);
    for (index, (old, new)) in before.iter().zip(&after).enumerate() {
        let time = later(fixed(), i64::try_from(index).unwrap() * 60_000);
        site.change_delegation(old, new, &by, time);
    }
    site.succeed(&one, &two, moment(9, 21, 7, 0));
    let dc = controller();
    let mut all = logs(&[&one, &two], &[VMMS, SYSTEM]);
    all.push(Log { host: &dc, channel: SECURITY, form: Form::Xml });
    let report = shown(site.export(&all).files, None);
    let own = pair(&report, "HV01", "HV02");
    assert_eq!(own.since.as_deref(), Some("2026-09-20T12:01:00Z"));
    let change = own.since_change.as_ref().unwrap();
    assert!(change.summary.contains("computer object of HV02"), "{}", change.summary);
    assert_eq!((report.fixed_at.as_deref(), own.state), (None, PairState::Proven));
    // Where no change is seen, all that the logs hold counts.
    let (mut site, [one, two]) = broken("no-change");
    site.succeed(&one, &two, moment(9, 21, 7, 0));
    let report = shown(site.export(&logs(&[&one, &two], &[VMMS, SYSTEM])).files, None);
    let own = pair(&report, "HV01", "HV02");
    assert_eq!((own.since.as_deref(), own.failed, own.state), (None, 1, PairState::Proven));
    assert!(rendered(&report).contains("All that the logs hold"));
}

#[test]
fn the_program_says_it_by_exit_status_and_refuses_what_holds_no_logs() {
    let status = |arguments: &[&str]| kcdoctor(arguments).status.code();
    let classic = bundle("classic-two-nodes");
    let healthy = bundle("healthy-cluster");
    assert_eq!(status(&["validate", path(&healthy), "--exit-code"]), Some(0));
    assert_eq!(status(&["validate", path(&classic), "--exit-code"]), Some(1));
    assert_eq!(status(&["validate", path(&healthy), "--fixed-at", "2027-01-01", "--exit-code"]), Some(3));
    for time in ["yesterday", "2026-13-01", "20.09.2026"] {
        assert_eq!(status(&["validate", path(&classic), "--fixed-at", time]), Some(64), "{time}");
    }
    assert_eq!(status(&["validate", "no/such/bundle"]), Some(66));
    assert_eq!(status(&["validate", path(&classic), path(&classic)]), Some(64));
    let output = kcdoctor(&["validate", path(&classic.join("ad"))]);
    assert_eq!(output.status.code(), Some(65));
    assert!(text(&output.stderr).contains("Hyper-V-VMMS-Admin"), "{}", text(&output.stderr));
    let json =
        |threads| kcdoctor(&["validate", path(&classic), "--format", "json", "--threads", threads]).stdout;
    assert_eq!(json("1"), json("4"));
    let value: serde_json::Value = serde_json::from_slice(&json("1")).unwrap();
    assert_eq!((&value["schema_version"], &value["command"]), (&1.into(), &"validate".into()));
    let failure = &value["failures"][0];
    assert_eq!((&failure["cause"], &failure["rule"]), (&"kcd-missing".into(), &"KCD-101".into()));
    assert_eq!(failure["explained"], true);
}

/// Reports of bundled incidents: a wrong sentence would fail here.
#[test]
fn the_validations_of_bundled_incidents_are_the_golden_ones() {
    let at = |day| Some(moment(9, day, 0, 0));
    for (name, fixed_at) in
        [("collected", at(20)), ("healthy-cluster", at(1)), ("four-nodes-one-short", None)]
    {
        let opened = Bundle::open(&[bundle(name)], &Limits::default()).unwrap();
        let knowledge = Knowledge::load().unwrap();
        let report = validate(&opened, &knowledge, &Options::default(), fixed_at, &|| ()).unwrap();
        assert_golden(&root().join(format!("fixtures/validate/{name}.txt")), &rendered(&report));
        let json = render_validate(&report, PlainFormat::Json, Style::default());
        assert_golden(&root().join(format!("fixtures/validate/{name}.json")), &without_revision(&json));
    }
}

#[test]
fn what_is_named_twice_is_no_export() {
    let twice = bundle("two-faults");
    let output = kcdoctor(&["validate", path(&twice), path(&twice)]);
    assert_eq!(output.status.code(), Some(64));
    assert!(!text(&output.stderr).contains("export"), "{}", text(&output.stderr));
}

/// Nothing says that a later failure was not the pair's.
#[test]
fn a_later_failure_that_names_no_ends_takes_the_proof_back() {
    let of = |writer: &str, time: &str, values: &[(&str, &str)]| {
        let (mut site, [one, two]) = broken("later");
        site.succeed(&one, &two, moment(9, 21, 7, 0));
        let mut files = site.export(&logs(&[&one, &two], &[VMMS, SYSTEM])).files;
        if !time.is_empty() {
            let provider = "Microsoft-Windows-Hyper-V-VMMS";
            let channel = "Microsoft-Windows-Hyper-V-VMMS-Admin";
            files.push(("later.xml".into(), record(provider, 20307, channel, writer, time, values).into()));
        }
        let report = shown(files, Some(fixed()));
        let own = pair(&report, "HV01", "HV02");
        assert_eq!(own.in_doubt, rendered(&report).contains("after its last success a move failed"));
        (own.state, own.in_doubt)
    };
    assert_eq!(of("", "", &[]), (PairState::Proven, false));
    let stranger = [("", "X9"), ("", "No connection could be made (0x8007274D)")];
    for values in [&[][..], &stranger] {
        assert_eq!(of("HV01.contoso.com", "22T07:00:00", values), (PairState::Owed, true));
        assert_eq!(of("HV01.contoso.com", "20T13:00:00", values), (PairState::Proven, false));
        assert_eq!(of("HV07.contoso.com", "22T07:00:00", values), (PairState::Proven, false));
    }
}

/// What a cluster refuses by itself stands in its own log alone.
#[test]
fn a_pair_of_a_cluster_is_proven_by_its_log_too() {
    let of = |channels: &[&'static str]| {
        let [one, two] = nodes(&contoso(), Os::Server2019);
        let style = SiteStyle { clustered: true, ..SiteStyle::default() };
        let mut site = Site::new("clustered", &controller(), style);
        site.place(&one, &["SQL01"]);
        site.fail(&one, &two, Fault::NoCredentials, moment(9, 18, 7, 0));
        site.succeed(&one, &two, moment(9, 21, 7, 0));
        site.succeed(&two, &one, moment(9, 22, 7, 0));
        for host in [&one, &two] {
            site.hum(host, moment(9, 17, 4, 0), 8, 24);
        }
        let mut files = site.export(&logs(&[&one, &two], channels)).files;
        let tie = [("NodeName", "HV02")];
        let provider = "Microsoft-Windows-FailoverClustering";
        let tie = record(provider, 1069, SYSTEM, "hv01.contoso.com", "17T00:00:00", &tie);
        files.push(("tie.xml".into(), tie.into()));
        let report = shown(files, Some(fixed()));
        let own = pair(&report, "HV01", "HV02");
        (own.state, own.ends[0].lacks.map(|lacks| lacks.contains("High-Availability")))
    };
    assert_eq!(of(&[VMMS, SYSTEM]), (PairState::Unseen, Some(true)));
    assert_eq!(of(&[VMMS, SYSTEM, HIGH_AVAILABILITY]), (PairState::Proven, None));
}
