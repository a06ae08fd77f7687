//! One entry: its values as written, and the object that they make.

use std::borrow::Cow;
use std::collections::BTreeMap;

use data_encoding::BASE64_NOPAD;
use jiff::Timestamp;

use super::attribute::{Attribute, Attributes};
use super::ranges::{Part, parts, range};
use super::{Section, after_dn};
use crate::fact::{DirectoryObject, Known, Reason, Sid, Trustee};
use crate::parse::{attribute_metadata, security_descriptor, text};

/// The classes whose objects are kept; a class stands beside those it is derived from.
const CLASSES: &[&str] = &["computer", "user", "group", "msDS-GroupManagedServiceAccount"];

/// One value as written.
pub(super) struct Value {
    pub(super) attribute: Attribute,
    pub(super) raw: String,
    /// After `::`.
    pub(super) base64: bool,
    /// After `:<`: the value stands elsewhere.
    elsewhere: bool,
    /// `;range=0-1499`: the first, and the last unless it is `*`.
    pub(super) range: Option<(u64, Option<u64>)>,
}

/// An entry of which every value that matters is read.
#[derive(Default)]
pub(super) struct Entry {
    line: u64,
    dn: String,
    values: Vec<Value>,
    /// The file ends within it.
    cut: bool,
}

/// An object that was read, before it is known what its search asked for.
pub(super) struct Object {
    pub(super) line: u64,
    pub(super) section: usize,
    pub(super) carried: Attributes,
    pub(super) object: DirectoryObject,
    pub(super) parts: Vec<Part>,
    /// The file ends within it.
    pub(super) cut: bool,
}

impl Entry {
    /// Reads the lines of an entry, the first of which is its `dn:` and stands in `line`.
    pub(super) fn read(bytes: &[u8], line: u64, cut: bool) -> Self {
        let text = text::decode_each_line(bytes);
        let mut entry = Self { line, cut, ..Self::default() };
        for content in unfold(&text) {
            if content.starts_with('#') {
                continue;
            }
            if let Some(dn) = after_dn(content.as_bytes()) {
                let dn = content.get(content.len() - dn.len()..).unwrap_or_default();
                let (raw, base64) = dn.strip_prefix(':').map_or((dn, false), |raw| (raw, true));
                entry.dn = decoded(raw.trim(), base64);
            } else if let Some((name, rest)) = content.split_once(':') {
                entry.values.extend(Value::read(name, rest));
            }
        }
        entry
    }
}

impl Value {
    /// The value of a line `name:rest`; `None` for an attribute that does not matter.
    fn read(name: &str, rest: &str) -> Option<Self> {
        let (name, options) = name.split_once(';').unwrap_or((name, ""));
        let attribute = Attribute::from_name(name.as_bytes())?;
        let (raw, base64, elsewhere) = match rest.chars().next() {
            Some(':') => (rest.get(1..).unwrap_or_default(), true, false),
            Some('<') => ("", false, true),
            _ => (rest, false, false),
        };
        let range = options.split(';').find_map(range);
        // A blank at its end makes a service another one, which a domain controller refuses; some writers leave it plain.
        let raw = match attribute {
            Attribute::AllowedToDelegateTo if !base64 => raw.trim_start().trim_end_matches(['\r', '\n']),
            _ => raw.trim(),
        };
        Some(Self { attribute, raw: raw.to_owned(), base64, elsewhere, range })
    }
}

/// The logical lines: a line that begins with a blank continues the one before, less that blank. Comments
/// fold too.
fn unfold(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut lines = text::lines(text).map(|(_, line)| line).peekable();
    std::iter::from_fn(move || {
        let first = lines.next()?;
        let mut content = Cow::Borrowed(first);
        while let Some(more) = lines.next_if(|next| !first.is_empty() && next.starts_with(' ')) {
            content.to_mut().push_str(more.get(1..).unwrap_or_default());
        }
        Some(content)
    })
}

/// Whether objects of `class` are kept.
pub(super) fn is_kept_class(class: &[u8]) -> bool {
    CLASSES.iter().any(|own| own.as_bytes().eq_ignore_ascii_case(class))
}

/// Whether what an entry without classes carries makes it an account.
pub(super) fn tells_of_an_account(carried: Attributes) -> bool {
    let telling = [
        Attribute::Account,
        Attribute::DnsName,
        Attribute::UserAccountControl,
        Attribute::Spn,
        Attribute::AllowedToDelegateTo,
        Attribute::AllowedToAct,
    ];
    telling.into_iter().any(|one| carried.has(one))
}

/// A text value. People pipe exports through decoders that leave the second colon, so what is not base64 of
/// printable text is taken as it stands.
pub(super) fn decoded(raw: &str, base64: bool) -> String {
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
pub(super) fn object(entry: Entry, carried: Attributes, section: usize) -> Option<Object> {
    let texts = |attribute: Attribute| {
        let own = entry.values.iter().filter(move |value| value.attribute == attribute && !value.elsewhere);
        own.map(|value| decoded(&value.raw, value.base64)).filter(|text| !text.is_empty())
    };
    let first = |attribute| texts(attribute).next();
    let raw = |attribute| entry.values.iter().find(|value| value.attribute == attribute);
    let classes: Vec<String> = texts(Attribute::ObjectClass).collect();
    let is_kept = if classes.is_empty() {
        tells_of_an_account(carried)
    } else {
        classes.iter().any(|class| is_kept_class(class.as_bytes()))
    };
    if !is_kept {
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
        when_created: first(Attribute::WhenCreated).and_then(|time| text::generalized_time(&time)),
        attribute_changes: attribute_changes(&entry.values),
        members: list(&entry.values, Attribute::Member),
        primary_group: stated(raw(Attribute::PrimaryGroup), number),
        member_of: list(&entry.values, Attribute::MemberOf),
    };
    // A part of a cut entry may lack values, so its list does not end there.
    let parts = if entry.cut { Vec::new() } else { parts(&entry.values) };
    Some(Object { line: entry.line, section, carried, object, parts, cut: entry.cut })
}

/// Domain controllers end these texts with a zero.
fn attribute_changes(values: &[Value]) -> BTreeMap<String, Timestamp> {
    let own = values.iter().filter(|value| value.attribute == Attribute::Metadata);
    let text = |value: &Value| {
        if value.base64 { String::from_utf8(bytes(&value.raw)?).ok() } else { Some(value.raw.clone()) }
    };
    let texts: Vec<String> = own.filter_map(text).collect();
    attribute_metadata::changes(texts.iter().map(String::as_str))
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

/// What is missing and was asked for is empty. `userAccountControl` is on every account, so its absence says
/// only that the reader was not allowed to see it.
pub(super) fn fill(object: &mut DirectoryObject, carried: Attributes, section: &Section) {
    let empty = |attribute| !carried.has(attribute) && section.asked(attribute);
    if empty(Attribute::MemberOf) {
        object.member_of = Known::Known(Vec::new());
    }
    if object.has_class("group") {
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
pub(super) fn forget(object: &mut DirectoryObject) {
    let unknown = Reason::Truncated;
    object.spns = Known::Unknown(unknown);
    object.allowed_to_delegate_to = Known::Unknown(unknown);
    object.allowed_to_act = Known::Unknown(unknown);
    object.encryption_types = Known::Unknown(unknown);
    object.members = Known::Unknown(unknown);
    object.member_of = Known::Unknown(unknown);
    // A whole single value counts; where there is none it may have stood behind the cut.
    if object.user_account_control == Known::Unknown(Reason::NotAskedFor) {
        object.user_account_control = Known::Unknown(unknown);
    }
}

/// Whether a value that matters could not be read.
pub(super) fn has_undecodable(object: &DirectoryObject) -> bool {
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
