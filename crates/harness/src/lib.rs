//! Scenarios, observation log, invariants, faults and campaigns.
//!
//! Everything that runs, runs a [`Scenario`](scenario::Scenario) on a [`Tier`](tier::Tier) and leaves an observation
//! [`Log`](log::Log); [invariants] read the log and nothing else.

pub mod campaign;
pub mod case;
pub mod expect;
pub mod faults;
pub mod fuzz;
pub mod invariants;
pub mod log;
pub mod oracle;
pub mod reply;
pub mod scenario;
mod shrink;
pub mod tier;

pub use campaign::{Campaign, Runner, Verdict};
pub use shrink::shrink;
