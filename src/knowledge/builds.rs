//! Updates and the builds they bring: `knowledge/builds.csv`.
//!
//! Updates of one version are ordered by their *rank*: the revision of the build that they bring. Two kinds have no
//! revision to go by: a hotpatch ranks with the cumulative update of its day, whose fixes it carries, and updates of
//! Windows Server 2012 R2, whose builds are not published, rank by their day as `20221108`.

use std::collections::{BTreeMap, HashMap};

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
    /// `security`, `security-only`, `preview`, `oob`, `hotpatch` …
    pub kind: String,
    /// How well this is known.
    pub standing: Standing,
}

impl Release {
    /// Whether it holds all that came before it. What does not says nothing of older fixes.
    #[must_use]
    pub fn is_cumulative(&self) -> bool {
        !matches!(self.kind.as_str(), "security-only" | "other-security")
    }

    /// Whether it works without a restart.
    #[must_use]
    pub fn is_hotpatch(&self) -> bool {
        self.kind.starts_with("hotpatch")
    }

    fn revision(&self) -> Option<u64> {
        self.build.split_once('.')?.1.parse().ok()
    }
}

/// Every update known.
#[derive(Debug)]
pub struct Builds {
    by_kb: HashMap<String, Vec<Release>>,
    /// By version and rank: the day of publication of the first update of that rank.
    ranks: BTreeMap<String, BTreeMap<u64, String>>,
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

/// The version whose updates rank by day.
const BY_DAY: &str = "2012R2";

impl Builds {
    pub(super) fn load(text: &str) -> Result<Self, Error> {
        let mut builds = Self { by_kb: HashMap::new(), ranks: BTreeMap::new(), newest: String::new() };
        for row in csv::Reader::from_reader(text.as_bytes()).deserialize() {
            let release: Release = row.map_err(|error| fault("builds.csv", error))?;
            builds.newest = builds.newest.max(release.date.clone());
            if !release.is_hotpatch()
                && let Some(rank) = own_rank(&release)
            {
                let ranks = builds.ranks.entry(release.os.clone()).or_default();
                ranks.entry(rank).or_insert_with(|| release.date.clone());
            }
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

    /// What `kb` is for `version`.
    #[must_use]
    pub fn release(&self, kb: &str, version: &str) -> Option<&Release> {
        self.by_kb.get(kb)?.iter().find(|release| release.os == version)
    }

    /// Every update for every version.
    pub fn all(&self) -> impl Iterator<Item = &Release> {
        self.by_kb.values().flatten()
    }

    /// The rank of an update.
    #[must_use]
    pub fn rank(&self, release: &Release) -> Option<u64> {
        let of_the_day = || {
            let mut same = self.ranks.get(&release.os)?.iter().filter(|(_, date)| **date == release.date);
            same.next_back().map(|(rank, _)| *rank)
        };
        if release.is_hotpatch() { of_the_day().or_else(|| own_rank(release)) } else { own_rank(release) }
    }

    /// The rank of `revision` of `version`, which may be that of a hotpatch; `None` where builds do not tell.
    #[must_use]
    pub fn rank_of(&self, version: &str, revision: u32) -> Option<u64> {
        if version == BY_DAY || !self.ranks.contains_key(version) {
            return None;
        }
        let patched = |release: &&Release| {
            release.is_hotpatch() && release.os == version && release.revision() == Some(revision.into())
        };
        let rank = self.all().find(patched).and_then(|release| self.rank(release));
        Some(rank.unwrap_or_else(|| revision.into()))
    }

    /// The day of the newest update of `version` that `rank` holds.
    #[must_use]
    pub fn day_of(&self, version: &str, rank: u64) -> Option<&str> {
        self.ranks.get(version)?.range(..=rank).next_back().map(|(_, date)| date.as_str())
    }

    /// Whether `rank` is beyond every update of `version` that is known.
    #[must_use]
    pub fn is_newer(&self, version: &str, rank: u64) -> bool {
        self.ranks
            .get(version)
            .and_then(|ranks| ranks.keys().next_back())
            .is_some_and(|newest| rank > *newest)
    }

    /// Whether updates of `version` are known at all.
    #[must_use]
    pub fn knows(&self, version: &str) -> bool {
        self.ranks.contains_key(version)
    }

    /// The newest cumulative update of `version`, the one to install.
    #[must_use]
    pub fn latest(&self, version: &str) -> Option<&Release> {
        let own = self.all().filter(|release| release.os == version && !release.is_hotpatch());
        own.filter(|release| release.is_cumulative() && release.kind != "preview")
            .max_by_key(|release| (own_rank(release), &release.kb))
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

    /// The build number of a version, 17763 of `2019`.
    #[must_use]
    pub fn number(version: &str) -> Option<u32> {
        VERSIONS.iter().find(|own| own.1 == version).map(|own| own.0)
    }

    /// The year that decides between versions: 2012, 2016 …; a semi-annual release counts as its base.
    #[must_use]
    pub fn year(version: &str) -> Option<i64> {
        if version == "23H2" { Some(2022) } else { version.get(..4).and_then(|year| year.parse().ok()) }
    }
}

/// The rank of an update that is no hotpatch.
fn own_rank(release: &Release) -> Option<u64> {
    if release.os == BY_DAY { release.date.replace('-', "").parse().ok() } else { release.revision() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "kb,os,build,date,kind,standing\n\
        KB1,2019,17763.5,2026-01-02,security,verified\n\
        KB2,2022,20348.30,2026-01-02,security,verified\n\
        KB3,2022,20348.21,2026-01-02,hotpatch,verified\n\
        KB4,2012R2,,2026-01-02,security-only,verified\n";

    fn builds() -> Builds {
        Builds::load(TABLE).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_revision_belongs_to_a_version() {
        let builds = builds();
        assert_eq!((builds.revision("KB1", 17763), builds.revision("KB1", 20348)), (Some(5), None));
        assert_eq!((builds.newest(), Builds::year("2012R2")), ("2026-01-02", Some(2012)));
    }

    #[test]
    fn a_hotpatch_ranks_with_the_update_of_its_day() {
        let builds = builds();
        let rank = |kb, version| builds.release(kb, version).and_then(|release| builds.rank(release));
        assert_eq!((rank("KB2", "2022"), rank("KB3", "2022")), (Some(30), Some(30)));
        assert_eq!((builds.rank_of("2022", 21), builds.rank_of("2022", 22)), (Some(30), Some(22)));
        assert_eq!(builds.latest("2022").map(|release| release.kb.as_str()), Some("KB2"));
    }

    #[test]
    fn windows_server_2012_r2_ranks_by_day() {
        let builds = builds();
        let release = builds.release("KB4", "2012R2").cloned();
        assert_eq!(release.as_ref().and_then(|release| builds.rank(release)), Some(20_260_102));
        assert!(release.is_some_and(|release| !release.is_cumulative()));
        assert_eq!(builds.rank_of("2012R2", 22826), None);
        assert!(builds.is_newer("2019", 6) && !builds.is_newer("2019", 5) && !builds.is_newer("2003", 5));
    }
}
