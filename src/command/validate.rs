//! `kcdoctor validate`: after a fix or a hardening, was every pair seen to work since, or is a test owed.

use jiff::Timestamp;

use super::analyze::{Options, pool, reconstruct};
use crate::bundle::Bundle;
use crate::diagnose::{PairState, diagnose, validate as judged};
use crate::error::Error;
use crate::knowledge::Knowledge;
use crate::report::validate::{ValidateReport, build};

/// A bundle in, the state of every pair since `fixed_at` out; without it, since each pair's own last change.
///
/// # Errors
/// Those of [`super::analyze::analyze`], and [`Error::NothingUnderstood`] where no log of Hyper-V is in it.
pub fn validate(
    bundle: &Bundle,
    knowledge: &Knowledge,
    options: &Options,
    fixed_at: Option<Timestamp>,
    tick: &(dyn Fn() + Sync),
) -> Result<ValidateReport, Error> {
    pool(options.threads)?.install(|| {
        let (evidence, incident) = reconstruct(bundle, knowledge, options, tick)?;
        if !incident.hyper_v_logs && incident.attempts.is_empty() {
            return Err(Error::NothingUnderstood {
                detail: format!(
                    "{}: no log of Hyper-V is in it, and only logs show that a pair works; export Hyper-V-VMMS-Admin and Hyper-V-High-Availability-Admin on both hosts",
                    bundle.name
                ),
            });
        }
        let diagnosis = diagnose(&incident, &evidence, knowledge);
        let validation = judged(&incident, &evidence, &diagnosis, fixed_at);
        Ok(build(&bundle.name, &evidence, &incident, &validation, fixed_at, knowledge))
    })
}

/// The exit status of `--exit-code`.
#[must_use]
pub fn status(outcome: Option<PairState>) -> u8 {
    match outcome {
        Some(PairState::Proven) => 0,
        Some(PairState::Failing) => 1,
        Some(PairState::Owed) => 2,
        Some(PairState::Unseen) | None => 3,
    }
}
