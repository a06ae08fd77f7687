//! Delimited tables: `Export-Csv`, csvde, wmic, Excel and the collectors' own.
//!
//! One source holds one meaning, which its header tells.

use super::{Gathering, MEANINGS, Meaning, Record};
use crate::bundle::Stream;
use crate::fact::Parsed;
use crate::parse::table::{self, Table};
use crate::parse::{Context, Format, Head, Reader, text};

/// The format's line in the table.
pub(in crate::parse) const FORMAT: Format = Format { recognise, reader: Reader::Stream(parse) };

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    if table::is_screen_layout(head.text()) {
        return Some("screen-layout");
    }
    let (_, meaning) = find(head.text())?;
    Some(meaning.kinds.csv)
}

/// The meaning that the header of a table tells.
fn find(text: &str) -> Option<(usize, &'static Meaning)> {
    MEANINGS.iter().enumerate().find(|(_, meaning)| {
        let columns = table::columns(text, meaning.columns).unwrap_or_default();
        (meaning.tells)(&|name| columns.iter().any(|column| column == name))
    })
}

fn parse(stream: &mut Stream<'_>, context: &Context<'_>) -> Parsed {
    let head = stream.head().to_vec();
    let found = find(&text::decode_head(&head));
    let mut gathering = Gathering::default();
    let blocks = text::Blocks::new(&mut *stream, &head);
    let table = found.and_then(|(index, meaning)| Some((index, Table::read(blocks, meaning.columns)?)));
    let Some((index, mut table)) = table else {
        let source = text::read(stream);
        let rows = text::lines(&source.text).filter(|(_, line)| !line.trim().is_empty()).count();
        let issues = [source.issues, vec![table::screen_layout(rows as u64)]].concat();
        return gathering.finish(issues, context);
    };
    while let Some(row) = table.next_row() {
        gathering.give(index, &Record::of_row(row), context);
    }
    let mut issues: Vec<_> = table.guessed().map(text::guessed).into_iter().collect();
    issues.extend(table.finish().1);
    gathering.finish(issues, context)
}
