//! What crossed the network in a run, for who wants to look at it with another program.

use core::time::Duration;

use bytes::Bytes;

/// The bytes of a run, and the keys to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wire {
    /// What was sent, in order.
    pub packets: Vec<Packet>,
    /// The secrets of its TLS connections, a line each, in the NSS key log format (RFC 9850).
    pub keys: Vec<String>,
}

/// Bytes that went over a connection in one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The connection's number in the log.
    pub connection: u32,
    /// The server's port.
    pub port: u16,
    /// Whether the client sent them, or the server.
    pub from_client: bool,
    /// When, since the run began.
    pub at: Duration,
    /// The bytes; none when the client closes the connection.
    pub bytes: Bytes,
}
