//! The program as its user runs it: output, exit status, messages.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::bundle;

pub(super) fn kcdoctor(arguments: &[&str]) -> Output {
    run(Command::new(env!("CARGO_BIN_EXE_kcdoctor")).args(arguments))
}

fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

pub(super) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

pub(super) fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_main_job_prints_the_verdict_and_nothing_to_standard_error() {
    let output = kcdoctor(&["analyze", path(&bundle("classic-two-nodes"))]);
    assert_eq!(output.status.code(), Some(0));
    let out = text(&output.stdout);
    assert!(out.starts_with("CONFIRMED  kcd-missing"), "{out}");
    assert!(out.contains("Microsoft Virtual System Migration Service/HV02.contoso.com"));
    assert!(out.contains("Microsoft Virtual System Migration Service/HV01.contoso.com"));
    assert!(!out.contains('\u{1b}'), "colours only on a terminal");
    assert_eq!(text(&output.stderr), "");
}

/// Commands are to be copied, so they and the names of files may be long; prose and tables are not.
#[test]
fn prose_and_tables_fit_eighty_columns() {
    let output = kcdoctor(&["analyze", path(&bundle("four-nodes-one-short"))]);
    for line in
        text(&output.stdout).lines().filter(|line| !line.starts_with("        ") && !line.contains('/'))
    {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn exit_codes_say_the_verdict_when_asked() {
    for (name, status) in
        [("healthy-cluster", 0), ("classic-two-nodes", 1), ("switch-missing", 2), ("no-directory-export", 3)]
    {
        let output = kcdoctor(&["analyze", path(&bundle(name)), "--exit-code", "--format", "summary"]);
        assert_eq!(output.status.code(), Some(status), "{name}");
        assert_eq!(text(&output.stdout).lines().count(), 5, "{name}");
    }
}

#[test]
fn wrong_usage_is_64_and_help_is_0() {
    assert_eq!(kcdoctor(&[]).status.code(), Some(64));
    assert_eq!(kcdoctor(&["analyze"]).status.code(), Some(64));
    assert_eq!(kcdoctor(&["analyze", "x", "--since", "yesterday"]).status.code(), Some(64));
    assert_eq!(kcdoctor(&["--help"]).status.code(), Some(0));
    assert_eq!(kcdoctor(&["--version"]).status.code(), Some(0));
}

#[test]
fn a_wrong_path_is_66_and_named() {
    let output = kcdoctor(&["analyze", "no/such/bundle"]);
    assert_eq!(output.status.code(), Some(66));
    assert!(text(&output.stderr).contains("no/such/bundle"));
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn nothing_understood_is_65_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let empty = kcdoctor(&["analyze", path(folder.path())]);
    assert_eq!(empty.status.code(), Some(65));
    assert!(text(&empty.stderr).contains("nothing in it"));
    fs::write(folder.path().join("notes.txt"), "hello").unwrap();
    let foreign = kcdoctor(&["analyze", path(folder.path())]);
    assert_eq!(foreign.status.code(), Some(65));
    assert!(text(&foreign.stderr).contains("understand"));
}

/// It may be the only one that there is.
#[test]
fn what_is_read_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("computers.ldif");
    fs::copy(bundle("classic-two-nodes").join("ad/computers.ldif"), &export).unwrap();
    let before = fs::read(&export).unwrap();
    let (file, whole) = (path(&export), path(folder.path()));
    for command in ["analyze", "events", "inventory", "audit", "validate"] {
        for input in [file, whole] {
            let output = kcdoctor(&[command, input, "-o", file]);
            assert_eq!(output.status.code(), Some(64), "{command}");
            assert!(text(&output.stderr).contains("write to another file"), "{command}");
        }
    }
    let other = path(&bundle("classic-two-nodes")).to_owned();
    assert_eq!(kcdoctor(&["drift", file, &other, "-o", file]).status.code(), Some(64));
    assert_eq!(fs::read(&export).unwrap(), before);
}

#[test]
fn an_output_that_cannot_be_written_is_74() {
    let folder = tempfile::tempdir().unwrap();
    let output = kcdoctor(&["analyze", path(&bundle("bare-21502")), "-o", path(folder.path())]);
    assert_eq!(output.status.code(), Some(74));
}

#[test]
fn an_archive_can_come_on_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("case.zip");
    let mut zip = zip::ZipWriter::new(fs::File::create(&file).unwrap());
    for incident in
        kcdoctor::scenario::bundles::all().into_iter().filter(|incident| incident.name == "memory-short")
    {
        for (name, content) in incident.files {
            zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            std::io::Write::write_all(&mut zip, &content).unwrap();
        }
    }
    zip.finish().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kcdoctor"));
    let output = command
        .args(["analyze", "-", "--format", "summary"])
        .stdin(fs::File::open(&file).unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).starts_with("stdin: memory-short (confirmed"), "{}", text(&output.stdout));
}

/// Same bytes whatever the time zone and the locale of the machine.
#[test]
fn zone_and_locale_change_nothing() {
    let of = |zone: &str, locale: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kcdoctor"));
        run(command
            .args(["analyze", path(&bundle("german")), "--format", "json"])
            .env("TZ", zone)
            .env("LC_ALL", locale)
            .env("LANG", locale))
        .stdout
    };
    assert_eq!(of("UTC", "C"), of("Pacific/Auckland", "de_DE.UTF-8"));
}

#[test]
fn a_window_filters_events_and_never_records() {
    let whole = super::report(&bundle("classic-two-nodes"));
    let output = kcdoctor(&[
        "analyze",
        path(&bundle("classic-two-nodes")),
        "--until",
        "2026-09-30T00:00:00Z",
        "--format",
        "json",
    ]);
    let before: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        before["attempts"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|attempt| attempt["outcome"] == "failed")
            .count(),
        0
    );
    let records: u64 = before["bundle"]["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| source["records"].as_u64().unwrap())
        .sum();
    assert_eq!(records, whole.bundle.sources.iter().map(|source| source.records).sum::<u64>());
}

#[test]
fn the_schema_is_printed() {
    let output = kcdoctor(&["schema"]);
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(schema["title"], "Report");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kcdoctor"))
        .args(["analyze", path(&bundle("german")), "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn colours_are_there_when_asked_for() {
    let output = kcdoctor(&["analyze", path(&bundle("healthy-cluster")), "--color", "always"]);
    assert!(text(&output.stdout).starts_with("\u{1b}[1;32mHEALTHY\u{1b}[0m"));
}

#[test]
fn nodes_narrow_the_question_and_a_misspelt_one_is_said() {
    let output =
        kcdoctor(&["analyze", path(&bundle("two-faults")), "--nodes", "HV01,HV02,HV0X", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["verdict"]["cause"], "network-unreachable");
    let of_others = |attempt: &&serde_json::Value| attempt["source"] == "HV03" || attempt["target"] == "HV03";
    assert_eq!(report["attempts"].as_array().unwrap().iter().filter(of_others).count(), 0);
    assert!(text(&output.stderr).contains("HV0X"));
    let quiet = kcdoctor(&["analyze", path(&bundle("two-faults")), "--nodes", "HV0X", "--quiet"]);
    assert_eq!(text(&quiet.stderr), "");
}

#[test]
fn several_arguments_are_one_incident_and_prefix_their_paths() {
    let classic = bundle("classic-two-nodes");
    let output = kcdoctor(&[
        "analyze",
        path(&classic.join("HV01")),
        path(&classic.join("HV02")),
        path(&classic.join("ad/computers.ldif")),
        "--format",
        "json",
    ]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["bundle"]["name"], "HV01");
    let paths: Vec<_> = report["bundle"]["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| source["path"].as_str().unwrap())
        .collect();
    assert!(
        paths.iter().any(|path| path.starts_with("HV02/")) && paths.contains(&"computers.ldif"),
        "{paths:?}"
    );
    assert_eq!(report["verdict"]["cause"], "kcd-missing");
}

#[test]
fn a_file_can_come_on_standard_input() {
    let piped = |file: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kcdoctor"));
        command
            .args(["analyze", "-", "--format", "json"])
            .stdin(fs::File::open(file).unwrap())
            .output()
            .unwrap()
    };
    for (file, kind, records) in [("ad/computers.ldif", "ldif", 4), ("DC01/Security.evtx", "evtx", 34)] {
        let output = piped(&bundle("classic-two-nodes").join(file));
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let source = &report["bundle"]["sources"][0];
        assert_eq!(
            (&source["path"], &source["kind"], &source["records"]),
            (&"stdin".into(), &kind.into(), &records.into())
        );
    }
    let twice = kcdoctor(&["analyze", "-", "-"]);
    assert_eq!(twice.status.code(), Some(64), "{}", text(&twice.stderr));
    let output = piped(&bundle("README.md"));
    assert_eq!(output.status.code(), Some(65));
    assert!(text(&output.stderr).contains("does not understand this file"), "{}", text(&output.stderr));
}

/// Names come from the customer's files, and a terminal obeys what it is sent.
#[test]
#[cfg(unix)]
fn control_characters_never_reach_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let ldif = fs::read(bundle("classic-two-nodes").join("ad/computers.ldif")).unwrap();
    fs::write(folder.path().join("a.ldif"), ldif).unwrap();
    fs::write(folder.path().join("\u{1b}]0;owned\u{7}\u{1b}[31m.bin"), "x").unwrap();
    for format in ["table", "summary"] {
        let output = kcdoctor(&["analyze", path(folder.path()), "--format", format]);
        assert!(!text(&output.stdout).contains(['\u{1b}', '\u{7}']), "{format}");
    }
}

/// What the README shows is what the program prints.
#[test]
fn the_readme_shows_the_real_verdict() {
    let readme = fs::read_to_string(super::root().join("README.md")).unwrap().replace("\r\n", "\n");
    let output = kcdoctor(&["analyze", path(&bundle("classic-two-nodes"))]);
    let verdict = text(&output.stdout).split("\n\n").next().unwrap();
    assert!(readme.contains(verdict), "{verdict}");
}

#[test]
fn a_large_log_says_the_same_in_a_file_a_zip_and_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let log = kcdoctor::scenario::bundles::bulk(5, 0.05, 5 << 20);
    let file = folder.path().join("Security.evtx");
    fs::write(&file, &log).unwrap();
    let zipped = folder.path().join("case.zip");
    let mut zip = zip::ZipWriter::new(fs::File::create(&zipped).unwrap());
    zip.start_file("Security.evtx", zip::write::SimpleFileOptions::default()).unwrap();
    std::io::Write::write_all(&mut zip, &log).unwrap();
    zip.finish().unwrap();
    let report = |argument: &std::ffi::OsStr, threads: &str, piped: Option<&Path>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kcdoctor"));
        command.args(["analyze", "--format", "json", "--threads", threads]).arg(argument);
        command.stdin(piped.map_or_else(Stdio::null, |file| fs::File::open(file).unwrap().into()));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let mut source = report["bundle"]["sources"][0].clone();
        source.as_object_mut().unwrap().remove("path");
        (source, report["coverage"].clone(), report["bundle"]["hash"].clone())
    };
    let expected = report(file.as_os_str(), "1", None);
    assert_eq!(expected.0["hash"], format!("blake3:{}", blake3::hash(&log)));
    assert!(expected.0["records"].as_u64().unwrap() > 5_000 && expected.0["used"].as_u64().unwrap() > 5);
    assert_eq!(report(file.as_os_str(), "4", None), expected);
    assert_eq!(report(zipped.as_os_str(), "2", None), expected);
    assert_eq!(report("-".as_ref(), "2", Some(&file)), expected);
}

#[test]
fn a_span_that_holds_nothing_is_refused_by_every_command() {
    let one = bundle("two-faults");
    let other = bundle("three-faults");
    for command in ["analyze", "events", "inventory", "audit", "validate", "drift"] {
        for (since, until) in [("2026-10-01", "2026-09-01"), ("2026-10-01", "2026-10-01")] {
            let second = if command == "drift" { vec![path(&other)] } else { Vec::new() };
            let named = [&[command, path(&one)][..], &second].concat();
            let output = kcdoctor(&[&named[..], &["--since", since, "--until", until]].concat());
            assert_eq!(output.status.code(), Some(64), "{command}");
            assert!(text(&output.stderr).contains("give the earlier time to --since"), "{command}");
        }
    }
}

#[test]
fn a_node_that_no_host_is_called_is_warned_of_by_every_command() {
    let one = bundle("two-faults");
    let other = bundle("three-faults");
    for command in ["analyze", "events", "inventory", "audit", "validate", "drift"] {
        let second = if command == "drift" { vec![path(&other)] } else { Vec::new() };
        let named = [&[command, path(&one)][..], &second].concat();
        let output = kcdoctor(&[&named[..], &["--nodes", "HV0X,HV01"]].concat());
        let warnings = text(&output.stderr);
        assert!(warnings.contains("no host of the bundle is called HV0X"), "{command}: {warnings}");
        assert!(!warnings.contains("called HV01"), "{command}: {warnings}");
    }
}

#[test]
fn the_table_counts_migrations_of_which_one_end_is_not_known() {
    let log = bundle("migration-limit").join("HV01/Microsoft-Windows-Hyper-V-High-Availability-Admin.evtx");
    let output = kcdoctor(&["analyze", path(&log)]);
    let pairs = text(&output.stdout).split("\nPAIRS\n").nth(1).unwrap();
    let row = pairs.lines().find(|line| line.contains("HV01 → ?")).unwrap();
    assert!(row.split_whitespace().any(|cell| cell == "3"), "{row}");
}

#[test]
fn simulate_takes_no_option_that_it_would_not_use() {
    let folder = tempfile::tempdir().unwrap();
    let written = path(folder.path());
    for more in [["--incidents", "4"], ["--format", "json"], ["--output", "x"]] {
        let output = kcdoctor(&[&["simulate", "--write", written][..], &more].concat());
        assert_eq!(output.status.code(), Some(64), "{more:?}");
    }
    for none in ["0", "1"] {
        let output = kcdoctor(&["simulate", "--incidents", none]);
        assert_eq!(output.status.code(), Some(64), "{none}");
    }
}

#[test]
fn explain_names_the_machine_that_a_step_is_for() {
    let output = kcdoctor(&["explain", "kdc-regression", "--format", "json"]);
    assert!(text(&output.stdout).contains("update on the domain controller"), "{}", text(&output.stdout));
    let output = kcdoctor(&["explain", "listener-disabled", "--format", "json"]);
    assert!(text(&output.stdout).contains("again on the target"), "{}", text(&output.stdout));
}

/// What follows from a file that can't be read is no fault of its own.
#[test]
fn a_rule_that_is_not_utf_8_is_one_fault() {
    let folder = tempfile::tempdir().unwrap();
    let example = super::root().join("docs/example-rules");
    fs::create_dir(folder.path().join("ACME-101")).unwrap();
    for case in ["hit.toml", "clear.toml", "blind.toml"] {
        fs::copy(example.join("ACME-101").join(case), folder.path().join("ACME-101").join(case)).unwrap();
    }
    fs::write(folder.path().join("ACME-101.md"), b"+++\nid = \"ACME-101\"\ntitle = \"\xFC\"\n").unwrap();
    let output = kcdoctor(&["rules", "lint", path(folder.path()), "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let titles: Vec<_> = report["faults"].as_array().unwrap().iter().map(|fault| &fault["title"]).collect();
    assert_eq!(titles, ["the file is not UTF-8"]);
}
