//! What the user agent knows of its open connections, beyond what the pool keeps.

use std::sync::Arc;

use bareflight_pool_key::{ConnectionKey, Handle, Lease, Reservation};
use foldhash::HashMap;
use smallvec::SmallVec;

use super::hop::Sessions;
use crate::decisions::{Question, Wanted};
use crate::{CauseOf, ConnectionId, Place, Protocol, Running, StoredSession};

/// All connections, by number.
#[derive(Debug, Default)]
pub(super) struct Connections {
    records: HashMap<ConnectionId, Record>,
    /// Connections so far.
    opened: u32,
    /// Whether there ever was an HTTP/2 connection whose certificate covers another name than the one that it was opened
    /// for. While there was none, nobody has to look for one to join.
    coverage: bool,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Record {
    /// For which request it was opened, and what that wanted.
    pub(super) cause: CauseOf,
    pub(super) wanted: Wanted,
    /// Under which key it is shared.
    pub(super) key: ConnectionKey,
    pub(super) question: Question,
    /// Where the user chooses, if it is asked.
    pub(super) place: Place,
    pub(super) sessions: Sessions,
    pub(super) offered: Option<StoredSession>,
    /// Those of the proxy on the way, if there is one.
    pub(super) hop: Option<Sessions>,
    /// The fetch that opened it and waits for the handshake.
    pub(super) opener: Option<Running>,
    /// Leave to file it in the pool; none if it is dedicated.
    pub(super) reservation: Option<Reservation>,
    pub(super) handle: Option<Handle>,
    pub(super) protocol: Option<Protocol>,
    pub(super) asked: bool,
    /// The requests that are on it are its last.
    pub(super) going_away: bool,
    /// The names that the server's certificate covers, once they are known.
    pub(super) names: Option<Arc<[String]>>,
    /// Requests without an answer, in the order in which they were sent: stream, fetch, place in the pool.
    pub(super) streams: SmallVec<[Stream; 1]>,
    pub(super) sent: u32,
}

/// A request that has no answer yet.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) number: u32,
    pub(super) fetch: Running,
    /// Whether it is pipelined behind another.
    pub(super) follows: bool,
    pub(super) lease: Option<Lease<ConnectionId>>,
}

impl Connections {
    /// Adds a connection and gives it its number.
    pub(super) fn open(&mut self, record: Record) -> ConnectionId {
        let connection = ConnectionId(self.opened);
        // Four thousand million connections later the first of them is long gone.
        self.opened = self.opened.wrapping_add(1);
        self.records.insert(connection, record);
        connection
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ConnectionId, &Record)> {
        self.records
            .iter()
            .map(|(number, record)| (*number, record))
    }

    pub(super) fn get(&self, connection: ConnectionId) -> Option<&Record> {
        self.records.get(&connection)
    }

    pub(super) fn get_mut(&mut self, connection: ConnectionId) -> Option<&mut Record> {
        self.records.get_mut(&connection)
    }

    /// Forgets a connection.
    pub(super) fn close(&mut self, connection: ConnectionId) -> Option<Record> {
        self.records.remove(&connection)
    }

    /// Notes what a connection's certificate covers, once it is known.
    pub(super) fn note_coverage(&mut self, connection: ConnectionId) {
        let covers = |record: &Record| {
            let own = match record.place.origin.host() {
                Some(url::Host::Domain(name)) => Some(name),
                _ => None,
            };
            let mut names = record.names.iter().flat_map(|names| names.iter());
            record.protocol == Some(Protocol::H2) && names.any(|name| Some(name) != own)
        };
        self.coverage |= self.get(connection).is_some_and(covers);
    }

    /// Whether some connection may cover the host of another.
    pub(super) fn any_covers_others(&self) -> bool {
        self.coverage
    }

    pub(super) fn clear(&mut self) {
        self.coverage = false;
        self.opened = 0;
        self.records.clear();
    }
}
