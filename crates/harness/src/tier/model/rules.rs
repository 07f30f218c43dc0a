//! What servers decide, asked of the same traits as real servers ask, with the same facts.

use bareflight_handshake_driver::{
    Certificate, ClientAuth, Hello, Offer, Resumption, Route, ServerId, Version,
};
use bareflight_user_agent::Send;

use super::super::client_auth;
use super::{ModelWorld, Session};
use crate::case::Case;
use crate::log::{Client, Tls};
use crate::scenario::{ClientCertificate, Identity, Server};

/// The certificate of an earlier handshake, as a server judges it now.
struct Judged {
    /// Whether it is from whom the server takes certificates now, or it takes none.
    accepted: bool,
    /// Whether its whole chain is; the leaf always is.
    in_date: bool,
}

impl Certificate for Judged {
    fn passes(&self) -> bool {
        self.accepted && self.in_date
    }

    fn is_in_date(&self) -> bool {
        self.in_date
    }

    fn leaf_is_in_date(&self) -> bool {
        self.accepted
    }
}

impl ModelWorld {
    /// The host rule that a handshake comes under; none for the server's own.
    pub(super) fn asked_for(&self, plan: &Server, hello: &Hello<'_>) -> Option<usize> {
        if plan.host_rules.is_empty() {
            return None;
        }
        let name = self.deciders.servers.routes.name_asked(hello)?;
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
        rule.map_or(self.servers[server].in_force.client_certificate, |at| {
            plan.host_rules[at].client_certificate
        })
    }

    /// Whether a session is resumed: the server knows it still, and the servers' decisions allow it.
    pub(super) fn resumes(
        &self,
        case: &Case<'_>,
        session: &Session,
        (server, rule): (usize, ClientCertificate),
        tls: Tls,
        sni: Option<&str>,
    ) -> bool {
        let tickets = self.servers[server].in_force.has_tickets();
        let accepts = self.servers[server].in_force.accepts;
        let judged = held(case, &session.client).map(|identity| Judged {
            accepted: !rule.asks() || identity.issuer == accepts,
            in_date: !rule.asks() || identity.is_in_date(self.now),
        });
        let version = |tls: Tls| match tls {
            Tls::V1_2 => Version::Tls12,
            Tls::V1_3 => Version::Tls13,
        };
        let resumes = &self.deciders.servers.resumes;
        session.known
            && resumes.of_its_version(version(session.tls), version(tls))
            && resumes.resumes(&Offer {
                issued_by: ServerId(session.server as u64),
                server: ServerId(server as u64),
                version: version(session.tls),
                issued_for: session.sni.as_deref(),
                server_name: sni,
                across_names: false,
                age: self.now.saturating_sub(session.issued),
                lifetime: session.lifetime,
                resumption: match tickets {
                    true => Resumption::Tickets,
                    false => Resumption::Off,
                },
                issued_under: client_auth(session.under),
                policy: client_auth(rule),
                certificate: judged.as_ref().map(|it| it as _),
            })
    }

    /// Whether a request is for the host that its connection was made for, or for one whose rule the connection meets.
    pub(super) fn belongs(&self, case: &Case<'_>, plan: &Server, send: &Send) -> bool {
        let open = &self.connections[send.connection.0 as usize];
        let url = send.request.current_url().as_url();
        let host = url.host_str().unwrap_or_default();
        let wanted = self.named(plan, host);
        let rule = |at| client_auth(self.rule_of(plan, open.server, at));
        let known = held(case, &open.client);
        let passes =
            || known.is_some_and(|it| self.servers[open.server].in_force.takes(it, self.now));
        self.deciders.servers.routes.belongs(&Route {
            server_name: open.sni.as_deref(),
            host: Some(host),
            in_force: rule(open.under),
            wanted: rule(wanted),
            one_policy: open.under == wanted,
            one_authority: true,
            passes: known.is_some().then_some(&passes),
        })
    }
}

/// The identity that a client is.
fn held<'c>(case: &Case<'c>, client: &Client) -> Option<&'c Identity> {
    let Client::Identity { name, .. } = client else {
        return None;
    };
    case.scenario.identities.iter().find(|it| it.name == *name)
}
