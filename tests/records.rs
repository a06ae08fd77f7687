//! Lists of objects, whatever their syntax: the facts of each form that the scenarios write, good, cut, in an encoding
//! that has to be guessed, and under another name; and exports that were made to harm.
//!
//! `fixtures/records/` holds the files, one folder a form, and what they give in `.facts`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kcdoctor::fact::{DirectoryObject, Known, Observation};
use kcdoctor::parse::ParsedSource;
use kcdoctor::scenario::exports::culture::{Culture, Exporter};
use kcdoctor::scenario::exports::directory::{ANY_PROTOCOL, Account, computer};
use kcdoctor::scenario::exports::encoding::Encoding;
use kcdoctor::scenario::forms::{Directory, Events, Forms, Syntax, Told, Updates};
use kcdoctor::scenario::{Domain, Machine, Os};

use super::sources::{describe, read};
use super::{assert_golden, blessing, root};

const EXPORTER: Exporter = Exporter { culture: Culture::British, ahead: 1, width: 100, limit: None };

const FORMS: Forms = Forms {
    directory: Directory::Csvde,
    hosts: Syntax::List,
    updates: Updates::Table,
    events: Events::Tss,
    encoding: Encoding::Utf8,
    exporter: EXPORTER,
};

const SYNTAXES: [(&str, Syntax); 5] = [
    ("list", Syntax::List),
    ("csv", Syntax::Csv),
    ("json-5", Syntax::Json5),
    ("json-7", Syntax::Json7),
    ("clixml", Syntax::Clixml),
];

/// A few facts of each meaning: two hosts of which one delegates, an update list, and some events.
fn told() -> Told {
    let incidents = kcdoctor::scenario::bundles::all();
    let incident = incidents.into_iter().find(|incident| incident.name == "classic-two-nodes").unwrap();
    let mut told = incident.told;
    let [one, two] = [told.accounts[1].clone(), told.accounts[2].clone()];
    let units = vec!["Hyper-V Hosts, Zürich".to_owned()];
    let first = Account { units, ..one.migrating_to(&[&two.machine]).with(ANY_PROTOCOL) };
    told.accounts = vec![first, two];
    told.settings.truncate(1);
    told.updates.truncate(1);
    told.logs.truncate(2);
    told.logs.iter_mut().for_each(|(_, records)| drop(records.drain(..records.len().saturating_sub(4))));
    told.logs.remove(0);
    told
}

/// Folder, extension and text of every form.
fn texts() -> BTreeMap<String, String> {
    let told = told();
    let mut texts = BTreeMap::new();
    let mut add = |name: String, part: &str, forms: Forms| {
        let files = told.written(forms);
        let (_, content) = files.into_iter().find(|(path, _)| path.contains(part)).unwrap();
        texts.insert(name, String::from_utf8(content).unwrap());
    };
    for (name, syntax) in SYNTAXES {
        add(format!("computer-{name}"), "computers", Forms { directory: Directory::Object(syntax), ..FORMS });
        add(format!("vm-host-{name}"), "settings", Forms { hosts: syntax, ..FORMS });
        add(format!("hot-fix-{name}"), "updates", Forms { updates: Updates::Object(syntax), ..FORMS });
        add(format!("event-{name}"), "log", Forms { events: Events::Object(syntax), ..FORMS });
    }
    add("computer-csvde".into(), "computers", FORMS);
    add("computer-joined".into(), "computers", Forms { directory: Directory::Joined, ..FORMS });
    for (name, updates) in [
        ("table", Updates::Table),
        ("wmic-csv", Updates::WmicCsv),
        ("wmic-list", Updates::WmicList),
        ("history-table", Updates::HistoryTable),
        ("history-csv", Updates::HistoryCsv),
    ] {
        add(format!("hot-fix-{name}"), "updates", Forms { updates, ..FORMS });
    }
    for (name, events) in [
        ("viewer-xml", Events::ViewerXml),
        ("viewer-csv", Events::ViewerCsv),
        ("evtxecmd", Events::EvtxEcmd),
        ("tss", Events::Tss),
    ] {
        add(format!("event-{name}"), "log", Forms { events, ..FORMS });
    }
    texts
}

/// Every fixture: path below `fixtures/records` and content.
fn fixtures() -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for (name, text) in texts() {
        let mut middle = text.len() * 6 / 10;
        while !text.is_char_boundary(middle) {
            middle += 1;
        }
        let folder = Path::new(&name);
        files.insert(folder.join("good.txt"), Encoding::Utf8Mark.encode(&text));
        files.insert(folder.join("truncated.txt"), text.as_bytes()[..middle].to_vec());
        files.insert(folder.join("utf-16-without-mark.txt"), Encoding::Utf16Bare.encode(&text));
        // A name that belongs to another format, in the code page of a console.
        files.insert(folder.join("renamed.evtx"), Encoding::Oem.encode(&text));
    }
    files
}

#[test]
fn fixtures_are_what_the_scenarios_generate_and_give_their_facts() {
    let folder = root().join("fixtures/records");
    let fixtures = fixtures();
    for (path, content) in &fixtures {
        let file = folder.join(path);
        if blessing() {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, content).unwrap();
        }
        assert_eq!(fs::read(&file).ok().as_ref(), Some(content), "{}: run KCDOCTOR_BLESS=1", file.display());
        let golden = file.with_extension(format!("{}.facts", file.extension().unwrap().display()));
        assert_golden(&golden, &describe(&read(&file)));
    }
    let found = fs::read_dir(&folder).unwrap().flat_map(|entry| fs::read_dir(entry.unwrap().path()).unwrap());
    assert_eq!(found.count(), 2 * fixtures.len(), "stray files below {}", folder.display());
}

/// What was written in UTF-8, in UTF-16 without a mark and in a code page says the same.
#[test]
fn the_encoding_changes_no_fact() {
    for name in texts().keys() {
        let facts = |file: &str| {
            let source = read(&root().join("fixtures/records").join(name).join(file));
            (source.kind, source.parsed.facts)
        };
        let good = facts("good.txt");
        // Of a flattened list nothing shows a Hyper-V host, so no object of that table is kept.
        assert!(!good.1.is_empty() || name == "computer-csv", "{name}");
        assert_eq!(facts("utf-16-without-mark.txt"), good, "{name}");
        assert_eq!(facts("renamed.evtx"), good, "{name}");
    }
}

/// What stands before a cut is what the whole file says, and never more.
#[test]
fn a_cut_file_states_nothing_else() {
    for name in texts().keys() {
        let facts = |file: &str| read(&root().join("fixtures/records").join(name).join(file)).parsed.facts;
        let (whole, cut) = (facts("good.txt"), facts("truncated.txt"));
        for fact in cut {
            let Observation::Directory(object) = &fact.observation else {
                assert!(whole.iter().any(|own| own.origin.at == fact.origin.at), "{name}: {fact:?}");
                continue;
            };
            let same = whole.iter().find_map(|own| match &own.observation {
                Observation::Directory(own) if own.dn == object.dn || object.dn.is_none() => Some(own),
                _ => None,
            });
            let known = [&object.spns, &object.allowed_to_delegate_to].map(Known::known);
            let real = same.map(|own| [&own.spns, &own.allowed_to_delegate_to].map(Known::known)).unwrap();
            for (known, real) in known.into_iter().zip(real) {
                assert!(known.is_none() || known == real, "{name}: {known:?} of {real:?}");
            }
        }
    }
}

fn source(content: &[u8]) -> ParsedSource {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.txt");
    fs::write(&path, content).unwrap();
    read(&path)
}

fn objects(source: &ParsedSource) -> Vec<&DirectoryObject> {
    let object = |fact: &'_ kcdoctor::fact::Fact| matches!(fact.observation, Observation::Directory(_));
    assert!(source.parsed.facts.iter().all(object));
    let all = source.parsed.facts.iter().filter_map(|fact| match &fact.observation {
        Observation::Directory(object) => Some(&**object),
        _ => None,
    });
    all.collect()
}

fn codes(source: &ParsedSource) -> Vec<&str> {
    source.parsed.issues.iter().map(|issue| issue.code).collect()
}

/// Wherever a console broke the lines, the values are the same.
#[test]
fn the_width_of_a_console_changes_no_value() {
    let domain = Domain::new("infra.emea.contoso.com");
    let [one, two] =
        [("HV01", 1104), ("HV02", 1105)].map(|(name, rid)| Machine::new(name, &domain, rid, Os::Server2022));
    let accounts = [Account::host(&one).migrating_to(&[&two]).storing_to(&[&two]), Account::host(&two)];
    let text = |width| {
        let objects = accounts.each_ref().map(|account| computer(account, &[]));
        Syntax::List.write(&objects, Exporter { width, ..EXPORTER })
    };
    let whole = source(text(4096).as_bytes());
    assert_eq!(objects(&whole)[0].allowed_to_delegate_to.known().map(Vec::len), Some(4));
    for width in (79..=200).step_by(1) {
        assert_eq!(objects(&source(text(width).as_bytes())), objects(&whole), "{width} columns");
    }
}

/// Passwords and keys ride along in real exports. Nothing of them is kept, whatever the syntax.
#[test]
fn secrets_are_never_kept() {
    const SECRETS: &[(&str, &str)] = &[
        ("ms-Mcs-AdmPwd", "S3cret-laps"),
        ("msLAPS-Password", "{\"n\":\"Administrator\",\"p\":\"S3cret-new-laps\"}"),
        ("unicodePwd", "S3cret-hash"),
        ("msFVE-RecoveryPassword", "S3cret-111111-222222"),
    ];
    let machine = Machine::new("HV01", &Domain::new("contoso.com"), 1104, Os::Server2022);
    for (name, syntax) in SYNTAXES {
        let text = syntax.write(&[computer(&Account::host(&machine), SECRETS)], EXPORTER);
        assert!(text.contains("S3cret-hash"));
        for cut in [text.len(), text.len() / 2] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("computers.txt"), &text.as_bytes()[..cut]).unwrap();
            let source = read(&folder.path().join("computers.txt"));
            let mut all = vec![describe(&source), format!("{source:?}")];
            if source.kind != "unknown" {
                all.push(kcdoctor::render::to_json(&super::report(folder.path())));
            }
            for said in all {
                assert!(!said.contains("S3cret"), "{name}: {said}");
            }
        }
    }
}

#[test]
fn two_documents_of_json_in_one_file_are_both_read() {
    let texts = texts();
    let both = [texts["computer-json-5"].as_str(), &texts["hot-fix-json-7"]].concat();
    let source = source(both.as_bytes());
    assert_eq!(source.parsed.coverage.records, 4, "{:?}", source.parsed.facts);
    assert_eq!(codes(&source), Vec::<&str>::new());
}

/// PowerShell 5.1 replaces what lies too deep by the name of its type.
#[test]
fn depth_that_was_cut_is_unknown() {
    let text = r#"{"Name":"HV01","SamAccountName":"HV01$","userAccountControl":4096,
        "msDS-AllowedToDelegateTo":"Microsoft.ActiveDirectory.Management.ADPropertyValueCollection",
        "servicePrincipalName":["Microsoft Virtual System Migration Service/HV01"]}"#;
    let source = source(text.as_bytes());
    assert_eq!(objects(&source)[0].allowed_to_delegate_to, Known::Unknown(kcdoctor::fact::Reason::Flattened));
    assert_eq!(codes(&source), ["csv-values-flattened"]);
}

/// However deep values lie in each other, or however long one is, the source is read and what stands before counts.
#[test]
fn hostile_json_and_clixml_are_bounded() {
    let good = r#"{"Name":"HV01","SamAccountName":"HV01$","userAccountControl":4096,
        "servicePrincipalName":["Microsoft Virtual System Migration Service/HV01"]}"#;
    let deep = format!("[{good},{}", "[".repeat(10_000));
    let nested = format!("[{good},{}1{}]", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    let unterminated = format!("[{good},{{\"Name\":\"{}", "x".repeat(50 << 20));
    for (text, code) in
        [(deep, "json-malformed"), (nested, "json-malformed"), (unterminated, "json-truncated")]
    {
        let source = source(text.as_bytes());
        assert_eq!(objects(&source).len(), 1);
        assert_eq!(codes(&source).concat(), code);
    }
    let clixml = &texts()["computer-clixml"];
    let bomb = clixml.replace("</Objs>", &"<Obj RefId=\"9\"><LST>".repeat(10_000));
    let source = source(bomb.as_bytes());
    assert_eq!(objects(&source).len(), 2);
    assert!(codes(&source).contains(&"clixml-malformed"));
}

/// Kind, objects and facts of real exports; accounts that nothing speaks of become no facts.
const SAMPLES: &[(&str, &str, u64, usize)] = &[
    ("ad/fl_delegation_truncated.txt", "computer-list", 3, 3),
    ("ad/fl_star_two_computers.txt", "computer-list", 2, 2),
    ("ad/json_ps51_adobject_shape.json", "computer-json", 1, 0),
    ("clixml/css-exchange_E15_GetADPrincipalGroupMembership.clixml", "computer-clixml", 5, 0),
    ("clixml/css-exchange_E19_GetHotFix.clixml", "hot-fix-clixml", 2, 2),
    ("clixml/css-exchange_E19_GetWinEventOldestSystem.clixml", "event-clixml", 1, 0),
    ("updates/SYNTHETIC_from_code_psSDP_HOST_Hotfixes.csv", "update-history-csv", 2, 2),
    ("updates/get-hotfix_tables_by_locale.txt", "hot-fix-table", 12, 9),
    ("updates/wmic_list_shape_crcrlf.txt", "hot-fix-list", 2, 2),
    ("host/get-vmhost_migration_fl.txt", "vm-host-list", 1, 1),
    ("events/SYNTHETIC_from_code_SDP_GetEvents_vbs.csv", "event-csv", 2, 1),
    ("events/eventviewer_save_as_csv.csv", "event-csv", 2, 0),
];

#[test]
fn real_exports_are_read() {
    let Some(folder) = std::env::var_os("KCDOCTOR_SAMPLES").map(PathBuf::from) else { return };
    let mut differing = String::new();
    for (path, kind, records, facts) in SAMPLES {
        let source = read(&folder.join(path));
        let found = (source.parsed.coverage.records, source.parsed.facts.len());
        if (source.kind, found) != (*kind, (*records, *facts)) {
            differing.push_str(&format!("{path}: {found:?} objects and facts, {}\n", describe(&source)));
        }
    }
    assert!(differing.is_empty(), "{differing}");
}
