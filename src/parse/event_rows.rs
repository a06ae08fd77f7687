//! Events that are no log and no XML: `Get-WinEvent` in any syntax, EvtxECmd, Event Viewer's CSV and text, TSS and
//! psSDP tables.
//!
//! They lose what a log keeps: names of values, channels, computers, zones. What is lost stays unknown; where only
//! the rendered message is left, it is the event's one value, and sentences and codes in it are read as in any
//! other. Times without a zone are kept as they stand and marked as local ([`crate::fact::Event::local`]).
//! What is *not* done here: finding holes. Such exports are made by query.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};

use super::Context;
use super::dates::{Order, Written, time_of_day, written};
use super::event::{Firsts, Reading};
use super::records::{Cell, Gather, Kinds, Meaning, Record};
use crate::fact::{
    ChannelCoverage, Coverage, Event, InstallDay, Issue, Observation, Parsed, Position, widened,
};
use crate::knowledge::Worth;

mod payload;

/// What is read here.
pub(super) const MEANING: Meaning = Meaning {
    kinds: Kinds {
        csv: "event-csv",
        json: "event-json",
        clixml: "event-clixml",
        list: "event-list",
        table: "event-table",
    },
    columns: COLUMNS,
    tells: |has| {
        let any = |names: &[&str]| names.iter().copied().any(has);
        any(IDS) && any(PROVIDERS) && (any(TIMES) || has("date") && has("time"))
    },
    gather: || Box::new(Events::default()),
};

// Event Viewer names its columns in the language of the machine: English, German, French, Spanish and Italian.
const IDS: &[&str] = &[
    "id",
    "eventid",
    "event id",
    "event code",
    "ereignis-id",
    "id de l’événement",
    "id de l'événement",
    "id. del evento",
    "id del evento",
    "id evento",
];
const PROVIDERS: &[&str] = &["providername", "provider", "source", "quelle", "origen", "origine"];
const TIMES: &[&str] = &[
    "timecreated",
    "timegenerated",
    "date and time",
    "datum und uhrzeit",
    "date et heure",
    "fecha y hora",
    "data e ora",
];
const LEVELS: &[&str] =
    &["level", "leveldisplayname", "type/level", "entrytype", "ebene", "niveau", "nivel", "livello"];
const COMPUTERS: &[&str] = &["machinename", "computer", "computer name", "pscomputername"];
const CHANNELS: &[&str] = &["logname", "channel", "log", "containerlog"];
const RECORDS: &[&str] = &["recordid", "eventrecordid", "index"];
const MESSAGES: &[&str] = &["message", "description", "beschreibung"];
/// What else the tables have.
const OTHERS: &[&str] =
    &["payload", "date", "time", "task category", "aufgabenkategorie", "userid", "keywords"];

/// Every column that is known.
const COLUMNS: &[&str] = &{
    const GROUPS: [&[&str]; 9] =
        [IDS, PROVIDERS, TIMES, LEVELS, COMPUTERS, CHANNELS, RECORDS, MESSAGES, OTHERS];
    joined::<{ count(&GROUPS) }>(&GROUPS)
};

#[expect(clippy::indexing_slicing, reason = "out of bounds would not compile")]
const fn count(groups: &[&[&str]]) -> usize {
    let (mut total, mut group) = (0, 0);
    while group < groups.len() {
        total += groups[group].len();
        group += 1;
    }
    total
}

#[expect(clippy::indexing_slicing, reason = "out of bounds would not compile")]
const fn joined<const N: usize>(groups: &[&'static [&'static str]]) -> [&'static str; N] {
    let mut all = [""; N];
    let (mut at, mut group) = (0, 0);
    while group < groups.len() {
        let mut own = 0;
        while own < groups[group].len() {
            all[at] = groups[group][own];
            (at, own) = (at + 1, own + 1);
        }
        group += 1;
    }
    all
}

const HYPER_V: &str = "Microsoft-Windows-Hyper-V-";

/// The events of one source.
#[derive(Default)]
struct Events {
    order: Order,
    rows: Vec<Row>,
    unread: u64,
}

/// One event, before the order of its date is known.
struct Row {
    line: u64,
    event: Reading,
    written: Written,
    clock: jiff::civil::Time,
    /// EvtxECmd prints UTC without a mark.
    is_utc: bool,
}

impl Gather for Events {
    fn take(&mut self, record: &Record, context: &Context<'_>) {
        match row(record, context) {
            Some(row) => {
                self.order.learn(row.written);
                self.rows.push(row);
            }
            // psSDP ends its tables with rows that tell of the export.
            None if record.first(IDS).is_none() => {}
            None => self.unread += 1,
        }
    }

    fn finish(self: Box<Self>, context: &Context<'_>) -> Parsed {
        let Self { order, rows, mut unread } = *self;
        let mut export = Export::default();
        for row in rows {
            let is_guess = matches!(order.install_day(row.written), InstallDay::Either(..));
            export.is_guessed |= is_guess && !matches!(row.written, Written::At(..));
            match row.time(&order) {
                Some((time, local)) => export.add(row, time, local, context),
                None => unread += 1,
            }
        }
        export.into_parsed(unread)
    }
}

impl Row {
    /// When it was, and whether that is only the exporter's clock.
    fn time(&self, order: &Order) -> Option<(Timestamp, bool)> {
        let day: Date = match (self.written, order.install_day(self.written)) {
            (Written::At(time, _), _) => return Some((time, false)),
            (_, InstallDay::On(day)) => day,
            // Nothing in the file tells; most exporters put the month first, and the mark says that it is a guess.
            (_, InstallDay::Either(month_first, _)) => month_first,
            _ => return None,
        };
        let time = TimeZone::UTC.to_timestamp(day.to_datetime(self.clock)).ok()?;
        Some((time, !self.is_utc))
    }
}

fn row(record: &Record, context: &Context<'_>) -> Option<Row> {
    let text = |names: &[&str]| record.first(names).map(str::to_owned);
    let id: u32 = record.first(IDS)?.parse().ok()?;
    let date = match record.first(TIMES) {
        Some(time) => time.to_owned(),
        None => format!("{} {}", record.text("date")?, record.text("time")?),
    };
    let provider = text(PROVIDERS)?;
    // What nobody looks for is only counted: a table may hold millions of such rows.
    let is_wanted = context.interest.of(&provider).worth(id & 0xffff, || None) != Worth::Nothing;
    let message = is_wanted.then(|| text(MESSAGES).or_else(|| trailing(record))).flatten();
    let number = record.first(RECORDS).and_then(|number| number.parse().ok());
    let fields =
        if is_wanted { payload::fields(record, &provider, id, message.as_deref()) } else { Vec::new() };
    let event = Reading {
        channel: text(CHANNELS).or_else(|| own_channel(&provider)),
        provider,
        id: id & 0xffff,
        computer: text(COMPUTERS).unwrap_or_default(),
        time: None,
        record: number,
        level: record.first(LEVELS).and_then(level),
        user: text(&["userid", "sid"]).filter(|user| user.starts_with("S-1-")),
        fields,
        message,
    };
    Some(Row {
        line: record.line,
        written: written(&date),
        clock: time_of_day(&date).unwrap_or_default(),
        is_utc: record.has("eventrecordid"),
        event,
    })
}

/// Hyper-V's services write to a channel of their own name, which most tables leave out.
fn own_channel(provider: &str) -> Option<String> {
    provider.starts_with(HYPER_V).then(|| format!("{provider}-Admin"))
}

/// Event Viewer writes the message behind its last column and gives it no name.
fn trailing(record: &Record) -> Option<String> {
    let row = record.row()?;
    let message = row.at(row.names().len()).filter(|text| !text.is_empty())?;
    Some(message.to_owned())
}

/// The number, or the word in one of the languages of Event Viewer.
fn level(text: &str) -> Option<u8> {
    let number = match text.to_lowercase().as_str() {
        "critical" | "kritisch" | "critique" | "crítico" | "critico" => 1,
        "error" | "fehler" | "erreur" | "errore" => 2,
        "warning" | "warnung" | "avertissement" | "advertencia" | "avviso" => 3,
        "information" | "info" | "informationen" | "información" | "informazioni" => 4,
        "logalways" | "successaudit" | "failureaudit" => 0,
        other => return other.parse().ok(),
    };
    Some(number)
}

/// What an export held so far.
#[derive(Default)]
struct Export {
    parsed: Parsed,
    channels: BTreeMap<(String, String), ChannelCoverage>,
    firsts: Firsts,
    local: u64,
    /// Nothing tells the order of day and month.
    is_guessed: bool,
}

impl Export {
    fn add(&mut self, row: Row, time: Timestamp, local: bool, context: &Context<'_>) {
        let event = row.event;
        let mut channel = event.channel.clone().unwrap_or_default();
        // Silence at a time that nobody knows shows nothing, so these do not count as the log itself.
        if local && !event.provider.starts_with(HYPER_V) {
            channel.push_str(" (local time)");
        }
        let lane = self.channels.entry((event.computer.clone(), channel.clone())).or_insert_with(|| {
            let computer = event.computer.clone();
            ChannelCoverage {
                computer,
                channel,
                records: 0,
                first: time,
                last: time,
                numbers: None,
                holes: Vec::new(),
            }
        });
        lane.numbers = widened(lane.numbers, event.record.map(|number| (number, number)));
        lane.records += 1;
        (lane.first, lane.last) = (lane.first.min(time), lane.last.max(time));
        let worth = context.interest.of(&event.provider).worth(event.id, || Some(time));
        let is_routine = match worth {
            Worth::Nothing => return,
            Worth::Routine => true,
            Worth::Looked(routine) => routine.is_some_and(|routine| event.is(routine)),
        };
        if !is_routine || self.firsts.is_first(&event.computer, &event.provider, event.id) {
            self.local += u64::from(local);
            let at = event.record.map_or(Position::Line(row.line), Position::Record);
            let number = event.record.unwrap_or_default();
            let event = Event { local, ..event.into_event(number, time) };
            self.parsed.facts.push(context.fact(at, Observation::Event(event)));
        }
    }

    fn into_parsed(self, unread: u64) -> Parsed {
        let mut parsed = self.parsed;
        parsed.coverage = Coverage { records: 0, channels: self.channels.into_values().collect() };
        if self.local > 0 {
            let guessed = if self.is_guessed {
                ", and whether their day or their month comes first is a guess"
            } else {
                ""
            };
            let detail = format!(
                "the times of these events are the exporter's and no zone is stated{guessed}, so they can't be set against \
                 those of other machines; send the log itself as .evtx"
            );
            parsed.issues.push(Issue::note("event-time-local", detail));
        }
        if unread > 0 {
            let detail = format!(
                "{unread} of these events had no time or number that can be read; send the log itself as .evtx"
            );
            parsed.issues.push(Issue::loss("event-row-unreadable", detail, Some(unread)));
        }
        parsed
    }
}
