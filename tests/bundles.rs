//! The bundled incidents: truth, golden reports, schema, determinism.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;

use kcdoctor::command::analyze::Options;
use kcdoctor::render::{Format, Style, render, to_json};
use kcdoctor::report::{Report, schema};
use kcdoctor::scenario::bundles::{Truth, all};

use super::{assert_golden, bundle, report, report_with, root, without_paths};

fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

fn golden(name: &str, form: &str) -> std::path::PathBuf {
    root().join("fixtures/reports").join(format!("{name}.{form}"))
}

#[test]
fn every_incident_is_judged_as_it_was_made() {
    for incident in all() {
        let report = report(&bundle(incident.name));
        assert_truth(incident.name, &report, &incident.truth);
    }
}

fn assert_truth(name: &str, report: &Report, truth: &Truth) {
    let verdict = &report.verdict;
    let level = word(&verdict.level);
    assert_eq!(verdict.cause.name(), truth.cause, "{name}: {}", verdict.summary);
    assert!(truth.levels.contains(&level.as_str()), "{name}: {level} is none of {:?}", truth.levels);
    let pairs: BTreeSet<_> = verdict.pairs.iter().cloned().collect();
    assert_eq!(pairs, truth.pairs.iter().cloned().collect(), "{name}");
    let also: Vec<_> = report.also.iter().map(|other| (other.cause.name(), other.pairs.clone())).collect();
    assert_eq!(also, truth.also, "{name}");
    for gap in &truth.gaps {
        assert!(report.gaps.iter().any(|own| own.id == *gap), "{name}: no gap {gap}");
    }
    let trigger =
        verdict.trigger.as_ref().map(|id| report.changes.iter().find(|change| change.id == *id).unwrap());
    let named = trigger.map(|change| (word(&change.kind), change.host.clone().unwrap_or_default()));
    let known: Vec<_> =
        truth.triggers.iter().map(|trigger| (trigger.kind.to_owned(), trigger.host.clone())).collect();
    match named {
        Some(named) => assert!(known.contains(&named), "{name}: {named:?} set nothing off, {known:?} did"),
        None => assert!(known.is_empty(), "{name}: the trigger was not named: {known:?}"),
    }
    let sum: f64 = report.hypotheses.iter().map(|hypothesis| (hypothesis.confidence * 100.0).round()).sum();
    assert_eq!(sum, 100.0, "{name}");
}

/// One attempt is one, however many records on however many hosts it left.
#[test]
fn attempts_and_onset_are_those_that_happened() {
    for incident in all() {
        let (name, truth) = (incident.name, &incident.truth);
        let report = report(&bundle(name));
        let count = |source: &str, target: &str, succeeded: bool| {
            let same = |own: &&kcdoctor::scenario::site::Attempt| {
                (own.source.as_str(), own.target.as_str(), own.succeeded) == (source, target, succeeded)
            };
            truth.attempts.iter().filter(same).count()
        };
        for pair in &report.pairs {
            let seen = (pair.failed, pair.succeeded);
            let real = (count(&pair.source, &pair.target, false), count(&pair.source, &pair.target, true));
            assert_eq!(seen, real, "{name}: {} to {} (failed, succeeded)", pair.source, pair.target);
        }
        assert_eq!(report.attempts.len(), truth.attempts.len(), "{name}");
        let same = |seen: &Option<String>, real: Option<jiff::Timestamp>| {
            let seen: Option<jiff::Timestamp> = seen.as_ref().map(|time| time.parse().unwrap());
            match (seen, real) {
                (Some(seen), Some(real)) => {
                    seen.duration_since(real).abs() <= jiff::SignedDuration::from_secs(30)
                }
                (seen, real) => seen.is_none() && real.is_none(),
            }
        };
        assert!(
            same(&report.onset.first_failure, truth.first_failure),
            "{name}: {:?} {:?}",
            report.onset,
            truth.first_failure
        );
        assert!(
            same(&report.onset.last_success, truth.last_success),
            "{name}: {:?} {:?}",
            report.onset,
            truth.last_success
        );
    }
}

#[test]
fn reports_equal_the_golden_ones() {
    for incident in all() {
        let mut report = report(&bundle(incident.name));
        // It names the whole knowledge, so every new error code would rewrite every report.
        report.tool.knowledge.revision = "-".into();
        for (form, format) in [("json", Format::Json), ("txt", Format::Table), ("summary", Format::Summary)] {
            assert_golden(&golden(incident.name, form), &render(&report, format, Style::default()));
        }
    }
}

#[test]
fn reports_keep_to_the_published_schema() {
    assert_golden(&root().join("docs/report.schema.json"), &to_json(&schema()));
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for incident in all() {
        let report = serde_json::to_value(report(&bundle(incident.name))).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(&report)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", incident.name);
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    for incident in all() {
        let of = |threads| {
            to_json(&report_with(&bundle(incident.name), &Options { threads, ..Options::default() }))
        };
        assert_eq!(of(1), of(8), "{}", incident.name);
    }
}

/// The same files in a zip, in reverse order and with `\` between folders, give the same analysis.
#[test]
fn a_folder_and_its_zip_are_equal() {
    let folder = tempfile::tempdir().unwrap();
    for incident in all() {
        let path = folder.path().join(format!("{}.zip", incident.name));
        let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
        for (name, content) in incident.files.iter().rev() {
            zip.start_file(name.replace('/', "\\"), zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap();
        let (zipped, plain) = (report(&path), report(&bundle(incident.name)));
        assert_eq!(zipped.bundle.hash, plain.bundle.hash, "{}", incident.name);
        let essence = |report: &Report| {
            let report = serde_json::to_value(report).unwrap();
            ["attempts", "pairs", "verdict", "also", "onset", "changes", "hypotheses", "gaps", "plan"]
                .map(|key| report[key].clone())
                .map(without_paths)
        };
        assert_eq!(essence(&zipped), essence(&plain), "{}", incident.name);
    }
}

/// The plan of the classic case: exactly the missing SPNs, both forms, both directions; with them, no rule
/// speaks any more.
#[test]
fn the_classic_plan_is_minimal_and_proven() {
    let report = report(&bundle("classic-two-nodes"));
    let added: Vec<_> = report
        .plan
        .steps
        .iter()
        .filter(|step| step.kind == "add-delegation")
        .map(|step| (step.host.clone().unwrap(), step.add_spns.clone()))
        .collect();
    let spns = |target: &str| {
        ["", ".contoso.com"]
            .map(|domain| format!("Microsoft Virtual System Migration Service/{target}{domain}"))
            .to_vec()
    };
    assert_eq!(added, [("HV01".to_owned(), spns("HV02")), ("HV02".to_owned(), spns("HV01"))]);
    assert_eq!(report.plan.proof.before.len(), 1);
    assert!(report.plan.proof.after.is_empty() && report.plan.proof.remaining.is_empty());
    for step in &report.plan.steps {
        let texts = [&step.rights, &step.precheck, &step.command, &step.verify, &step.rollback];
        assert!(
            texts.iter().all(|text| !text.is_empty()) && !step.aduc.is_empty() && !step.why.is_empty(),
            "{step:?}"
        );
    }
}

#[test]
fn nothing_that_is_only_possible_may_be_applied() {
    for name in ["bare-21502", "no-directory-export", "flattened-export"] {
        let report = report(&bundle(name));
        let free: Vec<_> = report
            .plan
            .steps
            .iter()
            .filter(|step| step.kind != "collect" && step.blocked_by.is_empty())
            .collect();
        assert!(free.is_empty(), "{name}: {free:?}");
    }
}
