//! Lists that came in ranges (`member;range=0-1499`), joined within an entry and across the entries of one name.

use std::collections::HashMap;

use super::attribute::Attribute;
use super::entry::{Object, Value, decoded};
use crate::fact::{Known, Reason};

/// A part of a list that came in ranges.
pub(super) struct Part {
    attribute: Attribute,
    first: u64,
    last: Option<u64>,
    values: Vec<String>,
}

/// `range=0-1499` or `range=1500-*`.
pub(super) fn range(option: &str) -> Option<(u64, Option<u64>)> {
    let (name, bounds) = option.split_once('=')?;
    let (first, last) = bounds.split_once('-')?;
    let last = if last == "*" { None } else { Some(last.parse().ok()?) };
    name.eq_ignore_ascii_case("range").then_some((first.parse().ok()?, last))
}

/// The parts of lists among the values of one entry.
pub(super) fn parts(values: &[Value]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for value in values {
        let Some((first, last)) = value.range else { continue };
        let text = decoded(&value.raw, value.base64);
        match parts.iter_mut().rev().find(|part| part.attribute == value.attribute && part.first == first) {
            Some(part) => part.values.push(text),
            None => parts.push(Part { attribute: value.attribute, first, last, values: vec![text] }),
        }
    }
    parts
}

/// Joins lists that came in ranges, within an entry and across the entries of one name. A list is known only
/// if its parts lie end to end from 0 to `*`.
pub(super) fn join_ranges(objects: &mut [Object]) {
    let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, object) in objects.iter().enumerate().filter(|(_, object)| !object.parts.is_empty()) {
        by_name
            .entry(object.object.dn.as_deref().unwrap_or_default().to_lowercase())
            .or_default()
            .push(index);
    }
    for indexes in by_name.into_values() {
        let mut parts = Vec::new();
        for &index in &indexes {
            parts.extend(
                objects.get_mut(index).into_iter().flat_map(|object| std::mem::take(&mut object.parts)),
            );
        }
        parts.sort_by_key(|part| part.first);
        for attribute in [Attribute::Spn, Attribute::AllowedToDelegateTo, Attribute::Member] {
            let Some(joined) = join(&parts, attribute) else { continue };
            for &index in &indexes {
                if let Some(list) = objects.get_mut(index).and_then(|object| list_of(object, attribute)) {
                    list.clone_from(&joined);
                }
            }
        }
    }
}

/// The list that the parts of `attribute` make, sorted by where they begin; `None` without any.
fn join(parts: &[Part], attribute: Attribute) -> Option<Known<Vec<String>>> {
    let own = || parts.iter().filter(|part| part.attribute == attribute);
    own().next()?;
    let (mut values, mut ended) = (Vec::new(), false);
    for part in own().filter(|part| !part.values.is_empty()) {
        let next = values.len() as u64;
        // A part that was exported twice adds nothing; one that is cut ends the list.
        if ended || part.last.is_some_and(|last| last < next) {
            continue;
        }
        if part.first != next {
            break;
        }
        values.extend(part.values.iter().cloned());
        ended = part.last.is_none();
    }
    Some(if ended { Known::Known(values) } else { Known::Unknown(Reason::Truncated) })
}

/// The list of `attribute`, if the object itself carries it.
fn list_of(object: &mut Object, attribute: Attribute) -> Option<&mut Known<Vec<String>>> {
    let list = match attribute {
        Attribute::Spn => &mut object.object.spns,
        Attribute::AllowedToDelegateTo => &mut object.object.allowed_to_delegate_to,
        Attribute::Member => &mut object.object.members,
        Attribute::MemberOf => &mut object.object.member_of,
        _ => return None,
    };
    object.carried.has(attribute).then_some(list)
}
