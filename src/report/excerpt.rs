//! A record in one line, shortened. Only what the fact holds is echoed, and facts hold allow-listed attributes.

use crate::fact::{
    DirectoryObject, Event, Fact, Field, InstallDay, Known, MachineReport, MigrationAuthentication,
    Observation, Reason, Trustee,
};
use crate::incident::codes;

/// Characters of an excerpt at most.
const LENGTH: usize = 320;

/// Words from which on a value is a sentence.
const SENTENCE: usize = 6;

/// What a fact says, in one line.
pub(super) fn excerpt(fact: &Fact) -> String {
    let text = match &fact.observation {
        Observation::Event(event) => event_line(event),
        Observation::Directory(object) => object_line(object),
        Observation::HostSettings(settings) => {
            let authentication = match &settings.authentication {
                Known::Known(MigrationAuthentication::Kerberos) => "Kerberos",
                Known::Known(MigrationAuthentication::CredSsp) => "CredSSP",
                Known::Unknown(reason) => unknown(*reason),
            };
            let host = settings.host.as_deref().unwrap_or("a host");
            // What is on as usual needs no word.
            let off =
                if settings.enabled == Some(false) { ", VirtualMachineMigrationEnabled: False" } else { "" };
            format!("{host}: VirtualMachineMigrationAuthenticationType: {authentication}{off}")
        }
        Observation::Update(update) => match update.installed {
            InstallDay::On(day) => format!("{} installed on {day}", update.kb),
            InstallDay::At(time) => format!("{} installed at {time}", update.kb),
            InstallDay::Either(month, day) => format!("{} installed on {month} or {day}", update.kb),
            InstallDay::Unstated => format!("{} installed", update.kb),
        },
        Observation::Machine(report) => machine_line(report),
        Observation::Registry(value) => {
            let number = value.number.map_or_else(|| "not a number".to_owned(), |number| number.to_string());
            format!("{}\\{} = {number}", value.key, value.name)
        }
        Observation::Ticket(ticket) => {
            let encryption = ticket.encryption.as_deref().unwrap_or("not stated");
            format!("ticket of {} for {}: encryption {encryption}", ticket.client, ticket.server)
        }
        Observation::DuplicateSpn(duplicate) => {
            format!("{} is registered on {}", duplicate.spn, duplicate.accounts.join(" and "))
        }
        Observation::Node(node) => {
            let state = node.state.as_deref().unwrap_or("not stated");
            format!("node {} of {}: {state}", node.node, node.cluster.as_deref().unwrap_or("a cluster"))
        }
        Observation::Network(network) => {
            format!("network {} {}", network.subnet, network.name.as_deref().unwrap_or_default())
        }
        Observation::VirtualMachine(machine) => {
            format!("{} on {}", machine.name, machine.host.as_deref().unwrap_or("a host"))
        }
    };
    shortened(&one_line(&text), LENGTH)
}

/// The parts of a machine's report that are there.
fn machine_line(report: &MachineReport) -> String {
    let build = report.build.map(|build| match build.revision {
        Some(revision) => format!("build {}.{revision}", build.number),
        None => format!("build {}", build.number),
    });
    let guard = report.credential_guard.map(|runs| format!("Credential Guard running: {runs}"));
    let parts = [
        report.product.clone(),
        build,
        report.booted.map(|time| format!("started {time}")),
        guard,
        report.time_source.as_ref().map(|source| format!("time from {source}")),
        report.clock_offset.map(|offset| format!("clock {offset} ms behind it")),
        report.secure_channel.map(|status| format!("secure channel status 0x{status:X}")),
        report.cluster.as_ref().map(|cluster| format!("node of {cluster}")),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    format!("{}: {}", report.host.as_deref().unwrap_or("a machine"), parts.join("; "))
}

fn event_line(event: &Event) -> String {
    let value = |(name, value): (Option<&str>, &str)| match name {
        Some(name) => format!("{name}={value}"),
        None => telling_line(value).to_owned(),
    };
    let provider = event.provider.strip_prefix("Microsoft-Windows-").unwrap_or(&event.provider);
    let mut values: Vec<_> = stated(event).map(value).collect();
    // Names and numbers alone don't say what happened; the export's own words do.
    let is_sentence = |value: &String| value.split_whitespace().count() >= SENTENCE;
    if !values.iter().any(is_sentence) {
        values.extend(event.message.as_deref().map(|message| telling_line(message).to_owned()));
    }
    format!("{provider} {}: {}", event.id, values.join("; "))
}

/// The values of an event that say something, each with its name where it has one of its own.
pub(super) fn stated(event: &Event) -> impl Iterator<Item = (Option<&str>, &str)> {
    let is_numbered = |name: &str| {
        name.strip_prefix("Parameter").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let says = |field: &&Field| !field.value.is_empty() && field.value != "-";
    event
        .fields
        .iter()
        .filter(says)
        .map(move |field| (field.name.as_deref().filter(|name| !is_numbered(name)), field.value.as_str()))
}

/// Of a text of several sentences, the last that carries a code: the others are wrappers around it.
fn telling_line(text: &str) -> &str {
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let coded = lines.iter().rev().find(|line| !codes(line).is_empty());
    coded.or(lines.last()).copied().unwrap_or(text)
}

fn object_line(object: &DirectoryObject) -> String {
    let list = |values: &Known<Vec<String>>| match values {
        Known::Known(list) if list.is_empty() => "empty".to_owned(),
        Known::Known(list) => list.join("; "),
        Known::Unknown(reason) => unknown(*reason).to_owned(),
    };
    let bits = match &object.user_account_control {
        Known::Known(bits) => format!("0x{bits:X}"),
        Known::Unknown(reason) => unknown(*reason).to_owned(),
    };
    let trustee = |trustee: &Trustee| match trustee {
        Trustee::Sid(sid) => sid.to_string(),
        Trustee::Dn(dn) => dn.clone(),
        Trustee::Everyone => "everyone".to_owned(),
    };
    let trustees = object.allowed_to_act.clone().map(|trustees| trustees.iter().map(trustee).collect());
    let name =
        object.dn.as_deref().or(object.dns_name.as_deref()).or(object.account.as_deref()).unwrap_or_default();
    format!(
        "{name}: userAccountControl: {bits}; msDS-AllowedToActOnBehalfOfOtherIdentity: {}; msDS-AllowedToDelegateTo: {}",
        list(&trustees),
        list(&object.allowed_to_delegate_to)
    )
}

fn unknown(reason: Reason) -> &'static str {
    match reason {
        Reason::NoExport | Reason::NotAskedFor => "not exported",
        Reason::Flattened => "lost in the export",
        Reason::Truncated => "cut in the export",
        Reason::Undecodable => "not readable",
        Reason::Contradictory => "stated differently by two exports",
    }
}

/// The words of a text in one line.
pub(super) fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The first `most` characters of a text, with an ellipsis where it was cut.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
