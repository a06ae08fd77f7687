//! Which events are worth decoding, asked of every record before anything is built.

use std::collections::HashMap;

/// Providers and event ids that some signal looks for. Providers compare without case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interest {
    /// By lower-case provider name: the ids, sorted; empty means every id.
    providers: HashMap<String, Vec<u32>>,
}

impl Interest {
    /// Collects `(provider, ids)`; empty `ids` mean every event of the provider.
    pub fn new<'a>(wanted: impl IntoIterator<Item = (&'a str, &'a [u32])>) -> Self {
        let mut providers: HashMap<String, Option<Vec<u32>>> = HashMap::new();
        for (provider, ids) in wanted {
            let entry = providers.entry(provider.to_ascii_lowercase()).or_insert_with(|| Some(Vec::new()));
            match entry {
                Some(all) if !ids.is_empty() => all.extend_from_slice(ids),
                _ => *entry = None,
            }
        }
        let sorted = |ids: Option<Vec<u32>>| {
            let mut ids = ids.unwrap_or_default();
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        Self { providers: providers.into_iter().map(|(provider, ids)| (provider, sorted(ids))).collect() }
    }

    /// Whether event `id` of `provider` is looked for.
    #[must_use]
    pub fn wants(&self, provider: &str, id: u32) -> bool {
        let wanted = |ids: &Vec<u32>| ids.is_empty() || ids.binary_search(&id).is_ok();
        self.providers.get(&provider.to_ascii_lowercase()).is_some_and(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_means_every_event() {
        let interest = Interest::new([("A", [2, 1].as_slice()), ("a", &[3]), ("B", &[]), ("b", &[1])]);
        assert!(interest.wants("a", 1) && interest.wants("A", 3) && !interest.wants("A", 4));
        assert!(interest.wants("b", 77) && !interest.wants("c", 1));
    }
}
