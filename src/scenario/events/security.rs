//! Events of the security log, nearly all of them from domain controllers.

use jiff::Timestamp;

use super::{Provider, SECURITY, data};
use crate::scenario::evtx::Record;
use crate::scenario::{Dice, Domain, Machine};

mod everyday;

pub use everyday::everyday;
use everyday::{Cast, LOGON};

const AUDITING: Provider = Provider {
    name: "Microsoft-Windows-Security-Auditing",
    guid: Some("54849625-5478-4994-A5BA-3E3B0328C30D"),
    channel: SECURITY,
};

/// The SID of nobody, which failed requests carry in place of the service's.
const NOBODY: &str = "S-1-0-0";
/// Ticket options of a plain request: forwardable, renewable, canonicalize.
const PLAIN: &str = "0x40810000";
/// The same with `cname-in-addl-tkt` (0x20000): a request on behalf of a user, S4U2proxy.
const ON_BEHALF: &str = "0x40830000";

/// Who changes things in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// The account name.
    pub name: String,
    /// Its SID.
    pub sid: String,
    /// The session in which the change was made.
    pub logon: String,
}

impl Admin {
    /// An administrator of `domain`.
    #[must_use]
    pub fn new(name: &str, domain: &Domain, rid: u32) -> Self {
        let logon = format!("0x{:x}", Dice::named(name).below(0xffff_ffff));
        Self { name: name.to_owned(), sid: domain.sid(rid), logon }
    }
}

/// A request for a service ticket, as a domain controller saw it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The domain controller.
    pub dc: &'a Machine,
    /// The host that asks.
    pub client: &'a Machine,
    /// The host whose service is asked for.
    pub service: &'a Machine,
    /// When.
    pub time: Timestamp,
}

/// 4769, status 0: a plain ticket.
#[must_use]
pub fn ticket_granted(request: Request<'_>) -> Record {
    ticket(request, &request.service.account(), PLAIN, 0, "-")
}

/// 4769 with the S4U bit, status 0: delegation worked; `TransmittedServices` names the hop.
#[must_use]
pub fn delegation_granted(request: Request<'_>) -> Record {
    ticket(request, &request.service.account(), ON_BEHALF, 0, &request.client.principal())
}

/// 4769 with the S4U bit, status 0xD (KDC_ERR_BADOPTION): delegation refused.
#[must_use]
pub fn delegation_refused(request: Request<'_>) -> Record {
    ticket(request, &request.service.account(), ON_BEHALF, 0xd, "-")
}

/// 4769 with another refusal. A service that no account bears is shown as it was asked for.
#[must_use]
pub fn ticket_refused(request: Request<'_>, service: &str, status: u32) -> Record {
    ticket(request, service, PLAIN, status, "-")
}

fn ticket(request: Request<'_>, service: &str, options: &str, status: u32, transmitted: &str) -> Record {
    let Request { dc, client, service: host, time } = request;
    let mut dice = Dice::named(&format!("{service}{options}{time}"));
    let granted = status == 0;
    let fields = [
        ("TargetUserName", client.principal()),
        ("TargetDomainName", client.domain.realm()),
        ("ServiceName", service.to_owned()),
        ("ServiceSid", if granted { host.sid() } else { NOBODY.to_owned() }),
        ("TicketOptions", options.to_owned()),
        ("TicketEncryptionType", if granted { "0x12" } else { "0xffffffff" }.to_owned()),
        ("IpAddress", format!("::ffff:{}", client.ip)),
        ("IpPort", (49_200 + dice.below(16_000)).to_string()),
        ("Status", format!("0x{status:x}")),
        ("LogonGuid", if granted { dice.guid() } else { "00000000-0000-0000-0000-000000000000".to_owned() }),
        ("TransmittedServices", transmitted.to_owned()),
    ];
    audit(AUDITING.event(4769, dc, time, data(fields)), 14337, granted)
}

/// 4768 with a refusal: the host got no ticket for itself.
#[must_use]
pub fn sign_in_refused(dc: &Machine, client: &Machine, status: u32, time: Timestamp) -> Record {
    let fields = [
        ("TargetUserName", client.account()),
        ("TargetDomainName", client.domain.realm()),
        ("TargetSid", NOBODY.to_owned()),
        ("ServiceName", format!("krbtgt/{}", client.domain.realm())),
        ("ServiceSid", NOBODY.to_owned()),
        ("TicketOptions", "0x40810010".to_owned()),
        ("Status", format!("0x{status:x}")),
        ("TicketEncryptionType", "0xffffffff".to_owned()),
        ("PreAuthType", "-".to_owned()),
        ("IpAddress", format!("::ffff:{}", client.ip)),
        ("IpPort", "50611".to_owned()),
        ("CertIssuerName", String::new()),
        ("CertSerialNumber", String::new()),
        ("CertThumbprint", String::new()),
    ];
    audit(AUDITING.event(4768, dc, time, data(fields)), 14339, false)
}

/// 4771: pre-authentication failed with `status`.
#[must_use]
pub fn preauthentication_failed(dc: &Machine, client: &Machine, status: u32, time: Timestamp) -> Record {
    let fields = [
        ("TargetUserName", client.account()),
        ("TargetSid", client.sid()),
        ("ServiceName", format!("krbtgt/{}", client.domain.realm())),
        ("TicketOptions", "0x40810010".to_owned()),
        ("Status", format!("0x{status:x}")),
        ("PreAuthType", "2".to_owned()),
        ("IpAddress", format!("::ffff:{}", client.ip)),
        ("IpPort", "55967".to_owned()),
        ("CertIssuerName", String::new()),
        ("CertSerialNumber", String::new()),
        ("CertThumbprint", String::new()),
    ];
    audit(AUDITING.event(4771, dc, time, data(fields)), 14339, false)
}

/// What 4742 shows of a change to a computer account. `None` is written `-`: not changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// The new delegation list. An emptied one is written `-` too, by analogy: only additions were seen.
    pub delegation: Option<Vec<String>>,
    /// Old and new control bits, in the SAM's numbering (not Active Directory's), and the message of the change.
    pub control: Option<(u32, u32, &'static str)>,
}

/// 4742: a computer account was changed.
#[must_use]
pub fn account_changed(
    dc: &Machine,
    host: &Machine,
    by: &Admin,
    change: &AccountChange,
    time: Timestamp,
) -> Record {
    let dash = || "-".to_owned();
    // Several values stand in one string, each on a line of its own behind two tabs.
    let list = |values: &[String]| values.iter().map(|value| format!("\r\n\t\t{value}")).collect::<String>();
    let delegation = change.delegation.as_deref().filter(|values| !values.is_empty()).map_or_else(dash, list);
    let (old, new, text) = change.control.map_or_else(
        || (dash(), dash(), dash()),
        |(old, new, text)| (format!("0x{old:x}"), format!("0x{new:x}"), format!("\r\n\t\t{text}")),
    );
    let mut fields = vec![
        ("ComputerAccountChange", dash()),
        ("TargetUserName", host.account()),
        ("TargetDomainName", host.domain.netbios.clone()),
        ("TargetSid", host.sid()),
        ("SubjectUserSid", by.sid.clone()),
        ("SubjectUserName", by.name.clone()),
        ("SubjectDomainName", host.domain.netbios.clone()),
        ("SubjectLogonId", by.logon.clone()),
    ];
    fields.extend(UNCHANGED.map(|name| (name, dash())));
    fields.extend([
        ("AllowedToDelegateTo", delegation),
        ("OldUacValue", old),
        ("NewUacValue", new),
        ("UserAccountControl", text),
        ("UserParameters", dash()),
        ("SidHistory", dash()),
        ("LogonHours", dash()),
        ("DnsHostName", dash()),
        ("ServicePrincipalNames", dash()),
    ]);
    audit(AUDITING.event(4742, dc, time, data(fields)), 13825, true)
}

/// Fields of 4742 between the subject and the delegation list, which no story changes.
const UNCHANGED: [&str; 12] = [
    "PrivilegeList",
    "SamAccountName",
    "DisplayName",
    "UserPrincipalName",
    "HomeDirectory",
    "HomePath",
    "ScriptPath",
    "ProfilePath",
    "UserWorkstations",
    "PasswordLastSet",
    "AccountExpires",
    "PrimaryGroupId",
];

/// One value added to, or deleted from, an attribute of a computer object.
#[derive(Debug, Clone, Copy)]
pub struct ValueChange<'a> {
    /// The object's distinguished name.
    pub dn: &'a str,
    /// The attribute's LDAP name.
    pub attribute: &'a str,
    /// The value.
    pub value: &'a str,
    /// Added; deleted otherwise.
    pub added: bool,
}

/// 5136: one value of a directory object was changed; one event a value.
#[must_use]
pub fn value_changed(dc: &Machine, by: &Admin, change: ValueChange<'_>, time: Timestamp) -> Record {
    let correlation = Dice::named(&format!("{}{}", change.dn, time.as_second())).guid();
    // Syntaxes: 2.5.5.9 integer, 2.5.5.12 Unicode string.
    let syntax = if change.attribute == "userAccountControl" { "2.5.5.9" } else { "2.5.5.12" };
    let fields = [
        ("OpCorrelationID", correlation),
        ("AppCorrelationID", "-".to_owned()),
        ("SubjectUserSid", by.sid.clone()),
        ("SubjectUserName", by.name.clone()),
        ("SubjectDomainName", dc.domain.netbios.clone()),
        ("SubjectLogonId", by.logon.clone()),
        ("DSName", dc.domain.dns.clone()),
        ("DSType", "%%14676".to_owned()),
        ("ObjectDN", change.dn.to_owned()),
        ("ObjectGUID", Dice::named(change.dn).guid()),
        ("ObjectClass", "computer".to_owned()),
        ("AttributeLDAPDisplayName", change.attribute.to_owned()),
        ("AttributeSyntaxOID", syntax.to_owned()),
        ("AttributeValue", change.value.to_owned()),
        ("OperationType", if change.added { "%%14674" } else { "%%14675" }.to_owned()),
    ];
    audit(AUDITING.event(5136, dc, time, data(fields)), 14081, true)
}

/// 4624: `who` logged on to `host` over the network from `from`.
#[must_use]
pub fn logon(host: &Machine, who: &Admin, from: &str, time: Timestamp) -> Record {
    let mut dice = Dice::named(&format!("{}{time}", who.name));
    LOGON.record(&mut dice, &Cast { host, who, from, command: "" }, time)
}

/// Audit events are level 0, and their keyword says success or failure.
fn audit(record: Record, task: u16, success: bool) -> Record {
    let keywords = if success { 0x8020_0000_0000_0000 } else { 0x8010_0000_0000_0000 };
    Record { level: 0, task, keywords, user: None, ..record }
}
