//! Fisher's exact test in log space: how surprising it is that this many failures stand on one side of a split.
//!
//! Of `n` attempts with `F` failures in any order, the number of failures among the last `m` follows the
//! hypergeometric distribution (Fisher, The Design of Experiments, 1935). What is *not* done here: choosing the split.

/// `ln(n!)` for every n up to a bound, added up once.
#[derive(Debug)]
pub(super) struct LogFactorials(Vec<f64>);

/// Attempts on one side of a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Failed ones.
    pub failed: usize,
    /// All.
    pub attempts: usize,
}

impl LogFactorials {
    /// The table up to `bound`.
    pub(super) fn up_to(bound: usize) -> Self {
        let mut sum = 0.0;
        let next = |n: usize| {
            sum += if n == 0 { 0.0 } else { (n as f64).ln() };
            sum
        };
        Self((0..=bound).map(next).collect())
    }

    /// `ln` of the ways to choose `k` of `n`; `-∞` where there is none.
    fn ln_choose(&self, n: usize, k: usize) -> f64 {
        let of = |n: usize| self.0.get(n).copied().unwrap_or(f64::INFINITY);
        if k > n { f64::NEG_INFINITY } else { of(n) - of(k) - of(n - k) }
    }

    /// The probability of at least as many failures `after` as there are, were the order of all attempts chance.
    pub(super) fn more_after(&self, before: Tally, after: Tally) -> f64 {
        let failed = before.failed + after.failed;
        let all = self.ln_choose(before.attempts + after.attempts, failed);
        let most = failed.min(after.attempts);
        let ways = |own: usize| {
            self.ln_choose(after.attempts, own) + self.ln_choose(before.attempts, failed - own) - all
        };
        // The smallest terms first, so that none is lost.
        (after.failed..=most).rev().map(|own| ways(own).exp()).sum::<f64>().min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(before: (usize, usize), after: (usize, usize)) -> f64 {
        let tally = |(failed, attempts)| Tally { failed, attempts };
        LogFactorials::up_to(before.1 + after.1).more_after(tally(before), tally(after))
    }

    fn is_near(one: f64, other: f64) -> bool {
        (one - other).abs() <= 1e-9 * other
    }

    /// Fisher's tea: of eight cups four were guessed right, or three; the published values are 1/70 and 17/70.
    #[test]
    fn published_values() {
        assert!(is_near(p((0, 4), (4, 4)), 1.0 / 70.0));
        assert!(is_near(p((1, 4), (3, 4)), 17.0 / 70.0));
        // Fisher's twins of criminals (1935): 2 of 17 dizygotic and 10 of 13 monozygotic convicted, p = 0.000465.
        assert!((p((2, 17), (10, 13)) - 0.000_465_2).abs() < 1e-7);
        assert!(is_near(p((0, 14), (6, 6)), 1.0 / 38_760.0));
    }

    /// Every order of failures counted by hand: n attempts as bits, the last m of them the ones after.
    #[test]
    fn brute_force() {
        for n in 1..=10usize {
            for m in 0..=n {
                for bits in 0..1u32 << n {
                    let count = |bits: u32| bits.count_ones() as usize;
                    let (failed, after) = (count(bits), count(bits & ((1 << m) - 1)));
                    let alike = |other: &u32| count(*other) == failed;
                    let total = (0..1u32 << n).filter(alike).count();
                    let more = (0..1u32 << n)
                        .filter(alike)
                        .filter(|other| count(other & ((1 << m) - 1)) >= after)
                        .count();
                    let own = p((failed - after, n - m), (after, m));
                    assert!(is_near(own, more as f64 / total as f64), "{n} {m} {bits:b}: {own}");
                }
            }
        }
    }

    #[test]
    fn large_numbers_stay_numbers() {
        assert!(p((0, 50_000), (50_000, 50_000)) >= 0.0);
        assert!(is_near(p((0, 50_000), (1, 50_000)), 0.5));
        assert_eq!(p((0, 0), (5, 5)), 1.0);
    }
}
