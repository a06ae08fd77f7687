//! JSON of `ConvertTo-Json` (PowerShell 5.1 and 7): an array of objects, one object, or one object a line.
//!
//! Objects are read one after the other, so a source may be larger than memory.
//! What is *not* done here: repairing JSON. What stands before a fault is used, and the fault is said.

use std::fmt;
use std::io::BufRead;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::tree::{MAX_DEPTH, Tree};
use super::{Gathering, Record, Syntax, Value};
use crate::bundle::Stream;
use crate::fact::{Issue, Parsed};
use crate::parse::text::Utf8;
use crate::parse::{Context, Format, Head, Reader};

/// The format's line in the table.
pub(in crate::parse) const FORMAT: Format = Format { recognise, reader: Reader::Stream(parse) };

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    if !head.text().trim_start_matches(['\u{FEFF}', ' ', '\r', '\n', '\t']).starts_with(['[', '{']) {
        return None;
    }
    // The head mostly ends within an object; those before it tell, or the names that one has so far: certificates
    // and descriptors may make the first object larger than the head.
    super::first_kind(|take| _ = read(Utf8::of_text(head.text()), take)).or_else(|| {
        let names = outer_names(head.text()).into_iter().map(|name| (name, Value::Text(String::new())));
        super::kind(&Record::new(1, 0, Syntax::Json, names.collect()))
    })
}

/// The names (lower-case) in the first of the outermost objects of `text`, which may end anywhere.
fn outer_names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut depth, mut rest) = (0usize, text);
    while let Some(at) = rest.find(['{', '}', '[', ']', '"']) {
        let Some((token, behind)) = rest.get(at..).and_then(|rest| rest.split_at_checked(1)) else { break };
        rest = behind;
        match token {
            "{" => depth += 1,
            "}" if depth == 1 => break,
            "}" => depth = depth.saturating_sub(1),
            "\"" => {
                let Some(end) = string_end(rest) else { break };
                let value = rest.get(..end).unwrap_or_default();
                rest = rest.get(end + 1..).unwrap_or_default();
                if depth == 1 && rest.trim_start().starts_with(':') {
                    names.push(value.to_lowercase());
                }
            }
            _ => {}
        }
    }
    names
}

/// Where the string ends whose first quote stands before `text`.
fn string_end(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    })
}

fn parse(stream: &mut Stream<'_>, context: &Context<'_>) -> Parsed {
    let head = stream.head().to_vec();
    let mut gathering = Gathering::default();
    let failure = read(Utf8::new(stream, &head), &mut |record| gathering.take(record, context));
    gathering.finish(failure.into_iter().collect(), context)
}

/// Gives every object of `source` to `take`; says what ended it before its end.
fn read(source: Utf8<'_>, take: &mut dyn FnMut(&Record)) -> Option<Issue> {
    let lines = source.line_counter();
    let mut source = source;
    let mut section = 0;
    loop {
        skip_blanks(&mut source)?;
        let begun = lines.get();
        let mut deserializer = serde_json::Deserializer::from_reader(&mut source);
        // What lies too deep costs its value below; what lies deeper than any export goes ends the source.
        let seed = Objects { lines: &lines, section, take, depth: 0 };
        if let Err(error) = seed.deserialize(&mut deserializer) {
            let what = if error.is_eof() {
                "ends in the middle of an object"
            } else {
                "is no valid JSON from there"
            };
            let detail = format!(
                "the file {what} (line {}), so only what stands before is used; export it again",
                lines.get()
            );
            let code = if error.is_eof() { "json-truncated" } else { "json-malformed" };
            return Some(Issue::loss(code, detail, None));
        }
        // Objects of one line each are one output; other values were printed by a command each.
        section += usize::from(lines.get() > begun);
    }
}

/// Goes to the next value; `None` at the end.
fn skip_blanks(source: &mut Utf8<'_>) -> Option<()> {
    loop {
        let ahead = source.fill_buf().ok()?;
        if ahead.is_empty() {
            return None;
        }
        let blanks = ahead.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == b',').count();
        let is_done = blanks < ahead.len();
        source.consume(blanks);
        if is_done {
            return Some(());
        }
    }
}

/// The objects of the outermost arrays, one by one.
struct Objects<'a> {
    lines: &'a std::rc::Rc<std::cell::Cell<u64>>,
    section: usize,
    take: &'a mut dyn FnMut(&Record),
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Objects<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Objects<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { lines, section, take, depth } = self;
        while items
            .next_element_seed(Objects { lines, section, take: &mut *take, depth: depth + 1 })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<(), A::Error> {
        let line = self.lines.get();
        let object = Trees { depth: self.depth }.visit_map(entries)?;
        object.records(line, self.section, Syntax::Json, self.take);
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// One value with all that it holds.
struct Trees {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Trees {
    type Value = Tree;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Trees {
    type Value = Tree;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Trees { depth: self.depth + 1 })? {
            if self.depth < MAX_DEPTH {
                list.push(item);
            }
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut properties = Vec::new();
        while let Some(name) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Trees { depth: self.depth + 1 })?;
            if self.depth < MAX_DEPTH {
                properties.push((name, value));
            }
        }
        Ok(Tree::Object(String::new(), properties))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Text(if value { "True" } else { "False" }.to_owned()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Text(String::new()))
    }
}
