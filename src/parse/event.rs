//! An event, from the elements that it is made of.
//!
//! Exports hold them as XML, logs as BinXML; both go through [`Walk`], so that an event says the same
//! whichever way it came. What is *not* done here: reading BinXML (see [`super::evtx`]).

use std::borrow::Cow;
use std::collections::HashSet;

use jiff::Timestamp;
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event as Token};

use crate::fact::{Event, Field};
use crate::knowledge::Routine;

/// How deep elements may lie in one another.
const MAX_DEPTH: usize = 64;

/// Attributes of which a value in an audit is kept: those of [`crate::fact::DirectoryObject`].
const ATTRIBUTES: &[&str] = &[
    "cn",
    "distinguishedName",
    "dNSHostName",
    "member",
    "memberOf",
    "msDS-AllowedToActOnBehalfOfOtherIdentity",
    "msDS-AllowedToDelegateTo",
    "msDS-SupportedEncryptionTypes",
    "name",
    "objectClass",
    "objectSid",
    "operatingSystem",
    "operatingSystemVersion",
    "sAMAccountName",
    "servicePrincipalName",
    "userAccountControl",
    "whenChanged",
];
/// What stands in place of another attribute's value.
const WITHHELD: &str = "(withheld)";

/// What an event says; it may lack a time.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Reading {
    /// `Provider/@Name`, else its `EventSourceName`.
    pub(super) provider: String,
    /// `EventID`, without its qualifiers.
    pub(super) id: u32,
    /// `Channel`.
    pub(super) channel: Option<String>,
    /// `Computer`; empty where there is none.
    pub(super) computer: String,
    /// `EventRecordID`.
    pub(super) record: Option<u64>,
    /// `TimeCreated`.
    pub(super) time: Option<Timestamp>,
    /// `Level`.
    pub(super) level: Option<u8>,
    /// `Security/@UserID`.
    pub(super) user: Option<String>,
    /// The payload.
    pub(super) fields: Vec<Field>,
    /// `RenderingInfo/Message`, localised.
    pub(super) message: Option<String>,
}

impl Reading {
    /// The event, at the time that was found for it.
    pub(super) fn into_event(self, record: u64, time: Timestamp) -> Event {
        let Self { provider, id, channel, computer, level, user, fields, message, .. } = self;
        let mut event = Event {
            provider,
            id,
            channel,
            computer,
            time,
            record,
            level,
            user,
            fields,
            message,
            local: false,
        };
        withhold(&mut event);
        event
    }

    /// Whether it is `routine`.
    pub(super) fn is(&self, routine: &Routine) -> bool {
        routine.0.iter().all(|cell| {
            let own = |field: &&Field| field.name.as_deref() == Some(cell.field.as_str());
            self.fields.iter().find(own).is_some_and(|field| field.value == cell.value)
        })
    }
}

/// Takes the value of an attribute out of an audit of the directory (5136), and the message that quotes it, unless
/// exports of that attribute are kept too: recovery keys and passwords are attributes as well.
fn withhold(event: &mut Event) {
    let is_kept = match event.field("AttributeLDAPDisplayName") {
        Some(attribute) => ATTRIBUTES.iter().any(|own| own.eq_ignore_ascii_case(attribute)),
        None => !event.is("Microsoft-Windows-Security-Auditing", &[5136]),
    };
    if is_kept {
        return;
    }
    event.message = None;
    // Which value is the attribute's can't be told where values have no names.
    let is_value = |field: &&mut Field| {
        field.name.as_deref().is_none_or(|name| name.eq_ignore_ascii_case("AttributeValue"))
    };
    event.fields.iter_mut().filter(is_value).for_each(|field| field.value = WITHHELD.to_owned());
}

/// Which computers were seen to write which routine records.
#[derive(Debug, Default)]
pub(super) struct Firsts(HashSet<(String, String, u32)>);

impl Firsts {
    /// Whether a routine record is the first of its kind and computer.
    pub(super) fn is_first(&mut self, computer: &str, provider: &str, id: u32) -> bool {
        self.0.insert((computer.to_owned(), provider.to_owned(), id))
    }
}

/// Reads one event as XML, and whether `wants` it: an event that it does not is read no further than its
/// `System` part. `None` where it is no event with a provider and an id.
pub(super) fn read(xml: &str, wants: impl Fn(&Reading) -> bool) -> Option<(Reading, bool)> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().allow_dangling_amp = true;
    let mut walk = Walk::default();
    loop {
        match reader.read_event().ok()? {
            Token::Start(tag) => walk.open_tag(&tag)?,
            Token::Empty(tag) => {
                walk.open_tag(&tag)?;
                walk.close();
            }
            Token::End(_) => walk.close(),
            Token::Text(text) => walk.text().push_str(&text),
            Token::CData(text) => walk.text().push_str(&text),
            Token::GeneralRef(reference) => walk.text().push(referred(&reference)),
            Token::Eof => break,
            _ => {}
        }
        if walk.has_ended_system() && walk.is_known() && !wants(&walk.event) {
            return Some((walk.event, false));
        }
    }
    walk.finish().map(|event| (event, true))
}

/// The name of an element or attribute, without its prefix.
pub(super) trait Name {
    /// Whether it is `name`, which is ASCII.
    fn is(&self, name: &str) -> bool;
    /// Its text.
    fn to_text(&self) -> String;
}

impl Name for String {
    fn is(&self, name: &str) -> bool {
        self == name
    }

    fn to_text(&self) -> String {
        self.clone()
    }
}

/// An event while its elements go by.
pub(super) struct Walk<N> {
    event: Reading,
    has_id: bool,
    /// The open elements.
    path: Vec<Open<N>>,
    /// The text of the innermost element.
    text: String,
    system: Phase,
}

/// Where the reading stands with regard to `System`.
#[derive(Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Before,
    Ended,
    Behind,
}

/// The child of `Event` that an element stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    System,
    EventData,
    UserData,
    RenderingInfo,
    Other,
}

struct Open<N> {
    name: N,
    part: Part,
    /// `Data/@Name`.
    label: Option<String>,
    has_children: bool,
}

impl<N> Default for Walk<N> {
    fn default() -> Self {
        let path = Vec::with_capacity(8);
        Self { event: Reading::default(), has_id: false, path, text: String::new(), system: Phase::Before }
    }
}

impl<N: Name> Walk<N> {
    /// An element begins. `None` where it lies too deep.
    pub(super) fn open(&mut self, name: N) -> Option<()> {
        self.text.clear();
        let part = match (self.path.len(), self.path.last_mut()) {
            (1, _) => Part::of(&name),
            (_, Some(parent)) => {
                parent.has_children = true;
                parent.part
            }
            (_, None) => Part::Other,
        };
        self.path.push(Open { name, part, label: None, has_children: false });
        (self.path.len() <= MAX_DEPTH).then_some(())
    }

    /// An attribute of the element that just began.
    pub(super) fn attribute(&mut self, name: &N, value: String) {
        let depth = self.path.len();
        let Some(open) = self.path.last_mut() else { return };
        let event = &mut self.event;
        match open.part {
            Part::System if depth == 3 && open.name.is("Provider") => {
                let is_fallback = name.is("EventSourceName") && event.provider.is_empty();
                if is_fallback || name.is("Name") && !value.is_empty() {
                    event.provider = value;
                }
            }
            Part::System if depth == 3 && open.name.is("TimeCreated") && name.is("SystemTime") => {
                event.time = utc(&value);
            }
            Part::System if depth == 3 && open.name.is("Security") && name.is("UserID") => {
                event.user = Some(value).filter(|user| !user.is_empty());
            }
            Part::EventData | Part::UserData if name.is("Name") && !value.is_empty() => {
                open.label = Some(value);
            }
            _ => {}
        }
    }

    /// Whether an attribute called `name` of the element that just began would be looked at.
    pub(super) fn wants_attribute(&self, name: &N) -> bool {
        match self.path.last().map(|open| open.part) {
            Some(Part::System) => {
                ["Name", "SystemTime", "UserID", "EventSourceName"].iter().any(|own| name.is(own))
            }
            Some(Part::EventData | Part::UserData) => name.is("Name"),
            _ => false,
        }
    }

    /// Whether the text of the innermost element would be looked at.
    pub(super) fn wants_text(&self) -> bool {
        const SYSTEM: [&str; 5] = ["EventID", "Level", "EventRecordID", "Channel", "Computer"];
        self.path.last().is_some_and(|open| match open.part {
            Part::System => SYSTEM.iter().any(|name| open.name.is(name)),
            Part::EventData | Part::UserData | Part::RenderingInfo => true,
            Part::Other => false,
        })
    }

    /// The time of the event, where it need not be read from text.
    pub(super) fn set_time(&mut self, time: Option<Timestamp>) {
        self.event.time = time;
    }

    /// Whether the element that just began holds the time of the event.
    pub(super) fn is_time(&self) -> bool {
        self.path.last().is_some_and(|open| open.part == Part::System && open.name.is("TimeCreated"))
    }

    /// The text of the innermost element, to add to.
    pub(super) fn text(&mut self) -> &mut String {
        &mut self.text
    }

    /// The innermost element ends.
    pub(super) fn close(&mut self) {
        let depth = self.path.len();
        let Some(open) = self.path.pop() else { return };
        match (depth, open.part) {
            (2, Part::System) => self.system = Phase::Ended,
            (3, Part::System) => self.take_system(&open.name),
            (3, Part::RenderingInfo) if open.name.is("Message") => {
                self.event.message = Some(self.text.trim().to_owned()).filter(|text| !text.is_empty());
            }
            (3.., Part::EventData) | (4.., Part::UserData) => self.take_field(open),
            // A wrapper without children is the payload itself, if it says anything.
            (3, Part::UserData) if !self.text.trim().is_empty() => self.take_field(open),
            _ => {}
        }
        self.text.clear();
    }

    /// The event; `None` where it has no provider or no id.
    pub(super) fn finish(self) -> Option<Reading> {
        self.is_known().then_some(self.event)
    }

    fn is_known(&self) -> bool {
        self.has_id && !self.event.provider.is_empty()
    }

    /// Whether `System` has ended; true once.
    fn has_ended_system(&mut self) -> bool {
        let ended = self.system == Phase::Ended;
        if ended {
            self.system = Phase::Behind;
        }
        ended
    }

    fn take_system(&mut self, name: &N) {
        let Self { event, text, .. } = self;
        let text = text.trim();
        if name.is("EventID") {
            let id = text.parse::<u32>();
            self.has_id = id.is_ok();
            // The high half holds the qualifiers, where an exporter did not split them off.
            event.id = id.unwrap_or_default() & 0xffff;
        } else if name.is("Channel") {
            event.channel = Some(text.to_owned()).filter(|text| !text.is_empty());
        } else if name.is("Computer") {
            text.clone_into(&mut event.computer);
        } else if name.is("EventRecordID") {
            event.record = text.parse().ok();
        } else if name.is("Level") {
            event.level = text.parse().ok();
        }
    }

    /// Takes a value of the payload; an element that only holds others is none. A value of nothing but blanks
    /// is what indenting made of an empty one.
    fn take_field(&mut self, open: Open<N>) {
        if open.has_children {
            return;
        }
        let name = open.label.or_else(|| (!open.name.is("Data")).then(|| open.name.to_text()));
        let value = std::mem::take(&mut self.text);
        let value = if value.trim().is_empty() { String::new() } else { value };
        self.event.fields.push(Field { name, value });
    }
}

impl Part {
    /// The part that an element `name` of `Event` is.
    fn of(name: &impl Name) -> Self {
        const PARTS: [(&str, Part); 4] = [
            ("System", Part::System),
            ("EventData", Part::EventData),
            ("UserData", Part::UserData),
            ("RenderingInfo", Part::RenderingInfo),
        ];
        PARTS.iter().find(|(own, _)| name.is(own)).map_or(Self::Other, |(_, part)| *part)
    }
}

impl Walk<String> {
    fn open_tag(&mut self, tag: &BytesStart<'_>) -> Option<()> {
        self.open(tag.local_name().as_ref().to_owned())?;
        for attribute in tag.attributes().flatten() {
            let name = attribute.key.as_ref().to_owned();
            if self.wants_attribute(&name)
                && let Ok(value) = quick_xml::escape::unescape(&attribute.value)
            {
                self.attribute(&name, Cow::into_owned(value));
            }
        }
        Some(())
    }
}

/// What `&lt;` and its like stand for; what can't be resolved costs its character and not the whole.
pub(super) fn referred(reference: &BytesRef<'_>) -> char {
    match &**reference {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => reference.resolve_char_ref().ok().flatten().unwrap_or(char::REPLACEMENT_CHARACTER),
    }
}

/// `SystemTime`: UTC in every form, also where the `Z` is lacking. The year 1601 means that nothing was
/// stated.
fn utc(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let time: Timestamp = text.parse().or_else(|_| format!("{text}Z").parse()).ok()?;
    (time.as_second() > FIRST_SECOND).then_some(time)
}

/// The beginning of 1602.
const FIRST_SECOND: i64 = -11_612_937_600;

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(xml: &str) -> Option<Reading> {
        read(xml, |_| true).map(|(event, _)| event)
    }

    fn event(system: &str, rest: &str) -> Option<Reading> {
        let provider = r#"<Provider Name="P" EventSourceName="Q"/>"#;
        read_all(&format!(r#"<Event xmlns="e"><System>{provider}{system}</System>{rest}</Event>"#))
    }

    fn fields(rest: &str) -> Vec<(Option<String>, String)> {
        let event = event("<EventID>1</EventID>", rest).unwrap();
        event.fields.into_iter().map(|field| (field.name, field.value)).collect()
    }

    fn named(name: &str, value: &str) -> (Option<String>, String) {
        (Some(name.into()), value.into())
    }

    #[test]
    fn an_event_has_an_id_and_qualifiers_are_no_part_of_it() {
        assert_eq!(event(r#"<EventID Qualifiers="16384">7036</EventID>"#, "").unwrap().id, 7036);
        assert_eq!(event("<EventID>1073748860</EventID>", "").unwrap().id, 7036);
        assert_eq!(event("<EventID></EventID>", ""), None);
        assert_eq!(event("", ""), None);
        assert_eq!(read_all("<Event><System><EventID>1</EventID></System></Event>"), None);
    }

    #[test]
    fn an_audit_keeps_only_values_of_attributes_that_exports_keep_too() {
        let audit = |data: &str| {
            let system = r#"<System><Provider Name="Microsoft-Windows-Security-Auditing"/><EventID>5136</EventID></System>"#;
            let message = "<RenderingInfo><Message>Value: 123456-key</Message></RenderingInfo>";
            let xml = format!("<Event>{system}<EventData>{data}</EventData>{message}</Event>");
            let event = read_all(&xml).unwrap().into_event(1, Timestamp::UNIX_EPOCH);
            let values: Vec<_> = event.fields.into_iter().map(|field| field.value).collect();
            (values.join(" "), event.message)
        };
        let of = |attribute: &str| {
            audit(&format!(
                r#"<Data Name="AttributeLDAPDisplayName">{attribute}</Data><Data Name="AttributeValue">123456-key</Data>"#
            ))
        };
        let withheld = "msFVE-RecoveryPassword (withheld)".to_owned();
        assert_eq!(of("msFVE-RecoveryPassword"), (withheld, None));
        assert_eq!(of("MSDS-allowedToDelegateTo").0, "MSDS-allowedToDelegateTo 123456-key");
        assert!(of("servicePrincipalName").1.is_some());
        assert_eq!(audit("<Data>123456-key</Data>"), ("(withheld)".to_owned(), None));
    }

    #[test]
    fn the_event_source_names_a_provider_without_a_name() {
        let xml = r#"<Event><System><Provider EventSourceName="Q"/><EventID>1</EventID></System></Event>"#;
        assert_eq!(read_all(xml).unwrap().provider, "Q");
    }

    #[test]
    fn what_stands_for_nothing_is_absent() {
        let system = r#"<EventID>1</EventID><Level/><Channel></Channel><TimeCreated SystemTime="1601-01-01T00:00:00Z"/><Security UserID=""/>"#;
        let event = event(system, "").unwrap();
        assert_eq!((event.level, event.channel, event.time, event.user), (None, None, None, None));
    }

    #[test]
    fn references_and_binary_data_are_values() {
        let data = "<EventData><Data Name='A'>&lt;&#x41;&amp;b&gt;</Data><Data Name=''>x</Data><Binary>00FF</Binary></EventData>";
        assert_eq!(fields(data), [named("A", "<A&b>"), (None, "x".into()), named("Binary", "00FF")]);
    }

    #[test]
    fn nested_values_are_laid_out_in_their_order() {
        let data = "<UserData><e:X xmlns:e='n'><e:A>1</e:A><B><C>2</C><D/></B> <E>3</E></e:X></UserData>";
        assert_eq!(fields(data), [named("A", "1"), named("C", "2"), named("D", ""), named("E", "3")]);
        assert_eq!(fields("<UserData><X>text</X></UserData>"), [named("X", "text")]);
        assert_eq!(fields("<UserData><X/></UserData>"), []);
    }

    #[test]
    fn the_year_1601_states_nothing() {
        assert_eq!(utc("1602-01-01T00:00:01Z").map(Timestamp::as_second), Some(FIRST_SECOND + 1));
        assert_eq!(utc("1601-06-01T00:00:00Z"), None);
    }

    #[test]
    fn the_message_of_a_forwarded_event_is_kept() {
        let rest = "<RenderingInfo Culture='de-DE'><Message>Die Livemigration ist fehlgeschlagen.</Message><Level>Fehler</Level></RenderingInfo>";
        let event = event("<EventID>1</EventID><Level>2</Level>", rest).unwrap();
        assert_eq!(
            (event.message.as_deref(), event.level),
            (Some("Die Livemigration ist fehlgeschlagen."), Some(2))
        );
        assert!(event.fields.is_empty());
    }
}
