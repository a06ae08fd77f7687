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
    (AUDITING, &[4742], ACCOUNT_CHANGE),
    (AUDITING, &[5136], VALUE_CHANGE),
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

/// 4742: a computer account was changed.
const ACCOUNT_CHANGE: &[&str] = &[
    "ComputerAccountChange",
    "TargetUserName",
    "TargetDomainName",
    "TargetSid",
    "SubjectUserSid",
    "SubjectUserName",
    "SubjectDomainName",
    "SubjectLogonId",
    "PrivilegeList",
    "SamAccountName",
    "DisplayName",
    "UserPrincipalName",
    "HomeDirectory",
    "HomePath",
    "ScriptPath",
    "ProfilePath",
    "UserWorkstations",
    "PasswordLastSet",
    "AccountExpires",
    "PrimaryGroupId",
    "AllowedToDelegateTo",
    "OldUacValue",
    "NewUacValue",
    "UserAccountControl",
    "UserParameters",
    "SidHistory",
    "LogonHours",
    "DnsHostName",
    "ServicePrincipalNames",
];

/// 5136: a value in the directory was changed.
const VALUE_CHANGE: &[&str] = &[
    "OpCorrelationID",
    "AppCorrelationID",
    "SubjectUserSid",
    "SubjectUserName",
    "SubjectDomainName",
    "SubjectLogonId",
    "DSName",
    "DSType",
    "ObjectDN",
    "ObjectGUID",
    "ObjectClass",
    "AttributeLDAPDisplayName",
    "AttributeSyntaxOID",
    "AttributeValue",
    "OperationType",
];

/// Values that logs show in hexadecimal and PowerShell as plain numbers.
const HEXADECIMAL: &[&str] =
    &["TicketOptions", "TicketEncryptionType", "Status", "OldUacValue", "NewUacValue"];

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
    // A value under the wrong name may be one that must be withheld: of 5136 the whole order has to fit.
    let fits = |names: &[&str]| id != 5136 || names.len() == values.len();
    let order = ORDERS
        .iter()
        .find(|(own, ids, names)| own.eq_ignore_ascii_case(provider) && ids.contains(&id) && fits(names))
        .map_or(&[][..], |(_, _, names)| names);
    let field = |(at, value): (usize, &String)| {
        let name = order.get(at).copied();
        let number = name.filter(|name| HEXADECIMAL.contains(name)).and_then(|_| value.parse::<u32>().ok());
        let value = number.map_or_else(|| value.clone(), |number| format!("0x{number:x}"));
        Field { name: name.map(str::to_owned), value }
    };
    values.iter().enumerate().map(field).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn named(values: &[&str], id: u32) -> Vec<(Option<String>, String)> {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        let fields = in_order(&values, AUDITING, id).into_iter();
        fields.map(|field| (field.name, field.value)).collect()
    }

    #[test]
    fn values_in_their_order_are_named_and_numbered_as_in_logs() {
        let values = ["HV01$", "X", "HV02$", "S-1-0-0", "1082327040", "4294967295", "::1", "1", "13"];
        let found = named(&values, 4769);
        assert_eq!(found[2], (Some("ServiceName".into()), "HV02$".into()));
        assert_eq!(found[4], (Some("TicketOptions".into()), "0x40830000".into()));
        assert_eq!(found[8], (Some("Status".into()), "0xd".into()));
        assert_eq!(named(&["a"], 1), [(None, "a".into())]);
    }

    #[test]
    fn a_changed_value_is_named_only_where_every_value_has_its_place() {
        let all: Vec<&str> = VALUE_CHANGE.to_vec();
        assert_eq!(named(&all, 5136)[13].0.as_deref(), Some("AttributeValue"));
        assert!(named(&all[1..], 5136).iter().all(|(name, _)| name.is_none()));
    }

    #[test]
    fn payloads_of_evtxecmd_keep_their_names() {
        let of = |text: &str| {
            of_payload(text)
                .into_iter()
                .map(|field| (field.name.unwrap_or_default(), field.value))
                .collect::<Vec<_>>()
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            of(r##"{"EventData":{"Data":[{"@Name":"A","#text":"1"},{"@Name":"B"},"c"]}}"##),
            [pair("A", "1"), pair("B", ""), pair("", "c")]
        );
        assert_eq!(
            of(r##"{"UserData":{"VmlEventLog":{"@xmlns":"n","Parameter0":"x","Parameter1":null}}}"##),
            [pair("Parameter0", "x"), pair("Parameter1", "")]
        );
        assert_eq!(of("no json"), [pair("", "no json")]);
    }
}
