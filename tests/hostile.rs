//! Bundles that are wrong, foreign, broken or made to harm: a clear word, and never a false `confirmed`.

use std::fs;
use std::io::Write;
use std::path::Path;

use kcdoctor::report::Report;
use kcdoctor::scenario::bundles::{Incident, all};

use super::report;

fn incident(name: &str) -> Incident {
    all().into_iter().find(|incident| incident.name == name).unwrap()
}

/// Writes an incident's files, each changed by `change`; `None` leaves the file out.
fn written(incident: &Incident, change: impl Fn(&str, Vec<u8>) -> Option<Vec<u8>>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in &incident.files {
        if let Some(content) = change(name, content.clone()) {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }
    folder
}

fn level(report: &Report) -> String {
    serde_json::to_value(report.verdict.level).unwrap().as_str().unwrap().to_owned()
}

fn has_gap(report: &Report, id: &str) -> bool {
    report.gaps.iter().any(|gap| gap.id == id)
}

/// Replaces text in a file of ASCII.
fn replaced(content: &[u8], from: &str, to: &str) -> Vec<u8> {
    String::from_utf8_lossy(content).replace(from, to).into_bytes()
}

#[test]
fn an_export_of_another_domain_proves_nothing() {
    let incident = incident("classic-two-nodes");
    let folder = written(&incident, |name, content| {
        let foreign = |content: Vec<u8>| {
            replaced(&replaced(&content, "contoso.com", "fabrikam.com"), "DC=contoso", "DC=fabrikam")
        };
        Some(if name.ends_with(".ldif") { foreign(content) } else { content })
    });
    let report = report(folder.path());
    assert_ne!(level(&report), "confirmed", "{}", report.verdict.summary);
    let gap = report.gaps.iter().find(|gap| gap.id == "directory-export").expect("a gap");
    assert!(gap.why.contains("fabrikam.com"), "{}", gap.why);
}

#[test]
fn logs_without_a_migration_say_so() {
    let incident = incident("classic-two-nodes");
    let folder = written(&incident, |name, content| (!name.contains("Hyper-V")).then_some(content));
    let report = report(folder.path());
    assert_eq!((report.verdict.cause.name(), level(&report).as_str()), ("undetermined", "inconclusive"));
    assert!(report.verdict.summary.contains("No live migration"), "{}", report.verdict.summary);
    assert!(report.gaps.iter().any(|gap| gap.id.starts_with("hyperv-log")));
}

#[test]
fn two_clusters_in_one_bundle_are_not_crossed() {
    let folder = tempfile::tempdir().unwrap();
    for (sub, name, rename) in
        [("a", "four-nodes-one-short", None), ("b", "network-lookalike", Some(("HV0", "NODE")))]
    {
        for (file, content) in &incident(name).files {
            let path = folder.path().join(sub).join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let content = match rename {
                Some((from, to)) if !file.ends_with(".evtx") => {
                    replaced(&replaced(content, from, to), &from.to_lowercase(), &to.to_lowercase())
                }
                Some(_) => continue,
                None => content.clone(),
            };
            fs::write(path, content).unwrap();
        }
    }
    let report = report(folder.path());
    let crossing =
        report.pairs.iter().filter(|pair| pair.source.starts_with("HV") != pair.target.starts_with("HV"));
    assert_eq!(crossing.count(), 0);
    assert!(report.pairs.iter().any(|pair| pair.source.starts_with("NODE")), "the second cluster is seen");
}

/// Without an independent sign of it, a clock that is an hour off may hide which records belong together, but
/// must not produce a verdict that is wrong.
#[test]
fn clocks_an_hour_apart_confirm_nothing_wrong() {
    let incident = incident("clock-skew");
    let folder = written(&incident, |name, content| {
        (!name.contains("System") && !name.contains("DC01")).then_some(content)
    });
    let report = report(folder.path());
    assert!(
        report.verdict.cause.name() == "clock-skew" || level(&report) != "confirmed",
        "{}",
        report.verdict.summary
    );
}

#[test]
fn a_zip_that_would_leave_its_folder_is_read_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evil.zip");
    let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let log = incident("bare-21502").files.into_iter().find(|(name, _)| name.ends_with(".evtx")).unwrap().1;
    zip.start_file("../../outside.evtx", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(&log).unwrap();
    zip.finish().unwrap();
    let report = report(&path);
    let source = &report.bundle.sources[0];
    assert_eq!((source.path.as_str(), source.kind), ("evil.zip!/outside.evtx", "evtx"));
    assert!(source.issues.iter().any(|issue| issue.code == "member-name-unsafe"));
    assert!(!folder.path().parent().unwrap().join("outside.evtx").exists());
}

#[test]
fn damage_costs_itself_and_nothing_else() {
    let incident = incident("classic-two-nodes");
    let folder = written(&incident, |name, content| {
        let damaged = name.ends_with(".evtx") && name.starts_with("HV02");
        Some(if damaged { content[..5000].to_vec() } else { content })
    });
    fs::write(folder.path().join("broken.zip"), b"PK\x03\x04 and then nothing").unwrap();
    fs::write(folder.path().join("random.bin"), (0..=255u8).cycle().take(100_000).collect::<Vec<_>>())
        .unwrap();
    let report = report(folder.path());
    assert_eq!(report.verdict.cause.name(), "kcd-missing");
    let issues: Vec<_> =
        report.bundle.sources.iter().flat_map(|source| &source.issues).map(|issue| issue.code).collect();
    assert!(issues.contains(&"archive-damaged"), "{issues:?}");
}

/// Cut anywhere and with bytes turned, every bundle is still analyzed to the end.
#[test]
fn mutations_neither_panic_nor_confirm_another_cause() {
    let mut dice = kcdoctor::scenario::Dice::new(7);
    for incident in all() {
        for round in 0..4u64 {
            let folder = tempfile::tempdir().unwrap();
            for (name, content) in &incident.files {
                let mut content = content.clone();
                for _ in 0..3 {
                    let at = usize::try_from(dice.below(content.len() as u64)).unwrap();
                    content[at] = content[at].wrapping_add(1);
                }
                if round % 2 == 1 {
                    content.truncate(usize::try_from(dice.below(content.len() as u64)).unwrap());
                }
                let path = folder.path().join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
            let report = report_or_nothing(folder.path());
            let Some(report) = report else { continue };
            assert_true_or_unconfirmed(&report, &incident, &format!("round {round}"));
        }
    }
}

/// Whatever else a report says, it confirms only what `incident` was made of.
fn assert_true_or_unconfirmed(report: &Report, incident: &Incident, what: &str) {
    let also = incident.truth.also.iter().map(|also| also.0);
    let is_true = also.chain([incident.truth.cause]).any(|cause| cause == report.verdict.cause.name());
    assert!(is_true || level(report) != "confirmed", "{} {what}: {}", incident.name, report.verdict.summary);
}

fn report_or_nothing(path: &Path) -> Option<Report> {
    use kcdoctor::bundle::{Bundle, Limits};
    use kcdoctor::command::analyze::{Options, analyze};
    let bundle = Bundle::open(&[path.to_path_buf()], &Limits::default()).unwrap();
    analyze(&bundle, &kcdoctor::knowledge::Knowledge::load().unwrap(), &Options::default(), &|| ()).ok()
}

/// "Not exported" is unknown: taking any one source away must never confirm another cause.
#[test]
fn leaving_out_any_file_never_confirms_a_wrong_cause() {
    for incident in all() {
        for (left_out, _) in &incident.files {
            let folder = written(&incident, |name, content| (name != left_out).then_some(content));
            let Some(report) = report_or_nothing(folder.path()) else { continue };
            assert_true_or_unconfirmed(&report, &incident, &format!("without {left_out}"));
        }
    }
}

#[test]
fn without_the_hosts_settings_and_the_controllers_log_delegation_is_not_confirmed() {
    let incident = incident("classic-two-nodes");
    let folder = written(&incident, |name, content| {
        (!name.contains("Get-VMHost") && !name.starts_with("DC01")).then_some(content)
    });
    let report = report(folder.path());
    assert_eq!((report.verdict.cause.name(), level(&report).as_str()), ("kcd-missing", "probable"));
    assert!(has_gap(&report, "host-export"));
}

fn issues(report: &Report) -> Vec<&str> {
    report.bundle.sources.iter().flat_map(|source| &source.issues).map(|issue| issue.code).collect()
}

/// Analyzes what stands at `path` beside one good file, under `limits`.
fn limited(path: &Path, limits: &kcdoctor::bundle::Limits) -> Report {
    use kcdoctor::command::analyze::{Options, analyze};
    let bundle = kcdoctor::bundle::Bundle::open(&[path.to_path_buf()], limits).unwrap();
    analyze(&bundle, &kcdoctor::knowledge::Knowledge::load().unwrap(), &Options::default(), &|| ()).unwrap()
}

/// A folder with one good file.
fn good() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let ldif = fs::read(super::bundle("classic-two-nodes").join("ad/computers.ldif")).unwrap();
    fs::write(folder.path().join("computers.ldif"), ldif).unwrap();
    folder
}

#[test]
fn limits_hold_and_are_said() {
    use kcdoctor::bundle::Limits;
    let folder = good();
    fs::write(folder.path().join("z.bin"), vec![b'x'; 300_000]).unwrap();
    let size = Limits { max_source_bytes: 200_000, ..Limits::default() };
    assert_eq!(issues(&limited(folder.path(), &size)), ["member-too-large"]);
    let entries = Limits { max_entries: 1, ..Limits::default() };
    let report = limited(folder.path(), &entries);
    assert_eq!((issues(&report), report.bundle.sources.len()), (vec!["too-many-files"], 2));
}

#[test]
fn a_member_that_expands_beyond_measure_is_cut() {
    let folder = good();
    let mut zip = zip::ZipWriter::new(fs::File::create(folder.path().join("bomb.zip")).unwrap());
    zip.start_file("zeros", zip::write::SimpleFileOptions::default()).unwrap();
    let block = vec![0; 1 << 20];
    (0..70).for_each(|_| zip.write_all(&block).unwrap());
    zip.finish().unwrap();
    let limits = kcdoctor::bundle::Limits { max_ratio: 200, ..kcdoctor::bundle::Limits::default() };
    assert_eq!(issues(&limited(folder.path(), &limits)), ["member-too-large"]);
}

#[test]
#[cfg(unix)]
fn a_link_is_not_followed() {
    let folder = good();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).unwrap();
    assert_eq!(issues(&report(folder.path())), ["link-not-followed"]);
}

/// Two files of one log are one log: the same record never counts twice.
#[test]
fn a_record_that_is_sent_twice_counts_once() {
    let incident = incident("memory-short");
    let folder = written(&incident, |_, content| Some(content));
    let once = report(folder.path()).attempts.len();
    for (name, content) in &incident.files {
        let path = folder.path().join("again").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    assert_eq!(report(folder.path()).attempts.len(), once);
}
