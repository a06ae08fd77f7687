//! Whether a host is who is trusted, or in a group that is: by the group's `member`, or as the group that is primary to it.
//!
//! An account's primary group lists it nowhere: only its own `primaryGroupID` tells. What is *not* done here: `sIDHistory`,
//! which nothing reads.

use super::Directory;
use crate::evidence::HostId;
use crate::fact::{DirectoryObject, Known, Reason, Sid, Trustee};

/// A group within a group within a group: deeper ones are not followed.
const DEEPEST: usize = 16;

impl Directory {
    /// Whether `trustee` is `source`, or a group that holds it.
    pub(super) fn is_covered(&self, source: HostId, trustee: &Trustee) -> Known<bool> {
        let Some(object) = self.computer(source) else { return Known::Unknown(Reason::NoExport) };
        match trustee {
            Trustee::Everyone => Known::Known(true),
            Trustee::Dn(dn) => match &object.dn {
                Some(own) if own.eq_ignore_ascii_case(dn) => Known::Known(true),
                Some(_) => self.is_inside(object, dn, 0),
                None => Known::Unknown(Reason::NotAskedFor),
            },
            Trustee::Sid(sid) => match &object.sid {
                Some(own) => self.is_sid_covered(own, object, sid),
                None => Known::Unknown(Reason::NotAskedFor),
            },
        }
    }

    fn is_sid_covered(&self, own: &Sid, object: &DirectoryObject, trustee: &Sid) -> Known<bool> {
        // Everyone and Authenticated Users hold every host.
        let primary = is_primary(object, trustee);
        if own == trustee
            || primary == Known::Known(true)
            || matches!(trustee.as_str(), "S-1-1-0" | "S-1-5-11")
        {
            return Known::Known(true);
        }
        // Users and Pre-Windows 2000 Compatible Access hold every account unless somebody took it out.
        if matches!(trustee.as_str(), "S-1-5-32-545" | "S-1-5-32-554") {
            return Known::Unknown(Reason::NoExport);
        }
        let is_other = |other: &DirectoryObject| other.sid.as_ref() == Some(trustee);
        if trustee.as_str().starts_with("S-1-5-32-")
            || self.computers.values().any(|(_, other)| is_other(other))
        {
            return Known::Known(false);
        }
        if let Some(group) = self.groups.iter().find(|group| is_other(group)) {
            return self.is_member(object, group, 0);
        }
        // A SID that no object bears grants nothing, but only a dump of its whole domain can show that.
        let domain = trustee.as_str().rsplit_once('-').map_or("", |(domain, _)| domain);
        if self.whole_domains.contains(domain) {
            Known::Known(false)
        } else {
            Known::Unknown(Reason::NotAskedFor)
        }
    }

    /// Whether `object` is in `group` or in a group in it; unknown where a member is not in the export.
    fn is_member(&self, object: &DirectoryObject, group: &DirectoryObject, depth: usize) -> Known<bool> {
        let primary =
            group.sid.as_ref().map_or(Known::Unknown(Reason::NotAskedFor), |sid| is_primary(object, sid));
        if primary == Known::Known(true) {
            return primary;
        }
        let (Some(members), Some(dn)) = (group.members.known(), &object.dn) else {
            return Known::Unknown(Reason::NotAskedFor);
        };
        if members.iter().any(|member| member.eq_ignore_ascii_case(dn)) {
            return Known::Known(true);
        }
        let inside = members.iter().map(|member| self.is_inside(object, member, depth + 1));
        let answers: Vec<_> = inside.chain([primary]).collect();
        if answers.contains(&Known::Known(true)) {
            return Known::Known(true);
        }
        answers.into_iter().find(|answer| answer.known().is_none()).unwrap_or(Known::Known(false))
    }

    /// Whether `object` is in what is called `dn`, which is a group, another account, or not in the export.
    fn is_inside(&self, object: &DirectoryObject, dn: &str, depth: usize) -> Known<bool> {
        let is_it =
            |group: &&DirectoryObject| group.dn.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(dn));
        match self.groups.iter().find(is_it) {
            Some(group) if depth < DEEPEST => self.is_member(object, group, depth),
            None if self.is_exported(dn) => Known::Known(false),
            _ => Known::Unknown(Reason::NotAskedFor),
        }
    }
}

/// Whether the group `sid` is primary to `object`: where that does not say, a computer's is Domain Computers (515), a
/// domain controller's one of its own (516, 521), and any other group of its domain may have been made so.
fn is_primary(object: &DirectoryObject, sid: &Sid) -> Known<bool> {
    let (Some((domain, group)), Some((own, _))) =
        (sid.as_str().rsplit_once('-'), object.sid.as_ref().and_then(|sid| sid.as_str().rsplit_once('-')))
    else {
        return Known::Unknown(Reason::NotAskedFor);
    };
    if domain != own {
        return Known::Known(false);
    }
    match (object.primary_group.known(), group) {
        (Some(primary), group) => Known::Known(primary.to_string() == group),
        (None, "515") => Known::Known(!object.is_domain_controller()),
        (None, "516" | "521") if !object.is_domain_controller() => Known::Known(false),
        (None, _) => Known::Unknown(Reason::NotAskedFor),
    }
}
