//! Migration settings of Hyper-V hosts: `Get-VMHost | Format-List` and `Get-VMHost | Export-Csv`.
//!
//! What is *not* done here: the other settings of a host, and lists that a narrow console has wrapped (the
//! values that are read are single words).

use super::table::{self, Table};
use super::{Context, Format, Head, Reader, text};
use crate::bundle::Stream;
use crate::fact::{
    Coverage, Fact, HostSettings, Issue, Known, MigrationAuthentication, Observation, Parsed, Position,
    Reason,
};

/// The format's line in the table.
pub(super) const FORMAT: Format = Format { recognise, reader: Reader::Stream(parse) };

const AUTHENTICATION: &str = "virtualmachinemigrationauthenticationtype";
const ENABLED: &str = "virtualmachinemigrationenabled";
const PERFORMANCE: &str = "virtualmachinemigrationperformanceoption";
const DOMAIN: &str = "fullyqualifieddomainname";
/// The properties that name the host, the most trustworthy first.
const HOSTS: &[&str] = &["computername", "name", "pscomputername"];

const KEYS: &[&str] =
    &[AUTHENTICATION, ENABLED, PERFORMANCE, DOMAIN, "computername", "name", "pscomputername"];

/// The properties that only this export has.
const TELLING: &[&str] = &[AUTHENTICATION, ENABLED, PERFORMANCE];

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    is_ours(head).then_some("vm-host")
}

fn is_ours(head: &Head<'_>) -> bool {
    columns(head.text()).is_some()
        || text::lines(head.text())
            .any(|(_, line)| property(line).is_some_and(|(key, _)| TELLING.contains(&key.as_str())))
}

/// The columns of the table form.
fn columns(text: &str) -> Option<Vec<String>> {
    let columns = table::columns(text, KEYS)?;
    columns.iter().any(|column| TELLING.contains(&column.as_str())).then_some(columns)
}

fn parse(stream: &mut Stream<'_>, context: &Context<'_>) -> Parsed {
    let source = text::read(stream);
    let (hosts, mut issues) = if columns(&source.text).is_some() {
        from_table(&source.text)
    } else {
        (from_list(&source.text), Vec::new())
    };
    let mut parsed = Parsed { issues: source.issues, ..Parsed::default() };
    parsed.coverage = Coverage { records: hosts.len() as u64, channels: Vec::new() };
    let mut unnamed = 0;
    for host in hosts {
        match host.fact(context) {
            Some(fact) => parsed.facts.push(fact),
            None => unnamed += 1,
        }
    }
    parsed.issues.append(&mut issues);
    if unnamed > 0 {
        let detail = format!(
            "{} came without a name, so the settings can't be used; run Get-VMHost | Select-Object * and send all of \
             it",
            text::counted(unnamed, ["host", "hosts"])
        );
        parsed.issues.push(Issue::loss("host-unnamed", detail, Some(unnamed)));
    }
    parsed
}

/// One host as printed: its line, and the properties that matter.
#[derive(Debug, Default)]
struct Printed {
    line: u64,
    properties: Vec<(String, String)>,
}

impl Printed {
    fn get(&self, key: &str) -> Option<&str> {
        let value = self.properties.iter().find(|(own, _)| own == key).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }

    fn fact(&self, context: &Context<'_>) -> Option<Fact> {
        let host = HOSTS.iter().find_map(|key| self.get(key))?;
        let authentication = match self.get(AUTHENTICATION) {
            None => Known::Unknown(Reason::NotAskedFor),
            Some(value) => authentication(value).map_or(Known::Unknown(Reason::Undecodable), Known::Known),
        };
        let settings = HostSettings {
            host: Some(host.to_owned()),
            domain: self.get(DOMAIN).map(str::to_owned),
            authentication,
            enabled: self.get(ENABLED).and_then(enabled),
            performance: self.get(PERFORMANCE).map(str::to_owned),
            any_network: None,
        };
        Some(context.fact(Position::Line(self.line), Observation::HostSettings(settings)))
    }
}

/// The name, or the number that JSON and WMI print.
fn authentication(value: &str) -> Option<MigrationAuthentication> {
    match value.to_ascii_lowercase().as_str() {
        "kerberos" | "1" => Some(MigrationAuthentication::Kerberos),
        "credssp" | "0" => Some(MigrationAuthentication::CredSsp),
        _ => None,
    }
}

fn enabled(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn from_table(text: &str) -> (Vec<Printed>, Vec<Issue>) {
    let Some(mut table) = Table::open(text, KEYS) else { return (Vec::new(), Vec::new()) };
    let mut hosts = Vec::new();
    while let Some(row) = table.next_row() {
        let own = |key: &&str| row.get(key).map(|value| ((*key).to_owned(), value.to_owned()));
        hosts.push(Printed { line: row.line, properties: KEYS.iter().filter_map(own).collect() });
    }
    (hosts, table.finish().1)
}

/// The hosts of a list: blocks between blank lines that hold one of the telling properties. A property that
/// comes twice begins the next host, for lists that lost their blank lines.
fn from_list(text: &str) -> Vec<Printed> {
    let mut hosts: Vec<Printed> = Vec::new();
    let mut open = false;
    for (line, content) in text::lines(text) {
        if content.trim().is_empty() {
            open = false;
        }
        let Some((key, value)) = property(content) else { continue };
        let repeated = hosts.last().is_some_and(|host| host.properties.iter().any(|(own, _)| *own == key));
        if !open || repeated {
            hosts.push(Printed { line, properties: Vec::new() });
            open = true;
        }
        if let Some(host) = hosts.last_mut() {
            host.properties.push((key, value.to_owned()));
        }
    }
    hosts.retain(|host| host.properties.iter().any(|(key, _)| TELLING.contains(&key.as_str())));
    hosts
}

/// A line `Name : value` of one of the properties that matter.
fn property(line: &str) -> Option<(String, &str)> {
    let (key, value) = line.split_once(':')?;
    let key = key.trim().to_ascii_lowercase();
    KEYS.contains(&key.as_str()).then_some((key, value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing;

    fn read(text: &str) -> Parsed {
        testing::read(&FORMAT, text.as_bytes())
    }

    fn settings(parsed: &Parsed) -> Vec<(Position, &HostSettings)> {
        let settings = |fact: &'_ Fact| matches!(fact.observation, Observation::HostSettings(_));
        assert!(parsed.facts.iter().all(settings));
        let one = |fact| match fact {
            &Fact { ref origin, observation: Observation::HostSettings(ref settings) } => {
                Some((origin.at, settings))
            }
            _ => None,
        };
        parsed.facts.iter().filter_map(one).collect()
    }

    const LIST: &str = "\r\n\r\nVirtualMachineMigrationAuthenticationType : Kerberos\r\nName        : HV01\r\n\
                        FullyQualifiedDomainName                  : contoso.com\r\nVirtualMachineMigrationEnabled : True\r\n\
                        VirtualMachineMigrationPerformanceOption  : SMB\r\n\r\n\r\nComputerName : HV02\r\nName : x\r\n\
                        VirtualMachineMigrationAuthenticationType : 0\r\n\r\n";

    #[test]
    fn a_list_of_hosts_is_read_in_any_order() {
        assert!(is_ours(&Head::new(LIST.as_bytes())));
        let parsed = read(LIST);
        let first = HostSettings {
            host: Some("HV01".into()),
            domain: Some("contoso.com".into()),
            authentication: Known::Known(MigrationAuthentication::Kerberos),
            enabled: Some(true),
            performance: Some("SMB".into()),
            any_network: None,
        };
        let second = HostSettings {
            host: Some("HV02".into()),
            authentication: Known::Known(MigrationAuthentication::CredSsp),
            ..HostSettings::default()
        };
        assert_eq!(settings(&parsed), [(Position::Line(3), &first), (Position::Line(10), &second)]);
        assert_eq!((parsed.coverage.records, parsed.issues.len()), (2, 0));
    }

    #[test]
    fn a_table_is_read_alike() {
        let text = "#TYPE Microsoft.HyperV.PowerShell.VMHost\n\"Name\",\"VirtualMachineMigrationAuthenticationType\",\"FullyQualifiedDomainName\"\n\
                    \"HV01\",\"CredSSP\",\"x.com\"\n\"HV02\",\"Gibberish\",\"\"\n";
        assert!(is_ours(&Head::new(text.as_bytes())));
        let parsed = read(text);
        let found: Vec<_> = settings(&parsed)
            .iter()
            .map(|(at, host)| (*at, host.host.as_deref().unwrap(), host.authentication.clone()))
            .collect();
        assert_eq!(
            found,
            [
                (Position::Line(3), "HV01", Known::Known(MigrationAuthentication::CredSsp)),
                (Position::Line(4), "HV02", Known::Unknown(Reason::Undecodable))
            ]
        );
    }

    #[test]
    fn a_host_without_a_name_is_an_issue() {
        let parsed = read("VirtualMachineMigrationAuthenticationType : Kerberos\nName :\n");
        assert_eq!(parsed.facts, []);
        assert_eq!(
            parsed.issues.iter().map(|issue| (issue.code, issue.lost)).collect::<Vec<_>>(),
            [("host-unnamed", Some(1))]
        );
    }

    #[test]
    fn blanks_between_hosts_may_be_lost() {
        let parsed = read(
            "Name : HV01\nVirtualMachineMigrationEnabled : True\nName : HV02\nVirtualMachineMigrationEnabled : False\n",
        );
        assert_eq!(
            settings(&parsed).iter().map(|(_, host)| host.host.as_deref().unwrap()).collect::<Vec<_>>(),
            ["HV01", "HV02"]
        );
        let blank = read("Name : HV01\nVirtualMachineMigrationEnabled : \n");
        assert_eq!(settings(&blank)[0].1.authentication, Known::Unknown(Reason::NotAskedFor));
    }

    #[test]
    fn other_text_is_not_ours() {
        for text in ["Name : HV01\n", "", "Name,ComputerName\na,b\n", "the VirtualMachineMigrationEnabled\n"]
        {
            assert!(!is_ours(&Head::new(text.as_bytes())), "{text}");
            assert_eq!(read(text).facts, []);
        }
        for cut in 0..LIST.len() {
            read(&LIST[..cut]);
        }
    }
}
