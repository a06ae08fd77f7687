//! XML documents element by element, for reports that are small enough to hold.
//!
//! What is *not* done here: events (see [`super::event`]), which are cut out by their tags first so that a broken one
//! costs no other. Entities of the document's own are never resolved, and namespaces are not looked at.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event as Token};

use super::event::referred;
use crate::fact::Issue;

/// How deep elements may lie in one another.
const MAX_DEPTH: usize = 64;

/// An element.
#[derive(Debug, Default)]
pub(super) struct Element {
    /// Its name without its prefix.
    pub(super) name: String,
    /// Its attributes, by their names without prefixes.
    pub(super) attributes: Vec<(String, String)>,
    /// The text that stands directly in it.
    pub(super) text: String,
    /// Which child of its parent it is, counted from 0.
    pub(super) index: usize,
    /// The line on which it begins, counted from 1.
    pub(super) line: u64,
    children: usize,
}

impl Element {
    /// The attribute called `name`.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// Reads `xml` and gives each element when it ends, with those that it lies in: the document's own first, the one that
/// ends last. What is broken ends the reading with an issue; what stood before it was given.
pub(super) fn read(xml: &str, mut ended: impl FnMut(&[Element])) -> Option<Issue> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().allow_dangling_amp = true;
    let mut path: Vec<Element> = Vec::new();
    let (mut line, mut counted) = (1, 0);
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let passed = xml.as_bytes().get(counted..at).unwrap_or_default();
        line += passed.iter().filter(|&&byte| byte == b'\n').count() as u64;
        counted = counted.max(at);
        match reader.read_event() {
            Ok(Token::Start(tag)) if path.len() < MAX_DEPTH => open(&mut path, &tag, line),
            Ok(Token::Empty(tag)) if path.len() < MAX_DEPTH => {
                open(&mut path, &tag, line);
                ended(&path);
                path.pop();
            }
            Ok(Token::End(_)) => {
                ended(&path);
                path.pop();
            }
            Ok(Token::Text(text)) => add(&mut path, &text),
            Ok(Token::CData(text)) => add(&mut path, &text),
            Ok(Token::GeneralRef(reference)) => add(&mut path, &referred(&reference).to_string()),
            Ok(Token::Eof) if path.is_empty() => return None,
            Ok(Token::Eof | Token::Start(_) | Token::Empty(_)) | Err(_) => {
                let detail = format!(
                    "the XML breaks off or is broken at line {line}; what stands before it was read; export it again"
                );
                return Some(Issue::loss("xml-malformed", detail, None));
            }
            Ok(_) => {}
        }
    }
}

fn open(path: &mut Vec<Element>, tag: &BytesStart<'_>, line: u64) {
    let mut index = 0;
    if let Some(parent) = path.last_mut() {
        index = parent.children;
        parent.children += 1;
    }
    let attribute = |attribute: quick_xml::events::attributes::Attribute<'_>| {
        let value = quick_xml::escape::unescape(&attribute.value).ok()?;
        Some((attribute.key.local_name().as_ref().to_owned(), value.into_owned()))
    };
    let attributes = tag.attributes().flatten().filter_map(attribute).collect();
    let name = tag.local_name().as_ref().to_owned();
    path.push(Element { name, attributes, index, line, ..Element::default() });
}

fn add(path: &mut [Element], text: &str) {
    if let Some(element) = path.last_mut() {
        element.text.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(xml: &str) -> (Vec<String>, bool) {
        let mut found = Vec::new();
        let issue = read(xml, |path| {
            let last = path.last().unwrap();
            found.push(format!("{}:{}:{}:{}={}", path.len(), last.line, last.index, last.name, last.text));
        });
        (found, issue.is_some())
    }

    #[test]
    fn elements_are_given_when_they_end() {
        let xml = "<?xml version=\"1.0\" encoding=\"utf-16\"?>\n<a>\n<q:b c=\"&lt;\"/>\n<b>1&amp;<![CDATA[<2>]]></b></a>";
        let (found, broken) = ends(xml);
        assert_eq!(found, ["2:3:0:b=", "2:4:1:b=1&<2>", "1:2:0:a=\n\n"]);
        assert!(!broken);
        let mut attribute = None;
        read(xml, |path| {
            attribute =
                attribute.take().or(path[1..].first().and_then(|b| b.attribute("c").map(str::to_owned)))
        });
        assert_eq!(attribute.as_deref(), Some("<"));
    }

    #[test]
    fn what_is_broken_ends_the_reading() {
        assert_eq!(ends("<a><b>1</b>"), (vec!["2:1:0:b=1".to_owned()], true));
        assert_eq!(ends("<a><b>1</b></c></a>"), (vec!["2:1:0:b=1".to_owned()], true));
        assert!(ends(&"<a>".repeat(100_000)).1);
    }
}
