//! Nodes of a failover cluster (`Get-ClusterNode`) and virtual machines (`Get-VM`), in any syntax.

use super::Context;
use super::hot_fix::is_whole;
use super::records::{Gather, Kinds, Meaning, Names, Record};
use crate::fact::{ClusterNode, Observation, Parsed, Position, VirtualMachine};

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
