//! A record in one line, shortened. Only what the fact holds is echoed, and facts hold allow-listed attributes.

use crate::fact::{
    DirectoryObject, Event, Fact, InstallDay, Known, MigrationAuthentication, Observation, Reason, Trustee,
};
use crate::incident::codes;

/// Characters of an excerpt at most.
const LENGTH: usize = 320;

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
            format!("{}: VirtualMachineMigrationAuthenticationType: {authentication}", settings.host)
        }
        Observation::Update(update) => match update.installed {
            InstallDay::On(day) => format!("{} installed on {day}", update.kb),
            InstallDay::Either(month, day) => format!("{} installed on {month} or {day}", update.kb),
            InstallDay::Unstated => format!("{} installed", update.kb),
        },
    };
    shorten(&text)
}

fn event_line(event: &Event) -> String {
    let numbered = |name: &str| {
        name.strip_prefix("Parameter").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let field = |field: &crate::fact::Field| match &field.name {
        _ if field.value.is_empty() || field.value == "-" => None,
        Some(name) if !numbered(name) => Some(format!("{name}={}", field.value)),
        _ => Some(telling_line(&field.value).to_owned()),
    };
    let provider = event.provider.strip_prefix("Microsoft-Windows-").unwrap_or(&event.provider);
    let fields: Vec<_> = event.fields.iter().filter_map(field).collect();
    format!("{provider} {}: {}", event.id, fields.join("; "))
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

/// One line, with an ellipsis where it was cut.
fn shorten(text: &str) -> String {
    let line = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    match line.char_indices().nth(LENGTH) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line,
    }
}
