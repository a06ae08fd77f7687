//! Accounts as tables: `Get-ADComputer | Export-Csv` (users and groups too) and `csvde`.
//!
//! A column that exists was asked for, so an empty value is known to be empty; a missing column is unknown
//! for the whole file. PowerShell writes a type's name in place of a list unless the user joined it by hand,
//! with any separator and under any column name; such a list is split only where every piece is a service
//! principal name or a distinguished name.
//! What is *not* done here: local dates (no zone is stated), repairing numbers that Excel has rounded, rows
//! whose unquoted commas have shifted the values (they are counted and left out).

use std::io::Read;

use super::table::{self, Row, Table};
use super::{Context, Format, Head, security_descriptor, text};
use crate::bundle::Stream;
use crate::fact::{Coverage, DirectoryObject, Issue, Known, Parsed, Reason, Sid, Spn, Trustee};

mod glance;

use glance::Glance;

/// The format's line in the table.
pub(super) const FORMAT: Format = Format { kind: "computer-csv", recognise, parse, parse_blocks: None };

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

/// Excel cuts a cell at this length.
const EXCEL_CELL: usize = 32_767;

fn recognise(head: &Head<'_>) -> bool {
    if table::is_screen_layout(&head.text) {
        return true;
    }
    let columns = table::columns(&head.text, COLUMNS).unwrap_or_default();
    let has = |names: &[&str]| names.iter().any(|name| columns.iter().any(|column| column == name));
    has(NAMING) && has(TELLING)
}

fn parse(stream: &mut Stream<'_>, context: &Context<'_>) -> Parsed {
    let head = stream.head().to_vec();
    let columns = table::columns(&text::decode_head(&head), COLUMNS);
    if columns.is_some_and(|columns| Candidates::among(&columns).is_empty())
        && let Some(table) = Table::read(text::Blocks::new(&mut *stream, &head), COLUMNS)
    {
        return read_rows(table, &Calculated::default(), context, Vec::new());
    }
    // What columns of the user's own naming hold is told by their values, so all of them are needed.
    let source = text::read(stream);
    let calculated = Calculated::find(&source.text);
    let Some(table) = Table::open(&source.text, COLUMNS) else {
        let rows = text::lines(&source.text).filter(|(_, line)| !line.trim().is_empty()).count();
        let issues = [source.issues, vec![table::screen_layout(rows as u64)]].concat();
        return Parsed { issues, ..Parsed::default() };
    };
    read_rows(table, &calculated, context, source.issues)
}

fn read_rows<R: Read>(
    mut table: Table<'_, R>,
    calculated: &Calculated,
    context: &Context<'_>,
    issues: Vec<Issue>,
) -> Parsed {
    let mut parsed = Parsed { issues, ..Parsed::default() };
    let mut noticed = Noticed::default();
    let mut glance = Glance::default();
    // Columns of the user's own naming are not glanced at.
    let wanted = context.wanted.filter(|_| calculated.is_empty());
    while let Some(row) = table.next_row() {
        if shifted(&row) {
            noticed.shifted += 1;
            continue;
        }
        if wanted.is_some_and(|wanted| glance.passes_over(&row, wanted, &mut parsed.bystanders, &mut noticed))
        {
            continue;
        }
        if let Some(object) = object(&row, calculated) {
            noticed.look_at(&object);
            context.take_object(&mut parsed, row.line, object);
        }
    }
    parsed.issues.extend(table.is_guessed().then(text::guessed));
    let (records, mut issues) = table.finish();
    parsed.coverage = Coverage { records, channels: Vec::new() };
    parsed.issues.append(&mut issues);
    parsed.issues.extend(noticed.issues());
    parsed
}

/// Whether a row has more values than columns; a single empty one is a delimiter at the end.
fn shifted(row: &Row) -> bool {
    match row.surplus() {
        0 => false,
        1 => row.at(row.names().len()).is_some_and(|last| !last.is_empty()),
        _ => true,
    }
}

/// Columns whose names say that they may hold lists.
struct Candidates {
    delegation: Vec<String>,
    spns: Vec<String>,
}

impl Candidates {
    fn among(columns: &[String]) -> Self {
        let own = |parts: &[&str], standard: &[&str]| -> Vec<String> {
            let named = |column: &&String| parts.iter().any(|part| column.contains(part));
            let known = columns.iter().any(|column| standard.contains(&column.as_str()));
            let unknown = columns.iter().filter(|column| !COLUMNS.contains(&column.as_str()));
            if known { Vec::new() } else { unknown.filter(named).cloned().collect() }
        };
        let delegation = own(&["delegat", "kcd"], ALLOWED_TO_DELEGATE_TO);
        let mut spns = own(&["spn", "serviceprincipal"], SPNS);
        spns.retain(|name| !delegation.contains(name));
        Self { delegation, spns }
    }

    fn is_empty(&self) -> bool {
        self.delegation.is_empty() && self.spns.is_empty()
    }
}

/// Columns of the user's own naming, such as `@{n='Delegates to';e={…}}`.
#[derive(Debug, Default)]
struct Calculated {
    allowed_to_delegate_to: Option<String>,
    spns: Option<String>,
}

impl Calculated {
    fn is_empty(&self) -> bool {
        self.allowed_to_delegate_to.is_none() && self.spns.is_none()
    }

    /// Looks for columns whose name says what they are and in which some row holds nothing but service
    /// principal names. Without such a row a column proves nothing, so its empty values do not either.
    fn find(text: &str) -> Self {
        let mut found = Self::default();
        let columns = table::columns(text, COLUMNS).unwrap_or_default();
        let Candidates { delegation, spns: names } = Candidates::among(&columns);
        if delegation.is_empty() && names.is_empty() {
            return found;
        }
        let Some(mut table) = Table::open(text, COLUMNS) else { return found };
        while let Some(row) = table.next_row() {
            let holds = |column: &&String| {
                let value = row.get(column).filter(|value| !value.is_empty());
                value.is_some_and(|value| matches!(list(value, Kind::Spn), Known::Known(_)))
            };
            if found.allowed_to_delegate_to.is_none() {
                found.allowed_to_delegate_to = delegation.iter().find(holds).cloned();
            }
            if found.spns.is_none() {
                found.spns = names.iter().find(holds).cloned();
            }
        }
        found
    }
}

/// The object of a row; `None` for other classes and for rows that name nothing.
fn object(row: &Row, calculated: &Calculated) -> Option<DirectoryObject> {
    let first = |names: &[&str]| {
        let values = names.iter().filter_map(|name| row.get(name));
        values.into_iter().find(|value| !value.is_empty() && !is_type_name(value)).map(str::to_owned)
    };
    let classes = classes(row);
    let kept = |class: &String| CLASSES.iter().any(|own| own.eq_ignore_ascii_case(class));
    if !classes.is_empty() && !classes.iter().any(kept) {
        return None;
    }
    let object = DirectoryObject {
        dn: first(&["distinguishedname", "dn"]),
        name: first(&["name", "cn"]),
        account: first(&["samaccountname"]),
        dns_name: first(&["dnshostname"]),
        sid: ["sid", "objectsid"].iter().find_map(|name| sid(row.get(name)?)),
        user_account_control: user_account_control(row, &classes),
        spns: list_under(row, SPNS, calculated.spns.as_deref()),
        allowed_to_delegate_to: list_under(
            row,
            ALLOWED_TO_DELEGATE_TO,
            calculated.allowed_to_delegate_to.as_deref(),
        ),
        allowed_to_act: allowed_to_act(row),
        encryption_types: encryption_types(row),
        operating_system: first(&["operatingsystem"]),
        operating_system_version: first(&["operatingsystemversion"]),
        when_changed: row.get("whenchanged").and_then(text::generalized_time),
        members: better(
            cell(row, "member", |value| list(value, Kind::Dn)),
            cell(row, "members", |value| list(value, Kind::Dn)),
        ),
        classes,
    };
    let named =
        object.dn.is_some() || object.name.is_some() || object.account.is_some() || object.dns_name.is_some();
    named.then_some(object)
}

fn classes(row: &Row) -> Vec<String> {
    let names = row.get("objectclass").filter(|value| !is_type_name(value)).unwrap_or_default();
    let names = names.split([';', '|', ',', ' ', '\n']).map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// The value under `name`, read by `read`: a missing column was not asked for, a missing cell was cut off.
fn cell<T>(row: &Row, name: &str, read: impl FnOnce(&str) -> Known<T>) -> Known<T> {
    match (row.column(name), row.get(name)) {
        (None, _) => Known::Unknown(Reason::NotAskedFor),
        (Some(_), None) => Known::Unknown(Reason::Truncated),
        (Some(_), Some(value)) => read(value),
    }
}

/// The one that is known, else the one whose column is there.
fn better<T>(first: Known<T>, second: Known<T>) -> Known<T> {
    match (&first, &second) {
        (Known::Known(_), _) | (_, Known::Unknown(Reason::NotAskedFor)) => first,
        _ => second,
    }
}

fn list_under(row: &Row, names: &[&str], calculated: Option<&str>) -> Known<Vec<String>> {
    let lists =
        names.iter().copied().chain(calculated).map(|name| cell(row, name, |value| list(value, Kind::Spn)));
    lists.reduce(better).unwrap_or(Known::Unknown(Reason::NotAskedFor))
}

/// What the pieces of a list are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Spn,
    Dn,
}

/// A list as a cell holds it.
fn list(value: &str, kind: Kind) -> Known<Vec<String>> {
    let value = value.trim();
    let inner = value.strip_prefix('{').and_then(|value| value.strip_suffix('}')).unwrap_or(value).trim();
    if inner.is_empty() {
        return Known::Known(Vec::new());
    }
    if inner.ends_with("...") || inner.ends_with('…') || value.encode_utf16().count() >= EXCEL_CELL {
        return Known::Unknown(Reason::Truncated);
    }
    if is_type_name(inner) {
        return Known::Unknown(Reason::Flattened);
    }
    split(inner, kind).map_or(Known::Unknown(Reason::Undecodable), Known::Known)
}

/// `Microsoft.ActiveDirectory.Management.ADPropertyValueCollection`, `System.String[]` and their like.
fn is_type_name(value: &str) -> bool {
    let begins = ["System.", "Microsoft.ActiveDirectory.", "Deserialized."]
        .iter()
        .any(|start| value.starts_with(start));
    begins && !value.contains(['/', '='])
}

/// Splits a list at the one separator that leaves nothing but whole pieces.
fn split(text: &str, kind: Kind) -> Option<Vec<String>> {
    let whole = |pieces: &Vec<String>| !pieces.is_empty() && pieces.iter().all(|piece| is_piece(piece, kind));
    for separator in ['\n', ';', '|', '\t'] {
        if text.contains(separator) {
            return Some(pieces(text, separator)).filter(whole);
        }
    }
    let blanks = || match kind {
        Kind::Spn => split_spns(text),
        Kind::Dn => split_names(text),
    };
    match kind {
        Kind::Spn => Some(pieces(text, ',')).filter(whole),
        Kind::Dn => None,
    }
    .or_else(|| blanks().filter(whole))
}

fn pieces(text: &str, separator: char) -> Vec<String> {
    let pieces = text.split(separator).map(|piece| piece.trim().trim_matches('"'));
    pieces.filter(|piece| !piece.is_empty()).map(str::to_owned).collect()
}

fn is_piece(piece: &str, kind: Kind) -> bool {
    match kind {
        Kind::Spn => Spn::parse(piece)
            .is_some_and(|spn| !spn.host.contains(char::is_whitespace) && !spn.class.contains(['=', ','])),
        Kind::Dn => piece.to_ascii_lowercase().contains(",dc=") && starts_name(piece),
    }
}

/// Whether `text` begins like a distinguished name, with `CN=` or `OU=`.
fn starts_name(text: &str) -> bool {
    text.split_at_checked(3)
        .is_some_and(|(start, _)| start.eq_ignore_ascii_case("cn=") || start.eq_ignore_ascii_case("ou="))
}

/// Splits service principal names at blanks. A host holds no blank, so a name ends at the first blank behind
/// its `/`; a class may hold some, and only Hyper-V's are known to.
fn split_spns(text: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (class, host) = rest.split_once('/')?;
        let known = class.starts_with("Microsoft Virtual ") || class.starts_with("Hyper-V Replica ");
        if class.contains(char::is_whitespace) && !known {
            return None;
        }
        let end = host.find(char::is_whitespace).unwrap_or(host.len());
        let (name, behind) = rest.split_at_checked(class.len() + 1 + end)?;
        names.push(name.to_owned());
        rest = behind.trim_start();
    }
    Some(names)
}

/// Splits distinguished names that a comma or a blank joins: one ends with the last of its `DC=` parts.
fn split_names(text: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let (mut begin, mut last) = (0, 0);
    let is_domain =
        |part: &str| part.split_at_checked(3).is_some_and(|(start, _)| start.eq_ignore_ascii_case("dc="));
    for (at, _) in text.match_indices([',', ' ']) {
        let part = text.get(last..at)?;
        let behind = text.get(at + 1..)?.trim_start();
        if is_domain(part.trim()) && starts_name(behind) {
            names.push(text.get(begin..at)?.trim().to_owned());
            begin = text.len() - behind.len();
        }
        last = at + 1;
    }
    names.push(text.get(begin..)?.trim().to_owned());
    Some(names)
}

/// Text, or the hex of csvde (`X'0105…'`).
fn sid(value: &str) -> Option<Sid> {
    Sid::from_text(value).or_else(|| Sid::from_bytes(&hex(value)?))
}

fn hex(value: &str) -> Option<Vec<u8>> {
    let digits = value.strip_prefix("X'").or_else(|| value.strip_prefix("x'"))?.strip_suffix('\'')?;
    let pair = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    digits.len().is_multiple_of(2).then(|| (0..digits.len()).step_by(2).map(pair).collect())?
}

fn allowed_to_act(row: &Row) -> Known<Vec<Trustee>> {
    let raw = cell(row, ALLOWED_TO_ACT, |value| {
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
    better(raw, cell(row, PRINCIPALS, |value| list(value, Kind::Dn)).map(names))
}

/// The attribute's number, else the names that PowerShell makes of it.
fn encryption_types(row: &Row) -> Known<Option<u32>> {
    let read = |value: &str| match value {
        "" => Known::Known(None),
        value if is_type_name(value) => Known::Unknown(Reason::Flattened),
        value => encryption_bits(value)
            .map_or(Known::Unknown(Reason::Undecodable), |bits| Known::Known(Some(bits))),
    };
    better(cell(row, ENCRYPTION_TYPES, read), cell(row, ENCRYPTION_NAMES, read))
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
fn user_account_control(row: &Row, classes: &[String]) -> Known<u32> {
    let stated = cell(row, USER_ACCOUNT_CONTROL, |value| match value {
        "" => Known::Unknown(Reason::NotAskedFor),
        value => text::bits(value).map_or(Known::Unknown(Reason::Undecodable), Known::Known),
    });
    if stated.known().is_some() {
        return stated;
    }
    let flag = |name| row.get(name).and_then(boolean);
    let is_computer = row.get("samaccountname").is_some_and(|account| account.ends_with('$'))
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

/// What a reader must know about the rows.
#[derive(Debug, Default)]
struct Noticed {
    shifted: u64,
    flattened: u64,
    truncated: u64,
    undecodable: u64,
}

impl Noticed {
    fn look_at(&mut self, object: &DirectoryObject) {
        let reasons = [
            reason(&object.user_account_control),
            reason(&object.spns),
            reason(&object.allowed_to_delegate_to),
            reason(&object.allowed_to_act),
            reason(&object.encryption_types),
        ];
        self.flattened += u64::from(reasons.contains(&Some(Reason::Flattened)));
        self.truncated += u64::from(reasons.contains(&Some(Reason::Truncated)));
        self.undecodable += u64::from(reasons.contains(&Some(Reason::Undecodable)));
    }

    fn issues(self) -> Vec<Issue> {
        let detail = |count, what: &str| format!("{} {what}", text::counted(count, ["row", "rows"]));
        let note = |code, count, what: &str| (count > 0).then(|| Issue::note(code, detail(count, what)));
        let shifted = "had more values than columns, because values with commas stood unquoted, and could not be \
                       used; export again with quotes";
        let flattened = "held a type's name where the export lost the values; export again with each list joined, as \
                         in @{n='msDS-AllowedToDelegateTo';e={$_.'msDS-AllowedToDelegateTo' -join ';'}}";
        let truncated = "held a list that was cut; export again to a file with lists joined by ';'";
        let undecodable =
            "held a value that can't be read and counts as unknown; export again with lists joined by ';'";
        let loss = |count| Issue::loss("csv-row-shifted", detail(count, shifted), Some(count));
        [
            (self.shifted > 0).then(|| loss(self.shifted)),
            note("csv-values-flattened", self.flattened, flattened),
            note("csv-values-truncated", self.truncated, truncated),
            note("csv-undecodable", self.undecodable, undecodable),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn reason<T>(value: &Known<T>) -> Option<Reason> {
    match value {
        Known::Known(_) => None,
        Known::Unknown(reason) => Some(*reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Position;
    use crate::parse::testing::{chosen_and_expected, codes, damage, known, objects, read as read_as};

    fn read_bytes(bytes: &[u8]) -> Parsed {
        read_as(&FORMAT, bytes)
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
            assert!(recognise(&Head { bytes, text: text::decode_head(bytes) }));
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
            assert_eq!(list(&two.join(separator), Kind::Spn), Known::Known(two.to_vec()), "{separator:?}");
            let turned = format!("{{{}{separator}{}}}", two[1], two[0]);
            assert_eq!(
                list(&turned, Kind::Spn),
                Known::Known(vec![two[1].clone(), two[0].clone()]),
                "{separator:?}"
            );
        }
        assert_eq!(list(&two[0], Kind::Spn), known([two[0].as_str()]));
        for text in
            ["cifs/a;HV02", "HV01, HV02", "cifs/a (old) cifs/b", "yes", "cifs/", "2/14/2020 0:00:00 cifs"]
        {
            assert_eq!(list(text, Kind::Spn), Known::Unknown(Reason::Undecodable), "{text}");
        }
        let names = ["CN=a,OU=o,DC=x,DC=y", "CN=b\\, c,DC=x"];
        for separator in [";", "|", "\n", ",", ", ", " "] {
            assert_eq!(list(&names.join(separator), Kind::Dn), known(names), "{separator:?}");
        }
        assert_eq!(list("HV01;HV02", Kind::Dn), Known::Unknown(Reason::Undecodable));
        assert_eq!(list("CN=DC=x CN=a,DC=y", Kind::Dn), known(["CN=DC=x CN=a,DC=y"]));
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
        assert_eq!(list(&"HOST/a;".repeat(5_000), Kind::Spn), Known::Unknown(Reason::Truncated));
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
        assert!(recognise(&Head { bytes: text.as_bytes(), text: text.into() }));
        let object = only(text);
        assert_eq!(object.sid, Sid::from_text("S-1-5-32-544"));
        assert_eq!(object.spns, known(["HOST/a", "cifs/b"]));
        assert!(object.when_changed.is_some());
        assert_eq!(read_bytes(text.as_bytes()).coverage.records, 2);
    }

    #[test]
    fn choosing_before_building_comes_to_the_same() {
        let flat = "Microsoft.ActiveDirectory.Management.ADPropertyValueCollection";
        let head = "DistinguishedName,Name,DNSHostName,ObjectClass,SamAccountName,SID,userAccountControl,servicePrincipalName,\
                    msDS-AllowedToDelegateTo,OperatingSystem,KerberosEncryptionType,PrincipalsAllowedToDelegateToAccount\n";
        let rows = format!(
            "\"CN=PC1,DC=x\",PC1,pc1.x,computer,PC1$,S-1-5-21-1-2-3-1001,4096,HOST/a;HOST/b,,Windows Server 2022,28,\n\
             \"CN=PC2,DC=x\",PC2,pc2.x,computer,PC2$,S-1-5-21-1-2-3-1002,4096,{flat},{flat},Windows Server 2022,{flat},{flat}\n\
             \"CN=PC3,DC=x\",PC3,pc3.x,computer,PC3$,S-1-5-21-1-2-3-1003,4096,\"HOST/a, HOST/b...\",cifs/b|cifs/c,,\"RC4, AES128\",\"CN=HV02,DC=x\"\n\
             \"CN=PC4,DC=x\",PC4,pc4.x,computer,PC4$,S-1-5-21-1-2-3-1004,4x,HOST/a b,no,,,\n\
             \"CN=c,DC=x\",c,,computer,c$,S-1-5-21-1-2-3-1005,4096,HOST/c;Microsoft Virtual System Migration Service/c,,,,\n\
             \"CN=HV02,DC=x\",other,HV02.x,computer,other$,S-1-5-21-1-2-3-1006,,,,,,\n\
             \"CN=DC1,DC=y,DC=x\",DC1,,top;person;computer,DC1$,,532480,,,,,\n\
             \"CN=Zürich,DC=x\",Zürich,,user,zürich,S-1-5-21-1-2-3-1105,512,,,,,\n\
             \"CN=Users,DC=x\",Users,,group,,S-1-5-21-1-2-3-513,,,,,,\n\
             \"OU=z,DC=z\",z,,organizationalUnit,,,,,,,,\n\
             \"CN=svc,DC=x\",svc,,msDS-ManagedServiceAccount,svc$,,,,,,,\n\
             ,PC5,pc5.x,computer,PC5$,,,,,,,\n\
             \"CN=PC6,DC=x\",PC6,,computer,PC6$,,4096,HOST/PC6\n\
             \"CN=PC7,DC=x\",PC7,pc7.x,,,X'01020000000000052000000020020000',,,,,,\n"
        );
        let text = format!("{head}{rows}");
        let joined = text.replace("servicePrincipalName,", "My SPN list,");
        let utf16: Vec<u8> = format!("\u{FEFF}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        let ansi = text.chars().map(|char| u8::try_from(u32::from(char)).unwrap()).collect();
        for text in [text.into_bytes(), joined.into_bytes(), utf16, ansi] {
            let [chosen, expected] = chosen_and_expected(&FORMAT, &text);
            assert!(expected.facts.len() > 3 && expected.bystanders.objects > 5);
            assert_eq!(chosen, expected);
        }
    }

    #[test]
    fn shifted_rows_and_screen_layout_are_named() {
        let shifted = read_bytes(
            b"Name,DistinguishedName,SID\nHV01,CN=HV01,DC=x,S-1-5-18\nHV02,\"CN=HV02,DC=x\",S-1-5-18,\n",
        );
        assert_eq!((shifted.facts.len(), codes(&shifted)), (1, vec!["csv-row-shifted"]));
        let layout = b"27c8,\"Microsoft.PowerShell.Commands.Internal.Format.TableRowEntry\",\"False\"\n";
        assert!(recognise(&Head { bytes: layout, text: text::decode_head(layout) }));
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
        damage(&FORMAT, &good, [b';', b'"', b'\n', 0, 0xff]);
        for text in ["Users,Name,Path", "", "Name,Id\n"] {
            assert!(!recognise(&Head { bytes: text.as_bytes(), text: text.into() }), "{text}");
        }
    }
}
