//! Finds who wrote a record, when and under which number, without decoding the record.
//!
//! Nearly every record is an instance of a template: BinXML with numbered gaps, defined once a chunk, and
//! then the values for the gaps. The `System` part of a definition is read once; it tells which value, or
//! which literal, is the provider, the event id and so on. The few records without a template spell
//! everything out, and the same reader walks them. What is *not* done here: payloads, and shapes that
//! Windows does not write; a record that can't be read here is left to [`super::decode`].

use super::binxml::{Instance, OUTLINE, Token, Tokens, Value, instance};
use super::bytes::{is_time, spells, text, ticks, u16_at, u64_at, until_nul};
use super::chunk::{Frame, RECORD_HEADER};

/// `System` lies two elements deep; anything this deep before it is no event.
const DEEPEST: usize = 16;

/// What a record says about itself. Text is UTF-16, as it stands in the chunk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct System<'a> {
    /// `Provider/@Name`.
    pub(super) provider: &'a [u8],
    /// `Channel`; empty where there is none.
    pub(super) channel: &'a [u8],
    /// `Computer`; empty where there is none.
    pub(super) computer: &'a [u8],
    /// `EventRecordID`, else the id in the record's frame.
    pub(super) record: u64,
    /// `TimeCreated`, else the time in the record's frame, as a FILETIME; zero where neither was set.
    pub(super) ticks: u64,
    /// `EventID`.
    pub(super) id: u32,
    /// What was found; see [`Name::bit`].
    found: u8,
    /// The number of its definition in the chunk, where that spells out provider, channel and computer, so that
    /// all its records have them in common.
    pub(super) fixed: Option<usize>,
}

/// Reads the `System` parts of one chunk's records; remembers the definitions met.
pub(super) struct Reader<'a> {
    data: &'a [u8],
    /// Where a template is defined, and its shape, `None` for an unusual one. A chunk has a few dozen at
    /// most, and records of a kind follow each other.
    definitions: Vec<(usize, Option<Shape<'a>>)>,
    last: usize,
}

impl<'a> Reader<'a> {
    /// A reader of the records of the chunk `data`.
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, definitions: Vec::with_capacity(32), last: 0 }
    }

    /// Reads the `System` part of `frame`'s record into `system`; `None` where its shape is unusual.
    pub(super) fn read(&mut self, frame: &Frame, system: &mut System<'a>) -> Option<()> {
        let start = frame.at + RECORD_HEADER;
        let Some(instance) = instance(self.data, start, frame.end) else {
            *system = Shape::read(&mut Tokens::new(self.data, start, frame.end))?.literals;
            return system.complete(frame);
        };
        let data = self.data;
        let is_it = |(own, _): &(usize, _)| *own == instance.definition;
        if !self.definitions.get(self.last).is_some_and(is_it) {
            self.last = self.definitions.iter().position(is_it).unwrap_or(self.definitions.len());
        }
        if self.last == self.definitions.len() {
            let mut shape =
                Tokens::defined(data, instance.definition).and_then(|mut tokens| Shape::read(&mut tokens));
            if let Some(shape) = shape.as_mut().filter(|shape| shape.is_fixed()) {
                shape.literals.fixed = Some(self.last);
            }
            self.definitions.push((instance.definition, shape));
        }
        let shape = self.definitions.get_mut(self.last)?.1.as_mut()?;
        *system = shape.literals;
        if shape.find_usual(system, data, instance).is_none() {
            shape.find(system, data, instance)?;
        }
        system.complete(frame)
    }
}

/// The values that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Name {
    Provider,
    Id,
    Channel,
    Computer,
    Record,
    Time,
}

impl Name {
    /// Its bit in [`System::found`].
    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Where a template, or a record without one, keeps the values that matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Shape<'a> {
    /// Those that it spells out.
    literals: System<'a>,
    /// Those that are values of the instance: the number of the value, ascending.
    values: Vec<(u16, Name)>,
    /// What the last record with values of the usual types looked like: nearly always the next one does too.
    usual: Option<Usual<'a>>,
}

/// Where the numbers of a record stand among its values, if it has the same `outline`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Usual<'a> {
    /// Size and type of its first values, these among them.
    outline: &'a [u8; OUTLINE],
    id: usize,
    record: usize,
    ticks: usize,
}

impl<'a> System<'a> {
    /// Takes text that stands in place.
    fn take_text(&mut self, name: Name, units: &'a [u8]) -> Option<()> {
        let units = until_nul(units);
        match name {
            // Without a name the provider is that of an attribute which only decoding reads.
            Name::Provider if units.is_empty() => return Some(()),
            Name::Provider => self.provider = units,
            Name::Channel => self.channel = units,
            Name::Computer => self.computer = units,
            Name::Id => self.id = low_half(number(units)?),
            Name::Record => self.record = number(units)?,
            Name::Time => self.ticks = text(units).trim().parse().ok().and_then(ticks).unwrap_or_default(),
        }
        self.found |= name.bit();
        Some(())
    }

    /// Takes a typed value; `None` where it is of a type that is not expected there.
    fn take_value(&mut self, name: Name, value: &Value<'a>) -> Option<()> {
        match (name, value.kind) {
            (_, 0x00) => return Some(()),
            (_, 0x01) => return self.take_text(name, value.bytes),
            (Name::Id, 0x04 | 0x06 | 0x08 | 0x0a) => self.id = low_half(unsigned(value.bytes)?),
            (Name::Record, 0x04 | 0x06 | 0x08 | 0x0a) => self.record = unsigned(value.bytes)?,
            (Name::Time, 0x11) => self.ticks = unsigned(value.bytes)?,
            _ => return None,
        }
        self.found |= name.bit();
        Some(())
    }

    /// Adds what the frame says of its record. `None` without a provider or an id.
    fn complete(&mut self, frame: &Frame) -> Option<()> {
        let needed = Name::Provider.bit() | Name::Id.bit();
        if self.found & Name::Record.bit() == 0 {
            self.record = frame.id;
        }
        if !is_time(self.ticks) {
            self.ticks = if is_time(frame.written) { frame.written } else { 0 };
        }
        (self.found & needed == needed).then_some(())
    }
}

/// The high half of an id holds qualifiers, where a record does not split them off.
fn low_half(id: u64) -> u32 {
    (id & 0xffff) as u32
}

/// An unsigned integer of one to eight bytes.
fn unsigned(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    if let Some(whole) = bytes.first_chunk() {
        return (bytes.len() == 8).then(|| u64::from_le_bytes(*whole));
    }
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// A decimal number in text.
fn number(units: &[u8]) -> Option<u64> {
    text(units).trim().parse().ok()
}

impl<'a> Shape<'a> {
    /// Reads BinXML up to the end of its `System` element, or to the last of the values.
    fn read(tokens: &mut Tokens<'a>) -> Option<Self> {
        let mut shape = Self::default();
        let mut depth = 0_usize;
        let mut is_system = false;
        let mut element = Element::Other;
        // Where the next value goes; attributes and elements that do not matter have none.
        let mut target = None;
        loop {
            match tokens.next()? {
                Token::Fragment => {}
                Token::Open { name, end, .. } => {
                    element = Element::of(depth, name);
                    is_system |= element == Element::System;
                    if element == Element::Other && depth > 0 {
                        tokens.jump(end)?;
                    } else {
                        depth += 1;
                    }
                }
                Token::Attribute(name) => target = element.attribute(name),
                Token::Content => target = element.content(),
                Token::Close => {
                    depth = depth.checked_sub(1)?;
                    target = None;
                    if depth == 1 && is_system {
                        shape.values.sort_by_key(|(index, _)| *index);
                        return Some(shape);
                    }
                }
                Token::Text(units) => shape.take(target, |literals, name| literals.take_text(name, units))?,
                Token::Value(index) => {
                    shape.take(target, |_, _| Some(()))?;
                    shape.values.extend(target.map(|name| (index, name)));
                }
                Token::End | Token::Instance(_) => return None,
            }
            if depth > DEEPEST {
                return None;
            }
        }
    }

    /// Whether provider, channel and computer are the same in all records.
    fn is_fixed(&self) -> bool {
        self.values.iter().all(|(_, name)| matches!(name, Name::Id | Name::Record | Name::Time))
    }

    /// Takes what stands for `target`, which must be all of it: text and values in a row are unusual.
    fn take(
        &mut self,
        target: Option<Name>,
        take: impl FnOnce(&mut System<'a>, Name) -> Option<()>,
    ) -> Option<()> {
        let Some(name) = target else { return Some(()) };
        if self.literals.found & name.bit() != 0 || self.values.iter().any(|(_, own)| *own == name) {
            return None;
        }
        take(&mut self.literals, name)
    }

    /// Does what [`Shape::find`] does for a record that looks like the last one.
    fn find_usual(&self, system: &mut System<'a>, data: &'a [u8], instance: Instance<'a>) -> Option<()> {
        let usual = self.usual.as_ref()?;
        if instance.outline()? != usual.outline {
            return None;
        }
        let bytes = instance.bytes(data)?;
        system.id = u16_at(bytes, usual.id)?.into();
        system.record = u64_at(bytes, usual.record)?;
        system.ticks = u64_at(bytes, usual.ticks)?;
        system.found |= Name::Id.bit() | Name::Record.bit() | Name::Time.bit();
        Some(())
    }

    /// Whether only the three numbers differ from record to record.
    fn has_usual_values(&self) -> bool {
        let is_early = |(index, _): &(u16, Name)| usize::from(*index) * 4 < OUTLINE;
        self.values.len() == 3 && self.is_fixed() && self.values.iter().all(is_early)
    }

    /// Remembers where the numbers of a record stand whose values are all of the usual types.
    fn remember(&mut self, places: &[(Name, u8, usize)], instance: Instance<'a>) -> Option<()> {
        let place = |name: Name, kind: u8| {
            let found = places.iter().find(|(own, own_kind, _)| (*own, *own_kind) == (name, kind));
            found.map(|(.., at)| *at)
        };
        self.usual = Some(Usual {
            outline: instance.outline()?,
            id: place(Name::Id, 0x06)?,
            record: place(Name::Record, 0x0a)?,
            ticks: place(Name::Time, 0x11)?,
        });
        Some(())
    }

    /// Adds the values that matter of an `instance` in the chunk `data`. One that the instance does not have is
    /// lacking.
    fn find(&mut self, system: &mut System<'a>, data: &'a [u8], instance: Instance<'a>) -> Option<()> {
        let mut values = instance.values(data);
        let start = values.position();
        let mut places = Vec::new();
        for (index, name) in &self.values {
            let Some(value) = values.seek(*index) else { break };
            system.take_value(*name, &value)?;
            let is_usual = matches!((value.kind, value.bytes.len()), (0x06, 2) | (0x0a | 0x11, 8));
            if is_usual && self.has_usual_values() {
                places.push((*name, value.kind, value.at - start));
            }
        }
        self.remember(&places, instance);
        Some(())
    }
}

/// An element on the way to the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    System,
    Provider,
    TimeCreated,
    /// Its text is a value that matters.
    Holding(Name),
    Other,
}

impl Element {
    /// The element called `name` under `depth` others.
    fn of(depth: usize, name: &[u8]) -> Self {
        const INSIDE: [(&str, Element); 6] = [
            ("Provider", Element::Provider),
            ("EventID", Element::Holding(Name::Id)),
            ("Channel", Element::Holding(Name::Channel)),
            ("Computer", Element::Holding(Name::Computer)),
            ("EventRecordID", Element::Holding(Name::Record)),
            ("TimeCreated", Element::TimeCreated),
        ];
        match depth {
            1 if spells(name, "System") => Self::System,
            2 => INSIDE.iter().find(|(own, _)| spells(name, own)).map_or(Self::Other, |(_, found)| *found),
            _ => Self::Other,
        }
    }

    /// The value that its attribute `name` holds.
    fn attribute(self, name: &[u8]) -> Option<Name> {
        match self {
            Self::Provider if spells(name, "Name") => Some(Name::Provider),
            Self::TimeCreated if spells(name, "SystemTime") => Some(Name::Time),
            _ => None,
        }
    }

    /// The value that its text holds.
    fn content(self) -> Option<Name> {
        match self {
            Self::Holding(name) => Some(name),
            _ => None,
        }
    }
}
