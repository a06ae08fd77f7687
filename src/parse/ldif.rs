//! LDIF as `ldapsearch`, `ldbsearch` and `ldifde` print it (RFC 2849).
//!
//! Read are computers, users, groups and group managed service accounts, and of them only the attributes of
//! [`DirectoryObject`]: exports carry passwords. Whether a missing attribute is empty or was never asked for
//! is judged for each head of the file (`# requesting:`), because pages and appended searches repeat it.
//!
//! A source is read forward in blocks. Of each entry a sketch is made, line by line, which tells whether it can matter
//! ([`super::Wanted`]); only then it is unfolded, decoded and built. What the sketch of every entry tells beside that
//! is which attributes were asked for.
//! What is *not* done here: applying change records (`changetype: modify` and the like are counted and left
//! out), following referrals, fetching values by URL, joining the ranges of one list across files.

use std::io::Read;

use memchr::{memchr, memchr2};

use super::{Context, Format, Head, Wanted, text};
use crate::bundle::Stream;
use crate::fact::{Bystanders, Coverage, Issue, Parsed};

pub(super) mod attribute;
mod entry;
mod lines;
mod ranges;
pub(super) mod sketch;
#[cfg(test)]
mod tests;

use attribute::{Attribute, Attributes};
use entry::{Entry, Object, fill, forget, has_undecodable, object};
use lines::{Line, Lines, MOST_HELD, unfolded};
use ranges::join_ranges;
use sketch::{Pad, Sketch};

/// The format's line in the table.
pub(super) const FORMAT: Format = Format { recognise, reader: super::Reader::Stream(parse) };

/// What one search asked for, as its head and its objects tell.
#[derive(Debug, Default)]
struct Section {
    /// `# requesting:`, where the head has that line.
    requested: Option<Attributes>,
    /// What any of its objects carries: an attribute that one of them carries was asked for.
    carried: Attributes,
    entries: u64,
    /// One of its servers that became no fact carries no services.
    has_bare_servers: bool,
}

impl Section {
    /// Learns from an entry that carries these.
    fn learn(&mut self, carried: Attributes) {
        self.entries += 1;
        // Both are in every full dump and in hardly any list of attributes.
        let full = carried.has(Attribute::InstanceType) && carried.has(Attribute::UsnChanged);
        self.carried = if full { Attributes::ALL } else { self.carried.union(carried) };
    }

    fn asked(&self, attribute: Attribute) -> bool {
        self.requested.is_some_and(|requested| requested.has(attribute)) || self.carried.has(attribute)
    }
}

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    let begins = |line: &str| line == "# extended LDIF" || line == "# record 1" || names_entry(line);
    text::lines(head.text()).any(|(_, line)| begins(line)).then_some("ldif")
}

/// Whether a line is the `dn:` of an entry: base64, or a name with its first attribute.
fn names_entry(line: &str) -> bool {
    let Some(rest) = after_dn(line.as_bytes()).and_then(|_| line.get(3..)) else { return false };
    if let Some(base64) = rest.strip_prefix(':') {
        return !base64.trim().is_empty();
    }
    let attribute = rest.trim_start().split('=').next().unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    rest.contains('=') && !attribute.is_empty() && attribute.bytes().all(plain)
}

/// What follows the `dn:` that a line begins with.
fn after_dn(line: &[u8]) -> Option<&[u8]> {
    let (name, rest) = line.split_at_checked(3)?;
    name.eq_ignore_ascii_case(b"dn:").then_some(rest)
}

fn parse(stream: &mut Stream<'_>, context: &Context<'_>) -> Parsed {
    let head = stream.head().to_vec();
    let mut lines = Lines::new(text::Blocks::new(stream, &head));
    let mut reader =
        Entries { wanted: context.wanted, sections: vec![Section::default()], ..Entries::default() };
    while let Some(line) = lines.next() {
        reader.take(&line, &mut lines);
    }
    reader.finish_entry(&mut lines, None);
    let guessed = lines.guessed().map(text::guessed);
    reader.into_parsed(context, guessed)
}

#[derive(Default)]
struct Entries<'a> {
    wanted: Option<&'a Wanted>,
    sections: Vec<Section>,
    sketch: Option<Sketch>,
    pad: Pad,
    /// For lines that are folded.
    scratch: Vec<u8>,
    objects: Vec<Object>,
    bystanders: Bystanders,
    entries: u64,
    changes: u64,
    orphans: u64,
    undecoded: u64,
    too_large: u64,
    issues: Vec<Issue>,
}

impl Entries<'_> {
    fn take<R: Read>(&mut self, line: &Line, lines: &mut Lines<R>) {
        if line.is_too_long {
            match &mut self.sketch {
                Some(sketch) => sketch.is_too_large = true,
                None => self.too_large += 1,
            }
            return;
        }
        let raw = lines.bytes(line);
        if line.is_cut {
            let begins_entry = after_dn(raw).is_some();
            return self.take_cut(line, lines, begins_entry);
        }
        match raw.first() {
            None => self.finish_entry(lines, Some(line)),
            Some(b'#') => {
                let comment = text::decode_any(unfolded(raw, line.is_folded, &mut self.scratch));
                let Some(names) = search_head(&comment) else { return };
                self.finish_entry(lines, Some(line));
                self.begin_section(names);
            }
            // Entries that lost the blank line between them begin here all the same.
            Some(_) if after_dn(raw).is_some() => {
                self.finish_entry(lines, Some(line));
                lines.hold(line);
                let dn = unfolded(lines.bytes(line), line.is_folded, &mut self.scratch);
                let rest = after_dn(dn).unwrap_or_default();
                self.sketch = Some(Sketch::begin(line.number, rest, self.wanted, &mut self.pad));
            }
            Some(_) => self.take_value(raw, line.is_folded),
        }
    }

    /// The last line, where no line end follows it: what it says may be half of what stood there, and what
    /// its entry still held is not known.
    fn take_cut<R: Read>(&mut self, line: &Line, lines: &mut Lines<R>, begins_entry: bool) {
        let in_entry = self.sketch.is_some() && !begins_entry;
        if let Some(sketch) = self.sketch.as_mut().filter(|_| in_entry) {
            (sketch.is_cut, sketch.matters) = (true, true);
        }
        self.finish_entry(lines, Some(line));
        if begins_entry || in_entry {
            let detail = "the file ends in the middle of its last object, whose lists count as unknown; copy or export \
                          it again";
            self.issues.push(Issue::loss("ldif-truncated", detail, Some(1)));
        }
    }

    /// A line of an entry, or between entries. Most name attributes that do not matter, and cost no more than that.
    fn take_value(&mut self, raw: &[u8], is_folded: bool) {
        let Some((name, options, rest)) = parts_of(raw) else { return };
        let attribute = Attribute::from_name(name);
        let is_known = attribute.is_some() || is_change_type(name);
        if !is_folded || memchr(b'\n', name).is_none() && !is_known && self.sketch.is_some() {
            return self.take_parts(attribute, name, options, rest);
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        if let Some((name, options, rest)) = parts_of(unfolded(raw, true, &mut scratch)) {
            self.take_parts(Attribute::from_name(name), name, options, rest);
        }
        self.scratch = scratch;
    }

    fn take_parts(&mut self, attribute: Option<Attribute>, name: &[u8], options: &[u8], rest: &[u8]) {
        match (&mut self.sketch, attribute) {
            (Some(sketch), Some(attribute)) => {
                sketch.look_at(attribute, options, rest, self.wanted, &mut self.pad);
            }
            (Some(sketch), None) if is_change_type(name) => {
                sketch.is_change = !rest.trim_ascii().eq_ignore_ascii_case(b"add");
            }
            (Some(_), None) => {}
            (None, attribute) => {
                self.orphans += u64::from(attribute.is_some());
                self.issues.extend(incomplete(name, rest));
            }
        }
    }

    /// Begins another search, and notes what it asked for, where that is said.
    fn begin_section(&mut self, asked: Option<Attributes>) {
        if self.sections.last().is_none_or(|section| section.entries > 0 || section.requested.is_some()) {
            self.sections.push(Section::default());
        }
        if let Some(section) = self.sections.last_mut().filter(|_| asked.is_some()) {
            section.requested = asked;
        }
    }

    /// Ends the entry that is being read before `line`, or where the source ends.
    fn finish_entry<R: Read>(&mut self, lines: &mut Lines<R>, line: Option<&Line>) {
        let Some(sketch) = self.sketch.take() else { return };
        let end = line.map_or(lines.position(), |line| line.begin);
        if sketch.is_change {
            self.changes += 1;
        } else {
            self.entries += 1;
            if let Some(section) = self.sections.last_mut() {
                section.learn(sketch.carried);
            }
            if sketch.is_kept() {
                self.keep(&sketch, lines.held(end));
            }
        }
        lines.release();
    }

    /// Builds the object of an entry that may matter, and counts it where it does not.
    fn keep(&mut self, sketch: &Sketch, held: Option<&[u8]>) {
        let Some(bytes) = held.filter(|_| !sketch.is_too_large) else {
            self.too_large += 1;
            return self.bystanders.add_keys(sketch.dn, None);
        };
        if !sketch.matters {
            self.note_server(sketch.is_server && !sketch.carried.has(Attribute::Spn));
            return sketch.pass_over(&mut self.bystanders, &mut self.pad);
        }
        let entry = Entry::read(bytes, sketch.line, sketch.is_cut);
        let Some(object) = object(entry, sketch.carried, self.sections.len().saturating_sub(1)) else {
            return;
        };
        let may_change = object.cut || !object.parts.is_empty();
        if may_change || self.wanted.is_none_or(|wanted| wanted.wants(&object.object)) {
            self.objects.push(object);
        } else {
            self.undecoded += u64::from(has_undecodable(&object.object));
            // A group's services are never filled in.
            let may_be_filled = !sketch.carried.has(Attribute::Spn) && !object.object.has_class("group");
            let is_unknown = object.object.is_unknown_server();
            self.note_server(is_unknown && may_be_filled);
            self.bystanders.has_unknown_servers |= is_unknown && !may_be_filled;
            self.bystanders.add(&object.object);
        }
    }

    /// Notes a server whose services are unknown, unless its search turns out to have asked for them.
    fn note_server(&mut self, is_bare: bool) {
        if let Some(section) = self.sections.last_mut() {
            section.has_bare_servers |= is_bare;
        }
    }

    fn into_parsed(mut self, context: &Context<'_>, guessed: Option<Issue>) -> Parsed {
        join_ranges(&mut self.objects);
        let unasked = |section: &Section| section.has_bare_servers && !section.asked(Attribute::Spn);
        self.bystanders.has_unknown_servers |= self.sections.iter().any(unasked);
        let mut parsed = Parsed {
            coverage: Coverage { records: self.entries, channels: Vec::new() },
            bystanders: self.bystanders,
            ..Parsed::default()
        };
        for mut object in self.objects {
            if object.cut {
                forget(&mut object.object);
            } else if let Some(section) = self.sections.get(object.section) {
                fill(&mut object.object, object.carried, section);
            }
            self.undecoded += u64::from(has_undecodable(&object.object));
            context.take_object(&mut parsed, object.line, object.object);
        }
        parsed.issues.extend(guessed);
        parsed.issues.append(&mut self.issues);
        parsed.issues.extend(notes(self.changes, self.orphans, self.undecoded, self.too_large));
        parsed
    }
}

/// What a comment at the head of a search says that it asked for; `None` for any other comment.
fn search_head(comment: &str) -> Option<Option<Attributes>> {
    let comment = comment.strip_prefix('#')?.trim();
    let asked = comment.strip_prefix("requesting:").map(requested);
    (asked.is_some() || comment == "extended LDIF").then_some(asked)
}

/// The attribute's name, the options behind it, and what follows the colon.
fn parts_of(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let end = memchr2(b':', b';', line)?;
    let (name, behind) = line.split_at_checked(end)?;
    let (options, rest) = behind.split_at_checked(memchr(b':', behind)?)?;
    Some((name, options, rest.get(1..)?))
}

fn is_change_type(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"changetype")
}

/// The end of a search, which stands outside of any entry, where it says that objects are missing.
fn incomplete(name: &[u8], rest: &[u8]) -> Option<Issue> {
    let rest = text::decode_any(rest);
    let rest = rest.trim();
    if name != b"result" || rest.starts_with("0 ") || rest == "0" {
        return None;
    }
    let detail = format!(
        "a search of this export ended with \"{}\", so objects may be missing; repeat it with paging",
        rest.chars().take(80).collect::<String>()
    );
    Some(Issue::loss("ldif-search-incomplete", detail, None))
}

/// What a reader must know about entries that were left out or not understood.
fn notes(changes: u64, orphans: u64, undecoded: u64, too_large: u64) -> impl Iterator<Item = Issue> {
    let changes = (changes > 0).then(|| {
        let detail = format!(
            "{} stated changes to apply (changetype: modify or delete) instead of what the directory holds, so nothing \
             was taken from there; export the objects themselves",
            text::counted(changes, ["entry", "entries"])
        );
        Issue::note("ldif-change-records", detail)
    });
    let orphans = (orphans > 0).then(|| {
        let detail = format!(
            "{} stood outside any entry, as if a dn: line before was filtered away; export again without grep or sort",
            text::counted(orphans, ["line", "lines"])
        );
        Issue::loss("ldif-lines-without-entry", detail, None)
    });
    let undecoded = (undecoded > 0).then(|| {
        let detail = format!(
            "{} carried a value that can't be read and counts as unknown; export again, binary values as base64",
            text::counted(undecoded, ["object", "objects"])
        );
        Issue::note("ldif-undecodable", detail)
    });
    let too_large = (too_large > 0).then(|| {
        let detail = format!(
            "{} larger than {} MiB, of which only the name was used; export the attributes that matter alone",
            text::counted(too_large, ["entry is", "entries are"]),
            MOST_HELD >> 20
        );
        Issue::loss("ldif-entry-too-large", detail, Some(too_large))
    });
    [changes, orphans, undecoded, too_large].into_iter().flatten()
}

/// The attributes of a `# requesting:` line.
fn requested(names: &str) -> Attributes {
    let names = names.split([' ', ',', '\t']).filter(|name| !name.is_empty());
    names.fold(Attributes::default(), |set, name| {
        let name = name.split(';').next().unwrap_or_default();
        match Attribute::from_name(name.as_bytes()) {
            Some(attribute) => set.with(attribute),
            None if name == "*" || name == "ALL" => Attributes::ALL,
            None => set,
        }
    })
}
