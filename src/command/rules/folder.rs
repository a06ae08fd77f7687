//! A folder of rules: `<id>.md` each, and their cases as `<id>/hit.toml`, `clear.toml` and `blind.toml`.
//!
//! A `README.md` and names that begin with a dot are nobody's business; everything else has to be what it should.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::knowledge::cases::{CaseFile, Expected};
use crate::knowledge::fault::{Draft, Fault};

/// Bytes of a file at most: a rule is a page of text.
const MAX_FILE: u64 = 64 << 10;
/// Rules at most.
const MAX_RULES: usize = 1000;

/// The files of a folder, by name.
#[derive(Default)]
pub(super) struct Folder {
    pub(super) rules: Vec<Draft>,
    pub(super) cases: Vec<CaseFile>,
    /// What stands there and is neither.
    pub(super) faults: Vec<Fault>,
    /// Rules whose files can't be read, by id: their faults are told, and their cases are no strays.
    pub(super) unread: Vec<String>,
}

/// The id after which a rule's file is named.
pub(super) fn id(draft: &Draft) -> Option<&str> {
    draft.file.rsplit('/').next()?.strip_suffix(".md")
}

impl Folder {
    /// Reads what stands at `path`.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        if path.is_file() {
            let advice = "name the folder that holds it";
            return Err(Error::Usage(format!("{} is a file; {advice}", path.display())));
        }
        if !path.is_dir() {
            return Err(Error::NoInput { path: path.to_path_buf() });
        }
        let shown = path.to_string_lossy().replace('\\', "/");
        let shown = shown.trim_end_matches('/').to_owned();
        let mut folder = Self::default();
        for (name, entry) in entries(path)? {
            let file = format!("{shown}/{name}");
            if entry.is_dir() {
                folder.read_cases(&name, &file, &entry)?;
            } else if let Some(id) = name.strip_suffix(".md").filter(|_| folder.rules.len() < MAX_RULES) {
                match read(&entry, file, &mut folder.faults)? {
                    Some(draft) => folder.rules.push(draft),
                    None => folder.unread.push(id.to_owned()),
                }
            } else if name.ends_with(".md") {
                folder.stray(
                    &file,
                    format!("there are more than {MAX_RULES} rules"),
                    "keep fewer in one folder",
                );
            } else {
                folder.stray(&file, "this is no rule", "a rule's file is named after its id and ends in .md");
            }
        }
        if folder.rules.is_empty() && folder.faults.is_empty() {
            folder.stray(
                &shown,
                "there is no rule in it",
                "put files there that are named after their rule and end in .md",
            );
        }
        Ok(folder)
    }

    fn read_cases(&mut self, rule: &str, shown: &str, path: &Path) -> Result<(), Error> {
        for (name, entry) in entries(path)? {
            let file = format!("{shown}/{name}");
            let Some(expected) = Expected::ALL.into_iter().find(|own| own.file() == name) else {
                self.stray(&file, "this is no case", "cases are called hit.toml, clear.toml and blind.toml");
                continue;
            };
            let draft = read(&entry, file, &mut self.faults)?;
            self.cases.extend(draft.map(|draft| CaseFile { rule: rule.to_owned(), expected, draft }));
        }
        Ok(())
    }

    fn stray(&mut self, file: &str, title: impl Into<String>, advice: &str) {
        self.faults.push(Draft::new(file, "").fault(0, title, advice));
    }
}

/// What stands in a folder, by name.
fn entries(path: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(Error::io(path))? {
        let entry = entry.map_err(Error::io(path))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && name != "README.md" {
            entries.push((name, entry.path()));
        }
    }
    entries.sort();
    Ok(entries)
}

/// A file of text; a fault where it is none.
fn read(path: &Path, file: String, faults: &mut Vec<Fault>) -> Result<Option<Draft>, Error> {
    let metadata = fs::metadata(path).map_err(Error::io(path))?;
    let draft = Draft::new(file, "");
    // A pipe would be waited for.
    if !metadata.is_file() {
        faults.push(draft.fault(0, "this is no file", "put a file of text there"));
        return Ok(None);
    }
    if metadata.len() > MAX_FILE {
        faults.push(draft.fault(
            0,
            "the file is too large for a rule",
            format!("a rule or a case has {MAX_FILE} bytes at most"),
        ));
        return Ok(None);
    }
    match String::from_utf8(fs::read(path).map_err(Error::io(path))?) {
        Ok(text) => Ok(Some(Draft::new(draft.file, &text))),
        Err(_) => {
            faults.push(draft.fault(0, "the file is not UTF-8", "save it as UTF-8"));
            Ok(None)
        }
    }
}
