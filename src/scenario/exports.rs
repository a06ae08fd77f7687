//! The text files that customers send: what the tools print, with the traps that they print.

use jiff::Timestamp;

use super::evtx::{Payload, Record};

pub mod collected;
pub mod culture;
pub mod directory;
pub mod encoding;
pub mod events;
pub mod host;
pub mod object;
pub mod updates;

/// `text` as UTF-16LE with a byte order mark, what PowerShell 5.1 writes by `>` and `Out-File`.
#[must_use]
pub fn utf16(text: &str) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

/// `text` as UTF-8 with a byte order mark, what PowerShell 5.1 writes by `-Encoding utf8`.
#[must_use]
pub fn utf8_with_mark(text: &str) -> Vec<u8> {
    [b"\xef\xbb\xbf", text.as_bytes()].concat()
}

/// A row of comma (or otherwise) separated values, every field in quotes, as `Export-Csv` writes it.
pub(crate) fn csv_row<S: AsRef<str>>(fields: impl IntoIterator<Item = S>, delimiter: char) -> String {
    let quoted = fields.into_iter().map(|field| format!("\"{}\"", field.as_ref().replace('"', "\"\"")));
    let mut row = quoted.collect::<Vec<_>>().join(&delimiter.to_string());
    row.push_str("\r\n");
    row
}

/// A time as event XML shows it: UTC with seven decimals.
#[must_use]
pub fn system_time(time: Timestamp) -> String {
    format!("{}.{:07}Z", time.strftime("%Y-%m-%dT%H:%M:%S"), time.subsec_nanosecond() / 100)
}

/// Base64 with padding.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let value =
            (0..3).fold(0u32, |value, at| value << 8 | u32::from(chunk.get(at).copied().unwrap_or(0)));
        for digit in 0..4usize {
            let index = (value >> (18 - 6 * digit)) & 0x3f;
            let letter = DIGITS.get(index as usize).copied().unwrap_or(b'=');
            text.push(if digit <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

/// What `wevtutil qe … /f:xml` prints: one event a line, single quotes, no root and no declaration.
#[must_use]
pub fn wevtutil(records: &[Record]) -> String {
    records.iter().map(event).collect()
}

fn event(record: &Record) -> String {
    let guid = record.guid.as_deref().map_or_else(String::new, |guid| format!(" Guid='{guid}'"));
    let qualifiers =
        record.qualifiers.map_or_else(String::new, |qualifiers| format!(" Qualifiers='{qualifiers}'"));
    let user = record.user.as_deref().map_or_else(String::new, |user| format!(" UserID='{user}'"));
    format!(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>\
         <Provider Name='{}'{guid}/><EventID{qualifiers}>{}</EventID><Version>{}</Version><Level>{}</Level>\
         <Task>{}</Task><Opcode>{}</Opcode><Keywords>0x{:x}</Keywords><TimeCreated SystemTime='{}'/>\
         <EventRecordID>{}</EventRecordID><Correlation/><Execution ProcessID='{}' ThreadID='{}'/>\
         <Channel>{}</Channel><Computer>{}</Computer><Security{user}/></System>{}</Event>\r\n",
        escape(&record.provider),
        record.id,
        record.version,
        record.level,
        record.task,
        record.opcode,
        record.keywords,
        system_time(record.time),
        record.record,
        600 + u32::from(record.id) % 40 * 4,
        4000 + record.record % 90 * 4,
        escape(&record.channel),
        escape(&record.computer),
        payload(&record.payload),
    )
}

fn payload(payload: &Payload) -> String {
    match payload {
        Payload::EventData(fields) if fields.is_empty() => "<EventData></EventData>".to_owned(),
        Payload::EventData(fields) => {
            let body: String = fields.iter().map(|(name, value)| datum(name.as_deref(), value)).collect();
            format!("<EventData>{body}</EventData>")
        }
        Payload::UserData { element, namespace, fields } => {
            // Hyper-V's own namespace is declared beside a generated prefix for the event schema.
            let prefix = if namespace.contains("Virtualization") {
                " xmlns:auto-ns2='http://schemas.microsoft.com/win/2004/08/events'"
            } else {
                ""
            };
            let child = |(name, value): &(String, String)| format!("<{name}>{}</{name}>", escape(value));
            let body: String = fields.iter().map(child).collect();
            format!("<UserData><{element}{prefix} xmlns='{namespace}'>{body}</{element}></UserData>")
        }
    }
}

fn datum(name: Option<&str>, value: &str) -> String {
    let value = escape(value);
    match name {
        Some(name) => format!("<Data Name='{name}'>{value}</Data>"),
        None => format!("<Data>{value}</Data>"),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_follows_rfc_4648() {
        let all = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64(text.as_bytes()));
        assert_eq!(all, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }

    #[test]
    fn quotes_and_times_are_written_as_the_tools_do() {
        assert_eq!(csv_row(["a\"b", "c,d"], ','), "\"a\"\"b\",\"c,d\"\r\n");
        assert_eq!(system_time(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.0000000Z");
        assert_eq!(utf16("ä"), [0xff, 0xfe, 0xe4, 0]);
    }
}
