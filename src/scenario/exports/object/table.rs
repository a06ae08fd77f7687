//! `Export-Csv` of whole objects: lists become the names of their types.

use super::{EVENT_VALUES, Object, Value};
use crate::scenario::exports::csv_row;
use crate::scenario::exports::culture::Exporter;

/// What `Export-Csv -UseCulture` of PowerShell 5.1 writes; its columns are those of the first object.
#[must_use]
pub fn export_csv(objects: &[Object], exporter: Exporter) -> String {
    let Some(first) = objects.first() else { return String::new() };
    let delimiter = exporter.culture.delimiter();
    let names: Vec<&str> = first.seen().map(|(name, _)| *name).collect();
    let own = first.types.first().copied().unwrap_or_default();
    let mut out = format!("#TYPE {own}\r\n{}", csv_row(&names, delimiter));
    for object in objects {
        let cell = |name: &&str| {
            let value = object.seen().find(|(own, _)| own == name);
            value.map_or_else(String::new, |(_, value)| printed(value, exporter))
        };
        out.push_str(&csv_row(names.iter().map(cell), delimiter));
    }
    out
}

fn printed(value: &Value, exporter: Exporter) -> String {
    match value {
        Value::Nothing => String::new(),
        Value::Text(text) | Value::Sid(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Flag(flag) => if *flag { "True" } else { "False" }.to_owned(),
        Value::Time(time) => exporter.time(*time),
        Value::Day(day) => exporter.culture.day(*day),
        Value::Choice(name, _) | Value::Many(name, _) | Value::Opaque(name) => (*name).to_owned(),
        Value::Values(_) => EVENT_VALUES.to_owned(),
    }
}
