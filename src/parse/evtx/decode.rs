//! Decodes a record: BinXML to the elements of an event.
//!
//! Only what logs were seen to hold is decoded here; whatever else, floating point numbers or arrays that are
//! not of strings among it, is left to [`super::reference`], with which every record of real logs was
//! compared. Values are written as Windows writes them in XML.

use std::fmt::Write as _;

use encoding_rs::WINDOWS_1252;

use super::binxml::{Instance, Token, Tokens, Value, Values};
use super::bytes::{filetime, instant, printable, push_text, spells, text, until_nul};
use super::chunk::{Frame, RECORD_HEADER};
use crate::fact::Sid;
use crate::knowledge::{Cell, Routine};
use crate::parse::event::{Name, Reading, Walk};

/// A record is an instance, and its payload, a value of that, is another; nothing was seen to lie deeper.
const DEEPEST: usize = 6;
/// Tokens and values of one record. Real ones stay below 2,000; hostile templates multiply what they hold.
const MOST_TOKENS: usize = 20_000;

/// What the records of one chunk may cost together. Real chunks stay far below; what hostile ones multiply would
/// fill the memory chunk after chunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// Tokens and values.
    tokens: usize,
    /// Bytes of text, at their longest.
    bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { tokens: 400_000, bytes: 8 << 20 }
    }
}

impl Budget {
    #[cfg(test)]
    pub(super) fn new(tokens: usize, bytes: usize) -> Self {
        Self { tokens, bytes }
    }

    /// Whether nothing more is to be decoded.
    pub(super) fn is_spent(&self) -> bool {
        self.tokens == 0 || self.bytes == 0
    }
}

/// Decodes the record in `frame` of the chunk `data`; `None` where it is of an unusual shape.
pub(super) fn decode(data: &[u8], frame: &Frame, budget: &mut Budget) -> Option<Reading> {
    read(data, frame, false, budget)
}

/// The same of a record that the log has given up; `None` also where it refers to what was overwritten.
pub(super) fn recover(data: &[u8], frame: &Frame, budget: &mut Budget) -> Option<Reading> {
    read(data, frame, true, budget)
}

fn read(data: &[u8], frame: &Frame, strict: bool, budget: &mut Budget) -> Option<Reading> {
    let most = MOST_TOKENS.min(budget.tokens);
    let mut decoder = Decoder { data, walk: Walk::default(), left: most, bytes: budget.bytes, strict };
    let decoded = decoder.fragment(frame.at + RECORD_HEADER, frame.end, 0);
    // A record that was given up for its cost has cost it all the same.
    budget.tokens -= most - decoder.left;
    budget.bytes = decoder.bytes;
    decoded?;
    decoder.walk.finish()
}

/// Whether the record in `frame` is `routine`, as far as that can be told without decoding the record.
pub(super) fn is_routine(data: &[u8], frame: &Frame, routine: &Routine) -> bool {
    let tokens = Tokens::new(data, frame.at + RECORD_HEADER, frame.end);
    let mut sought: Vec<&Cell> = routine.0.iter().collect();
    holds(data, tokens, None, &mut sought, 0) == Some(true)
}

/// Whether every one of the `sought` values is the first `Data` of its name; those that were found leave the list. Only a
/// shortcut: `None` says nothing.
fn holds(
    data: &[u8],
    mut tokens: Tokens<'_>,
    values: Option<&Values<'_>>,
    sought: &mut Vec<&Cell>,
    depth: usize,
) -> Option<bool> {
    let (mut names, mut found) = (false, None);
    loop {
        match tokens.next()? {
            Token::End => return None,
            Token::Open { name, end, .. } if spells(name, "System") => tokens.jump(end)?,
            Token::Attribute(attribute) => names = spells(attribute, "Name"),
            Token::Text(units) if names => found = sought.iter().position(|cell| spells(units, &cell.field)),
            Token::Content => names = false,
            Token::Open { .. } | Token::Close => (names, found) = (false, None),
            Token::Value(index) if let Some(at) = found => {
                let mut value = String::new();
                write(&mut value, &values?.clone().seek(index)?)?;
                if sought.swap_remove(at).value != value {
                    return Some(false);
                }
                if sought.is_empty() {
                    return Some(true);
                }
                found = None;
            }
            Token::Value(index) => {
                let payload = values.and_then(|values| values.clone().seek(index));
                if let Some(Value { kind: 0x21, at, bytes }) = payload.filter(|_| !names && depth < DEEPEST) {
                    return holds(data, Tokens::new(data, at, at + bytes.len()), None, sought, depth + 1);
                }
            }
            Token::Instance(instance) if depth < DEEPEST => {
                let tokens = Tokens::defined(data, instance.definition)?;
                return holds(data, tokens, Some(&instance.values(data)), sought, depth + 1);
            }
            Token::Instance(_) => return None,
            Token::Fragment | Token::Text(_) => {}
        }
    }
}

/// A name in UTF-16.
#[derive(Clone, Copy)]
struct Units<'a>(&'a [u8]);

impl Name for Units<'_> {
    fn is(&self, name: &str) -> bool {
        spells(self.0, name)
    }

    fn to_text(&self) -> String {
        text(self.0)
    }
}

struct Decoder<'a> {
    data: &'a [u8],
    walk: Walk<Units<'a>>,
    /// Tokens that the record may still have.
    left: usize,
    /// Bytes of text that its chunk may still have.
    bytes: usize,
    strict: bool,
}

impl<'a> Decoder<'a> {
    /// The elements in `start..end`, `depth` values deep.
    fn fragment(&mut self, start: usize, end: usize, depth: usize) -> Option<()> {
        self.elements(&mut Tokens::new(self.data, start, end).strict(self.strict), &[], depth)
    }

    /// Pays for a text or value of `size` bytes: in UTF-8 or in hexadecimal it is at most three times as long, and the
    /// longest number or time takes less than the rest.
    fn pay(&mut self, size: usize) -> Option<()> {
        let left = self.bytes.checked_sub(size.saturating_mul(3).saturating_add(64));
        self.bytes = left.unwrap_or_default();
        left.map(|_| ())
    }

    /// Pays for `count` tokens or values.
    fn step(&mut self, count: usize) -> Option<()> {
        let left = self.left.checked_sub(count);
        self.left = left.unwrap_or_default();
        left.map(|_| ())
    }

    fn instance(&mut self, instance: Instance<'a>, depth: usize) -> Option<()> {
        let values: Vec<_> = instance.values(self.data).collect();
        self.step(values.len())?;
        let mut tokens = Tokens::defined(self.data, instance.definition)?.strict(self.strict);
        self.elements(&mut tokens, &values, depth + 1)
    }

    /// Walks over elements to their end, with the `values` of their instance.
    fn elements(&mut self, tokens: &mut Tokens<'a>, values: &[Value<'a>], depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        let mut open: Vec<Element<'a>> = Vec::with_capacity(8);
        let mut attribute = None;
        // How many of the open elements are left out, for a value that they depend on is null.
        let mut hidden = 0_usize;
        loop {
            self.step(1)?;
            match tokens.next()? {
                Token::End => return open.is_empty().then_some(()),
                Token::Fragment => {}
                // An event has one; a payload may have several, side by side. A definition holds none.
                Token::Instance(instance) => {
                    if !open.is_empty() || !values.is_empty() {
                        return None;
                    }
                    self.instance(instance, depth)?;
                    tokens.jump(instance.behind())?;
                }
                Token::Open { dependency, .. } if hidden > 0 || is_null(values, dependency, &open) => {
                    hidden += 1;
                }
                Token::Close if hidden > 0 => hidden -= 1,
                _ if hidden > 0 => {}
                Token::Open { name, .. } => {
                    self.walk.open(Units(name))?;
                    open.push(Element { name, has_attributes: false });
                }
                Token::Attribute(name) => {
                    open.last_mut()?.has_attributes = true;
                    attribute = Some(Units(name));
                }
                Token::Content => attribute = None,
                Token::Close => {
                    attribute = None;
                    open.pop()?;
                    self.walk.close();
                }
                Token::Text(units) => {
                    self.pay(units.len())?;
                    match attribute {
                        Some(name) if self.walk.wants_attribute(&name) => {
                            let mut value = String::new();
                            push_text(&mut value, until_nul(units));
                            self.walk.attribute(&name, value);
                        }
                        Some(_) => {}
                        None if self.walk.wants_text() => push_text(self.walk.text(), until_nul(units)),
                        None => {}
                    }
                }
                Token::Value(index) => {
                    let Some(value) = values.get(usize::from(index)) else { continue };
                    self.pay(value.bytes.len())?;
                    match attribute {
                        Some(name) => self.attribute(name, value)?,
                        None => self.content(value, open.last()?, tokens, depth)?,
                    }
                }
            }
        }
    }

    fn attribute(&mut self, name: Units<'a>, value: &Value<'a>) -> Option<()> {
        if !self.walk.wants_attribute(&name) {
            return Some(());
        }
        if self.walk.is_time() && value.kind == 0x11 {
            self.walk.set_time(filetime(u64::from_le_bytes(*value.bytes.first_chunk()?)));
            return Some(());
        }
        let mut out = String::new();
        write(&mut out, value)?;
        self.walk.attribute(&name, out);
        Some(())
    }

    fn content(
        &mut self,
        value: &Value<'a>,
        element: &Element<'a>,
        rest: &Tokens<'a>,
        depth: usize,
    ) -> Option<()> {
        match value.kind {
            0x21 if value.bytes.is_empty() => Some(()),
            0x21 => self.fragment(value.at, value.at + value.bytes.len(), depth + 1),
            0x81 => self.repeat(value.bytes, element, rest),
            _ if self.walk.wants_text() => write(self.walk.text(), value),
            _ => Some(()),
        }
    }

    /// An array of strings repeats the element that holds it.
    fn repeat(&mut self, bytes: &'a [u8], element: &Element<'a>, rest: &Tokens<'a>) -> Option<()> {
        let is_alone =
            !element.has_attributes && self.walk.text().is_empty() && rest.clone().next()? == Token::Close;
        // Each ends in a NUL, the last one too.
        let strings = bytes.strip_suffix(&[0, 0]);
        if bytes.is_empty() {
            return Some(());
        }
        if !is_alone {
            return None;
        }
        let units = strings?.as_chunks::<2>().0;
        for (index, string) in units.split(|unit| *unit == [0, 0]).enumerate() {
            self.step(1)?;
            if index > 0 {
                self.walk.close();
                self.walk.open(Units(element.name))?;
            }
            push_text(self.walk.text(), string.as_flattened());
        }
        Some(())
    }
}

/// An element that is open.
struct Element<'a> {
    name: &'a [u8],
    has_attributes: bool,
}

/// Whether the element that depends on value `dependency` is left out. The root of a template never is.
fn is_null(values: &[Value<'_>], dependency: Option<u16>, open: &[Element<'_>]) -> bool {
    let value = dependency.filter(|_| !open.is_empty()).and_then(|index| values.get(usize::from(index)));
    value.is_some_and(|value| value.kind == 0x00)
}

/// Writes a value as Windows does. `None` for the kinds that are not written here.
fn write(out: &mut String, value: &Value<'_>) -> Option<()> {
    let bytes = value.bytes;
    // Writing to a string can't fail.
    let written = match value.kind {
        0x00 => Ok(()),
        0x01 => {
            push_text(out, until_nul(bytes));
            Ok(())
        }
        0x02 => {
            let (text, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
            out.extend(text.chars().filter(|char| *char != '\0').map(printable));
            Ok(())
        }
        0x03 => write!(out, "{}", i8::from_le_bytes(exactly(bytes)?)),
        0x04 => write!(out, "{}", u8::from_le_bytes(exactly(bytes)?)),
        0x05 => write!(out, "{}", i16::from_le_bytes(exactly(bytes)?)),
        0x06 => write!(out, "{}", u16::from_le_bytes(exactly(bytes)?)),
        0x07 => write!(out, "{}", i32::from_le_bytes(exactly(bytes)?)),
        0x08 => write!(out, "{}", u32::from_le_bytes(exactly(bytes)?)),
        0x09 => write!(out, "{}", i64::from_le_bytes(exactly(bytes)?)),
        0x0a => write!(out, "{}", u64::from_le_bytes(exactly(bytes)?)),
        0x0d => match i32::from_le_bytes(exactly(bytes)?) {
            0 => write!(out, "false"),
            1 => write!(out, "true"),
            // Bit masks stand in some of them.
            mask => write!(out, "{mask}"),
        },
        0x0e => bytes.iter().try_for_each(|byte| write!(out, "{byte:02X}")),
        0x0f => write_guid(out, &exactly(bytes)?),
        0x10 | 0x14 if bytes.len() == 4 => write!(out, "{:#x}", u32::from_le_bytes(exactly(bytes)?)),
        0x10 | 0x15 => write!(out, "{:#x}", u64::from_le_bytes(exactly(bytes)?)),
        0x11 => write!(out, "{:.7}", instant(u64::from_le_bytes(exactly(bytes)?))?),
        0x13 => write!(out, "{}", Sid::from_bytes(bytes)?),
        _ => return None,
    };
    written.ok()
}

/// The bytes of a value of `N` bytes.
fn exactly<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

fn write_guid(out: &mut String, bytes: &[u8; 16]) -> std::fmt::Result {
    let [a, b, c, d, e, f, g, h, rest @ ..] = *bytes;
    let first = u32::from_le_bytes([a, b, c, d]);
    let (second, third) = (u16::from_le_bytes([e, f]), u16::from_le_bytes([g, h]));
    let [i, j, k, l, m, n, o, p] = rest;
    write!(
        out,
        "{{{first:08x}-{second:04x}-{third:04x}-{i:02x}{j:02x}-{k:02x}{l:02x}{m:02x}{n:02x}{o:02x}{p:02x}}}"
    )
}
