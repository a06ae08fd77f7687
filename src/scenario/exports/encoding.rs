//! The encodings that the tools write text in.

use encoding_rs::WINDOWS_1252;
use oem_cp::code_table::ENCODING_TABLE_CP850;

use super::{utf8_with_mark, utf16};

/// An encoding of a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// UTF-8: PowerShell 7.
    #[default]
    Utf8,
    /// UTF-8 with a byte order mark: `-Encoding utf8` of PowerShell 5.1.
    Utf8Mark,
    /// UTF-16LE with a byte order mark: `>` of PowerShell 5.1.
    Utf16,
    /// UTF-16LE whose mark was lost, as of a file that another was appended to.
    Utf16Bare,
    /// UTF-16BE with a mark: `-Encoding BigEndianUnicode`.
    Utf16Big,
    /// UTF-16BE without one.
    Utf16BigBare,
    /// windows-1252: `-Encoding Default` in the West.
    Ansi,
    /// Code page 850: `>` of `cmd` in the West.
    Oem,
}

impl Encoding {
    /// `text` in this encoding; letters that it lacks become `?`.
    #[must_use]
    pub fn encode(self, text: &str) -> Vec<u8> {
        let swapped = |bytes: Vec<u8>| bytes.chunks(2).flat_map(|pair| pair.iter().rev().copied()).collect();
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf8Mark => utf8_with_mark(text),
            Self::Utf16 => utf16(text),
            Self::Utf16Bare => utf16(text).split_off(2),
            Self::Utf16Big => swapped(utf16(text)),
            Self::Utf16BigBare => swapped(utf16(text).split_off(2)),
            Self::Ansi => text.chars().map(ansi).collect(),
            Self::Oem => oem_cp::encode_string_lossy(text, &ENCODING_TABLE_CP850),
        }
    }
}

fn ansi(letter: char) -> u8 {
    let mut own = [0; 4];
    let (bytes, _, lost) = WINDOWS_1252.encode(letter.encode_utf8(&mut own));
    bytes.first().copied().filter(|_| !lost).unwrap_or(b'?')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_writes_its_own_bytes() {
        let bytes = |encoding: Encoding| encoding.encode("ü");
        assert_eq!(bytes(Encoding::Utf8Mark), [0xef, 0xbb, 0xbf, 0xc3, 0xbc]);
        assert_eq!(bytes(Encoding::Utf16Bare), [0xfc, 0]);
        assert_eq!(bytes(Encoding::Utf16Big), [0xfe, 0xff, 0, 0xfc]);
        assert_eq!(bytes(Encoding::Utf16BigBare), [0, 0xfc]);
        assert_eq!((bytes(Encoding::Ansi), bytes(Encoding::Oem)), (vec![0xfc], vec![0x81]));
        assert_eq!(Encoding::Ansi.encode("虚a"), b"?a");
    }
}
