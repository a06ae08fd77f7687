//! A node's `cluster.log`: who wrote it, which build runs there, and which time it covers.
//!
//! Such logs grow to gigabytes, so they are read forward, line by line, and of a long line only the beginning is held.
//! The head says whether the times are local and how far that is from UTC; without it no time is known.
//! What is *not* done here: reading what the lines say, and the sections that list resources and nodes, whose columns
//! differ between versions. A log in local time that reaches over a change of the clock is an hour off on one side of
//! it.

use std::io::Read;

use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};

use super::{Context, Format, Head, Reader, text};
use crate::bundle::Stream;
use crate::fact::{Build, ChannelCoverage, ClusterNode, Issue, MachineReport, Observation, Parsed, Position};

/// The format's line in the table.
pub(super) const FORMAT: Format = Format { recognise, reader: Reader::Stream(parse) };

/// How much of a line is held.
const MAX_LINE: usize = 4096;
/// Where the time of a line stands, `00001898.0000185c::2023/02/27-13:27:41.121 ERR`.
const TIME: std::ops::Range<usize> = 19..42;
/// The line that begins a log with a head.
const SECTION: &str = "[=== Cluster ===]";

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    let is_ours = |line: &str| line.trim_end() == SECTION || time_of(line.as_bytes()).is_some();
    head.text().lines().any(is_ours).then_some("cluster-log")
}

fn parse(stream: &mut Stream<'_>, context: &Context<'_>) -> Parsed {
    let head = stream.head().to_vec();
    let mut log = Log::default();
    each_line(text::Blocks::new(stream, &head), |line| log.read(line));
    log.into_parsed(context)
}

/// Gives every line, without its end and no longer than what is held of it.
fn each_line<R: Read>(mut blocks: text::Blocks<R>, mut read: impl FnMut(&[u8])) {
    let mut buffer = Vec::new();
    loop {
        let searched = buffer.len();
        let more = blocks.next(&mut buffer);
        let mut used = 0;
        let mut from = searched;
        while let Some(end) = buffer.get(from..).and_then(|rest| rest.iter().position(|&byte| byte == b'\n'))
        {
            read(buffer.get(used..from + end).unwrap_or_default());
            used = from + end + 1;
            from = used;
        }
        buffer.drain(..used);
        buffer.truncate(MAX_LINE);
        if !more {
            if !buffer.is_empty() {
                read(&buffer);
            }
            return;
        }
    }
}

/// What a log said so far.
#[derive(Default)]
struct Log {
    line: u64,
    /// The head has ended.
    is_behind_head: bool,
    /// The line that names the node, and the node.
    node: Option<(u64, String)>,
    build: Option<Build>,
    /// Minutes from local time to UTC.
    offset: Option<i64>,
    is_local: Option<bool>,
    records: u64,
    /// The earliest and the latest time, as written.
    span: Option<(Vec<u8>, Vec<u8>)>,
}

impl Log {
    fn read(&mut self, line: &[u8]) {
        self.line += 1;
        if let Some(time) = time_of(line) {
            self.is_behind_head = true;
            self.records += 1;
            match &mut self.span {
                // Written this way, times sort as text.
                Some((first, last)) => {
                    if time < first.as_slice() {
                        *first = time.to_vec();
                    }
                    if time > last.as_slice() {
                        *last = time.to_vec();
                    }
                }
                None => self.span = Some((time.to_vec(), time.to_vec())),
            }
        } else if !self.is_behind_head {
            self.read_head(text::decode_any(line).trim().trim_start_matches('\u{FEFF}'));
        }
    }

    fn read_head(&mut self, line: &str) {
        if line.starts_with("[===") && line != SECTION {
            self.is_behind_head = true;
        } else if let Some((_, rest)) = line.split_once("time zone offset of this machine is ") {
            self.offset = rest.split(' ').next().and_then(|minutes| minutes.parse().ok());
        } else if let Some(zone) = line.strip_prefix("The logs were generated using ") {
            self.is_local = Some(zone.starts_with("local"));
        } else if let Some(number) = line.strip_prefix("Build Number ") {
            self.build = build(number);
        } else if let Some(rest) = line.strip_prefix("Current node: name (") {
            self.node = rest.split_once(')').map(|(name, _)| (self.line, name.to_owned()));
        }
    }

    /// Minutes from the log's times to UTC.
    fn shift(&self) -> Option<i64> {
        if self.is_local? { self.offset } else { Some(0) }
    }

    fn into_parsed(self, context: &Context<'_>) -> Parsed {
        let mut parsed = Parsed::default();
        parsed.coverage.records = self.records;
        let shift = self.shift();
        let utc = |time: &[u8]| timestamp(time)?.checked_add(SignedDuration::from_mins(shift?)).ok();
        let span = self.span.as_ref().and_then(|(first, last)| Some((utc(first)?, utc(last)?)));
        let placed = self.node.as_ref().zip(span);
        if self.records > 0 && placed.is_none() {
            let detail = "the head of this cluster log lacks the node or the time zone, so its lines can't be placed in \
                          time; send the log from its first line, as Get-ClusterLog writes it";
            parsed.issues.push(Issue::note("cluster-log-headless", detail));
        }
        parsed.coverage.channels.extend(placed.map(|((_, node), (first, last))| ChannelCoverage {
            computer: node.clone(),
            channel: "cluster.log".to_owned(),
            records: self.records,
            first,
            last,
            numbers: None,
            holes: Vec::new(),
        }));
        if let Some((line, node)) = self.node {
            let at = Position::Line(line);
            let report = MachineReport {
                host: Some(node.clone()),
                build: self.build,
                utc_offset: self.offset.and_then(|minutes| i32::try_from(minutes.checked_mul(-60)?).ok()),
                ..MachineReport::default()
            };
            parsed.facts.push(context.fact(at, Observation::Machine(Box::new(report))));
            let node = ClusterNode { node, cluster: None, state: None };
            parsed.facts.push(context.fact(at, Observation::Node(node)));
        }
        parsed
    }
}

/// The time of a line, as written.
fn time_of(line: &[u8]) -> Option<&[u8]> {
    let fits = |(at, byte): (usize, &u8)| match at {
        8 => *byte == b'.',
        17 | 18 | 32 | 35 => *byte == b':',
        23 | 26 => *byte == b'/',
        29 => *byte == b'-',
        38 => *byte == b'.',
        0..19 => byte.is_ascii_hexdigit(),
        _ => byte.is_ascii_digit(),
    };
    let head = line.get(..TIME.end)?;
    head.iter().enumerate().all(fits).then(|| head.get(TIME))?
}

/// `2023/02/27-13:27:41.121`, read as if it were UTC.
fn timestamp(time: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(time).ok()?;
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<i8>().ok();
    let year = text.get(..4)?.parse().ok()?;
    let thousandths: i32 = text.get(20..)?.parse().ok()?;
    let time = civil::DateTime::new(
        year,
        part(5, 7)?,
        part(8, 10)?,
        part(11, 13)?,
        part(14, 16)?,
        part(17, 19)?,
        thousandths * 1_000_000,
    );
    TimeZone::UTC.to_timestamp(time.ok()?).ok()
}

/// `17763`, or with its revision.
fn build(text: &str) -> Option<Build> {
    let (number, revision) = text.split_once('.').map_or((text, None), |(number, rest)| (number, Some(rest)));
    Some(Build {
        number: number.parse().ok()?,
        revision: revision.and_then(|revision| revision.parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing;

    const GOOD: &str = "[=== Cluster ===]\r\n\r\n\
        UTC = localtime + time zone offset;the time zone offset of this machine is -120 minutes, or -2 hours\r\n\r\n\
        The logs were generated using local time\r\n\r\nBuild Number 17763\r\nCurrent node: name (HV01) id (1)\r\n\r\n\
        [=== Resources ===]\r\nCurrent node: name (HV99) id (9)\r\n[=== Cluster Logs ===]\r\n\
        00001898.0000185c::2026/09/30-13:27:41.121 ERR   [RES] Virtual Machine <SQL 01>: failed\r\n\
        00001898.0000185c::2026/09/30-13:27:40.000 INFO  [RHS] x\r\nmore of it\r\n\
        00001898.0000185c::2026/09/30-14:00:00.500 WARN  [RES] y\r\n";

    fn read(bytes: &[u8]) -> Parsed {
        testing::read(&FORMAT, bytes)
    }

    fn span(parsed: &Parsed) -> Option<(String, u64, String, String)> {
        let row = parsed.coverage.channels.first()?;
        Some((row.computer.clone(), row.records, row.first.to_string(), row.last.to_string()))
    }

    #[test]
    fn a_log_is_read_in_its_own_zone() {
        assert_eq!(testing::kind(&FORMAT, GOOD.as_bytes()), Some("cluster-log"));
        let expected =
            |first: &str, last: &str| Some(("HV01".to_owned(), 3, first.to_owned(), last.to_owned()));
        let local = expected("2026-09-30T11:27:40Z", "2026-09-30T12:00:00.5Z");
        let utf16: Vec<u8> = format!("\u{FEFF}{GOOD}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [GOOD.as_bytes(), utf16.as_slice(), GOOD.replace("\r\n", "\r\r\n").as_bytes()] {
            let parsed = read(bytes);
            assert_eq!((span(&parsed), parsed.issues.len()), (local.clone(), 0));
            let report = parsed.facts.iter().find_map(|fact| match &fact.observation {
                Observation::Machine(report) => Some((**report).clone()),
                _ => None,
            });
            let build = Some(Build { number: 17763, revision: None });
            let host = Some("HV01".to_owned());
            assert_eq!(
                report,
                Some(MachineReport { host, build, utc_offset: Some(7200), ..MachineReport::default() })
            );
        }
        let utc = GOOD.replace("local time", "Coordinated Universal Time (UTC).");
        assert_eq!(span(&read(utc.as_bytes())), expected("2026-09-30T13:27:40Z", "2026-09-30T14:00:00.5Z"));
    }

    #[test]
    fn without_its_head_a_log_has_no_time() {
        let lines = &GOOD[GOOD.find("00001898").unwrap()..];
        assert_eq!(testing::kind(&FORMAT, lines.as_bytes()), Some("cluster-log"));
        let parsed = read(lines.as_bytes());
        assert_eq!((span(&parsed), parsed.coverage.records), (None, 3));
        assert_eq!(testing::codes(&parsed), ["cluster-log-headless"]);
        let parsed = read(GOOD.replace("The logs were", "x").as_bytes());
        assert_eq!((span(&parsed), parsed.facts.len()), (None, 2));
    }

    #[test]
    fn lines_are_cut_at_any_border() {
        let long = format!("{}{}\n{}", GOOD, "x".repeat(10 << 20), &GOOD[GOOD.find("00001898").unwrap()..]);
        assert_eq!(read(long.as_bytes()).coverage.records, 6);
        let many = GOOD.repeat(5_000);
        assert_eq!(read(many.as_bytes()).coverage.records, 15_000);
    }

    #[test]
    fn damage_does_no_harm() {
        testing::damage(&FORMAT, GOOD, *b"\0\n:9\xFF");
        for text in [
            "",
            "[=== Other ===]\n",
            "2026/09/30-13:27:41.121\n",
            "zzzz1898.0000185c::2026/09/30-13:27:41.121 ERR\n",
        ] {
            assert_eq!(testing::kind(&FORMAT, text.as_bytes()), None, "{text}");
        }
    }
}
