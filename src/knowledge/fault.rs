//! What is wrong in a file that a person wrote: where it stands, what it is, and what to do.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

/// A fault of a rule's file or of one of its cases. Ordered by file and place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fault {
    /// The file, as it was named to the reader, with `/`.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What is wrong, in a few words.
    pub title: String,
    /// What to do.
    pub advice: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, title, advice } = self;
        write!(f, "{file}:{line}:{column}: {title}; {advice}")
    }
}

/// A file as a person wrote it, with lines that end in `\n`: an editor's other line ends and its byte order mark are
/// taken off, which moves no line and no column.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Its name.
    pub file: String,
    /// Its text.
    pub text: String,
}

impl Draft {
    /// The file called `file`.
    #[must_use]
    pub fn new(file: impl Into<String>, text: &str) -> Self {
        let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        Self { file: file.into(), text }
    }

    /// A fault at a byte of the text; behind its end means at its end.
    #[must_use]
    pub fn fault(&self, at: usize, title: impl Into<String>, advice: impl Into<String>) -> Fault {
        let before = self.text.get(..at).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Fault { file: self.file.clone(), line, column, title: title.into(), advice: advice.into() }
    }

    /// The text of a span.
    pub(super) fn slice(&self, span: Range<usize>) -> &str {
        self.text.get(span).unwrap_or_default()
    }
}

/// The name that `word` was most likely meant to be: the nearest, where it is near enough to be a slip.
#[must_use]
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    near(word, names).first().copied()
}

/// Every name that `word` may have been meant to be, the nearest first.
#[must_use]
pub fn near<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = word.to_lowercase();
    let distance = |name: &str| strsim::damerau_levenshtein(&word, &name.to_lowercase());
    let near = names.into_iter().map(|name| (distance(name), name));
    let allowed = (word.chars().count() / 3).max(2);
    let mut near: Vec<_> = near.filter(|(distance, _)| *distance <= allowed).collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().map(|(_, name)| name).collect()
}

/// Advice for a word that names nothing: the nearest name, else all of them.
#[must_use]
pub fn instead<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().collect();
    match nearest(word, names.iter().copied()) {
        Some(name) => format!("did you mean {name}?"),
        None => format!("write one of {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_from_one() {
        let draft = Draft::new("a.md", "\u{feff}ä = 1\r\nüb = x\r\n");
        let at = draft.text.find('x').unwrap();
        let fault = draft.fault(at, "x", "mend it");
        assert_eq!((fault.line, fault.column), (2, 6));
        assert_eq!(fault.to_string(), "a.md:2:6: x; mend it");
        assert_eq!(draft.fault(9999, "", "").line, 3);
    }

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        let names = ["kcd-missing", "kcd-incomplete", "healthy"];
        assert_eq!(nearest("kcd-misssing", names), Some("kcd-missing"));
        assert_eq!(nearest("Healhty", names), Some("healthy"));
        assert_eq!(nearest("printer", names), None);
        assert!(instead("printer", names).ends_with("kcd-missing, kcd-incomplete, healthy"));
    }
}
