//! How large a scenario may be: one constant for each limit, used by the reader, `fixup` and the generator.

/// The limits of the format. Text beyond them is refused; `fixup` cuts down to them.
#[derive(Debug)]
pub struct Limits;

impl Limits {
    /// Servers in a world.
    pub const SERVERS: usize = 16;
    /// Host names of one server.
    pub const HOSTS: usize = 8;
    /// Ports of one server.
    pub const PORTS: usize = 4;
    /// Redirects of one server.
    pub const REDIRECTS: usize = 16;
    /// Paths under protection of one server.
    pub const PROTECTED: usize = 16;
    /// Identities that the user holds.
    pub const IDENTITIES: usize = 16;
    /// Hosts that one identity is for.
    pub const IDENTITY_HOSTS: usize = 16;
    /// Values in one list of a preflight's answer.
    pub const ALLOWED: usize = 32;
    /// Headers of one request.
    pub const HEADERS: usize = 32;
    /// Steps.
    pub const STEPS: usize = 256;
    /// Bytes of a name, path or value.
    pub const NAME: usize = 2_048;
    /// Bytes of a title.
    pub const TITLE: usize = 16_384;
    /// Bytes of a file, text or binary.
    pub const FILE: usize = 4 << 20;
    /// Records of a recorded log: more than the longest run writes, and few enough to be judged in seconds.
    pub const RECORDS: usize = 1 << 17;
    /// Seconds that may pass in one step: a year.
    pub const SECONDS: u32 = 366 * 24 * 3_600;
    /// Seconds that a ticket may live: TLS 1.3 allows seven days (RFC 9846 section 4.6.1).
    pub const TICKET_LIFETIME: u32 = 7 * 24 * 3_600;
}
