//! Events of Hyper-V: the management service, the worker processes, the cluster's resource library.
//!
//! All of them carry `UserData/VmlEventLog`. Two namings of its children were seen in real records: `ParameterN`
//! counted from zero, and names. Which event uses which is known for 20415, 18590 and 19100 only.

use jiff::Timestamp;

use super::{Fault, HIGH_AVAILABILITY, Language, Move, Provider, Side, VMMS, WORKER};
use crate::scenario::evtx::{Payload, Record};
use crate::scenario::{Machine, Vm};

/// The namespace of every `VmlEventLog`.
pub const NAMESPACE: &str = "http://www.microsoft.com/Windows/Virtualization/Events";

const SERVICE: Provider = Provider {
    name: "Microsoft-Windows-Hyper-V-VMMS",
    guid: Some("6066F867-7CA1-4418-85FD-36E3F9C0600C"),
    channel: VMMS,
};
const PROCESS: Provider = Provider {
    name: "Microsoft-Windows-Hyper-V-Worker",
    guid: Some("51DDFA29-D5C8-4803-BE4B-2ECB715570FE"),
    channel: WORKER,
};
const RESOURCE: Provider = Provider {
    name: "Microsoft-Windows-Hyper-V-High-Availability",
    guid: Some("64E92ABC-910C-4770-BD9C-C3C54699B8F9"),
    channel: HIGH_AVAILABILITY,
};

/// Moves that a host allows at once.
const LIMIT: &str = "2";

/// What a worker process calls the machine's storage controller, and the disk on it.
const CONTROLLER: &str = "Synthetic SCSI Controller";

/// VMMS 20413 on the source: the move begins. The only event that names the destination of a move that
/// succeeds. The sentence is documented; that it belongs to this number is what many see, not established.
#[must_use]
pub fn initiated(go: Move<'_>, time: Timestamp) -> Record {
    let fields = [go.vm.name.as_str(), &go.target.name, &go.vm.id];
    SERVICE.event(20413, go.source, time, positional(fields))
}

/// VMMS 20415 on the source: the move succeeded, with its blackout in seconds. Documented by a real record,
/// except for which end writes it.
#[must_use]
pub fn completed(go: Move<'_>, blackout: &str, time: Timestamp) -> Record {
    SERVICE.event(20415, go.source, time, positional([go.vm.name.as_str(), &go.vm.id, blackout]))
}

/// VMMS 21024 on the source: the move failed, without a cause. Field names not established.
#[must_use]
pub fn failed_at_source(go: Move<'_>, time: Timestamp) -> Record {
    let fields = [go.vm.name.as_str(), &go.vm.id, &go.source.name];
    failure(SERVICE.event(21024, go.source, time, positional(fields)))
}

/// VMMS 21026 on the destination: the move failed there. Number and field names not established.
#[must_use]
pub fn failed_at_destination(go: Move<'_>, time: Timestamp) -> Record {
    let fields = [go.vm.name.as_str(), &go.vm.id, &go.target.name];
    failure(SERVICE.event(21026, go.target, time, positional(fields)))
}

/// VMMS 20306 on the source: no connection to the destination. The sentence is documented, number and field
/// names are not established. The message is stored as a reference, so the log holds no text to search.
#[must_use]
pub fn no_connection(go: Move<'_>, fault: Fault, time: Timestamp) -> Record {
    let (reference, code) = references(fault);
    failure(SERVICE.event(20306, go.source, time, positional([go.target.name.as_str(), &reference, &code])))
}

/// VMMS 22038 on the source: the connection broke while data was sent. The sentence is documented, number and
/// field names are not established.
#[must_use]
pub fn send_failed(go: Move<'_>, fault: Fault, time: Timestamp) -> Record {
    failure(SERVICE.event(22038, go.source, time, with_error(go.vm, fault)))
}

/// VMMS 14050: the host could not register the SPNs of `class`. Documented.
#[must_use]
pub fn spn_not_registered(host: &Machine, class: &str, time: Timestamp) -> Record {
    failure(SERVICE.event(14050, host, time, positional([class])))
}

/// VMMS 14051: the host registered its SPNs of `class`, as it does at every start. Number from memory.
#[must_use]
pub fn spn_registered(host: &Machine, class: &str, time: Timestamp) -> Record {
    SERVICE.event(14051, host, time, positional([class]))
}

/// VMMS 19100: a background merge failed because of `fault`. Shape taken from a real record.
#[must_use]
pub fn merge_failed(host: &Machine, vm: &Vm, fault: Fault, time: Timestamp) -> Record {
    failure(SERVICE.event(19100, host, time, with_error(vm, fault)))
}

/// VMMS on the source: the destination lacks processor features that the machine uses. The sentence is
/// documented, the number 24004 and the field names are not established.
#[must_use]
pub fn processor_incompatible(go: Move<'_>, time: Timestamp) -> Record {
    let fields = [go.vm.name.as_str(), &go.vm.id, &go.target.name];
    failure(SERVICE.event(24004, go.source, time, positional(fields)))
}

/// VMMS on the destination: no switch of that name. Number 33012 and field names are not established.
#[must_use]
pub fn switch_not_found(go: Move<'_>, switch: &str, time: Timestamp) -> Record {
    failure(SERVICE.event(33012, go.target, time, positional([switch])))
}

/// Worker 3050 on the destination: the machine's memory could not be allocated. The sentence is documented,
/// number and field names are not established.
#[must_use]
pub fn memory_refused(go: Move<'_>, fault: Fault, time: Timestamp) -> Record {
    worker(PROCESS.event(3050, go.target, time, with_error(go.vm, fault)))
}

/// Worker 12240 on the destination: a disk could not be opened. The sentence is documented, number and field
/// names are not established.
#[must_use]
pub fn disk_not_opened(go: Move<'_>, fault: Fault, time: Timestamp) -> Record {
    let (reference, code) = references(fault);
    let disk = attachment(go.vm, fault);
    let fields = [
        ("VmName", go.vm.name.as_str()),
        ("VmId", &go.vm.id),
        ("AttachmentPath", &disk),
        ("ErrorMessage", &reference),
        ("ErrorCode", &code),
    ];
    worker(PROCESS.event(12240, go.target, time, named(fields)))
}

/// VMMS on the destination: the planned machine could not be created. The sentence is documented, the number 24002
/// and the field names are not established.
#[must_use]
pub fn planned_refused(go: Move<'_>, fault: Fault, time: Timestamp) -> Record {
    failure(SERVICE.event(24002, go.target, time, with_error(go.vm, fault)))
}

/// VMMS 20413 on the destination: it could not register the configuration. Number and sentence are documented
/// together, the order of the values is not established.
#[must_use]
pub fn not_registered(go: Move<'_>, fault: Fault, time: Timestamp) -> Record {
    let (reference, code) = references(fault);
    let fields = [go.vm.id.clone(), configuration(go.vm), reference, code];
    failure(SERVICE.event(20413, go.target, time, positional(fields)))
}

/// VMMS on the destination: it could not unwrap the key protector. The sentence is documented, the number 33014 and
/// the field names are not established.
#[must_use]
pub fn key_not_unwrapped(go: Move<'_>, time: Timestamp) -> Record {
    failure(SERVICE.event(33014, go.target, time, positional([go.vm.name.as_str(), &go.vm.id])))
}

/// VMMS 10698 on the destination: the configuration version does not fit. The number is documented beside 21502; its
/// words, its values and the end that logs it are not established.
#[must_use]
pub fn version_refused(go: Move<'_>, time: Timestamp) -> Record {
    failure(SERVICE.event(10698, go.target, time, positional([go.vm.name.as_str(), &go.vm.id])))
}

/// VMMS on the source: as many moves run as the host allows. The sentence is documented, the number 20418 and the field
/// names are not established.
#[must_use]
pub fn limit_reached(go: Move<'_>, time: Timestamp) -> Record {
    failure(SERVICE.event(20418, go.source, time, positional([go.vm.name.as_str(), &go.vm.id, LIMIT])))
}

/// VMMS: the host stopped listening for migrations. The sentence is documented; the number 20402 and the level are not
/// established. It has no values, so only an export with messages shows what it says.
#[must_use]
pub fn listener_disabled(host: &Machine, time: Timestamp) -> Record {
    Record { level: 3, ..SERVICE.event(20402, host, time, positional::<&str>([])) }
}

/// High-Availability 21111 on the source: the bare statement of a failure. Documented template.
#[must_use]
pub fn move_failed(go: Move<'_>, time: Timestamp) -> Record {
    failure(RESOURCE.event(21111, go.source, time, positional([go.vm.resource()])))
}

/// High-Availability 21502 on the source, 21501 for a limit: the whole story as text in the third parameter. Template
/// documented, the first two parameters are not established.
#[must_use]
pub fn failure_report(go: Move<'_>, fault: Fault, language: Language, time: Timestamp) -> Record {
    let fields = [go.vm.resource(), go.vm.id.clone(), report(go, fault, language)];
    let id = if fault == Fault::LimitReached { 21501 } else { 21502 };
    failure(RESOURCE.event(id, go.source, time, positional(fields)))
}

/// High-Availability 21301 on the source: the move took `seconds`. Template documented, channel is not.
#[must_use]
pub fn finished_on_source(go: Move<'_>, seconds: u64, time: Timestamp) -> Record {
    RESOURCE.event(
        21301,
        go.source,
        time,
        positional([go.vm.id.clone(), seconds.to_string(), go.vm.resource()]),
    )
}

/// High-Availability 21307 on the destination: the move arrived after `seconds`. As 21301.
#[must_use]
pub fn finished_on_target(go: Move<'_>, seconds: u64, time: Timestamp) -> Record {
    RESOURCE.event(
        21307,
        go.target,
        time,
        positional([go.vm.id.clone(), seconds.to_string(), go.vm.resource()]),
    )
}

/// High-Availability 21125: the configuration could not be set up on the destination. Documented, no parameters
/// but the resource that it is logged for.
#[must_use]
pub fn setup_failed(go: Move<'_>, time: Timestamp) -> Record {
    failure(RESOURCE.event(21125, go.source, time, positional::<&str>([])))
}

/// High-Availability 21159 on the source: a switch of the machine is missing on the destination. Documented.
#[must_use]
pub fn switch_missing(go: Move<'_>, time: Timestamp) -> Record {
    failure(RESOURCE.event(21159, go.source, time, positional([go.vm.resource(), go.target.name.clone()])))
}

/// The text of 21502: wrapper lines, then the details, separated by blank lines.
fn report(go: Move<'_>, fault: Fault, language: Language) -> String {
    let mut lines = vec![match language {
        Language::English => format!("Live migration of '{}' failed.", go.vm.resource()),
        Language::German => format!("Fehler bei der Livemigration von „{}“.", go.vm.resource()),
    }];
    // Where the cluster refuses by itself, no operation of Hyper-V failed.
    if !matches!(fault, Fault::MissingSwitch | Fault::NotOwner) {
        lines.push(wrapper(go, fault, language));
    }
    lines.extend(details(go, fault, language));
    lines.join("\r\n\r\n")
}

fn wrapper(go: Move<'_>, fault: Fault, language: Language) -> String {
    let (name, id) = (&go.vm.name, &go.vm.id);
    match (fault.side(), language) {
        (Side::Source, Language::English) => format!(
            "Virtual machine migration operation for '{name}' failed at migration source '{}'. (Virtual machine ID {id})",
            go.source.name
        ),
        (Side::Destination, Language::English) => format!(
            "Virtual machine migration operation for '{name}' failed at migration destination '{}'. (Virtual machine ID {id})",
            go.target.name
        ),
        (Side::Source, Language::German) => format!(
            "Fehler beim VM-Migrationsvorgang für „{name}“ an der Migrationsquelle „{}“. (ID des virtuellen Computers: {id})",
            go.source.name
        ),
        (Side::Destination, Language::German) => format!(
            "Fehler beim VM-Migrationsvorgang für „{name}“ am Migrationsziel „{}“. (ID des virtuellen Computers: {id})",
            go.target.name
        ),
    }
}

fn details(go: Move<'_>, fault: Fault, language: Language) -> Vec<String> {
    let (name, target) = (&go.vm.name, &go.target.name);
    let message = fault.message(language);
    let (_, code) = references(fault);
    match fault {
        Fault::NoCredentials => no_credentials(target, message, &code, language),
        Fault::Reset => {
            vec![format!("Failed to send data for a Virtual Machine migration: {message} ({code}).")]
        }
        Fault::OutOfMemory => vec![format!("'{name}' could not initialize memory: {message} ({code}).")],
        Fault::NoResources => vec![format!("'{name}' could not initialize memory: {message} ({code}).")],
        Fault::MissingSwitch => vec![format!(
            "'{name}' failed to live migrate because a virtual switch used by the VM does not exist on the \
             destination node '{target}'."
        )],
        Fault::Processor => vec![format!(
            "The virtual machine '{name}' is using processor-specific features not supported on physical computer \
             '{target}'. To allow for migration of this virtual machine to physical computers with different \
             processors, modify the virtual machine settings to limit the processor features used by the virtual \
             machine. (Virtual machine ID {})",
            go.vm.id
        )],
        Fault::SharingViolation | Fault::MissingMedia => vec![
            format!("'{name}' {CONTROLLER}: Failed to restore with Error '{message}' ({code})."),
            format!(
                "'{name}': Attachment '{}' failed to open because of error: '{message}' ({code}).",
                attachment(go.vm, fault)
            ),
        ],
        Fault::UserRight => {
            vec![format!(
                "Failed to create Planned Virtual Machine at migration destination: {message} ({code})"
            )]
        }
        Fault::LimitReached => vec![format!(
            "Failed to perform migration on virtual machine '{name}' because virtual machine migration limit '{LIMIT}' was \
             reached, please wait for completion of an ongoing migration operation. (Virtual machine ID {})",
            go.vm.id
        )],
        // The words of the cluster's own dialog; that 21502 repeats them is not established.
        Fault::NotOwner => {
            vec![
                "The action 'Move' did not complete.".to_owned(),
                format!("Error Code: {code}"),
                message.to_owned(),
            ]
        }
        Fault::NotRegistered => vec![format!(
            "The Virtual Machine Management Service failed to register the configuration for the virtual machine \
             '{}' at '{}': {message} ({code}).",
            go.vm.id,
            configuration(go.vm)
        )],
        Fault::KeyProtector => {
            vec![format!("The key protector for the virtual machine '{name}' could not be unwrapped.")]
        }
        // Its words are not known.
        Fault::OldVersion => Vec::new(),
        _ => vec![format!("Failed to establish a connection with host '{target}': {message} ({code}).")],
    }
}

fn no_credentials(target: &str, message: &str, code: &str, language: Language) -> Vec<String> {
    match language {
        Language::English => vec![
            format!("Failed to establish a connection with host '{target}': {message} ({code})."),
            "The Virtual Machine Management Service failed to authenticate the connection for a Virtual Machine \
             migration at the source host: no suitable credentials available. Make sure the operation is initiated \
             on the source host of the migration, or the source host is configured to use Kerberos for the \
             authentication of migration connections and Constrained Delegation is enabled for the host in Active \
             Directory."
                .to_owned(),
        ],
        Language::German => vec![
            format!("Fehler beim Herstellen einer Verbindung mit dem Host „{target}“: {message} ({code})."),
            "Der Dienst für die Verwaltung virtueller Computer konnte die Verbindung für eine Migration virtueller \
             Computer auf dem Quellhost nicht authentifizieren: Es sind keine geeigneten Anmeldeinformationen \
             verfügbar."
                .to_owned(),
        ],
    }
}

/// What could not be opened: the machine's disk, or the image in its drive.
fn attachment(vm: &Vm, fault: Fault) -> String {
    match fault {
        Fault::MissingMedia => r"C:\ClusterStorage\Library\Server_Setup_x64.iso".to_owned(),
        _ => format!(r"C:\ClusterStorage\Volume1\{0}\{0}.vhdx", vm.name),
    }
}

/// Where a machine's configuration lies that is not on a clustered volume.
pub(crate) fn configuration(vm: &Vm) -> String {
    format!(r"E:\Hyper-V\{}", vm.name)
}

fn failure(record: Record) -> Record {
    Record { level: 2, ..record }
}

/// Worker processes run under a SID of their machine's own.
fn worker(record: Record) -> Record {
    failure(Record {
        user: Some("S-1-5-83-1-2911237716-1279570826-2969748674-2587459881".to_owned()),
        ..record
    })
}

/// `%%2148074254` and `0x8009030E`: the unsigned decimal message reference and the code as text.
fn references(fault: Fault) -> (String, String) {
    let code = fault.code().unwrap_or(0);
    (format!("%%{code}"), format!("0x{code:08X}"))
}

fn with_error(vm: &Vm, fault: Fault) -> Payload {
    let (reference, code) = references(fault);
    named([
        ("VmName", vm.name.as_str()),
        ("VmId", &vm.id),
        ("ErrorMessage", &reference),
        ("ErrorCode", &code),
    ])
}

fn positional<V: Into<String>>(values: impl IntoIterator<Item = V>) -> Payload {
    let numbered = values.into_iter().enumerate();
    user_data(numbered.map(|(index, value)| (format!("Parameter{index}"), value.into())).collect())
}

fn named<const N: usize>(fields: [(&str, &str); N]) -> Payload {
    user_data(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

fn user_data(fields: Vec<(String, String)>) -> Payload {
    Payload::UserData { element: "VmlEventLog".to_owned(), namespace: NAMESPACE.to_owned(), fields }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Domain, Os, moment};

    #[test]
    fn a_report_ends_with_its_code_and_names_the_failing_end() {
        let domain = Domain::new("contoso.com");
        let source = Machine::new("HV01", &domain, 1104, Os::Server2022);
        let target = Machine::new("HV02", &domain, 1105, Os::Server2022);
        let vm = Vm::new("SQL01");
        let go = Move { vm: &vm, source: &source, target: &target };
        let text = report(go, Fault::OutOfMemory, Language::English);
        assert!(text.starts_with("Live migration of 'Virtual Machine SQL01' failed.\r\n\r\nVirtual machine"));
        assert!(text.contains("failed at migration destination 'HV02'"));
        assert!(text.ends_with("Ran out of memory (0x8007000E)."));
        let Payload::UserData { fields, .. } =
            no_connection(go, Fault::NoCredentials, moment(9, 1, 0, 0)).payload
        else {
            panic!("Hyper-V events carry UserData");
        };
        assert_eq!(fields[1].1, "%%2148074254");
    }
}
