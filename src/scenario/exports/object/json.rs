//! `ConvertTo-Json` of whole objects, by PowerShell 5.1 and 7.

use super::{Object, Value};
use crate::scenario::exports::collected::{Json, Shell};
use crate::scenario::exports::culture::Exporter;

/// What `ConvertTo-Json` of 5.1 prints: dates as `\/Date(ms)\/`, enumerations as numbers. One object is no array.
#[must_use]
pub fn json_5(objects: &[Object], exporter: Exporter) -> String {
    // The serializer of 5.1 escapes the slash of dates and of nothing else.
    written(objects, Shell::Five, exporter).replace("/Date(", "\\/Date(").replace(")/\"", ")\\/\"")
}

/// What PowerShell 7 prints: dates of ISO 8601 with their offset.
#[must_use]
pub fn json_7(objects: &[Object], exporter: Exporter) -> String {
    written(objects, Shell::Seven, exporter)
}

fn written(objects: &[Object], shell: Shell, exporter: Exporter) -> String {
    let mut all: Vec<Json> = objects.iter().map(|object| json(object, shell, exporter)).collect();
    let whole = if all.len() == 1 { all.pop().unwrap_or(Json::Null) } else { Json::List(all) };
    whole.text(shell) + "\r\n"
}

fn json(object: &Object, shell: Shell, exporter: Exporter) -> Json {
    Json::Object(object.seen().map(|(name, own)| (*name, value(own, shell, exporter))).collect())
}

fn value(value: &Value, shell: Shell, exporter: Exporter) -> Json {
    let list = |values: &[String]| Json::List(values.iter().cloned().map(Json::Text).collect());
    let date = |milliseconds: i64| Json::Text(format!("/Date({milliseconds})/"));
    match value {
        Value::Nothing => Json::Null,
        Value::Text(text) => Json::Text(text.clone()),
        Value::Number(number) | Value::Choice(_, number) => Json::Number(*number),
        Value::Flag(flag) => Json::Flag(*flag),
        Value::Time(time) if shell == Shell::Five => date(time.as_millisecond()),
        Value::Time(time) => Json::Text(exporter.instant(*time)),
        Value::Day(day) if shell == Shell::Five => date(exporter.midnight(*day).as_millisecond()),
        Value::Day(day) => Json::Text(format!("{}T00:00:00", day.strftime("%Y-%m-%d"))),
        Value::Sid(sid) => {
            let domain = sid.rsplit_once('-').map_or("", |(domain, _)| domain);
            Json::Object(vec![
                ("BinaryLength", Json::Number(28)),
                ("AccountDomainSid", domain.into()),
                ("Value", sid.as_str().into()),
            ])
        }
        Value::Many(_, values) => list(values),
        Value::Values(values) => {
            let held = |value: &String| Json::Object(vec![("Value", value.as_str().into())]);
            Json::List(values.iter().map(held).collect())
        }
        Value::Opaque(name) => Json::from(*name),
    }
}
