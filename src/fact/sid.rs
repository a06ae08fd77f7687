//! Security identifiers, [MS-DTYP] 2.4.2.

use std::fmt::{self, Write as _};

/// A security identifier in its text form (`S-1-5-21-…`), upper-case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sid(String);

impl Sid {
    /// Reads the text form; `None` unless it is `S-1-` and decimal parts.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        let parts = text.strip_prefix("S-1-")?;
        let numeric = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        parts.split('-').all(numeric).then_some(Self(text))
    }

    /// Reads the binary form ([MS-DTYP] 2.4.2.2) from the front of `bytes`; `None` if it is cut or of
    /// another revision.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&[revision, count], authority) = (bytes.first_chunk::<2>()?, bytes.get(2..8)?);
        if revision != 1 {
            return None;
        }
        let authority = authority.iter().fold(0u64, |value, &byte| value << 8 | u64::from(byte));
        let parts = bytes.get(8..8 + 4 * usize::from(count))?;
        let mut text = format!("S-1-{authority}");
        for part in parts.as_chunks().0 {
            // Writing to a string can't fail.
            let _ = write!(text, "-{}", u32::from_le_bytes(*part));
        }
        Some(Self(text))
    }

    /// The binary form ([MS-DTYP] 2.4.2.2); `None` where a part is larger than it can hold.
    #[must_use]
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut parts = self.0.strip_prefix("S-1-")?.split('-');
        let authority: u64 = parts.next()?.parse().ok()?;
        let parts: Vec<u32> = parts.map(str::parse).collect::<Result<_, _>>().ok()?;
        let mut bytes = vec![1, u8::try_from(parts.len()).ok()?];
        bytes.extend(authority.to_be_bytes().get(2..)?);
        bytes.extend(parts.into_iter().flat_map(u32::to_le_bytes));
        Some(bytes)
    }

    /// The text form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_and_text_agree() {
        let bytes = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
        assert_eq!(Sid::from_bytes(&bytes), Sid::from_text("s-1-5-32-544"));
        assert_eq!(Sid::from_bytes(&bytes).unwrap().to_bytes(), Some(bytes.to_vec()));
        assert_eq!(Sid::from_text("S-1-5-4294967296").unwrap().to_bytes(), None);
    }

    #[test]
    fn cut_or_foreign_forms_are_refused() {
        assert_eq!(Sid::from_bytes(&[1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0]), None);
        assert_eq!(Sid::from_bytes(&[2, 0, 0, 0, 0, 0, 0, 5]), None);
        assert_eq!(Sid::from_text("S-1-5-"), None);
        assert_eq!(Sid::from_text("BUILTIN\\Users"), None);
    }
}
