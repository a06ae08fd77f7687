//! What the moves and the objects of a pair say of each other over time: what worked with things as they are, here or to
//! another target, what came to work by itself, and whether the directory's state is of the time of the failures.
//!
//! A window on the incident hides what it is asked to hide, and never what clears a cause: successes and changes outside of
//! it are asked as well.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Attempt, Change, Coverage, Incident, Loss, Outcome, Pair, When, delegation};
use crate::evidence::{Evidence, FactId, HostId};
use crate::fact::{DirectoryObject, Known, Reason};
use crate::knowledge::Class;

/// A domain controller logs a change within this time of stamping it.
const STAMPED: SignedDuration = SignedDuration::from_mins(5);

/// A move that arrived although its source's list names nothing of its target.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bare {
    target: HostId,
    time: Timestamp,
    fact: FactId,
    /// Whether the target may name the source instead; where it does, the move is none of these.
    may_be_granted: bool,
}

impl Incident {
    /// A success of `pair` after a move had failed for want of credentials, with no change of either object seen in
    /// between; unknown where a success after it may be one of the pair.
    #[must_use]
    pub fn moved_since_failure(&self, pair: &Pair) -> Known<Option<FactId>> {
        let Some(failed) = self.first_failure(pair, |class| class == Class::Delegation) else {
            return Known::Known(None);
        };
        let ends = [pair.source, pair.target];
        self.success(pair, |time| time > failed && !self.is_changed(ends, failed, time))
    }

    /// A success of `pair` after an end had been refused for who it is, with no change of either object seen in between:
    /// it came to work by itself.
    #[must_use]
    pub fn recovered(&self, pair: &Pair) -> Option<FactId> {
        let failed = self.first_failure(pair, is_of_identity)?;
        let ends = [pair.source, pair.target];
        self.placed_success(pair, |time| time > failed && !self.is_changed(ends, failed, time))
    }

    /// A success of `pair` before an end was first refused for who it is, when both objects already were as they are: it
    /// worked without what they lack. Only where the objects say since when they are so; unknown where a success in that
    /// time may be one of the pair.
    #[must_use]
    pub fn worked_unchanged(&self, pair: &Pair, evidence: &Evidence) -> Known<Option<FactId>> {
        let Some(failed) = self.first_failure(pair, is_of_identity) else { return Known::Known(None) };
        let ends = [pair.source, pair.target];
        let stamps =
            ends.map(|host| evidence.directory.computer(host).and_then(DirectoryObject::unchanged_since));
        let [Some(one), Some(other)] = stamps else { return Known::Known(None) };
        let since = one.max(other);
        self.success(pair, |time| time > since && time < failed && !self.is_changed(ends, time, failed))
    }

    /// A success of the pair's source to another target that is granted no more, with the objects as they were when the
    /// pair failed for want of credentials. Only where that target stands to the source as the pair's does, in one cluster
    /// or not; unknown where the target may have named the source.
    #[must_use]
    pub fn worked_elsewhere(&self, pair: &Pair, evidence: &Evidence) -> Known<Option<FactId>> {
        let Some(failed) = self.first_failure(pair, |class| class == Class::Delegation) else {
            return Known::Known(None);
        };
        let is_together = self.clusters.together(pair.source, pair.target);
        let was_so = |bare: &Bare| self.is_as_at([pair.source, bare.target], failed, bare.time, evidence);
        let of_source = self.bare.get(&pair.source).map_or(&[][..], Vec::as_slice).iter();
        let mut alike = of_source.filter(|bare| {
            bare.target != pair.target
                && self.clusters.together(pair.source, bare.target) == is_together
                && was_so(bare)
        });
        match alike.clone().find(|bare| !bare.may_be_granted) {
            Some(bare) => Known::Known(Some(bare.fact)),
            None if alike.next().is_some() => Known::Unknown(Reason::NotAskedFor),
            None => Known::Known(None),
        }
    }

    /// A ticket on a user's behalf that a domain controller gave the pair's source for its target, with both objects as
    /// they were when the pair failed for want of credentials.
    #[must_use]
    pub fn delegated_all_the_same(&self, pair: &Pair, evidence: &Evidence) -> Option<FactId> {
        let failed = self.first_failure(pair, |class| class == Class::Delegation)?;
        let ends = [pair.source, pair.target];
        let mut given = pair.kdc_granted.iter();
        given.find(|(time, _)| self.is_as_at(ends, failed, *time, evidence)).map(|(_, fact)| *fact)
    }

    /// Every success that its source's list does not explain, by source: of all the moves, also those outside of what is
    /// looked at.
    pub(super) fn bare(&self, evidence: &Evidence) -> BTreeMap<HostId, Vec<Bare>> {
        let arrived = |attempt: &&Attempt| attempt.outcome == Outcome::Succeeded && attempt.direction_proven;
        let mut by_ends: BTreeMap<(HostId, HostId), Vec<(Timestamp, FactId)>> = BTreeMap::new();
        for attempt in self.attempts.iter().chain(&self.beyond).filter(arrived) {
            if let (Some(source), Some(target), Some(fact)) =
                (attempt.source, attempt.target, attempt.facts.first())
            {
                by_ends.entry((source, target)).or_default().push((attempt.time, *fact));
            }
        }
        let (hosts, directory) = (&evidence.hosts, &evidence.directory);
        let mut bare: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for ((source, target), moves) in by_ends {
            let granted = directory.granted_by_target(source, target);
            let covered = delegation::coverage(source, target, hosts, directory);
            if covered == Known::Known(Coverage::None) && granted != Known::Known(true) {
                let may_be_granted = granted.known().is_none();
                let own = moves.into_iter().map(|(time, fact)| Bare { target, time, fact, may_be_granted });
                bare.entry(source).or_default().extend(own);
            }
        }
        bare
    }

    /// Every change of the computer object of `host`.
    pub fn object_changes(&self, host: HostId) -> impl Iterator<Item = &Change> {
        self.object_changes.get(&host).map_or(&[][..], Vec::as_slice).iter()
    }

    /// Whether the directory's state of `host` is that of another time than the failures at `times`, which are sorted: its
    /// object changed after them and before the export, or before them and after the export.
    #[must_use]
    pub fn is_outdated(&self, host: HostId, times: &[Timestamp], evidence: &Evidence) -> bool {
        let (Some(first), Some(last)) = (times.first(), times.last()) else { return false };
        if self.is_of_later(host, *first, evidence) {
            return true;
        }
        let exported_after = evidence.directory.computer(host).and_then(|object| object.when_changed);
        let dated = self.object_changes(host).filter_map(|change| Some((change, change.installed?)));
        dated.into_iter().any(|(change, when)| {
            let changed = when.span().0;
            // What was taken away after the first failure was still there when that happened.
            let is_later = changed > *last || changed > *first && !change.takes.is_empty();
            match exported_after {
                Some(stamp) => (changed.duration_since(stamp) <= STAMPED) == is_later,
                // Without a stamp an export counts as later than the change, unless that gave something: then it may
                // be the export that is older, and lack it for that.
                None => is_later || !change.gives.is_empty(),
            }
        })
    }

    /// Whether the object of `host` was made after `time`, or another export shows it otherwise and its stamp is of after
    /// `time`, with no record that it was changed before: then nobody knows how it was.
    fn is_of_later(&self, host: HostId, time: Timestamp, evidence: &Evidence) -> bool {
        let object = evidence.directory.computer(host);
        // An object is not changed before it is made.
        let made = object.and_then(|object| {
            object.when_created.filter(|made| object.when_changed.is_none_or(|changed| changed >= *made))
        });
        let decides = |change: &&Change| !change.takes.is_empty() || !change.gives.is_empty();
        let dated = || self.object_changes(host).filter(decides).filter_map(|change| change.installed);
        let between = |from: Timestamp| dated().any(|when| when.span().0 >= from && when.span().0 <= time);
        let revision = evidence.directory.revision(host).filter(|revision| revision.by > time);
        made.is_some_and(|made| made > time) || revision.is_some_and(|revision| !between(revision.after))
    }

    /// Whether the account of `host` is disabled, and may have been so only after `last`: its object changed later. A
    /// disabled account signs in nowhere and renews no password, which is what changes objects otherwise, so that change
    /// is most likely this one. Not where a record shows that it was disabled before.
    #[must_use]
    pub fn is_disabled_later(&self, host: HostId, last: Timestamp, evidence: &Evidence) -> bool {
        let Some(object) = evidence.directory.computer(host) else { return false };
        let is_disabled = object.is_disabled();
        let own = object.attribute_changes.get("useraccountcontrol").copied();
        let is_before = |change: &Change| {
            let made = change.installed.map(|when| when.span().0);
            change.takes.iter().any(|(loss, _)| *loss == Loss::Account)
                && made.is_some_and(|made| made <= last)
        };
        is_disabled
            && own.or(object.when_changed).is_some_and(|changed| changed > last)
            && !self.object_changes(host).any(is_before)
    }

    /// Whether a domain controller recorded a change of what `host` may delegate, or of who may to it, after the state that
    /// the export shows.
    #[must_use]
    pub fn is_changed_since_export(&self, host: HostId, evidence: &Evidence) -> bool {
        let stamp = evidence.directory.computer(host).and_then(|object| object.when_changed);
        let is_later = |change: &Change| {
            let made = change.installed.map(|when| when.span().0);
            let decides = !change.takes.is_empty() || !change.gives.is_empty();
            decides && made.zip(stamp).is_some_and(|(made, stamp)| made.duration_since(stamp) > STAMPED)
        };
        self.object_changes(host).any(is_later)
    }

    /// A pair's successful attempts, and those outside of what is looked at.
    pub fn every_success<'a>(&'a self, pair: &'a Pair) -> impl Iterator<Item = &'a Attempt> {
        let is_own =
            |attempt: &&Attempt| (attempt.source, attempt.target) == (Some(pair.source), Some(pair.target));
        self.successes(pair).map(|(_, attempt)| attempt).chain(self.beyond.iter().filter(is_own))
    }

    /// When failures of `pair` came that are about who the ends are, in the order of time.
    #[must_use]
    pub fn refused_for_identity(&self, pair: &Pair) -> Vec<Timestamp> {
        let own = self.failures(pair).filter(|(_, attempt)| is_of_identity(attempt.class));
        own.map(|(_, attempt)| attempt.time).collect()
    }

    /// When moves from `host`, to it, or that it recorded, arrived; in the order of time, also those outside of what is
    /// looked at.
    #[must_use]
    pub fn arrivals(&self, host: HostId) -> Vec<Timestamp> {
        let is_own = |attempt: &&Attempt| {
            attempt.outcome == Outcome::Succeeded
                && (attempt.source == Some(host)
                    || attempt.target == Some(host)
                    || attempt.writers.contains(&host))
        };
        let own = self.attempts.iter().chain(&self.beyond).filter(is_own);
        let mut times: Vec<_> = own.map(|attempt| attempt.time).collect();
        times.sort_unstable();
        times
    }

    /// Whether a move of `pair` arrived, or may have, since both objects are as they are; where nothing dates them, whether
    /// any did.
    #[must_use]
    pub fn works_as_it_is(&self, pair: &Pair, evidence: &Evidence) -> bool {
        let ends = [pair.source, pair.target].into_iter();
        let stamps = ends.map(|host| evidence.directory.computer(host)?.unchanged_since());
        let since = stamps.collect::<Option<Vec<_>>>().and_then(|stamps| stamps.into_iter().max());
        self.success(pair, |time| since.is_none_or(|since| time > since)) != Known::Known(None)
    }

    fn first_failure(&self, pair: &Pair, is_asked: impl Fn(Class) -> bool) -> Option<Timestamp> {
        let own = self.failures(pair).filter(|(_, attempt)| is_asked(attempt.class));
        own.map(|(_, attempt)| attempt.time).min()
    }

    /// Whether both objects were at `time` as they were when a move failed: no change is seen since the failure, or the
    /// objects say themselves that there was none until then, or it was a moment before.
    fn is_as_at(&self, ends: [HostId; 2], failed: Timestamp, time: Timestamp, evidence: &Evidence) -> bool {
        if time > failed {
            return !self.is_changed(ends, failed, time);
        }
        let stamp =
            |host: HostId| evidence.directory.computer(host).and_then(DirectoryObject::unchanged_since);
        let is_beside = failed.duration_since(time) <= STAMPED;
        (is_beside || ends.into_iter().all(|host| stamp(host).is_some_and(|since| since < time)))
            && !self.is_changed(ends, time, failed)
    }

    /// Whether a change of either object is seen from the first time on and before the second.
    fn is_changed(&self, ends: [HostId; 2], from: Timestamp, until: Timestamp) -> bool {
        let between = |when: When| when.span().0 >= from && when.span().0 < until;
        let all = ends.into_iter().flat_map(|host| self.object_changes(host));
        all.filter_map(|change| change.installed).any(between)
    }

    /// A success of `pair` at a time that `fits`; unknown where one that fits may be of the pair or of another.
    fn success(&self, pair: &Pair, fits: impl Fn(Timestamp) -> bool) -> Known<Option<FactId>> {
        if let Some(fact) = self.placed_success(pair, &fits) {
            return Known::Known(Some(fact));
        }
        let is_open = self.may_be_of([pair.source, pair.target], fits);
        if is_open { Known::Unknown(Reason::NotAskedFor) } else { Known::Known(None) }
    }

    fn placed_success(&self, pair: &Pair, fits: impl Fn(Timestamp) -> bool) -> Option<FactId> {
        let mut placed = self.every_success(pair).filter(|attempt| attempt.direction_proven);
        placed.find(|attempt| fits(attempt.time)).and_then(|attempt| attempt.facts.first().copied())
    }

    /// Whether a success at a time that `fits`, and whose ends nobody knows, may be one between `ends`: success events of
    /// the service name neither end. Not where another pair of its writer is granted what it needs.
    fn may_be_of(&self, ends: [HostId; 2], fits: impl Fn(Timestamp) -> bool) -> bool {
        let ends: Vec<_> = ends.into_iter().filter(|host| !self.working.contains(host)).collect();
        let recorded = ends.iter().filter_map(|host| self.unplaced.get(host)).flatten();
        let seen = recorded.filter_map(|index| self.attempts.get(*index));
        let beyond = self.beyond.iter().filter(|attempt| {
            !attempt.direction_proven && ends.iter().any(|end| attempt.writers.contains(end))
        });
        seen.chain(beyond).any(|attempt| fits(attempt.time))
    }
}

/// Whether a failure of this class is about who the two ends, or the user, are to each other.
fn is_of_identity(class: Class) -> bool {
    matches!(
        class,
        Class::Delegation
            | Class::ServiceName
            | Class::Account
            | Class::Encryption
            | Class::Credentials
            | Class::Authentication
            | Class::AccessDenied
            | Class::Unknown
    )
}
