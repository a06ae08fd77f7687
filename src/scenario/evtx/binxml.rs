//! Elements, values and fragments, and their bytes.

use super::chunk::Chunk;

/// An element of a template or of a record without one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Element {
    name: String,
    attributes: Vec<(String, Part)>,
    pub(super) content: Vec<Content>,
}

/// What stands between the tags of an element.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Content {
    Part(Part),
    Elements(Vec<Element>),
}

/// Text, or the place of a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Text(String),
    Value { index: u16, kind: u8 },
}

/// A typed value of a template instance.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Not set; the type is the one that the template expects.
    Null(u8),
    Text(String),
    Texts(Vec<String>),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    Hex64(u64),
    Time(u64),
    Sid(Vec<u8>),
    Fragment(Box<Fragment>),
}

/// An element with its values: a template instance, or an element that spells everything out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fragment {
    pub(super) element: Element,
    pub(super) values: Vec<Value>,
    pub(super) is_template: bool,
}

impl Element {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), attributes: Vec::new(), content: Vec::new() }
    }

    pub(super) fn attribute(mut self, name: &str, part: Part) -> Self {
        self.attributes.push((name.to_owned(), part));
        self
    }

    pub(super) fn holding(mut self, part: Part) -> Self {
        self.content.push(Content::Part(part));
        self
    }

    pub(super) fn with(mut self, children: Vec<Self>) -> Self {
        self.content.push(Content::Elements(children));
        self
    }

    pub(super) fn drop_empty_attributes(&mut self) {
        self.attributes.retain(|(_, part)| *part != Part::Text(String::new()));
    }

    /// Appends the element. In a definition every element names the value that it depends on; here none does.
    fn write(&self, chunk: &mut Chunk, in_definition: bool) {
        chunk.put(&[if self.attributes.is_empty() { 0x01 } else { 0x41 }]);
        if in_definition {
            chunk.put(&[0xff, 0xff]);
        }
        let size = chunk.reserve();
        chunk.put_name(&self.name);
        self.write_attributes(chunk);
        if self.content.is_empty() {
            chunk.put(&[0x03]);
        } else {
            chunk.put(&[0x02]);
            for content in &self.content {
                match content {
                    Content::Part(part) => part.write(chunk),
                    Content::Elements(children) => {
                        children.iter().for_each(|child| child.write(chunk, in_definition))
                    }
                }
            }
            chunk.put(&[0x04]);
        }
        chunk.fill(size);
    }

    fn write_attributes(&self, chunk: &mut Chunk) {
        if self.attributes.is_empty() {
            return;
        }
        let size = chunk.reserve();
        for (left, (name, part)) in (0..self.attributes.len()).rev().zip(&self.attributes) {
            chunk.put(&[if left == 0 { 0x06 } else { 0x46 }]);
            chunk.put_name(name);
            part.write(chunk);
        }
        chunk.fill(size);
    }
}

impl Part {
    fn write(&self, chunk: &mut Chunk) {
        match self {
            Self::Text(text) => {
                chunk.put(&[0x05, 0x01]);
                chunk.put_counted(text);
            }
            // Optional: left out where the value is null.
            Self::Value { index, kind } => {
                chunk.put(&[0x0e]);
                chunk.put(&index.to_le_bytes());
                chunk.put(&[*kind]);
            }
        }
    }
}

impl Value {
    /// A value in the type that a Security log would store it in, which is written as the same text.
    pub(super) fn of(text: &str) -> Self {
        let decimal = text.parse().ok().filter(|number: &u32| number.to_string() == text);
        let hex = text.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let hex = hex.filter(|number| format!("{number:#x}") == text);
        match (sid(text), hex, decimal) {
            (Some(sid), ..) => Self::Sid(sid),
            (_, Some(number), _) => Self::Hex64(number),
            (.., Some(number)) => Self::U32(number),
            _ => Self::Text(text.to_owned()),
        }
    }

    /// The type that a template expects in this value's place.
    pub(super) fn kind(&self) -> u8 {
        match self {
            Self::Null(kind) => *kind,
            Self::Text(_) => 0x01,
            Self::Texts(_) => 0x81,
            Self::U8(_) => 0x04,
            Self::U16(_) => 0x06,
            Self::U32(_) => 0x08,
            Self::U64(_) => 0x0a,
            Self::Hex64(_) => 0x15,
            Self::Time(_) => 0x11,
            Self::Sid(_) => 0x13,
            Self::Fragment(_) => 0x21,
        }
    }

    /// The value as text in place.
    pub(super) fn into_part(self) -> Part {
        Part::Text(match self {
            Self::Null(_) | Self::Fragment(_) => String::new(),
            Self::Text(text) => text,
            Self::Texts(texts) => texts.concat(),
            Self::U8(number) => number.to_string(),
            Self::U16(number) => number.to_string(),
            Self::U32(number) => number.to_string(),
            Self::U64(number) => number.to_string(),
            Self::Hex64(number) => format!("{number:#x}"),
            Self::Time(ticks) => time_text(ticks),
            Self::Sid(bytes) => sid_text(&bytes),
        })
    }

    fn write(&self, chunk: &mut Chunk) {
        match self {
            Self::Null(_) => {}
            Self::Text(text) => chunk.put_units(text),
            Self::Texts(texts) => texts.iter().for_each(|text| {
                chunk.put_units(text);
                chunk.put(&[0, 0]);
            }),
            Self::U8(number) => chunk.put(&[*number]),
            Self::U16(number) => chunk.put(&number.to_le_bytes()),
            Self::U32(number) => chunk.put(&number.to_le_bytes()),
            Self::U64(number) | Self::Hex64(number) | Self::Time(number) => chunk.put(&number.to_le_bytes()),
            Self::Sid(bytes) => chunk.put(bytes),
            Self::Fragment(fragment) => fragment.write_body(chunk),
        }
    }
}

impl Fragment {
    /// Appends the fragment of a record: its header and the end of its stream around it.
    pub(super) fn write(&self, chunk: &mut Chunk) {
        chunk.put(&[0x0f, 1, 1, 0]);
        self.write_body(chunk);
    }

    /// Appends the fragment of a value, which Windows writes without a header.
    fn write_body(&self, chunk: &mut Chunk) {
        if self.is_template {
            self.write_instance(chunk);
        } else {
            self.element.write(chunk, false);
        }
        chunk.put(&[0]);
    }

    fn write_instance(&self, chunk: &mut Chunk) {
        chunk.put(&[0x0c, 1]);
        if let Some((id, definition)) = chunk.template(&self.element) {
            chunk.put(&id.to_le_bytes());
            chunk.put(&definition.to_le_bytes());
        } else {
            let id = guid(&self.element);
            chunk.put(id.first_chunk::<4>().unwrap_or(&[0; 4]));
            chunk.define(&self.element, &id, |chunk| {
                chunk.put(&[0x0f, 1, 1, 0]);
                self.element.write(chunk, true);
                chunk.put(&[0]);
            });
        }
        chunk.put_number(self.values.len());
        let descriptors = chunk.position();
        for value in &self.values {
            let kind = if matches!(value, Value::Null(_)) { 0 } else { value.kind() };
            chunk.put(&[0, 0, kind, 0]);
        }
        for (index, value) in self.values.iter().enumerate() {
            let start = chunk.position();
            value.write(chunk);
            chunk.fill_size(descriptors + index * 4, start);
        }
    }
}

/// A GUID for a template: the same for the same elements, on every machine.
fn guid(element: &Element) -> [u8; 16] {
    let hash = blake3::hash(format!("{element:?}").as_bytes());
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// A SID as bytes; `None` where `text` is no SID.
pub(super) fn sid(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.strip_prefix("S-1-")?.split('-');
    let authority: u64 = parts.next()?.parse().ok()?;
    let rest = parts.map(|part| part.parse::<u32>().ok()).collect::<Option<Vec<_>>>()?;
    let mut bytes = vec![1, u8::try_from(rest.len()).ok()?];
    bytes.extend(authority.to_be_bytes().iter().skip(2));
    rest.iter().for_each(|part| bytes.extend(part.to_le_bytes()));
    Some(bytes)
}

fn sid_text(bytes: &[u8]) -> String {
    let (head, rest) = bytes.split_at_checked(8).unwrap_or_default();
    let authority = head.iter().skip(2).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let parts = rest.as_chunks().0.iter().map(|part| format!("-{}", u32::from_le_bytes(*part)));
    format!("S-1-{authority}") + &parts.collect::<String>()
}

fn time_text(ticks: u64) -> String {
    let nanoseconds = (i128::from(ticks) - 116_444_736_000_000_000) * 100;
    jiff::Timestamp::from_nanosecond(nanoseconds).map(|time| format!("{time:.7}")).unwrap_or_default()
}
