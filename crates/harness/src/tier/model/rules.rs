//! What servers decide, asked of the same traits as real servers ask, with the same facts.

use bareflight_handshake_driver::{
    Certificate, ClientAuth, Hello, Offer, Resumption, Route, ServerId, Version,
};
use bareflight_user_agent::Send;

use super::super::client_auth;
use super::{ModelWorld, Session};
use crate::log::Tls;
use crate::scenario::{ClientCertificate, Server};

/// A certificate that was good once. Those of scenarios stay good.
struct Good;

impl Certificate for Good {
    fn passes(&self) -> bool {
        true
    }

    fn is_in_date(&self) -> bool {
        true
    }

    fn leaf_is_in_date(&self) -> bool {
        true
    }
}

impl ModelWorld {
    /// The host rule that a handshake for this name comes under; none for the server's own.
    pub(super) fn asked_for(&self, plan: &Server, sni: &str) -> Option<usize> {
        if plan.host_rules.is_empty() {
            return None;
        }
        let hello = Hello {
            server_name: Some(sni),
            fragmented: false,
        };
        let name = self.deciders.servers.routes.name_asked(&hello)?;
        self.named(plan, name)
    }

    /// The host rule for this name. Where there are several, the servers' decisions settle it.
    fn named(&self, plan: &Server, name: &str) -> Option<usize> {
        let routes = &self.deciders.servers.routes;
        let rules = plan.host_rules.iter().enumerate();
        let (claimants, modes): (Vec<usize>, Vec<ClientAuth>) = rules
            .filter(|(_, rule)| routes.covers(&rule.host, name))
            .map(|(at, rule)| (at, client_auth(rule.client_certificate)))
            .unzip();
        match claimants.len() {
            0 | 1 => claimants.first().copied(),
            several => Some(claimants[routes.settle(&modes).min(several - 1)]),
        }
    }

    /// What a host rule says, or the server.
    pub(super) fn rule_of(
        &self,
        plan: &Server,
        server: usize,
        rule: Option<usize>,
    ) -> ClientCertificate {
        rule.map_or(self.servers[server].client_certificate, |at| {
            plan.host_rules[at].client_certificate
        })
    }

    /// Whether a session is resumed: the server knows it still, it is of the version that was agreed on, and the servers'
    /// decisions allow it.
    pub(super) fn resumes(
        &self,
        plan: &Server,
        session: &Session,
        (server, rule): (usize, ClientCertificate),
        tls: Tls,
        sni: &str,
    ) -> bool {
        let tickets = plan.tickets_under(self.servers[server].client_certificate);
        let authenticated = session.client.is_authenticated();
        session.known
            && session.tls == tls
            && self.deciders.servers.resumes.resumes(&Offer {
                issued_by: ServerId(session.server as u64),
                server: ServerId(server as u64),
                version: match session.tls {
                    Tls::V1_2 => Version::Tls12,
                    Tls::V1_3 => Version::Tls13,
                },
                issued_for: Some(&session.sni),
                server_name: Some(sni),
                across_names: false,
                age: self.now.saturating_sub(session.issued),
                lifetime: session.lifetime,
                resumption: match tickets {
                    true => Resumption::Tickets,
                    false => Resumption::Off,
                },
                issued_under: client_auth(session.under),
                policy: client_auth(rule),
                certificate: authenticated.then_some(&Good),
            })
    }

    /// Whether a request is for the host that its connection was made for, or for one whose rule the connection meets.
    pub(super) fn belongs(&self, plan: &Server, send: &Send) -> bool {
        let open = &self.connections[send.connection.0 as usize];
        let url = send.request.current_url().as_url();
        let host = url.host_str().unwrap_or_default();
        let wanted = self.named(plan, host);
        let rule = |at| client_auth(self.rule_of(plan, open.server, at));
        let passes = || true;
        self.deciders.servers.routes.belongs(&Route {
            server_name: Some(&open.host),
            host: Some(host),
            in_force: rule(open.under),
            wanted: rule(wanted),
            one_policy: open.under == wanted,
            one_authority: true,
            passes: open.client.is_authenticated().then_some(&passes),
        })
    }
}
