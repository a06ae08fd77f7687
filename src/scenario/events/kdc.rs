//! What domain controllers say of tickets in their system log.
//!
//! The texts are those of the provider's message table; the names of its fields are *not established*, so the
//! values stand without names, in the order of the texts.

use jiff::Timestamp;

use super::{Provider, SYSTEM, unnamed};
use crate::fact::Spn;
use crate::scenario::Machine;
use crate::scenario::evtx::Record;

const KDC: Provider = Provider {
    name: "Microsoft-Windows-Kerberos-Key-Distribution-Center",
    guid: Some("3FD9DA1A-5A54-46C5-9A26-9BD7C0685056"),
    channel: SYSTEM,
};

/// KDC 16: for a ticket to the migration service of `target` there is no key that both sides can use.
#[must_use]
pub fn no_key(dc: &Machine, target: &Machine, requested: &str, available: &str, time: Timestamp) -> Record {
    let values =
        [Spn::migration(&target.fqdn()), target.account(), "9".into(), requested.into(), available.into()];
    error(KDC.event(16, dc, time, unnamed(values)))
}

/// KDC 44: a ticket of `client` lacks the full signature.
#[must_use]
pub fn signature_missing(dc: &Machine, client: &Machine, time: Timestamp) -> Record {
    let account = format!("{}/{}", client.domain.realm(), client.account());
    error(KDC.event(44, dc, time, unnamed([account])))
}

/// KDC 18: the signature in a ticket of `client` is bad.
#[must_use]
pub fn signature_refused(dc: &Machine, client: &Machine, time: Timestamp) -> Record {
    error(KDC.event(18, dc, time, unnamed([client.account()])))
}

/// The provider's events are classic: their numbers carry a severity.
fn error(record: Record) -> Record {
    Record { level: 2, qualifiers: Some(32768), ..record }
}
