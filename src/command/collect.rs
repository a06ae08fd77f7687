//! `kcdoctor collect`: the script that gathers a complete bundle where the fault is.
//!
//! The script is PowerShell 5.1 and 7, plain ASCII, and reads only. Its parts stand beside this file: `head` is what the
//! customer reads first, `machine` runs on every host, `directory` asks by LDAP, `run` holds it together. What it
//! gathers, and what it never does, is documented in `docs/collect.md`; tests hold it to that.

/// The whole script.
pub const SCRIPT: &str = concat!(
    include_str!("collect/head.ps1"),
    include_str!("collect/machine.ps1"),
    include_str!("collect/directory.ps1"),
    include_str!("collect/run.ps1"),
);
