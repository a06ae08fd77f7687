//! Where a machine takes its time from and how far it is off: `w32tm /query /status` (also `/verbose`) and
//! `/query /source`.
//!
//! All labels are translated; the order of the lines, the reference's hexadecimal number and the seconds' `s` are not.
//! What is *not* done here: `/monitor` and `/stripchart`, which speak of other machines than the one they ran on.

use super::{Context, Format, Head, Reader, text, tool_text};
use crate::fact::{MachineReport, Observation, Parsed, Position};

/// The format's line in the table.
pub(super) const FORMAT: Format = Format { recognise, reader: Reader::Text(parse) };

/// What Windows calls its sources that are no machine.
const BUILT_IN: [&str; 3] =
    ["Local CMOS Clock", "Free-running System Clock", "VM IC Time Synchronization Provider"];

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    (!statuses(head.text()).is_empty() || lone_source(head.text()).is_some()).then_some("w32tm")
}

fn parse(text: &str, context: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let found = statuses(text);
    let found = if found.is_empty() { lone_source(text).into_iter().collect() } else { found };
    parsed.coverage.records = found.len() as u64;
    for Status { line, source, offset } in found {
        let report =
            MachineReport { time_source: Some(source), clock_offset: offset, ..MachineReport::default() };
        parsed.facts.push(context.fact(Position::Line(line), Observation::Machine(Box::new(report))));
    }
    parsed
}

struct Status {
    line: u64,
    source: String,
    /// Milliseconds.
    offset: Option<i64>,
}

/// Every status in a text. One is told by its fourth to ninth line: two values in seconds, the reference, a time, the
/// source, the poll interval; with `/verbose` a phase offset follows.
fn statuses(text: &str) -> Vec<Status> {
    let mut found: Vec<Status> = Vec::new();
    let mut window: [(u64, &str); 6] = [(0, ""); 6];
    // Whether the next labelled line may state the phase offset.
    let mut is_next = false;
    for (line, content) in text::lines(text) {
        let Some((_, value)) = tool_text::labelled(content) else { continue };
        if std::mem::take(&mut is_next)
            && let Some(last) = found.last_mut()
        {
            last.offset = milliseconds(value);
        }
        window.rotate_left(1);
        window[5] = (line, value);
        let [delay, dispersion, reference, _, source, poll] = window;
        let is_status = seconds(delay.1).is_some()
            && seconds(dispersion.1).is_some()
            && is_reference(reference.1)
            && is_poll_interval(poll.1);
        if is_status && !source.1.is_empty() {
            found.push(Status { line: reference.0, source: source.1.to_owned(), offset: None });
            is_next = true;
        }
    }
    found
}

/// The digits of `-0.0038147s`, with its sign.
fn seconds(value: &str) -> Option<f64> {
    let digits = value.strip_suffix('s')?;
    let is_number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+');
    digits.bytes().all(is_number).then(|| digits.parse().ok())?
}

/// Rounded to the nearest.
fn milliseconds(value: &str) -> Option<i64> {
    // What is out of range saturates; no clock is that far off.
    seconds(value).map(|seconds| (seconds * 1000.0).round() as i64)
}

/// `0x14653909 (source IP:  20.101.57.9)`.
fn is_reference(value: &str) -> bool {
    let digits = value.strip_prefix("0x").and_then(|rest| rest.get(..8));
    digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())) && value.contains('(')
}

/// `10 (1024s)`.
fn is_poll_interval(value: &str) -> bool {
    let parts = value.split_once(" (").and_then(|(log, rest)| Some((log, rest.strip_suffix("s)")?)));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    parts.is_some_and(|(log, seconds)| is_number(log) && is_number(seconds))
}

/// `/query /source`: one line and nothing else.
fn lone_source(text: &str) -> Option<Status> {
    let mut lines = text::lines(text).filter(|(_, line)| !line.trim().is_empty());
    let (line, content) = lines.next()?;
    let source = content.trim();
    let with_flags = source.rsplit_once(",0x").is_some_and(|(name, flags)| {
        let is_flags = (1..=2).contains(&flags.len()) && flags.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_flags && !name.is_empty() && !name.contains([' ', '\t'])
    });
    let is_source = with_flags || BUILT_IN.contains(&source);
    (is_source && lines.next().is_none()).then(|| Status { line, source: source.to_owned(), offset: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing;

    const GOOD: &str = "Leap Indicator: 0(no warning)\r\nStratum: 4 (secondary reference - syncd by (S)NTP)\r\n\
        Precision: -23 (119.209ns per tick)\r\nRoot Delay: 0.0154902s\r\nRoot Dispersion: 7.7773722s\r\n\
        ReferenceId: 0x0A00000A (source IP:  10.0.0.10)\r\nLast Successful Sync Time: 9/11/2026 2:32:05 PM\r\n\
        Source: DC01.contoso.com,0x9 \r\nPoll Interval: 10 (1024s)\r\n\r\nPhase Offset: -412.5038147s\r\n\
        ClockRate: 0.0156250s\r\n";

    const GERMAN: &str = "Sprungindikator: 3(nicht synchronisiert)\r\nStratum: 0 (nicht angegeben)\r\nPräzision: -23 (119.209ns pro Tick)\r\n\
        Stammverzögerung: 0.0000000s\r\nStammabweichung: 0.0000000s\r\nReferenz-ID: 0x00000000 (nicht angegeben)\r\n\
        Letzte erfolgr. Synchronisierungszeit: nicht angegeben\r\nQuelle: Local CMOS Clock\r\nAbrufintervall: 6 (64s)\r\n";

    fn read(text: &str) -> Vec<(Option<String>, Option<i64>)> {
        let report = |fact: crate::fact::Fact| match fact.observation {
            Observation::Machine(report) => Some((report.time_source, report.clock_offset)),
            _ => None,
        };
        testing::read(&FORMAT, text.as_bytes()).facts.into_iter().filter_map(report).collect()
    }

    #[test]
    fn a_status_is_read_in_any_language() {
        assert_eq!(testing::kind(&FORMAT, GOOD.as_bytes()), Some("w32tm"));
        let expected = [(Some("DC01.contoso.com,0x9".to_owned()), Some(-412_504))];
        assert_eq!(read(GOOD), expected);
        assert_eq!(read(&GOOD.replace("\r\n", "\r\r\n")), expected);
        assert_eq!(read(GERMAN), [(Some("Local CMOS Clock".to_owned()), None)]);
        assert_eq!(read(&format!("{GERMAN}\r\n{GOOD}")).len(), 2);
    }

    #[test]
    fn a_source_alone_is_read() {
        for (text, expected) in [
            ("VM IC Time Synchronization Provider \r\n", true),
            ("dc01.contoso.com,0x8\r\n\r\n", true),
            ("dc01.contoso.com\r\n", false),
            ("a b,0x8\n", false),
            ("dc01.contoso.com,0x8\r\nmore\r\n", false),
        ] {
            assert_eq!(testing::kind(&FORMAT, text.as_bytes()).is_some(), expected, "{text}");
            assert_eq!(read(text).len(), usize::from(expected));
        }
    }

    #[test]
    fn a_cut_offset_is_none() {
        let at = GOOD.find("-412").unwrap();
        for cut in at..at + 11 {
            assert_eq!(read(&GOOD[..cut]), [(Some("DC01.contoso.com,0x9".to_owned()), None)]);
        }
    }

    #[test]
    fn damage_and_size_do_no_harm() {
        testing::damage(&FORMAT, GOOD, *b"\0\n:s\xFF");
        assert_eq!(read(&"a: 1s\n".repeat(300_000)), []);
        assert_eq!(read(&":".repeat(10 << 20)), []);
    }
}
