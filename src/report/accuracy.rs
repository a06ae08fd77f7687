//! How well verdicts do over incidents of known truth, as plain data.
//!
//! What is *not* done here: drawing and judging incidents (see [`crate::command::simulate`]), layout.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{SCHEMA_VERSION, Tool};
use crate::diagnose::Level;
use crate::knowledge::Knowledge;

/// Verdicts of one cause that are enough to tell how often it is right.
const ENOUGH: usize = 30;

/// The report of `kcdoctor simulate`.
#[derive(Debug, Serialize)]
pub struct Accuracy {
    /// The version of this form.
    pub schema_version: u32,
    /// The command that made it.
    pub command: &'static str,
    /// What made it.
    pub tool: Tool,
    /// The seed of the first incident of each set; the others follow it.
    pub first_seed: u64,
    /// Sets of incidents.
    pub sets: Vec<Set>,
    /// What must hold, and whether it does.
    pub bounds: Vec<Bound>,
}

/// Incidents that were sent and read in one way.
#[derive(Debug, Clone, Serialize)]
pub struct Set {
    /// Whether everything was sent.
    pub complete: bool,
    /// Whether they were written as files and read again.
    pub files: bool,
    /// The score.
    pub score: Score,
}

/// Something that must hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bound {
    /// What is measured.
    pub what: &'static str,
    /// The bound, in words.
    pub wanted: &'static str,
    /// What was measured.
    pub measured: f64,
    /// Whether it holds.
    pub holds: bool,
}

impl Accuracy {
    /// The report on `sets`.
    #[must_use]
    pub fn of(first_seed: u64, sets: Vec<Set>, knowledge: &Knowledge) -> Self {
        let bounds = bounds(&sets);
        Self {
            schema_version: SCHEMA_VERSION,
            command: "simulate",
            tool: Tool::with(knowledge),
            first_seed,
            sets,
            bounds,
        }
    }

    /// The score of every incident of which everything was sent.
    #[must_use]
    pub fn complete(&self) -> Score {
        scored(&self.sets, |set| set.complete)
    }

    /// Whether every bound holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.bounds.iter().all(|bound| bound.holds)
    }
}

fn scored(sets: &[Set], keep: impl Fn(&Set) -> bool) -> Score {
    let kept = sets.iter().filter(|set| keep(set));
    Score::of(kept.flat_map(|set| set.score.stated.iter().cloned()).collect())
}

fn bounds(sets: &[Set]) -> Vec<Bound> {
    let (all, complete, thinned) =
        (scored(sets, |_| true), scored(sets, |set| set.complete), scored(sets, |set| !set.complete));
    let least =
        |what, wanted, measured: f64, bound: f64| Bound { what, wanted, measured, holds: measured >= bound };
    let most =
        |what, wanted, measured: f64, bound: f64| Bound { what, wanted, measured, holds: measured <= bound };
    vec![
        most("confirmed, and not so", "none", all.wrongly_confirmed().count() as f64, 0.0),
        least("right cause, everything sent", "0.99 or more", complete.right().value(), 0.99),
        least(
            "right, or honestly open, a third missing",
            "0.90 or more",
            thinned.right_or_open().value(),
            0.9,
        ),
        most("sure and wrong", "none", all.confidently_wrong().count() as f64, 0.0),
        most("expected calibration error", "0.05 or less", all.calibration_error(), 0.05),
        most(
            "what is probable, of any cause: stated less true",
            "0.20 or less",
            complete.most_overstated().max(thinned.most_overstated()),
            0.2,
        ),
        least("onset as the logs hold it, everything sent", "all", complete.onsets().value(), 1.0),
        least(
            "no pair blamed that the fault did not hit, everything sent",
            "0.99 or more",
            complete.pairs().value(),
            0.99,
        ),
        least(
            "both of two faults named, everything sent",
            "0.90 or more",
            complete.both_named().value(),
            0.9,
        ),
        least(
            "trigger named where there is one, everything sent",
            "0.95 or more",
            complete.triggers().value(),
            0.95,
        ),
        most("trigger named where there is none", "0.01 or less", all.false_triggers(), 0.01),
    ]
}

/// What was said of one incident, and what is true.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stated {
    /// The seed that gives it again.
    pub seed: u64,
    /// The cause that was planted; `healthy` where none was, `undetermined` where the machines do not say.
    pub truth: &'static str,
    /// The cause of the verdict.
    pub said: &'static str,
    /// Its level.
    pub level: Level,
    /// Its confidence.
    pub confidence: f64,
    /// The likeliest fault and its probability, whatever the verdict.
    pub leading: Option<(&'static str, f64)>,
    /// Other faults that were planted.
    pub also: Vec<&'static str>,
    /// Other faults that were named.
    pub said_also: Vec<(&'static str, Level)>,
    /// Whether the onset is the one that the logs hold; `None` where it was not asked.
    pub onset_right: Option<bool>,
    /// Whether every pair of the verdict is one that its fault hit; `None` where the verdict is wrong or names none.
    pub pairs_right: Option<bool>,
    /// The kind of change that set the fault off; `None` where none did, or no log can show that it did.
    pub trigger: Option<&'static str>,
    /// Whether the change that was named is one that did; `None` where none was named.
    pub trigger_right: Option<bool>,
}

impl Stated {
    /// Whether the verdict names the fault, or one of several. Where the machines do not say what it is, nothing may be
    /// called probable.
    #[must_use]
    pub fn is_right(&self) -> bool {
        let open =
            self.truth == "undetermined" && matches!(self.level, Level::Inconclusive | Level::Possible);
        self.said == self.truth || self.also.contains(&self.said) || open
    }

    /// Whether it leaves the question open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.level == Level::Inconclusive
    }

    /// Whether something is confirmed that is not so.
    #[must_use]
    pub fn is_wrongly_confirmed(&self) -> bool {
        let wrong = |cause: &str| self.truth != cause && !self.also.contains(&cause);
        self.level == Level::Confirmed && wrong(self.said)
            || self.said_also.iter().any(|(cause, level)| *level == Level::Confirmed && wrong(cause))
    }

    /// Whether it is wrong and nearly certain: confirmed, healthy, or stated with nine tenths.
    #[must_use]
    pub fn is_confidently_wrong(&self) -> bool {
        let sure = matches!(self.level, Level::Confirmed | Level::Healthy) || self.confidence >= 0.9;
        !self.is_right() && sure && self.level > Level::Inconclusive
    }
}

/// A share of a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Those that are.
    pub of: usize,
    /// All that were asked.
    pub all: usize,
}

impl Share {
    fn count(all: impl Iterator<Item = bool>) -> Self {
        all.fold(Self::default(), |share, yes| Self { of: share.of + usize::from(yes), all: share.all + 1 })
    }

    /// From 0 to 1; 1 of nothing.
    #[must_use]
    pub fn value(self) -> f64 {
        if self.all == 0 { 1.0 } else { self.of as f64 / self.all as f64 }
    }
}

/// Verdicts that state about the same confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// The lower end of the confidences in it.
    pub from: f64,
    /// How many.
    pub count: usize,
    /// Their mean confidence.
    pub stated: f64,
    /// The share that is right.
    pub right: f64,
}

/// Verdicts that name one cause at one level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Worth {
    /// How many.
    pub count: usize,
    /// Their mean confidence.
    pub stated: f64,
    /// The share that is right.
    pub right: f64,
}

/// The score of a set of incidents.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Score {
    /// Every incident, by seed.
    pub stated: Vec<Stated>,
}

impl Score {
    /// The score of what was `stated`.
    #[must_use]
    pub fn of(stated: Vec<Stated>) -> Self {
        Self { stated }
    }

    /// Verdicts that name the fault.
    #[must_use]
    pub fn right(&self) -> Share {
        Share::count(self.stated.iter().map(Stated::is_right))
    }

    /// Verdicts that name the fault or leave it open.
    #[must_use]
    pub fn right_or_open(&self) -> Share {
        Share::count(self.stated.iter().map(|stated| stated.is_right() || stated.is_open()))
    }

    /// Incidents in which something is confirmed that is not so.
    pub fn wrongly_confirmed(&self) -> impl Iterator<Item = &Stated> {
        self.stated.iter().filter(|stated| stated.is_wrongly_confirmed())
    }

    /// Incidents whose verdict is wrong and sure of itself.
    pub fn confidently_wrong(&self) -> impl Iterator<Item = &Stated> {
        self.stated.iter().filter(|stated| stated.is_confidently_wrong())
    }

    /// Onsets that are those of the logs.
    #[must_use]
    pub fn onsets(&self) -> Share {
        Share::count(self.stated.iter().filter_map(|stated| stated.onset_right))
    }

    /// Verdicts that blame no pair but those that the fault hit.
    #[must_use]
    pub fn pairs(&self) -> Share {
        Share::count(self.stated.iter().filter_map(|stated| stated.pairs_right))
    }

    /// Verdicts that name every fault, of incidents with several that can be told: one as the verdict, the others
    /// beside it.
    #[must_use]
    pub fn both_named(&self) -> Share {
        let is_told = |stated: &&Stated| !stated.also.is_empty() && stated.truth != "undetermined";
        let several = self.stated.iter().filter(is_told);
        Share::count(several.map(|stated| {
            let is_named = |cause: &&str| {
                stated.said == *cause || stated.said_also.iter().any(|(also, _)| also == cause)
            };
            std::iter::once(&stated.truth).chain(&stated.also).all(is_named)
        }))
    }

    /// Triggers named, of incidents that have one.
    #[must_use]
    pub fn triggers(&self) -> Share {
        let with = self.stated.iter().filter(|stated| stated.trigger.is_some());
        Share::count(with.map(|stated| stated.trigger_right == Some(true)))
    }

    /// The same by the kind of change.
    #[must_use]
    pub fn triggers_by_kind(&self) -> BTreeMap<&'static str, Share> {
        let mut counts: BTreeMap<_, Share> = BTreeMap::new();
        for stated in &self.stated {
            let Some(kind) = stated.trigger else { continue };
            let share = counts.entry(kind).or_default();
            share.all += 1;
            share.of += usize::from(stated.trigger_right == Some(true));
        }
        counts
    }

    /// The share of incidents without a trigger in which one is named.
    #[must_use]
    pub fn false_triggers(&self) -> f64 {
        let without = self.stated.iter().filter(|stated| stated.trigger.is_none());
        let named = without.clone().filter(|stated| stated.trigger_right == Some(false)).count();
        named as f64 / without.count().max(1) as f64
    }

    /// Truth and verdict, and how often; a verdict that names the second of two faults counts as the first.
    #[must_use]
    pub fn confusion(&self) -> BTreeMap<(&'static str, &'static str), usize> {
        let mut counts = BTreeMap::new();
        for stated in &self.stated {
            let said = if stated.also.contains(&stated.said) { stated.truth } else { stated.said };
            *counts.entry((stated.truth, said)).or_default() += 1;
        }
        counts
    }

    /// Levels of each true cause: how often the verdict names it at that level.
    #[must_use]
    pub fn levels(&self) -> BTreeMap<&'static str, BTreeMap<Level, Share>> {
        let mut counts: BTreeMap<_, BTreeMap<Level, Share>> = BTreeMap::new();
        for stated in &self.stated {
            let share = counts.entry(stated.truth).or_default().entry(stated.level).or_default();
            share.all += 1;
            share.of += usize::from(stated.is_right());
        }
        counts
    }

    /// What a verdict is worth, by its cause and level.
    #[must_use]
    pub fn worths(&self) -> BTreeMap<(&'static str, Level), Worth> {
        let mut worths: BTreeMap<_, Worth> = BTreeMap::new();
        for stated in &self.stated {
            let worth = worths.entry((stated.said, stated.level)).or_default();
            worth.count += 1;
            worth.stated += stated.confidence;
            worth.right += f64::from(u8::from(stated.is_right()));
        }
        for worth in worths.values_mut() {
            worth.stated /= worth.count as f64;
            worth.right /= worth.count as f64;
        }
        worths
    }

    /// How much more than true is stated of the cause that is overstated most where it is called probable, of those that
    /// are so often enough to tell.
    #[must_use]
    pub fn most_overstated(&self) -> f64 {
        let worths = self.worths().into_iter();
        let told = worths.filter(|((_, level), worth)| *level == Level::Probable && worth.count >= ENOUGH);
        told.map(|(_, worth)| worth.stated - worth.right).fold(0.0, f64::max)
    }

    /// Stated confidence against truth in ten bins: of the verdict, and where that leaves the cause open, of the
    /// likeliest fault.
    #[must_use]
    pub fn bins(&self) -> Vec<Bin> {
        let mut bins: BTreeMap<u32, (usize, f64, usize)> = BTreeMap::new();
        for stated in &self.stated {
            let said = if stated.said == "undetermined" {
                stated.leading
            } else {
                Some((stated.said, stated.confidence))
            };
            let Some((cause, confidence)) = said else { continue };
            let right = cause == stated.truth || stated.also.contains(&cause);
            let bin = bins.entry(((confidence * 10.0) as u32).min(9)).or_default();
            *bin = (bin.0 + 1, bin.1 + confidence, bin.2 + usize::from(right));
        }
        let bin = |(at, (count, sum, right)): (u32, (usize, f64, usize))| Bin {
            from: f64::from(at) / 10.0,
            count,
            stated: sum / count as f64,
            right: right as f64 / count as f64,
        };
        bins.into_iter().map(bin).collect()
    }

    /// The expected calibration error: the mean distance between stated and true, weighted by the bins.
    #[must_use]
    pub fn calibration_error(&self) -> f64 {
        let bins = self.bins();
        let all: usize = bins.iter().map(|bin| bin.count).sum();
        bins.iter().map(|bin| (bin.stated - bin.right).abs() * bin.count as f64 / all.max(1) as f64).sum()
    }
}
