//! The relevant events of every host on one clock, as plain data: serialised, it is the JSON of `kcdoctor events`.
//!
//! Relevant is what some signal looks for. Routine records are counted among `records` and not listed. What is
//! *not* done here: layout, and judging what an event proves (see [`crate::diagnose`]).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::build::{address, attempt, attempt_id, code_text, text};
use super::{AttemptReport, SCHEMA_VERSION, Tool};
use crate::evidence::{Evidence, FactId, HostId};
use crate::fact::Event;
use crate::incident::Incident;
use crate::knowledge::{Class, Knowledge, Signal, Standing};

mod selection;
mod wording;

use selection::Chosen;
pub use selection::Selection;
use wording::Wording;

/// The report of `kcdoctor events`.
#[derive(Debug, Serialize)]
pub struct EventsReport {
    /// The version of this form.
    pub schema_version: u32,
    /// The command that made it.
    pub command: &'static str,
    /// What made it.
    pub tool: Tool,
    /// The bundle's name.
    pub bundle: String,
    /// Intact event records in every log, counted before anything is filtered.
    pub records: u64,
    /// How many of them are relevant; each counts once, however many exports hold it.
    pub relevant: usize,
    /// The first and the last relevant event.
    pub span: Option<(String, String)>,
    /// Every host that the bundle speaks of, by name.
    pub hosts: Vec<ClockReport>,
    /// The attempt that was asked for.
    pub attempt: Option<AttemptReport>,
    /// The relevant events that were asked for, in time order.
    pub events: Vec<EventReport>,
}

/// A host and its clock.
#[derive(Debug, Serialize)]
pub struct ClockReport {
    /// The host's name in reports.
    pub name: String,
    /// Full DNS name.
    pub fqdn: Option<String>,
    /// Seconds by which its clock runs ahead of the others, where the logs prove that it does.
    pub clock_ahead_seconds: Option<i64>,
}

/// How grave its writer calls an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventLevel {
    /// Level 1.
    Critical,
    /// Level 2.
    Error,
    /// Level 3.
    Warning,
    /// Level 4, and level 0, which audits have and Event Viewer shows so.
    Information,
    /// Level 5 and above.
    Verbose,
}

impl EventLevel {
    fn of(number: u8) -> Self {
        match number {
            1 => Self::Critical,
            2 => Self::Error,
            3 => Self::Warning,
            0 | 4 => Self::Information,
            _ => Self::Verbose,
        }
    }
}

/// One event.
#[derive(Debug, Serialize)]
pub struct EventReport {
    /// When, on the one clock; RFC 3339, UTC.
    pub time: String,
    /// When by the clock of its host.
    pub recorded: String,
    /// The same as `time`, for renderers.
    #[serde(skip)]
    pub instant: Timestamp,
    /// The host; `null` where two hosts share the name.
    pub host: Option<String>,
    /// `Computer`, as written.
    pub computer: String,
    /// How grave.
    pub level: Option<EventLevel>,
    /// The number behind that, as written.
    pub level_number: Option<u8>,
    /// `Provider/@Name`, as written.
    pub provider: String,
    /// `EventID`, without its qualifiers.
    pub id: u32,
    /// `Channel`.
    pub channel: Option<String>,
    /// `EventRecordID`.
    pub record: u64,
    /// The file that holds it; of several, the first.
    pub source: String,
    /// The attempt that it belongs to.
    pub attempt: Option<String>,
    /// The signal that looks for it.
    pub signal: Option<String>,
    /// What it means, in plain words.
    pub meaning: Option<String>,
    /// Its values in one line, with codes explained; the message of the export where it has no values.
    pub text: String,
    /// The codes in it that are known.
    pub codes: Vec<CodeReport>,
    /// Its values, as written.
    pub fields: Vec<FieldReport>,
    /// The message of the export, in the exporter's language.
    pub message: Option<String>,
    /// `Security/@UserID`.
    pub user: Option<String>,
}

/// A code that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CodeReport {
    /// `0x8009030E`; Kerberos codes without leading zeros.
    pub code: String,
    /// Such as `SEC_E_NO_CREDENTIALS`, where it has one.
    pub symbol: Option<String>,
    /// One sentence.
    pub meaning: String,
    /// The class of failure that it names.
    pub class: Class,
}

/// A value of an event.
#[derive(Debug, Serialize)]
pub struct FieldReport {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// The value.
    pub value: String,
}

/// Lists the events of a bundle that `selection` asks for.
#[must_use]
pub fn build(
    bundle: &str,
    evidence: &Evidence,
    incident: &Incident,
    knowledge: &Knowledge,
    selection: &Selection,
) -> EventsReport {
    let mut joined: Vec<Joined<'_>> =
        evidence.events().map(|(fact, event)| Joined::new(fact, event, evidence, incident)).collect();
    joined.sort_by(|a, b| a.order().cmp(&b.order()));
    let mut attempts: BTreeMap<FactId, usize> = BTreeMap::new();
    for (index, attempt) in incident.attempts.iter().enumerate() {
        attempts.extend(attempt.facts.iter().map(|fact| (*fact, index)));
    }
    let chosen = Chosen::new(selection, evidence, incident);
    let row = |joined: &Joined<'_>| {
        let signal = knowledge.signals.of(joined.event);
        let wording = Wording::of(joined.event, signal, &knowledge.codes);
        let attempt = attempts.get(&joined.fact).copied();
        chosen.is_said_by(joined, &wording).then(|| joined.report(attempt, signal, wording, evidence))
    };
    let ends = joined.first().zip(joined.last());
    EventsReport {
        schema_version: SCHEMA_VERSION,
        command: "events",
        tool: Tool::with(knowledge),
        bundle: bundle.to_owned(),
        records: evidence.coverage.iter().map(|covered| covered.records).sum(),
        relevant: joined.len(),
        span: ends.map(|(first, last)| (text(first.time), text(last.time))),
        hosts: clocks(evidence, incident),
        attempt: selection.attempt.and_then(|number| {
            let index = number.checked_sub(1)?;
            Some(attempt(index, incident.attempts.get(index)?, evidence, knowledge))
        }),
        events: joined.iter().filter(|joined| chosen.holds(joined)).filter_map(row).collect(),
    }
}

fn clocks(evidence: &Evidence, incident: &Incident) -> Vec<ClockReport> {
    let clock = |(id, host): (HostId, &crate::evidence::Host)| ClockReport {
        name: host.name.clone(),
        fqdn: host.fqdn.clone(),
        clock_ahead_seconds: incident.clock_offsets.get(&id).copied(),
    };
    evidence.hosts.iter().map(clock).collect()
}

/// An event with its host, on the one clock.
struct Joined<'a> {
    fact: FactId,
    event: &'a Event,
    host: Option<HostId>,
    time: Timestamp,
}

impl<'a> Joined<'a> {
    fn new(fact: FactId, event: &'a Event, evidence: &Evidence, incident: &Incident) -> Self {
        let host = evidence.host_of(fact);
        let time = host.map_or(event.time, |host| incident.on_one_clock(host, event.time));
        Self { fact, event, host, time }
    }

    /// By time; what no clock tells apart, as its log does.
    fn order(&self) -> impl Ord {
        let Event { computer, channel, record, .. } = self.event;
        (self.time, computer, channel, *record, self.fact)
    }

    fn report(
        &self,
        attempt: Option<usize>,
        signal: Option<&Signal>,
        wording: Wording,
        evidence: &Evidence,
    ) -> EventReport {
        let event = self.event;
        let field =
            |field: &crate::fact::Field| FieldReport { name: field.name.clone(), value: field.value.clone() };
        EventReport {
            time: text(self.time),
            recorded: text(event.time),
            instant: self.time,
            host: self.host.map(|host| evidence.hosts.name(host).to_owned()),
            computer: event.computer.clone(),
            level: event.level.map(EventLevel::of),
            level_number: event.level,
            provider: event.provider.clone(),
            id: event.id,
            channel: event.channel.clone(),
            record: event.record,
            source: address(self.fact, evidence).map(|address| address.source).unwrap_or_default(),
            attempt: attempt.map(attempt_id),
            signal: signal.map(|signal| signal.id.clone()),
            meaning: signal.map(meaning),
            text: wording.text,
            codes: wording.codes,
            fields: event.fields.iter().map(field).collect(),
            message: event.message.clone(),
            user: event.user.clone(),
        }
    }
}

/// What a signal says; what nobody could verify is called so.
fn meaning(signal: &Signal) -> String {
    let says = signal.says.trim_end_matches('.');
    if signal.standing == Standing::Memory { format!("{says} (unverified)") } else { says.to_owned() }
}
