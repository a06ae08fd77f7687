//! Hosts and their names. A host is joined by its full DNS name; a short name counts only where it is unique.

use std::collections::{BTreeMap, BTreeSet};

use super::other_names::other_names;
use super::{is_about_a_move, is_node};
use crate::fact::{
    DirectoryObject, Event, Fact, Field, Observation, Spn, host_label as label, host_name as normal,
};
use crate::knowledge::{Meaning, Signal, Signals};

/// Index of a host, in the order of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub usize);

/// A machine that the bundle speaks of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// The first label of its DNS name, upper-case; the whole name where two hosts share the label.
    pub name: String,
    /// The full DNS name, lower-case; `None` where only a short name is known.
    pub fqdn: Option<String>,
    /// Hyper-V or cluster events, or a migration SPN of its own on an account that is not disabled.
    pub is_node: bool,
    /// An account that is disabled holds its migration SPN.
    pub is_retired: bool,
    /// A domain controller, by its account or by what it logs.
    pub is_dc: bool,
    /// It is the name of a cluster or of a role in one, and no machine.
    pub is_cluster_name: bool,
    /// It wrote events.
    pub wrote_events: bool,
    /// It wrote cluster events.
    pub is_clustered: bool,
}

/// Every host of a bundle.
#[derive(Debug, Default)]
pub struct Hosts {
    all: Vec<Host>,
    by_fqdn: BTreeMap<String, HostId>,
    /// By first label; `None` where several hosts share it and logs do not single one out.
    by_label: BTreeMap<String, Option<HostId>>,
}

impl Hosts {
    /// Collects hosts from every fact and from the computers that logs name.
    pub(super) fn gather<'a>(
        facts: &[Fact],
        computers: impl Iterator<Item = &'a str>,
        signals: &Signals,
    ) -> Self {
        let mut names: BTreeSet<String> = computers.map(normal).collect();
        names.extend(facts.iter().flat_map(|fact| named_hosts(fact, signals)));
        names.remove("");
        let objects: Vec<_> = facts.iter().filter_map(computer).collect();
        let others = other_names(&objects);
        names = names.into_iter().map(|name| others.get(&name).cloned().unwrap_or(name)).collect();
        let mut full: BTreeSet<String> = names.iter().filter(|name| name.contains('.')).cloned().collect();
        full.extend(
            objects.iter().filter(|object| object.makes_a_host()).filter_map(|object| object.full_name()),
        );
        let mut by_label: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for name in full.iter().cloned().chain(objects.iter().filter_map(|object| object.full_name())) {
            by_label.entry(label(&name).to_owned()).or_default().insert(name);
        }
        let labels: BTreeSet<_> = full.iter().map(|name| label(name).to_owned()).collect();
        let mut short = BTreeSet::new();
        for name in names.iter().filter(|name| !name.contains('.') && !labels.contains(*name)) {
            match by_label.get(name) {
                Some(only) if only.len() == 1 => full.extend(only.iter().cloned()),
                _ => short.extend([name.clone()]),
            }
        }
        let mut hosts = Self::of_names(full, short, &names);
        hosts.also_called(others);
        hosts.describe(facts, signals);
        hosts
    }

    /// `named` are the names that anything but the directory states: of two hosts of one label, the only one
    /// among them is meant by the label alone.
    fn of_names(full: BTreeSet<String>, short: BTreeSet<String>, named: &BTreeSet<String>) -> Self {
        let mut hosts = Self::default();
        let labels = full.iter().map(|name| label(name)).chain(short.iter().map(String::as_str));
        let mut count: BTreeMap<&str, usize> = BTreeMap::new();
        labels.for_each(|label| *count.entry(label).or_default() += 1);
        let shared = |label: &str| count.get(label).is_some_and(|&count| count > 1);
        let display =
            |name: &str| if shared(label(name)) { name.to_uppercase() } else { label(name).to_uppercase() };
        let of_full =
            full.iter().map(|name| Host { name: display(name), fqdn: Some(name.clone()), ..Host::default() });
        let of_short = short.iter().map(|name| Host { name: display(name), ..Host::default() });
        hosts.all = of_full.chain(of_short).collect();
        hosts.all.sort_by(|a, b| a.name.cmp(&b.name));
        let mut by_label: BTreeMap<String, Vec<(HostId, bool)>> = BTreeMap::new();
        for (index, host) in hosts.all.iter().enumerate() {
            let id = HostId(index);
            if let Some(fqdn) = &host.fqdn {
                hosts.by_fqdn.insert(fqdn.clone(), id);
            }
            let label =
                host.fqdn.as_deref().map_or_else(|| host.name.to_lowercase(), |name| label(name).to_owned());
            by_label
                .entry(label)
                .or_default()
                .push((id, host.fqdn.as_ref().is_some_and(|name| named.contains(name))));
        }
        for (label, ids) in by_label {
            let stated: Vec<_> = ids.iter().filter(|(_, stated)| *stated).collect();
            let only = match (ids.as_slice(), stated.as_slice()) {
                ([(id, _)], _) | (_, [(id, _)]) => Some(*id),
                _ => None,
            };
            hosts.by_label.insert(label, only);
        }
        hosts
    }

    /// Makes hosts known by further names, each with the full name of its host.
    fn also_called(&mut self, names: BTreeMap<String, String>) {
        for (name, full) in names {
            let Some(id) = self.by_fqdn.get(&full).copied() else { continue };
            if name.contains('.') {
                self.by_fqdn.entry(name).or_insert(id);
            } else {
                self.by_label.entry(name).or_insert(Some(id));
            }
        }
    }

    /// Sets the roles.
    fn describe(&mut self, facts: &[Fact], signals: &Signals) {
        for fact in facts {
            if let Observation::Event(event) = &fact.observation {
                let cluster = event.provider.to_ascii_lowercase().ends_with("-failoverclustering");
                for name in nodes_in_event(event).filter(|_| cluster) {
                    let node = self
                        .find(&event.computer)
                        .map_or_else(|| self.find(&name), |writer| self.find_from(&name, writer));
                    node.and_then(|id| self.all.get_mut(id.0)).into_iter().for_each(|host| {
                        host.is_node = true;
                        host.is_clustered = true;
                    });
                }
            }
            let id = match &fact.observation {
                Observation::Directory(object) => self.of_object(object),
                other => other.host().and_then(|name| self.find(&name)),
            };
            let Some(host) = id.and_then(|id| self.all.get_mut(id.0)) else { continue };
            match &fact.observation {
                Observation::Event(event) => {
                    host.wrote_events = true;
                    let meaning = signals.of(event).map(|signal| signal.meaning);
                    host.is_node |= meaning.is_some_and(is_node);
                    host.is_dc |= matches!(
                        meaning,
                        Some(
                            Meaning::TicketRequest
                                | Meaning::SignInTicket
                                | Meaning::AttributeChanged
                                | Meaning::EncryptionRefused
                                | Meaning::SignatureRefused
                        )
                    );
                    let provider = event.provider.to_ascii_lowercase();
                    host.is_clustered |=
                        provider.ends_with("-failoverclustering") || provider.ends_with("-high-availability");
                }
                Observation::Directory(object) => {
                    host.is_node |= object.registers_migration() && !object.is_disabled();
                    host.is_retired |= object.registers_migration() && object.is_disabled();
                    host.is_clustered |= has_class(object, "MSServerClusterMgmtAPI");
                    host.is_dc |= object.is_domain_controller();
                    host.is_cluster_name |= object.is_cluster_name();
                }
                Observation::HostSettings(_) => host.is_node = true,
                Observation::Node(_) => (host.is_node, host.is_clustered) = (true, true),
                Observation::Machine(report) => host.is_clustered |= report.cluster.is_some(),
                _ => {}
            }
        }
    }

    /// Marks as a writer of events a host whose log holds no event of interest.
    pub(super) fn wrote(&mut self, computer: &str) {
        if let Some(host) = self.find(computer).and_then(|id| self.all.get_mut(id.0)) {
            host.wrote_events = true;
        }
    }

    /// Counts a host that was asked for as a node although its account is disabled.
    pub(super) fn takes_part(&mut self, name: &str) {
        if let Some(host) = self.find(name).and_then(|id| self.all.get_mut(id.0)) {
            host.is_node |= host.is_retired;
        }
    }

    /// Every host with its id, by name.
    pub fn iter(&self) -> impl Iterator<Item = (HostId, &Host)> {
        self.all.iter().enumerate().map(|(index, host)| (HostId(index), host))
    }

    /// The host.
    #[must_use]
    pub fn get(&self, id: HostId) -> Option<&Host> {
        self.all.get(id.0)
    }

    /// The host's name in reports.
    #[must_use]
    pub fn name(&self, id: HostId) -> &str {
        self.get(id).map_or("", |host| &host.name)
    }

    /// The host called `name`: a full name exactly, a short one where it is unique.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<HostId> {
        self.find_normal(&normal(name))
    }

    fn find_normal(&self, name: &str) -> Option<HostId> {
        if name.contains('.') {
            let short = || {
                self.by_label
                    .get(label(name))
                    .copied()
                    .flatten()
                    .filter(|id| self.get(*id).is_some_and(|host| host.fqdn.is_none()))
            };
            return self.by_fqdn.get(name).copied().or_else(short);
        }
        self.by_label.get(name).copied().flatten()
    }

    /// The host that a record of `writer` calls `name`: a short name means a host of the writer's own domain
    /// first.
    #[must_use]
    pub fn find_from(&self, name: &str, writer: HostId) -> Option<HostId> {
        let domain =
            self.get(writer).and_then(|host| host.fqdn.as_deref()).and_then(|fqdn| fqdn.split_once('.'));
        let (name, is_short) = (normal(name), !name.contains('.'));
        let neighbour = domain.filter(|_| is_short).map(|(_, domain)| [&name, domain].join("."));
        neighbour.and_then(|name| self.by_fqdn.get(&name).copied()).or_else(|| self.find_normal(&name))
    }

    /// The host that a file at `path` is about by its place: a folder or a beginning of a name that is a known
    /// host's, as in `HV01/klist.txt`, `Node_HV01/`, `HV01_Hotfixes.csv` or `TSS_HV01_221110.zip!/`. The innermost
    /// part that names one decides. A name that goes on with a hyphen or with a domain may be another host's, which
    /// nothing else in the bundle names: `HV01-DR/`, `HV01.fabrikam.com/`.
    #[must_use]
    pub fn placed(&self, path: &str) -> Option<HostId> {
        path.to_lowercase().rsplit(['/', '!']).find_map(|part| {
            let part =
                ["node_", "tss_", "sdp_"].iter().find_map(|start| part.strip_prefix(start)).unwrap_or(part);
            let names = self.by_fqdn.keys().chain(self.by_label.keys());
            let begins = |name: &&String| part.strip_prefix(name.as_str()).is_some_and(ends_a_name);
            // The longest, for HV-1 begins HV-1-B as well.
            let longest =
                names.filter(|name| !name.is_empty()).filter(begins).max_by_key(|name| name.len())?;
            self.find(longest)
        })
    }

    /// The host of a computer object.
    #[must_use]
    pub fn of_object(&self, object: &DirectoryObject) -> Option<HostId> {
        if !object.is_computer() || object.is_deleted() {
            return None;
        }
        match object.full_name() {
            Some(full) => self.find(&full),
            None => self.find(object.account.as_deref()?.trim_end_matches('$')),
        }
    }

    /// The domain controllers.
    pub fn domain_controllers(&self) -> impl Iterator<Item = HostId> {
        self.iter().filter(|(_, host)| host.is_dc).map(|(id, _)| id)
    }
}

/// Whether a host's name ends where the `rest` of a part of a path begins.
fn ends_a_name(rest: &str) -> bool {
    // A date or a channel, as tools put it behind the name; a file's extension. Names hold hyphens themselves.
    const CHANNELS: [&str; 5] = ["microsoft-windows-", "system.", "application.", "setup.", "security."];
    let is_date = |rest: &str| rest.bytes().take_while(u8::is_ascii_digit).count() >= 6;
    let is_channel = |rest: &str| CHANNELS.iter().any(|channel| rest.starts_with(channel));
    rest.is_empty()
        || rest.starts_with(['_', ' '])
        || rest.strip_prefix('-').is_some_and(|rest| is_date(rest) || is_channel(rest))
        || rest.strip_prefix('.').is_some_and(|extension| !extension.contains('.') && extension.len() <= 4)
}

fn computer(fact: &Fact) -> Option<&DirectoryObject> {
    match &fact.observation {
        Observation::Directory(object) if object.is_computer() && !object.is_deleted() => Some(object),
        _ => None,
    }
}

/// Whether an SPN of `class` is registered on the object.
fn has_class(object: &DirectoryObject, class: &str) -> bool {
    let of_class = |spn: &String| Spn::parse(spn).is_some_and(|spn| spn.class.eq_ignore_ascii_case(class));
    object.spns.known().is_some_and(|spns| spns.iter().any(of_class))
}

/// The hosts that a fact names beside the computer that wrote it.
fn named_hosts(fact: &Fact, signals: &Signals) -> Vec<String> {
    match &fact.observation {
        Observation::Event(event) => match signals.of(event) {
            Some(signal) if is_about_a_move(signal.meaning) => hosts_in_event(event, signal),
            Some(signal)
                if matches!(
                    signal.meaning,
                    Meaning::NetworkTrouble
                        | Meaning::NodeLost
                        | Meaning::ClusterActivity
                        | Meaning::ClusterMoveBroken
                ) =>
            {
                nodes_in_event(event).collect()
            }
            _ => vec![normal(&event.computer)],
        },
        other => other.host().iter().map(|host| normal(host)).collect(),
    }
}

/// What stands in quotes where an English sentence speaks of a host; lower-case. Other languages name hosts
/// only where they are known from elsewhere; a "virtuelle Computer" is a machine.
pub(crate) fn called_host(text: &str) -> Vec<String> {
    const BEFORE: &[&str] = &["host ", "source ", "destination ", "node ", "computer "];
    let mut found = Vec::new();
    let marks: Vec<_> = text.match_indices('\'').filter_map(|(at, _)| text.split_at_checked(at)).collect();
    for before in BEFORE {
        let is_before = |said: &str| {
            let parts = said.len().checked_sub(before.len()).and_then(|at| said.split_at_checked(at));
            parts.is_some_and(|(start, end)| end.eq_ignore_ascii_case(before) && speaks_of_a_host(start))
        };
        let called = marks.iter().filter(|(said, _)| is_before(said));
        let names = called.filter_map(|(_, rest)| rest.strip_prefix('\'')?.split_once('\''));
        found.extend(names.map(|(name, _)| normal(name)));
    }
    found
}

/// Whether a word for a host begins behind `start`: not within another word ("resource"), nor behind one that makes a
/// machine of it ("virtual", "virtuellen").
fn speaks_of_a_host(start: &str) -> bool {
    let last = start.split_whitespace().next_back().unwrap_or_default();
    let is_virtual = last.get(..5).is_some_and(|begin| begin.eq_ignore_ascii_case("virtu"));
    !start.ends_with(char::is_alphanumeric) && !is_virtual
}

/// The value of an event that stands where its signal names the other host; lower-case. A named value is one by
/// its own name; a positional one is not where a machine's GUID follows, for then it is the machine's name.
pub(crate) fn placed_host(event: &Event, signal: &Signal) -> Option<String> {
    const NAMES: [&str; 4] = ["host", "destination", "node", "computer"];
    let index = signal.host_field?;
    let is_named = |field: &Field| field.name.as_deref().is_some_and(|name| !name.starts_with("Parameter"));
    if event.fields.iter().any(is_named) {
        let by_name = |field: &&Field| {
            let name = field.name.as_deref().unwrap_or_default().to_lowercase();
            NAMES.iter().any(|own| name.contains(own))
        };
        return event.fields.iter().find(by_name).map(|field| normal(&field.value));
    }
    let is_guid = |field: &Field| field.value.len() >= 36 && field.value.matches('-').count() == 4;
    let before_guid = index == 0 && event.fields.get(1).is_some_and(is_guid);
    event.fields.get(index).filter(|_| !before_guid).map(|field| normal(&field.value))
}

/// The names of hosts in an event about a move: in its text, and where its signal names one.
fn hosts_in_event(event: &Event, signal: &Signal) -> Vec<String> {
    let called = event.fields.iter().flat_map(|field| called_host(&field.value));
    called.chain(placed_host(event, signal)).filter(|name| is_host_name(name)).collect()
}

/// The nodes that a cluster event names.
fn nodes_in_event(event: &Event) -> impl Iterator<Item = String> {
    let is_node =
        |field: &&Field| field.name.as_deref().is_some_and(|name| name.to_lowercase().contains("node"));
    event.fields.iter().filter(is_node).map(|field| normal(&field.value)).filter(|name| is_host_name(name))
}

/// Letters, digits, hyphens and dots, at least one letter.
pub(crate) fn is_host_name(name: &str) -> bool {
    let sound = |c: char| c.is_alphanumeric() || c == '-' || c == '.' || c == '_';
    !name.is_empty() && name.len() <= 255 && name.chars().all(sound) && name.chars().any(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(full: &[&str], short: &[&str]) -> Hosts {
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Hosts::of_names(set(full), set(short), &BTreeSet::new())
    }

    #[test]
    fn a_short_name_counts_where_it_is_unique() {
        let hosts = hosts(&["hv01.contoso.com", "hv02.contoso.com", "hv02.fabrikam.com"], &["old"]);
        assert_eq!(hosts.find("HV01"), hosts.find("hv01.contoso.com."));
        assert_eq!(hosts.find("HV02"), None);
        assert_eq!(hosts.name(hosts.find("hv02.fabrikam.com").unwrap()), "HV02.FABRIKAM.COM");
        assert_eq!(hosts.find("hv01.fabrikam.com"), None);
        assert!(hosts.find("old").is_some());
    }

    #[test]
    fn a_shared_label_means_the_one_that_logs_name_or_the_neighbour() {
        let full = ["hv01.contoso.com", "hv02.contoso.com", "hv02.fabrikam.com"].map(str::to_owned);
        let named = BTreeSet::from(["hv02.fabrikam.com".to_owned()]);
        let hosts = Hosts::of_names(full.into(), BTreeSet::new(), &named);
        assert_eq!(hosts.find("hv02"), hosts.find("hv02.fabrikam.com"));
        let writer = hosts.find("hv01").unwrap();
        assert_eq!(hosts.find_from("HV02", writer), hosts.find("hv02.contoso.com"));
    }

    #[test]
    fn a_host_is_found_by_its_other_names() {
        let mut hosts = hosts(&["hv-a-frankfurt-main.contoso.com"], &[]);
        let full = "hv-a-frankfurt-main.contoso.com".to_owned();
        let names =
            ["hv-a-frankfurt-", "hv-a-frankfurt-.contoso.com"].map(|name| (name.to_owned(), full.clone()));
        hosts.also_called(names.into());
        assert_eq!(hosts.find("HV-A-FRANKFURT-"), hosts.find("hv-a-frankfurt-main"));
        assert_eq!(hosts.find("HV-A-FRANKFURT-.contoso.com"), hosts.find("hv-a-frankfurt-main"));
    }

    #[test]
    fn a_sentence_calls_hosts_and_no_machine() {
        let called = |text: &str| called_host(text);
        assert_eq!(called("failed at migration source 'HV01'."), ["hv01"]);
        assert_eq!(called("The host 'HV01' and the node 'hv02.contoso.com'"), ["hv01", "hv02.contoso.com"]);
        assert_eq!(called("Computer 'HV01'"), ["hv01"]);
        for machine in [
            "Cluster resource 'SQL01' failed",
            "um den virtuellen Computer 'SQL01' zu starten",
            "the virtual computer 'SQL01'",
        ] {
            assert!(called(machine).is_empty(), "{machine}");
        }
    }

    #[test]
    fn a_place_names_a_known_host() {
        let hosts = hosts(&["hv-1.contoso.com", "hv-1-b.contoso.com"], &["hv02"]);
        let placed = |path: &str| hosts.placed(path).map(|id| hosts.name(id).to_owned());
        assert_eq!(placed("HV02/x.txt").as_deref(), Some("HV02"));
        assert_eq!(placed("SDDC.zip!/Node_hv-1-b.contoso.com/GetHotFix.xml").as_deref(), Some("HV-1-B"));
        assert_eq!(placed("TSS_HV-1_221110-091500.zip!/Hotfixes.txt").as_deref(), Some("HV-1"));
        assert_eq!(placed("hv02/HV-1_klist.txt").as_deref(), Some("HV-1"));
        assert_eq!(placed("HV02-Microsoft-Windows-Hyper-V-VMMS-Admin.csv").as_deref(), Some("HV02"));
        assert_eq!(placed("HV02.txt").as_deref(), Some("HV02"));
        assert_eq!(placed("HV02-20261001.zip!/klist.txt").as_deref(), Some("HV02"));
        assert_eq!((placed("HV02-DR/klist.txt"), placed("hv-1.fabrikam.com/klist.txt")), (None, None));
        assert_eq!((placed("HV022/x.txt"), placed("klist.txt"), placed("")), (None, None, None));
    }

    #[test]
    fn sentences_name_hosts_in_quotes() {
        assert_eq!(called_host("failed at migration source 'HV01'. VM 'SQL 01'"), ["hv01"]);
        assert_eq!(called_host("Größe, NODE 'HV02', of Host 'HV01'"), ["hv01", "hv02"]);
        assert_eq!(called_host("connection with host '10.0.0.12'"), ["10.0.0.12"]);
        assert!(!is_host_name("10.0.0.12") && is_host_name("hv01.contoso.com"));
    }
}
