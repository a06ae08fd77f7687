//! Comparison with a recorded result: what a team that keeps its own bundles wants to hear about.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::Shard;
use crate::error::Error;
use crate::report::triage::{Difference, Line};

/// A recorded result of which no line was met yet. One ticket may have several.
pub(super) struct Expected(BTreeMap<String, VecDeque<Line>>);

impl Expected {
    /// Reads a result that `triage` wrote, the part of it that is triaged now.
    ///
    /// # Errors
    /// [`Error::NoInput`] or [`Error::Io`] where it can't be read, [`Error::NothingUnderstood`] where a line is none.
    pub(super) fn read(path: &Path, shard: Option<Shard>) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::opening(path))?;
        let mut all = BTreeMap::<_, VecDeque<_>>::new();
        for (index, line) in BufReader::new(file).lines().enumerate() {
            let line = line.map_err(Error::io(path))?;
            let line: Line = serde_json::from_str(&line).map_err(|error| Error::NothingUnderstood {
                detail: format!(
                    "{}:{}: not a line of triage ({error}); record one with: kcdoctor triage PATH... -o {}",
                    path.display(),
                    index + 1,
                    path.display()
                ),
            })?;
            if shard.is_none_or(|shard| shard.holds(&line.ticket)) {
                all.entry(line.ticket.clone()).or_default().push_back(line);
            }
        }
        Ok(Self(all))
    }

    /// What is different about the ticket of a line; the recorded one is taken out.
    pub(super) fn compare(&mut self, line: &Line) -> Option<Difference> {
        let recorded = self.0.get_mut(&line.ticket).and_then(|recorded| {
            // One ticket may have several bundles.
            let same = recorded.iter().position(|own| own.path == line.path);
            recorded.remove(same.unwrap_or_default())
        });
        let changes = match recorded {
            Some(recorded) => line.changes_since(&recorded),
            None => vec!["was not recorded".to_owned()],
        };
        (!changes.is_empty()).then(|| Difference { ticket: line.ticket.clone(), changes })
    }

    /// Tickets that were recorded and not met.
    pub(super) fn rest(self) -> impl Iterator<Item = Difference> {
        let missing =
            |line: Line| Difference { ticket: line.ticket, changes: vec!["is no longer there".to_owned()] };
        self.0.into_values().flatten().map(missing)
    }
}
