//! What the rules say of the same facts with the plan applied, and what the plan leaves undone.

use std::collections::BTreeMap;

use super::{Hits, Planner, Step, is_directory};
use crate::diagnose::{RuleOutcome, in_question, judge};
use crate::evidence::{Directory, HostId};
use crate::fact::{DirectoryObject, Known};
use crate::incident::{Grant, Pair};
use crate::knowledge::{Cause, Per};

impl Planner<'_> {
    /// Rules that hit now, and of the computer objects as the steps leave them.
    pub(super) fn prove(&self, objects: &BTreeMap<HostId, DirectoryObject>) -> (Hits, Hits) {
        let become_that = |object: &DirectoryObject| {
            let object = object.clone();
            move |own: &mut DirectoryObject| own.clone_from(&object)
        };
        let patches: BTreeMap<_, _> =
            objects.iter().map(|(host, object)| (*host, become_that(object))).collect();
        let patched = self.evidence.directory.patched(&patches);
        let pairs = self.incident.with_directory(self.evidence, &patched);
        // The same pairs now and afterwards: one that has what it needs may fail for another reason still.
        let asked = in_question(&self.incident.pairs, self.incident);
        let before = self.hits(asked.clone(), &self.incident.pairs, &self.evidence.directory);
        (before, self.hits(asked, &pairs, &patched))
    }

    fn hits(&self, asked: Vec<usize>, pairs: &[Pair], directory: &Directory) -> Hits {
        let mut hits: BTreeMap<&str, Vec<(HostId, HostId)>> = BTreeMap::new();
        for answer in judge(&self.knowledge.rules, asked, pairs, self.incident, self.evidence, directory) {
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
    pub(super) fn remaining(&self, after: &Hits, steps: &[Step]) -> Vec<String> {
        let mut remaining: Vec<String> = Vec::new();
        for (id, pairs) in after {
            let Some(rule) = self.knowledge.rules.iter().find(|rule| rule.id == *id) else { continue };
            // Tickets that are fetched anew show what the directory grants, and change none of it.
            let is_of_directory = rule.fixes.iter().any(|fix| is_directory(fix));
            let mends = |step: &&Step| {
                let acts =
                    step.kind != "test-migration" && !(is_of_directory && step.kind == "purge-tickets");
                acts && rule.fixes.contains(&step.kind)
            };
            // What is made at the source serves one direction.
            let is_directed = |step: &Step| {
                self.knowledge.fixes.named(&step.kind).is_some_and(|fix| fix.per == Per::Source)
            };
            let about = |(source, target): &(HostId, HostId)| {
                steps.iter().filter(mends).any(|step| {
                    let is_in = |host: &HostId| step.host == Some(*host) || step.targets.contains(host);
                    is_in(source) && is_in(target) && (step.host == Some(*source) || !is_directed(step))
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
        let left_out = steps.iter().flat_map(|step| step.left_out.iter().map(move |left| (step, left)));
        remaining.extend(left_out.filter(|(step, _)| !step.optional).filter_map(|(step, (target, gap))| {
            let [source, target] = [step.host?, *target].map(|host| self.evidence.hosts.name(host));
            Some(if gap == "duplicate-names" {
                format!("{source} → {target} is left out: a name of {target} stands on another account as well, which delegation would reach; take it off there, and analyze again with {gap}")
            } else {
                format!("{source} → {target} is left out until {gap} is there")
            })
        }));
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
