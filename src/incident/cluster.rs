//! Which nodes form a cluster, as far as their logs show it.

use std::collections::{BTreeMap, BTreeSet};

use super::attempt::Attempt;
use crate::evidence::{Evidence, HostId, Signalled};
use crate::fact::{Field, Observation, host_label, host_name};

/// Groups of nodes that their logs tie together.
#[derive(Debug, Default)]
pub struct Clusters {
    /// Nodes that log as members of a cluster.
    clustered: BTreeSet<HostId>,
    /// Group of each node that is tied to another.
    group: BTreeMap<HostId, usize>,
    groups: usize,
}

impl Clusters {
    pub(super) fn of(attempts: &[Attempt], signalled: &[Signalled<'_>], evidence: &Evidence) -> Self {
        let clustered: BTreeSet<_> =
            evidence.hosts.iter().filter(|(_, host)| host.is_clustered).map(|(id, _)| id).collect();
        let by_move = attempts
            .iter()
            .filter(|attempt| attempt.clustered)
            .filter_map(|attempt| Some((attempt.source?, attempt.target?)));
        let named = |signalled: &Signalled<'_>| {
            let writer = signalled.host;
            // A resource or a group may bear a host's name.
            let may_name = |field: &&Field| {
                let name = field.name.as_deref().unwrap_or_default().to_ascii_lowercase();
                !name.contains("resource") && !name.contains("group")
            };
            let values = signalled.event.fields.iter().filter(may_name).map(|field| field.value.trim());
            let hosts = values.filter_map(|value| evidence.hosts.find_from(value, writer));
            hosts.filter(move |host| *host != writer).map(move |host| (writer, host)).collect::<Vec<_>>()
        };
        let by_event = signalled.iter().filter(|signalled| super::names_nodes(signalled)).flat_map(named);
        // Thousands of moves tie the same two nodes.
        let mut seen = BTreeSet::new();
        let ties = by_move.chain(by_event).chain(named_alike(evidence)).filter(|tie| seen.insert(*tie));
        Self::joined(clustered, ties)
    }

    /// Joins ties to groups.
    fn joined(clustered: BTreeSet<HostId>, ties: impl Iterator<Item = (HostId, HostId)>) -> Self {
        let mut groups: Vec<BTreeSet<HostId>> = Vec::new();
        for (one, other) in ties {
            let (touched, mut rest): (Vec<_>, Vec<_>) =
                groups.into_iter().partition(|group| group.contains(&one) || group.contains(&other));
            rest.push(touched.into_iter().flatten().chain([one, other]).collect());
            groups = rest;
        }
        let mut clusters = Self { groups: groups.len(), clustered, group: BTreeMap::new() };
        for (index, group) in groups.iter().enumerate() {
            clusters.group.extend(group.iter().map(|host| (*host, index)));
        }
        if let [_] = groups.as_slice() {
            // With one cluster in sight, a node that logs as a member of one belongs to it.
            clusters.group.extend(clusters.clustered.iter().map(|host| (*host, 0)));
        }
        clusters
    }

    /// Whether both are nodes of one cluster.
    #[must_use]
    pub fn together(&self, one: HostId, other: HostId) -> bool {
        match (self.group.get(&one), self.group.get(&other)) {
            (Some(one), Some(other)) => one == other,
            _ => self.groups == 0 && self.clustered.contains(&one) && self.clustered.contains(&other),
        }
    }

    /// The nodes of `host`'s cluster, itself among them.
    #[must_use]
    pub fn members(&self, host: HostId) -> Vec<HostId> {
        let all = self.clustered.iter().chain(self.group.keys()).copied().collect::<BTreeSet<_>>();
        all.into_iter().filter(|other| self.together(host, *other)).collect()
    }

    /// Whether a pair is in question although it was not tried.
    #[must_use]
    pub fn in_question(&self, source: HostId, target: HostId) -> bool {
        self.groups == 0 || self.together(source, target)
    }

    /// Whether both are nodes of some cluster, and nothing tells whether it is the same.
    #[must_use]
    pub fn is_assumed(&self, one: HostId, other: HostId) -> bool {
        self.groups == 0 && self.clustered.contains(&one) && self.clustered.contains(&other)
    }

    /// How many clusters the logs tell apart.
    #[must_use]
    pub fn count(&self) -> usize {
        self.groups
    }
}

/// Hosts that exports name as nodes of one cluster, each tied to the first of them. A cluster of one node is tied to
/// itself, so that it is told apart from others.
fn named_alike(evidence: &Evidence) -> Vec<(HostId, HostId)> {
    let mut members: BTreeMap<String, BTreeSet<HostId>> = BTreeMap::new();
    for fact in &evidence.facts {
        let (host, cluster) = match &fact.observation {
            Observation::Node(node) => (evidence.hosts.find(&node.node), node.cluster.as_deref()),
            Observation::Machine(report) => {
                let host = fact.observation.host().and_then(|name| evidence.hosts.find(&name));
                (host, report.cluster.as_deref())
            }
            _ => continue,
        };
        if let Some((host, cluster)) = host.zip(cluster) {
            members.entry(host_label(&host_name(cluster)).to_owned()).or_default().insert(host);
        }
    }
    let tied = |hosts: BTreeSet<HostId>| {
        let first = hosts.first().copied();
        hosts.into_iter().filter_map(move |host| Some((first?, host)))
    };
    members.into_values().flat_map(tied).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(host: usize) -> HostId {
        HostId(host)
    }

    #[test]
    fn two_clusters_stay_apart() {
        let clusters =
            Clusters::joined((0..5).map(HostId).collect(), [(id(0), id(1)), (id(2), id(3))].into_iter());
        assert!(
            clusters.together(id(0), id(1))
                && !clusters.together(id(1), id(2))
                && !clusters.in_question(id(4), id(0))
        );
    }

    #[test]
    fn the_only_cluster_takes_every_member() {
        let clusters = Clusters::joined((0..3).map(HostId).collect(), [(id(0), id(1))].into_iter());
        assert!(clusters.together(id(2), id(0)) && !clusters.together(id(2), id(7)));
        assert!(Clusters::joined(BTreeSet::new(), std::iter::empty()).in_question(id(8), id(9)));
    }
}
