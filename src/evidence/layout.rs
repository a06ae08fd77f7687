//! Layouts in which Microsoft's collectors and our own write a bundle, told by paths that stand in no other.
//!
//! A layout is only named, so that a person knows what to expect; no file is read differently for it. The names are
//! those that the collectors' published sources write: TSS 2024.02.20 with its psSDP, and PrivateCloud.DiagnosticInfo.

/// How a known collector lays out a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The collector's name.
    pub name: &'static str,
    /// What such a bundle lacks as a rule.
    pub lacks: &'static str,
    /// How many of the marks must be there: one alone may be chance.
    least: usize,
    /// Marks, lower-case.
    marks: &'static [Mark],
}

/// Where a word stands in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// A folder's or an archive's name begins so.
    Place(&'static str),
    /// The file's name is this.
    Name(&'static str),
    /// The file's name ends so.
    End(&'static str),
    /// The file's name holds this.
    Part(&'static str),
}

use Mark::{End, Name, Part, Place};

const LAYOUTS: &[Layout] = &[
    Layout {
        name: "kcdoctor collect",
        lacks: "only what its manifest kcdoctor-collect.json says could not be collected",
        least: 1,
        marks: &[Name("kcdoctor-collect.json")],
    },
    Layout {
        name: "TSS (Microsoft TroubleShootingScript)",
        lacks: "the computer objects of Active Directory, the Security log of the domain controllers, and as a rule every host but the one on which it ran",
        least: 2,
        marks: &[
            Place("tss_"),
            Place("basiclog-"),
            Place("support-"),
            End("_buildinfo.txt"),
            Part("roles_features_installed"),
            Part("_reghive_"),
            Part("klist_tickets"),
            Part("nltest_dominfo"),
            Part("_dsregcmd"),
            End("_get-vmhost.txt"),
            End("_qfe.txt"),
        ],
    },
    Layout {
        name: "psSDP (Microsoft Support Diagnostic Package)",
        lacks: "the computer objects of Active Directory, the Security log of the domain controllers, and every host but the one on which it ran",
        least: 2,
        marks: &[
            Place("results_"),
            Part("_pssdp_"),
            Part("_evt_"),
            End("_hotfixes.csv"),
            End("_hotfixrollups.txt"),
            End("_hotfixes-wmic.txt"),
            End("_basicsysteminfo.txt"),
            End("_hyper-vbasicinfo.txt"),
            End("_cluster_mps_information.txt"),
            End("_w32tm_query_status.txt"),
        ],
    },
    Layout {
        name: "SDDC DiagnosticInfo (PrivateCloud.DiagnosticInfo)",
        lacks: "the computer objects of Active Directory, the logs of the domain controllers, and Get-VMHost",
        least: 2,
        marks: &[
            Place("node_"),
            Place("healthtest-"),
            Place("_sddc-diag-"),
            Name("getclusternode.xml"),
            Name("getcluster.xml"),
            Name("getparameters.xml"),
            Name("getclusterresource.xml"),
            Name("gethotfix.xml"),
        ],
    },
];

/// The layouts of a bundle with these paths; a bundle may hold several.
pub fn layouts<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<&'static Layout> {
    let paths: Vec<String> = paths.map(|path| path.to_lowercase().replace('\\', "/")).collect();
    let is_there = |mark: &&Mark| paths.iter().any(|path| mark.stands_in(path));
    LAYOUTS.iter().filter(|layout| layout.marks.iter().filter(is_there).count() >= layout.least).collect()
}

impl Mark {
    fn stands_in(self, path: &str) -> bool {
        let (places, name) = path.rsplit_once('/').unwrap_or(("", path));
        match self {
            Place(start) => places.split('/').any(|place| place.starts_with(start)),
            Name(whole) => name == whole,
            End(end) => name.ends_with(end),
            Part(part) => name.contains(part),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(paths: &[&str]) -> Vec<&'static str> {
        layouts(paths.iter().copied())
            .into_iter()
            .map(|layout| layout.name.split(' ').next().unwrap())
            .collect()
    }

    #[test]
    fn collectors_are_told_by_several_paths() {
        let tss = ["TSS_HV01_241001-120000_HypHost.zip!/HV01_241001-120000_BuildInfo.txt"];
        assert_eq!(names(&tss), ["TSS"]);
        assert_eq!(
            names(&["a/HV01_evt_System.evtx", "a/HV01_Hotfixes.CSV", "a/HV01_Hotfixes.TXT"]),
            ["psSDP"]
        );
        assert_eq!(names(&["h\\Node_HV01\\System.EVTX", "h\\GetCluster.XML"]), ["SDDC"]);
        assert_eq!(names(&["kcdoctor-collect.json", "HV01/System.evtx"]), ["kcdoctor"]);
        let sdp = ["tss_x.zip!/Results_Hyper-V/HV01_evt_System.evtx", "tss_x.zip!/HV01_BuildInfo.txt"];
        assert_eq!(names(&sdp), ["TSS", "psSDP"]);
    }

    #[test]
    fn one_path_alone_may_be_chance() {
        assert!(names(&["HV01_Hotfixes.CSV", "Node_1/System.evtx"]).is_empty());
        assert!(names(&["HV01/System.evtx", "ad/computers.ldif"]).is_empty() && names(&[]).is_empty());
    }
}
