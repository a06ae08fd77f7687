//! Failover clusters (`Get-Cluster`, `Get-ClusterNode`), their networks and those of migrations
//! (`Get-ClusterNetwork`, `Get-VMMigrationNetwork`), and virtual machines (`Get-VM`), in any syntax.
//!
//! What is *not* done here: the parameters of a cluster's resources, which name networks by id and are only counted.

use super::Context;
use super::hot_fix::is_whole;
use super::records::{Gather, Kinds, Meaning, Names, Record};
use crate::fact::{ClusterNode, MachineReport, Network, Observation, Parsed, Position, VirtualMachine};

/// Nodes.
pub(super) const NODES: Meaning = Meaning {
    kinds: Kinds {
        csv: "cluster-node-csv",
        json: "cluster-node-json",
        clixml: "cluster-node-clixml",
        list: "cluster-node-list",
        table: "cluster-node-table",
    },
    columns: &[
        "name",
        "nodename",
        "state",
        "cluster",
        "drainstatus",
        "nodeweight",
        "dynamicweight",
        "type",
        "id",
    ],
    tells: |has| {
        let named = has("name") || has("nodename");
        named && has("state") && (has("drainstatus") || has("nodeweight") || is_default_table(has))
    },
    gather: || Box::new(Found { found: Vec::new(), read: node }),
};

/// Virtual machines.
pub(super) const MACHINES: Meaning = Meaning {
    kinds: Kinds {
        csv: "virtual-machine-csv",
        json: "virtual-machine-json",
        clixml: "virtual-machine-clixml",
        list: "virtual-machine-list",
        table: "virtual-machine-table",
    },
    columns: &["name", "vmname", "vmid", "id", "state", "status", "computername", "cpuusage", "uptime"],
    tells: |has| {
        (has("name") || has("vmname"))
            && has("state")
            && (has("vmid") || has("cpuusage(%)") || has("cpuusage"))
    },
    gather: || Box::new(Found { found: Vec::new(), read: machine }),
};

/// Clusters.
pub(super) const CLUSTERS: Meaning = Meaning {
    kinds: Kinds {
        csv: "cluster-csv",
        json: "cluster-json",
        clixml: "cluster-clixml",
        list: "cluster-list",
        table: "cluster-table",
    },
    columns: &["name", "domain", "clusterfunctionallevel", "pscomputername"],
    tells: |has| has("name") && has("clusterfunctionallevel"),
    gather: || Box::new(Found { found: Vec::new(), read: cluster }),
};

/// Networks.
pub(super) const NETWORKS: Meaning = Meaning {
    kinds: Kinds {
        csv: "network-csv",
        json: "network-json",
        clixml: "network-clixml",
        list: "network-list",
        table: "network-table",
    },
    columns: &["name", "address", "addressmask", "role", "subnet", "priority", "computername", "cluster"],
    tells: |has| has("address") && has("addressmask") && has("role") || has("subnet") && has("priority"),
    gather: || Box::new(Found { found: Vec::new(), read: network }),
};

/// Parameters of resources.
pub(super) const PARAMETERS: Meaning = Meaning {
    kinds: Kinds {
        csv: "cluster-parameter-csv",
        json: "cluster-parameter-json",
        clixml: "cluster-parameter-clixml",
        list: "cluster-parameter-list",
        table: "cluster-parameter-table",
    },
    columns: &["object", "name", "value", "clusterobject", "parametertype"],
    tells: |has| (has("object") || has("clusterobject")) && has("name") && has("value"),
    gather: || Box::new(Found { found: Vec::new(), read: |_| None }),
};

/// `Get-ClusterNode` shows three columns unless asked for more.
fn is_default_table(has: Names<'_>) -> bool {
    has("type") && !has("ownergroup") && !has("ownernode") && !has("resourcetype")
}

/// What was found in one source.
struct Found {
    found: Vec<(u64, Observation)>,
    read: Read,
}

type Read = fn(&Record) -> Option<Observation>;

impl Gather for Found {
    fn take(&mut self, record: &Record, _: &Context<'_>) {
        self.found.extend((self.read)(record).map(|observation| (record.line, observation)));
    }

    fn finish(self: Box<Self>, context: &Context<'_>) -> Parsed {
        let fact = |(line, observation)| context.fact(Position::Line(line), observation);
        Parsed { facts: self.found.into_iter().map(fact).collect(), ..Parsed::default() }
    }
}

fn node(record: &Record) -> Option<Observation> {
    if record.text("type").is_some_and(|kind| !kind.eq_ignore_ascii_case("node")) {
        return None;
    }
    let node = record.first(&["nodename", "name"]).filter(|name| is_whole(name))?.to_owned();
    let text = |name| record.text(name).filter(|text| is_whole(text)).map(str::to_owned);
    Some(Observation::Node(ClusterNode { node, cluster: text("cluster"), state: text("state").map(state) }))
}

/// The name, or the number of it (`ClusterNodeState`).
fn state(value: String) -> String {
    match value.as_str() {
        "0" => "Up".into(),
        "1" => "Down".into(),
        "2" => "Paused".into(),
        "3" => "Joining".into(),
        _ => value,
    }
}

/// The machine that was asked is a node of the cluster.
fn cluster(record: &Record) -> Option<Observation> {
    let host = record.text("pscomputername")?.to_owned();
    let domain = record.text("domain").map(str::to_owned);
    let cluster = Some(record.text("name")?.to_owned());
    Some(Observation::Machine(Box::new(MachineReport {
        host: Some(host),
        domain,
        cluster,
        ..MachineReport::default()
    })))
}

fn network(record: &Record) -> Option<Observation> {
    let masked = || Some(format!("{}/{}", record.text("address")?, record.text("addressmask")?));
    let subnet = record.text("subnet").map(str::to_owned).or_else(masked)?;
    let text = |name| record.text(name).map(str::to_owned);
    Some(Observation::Network(Network { host: text("computername"), name: text("name"), subnet }))
}

fn machine(record: &Record) -> Option<Observation> {
    let text = |names: &[&str]| record.first(names).filter(|text| is_whole(text)).map(str::to_owned);
    let id = text(&["vmid", "id"]).map(|id| id.trim_matches(['{', '}']).to_uppercase());
    Some(Observation::VirtualMachine(VirtualMachine {
        name: text(&["vmname", "name"])?,
        id: id.filter(|id| id.len() == 36),
        host: text(&["computername"]),
        state: text(&["state"]),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::records::{console, json};
    use crate::parse::testing;

    fn observations(text: &str) -> Vec<Observation> {
        let parsed = testing::read(&json::FORMAT, text.as_bytes());
        parsed.facts.into_iter().map(|fact| fact.observation).collect()
    }

    #[test]
    fn a_cluster_its_nodes_and_its_networks_are_read() {
        let some = |text: &str| Some(text.to_owned());
        let cluster = "{\"Name\":\"HVC01\",\"Domain\":\"contoso.com\",\"ClusterFunctionalLevel\":10,\"PSComputerName\":\"HV01\"}";
        let report = MachineReport {
            host: some("HV01"),
            domain: some("contoso.com"),
            cluster: some("HVC01"),
            ..MachineReport::default()
        };
        assert_eq!(observations(cluster), [Observation::Machine(Box::new(report))]);
        let node = "[{\"Name\":\"HV01\",\"State\":0,\"DrainStatus\":0,\"Cluster\":\"HVC01\"}]";
        let expected = ClusterNode { node: "HV01".into(), cluster: some("HVC01"), state: some("Up") };
        assert_eq!(observations(node), [Observation::Node(expected)]);
        let networks = "[{\"Name\":\"Live\",\"Address\":\"10.30.0.0\",\"AddressMask\":\"255.255.255.0\",\"Role\":1},\
                        {\"ComputerName\":\"HV01\",\"Subnet\":\"10.30.0.0/24\",\"Priority\":0}]";
        let network = |host, name, subnet: &str| {
            Observation::Network(Network { host, name, subnet: subnet.to_owned() })
        };
        let expected = [
            network(None, some("Live"), "10.30.0.0/255.255.255.0"),
            network(some("HV01"), None, "10.30.0.0/24"),
        ];
        assert_eq!(observations(networks), expected);
        let parameters =
            "[{\"Object\":\"Virtual Machine\",\"Name\":\"MigrationNetworkOrder\",\"Value\":\"1;2\"}]";
        assert_eq!(testing::kind(&json::FORMAT, parameters.as_bytes()), Some("cluster-parameter-json"));
    }

    #[test]
    fn the_default_table_of_nodes_is_told_from_other_things_with_a_state() {
        let nodes = "Name State Type\n---- ----- ----\nHV01 Up    Node\nHV02 Down  Node\n";
        let parsed = testing::read(&console::FORMAT, nodes.as_bytes());
        assert_eq!(parsed.facts.len(), 2);
        let other = nodes.replace("Node\n", "Disk\n");
        assert!(testing::read(&console::FORMAT, other.as_bytes()).facts.is_empty());
    }
}
