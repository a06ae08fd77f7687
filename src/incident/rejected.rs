//! Refusals that show a hardening or a fault at work: no common encryption type, a ticket or a signature refused.
//!
//! They stand in the System log of domain controllers (KDC), in their Security log by status, and at the hosts
//! (Security-Kerberos). The names of the KDC's fields are not established, so every value is read for the machines
//! that it names. A record about another machine, a user or nobody is never a witness. What is *not* done here: blaming anything.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::AROUND;
use super::kdc::{account_host, number, service_host};
use crate::evidence::{Evidence, FactId, HostId, Signalled};
use crate::fact::Event;
use crate::knowledge::{Meaning, Standing};

/// What was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rejected {
    /// There is no encryption type in common: status 0xE, KDC 14, 16, 26, 27, 203 and on.
    Encryption,
    /// What a ticket holds: status 0x14 and 0x1F, KDC 35 to 38, 43, 44, Security-Kerberos 7 and 22.
    Ticket,
    /// The signature of a ticket: KDC 18.
    Signature,
}

/// One refusal.
#[derive(Debug, Clone)]
struct Rejection {
    time: Timestamp,
    fact: FactId,
    /// The signal that it is, by id.
    signal: String,
    writer: HostId,
    /// The machines that it names.
    about: BTreeSet<HostId>,
}

/// Every refusal, by kind and time.
#[derive(Debug, Clone, Default)]
pub struct Rejections(BTreeMap<Rejected, Vec<Rejection>>);

impl Rejections {
    pub(super) fn of(signalled: &[Signalled<'_>], evidence: &Evidence) -> Self {
        let mut all: BTreeMap<Rejected, Vec<Rejection>> = BTreeMap::new();
        for signalled in signalled.iter().filter(|own| own.signal.standing != Standing::Memory) {
            let Some(kind) = kind(signalled) else { continue };
            let Some(about) = about(signalled, evidence) else { continue };
            let witness = Rejection {
                time: signalled.event.time,
                fact: signalled.fact,
                signal: signalled.signal.id.clone(),
                writer: signalled.host,
                about,
            };
            all.entry(kind).or_default().push(witness);
        }
        Self(all)
    }

    /// Records of `kind` near one of `times`, which are sorted, by one of `writers` or of `ends`, about nobody but `ends`.
    #[must_use]
    pub fn near(
        &self,
        kind: Rejected,
        times: &[Timestamp],
        ends: [HostId; 2],
        writers: &[HostId],
    ) -> Vec<FactId> {
        let found: BTreeSet<_> = self.around(kind, times, ends, writers).map(|own| own.fact).collect();
        found.into_iter().collect()
    }

    /// Whether one of those records, of any kind, is one of `signals`.
    #[must_use]
    pub fn show(
        &self,
        signals: &[String],
        times: &[Timestamp],
        ends: [HostId; 2],
        writers: &[HostId],
    ) -> bool {
        let of = |kind: &Rejected| self.around(*kind, times, ends, writers);
        self.0.keys().flat_map(of).any(|own| signals.contains(&own.signal))
    }

    fn around<'a>(
        &'a self,
        kind: Rejected,
        times: &'a [Timestamp],
        ends: [HostId; 2],
        writers: &'a [HostId],
    ) -> impl Iterator<Item = &'a Rejection> {
        let all = self.0.get(&kind).map_or(&[][..], Vec::as_slice);
        let fits = move |own: &Rejection| {
            (writers.contains(&own.writer) || ends.contains(&own.writer))
                && own.about.iter().all(|host| ends.contains(host))
        };
        times.iter().flat_map(move |time| {
            let from = time.checked_sub(AROUND).unwrap_or(*time);
            let first = all.partition_point(|own| own.time < from);
            let around = all.get(first..).unwrap_or_default().iter();
            let around = around.take_while(|own| own.time.duration_since(*time) <= AROUND);
            around.filter(move |own| fits(own))
        })
    }
}

fn kind(signalled: &Signalled<'_>) -> Option<Rejected> {
    match signalled.signal.meaning {
        Meaning::EncryptionRefused => Some(Rejected::Encryption),
        Meaning::TicketRefused => Some(Rejected::Ticket),
        Meaning::SignatureRefused => Some(Rejected::Signature),
        Meaning::TicketRequest | Meaning::SignInTicket => match number(signalled.event.field("Status")?)? {
            0xE => Some(Rejected::Encryption),
            0x14 | 0x1F => Some(Rejected::Ticket),
            _ => None,
        },
        _ => None,
    }
}

/// The machines that a record is about; `None` where it names one that is no host of the bundle, or none at all.
fn about(signalled: &Signalled<'_>, evidence: &Evidence) -> Option<BTreeSet<HostId>> {
    let audited = matches!(signalled.signal.meaning, Meaning::TicketRequest | Meaning::SignInTicket);
    let values: Vec<&str> = if audited {
        ["TargetUserName", "ServiceName"].iter().filter_map(|name| signalled.event.field(name)).collect()
    } else {
        texts(signalled.event)
    };
    if names_a_user(signalled.event) || audited && names_another_service(signalled.event) {
        return None;
    }
    let names_nobody = values.is_empty();
    let mut about = BTreeSet::new();
    for value in values {
        match named(value, signalled.host, evidence) {
            Some(host) => _ = about.insert(host),
            None if value.split('@').next().is_some_and(|name| name.ends_with('$')) => return None,
            None => {}
        }
    }
    // A host that names nobody writes of itself; what is said of a user, or by a domain controller of nobody, may be
    // about anything.
    if about.is_empty()
        && names_nobody
        && !audited
        && !evidence.hosts.get(signalled.host).is_some_and(|host| host.is_dc)
    {
        about.insert(signalled.host);
    }
    (!about.is_empty()).then_some(about)
}

/// Whether the account that asked is a user's: what is refused to a user is refused for whatever he does.
fn names_a_user(event: &Event) -> bool {
    let account = ["TargetUserName", "ClientName", "AccountName"].iter().find_map(|name| event.field(name));
    account.is_some_and(|name| {
        let name = name.split('@').next().unwrap_or_default().trim();
        !name.is_empty() && !name.ends_with('$') && !name.contains('/')
    })
}

/// Whether a ticket was asked for that is neither to a machine nor to the ticket-granting service.
fn names_another_service(event: &Event) -> bool {
    event.field("ServiceName").is_some_and(|name| {
        let name = name.split('@').next().unwrap_or_default().trim();
        !name.ends_with('$') && !name.contains('/') && !name.to_ascii_lowercase().starts_with("krbtgt")
    })
}

fn texts(event: &Event) -> Vec<&str> {
    event.fields.iter().map(|field| field.value.trim()).filter(|value| !value.is_empty()).collect()
}

/// The host that `value` names: as a service, an account with its realm before or behind it, or by its name.
fn named(value: &str, writer: HostId, evidence: &Evidence) -> Option<HostId> {
    let last = || value.rsplit(['/', '\\']).next().and_then(|name| account_host(name, writer, evidence));
    let plain = || (!value.contains([' ', '@'])).then(|| evidence.hosts.find_from(value, writer)).flatten();
    service_host(value, writer, evidence).or_else(last).or_else(plain)
}
