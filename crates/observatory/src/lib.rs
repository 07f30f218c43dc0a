//! What do implementations that are not ours do, under the same scenarios?
//!
//! The servers of a [scenario](bareflight_harness::scenario::Scenario) listen on loopback sockets ([`World`]), a program is told
//! step by step what to ask for ([`protocol`], described for its authors in `PROTOCOL.md`), and the observation log is written
//! by the servers alone, so that no client can tell a story about itself. The harness' invariants then judge it ([`verdict`]),
//! and [`facts`] say what its pool and its session cache seem to be keyed on.
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
mod certificates;
mod error;
pub mod facts;
mod names;
mod observe;
mod program;
pub mod protocol;
mod scenarios;
mod servers;
mod steps;
pub mod verdict;
mod world;

pub use certificates::Certificates;
pub use error::{ObserveError, ProgramError, WorldError};
pub use observe::{Limits, observe, observe_own};
pub use program::Program;
pub use scenarios::{Asked, FOR_CLIENTS, scenarios};
pub use world::World;
