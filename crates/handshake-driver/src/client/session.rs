//! What can be resumed? Sessions as values that the caller owns, files and offers.

use std::fmt;
use std::sync::Mutex;
#[cfg(feature = "openssl")]
use std::time::Duration;

use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;

use crate::lock;
#[cfg(feature = "openssl")]
use crate::plan::ConfigKey;
use crate::plan::Version;

/// A TLS session that a client may resume: one TLS 1.3 ticket, or one TLS 1.2 session.
///
/// A TLS 1.3 ticket cannot be copied: *clients should not reuse a ticket* (RFC 9846 appendix C.4).
pub struct Session(Value);

enum Value {
    Tls12(Box<Tls12ClientSessionValue>),
    Tls13(Box<Tls13ClientSessionValue>),
    #[cfg(feature = "openssl")]
    OpenSsl(Encoded),
}

/// A session of OpenSSL.
#[cfg(feature = "openssl")]
#[derive(Clone)]
pub(super) struct Encoded {
    /// The configuration that it was obtained under. OpenSSL would offer it under any.
    pub(super) key: ConfigKey,
    pub(super) version: Version,
    /// Until when it may be offered, on the driver's clock, if the server said so.
    pub(super) until: Option<Duration>,
    pub(super) der: Vec<u8>,
}

impl Session {
    /// The version that it was made in.
    #[must_use]
    pub fn version(&self) -> Version {
        match self.0 {
            Value::Tls12(_) => Version::Tls12,
            Value::Tls13(_) => Version::Tls13,
            #[cfg(feature = "openssl")]
            Value::OpenSsl(ref value) => value.version,
        }
    }

    /// Another copy of a TLS 1.2 session, which may be offered any number of times; nothing for a TLS 1.3 ticket.
    #[must_use]
    pub fn copy(&self) -> Option<Self> {
        match &self.0 {
            Value::Tls12(value) => Some(Self(Value::Tls12(value.clone()))),
            Value::Tls13(_) => None,
            #[cfg(feature = "openssl")]
            Value::OpenSsl(value) => {
                (value.version == Version::Tls12).then(|| Self(Value::OpenSsl(value.clone())))
            }
        }
    }
}

impl fmt::Debug for Session {
    /// Secrets are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?})", self.version())
    }
}

/// One connection's store: holds the session on offer, and gathers those that arrive. It does not look at names:
/// which session fits which server is the caller's decision, and its faults are the caller's to find.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    offer: Mutex<Option<Session>>,
    arrived: Mutex<Vec<Session>>,
}

/// Sessions that wait to be collected on one connection; a server that floods tickets loses the oldest.
const MAX_WAITING: usize = 64;

impl Shelf {
    pub(crate) fn offering(offer: Option<Session>) -> Self {
        Self {
            offer: Mutex::new(offer),
            arrived: Mutex::default(),
        }
    }

    pub(crate) fn collect(&self) -> Vec<Session> {
        std::mem::take(&mut lock(&self.arrived))
    }

    /// The session on offer, if nobody took it.
    pub(crate) fn reclaim(&self) -> Option<Session> {
        lock(&self.offer).take()
    }

    fn put(&self, value: Value) {
        let mut arrived = lock(&self.arrived);
        if arrived.len() == MAX_WAITING {
            arrived.remove(0);
        }
        arrived.push(Session(value));
    }
}

/// What OpenSSL is given and gives.
#[cfg(feature = "openssl")]
impl Shelf {
    /// The session on offer, if it was obtained under this configuration and is not too old.
    pub(super) fn take_openssl(&self, key: ConfigKey, now: Duration) -> Option<Encoded> {
        let ours = |session: &mut Session| {
            matches!(&session.0, Value::OpenSsl(it)
                if it.key == key && it.until.is_none_or(|until| now <= until))
        };
        match lock(&self.offer).take_if(ours)?.0 {
            Value::OpenSsl(value) => Some(value),
            _ => None,
        }
    }

    pub(super) fn put_openssl(&self, value: Encoded) {
        self.put(Value::OpenSsl(value));
    }
}

impl ClientSessionStore for Shelf {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.put(Value::Tls12(Box::new(value)));
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        match &lock(&self.offer).as_ref()?.0 {
            Value::Tls12(value) => Some((**value).clone()),
            _ => None,
        }
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        lock(&self.offer).take_if(|s| matches!(s.0, Value::Tls12(_)));
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.put(Value::Tls13(Box::new(value)));
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        match lock(&self.offer)
            .take_if(|s| matches!(s.0, Value::Tls13(_)))?
            .0
        {
            Value::Tls13(value) => Some(*value),
            _ => None,
        }
    }
}
