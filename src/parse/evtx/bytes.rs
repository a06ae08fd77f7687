//! Little-endian numbers, UTF-16 text and FILETIMEs at an offset; `None` outside the data, never a panic.

use jiff::Timestamp;

/// Seconds from 1601-01-01, where FILETIME begins, to 1970-01-01.
const EPOCH: i64 = 11_644_473_600;
/// FILETIME ticks of 100 ns a second.
const TICKS: i64 = 10_000_000;
/// 1602-01-01: a FILETIME below it was never set.
const FIRST_YEAR: u64 = 365 * 86_400 * TICKS as u64;
/// 9999-12-30T21:59:59.9999999Z, the last time that can be represented.
const LAST: u64 = 2_650_466_807_999_999_999;

/// The `N` bytes at `at`.
pub(super) fn array_at<const N: usize>(data: &[u8], at: usize) -> Option<[u8; N]> {
    data.get(at..)?.first_chunk().copied()
}

/// The 16-bit number at `at`.
pub(super) fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    array_at(data, at).map(u16::from_le_bytes)
}

/// The 32-bit number at `at`.
pub(super) fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    array_at(data, at).map(u32::from_le_bytes)
}

/// The 32-bit number at `at`, to be used as an offset or a size.
pub(super) fn offset_at(data: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32_at(data, at)?).ok()
}

/// The 64-bit number at `at`.
pub(super) fn u64_at(data: &[u8], at: usize) -> Option<u64> {
    array_at(data, at).map(u64::from_le_bytes)
}

/// UTF-16 text in front of its first NUL.
pub(super) fn until_nul(bytes: &[u8]) -> &[u8] {
    let end = bytes.as_chunks::<2>().0.iter().position(|unit| *unit == [0, 0]);
    end.and_then(|end| bytes.get(..end * 2)).unwrap_or(bytes)
}

/// Whether the UTF-16 `units` spell `text`, which is ASCII.
pub(super) fn spells(units: &[u8], text: &str) -> bool {
    let bytes = text.as_bytes();
    units.len() == bytes.len() * 2
        && units.as_chunks().0.iter().zip(bytes).all(|(unit, byte)| *unit == [*byte, 0])
}

/// UTF-16 text up to its first NUL.
pub(super) fn text(bytes: &[u8]) -> String {
    let mut text = String::new();
    push_text(&mut text, until_nul(bytes));
    text
}

/// Appends UTF-16 text. What XML can't hold becomes `_`, as Windows renders it: lone surrogates, control
/// characters but tab and line ends, and the two units at the end of the plane.
pub(super) fn push_text(out: &mut String, bytes: &[u8]) {
    let units = bytes.as_chunks::<2>().0;
    // Nearly all text is ASCII; these two loops are vectorised.
    if units.iter().all(|[low, high]| *high == 0 && (0x20..0x80).contains(low)) {
        let ascii: Vec<u8> = units.iter().map(|[low, _]| *low).collect();
        match String::from_utf8(ascii) {
            Ok(text) if out.is_empty() => *out = text,
            Ok(text) => out.push_str(&text),
            // ASCII is UTF-8.
            Err(_) => {}
        }
        return;
    }
    let decoded = char::decode_utf16(units.iter().map(|unit| u16::from_le_bytes(*unit)));
    out.extend(decoded.map(|char| char.map_or('_', printable)));
}

/// The character as XML can hold it.
pub(super) fn printable(char: char) -> char {
    match char {
        '\t' | '\n' | '\r' => char,
        '\0'..' ' | '\u{fffe}' | '\u{ffff}' => '_',
        _ => char,
    }
}

/// Whether a FILETIME was set (to anything but zero or a time in 1601) and lies before the end of 9999.
pub(super) fn is_time(ticks: u64) -> bool {
    (FIRST_YEAR..=LAST).contains(&ticks)
}

/// The time of a FILETIME that [`is_time`].
pub(super) fn filetime(ticks: u64) -> Option<Timestamp> {
    if is_time(ticks) { instant(ticks) } else { None }
}

/// The instant that a FILETIME counts to, also one in 1601.
pub(super) fn instant(ticks: u64) -> Option<Timestamp> {
    let ticks = i64::try_from(ticks).ok()?;
    let nanoseconds = i32::try_from(ticks % TICKS * 100).ok()?;
    Timestamp::new(ticks / TICKS - EPOCH, nanoseconds).ok()
}

/// The FILETIME of a time, unless it is one that stands for "never set".
pub(super) fn ticks(time: Timestamp) -> Option<u64> {
    let ticks = time.as_nanosecond() / 100 + i128::from(EPOCH * TICKS);
    u64::try_from(ticks).ok().filter(|ticks| is_time(*ticks))
}

/// The CRC32 over `parts`, as chunk and file headers state it.
pub(super) fn checksum(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}
