//! Which hardening is in force on which machine, and since when.
//!
//! The build decides, else a list of updates; a day alone decides nothing. A value of the registry outranks a phase
//! until the change is fully enforced. What nobody can tell is unknown, and domain controllers on both sides of an
//! enforcing phase are called a straddle only where both sides are known. What is *not* done here: blaming it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::running::{By, History, Running};
use crate::evidence::{Evidence, FactId, HostId};
use crate::fact::Observation;
use crate::knowledge::{Class, Gate, Hardening, Knowledge, Reached, Role, Standing, State};

/// What one hardening change is on one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Active {
    /// The change, by index in the knowledge.
    pub hardening: usize,
    /// The phase, by index; `None` before the first and where it is not known.
    pub phase: Option<usize>,
    /// What that means.
    pub state: State,
    /// Whether it refuses; known more often than the state.
    pub enforces: Option<bool>,
    /// What decided; `None` where nothing could.
    pub by: Option<By>,
}

/// What holds on a machine from a time on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    since: Timestamp,
    active: Vec<Active>,
    /// Faults of the build, by index: carried, or `None` where that is not known.
    faults: Vec<Option<bool>>,
    running: Option<Running>,
}

/// One machine through time.
#[derive(Debug, Clone, Default)]
struct Posture {
    spans: Vec<Span>,
}

/// A fault that a build can carry.
#[derive(Debug, Clone)]
pub struct KnownFault {
    /// Such as `S4USELF-2021-11`.
    pub id: String,
    /// Classes of failure that it shows.
    pub classes: Vec<Class>,
}

/// Domain controllers on both sides of an enforcing phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Straddle {
    /// The change, by index in the knowledge.
    pub hardening: usize,
    /// Those that refuse.
    pub enforcing: Vec<HostId>,
    /// Those that do not.
    pub behind: Vec<HostId>,
    /// Those of which it is not known.
    pub unknown: Vec<HostId>,
}

/// Every machine, and what the registry says of encryption types.
#[derive(Debug, Default)]
pub struct Postures {
    machines: BTreeMap<HostId, Posture>,
    /// Changes that act on domain controllers and can refuse, by index, with their ids.
    refusing: Vec<(usize, String)>,
    /// Faults, in the knowledge's order.
    pub faults: Vec<KnownFault>,
    /// `SupportedEncryptionTypes` as policy sets it.
    pub policy_types: BTreeMap<HostId, (u32, FactId)>,
    /// `DefaultDomainSupportedEncTypes` of domain controllers.
    pub default_types: BTreeMap<HostId, (u32, FactId)>,
}

/// Values of the registry by key and name; `None` where two exports disagree.
type Values<'a> = BTreeMap<(&'a str, &'a str), Option<(u32, FactId)>>;

impl Postures {
    pub(super) fn of(
        histories: &BTreeMap<HostId, History>,
        evidence: &Evidence,
        knowledge: &Knowledge,
    ) -> Self {
        let registry = registry(evidence);
        let machine = |(host, history): (&HostId, &History)| {
            let own = evidence.hosts.get(*host)?;
            let values = registry.get(host);
            let fits = |hardening: &Hardening| hardening.role.fits(own.is_dc, own.is_node);
            Some((*host, Posture::of(history, values, &fits, knowledge)))
        };
        let all = knowledge.hardenings.all().iter().enumerate();
        let refuses = |hardening: &Hardening| {
            hardening.role != Role::Host
                && hardening.phase.iter().any(|phase| phase.state.enforces() == Some(true))
        };
        let fault = |(_, fault): (&Hardening, &crate::knowledge::Fault)| KnownFault {
            id: fault.id.clone(),
            classes: fault.classes.clone(),
        };
        let stated = |key: &str, name: &str| {
            let own = registry.iter().filter_map(|(host, values)| {
                let value = values.iter().find(|((own, value), _)| own.ends_with(key) && *value == name)?;
                Some((*host, (*value.1)?))
            });
            own.collect()
        };
        Self {
            machines: histories.iter().filter_map(machine).collect(),
            refusing: all
                .filter(|(_, own)| refuses(own))
                .map(|(index, own)| (index, own.id.clone()))
                .collect(),
            faults: knowledge.hardenings.faults().map(fault).collect(),
            policy_types: stated(r"Policies\System\Kerberos\Parameters", "SupportedEncryptionTypes"),
            default_types: stated(r"Services\Kdc", "DefaultDomainSupportedEncTypes"),
        }
    }

    fn span(&self, host: HostId, time: Timestamp) -> Option<&Span> {
        self.machines.get(&host)?.spans.iter().rfind(|span| span.since <= time)
    }

    /// What is in force on `host` at `time`; `None` where nothing tells its build.
    #[must_use]
    pub fn at(&self, host: HostId, time: Timestamp) -> Option<&[Active]> {
        let span = self.span(host, time)?;
        span.running.is_some().then_some(span.active.as_slice())
    }

    /// What is known of the build of `host` at `time`.
    #[must_use]
    pub fn running(&self, host: HostId, time: Timestamp) -> Option<&Running> {
        self.span(host, time)?.running.as_ref()
    }

    /// Whether `host` carried the fault with this index at `time`; `None` where nothing tells.
    #[must_use]
    pub fn carries(&self, host: HostId, fault: usize, time: Timestamp) -> Option<bool> {
        self.span(host, time)?.faults.get(fault).copied().flatten()
    }

    /// Whether `host` refuses what the change with this index refuses; `None` where nothing tells, or where the change
    /// does not concern its version.
    #[must_use]
    pub fn enforces(&self, host: HostId, hardening: usize, time: Timestamp) -> Option<bool> {
        let active = self.at(host, time)?;
        active.iter().find(|own| own.hardening == hardening)?.enforces
    }

    /// Changes that act on domain controllers and can refuse, with their ids.
    pub fn refusing(&self) -> impl Iterator<Item = (usize, &str)> {
        self.refusing.iter().map(|(index, id)| (*index, id.as_str()))
    }

    /// Every change that splits `controllers` at `time`.
    #[must_use]
    pub fn straddles(&self, controllers: &[HostId], time: Timestamp) -> Vec<Straddle> {
        let of = |(hardening, _): (usize, &str)| {
            let mut straddle =
                Straddle { hardening, enforcing: Vec::new(), behind: Vec::new(), unknown: Vec::new() };
            for host in controllers {
                match self.enforces(*host, hardening, time) {
                    Some(true) => straddle.enforcing.push(*host),
                    Some(false) => straddle.behind.push(*host),
                    None => straddle.unknown.push(*host),
                }
            }
            (!straddle.enforcing.is_empty() && !straddle.behind.is_empty()).then_some(straddle)
        };
        self.refusing().filter_map(of).collect()
    }
}

/// Every number that exports state, by host.
fn registry(evidence: &Evidence) -> BTreeMap<HostId, Values<'_>> {
    let mut all: BTreeMap<HostId, Values<'_>> = BTreeMap::new();
    for (index, fact) in evidence.facts.iter().enumerate() {
        let Observation::Registry(value) = &fact.observation else { continue };
        let (Some(host), Some(number)) = (evidence.host_of(FactId(index)), value.number) else { continue };
        let slot = all.entry(host).or_default().entry((value.key.as_str(), value.name.as_str()));
        slot.and_modify(|known| *known = known.filter(|(own, _)| *own == number))
            .or_insert(Some((number, FactId(index))));
    }
    all
}

impl Posture {
    fn of(
        history: &History,
        values: Option<&Values<'_>>,
        fits: &dyn Fn(&Hardening) -> bool,
        knowledge: &Knowledge,
    ) -> Self {
        let mut spans: Vec<Span> = Vec::new();
        for since in std::iter::once(Timestamp::MIN).chain(history.times()) {
            let running = history.at(since);
            let span = Span {
                since,
                active: running.as_ref().map_or_else(Vec::new, |own| active(own, values, fits, knowledge)),
                faults: faults(running.as_ref(), knowledge),
                running,
            };
            if spans.last().is_none_or(|last| last.running != span.running) {
                spans.push(span);
            }
        }
        Self { spans }
    }
}

/// Every change that fits the machine and concerns its version.
fn active(
    running: &Running,
    values: Option<&Values<'_>>,
    fits: &dyn Fn(&Hardening) -> bool,
    knowledge: &Knowledge,
) -> Vec<Active> {
    let all = knowledge.hardenings.all().iter().enumerate().filter(|(_, hardening)| fits(hardening));
    all.filter_map(|(index, hardening)| judged(index, hardening, running, values, knowledge)).collect()
}

/// One change on one machine; `None` where it does not concern the version.
fn judged(
    index: usize,
    hardening: &Hardening,
    running: &Running,
    values: Option<&Values<'_>>,
    knowledge: &Knowledge,
) -> Option<Active> {
    let reached = |rank: u64| hardening.reached(&running.version, rank, &knowledge.builds);
    let (least, most) = (reached(running.least.unwrap_or(0)), reached(running.most.unwrap_or(u64::MAX)));
    if least == Reached::Never {
        return None;
    }
    let unknown = Active { hardening: index, phase: None, state: State::Unknown, enforces: None, by: None };
    // Phases are counted from 1 here, and 0 is before the first.
    let step = |reached: Reached| match reached {
        Reached::Before => Some(0),
        Reached::Phase(phase) => Some(phase + 1),
        Reached::Never | Reached::Open => None,
    };
    let Some((from, to)) = step(least).zip(step(most)) else { return Some(unknown) };
    let states: BTreeSet<(State, bool)> = (from..=to).map(|steps| state(hardening, steps, values)).collect();
    let enforces: BTreeSet<Option<bool>> = states.iter().map(|(state, _)| state.enforces()).collect();
    let enforces = if enforces.len() == 1 { enforces.first().copied().flatten() } else { None };
    let only = states.first().filter(|_| states.len() == 1);
    let phase = to.checked_sub(1).filter(|_| from == to);
    Some(match (only, enforces) {
        (Some((State::Unknown, _)), _) => Active { phase, ..unknown },
        (Some((state, gated)), enforces) => {
            let by = Some(if *gated { By::Registry } else { running.by });
            Active { hardening: index, phase, state: *state, enforces, by }
        }
        (None, Some(true)) => {
            Active { state: State::EnforcedByDefault, enforces, by: Some(running.by), ..unknown }
        }
        (None, enforces) => Active { enforces, by: enforces.map(|_| running.by), ..unknown },
    })
}

/// What a change is after its first `steps` phases, and whether the registry said so.
fn state(hardening: &Hardening, steps: usize, values: Option<&Values<'_>>) -> (State, bool) {
    let phases = hardening.phase.get(..steps).unwrap_or_default();
    let Some(phase) = phases.last() else { return (State::Absent, false) };
    let stated = |gate: &Gate| {
        let number = values?.get(&(gate.key.as_str(), gate.name.as_str()))?;
        let Some((number, _)) = number else { return Some(State::Unknown) };
        let state = gate.state(*number).filter(|state| gate.is_heard(*state, phases))?;
        // What nobody verified decides nothing against the phase.
        let agrees = state.enforces() == phase.state.enforces();
        Some(if gate.standing == Standing::Memory && !agrees { State::Unknown } else { state })
    };
    let said: Vec<_> = hardening.gate.iter().filter_map(stated).collect();
    if said.contains(&State::Unknown) {
        return (State::Unknown, true);
    }
    said.into_iter().min().map_or((phase.state, false), |state| (state, true))
}

/// Which faults a build carries.
fn faults(running: Option<&Running>, knowledge: &Knowledge) -> Vec<Option<bool>> {
    let carries = |fault: &crate::knowledge::Fault| {
        let running = running?;
        let Some(ranks) = fault.ranks(&running.version, &knowledge.builds) else { return Some(false) };
        let (least, most) = (running.least.unwrap_or(0), running.most.unwrap_or(u64::MAX));
        match (ranks.contains(&least), ranks.contains(&most)) {
            (true, true) => Some(true),
            (false, false) if most < ranks.start || least >= ranks.end => Some(false),
            _ => None,
        }
    };
    knowledge.hardenings.faults().map(|(_, fault)| carries(fault)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(version: &str, least: Option<u64>, most: Option<u64>) -> Running {
        Running { version: version.into(), least, most, by: By::Build, facts: Vec::new() }
    }

    fn find(id: &str, running: &Running, values: Option<&Values<'_>>) -> Option<Active> {
        let knowledge = Knowledge::load().unwrap();
        let index = knowledge.hardenings.all().iter().position(|own| own.id == id).unwrap();
        active(running, values, &|_| true, &knowledge).into_iter().find(|own| own.hardening == index)
    }

    const KDC: &str = r"SYSTEM\CurrentControlSet\Services\Kdc";

    #[test]
    fn the_build_decides() {
        let state = |least, most| {
            let active = find("PACSIG-CVE-2022-37967", &running("2019", least, most), None).unwrap();
            (active.state, active.enforces)
        };
        assert_eq!(state(Some(3649), Some(3649)), (State::Absent, Some(false)));
        assert_eq!(state(Some(3650), Some(3650)), (State::Available, Some(false)));
        assert_eq!(state(Some(9121), Some(9121)), (State::Enforced, Some(true)));
        assert_eq!(state(Some(4645), None), (State::EnforcedByDefault, Some(true)));
        assert_eq!(state(None, Some(3700)), (State::Unknown, Some(false)));
        assert_eq!(state(Some(3650), None), (State::Unknown, None));
    }

    #[test]
    fn a_gate_outranks_a_phase_until_it_is_enforced() {
        let number = |number| Values::from([((KDC, "PacRequestorEnforcement"), Some((number, FactId(0))))]);
        let state = |rank, value| {
            let active =
                find("PACREQ-CVE-2021-42287", &running("2019", Some(rank), Some(rank)), Some(&number(value)));
            active.map(|active| (active.state, active.by)).unwrap()
        };
        assert_eq!(state(2300, 2), (State::Enforced, Some(By::Registry)));
        assert_eq!(state(2300, 0), (State::Off, Some(By::Registry)));
        // Switching it off is not heard any more, and later nothing is.
        assert_eq!(state(3165, 0), (State::Available, Some(By::Build)));
        assert_eq!(state(3532, 1), (State::Enforced, Some(By::Build)));
        // A build without it does not know the value.
        assert_eq!(state(2299, 2), (State::Absent, Some(By::Build)));
    }

    #[test]
    fn a_gate_from_memory_only_casts_doubt() {
        let value = Values::from([((KDC, "KrbtgtFullPacSignature"), Some((2, FactId(0))))]);
        let state = |rank| {
            find("PACSIG-CVE-2022-37967", &running("2019", Some(rank), Some(rank)), Some(&value))
                .unwrap()
                .state
        };
        assert_eq!((state(4645), state(3770), state(4974)), (State::Unknown, State::Audit, State::Enforced));
    }

    #[test]
    fn what_does_not_concern_a_version_is_not_listed() {
        assert_eq!(find("DUPSID-KB5068222", &running("2019", Some(9121), Some(9121)), None), None);
    }

    #[test]
    fn a_fault_is_carried_where_both_bounds_say_so() {
        let knowledge = Knowledge::load().unwrap();
        let index = knowledge.hardenings.faults().position(|(_, own)| own.id == "S4U2SELF-2021-11").unwrap();
        let carried = |running: &Running| faults(Some(running), &knowledge)[index];
        assert_eq!(carried(&running("2019", Some(2300), Some(2304))), Some(true));
        assert_eq!(carried(&running("2019", Some(2305), None)), Some(false));
        assert_eq!(carried(&running("2019", None, Some(2304))), None);
        assert_eq!(carried(&running("2022", Some(350), Some(350))), Some(false));
        assert_eq!(faults(None, &knowledge)[index], None);
    }
}
