//! One event about a migration, read: codes, classes, hosts and virtual machine.
//!
//! Codes, GUIDs, quoted names and the order of fields decide; English sentences only help. What is *not*
//! done here: joining events to attempts (see [`super::attempt`]).

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use memchr::{memchr, memchr2_iter, memmem};

use crate::evidence::{HostId, Hosts, Signalled, called_host, is_host_name, placed_host};
use crate::fact::Field;
use crate::knowledge::{Class, Knowledge, Side, Weight};

mod quotes;
mod readings;

use quotes::{own_words, quoted};
pub(super) use readings::read_once;

/// One statement of a record: a class of failure and what names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    /// The class.
    pub class: Class,
    /// How much it is worth.
    pub weight: Weight,
    /// The code that names it, if a code does.
    pub code: Option<u32>,
}

/// A virtual machine's GUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Guid(pub(super) u128);

impl Guid {
    /// Reads a word of nothing but a GUID.
    fn read(word: &[u8]) -> Option<Self> {
        const DASHES: [usize; 4] = [8, 13, 18, 23];
        const LENGTH: usize = 36;
        let is_sound = |(at, byte): (usize, &u8)| match DASHES.contains(&at) {
            true => *byte == b'-',
            false => byte.is_ascii_hexdigit(),
        };
        let sound = word.len() == LENGTH && word.iter().enumerate().all(is_sound);
        let digits = word.iter().filter_map(|byte| char::from(*byte).to_digit(16));
        sound.then(|| Self(digits.fold(0, |number, digit| number << 4 | u128::from(digit))))
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |shift: u32, bits: u32| self.0 >> shift & ((1 << bits) - 1);
        let (a, b, c, d, e) = (part(96, 32), part(80, 16), part(64, 16), part(48, 16), part(0, 48));
        write!(out, "{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}")
    }
}

/// What the cluster quotes as the action that failed; any other quoted word may be a host.
const ACTION: &str = "Move";

/// What one record says of a migration.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading<'a> {
    /// The virtual machine's GUID.
    pub(super) vm_id: Option<Guid>,
    /// Its name.
    pub(super) vm_name: Option<&'a str>,
    /// The same in lower case, by which names are compared.
    pub(super) vm_key: Option<String>,
    /// Statements, in the order of the text.
    pub(super) statements: Vec<Statement>,
    /// Codes, in the order of the text.
    pub(super) codes: Vec<u32>,
    /// Hosts that the record names, without its writer.
    pub(super) others: Vec<HostId>,
    /// It names a host, or what may be one, that can't be told.
    pub(super) names_a_stranger: bool,
    /// The end at which it failed, where the record says so.
    pub(super) side: Option<Side>,
    /// The host of which the text says that it is that end; `None` inside where the host can't be told.
    pub(super) failed_at: Option<(Side, Option<HostId>)>,
    /// The percentage that the text names.
    pub(super) progress: Option<u8>,
    /// The text speaks of a migration.
    pub(super) about_migration: bool,
}

impl<'a> Reading<'a> {
    /// Reads an event of Hyper-V.
    pub(super) fn of(signalled: &Signalled<'a>, hosts: &Hosts, knowledge: &Knowledge) -> Self {
        let mut reading = Self { side: signalled.signal.side, ..Self::default() };
        if let Some(class) = signalled.signal.class {
            reading.statements.push(Statement { class, weight: Weight::Specific, code: None });
        }
        let fields = &signalled.event.fields;
        reading.vm_id = fields.iter().find_map(|field| guid(&field.value));
        let is_name = |field: &&Field| {
            let name = field.name.as_deref().unwrap_or_default();
            name.eq_ignore_ascii_case("VmName") || name.eq_ignore_ascii_case("ResourceName")
        };
        let named = fields.iter().rfind(is_name).map(|field| machine_name(&field.value));
        reading.vm_name = named.or_else(|| reading.first_name(signalled));
        reading.vm_key = reading.vm_name.map(str::to_lowercase);
        for field in fields {
            reading.read_text(&field.value, signalled.host, hosts, knowledge);
        }
        reading.read_message(signalled, knowledge);
        if let Some(class) = signalled.signal.hints.filter(|_| reading.statements.is_empty()) {
            reading.statements.push(Statement { class, weight: Weight::Ambiguous, code: None });
        }
        reading.read_hosts(signalled, hosts);
        reading
    }

    /// Where the values name no class, the sentence that the export rendered of them may. Its names and codes are the
    /// values' own.
    fn read_message(&mut self, signalled: &Signalled<'_>, knowledge: &Knowledge) {
        if self.statements.iter().any(|statement| statement.weight == Weight::Specific) {
            return;
        }
        let lines = signalled.event.message.iter().flat_map(|message| message.lines());
        let named = lines.filter_map(|line| named_class(line, self.vm_name, knowledge));
        self.statements.extend(named.map(|class| Statement { class, weight: Weight::Specific, code: None }));
    }

    /// The first value of a record is the machine's or its resource's name in cluster events, and in others
    /// where the record gives the machine's GUID as well and the value is not the other host's place.
    fn first_name(&self, signalled: &Signalled<'a>) -> Option<&'a str> {
        let named = signalled.event.provider.ends_with("High-Availability") || self.vm_id.is_some();
        let value = signalled.event.fields.first()?.value.trim();
        // Where an export left nothing but the rendered message, the name is what that quotes first.
        let is_message = signalled.event.message.as_deref().is_some_and(|message| message.trim() == value);
        let value = if is_message { quoted(value).first()?.trim() } else { value };
        let short = !value.is_empty() && value.len() <= 120 && !value.contains('\n');
        // A resource may be called by a number that reads like a code.
        let is_code = !codes(value).is_empty() && value.starts_with(['0', '%']);
        let sound = named && short && guid(value).is_none() && !is_code;
        (sound
            && placed_host(signalled.event, signalled.signal).as_deref()
                != Some(value.to_lowercase().as_str()))
        .then(|| machine_name(value))
    }

    /// The other hosts: what the record's place or its sentence calls a host, else the only known host among
    /// its quoted words and values. A machine may bear a host's name, so its own name never counts.
    fn read_hosts(&mut self, signalled: &Signalled<'_>, hosts: &Hosts) {
        let fields = &signalled.event.fields;
        // An event with two readings may hold a path in that place.
        let placed = placed_host(signalled.event, signalled.signal).filter(|name| is_stranger(name));
        let called: Vec<String> =
            fields.iter().flat_map(|field| called_host(&field.value)).chain(placed).collect();
        let of_machine =
            |name: &str| self.vm_name.is_some_and(|own| own.eq_ignore_ascii_case(machine_name(name)));
        let is_name = |name: &&str| {
            !of_machine(name) && *name != ACTION && guid(name).is_none() && codes(name).is_empty()
        };
        let words = |field: &'_ Field| {
            let words: Vec<_> = quoted(&field.value)
                .into_iter()
                .chain([field.value.trim()])
                .filter(is_name)
                .map(str::to_lowercase)
                .collect();
            words
        };
        let are_called = !called.is_empty();
        let candidates = if are_called { called } else { fields.iter().flat_map(words).collect() };
        let mut found: Vec<HostId> = Vec::new();
        for name in &candidates {
            match hosts.find_from(name, signalled.host) {
                Some(host) if host == signalled.host || found.contains(&host) => {}
                // Which of its nodes a cluster's name stood for is not said.
                Some(host) if hosts.get(host).is_some_and(|host| host.is_cluster_name) => {
                    self.names_a_stranger = true;
                }
                // Only a node can be an end, unless the sentence itself says so.
                Some(host) if are_called || hosts.get(host).is_some_and(|host| host.is_node) => {
                    found.push(host)
                }
                Some(_) => {}
                None => self.names_a_stranger |= are_called || is_stranger(name),
            }
        }
        match found.as_slice() {
            [_, _, ..] if !are_called => self.names_a_stranger = true,
            [] => {}
            _ => {
                self.names_a_stranger = false;
                self.others = found;
            }
        }
    }

    /// Sentence by sentence, so that the last code-bearing one is known.
    fn read_text(&mut self, text: &str, writer: HostId, hosts: &Hosts, knowledge: &Knowledge) {
        // A name, a GUID or a code is no sentence.
        let is_sentence = text.contains(char::is_whitespace);
        if is_sentence {
            let lower = text.to_lowercase();
            self.about_migration |= holds(&lower, "migration");
            if self.failed_at.is_none() {
                self.failed_at = end(&lower).map(|(side, name)| (side, hosts.find_from(name, writer)));
            }
            self.side = self.side.or_else(|| side(&lower));
        }
        // A machine may be called "virtual switch lab": its name says nothing of a failure.
        let may_name_class = is_sentence && self.vm_name.is_none_or(|own| own != machine_name(text));
        // A machine may be called by a number that reads like a code.
        let like_a_code = self.vm_name.filter(|own| !codes(own).is_empty());
        for line in text.lines() {
            self.progress = self.progress.or_else(|| progress(line));
            let codes = match like_a_code {
                Some(own) => codes(&line.replace(own, "")),
                None => codes(line),
            };
            let named = Some(line).filter(|_| may_name_class);
            let named = named.and_then(|line| named_class(line, self.vm_name, knowledge));
            self.statements.extend(named.map(|class| Statement {
                class,
                weight: Weight::Specific,
                code: None,
            }));
            for code in codes {
                self.codes.push(code);
                let known = knowledge.codes.of_text(code);
                if let Some(known) = known.filter(|known| known.class != Class::Noise) {
                    self.statements.push(Statement {
                        class: known.class,
                        weight: known.weight,
                        code: Some(code),
                    });
                }
            }
        }
    }
}

/// The class that a line names in words of its own. Few lines name one at all, so that is asked first.
fn named_class(line: &str, name: Option<&str>, knowledge: &Knowledge) -> Option<Class> {
    let class = knowledge.sentences.class_of(line)?;
    match own_words(line, name) {
        Cow::Borrowed(_) => Some(class),
        Cow::Owned(own) => knowledge.sentences.class_of(&own),
    }
}

/// Whether a word that is no known host may be one: a name or an address without blanks.
fn is_stranger(word: &str) -> bool {
    let address = word.split('.').count() == 4 && word.split('.').all(|part| part.parse::<u8>().is_ok());
    address || is_host_name(word)
}

/// What a cluster's resources put before the name of their machine.
const PREFIXES: &[&str] = &[
    "Virtual Machine Configuration ",
    "SCVMM ",
    "Virtual Machine ",
    "Virtueller Computer ",
    "Ordinateur virtuel ",
    "Machine virtuelle ",
    "Máquina virtual ",
    "Macchina virtuale ",
    "仮想マシン ",
    "虚拟机 ",
];

/// `Virtual Machine X`, `Virtual Machine Configuration X` and `SCVMM X` are resources of machine X.
fn machine_name(text: &str) -> &str {
    let text = text.trim();
    let stripped = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix));
    // SCVMM adds `Resources` or `Configuration` behind the name of its resources.
    let name = stripped.unwrap_or(text);
    name.strip_suffix(" Resources").or_else(|| name.strip_suffix(" Configuration")).unwrap_or(name)
}

/// What the two wrapper sentences say of an end, in the languages of which public texts were seen.
const AT_SOURCE: &[&str] = &["at migration source", "at the source host", "migrationsquelle"];
const AT_DESTINATION: &[&str] = &["at migration destination", "migrationsziel"];

/// The end that they name.
fn side(lower: &str) -> Option<Side> {
    if AT_DESTINATION.iter().any(|phrase| holds(lower, phrase)) {
        Some(Side::Destination)
    } else {
        AT_SOURCE.iter().any(|phrase| holds(lower, phrase)).then_some(Side::Source)
    }
}

/// The end that they name with the host in quotes behind it: "at migration source 'HV01'".
fn end(lower: &str) -> Option<(Side, &str)> {
    // Of a mark, a blank and what else may stand between.
    const NEAR: usize = 8;
    let behind = |phrase: &&str| {
        let at = memmem::find(lower.as_bytes(), phrase.as_bytes())?;
        lower.get(at + phrase.len()..)?.lines().next()
    };
    let ends = [(Side::Destination, AT_DESTINATION), (Side::Source, AT_SOURCE)];
    ends.into_iter().find_map(|(side, phrases)| {
        let behind = phrases.iter().find_map(behind)?;
        let name = quoted(behind).first()?.trim();
        (behind.find(name)? <= NEAR).then_some((side, name))
    })
}

/// As `contains`, and several times as fast in a long text.
fn holds(text: &str, phrase: &str) -> bool {
    memmem::find(text.as_bytes(), phrase.as_bytes()).is_some()
}

/// The first GUID in `text`.
fn guid(text: &str) -> Option<Guid> {
    // Few texts hold one.
    memchr(b'-', text.as_bytes())?;
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    text.as_bytes().split(|byte| !is_word(byte)).find_map(Guid::read)
}

/// Error codes in `text`, each once where it is repeated at once.
#[must_use]
pub fn codes(text: &str) -> Vec<u32> {
    let mut found: Vec<u32> = placed_codes(text).map(|(code, _)| code).collect();
    found.dedup();
    found
}

/// Error codes in `text` and the bytes that each takes: `0x8009030E`, `%%2148074254` (an unsigned decimal message
/// number), `80070534`.
pub fn placed_codes(text: &str) -> impl Iterator<Item = (u32, Range<usize>)> {
    const fn is_word(byte: &u8) -> bool {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'%')
    }
    let bytes = text.as_bytes();
    let before = |at: usize| bytes.get(at.checked_sub(1)?).filter(|byte| is_word(byte));
    // Every notation has one of the two as the first byte of its word or behind one of these, and most words have not.
    memchr2_iter(b'0', b'%', bytes).filter_map(move |at| {
        let begin = match before(at) {
            None => at,
            Some(b'8' | b'C' | b'c') => at - 1,
            Some(_) => return None,
        };
        if before(begin).is_some() {
            return None;
        }
        let word = bytes.get(begin..)?.split(|byte| !is_word(byte)).next()?;
        let place = begin..begin + word.len();
        Some((code(text.get(place.clone())?)?, place))
    })
}

fn code(token: &str) -> Option<u32> {
    if token.len() < 8 {
        return None;
    }
    let code = if let Some(hex) = token.strip_prefix("0x").or_else(|| token.strip_prefix("0X")) {
        u32::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 8)
    } else if let Some(decimal) = token.strip_prefix("%%") {
        decimal.parse().ok().filter(|_| decimal.len() >= 9)
    } else {
        let bare = token.len() == 8
            && (token.starts_with("80") || token.starts_with("C0") || token.starts_with("c0"));
        u32::from_str_radix(token, 16).ok().filter(|_| bare)
    };
    code.filter(|code| *code != 0)
}

/// The percentage of a line that speaks of the move's failure or progress; others count memory or processors.
fn progress(line: &str) -> Option<u8> {
    const WORDS: &[&str] = &["migrat", "progress", "fail", "fehl", "complet"];
    let percentage = percentage(line)?;
    let lower = line.to_lowercase();
    WORDS.iter().any(|word| lower.contains(word)).then_some(percentage)
}

fn percentage(text: &str) -> Option<u8> {
    text.match_indices('%').find_map(|(at, _)| {
        let before = text.get(..at)?.trim_end();
        let digits = before.rfind(|c: char| !c.is_ascii_digit()).map_or(Some(before), |end| {
            before.get(end..).map(|tail| tail.trim_start_matches(|c: char| !c.is_ascii_digit()))
        })?;
        digits.parse().ok().filter(|value| *value <= 100)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_in_every_notation() {
        assert_eq!(codes("failed: No credentials (0x8009030E)."), [0x8009_030E]);
        assert_eq!(codes("%%2148074254"), [0x8009_030E]);
        assert_eq!(codes("error '80070534' and 0x000013AB"), [0x8007_0534, 0x0000_13AB]);
        let text = "„Größe“: 0x8009030E, %%2148074254";
        assert_eq!(codes(text), [0x8009_030E]);
        let places: Vec<_> = placed_codes(text).map(|(_, place)| &text[place]).collect();
        assert_eq!(places, ["0x8009030E", "%%2148074254"]);
        assert_eq!(codes("C0000022 c000006d,0x8009030e"), [0xC000_0022, 0xC000_006D, 0x8009_030E]);
        // A code is a word of its own, and begins as one.
        assert!(codes("A80070534 x0x8009030E 00009030E %2148074254 90070534 080070534 8007053").is_empty());
        assert!(codes("80070534-1111-2222-3333-444444444444 0x1 %%5 0x00000000").is_empty());
    }

    #[test]
    fn names_and_ids() {
        assert_eq!(machine_name("Virtual Machine Configuration SQL 01"), "SQL 01");
        assert_eq!(machine_name("SCVMM WEB03 Resources"), "WEB03");
        let id = guid("(ID E0D09432-A320-44CC-8A12-E1300549B99D)");
        assert_eq!(id.unwrap().to_string(), "e0d09432-a320-44cc-8a12-e1300549b99d");
        assert_eq!(guid("E0D09432-A320-44CC-8A12-E1300549B99, 0E0D09432-A320-44CC-8A12-E1300549B99D"), None);
        assert_eq!(
            (percentage("failed at 87 %."), percentage("%%2148074254"), percentage("5")),
            (Some(87), None, None)
        );
        assert_eq!(
            (progress("Migration failed at 87 %."), progress("95 % of the memory is in use.")),
            (Some(87), None)
        );
    }
}
