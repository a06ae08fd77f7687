//! One incident, written in other forms: whatever the customer used to export it, the verdict is the same.

use std::fs;

use kcdoctor::report::Report;
use kcdoctor::scenario::bundles::{Incident, all};
use kcdoctor::scenario::exports::culture::{Culture, Exporter};
use kcdoctor::scenario::exports::encoding::Encoding;
use kcdoctor::scenario::forms::{Directory, Events, Forms, Syntax, Updates};
use serde_json::{Value, json};

use super::archives::{gzip_of, seven_of, tar_of, zip_of};
use super::{bundle, report};

/// How the files are sent.
#[derive(Debug, Clone, Copy)]
enum Container {
    Folder,
    Zip,
    TarGz,
    Seven,
    ZipInZip,
}

/// Cultures, and the hours that clocks there are ahead of UTC.
const AMERICAN: Exporter = session(Culture::American, -7);
const GERMAN: Exporter = session(Culture::German, 2);
const BRITISH: Exporter = session(Culture::British, 1);
const COLOMBIAN: Exporter = session(Culture::Colombian, -5);
const JAPANESE: Exporter = session(Culture::Japanese, 9);

const fn session(culture: Culture, ahead: i8) -> Exporter {
    Exporter { culture, ahead, width: 4096, limit: None }
}

const fn narrow(exporter: Exporter, width: usize) -> Exporter {
    Exporter { width, ..exporter }
}

/// Every form, encoding, culture and container at least once, and no two alike.
#[rustfmt::skip]
const COMBINATIONS: &[(Directory, Syntax, Updates, Events, Encoding, Exporter, Container)] = &[
    (Directory::Ldapsearch, Syntax::List, Updates::Csv, Events::Evtx, Encoding::Utf8, AMERICAN, Container::Zip),
    (Directory::Ldifde, Syntax::Csv, Updates::WmicCsv, Events::Wevtutil, Encoding::Ansi, AMERICAN, Container::Folder),
    (Directory::Csvde, Syntax::Json5, Updates::WmicList, Events::ViewerXml, Encoding::Utf8Mark, BRITISH, Container::Folder),
    (Directory::Joined, Syntax::Json7, Updates::Table, Events::EvtxEcmd, Encoding::Utf8Mark, GERMAN, Container::ZipInZip),
    (Directory::Object(Syntax::Json5), Syntax::Json5, Updates::Object(Syntax::Json5), Events::Object(Syntax::Json5), Encoding::Utf16, AMERICAN, Container::Folder),
    (Directory::Object(Syntax::Json7), Syntax::Json7, Updates::Object(Syntax::Json7), Events::Object(Syntax::Json7), Encoding::Utf8, GERMAN, Container::TarGz),
    (Directory::Object(Syntax::Clixml), Syntax::Clixml, Updates::Object(Syntax::Clixml), Events::Object(Syntax::Clixml), Encoding::Utf16, COLOMBIAN, Container::Seven),
    (Directory::Object(Syntax::List), Syntax::List, Updates::Object(Syntax::List), Events::Evtx, Encoding::Utf16Bare, narrow(COLOMBIAN, 120), Container::Folder),
    (Directory::Object(Syntax::List), Syntax::List, Updates::Table, Events::Wevtutil, Encoding::Utf16Big, narrow(JAPANESE, 80), Container::Zip),
    (Directory::Joined, Syntax::Csv, Updates::HistoryCsv, Events::EvtxEcmd, Encoding::Utf16BigBare, JAPANESE, Container::Folder),
    (Directory::Joined, Syntax::List, Updates::HistoryTable, Events::ViewerXml, Encoding::Oem, BRITISH, Container::TarGz),
    (Directory::Csvde, Syntax::Clixml, Updates::Table, Events::Object(Syntax::Clixml), Encoding::Utf16Bare, BRITISH, Container::Folder),
    (Directory::Joined, Syntax::Clixml, Updates::WmicCsv, Events::Object(Syntax::Json7), Encoding::Utf16, COLOMBIAN, Container::Folder),
    (Directory::Ldapsearch, Syntax::Json5, Updates::WmicList, Events::Wevtutil, Encoding::Utf16Big, GERMAN, Container::Folder),
];

fn incident(name: &str) -> Incident {
    all().into_iter().find(|incident| incident.name == name).unwrap()
}

/// Writes the files as a folder or packs them, and analyzes that.
fn sent(files: &[(String, Vec<u8>)], container: Container) -> Report {
    let folder = tempfile::tempdir().unwrap();
    match container {
        Container::Folder => {
            for (name, content) in files {
                let path = folder.path().join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
            report(folder.path())
        }
        Container::Zip => packed(&zip_of(&files.to_vec())),
        Container::TarGz => packed(&gzip_of(&tar_of(&files.to_vec()))),
        Container::Seven => packed(&seven_of(&files.to_vec(), None)),
        Container::ZipInZip => packed(&zip_of(&vec![("TSS/inner.zip".to_owned(), zip_of(&files.to_vec()))])),
    }
}

/// An archive under a name that tells nothing.
fn packed(content: &[u8]) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sent.bin");
    fs::write(&path, content).unwrap();
    report(&path)
}

/// What must not depend on the forms: who, what, how often, why, and what to do.
fn essence(report: &Report) -> Value {
    let verdict = &report.verdict;
    let pair = |pair: &kcdoctor::report::PairReport| {
        json!([pair.source, pair.target, pair.failed, pair.succeeded, pair.delegation, pair.missing_spns])
    };
    let steps = serde_json::to_value(&report.plan.steps).unwrap();
    let steps: Vec<Value> = steps.as_array().unwrap().iter().cloned().map(without_addresses).collect();
    let update = |change: &&kcdoctor::report::ChangeReport| change.id.starts_with("KB");
    let updates = report.changes.iter().filter(update);
    json!({
        "cause": verdict.cause.name(),
        "level": verdict.level,
        "pairs": verdict.pairs,
        "counts": report.pairs.iter().map(pair).collect::<Vec<_>>(),
        "trigger": verdict.trigger,
        "updates": updates.map(|change| json!([change.id, change.host])).collect::<Vec<_>>(),
        "steps": steps,
        "proof": [report.plan.proof.after.len(), report.plan.proof.remaining.len()],
    })
}

/// A step without the ids of the findings that it rests on.
fn without_addresses(mut step: Value) -> Value {
    step.as_object_mut().unwrap().remove("why");
    step
}

fn assert_same(name: &str) {
    let incident = incident(name);
    let original = essence(&report(&bundle(name)));
    let mut differences = String::new();
    for &(directory, hosts, updates, events, encoding, exporter, container) in COMBINATIONS {
        let forms = Forms { directory, hosts, updates, events, encoding, exporter };
        let report = sent(&incident.told.written(forms), container);
        for source in report.bundle.sources.iter().filter(|source| source.kind == "unknown") {
            differences.push_str(&format!("{forms:?}\n  {} is not recognised\n", source.path));
        }
        for (key, value) in essence(&report).as_object().unwrap() {
            if *value != original[key] {
                let was = &original[key];
                differences.push_str(&format!("{forms:?}\n  {key} was {was}\n  {key} is  {value}\n"));
            }
        }
    }
    assert!(differences.is_empty(), "{name}:\n{differences}");
}

#[test]
fn the_classic_case_reads_alike_in_every_form() {
    assert_same("classic-two-nodes");
}

#[test]
fn the_lookalike_reads_alike_in_every_form() {
    assert_same("network-lookalike");
}

/// Tables with the message alone: times without a zone, no computer but the folder's, no names of values. So no change
/// can be set against the onset, and none is called the trigger; all else is in the messages and the other exports.
const MESSAGES_ONLY: &[(Events, Exporter, Encoding)] = &[
    (Events::Tss, GERMAN, Encoding::Utf8Mark),
    (Events::Tss, AMERICAN, Encoding::Utf16),
    (Events::ViewerCsv, BRITISH, Encoding::Ansi),
    (Events::ViewerCsv, JAPANESE, Encoding::Utf8Mark),
];

#[test]
fn messages_alone_say_less_and_nothing_wrong() {
    for name in ["classic-two-nodes", "network-lookalike"] {
        let incident = incident(name);
        let original = report(&bundle(name));
        for &(events, exporter, encoding) in MESSAGES_ONLY {
            let forms = Forms {
                directory: Directory::Ldapsearch,
                hosts: Syntax::List,
                updates: Updates::Csv,
                events,
                encoding,
                exporter,
            };
            let report = sent(&incident.told.written(forms), Container::Folder);
            let (mut now, mut was) = (essence(&report), essence(&original));
            was["trigger"] = Value::Null;
            // The cluster's own complaint of its network has no known time either, so it proves nothing beside the
            // failures, and the plan asks for the log first.
            if name == "network-lookalike" {
                was["level"] = json!("probable");
            }
            for steps in [&mut now["steps"], &mut was["steps"]] {
                let steps = steps.as_array_mut().unwrap();
                steps.retain(|step| step["kind"] != "collect");
                steps.iter_mut().for_each(|step| step["n"] = Value::Null);
            }
            // Installation days are set against no local time, so updates may or may not bracket the onset.
            was["updates"] = now["updates"].clone();
            assert_eq!(now, was, "{name}: {forms:?}");
            // Nor do they have an order among others.
            assert!(report.onset.estimate.is_none(), "{name}: {forms:?}");
            assert!(
                report.bundle.sources.iter().any(|source| has_issue(source, "event-time-local")),
                "{name}"
            );
        }
    }
}

fn has_issue(source: &kcdoctor::report::SourceReport, code: &str) -> bool {
    source.issues.iter().any(|issue| issue.code == code)
}

/// A console that shows four values of a list proves nothing about the fifth.
#[test]
fn lists_that_the_console_cut_are_unknown() {
    let incident = incident("four-nodes-one-short");
    let forms = |limit| Forms {
        directory: Directory::Object(Syntax::List),
        hosts: Syntax::List,
        updates: Updates::Table,
        events: Events::Evtx,
        encoding: Encoding::Utf16,
        exporter: Exporter { limit, ..AMERICAN },
    };
    let whole = sent(&incident.told.written(forms(None)), Container::Folder);
    assert_eq!(essence(&whole)["cause"], "kcd-incomplete");
    assert_eq!(essence(&whole)["level"], "confirmed");
    let cut = sent(&incident.told.written(forms(Some(4))), Container::Folder);
    assert_ne!(essence(&cut)["level"], "confirmed", "{}", cut.verdict.summary);
    assert!(cut.bundle.sources.iter().any(|source| has_issue(source, "csv-values-truncated")));
    let adds =
        |step: &&kcdoctor::report::StepReport| step.kind == "add-delegation" && step.blocked_by.is_empty();
    assert_eq!(cut.plan.steps.iter().filter(adds).count(), 0);
}
