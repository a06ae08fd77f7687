//! `kcdoctor audit`: what will fail under the hardening of a day, from exports alone.

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::civil::Date;

use super::analyze::{Options, pool, reconstruct};
use crate::bundle::Bundle;
use crate::diagnose::{audit as judged, credential_guard_from};
use crate::error::Error;
use crate::evidence::Evidence;
use crate::knowledge::Knowledge;
use crate::plan::plan;
use crate::report::audit::{AuditReport, build};

/// A bundle in, what its hosts have to expect on that day out. Logs are not needed; where they are there, they tell
/// what hosts run and which of them form a cluster.
///
/// # Errors
/// Those of [`super::analyze::analyze`], and [`Error::NothingUnderstood`] where no computer object is in it.
pub fn audit(
    bundle: &Bundle,
    knowledge: &Knowledge,
    options: &Options,
    on: Date,
    tick: &(dyn Fn() + Sync),
) -> Result<AuditReport, Error> {
    pool(options.threads)?.install(|| {
        let (evidence, incident) = reconstruct(bundle, knowledge, options, tick)?;
        with_computers(&bundle.name, &evidence)?;
        let incident = incident.foresee(&evidence, credential_guard_from(&knowledge.hardenings, on));
        let audit = judged(&incident, &evidence, knowledge, on);
        let plan = plan(&audit.diagnosis, &incident, &evidence, knowledge, &options.plan);
        Ok(build(&bundle.name, &evidence, &incident, &audit, &plan, knowledge))
    })
}

/// Refuses arguments of which two are the same file or folder: what is counted twice looks like more than there is.
///
/// # Errors
/// [`Error::Usage`] naming the second.
pub fn distinct(arguments: &[PathBuf]) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    for argument in arguments {
        // What is not there is said when it is opened.
        let Ok(whole) = argument.canonicalize() else { continue };
        if !seen.insert(whole) {
            let name = argument.display();
            return Err(Error::Usage(format!("{name} is named twice; name each file or folder once")));
        }
    }
    Ok(())
}

/// Refuses what holds no computer object, which all that is asked here hangs on.
pub(super) fn with_computers(name: &str, evidence: &Evidence) -> Result<(), Error> {
    if evidence.hosts.iter().any(|(host, _)| evidence.directory.computer(host).is_some()) {
        return Ok(());
    }
    let found = match evidence.directory.objects {
        0 => "no object of the directory is in it",
        _ => "objects of the directory are in it, and none is the computer object of a Hyper-V host",
    };
    Err(Error::NothingUnderstood {
        detail: format!(
            "{name}: {found}; export the hosts' computer objects with all attributes (ldifde -r \"(objectClass=computer)\", or ldapsearch without a list of attributes)"
        ),
    })
}
