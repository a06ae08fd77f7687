//! What the progress of a move at its failure tells: `knowledge/progress.toml`.
//!
//! What is *not* done here: reading the progress off a record. The time between start and failure is none.

use serde::Deserialize;

use super::class::Class;
use super::{Standing, fault};
use crate::error::Error;

/// Every reading, in the file's order.
#[derive(Debug)]
pub struct Progress(Vec<Reading>);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reading {
    from: Option<u8>,
    to: Option<u8>,
    class: Option<Class>,
    says: String,
    #[serde(rename = "standing")]
    _standing: Standing,
    #[serde(rename = "source")]
    _source: String,
    #[serde(rename = "checked")]
    _checked: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    reading: Vec<Reading>,
}

impl Progress {
    pub(super) fn load(file: File) -> Result<Self, Error> {
        let sound = |reading: &Reading| match (reading.from, reading.to, reading.class) {
            (Some(from), Some(to), None) => from <= to && to <= 100,
            (None, None, Some(_)) => true,
            _ => false,
        };
        match file.reading.iter().find(|reading| !sound(reading)) {
            Some(odd) => Err(fault("progress.toml", format!("neither a span nor a class: {}", odd.says))),
            None => Ok(Self(file.reading)),
        }
    }

    /// What the progress of a failure of `class` tells, in a sentence: by the percentage where a record states one, else
    /// by what is documented of the class. `None` where neither is known.
    #[must_use]
    pub fn reading(&self, percentage: Option<u8>, class: Class) -> Option<&str> {
        let fits = |reading: &&Reading| match percentage {
            Some(percentage) => {
                reading.from.is_some_and(|from| from <= percentage)
                    && reading.to.is_some_and(|to| percentage <= to)
            }
            None => reading.class == Some(class),
        };
        self.0.iter().find(fits).map(|reading| reading.says.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(text: &str) -> Result<Progress, Error> {
        Progress::load(toml::from_str(text).unwrap())
    }

    const REST: &str = "says = \"x\"\nstanding = \"memory\"\nsource = \"s\"\nchecked = \"2026-11-22\"\n";

    #[test]
    fn a_stated_percentage_goes_before_the_class() {
        let text = format!(
            "[[reading]]\nclass = \"switch\"\n{REST}[[reading]]\nfrom = 80\nto = 90\n{}",
            REST.replace('x', "late")
        );
        let progress = loaded(&text).unwrap();
        assert_eq!(progress.reading(Some(87), Class::Switch), Some("late"));
        assert_eq!(progress.reading(Some(5), Class::Switch), None);
        assert_eq!(progress.reading(None, Class::Switch), Some("x"));
        assert_eq!(progress.reading(None, Class::Delegation), None);
    }

    #[test]
    fn a_reading_of_nothing_is_refused() {
        for of in [
            "",
            "from = 3\n",
            "from = 9\nto = 3\n",
            "from = 3\nto = 101\n",
            "from = 3\nto = 4\nclass = \"switch\"\n",
        ] {
            assert!(loaded(&format!("[[reading]]\n{of}{REST}")).is_err(), "{of}");
        }
    }
}
