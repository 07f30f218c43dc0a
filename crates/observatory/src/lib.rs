//! What do implementations that are not ours do, under the same scenarios?
//!
//! The servers of a [scenario](bareflight_harness::scenario::Scenario) listen on loopback sockets ([`World`]), a program is told
//! step by step what to ask for ([`protocol`], described for its authors in `PROTOCOL.md`), and the observation log is written
//! by the servers, so that no client can tell a story about itself; only the outcome of a step, which no server can see, is
//! told by the client. The harness' invariants then judge the log ([`verdict`]), and [`facts`] say what the client's pool and
//! its session cache seem to be keyed on.
//!
//! A browser is told by a page of ours, which asks for its steps one by one ([`browsers`]).
//!
//! ```no_run
//! use bareflight_observatory::{Limits, Program, observe, scenarios};
//!
//! let program = Program::new(["python3", "my-client.py"]);
//! let report = observe(&program, &scenarios(), &Limits::default())?;
//! println!("{}", report.verdict("identity-match"));
//! # Ok::<(), bareflight_observatory::ObserveError>(())
//! ```

pub mod agents;
mod attribute;
pub mod browsers;
mod browsing;
mod certificates;
pub mod ending;
mod error;
pub mod facts;
mod family;
pub mod fit;
mod names;
mod observe;
mod own;
mod page;
mod place;
mod program;
pub mod protocol;
mod scenarios;
pub mod serve;
mod servers;
mod steps;
pub mod verdict;
mod watch;
mod world;

pub use browsing::{FOR_BROWSERS, browser_scenarios, core_scenarios};
pub use certificates::Certificates;
pub use error::{BrowserError, ObserveError, ProgramError, WorldError};
pub use observe::{Limits, observe};
pub use own::{observe_own, own_scenarios};
pub use place::{Domain, DomainError, Elsewhere, Place};
pub use program::Program;
pub use scenarios::{Asked, FOR_CLIENTS, scenarios};
pub use watch::observe_browser;
pub use world::World;
