//! What a change does to a pair beside what delegation grants: accounts that are disabled, encryption types that are
//! lost.
//!
//! Only where both exports state it; what one leaves open is untold, and hits a pair only as far as something of it is
//! known to have changed.

use std::cmp::Ordering;

use super::{Attribute, Drifted, Ends, Shift, Side};
use crate::diagnose::facts::common_types;
use crate::diagnose::lacks_aes;
use crate::evidence::HostId;
use crate::incident::{DISABLED, Grant, Pair};

/// What of a pair fares otherwise than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aspect {
    /// What delegation grants.
    Delegation,
    /// Whether both accounts are enabled.
    Account,
    /// The Kerberos encryption types that both ends have in common.
    Encryption,
}

/// How a pair fares by all of its aspects: what it has less of outweighs what is open, and that what it has more of.
pub(super) fn worst(shifts: &[(Aspect, Shift)]) -> Option<Shift> {
    let has = |shift: &Shift| shifts.iter().any(|(_, own)| own == shift);
    [Shift::Lost, Shift::Unknown, Shift::Gained].into_iter().find(has)
}

/// Whether an account of the pair was disabled, or enabled again.
pub(super) fn account(
    [source, target]: [Ends; 2],
    baseline: Side<'_>,
    current: Side<'_>,
) -> Option<(Aspect, Shift)> {
    let is_disabled = |side: Side<'_>, host: Option<HostId>| {
        let bits = side.evidence.directory.computer(host?)?.user_account_control.known()?;
        Some(bits & DISABLED != 0)
    };
    let usable = |side: Side<'_>, hosts: [Option<HostId>; 2]| {
        let ends = hosts.map(|host| is_disabled(side, host));
        if ends.contains(&Some(true)) { Some(false) } else { (!ends.contains(&None)).then_some(true) }
    };
    let before = usable(baseline, [source.baseline, target.baseline])?;
    let after = usable(current, [source.current, target.current])?;
    shift(before.cmp(&after)).map(|shift| (Aspect::Account, shift))
}

/// Whether the pair lost encryption types that matter: all, or AES, which hardened domain controllers ask for.
pub(super) fn encryption(
    (before, after): (&Pair, &Pair),
    ends: [Ends; 2],
    objects: &[Drifted<'_>],
    baseline: Side<'_>,
    current: Side<'_>,
) -> Option<(Aspect, Shift)> {
    if [before, after].iter().any(|pair| pair.grant == Grant::NotNeeded) {
        return None;
    }
    let worth = |bits: u32| if bits == 0 { 0 } else { 2 - u8::from(lacks_aes(bits)) };
    let types = |pair, side: Side<'_>| common_types(pair, side.incident, side.evidence).map(worth);
    let is_edited = |own: &Drifted<'_>| {
        ends.contains(&own.ends) && own.edits.iter().any(|edit| edit.attribute == Attribute::EncryptionTypes)
    };
    let shift = match types(before, baseline).zip(types(after, current)) {
        Some((before, after)) => shift(before.cmp(&after)),
        None => objects.iter().any(is_edited).then_some(Shift::Unknown),
    };
    shift.map(|shift| (Aspect::Encryption, shift))
}

fn shift(before_to_after: Ordering) -> Option<Shift> {
    match before_to_after {
        Ordering::Greater => Some(Shift::Lost),
        Ordering::Less => Some(Shift::Gained),
        Ordering::Equal => None,
    }
}
