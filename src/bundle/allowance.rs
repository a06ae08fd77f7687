//! What the reading of one bundle may take, of time and of bytes.
//!
//! [`Limits`](super::Limits) cut a bundle at a place that depends on nothing but the bundle, so what was read before is
//! judged. An allowance ends the reading wherever it is, on all threads. Whoever gives one judges no bundle that spent it.

use std::io;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use super::stream::Refusal;

/// Time and bytes for one bundle, which all its readers share.
#[derive(Debug)]
pub struct Allowance {
    deadline: Option<Instant>,
    left: Option<AtomicI64>,
}

/// What of an allowance is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// The time.
    Time,
    /// The bytes.
    Bytes,
}

impl Allowance {
    /// So much time from now on, and so many bytes; `None` is as much as it takes.
    #[must_use]
    pub fn new(time: Option<Duration>, bytes: Option<u64>) -> Self {
        let left = bytes.map(|bytes| AtomicI64::new(i64::try_from(bytes).unwrap_or(i64::MAX)));
        Self { deadline: time.and_then(|time| Instant::now().checked_add(time)), left }
    }

    /// What was used up, if anything.
    #[must_use]
    pub fn spent(&self) -> Option<Spent> {
        let is_late = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let is_over = || self.left.as_ref().is_some_and(|left| left.load(Ordering::Relaxed) < 0);
        if is_late { Some(Spent::Time) } else { is_over().then_some(Spent::Bytes) }
    }

    /// Bytes that are left.
    pub(super) fn left(&self) -> Option<u64> {
        self.left.as_ref().map(|left| u64::try_from(left.load(Ordering::Relaxed)).unwrap_or(0))
    }

    /// Takes bytes that were read, whether there are so many or not.
    pub(super) fn take(&self, bytes: usize) {
        if let Some(left) = &self.left {
            left.fetch_sub(i64::try_from(bytes).unwrap_or(i64::MAX), Ordering::Relaxed);
        }
    }
}

/// Reads by `read` if the allowance lets it, and takes what was read from it.
///
/// # Errors
/// Those of `read`, and that of an allowance that is used up.
pub(super) fn spending(
    allowance: Option<&Allowance>,
    read: impl FnOnce() -> io::Result<usize>,
) -> io::Result<usize> {
    let Some(allowance) = allowance else { return read() };
    in_budget(Some(allowance))?;
    let count = read()?;
    allowance.take(count);
    in_budget(Some(allowance))?;
    Ok(count)
}

/// Nothing, while there is something left.
///
/// # Errors
/// That of an allowance that is used up.
pub(super) fn in_budget(allowance: Option<&Allowance>) -> io::Result<()> {
    let (code, detail) = match allowance.and_then(Allowance::spent) {
        None => return Ok(()),
        Some(Spent::Time) => ("deadline", "not read to its end within the time that one bundle has"),
        Some(Spent::Bytes) => {
            ("bundle-too-large", "not read to its end: the bundle is larger than one may be")
        }
    };
    Err(Refusal::error(code, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_readers_of_a_bundle_share_its_bytes() {
        let allowance = Allowance::new(None, Some(10));
        let read = |count| spending(Some(&allowance), || Ok(count));
        assert_eq!((read(6).unwrap(), read(4).unwrap()), (6, 4));
        assert_eq!(allowance.spent(), None);
        let error = read(1).unwrap_err();
        assert_eq!(Refusal::of(&error).map(|refusal| refusal.code), Some("bundle-too-large"));
        assert_eq!(allowance.spent(), Some(Spent::Bytes));
    }

    #[test]
    fn nothing_is_read_when_the_time_is_over() {
        let allowance = Allowance::new(Some(Duration::ZERO), None);
        let error = spending(Some(&allowance), || panic!("read")).unwrap_err();
        assert_eq!(Refusal::of(&error).map(|refusal| refusal.code), Some("deadline"));
        assert_eq!(Allowance::new(Some(Duration::MAX), None).spent(), None);
    }
}
