//! Every integration test, in one binary so that it links once.

// A test that can't go on fails; helpers outside of #[test] functions may say so too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod archives;
mod audit;
mod authentication;
mod bundles;
mod cli;
mod collect;
mod components;
mod contrary;
mod corpus;
mod doubt;
mod drift;
mod elapsed;
mod events;
mod explain;
mod fixtures;
mod forms;
mod hardening;
mod hostile;
mod incidents;
mod inventory;
mod knowledge;
mod layering;
mod listener;
mod merge;
mod onset;
mod plan_files;
mod records;
mod rules;
mod rules_product;
mod simulation;
mod sources;
mod statements;
mod triage;
mod validate;

use std::path::{Path, PathBuf};

use kcdoctor::bundle::{Bundle, Limits};
use kcdoctor::command::analyze::{Options, analyze};
use kcdoctor::knowledge::Knowledge;
use kcdoctor::report::Report;

/// The project's folder.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of a bundled incident; written anew before its first use where that is asked for.
fn bundle(name: &str) -> PathBuf {
    static WRITTEN: std::sync::Once = std::sync::Once::new();
    if blessing() {
        WRITTEN.call_once(|| fixtures::write_all().unwrap());
    }
    root().join("fixtures/bundles").join(name)
}

/// Analyzes what stands at `path`.
fn report(path: &Path) -> Report {
    report_with(path, &Options::default())
}

fn report_with(path: &Path, options: &Options) -> Report {
    let bundle = Bundle::open(&[path.to_path_buf()], &Limits::default()).unwrap();
    analyze(&bundle, &Knowledge::load().unwrap(), options, &|| ()).unwrap()
}

/// Paths name the archive; all else must be equal.
fn without_paths(mut value: serde_json::Value) -> serde_json::Value {
    match &mut value {
        serde_json::Value::Object(map) => {
            map.remove("evidence");
            map.values_mut().for_each(|child| *child = without_paths(child.take()));
        }
        serde_json::Value::Array(list) => {
            list.iter_mut().for_each(|child| *child = without_paths(child.take()))
        }
        _ => {}
    }
    value
}

/// JSON without the revision of the knowledge, which every new fact changes.
fn without_revision(json: &str) -> String {
    let at = |line: &str| line.trim_start().starts_with("\"revision\": ");
    let masked = |line: &str| match line.split_once(": ") {
        Some((name, _)) if at(line) => format!("{name}: \"-\",\n"),
        _ => format!("{line}\n"),
    };
    json.lines().map(masked).collect()
}

/// Whether golden files are written anew instead of compared.
fn blessing() -> bool {
    std::env::var_os("KCDOCTOR_BLESS").is_some()
}

/// Compares `text` with the golden file, or writes it.
fn assert_golden(file: &Path, text: &str) {
    if blessing() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
        return;
    }
    let golden = std::fs::read_to_string(file).unwrap_or_default().replace("\r\n", "\n");
    if golden == text {
        return;
    }
    let differs = golden.lines().zip(text.lines()).position(|(old, new)| old != new);
    let at = differs.unwrap_or_else(|| golden.lines().count().min(text.lines().count()));
    let line = |text: &str| text.lines().nth(at).unwrap_or("<end>").to_owned();
    panic!(
        "{}: line {}:\n  golden: {}\n  now:    {}\nif that is right, write it with KCDOCTOR_BLESS=1 cargo test",
        file.display(),
        at + 1,
        line(&golden),
        line(text)
    );
}
