//! From bytes to text, and the small values that several text exports print alike.
//!
//! Encodings met in the field: UTF-8 and UTF-16 with and without a byte order mark, the code page of the exporter,
//! and two of these in one file (see [`encoding`]).
//! What is *not* done here: several encodings in a source that is read in blocks; there its head decides.

use std::borrow::Cow;
use std::io::Read;

use encoding_rs::{Decoder, Encoding};
use jiff::{Timestamp, civil, tz::TimeZone};

use crate::bundle::{Stream, take_all};
use crate::fact::Issue;

mod encoding;
mod utf8;
mod window;

use encoding::{SAMPLE, detect, valid_part};
pub(super) use encoding::{decode_any, decode_each_line, page_of};
pub(super) use utf8::Utf8;
pub(super) use window::Window;

/// The most bytes of a text source that are held in memory; real exports stay far below.
const MAX_TEXT: usize = 512 << 20;

/// A whole source as text.
#[derive(Debug, Default)]
pub(super) struct Text {
    /// The text, without its byte order mark.
    pub(super) text: String,
    /// What was guessed or left out on the way.
    pub(super) issues: Vec<Issue>,
}

/// The head of a source as text; a character that the head's end cuts is dropped.
pub(super) fn decode_head(bytes: &[u8]) -> Cow<'_, str> {
    let (encoding, bom) = detect(bytes);
    if encoding.is_some() || bytes.contains(&0) {
        return Cow::Owned(encoding::decode(bytes.to_vec()).text);
    }
    let bytes = bytes.get(bom..).unwrap_or_default();
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(error) if error.error_len().is_none() => Cow::Borrowed(valid_part(bytes)),
        Err(_) => Cow::Owned(encoding::decode(bytes.to_vec()).text),
    }
}

/// Reads what is left of `stream` as text.
pub(super) fn read(stream: &mut Stream<'_>) -> Text {
    read_at_most(stream, MAX_TEXT)
}

fn read_at_most(reader: &mut impl Read, max: usize) -> Text {
    let mut bytes = Vec::new();
    let mut issues = Vec::new();
    // A stream never fails: an error ends it early, and its owner tells of it.
    let _ = take_all(&mut reader.by_ref().take(max as u64 + 1), &mut bytes);
    if bytes.len() > max {
        bytes.truncate(max);
        let detail = format!(
            "only the first {} MiB of this text were read; split the export into smaller files",
            max >> 20
        );
        issues.push(Issue::loss("text-too-large", detail, None));
    }
    let decoded = encoding::decode(bytes);
    issues.extend(decoded.guessed.map(guessed));
    if decoded.mixed {
        let detail =
            "this text changes between UTF-16 and another encoding, as appended exports do; both were read";
        issues.push(Issue::note("text-encoding-mixed", detail));
    }
    Text { text: decoded.text, issues }
}

/// The issue of a text whose code page was guessed.
pub(super) fn guessed(page: &str) -> Issue {
    let detail = format!(
        "this text is neither UTF-8 nor UTF-16 and was read as {page}, so letters beyond ASCII may be wrong; export it \
         again with -Encoding utf8"
    );
    Issue::note("text-encoding-guessed", detail)
}

/// The lines of `text`, numbered from 1, without `\n`, `\r\n` or the `\r\r\n` that wmic leaves.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (u64, &str)> {
    (1..).zip(text.split_inclusive('\n').map(|line| line.trim_end_matches(['\n', '\r'])))
}

/// A source block by block, for formats too large to hold: UTF-16 turned into UTF-8, anything else as it is, but
/// for a byte order mark.
pub(super) struct Blocks<R> {
    reader: R,
    block: Vec<u8>,
    decoder: Option<Decoder>,
    /// Bytes of a mark that are left to be dropped.
    mark: usize,
}

impl<R: Read> Blocks<R> {
    /// Reads from `reader`, whose content begins with `head`.
    pub(super) fn new(reader: R, head: &[u8]) -> Self {
        let (encoding, mark) = detect(head);
        let decoder = encoding.map(Encoding::new_decoder_without_bom_handling);
        Self { reader, block: vec![0; SAMPLE], decoder, mark }
    }

    /// Appends the next block to `into`; `false` at the end. A last character that is cut is dropped.
    pub(super) fn next(&mut self, into: &mut Vec<u8>) -> bool {
        let count = self.reader.read(&mut self.block).unwrap_or(0);
        let dropped = self.mark.min(count);
        self.mark -= dropped;
        let block = self.block.get(dropped..count).unwrap_or_default();
        let Some(decoder) = &mut self.decoder else {
            into.extend_from_slice(block);
            return count > 0;
        };
        let begin = into.len();
        let most = decoder.max_utf8_buffer_length(block.len()).unwrap_or(4 * SAMPLE);
        into.resize(begin + most, 0);
        let (_, _, written, _) =
            decoder.decode_to_utf8(block, into.get_mut(begin..).unwrap_or_default(), false);
        into.truncate(begin + written);
        count > 0
    }
}

/// `1 row`, `2 rows`.
pub(super) fn counted(count: u64, [one, many]: [&str; 2]) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A number of 32 bits as directories print it: decimal, negative where the top bit is set, or `0x` and hex.
pub(super) fn bits(text: &str) -> Option<u32> {
    let text = text.trim();
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u32::from_str_radix(hex, 16).ok();
    }
    text.parse::<u32>().ok().or_else(|| text.parse::<i32>().ok().map(i32::cast_unsigned))
}

/// Generalized Time in UTC (`20211219015404.0Z`); `None` for other zones and for the year 1601, which means
/// unset.
pub(super) fn generalized_time(text: &str) -> Option<Timestamp> {
    let digits = text.trim().strip_suffix('Z')?.split('.').next()?;
    if digits.len() != 14 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let year = digits.get(..4)?.parse().ok()?;
    let part = |at: usize| digits.get(at..at + 2)?.parse::<i8>().ok();
    let time = civil::DateTime::new(year, part(4)?, part(6)?, part(8)?, part(10)?, part(12)?, 0).ok()?;
    if year <= 1601 {
        return None;
    }
    TimeZone::UTC.to_timestamp(time).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, big: bool) -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect()
    }

    fn whole(bytes: &[u8]) -> Text {
        read_at_most(&mut &*bytes, MAX_TEXT)
    }

    #[test]
    fn every_unicode_form_gives_the_same_text() {
        let text = "dn: CN=Zürich\r\n";
        let mark = |text: &str| format!("\u{FEFF}{text}");
        let forms = [
            text.into(),
            mark(text).into_bytes(),
            utf16(text, false),
            utf16(text, true),
            utf16(&mark(text), false),
            utf16(&mark(text), true),
        ];
        for form in forms {
            assert_eq!(decode_head(&form), text);
            let read = whole(&form);
            assert_eq!((read.text.as_str(), read.issues.len()), (text, 0));
        }
    }

    #[test]
    fn a_code_page_is_guessed_line_by_line_and_said_once() {
        let read = whole(b"cn: Z\xFCrich\ncn: Gen\xC3\xA8ve\n");
        assert_eq!(read.text, "cn: Zürich\ncn: Genève\n");
        assert_eq!(read.issues.iter().map(|issue| issue.code).collect::<Vec<_>>(), ["text-encoding-guessed"]);
    }

    #[test]
    fn cut_characters_are_dropped() {
        assert_eq!(decode_head("aü".as_bytes().get(..2).unwrap()), "a");
        assert_eq!(whole("üü".as_bytes().get(..3).unwrap()).text, "ü");
        assert_eq!(decode_head(&[0xFF, 0xFE, b'a', 0, b'b']), "a");
        assert_eq!(decode_head(&[]), "");
    }

    #[test]
    fn nulls_survive() {
        assert_eq!(whole(b"abc\0def").text, "abc\0def");
    }

    #[test]
    fn text_beyond_the_bound_is_left_out() {
        let read = read_at_most(&mut &b"0123456789"[..], 4);
        assert_eq!(read.text, "0123");
        assert_eq!(read.issues.first().map(|issue| issue.code), Some("text-too-large"));
    }

    #[test]
    fn all_line_ends_are_one() {
        let found: Vec<_> = lines("a\r\nb\n\nc\r\r\nd").collect();
        assert_eq!(found, [(1, "a"), (2, "b"), (3, ""), (4, "c"), (5, "d")]);
    }

    #[test]
    fn blocks_decode_across_their_borders() {
        struct Drip<'a>(&'a [u8]);
        impl Read for Drip<'_> {
            fn read(&mut self, block: &mut [u8]) -> std::io::Result<usize> {
                self.0.read(&mut block[..1])
            }
        }
        let bytes = utf16("\u{FEFF}aü😀", false);
        let mut blocks = Blocks::new(Drip(&bytes), &bytes);
        let mut text = Vec::new();
        while blocks.next(&mut text) {}
        assert_eq!(String::from_utf8(text).unwrap(), "aü😀");
    }

    #[test]
    fn numbers_and_times() {
        assert_eq!(bits("2147483640"), Some(0x7fff_fff8));
        assert_eq!(bits("-2147483646"), Some(0x8000_0002));
        assert_eq!(bits("0x1c"), Some(28));
        assert_eq!(bits("1.33E+17"), None);
        assert_eq!(generalized_time("20211219015404.0Z"), "2021-12-19T01:54:04Z".parse().ok());
        assert_eq!(generalized_time("16010101000000.0Z"), None);
        assert_eq!(generalized_time("8/30/2023 12:11:47 AM"), None);
        assert_eq!(generalized_time("20211319015404.0Z"), None);
    }
}
