//! Migration settings of Hyper-V hosts: `Get-VMHost` in any syntax.
//!
//! What is *not* done here: the other settings of a host.

use super::Context;
use super::records::{Cell, Gather, Kinds, Meaning, Record};
use crate::fact::{HostSettings, Known, MigrationAuthentication, Observation, Parsed, Position, Reason};

/// What is read here.
pub(super) const MEANING: Meaning = Meaning {
    kinds: Kinds {
        csv: "vm-host-csv",
        json: "vm-host-json",
        clixml: "vm-host-clixml",
        list: "vm-host-list",
        table: "vm-host-table",
    },
    columns: &[
        AUTHENTICATION,
        ENABLED,
        PERFORMANCE,
        ANY_NETWORK,
        DOMAIN,
        "computername",
        "name",
        "pscomputername",
    ],
    tells: |has| [AUTHENTICATION, ENABLED, PERFORMANCE].into_iter().any(has),
    gather: || Box::new(Hosts::default()),
};

const AUTHENTICATION: &str = "virtualmachinemigrationauthenticationtype";
const ENABLED: &str = "virtualmachinemigrationenabled";
const PERFORMANCE: &str = "virtualmachinemigrationperformanceoption";
const ANY_NETWORK: &str = "useanynetworkformigration";
const DOMAIN: &str = "fullyqualifieddomainname";
/// The properties that name the host, the most trustworthy first.
const HOSTS: &[&str] = &["computername", "name", "pscomputername"];

/// The hosts of one source.
#[derive(Default)]
struct Hosts {
    found: Vec<(u64, HostSettings)>,
}

impl Gather for Hosts {
    fn take(&mut self, record: &Record, _: &Context<'_>) {
        self.found.push((record.line, settings(record)));
    }

    fn finish(self: Box<Self>, context: &Context<'_>) -> Parsed {
        let fact = |(line, settings)| context.fact(Position::Line(line), Observation::HostSettings(settings));
        Parsed { facts: self.found.into_iter().map(fact).collect(), ..Parsed::default() }
    }
}

fn settings(record: &Record) -> HostSettings {
    let authentication = match (record.cell(AUTHENTICATION), record.text(AUTHENTICATION)) {
        (Some(Cell::Cut), _) => Known::Unknown(Reason::Truncated),
        (_, None) => Known::Unknown(Reason::NotAskedFor),
        (_, Some(value)) => authentication(value).map_or(Known::Unknown(Reason::Undecodable), Known::Known),
    };
    HostSettings {
        host: record.first(HOSTS).map(str::to_owned),
        domain: record.text(DOMAIN).map(str::to_owned),
        authentication,
        enabled: record.text(ENABLED).and_then(flag),
        performance: record.text(PERFORMANCE).and_then(performance),
        any_network: record.text(ANY_NETWORK).and_then(flag),
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

/// The name, or the number of it (`VMMigrationPerformance`).
fn performance(value: &str) -> Option<String> {
    let name = match value {
        "0" => "TCPIP",
        "1" => "Compression",
        "2" => "SMB",
        other => other,
    };
    Some(name.to_owned())
}

/// `True` and `False`; PowerShell prints English in every culture.
pub(super) fn flag(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::parse::records::{console, delimited};
    use crate::parse::testing;

    fn read(text: &str) -> Parsed {
        let format = if text.starts_with('#') { &delimited::FORMAT } else { &console::FORMAT };
        testing::read(format, text.as_bytes())
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
        assert_eq!(testing::kind(&console::FORMAT, LIST.as_bytes()), Some("vm-host-list"));
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
        assert_eq!(testing::kind(&delimited::FORMAT, text.as_bytes()), Some("vm-host-csv"));
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

    /// The place of the file may tell whose they are.
    #[test]
    fn settings_without_a_name_are_kept() {
        let parsed = read("VirtualMachineMigrationAuthenticationType : Kerberos\nName :\n");
        let (_, only) = settings(&parsed)[0];
        assert_eq!(
            (&only.host, only.authentication.known()),
            (&None, Some(&MigrationAuthentication::Kerberos))
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
            assert_eq!(testing::kind(&console::FORMAT, text.as_bytes()), None, "{text}");
            assert_eq!(testing::kind(&delimited::FORMAT, text.as_bytes()), None, "{text}");
            assert_eq!(read(text).facts, []);
        }
        for cut in 0..LIST.len() {
            read(&LIST[..cut]);
        }
    }
}
