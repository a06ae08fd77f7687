//! Finds who wrote a record, when and under which number, without decoding the record.
//!
//! Nearly every record is an instance of a template: BinXML with numbered gaps, defined once a chunk, and
//! then the values for the gaps. The `System` part of a definition is read once; it tells which value, or
//! which literal, is the provider, the event id and so on. The few records without a template spell
//! everything out, and the same reader walks them. What is *not* done here: payloads, and shapes that
//! Windows does not write; a record that can't be read here is left to [`super::decode`].
//! The format is [MS-EVEN6] 2.2.12 onwards, with the offsets of names and definitions relative to the chunk.

use std::borrow::Cow;
use std::collections::HashMap;

use jiff::Timestamp;

use super::bytes::{array_at, filetime, offset_at, stated, text, u16_at, units};
use super::chunk::{Frame, RECORD_HEADER};

/// Fragment header and the token of a template instance.
const INSTANCE: [u8; 6] = [0x0f, 1, 1, 0, 0x0c, 1];
/// Offset of the next definition, GUID and size.
const DEFINITION_HEADER: usize = 24;
/// `System` lies two elements deep; anything this deep before it is no event.
const DEEPEST: usize = 16;

/// What a record says about itself.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct System<'a> {
    /// `Provider/@Name`.
    pub(super) provider: Cow<'a, str>,
    /// `EventID`.
    pub(super) id: u32,
    /// `Channel`, where there is one.
    pub(super) channel: Option<Cow<'a, str>>,
    /// `Computer`; empty where there is none.
    pub(super) computer: Cow<'a, str>,
    /// `EventRecordID`, else the id in the record's frame.
    pub(super) record: u64,
    /// `TimeCreated`, else the time in the record's frame.
    pub(super) time: Option<Timestamp>,
}

/// Reads the `System` parts of one chunk's records; remembers the definitions met.
pub(super) struct Reader<'a> {
    data: &'a [u8],
    definitions: HashMap<usize, Option<Shape>>,
    /// The shape of the last record without a template.
    own: Shape,
}

impl<'a> Reader<'a> {
    /// A reader of the records of the chunk `data`.
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, definitions: HashMap::new(), own: Shape::default() }
    }

    /// The `System` part of `frame`'s record; `None` where its shape is unusual.
    pub(super) fn system(&mut self, frame: &Frame) -> Option<System<'_>> {
        let start = frame.at + RECORD_HEADER;
        if array_at(self.data, start)? != INSTANCE {
            self.own = Shape::read(self.data, start, frame.end, false)?;
            return resolve(&self.own, &Values::default(), frame);
        }
        // The six bytes above, then the id of the template, then where it is defined.
        let definition = offset_at(self.data, start + 10)?;
        let mut at = start + 14;
        if definition == at {
            at += DEFINITION_HEADER + offset_at(self.data, definition + 20)?;
        }
        let data = self.data;
        let shape = self
            .definitions
            .entry(definition)
            .or_insert_with(|| Shape::defined(data, definition))
            .as_ref()?;
        resolve(shape, &Values::read(data, at, frame.end)?, frame)
    }
}

fn resolve<'s>(shape: &'s Shape, values: &Values<'_>, frame: &Frame) -> Option<System<'s>> {
    let id = shape.id.number(values)?;
    let time = shape.time.time(values)?.or_else(|| filetime(frame.written));
    let record = if shape.record == Slot::Absent { None } else { Some(shape.record.number(values)?) };
    Some(System {
        provider: shape.provider.text(values)??,
        id: u32::try_from(id & 0xffff).ok()?,
        channel: shape.channel.text(values)?.filter(|channel| !channel.is_empty()),
        computer: shape.computer.text(values)?.unwrap_or_default(),
        record: record.unwrap_or(frame.id),
        time,
    })
}

/// The values of a template instance: descriptors (size, type) and then the bytes.
#[derive(Default)]
struct Values<'a> {
    descriptors: &'a [u8],
    bytes: &'a [u8],
}

impl<'a> Values<'a> {
    fn read(data: &'a [u8], at: usize, end: usize) -> Option<Self> {
        let count = offset_at(data, at)?;
        let rest = data.get(at.checked_add(4)?..end)?;
        let (descriptors, bytes) = rest.split_at_checked(count.checked_mul(4)?)?;
        Some(Self { descriptors, bytes })
    }

    /// The type and the bytes of value `index`.
    fn value(&self, index: u16) -> Option<(u8, &'a [u8])> {
        let (before, from) = self.descriptors.split_at_checked(usize::from(index) * 4)?;
        let size = |descriptor: &[u8; 4]| usize::from(u16::from_le_bytes([descriptor[0], descriptor[1]]));
        let start = before.as_chunks().0.iter().map(size).sum::<usize>();
        let descriptor = from.first_chunk()?;
        Some((descriptor[2], self.bytes.get(start..)?.get(..size(descriptor))?))
    }
}

/// Where one of the values that matter stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Slot {
    #[default]
    Absent,
    Literal(String),
    Value(u16),
}

impl Slot {
    /// The text, `Some(None)` where it is absent, `None` where it is of a type that is not expected here.
    fn text(&self, values: &Values<'_>) -> Option<Option<Cow<'_, str>>> {
        match self {
            Self::Absent => Some(None),
            Self::Literal(literal) => Some(Some(Cow::Borrowed(literal))),
            Self::Value(index) => match values.value(*index)? {
                (0x00, _) => Some(None),
                (0x01, bytes) => Some(Some(Cow::Owned(text(bytes)))),
                _ => None,
            },
        }
    }

    fn number(&self, values: &Values<'_>) -> Option<u64> {
        let Self::Value(index) = self else {
            return self.text(values)??.trim().parse().ok();
        };
        match values.value(*index)? {
            (0x01, bytes) => text(bytes).trim().parse().ok(),
            // Unsigned integers of one to eight bytes.
            (0x04 | 0x06 | 0x08 | 0x0a, bytes) if bytes.len() <= 8 => {
                Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
            }
            _ => None,
        }
    }

    /// The time, `Some(None)` where none is stated.
    fn time(&self, values: &Values<'_>) -> Option<Option<Timestamp>> {
        if let Self::Value(index) = self
            && let (0x11, bytes) = values.value(*index)?
        {
            return Some(filetime(u64::from_le_bytes(*bytes.first_chunk()?)));
        }
        Some(self.text(values)?.and_then(|time| time.trim().parse().ok()).and_then(stated))
    }
}

/// Where a template, or a record without one, keeps the values that matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Shape {
    provider: Slot,
    id: Slot,
    channel: Slot,
    computer: Slot,
    record: Slot,
    time: Slot,
}

/// The elements on the way to the values, and the values themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    System,
    Provider,
    Id,
    Channel,
    Computer,
    Record,
    Time,
    Other,
}

impl Shape {
    /// The shape of the template defined at `definition`.
    fn defined(data: &[u8], definition: usize) -> Option<Self> {
        let start = definition.checked_add(DEFINITION_HEADER)?;
        let end = start.checked_add(offset_at(data, definition + 20)?)?;
        Self::read(data, start, end, true)
    }

    /// Reads BinXML up to the end of its `System` element. Elements of a definition (`dependent`) name the
    /// value without which they are left out.
    fn read(data: &[u8], start: usize, end: usize, dependent: bool) -> Option<Self> {
        let mut tokens = Tokens { data, at: start, end: end.min(data.len()) };
        let mut shape = Self::default();
        let mut path: Vec<Name> = Vec::new();
        // Where the next value goes; attributes and elements that do not matter have none.
        let mut target = Name::Other;
        loop {
            match tokens.byte()? {
                0x0f => tokens.skip(3)?,
                token @ (0x01 | 0x41) => {
                    tokens.skip(if dependent { 6 } else { 4 })?;
                    path.push(element(path.len(), tokens.name()?));
                    tokens.skip(if token == 0x41 { 4 } else { 0 })?;
                }
                0x06 | 0x46 => target = attribute(*path.last()?, tokens.name()?),
                0x02 => target = content(*path.last()?),
                0x03 => drop(path.pop()?),
                0x04 => {
                    if path.pop()? == Name::System {
                        return Some(shape);
                    }
                    target = Name::Other;
                }
                0x05 | 0x45 => shape.literal(target, tokens.string()?)?,
                0x0d | 0x0e => shape.value(target, tokens.substitution()?)?,
                _ => return None,
            }
            if path.len() > DEEPEST {
                return None;
            }
        }
    }

    fn slot(&mut self, name: Name) -> Option<&mut Slot> {
        match name {
            Name::Provider => Some(&mut self.provider),
            Name::Id => Some(&mut self.id),
            Name::Channel => Some(&mut self.channel),
            Name::Computer => Some(&mut self.computer),
            Name::Record => Some(&mut self.record),
            Name::Time => Some(&mut self.time),
            Name::System | Name::Other => None,
        }
    }

    fn literal(&mut self, target: Name, bytes: &[u8]) -> Option<()> {
        match self.slot(target) {
            None => {}
            Some(slot @ Slot::Absent) => *slot = Slot::Literal(text(bytes)),
            Some(Slot::Literal(literal)) => literal.push_str(&text(bytes)),
            Some(Slot::Value(_)) => return None,
        }
        Some(())
    }

    fn value(&mut self, target: Name, index: u16) -> Option<()> {
        match self.slot(target) {
            None => {}
            Some(slot @ Slot::Absent) => *slot = Slot::Value(index),
            Some(_) => return None,
        }
        Some(())
    }
}

/// The element called `name` under `depth` others.
fn element(depth: usize, name: &[u8]) -> Name {
    const INSIDE: [(&str, Name); 6] = [
        ("Provider", Name::Provider),
        ("EventID", Name::Id),
        ("Channel", Name::Channel),
        ("Computer", Name::Computer),
        ("EventRecordID", Name::Record),
        ("TimeCreated", Name::Time),
    ];
    match depth {
        1 if is(name, "System") => Name::System,
        2 => INSIDE.iter().find(|(own, _)| is(name, own)).map_or(Name::Other, |(_, found)| *found),
        _ => Name::Other,
    }
}

/// The value that an attribute of `element` holds.
fn attribute(element: Name, name: &[u8]) -> Name {
    match element {
        Name::Provider if is(name, "Name") => Name::Provider,
        Name::Time if is(name, "SystemTime") => Name::Time,
        _ => Name::Other,
    }
}

/// The value that the text of `element` holds.
fn content(element: Name) -> Name {
    match element {
        Name::Id | Name::Channel | Name::Computer | Name::Record => element,
        _ => Name::Other,
    }
}

fn is(name: &[u8], text: &str) -> bool {
    units(name).eq(text.encode_utf16())
}

/// BinXML, token by token.
struct Tokens<'a> {
    /// The whole chunk: names can stand anywhere in it.
    data: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Tokens<'a> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.data.get(self.at)?;
        self.skip(1)?;
        Some(byte)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count).filter(|at| *at <= self.end)?;
        Some(())
    }

    /// The units of a name. Names are stored once a chunk, where they are used first: the offset of the
    /// next of their bucket, a hash, the count of units, the units, NUL.
    fn name(&mut self) -> Option<&'a [u8]> {
        let offset = offset_at(self.data, self.at)?;
        self.skip(4)?;
        let size = usize::from(u16_at(self.data, offset.checked_add(6)?)?) * 2;
        if offset == self.at {
            self.skip(8 + size + 2)?;
        }
        self.data.get(offset + 8..)?.get(..size)
    }

    /// The units of a literal; literals are always strings.
    fn string(&mut self) -> Option<&'a [u8]> {
        if self.byte()? != 0x01 {
            return None;
        }
        let size = usize::from(u16_at(self.data, self.at)?) * 2;
        self.skip(2)?;
        let bytes = self.data.get(self.at..)?.get(..size)?;
        self.skip(size)?;
        Some(bytes)
    }

    /// The number of the value that stands here; its type is stated again with the value.
    fn substitution(&mut self) -> Option<u16> {
        let index = u16_at(self.data, self.at)?;
        self.skip(3)?;
        Some(index)
    }
}
