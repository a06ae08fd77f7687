//! LDIF as `ldapsearch`, `ldbsearch` and `ldifde` print it (RFC 2849).
//!
//! Read are computers, users, groups and group managed service accounts, and of them only the attributes of
//! [`DirectoryObject`]: exports carry passwords. Whether a missing attribute is empty or was never asked for
//! is judged for each head of the file (`# requesting:`), because pages and appended searches repeat it.
//! What is *not* done here: applying change records (`changetype: modify` and the like are counted and left
//! out), following referrals, fetching values by URL, joining the ranges of one list across files.

use std::borrow::Cow;
use std::collections::HashMap;

use data_encoding::BASE64_NOPAD;

use super::{Context, Format, Head, security_descriptor, text};
use crate::bundle::Stream;
use crate::fact::{Coverage, DirectoryObject, Issue, Known, Parsed, Reason, Sid, Trustee};

/// The format's line in the table.
pub(super) const FORMAT: Format = Format { kind: "ldif", recognise, parse, parse_blocks: None };

/// The attributes that are looked at, the lists first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attribute {
    Spn,
    AllowedToDelegateTo,
    Member,
    ObjectClass,
    Cn,
    Name,
    Account,
    DnsName,
    Sid,
    UserAccountControl,
    AllowedToAct,
    EncryptionTypes,
    OperatingSystem,
    OperatingSystemVersion,
    WhenChanged,
    InstanceType,
    UsnChanged,
}

const NAMES: &[(&str, Attribute)] = &[
    ("servicePrincipalName", Attribute::Spn),
    ("msDS-AllowedToDelegateTo", Attribute::AllowedToDelegateTo),
    ("member", Attribute::Member),
    ("objectClass", Attribute::ObjectClass),
    ("cn", Attribute::Cn),
    ("name", Attribute::Name),
    ("sAMAccountName", Attribute::Account),
    ("dNSHostName", Attribute::DnsName),
    ("objectSid", Attribute::Sid),
    ("userAccountControl", Attribute::UserAccountControl),
    ("msDS-AllowedToActOnBehalfOfOtherIdentity", Attribute::AllowedToAct),
    ("msDS-SupportedEncryptionTypes", Attribute::EncryptionTypes),
    ("operatingSystem", Attribute::OperatingSystem),
    ("operatingSystemVersion", Attribute::OperatingSystemVersion),
    ("whenChanged", Attribute::WhenChanged),
    ("instanceType", Attribute::InstanceType),
    ("uSNChanged", Attribute::UsnChanged),
];

/// The classes whose objects are kept; a class stands beside those it is derived from.
const CLASSES: &[&str] = &["computer", "user", "group", "msDS-GroupManagedServiceAccount"];

impl Attribute {
    fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, attribute)| *attribute)
    }
}

/// A set of attributes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Attributes(u32);

impl Attributes {
    const ALL: Self = Self(u32::MAX);

    fn with(self, attribute: Attribute) -> Self {
        Self(self.0 | 1 << attribute as u32)
    }

    fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn has(self, attribute: Attribute) -> bool {
        self.0 & 1 << attribute as u32 != 0
    }
}

/// What one search asked for, as its head and its objects tell.
#[derive(Debug, Default)]
struct Section {
    /// `# requesting:`, where the head has that line.
    requested: Option<Attributes>,
    /// What any of its objects carries: an attribute that one of them carries was asked for.
    carried: Attributes,
    entries: u64,
}

impl Section {
    fn asked(&self, attribute: Attribute) -> bool {
        self.requested.is_some_and(|requested| requested.has(attribute)) || self.carried.has(attribute)
    }
}

/// One value as written.
struct Value {
    attribute: Attribute,
    raw: String,
    /// After `::`.
    base64: bool,
    /// After `:<`: the value stands elsewhere.
    elsewhere: bool,
    /// `;range=0-1499`: the first, and the last unless it is `*`.
    range: Option<(u64, Option<u64>)>,
}

/// The entry that is being read.
#[derive(Default)]
struct Entry {
    line: u64,
    dn: String,
    change: Option<String>,
    values: Vec<Value>,
    /// The file ends within it.
    cut: bool,
}

/// An object that was read, before it is known what its search asked for.
struct Object {
    line: u64,
    section: usize,
    carried: Attributes,
    object: DirectoryObject,
    parts: Vec<Part>,
    /// The file ends within it.
    cut: bool,
}

/// A part of a list that came in ranges.
struct Part {
    attribute: Attribute,
    first: u64,
    last: Option<u64>,
    values: Vec<String>,
}

fn recognise(head: &Head<'_>) -> bool {
    let begins = |line: &str| line == "# extended LDIF" || line == "# record 1" || names_entry(line);
    text::lines(&head.text).any(|(_, line)| begins(line))
}

/// Whether a line is the `dn:` of an entry: base64, or a name with its first attribute.
fn names_entry(line: &str) -> bool {
    let Some(rest) = after_dn(line) else { return false };
    if let Some(base64) = rest.strip_prefix(':') {
        return !base64.trim().is_empty();
    }
    let attribute = rest.trim_start().split('=').next().unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    rest.contains('=') && !attribute.is_empty() && attribute.bytes().all(plain)
}

fn after_dn(line: &str) -> Option<&str> {
    let (name, rest) = line.split_at_checked(3)?;
    name.eq_ignore_ascii_case("dn:").then_some(rest)
}

fn parse(stream: &mut Stream<'_>, context: &Context<'_>) -> Parsed {
    let source = text::read(stream);
    let mut reader =
        Reader { sections: vec![Section::default()], issues: source.issues, ..Reader::default() };
    let mut lines = unfold(&source.text).peekable();
    while let Some((line, content)) = lines.next() {
        if lines.peek().is_none() && !source.text.ends_with('\n') {
            reader.take_cut(&content);
        } else {
            reader.take(line, &content);
        }
    }
    reader.finish_entry();
    reader.into_parsed(context)
}

/// The logical lines: a line that begins with a blank continues the one before, less that blank. Comments
/// fold too.
fn unfold(text: &str) -> impl Iterator<Item = (u64, Cow<'_, str>)> {
    let mut lines = text::lines(text).peekable();
    std::iter::from_fn(move || {
        let (number, first) = lines.next()?;
        let mut content = Cow::Borrowed(first);
        while let Some((_, more)) = lines.next_if(|(_, next)| !first.is_empty() && next.starts_with(' ')) {
            content.to_mut().push_str(more.get(1..).unwrap_or_default());
        }
        Some((number, content))
    })
}

#[derive(Default)]
struct Reader {
    sections: Vec<Section>,
    entry: Option<Entry>,
    objects: Vec<Object>,
    entries: u64,
    changes: u64,
    orphans: u64,
    issues: Vec<Issue>,
}

impl Reader {
    fn take(&mut self, line: u64, content: &str) {
        if content.is_empty() {
            self.finish_entry();
        } else if let Some(comment) = content.strip_prefix('#') {
            self.take_comment(comment.trim());
        } else if let Some(dn) = after_dn(content) {
            // Entries that lost the blank line between them begin here all the same.
            self.finish_entry();
            let (raw, base64) = dn.strip_prefix(':').map_or((dn, false), |raw| (raw, true));
            self.entry = Some(Entry { line, dn: decoded(raw.trim(), base64), ..Entry::default() });
        } else if let Some((name, rest)) = content.split_once(':') {
            self.take_value(name, rest);
        }
    }

    /// The last line, where no line end follows it: what it says may be half of what stood there, and what
    /// its entry still held is not known.
    fn take_cut(&mut self, content: &str) {
        let begins_entry = after_dn(content).is_some();
        if begins_entry {
            self.finish_entry();
        }
        if let Some(entry) = &mut self.entry {
            entry.cut = true;
        }
        if begins_entry || self.entry.is_some() {
            let detail = "the file ends in the middle of its last object, whose lists count as unknown; copy or export \
                          it again";
            self.issues.push(Issue::loss("ldif-truncated", detail, Some(1)));
        }
    }

    fn take_comment(&mut self, comment: &str) {
        let requesting = comment.strip_prefix("requesting:");
        if requesting.is_none() && comment != "extended LDIF" {
            return;
        }
        self.finish_entry();
        if self.sections.last().is_none_or(|section| section.entries > 0 || section.requested.is_some()) {
            self.sections.push(Section::default());
        }
        if let (Some(names), Some(section)) = (requesting, self.sections.last_mut()) {
            section.requested = Some(requested(names));
        }
    }

    fn take_value(&mut self, name: &str, rest: &str) {
        let (name, options) = name.split_once(';').unwrap_or((name, ""));
        let Some(entry) = &mut self.entry else {
            self.take_outside(name, rest);
            return;
        };
        if name.eq_ignore_ascii_case("changetype") {
            entry.change = Some(rest.trim().to_ascii_lowercase());
        }
        let Some(attribute) = Attribute::from_name(name) else { return };
        let (raw, base64, elsewhere) = match rest.chars().next() {
            Some(':') => (rest.get(1..).unwrap_or_default(), true, false),
            Some('<') => ("", false, true),
            _ => (rest, false, false),
        };
        let range = options.split(';').find_map(range);
        entry.values.push(Value { attribute, raw: raw.trim().to_owned(), base64, elsewhere, range });
    }

    /// The end of a search outside any entry, or a line whose `dn:` was filtered away.
    fn take_outside(&mut self, name: &str, rest: &str) {
        let rest = rest.trim();
        if name == "result" && !rest.starts_with("0 ") && rest != "0" {
            let detail = format!(
                "a search of this export ended with \"{}\", so objects may be missing; repeat it with paging",
                rest.chars().take(80).collect::<String>()
            );
            self.issues.push(Issue::loss("ldif-search-incomplete", detail, None));
        }
        self.orphans += u64::from(Attribute::from_name(name).is_some());
    }

    fn finish_entry(&mut self) {
        let Some(entry) = self.entry.take() else { return };
        if entry.change.as_deref().is_some_and(|change| change != "add") {
            self.changes += 1;
            return;
        }
        self.entries += 1;
        let carried = entry.values.iter().fold(Attributes::default(), |set, value| set.with(value.attribute));
        let section = self.sections.len().saturating_sub(1);
        if let Some(section) = self.sections.last_mut() {
            section.entries += 1;
            // Both are in every full dump and in hardly any list of attributes.
            let full = carried.has(Attribute::InstanceType) && carried.has(Attribute::UsnChanged);
            section.carried = if full { Attributes::ALL } else { section.carried.union(carried) };
        }
        if let Some(object) = object(entry, carried, section) {
            self.objects.push(object);
        }
    }

    fn into_parsed(mut self, context: &Context<'_>) -> Parsed {
        join_ranges(&mut self.objects);
        let mut parsed = Parsed {
            coverage: Coverage { records: self.entries, channels: Vec::new() },
            ..Parsed::default()
        };
        let mut undecoded = 0;
        for mut object in self.objects {
            if object.cut {
                forget(&mut object.object);
            } else if let Some(section) = self.sections.get(object.section) {
                fill(&mut object.object, object.carried, section);
            }
            undecoded += u64::from(has_undecodable(&object.object));
            context.take_object(&mut parsed, object.line, object.object);
        }
        parsed.issues = self.issues;
        parsed.issues.extend(notes(self.changes, self.orphans, undecoded));
        parsed
    }
}

/// What a reader must know about entries that were left out or not understood.
fn notes(changes: u64, orphans: u64, undecoded: u64) -> impl Iterator<Item = Issue> {
    let changes = (changes > 0).then(|| {
        let detail = format!(
            "{} stated changes to apply (changetype: modify or delete) instead of what the directory holds, so nothing \
             was taken from there; export the objects themselves",
            text::counted(changes, ["entry", "entries"])
        );
        Issue::note("ldif-change-records", detail)
    });
    let orphans = (orphans > 0).then(|| {
        let detail = format!(
            "{} stood outside any entry, as if a dn: line before was filtered away; export again without grep or sort",
            text::counted(orphans, ["line", "lines"])
        );
        Issue::loss("ldif-lines-without-entry", detail, None)
    });
    let undecoded = (undecoded > 0).then(|| {
        let detail = format!(
            "{} carried a value that can't be read and counts as unknown; export again, binary values as base64",
            text::counted(undecoded, ["object", "objects"])
        );
        Issue::note("ldif-undecodable", detail)
    });
    [changes, orphans, undecoded].into_iter().flatten()
}

/// The attributes of a `# requesting:` line.
fn requested(names: &str) -> Attributes {
    let names = names.split([' ', ',', '\t']).filter(|name| !name.is_empty());
    names.fold(Attributes::default(), |set, name| {
        let name = name.split(';').next().unwrap_or_default();
        match Attribute::from_name(name) {
            Some(attribute) => set.with(attribute),
            None if name == "*" || name == "ALL" => Attributes::ALL,
            None => set,
        }
    })
}

/// `range=0-1499` or `range=1500-*`.
fn range(option: &str) -> Option<(u64, Option<u64>)> {
    let (name, bounds) = option.split_once('=')?;
    let (first, last) = bounds.split_once('-')?;
    let last = if last == "*" { None } else { Some(last.parse().ok()?) };
    name.eq_ignore_ascii_case("range").then_some((first.parse().ok()?, last))
}

/// A text value. People pipe exports through decoders that leave the second colon, so what is not base64 of
/// printable text is taken as it stands.
fn decoded(raw: &str, base64: bool) -> String {
    let printable =
        |text: &String| !text.chars().any(|char| char.is_control() && !matches!(char, '\n' | '\r' | '\t'));
    let text = || String::from_utf8(bytes(raw)?).ok().filter(printable);
    base64.then(text).flatten().unwrap_or_else(|| raw.to_owned())
}

fn bytes(base64: &str) -> Option<Vec<u8>> {
    let compact: String = base64.chars().filter(|char| !char.is_ascii_whitespace()).collect();
    BASE64_NOPAD.decode(compact.trim_end_matches('=').as_bytes()).ok()
}

/// The object of an entry; `None` for other classes, and for entries that tell nothing about one.
fn object(entry: Entry, carried: Attributes, section: usize) -> Option<Object> {
    let telling = [
        Attribute::Account,
        Attribute::DnsName,
        Attribute::UserAccountControl,
        Attribute::Spn,
        Attribute::AllowedToDelegateTo,
        Attribute::AllowedToAct,
    ];
    let texts = |attribute: Attribute| {
        let own = entry.values.iter().filter(move |value| value.attribute == attribute && !value.elsewhere);
        own.map(|value| decoded(&value.raw, value.base64)).filter(|text| !text.is_empty())
    };
    let first = |attribute| texts(attribute).next();
    let raw = |attribute| entry.values.iter().find(|value| value.attribute == attribute);
    let classes: Vec<String> = texts(Attribute::ObjectClass).collect();
    let kept = |class: &String| CLASSES.iter().any(|own| own.eq_ignore_ascii_case(class));
    let wanted = if classes.is_empty() {
        telling.iter().any(|one| carried.has(*one))
    } else {
        classes.iter().any(kept)
    };
    if !wanted {
        return None;
    }
    let object = DirectoryObject {
        dn: Some(entry.dn).filter(|dn| !dn.is_empty()),
        name: first(Attribute::Cn).or_else(|| first(Attribute::Name)),
        classes,
        account: first(Attribute::Account),
        dns_name: first(Attribute::DnsName),
        sid: raw(Attribute::Sid).and_then(sid),
        user_account_control: stated(raw(Attribute::UserAccountControl), number),
        spns: list(&entry.values, Attribute::Spn),
        allowed_to_delegate_to: list(&entry.values, Attribute::AllowedToDelegateTo),
        allowed_to_act: stated(raw(Attribute::AllowedToAct), trustees),
        encryption_types: stated(raw(Attribute::EncryptionTypes), number).map(Some),
        operating_system: first(Attribute::OperatingSystem),
        operating_system_version: first(Attribute::OperatingSystemVersion),
        when_changed: first(Attribute::WhenChanged).and_then(|time| text::generalized_time(&time)),
        members: list(&entry.values, Attribute::Member),
    };
    // A part of a cut entry may lack values, so its list does not end there.
    let parts = if entry.cut { Vec::new() } else { parts(&entry.values) };
    Some(Object { line: entry.line, section, carried, object, parts, cut: entry.cut })
}

/// A single value that is stated, decoded by `decode`.
fn stated<T>(value: Option<&Value>, decode: impl FnOnce(&Value) -> Known<T>) -> Known<T> {
    match value {
        None => Known::Unknown(Reason::NotAskedFor),
        Some(value) if value.elsewhere => Known::Unknown(Reason::Undecodable),
        Some(value) => decode(value),
    }
}

fn number(value: &Value) -> Known<u32> {
    text::bits(&decoded(&value.raw, value.base64)).map_or(Known::Unknown(Reason::Undecodable), Known::Known)
}

/// A SID as text, or in binary form as base64, which some tools print after a single colon.
fn sid(value: &Value) -> Option<Sid> {
    Sid::from_text(&value.raw)
        .or_else(|| Sid::from_text(&decoded(&value.raw, value.base64)))
        .or_else(|| Sid::from_bytes(&bytes(&value.raw)?))
}

fn trustees(value: &Value) -> Known<Vec<Trustee>> {
    let sddl = security_descriptor::from_sddl(&decoded(&value.raw, value.base64));
    let binary = || bytes(&value.raw).map(|bytes| security_descriptor::from_bytes(&bytes));
    sddl.or_else(binary).unwrap_or(Known::Unknown(Reason::Undecodable))
}

/// A list without its ranges; those are joined later.
fn list(values: &[Value], attribute: Attribute) -> Known<Vec<String>> {
    let own = || values.iter().filter(|value| value.attribute == attribute);
    if own().next().is_none() {
        return Known::Unknown(Reason::NotAskedFor);
    }
    if own().any(|value| value.elsewhere) {
        return Known::Unknown(Reason::Undecodable);
    }
    let texts = own().filter(|value| value.range.is_none()).map(|value| decoded(&value.raw, value.base64));
    Known::Known(texts.filter(|text| !text.is_empty()).collect())
}

fn parts(values: &[Value]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for value in values {
        let Some((first, last)) = value.range else { continue };
        let text = decoded(&value.raw, value.base64);
        match parts.iter_mut().rev().find(|part| part.attribute == value.attribute && part.first == first) {
            Some(part) => part.values.push(text),
            None => parts.push(Part { attribute: value.attribute, first, last, values: vec![text] }),
        }
    }
    parts
}

/// Joins lists that came in ranges, within an entry and across the entries of one name. A list is known only
/// if its parts lie end to end from 0 to `*`.
fn join_ranges(objects: &mut [Object]) {
    let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, object) in objects.iter().enumerate().filter(|(_, object)| !object.parts.is_empty()) {
        by_name
            .entry(object.object.dn.as_deref().unwrap_or_default().to_lowercase())
            .or_default()
            .push(index);
    }
    for indexes in by_name.into_values() {
        let mut parts = Vec::new();
        for &index in &indexes {
            parts.extend(
                objects.get_mut(index).into_iter().flat_map(|object| std::mem::take(&mut object.parts)),
            );
        }
        parts.sort_by_key(|part| part.first);
        for attribute in [Attribute::Spn, Attribute::AllowedToDelegateTo, Attribute::Member] {
            let Some(joined) = join(&parts, attribute) else { continue };
            for &index in &indexes {
                if let Some(list) = objects.get_mut(index).and_then(|object| list_of(object, attribute)) {
                    list.clone_from(&joined);
                }
            }
        }
    }
}

/// The list that the parts of `attribute` make, sorted by where they begin; `None` without any.
fn join(parts: &[Part], attribute: Attribute) -> Option<Known<Vec<String>>> {
    let own = || parts.iter().filter(|part| part.attribute == attribute);
    own().next()?;
    let (mut values, mut ended) = (Vec::new(), false);
    for part in own().filter(|part| !part.values.is_empty()) {
        let next = values.len() as u64;
        // A part that was exported twice adds nothing; one that is cut ends the list.
        if ended || part.last.is_some_and(|last| last < next) {
            continue;
        }
        if part.first != next {
            break;
        }
        values.extend(part.values.iter().cloned());
        ended = part.last.is_none();
    }
    Some(if ended { Known::Known(values) } else { Known::Unknown(Reason::Truncated) })
}

/// The list of `attribute`, if the object itself carries it.
fn list_of(object: &mut Object, attribute: Attribute) -> Option<&mut Known<Vec<String>>> {
    let list = match attribute {
        Attribute::Spn => &mut object.object.spns,
        Attribute::AllowedToDelegateTo => &mut object.object.allowed_to_delegate_to,
        Attribute::Member => &mut object.object.members,
        _ => return None,
    };
    object.carried.has(attribute).then_some(list)
}

/// What is missing and was asked for is empty. `userAccountControl` is on every account, so its absence says
/// only that the reader was not allowed to see it.
fn fill(object: &mut DirectoryObject, carried: Attributes, section: &Section) {
    let empty = |attribute| !carried.has(attribute) && section.asked(attribute);
    let is_group = object.classes.iter().any(|class| class.eq_ignore_ascii_case("group"));
    if is_group {
        if empty(Attribute::Member) {
            object.members = Known::Known(Vec::new());
        }
        return;
    }
    if empty(Attribute::Spn) {
        object.spns = Known::Known(Vec::new());
    }
    if empty(Attribute::AllowedToDelegateTo) {
        object.allowed_to_delegate_to = Known::Known(Vec::new());
    }
    if empty(Attribute::AllowedToAct) {
        object.allowed_to_act = Known::Known(Vec::new());
    }
    if empty(Attribute::EncryptionTypes) {
        object.encryption_types = Known::Known(None);
    }
}

/// Of an entry that is cut no list and no absence is known.
fn forget(object: &mut DirectoryObject) {
    let unknown = Reason::Truncated;
    object.spns = Known::Unknown(unknown);
    object.allowed_to_delegate_to = Known::Unknown(unknown);
    object.allowed_to_act = Known::Unknown(unknown);
    object.encryption_types = Known::Unknown(unknown);
    object.members = Known::Unknown(unknown);
}

fn has_undecodable(object: &DirectoryObject) -> bool {
    let unknown = |reason: Option<Reason>| reason == Some(Reason::Undecodable);
    unknown(reason(&object.user_account_control))
        || unknown(reason(&object.spns))
        || unknown(reason(&object.allowed_to_delegate_to))
        || unknown(reason(&object.allowed_to_act))
        || unknown(reason(&object.encryption_types))
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
    use crate::parse::testing::{codes, damage, known, objects, read as read_as};

    const NOT_ASKED: Reason = Reason::NotAskedFor;

    fn read_bytes(bytes: &[u8]) -> Parsed {
        read_as(&FORMAT, bytes)
    }

    fn read(text: &str) -> Parsed {
        read_bytes(text.as_bytes())
    }

    fn only(text: &str) -> DirectoryObject {
        let mut objects = objects(read(text));
        assert_eq!(objects.len(), 1, "{text}");
        objects.remove(0)
    }

    const COMPUTER: &str = "dn: CN=HV01,DC=x\nobjectClass: top\nobjectClass: computer\n";

    #[test]
    fn an_entry_becomes_an_object_and_its_secrets_stay_behind() {
        let text = "version: 1\n\n# HV01, x\ndn: CN=HV01,OU=Z\\, Y,DC=x\nchangetype: add\nobjectClass: computer\ncn: HV01\n\
                    sAMAccountName: HV01$\ndNSHostName: hv01.x\nobjectSid:: AQIAAAAAAAUgAAAAIAIAAA==\nuserAccountControl: 4096\n\
                    ms-Mcs-AdmPwd: Secret1\nmsDS-SupportedEncryptionTypes: 28\noperatingSystem: Windows Server 2022\n\
                    whenChanged: 20211219015404.0Z\nservicePrincipalName: Microsoft Virtual System Migration\n  Service/hv\n 01\n\
                    msDS-AllowedToDelegateTo: cifs/hv02\n";
        let parsed = read(text);
        assert!(!format!("{parsed:?}").contains("Secret1"));
        assert_eq!((parsed.coverage.records, parsed.facts[0].origin.at), (1, Position::Line(4)));
        let object = only(text);
        assert_eq!(object.dn.as_deref(), Some("CN=HV01,OU=Z\\, Y,DC=x"));
        assert_eq!(object.sid, Sid::from_text("S-1-5-32-544"));
        assert_eq!(object.user_account_control, Known::Known(4096));
        assert_eq!(object.encryption_types, Known::Known(Some(28)));
        assert_eq!(object.spns, known(["Microsoft Virtual System Migration Service/hv01"]));
        assert_eq!(object.allowed_to_delegate_to, known(["cifs/hv02"]));
        assert_eq!(object.when_changed, "2021-12-19T01:54:04Z".parse().ok());
        assert_eq!(object.allowed_to_act, Known::Unknown(NOT_ASKED));
    }

    #[test]
    fn missing_is_empty_only_where_it_was_asked_for() {
        let lists = |text: &str| {
            let object = only(text);
            (object.allowed_to_delegate_to, object.spns)
        };
        let (none, unknown) = (known([]), Known::Unknown(NOT_ASKED));
        let head = |names: &str| format!("# extended LDIF\n# requesting: {names}\n#\n\n{COMPUTER}");
        assert_eq!(lists(COMPUTER), (unknown.clone(), unknown.clone()));
        assert_eq!(lists(&head("ALL")), (none.clone(), none.clone()));
        assert_eq!(lists(&head("cn *")), (none.clone(), none.clone()));
        assert_eq!(
            lists(&head("cn msds-allowedtodelegate\n To userAccountControl")),
            (none.clone(), unknown.clone())
        );
        assert_eq!(lists(&format!("{COMPUTER}instanceType: 4\nuSNChanged: 7\n")), (none.clone(), none));
        assert_eq!(only(&head("ALL")).user_account_control, Known::Unknown(NOT_ASKED));
        assert_eq!(only(&head("ALL")).encryption_types, Known::Known(None));
        assert_eq!(only(&format!("{COMPUTER}uSNChanged: 7\n")).spns, unknown);
    }

    #[test]
    fn what_one_object_carries_was_asked_for_all_of_its_search() {
        let carrier = "dn: CN=b,DC=x\nobjectClass: computer\nmsDS-AllowedToDelegateTo: cifs/a\n\n";
        let first = objects(read(&format!("{COMPUTER}\n{carrier}"))).remove(0);
        assert_eq!(first.allowed_to_delegate_to, known([]));
        let two = format!(
            "# extended LDIF\n# requesting: cn\n\n{COMPUTER}\n# extended LDIF\n# requesting: msDS-AllowedToDelegateTo\n\n{carrier}"
        );
        let first = objects(read(&two)).remove(0);
        assert_eq!(first.allowed_to_delegate_to, Known::Unknown(NOT_ASKED));
    }

    /// A file that ends within a line says nothing of what its last object lacks, nor that its lists are whole.
    #[test]
    fn a_cut_object_is_unknown_and_never_empty() {
        let whole = "# extended LDIF\n# requesting: ALL\n\ndn: CN=HV02,DC=x\nobjectClass: computer\n\
                     userAccountControl: 4096\n\n";
        let truncated = || Known::Unknown(Reason::Truncated);
        let in_a_list = "dn: CN=HV01,DC=x\nobjectClass: computer\ncn: HV01\nuserAccountControl: 4096\n\
                         msDS-AllowedToDelegateTo: cifs/hv02\nmsDS-AllowedToDelegateTo: cifs/h";
        for (cut, account_control) in
            [(in_a_list, Known::Known(4096)), (&in_a_list[..60], Known::Unknown(NOT_ASKED))]
        {
            let parsed = read(&format!("{whole}{cut}"));
            assert_eq!(codes(&parsed), ["ldif-truncated"], "{cut}");
            let [two, one] = <[_; 2]>::try_from(objects(parsed)).unwrap();
            assert_eq!((two.allowed_to_delegate_to, two.spns), (known([]), known([])));
            assert_eq!(one.name.as_deref(), Some("HV01"));
            assert_eq!(one.user_account_control, account_control);
            assert_eq!((one.allowed_to_delegate_to, one.spns), (truncated(), truncated()));
            assert_eq!(one.allowed_to_act, Known::Unknown(Reason::Truncated));
        }
        assert_eq!(codes(&read(&format!("{whole}dn: CN=HV0"))), ["ldif-truncated"]);
        assert_eq!(codes(&read(whole.trim_end())), ["ldif-truncated"]);
        assert_eq!(codes(&read(&format!("{whole}# numEntries: 1"))), [""; 0]);
    }

    #[test]
    fn ranges_are_joined_or_truncated() {
        let part = |range: &str, value: &str| {
            format!("dn: cn=a,DC=x\ncn: a\nmsDS-AllowedToDelegateTo;range={range}: {value}\n\n")
        };
        let read_all = |parts: &[String]| objects(read(&parts.concat())).remove(0).allowed_to_delegate_to;
        assert_eq!(read_all(&[part("1-*", "cifs/b"), part("0-0", "cifs/a")]), known(["cifs/a", "cifs/b"]));
        assert_eq!(
            read_all(&[part("0-0", "cifs/a"), part("0-0", "cifs/a"), part("1-*", "cifs/b")]),
            known(["cifs/a", "cifs/b"])
        );
        let truncated = Known::Unknown(Reason::Truncated);
        assert_eq!(read_all(&[part("0-0", "cifs/a")]), truncated);
        assert_eq!(read_all(&[part("1000-*", "cifs/a")]), truncated);
        assert_eq!(read_all(&[part("0-5", "cifs/a"), part("8-*", "cifs/b")]), truncated);
        assert_eq!(read_all(&[part("0-18446744073709551615", "cifs/a")]), truncated);
    }

    #[test]
    fn base64_that_is_none_is_taken_as_it_stands() {
        let object =
            only("dn::Q049WsO8cmljaCxEQz14\nsAMAccountName:: HV01\ndNSHostName:: hv01.contoso.com\n");
        assert_eq!(object.dn.as_deref(), Some("CN=Zürich,DC=x"));
        assert_eq!(object.account.as_deref(), Some("HV01"));
        assert_eq!(object.dns_name.as_deref(), Some("hv01.contoso.com"));
        assert_eq!(only("dn:: CN=ü,DC=x\nsAMAccountName: a\n").dn.as_deref(), Some("CN=ü,DC=x"));
    }

    #[test]
    fn descriptors_come_as_base64_and_as_sddl() {
        let sid = Sid::from_text("S-1-5-32-544").unwrap();
        let binary = "AQAEgAAAAAAAAAAAAAAAABQAAAAEACAAAQAAAAAAGAD/AQ8AAQIAAAAAAAUgAAAAIAIAAA==";
        for value in [format!(":: {binary}"), format!(": {binary}"), ": O:BAD:(A;;CR;\n ;;BA)".into()] {
            let object = only(&format!("{COMPUTER}msDS-AllowedToActOnBehalfOfOtherIdentity{value}\n"));
            assert_eq!(object.allowed_to_act, Known::Known(vec![Trustee::Sid(sid.clone())]), "{value}");
        }
        let parsed = read(&format!("{COMPUTER}msDS-AllowedToActOnBehalfOfOtherIdentity:: AQAEgA==\n"));
        assert_eq!(codes(&parsed), ["ldif-undecodable"]);
        assert_eq!(objects(parsed)[0].allowed_to_act, Known::Unknown(Reason::Undecodable));
    }

    #[test]
    fn change_records_and_other_classes_state_nothing() {
        let text = format!(
            "dn: CN=HV01,DC=x\nchangetype: modify\nadd: msDS-AllowedToDelegateTo\nmsDS-AllowedToDelegateTo: cifs/b\n-\n\n\
             dn: OU=x,DC=x\nobjectClass: organizationalUnit\ncn: x\n\n{COMPUTER}"
        );
        let parsed = read(&text);
        assert_eq!((parsed.coverage.records, codes(&parsed)), (2, vec!["ldif-change-records"]));
        assert_eq!(only(&text).allowed_to_delegate_to, Known::Unknown(NOT_ASKED));
    }

    #[test]
    fn the_end_of_a_search_is_no_entry() {
        let text = format!(
            "# extended LDIF\n# requesting: ALL\n\n{COMPUTER}\n# search reference\nref: ldap://x/DC=x\n\n# search result\nsearch: 2\n\
             result: 4 Size limit exceeded\ncontrol: 1.2 false MA==\n\n# numEntries: 1\n"
        );
        let parsed = read(&text);
        assert_eq!((parsed.coverage.records, codes(&parsed)), (1, vec!["ldif-search-incomplete"]));
        assert_eq!(codes(&read("# extended LDIF\n\nsearch: 2\nresult: 0 Success\n")), Vec::<&str>::new());
    }

    #[test]
    fn every_encoding_and_line_end_reads_alike() {
        let text = "dn: CN=Zürich,DC=x\nsAMAccountName: Zürich$\nservicePrincipalName: \n HOST/a\n\n";
        let crlf = text.replace('\n', "\r\n");
        let utf16: Vec<u8> = crlf.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let ansi: Vec<u8> = text.chars().map(|char| u8::try_from(u32::from(char)).unwrap()).collect();
        let expected = objects(read(text));
        assert_eq!(objects(read(&crlf)), expected);
        assert_eq!(objects(read_bytes(&utf16)), expected);
        assert_eq!(objects(read_bytes(&ansi)), expected);
        assert_eq!(expected[0].spns, known(["HOST/a"]));
    }

    #[test]
    fn recognition_wants_a_name() {
        let is = |text: &str| recognise(&Head { bytes: text.as_bytes(), text: text.into() });
        assert!(is("\n# c\nversion: 1\ndn: CN=a,DC=b\n") && is("DN:: Q049YQ==\n") && is("# extended LDIF\n"));
        assert!(!is("dn: \n") && !is("dn: see = below\n") && !is("DN,objectClass\n") && !is("no dn: CN=a\n"));
    }

    #[test]
    fn damage_never_panics() {
        let good = format!(
            "# extended LDIF\n# requesting: ALL\n\n{COMPUTER}member;range=0-1: ü\nobjectSid:: AQIAAAAAAAUgAAAAIAIAAA==\n \n"
        );
        damage(&FORMAT, &good, [b':', b';', b'\n', 0, 0xff]);
        let parsed =
            read("cn: a\nuserAccountControl: 1\ndn: \n\ndn: CN=a\nuserAccountControl: x\n:\n;;:\n range");
        assert_eq!(codes(&parsed), ["ldif-truncated", "ldif-lines-without-entry", "ldif-undecodable"]);
    }
}
