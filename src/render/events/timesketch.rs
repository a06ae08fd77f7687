//! JSON lines for Timesketch: its three mandatory fields, and what Plaso calls the parts of a Windows event
//! (`plaso/parsers/winevtx.py`), so that searches and analyzers written for Plaso's output find them.

use serde::Serialize;

use super::lines;
use crate::report::events::{EventReport, EventsReport};

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    message: String,
    /// ISO 8601 with an offset, to the microsecond.
    datetime: String,
    timestamp_desc: &'static str,
    /// Microseconds since 1970.
    timestamp: i64,
    data_type: &'static str,
    source_name: &'a str,
    event_identifier: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_level: Option<u8>,
    computer_name: &'a str,
    record_number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_sid: Option<&'a str>,
    strings: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<&'a str>,
    /// The file in the bundle.
    filename: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    error_codes: Vec<&'a str>,
    /// What the host's own clock showed, where it is known to have been off.
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded_datetime: Option<&'a str>,
}

pub(super) fn render(report: &EventsReport) -> String {
    lines::render(report.events.iter().map(line))
}

fn line(event: &EventReport) -> Line<'_> {
    let meaning = event.meaning.as_ref().map_or_else(String::new, |meaning| format!("{meaning}: "));
    Line {
        message: format!("[{} / {}] {meaning}{}", event.id, event.provider, event.text),
        datetime: event.instant.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string(),
        timestamp_desc: "Creation Time",
        timestamp: event.instant.as_microsecond(),
        data_type: "windows:evtx:record",
        source_name: &event.provider,
        event_identifier: event.id,
        event_level: event.level_number,
        computer_name: &event.computer,
        record_number: event.record,
        user_sid: event.user.as_deref(),
        strings: event.fields.iter().map(|field| field.value.as_str()).collect(),
        channel: event.channel.as_deref(),
        hostname: event.host.as_deref(),
        filename: &event.source,
        attempt: event.attempt.as_deref(),
        error_codes: event.codes.iter().map(|code| code.code.as_str()).collect(),
        recorded_datetime: Some(event.recorded.as_str()).filter(|recorded| *recorded != event.time),
    }
}
