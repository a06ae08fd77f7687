//! Readings of many records. A machine that is moved again and again leaves the same records each time: those of one
//! host with the same number and the same values are read once.

use foldhash::{HashMap, HashMapExt};

use super::Reading;
use crate::evidence::{HostId, Hosts, Signalled};
use crate::fact::Field;
use crate::knowledge::Knowledge;

/// All that a reading depends on.
#[derive(PartialEq, Eq, Hash)]
struct Content<'a> {
    host: HostId,
    provider: &'a str,
    id: u32,
    fields: &'a [Field],
    message: Option<&'a str>,
}

/// Reads records: the readings, and for each record the index of its own.
pub(in crate::incident) fn read_once<'a>(
    records: impl Iterator<Item = Signalled<'a>>,
    hosts: &Hosts,
    knowledge: &Knowledge,
) -> (Vec<Reading<'a>>, Vec<usize>) {
    let mut readings = Vec::new();
    let mut known: HashMap<Content<'a>, usize> = HashMap::new();
    let own = records.map(|record| {
        let event = record.event;
        // Provider and number decide what the record means.
        let content = Content {
            host: record.host,
            provider: &event.provider,
            id: event.id,
            fields: &event.fields,
            message: event.message.as_deref(),
        };
        *known.entry(content).or_insert_with(|| {
            readings.push(Reading::of(&record, hosts, knowledge));
            readings.len() - 1
        })
    });
    let own = own.collect();
    (readings, own)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::evidence::FactId;
    use crate::fact::Event;

    #[test]
    fn only_equal_records_share_a_reading() {
        let knowledge = Knowledge::load().unwrap();
        let event = |value: &str, message: Option<&str>| Event {
            provider: "Microsoft-Windows-Hyper-V-High-Availability".to_owned(),
            id: 21502,
            channel: None,
            computer: "HV01".to_owned(),
            time: Timestamp::UNIX_EPOCH,
            record: 1,
            level: Some(2),
            user: None,
            fields: vec![Field { name: None, value: value.to_owned() }],
            message: message.map(str::to_owned),
            local: false,
        };
        let texts = ["Virtual Machine a", "Virtual Machine b"];
        let events = [
            (texts[0], None),
            (texts[1], None),
            (texts[0], None),
            (texts[0], Some("of a")),
            (texts[0], None),
        ];
        let events = events.map(|(value, message)| event(value, message));
        let records = events.iter().zip([0, 0, 0, 0, 1]).map(|(event, host)| Signalled {
            fact: FactId(0),
            host: HostId(host),
            event,
            signal: knowledge.signals.of(event).unwrap(),
        });
        let (readings, own) = read_once(records, &Hosts::default(), &knowledge);
        assert_eq!(own, [0, 1, 0, 2, 3]);
        let names: Vec<_> = readings.iter().map(|reading| reading.vm_name.unwrap()).collect();
        assert_eq!(names, ["a", "b", "a", "a"]);
    }
}
