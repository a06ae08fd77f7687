//! The messages that Windows renders of events, as far as stories need them.
//!
//! Sentences of Hyper-V are those that its documents and public reports quote. Where none is known the values stand
//! one after the other, as they do where a message file is missing. A reference (`%%2148074254`) is rendered as the
//! system's text for its code.

use super::values;
use crate::scenario::events::{Fault, Language};
use crate::scenario::evtx::Record;

/// Sentences by the end of the provider's name, the event and, where one number has two readings, its level; `%1` is the
/// first value.
const SENTENCES: &[(&str, u16, Option<u8>, &str)] = &[
    (
        "VMMS",
        20413,
        Some(2),
        "The Virtual Machine Management Service failed to register the configuration for the virtual machine '%1' at '%2': \
         %3 (%4).",
    ),
    (
        "VMMS",
        20413,
        None,
        "The Virtual Machine Management Service initiated the live migration of virtual machine '%1' to destination host \
         '%2' (VMID %3).",
    ),
    ("VMMS", 20415, None, "Virtual machine '%1' (VMID %2) live migration completed with a blackout of %3 s."),
    (
        "VMMS",
        21024,
        None,
        "Virtual machine migration operation for '%1' failed at migration source '%3'. (Virtual machine ID %2)",
    ),
    (
        "VMMS",
        21026,
        None,
        "Virtual machine migration operation for '%1' failed at migration destination '%3'. (Virtual machine ID %2)",
    ),
    (
        "VMMS",
        20306,
        None,
        "The Virtual Machine Management Service failed to establish a connection for a Virtual Machine migration with host \
         '%1': %2 (%3).",
    ),
    ("VMMS", 22038, None, "Failed to send data for a Virtual Machine migration: %3 (%4)."),
    ("VMMS", 24002, None, "Failed to create Planned Virtual Machine at migration destination: %3 (%4)"),
    (
        "VMMS",
        20418,
        None,
        "Failed to perform migration on virtual machine '%1' because virtual machine migration limit '%3' was reached, \
         please wait for completion of an ongoing migration operation. (Virtual machine ID %2)",
    ),
    (
        "VMMS",
        24004,
        None,
        "The virtual machine '%1' is using processor-specific features not supported on physical computer '%3'. (Virtual \
         machine ID %2)",
    ),
    ("VMMS", 33014, None, "The key protector for the virtual machine '%1' could not be unwrapped."),
    (
        "VMMS",
        20402,
        None,
        "The Virtual Machine Management Service disabled the listener for Virtual Machine migration connections.",
    ),
    ("Availability", 21111, None, "Live migration of '%1' failed."),
    ("Availability", 21501, None, "%3"),
    ("Availability", 21502, None, "%3"),
];

/// The message of an event.
#[must_use]
pub fn message(record: &Record) -> String {
    let values: Vec<(String, String)> =
        values(record).into_iter().map(|(name, value)| (name, resolved(value))).collect();
    let provider = record.provider.rsplit('-').next().unwrap_or_default();
    let says = |(own, id, level, _): &&(&str, u16, Option<u8>, &str)| {
        *own == provider && *id == record.id && level.is_none_or(|level| level == record.level)
    };
    match SENTENCES.iter().find(says) {
        Some((.., sentence)) => filled(sentence, &values),
        None if provider == "Auditing" => labelled(&values),
        None => values.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(" "),
    }
}

/// A sentence with its values in it.
fn filled(sentence: &str, values: &[(String, String)]) -> String {
    let mut parts = sentence.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_at_checked(1).unwrap_or((part, ""));
        let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let value = index.and_then(|index| values.get(index));
        text.push_str(value.map_or("", |(_, value)| value.as_str()));
        text.push_str(rest);
    }
    text
}

/// The text behind a reference to a system message.
fn resolved(value: String) -> String {
    let code = value.strip_prefix("%%").and_then(|digits| digits.parse::<u32>().ok());
    let fault = Fault::all().find(|fault| code.is_some() && fault.code() == code);
    fault.map_or(value, |fault| fault.message(Language::English).to_owned())
}

/// An audit: a label and a value a line, behind a tab.
fn labelled(values: &[(String, String)]) -> String {
    const LABELS: [(&str, &str); 9] = [
        ("TargetUserName", "Account Name"),
        ("TargetDomainName", "Account Domain"),
        ("ServiceName", "Service Name"),
        ("ServiceSid", "Service ID"),
        ("IpAddress", "Client Address"),
        ("TicketOptions", "Ticket Options"),
        ("TicketEncryptionType", "Ticket Encryption Type"),
        ("Status", "Failure Code"),
        ("TransmittedServices", "Transited Services"),
    ];
    let line = |(name, value): &(String, String)| {
        let label = LABELS.iter().find(|(own, _)| own == name).map_or(name.as_str(), |(_, label)| label);
        format!("\r\n\t{label}:\t\t{value}")
    };
    format!("An event was audited.\r\n{}", values.iter().map(line).collect::<String>())
}
