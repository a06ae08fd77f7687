//! An entry as far as it takes to tell whether it matters, without building it.
//!
//! The sketch may say that an entry matters where the object then turns out not to, never the other way round:
//! whatever is written in an unusual way matters until it is read.

use memchr::{memchr, memmem};

use super::attribute::{Attribute, Attributes};
use super::entry::{is_kept_class, tells_of_an_account};
use crate::fact::{Bystanders, Key, domain_of};
use crate::parse::Wanted;

/// What registers live migration, in lower case.
pub(in crate::parse) const MIGRATION: &[u8] = b"microsoft virtual system migration service/";
/// userAccountControl of machines, of which domain controllers are wanted ([MS-ADTS] 2.2.16).
const MACHINE: u32 = 0x1000 | 0x2000 | 0x0400_0000;
const DOMAIN_CONTROLLER: u32 = 0x2000;

/// An entry that is being read.
#[derive(Debug, Default)]
pub(in crate::parse) struct Sketch {
    /// The line of its `dn:`.
    pub(in crate::parse) line: u64,
    /// The attributes that it carries.
    pub(in crate::parse) carried: Attributes,
    /// It states a change to apply.
    pub(in crate::parse) is_change: bool,
    /// One of its lines is too long to be read.
    pub(in crate::parse) is_too_large: bool,
    /// The source ends within it.
    pub(in crate::parse) is_cut: bool,
    /// Its object must be built to know more.
    pub(in crate::parse) matters: bool,
    /// A server, by its operating system.
    pub(in crate::parse) is_server: bool,
    /// The key of its name, where that is plainly written.
    pub(in crate::parse) dn: Option<Key>,
    has_classes: bool,
    has_kept_class: bool,
    is_machine: bool,
    /// First labels of `dNSHostName`, `cn`, `name` and `sAMAccountName`.
    labels: [Option<Key>; 4],
}

/// What is used again for each entry, to spare memory from being had and given back.
#[derive(Debug, Default)]
pub(in crate::parse) struct Pad {
    lower: Vec<u8>,
    /// The part of the entry's name from its domain on, and the last one of a bystander.
    domain: Vec<u8>,
    last_domain: Vec<u8>,
}

impl Sketch {
    /// An entry whose `dn:` stands in `line` and is followed by `rest`. Without `wanted` every entry matters.
    pub(in crate::parse) fn begin(line: u64, rest: &[u8], wanted: Option<&Wanted>, pad: &mut Pad) -> Self {
        let dn = rest.trim_ascii();
        let mut sketch = Self { line, matters: wanted.is_none(), ..Self::default() };
        if sketch.matters || dn.is_empty() || dn.starts_with(b":") || !dn.is_ascii() {
            sketch.matters = true;
            return sketch;
        }
        pad.lower.clear();
        pad.lower.extend(dn.iter().map(u8::to_ascii_lowercase));
        sketch.dn = Some(Key::of_lower(&pad.lower));
        pad.domain.clear();
        pad.domain.extend_from_slice(domain_part(&pad.lower));
        // Outside of a domain a computer is known by its account alone.
        sketch.matters = pad.domain.is_empty();
        sketch
    }

    /// Looks at a value: `options` stand behind the attribute's name, `rest` behind the colon.
    pub(in crate::parse) fn look_at(
        &mut self,
        attribute: Attribute,
        options: &[u8],
        rest: &[u8],
        wanted: Option<&Wanted>,
        pad: &mut Pad,
    ) {
        self.carried = self.carried.with(attribute);
        let is_plain = !matches!(rest.first(), Some(b':' | b'<')) && options.is_empty();
        let value = rest.trim_ascii();
        if attribute == Attribute::ObjectClass {
            return self.look_at_class(value, is_plain);
        }
        let Some(wanted) = wanted.filter(|_| !self.matters) else { return };
        match attribute {
            Attribute::Member
            | Attribute::MemberOf
            | Attribute::OperatingSystemVersion
            | Attribute::WhenChanged
            | Attribute::WhenCreated
            | Attribute::ObjectClass
            | Attribute::InstanceType
            | Attribute::UsnChanged
            | Attribute::PrimaryGroup
            | Attribute::Metadata => self.matters |= !options.is_empty(),
            Attribute::AllowedToDelegateTo => self.matters |= !options.is_empty() || rest.starts_with(b"<"),
            Attribute::AllowedToAct => self.matters = true,
            Attribute::Sid => {
                self.matters |=
                    wanted.wants_written_sid(value.strip_prefix(b":").unwrap_or(value).trim_ascii())
            }
            _ if !is_plain => self.matters = true,
            Attribute::DnsName => self.look_at_name(0, value, wanted, pad),
            Attribute::Cn => self.look_at_name(1, value, wanted, pad),
            Attribute::Name => self.look_at_name(2, value, wanted, pad),
            Attribute::Account => {
                self.is_machine |= value.ends_with(b"$");
                self.look_at_name(3, value, wanted, pad);
            }
            Attribute::Spn => self.matters |= starts_without_case(value, MIGRATION),
            Attribute::UserAccountControl => match number(value) {
                Some(bits) => {
                    self.is_machine |= bits & MACHINE != 0;
                    self.matters |= bits & DOMAIN_CONTROLLER != 0;
                }
                None => self.matters = true,
            },
            Attribute::EncryptionTypes => self.matters |= number(value).is_none(),
            Attribute::OperatingSystem => self.is_server |= memmem::find(value, b"Server").is_some(),
        }
    }

    fn look_at_class(&mut self, value: &[u8], is_plain: bool) {
        if value.is_empty() {
            return;
        }
        self.matters |= !is_plain;
        self.note_class(value, !is_plain || is_kept_class(value));
    }

    /// Notes one of its classes.
    pub(in crate::parse) fn note_class(&mut self, value: &[u8], is_kept: bool) {
        self.has_classes = true;
        self.has_kept_class |= is_kept;
        self.is_machine |= value.eq_ignore_ascii_case(b"computer");
        // Groups are few, and who is in them can decide.
        self.matters |= value.eq_ignore_ascii_case(b"group");
    }

    /// Names decide by their first label, as those of hosts do.
    fn look_at_name(&mut self, place: usize, value: &[u8], wanted: &Wanted, pad: &mut Pad) {
        let name = value.strip_suffix(b"$").unwrap_or(value);
        if name.is_empty() {
            return;
        }
        if !name.is_ascii() || name.ends_with(b"$") || name.ends_with(b".") {
            self.matters = true;
            return;
        }
        pad.lower.clear();
        pad.lower.extend(name.iter().map(u8::to_ascii_lowercase));
        let dot = memchr(b'.', &pad.lower);
        let label = Key::of_lower(pad.lower.get(..dot.unwrap_or(pad.lower.len())).unwrap_or_default());
        self.matters |=
            wanted.wants_word(label) || dot.is_some() && wanted.wants_word(Key::of_lower(&pad.lower));
        // A DNS name without a domain names nobody.
        if let Some(own @ None) = self.labels.get_mut(place)
            && (place > 0 || dot.is_some())
        {
            *own = Some(label);
        }
    }

    /// Whether one of its classes is kept; `None` where it states none.
    pub(in crate::parse) fn classes(&self) -> Option<bool> {
        self.has_classes.then_some(self.has_kept_class)
    }

    /// Whether its classes, or what it carries, make it an object that is kept.
    pub(in crate::parse) fn is_kept(&self) -> bool {
        self.classes().unwrap_or_else(|| tells_of_an_account(self.carried))
    }

    /// Counts it among the objects that nothing speaks of.
    pub(in crate::parse) fn pass_over(&self, bystanders: &mut Bystanders, pad: &mut Pad) {
        let is_computer = self.is_machine || !self.has_classes && self.carried.has(Attribute::DnsName);
        let label = self.labels.into_iter().flatten().next();
        bystanders.add_keys(self.dn, label.filter(|_| is_computer));
        if pad.domain != pad.last_domain {
            bystanders.domains.extend(domain_of(&String::from_utf8_lossy(&pad.domain)));
            pad.last_domain.clone_from(&pad.domain);
        }
    }
}

/// What stands from the first `DC=` of a name on.
fn domain_part(dn: &[u8]) -> &[u8] {
    let mut rest = dn;
    while !rest.trim_ascii_start().starts_with(b"dc=") {
        let Some(comma) = memchr(b',', rest) else { return b"" };
        rest = rest.get(comma + 1..).unwrap_or_default();
    }
    rest
}

/// A decimal number as directories print it, negative where the top bit is set.
fn number(value: &[u8]) -> Option<u32> {
    crate::parse::text::bits(std::str::from_utf8(value).ok()?)
}

/// Whether `value` begins with `lower`, compared without case.
pub(in crate::parse) fn starts_without_case(value: &[u8], lower: &[u8]) -> bool {
    value.get(..lower.len()).is_some_and(|start| start.eq_ignore_ascii_case(lower))
}
