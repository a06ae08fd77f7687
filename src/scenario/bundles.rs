//! Whole incidents: the files that a customer sent, and the truth about them.
//!
//! Each function of the submodules tells one story to a [`Site`] and exports part of it.
//! `fixtures/bundles/` holds the files; a test keeps them equal to what is generated here.

use jiff::{Timestamp, civil::date};

use super::exports::culture::Culture;
use super::exports::directory::{Account, Requested, ldapsearch};
use super::exports::host::{Authentication, HotFix, get_hot_fix, get_vm_host, get_vm_host_switched_off};
use super::exports::utf16;
use super::forms::Told;
use super::site::{Attempt, Export, Form, Log, Site, Style};
use super::{Domain, Machine, Os, Update, updates};

mod authentication;
mod bulk;
mod collected;
mod components;
mod delegation;
mod forest;
mod hardening;
mod lookalikes;
mod partial;

pub use bulk::bulk;
pub use forest::{Form as ForestForm, write_forest};

/// A bundle and what is true of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// The name of its folder.
    pub name: &'static str,
    /// What the bundle shows, in a sentence or two.
    pub about: &'static str,
    /// What is true of it.
    pub truth: Truth,
    /// Paths with `/`, sorted, and contents.
    pub files: Vec<(String, Vec<u8>)>,
    /// What the files state, to be written in other forms.
    pub told: Told,
}

/// An ordered pair of host names: source, target.
pub type Pair = (String, String);

/// What a perfect reader of the bundle would say.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// What really went wrong, in the words of the report's contract.
    pub cause: &'static str,
    /// The levels that the evidence in the bundle supports, the best first. Where `confirmed` and `probable` are
    /// missing, a report may also leave the cause undetermined.
    pub levels: Vec<&'static str>,
    /// The pairs that the cause explains.
    pub pairs: Vec<Pair>,
    /// Other causes with failures of their own, with their pairs.
    pub also: Vec<(&'static str, Vec<Pair>)>,
    /// Changes that set the fault off; a report may name any of these, and no other.
    pub triggers: Vec<Trigger>,
    /// Gaps that must be named.
    pub gaps: Vec<&'static str>,
    /// Attempts that can be seen in the bundle, by their true time.
    pub attempts: Vec<Attempt>,
    /// The first failure on `pairs`.
    pub first_failure: Option<Timestamp>,
    /// The last success before it on `pairs`; where none is seen there, of their sources.
    pub last_success: Option<Timestamp>,
}

/// A change that set a fault off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// Its kind, in the words of the report's contract.
    pub kind: &'static str,
    /// The host that was changed.
    pub host: String,
    /// When; the records that show it lie within seconds of it, or within its day.
    pub time: Timestamp,
    /// The KB of an update.
    pub kb: Option<&'static str>,
}

impl Trigger {
    pub(super) fn new(kind: &'static str, host: &Machine, time: Timestamp) -> Self {
        Self { kind, host: host.name.clone(), time, kb: None }
    }

    /// `time` is when the host started on `update`.
    pub(super) fn update(update: Update, host: &Machine, time: Timestamp) -> Self {
        Self { kb: Some(update.kb), ..Self::new("update", host, time) }
    }

    /// What results that are put together know it by: the KB, else the kind.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.kb.unwrap_or(self.kind)
    }
}

/// Every incident, in the order of the README.
#[must_use]
pub fn all() -> Vec<Incident> {
    vec![
        delegation::classic_two_nodes(),
        delegation::one_direction(),
        delegation::four_nodes_one_short(),
        delegation::unconstrained_after_2025(),
        delegation::kerberos_only(),
        delegation::german(),
        partial::no_directory_export(),
        partial::flattened_export(),
        partial::bare_21502(),
        partial::credssp_host(),
        partial::two_faults(),
        lookalikes::network_lookalike(),
        lookalikes::clock_skew(),
        lookalikes::spn_missing(),
        lookalikes::account_disabled(),
        lookalikes::memory_short(),
        lookalikes::switch_missing(),
        lookalikes::processor_incompatible(),
        lookalikes::storage_lock(),
        lookalikes::healthy_cluster(),
        components::user_right_missing(),
        components::name_resolution(),
        components::migration_limit(),
        components::configuration_version(),
        components::registration_failed(),
        components::key_protector(),
        components::listener_disabled(),
        components::owner_restricted(),
        components::image_attached(),
        hardening::encryption_mismatch(),
        hardening::controllers_apart(),
        hardening::controller_faulty(),
        collected::collected(),
        authentication::protected_administrator(),
        authentication::delegation_of_today(),
        authentication::credssp_under_guard(),
        authentication::retired_host(),
        authentication::branch_without_controller(),
        authentication::across_the_trust(),
        authentication::cloned_hosts(),
        authentication::secure_channel(),
        authentication::three_faults(),
    ]
}

/// The README of `fixtures/bundles/`: name, story and truth of each incident.
#[must_use]
pub fn readme(incidents: &[Incident]) -> String {
    let mut out = String::from(
        "# Incidents\n\n\
         Synthetic: no public log with events of a Hyper-V host exists. `src/scenario/` generates every file, and\n\
         `KCDOCTOR_BLESS=1 cargo test` writes them anew; edit the stories, never the files.\n\n\
         | bundle | what it shows | cause | level | pairs | also | gaps |\n|---|---|---|---|---|---|---|\n",
    );
    for Incident { name, about, truth, .. } in incidents {
        let also: Vec<String> =
            truth.also.iter().map(|(cause, pairs)| format!("{cause}: {}", arrows(pairs))).collect();
        let cells = [
            format!("`{name}`"),
            (*about).to_owned(),
            truth.cause.to_owned(),
            truth.levels.join(" or "),
            arrows(&truth.pairs),
            also.join("; "),
            truth.gaps.join(", "),
        ];
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    out
}

fn arrows(pairs: &[Pair]) -> String {
    pairs.iter().map(|(source, target)| format!("{source} → {target}")).collect::<Vec<_>>().join(", ")
}

/// `HV01`, `HV02`, … of a domain.
fn hosts<const N: usize>(domain: &Domain, os: Os) -> [Machine; N] {
    std::array::from_fn(|at| {
        let rid = 1104 + u32::try_from(at).unwrap_or(0);
        Machine::new(&format!("HV{:02}", at + 1), domain, rid, os)
    })
}

/// The domain controller of a domain.
fn controller(domain: &Domain, os: Os) -> Machine {
    Machine::new("DC01", domain, 1001, os)
}

/// A cluster whose moves run under the identity of the administrator who starts them.
const BY_ADMINISTRATORS: Style =
    Style { clustered: true, delegated: true, phases: false, language: super::events::Language::English };
/// A cluster that moves its machines by itself.
const BY_CLUSTER: Style = Style { delegated: false, ..BY_ADMINISTRATORS };
/// Hosts without a cluster.
const STANDALONE: Style = Style { clustered: false, ..BY_ADMINISTRATORS };

fn binary<'a>(host: &'a Machine, channel: &'a str) -> Log<'a> {
    Log { host, channel, form: Form::Evtx }
}

fn xml<'a>(host: &'a Machine, channel: &'a str) -> Log<'a> {
    Log { host, channel, form: Form::Xml }
}

/// The cumulative update of August 2026.
fn august(os: Os) -> Update {
    let [_, august] = updates(os);
    august
}

/// The cumulative update of July 2026.
fn july(os: Os) -> Update {
    let [july, _] = updates(os);
    july
}

/// A bundle in the making.
struct Draft {
    files: Vec<(String, Vec<u8>)>,
    told: Told,
    attempts: Vec<Attempt>,
}

/// What the teller of a story knows; the rest of the truth is counted.
#[derive(Default)]
struct Expected<'a> {
    cause: &'static str,
    levels: &'a [&'static str],
    pairs: &'a [(&'a Machine, &'a Machine)],
    also: &'a [(&'static str, &'a [(&'a Machine, &'a Machine)])],
    triggers: Vec<Trigger>,
    gaps: &'a [&'static str],
}

impl Draft {
    fn new(site: Site, logs: &[Log<'_>]) -> Self {
        let Export { files, attempts, logs } = site.export(logs);
        Self { files, attempts, told: Told { logs, ..Told::default() } }
    }

    fn file(mut self, path: &str, content: Vec<u8>) -> Self {
        self.files.push((path.to_owned(), content));
        self
    }

    /// `ldapsearch > computers.ldif`, with all attributes.
    fn directory(mut self, domain: &Domain, accounts: &[Account]) -> Self {
        self.told.accounts = accounts.to_vec();
        self.file("ad/computers.ldif", ldapsearch(domain, accounts, Requested::All))
    }

    /// `Get-VMHost | Format-List * > Get-VMHost.txt` of each host: UTF-16.
    fn settings(mut self, hosts: &[&Machine], authentication: Authentication) -> Self {
        for host in hosts {
            let content = utf16(&get_vm_host(host, authentication));
            self.files.push((format!("{}/Get-VMHost.txt", host.name), content));
            self.told.settings.push(((*host).clone(), authentication));
        }
        self
    }

    /// The same of a host on which live migration is switched off.
    fn switched_off(mut self, host: &Machine, authentication: Authentication) -> Self {
        self.told.switched_off.push((host.clone(), authentication));
        let content = utf16(&get_vm_host_switched_off(host, authentication));
        self.file(&format!("{}/Get-VMHost.txt", host.name), content)
    }

    /// `Get-HotFix | Export-Csv` of a host that installed `update` on that day of 2026.
    fn updates(mut self, host: &Machine, update: Update, (month, day): (i8, i8), culture: Culture) -> Self {
        let old = match host.os {
            Os::Server2019 => {
                HotFix { kb: "KB5005112", description: "Security Update", installed: date(2024, 2, 12) }
            }
            Os::Server2016 | Os::Server2022 => {
                HotFix { kb: "KB5012170", description: "Security Update", installed: date(2024, 2, 12) }
            }
            Os::Server2025 => {
                HotFix { kb: "KB5043080", description: "Update", installed: date(2024, 11, 21) }
            }
        };
        let installed = date(2026, month, day);
        let fixes = [old, HotFix { kb: update.kb, description: "Security Update", installed }];
        self.told.updates.push((host.clone(), fixes.to_vec()));
        let text = get_hot_fix(host, &fixes, culture);
        // Export-Csv of PowerShell 5.1 writes ASCII, or UTF-16 where asked to.
        let content = if culture == Culture::German { utf16(&text) } else { text.into_bytes() };
        self.file(&format!("{}/hotfixes.csv", host.name), content)
    }

    fn incident(mut self, name: &'static str, about: &'static str, expected: Expected<'_>) -> Incident {
        self.files.sort();
        let pairs = names(expected.pairs);
        let (first_failure, last_success) = onset(&self.attempts, &pairs);
        let truth = Truth {
            cause: expected.cause,
            levels: expected.levels.to_vec(),
            pairs,
            also: expected.also.iter().map(|(cause, pairs)| (*cause, names(pairs))).collect(),
            triggers: expected.triggers,
            gaps: expected.gaps.to_vec(),
            attempts: self.attempts,
            first_failure,
            last_success,
        };
        Incident { name, about, truth, files: self.files, told: self.told }
    }
}

fn names(pairs: &[(&Machine, &Machine)]) -> Vec<Pair> {
    pairs.iter().map(|(source, target)| (source.name.clone(), target.name.clone())).collect()
}

/// The first failure on `pairs` and the last success before it.
fn onset(attempts: &[Attempt], pairs: &[Pair]) -> (Option<Timestamp>, Option<Timestamp>) {
    let concerns = |attempt: &&Attempt| {
        pairs.iter().any(|(source, target)| *source == attempt.source && *target == attempt.target)
    };
    let Some(first) = attempts.iter().filter(concerns).find(|attempt| !attempt.succeeded) else {
        return (None, None);
    };
    let is_before = |attempt: &&Attempt| attempt.succeeded && attempt.time < first.time;
    let shares_source = |attempt: &&Attempt| pairs.iter().any(|(source, _)| *source == attempt.source);
    let last = attempts.iter().filter(concerns).rfind(is_before);
    let last = last.or_else(|| attempts.iter().filter(shares_source).rfind(is_before));
    (Some(first.time), last.map(|attempt| attempt.time))
}
