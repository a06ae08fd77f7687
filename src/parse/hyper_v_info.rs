//! What Microsoft's support scripts write of a Hyper-V host's settings: `Hyper-VBasicInfo.txt`, in English on every
//! system.
//!
//! What is *not* done here: guessing what a blank means. On newer systems the script finds nothing and writes nothing.

use super::{Context, Format, Head, Reader, text, tool_text};
use crate::fact::{HostSettings, Known, MigrationAuthentication, Observation, Parsed, Position, Reason};

/// The format's line in the table.
pub(super) const FORMAT: Format = Format { recognise, reader: Reader::Text(parse) };

/// The heading of the settings.
const HEADING: &str = "Hyper-V Settings:";

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    text::lines(head.text()).any(|(_, line)| line.trim() == HEADING).then_some("hyper-v-info")
}

fn parse(text: &str, context: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut open: Option<(u64, HostSettings)> = None;
    let mut all = Vec::new();
    for (line, content) in text::lines(tool_text::whole(text, &mut parsed.issues)) {
        if content.trim() == HEADING {
            let authentication = Known::Unknown(Reason::NotAskedFor);
            all.extend(open.replace((line, HostSettings { authentication, ..HostSettings::default() })));
        } else if !tool_text::is_indented(content) && !content.trim().is_empty() {
            all.extend(open.take());
        } else if let (Some((_, settings)), Some((label, value))) = (&mut open, tool_text::labelled(content))
        {
            read(settings, label, value);
        }
    }
    all.extend(open);
    parsed.coverage.records = all.len() as u64;
    let told = |(line, settings)| context.fact(Position::Line(line), Observation::HostSettings(settings));
    parsed.facts.extend(all.into_iter().map(told));
    parsed
}

fn read(settings: &mut HostSettings, label: &str, value: &str) {
    match label {
        "Authentication protocol" => settings.authentication = authentication(value),
        "Enable incoming and outgoing live migrations" => {
            settings.enabled = match value {
                "True" => Some(true),
                "False" => Some(false),
                _ => None,
            }
        }
        "Option" if value == "Use any available network for live migration" => {
            settings.any_network = Some(true);
        }
        _ => {}
    }
}

/// `Kerberos(1)`, `CredSSP(0)`.
fn authentication(value: &str) -> Known<MigrationAuthentication> {
    match value.split('(').next().unwrap_or_default().trim() {
        "Kerberos" => Known::Known(MigrationAuthentication::Kerberos),
        "CredSSP" => Known::Known(MigrationAuthentication::CredSsp),
        "" => Known::Unknown(Reason::NotAskedFor),
        _ => Known::Unknown(Reason::Undecodable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing;

    const GOOD: &str = "Hyper-V Global Settings\r\n------------------\r\n\r\nHyper-V Settings:\r\n    Live Migrations:\r\n\
        \x20       Enable incoming and outgoing live migrations: True\r\n        Authentication protocol: Kerberos(1)\r\n\
        \x20       Incoming live migrations: \r\n            Option: Use any available network for live migration\r\n\
        Virtual Machines\r\n    Authentication protocol: CredSSP(0)\r\n";

    fn read(text: &str) -> Vec<HostSettings> {
        let settings = |fact: crate::fact::Fact| match fact.observation {
            Observation::HostSettings(settings) => Some(settings),
            _ => None,
        };
        testing::read(&FORMAT, text.as_bytes()).facts.into_iter().filter_map(settings).collect()
    }

    fn settings(authentication: Known<MigrationAuthentication>) -> HostSettings {
        let enabled = Some(true);
        HostSettings { authentication, enabled, any_network: Some(true), ..HostSettings::default() }
    }

    #[test]
    fn the_settings_are_read() {
        assert_eq!(testing::kind(&FORMAT, GOOD.as_bytes()), Some("hyper-v-info"));
        for text in [GOOD.to_owned(), GOOD.replace("\r\n", "\r\r\n")] {
            assert_eq!(read(&text), [settings(Known::Known(MigrationAuthentication::Kerberos))]);
        }
    }

    #[test]
    fn a_blank_is_unknown() {
        let blank = GOOD.replace("Kerberos(1)", "");
        assert_eq!(read(&blank), [settings(Known::Unknown(Reason::NotAskedFor))]);
        let odd = GOOD.replace("Kerberos(1)", "(7)x").replace("(7)", "7");
        assert_eq!(read(&odd), [settings(Known::Unknown(Reason::Undecodable))]);
    }

    #[test]
    fn damage_and_size_do_no_harm() {
        testing::damage(&FORMAT, GOOD, *b"\0\n:(\xFF");
        assert_eq!(read(&GOOD.repeat(20_000)).len(), 20_000);
        assert_eq!(read(&" ".repeat(10 << 20)).len(), 0);
        for text in ["", "Authentication protocol: Kerberos(1)\n"] {
            assert_eq!(testing::kind(&FORMAT, text.as_bytes()), None);
        }
    }
}
