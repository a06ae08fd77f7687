//! The messages that Windows renders of events, as far as stories need them.
//!
//! Sentences of Hyper-V are those that its documents and public reports quote. Where none is known the values stand
//! one after the other, as they do where a message file is missing. A reference (`%%2148074254`) is rendered as the
//! system's text for its code.

use super::values;
use crate::scenario::events::{Fault, Language};
use crate::scenario::evtx::Record;

/// The message of an event.
#[must_use]
pub fn message(record: &Record) -> String {
    let values: Vec<(String, String)> =
        values(record).into_iter().map(|(name, value)| (name, resolved(value))).collect();
    let at = |index: usize| values.get(index).map_or("", |(_, value)| value.as_str());
    let fails = record.level == 2;
    match (record.provider.rsplit('-').next().unwrap_or_default(), record.id) {
        ("VMMS", 20413) if fails => format!(
            "The Virtual Machine Management Service failed to register the configuration for the virtual machine '{}' at \
             '{}': {} ({}).",
            at(0),
            at(1),
            at(2),
            at(3)
        ),
        ("VMMS", 20413) => format!(
            "The Virtual Machine Management Service initiated the live migration of virtual machine '{}' to destination \
             host '{}' (VMID {}).",
            at(0),
            at(1),
            at(2)
        ),
        ("VMMS", 20415) => {
            format!(
                "Virtual machine '{}' (VMID {}) live migration completed with a blackout of {} s.",
                at(0),
                at(1),
                at(2)
            )
        }
        ("VMMS", 21024) => format!(
            "Virtual machine migration operation for '{}' failed at migration source '{}'. (Virtual machine ID {})",
            at(0),
            at(2),
            at(1)
        ),
        ("VMMS", 21026) => format!(
            "Virtual machine migration operation for '{}' failed at migration destination '{}'. (Virtual machine ID {})",
            at(0),
            at(2),
            at(1)
        ),
        ("VMMS", 20306) => format!(
            "The Virtual Machine Management Service failed to establish a connection for a Virtual Machine migration with \
             host '{}': {} ({}).",
            at(0),
            at(1),
            at(2)
        ),
        ("VMMS", 22038) => {
            format!("Failed to send data for a Virtual Machine migration: {} ({}).", at(2), at(3))
        }
        ("VMMS", 24002) => {
            format!(
                "Failed to create Planned Virtual Machine at migration destination: {} ({})",
                at(2),
                at(3)
            )
        }
        ("VMMS", 33014) => {
            format!("The key protector for the virtual machine '{}' could not be unwrapped.", at(0))
        }
        ("VMMS", 20402) => {
            "The Virtual Machine Management Service disabled the listener for Virtual Machine migration \
                            connections."
                .to_owned()
        }
        ("Availability", 21111) => format!("Live migration of '{}' failed.", at(0)),
        ("Availability", 21502) => at(2).to_owned(),
        ("Auditing", _) => labelled(&values),
        _ => values.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(" "),
    }
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
