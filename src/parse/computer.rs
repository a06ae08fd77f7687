//! Accounts as lists of objects: `Get-ADComputer` (users and groups too) in any syntax, and csvde.
//!
//! Of a table, a column that exists was asked for, so an empty value is known to be empty; a missing column is
//! unknown for the whole file, but for a full dump of csvde. Objects that state their own properties leave out what is not set: there a missing
//! property is empty if another object of the same output has it, or if the object is a full dump.
//! PowerShell writes a type's name in place of a list unless the user joined it by hand, with any separator and
//! under any column name; such a list is split only where every piece is a service principal name or a
//! distinguished name.
//! What is *not* done here: repairing numbers that Excel has rounded, rows whose unquoted commas have shifted the
//! values (they are counted and left out).

use std::collections::{BTreeMap, BTreeSet};

use super::records::{Cell, Gather, Kinds, Meaning, Record, Syntax};
use super::table::Row;
use super::{Context, attribute_metadata, clock, security_descriptor, text};
use crate::fact::{Bystanders, DirectoryObject, Known, Parsed, Reason, Sid, Trustee};

mod glance;
mod lists;
mod noticed;

use glance::Glance;
use lists::{EXCEL_CELL, Kind, is_cut, is_piece, is_type_name, listed};
use noticed::Noticed;

/// What is read here.
pub(super) const MEANING: Meaning = Meaning {
    kinds: Kinds {
        csv: "computer-csv",
        json: "computer-json",
        clixml: "computer-clixml",
        list: "computer-list",
        table: "computer-table",
    },
    columns: COLUMNS,
    tells: |has| NAMING.iter().copied().any(has) && TELLING.iter().copied().any(has),
    gather: || Box::new(Accounts::default()),
};

const SPNS: &[&str] = &["serviceprincipalname", "serviceprincipalnames", "spn", "spns"];
const ALLOWED_TO_DELEGATE_TO: &[&str] = &["msds-allowedtodelegateto", "allowedtodelegateto"];
const PRINCIPALS: &str = "principalsallowedtodelegatetoaccount";
const ALLOWED_TO_ACT: &str = "msds-allowedtoactonbehalfofotheridentity";
const ENCRYPTION_TYPES: &str = "msds-supportedencryptiontypes";
const ENCRYPTION_NAMES: &str = "kerberosencryptiontype";
const USER_ACCOUNT_CONTROL: &str = "useraccountcontrol";
const ENABLED: &str = "enabled";
const FOR_DELEGATION: &str = "trustedfordelegation";
const TO_AUTH: &str = "trustedtoauthfordelegation";
const NOT_DELEGATED: &str = "accountnotdelegated";

/// The columns that name the object, and those of which one makes it an account.
const NAMING: &[&str] = &["distinguishedname", "dn", "name"];
const TELLING: &[&str] = &[
    "dnshostname",
    "samaccountname",
    "sid",
    "objectsid",
    USER_ACCOUNT_CONTROL,
    FOR_DELEGATION,
    "msds-allowedtodelegateto",
];

const COLUMNS: &[&str] = &[
    "distinguishedname",
    "dn",
    "name",
    "cn",
    "samaccountname",
    "dnshostname",
    "sid",
    "objectsid",
    "objectclass",
    "objectguid",
    USER_ACCOUNT_CONTROL,
    ENABLED,
    FOR_DELEGATION,
    TO_AUTH,
    NOT_DELEGATED,
    "msds-allowedtodelegateto",
    "allowedtodelegateto",
    PRINCIPALS,
    ALLOWED_TO_ACT,
    "serviceprincipalname",
    "serviceprincipalnames",
    "spn",
    "spns",
    ENCRYPTION_NAMES,
    ENCRYPTION_TYPES,
    "operatingsystem",
    "operatingsystemversion",
    "whenchanged",
    attribute_metadata::NAME,
    "whencreated",
    "member",
    "members",
    "memberof",
];

/// `userAccountControl` bits, [MS-ADTS] 2.2.16.
const DISABLED_BIT: u32 = 0x2;
const FOR_DELEGATION_BIT: u32 = 0x8_0000;
const NOT_DELEGATED_BIT: u32 = 0x10_0000;
const TO_AUTH_BIT: u32 = 0x100_0000;

/// Classes whose rows are kept.
const CLASSES: &[&str] =
    &["computer", "user", "group", "msds-groupmanagedserviceaccount", "msds-managedserviceaccount"];

/// What PowerShell prints of every account that it was asked for: of two objects of which only one shows it, the
/// other came from a query of its own.
const ALWAYS: &[&str] = &[
    USER_ACCOUNT_CONTROL,
    FOR_DELEGATION,
    TO_AUTH,
    NOT_DELEGATED,
    PRINCIPALS,
    "serviceprincipalnames",
    "whenchanged",
    "whencreated",
    "primarygroupid",
    "objectsid",
    "samaccounttype",
];

/// When the object was changed, and when it was made, by the exporter's clock.
const STAMPS: [&[&str]; 2] =
    [&["whenchanged", "modified", "modifytimestamp"], &["whencreated", "created", "createtimestamp"]];

/// The accounts of one source.
#[derive(Default)]
struct Accounts {
    calculated: Calculated,
    found: Vec<Account>,
    /// What each section asked for, as its objects show.
    asked: BTreeMap<(usize, u16), Carried>,
    bystanders: Bystanders,
    /// Sections with a server that states no services: unknown unless the section asked for them.
    open_servers: BTreeSet<(usize, u16)>,
    glance: Glance,
    noticed: Noticed,
    clock: clock::Clock,
}

/// An object, before it is known what its output asked for.
struct Account {
    line: u64,
    /// What one command printed, where objects leave out what is not set, with what of [`ALWAYS`] it printed of
    /// this one; `None` where every column was asked for.
    section: Option<(usize, u16)>,
    carried: Carried,
    object: DirectoryObject,
    /// `whenChanged` as the exporter's clock shows it.
    stamps: [Option<String>; 2],
    /// Columns of the user's own naming that were empty here, while it was not known what they hold.
    blank: Vec<String>,
}

impl Gather for Accounts {
    fn take(&mut self, record: &Record, context: &Context<'_>) {
        if record.row().is_some_and(shifted) {
            self.noticed.shifted += 1;
            return;
        }
        self.clock.learn(record);
        if let Some(wanted) = context.wanted
            && self.glance.passes_over(record, wanted, &mut self.bystanders, &mut self.noticed)
        {
            return;
        }
        self.calculated.learn(record);
        let Some(object) = object(record, &self.calculated) else { return };
        let always = || ALWAYS.iter().fold(0, |bits, name| bits << 1 | u16::from(record.has(name)));
        let section = (record.whole && states_what_it_has(record)).then(|| (record.section, always()));
        let carried = Carried::of(record);
        if let Some(section) = section {
            let asked = self.asked.entry(section).or_default();
            *asked = asked.union(carried);
        }
        let blank = self.calculated.blank(record);
        // Nothing that is still to come makes it an object that matters: what turns out to be empty names nobody.
        if blank.is_empty() && context.wanted.is_some_and(|wanted| !wanted.wants(&object)) {
            self.noticed.look_at(&object);
            self.bystanders.add(&object);
            match section {
                Some(section) if object.is_unknown_server() && !carried.spns => {
                    self.open_servers.insert(section);
                }
                _ => self.bystanders.has_unknown_servers |= object.is_unknown_server(),
            }
            return;
        }
        let stamps = STAMPS.map(|names| record.first(names).map(str::to_owned));
        self.found.push(Account { line: record.line, section, carried, object, stamps, blank });
    }

    fn finish(mut self: Box<Self>, context: &Context<'_>) -> Parsed {
        let asked = self.asked;
        let were_asked =
            |section: &(usize, u16)| asked.get(section).is_some_and(|asked| asked.spns || asked.full);
        self.bystanders.has_unknown_servers |= !self.open_servers.iter().all(were_asked);
        let mut parsed = Parsed { bystanders: self.bystanders, ..Parsed::default() };
        let clock = self.clock.settle();
        for mut account in self.found {
            self.calculated.fill(&mut account.object, &account.blank);
            if let Some(asked) = account.section.and_then(|section| asked.get(&section)) {
                account.carried.fill(&mut account.object, *asked);
            }
            let [changed, created] = account.stamps.map(|cell| clock.as_ref()?.instant(cell.as_deref()?));
            account.object.when_changed = account.object.when_changed.or(changed);
            account.object.when_created = account.object.when_created.or(created);
            self.noticed.look_at(&account.object);
            context.take_object(&mut parsed, account.line, account.object);
        }
        parsed.issues = self.noticed.issues();
        parsed.issues.extend(clock.map(|clock| clock.note()));
        parsed
    }
}

/// Whether an object leaves out what is not set. Of csvde, which alone calls the name `DN`, every attribute that any
/// object has is a column; `Export-Csv` takes its columns from the first object.
fn states_what_it_has(record: &Record) -> bool {
    !matches!(record.syntax, Syntax::Csv | Syntax::Table) || record.row().is_some() && record.has("dn")
}

/// Which attributes an object states.
#[derive(Debug, Clone, Copy, Default)]
struct Carried {
    spns: bool,
    allowed_to_delegate_to: bool,
    allowed_to_act: bool,
    encryption_types: bool,
    member_of: bool,
    /// Both are in every full dump and in hardly any list of attributes.
    full: bool,
}

impl Carried {
    fn of(record: &Record) -> Self {
        let any = |names: &[&str]| names.iter().any(|name| record.has(name));
        Self {
            spns: any(SPNS),
            allowed_to_delegate_to: any(ALLOWED_TO_DELEGATE_TO),
            allowed_to_act: any(&[ALLOWED_TO_ACT, PRINCIPALS]),
            encryption_types: any(&[ENCRYPTION_TYPES, ENCRYPTION_NAMES]),
            member_of: any(&["memberof"]),
            full: record.has("instancetype") && record.has("usnchanged"),
        }
    }

    fn union(self, other: Self) -> Self {
        Self {
            spns: self.spns || other.spns,
            allowed_to_delegate_to: self.allowed_to_delegate_to || other.allowed_to_delegate_to,
            allowed_to_act: self.allowed_to_act || other.allowed_to_act,
            encryption_types: self.encryption_types || other.encryption_types,
            member_of: self.member_of || other.member_of,
            full: self.full || other.full,
        }
    }

    /// What the object does not state and its output `asked` for is empty.
    fn fill(self, object: &mut DirectoryObject, asked: Self) {
        if !self.spns && (asked.spns || asked.full) {
            object.spns = Known::Known(Vec::new());
        }
        if !self.allowed_to_delegate_to && (asked.allowed_to_delegate_to || asked.full) {
            object.allowed_to_delegate_to = Known::Known(Vec::new());
        }
        if !self.allowed_to_act && (asked.allowed_to_act || asked.full) {
            object.allowed_to_act = Known::Known(Vec::new());
        }
        if !self.encryption_types && (asked.encryption_types || asked.full) {
            object.encryption_types = Known::Known(None);
        }
        if !self.member_of && (asked.member_of || asked.full) {
            object.member_of = Known::Known(Vec::new());
        }
    }
}

/// Whether a row has more values than columns; a single empty one is a delimiter at the end.
fn shifted(row: &Row) -> bool {
    match row.surplus() {
        0 => false,
        1 => row.at(row.names().len()).is_some_and(|last| !last.is_empty()),
        _ => true,
    }
}

/// Columns of the user's own naming, such as `@{n='Delegates to';e={…}}`.
#[derive(Debug, Default)]
struct Calculated {
    allowed_to_delegate_to: Option<String>,
    spns: Option<String>,
}

impl Calculated {
    /// Looks for columns whose name says what they are and that hold nothing but service principal names. Without
    /// such a row a column proves nothing.
    fn learn(&mut self, record: &Record) {
        let holds = |name: &&String| match record.cell(name) {
            Some(Cell::Text(text)) if !text.is_empty() => matches!(listed(text, Kind::Spn), Known::Known(_)),
            _ => false,
        };
        if self.allowed_to_delegate_to.is_none() {
            self.allowed_to_delegate_to = delegation_names(record).iter().find(holds).cloned();
        }
        if self.spns.is_none() {
            self.spns = service_names(record).iter().find(holds).cloned();
        }
    }

    /// The columns that may still turn out to hold something, and are empty in this row.
    fn blank(&self, record: &Record) -> Vec<String> {
        let mut names = Vec::new();
        if self.allowed_to_delegate_to.is_none() {
            names.extend(delegation_names(record));
        }
        if self.spns.is_none() {
            names.extend(service_names(record));
        }
        names.retain(|name| record.cell(name) == Some(Cell::Text("")));
        names
    }

    /// What was `blank` is empty, now that it is known what the columns hold.
    fn fill(&self, object: &mut DirectoryObject, blank: &[String]) {
        let is_empty = |name: &Option<String>| name.as_ref().is_some_and(|name| blank.contains(name));
        if is_empty(&self.allowed_to_delegate_to) {
            object.allowed_to_delegate_to = Known::Known(Vec::new());
        }
        if is_empty(&self.spns) {
            object.spns = Known::Known(Vec::new());
        }
    }
}

/// Names of the user's own that speak of delegation, where the attribute itself is not there.
fn delegation_names(record: &Record) -> Vec<String> {
    own_names(record, ALLOWED_TO_DELEGATE_TO, is_about_delegation)
}

/// Names of the user's own that speak of service principal names.
fn service_names(record: &Record) -> Vec<String> {
    own_names(record, SPNS, |name| {
        !is_about_delegation(name) && (name.contains("spn") || name.contains("serviceprincipal"))
    })
}

fn is_about_delegation(name: &str) -> bool {
    name.contains("delegat") || name.contains("kcd")
}

fn own_names(record: &Record, standard: &[&str], fits: impl Fn(&str) -> bool) -> Vec<String> {
    if standard.iter().any(|name| record.has(name)) {
        return Vec::new();
    }
    let names = record.names().into_iter();
    names.filter(|name| !COLUMNS.contains(name) && fits(name)).map(str::to_owned).collect()
}

/// The object of a row; `None` for other classes and for rows that name nothing.
fn object(record: &Record, calculated: &Calculated) -> Option<DirectoryObject> {
    let first = |names: &[&str]| {
        let values = names.iter().filter_map(|name| record.text(name));
        values.into_iter().find(|value| !value.is_empty() && !is_type_name(value)).map(str::to_owned)
    };
    let classes = classes(record);
    let kept = |class: &String| CLASSES.iter().any(|own| own.eq_ignore_ascii_case(class));
    if !classes.is_empty() && !classes.iter().any(kept) {
        return None;
    }
    let object = DirectoryObject {
        dn: first(&["distinguishedname", "dn"]),
        name: first(&["name", "cn"]),
        account: first(&["samaccountname"]),
        dns_name: first(&["dnshostname"]),
        sid: ["sid", "objectsid"].iter().find_map(|name| sid(record.cell(name)?)),
        user_account_control: user_account_control(record, &classes),
        spns: list_under(record, SPNS, calculated.spns.as_deref()),
        allowed_to_delegate_to: list_under(
            record,
            ALLOWED_TO_DELEGATE_TO,
            calculated.allowed_to_delegate_to.as_deref(),
        ),
        allowed_to_act: allowed_to_act(record),
        encryption_types: encryption_types(record),
        operating_system: first(&["operatingsystem"]),
        operating_system_version: first(&["operatingsystemversion"]),
        when_changed: record.text("whenchanged").and_then(text::generalized_time),
        when_created: record.text("whencreated").and_then(text::generalized_time),
        attribute_changes: match record.cell(attribute_metadata::NAME) {
            Some(Cell::List(values)) => attribute_metadata::changes(values.iter().map(String::as_str)),
            _ => BTreeMap::new(),
        },
        members: better(
            cell(record, "member", |value| list(value, Kind::Dn)),
            cell(record, "members", |value| list(value, Kind::Dn)),
        ),
        primary_group: single(record, "primarygroupid", lists::number),
        member_of: cell(record, "memberof", |value| list(value, Kind::Dn)),
        classes,
    };
    let named =
        object.dn.is_some() || object.name.is_some() || object.account.is_some() || object.dns_name.is_some();
    named.then_some(object)
}

fn classes(record: &Record) -> Vec<String> {
    let names = record.text("objectclass").filter(|value| !is_type_name(value)).unwrap_or_default();
    let names = names.split([';', '|', ',', ' ', '\n']).map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// The value under `name`, read by `read`: a missing column was not asked for, a missing cell was cut off.
fn cell<T>(record: &Record, name: &str, read: impl FnOnce(Cell<'_>) -> Known<T>) -> Known<T> {
    match record.cell(name) {
        None => Known::Unknown(Reason::NotAskedFor),
        Some(Cell::Cut) => Known::Unknown(Reason::Truncated),
        // A console's table shows an empty list as {}, and a blank for what the object does not have.
        Some(Cell::Text("")) if record.syntax == Syntax::Table => Known::Unknown(Reason::NotAskedFor),
        Some(value) => read(value),
    }
}

/// The same, of a value that is a single one.
fn single<T>(record: &Record, name: &str, read: impl FnOnce(&str) -> Known<T>) -> Known<T> {
    cell(record, name, |value| match value {
        Cell::Text(text) => read(text),
        // What prints as nothing holds something that was lost, and is not empty.
        Cell::List(items) if !items.is_empty() && items.iter().all(|item| item.trim().is_empty()) => {
            Known::Unknown(Reason::Undecodable)
        }
        Cell::List(items) => read(items.join(", ").trim()),
        Cell::Cut => Known::Unknown(Reason::Truncated),
    })
}

/// A list, which the syntax keeps apart, or a text holds in its own form.
fn list(value: Cell<'_>, kind: Kind) -> Known<Vec<String>> {
    match value {
        Cell::Text(text) => listed(text, kind),
        Cell::List(items) if items.iter().any(|item| item.trim().is_empty()) => {
            Known::Unknown(Reason::Undecodable)
        }
        Cell::List([only]) => listed(only, kind),
        Cell::List(items) if items.iter().any(|item| is_cut(item)) => Known::Unknown(Reason::Truncated),
        Cell::List(items) if items.iter().any(|item| is_type_name(item.trim())) => {
            Known::Unknown(Reason::Flattened)
        }
        Cell::List(items) => Known::Known(items.iter().map(|item| item.trim().to_owned()).collect()),
        Cell::Cut => Known::Unknown(Reason::Truncated),
    }
}

/// The one that is known, else the one whose column is there.
fn better<T>(first: Known<T>, second: Known<T>) -> Known<T> {
    match (&first, &second) {
        (Known::Known(_), _) | (_, Known::Unknown(Reason::NotAskedFor)) => first,
        _ => second,
    }
}

fn list_under(record: &Record, names: &[&str], calculated: Option<&str>) -> Known<Vec<String>> {
    let lists = names
        .iter()
        .copied()
        .chain(calculated)
        .map(|name| cell(record, name, |value| list(value, Kind::Spn)));
    lists.reduce(better).unwrap_or(Known::Unknown(Reason::NotAskedFor))
}

/// Text, the hex of csvde (`X'0105…'`), or the bytes one by one.
fn sid(value: Cell<'_>) -> Option<Sid> {
    match value {
        Cell::Text(text) => Sid::from_text(text).or_else(|| Sid::from_bytes(&hex(text)?)),
        Cell::List([only]) => Sid::from_text(only.trim()),
        Cell::List(bytes) => {
            let bytes: Option<Vec<u8>> = bytes.iter().map(|byte| byte.parse().ok()).collect();
            Sid::from_bytes(&bytes?)
        }
        Cell::Cut => None,
    }
}

fn hex(value: &str) -> Option<Vec<u8>> {
    let digits = value.strip_prefix("X'").or_else(|| value.strip_prefix("x'"))?.strip_suffix('\'')?;
    let pair = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    digits.len().is_multiple_of(2).then(|| (0..digits.len()).step_by(2).map(pair).collect())?
}

fn allowed_to_act(record: &Record) -> Known<Vec<Trustee>> {
    let raw = single(record, ALLOWED_TO_ACT, |value| {
        if value.is_empty() {
            return Known::Known(Vec::new());
        }
        if is_type_name(value) {
            return Known::Unknown(Reason::Flattened);
        }
        let binary = || hex(value).map(|bytes| security_descriptor::from_bytes(&bytes));
        security_descriptor::from_sddl(value).or_else(binary).unwrap_or(Known::Unknown(Reason::Undecodable))
    });
    let names = |names: Vec<String>| names.into_iter().map(Trustee::Dn).collect();
    better(raw, cell(record, PRINCIPALS, |value| list(value, Kind::Dn)).map(names))
}

/// The attribute's number, else the names that PowerShell makes of it.
fn encryption_types(record: &Record) -> Known<Option<u32>> {
    let read = |value: &str| match value {
        "" => Known::Known(None),
        value if is_type_name(value) => Known::Unknown(Reason::Flattened),
        value => encryption_bits(value)
            .map_or(Known::Unknown(Reason::Undecodable), |bits| Known::Known(Some(bits))),
    };
    better(single(record, ENCRYPTION_TYPES, read), single(record, ENCRYPTION_NAMES, read))
}

fn encryption_bits(value: &str) -> Option<u32> {
    if let Some(bits) = text::bits(value) {
        return Some(bits);
    }
    let names = value
        .trim_matches(['{', '}'])
        .split([',', ';', '|', ' '])
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let bit = |name: &str| match name.to_ascii_uppercase().as_str() {
        "NONE" => Some(0),
        "DES" => Some(3),
        "RC4" => Some(4),
        "AES128" => Some(8),
        "AES256" => Some(16),
        _ => None,
    };
    names.map(bit).try_fold(0, |bits, bit| Some(bits | bit?))
}

/// The number, else what the booleans say of it. All that bear on delegation must be there: a bit that is not
/// printed is unknown and not clear.
fn user_account_control(record: &Record, classes: &[String]) -> Known<u32> {
    let stated = single(record, USER_ACCOUNT_CONTROL, |value| match value {
        "" => Known::Unknown(Reason::NotAskedFor),
        value => text::bits(value).map_or(Known::Unknown(Reason::Undecodable), Known::Known),
    });
    if stated.known().is_some() {
        return stated;
    }
    let flag = |name| record.text(name).and_then(boolean);
    let is_computer = record.text("samaccountname").is_some_and(|account| account.ends_with('$'))
        || classes.iter().any(|class| class.eq_ignore_ascii_case("computer"));
    // Whether it may be delegated matters of a user only.
    let not_delegated =
        if is_computer { Some(flag(NOT_DELEGATED).unwrap_or(false)) } else { flag(NOT_DELEGATED) };
    let (Some(enabled), Some(any), Some(to_auth), Some(not_delegated)) =
        (flag(ENABLED), flag(FOR_DELEGATION), flag(TO_AUTH), not_delegated)
    else {
        return stated;
    };
    let bit = |set: bool, bit: u32| if set { bit } else { 0 };
    Known::Known(
        bit(!enabled, DISABLED_BIT)
            | bit(any, FOR_DELEGATION_BIT)
            | bit(to_auth, TO_AUTH_BIT)
            | bit(not_delegated, NOT_DELEGATED_BIT),
    )
}

/// PowerShell prints English; Excel saves in its own language.
fn boolean(value: &str) -> Option<bool> {
    match value.to_lowercase().as_str() {
        "true" | "wahr" | "vrai" | "vero" | "verdadero" => Some(true),
        "false" | "falsch" | "faux" | "falso" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Position;
    use crate::parse::records::delimited;
    use crate::parse::testing::{codes, damage, known, objects, read as read_as};

    fn is_ours(bytes: &[u8]) -> bool {
        crate::parse::testing::kind(&delimited::FORMAT, bytes).is_some()
    }

    fn read_bytes(bytes: &[u8]) -> Parsed {
        read_as(&delimited::FORMAT, bytes)
    }

    fn only(text: &str) -> DirectoryObject {
        let mut objects = objects(read_bytes(text.as_bytes()));
        assert_eq!(objects.len(), 1, "{text}");
        objects.remove(0)
    }

    const MIGRATION: &str = "Microsoft Virtual System Migration Service";

    /// A list that the end of the file cuts is no whole list.
    #[test]
    fn a_cut_row_keeps_its_whole_values_only() {
        let head = "\"Name\",\"SamAccountName\",\"userAccountControl\",\"msDS-AllowedToDelegateTo\",\"servicePrincipalName\"\n";
        let row = "\"HV01\",\"HV01$\",\"4096\",\"cifs/hv02;cifs/hv03\",\"HOST/HV01\"";
        for end in ["/hv0", "\",\"HO"] {
            let cut = &row[..row.rfind(end).unwrap() + end.len()];
            let parsed = read_bytes(format!("{head}{cut}").as_bytes());
            assert!(codes(&parsed).contains(&"csv-truncated"), "{cut}");
            let object = &objects(parsed)[0];
            assert_eq!(object.user_account_control, Known::Known(4096));
            let list = if end == "/hv0" {
                Known::Unknown(Reason::Truncated)
            } else {
                known(["cifs/hv02", "cifs/hv03"])
            };
            assert_eq!(object.allowed_to_delegate_to, list);
            assert_eq!(object.spns, Known::Unknown(Reason::Truncated));
        }
        let whole = read_bytes(format!("{head}{row}").as_bytes());
        assert_eq!(codes(&whole), [""; 0]);
        assert_eq!(objects(whole)[0].spns, known(["HOST/HV01"]));
    }

    #[test]
    fn an_export_is_read_in_every_dress() {
        let text = "#TYPE Selected.Microsoft.ActiveDirectory.Management.ADComputer\r\n\
                    \"DistinguishedName\",\"Name\",\"DNSHostName\",\"ObjectClass\",\"SamAccountName\",\"SID\",\"userAccountControl\",\
                    \"msDS-AllowedToDelegateTo\",\"ms-Mcs-AdmPwd\",\"msDS-SupportedEncryptionTypes\"\r\n\
                    \"CN=HV01,OU=Z\\, Y,DC=x\",\"HV01\",\"hv01.x\",\"computer\",\"HV01$\",\"S-1-5-21-1\",\"4096\",\"cifs/hv02\",\"Secret\",\"\"\r\n";
        let semicolons = text.replace("\",\"", "\";\"");
        let utf16: Vec<u8> = format!("\u{FEFF}{}", text.replace("\",\"", "\"\t\""))
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        for bytes in [text.as_bytes(), format!("\u{FEFF}{text}").as_bytes(), semicolons.as_bytes(), &utf16] {
            assert!(is_ours(bytes));
            let parsed = read_bytes(bytes);
            assert!(!format!("{parsed:?}").contains("Secret"));
            assert_eq!(
                (parsed.coverage.records, parsed.facts[0].origin.at, codes(&parsed).len()),
                (1, Position::Line(3), 0)
            );
            let object = &objects(parsed)[0];
            assert_eq!(object.dn.as_deref(), Some("CN=HV01,OU=Z\\, Y,DC=x"));
            assert_eq!(object.user_account_control, Known::Known(4096));
            assert_eq!(object.allowed_to_delegate_to, known(["cifs/hv02"]));
            assert_eq!(object.encryption_types, Known::Known(None));
            assert_eq!(object.spns, Known::Unknown(Reason::NotAskedFor));
            assert_eq!(object.allowed_to_act, Known::Unknown(Reason::NotAskedFor));
        }
    }

    #[test]
    fn lists_joined_by_hand_are_split_where_every_piece_is_whole() {
        let two = [format!("{MIGRATION}/a"), "cifs/a.x".to_owned()];
        for separator in ["; ", ";", "|", " | ", "\n", "\r\n", ",", ", ", " "] {
            assert_eq!(listed(&two.join(separator), Kind::Spn), Known::Known(two.to_vec()), "{separator:?}");
            let turned = format!("{{{}{separator}{}}}", two[1], two[0]);
            assert_eq!(
                listed(&turned, Kind::Spn),
                Known::Known(vec![two[1].clone(), two[0].clone()]),
                "{separator:?}"
            );
        }
        assert_eq!(listed(&two[0], Kind::Spn), known([two[0].as_str()]));
        for text in
            ["cifs/a;HV02", "HV01, HV02", "cifs/a (old) cifs/b", "yes", "cifs/", "2/14/2020 0:00:00 cifs"]
        {
            assert_eq!(listed(text, Kind::Spn), Known::Unknown(Reason::Undecodable), "{text}");
        }
        let names = ["CN=a,OU=o,DC=x,DC=y", "CN=b\\, c,DC=x"];
        for separator in [";", "|", "\n", ",", ", ", " "] {
            assert_eq!(listed(&names.join(separator), Kind::Dn), known(names), "{separator:?}");
        }
        assert_eq!(listed("HV01;HV02", Kind::Dn), Known::Unknown(Reason::Undecodable));
        assert_eq!(listed("CN=DC=x CN=a,DC=y", Kind::Dn), known(["CN=DC=x CN=a,DC=y"]));
    }

    #[test]
    fn lost_lists_are_unknown() {
        let flat = "Microsoft.ActiveDirectory.Management.ADPropertyValueCollection";
        let text = format!(
            "Name,DNSHostName,msDS-AllowedToDelegateTo,servicePrincipalName,msDS-AllowedToActOnBehalfOfOtherIdentity,KerberosEncryptionType\n\
             HV01,hv01.x,{flat},\"{{HOST/a, HOST/b...}}\",System.DirectoryServices.ActiveDirectorySecurity,{flat}\n"
        );
        assert_eq!(codes(&read_bytes(text.as_bytes())), ["csv-values-flattened", "csv-values-truncated"]);
        let object = only(&text);
        assert_eq!(object.allowed_to_delegate_to, Known::Unknown(Reason::Flattened));
        assert_eq!(object.allowed_to_act, Known::Unknown(Reason::Flattened));
        assert_eq!(object.encryption_types, Known::Unknown(Reason::Flattened));
        assert_eq!(object.spns, Known::Unknown(Reason::Truncated));
        assert_eq!(listed(&"HOST/a;".repeat(5_000), Kind::Spn), Known::Unknown(Reason::Truncated));
    }

    #[test]
    fn items_that_lost_their_values_leave_a_list_unknown() {
        let of = |items: &[&str]| {
            let items: Vec<String> = items.iter().map(|&item| item.to_owned()).collect();
            list(Cell::List(&items), Kind::Spn)
        };
        assert_eq!(of(&["cifs/a", " HOST/b "]), known(["cifs/a", "HOST/b"]));
        assert_eq!(of(&[]), known([]));
        for items in [&[""][..], &["", ""], &["cifs/a", " "]] {
            assert_eq!(of(items), Known::Unknown(Reason::Undecodable), "{items:?}");
        }
        assert_eq!(of(&["cifs/a", "..."]), Known::Unknown(Reason::Truncated));
        assert_eq!(of(&["System.Object", "System.Object[]"]), Known::Unknown(Reason::Flattened));
    }

    /// Properties of one query say nothing about the objects of another.
    #[test]
    fn an_object_of_a_smaller_query_lacks_nothing() {
        let lists = |text: &str| {
            let found = objects(read_as(&crate::parse::records::json::FORMAT, text.as_bytes()));
            found.into_iter().map(|object| object.allowed_to_delegate_to).collect::<Vec<_>>()
        };
        let (small, bare) = (
            r#""SamAccountName":"HV01$""#,
            r#""Name":"HV01","SamAccountName":"HV01$","userAccountControl":4096"#,
        );
        let full = r#""Name":"HV02","SamAccountName":"HV02$","userAccountControl":4096,"msDS-AllowedToDelegateTo":["cifs/a"]"#;
        let unknown = Known::Unknown(Reason::NotAskedFor);
        let set = known(["cifs/a"]);
        assert_eq!(
            lists(&format!(r#"[{{"Name":"HV01",{small}}},{{{full}}}]"#)),
            [unknown.clone(), set.clone()]
        );
        assert_eq!(lists(&format!("[{{{bare}}},{{{full}}}]")), [known([]), set.clone()]);
        assert_eq!(lists(&format!("[\n{{{bare}}}\n]\n[\n{{{full}}}\n]\n")), [unknown, set.clone()]);
        assert_eq!(lists(&format!("{{{bare}}}\n{{{full}}}\n")), [known([]), set]);
    }

    /// What holds something that can't be told is not null.
    #[test]
    fn an_object_in_place_of_a_list_is_unknown() {
        let text = r#"[{"Name":"HV01","SamAccountName":"HV01$","msDS-AllowedToDelegateTo":{"Count":2,"IsReadOnly":false},
                        "msDS-AllowedToActOnBehalfOfOtherIdentity":{"AreAccessRulesCanonical":true}}]"#;
        let object = objects(read_as(&crate::parse::records::json::FORMAT, text.as_bytes())).remove(0);
        assert_eq!(object.allowed_to_delegate_to, Known::Unknown(Reason::Undecodable));
        assert_eq!(object.allowed_to_act, Known::Unknown(Reason::Undecodable));
    }

    /// Certificates may make the first object larger than what a form is recognised by.
    #[test]
    fn an_object_that_does_not_end_tells_by_its_names() {
        let kind =
            |text: &str| crate::parse::testing::kind(&crate::parse::records::json::FORMAT, text.as_bytes());
        let bytes = "[1, 2, [3".repeat(100);
        for value in [format!("[{bytes}"), "\"\\\"{ ".to_owned(), "{\"Id\": {\"a\": 1}, \"b".to_owned()] {
            let text =
                format!(r#"[{{"Name": "HV01", "SamAccountName" : "HV01$", "userCertificate": {value}"#);
            assert_eq!(kind(&text), Some("computer-json"), "{text}");
        }
        assert_eq!(kind(r#"[{"Name": "x", "Owner": {"SamAccountName": "y", "z": "#), None);
        assert_eq!(kind(r#"["Name", "SamAccountName", {"Name": "x", "SamAccountName"#), None);
    }

    #[test]
    fn a_cell_that_a_row_ends_before_is_not_empty() {
        let object = only("Name,DNSHostName,SPNs,msDS-AllowedToDelegateTo\nHV01,hv01.x,\n");
        assert_eq!(
            (object.spns, object.allowed_to_delegate_to),
            (known([]), Known::Unknown(Reason::Truncated))
        );
    }

    #[test]
    fn booleans_make_the_bits_only_together() {
        let bits = |names: &str, values: &str| {
            only(&format!("Name,SamAccountName,{names}\nHV01,HV01$,{values}\n")).user_account_control
        };
        let all = "TrustedForDelegation,TrustedToAuthForDelegation,Enabled,AccountNotDelegated";
        assert_eq!(bits(all, "False,True,True,False"), Known::Known(0x100_0000));
        assert_eq!(bits(all, "WAHR,False,False,True"), Known::Known(0x8_0000 | 0x10_0000 | 2));
        assert_eq!(
            bits("TrustedForDelegation,TrustedToAuthForDelegation", "False,True"),
            Known::Unknown(Reason::NotAskedFor)
        );
        assert_eq!(
            bits("TrustedForDelegation,TrustedToAuthForDelegation,Enabled", "False,,True"),
            Known::Unknown(Reason::NotAskedFor)
        );
        assert_eq!(bits("userAccountControl", "1.33E+17"), Known::Unknown(Reason::Undecodable));
        let user = "Name,SamAccountName,TrustedForDelegation,TrustedToAuthForDelegation,Enabled\na,a,False,False,True\n";
        assert_eq!(only(user).user_account_control, Known::Unknown(Reason::NotAskedFor));
    }

    #[test]
    fn columns_of_ones_own_naming_need_their_content() {
        let text = format!(
            "Name;SamAccountName;Delegates to;My SPN list;Delegated by\nHV01;HV01$;;;Bob\nHV02;HV02$;cifs/a|{MIGRATION}/a;HOST/b;Bob\n"
        );
        let found = objects(read_bytes(text.as_bytes()));
        assert_eq!((&found[0].allowed_to_delegate_to, &found[0].spns), (&known([]), &known([])));
        assert_eq!(found[1].allowed_to_delegate_to, known(["cifs/a", &format!("{MIGRATION}/a")]));
        let empty = only("Name,SamAccountName,Delegates to\nHV01,HV01$,\n");
        assert_eq!(empty.allowed_to_delegate_to, Known::Unknown(Reason::NotAskedFor));
    }

    #[test]
    fn principals_stand_for_the_descriptor() {
        let read = |names: &str, values: &str| {
            only(&format!("Name,SID,{names}\nHV01,S-1-5-18,{values}\n")).allowed_to_act
        };
        let dn = Trustee::Dn("CN=HV02,DC=x".into());
        assert_eq!(read(PRINCIPALS, "\"CN=HV02,DC=x\""), Known::Known(vec![dn.clone()]));
        let both = format!("{ALLOWED_TO_ACT},{PRINCIPALS}");
        assert_eq!(
            read(&both, "System.DirectoryServices.ActiveDirectorySecurity,\"CN=HV02,DC=x\""),
            Known::Known(vec![dn])
        );
        assert_eq!(
            read(&both, ",Microsoft.ActiveDirectory.Management.ADPropertyValueCollection"),
            Known::Known(Vec::new())
        );
        assert_eq!(read(ALLOWED_TO_ACT, "O:BAD:"), Known::Known(Vec::new()));
        assert_eq!(read(ALLOWED_TO_ACT, "X'0100'"), Known::Unknown(Reason::Undecodable));
    }

    #[test]
    fn csvde_is_read_too() {
        let text = "DN,objectClass,cn,objectSid,userAccountControl,servicePrincipalName,whenChanged\r\n\
                    \"CN=HV01,DC=x\",top;person;computer,HV01,X'01020000000000052000000020020000',4096,HOST/a;cifs/b,20211219015404.0Z\r\n\
                    \"OU=x,DC=x\",top;organizationalUnit,,,,,\r\n";
        assert!(is_ours(text.as_bytes()));
        let object = only(text);
        assert_eq!(object.sid, Sid::from_text("S-1-5-32-544"));
        assert_eq!(object.spns, known(["HOST/a", "cifs/b"]));
        assert!(object.when_changed.is_some());
        assert_eq!(read_bytes(text.as_bytes()).coverage.records, 2);
    }

    #[test]
    fn shifted_rows_and_screen_layout_are_named() {
        let shifted = read_bytes(
            b"Name,DistinguishedName,SID\nHV01,CN=HV01,DC=x,S-1-5-18\nHV02,\"CN=HV02,DC=x\",S-1-5-18,\n",
        );
        assert_eq!((shifted.facts.len(), codes(&shifted)), (1, vec!["csv-row-shifted"]));
        let layout = b"27c8,\"Microsoft.PowerShell.Commands.Internal.Format.TableRowEntry\",\"False\"\n";
        assert!(is_ours(layout));
        assert_eq!(codes(&read_bytes(layout)), ["csv-format-table"]);
    }

    #[test]
    fn encryption_names_are_bits() {
        assert_eq!(encryption_bits("RC4, AES128, AES256"), Some(28));
        assert_eq!(encryption_bits("{AES256}"), Some(16));
        assert_eq!(encryption_bits("2147483640"), Some(0x7fff_fff8));
        assert_eq!(encryption_bits("AES512"), None);
    }

    #[test]
    fn damage_never_panics() {
        let good = format!(
            "#TYPE x\nName;SID;SPNs;msDS-AllowedToDelegateTo\n\"HV01\";S-1-5-18;\"{MIGRATION}/ü cifs/b\";{{a/b, c/d}}\n"
        );
        damage(&delimited::FORMAT, &good, [b';', b'"', b'\n', 0, 0xff]);
        for text in ["Users,Name,Path", "", "Name,Id\n"] {
            assert!(!is_ours(text.as_bytes()), "{text}");
        }
    }

    /// The choice of objects comes to the same in every syntax, also for what their output left out.
    #[test]
    fn objects_of_their_own_properties_are_chosen_alike() {
        use crate::parse::records::{clixml, json};
        use crate::parse::testing::chosen_and_expected;
        let server = "\"OperatingSystem\":\"Windows Server 2022\",\"ObjectClass\":\"computer\"";
        let host = format!("{{\"Name\":\"HV02\",\"SamAccountName\":\"HV02$\",{server}}}");
        let other =
            format!("{{\"Name\":\"PC1\",\"SamAccountName\":\"PC1$\",\"SID\":\"S-1-5-21-1-2-3-9\",{server}}}");
        let asking = "{\"Name\":\"PC2\",\"SamAccountName\":\"PC2$\",\"servicePrincipalName\":[\"HOST/PC2\"]}";
        for (text, unknown) in
            [(format!("[{host},{other}]"), true), (format!("[{other},{asking},{host}]"), false)]
        {
            let [chosen, expected] = chosen_and_expected(&json::FORMAT, text.as_bytes());
            assert_eq!(chosen, expected, "{text}");
            assert_eq!((chosen.facts.len(), chosen.bystanders.has_unknown_servers), (1, unknown), "{text}");
        }
        let xml = "<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\"><Obj RefId=\"0\"><Props>\
                   <S N=\"Name\">PC1</S><S N=\"SamAccountName\">PC1$</S></Props></Obj></Objs>";
        let [chosen, expected] = chosen_and_expected(&clixml::FORMAT, xml.as_bytes());
        assert_eq!((chosen.facts.len(), chosen == expected), (0, true));
    }

    #[test]
    fn a_blank_in_a_console_table_is_no_empty_list() {
        use crate::parse::records::console;
        let text = "Name SamAccountName msDS-AllowedToDelegateTo\n---- -------------- ------------------------\n\
                    HV01 HV01$          {}\nHV02 HV02$\n";
        let lists: Vec<_> = objects(crate::parse::testing::read(&console::FORMAT, text.as_bytes()))
            .into_iter()
            .map(|object| object.allowed_to_delegate_to)
            .collect();
        assert_eq!(lists, [known([]), Known::Unknown(Reason::NotAskedFor)]);
    }
}
