//! Why a command stopped before it had anything to say.

use std::io;
use std::path::PathBuf;

use bareflight_harness::tier::TierError;
use bareflight_observatory::ObserveError;
use thiserror::Error;

use crate::exit::Exit;
use crate::input::InputError;
use crate::output;

/// Why a command stopped.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// A file is not what it has to be.
    #[error(transparent)]
    Input(#[from] Box<InputError>),
    /// A tier could not be set up, or gave up.
    #[error("nothing could be decided: {0}")]
    Tier(#[from] TierError),
    /// Nothing could be observed.
    #[error("nothing could be decided: {0}")]
    Observe(#[from] ObserveError),
    /// A file is there already.
    #[error("{} is there already, and nothing is overwritten: name another file", .0.display())]
    Exists(PathBuf),
    /// A file or folder cannot be read, written or made.
    #[error("{} cannot be {done}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What cannot be done to it.
        done: &'static str,
        /// Why.
        error: io::Error,
    },
    /// The arguments do not go together, or name what is not there.
    #[error("{0}")]
    Usage(String),
    /// A program that was started did not do its work.
    #[error("{0}")]
    Program(String),
}

impl Failure {
    /// The exit code that it means.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Input(_) | Self::Exists(_) | Self::Io { .. } | Self::Usage(_) => Exit::Unusable,
            Self::Tier(_) | Self::Observe(_) | Self::Program(_) => Exit::Undecided,
        }
    }

    /// Tells the user, on stderr.
    pub(crate) fn report(&self) {
        match self {
            Self::Input(error) => output::complain(&error.render()),
            other => output::complain(&output::error(&other.to_string())),
        }
    }

    /// What cannot be done to a file; to be used with `map_err`.
    pub(crate) fn io(
        done: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |error| Self::Io { path, done, error }
    }
}
