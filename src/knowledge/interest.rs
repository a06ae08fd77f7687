//! What is worth keeping: events, asked of every record before anything is built, and values of the registry.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::Registry;

/// Providers and event ids that some signal looks for. Providers compare without case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interest {
    /// By lower-case provider name.
    providers: HashMap<String, Ids>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    named: Vec<String>,
    /// Whether records count that a log has given up.
    recovers: bool,
    /// By key and name in lower case: both as the knowledge writes them.
    values: HashMap<(String, String), (String, String)>,
}

/// The events of one provider that are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Ids {
    /// Every event of the provider.
    all: bool,
    /// Sorted, each once.
    ids: Vec<(u32, Option<Routine>)>,
    /// Has the bit of each id's last six bits, which rules most other ids out.
    mask: u64,
}

/// What makes a record routine: it shows that its computer writes such records, and says nothing else. One of
/// them is worth as much as a million. Each of these values is there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub struct Routine(pub Vec<Cell>);

/// A named value of a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The name of a value.
    pub field: String,
    /// What it holds.
    pub value: String,
}

/// Which events are wanted of one provider.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    interest: &'a Interest,
    ids: Option<&'a Ids>,
}

/// What a record is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth<'a> {
    /// Nobody looks for it.
    Nothing,
    /// It is routine.
    Routine,
    /// It is looked for, unless it turns out to be routine.
    Looked(Option<&'a Routine>),
}

impl Interest {
    /// Collects `(provider, ids, what makes them routine)`; empty `ids` mean every event of the provider.
    pub fn new<'a>(wanted: impl IntoIterator<Item = (&'a str, &'a [u32], Option<&'a Routine>)>) -> Self {
        let mut interest = Self::default();
        for (provider, ids, routine) in wanted {
            let own = interest.providers.entry(provider.to_ascii_lowercase()).or_default();
            own.all |= ids.is_empty();
            own.ids.extend(ids.iter().map(|id| (*id, routine.cloned())));
        }
        for Ids { ids, mask, .. } in interest.providers.values_mut() {
            // An id that some signal looks for without exception comes first and stays.
            ids.sort();
            ids.dedup_by_key(|(id, _)| *id);
            *mask = ids.iter().fold(0, |mask, (id, _)| mask | 1 << (id & 63));
        }
        interest
    }

    /// Where only events from `since` on and before `until` count. Others can still say what their computer
    /// is, or what an attempt was part of; only those that can be routine are so outside the window.
    #[must_use]
    pub fn within(self, since: Option<Timestamp>, until: Option<Timestamp>) -> Self {
        Self { since, until, ..self }
    }

    /// Machines whose objects matter whatever else speaks of them.
    #[must_use]
    pub fn naming(self, named: &[String]) -> Self {
        Self { named: named.to_vec(), ..self }
    }

    /// Those machines.
    #[must_use]
    pub fn named(&self) -> &[String] {
        &self.named
    }

    /// Where records that a log has given up, and not overwritten yet, are looked for as well.
    #[must_use]
    pub fn recovering(self, recovers: bool) -> Self {
        Self { recovers, ..self }
    }

    /// Where values of the registry are kept too.
    #[must_use]
    pub fn keeping(self, registry: &Registry) -> Self {
        let folded = |key: &str, name: &str| (key.to_ascii_lowercase(), name.to_ascii_lowercase());
        let values = registry.all().iter();
        let values = values.map(|own| (folded(&own.key, &own.name), (own.key.clone(), own.name.clone())));
        Self { values: values.collect(), ..self }
    }

    /// The value `name` of `key` (under `HKEY_LOCAL_MACHINE`), as the knowledge writes both; `None` where it is not kept.
    #[must_use]
    pub fn kept(&self, key: &str, name: &str) -> Option<(&str, &str)> {
        let folded = (key.to_ascii_lowercase(), name.to_ascii_lowercase());
        self.values.get(&folded).map(|(key, name)| (key.as_str(), name.as_str()))
    }

    /// Whether records that a log has given up are looked for.
    #[must_use]
    pub fn recovers(&self) -> bool {
        self.recovers
    }

    /// What is looked for among the events of `provider`.
    #[must_use]
    pub fn of(&self, provider: &str) -> Wanted<'_> {
        Wanted { interest: self, ids: self.providers.get(&provider.to_ascii_lowercase()) }
    }
}

impl<'a> Wanted<'a> {
    /// What event `id`, written at `time`, is worth.
    #[must_use]
    pub fn worth(&self, id: u32, time: impl FnOnce() -> Option<Timestamp>) -> Worth<'a> {
        let Some(Ids { all, ids, mask }) = self.ids else { return Worth::Nothing };
        if !all && mask >> (id & 63) & 1 == 0 {
            return Worth::Nothing;
        }
        let found = ids.binary_search_by_key(&id, |(own, _)| *own).ok().and_then(|index| ids.get(index));
        let Interest { since, until, .. } = self.interest;
        let is_outside = |time: Timestamp| {
            since.is_some_and(|since| time < since) || until.is_some_and(|until| time >= until)
        };
        match found {
            None if *all => Worth::Looked(None),
            None => Worth::Nothing,
            Some((_, Some(_))) if time().is_some_and(is_outside) => Worth::Routine,
            Some((_, routine)) => Worth::Looked(routine.as_ref()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routine() -> Routine {
        Routine(vec![Cell { field: "Status".into(), value: "0x0".into() }])
    }

    #[test]
    fn an_empty_list_means_every_event() {
        let interest = Interest::new([
            ("A", [2, 1].as_slice(), None),
            ("a", &[3], None),
            ("B", &[], None),
            ("b", &[1], None),
        ]);
        let wants = |provider, id| interest.of(provider).worth(id, || None) == Worth::Looked(None);
        assert!(wants("a", 1) && wants("A", 3) && !wants("A", 4));
        assert!(wants("b", 77) && !wants("c", 1));
    }

    #[test]
    fn a_window_bounds_only_what_can_be_routine() {
        let at = |second| Some(Timestamp::constant(second, 0));
        let routine = routine();
        let interest = Interest::new([("A", [1].as_slice(), None), ("A", &[2], Some(&routine))]);
        let interest = interest.within(at(10), at(20));
        let worth = |id, second| interest.of("a").worth(id, || at(second));
        assert_eq!(worth(1, 5), Worth::Looked(None));
        assert_eq!([worth(2, 9), worth(2, 20)], [Worth::Routine; 2]);
        assert_eq!([worth(2, 10), worth(2, 19)], [Worth::Looked(Some(&routine)); 2]);
    }

    #[test]
    fn what_one_signal_wants_without_exception_is_never_routine() {
        let routine = routine();
        for wanted in [[None, Some(&routine)], [Some(&routine), None]] {
            let interest = Interest::new(wanted.map(|routine| ("A", [1].as_slice(), routine)));
            assert_eq!(interest.of("A").worth(1, || None), Worth::Looked(None));
        }
    }
}
