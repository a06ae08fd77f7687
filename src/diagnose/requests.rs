//! What to ask the customer for next: the gaps of a diagnosis by piece, what every judgement needs where the bundle
//! tells too little for one, and what helps on every node.
//!
//! What is *not* done here: wording (see [`crate::report::inventory`]).

use std::collections::{BTreeMap, BTreeSet};

use super::{Diagnosis, Level};
use crate::evidence::{Covered, Evidence, HostId, SourceRecord};
use crate::incident::{HYPER_V, Incident};
use crate::knowledge::{Cause, Gaps, Piece, Place};

/// A piece of evidence to ask for.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The piece.
    pub piece: &'a Piece,
    /// The ids of the gaps that it closes.
    pub gaps: BTreeSet<String>,
    /// The hosts that it is about; none where it is about any host.
    pub hosts: BTreeSet<HostId>,
    /// Hosts whose piece is there already, where it is about any host.
    pub have: BTreeSet<HostId>,
    /// The causes that it would decide.
    pub matters_for: BTreeSet<Cause>,
    /// Why it is asked for; each once.
    pub why: BTreeSet<String>,
    /// Whether a verdict waits for it; else it only helps.
    pub needed: bool,
}

/// The requests, the most telling first: what a verdict waits for before what helps.
#[must_use]
pub fn requests<'a>(
    diagnosis: &Diagnosis<'_>,
    incident: &Incident,
    evidence: &Evidence,
    known: &'a Gaps,
) -> Vec<Request<'a>> {
    let mut requests: BTreeMap<&str, Request<'a>> = BTreeMap::new();
    for gap in &diagnosis.gaps {
        let Some(piece) = known.piece(&gap.id) else { continue };
        let request = requests.entry(&piece.id).or_insert_with(|| Request::new(piece, true));
        request.gaps.insert(gap.id.clone());
        request.hosts.extend(&gap.hosts);
        request.matters_for.extend(&gap.matters_for);
        request.why.insert(gap.why.clone());
    }
    let decided = matches!(diagnosis.verdict.level, Level::Confirmed | Level::Healthy | Level::Latent);
    if incident.pairs.is_empty() && !decided {
        for piece in known.pieces.iter().filter(|piece| piece.basic && is_lacking(piece, incident, evidence))
        {
            let request = requests.entry(&piece.id).or_insert_with(|| Request::new(piece, true));
            if request.gaps.is_empty() {
                request.gaps.insert(piece.id.clone());
                request.why.insert(piece.why_unnamed.clone().unwrap_or_else(|| piece.why.clone()));
            }
        }
    }
    for piece in known.pieces.iter().filter(|piece| !piece.kinds.is_empty()) {
        let hosts = nodes_without(piece, incident, evidence);
        if !hosts.is_empty() {
            let request = requests.entry(&piece.id).or_insert_with(|| Request::new(piece, false));
            request.gaps.insert(piece.id.clone());
            request.why.insert(piece.why.clone());
            request.hosts.extend(hosts);
        }
    }
    if let Some(request) = requests.get_mut("hyperv-log").filter(|request| request.hosts.is_empty()) {
        let is_log = |covered: &&Covered| covered.channel.to_ascii_lowercase().starts_with(HYPER_V);
        request.have.extend(evidence.coverage.iter().filter(is_log).map(|covered| covered.host));
    }
    let mut ordered: Vec<_> = known.pieces.iter().filter_map(|piece| requests.remove(&*piece.id)).collect();
    ordered.sort_by_key(|request| !request.needed);
    ordered
}

impl<'a> Request<'a> {
    fn new(piece: &'a Piece, needed: bool) -> Self {
        Self {
            piece,
            gaps: BTreeSet::new(),
            hosts: BTreeSet::new(),
            have: BTreeSet::new(),
            matters_for: BTreeSet::new(),
            why: BTreeSet::new(),
            needed,
        }
    }
}

/// Whether no source holds a basic piece; of a single host's logs, the other ends are lacking.
fn is_lacking(piece: &Piece, incident: &Incident, evidence: &Evidence) -> bool {
    let covered =
        |channel: &str| evidence.coverage.iter().any(|covered| covered.channel.eq_ignore_ascii_case(channel));
    match piece.id.as_str() {
        "hyperv-log" => incident.nodes.len() < 2 || !incident.hyper_v_logs,
        "directory-export" => evidence.directory.objects == 0,
        "host-export" => !incident.machines.values().any(|machine| machine.authentication.known().is_some()),
        "security-log" => !covered("Security"),
        "system-log" => !covered("System"),
        "update-history" => {
            evidence.updates().next().is_none()
                && !incident.changes.iter().any(|change| change.host.is_some())
        }
        _ => false,
    }
}

/// Nodes of which no source of the piece's kinds speaks. A source that names no host may be of any.
fn nodes_without(piece: &Piece, incident: &Incident, evidence: &Evidence) -> BTreeSet<HostId> {
    let of_kind = |source: &&SourceRecord| piece.kinds.iter().any(|kind| kind == source.kind);
    let held: BTreeSet<_> = evidence.sources.iter().filter(of_kind).map(|source| source.host).collect();
    if held.contains(&None) {
        return BTreeSet::new();
    }
    let is_asked = |host: &HostId| {
        let clustered = evidence.hosts.get(*host).is_some_and(|host| host.is_clustered);
        !held.contains(&Some(*host)) && (clustered || piece.place != Place::ClusterNode)
    };
    incident.nodes.iter().copied().filter(is_asked).collect()
}
