//! What an event says, in one line, with its codes explained in place.

use super::{CodeReport, code_text};
use crate::fact::Event;
use crate::incident::placed_codes;
use crate::knowledge::{Code, Codes, Meaning, Signal, Space};
use crate::report::excerpt::{one_line, stated};

/// An event in words.
pub(super) struct Wording {
    /// One line.
    pub(super) text: String,
    /// The codes that it explains, each once.
    pub(super) codes: Vec<CodeReport>,
}

impl Wording {
    /// Puts `event`, which `signal` looks for, into words.
    pub(super) fn of(event: &Event, signal: Option<&Signal>, codes: &Codes) -> Self {
        let mut wording = Self { text: String::new(), codes: Vec::new() };
        let meaning = signal.map(|signal| signal.meaning);
        for (name, value) in stated(event) {
            let line = one_line(value);
            let explained = match name.and_then(|name| kerberos(meaning, name, &line, codes)) {
                Some((number, code)) => match wording.explanation(format!("0x{number:X}"), code) {
                    Some(explanation) => format!("{line} ({explanation})"),
                    None => line,
                },
                None => wording.with_codes(&line, codes),
            };
            let lead = if wording.text.is_empty() { "" } else { "; " };
            let name = name.map_or_else(String::new, |name| format!("{}=", one_line(name)));
            wording.text.push_str(&format!("{lead}{name}{explained}"));
        }
        if let Some(message) = event.message.as_ref().filter(|_| wording.text.is_empty()) {
            wording.text = wording.with_codes(&one_line(message), codes);
        }
        wording
    }

    /// `line` with each known code explained behind it.
    fn with_codes(&mut self, line: &str, codes: &Codes) -> String {
        let mut text = String::new();
        let mut done = 0;
        for (number, place) in placed_codes(line) {
            let Some(code) = codes.of_text(number) else { continue };
            let stated = line.get(place.clone()).unwrap_or_default();
            let hexadecimal = code_text(number);
            // A message number in decimal means nothing to a reader who knows the code.
            let also = (!stated.eq_ignore_ascii_case(&hexadecimal)).then(|| hexadecimal.clone());
            let explanation = self.explanation(hexadecimal, code);
            let words: Vec<_> = also.into_iter().chain(explanation).collect();
            text.push_str(line.get(done..place.end).unwrap_or_default());
            let is_bracketed = line.get(..place.start).is_some_and(|before| before.ends_with('('))
                && line.get(place.end..).is_some_and(|behind| behind.starts_with(')'));
            match words.join(" ") {
                words if words.is_empty() => {}
                words if is_bracketed => text.push_str(&format!(" {words}")),
                words => text.push_str(&format!(" ({words})")),
            }
            done = place.end;
        }
        text.push_str(line.get(done..).unwrap_or_default());
        text
    }

    /// `SYMBOL: meaning`, the first time that a code is met.
    fn explanation(&mut self, number: String, code: &Code) -> Option<String> {
        if self.codes.iter().any(|known| known.code == number) {
            return None;
        }
        let symbol = Some(code.symbol.clone()).filter(|symbol| !symbol.is_empty());
        let meaning = code.meaning.trim_end_matches('.');
        let explanation = match &symbol {
            Some(symbol) => format!("{symbol}: {meaning}"),
            None => meaning.to_owned(),
        };
        self.codes.push(CodeReport {
            code: number,
            symbol,
            meaning: code.meaning.clone(),
            class: code.class,
        });
        Some(explanation)
    }
}

/// The Kerberos code of a value that is one by its name: such codes are small numbers (RFC 4120 7.5.9), which
/// anywhere else may mean anything.
fn kerberos<'a>(
    meaning: Option<Meaning>,
    name: &str,
    value: &str,
    codes: &'a Codes,
) -> Option<(u32, &'a Code)> {
    let field = match meaning? {
        Meaning::TicketRequest | Meaning::SignInTicket => "Status",
        Meaning::KerberosError => "ErrorCode",
        _ => return None,
    };
    let digits = value.strip_prefix("0x").or_else(|| value.strip_prefix("0X"))?;
    let number = u32::from_str_radix(digits, 16).ok().filter(|_| name.eq_ignore_ascii_case(field))?;
    Some((number, codes.of(Space::Kerberos, number)?))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::fact::Field;
    use crate::knowledge::Knowledge;

    fn words(provider: &str, id: u32, fields: &[(Option<&str>, &str)], message: Option<&str>) -> Wording {
        let field = |(name, value): &(Option<&str>, &str)| Field {
            name: name.map(str::to_owned),
            value: (*value).to_owned(),
        };
        let event = Event {
            provider: provider.into(),
            id,
            channel: None,
            computer: "HV01".into(),
            time: Timestamp::UNIX_EPOCH,
            record: 1,
            level: Some(2),
            user: None,
            fields: fields.iter().map(field).collect(),
            message: message.map(str::to_owned),
            local: false,
        };
        let knowledge = Knowledge::load().unwrap();
        Wording::of(&event, knowledge.signals.of(&event), &knowledge.codes)
    }

    #[test]
    fn a_code_is_explained_where_it_first_stands() {
        let fields = [(Some("Parameter0"), "HV02"), (None, "%%2148074254"), (None, "0x8009030E")];
        let wording = words("Microsoft-Windows-Hyper-V-VMMS", 20306, &fields, None);
        let explained = "HV02; %%2148074254 (0x8009030E SEC_E_NO_CREDENTIALS: ";
        assert!(wording.text.starts_with(explained), "{}", wording.text);
        assert!(wording.text.ends_with("); 0x8009030E"), "{}", wording.text);
        let codes: Vec<_> = wording.codes.iter().map(|code| code.code.as_str()).collect();
        assert_eq!(codes, ["0x8009030E"]);
        let bracketed = words("P", 1, &[(None, "No credentials (0x8009030E).")], None).text;
        assert!(bracketed.starts_with("No credentials (0x8009030E SEC_E_NO_CREDENTIALS: "), "{bracketed}");
    }

    #[test]
    fn kerberos_codes_are_told_by_the_name_of_their_value() {
        let fields = [(Some("TicketEncryptionType"), "0x12"), (Some("Status"), "0xd"), (Some("IpPort"), "-")];
        let wording = words("Microsoft-Windows-Security-Auditing", 4769, &fields, None);
        assert!(wording.text.starts_with("TicketEncryptionType=0x12; Status=0xd (KDC_ERR_BADOPTION: "));
        assert_eq!(wording.codes.len(), 1);
        let elsewhere = words("Microsoft-Windows-Hyper-V-VMMS", 1, &[(Some("Status"), "0xd")], None);
        assert_eq!(elsewhere.text, "Status=0xd");
    }

    #[test]
    fn a_text_of_several_lines_becomes_one_and_keeps_no_escapes() {
        let wording = words("P", 1, &[(None, "one\r\n two\u{1b}[31m\tthree")], None);
        assert_eq!(wording.text, "one two [31m three");
    }

    #[test]
    fn the_message_speaks_where_there_are_no_values() {
        let only = words("P", 1, &[(None, "")], Some("It failed: 0x80070005."));
        assert!(only.text.starts_with("It failed: 0x80070005 (E_ACCESSDENIED: "), "{}", only.text);
        assert_eq!(words("P", 1, &[(None, "HV02")], Some("It failed.")).text, "HV02");
    }
}
