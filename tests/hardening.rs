//! Traps around hardening: updates that wait, gates, unknown and straddling domain controllers, decoys.

use std::fmt::Write as _;
use std::fs;

use kcdoctor::diagnose::{Relation, Strength};
use kcdoctor::knowledge::State;
use kcdoctor::report::{HostReport, Report};

use super::report;

const HYPER_V: &str = "Microsoft-Windows-Hyper-V-VMMS";
const KDC: &str = "Microsoft-Windows-Kerberos-Key-Distribution-Center";
const PACSIG: &str = "PACSIG-CVE-2022-37967";
const PACREQ: &str = "PACREQ-CVE-2021-42287";
const NO_CREDENTIALS: &str = "0x8009030E";
/// Builds of Windows Server 2019: without signatures, with them, with a fault of S4U, and of August 2026.
const UNSIGNED: u32 = 3406;
const SIGNING: u32 = 4252;
const FAULTY: u32 = 2300;
const AUGUST: u32 = 9121;

/// Two hosts that may delegate to each other, and what domain controllers say.
struct Case {
    folder: tempfile::TempDir,
    events: String,
    records: u32,
}

impl Case {
    /// Hosts HV01 and HV02, delegation complete, migrations by Kerberos, and these domain controllers in the directory.
    fn new(controllers: &[&str]) -> Self {
        let case = Self { folder: tempfile::tempdir().unwrap(), events: String::new(), records: 0 };
        let mut text = "# requesting: ALL\n\n".to_owned();
        for (host, other) in [("HV01", "HV02"), ("HV02", "HV01")] {
            let service = "Microsoft Virtual System Migration Service";
            let (lower, target) = (host.to_lowercase(), other.to_lowercase());
            writeln!(
                text,
                "dn: CN={host},DC=contoso,DC=com\nobjectClass: computer\nsAMAccountName: {host}$\ndNSHostName: {lower}.contoso.com\n\
                 userAccountControl: 16781312\noperatingSystem: Windows Server 2022 Datacenter\nmsDS-SupportedEncryptionTypes: 28\n\
                 servicePrincipalName: {service}/{host}\nservicePrincipalName: {service}/{lower}.contoso.com\n\
                 msDS-AllowedToDelegateTo: {service}/{other}\nmsDS-AllowedToDelegateTo: {service}/{target}.contoso.com\n"
            )
            .unwrap();
        }
        for name in controllers {
            let lower = name.to_lowercase();
            writeln!(
                text,
                "dn: CN={name},OU=Domain Controllers,DC=contoso,DC=com\nobjectClass: computer\nsAMAccountName: {name}$\n\
                 dNSHostName: {lower}.contoso.com\nuserAccountControl: 532480\noperatingSystem: Windows Server 2019 Datacenter\n"
            )
            .unwrap();
        }
        case.file("computers.ldif", &text);
        let settings = ["HV01", "HV02"]
            .map(|host| format!("Name : {host}\nVirtualMachineMigrationAuthenticationType : Kerberos\n\n"));
        case.file("Get-VMHost.txt", &settings.concat());
        case
    }

    fn file(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn event(
        &mut self,
        (provider, channel, id): (&str, &str, u32),
        host: &str,
        time: &str,
        data: &str,
    ) -> &mut Self {
        self.records += 1;
        let record = self.records;
        writeln!(
            self.events,
            "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='{provider}'/><EventID>{id}</EventID>\
             <Level>2</Level><TimeCreated SystemTime='2026-09-{time}Z'/><EventRecordID>{record}</EventRecordID><Channel>{channel}</Channel>\
             <Computer>{host}.contoso.com</Computer></System>{data}</Event>"
        )
        .unwrap();
        self
    }

    fn boot(&mut self, host: &str, revision: u32, time: &str) -> &mut Self {
        let data = format!(
            "<EventData><Data Name='BuildVersion'>17763</Data><Data Name='QfeVersion'>{revision}</Data></EventData>"
        );
        self.event(("Microsoft-Windows-Kernel-General", "System", 12), host, time, &data)
    }

    /// An event of the KDC about an account.
    fn kdc(&mut self, id: u32, dc: &str, time: &str, account: &str) -> &mut Self {
        self.event((KDC, "System", id), dc, time, &format!("<EventData><Data>{account}</Data></EventData>"))
    }

    fn moved(&mut self, time: &str, to: &str, code: Option<&str>) -> &mut Self {
        let id = format!("00000001-1111-4111-8111-{:012}", self.records);
        let channel = "Microsoft-Windows-Hyper-V-VMMS-Admin";
        let field = |values: &[&str]| {
            let fields: String = values
                .iter()
                .enumerate()
                .map(|(at, value)| format!("<Parameter{at}>{value}</Parameter{at}>"))
                .collect();
            format!("<UserData><VmlEventLog>{fields}</VmlEventLog></UserData>")
        };
        match code {
            Some(code) => {
                let text = format!("Failed to establish a connection with host '{to}' ({code}).");
                self.event((HYPER_V, channel, 20306), "HV01", time, &field(&[to, &text, code]))
            }
            None => {
                self.event((HYPER_V, channel, 20413), "HV01", time, &field(&["SQL01", to, &id]));
                self.event((HYPER_V, channel, 20415), "HV01", time, &field(&["SQL01", &id, "0.4"]))
            }
        }
    }

    /// A success on the 10th, and failures on the 20th at 10 and 11 o'clock.
    fn failures(&mut self, code: &str) -> &mut Self {
        self.moved("10T10:00:00", "HV02", None);
        self.moved("20T10:00:00", "HV02", Some(code)).moved("20T11:00:00", "HV02", Some(code))
    }

    fn report(&self) -> Report {
        self.file("events.xml", &self.events);
        report(self.folder.path())
    }
}

fn cause(report: &Report) -> &str {
    report.verdict.cause.name()
}

fn level(report: &Report) -> String {
    serde_json::to_value(report.verdict.level).unwrap().as_str().unwrap().to_owned()
}

fn host<'a>(report: &'a Report, name: &str) -> &'a HostReport {
    report.hosts.iter().find(|host| host.name == name).unwrap()
}

/// What a hardening is on a host; `None` where the report does not list it.
fn state(report: &Report, name: &str, id: &str) -> Option<State> {
    host(report, name).hardening.as_ref()?.iter().find(|own| own.id == id).map(|own| own.state)
}

/// The refusals of a domain controller that insists on signatures.
fn refused(case: &mut Case, dc: &str) {
    for time in ["20T10:00:01", "20T11:00:01"] {
        case.kdc(44, dc, time, "CONTOSO.COM/HV01$");
    }
}

#[test]
fn a_straddle_with_its_witness_is_confirmed() {
    let mut case = Case::new(&["DC01", "DC02"]);
    case.boot("DC01", AUGUST, "01T08:00:00").boot("DC02", UNSIGNED, "01T09:00:00").failures(NO_CREDENTIALS);
    refused(&mut case, "DC01");
    let report = case.report();
    assert_eq!((cause(&report), level(&report).as_str()), ("ticket-validation", "confirmed"));
    assert_eq!(state(&report, "DC01", PACSIG), Some(State::Enforced));
    assert_eq!(state(&report, "DC02", PACSIG), Some(State::Absent));
    let own = report.straddles.iter().find(|own| own.hardening == PACSIG).unwrap();
    assert_eq!((&own.enforcing, &own.behind), (&vec!["DC01".to_owned()], &vec!["DC02".to_owned()]));
    let steps: Vec<_> = report.plan.steps.iter().filter(|step| step.kind == "install-update").collect();
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0].host.as_deref(), Some("DC02"));
    assert!(steps[0].command.contains("KB5120238"), "{}", steps[0].command);
}

#[test]
fn a_straddle_without_a_witness_is_no_cause() {
    let mut case = Case::new(&["DC01", "DC02"]);
    case.boot("DC01", AUGUST, "01T08:00:00").boot("DC02", UNSIGNED, "01T09:00:00").failures(NO_CREDENTIALS);
    assert_ne!(cause(&case.report()), "ticket-validation");
}

/// A refusal of another machine's ticket, or hours away, is about something else.
#[test]
fn a_witness_is_about_the_pair_and_near() {
    for (time, account) in [("20T10:00:01", "CONTOSO.COM/FILE01$"), ("20T14:00:00", "CONTOSO.COM/HV01$")] {
        let mut case = Case::new(&["DC01", "DC02"]);
        case.boot("DC01", AUGUST, "01T08:00:00")
            .boot("DC02", UNSIGNED, "01T09:00:00")
            .failures(NO_CREDENTIALS);
        case.kdc(44, "DC01", time, account);
        assert_ne!(cause(&case.report()), "ticket-validation", "{account} {time}");
    }
}

#[test]
fn equal_domain_controllers_do_not_straddle() {
    let mut case = Case::new(&["DC01", "DC02"]);
    case.boot("DC01", AUGUST, "01T08:00:00").boot("DC02", AUGUST, "01T09:00:00").failures(NO_CREDENTIALS);
    refused(&mut case, "DC01");
    let report = case.report();
    assert_ne!(cause(&report), "ticket-validation");
    assert!(report.straddles.is_empty());
}

/// Of a domain controller whose build nobody knows, neither side can be said.
#[test]
fn an_unknown_domain_controller_is_on_neither_side() {
    let mut case = Case::new(&["DC01", "DC02"]);
    case.boot("DC01", AUGUST, "01T08:00:00").failures(NO_CREDENTIALS);
    refused(&mut case, "DC01");
    let report = case.report();
    assert_ne!(cause(&report), "ticket-validation");
    assert!(report.straddles.is_empty() && state(&report, "DC02", PACSIG).is_none());
    assert!(report.gaps.iter().any(|gap| gap.id == "dc-builds"), "{:?}", report.gaps);
}

/// Installed and not started: the phase is not there yet.
#[test]
fn an_update_that_waits_for_a_restart_is_not_in_force() {
    let mut case = Case::new(&["DC01"]);
    case.boot("DC01", SIGNING, "01T08:00:00").failures(NO_CREDENTIALS);
    case.file(
        "DC01-hotfixes.csv",
        "\"PSComputerName\",\"HotFixID\",\"Description\",\"InstalledOn\"\n\"DC01\",\"KB5120238\",\"Security Update\",\"9/15/2026 12:00:00 AM\"\n",
    );
    let report = case.report();
    assert_eq!(state(&report, "DC01", PACSIG), Some(State::Audit));
    let update = report.changes.iter().find(|change| change.id == "KB5120238").unwrap();
    assert_eq!((update.effective_at.as_ref(), update.strength), (None, Strength::Timing));
    assert_eq!(report.verdict.trigger, None);
}

#[test]
fn the_registry_holds_a_phase_back_until_it_is_enforced() {
    let registry = "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\Kdc]\r\n\
                    \"PacRequestorEnforcement\"=dword:00000000\r\n";
    for (revision, expected) in [(FAULTY, State::Off), (AUGUST, State::Enforced)] {
        let mut case = Case::new(&["DC01"]);
        case.boot("DC01", revision, "01T08:00:00").failures(NO_CREDENTIALS);
        fs::create_dir(case.folder.path().join("DC01")).unwrap();
        case.file("DC01/kdc.reg", registry);
        assert_eq!(state(&case.report(), "DC01", PACREQ), Some(expected), "{revision}");
    }
}

#[test]
fn an_update_that_makes_a_domain_controller_insist_is_the_trigger() {
    let mut case = Case::new(&["DC01", "DC02"]);
    case.boot("DC01", SIGNING, "01T08:00:00").boot("DC02", UNSIGNED, "01T09:00:00").failures(NO_CREDENTIALS);
    case.boot("DC01", AUGUST, "19T20:00:00");
    case.file(
        "DC01-hotfixes.csv",
        "\"PSComputerName\",\"HotFixID\",\"Description\",\"InstalledOn\"\n\"DC01\",\"KB5120238\",\"Security Update\",\"9/19/2026 12:00:00 AM\"\n",
    );
    refused(&mut case, "DC01");
    let report = case.report();
    assert_eq!(report.verdict.trigger.as_deref(), Some("KB5120238"), "{:?}", report.changes);
    let update = report.changes.iter().find(|change| change.id == "KB5120238").unwrap();
    assert!(update.hardening.as_ref().unwrap().iter().any(|id| id == PACSIG));
    assert_eq!((update.relation, update.strength), (Some(Relation::InBracket), Strength::Mechanism));
    assert!(!update.witness.is_empty());
}

/// It insisted before already: the update in the bracket changed nothing of it.
#[test]
fn an_update_that_brings_nothing_new_is_timing() {
    let mut case = Case::new(&["DC01", "DC02"]);
    case.boot("DC01", 9020, "01T08:00:00").boot("DC02", UNSIGNED, "01T09:00:00").failures(NO_CREDENTIALS);
    case.boot("DC01", AUGUST, "19T20:00:00");
    case.file(
        "DC01-hotfixes.csv",
        "\"PSComputerName\",\"HotFixID\",\"Description\",\"InstalledOn\"\n\"DC01\",\"KB5120238\",\"Security Update\",\"9/19/2026 12:00:00 AM\"\n",
    );
    refused(&mut case, "DC01");
    let report = case.report();
    assert_eq!((cause(&report), report.verdict.trigger.as_deref()), ("ticket-validation", None));
    assert!(report.changes.iter().all(|change| change.strength == Strength::Timing));
}

/// The same update on a host, which does not refuse tickets of others.
#[test]
fn an_update_of_a_host_is_a_decoy() {
    let mut case = Case::new(&["DC01", "DC02"]);
    case.boot("DC01", AUGUST, "01T08:00:00").boot("DC02", UNSIGNED, "01T09:00:00").failures(NO_CREDENTIALS);
    case.boot("HV01", SIGNING, "02T08:00:00").boot("HV01", AUGUST, "19T20:00:00");
    case.file(
        "HV01-hotfixes.csv",
        "\"PSComputerName\",\"HotFixID\",\"Description\",\"InstalledOn\"\n\"HV01\",\"KB5120238\",\"Security Update\",\"9/19/2026 12:00:00 AM\"\n",
    );
    refused(&mut case, "DC01");
    let report = case.report();
    assert_eq!((cause(&report), report.verdict.trigger.as_deref()), ("ticket-validation", None));
}

#[test]
fn a_faulty_build_needs_its_own_witness_to_be_sure() {
    let case = |witness: Option<u32>| {
        let mut case = Case::new(&["DC01"]);
        case.boot("DC01", FAULTY, "01T08:00:00").failures(NO_CREDENTIALS);
        for time in ["20T10:00:01", "20T11:00:01"] {
            if let Some(id) = witness {
                case.kdc(id, "DC01", time, "HV01$");
            }
        }
        case.report()
    };
    let report = case(Some(18));
    assert_eq!((cause(&report), level(&report).as_str()), ("kdc-regression", "confirmed"));
    assert_ne!(cause(&case(None)), "kdc-regression");
}

#[test]
fn a_mended_build_is_not_faulty() {
    let mut case = Case::new(&["DC01"]);
    case.boot("DC01", 2305, "01T08:00:00").failures(NO_CREDENTIALS);
    for time in ["20T10:00:01", "20T11:00:01"] {
        case.kdc(18, "DC01", time, "HV01$");
    }
    assert_ne!(cause(&case.report()), "kdc-regression");
}

/// The first updates of November 2022 find no key for sound accounts: that is the update's fault, not the accounts'.
#[test]
fn no_key_on_a_faulty_build_is_the_fault_of_the_build() {
    let case = |revision: Option<u32>| {
        let mut case = Case::new(&["DC01"]);
        revision.into_iter().for_each(|revision| _ = case.boot("DC01", revision, "01T08:00:00"));
        case.failures("0x80090342");
        for time in ["20T10:00:01", "20T11:00:01"] {
            case.kdc(16, "DC01", time, "HV02$");
        }
        case.report()
    };
    let of = |report: &Report| (cause(report).to_owned(), level(report));
    assert_eq!(of(&case(Some(3650))), ("kdc-regression".into(), "confirmed".into()));
    assert_eq!(of(&case(Some(AUGUST))), ("encryption-mismatch".into(), "confirmed".into()));
    assert_eq!(of(&case(None)), ("encryption-mismatch".into(), "probable".into()));
}

#[test]
fn a_build_beyond_the_knowledge_is_said_as_such() {
    let mut case = Case::new(&["DC01"]);
    case.boot("DC01", 60_000, "01T08:00:00").failures(NO_CREDENTIALS);
    let report = case.report();
    assert!(host(&report, "DC01").newer_than_knowledge && !host(&report, "HV01").newer_than_knowledge);
    assert_eq!(state(&report, "DC01", PACSIG), Some(State::Enforced));
}

/// Nothing tells what the domain controller runs, so a phase of the days in question is named, and no more.
#[test]
fn a_phase_known_by_its_day_alone_is_timing() {
    let events = |text: &str| text.replace("2026-09-", "2026-07-");
    let mut case = Case::new(&["DC01"]);
    case.failures(NO_CREDENTIALS);
    case.events = events(&case.events);
    let report = case.report();
    let phases: Vec<_> = report.changes.iter().filter(|change| change.id == "RC4-CVE-2026-20833").collect();
    assert_eq!(phases.len(), 1, "{:?}", report.changes);
    assert_eq!((phases[0].precision, phases[0].strength), (Some("day"), Strength::Timing));
    assert_eq!(phases[0].effective_at.as_deref(), Some("2026-07-14"));
    assert_eq!(report.verdict.trigger, None);
}

/// A policy that was applied in the bracket says that something changed, not what.
#[test]
fn a_policy_in_the_bracket_is_timing() {
    let mut case = Case::new(&["DC01"]);
    case.failures(NO_CREDENTIALS);
    case.event(("Microsoft-Windows-GroupPolicy", "System", 1502), "HV01", "19T08:00:00", "<EventData/>");
    let report = case.report();
    let policy = report.changes.iter().find(|change| change.id.starts_with("policy:HV01")).unwrap();
    assert_eq!((policy.relation, policy.strength), (Some(Relation::InBracket), Strength::Timing));
}
