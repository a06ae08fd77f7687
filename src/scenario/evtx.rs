//! Writes event logs (`.evtx`) as Windows does, for fixtures: no public log holds the events of a Hyper-V host.
//!
//! [`write_log`] writes template instances: providers with a GUID name themselves in the template and keep
//! 20 values, classic ones are values 14 and 16 of 18, as in real logs; the payload is BinXML of its own in
//! the last value. [`write_text_log`] writes the other form that real logs hold, records without a template
//! in which everything is text. What is *not* done here: damage, which tests add to the bytes, and types
//! other than text in payloads. The format is [MS-EVEN6] 2.2.12 onwards.

use std::borrow::Borrow;

use jiff::Timestamp;

mod binxml;
mod chunk;

use binxml::{Content, Element, Fragment, Part, Value, sid};
use chunk::Chunk;

/// An event to write.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// `Provider/@Name`.
    pub provider: String,
    /// `Provider/@Guid`, in braces; classic providers have none.
    pub guid: Option<String>,
    /// `EventID`.
    pub id: u16,
    /// `EventID/@Qualifiers`, of classic events.
    pub qualifiers: Option<u16>,
    /// `Version`.
    pub version: u8,
    /// `Level`: 1 critical, 2 error, 3 warning, 4 information.
    pub level: u8,
    /// `Task`.
    pub task: u16,
    /// `Opcode`.
    pub opcode: u8,
    /// `Keywords`.
    pub keywords: u64,
    /// `TimeCreated`, in steps of 100 ns.
    pub time: Timestamp,
    /// `EventRecordID`.
    pub record: u64,
    /// `Channel`.
    pub channel: String,
    /// `Computer`.
    pub computer: String,
    /// `Security/@UserID`: a SID as text. Anything else is left out.
    pub user: Option<String>,
    /// The values.
    pub payload: Payload,
}

/// The two shapes in which Windows stores values.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// `EventData/Data`, named or (classic events) unnamed.
    EventData(Vec<(Option<String>, String)>),
    /// `UserData/<element xmlns=namespace>` with one child a value.
    UserData {
        /// The child of `UserData`.
        element: String,
        /// Its namespace.
        namespace: String,
        /// Name and value of its children.
        fields: Vec<(String, String)>,
    },
}

/// Writes records (in the order given) as one log.
///
/// A record that is larger than a chunk, which Windows never writes, loses its payload.
#[must_use]
pub fn write_log(records: &[Record]) -> Vec<u8> {
    write(records, Form::Template)
}

/// Writes records that are made meanwhile, since a large log's would not fit into memory. Numbers and SIDs of their
/// payloads are stored in types of their own, as in Security logs, and not as text.
#[must_use]
pub fn write_stream(records: impl Iterator<Item = Record>) -> Vec<u8> {
    write(records, Form::Typed)
}

/// Writes records without templates, in which every value is text, as some forwarded events are stored.
#[must_use]
pub fn write_text_log(records: &[Record]) -> Vec<u8> {
    write(records, Form::Text)
}

/// How a record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A template with values, those of the payload as text.
    Template,
    /// A template with values in types of their own.
    Typed,
    /// Everything spelt out, as text.
    Text,
}

fn write(records: impl IntoIterator<Item: Borrow<Record>>, form: Form) -> Vec<u8> {
    // The header is known last.
    let mut log = vec![0; HEADER];
    let mut chunks = 0_u64;
    let mut last = 0;
    let mut chunk = Chunk::new(1);
    for (number, record) in (1..).zip(records) {
        let record = record.borrow();
        last = last.max(record.record);
        let written = filetime(record.time);
        let event = event(record, form);
        if chunk.append(record.record, written, &event) {
            continue;
        }
        if !chunk.is_empty() {
            log.extend(std::mem::replace(&mut chunk, Chunk::new(number)).finish());
            chunks += 1;
        }
        if !chunk.append(record.record, written, &event) {
            let bare = Record { payload: Payload::EventData(Vec::new()), ..record.clone() };
            chunk.append(record.record, written, &self::event(&bare, form));
        }
    }
    if !chunk.is_empty() || chunks == 0 {
        log.extend(chunk.finish());
        chunks += 1;
    }
    log.splice(..HEADER, header(chunks, last.saturating_add(1)));
    log
}

/// Bytes of the header of the file.
const HEADER: usize = 4096;

/// The header of the file: 128 bytes that say something, and zeros up to the first chunk.
fn header(chunks: u64, next_record: u64) -> Vec<u8> {
    let mut header = b"ElfFile\0".to_vec();
    header.extend(0_u64.to_le_bytes());
    header.extend((chunks - 1).to_le_bytes());
    header.extend(next_record.to_le_bytes());
    header.extend(128_u32.to_le_bytes());
    // Version 3.1, the bytes before the first chunk, and a count of chunks that wraps at 16 bits.
    [1, 3, 4096, (chunks & 0xffff) as u16].iter().for_each(|number| header.extend(number.to_le_bytes()));
    header.resize(120, 0);
    let checksum = crc32fast::hash(&header);
    header.extend(0_u32.to_le_bytes());
    header.extend(checksum.to_le_bytes());
    header.resize(HEADER, 0);
    header
}

/// 100 ns steps since 1601; earlier times become zero.
fn filetime(time: Timestamp) -> u64 {
    u64::try_from(time.as_nanosecond() / 100 + 116_444_736_000_000_000).unwrap_or_default()
}

/// Collects the values of a template while its elements are built; without a template they stay in place.
struct Slots {
    form: Form,
    values: Vec<Value>,
}

impl Slots {
    /// The part that stands for `value`, which is number `index` of the template's values.
    fn part(&mut self, index: u16, value: Value) -> Part {
        if self.form == Form::Text {
            return value.into_part();
        }
        let kind = value.kind();
        let place = usize::from(index);
        if self.values.len() <= place {
            self.values.resize_with(place + 1, || Value::Null(0));
        }
        if let Some(slot) = self.values.get_mut(place) {
            *slot = value;
        }
        Part::Value { index, kind }
    }

    fn element(&mut self, name: &str, index: u16, value: Value) -> Element {
        Element::new(name).holding(self.part(index, value))
    }
}

/// The `Event` element of `record`, and its values.
fn event(record: &Record, form: Form) -> Fragment {
    let mut slots = Slots { form, values: Vec::new() };
    let system = system(record, &mut slots);
    let index = if record.guid.is_some() { 19 } else { 17 };
    let payload = match &record.payload {
        Payload::EventData(values) => {
            let payload = event_data(values, form);
            slots.fragment(index, payload)
        }
        Payload::UserData { element, namespace, fields } => {
            let payload = user_data(element, namespace, fields, form);
            let mut user_data = Element::new("UserData");
            user_data.content.push(slots.fragment(index, payload));
            Content::Elements(vec![user_data])
        }
    };
    let mut event = Element::new("Event")
        .attribute("xmlns", Part::Text("http://schemas.microsoft.com/win/2004/08/events/event".into()));
    event.content = vec![Content::Elements(vec![system]), payload];
    Fragment { element: event, values: slots.values, is_template: form != Form::Text }
}

impl Slots {
    /// A payload: a value of its own in a template, its element in place without one.
    fn fragment(&mut self, index: u16, payload: Fragment) -> Content {
        match self.form {
            Form::Text => Content::Elements(vec![payload.element]),
            Form::Template | Form::Typed => {
                Content::Part(self.part(index, Value::Fragment(Box::new(payload))))
            }
        }
    }
}

fn system(record: &Record, slots: &mut Slots) -> Element {
    let provider = Element::new("Provider");
    let (provider, channel) = match &record.guid {
        Some(guid) => (
            provider
                .attribute("Name", Part::Text(record.provider.clone()))
                .attribute("Guid", Part::Text(guid.clone())),
            Element::new("Channel").holding(Part::Text(record.channel.clone())),
        ),
        None => (
            provider.attribute("Name", slots.part(14, Value::Text(record.provider.clone()))),
            slots.element("Channel", 16, Value::Text(record.channel.clone())),
        ),
    };
    let qualifiers = record.qualifiers.map_or(Value::Null(0x06), Value::U16);
    let user = record.user.as_deref().and_then(sid).map_or(Value::Null(0x13), Value::Sid);
    let mut children = vec![
        provider,
        slots.element("EventID", 3, Value::U16(record.id)).attribute("Qualifiers", slots.part(4, qualifiers)),
        slots.element("Version", 11, Value::U8(record.version)),
        slots.element("Level", 0, Value::U8(record.level)),
        slots.element("Task", 2, Value::U16(record.task)),
        slots.element("Opcode", 1, Value::U8(record.opcode)),
        slots.element("Keywords", 5, Value::Hex64(record.keywords)),
        Element::new("TimeCreated")
            .attribute("SystemTime", slots.part(6, Value::Time(filetime(record.time)))),
        slots.element("EventRecordID", 10, Value::U64(record.record)),
        Element::new("Execution")
            .attribute("ProcessID", slots.part(8, Value::U32(4)))
            .attribute("ThreadID", slots.part(9, Value::U32(8))),
        channel,
        Element::new("Computer").holding(Part::Text(record.computer.clone())),
        Element::new("Security").attribute("UserID", slots.part(12, user)),
    ];
    // What stands nowhere is null in a template and missing without one.
    children.iter_mut().for_each(Element::drop_empty_attributes);
    Element::new("System").with(children)
}

/// `EventData`: classic, unnamed values are one array, which readers spread over as many elements.
fn event_data(values: &[(Option<String>, String)], form: Form) -> Fragment {
    let mut slots = Slots { form, values: Vec::new() };
    let is_classic =
        form != Form::Text && !values.is_empty() && values.iter().all(|(name, _)| name.is_none());
    let children = if is_classic {
        let texts = values.iter().map(|(_, value)| value.clone()).collect();
        vec![slots.element("Data", 0, Value::Texts(texts))]
    } else {
        let data = |(index, (name, value)): (u16, &(Option<String>, String))| {
            let value = if form == Form::Typed { Value::of(value) } else { Value::Text(value.clone()) };
            let data = slots.element("Data", index, value);
            match name {
                Some(name) => data.attribute("Name", Part::Text(name.clone())),
                None => data,
            }
        };
        (0..).zip(values).map(data).collect()
    };
    Fragment {
        element: Element::new("EventData").with(children),
        values: slots.values,
        is_template: form != Form::Text,
    }
}

/// The child of `UserData`.
fn user_data(element: &str, namespace: &str, fields: &[(String, String)], form: Form) -> Fragment {
    let mut slots = Slots { form, values: Vec::new() };
    let child = |(index, (name, value)): (u16, &(String, String))| {
        slots.element(name, index, Value::Text(value.clone()))
    };
    let children = (0..).zip(fields).map(child).collect();
    Fragment {
        element: Element::new(element).attribute("xmlns", Part::Text(namespace.to_owned())).with(children),
        values: slots.values,
        is_template: form != Form::Text,
    }
}

#[cfg(test)]
mod tests;
