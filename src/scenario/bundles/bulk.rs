//! Large logs for benches: a domain controller's security log in which little matters.

use jiff::Timestamp;

use super::{controller, hosts};
use crate::scenario::events::security::{
    Admin, Request, delegation_refused, logoff, logon, process_created, ticket_granted,
};
use crate::scenario::evtx::{Record, write_log};
use crate::scenario::{Dice, Domain, Machine, Os, later, moment};

/// Records that are measured before the size of the whole is known.
const SAMPLE: usize = 2_000;

/// A binary security log of about `bytes`, in which a share `relevant` (0 to 1) of the records are requests for
/// tickets and the rest are logons and processes. The same arguments give the same bytes.
#[must_use]
pub fn bulk(seed: u64, relevant: f64, bytes: usize) -> Vec<u8> {
    let sample = write_log(&records(seed, relevant, SAMPLE));
    // The writer decides how large a record becomes, so it is asked.
    let count = bytes.saturating_mul(SAMPLE) / sample.len().max(1);
    write_log(&records(seed, relevant, count.max(1)))
}

fn records(seed: u64, relevant: f64, count: usize) -> Vec<Record> {
    let domain = Domain::new("contoso.com");
    let dc = controller(&domain, Os::Server2022);
    let hosts: [Machine; 8] = hosts(&domain, Os::Server2022);
    let mut dice = Dice::new(seed);
    let mut time = moment(9, 1, 0, 0);
    let number = |(at, record): (u64, Record)| Record { record: at, ..record };
    let next = |_| {
        time = later(time, i64::try_from(dice.below(1_500)).unwrap_or(0) + 1);
        if dice.chance(relevant) {
            request(&mut dice, &dc, &hosts, time)
        } else {
            everyday(&mut dice, &dc, time)
        }
    };
    (1..).zip((0..count).map(next)).map(number).collect()
}

/// A request for a ticket of one host by another, now and then on someone's behalf and refused.
fn request(dice: &mut Dice, dc: &Machine, hosts: &[Machine], time: Timestamp) -> Record {
    let client = dice.pick(hosts).unwrap_or(dc);
    let service = dice.pick(hosts).unwrap_or(dc);
    let request = Request { dc, client, service, time };
    if dice.chance(0.05) { delegation_refused(request) } else { ticket_granted(request) }
}

/// What fills a security log.
fn everyday(dice: &mut Dice, dc: &Machine, time: Timestamp) -> Record {
    const COMMANDS: [&str; 4] = [
        r"C:\Windows\System32\svchost.exe -k netsvcs -p -s Schedule",
        r"C:\Windows\System32\taskhostw.exe SYSTEM Install $(Arg0) {222A245B-E637-4AE9-A93F-A59CA119A75E}",
        r"C:\Windows\System32\wbem\WmiPrvSE.exe -secured -Embedding",
        r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe -NoProfile -ExecutionPolicy Bypass -File C:\Scripts\Get-Health.ps1",
    ];
    let rid = 1200 + u32::try_from(dice.below(900)).unwrap_or(0);
    let who = Admin::new(&format!("user{rid}"), &dc.domain, rid);
    match dice.below(10) {
        0..6 => logon(dc, &who, &format!("10.20.{}.{}", rid % 7, rid % 251 + 2), time),
        6 => logoff(dc, &who, time),
        _ => process_created(dc, dice.pick(&COMMANDS).copied().unwrap_or_default(), time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::evtx::Payload;

    #[test]
    fn size_and_share_are_as_asked() {
        let log = bulk(7, 0.02, 2 << 20);
        assert!((1_900_000..2_300_000).contains(&log.len()), "{} bytes", log.len());
        assert_eq!(log, bulk(7, 0.02, 2 << 20));
        let tickets = records(7, 0.02, 5_000).iter().filter(|record| record.id == 4769).count();
        assert!((60..140).contains(&tickets), "{tickets} of 5000");
        let named =
            |record: &Record| matches!(&record.payload, Payload::EventData(fields) if !fields.is_empty());
        assert!(records(7, 0.5, 50).iter().all(named));
    }
}
