//! The values of an event as its export left them: named, in their order, or only as the rendered message.

use serde_json::Value as Json;

use super::{Cell, Record};
use crate::fact::Field;

/// The names of values that an export gives in their order only ([Get-WinEvent]'s `Properties`), where rules ask for
/// them by name. Orders are those of the providers' manifests, as event XML of the same events shows them.
const ORDERS: &[(&str, &[u32], &[&str])] = &[
    (
        AUDITING,
        &[4769],
        &[
            "TargetUserName",
            "TargetDomainName",
            "ServiceName",
            "ServiceSid",
            "TicketOptions",
            "TicketEncryptionType",
            "IpAddress",
            "IpPort",
            "Status",
            "LogonGuid",
            "TransmittedServices",
        ],
    ),
    (
        AUDITING,
        &[4768],
        &[
            "TargetUserName",
            "TargetDomainName",
            "TargetSid",
            "ServiceName",
            "ServiceSid",
            "TicketOptions",
            "Status",
            "TicketEncryptionType",
            "PreAuthType",
            "IpAddress",
            "IpPort",
        ],
    ),
    (
        "Microsoft-Windows-Kernel-General",
        &[12],
        &[
            "MajorVersion",
            "MinorVersion",
            "BuildVersion",
            "QfeVersion",
            "ServiceVersion",
            "BootMode",
            "StartTime",
        ],
    ),
    (
        "Microsoft-Windows-WindowsUpdateClient",
        &[19, 43],
        &["updateTitle", "updateGuid", "updateRevisionNumber"],
    ),
    (
        "Microsoft-Windows-WindowsUpdateClient",
        &[20],
        &["errorCode", "updateTitle", "updateGuid", "updateRevisionNumber"],
    ),
];

const AUDITING: &str = "Microsoft-Windows-Security-Auditing";

/// The labels of a rendered ticket event in English, and the values' own names.
const LABELS: &[(&str, &str)] = &[
    ("Account Name", "TargetUserName"),
    ("Account Domain", "TargetDomainName"),
    ("Service Name", "ServiceName"),
    ("Service ID", "ServiceSid"),
    ("Client Address", "IpAddress"),
    ("Ticket Options", "TicketOptions"),
    ("Ticket Encryption Type", "TicketEncryptionType"),
    ("Failure Code", "Status"),
    ("Result Code", "Status"),
    ("Transited Services", "TransmittedServices"),
];

/// The values of an event.
pub(super) fn fields(record: &Record, provider: &str, id: u32, message: Option<&str>) -> Vec<Field> {
    if let Some(payload) = record.text("payload") {
        return of_payload(payload);
    }
    if let Some(Cell::List(values)) = record.cell("properties")
        && !values.is_empty()
    {
        return in_order(values, provider, id);
    }
    let mut fields: Vec<Field> = Vec::new();
    if provider == AUDITING && matches!(id, 4768 | 4769 | 4771) {
        fields.extend(message.into_iter().flat_map(labelled));
    }
    fields.extend(message.map(|text| Field { name: None, value: text.to_owned() }));
    fields
}

/// Values in their order; the names are known for some events.
fn in_order(values: &[String], provider: &str, id: u32) -> Vec<Field> {
    let order = ORDERS
        .iter()
        .find(|(own, ids, _)| own.eq_ignore_ascii_case(provider) && ids.contains(&id))
        .map_or(&[][..], |(_, _, names)| names);
    let name = |at: usize| order.get(at).map(|name| (*name).to_owned());
    values.iter().enumerate().map(|(at, value)| Field { name: name(at), value: value.clone() }).collect()
}

/// `Label:\t\tvalue` lines of a rendered message.
fn labelled(message: &str) -> Vec<Field> {
    let field = |line: &str| {
        let (label, value) = line.trim().split_once(':')?;
        let (_, name) = LABELS.iter().find(|(own, _)| *own == label)?;
        let value = value.trim();
        (!value.is_empty()).then(|| Field { name: Some((*name).to_owned()), value: value.to_owned() })
    };
    message.lines().filter_map(field).collect()
}

/// EvtxECmd's `Payload`: the payload as JSON, attributes with `@`, text as `#text`.
fn of_payload(text: &str) -> Vec<Field> {
    let mut fields = Vec::new();
    match serde_json::from_str::<Json>(text) {
        Ok(json) => collect(None, &json, &mut fields),
        Err(_) => fields.push(Field { name: None, value: text.to_owned() }),
    }
    fields
}

fn collect(name: Option<&str>, json: &Json, fields: &mut Vec<Field>) {
    let unnamed = ["EventData", "UserData", "Data"];
    let name = name.filter(|name| !unnamed.contains(name));
    let mut push = |value: &str| {
        fields.push(Field { name: name.map(str::to_owned), value: value.to_owned() });
    };
    match json {
        Json::String(text) => push(text),
        Json::Number(number) => push(&number.to_string()),
        Json::Bool(flag) => push(if *flag { "true" } else { "false" }),
        Json::Null => push(""),
        Json::Array(items) => items.iter().for_each(|item| collect(name, item, fields)),
        Json::Object(object) => {
            let text = |key: &str| object.get(key).and_then(Json::as_str);
            if let Some(own) = text("@Name") {
                let value = text("#text").unwrap_or_default().to_owned();
                fields.push(Field { name: Some(own.to_owned()), value });
                return;
            }
            for (key, value) in object.iter().filter(|(key, _)| !key.starts_with('@')) {
                collect(Some(key.as_str()).filter(|key| *key != "#text").or(name), value, fields);
            }
        }
    }
}
