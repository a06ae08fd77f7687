//! Archives by their first bytes, never by their names.

use crate::fact::Issue;

/// What holds other files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    Zip,
    Gzip,
    Tar,
    SevenZip,
    Cabinet,
}

/// The archive that begins with `head`, an empty zip included.
pub(super) fn container(head: &[u8]) -> Option<Container> {
    let begins = |magic: &[u8]| head.starts_with(magic);
    if is_zip(head) {
        Some(Container::Zip)
    } else if begins(b"\x1f\x8b\x08") {
        Some(Container::Gzip)
    } else if begins(b"7z\xbc\xaf\x27\x1c") {
        Some(Container::SevenZip)
    } else if begins(b"MSCF\0\0\0\0") {
        Some(Container::Cabinet)
    } else {
        is_tar(head).then_some(Container::Tar)
    }
}

/// Whether a file begins as a zip does; `PK\x07\x08` stands before one that was meant to be split.
pub(super) fn is_zip(head: &[u8]) -> bool {
    [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"].iter().any(|magic| head.starts_with(*magic))
}

/// Whether a file begins with a block of tar: `ustar` and the right sum of all bytes, its own place counted as blanks.
pub(super) fn is_tar(head: &[u8]) -> bool {
    let Some(block) = head.get(..512) else { return false };
    let (Some(magic), Some(stated)) = (block.get(257..262), block.get(148..156)) else { return false };
    let digits = stated.iter().skip_while(|byte| **byte == b' ').take_while(|byte| byte.is_ascii_digit());
    let stated_sum =
        digits.fold(0u32, |sum, digit| sum.wrapping_mul(8).wrapping_add(u32::from(digit - b'0')));
    let total: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    let own: u32 = stated.iter().map(|byte| u32::from(*byte)).sum();
    magic == b"ustar" && total - own + 8 * u32::from(b' ') == stated_sum
}

/// What is said of archives and logs that kcdoctor knows and does not read.
pub(super) fn unread(head: &[u8]) -> Option<Issue> {
    let begins = |magic: &[u8]| head.starts_with(magic);
    let archive = match () {
        () if begins(b"Rar!\x1a\x07") => "a rar archive",
        () if begins(b"\x28\xb5\x2f\xfd") => "compressed with zstd",
        () if begins(b"\xfd7zXZ\0") => "compressed with xz",
        () if is_bzip2(head) => "compressed with bzip2",
        () => return unread_log(head),
    };
    let detail =
        format!("{archive}, which kcdoctor does not unpack; unpack it, and send the folder or a zip");
    Some(Issue::loss("archive-unsupported", detail, None))
}

/// The block's magic is the first digits of pi, or of its root where nothing was compressed.
fn is_bzip2(head: &[u8]) -> bool {
    let block = head.get(4..10).unwrap_or_default();
    head.starts_with(b"BZh") && (block == b"1AY&SY" || block == b"\x17\x72\x45\x38\x50\x90")
}

/// `LfLe` at 4 is a log of Windows Server 2003. A trace begins with a buffer's header of 72 bytes and a system header
/// of version 2 for 32 or 64 bits.
fn unread_log(head: &[u8]) -> Option<Issue> {
    let system = head.get(72..76).unwrap_or_default();
    let detail = match () {
        () if head.get(4..8) == Some(b"LfLe") => {
            "a log of Windows Server 2003 (.evt), which kcdoctor does not read; open it in Event Viewer and save it as .evtx"
        }
        () if system == b"\x02\0\x01\xc0" || system == b"\x02\0\x02\xc0" => {
            "a trace (.etl), which kcdoctor does not read; convert it with: tracerpt FILE.etl -of EVTX -o FILE.evtx"
        }
        () => return None,
    };
    Some(Issue::loss("log-unsupported", detail, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tar_needs_its_checksum() {
        let mut header = tar::Header::new_ustar();
        header.set_path("x").unwrap();
        header.set_size(3);
        header.set_cksum();
        assert_eq!(container(header.as_bytes()), Some(Container::Tar));
        let mut damaged = *header.as_bytes();
        damaged[0] = b'y';
        assert_eq!(container(&damaged), None);
        assert_eq!(container(&damaged[..300]), None);
    }

    #[test]
    fn what_is_not_unpacked_is_named() {
        let code = |head: &[u8]| unread(head).map(|issue| issue.code);
        for head in [
            &b"Rar!\x1a\x07\x01\0"[..],
            b"\x28\xb5\x2f\xfd\x24",
            b"\xfd7zXZ\0\0\x04",
            b"BZh91AY&SY",
            b"BZh9\x17\x72\x45\x38\x50\x90",
        ] {
            assert_eq!(code(head), Some("archive-unsupported"), "{head:?}");
        }
        let mut trace = [0; 80];
        trace[72..76].copy_from_slice(b"\x02\0\x02\xc0");
        assert_eq!(code(&trace), Some("log-unsupported"));
        assert_eq!(code(b"\x30\0\0\0LfLe"), Some("log-unsupported"));
        assert_eq!(code(b"BZh is how this text begins"), None);
        assert_eq!(code(b""), None);
    }
}
