//! Large logs for benches: a domain controller's security log in which little matters.

use jiff::Timestamp;

use super::{controller, hosts};
use crate::scenario::events::security::{Request, delegation_refused, everyday, ticket_granted};
use crate::scenario::evtx::{Record, write_stream};
use crate::scenario::{Dice, Domain, Machine, Os, later, moment};

/// Records that are measured before the size of the whole is known.
const SAMPLE: usize = 2_000;

/// A binary security log of about `bytes`, in which a share `relevant` (0 to 1) of the records are requests for
/// tickets and the rest is what fills such a log. The same arguments give the same bytes.
#[must_use]
pub fn bulk(seed: u64, relevant: f64, bytes: usize) -> Vec<u8> {
    let sample = write_stream(records(seed, relevant, SAMPLE));
    // The writer decides how large a record becomes, so it is asked.
    let count = bytes.saturating_mul(SAMPLE) / sample.len().max(1);
    write_stream(records(seed, relevant, count.max(1)))
}

/// One after the other, so that the size of a log is not a matter of memory.
fn records(seed: u64, relevant: f64, count: usize) -> impl Iterator<Item = Record> {
    let domain = Domain::new("contoso.com");
    let dc = controller(&domain, Os::Server2022);
    let hosts: [Machine; 8] = hosts(&domain, Os::Server2022);
    let mut dice = Dice::new(seed);
    let mut time = moment(9, 1, 0, 0);
    (1..).take(count).map(move |number| {
        time = later(time, i64::try_from(dice.below(1_500)).unwrap_or(0) + 1);
        let record = if dice.chance(relevant) {
            request(&mut dice, &dc, &hosts, time)
        } else {
            everyday(&mut dice, &dc, time)
        };
        Record { record: number, ..record }
    })
}

/// A request for a ticket of one host by another, now and then on someone's behalf and refused.
fn request(dice: &mut Dice, dc: &Machine, hosts: &[Machine], time: Timestamp) -> Record {
    let client = dice.pick(hosts).unwrap_or(dc);
    let service = dice.pick(hosts).unwrap_or(dc);
    let request = Request { dc, client, service, time };
    if dice.chance(0.05) { delegation_refused(request) } else { ticket_granted(request) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::scenario::evtx::Payload;

    #[test]
    fn size_and_share_are_as_asked() {
        let log = bulk(7, 0.02, 2 << 20);
        assert!((1_900_000..2_300_000).contains(&log.len()), "{} bytes", log.len());
        assert_eq!(log, bulk(7, 0.02, 2 << 20));
        let tickets = records(7, 0.02, 5_000).filter(|record| record.id == 4769).count();
        assert!((60..140).contains(&tickets), "{tickets} of 5000");
        let named =
            |record: &Record| matches!(&record.payload, Payload::EventData(fields) if !fields.is_empty());
        assert!(records(7, 0.5, 50).all(|record| named(&record)));
    }

    #[test]
    fn everyday_records_are_of_sixteen_kinds_and_of_real_size() {
        const COUNT: usize = 20_000;
        let ids: BTreeSet<_> = records(7, 0.0, COUNT).map(|record| record.id).collect();
        assert_eq!(ids.len(), 16, "{ids:?}");
        let mean = write_stream(records(7, 0.001, COUNT)).len() / COUNT;
        assert!((700..=1_100).contains(&mean), "{mean} bytes");
    }
}
