//! What domain controllers and Kerberos clients refused, joined to hosts.
//!
//! A refused option (0xD) alone is routine noise: only a request with the S4U bit from a node, or for a node's
//! account, counts (MS-SFU; events 4769 and Security-Kerberos 3).

use jiff::Timestamp;

use crate::evidence::{Evidence, FactId, HostId, Signalled};
use crate::fact::{Event, Spn};
use crate::knowledge::Meaning;

/// TicketOptions: cname-in-addl-tkt, the S4U2Proxy request (MS-SFU 2.2.2, bit 14 from the left).
const S4U_PROXY: u32 = 0x0002_0000;

/// Kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// S4U2Proxy with status 0xD.
    Delegation,
    /// Status 0x7.
    UnknownService,
    /// Status 0x25.
    Clock,
    /// Status 0x12, 0x17 or 0x18.
    Account,
}

/// One refusal.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) kind: Kind,
    pub(super) time: Timestamp,
    pub(super) fact: FactId,
    /// A domain controller says so, not the client alone.
    pub(super) by_controller: bool,
    /// The host that asked, where its account stands in the record.
    pub(super) client: Option<HostId>,
    /// The host whose service was asked for.
    pub(super) service: Option<HostId>,
}

/// Every refusal, in time order.
pub(super) fn refusals(signalled: &[Signalled<'_>], evidence: &Evidence) -> Vec<Refusal> {
    signalled.iter().filter_map(|signalled| refusal(signalled, evidence)).collect()
}

fn refusal(signalled: &Signalled<'_>, evidence: &Evidence) -> Option<Refusal> {
    let event = signalled.event;
    let (kind, client, service) = match signalled.signal.meaning {
        Meaning::TicketRequest | Meaning::SignInTicket => {
            let service = event.field("ServiceName").and_then(|name| service_host(name, evidence));
            (
                kind(event)?,
                event.field("TargetUserName").and_then(|name| account_host(name, evidence)),
                service,
            )
        }
        Meaning::KerberosError => (
            client_kind(event)?,
            Some(signalled.host),
            event
                .field("TargetName")
                .or_else(|| event.field("ServerName"))
                .and_then(|name| service_host(name, evidence)),
        ),
        _ => return None,
    };
    let by_controller = signalled.signal.meaning != Meaning::KerberosError;
    Some(Refusal { kind, time: event.time, fact: signalled.fact, by_controller, client, service })
}

fn kind(event: &Event) -> Option<Kind> {
    match number(event.field("Status")?)? {
        0xD if number(event.field("TicketOptions")?)? & S4U_PROXY != 0 => Some(Kind::Delegation),
        // Only for the migration service itself: other services of a host may well be unknown.
        0x7 => Spn::migration_host(event.field("ServiceName")?).map(|_| Kind::UnknownService),
        0x25 => Some(Kind::Clock),
        0x12 | 0x17 | 0x18 => Some(Kind::Account),
        _ => None,
    }
}

/// The client's own record: 0xD with an extended status that only delegation gives (MS-SFU 3.2.5.2.2).
fn client_kind(event: &Event) -> Option<Kind> {
    const EXTENDED: [u32; 3] = [0xC000_00BB, 0xC000_0272, 0xC000_0225];
    match number(event.field("ErrorCode")?)? {
        0xD => EXTENDED
            .contains(&number(event.field("ExtendedError").and_then(|text| text.split_whitespace().next())?)?)
            .then_some(Kind::Delegation),
        0x7 => Spn::migration_host(event.field("TargetName").or_else(|| event.field("ServerName"))?)
            .map(|_| Kind::UnknownService),
        0x25 => Some(Kind::Clock),
        _ => None,
    }
}

/// `0xd` or decimal.
pub(super) fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The host of a machine account such as `HV01$@CONTOSO.COM`; joined by the account that the directory
/// states, else by the whole first label.
pub(super) fn account_host(name: &str, evidence: &Evidence) -> Option<HostId> {
    let account = name.split('@').next()?.rsplit('\\').next()?.strip_suffix('$')?;
    evidence.directory.of_account(account).or_else(|| evidence.hosts.find(account))
}

/// The host of a service: its account, or the host part of an SPN.
fn service_host(name: &str, evidence: &Evidence) -> Option<HostId> {
    account_host(name, evidence).or_else(|| {
        let spn = Spn::parse(name)?;
        evidence.hosts.find(spn.host.split(['@', ':', '/']).next()?)
    })
}
