//! Where a failure rate rose, and how surprising that is: the split of the attempts in time order that makes their
//! outcomes likeliest.
//!
//! It stands beside the bracket that is read off, and replaces nothing: with intermittent failures or a partial log the
//! bracket tells little, and this says how much more the outcomes tell. A retried move counts as one more attempt, so
//! retries make a change look surer than it is. What is *not* done here: more than one change.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::exact::{LogFactorials, Tally};
use crate::diagnose::Judgement;
use crate::evidence::{Covered, Evidence, HostId};
use crate::incident::{Attempt, HYPER_V, Incident, Outcome, Pair};

/// Two likelihoods closer than this are equal: the earlier split wins on every machine.
const EQUAL: f64 = 1e-9;
/// What is less likely than this is written as this.
const LEAST: f64 = 1e-300;

/// Where the failure rate of some attempts most likely rose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The last attempt before the change; `None` where the change lies before everything that is seen.
    pub from: Option<Timestamp>,
    /// The first attempt after it.
    pub to: Timestamp,
    /// Attempts before it.
    pub before: Tally,
    /// Attempts after it.
    pub after: Tally,
    /// The chance of such a rise at the best split, were the order of the outcomes chance: Fisher's exact test,
    /// one-sided, times the number of splits (Bonferroni), 1 at most. Three significant digits.
    pub p_value: f64,
    /// Whether an attempt succeeded after the first failure.
    pub intermittent: bool,
    /// Whether of every source something is seen before the first failure; where not, it may have begun earlier than
    /// seen. `None` where no log says.
    pub reaches_back: Option<bool>,
}

/// The estimate for the failures of a judgement, on all of its pairs; where no pair is known, of all its sources.
pub(in crate::diagnose) fn of_judgement(
    own: &Judgement<'_>,
    incident: &Incident,
    evidence: &Evidence,
) -> Option<Estimate> {
    let failed = own.attempts.iter().filter_map(|index| incident.attempts.get(*index));
    let sources: BTreeSet<_> = failed.filter_map(|attempt| attempt.source).collect();
    let pairs: BTreeSet<_> = own.pairs.iter().copied().collect();
    let concerned = |attempt: &Attempt| match pairs.is_empty() {
        true => attempt.source.is_some_and(|source| sources.contains(&source)),
        false => attempt.source.zip(attempt.target).is_some_and(|pair| pairs.contains(&pair)),
    };
    let attempts = incident.attempts.iter().enumerate().filter(|(_, attempt)| concerned(attempt));
    estimate(attempts, |index| own.attempts.contains(&index), incident, evidence)
}

/// The estimate for each pair with failures, by index: of those that the first of `judgements` on it explains, of all
/// where none does.
pub(in crate::diagnose) fn of_pairs<'a>(
    judgements: impl DoubleEndedIterator<Item = &'a Judgement<'a>>,
    incident: &Incident,
    evidence: &Evidence,
) -> BTreeMap<usize, Estimate> {
    let mut judged: BTreeMap<(HostId, HostId), &Judgement<'_>> = BTreeMap::new();
    for own in judgements.rev() {
        judged.extend(own.pairs.iter().map(|pair| (*pair, own)));
    }
    let of = |(index, pair): (usize, &Pair)| {
        let own = judged.get(&(pair.source, pair.target));
        let attempts =
            pair.attempts.iter().filter_map(|index| Some((*index, incident.attempts.get(*index)?)));
        let counted = |index| own.is_none_or(|own| own.attempts.contains(&index));
        Some((index, estimate(attempts, counted, incident, evidence)?))
    };
    incident.pairs.iter().enumerate().filter_map(of).collect()
}

/// The estimate for some attempts in time order; failures that are not `counted` are left out.
fn estimate<'a>(
    attempts: impl Iterator<Item = (usize, &'a Attempt)>,
    counted: impl Fn(usize) -> bool,
    incident: &Incident,
    evidence: &Evidence,
) -> Option<Estimate> {
    let is_in =
        |(index, attempt): &(usize, &Attempt)| attempt.outcome == Outcome::Succeeded || counted(*index);
    let attempts: Vec<&Attempt> = attempts.filter(is_in).map(|(_, attempt)| attempt).collect();
    let mut ends = attempts.iter().flat_map(|attempt| [attempt.source, attempt.target]).flatten();
    // Local times of an unknown zone have no order among others.
    if ends.any(|end| incident.local_times.contains(&end)) {
        return None;
    }
    let outcomes: Vec<_> =
        attempts.iter().map(|attempt| (attempt.time, attempt.outcome == Outcome::Failed)).collect();
    let first = outcomes.iter().find(|(_, failed)| *failed)?.0;
    let estimate = change_point(&outcomes)?;
    Some(Estimate { reaches_back: reaches_back(&attempts, first, incident, evidence), ..estimate })
}

/// The likeliest rise of the failure rate in outcomes in time order. Of fewer than two outcomes nothing can be said.
fn change_point(outcomes: &[(Timestamp, bool)]) -> Option<Estimate> {
    let failed = outcomes.iter().filter(|(_, failed)| *failed).count();
    let all = Tally { failed, attempts: outcomes.len() };
    let first = outcomes.iter().position(|(_, failed)| *failed)?;
    if outcomes.len() < 2 {
        return None;
    }
    let mut before = Tally { failed: 0, attempts: 0 };
    let mut splits = 0usize;
    let mut best: Option<(f64, usize, Tally)> = None;
    for (at, pair) in outcomes.windows(2).enumerate() {
        let [(time, has_failed), (next, _)] = pair else { continue };
        before = Tally { failed: before.failed + usize::from(*has_failed), attempts: before.attempts + 1 };
        if time == next {
            continue;
        }
        splits += 1;
        let after = rest(all, before);
        let likelihood = log_likelihood(before) + log_likelihood(after);
        if rate(after) > rate(before) && best.is_none_or(|(most, ..)| likelihood > most + EQUAL) {
            best = Some((likelihood, at, before));
        }
    }
    // Without a rise, the change lies before all that is seen.
    let nothing = (None, Tally { failed: 0, attempts: 0 }, 1.0);
    let (from, before, p_value) = best.map_or(nothing, |(_, at, before)| {
        let plain = LogFactorials::up_to(all.attempts).more_after(before, rest(all, before));
        (Some(at), before, significant((plain * splits as f64).clamp(LEAST, 1.0)))
    });
    Some(Estimate {
        from: from.and_then(|at| outcomes.get(at)).map(|outcome| outcome.0),
        to: outcomes.get(from.map_or(0, |at| at + 1))?.0,
        before,
        after: rest(all, before),
        p_value,
        intermittent: outcomes.iter().skip(first).any(|(_, failed)| !failed),
        reaches_back: None,
    })
}

fn rest(all: Tally, before: Tally) -> Tally {
    Tally { failed: all.failed - before.failed, attempts: all.attempts - before.attempts }
}

fn rate(tally: Tally) -> f64 {
    tally.failed as f64 / tally.attempts.max(1) as f64
}

/// The logarithm of the likelihood of a side at its own rate.
fn log_likelihood(side: Tally) -> f64 {
    let (failed, all) = (side.failed as f64, side.attempts as f64);
    let term = |part: f64| if part == 0.0 { 0.0 } else { part * (part / all).ln() };
    term(failed) + term(all - failed)
}

/// Three significant digits: more would differ between machines, and mean nothing.
fn significant(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

/// Whether of every source that failed something is seen before `first`: an attempt of its own, or the beginning of each
/// log in which it wrote of its attempts. `None` where a source wrote no log of Hyper-V.
fn reaches_back(
    attempts: &[&Attempt],
    first: Timestamp,
    incident: &Incident,
    evidence: &Evidence,
) -> Option<bool> {
    let failed = attempts.iter().filter(|attempt| attempt.outcome == Outcome::Failed);
    let mut open: BTreeSet<HostId> = failed.filter_map(|attempt| attempt.source).collect();
    let earlier = attempts.iter().take_while(|attempt| attempt.time < first);
    earlier.filter_map(|attempt| attempt.source).for_each(|source| {
        open.remove(&source);
    });
    if open.is_empty() {
        return Some(true);
    }
    let is_hyper_v =
        |name: &str| name.get(..HYPER_V.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(HYPER_V));
    // Each log counts once, so a host's records are looked at until each of its logs was met.
    let logs = |host: &HostId| (*host, evidence.covered(*host, is_hyper_v).collect::<Vec<_>>());
    let mut logs: BTreeMap<HostId, Vec<&Covered>> = open.iter().map(logs).collect();
    let all = logs.values().map(Vec::len).sum();
    let met = attempts.iter().flat_map(|attempt| &attempt.facts).filter_map(|fact| {
        let own = logs.get_mut(&evidence.host_of(*fact)?).filter(|own| !own.is_empty())?;
        let channel = evidence.event(*fact)?.channel.as_deref()?;
        let at = own.iter().position(|log| log.channel == channel)?;
        Some(own.swap_remove(at))
    });
    let met = met.take(all);
    let begun: Vec<_> =
        met.map(|log| (log.host, incident.on_one_clock(log.host, log.first) < first)).collect();
    if begun.iter().any(|(_, before)| !before) {
        return Some(false);
    }
    open.iter().all(|source| begun.iter().any(|(host, _)| host == source)).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `.` succeeded, `F` failed, a minute each.
    fn of(outcomes: &str) -> Option<Estimate> {
        let time = |at: usize| Timestamp::from_second(60 * at as i64).unwrap();
        let outcomes: Vec<_> = outcomes.chars().enumerate().map(|(at, c)| (time(at), c == 'F')).collect();
        change_point(&outcomes)
    }

    fn counts(estimate: Estimate) -> ((usize, usize), (usize, usize)) {
        let of = |side: Tally| (side.failed, side.attempts);
        (of(estimate.before), of(estimate.after))
    }

    #[test]
    fn a_clean_break_is_found_where_it_is() {
        let estimate = of("..............FFFFFF").unwrap();
        assert_eq!(counts(estimate), ((0, 14), (6, 6)));
        assert_eq!((estimate.from.unwrap().as_second(), estimate.to.as_second()), (13 * 60, 14 * 60));
        assert_eq!(estimate.p_value, 0.00049);
        assert!(!estimate.intermittent);
    }

    #[test]
    fn intermittent_failures_have_an_onset_too() {
        let estimate = of("...........F.FF.FF").unwrap();
        assert_eq!(counts(estimate), ((0, 11), (5, 7)));
        assert!(estimate.intermittent && estimate.p_value < 0.05, "{estimate:?}");
        // A lone failure long before is no onset.
        assert_eq!(counts(of("....F...........FFFFFFFF").unwrap()), ((1, 16), (8, 8)));
    }

    #[test]
    fn without_a_success_before_nothing_is_claimed() {
        for outcomes in ["FF", "FFFF", "FF..", "F."] {
            let estimate = of(outcomes).unwrap();
            assert_eq!(
                (estimate.from, estimate.p_value, estimate.before.attempts),
                (None, 1.0, 0),
                "{outcomes}"
            );
        }
        for outcomes in ["", "F", "...", "."] {
            assert_eq!(of(outcomes), None, "{outcomes}");
        }
    }

    #[test]
    fn few_attempts_are_no_surprise() {
        assert_eq!(of(".F").unwrap().p_value, 0.5);
        assert_eq!(of("..F").unwrap().p_value, 0.667);
        assert_eq!(of(".F.F").unwrap().p_value, 1.0);
    }

    #[test]
    fn attempts_of_one_moment_are_not_split() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let estimate = change_point(&[(at(1), false), (at(2), false), (at(2), true), (at(3), true)]).unwrap();
        assert_eq!(counts(estimate), ((0, 1), (2, 3)));
        assert!(change_point(&[(at(1), false), (at(1), true)]).unwrap().from.is_none());
    }

    /// Were the order chance, a p of x or less would come up in at most x of all orders.
    #[test]
    fn the_corrected_p_keeps_its_promise() {
        for (n, failed) in [(8usize, 3u32), (10, 5), (12, 2)] {
            let orders = (0..1u32 << n).filter(|bits| bits.count_ones() == failed);
            let all: Vec<f64> = orders
                .map(|bits| (0..n).map(|at| if bits >> at & 1 == 1 { 'F' } else { '.' }).collect::<String>())
                .map(|outcomes| of(&outcomes).unwrap().p_value)
                .collect();
            for x in [0.01, 0.05, 0.1, 0.25, 0.5] {
                let share = all.iter().filter(|p| **p <= x).count() as f64 / all.len() as f64;
                assert!(share <= x, "{n} {failed} {x}: {share}");
            }
        }
    }
}
