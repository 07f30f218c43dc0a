//! Why could something not be observed? Each error says where, and what to do.

use std::io;
use std::time::Duration;

use bareflight_harness::tier::TierError;
use thiserror::Error;

/// Why nothing could be observed.
#[derive(Debug, Error)]
pub enum ObserveError {
    /// The servers could not be set up, or stopped.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The program did not do its part.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The browser did not do its part.
    #[error(transparent)]
    Browser(#[from] BrowserError),
    /// The reference could not be run.
    #[error(transparent)]
    Tier(#[from] TierError),
}

/// Why the servers of a scenario are not there.
#[derive(Debug, Error)]
pub enum WorldError {
    /// A step asks for what cannot be done to a program, or by a page, from outside.
    #[error("step {step} cannot be taken from outside: {what}")]
    Unsupported {
        /// The step, from 1.
        step: usize,
        /// What cannot be done.
        what: &'static str,
    },
    /// A certificate could not be made, or a server not be set up.
    #[error("the servers could not be set up: {0}")]
    Setup(String),
    /// The operating system refused a socket or a file.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        error: io::Error,
    },
    /// A browser that somebody sits at did not open the page that it was sent to.
    #[error(
        "no page was opened within {0:?}: is the authority trusted in this browser, and was its window left open? \
         Go back to the start page, which tells whether it is trusted, and begin again"
    )]
    NoPage(Duration),
    /// A browser that somebody sits at closed the page, or went elsewhere, before the steps were taken.
    #[error(
        "the page was closed, loaded again or left before it answered {0}: begin again, and leave its window alone until it \
         shows the verdict"
    )]
    PageLeft(String),
    /// The servers kept each other busy beyond every bound.
    #[error("the servers did not come to rest: {0}")]
    Busy(String),
}

impl WorldError {
    /// To be used with `map_err`.
    #[allow(clippy::needless_pass_by_value, reason = "`map_err` passes by value")]
    pub(crate) fn setup(error: impl ToString) -> Self {
        Self::Setup(error.to_string())
    }

    /// To be used with `map_err`.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        |error| Self::Io { what, error }
    }
}

/// What a program did wrong, in the words of the step protocol.
#[derive(Debug, Error)]
pub enum ProgramError {
    /// It could not be started.
    #[error("`{program}` could not be started: {error}; is it installed, and is its path right?")]
    NotStarted {
        /// Its command line.
        program: String,
        /// Why.
        error: io::Error,
    },
    /// It ended before it had answered.
    #[error("`{program}` ended ({status}) before it answered {what}{last_words}")]
    Died {
        /// Its command line.
        program: String,
        /// Its exit status.
        status: String,
        /// What it had to answer.
        what: String,
        /// The end of what it wrote to its standard error, if it wrote something.
        last_words: String,
    },
    /// It did not answer in time, and was killed.
    #[error(
        "`{program}` did not answer {what} within {limit:?}, and was killed: is its answer flushed?{last_words}"
    )]
    Hangs {
        /// Its command line.
        program: String,
        /// What it had to answer.
        what: String,
        /// The time it had.
        limit: Duration,
        /// The end of what it wrote to its standard error, if it wrote something.
        last_words: String,
    },
    /// Its answer is none.
    #[error(
        "`{program}` answered {what} with `{answer}`, which is no answer of the step protocol: {reason}"
    )]
    Nonsense {
        /// Its command line.
        program: String,
        /// What it had to answer.
        what: String,
        /// The beginning of what it said.
        answer: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Why a browser could not be observed.
#[derive(Debug, Error)]
pub enum BrowserError {
    /// It, or a tool that makes its profile, could not be started.
    #[error("`{program}` could not be started: {error}; is it installed?")]
    NotStarted {
        /// The program.
        program: String,
        /// Why.
        error: io::Error,
    },
    /// Its profile could not be made.
    #[error(transparent)]
    Profile(WorldError),
    /// A tool that makes its profile failed.
    #[error("`{tool}` could not make the browser's certificate database: {said}")]
    Tool {
        /// The tool.
        tool: &'static str,
        /// What it says, or that it says nothing.
        said: String,
    },
    /// It opened no page in time.
    #[error(
        "`{browser}` opened no page within {limit:?}: does it start by itself, and is the machine very busy?{last_words}"
    )]
    Silent {
        /// The browser.
        browser: String,
        /// The time it had.
        limit: Duration,
        /// The end of what it wrote to its standard error, if it wrote something.
        last_words: String,
    },
    /// It ended before its last step.
    #[error("`{browser}` ended before it answered {what}{last_words}")]
    Gone {
        /// The browser.
        browser: String,
        /// What it had to answer.
        what: String,
        /// The end of what it wrote to its standard error, if it wrote something.
        last_words: String,
    },
}
