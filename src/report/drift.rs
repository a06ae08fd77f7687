//! What changed between two directory exports, as plain data: serialised, it is the JSON of `kcdoctor drift`.
//!
//! Everything is looked up, nothing is judged. What is *not* done here: layout.

use serde::Serialize;

use super::build::{address, bundle, text};
use super::inventory::{KnownHost, known_hosts};
use super::{AddressReport, BundleReport, SCHEMA_VERSION, Tool};
use crate::diagnose::{Aspect, Attribute, Drift, Drifted, Edit, Ends, Fate, Moved, Shift, Side, Untold};
use crate::fact::Reason;
use crate::incident::{Change, Grant};
use crate::knowledge::Knowledge;

/// The report of `kcdoctor drift`.
#[derive(Debug, Serialize)]
pub struct DriftReport {
    /// The version of this form.
    pub schema_version: u32,
    /// The command that made it.
    pub command: &'static str,
    /// What made it.
    pub tool: Tool,
    /// The older export.
    pub baseline: BundleReport,
    /// The newer one.
    pub current: BundleReport,
    /// Both hold the same bytes.
    pub identical: bool,
    /// By the stamps of their objects, the baseline is the newer one.
    pub reversed: bool,
    /// The outcome.
    pub outcome: Outcome,
    /// One sentence for a person.
    pub summary: String,
    /// Every host that either speaks of, those of the current export first.
    pub hosts: Vec<KnownHost>,
    /// Hosts whose objects were compared.
    pub compared: usize,
    /// Objects that changed.
    pub changes: Vec<ChangedObject>,
    /// Pairs that changes hit, those that lost first.
    pub pairs: Vec<PairShift>,
    /// What can't be compared.
    pub untold: Vec<UntoldReport>,
}

/// What the comparison comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All that decides delegation could be compared, and nothing of it changed.
    Unchanged,
    /// A pair has less than before.
    Lost,
    /// Something changed, and no pair is known to have less.
    Changed,
    /// Nothing is known to have changed, and not all could be compared.
    CannotTell,
}

/// An object that changed.
#[derive(Debug, Serialize)]
pub struct ChangedObject {
    /// The host's name now, else its name then.
    pub host: String,
    /// Its name then, where that was another.
    pub was: Option<String>,
    /// What became of it.
    pub fate: Fate,
    /// What that means for delegation, in a sentence.
    pub meaning: Option<&'static str>,
    /// What changed, by attribute.
    pub edits: Vec<EditReport>,
    /// The changes came after this: the stamp of the object in the baseline.
    pub after: Option<String>,
    /// The changes came no later than this: the stamp of the object in the current export.
    pub by: Option<String>,
    /// Changes of the object that logs in the current bundle record within these bounds.
    pub recorded: Vec<RecordedChange>,
    /// Where the baseline states the object.
    pub baseline_evidence: Vec<AddressReport>,
    /// Where the current export does.
    pub current_evidence: Vec<AddressReport>,
}

/// One attribute's difference.
#[derive(Debug, Serialize)]
pub struct EditReport {
    /// The attribute, by its LDAP name.
    pub attribute: Attribute,
    /// Values that are gone.
    pub removed: Vec<String>,
    /// Values that are new.
    pub added: Vec<String>,
}

/// A change that a domain controller recorded.
#[derive(Debug, Serialize)]
pub struct RecordedChange {
    /// When.
    pub time: String,
    /// What, in a sentence.
    pub summary: String,
    /// Its records, in the current bundle.
    pub evidence: Vec<AddressReport>,
}

/// A pair that fares otherwise than before.
#[derive(Debug, Serialize)]
pub struct PairShift {
    /// Where virtual machines run.
    pub source: String,
    /// Where they shall run.
    pub target: String,
    /// What delegation granted; `null` where it was no pair.
    pub before: Option<Grant>,
    /// What it grants now; `null` where it is no pair any more.
    pub after: Option<Grant>,
    /// What that means.
    pub shift: Shift,
    /// What of it fares so: what delegation grants, whether both accounts are enabled, or the encryption types that both
    /// ends have in common.
    pub aspects: Vec<Aspect>,
    /// Changed objects of its ends.
    pub by: Vec<String>,
}

/// Something that can't be compared.
#[derive(Debug, Serialize)]
pub struct UntoldReport {
    /// The host.
    pub host: String,
    /// The attribute.
    pub attribute: Attribute,
    /// Why the baseline does not tell; `null` where it does.
    pub baseline: Option<&'static str>,
    /// Why the current export does not tell; `null` where it does.
    pub current: Option<&'static str>,
}

/// Writes the report of a comparison. `names` are those of the two bundles.
#[must_use]
pub fn build(
    names: [&str; 2],
    baseline: Side<'_>,
    current: Side<'_>,
    drift: &Drift<'_>,
    knowledge: &Knowledge,
) -> DriftReport {
    let builder = Builder { baseline, current, drift };
    let [older, newer] = [(names[0], baseline), (names[1], current)];
    let (older, newer) = (bundle(older.0, older.1.evidence), bundle(newer.0, newer.1.evidence));
    let pairs: Vec<_> = drift.pairs.iter().map(|moved| builder.pair(moved)).collect();
    let outcome = outcome(drift);
    let with_object = |ends: &&Ends| ends.baseline.is_some() && ends.current.is_some();
    DriftReport {
        schema_version: SCHEMA_VERSION,
        command: "drift",
        tool: Tool::with(knowledge),
        identical: older.hash == newer.hash,
        baseline: older,
        current: newer,
        reversed: drift.is_reversed,
        outcome,
        summary: builder.summary(outcome),
        hosts: builder.hosts(),
        compared: drift.hosts.iter().filter(with_object).count(),
        changes: drift.objects.iter().map(|own| builder.object(own)).collect(),
        pairs,
        untold: drift.untold.iter().map(|own| builder.untold(own)).collect(),
    }
}

fn outcome(drift: &Drift<'_>) -> Outcome {
    let is_known = !drift.objects.is_empty() || drift.pairs.iter().any(|pair| pair.shift == Shift::Gained);
    if drift.pairs.iter().any(|pair| pair.shift == Shift::Lost) {
        Outcome::Lost
    } else if is_known {
        Outcome::Changed
    } else if drift.untold.is_empty() && !drift.hosts.is_empty() {
        Outcome::Unchanged
    } else {
        Outcome::CannotTell
    }
}

struct Builder<'a> {
    baseline: Side<'a>,
    current: Side<'a>,
    drift: &'a Drift<'a>,
}

impl Builder<'_> {
    fn now(&self, ends: Ends) -> Option<String> {
        ends.current.map(|host| self.current.evidence.hosts.name(host).to_owned())
    }

    fn then(&self, ends: Ends) -> Option<String> {
        ends.baseline.map(|host| self.baseline.evidence.hosts.name(host).to_owned())
    }

    fn name(&self, ends: Ends) -> String {
        self.now(ends).or_else(|| self.then(ends)).unwrap_or_default()
    }

    fn hosts(&self) -> Vec<KnownHost> {
        let mut hosts = known_hosts(self.current.evidence, self.current.incident);
        let older = known_hosts(self.baseline.evidence, self.baseline.incident);
        let is_gone = |own: &KnownHost| !hosts.iter().any(|known| known.name == own.name);
        let gone: Vec<_> = older.into_iter().filter(is_gone).collect();
        hosts.extend(gone);
        hosts
    }

    fn summary(&self, outcome: Outcome) -> String {
        let count = |shift| self.drift.pairs.iter().filter(|pair| pair.shift == shift).count();
        let objects = match self.drift.objects.len() {
            1 => "1 object changed".to_owned(),
            several => format!("{several} objects changed"),
        };
        let pairs = |count: usize, what: &str| match count {
            1 => format!("1 pair {what}"),
            several => format!("{several} pairs {what}"),
        };
        let open = match count(Shift::Unknown) {
            0 => String::new(),
            unknown => format!(" Of {} the exports do not say.", pairs(unknown, "more")),
        };
        match outcome {
            Outcome::Lost => {
                let (pairs, have) = match count(Shift::Lost) {
                    1 => ("1 pair".to_owned(), "has"),
                    several => (format!("{several} pairs"), "have"),
                };
                format!("{objects}; {pairs} {have} less than before.{open}")
            }
            Outcome::Changed if count(Shift::Gained) > 0 => {
                format!(
                    "{objects}; {} something and none is known to have less.{open}",
                    pairs(count(Shift::Gained), "gained")
                )
            }
            Outcome::Changed => {
                format!("{objects}, and no pair is known to have less than before.{open}")
            }
            Outcome::Unchanged => "Nothing that decides delegation changed.".into(),
            Outcome::CannotTell => {
                "Nothing is known to have changed, but not all that decides delegation is in both exports."
                    .into()
            }
        }
    }

    fn object(&self, own: &Drifted<'_>) -> ChangedObject {
        let addresses = |side: Side<'_>, host| {
            let facts = host_facts(side, host);
            facts.iter().filter_map(|fact| address(*fact, side.evidence)).collect()
        };
        let edit = |edit: &Edit| EditReport {
            attribute: edit.attribute,
            removed: edit.removed.clone(),
            added: edit.added.clone(),
        };
        ChangedObject {
            host: self.name(own.ends),
            was: self
                .then(own.ends)
                .filter(|then| Some(then) != self.now(own.ends).as_ref() && own.ends.current.is_some()),
            fate: own.fate,
            meaning: match own.fate {
                Fate::Kept | Fate::Added => None,
                Fate::Renamed => Some(
                    "names of the old name on the delegation lists of other hosts do not mean it any more",
                ),
                Fate::ReCreated => Some(
                    "another account under the same name: the delegation of the old one went with it, and resource-based delegation that names the old SID grants nothing",
                ),
                Fate::Removed => Some("its name on the delegation lists of other hosts is stale"),
            },
            edits: own.edits.iter().map(edit).collect(),
            after: own.after.map(text),
            by: own.by.map(text),
            recorded: own.witnesses.iter().map(|change| self.recorded(change)).collect(),
            baseline_evidence: addresses(self.baseline, own.ends.baseline),
            current_evidence: addresses(self.current, own.ends.current),
        }
    }

    fn recorded(&self, change: &Change) -> RecordedChange {
        let time = change.installed.map(|when| text(when.span().0)).unwrap_or_default();
        RecordedChange {
            time,
            summary: super::words::change(change, self.current.evidence),
            evidence: change.facts.iter().filter_map(|fact| address(*fact, self.current.evidence)).collect(),
        }
    }

    fn pair(&self, moved: &Moved) -> PairShift {
        let ends = [moved.source, moved.target];
        let by = self.drift.objects.iter().filter(|own| ends.contains(&own.ends));
        PairShift {
            source: self.name(moved.source),
            target: self.name(moved.target),
            before: moved.before,
            after: moved.after,
            shift: moved.shift,
            aspects: moved.aspects.clone(),
            by: by.map(|own| self.name(own.ends)).collect(),
        }
    }

    fn untold(&self, own: &Untold) -> UntoldReport {
        let why = |reason: Reason| match (own.attribute, reason) {
            (Attribute::Object, Reason::NoExport) => "not in this export: it may be gone, or left out",
            (_, Reason::NoExport) => "no export states it",
            (_, Reason::NotAskedFor) => "the export did not ask for it",
            (_, Reason::Flattened) => "PowerShell wrote the type's name in place of the values",
            (_, Reason::Truncated) => "the list or the file was cut",
            (_, Reason::Undecodable) => "it can't be read",
            (Attribute::AllowedToAct, Reason::Contradictory) => {
                "one export states SIDs and the other names that no object joins, or they contradict each other"
            }
            (_, Reason::Contradictory) => "exports contradict each other, or two objects have this name",
        };
        UntoldReport {
            host: self.name(own.ends),
            attribute: own.attribute,
            baseline: own.baseline.map(why),
            current: own.current.map(why),
        }
    }
}

/// The facts that state the object of `host`.
fn host_facts(side: Side<'_>, host: Option<crate::evidence::HostId>) -> Vec<crate::evidence::FactId> {
    host.map(|host| side.evidence.directory.facts(host).to_vec()).unwrap_or_default()
}
