//! Clixml: what `Export-Clixml` writes. It keeps lists apart and dates exact, so it is the best text form there is.
//!
//! Top-level objects are read one after the other, so a source may be larger than memory. Of an object both its
//! own (`Props`) and the added properties (`MS`) count; where a name is in both, the added one does: the raw one of
//! `InstalledOn` is text in a culture nobody stated, the added one a date.
//! The grammar is [MS-PSRP] 2.2.5.
//! What is *not* done here: dictionaries, and back references to more than what an object prints as.

use std::collections::HashMap;
use std::io::BufRead;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event as Token};

use super::tree::{MAX_DEPTH, Tree};
use super::{Gathering, Record, Syntax};
use crate::bundle::Stream;
use crate::fact::{Issue, Parsed};
use crate::parse::text::Utf8;
use crate::parse::{Context, Format, Head, event};

/// The format's line in the table.
pub(in crate::parse) const FORMAT: Format = Format { recognise, reader: crate::parse::Reader::Stream(parse) };

const NAMESPACE: &str = "http://schemas.microsoft.com/powershell/2004/04";
/// Texts of earlier objects that later ones may refer to.
const MOST_REFERENCES: usize = 4096;

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    let is_ours = |text: &str| text.contains("<Objs") && text.contains(NAMESPACE);
    if !is_ours(head.text()) {
        return None;
    }
    super::first_kind(|take| _ = Objects::new(Utf8::of_text(head.text())).read(take))
}

fn parse(stream: &mut Stream<'_>, context: &Context<'_>) -> Parsed {
    let head = stream.head().to_vec();
    let mut gathering = Gathering::default();
    let failure = Objects::new(Utf8::new(stream, &head)).read(&mut |record| gathering.take(record, context));
    gathering.finish(failure.into_iter().collect(), context)
}

/// A source of objects while it is read.
struct Objects<'a> {
    reader: Reader<Utf8<'a>>,
    lines: std::rc::Rc<std::cell::Cell<u64>>,
    buffer: Vec<u8>,
    /// What earlier objects print as, by `RefId`.
    printed: HashMap<String, String>,
}

/// Why a source was left before its end.
enum Fault {
    /// It ends too early.
    Cut,
    /// It is no Clixml from there.
    Malformed,
}

impl<'a> Objects<'a> {
    fn new(source: Utf8<'a>) -> Self {
        let lines = source.line_counter();
        let mut reader = Reader::from_reader(source);
        reader.config_mut().allow_dangling_amp = true;
        Self { reader, lines, buffer: Vec::new(), printed: HashMap::new() }
    }

    /// Gives every object to `take`; says what ended the source before its end.
    fn read(mut self, take: &mut dyn FnMut(&Record)) -> Option<Issue> {
        let (code, what) = match self.read_all(take) {
            Ok(()) => return None,
            Err(Fault::Cut) => ("clixml-truncated", "ends in the middle of an object"),
            Err(Fault::Malformed) => ("clixml-malformed", "is no valid Clixml from there"),
        };
        let line = self.lines.get();
        let detail =
            format!("the file {what} (line {line}), so only what stands before is used; export it again");
        Some(Issue::loss(code, detail, None))
    }

    fn read_all(&mut self, take: &mut dyn FnMut(&Record)) -> Result<(), Fault> {
        let (mut is_open, mut section) = (false, 0);
        loop {
            let line = self.lines.get();
            match self.next()? {
                Node::Begin(tag) if tag.name == "Objs" => (is_open, section) = (true, section + 1),
                Node::Begin(tag) => {
                    self.value(&tag, 0)?.records(line, section, Syntax::Clixml, take);
                }
                Node::Empty(tag) if tag.name == "Objs" => return Ok(()),
                // Behind the end of one export another may have been appended.
                Node::End => is_open = false,
                Node::Eof if is_open => return Err(Fault::Cut),
                Node::Eof => return Ok(()),
                Node::Empty(_) | Node::Text(_) => {}
            }
        }
    }

    /// The value whose tag was just read.
    fn value(&mut self, tag: &Tag, depth: usize) -> Result<Tree, Fault> {
        if depth > MAX_DEPTH {
            return Err(Fault::Malformed);
        }
        match tag.name.as_str() {
            "Obj" => self.object(tag, depth),
            "LST" | "STK" | "QUE" | "IE" => Ok(Tree::List(self.items(depth)?)),
            "DCT" | "TN" => self.items(depth).map(|_| Tree::Text(String::new())),
            "B" => Ok(Tree::Text(capital(self.text()?))),
            _ => Ok(Tree::Text(unescape(&self.text()?))),
        }
    }

    /// The values up to the end of the element that they stand in.
    fn items(&mut self, depth: usize) -> Result<Vec<Tree>, Fault> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Node::Begin(tag) => items.push(self.value(&tag, depth + 1)?),
                Node::Empty(tag) => items.extend(self.nothing(&tag)),
                Node::End => return Ok(items),
                Node::Eof => return Err(Fault::Cut),
                Node::Text(_) => {}
            }
        }
    }

    fn object(&mut self, own: &Tag, depth: usize) -> Result<Tree, Fault> {
        let (mut printed, mut list) = (String::new(), None);
        let (mut properties, mut added) = (Vec::new(), Vec::new());
        loop {
            match self.next()? {
                Node::Begin(tag) => match tag.name.as_str() {
                    "ToString" => printed = unescape(&self.text()?),
                    "Props" => properties = self.properties(depth)?,
                    "MS" => added = self.properties(depth)?,
                    "TN" => drop(self.items(depth)?),
                    "LST" | "STK" | "QUE" | "IE" => list = Some(self.items(depth)?),
                    _ => drop(self.value(&tag, depth + 1)?),
                },
                Node::End => break,
                Node::Eof => return Err(Fault::Cut),
                Node::Empty(_) | Node::Text(_) => {}
            }
        }
        if let Some(id) = &own.id
            && self.printed.len() < MOST_REFERENCES
        {
            self.printed.insert(id.clone(), printed.clone());
        }
        if let Some(list) = list {
            return Ok(Tree::List(list));
        }
        added.append(&mut properties);
        Ok(if added.is_empty() { Tree::Text(printed) } else { Tree::Object(printed, added) })
    }

    fn properties(&mut self, depth: usize) -> Result<Vec<(String, Tree)>, Fault> {
        let mut properties = Vec::new();
        loop {
            let (tag, value) = match self.next()? {
                Node::Begin(tag) => {
                    let value = self.value(&tag, depth + 1)?;
                    (tag, value)
                }
                Node::Empty(tag) => {
                    let value = self.nothing(&tag).unwrap_or(Tree::Text(String::new()));
                    (tag, value)
                }
                Node::End => return Ok(properties),
                Node::Eof => return Err(Fault::Cut),
                Node::Text(_) => continue,
            };
            properties.extend(tag.label.map(|label| (unescape(&label), value)));
        }
    }

    /// The value of an empty element: a null, an empty text or list, or a reference to an earlier object.
    fn nothing(&self, tag: &Tag) -> Option<Tree> {
        match tag.name.as_str() {
            "Ref" => {
                let printed = tag.id.as_ref().and_then(|id| self.printed.get(id));
                Some(Tree::Text(printed.cloned().unwrap_or_default()))
            }
            "LST" | "STK" | "QUE" | "IE" => Some(Tree::List(Vec::new())),
            "TNRef" => None,
            _ => Some(Tree::Text(String::new())),
        }
    }

    /// The text up to the end of the innermost element.
    fn text(&mut self) -> Result<String, Fault> {
        let (mut text, mut depth) = (String::new(), 0usize);
        loop {
            match self.next()? {
                Node::Text(more) => text.push_str(&more),
                Node::Begin(_) => depth += 1,
                Node::End if depth == 0 => return Ok(text),
                Node::End => depth -= 1,
                Node::Eof => return Err(Fault::Cut),
                Node::Empty(_) => {}
            }
        }
    }

    fn next(&mut self) -> Result<Node, Fault> {
        self.buffer.clear();
        loop {
            let token = match self.reader.read_event_into(&mut self.buffer) {
                Ok(token) => token,
                // An element that the end of the source leaves open is said as a fault of the syntax.
                Err(_) if self.reader.get_mut().fill_buf().is_ok_and(<[u8]>::is_empty) => {
                    return Err(Fault::Cut);
                }
                Err(_) => return Err(Fault::Malformed),
            };
            return Ok(match token {
                Token::Start(tag) => Node::Begin(Tag::of(&tag)),
                Token::Empty(tag) => Node::Empty(Tag::of(&tag)),
                Token::End(_) => Node::End,
                Token::Text(text) => Node::Text(text.to_string()),
                Token::CData(text) => Node::Text(text.to_string()),
                Token::GeneralRef(reference) => Node::Text(event::referred(&reference).to_string()),
                Token::Eof => Node::Eof,
                _ => continue,
            });
        }
    }
}

/// A part of a source.
enum Node {
    Begin(Tag),
    Empty(Tag),
    End,
    Text(String),
    Eof,
}

/// A tag, and what is looked at of its attributes.
struct Tag {
    name: String,
    /// `N`: the property's name.
    label: Option<String>,
    /// `RefId`.
    id: Option<String>,
}

impl Tag {
    fn of(tag: &BytesStart<'_>) -> Self {
        let mut own = Self { name: tag.local_name().as_ref().to_owned(), label: None, id: None };
        for attribute in tag.attributes().flatten() {
            let value =
                || quick_xml::escape::unescape(&attribute.value).ok().map(std::borrow::Cow::into_owned);
            match attribute.key.as_ref() {
                "N" => own.label = value(),
                "RefId" => own.id = value(),
                _ => {}
            }
        }
        own
    }
}

/// Booleans are `true` here and `True` in every other export.
fn capital(text: String) -> String {
    match text.as_str() {
        "true" => "True".into(),
        "false" => "False".into(),
        _ => text,
    }
}

/// `_x000A_` stands for a character that XML can't hold ([MS-PSRP] 2.2.5.3.2).
fn unescape(text: &str) -> String {
    if !text.contains("_x") {
        return text.to_owned();
    }
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let code = rest.get(..7).filter(|code| code.starts_with("_x") && code.ends_with('_'));
        let unit = code.and_then(|code| u16::from_str_radix(code.get(2..6)?, 16).ok());
        match unit {
            Some(unit) => units.push(unit),
            None => units.extend(char.encode_utf16(&mut [0; 2]).iter()),
        }
        rest = rest.get(if unit.is_some() { 7 } else { char.len_utf8() }..).unwrap_or_default();
    }
    String::from_utf16_lossy(&units)
}
