//! `fixtures/bundles/` holds what the scenarios generate, byte for byte, and nothing else.
//!
//! `KCDOCTOR_BLESS=1 cargo test` writes the files anew.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kcdoctor::scenario::bundles;

#[test]
fn bundles_are_what_the_scenarios_generate() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bundles");
    let generated = generated();
    super::bundle("");
    let found = read(&root)?;
    let missing: Vec<_> = generated.keys().filter(|path| !found.contains_key(*path)).collect();
    let stray: Vec<_> = found.keys().filter(|path| !generated.contains_key(*path)).collect();
    let differs = |path: &&PathBuf| found.get(*path).is_some_and(|own| generated.get(*path) != Some(own));
    let differing: Vec<_> = generated.keys().filter(differs).collect();
    assert!(
        missing.is_empty() && stray.is_empty() && differing.is_empty(),
        "fixtures/bundles differs from src/scenario; run KCDOCTOR_BLESS=1 cargo test\n\
         missing {missing:#?}\nstray {stray:#?}\ndiffering {differing:#?}"
    );
    Ok(())
}

/// Writes every incident anew.
pub(super) fn write_all() -> io::Result<()> {
    write(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bundles"), &generated())
}

#[test]
fn stories_agree_with_their_truth() {
    for incident in bundles::all() {
        let truth = &incident.truth;
        let name = incident.name;
        let failed_on = |pair: &bundles::Pair| {
            truth.attempts.iter().any(|at| !at.succeeded && (&at.source, &at.target) == (&pair.0, &pair.1))
        };
        assert!(truth.pairs.iter().all(failed_on), "{name}: a pair of the truth never failed");
        assert_eq!(truth.cause == "healthy", truth.pairs.is_empty(), "{name}");
        assert!(!truth.attempts.is_empty(), "{name}: no attempt can be seen");
        // The site invents a machine where the story placed none.
        let invented = truth.attempts.iter().find(|attempt| attempt.vm.starts_with("TEST"));
        assert!(invented.is_none(), "{name}: no machine to move in {invented:?}");
        assert!(truth.last_success.is_none() || truth.last_success < truth.first_failure, "{name}");
        for trigger in &truth.triggers {
            let after = truth.last_success.is_none_or(|last| last < trigger.time);
            assert!(
                after && Some(trigger.time) < truth.first_failure,
                "{name}: {trigger:?} is out of the bracket"
            );
        }
        let size: usize = incident.files.iter().map(|(_, content)| content.len()).sum();
        // A binary log has at least one chunk of 64 KiB; no story needs more than five.
        assert!(size < 400 * 1024, "{name} has {size} bytes");
    }
}

/// Path and content of every file under `fixtures/bundles/`.
fn generated() -> BTreeMap<PathBuf, Vec<u8>> {
    let incidents = bundles::all();
    let mut files = BTreeMap::from([(PathBuf::from("README.md"), bundles::readme(&incidents).into_bytes())]);
    for incident in incidents {
        for (path, content) in incident.files {
            let old = files.insert(Path::new(incident.name).join(path), content);
            assert!(old.is_none(), "{} has two files of one name", incident.name);
        }
    }
    files
}

fn write(root: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) -> io::Result<()> {
    let found = read(root)?;
    for stray in found.keys().filter(|path| !files.contains_key(*path)) {
        fs::remove_file(root.join(stray))?;
    }
    for (path, content) in files {
        let path = root.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, content)?;
    }
    Ok(())
}

/// Path (relative to `root`) and content of every file below it, golden reports aside.
fn read(root: &Path) -> io::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        if !folder.is_dir() {
            continue;
        }
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let own = path.strip_prefix(root).map_err(io::Error::other)?.to_path_buf();
                files.insert(own, fs::read(&path)?);
            }
        }
    }
    Ok(files)
}

#[test]
fn binary_logs_read_back_whole() {
    for incident in bundles::all() {
        for (path, content) in incident.files.iter().filter(|(path, _)| path.ends_with(".evtx")) {
            let settings = evtx::ParserSettings::default().num_threads(1).validate_checksums(true);
            let parser =
                evtx::EvtxParser::from_buffer(content.clone()).expect("a log").with_configuration(settings);
            let mut parser = parser;
            let records: Vec<_> = parser.records().map(|record| record.expect("a sound record")).collect();
            let numbers: Vec<u64> = records.iter().map(|record| record.event_record_id).collect();
            let without_holes = numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]);
            assert!(!numbers.is_empty() && without_holes, "{}/{path}: {numbers:?}", incident.name);
            let is_event = |record: &evtx::SerializedEvtxRecord<String>| record.data.contains("</System>");
            assert!(records.iter().all(is_event), "{}/{path}", incident.name);
        }
    }
}

#[test]
fn exported_events_are_well_formed() {
    for incident in bundles::all() {
        for (path, content) in incident.files.iter().filter(|(path, _)| path.ends_with(".xml")) {
            let (text, _, damaged) = encoding_rs::UTF_8.decode(content);
            assert!(!damaged, "{}/{path}", incident.name);
            let mut reader = quick_xml::Reader::from_str(&text);
            let mut events = 0;
            loop {
                match reader.read_event().expect("well-formed XML") {
                    quick_xml::events::Event::End(end) if end.name().as_ref() == "Event" => events += 1,
                    quick_xml::events::Event::Eof => break,
                    _ => {}
                }
            }
            assert_eq!(events, text.matches("<EventRecordID>").count(), "{}/{path}", incident.name);
            assert!(events > 0, "{}/{path}", incident.name);
        }
    }
}
