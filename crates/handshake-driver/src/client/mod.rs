//! What does a client send, and what does it get? TLS sessions, answers to CertificateRequest, configurations by key.

mod configuration;
mod connection;
mod early;
mod exchange;
mod report;
mod resolver;
mod session;
mod tunnel;
#[cfg(feature = "openssl")]
mod with_openssl;
mod with_rustls;
mod write_ahead;

pub use configuration::MAX_CONFIGURATIONS;
pub(crate) use configuration::{Configurations, Means};
pub(crate) use connection::{Errand, Line, Setup, begin};
pub(crate) use resolver::Asked;
pub use session::Session;
pub(crate) use session::Shelf;
pub(crate) use tunnel::Tunnel;
