//! Encryption types that the exports leave open, or that a hardening takes away.
//!
//! Whether two ends have a type in common is a rule's business; here is what no rule can say: objects that state none.

use std::collections::BTreeSet;

use super::{Gap, Outlook, Phased, Reason};
use crate::evidence::{Evidence, HostId};
use crate::fact::Known;
use crate::incident::Pair;
use crate::knowledge::{Cause, Knowledge};

/// The hardening after which domain controllers assume AES for objects that state nothing.
const RC4_OFF: &str = "RC4-CVE-2026-20833";
/// msDS-SupportedEncryptionTypes: both AES types ([MS-KILE] 2.2.7).
const AES: u32 = 0x18;
/// What such a fault is called.
const CAUSE: &str = "encryption-mismatch";

/// Whether an object states encryption types and AES is not among them.
#[must_use]
pub fn lacks_aes(types: u32) -> bool {
    types != 0 && types & AES == 0
}

/// The change among `phases` that makes domain controllers assume AES.
pub(super) fn without_rc4<'p, 'a>(phases: &'p [Phased<'a>]) -> Option<&'p Phased<'a>> {
    phases.iter().find(|phased| phased.hardening.id == RC4_OFF)
}

fn is_bare(host: HostId, evidence: &Evidence) -> bool {
    let types = evidence.directory.computer(host).map(|object| &object.encryption_types);
    matches!(types, Some(Known::Known(None | Some(0))))
}

/// Names the hardening in reasons that rest on what domain controllers assume of a target that states no types.
pub(super) fn lay_to_hardening<'a>(
    outlook: &mut Outlook<'a>,
    pair: &Pair,
    phased: &Phased<'a>,
    evidence: &Evidence,
) {
    let is_enforced = phased.phase.name != "audit" && !phased.is_absent();
    if !is_enforced || !is_bare(pair.target, evidence) {
        return;
    }
    for reason in outlook.reasons.iter_mut().filter(|reason| reason.cause.name() == CAUSE) {
        reason.hardening = Some(phased.hardening.id.as_str());
        reason.basis = phased.basis();
    }
}

/// Ends of a pair whose objects state no encryption types, where domain controllers then assume AES: whether they
/// have AES keys no export shows.
pub(super) fn without_types<'a>(
    pair: &Pair,
    phased: &Phased<'a>,
    evidence: &Evidence,
) -> Vec<(HostId, Reason<'a>)> {
    let is_enforced = phased.phase.name != "audit" && !phased.is_absent();
    let ends = [(pair.source, "source"), (pair.target, "target")].into_iter();
    let bare = ends.filter(|(host, _)| is_enforced && is_bare(*host, evidence));
    let reason = |(host, end): (HostId, &str)| {
        let reason = Reason {
            cause: Cause::named(CAUSE).unwrap_or_else(Cause::undetermined),
            rule: None,
            is_known: false,
            hardening: Some(phased.hardening.id.as_str()),
            basis: phased.basis(),
            missing: vec![format!("{end}.aes_keys")],
        };
        (host, reason)
    };
    bare.map(reason).collect()
}

/// What would show whether the hosts of `bare` have AES keys, where a pair is open for that.
pub(super) fn gap(bare: &BTreeSet<HostId>, pairs: &[Outlook<'_>], knowledge: &Knowledge) -> Option<Gap> {
    let piece = knowledge.gaps.piece("ticket-encryption")?;
    let mut reasons = pairs.iter().flat_map(|own| &own.reasons);
    reasons.any(|reason| reason.hardening == Some(RC4_OFF) && !reason.is_known).then(|| Gap {
        id: piece.id.clone(),
        hosts: bare.clone(),
        matters_for: Cause::named(CAUSE).into_iter().collect(),
        why: piece.why.clone(),
        collect: piece.collect.clone(),
    })
}
