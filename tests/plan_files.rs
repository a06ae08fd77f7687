//! The files of `--plan-dir`: they parse, they do what the plan's proof says and no more, they go back to where they came
//! from, and names from the bundle never become code.

mod directory;
mod scripts;

use std::fs;
use std::path::Path;

use kcdoctor::command::analyze::Options;
use kcdoctor::incident::Grant;
use kcdoctor::plan::{Choice, Protocol};
use kcdoctor::render::plan_files;
use kcdoctor::report::plan::PlanDocument;
use kcdoctor::report::{EditReport, PlannedPairReport, Report};

use crate::cli::{kcdoctor, path, text};
use crate::{assert_golden, bundle, report, report_with, root, without_revision};
use directory::Entries;

/// Incidents whose plan changes the directory, and whose export a test can change like a directory.
const CHANGING: &[&str] = &[
    "classic-two-nodes",
    "credssp-under-guard",
    "four-nodes-one-short",
    "kerberos-only",
    "three-faults",
    "two-faults",
    "unconstrained-after-2025",
];

fn files(report: &Report) -> Vec<(&'static str, String)> {
    plan_files(&PlanDocument::of_analysis(report))
}

fn file(report: &Report, name: &str) -> String {
    files(report).into_iter().find(|(own, _)| *own == name).unwrap().1
}

fn planned(name: &str, plan: Choice) -> Report {
    report_with(&bundle(name), &Options { plan, ..Options::default() })
}

/// The analysis of the bundle with `entries` in place of its export.
fn analyzed_with(name: &str, entries: &Entries) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join(name);
    directory::copy(&bundle(name), &copy);
    fs::write(directory::export_of(&copy), entries.written()).unwrap();
    report(&copy)
}

/// What verify.ps1 asks of a pair.
fn is_verified(entries: &Entries, pair: &PlannedPairReport) -> bool {
    let dn = &pair.object.as_ref().unwrap().dn;
    let list = entries.values(dn, "msDS-AllowedToDelegateTo");
    let bits: u32 = entries.values(dn, "userAccountControl")[0].parse().unwrap();
    pair.spns.iter().all(|spn| list.iter().any(|own| own.eq_ignore_ascii_case(spn)))
        && (!pair.protocol || bits & 0x100_0000 != 0)
}

#[test]
fn what_was_applied_is_what_the_proof_says_and_the_way_back_ends_where_it_began() {
    for name in CHANGING {
        let before = report(&bundle(name));
        let original = Entries::read(&directory::export_of(&bundle(name)));
        let mut entries = original.clone();
        for part in ["apply.ldf", "apply-after-tests.ldf"] {
            entries.load(&file(&before, part)).unwrap();
        }
        assert_ne!(entries, original, "{name}");

        let after = analyzed_with(name, &entries);
        let done: Vec<_> = before.plan.pairs.iter().filter(|pair| pair.blocked_by.is_empty()).collect();
        assert!(!done.is_empty(), "{name}");
        for pair in done {
            let now =
                after.pairs.iter().find(|own| (&own.source, &own.target) == (&pair.source, &pair.target));
            let now = now.unwrap();
            assert!(matches!(now.delegation, Grant::Granted | Grant::NotNeeded), "{name}: {now:?}");
            assert_eq!(now.missing_spns.as_deref(), Some(&[][..]), "{name}");
            // What verify.ps1 looks for is what makes the pair granted.
            assert!(is_verified(&entries, pair) && !is_verified(&original, pair), "{name}");
        }
        let left: Vec<_> = after.plan.steps.iter().flat_map(|step| &step.changes).collect();
        assert!(left.is_empty(), "{name}: {left:?}");

        for part in ["rollback-after-tests.ldf", "rollback.ldf"] {
            entries.load(&file(&before, part)).unwrap();
        }
        assert_eq!(entries, original, "{name}");
    }
}

#[test]
fn a_directory_that_has_changed_meanwhile_refuses_the_record_and_keeps_what_it_has() {
    let before = report(&bundle("kerberos-only"));
    let apply = file(&before, "apply.ldf");
    let mut entries = Entries::read(&directory::export_of(&bundle("kerberos-only")));
    entries.load(&apply).unwrap();
    let applied = entries.clone();
    // Twice: the number is no longer the old one, the values are there.
    assert!(matches!(entries.load(&apply), Err(16 | 20)));
    assert_eq!(entries, applied);
}

/// Only what is missing: a value that differs in case is there, and no file replaces anything.
#[test]
fn nothing_is_replaced_and_nothing_that_is_there_is_added() {
    for name in CHANGING {
        let report = report(&bundle(name));
        let original = Entries::read(&directory::export_of(&bundle(name)));
        for change in report.plan.steps.iter().flat_map(|step| &step.changes) {
            if let EditReport::Add { add } = &change.edit {
                let held = original.values(&change.object.dn, "msDS-AllowedToDelegateTo");
                assert!(
                    add.iter().all(|new| held.iter().all(|old| !old.eq_ignore_ascii_case(new))),
                    "{name}"
                );
            }
        }
        for (file, text) in files(&report).iter().filter(|(file, _)| file.ends_with(".ldf")) {
            assert!(text.is_ascii() && !text.contains('\r'), "{name}/{file}");
            assert!(!text.contains("replace:") && !text.contains("version:"), "{name}/{file}");
            assert!(text.lines().all(|line| !line.starts_with(' ')), "{name}/{file}: folded");
        }
    }
}

#[test]
fn the_same_bundle_gives_the_same_bytes_at_any_number_of_threads() {
    let with =
        |threads| files(&report_with(&bundle("three-faults"), &Options { threads, ..Options::default() }));
    assert_eq!(with(1), with(4));
}

#[test]
fn a_name_that_is_not_plain_is_the_same_object_there_and_back() {
    let mut entries = Entries::read(&directory::export_of(&bundle("classic-two-nodes")));
    let odd = "CN=HV01,OU=Z\u{fc}rich\\, S\u{fc}d,DC=contoso,DC=com";
    entries.rename("HV01$", odd);
    let original = entries.clone();
    let report = analyzed_with("classic-two-nodes", &entries);
    let apply = file(&report, "apply.ldf");
    assert!(apply.contains("\ndn:: ") && apply.is_ascii(), "{apply}");
    entries.load(&apply).unwrap();
    assert_eq!(entries.values(odd, "msDS-AllowedToDelegateTo").len(), 2);
    entries.load(&file(&report, "rollback.ldf")).unwrap();
    assert_eq!(entries, original);
    let script = file(&report, "apply.ps1");
    assert!(script.contains(&format!("Object = '{odd}'")), "{script}");
}

/// Whole folders, so that a change of a word is seen where people read it.
#[test]
fn the_files_are_as_before() {
    for name in ["unconstrained-after-2025", "flattened-export"] {
        for (file, text) in files(&report(&bundle(name))) {
            assert_golden(&root().join("fixtures/plans").join(name).join(file), &without_revision(&text));
        }
    }
}

#[test]
fn a_blocked_step_is_left_out_of_every_file_and_says_what_it_waits_for() {
    let report = report(&bundle("flattened-export"));
    for file_name in ["apply.ldf", "rollback.ldf"] {
        let text = file(&report, file_name);
        assert!(!text.contains("dn:"), "{text}");
        assert!(text.contains("is left out: Allow HV01 to delegate"), "{text}");
        assert!(text.contains("(blocked until delegation-attributes is there)"), "{text}");
    }
    assert!(file(&report, "apply.ps1").contains("$changes = @()\n"));
    assert!(file(&report, "apply.ps1").contains("Why = 'blocked until delegation-attributes is there'"));
    assert!(file(&report, "verify.ps1").contains("Blocked = 'delegation-attributes'"));
    let page = file(&report, "plan.md");
    assert!(page.contains("ldifde") && !page.contains("Set-ADComputer"), "{page}");
}

#[test]
fn pairs_protocol_and_storage_are_as_asked_for() {
    let steps = |report: &Report| -> Vec<(String, Option<String>)> {
        report.plan.steps.iter().map(|step| (step.kind.clone(), step.host.clone())).collect()
    };
    let one = planned(
        "classic-two-nodes",
        Choice { pairs: vec![("hv02".into(), "HV01".into())], ..Choice::default() },
    );
    assert!(steps(&one).iter().all(|(_, host)| host.as_deref() == Some("HV02")), "{:?}", steps(&one));
    assert!(one.plan.steps.iter().any(|step| step.kind == "add-delegation"));

    let kerberos = planned("classic-two-nodes", Choice { protocol: Protocol::Kerberos, ..Choice::default() });
    assert!(kerberos.plan.steps.iter().all(|step| step.kind != "set-protocol"));
    let reason = kerberos.plan.steps[0].reason.clone().unwrap();
    assert!(reason.contains("--protocol kerberos") && reason.contains("on the source itself"), "{reason}");
    let auto = report(&bundle("classic-two-nodes"));
    assert!(auto.plan.steps[0].reason.as_deref().unwrap().contains("Windows Server 20"));

    let cifs = |report: &Report| file(report, "apply.ldf").matches(": cifs/HV0").count();
    let storage = planned("classic-two-nodes", Choice { storage: true, ..Choice::default() });
    assert_eq!((cifs(&auto), cifs(&storage)), (0, 4));
    assert!(file(&auto, "apply.ldf").contains("(an offer: kcdoctor --storage puts it into the plan)"));
}

#[test]
fn the_folder_may_be_there_and_what_is_not_ours_stays() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("plan/of/mine");
    let run = |extra: &[&str]| {
        let bundle = bundle("classic-two-nodes");
        let mut arguments = vec!["analyze", path(&bundle), "--format", "summary", "--plan-dir", path(&own)];
        arguments.extend(extra);
        kcdoctor(&arguments)
    };
    assert_eq!(run(&[]).status.code(), Some(0));
    let first = fs::read_to_string(own.join("apply.ldf")).unwrap();
    fs::write(own.join("notes.txt"), "mine").unwrap();
    fs::write(own.join("apply.ldf"), "old").unwrap();
    assert_eq!(run(&[]).status.code(), Some(0));
    assert_eq!(fs::read_to_string(own.join("apply.ldf")).unwrap(), first);
    assert_eq!(fs::read_to_string(own.join("notes.txt")).unwrap(), "mine");
    assert_eq!(fs::read_dir(&own).unwrap().count(), 10);

    let output = run(&["--pair", "HV01:HV09"]);
    assert!(text(&output.stderr).contains("no host of the bundle is called HV09"));
    assert_eq!(run(&["--pair", "HV01"]).status.code(), Some(64));
}

#[test]
fn a_folder_that_cannot_be_written_is_74_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("taken");
    fs::write(&taken, "a file").unwrap();
    let output = kcdoctor(&["analyze", path(&bundle("classic-two-nodes")), "--plan-dir", path(&taken)]);
    assert_eq!(output.status.code(), Some(74));
    assert!(text(&output.stderr).contains(path(&taken)));
}

#[test]
fn an_audit_gives_the_files_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = bundle("unconstrained-after-2025");
    let arguments =
        ["audit", path(&bundle), "--on", "2026-10-14", "--plan-dir", path(folder.path()), "--quiet"];
    assert_eq!(kcdoctor(&arguments).status.code(), Some(0));
    let json = fs::read_to_string(folder.path().join("plan.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["bundle"]["name"], "unconstrained-after-2025");
    assert!(fs::read_to_string(folder.path().join("apply.ldf")).unwrap().contains("\ndn: CN=HV11,"));
}

/// What a bundle lacks, and what the steps then wait for: the export of `classic-two-nodes`, made worse.
#[test]
fn what_is_not_known_blocks_the_step() {
    let original = Entries::read(&directory::export_of(&bundle("classic-two-nodes")));
    let blocked = |report: &Report, kind: &str, host: &str| -> Vec<String> {
        let is_it =
            |step: &&kcdoctor::report::StepReport| step.kind == kind && step.host.as_deref() == Some(host);
        let step = report.plan.steps.iter().find(is_it).unwrap();
        assert!(step.changes.is_empty());
        step.blocked_by.clone()
    };
    let mut no_target = original.clone();
    no_target.remove("HV02$");
    let report = analyzed_with("classic-two-nodes", &no_target);
    assert!(blocked(&report, "add-delegation", "HV01").contains(&"directory-export".to_owned()));

    let mut no_bits = original.clone();
    no_bits.forget("userAccountControl");
    let report = analyzed_with("classic-two-nodes", &no_bits);
    assert!(blocked(&report, "set-protocol", "HV01").contains(&"delegation-attributes".to_owned()));

    let mut wrong_object = original;
    wrong_object.add("DC01$", "servicePrincipalName", "Microsoft Virtual System Migration Service/HV02");
    let report = analyzed_with("classic-two-nodes", &wrong_object);
    let own = report.plan.steps.iter().filter(|step| step.host.as_deref() == Some("HV01"));
    let given =
        own.flat_map(|step| &step.changes).filter(|change| change.attribute == "msDS-AllowedToDelegateTo");
    assert_eq!(given.count(), 0);
    let waits = |step: &kcdoctor::report::StepReport| {
        step.kind == "remove-duplicate-spn" || step.blocked_by.contains(&"duplicate-names".to_owned())
    };
    assert!(report.plan.steps.iter().any(waits));
}

/// Two Hyper-V hosts of a domain, as an export and their own settings show them.
fn two_hosts(folder: &Path, accounts: [&str; 2], names: [&str; 2], domain: &str, sid: &str) {
    let mut export = String::from("# extended LDIF\n# requesting: ALL\n\n");
    for (index, (account, name)) in accounts.into_iter().zip(names).enumerate() {
        let dc = domain.replace('.', ",DC=");
        export.push_str(&format!(
            "dn: CN={name},OU=Hyper-V,DC={dc}\nobjectClass: computer\ninstanceType: 4\nuSNChanged: 5\ncn: {name}\n\
             sAMAccountName: {account}$\ndNSHostName: {name}.{domain}\nuserAccountControl: 4096\n\
             objectSid: {sid}-110{index}\nmsDS-SupportedEncryptionTypes: 28\n\
             operatingSystem: Windows Server 2019 Datacenter\noperatingSystemVersion: 10.0 (17763)\n\
             servicePrincipalName: Microsoft Virtual System Migration Service/{account}\n\
             servicePrincipalName: Microsoft Virtual System Migration Service/{name}.{domain}\n\n"
        ));
        let settings = format!(
            "Name                                      : {name}\nComputerName                              : {name}.{domain}\n\
             FullyQualifiedDomainName                  : {domain}\nVirtualMachineMigrationEnabled            : True\n\
             VirtualMachineMigrationAuthenticationType : Kerberos\n"
        );
        fs::write(folder.join(format!("Get-VMHost-{name}-{domain}.txt")), settings).unwrap();
    }
    fs::write(folder.join(format!("{domain}.ldif")), export).unwrap();
}

fn audited(folder: &Path) -> String {
    let plan = folder.join("plan");
    let arguments = ["audit", path(folder), "--on", "2026-10-14", "--plan-dir", path(&plan), "--quiet"];
    let output = kcdoctor(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    fs::read_to_string(plan.join("apply.ldf")).unwrap()
}

/// An account's name ends after 15 characters; the short form of the service's name with it.
#[test]
fn long_names_are_as_the_target_registers_them() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["hyperv-production-01", "hyperv-production-02"];
    two_hosts(folder.path(), ["HYPERV-PRODUCTI", "HYPERV-PRODUC-2"], names, "contoso.com", "S-1-5-21-1-2-3");
    let apply = audited(folder.path());
    let added: Vec<_> =
        apply.lines().filter_map(|line| line.strip_prefix("msDS-AllowedToDelegateTo: ")).collect();
    let spn = |name: &str| format!("Microsoft Virtual System Migration Service/{name}");
    let wanted = [
        "HYPERV-PRODUC-2",
        "hyperv-production-02.contoso.com",
        "HYPERV-PRODUCTI",
        "hyperv-production-01.contoso.com",
    ];
    assert_eq!(added, wanted.map(spn), "{apply}");
}

#[test]
fn a_table_without_distinguished_names_blocks_what_needs_one() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("case");
    directory::copy(&bundle("classic-two-nodes"), &copy);
    fs::remove_file(directory::export_of(&copy)).unwrap();
    fs::write(copy.join("computers.csv"), TABLE).unwrap();
    let report = report(Path::new(&copy));
    let steps: Vec<_> = report.plan.steps.iter().filter(|step| step.kind == "add-delegation").collect();
    assert!(!steps.is_empty());
    for step in steps {
        assert!(step.blocked_by.contains(&"directory-export".to_owned()), "{step:?}");
        assert!(step.changes.is_empty());
    }
}

const TABLE: &str = "\
\"SamAccountName\",\"DNSHostName\",\"ObjectClass\",\"SID\",\"userAccountControl\",\"msDS-AllowedToDelegateTo\",\"msDS-AllowedToActOnBehalfOfOtherIdentity\",\"servicePrincipalName\"
\"HV01$\",\"HV01.contoso.com\",\"computer\",\"S-1-5-21-777934139-503427042-707073254-1104\",\"4096\",\"\",\"\",\"Microsoft Virtual System Migration Service/HV01;Microsoft Virtual System Migration Service/HV01.contoso.com\"
\"HV02$\",\"HV02.contoso.com\",\"computer\",\"S-1-5-21-777934139-503427042-707073254-1105\",\"4096\",\"\",\"\",\"Microsoft Virtual System Migration Service/HV02;Microsoft Virtual System Migration Service/HV02.contoso.com\"
";

/// Each is its own object, and delegates to the one in its domain.
#[test]
fn hosts_of_one_name_in_two_domains_are_kept_apart() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["HV01", "HV02"];
    two_hosts(folder.path(), names, names, "emea.contoso.com", "S-1-5-21-1-2-3");
    two_hosts(folder.path(), names, names, "apac.contoso.com", "S-1-5-21-4-5-6");
    let apply = audited(folder.path());
    let mut domain = "";
    let mut given = 0;
    for line in apply.lines() {
        if let Some(dn) = line.strip_prefix("dn: ") {
            domain = if dn.contains("DC=emea") { "emea" } else { "apac" };
        } else if let Some(name) = line.strip_prefix("msDS-AllowedToDelegateTo: ") {
            let full = name.contains('.');
            assert!(!full || name.contains(domain), "{name} on an object of {domain}");
            given += usize::from(full);
        }
    }
    assert_eq!(given, 4);
}

/// What serves every target of a host is not taken away for the sake of one.
#[test]
fn unconstrained_delegation_stays_while_a_move_would_be_left_without_any() {
    let folder = tempfile::tempdir().unwrap();
    let mut export = String::from("# extended LDIF\n# requesting: ALL\n\n");
    for (index, name) in ["HV01", "HV02", "HV03"].into_iter().enumerate() {
        export.push_str(&format!(
            "dn: CN={name},DC=contoso,DC=com\nobjectClass: computer\nsAMAccountName: {name}$\n\
             dNSHostName: {name}.contoso.com\nobjectSid: S-1-5-21-1-2-3-110{index}\nuserAccountControl: 528384\n\
             msDS-SupportedEncryptionTypes: 28\noperatingSystem: Windows Server 2025 Datacenter\n\
             operatingSystemVersion: 10.0 (26100)\n\
             servicePrincipalName: Microsoft Virtual System Migration Service/{name}\n\
             servicePrincipalName: Microsoft Virtual System Migration Service/{name}.contoso.com\n\n"
        ));
    }
    fs::write(folder.path().join("computers.ldif"), export).unwrap();
    let settings = ["HV01", "HV02", "HV03"]
        .map(|name| format!("Name : {name}\nVirtualMachineMigrationAuthenticationType : Kerberos\n\n"));
    fs::write(folder.path().join("Get-VMHost.txt"), settings.concat()).unwrap();
    let cleared = |pair: &[&str]| {
        let plan = tempfile::tempdir().unwrap();
        let mut arguments = vec![
            "audit",
            path(folder.path()),
            "--on",
            "2026-10-14",
            "--plan-dir",
            path(plan.path()),
            "--quiet",
        ];
        arguments.extend(pair);
        assert_eq!(kcdoctor(&arguments).status.code(), Some(0));
        let later = fs::read_to_string(plan.path().join("apply-after-tests.ldf")).unwrap();
        let page = fs::read_to_string(plan.path().join("plan.md")).unwrap();
        (later.matches("\ndn: ").count(), page.contains("without anything in its place"))
    };
    assert_eq!(cleared(&[]), (3, false));
    assert_eq!(cleared(&["--pair", "HV01:HV02"]), (0, true));
    assert_eq!(cleared(&["--pair", "HV01:HV02", "--pair", "HV01:HV03"]), (1, false));
}
