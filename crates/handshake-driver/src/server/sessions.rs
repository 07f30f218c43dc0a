//! Which earlier session is this, and may it be resumed here and now?
//!
//! One table for all servers of a driver, so that a session offered to the wrong server is known for what it is. A ticket
//! is a key into the table (RFC 9846 section 4.6.1 allows that as well as an encrypted state), so that forgetting a
//! session is as final as losing the ticket key.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::SignatureVerificationAlgorithm;
use rustls::server::{ProducesTickets, StoresServerSessions};

use super::authentication::Authentication;
use super::hosts::Host;
use super::resumes::{Judges, Offer, Resumes};
use super::state::State;
use crate::clock::Clock;
use crate::ids::{ConnectionId, ServerId, SessionId};
use crate::lock;
use crate::plan::Resumption;
#[cfg(feature = "openssl")]
use crate::plan::Version;

/// Sessions that one driver's servers remember; the oldest goes first.
const MAX_SESSIONS: usize = 1_024;

/// The sessions of all servers of one driver.
#[derive(Default)]
pub(crate) struct SessionTable {
    next: u64,
    live: BTreeMap<SessionId, Entry>,
    /// Numbers of the session IDs that TLS chose, kept after the session itself is forgotten.
    labels: HashMap<Vec<u8>, SessionId>,
}

/// A session that was issued.
struct Entry {
    server: ServerId,
    connection: ConnectionId,
    server_name: Option<String>,
    issued: Duration,
    /// When the key that it is sealed with is forgotten, if that is settled. State that the server keeps has none.
    sealed_until: Option<Duration>,
    is_ticket: bool,
    /// Nothing while the handshake is not over: nobody may resume yet.
    authentication: Option<Arc<Authentication>>,
    state: State,
}

impl SessionTable {
    /// A server restarts, or its ticket key is rotated without grace: its sessions are gone.
    pub(crate) fn forget(&mut self, server: ServerId) {
        self.live.retain(|_, entry| entry.server != server);
    }

    /// A server makes a new ticket key, and forgets the old one at `until`. Sessions that it keeps itself do not mind.
    pub(crate) fn rotate(&mut self, server: ServerId, until: Duration) {
        let tickets = self.live.values_mut().filter(|entry| entry.is_ticket);
        for entry in tickets.filter(|entry| entry.server == server) {
            entry.sealed_until = Some(entry.sealed_until.unwrap_or(until).min(until));
        }
    }

    /// The handshake on `connection` is complete, and this is whom its sessions stand for.
    pub(crate) fn finished(
        &mut self,
        connection: ConnectionId,
        issued: &[SessionId],
        authentication: &Arc<Authentication>,
    ) {
        for id in issued {
            if let Some(entry) = self
                .live
                .get_mut(id)
                .filter(|entry| entry.connection == connection)
            {
                entry.authentication = Some(Arc::clone(authentication));
            }
        }
    }

    fn insert(&mut self, entry: Entry, label: Option<Vec<u8>>) -> SessionId {
        let id = SessionId(self.next);
        self.next += 1;
        self.live.insert(id, entry);
        if self.live.len() > MAX_SESSIONS {
            self.live.pop_first();
        }
        if let Some(label) = label {
            if self.labels.len() == MAX_SESSIONS {
                self.labels.clear();
            }
            self.labels.insert(label, id);
        }
        id
    }

    fn find(&self, label: &[u8]) -> Option<SessionId> {
        from_ticket(label).or_else(|| self.labels.get(label).copied())
    }
}

const TICKET: &[u8] = b"bareflight/";

fn to_ticket(id: SessionId) -> Vec<u8> {
    [TICKET, &id.0.to_be_bytes()].concat()
}

fn from_ticket(ticket: &[u8]) -> Option<SessionId> {
    let number = ticket.strip_prefix(TICKET)?;
    Some(SessionId(u64::from_be_bytes(number.try_into().ok()?)))
}

/// What is in force on a server, as far as resumption looks at it.
pub(crate) struct Present {
    pub(crate) server: ServerId,
    pub(crate) resumption: Resumption,
    pub(crate) lifetime: Duration,
    pub(crate) across_names: bool,
    pub(crate) algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    pub(crate) clock: Arc<Clock>,
    pub(crate) resumes: Arc<dyn Resumes>,
}

/// One connection's view of the table: what TLS asks on its behalf, and a note of it.
pub(crate) struct ConnectionSessions {
    pub(crate) table: Arc<Mutex<SessionTable>>,
    pub(crate) present: Arc<Present>,
    pub(crate) connection: ConnectionId,
    pub(crate) server_name: Option<String>,
    /// The host whose policy is in force on this connection.
    pub(crate) host: Arc<Host>,
    pub(crate) seen: Mutex<Seen>,
}

/// What happened to sessions on one connection.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    pub(crate) offered: Option<SessionId>,
    /// Whom the session on offer stands for, if it may be resumed.
    pub(crate) original: Option<Arc<Authentication>>,
    pub(crate) issued: Vec<SessionId>,
}

impl ConnectionSessions {
    pub(crate) fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }

    fn issue(&self, state: State, label: Option<Vec<u8>>) -> SessionId {
        let entry = Entry {
            server: self.present.server,
            connection: self.connection,
            server_name: self.server_name.clone(),
            issued: self.present.clock.now(),
            sealed_until: None,
            is_ticket: label.is_none(),
            authentication: None,
            state,
        };
        let id = lock(&self.table).insert(entry, label);
        lock(&self.seen).issued.push(id);
        id
    }

    /// A session has served, and serves no more.
    fn used(&self, label: &[u8]) {
        let mut table = lock(&self.table);
        if let Some(id) = table.find(label) {
            table.live.remove(&id);
        }
    }

    /// The state of the session on offer, if it may be resumed here and now.
    fn offered(&self, label: &[u8]) -> Option<State> {
        let table = lock(&self.table);
        let id = table.find(label)?;
        lock(&self.seen).offered.get_or_insert(id);
        let entry = table.live.get(&id)?;
        let now = self.present.clock.now();
        if entry.sealed_until.is_some_and(|until| until <= now) {
            return None;
        }
        let original = entry.authentication.as_ref()?;
        if !self.allows(entry, original) {
            return None;
        }
        lock(&self.seen).original = Some(Arc::clone(original));
        if entry.server_name == self.server_name {
            return Some(entry.state.clone());
        }
        entry.state.renamed(self.server_name.as_deref())
    }

    fn allows(&self, entry: &Entry, original: &Authentication) -> bool {
        let present = &self.present;
        let judges = original.chain.as_deref().map(|chain| Judges {
            chain,
            now: self.host.verifier.as_deref(),
            then: original.host.verifier.as_deref(),
            algorithms: present.algorithms,
            time: present.clock.unix(),
            original_time: Clock::unix_at(original.at),
        });
        present.resumes.resumes(&Offer {
            issued_by: entry.server,
            server: present.server,
            version: entry.state.version(),
            issued_for: entry.server_name.as_deref(),
            server_name: self.server_name.as_deref(),
            across_names: present.across_names,
            age: present.clock.now().saturating_sub(entry.issued),
            lifetime: present.lifetime,
            resumption: present.resumption,
            issued_under: original.host.plan.client_auth,
            policy: self.host.plan.client_auth,
            certificate: judges.as_ref().map(|judges| judges as _),
        })
    }
}

/// What OpenSSL asks: every session has a session ID, tickets too, for none holds a state.
#[cfg(feature = "openssl")]
impl ConnectionSessions {
    pub(super) fn issue_openssl(&self, id: &[u8], version: Version, state: Vec<u8>) {
        self.issue(State::OpenSsl(version, state), Some(id.to_vec()));
    }

    /// A ticket of a stateful server serves once; a session ID, or the ticket of another, more often.
    pub(super) fn find_openssl(&self, id: &[u8]) -> Option<Vec<u8>> {
        let state = self.offered(id)?;
        if self.present.resumption == Resumption::Stateful && state.version() == Version::Tls13 {
            self.used(id);
        }
        state.openssl()
    }
}

impl fmt::Debug for ConnectionSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionSessions")
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

impl ProducesTickets for ConnectionSessions {
    fn enabled(&self) -> bool {
        self.present.resumption == Resumption::Tickets
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(self.present.lifetime.as_secs()).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, state: &[u8]) -> Option<Vec<u8>> {
        let state = State::Rustls(state.to_vec());
        Some(to_ticket(self.issue(state, None)))
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.offered(ticket)?.rustls()
    }
}

impl StoresServerSessions for ConnectionSessions {
    fn put(&self, label: Vec<u8>, state: Vec<u8>) -> bool {
        // In TLS 1.3 rustls stores first and asks afterwards.
        if !self.can_cache() {
            return false;
        }
        self.issue(State::Rustls(state), Some(label));
        true
    }

    fn get(&self, label: &[u8]) -> Option<Vec<u8>> {
        self.offered(label)?.rustls()
    }

    fn take(&self, label: &[u8]) -> Option<Vec<u8>> {
        let state = self.offered(label)?.rustls()?;
        self.used(label);
        Some(state)
    }

    fn can_cache(&self) -> bool {
        self.present.resumption == Resumption::Stateful
    }
}

#[cfg(test)]
mod tests {
    use super::super::resumes::Rechecks;
    use super::super::route::Checks;
    use super::*;
    use crate::pki::Pki;
    use crate::plan::ServerPlan;

    fn sessions(resumption: Resumption) -> ConnectionSessions {
        ConnectionSessions {
            table: Arc::default(),
            present: Arc::new(Present {
                server: ServerId(0),
                resumption,
                lifetime: Duration::from_secs(60),
                across_names: false,
                algorithms: &[],
                clock: Arc::default(),
                resumes: Arc::new(Rechecks),
            }),
            connection: ConnectionId(0),
            server_name: None,
            host: host(),
            seen: Mutex::default(),
        }
    }

    fn host() -> Arc<Host> {
        let plan = ServerPlan::new(&["api.test"]);
        let hosts = super::super::hosts::Hosts::new(&plan, &Pki::default(), Arc::new(Checks));
        Arc::clone(hosts.unwrap().named(None))
    }

    impl ConnectionSessions {
        fn finish(&self) {
            let bare = Arc::new(Authentication {
                server: ServerId(0),
                server_name: None,
                host: host(),
                chain: None,
                at: Duration::ZERO,
            });
            lock(&self.table).finished(self.connection, &self.seen().issued, &bare);
        }
    }

    #[test]
    fn a_session_serves_only_after_its_handshake_is_over() {
        let sessions = sessions(Resumption::Tickets);
        let ticket = sessions.encrypt(b"state").unwrap();
        assert_eq!(sessions.decrypt(&ticket), None);
        sessions.finish();
        assert_eq!(sessions.decrypt(&ticket).unwrap(), b"state");
    }

    #[test]
    fn a_stateful_ticket_serves_once_and_a_session_id_more_often() {
        let sessions = sessions(Resumption::Stateful);
        assert!(sessions.put(b"label".to_vec(), b"state".to_vec()));
        sessions.finish();
        assert_eq!(sessions.get(b"label").unwrap(), b"state");
        assert_eq!(sessions.take(b"label").unwrap(), b"state");
        assert_eq!(sessions.take(b"label"), None);
        assert_eq!(sessions.get(b"label"), None);
        assert_eq!(
            sessions.seen().offered,
            Some(SessionId(0)),
            "it is still known for what it was"
        );
    }

    /// OpenSSL leaves it to us, and a client of ours would not try.
    #[cfg(feature = "openssl")]
    #[test]
    fn a_stateful_ticket_of_openssl_serves_once_and_others_more_often() {
        for (resumption, version, again) in [
            (Resumption::Stateful, Version::Tls13, false),
            (Resumption::Stateful, Version::Tls12, true),
            (Resumption::Tickets, Version::Tls13, true),
        ] {
            let sessions = sessions(resumption);
            sessions.issue_openssl(b"id", version, b"state".to_vec());
            sessions.finish();
            assert_eq!(sessions.find_openssl(b"id").unwrap(), b"state");
            assert_eq!(
                sessions.find_openssl(b"id").is_some(),
                again,
                "{resumption:?} {version:?}"
            );
            assert_eq!(sessions.seen().offered, Some(SessionId(0)));
            assert_eq!(sessions.get(b"id"), None, "rustls cannot read it");
        }
    }

    #[test]
    fn what_is_no_ticket_is_nobodys() {
        let sessions = sessions(Resumption::Tickets);
        sessions.encrypt(b"state").unwrap();
        sessions.finish();
        for noise in [
            &b""[..],
            b"bareflight/",
            b"bareflight/\0\0\0\0\0\0\0",
            b"bareflight/\0\0\0\0\0\0\0\0\0",
        ] {
            assert_eq!(sessions.decrypt(noise), None);
            assert_eq!(sessions.seen().offered, None);
        }
    }

    #[test]
    fn the_table_is_bounded_and_the_oldest_goes() {
        let sessions = sessions(Resumption::Stateful);
        for number in 0..=MAX_SESSIONS {
            sessions.put(number.to_be_bytes().to_vec(), Vec::new());
        }
        sessions.finish();
        assert_eq!(lock(&sessions.table).live.len(), MAX_SESSIONS);
        assert_eq!(sessions.get(&0usize.to_be_bytes()), None);
        assert!(sessions.get(&MAX_SESSIONS.to_be_bytes()).is_some());
    }
}
