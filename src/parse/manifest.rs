//! What the script of `kcdoctor collect` says of itself: its manifest `kcdoctor-collect.json` and `collect.log`.
//!
//! The manifest lists all that was tried. What failed becomes an issue, so that a missing file can be told from one
//! that nobody asked for. The log says the same in the order of time and for a person; it is recognised and not read.
//! What is *not* done here: comparing the list with the files of the bundle, and facts: the files speak for themselves.

use serde::Deserialize;
use serde_json::Value;

use super::{Context, Format, Head, Reader, text};
use crate::bundle::Stream;
use crate::fact::{Coverage, Issue, Parsed};

/// The format's line in the table.
pub(super) const FORMAT: Format = Format { recognise, reader: Reader::Stream(parse) };

/// The first line of `collect.log`.
const LOG: &str = "kcdoctor collect log";

/// The key that only the manifest has; its value is the version of the layout.
const KEY: &str = "\"kcdoctorCollect\"";

/// Failures that are told one by one; a run that failed everywhere repeats itself.
const TOLD: usize = 100;

/// Characters of an error that are told; some carry whole stack traces.
const ERROR: usize = 300;

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    let text = head.text();
    if text.starts_with(LOG) {
        return Some("collect-log");
    }
    (text.trim_start().starts_with('{') && text.contains(KEY)).then_some("collect-manifest")
}

/// The part of the manifest that matters here. Items are kept as they are, so that an odd one costs itself.
#[derive(Deserialize)]
struct Manifest {
    items: Vec<Value>,
}

/// Read alone: the names of tools and files in it must not pass for their output.
fn parse(stream: &mut Stream<'_>, _: &Context<'_>) -> Parsed {
    let source = text::read(stream);
    let mut parsed = items(&source.text);
    parsed.issues.splice(0..0, source.issues);
    parsed
}

fn items(text: &str) -> Parsed {
    if text.starts_with(LOG) {
        return counted(text::lines(text).filter(|(_, line)| !line.is_empty()).count());
    }
    let Ok(Manifest { items }) = serde_json::from_str(text) else {
        let detail = "the manifest of the collection is cut or damaged, so it can't be told what was tried in vain; copy \
                      the bundle again";
        return Parsed {
            issues: vec![Issue::loss("collect-manifest-damaged", detail, None)],
            ..Parsed::default()
        };
    };
    let mut parsed = counted(items.len());
    let failed: Vec<&Value> =
        items.iter().filter(|item| item.get("ok") == Some(&Value::Bool(false))).collect();
    parsed.issues.extend(failed.iter().take(TOLD).map(|item| failure(item)));
    if failed.len() > TOLD {
        let detail = format!(
            "{} more could not be collected; the manifest lists them, run the script of kcdoctor collect again",
            text::counted((failed.len() - TOLD) as u64, ["piece", "pieces"])
        );
        parsed.issues.push(Issue::loss("collect-failed", detail, None));
    }
    parsed
}

fn counted(records: usize) -> Parsed {
    Parsed { coverage: Coverage { records: records as u64, channels: Vec::new() }, ..Parsed::default() }
}

/// An item that failed: which, on which host, and why.
fn failure(item: &Value) -> Issue {
    let word =
        |key: &str| item.get(key).and_then(Value::as_str).map(str::trim).filter(|word| !word.is_empty());
    let error: String = word("error").unwrap_or("no reason was given").chars().take(ERROR).collect();
    let detail = format!(
        "{}: {} could not be collected ({}); remove the cause and run the script of kcdoctor collect again, or send this \
         piece by hand",
        word("host").unwrap_or("an unnamed host"),
        word("what").unwrap_or("something"),
        error.trim_end_matches('.')
    );
    Issue::loss("collect-failed", detail, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing;

    const MANIFEST: &str = r#"{
    "kcdoctorCollect":  1,
    "started":  "2026-10-01T09:00:00Z",
    "items":  [
                  {"host":  "HV01", "what":  "Get-VMHost", "file":  "HV01/Get-VMHost.json", "ok":  true, "error":  null},
                  {"host":  "HV02", "what":  "registry", "file":  null, "ok":  false, "error":  "Access is denied."},
                  {"host":  "HV02", "ok":  false},
                  "odd"
              ]
}"#;

    fn read(text: &str) -> Parsed {
        testing::read(&FORMAT, text.as_bytes())
    }

    #[test]
    fn each_failure_is_told_with_its_host_and_error() {
        assert_eq!(testing::kind(&FORMAT, MANIFEST.as_bytes()), Some("collect-manifest"));
        let parsed = read(MANIFEST);
        assert_eq!((parsed.coverage.records, parsed.facts.len()), (4, 0));
        let details: Vec<_> = parsed.issues.iter().map(|issue| issue.detail.as_str()).collect();
        assert_eq!(testing::codes(&parsed), ["collect-failed", "collect-failed"]);
        assert!(
            details[0].starts_with("HV02: registry could not be collected (Access is denied); "),
            "{details:?}"
        );
        assert!(details[1].starts_with("HV02: something could not be collected (no reason was given); "));
    }

    #[test]
    fn the_encoding_and_layout_do_not_matter() {
        let compact = MANIFEST.split_whitespace().collect::<Vec<_>>().join(" ");
        let utf16: Vec<u8> =
            std::iter::once(0xfeff).chain(compact.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(testing::kind(&FORMAT, &utf16), Some("collect-manifest"));
        assert_eq!(testing::read(&FORMAT, &utf16), read(MANIFEST));
    }

    #[test]
    fn a_damaged_manifest_is_one_issue() {
        let codes = |text: &str| testing::codes(&read(text));
        assert_eq!(codes(&MANIFEST[..MANIFEST.len() / 2]), ["collect-manifest-damaged"]);
        assert_eq!(codes("{\"kcdoctorCollect\": 1}"), ["collect-manifest-damaged"]);
        assert_eq!(codes("{\"kcdoctorCollect\": 1, \"items\": []}"), [""; 0]);
        testing::damage(&FORMAT, MANIFEST, *b"\0{\"\xff,");
    }

    #[test]
    fn a_run_that_failed_everywhere_does_not_fill_the_report() {
        let item =
            format!(r#"{{"host": "HV01", "what": "x", "ok": false, "error": "{}"}}"#, "e".repeat(5000));
        let parsed = read(&format!(r#"{{"kcdoctorCollect": 1, "items": [{}]}}"#, vec![item; 150].join(",")));
        assert_eq!((parsed.coverage.records, parsed.issues.len()), (150, TOLD + 1));
        assert!(parsed.issues[TOLD].detail.starts_with("50 pieces more"));
        assert!(parsed.issues.iter().all(|issue| issue.detail.len() < 600));
    }

    #[test]
    fn the_log_is_known_and_other_json_is_not() {
        let log = "kcdoctor collect log, times in UTC\r\n2026-10-01T09:00:00Z  HV01: gathering\r\n";
        assert_eq!(testing::kind(&FORMAT, log.as_bytes()), Some("collect-log"));
        let parsed = read(log);
        assert_eq!((parsed.coverage.records, parsed.issues.len(), parsed.facts.len()), (2, 0, 0));
        for text in ["{}", "[{\"kcdoctorCollect\": 1}]", "\"kcdoctorCollect\"", ""] {
            assert_eq!(testing::kind(&FORMAT, text.as_bytes()), None, "{text}");
        }
    }
}
