//! Objects of PowerShell, and the syntaxes that it writes them in.
//!
//! A syntax is one file in `object/`, so that every kind of object can be written in every syntax. What is *not*
//! done here: tables of `Format-Table`, whose columns are chosen by kind.

use jiff::Timestamp;
use jiff::civil::Date;

mod clixml;
mod json;
mod list;
mod table;

pub use clixml::export_clixml;
pub use json::{json_5, json_7};
pub use list::format_list;
pub use table::export_csv;

/// An object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its .NET types, the own one first.
    pub types: &'static [&'static str],
    /// What it prints as.
    pub printed: String,
    /// Its own properties.
    pub properties: Vec<(&'static str, Value)>,
    /// Properties that PowerShell added; one may bear the name of an own one, and hides it.
    pub added: Vec<(&'static str, Value)>,
}

/// The value of a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `$null`.
    Nothing,
    /// A string.
    Text(String),
    /// An integer of 64 bits.
    Number(i64),
    /// A Boolean.
    Flag(bool),
    /// An instant.
    Time(Timestamp),
    /// A day, as the midnight of the exporter's clock.
    Day(Date),
    /// A value of an enumeration: its name and its number.
    Choice(&'static str, i64),
    /// A SID.
    Sid(String),
    /// A collection of strings of this type.
    Many(&'static str, Vec<String>),
    /// The values of an event: objects that hold one value each.
    Values(Vec<String>),
    /// An object that prints as the name of its type, with the text that only Clixml keeps.
    Opaque(&'static str),
}

impl Object {
    /// Every property once, as it is seen: an added one hides the own one of its name.
    fn seen(&self) -> impl Iterator<Item = &(&'static str, Value)> {
        let hidden = |name: &str| self.added.iter().any(|(own, _)| *own == name);
        self.properties.iter().filter(move |(name, _)| !hidden(name)).chain(&self.added)
    }
}

/// The values of an event, as a collection prints them in tables.
const EVENT_VALUES: &str =
    "System.Collections.Generic.List`1[System.Diagnostics.Eventing.Reader.EventProperty]";
/// One of them.
const EVENT_VALUE: &str = "System.Diagnostics.Eventing.Reader.EventProperty";
