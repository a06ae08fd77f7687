//! Whether a change that brings a hardening, or a faulty update, leads to what the verdict blames.
//!
//! An update that merely came before is timing. It takes a verdict whose condition holds, so its witness was seen, on a
//! machine of the role on which the change acts, which must not have refused before and refuse since, and an account that
//! the change does not spare. What is known from memory alone never leads anywhere.

use jiff::{SignedDuration, Timestamp};

use super::{Placed, Strength};
use crate::diagnose::facts::states_types;
use crate::diagnose::{Judgement, Level};
use crate::evidence::{Evidence, HostId};
use crate::incident::{Change, Incident};
use crate::knowledge::{Knowledge, Role, Spares, Standing};

/// The changes, those that lead to the verdict marked so.
pub(in crate::diagnose) fn judged<'a>(
    mut changes: Vec<Placed<'a>>,
    verdict: &Judgement<'_>,
    incident: &Incident,
    evidence: &Evidence,
    knowledge: &Knowledge,
) -> Vec<Placed<'a>> {
    for placed in &mut changes {
        if leads(placed.change, verdict, incident, evidence, knowledge) {
            placed.strength = Strength::Mechanism;
        }
    }
    changes
}

/// Whether `change` brought what one of the verdict's triggers names.
fn leads(
    change: &Change,
    verdict: &Judgement<'_>,
    incident: &Incident,
    evidence: &Evidence,
    knowledge: &Knowledge,
) -> bool {
    let sure = matches!(verdict.level, Level::Probable | Level::Confirmed);
    let (Some(host), Some(rule), Some(when)) = (change.host, verdict.rule, change.effective) else {
        return false;
    };
    let (from, to) = when.span();
    let before = from.checked_sub(SignedDuration::from_secs(1)).unwrap_or(from);
    let led = |name: &String| {
        change.brings(name)
            && knowledge
                .hardenings
                .sets_off(name)
                .is_some_and(|role| acts(role, host, verdict, incident, evidence))
            && concerns(name, verdict, evidence, knowledge)
            && began(name, host, [before, to], incident, knowledge)
            && is_seen(name, verdict, incident, evidence, knowledge)
    };
    sure && rule.triggers.iter().any(led)
}

/// Whether a change of this role on `host` can hit a pair of the verdict.
fn acts(role: Role, host: HostId, verdict: &Judgement<'_>, incident: &Incident, evidence: &Evidence) -> bool {
    let is_end = verdict.pairs.iter().any(|(source, target)| host == *source || host == *target);
    let serves = || {
        let own = incident.pairs.iter().filter(|pair| verdict.pairs.contains(&(pair.source, pair.target)));
        own.into_iter().any(|pair| incident.controllers_of(pair, evidence).contains(&host))
    };
    match role {
        Role::Dc => serves(),
        Role::Host => is_end,
        Role::Both => is_end || serves(),
    }
}

/// Whether the account of an end is one that the change does not leave alone, or may be.
fn concerns(name: &str, verdict: &Judgement<'_>, evidence: &Evidence, knowledge: &Knowledge) -> bool {
    let spares = knowledge.hardenings.named(name).and_then(|hardening| hardening.spares);
    let is_spared = |host: HostId| match spares {
        Some(Spares::EncryptionTypesStated) => evidence.directory.computer(host).is_some_and(states_types),
        None => false,
    };
    verdict.pairs.iter().any(|(source, target)| !is_spared(*source) || !is_spared(*target))
}

/// Whether one of the change's own witnesses stands near a failure of the verdict. The condition of a verdict on a faulty
/// build holds its witness already.
fn is_seen(
    name: &str,
    verdict: &Judgement<'_>,
    incident: &Incident,
    evidence: &Evidence,
    knowledge: &Knowledge,
) -> bool {
    let Some(hardening) = knowledge.hardenings.named(name) else { return true };
    let own = incident.pairs.iter().filter(|pair| verdict.pairs.contains(&(pair.source, pair.target)));
    own.into_iter().any(|pair| {
        let times: Vec<_> = incident.failures(pair).map(|(_, attempt)| attempt.time).collect();
        let writers = incident.controllers_of(pair, evidence);
        incident.rejections.show(&hardening.witnesses, &times, [pair.source, pair.target], &writers)
    })
}

/// Whether `host` did not refuse, or carry the fault, at the first time, and does at the second.
fn began(
    name: &str,
    host: HostId,
    [before, after]: [Timestamp; 2],
    incident: &Incident,
    knowledge: &Knowledge,
) -> bool {
    let postures = &incident.postures;
    if let Some(fault) = postures.faults.iter().position(|fault| fault.id == name) {
        let known = knowledge.hardenings.faults().nth(fault);
        return known.is_some_and(|(_, fault)| fault.standing != Standing::Memory)
            && postures.carries(host, fault, before) != Some(true)
            && postures.carries(host, fault, after) == Some(true);
    }
    let Some(index) = knowledge.hardenings.all().iter().position(|own| own.id == name) else { return false };
    let is_known = knowledge.hardenings.named(name).is_some_and(|own| {
        let entered = postures.at(host, after).into_iter().flatten().find(|own| own.hardening == index);
        let phase = entered.and_then(|entered| own.phase.get(entered.phase?));
        own.standing != Standing::Memory && phase.is_none_or(|phase| phase.standing != Standing::Memory)
    });
    is_known
        && postures.enforces(host, index, before) != Some(true)
        && postures.enforces(host, index, after) == Some(true)
}
