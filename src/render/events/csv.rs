//! Comma separated, for spreadsheets. What a cell cannot say (values one by one) stands in the JSON forms.

use super::super::escape::harmless;
use super::super::word;
use crate::report::events::{EventReport, EventsReport};

const HEADER: [&str; 16] = [
    "time", "recorded", "host", "level", "provider", "id", "channel", "record", "attempt", "meaning", "text",
    "codes", "message", "user", "computer", "source",
];

pub(super) fn render(report: &EventsReport) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing into memory does not fail.
    let _ = writer.write_record(HEADER);
    for event in &report.events {
        let _ = writer.write_record(cells(event).map(|cell| harmless(&cell)));
    }
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

fn cells(event: &EventReport) -> [String; HEADER.len()] {
    let own = |text: &Option<String>| text.clone().unwrap_or_default();
    let codes = event.codes.iter().map(|code| match &code.symbol {
        Some(symbol) => format!("{} {symbol}", code.code),
        None => code.code.clone(),
    });
    [
        event.time.clone(),
        event.recorded.clone(),
        own(&event.host),
        event.level.as_ref().map(word).unwrap_or_default(),
        event.provider.clone(),
        event.id.to_string(),
        own(&event.channel),
        event.record.to_string(),
        own(&event.attempt),
        own(&event.meaning),
        event.text.clone(),
        codes.collect::<Vec<_>>().join(", "),
        own(&event.message),
        own(&event.user),
        event.computer.clone(),
        event.source.clone(),
    ]
}
