//! Data flows one way: a module uses only modules that stand before it.

use std::fs;
use std::path::{Path, PathBuf};

use super::root;

/// The flow. `scenario` writes what the others read, so it knows facts only.
const ORDER: &[&str] = &[
    "error",
    "fact",
    "scenario",
    "knowledge",
    "bundle",
    "parse",
    "evidence",
    "incident",
    "diagnose",
    "plan",
    "report",
    "render",
    "command",
    "cli",
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(sources(&path)) } else { found.push(path) }
    }
    found
}

/// The room that a file belongs to.
fn room(path: &Path) -> String {
    let first = path.strip_prefix(root().join("src")).unwrap().components().next().unwrap();
    Path::new(first.as_os_str()).with_extension("").to_str().unwrap().to_owned()
}

#[test]
fn a_module_uses_only_what_stands_before_it() {
    let place = |room: &str| ORDER.iter().position(|own| *own == room);
    for path in sources(&root().join("src")) {
        let own = room(&path);
        if own == "lib" || own == "main" {
            continue;
        }
        let own_place = place(&own).unwrap_or_else(|| panic!("{own} has no place in the flow"));
        let text = fs::read_to_string(&path).unwrap();
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
            for used in line.split("crate::").skip(1) {
                let name: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let Some(used_place) = place(&name) else { continue };
                let forward = used_place <= own_place || is_test_helper(&text, &name);
                assert!(forward, "{}: {own} uses {name}, which stands behind it in the flow", path.display());
            }
        }
    }
}

/// Unit tests may write logs with the scenario's writer wherever they stand.
fn is_test_helper(text: &str, name: &str) -> bool {
    name == "scenario" && text.contains("#[cfg(test)]")
}

#[test]
fn every_room_stands_in_the_flow_once_and_in_order() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let declared: Vec<_> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod "))
        .map(|rest| rest.trim_end_matches(';'))
        .collect();
    assert_eq!(declared, ORDER);
}

/// Files stay short enough to be read in one sitting.
#[test]
fn no_file_is_long() {
    for path in sources(&root().join("src")) {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 900, "{} has {lines} lines", path.display());
    }
}
