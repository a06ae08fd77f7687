//! What changed: updates, boots on a new build, directory changes, Credential Guard, clocks.
//!
//! An update counts from the boot on its build (Kernel-General 12), not from its installation. What is *not*
//! done here: placing a change before, in or after an onset, which depends on the verdict.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::Machine;
use crate::evidence::{Evidence, FactId, HostId, Signalled};
use crate::fact::{Event, InstallDay, Spn};
use crate::knowledge::{Builds, Knowledge, Meaning};

mod phase;
mod policy;

pub(super) use phase::by_date;

/// What kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An update was installed.
    Update,
    /// A hardening entered a phase.
    Phase,
    /// The system was upgraded in place.
    OsUpgrade,
    /// A policy changed.
    Policy,
    /// A computer object changed.
    Directory,
    /// Credential Guard began to run.
    CredentialGuard,
    /// The system started.
    Reboot,
    /// The clock was set.
    Time,
}

impl Kind {
    /// The name in reports and in a rule's `triggers`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Update => "update",
            Self::Phase => "phase",
            Self::OsUpgrade => "os-upgrade",
            Self::Policy => "policy",
            Self::Directory => "directory",
            Self::CredentialGuard => "credential-guard",
            Self::Reboot => "reboot",
            Self::Time => "time",
        }
    }
}

/// When something happened, as precisely as the evidence says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    /// To the second.
    At(Timestamp),
    /// Some time on a day local to the exporter.
    On(Date),
}

impl When {
    /// The earliest and latest instants it can be: a local day anywhere on earth spans UTC−12 to UTC+14.
    #[must_use]
    pub fn span(self) -> (Timestamp, Timestamp) {
        match self {
            Self::At(time) => (time, time),
            Self::On(day) => {
                let midnight = day
                    .to_zoned(jiff::tz::TimeZone::UTC)
                    .map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp());
                let earliest = midnight.checked_sub(SignedDuration::from_hours(14)).unwrap_or(midnight);
                (earliest, midnight.checked_add(SignedDuration::from_hours(36)).unwrap_or(midnight))
            }
        }
    }
}

/// What a change of a computer object takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// A migration SPN of a delegation list, or a delegation bit: hits the host as a source.
    Delegation,
    /// A value of resource-based delegation: hits the host as a target.
    ResourceDelegation,
    /// "Use any authentication protocol".
    Transition,
    /// The account's use.
    Account,
    /// A service principal name.
    ServiceName,
}

impl Loss {
    /// The name in a rule's `triggers`.
    fn name(self) -> &'static str {
        match self {
            Self::Delegation => "delegation-removed",
            Self::ResourceDelegation => "resource-delegation-removed",
            Self::Transition => "protocol-transition-removed",
            Self::Account => "account-disabled",
            Self::ServiceName => "spn-removed",
        }
    }
}

/// Which end of a move a change of its host can hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hits {
    /// The host as a source.
    Source,
    /// The host as a target.
    Target,
    /// The host at either end.
    Either,
}

/// Every name that a rule's `triggers` may hold, and the end that such a change hits.
const TRIGGERS: &[(&str, Hits)] = &[
    ("delegation-removed", Hits::Source),
    ("resource-delegation-removed", Hits::Target),
    ("protocol-transition-removed", Hits::Source),
    ("account-disabled", Hits::Either),
    ("spn-removed", Hits::Target),
    ("os-upgrade", Hits::Source),
    ("os-upgrade-to-2016", Hits::Source),
    ("os-upgrade-to-2025", Hits::Source),
    ("credential-guard", Hits::Source),
    ("time", Hits::Either),
];

/// The end that a change called `trigger` hits; `None` for a name that no rule may use.
#[must_use]
pub fn trigger(trigger: &str) -> Option<Hits> {
    TRIGGERS.iter().find(|known| known.0 == trigger).map(|known| known.1)
}

/// Every name that a rule's `triggers` may hold.
pub fn triggers() -> impl Iterator<Item = &'static str> {
    TRIGGERS.iter().map(|known| known.0)
}

impl Change {
    /// Whether the change is of the kind that `trigger` names. `os-upgrade-to-2016` is an upgrade from an older version
    /// to that or a newer one.
    #[must_use]
    pub fn sets_off(&self, trigger: &str) -> bool {
        let year = trigger.strip_prefix("os-upgrade-to-").and_then(|year| year.parse::<i64>().ok());
        let crosses = year.zip(self.upgrade).is_some_and(|(year, (from, to))| from < year && year <= to);
        crosses || self.kind.name() == trigger || self.takes.iter().any(|(loss, _)| loss.name() == trigger)
    }

    /// Whether it brings the hardening change, or the fault of an update, that `trigger` names.
    #[must_use]
    pub fn brings(&self, trigger: &str) -> bool {
        self.hardening.iter().chain(&self.faults).any(|id| id == trigger)
    }

    /// Whether what the change takes away was meant for `target`; losses that name no host are for all.
    #[must_use]
    pub fn concerns(&self, target: HostId) -> bool {
        self.takes.is_empty() || self.takes.iter().any(|(_, named)| named.is_none_or(|named| named == target))
    }
}

/// One change.
#[derive(Debug, Clone)]
pub struct Change {
    /// What kind.
    pub kind: Kind,
    /// The KB, or `kind:HOST:time`.
    pub id: String,
    /// The host, or the host whose object changed.
    pub host: Option<HostId>,
    /// When it was installed or made; `None` where the exporter's date can't be decided.
    pub installed: Option<When>,
    /// When it took effect: an update at the boot on its build; `None` where no such boot is seen.
    pub effective: Option<When>,
    /// What a directory change takes away, and the host that a lost delegation named.
    pub takes: BTreeSet<(Loss, Option<HostId>)>,
    /// What a directory change gives, in the same words: 5136 alone names values that are new.
    pub gives: BTreeSet<(Loss, Option<HostId>)>,
    /// Hardening changes that it brings, by id.
    pub hardening: Vec<String>,
    /// Known faults of updates that it brings, by id.
    pub faults: Vec<String>,
    /// The versions, by year, from and to which an upgrade in place led.
    pub upgrade: Option<(i64, i64)>,
    /// What states it.
    pub facts: Vec<FactId>,
}

/// Two changes of one object within this time are one piece of work.
const ONE_WORK: SignedDuration = SignedDuration::from_mins(2);

/// `(build, revision)` of a Kernel-General 12.
pub(super) fn boot(event: &Event) -> Option<(u32, u32)> {
    Some((event.field("BuildVersion")?.trim().parse().ok()?, event.field("QfeVersion")?.trim().parse().ok()?))
}

/// Every change that a record or a list states.
pub(super) fn changes(
    signalled: &[Signalled<'_>],
    machines: &BTreeMap<HostId, Machine>,
    evidence: &Evidence,
    knowledge: &Knowledge,
) -> Vec<Change> {
    let boots = boots(signalled);
    let mut changes = updates(signalled, machines, evidence, knowledge, &boots);
    changes.extend(policy::policies(signalled, evidence));
    changes.extend(builds(&boots, evidence, knowledge));
    changes.extend(directory(signalled, evidence));
    let upgraded = |host: HostId, time: Timestamp| {
        changes
            .iter()
            .any(|change| change.kind == Kind::OsUpgrade && change.host == Some(host) && near(change, time))
    };
    let guarded: Vec<_> = machines
        .iter()
        .filter_map(|(host, machine)| credential_guard(*host, machine))
        .filter(|(host, time, _)| !upgraded(*host, *time))
        .collect();
    changes.extend(
        guarded
            .into_iter()
            .map(|(host, time, fact)| moment(Kind::CredentialGuard, host, time, vec![fact], evidence)),
    );
    changes.extend(clocks(signalled, machines, evidence));
    changes
}

/// Puts changes in the order of time.
pub(super) fn sort(changes: &mut [Change]) {
    changes.sort_by(|a, b| {
        (a.effective.or(a.installed).map(When::span), &a.id, a.host).cmp(&(
            b.effective.or(b.installed).map(When::span),
            &b.id,
            b.host,
        ))
    });
}

/// A change that has no id of its own.
fn moment(kind: Kind, host: HostId, time: Timestamp, facts: Vec<FactId>, evidence: &Evidence) -> Change {
    let when = Some(When::At(time));
    let id = format!("{}:{}:{}", kind.name(), evidence.hosts.name(host), seconds(time));
    Change {
        kind,
        id,
        host: Some(host),
        installed: when,
        effective: when,
        takes: BTreeSet::new(),
        gives: BTreeSet::new(),
        hardening: Vec::new(),
        faults: Vec::new(),
        upgrade: None,
        facts,
    }
}

/// RFC 3339 to the second.
fn seconds(time: Timestamp) -> String {
    jiff::Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

/// A boot: its time, build, revision and fact.
pub(super) type Boot = (Timestamp, u32, u32, FactId);

/// Every boot that its record describes, by host and time.
pub(super) fn boots(signalled: &[Signalled<'_>]) -> BTreeMap<HostId, Vec<Boot>> {
    let mut boots: BTreeMap<HostId, Vec<Boot>> = BTreeMap::new();
    for signalled in signalled.iter().filter(|signalled| signalled.signal.meaning == Meaning::Booted) {
        if let Some((build, revision)) = boot(signalled.event) {
            boots.entry(signalled.host).or_default().push((
                signalled.event.time,
                build,
                revision,
                signalled.fact,
            ));
        }
    }
    boots
}

/// Upgrades in place, and plain starts.
fn builds(boots: &BTreeMap<HostId, Vec<Boot>>, evidence: &Evidence, knowledge: &Knowledge) -> Vec<Change> {
    let mut changes = Vec::new();
    for (host, boots) in boots {
        for (before, after) in boots.iter().zip(boots.iter().skip(1)) {
            let kind = if before.1 == after.1 { Kind::Reboot } else { Kind::OsUpgrade };
            let facts = if kind == Kind::OsUpgrade { vec![before.3, after.3] } else { vec![after.3] };
            let version = Builds::version(after.1).filter(|_| kind == Kind::OsUpgrade);
            let brought =
                version.into_iter().flat_map(|version| knowledge.hardenings.brought_by_upgrade(version));
            let hardening = brought.map(str::to_owned).collect();
            let year = |boot: &Boot| Builds::version(boot.1).and_then(Builds::year);
            let upgrade = year(before).zip(year(after)).filter(|_| kind == Kind::OsUpgrade);
            changes.push(Change { hardening, upgrade, ..moment(kind, *host, after.0, facts, evidence) });
        }
    }
    changes
}

/// When an update was installed, and what says so.
type Listed = (Option<When>, Vec<FactId>);

/// Updates by host and KB: what logs say outranks what an inventory lists.
fn updates(
    signalled: &[Signalled<'_>],
    machines: &BTreeMap<HostId, Machine>,
    evidence: &Evidence,
    knowledge: &Knowledge,
    boots: &BTreeMap<HostId, Vec<Boot>>,
) -> Vec<Change> {
    let mut installed: BTreeMap<(Option<HostId>, String), Listed> = BTreeMap::new();
    for signalled in signalled {
        let Some(kb) = installed_kb(signalled) else { continue };
        let entry = installed.entry((Some(signalled.host), kb)).or_default();
        let time = When::At(signalled.event.time);
        entry.0 = Some(entry.0.map_or(time, |earlier| earlier.min(time)));
        entry.1.push(signalled.fact);
    }
    for (fact, update) in evidence.updates() {
        let entry = installed.entry((evidence.host_of(fact), update.kb.clone())).or_default();
        match update.installed {
            InstallDay::On(day) => entry.0 = entry.0.or(Some(When::On(day))),
            // An instant says more than a day.
            InstallDay::At(time) => {
                let time = When::At(time);
                entry.0 = Some(
                    entry
                        .0
                        .filter(|known| matches!(known, When::At(_)))
                        .map_or(time, |known| known.min(time)),
                );
            }
            InstallDay::Either(..) | InstallDay::Unstated => {}
        }
        entry.1.push(fact);
    }
    let change = |((host, kb), (when, facts)): ((Option<HostId>, String), Listed)| {
        let boots = host.and_then(|host| boots.get(&host)).map_or(&[][..], Vec::as_slice);
        let effective = effective(&kb, when, boots, &knowledge.builds);
        let machine = host.and_then(|host| Some((host, machines.get(&host)?)));
        let (hardening, faults) = phase::brought(&kb, machine, boots, effective, evidence, knowledge);
        Change {
            kind: Kind::Update,
            effective,
            hardening,
            faults,
            id: kb,
            host,
            installed: when,
            takes: BTreeSet::new(),
            gives: BTreeSet::new(),
            upgrade: None,
            facts,
        }
    };
    installed.into_iter().map(change).collect()
}

/// The KB that an event says was installed.
fn installed_kb(signalled: &Signalled<'_>) -> Option<String> {
    let event = signalled.event;
    match signalled.signal.meaning {
        Meaning::UpdateInstalled => kb(event
            .field("updateTitle")
            .or_else(|| event.fields.first().map(|field| field.value.as_str()))?),
        // Servicing 2: the package reached the state that was asked for; 5112 is Installed.
        Meaning::PackageState if event.id == 2 => {
            let state = event
                .field("IntendedPackageState")
                .or_else(|| event.field("IntendedPackageStateTextized"))?;
            let done = state == "5112" || state.eq_ignore_ascii_case("installed");
            kb(event.field("PackageIdentifier")?).filter(|_| done)
        }
        _ => None,
    }
}

/// `KB` and six or seven digits.
fn kb(text: &str) -> Option<String> {
    text.match_indices("KB").find_map(|(at, _)| {
        let digits: String = text.get(at + 2..)?.chars().take_while(char::is_ascii_digit).collect();
        (6..=7).contains(&digits.len()).then(|| format!("KB{digits}"))
    })
}

/// The first boot on the update's build; where the build is not known, the first boot after the installation
/// or, for a record that Windows writes after the restart, the boot just before it.
fn effective(kb: &str, installed: Option<When>, boots: &[Boot], builds: &Builds) -> Option<When> {
    let known = boots.iter().find_map(|boot| builds.revision(kb, boot.1));
    if let Some(revision) = known {
        let reached = |boot: &&Boot| boot.2 >= revision && builds.revision(kb, boot.1) == known;
        let first = boots.iter().position(|boot| reached(&boot))?;
        // A first boot that is already beyond the build says only that it was reached before.
        return if first == 0 { installed } else { boots.get(first).map(|boot| When::At(boot.0)) };
    }
    if boots.is_empty() {
        return installed;
    }
    let (from, _) = installed?.span();
    let just_before = from.checked_sub(SignedDuration::from_mins(30)).unwrap_or(from);
    boots.iter().find(|boot| boot.0 >= just_before).map(|boot| When::At(boot.0))
}

/// What one record says of an object: whether something that matters here changed, what was lost, what added.
#[derive(Default)]
struct Edit {
    lost: Option<(Loss, String)>,
    added: Option<(Loss, String)>,
}

/// Every change of each host's computer object, by time.
pub(super) fn of_objects(signalled: &[Signalled<'_>], evidence: &Evidence) -> BTreeMap<HostId, Vec<Change>> {
    let mut changes = directory(signalled, evidence);
    sort(&mut changes);
    let mut by_host: BTreeMap<HostId, Vec<Change>> = BTreeMap::new();
    for change in changes {
        change.host.into_iter().for_each(|host| by_host.entry(host).or_default().push(change.clone()));
    }
    by_host
}

/// Changes of computer objects: 4742 and the 5136s around it are one. Tools write a list by taking values out and
/// putting them back, so what is added again at once was not lost.
fn directory(signalled: &[Signalled<'_>], evidence: &Evidence) -> Vec<Change> {
    let mut works: Vec<(Change, Vec<Edit>)> = Vec::new();
    for signalled in signalled {
        let Some((host, edit)) = object_change(signalled, evidence) else { continue };
        let time = signalled.event.time;
        let same = |(change, _): &&mut (Change, Vec<Edit>)| {
            change.host == Some(host)
                && change.installed.is_some_and(|when| time.duration_since(when.span().0) <= ONE_WORK)
        };
        match works.iter_mut().rev().find(same) {
            Some((change, edits)) => {
                change.facts.push(signalled.fact);
                edits.push(edit);
            }
            None => {
                works.push((moment(Kind::Directory, host, time, vec![signalled.fact], evidence), vec![edit]))
            }
        }
    }
    for (host, time, fact) in dated_attributes(evidence) {
        let same = |change: &Change| {
            let apart = change.installed.map(|when| when.span().0.duration_since(time).abs());
            change.host == Some(host) && apart.is_some_and(|apart| apart <= ONE_WORK)
        };
        if !works.iter().any(|(change, _)| same(change)) {
            works.push((moment(Kind::Directory, host, time, vec![fact], evidence), Vec::new()));
        }
    }
    let settled = |(change, edits): (Change, Vec<Edit>)| {
        let added: BTreeSet<_> = edits.iter().filter_map(|edit| edit.added.clone()).collect();
        let lost: BTreeSet<_> = edits.into_iter().filter_map(|edit| edit.lost).collect();
        let named = |value: &str| evidence.hosts.find(Spn::migration_host(value)?);
        // What names a host that nobody knows is for no pair; a bit names none and is for all.
        let host = |(loss, value): &(Loss, String)| match named(value) {
            Some(host) => Some((*loss, Some(host).filter(|_| *loss == Loss::Delegation))),
            None => (value.is_empty() || *loss != Loss::Delegation).then_some((*loss, None)),
        };
        Change {
            takes: lost.difference(&added).filter_map(host).collect(),
            gives: added.difference(&lost).filter_map(host).collect(),
            ..change
        }
    };
    works.into_iter().map(settled).collect()
}

/// The last change of each attribute of a host's object that decides, where an export dates them. What it was before
/// stands nowhere.
fn dated_attributes(evidence: &Evidence) -> Vec<(HostId, Timestamp, FactId)> {
    let of = |host: HostId| {
        let fact = evidence.directory.facts(host).first().copied()?;
        let object = evidence.directory.computer(host)?;
        let times: BTreeSet<_> = object.attribute_changes.values().copied().collect();
        Some(times.into_iter().map(move |time| (host, time, fact)))
    };
    evidence.hosts.iter().filter_map(|(host, _)| of(host)).flatten().collect()
}

/// The host whose object a 4742 or 5136 changes in a way that matters here. 4742 prints SAM's bits, not the
/// directory's: 0x2000 unconstrained, 0x40000 protocol transition, 1 disabled.
fn object_change(signalled: &Signalled<'_>, evidence: &Evidence) -> Option<(HostId, Edit)> {
    const BITS: [(u32, Loss, bool); 3] =
        [(0x2000, Loss::Delegation, false), (0x4_0000, Loss::Transition, false), (0x1, Loss::Account, true)];
    let event = signalled.event;
    match signalled.signal.meaning {
        Meaning::AccountChanged => {
            let host = super::kdc::account_host(event.field("TargetUserName")?, signalled.host, evidence)?;
            let stated = |name: &str| event.field(name).is_some_and(|value| value.trim() != "-");
            let bits = |name: &str| event.field(name).and_then(super::kdc::number);
            let (old, new) = bits("OldUacValue").zip(bits("NewUacValue")).unwrap_or((0, 0));
            let flipped = |(bit, _, _): &&(u32, Loss, bool)| (old ^ new) & bit != 0;
            let lost = BITS.iter().filter(flipped).find(|(bit, _, when_set)| (new & bit != 0) == *when_set);
            let matters = stated("AllowedToDelegateTo") || stated("ServicePrincipalNames");
            let won = BITS.iter().filter(flipped).find(|(bit, _, when_set)| (new & bit != 0) != *when_set);
            let unnamed = |(_, loss, _): &(u32, Loss, bool)| (*loss, String::new());
            let edit = Edit { lost: lost.map(unnamed), added: won.map(unnamed) };
            (matters || BITS.iter().any(|bit| flipped(&bit))).then_some((host, edit))
        }
        Meaning::AttributeChanged => {
            const ATTRIBUTES: &[&str] = &[
                "msDS-AllowedToDelegateTo",
                "userAccountControl",
                "servicePrincipalName",
                "msDS-AllowedToActOnBehalfOfOtherIdentity",
            ];
            let attribute = event.field("AttributeLDAPDisplayName")?;
            ATTRIBUTES.iter().find(|own| own.eq_ignore_ascii_case(attribute))?;
            let host = object_host(event.field("ObjectDN")?, evidence)?;
            let value = event.field("AttributeValue").unwrap_or_default();
            let loss = match attribute.to_ascii_lowercase().as_str() {
                "useraccountcontrol" => None,
                "msds-allowedtoactonbehalfofotheridentity" => Some(Loss::ResourceDelegation),
                // Another service's name changes nothing for migrations.
                "serviceprincipalname" if Spn::migration_host(value).is_none() => return None,
                _ if Spn::migration_host(value).is_none() => None,
                "serviceprincipalname" => Some(Loss::ServiceName),
                _ => Some(Loss::Delegation),
            };
            let edit = loss.map(|loss| (loss, value.to_lowercase()));
            Some((
                host,
                match event.field("OperationType") {
                    Some("%%14675") => Edit { lost: edit, added: None },
                    Some("%%14674") => Edit { lost: None, added: edit },
                    _ => Edit::default(),
                },
            ))
        }
        _ => None,
    }
}

/// The host of a distinguished name: by its object, else by its common name.
fn object_host(dn: &str, evidence: &Evidence) -> Option<HostId> {
    let of_object =
        |id: HostId| evidence.directory.computer(id)?.dn.as_deref().map(|own| own.eq_ignore_ascii_case(dn));
    let stated = evidence.hosts.iter().map(|(id, _)| id).find(|id| of_object(*id) == Some(true));
    let named = || {
        let host = evidence.hosts.find(dn.split(',').next()?.split_once('=')?.1)?;
        let domain =
            evidence.hosts.get(host)?.fqdn.as_deref().and_then(|name| name.split_once('.')).map(|own| own.1);
        let is_other = crate::fact::domain_of(dn).zip(domain).is_some_and(|(own, domain)| own != domain);
        (!is_other).then_some(host)
    };
    stated.or_else(named)
}

/// Whether `time` lies within an hour of a change: Credential Guard that comes with an upgrade is the upgrade's.
fn near(change: &Change, time: Timestamp) -> bool {
    change
        .installed
        .is_some_and(|when| when.span().0.duration_since(time).abs() <= SignedDuration::from_hours(1))
}

/// Clocks that were set by a minute or more, and the first of each run of complaints about a clock.
fn clocks(
    signalled: &[Signalled<'_>],
    machines: &BTreeMap<HostId, Machine>,
    evidence: &Evidence,
) -> Vec<Change> {
    let stepped = signalled.iter().filter(|signalled| {
        signalled.signal.meaning == Meaning::ClockStepped
            && step(signalled.event).is_some_and(|seconds| seconds.abs() >= 60)
    });
    let mut changes: Vec<_> = stepped
        .map(|signalled| {
            moment(Kind::Time, signalled.host, signalled.event.time, vec![signalled.fact], evidence)
        })
        .collect();
    for (host, machine) in machines {
        let mut last: Option<Timestamp> = None;
        for (time, fact) in machine.clock.known().into_iter().flatten() {
            // The complaint carries the wrong time, and says by how much it is wrong.
            let off = evidence.event(*fact).and_then(step).unwrap_or(0);
            let time = &time.checked_add(SignedDuration::from_secs(off)).unwrap_or(*time);
            if last.is_none_or(|last| time.duration_since(last) > SignedDuration::from_hours(24)) {
                changes.push(moment(Kind::Time, *host, *time, vec![*fact], evidence));
            }
            last = Some(*time);
        }
    }
    changes
}

/// Seconds by which a clock was set: Time-Service 52 says so, Kernel-General 1 gives both times.
fn step(event: &Event) -> Option<i64> {
    let offset = || event.field("TimeOffsetSeconds")?.trim().parse().ok();
    let times = || {
        let time = |name: &str| event.field(name)?.trim().parse::<Timestamp>().ok();
        Some(time("NewTime")?.as_second() - time("OldTime")?.as_second())
    };
    offset().or_else(times)
}

/// The first record that Credential Guard runs on a host that was seen to start before without it: only a start brings
/// it.
fn credential_guard(host: HostId, machine: &Machine) -> Option<(HostId, Timestamp, FactId)> {
    let (time, _, fact) = machine.credential_guard.iter().find(|(_, running, _)| *running)?;
    let started = machine.starts.iter().filter(|start| **start <= *time).max();
    let own = started.copied().unwrap_or(*time);
    machine.starts.iter().any(|start| *start < own).then_some((host, *time, *fact))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kb_is_read_from_titles_and_packages() {
        assert_eq!(kb("2022-11 Cumulative Update (KB5019966)").as_deref(), Some("KB5019966"));
        assert_eq!(kb("Package_for_KB890830~31bf3856ad364e35").as_deref(), Some("KB890830"));
        assert_eq!(kb("KB12 and KBs"), None);
    }

    #[test]
    fn a_day_spans_every_zone() {
        let (first, last) = When::On(jiff::civil::date(2026, 9, 8)).span();
        assert_eq!(
            (first.to_string(), last.to_string()),
            ("2026-09-07T10:00:00Z".into(), "2026-09-09T12:00:00Z".into())
        );
    }
}
