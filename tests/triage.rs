//! `kcdoctor triage`: one line a bundle, whatever becomes of it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use kcdoctor::report::triage::{Line, Status};
use serde_json::Value;

use super::cli::{kcdoctor, path, text};
use super::{bundle, root};

/// Bundles of which the verdicts differ.
const BUNDLES: [&str; 5] =
    ["classic-two-nodes", "four-nodes-one-short", "healthy-cluster", "no-directory-export", "switch-missing"];

fn triage(arguments: &[&str]) -> Output {
    kcdoctor(&[&["triage", "--no-progress"], arguments].concat())
}

/// Lines that a run wrote to standard output, which must end well.
fn lines(arguments: &[&str]) -> Vec<Line> {
    let output = triage(arguments);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "{arguments:?}");
    parsed(&output.stdout)
}

fn parsed(bytes: &[u8]) -> Vec<Line> {
    text(bytes).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn tickets(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.ticket.as_str()).collect()
}

fn cause(line: &Line) -> Option<&str> {
    line.verdict.as_ref().map(|verdict| verdict.cause.as_str())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to)
        } else {
            fs::copy(entry.path(), to).map(|_| ()).unwrap()
        }
    }
}

/// A folder of tickets: the bundles, each `times` times.
fn folder(times: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for time in 0..times {
        for name in BUNDLES {
            copy(&bundle(name), &folder.path().join(format!("{name}-{time}")));
        }
    }
    folder
}

#[test]
fn every_bundle_gives_one_line_whatever_becomes_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    copy(&bundle("classic-two-nodes"), &at("b-good"));
    fs::create_dir(at("a-empty")).unwrap();
    fs::write(at("c-empty.zip"), "").unwrap();
    fs::write(at("d-noise.bin"), [0xA5; 5_000]).unwrap();
    fs::write(at("e-cut.zip"), b"PK\x03\x04\x14\0\0\0\x08\0 cut").unwrap();
    let missing = at("none");
    // What the run writes itself is no bundle.
    let out = at("all.jsonl");
    let reports = at("reports");
    fs::create_dir(&reports).unwrap();
    assert!(
        lines(&[path(folder.path()), path(&missing), "-o", path(&out), "--reports", path(&reports)])
            .is_empty()
    );
    let lines = parsed(&fs::read(&out).unwrap());
    let expected = ["a-empty", "b-good", "c-empty.zip", "d-noise.bin", "e-cut.zip", "none"];
    assert_eq!(tickets(&lines), expected);
    let codes: Vec<_> = lines.iter().map(|line| line.error_code.as_deref().unwrap_or("ok")).collect();
    let nothing = "nothing-understood";
    assert_eq!(codes, [nothing, "ok", nothing, nothing, nothing, "no-input"]);
    for line in &lines {
        assert_eq!(line.status == Status::Ok, line.verdict.is_some(), "{}", line.ticket);
        assert_eq!(line.status == Status::Ok, line.error.is_none(), "{}", line.ticket);
    }
    assert_eq!((cause(&lines[1]), lines[3].bytes), (Some("kcd-missing"), Some(5_000)));
}

/// What would wait for ever does not.
#[cfg(unix)]
#[test]
fn a_pipe_without_a_writer_does_not_stop_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let lines = lines(&[path(&pipe), path(&bundle("classic-two-nodes")), "--bundle-depth", "0"]);
    assert_eq!(lines[0].error_code.as_deref(), Some("io"));
    assert!(lines[0].error.as_ref().unwrap().contains("pass - and pipe it in"), "{:?}", lines[0].error);
    assert_eq!(cause(&lines[1]), Some("kcd-missing"));
}

#[test]
fn a_line_says_what_analyze_says() {
    for line in lines(&[path(&root().join("fixtures/bundles"))]) {
        if !Path::new(&line.path).is_dir() {
            continue;
        }
        let output = kcdoctor(&["analyze", "--format", "json", &line.path]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let written = serde_json::to_value(&line).unwrap();
        for field in ["cause", "family", "level", "confidence", "pairs", "trigger", "summary"] {
            assert_eq!(written["verdict"][field], report["verdict"][field], "{} {field}", line.ticket);
        }
        assert_eq!(written["hash"], report["bundle"]["hash"], "{}", line.ticket);
        for field in ["last_success", "first_failure"] {
            assert_eq!(written["onset"][field], report["onset"][field], "{} {field}", line.ticket);
        }
        let ids = |list: &Value, field: &str| {
            let own = list.as_array().unwrap().iter().map(|one| one[field].as_str().unwrap().to_owned());
            own.collect::<std::collections::BTreeSet<_>>()
        };
        let gaps: std::collections::BTreeSet<_> = line.gaps.unwrap().into_iter().collect();
        assert_eq!(gaps, ids(&report["gaps"], "id"), "{}", line.ticket);
        assert_eq!(
            ids(&written["plan"]["steps"], "kind"),
            ids(&report["plan"]["steps"], "kind"),
            "{}",
            line.ticket
        );
    }
}

#[test]
fn the_same_bytes_come_out_however_the_work_is_shared() {
    let folder = folder(3);
    let run = |more: &[&str]| {
        let output = triage(&[&[path(folder.path())], more].concat());
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "{more:?}");
        output.stdout
    };
    let alone = run(&["--threads", "1"]);
    assert_eq!(parsed(&alone).len(), 3 * BUNDLES.len());
    for more in [
        &["--threads", "4"][..],
        &["--isolate", "--processes", "1"],
        &["--isolate", "--processes", "3", "--threads", "4"],
    ] {
        assert_eq!(text(&run(more)), text(&alone), "{more:?}");
    }
    let sorted = |bytes: &[u8]| {
        let mut lines: Vec<_> = text(bytes).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&run(&["--unordered", "--threads", "4"])), sorted(&alone));
}

#[test]
fn parts_put_together_are_the_whole() {
    let folder = folder(3);
    let whole = lines(&[path(folder.path())]);
    let mut parts: Vec<_> =
        (1..=3).flat_map(|part| lines(&[path(folder.path()), "--shard", &format!("{part}/3")])).collect();
    parts.sort_by(|a, b| a.ticket.cmp(&b.ticket));
    assert_eq!(parts, whole);
}

/// The file of a resumed run, and its bytes.
fn resumed(folder: &Path, file: &Path, more: &[&str]) -> Vec<u8> {
    let output = triage(&[&[path(folder), "-o", path(file), "--resume"], more].concat());
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    fs::read(file).unwrap()
}

#[test]
fn a_run_goes_on_where_it_was_cut() {
    let folder = folder(2);
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("all.jsonl");
    let whole = resumed(folder.path(), &file, &[]);
    let count = parsed(&whole).len();
    // Within a line, between two, in the middle one missing, and in another order.
    let all: Vec<_> = text(&whole).lines().collect();
    let swapped = [&all[5..], &all[..5]].concat().join("\n") + "\n";
    let holed = [&all[..3], &all[4..]].concat().join("\n") + "\n";
    for begun in
        [&whole[..whole.len() / 2], &whole[..=all[0].len()], holed.as_bytes(), swapped.as_bytes(), b""]
    {
        fs::write(&file, begun).unwrap();
        assert_eq!(resumed(folder.path(), &file, &["--threads", "3"]), whole);
    }
    assert_eq!((count, fs::read_dir(out.path()).unwrap().count()), (2 * BUNDLES.len(), 1));
}

/// A kept line is not written again: it may be told from a new one by a mark that no run writes.
#[test]
fn only_what_changed_is_read_anew() {
    let folder = folder(1);
    fs::write(folder.path().join("z-noise"), "nothing").unwrap();
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("all.jsonl");
    let whole = text(&resumed(folder.path(), &file, &[])).to_owned();
    let marked = whole
        .replace("\"issues\":[", "\"issues\":[\"mark\",")
        .replace("\"issues\":[\"mark\",]", "\"issues\":[\"mark\"]");
    let marks = |bytes: &[u8]| {
        let marked = |line: &Line| line.issues.iter().flatten().any(|issue| issue == "mark");
        parsed(bytes).iter().filter(|line| marked(line)).count()
    };
    let kept = |change: &dyn Fn(), more: &[&str]| {
        fs::write(&file, &marked).unwrap();
        change();
        marks(&resumed(folder.path(), &file, more))
    };
    assert_eq!(kept(&|| (), &[]), BUNDLES.len(), "all but the error");
    // Other options, another form.
    assert_eq!(kept(&|| (), &["--since", "2020-01-01"]), 0);
    assert_eq!(kept(&|| (), &["--full"]), 0);
    let reports = out.path().join("reports");
    assert_eq!(kept(&|| (), &["--reports", path(&reports)]), 0);
    assert_eq!(kept(&|| (), &["--reports", path(&reports)]), BUNDLES.len());
    let of_another_version = marked.replace("\"version\":\"", "\"version\":\"0.0.");
    assert_eq!(kept(&|| fs::write(&file, &of_another_version).unwrap(), &[]), 0);
    // The report beside it is another bundle's, or that of a bundle that is none any more.
    fs::copy(reports.join("switch-missing-0.json"), reports.join("healthy-cluster-0.json")).unwrap();
    fs::write(reports.join("z-noise.json"), "of another day").unwrap();
    assert_eq!(kept(&|| (), &["--reports", path(&reports)]), BUNDLES.len() - 1);
    assert!(!reports.join("z-noise.json").exists());
    // Nor is it of use where other knowledge made it.
    let report = reports.join("healthy-cluster-0.json");
    let other = fs::read_to_string(&report).unwrap().replacen("\"revision\": \"", "\"revision\": \"0", 1);
    fs::write(&report, other).unwrap();
    assert_eq!(kept(&|| (), &["--reports", path(&reports)]), BUNDLES.len() - 1);
    // One bundle has one file more, one is gone.
    let change = || {
        fs::write(folder.path().join("switch-missing-0/more.txt"), "more").unwrap();
        fs::remove_dir_all(folder.path().join("healthy-cluster-0")).unwrap();
    };
    fs::write(&file, &marked).unwrap();
    change();
    let output = triage(&[path(folder.path()), "-o", path(&file), "--resume"]);
    assert_eq!(marks(&fs::read(&file).unwrap()), BUNDLES.len() - 2);
    assert!(text(&output.stderr).contains("1 line of the earlier run went"), "{}", text(&output.stderr));
    assert_eq!(fs::read(&file).map(|bytes| parsed(&bytes).len()).unwrap(), BUNDLES.len());
}

#[test]
fn a_run_that_is_killed_again_and_again_ends_as_an_unbroken_one() {
    let folder = folder(4);
    let out = tempfile::tempdir().unwrap();
    let (unbroken, file) = (out.path().join("unbroken.jsonl"), out.path().join("killed.jsonl"));
    let whole = resumed(folder.path(), &unbroken, &[]);
    for (round, isolated) in [false, true, false].into_iter().enumerate() {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kcdoctor"));
        command.args(["triage", path(folder.path()), "-o", path(&file), "--resume", "--no-progress"]);
        command.args(isolated.then_some("--isolate"));
        let mut child = command.stdin(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        let enough = (round + 1) * 3;
        while fs::read(&file).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count() < enough {
            assert!(begun.elapsed() < Duration::from_secs(60), "no {enough} lines yet");
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let left = fs::read(&file).unwrap();
        assert!(whole.starts_with(&left) && left.ends_with(b"\n"), "whole lines, in order");
    }
    assert_eq!(resumed(folder.path(), &file, &[]), whole);
}

#[test]
fn a_difference_from_what_was_recorded_is_said_and_is_status_one() {
    let folder = folder(1);
    let out = tempfile::tempdir().unwrap();
    let recorded = out.path().join("recorded.jsonl");
    let whole = text(&resumed(folder.path(), &recorded, &[])).to_owned();
    let compare = |recorded_text: &str| {
        fs::write(&recorded, recorded_text).unwrap();
        let output = triage(&[path(folder.path()), "--expect", path(&recorded)]);
        (output.status.code(), text(&output.stdout).to_owned())
    };
    let (status, said) = compare(&whole);
    assert_eq!(status, Some(0));
    assert!(
        said.starts_with("5 bundles were compared with") && said.ends_with("nothing differs.\n"),
        "{said}"
    );
    // Wording and confidence may change with every release.
    let reworded = whole
        .replace("\"confidence\":0.9", "\"confidence\":0.8")
        .replace("summary\":\"", "summary\":\"In short: ");
    assert_eq!(compare(&reworded).0, Some(0));
    let changed = whole
        .replacen("\"cause\":\"kcd-missing\"", "\"cause\":\"spn-missing\"", 1)
        .replacen("[\"HV01\",\"HV02\"]", "[\"HV01\",\"HV09\"]", 1)
        .replacen("\"kind\":\"add-delegation\"", "\"kind\":\"register-spn\"", 1)
        .lines()
        .filter(|line| !line.contains("healthy-cluster-0"))
        .map(|line| format!("{line}\n"))
        .chain([whole.lines().next().unwrap().replace("classic-two-nodes-0", "T-gone")])
        .collect::<String>();
    let (status, said) = compare(&changed);
    assert_eq!(status, Some(1));
    for part in [
        "classic-two-nodes-0\n  cause: spn-missing → kcd-missing\n",
        "  pair gone: HV01 to HV09\n  pair new: HV01 to HV02\n",
        "  step gone: register-spn on HV01 for HV02\n  step new: add-delegation on HV01 for HV02\n",
        "healthy-cluster-0\n  was not recorded\n",
        "T-gone\n  is no longer there\n",
        "5 bundles were compared with",
        "3 tickets differ.",
    ] {
        assert!(said.contains(part), "{part}\n---\n{said}");
    }
    let other_values = whole.replace("\"changes\":\"blake3:", "\"changes\":\"blake3:0");
    assert!(compare(&other_values).1.contains("plan: its steps change other values"));
    fs::write(&recorded, "{\"no\": \"line\"}\n").unwrap();
    let output = triage(&[path(folder.path()), "--expect", path(&recorded)]);
    assert_eq!(output.status.code(), Some(65));
    assert!(
        text(&output.stderr).contains("recorded.jsonl:1: not a line of triage"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(triage(&[path(folder.path()), "--expect", "no/such"]).status.code(), Some(66));
}

#[test]
fn reports_stand_in_lines_or_beside_them() {
    let folder = folder(1);
    let out = tempfile::tempdir().unwrap();
    let reports = out.path().join("a/b");
    let output = triage(&[path(folder.path()), "--full", "--timings", "--reports", path(&reports)]);
    for line in text(&output.stdout).lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let ticket = line["ticket"].as_str().unwrap();
        let beside: Value =
            serde_json::from_slice(&fs::read(reports.join(format!("{ticket}.json"))).unwrap()).unwrap();
        assert_eq!(line["report"], beside, "{ticket}");
        assert_eq!(line["report"]["command"], "analyze");
        assert!(line["elapsed_ms"].is_u64());
    }
    assert_eq!(fs::read_dir(&reports).unwrap().count(), BUNDLES.len());
}

/// Runs `triage` with `input` on its standard input.
fn piped(arguments: &[&str], input: &[u8]) -> Vec<Line> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kcdoctor"));
    command.args(["triage", "--no-progress"]).args(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    parsed(&output.stdout)
}

#[test]
fn a_list_names_bundles_and_may_name_their_tickets() {
    let good = bundle("classic-two-nodes");
    let list =
        format!("{}\tCASE 7\r\n\nno/such.zip\n{}", good.display(), bundle("healthy-cluster").display());
    for more in [&["-"][..], &["-", "--isolate", "--processes", "2"]] {
        let lines = piped(more, list.as_bytes());
        assert_eq!(tickets(&lines), ["CASE 7", "such.zip", "healthy-cluster"]);
        assert_eq!(lines.iter().map(cause).collect::<Vec<_>>(), [Some("kcd-missing"), None, Some("healthy")]);
        assert_eq!(lines[1].error_code.as_deref(), Some("no-input"));
    }
}

#[test]
fn a_list_that_is_none_is_an_error_and_an_empty_one_is_said() {
    let run = |input: Stdio, arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kcdoctor"));
        command.args(["triage", "--no-progress"]).args(arguments).stdin(input).output().unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    let of = |bytes: &[u8]| {
        fs::write(&list, bytes).unwrap();
        run(fs::File::open(&list).unwrap().into(), &["-"])
    };
    let utf16: Vec<u8> = "in/T1.zip\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let output = of(&utf16);
    assert_eq!(output.status.code(), Some(65));
    assert!(text(&output.stderr).contains("UTF-16"), "{}", text(&output.stderr));
    let output = of(b"");
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains("no bundle was found"), "{}", text(&output.stderr));
    #[cfg(unix)]
    assert_eq!(run(fs::File::open(folder.path()).unwrap().into(), &["-"]).status.code(), Some(74));
}

#[test]
fn what_is_no_result_is_not_resumed_and_two_runs_do_not_share_one() {
    let folder = folder(1);
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("all.jsonl");
    let resume = || triage(&[path(folder.path()), "-o", path(&file), "--resume"]);
    for content in ["my thesis\nline 2\n", "my thesis", "{\"a\": 1}\n"] {
        fs::write(&file, content).unwrap();
        let output = resume();
        assert_eq!(output.status.code(), Some(65), "{content}");
        assert!(
            text(&output.stderr).contains("all.jsonl:1: not a line of triage"),
            "{}",
            text(&output.stderr)
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), content);
    }
    // Nor overwritten, whether it is a customer's archive or what it should be compared with.
    let overwrite =
        |more: &[&str]| triage(&[&[path(folder.path()), "-o", path(&file)], more].concat()).status.code();
    fs::write(&file, zipped("classic-two-nodes")).unwrap();
    assert_eq!(overwrite(&[]), Some(64));
    assert_eq!(fs::read(&file).unwrap(), zipped("classic-two-nodes"));
    fs::write(&file, "").unwrap();
    assert_eq!((overwrite(&[]), overwrite(&[])), (Some(0), Some(0)), "a result is made anew");
    assert_eq!(overwrite(&["--expect", path(&file)]), Some(64));
    fs::remove_file(&file).unwrap();
    let held = fs::File::create(&file).unwrap();
    held.lock().unwrap();
    let output = resume();
    assert_eq!(output.status.code(), Some(74));
    assert!(text(&output.stderr).contains("another run writes to it"), "{}", text(&output.stderr));
}

/// Rights and links of a file outlive its ordering.
#[cfg(unix)]
#[test]
fn a_file_that_is_put_in_order_stays_what_it_was() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = folder(1);
    let out = tempfile::tempdir().unwrap();
    let (file, link) = (out.path().join("all.jsonl"), out.path().join("link.jsonl"));
    let whole = resumed(folder.path(), &file, &[]);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    symlink(&file, &link).unwrap();
    let reversed: Vec<_> = text(&whole).lines().rev().map(|line| format!("{line}\n")).collect();
    fs::write(&file, reversed.concat()).unwrap();
    assert_eq!(resumed(folder.path(), &link, &[]), whole);
    assert_eq!(fs::read(&file).unwrap(), whole);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[cfg(unix)]
#[test]
fn lines_can_go_to_a_pipe_by_its_name() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kcdoctor"));
    let good = bundle("classic-two-nodes");
    command.args(["triage", path(&good), "--bundle-depth", "0", "-o", "/dev/stdout"]);
    let output = command.stdin(Stdio::null()).stdout(Stdio::piped()).output().unwrap();
    assert_eq!((output.status.code(), parsed(&output.stdout).len()), (Some(0), 1));
}

/// An archive of a bundle.
fn zipped(name: &str) -> Vec<u8> {
    fn add(zip: &mut zip::ZipWriter<std::io::Cursor<Vec<u8>>>, folder: &Path, base: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add(zip, &path, base);
            } else {
                let name = path.strip_prefix(base).unwrap().to_str().unwrap().replace('\\', "/");
                zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
                zip.write_all(&fs::read(&path).unwrap()).unwrap();
            }
        }
    }
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    add(&mut zip, &bundle(name), &bundle(name));
    zip.finish().unwrap().into_inner()
}

/// The largest log of a bundle.
fn log(folder: &Path) -> Vec<u8> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let logs =
        files.flat_map(|path| if path.is_dir() { vec![log(&path)] } else { vec![fs::read(path).unwrap()] });
    logs.filter(|log| log.starts_with(b"ElfFile")).max_by_key(Vec::len).unwrap_or_default()
}

#[test]
fn an_archive_can_come_on_standard_input_under_its_name() {
    let archive = zipped("classic-two-nodes");
    let streamed = piped(&["--stdin-archive", "CASE-7.zip"], &archive);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("CASE-7.zip"), &archive).unwrap();
    let stored = lines(&[path(folder.path())]);
    assert_eq!((streamed.len(), streamed[0].path.as_str()), (1, "CASE-7.zip"));
    assert_eq!(Line { path: stored[0].path.clone(), ..streamed[0].clone() }, stored[0]);
    // It can be read once, so a line that an earlier run wrote is no reason to look at it first.
    let (log, file) = (log(&bundle("classic-two-nodes")), folder.path().join("all.jsonl"));
    let resumed = || {
        piped(&["--stdin-archive", "one.evtx", "--resume", "-o", path(&file)], &log);
        parsed(&fs::read(&file).unwrap())
    };
    let first = resumed();
    assert_eq!((first.len(), first[0].status), (1, Status::Ok));
    assert_eq!(resumed(), first);
    // Nor is it read again where time or bytes are used up.
    for (more, code) in [(&["--timeout", "0s"], "deadline"), (&["--max-bytes", "1K"], "over-budget")] {
        let late = piped(
            &[&["--stdin-archive", "CASE-7.zip", "--threads", "2", "--quiet"], &more[..]].concat(),
            &archive,
        );
        assert_eq!(late[0].error_code.as_deref(), Some(code), "{late:?}");
    }
    let cut = piped(&["--stdin-archive", "CASE-7.zip"], &archive[..archive.len() / 3]);
    assert_eq!(cut.len(), 1);
}

#[test]
fn budgets_are_a_bundles_own() {
    let folder = folder(1);
    let late = parsed(&triage(&[path(folder.path()), "--timeout", "0s"]).stdout);
    assert!(late.iter().all(|line| line.error_code.as_deref() == Some("deadline")), "{late:?}");
    assert!(
        late.iter().all(|line| line.verdict.is_none() && line.error.as_ref().unwrap().contains("--timeout"))
    );
    let in_time = lines(&[path(folder.path()), "--timeout", "5m"]);
    assert_eq!(in_time, lines(&[path(folder.path())]));
    // The largest alone has more bytes than are allowed, and all have more files.
    let most = BUNDLES.iter().map(|name| size(&bundle(name))).max().unwrap();
    let code = |line: &Line| line.error_code.clone().unwrap_or_default();
    let small = lines(&[path(folder.path()), "--max-bytes", &(most - 1).to_string()]);
    assert_eq!(small.iter().filter(|line| code(line) == "over-budget").count(), 1, "{small:?}");
    assert!(
        lines(&[path(folder.path()), "--max-bytes", &(2 * most).to_string()])
            .iter()
            .all(|line| code(line).is_empty())
    );
    let output = triage(&[path(folder.path()), "--max-entries", "2"]);
    let few = parsed(&output.stdout);
    assert!(few.iter().all(|line| code(line) == "over-budget" && line.verdict.is_none()), "{few:?}");
    assert!(text(&output.stderr).contains("none of 5 bundles could be analyzed"), "{}", text(&output.stderr));
    // A line says by which options it was made.
    assert_eq!(few[0].tool.options, "--max-entries 2");
}

/// Bytes of a folder's files.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { size(&path) } else { fs::metadata(path).unwrap().len() }).sum()
}

#[cfg(target_os = "linux")]
#[test]
fn a_bundle_that_needs_too_much_memory_costs_only_itself() {
    let folder = folder(1);
    let huge: PathBuf = folder.path().join("huge");
    fs::create_dir(&huge).unwrap();
    let text = fs::read(root().join("fixtures/sources/systeminfo/SystemInfo.TXT")).unwrap();
    fs::write(huge.join("systeminfo.txt"), text.repeat((100 << 20) / text.len())).unwrap();
    let lines =
        lines(&[path(folder.path()), "--isolate", "--threads", "1", "--processes", "1", "--memory", "64M"]);
    let codes: Vec<_> = lines.iter().map(|line| (line.ticket.as_str(), line.error_code.as_deref())).collect();
    assert_eq!(codes.iter().filter(|(_, code)| code.is_none()).count(), BUNDLES.len(), "{codes:?}");
    assert_eq!(codes[3], ("huge", Some("out-of-memory")));
}

#[test]
fn wrong_usage_is_said_before_anything_is_read() {
    for arguments in [
        &[][..],
        &["x", "--resume"],
        &["x", "--shard", "5/4"],
        &["x", "--memory", "4G"],
        &["x", "--isolate", "--processes", "64", "--memory", "1M"],
        &["-", "--stdin-archive", "a.zip"],
        &["-", "-"],
        &["--stdin-archive", "a.zip", "--isolate"],
        &["x", "--max-bytes", "many"],
        &["x", "--worker"],
    ] {
        let output = triage(arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?} {}", text(&output.stderr));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn the_form_of_a_line_is_written_down() {
    let schema = serde_json::to_string_pretty(&kcdoctor::report::triage::schema()).unwrap() + "\n";
    super::assert_golden(&root().join("docs/triage.schema.json"), &schema);
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let output = triage(&[path(&bundle("classic-two-nodes")), "no/such", "--bundle-depth", "0"]);
    for line in text(&output.stdout).lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(
            validator.is_valid(&line),
            "{:?}",
            validator.iter_errors(&line).map(|error| error.to_string()).collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_table_has_a_row_a_bundle_and_says_what_failed() {
    let folder = folder(1);
    let at = |name: &str| folder.path().join(name);
    fs::write(at("z-noise.bin"), [0xA5; 5_000]).unwrap();
    let file = tempfile::tempdir().unwrap();
    let file = file.path().join("table.txt");
    let output = triage(&[path(folder.path()), "--format", "table", "-o", path(&file)]);
    assert_eq!((output.status.code(), text(&output.stdout), text(&output.stderr)), (Some(0), "", ""));
    let table = fs::read_to_string(&file).unwrap();
    let rows: Vec<_> = table.lines().collect();
    assert!(
        rows[0].starts_with("6 bundles  1 not analyzed, 2 confirmed, 1 probable, 1 inconclusive, 1 healthy"),
        "{table}"
    );
    let words: Vec<_> = rows[2].split_whitespace().collect();
    assert_eq!(words[..5], ["TICKET", "VERDICT", "LEVEL", "SURE", "SINCE"], "{table}");
    for (ticket, verdict) in [
        ("classic-two-nodes-0", "kcd-missing"),
        ("four-nodes-one-short-0", "kcd-incomplete"),
        ("healthy-cluster-0", "healthy"),
        ("no-directory-export-0", "kcd-missing"),
        ("z-noise.bin", "nothing-understood"),
    ] {
        let row = rows.iter().find(|row| row.starts_with(ticket)).unwrap();
        assert_eq!(row.split_whitespace().nth(1), Some(verdict), "{table}");
    }
    let noise = rows.iter().position(|row| row.starts_with("z-noise.bin")).unwrap();
    assert!(rows[noise + 1].starts_with("    z-noise.bin: kcdoctor does not understand"), "{table}");
    // Standard output has the same, and any number of threads makes it.
    let output = triage(&[path(folder.path()), "--format", "table", "--threads", "3"]);
    assert_eq!(text(&output.stdout), table);
}

#[test]
fn a_table_does_not_do_what_only_lines_can() {
    let folder = folder(1);
    let out = folder.path().join("out");
    let table = [path(folder.path()), "--format", "table"];
    let recorded = folder.path().join("recorded.jsonl");
    fs::write(&recorded, "").unwrap();
    for more in [
        ["--resume", "-o", path(&out)].as_slice(),
        &["--full"],
        &["--timings"],
        &["--expect", path(&recorded)],
        // The table would take a ticket's place.
        &["-o", path(&recorded)],
    ] {
        let output = triage(&[&table, more].concat());
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(64), ""), "{more:?}");
        assert!(!out.exists() && fs::read(&recorded).unwrap().is_empty(), "{more:?}");
    }
}
