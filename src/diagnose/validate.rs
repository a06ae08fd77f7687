//! After a fix or a hardening: was every ordered pair seen to work since, or is a test owed.
//!
//! A success counts for a pair only where its records name both ends, and proves it only where the logs of both ends
//! hold that time, so that a failure after it would have been seen. What is *not* done here: saying what broke (see
//! [`super::diagnose`], whose verdicts explain the failures).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Diagnosis, Judgement, Level};
use crate::evidence::{Evidence, HostId};
use crate::incident::{Attempt, Change, HYPER_V, Incident, Kind, Outcome, Pair};

/// Part of the name of the log of a cluster's machines, and of the files that it is exported to.
const CLUSTER_LOG: &str = "high-availability";

/// What the logs show of each pair.
#[derive(Debug)]
pub struct Validation<'a> {
    /// Every pair of the incident, in its order.
    pub pairs: Vec<Validated<'a>>,
    /// Failures since, by attempt, with what explains them.
    pub failures: Vec<Failed<'a>>,
    /// Successes since whose records do not name both ends, by attempt: they prove no pair.
    pub unnamed: Vec<usize>,
}

/// How a pair stands. Ordered from worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PairState {
    /// Its last move since failed.
    Failing,
    /// The logs do not reach: whether it works can't be said.
    Unseen,
    /// The logs reach, and no success is in them, or something failed after it that may have been the pair's: a test is
    /// owed.
    Owed,
    /// It succeeded since, both ends' logs hold that time, and nothing failed after it.
    Proven,
}

/// From when on a pair is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Since<'a> {
    /// The time; `None` where nothing gives one, and all that the logs hold counts.
    pub at: Option<Timestamp>,
    /// The change that gives it, where the caller did not.
    pub by: Option<&'a Change>,
}

/// What a pair's logs show.
#[derive(Debug)]
pub struct Validated<'a> {
    /// From when on.
    pub since: Since<'a>,
    /// How it stands.
    pub state: PairState,
    /// Successes since that name both ends, by attempt.
    pub succeeded: Vec<usize>,
    /// Failures since.
    pub failed: Vec<usize>,
    /// Successes since that may be of this pair.
    pub unnamed: Vec<usize>,
    /// After its last success a move failed that may have been this one, for the records do not say between whom.
    pub in_doubt: bool,
    /// What the logs of source and target hold.
    pub ends: [Reviewed; 2],
}

/// What is there of one end's Hyper-V logs.
#[derive(Debug, Clone, Copy)]
pub struct Reviewed {
    /// The end.
    pub host: HostId,
    /// The first record; `None` where no log of Hyper-V is there.
    pub from: Option<Timestamp>,
    /// The last record of any of its logs, of every channel: up to then a Hyper-V log that says nothing was quiet.
    pub to: Option<Timestamp>,
    /// Whether that reaches as far as the pair's state rests on it.
    pub is_enough: bool,
    /// Records are missing after the time in question.
    pub has_hole: bool,
    /// Its times have no zone, so they can't be set against others.
    pub is_local: bool,
    /// The source of a pair of one cluster, which logs what it refuses apart, and that log is not there.
    pub lacks_cluster_log: bool,
}

/// A failure and what explains it.
#[derive(Debug)]
pub struct Failed<'a> {
    /// The attempt.
    pub attempt: usize,
    /// The judgement that explains it; `None` where none does.
    pub by: Option<&'a Judgement<'a>>,
}

/// Says how each pair stands since `fixed_at`; without it, since the last change of the directory, of a policy or of the
/// system that was seen on either end.
#[must_use]
pub fn validate<'a>(
    incident: &'a Incident,
    evidence: &Evidence,
    diagnosis: &'a Diagnosis<'a>,
    fixed_at: Option<Timestamp>,
) -> Validation<'a> {
    let seen = Seen::of(incident, evidence, fixed_at);
    let is_since = |attempt: &Attempt| {
        let ends = attempt.writers.iter().copied().chain(attempt.source).chain(attempt.target);
        seen.since(ends).holds(attempt)
    };
    let of = |outcome: Outcome| {
        let all = incident.attempts.iter().enumerate();
        all.filter(move |(_, attempt)| attempt.outcome == outcome && is_since(attempt))
    };
    let unnamed = of(Outcome::Succeeded).filter(|(_, attempt)| !names_both(attempt));
    let failed =
        of(Outcome::Failed).map(|(index, _)| Failed { attempt: index, by: explanation(index, diagnosis) });
    Validation {
        pairs: incident.pairs.iter().map(|pair| seen.validated(pair)).collect(),
        failures: failed.collect(),
        unnamed: unnamed.map(|(index, _)| index).collect(),
    }
}

/// Whether the records of an attempt name both of its ends.
fn names_both(attempt: &Attempt) -> bool {
    attempt.direction_proven && attempt.source.is_some() && attempt.target.is_some()
}

impl Since<'_> {
    /// Whether an attempt was made since.
    fn holds(&self, attempt: &Attempt) -> bool {
        self.at.is_none_or(|at| attempt.time >= at)
    }
}

/// What is looked at, each found once for all pairs.
struct Seen<'a, 'e> {
    incident: &'a Incident,
    evidence: &'e Evidence,
    fixed_at: Option<Timestamp>,
    /// The last change that counts of each host.
    changes: BTreeMap<HostId, (Timestamp, &'a Change)>,
    /// Successes whose records do not name both ends, by the hosts that recorded them.
    unnamed: BTreeMap<HostId, Vec<usize>>,
    /// Failures of which an end is not known, by the hosts that recorded them and the end that is known.
    unplaced: BTreeMap<HostId, Vec<usize>>,
}

impl<'a, 'e> Seen<'a, 'e> {
    fn of(incident: &'a Incident, evidence: &'e Evidence, fixed_at: Option<Timestamp>) -> Self {
        const COUNTING: [Kind; 5] =
            [Kind::Directory, Kind::Policy, Kind::Update, Kind::OsUpgrade, Kind::CredentialGuard];
        let mut changes: BTreeMap<HostId, (Timestamp, &Change)> = BTreeMap::new();
        for change in incident.changes.iter().filter(|change| COUNTING.contains(&change.kind)) {
            // Of a change of which only the day is known the end of that day counts.
            let at = change.effective.or(change.installed).map(|when| when.span().1);
            if let Some((host, at)) = change.host.zip(at)
                && changes.get(&host).is_none_or(|(known, _)| *known <= at)
            {
                changes.insert(host, (at, change));
            }
        }
        let mut unnamed: BTreeMap<HostId, Vec<usize>> = BTreeMap::new();
        let succeeded = incident.attempts.iter().enumerate();
        for (index, attempt) in
            succeeded.filter(|(_, attempt)| attempt.outcome == Outcome::Succeeded && !names_both(attempt))
        {
            attempt.writers.iter().for_each(|host| unnamed.entry(*host).or_default().push(index));
        }
        let mut unplaced: BTreeMap<HostId, Vec<usize>> = BTreeMap::new();
        for (index, attempt) in incident.attempts.iter().enumerate() {
            if attempt.outcome == Outcome::Failed && (attempt.source.is_none() || attempt.target.is_none()) {
                let hosts = attempt.writers.iter().copied().chain(attempt.source).chain(attempt.target);
                for host in hosts.collect::<BTreeSet<_>>() {
                    unplaced.entry(host).or_default().push(index);
                }
            }
        }
        Self { incident, evidence, fixed_at, changes, unnamed, unplaced }
    }

    /// From when on hosts are looked at.
    fn since(&self, hosts: impl IntoIterator<Item = HostId>) -> Since<'a> {
        if self.fixed_at.is_some() {
            return Since { at: self.fixed_at, by: None };
        }
        let last = hosts.into_iter().filter_map(|host| self.changes.get(&host)).max_by_key(|(at, _)| *at);
        Since { at: last.map(|(at, _)| *at), by: last.map(|(_, change)| *change) }
    }

    fn validated(&self, pair: &Pair) -> Validated<'a> {
        let ends = [pair.source, pair.target];
        let since = self.since(ends);
        let of = |attempts: &mut dyn Iterator<Item = (usize, &Attempt)>| -> Vec<usize> {
            attempts.filter(|(_, attempt)| since.holds(attempt)).map(|(index, _)| index).collect()
        };
        let mut successes = self.incident.successes(pair).filter(|(_, attempt)| names_both(attempt));
        let succeeded = of(&mut successes);
        let failed = of(&mut self.incident.failures(pair));
        let fits = |end: Option<HostId>, own: HostId| end.is_none_or(|end| end == own);
        let recorded = ends.iter().filter_map(|host| self.unnamed.get(host)).flatten();
        let recorded: BTreeSet<usize> = recorded.copied().collect();
        let mut unnamed = recorded
            .into_iter()
            .filter_map(|index| Some((index, self.incident.attempts.get(index)?)))
            .filter(|(_, own)| fits(own.source, pair.source) && fits(own.target, pair.target));
        let unnamed = of(&mut unnamed);
        let last = |all: &[usize]| {
            let attempts = all.iter().filter_map(|index| self.incident.attempts.get(*index));
            attempts.map(|attempt| attempt.time).max()
        };
        let (success, failure) = (last(&succeeded), last(&failed));
        let asked = success.or(since.at);
        let reviewed =
            ends.map(|host| reviewed(host, pair, asked, since.at.is_some(), self.incident, self.evidence));
        let in_doubt = success.is_some_and(|success| self.may_have_failed(pair, success));
        let state = match (success, failure) {
            (_, Some(failure)) if success.is_none_or(|success| failure >= success) => PairState::Failing,
            // What may have failed since is to be tried again, whatever else was not seen.
            (Some(_), _) if in_doubt => PairState::Owed,
            _ if !reviewed.iter().all(|end| end.is_enough) => PairState::Unseen,
            (Some(_), _) => PairState::Proven,
            _ => PairState::Owed,
        };
        Validated { since, state, succeeded, failed, unnamed, in_doubt, ends: reviewed }
    }

    /// Whether something failed after `success` at an end of `pair`, and nothing says that it was another pair's.
    fn may_have_failed(&self, pair: &Pair, success: Timestamp) -> bool {
        let ends = [pair.source, pair.target];
        let fits = |end: Option<HostId>, own: HostId| end.is_none_or(|end| end == own);
        let recorded = ends.iter().filter_map(|host| self.unplaced.get(host)).flatten();
        let mut failed = recorded.filter_map(|index| self.incident.attempts.get(*index));
        let mut loose = ends.iter().filter_map(|host| self.incident.loose_failures.get(host)).flatten();
        loose.any(|time| *time > success)
            || failed.any(|own| {
                own.time > success && fits(own.source, pair.source) && fits(own.target, pair.target)
            })
    }
}

/// What is there of the logs of `host`, an end of `pair`, asked for the time `asked`; `None` asks for any log. `is_dated` says that times
/// are set against one that another machine gave.
fn reviewed(
    host: HostId,
    pair: &Pair,
    asked: Option<Timestamp>,
    is_dated: bool,
    incident: &Incident,
    evidence: &Evidence,
) -> Reviewed {
    let at = |time: Timestamp| incident.on_one_clock(host, time);
    let hyper_v = || evidence.covered(host, |channel| channel.to_ascii_lowercase().starts_with(HYPER_V));
    let from = hyper_v().map(|covered| at(covered.first)).min();
    let to =
        evidence.covered(host, |_| true).map(|covered| at(covered.last)).max().filter(|_| from.is_some());
    let misses =
        |asked: Timestamp| hyper_v().flat_map(|covered| &covered.holes).any(|(_, until)| at(*until) > asked);
    let has_hole = asked.is_some_and(misses) || hyper_v().any(|covered| evidence.is_damaged(covered));
    let is_local = is_dated && incident.local_times.contains(&host);
    let reaches = to.is_some_and(|to| asked.is_none_or(|asked| to >= asked));
    // The node that a machine runs on writes down what its cluster refuses.
    let is_asked = host == pair.source && incident.clusters.together(pair.source, pair.target);
    let is_it = |text: &str| text.to_ascii_lowercase().contains(CLUSTER_LOG);
    let lacks_cluster_log = is_asked
        && !hyper_v().any(|covered| is_it(&covered.channel))
        && !evidence.empty_logs(host).any(is_it);
    let is_enough = reaches && !has_hole && !is_local && !lacks_cluster_log;
    Reviewed { host, from, to, is_enough, has_hole, is_local, lacks_cluster_log }
}

/// The judgement that explains an attempt, the surest first.
fn explanation<'a>(attempt: usize, diagnosis: &'a Diagnosis<'a>) -> Option<&'a Judgement<'a>> {
    let all = std::iter::once(&diagnosis.verdict).chain(&diagnosis.also);
    let explains = |judgement: &&Judgement<'_>| {
        judgement.cause.is_fault()
            && judgement.level > Level::Inconclusive
            && judgement.attempts.contains(&attempt)
    };
    all.filter(explains).max_by_key(|judgement| judgement.level)
}
