//! Sound and damaged logs, made with the fixture writer.

use super::super::testing::{self, losses as issues};
use super::*;
use crate::bundle::Limits;
use crate::fact::Event;
use crate::fact::SourceId;
use crate::knowledge::{Cell, Interest, Routine};
use crate::scenario::evtx::{Payload, Record, write_log, write_text_log};

const VMMS: &str = "Microsoft-Windows-Hyper-V-VMMS";

fn at(second: u64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_772_446_530 + second as i64).unwrap()
}

fn record(id: u64, payload: Payload) -> Record {
    Record {
        provider: VMMS.into(),
        guid: Some("{6066F867-7CA1-4418-85FD-36E3F9C0600C}".into()),
        id: 21024,
        qualifiers: None,
        version: 0,
        level: 2,
        task: 0,
        opcode: 0,
        keywords: 0x8000_0000_0000_0000,
        time: at(id),
        record: id,
        channel: "System".into(),
        computer: "hv01.contoso.com".into(),
        user: Some("S-1-5-18".into()),
        payload,
    }
}

fn named(values: &[(&str, &str)]) -> Payload {
    Payload::EventData(values.iter().map(|(name, value)| (Some((*name).into()), (*value).into())).collect())
}

fn user_data() -> Payload {
    let fields = [("VmName", "SQL <1> & Co"), ("Empty", ""), ("ErrorCode", "%%2148074254")];
    Payload::UserData {
        element: "VmlEventLog".into(),
        namespace: "http://www.microsoft.com/Windows/Virtualization/Events".into(),
        fields: fields.map(|(name, value)| (name.into(), value.into())).into(),
    }
}

/// Records 1 to `count`, so large that about twelve fill a chunk.
fn log(count: u64) -> Vec<u8> {
    let payload = named(&[("Long", &"x".repeat(2_400))]);
    write_log(&(1..=count).map(|id| record(id, payload.clone())).collect::<Vec<_>>())
}

fn read_with(log: &[u8], interest: &Interest) -> Parsed {
    testing::read_with(&FORMAT, log, interest)
}

fn read(log: &[u8]) -> Parsed {
    read_with(log, &Interest::new([(VMMS, [].as_slice(), None), ("Service Control Manager", &[], None)]))
}

fn events(parsed: &Parsed) -> Vec<&Event> {
    let event = |fact: &'_ Fact| matches!(fact.observation, Observation::Event(_));
    assert!(parsed.facts.iter().all(event));
    let events = parsed.facts.iter().filter_map(|fact| match &fact.observation {
        Observation::Event(event) => Some(event),
        _ => None,
    });
    events.collect()
}

fn ids(parsed: &Parsed) -> Vec<u64> {
    events(parsed).iter().map(|event| event.record).collect()
}

/// The bytes of the file where record `id` of [`log`] begins.
fn place(log: &[u8], id: u64) -> usize {
    let starts = log.windows(4).enumerate().filter(|(_, bytes)| *bytes == b"\x2a\x2a\0\0").map(|(at, _)| at);
    starts.into_iter().find(|at| log[at + 8..at + 16] == id.to_le_bytes()).unwrap()
}

fn fields(event: &Event) -> Vec<(Option<&str>, &str)> {
    event.fields.iter().map(|field| (field.name.as_deref(), field.value.as_str())).collect()
}

#[test]
fn named_values_become_fields_in_their_order() {
    let payload = named(&[("Zeta", "1"), ("Alpha", "Grün\r\n\t日本"), ("Zeta", "2"), ("Empty", "")]);
    for log in [write_log(&[record(7, payload.clone())]), write_text_log(&[record(7, payload.clone())])] {
        let parsed = read(&log);
        let event = events(&parsed)[0];
        assert_eq!((event.provider.as_str(), event.id, event.record, event.level), (VMMS, 21024, 7, Some(2)));
        assert_eq!((event.channel.as_deref(), event.computer.as_str()), (Some("System"), "hv01.contoso.com"));
        assert_eq!((event.time, event.user.as_deref(), &event.message), (at(7), Some("S-1-5-18"), &None));
        let expected = [
            (Some("Zeta"), "1"),
            (Some("Alpha"), "Grün\r\n\t日本"),
            (Some("Zeta"), "2"),
            (Some("Empty"), ""),
        ];
        assert_eq!(fields(event), expected);
        assert_eq!(parsed.facts[0].origin.at, Position::Record(7));
        assert!(parsed.issues.is_empty(), "{:?}", parsed.issues);
    }
}

#[test]
fn children_of_user_data_become_fields() {
    for log in [write_log(&[record(1, user_data())]), write_text_log(&[record(1, user_data())])] {
        let expected =
            [(Some("VmName"), "SQL <1> & Co"), (Some("Empty"), ""), (Some("ErrorCode"), "%%2148074254")];
        assert_eq!(fields(events(&read(&log))[0]), expected);
    }
}

#[test]
fn classic_values_stay_apart_and_lose_no_blank() {
    let payload = Payload::EventData(["a", "", " b "].map(|value| (None, value.to_owned())).into());
    let classic = Record {
        provider: "Service Control Manager".into(),
        guid: None,
        qualifiers: Some(16384),
        user: None,
        ..record(1, payload)
    };
    let parsed = read(&write_log(&[classic]));
    let event = events(&parsed)[0];
    assert_eq!((event.provider.as_str(), event.id, &event.user), ("Service Control Manager", 21024, &None));
    assert_eq!(fields(event), [(None, "a"), (None, ""), (None, " b ")]);
}

#[test]
fn every_record_is_counted_and_only_wanted_ones_are_decoded() {
    let mut records: Vec<_> = (1..=4).map(|id| record(id, user_data())).collect();
    records[1].id = 20;
    records[2].computer = "hv02".into();
    records[3].provider = "Other".into();
    let interest = Interest::new([(VMMS, [21024].as_slice(), None)]);
    for log in [write_log(&records), write_text_log(&records)] {
        let parsed = read_with(&log, &interest);
        assert_eq!((ids(&parsed), parsed.coverage.records), (vec![1, 3], 4));
        let channels: Vec<_> = parsed
            .coverage
            .channels
            .iter()
            .map(|own| (own.computer.as_str(), own.records, own.first, own.last))
            .collect();
        assert_eq!(channels, [("hv01.contoso.com", 3, at(1), at(4)), ("hv02", 1, at(3), at(3))]);
        assert_eq!(read_with(&log, &Interest::default()).coverage, parsed.coverage);
    }
}

#[test]
fn a_truncated_chunk_gives_what_is_intact() {
    let mut log = log(20);
    log.truncate(place(&log, 17) + 100);
    let parsed = read(&log);
    assert_eq!(ids(&parsed), (1..=16).collect::<Vec<_>>());
    assert_eq!(issues(&parsed), [("log-truncated", Some(4))]);
    let missing = 4096 + 2 * 65536 - log.len();
    assert!(parsed.issues[0].detail.contains(&format!("{missing} bytes")), "{}", parsed.issues[0].detail);
}

#[test]
fn a_file_cut_between_chunks_is_truncated_too() {
    let mut log = log(20);
    log.truncate(4096 + 65536);
    assert_eq!(issues(&read(&log)), [("log-truncated", None)]);
    log.truncate(1000);
    assert_eq!((issues(&read(&log)), read(&log).coverage.records), (vec![("log-truncated", None)], 0));
}

#[test]
fn a_chunk_without_its_signature_is_read() {
    let mut log = log(20);
    log[4096..4104].fill(0x58);
    let parsed = read(&log);
    assert_eq!((parsed.facts.len(), issues(&parsed)), (20, vec![("chunk-damaged", Some(0))]));
}

#[test]
fn a_chunk_without_records_is_reported_unless_it_is_unused() {
    let mut log = log(5);
    log.resize(4096 + 2 * 65536, 0);
    assert_eq!(issues(&read(&log)), []);
    log.extend([0x17; 65536]);
    assert_eq!((issues(&read(&log)), ids(&read(&log)).len()), (vec![("chunk-damaged", None)], 5));
}

#[test]
fn the_end_of_the_records_is_found_without_the_header() {
    let mut log = log(3);
    // An older record behind the last, as reused chunks hold them, must not come back to life.
    let (first, second) = (place(&log, 1), place(&log, 2));
    let end = first
        + (log[4096 + 48..4096 + 52].iter().rev().fold(0, |size, byte| size << 8 | usize::from(*byte)) - 512);
    let stale = log[first..second].to_vec();
    log[end..end + stale.len()].copy_from_slice(&stale);
    log[4096 + 48..4096 + 52].fill(0);
    let parsed = read(&log);
    assert_eq!(ids(&parsed), [1, 2, 3]);
    assert_eq!(issues(&parsed), [("chunk-damaged", Some(0)), ("chunk-checksum", Some(0))]);
}

/// A log of twelve records of which the chunk's header has given up all behind the fifth.
fn given_up() -> Vec<u8> {
    let mut log = write_log(&(1..=12).map(|id| record(id, user_data())).collect::<Vec<_>>());
    let end = place(&log, 6);
    let chunk = &mut log[4096..];
    chunk[32..40].copy_from_slice(&5_u64.to_le_bytes());
    chunk[48..52].copy_from_slice(&(end as u32 - 4096).to_le_bytes());
    let records = checksum(&[&chunk[512..end - 4096]]);
    chunk[52..56].copy_from_slice(&records.to_le_bytes());
    let header = checksum(&[&chunk[..120], &chunk[128..512]]);
    chunk[124..128].copy_from_slice(&header.to_le_bytes());
    log
}

#[test]
fn records_that_were_given_up_are_read_where_that_was_asked_for() {
    let interest = Interest::new([(VMMS, [].as_slice(), None)]);
    let recovering = interest.clone().recovering(true);
    let parsed = read_with(&given_up(), &interest);
    assert_eq!((ids(&parsed), issues(&parsed)), ((1..=5).collect(), vec![]));
    let recovered = read_with(&given_up(), &recovering);
    assert_eq!(ids(&recovered), (1..=12).collect::<Vec<_>>());
    assert_eq!(issues(&recovered), [("record-recovered", Some(0))]);
    assert_eq!(recovered.coverage, parsed.coverage);
    let event = events(&recovered)[8];
    assert_eq!((event.record, event.time, event.field("VmName")), (9, at(9), Some("SQL <1> & Co")));
}

#[test]
fn what_was_overwritten_is_not_guessed_at() {
    let recovering = Interest::new([(VMMS, [].as_slice(), None)]).recovering(true);
    let log = given_up();
    // The first record holds the definition: its GUID is no longer the one that the others name.
    let guid = place(&log, 1) + 24 + 14 + 4;
    // Names stand there too: another text does not have the hash beside it.
    let name = log.windows(12).position(|bytes| bytes == b"V\0m\0N\0a\0m\0e\0").unwrap();
    for (place, byte) in [(guid, log[guid] ^ 1), (name, b'W')] {
        let mut damaged = log.clone();
        damaged[place] = byte;
        assert_eq!(ids(&read_with(&damaged, &recovering)), [1, 2, 3, 4, 5]);
    }
}

#[test]
fn a_broken_string_table_costs_nothing() {
    let mut log = log(3);
    log[4096 + 128..4096 + 384].fill(0xff);
    let parsed = read(&log);
    assert_eq!(
        (ids(&parsed), issues(&parsed)),
        (vec![1, 2, 3], vec![("chunk-damaged", Some(0)), ("chunk-checksum", Some(0))])
    );
}

#[test]
fn a_wrong_checksum_of_records_is_reported() {
    let mut log = log(3);
    let value = place(&log, 3) - 100;
    log[value] ^= 1;
    let parsed = read(&log);
    assert_eq!((parsed.facts.len(), issues(&parsed)), (3, vec![("chunk-checksum", Some(0))]));
}

#[test]
fn a_damaged_record_costs_itself() {
    let mut log = log(20);
    for id in [3, 4, 8] {
        let start = place(&log, id);
        log[start] = 0;
    }
    let parsed = read(&log);
    assert_eq!(parsed.facts.len(), 17);
    assert_eq!(issues(&parsed), [("chunk-checksum", Some(0)), ("record-damaged", Some(3))]);
    let hole = (at(2), at(5));
    assert_eq!(parsed.coverage.channels[0].holes, [hole, (at(7), at(9))]);
}

#[test]
fn a_damaged_id_in_a_chunk_without_a_header_costs_one_record() {
    let mut log = log(6);
    let id = place(&log, 3) + 8;
    log[4096..4104].fill(0);
    log[id + 5] = 0xff;
    let parsed = read(&log);
    assert_eq!(
        (ids(&parsed), issues(&parsed)),
        (vec![1, 2, 4, 5, 6], vec![("chunk-damaged", Some(0)), ("record-damaged", Some(1))])
    );
}

#[test]
fn a_damaged_copy_of_the_size_costs_nothing() {
    let mut log = log(5);
    let copy = place(&log, 4) - 4;
    log[copy] ^= 0xff;
    assert_eq!(ids(&read(&log)), [1, 2, 3, 4, 5]);
}

#[test]
fn a_record_whose_content_makes_no_sense_is_lost_alone() {
    let mut log = log(5);
    let definition = place(&log, 3) + 24 + 10;
    log[definition..definition + 4].fill(0xff);
    let parsed = read(&log);
    assert_eq!((ids(&parsed), parsed.coverage.records), (vec![1, 2, 4, 5], 4));
    assert_eq!(issues(&parsed), [("chunk-checksum", Some(0)), ("record-undecodable", Some(1))]);
}

#[test]
fn an_open_log_and_a_damaged_header_are_notes() {
    let mut dirty = log(3);
    dirty[120] = 1;
    let checksum = crc32fast::hash(&dirty[..120]);
    dirty[124..128].copy_from_slice(&checksum.to_le_bytes());
    assert_eq!((issues(&read(&dirty)), ids(&read(&dirty)).len()), (vec![("log-dirty", Some(0))], 3));
    dirty[..8].fill(0);
    assert_eq!((issues(&read(&dirty)), ids(&read(&dirty)).len()), (vec![("log-header-damaged", Some(0))], 3));
    let bare = read(&dirty[4096..]);
    assert_eq!((issues(&bare), bare.facts.len()), (vec![], 3));
    for bytes in [&dirty[..], &dirty[4096..]] {
        assert_eq!(recognise(&Head::new(bytes)), Some("evtx"));
    }
    assert_eq!(recognise(&Head::new(b"ElfFile")), None);
}

#[test]
fn a_wrapped_log_has_no_hole() {
    let log = log(80);
    let (header, chunks) = log.split_at(4096);
    let (old, new) = chunks.split_at(65536);
    let wrapped = [header, new, old].concat();
    let parsed = read(&wrapped);
    let channel = &parsed.coverage.channels[0];
    assert_eq!((parsed.facts.len(), channel.records, channel.first, channel.last), (80, 80, at(1), at(80)));
    assert!(channel.holes.is_empty() && parsed.issues.is_empty());
    let gap = read(&[header, &chunks[..65536], &chunks[2 * 65536..]].concat());
    assert_eq!(gap.coverage.channels[0].holes.len(), 1);
}

#[test]
fn an_event_of_1601_is_counted_and_never_a_fact() {
    let mut records: Vec<_> = (1..=3).map(|id| record(id, user_data())).collect();
    records[1].time = "1601-01-01T00:00:00Z".parse().unwrap();
    let parsed = read(&write_log(&records));
    assert_eq!((ids(&parsed), issues(&parsed)), (vec![1, 3], vec![("event-time-missing", Some(1))]));
    let channel = &parsed.coverage.channels[0];
    assert_eq!((channel.records, channel.first, channel.last), (3, at(1), at(3)));
    let unwanted = read_with(&write_log(&records), &Interest::default());
    assert_eq!(issues(&unwanted), [("event-time-missing", Some(0))]);
}

/// A small generator, so that a failure can be repeated (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

#[test]
fn no_mutation_panics_or_takes_long() {
    let payloads =
        [user_data(), named(&[("A", "b"), ("C", "d")]), Payload::EventData(vec![(None, "x".into())])];
    let records: Vec<_> = (1..=9).map(|id| record(id, payloads[id as usize % 3].clone())).collect();
    let logs = [write_log(&records), write_text_log(&records)];
    let started = std::time::Instant::now();
    let mut random = Random(0x5eed);
    for round in 0..3_000 {
        let mut log = logs[round % 2].clone();
        // The header, the chunk's header and the records; what follows is zero.
        let end = log.iter().rposition(|byte| *byte != 0).unwrap();
        for _ in 0..=random.below(4) {
            let place =
                if random.below(8) == 0 { random.below(128) } else { 4096 + random.below(end - 4096) };
            log[place] = if random.below(2) == 0 {
                random.below(256) as u8
            } else {
                log[place] ^ 1 << random.below(8)
            };
        }
        if random.below(4) == 0 {
            log.truncate(random.below(end + 1000));
        }
        let parsed = read(&log);
        assert!(parsed.coverage.records <= 9 && parsed.facts.len() <= 9, "round {round}");
    }
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

#[test]
fn a_large_log_reads_alike_in_blocks_and_forward() {
    let interest = crate::knowledge::Knowledge::load().unwrap().signals.interest();
    let context = Context { source: SourceId(0), interest: &interest, wanted: None };
    let mut log = crate::scenario::bundles::bulk(3, 0.2, 7 * BLOCK / 2);
    // Damage where blocks meet, and a last chunk that is cut.
    for at in [BLOCK + 3000, BLOCK + 4096 + 600, 2 * BLOCK + 4090] {
        log[at..at + 40].fill(0xaa);
    }
    log.truncate(log.len() - 30_000);
    for log in [&log[..], &log[HEADER..], &log[..3 * BLOCK + 100], &log[..3 * BLOCK + HEADER + 100]] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), log).unwrap();
        let bundle = crate::bundle::Bundle::open(&[folder.path().to_path_buf()], &Limits::default()).unwrap();
        let (parsed, hash) = parse_blocks(&bundle.sources[0].blocks().unwrap(), log, &context);
        let forward = read_with(log, &interest);
        assert_eq!((&parsed.coverage, &parsed.issues), (&forward.coverage, &forward.issues));
        assert_eq!(parsed.facts, forward.facts);
        assert_eq!(hash.unwrap(), blake3::hash(log));
        assert!(parsed.facts.len() > 5 && !parsed.issues.is_empty());
    }
}

/// What makes a ticket routine here: it was granted.
fn granted() -> Routine {
    Routine(vec![Cell { field: "Status".into(), value: "0x0".into() }])
}

#[test]
fn of_routine_records_the_first_of_each_computer_counts() {
    let status = |value| named(&[("Status", value)]);
    let mut records: Vec<_> = ["0x0", "0x0", "0xd", "0x0", "0x0"]
        .into_iter()
        .zip(1..)
        .map(|(value, id)| record(id, status(value)))
        .collect();
    records[3].computer = "hv02".into();
    let routine = granted();
    let interest = Interest::new([(VMMS, [21024].as_slice(), Some(&routine))]);
    for log in [write_log(&records), write_text_log(&records)] {
        assert_eq!(ids(&read_with(&log, &interest)), [1, 3, 4]);
        let window = interest.clone().within(Some(at(4)), None);
        assert_eq!(ids(&read_with(&log, &window)), [1, 4]);
        assert_eq!(read_with(&log, &window).coverage.records, 5);
    }
}

#[test]
fn only_granted_tickets_are_left_out_as_routine() {
    let log = crate::scenario::bundles::bulk(11, 0.3, 2 << 20);
    let security = "Microsoft-Windows-Security-Auditing";
    let routine = granted();
    let all = read_with(&log, &Interest::new([(security, [4769].as_slice(), None)]));
    let kept = read_with(&log, &Interest::new([(security, [4769].as_slice(), Some(&routine))]));
    let is_granted = |event: &&Event| event.field("Status") == Some("0x0");
    let first = events(&all).into_iter().find(is_granted).unwrap().record;
    let expected: Vec<_> =
        events(&all).into_iter().filter(|event| event.record == first || !is_granted(event)).collect();
    assert_eq!(events(&kept), expected);
    assert!(expected.len() > 20 && expected.len() * 10 < all.facts.len());
}

/// A ticket on a user's behalf names who asked for it; so every value of a routine record must be as it says.
#[test]
fn a_record_is_routine_by_all_of_its_values() {
    let ticket = |status, services| named(&[("Status", status), ("Id", "1"), ("Services", services)]);
    let all = [("0x0", "-"), ("0x0", "-"), ("0xd", "-"), ("0x0", "hv01"), ("0x0", "-")];
    let records: Vec<_> = all
        .into_iter()
        .zip(1..)
        .map(|((status, services), id)| record(id, ticket(status, services)))
        .collect();
    let cell = |field: &str, value: &str| Cell { field: field.into(), value: value.into() };
    for cells in
        [[cell("Status", "0x0"), cell("Services", "-")], [cell("Services", "-"), cell("Status", "0x0")]]
    {
        let routine = Routine(cells.to_vec());
        let interest = Interest::new([(VMMS, [21024].as_slice(), Some(&routine))]);
        for log in [write_log(&records), write_text_log(&records)] {
            assert_eq!(ids(&read_with(&log, &interest)), [1, 3, 4]);
        }
    }
}

#[test]
fn a_record_can_spend_no_more_than_its_chunk_has() {
    let log = write_log(&[record(1, user_data())]);
    let chunk = Chunk { offset: 4096, data: &log[4096..] };
    let frame = chunk.walk().frames[0];
    for (tokens, bytes, is_read) in [(9, 1 << 20, false), (1 << 20, 99, false), (1 << 20, 1 << 20, true)] {
        let mut budget = Budget::new(tokens, bytes);
        let reading = decode::decode(chunk.data, &frame, &mut budget);
        assert_eq!((reading.is_some(), budget.is_spent()), (is_read, !is_read));
    }
}

/// Records that the page of a dirty log tore: the crate prints what is left of them as event 0 of the year 1601, or
/// reads on in zeroes; here they count as damaged.
const TORN: [(&str, u64); 3] = [
    ("0539_Microsoft-Windows-LanguagePackSetup_4Operational.evtx", 17),
    ("0547_sample_with_a_bad_chunk_magic.evtx", 45_933),
    ("0547_sample_with_a_bad_chunk_magic.evtx", 47_640),
];

/// The logs of `KCDOCTOR_CORPUS`, by name, and the one that is written here.
fn all_logs() -> Vec<(String, Vec<u8>)> {
    let payloads =
        [user_data(), named(&[("A", "b"), ("C", "d")]), Payload::EventData(vec![(None, "x".into())])];
    let records: Vec<_> = (1..=300).map(|id| record(id, payloads[id as usize % 3].clone())).collect();
    let mut logs = vec![
        ("written".to_owned(), write_log(&records)),
        ("written as text".to_owned(), write_text_log(&records)),
    ];
    let mut folders: Vec<_> =
        std::env::var_os("KCDOCTOR_CORPUS").map(std::path::PathBuf::from).into_iter().collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "evtx") {
                logs.push((path.display().to_string(), std::fs::read(path).unwrap()));
            }
        }
    }
    logs.sort();
    logs
}

/// Every record, and whether our decoder reads it. What that and the finder say must be what the crate says.
fn records_of(log: &[u8]) -> Vec<(u64, Option<Reading>, bool)> {
    let mut records = Vec::new();
    for at in (first_chunk(log)..log.len()).step_by(CHUNK) {
        let chunk = Chunk { offset: at as u64, data: &log[at..log.len().min(at + CHUNK)] };
        let mut reader = system::Reader::new(chunk.data);
        let frames = chunk.walk().frames;
        let all = reference::decode(chunk.data, &frames, &frames);
        for frame in frames {
            let reading = decode::decode(chunk.data, &frame, &mut Budget::default());
            let reference = all.get(&frame.at);
            if let (Some(own), Some(other)) = (&reading, reference) {
                assert_eq!(own, other, "record {} at {at}", frame.id);
            }
            let mut system = System::default();
            let is_read = reader.read(&frame, &mut system);
            if let (Some(()), Some(reading)) = (is_read, reading.as_ref().or(reference)) {
                let own = (text(system.provider), system.id, text(system.computer), system.record);
                let expected =
                    (&reading.provider, reading.id, &reading.computer, reading.record.unwrap_or(frame.id));
                assert_eq!((&own.0, own.1, &own.2, own.3), expected);
                assert_eq!(text(system.channel), reading.channel.clone().unwrap_or_default());
                assert_eq!(filetime(system.ticks), reading.time.or_else(|| filetime(frame.written)));
            }
            let is_usual = reading.is_some();
            records.push((frame.id, reading.or_else(|| reference.cloned()), is_usual));
        }
    }
    records
}

#[test]
fn every_record_reads_as_the_evtx_crate_reads_it() {
    let (mut compared, mut unusual, mut own_only, mut theirs_only) = (0, 0, 0, Vec::new());
    for (name, log) in all_logs() {
        let mut own: std::collections::BTreeMap<u64, Vec<Reading>> = Default::default();
        for (id, reading, is_usual) in records_of(&log) {
            unusual += usize::from(!is_usual);
            own.entry(id).or_default().extend(reading);
        }
        let settings = ::evtx::ParserSettings::new().indent(false).num_threads(1);
        let Ok(parser) = ::evtx::EvtxParser::from_buffer(log) else { continue };
        for record in parser.with_configuration(settings).records().flatten() {
            let expected = super::super::event::read(&record.data, |_| true).map(|(reading, _)| reading);
            let known = own.get_mut(&record.event_record_id).filter(|known| !known.is_empty());
            match (known, expected) {
                (Some(known), Some(expected)) => {
                    let index = known.iter().position(|reading| *reading == expected).unwrap_or(0);
                    assert_eq!(known.remove(index), expected, "{name}, record {}", record.event_record_id);
                    compared += 1;
                }
                (None, Some(_)) => theirs_only.push((name.clone(), record.event_record_id)),
                (_, None) => {}
            }
        }
        own_only += own.values().map(Vec::len).sum::<usize>();
    }
    assert!(compared >= 600 && unusual * 100 <= compared, "{unusual} of {compared} are of an unusual shape");
    assert!(own_only <= 100, "{own_only} are read here only");
    let torn =
        |(name, record): &(String, u64)| TORN.iter().any(|(log, id)| name.ends_with(log) && id == record);
    theirs_only.retain(|lost| !torn(lost));
    assert_eq!(theirs_only, []);
}
