//! Which events were asked for. Every filter narrows; where a record does not say what a filter asks, it stays.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::wording::Wording;
use super::{EventLevel, Joined};
use crate::evidence::{Evidence, FactId, HostId};
use crate::incident::Incident;

/// What stands this close to an attempt's records, on its hosts and the domain controllers, is shown with it.
const BESIDE: SignedDuration = SignedDuration::from_mins(1);

/// What is asked for; the default asks for everything.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only these event ids; empty means all.
    pub ids: Vec<u32>,
    /// Only providers whose name contains this, compared without case.
    pub provider: Option<String>,
    /// Only events of these hosts; empty means all.
    pub hosts: Vec<String>,
    /// Only events as grave as this or graver.
    pub level: Option<EventLevel>,
    /// Only events from this time on.
    pub since: Option<Timestamp>,
    /// Only events before this time.
    pub until: Option<Timestamp>,
    /// Only events whose values or message contain this, compared without case.
    pub text: Option<String>,
    /// Only events no further than this from a time.
    pub around: Option<(Timestamp, SignedDuration)>,
    /// Only what belongs to this attempt, counted from 1, or stands beside it.
    pub attempt: Option<usize>,
}

/// A selection made ready for a bundle.
pub(super) struct Chosen<'a> {
    asked: &'a Selection,
    provider: Option<String>,
    text: Option<String>,
    hosts: BTreeSet<HostId>,
    attempt: Option<Surroundings>,
}

/// An attempt's records, and where and when others stand beside them.
struct Surroundings {
    facts: BTreeSet<FactId>,
    hosts: BTreeSet<HostId>,
    first: Timestamp,
    last: Timestamp,
}

impl<'a> Chosen<'a> {
    pub(super) fn new(asked: &'a Selection, evidence: &Evidence, incident: &Incident) -> Self {
        let lower = |text: &Option<String>| text.as_ref().map(|text| text.to_lowercase());
        Self {
            asked,
            provider: lower(&asked.provider),
            text: lower(&asked.text),
            hosts: asked.hosts.iter().filter_map(|name| evidence.hosts.find(name)).collect(),
            attempt: asked.attempt.map(|number| Surroundings::of(number, evidence, incident)),
        }
    }

    /// Whether the event passes every filter but that of the text.
    pub(super) fn holds(&self, joined: &Joined<'_>) -> bool {
        let (asked, time) = (self.asked, joined.time);
        let is_grave =
            |level: EventLevel| joined.event.level.is_none_or(|number| EventLevel::of(number) <= level);
        let is_near =
            |(middle, window): (Timestamp, SignedDuration)| time.duration_since(middle).abs() <= window;
        (asked.ids.is_empty() || asked.ids.contains(&joined.event.id))
            && asked.since.is_none_or(|since| time >= since)
            && asked.until.is_none_or(|until| time < until)
            && asked.level.is_none_or(is_grave)
            && asked.around.is_none_or(is_near)
            && (asked.hosts.is_empty() || self.is_of_hosts(joined))
            && self.attempt.as_ref().is_none_or(|attempt| attempt.holds(joined))
            && self.provider.as_ref().is_none_or(|part| contains(&joined.event.provider, part))
    }

    /// Whether the event says the text that was asked for, in its values, as written or as worded, or its message.
    pub(super) fn is_said_by(&self, joined: &Joined<'_>, wording: &Wording) -> bool {
        let Some(part) = &self.text else { return true };
        let mut values = joined.event.fields.iter().map(|field| &field.value).chain(&joined.event.message);
        contains(&wording.text, part) || values.any(|value| contains(value, part))
    }

    /// A name that two hosts share joins to neither, but a record can still bear it.
    fn is_of_hosts(&self, joined: &Joined<'_>) -> bool {
        let bears = |name: &String| name.eq_ignore_ascii_case(&joined.event.computer);
        joined.host.is_some_and(|host| self.hosts.contains(&host)) || self.asked.hosts.iter().any(bears)
    }
}

impl Surroundings {
    /// Of an attempt that is not there, nothing.
    fn of(number: usize, evidence: &Evidence, incident: &Incident) -> Self {
        let attempt = number.checked_sub(1).and_then(|index| incident.attempts.get(index));
        let facts: BTreeSet<FactId> =
            attempt.into_iter().flat_map(|attempt| attempt.facts.iter().copied()).collect();
        let times: Vec<_> = facts
            .iter()
            .filter_map(|fact| Some(Joined::new(*fact, evidence.event(*fact)?, evidence, incident).time))
            .collect();
        let ends = attempt.into_iter().flat_map(|attempt| {
            [attempt.source, attempt.target].into_iter().flatten().chain(attempt.writers.iter().copied())
        });
        Self {
            hosts: ends.chain(evidence.hosts.domain_controllers()).collect(),
            first: times.iter().min().copied().unwrap_or(Timestamp::MAX),
            last: times.iter().max().copied().unwrap_or(Timestamp::MIN),
            facts,
        }
    }

    fn holds(&self, joined: &Joined<'_>) -> bool {
        let before = self.first.duration_since(joined.time);
        let behind = joined.time.duration_since(self.last);
        let is_beside = before <= BESIDE && behind <= BESIDE;
        self.facts.contains(&joined.fact)
            || is_beside && joined.host.is_some_and(|host| self.hosts.contains(&host))
    }
}

/// Whether `text` contains `part`, which is lower-case.
fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(part)
}
