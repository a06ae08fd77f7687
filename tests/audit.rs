//! `kcdoctor audit`: what will fail before anything has, from exports alone.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::civil::{Date, date};
use kcdoctor::bundle::{Bundle, Limits};
use kcdoctor::command::analyze::Options;
use kcdoctor::command::audit::audit;
use kcdoctor::diagnose::{Basis, Level, StaleKind, State};
use kcdoctor::error::Error;
use kcdoctor::incident::Grant;
use kcdoctor::knowledge::Knowledge;
use kcdoctor::render::{PlainFormat, Style, render_audit};
use kcdoctor::report::audit::{AuditReport, AuditedPair};
use kcdoctor::scenario::events::SYSTEM;
use kcdoctor::scenario::exports::culture::{Culture, Exporter};
use kcdoctor::scenario::exports::directory::{
    ANY_PROTOCOL, Account, DISABLED, Requested, Table, UNCONSTRAINED, get_ad_computer, ldapsearch,
};
use kcdoctor::scenario::exports::host::{
    Authentication, HotFix, get_hot_fix, get_vm_host, get_vm_host_switched_off,
};
use kcdoctor::scenario::site::{Form, Log, Site, Style as SiteStyle};
use kcdoctor::scenario::{Domain, Machine, Os, moment};
use tempfile::TempDir;

use super::cli::{kcdoctor, path, text};
use super::{assert_golden, bundle, root, without_revision};

/// After every phase that the knowledge holds.
const LATE: Date = date(2026, 11, 1);

/// A folder `case` with these files.
pub(super) fn case(files: &[(&str, Vec<u8>)]) -> (TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("case");
    fs::create_dir(&folder).unwrap();
    for (name, content) in files {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
    (parent, folder)
}

pub(super) fn contoso() -> Domain {
    Domain::new("contoso.com")
}

/// `HV01`, `HV02` … of a domain.
pub(super) fn nodes<const N: usize>(domain: &Domain, os: Os) -> [Machine; N] {
    std::array::from_fn(|index| {
        Machine::new(&format!("HV{:02}", index + 1), domain, 1104 + u32::try_from(index).unwrap(), os)
    })
}

pub(super) fn ldif(accounts: &[Account]) -> Vec<u8> {
    ldapsearch(&accounts[0].machine.domain, accounts, Requested::All)
}

pub(super) fn settings(hosts: &[&Machine], authentication: Authentication) -> Vec<(String, Vec<u8>)> {
    let file = |host: &&Machine| {
        (format!("{}/Get-VMHost.txt", host.name), get_vm_host(host, authentication).into_bytes())
    };
    hosts.iter().map(file).collect()
}

fn opened(folder: &Path) -> Bundle {
    Bundle::open(&[folder.to_path_buf()], &Limits::default()).unwrap()
}

fn tried(folder: &Path, on: Date) -> Result<AuditReport, Error> {
    audit(&opened(folder), &Knowledge::load().unwrap(), &Options::default(), on, &|| ())
}

/// The audit of these accounts, on hosts that are set so.
fn of(accounts: &[Account], authentication: Authentication, on: Date) -> AuditReport {
    with_ldif(ldif(accounts), accounts, authentication, on)
}

fn with_ldif(content: Vec<u8>, accounts: &[Account], set: Authentication, on: Date) -> AuditReport {
    let machines: Vec<_> = accounts.iter().map(|account| &account.machine).collect();
    let mut files = settings(&machines, set);
    files.push(("ad/computers.ldif".into(), content));
    let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), content.clone())).collect();
    let (_parent, folder) = case(&files);
    tried(&folder, on).unwrap()
}

fn pair<'a>(report: &'a AuditReport, source: &str, target: &str) -> &'a AuditedPair {
    report.pairs.iter().find(|pair| pair.source == source && pair.target == target).unwrap()
}

fn states(report: &AuditReport) -> Vec<State> {
    report.pairs.iter().map(|pair| pair.state).collect()
}

fn causes(pair: &AuditedPair) -> Vec<&'static str> {
    pair.reasons.iter().map(|reason| reason.cause.name()).collect()
}

fn gaps(report: &AuditReport) -> Vec<&str> {
    report.gaps.iter().map(|gap| gap.id.as_str()).collect()
}

#[test]
fn what_is_missing_will_fail_and_the_plan_gives_it() {
    let [one, two, three] = nodes(&contoso(), Os::Server2019);
    let accounts = [
        Account::host(&one),
        Account::host(&two).migrating_to(&[&three]).with(ANY_PROTOCOL),
        Account::host(&three).migrating_to(&[&one, &two]),
    ];
    let report = of(&accounts, Authentication::Kerberos, LATE);
    assert_eq!(
        states(&report),
        [State::Fails, State::Fails, State::Fails, State::Ready, State::Fails, State::Fails]
    );
    assert_eq!(causes(pair(&report, "HV01", "HV02")), ["kcd-missing"]);
    assert_eq!(causes(pair(&report, "HV02", "HV01")), ["kcd-incomplete"]);
    assert_eq!(causes(pair(&report, "HV03", "HV01")), ["kcd-kerberos-only"]);
    assert_eq!((report.verdict.level, report.verdict.cause.name()), (Level::Latent, "kcd-missing"));
    let also: Vec<_> = report.also.iter().map(|other| (other.cause.name(), other.level)).collect();
    assert_eq!(also, [("kcd-kerberos-only", Level::Latent), ("kcd-incomplete", Level::Latent)]);
    let added: Vec<_> = report.plan.steps.iter().filter(|step| step.kind == "add-delegation").collect();
    let spns: Vec<_> =
        added.iter().map(|step| (step.host.as_deref().unwrap(), step.add_spns.len())).collect();
    assert_eq!(spns, [("HV01", 4), ("HV02", 2)]);
    assert!(report.plan.steps.iter().all(|step| step.blocked_by.is_empty()));
    assert!(!report.plan.proof.before.is_empty() && report.plan.proof.after.is_empty());
}

#[test]
fn unknown_is_said_as_unknown_with_what_would_tell() {
    let [one, two] = nodes(&contoso(), Os::Server2022);
    let accounts = [Account::host(&one), Account::host(&two)];
    // Without host settings nobody knows whether delegation matters.
    let (_parent, folder) = case(&[("computers.ldif", ldif(&accounts))]);
    let report = tried(&folder, LATE).unwrap();
    assert_eq!(states(&report), [State::Unknown; 2]);
    assert_eq!(causes(&report.pairs[0]), ["kcd-missing"]);
    assert_eq!(report.verdict.level, Level::Inconclusive);
    assert!(gaps(&report).contains(&"host-export"), "{:?}", gaps(&report));
    // A list that PowerShell flattened, and one that was not asked for.
    let table = Table { delimiter: ',', joined: false, exporter: Exporter::default() };
    let flattened = get_ad_computer(&accounts, table).into_bytes();
    let names = ["dNSHostName", "objectClass", "objectSid", "servicePrincipalName", "userAccountControl"];
    let partial = ldapsearch(&contoso(), &accounts, Requested::These(&names));
    for content in [flattened, partial] {
        let mut files = settings(&[&one, &two], Authentication::Kerberos);
        files.push(("ad/export".into(), content));
        let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), content.clone())).collect();
        let (_parent, folder) = case(&files);
        let report = tried(&folder, LATE).unwrap();
        assert_eq!(states(&report), [State::Unknown; 2]);
        assert!(gaps(&report).contains(&"delegation-attributes"), "{:?}", gaps(&report));
        assert_eq!(report.stale_unseen, ["HV01", "HV02"]);
        assert!(report.plan.steps.iter().all(|step| step.kind == "collect"));
    }
}

#[test]
fn credential_guard_counts_by_version_and_day() {
    let [one, two] = nodes(&contoso(), Os::Server2025);
    let accounts = [
        Account::host(&one).with(UNCONSTRAINED),
        Account::host(&two).migrating_to(&[&one]).with(UNCONSTRAINED | ANY_PROTOCOL),
    ];
    let report = of(&accounts, Authentication::Kerberos, LATE);
    let refused = pair(&report, "HV01", "HV02");
    assert_eq!((refused.state, causes(refused)), (State::Fails, vec!["unconstrained-blocked"]));
    let reason = &refused.reasons[0];
    assert_eq!(
        (reason.hardening.as_deref(), reason.basis),
        (Some("CREDGUARD-DEFAULT-WS2025"), Basis::Default)
    );
    // A complete list beside it serves.
    assert_eq!(pair(&report, "HV02", "HV01").state, State::Ready);
    let listed: Vec<_> = report
        .unconstrained
        .iter()
        .map(|own| (own.host.as_str(), own.refused, own.listed_targets.clone().unwrap()))
        .collect();
    assert_eq!(listed, [("HV01", "now", vec![]), ("HV02", "now", vec!["HV01".to_owned()])]);
    let phase = report.phases.iter().find(|phase| phase.hardening == "CREDGUARD-DEFAULT-WS2025").unwrap();
    assert_eq!(phase.fails, [("HV01".to_owned(), "HV02".to_owned())]);
    assert_golden(&root().join("fixtures/audit/unconstrained-2025.txt"), &rendered(&report));
    // Before the version came out nothing refused it, and on 2019 nothing does until an upgrade.
    let early = of(&accounts, Authentication::Kerberos, date(2024, 10, 31));
    assert_eq!(pair(&early, "HV01", "HV02").state, State::Ready);
    let [one, two] = nodes(&contoso(), Os::Server2019);
    let accounts = [Account::host(&one).with(UNCONSTRAINED), Account::host(&two).with(UNCONSTRAINED)];
    let older = of(&accounts, Authentication::Kerberos, LATE);
    assert_eq!((older.verdict.level, older.unconstrained[0].refused), (Level::Healthy, "after-upgrade"));
    assert_eq!(pair(&older, "HV01", "HV02").delegation, Grant::Unconstrained);
    assert!(pair(&older, "HV01", "HV02").remarks[0].contains("before an upgrade"));
}

fn rendered(report: &AuditReport) -> String {
    render_audit(report, PlainFormat::Table, Style::default())
}

#[test]
fn with_credssp_delegation_is_not_needed_until_credential_guard_refuses_it() {
    let [one, two] = nodes(&contoso(), Os::Server2022);
    let ready = of(&[Account::host(&one), Account::host(&two)], Authentication::CredSsp, LATE);
    assert_eq!((ready.verdict.level, states(&ready)), (Level::Healthy, vec![State::Ready; 2]));
    assert_eq!(ready.pairs[0].delegation, Grant::NotNeeded);
    let [one, two] = nodes(&contoso(), Os::Server2025);
    let report = of(&[Account::host(&one), Account::host(&two)], Authentication::CredSsp, LATE);
    assert_eq!(causes(&report.pairs[0]), ["credssp-blocked"]);
    let kinds: Vec<_> = report.plan.steps.iter().map(|step| step.kind.as_str()).collect();
    assert!(kinds.contains(&"set-migration-authentication") && kinds.contains(&"add-delegation"));
}

/// Nodes of which nothing says whether they form one cluster.
fn clustered(machine: &Machine) -> Account {
    let mut account = Account::host(machine);
    account.spns.extend(machine.spns("MSServerClusterMgmtAPI"));
    account
}

#[test]
fn two_clusters_are_not_taken_for_one() {
    let machines: [Machine; 4] = nodes(&contoso(), Os::Server2025);
    let accounts: Vec<_> = machines.iter().map(clustered).collect();
    for set in [Authentication::Kerberos, Authentication::CredSsp] {
        let open = of(&accounts, set, LATE);
        assert_eq!(states(&open), [State::Unknown; 12]);
        assert!(gaps(&open).contains(&"cluster-nodes"), "{:?}", gaps(&open));
        let hosts: Vec<_> = machines.iter().collect();
        let mut files = settings(&hosts, set);
        files.push(("ad/computers.ldif".into(), ldif(&accounts)));
        let told = "Name,Cluster,State,DrainStatus\r\nHV01,HVC01,Up,NotInitiated\r\nHV02,HVC01,Up,NotInitiated\r\nHV03,HVC02,Up,NotInitiated\r\nHV04,HVC02,Up,NotInitiated\r\n";
        files.push(("cluster-nodes.csv".into(), told.into()));
        let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), content.clone())).collect();
        let (_parent, folder) = case(&files);
        let report = tried(&folder, LATE).unwrap();
        let pairs: Vec<_> =
            report.pairs.iter().map(|pair| (&*pair.source, &*pair.target, pair.state)).collect();
        let ready = State::Ready;
        assert_eq!(
            pairs,
            [
                ("HV01", "HV02", ready),
                ("HV02", "HV01", ready),
                ("HV03", "HV04", ready),
                ("HV04", "HV03", ready)
            ]
        );
        assert!(report.pairs[0].remarks[0].contains("own identity"));
    }
}

#[test]
fn long_names_and_other_cases_are_the_same_hosts() {
    let domain = contoso();
    let one = Machine::new("01-HYPERV-PRODUCTION", &domain, 1104, Os::Server2022);
    let two = Machine::new("02-HYPERV-PRODUCTION", &domain, 1105, Os::Server2022);
    let mixed = |account: Account| Account {
        list: account.list.iter().map(|spn| spn.to_lowercase()).collect(),
        spns: account.spns.iter().map(|spn| spn.to_uppercase()).collect(),
        ..account
    };
    // The short form is the account's, which is cut to 15 characters.
    let short = |machine: &Machine| {
        format!("Microsoft Virtual System Migration Service/{}", machine.account().trim_end_matches('$'))
    };
    let grant = |own: &Machine, other: &Machine| {
        let mut account = mixed(Account::host(own).migrating_to(&[other]).with(ANY_PROTOCOL));
        account.list.push(short(other));
        account.spns.push(short(own));
        account
    };
    let report = of(&[grant(&one, &two), grant(&two, &one)], Authentication::Kerberos, LATE);
    assert_eq!((report.verdict.level, states(&report)), (Level::Healthy, vec![State::Ready; 2]));
    assert!(report.stale.is_empty(), "{:#?}", report.stale);
}

#[test]
fn a_pair_across_domains_needs_the_targets_own_word() {
    let one = Machine::new("HV01", &contoso(), 1104, Os::Server2022);
    let two = Machine::new("HV21", &Domain::new("fabrikam.com"), 1204, Os::Server2022);
    let accounts =
        [Account::host(&one).migrating_to(&[&two]).with(ANY_PROTOCOL), Account::host(&two).trusting(&[&one])];
    let exports = [ldif(&accounts[..1]), ldif(&accounts[1..])].concat();
    let report = with_ldif(exports, &accounts, Authentication::Kerberos, LATE);
    assert_eq!(pair(&report, "HV01", "HV21").delegation, Grant::Granted);
    assert_eq!(causes(pair(&report, "HV21", "HV01")), ["kcd-missing"]);
    let left = report.plan.proof.remaining.join(" ");
    assert!(left.contains("HV21 and HV01 stand in two domains"), "{left}");
}

#[test]
fn a_group_of_unknown_members_grants_nothing_and_denies_nothing() {
    let [one, two] = nodes(&contoso(), Os::Server2022);
    let mut target = Account::host(&two);
    target.allowed_to_act.push(contoso().sid(2101));
    let report = of(&[Account::host(&one), target], Authentication::Kerberos, LATE);
    assert_eq!(pair(&report, "HV01", "HV02").state, State::Unknown);
    assert_eq!(pair(&report, "HV02", "HV01").state, State::Fails);
    let orphan = report.stale.iter().find(|own| own.kind == StaleKind::OrphanSid).unwrap();
    assert!(!orphan.certain && orphan.check.contains(&contoso().sid(2101)));
}

#[test]
fn stale_entries_are_told_apart_by_what_the_export_shows() {
    let [one, two, three] = nodes(&contoso(), Os::Server2022);
    let gone = Machine::new("HV99", &contoso(), 1199, Os::Server2022);
    let mut first = Account::host(&one).migrating_to(&[&two, &three, &gone]).with(ANY_PROTOCOL);
    // HV01 was HV02 once, and still bears its name.
    first.spns.push(kcdoctor::fact::Spn::migration("hv02"));
    let accounts = [
        first,
        Account::host(&two).migrating_to(&[&one, &three]).with(ANY_PROTOCOL),
        Account::host(&three).migrating_to(&[&one, &two]).with(ANY_PROTOCOL),
    ];
    let report = of(&accounts, Authentication::Kerberos, LATE);
    let found: Vec<_> = report
        .stale
        .iter()
        .map(|own| (own.kind, own.value.rsplit_once('/').unwrap().1.to_lowercase(), own.certain))
        .collect();
    assert_eq!(
        found,
        [
            (StaleKind::Unregistered, "hv99".into(), false),
            (StaleKind::Unregistered, "hv99.contoso.com".into(), false),
            (StaleKind::Duplicate, "hv02".into(), true),
        ]
    );
    // One entry, once: it is on two objects, of which one has another name.
    assert_eq!(report.stale[2].holders.len(), 2);
    assert!(report.stale[2].foreign.len() == 1 && report.stale[2].foreign[0].starts_with("CN=HV01,"));
    // For the name that two objects bear no ticket is issued.
    assert_eq!(causes(pair(&report, "HV03", "HV02")), ["spn-duplicate"]);
    assert_eq!(pair(&report, "HV02", "HV03").state, State::Ready);
    assert!(report.stale.iter().all(|own| !own.evidence.is_empty() && !own.check.is_empty()));
    assert_golden(&root().join("fixtures/audit/stale.txt"), &rendered(&report));
    assert_golden(
        &root().join("fixtures/audit/stale.json"),
        &without_revision(&render_audit(&report, PlainFormat::Json, Style::default())),
    );
}

/// A disabled account of which nothing else speaks is a retired host, and a name of another host makes none.
#[test]
fn what_is_left_of_old_hosts_is_listed_and_has_no_pairs() {
    let [one, two] = nodes(&contoso(), Os::Server2022);
    let gone = Machine::new("OLD7", &contoso(), 1177, Os::Server2022);
    let of = |old: Account, named: bool| {
        let mut files = settings(&[&one, &two], Authentication::Kerberos);
        if named {
            files.extend(settings(&[&gone], Authentication::Kerberos));
        }
        let [first, second] = granted(&one, &two);
        files.push(("ad/computers.ldif".into(), ldif(&[first, second, old])));
        let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), content.clone())).collect();
        let (_parent, folder) = case(&files);
        tried(&folder, LATE).unwrap()
    };
    let holding =
        |name: &str| Account { spns: vec![kcdoctor::fact::Spn::migration(name)], ..Account::host(&gone) };
    for (old, kind) in [
        (holding("HV09"), StaleKind::WrongObject),
        (holding("HV09").with(DISABLED), StaleKind::WrongObject),
        (holding("OLD7").with(DISABLED), StaleKind::Retired),
    ] {
        let report = of(old, false);
        assert_eq!(states(&report), [State::Ready, State::Ready]);
        assert_eq!(report.stale.iter().map(|own| own.kind).collect::<Vec<_>>(), [kind]);
        assert!(report.plan.steps.is_empty());
    }
    // What its own settings speak of is a host that was disabled.
    let report = of(holding("OLD7").with(DISABLED), true);
    assert_eq!(causes(pair(&report, "HV01", "OLD7")), ["kcd-incomplete", "account-unusable"]);
}

#[test]
fn a_deleted_object_holds_no_name() {
    let [one, two] = nodes(&contoso(), Os::Server2022);
    let [first, second] = granted(&one, &two);
    let text = String::from_utf8(ldif(&[first, second])).unwrap();
    let own = text.find("dn: CN=HV02,").unwrap();
    let end = own + text[own..].find("\n\n").unwrap() + 2;
    let guid = "\\0ADEL:0d2ab4f8-8b9b-4e06-b8e8-000000000001";
    let place = text[own..end].lines().next().unwrap();
    let deleted =
        text[own..end].replace(place, &format!("dn: CN=HV02{guid},CN=Deleted Objects,DC=contoso,DC=com"));
    let deleted = format!("{}\nisDeleted: TRUE\n\n", deleted.trim_end());
    let both = [&text[..end], &deleted, &text[end..]].concat();
    let accounts = granted(&one, &two);
    let report = with_ldif(both.into_bytes(), &accounts, Authentication::Kerberos, LATE);
    assert_eq!(states(&report), [State::Ready, State::Ready]);
    assert!(report.stale.is_empty(), "{:?}", report.stale);
}

#[test]
fn rc4_counts_by_date_and_where_the_build_is_known_by_the_build() {
    let dc = Machine::new("DC01", &contoso(), 1001, Os::Server2019);
    let [one, two] = nodes(&contoso(), Os::Server2019);
    let accounts = [
        Account::host(&one).migrating_to(&[&two]).with(ANY_PROTOCOL),
        Account::host(&two).migrating_to(&[&one]).with(ANY_PROTOCOL),
        Account::controller(&dc),
    ];
    let bare = String::from_utf8(ldif(&accounts)).unwrap();
    let bare = bare.replace("msDS-SupportedEncryptionTypes: 28\n", "").into_bytes();
    let audited = |on: Date, revision: Option<u32>| {
        let mut files = settings(&[&one, &two], Authentication::Kerberos);
        files.push(("ad/computers.ldif".into(), bare.clone()));
        if let Some(revision) = revision {
            let mut site = Site::new("rc4", &dc, SiteStyle::default());
            site.boot(&dc, revision, moment(7, 20, 4, 0));
            let log = Log { host: &dc, channel: SYSTEM, form: Form::Xml };
            files.extend(site.export(&[log]).files);
        }
        let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), content.clone())).collect();
        let (_parent, folder) = case(&files);
        tried(&folder, on).unwrap()
    };
    let by_date = audited(LATE, None);
    let reason = &pair(&by_date, "HV01", "HV02").reasons[0];
    assert_eq!((reason.cause.name(), reason.basis), ("encryption-mismatch", Basis::Date));
    assert_eq!((reason.level, by_date.verdict.level), (Level::Inconclusive, Level::Inconclusive));
    assert!(gaps(&by_date).contains(&"ticket-encryption"));
    let hosts: Vec<_> = by_date.encryption.iter().map(|own| (own.host.as_str(), own.types)).collect();
    assert_eq!(hosts, [("HV01", None), ("HV02", None)]);
    // In the audit phase nothing is refused, and neither where no controller carries the phase.
    assert_eq!(audited(date(2026, 3, 1), None).verdict.level, Level::Healthy);
    assert_eq!(audited(LATE, Some(7000)).verdict.level, Level::Healthy);
    let by_build = audited(LATE, Some(9020));
    assert_eq!(pair(&by_build, "HV01", "HV02").reasons[0].basis, Basis::Build);
    assert_eq!(audited(LATE, Some(9020)).verdict.level, Level::Inconclusive);
}

#[test]
fn a_single_host_has_no_pair() {
    let [one] = nodes(&contoso(), Os::Server2022);
    let report = of(&[Account::host(&one)], Authentication::Kerberos, LATE);
    assert!(report.pairs.is_empty() && report.verdict.level == Level::Inconclusive);
    assert!(report.verdict.summary.contains("Only one Hyper-V host"), "{}", report.verdict.summary);
}

#[test]
fn logs_in_the_bundle_change_nothing_about_what_is_missing() {
    let report = tried(&bundle("classic-two-nodes"), LATE).unwrap();
    assert_eq!((report.verdict.cause.name(), states(&report)), ("kcd-missing", vec![State::Fails; 2]));
}

#[test]
fn the_program_says_it_by_exit_status_and_in_the_same_bytes() {
    let ad = bundle("classic-two-nodes").join("ad");
    let run = |more: &[&str]| kcdoctor(&[&["audit", path(&ad), "--on", "2026-11-01"], more].concat());
    assert_eq!(run(&["--exit-code"]).status.code(), Some(3));
    let whole = bundle("classic-two-nodes");
    assert_eq!(kcdoctor(&["audit", path(&whole), "--exit-code"]).status.code(), Some(2));
    let json = |threads: &str| run(&["--format", "json", "--threads", threads]).stdout;
    assert_eq!(json("1"), json("4"));
    let value: serde_json::Value = serde_json::from_slice(&json("1")).unwrap();
    assert_eq!((&value["schema_version"], &value["command"]), (&1.into(), &"audit".into()));
    assert_eq!((&value["on"], &value["tool"]["name"]), (&"2026-11-01".into(), &"kcdoctor".into()));
    assert_eq!(text(&run(&[]).stderr), "");
}

#[test]
fn bad_input_is_refused_with_advice() {
    let status = |arguments: &[&str]| kcdoctor(arguments).status.code();
    let whole = bundle("classic-two-nodes");
    assert_eq!(status(&["audit"]), Some(64));
    for day in ["2026-02-30", "tomorrow", "06.10.2026"] {
        assert_eq!(status(&["audit", path(&whole), "--on", day]), Some(64), "{day}");
    }
    assert_eq!(status(&["audit", "no/such/export"]), Some(66));
    assert_eq!(status(&["audit", path(&whole), path(&whole)]), Some(64));
    let log = whole.join("HV01");
    let output = kcdoctor(&["audit", path(&log)]);
    assert_eq!(output.status.code(), Some(65));
    assert!(text(&output.stderr).contains("ldifde"), "{}", text(&output.stderr));
    let bare = "Name,Enabled\r\nHV01,True\r\n";
    let (_parent, folder) = case(&[("computers.csv", bare.into())]);
    let output = kcdoctor(&["audit", path(&folder)]);
    assert_eq!(output.status.code(), Some(65), "{}", text(&output.stderr));
    // Names without a path in the directory are names still.
    let [one, two] = nodes(&contoso(), Os::Server2022);
    let table = Table::joined(Exporter::default());
    let accounts = [
        Account::host(&one).migrating_to(&[&two]).with(ANY_PROTOCOL),
        Account::host(&two).migrating_to(&[&one]).with(ANY_PROTOCOL),
    ];
    let csv = get_ad_computer(&accounts, table);
    let without = csv.replace("DistinguishedName", "Where");
    let (_parent, folder) = case(&[("computers.csv", without.into())]);
    assert_eq!(tried(&folder, LATE).unwrap().pairs.len(), 2);
}

/// The audit of these accounts, whose hosts' settings are `files`.
fn with_files(accounts: &[Account], mut files: Vec<(String, Vec<u8>)>) -> AuditReport {
    files.push(("ad/computers.ldif".into(), ldif(accounts)));
    let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), content.clone())).collect();
    let (_parent, folder) = case(&files);
    tried(&folder, LATE).unwrap()
}

/// Two hosts that may delegate to each other.
fn granted(one: &Machine, two: &Machine) -> [Account; 2] {
    [
        Account::host(one).migrating_to(&[two]).with(ANY_PROTOCOL),
        Account::host(two).migrating_to(&[one]).with(ANY_PROTOCOL),
    ]
}

fn kinds(report: &AuditReport) -> Vec<(&str, Option<&str>)> {
    report.plan.steps.iter().map(|step| (step.kind.as_str(), step.host.as_deref())).collect()
}

#[test]
fn hosts_without_a_common_encryption_type_will_fail_and_the_one_at_fault_is_mended() {
    let [one, two] = nodes(&contoso(), Os::Server2019);
    let [mut first, mut second] = granted(&one, &two);
    (first.encryption, second.encryption) = (0x4, 0x18);
    let report = of(&[first.clone(), second.clone()], Authentication::Kerberos, LATE);
    assert_eq!((report.verdict.level, report.verdict.cause.name()), (Level::Latent, "encryption-mismatch"));
    assert_eq!(states(&report), [State::Fails; 2]);
    assert!(kinds(&report).contains(&("encryption-mismatch", Some("HV01"))), "{:?}", kinds(&report));
    assert!(!kinds(&report).contains(&("encryption-mismatch", Some("HV02"))), "{:?}", kinds(&report));
    let rules =
        |hits: &[(String, Vec<(String, String)>)]| hits.iter().map(|own| own.0.clone()).collect::<Vec<_>>();
    assert_eq!(rules(&report.plan.proof.before), ["ENC-101"]);
    assert_eq!(rules(&report.plan.proof.after), [""; 0]);
    // With CredSSP the hosts can fall back to another protocol, and one type in common is enough.
    let other = of(&[first.clone(), second.clone()], Authentication::CredSsp, LATE);
    assert_eq!(states(&other), [State::Ready; 2]);
    second.encryption = 0x1C;
    assert_eq!(states(&of(&[first, second], Authentication::Kerberos, LATE)), [State::Ready; 2]);
}

#[test]
fn a_host_that_takes_no_migrations_fails_both_ways_and_is_switched_on() {
    let [one, two, three] = nodes(&contoso(), Os::Server2022);
    let grant =
        |own: &Machine, others: &[&Machine]| Account::host(own).migrating_to(others).with(ANY_PROTOCOL);
    let accounts = [grant(&one, &[&two, &three]), grant(&two, &[&one, &three]), grant(&three, &[&one, &two])];
    let mut files = settings(&[&one, &three], Authentication::Kerberos);
    files.push((
        "HV02/Get-VMHost.txt".into(),
        get_vm_host_switched_off(&two, Authentication::Kerberos).into(),
    ));
    let report = with_files(&accounts, files);
    assert_eq!((report.verdict.level, report.verdict.cause.name()), (Level::Latent, "listener-disabled"));
    let failing: Vec<_> = report.verdict.pairs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(failing, [("HV01", "HV02"), ("HV02", "HV01"), ("HV02", "HV03"), ("HV03", "HV02")]);
    assert_eq!(pair(&report, "HV01", "HV03").state, State::Ready);
    let switched: Vec<_> =
        kinds(&report).into_iter().filter(|(kind, _)| *kind == "listener-disabled").collect();
    assert_eq!(switched, [("listener-disabled", Some("HV02"))]);
    // Nothing failed yet, so nothing is told as if it had.
    assert!(!report.verdict.summary.contains("refused"), "{}", report.verdict.summary);
}

#[test]
fn a_domain_controller_on_a_faulty_build_is_foreseen_and_updated() {
    let dc = Machine::new("DC01", &contoso(), 1001, Os::Server2019);
    let [one, two] = nodes(&contoso(), Os::Server2019);
    // A list of updates says it as well as a start.
    let update = HotFix { kb: "KB5007206", description: "Security Update", installed: date(2021, 11, 22) };
    let list = get_hot_fix(&dc, &[update], Culture::American).into_bytes();
    let mut files = settings(&[&one, &two], Authentication::Kerberos);
    files.push(("DC01/hotfixes.csv".into(), list));
    let [first, second] = granted(&one, &two);
    let listed = with_files(&[first, second, Account::controller(&dc)], files);
    assert_eq!((listed.verdict.level, listed.verdict.cause.name()), (Level::Latent, "kdc-regression"));
    let audited = |revision: u32, aes_only: bool| {
        let [mut first, mut second] = granted(&one, &two);
        if aes_only {
            (first.encryption, second.encryption) = (0x18, 0x18);
        }
        let mut site = Site::new("faulty", &dc, SiteStyle::default());
        site.boot(&dc, revision, moment(7, 20, 4, 0));
        let mut files = settings(&[&one, &two], Authentication::Kerberos);
        files.extend(site.export(&[Log { host: &dc, channel: SYSTEM, form: Form::Xml }]).files);
        with_files(&[first, second, Account::controller(&dc)], files)
    };
    // The updates of 2021-11-09 and of 2022-11-08; days later each was mended.
    let delegation = audited(2300, false);
    assert_eq!(
        (delegation.verdict.level, delegation.verdict.cause.name()),
        (Level::Latent, "kdc-regression")
    );
    assert_eq!(states(&delegation), [State::Fails; 2]);
    assert!(kinds(&delegation).contains(&("install-update", Some("DC01"))), "{:?}", kinds(&delegation));
    assert_eq!(audited(2305, false).verdict.level, Level::Healthy);
    let encryption = audited(3650, true);
    assert_eq!(
        (encryption.verdict.level, encryption.verdict.cause.name()),
        (Level::Latent, "kdc-regression")
    );
    assert_eq!(audited(3650, false).verdict.level, Level::Healthy, "accounts with RC4 are spared");
}

#[test]
fn a_clock_that_was_refused_is_wrong_in_both_directions() {
    let report = tried(&bundle("clock-skew"), LATE).unwrap();
    assert_eq!(states(&report), [State::Fails; 2]);
    assert!(report.pairs.iter().all(|pair| causes(pair) == ["clock-skew"]), "{:?}", report.pairs);
}

#[test]
fn credssp_that_will_be_refused_is_not_told_as_if_it_had_been() {
    let [one, two] = nodes(&contoso(), Os::Server2025);
    let report = of(&[Account::host(&one), Account::host(&two)], Authentication::CredSsp, LATE);
    assert!(report.verdict.summary.contains("will fail"), "{}", report.verdict.summary);
    assert!(!report.verdict.summary.contains(" was "), "{}", report.verdict.summary);
}

#[test]
fn of_an_export_that_was_cut_nobody_says_that_all_is_well() {
    let [one, two] = nodes(&contoso(), Os::Server2022);
    let accounts = granted(&one, &two);
    let whole = ldif(&accounts);
    // A third host follows, of which nothing came through but its name.
    let cut = [whole.as_slice(), b"\ndn: CN=HV03,OU=Hyper-V,DC=contoso,DC=com\nobjectClass: comp"].concat();
    let report = with_ldif(cut.clone(), &accounts, Authentication::Kerberos, LATE);
    assert_eq!((states(&report), report.verdict.level), (vec![State::Ready; 2], Level::Inconclusive));
    assert!(report.verdict.summary.contains("ad/computers.ldif lost a part"), "{}", report.verdict.summary);
    assert_eq!(gaps(&report), ["directory-export"]);
    let page = rendered(&report);
    assert!(page.contains("ldif-truncated") && page.contains("INCONCLUSIVE"), "{page}");
    assert_eq!(with_ldif(whole, &accounts, Authentication::Kerberos, LATE).verdict.level, Level::Healthy);
    // A log of another kind is no export, and what could not be gathered is no damage.
    let mut files = settings(&[&one, &two], Authentication::Kerberos);
    files.push((
        "HV01/System.evt".into(),
        [&[0x30, 0, 0, 0][..], b"LfLe", &[1, 0, 0, 0, 1, 0, 0, 0]].concat(),
    ));
    let beside = with_files(&accounts, files);
    let noticed: Vec<_> =
        beside.bundle.sources.iter().flat_map(|own| &own.issues).map(|own| own.code).collect();
    assert_eq!((noticed, beside.verdict.level), (vec!["log-unsupported"], Level::Healthy));
    // What is known to fail is said, and that there may be more.
    let bare = accounts.map(|account| Account { list: Vec::new(), ..account });
    let cut =
        [ldif(&bare).as_slice(), b"\ndn: CN=HV03,OU=Hyper-V,DC=contoso,DC=com\nobjectClass: comp"].concat();
    let report = with_ldif(cut, &bare, Authentication::Kerberos, LATE);
    assert_eq!(report.verdict.level, Level::Latent);
    assert!(report.verdict.summary.contains("There may be more"), "{}", report.verdict.summary);
}

#[test]
fn what_two_exports_say_of_one_entry_is_listed_once() {
    let [one, two] = nodes(&contoso(), Os::Server2022);
    let [mut first, second] = granted(&one, &two);
    first.spns.push(kcdoctor::fact::Spn::migration("HV02"));
    let accounts = [first, second];
    let table = get_ad_computer(&accounts, Table::joined(Exporter::default())).into_bytes();
    let dn = |machine: &Machine| format!("CN={},OU=Hyper-V,DC=contoso,DC=com", machine.name);
    let tool = format!(
        "Checking domain DC=contoso,DC=com\r\nProcessing entry 0\r\n{} is registered on these accounts:\r\n\t{}\r\n\t{}\r\n\r\nfound 1 group of duplicate SPNs.\r\n",
        kcdoctor::fact::Spn::migration("HV02"),
        dn(&one),
        dn(&two)
    );
    let (_parent, folder) = case(&[
        ("ad/computers.ldif", ldif(&accounts)),
        ("ad/computers.csv", table),
        ("ad/setspn-X.txt", tool.into_bytes()),
    ]);
    let report = tried(&folder, LATE).unwrap();
    let found: Vec<_> = report.stale.iter().map(|own| (own.kind, own.holders.len())).collect();
    assert_eq!(found, [(StaleKind::Duplicate, 2)], "{:#?}", report.stale);
    let sources: std::collections::BTreeSet<_> =
        report.stale[0].evidence.iter().map(|piece| piece.source.as_str()).collect();
    assert!(sources.len() > 1 && sources.contains("ad/setspn-X.txt"), "{sources:?}");
}

/// Reports of bundled incidents: a wrong sentence would fail here.
#[test]
fn the_audits_of_bundled_incidents_are_the_golden_ones() {
    for name in ["controller-faulty", "encryption-mismatch", "listener-disabled"] {
        let report = tried(&bundle(name), LATE).unwrap();
        assert_golden(&root().join(format!("fixtures/audit/{name}.txt")), &rendered(&report));
        let json = render_audit(&report, PlainFormat::Json, Style::default());
        assert_golden(&root().join(format!("fixtures/audit/{name}.json")), &without_revision(&json));
    }
}

/// Each domain has a short name for itself; within one it stands on one account.
#[test]
fn hosts_of_one_name_in_two_domains_share_no_service_name() {
    let [emea, apac] = ["emea.contoso.com", "apac.contoso.com"].map(Domain::new);
    let of = |domain: &Domain| {
        let [one, two] = nodes(domain, Os::Server2022);
        granted(&one, &two)
    };
    let apart: Vec<Account> = of(&emea).into_iter().chain(of(&apac)).collect();
    let report = with_files(&apart, Vec::new());
    assert!(report.stale.is_empty(), "{:?}", report.stale.len());
    assert_ne!(report.verdict.cause.name(), "spn-duplicate");
    let [first, second] = of(&emea);
    let old = Machine::new("HV-OLD", &emea, 1900, Os::Server2022);
    let mut holder = Account::host(&old);
    holder.spns = first.spns.clone();
    let doubled: Vec<Account> = [first, second, holder].into_iter().chain(of(&apac)).collect();
    let report = with_files(&doubled, Vec::new());
    let hit: Vec<_> = report.verdict.pairs.iter().map(|(_, target)| target.as_str()).collect();
    assert_eq!(report.verdict.cause.name(), "spn-duplicate");
    assert!(!hit.is_empty() && hit.iter().all(|target| *target == "HV01.EMEA.CONTOSO.COM"), "{hit:?}");
}
