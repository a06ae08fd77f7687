//! The same hosts as if nothing had moved yet: what rules are asked of before anything fails.
//!
//! Logs say what failed, exports say what will. Here the moves are taken out, and what rules would learn at a failure is
//! filled in from the hosts' state: whether Credential Guard runs, by record, by inventory, or by the default of the
//! version. What is *not* done here: judging (see [`crate::diagnose`]).

use std::collections::BTreeMap;

use super::{Dated, Grant, Incident, Pair};
use crate::evidence::{Evidence, FactId, HostId};
use crate::fact::{Known, MigrationAuthentication};
use crate::knowledge::Builds;

/// What is assumed of the hosts.
#[derive(Debug, Clone, Default)]
pub struct Foresight {
    /// Credential Guard, for each host of which anything tells.
    pub guard: BTreeMap<HostId, Guard>,
}

/// Whether Credential Guard runs on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// It runs.
    pub runs: bool,
    /// A record or an inventory says so; else it is the default of the host's version.
    pub is_stated: bool,
    /// What states it, or the version.
    pub facts: Vec<FactId>,
}

impl Incident {
    /// Takes the moves out. `default_on` is the version of Windows Server from which on Credential Guard runs by
    /// default, where that default is in force.
    ///
    /// Pairs that were tried stay in question. Of two nodes of which nothing tells whether they form one cluster, the
    /// need is left open: what is not granted counts as unknown.
    #[must_use]
    pub fn foresee(mut self, evidence: &Evidence, default_on: Option<&str>) -> Self {
        let year = default_on.and_then(Builds::year);
        let guard = self.machines.keys().filter_map(|host| Some((*host, self.guard(*host, year, evidence)?)));
        self.foresight = Some(Foresight { guard: guard.collect() });
        self.hyper_v_logs = true;
        self.pairs.iter_mut().for_each(|pair| pair.attempts.clear());
        self.share_refusals();
        self.weigh_delegation(evidence, &evidence.directory);
        let mut pairs = std::mem::take(&mut self.pairs);
        for pair in &mut pairs {
            if !self.is_need_known(pair) {
                pair.needs_delegation = true;
                let grant = self.grant(pair, &evidence.directory);
                pair.grant = if grant.is_unmet() { Grant::Unknown } else { grant };
            }
        }
        self.pairs = pairs;
        self
    }

    /// A clock or an account that was refused is a host's own, whichever way the refused move went.
    fn share_refusals(&mut self) {
        let refused = |pair: &Pair| (pair.kdc_clock.clone(), pair.kdc_account.clone());
        let known: BTreeMap<_, _> =
            self.pairs.iter().map(|pair| ((pair.source, pair.target), refused(pair))).collect();
        for pair in &mut self.pairs {
            let Some((clock, account)) = known.get(&(pair.target, pair.source)) else { continue };
            pair.kdc_clock = joined(&pair.kdc_clock, clock);
            pair.kdc_account = joined(&pair.kdc_account, account);
        }
    }

    /// Whether anything tells if moves of `pair` depend on delegation. Where failures are looked at, they do.
    #[must_use]
    pub fn is_need_known(&self, pair: &Pair) -> bool {
        self.foresight.is_none()
            || !self.clusters.is_assumed(pair.source, pair.target)
            || self.authentication(pair.source) == Known::Known(MigrationAuthentication::CredSsp)
    }

    /// The last that is said of Credential Guard on `host`, else its version's default, which spares domain
    /// controllers.
    fn guard(&self, host: HostId, default_from: Option<i64>, evidence: &Evidence) -> Option<Guard> {
        let machine = self.machines.get(&host)?;
        let recorded = machine.credential_guard.last().map(|(_, runs, fact)| (*runs, *fact));
        if let Some((runs, fact)) = recorded.or(machine.reported_guard) {
            return Some(Guard { runs, is_stated: true, facts: vec![fact] });
        }
        let year = machine.version.as_deref().and_then(Builds::year)?;
        let is_dc = evidence.hosts.get(host).is_some_and(|host| host.is_dc);
        let runs = !is_dc && default_from.is_some_and(|from| year >= from);
        Some(Guard { runs, is_stated: false, facts: machine.version_facts.clone() })
    }
}

/// What both directions of a pair know, each record once.
fn joined(one: &Known<Dated>, other: &Known<Dated>) -> Known<Dated> {
    let (Some(own), Some(further)) = (one.known(), other.known()) else {
        return if one.known().is_some() { one.clone() } else { other.clone() };
    };
    let mut all = [own.as_slice(), further.as_slice()].concat();
    all.sort_unstable();
    all.dedup();
    Known::Known(all)
}
