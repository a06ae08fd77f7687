//! `kcdoctor rules`: the rules that are known, what is wrong with those of a folder, and whether they keep their cases.

use std::path::Path;

use crate::diagnose::deviation;
use crate::error::Error;
use crate::incident::{trigger, triggers};
use crate::knowledge::cases::{CaseFile, Expected, read_case, shipped_cases};
use crate::knowledge::fault::{Fault, instead};
use crate::knowledge::{Knowledge, Reading, read_rules};
use crate::report::rules::{self, FailureReport, LintReport, RulesReport, TestReport};

mod folder;

use folder::Folder;

/// The shipped rules with those of `folder`, which take the place of shipped ones of the same id.
///
/// # Errors
/// [`Error::NoInput`] where there is no such folder, [`Error::Usage`] where it is a file, [`Error::Io`] where it can't be read, and
/// [`Error::NothingUnderstood`] where a rule in it is at fault: judging with half of the rules would be worse than not
/// judging.
pub fn known(folder: Option<&Path>) -> Result<Knowledge, Error> {
    let knowledge = Knowledge::load()?;
    let Some(path) = folder else { return Ok(knowledge) };
    let folder = Folder::open(path)?;
    let reading = read(&folder, &knowledge);
    match (reading.faults.first(), reading.faults.len()) {
        (None, _) => Ok(knowledge.with_rules(reading.rules, &folder.rules)),
        (Some(first), count) => {
            let others = if count == 1 { String::new() } else { format!(" ({} more)", count - 1) };
            let detail = format!("{first}{others}; see all with: kcdoctor rules lint {}", path.display());
            Err(Error::NothingUnderstood { detail })
        }
    }
}

/// Every rule that is known, those of `folder` among them.
///
/// # Errors
/// Those of [`known`].
pub fn list(folder: Option<&Path>) -> Result<RulesReport, Error> {
    Ok(rules::list(&known(folder)?))
}

/// What is wrong with the rules of `folder` and with their cases; without one, with the shipped ones.
///
/// # Errors
/// [`Error::NoInput`] and [`Error::Io`] for the folder; the rules' own faults are the report.
pub fn lint(folder: Option<&Path>) -> Result<LintReport, Error> {
    let knowledge = Knowledge::load()?;
    let folder = open(folder)?;
    let Reading { faults, .. } = examine(&folder, &knowledge);
    Ok(rules::lint(&knowledge, folder.rules.len(), faults))
}

/// Whether the rules of `folder` say of their cases what these expect; without one, the shipped rules.
///
/// # Errors
/// [`Error::NoInput`] and [`Error::Io`] for the folder.
pub fn test(folder: Option<&Path>) -> Result<TestReport, Error> {
    let knowledge = Knowledge::load()?;
    let folder = open(folder)?;
    let Reading { rules, faults, .. } = examine(&folder, &knowledge);
    let mut failures = Vec::new();
    for case in &folder.cases {
        let rule = rules.iter().find(|rule| rule.id == case.rule);
        if let Some((rule, read)) = rule.zip(read_case(&case.draft).ok()) {
            let deviation = deviation(rule, case.expected, &read);
            failures.extend(deviation.map(|own| FailureReport::new(&rule.id, &case.draft.file, own)));
        }
    }
    Ok(rules::test(&knowledge, (folder.rules.len(), folder.cases.len()), faults, failures))
}

/// A folder of the user's, else what is embedded.
fn open(folder: Option<&Path>) -> Result<Folder, Error> {
    match folder {
        Some(path) => Folder::open(path),
        None => Ok(Folder {
            rules: Knowledge::shipped_rules()?,
            cases: shipped_cases(),
            faults: Vec::new(),
            unread: Vec::new(),
        }),
    }
}

/// The rules of a folder, and every fault of them and of their cases.
fn examine(folder: &Folder, knowledge: &Knowledge) -> Reading {
    let mut reading = read(folder, knowledge);
    reading.faults.extend(case_faults(folder));
    reading.faults.sort();
    reading
}

/// The rules of a folder, and every fault of their files.
fn read(folder: &Folder, knowledge: &Knowledge) -> Reading {
    let mut reading = read_rules(&folder.rules, &knowledge.fixes);
    let is_known = |name: &str| trigger(name).is_some() || knowledge.hardenings.sets_off(name).is_some();
    let unknown = reading.triggers.iter().filter(|(name, _)| !is_known(name));
    let unknown: Vec<_> =
        unknown.map(|(name, fault)| Fault { advice: instead(name, triggers()), ..fault.clone() }).collect();
    reading.faults.extend(unknown);
    reading.faults.extend(folder.faults.iter().cloned());
    reading.faults.sort();
    reading
}

/// What is wrong with the cases: those that are missing, that belong to no rule, or that can't be read.
fn case_faults(folder: &Folder) -> Vec<Fault> {
    let mut faults: Vec<Fault> =
        folder.cases.iter().filter_map(|case| read_case(&case.draft).err()).flatten().collect();
    for (id, draft) in folder.rules.iter().filter_map(|draft| Some((folder::id(draft)?, draft))) {
        for expected in Expected::ALL {
            if !folder.cases.iter().any(|case| case.rule == id && case.expected == expected) {
                let advice = format!("write {id}/{}, with facts {}", expected.file(), shows(expected));
                faults.push(draft.fault(0, format!("the case {} is missing", expected.file()), advice));
            }
        }
    }
    let is_orphan = |case: &&CaseFile| {
        let is_read = folder.rules.iter().any(|draft| folder::id(draft) == Some(&case.rule));
        !is_read && !folder.unread.contains(&case.rule)
    };
    for case in folder.cases.iter().filter(is_orphan) {
        let advice = format!("write {}.md, or rename the folder after its rule", case.rule);
        faults.push(case.draft.fault(0, "the case belongs to no rule", advice));
    }
    faults
}

fn shows(expected: Expected) -> &'static str {
    match expected {
        Expected::Hit => "of which the condition holds",
        Expected::Clear => "of which it is known not to hold",
        Expected::Blind => "of which one is left out, and [expect] with the list missing",
    }
}
