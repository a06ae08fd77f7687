//! What the logs and exports say of each host itself: version, settings, Credential Guard, trouble.

use jiff::Timestamp;

use crate::evidence::{Evidence, FactId, HostId, Signalled};
use crate::fact::{Known, MigrationAuthentication, Reason};
use crate::knowledge::{Builds, Meaning, Standing};

/// A record of trouble and its time.
pub type Dated = Vec<(Timestamp, FactId)>;

/// A host's own state. `None` and `Unknown` mean that nothing in the bundle tells.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    /// `2019`.
    pub version: Option<String>,
    /// Build and revision of the last boot seen, `17763.3650`.
    pub build: Option<String>,
    /// What states the version.
    pub version_facts: Vec<FactId>,
    /// How it authenticates migrations.
    pub authentication: Known<MigrationAuthentication>,
    /// Whether live migration is switched on.
    pub accepts_migrations: Known<bool>,
    /// What states both.
    pub settings_facts: Vec<FactId>,
    /// When Credential Guard was seen to run or not to.
    pub credential_guard: Vec<(Timestamp, bool, FactId)>,
    /// What an inventory says of Credential Guard, which holds since the start that the same inventories state.
    pub reported_guard: Option<(bool, FactId)>,
    /// When it started, by its log.
    pub starts: Vec<Timestamp>,
    /// The last start that an inventory states.
    pub booted: Option<Timestamp>,
    /// Clock trouble; known where the System log is there.
    pub clock: Known<Dated>,
    /// Refused secure channels.
    pub secure_channel: Known<Dated>,
    /// An inventory that found the secure channel broken, where none found it sound.
    pub broken_channel: Option<FactId>,
    /// Cluster network trouble, lost nodes included.
    pub network: Known<Dated>,
    /// Nodes that the cluster lost.
    pub lost_nodes: Known<Dated>,
    /// Cluster storage trouble.
    pub storage: Known<Dated>,
    /// Failed SPN registrations; known where a Hyper-V management log is there.
    pub spn_registration: Known<Dated>,
}

/// The beginning of every Hyper-V channel's name, lower-case.
pub const HYPER_V: &str = "microsoft-windows-hyper-v-";
/// States of a secure channel that blame the machine's account (MS-ERREF): access denied, logon failure, account
/// disabled, wrong target name, no trust secret, no trust account, trust failure. That no domain controller answers
/// is another matter.
const BROKEN: [u32; 7] = [5, 1326, 1331, 1396, 1786, 1787, 1789];
const VMMS_ADMIN: &str = "microsoft-windows-hyper-v-vmms-admin";

impl Machine {
    /// What the bundle says of `host`: its own events, and what domain controllers refused of any machine.
    pub(super) fn of(
        host: HostId,
        own: &[Signalled<'_>],
        refused: &[Signalled<'_>],
        evidence: &Evidence,
    ) -> Self {
        let has = |channel: &str| {
            evidence.covered(host, |name| name.eq_ignore_ascii_case(channel)).next().is_some()
        };
        let dated = |meanings: &[Meaning], channel: &str| {
            let found: Dated = own
                .iter()
                .filter(|signalled| {
                    meanings.contains(&signalled.signal.meaning)
                        && signalled.signal.standing != Standing::Memory
                })
                .map(|signalled| (signalled.event.time, signalled.fact))
                .collect();
            if found.is_empty() && !has(channel) {
                Known::Unknown(Reason::NoExport)
            } else {
                Known::Known(found)
            }
        };
        let mut machine = Self {
            clock: dated(&[Meaning::ClockTrouble], "System"),
            secure_channel: dated(&[Meaning::SecureChannelBroken], "System"),
            network: dated(&[Meaning::NetworkTrouble, Meaning::NodeLost], "System"),
            lost_nodes: dated(&[Meaning::NodeLost], "System"),
            storage: dated(&[Meaning::StorageTrouble], "System"),
            spn_registration: dated(&[Meaning::SpnRegistrationFailed], VMMS_ADMIN),
            starts: own
                .iter()
                .filter(|signalled| signalled.signal.meaning == Meaning::Booted)
                .map(|signalled| signalled.event.time)
                .collect(),
            credential_guard: own.iter().filter_map(|signalled| credential_guard(signalled)).collect(),
            ..Self::default()
        };
        machine.read_settings(host, evidence);
        machine.read_reports(host, evidence);
        machine.read_version(host, own, evidence);
        machine.read_refusals(host, refused, evidence);
        machine
    }

    fn read_settings(&mut self, host: HostId, evidence: &Evidence) {
        for (fact, settings) in evidence.settings(host) {
            self.settings_facts.push(fact);
            self.authentication = agreed(self.authentication.clone(), settings.authentication.clone());
            let enabled = settings.enabled.map_or(Known::Unknown(Reason::NotAskedFor), Known::Known);
            self.accepts_migrations = agreed(self.accepts_migrations.clone(), enabled);
        }
    }

    /// What inventories say, where they agree.
    fn read_reports(&mut self, host: HostId, evidence: &Evidence) {
        let channels =
            || evidence.reports(host).filter_map(|(fact, report)| Some((report.secure_channel?, fact)));
        let broken = channels().find(|(status, _)| BROKEN.contains(status));
        self.broken_channel =
            broken.filter(|_| channels().all(|(status, _)| status != 0)).map(|(_, fact)| fact);
        for (fact, report) in evidence.reports(host) {
            self.booted = self.booted.max(report.booted);
            if let Some(runs) = report.credential_guard {
                let disagrees = self.reported_guard.is_some_and(|(known, _)| known != runs);
                self.reported_guard = if disagrees { None } else { Some((runs, fact)) };
            }
        }
    }

    /// The last boot decides, else an inventory, else the directory, which knows no revision.
    fn read_version(&mut self, host: HostId, own: &[Signalled<'_>], evidence: &Evidence) {
        let boots = own.iter().filter(|signalled| signalled.signal.meaning == Meaning::Booted);
        if let Some((signalled, (build, revision))) =
            boots.filter_map(|signalled| Some((signalled, super::change::boot(signalled.event)?))).next_back()
        {
            self.version = Builds::version(build).map(str::to_owned);
            self.build = Some(format!("{build}.{revision}"));
            self.version_facts = vec![signalled.fact];
        }
        let stated = evidence.reports(host).filter_map(|(fact, report)| Some((report.build?, fact)));
        if self.version.is_none()
            && let Some((build, fact)) = stated.max_by_key(|(build, _)| *build)
        {
            self.version = Builds::version(build.number).map(str::to_owned);
            self.build = build.revision.map(|revision| format!("{}.{revision}", build.number));
            self.version_facts = vec![fact];
        }
        if self.version.is_none()
            && let Some(object) = evidence.directory.computer(host)
        {
            let by_number = object
                .operating_system_version
                .as_deref()
                .and_then(|text| text.split(['(', ')']).nth(1)?.trim().parse().ok())
                .and_then(Builds::version);
            self.version =
                by_number.map(str::to_owned).or_else(|| version_by_name(object.operating_system.as_deref()?));
            self.version_facts = evidence.directory.facts(host).to_vec();
        }
    }

    /// NETLOGON 5805 stands at the domain controller and names the machine it refused.
    fn read_refusals(&mut self, host: HostId, refused: &[Signalled<'_>], evidence: &Evidence) {
        let names_host = |signalled: &&Signalled<'_>| {
            let named = signalled.event.fields.first();
            named.is_some_and(|field| evidence.hosts.find_from(&field.value, signalled.host) == Some(host))
                && super::kdc::are_neighbours(host, signalled.host, evidence)
        };
        let refused: Dated = refused
            .iter()
            .filter(names_host)
            .map(|signalled| (signalled.event.time, signalled.fact))
            .collect();
        if !refused.is_empty() {
            let mut all = self.secure_channel.known().cloned().unwrap_or_default();
            all.extend(refused);
            self.secure_channel = Known::Known(all);
        }
    }

    /// Whether Credential Guard ran at `time`, and what says so: the last record before it, else an inventory made
    /// without a start in between, since only a start changes it.
    #[must_use]
    pub fn credential_guard_at(&self, time: Timestamp) -> Option<(bool, FactId)> {
        let started = self.starts.iter().filter(|start| **start <= time).max();
        let since = |seen: &Timestamp| started.is_none_or(|start| seen >= start);
        let mut before = self.credential_guard.iter().filter(|(seen, _, _)| *seen <= time && since(seen));
        let recorded = before.next_back().map(|(_, running, fact)| (*running, *fact));
        let same_start = self.booted.is_some_and(|booted| booted <= time);
        recorded.or(self.reported_guard.filter(|_| same_start))
    }
}

/// What two exports state, where they do not contradict each other.
fn agreed<T: PartialEq>(known: Known<T>, stated: Known<T>) -> Known<T> {
    match (known, stated) {
        (Known::Known(one), Known::Known(other)) if one != other => Known::Unknown(Reason::Contradictory),
        (Known::Unknown(Reason::Contradictory), _) => Known::Unknown(Reason::Contradictory),
        (known @ Known::Known(_), _) => known,
        (Known::Unknown(_), stated) => stated,
    }
}

fn credential_guard(signalled: &Signalled<'_>) -> Option<(Timestamp, bool, FactId)> {
    let running = match signalled.signal.meaning {
        Meaning::CredentialGuardRunning | Meaning::CredentialGuardRefused => true,
        // Config 1 and 2: with and without UEFI lock; 0: not configured. Configured is not yet running.
        Meaning::CredentialGuardConfigured => {
            let config = signalled
                .event
                .field("Config")
                .or_else(|| signalled.event.fields.first().map(|field| field.value.as_str()))?;
            if super::kdc::number(config)? != 0 {
                return None;
            }
            false
        }
        _ => return None,
    };
    Some((signalled.event.time, running, signalled.fact))
}

/// `2019` of `Windows Server 2019 Datacenter`, `2012R2` of `Windows Server 2012 R2 Standard`.
fn version_by_name(name: &str) -> Option<String> {
    let behind = name.split_once("Server ")?.1;
    let year = behind.get(..4).filter(|year| year.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some(if behind.contains("R2") { format!("{year}R2") } else { year.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_by_name() {
        assert_eq!(version_by_name("Windows Server 2012 R2 Standard").as_deref(), Some("2012R2"));
        assert_eq!(version_by_name("Windows Server® 2022 Datacenter"), None);
        assert_eq!(version_by_name("Windows 11 Enterprise"), None);
    }
}
