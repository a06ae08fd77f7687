//! What sources lack to act for users at their targets, and what must be known before they are given it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Planner, Protocol, Step, plain};
use crate::diagnose::Level;
use crate::evidence::{HostId, is_host_name};
use crate::fact::{DirectoryObject, Known, Spn, domain_of};
use crate::incident::{PROTOCOL_TRANSITION, Pair, UNCONSTRAINED, forms, holds};
use crate::knowledge::{Builds, Cause};

/// What an ordered pair needs on its source's computer object, when all steps are done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedPair {
    /// Where virtual machines run.
    pub source: HostId,
    /// Where they shall run.
    pub target: HostId,
    /// Names that belong on the list, those that are there already included.
    pub spns: Vec<String>,
    /// Whether protocol transition is needed.
    pub protocol: bool,
    /// Gaps that keep it out of the plan.
    pub blocked_by: BTreeSet<String>,
}

/// What a source is to be given.
pub(super) struct Demand {
    /// Names that its list lacks.
    pub(super) spns: Vec<String>,
    /// The targets of these names.
    pub(super) targets: Vec<HostId>,
    /// Targets of which too little is known, while enough is known of others.
    pub(super) left_out: Vec<(HostId, String)>,
    /// What is not known of the source, or of any target.
    pub(super) blocked_by: BTreeSet<String>,
}

impl Planner<'_> {
    /// What a step of `kind` has to give `host` for `others`; `None` where nothing is missing. Classic delegation ends at
    /// the border of a domain.
    pub(super) fn demand(&self, host: HostId, others: &[HostId], kind: &str) -> Option<Demand> {
        let object = self.evidence.directory.computer(host);
        let listed = object.and_then(|object| object.allowed_to_delegate_to.known());
        let is_held = |spn: &String| listed.is_some_and(|list| holds(list, spn));
        let lacking = |target: HostId| -> Vec<String> {
            self.names(target, kind).into_iter().filter(|spn| !is_held(spn)).collect()
        };
        let is_served = |target: HostId| {
            self.pair(host, target).is_some_and(|pair| {
                pair.same_domain == Known::Known(false)
                    // Resource-based delegation is to every service of the target.
                    || kind == "add-storage-delegation"
                        && (pair.granted_by_target == Known::Known(true)
                            // Whoever acts for users at its files rules the domain.
                            || self.is_controller(target))
            })
        };
        let open: Vec<HostId> = others
            .iter()
            .copied()
            .filter(|target| !is_served(*target) && !lacking(*target).is_empty())
            .collect();
        let doubts: Vec<_> =
            open.iter().filter_map(|target| Some((*target, self.doubt(host, *target)?))).collect();
        let mut blocked_by = BTreeSet::new();
        if listed.is_none() {
            blocked_by.insert(self.directory_gap(host).to_owned());
        }
        let all_in_doubt = doubts.len() == open.len();
        let (targets, left_out) = if all_in_doubt {
            blocked_by.extend(doubts.into_iter().map(|(_, gap)| gap));
            (open, Vec::new())
        } else {
            let is_sure = |target: &HostId| doubts.iter().all(|(other, _)| other != target);
            (open.into_iter().filter(is_sure).collect(), doubts)
        };
        let spns: Vec<String> = targets.iter().flat_map(|target| lacking(*target)).collect();
        (!targets.is_empty()).then_some(Demand { spns, targets, left_out, blocked_by })
    }

    /// What must be known of a target before `host` may delegate to it.
    fn doubt(&self, host: HostId, target: HostId) -> Option<String> {
        // Where the target's own grant is not known, nothing may be missing at all.
        let granted = self.pair(host, target).map(|pair| &pair.granted_by_target);
        if self.evidence.directory.computer(target).is_none()
            || self.incident.is_changed_since_export(target, self.evidence)
            || granted.is_some_and(|granted| granted.known().is_none())
        {
            return Some(self.directory_gap(target).to_owned());
        }
        let names = self.names(target, "add-delegation");
        let is_unsound = |spn: &String| spn.split_once('/').is_none_or(|(_, host)| !is_host_name(host));
        if names.iter().any(is_unsound) {
            return Some(self.directory_gap(target).to_owned());
        }
        let is_misplaced = names.iter().any(|spn| self.misplaced.contains(&spn.to_lowercase()));
        is_misplaced.then(|| "duplicate-names".to_owned())
    }

    /// What keeps protocol transition from being set; `None` where it is set, or not needed.
    pub(super) fn protocol(&self, host: HostId) -> Option<Option<String>> {
        match (self.bits(host), self.transition(host).0) {
            (Some(bits), _) if bits & PROTOCOL_TRANSITION != 0 => None,
            (_, Some(false)) => None,
            (None, _) => Some(Some(self.directory_gap(host).to_owned())),
            // What it would be allowed to at the services of a list that nobody has seen, nobody knows.
            (Some(_), _) if !self.knows_list(host) => Some(Some(self.directory_gap(host).to_owned())),
            (Some(_), None) => Some(Some(format!("system-log:{}", self.evidence.hosts.name(host)))),
            (Some(_), Some(true)) => Some(None),
        }
    }

    /// Whether `host` needs protocol transition, `None` where its version is not known, and why.
    pub(super) fn transition(&self, host: HostId) -> (Option<bool>, String) {
        let name = self.evidence.hosts.name(host);
        let machine = self.incident.machines.get(&host);
        let version = machine.and_then(|machine| machine.version.as_deref());
        let year = version.and_then(Builds::year);
        match (self.choice.protocol, version, year) {
            (Protocol::Any, ..) => (Some(true), "any protocol, because --protocol any asks for it".into()),
            (Protocol::Kerberos, ..) => {
                let why = "Kerberos only, because --protocol kerberos asks for it: from Windows Server 2016 on a move then has to be started on the source itself";
                (Some(false), why.into())
            }
            (Protocol::Auto, Some(version), Some(year)) if year < 2016 => (
                Some(false),
                format!(
                    "Kerberos only: {name} runs Windows Server {version}, which hands on the administrator's own ticket"
                ),
            ),
            (Protocol::Auto, Some(version), Some(_)) => (
                Some(true),
                format!(
                    "any protocol: {name} runs Windows Server {version}, where remote management arrives through WinRM and brings no ticket that could be handed on"
                ),
            ),
            (Protocol::Auto, ..) if self.is_shown_to_need_transition(host) => (
                Some(true),
                format!(
                    "any protocol: moves from {name} fail although its list is complete, which only a start without a ticket of the administrator's explains"
                ),
            ),
            (Protocol::Auto, ..) => (
                None,
                format!(
                    "which protocol {name} needs hangs on its version of Windows Server, which the bundle does not show; --protocol decides it by hand"
                ),
            ),
        }
    }

    /// Whether failures were laid to the lack of it, and more than possibly.
    fn is_shown_to_need_transition(&self, host: HostId) -> bool {
        let mut faults = std::iter::once(&self.diagnosis.verdict).chain(&self.diagnosis.also);
        faults.any(|judgement| {
            Some(judgement.cause) == Cause::named("kcd-kerberos-only")
                && matches!(judgement.level, Level::Confirmed | Level::Probable)
                && judgement.pairs.iter().any(|(source, _)| *source == host)
        })
    }

    /// What the pairs need with which the steps deal.
    pub(super) fn pairs(&self, steps: &[Step]) -> Vec<PlannedPair> {
        let mut pairs: BTreeMap<(HostId, HostId), PlannedPair> = BTreeMap::new();
        let own = |step: &&Step| matches!(step.kind.as_str(), "add-delegation" | "set-protocol");
        for step in steps.iter().filter(own) {
            let Some(source) = step.host else { continue };
            let left_out = step.left_out.iter().map(|(target, gap)| (*target, Some(gap)));
            for (target, gap) in step.targets.iter().map(|target| (*target, None)).chain(left_out) {
                let planned = pairs.entry((source, target)).or_insert_with(|| PlannedPair {
                    source,
                    target,
                    spns: self.names(target, "add-delegation"),
                    protocol: self.transition(source).0 == Some(true),
                    blocked_by: BTreeSet::new(),
                });
                planned.blocked_by.extend(step.blocked_by.iter().chain(gap).cloned());
            }
        }
        let mut pairs: Vec<_> = pairs.into_values().collect();
        pairs.sort_by_key(|pair| {
            [pair.source, pair.target].map(|host| self.evidence.hosts.name(host).to_owned())
        });
        pairs
    }

    /// The names of `target` that a step of `kind` puts on lists, in both forms.
    fn names(&self, target: HostId, kind: &str) -> Vec<String> {
        let forms = forms(target, &self.evidence.hosts, &self.evidence.directory);
        let spn = |form: &String| match kind {
            "add-storage-delegation" => format!("cifs/{form}"),
            _ => Spn::migration(form),
        };
        forms.iter().map(spn).collect()
    }

    fn pair(&self, source: HostId, target: HostId) -> Option<&Pair> {
        self.incident.pairs.iter().find(|pair| pair.source == source && pair.target == target)
    }

    fn bits(&self, host: HostId) -> Option<u32> {
        self.evidence.directory.computer(host)?.user_account_control.known().copied()
    }

    /// Whether its object can be named to the directory: by its distinguished name, and in its domain.
    pub(super) fn is_addressable(&self, host: HostId) -> bool {
        let dn = self.evidence.directory.computer(host).and_then(|object| object.dn.as_deref());
        // A name with characters that no script holds would be another object's there.
        dn.is_some_and(|dn| plain(dn) == dn && domain_of(dn).is_some())
    }

    fn knows_list(&self, host: HostId) -> bool {
        let object = self.evidence.directory.computer(host);
        object.is_some_and(|object| object.allowed_to_delegate_to.known().is_some())
    }

    /// Whether protocol transition is set already: then it stays, for whatever else is on the list.
    pub(super) fn has_transition(&self, host: HostId) -> bool {
        self.bits(host).is_some_and(|bits| bits & PROTOCOL_TRANSITION != 0)
    }

    /// Whether it delegates to any service and need not: a domain controller does by its nature.
    pub(super) fn is_unconstrained(&self, host: HostId) -> bool {
        !self.is_controller(host) && self.is_trusted_for_any(host)
    }

    /// Whether it delegates to any service.
    pub(super) fn is_trusted_for_any(&self, host: HostId) -> bool {
        self.bits(host).is_some_and(|bits| bits & UNCONSTRAINED != 0)
    }

    /// Whether it is a domain controller.
    pub(super) fn is_controller(&self, host: HostId) -> bool {
        self.evidence.directory.computer(host).is_some_and(DirectoryObject::is_domain_controller)
    }

    /// Whether another account holds a name of `host` that its own object lacks.
    pub(super) fn is_held_instead(&self, host: HostId) -> bool {
        self.evidence.holders.instead_of(host).next().is_some()
    }

    /// Whether nothing says which other accounts hold the names of `host`.
    pub(super) fn has_unnamed_holders(&self, host: HostId) -> bool {
        self.evidence.holders.of(host, &self.evidence.directory).known().is_none_or(Vec::is_empty)
    }

    pub(super) fn directory_gap(&self, host: HostId) -> &'static str {
        if self.evidence.directory.computer(host).is_some() {
            "delegation-attributes"
        } else {
            "directory-export"
        }
    }
}
