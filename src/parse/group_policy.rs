//! The policies that are in force on a computer: `gpresult /x`.
//!
//! Three kinds of settings write the registry, and each names its key untranslated: security options, values without
//! an administrative template, and preferences. Those that `knowledge/registry.toml` lists are kept, of several
//! policies that set one value the one that won.
//! What is *not* done here: settings of administrative templates, which the report names in the words of its language
//! only (the registry itself shows what they do), settings of users, and the HTML report.

use std::collections::BTreeMap;

use super::xml::{self, Element};
use super::{Context, Format, Head, Reader};
use crate::fact::{Observation, Parsed, Position, RegistryValue};

/// The format's line in the table.
pub(super) const FORMAT: Format = Format { recognise, reader: Reader::Text(parse) };

/// Accounts cut the names of machines after so many characters.
const ACCOUNT_LENGTH: usize = 15;

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    let text = head.text();
    (text.contains("<Rsop") && text.contains("http://www.microsoft.com/GroupPolicy/Rsop"))
        .then_some("group-policy")
}

fn parse(text: &str, context: &Context<'_>) -> Parsed {
    let mut report = Report::default();
    let mut parsed = Parsed::default();
    parsed.issues.extend(xml::read(text, |path| report.take(path)));
    let host = report.host();
    for setting in report.settings {
        parsed.coverage.records += 1;
        let Some((key, name)) = setting.path().and_then(|(key, name)| context.interest.kept(key, name))
        else {
            continue;
        };
        let policy = setting.policy.map(|id| report.policies.get(&id).cloned().unwrap_or(id));
        let (key, name) = (key.to_owned(), name.to_owned());
        let value = RegistryValue { host: host.clone(), key, name, number: setting.number, policy };
        parsed.facts.push(context.fact(Position::Line(setting.line), Observation::Registry(value)));
    }
    parsed
}

/// What the report says so far.
#[derive(Default)]
struct Report {
    /// `CONTOSO\HV01$`.
    account: Option<String>,
    domain: Option<String>,
    /// Names of policies by their ids.
    policies: BTreeMap<String, String>,
    policy: (Option<String>, Option<String>),
    /// The setting whose parts go by.
    open: Setting,
    settings: Vec<Setting>,
}

/// A value that a policy writes.
#[derive(Debug, Default)]
struct Setting {
    line: u64,
    /// The key and, behind its last `\`, the name; or the key alone.
    key: Option<String>,
    name: Option<String>,
    number: Option<u32>,
    /// The policy's id.
    policy: Option<String>,
    is_beaten: bool,
}

impl Setting {
    fn path(&self) -> Option<(&str, &str)> {
        let key = self.key.as_deref()?;
        let (key, name) = match &self.name {
            Some(name) => (key, name.as_str()),
            None => key.rsplit_once('\\')?,
        };
        let machine = key.get(..8).filter(|prefix| prefix.eq_ignore_ascii_case(r"MACHINE\"));
        Some((machine.and_then(|prefix| key.get(prefix.len()..)).unwrap_or(key), name))
    }
}

impl Report {
    /// Takes an element that ended; only those of the computer's part count.
    fn take(&mut self, path: &[Element]) {
        let [_, part, rest @ ..] = path else { return };
        let Some(last) = rest.last().filter(|_| part.name == "ComputerResults") else { return };
        let text = || Some(last.text.trim().to_owned()).filter(|text| !text.is_empty());
        let names: Vec<_> = rest.iter().map(|element| element.name.as_str()).collect();
        match names.as_slice() {
            ["Name"] => self.account = text(),
            ["Domain"] => self.domain = text(),
            ["GPO", "Name"] => self.policy.0 = text(),
            ["GPO", "Path", "Identifier"] => self.policy.1 = text(),
            ["GPO"] => {
                if let (Some(name), Some(id)) = std::mem::take(&mut self.policy) {
                    self.policies.insert(id, name);
                }
            }
            ["ExtensionData", .., parent, name] => self.take_part(parent, name, last),
            _ => {}
        }
    }

    fn take_part(&mut self, parent: &str, name: &str, element: &Element) {
        let text = element.text.trim();
        let open = &mut self.open;
        match (parent, name) {
            ("GPO", "Identifier") => open.policy = Some(text.to_owned()),
            (_, "Precedence") => open.is_beaten = text != "1",
            ("SecurityOptions", "KeyName") | ("RegistrySetting", "KeyPath") => {
                open.key = Some(text.to_owned())
            }
            ("SecurityOptions", "SettingNumber") | ("Value", "Number") => open.number = text.parse().ok(),
            ("SecurityOptions", "SettingBoolean") => open.number = Some(u32::from(text == "true")),
            ("Value", "Name") => open.name = Some(text.to_owned()),
            ("Registry", "Properties") => open.take_preference(element),
            (_, "SecurityOptions" | "RegistrySetting" | "Registry") => {
                let setting = Setting { line: element.line, ..std::mem::take(open) };
                if setting.key.is_some() && !setting.is_beaten {
                    self.settings.push(setting);
                }
            }
            // Another kind of setting ended, with what it says of its policy.
            ("Extension", _) => *open = Setting::default(),
            _ => {}
        }
    }

    /// The computer's full name; `None` where its account may have cut it.
    fn host(&self) -> Option<String> {
        let account = self.account.as_deref()?;
        let name = account.rsplit('\\').next().unwrap_or(account).trim_end_matches('$');
        if name.is_empty() || name.len() >= ACCOUNT_LENGTH {
            return None;
        }
        let domain = self.domain.as_deref().filter(|domain| domain.contains('.'));
        Some(domain.map_or_else(|| name.to_owned(), |domain| format!("{name}.{domain}")))
    }
}

impl Setting {
    /// A preference: create, replace and update write the value, delete does not.
    fn take_preference(&mut self, element: &Element) {
        let get = |name| element.attribute(name);
        let is_written = get("action").is_none_or(|action| !action.eq_ignore_ascii_case("D"));
        if is_written && get("hive") == Some("HKEY_LOCAL_MACHINE") {
            self.key = get("key").map(str::to_owned);
            self.name = get("name").map(str::to_owned);
            let is_number = get("type") == Some("REG_DWORD");
            let digits = get("value").filter(|_| is_number);
            self.number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::Knowledge;
    use crate::parse::testing;

    const GOOD: &str = r#"<?xml version="1.0" encoding="utf-16"?>
<Rsop xmlns="http://www.microsoft.com/GroupPolicy/Rsop"><ReadTime>2026-09-30T10:00:00Z</ReadTime>
<UserResults><Name>CONTOSO\admin</Name></UserResults>
<ComputerResults><Name>CONTOSO\HV01$</Name><Domain>contoso.com</Domain>
<ExtensionData><Extension xmlns:q1="http://www.microsoft.com/GroupPolicy/Settings/Security">
<q1:SecurityOptions><GPO><Identifier>{A}</Identifier></GPO><Precedence>1</Precedence>
<q1:KeyName>MACHINE\System\CurrentControlSet\Control\Lsa\LmCompatibilityLevel</q1:KeyName><q1:SettingNumber>5</q1:SettingNumber>
<q1:Display><q1:Name>Netzwerksicherheit: LAN Manager-Authentifizierungsebene</q1:Name></q1:Display></q1:SecurityOptions>
<q1:SecurityOptions><GPO><Identifier>{B}</Identifier></GPO><Precedence>2</Precedence>
<q1:KeyName>MACHINE\System\CurrentControlSet\Control\Lsa\LmCompatibilityLevel</q1:KeyName><q1:SettingNumber>3</q1:SettingNumber></q1:SecurityOptions>
<q1:Account><GPO><Identifier>{B}</Identifier></GPO><q1:Name>MaxClockSkew</q1:Name><q1:SettingNumber>5</q1:SettingNumber></q1:Account>
</Extension></ExtensionData>
<ExtensionData><Extension><q2:RegistrySetting><q2:KeyPath>Software\Policies\Microsoft\Windows\DeviceGuard</q2:KeyPath>
<q2:Value><q2:Name>LsaCfgFlags</q2:Name><q2:Number>1</q2:Number></q2:Value></q2:RegistrySetting>
<q3:RegistrySettings><q3:Registry name="KrbtgtFullPacSignature"><GPO><Identifier>{B}</Identifier></GPO>
<q3:Properties action="U" hive="HKEY_LOCAL_MACHINE" key="SYSTEM\CurrentControlSet\Services\Kdc" name="KrbtgtFullPacSignature" type="REG_DWORD" value="00000003"/>
</q3:Registry></q3:RegistrySettings></Extension></ExtensionData>
<GPO><Name>Hosts &amp; more</Name><Path><Identifier>{A}</Identifier></Path></GPO>
</ComputerResults></Rsop>
"#;

    fn read(text: &str) -> Parsed {
        testing::read_with(&FORMAT, text.as_bytes(), &Knowledge::load().unwrap().interest())
    }

    type Row = (u64, Option<String>, String, Option<u32>, Option<String>);

    fn rows(parsed: Parsed) -> Vec<Row> {
        let row = |fact: crate::fact::Fact| match (fact.origin.at, fact.observation) {
            (Position::Line(line), Observation::Registry(value)) => {
                Some((line, value.host, value.name, value.number, value.policy))
            }
            _ => None,
        };
        parsed.facts.into_iter().filter_map(row).collect()
    }

    #[test]
    fn what_policies_write_is_read() {
        assert_eq!(testing::kind(&FORMAT, GOOD.as_bytes()), Some("group-policy"));
        let row = |line, name: &str, number, policy: Option<&str>| -> Row {
            (line, Some("HV01.contoso.com".into()), name.into(), Some(number), policy.map(str::to_owned))
        };
        let expected = [
            row(6, "LmCompatibilityLevel", 5, Some("Hosts & more")),
            row(13, "LsaCfgFlags", 1, None),
            row(15, "KrbtgtFullPacSignature", 3, Some("{B}")),
        ];
        assert_eq!(rows(read(GOOD)), expected);
        assert_eq!(rows(read(&GOOD.replace('\n', "\r\n"))), expected);
        assert_eq!(read(GOOD).issues, []);
    }

    #[test]
    fn a_name_that_may_be_cut_is_none() {
        let text = GOOD.replace("HV01$", "HYPERVHOST00001$");
        assert!(rows(read(&text)).iter().all(|row| row.1.is_none()));
    }

    #[test]
    fn damage_costs_what_stands_behind() {
        let parsed = read(&GOOD[..GOOD.find("<q2:RegistrySetting>").unwrap()]);
        assert_eq!((testing::codes(&parsed), rows(parsed).len()), (vec!["xml-malformed"], 1));
        testing::damage(&FORMAT, GOOD, *b"\0<>&\xFF");
        assert_eq!(testing::kind(&FORMAT, b"<Rsop/>"), None);
    }

    #[test]
    fn many_settings_are_read_in_one_pass() {
        let block = "<ExtensionData><Extension><SecurityOptions><KeyName>MACHINE\\System\\CurrentControlSet\\Control\\Lsa\\RunAsPPL</KeyName>\
                     <SettingNumber>1</SettingNumber></SecurityOptions></Extension></ExtensionData>\n";
        let text = format!(
            "<Rsop xmlns=\"http://www.microsoft.com/GroupPolicy/Rsop\"><ComputerResults>{}</ComputerResults></Rsop>",
            block.repeat(50_000)
        );
        assert_eq!(rows(read(&text)).len(), 50_000);
    }
}
