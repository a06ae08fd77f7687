//! What the rest of a bundle speaks of, for choosing the directory objects that matter among a million.
//!
//! A superset of what joining will ask for: too much costs memory, too little would cost a conclusion. What is *not*
//! done here: joining (see [`crate::evidence`]).

use std::collections::HashSet;

use data_encoding::BASE64_NOPAD;

use super::ParsedSource;
use crate::fact::{DirectoryObject, Event, Key, Observation, Sid, Trustee, host_label, host_name};

/// Words that events, settings and updates mention, and what chosen objects refer to. Words are kept as hashes: one
/// that matches by chance costs memory and changes no conclusion.
#[derive(Debug, Default)]
pub struct Wanted {
    words: HashSet<Key>,
    /// SIDs and distinguished names of groups.
    groups: HashSet<Key>,
}

/// The relative id of Protected Users: its members can't be delegated.
const PROTECTED_USERS: &str = "-525";

impl Wanted {
    /// Learns what a source mentions.
    pub(super) fn learn(&mut self, source: &ParsedSource) {
        for channel in &source.parsed.coverage.channels {
            self.learn_host(&channel.computer);
        }
        for fact in &source.parsed.facts {
            match &fact.observation {
                Observation::Event(event) => self.learn_event(event),
                Observation::Directory(object) => self.learn_object(object),
                // Whatever it is, what it names stands in it.
                other => {
                    other.host().iter().for_each(|host| self.learn_host(host));
                    self.learn_words(&format!("{other:?}"));
                }
            }
        }
    }

    /// Learns that a machine is mentioned.
    pub(super) fn learn_host(&mut self, name: &str) {
        self.words.insert(Key::of_lower(host_label(&host_name(name)).as_bytes()));
    }

    /// A SID, as text and as exports write the binary form.
    fn learn_sid(&mut self, sid: &Sid) {
        self.words.insert(Key::of(sid.as_str()));
        let written = sid.to_bytes().map(|bytes| BASE64_NOPAD.encode(&bytes));
        self.words.extend(written.map(|base64| Key::of_lower(base64.as_bytes())));
    }

    /// Every word of an event that could be a name, since sentences name hosts in any language.
    fn learn_event(&mut self, event: &Event) {
        self.learn_host(&event.computer);
        let values = event.fields.iter().map(|field| field.value.as_str());
        values
            .clone()
            .chain(event.user.as_deref())
            .filter_map(Sid::from_text)
            .for_each(|sid| self.learn_sid(&sid));
        for value in values {
            // An account's name may hold blanks.
            self.words.insert(Key::of(value.trim().trim_end_matches('$')));
            self.learn_words(value);
        }
    }

    fn learn_words(&mut self, text: &str) {
        let part_of_name = |char: char| char.is_alphanumeric() || matches!(char, '-' | '.' | '_');
        let words = text.split(|char| !part_of_name(char));
        words.filter(|word| word.contains(char::is_alphabetic)).for_each(|word| self.learn_host(word));
    }

    /// An object that makes a host is joined with whatever else bears its name, and groups that it trusts decide who
    /// may act for it.
    fn learn_object(&mut self, object: &DirectoryObject) {
        if object.makes_a_host() {
            let account = object.account.as_deref().map(|account| account.trim_end_matches('$'));
            object.full_name().as_deref().or(account).into_iter().for_each(|name| self.learn_host(name));
        }
        let sid = |trustee: &Trustee| match trustee {
            Trustee::Sid(sid) => Some(Key::of(sid.as_str())),
            Trustee::Dn(_) | Trustee::Everyone => None,
        };
        self.groups.extend(object.allowed_to_act.known().into_iter().flatten().filter_map(sid));
        if self.is_group_wanted(object) {
            self.groups.extend(object.members.known().into_iter().flatten().map(|dn| Key::of(dn)));
        }
    }

    /// Whether conclusions may need `object` itself.
    pub(super) fn wants(&self, object: &DirectoryObject) -> bool {
        let names = [&object.dns_name, &object.name, &object.account];
        object.makes_a_host()
            || names.into_iter().flatten().any(|name| self.wants_name(name))
            || object.sid.as_ref().is_some_and(|sid| self.wants_sid(sid))
            || self.is_group_wanted(object)
    }

    fn wants_name(&self, name: &str) -> bool {
        let name = host_name(name.trim().trim_end_matches('$'));
        self.wants_word(Key::of_lower(host_label(&name).as_bytes()))
            || self.wants_word(Key::of_lower(name.as_bytes()))
    }

    /// Whether a word, by the key of its lower case, is mentioned.
    pub(super) fn wants_word(&self, word: Key) -> bool {
        self.words.contains(&word)
    }

    /// Whether a SID is mentioned that stands in an export as text, or as base64 of its binary form.
    pub(super) fn wants_written_sid(&self, written: &[u8]) -> bool {
        let base64 = written.trim_ascii_end().split(|&byte| byte == b'=').next().unwrap_or_default();
        let text = || std::str::from_utf8(written).is_ok_and(|text| self.wants_word(Key::of(text.trim())));
        self.wants_word(Key::of_lower(base64)) || written.starts_with(b"S-") && text()
    }

    fn wants_sid(&self, sid: &Sid) -> bool {
        sid.as_str().ends_with(PROTECTED_USERS) || self.words.contains(&Key::of(sid.as_str()))
    }

    fn is_group_wanted(&self, object: &DirectoryObject) -> bool {
        let wants = |name: &str| self.groups.contains(&Key::of(name));
        object.has_class("group")
            && (object.sid.as_ref().is_some_and(|sid| wants(sid.as_str()))
                || object.dn.as_deref().is_some_and(wants))
    }

    /// Whether an object that was passed over matters after all, for what was learnt since.
    pub(super) fn wants_one_of(&self, source: &ParsedSource) -> bool {
        source.parsed.bystanders.any(|key| self.words.contains(&key) || self.groups.contains(&key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Fact, Field, Known, Origin, Parsed, Position, SourceId};

    fn source(observations: Vec<Observation>) -> ParsedSource {
        let origin = Origin { source: SourceId(0), at: Position::Line(1) };
        let facts = observations.into_iter().map(|observation| Fact { origin, observation }).collect();
        ParsedSource::stated(String::new(), "evtx", Parsed { facts, ..Parsed::default() })
    }

    fn directory(object: DirectoryObject) -> Observation {
        Observation::Directory(Box::new(object))
    }

    fn computer(name: &str) -> DirectoryObject {
        DirectoryObject {
            dn: Some(format!("CN={name},DC=x")),
            name: Some(name.into()),
            classes: vec!["computer".into()],
            account: Some(format!("{name}$")),
            ..DirectoryObject::default()
        }
    }

    #[test]
    fn what_events_mention_is_wanted() {
        let field = |value: &str| Field { name: None, value: value.into() };
        let event = Event {
            provider: "x".into(),
            id: 1,
            channel: None,
            computer: "Writer.contoso.com".into(),
            time: jiff::Timestamp::UNIX_EPOCH,
            record: 1,
            level: None,
            user: Some("S-1-5-21-1-2-3-1105".into()),
            fields: vec![
                field("Übergabe an 'HV02.contoso.com.' fehlgeschlagen"),
                field("Max Muster"),
                field("FS01$"),
            ],
            message: None,
            local: false,
        };
        let mut wanted = Wanted::default();
        wanted.learn(&source(vec![Observation::Event(event)]));
        for name in ["writer", "HV02", "fs01"] {
            assert!(wanted.wants(&computer(name)), "{name}");
        }
        let user =
            |account: &str| DirectoryObject { account: Some(account.into()), ..DirectoryObject::default() };
        assert!(wanted.wants(&user("max muster")) && !wanted.wants(&user("Erika")));
        let by_sid = DirectoryObject { sid: Sid::from_text("S-1-5-21-1-2-3-1105"), ..user("Erika") };
        assert!(wanted.wants(&by_sid) && !wanted.wants(&computer("PC1")));
        for written in ["S-1-5-21-1-2-3-1105", "AQUAAAAAAAUVAAAAAQAAAAIAAAADAAAAUQQAAA=="] {
            assert!(wanted.wants_written_sid(written.as_bytes()), "{written}");
        }
        assert!(!wanted.wants_written_sid(b"AQUAAAAAAAUVAAAAAQAAAAIAAAADAAAAUgQAAA=="));
        let dns = DirectoryObject { dns_name: Some("hv02.fabrikam.com".into()), ..computer("other") };
        assert!(wanted.wants(&dns));
    }

    #[test]
    fn hosts_and_domain_controllers_are_wanted_of_themselves() {
        let spns = Known::Known(vec!["microsoft virtual system migration service/PC1".into()]);
        let host = DirectoryObject { spns, ..computer("PC1") };
        let controller = DirectoryObject { user_account_control: Known::Known(0x82000), ..computer("PC2") };
        let mut wanted = Wanted::default();
        assert!(wanted.wants(&host) && wanted.wants(&controller) && !wanted.wants(&computer("PC1")));
        // Another object of the host's name may be the right one, or a stale one.
        let mut passed_over = source(Vec::new());
        passed_over.parsed.bystanders.add(&computer("PC1"));
        assert!(!wanted.wants_one_of(&passed_over));
        wanted.learn(&source(vec![directory(host)]));
        assert!(wanted.wants(&computer("PC1")) && wanted.wants_one_of(&passed_over));
    }

    #[test]
    fn trusted_groups_are_wanted_and_the_groups_in_them() {
        let group = |rid: u32| DirectoryObject {
            dn: Some(format!("CN=Group {rid},DC=x")),
            classes: vec!["group".into()],
            sid: Sid::from_text(&format!("S-1-5-21-1-2-3-{rid}")),
            members: Known::Known(vec![format!("CN=Group {},DC=x", rid + 1)]),
            ..DirectoryObject::default()
        };
        let trustee = Trustee::Sid(group(1).sid.unwrap());
        let host = DirectoryObject { allowed_to_act: Known::Known(vec![trustee]), ..computer("HV01") };
        let mut wanted = Wanted::default();
        assert!(!wanted.wants(&group(1)) && wanted.wants(&group(525)));
        wanted.learn(&source(vec![directory(host)]));
        assert!(wanted.wants(&group(1)) && !wanted.wants(&group(2)));
        wanted.learn(&source(vec![directory(group(1))]));
        assert!(wanted.wants(&group(2)) && !wanted.wants(&group(3)));
    }
}
