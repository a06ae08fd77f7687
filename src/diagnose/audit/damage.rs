//! Exports that lost something: what is gone may have been a host, an entry or a setting.
//!
//! Logs are no exports: what they lost is not what an audit rests on. What is *not* done here: guessing what was lost.

use std::collections::{BTreeMap, BTreeSet};

use super::Gap;
use crate::evidence::{Evidence, SourceRecord};
use crate::fact::{Observation, SourceId};
use crate::knowledge::{Cause, Gaps};
use crate::parse::UNKNOWN;

/// The piece of evidence that states computer objects.
const OBJECTS: &str = "directory-export";
/// The piece that states a host's settings.
const SETTINGS: &str = "host-export";
/// What was not gathered is missing, not damaged: the facts that it would state are unknown. And a log is no export.
const NO_EXPORT: &[&str] = &["collect-failed", "command-failed", "log-unsupported"];

/// Sources that lost something of what an audit rests on, in the bundle's order.
pub(super) fn damaged(evidence: &Evidence) -> Vec<SourceId> {
    let is_lossy = |source: &SourceRecord| {
        source.issues.iter().any(|issue| issue.lost != Some(0) && !NO_EXPORT.contains(&issue.code))
    };
    let all = evidence.sources.iter().enumerate().filter(|(_, source)| is_lossy(source));
    all.map(|(index, _)| SourceId(index)).filter(|source| piece(*source, evidence).is_some()).collect()
}

/// The piece that a source holds: by its facts, else, where nothing at all could be read of it, by its kind; of an unknown
/// one (an archive that is cut, say) nobody can say that no computer objects were in it. `None` for what an audit does
/// not rest on.
fn piece(source: SourceId, evidence: &Evidence) -> Option<&'static str> {
    let record = evidence.sources.get(source.0)?;
    let mut own = evidence.facts.iter().filter(|fact| fact.origin.source == source).peekable();
    if record.bystanders > 0 || own.peek().is_none() {
        let is_directory = record.kind == "ldif" || record.kind.starts_with("computer");
        return (is_directory || record.kind == UNKNOWN).then_some(OBJECTS);
    }
    own.find_map(|fact| match fact.observation {
        Observation::Directory(_) | Observation::DuplicateSpn(_) => Some(OBJECTS),
        Observation::HostSettings(_) => Some(SETTINGS),
        _ => None,
    })
}

/// The pieces to ask for again.
pub(super) fn gaps(damaged: &[SourceId], evidence: &Evidence, known: &Gaps) -> Vec<Gap> {
    let mut paths: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (source, record) in damaged.iter().filter_map(|id| Some((*id, evidence.sources.get(id.0)?))) {
        paths.entry(piece(source, evidence).unwrap_or(OBJECTS)).or_default().push(&record.path);
    }
    let gap = |(id, paths): (&str, Vec<&str>)| {
        let piece = known.piece(id)?;
        Some(Gap {
            id: piece.id.clone(),
            hosts: BTreeSet::new(),
            matters_for: BTreeSet::from([Cause::undetermined()]),
            why: format!("{} lost something, which may be a host, an entry or a setting", paths.join(", ")),
            collect: piece.collect.clone(),
        })
    };
    paths.into_iter().filter_map(gap).collect()
}
