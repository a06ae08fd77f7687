//! Updates and the builds they bring: `knowledge/builds.csv`.

use std::collections::HashMap;

use serde::Deserialize;

use super::{Standing, fault};
use crate::error::Error;

/// One update for one version of Windows Server.
#[derive(Debug, Clone, Deserialize)]
pub struct Release {
    /// `KB` and digits.
    pub kb: String,
    /// `2019`, as the tables name it.
    pub os: String,
    /// `17763.3650`; empty where not known.
    pub build: String,
    /// The day of publication, `YYYY-MM-DD`.
    pub date: String,
    /// Such as `security` or `preview`.
    pub kind: String,
    /// How well this is known.
    pub standing: Standing,
}

/// Every update known.
#[derive(Debug)]
pub struct Builds {
    by_kb: HashMap<String, Vec<Release>>,
    newest: String,
}

/// Build numbers of the versions that kcdoctor tells apart.
const VERSIONS: &[(u32, &str)] = &[
    (9200, "2012"),
    (9600, "2012R2"),
    (14393, "2016"),
    (17763, "2019"),
    (20348, "2022"),
    (25398, "23H2"),
    (26100, "2025"),
];

impl Builds {
    pub(super) fn load(text: &str) -> Result<Self, Error> {
        let mut builds = Self { by_kb: HashMap::new(), newest: String::new() };
        for row in csv::Reader::from_reader(text.as_bytes()).deserialize() {
            let release: Release = row.map_err(|error| fault("builds.csv", error))?;
            builds.newest = builds.newest.max(release.date.clone());
            builds.by_kb.entry(release.kb.clone()).or_default().push(release);
        }
        Ok(builds)
    }

    /// The revision (`3650` of `17763.3650`) that `kb` brings to `build`'s version.
    #[must_use]
    pub fn revision(&self, kb: &str, build: u32) -> Option<u32> {
        let matching = |release: &Release| {
            let (major, revision) = release.build.split_once('.')?;
            (major.parse() == Ok(build)).then(|| revision.parse().ok())?
        };
        self.by_kb.get(kb)?.iter().find_map(matching)
    }

    /// The versions that `kb` is for, in the table's order.
    #[must_use]
    pub fn releases(&self, kb: &str) -> &[Release] {
        self.by_kb.get(kb).map_or(&[], Vec::as_slice)
    }

    /// The day of the newest update known.
    #[must_use]
    pub fn newest(&self) -> &str {
        &self.newest
    }

    /// `2019` for build 17763.
    #[must_use]
    pub fn version(build: u32) -> Option<&'static str> {
        VERSIONS.iter().find(|version| version.0 == build).map(|version| version.1)
    }

    /// The year that decides between versions: 2012, 2016 …; a semi-annual release counts as its base.
    #[must_use]
    pub fn year(version: &str) -> Option<i64> {
        if version == "23H2" { Some(2022) } else { version.get(..4).and_then(|year| year.parse().ok()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_belongs_to_a_version() {
        let builds =
            Builds::load("kb,os,build,date,kind,standing\nKB1,2019,17763.5,2026-01-02,security,verified\n");
        let builds = builds.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((builds.revision("KB1", 17763), builds.revision("KB1", 20348)), (Some(5), None));
        assert_eq!((builds.newest(), Builds::year("2012R2")), ("2026-01-02", Some(2012)));
    }
}
