//! Scenarios, observation log, invariants, faults and campaigns.
//!
//! Everything that runs, runs a [`Scenario`](scenario::Scenario) on a [`Tier`](tier::Tier) and leaves an observation
//! [`Log`](log::Log); [invariants] read the log and nothing else.
//!
//! [`downstream`] puts a connection pool of one's own to the same test; the crate's `README.md` tells how.
//!
//! ```
//! use bareflight_harness::faults::Fault;
//! use bareflight_harness::scenario::Scenario;
//! use bareflight_harness::tier::TierName;
//! use bareflight_harness::Runner;
//!
//! let scenario = Scenario::from_toml(r#"
//!     bareflight = 1
//!     [server.api]
//!     hosts = ["api.test"]
//!     client-certificate = "request"
//!     [identity.alice]
//!     for = ["api.test"]
//!     [[step]]
//!     fetch = "https://api.test/items"
//!     method = "PUT"
//!     credentials = "include"
//! "#)?;
//!
//! // Real handshakes: the preflight flies bare, and the PUT takes a connection of its own.
//! let mut runner = Runner::new(TierName::Memory)?;
//! assert!(runner.run(&scenario, None)?.violations.is_empty());
//!
//! // The same with a known bug let loose.
//! let fault = Fault::named("preflight-presents-certificate");
//! assert!(runner.run(&scenario, fault)?.breaks("preflight-bare"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod campaign;
pub mod case;
mod differential;
pub mod downstream;
pub mod engines;
pub mod expect;
pub mod faults;
pub mod fuzz;
mod hunt;
pub mod invariants;
pub mod log;
pub mod masking;
pub mod occurrences;
pub mod oracle;
pub mod reply;
pub mod scenario;
mod shrink;
pub mod tier;
pub mod witness;

pub use campaign::{Campaign, Runner, Verdict};
pub use differential::{Difference, Differential};
pub use hunt::{End, Hunted, hunt, hunt_all};
pub use shrink::shrink;

/// The guide for those who have a pool of their own: its code runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
