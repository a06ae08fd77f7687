//! The report from what the stages before it found. Everything is looked up, nothing is judged.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::hardening;
use super::plan::{modification, planned_pair};
use super::{
    AddressReport, AlsoReport, AttemptReport, BundleReport, ChangeReport, CoverageReport, DelegationReport,
    EstimateReport, EvidenceReport, FindingReport, GapReport, HostReport, HypothesisReport, IssueReport,
    OnsetReport, PairReport, PlanReport, ProofReport, Report, Role, SCHEMA_VERSION, SourceReport, StepReport,
    TallyReport, TimelineEntry, Tool, VerdictReport,
};
use crate::bundle::hash_of;
use crate::diagnose::{Diagnosis, Estimate, Gap, Judgement, Placed, RuleOutcome, Strength, Tally};
use crate::evidence::{Evidence, FactId, HostId};
use crate::fact::{MigrationAuthentication, Position, Trustee};
use crate::incident::{Attempt, Incident, Mode, Outcome, Pair, When, mode};
use crate::knowledge::{Cause, Knowledge, vocabulary};
use crate::plan::{Hits, Plan, Step};

/// Pieces of evidence that a finding shows.
const SHOWN: usize = 20;

/// Writes the report of an analysis.
#[must_use]
pub fn build(
    bundle: &str,
    evidence: &Evidence,
    incident: &Incident,
    diagnosis: &Diagnosis<'_>,
    plan: &Plan,
    knowledge: &Knowledge,
) -> Report {
    let builder = Builder { evidence, incident, diagnosis, knowledge };
    let numbered = incident.attempts.iter().enumerate();
    let attempts: Vec<_> = numbered.map(|(index, own)| attempt(index, own, evidence, knowledge)).collect();
    let changes: Vec<_> = diagnosis.changes.iter().map(|placed| builder.change(placed)).collect();
    Report {
        schema_version: SCHEMA_VERSION,
        command: "analyze",
        tool: Tool::with(knowledge),
        bundle: self::bundle(bundle, evidence),
        coverage: builder.coverage(),
        hosts: builder.hosts(),
        straddles: hardening::straddles(incident, evidence, knowledge),
        pairs: incident.pairs.iter().enumerate().map(|(index, pair)| builder.pair(index, pair)).collect(),
        onset: OnsetReport {
            last_success: diagnosis.onset.last_success.map(text),
            first_failure: diagnosis.onset.first_failure.map(text),
            estimate: diagnosis.estimate.as_ref().map(estimate),
        },
        timeline: builder.timeline(&attempts, &changes),
        attempts,
        changes,
        verdict: builder.verdict(),
        also: diagnosis.also.iter().map(|judgement| builder.also(judgement)).collect(),
        hypotheses: builder.hypotheses(),
        findings: builder.findings(),
        gaps: builder.gaps(&plan.gaps),
        plan: builder.plan(plan),
    }
}

struct Builder<'a> {
    evidence: &'a Evidence,
    incident: &'a Incident,
    diagnosis: &'a Diagnosis<'a>,
    knowledge: &'a Knowledge,
}

pub(super) fn text(time: Timestamp) -> String {
    time.to_string()
}

fn estimate(own: &Estimate) -> EstimateReport {
    let tally = |tally: Tally| TallyReport { failed: tally.failed, attempts: tally.attempts };
    EstimateReport {
        at: (own.from.map(text), text(own.to)),
        before: tally(own.before),
        after: tally(own.after),
        p_value: own.p_value,
        intermittent: own.intermittent,
        reaches_back: own.reaches_back,
    }
}

fn finding_id(index: usize) -> String {
    format!("F{}", index + 1)
}

impl Builder<'_> {
    fn name(&self, host: HostId) -> String {
        self.evidence.hosts.name(host).to_owned()
    }

    fn names(&self, hosts: impl IntoIterator<Item = HostId>) -> Vec<String> {
        let names: BTreeSet<_> = hosts.into_iter().map(|host| self.name(host)).collect();
        names.into_iter().collect()
    }

    fn named_pairs(&self, pairs: &[(HostId, HostId)]) -> Vec<(String, String)> {
        let mut named: Vec<_> =
            pairs.iter().map(|(source, target)| (self.name(*source), self.name(*target))).collect();
        named.sort();
        named
    }

    fn coverage(&self) -> Vec<CoverageReport> {
        let row = |covered: &crate::evidence::Covered| CoverageReport {
            host: self.name(covered.host),
            channel: covered.channel.clone(),
            records: covered.records,
            first: text(covered.first),
            last: text(covered.last),
            holes: covered.holes.iter().map(|(from, to)| (text(*from), text(*to))).collect(),
        };
        self.evidence.coverage.iter().map(row).collect()
    }

    fn hosts(&self) -> Vec<HostReport> {
        let listed = self.evidence.hosts.iter().filter(|(id, host)| {
            host.is_node || host.is_dc || host.wrote_events || self.incident.nodes.contains(id)
        });
        listed.map(|(id, host)| self.host(id, host)).collect()
    }

    fn host(&self, id: HostId, host: &crate::evidence::Host) -> HostReport {
        let object = self.evidence.directory.computer(id);
        let machine = self.incident.machines.get(&id);
        let authentication = machine.and_then(|machine| machine.authentication.known());
        HostReport {
            name: host.name.clone(),
            account: object
                .and_then(|object| object.account.as_deref())
                .map(|account| account.trim_end_matches('$').to_owned()),
            fqdn: host.fqdn.clone(),
            role: role(id, host, self.incident),
            os: machine.and_then(|machine| machine.version.clone()),
            build: machine.and_then(|machine| machine.build.clone()),
            migration_authentication: authentication.map(|authentication| {
                if *authentication == MigrationAuthentication::Kerberos { "kerberos" } else { "credssp" }
            }),
            credential_guard: machine.and_then(|machine| {
                let recorded = machine.credential_guard.last().map(|(_, running, _)| *running);
                recorded.or(machine.reported_guard.map(|(running, _)| running))
            }),
            newer_than_knowledge: hardening::is_newer(id, self.incident, self.knowledge),
            hardening: hardening::of_host(id, self.incident, self.knowledge),
            delegation: DelegationReport {
                mode: object.map_or(Mode::Unknown, |object| mode(Some(object))),
                allowed_to_delegate_to: object
                    .and_then(|object| object.allowed_to_delegate_to.known())
                    .map(|list| sorted(list)),
                allowed_to_act: object
                    .and_then(|object| object.allowed_to_act.known())
                    .map(|trustees| self.trustees(trustees)),
                spns: object.and_then(|object| object.spns.known()).map(|list| sorted(list)),
            },
        }
    }

    /// Hosts by name; a SID that no host bears stays a SID.
    fn trustees(&self, trustees: &[Trustee]) -> Vec<String> {
        let by = |matches: &dyn Fn(&crate::fact::DirectoryObject) -> bool| {
            self.evidence
                .hosts
                .iter()
                .map(|(id, _)| id)
                .find(|id| self.evidence.directory.computer(*id).is_some_and(matches))
        };
        let name = |trustee: &Trustee| match trustee {
            Trustee::Everyone => "everyone".to_owned(),
            Trustee::Sid(sid) => by(&|object| object.sid.as_ref() == Some(sid))
                .map_or_else(|| sid.to_string(), |host| self.name(host)),
            Trustee::Dn(dn) => {
                by(&|object| object.dn.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(dn)))
                    .map_or_else(|| dn.clone(), |host| self.name(host))
            }
        };
        let mut names: Vec<_> = trustees.iter().map(name).collect();
        names.sort();
        names
    }

    fn pair(&self, index: usize, pair: &Pair) -> PairReport {
        let times: Vec<_> = self.incident.failures(pair).map(|(_, attempt)| attempt.time).collect();
        let successes: Vec<_> = self.incident.successes(pair).map(|(_, attempt)| attempt.time).collect();
        PairReport {
            source: self.name(pair.source),
            target: self.name(pair.target),
            failed: times.len(),
            succeeded: successes.len(),
            first_failure: times.iter().min().copied().map(text),
            last_failure: times.iter().max().copied().map(text),
            last_success: successes.iter().max().copied().map(text),
            onset_estimate: self.diagnosis.pair_estimates.get(&index).map(estimate),
            delegation: pair.grant,
            missing_spns: pair.missing_spns.known().cloned(),
        }
    }

    fn change(&self, placed: &Placed<'_>) -> ChangeReport {
        let change = placed.change;
        let when = |when: When| match when {
            When::At(time) => text(time),
            When::On(day) => day.to_string(),
        };
        let precision = change
            .effective
            .or(change.installed)
            .map(|when| if matches!(when, When::At(_)) { "second" } else { "day" });
        let rule = self.diagnosis.verdict.rule.map(|rule| &rule.id);
        let shown = |(_, finding): &(usize, &crate::diagnose::Finding<'_>)| {
            Some(&finding.rule.id) == rule && finding.outcome == RuleOutcome::Hit
        };
        let witness =
            self.diagnosis.findings.iter().enumerate().filter(shown).map(|(index, _)| finding_id(index));
        ChangeReport {
            kind: change.kind,
            id: change.id.clone(),
            summary: super::words::change(change, self.evidence),
            host: change.host.map(|host| self.name(host)),
            installed_at: change.installed.map(when),
            effective_at: change.effective.map(when),
            precision,
            hardening: Some(change.hardening.clone()).filter(|hardening| !hardening.is_empty()),
            relation: placed.relation,
            strength: placed.strength,
            witness: if placed.strength == Strength::Mechanism { witness.collect() } else { Vec::new() },
        }
    }

    fn timeline(&self, attempts: &[AttemptReport], changes: &[ChangeReport]) -> Vec<TimelineEntry> {
        let mut timeline: Vec<(Timestamp, TimelineEntry)> = Vec::new();
        for (attempt, own) in attempts.iter().zip(&self.incident.attempts) {
            let (host, reference) = (attempt.source.clone(), attempt.id.clone());
            timeline.push((
                own.time,
                TimelineEntry { time: attempt.time.clone(), host, kind: "attempt", reference },
            ));
        }
        for (change, placed) in changes.iter().zip(&self.diagnosis.changes) {
            let (stated, when) = (
                change.effective_at.clone().or(change.installed_at.clone()),
                placed.change.effective.or(placed.change.installed),
            );
            if let Some((time, when)) = stated.zip(when) {
                let entry = TimelineEntry {
                    time,
                    host: change.host.clone(),
                    kind: "change",
                    reference: change.id.clone(),
                };
                timeline.push((when.span().0, entry));
            }
        }
        for covered in &self.evidence.coverage {
            let host = Some(self.name(covered.host));
            timeline.extend(covered.holes.iter().map(|(from, _)| {
                (
                    *from,
                    TimelineEntry {
                        time: text(*from),
                        host: host.clone(),
                        kind: "gap",
                        reference: covered.channel.clone(),
                    },
                )
            }));
        }
        timeline.sort();
        timeline.into_iter().map(|(_, entry)| entry).collect()
    }

    fn verdict(&self) -> VerdictReport {
        let verdict = &self.diagnosis.verdict;
        VerdictReport {
            cause: verdict.cause,
            family: verdict.cause.family(),
            level: verdict.level,
            confidence: self.diagnosis.confidence,
            pairs: self.named_pairs(&verdict.pairs),
            summary: super::words::summary(self.diagnosis, self.incident, self.evidence),
            trigger: self.diagnosis.trigger.map(|change| change.id.clone()),
        }
    }

    fn also(&self, judgement: &Judgement<'_>) -> AlsoReport {
        AlsoReport {
            cause: judgement.cause,
            family: judgement.cause.family(),
            level: judgement.level,
            pairs: self.named_pairs(&judgement.pairs),
        }
    }

    fn hypotheses(&self) -> Vec<HypothesisReport> {
        let ids = |indices: &[usize]| indices.iter().map(|index| finding_id(*index)).collect();
        let hypothesis = |hypothesis: &crate::diagnose::Hypothesis| HypothesisReport {
            cause: hypothesis.cause,
            family: hypothesis.cause.family(),
            confidence: hypothesis.confidence,
            supports: ids(&hypothesis.supports),
            contradicts: ids(&hypothesis.contradicts),
            ruled_out_by: hypothesis
                .contradicts
                .first()
                .filter(|_| hypothesis.confidence == 0.0 && hypothesis.supports.is_empty())
                .filter(|_| !self.is_open(hypothesis.cause))
                .map(|index| finding_id(*index)),
        };
        self.diagnosis.hypotheses.iter().map(hypothesis).collect()
    }

    /// Whether a rule leaves it open that the cause is behind failures, or is ruled out by the silence of domain
    /// controllers of which no export says that they are all: one that sent no log may have refused.
    fn is_open(&self, cause: Cause) -> bool {
        let failed = |index: &usize| {
            self.incident.pairs.get(*index).is_some_and(|pair| self.incident.failures(pair).next().is_some())
        };
        let are_all_known = self.evidence.directory.shows_controllers();
        let of_controllers = |fact: &String| {
            let found = fact.split_once('.').and_then(|(of, name)| vocabulary::find(of, name));
            found.is_some_and(|fact| matches!(fact.gap, "dc-builds" | "security-log:DC"))
        };
        let open = |finding: &&crate::diagnose::Finding<'_>| match finding.outcome {
            RuleOutcome::Inconclusive => true,
            RuleOutcome::RuledOut => !are_all_known && finding.because.iter().any(of_controllers),
            RuleOutcome::Hit => false,
        };
        let own = self.diagnosis.findings.iter().filter(|finding| finding.rule.cause == cause);
        own.filter(open).any(|finding| finding.pairs.iter().any(failed))
    }

    fn findings(&self) -> Vec<FindingReport> {
        let finding = |(index, finding): (usize, &crate::diagnose::Finding<'_>)| {
            let pairs: Vec<_> = finding
                .pairs
                .iter()
                .filter_map(|index| self.incident.pairs.get(*index))
                .map(|pair| (pair.source, pair.target))
                .collect();
            FindingReport {
                id: finding_id(index),
                rule: finding.rule.id.clone(),
                cause: finding.rule.cause,
                outcome: finding.outcome,
                severity: finding.rule.severity,
                title: finding.rule.title.clone(),
                hosts: self.names(pairs.iter().flat_map(|(source, target)| [*source, *target])),
                pairs: self.named_pairs(&pairs),
                missing: finding.missing.iter().cloned().collect(),
                because: finding.because.iter().cloned().collect(),
                evidence_total: finding.proof.len(),
                evidence: finding.proof.iter().take(SHOWN).filter_map(|fact| self.piece(*fact)).collect(),
            }
        };
        self.diagnosis.findings.iter().enumerate().map(finding).collect()
    }

    fn piece(&self, fact: FactId) -> Option<EvidenceReport> {
        let AddressReport { source, record, line } = address(fact, self.evidence)?;
        let host = self.evidence.host_of(fact).map(|host| self.name(host));
        let time = self.evidence.event(fact).map(|event| text(event.time));
        Some(EvidenceReport {
            source,
            record,
            line,
            time,
            host,
            excerpt: super::excerpt::excerpt(self.evidence.fact(fact)?),
        })
    }

    /// What is missing for the verdict, and what `also` the plan waits for; by id.
    fn gaps(&self, also: &[Gap]) -> Vec<GapReport> {
        let gap = |gap: &crate::diagnose::Gap| GapReport {
            id: gap.id.clone(),
            hosts: self.names(gap.hosts.iter().copied()),
            matters_for: gap.matters_for.iter().copied().collect(),
            why: gap.why.clone(),
            collect: gap.collect.clone(),
        };
        let mut gaps: Vec<_> = self.diagnosis.gaps.iter().chain(also).collect();
        gaps.sort_by(|a, b| a.id.cmp(&b.id));
        gaps.into_iter().map(gap).collect()
    }

    fn plan(&self, plan: &Plan) -> PlanReport {
        let hits =
            |hits: &Hits| hits.iter().map(|(rule, pairs)| (rule.clone(), self.named_pairs(pairs))).collect();
        PlanReport {
            steps: plan.steps.iter().enumerate().map(|(index, step)| self.step(index, step)).collect(),
            pairs: plan.pairs.iter().map(|own| planned_pair(own, self.evidence)).collect(),
            proof: ProofReport {
                before: hits(&plan.before),
                after: hits(&plan.after),
                remaining: plan.remaining.clone(),
            },
        }
    }

    fn step(&self, index: usize, step: &Step) -> StepReport {
        StepReport {
            n: index + 1,
            kind: step.kind.clone(),
            title: step.title.clone(),
            host: step.host.map(|host| self.name(host)),
            targets: self.names(step.targets.iter().copied()),
            add_spns: step.add_spns.clone(),
            changes: step.changes.iter().filter_map(|own| modification(own, self.evidence)).collect(),
            left_out: step.left_out.iter().map(|(host, gap)| (self.name(*host), gap.clone())).collect(),
            reason: step.reason.clone(),
            optional: step.optional,
            blocked_by: step.blocked_by.clone(),
            rights: step.rights.clone(),
            why: step.why.iter().map(|index| finding_id(*index)).collect(),
            precheck: step.precheck.clone(),
            command: step.command.clone(),
            aduc: step.clicks.clone(),
            adac: step.adac.clone(),
            affects: step.affects.clone(),
            risk: step.risk.clone(),
            approval: step.approval.clone(),
            alternative: step.alternative.clone(),
            note: step.note.clone(),
            verify: step.verify.clone(),
            rollback: step.rollback.clone(),
        }
    }
}

/// What a host is.
pub(super) fn role(id: HostId, host: &crate::evidence::Host, incident: &Incident) -> Role {
    match (host.is_node || incident.nodes.contains(&id), host.is_dc) {
        (true, _) => Role::Node,
        (false, true) => Role::Dc,
        (false, false) => Role::Other,
    }
}

/// What was sent.
pub(super) fn bundle(name: &str, evidence: &Evidence) -> BundleReport {
    // An object that nothing else speaks of gave its name, though no fact of its own.
    let mut used: Vec<u64> = evidence.sources.iter().map(|source| source.bystanders).collect();
    for fact in &evidence.facts {
        used.get_mut(fact.origin.source.0).into_iter().for_each(|count| *count += 1);
    }
    let source = |(source, used): (&crate::evidence::SourceRecord, u64)| SourceReport {
        path: source.path.clone(),
        hash: source.hash.map(|hash| format!("blake3:{hash}")),
        kind: source.kind,
        host: source.host.map(|host| evidence.hosts.name(host).to_owned()),
        bytes: source.bytes,
        records: source.records,
        used,
        first: source.span.map(|span| text(span.0)),
        last: source.span.map(|span| text(span.1)),
        issues: source
            .issues
            .iter()
            .map(|issue| IssueReport { code: issue.code, detail: issue.detail.clone(), lost: issue.lost })
            .collect(),
    };
    BundleReport {
        name: name.to_owned(),
        hash: hash_of(evidence.sources.iter().filter_map(|source| source.hash)),
        sources: evidence.sources.iter().zip(used).map(source).collect(),
    }
}

/// Attempt `index` of an incident.
pub(super) fn attempt(
    index: usize,
    attempt: &Attempt,
    evidence: &Evidence,
    knowledge: &Knowledge,
) -> AttemptReport {
    let failed = attempt.outcome == Outcome::Failed;
    let name = |host: HostId| evidence.hosts.name(host).to_owned();
    AttemptReport {
        id: attempt_id(index),
        time: text(attempt.time),
        vm: attempt.vm.clone(),
        source: attempt.source.map(name),
        target: attempt.target.map(name),
        started_from: None,
        user: None,
        outcome: if failed { "failed" } else { "succeeded" },
        class: failed.then_some(attempt.class),
        codes: attempt.codes.iter().copied().map(code_text).collect(),
        side: attempt.side,
        progress: attempt.progress,
        progress_reading: knowledge
            .progress
            .reading(attempt.progress, attempt.class)
            .filter(|_| failed)
            .map(str::to_owned),
        evidence: attempt.facts.iter().filter_map(|fact| address(*fact, evidence)).collect(),
    }
}

/// `A1` for the first.
pub(super) fn attempt_id(index: usize) -> String {
    format!("A{}", index + 1)
}

/// A code as reports write it.
pub(super) fn code_text(code: u32) -> String {
    format!("0x{code:08X}")
}

/// Where a fact stands.
pub(super) fn address(fact: FactId, evidence: &Evidence) -> Option<AddressReport> {
    let origin = evidence.fact(fact)?.origin;
    let source = evidence.sources.get(origin.source.0)?.path.clone();
    let (record, line) = match origin.at {
        Position::Record(record) => (Some(record), None),
        Position::Line(line) => (None, Some(line)),
    };
    Some(AddressReport { source, record, line })
}

fn sorted(list: &[String]) -> Vec<String> {
    let mut list = list.to_vec();
    list.sort();
    list
}
