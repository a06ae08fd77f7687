//! One line for each ticket.
//!
//! Shards run twice, jobs are tried again, customers send a second bundle. The line that counts is found by what the
//! lines say, so that it is the same in whatever order results are named: one that was analyzed before one that was not,
//! then the one whose logs reach further, then the one of the newer program, then the one with more records and bytes.
//! Only where all of that is equal and the lines still differ, the one that was read last counts.

use jiff::Timestamp;

use super::Duplicates;
use crate::report::triage::{Line, Status};

/// By what one line of a ticket goes before another.
type Rank = (bool, Option<Timestamp>, Vec<u64>, Option<u64>, Option<u64>);

/// The line of each ticket, by ticket, and what became of the others.
pub(super) fn resolve(mut lines: Vec<Line>) -> (Vec<Line>, Duplicates) {
    // Stable: lines of one ticket stay as they were read.
    lines.sort_by(|a, b| a.ticket.cmp(&b.ticket));
    let mut duplicates = Duplicates::default();
    let mut tickets = Vec::new();
    let mut lines = lines.into_iter().peekable();
    while let Some(line) = lines.next() {
        let mut own = vec![line];
        while let Some(next) = lines.next_if(|next| own.first().is_some_and(|own| own.ticket == next.ticket))
        {
            own.push(next);
        }
        tickets.extend(counting(own, &mut duplicates));
    }
    (tickets, duplicates)
}

/// The line that counts, of all lines of a ticket.
fn counting(own: Vec<Line>, duplicates: &mut Duplicates) -> Option<Line> {
    if own.len() < 2 {
        return own.into_iter().next();
    }
    let best = own.iter().map(rank).max()?;
    let (mut best, mut others): (Vec<_>, Vec<_>) = own.into_iter().partition(|line| rank(line) == best);
    if best.first().is_some_and(|first| best.iter().all(|line| is_alike(first, line))) {
        best.sort_by(|a, b| (&b.path, b.elapsed_ms).cmp(&(&a.path, a.elapsed_ms)));
    } else {
        duplicates.by_order += 1;
    }
    let counts = best.pop()?;
    others.append(&mut best);
    duplicates.lines += others.len();
    duplicates.other_paths += usize::from(is_of_other_paths(&counts, &others));
    for other in &others {
        if other.status == Status::Error {
            duplicates.failed += 1;
        } else if is_same_bundle(&counts, other) {
            duplicates.same_bundle += 1;
        } else {
            duplicates.other_bundle += 1;
        }
    }
    Some(counts)
}

/// Whether a line is about the bundle that counts, by its hash.
fn is_same_bundle(counts: &Line, other: &Line) -> bool {
    other.hash.is_some() && other.hash == counts.hash
}

/// Whether a failed line is about a path of which nothing says that the bundle that counts stood there.
fn is_of_other_paths(counts: &Line, others: &[Line]) -> bool {
    let is_known = |path: &str| {
        let mut same = others.iter().filter(|other| is_same_bundle(counts, other));
        path == counts.path || same.any(|other| other.path == path)
    };
    others.iter().any(|other| other.status == Status::Error && !is_known(&other.path))
}

fn rank(line: &Line) -> Rank {
    let last = line.last.as_ref().and_then(|last| last.parse().ok());
    let version = line.tool.version.split('.').map(|part| part.parse().unwrap_or_default()).collect();
    (line.status == Status::Ok, last, version, line.records, line.bytes)
}

/// Whether two lines say the same; where the bundle stood and how long it took do not matter.
fn is_alike(a: &Line, b: &Line) -> bool {
    let stripped = |line: &Line| Line { path: String::new(), elapsed_ms: None, ..line.clone() };
    stripped(a) == stripped(b)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{failed, line};
    use super::*;

    fn with(hash: &str, last: &str) -> Line {
        Line { hash: Some(hash.into()), last: Some(last.into()), ..line("T1", "kcd-missing|-|one-way|2022") }
    }

    /// In every order of three lines.
    fn in_every_order(lines: [Line; 3]) -> [(Vec<Line>, Duplicates); 6] {
        [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
            .map(|order| resolve(order.map(|at: usize| lines[at].clone()).to_vec()))
    }

    #[test]
    fn the_line_that_counts_is_the_same_in_every_order() {
        let older = with("a", "2026-09-01T00:00:00Z");
        // As text it would come first.
        let newer = with("b", "2026-10-01T00:00:00.5Z");
        for (tickets, duplicates) in in_every_order([failed("T1", "io"), newer.clone(), older]) {
            assert_eq!(tickets, std::slice::from_ref(&newer));
            let expected = Duplicates { lines: 2, failed: 1, other_bundle: 1, ..Duplicates::default() };
            assert_eq!(duplicates, expected);
        }
    }

    #[test]
    fn an_equal_line_counts_once_wherever_the_bundle_stood() {
        let moved = |path: &str| Line { path: path.into(), ..with("a", "2026-09-01T00:00:00Z") };
        for (tickets, duplicates) in in_every_order([moved("y/T1"), moved("x/T1"), moved("z/T1")]) {
            assert_eq!(tickets, [moved("x/T1")]);
            assert_eq!(duplicates, Duplicates { lines: 2, same_bundle: 2, ..Duplicates::default() });
        }
    }

    #[test]
    fn the_newer_program_is_believed_and_then_the_order() {
        let made = |version: &str, knowledge: &str| {
            let mut line = with("a", "2026-09-01T00:00:00Z");
            line.tool.version = version.into();
            line.tool.knowledge = knowledge.into();
            line
        };
        let (tickets, duplicates) = resolve(vec![made("0.10.0", "x"), made("0.9.0", "y")]);
        assert_eq!((tickets[0].tool.version.as_str(), duplicates.by_order), ("0.10.0", 0));
        for order in [["x", "y"], ["y", "x"]] {
            let (tickets, duplicates) = resolve(order.map(|own| made("0.1.0", own)).to_vec());
            assert_eq!((tickets[0].tool.knowledge.as_str(), duplicates.by_order), (order[1], 1));
        }
    }

    #[test]
    fn failed_lines_of_other_paths_are_counted_unless_a_hash_says_that_they_are_of_one_bundle() {
        let at = |path: &str, line: Line| Line { path: path.into(), ..line };
        let lost = |path: &str| at(path, failed("T1", "over-budget"));
        let read = |path: &str| at(path, with("a", "2026-09-01T00:00:00Z"));
        for (own, expected) in [
            ([lost("x"), lost("y"), lost("z")], 1),
            ([lost("x"), lost("x"), lost("x")], 0),
            ([lost("x"), read("y"), read("y")], 1),
            ([lost("x"), read("y"), read("x")], 0),
        ] {
            for (tickets, duplicates) in in_every_order(own.clone()) {
                assert_eq!((tickets.len(), duplicates.other_paths), (1, expected), "{own:?}");
            }
        }
    }

    #[test]
    fn an_error_beside_an_error_is_one_ticket() {
        let (tickets, duplicates) = resolve(vec![failed("T1", "io"), failed("T1", "io"), failed("T2", "io")]);
        assert_eq!(tickets.len(), 2);
        assert_eq!(duplicates, Duplicates { lines: 1, failed: 1, ..Duplicates::default() });
    }
}
