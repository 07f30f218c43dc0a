//! How often did each thing happen? A rule that was never put to the test holds for nothing, and what never occurs in
//! generated scenarios is a hole in the generator.

use crate::log::{Client, Connection, Event, LateAuthentication, LateKind, Log, Protocol, Tls};

macro_rules! occurrences {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// Something that can happen in a run.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Occurrence {
            $(#[doc = $text] $name,)+
        }

        impl Occurrence {
            /// All of them, in the order of a connection's life.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// What it is, in a few words.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

occurrences! {
    Tls12 = "handshakes in TLS 1.2",
    Tls13 = "handshakes in TLS 1.3",
    Http1 = "connections of HTTP/1.1",
    H2 = "connections of HTTP/2",
    Presented = "asked in the handshake, certificate shown",
    Declined = "asked in the handshake, certificate withheld",
    NotAsked = "full handshakes without a CertificateRequest",
    ResumedAuthenticated = "sessions resumed that carry an identity",
    ResumedBare = "sessions resumed that carry none",
    NotResumed = "sessions offered and not resumed",
    EarlyData = "early data accepted",
    ToProxy = "connections to a proxy",
    Failed = "handshakes failed",
    RenegotiationPresented = "renegotiations, certificate shown",
    RenegotiationDeclined = "renegotiations, certificate withheld",
    RenegotiationRefused = "renegotiations refused by the client",
    PostHandshakePresented = "post-handshake requests, certificate shown",
    PostHandshakeDeclined = "post-handshake requests, certificate withheld",
    Tickets = "sessions issued",
    Requests = "requests",
    Preflights = "preflights",
    Reused = "requests on a connection that had served others",
    Pipelined = "requests sent before the one before them had its answer",
    Coalesced = "requests for another host than the connection was opened for",
    Redirected = "requests after a redirect",
    Denied = "answers 403",
    Misdirected = "answers 421",
    Prompts = "dialogs that ask the user for a certificate",
    Closed = "connections closed",
}

/// How often each thing happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrences([u64; Occurrence::ALL.len()]);

impl Default for Occurrences {
    fn default() -> Self {
        Self([0; Occurrence::ALL.len()])
    }
}

impl Occurrences {
    /// How often it happened.
    pub fn of(&self, what: Occurrence) -> u64 {
        self.0[what as usize]
    }

    /// Each thing and how often it happened.
    pub fn iter(&self) -> impl Iterator<Item = (Occurrence, u64)> {
        Occurrence::ALL.iter().map(|&what| (what, self.of(what)))
    }

    /// Counts what happened in a run.
    pub fn add(&mut self, log: &Log) {
        for (at, record) in log.records.iter().enumerate() {
            match &record.event {
                Event::Connection(it) => self.connection(it),
                Event::LateAuthentication(it) => self.late(it),
                Event::Ticket(_) => self.count(Occurrence::Tickets),
                Event::Request(it) => {
                    self.count(Occurrence::Requests);
                    self.count_if(it.preflight, Occurrence::Preflights);
                    self.count_if(it.stream > 1, Occurrence::Reused);
                    self.count_if(it.behind > 0, Occurrence::Pipelined);
                    self.count_if(it.hop > 0, Occurrence::Redirected);
                    let coalesced = || !is_for(&log.records[..at], it.connection, &it.authority);
                    self.count_if(it.stream > 1 && coalesced(), Occurrence::Coalesced);
                }
                Event::Response(it) => match it.status {
                    403 => self.count(Occurrence::Denied),
                    421 => self.count(Occurrence::Misdirected),
                    _ => {}
                },
                Event::Prompt { .. } => self.count(Occurrence::Prompts),
                Event::Closed { .. } => self.count(Occurrence::Closed),
                Event::Step { .. } | Event::Outcome { .. } => {}
            }
        }
    }

    fn connection(&mut self, it: &Connection) {
        self.count_if(it.leg == crate::log::Leg::Proxy, Occurrence::ToProxy);
        self.count_if(it.early_data, Occurrence::EarlyData);
        self.count_if(
            it.offered.is_some() && it.resumed.is_none(),
            Occurrence::NotResumed,
        );
        let client = match (it.asked, &it.client, it.failed.is_some()) {
            (true, Client::Declined, _) => Occurrence::Declined,
            (true, client, _) if client.is_authenticated() => Occurrence::Presented,
            (_, _, true) => return self.count(Occurrence::Failed),
            (_, client, _) if it.resumed.is_some() => match client.is_authenticated() {
                true => Occurrence::ResumedAuthenticated,
                false => Occurrence::ResumedBare,
            },
            _ => Occurrence::NotAsked,
        };
        self.count(client);
        if it.failed.is_some() {
            return self.count(Occurrence::Failed);
        }
        match it.tls {
            Some(Tls::V1_2) => self.count(Occurrence::Tls12),
            Some(Tls::V1_3) => self.count(Occurrence::Tls13),
            None => {}
        }
        match it.alpn {
            Some(Protocol::H2) => self.count(Occurrence::H2),
            _ => self.count(Occurrence::Http1),
        }
    }

    fn late(&mut self, it: &LateAuthentication) {
        let shown = it.client.is_authenticated();
        self.count(match (it.kind, it.refused, shown) {
            (LateKind::Renegotiation, true, _) => Occurrence::RenegotiationRefused,
            (LateKind::Renegotiation, false, true) => Occurrence::RenegotiationPresented,
            (LateKind::Renegotiation, false, false) => Occurrence::RenegotiationDeclined,
            // A client that does not want to be asked does not offer the extension, and then is not asked.
            (LateKind::PostHandshake, _, true) => Occurrence::PostHandshakePresented,
            (LateKind::PostHandshake, _, false) => Occurrence::PostHandshakeDeclined,
        });
    }

    fn count(&mut self, what: Occurrence) {
        self.0[what as usize] += 1;
    }

    fn count_if(&mut self, happened: bool, what: Occurrence) {
        self.0[what as usize] += u64::from(happened);
    }
}

/// Whether a connection was opened for this authority.
fn is_for(before: &[crate::log::Record], connection: u32, authority: &str) -> bool {
    let host = authority.split(':').next().unwrap_or(authority);
    before.iter().rev().any(|record| match &record.event {
        // An address is not told in the handshake.
        Event::Connection(it) => {
            it.id == connection && it.sni.as_deref().is_none_or(|name| name == host)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tier::TierName;
    use crate::{Campaign, Runner};

    #[test]
    fn everything_occurs_in_generated_scenarios() {
        let mut runner = Runner::new(TierName::Model).unwrap();
        let mut campaign = Campaign::new(1, []);
        let mut seen = Occurrences::default();
        for _ in 0..5_000 {
            let scenario = campaign.next_scenario();
            seen.add(runner.run(&scenario, None).unwrap().log);
        }
        for (what, times) in seen.iter() {
            assert_ne!(times, 0, "{}", what.as_str());
        }
    }
}
