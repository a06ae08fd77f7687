//! What several exports of one object, made at different times, say of each other: where they differ, it changed in
//! between, and of the time before the later one's stamp nobody knows which holds.

use jiff::Timestamp;

use crate::evidence::FactId;
use crate::fact::{DISABLED, DirectoryObject, Spn};

/// userAccountControl: the bits that decide whether and how a host may delegate.
const DECIDING: u32 = DISABLED | 0x8_0000 | 0x100_0000;

/// A change that shows only by two exports that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision {
    /// It came after this: the stamp of the earlier statement.
    pub after: Timestamp,
    /// It was made by then: the stamp of the later one. The object may have changed for another reason then.
    pub by: Timestamp,
}

/// The last change of an attribute that decides, between statements of one object.
pub(super) fn of(objects: &[(FactId, &DirectoryObject)]) -> Option<Revision> {
    let dated = objects.iter().filter_map(|(_, object)| Some((object.when_changed?, *object)));
    let mut dated: Vec<_> = dated.collect();
    dated.sort_by_key(|(stamp, _)| *stamp);
    let bits = |object: &DirectoryObject| object.user_account_control.known().map(|bits| bits & DECIDING);
    let names = |object: &DirectoryObject| {
        let own = object.spns.known()?.iter().filter(|spn| Spn::migration_host(spn).is_some());
        Some(in_order(own))
    };
    let list = |object: &DirectoryObject| object.allowed_to_delegate_to.known().map(in_order);
    let trusted = |object: &DirectoryObject| object.allowed_to_act.known().cloned();
    let types = |object: &DirectoryObject| object.encryption_types.known().copied();
    let all = [
        last("useraccountcontrol", &dated, bits),
        last("serviceprincipalname", &dated, names),
        last("msds-allowedtodelegateto", &dated, list),
        last("msds-allowedtoactonbehalfofotheridentity", &dated, trusted),
        last("msds-supportedencryptiontypes", &dated, types),
    ];
    all.into_iter().flatten().max_by_key(|revision| revision.by)
}

/// The values of a list, however they were written and sorted.
fn in_order<'a>(values: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let mut values: Vec<_> = values.into_iter().map(|value| value.to_lowercase()).collect();
    values.sort_unstable();
    values
}

/// The last change of the attribute called `name`, which `read` reads.
fn last<T: PartialEq>(
    name: &str,
    dated: &[(Timestamp, &DirectoryObject)],
    read: impl Fn(&DirectoryObject) -> Option<T>,
) -> Option<Revision> {
    let stated = dated.iter().filter_map(|(stamp, object)| Some((*stamp, *object, read(object)?)));
    let stated: Vec<_> = stated.collect();
    let mut steps = stated.iter().zip(stated.iter().skip(1)).rev();
    let (earlier, later) = steps.find(|(earlier, later)| earlier.2 != later.2)?;
    // Replication metadata say of each attribute when it was changed.
    let by = later.1.attribute_changes.get(name).copied().unwrap_or(later.0);
    Some(Revision { after: earlier.0, by })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Known, Reason};

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400).unwrap()
    }

    fn stated(day: i64, list: Option<&[&str]>, bits: u32) -> DirectoryObject {
        let list = list.map(|list| list.iter().map(|&name| name.to_owned()).collect());
        DirectoryObject {
            when_changed: Some(at(day)),
            allowed_to_delegate_to: list.map_or(Known::Unknown(Reason::NotAskedFor), Known::Known),
            user_account_control: Known::Known(bits),
            ..DirectoryObject::default()
        }
    }

    fn revision(objects: &[DirectoryObject]) -> Option<Revision> {
        of(&objects.iter().map(|object| (FactId(0), object)).collect::<Vec<_>>())
    }

    #[test]
    fn exports_that_differ_show_a_change_between_their_stamps() {
        let (full, empty) = (Some(&["cifs/a", "cifs/b"][..]), Some(&[][..]));
        let changed = |after, by| Some(Revision { after: at(after), by: at(by) });
        assert_eq!(revision(&[stated(1, full, 0), stated(9, empty, 0)]), changed(1, 9));
        assert_eq!(revision(&[stated(9, empty, 0), stated(1, full, 0)]), changed(1, 9));
        let three = [stated(1, full, 0), stated(4, empty, 0), stated(9, empty, 0)];
        assert_eq!(revision(&three), changed(1, 4));
        assert_eq!(revision(&[stated(1, full, 0), stated(9, None, 0)]), None);
        assert_eq!(revision(&[stated(1, full, 0), stated(9, Some(&["CIFS/B", "cifs/a"]), 0x20)]), None);
        assert_eq!(revision(&[stated(1, full, 0), stated(9, full, 2)]), changed(1, 9));
        let mut dated = stated(9, empty, 0);
        dated.attribute_changes.insert("msds-allowedtodelegateto".into(), at(3));
        assert_eq!(revision(&[stated(1, full, 0), dated]), changed(1, 3));
    }
}
