//! What a bundle can lack, and how each piece is collected: `knowledge/gaps.toml`.

use serde::Deserialize;

use super::{fault, toml};
use crate::error::Error;

/// Every piece, and what is sent along with each request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gaps {
    /// Runs the script of `kcdoctor collect`, the easy way to all of it.
    pub script: Recipe,
    /// Makes one archive of the folder `C:\kcdoctor`.
    pub pack: Recipe,
    /// The pieces, the most telling first.
    #[serde(rename = "gap")]
    pub pieces: Vec<Piece>,
}

/// A piece of evidence that a bundle can lack.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Piece {
    /// The id of the gap, without a host.
    pub id: String,
    /// What to ask a customer for, in a few words.
    pub ask: String,
    /// Why, for the customer.
    pub reason: String,
    /// Why, for the engineer.
    pub why: String,
    /// The same where no host is known.
    pub why_unnamed: Option<String>,
    /// What it would decide.
    pub decides: String,
    /// Where its command runs.
    pub place: Place,
    /// Whether the command needs an elevated PowerShell.
    pub elevated: bool,
    /// Whether it is asked for where a bundle tells too little to be judged.
    #[serde(default)]
    pub basic: bool,
    /// Kinds of source that hold it, for a piece that helps on every node.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// The command.
    #[serde(default)]
    pub collect: String,
    /// Another way to the same.
    pub otherwise: Option<Otherwise>,
    /// The piece whose commands collect this one as well.
    same_as: Option<String>,
}

/// Where a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// On each host that it is about.
    Hosts,
    /// On every domain controller.
    DomainControllers,
    /// Once, on any machine of the domain that can ask the directory.
    Directory,
    /// Once, on one node of the cluster.
    ClusterNode,
}

/// Another way to the same piece.
#[derive(Debug, Clone, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Otherwise {
    /// Where it is needed.
    pub applies: String,
    /// The command.
    pub collect: String,
}

/// A command that differs between versions of Windows Server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The command.
    pub collect: String,
    /// What versions before a year need.
    pub before: Before,
}

/// What versions before a year need.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    /// The first year that does not need it.
    pub year: i64,
    /// The command in place of the other; it runs on later versions too.
    pub collect: Option<String>,
    /// What to know.
    pub note: Option<String>,
}

impl Gaps {
    pub(super) fn load() -> Result<Self, Error> {
        const FILE: &str = "gaps.toml";
        let mut gaps: Self = toml(FILE)?;
        let known = gaps.pieces.clone();
        for piece in &mut gaps.pieces {
            if let Some(other) = &piece.same_as {
                let other = known.iter().find(|known| known.id == *other);
                let other = other.ok_or_else(|| fault(FILE, format!("{}: no such piece", piece.id)))?;
                (piece.collect, piece.otherwise) = (other.collect.clone(), other.otherwise.clone());
            }
            if piece.collect.is_empty() {
                return Err(fault(FILE, format!("{}: no command collects it", piece.id)));
            }
        }
        Ok(gaps)
    }

    /// The piece with the id of a gap, with or without a host.
    #[must_use]
    pub fn piece(&self, id: &str) -> Option<&Piece> {
        let kind = id.split(':').next().unwrap_or_default();
        self.pieces.iter().find(|piece| piece.id == kind)
    }
}

impl Recipe {
    /// The command that runs on all of the versions of these `years`, and what to know.
    pub fn for_years(&self, years: impl IntoIterator<Item = i64>) -> (&str, Option<&str>) {
        let is_old = years.into_iter().any(|year| year < self.before.year);
        let before = Some(&self.before).filter(|_| is_old);
        let collect = before.and_then(|before| before.collect.as_deref());
        (collect.unwrap_or(&self.collect), before.and_then(|before| before.note.as_deref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_versions_get_what_they_can_run() {
        let gaps = Gaps::load().unwrap_or_else(|error| panic!("{error}"));
        assert!(gaps.pack.for_years([2019]).0.starts_with("Compress-Archive"));
        assert!(gaps.pack.for_years([2019, 2012]).0.starts_with("Add-Type"));
        assert!(gaps.script.for_years([2012]).1.is_some() && gaps.script.for_years([]).1.is_none());
    }

    /// What stands in a mail must survive every mail program, and a command that is pasted must be whole.
    #[test]
    fn texts_are_ascii_and_ids_are_unique() {
        let gaps = Gaps::load().unwrap_or_else(|error| panic!("{error}"));
        let mut ids: Vec<_> = gaps.pieces.iter().map(|piece| piece.id.as_str()).collect();
        ids.sort_unstable();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
        for piece in &gaps.pieces {
            let texts = [&piece.ask, &piece.reason, &piece.why, &piece.decides, &piece.collect];
            assert!(texts.iter().all(|text| text.is_ascii() && !text.trim().is_empty()), "{}", piece.id);
            let other = piece.otherwise.as_ref().map(|other| other.collect.as_str());
            for command in [Some(piece.collect.as_str()), other].into_iter().flatten() {
                assert!(command.is_ascii(), "{}", piece.id);
                assert_eq!(command.matches('"').count() % 2, 0, "{}", piece.id);
                assert_eq!(command.matches('\'').count() % 2, 0, "{}", piece.id);
            }
        }
    }
}
