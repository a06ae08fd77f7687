//! Two exports of one directory side by side: what changed of each host's object, and which pairs that hits.
//!
//! What one of the two does not state is said to be untold and is never a change. What is *not* done here: judging
//! whether a change was wanted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::evidence::{Evidence, HostId};
use crate::fact::{DirectoryObject, Known, Reason, Spn, Trustee};
use crate::incident::{
    Change, DISABLED, Grant, Incident, PROTOCOL_TRANSITION, Pair, UNCONSTRAINED, migration_names,
};

mod hit;

pub use hit::Aspect;

/// One export and what it leads to.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// What it states.
    pub evidence: &'a Evidence,
    /// Its pairs.
    pub incident: &'a Incident,
}

/// What differs.
#[derive(Debug, Default)]
pub struct Drift<'a> {
    /// Every host of either side, by name.
    pub hosts: Vec<Ends>,
    /// Objects that changed, by name.
    pub objects: Vec<Drifted<'a>>,
    /// What one of the two does not state.
    pub untold: Vec<Untold>,
    /// Pairs that fare otherwise than before.
    pub pairs: Vec<Moved>,
    /// By their stamps, the baseline is the newer one.
    pub is_reversed: bool,
}

/// A host in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Ends {
    /// In the baseline.
    pub baseline: Option<HostId>,
    /// In the current export.
    pub current: Option<HostId>,
}

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is the same object.
    Kept,
    /// The same object has another name.
    Renamed,
    /// Another object has its name: its SID differs, so what named the old one does not mean it.
    ReCreated,
    /// It is new.
    Added,
    /// It is gone.
    Removed,
}

/// An attribute that decides delegation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub enum Attribute {
    /// The object itself.
    #[serde(rename = "object")]
    Object,
    /// Its SID.
    #[serde(rename = "objectSid")]
    Sid,
    /// The list of constrained delegation.
    #[serde(rename = "msDS-AllowedToDelegateTo")]
    AllowedToDelegateTo,
    /// Of its bits unconstrained, protocol transition and disabled.
    #[serde(rename = "userAccountControl")]
    UserAccountControl,
    /// Resource-based delegation.
    #[serde(rename = "msDS-AllowedToActOnBehalfOfOtherIdentity")]
    AllowedToAct,
    /// Of its names those of the migration service.
    #[serde(rename = "servicePrincipalName")]
    ServicePrincipalName,
    /// Encryption types.
    #[serde(rename = "msDS-SupportedEncryptionTypes")]
    EncryptionTypes,
    /// The DNS name.
    #[serde(rename = "dNSHostName")]
    DnsHostName,
}

/// One attribute's difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The attribute.
    pub attribute: Attribute,
    /// Values of the baseline that are gone.
    pub removed: Vec<String>,
    /// Values that are new.
    pub added: Vec<String>,
}

/// An object that changed.
#[derive(Debug)]
pub struct Drifted<'a> {
    /// The host.
    pub ends: Ends,
    /// What became of it.
    pub fate: Fate,
    /// What changed.
    pub edits: Vec<Edit>,
    /// The baseline's stamp: the changes came after it.
    pub after: Option<Timestamp>,
    /// The current stamp: the changes came no later.
    pub by: Option<Timestamp>,
    /// Changes of the object that logs of the current bundle record within these bounds.
    pub witnesses: Vec<&'a Change>,
}

/// Something that can't be compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Untold {
    /// The host.
    pub ends: Ends,
    /// The attribute.
    pub attribute: Attribute,
    /// Why the baseline does not tell; `None` where it does.
    pub baseline: Option<Reason>,
    /// Why the current export does not tell.
    pub current: Option<Reason>,
}

/// How a pair fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shift {
    /// It has less than before.
    Lost,
    /// It has more.
    Gained,
    /// One of the two does not say.
    Unknown,
}

/// A pair that fares otherwise than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Its source.
    pub source: Ends,
    /// Its target.
    pub target: Ends,
    /// The grant in the baseline; `None` where it is no pair there.
    pub before: Option<Grant>,
    /// The grant now.
    pub after: Option<Grant>,
    /// What that means.
    pub shift: Shift,
    /// What of it fares so.
    pub aspects: Vec<Aspect>,
}

/// Compares.
#[must_use]
pub fn drift<'a>(baseline: Side<'a>, current: Side<'a>) -> Drift<'a> {
    let hosts = matched(baseline, current);
    let mut drift = Drift::default();
    let (mut older, mut newer) = (0, 0);
    for ends in &hosts {
        let one = ends.baseline.and_then(|host| baseline.evidence.directory.computer(host));
        let other = ends.current.and_then(|host| current.evidence.directory.computer(host));
        match one.zip(other).and_then(|(one, other)| one.when_changed.zip(other.when_changed)) {
            Some((before, after)) if after < before => older += 1,
            Some((before, after)) if after > before => newer += 1,
            _ => {}
        }
        let (object, untold) = compared(*ends, one, other, baseline, current);
        drift.objects.extend(object);
        drift.untold.extend(untold);
    }
    drift.is_reversed = older > newer;
    drift.pairs = moved(&hosts, &drift.objects, baseline, current);
    drift.hosts = hosts;
    drift
}

/// What two hosts have in common that are the same.
type Key<'a> = &'a dyn Fn(Side<'_>, HostId) -> Option<String>;

/// Hosts of both sides, those that are the same together: by SID, then by full name, then by short name.
fn matched(baseline: Side<'_>, current: Side<'_>) -> Vec<Ends> {
    let relevant = |side: Side<'_>| -> Vec<HostId> {
        let is_seen = |host: &HostId| {
            side.evidence.directory.computer(*host).is_some()
                || side.incident.nodes.contains(host)
                || side.evidence.directory.ambiguous.contains(host)
        };
        side.evidence.hosts.iter().map(|(host, _)| host).filter(is_seen).collect()
    };
    let (mut ones, mut others) = (relevant(baseline), relevant(current));
    let sid = |side: Side<'_>, host: HostId| {
        side.evidence.directory.computer(host)?.sid.as_ref().map(ToString::to_string)
    };
    let full = |side: Side<'_>, host: HostId| side.evidence.hosts.get(host)?.fqdn.clone();
    let short = |side: Side<'_>, host: HostId| Some(side.evidence.hosts.get(host)?.name.clone());
    let mut ends = Vec::new();
    let keys: [Key<'_>; 3] = [&sid, &full, &short];
    for key in keys {
        let of_current: BTreeMap<String, HostId> =
            others.iter().filter_map(|host| Some((key(current, *host)?, *host))).collect();
        let mut left = Vec::new();
        for one in ones {
            match key(baseline, one).and_then(|key| of_current.get(&key)).filter(|own| others.contains(own)) {
                Some(other) => {
                    ends.push(Ends { baseline: Some(one), current: Some(*other) });
                    others.retain(|own| own != other);
                }
                None => left.push(one),
            }
        }
        ones = left;
    }
    ends.extend(ones.into_iter().map(|host| Ends { baseline: Some(host), current: None }));
    ends.extend(others.into_iter().map(|host| Ends { baseline: None, current: Some(host) }));
    let name = |ends: &Ends| {
        let now = ends.current.map(|host| current.evidence.hosts.name(host).to_owned());
        now.or_else(|| ends.baseline.map(|host| baseline.evidence.hosts.name(host).to_owned()))
    };
    ends.sort_by_key(name);
    ends
}

/// What changed of one host's object, and what can't be said.
fn compared<'a>(
    ends: Ends,
    one: Option<&DirectoryObject>,
    other: Option<&DirectoryObject>,
    baseline: Side<'a>,
    current: Side<'a>,
) -> (Option<Drifted<'a>>, Vec<Untold>) {
    let whole = |side: Side<'_>, like: Side<'_>, host: Option<HostId>| {
        host.is_some_and(|host| {
            let domain = like.evidence.directory.computer(host).and_then(|object| object.sid.as_ref());
            domain.is_some_and(|sid| side.evidence.directory.is_whole_domain_of(sid))
        })
    };
    let absent = |baseline, current| {
        let untold = Untold { ends, attribute: Attribute::Object, baseline, current };
        (None, vec![untold])
    };
    let lone = |fate, by| Drifted { ends, fate, edits: Vec::new(), after: None, by, witnesses: Vec::new() };
    let reason = |side: Side<'_>, host: Option<HostId>| {
        let is_ambiguous = host.is_some_and(|host| side.evidence.directory.ambiguous.contains(&host));
        if is_ambiguous { Reason::Contradictory } else { Reason::NoExport }
    };
    match (one, other) {
        (None, None) => (None, Vec::new()),
        (Some(_), None) if whole(current, baseline, ends.baseline) && ends.current.is_none() => {
            (Some(lone(Fate::Removed, None)), Vec::new())
        }
        (Some(_), None) => absent(None, Some(reason(current, ends.current))),
        (None, Some(object)) if whole(baseline, current, ends.current) && ends.baseline.is_none() => {
            (Some(lone(Fate::Added, object.when_changed)), Vec::new())
        }
        (None, Some(_)) => absent(Some(reason(baseline, ends.baseline)), None),
        (Some(one), Some(other)) => {
            let (mut edits, untold) = edits(ends, one, other, baseline, current);
            let fate = fate(one, other);
            if fate == Fate::ReCreated {
                let sid =
                    |object: &DirectoryObject| object.sid.iter().map(ToString::to_string).collect::<Vec<_>>();
                edits.insert(0, Edit { attribute: Attribute::Sid, removed: sid(one), added: sid(other) });
            }
            let is_same = edits.is_empty() && fate == Fate::Kept;
            let (after, by) = bounds(one.when_changed, other.when_changed);
            let witnesses = witnesses(ends, after, by, current);
            ((!is_same).then_some(Drifted { ends, fate, edits, after, by, witnesses }), untold)
        }
    }
}

fn fate(one: &DirectoryObject, other: &DirectoryObject) -> Fate {
    let is_same = one.sid.as_ref().zip(other.sid.as_ref()).map(|(one, other)| one == other);
    let label = |object: &DirectoryObject| {
        object.account.as_deref().map(|account| account.trim_end_matches('$').to_lowercase())
    };
    let renamed = label(one).zip(label(other)).is_some_and(|(one, other)| one != other);
    match is_same {
        Some(false) => Fate::ReCreated,
        Some(true) if renamed => Fate::Renamed,
        _ => Fate::Kept,
    }
}

/// Between which stamps the changes lie. A stamp that did not move on dates nothing: controllers do not replicate it.
fn bounds(before: Option<Timestamp>, after: Option<Timestamp>) -> (Option<Timestamp>, Option<Timestamp>) {
    match (before, after) {
        (Some(one), Some(other)) if other <= one => (None, None),
        known => known,
    }
}

/// Changes of the object that the current bundle's logs record within the bounds.
fn witnesses<'a>(
    ends: Ends,
    after: Option<Timestamp>,
    by: Option<Timestamp>,
    current: Side<'a>,
) -> Vec<&'a Change> {
    // A domain controller logs a change within seconds of stamping it.
    let slack = SignedDuration::from_mins(5);
    let fits = |change: &&Change| {
        change.installed.is_some_and(|when| {
            let time = when.span().0;
            after.is_none_or(|after| time.duration_since(after) > slack)
                && by.is_none_or(|by| time.duration_since(by) <= slack)
        })
    };
    ends.current.into_iter().flat_map(|host| current.incident.object_changes(host)).filter(fits).collect()
}

/// Every attribute's difference, and what can't be said.
fn edits(
    ends: Ends,
    one: &DirectoryObject,
    other: &DirectoryObject,
    baseline: Side<'_>,
    current: Side<'_>,
) -> (Vec<Edit>, Vec<Untold>) {
    let migration = |object: &DirectoryObject| {
        migration_names(object).map(|names| names.iter().map(|name| Spn::migration(name)).collect())
    };
    let types = |object: &DirectoryObject| {
        object.encryption_types.clone().map(|types| types.iter().map(|own| format!("0x{own:X}")).collect())
    };
    let dns = |object: &DirectoryObject| match (&object.dns_name, &object.spns) {
        (Some(name), _) => Known::Known(vec![name.clone()]),
        // What ends in the middle of an object may have been asked for.
        (None, Known::Unknown(Reason::Truncated)) => Known::Unknown(Reason::Truncated),
        (None, _) => Known::Unknown(Reason::NotAskedFor),
    };
    let trustees = trustees(one, other, baseline, current);
    let all = [
        (
            Attribute::AllowedToDelegateTo,
            one.allowed_to_delegate_to.clone(),
            other.allowed_to_delegate_to.clone(),
        ),
        (Attribute::UserAccountControl, bits(one), bits(other)),
        (Attribute::AllowedToAct, trustees.0, trustees.1),
        (Attribute::ServicePrincipalName, migration(one), migration(other)),
        (Attribute::EncryptionTypes, types(one), types(other)),
        (Attribute::DnsHostName, dns(one), dns(other)),
    ];
    let (mut edits, mut untold) = (Vec::new(), Vec::new());
    for (attribute, before, after) in all {
        match (before, after) {
            (Known::Known(before), Known::Known(after)) => {
                let (removed, added) = (without(&before, &after), without(&after, &before));
                if !removed.is_empty() || !added.is_empty() {
                    edits.push(Edit { attribute, removed, added });
                }
            }
            (before, after) => {
                let why = |value: &Known<Vec<String>>| match value {
                    Known::Known(_) => None,
                    Known::Unknown(reason) => Some(*reason),
                };
                untold.push(Untold { ends, attribute, baseline: why(&before), current: why(&after) });
            }
        }
    }
    (edits, untold)
}

/// The bits that matter, by name.
fn bits(object: &DirectoryObject) -> Known<Vec<String>> {
    const NAMES: [(u32, &str); 3] = [
        (UNCONSTRAINED, "unconstrained delegation"),
        (PROTOCOL_TRANSITION, "protocol transition"),
        (DISABLED, "disabled"),
    ];
    object.user_account_control.clone().map(|bits| {
        let set = NAMES.iter().filter(|(bit, _)| bits & bit != 0);
        set.map(|(_, name)| (*name).to_owned()).collect()
    })
}

/// Values of `these` that `those` lack, compared without case; sorted.
fn without(these: &[String], those: &[String]) -> Vec<String> {
    let held: BTreeSet<String> = those.iter().map(|value| value.trim().to_lowercase()).collect();
    let mut left: Vec<_> =
        these.iter().filter(|value| !held.contains(&value.trim().to_lowercase())).cloned().collect();
    left.sort_unstable();
    left.dedup();
    left
}

/// Trustees of both sides in words that can be compared: SIDs where both state SIDs, else the names of hosts. A SID on
/// one side and a name on the other that no object joins can't be compared.
fn trustees(
    one: &DirectoryObject,
    other: &DirectoryObject,
    baseline: Side<'_>,
    current: Side<'_>,
) -> (Known<Vec<String>>, Known<Vec<String>>) {
    let (before, after) = match (&one.allowed_to_act, &other.allowed_to_act) {
        (Known::Known(before), Known::Known(after)) => (before, after),
        (before, after) => {
            let plain = |side: &Known<Vec<Trustee>>| side.clone().map(|_| Vec::new());
            return (plain(before), plain(after));
        }
    };
    let is_named = |trustee: &Trustee| matches!(trustee, Trustee::Dn(_));
    let has_names = [before, after].map(|side| side.iter().any(is_named));
    let by_name = |side: Side<'_>, all: &[Trustee]| -> Known<Vec<String>> {
        let words = all.iter().map(|trustee| match (trustee, bearer(trustee, side)) {
            (_, Some(host)) => Some(side.evidence.hosts.name(host).to_owned()),
            (Trustee::Everyone, None) => Some("everyone".to_owned()),
            (Trustee::Dn(dn), None) => Some(dn.clone()).filter(|_| has_names == [true; 2]),
            (Trustee::Sid(sid), None) => Some(sid.to_string()).filter(|_| has_names == [false; 2]),
        });
        let words: Option<Vec<_>> = words.collect();
        words.map_or(Known::Unknown(Reason::Contradictory), Known::Known)
    };
    if has_names == [false; 2] {
        // A SID that an account bore before and bears no more has not left the list.
        let words = |all: &[Trustee]| {
            let word = |trustee: &Trustee| match trustee {
                Trustee::Sid(sid) => {
                    let host = bearer(trustee, current).map(|host| current.evidence.hosts.name(host));
                    let was = || bearer(trustee, baseline).map(|host| baseline.evidence.hosts.name(host));
                    host.or_else(was).map_or_else(|| sid.to_string(), |name| format!("{sid} ({name})"))
                }
                Trustee::Everyone => "everyone".to_owned(),
                Trustee::Dn(dn) => dn.clone(),
            };
            Known::Known(all.iter().map(word).collect())
        };
        return (words(before), words(after));
    }
    (by_name(baseline, before), by_name(current, after))
}

/// The host that a trustee names.
fn bearer(trustee: &Trustee, side: Side<'_>) -> Option<HostId> {
    let bears = |object: &DirectoryObject| match trustee {
        Trustee::Sid(sid) => object.sid.as_ref() == Some(sid),
        Trustee::Dn(dn) => object.dn.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(dn)),
        Trustee::Everyone => false,
    };
    let mut hosts = side.evidence.hosts.iter().map(|(host, _)| host);
    hosts.find(|host| side.evidence.directory.computer(*host).is_some_and(bears))
}

/// The pairs of a side by the places of their ends among `hosts`.
fn placed<'a>(
    hosts: &[Ends],
    side: Side<'a>,
    end: impl Fn(&Ends) -> Option<HostId>,
) -> BTreeMap<(usize, usize), &'a Pair> {
    let at: BTreeMap<HostId, usize> =
        hosts.iter().enumerate().filter_map(|(index, own)| Some((end(own)?, index))).collect();
    let pairs = side.incident.pairs.iter();
    pairs.filter_map(|pair| Some(((*at.get(&pair.source)?, *at.get(&pair.target)?), pair))).collect()
}

/// Pairs that fare otherwise than before, those that lost first.
fn moved(hosts: &[Ends], objects: &[Drifted<'_>], baseline: Side<'_>, current: Side<'_>) -> Vec<Moved> {
    let before = placed(hosts, baseline, |ends| ends.baseline);
    let after = placed(hosts, current, |ends| ends.current);
    let all: BTreeSet<_> = before.keys().chain(after.keys()).copied().collect();
    let pair = |(source, target): (usize, usize)| {
        let pairs = [&before, &after].map(|side| side.get(&(source, target)).copied());
        let [one, other] = pairs.map(|pair| pair.map(|pair| pair.grant));
        let (source, target) = (*hosts.get(source)?, *hosts.get(target)?);
        // That two hosts are no pair is known only where their services are, or that one is not there.
        let told = |side: Side<'_>, end: &dyn Fn(Ends) -> Option<HostId>| {
            let spns = |ends| side.evidence.directory.computer(end(ends)?)?.spns.known();
            let is_gone = |ends: Ends| end(ends).is_none() && objects.iter().any(|own| own.ends == ends);
            let is_told = [source, target].into_iter().all(|ends| spns(ends).is_some() || is_gone(ends));
            (!is_told).then_some(Grant::Unknown)
        };
        let one = one.or_else(|| told(baseline, &|ends| ends.baseline));
        let other = other.or_else(|| told(current, &|ends| ends.current));
        let is_orphaned = one == Some(Grant::Granted) && names_the_old_one(source, target, baseline, current);
        let granted = if is_orphaned { Some(Shift::Lost) } else { shift(one, other) };
        let mut shifts: Vec<_> = granted.map(|shift| (Aspect::Delegation, shift)).into_iter().collect();
        let ends = [source, target];
        shifts.extend(hit::account(ends, baseline, current));
        if let [Some(before), Some(after)] = pairs {
            shifts.extend(hit::encryption((before, after), ends, objects, baseline, current));
        }
        let shift = hit::worst(&shifts)?;
        let aspects = shifts.into_iter().filter(|(_, own)| *own == shift).map(|(aspect, _)| aspect).collect();
        Some(Moved { source, target, before: one, after: other, shift, aspects })
    };
    let mut moved: Vec<_> = all.into_iter().filter_map(pair).collect();
    moved.sort_by_key(|moved| moved.shift);
    moved
}

/// Whether the target's list names the account that the source had, and not the one that was made anew: of a SID that
/// no object bears the current export alone can't say whose it was.
fn names_the_old_one(source: Ends, target: Ends, baseline: Side<'_>, current: Side<'_>) -> bool {
    let object = |side: Side<'_>, host: Option<HostId>| side.evidence.directory.computer(host?).cloned();
    let sid = |side, host| object(side, host).and_then(|object| object.sid).map(Trustee::Sid);
    let trustees = object(current, target.current).and_then(|own| own.allowed_to_act.known().cloned());
    let (Some(old), Some(new), Some(trustees)) =
        (sid(baseline, source.baseline), sid(current, source.current), trustees)
    else {
        return false;
    };
    let is_unmet = current.incident.pairs.iter().any(|pair| {
        let ends = (Some(pair.source), Some(pair.target)) == (source.current, target.current);
        ends && pair.grant == Grant::Unknown
    });
    old != new && is_unmet && trustees.contains(&old) && !trustees.contains(&new)
}

/// How a pair fares; `None` where it fares as before. A pair that is new gains nothing, and one that is gone loses what
/// it had.
fn shift(before: Option<Grant>, after: Option<Grant>) -> Option<Shift> {
    let worth = |grant: Grant| match grant {
        Grant::Granted | Grant::NotNeeded => 3,
        Grant::Partial => 2,
        Grant::KerberosOnly | Grant::Unconstrained => 1,
        Grant::Missing | Grant::Unknown => 0,
    };
    match (before, after) {
        (one, other) if one == other => None,
        (Some(Grant::Unknown), _) | (_, Some(Grant::Unknown)) => Some(Shift::Unknown),
        (one, other) => {
            let (one, other) = (one.map_or(0, worth), other.map_or(0, worth));
            match one.cmp(&other) {
                std::cmp::Ordering::Greater => Some(Shift::Lost),
                std::cmp::Ordering::Less => Some(Shift::Gained),
                std::cmp::Ordering::Equal => None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_without_case() {
        let values = |all: &[&str]| all.iter().map(|&value| value.to_owned()).collect::<Vec<_>>();
        let (one, other) = (values(&["cifs/A", "x/b "]), values(&["CIFS/a", "x/c"]));
        assert_eq!((without(&one, &other), without(&other, &one)), (values(&["x/b "]), values(&["x/c"])));
    }

    #[test]
    fn a_stamp_that_did_not_move_on_dates_nothing() {
        let at = |second| Timestamp::from_second(second).ok();
        assert_eq!(bounds(at(5), at(9)), (at(5), at(9)));
        assert_eq!(bounds(at(9), at(9)), (None, None));
        assert_eq!(bounds(None, at(9)), (None, at(9)));
    }

    #[test]
    fn unknown_is_neither_lost_nor_gained() {
        assert_eq!(shift(Some(Grant::Granted), Some(Grant::Missing)), Some(Shift::Lost));
        assert_eq!(shift(Some(Grant::Missing), Some(Grant::Granted)), Some(Shift::Gained));
        assert_eq!(shift(Some(Grant::Granted), Some(Grant::Unknown)), Some(Shift::Unknown));
        assert_eq!(shift(Some(Grant::Granted), None), Some(Shift::Lost));
        assert_eq!(shift(None, Some(Grant::Missing)), None);
        assert_eq!(shift(Some(Grant::Granted), Some(Grant::NotNeeded)), None);
    }
}
