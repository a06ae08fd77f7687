//! Every source under `fixtures/sources/` gives the facts and the issues that stand beside it in a file `.facts`.
//!
//! Where `KCDOCTOR_SAMPLES` names a folder of real exports, those are read too; nothing of them is kept.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use kcdoctor::bundle::{Bundle, Limits};
use kcdoctor::fact::Position;
use kcdoctor::knowledge::Knowledge;
use kcdoctor::parse::{ParsedSource, parse};

use super::{assert_golden, root};

/// Real exports by their path among the samples, and what they are recognised as.
const SAMPLES: &[(&str, &str)] = &[
    ("cluster/cluster_log_lines.txt", "cluster-log"),
    ("host/SYNTHETIC_from_code_HOST_Hyper-VBasicInfo.txt", "hyper-v-info"),
    ("host/SYNTHETIC_msinfo32.nfo", "msinfo32"),
    ("host/SYNTHETIC_mixed_ansi_then_utf16le_Build.txt", "build-info"),
    ("host/SYNTHETIC_mixed_utf16le_then_oem_HOST_Kerberos_klist.txt", "klist"),
    ("host/klist.txt", "klist"),
    ("host/reg_query.txt", "registry"),
    ("host/secedit_export.inf.txt", "security-policy"),
    ("host/setspn_X.txt", "setspn"),
    ("host/w32tm_query_status.txt", "w32tm"),
    ("updates/dism_get-packages.txt", "windows-packages"),
    ("updates/get-windowspackage_fl.txt", "windows-packages"),
    ("updates/systeminfo_hotfix_section.txt", "systeminfo"),
];

pub(super) fn read(path: &Path) -> ParsedSource {
    let bundle = Bundle::open(&[path.to_path_buf()], &Limits::default()).unwrap();
    let mut sources = parse(&bundle, &Knowledge::load().unwrap().interest(), &|| ());
    assert_eq!(sources.len(), 1, "{}", path.display());
    sources.remove(0)
}

/// The files of `folder` and below, without the golden ones.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_none_or(|extension| extension != "facts") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A source as text: a line each for what it is, what it covers, its issues and its facts.
pub(super) fn describe(source: &ParsedSource) -> String {
    let mut text = format!("{}: {} records\n", source.kind, source.parsed.coverage.records);
    for row in &source.parsed.coverage.channels {
        let (computer, channel, records) = (&row.computer, &row.channel, row.records);
        writeln!(text, "covers {computer} {channel}: {records} from {} to {}", row.first, row.last).unwrap();
    }
    for issue in &source.parsed.issues {
        let lost = issue.lost.map_or("?".to_owned(), |lost| lost.to_string());
        writeln!(text, "issue {} (lost {lost}): {}", issue.code, issue.detail).unwrap();
    }
    for fact in &source.parsed.facts {
        let at = match fact.origin.at {
            Position::Line(line) => format!("line {line}"),
            Position::Record(record) => format!("record {record}"),
        };
        writeln!(text, "{at}: {}", stated(&format!("{:?}", fact.observation))).unwrap();
    }
    text
}

/// A value as `Debug` writes it, without the fields that state nothing.
fn stated(debug: &str) -> String {
    let mut text = String::new();
    for field in debug.replace("Unknown(NotAskedFor)", "None").split_inclusive(", ") {
        let (opening, own) = field.rsplit_once("{ ").unwrap_or(("", field));
        let bare = own.trim_end_matches([' ', '}', ')', ',']);
        if !bare.ends_with(": None") && !bare.ends_with(": []") {
            text.push_str(field);
            continue;
        }
        // The field goes; what it opened and closed stays.
        if !opening.is_empty() {
            text.push_str(&format!("{opening}{{ "));
        }
        let closing = own[bare.len()..].trim_start();
        if closing.starts_with(['}', ')']) {
            text.truncate(text.trim_end_matches([' ', ',']).len());
            text.push_str(&format!(" {closing}"));
        }
    }
    text
}

#[test]
fn every_source_gives_its_facts() {
    let folder = root().join("fixtures/sources");
    let sources = files(&folder);
    for file in &sources {
        let mut golden = file.clone().into_os_string();
        golden.push(".facts");
        assert_golden(Path::new(&golden), &describe(&read(file)));
    }
    assert!(!sources.is_empty());
}

/// A golden file without its source would be dead text.
#[test]
fn every_golden_file_has_its_source() {
    let folder = root().join("fixtures/sources");
    for folder in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let is_golden = path.extension().is_some_and(|extension| extension == "facts");
            assert!(!is_golden || path.with_extension("").is_file(), "{}", path.display());
        }
    }
}

#[test]
fn real_exports_are_recognised_and_give_facts() {
    let Some(folder) = std::env::var_os("KCDOCTOR_SAMPLES").map(PathBuf::from) else { return };
    for (path, kind) in SAMPLES {
        let source = read(&folder.join(path));
        assert_eq!(source.kind, *kind, "{path}");
        assert!(!source.parsed.facts.is_empty(), "{path}: {:?}", source.parsed.issues);
    }
}
