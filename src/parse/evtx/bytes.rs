//! Little-endian numbers, UTF-16 text and FILETIMEs at an offset; `None` outside the data, never a panic.

use jiff::Timestamp;

/// Seconds from 1601-01-01, where FILETIME begins, to 1970-01-01.
const EPOCH: i64 = 11_644_473_600;
/// 1602-01-01 in seconds since 1970: a FILETIME below it was never set.
const FIRST_YEAR: i64 = -11_612_937_600;

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

/// The UTF-16 units of `bytes`; an odd last byte is dropped.
pub(super) fn units(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.as_chunks().0.iter().map(|unit| u16::from_le_bytes(*unit))
}

/// UTF-16 text up to its first NUL. Lone surrogates become `_`, as Windows renders them.
pub(super) fn text(bytes: &[u8]) -> String {
    char::decode_utf16(units(bytes).take_while(|unit| *unit != 0)).map(|unit| unit.unwrap_or('_')).collect()
}

/// The time of a FILETIME; `None` where it was never set (zero, or any time in 1601) or lies past 9999.
pub(super) fn filetime(ticks: u64) -> Option<Timestamp> {
    let seconds = i64::try_from(ticks / 10_000_000).ok()? - EPOCH;
    let nanoseconds = i32::try_from(ticks % 10_000_000).ok()? * 100;
    Timestamp::new(seconds, nanoseconds).ok().and_then(stated)
}

/// A time, unless it is one that stands for "never set".
pub(super) fn stated(time: Timestamp) -> Option<Timestamp> {
    (time.as_second() >= FIRST_YEAR).then_some(time)
}

/// The CRC32 over `parts`, as chunk and file headers state it.
pub(super) fn checksum(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}
