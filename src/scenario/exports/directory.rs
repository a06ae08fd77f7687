//! Exports of computer objects: ldapsearch, ldifde, csvde, Get-ADComputer.

use jiff::Timestamp;

use super::culture::Exporter;
use super::{base64, csv_row};
use crate::fact::Spn;
use crate::scenario::{Dice, Domain, Machine, Os, filetime, later, moment};

mod object;

pub use object::{computer, csvde};

/// `userAccountControl`: an ordinary computer account.
pub const MEMBER: u32 = 0x1000;
/// `userAccountControl`: disabled.
pub const DISABLED: u32 = 0x2;
/// `userAccountControl`: trusted for unconstrained delegation.
pub const UNCONSTRAINED: u32 = 0x8_0000;
/// `userAccountControl`: may change the protocol, "use any authentication protocol".
pub const ANY_PROTOCOL: u32 = 0x100_0000;
/// `userAccountControl`: a domain controller, which is always trusted for delegation.
pub const CONTROLLER: u32 = 0x8_2000;

/// A computer object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The computer.
    pub machine: Machine,
    /// `userAccountControl`.
    pub control: u32,
    /// `servicePrincipalName`.
    pub spns: Vec<String>,
    /// `msDS-AllowedToDelegateTo`.
    pub list: Vec<String>,
    /// SIDs that `msDS-AllowedToActOnBehalfOfOtherIdentity` allows.
    pub allowed_to_act: Vec<String>,
    /// The organisational units above it, nearest first, not escaped.
    pub units: Vec<String>,
    /// `description`.
    pub description: Option<String>,
    /// `whenChanged`.
    pub changed: Timestamp,
    /// `msDS-SupportedEncryptionTypes`.
    pub encryption: u32,
}

impl Account {
    /// A Hyper-V host with the SPNs that it registers, and no delegation.
    #[must_use]
    pub fn host(machine: &Machine) -> Self {
        let classes = [
            "Microsoft Virtual System Migration Service",
            "Microsoft Virtual Console Service",
            "Hyper-V Replica Service",
            "WSMAN",
            "TERMSRV",
            "RestrictedKrbHost",
            "HOST",
        ];
        Self {
            machine: machine.clone(),
            control: MEMBER,
            spns: classes.iter().flat_map(|class| machine.spns(class)).collect(),
            list: Vec::new(),
            allowed_to_act: Vec::new(),
            units: vec!["Hyper-V".to_owned()],
            description: None,
            changed: moment(8, 27, 4, 12),
            encryption: 28,
        }
    }

    /// A domain controller.
    #[must_use]
    pub fn controller(machine: &Machine) -> Self {
        let classes = ["ldap", "HOST", "RestrictedKrbHost", "GC"];
        Self {
            control: CONTROLLER,
            spns: classes.iter().flat_map(|class| machine.spns(class)).collect(),
            units: vec!["Domain Controllers".to_owned()],
            ..Self::host(machine)
        }
    }

    /// Adds the migration SPNs (both forms) of `targets` to the list.
    #[must_use]
    pub fn migrating_to(mut self, targets: &[&Machine]) -> Self {
        self.list.extend(targets.iter().flat_map(|target| migration_spns(target)));
        self
    }

    /// Adds the file service of `targets` to the list, which moves of storage need.
    #[must_use]
    pub fn storing_to(mut self, targets: &[&Machine]) -> Self {
        self.list.extend(targets.iter().flat_map(|target| target.spns("cifs")));
        self
    }

    /// Sets bits of `userAccountControl`.
    #[must_use]
    pub fn with(mut self, bits: u32) -> Self {
        self.control |= bits;
        self
    }

    /// Lets `sources` delegate to this object: resource-based delegation.
    #[must_use]
    pub fn trusting(mut self, sources: &[&Machine]) -> Self {
        self.allowed_to_act.extend(sources.iter().map(|source| source.sid()));
        self
    }

    /// The distinguished name.
    #[must_use]
    pub fn dn(&self) -> String {
        let mut dn = format!("CN={}", self.machine.name);
        for unit in &self.units {
            dn.push_str(&format!(",OU={}", unit.replace(',', "\\,")));
        }
        format!("{dn},{}", self.machine.domain.dn())
    }

    fn guid(&self) -> [u8; 16] {
        let mut dice = Dice::named(&self.machine.fqdn());
        let halves = [dice.roll().to_le_bytes(), dice.roll().to_le_bytes()];
        let mut bytes = [0; 16];
        for (byte, value) in bytes.iter_mut().zip(halves.concat()) {
            *byte = value;
        }
        bytes
    }

    /// A new password changes the object as well, so it is no newer than that.
    fn password_set(&self) -> Timestamp {
        later(moment(7, 28, 5, 31), i64::from(self.machine.rid % 400) * 3_517_229).min(self.changed)
    }
}

/// Both forms of a host's migration SPN.
#[must_use]
pub fn migration_spns(target: &Machine) -> [String; 2] {
    [Spn::migration(&target.name), Spn::migration(&target.fqdn())]
}

/// A directory value.
pub(super) enum Value {
    Text(String),
    Bytes(Vec<u8>),
}

/// Every attribute of an object, in an order that a server might return.
pub(super) fn attributes(account: &Account) -> Vec<(&'static str, Value)> {
    let machine = &account.machine;
    let text = |value: &str| Value::Text(value.to_owned());
    let mut all: Vec<(&'static str, Value)> = ["top", "person", "organizationalPerson", "user", "computer"]
        .map(|class| ("objectClass", text(class)))
        .into();
    all.push(("cn", text(&machine.name)));
    all.extend(account.description.iter().map(|description| ("description", text(description))));
    all.extend([
        ("distinguishedName", Value::Text(account.dn())),
        ("instanceType", text("4")),
        ("whenCreated", text("20240212091544.0Z")),
        ("whenChanged", Value::Text(account.changed.strftime("%Y%m%d%H%M%S.0Z").to_string())),
        ("uSNCreated", Value::Text((12_000 + machine.rid).to_string())),
        ("uSNChanged", Value::Text((401_000 + machine.rid * 7).to_string())),
        ("name", text(&machine.name)),
        ("objectGUID", Value::Bytes(account.guid().to_vec())),
        ("userAccountControl", Value::Text(account.control.to_string())),
        ("codePage", text("0")),
        ("countryCode", text("0")),
        ("pwdLastSet", Value::Text(filetime(account.password_set()).to_string())),
        ("primaryGroupID", text(if is_controller(account) { "516" } else { "515" })),
        ("objectSid", Value::Bytes(sid_bytes(&machine.sid()))),
        ("accountExpires", text("9223372036854775807")),
        ("sAMAccountName", Value::Text(machine.account())),
        ("sAMAccountType", text("805306369")),
        ("operatingSystem", text(machine.os.name())),
        ("operatingSystemVersion", Value::Text(machine.os.version())),
        ("dNSHostName", Value::Text(machine.fqdn())),
    ]);
    all.extend(account.spns.iter().map(|spn| ("servicePrincipalName", text(spn))));
    let category = format!("CN=Computer,CN=Schema,CN=Configuration,{}", machine.domain.dn());
    all.push(("objectCategory", Value::Text(category)));
    all.push(("isCriticalSystemObject", text(if is_controller(account) { "TRUE" } else { "FALSE" })));
    all.extend(account.list.iter().map(|spn| ("msDS-AllowedToDelegateTo", text(spn))));
    if !account.allowed_to_act.is_empty() {
        let descriptor = security_descriptor(&account.allowed_to_act);
        all.push(("msDS-AllowedToActOnBehalfOfOtherIdentity", Value::Bytes(descriptor)));
    }
    all.push(("msDS-SupportedEncryptionTypes", text(&account.encryption.to_string())));
    all
}

fn is_controller(account: &Account) -> bool {
    account.control & 0x2000 != 0
}

/// Which attributes an export asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requested<'a> {
    /// All of them.
    All,
    /// These.
    These(&'a [&'a str]),
}

/// What `ldapsearch` prints without `-LLL`: comments before and after, lines folded at 78 columns.
#[must_use]
pub fn ldapsearch(domain: &Domain, accounts: &[Account], requested: Requested<'_>) -> Vec<u8> {
    let asked = match requested {
        Requested::All => "ALL".to_owned(),
        // OpenLDAP leaves a blank behind the last name.
        Requested::These(names) => names.iter().map(|name| format!("{name} ")).collect(),
    };
    let mut out = format!(
        "# extended LDIF\n#\n# LDAPv3\n# base <{}> with scope subtree\n# filter: (objectClass=computer)\n\
         # requesting: {asked}\n#\n\n",
        domain.dn()
    );
    out.push_str(&ldapsearch_entries(domain, accounts, requested));
    out.push_str("# search result\nsearch: 2\nresult: 0 Success\n\n");
    out.push_str(&format!("# numResponses: {}\n# numEntries: {}\n", accounts.len() + 1, accounts.len()));
    out.into_bytes()
}

/// The entries alone, for exports that are written piece by piece.
#[must_use]
pub fn ldapsearch_entries(domain: &Domain, accounts: &[Account], requested: Requested<'_>) -> String {
    let mut out = String::new();
    for account in accounts {
        let units = account.units.iter().map(|unit| unit.replace(',', "\\2C")).collect::<Vec<_>>().join(", ");
        let heading = format!("{}, {units}, {}", account.machine.name, domain.dns);
        out.push_str(&format!("# {}\n", ascii(&heading)));
        out.push_str(&line("dn", &Value::Text(account.dn())));
        for (name, value) in attributes(account) {
            if matches!(requested, Requested::All) || is_asked(name, requested) {
                out.push_str(&line(name, &value));
            }
        }
        out.push('\n');
    }
    out
}

fn is_asked(name: &str, requested: Requested<'_>) -> bool {
    matches!(requested, Requested::These(names) if names.iter().any(|asked| asked.eq_ignore_ascii_case(name)))
}

/// Comments show other than ASCII as escaped bytes.
fn ascii(text: &str) -> String {
    let escape = |byte: u8| match byte {
        0x20..0x7f => char::from(byte).to_string(),
        _ => format!("\\{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

/// One LDIF value, in base64 where RFC 2849 asks for it.
pub(super) fn line(name: &str, value: &Value) -> String {
    let plain = match value {
        Value::Text(text) if is_safe(text) => format!("{name}: {text}"),
        Value::Text(text) => format!("{name}:: {}", base64(text.as_bytes())),
        Value::Bytes(bytes) => format!("{name}:: {}", base64(bytes)),
    };
    fold(&plain)
}

fn is_safe(text: &str) -> bool {
    text.is_ascii() && !text.starts_with([' ', ':', '<']) && !text.ends_with(' ')
}

/// Folds at 78 columns; a continuation begins with one blank. The text is ASCII, so any cut is sound.
fn fold(text: &str) -> String {
    let mut folded = String::new();
    let (mut rest, mut width) = (text, 78);
    while let Some((head, tail)) = rest.split_at_checked(width).filter(|(_, tail)| !tail.is_empty()) {
        folded.push_str(head);
        folded.push_str("\n ");
        (rest, width) = (tail, 77);
    }
    folded.push_str(rest);
    folded.push('\n');
    folded
}

/// What `ldifde -f` writes: CRLF, `changetype: add`, a long value moved whole to the next line.
#[must_use]
pub fn ldifde(accounts: &[Account]) -> Vec<u8> {
    let mut out = String::new();
    for account in accounts {
        let mut push = |name: &str, value: &Value| {
            let unfolded = line(name, value).replace("\n ", "");
            let (head, tail) = unfolded.split_once(": ").unwrap_or((&unfolded, ""));
            let gap = if unfolded.len() > 79 { ": \r\n " } else { ": " };
            out.push_str(&format!("{head}{gap}{}\r\n", tail.trim_end()));
        };
        push("dn", &Value::Text(account.dn()));
        push("changetype", &Value::Text("add".to_owned()));
        for (name, value) in attributes(account) {
            push(name, &value);
        }
        out.push_str("\r\n");
    }
    out.into_bytes()
}

/// How a table of computers was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// The delimiter: `,`, or `;` in many European cultures.
    pub delimiter: char,
    /// Lists joined by hand with `;`. Otherwise PowerShell writes the type's name in place of the values.
    pub joined: bool,
    /// Who wrote it.
    pub exporter: Exporter,
}

impl Table {
    /// A table with lists joined by hand, in the exporter's culture.
    #[must_use]
    pub fn joined(exporter: Exporter) -> Self {
        Self { delimiter: exporter.culture.delimiter(), joined: true, exporter }
    }
}

/// What `Get-ADComputer -Filter * -Properties * | Select-Object … | Export-Csv` writes.
#[must_use]
pub fn get_ad_computer(accounts: &[Account], table: Table) -> String {
    let mut out = String::from("#TYPE Selected.Microsoft.ActiveDirectory.Management.ADComputer\r\n");
    let header = accounts.first().map(|account| row(account, table)).unwrap_or_default();
    out.push_str(&csv_row(header.iter().map(|(name, _)| *name), table.delimiter));
    for account in accounts {
        out.push_str(&csv_row(row(account, table).iter().map(|(_, value)| value), table.delimiter));
    }
    out
}

fn row(account: &Account, table: Table) -> Vec<(&'static str, String)> {
    let machine = &account.machine;
    let list = |values: &[String]| match (table.joined, values.is_empty()) {
        (true, _) => values.join(";"),
        (false, _) => "Microsoft.ActiveDirectory.Management.ADPropertyValueCollection".to_owned(),
    };
    let bit = |bits: u32| if account.control & bits == 0 { "False" } else { "True" }.to_owned();
    let enabled = if account.control & DISABLED == 0 { "True" } else { "False" };
    let category = format!("CN=Computer,CN=Schema,CN=Configuration,{}", machine.domain.dn());
    vec![
        ("DistinguishedName", account.dn()),
        ("DNSHostName", machine.fqdn()),
        ("Enabled", enabled.to_owned()),
        ("msDS-AllowedToDelegateTo", list(&account.list)),
        ("msDS-SupportedEncryptionTypes", account.encryption.to_string()),
        ("Name", machine.name.clone()),
        ("ObjectCategory", category),
        ("ObjectClass", "computer".to_owned()),
        ("OperatingSystem", machine.os.name().to_owned()),
        ("OperatingSystemVersion", machine.os.version()),
        ("PasswordLastSet", table.exporter.time(account.password_set())),
        ("PrincipalsAllowedToDelegateToAccount", list(&[])),
        ("pwdLastSet", filetime(account.password_set()).to_string()),
        ("SamAccountName", machine.account()),
        ("ServicePrincipalNames", list(&account.spns)),
        ("SID", machine.sid()),
        ("TrustedForDelegation", bit(UNCONSTRAINED)),
        ("TrustedToAuthForDelegation", bit(ANY_PROTOCOL)),
        ("userAccountControl", account.control.to_string()),
        ("whenChanged", table.exporter.time(account.changed)),
    ]
}

/// The binary form of a SID ([MS-DTYP] 2.4.2.2) of the authorities that stories use.
pub(super) fn sid_bytes(sid: &str) -> Vec<u8> {
    let parts: Vec<u32> = sid.split('-').skip(3).filter_map(|part| part.parse().ok()).collect();
    let count = u8::try_from(parts.len()).unwrap_or(0);
    let mut bytes = vec![1, count, 0, 0, 0, 0, 0, 5];
    bytes.extend(parts.iter().flat_map(|part| part.to_le_bytes()));
    bytes
}

/// A self-relative security descriptor ([MS-DTYP] 2.4.6) that allows `sids`, as the directory tools write it.
fn security_descriptor(sids: &[String]) -> Vec<u8> {
    let entries: Vec<u8> = sids.iter().flat_map(|sid| allow_entry(sid)).collect();
    let owner = sid_bytes("S-1-5-32-544");
    let list_at = 20 + u32::try_from(owner.len()).unwrap_or(0);
    let size = u16::try_from(8 + entries.len()).unwrap_or(0);
    let count = u16::try_from(sids.len()).unwrap_or(0);
    let mut bytes = vec![1, 0, 0x04, 0x80];
    bytes.extend([20, 0, 0, list_at].iter().flat_map(|offset: &u32| offset.to_le_bytes()));
    bytes.extend(owner);
    bytes.extend([4, 0]);
    bytes.extend([size, count, 0].iter().flat_map(|value| value.to_le_bytes()));
    bytes.extend(entries);
    bytes
}

fn allow_entry(sid: &str) -> Vec<u8> {
    let sid = sid_bytes(sid);
    let size = u16::try_from(8 + sid.len()).unwrap_or(0);
    let mut bytes = vec![0, 0];
    bytes.extend(size.to_le_bytes());
    bytes.extend(0x000f_01ff_u32.to_le_bytes());
    bytes.extend(sid);
    bytes
}

/// A file server or other member, which tells nothing about delegation but stands in every export.
#[must_use]
pub fn bystander(name: &str, domain: &Domain, rid: u32) -> Account {
    let machine = Machine::new(name, domain, rid, Os::Server2022);
    let spns = ["HOST", "RestrictedKrbHost"].iter().flat_map(|class| machine.spns(class)).collect();
    Account { spns, units: vec!["Servers".to_owned()], ..Account::host(&machine) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Sid;

    #[test]
    fn sids_survive_their_binary_form() {
        let sid = Domain::new("contoso.com").sid(1104);
        assert_eq!(Sid::from_bytes(&sid_bytes(&sid)), Sid::from_text(&sid));
        let descriptor = security_descriptor(std::slice::from_ref(&sid));
        assert_eq!(descriptor.len(), 20 + 16 + 8 + 36);
        assert_eq!(Sid::from_bytes(&descriptor[52..]), Sid::from_text(&sid));
    }

    #[test]
    fn folding_is_undone_by_removing_one_blank() {
        let text = format!("servicePrincipalName: {}", "x".repeat(200));
        let folded = fold(&text);
        assert!(folded.lines().all(|line| line.len() <= 78));
        assert_eq!(folded.replace("\n ", "").trim_end(), text);
    }
}
