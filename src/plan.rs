//! What to do: only what is missing, in order, each step with its check and its way back.
//!
//! A step whose precondition nobody could check is blocked, and says by what. The plan is proven by asking
//! the same rules of the same facts with the steps applied. What is *not* done here: writing scripts.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnose::{Diagnosis, Finding, Gap, Judgement, Level, RuleOutcome, judge, lacks_aes};
use crate::evidence::{Evidence, HostId};
use crate::fact::{DirectoryObject, Known, Spn};
use crate::incident::{DISABLED, Dated, Grant, Incident, PROTOCOL_TRANSITION, Pair, UNCONSTRAINED, forms};
use crate::knowledge::{Builds, Cause, Family, Fix, Knowledge, Per};

mod owed;
mod text;

pub use owed::test_migration;

/// By hand the kinds of delegation exclude each other, so adding would remove at once.
const EXCLUSIVE: &str = "Not on the tab Delegation yet: there 'specified services only' takes delegation to any service away at once. Use the PowerShell above, which only adds; the tab comes with the step that removes unconstrained delegation, after the test migrations";

/// What msDS-SupportedEncryptionTypes holds with AES128 and AES256 ([MS-KILE] 2.2.7).
const AES: u32 = 0x18;

/// A fix that faults ask for at one host.
struct Wanted<'a> {
    fix: &'a Fix,
    others: BTreeSet<HostId>,
    by: Vec<&'a Judgement<'a>>,
}

impl<'a> Wanted<'a> {
    fn new(fix: &'a Fix) -> Self {
        Self { fix, others: BTreeSet::new(), by: Vec::new() }
    }
}

/// One step for one host.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// The kind; the fix of the same id words it.
    pub kind: String,
    /// What it does, in a few words.
    pub title: String,
    /// The host.
    pub host: Option<HostId>,
    /// The other ends.
    pub targets: Vec<HostId>,
    /// SPNs to add to the host's list.
    pub add_spns: Vec<String>,
    /// It may be left out.
    pub optional: bool,
    /// Gaps that must be closed first.
    pub blocked_by: Vec<String>,
    /// The rights that it needs.
    pub rights: String,
    /// Findings that ask for it, by index.
    pub why: Vec<usize>,
    /// Shows the state before.
    pub precheck: String,
    /// The change, in PowerShell.
    pub command: String,
    /// The same by hand.
    pub clicks: Vec<String>,
    /// Shows that it worked.
    pub verify: String,
    /// Takes it back.
    pub rollback: String,
}

/// A rule and the pairs for which it speaks.
pub type Hits = Vec<(String, Vec<(HostId, HostId)>)>;

/// Every step, and what the rules say of the facts with the steps applied.
#[derive(Debug, Default)]
pub struct Plan {
    /// Steps in order.
    pub steps: Vec<Step>,
    /// Rules that speak for a fault now.
    pub before: Hits,
    /// Rules that would still speak for it.
    pub after: Hits,
    /// What the steps do not mend, in a sentence each.
    pub remaining: Vec<String>,
}

/// Plans the mending of what `diagnosis` found.
#[must_use]
pub fn plan(
    diagnosis: &Diagnosis<'_>,
    incident: &Incident,
    evidence: &Evidence,
    knowledge: &Knowledge,
) -> Plan {
    let moving =
        incident.attempts.iter().flat_map(|attempt| [attempt.source, attempt.target]).flatten().collect();
    let planner = Planner { diagnosis, incident, evidence, knowledge, moving };
    let mut steps = planner.collect();
    steps.extend(planner.mend());
    // A step without a fix collects, which comes first.
    let stage = |step: &Step| knowledge.fixes.named(&step.kind).map(|fix| fix.stage);
    let name = |step: &Step| step.host.map(|host| evidence.hosts.name(host).to_owned());
    steps.sort_by_key(|step| (stage(step), step.kind.clone(), name(step)));
    let (before, after) = planner.prove(&steps);
    let remaining = planner.remaining(&after, &steps);
    Plan { steps, before, after, remaining }
}

struct Planner<'a> {
    diagnosis: &'a Diagnosis<'a>,
    incident: &'a Incident,
    evidence: &'a Evidence,
    knowledge: &'a Knowledge,
    /// Hosts that machines move from or to.
    moving: BTreeSet<HostId>,
}

impl Planner<'_> {
    /// One step a host for the gaps that keep the verdict from being sure.
    fn collect(&self) -> Vec<Step> {
        if !matches!(self.diagnosis.verdict.level, Level::Inconclusive | Level::Possible | Level::Probable) {
            return Vec::new();
        }
        // Several gaps of one host are one visit to it.
        let mut visits: BTreeMap<Option<HostId>, Vec<&Gap>> = BTreeMap::new();
        for gap in &self.diagnosis.gaps {
            let host = gap.hosts.first().copied().filter(|_| gap.hosts.len() == 1);
            visits.entry(host).or_default().push(gap);
        }
        let joined = |gaps: &[&Gap], pick: &dyn Fn(&Gap) -> String, by: &str| {
            gaps.iter().map(|gap| pick(gap)).collect::<Vec<_>>().join(by)
        };
        let kind = |gap: &Gap| gap.id.split(':').next().unwrap_or_default().to_owned();
        let step = |(host, gaps): (Option<HostId>, Vec<&Gap>)| Step {
            kind: "collect".into(),
            title: match host {
                Some(host) => {
                    format!("Collect on {}: {}", self.evidence.hosts.name(host), joined(&gaps, &kind, ", "))
                }
                None => format!("Collect: {}", joined(&gaps, &|gap| gap.id.clone(), ", ")),
            },
            host,
            rights: "read access; an elevated prompt for event logs".into(),
            command: joined(&gaps, &|gap| gap.collect.clone(), "\n"),
            verify: "analyze the bundle again with the new files in it".into(),
            rollback: "nothing to take back".into(),
            ..Step::default()
        };
        visits.into_iter().map(step).collect()
    }

    /// One step a fix and host, for all faults together.
    fn mend(&self) -> Vec<Step> {
        let faults = std::iter::once(&self.diagnosis.verdict).chain(&self.diagnosis.also);
        let mut wanted: BTreeMap<(&str, HostId), Wanted<'_>> = BTreeMap::new();
        for judgement in faults.filter(|judgement| judgement.cause.is_fault()) {
            let delegation = judgement.cause.family() == Family::Delegation;
            let pairs: Vec<&Pair> = self
                .incident
                .pairs
                .iter()
                .filter(|pair| self.concerns(pair, judgement, delegation))
                .collect();
            let fixes = judgement.rule.map_or(&[][..], |rule| rule.fixes.as_slice());
            for fix in fixes.iter().filter_map(|id| self.knowledge.fixes.named(id)) {
                // Classic delegation ends at the border of a domain.
                let classic = matches!(fix.id.as_str(), "add-delegation" | "set-protocol");
                let served = |pair: &&&Pair| !classic || pair.same_domain != Known::Known(false);
                for (host, other) in
                    pairs.iter().filter(served).flat_map(|pair| self.places(fix, fixes, pair))
                {
                    let wanted = wanted.entry((fix.id.as_str(), host)).or_insert_with(|| Wanted::new(fix));
                    wanted.others.insert(other);
                    wanted.by.push(judgement);
                }
            }
        }
        wanted.into_iter().filter_map(|((_, host), wanted)| self.step(host, wanted)).collect()
    }

    /// The host at which a fix is made for a pair, and the other end. `fixes` are all that the rule has.
    fn places(&self, fix: &Fix, fixes: &[String], pair: &Pair) -> Vec<(HostId, HostId)> {
        let ends = [(pair.source, pair.target), (pair.target, pair.source)];
        match fix.per {
            Per::Controller => {
                let behind = self.incident.controllers_behind(pair, self.evidence);
                behind.into_iter().flat_map(|host| [(host, pair.source), (host, pair.target)]).collect()
            }
            Per::Source => vec![(pair.source, pair.target)],
            Per::Target => {
                // Foreseen is what a host's own state says, and the source's can be at fault as well.
                let faulty = ends.into_iter().filter(|(host, _)| self.is_faulty(&fix.id, *host));
                let faulty: Vec<_> = faulty.filter(|_| self.incident.foresight.is_some()).collect();
                if faulty.is_empty() { vec![(pair.target, pair.source)] } else { faulty }
            }
            Per::FaultyEnd => {
                let faulty = |id: &str| {
                    ends.into_iter().filter(|(host, _)| self.is_faulty(id, *host)).collect::<Vec<_>>()
                };
                // Where nothing tells which end it is, the checks of both are asked for; an account is never
                // enabled on a guess.
                let known = fixes.iter().any(|id| !faulty(id).is_empty());
                if known || fix.id == "repair-account" { faulty(&fix.id) } else { ends.to_vec() }
            }
        }
    }

    /// The newest cumulative update of the host's version, and the build that it brings.
    fn update(&self, host: HostId) -> Option<String> {
        let version = self.incident.machines.get(&host)?.version.as_deref()?;
        let release = self.knowledge.builds.latest(version)?;
        let build = Some(&release.build).filter(|build| !build.is_empty());
        Some(build.map_or_else(|| release.kb.clone(), |build| format!("{} (build {build})", release.kb)))
    }

    /// Whether the fault that a fix mends is this host's own.
    fn is_faulty(&self, fix: &str, host: HostId) -> bool {
        let bits =
            self.evidence.directory.computer(host).and_then(|object| object.user_account_control.known());
        let disabled = bits.is_some_and(|bits| bits & DISABLED != 0);
        let machine = self.incident.machines.get(&host);
        let has = |dated: &Known<Dated>| dated.known().is_some_and(|dated| !dated.is_empty());
        match fix {
            "repair-account" => disabled,
            "repair-secure-channel" => {
                let broken = |machine: &crate::incident::Machine| {
                    has(&machine.secure_channel) || machine.broken_channel.is_some()
                };
                !disabled && machine.is_some_and(broken)
            }
            "listener-disabled" => {
                machine.is_some_and(|machine| machine.accepts_migrations.known() == Some(&false))
            }
            "encryption-mismatch" => {
                let object = self.evidence.directory.computer(host);
                let types = object.and_then(|object| object.encryption_types.known().copied().flatten());
                let policy = self.incident.postures.policy_types.get(&host).map(|(types, _)| *types);
                [types, policy].into_iter().flatten().any(lacks_aes)
            }
            "mend-time" => {
                self.incident.wrong_clocks.contains(&host)
                    || machine.is_some_and(|machine| has(&machine.clock))
            }
            _ => false,
        }
    }

    /// The verdict's pairs; for delegation, every pair between hosts that move machines and that lacks something.
    fn concerns(&self, pair: &Pair, judgement: &Judgement<'_>, delegation: bool) -> bool {
        let own = judgement.pairs.contains(&(pair.source, pair.target));
        let involved = |host: HostId| self.moving.contains(&host);
        let lacks = pair.grant.is_unmet() || pair.grant == Grant::Partial;
        let judged = |pair: &Pair| {
            self.diagnosis.also.iter().any(|other| {
                other.cause.family() != Family::Delegation
                    && other.pairs.contains(&(pair.source, pair.target))
            })
        };
        own || delegation
            && lacks
            && (involved(pair.source) && involved(pair.target) || judgement.level == Level::Latent)
            && !judged(pair)
    }

    /// The step, or `None` where the host has what the step would give.
    fn step(&self, host: HostId, wanted: Wanted<'_>) -> Option<Step> {
        let Wanted { fix, others, by } = wanted;
        let mut others: Vec<HostId> = others.into_iter().collect();
        let mut blocked: BTreeSet<String> = BTreeSet::new();
        // A step that one sure verdict asks for does not wait for another's gaps.
        if by.iter().all(|judgement| matches!(judgement.level, Level::Inconclusive | Level::Possible)) {
            blocked.extend(by.iter().flat_map(|judgement| self.blocked(judgement)));
        }
        let mut spns = Vec::new();
        match fix.id.as_str() {
            "add-delegation" => spns = self.spns(host, &mut others, &mut blocked)?,
            "set-protocol" => blocked.extend(self.protocol(host)?),
            "clear-unconstrained" if !self.is_unconstrained(host) => return None,
            _ => {}
        }
        let filler = text::Filler::new(host, &others, &spns, self.evidence).with_update(self.update(host));
        let asks = |finding: &Finding<'_>| {
            let about = finding.pairs.iter().filter_map(|index| self.incident.pairs.get(*index));
            let here = about.into_iter().any(|pair| pair.source == host || pair.target == host);
            let caused = by.iter().any(|judgement| judgement.cause == finding.rule.cause);
            finding.outcome != RuleOutcome::RuledOut && caused && here
        };
        let why = self.diagnosis.findings.iter().enumerate().filter(|(_, finding)| asks(finding));
        let exclusive =
            matches!(fix.id.as_str(), "add-delegation" | "set-protocol") && self.is_unconstrained(host);
        Some(Step {
            kind: fix.id.clone(),
            title: filler.prose(&fix.title),
            host: Some(host),
            optional: fix.id == "clear-unconstrained",
            blocked_by: blocked.into_iter().collect(),
            rights: filler.prose(&fix.rights),
            why: why.map(|(index, _)| index).collect(),
            precheck: filler.script(&fix.precheck),
            command: filler.script(&fix.command),
            clicks: if exclusive {
                vec![EXCLUSIVE.to_owned()]
            } else {
                fix.clicks.iter().flat_map(|line| filler.lines(line)).collect()
            },
            verify: filler.script(&fix.verify),
            rollback: filler.script(&fix.rollback),
            add_spns: spns,
            targets: others,
        })
    }

    /// SPNs that the host's list lacks for `others`, who are narrowed to those that lack any; `None` where none is
    /// missing. Classic delegation ends at the border of a domain.
    fn spns(
        &self,
        host: HostId,
        others: &mut Vec<HostId>,
        blocked: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        let pair = |target: HostId| {
            self.incident.pairs.iter().find(|pair| pair.source == host && pair.target == target)
        };
        others.retain(|target| pair(*target).is_none_or(|pair| pair.same_domain != Known::Known(false)));
        others.retain(|target| self.missing(host, *target).known().is_none_or(|missing| !missing.is_empty()));
        let lacking = |target: &HostId| {
            self.missing(host, *target).known().cloned().unwrap_or_else(|| self.both_forms(*target))
        };
        let listed =
            self.evidence.directory.computer(host).and_then(|object| object.allowed_to_delegate_to.known());
        if listed.is_none() {
            blocked.insert(self.directory_gap(host).into());
        }
        // Where the target's own grant is not known, nothing may be missing at all.
        for target in others
            .iter()
            .filter(|target| pair(**target).is_some_and(|pair| pair.granted_by_target.known().is_none()))
        {
            blocked.insert(self.directory_gap(*target).into());
        }
        (!others.is_empty()).then(|| others.iter().flat_map(lacking).collect())
    }

    /// What keeps protocol transition from being set; `None` where it is set, or not needed before 2016.
    fn protocol(&self, host: HostId) -> Option<Option<String>> {
        let machine = self.incident.machines.get(&host);
        let year = machine.and_then(|machine| machine.version.as_deref()).and_then(Builds::year);
        match (self.bits(host), year) {
            (Some(bits), _) if bits & PROTOCOL_TRANSITION != 0 => None,
            (_, Some(year)) if year < 2016 => None,
            (None, _) => Some(Some(self.directory_gap(host).to_owned())),
            (Some(_), None) => Some(Some(format!("system-log:{}", self.evidence.hosts.name(host)))),
            (Some(_), Some(_)) => Some(None),
        }
    }

    fn bits(&self, host: HostId) -> Option<u32> {
        self.evidence.directory.computer(host)?.user_account_control.known().copied()
    }

    fn is_unconstrained(&self, host: HostId) -> bool {
        self.bits(host).is_some_and(|bits| bits & UNCONSTRAINED != 0)
    }

    /// A guess must not change anything: its steps wait for what would make it sure.
    fn blocked(&self, judgement: &Judgement<'_>) -> BTreeSet<String> {
        let decides =
            |gap: &&Gap| !["logs-before-onset", "update-history"].iter().any(|kind| gap.id.starts_with(kind));
        let gaps: Vec<_> = self.diagnosis.gaps.iter().filter(decides).collect();
        let own = gaps.iter().filter(|gap| gap.matters_for.contains(&judgement.cause));
        let own: BTreeSet<_> = own.map(|gap| gap.id.clone()).collect();
        let any = || gaps.iter().map(|gap| gap.id.clone()).collect::<BTreeSet<_>>();
        let blocked = if own.is_empty() { any() } else { own };
        if blocked.is_empty() { BTreeSet::from(["user-objects".to_owned()]) } else { blocked }
    }

    fn directory_gap(&self, host: HostId) -> &'static str {
        if self.evidence.directory.computer(host).is_some() {
            "delegation-attributes"
        } else {
            "directory-export"
        }
    }

    fn missing(&self, source: HostId, target: HostId) -> Known<Vec<String>> {
        let pair = self.incident.pairs.iter().find(|pair| pair.source == source && pair.target == target);
        pair.map_or_else(Known::default, |pair| pair.missing_spns.clone())
    }

    fn both_forms(&self, target: HostId) -> Vec<String> {
        forms(target, &self.evidence.hosts, &self.evidence.directory)
            .iter()
            .map(|form| Spn::migration(form))
            .collect()
    }

    /// Rules that hit before and after the unblocked steps that change the directory.
    fn prove(&self, steps: &[Step]) -> (Hits, Hits) {
        let mut patches: BTreeMap<HostId, Vec<&Step>> = BTreeMap::new();
        for step in steps.iter().filter(|step| step.blocked_by.is_empty()) {
            step.host.into_iter().for_each(|host| patches.entry(host).or_default().push(step));
        }
        let patches: BTreeMap<_, _> = patches
            .into_iter()
            .map(|(host, steps)| (host, move |object: &mut DirectoryObject| apply(&steps, object)))
            .collect();
        let patched = self.evidence.directory.patched(&patches);
        let pairs = self.incident.with_directory(self.evidence, &patched);
        (self.hits(&self.incident.pairs, &self.evidence.directory), self.hits(&pairs, &patched))
    }

    fn hits(&self, pairs: &[Pair], directory: &crate::evidence::Directory) -> Hits {
        let mut hits: BTreeMap<&str, Vec<(HostId, HostId)>> = BTreeMap::new();
        for answer in judge(&self.knowledge.rules, pairs, self.incident, self.evidence, directory) {
            if answer.outcome == RuleOutcome::Hit
                && answer.rule.cause.is_fault()
                && let Some(pair) = answer.pair.and_then(|index| pairs.get(index))
            {
                hits.entry(&answer.rule.id).or_default().push((pair.source, pair.target));
            }
        }
        hits.into_iter().map(|(rule, pairs)| (rule.to_owned(), pairs)).collect()
    }

    /// What only the world can show: rules about what the logs recorded speak until new logs are read.
    fn remaining(&self, after: &Hits, steps: &[Step]) -> Vec<String> {
        let mut remaining: Vec<String> = Vec::new();
        for (id, pairs) in after {
            let Some(rule) = self.knowledge.rules.iter().find(|rule| rule.id == *id) else { continue };
            let mends = |step: &&Step| rule.fixes.contains(&step.kind) && step.kind != "test-migration";
            let about = |(source, target): &(HostId, HostId)| {
                steps.iter().filter(mends).any(|step| {
                    let is_in = |host: &HostId| step.host == Some(*host) || step.targets.contains(host);
                    is_in(source) && is_in(target)
                })
            };
            let (mended, left): (Vec<_>, Vec<_>) = pairs.iter().partition(|pair| about(pair));
            if !mended.is_empty() {
                // Before anything has failed it is the exports that speak.
                let shows = if self.incident.foresight.is_some() { "a new export" } else { "new logs" };
                remaining.push(format!(
                    "{id}: {}; the steps act on it, but only {shows} can show that",
                    rule.title
                ));
            }
            let name = |(source, target): &&(HostId, HostId)| {
                format!("{} → {}", self.evidence.hosts.name(*source), self.evidence.hosts.name(*target))
            };
            if !left.is_empty() {
                let named: Vec<_> = left.iter().map(name).collect();
                remaining.push(format!("{id}: {}; not in this plan: {}", rule.title, named.join(", ")));
            }
        }
        remaining.extend(
            steps.iter().filter(|step| !step.blocked_by.is_empty()).map(|step| {
                format!("{} is blocked until {} is there", step.title, step.blocked_by.join(", "))
            }),
        );
        let crossing = self
            .incident
            .pairs
            .iter()
            .filter(|pair| pair.grant == Grant::Missing && pair.same_domain == Known::Known(false));
        remaining.extend(crossing.map(|pair| {
            let [source, target] = [pair.source, pair.target].map(|host| self.evidence.hosts.name(host));
            format!("{source} and {target} stand in two domains, and classic delegation ends at their border: name {source} on {target}'s object (Set-ADComputer -PrincipalsAllowedToDelegateToAccount, which replaces the list, so state those that are there as well)")
        }));
        if self.diagnosis.verdict.cause == Cause::undetermined() {
            remaining.push("the cause is not determined".into());
        }
        remaining
    }
}

/// What the steps do to a computer object.
fn apply(steps: &[&Step], object: &mut DirectoryObject) {
    for step in steps {
        if step.kind == "encryption-mismatch" && matches!(object.encryption_types, Known::Known(_)) {
            object.encryption_types = Known::Known(Some(AES));
        }
        if let Known::Known(list) = &mut object.allowed_to_delegate_to {
            list.extend(step.add_spns.iter().cloned());
        }
        if let Known::Known(bits) = &mut object.user_account_control {
            match step.kind.as_str() {
                "set-protocol" => *bits |= PROTOCOL_TRANSITION,
                "clear-unconstrained" => *bits &= !UNCONSTRAINED,
                _ => {}
            }
        }
    }
}
