//! What of a server can change while it runs? What is in force now: its own settings at first, then what events make of it.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ClientCertificate, Identity, Issuer, Server, TlsVersions, WorldEvent};

/// What a reload changes about a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Setting {
    /// Its rule on client certificates: one on the handshake.
    ClientCertificate(ClientCertificate),
    /// Whether it issues session tickets, and takes those that it has issued.
    Tickets(bool),
    /// Whose certificates it takes.
    Accepts(Issuer),
    /// The TLS versions that it speaks.
    Tls(TlsVersions),
}

/// What is in force at a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InForce {
    /// Whether and when it asks for a client certificate.
    pub client_certificate: ClientCertificate,
    /// Whether session tickets are switched on.
    pub tickets: bool,
    /// Whose certificates it takes.
    pub accepts: Issuer,
    /// The TLS versions that it speaks, unless it asks late.
    pub tls: TlsVersions,
}

impl InForce {
    /// What is in force after this event, at the server of this index.
    #[must_use]
    pub fn after(mut self, event: &WorldEvent, server: usize) -> Self {
        match *event {
            WorldEvent::ChangeMode {
                server: at,
                client_certificate,
            } if usize::from(at) == server => self.client_certificate = client_certificate,
            WorldEvent::Reload {
                server: at,
                setting,
            } if usize::from(at) == server => match setting {
                Setting::ClientCertificate(rule) => self.client_certificate = rule,
                Setting::Tickets(tickets) => self.tickets = tickets,
                Setting::Accepts(issuer) => self.accepts = issuer,
                Setting::Tls(tls) => self.tls = tls,
            },
            _ => {}
        }
        self
    }

    /// Whether session tickets are issued and taken. Who asks late does neither: what a session would stand for changes
    /// with the first answer.
    #[must_use]
    pub fn has_tickets(&self) -> bool {
        self.tickets && self.client_certificate.late().is_none()
    }

    /// The TLS versions that it speaks. Who asks late speaks that in which this can be done.
    #[must_use]
    pub fn versions(&self) -> TlsVersions {
        self.client_certificate.late().unwrap_or(self.tls)
    }

    /// Whether the certificate of this identity passes where one is asked for, so long after the beginning.
    #[must_use]
    pub fn takes(&self, identity: &Identity, at: Duration) -> bool {
        identity.issuer == self.accepts && identity.is_in_date(at)
    }
}

impl From<&Server> for InForce {
    fn from(server: &Server) -> Self {
        Self {
            client_certificate: server.client_certificate,
            tickets: server.tickets,
            accepts: server.accepts,
            tls: server.tls,
        }
    }
}
