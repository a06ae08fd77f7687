//! Kerberos tickets in a cache: `klist`, also for another logon session (`-li`).
//!
//! Labels are translated, the order of a ticket's lines is not: client, server, encryption, flags, three times, key
//! type, cache flags, domain controller. Older systems print no more than the key type.
//! What is *not* done here: times, which are printed in the machine's own culture without a zone.

use super::{Context, Format, Head, Reader, text, tool_text};
use crate::fact::{Observation, Parsed, Position, Ticket};

/// The format's line in the table.
pub(super) const FORMAT: Format = Format { recognise, reader: Reader::Text(parse) };

/// The place of the domain controller among a ticket's lines, counted from the client's.
const KDC: usize = 9;

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    let is_ours = |line: &str| begin(line).is_some() || is_logon(line);
    text::lines(head.text()).any(|(_, line)| is_ours(line)).then_some("klist")
}

fn parse(text: &str, context: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut cache = Cache::default();
    for (line, content) in text::lines(tool_text::whole(text, &mut parsed.issues)) {
        cache.read(line, content);
    }
    cache.close();
    parsed.coverage.records = cache.tickets.len() as u64;
    parsed.issues.extend(
        (cache.stated > parsed.coverage.records)
            .then(|| tool_text::incomplete("tickets", cache.stated, parsed.coverage.records)),
    );
    for (line, ticket) in cache.tickets {
        parsed.facts.push(context.fact(Position::Line(line), Observation::Ticket(Box::new(ticket))));
    }
    parsed
}

/// The tickets while their lines go by.
#[derive(Default)]
struct Cache<'a> {
    open: Option<(u64, Vec<&'a str>)>,
    tickets: Vec<(u64, Ticket)>,
    /// How many tickets there are, by the heads of all caches.
    stated: u64,
}

impl<'a> Cache<'a> {
    fn read(&mut self, line: u64, content: &'a str) {
        if let Some(client) = begin(content) {
            self.close();
            self.open = Some((line, vec![client]));
        } else if content.trim().is_empty() {
            // Copied text may hold blank lines between those of a ticket.
        } else if tool_text::is_indented(content) {
            if let Some((_, lines)) = self.open.as_mut().filter(|(_, lines)| lines.len() <= KDC) {
                lines.push(content);
            }
        } else {
            self.close();
            self.stated += count(content).unwrap_or_default();
        }
    }

    fn close(&mut self) {
        let Some((line, lines)) = self.open.take() else { return };
        let value = |at: usize| Some(tool_text::labelled(lines.get(at)?)?.1.to_owned());
        let server = value(1).filter(|server| server.contains('@'));
        let (Some(client), Some(server)) = (lines.first(), server) else { return };
        let kdc = value(KDC).filter(|kdc| !kdc.is_empty() && !kdc.contains(' '));
        let flags = lines.get(3).and_then(|line| flags(line));
        let ticket =
            Ticket { host: None, client: (*client).to_owned(), server, encryption: value(2), flags, kdc };
        self.tickets.push((line, ticket));
    }
}

/// The client of a ticket's first line, `#0>     Client: HV01$ @ CONTOSO.COM`.
fn begin(line: &str) -> Option<&str> {
    let (number, rest) = line.trim_start().strip_prefix('#')?.split_once('>')?;
    let is_number = (1..=6).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    let (_, client) = tool_text::labelled(rest)?;
    (is_number && client.contains('@')).then_some(client)
}

/// `Current LogonId is 0:0x3e7`, in any language.
fn is_logon(line: &str) -> bool {
    let Some((label, id)) = line.trim().rsplit_once(' ') else { return false };
    let parts = id.split_once(":0x");
    parts.is_some_and(|(high, low)| {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_number(high) && is_number(low) && label.contains("Logon") | label.contains("ID")
    })
}

/// `Cached Tickets: (4)`.
fn count(line: &str) -> Option<u64> {
    tool_text::labelled(line)?.1.strip_prefix('(')?.strip_suffix(')')?.parse().ok()
}

/// `Ticket Flags 0x60a10000 -> forwardable …`: the number, behind a label without a colon.
fn flags(line: &str) -> Option<u32> {
    let (number, _) = line.get(line.find("0x")?..)?.split_once(" ->")?;
    text::bits(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing;

    const GOOD: &str = "\r\nCurrent LogonId is 0:0x3e7\r\n\r\nCached Tickets: (2)\r\n\r\n\
        #0>\tClient: HV01$ @ CONTOSO.COM\r\n\tServer: krbtgt/CONTOSO.COM @ CONTOSO.COM\r\n\
        \tKerbTicket Encryption Type: AES-256-CTS-HMAC-SHA1-96\r\n\tTicket Flags 0x60a10000 -> forwardable forwarded \r\n\
        \tStart Time: 10/9/2026 11:12:43 (local)\r\n\tEnd Time:   10/9/2026 21:12:42 (local)\r\n\tRenew Time: 0\r\n\
        \tSession Key Type: AES-256-CTS-HMAC-SHA1-96\r\n\tCache Flags: 0x2 -> DELEGATION \r\n\tKdc Called: DC01.contoso.com\r\n\r\n\
        #1>     Client: HV01$ @ CONTOSO.COM\r\n\r\n        Server: MSSQLSvc/sql01:1433 @ CONTOSO.COM\r\n\
        \x20       KerbTicket Encryption Type: RSADSI RC4-HMAC(NT)\r\n        Ticket Flags 0x40a50000 -> forwardable \r\n";

    fn read(text: &str) -> Vec<Ticket> {
        let ticket = |fact: crate::fact::Fact| match fact.observation {
            Observation::Ticket(ticket) => Some(*ticket),
            _ => None,
        };
        testing::read(&FORMAT, text.as_bytes()).facts.into_iter().filter_map(ticket).collect()
    }

    fn expected() -> [Ticket; 2] {
        let client = "HV01$ @ CONTOSO.COM".to_owned();
        let first = Ticket {
            host: None,
            client: client.clone(),
            server: "krbtgt/CONTOSO.COM @ CONTOSO.COM".into(),
            encryption: Some("AES-256-CTS-HMAC-SHA1-96".into()),
            flags: Some(0x60a1_0000),
            kdc: Some("DC01.contoso.com".into()),
        };
        let second = Ticket {
            host: None,
            client,
            server: "MSSQLSvc/sql01:1433 @ CONTOSO.COM".into(),
            encryption: Some("RSADSI RC4-HMAC(NT)".into()),
            flags: Some(0x40a5_0000),
            kdc: None,
        };
        [first, second]
    }

    #[test]
    fn tickets_are_read_in_any_language() {
        assert_eq!(testing::kind(&FORMAT, GOOD.as_bytes()), Some("klist"));
        let german = GOOD
            .replace("Current LogonId is", "Aktuelle Anmelde-ID ist")
            .replace("Cached Tickets", "Zwischengespeicherte Tickets")
            .replace("KerbTicket Encryption Type", "KerbTicket (Verschlüsselungstyp)")
            .replace("Ticket Flags", "Ticketkennzeichen")
            .replace("Kdc Called", "KDC aufgerufen");
        for text in [GOOD.to_owned(), german, GOOD.replace("\r\n", "\r\r\n")] {
            assert_eq!(read(&text), expected());
            assert_eq!(testing::read(&FORMAT, text.as_bytes()).issues, []);
        }
    }

    #[test]
    fn a_cache_may_be_empty_or_cut() {
        let empty = "Current LogonId is 0:0x3e7\r\n\r\nCached Tickets: (0)\r\n";
        assert_eq!((testing::kind(&FORMAT, empty.as_bytes()), read(empty)), (Some("klist"), Vec::new()));
        let cut = testing::read(&FORMAT, &GOOD.as_bytes()[..GOOD.find("#1>").unwrap()]);
        assert_eq!((cut.facts.len(), testing::losses(&cut)), (1, vec![("list-incomplete", Some(1))]));
        // The cut line might hold a shorter number, so it counts for nothing.
        let flags = &GOOD[..GOOD.find("40a5").unwrap() + 4];
        assert_eq!(read(flags)[1].flags, None);
    }

    #[test]
    fn other_texts_are_not_claimed() {
        for text in ["", "#0> a: b\n", "# comment\n", "Failed at 0:0x3e7\n", "#1: x @ y\n"] {
            assert_eq!(testing::kind(&FORMAT, text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn damage_and_size_do_no_harm() {
        testing::damage(&FORMAT, GOOD, *b"\0\n:@\xFF");
        assert_eq!(read(&GOOD.repeat(20_000)).len(), 40_000);
        assert_eq!(read(&format!("#0> Client: a @ b\n{}", " x: y\n".repeat(300_000))).len(), 0);
        assert_eq!(read(&"#".repeat(10 << 20)).len(), 0);
    }
}
