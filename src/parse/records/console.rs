//! What a console shows of objects: `Format-List`, `Format-Table`, and the lists of wmic (`Name=Value`).
//!
//! Objects that follow each other with nothing but blank lines between them were printed by one command; any other
//! line ends that section. What is *not* done here: lists that the console cut (`{a, b...}`), which are handed on as
//! they stand, and columns that it left out.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

use super::{Gathering, Record, Syntax, Value};
use crate::fact::{Issue, Parsed};
use crate::parse::{Context, Format, Head, Reader, text};

/// The format's line in the table.
pub(in crate::parse) const FORMAT: Format = Format { recognise, reader: Reader::Text(parse) };

/// Names of properties are hardly longer; `VirtualMachineMigrationAuthenticationType` has 41 letters.
const LONGEST_NAME: usize = 64;

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    super::first_kind(|take| _ = read(head.text(), take))
}

fn parse(text: &str, context: &Context<'_>) -> Parsed {
    let mut gathering = Gathering::default();
    let cut = read(text, &mut |record| gathering.take(record, context));
    gathering.finish(cut.then(truncated).into_iter().collect(), context)
}

fn truncated() -> Issue {
    let detail = "the text ends in the middle of a line, so the last value is left out, and what its object may have said \
                  behind it stays unknown; copy or export it again";
    Issue::loss("list-truncated", detail, None)
}

/// Gives every object of `text` to `take`; says whether the text ends within a line of an object.
fn read(text: &str, take: &mut dyn FnMut(&Record)) -> bool {
    let mut screen = Screen { take, open: Vec::new(), begun: 0, section: 0, whole: true };
    let mut above: Option<&str> = None;
    let mut lines = text::lines(text).peekable();
    while let Some((number, line)) = lines.next() {
        if let (Some(header), Some(columns)) = (above, dashes(line)) {
            screen.close();
            screen.section += 1;
            let columns = Columns::new(header, &columns);
            let mut rows = Vec::new();
            while let Some((number, row)) = lines.next_if(|(_, row)| !row.trim().is_empty()) {
                rows.push((number, row));
            }
            columns.read(&rows, screen.section, screen.take);
            screen.section += 1;
            above = None;
            continue;
        }
        // The last line may be cut anywhere: it ends no object, and what it says is left out below.
        let is_last = lines.peek().is_none() && !text.ends_with('\n');
        if !is_last || screen.open.is_empty() || line.trim().is_empty() || property(line).is_some() {
            screen.line(number, line);
        }
        above = Some(line).filter(|line| !line.trim().is_empty());
    }
    // A list ends with a blank line; where that lacks, more of the object may have stood there.
    screen.whole = false;
    let cut = !text.ends_with('\n') && screen.open.last().is_some_and(|last| last.column.is_some());
    if cut {
        screen.open.pop();
    }
    screen.close();
    cut
}

/// The lists of a text while they are read.
struct Screen<'a> {
    take: &'a mut dyn FnMut(&Record),
    open: Vec<Property<'a>>,
    /// The line that the open object begins in.
    begun: u64,
    section: usize,
    /// Whether the open object is known to have ended.
    whole: bool,
}

/// One property, and the lines that it goes on over.
struct Property<'a> {
    name: &'a str,
    /// Where its value stands in the line; `None` for wmic's, which never go on.
    column: Option<usize>,
    parts: Vec<&'a str>,
}

impl<'a> Screen<'a> {
    fn line(&mut self, number: u64, line: &'a str) {
        if line.trim().is_empty() {
            // wmic ends every line twice, so a blank line between its properties says nothing.
            if self.open.last().is_none_or(|last| last.column.is_some()) {
                self.close();
            }
        } else if let Some(property) = property(line) {
            if self.open.iter().any(|own| own.name.eq_ignore_ascii_case(property.name)) {
                self.close();
            }
            if self.open.is_empty() {
                self.begun = number;
            }
            self.open.push(property);
        } else if !self.goes_on(line) {
            self.close();
            self.section += 1;
        }
    }

    /// Takes a line that goes on with the value above it.
    fn goes_on(&mut self, line: &'a str) -> bool {
        let Some(last) = self.open.last_mut() else { return false };
        let Some(column) = last.column else { return false };
        let (blanks, rest) = line.split_at_checked(column).unwrap_or_default();
        let is_more = !rest.is_empty() && blanks.trim().is_empty();
        if is_more {
            last.parts.push(rest.trim_end());
        }
        is_more
    }

    fn close(&mut self) {
        let open = std::mem::take(&mut self.open);
        if open.is_empty() {
            return;
        }
        let width = open.iter().filter(|own| own.parts.len() > 1).filter_map(Property::width).max();
        let values =
            open.iter().map(|own| (own.name.to_lowercase(), Value::Text(own.value(width).into_owned())));
        let record = Record::new(self.begun, self.section, Syntax::List, values.collect());
        (self.take)(&Record { whole: self.whole, ..record });
    }
}

/// `Name   : Value` or `Name=Value`.
fn property(line: &str) -> Option<Property<'_>> {
    let is_name = |name: &str| {
        let sound = |char: char| char.is_alphanumeric() || matches!(char, '-' | '_' | '(' | ')' | '%' | ' ');
        !name.is_empty() && name.len() <= LONGEST_NAME && !name.starts_with(' ') && name.chars().all(sound)
    };
    if let Some((name, value)) = line.split_once('=')
        && !name.contains([' ', ':'])
        && is_name(name)
    {
        return Some(Property { name, column: None, parts: vec![value.trim()] });
    }
    let colon = line.find(" :").map(|at| at + 1).or_else(|| line.find(':'))?;
    let (name, rest) = (line.get(..colon)?.trim_end(), line.get(colon + 1..)?);
    if !is_name(name) || !(rest.is_empty() || rest.starts_with(' ')) {
        return None;
    }
    Some(Property { name, column: Some(colon + 2), parts: vec![rest.trim()] })
}

impl Property<'_> {
    /// The length of the longest part that another follows.
    fn width(&self) -> Option<usize> {
        let (_, full) = self.parts.split_last()?;
        full.iter().map(|part| part.chars().count()).max()
    }

    /// The value in one. A console of `width` columns breaks at a blank, which it drops, or behind a hyphen; a word
    /// that is longer than a line, with the blank behind it, it breaks where the line ends.
    fn value(&self, width: Option<usize>) -> Cow<'_, str> {
        let Some((first, rest)) = self.parts.split_first() else { return Cow::Borrowed("") };
        let mut value = Cow::Borrowed(*first);
        let mut before = *first;
        for part in rest {
            let count = |word: Option<&str>| word.map_or(0, |word| word.chars().count());
            let (last, next) = (before.rsplit(' ').next(), part.split(' ').next());
            let is_full =
                width.is_some_and(|width| count(Some(before)) >= width && count(last) + count(next) >= width);
            let behind_hyphen = before.ends_with('-') && !before.ends_with(" -");
            let text = value.to_mut();
            if !is_full && !behind_hyphen {
                text.push(' ');
            }
            text.push_str(part);
            before = part;
        }
        value
    }
}

/// Where the columns of a table begin and end, if `line` is its rule: `------  ----`.
fn dashes(line: &str) -> Option<Vec<(usize, usize)>> {
    if !line.trim_start().starts_with('-') || line.chars().any(|char| char != '-' && char != ' ') {
        return None;
    }
    let mut columns: Vec<(usize, usize)> = Vec::new();
    for (at, char) in line.char_indices().filter(|(_, char)| *char == '-') {
        match columns.last_mut() {
            Some((_, end)) if *end == at => *end += char.len_utf8(),
            _ => columns.push((at, at + 1)),
        }
    }
    (columns.len() > 1).then_some(columns)
}

/// The columns of a table.
struct Columns {
    names: Vec<String>,
    /// Where each begins and its rule ends, in columns of the console.
    spans: Vec<(usize, usize)>,
}

impl Columns {
    fn new(header: &str, spans: &[(usize, usize)]) -> Self {
        let header = Cells::of(header);
        let name = |(at, span): (usize, &(usize, usize))| {
            let end = spans.get(at + 1).map_or(usize::MAX, |next| next.0);
            header.between(span.0, end).trim().to_lowercase()
        };
        Self { names: spans.iter().enumerate().map(name).collect(), spans: spans.to_vec() }
    }

    fn read(&self, rows: &[(u64, &str)], section: usize, take: &mut dyn FnMut(&Record)) {
        let cells: Vec<_> = rows.iter().map(|(_, row)| Cells::of(row)).collect();
        let bounds = self.bounds(&cells);
        for ((number, _), cells) in rows.iter().zip(&cells) {
            let value = |(at, name): (usize, &String)| {
                let begin = bounds.get(at).copied().unwrap_or(0);
                let end = bounds.get(at + 1).copied().unwrap_or(usize::MAX);
                (name.clone(), Value::Text(cells.between(begin, end).trim().to_owned()))
            };
            let values = self.names.iter().enumerate().map(value).collect();
            take(&Record::new(*number, section, Syntax::Table, values));
        }
    }

    /// Where each column begins. Numbers stand to the right, so a column may begin before its rule does: at the
    /// last place before it where every row has a blank.
    fn bounds(&self, rows: &[Cells<'_>]) -> Vec<usize> {
        let mut bounds = vec![0];
        for pair in self.spans.windows(2) {
            let [(_, end), (begin, _)] = pair else { continue };
            let is_free = |at: usize| rows.iter().all(|row| row.is_blank(at));
            let free = (*end..*begin).rev().find(|at| is_free(*at));
            bounds.push(free.map_or(*begin, |at| at + 1));
        }
        bounds
    }
}

/// A line, by columns of the console: letters of the East take two.
struct Cells<'a> {
    line: &'a str,
    /// Where each character begins: its column, and its byte.
    places: Vec<(usize, usize)>,
    width: usize,
}

impl<'a> Cells<'a> {
    fn of(line: &'a str) -> Self {
        let mut width = 0;
        let mut places = Vec::new();
        for (byte, char) in line.char_indices() {
            places.push((width, byte));
            width += char.width().unwrap_or(0);
        }
        Self { line, places, width }
    }

    fn byte(&self, column: usize) -> usize {
        let index = self.places.partition_point(|(own, _)| *own < column);
        self.places.get(index).map_or(self.line.len(), |(_, byte)| *byte)
    }

    fn between(&self, begin: usize, end: usize) -> &'a str {
        self.line.get(self.byte(begin)..self.byte(end)).unwrap_or_default()
    }

    fn is_blank(&self, column: usize) -> bool {
        column >= self.width || self.between(column, column + 1).trim().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs = Vec<(String, String)>;

    fn records(text: &str) -> Vec<(u64, usize, Pairs)> {
        let mut all = Vec::new();
        read(text, &mut |record| {
            let value = |name: &&str| ((*name).to_owned(), record.text(name).unwrap_or_default().to_owned());
            all.push((record.line, record.section, record.names().iter().map(value).collect()));
        });
        all
    }

    fn pairs<const N: usize>(values: [(&str, &str); N]) -> Pairs {
        values.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    #[test]
    fn lists_are_objects_between_blank_lines() {
        let text = "\r\nName  : HV01\r\nSpns  : {a/b, c/d...}\r\nEmpty :\r\n\r\nName : HV02\r\nPS C:\\> x\r\nName : HV03\r\nName : HV04\r\n";
        let expected = [
            (2, 0, pairs([("name", "HV01"), ("spns", "{a/b, c/d...}"), ("empty", "")])),
            (6, 0, pairs([("name", "HV02")])),
            (8, 1, pairs([("name", "HV03")])),
            (9, 1, pairs([("name", "HV04")])),
        ];
        assert_eq!(records(text), expected);
    }

    #[test]
    fn wrapped_values_are_joined_as_they_were_broken() {
        let text = "ObjectCategory : CN=Person,CN=Schema,CN=Configuration,DC=\n                 contoso,DC=com\n\
                    objectSid      : S-1-5-21-758131494-606461608-3556270690-\n                 2177\n\
                    PrimaryGroup   : CN=Domain\n                 Users,CN=Users,DC=contoso,DC=com\n\
                    Spns           : {Microsoft Virtual System Migration\n                 Service/HV02, cifs/HV02}\n";
        let (_, _, values) = records(text).remove(0);
        let value = |at: usize| values[at].1.as_str();
        assert_eq!(value(0), "CN=Person,CN=Schema,CN=Configuration,DC=contoso,DC=com");
        assert_eq!(value(1), "S-1-5-21-758131494-606461608-3556270690-2177");
        assert_eq!(value(2), "CN=Domain Users,CN=Users,DC=contoso,DC=com");
        assert_eq!(value(3), "{Microsoft Virtual System Migration Service/HV02, cifs/HV02}");
    }

    #[test]
    fn an_object_that_the_end_cuts_loses_its_last_value_and_is_not_whole() {
        let mut found = Vec::new();
        let cut =
            read("Name : HV01\nSpns : {a, b", &mut |record| found.push((record.whole, record.has("spns"))));
        assert_eq!((cut, found), (true, vec![(false, false)]));
        let mut found = Vec::new();
        let cut =
            read("Name : HV01\nSpns : {a}\n\n", &mut |record| found.push((record.whole, record.has("spns"))));
        assert_eq!((cut, found), (false, vec![(true, true)]));
    }

    #[test]
    fn lists_of_wmic_end_their_lines_twice() {
        let text = "\r\r\n\r\r\nHotFixID=KB1\r\r\n\r\r\nInstalledOn=4/11/2017\r\r\n\r\r\n\r\r\nHotFixID=KB2\r\r\nInstalledOn=\r\r\n";
        let found: Vec<_> = records(text).into_iter().map(|(_, _, values)| values).collect();
        let expected = [
            pairs([("hotfixid", "KB1"), ("installedon", "4/11/2017")]),
            pairs([("hotfixid", "KB2"), ("installedon", "")]),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn tables_give_their_columns() {
        let text = "Source      Description    HotFixID  Size InstalledOn\n\
                    ------      -----------    --------  ---- -----------\n\
                    DESKTOP-... 安全更新       KB4483452  123 2019/2/14 0:00:00\n\
                    HV01                       KB4465477 1234 2019/2/15 0:00:00\n\nbehind\n";
        let found: Vec<_> = records(text).into_iter().map(|(line, _, values)| (line, values)).collect();
        let row = |source, description, kb, size, day| {
            pairs([
                ("source", source),
                ("description", description),
                ("hotfixid", kb),
                ("size", size),
                ("installedon", day),
            ])
        };
        let expected = [
            (3, row("DESKTOP-...", "安全更新", "KB4483452", "123", "2019/2/14 0:00:00")),
            (4, row("HV01", "", "KB4465477", "1234", "2019/2/15 0:00:00")),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn damage_never_panics() {
        let text = "Name : ü\n      虚\nA=b\n\nN  虚\n-  --\nx  y\n---- --\n";
        for (cut, _) in text.char_indices() {
            records(&text[..cut]);
            records(&text[cut..]);
        }
    }
}
