//! Exports that are lists of objects, whatever their syntax.
//!
//! A syntax is one file in `records/`: rows of a delimited table, JSON, Clixml, and what a console shows
//! (`Format-List`, `Format-Table`, wmic's lists). It turns a source into [`Record`]s. A meaning is one file beside
//! this one (computer objects, updates, Hyper-V hosts, …) and turns records into facts. Any meaning may come in any
//! syntax, and one source may hold several meanings.
//! What is *not* done here: any value's meaning.

use super::table::Row;
use super::{Context, cluster, computer, event_rows, hot_fix, machine_info, update_history, vm_host};
use crate::fact::{Coverage, Fact, Issue, Parsed, Position};

pub(super) mod clixml;
pub(super) mod console;
pub(super) mod delimited;
pub(super) mod json;
mod tree;
pub(super) mod wmic;

/// Every meaning; the first that an object's names tell of reads it.
const MEANINGS: &[Meaning] = &[
    computer::MEANING,
    event_rows::MEANING,
    hot_fix::MEANING,
    update_history::MEANING,
    vm_host::MEANING,
    cluster::NODES,
    cluster::MACHINES,
    cluster::CLUSTERS,
    cluster::NETWORKS,
    cluster::PARAMETERS,
    machine_info::MEANING,
];

/// What objects of an export can be.
pub(super) struct Meaning {
    /// Its names in reports.
    pub(super) kinds: Kinds,
    /// Names of properties, lower-case: they tell a table's header from its rows.
    pub(super) columns: &'static [&'static str],
    /// Whether an object that has these names (lower-case) is one.
    pub(super) tells: fn(Names<'_>) -> bool,
    /// Begins to read the objects of one source.
    pub(super) gather: fn() -> Box<dyn Gather>,
}

/// Whether an object has a property of that name (lower-case).
pub(super) type Names<'a> = &'a dyn Fn(&str) -> bool;

/// The kind of a source (`sources[].kind`), by its syntax.
pub(super) struct Kinds {
    pub(super) csv: &'static str,
    pub(super) json: &'static str,
    pub(super) clixml: &'static str,
    pub(super) list: &'static str,
    pub(super) table: &'static str,
}

/// Reads the objects of one meaning and one source: dates, for one, are judged for all of them.
pub(super) trait Gather {
    /// Looks at the next object.
    fn take(&mut self, record: &Record, context: &Context<'_>);
    /// All that was found.
    fn finish(self: Box<Self>, context: &Context<'_>) -> Parsed;
}

/// How objects were written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    Csv,
    Json,
    Clixml,
    List,
    Table,
}

impl Kinds {
    fn of(&self, syntax: Syntax) -> &'static str {
        match syntax {
            Syntax::Csv => self.csv,
            Syntax::Json => self.json,
            Syntax::Clixml => self.clixml,
            Syntax::List => self.list,
            Syntax::Table => self.table,
        }
    }
}

/// One object as printed.
#[derive(Debug)]
pub(super) struct Record {
    /// Its first line, counted from 1.
    pub(super) line: u64,
    /// Objects of one section were printed by one command, as far as the source shows.
    pub(super) section: usize,
    pub(super) syntax: Syntax,
    /// Whether nothing of it can be missing behind what is there.
    pub(super) whole: bool,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Row(Row),
    /// By lower-case name, in the order of the source.
    Properties(Vec<(String, Value)>),
}

/// A value of a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// A text, which may be a list in the exporter's own form; empty for null.
    Text(String),
    /// A list that the syntax itself keeps apart, whole.
    List(Vec<String>),
}

/// A value while it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    /// Trimmed.
    Text(&'a str),
    List(&'a [String]),
    /// The row ends before it.
    Cut,
}

impl Record {
    /// An object of properties.
    pub(super) fn new(line: u64, section: usize, syntax: Syntax, properties: Vec<(String, Value)>) -> Self {
        Self { line, section, syntax, whole: true, body: Body::Properties(properties) }
    }

    /// An object of a table.
    pub(super) fn of_row(row: Row) -> Self {
        Self { line: row.line, section: 0, syntax: Syntax::Csv, whole: true, body: Body::Row(row) }
    }

    /// The row of a delimited table, where it is one.
    pub(super) fn row(&self) -> Option<&Row> {
        match &self.body {
            Body::Row(row) => Some(row),
            Body::Properties(_) => None,
        }
    }

    /// Whether the object has the property `name` (lower-case), with or without a value.
    pub(super) fn has(&self, name: &str) -> bool {
        match &self.body {
            Body::Row(row) => row.column(name).is_some(),
            Body::Properties(properties) => properties.iter().any(|(own, _)| own == name),
        }
    }

    /// The value of `name` (lower-case); `None` without such a property.
    pub(super) fn cell(&self, name: &str) -> Option<Cell<'_>> {
        match &self.body {
            Body::Row(row) => {
                row.column(name)?;
                Some(row.get(name).map_or(Cell::Cut, Cell::Text))
            }
            Body::Properties(properties) => {
                let (_, value) = properties.iter().find(|(own, _)| own == name)?;
                Some(match value {
                    Value::Text(text) => Cell::Text(text.trim()),
                    Value::List(list) => Cell::List(list),
                })
            }
        }
    }

    /// The text of `name` (lower-case), or of a list's only element; `None` where it is empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let text = match self.cell(name)? {
            Cell::Text(text) => text,
            Cell::List([only]) => only.trim(),
            Cell::List(_) | Cell::Cut => return None,
        };
        Some(text).filter(|text| !text.is_empty())
    }

    /// The first text among `names`.
    pub(super) fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.text(name))
    }

    /// The names of the properties, lower-case.
    pub(super) fn names(&self) -> Vec<&str> {
        match &self.body {
            Body::Row(row) => row.names().iter().map(String::as_str).collect(),
            Body::Properties(properties) => properties.iter().map(|(name, _)| name.as_str()).collect(),
        }
    }
}

/// The meaning of an object with these names.
fn meaning(has: Names<'_>) -> Option<usize> {
    MEANINGS.iter().position(|meaning| (meaning.tells)(has))
}

/// The kind of a source that holds `record`.
fn kind(record: &Record) -> Option<&'static str> {
    let meaning = MEANINGS.get(meaning(&|name| record.has(name))?)?;
    Some(meaning.kinds.of(record.syntax))
}

/// The kind of a source of which `read` gives the objects that its head holds: that of the first that means something.
fn first_kind(read: impl FnOnce(&mut dyn FnMut(&Record))) -> Option<&'static str> {
    let mut found = None;
    read(&mut |record| found = found.or_else(|| kind(record)));
    found
}

/// Hands the objects of one source to their meanings.
#[derive(Default)]
struct Gathering {
    by_meaning: Vec<Option<Box<dyn Gather>>>,
    records: u64,
}

impl Gathering {
    /// Takes an object and counts it, if it means something.
    fn take(&mut self, record: &Record, context: &Context<'_>) {
        if let Some(index) = meaning(&|name| record.has(name)) {
            self.give(index, record, context);
        }
    }

    fn give(&mut self, index: usize, record: &Record, context: &Context<'_>) {
        self.records += 1;
        if self.by_meaning.len() <= index {
            self.by_meaning.resize_with(index + 1, || None);
        }
        if let (Some(slot), Some(meaning)) = (self.by_meaning.get_mut(index), MEANINGS.get(index)) {
            slot.get_or_insert_with(meaning.gather).take(record, context);
        }
    }

    /// All that was found, in the order of the source; `issues` are those of the syntax.
    fn finish(self, issues: Vec<Issue>, context: &Context<'_>) -> Parsed {
        let mut all = Parsed { issues, ..Parsed::default() };
        all.coverage = Coverage { records: self.records, channels: Vec::new() };
        for gather in self.by_meaning.into_iter().flatten() {
            let parsed = gather.finish(context);
            all.facts.extend(parsed.facts);
            all.issues.extend(parsed.issues);
            all.coverage.channels.extend(parsed.coverage.channels);
            all.bystanders.join(parsed.bystanders);
        }
        all.facts.sort_by_key(line);
        all
    }
}

/// Where a fact stands; records are numbered by their logs and keep the order that they were found in.
fn line(fact: &Fact) -> u64 {
    match fact.origin.at {
        Position::Line(line) => line,
        Position::Record(_) => 0,
    }
}
