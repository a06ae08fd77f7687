//! Events in the forms that are no log: what Event Viewer, `Get-WinEvent`, EvtxECmd and TSS write.

use super::culture::Exporter;
use super::object::{Object, Value};
use super::{csv_row, escape, event};
use crate::scenario::evtx::{Payload, Record};

mod message;

pub use message::message;

/// What Event Viewer saves as XML: a declaration, one root, and the message of every event.
#[must_use]
pub fn event_viewer_xml(records: &[Record]) -> String {
    let rendered = |record: &Record| {
        let info = format!(
            "<RenderingInfo Culture='en-US'><Message>{}</Message><Level>{}</Level><Channel>{}</Channel></RenderingInfo>\
             </Event>",
            escape(&message(record)),
            level(record),
            escape(&record.channel),
        );
        event(record).trim_end().replace("</Event>", &info)
    };
    let events: String = records.iter().map(rendered).collect();
    format!("<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>\r\n<Events>{events}</Events>")
}

/// The object that `Get-WinEvent` returns: values in their order, without names.
#[must_use]
pub fn win_event(record: &Record) -> Object {
    let text = |text: &str| Value::Text(text.to_owned());
    let number = |number: u64| Value::Number(i64::try_from(number).unwrap_or(i64::MAX));
    Object {
        types: &[
            "System.Diagnostics.Eventing.Reader.EventLogRecord",
            "System.Diagnostics.Eventing.Reader.EventRecord",
            "System.Object",
        ],
        printed: "System.Diagnostics.Eventing.Reader.EventLogRecord".to_owned(),
        properties: vec![
            ("Id", Value::Number(i64::from(record.id))),
            ("Version", Value::Number(i64::from(record.version))),
            ("Level", Value::Number(i64::from(record.level))),
            ("Task", Value::Number(i64::from(record.task))),
            ("Keywords", Value::Number(record.keywords.cast_signed())),
            ("RecordId", number(record.record)),
            ("ProviderName", text(&record.provider)),
            ("LogName", text(&record.channel)),
            ("MachineName", text(&record.computer)),
            ("UserId", record.user.clone().map_or(Value::Nothing, Value::Sid)),
            ("TimeCreated", Value::Time(record.time)),
            ("LevelDisplayName", text(level(record))),
            (
                "Properties",
                Value::Values(values(record).into_iter().map(|(_, value)| plain(record, value)).collect()),
            ),
        ],
        added: vec![("Message", Value::Text(message(record)))],
    }
}

/// What EvtxECmd writes: UTC without a mark, and the payload as JSON.
#[must_use]
pub fn evtx_ecmd(records: &[Record]) -> String {
    let header = "RecordNumber,EventRecordId,TimeCreated,EventId,Level,Provider,Channel,ProcessId,ThreadId,Computer,\
                  ChunkNumber,UserId,MapDescription,UserName,RemoteHost,PayloadData1,PayloadData2,PayloadData3,\
                  PayloadData4,PayloadData5,PayloadData6,ExecutableInfo,HiddenRecord,SourceFile,Keywords,\
                  ExtraDataOffset,Payload";
    let mut out = format!("{header}\r\n");
    for (number, record) in (1..).zip(records) {
        let time = format!(
            "{}.{:07}",
            record.time.strftime("%Y-%m-%d %H:%M:%S"),
            record.time.subsec_nanosecond() / 100
        );
        let known = [
            number.to_string(),
            record.record.to_string(),
            time,
            record.id.to_string(),
            level(record).to_owned(),
            record.provider.clone(),
            record.channel.clone(),
            "600".to_owned(),
            "4000".to_owned(),
            record.computer.clone(),
            "0".to_owned(),
            record.user.clone().unwrap_or_default(),
        ];
        let mut row = known.to_vec();
        row.resize(22, String::new());
        row.extend(["False".to_owned(), r"D:\logs\x.evtx".to_owned(), String::new(), "0".to_owned()]);
        row.push(payload(record));
        out.push_str(&csv_row(row, ','));
    }
    out
}

/// The payload in EvtxECmd's JSON.
fn payload(record: &Record) -> String {
    let json = |text: &str| serde_json::Value::from(text).to_string();
    match &record.payload {
        Payload::EventData(fields) => {
            let datum = |(name, value): &(Option<String>, String)| match name {
                Some(name) => format!("{{\"@Name\":{},\"#text\":{}}}", json(name), json(value)),
                None => json(value),
            };
            let all: Vec<_> = fields.iter().map(datum).collect();
            let data = if all.len() == 1 { all.concat() } else { format!("[{}]", all.join(",")) };
            format!("{{\"EventData\":{{\"Data\":{data}}}}}")
        }
        Payload::UserData { element, fields, .. } => {
            let child = |(name, value): &(String, String)| format!("{}:{}", json(name), json(value));
            let all: Vec<_> = fields.iter().map(child).collect();
            format!("{{\"UserData\":{{{}:{{{}}}}}}}", json(element), all.join(","))
        }
    }
}

/// What TSS writes (`<host>-<channel>.csv`): the message, local times, and no computer.
#[must_use]
pub fn tss_csv(records: &[Record], exporter: Exporter) -> String {
    let delimiter = exporter.culture.delimiter();
    let header = ["LevelDisplayName", "TimeCreated", "ProviderName", "Id", "UserId", "Message"];
    let mut out = csv_row(header, delimiter);
    for record in records.iter().rev() {
        let user = record.user.clone().unwrap_or_default();
        let id = record.id.to_string();
        let row =
            [level(record), &exporter.time(record.time), &record.provider, &id, &user, &message(record)];
        out.push_str(&csv_row(row, delimiter));
    }
    out
}

/// What Event Viewer saves as CSV: the message stands behind the last column, and the newest event first.
#[must_use]
pub fn event_viewer_csv(records: &[Record], exporter: Exporter) -> String {
    let mut out = String::from("Level,Date and Time,Source,Event ID,Task Category\r\n");
    for record in records.iter().rev() {
        out.push_str(&format!(
            "{},{},{},{},None,\"{}\"\r\n",
            level(record),
            exporter.time(record.time),
            record.provider,
            record.id,
            message(record).replace('"', "\"\""),
        ));
    }
    out
}

/// A value as .NET holds it: the numbers of audits, which the log shows in hexadecimal, are plain ones.
fn plain(record: &Record, value: String) -> String {
    let hexadecimal = value.strip_prefix("0x").filter(|_| record.provider.ends_with("-Auditing"));
    let number = hexadecimal.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    number.map_or(value, |number| number.to_string())
}

fn level(record: &Record) -> &'static str {
    match record.level {
        1 => "Critical",
        2 => "Error",
        3 => "Warning",
        _ => "Information",
    }
}

/// Names and values, whichever shape they are stored in.
fn values(record: &Record) -> Vec<(String, String)> {
    match &record.payload {
        Payload::EventData(fields) => {
            fields.iter().map(|(name, value)| (name.clone().unwrap_or_default(), value.clone())).collect()
        }
        Payload::UserData { fields, .. } => fields.clone(),
    }
}
