//! In which world does a case take place? One server or two, perhaps a proxy, and a user who holds an identity or two.

use super::swarm::{Feature, Swarm};
use super::{ADDRESSES, HOSTS, PROXY, target, word};
use crate::scenario::{
    AllowList, AllowOrigin, Alpn, Choose, ClientCertificate, Cors, HostRule, Identity, Issuer,
    LateInHttp2, Name, Protected, Redirect, Scenario, Server, ServerCertificate, TlsVersions,
};

const PROFILES: [&str; 4] = [
    "abort-on-request",
    "firefox-allow-client-cert",
    "firefox",
    "chromium",
];

pub(super) fn world(from: &mut impl Choose, swarm: Swarm) -> Scenario {
    let mut scenario = Scenario {
        servers: vec![server(from, swarm, 0)],
        ..Scenario::default()
    };
    if swarm.has(Feature::SecondServer) {
        scenario.servers.push(server(from, swarm, 1));
    }
    if swarm.has(Feature::Redirects) {
        for index in 0..scenario.servers.len() {
            // It seldom leads in a circle: twenty hops of nothing new cost as much as ten scenarios.
            let mut to = target(from, &scenario);
            if to.path == "/go" && !from.chance(1, 16) {
                to.path = Name::const_new("/a");
            }
            let redirect = Redirect {
                path: Name::const_new("/go"),
                to,
                status: *from.pick(&[302, 307, 303, 308, 301]),
            };
            scenario.servers[index].redirects.push(redirect);
        }
    }
    if swarm.has(Feature::Proxies) {
        scenario.servers.push(proxy(from, swarm));
    }
    // Names that differ in case alone are names of two.
    let other = *from.pick(&["bob", "bob", "bob", "ALICE"]);
    let names = [Name::const_new("alice"), Name::const_new(other)];
    let held = if swarm.has(Feature::Identities) { 2 } else { 1 };
    for name in names.into_iter().take(held) {
        let mut hosts: Vec<Name> = HOSTS
            .iter()
            .chain(&ADDRESSES)
            .filter(|_| from.chance(3, 4))
            .map(|host| Name::const_new(host))
            .collect();
        if swarm.has(Feature::Proxies) && from.chance(1, 3) {
            hosts.push(Name::const_new(PROXY));
        }
        let mut identity = Identity::new(name, hosts);
        if swarm.has(Feature::Issuers) && from.chance(1, 8) {
            identity.issuer = Issuer::Staff;
        }
        if swarm.has(Feature::Time) && from.chance(1, 4) {
            identity.intermediate_lifetime = Some(*from.pick(&[20, 200]));
        }
        let first = scenario.identities.first();
        let first = first.filter(|_| swarm.has(Feature::BorrowedCertificate));
        if let Some(first) = first.filter(|_| from.chance(1, 2)) {
            identity = identity.borrowing(0, first);
        }
        scenario.identities.push(identity);
    }
    if swarm.has(Feature::Profiles) {
        scenario.profile = word(from, &PROFILES);
    }
    scenario
}

fn server(from: &mut impl Choose, swarm: Swarm, index: usize) -> Server {
    let mut server = Server {
        name: Name::const_new(["api", "b"][index]),
        hosts: vec![Name::const_new(HOSTS[index])],
        client_certificate: mode(from, swarm),
        protected: protected(from, swarm),
        ..Server::default()
    };
    if swarm.has(Feature::SecondHost) && index == 0 {
        server.hosts.push(Name::const_new(HOSTS[2]));
    }
    if swarm.has(Feature::HostRules) && server.hosts.len() > 1 {
        let host = server.hosts[1].clone();
        // Files spell names as they like, and say things twice.
        if from.chance(1, 3) {
            server.host_rules.push(HostRule {
                host: host.to_ascii_uppercase(),
                client_certificate: *from.pick(&HOST_RULES),
            });
        }
        if server.host_rules.is_empty() || from.chance(1, 2) {
            server.host_rules.push(HostRule {
                host,
                client_certificate: *from.pick(&HOST_RULES),
            });
        }
    }
    if swarm.has(Feature::Addresses) && from.chance(1, 2) {
        server.hosts.push(Name::const_new(ADDRESSES[index]));
    }
    if swarm.has(Feature::Issuers) && from.chance(1, 8) {
        server.accepts = Issuer::Staff;
    }
    if swarm.has(Feature::SecondPort) && index == 1 && from.chance(1, 2) {
        // Two servers of one name, which the port tells apart.
        server.hosts[0] = Name::const_new(HOSTS[0]);
        server.ports = vec![9443];
    } else if swarm.has(Feature::SecondPort) {
        server.ports.push(8443);
    }
    server.tls = tls(from, swarm);
    if swarm.has(Feature::H2) {
        server.alpn = *from.pick(&[Alpn::Both, Alpn::H2, Alpn::Http1]);
    }
    server.tickets = !swarm.has(Feature::NoTickets) || from.chance(1, 2);
    if swarm.has(Feature::Time) {
        server.ticket_lifetime = *from.pick(&[7_200, 60]);
    }
    server.early_data = swarm.has(Feature::EarlyData) && from.chance(1, 2);
    if swarm.has(Feature::Untrusted) && from.chance(1, 4) {
        server.certificate = ServerCertificate::Untrusted;
    }
    server.cors = cors(from, swarm);
    server
}

/// What only digs tunnels: nobody asks it for pages.
fn proxy(from: &mut impl Choose, swarm: Swarm) -> Server {
    Server {
        name: Name::const_new("proxy"),
        hosts: vec![Name::const_new(PROXY)],
        client_certificate: mode(from, swarm),
        tls: tls(from, swarm),
        proxy: true,
        ..Server::default()
    }
}

fn tls(from: &mut impl Choose, swarm: Swarm) -> TlsVersions {
    if swarm.has(Feature::OldTls) {
        versions(from)
    } else {
        TlsVersions::default()
    }
}

pub(super) fn versions(from: &mut impl Choose) -> TlsVersions {
    *from.pick(&[
        TlsVersions::Both,
        TlsVersions::Tls12,
        TlsVersions::Tls13,
        TlsVersions::Tls12,
    ])
}

pub(super) fn mode(from: &mut impl Choose, swarm: Swarm) -> ClientCertificate {
    let request = if swarm.has(Feature::Request) {
        ClientCertificate::Request
    } else {
        ClientCertificate::None
    };
    let require = if swarm.has(Feature::Require) {
        ClientCertificate::Require
    } else {
        request
    };
    if swarm.has(Feature::Late) && from.chance(1, 3) {
        return *from.pick(&[
            ClientCertificate::Renegotiate,
            ClientCertificate::PostHandshake,
        ]);
    }
    *from.pick(&[request, request, require, ClientCertificate::None])
}

pub(super) const HOST_RULES: [ClientCertificate; 3] = [
    ClientCertificate::Require,
    ClientCertificate::Request,
    ClientCertificate::None,
];

fn protected(from: &mut impl Choose, swarm: Swarm) -> Protected {
    let mut protected = Protected::default();
    if swarm.has(Feature::Late) {
        protected.paths = vec![word(from, &["/", "/b"])];
        protected.preflights = from.chance(1, 2);
        protected.in_http2 = *from.pick(&[LateInHttp2::SendAway, LateInHttp2::Ask]);
    }
    protected
}

fn cors(from: &mut impl Choose, swarm: Swarm) -> Cors {
    let mut cors = Cors::default();
    if swarm.has(Feature::MaxAge) {
        cors.max_age = *from.pick(&[Some(600), Some(0), None]);
    }
    if swarm.has(Feature::CorsRefusals) {
        match from.below(8) {
            0 => cors.allow_origin = AllowOrigin::Absent,
            1 => cors.allow_origin = AllowOrigin::Exactly(Name::const_new("*")),
            2 => cors.allow_credentials = false,
            3 => cors.allow_methods = AllowList::Exactly(vec![Name::const_new("*")]),
            4 => cors.allow_headers = AllowList::Exactly(vec![Name::const_new("x-a")]),
            5 => cors.preflight_status = *from.pick(&[403, 302, 500]),
            _ => {}
        }
    }
    cors
}

/// Another certificate for one identity: its own, or the first one's.
pub(in crate::scenario) fn vary_identity(identity: &mut Identity) {
    identity.certificate_of = match identity.certificate_of {
        None => Some(0),
        Some(_) => None,
    };
}

/// Another value for one field of one server.
pub(in crate::scenario) fn vary_server(from: &mut impl Choose, swarm: Swarm, server: &mut Server) {
    match from.below(10) {
        8 => server.accepts = *from.pick(&[Issuer::Users, Issuer::Staff]),
        0 | 1 => {
            server.client_certificate = mode(from, swarm);
            server.protected = protected(from, swarm);
        }
        2 => server.tls = versions(from),
        3 => server.alpn = *from.pick(&[Alpn::Http1, Alpn::Both, Alpn::H2]),
        4 => server.tickets = !server.tickets,
        5 => server.cors = cors(from, swarm),
        6 => server.ticket_lifetime = *from.pick(&[7_200, 60, 1]),
        7 => server.early_data = !server.early_data,
        _ => {
            server.certificate =
                *from.pick(&[ServerCertificate::Trusted, ServerCertificate::Untrusted]);
        }
    }
}
