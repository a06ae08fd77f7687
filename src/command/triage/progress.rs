//! How far a run is, on standard error: bars on a terminal, else a plain line now and then.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{BinaryBytes, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::triage::{Line, Status};

/// Between two plain lines.
const PAUSE: Duration = Duration::from_secs(10);
/// Verdicts that are named; the rest is counted together.
const NAMED: usize = 6;

/// How far a run is.
pub(super) struct Progress {
    shown: Shown,
    begun: Instant,
    total: Option<usize>,
    done: usize,
    failed: usize,
    bytes: u64,
    verdicts: BTreeMap<String, usize>,
}

enum Shown {
    Nowhere,
    /// The bar, and what was found below it.
    Bars(ProgressBar, ProgressBar),
    /// A line, when this time has come.
    Lines(Instant),
}

impl Progress {
    /// Begins; `total` is `None` where the list is still being read.
    pub(super) fn new(total: Option<usize>, hidden: bool) -> Self {
        let begun = Instant::now();
        let shown = match (hidden, io::stderr().is_terminal()) {
            (true, _) => Shown::Nowhere,
            (false, true) => bars(total),
            (false, false) => Shown::Lines(begun + PAUSE),
        };
        Self { shown, begun, total, done: 0, failed: 0, bytes: 0, verdicts: BTreeMap::new() }
    }

    /// Takes note of a line.
    pub(super) fn note(&mut self, line: &Line) {
        self.done += 1;
        self.failed += usize::from(line.status == Status::Error);
        self.bytes += line.bytes.unwrap_or_default();
        if let Some(verdict) = &line.verdict {
            *self.verdicts.entry(verdict.cause.clone()).or_default() += 1;
        }
        match &self.shown {
            Shown::Nowhere => {}
            Shown::Bars(bar, found) => {
                bar.inc(1);
                found.set_message(self.found());
            }
            Shown::Lines(due) if Instant::now() >= *due => {
                self.say();
                self.shown = Shown::Lines(Instant::now() + PAUSE);
            }
            Shown::Lines(_) => {}
        }
    }

    /// Ends, with a last line where others were shown.
    pub(super) fn finish(self) {
        match &self.shown {
            Shown::Bars(bar, found) => {
                bar.finish();
                found.finish();
            }
            Shown::Lines(_) if self.begun.elapsed() >= PAUSE => self.say(),
            _ => {}
        }
    }

    fn say(&self) {
        let seconds = self.begun.elapsed().as_secs_f64();
        let rate = self.done as f64 / seconds.max(0.001);
        let of = self.total.map_or_else(String::new, |total| format!("/{total}"));
        let left = self.total.map(|total| total.saturating_sub(self.done) as f64 / rate);
        let left = left.map_or_else(String::new, |left| format!(", {left:.0} s left"));
        // Nobody is left to be told where standard error is gone too.
        let _ = writeln!(
            io::stderr(),
            "kcdoctor: {}{of} bundles, {rate:.1}/s{left}; {}",
            self.done,
            self.found()
        );
    }

    /// What was found so far, the most frequent verdicts first.
    fn found(&self) -> String {
        let mut verdicts: Vec<_> = self.verdicts.iter().collect();
        verdicts.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let mut parts: Vec<_> =
            verdicts.iter().take(NAMED).map(|(cause, count)| format!("{cause} {count}")).collect();
        let rest: usize = verdicts.iter().skip(NAMED).map(|(_, count)| **count).sum();
        if rest > 0 {
            parts.push(format!("others {rest}"));
        }
        let verdicts = if parts.is_empty() { "no verdict yet".to_owned() } else { parts.join(", ") };
        format!("{} read, {} errors; {verdicts}", BinaryBytes(self.bytes), self.failed)
    }
}

fn bars(total: Option<usize>) -> Shown {
    let both = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(4));
    let (bar, template) = match total {
        Some(total) => {
            (ProgressBar::new(total as u64), "{pos}/{len} bundles {wide_bar} {per_sec}, {eta} left")
        }
        None => (ProgressBar::no_length(), "{pos} bundles {spinner} {per_sec}, {elapsed}"),
    };
    let style =
        |template| ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = both.add(bar.with_style(style(template)));
    let found = both.add(ProgressBar::no_length().with_style(style("{wide_msg}")));
    Shown::Bars(bar, found)
}
