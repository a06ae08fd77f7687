//! What the report says of hardening: per host, and where domain controllers stand apart.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::evidence::{Evidence, HostId};
use crate::incident::{Active, By, Incident, Outcome};
use crate::knowledge::{Hardening, Knowledge, State};

/// What a hardening change is on a host.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HardeningReport {
    /// The change.
    pub id: String,
    /// The phase that its build holds; with `by` `date`, the one that its day suggests.
    pub phase: Option<String>,
    /// What that means, the registry regarded.
    pub state: State,
    /// What decided; `null` where nothing could.
    pub by: Option<By>,
}

/// Domain controllers on both sides of an enforcing phase at the last failure.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StraddleReport {
    /// The change.
    pub hardening: String,
    /// Those that refuse.
    pub enforcing: Vec<String>,
    /// Those that do not.
    pub behind: Vec<String>,
    /// Those of which nothing tells.
    pub unknown: Vec<String>,
}

/// The moment of which the report speaks: the last failure, else the last attempt, else the end of all logs.
fn moment(incident: &Incident) -> Timestamp {
    let failed = incident.attempts.iter().rfind(|attempt| attempt.outcome == Outcome::Failed);
    failed.or(incident.attempts.last()).map_or(Timestamp::MAX, |attempt| attempt.time)
}

/// What is in force on `host`; `None` where nothing tells its build.
pub(super) fn of_host(
    host: HostId,
    incident: &Incident,
    knowledge: &Knowledge,
) -> Option<Vec<HardeningReport>> {
    let time = moment(incident);
    let active = incident.postures.at(host, time)?;
    Some(active.iter().filter_map(|own| of(own, time, knowledge)).collect())
}

fn of(active: &Active, time: Timestamp, knowledge: &Knowledge) -> Option<HardeningReport> {
    let hardening = knowledge.hardenings.all().get(active.hardening)?;
    let name = |index: usize| hardening.phase.get(index).map(|phase| phase.name.clone());
    let phase = active.phase.and_then(name);
    let hint = phase.is_none().then(|| by_day(hardening, time)).flatten();
    let hint = hint.filter(|_| active.state == State::Unknown && active.by.is_none());
    Some(HardeningReport {
        id: hardening.id.clone(),
        by: if hint.is_some() { Some(By::Date) } else { active.by },
        phase: phase.or(hint),
        state: active.state,
    })
}

/// The phase that a machine with every update of its time would hold.
fn by_day(hardening: &Hardening, time: Timestamp) -> Option<String> {
    let day = time.strftime("%Y-%m-%d").to_string();
    hardening.phase.iter().rfind(|phase| phase.date <= day).map(|phase| phase.name.clone())
}

/// Whether `host` ran a build beyond every update that is known.
pub(super) fn is_newer(host: HostId, incident: &Incident, knowledge: &Knowledge) -> bool {
    incident.postures.running(host, moment(incident)).is_some_and(|running| {
        running.least.is_some_and(|least| knowledge.builds.is_newer(&running.version, least))
    })
}

/// Every change that splits the domain controllers of a domain.
pub(super) fn straddles(
    incident: &Incident,
    evidence: &Evidence,
    knowledge: &Knowledge,
) -> Vec<StraddleReport> {
    let all: Vec<HostId> = evidence.hosts.domain_controllers().collect();
    let names = |hosts: &[HostId]| {
        let mut names: Vec<_> = hosts.iter().map(|host| evidence.hosts.name(*host).to_owned()).collect();
        names.sort();
        names
    };
    let report = |own: crate::incident::Straddle| {
        Some(StraddleReport {
            hardening: knowledge.hardenings.all().get(own.hardening)?.id.clone(),
            enforcing: names(&own.enforcing),
            behind: names(&own.behind),
            unknown: names(&own.unknown),
        })
    };
    incident.postures.straddles(&all, moment(incident)).into_iter().filter_map(report).collect()
}
