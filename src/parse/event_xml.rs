//! Events exported as XML: `wevtutil qe /f:xml`, with or without rendered messages, and Event Viewer's "Save
//! as XML".
//!
//! The source is cut into events first, by their tags alone, and each event is read by itself: so it does not
//! matter whether there is a root, what was printed between two events, or that one of them is broken.
//! Sources may be larger than memory.
//! What is *not* done here: looking for holes. Exports are made by query, so the numbers of their records
//! leave gaps that say nothing about the log. The rendered message is kept and never interpreted; it is
//! localised.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;

use jiff::Timestamp;

use super::event::{Firsts, Reading, read};
use super::{Context, Format, Head, Reader, text};
use crate::bundle::Stream;
use crate::fact::{ChannelCoverage, Coverage, Issue, Observation, Parsed, Position, widened};
use crate::knowledge::Worth;

/// The format's line in the table.
pub(super) const FORMAT: Format = Format { recognise, reader: Reader::Stream(parse) };

const NAMESPACE: &str = "http://schemas.microsoft.com/win/2004/08/events/event";
/// What is longer was never closed; Windows limits an event to 64 KiB, its rendering to a few of that.
const MAX_EVENT: usize = 16 << 20;
/// How long a tag may be, for the look at the next event's.
const MAX_TAG: usize = 1024;

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    (head.text().contains("<Event ") && head.text().contains(NAMESPACE)).then_some("event-xml")
}

fn parse(stream: &mut Stream<'_>, context: &Context<'_>) -> Parsed {
    let head = stream.head().to_vec();
    let mut cutter = Cutter::new(text::Blocks::new(stream, &head));
    let mut export = Export::default();
    while let Some(piece) = cutter.next() {
        export.add(piece, context);
    }
    export.breaks_off = cutter.breaks_off();
    export.into_parsed()
}

/// A stretch of the source that begins with the tag of an event.
struct Piece<'a> {
    line: u64,
    /// The event as text; `None` where it is not closed.
    xml: Option<Cow<'a, str>>,
}

/// Cuts a source into events.
struct Cutter<R> {
    blocks: text::Blocks<R>,
    buffer: Vec<u8>,
    /// What was used of the buffer, and how far it was searched.
    used: usize,
    searched: usize,
    line: u64,
    ended: bool,
    /// Roots that were opened and not closed yet.
    roots: usize,
    /// Whether the last event is not closed.
    is_cut: bool,
}

/// Tags that bound an event.
enum Tag {
    /// Where an event begins.
    Begin(usize),
    /// Where the bytes behind an event begin.
    Behind(usize),
}

impl<R: Read> Cutter<R> {
    fn new(blocks: text::Blocks<R>) -> Self {
        Self {
            blocks,
            buffer: Vec::new(),
            used: 0,
            searched: 0,
            line: 1,
            ended: false,
            roots: 0,
            is_cut: false,
        }
    }

    /// The next event, whole or not.
    fn next(&mut self) -> Option<Piece<'_>> {
        self.begin()?;
        let line = self.line;
        self.is_cut = false;
        let end = loop {
            match self.find(true) {
                Some(Tag::Behind(end)) => break Some(end),
                Some(Tag::Begin(next)) => {
                    self.advance(next);
                    return Some(Piece { line, xml: None });
                }
                None if self.searched - self.used > MAX_EVENT || !self.refill() => break None,
                None => {}
            }
        };
        let begin = self.used;
        self.is_cut = end.is_none();
        self.advance(end.unwrap_or(self.searched));
        let xml = end.and_then(|end| self.buffer.get(begin..end)).map(text::decode_any);
        Some(Piece { line, xml })
    }

    /// Whether the source breaks off behind a whole event.
    fn breaks_off(&self) -> bool {
        self.roots > 0 && !self.is_cut
    }

    /// Goes to the next beginning of an event and passes over what stands before it.
    fn begin(&mut self) -> Option<()> {
        loop {
            match self.find(false) {
                Some(Tag::Begin(at)) => {
                    self.advance(at);
                    self.searched = at + 1;
                    return Some(());
                }
                Some(Tag::Behind(at)) => self.advance(at),
                None => {
                    self.advance(self.searched);
                    if !self.refill() {
                        return None;
                    }
                }
            }
        }
    }

    /// The next tag that bounds an event. Inside an event only a tag with the namespace begins another: its
    /// payload may hold an element of that name.
    fn find(&mut self, inside: bool) -> Option<Tag> {
        // Near the end of the buffer a tag may be cut.
        let limit = if self.ended { self.buffer.len() } else { self.buffer.len().saturating_sub(MAX_TAG) };
        while let Some(ahead) = self.buffer.get(self.searched..limit) {
            let Some(at) = ahead.iter().position(|&byte| byte == b'<').map(|at| self.searched + at) else {
                break;
            };
            self.searched = at + 1;
            let tag = self.buffer.get(at..).unwrap_or_default();
            let tag = tag.get(..MAX_TAG).unwrap_or(tag);
            if let Some(rest) = tag.strip_prefix(b"</Event") {
                let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                if rest.get(blanks) == Some(&b'>') {
                    return Some(Tag::Behind(at + b"</Event>".len() + blanks));
                }
                if !inside && rest.starts_with(b"s") {
                    self.roots = self.roots.saturating_sub(1);
                }
            } else if let Some(rest) = tag.strip_prefix(b"<Event") {
                let ends = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'>';
                if rest.first().is_some_and(ends) && (!inside || has_namespace(rest)) {
                    return Some(Tag::Begin(at));
                }
                if !inside && rest.strip_prefix(b"s").and_then(<[u8]>::first).is_some_and(ends) {
                    self.roots += 1;
                }
            }
        }
        self.searched = self.searched.max(limit);
        None
    }

    /// Moves to `at` and counts the lines on the way.
    fn advance(&mut self, at: usize) {
        let passed = self.buffer.get(self.used..at).unwrap_or_default();
        self.line += passed.iter().filter(|&&byte| byte == b'\n').count() as u64;
        (self.used, self.searched) = (at, at);
    }

    /// Drops what was used and reads a block; `false` if all was read and searched.
    fn refill(&mut self) -> bool {
        if self.ended {
            return false;
        }
        self.buffer.drain(..self.used);
        self.searched -= self.used;
        self.used = 0;
        self.ended = !self.blocks.next(&mut self.buffer);
        true
    }
}

fn has_namespace(tag: &[u8]) -> bool {
    let attributes = tag.split(|&byte| byte == b'>').next().unwrap_or_default();
    attributes.windows(NAMESPACE.len()).any(|window| window == NAMESPACE.as_bytes())
}

/// What an export held so far.
#[derive(Default)]
struct Export {
    parsed: Parsed,
    channels: BTreeMap<String, BTreeMap<String, Lane>>,
    firsts: Firsts,
    malformed: u64,
    timeless: u64,
    guessed: bool,
    breaks_off: bool,
}

/// One host's channel.
struct Lane {
    records: u64,
    first: Timestamp,
    last: Timestamp,
    numbers: Option<(u64, u64)>,
}

impl Export {
    fn add(&mut self, piece: Piece<'_>, context: &Context<'_>) {
        let Some(xml) = piece.xml else {
            self.malformed += 1;
            return;
        };
        self.guessed |= matches!(xml, Cow::Owned(_));
        let worth = |event: &Reading| context.interest.of(&event.provider).worth(event.id, || event.time);
        let Some((event, wanted)) = read(&xml, |event| worth(event) != Worth::Nothing) else {
            self.malformed += 1;
            return;
        };
        self.parsed.coverage.records += 1;
        let Some(time) = event.time else {
            self.timeless += 1;
            return;
        };
        let numbers = event.record.map(|number| (number, number));
        self.count(&event.computer, event.channel.as_deref().unwrap_or_default(), time, numbers);
        let is_routine = match worth(&event) {
            Worth::Looked(routine) => routine.is_some_and(|routine| event.is(routine)),
            Worth::Routine | Worth::Nothing => true,
        };
        if wanted && (!is_routine || self.firsts.is_first(&event.computer, &event.provider, event.id)) {
            let record = event.record.unwrap_or_default();
            let at = event.record.map_or(Position::Line(piece.line), Position::Record);
            self.parsed.facts.push(context.fact(at, Observation::Event(event.into_event(record, time))));
        }
    }

    fn count(&mut self, computer: &str, channel: &str, time: Timestamp, numbers: Option<(u64, u64)>) {
        // Nearly always both are known: only the first event of a channel costs an allocation.
        let known = self.channels.get_mut(computer).and_then(|channels| channels.get_mut(channel));
        if let Some(lane) = known {
            lane.records += 1;
            (lane.first, lane.last) = (lane.first.min(time), lane.last.max(time));
            lane.numbers = widened(lane.numbers, numbers);
            return;
        }
        let lane = Lane { records: 1, first: time, last: time, numbers };
        self.channels.entry(computer.to_owned()).or_default().insert(channel.to_owned(), lane);
    }

    fn into_parsed(self) -> Parsed {
        let mut parsed = self.parsed;
        let mut coverage = Coverage { records: parsed.coverage.records, channels: Vec::new() };
        for (computer, channels) in self.channels {
            coverage.channels.extend(channels.into_iter().map(|(channel, lane)| ChannelCoverage {
                computer: computer.clone(),
                channel,
                records: lane.records,
                first: lane.first,
                last: lane.last,
                numbers: lane.numbers,
                // An export by query leaves out records on purpose, and nothing in it tells one from the
                // other.
                holes: Vec::new(),
            }));
        }
        parsed.coverage = coverage;
        let events = |count| text::counted(count, ["event", "events"]);
        if self.malformed > 0 {
            let detail = format!(
                "{} could not be read, broken or cut; export the log again, best as .evtx with wevtutil epl",
                events(self.malformed)
            );
            parsed.issues.push(Issue::loss("event-malformed", detail, Some(self.malformed)));
        }
        if self.breaks_off {
            let detail = "the export breaks off before the end of its root, so events behind its last one may be missing; \
                          export the log again, best as .evtx with wevtutil epl";
            parsed.issues.push(Issue::loss("xml-malformed", detail, None));
        }
        if self.timeless > 0 {
            let detail = format!(
                "{} had no usable time (none, zero or 1601) and so counted without being used; send the log itself as \
                 .evtx",
                events(self.timeless)
            );
            parsed.issues.push(Issue::loss("event-time-missing", detail, Some(self.timeless)));
        }
        if self.guessed {
            let detail = "some events are not UTF-8 and were read as windows-1252, so letters beyond ASCII may be wrong; \
                          redirect the export in PowerShell, or send the log as .evtx";
            parsed.issues.push(Issue::note("text-encoding-guessed", detail));
        }
        parsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Event, Field};
    use crate::knowledge::Interest;
    use crate::parse::testing::{losses as codes, read_with};

    fn read_bytes(bytes: &[u8]) -> Parsed {
        let interest = Interest::new([("P", [1, 2, 3].as_slice(), None)]);
        read_with(&FORMAT, bytes, &interest)
    }

    fn read(text: &str) -> Parsed {
        read_bytes(text.as_bytes())
    }

    fn events(parsed: Parsed) -> Vec<Event> {
        let event = |fact: crate::fact::Fact| match fact.observation {
            Observation::Event(event) => Some(event),
            _ => None,
        };
        parsed.facts.into_iter().filter_map(event).collect()
    }

    fn xml(id: u32, record: u64, rest: &str) -> String {
        format!(
            "<Event xmlns='{NAMESPACE}'><System><Provider Name='P' Guid='{{x}}'/><EventID Qualifiers='16384'>{id}</EventID><Level>2</Level>\
             <TimeCreated SystemTime='2026-09-24T19:12:0{}.8320000Z'/><EventRecordID>{record}</EventRecordID><Channel>C</Channel>\
             <Computer>HV01</Computer><Security UserID='S-1-5-18'/></System>{rest}</Event>",
            record % 10
        )
    }

    fn field(name: Option<&str>, value: &str) -> Field {
        Field { name: name.map(str::to_owned), value: value.to_owned() }
    }

    #[test]
    fn an_event_is_read_in_full() {
        let text = xml(
            1,
            7,
            "<EventData>\r\n<Data Name='a'>x &amp; &#x79; &lt;z&gt;</Data><Data>plain</Data><Data Name='e'/><Data>\n  </Data>\
             <Binary>00FF</Binary></EventData><RenderingInfo Culture='de-DE'><Message>Grüße\n</Message><Level>Fehler</Level></RenderingInfo>",
        );
        let parsed = read(&text);
        assert_eq!((parsed.facts[0].origin.at, codes(&parsed)), (Position::Record(7), vec![]));
        let event = &events(parsed)[0];
        assert_eq!(
            event.fields,
            [
                field(Some("a"), "x & y <z>"),
                field(None, "plain"),
                field(Some("e"), ""),
                field(None, ""),
                field(Some("Binary"), "00FF")
            ]
        );
        assert_eq!((event.provider.as_str(), event.id, event.record, event.level), ("P", 1, 7, Some(2)));
        assert_eq!(
            (event.channel.as_deref(), event.computer.as_str(), event.user.as_deref()),
            (Some("C"), "HV01", Some("S-1-5-18"))
        );
        assert_eq!(event.message.as_deref(), Some("Grüße"));
        assert_eq!(event.time, "2026-09-24T19:12:07.832Z".parse().unwrap());
    }

    #[test]
    fn user_data_gives_its_leaves() {
        let text = xml(
            1,
            7,
            "<UserData><VmlEventLog xmlns='u'><VmName>vm</VmName><p:Parameter0 xmlns:p='x'>0x1</p:Parameter0><G><H>1</H></G></VmlEventLog></UserData>",
        );
        let expected = [field(Some("VmName"), "vm"), field(Some("Parameter0"), "0x1"), field(Some("H"), "1")];
        assert_eq!(events(read(&text))[0].fields, expected);
    }

    #[test]
    fn all_are_counted_and_the_wanted_kept() {
        let other = xml(1, 4, "").replace("<Computer>HV01", "<Computer>HV02");
        let text = [
            "<?xml version='1.0'?><Events>\n",
            &xml(1, 5, ""),
            "\n",
            &xml(99, 3, "<Broken"),
            &other,
            "</Events>",
        ]
        .concat();
        let parsed = read(&text);
        assert_eq!((parsed.coverage.records, parsed.facts.len(), codes(&parsed)), (3, 2, vec![]));
        let channel = &parsed.coverage.channels[0];
        assert_eq!((channel.computer.as_str(), channel.channel.as_str(), channel.records), ("HV01", "C", 2));
        assert_eq!(
            (channel.first, channel.last),
            ("2026-09-24T19:12:03.832Z".parse().unwrap(), "2026-09-24T19:12:05.832Z".parse().unwrap())
        );
        assert_eq!((parsed.coverage.channels.len(), channel.holes.len()), (2, 0));
    }

    #[test]
    fn a_broken_event_costs_only_itself() {
        let cut = xml(1, 2, "<EventData>");
        let cut = cut.trim_end_matches("</Event>");
        let text = [
            &xml(1, 1, "")[..],
            cut,
            "\nwevtutil: error 5\n",
            &xml(2, 3, "<EventData><a></b></EventData>"),
            "\0\u{1}</Event>\n",
            &xml(3, 4, "<EventData><Data>\u{1}&#1; &bad; & </Data></EventData>"),
        ]
        .concat();
        let parsed = read(&text);
        assert_eq!(codes(&parsed), [("event-malformed", Some(2))]);
        let found = events(parsed);
        assert_eq!(found.iter().map(|event| event.record).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(found[1].fields, [field(None, "\u{1}\u{1} \u{FFFD} & ")]);
    }

    #[test]
    fn a_root_that_does_not_end_hides_what_stood_behind() {
        let (one, two) = (xml(1, 1, "<EventData><Events>x</Events></EventData>"), xml(1, 2, ""));
        let whole = format!("<?xml version='1.0'?><Events>{one}{two}</Events>");
        for text in [whole.clone(), format!("{whole}\n<Events >{one}</Events >"), [&one[..], &two].concat()] {
            assert_eq!(codes(&read(&text)), [], "{text}");
        }
        let behind_one = whole.len() - two.len() - "</Events>".len();
        for end in [behind_one, whole.len() - "</Events>".len(), whole.len() - 2] {
            let parsed = read(&whole[..end]);
            assert_eq!(codes(&parsed), [("xml-malformed", None)], "{end}");
        }
        // What is cut within an event is said once.
        assert_eq!(codes(&read(&whole[..behind_one + 40])), [("event-malformed", Some(1))]);
    }

    #[test]
    fn times_are_utc_or_missing() {
        let with = |time: &str| read(&xml(1, 1, "").replace("2026-09-24T19:12:01.8320000Z", time));
        for time in
            ["2026-09-24T19:12:01.832", "2026-09-24 19:12:01.832000000Z", "2026-09-24T21:12:01.832+02:00"]
        {
            assert_eq!(events(with(time))[0].time, "2026-09-24T19:12:01.832Z".parse().unwrap(), "{time}");
        }
        for time in ["1601-01-01T00:00:00.0000000Z", "", "yesterday"] {
            let parsed = with(time);
            assert_eq!(
                (parsed.coverage.records, codes(&parsed)),
                (1, vec![("event-time-missing", Some(1))]),
                "{time}"
            );
            assert_eq!((parsed.facts.len(), parsed.coverage.channels.len()), (0, 0));
        }
    }

    #[test]
    fn every_encoding_reads_alike() {
        let text = xml(1, 1, "<EventData><Data>Grüße</Data></EventData>");
        let expected = events(read(&text));
        let utf16: Vec<u8> = format!("\u{FEFF}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(events(read_bytes(&utf16)), expected);
        let ansi: Vec<u8> = text.chars().map(|char| u8::try_from(u32::from(char)).unwrap()).collect();
        let parsed = read_bytes(&ansi);
        assert_eq!(codes(&parsed), [("text-encoding-guessed", Some(0))]);
        assert_eq!(events(parsed), expected);
    }

    #[test]
    fn sources_larger_than_a_block_are_cut_right() {
        let body = format!("<EventData><Data>{}</Data></EventData>", "x".repeat(3_000));
        let text: String = (0..200).map(|n| xml(1, n, &body) + "\r\n").collect();
        let parsed = read(&text);
        assert_eq!((parsed.coverage.records, codes(&parsed)), (200, vec![]));
        let large = xml(1, 1, &format!("<EventData><Data>{}</Data></EventData>", "x".repeat(300_000)));
        assert_eq!(read(&(large + &xml(1, 2, ""))).facts.len(), 2);
        let unnumbered = format!("\n\n{}", xml(1, 1, "")).replace("<EventRecordID>1</EventRecordID>", "");
        assert_eq!(read(&unnumbered).facts[0].origin.at, Position::Line(3));
    }

    #[test]
    fn hostile_input_is_bounded() {
        let deep = xml(1, 1, &format!("<UserData>{}", "<a>".repeat(100_000)));
        assert_eq!(codes(&read(&deep)), [("event-malformed", Some(1))]);
        let open = format!("<Event xmlns='{NAMESPACE}'>{}", "<".repeat(MAX_EVENT + 200_000));
        assert_eq!(codes(&read(&open)), [("event-malformed", Some(1))]);
        let good = xml(1, 1, "<EventData><Data Name='ü'>&amp;</Data></EventData>");
        for cut in 0..good.len() {
            read_bytes(&good.as_bytes()[..cut]);
            let mut bytes = good.clone().into_bytes();
            bytes[cut] = [b'<', b'>', b'&', 0, 0xff][cut % 5];
            read_bytes(&bytes);
        }
    }

    #[test]
    fn recognition_wants_tag_and_namespace() {
        let is = |text: &str| crate::parse::testing::kind(&FORMAT, text.as_bytes()).is_some();
        assert!(is(&xml(1, 1, "")) && is(&format!("<Event xmlns=\"{NAMESPACE}\">")));
        assert!(!is("<Event xmlns='other'>") && !is(NAMESPACE) && !is(""));
    }
}
