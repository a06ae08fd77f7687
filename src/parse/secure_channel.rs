//! The state of a machine's secure channel: `nltest /sc_query`, `/sc_verify` and `/sc_reset`, which speak English on every
//! system.
//!
//! What is *not* done here: the domain controller that the channel goes to, and `/dsgetdc`, which says nothing of the
//! machine that asked. A command that failed tells no state, and is said to have failed.

use super::{Context, Format, Head, Reader, text, tool_text};
use crate::fact::{Issue, MachineReport, Observation, Parsed, Position};

/// The format's line in the table.
pub(super) const FORMAT: Format = Format { recognise, reader: Reader::Text(parse) };

const CONNECTION: &str = "Trusted DC Connection Status Status = ";
const VERIFICATION: &str = "Trust Verification Status = ";
const FAILURE: &str = "I_NetLogonControl failed: Status = ";

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    let is_ours = |line: &str| [CONNECTION, FAILURE].iter().any(|label| status(line, label).is_some());
    text::lines(head.text()).any(|(_, line)| is_ours(line)).then_some("nltest")
}

fn parse(text: &str, context: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut channels: Vec<(u64, u32)> = Vec::new();
    let mut failures = Vec::new();
    for (line, content) in text::lines(tool_text::whole(text, &mut parsed.issues)) {
        if let Some(status) = status(content, CONNECTION) {
            channels.push((line, status));
        } else if let (Some(failed), Some((_, last))) =
            (status(content, VERIFICATION).filter(|status| *status != 0), channels.last_mut())
        {
            // The connection may stand although the domain controller no longer accepts its password.
            *last = failed;
        } else if let Some(status) = status(content, FAILURE) {
            failures.push(status);
        }
    }
    parsed.coverage.records = channels.len() as u64;
    if let Some(status) = failures.first() {
        let detail = format!(
            "nltest failed with error {status}, so the state of the secure channel is not known; run it again on the machine \
             itself, elevated, with the name of its own domain"
        );
        parsed.issues.push(Issue::loss("command-failed", detail, Some(failures.len() as u64)));
    }
    for (line, status) in channels {
        let report = MachineReport { secure_channel: Some(status), ..MachineReport::default() };
        parsed.facts.push(context.fact(Position::Line(line), Observation::Machine(Box::new(report))));
    }
    parsed
}

/// The number of `… = 1311 0x51f ERROR_NO_LOGON_SERVERS`, which stands there twice.
fn status(line: &str, label: &str) -> Option<u32> {
    let mut words = line.trim().strip_prefix(label)?.split_whitespace();
    let number = words.next()?.parse().ok()?;
    (text::bits(words.next()?) == Some(number)).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing;

    const GOOD: &str = "Flags: b0 HAS_IP  HAS_TIMESERV \r\nTrusted DC Name \\\\DC01.contoso.com \r\n\
        Trusted DC Connection Status Status = 0 0x0 NERR_Success\r\nTrust Verification Status = 0 0x0 NERR_Success\r\n\
        The command completed successfully\r\n";

    fn read(text: &str) -> Vec<Option<u32>> {
        let report = |fact: crate::fact::Fact| match fact.observation {
            Observation::Machine(report) => Some(report.secure_channel),
            _ => None,
        };
        testing::read(&FORMAT, text.as_bytes()).facts.into_iter().filter_map(report).collect()
    }

    #[test]
    fn the_state_is_read() {
        assert_eq!(testing::kind(&FORMAT, GOOD.as_bytes()), Some("nltest"));
        assert_eq!(read(GOOD), [Some(0)]);
        assert_eq!(read(&GOOD.replace("\r\n", "\r\r\n")), [Some(0)]);
        let broken = GOOD.replace(
            "Connection Status Status = 0 0x0 NERR_Success",
            "Connection Status Status = 1311 0x51f ERROR_NO_LOGON_SERVERS",
        );
        assert_eq!(read(&broken), [Some(1311)]);
        let refused = GOOD.replace(
            "Verification Status = 0 0x0 NERR_Success",
            "Verification Status = 5 0x5 ERROR_ACCESS_DENIED",
        );
        assert_eq!(read(&refused), [Some(5)]);
    }

    #[test]
    fn a_command_that_failed_tells_no_state() {
        let text = "I_NetLogonControl failed: Status = 1355 0x54b ERROR_NO_SUCH_DOMAIN\r\n";
        assert_eq!(testing::kind(&FORMAT, text.as_bytes()), Some("nltest"));
        assert_eq!(read(text), []);
        assert_eq!(testing::losses(&testing::read(&FORMAT, text.as_bytes())), [("command-failed", Some(1))]);
    }

    #[test]
    fn other_texts_are_not_claimed() {
        for text in ["", "Trusted DC Connection Status Status = 5 0x0\n"] {
            assert_eq!(testing::kind(&FORMAT, text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn damage_and_size_do_no_harm() {
        testing::damage(&FORMAT, GOOD, *b"\0\n=0\xFF");
        assert_eq!(read(&GOOD.repeat(20_000)).len(), 20_000);
        let cut = &GOOD[..GOOD.find("NERR").unwrap() + 4];
        assert_eq!(read(cut), []);
    }
}
