//! `kcdoctor merge`: results of triage in, one table out, and nothing lost in silence.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use kcdoctor::command::merge::merge;
use kcdoctor::knowledge::Knowledge;
use kcdoctor::render::{MergeFormat, Style, render_merge};
use kcdoctor::report::merge::{Duplicates, MergeReport};

use super::cli::{kcdoctor, path, text};
use super::{assert_golden, bundle, root, without_revision};

/// Two results about some of the same tickets; the second has a line that is none, and a torn end. One ticket tries to
/// be a formula, HTML, Markdown and a command to the terminal, one is very long.
const RESULTS: [&str; 2] = ["fixtures/merge/first.jsonl", "fixtures/merge/second.jsonl"];

const FORMATS: [(MergeFormat, &str); 5] = [
    (MergeFormat::Table, "merged.txt"),
    (MergeFormat::Json, "merged.json"),
    (MergeFormat::Csv, "merged.csv"),
    (MergeFormat::Markdown, "merged.md"),
    (MergeFormat::Html, "merged.html"),
];

fn merged(results: &[&str]) -> MergeReport {
    let paths: Vec<_> = results.iter().map(PathBuf::from).collect();
    merge(&paths, 3, &Knowledge::load().unwrap()).unwrap()
}

fn rendered(results: &[&str], format: MergeFormat) -> String {
    render_merge(&merged(results), format, Style::default())
}

#[test]
fn every_form_is_the_golden_one() {
    for (format, file) in FORMATS {
        let text = without_revision(&rendered(&RESULTS, format));
        assert_golden(&root().join("fixtures/merge").join(file), &text);
    }
}

#[test]
fn the_order_of_results_does_not_matter() {
    let [first, second] = RESULTS;
    for (format, file) in FORMATS {
        assert_eq!(rendered(&[first, second], format), rendered(&[second, first], format), "{file}");
    }
}

#[test]
fn every_line_is_accounted_for() {
    let report = merged(&RESULTS);
    let totals = &report.totals;
    assert_eq!((totals.results, totals.lines, totals.unread, totals.torn), (2, 17, 1, 1));
    assert_eq!(totals.lines, totals.tickets + totals.duplicates.lines);
    assert_eq!(totals.tickets, totals.ok + totals.errors);
    assert_eq!(
        totals.duplicates,
        Duplicates { lines: 4, failed: 2, same_bundle: 1, other_bundle: 1, other_paths: 0, by_order: 0 }
    );
    assert_eq!(report.clusters.iter().map(|cluster| cluster.tickets).sum::<usize>(), totals.ok);
    assert_eq!(report.causes.iter().map(|cause| cause.tickets).sum::<usize>(), totals.ok);
    assert_eq!(report.errors.iter().map(|error| error.tickets).sum::<usize>(), totals.errors);
    assert_eq!(report.tools.iter().map(|tool| tool.tickets).sum::<usize>(), totals.tickets);
    let update = &report.triggers[0];
    assert_eq!((update.trigger.as_deref(), update.tickets), (Some("KB5120238"), 4));
    assert_eq!(update.onset.first.as_deref(), Some("2026-09-11T21:05:00Z"));
}

#[test]
fn a_result_twice_is_the_result_once() {
    let [first, _] = RESULTS;
    assert_eq!(rendered(&[first], MergeFormat::Csv), rendered(&[first, first, first], MergeFormat::Csv));
}

#[test]
fn nothing_that_a_ticket_says_is_obeyed() {
    let is_obeyed = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{202a}'..='\u{202e}'));
    for (format, file) in FORMATS {
        let text = rendered(&RESULTS, format);
        assert!(!text.contains(is_obeyed), "{file}");
    }
    let html = rendered(&RESULTS, MergeFormat::Html);
    let tags: BTreeSet<_> = html
        .split('<')
        .skip(1)
        .map(|tag| tag.trim_start_matches('/').split([' ', '>']).next().unwrap())
        .collect();
    let own = [
        "!DOCTYPE", "body", "div", "h1", "h2", "head", "html", "li", "meta", "p", "style", "table", "tbody",
        "td", "th", "thead", "title", "tr", "ul",
    ];
    assert_eq!(tags, BTreeSet::from(own));
    assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("url("));
    // A row of a table has as many cells as its head, whatever its names hold.
    let markdown = rendered(&RESULTS, MergeFormat::Markdown);
    let mut cells = 0;
    for line in markdown.lines() {
        let count = line.replace("\\|", "").matches('|').count();
        if cells > 0 && count > 0 {
            assert_eq!(count, cells, "{line}");
        }
        cells = count;
    }
}

#[test]
fn no_cell_of_a_spreadsheet_is_a_formula_and_each_ticket_has_its_row() {
    let text = rendered(&RESULTS, MergeFormat::Csv);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<_> = reader.records().map(|row| row.unwrap()).collect();
    assert_eq!(rows.len(), merged(&RESULTS).totals.tickets);
    for cell in rows.iter().flatten() {
        assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}");
    }
}

#[test]
fn a_table_fits_eighty_columns() {
    for line in rendered(&RESULTS, MergeFormat::Table).lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn a_terminal_shows_ten_clusters_in_two_lines_each_and_names_whole() {
    const LONG: &str = "NETLOGONSEAL-CVE-2022-38023";
    let input = fs::read_to_string(root().join(RESULTS[0])).unwrap();
    let line = input.lines().next().unwrap().replace("KB5120238", LONG);
    let of = |number: usize| {
        line.replace("T0001", &format!("T{number}")).replace("|both-ways|", &format!("|shape-{number}|"))
    };
    let lines: Vec<_> = (0..13).map(of).collect();
    let output = piped(&["merge", "-"], &lines.join("\n"));
    let table = text(&output.stdout);
    let (_, clusters) = table.split_once("\nCLUSTERS\n").unwrap();
    let (clusters, _) = clusters.split_once("\n\n").unwrap();
    let (_, rows) = clusters.split_once("─\n").unwrap();
    assert_eq!(rows.lines().filter(|row| row.contains(LONG)).count(), 10, "{rows}");
    assert_eq!(rows.lines().count(), 21, "{rows}");
    assert!(rows.ends_with("and 3 more rows; --format json has all that is counted"), "{rows}");
    assert!(table.contains("onset known of 13"), "{table}");
    let markdown = piped(&["merge", "-", "--format", "markdown"], &lines.join("\n"));
    assert!((0..13).all(|number| text(&markdown.stdout).contains(&format!("shape-{number} "))));
}

#[test]
fn shards_together_are_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let bundles = ["healthy-cluster", "controllers-apart", "switch-missing"].map(bundle);
    let triage = |shard: &str| {
        let out = folder.path().join(shard.replace('/', "-"));
        let mut arguments = vec!["triage", "--bundle-depth", "0", "--shard", shard, "-o", path(&out)];
        arguments.extend(bundles.iter().map(|bundle| path(bundle)));
        assert_eq!(kcdoctor(&arguments).status.code(), Some(0));
        out
    };
    let (whole, one, two) = (triage("1/1"), triage("1/2"), triage("2/2"));
    let csv = |results: &[&str]| rendered(results, MergeFormat::Csv);
    let all = csv(&[path(&whole)]);
    assert_eq!(all.lines().count(), 4, "{all}");
    assert_eq!(csv(&[path(&two), path(&one)]), all);
    assert_eq!(csv(&[path(&two), path(&whole), path(&one)]), all);
}

fn piped(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kcdoctor"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn what_is_lost_is_said_on_standard_error_where_the_output_does_not_say_it() {
    let [_, second] = RESULTS;
    let csv = kcdoctor(&["merge", second, "--format", "csv"]);
    assert_eq!(csv.status.code(), Some(0));
    assert!(text(&csv.stderr).contains("second.jsonl is torn"), "{}", text(&csv.stderr));
    assert!(text(&csv.stderr).contains("1 line is no line of triage"), "{}", text(&csv.stderr));
    assert_eq!(text(&kcdoctor(&["merge", second, "--format", "csv", "--quiet"]).stderr), "");
    let table = kcdoctor(&["merge", second]);
    assert_eq!(text(&table.stderr), "");
    assert!(text(&table.stdout).contains("second.jsonl:4"), "{}", text(&table.stdout));
}

#[test]
fn a_result_on_standard_input_is_read_as_a_file_is() {
    let [first, _] = RESULTS;
    let input = fs::read_to_string(root().join(first)).unwrap();
    let output = piped(&["merge", "-", "--format", "csv"], &input);
    assert_eq!(text(&output.stdout), rendered(&[first], MergeFormat::Csv));
    assert_eq!(piped(&["merge", "-", "-"], &input).status.code(), Some(64));
}

#[test]
fn wrong_inputs_are_told_apart() {
    let status = |arguments: &[&str]| kcdoctor(arguments).status.code();
    assert_eq!(status(&["merge"]), Some(64));
    assert_eq!(status(&["merge", "no/such/result"]), Some(66));
    assert_eq!(status(&["merge", "fixtures"]), Some(64), "a folder");
    let wrong = kcdoctor(&["merge", "README.md"]);
    assert_eq!(wrong.status.code(), Some(65));
    assert!(text(&wrong.stderr).contains("README.md:1: no line of triage"), "{}", text(&wrong.stderr));
    let empty = piped(&["merge", "-"], "");
    assert_eq!(empty.status.code(), Some(0), "a shard may have no ticket");
    assert!(text(&empty.stdout).starts_with("0 tickets  nothing to count\n"), "{}", text(&empty.stdout));
    // Neither a text without an end nor an archive nor the beginning of a line is a line.
    let torn = "{\"schema_version\":1,\"ticket\":\"T";
    for (input, why) in [("hello", "no line of triage"), ("PK\u{3}\u{4}\0\0", "not text"), (torn, "is torn")]
    {
        let wrong = piped(&["merge", "-"], input);
        assert_eq!(wrong.status.code(), Some(65), "{input}");
        assert!(text(&wrong.stderr).contains(why), "{}", text(&wrong.stderr));
    }
}

#[test]
fn a_result_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let result = folder.path().join("result.jsonl");
    fs::copy(root().join(RESULTS[0]), &result).unwrap();
    let output = kcdoctor(&["merge", path(&result), "-o", path(&result)]);
    assert_eq!(output.status.code(), Some(64));
    assert_eq!(fs::read(&result).unwrap(), fs::read(root().join(RESULTS[0])).unwrap());
}

#[test]
fn parquet_needs_a_file_and_a_build_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tickets.parquet");
    let nowhere = kcdoctor(&["merge", RESULTS[0], "--format", "parquet"]);
    assert_eq!((nowhere.status.code(), text(&nowhere.stdout)), (Some(64), ""));
    let output = kcdoctor(&["merge", RESULTS[0], "--format", "parquet", "-o", path(&file)]);
    if cfg!(feature = "parquet") {
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let bytes = fs::read(&file).unwrap();
        assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    } else {
        assert_eq!(output.status.code(), Some(64));
        assert!(text(&output.stderr).contains("--features parquet"), "{}", text(&output.stderr));
        assert!(!file.exists());
    }
}

#[test]
fn every_column_is_documented() {
    let page = fs::read_to_string(root().join("docs/merge.md")).unwrap();
    let text = rendered(&RESULTS, MergeFormat::Csv);
    for column in text.lines().next().unwrap().split(',') {
        assert!(page.contains(&format!("`{column}`")), "docs/merge.md does not tell what {column} is");
    }
}
