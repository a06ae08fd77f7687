//! Where a result may be written.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Refuses to write over what is to be read: a customer's file may be the only one that there is.
///
/// # Errors
/// [`Error::Usage`] where `output` is one of `inputs`, or a file that lies in one that is a folder. A new file in such
/// a folder is allowed.
pub fn check_output(inputs: &[PathBuf], output: Option<&Path>) -> Result<(), Error> {
    // What can't be resolved is not there yet, or can't be read either.
    let Some(Ok(own)) = output.map(fs::canonicalize) else { return Ok(()) };
    let is_read = |input: &PathBuf| fs::canonicalize(input).is_ok_and(|input| own.starts_with(input));
    match inputs.iter().find(|input| is_read(input)) {
        Some(_) => Err(Error::Usage(format!(
            "{} is there already, among what is to be read; write to another file, so that it stays",
            output.unwrap_or(&own).display()
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("CASE/HV01")).unwrap();
        fs::write(at("CASE/HV01/System.evtx"), "log").unwrap();
        fs::write(at("CASE-1.txt"), "report").unwrap();
        let inputs = [at("CASE"), "-".into(), at("none")];
        for (output, is_allowed) in [
            ("CASE/HV01/System.evtx", false),
            ("CASE/HV01/../HV01/System.evtx", false),
            ("CASE", false),
            ("CASE/report.txt", true),
            ("CASE-1.txt", true),
            ("none", true),
        ] {
            let outcome = check_output(&inputs, Some(&at(output)));
            assert_eq!(outcome.is_ok(), is_allowed, "{output}");
        }
        assert!(check_output(&inputs, None).is_ok());
    }
}
