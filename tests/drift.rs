//! `kcdoctor drift`: what changed between two exports of a directory, and who is hit.

use std::path::Path;

use kcdoctor::bundle::{Bundle, Limits};
use kcdoctor::command::analyze::Options;
use kcdoctor::command::drift::drift;
use kcdoctor::diagnose::{Aspect, Attribute, Fate, Shift};
use kcdoctor::fact::Spn;
use kcdoctor::incident::Grant;
use kcdoctor::knowledge::Knowledge;
use kcdoctor::render::{PlainFormat, Style, render_drift};
use kcdoctor::report::drift::{ChangedObject, DriftReport, Outcome};
use kcdoctor::scenario::events::SECURITY;
use kcdoctor::scenario::events::security::Admin;
use kcdoctor::scenario::exports::culture::Exporter;
use kcdoctor::scenario::exports::directory::{
    ANY_PROTOCOL, Account, DISABLED, Requested, Table, UNCONSTRAINED, get_ad_computer, ldapsearch,
    migration_spns,
};
use kcdoctor::scenario::site::{Form, Log, Site, Style as SiteStyle};
use kcdoctor::scenario::{Domain, Machine, Os, moment};

use super::audit::{case, contoso, ldif, nodes};
use super::cli::{kcdoctor, path, text};
use super::{assert_golden, bundle, root, without_revision};

type Files = Vec<(String, Vec<u8>)>;

fn compared(baseline: Files, current: Files) -> DriftReport {
    let folder = |files: &Files| {
        let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), content.clone())).collect();
        case(&files)
    };
    let ((_one, baseline), (_other, current)) = (folder(&baseline), folder(&current));
    let opened = |path: &Path| Bundle::open(&[path.to_path_buf()], &Limits::default()).unwrap();
    let bundles = [&opened(&baseline), &opened(&current)];
    drift(bundles, &Knowledge::load().unwrap(), &Options::default(), &|| ()).unwrap()
}

/// The comparison of two dumps of these accounts.
fn of(baseline: &[Account], current: &[Account]) -> DriftReport {
    let file = |accounts| vec![("computers.ldif".to_owned(), ldif(accounts))];
    compared(file(baseline), file(current))
}

fn changed<'a>(report: &'a DriftReport, host: &str) -> &'a ChangedObject {
    report.changes.iter().find(|own| own.host == host).unwrap()
}

fn edits(own: &ChangedObject) -> Vec<(Attribute, &[String], &[String])> {
    own.edits.iter().map(|edit| (edit.attribute, &*edit.removed, &*edit.added)).collect()
}

/// Source, target, what it means, and the grants before and after.
type Shifted<'a> = (&'a str, &'a str, Shift, Option<Grant>, Option<Grant>);

fn shifts(report: &DriftReport) -> Vec<Shifted<'_>> {
    report
        .pairs
        .iter()
        .map(|pair| (&*pair.source, &*pair.target, pair.shift, pair.before, pair.after))
        .collect()
}

/// Two hosts that may delegate to each other.
fn granted(one: &Machine, two: &Machine) -> [Account; 2] {
    [
        Account::host(one).migrating_to(&[two]).with(ANY_PROTOCOL),
        Account::host(two).migrating_to(&[one]).with(ANY_PROTOCOL),
    ]
}

#[test]
fn what_was_taken_away_is_named_with_who_is_hit_and_since_when() {
    let dc = Machine::new("DC01", &contoso(), 1001, Os::Server2019);
    let [one, two] = nodes(&contoso(), Os::Server2019);
    let before = granted(&one, &two);
    let at = moment(9, 30, 16, 12);
    let mut first = Account { changed: at, ..before[0].clone() };
    first.list.clear();
    first.control &= !ANY_PROTOCOL;
    let mut site = Site::new("drift", &dc, SiteStyle::default());
    site.change_delegation(&before[0], &first, &Admin::new("adm-kim", &contoso(), 1500), at);
    let log = Log { host: &dc, channel: SECURITY, form: Form::Xml };
    let current = [first, before[1].clone()];
    let mut files = site.export(&[log]).files;
    files.push(("computers.ldif".into(), ldif(&current)));
    let report = compared(vec![("computers.ldif".into(), ldif(&before))], files);
    assert_eq!(report.outcome, Outcome::Lost);
    assert_eq!(shifts(&report), [("HV01", "HV02", Shift::Lost, Some(Grant::Granted), Some(Grant::Missing))]);
    assert_eq!(report.pairs[0].by, ["HV01"]);
    let own = changed(&report, "HV01");
    let spns = migration_spns(&two);
    assert_eq!(
        edits(own),
        [
            (Attribute::AllowedToDelegateTo, &spns[..], &[][..]),
            (Attribute::UserAccountControl, &["protocol transition".to_owned()][..], &[][..]),
        ]
    );
    assert_eq!(
        (own.after.as_deref(), own.by.as_deref()),
        (Some("2026-08-27T04:12:00Z"), Some("2026-09-30T16:12:00Z"))
    );
    assert_eq!(own.recorded.len(), 1, "{:?}", own.recorded);
    assert!(own.recorded[0].summary.contains("delegation taken away"), "{}", own.recorded[0].summary);
    assert!(report.untold.is_empty() && report.changes.len() == 1);
    assert_golden(&root().join("fixtures/drift/taken-away.txt"), &rendered(&report));
    let json = render_drift(&report, PlainFormat::Json, Style::default());
    assert_golden(&root().join("fixtures/drift/taken-away.json"), &without_revision(&json));
}

fn rendered(report: &DriftReport) -> String {
    render_drift(report, PlainFormat::Table, Style::default())
}

#[test]
fn every_attribute_is_compared_and_cases_are_none() {
    let [one, two] = nodes(&contoso(), Os::Server2019);
    let before = [Account::host(&one).with(UNCONSTRAINED), Account::host(&two)];
    let mut after = [Account::host(&one).with(DISABLED).trusting(&[&two]), Account::host(&two)];
    after[0].spns = after[0].spns.iter().map(|spn| spn.to_uppercase()).collect();
    after[1].spns.push(Spn::migration("HV02.old.contoso.com"));
    let strong = |accounts: &[Account]| {
        let text = String::from_utf8(ldif(accounts)).unwrap();
        text.replacen("EncryptionTypes: 28", "EncryptionTypes: 24", 1).into_bytes()
    };
    let report = compared(vec![("a.ldif".into(), ldif(&before))], vec![("b.ldif".into(), strong(&after))]);
    let bits = |name: &str| vec![name.to_owned()];
    let sid = format!("{} (HV02)", two.sid());
    assert_eq!(
        edits(changed(&report, "HV01")),
        [
            (Attribute::UserAccountControl, &bits("unconstrained delegation")[..], &bits("disabled")[..]),
            (Attribute::AllowedToAct, &[][..], &bits(&sid)[..]),
            (Attribute::EncryptionTypes, &bits("0x1C")[..], &bits("0x18")[..]),
        ]
    );
    let old = Spn::migration("HV02.old.contoso.com");
    assert_eq!(edits(changed(&report, "HV02")), [(Attribute::ServicePrincipalName, &[][..], &[old][..])]);
    // HV02 may now delegate to HV01, and HV01 is disabled; HV01 lost its trust for any service as well.
    assert_eq!(
        shifts(&report),
        [
            ("HV01", "HV02", Shift::Lost, Some(Grant::Unconstrained), Some(Grant::Missing)),
            ("HV02", "HV01", Shift::Lost, Some(Grant::Missing), Some(Grant::Granted)),
        ]
    );
    let aspects: Vec<_> = report.pairs.iter().map(|pair| pair.aspects.clone()).collect();
    assert_eq!(aspects, [vec![Aspect::Delegation, Aspect::Account], vec![Aspect::Account]]);
}

#[test]
fn a_disabled_account_hits_every_pair_of_its_host() {
    let [one, two] = nodes(&contoso(), Os::Server2019);
    let before = granted(&one, &two);
    let [first, second] = before.clone();
    let report = of(&before, &[first.with(DISABLED), second]);
    assert_eq!(report.outcome, Outcome::Lost);
    let hit: Vec<_> = report.pairs.iter().map(|pair| (&*pair.source, pair.shift, &*pair.aspects)).collect();
    let lost = (Shift::Lost, &[Aspect::Account][..]);
    assert_eq!(hit, [("HV01", lost.0, lost.1), ("HV02", lost.0, lost.1)]);
    assert!(report.summary.contains("2 pairs have less than before"), "{}", report.summary);
    // And the other way round it is a gain.
    let [first, second] = before.clone();
    let enabled = of(&[first.with(DISABLED), second], &before);
    assert!(enabled.pairs.iter().all(|pair| pair.shift == Shift::Gained), "{:?}", enabled.pairs);
}

#[test]
fn encryption_types_that_go_hit_the_pairs_that_need_them() {
    let [one, two] = nodes(&contoso(), Os::Server2019);
    let accounts = |first: u32, second: u32| {
        let [one, two] = granted(&one, &two);
        [Account { encryption: first, ..one }, Account { encryption: second, ..two }]
    };
    let hit = |before: [Account; 2], after: [Account; 2]| {
        let report = of(&before, &after);
        let hit: Vec<_> = report.pairs.iter().map(|pair| (pair.shift, pair.aspects.clone())).collect();
        hit
    };
    let of_encryption = |shift| vec![(shift, vec![Aspect::Encryption]); 2];
    // AES goes: with a partner of AES alone nothing is left, with any other it is RC4.
    assert_eq!(hit(accounts(0x1C, 0x18), accounts(0x4, 0x18)), of_encryption(Shift::Lost));
    assert_eq!(hit(accounts(0x1C, 0x1C), accounts(0x4, 0x1C)), of_encryption(Shift::Lost));
    assert_eq!(hit(accounts(0x4, 0x1C), accounts(0x18, 0x1C)), of_encryption(Shift::Gained));
    // RC4 that goes where AES stays takes nothing that matters.
    assert_eq!(hit(accounts(0x1C, 0x1C), accounts(0x18, 0x1C)), []);
}

#[test]
fn what_stood_behind_a_cut_is_not_said_to_be_left_out() {
    let [one, two] = nodes(&contoso(), Os::Server2019);
    let accounts = granted(&one, &two);
    let whole = String::from_utf8(ldif(&accounts)).unwrap();
    let at = whole.rfind("sAMAccountName: HV02").unwrap() + "sAMAccountName: HV02$\nsA".len();
    let report = compared(
        vec![("a.ldif".into(), whole.clone().into_bytes())],
        vec![("b.ldif".into(), whole.as_bytes()[..at].to_vec())],
    );
    assert!(!report.untold.is_empty());
    for own in &report.untold {
        assert!(own.current.is_some_and(|why| why.contains("cut")), "{own:?}");
    }
    let page = rendered(&report);
    assert!(page.contains("ldif-truncated") && !page.contains("did not ask"), "{page}");
}

/// Reports of bundled incidents: a wrong sentence would fail here.
#[test]
fn the_drifts_of_bundled_incidents_are_the_golden_ones() {
    let opened = |name: &str| Bundle::open(&[bundle(name).join("ad")], &Limits::default()).unwrap();
    for (name, baseline, current) in [
        ("account-disabled", "clock-skew", "account-disabled"),
        ("encryption-mismatch", "memory-short", "encryption-mismatch"),
    ] {
        let bundles = [&opened(baseline), &opened(current)];
        let report = drift(bundles, &Knowledge::load().unwrap(), &Options::default(), &|| ()).unwrap();
        assert_golden(&root().join(format!("fixtures/drift/{name}.txt")), &rendered(&report));
        let json = render_drift(&report, PlainFormat::Json, Style::default());
        assert_golden(&root().join(format!("fixtures/drift/{name}.json")), &without_revision(&json));
    }
}

#[test]
fn what_drift_takes_is_used_or_refused() {
    let (one, other) = (bundle("classic-two-nodes"), bundle("clock-skew"));
    let rules = root().join("docs/example-rules");
    let refused = kcdoctor(&["drift", path(&one), path(&other), "--rules", path(&rules)]);
    assert_eq!(refused.status.code(), Some(64));
    assert!(text(&refused.stderr).contains("leave --rules out"), "{}", text(&refused.stderr));
    let help = kcdoctor(&["drift", "--help"]);
    let help = text(&help.stdout);
    assert!(help.contains("<BASELINE> <CURRENT>\n") && !help.contains("<CURRENT>..."), "{help}");
    assert!(!help.contains("--rules"), "{help}");
}

#[test]
fn what_one_export_does_not_state_is_no_change() {
    let [one, two] = nodes(&contoso(), Os::Server2019);
    let accounts = granted(&one, &two);
    let names = ["dNSHostName", "objectClass", "objectSid", "servicePrincipalName", "sAMAccountName"];
    let partial = ldapsearch(&contoso(), &accounts, Requested::These(&names));
    let table = Table { delimiter: ',', joined: false, exporter: Exporter::default() };
    let flattened = get_ad_computer(&accounts, table).into_bytes();
    for lesser in [partial, flattened] {
        let whole = || vec![("computers.ldif".into(), ldif(&accounts))];
        let part = || vec![("export".into(), lesser.clone())];
        for report in [compared(whole(), part()), compared(part(), whole())] {
            assert_eq!(report.outcome, Outcome::CannotTell, "{}", report.summary);
            assert!(report.changes.is_empty(), "{:?}", report.changes);
            let told = |attribute| report.untold.iter().any(|own| own.attribute == attribute);
            assert!(told(Attribute::AllowedToDelegateTo), "{:?}", report.untold);
            assert!(report.pairs.iter().all(|pair| pair.shift == Shift::Unknown), "{:?}", report.pairs);
        }
    }
}

#[test]
fn an_object_made_anew_loses_what_named_the_old_one() {
    let [one, two] = nodes(&contoso(), Os::Server2022);
    let before = [Account::host(&one), Account::host(&two).trusting(&[&one])];
    let anew = Machine { rid: 1901, ..one.clone() };
    let after = [Account::host(&anew), Account::host(&two).trusting(&[&one])];
    let report = of(&before, &after);
    let own = changed(&report, "HV01");
    assert_eq!(own.fate, Fate::ReCreated);
    assert_eq!(edits(own), [(Attribute::Sid, &[one.sid()][..], &[anew.sid()][..])]);
    assert!(own.meaning.is_some_and(|meaning| meaning.contains("old SID")));
    assert_eq!(report.changes.len(), 1, "the list of HV02 is as it was");
    let lost: Vec<_> = report.pairs.iter().map(|pair| (&*pair.source, &*pair.target, pair.shift)).collect();
    assert_eq!(lost, [("HV01", "HV02", Shift::Lost)]);
    assert_eq!(report.outcome, Outcome::Lost);
}

#[test]
fn a_renamed_object_is_the_same_object() {
    let [one, two] = nodes(&contoso(), Os::Server2022);
    let renamed = Machine { name: "HV51".into(), ..one.clone() };
    let before = granted(&one, &two);
    let after = [granted(&renamed, &two)[0].clone(), before[1].clone()];
    let report = of(&before, &after);
    let own = changed(&report, "HV51");
    assert_eq!((own.fate, own.was.as_deref()), (Fate::Renamed, Some("HV01")));
    let kinds: Vec<_> = own.edits.iter().map(|edit| edit.attribute).collect();
    assert_eq!(kinds, [Attribute::ServicePrincipalName, Attribute::DnsHostName]);
    // HV02's list still bears the old name.
    assert_eq!(shifts(&report), [("HV02", "HV51", Shift::Lost, Some(Grant::Granted), Some(Grant::Missing))]);
}

#[test]
fn an_object_without_its_service_is_found_and_one_that_is_not_there_is_not_judged() {
    let [one, two, three] = nodes(&contoso(), Os::Server2022);
    let before = [granted(&one, &two).to_vec(), vec![Account::host(&three)]].concat();
    let mut bare = before[1].clone();
    bare.spns.retain(|spn| Spn::migration_host(spn).is_none());
    let report = of(&before, &[before[0].clone(), bare]);
    let own = changed(&report, "HV02");
    assert_eq!(own.edits[0].attribute, Attribute::ServicePrincipalName);
    assert_eq!(own.edits[0].removed.len(), 2);
    let lost = report.pairs.iter().find(|pair| pair.source == "HV01" && pair.target == "HV02").unwrap();
    assert_eq!((lost.shift, lost.after), (Shift::Lost, None));
    assert!(report.changes.iter().all(|own| own.host != "HV03"));
    let untold: Vec<_> = report.untold.iter().map(|own| (&*own.host, own.attribute)).collect();
    assert_eq!(untold, [("HV03", Attribute::Object)]);
    // A dump of the whole domain, in which its groups are, shows that it is gone.
    let group = format!(
        "dn: CN=Domain Computers,CN=Users,DC=contoso,DC=com\nobjectClass: group\nobjectSid: {}\n\n",
        contoso().sid(515)
    );
    let whole = |accounts: &[Account]| [ldif(accounts), group.clone().into_bytes()].concat();
    let file = |content| vec![("computers.ldif".to_owned(), content)];
    let report = compared(file(ldif(&before)), file(whole(&before[..2])));
    assert_eq!(changed(&report, "HV03").fate, Fate::Removed);
    assert!(report.untold.is_empty(), "{:?}", report.untold);
}

#[test]
fn long_names_domains_and_files_of_other_forms_are_matched() {
    let far = Domain::new("fabrikam.com");
    let one = Machine::new("01-HYPERV-PRODUCTION", &contoso(), 1104, Os::Server2022);
    let two = Machine::new("02-HYPERV-PRODUCTION", &far, 1105, Os::Server2022);
    let accounts = [Account::host(&one), Account::host(&two).trusting(&[&one])];
    let both = [ldif(&accounts[..1]), ldif(&accounts[1..])].concat();
    let joined = get_ad_computer(&accounts, Table::joined(Exporter::default()));
    let report = compared(
        vec![("a.ldif".into(), both.clone())],
        vec![("one.ldif".into(), ldif(&accounts[..1])), ("two.ldif".into(), ldif(&accounts[1..]))],
    );
    assert_eq!((report.outcome, report.compared), (Outcome::Unchanged, 2));
    // The table lists no trustees, which a table can show as an empty cell only.
    let other = compared(vec![("a.ldif".into(), both)], vec![("b.csv".into(), joined.into_bytes())]);
    assert!(other.changes.iter().all(|own| own.fate == Fate::Kept), "{:?}", other.changes);
}

#[test]
fn the_program_refuses_what_it_cannot_compare() {
    let status = |arguments: &[&str]| kcdoctor(arguments).status.code();
    let one = bundle("classic-two-nodes");
    let other = bundle("kerberos-only");
    assert_eq!(status(&["drift", path(&one)]), Some(64));
    assert_eq!(status(&["drift", path(&one), path(&other), path(&one)]), Some(64));
    assert_eq!(status(&["drift", path(&one), path(&one)]), Some(64));
    assert_eq!(status(&["drift", path(&one), "-"]), Some(64));
    assert_eq!(status(&["drift", path(&one), "no/such/export"]), Some(66));
    assert_eq!(status(&["drift", path(&one), path(&one.join("HV01"))]), Some(65));
    let [first, second] = nodes(&contoso(), Os::Server2022);
    let accounts = granted(&first, &second);
    let (_a, older) = case(&[("computers.ldif", ldif(&accounts))]);
    let (_b, newer) = case(&[("computers.ldif", ldif(&accounts))]);
    let output = kcdoctor(&["drift", path(&older), path(&newer), "--exit-code"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains("same bytes"), "{}", text(&output.stderr));
    // Named the wrong way round.
    let later = accounts.map(|account| Account { changed: moment(10, 1, 1, 0), list: Vec::new(), ..account });
    let (_c, later) = case(&[("computers.ldif", ldif(&later))]);
    let output = kcdoctor(&["drift", path(&later), path(&older), "--exit-code"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("name the older one first"), "{}", text(&output.stderr));
    let json = |threads| {
        kcdoctor(&["drift", path(&older), path(&later), "--format", "json", "--threads", threads]).stdout
    };
    assert_eq!(json("1"), json("4"));
    assert_eq!(kcdoctor(&["drift", path(&older), path(&later), "--exit-code"]).status.code(), Some(1));
}
