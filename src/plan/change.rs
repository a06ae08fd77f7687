//! What a plan changes in the directory, value by value. Scripts, LDIF and proof are all made of these, so they can't
//! say different things.
//!
//! Each change is worked out from the state that the steps before it leave, and only from a state that is known.

use std::collections::{BTreeMap, BTreeSet};

use super::Step;
use crate::evidence::{Directory, HostId};
use crate::fact::{DirectoryObject, Known};
use crate::incident::{PROTOCOL_TRANSITION, UNCONSTRAINED};

/// One change of one attribute of one computer object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Modification {
    /// The host whose object it is.
    pub host: HostId,
    /// What becomes different.
    pub edit: Edit,
}

/// What msDS-SupportedEncryptionTypes holds with AES128 and AES256 ([MS-KILE] 2.2.7).
const AES: u32 = 0x18;

/// What becomes different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Values that `msDS-AllowedToDelegateTo` gains; it holds none of them, whatever the case.
    Delegate(Vec<String>),
    /// userAccountControl, from the value that it has to the one that it gets.
    Control {
        /// The value that it has.
        old: u32,
        /// The value that it gets.
        new: u32,
    },
}

impl Edit {
    /// What a step of `kind` makes of `object`; `None` where that is not known, or the object has it already.
    fn of(kind: &str, add: &[String], object: &DirectoryObject) -> Option<Self> {
        let bits = object.user_account_control.known().copied();
        let control = |new: &dyn Fn(u32) -> u32| {
            let old = bits?;
            Some(Self::Control { old, new: new(old) }).filter(|_| new(old) != old)
        };
        match kind {
            "add-delegation" | "add-storage-delegation" => {
                let list = object.allowed_to_delegate_to.known()?;
                // A value that ends in a blank grants nothing, but a directory may take it for the same: added beside it,
                // the name could be refused, and taking it back could remove the other. That is left to a person.
                let mut held: BTreeSet<String> = list.iter().map(|own| own.trim().to_lowercase()).collect();
                let missing: Vec<_> =
                    add.iter().filter(|spn| held.insert(spn.to_lowercase())).cloned().collect();
                (!missing.is_empty()).then_some(Self::Delegate(missing))
            }
            "set-protocol" => control(&|bits| bits | PROTOCOL_TRANSITION),
            "clear-unconstrained" => control(&|bits| bits & !UNCONSTRAINED),
            _ => None,
        }
    }

    /// Makes the change.
    fn apply(&self, object: &mut DirectoryObject) {
        match self {
            Self::Delegate(values) => {
                if let Known::Known(list) = &mut object.allowed_to_delegate_to {
                    list.extend(values.iter().cloned());
                }
            }
            Self::Control { new, .. } => object.user_account_control = Known::Known(*new),
        }
    }
}

/// Whether steps of `kind` change the directory.
#[must_use]
pub fn is_directory(kind: &str) -> bool {
    matches!(kind, "add-delegation" | "add-storage-delegation" | "set-protocol" | "clear-unconstrained")
}

/// Gives every step that is neither blocked nor a mere offer its changes, in order, and returns the objects as the last
/// step leaves them.
pub(super) fn work_out(steps: &mut [Step], directory: &Directory) -> BTreeMap<HostId, DirectoryObject> {
    let mut objects: BTreeMap<HostId, DirectoryObject> = BTreeMap::new();
    let is_offer = |step: &Step| step.optional && step.kind == "add-storage-delegation";
    let is_due = |step: &Step| step.blocked_by.is_empty() && is_directory(&step.kind) && !is_offer(step);
    let is_host_own = |step: &Step| step.blocked_by.is_empty() && step.kind == "encryption-mismatch";
    for step in steps.iter_mut().filter(|step| is_due(step) || is_host_own(step)) {
        let Some((host, known)) = step.host.and_then(|host| Some((host, directory.computer(host)?))) else {
            continue;
        };
        let object = objects.entry(host).or_insert_with(|| known.clone());
        // The host writes it itself, once its policy says so.
        if is_host_own(step) && matches!(object.encryption_types, Known::Known(_)) {
            object.encryption_types = Known::Known(Some(AES));
        }
        if let Some(edit) = Edit::of(&step.kind, &step.add_spns, object) {
            edit.apply(object);
            step.changes.push(Modification { host, edit });
        }
    }
    objects
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Reason;

    fn object(bits: Known<u32>, list: Known<Vec<String>>) -> DirectoryObject {
        DirectoryObject {
            user_account_control: bits,
            allowed_to_delegate_to: list,
            ..DirectoryObject::default()
        }
    }

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|&one| one.to_owned()).collect()
    }

    #[test]
    fn only_values_that_are_missing_are_added_and_case_makes_no_difference() {
        let object = object(Known::Known(0x1000), Known::Known(texts(&["CIFS/Hv02 ", "x/y"])));
        let add = texts(&["cifs/HV02", "cifs/hv02.contoso.com", "cifs/HV02.contoso.com"]);
        let edit = Edit::of("add-storage-delegation", &add, &object);
        assert_eq!(edit, Some(Edit::Delegate(texts(&["cifs/hv02.contoso.com"]))));
        assert_eq!(Edit::of("add-delegation", &texts(&["X/Y"]), &object), None);
    }

    #[test]
    fn a_bit_is_changed_from_a_value_that_is_known() {
        let unknown = || Known::Unknown(Reason::NotAskedFor);
        let held = object(Known::Known(0x1000 | UNCONSTRAINED), Known::Known(Vec::new()));
        let swap = |kind: &str| Edit::of(kind, &[], &held);
        assert_eq!(swap("set-protocol"), Some(Edit::Control { old: 0x8_1000, new: 0x108_1000 }));
        assert_eq!(swap("clear-unconstrained"), Some(Edit::Control { old: 0x8_1000, new: 0x1000 }));
        let set = object(Known::Known(0x100_1000), Known::Known(Vec::new()));
        assert_eq!(Edit::of("set-protocol", &[], &set), None);
        let untold = object(unknown(), Known::Unknown(Reason::NotAskedFor));
        assert_eq!(Edit::of("set-protocol", &[], &untold), None);
        assert_eq!(Edit::of("add-delegation", &texts(&["x/y"]), &untold), None);
    }
}
