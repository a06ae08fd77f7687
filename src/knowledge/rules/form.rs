//! A table of TOML that a person filled in, read field by field with the place of each: every fault is noted, none
//! ends the reading.

use std::ops::Range;

use serde::de::DeserializeOwned;
use serde::de::value::StrDeserializer;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::knowledge::fault::{Draft, Fault, instead, nearest};

/// A value and where it stands in its file, in bytes.
#[derive(Debug, Clone)]
pub(in crate::knowledge) struct Found<T> {
    pub(in crate::knowledge) value: T,
    pub(in crate::knowledge) span: Range<usize>,
}

/// A table that is being read: what was not asked for when it is finished has no place in it.
pub(in crate::knowledge) struct Form<'t> {
    draft: &'t Draft,
    /// What stands before the table's spans: TOML counts from its own beginning.
    base: usize,
    /// Where the table stands, for what is missing of it.
    span: Range<usize>,
    fields: Vec<(Found<String>, Spanned<DeValue<'t>>)>,
    asked: Vec<&'static str>,
}

impl<'t> Form<'t> {
    /// Reads the TOML that stands at `span` of `draft`. What is no TOML gives no form.
    pub(in crate::knowledge) fn open(
        draft: &'t Draft,
        span: Range<usize>,
        faults: &mut Vec<Fault>,
    ) -> Option<Self> {
        let base = span.start;
        let (table, errors) = DeTable::parse_recoverable(draft.slice(span.clone()));
        if errors.is_empty() {
            return Some(Self::of(draft, base, base..base, table.into_inner()));
        }
        for error in errors {
            let at = base + error.span().map_or(0, |span| span.start);
            faults.push(draft.fault(
                at,
                format!("not TOML: {}", error.message()),
                "mend it; the rest of the file is read when this is TOML",
            ));
        }
        None
    }

    fn of(draft: &'t Draft, base: usize, span: Range<usize>, table: DeTable<'t>) -> Self {
        let place = |span: Range<usize>| base + span.start..base + span.end;
        let fields = table.into_iter().map(|(key, value)| {
            let span = place(key.span());
            (Found { value: key.into_inner().into_owned(), span }, value)
        });
        Self { draft, base, span, fields: fields.collect(), asked: Vec::new() }
    }

    fn take(&mut self, key: &'static str) -> Option<(Range<usize>, DeValue<'t>)> {
        self.asked.push(key);
        let index = self.fields.iter().position(|(name, _)| name.value == key)?;
        let (_, value) = self.fields.remove(index);
        let span = self.base + value.span().start..self.base + value.span().end;
        Some((span, value.into_inner()))
    }

    fn missing(&self, key: &str, faults: &mut Vec<Fault>) {
        faults.push(self.draft.fault(
            self.span.start,
            format!("{key} is missing"),
            format!("add `{key} = …`; docs/writing-rules.md says what stands there"),
        ));
    }

    fn wrong(&self, key: &str, span: &Range<usize>, wanted: &str, faults: &mut Vec<Fault>) {
        faults.push(self.draft.fault(
            span.start,
            format!("{key} is not {wanted}"),
            format!("write {wanted}"),
        ));
    }

    /// A text, where it stands.
    pub(in crate::knowledge) fn text(
        &mut self,
        key: &'static str,
        faults: &mut Vec<Fault>,
    ) -> Option<Found<String>> {
        match self.take(key)? {
            (span, DeValue::String(value)) => Some(Found { value: value.into_owned(), span }),
            (span, _) => {
                self.wrong(key, &span, "a text in quotes", faults);
                None
            }
        }
    }

    /// A text that must stand there.
    pub(in crate::knowledge) fn required(
        &mut self,
        key: &'static str,
        faults: &mut Vec<Fault>,
    ) -> Option<Found<String>> {
        if !self.fields.iter().any(|(name, _)| name.value == key) {
            self.asked.push(key);
            self.missing(key, faults);
            return None;
        }
        let found = self.text(key, faults)?;
        if found.value.trim().is_empty() {
            faults.push(self.draft.fault(found.span.start, format!("{key} is empty"), "write it"));
            return None;
        }
        Some(found)
    }

    /// A word of a fixed set that must stand there.
    pub(in crate::knowledge) fn word<T>(
        &mut self,
        key: &'static str,
        names: impl Fn(&str) -> Result<T, Vec<&'static str>>,
        faults: &mut Vec<Fault>,
    ) -> Option<T> {
        let found = self.required(key, faults)?;
        self.named(key, &found, &names, faults)
    }

    fn named<T>(
        &self,
        key: &str,
        found: &Found<String>,
        names: &impl Fn(&str) -> Result<T, Vec<&'static str>>,
        faults: &mut Vec<Fault>,
    ) -> Option<T> {
        let unknown = |names: Vec<&'static str>| {
            let advice = instead(&found.value, names);
            faults.push(self.draft.fault(
                found.span.start,
                format!("{key}: nothing is called {:?}", found.value),
                advice,
            ));
        };
        names(&found.value).map_err(unknown).ok()
    }

    /// Words of a fixed set; none where the field is not there.
    pub(in crate::knowledge) fn words<T>(
        &mut self,
        key: &'static str,
        names: impl Fn(&str) -> Result<T, Vec<&'static str>>,
        faults: &mut Vec<Fault>,
    ) -> Vec<T> {
        let found = self.list(key, faults).unwrap_or_default();
        found.iter().filter_map(|word| self.named(key, word, &names, faults)).collect()
    }

    /// Texts, each with its place.
    pub(in crate::knowledge) fn list(
        &mut self,
        key: &'static str,
        faults: &mut Vec<Fault>,
    ) -> Option<Vec<Found<String>>> {
        let (span, value) = self.take(key)?;
        let DeValue::Array(items) = value else {
            self.wrong(key, &span, "a list of texts", faults);
            return None;
        };
        let mut found = Vec::new();
        for item in items {
            let span = self.base + item.span().start..self.base + item.span().end;
            match item.into_inner() {
                DeValue::String(value) => found.push(Found { value: value.into_owned(), span }),
                _ => self.wrong(key, &span, "a list of texts", faults),
            }
        }
        Some(found)
    }

    /// `true` or `false`; false where the field is not there.
    pub(in crate::knowledge) fn flag(&mut self, key: &'static str, faults: &mut Vec<Fault>) -> bool {
        match self.take(key) {
            Some((_, DeValue::Boolean(value))) => value,
            Some((span, _)) => {
                self.wrong(key, &span, "true or false", faults);
                false
            }
            None => false,
        }
    }

    /// A table inside of this one, where it stands.
    pub(in crate::knowledge) fn table(&mut self, key: &'static str, faults: &mut Vec<Fault>) -> Option<Self> {
        match self.take(key)? {
            (span, DeValue::Table(table)) => Some(Self::of(self.draft, self.base, span, table)),
            (span, _) => {
                self.wrong(key, &span, "a table", faults);
                None
            }
        }
    }

    /// A table that must stand there.
    pub(in crate::knowledge) fn required_table(
        &mut self,
        key: &'static str,
        faults: &mut Vec<Fault>,
    ) -> Option<Self> {
        let table = self.table(key, faults);
        if table.is_none() && !faults.iter().any(|fault| fault.title.starts_with(&format!("{key} is not"))) {
            self.missing(key, faults);
        }
        table
    }

    /// Where the table stands.
    pub(in crate::knowledge) fn start(&self) -> usize {
        self.span.start
    }

    /// Every field that is left, by name, for tables whose keys a vocabulary fixes.
    pub(in crate::knowledge) fn rest(self) -> impl Iterator<Item = (Found<String>, Found<DeValue<'t>>)> {
        let base = self.base;
        self.fields.into_iter().map(move |(name, value)| {
            let span = base + value.span().start..base + value.span().end;
            (name, Found { value: value.into_inner(), span })
        })
    }

    /// Notes what stands there and was not asked for.
    pub(in crate::knowledge) fn close(self, faults: &mut Vec<Fault>) {
        for (name, _) in &self.fields {
            let advice = match nearest(&name.value, self.asked.iter().copied()) {
                Some(known) => format!("did you mean {known}?"),
                None => format!("take it out; known are {}", self.asked.join(", ")),
            };
            faults.push(self.draft.fault(
                name.span.start,
                format!("no field is called {}", name.value),
                advice,
            ));
        }
    }
}

/// The variant of `T` that `word` names, else the names of all: what serde derived is the only list of them.
pub(in crate::knowledge) fn variant<T: DeserializeOwned>(word: &str) -> Result<T, Vec<&'static str>> {
    T::deserialize(StrDeserializer::<Names>::new(word)).map_err(|Names(names)| names.to_vec())
}

/// The error that keeps the names which serde expected.
#[derive(Debug)]
struct Names(&'static [&'static str]);

impl std::fmt::Display for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

impl std::error::Error for Names {}

impl serde::de::Error for Names {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self(&[])
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self(expected)
    }
}
