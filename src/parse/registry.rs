//! Values of the registry: `.reg` files, what `reg query` prints, and the registry values of a `secedit` template.
//!
//! Only values that `knowledge/registry.toml` lists are kept, and the version of Windows. Of the values as such a line
//! at a time is looked at: the longer types run over lines, and none of those is a number.
//! What is *not* done here: keys of a control set other than the current one (nothing in the text tells which one
//! runs), binary hives, and the privilege rights of a template.

use super::{Context, Format, Head, Reader, text, tool_text};
use crate::fact::{Build, Issue, MachineReport, Observation, Parsed, Position, RegistryValue};

/// The format's line in the table.
pub(super) const FORMAT: Format = Format { recognise, reader: Reader::Text(parse) };

/// Where Windows says which version it is.
const VERSION: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";

/// A value as it is printed.
#[derive(Debug, PartialEq)]
struct Printed<'a> {
    line: u64,
    /// Under `HKEY_LOCAL_MACHINE`.
    key: &'a str,
    name: &'a str,
    data: Data<'a>,
}

#[derive(Debug, PartialEq)]
enum Data<'a> {
    /// A number; `None` where it can't be read.
    Number(Option<u32>),
    Text(&'a str),
    Other,
}

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    let text = head.text();
    let first = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let is_file = first.starts_with("Windows Registry Editor Version") || first == "REGEDIT4";
    let section = |(_, line): (u64, &str)| matches!(line.trim(), "[Registry Values]" | "[Privilege Rights]");
    if text::lines(text).any(section) {
        return Some("security-policy");
    }
    (is_file || values(text).next().is_some()).then_some("registry")
}

fn parse(text: &str, context: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut version = Version::default();
    let mut unreadable = 0;
    for printed in values(tool_text::whole(text, &mut parsed.issues)) {
        parsed.coverage.records += 1;
        if printed.key.eq_ignore_ascii_case(VERSION) {
            parsed.facts.extend(version.learn(&printed).map(|(line, report)| {
                context.fact(Position::Line(line), Observation::Machine(Box::new(report)))
            }));
        }
        let Some((key, name)) = context.interest.kept(printed.key, printed.name) else { continue };
        let number = match printed.data {
            Data::Number(None) => {
                unreadable += 1;
                continue;
            }
            Data::Number(number) => number,
            Data::Text(_) | Data::Other => None,
        };
        let value =
            RegistryValue { host: None, key: key.to_owned(), name: name.to_owned(), number, policy: None };
        parsed.facts.push(context.fact(Position::Line(printed.line), Observation::Registry(value)));
    }
    parsed.facts.extend(
        version
            .finish()
            .map(|(line, report)| context.fact(Position::Line(line), Observation::Machine(Box::new(report)))),
    );
    parsed.facts.sort_by_key(|fact| fact.origin.at);
    if unreadable > 0 {
        let what = text::counted(unreadable, ["number of the registry is", "numbers of the registry are"]);
        let detail = format!("{what} damaged and left out; export the key again");
        parsed.issues.push(Issue::loss("value-undecodable", detail, Some(unreadable)));
    }
    parsed
}

/// Every value under `HKEY_LOCAL_MACHINE`, whichever tool printed it.
fn values(text: &str) -> impl Iterator<Item = Printed<'_>> {
    let mut key = None;
    text::lines(text).filter_map(move |(line, content)| {
        if let Some(bracketed) = content.strip_prefix('[') {
            key = bracketed.trim_end().strip_suffix(']').and_then(under_machine);
            return None;
        }
        if content.starts_with("HKEY_") {
            key = under_machine(content);
            return None;
        }
        if let Some((path, data)) = under_template(content) {
            let (key, name) = path.rsplit_once('\\')?;
            return Some(Printed { line, key, name, data });
        }
        let (name, data) = of_file(content).or_else(|| of_query(content))?;
        Some(Printed { line, key: key?, name, data })
    })
}

/// The key under `HKEY_LOCAL_MACHINE`.
fn under_machine(key: &str) -> Option<&str> {
    key.trim().strip_prefix(r"HKEY_LOCAL_MACHINE\")
}

/// `MACHINE\…\LmCompatibilityLevel=4,5`: the type is a number before the comma.
fn under_template(line: &str) -> Option<(&str, Data<'_>)> {
    let (prefix, rest) = line.split_at_checked(r"MACHINE\".len())?;
    let (path, value) = rest.split_once('=').filter(|_| prefix.eq_ignore_ascii_case(r"MACHINE\"))?;
    let (kind, value) = value.split_once(',')?;
    let data = match kind.trim() {
        "4" => Data::Number(value.trim().parse().ok()),
        "1" | "2" => Data::Text(value.trim().trim_matches('"')),
        _ => Data::Other,
    };
    Some((path.trim(), data))
}

/// `"RequireSeal"=dword:00000002`.
fn of_file(line: &str) -> Option<(&str, Data<'_>)> {
    let (name, value) = line.strip_prefix('"')?.split_once("\"=")?;
    let value = value.trim();
    let data = if let Some(digits) = value.strip_prefix("dword:") {
        // A number that is cut has fewer digits than eight.
        Data::Number(u32::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 8))
    } else if let Some(bytes) = value.strip_prefix("hex(4):").or_else(|| value.strip_prefix("hex(b):")) {
        Data::Number(little_endian(bytes))
    } else if let Some(text) = value.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Data::Text(text)
    } else if value == "-" {
        // To be deleted when the file is imported: no value.
        return None;
    } else {
        Data::Other
    };
    Some((name, data))
}

/// A number of four or eight bytes, `1c,00,00,00`.
fn little_endian(bytes: &str) -> Option<u32> {
    let digits = || bytes.trim().split(',');
    let number = digits().rev().try_fold(0_u64, |number, digits| {
        let byte = u8::from_str_radix(digits.trim(), 16).ok()?;
        Some(number.checked_mul(256)? + u64::from(byte))
    })?;
    u32::try_from(number).ok().filter(|_| matches!(digits().count(), 4 | 8))
}

/// `    RequireSeal    REG_DWORD    0x2`; names may hold blanks, and old systems put tabs between the columns.
fn of_query(line: &str) -> Option<(&str, Data<'_>)> {
    if !tool_text::is_indented(line) {
        return None;
    }
    let (name, rest) = line.split_at(line.find("    REG_").or_else(|| line.find("\tREG_"))?);
    let rest = rest.trim();
    let (kind, value) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
    let value = value.trim();
    let data = match kind {
        "REG_DWORD" | "REG_QWORD" => Data::Number(value.strip_prefix("0x").and_then(|_| text::bits(value))),
        "REG_SZ" | "REG_EXPAND_SZ" => Data::Text(value),
        _ => Data::Other,
    };
    let name = name.trim();
    (!name.is_empty()).then_some((name, data))
}

/// The version of Windows while its values go by; another value under a name that was read begins another machine's.
#[derive(Default)]
struct Version {
    line: u64,
    product: Option<String>,
    number: Option<u32>,
    revision: Option<u32>,
}

impl Version {
    /// Takes a value; gives what was learnt before where it speaks of another machine.
    fn learn(&mut self, printed: &Printed<'_>) -> Option<(u64, MachineReport)> {
        let mut next = Self { line: printed.line, ..Self::default() };
        match (printed.name.to_ascii_lowercase().as_str(), &printed.data) {
            ("productname", Data::Text(text)) => next.product = Some((*text).to_owned()),
            ("currentbuild" | "currentbuildnumber", Data::Text(text)) => next.number = text.parse().ok(),
            ("ubr", Data::Number(number)) => next.revision = *number,
            _ => return None,
        }
        let differs =
            |own: &Option<u32>, other: &Option<u32>| own.is_some() && other.is_some() && own != other;
        let renamed = self.product.is_some() && next.product.is_some() && self.product != next.product;
        if renamed || differs(&self.number, &next.number) || differs(&self.revision, &next.revision) {
            return std::mem::replace(self, next).finish();
        }
        self.line = if self.line == 0 { next.line } else { self.line };
        self.product = self.product.take().or(next.product);
        self.number = self.number.or(next.number);
        self.revision = self.revision.or(next.revision);
        None
    }

    /// The report, where the build is known; a revision alone says nothing.
    fn finish(self) -> Option<(u64, MachineReport)> {
        let Self { line, product, number, revision } = self;
        let build = Some(Build { number: number?, revision });
        Some((line, MachineReport { product, build, ..MachineReport::default() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::Knowledge;
    use crate::parse::testing;

    fn read(text: &str) -> Parsed {
        testing::read_with(&FORMAT, text.as_bytes(), &Knowledge::load().unwrap().interest())
    }

    fn numbers(parsed: &Parsed) -> Vec<(String, Option<u32>)> {
        let value = |fact: &crate::fact::Fact| match &fact.observation {
            Observation::Registry(value) => Some((value.name.clone(), value.number)),
            _ => None,
        };
        parsed.facts.iter().filter_map(value).collect()
    }

    fn named<const N: usize>(values: [(&str, Option<u32>); N]) -> Vec<(String, Option<u32>)> {
        values.map(|(name, number)| (name.to_owned(), number)).to_vec()
    }

    const FILE: &str = "Windows Registry Editor Version 5.00\r\n\r\n\
        [HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\Netlogon\\Parameters]\r\n\
        \"DisablePasswordChange\"=dword:00000000\r\n\"requireseal\"=dword:00000002\r\n\
        \"VulnerableChannelAllowList\"=\"O:BAG:BAD:(A;;RC;;;BA)\"\r\n\
        \"Update\"=hex(7):61,00,\\\r\n  62,00\r\n@=\"RequireSeal\"\r\n\
        \"FullSecureChannelProtection\"=hex(4):01,00,00,00\r\n\"RejectMd5Clients\"=-\r\n\
        [HKEY_CURRENT_USER\\SYSTEM\\CurrentControlSet\\Services\\Kdc]\r\n\"KrbtgtFullPacSignature\"=dword:00000003\r\n\
        [-HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\Kdc]\r\n\"KrbtgtFullPacSignature\"=dword:00000003\r\n";

    #[test]
    fn a_file_is_read() {
        assert_eq!(testing::kind(&FORMAT, FILE.as_bytes()), Some("registry"));
        for text in [FILE.to_owned(), FILE.replace("\r\n", "\n"), FILE.replace("\r\n", "\r\r\n")] {
            let parsed = read(&text);
            let expected = named([
                ("RequireSeal", Some(2)),
                ("VulnerableChannelAllowList", None),
                ("FullSecureChannelProtection", Some(1)),
            ]);
            assert_eq!(numbers(&parsed), expected);
            assert_eq!((parsed.issues.len(), parsed.coverage.records), (0, 5));
            assert_eq!(parsed.facts[0].origin.at, Position::Line(5));
        }
        assert_eq!(testing::kind(&FORMAT, b"REGEDIT4\r\n\r\n"), Some("registry"));
    }

    #[test]
    fn a_query_is_read_in_any_language() {
        let text = "\r\nHKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Lsa\r\n    (Standard)    REG_SZ    x\r\n    \
                    auditbase directories    REG_DWORD    0x0\r\n    LsaCfgFlags    REG_DWORD    0x2\r\n\tRunAsPPL\tREG_DWORD\t0x1\r\n    \
                    Security Packages    REG_MULTI_SZ    \"\"\r\n\r\n\
                    HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet001\\Control\\Lsa\r\n    LsaCfgFlags    REG_DWORD    0x1\r\n";
        assert_eq!(testing::kind(&FORMAT, text.as_bytes()), Some("registry"));
        let parsed = read(text);
        assert_eq!(numbers(&parsed), named([("LsaCfgFlags", Some(2)), ("RunAsPPL", Some(1))]));
        assert_eq!(parsed.coverage.records, 6);
    }

    #[test]
    fn a_template_is_read() {
        let text = "[Unicode]\r\nUnicode=yes\r\n[Registry Values]\r\n\
                    machine\\Software\\Microsoft\\Windows\\CurrentVersion\\Policies\\System\\Kerberos\\Parameters\\SupportedEncryptionTypes=4,2147483640\r\n\
                    MACHINE\\System\\CurrentControlSet\\Control\\Lsa\\LmCompatibilityLevel=4,5\r\n\
                    MACHINE\\Software\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon\\ScRemoveOption=1,\"0\"\r\n\
                    [Privilege Rights]\r\nSeNetworkLogonRight = *S-1-1-0\r\n[Version]\r\nsignature=\"$CHICAGO$\"\r\n";
        assert_eq!(testing::kind(&FORMAT, text.as_bytes()), Some("security-policy"));
        let expected = [("SupportedEncryptionTypes", Some(0x7fff_fff8)), ("LmCompatibilityLevel", Some(5))];
        assert_eq!(numbers(&read(text)), named(expected));
    }

    #[test]
    fn the_version_gives_the_build() {
        let key = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\r\n";
        let text = format!(
            "{key}    CurrentBuild    REG_SZ    17763\r\n    ProductName    REG_SZ    Windows Server 2019 Datacenter\r\n\r\n\
             {key}    UBR    REG_DWORD    0xe42\r\n\r\n{key}    CurrentBuild    REG_SZ    20348\r\n"
        );
        let builds: Vec<_> = read(&text)
            .facts
            .into_iter()
            .filter_map(|fact| match fact.observation {
                Observation::Machine(report) => Some((fact.origin.at, report.product, report.build)),
                _ => None,
            })
            .collect();
        let product = Some("Windows Server 2019 Datacenter".to_owned());
        let expected = [
            (Position::Line(2), product, Some(Build { number: 17763, revision: Some(3650) })),
            (Position::Line(9), None, Some(Build { number: 20348, revision: None })),
        ];
        assert_eq!(builds, expected);
    }

    #[test]
    fn cut_numbers_are_no_numbers() {
        let key = "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\Kdc]\n";
        let parsed = read(&format!("{key}\"KrbtgtFullPacSignature\"=dword:000000\n"));
        assert_eq!(testing::losses(&parsed), [("value-undecodable", Some(1))]);
        let parsed = read(&format!("{key}\"KrbtgtFullPacSignature\"=dword:00000003"));
        assert_eq!((testing::codes(&parsed), parsed.facts.len()), (vec!["text-truncated"], 0));
    }

    #[test]
    fn other_texts_are_not_claimed() {
        for text in
            ["", "[Section]\n\"a\"=1\n", "see HKEY_LOCAL_MACHINE\\SYSTEM\n    a    REG_DWORD    0x1\n"]
        {
            assert_eq!(testing::kind(&FORMAT, text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn damage_and_size_do_no_harm() {
        testing::damage(&FORMAT, FILE, *b"\0\n=[\xFF");
        let long = format!("HKEY_LOCAL_MACHINE\\{}\n    a    REG_SZ    {0}", "x".repeat(5 << 20));
        assert_eq!(read(&long).facts.len(), 0);
        let many = FILE.repeat(20_000);
        assert_eq!(read(&many).facts.len(), 60_000);
    }
}
