//! Lists of records without repetition, in the order in which they came. Rules ask for thousands of short lists, so
//! telling what a list holds already must not cost an allocation a record.

use crate::evidence::{Evidence, FactId};

/// Marks of every record of a bundle, used again for each list.
#[derive(Debug)]
pub(super) struct Seen {
    /// The last list that held the record.
    lists: Vec<u32>,
    list: u32,
}

impl Seen {
    pub(super) fn new(evidence: &Evidence) -> Self {
        Self { lists: vec![0; evidence.facts.len()], list: 0 }
    }

    /// Leaves each of the records once.
    pub(super) fn dedup(&mut self, facts: &mut Vec<FactId>) {
        self.list += 1;
        facts.retain(|fact| {
            let mark = self.lists.get_mut(fact.0);
            mark.is_some_and(|mark| std::mem::replace(mark, self.list) != self.list)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_list_keeps_the_first_of_each_record() {
        let mut seen = Seen { lists: vec![0; 4], list: 0 };
        let mut once = |facts: &[usize]| {
            let mut facts = facts.iter().map(|fact| FactId(*fact)).collect();
            seen.dedup(&mut facts);
            facts.iter().map(|fact| fact.0).collect::<Vec<_>>()
        };
        assert_eq!(once(&[3, 1, 3, 0, 1]), [3, 1, 0]);
        assert_eq!(once(&[1, 1, 2]), [1, 2]);
        assert_eq!(once(&[]), [] as [usize; 0]);
    }
}
