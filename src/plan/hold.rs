//! What takes something from a whole host waits until every move from it is served by something else.
//!
//! Unconstrained delegation serves every target, and CredSSP needs no delegation at all: who takes either away looks at every
//! host that the source can move to, whatever part of the plan was asked for.

use std::collections::BTreeSet;

use super::{Planner, Step, is_directory};
use crate::evidence::HostId;
use crate::fact::Known;
use crate::incident::{Coverage, Grant};

/// Steps that act on a whole host.
const SWITCHES: [&str; 2] = ["clear-unconstrained", "set-migration-authentication"];

impl Planner<'_> {
    /// Takes out what would let a domain controller act for users: who controls that account rules the domain. Says so,
    /// in a sentence each.
    pub(super) fn spare_controllers(&self, steps: &mut Vec<Step>) -> Vec<String> {
        let is_spared =
            |step: &Step| is_directory(&step.kind) && step.host.is_some_and(|host| self.is_controller(host));
        let spared: Vec<_> = steps.extract_if(.., |step| is_spared(step)).collect();
        let sentence = |step: Step| {
            format!(
                "{}: not in this plan, for the host is a domain controller, and its account is not to be let act for users; \
                 start moves from it in a session on it, or take the domain controller off the host",
                step.title
            )
        };
        spared.into_iter().map(sentence).collect()
    }

    /// Blocks such steps by what their place-takers wait for, and takes those out whose place nothing takes. Says of
    /// these why, in a sentence each.
    pub(super) fn hold_back(&self, steps: &mut Vec<Step>) -> Vec<String> {
        let mut dropped = Vec::new();
        let is_switch = |step: &&Step| SWITCHES.contains(&step.kind.as_str());
        let switches: Vec<_> =
            steps.iter().filter(is_switch).filter_map(|step| Some((step.kind.clone(), step.host?))).collect();
        for (kind, host) in switches {
            let gaps = gaps(steps, host);
            let unserved = self.unserved(host, &kind, steps);
            let is_it = |step: &Step| step.kind == kind && step.host == Some(host);
            let Some(at) = steps.iter().position(is_it) else { continue };
            if unserved.is_empty() || !gaps.is_empty() {
                if let Some(step) = steps.get_mut(at) {
                    let all: BTreeSet<_> = step.blocked_by.drain(..).chain(gaps).collect();
                    step.blocked_by.extend(all);
                }
                continue;
            }
            let names: Vec<_> = unserved.iter().map(|target| self.evidence.hosts.name(*target)).collect();
            dropped.push(format!(
                "{}: not in this plan, which leaves moves from there to {} without anything in its place",
                steps.remove(at).title,
                names.join(", ")
            ));
        }
        dropped
    }

    /// Hosts that `host` can move to and that nothing in the directory or the plan serves.
    fn unserved(&self, host: HostId, kind: &str, steps: &[Step]) -> Vec<HostId> {
        let given: BTreeSet<HostId> = steps
            .iter()
            .filter(|step| {
                step.kind == "add-delegation" && step.host == Some(host) && step.blocked_by.is_empty()
            })
            .flat_map(|step| step.targets.iter().copied())
            .collect();
        let is_served = |target: HostId| {
            let pair = self.incident.pairs.iter().find(|pair| (pair.source, pair.target) == (host, target));
            let Some(pair) = pair else { return false };
            // A cluster moves its machines under its own identity, unless its failures show something else.
            let is_own = pair.grant == Grant::NotNeeded
                && (kind == "clear-unconstrained" || self.incident.clusters.together(host, target));
            is_own
                || pair.coverage == Known::Known(Coverage::Full)
                || pair.granted_by_target == Known::Known(true)
        };
        let tried = self.incident.pairs.iter().filter(|pair| pair.source == host).map(|pair| pair.target);
        let possible = self
            .incident
            .nodes
            .iter()
            .copied()
            .filter(|node| *node != host && self.incident.clusters.in_question(host, *node));
        let all: BTreeSet<HostId> = tried.chain(possible).collect();
        all.into_iter().filter(|target| !given.contains(target) && !is_served(*target)).collect()
    }
}

/// What the steps wait for that give `host` delegation, for all of its targets or for some.
fn gaps(steps: &[Step], host: HostId) -> BTreeSet<String> {
    let giving = steps.iter().filter(|step| {
        step.host == Some(host) && matches!(step.kind.as_str(), "add-delegation" | "set-protocol")
    });
    let each = |step: &Step| {
        let left_out = step.left_out.iter().map(|(_, gap)| gap.clone());
        step.blocked_by.iter().cloned().chain(left_out).collect::<Vec<_>>()
    };
    giving.flat_map(each).collect()
}
