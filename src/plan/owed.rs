//! The test migrations that are owed after a fix: the plan's own step, for pairs that nobody has seen to work.

use super::{Step, text};
use crate::evidence::{Evidence, HostId};
use crate::knowledge::Knowledge;

/// The step that tests moves from `source` to each of `targets`; `None` where the knowledge has no such fix.
#[must_use]
pub fn test_migration(
    source: HostId,
    targets: &[HostId],
    evidence: &Evidence,
    knowledge: &Knowledge,
) -> Option<Step> {
    let fix = knowledge.fixes.named("test-migration")?;
    let filler = text::Filler::new(source, targets, &[], evidence);
    Some(Step {
        kind: fix.id.clone(),
        title: filler.prose(&fix.title),
        host: Some(source),
        targets: targets.to_vec(),
        rights: filler.prose(&fix.rights),
        precheck: filler.script(&fix.precheck),
        command: filler.script(&fix.command),
        clicks: fix.clicks.iter().flat_map(|line| filler.lines(line)).collect(),
        verify: filler.script(&fix.verify),
        rollback: filler.script(&fix.rollback),
        note: fix.prose.trim().to_owned(),
        ..Step::default()
    })
}
