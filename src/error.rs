//! The errors of the two ends: opening a bundle, and writing a report. Everything between them can't fail.

use std::path::PathBuf;

/// What ends a run. Each variant knows its exit status (sysexits.h).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing stands at a path that was given: 66.
    #[error("{path}: no such file or folder; check the spelling, and that the share is mounted")]
    NoInput {
        /// The path as given.
        path: PathBuf,
    },
    /// The input stands there and holds nothing that could be understood: 65.
    #[error("{detail}")]
    NothingUnderstood {
        /// One sentence, ending in advice.
        detail: String,
    },
    /// Reading or writing failed: 74.
    #[error("{path}: {source}")]
    Io {
        /// The file, or `standard input`.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The arguments do not fit together: 64.
    #[error("{0}")]
    Usage(String),
    /// The program's own data or logic is at fault: 70.
    #[error("fault of the program: {0}; please report it with the command you ran")]
    Fault(String),
}

impl Error {
    /// The exit status, as the README lists it.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Usage(_) => 64,
            Self::NothingUnderstood { .. } => 65,
            Self::NoInput { .. } => 66,
            Self::Fault(_) => 70,
            Self::Io { .. } => 74,
        }
    }

    /// The error of `path`, which was to be opened: [`Error::NoInput`] where nothing stands there.
    pub fn opening(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| match source.kind() {
            std::io::ErrorKind::NotFound => Self::NoInput { path },
            _ => Self::Io { path, source },
        }
    }

    /// An [`Error::Io`] about `path`.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
