//! `kcdoctor events`: what is listed, in which forms, and that no value of a log can do harm on its way out.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use kcdoctor::bundle::{Bundle, Limits};
use kcdoctor::command::analyze::Options;
use kcdoctor::command::events::events;
use kcdoctor::error::Error;
use kcdoctor::knowledge::Knowledge;
use kcdoctor::render::{EventsFormat, Style, render_events, to_json};
use kcdoctor::report::events::{EventLevel, EventReport, EventsReport, Selection};
use serde_json::Value;

use super::cli::{kcdoctor, path, text};
use super::incidents::{Case, IDS};
use super::{assert_golden, bundle, root};

const FORMS: [(EventsFormat, &str); 5] = [
    (EventsFormat::Table, "txt"),
    (EventsFormat::Csv, "csv"),
    (EventsFormat::Timesketch, "timesketch.jsonl"),
    (EventsFormat::Jsonl, "jsonl"),
    (EventsFormat::Json, "json"),
];

fn asked(paths: &[PathBuf], selection: &Selection, threads: usize) -> Result<EventsReport, Error> {
    let bundle = Bundle::open(paths, &Limits::default()).unwrap();
    let options = Options { threads, ..Options::default() };
    events(&bundle, &Knowledge::load().unwrap(), &options, selection, &|| ())
}

fn chosen(path: &Path, selection: &Selection) -> EventsReport {
    asked(&[path.to_path_buf()], selection, 0).unwrap()
}

fn all(path: &Path) -> EventsReport {
    chosen(path, &Selection::default())
}

fn rendered(report: &EventsReport, format: EventsFormat) -> String {
    render_events(report, format, Style::default())
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn lists_equal_the_golden_ones() {
    for name in ["classic-two-nodes", "german"] {
        let report = all(&bundle(name));
        for (format, form) in FORMS.into_iter().take(3) {
            let golden = root().join("fixtures/events").join(format!("{name}.{form}"));
            assert_golden(&golden, &rendered(&report, format));
        }
    }
}

#[test]
fn every_form_holds_the_same_events() {
    let report = all(&bundle("german"));
    let json: Value = serde_json::from_str(&rendered(&report, EventsFormat::Json)).unwrap();
    assert_eq!((&json["schema_version"], &json["command"]), (&1.into(), &"events".into()));
    assert_eq!(json["tool"]["name"], "kcdoctor");
    let lines = |format| -> Vec<Value> {
        rendered(&report, format).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert_eq!(json["events"], Value::Array(lines(EventsFormat::Jsonl)));
    let table = rendered(&report, EventsFormat::Csv);
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    let sketched = lines(EventsFormat::Timesketch);
    assert_eq!((rows.len(), sketched.len()), (report.events.len(), report.events.len()));
    for ((event, row), line) in report.events.iter().zip(&rows).zip(&sketched) {
        assert_eq!((&row[0], &row[7]), (event.time.as_str(), event.record.to_string().as_str()));
        let microseconds = time(line["datetime"].as_str().unwrap()).as_microsecond();
        assert_eq!(line["timestamp"], microseconds, "{line}");
        assert!(!line["message"].as_str().unwrap().is_empty() && line["timestamp_desc"].is_string());
        assert_eq!(line["data_type"], "windows:evtx:record");
    }
}

#[test]
fn events_stand_in_time_order_and_each_once() {
    for incident in kcdoctor::scenario::bundles::all() {
        let path = bundle(incident.name);
        let once = all(&path);
        assert!(once.events.is_sorted_by_key(|event| time(&event.time)), "{}", incident.name);
        assert_eq!(once.relevant, once.events.len());
        let twice = asked(&[path.clone(), path], &Selection::default(), 0).unwrap();
        assert_eq!(twice.relevant, once.relevant, "{}", incident.name);
    }
}

#[test]
fn the_number_of_threads_changes_no_list() {
    for incident in kcdoctor::scenario::bundles::all() {
        let of = |threads| to_json(&asked(&[bundle(incident.name)], &Selection::default(), threads).unwrap());
        assert_eq!(of(1), of(8), "{}", incident.name);
    }
}

#[test]
fn every_filter_narrows_by_what_it_names() {
    let path = bundle("classic-two-nodes");
    let holds = |selection: Selection, fits: &dyn Fn(&EventReport) -> bool| {
        let expected: Vec<_> =
            all(&path).events.into_iter().filter(|event| fits(event)).map(|event| event.record).collect();
        let found: Vec<_> = chosen(&path, &selection).events.iter().map(|event| event.record).collect();
        assert_eq!(found, expected, "{selection:?}");
        assert!(!found.is_empty() && found.len() < all(&path).events.len(), "{selection:?}");
    };
    let none = Selection::default;
    holds(Selection { ids: vec![21502, 20306], ..none() }, &|event| [21502, 20306].contains(&event.id));
    holds(Selection { provider: Some("hyper-v-vmms".into()), ..none() }, &|event| {
        event.provider == "Microsoft-Windows-Hyper-V-VMMS"
    });
    holds(Selection { hosts: vec!["hv01.contoso.com".into(), "DC01".into()], ..none() }, &|event| {
        ["HV01", "DC01"].contains(&event.host.as_deref().unwrap())
    });
    holds(Selection { level: Some(EventLevel::Error), ..none() }, &|event| {
        event.level.unwrap() <= EventLevel::Error
    });
    let (since, until) = (time("2026-09-19T20:00:00Z"), time("2026-09-30T19:21:27Z"));
    holds(Selection { since: Some(since), until: Some(until), ..none() }, &|event| {
        (since..until).contains(&event.instant)
    });
    holds(Selection { text: Some("sql01".into()), ..none() }, &|event| event.text.contains("SQL01"));
    holds(Selection { text: Some("sec_e_no".into()), ..none() }, &|event| event.text.contains("SEC_E_NO"));
    let (middle, window) = (time("2026-10-01T07:15:16Z"), SignedDuration::from_mins(5));
    holds(Selection { around: Some((middle, window)), ..none() }, &|event| {
        event.instant.duration_since(middle).abs() <= window
    });
}

/// One attempt from both ends: its records on either host, and what the domain controller says beside them.
#[test]
fn an_attempt_is_shown_from_both_ends() {
    let path = bundle("clock-skew");
    let report = super::report(&path);
    for (index, attempt) in report.attempts.iter().enumerate() {
        let shown = chosen(&path, &Selection { attempt: Some(index + 1), ..Selection::default() });
        assert_eq!(shown.attempt.as_ref().unwrap().id, attempt.id);
        let own = shown.events.iter().filter(|event| event.attempt.as_deref() == Some(&attempt.id));
        let mut own: Vec<_> = own.map(|event| (event.source.clone(), Some(event.record))).collect();
        let mut expected: Vec<_> =
            attempt.evidence.iter().map(|address| (address.source.clone(), address.record)).collect();
        own.sort();
        expected.sort();
        assert_eq!(own, expected, "{}", attempt.id);
        let (first, last) = (shown.events.first().unwrap(), shown.events.last().unwrap());
        let longest = SignedDuration::from_hours(1);
        assert!(last.instant.duration_since(first.instant) < longest, "{}", attempt.id);
    }
    let path = bundle("memory-short");
    let failed =
        super::report(&path).attempts.iter().position(|attempt| attempt.outcome == "failed").unwrap();
    let shown = chosen(&path, &Selection { attempt: Some(failed + 1), ..Selection::default() });
    for host in ["HV01", "HV02"] {
        let own = |event: &&EventReport| event.host.as_deref() == Some(host) && event.attempt.is_some();
        assert!(shown.events.iter().any(|event| own(&event)), "{host}");
    }
    let refused =
        chosen(&bundle("classic-two-nodes"), &Selection { attempt: Some(16), ..Selection::default() });
    assert!(refused.events.iter().any(|event| event.host.as_deref() == Some("DC01") && event.id == 4769));
}

#[test]
fn an_attempt_that_is_not_there_is_wrong_usage() {
    let path = bundle("classic-two-nodes");
    for number in [0, 17] {
        let error = asked(
            std::slice::from_ref(&path),
            &Selection { attempt: Some(number), ..Selection::default() },
            0,
        );
        let error = error.unwrap_err();
        assert_eq!(error.exit_status(), 64);
        assert!(error.to_string().contains("16 live migrations, A1 to A16"), "{error}");
    }
    let mut case = Case::new();
    case.service(14050, 2, "HV01", "15T10:00:00", &["Microsoft Virtual System Migration Service"]);
    let selection = Selection { attempt: Some(1), ..Selection::default() };
    let error = asked(&[case.written().to_path_buf()], &selection, 0).unwrap_err();
    assert!(error.to_string().contains("records no live migration"), "{error}");
}

/// The clock of HV02 is an hour ahead, as three moves prove.
fn an_hour_ahead() -> Case {
    let mut case = Case::new();
    for (day, id) in [("15", IDS[0]), ("16", IDS[1]), ("17", IDS[2])] {
        let sentence =
            "Virtual machine migration operation failed at migration destination 'HV02'. (0x80090324)";
        case.cluster_failure("SQL01", id, "HV01", &format!("{day}T10:00:00"), sentence);
        case.service(21026, 2, "HV02", &format!("{day}T11:00:04"), &["SQL01", id, "HV02"]);
    }
    case
}

#[test]
fn all_times_are_of_one_clock_where_the_logs_prove_an_offset() {
    let mut case = an_hour_ahead();
    let path = case.written();
    let report = chosen(path, &Selection { attempt: Some(2), ..Selection::default() });
    let told: Vec<_> = report
        .events
        .iter()
        .map(|event| (event.host.as_deref().unwrap(), event.time.as_str(), event.recorded.as_str()))
        .collect();
    let meeting = "2026-09-16T10:00:00Z";
    assert_eq!(told, [("HV01", meeting, meeting), ("HV02", meeting, "2026-09-16T11:00:04Z")]);
    let ahead: Vec<_> = report.hosts.iter().map(|host| host.clock_ahead_seconds).collect();
    assert_eq!(ahead, [None, Some(3604)]);
    let table = rendered(&report, EventsFormat::Table);
    assert!(table.contains("Its own clock showed 2026-09-16 11:00:04."), "{table}");
    assert!(table.contains("The clock of HV02 runs 3604 s ahead"), "{table}");
    let around = Selection { around: Some((time(meeting), SignedDuration::ZERO)), ..Selection::default() };
    assert_eq!(chosen(path, &around).events.len(), 2);
    let until = Selection { until: Some(time("2026-09-15T10:00:01Z")), ..Selection::default() };
    assert_eq!(chosen(path, &until).events.len(), 2, "both ends, though one clock showed eleven");
}

/// What a record does not say is no reason to hide it: its level, or which of two hosts wrote it.
#[test]
fn what_a_record_leaves_open_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = String::new();
    for (record, (level, host)) in
        [("<Level>4</Level>", "hv01.contoso.com"), ("<Level>2</Level>", "hv01.fabrikam.com"), ("", "HV01")]
            .into_iter()
            .enumerate()
    {
        log.push_str(&format!(
            "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>\
             <Provider Name='Microsoft-Windows-Hyper-V-VMMS'/><EventID>14050</EventID>{level}\
             <TimeCreated SystemTime='2026-09-15T10:00:0{record}Z'/><EventRecordID>{record}</EventRecordID>\
             <Channel>Microsoft-Windows-Hyper-V-VMMS-Admin</Channel><Computer>{host}</Computer></System>\
             <EventData><Data>x</Data></EventData></Event>\n"
        ));
    }
    std::fs::write(folder.path().join("events.xml"), log).unwrap();
    let records = |selection: Selection| {
        let events = chosen(folder.path(), &selection).events;
        events.iter().map(|event| event.record).collect::<Vec<_>>()
    };
    assert_eq!(all(folder.path()).events.last().unwrap().host, None);
    assert_eq!(records(Selection { level: Some(EventLevel::Error), ..Selection::default() }), [1, 2]);
    assert_eq!(records(Selection { hosts: vec!["hv01".into()], ..Selection::default() }), [2]);
    let full = vec!["hv01.contoso.com".into()];
    assert_eq!(records(Selection { hosts: full, ..Selection::default() }), [0]);
    assert!(
        rendered(&all(folder.path()), EventsFormat::Table).contains("HV01               ?      VMMS 14050")
    );
}

#[test]
fn grave_events_stand_out_where_colours_are_wanted() {
    let report = all(&bundle("classic-two-nodes"));
    let colored = render_events(&report, EventsFormat::Table, Style { width: 80, color: true });
    let grave = report.events.iter().filter(|event| event.level.unwrap() <= EventLevel::Error).count();
    assert_eq!(colored.matches("\u{1b}[1;31m").count(), grave);
    let plain = colored
        .split('\u{1b}')
        .map(|part| part.split_once('m').filter(|_| part.starts_with('[')).map_or(part, |(_, rest)| rest));
    assert_eq!(plain.collect::<String>(), rendered(&report, EventsFormat::Table));
}

#[test]
fn nothing_of_a_value_reaches_a_terminal_or_a_spreadsheet_as_a_command() {
    let mut case = Case::new();
    let hostile =
        ["=cmd|' /C calc'!A0", "\u{1b}]0;owned\u{7}\u{9b}31m", "\u{202e}txt.exe\u{2028}", "a,\"b\r\n@c"];
    for (minute, value) in hostile.iter().enumerate() {
        case.service(22038, 2, "HV01", &format!("15T10:0{minute}:00"), &[value]);
    }
    let report = all(case.written());
    assert_eq!(report.events.len(), hostile.len());
    let harmful = |c: char| c != '\n' && c.is_control() || ['\u{202e}', '\u{2028}'].contains(&c);
    for (format, form) in FORMS {
        let text = rendered(&report, format);
        assert!(!text.contains(harmful), "{form}: {text:?}");
    }
    let table = rendered(&report, EventsFormat::Csv);
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), hostile.len());
    assert!(rows.iter().flatten().all(|cell| !cell.starts_with(['=', '+', '-', '@', ' '])), "{table}");
    assert_eq!(rendered(&report, EventsFormat::Jsonl).lines().count(), hostile.len());
    // JSON loses nothing by it.
    let json: Value = serde_json::from_str(&rendered(&report, EventsFormat::Json)).unwrap();
    assert_eq!(json["events"][1]["fields"][0]["value"], hostile[1]);
}

#[test]
fn the_program_lists_filters_and_says_where_nothing_is_left() {
    let classic = bundle("classic-two-nodes");
    let run = |more: &[&str]| kcdoctor(&[&["events", path(&classic)], more].concat());
    let listed = run(&["--id", "21502,21111", "--host", "HV01", "--level", "error", "--format", "jsonl"]);
    assert_eq!((listed.status.code(), text(&listed.stderr)), (Some(0), ""));
    let report: Vec<Value> =
        text(&listed.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!report.is_empty() && report.iter().all(|event| event["host"] == "HV01"));
    assert_eq!(run(&["--attempt", "A3"]).stdout, run(&["--attempt", "3"]).stdout);
    let nothing = run(&["--grep", "no such text", "--format", "csv"]);
    assert_eq!((nothing.status.code(), text(&nothing.stdout).lines().count()), (Some(0), 1));
    let said = text(&nothing.stderr);
    assert!(said.lines().count() == 1 && said.contains("leave one out or widen it"), "{said}");
    assert_eq!(text(&run(&["--grep", "no such text", "--quiet"]).stderr), "");
    assert!(text(&run(&["--nodes", "HV0X"]).stderr).contains("no host of the bundle is called HV0X"));
}

#[test]
fn wrong_usage_of_events_is_64() {
    let classic = bundle("classic-two-nodes");
    for wrong in [
        &["--window", "5m"][..],
        &["--around", "noon"],
        &["--around", "2026-10-01", "--window", "-5m"],
        &["--level", "loud"],
        &["--attempt", "A99"],
        &["--attempt", "first"],
        &["--id", "x"],
    ] {
        let output = kcdoctor(&[&["events", path(&classic)], wrong].concat());
        assert_eq!(output.status.code(), Some(64), "{wrong:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "", "{wrong:?}");
    }
    assert_eq!(kcdoctor(&["events", "no/such/bundle"]).status.code(), Some(66));
    assert_eq!(kcdoctor(&["events", path(&root().join("README.md"))]).status.code(), Some(65));
}
