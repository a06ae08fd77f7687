//! Real logs, where `KCDOCTOR_CORPUS` names a folder of them: nothing panics, and every intact record is counted.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::report;

/// Logs whose intact records differ from what evtx_dump counts, with the reason.
const DIFFERENT: &[(&str, u64)] = &[
    // 704 bytes short: evtx_dump drops the last chunk whole.
    ("0521_System2.evtx", 283),
    // Records that a page boundary tore and zeroes filled; evtx_dump prints them as event 0 of the year 1601.
    ("0538_Microsoft-Windows-HelloForBusiness_4Operational.evtx", 5),
    ("0539_Microsoft-Windows-LanguagePackSetup_4Operational.evtx", 16),
    ("0547_sample_with_a_bad_chunk_magic.evtx", 298),
];

/// What is noticed about all of them: code, files, records lost.
const DAMAGE: &[(&str, usize, u64)] = &[
    ("chunk-checksum", 7, 0),
    ("chunk-damaged", 2, 0),
    ("log-dirty", 17, 0),
    ("log-truncated", 1, 1),
    ("record-damaged", 6, 88),
    ("record-undecodable", 1, 82),
];

fn corpus() -> Option<PathBuf> {
    std::env::var_os("KCDOCTOR_CORPUS").map(PathBuf::from)
}

/// Records of each log by its file name, from the corpus's manifest.
fn manifest(folder: &Path) -> BTreeMap<String, u64> {
    let text = fs::read_to_string(folder.join("MANIFEST.tsv")).unwrap();
    let row = |line: &str| {
        let mut cells = line.split('\t');
        let name = cells.next()?.rsplit('/').next()?.to_owned();
        Some((name, cells.nth(1)?.parse().ok()?))
    };
    text.lines().skip(1).filter_map(row).collect()
}

#[test]
fn real_logs_give_every_intact_record_and_no_verdict() {
    let Some(folder) = corpus() else { return };
    let report = report(&folder);
    let counts = manifest(&folder);
    let logs: Vec<_> = report.bundle.sources.iter().filter(|source| source.kind == "evtx").collect();
    assert_eq!(logs.len(), counts.len());
    for source in logs {
        let name = source.path.rsplit('/').next().unwrap();
        let pinned = DIFFERENT.iter().find(|(own, _)| *own == name).map(|(_, count)| *count);
        let expected = pinned.unwrap_or_else(|| counts[name]);
        assert_eq!(source.records, expected, "{}", source.path);
    }
    assert_eq!(report.verdict.cause.name(), "undetermined");
    assert_eq!(serde_json::to_value(report.verdict.level).unwrap(), "inconclusive");
    let mut issues: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    for issue in report.bundle.sources.iter().flat_map(|source| &source.issues) {
        let (count, lost) = issues.entry(issue.code).or_default();
        *count += 1;
        *lost += issue.lost.unwrap_or_default();
    }
    let pinned: Vec<_> = issues.into_iter().map(|(code, (count, lost))| (code, count, lost)).collect();
    assert_eq!(pinned, DAMAGE);
}
