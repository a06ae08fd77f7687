//! The XML of one event, as exports hold it and as the `evtx` crate renders a record, to an event.
//!
//! XML and not JSON: it alone keeps the order of the payload's fields, and fields of one name apart. Both ways
//! into the program meet here, so that an event says the same whichever way it came.

use std::borrow::Cow;

use jiff::Timestamp;
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event as Token};

use crate::fact::{Event, Field};

/// How deep elements may lie in one another.
const MAX_DEPTH: usize = 64;

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
        Event { provider, id, channel, computer, time, record, level, user, fields, message }
    }
}

/// Reads one event, and whether `wants` it: an event that it does not is read no further than its `System`
/// part. `None` where it is no event with a provider and an id.
pub(super) fn read(xml: &str, wants: impl Fn(&Reading) -> bool) -> Option<(Reading, bool)> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().allow_dangling_amp = true;
    let mut walk = Walk::default();
    loop {
        match reader.read_event().ok()? {
            Token::Start(tag) => walk.open(&tag)?,
            Token::Empty(tag) => {
                walk.open(&tag)?;
                walk.close();
            }
            Token::End(_) => walk.close(),
            Token::Text(text) => walk.text.push_str(&text),
            Token::CData(text) => walk.text.push_str(&text),
            Token::GeneralRef(reference) => walk.refer(&reference),
            Token::Eof => break,
            _ => {}
        }
        if walk.has_ended_system() && walk.is_known() && !wants(&walk.event) {
            return Some((walk.event, false));
        }
    }
    walk.is_known().then_some((walk.event, true))
}

#[derive(Default)]
struct Walk {
    event: Reading,
    has_id: bool,
    /// The open elements.
    path: Vec<Open>,
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

struct Open {
    name: String,
    /// `Data/@Name`.
    label: Option<String>,
    has_children: bool,
}

impl Open {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Walk {
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

    fn open(&mut self, tag: &BytesStart<'_>) -> Option<()> {
        if let Some(parent) = self.path.last_mut() {
            parent.has_children = true;
        }
        self.text.clear();
        let name = tag.local_name().as_ref().to_owned();
        let label = attribute(tag, "Name").filter(|label| !label.is_empty());
        self.path.push(Open { name, label, has_children: false });
        let Self { event, path, .. } = self;
        match place(path) {
            (3, "System", "Provider") => {
                let name = attribute(tag, "Name").or_else(|| attribute(tag, "EventSourceName"));
                event.provider = name.unwrap_or_default();
            }
            (3, "System", "TimeCreated") => {
                event.time = attribute(tag, "SystemTime").and_then(|time| utc(&time))
            }
            (3, "System", "Security") => {
                event.user = attribute(tag, "UserID").filter(|user| !user.is_empty())
            }
            _ => {}
        }
        (self.path.len() <= MAX_DEPTH).then_some(())
    }

    fn close(&mut self) {
        let text = std::mem::take(&mut self.text);
        match place(&self.path) {
            (2, "System", _) => self.system = Phase::Ended,
            (3, "System", _) => self.take_system(&text),
            (3, "RenderingInfo", "Message") => {
                self.event.message = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
            }
            (3.., "EventData", _) | (4.., "UserData", _) => self.take_field(text),
            // A wrapper without children is the payload itself, if it says anything.
            (3, "UserData", _) if !text.trim().is_empty() => self.take_field(text),
            _ => {}
        }
        self.path.pop();
    }

    fn take_system(&mut self, text: &str) {
        let text = text.trim();
        match place(&self.path).2 {
            "EventID" => {
                let id = text.parse::<u32>();
                self.has_id = id.is_ok();
                // The high half holds the qualifiers, where an exporter did not split them off.
                self.event.id = id.unwrap_or_default() & 0xffff;
            }
            "Channel" => self.event.channel = Some(text.to_owned()).filter(|text| !text.is_empty()),
            "Computer" => text.clone_into(&mut self.event.computer),
            "EventRecordID" => self.event.record = text.parse().ok(),
            "Level" => self.event.level = text.parse().ok(),
            _ => {}
        }
    }

    /// Takes a value of the payload; an element that only holds others is none. A value of nothing but blanks
    /// is what indenting made of an empty one.
    fn take_field(&mut self, value: String) {
        let Some(open) = self.path.last().filter(|open| !open.has_children) else { return };
        let name = open.label.clone().or_else(|| (open.name != "Data").then(|| open.name.clone()));
        let value = if value.trim().is_empty() { String::new() } else { value };
        self.event.fields.push(Field { name, value });
    }

    /// Takes `&lt;` and its like; what can't be resolved costs its character and not the event.
    fn refer(&mut self, reference: &BytesRef<'_>) {
        let char = match &**reference {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            _ => reference.resolve_char_ref().ok().flatten().unwrap_or(char::REPLACEMENT_CHARACTER),
        };
        self.text.push(char);
    }
}

/// The depth of the innermost element, the child of `Event` it stands in, and its name.
fn place(path: &[Open]) -> (usize, &str, &str) {
    (path.len(), path.get(1).map_or("", Open::name), path.last().map_or("", Open::name))
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = tag.try_get_attribute(name).ok()??;
    quick_xml::escape::unescape(&attribute.value).ok().map(Cow::into_owned)
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
