//! Records that are there a second time under another number: a collector of forwarded events numbers them anew.
//!
//! They are told by their content: the computer, the service, the event, the time to its last digit, and every value.
//! What is *not* done here: records that keep their number, and tables that have none.

use std::collections::hash_map::Entry;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use jiff::Timestamp;

use super::HostId;
use crate::fact::{Event, Field, SourceId};

/// What an event shares with its copy, but for its values.
type Moment<'a> = (Option<HostId>, &'a str, u32, Timestamp);

/// Which records were seen, and in which file.
#[derive(Debug, Default)]
pub(super) struct Copies<'a> {
    /// Moments of which there are several records; only of these the values are compared.
    shared: HashSet<Moment<'a>>,
    seen: HashMap<(Moment<'a>, &'a [Field]), SourceId>,
}

impl<'a> Copies<'a> {
    /// Looks for moments of which there are several records.
    pub(super) fn among(events: impl Iterator<Item = (&'a Event, Option<HostId>)>) -> Self {
        let mut all = HashSet::new();
        let moments = events.map(|(event, host)| moment(event, host));
        let shared = moments.filter(|moment| !all.insert(*moment)).collect();
        Self { shared, seen: HashMap::new() }
    }

    /// Whether an earlier record is the same. Within one file only where its times tell such records apart: a service
    /// may say the same twice in a second, and a subscription may deliver one twice.
    pub(super) fn has(&mut self, source: SourceId, event: &'a Event, host: Option<HostId>) -> bool {
        let moment = moment(event, host);
        if !self.shared.contains(&moment) {
            return false;
        }
        let is_fine = event.time.subsec_nanosecond() % 1_000_000 != 0;
        match self.seen.entry((moment, &event.fields)) {
            Entry::Vacant(entry) => {
                entry.insert(source);
                false
            }
            Entry::Occupied(entry) => is_fine || *entry.get() != source,
        }
    }
}

fn moment(event: &Event, host: Option<HostId>) -> Moment<'_> {
    (host, &event.provider, event.id, event.time)
}
