//! Several at work at once, and their answers in the order of the jobs.
//!
//! Jobs are handed out one by one, to whoever is free. No more than [`AHEAD`] for each worker are handed out beyond the
//! oldest that is not done, so that answers which wait for a slow one stay few.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Answers that may wait for an earlier one, for each worker.
const AHEAD: usize = 32;

/// Gives each of `jobs` to one of `workers`, and each answer with its job's number to `done`: by number, or, if not
/// `in_order`, as they come.
///
/// # Errors
/// The first of `done`; then no more jobs are handed out.
pub(super) fn run<J, A, W, E>(
    jobs: impl Iterator<Item = J> + Send,
    workers: Vec<W>,
    in_order: bool,
    mut done: impl FnMut(usize, A) -> Result<(), E>,
) -> Result<(), E>
where
    J: Send,
    A: Send,
    W: FnMut(J) -> A + Send,
{
    let most = workers.len() * AHEAD;
    let (permit, permits) = sync_channel(most);
    let source = Mutex::new(Source { jobs: jobs.enumerate(), permit });
    let (answer, answers) = channel();
    thread::scope(|scope| {
        for mut work in workers {
            let (source, answer) = (&source, answer.clone());
            scope.spawn(move || {
                while let Some((number, job)) = next(source) {
                    // Nobody listens where an answer could not be taken.
                    if answer.send((number, work(job))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(answer);
        deliver(answers, permits, in_order, &mut done)
    })
}

struct Source<I> {
    jobs: I,
    permit: SyncSender<()>,
}

/// The next job, as soon as one may be handed out.
fn next<I: Iterator>(source: &Mutex<Source<I>>) -> Option<I::Item> {
    let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
    source.permit.send(()).ok()?;
    source.jobs.next()
}

fn deliver<A, E>(
    answers: Receiver<(usize, A)>,
    permits: Receiver<()>,
    in_order: bool,
    done: &mut impl FnMut(usize, A) -> Result<(), E>,
) -> Result<(), E> {
    let mut waiting = BTreeMap::new();
    let mut turn = 0;
    for (number, answer) in answers {
        waiting.insert(number, answer);
        while let Some((number, answer)) =
            if in_order { waiting.remove_entry(&turn) } else { waiting.pop_first() }
        {
            turn += 1;
            // One was sent for each job that was handed out.
            let _ = permits.recv();
            done(number, answer)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    fn slow(number: usize) -> usize {
        thread::sleep(Duration::from_micros((number * 7 % 11) as u64 * 50));
        number * 2
    }

    #[test]
    fn answers_come_in_the_order_of_the_jobs() {
        let mut got = Vec::new();
        let workers = vec![slow; 4];
        let done = |number, answer| {
            got.push((number, answer));
            Ok::<_, Infallible>(())
        };
        run(0..500, workers, true, done).unwrap();
        assert_eq!(got, (0..500).map(|number| (number, number * 2)).collect::<Vec<_>>());
    }

    #[test]
    fn without_order_none_is_lost() {
        let mut got = Vec::new();
        let done = |number, _| {
            got.push(number);
            Ok::<_, Infallible>(())
        };
        run(0..500, vec![slow; 4], false, done).unwrap();
        got.sort_unstable();
        assert_eq!(got, (0..500).collect::<Vec<_>>());
    }

    #[test]
    fn few_answers_wait_for_a_slow_one() {
        let handed = AtomicUsize::new(0);
        let work = |number: usize| {
            handed.fetch_max(number, Ordering::SeqCst);
            if number == 0 {
                thread::sleep(Duration::from_millis(100));
            }
            handed.load(Ordering::SeqCst)
        };
        let mut first = None;
        let done = |number, seen| {
            first.get_or_insert((number, seen));
            Ok::<_, Infallible>(())
        };
        run(0..10_000, vec![work; 2], true, done).unwrap();
        let (number, seen) = first.unwrap();
        assert!(number == 0 && seen < 2 * AHEAD + 2, "{number} {seen}");
    }

    #[test]
    fn an_answer_that_can_not_be_taken_ends_the_work() {
        let handed = AtomicUsize::new(0);
        let work = |number: usize| handed.fetch_max(number, Ordering::SeqCst);
        let result = run(
            0..usize::MAX,
            vec![work; 2],
            true,
            |number, _| if number < 10 { Ok(()) } else { Err("full") },
        );
        assert_eq!(result, Err("full"));
    }
}
