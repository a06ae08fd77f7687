//! What was found wrong with a log, counted by kind: one issue a kind, however often it was met.

use std::collections::BTreeMap;

use crate::fact::Issue;

/// Something wrong with a chunk or a record. The order is that of the issues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A chunk without its signature; its records were read.
    Signature,
    /// A chunk in which no record was found although it is not empty.
    Unreadable,
    /// A chunk header that puts the end of its records outside the chunk.
    RecordsEnd,
    /// A chunk header whose string or template table points outside the chunk.
    Tables,
    /// The checksum of a chunk header.
    HeaderChecksum,
    /// The checksum of a chunk's records.
    RecordsChecksum,
    /// Records whose frame is broken.
    Record,
    /// Records with a sound frame around a content that makes no sense.
    Undecodable,
    /// Records without a usable time.
    Timeless,
    /// Records that the log had given up.
    Recovered,
}

impl Kind {
    /// The issue's code, and what is wrong.
    fn wording(self) -> (&'static str, &'static str) {
        match self {
            Self::Signature => {
                ("chunk-damaged", "a chunk has lost its signature; its intact records were read")
            }
            Self::Unreadable => ("chunk-damaged", "no record can be found in a chunk that is not empty"),
            Self::RecordsEnd => {
                ("chunk-damaged", "a chunk does not say where its records end; all that are intact were read")
            }
            Self::Tables => (
                "chunk-damaged",
                "a chunk's string or template table is broken; its records were read without it",
            ),
            Self::HeaderChecksum => (
                "chunk-checksum",
                "a chunk header has a wrong checksum, as after a copy of the live file; its intact records were read",
            ),
            Self::RecordsChecksum => (
                "chunk-checksum",
                "a chunk's records have a wrong checksum; they were read, single values may be damaged",
            ),
            Self::Record => ("record-damaged", "records are damaged and were skipped"),
            Self::Undecodable => ("record-undecodable", "a record can't be decoded"),
            Self::Recovered => (
                "record-recovered",
                "a record that the log had given up was found behind the last one of its chunk; it counts as \
                 evidence, and not among the log's records",
            ),
            Self::Timeless => (
                "event-time-missing",
                "an event has no usable time (zero or 1601); it was counted and not used",
            ),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tally {
    times: u64,
    first: u64,
    lost: Option<u64>,
}

/// All that was found wrong, by kind.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Damage(BTreeMap<Kind, Tally>);

impl Damage {
    /// Counts a `kind` at byte `offset` of the file that cost nothing.
    pub(super) fn note(&mut self, kind: Kind, offset: u64) {
        self.loss(kind, offset, Some(0));
    }

    /// Counts a `kind` at byte `offset` of the file that cost `lost` records, or nobody knows how many.
    pub(super) fn loss(&mut self, kind: Kind, offset: u64, lost: Option<u64>) {
        self.add(kind, Tally { times: 1, first: offset, lost });
    }

    /// Adds what was found in a later part of the file.
    pub(super) fn append(&mut self, later: Self) {
        for (kind, tally) in later.0 {
            self.add(kind, tally);
        }
    }

    fn add(&mut self, kind: Kind, more: Tally) {
        let Some(known) = self.0.get_mut(&kind) else {
            self.0.insert(kind, more);
            return;
        };
        known.times += more.times;
        known.first = known.first.min(more.first);
        known.lost = known.lost.zip(more.lost).map(|(one, other)| one.saturating_add(other));
    }

    /// One issue a kind.
    pub(super) fn into_issues(self) -> impl Iterator<Item = Issue> {
        self.0.into_iter().map(|(kind, tally)| {
            let (code, what) = kind.wording();
            let Tally { times, first, lost } = tally;
            let place = if times == 1 {
                format!("at byte {first}")
            } else {
                format!("{times} times, first at byte {first}")
            };
            Issue::loss(code, format!("{what} ({place})"), lost)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_issue_a_kind_and_an_unknown_loss_stays_unknown() {
        let mut damage = Damage::default();
        damage.loss(Kind::Record, 70_000, Some(2));
        damage.note(Kind::Signature, 4096);
        let mut later = Damage::default();
        later.loss(Kind::Record, 9_000, Some(3));
        damage.append(later);
        let issues: Vec<_> = damage.into_issues().collect();
        assert_eq!(
            issues.iter().map(|issue| (issue.code, issue.lost)).collect::<Vec<_>>(),
            [("chunk-damaged", Some(0)), ("record-damaged", Some(5))]
        );
        assert!(issues[1].detail.ends_with("(2 times, first at byte 9000)"), "{}", issues[1].detail);

        let mut unknown = Damage::default();
        unknown.loss(Kind::Record, 1, Some(1));
        unknown.loss(Kind::Record, 2, None);
        assert_eq!(unknown.into_issues().map(|issue| issue.lost).collect::<Vec<_>>(), [None]);
    }
}
