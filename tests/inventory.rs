//! `kcdoctor inventory`: what is there, what is missing, and a mail that asks for it.

use std::fs;
use std::path::{Path, PathBuf};

use kcdoctor::bundle::{Bundle, Limits};
use kcdoctor::command::analyze::Options;
use kcdoctor::command::inventory::inventory;
use kcdoctor::knowledge::Knowledge;
use kcdoctor::render::{InventoryFormat, Style, render_inventory};
use kcdoctor::report::inventory::{InventoryReport, RequestReport};
use serde_json::Value;
use tempfile::TempDir;

use super::cli::{kcdoctor, path, text};
use super::incidents::{Case, IDS};
use super::{assert_golden, bundle, root};

fn taken(path: &Path, threads: usize) -> InventoryReport {
    let bundle = Bundle::open(&[path.to_path_buf()], &Limits::default()).unwrap();
    let options = Options { threads, ..Options::default() };
    inventory(&bundle, &Knowledge::load().unwrap(), &options, &|| ()).unwrap()
}

fn of(path: &Path) -> InventoryReport {
    taken(path, 0)
}

fn rendered(report: &InventoryReport, format: InventoryFormat) -> String {
    render_inventory(report, format, Style::default())
}

/// A folder called `name` with these files.
fn folder(name: &str, files: &[(&str, Vec<u8>)]) -> (TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join(name);
    fs::create_dir(&folder).unwrap();
    for (file, content) in files {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    (parent, folder)
}

fn fixture(path: &str) -> Vec<u8> {
    fs::read(bundle("classic-two-nodes").join(path)).unwrap()
}

fn assert_goldens(name: &str, report: &InventoryReport) {
    for (format, form) in [(InventoryFormat::Table, "txt"), (InventoryFormat::Mail, "mail")] {
        let golden = root().join("fixtures/inventory").join(format!("{name}.{form}"));
        assert_golden(&golden, &rendered(report, format));
    }
}

fn asked(report: &InventoryReport) -> Vec<&str> {
    report.requests.iter().filter(|request| request.needed).map(|request| request.id.as_str()).collect()
}

fn request<'a>(report: &'a InventoryReport, id: &str) -> &'a RequestReport {
    report.requests.iter().find(|request| request.id == id).unwrap()
}

/// What every judgement needs, the most telling first.
const BASIC: [&str; 6] =
    ["hyperv-log", "directory-export", "host-export", "security-log", "system-log", "update-history"];

#[test]
fn of_nothing_everything_is_asked_for() {
    let (_parent, empty) = folder("empty", &[]);
    let report = of(&empty);
    assert!(!report.understood);
    assert_eq!(asked(&report), BASIC);
    assert_goldens("empty", &report);
}

#[test]
fn of_one_log_the_other_end_and_the_rest_are_asked_for() {
    let log = fixture("HV01/Microsoft-Windows-Hyper-V-High-Availability-Admin.evtx");
    let (_parent, one) = folder("one-log", &[("HA-Admin.evtx", log)]);
    let report = of(&one);
    assert_eq!(request(&report, "hyperv-log").hosts, ["HV02"]);
    assert_eq!(request(&report, "directory-export").hosts, ["HV01", "HV02"]);
    assert_goldens("one-log", &report);
}

#[test]
fn of_a_full_bundle_nothing_is() {
    let report = of(&bundle("classic-two-nodes"));
    assert_eq!(asked(&report), [""; 0]);
    let helpful: Vec<_> = report.requests.iter().map(|request| request.id.as_str()).collect();
    assert_eq!(helpful, ["cluster-log", "policy-export", "time-status"]);
    assert_goldens("classic-two-nodes", &report);
}

/// Files of the fixtures under the names that TSS gives them, and what it writes beside them.
#[test]
fn a_known_layout_is_named_with_what_it_lacks() {
    let html = "<html><head><title>RSOP</title></head></html>".encode_utf16();
    let html: Vec<u8> = html.flat_map(u16::to_le_bytes).collect();
    let ha = "Microsoft-Windows-Hyper-V-High-Availability-Admin";
    let name = |rest: &str| format!("TSS_HV01_261001-093000_HypHost/{rest}");
    let files = [
        (name(&format!("HV01-{ha}.evtx")), fixture(&format!("HV01/{ha}.evtx"))),
        (name(&format!("LocaleMetaData/HV01-{ha}_1033.MTA")), b"\x01\x02\x03\x04".to_vec()),
        (name("HV01_261001-093000_BuildInfo.txt"), b"Windows Server 2019\r\n".to_vec()),
        (name("HV01_261001-093000_GPresult-H.htm"), [b"\xff\xfe".to_vec(), html].concat()),
        (name("HV01_261001-093000_RegHive_System.hiv"), b"regf\x01\0\0\0".to_vec()),
        (name("support-2026-10-01.0930.00/hyper-v/HV01_Get-VMHost.txt"), fixture("HV01/Get-VMHost.txt")),
    ];
    let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), content.clone())).collect();
    let (_parent, tss) = folder("tss", &files);
    let report = of(&tss);
    let names: Vec<_> = report.layouts.iter().map(|layout| layout.name).collect();
    assert_eq!(names, ["TSS (Microsoft TroubleShootingScript)"]);
    assert!(report.layouts[0].lacks.contains("computer objects"));
    let texts = report.bundle.sources.iter().find(|source| source.path.ends_with(".MTA")).unwrap();
    assert_eq!(texts.kind, "message-texts", "not needed, and not unknown");
    assert!(report.not_understood.iter().all(|unknown| !unknown.files.contains(&texts.path)));
    assert!(asked(&report).contains(&"directory-export"));
    assert_goldens("tss", &report);
}

#[test]
fn damage_holes_and_a_lost_beginning_are_counted() {
    let mut log = fixture("DC01/Security.evtx");
    // A record's size: what Windows writes 0x2a2a0000 before.
    let records: Vec<_> = log.windows(4).enumerate().filter(|(_, bytes)| *bytes == b"\x2a\x2a\0\0").collect();
    let third = records[2].0;
    log[third + 4..third + 8].copy_from_slice(&[0xff; 4]);
    let (_parent, damaged) = folder("damaged", &[("DC01/Security.evtx", log)]);
    let report = of(&damaged);
    let own = &report.logs[0];
    assert_eq!((own.host.as_str(), own.channel.as_str()), ("DC01", "Security"));
    assert!(!own.damage.is_empty() && own.holes == 1 && own.longest_hole.is_some());
    assert_eq!(own.older_missing, own.first_record.map(|first| first - 1));
    assert_eq!(own.sources, ["DC01/Security.evtx"]);
    assert_goldens("damaged", &report);
}

#[test]
fn a_clock_that_is_off_is_told_with_its_proof() {
    let mut case = Case::new();
    for (day, id) in [("15", IDS[0]), ("16", IDS[1]), ("17", IDS[2])] {
        let sentence =
            "Virtual machine migration operation failed at migration destination 'HV02'. (0x80090324)";
        case.cluster_failure("SQL01", id, "HV01", &format!("{day}T10:00:00"), sentence);
        case.service(21026, 2, "HV02", &format!("{day}T11:00:04"), &["SQL01", id, "HV02"]);
    }
    let report = of(case.written());
    let clock = &report.clocks[0];
    assert_eq!((clock.host.as_str(), clock.ahead_seconds, clock.moves), ("HV02", 3604, 3));
    let table = rendered(&report, InventoryFormat::Table);
    let told =
        "HV02's clock runs 3,604 s ahead of the other end's, as 3 moves recorded at\n  both ends show.";
    assert!(table.contains(told), "{table}");
}

#[test]
fn files_that_are_not_understood_are_named_with_advice() {
    let files = [
        ("hotfixes.xlsx", zipped(&["[Content_Types].xml", "xl/workbook.xml", "xl/worksheets/sheet1.xml"])),
        ("empty.evtx", Vec::new()),
        ("old.evt", b"\x30\0\0\0LfLe\x01\0\0\0".to_vec()),
        ("screen.png", b"\x89PNG\r\n\x1a\n".to_vec()),
        ("Grüße \u{202e}.txt", format!("\u{1b}]0;owned\u{7}{}", "hello ".repeat(9)).into_bytes()),
    ];
    let (_parent, odd) = folder("odd", &files);
    let report = of(&odd);
    assert!(!report.understood);
    let of_file = |name: &str| {
        let known =
            report.not_understood.iter().find(|own| own.files.iter().any(|file| file.starts_with(name)));
        known.unwrap_or_else(|| panic!("{name}: {:?}", report.not_understood))
    };
    assert_eq!(of_file("hotfixes.xlsx").what, "part of an Excel workbook");
    assert_eq!(of_file("hotfixes.xlsx").files.len(), 3);
    assert_eq!(of_file("empty.evtx").advice, "send it again");
    assert!(of_file("old.evt").what.contains("Windows Server 2003"));
    assert!(of_file("old.evt").advice.contains("save it as .evtx"));
    assert!(of_file("Gr").what.starts_with("text that begins with \"]0;ownedhello"), "{:?}", of_file("Gr"));
    for format in [InventoryFormat::Table, InventoryFormat::Mail, InventoryFormat::Json] {
        let text = rendered(&report, format);
        assert!(!text.contains(|c: char| c != '\n' && c.is_control() || c == '\u{202e}'), "{text:?}");
    }
    let mail = rendered(&report, InventoryFormat::Mail);
    assert!(mail.is_ascii() && mail.contains("Save each sheet as CSV"));
    assert!(!mail.contains("- Gr"), "what nobody can mend is no matter for a mail: {mail}");
}

fn zipped(names: &[&str]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for name in names {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut zip, b"<?xml version=\"1.0\"?><x/>").unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// PowerShell 4 of Windows Server 2012 R2 has no Compress-Archive, and can't run the script.
#[test]
fn commands_are_those_of_the_customers_windows() {
    let path = bundle("classic-two-nodes");
    assert!(of(&path).pack.command.starts_with("Compress-Archive"));
    let older = |name: &str, content: Vec<u8>| {
        let text = String::from_utf8_lossy(&content).replace("Windows Server 2019", "Windows Server 2012 R2");
        (name.to_owned(), text.replace("10.0 (17763)", "6.3 (9600)").into_bytes())
    };
    let ldif = older("ad/computers.ldif", fixture("ad/computers.ldif"));
    let ha = "HV01/Microsoft-Windows-Hyper-V-High-Availability-Admin.evtx";
    let (_parent, old) = folder("old", &[(&ldif.0, ldif.1.clone()), (ha, fixture(ha))]);
    let report = of(&old);
    assert!(report.hosts.iter().any(|host| host.os.as_deref() == Some("2012R2")), "{:?}", report.hosts);
    assert!(report.pack.command.starts_with("Add-Type"));
    assert!(rendered(&report, InventoryFormat::Mail).contains("Windows Management Framework"));
}

#[test]
fn the_number_of_threads_changes_no_inventory() {
    for incident in kcdoctor::scenario::bundles::all() {
        let of = |threads| rendered(&taken(&bundle(incident.name), threads), InventoryFormat::Json);
        assert_eq!(of(1), of(8), "{}", incident.name);
    }
}

/// The gaps of an analysis are asked for, and nothing that only one command knows is lost.
#[test]
fn every_gap_of_an_analysis_is_a_request() {
    for incident in kcdoctor::scenario::bundles::all() {
        let path = bundle(incident.name);
        let report = of(&path);
        for gap in super::report(&path).gaps {
            let closes = |request: &&RequestReport| request.needed && request.gaps.contains(&gap.id);
            let request = report.requests.iter().find(closes);
            let request = request.unwrap_or_else(|| panic!("{}: {}", incident.name, gap.id));
            assert_eq!(request.collect, gap.collect);
        }
    }
}

#[test]
fn the_program_takes_stock_of_anything_and_says_so() {
    let (_parent, odd) = folder("odd", &[("notes.txt", b"hello".to_vec())]);
    let table = kcdoctor(&["inventory", path(&odd)]);
    assert_eq!((table.status.code(), text(&table.stderr)), (Some(0), ""));
    assert!(text(&table.stdout).contains("Nothing in this bundle was understood."));
    let json = kcdoctor(&["inventory", path(&odd), "--format", "json"]);
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["schema_version"], &json["command"]), (&1.into(), &"inventory".into()));
    assert_eq!((&json["tool"]["name"], &json["understood"]), (&"kcdoctor".into(), &false.into()));
    let mail = kcdoctor(&["inventory", path(&odd), "--format", "mail"]);
    assert!(text(&mail.stderr).contains("kcdoctor collect -o kcdoctor-collect.ps1"));
    assert_eq!(kcdoctor(&["inventory", "no/such/bundle"]).status.code(), Some(66));
    assert_eq!(kcdoctor(&["inventory"]).status.code(), Some(64));
}
