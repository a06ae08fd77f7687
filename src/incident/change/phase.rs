//! What updates bring to a machine, and phases of which only the day is known.
//!
//! An update brings every phase between the build before it and its own, not only what it was the first to carry. What
//! is *not* done here: telling whether a phase matters to a failure.

use jiff::Timestamp;
use jiff::civil::Date;

use super::{Boot, Change, Kind, When};
use crate::evidence::{Evidence, HostId};
use crate::incident::{Attempt, Machine, Postures};
use crate::knowledge::{Builds, Hardening, Knowledge, Role, State};

/// Hardening changes and faults that `kb` brings to `host`, which took effect at `effective`.
pub(super) fn brought(
    kb: &str,
    host: Option<(HostId, &Machine)>,
    boots: &[Boot],
    effective: Option<When>,
    evidence: &Evidence,
    knowledge: &Knowledge,
) -> (Vec<String>, Vec<String>) {
    let builds = &knowledge.builds;
    let own = host.and_then(|(id, machine)| Some((evidence.hosts.get(id)?, machine.version.as_deref()?)));
    let first = || knowledge.hardenings.brought_by(kb).to_vec();
    let Some((own, version)) = own else { return (first(), Vec::new()) };
    let Some(rank) = builds.release(kb, version).and_then(|release| builds.rank(release)) else {
        return (Vec::new(), Vec::new());
    };
    let fits = |hardening: &&Hardening| hardening.role.fits(own.is_dc, own.is_node);
    let before = effective.and_then(|when| rank_before(when.span().0, version, boots, builds));
    let all = knowledge.hardenings.all().iter().filter(fits);
    let hardening = match before {
        Some(before) => all
            .filter(|own| own.entered(version, before, rank, builds).next().is_some())
            .map(|own| own.id.clone())
            .collect(),
        None => {
            let acts = |id: &String| knowledge.hardenings.named(id).is_some_and(|own| fits(&own));
            first().into_iter().filter(acts).collect()
        }
    };
    let carried =
        knowledge.hardenings.faults().filter(|(hardening, _)| fits(hardening)).filter(|(_, fault)| {
            fault.ranks(version, builds).is_some_and(|ranks| {
                ranks.contains(&rank) && before.is_none_or(|before| !ranks.contains(&before))
            })
        });
    (hardening, carried.map(|(_, fault)| fault.id.clone()).collect())
}

/// The rank that ran before `time`.
fn rank_before(time: Timestamp, version: &str, boots: &[Boot], builds: &Builds) -> Option<u64> {
    let number = Builds::number(version)?;
    let boot = boots.iter().rfind(|boot| boot.0 < time && boot.1 == number)?;
    builds.rank_of(version, boot.2)
}

/// Enforcing phases of domain controllers that began between the first and the last attempt, where nothing tells what
/// any domain controller ran: all that is known is their day.
pub(in crate::incident) fn by_date(
    attempts: &[Attempt],
    postures: &Postures,
    evidence: &Evidence,
    knowledge: &Knowledge,
) -> Vec<Change> {
    let (Some(first), Some(last)) = (attempts.first(), attempts.last()) else { return Vec::new() };
    let mut controllers = evidence.hosts.domain_controllers();
    if controllers.any(|host| postures.running(host, last.time).is_some()) {
        return Vec::new();
    }
    let phase = |(hardening, phase): (&Hardening, &crate::knowledge::Phase)| {
        let day: Date = phase.date.parse().ok()?;
        let (from, to) = When::On(day).span();
        (to >= first.time && from <= last.time).then(|| Change {
            kind: Kind::Phase,
            id: hardening.id.clone(),
            host: None,
            installed: Some(When::On(day)),
            effective: Some(When::On(day)),
            takes: std::collections::BTreeSet::new(),
            gives: Default::default(),
            hardening: vec![hardening.id.clone()],
            faults: Vec::new(),
            upgrade: None,
            facts: Vec::new(),
        })
    };
    let of_controllers = knowledge.hardenings.all().iter().filter(|hardening| hardening.role != Role::Host);
    let enforcing = of_controllers
        .flat_map(|hardening| hardening.phase.iter().map(move |phase| (hardening, phase)))
        .filter(|(_, phase)| phase.state >= State::EnforcedByDefault);
    enforcing.filter_map(phase).collect()
}
