//! The nearest guess at a file that no format recognises: by its first bytes, and only where they say nothing by its
//! name.
//!
//! Nothing is read from such a file. A guess tells a person what to ask for instead. What is *not* done here: archives
//! and logs of other kinds, which the bundle names when it opens them (issues `archive-unsupported`, `log-unsupported`).

use super::text;

/// What a file most likely is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Guess {
    /// A noun, such as `a registry hive`.
    pub what: String,
    /// What the sender can do instead, as an imperative; begins with `nothing` where that is so.
    pub advice: &'static str,
}

/// The kind of the message texts beside a log that was archived with `wevtutil al`.
pub(super) const MESSAGE_TEXTS: &str = "message-texts";

/// Bytes at a place, what begins so, and what to ask for instead.
type Magic = (usize, &'static [u8], &'static str, &'static str);

const NOT_NEEDED: &str = "nothing; it is not needed";
const AS_TEXT: &str = "send the log or export itself; documents are not read";
const AS_LOG: &str = "send the log or export that it shows; pictures are not read";
const AS_CSV: &str = "save each sheet as CSV, or better send the export from which it was made";
const AGAIN: &str = "send it again";
const SAY: &str = "nothing, unless it matters; then say which command wrote it";
const HIVE: &str =
    "nothing, unless the registry is in question; then send the keys as text: reg export KEY FILE";

const MAGIC: &[Magic] = &[
    (0, b"regf", "a registry hive", HIVE),
    (0, b"%PDF", "a PDF document", AS_TEXT),
    (0, b"{\\rtf", "a document (RTF)", AS_TEXT),
    (
        0,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an Office document or Outlook message of the old form",
        "save a sheet as CSV, and send the files that are attached to a message themselves",
    ),
    (0, b"\x89PNG", "a picture (PNG), perhaps a screenshot", AS_LOG),
    (0, b"\xff\xd8\xff", "a picture (JPEG), perhaps a screenshot", AS_LOG),
    (0, b"GIF8", "a picture (GIF), perhaps a screenshot", AS_LOG),
    (0, b"MZ", "a program or library", NOT_NEEDED),
    (0, b"MDMP", "a memory dump", NOT_NEEDED),
    (0, b"PAGEDU64", "a memory dump", NOT_NEEDED),
    (0, b"vhdxfile", "a virtual disk", "nothing; virtual disks should never be sent"),
    (0, b"\x0a\x0d\x0d\x0a", "a network trace (pcapng)", NOT_NEEDED),
    (0, b"\xd4\xc3\xb2\xa1", "a network trace (pcap)", NOT_NEEDED),
    (0, b"GMBU", "a network trace (Network Monitor)", NOT_NEEDED),
    (
        4,
        b"\xef\xcd\xab\x89",
        "a database (such as DataStore.edb)",
        "send the list of updates: Get-HotFix | Export-Csv FILE",
    ),
];

/// What a text begins with (white space skipped, lower-case), what that is, and what to ask for instead.
const TEXT: &[(&str, &str, &str)] = &[
    ("mime-version:", "a saved web page or mail (MHT)", "send the files or the export behind it themselves"),
    ("from: <saved by", "a saved web page (MHT)", "send the export behind it itself"),
    ("windows registry editor", "an export of the registry", "nothing, unless it was asked for"),
];

/// What a name ends in, what that promises, and what to ask for; asked only where the content is not text and says
/// nothing.
const NAMES: &[(&str, &str, &str)] = &[
    (
        ".evtx",
        "called an event log, but it does not begin as one",
        "export the log again: wevtutil epl CHANNEL FILE",
    ),
    (".evt", "called a log of Windows Server 2003", "open it in Event Viewer and save it as .evtx"),
    (".etl", "called a trace (.etl)", "convert it: tracerpt FILE.etl -of EVTX -o FILE.evtx"),
    (".zip", "called an archive, but it does not begin as one", AGAIN),
    (".7z", "called an archive, but it does not begin as one", AGAIN),
    (".rar", "called an archive (rar)", "unpack it, and send the folder or a zip"),
    (".hiv", "called a registry hive", HIVE),
];

/// What the parts of an Office document are called in its zip.
const OFFICE: &[(&str, &str, &str)] = &[
    (".xlsx!/", "part of an Excel workbook", AS_CSV),
    (".xlsm!/", "part of an Excel workbook", AS_CSV),
    (".docx!/", "part of a Word document", AS_TEXT),
    (".pptx!/", "part of a presentation", AS_TEXT),
];

/// Characters of a first line that are shown.
const SHOWN: usize = 80;
/// Bytes that are looked at: a first line is short.
const LOOKED_AT: usize = 4096;

/// Whether `path` is that of message texts: they say what an archived log's events mean in one language, and are not
/// needed. No document describes their content, so the place and the name have to tell.
pub(super) fn is_message_texts(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    path.ends_with(".mta") && path.split(['/', '\\']).any(|part| part == "localemetadata")
}

/// What the file at `path` that begins with `head` most likely is.
pub(super) fn guess(path: &str, head: &[u8]) -> Guess {
    let known = |(_, what, advice): &(&str, &str, &'static str)| guessed(*what, advice);
    let lower = path.to_ascii_lowercase();
    if let Some(part) = OFFICE.iter().find(|(part, ..)| lower.contains(part)) {
        return known(part);
    }
    if head.is_empty() {
        return guessed("empty, 0 bytes", AGAIN);
    }
    if head.iter().all(|byte| *byte == 0) {
        return guessed("nothing but zeros, as a copy that broke off leaves it", AGAIN);
    }
    let begins = |(at, magic, ..): &&Magic| head.get(*at..).is_some_and(|bytes| bytes.starts_with(magic));
    if let Some((_, _, what, advice)) = MAGIC.iter().find(begins) {
        return guessed(*what, advice);
    }
    let start = text::decode_head(head.get(..LOOKED_AT).unwrap_or(head));
    if is_text(&start) {
        return of_text(&start);
    }
    let named = NAMES.iter().find(|(end, ..)| lower.ends_with(end));
    named.map_or_else(|| of_bytes(head), known)
}

fn guessed(what: impl Into<String>, advice: &'static str) -> Guess {
    Guess { what: what.into(), advice }
}

/// Whether hardly anything in it is a control character or could not be decoded.
fn is_text(start: &str) -> bool {
    let odd = |c: &char| c.is_control() && !c.is_whitespace() || *c == char::REPLACEMENT_CHARACTER;
    start.chars().filter(odd).count() * 20 <= start.chars().count()
}

fn of_text(start: &str) -> Guess {
    let trimmed = start.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let lower = trimmed.to_ascii_lowercase();
    if let Some((_, what, advice)) = TEXT.iter().find(|(begins, ..)| lower.starts_with(begins)) {
        return guessed(*what, advice);
    }
    if lower.starts_with("<!doctype html") || lower.starts_with("<html") {
        let is_policy = ["rsop", "gpo", "group policy"].iter().any(|word| lower.contains(word));
        return if is_policy {
            guessed("a report of Group Policy as HTML", "send it as XML: gpresult /x gpresult.xml")
        } else {
            guessed("a web page (HTML)", "send the export that it was made from, or save its table as CSV")
        };
    }
    let first = trimmed.lines().next().unwrap_or_default();
    let first: String = first.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
    let form = match trimmed.chars().find(|c| !c.is_whitespace() && *c != '[') {
        None => return guessed("a text of nothing but blanks", AGAIN),
        Some('<') => "XML",
        Some('{') => "JSON",
        Some(_) => "text",
    };
    guessed(format!("{form} that begins with \"{}\"", first.trim()), SAY)
}

fn of_bytes(head: &[u8]) -> Guess {
    let bytes: Vec<_> = head.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    guessed(format!("binary data that begins with {}", bytes.join(" ")), SAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(path: &str, head: &[u8]) -> String {
        guess(path, head).what
    }

    #[test]
    fn content_tells_before_the_name() {
        assert_eq!(what("log.evtx", b"regf\x01\0\0\0"), "a registry hive");
        assert_eq!(what("a.txt", b"%PDF-1.7"), "a PDF document");
        assert_eq!(what("a", b"\0\0\0\0\xef\xcd\xab\x89"), "a database (such as DataStore.edb)");
        assert_eq!(what("a.csv", b"\x89PNG\r\n\x1a\n"), "a picture (PNG), perhaps a screenshot");
        assert_eq!(
            what("a.evtx", b"\x01\x02\x03\x04\x05\x06"),
            "called an event log, but it does not begin as one"
        );
        assert_eq!(what("a.bin", b"\x01\x02\x03\x04"), "binary data that begins with 01 02 03 04");
        assert_eq!(what("a/list.xlsx!/xl/workbook.xml", b"<?xml"), "part of an Excel workbook");
    }

    #[test]
    fn pages_are_told_apart_in_any_encoding() {
        let page =
            "\u{feff}\r\n<html dir=\"ltr\"><head><title>CONTOSO\\hv01</title><!-- RSOP --></head></html>";
        let utf16: Vec<u8> = page.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [page.as_bytes(), &utf16] {
            assert_eq!(what("gpresult.html", bytes), "a report of Group Policy as HTML");
        }
        assert_eq!(what("x", b"<!DOCTYPE html><p>updates"), "a web page (HTML)");
    }

    #[test]
    fn of_a_text_the_first_line_is_shown_without_harm() {
        let text = format!("\r\n  \u{1b}]0;owned\u{7}Host {}\r\nmore", "x".repeat(200));
        let Guess { what, advice } = guess("notes.txt", text.as_bytes());
        assert!(what.starts_with("text that begins with \"]0;ownedHost xxx"), "{what}");
        assert!(!what.contains(char::is_control) && what.chars().count() < 110, "{what}");
        assert_eq!(advice, SAY);
        assert_eq!(
            self::what("a", b"<?xml version='1.0'?><a/>"),
            "XML that begins with \"<?xml version='1.0'?><a/>\""
        );
    }

    #[test]
    fn nothing_is_named_as_such() {
        assert_eq!(what("a.evtx", b""), "empty, 0 bytes");
        assert_eq!(what("a.evtx", &[0; 4096]), "nothing but zeros, as a copy that broke off leaves it");
        assert_eq!(what("a.txt", b" \r\n\t"), "a text of nothing but blanks");
    }

    #[test]
    fn message_texts_are_told_by_their_place() {
        assert!(is_message_texts("TSS.zip!/LocaleMetaData/HV01-System_1033.MTA"));
        assert!(is_message_texts("x\\LocaleMetaData\\System_1033.mta"));
        assert!(!is_message_texts("HV01/System_1033.MTA") && !is_message_texts("LocaleMetaData/System.evtx"));
    }

    /// Every magic is reached, and every guess ends in advice.
    #[test]
    fn every_magic_is_found() {
        for (at, magic, expected, advice) in MAGIC {
            let head = [vec![1; *at], magic.to_vec(), vec![1, 2, 3]].concat();
            assert_eq!(guess("file", &head), guessed(*expected, advice));
        }
        for cut in 0..64 {
            assert!(!guess("file", &[0xff; 64][cut..]).advice.is_empty());
        }
    }
}
