//! What domain controllers and Kerberos clients refused, joined to hosts; and the tickets on a user's behalf that were
//! granted, which contradict some refusals.
//!
//! A refused option (0xD) alone is routine noise: only a request with the S4U bit from a node, or for a node's
//! account, counts (MS-SFU; events 4769 and Security-Kerberos 3).

use jiff::Timestamp;

use crate::evidence::{Evidence, FactId, HostId, Signalled};
use crate::fact::{Event, Spn, domain_of};
use crate::knowledge::Meaning;

/// TicketOptions: cname-in-addl-tkt, the S4U2Proxy request (MS-SFU 2.2.2, bit 14 from the left).
const S4U_PROXY: u32 = 0x0002_0000;

/// Kinds of answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// S4U2Proxy with status 0: no refusal, a ticket.
    Granted,
    /// S4U2Proxy with status 0xD.
    Delegation,
    /// Status 0x7.
    UnknownService,
    /// Status 0x8.
    NotUnique,
    /// Status 0x25.
    Clock,
    /// Status 0x12, 0x17 or 0x18.
    Account,
    /// Status 0xC, or a policy or silo by name.
    Policy,
}

/// What a source's own Kerberos client recorded of a refused request to act for a user at a target's migration
/// or file service (Security-Kerberos 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// When.
    pub time: Timestamp,
    /// The record.
    pub fact: FactId,
    /// `ExtendedError`: the NTSTATUS that tells refusals of delegation apart (MS-SFU 3.2.5.2.2).
    pub extended: u32,
    /// The service principal name that was asked for, without its realm.
    pub asked: String,
    /// `ClientName`, where it is filled.
    pub user: Option<String>,
}

/// One refusal, or a ticket on a user's behalf.
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
    /// An account that is no machine's asked.
    pub(super) by_user: bool,
    /// The account that is no machine's, for which was asked, by the record of a domain controller.
    pub(super) user: Option<String>,
    /// What the client recorded of it, where that names the migration service or the file service.
    pub(super) said: Option<Refused>,
}

/// Every refusal, in time order.
pub(super) fn refusals(signalled: &[Signalled<'_>], evidence: &Evidence) -> Vec<Refusal> {
    signalled.iter().filter_map(|signalled| refusal(signalled, evidence)).collect()
}

fn refusal(signalled: &Signalled<'_>, evidence: &Evidence) -> Option<Refusal> {
    let event = signalled.event;
    let (kind, client, service) = match signalled.signal.meaning {
        Meaning::TicketRequest | Meaning::SignInTicket => {
            let service =
                event.field("ServiceName").and_then(|name| service_host(name, signalled.host, evidence));
            (
                kind(event, signalled.signal.meaning)?,
                event.field("TargetUserName").and_then(|name| account_host(name, signalled.host, evidence)),
                service,
            )
        }
        Meaning::PolicyDenied => (
            Kind::Policy,
            event.field("TargetUserName").and_then(|name| account_host(name, signalled.host, evidence)),
            event.field("ServiceName").and_then(|name| service_host(name, signalled.host, evidence)),
        ),
        Meaning::KerberosError => (
            client_kind(event)?,
            Some(signalled.host),
            event
                .field("TargetName")
                .or_else(|| event.field("ServerName"))
                .and_then(|name| service_host(name, signalled.host, evidence)),
        ),
        _ => return None,
    };
    let client = match transmitted(event) {
        // The service that asks for a user: not ours, where it is no host of the bundle.
        Some(service) => Some(service_host(service, signalled.host, evidence)?),
        None => client,
    };
    // A machine that nobody knows is neither end of a move, and no user either.
    let stranger = client.is_none() && event.field("TargetUserName").is_some_and(is_machine_account);
    if stranger && !matches!(kind, Kind::Clock | Kind::Account) {
        return None;
    }
    let own = |name: &str| name.to_ascii_lowercase().starts_with("krbtgt");
    let elsewhere = service.is_none() && event.field("ServiceName").is_some_and(|name| !own(name));
    if elsewhere && kind == Kind::Policy {
        return None;
    }
    let by_controller = signalled.signal.meaning != Meaning::KerberosError;
    let said = if by_controller || kind != Kind::Delegation { None } else { said(signalled) };
    let by_user =
        client.is_none() && event.field("TargetUserName").is_some_and(|name| !is_machine_account(name));
    let user = event.field("TargetUserName").filter(|name| by_controller && !is_machine_account(name));
    Some(Refusal {
        kind,
        time: event.time,
        fact: signalled.fact,
        by_controller,
        client,
        service,
        by_user,
        user: user.map(str::to_owned),
        said,
    })
}

/// The service that asked for a ticket on behalf of a user, where 4769 names it.
fn transmitted(event: &Event) -> Option<&str> {
    let services = event.field("TransmittedServices").or_else(|| event.field("TransitedServices"))?;
    services.split([',', ';']).next().map(str::trim).filter(|name| !name.is_empty() && *name != "-")
}

impl Refused {
    /// Whether the file service was asked for, which is only where storage moves along or lies on a share.
    pub(super) fn is_of_storage(&self) -> bool {
        is_file_service(&self.asked)
    }
}

fn is_file_service(name: &str) -> bool {
    Spn::parse(name).is_some_and(|spn| spn.class.eq_ignore_ascii_case("cifs"))
}

/// The client's record, where it asked for a service that moves need: the target's others say nothing of them.
fn said(signalled: &Signalled<'_>) -> Option<Refused> {
    let event = signalled.event;
    let name = event.field("TargetName").or_else(|| event.field("ServerName"))?;
    let asked = name.split('@').next().unwrap_or(name).trim();
    if Spn::migration_host(asked).is_none() && !is_file_service(asked) {
        return None;
    }
    Some(Refused {
        time: event.time,
        fact: signalled.fact,
        extended: extended(event)?,
        asked: asked.to_owned(),
        user: client(event),
    })
}

/// The client with its realm.
fn client(event: &Event) -> Option<String> {
    let name = event.field("ClientName").map(str::trim).filter(|name| !matches!(*name, "" | "-"))?;
    let realm = event.field("ClientRealm").map(str::trim).filter(|realm| !realm.is_empty());
    Some(match realm.filter(|_| !name.contains('@')) {
        Some(realm) => format!("{name}@{realm}"),
        None => name.to_owned(),
    })
}

fn extended(event: &Event) -> Option<u32> {
    number(event.field("ExtendedError")?.split_whitespace().next()?)
}

fn kind(event: &Event, meaning: Meaning) -> Option<Kind> {
    match number(event.field("Status")?)? {
        0 => transmitted(event).map(|_| Kind::Granted),
        0xD if number(event.field("TicketOptions")?)? & S4U_PROXY != 0 => Some(Kind::Delegation),
        // Only for the migration service itself: other services of a host may well be unknown.
        0x7 => Spn::migration_host(event.field("ServiceName")?).map(|_| Kind::UnknownService),
        0x8 => Spn::migration_host(event.field("ServiceName")?).map(|_| Kind::NotUnique),
        // A ticket for oneself is refused by policy for hours and workstations, too.
        0xC if meaning == Meaning::TicketRequest => Some(Kind::Policy),
        0x25 => Some(Kind::Clock),
        0x12 | 0x17 | 0x18 => Some(Kind::Account),
        _ => None,
    }
}

/// The client's own record: 0xD with an extended status that only delegation gives (MS-SFU 3.2.5.2.2).
fn client_kind(event: &Event) -> Option<Kind> {
    const EXTENDED: [u32; 4] = [0xC000_00BB, 0xC000_0272, 0xC000_0225, 0xC000_006E];
    match number(event.field("ErrorCode")?)? {
        0xD => EXTENDED.contains(&extended(event)?).then_some(Kind::Delegation),
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

fn is_machine_account(name: &str) -> bool {
    name.split('@').next().is_some_and(|name| name.trim().ends_with('$'))
}

/// The host of a machine account such as `HV01$@CONTOSO.COM`; joined by the account that the directory
/// states, else by the whole first label. Without a realm the account is one of the domain of `writer`.
pub(super) fn account_host(name: &str, writer: HostId, evidence: &Evidence) -> Option<HostId> {
    let (account, realm) =
        name.split_once('@').map_or((name, None), |(account, realm)| (account, Some(realm)));
    let account = account.rsplit('\\').next()?.strip_suffix('$')?;
    let host =
        evidence.directory.of_account(account).or_else(|| evidence.hosts.find_from(account, writer))?;
    // Two domains may have a host of one name; a realm without a dot is a short name, which is not compared.
    let realm = realm.filter(|realm| realm.contains('.'));
    let own = domains(host, evidence);
    let is_own = match realm {
        Some(realm) => own.is_empty() || own.iter().any(|own| own.eq_ignore_ascii_case(realm)),
        None => are_neighbours(host, writer, evidence),
    };
    is_own.then_some(host)
}

/// Whether two hosts may be of one domain: nothing says that they are not.
pub(super) fn are_neighbours(one: HostId, other: HostId, evidence: &Evidence) -> bool {
    let [one, other] = [one, other].map(|host| domains(host, evidence));
    one.is_empty() || other.is_empty() || one.iter().any(|domain| other.contains(domain))
}

/// The domain that a host's full name ends in, and the one that holds its object, in lower case: the two can differ.
fn domains(host: HostId, evidence: &Evidence) -> Vec<String> {
    let named = evidence.hosts.get(host).and_then(|host| host.fqdn.as_deref()?.split_once('.'));
    let object = evidence.directory.computer(host).and_then(|object| domain_of(object.dn.as_deref()?));
    named.map(|(_, domain)| domain.to_lowercase()).into_iter().chain(object).collect()
}

/// The host of a service: its account, or the host part of an SPN.
pub(super) fn service_host(name: &str, writer: HostId, evidence: &Evidence) -> Option<HostId> {
    account_host(name, writer, evidence).or_else(|| {
        let spn = Spn::parse(name)?;
        evidence.hosts.find_from(spn.host.split(['@', ':', '/']).next()?, writer)
    })
}
