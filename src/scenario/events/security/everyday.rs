//! What fills the security log of a domain controller and never matters here: one row of a table an event.
//!
//! Numbers, versions, names and order of the fields follow Microsoft's description of each event and public
//! records. The weights are a guess at a controller that audits connections and handles. Every value is
//! written as text, while Windows stores numbers, SIDs and GUIDs in types of their own.

use jiff::Timestamp;

use super::super::{LOCAL_SYSTEM, data};
use super::{AUDITING, Admin, NOBODY, audit};
use crate::scenario::evtx::Record;
use crate::scenario::{Dice, Machine};

/// One event of the table.
pub(super) struct Kind {
    id: u16,
    version: u8,
    task: u16,
    /// How many of a thousand records are of this kind.
    weight: u64,
    /// Groups of fields, since events share the ones that name a subject or a process.
    fields: &'static [&'static [(&'static str, Value)]],
}

/// What stands in a field.
#[derive(Clone, Copy)]
enum Value {
    /// This text.
    Is(&'static str),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// The name of the account that acts.
    Name,
    /// Its SID.
    Sid,
    /// The session that it acts in.
    Session,
    /// A session that begins.
    NewSession,
    /// The SIDs of its groups.
    Groups,
    /// The NetBIOS name of the domain.
    Domain,
    /// The Kerberos realm of the domain.
    Realm,
    /// The name of some workstation.
    Workstation,
    /// The address of the host that logs.
    OwnAddress,
    /// The address of the other end.
    Address,
    /// A port that a client picked.
    Port,
    /// A random GUID.
    Guid,
    /// The GUID of a directory object, as the event writes it.
    Object,
    /// The id of a process or handle, a multiple of four.
    Handle,
    /// The same in decimal, as the filtering platform writes it.
    Decimal,
    /// The image of the process that acts.
    Image,
    /// Its command line.
    Command,
}

use Value::{
    Address, Command, Decimal, Domain, Groups, Guid, Handle, Image, Is, Name, NewSession, Object, OneOf,
    OwnAddress, Port, Realm, Session, Sid, Workstation,
};

/// Who and what a record tells of.
pub(super) struct Cast<'a> {
    /// The host that logs.
    pub(super) host: &'a Machine,
    /// The account that acts.
    pub(super) who: &'a Admin,
    /// Where it comes from.
    pub(super) from: &'a str,
    /// The command line of the process that acts.
    pub(super) command: &'a str,
}

const SUBJECT: &[(&str, Value)] = &[
    ("SubjectUserSid", Sid),
    ("SubjectUserName", Name),
    ("SubjectDomainName", Domain),
    ("SubjectLogonId", Session),
];
/// The subject of what the system does on its own account.
const NO_SUBJECT: &[(&str, Value)] = &[
    ("SubjectUserSid", Is(NOBODY)),
    ("SubjectUserName", Is("-")),
    ("SubjectDomainName", Is("-")),
    ("SubjectLogonId", Is("0x0")),
];
const TARGET: &[(&str, Value)] = &[
    ("TargetUserSid", Sid),
    ("TargetUserName", Name),
    ("TargetDomainName", Domain),
    ("TargetLogonId", Session),
];
const PROCESS: &[(&str, Value)] = &[("ProcessId", Handle), ("ProcessName", Image)];
const FILE: &[(&str, Value)] =
    &[("ObjectServer", Is("Security")), ("ObjectType", Is("File")), ("ObjectName", OneOf(FILES))];
const PEER: &[(&str, Value)] = &[("IpAddress", Address), ("IpPort", Port)];

const COMMANDS: &[&str] = &[
    r"C:\Windows\System32\svchost.exe -k netsvcs -p -s Schedule",
    r"C:\Windows\System32\lsass.exe",
    r"C:\Windows\System32\dfsrs.exe",
    r"C:\Windows\System32\taskhostw.exe SYSTEM Install $(Arg0) {222A245B-E637-4AE9-A93F-A59CA119A75E}",
    r"C:\Windows\System32\wbem\WmiPrvSE.exe -secured -Embedding",
    r"C:\Windows\System32\conhost.exe 0xffffffff -ForceV1",
    r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe -NoProfile -ExecutionPolicy Bypass -File C:\Scripts\Get-Health.ps1",
];
const IMAGES: &[&str] = &[
    r"\device\harddiskvolume4\windows\system32\lsass.exe",
    r"\device\harddiskvolume4\windows\system32\dns.exe",
    r"\device\harddiskvolume4\windows\system32\svchost.exe",
    r"\device\harddiskvolume4\windows\adws\microsoft.activedirectory.webservices.exe",
    "System",
];
const FILES: &[&str] = &[
    r"C:\Windows\System32\config\systemprofile\AppData\Local\Microsoft\Windows\INetCache\Content.IE5",
    r"C:\Windows\SYSVOL\domain\Policies\{6AC1786C-016F-11D2-945F-00C04FB984F9}\MACHINE\Microsoft\Windows NT\SecEdit\GptTmpl.inf",
    r"C:\Windows\NTDS\edb.chk",
    r"C:\Windows\System32\drivers\etc\hosts",
];
const POLICIES: &[&str] = &[
    r"contoso.com\Policies\{31B2F340-016D-11D2-945F-00C04FB984F9}\gpt.ini",
    r"contoso.com\Policies\{31B2F340-016D-11D2-945F-00C04FB984F9}\Machine\Microsoft\Windows NT\SecEdit\GptTmpl.inf",
    r"contoso.com\scripts\logon.cmd",
];
/// Accesses to a directory object with the sets of properties that were read: control, read, write.
const PROPERTIES: &[&str] = &[
    "%%7688\r\n\t\t{1131f6aa-9c07-11d1-f79f-00c04fc2dcd2}\r\n\t{19195a5b-6da0-11d0-afd3-00c04fd930c9}\r\n",
    "%%7684\r\n\t\t{4c164200-20c0-11d0-a768-00aa006e0529}\r\n\t\t\t{bf967a68-0de6-11d0-a285-00aa003049e2}\r\n\t{bf967a86-0de6-11d0-a285-00aa003049e2}\r\n",
    "%%7685\r\n\t\t{771727b1-31b8-4cdf-ae62-4fe39fadf89e}\r\n\t\t\t{bf967a76-0de6-11d0-a285-00aa003049e2}\r\n\t{bf967a86-0de6-11d0-a285-00aa003049e2}\r\n",
];
const PRIVILEGES: &str = "SeSecurityPrivilege\r\n\t\t\tSeBackupPrivilege\r\n\t\t\tSeRestorePrivilege\r\n\t\t\tSeTakeOwnershipPrivilege\r\n\t\t\tSeDebugPrivilege\r\n\t\t\tSeSystemEnvironmentPrivilege\r\n\t\t\tSeLoadDriverPrivilege\r\n\t\t\tSeImpersonatePrivilege\r\n\t\t\tSeDelegateSessionUserImpersonatePrivilege\r\n\t\t\tSeEnableDelegationPrivilege";
const ACCESS_REASON: &str = "%%1538:\t%%1801\tD:(A;ID;0x1200a9;;;BU)\r\n\t\t\t\t%%1541:\t%%1801\tD:(A;ID;0x1200a9;;;BU)\r\n\t\t\t\t%%4416:\t%%1801\tD:(A;ID;0x1200a9;;;BU)\r\n\t\t\t\t%%4423:\t%%1811\tD:(A;ID;0x1200a9;;;BU)\r\n\t\t\t\t";

/// An account logged on over the network.
pub(super) const LOGON: Kind = Kind {
    id: 4624,
    version: 2,
    task: 12544,
    weight: 190,
    fields: &[
        NO_SUBJECT,
        &[
            ("TargetUserSid", Sid),
            ("TargetUserName", Name),
            ("TargetDomainName", Realm),
            ("TargetLogonId", NewSession),
            ("LogonType", Is("3")),
            ("LogonProcessName", Is("Kerberos")),
            ("AuthenticationPackageName", Is("Kerberos")),
            ("WorkstationName", Is("-")),
            ("LogonGuid", Guid),
            ("TransmittedServices", Is("-")),
            ("LmPackageName", Is("-")),
            ("KeyLength", Is("0")),
            ("ProcessId", Is("0x0")),
            ("ProcessName", Is("-")),
        ],
        PEER,
        &[
            ("ImpersonationLevel", Is("%%1833")),
            ("RestrictedAdminMode", Is("-")),
            ("TargetOutboundUserName", Is("-")),
            ("TargetOutboundDomainName", Is("-")),
            ("VirtualAccount", Is("%%1843")),
            ("TargetLinkedLogonId", Is("0x0")),
            ("ElevatedToken", Is("%%1842")),
        ],
    ],
};

const KINDS: [Kind; 16] = [
    LOGON,
    // The groups of an account that logged on.
    Kind {
        id: 4627,
        version: 0,
        task: 12554,
        weight: 45,
        fields: &[
            NO_SUBJECT,
            TARGET,
            &[
                ("LogonType", Is("3")),
                ("EventIdx", Is("1")),
                ("EventCountTotal", Is("1")),
                ("GroupMembership", Groups),
            ],
        ],
    },
    // A session ended.
    Kind { id: 4634, version: 0, task: 12545, weight: 100, fields: &[TARGET, &[("LogonType", Is("3"))]] },
    // A logon with credentials that were typed or stored.
    Kind {
        id: 4648,
        version: 0,
        task: 12544,
        weight: 10,
        fields: &[
            SUBJECT,
            &[
                ("LogonGuid", Guid),
                ("TargetUserName", Name),
                ("TargetDomainName", Realm),
                ("TargetLogonGuid", Guid),
                ("TargetServerName", Workstation),
                ("TargetInfo", Workstation),
            ],
            PROCESS,
            PEER,
        ],
    },
    // A handle was asked for.
    Kind {
        id: 4656,
        version: 1,
        task: 12800,
        weight: 55,
        fields: &[
            SUBJECT,
            FILE,
            &[
                ("HandleId", Handle),
                ("TransactionId", Is("{00000000-0000-0000-0000-000000000000}")),
                (
                    "AccessList",
                    Is("%%1538\r\n\t\t\t\t%%1541\r\n\t\t\t\t%%4416\r\n\t\t\t\t%%4423\r\n\t\t\t\t"),
                ),
                ("AccessReason", Is(ACCESS_REASON)),
                ("AccessMask", Is("0x120081")),
                ("PrivilegeList", Is("-")),
                ("RestrictedSidCount", Is("0")),
            ],
            PROCESS,
            &[("ResourceAttributes", Is("S:AI"))],
        ],
    },
    // A handle was closed.
    Kind {
        id: 4658,
        version: 0,
        task: 12800,
        weight: 45,
        fields: &[SUBJECT, &[("ObjectServer", Is("Security")), ("HandleId", Handle)], PROCESS],
    },
    // A directory object was read.
    Kind {
        id: 4662,
        version: 0,
        task: 14080,
        weight: 55,
        fields: &[
            SUBJECT,
            &[
                ("ObjectServer", Is("DS")),
                ("ObjectType", Is("%{bf967a86-0de6-11d0-a285-00aa003049e2}")),
                ("ObjectName", Object),
                ("OperationType", Is("Object Access")),
                ("HandleId", Is("0x0")),
                ("AccessList", Is("%%7688\r\n\t\t\t\t")),
                ("AccessMask", Is("0x100")),
                ("Properties", OneOf(PROPERTIES)),
                ("AdditionalInfo", Is("-")),
                ("AdditionalInfo2", Is("")),
            ],
        ],
    },
    // A file was used.
    Kind {
        id: 4663,
        version: 1,
        task: 12800,
        weight: 55,
        fields: &[
            SUBJECT,
            FILE,
            &[("HandleId", Handle), ("AccessList", Is("%%4416\r\n\t\t\t\t")), ("AccessMask", Is("0x1"))],
            PROCESS,
            &[("ResourceAttributes", Is("S:AI"))],
        ],
    },
    // An account that may do much logged on.
    Kind {
        id: 4672,
        version: 0,
        task: 12548,
        weight: 70,
        fields: &[SUBJECT, &[("PrivilegeList", Is(PRIVILEGES))]],
    },
    // A process was started.
    Kind {
        id: 4688,
        version: 2,
        task: 13312,
        weight: 60,
        fields: &[
            SUBJECT,
            &[
                ("NewProcessId", Handle),
                ("NewProcessName", Image),
                ("TokenElevationType", Is("%%1936")),
                ("ProcessId", Handle),
                ("CommandLine", Command),
                ("TargetUserSid", Is(NOBODY)),
                ("TargetUserName", Is("-")),
                ("TargetDomainName", Is("-")),
                ("TargetLogonId", Is("0x0")),
                ("ParentProcessName", Is(r"C:\Windows\System32\services.exe")),
                ("MandatoryLabel", Is("S-1-16-16384")),
            ],
        ],
    },
    // A process ended.
    Kind {
        id: 4689,
        version: 0,
        task: 13313,
        weight: 25,
        fields: &[SUBJECT, &[("Status", Is("0x0"))], PROCESS],
    },
    // A handle was duplicated.
    Kind {
        id: 4690,
        version: 0,
        task: 12807,
        weight: 20,
        fields: &[
            SUBJECT,
            &[
                ("SourceHandleId", Handle),
                ("SourceProcessId", Handle),
                ("TargetHandleId", Handle),
                ("TargetProcessId", Is("0x4")),
            ],
        ],
    },
    // A password was checked, NTLM.
    Kind {
        id: 4776,
        version: 0,
        task: 14336,
        weight: 15,
        fields: &[&[
            ("PackageName", Is("MICROSOFT_AUTHENTICATION_PACKAGE_V1_0")),
            ("TargetUserName", Name),
            ("Workstation", Workstation),
            ("Status", Is("0x0")),
        ]],
    },
    // A file of a share was opened.
    Kind {
        id: 5145,
        version: 0,
        task: 12811,
        weight: 65,
        fields: &[
            SUBJECT,
            &[("ObjectType", Is("File"))],
            PEER,
            &[
                ("ShareName", Is(r"\\*\SYSVOL")),
                ("ShareLocalPath", Is(r"\??\C:\Windows\SYSVOL\sysvol")),
                ("RelativeTargetName", OneOf(POLICIES)),
                ("AccessMask", Is("0x120089")),
                (
                    "AccessList",
                    Is("%%1538\r\n\t\t\t\t%%1541\r\n\t\t\t\t%%4416\r\n\t\t\t\t%%4423\r\n\t\t\t\t"),
                ),
                ("AccessReason", Is("-")),
            ],
        ],
    },
    // A connection came in.
    Kind {
        id: 5156,
        version: 1,
        task: 12810,
        weight: 150,
        fields: &[&[
            ("ProcessID", Decimal),
            ("Application", OneOf(IMAGES)),
            ("Direction", Is("%%14592")),
            ("SourceAddress", OwnAddress),
            ("SourcePort", OneOf(&["53", "88", "135", "389", "445", "9389", "49669"])),
            ("DestAddress", Address),
            ("DestPort", Port),
            ("Protocol", OneOf(&["6", "17"])),
            ("FilterRTID", Decimal),
            ("LayerName", Is("%%14610")),
            ("LayerRTID", Is("44")),
            ("RemoteUserID", Is(NOBODY)),
            ("RemoteMachineID", Is(NOBODY)),
        ]],
    },
    // A process took a local port.
    Kind {
        id: 5158,
        version: 0,
        task: 12810,
        weight: 40,
        fields: &[&[
            ("ProcessId", Decimal),
            ("Application", OneOf(IMAGES)),
            ("SourceAddress", Is("::")),
            ("SourcePort", Port),
            ("Protocol", OneOf(&["6", "17"])),
            ("FilterRTID", Is("0")),
            ("LayerName", Is("%%14608")),
            ("LayerRTID", Is("36")),
        ]],
    },
];

/// A record of the security log that no story needs; which one and what it says is up to `dice`.
#[must_use]
pub fn everyday(dice: &mut Dice, host: &Machine, time: Timestamp) -> Record {
    let rid = 1200 + u32::try_from(dice.below(2_000)).unwrap_or(0);
    let who = match dice.below(10) {
        0..3 => Admin { name: host.account(), sid: LOCAL_SYSTEM.to_owned(), logon: "0x3e7".to_owned() },
        3..6 => Admin::new(&format!("WS{rid}$"), &host.domain, rid + 2_000),
        _ => Admin::new(&format!("user{rid}"), &host.domain, rid),
    };
    let from = format!("10.20.{}.{}", rid % 7, rid % 251 + 2);
    let command = dice.pick(COMMANDS).copied().unwrap_or_default();
    pick(dice).record(dice, &Cast { host, who: &who, from: &from, command }, time)
}

/// One row of the table, by weight.
fn pick(dice: &mut Dice) -> &'static Kind {
    let mut left = dice.below(KINDS.iter().map(|kind| kind.weight).sum());
    let is_reached = |kind: &&Kind| {
        let reached = left < kind.weight;
        left = left.saturating_sub(kind.weight);
        reached
    };
    KINDS.iter().find(is_reached).unwrap_or(&LOGON)
}

impl Kind {
    /// A record of this kind.
    pub(super) fn record(&self, dice: &mut Dice, cast: &Cast<'_>, time: Timestamp) -> Record {
        let fields =
            self.fields.iter().copied().flatten().map(|(name, value)| (*name, value.text(dice, cast)));
        let record = AUDITING.event(self.id, cast.host, time, data(fields));
        audit(Record { version: self.version, ..record }, self.task, true)
    }
}

impl Value {
    fn text(self, dice: &mut Dice, cast: &Cast<'_>) -> String {
        let Cast { host, who, from, command } = cast;
        match self {
            Is(text) => text.to_owned(),
            OneOf(texts) => dice.pick(texts).copied().unwrap_or_default().to_owned(),
            Name => who.name.clone(),
            Sid => who.sid.clone(),
            Session => who.logon.clone(),
            NewSession => format!("0x{:x}", dice.below(0xffff_ffff)),
            Groups => groups(host),
            Domain => host.domain.netbios.clone(),
            Realm => host.domain.realm(),
            Workstation => format!("WS{}", 1200 + dice.below(2_000)),
            OwnAddress => host.ip.clone(),
            Address => (*from).to_owned(),
            Port => (49_200 + dice.below(16_000)).to_string(),
            Guid => dice.guid(),
            Object => format!("%{{{}}}", dice.guid().to_lowercase()),
            Handle => format!("0x{:x}", 4 + 4 * dice.below(0x1000)),
            Decimal => (4 + 4 * dice.below(0x1000)).to_string(),
            Image => command.split(' ').next().unwrap_or_default().to_owned(),
            Command => (*command).to_owned(),
        }
    }
}

/// The groups of a member of the domain: everyone, the built-in users, network, the domain's users, its level.
fn groups(host: &Machine) -> String {
    const WELL_KNOWN: [&str; 7] =
        ["S-1-1-0", "S-1-5-32-545", "S-1-5-32-554", "S-1-5-2", "S-1-5-11", "S-1-5-15", "S-1-16-8192"];
    let domain = [513, 1_611, 1_634].map(|rid| host.domain.sid(rid));
    let all = WELL_KNOWN.into_iter().chain(domain.iter().map(String::as_str));
    all.map(|sid| format!("\r\n\t\t%{{{sid}}}")).collect()
}
