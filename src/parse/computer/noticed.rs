//! What of the rows of an export could not be used, counted.

use crate::fact::{DirectoryObject, Issue, Known, Reason};
use crate::parse::text;

/// What a reader must know about the rows.
#[derive(Debug, Default)]
pub(super) struct Noticed {
    pub(super) shifted: u64,
    pub(super) flattened: u64,
    truncated: u64,
    undecodable: u64,
}

impl Noticed {
    /// Notes what of an object can't be used.
    pub(super) fn look_at(&mut self, object: &DirectoryObject) {
        let reasons = [
            reason(&object.user_account_control),
            reason(&object.spns),
            reason(&object.allowed_to_delegate_to),
            reason(&object.allowed_to_act),
            reason(&object.encryption_types),
        ];
        self.flattened += u64::from(reasons.contains(&Some(Reason::Flattened)));
        self.truncated += u64::from(reasons.contains(&Some(Reason::Truncated)));
        self.undecodable += u64::from(reasons.contains(&Some(Reason::Undecodable)));
    }

    /// What was noticed, one issue a kind.
    pub(super) fn issues(self) -> Vec<Issue> {
        let detail = |count, what: &str| format!("{} {what}", text::counted(count, ["row", "rows"]));
        let note = |code, count, what: &str| (count > 0).then(|| Issue::note(code, detail(count, what)));
        let shifted = "had more values than columns, because values with commas stood unquoted, and could not be \
                       used; export again with quotes";
        let flattened = "held a type's name where the export lost the values; export again with each list joined, as \
                         in @{n='msDS-AllowedToDelegateTo';e={$_.'msDS-AllowedToDelegateTo' -join ';'}}";
        let truncated = "held a list that was cut; export again to a file with lists joined by ';'";
        let undecodable =
            "held a value that can't be read and counts as unknown; export again with lists joined by ';'";
        let loss = |count| Issue::loss("csv-row-shifted", detail(count, shifted), Some(count));
        [
            (self.shifted > 0).then(|| loss(self.shifted)),
            note("csv-values-flattened", self.flattened, flattened),
            note("csv-values-truncated", self.truncated, truncated),
            note("csv-undecodable", self.undecodable, undecodable),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn reason<T>(value: &Known<T>) -> Option<Reason> {
    match value {
        Known::Known(_) => None,
        Known::Unknown(reason) => Some(*reason),
    }
}
