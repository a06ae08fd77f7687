//! New settings of Group Policy that a machine applied (GroupPolicy 1502, 1503).
//!
//! They say that something changed and not what, so they never set anything off. What an export of policies or of the
//! registry states has no time and is no change.

use jiff::Timestamp;

use super::{Change, Kind, ONE_WORK, moment};
use crate::evidence::{Evidence, HostId, Signalled};
use crate::knowledge::Meaning;

/// The first of each run of records on a machine.
pub(super) fn policies(signalled: &[Signalled<'_>], evidence: &Evidence) -> Vec<Change> {
    let mut last: std::collections::BTreeMap<HostId, Timestamp> = std::collections::BTreeMap::new();
    let mut changes = Vec::new();
    for own in signalled.iter().filter(|own| own.signal.meaning == Meaning::PolicyApplied) {
        let time = own.event.time;
        let goes_on =
            last.insert(own.host, time).is_some_and(|before| time.duration_since(before) <= ONE_WORK);
        if !goes_on {
            changes.push(moment(Kind::Policy, own.host, time, vec![own.fact], evidence));
        }
    }
    changes
}
