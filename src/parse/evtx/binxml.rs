//! BinXML, token by token: what [`super::system`] and [`super::decode`] both walk over.
//!
//! The format is [MS-EVEN6] 2.2.12 onwards, with the offsets of names and definitions relative to the chunk.
//! Nothing is allocated: names and texts are the UTF-16 of the chunk.

use super::bytes::{array_at, offset_at, u16_at, u32_at};

/// Offset of the next definition, GUID and size.
const DEFINITION_HEADER: usize = 24;

/// What stands next in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// The end of the stream.
    End,
    /// The header of a fragment.
    Fragment,
    /// An element begins; in a definition, with the number of the value without which it is left out. It claims
    /// to end at `end`.
    Open { name: &'a [u8], dependency: Option<u16>, end: usize },
    /// An attribute of the element that began; its value follows.
    Attribute(&'a [u8]),
    /// The content of the element begins.
    Content,
    /// The element ends, with or without content.
    Close,
    /// Text.
    Text(&'a [u8]),
    /// A value of the instance stands here; an optional one may be lacking.
    Value(u16),
    /// A template and its values, which stand next in the stream.
    Instance(Instance<'a>),
}

/// The header of a fragment.
const FRAGMENT: [u8; 4] = [0x0f, 1, 1, 0];
/// The token of a template instance.
const INSTANCE: u8 = 0x0c;
/// Bytes of the descriptors of eleven values.
pub(super) const OUTLINE: usize = 11 * 4;

/// The instance that the record `start..end` of the chunk `data` is, behind the header of a fragment; nearly every
/// record is one.
pub(super) fn instance(data: &[u8], start: usize, end: usize) -> Option<Instance<'_>> {
    let [a, b, c, d, INSTANCE, ..] = array_at::<5>(data, start)? else { return None };
    if [a, b, c, d] != FRAGMENT {
        return None;
    }
    // The fields stand at fixed places unless the definition stands between them.
    let at = start + FRAGMENT.len() + 1;
    let head: [u8; 13] = array_at(data, at)?;
    let (definition, count) = (offset_at(&head, 5)?, offset_at(&head, 9)?);
    if definition == at + 9 {
        return Tokens::new(data, at, end).instance();
    }
    let start = at + head.len();
    let descriptors = data.get(start..end)?.get(..count.checked_mul(4)?)?;
    Some(Instance { definition, descriptors, start: start + descriptors.len(), end })
}

/// A template with values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instance<'a> {
    /// Where the template is defined in the chunk.
    pub(super) definition: usize,
    /// Size and type of each value: four bytes each.
    descriptors: &'a [u8],
    /// Where the values begin in the chunk, and where the stream that holds them ends.
    start: usize,
    end: usize,
}

/// A stream that is read forward.
#[derive(Debug, Clone)]
pub(super) struct Tokens<'a> {
    /// The whole chunk: names and definitions can stand anywhere in it.
    data: &'a [u8],
    at: usize,
    end: usize,
    /// Elements of a definition name what they depend on.
    dependent: bool,
    /// Whether what stands elsewhere in the chunk, names and definitions, must be proven to be what is meant.
    strict: bool,
}

impl<'a> Tokens<'a> {
    /// The stream of a record or of a value: `start..end` of the chunk `data`.
    pub(super) fn new(data: &'a [u8], start: usize, end: usize) -> Self {
        Self { data, at: start, end: end.min(data.len()), dependent: false, strict: false }
    }

    /// The stream of the template that is defined at `definition`.
    pub(super) fn defined(data: &'a [u8], definition: usize) -> Option<Self> {
        let start = definition.checked_add(DEFINITION_HEADER)?;
        let end = start.checked_add(offset_at(data, definition.checked_add(20)?)?)?;
        Some(Self { dependent: true, ..Self::new(data, start, end) })
    }

    /// The same, which trusts no name and no definition unless its hash or its id fits: a record that was given up
    /// may refer to what was overwritten.
    pub(super) fn strict(self, strict: bool) -> Self {
        Self { strict, ..self }
    }

    /// The next token; `None` where the bytes make no sense, or are of a kind that no log was seen to hold.
    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        if self.at >= self.end {
            return Some(Token::End);
        }
        match self.byte()? {
            0x00 => Some(Token::End),
            0x0f => self.skip(3).map(|()| Token::Fragment),
            token @ (0x01 | 0x41) => self.open(token == 0x41),
            0x06 | 0x46 => self.name().map(Token::Attribute),
            0x02 => Some(Token::Content),
            0x03 | 0x04 => Some(Token::Close),
            0x05 | 0x45 => self.string().map(Token::Text),
            0x07 | 0x47 => self.counted().map(Token::Text),
            INSTANCE => self.instance().map(Token::Instance),
            0x0d | 0x0e => {
                let index = u16_at(self.data, self.at)?;
                // The type stands again with the value.
                self.skip(3)?;
                Some(Token::Value(index))
            }
            _ => None,
        }
    }

    /// Goes on at `end`, where an element claims to end or the values of an instance do.
    pub(super) fn jump(&mut self, end: usize) -> Option<()> {
        let distance = end.checked_sub(self.at)?;
        self.skip(distance)
    }

    fn open(&mut self, has_attributes: bool) -> Option<Token<'a>> {
        let dependency = if self.dependent {
            let index = u16_at(self.data, self.at)?;
            self.skip(2)?;
            Some(index).filter(|index| *index != u16::MAX)
        } else {
            None
        };
        let size = offset_at(self.data, self.at)?;
        self.skip(4)?;
        let end = self.at.checked_add(size)?;
        let name = self.name()?;
        self.skip(if has_attributes { 4 } else { 0 })?;
        Some(Token::Open { name, dependency, end })
    }

    fn instance(&mut self) -> Option<Instance<'a>> {
        // A byte and the id of the template, then where it is defined: here, where it is used first.
        let id = u32_at(self.data, self.at.checked_add(1)?)?;
        let definition = offset_at(self.data, self.at.checked_add(5)?)?;
        self.skip(9)?;
        if self.strict && u32_at(self.data, definition.checked_add(4)?)? != id {
            return None;
        }
        if definition == self.at {
            let size = offset_at(self.data, self.at.checked_add(20)?)?;
            self.skip(DEFINITION_HEADER.checked_add(size)?)?;
        }
        let size = offset_at(self.data, self.at)?.checked_mul(4)?;
        self.skip(4)?;
        let descriptors = self.data.get(self.at..self.end)?.get(..size)?;
        self.skip(size)?;
        Some(Instance { definition, descriptors, start: self.at, end: self.end })
    }

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
        let name = self.data.get(offset + 8..)?.get(..size)?;
        let fits = !self.strict || u16_at(self.data, offset + 4)? == hash(name);
        fits.then_some(name)
    }

    /// The units of a literal; literals are always strings.
    fn string(&mut self) -> Option<&'a [u8]> {
        if self.byte()? != 0x01 {
            return None;
        }
        self.counted()
    }

    fn counted(&mut self) -> Option<&'a [u8]> {
        let size = usize::from(u16_at(self.data, self.at)?) * 2;
        self.skip(2)?;
        let bytes = self.data.get(self.at..)?.get(..size)?;
        self.skip(size)?;
        Some(bytes)
    }
}

/// The hash that stands beside a name.
fn hash(units: &[u8]) -> u16 {
    let units = units.as_chunks().0.iter().map(|unit| u32::from(u16::from_le_bytes(*unit)));
    let hash = units.fold(0_u32, |hash, unit| hash.wrapping_mul(65_599).wrapping_add(unit));
    (hash & 0xffff) as u16
}

/// A value of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Value<'a> {
    /// [MS-EVEN6] 2.2.12, `ValueType`.
    pub(super) kind: u8,
    /// Where it begins in its chunk.
    pub(super) at: usize,
    /// Its bytes.
    pub(super) bytes: &'a [u8],
}

impl<'a> Instance<'a> {
    /// Its values; `data` is the chunk.
    pub(super) fn values(self, data: &'a [u8]) -> Values<'a> {
        let data = data.get(..self.end).unwrap_or_default();
        Values { data, descriptors: self.descriptors.as_chunks().0, index: 0, at: self.start }
    }

    /// Size and type of the values that the `System` part of nearly every template has: the first eleven.
    pub(super) fn outline(self) -> Option<&'a [u8; OUTLINE]> {
        self.descriptors.first_chunk()
    }

    /// The bytes of its values, to the end of their stream; `data` is the chunk.
    pub(super) fn bytes(self, data: &'a [u8]) -> Option<&'a [u8]> {
        data.get(self.start..self.end)
    }

    /// Where its values end.
    pub(super) fn behind(self) -> usize {
        self.start + self.descriptors.as_chunks().0.iter().map(size).sum::<usize>()
    }
}

/// The values of an instance, in their order. Where one begins follows from the sizes of those before it.
#[derive(Debug, Clone)]
pub(super) struct Values<'a> {
    /// The chunk up to where the values end at the latest.
    data: &'a [u8],
    descriptors: &'a [[u8; 4]],
    index: usize,
    at: usize,
}

impl<'a> Values<'a> {
    /// Where the next one begins in the chunk.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Goes on to value number `index`; `None` where the instance has fewer, or that one lies behind already.
    pub(super) fn seek(&mut self, index: u16) -> Option<Value<'a>> {
        let index = usize::from(index);
        self.at += self.descriptors.get(self.index..index)?.iter().map(size).sum::<usize>();
        self.index = index;
        let descriptor = self.descriptors.get(index)?;
        let [.., kind, _] = *descriptor;
        Some(Value { kind, at: self.at, bytes: self.data.get(self.at..)?.get(..size(descriptor))? })
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let value = self.seek(u16::try_from(self.index).ok()?)?;
        self.at += value.bytes.len();
        self.index += 1;
        Some(value)
    }
}

fn size([low, high, ..]: &[u8; 4]) -> usize {
    usize::from(u16::from_le_bytes([*low, *high]))
}
