//! Archives of every kind, in each other, locked, damaged and made to harm.

use std::fs;
use std::io::{Cursor, Write};
use std::path::PathBuf;

use kcdoctor::bundle::{Bundle, Limits};
use kcdoctor::command::analyze::{Options, analyze};
use kcdoctor::knowledge::Knowledge;
use kcdoctor::report::Report;
use kcdoctor::scenario::bundles::all;
use zip::unstable::write::FileOptionsExt as _;
use zip::write::SimpleFileOptions;

use super::{bundle, report, without_paths};

/// Names and contents.
type Files = Vec<(String, Vec<u8>)>;

/// The bundled incident that the archives hold.
fn incident() -> Files {
    all().into_iter().find(|incident| incident.name == "classic-two-nodes").unwrap().files
}

fn one(name: &str, content: Vec<u8>) -> Files {
    vec![(name.to_owned(), content)]
}

fn zip_with(files: &Files, options: SimpleFileOptions) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(name.as_str(), options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

pub(super) fn zip_of(files: &Files) -> Vec<u8> {
    zip_with(files, SimpleFileOptions::default())
}

pub(super) fn tar_of(files: &Files) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, content.as_slice()).unwrap();
    }
    tar.into_inner().unwrap()
}

pub(super) fn gzip_of(content: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(content).unwrap();
    gzip.finish().unwrap()
}

/// All members in one block, as 7-Zip does it; `password` encrypts them.
pub(super) fn seven_of(files: &Files, password: Option<&str>) -> Vec<u8> {
    use sevenz_rust2::encoder_options::{AesEncoderOptions, Lzma2Options};
    use sevenz_rust2::{ArchiveEntry, ArchiveWriter, SourceReader};
    let mut seven = ArchiveWriter::new(Cursor::new(Vec::new())).unwrap();
    let mut methods = vec![Lzma2Options::from_level(1).into()];
    if let Some(password) = password {
        methods.insert(0, AesEncoderOptions::new(password.into()).into());
    }
    seven.set_content_methods(methods);
    let entries = files.iter().map(|(name, _)| ArchiveEntry::new_file(name)).collect();
    let readers = files.iter().map(|(_, content)| SourceReader::new(content.as_slice())).collect();
    seven.push_archive_entries(entries, readers).unwrap();
    seven.finish().unwrap().into_inner()
}

fn cabinet_of(files: &Files, method: cab::CompressionType) -> Vec<u8> {
    let mut builder = cab::CabinetBuilder::new();
    let folder = builder.add_folder(method);
    for (name, _) in files {
        folder.add_file(name.replace('/', "\\"));
    }
    let mut cabinet = builder.build(Cursor::new(Vec::new())).unwrap();
    let mut contents = files.iter();
    while let Some(mut file) = cabinet.next_file().unwrap() {
        file.write_all(&contents.next().unwrap().1).unwrap();
    }
    cabinet.finish().unwrap().into_inner()
}

/// The incident in every kind of archive, and in some that hold others.
fn wrapped() -> Vec<(&'static str, Vec<u8>)> {
    let files = incident();
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let zip = zip_of(&files);
    let tar = tar_of(&files);
    let cabinet = cabinet_of(&files, cab::CompressionType::MsZip);
    let seven = seven_of(&files, None);
    let tar_gz = gzip_of(&tar);
    let single: Files =
        files.iter().map(|(name, content)| (format!("{name}.gz"), gzip_of(content))).collect();
    vec![
        ("zip", zip.clone()),
        ("tar", tar),
        ("tar.gz", tar_gz.clone()),
        ("7z", seven.clone()),
        ("cab", cabinet.clone()),
        ("stored cab", cabinet_of(&files, cab::CompressionType::None)),
        ("zip in zip", zip_of(&one("a.zip", zip.clone()))),
        ("zip stored in zip", zip_with(&one("a.zip", zip.clone()), stored)),
        ("tar.gz in zip", zip_of(&one("b.tar.gz", tar_gz))),
        ("7z in tar.gz", gzip_of(&tar_of(&one("c.7z", seven)))),
        ("cab in 7z", seven_of(&one("d.cab", cabinet), None)),
        ("zip in cab in tar in 7z", {
            let cabinet = cabinet_of(&one("a", zip), cab::CompressionType::MsZip);
            seven_of(&one("c", tar_of(&one("b", cabinet))), None)
        }),
        ("gz of each in tar", tar_of(&single)),
    ]
}

/// A folder with `content` under a name that says nothing, and its path.
fn sent(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sent");
    fs::write(&path, content).unwrap();
    (folder, path)
}

fn report_with(content: &[u8], passwords: &[&str], limits: &Limits) -> Report {
    let (_folder, path) = sent(content);
    let passwords: Vec<_> = passwords.iter().map(|&password| password.to_owned()).collect();
    let bundle = Bundle::open_with(&[path], &passwords, limits).unwrap();
    analyze(&bundle, &Knowledge::load().unwrap(), &Options::default(), &|| ()).unwrap()
}

/// Path and code of every issue that `content` gives beside a good file.
fn issues_with(content: &[u8], passwords: &[&str], limits: &Limits) -> Vec<(String, &'static str)> {
    let ldif = incident().into_iter().find(|(name, _)| name.ends_with(".ldif")).unwrap().1;
    let both = tar_of(&vec![("good.ldif".to_owned(), ldif), ("x".to_owned(), content.to_vec())]);
    let report = report_with(&both, passwords, limits);
    let sources = report.bundle.sources.iter();
    sources.flat_map(|source| source.issues.iter().map(|issue| (source.path.clone(), issue.code))).collect()
}

fn issues(content: &[u8]) -> Vec<(String, &'static str)> {
    issues_with(content, &[], &Limits::default())
}

fn said(path: &str, code: &'static str) -> Vec<(String, &'static str)> {
    vec![(path.to_owned(), code)]
}

fn essence(report: &Report) -> Vec<serde_json::Value> {
    let report = serde_json::to_value(report).unwrap();
    ["attempts", "pairs", "verdict", "also", "onset", "changes", "hypotheses", "gaps", "plan"]
        .map(|key| without_paths(report[key].clone()))
        .to_vec()
}

#[test]
fn every_archive_gives_the_report_of_its_folder() {
    let plain = report(&bundle("classic-two-nodes"));
    for (kind, content) in wrapped() {
        let (_folder, path) = sent(&content);
        let packed = report(&path);
        assert_eq!(packed.bundle.hash, plain.bundle.hash, "{kind}");
        assert_eq!(packed.bundle.sources.len(), plain.bundle.sources.len(), "{kind}");
        let noted: Vec<_> = packed.bundle.sources.iter().flat_map(|source| &source.issues).collect();
        let expected: Vec<_> = plain.bundle.sources.iter().flat_map(|source| &source.issues).collect();
        assert_eq!(noted.len(), expected.len(), "{kind}: {noted:?}");
        assert_eq!(essence(&packed), essence(&plain), "{kind}");
    }
}

#[test]
fn paths_name_every_archive_on_the_way() {
    let (name, content) = incident().remove(0);
    let tar_gz = gzip_of(&tar_of(&one(&name, content.clone())));
    let mixed = vec![("b.tar.gz".to_owned(), tar_gz), ("c.LDIF.gz".to_owned(), gzip_of(&content))];
    let (_folder, path) = sent(&zip_of(&mixed));
    let report = report(&path);
    let paths: Vec<_> = report.bundle.sources.iter().map(|source| source.path.as_str()).collect();
    assert_eq!(paths, [&format!("sent!/b.tar.gz!/{name}"), "sent!/c.LDIF.gz!/c.LDIF"]);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    for (kind, content) in wrapped() {
        let (_folder, path) = sent(&content);
        let of = |threads| {
            let report = super::report_with(&path, &Options { threads, ..Options::default() });
            kcdoctor::render::to_json(&report)
        };
        assert_eq!(of(1), of(4), "{kind}");
    }
}

/// The tar that [`issues`] wraps around it is the first of the archives.
#[test]
fn four_deep_is_read_and_five_deep_is_one_issue() {
    let three = (0..3).fold(b"text".to_vec(), |content, _| zip_of(&one("a", content)));
    assert_eq!(issues(&three), []);
    let four = zip_of(&one("a", three));
    assert_eq!(issues(&four), said("sent!/x!/a!/a!/a", "archive-nested"));
}

#[test]
fn a_password_opens_what_it_fits_and_its_absence_is_said_once() {
    let files = incident();
    let aes = SimpleFileOptions::default().with_aes_encryption(zip::AesMode::Aes256, "case 17");
    let old = SimpleFileOptions::default().with_deprecated_encryption(b"case 17").unwrap();
    let plain = report(&bundle("classic-two-nodes"));
    for (kind, content) in [
        ("AES", zip_with(&files, aes)),
        ("ZipCrypto", zip_with(&files, old)),
        ("7z", seven_of(&files, Some("case 17"))),
    ] {
        for passwords in [vec!["case 17"], vec!["wrong", "infected", "case 17"]] {
            let opened = report_with(&content, &passwords, &Limits::default());
            assert_eq!(opened.bundle.hash, plain.bundle.hash, "{kind} {passwords:?}");
        }
        for passwords in [vec![], vec!["wrong"]] {
            let issues = issues_with(&content, &passwords, &Limits::default());
            // One in 256 wrong passwords passes the old cipher's check of a member, which is salted by chance; what
            // comes out is said to be no whole member then.
            let by_chance = kind == "ZipCrypto" && !passwords.is_empty();
            if by_chance && issues.iter().any(|(_, code)| *code == "member-encrypted") {
                continue;
            }
            assert_eq!(issues, said("sent!/x", "archive-encrypted"), "{kind} {passwords:?}");
        }
    }
}

#[test]
fn one_encrypted_member_among_others_is_one_issue() {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("open", SimpleFileOptions::default()).unwrap();
    zip.write_all(b"text").unwrap();
    let options = SimpleFileOptions::default().with_aes_encryption(zip::AesMode::Aes128, "right");
    zip.start_file("closed", options).unwrap();
    zip.write_all(b"text").unwrap();
    let content = zip.finish().unwrap().into_inner();
    for passwords in [vec![], vec!["wrong"]] {
        let issues = issues_with(&content, &passwords, &Limits::default());
        assert_eq!(issues, said("sent!/x!/closed", "member-encrypted"));
    }
    assert_eq!(issues_with(&content, &["right"], &Limits::default()), []);
}

/// What stands before the cut is read, and one issue says that the rest is lost.
#[test]
fn a_cut_archive_gives_what_stands_before_the_cut() {
    for (kind, content) in wrapped() {
        let cut = &content[..content.len() * 3 / 4];
        let (_folder, path) = sent(cut);
        let bundle = Bundle::open(&[path], &Limits::default()).unwrap();
        let analyzed = analyze(&bundle, &Knowledge::load().unwrap(), &Options::default(), &|| ());
        // The directory of a 7z stands at its end, so nothing is left of one that is cut.
        let nothing = kind.contains("7z");
        assert_eq!(analyzed.is_err(), nothing, "{kind}");
        let Ok(report) = analyzed else { continue };
        let issues: Vec<_> = report.bundle.sources.iter().flat_map(|source| &source.issues).collect();
        let damage = issues.iter().filter(|issue| issue.code == "archive-damaged").count();
        assert_eq!(damage, 1, "{kind}: {issues:#?}");
        assert!(report.bundle.sources.iter().any(|source| source.kind != "unknown"), "{kind}");
    }
}

/// Cut anywhere and with bytes turned, every archive is read to some end.
#[test]
fn damage_never_panics() {
    let mut dice = kcdoctor::scenario::Dice::new(11);
    let text = vec![("a".to_owned(), b"one and one and one".repeat(9)), ("b".to_owned(), b"two".repeat(99))];
    let archives = [
        zip_of(&text),
        tar_of(&text),
        gzip_of(&tar_of(&text)),
        seven_of(&text, None),
        seven_of(&text, Some("right")),
        cabinet_of(&text, cab::CompressionType::MsZip),
        cabinet_of(&text, cab::CompressionType::None),
    ];
    for content in &archives {
        for _ in 0..150 {
            let mut damaged = content.clone();
            for _ in 0..=dice.below(2) {
                let at = usize::try_from(dice.below(content.len() as u64)).unwrap();
                damaged[at] = u8::try_from(dice.below(256)).unwrap();
            }
            if dice.below(3) == 0 {
                damaged.truncate(usize::try_from(dice.below(content.len() as u64)).unwrap());
            }
            let (_folder, path) = sent(&damaged);
            let bundle = Bundle::open_with(&[path], &["right".to_owned()], &Limits::default()).unwrap();
            bundle.read(&|entry| entry.stream.map(|stream| stream.finish().hash), &|| ());
        }
    }
}

#[test]
fn bombs_of_every_kind_are_cut_and_the_rest_is_read() {
    let zeros = one("zeros", vec![0; 70 << 20]);
    let bombs = [
        ("zip", zip_of(&zeros), "sent!/x!/zeros"),
        ("gz", gzip_of(&zeros[0].1), "sent!/x!/x"),
        ("tar.gz", gzip_of(&tar_of(&zeros)), "sent!/x!/zeros"),
        ("7z", seven_of(&zeros, None), "sent!/x!/zeros"),
        ("cab", cabinet_of(&zeros, cab::CompressionType::MsZip), "sent!/x!/zeros"),
    ];
    for (kind, content, path) in bombs {
        assert_eq!(issues(&content), said(path, "member-too-large"), "{kind}");
    }
}

/// Each file is small; all of them are not. What is spent does not depend on the threads.
#[test]
fn many_members_have_one_budget() {
    let member = |index| (format!("{index:03}"), vec![b'x'; 50_000]);
    let zip = zip_of(&(0..200).map(member).collect());
    let limits = Limits { max_unpacked_bytes: 1 << 20, ..Limits::default() };
    let cut = issues_with(&zip, &[], &limits);
    assert!(cut.len() <= 2 && cut.iter().all(|(_, code)| *code == "member-too-large"), "{cut:?}");
    let entries = Limits { max_entries: 20, ..Limits::default() };
    assert!(issues_with(&zip, &[], &entries).contains(&("sent!/x".to_owned(), "too-many-files")));
}

#[test]
fn members_that_overlap_are_not_read() {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file("00", options).unwrap();
    zip.write_all(&[7; 9_000]).unwrap();
    for index in 1..50 {
        zip.shallow_copy_file("00", &format!("{index:02}")).unwrap();
    }
    let content = zip.finish().unwrap().into_inner();
    assert_eq!(issues(&content), said("sent!/x!/…", "member-overlaps"));
}

#[test]
fn links_and_repeated_names_are_one_issue_each() {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, kind, content) in [
        ("file", tar::EntryType::Regular, "text"),
        ("file", tar::EntryType::Regular, "other text"),
        ("hard", tar::EntryType::Link, ""),
        ("soft", tar::EntryType::Symlink, ""),
        ("device", tar::EntryType::Char, ""),
        ("folder/", tar::EntryType::Directory, ""),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        if kind != tar::EntryType::Regular {
            header.set_link_name("file").unwrap();
        }
        tar.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    let expected = [
        ("device", "member-unsupported"),
        ("file+1", "member-name-repeated"),
        ("hard", "link-not-followed"),
        ("soft", "link-not-followed"),
    ];
    let expected: Vec<_> = expected.map(|(name, code)| (format!("sent!/x!/{name}"), code)).into();
    assert_eq!(issues(&tar.into_inner().unwrap()), expected);
}

#[test]
fn a_link_in_a_7z_is_not_followed() {
    let mut seven = sevenz_rust2::ArchiveWriter::new(Cursor::new(Vec::new())).unwrap();
    let mut link = sevenz_rust2::ArchiveEntry::new_file("soft");
    (link.has_windows_attributes, link.windows_attributes) = (true, 0o120_777 << 16 | 0x8000);
    seven.push_archive_entry(link, Some(&b"file"[..])).unwrap();
    assert_eq!(issues(&seven.finish().unwrap().into_inner()), said("sent!/x!/soft", "link-not-followed"));
}

/// A stored block is the same in deflate and deflate64, of which no writer exists here.
#[test]
fn deflate64_is_read() {
    let text = b"abc";
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut content = zip_with(&one("a", [b"\x01\x03\0\xfc\xff", &text[..]].concat()), stored);
    let central = content.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    for header in [0, central + 2] {
        content[header + 8] = 9;
        content[header + 14..header + 18].copy_from_slice(&crc32fast::hash(text).to_le_bytes());
        content[header + 22] = 3;
    }
    let (_folder, path) = sent(&content);
    let bundle = Bundle::open(&[path], &Limits::default()).unwrap();
    let hashes = bundle.read(&|entry| entry.stream.unwrap().finish(), &|| ());
    assert_eq!((hashes[0].hash, hashes[0].failure.is_none()), (blake3::hash(text), true));
}

#[test]
fn what_is_not_unpacked_is_named() {
    assert_eq!(issues(b"Rar!\x1a\x07\x01\0 and more"), said("sent!/x", "archive-unsupported"));
    let zip = zip_of(&one("y", b"\x28\xb5\x2f\xfd and more".to_vec()));
    assert_eq!(issues(&zip), said("sent!/x!/y", "archive-unsupported"));
}

/// A zip in an archive is held in memory; one that is too large for that is read from its front.
#[test]
fn what_is_too_large_to_hold_is_read_forward_or_said() {
    let files = incident();
    let limits = Limits { max_held_bytes: 1 << 10, ..Limits::default() };
    assert_eq!(issues_with(&zip_of(&files), &[], &limits), []);
    let limits = Limits { max_held_bytes: 1 << 10, ..Limits::default() };
    assert_eq!(issues_with(&seven_of(&files, None), &[], &limits), said("sent!/x", "archive-too-large"));
}

/// A bomb costs itself: the members behind it are read, in an archive of single members as in one that is read forward.
#[test]
fn what_stands_behind_a_bomb_in_a_zip_is_read() {
    let mut files = one("a", vec![0; 70 << 20]);
    files.extend(incident().into_iter().filter(|(name, _)| name.ends_with(".ldif")));
    let nested = tar_of(&one("x", zip_of(&files)));
    for max_held_bytes in [1 << 10, 1 << 20] {
        let report = report_with(&nested, &[], &Limits { max_held_bytes, ..Limits::default() });
        let read = |source: &kcdoctor::report::SourceReport| {
            (source.kind, source.issues.iter().map(|issue| issue.code).collect())
        };
        let sources: Vec<(_, Vec<_>)> = report.bundle.sources.iter().map(read).collect();
        assert_eq!(sources, [("unknown", vec!["member-too-large"]), ("ldif", vec![])], "{max_held_bytes}");
    }
}

#[test]
fn archives_come_on_standard_input_with_their_password() {
    use std::process::Command;
    let files = incident();
    let aes = SimpleFileOptions::default().with_aes_encryption(zip::AesMode::Aes256, "case 17");
    for (kind, content) in [
        ("zip", zip_with(&files, aes)),
        ("7z", seven_of(&files, Some("case 17"))),
        ("tar.gz", gzip_of(&tar_of(&files))),
    ] {
        let (_folder, path) = sent(&content);
        let mut command = Command::new(env!("CARGO_BIN_EXE_kcdoctor"));
        command.args(["analyze", "-", "--format", "json", "--password", "other", "--password", "case 17"]);
        let output = command.stdin(fs::File::open(path).unwrap()).output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["verdict"]["cause"], "kcd-missing", "{kind}");
        assert_eq!(report["bundle"]["sources"][0]["path"], format!("stdin!/{}", first(&files)), "{kind}");
    }
}

/// The name that stands first in a sorted list.
fn first(files: &Files) -> &str {
    files.iter().map(|(name, _)| name.as_str()).min().unwrap()
}
