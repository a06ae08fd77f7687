//! Who is named by a security descriptor: the trustees of the allow entries of its access list.
//!
//! Read from the self-relative binary form ([MS-DTYP] 2.4.6) and from SDDL text (2.5.1), for
//! `msDS-AllowedToActOnBehalfOfOtherIdentity`. The question asked of it is "may this account act", so an
//! entry counts only if it grants the control access right, which is what a domain controller checks.
//! What is *not* done here: evaluating an access list for a given token. Conditional entries, and deny
//! entries beside allow entries (the denied one may be a group that holds an allowed one), make the answer
//! unknown; so do aliases such as `DA` that stand for a SID of the exporter's domain.

use crate::fact::{Known, Reason, Sid, Trustee};

/// The rights that let an account act: control access, and generic all, which includes it.
const ACTING: u32 = 0x100 | 0x1000_0000;
/// The access list is there ([MS-DTYP] 2.4.6, DP).
const DACL_PRESENT: u16 = 0x4;
/// The entry is for children only and does not apply to the object itself.
const INHERIT_ONLY: u8 = 0x8;
/// SDDL's names of SIDs that are the same in every domain.
const ALIASES: &[(&str, &str)] = &[
    ("AN", "S-1-5-7"),
    ("AO", "S-1-5-32-548"),
    ("AU", "S-1-5-11"),
    ("BA", "S-1-5-32-544"),
    ("BG", "S-1-5-32-546"),
    ("BO", "S-1-5-32-551"),
    ("BU", "S-1-5-32-545"),
    ("CO", "S-1-3-0"),
    ("ED", "S-1-5-9"),
    ("IU", "S-1-5-4"),
    ("LS", "S-1-5-19"),
    ("NS", "S-1-5-20"),
    ("NU", "S-1-5-2"),
    ("PS", "S-1-5-10"),
    ("PU", "S-1-5-32-547"),
    ("RU", "S-1-5-32-554"),
    ("SO", "S-1-5-32-549"),
    ("SU", "S-1-5-6"),
    ("SY", "S-1-5-18"),
    ("WD", "S-1-1-0"),
];

/// One entry of an access list.
struct Entry {
    allows: bool,
    mask: u32,
    inherit_only: bool,
    trustee: Sid,
}

/// The trustees of a descriptor in binary form.
pub(super) fn from_bytes(bytes: &[u8]) -> Known<Vec<Trustee>> {
    known(binary(bytes))
}

/// The trustees of a descriptor in SDDL; `None` if `text` does not look like SDDL.
pub(super) fn from_sddl(text: &str) -> Option<Known<Vec<Trustee>>> {
    let text = text.trim();
    let begins = ["O:", "G:", "D:", "S:"].iter().any(|part| text.starts_with(part));
    begins.then(|| known(sddl(text)))
}

fn known(trustees: Option<Vec<Trustee>>) -> Known<Vec<Trustee>> {
    trustees.map_or(Known::Unknown(Reason::Undecodable), Known::Known)
}

fn trustees(entries: impl Iterator<Item = Option<Entry>>) -> Option<Vec<Trustee>> {
    let mut allowed = Vec::new();
    let mut denies = false;
    for entry in entries {
        let entry = entry?;
        if entry.inherit_only || entry.mask & ACTING == 0 {
            continue;
        }
        let trustee = Trustee::Sid(entry.trustee);
        denies |= !entry.allows;
        if entry.allows && !allowed.contains(&trustee) {
            allowed.push(trustee);
        }
    }
    (!denies || allowed.is_empty()).then_some(allowed)
}

fn binary(bytes: &[u8]) -> Option<Vec<Trustee>> {
    let head = bytes.get(..20)?;
    let (revision, control) = (*head.first()?, u16_at(head, 2)?);
    if revision != 1 {
        return None;
    }
    let offset = usize::try_from(u32_at(head, 16)?).ok()?;
    match (control & DACL_PRESENT != 0, offset) {
        (_, 0) => return Some(vec![Trustee::Everyone]),
        // An offset without the flag contradicts itself.
        (false, _) => return None,
        (true, _) => {}
    }
    let list = bytes.get(offset..)?;
    let list = list.get(8..usize::from(u16_at(list, 2)?)).map(|entries| (entries, u16_at(list, 4)))?;
    let (mut left, count) = (list.0, list.1?);
    trustees((0..count).map(|_| {
        let (entry, rest) = left.split_at_checked(usize::from(u16_at(left, 2)?))?;
        // An entry of size 0 would be read again and again.
        entry.first()?;
        left = rest;
        binary_entry(entry)
    }))
}

fn binary_entry(entry: &[u8]) -> Option<Entry> {
    let &[kind, flags] = entry.first_chunk::<2>()?;
    let sid_at = match kind {
        0 | 1 => 8,
        5 | 6 => 12 + 16 * usize::try_from((u32_at(entry, 8)? & 0b11).count_ones()).ok()?,
        _ => return None,
    };
    Some(Entry {
        allows: matches!(kind, 0 | 5),
        mask: u32_at(entry, 4)?,
        inherit_only: flags & INHERIT_ONLY != 0,
        trustee: Sid::from_bytes(entry.get(sid_at..)?)?,
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

fn sddl(text: &str) -> Option<Vec<Trustee>> {
    // Without `D:` the text may be cut just as well as mean a descriptor without a list.
    let list = text.strip_prefix("D:").or_else(|| text.split_once("D:").map(|(_, list)| list))?;
    let (flags, entries) = list.split_at(list.find('(').unwrap_or(list.len()));
    if flags.contains("NO_ACCESS_CONTROL") {
        return Some(vec![Trustee::Everyone]);
    }
    if entries.is_empty() && !flags.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let mut left = entries;
    trustees(std::iter::from_fn(|| {
        // Behind the list may stand the audit list, and nothing else.
        if left.is_empty() || left.starts_with("S:") {
            return None;
        }
        let entry = left.strip_prefix('(').and_then(|body| body.split_once(')'));
        left = entry.map_or("", |(_, rest)| rest);
        Some(entry.and_then(|(entry, _)| sddl_entry(entry)))
    }))
}

fn sddl_entry(entry: &str) -> Option<Entry> {
    let mut parts = entry.split(';');
    let mut part = || parts.next().map(str::trim);
    let (kind, flags, rights) = (part()?, part()?, part()?);
    let (_object, _inherited, trustee) = (part()?, part()?, part()?);
    let allows = match kind {
        "A" | "OA" => true,
        "D" | "OD" => false,
        _ => return None,
    };
    let alias = ALIASES.iter().find(|(alias, _)| *alias == trustee).map_or(trustee, |(_, sid)| *sid);
    Some(Entry {
        allows,
        mask: sddl_rights(rights)?,
        inherit_only: pairs(flags).any(|flag| flag == "IO"),
        trustee: Sid::from_text(alias)?,
    })
}

/// The part of the rights that matters here: `CR` is control access, `GA` generic all.
fn sddl_rights(rights: &str) -> Option<u32> {
    if let Some(hex) = rights.strip_prefix("0x").or_else(|| rights.strip_prefix("0X")) {
        return u32::from_str_radix(hex, 16).ok();
    }
    let bit = |right: &str| match right {
        "CR" => 0x100,
        "GA" => 0x1000_0000,
        _ => 0,
    };
    let letters = rights.len().is_multiple_of(2) && rights.bytes().all(|byte| byte.is_ascii_uppercase());
    if letters { Some(pairs(rights).fold(0, |mask, right| mask | bit(right))) } else { rights.parse().ok() }
}

fn pairs(text: &str) -> impl Iterator<Item = &str> {
    (0..text.len() / 2).filter_map(move |index| text.get(2 * index..2 * index + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: u32 = 0x000f_01ff;

    fn sid(rid: u32) -> Vec<u8> {
        let mut bytes = vec![1, 5, 0, 0, 0, 0, 0, 5];
        for part in [21, 1, 2, 3, rid] {
            bytes.extend(u32::to_le_bytes(part));
        }
        bytes
    }

    fn named(rid: u32) -> Trustee {
        Trustee::Sid(Sid::from_text(&format!("S-1-5-21-1-2-3-{rid}")).unwrap())
    }

    fn entry(kind: u8, flags: u8, mask: u32, rid: u32) -> Vec<u8> {
        let guids = if kind >= 5 { [[1, 0, 0, 0].as_slice(), &[7; 16]].concat() } else { Vec::new() };
        let body = [mask.to_le_bytes().to_vec(), guids, sid(rid)].concat();
        let size = u16::try_from(body.len() + 4).unwrap().to_le_bytes();
        [[kind, flags].as_slice(), &size, &body].concat()
    }

    fn descriptor(entries: &[Vec<u8>]) -> Vec<u8> {
        let owner = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
        let list = entries.concat();
        let size = u16::try_from(list.len() + 8).unwrap().to_le_bytes();
        let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
        let mut bytes = vec![1, 0, 4, 0x80, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 36, 0, 0, 0];
        bytes.extend(owner);
        bytes.extend([4, 0, size[0], size[1], count[0], count[1], 0, 0]);
        bytes.extend(list);
        bytes
    }

    const UNDECODABLE: Known<Vec<Trustee>> = Known::Unknown(Reason::Undecodable);

    #[test]
    fn allow_entries_name_the_trustees() {
        let bytes = descriptor(&[entry(0, 0, FULL, 1102), entry(5, 0, 0x100, 1103), entry(0, 0, FULL, 1102)]);
        assert_eq!(from_bytes(&bytes), Known::Known(vec![named(1102), named(1103)]));
        assert_eq!(from_bytes(&descriptor(&[])), Known::Known(Vec::new()));
    }

    #[test]
    fn entries_that_grant_nothing_here_are_passed_over() {
        let bytes = descriptor(&[entry(0, 0, 0x20094, 1102), entry(0, INHERIT_ONLY, FULL, 1103)]);
        assert_eq!(from_bytes(&bytes), Known::Known(Vec::new()));
    }

    #[test]
    fn no_list_means_everyone() {
        let mut bytes = descriptor(&[]);
        bytes[16] = 0;
        assert_eq!(from_bytes(&bytes), Known::Known(vec![Trustee::Everyone]));
        assert_eq!(from_sddl("O:BAD:NO_ACCESS_CONTROL"), Some(Known::Known(vec![Trustee::Everyone])));
    }

    #[test]
    fn what_depends_on_a_token_is_unknown() {
        assert_eq!(from_bytes(&descriptor(&[entry(0, 0, FULL, 1102), entry(1, 0, FULL, 1200)])), UNDECODABLE);
        assert_eq!(from_bytes(&descriptor(&[entry(1, 0, FULL, 1200)])), Known::Known(Vec::new()));
        assert_eq!(from_bytes(&descriptor(&[entry(9, 0, FULL, 1102)])), UNDECODABLE);
    }

    #[test]
    fn offsets_and_counts_that_lie_are_survived() {
        let good = descriptor(&[entry(0, 0, FULL, 1102)]);
        for length in 0..good.len() {
            assert_eq!(from_bytes(&good[..length]), UNDECODABLE, "cut at {length}");
        }
        for (at, value) in
            [(16, 0xff), (17, 0xff), (19, 0xff), (38, 0), (38, 0xff), (40, 0xff), (46, 0), (46, 0xff)]
        {
            let mut bytes = good.clone();
            bytes[at] = value;
            assert_eq!(from_bytes(&bytes), UNDECODABLE, "byte {at}");
        }
    }

    #[test]
    fn random_damage_never_panics() {
        let good = descriptor(&[entry(0, 0, FULL, 1102), entry(5, 0, FULL, 1103), entry(1, 0, 0, 1104)]);
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 33).unwrap()
        };
        for _ in 0..20_000 {
            let mut bytes = good.clone();
            for _ in 0..=next() % 4 {
                let at = next() % bytes.len();
                bytes[at] = u8::try_from(next() % 256).unwrap();
            }
            bytes.truncate(1 + next() % (2 * good.len()));
            let _ = from_bytes(&bytes);
            let _ = from_sddl(&format!("D:{}", String::from_utf8_lossy(&bytes)));
        }
    }

    #[test]
    fn sddl_is_read_like_the_binary_form() {
        let text = "O:BAG:DAD:PAI(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;S-1-5-21-1-2-3-1102)(OA;;CR;;;BA)(A;CIIO;GA;;;WD)S:(AU;;FA;;;WD)";
        let admins = Trustee::Sid(Sid::from_text("S-1-5-32-544").unwrap());
        assert_eq!(from_sddl(text), Some(Known::Known(vec![named(1102), admins])));
        assert_eq!(from_sddl("D:(A;;0xf01ff;;;S-1-5-21-1-2-3-1102)"), Some(Known::Known(vec![named(1102)])));
        assert_eq!(from_sddl("O:BAD:"), Some(Known::Known(Vec::new())));
    }

    #[test]
    fn sddl_that_cannot_be_resolved_is_unknown() {
        for text in [
            "O:BA",
            "D:(A;;GA;;;DA)",
            "D:(XA;;GA;;;BA;(x))",
            "D:(A;;GA;;;S-1-5",
            "D:(A;;GA)",
            "D:(A;;zz;;;BA)",
            "D:(A;;GA;;;BA)x",
            "D:?",
        ] {
            assert_eq!(from_sddl(text), Some(UNDECODABLE), "{text}");
        }
        assert_eq!(from_sddl("CN=HV01,DC=x"), None);
    }
}
