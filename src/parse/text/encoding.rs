//! Which encoding bytes are in, and the text that they make.
//!
//! Collectors append to one file from PowerShell (UTF-16) and from `cmd` (a code page), so the encoding is asked at
//! the beginning of each line. What is neither UTF-8 nor UTF-16 is windows-1252 or code page 850, whichever makes
//! letters of the bytes between letters.
//! What is *not* done here: other code pages. Names may suffer; keys are ASCII everywhere.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};
use oem_cp::code_table::DECODING_TABLE_CP850;

/// How many bytes decide about the encoding: as many as recognition sees, so both agree.
pub(super) const SAMPLE: usize = 64 << 10;
/// How many bytes of a line decide whether it is in another encoding than the line before.
const LINE_SAMPLE: usize = 32;

/// The text of a source, and what was noticed about its encoding.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    pub(super) text: String,
    /// The code page that was guessed.
    pub(super) guessed: Option<&'static str>,
    /// Parts of it are UTF-16 and parts are not.
    pub(super) mixed: bool,
}

/// The text of a whole source.
pub(super) fn decode(bytes: Vec<u8>) -> Decoded {
    let (encoding, bom) = detect(&bytes);
    if encoding.is_none() && !bytes.contains(&0) {
        return decode_bytes(bytes, bom);
    }
    let mut decoded = Decoded::default();
    let (mut rest, mut encoding, mut runs) = (bytes.get(bom..).unwrap_or_default(), encoding, 0);
    while !rest.is_empty() {
        let end = run(rest, encoding);
        let (own, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        match encoding {
            Some(encoding) => decoded.text.push_str(&decode_utf16(encoding, own)),
            None => {
                let part = decode_bytes(own.to_vec(), 0);
                decoded.text.push_str(&part.text);
                decoded.guessed = decoded.guessed.or(part.guessed);
            }
        }
        // A run of a code page is followed by one of UTF-16, which may begin with a mark, and the other way round.
        rest = behind.strip_prefix(&[0xFF, 0xFE]).unwrap_or(behind);
        encoding = if encoding.is_some() { None } else { Some(UTF_16LE) };
        runs += 1;
    }
    decoded.mixed = runs > 1;
    decoded
}

/// How many bytes are in `encoding`, of bytes that begin in it.
fn run(bytes: &[u8], encoding: Option<&'static Encoding>) -> usize {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let line = match encoding {
            None => rest.iter().position(|&byte| byte == b'\n').map(|end| end + 1),
            Some(encoding) => {
                let end = if encoding == UTF_16LE { [b'\n', 0] } else { [0, b'\n'] };
                rest.chunks_exact(2).position(|unit| unit == end).map(|units| 2 * units + 2)
            }
        };
        // The last line of a run may not be ended by the program that wrote it; nothing tells where it ends.
        let Some(line) = line else { return bytes.len() };
        at += line;
        let next = bytes.get(at..).unwrap_or_default();
        let next = next.get(..LINE_SAMPLE).unwrap_or(next);
        if (encoding.is_none() && begins_utf16(next)) || (encoding == Some(UTF_16LE) && begins_bytes(next)) {
            return at;
        }
    }
    bytes.len()
}

/// Whether a line that follows one of a code page is UTF-16: a mark, or Latin letters.
fn begins_utf16(line: &[u8]) -> bool {
    let units = || line.chunks_exact(2).take(4);
    let is_latin = |unit: &[u8]| matches!(unit, [letter, 0] if *letter != 0);
    line.starts_with(&[0xFF, 0xFE]) || (units().len() >= 2 && units().all(is_latin))
}

/// Whether a line that follows one of UTF-16 is not: no zero in it, and nearly all of it printable ASCII.
fn begins_bytes(line: &[u8]) -> bool {
    let printable = line.iter().filter(|&&byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n' | b'\t')).count();
    line.len() >= 4 && !line.contains(&0) && printable * 4 >= line.len() * 3
}

/// The text of bytes that are not UTF-16; `bom` are those of a mark.
fn decode_bytes(mut bytes: Vec<u8>, bom: usize) -> Decoded {
    bytes.drain(..bom);
    let (text, guessed) = match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let cut = error.utf8_error().error_len().is_none();
            let bytes = error.into_bytes();
            let valid = valid_part(&bytes);
            // A last character that is cut proves nothing unless others before it were UTF-8.
            if cut && !valid.is_ascii() {
                (valid.to_owned(), None)
            } else {
                let page = Page::of(&bytes);
                (decode_lines(&bytes, page), Some(page.name()))
            }
        }
    };
    Decoded { text, guessed, mixed: false }
}

/// The UTF-16 form of `bytes`, if they have one, and the length of the byte order mark.
pub(super) fn detect(bytes: &[u8]) -> (Option<&'static Encoding>, usize) {
    match bytes {
        [0xEF, 0xBB, 0xBF, ..] => (None, 3),
        [0xFF, 0xFE, ..] => (Some(UTF_16LE), 2),
        [0xFE, 0xFF, ..] => (Some(UTF_16BE), 2),
        // A file whose later lines are UTF-16 has as many zeros.
        _ if begins_bytes(bytes.get(..LINE_SAMPLE).unwrap_or(bytes)) => (None, 0),
        _ => (guess_utf16(bytes.get(..SAMPLE).unwrap_or(bytes)), 0),
    }
}

/// UTF-16 without a mark: Latin letters leave every second byte zero.
fn guess_utf16(sample: &[u8]) -> Option<&'static Encoding> {
    let pairs = sample.len() / 2;
    let (mut first, mut second) = (0, 0);
    for pair in sample.chunks_exact(2) {
        first += usize::from(pair.first() == Some(&0));
        second += usize::from(pair.last() == Some(&0));
    }
    let many = |zeros: usize| pairs > 0 && zeros * 10 >= pairs * 4;
    let few = |zeros: usize| zeros * 20 <= pairs;
    match () {
        () if many(second) && few(first) => Some(UTF_16LE),
        () if many(first) && few(second) => Some(UTF_16BE),
        () => None,
    }
}

/// Decodes UTF-16 and drops a last unit that is cut.
pub(super) fn decode_utf16<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> Cow<'a, str> {
    let whole = bytes.get(..bytes.len() & !1).unwrap_or_default();
    encoding.decode_without_bom_handling(whole).0
}

pub(super) fn valid_part(bytes: &[u8]) -> &str {
    bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid())
}

/// Decodes line by line, so one foreign line costs no other line its letters.
fn decode_lines(bytes: &[u8], page: Page) -> String {
    let mut text = String::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        match std::str::from_utf8(line) {
            Ok(line) => text.push_str(line),
            Err(_) => text.push_str(&page.decode(line)),
        }
    }
    text
}

/// Text that is UTF-8, or else of which each line is decoded by itself, in the code page that fits all of it.
pub(in crate::parse) fn decode_each_line(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes)
        .map_or_else(|_| Cow::Owned(decode_lines(bytes, Page::of(bytes))), Cow::Borrowed)
}

/// The name of the code page that fits bytes which are not UTF-8.
pub(in crate::parse) fn page_of(bytes: &[u8]) -> &'static str {
    Page::of(bytes).name()
}

/// A code page of the West.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Page {
    /// windows-1252, of programs with windows.
    Ansi,
    /// 850, of consoles; its letters are those of 437 as well.
    Oem,
}

impl Page {
    /// The page that makes more letters of the bytes beside ASCII letters.
    fn of(bytes: &[u8]) -> Self {
        let (mut ansi, mut oem) = (0usize, 0usize);
        for window in bytes.windows(2) {
            let byte = match window {
                [a, b] if a.is_ascii_alphabetic() && !b.is_ascii() => *b,
                [a, b] if b.is_ascii_alphabetic() && !a.is_ascii() => *a,
                _ => continue,
            };
            let is_letter = |page: Self| {
                page.decode(&[byte]).chars().all(|char| char.is_alphabetic() && char < '\u{180}')
            };
            ansi += usize::from(is_letter(Self::Ansi));
            oem += usize::from(is_letter(Self::Oem));
        }
        if oem > ansi { Self::Oem } else { Self::Ansi }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ansi => "windows-1252",
            Self::Oem => "code page 850",
        }
    }

    fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Ansi => WINDOWS_1252.decode_without_bom_handling(bytes).0,
            Self::Oem => Cow::Owned(oem_cp::decode_string_complete_table(bytes, &DECODING_TABLE_CP850)),
        }
    }
}

/// UTF-8 where it is that, else the code page that makes letters of it.
pub(in crate::parse) fn decode_any(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Page::of(bytes).decode(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn a_file_in_two_encodings_is_read_in_both() {
        let ansi = b"HV01 Z\xfcrich\r\nBuild:17763.3650\r\n".to_vec();
        let wide = utf16("\r\nBuildLabEx: 17763.1\r\nü\r\n");
        let text = ["HV01 Zürich\r\nBuild:17763.3650\r\n", "\r\nBuildLabEx: 17763.1\r\nü\r\n"];
        let both = decode([ansi.clone(), wide.clone()].concat());
        assert_eq!((both.text, both.mixed), (text.concat(), true));
        let marked = [utf16("\u{FEFF}"), wide.clone(), ansi.clone(), utf16("\u{FEFF}a\r\n")].concat();
        let both = decode(marked);
        assert_eq!((both.text, both.mixed), ([text[1], text[0], "a\r\n"].concat(), true));
        assert_eq!(both.guessed, Some("windows-1252"));
    }

    #[test]
    fn text_of_other_scripts_stays_whole() {
        let text = "\u{FEFF}虚拟机迁移服务\r\n实时迁移失败，目标主机拒绝\r\nокно\r\n\r\nKB5019966\r\n";
        let read = decode(utf16(text));
        assert_eq!((read.text.as_str(), read.mixed), (text.trim_start_matches('\u{FEFF}'), false));
    }

    #[test]
    fn consoles_and_windows_write_other_letters() {
        let guessed = |bytes: &[u8]| {
            let read = decode(bytes.to_vec());
            (read.text, read.guessed.unwrap())
        };
        assert_eq!(guessed(b"Z\x81rich, Gr\xe1e"), ("Zürich, Gráe".replace('á', "ß"), "code page 850"));
        assert_eq!(guessed(b"Z\xfcrich, Gr\xfc\xdfe"), ("Zürich, Grüße".into(), "windows-1252"));
    }

    #[test]
    fn damage_never_panics() {
        let bytes = [&b"ab\r\n"[..], &utf16("x\r\ny\r\n"), b"tail of bytes\n\xff\xfe\0"].concat();
        for at in 0..bytes.len() {
            decode(bytes[..at].to_vec());
            let mut damaged = bytes.clone();
            damaged[at] ^= 0xff;
            decode(damaged);
        }
    }
}
