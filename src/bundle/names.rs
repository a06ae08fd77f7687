//! Names of members, made safe to stand in a path and unique in their archive.

use std::collections::HashMap;

use crate::fact::Issue;

/// The names that an archive has used so far, and how often.
#[derive(Default)]
pub(super) struct Names(HashMap<String, usize>);

impl Names {
    /// The name of a member that the archive calls `raw`: with `/`, without `..` and roots, and used by no other;
    /// and what is to be said about it.
    pub(super) fn place(&mut self, raw: &str) -> (String, Vec<Issue>) {
        let safe = safe_name(raw);
        let mut issues = Vec::new();
        if safe != raw.replace('\\', "/").trim_start_matches("./") {
            issues.push(Issue::note("member-name-unsafe", format!("the archive names this member {raw:?}, which would leave the folder it is unpacked to; it was read in place, nothing was written")));
        }
        let mut name = safe.clone();
        while let Some(times) = self.0.get(&name).copied() {
            if name == safe {
                issues.push(Issue::note(
                    "member-name-repeated",
                    "the archive holds several members of this name; all are read, this one under a name of its own; ask which of them counts",
                ));
            }
            self.0.insert(safe.clone(), times + 1);
            name = format!("{safe}+{times}");
        }
        self.0.insert(name.clone(), 1);
        (name, issues)
    }
}

/// The path without roots, drive letters and `..`, with `/` as its only separator.
fn safe_name(raw: &str) -> String {
    let slashed = raw.replace('\\', "/");
    let sound = |part: &&str| !part.is_empty() && *part != "." && *part != ".." && !part.ends_with(':');
    let name = slashed.split('/').filter(sound).collect::<Vec<_>>().join("/");
    if name.is_empty() { "unnamed".into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_and_use_slashes() {
        assert_eq!(safe_name(r"BasicLog\EventLogs\System.evtx"), "BasicLog/EventLogs/System.evtx");
        assert_eq!(safe_name("../../etc/passwd"), "etc/passwd");
        assert_eq!(safe_name(r"C:\Windows\x"), "Windows/x");
        assert_eq!(safe_name("/abs/evil"), "abs/evil");
        assert_eq!(safe_name(".."), "unnamed");
    }

    #[test]
    fn every_name_is_used_once_and_repetition_is_said() {
        let mut names = Names::default();
        let placed: Vec<_> = ["x", "x", "./x", "x+1", "x"].map(|raw| names.place(raw)).into();
        let unique: std::collections::BTreeSet<_> = placed.iter().map(|(name, _)| name).collect();
        assert_eq!(unique.len(), 5, "{placed:?}");
        let repeated = |(_, issues): &(String, Vec<Issue>)| {
            issues.iter().map(|issue| issue.code).collect::<Vec<_>>() == ["member-name-repeated"]
        };
        assert_eq!(placed.iter().map(repeated).collect::<Vec<_>>(), [false, true, true, true, true]);
    }
}
