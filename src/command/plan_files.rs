//! `--plan-dir`: the plan as files, for the people and the tools that carry it out.

use std::fs;
use std::path::Path;

use crate::error::Error;
use crate::render::plan_files;
use crate::report::plan::PlanDocument;

/// Writes every file of the plan into `folder`, which is made where it is not there. Files of these names are
/// overwritten, all others are left alone.
///
/// # Errors
/// [`Error::Io`] naming the folder or the file.
pub fn write(folder: &Path, document: &PlanDocument<'_>) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(Error::io(folder))?;
    for (name, text) in plan_files(document) {
        let path = folder.join(name);
        fs::write(&path, text).map_err(Error::io(path))?;
    }
    Ok(())
}
