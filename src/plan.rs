//! What to do: only what is missing, in order, each step with its check and its way back.
//!
//! A step whose precondition nobody could check is blocked, and says by what. The plan is proven by asking
//! the same rules of the same facts with the steps applied. What is *not* done here: writing scripts (see
//! [`crate::render`]).

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnose::{Diagnosis, Finding, Gap, Judgement, Level, RuleOutcome, lacks_aes, misplaced_names};
use crate::evidence::{Evidence, HostId};
use crate::fact::Known;
use crate::incident::{DISABLED, Dated, Grant, Incident, Pair};
use crate::knowledge::{Cause, Family, Fix, Knowledge, Per};

mod change;
mod choice;
mod delegation;
mod hold;
mod owed;
mod proof;
mod text;

pub use change::{Edit, Modification, is_directory};
pub use choice::{Choice, Protocol};
pub use delegation::PlannedPair;
pub use owed::test_migration;
use text::plain;
pub use text::quoted;

/// By hand the kinds of delegation exclude each other, so adding would remove at once.
const EXCLUSIVE: &str = "Not on the tab Delegation yet: there 'specified services only' takes delegation to any service away at once. Use the PowerShell above, which only adds; the tab comes with the step that removes unconstrained delegation, after the test migrations";

/// Why an export is asked for again whose attributes are all there.
const UNNAMED: &str = "the export does not give the distinguished names of the objects, by which the steps find what they change";

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

/// Whether a name is on several accounts by the judgement's own rule.
fn is_of_duplicates(judgement: &Judgement<'_>) -> bool {
    Some(judgement.cause) == Cause::named("spn-duplicate")
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
    /// What it changes in the directory, in order; nothing while it is blocked.
    pub changes: Vec<Modification>,
    /// Targets that it leaves out, each with the gap that must be closed first.
    pub left_out: Vec<(HostId, String)>,
    /// Why it is as it is, where there was a choice.
    pub reason: Option<String>,
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
    /// Its directory part in Active Directory Administrative Center.
    pub adac: Vec<String>,
    /// Which accounts and services it touches.
    pub affects: String,
    /// What a wrong value would allow or break.
    pub risk: String,
    /// Who has to agree.
    pub approval: String,
    /// Another way to the same, in PowerShell.
    pub alternative: String,
    /// What to know about it.
    pub note: String,
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
    /// What each pair needs whose delegation the steps are about.
    pub pairs: Vec<PlannedPair>,
    /// Rules that speak for a fault now.
    pub before: Hits,
    /// Rules that would still speak for it.
    pub after: Hits,
    /// What the steps do not mend, in a sentence each.
    pub remaining: Vec<String>,
    /// What steps wait for that nothing else asks for.
    pub gaps: Vec<Gap>,
}

/// Plans the mending of what `diagnosis` found, as far as `choice` asks for it.
#[must_use]
pub fn plan(
    diagnosis: &Diagnosis<'_>,
    incident: &Incident,
    evidence: &Evidence,
    knowledge: &Knowledge,
    choice: &Choice,
) -> Plan {
    let moving =
        incident.attempts.iter().flat_map(|attempt| [attempt.source, attempt.target]).flatten().collect();
    let misplaced = misplaced_names(evidence);
    let planner = Planner { diagnosis, incident, evidence, knowledge, choice, moving, misplaced };
    let mut steps = planner.collect();
    steps.extend(planner.mend());
    // A step without a fix collects, which comes first.
    let stage = |step: &Step| knowledge.fixes.named(&step.kind).map(|fix| fix.stage);
    let name = |step: &Step| step.host.map(|host| evidence.hosts.name(host).to_owned());
    steps.sort_by_key(|step| (stage(step), step.kind.clone(), name(step)));
    let spared = planner.spare_controllers(&mut steps);
    let kept = planner.hold_back(&mut steps);
    let objects = change::work_out(&mut steps, &evidence.directory);
    let (before, after) = planner.prove(&objects);
    let mut remaining = planner.remaining(&after, &steps);
    remaining.extend(spared.into_iter().chain(kept));
    Plan { pairs: planner.pairs(&steps), gaps: planner.gaps(&steps), steps, before, after, remaining }
}

struct Planner<'a> {
    diagnosis: &'a Diagnosis<'a>,
    incident: &'a Incident,
    evidence: &'a Evidence,
    knowledge: &'a Knowledge,
    choice: &'a Choice,
    /// Hosts that machines move from or to.
    moving: BTreeSet<HostId>,
    /// Migration SPNs that stand on the wrong object or on several, lower-case.
    misplaced: BTreeSet<String>,
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

    /// What steps wait for, as far as the diagnosis does not ask for it: no wait without the command that ends it.
    fn gaps(&self, steps: &[Step]) -> Vec<Gap> {
        let mut gaps: BTreeMap<&str, Gap> = BTreeMap::new();
        for step in steps {
            let blocked = step.blocked_by.iter().filter_map(|id| Some((step.host?, id)));
            let left_out = step.left_out.iter().map(|(target, id)| (*target, id));
            for (host, id) in blocked.chain(left_out) {
                if self.diagnosis.gaps.iter().any(|gap| gap.id == *id) {
                    continue;
                }
                let Some(piece) = self.knowledge.gaps.piece(id) else { continue };
                let is_unnamed = id == "delegation-attributes" && !self.is_addressable(host);
                let fresh = || Gap {
                    id: id.clone(),
                    hosts: BTreeSet::new(),
                    matters_for: BTreeSet::from([self.diagnosis.verdict.cause]),
                    why: if is_unnamed { UNNAMED.to_owned() } else { piece.why.clone() },
                    collect: piece.collect.clone(),
                };
                gaps.entry(id).or_insert_with(fresh).hosts.insert(host);
            }
        }
        gaps.into_values().collect()
    }

    /// One step a fix and host, for all faults together.
    fn mend(&self) -> Vec<Step> {
        let faults = std::iter::once(&self.diagnosis.verdict).chain(&self.diagnosis.also);
        let mut wanted: BTreeMap<(&str, HostId), Wanted<'_>> = BTreeMap::new();
        let storage = self.knowledge.fixes.named("add-storage-delegation");
        for judgement in faults.filter(|judgement| judgement.cause.is_fault()) {
            let delegation = judgement.cause.family() == Family::Delegation;
            let pairs: Vec<&Pair> = self
                .incident
                .pairs
                .iter()
                .filter(|pair| self.concerns(pair, judgement, delegation))
                .filter(|pair| self.choice.holds(pair.source, pair.target, &self.evidence.hosts))
                .collect();
            let fixes = judgement.rule.map_or(&[][..], |rule| rule.fixes.as_slice());
            // Storage that moves along is asked for in the user's name as well.
            let along = storage.filter(|_| fixes.iter().any(|id| id == "add-delegation"));
            for fix in fixes.iter().filter_map(|id| self.knowledge.fixes.named(id)).chain(along) {
                // Classic delegation ends at the border of a domain.
                let classic = is_directory(&fix.id) && fix.id != "clear-unconstrained";
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
        own || delegation
            && lacks
            && (involved(pair.source) && involved(pair.target) || judgement.level == Level::Latent)
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
        let mut left_out = Vec::new();
        match fix.id.as_str() {
            "add-delegation" | "add-storage-delegation" => {
                let demand = self.demand(host, &others, &fix.id)?;
                blocked.extend(demand.blocked_by);
                (others, spns, left_out) = (demand.targets, demand.spns, demand.left_out);
            }
            "set-protocol" => blocked.extend(self.protocol(host)?),
            "clear-unconstrained" if !self.is_unconstrained(host) => return None,
            // Where a name is only missing, another account may hold it, and most often none does.
            "remove-duplicate-spn" if self.is_held_instead(host) => {}
            "remove-duplicate-spn" if by.iter().all(|judgement| !is_of_duplicates(judgement)) => return None,
            // Whose names they are to be taken off must be known.
            "remove-duplicate-spn" if self.has_unnamed_holders(host) => {
                blocked.insert("duplicate-names".into());
            }
            _ => {}
        }
        if is_directory(&fix.id) && !self.is_addressable(host) {
            blocked.insert(self.directory_gap(host).into());
        }
        if is_directory(&fix.id) && self.incident.is_changed_since_export(host, self.evidence) {
            blocked.insert("delegation-attributes".into());
        }
        // What nobody asked for is offered only where nothing stands in its way.
        let is_asked =
            by.iter().any(|judgement| judgement.rule.is_some_and(|rule| rule.fixes.contains(&fix.id)));
        let storage_stays = fix.id == "add-storage-delegation" && !self.choice.storage && !is_asked;
        if storage_stays && !blocked.is_empty() {
            return None;
        }
        let (transition, reason) = self.transition(host);
        let filler = text::Filler::new(host, &others, &spns, self.evidence)
            .with_update(self.update(host))
            .with_protocol(transition == Some(true) || self.has_transition(host));
        let asks = |finding: &Finding<'_>| {
            let about = finding.pairs.iter().filter_map(|index| self.incident.pairs.get(*index));
            let here = about.into_iter().any(|pair| pair.source == host || pair.target == host);
            let caused = by.iter().any(|judgement| judgement.cause == finding.rule.cause);
            finding.outcome != RuleOutcome::RuledOut && caused && here
        };
        let why = self.diagnosis.findings.iter().enumerate().filter(|(_, finding)| asks(finding));
        let exclusive =
            is_directory(&fix.id) && fix.id != "clear-unconstrained" && self.is_trusted_for_any(host);
        let lines = |all: &[String]| all.iter().flat_map(|line| filler.lines(line)).collect::<Vec<_>>();
        Some(Step {
            kind: fix.id.clone(),
            title: filler.prose(&fix.title),
            host: Some(host),
            optional: fix.id == "clear-unconstrained" || storage_stays,
            left_out,
            reason: matches!(fix.id.as_str(), "add-delegation" | "set-protocol").then_some(reason),
            blocked_by: blocked.into_iter().collect(),
            rights: filler.prose(&fix.rights),
            why: why.map(|(index, _)| index).collect(),
            precheck: filler.script(&fix.precheck),
            command: filler.script(&fix.command),
            clicks: if exclusive { vec![EXCLUSIVE.to_owned()] } else { lines(&fix.clicks) },
            adac: if exclusive { Vec::new() } else { lines(&fix.adac) },
            affects: filler.prose(&fix.affects),
            risk: filler.prose(&fix.risk),
            approval: filler.prose(&fix.approval),
            alternative: filler.script(&fix.alternative),
            note: fix.prose.trim().to_owned(),
            verify: filler.script(&fix.verify),
            rollback: filler.script(&fix.rollback),
            changes: Vec::new(),
            add_spns: spns,
            targets: others,
        })
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
}
