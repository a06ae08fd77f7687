//! Objects as `wmic … /format:rawxml` and `/format:htable` (or `hform`'s kin) print them: CIM's XML and an HTML table.
//!
//! Shapes are from memory of Windows' own style sheets (unverified), so the reading is lenient: elements are looked
//! for by name, and whatever stands between them is passed over. What is *not* done here: wmic's CSV and lists,
//! which are delimited tables and console lists.

use super::{Gathering, Record, Syntax, Value};
use crate::fact::Parsed;
use crate::parse::{Context, Format, Head, Reader};

/// The format's line in the table.
pub(in crate::parse) const FORMAT: Format = Format { recognise, reader: Reader::Text(parse) };

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    super::first_kind(|take| read(head.text(), take))
}

fn parse(text: &str, context: &Context<'_>) -> Parsed {
    let mut gathering = Gathering::default();
    read(text, &mut |record| gathering.take(record, context));
    gathering.finish(Vec::new(), context)
}

fn read(text: &str, take: &mut dyn FnMut(&Record)) {
    if text.contains("<INSTANCE ") {
        instances(text, take);
    } else if text.contains("<td") || text.contains("<TD") {
        rows(text, take);
    }
}

/// `<INSTANCE …><PROPERTY NAME="HotFixID" …><VALUE>KB1</VALUE></PROPERTY>…</INSTANCE>`.
fn instances(text: &str, take: &mut dyn FnMut(&Record)) {
    let mut lines = Lines::new(text);
    for (at, body) in elements(text, "instance") {
        let property = |(begin, inner): (usize, &str)| {
            let tag = body.get(..begin)?.rsplit_once('<')?.1;
            let name = tag.split("NAME=\"").nth(1)?.split('"').next()?.to_lowercase();
            let value = elements(inner, "value").next().map_or("", |(_, value)| value);
            Some((name, Value::Text(plain(value))))
        };
        let properties: Vec<_> = elements(body, "property").filter_map(property).collect();
        take(&Record::new(lines.number(at), 0, Syntax::List, properties));
    }
}

/// The rows of a table whose first names the columns.
fn rows(text: &str, take: &mut dyn FnMut(&Record)) {
    let mut lines = Lines::new(text);
    let mut names: Vec<String> = Vec::new();
    for (at, row) in elements(text, "tr") {
        let cell = if elements(row, "th").next().is_some() { "th" } else { "td" };
        let cells: Vec<String> = elements(row, cell).map(|(_, cell)| plain(cell)).collect();
        if names.is_empty() || cell == "th" {
            names = cells.iter().map(|name| name.to_lowercase()).collect();
        } else {
            let values = names.iter().cloned().zip(cells.into_iter().map(Value::Text));
            take(&Record::new(lines.number(at), 0, Syntax::Table, values.collect()));
        }
    }
}

/// What stands in each element called `name` (in any case), and where it begins; an element that is not closed ends
/// where the next begins.
fn elements<'a>(text: &'a str, name: &'static str) -> impl Iterator<Item = (usize, &'a str)> {
    let mut rest = 0;
    std::iter::from_fn(move || {
        loop {
            let begin = rest + find(text.get(rest..)?, name, false)?;
            let open = begin + text.get(begin..)?.find('>')? + 1;
            rest = open;
            if text.get(..open)?.ends_with("/>") {
                continue;
            }
            let inner = text.get(open..)?;
            let end = find(inner, name, true).unwrap_or(inner.len());
            rest = open + end;
            return Some((open, inner.get(..end)?));
        }
    })
}

/// Where the next tag called `name` begins: one that opens, or either one.
fn find(text: &str, name: &str, either: bool) -> Option<usize> {
    text.match_indices('<').map(|(at, _)| at).find(|at| {
        let rest = text.get(at + 1..).unwrap_or_default();
        let rest = if either { rest.strip_prefix('/').unwrap_or(rest) } else { rest };
        let own = rest.get(..name.len()).is_some_and(|own| own.eq_ignore_ascii_case(name));
        own && rest
            .get(name.len()..)
            .is_some_and(|behind| behind.starts_with(['>', ' ', '/', '\r', '\n', '\t']))
    })
}

/// The text without tags, and without the dot that the style sheet hides in each cell.
fn plain(markup: &str) -> String {
    let markup = markup.split("<span").next().unwrap_or_default();
    let mut text = String::new();
    for part in markup.split('<') {
        text.push_str(part.split_once('>').map_or(part, |(_, behind)| behind));
    }
    quick_xml::escape::unescape(&text)
        .map_or_else(|_| text.clone(), |text| text.into_owned())
        .trim()
        .to_owned()
}

/// Numbers lines that are asked for in their order.
struct Lines<'a> {
    text: &'a str,
    counted: (usize, u64),
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, counted: (0, 1) }
    }

    fn number(&mut self, at: usize) -> u64 {
        let between = self.text.get(self.counted.0..at).unwrap_or_default();
        let lines = between.bytes().filter(|&byte| byte == b'\n').count();
        self.counted = (at, self.counted.1 + lines as u64);
        self.counted.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{InstallDay, Observation, Position};
    use crate::parse::testing;
    use jiff::civil::date;

    fn updates(text: &str) -> Vec<(Position, Option<String>, String, InstallDay)> {
        let update = |fact: crate::fact::Fact| match fact.observation {
            Observation::Update(update) => Some((fact.origin.at, update.host, update.kb, update.installed)),
            _ => None,
        };
        testing::read(&FORMAT, text.as_bytes()).facts.into_iter().filter_map(update).collect()
    }

    fn expected(first: u64, second: u64) -> [(Position, Option<String>, String, InstallDay); 2] {
        let update = |line, kb: &str, day| {
            let installed = InstallDay::On(date(2026, 9, day));
            (Position::Line(line), Some("HV01".to_owned()), kb.to_owned(), installed)
        };
        [update(first, "KB5099540", 9), update(second, "KB5120242", 23)]
    }

    #[test]
    fn raw_xml_gives_its_instances() {
        let instance = |kb: &str, day: &str| {
            format!(
                "<INSTANCE CLASSNAME=\"Win32_QuickFixEngineering\">\r\n<PROPERTY NAME=\"CSName\" TYPE=\"string\"><VALUE>HV01</VALUE></PROPERTY>\
                 <PROPERTY NAME=\"HotFixID\" TYPE=\"string\"><VALUE>{kb}</VALUE></PROPERTY>\
                 <PROPERTY NAME=\"InstallDate\" TYPE=\"datetime\"/><PROPERTY NAME=\"InstalledOn\" TYPE=\"string\"><VALUE>{day}</VALUE></PROPERTY></INSTANCE>\r\n"
            )
        };
        let text = format!(
            "<COMMAND SEQUENCENUM=\"1\">\r\n<RESULTS NODE=\"HV01\"><CIM>\r\n{}{}</CIM></RESULTS></COMMAND>",
            instance("KB5099540", "9/9/2026"),
            instance("KB5120242", "9/23/2026")
        );
        assert_eq!(testing::kind(&FORMAT, text.as_bytes()), Some("hot-fix-list"));
        assert_eq!(updates(&text), expected(3, 5));
    }

    #[test]
    fn an_html_table_gives_its_rows() {
        let row = |cells: [&str; 3]| {
            let cell =
                |cell: &&str| format!("<td>{cell}<span style=\"height:1px;overflow-y:hidden\">.</span></td>");
            format!(
                "<tr style=\"font:10pt Tahoma;\">\r\n{}</tr>\r\n",
                cells.iter().map(cell).collect::<String>()
            )
        };
        let text = format!(
            "<H3>node: HV01 - 2 Instances of Win32_QuickFixEngineering</H3><table border=\"1\">\r\n{}{}{}</table>",
            row(["Node", "HotFixID", "InstalledOn"]),
            row(["HV01", "KB5099540", "9/9/2026"]),
            row(["HV01", "KB5120242", "9/23/2026"])
        );
        assert_eq!(testing::kind(&FORMAT, text.as_bytes()), Some("hot-fix-table"));
        assert_eq!(updates(&text), expected(4, 6));
    }

    #[test]
    fn other_markup_is_not_ours_and_damage_never_panics() {
        assert_eq!(testing::kind(&FORMAT, b"<html><table><tr><td>Name</td></tr></table></html>"), None);
        let text = "<tr><td>HotFixID</td></tr><tr><td>KB1<b>x</td><td></tr><INSTANCE x><PROPERTY NAME=\"a\"><VALUE>&bad;</VALUE>";
        for cut in 0..text.len() {
            updates(&text[..cut]);
            updates(&text[cut..]);
        }
    }
}
