//! Which values of the registry bear on authentication: `knowledge/registry.toml`.
//!
//! Exports of the registry hold secrets and a great deal that is nobody's business; only what stands in this file is
//! ever kept. What is *not* done here yet: judging what a value does to a machine.

use serde::Deserialize;

use super::{Hardenings, Standing, fault};
use crate::error::Error;

/// A value of the registry that is kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// The key under `HKEY_LOCAL_MACHINE`.
    pub key: String,
    /// The value's name.
    pub name: String,
    /// What it decides.
    pub what: String,
    /// The hardening change whose phases it gates.
    pub hardening: Option<String>,
    /// How well this is known.
    pub standing: Standing,
    /// Who says so.
    pub source: String,
    /// When that was last checked.
    pub checked: String,
}

/// Every value that is kept.
#[derive(Debug)]
pub struct Registry {
    all: Vec<Setting>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    setting: Vec<Setting>,
}

impl Registry {
    pub(super) fn load(file: File, hardenings: &Hardenings) -> Result<Self, Error> {
        for setting in &file.setting {
            let is_known = |id: &String| hardenings.all().iter().any(|hardening| hardening.id == *id);
            if let Some(id) = setting.hardening.as_ref().filter(|id| !is_known(id)) {
                return Err(fault("registry.toml", format!("{}: no hardening is called {id}", setting.name)));
            }
        }
        Ok(Self { all: file.setting })
    }

    /// Every value, in the file's order.
    #[must_use]
    pub fn all(&self) -> &[Setting] {
        &self.all
    }
}
