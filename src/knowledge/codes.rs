//! Error codes: `knowledge/codes/<space>.csv`.

use std::collections::HashMap;

use serde::Deserialize;

use super::class::{Class, Weight};
use super::{Standing, Text, fault};
use crate::error::Error;

/// The number space of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Space {
    /// HRESULT, and Win32 codes printed with eight digits.
    Hresult,
    /// NTSTATUS.
    Ntstatus,
    /// Kerberos error codes (RFC 4120 7.5.9) as events 4768, 4769 and 4771 print them.
    Kerberos,
}

/// What is known of one code.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Code {
    /// Such as `SEC_E_NO_CREDENTIALS`; empty where not established, which is written as `null`.
    #[serde(serialize_with = "or_null")]
    pub symbol: String,
    /// One sentence.
    pub meaning: String,
    /// The class of failure it names.
    pub class: Class,
    /// How much it is worth.
    pub weight: Weight,
    /// How well this is known.
    pub standing: Standing,
    /// Who says so.
    pub source: String,
    /// When that was last checked, `YYYY-MM-DD`.
    pub checked: String,
}

fn or_null<S: serde::Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&Some(text).filter(|text| !text.is_empty()), serializer)
}

/// Every code.
#[derive(Debug, Default)]
pub struct Codes(HashMap<(Space, u32), Code>);

#[derive(Deserialize)]
struct Row {
    code: String,
    symbol: String,
    meaning: String,
    class: Class,
    weight: Weight,
    standing: Standing,
    source: String,
    checked: String,
}

impl Codes {
    pub(super) fn load(files: &[Text]) -> Result<Self, Error> {
        let mut codes = Self::default();
        for (name, text) in files {
            let space = match *name {
                "hresult.csv" => Space::Hresult,
                "ntstatus.csv" => Space::Ntstatus,
                "kerberos.csv" => Space::Kerberos,
                other => return Err(fault(other, "not a code space")),
            };
            for row in csv::Reader::from_reader(text.as_bytes()).deserialize() {
                let row: Row = row.map_err(|error| fault(name, error))?;
                let number =
                    parse(&row.code).ok_or_else(|| fault(name, format!("{} is not a code", row.code)))?;
                let code = Code {
                    symbol: row.symbol,
                    meaning: row.meaning,
                    class: row.class,
                    weight: earned(row.weight, row.standing),
                    standing: row.standing,
                    source: row.source,
                    checked: row.checked,
                };
                if codes.0.insert((space, number), code).is_some() {
                    return Err(fault(name, format!("{} stands twice", row.code)));
                }
            }
        }
        Ok(codes)
    }

    /// What is known of `code`.
    #[must_use]
    pub fn of(&self, space: Space, code: u32) -> Option<&Code> {
        self.0.get(&(space, code))
    }

    /// Every code, by space and number.
    #[must_use]
    pub fn all(&self) -> Vec<(Space, u32, &Code)> {
        let mut all: Vec<_> = self.0.iter().map(|((space, number), code)| (*space, *number, code)).collect();
        all.sort_unstable_by_key(|(space, number, _)| (*space, *number));
        all
    }

    /// What is known of a code that stands in a text with eight digits: such texts do not tell an NTSTATUS from an
    /// HRESULT, its first digit does.
    #[must_use]
    pub fn of_text(&self, code: u32) -> Option<&Code> {
        let space = if code >> 28 == 0xC { Space::Ntstatus } else { Space::Hresult };
        self.of(space, code).or_else(|| self.of(Space::Hresult, code))
    }
}

/// What nobody could verify is a hint, never a proof.
fn earned(weight: Weight, standing: Standing) -> Weight {
    if standing == Standing::Memory { weight.min(Weight::Ambiguous) } else { weight }
}

fn parse(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}
