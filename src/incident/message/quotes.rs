//! What a sentence says of its own, and what it only quotes: names between marks of any language, and paths.
//!
//! A machine or a folder may be called "virtual switch lab". What is *not* done here: telling what a name names.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr3;

use super::PREFIXES;

/// Marks that open a quotation, and those that close it.
const MARKS: &[(char, &[char])] = &[
    ('\'', &['\'']),
    ('"', &['"']),
    ('„', &['“', '”']),
    ('“', &['”', '“']),
    ('«', &['»']),
    ('»', &['«']),
    ('‘', &['’']),
    ('‚', &['‘', '’']),
    ('「', &['」']),
];

/// What stands between quotation marks of any language.
pub(super) fn quoted(text: &str) -> Vec<&str> {
    quotations(text).into_iter().filter_map(|place| text.get(place)).collect()
}

/// The words of a sentence that are its own: without what it quotes, without paths, and without the quoted `name`, which
/// may hold quotation marks itself.
pub(super) fn own_words<'a>(text: &'a str, name: Option<&str>) -> Cow<'a, str> {
    if text.is_ascii() && memchr3(b'\'', b'"', b'\\', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let named = name.filter(|name| !name.is_empty()).map(|name| without_name(text, name));
    Cow::Owned(without_paths(&without_quoted(named.as_deref().unwrap_or(text))))
}

/// The text without `name` where it stands between marks, alone or as the name of its resource.
fn without_name(text: &str, name: &str) -> String {
    let is_mark = |c: char| MARKS.iter().any(|(open, close)| *open == c || close.contains(&c));
    let mut rest = String::new();
    let mut from = 0;
    for (at, _) in text.match_indices(name) {
        let end = at + name.len();
        let [before, behind] = [text.get(..at), text.get(end..)].map(Option::unwrap_or_default);
        let resource = PREFIXES.iter().find_map(|prefix| before.strip_suffix(prefix));
        if resource.unwrap_or(before).ends_with(is_mark) && behind.starts_with(is_mark) {
            rest.push_str(text.get(from..at).unwrap_or_default());
            from = end;
        }
    }
    rest.push_str(text.get(from..).unwrap_or_default());
    rest
}

/// The text without paths that stand in no marks. Their folders may hold blanks, so a path begins with a drive or a
/// server and goes on to its file's extension; where it has none, to the first blank behind its last backslash.
fn without_paths(text: &str) -> String {
    let drive = text.match_indices(r":\").filter_map(|(at, _)| at.checked_sub(1)).next();
    let begin = drive.into_iter().chain(text.find(r"\\")).min();
    let Some((own, path)) = begin.and_then(|begin| Some((text.get(..begin)?, text.get(begin..)?))) else {
        return text.to_owned();
    };
    let last = path.rfind('\\').map_or(0, |at| at + 1);
    let file = path.get(last..).unwrap_or_default();
    let end = extension(file).or_else(|| file.find(char::is_whitespace)).unwrap_or(file.len());
    format!("{own}{}", file.get(end..).unwrap_or_default())
}

/// Where the first extension of a file's name ends: a point and two to five letters or digits, as in `.vhdx`.
fn extension(file: &str) -> Option<usize> {
    file.match_indices('.').find_map(|(at, _)| {
        let behind = file.get(at + 1..)?;
        let len = behind.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(behind.len());
        (2..=5).contains(&len).then_some(at + 1 + len)
    })
}

/// The text with nothing between its quotation marks.
fn without_quoted(text: &str) -> String {
    let mut rest = String::new();
    let mut from = 0;
    for place in quotations(text) {
        rest.push_str(text.get(from..place.start).unwrap_or_default());
        from = place.end;
    }
    rest.push_str(text.get(from..).unwrap_or_default());
    rest
}

/// Where quoted words stand, without their marks. A mark within a word is an apostrophe.
fn quotations(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut open: Option<(usize, &[char])> = None;
    // Most bytes of most texts can be no mark.
    let places =
        text.bytes().enumerate().filter(|(_, byte)| !byte.is_ascii() || matches!(byte, b'\'' | b'"'));
    for (at, _) in places {
        let Some((said, rest)) = text.split_at_checked(at) else { continue };
        let mut rest = rest.chars();
        let Some(c) = rest.next() else { continue };
        let (before, next) = (said.chars().next_back(), rest.next());
        // Chinese and Japanese write words and marks without blanks.
        let in_word = |other: Option<char>| other.is_some_and(|c| c.is_alphanumeric() && c < '\u{2E80}');
        match open {
            Some((begin, marks)) if marks.contains(&c) && !(in_word(before) && in_word(next)) => {
                found.push(begin..at);
                open = None;
            }
            None if c != '\'' || !in_word(before) => {
                let marks = MARKS.iter().find(|(mark, _)| *mark == c).map(|(_, closing)| *closing);
                open = marks.map(|marks| (at + c.len_utf8(), marks));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_of_many_languages() {
        assert_eq!(quoted("a 'HV01' b „HV02“ c «HV03»"), ["HV01", "HV02", "HV03"]);
        assert_eq!(quoted("it's open, isn't it"), Vec::<&str>::new());
        assert_eq!(quoted("'Bob's machine' at 'HV01'"), ["Bob's machine", "HV01"]);
        assert_eq!(quoted("主机'HV01'、ホスト「HV02」が 'open"), ["HV01", "HV02"]);
        assert_eq!(without_quoted("'a' has a „b“."), "'' has a „“.");
    }

    #[test]
    fn names_and_paths_are_no_words_of_a_sentence() {
        let words = |text, name| own_words(text, Some(name)).trim().to_owned();
        assert_eq!(
            words("Move of 'x' migration limit 'y' failed.", "x' migration limit 'y"),
            "Move of '' failed."
        );
        assert_eq!(words("Of 'Virtual Machine a' key protector 'b'", "a' key protector 'b"), "Of ''");
        assert_eq!(words("No virtual switch lab here.", "virtual switch lab"), "No virtual switch lab here.");
        assert_eq!(
            own_words(r"Failed to open E:\virtual switch lab\disk one.vhdx: gone", None),
            "Failed to open : gone"
        );
        assert_eq!(own_words(r"\\fs\virtual switch\lab was lost", None), " was lost");
        assert_eq!(own_words(r"E:\migration limit\a.b c.vhdx", None), "");
        assert_eq!(own_words("The migration limit: 2", None), "The migration limit: 2");
        assert!(matches!(own_words("The migration limit: 2", Some("a")), Cow::Borrowed(_)));
        assert_eq!(own_words("Grenze „virtual switch“", None), "Grenze „“");
    }
}
