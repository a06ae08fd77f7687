//! The files of `--plan-dir`: what people read, what PowerShell runs, and what LDAP clients load.
//!
//! Each is a function of [`PlanDocument`] alone, so the same bundle gives the same bytes. What is *not* done here:
//! writing them to a disk.

use super::to_json;
use crate::report::plan::PlanDocument;

mod ldif;
mod markdown;
mod powershell;

/// The files of a plan, by name. There are always all of them: a file that has nothing to say says so, and takes the
/// place of what an earlier plan left in the folder.
#[must_use]
pub fn plan_files(document: &PlanDocument<'_>) -> Vec<(&'static str, String)> {
    use ldif::{Direction, Part};
    vec![
        ("plan.md", markdown::render(document)),
        ("apply.ps1", powershell::apply(document)),
        ("verify.ps1", powershell::verify(document)),
        ("rollback.ps1", powershell::rollback(document)),
        ("apply.ldf", ldif::render(document, Part::Additions, Direction::Apply)),
        ("rollback.ldf", ldif::render(document, Part::Additions, Direction::RollBack)),
        ("apply-after-tests.ldf", ldif::render(document, Part::AfterTests, Direction::Apply)),
        ("rollback-after-tests.ldf", ldif::render(document, Part::AfterTests, Direction::RollBack)),
        ("plan.json", to_json(document)),
    ]
}
