//! Phrases that name a class of failure: `knowledge/sentences.toml`.

use memchr::memmem::Finder;
use serde::Deserialize;

use super::Standing;
use super::class::Class;

/// Every phrase, lower-case, ready to be searched for.
#[derive(Debug)]
pub struct Sentences(Vec<(Finder<'static>, Class)>);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sentence {
    phrase: String,
    class: Class,
    #[serde(rename = "standing")]
    _standing: Standing,
    #[serde(rename = "source")]
    _source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    sentence: Vec<Sentence>,
}

impl Sentences {
    pub(super) fn load(file: File) -> Self {
        let ready = |sentence: Sentence| (Finder::new(&sentence.phrase).into_owned(), sentence.class);
        Self(file.sentence.into_iter().map(ready).collect())
    }

    /// The class that `text` names by a phrase: the first in the file that stands in it.
    #[must_use]
    pub fn class_of(&self, text: &str) -> Option<Class> {
        let text = text.to_lowercase();
        self.0.iter().find(|(phrase, _)| phrase.find(text.as_bytes()).is_some()).map(|(_, class)| *class)
    }
}
