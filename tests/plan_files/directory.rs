//! An export as a directory: it loads change records as a directory does, a record whole or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;

/// Attributes and values of an entry, in the order of the export.
type Attributes = BTreeMap<String, Vec<String>>;

/// Every entry, by distinguished name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entries {
    head: String,
    by_dn: BTreeMap<String, Attributes>,
}

/// The directory export of a bundled incident.
pub(super) fn export_of(bundle: &Path) -> PathBuf {
    let mut all: Vec<_> =
        fs::read_dir(bundle.join("ad")).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| fs::read(path).is_ok_and(|bytes| text(&bytes).contains("dn:")));
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to)
        } else {
            fs::copy(entry.path(), to).map(drop).unwrap()
        }
    }
}

fn text(bytes: &[u8]) -> String {
    match bytes {
        [0xff, 0xfe, rest @ ..] => {
            let units: Vec<u16> = rest.as_chunks().0.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
            String::from_utf16(&units).unwrap()
        }
        _ => String::from_utf8(bytes.to_vec()).unwrap_or_default(),
    }
}

/// Names and values of unfolded lines; an empty name for an empty line.
fn lines(text: &str) -> Vec<(String, String)> {
    let unfolded = text.replace("\r\n", "\n").replace("\n ", "");
    let line = |line: &str| match line.split_once(':') {
        Some((name, value)) => match value.strip_prefix(':') {
            Some(base64) => {
                let bytes = BASE64.decode(base64.trim().as_bytes()).unwrap();
                // What is no text stays as it was written.
                let value = String::from_utf8(bytes).unwrap_or_else(|_| format!(":{base64}"));
                (name.to_owned(), value)
            }
            None => (name.to_owned(), value.trim_start().to_owned()),
        },
        None => (line.to_owned(), String::new()),
    };
    unfolded.lines().filter(|line| !line.starts_with('#')).map(line).collect()
}

impl Entries {
    pub(super) fn read(path: &Path) -> Self {
        let text = text(&fs::read(path).unwrap());
        let head: String = text
            .lines()
            .filter(|line| line.starts_with("# requesting"))
            .map(|line| line.to_owned() + "\n")
            .collect();
        let mut by_dn: BTreeMap<String, Attributes> = BTreeMap::new();
        let mut dn = String::new();
        for (name, value) in lines(&text) {
            match name.as_str() {
                "dn" => dn = value,
                "" => dn.clear(),
                _ if dn.is_empty() || name == "changetype" => {}
                _ => by_dn.entry(dn.clone()).or_default().entry(name).or_default().push(value),
            }
        }
        Self { head, by_dn }
    }

    /// As an export again.
    pub(super) fn written(&self) -> String {
        let mut text = format!("# extended LDIF\n{}\n", self.head);
        for (dn, attributes) in &self.by_dn {
            text.push_str(&format!("dn:: {}\n", BASE64.encode(dn.as_bytes())));
            for (name, values) in attributes {
                for value in values {
                    // Binary values still have their colon.
                    let line = match value.strip_prefix(':') {
                        Some(base64) => format!("{name}::{base64}\n"),
                        None => format!("{name}:: {}\n", BASE64.encode(value.as_bytes())),
                    };
                    text.push_str(&line);
                }
            }
            text.push('\n');
        }
        text
    }

    pub(super) fn values(&self, dn: &str, attribute: &str) -> Vec<String> {
        self.by_dn[dn].get(attribute).cloned().unwrap_or_default()
    }

    /// Loads change records; the first that the directory refuses ends it with its LDAP result.
    pub(super) fn load(&mut self, ldif: &str) -> Result<(), u8> {
        for record in lines(ldif).split(|(name, _)| name.is_empty()).filter(|record| !record.is_empty()) {
            let [(dn, name), (change, kind), operations @ ..] = record else { panic!("{record:?}") };
            assert_eq!((dn.as_str(), change.as_str(), kind.as_str()), ("dn", "changetype", "modify"));
            let mut entry = self.by_dn.get(name).ok_or(32)?.clone();
            for operation in operations.split(|(name, _)| name == "-").filter(|lines| !lines.is_empty()) {
                let [(verb, attribute), values @ ..] = operation else { panic!("{operation:?}") };
                assert!(values.iter().all(|(name, _)| name == attribute));
                for (_, value) in values {
                    modify(&mut entry, verb, attribute, value)?;
                }
            }
            self.by_dn.insert(name.clone(), entry);
        }
        Ok(())
    }

    /// Takes the object of an account out.
    pub(super) fn remove(&mut self, account: &str) {
        self.by_dn.retain(|_, entry| !is_of(entry, account));
    }

    /// Gives the object of an account another distinguished name.
    pub(super) fn rename(&mut self, account: &str, dn: &str) {
        let old = self.by_dn.iter().find(|(_, entry)| is_of(entry, account)).unwrap().0.clone();
        let mut entry = self.by_dn.remove(&old).unwrap();
        entry.insert("distinguishedName".into(), vec![dn.into()]);
        self.by_dn.insert(dn.into(), entry);
    }

    /// As if an attribute had not been asked for.
    pub(super) fn forget(&mut self, attribute: &str) {
        self.head = "# requesting: objectClass objectSid sAMAccountName dNSHostName servicePrincipalName msDS-AllowedToDelegateTo msDS-AllowedToActOnBehalfOfOtherIdentity\n".into();
        for entry in self.by_dn.values_mut() {
            entry.remove(attribute);
            // Both stand in every full dump.
            entry.remove("uSNChanged");
        }
    }

    pub(super) fn add(&mut self, account: &str, attribute: &str, value: &str) {
        let entry = self.by_dn.values_mut().find(|entry| is_of(entry, account)).unwrap();
        entry.entry(attribute.to_owned()).or_default().push(value.to_owned());
    }
}

fn is_of(entry: &Attributes, account: &str) -> bool {
    entry.get("sAMAccountName").is_some_and(|names| names.iter().any(|name| name == account))
}

/// One value: 20 (attributeOrValueExists) or 16 (noSuchAttribute) where the directory is not as it was.
fn modify(entry: &mut Attributes, verb: &str, attribute: &str, value: &str) -> Result<(), u8> {
    let values = entry.entry(attribute.to_owned()).or_default();
    let held = values.iter().position(|own| own.eq_ignore_ascii_case(value));
    match (verb, held) {
        ("add", None) => values.push(value.to_owned()),
        ("add", Some(_)) => return Err(20),
        ("delete", Some(index)) => drop(values.remove(index)),
        ("delete", None) => return Err(16),
        _ => panic!("{verb}"),
    }
    // A list without values is absent.
    if entry.get(attribute).is_some_and(Vec::is_empty) {
        entry.remove(attribute);
    }
    Ok(())
}
