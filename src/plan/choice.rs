//! What the person who asks for a plan wants of it.

use crate::evidence::{HostId, Hosts};

/// How sources are to be allowed to act for a user who did not sign in to them with Kerberos.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// As the version of each source needs it.
    #[default]
    Auto,
    /// Every source gets protocol transition.
    Any,
    /// No source gets it.
    Kerberos,
}

/// Which part of the plan is wanted, and how.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// The ordered pairs, by name of source and target; empty means all.
    pub pairs: Vec<(String, String)>,
    /// Protocol transition.
    pub protocol: Protocol,
    /// Whether storage moves along with the machines, so that `cifs/` names are needed too.
    pub storage: bool,
}

impl Choice {
    /// Whether the pair is wanted.
    pub(super) fn holds(&self, source: HostId, target: HostId, hosts: &Hosts) -> bool {
        let is_it = |(from, to): &(String, String)| {
            hosts.find(from) == Some(source) && hosts.find(to) == Some(target)
        };
        self.pairs.is_empty() || self.pairs.iter().any(is_it)
    }
}
