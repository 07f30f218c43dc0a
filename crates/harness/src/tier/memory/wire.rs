//! Between the vocabulary of the harness and that of the handshake driver.

use std::borrow::Cow;
use std::sync::Arc;

use bareflight_handshake_driver::{
    AlertDescription, Answer, Authority, CertificateError, CertifiedKey, ClientConfiguration,
    ConfigKey, EndReason as DriverEnd, HostPlan, IdentityPlan, LateAnswer,
    LateInHttp2 as DriverLateInHttp2, LateKind as DriverLate, Protected,
    Protocol as DriverProtocol, RequestHead, Resumption, ServerPlan, Shown, Stack, TlsError,
    Trust as DriverTrust, Validity, Version, Versions,
};
use bareflight_policy::{CertificateAnswer, HeaderList, HeaderName, HeaderValue, origin_header};
use bareflight_pool_key::{SessionKey, TrustId};
use bareflight_user_agent::{
    Alpn as Offered, Connect, ConnectionId, EndReason, Event, Hop, Send, trust,
};
use bytes::Bytes;

use super::super::client_auth;
use super::super::model::TICKETS;
use super::super::run::number;
use crate::case::authority;
use crate::log::{Cause, Connection, LateKind, Protocol, Request, Tls};
use crate::reply::{Asked, path, reply};
use crate::scenario::{
    Alpn, ClientCertificate, InForce, Issuer, LateInHttp2, Name, Scenario, Server,
    ServerCertificate, TlsVersions, Trust,
};

/// What decides which connections have the same TLS configuration.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct ConfigurationOf {
    session_key: SessionKey,
    trust: TrustId,
    stack: Stack,
}

impl ConfigurationOf {
    /// Of a connection to a server under this rule.
    pub(super) fn new(session_key: SessionKey, trust: TrustId, rule: ClientCertificate) -> Self {
        Self {
            session_key,
            trust,
            stack: stack(rule),
        }
    }
}

/// The identities that a connection may present: in the handshake, and after it.
pub(super) struct Identities {
    pub(super) early: Option<Arc<CertifiedKey>>,
    pub(super) late: Option<Arc<CertifiedKey>>,
}

pub(super) fn configuration(
    key: ConfigKey,
    connect: &Connect,
    rule: ClientCertificate,
    identities: Identities,
) -> ClientConfiguration {
    ClientConfiguration {
        stack: stack(rule),
        late: match (connect.late.http1, identities.late) {
            // rustls can but refuse, and is not asked.
            _ if rule.late().is_none() => LateAnswer::Refuse,
            (CertificateAnswer::Abort, _) => LateAnswer::Refuse,
            (CertificateAnswer::Present, Some(identity)) => LateAnswer::Present(identity),
            _ => LateAnswer::Decline,
        },
        late_in_http2: connect.late.http2 != CertificateAnswer::Abort,
        answer: answer(connect.answer, identities.early),
        trust: trusted(connect.trust),
        alpn: match connect.alpn {
            Offered::Any => vec![DriverProtocol::H2, DriverProtocol::Http11],
            Offered::Http1 => vec![DriverProtocol::Http11],
            Offered::H2 => vec![DriverProtocol::H2],
        },
        early_data: connect.early.is_some(),
        // The reference never needs it: its session key says who answers. A fault's may not.
        shared: true,
        ..ClientConfiguration::new(key)
    }
}

/// How a proxy is spoken to.
pub(super) fn to_proxy(
    key: ConfigKey,
    hop: &Hop,
    identity: Option<Arc<CertifiedKey>>,
) -> ClientConfiguration {
    ClientConfiguration {
        answer: answer(hop.answer, identity),
        trust: trusted(hop.trust),
        alpn: vec![DriverProtocol::Http11],
        shared: true,
        ..ClientConfiguration::new(key)
    }
}

fn answer(answer: CertificateAnswer, identity: Option<Arc<CertifiedKey>>) -> Answer {
    match (answer, identity) {
        (CertificateAnswer::Abort, _) => Answer::Abort,
        (CertificateAnswer::Present, Some(identity)) => Answer::Present(identity),
        _ => Answer::Decline,
    }
}

fn trusted(policy: TrustId) -> DriverTrust {
    if policy == trust(number(Trust::Verify)) {
        DriverTrust::Authorities(vec![Authority::servers()])
    } else {
        DriverTrust::Anyone
    }
}

/// Bytes of a small TLS record: no ClientHello fits into one.
pub(super) const SMALL_RECORD: usize = 64;

/// Bytes of early data that a server takes, if it takes any: more than any request here has.
const EARLY_DATA: u32 = 1 << 14;

/// A scenario's server, under what is in force, as the handshake driver sets it up.
pub fn server_plan(server: &Server, now: InForce) -> ServerPlan {
    let mode = now.client_certificate;
    let names: Vec<&str> = server.hosts.iter().map(Name::as_str).collect();
    ServerPlan {
        issuer: match server.certificate {
            ServerCertificate::Trusted => Authority::servers(),
            ServerCertificate::Untrusted => Authority::named("nobody trusts this one"),
        },
        validity: Validity::Current,
        stack: stack(mode),
        client_auth: client_auth(mode),
        accepts: vec![authority_of(now.accepts)],
        hosts: server
            .host_rules
            .iter()
            .map(|rule| HostPlan {
                names: vec![rule.host.to_string()],
                client_auth: client_auth(rule.client_certificate),
                accepts: vec![authority_of(now.accepts)],
            })
            .collect(),
        protects: Protected {
            paths: server.protected.paths.iter().map(Name::to_string).collect(),
            preflights: server.protected.preflights,
            in_http2: match server.protected.in_http2 {
                LateInHttp2::SendAway => DriverLateInHttp2::SendsAway,
                LateInHttp2::Ask => DriverLateInHttp2::Asks,
            },
        },
        versions: match now.versions() {
            TlsVersions::Tls12 => Versions::Tls12,
            TlsVersions::Tls13 => Versions::Tls13,
            TlsVersions::Both => Versions::Both,
        },
        alpn: match server.alpn {
            Alpn::Http1 => vec![DriverProtocol::Http11],
            Alpn::H2 => vec![DriverProtocol::H2],
            Alpn::Both => vec![DriverProtocol::H2, DriverProtocol::Http11],
        },
        resumption: match (now.has_tickets(), server.early_data_under(now)) {
            (false, _) => Resumption::Off,
            (true, false) => Resumption::Tickets,
            // What could be replayed must be for one use.
            (true, true) => Resumption::Stateful,
        },
        early_data: if server.early_data_under(now) {
            EARLY_DATA
        } else {
            0
        },
        tickets: TICKETS,
        lifetime: core::time::Duration::from_secs(u64::from(server.ticket_lifetime)),
        ..ServerPlan::new(&names)
    }
}

/// One of a scenario's identities, so often renewed, as the handshake driver makes it.
pub(super) fn identity_plan(scenario: &Scenario, index: usize, renewals: u32) -> IdentityPlan {
    let identity = &scenario.identities[index];
    let mut plan = IdentityPlan::new(&identity.name);
    plan.name.generation = renewals;
    plan.issuer = authority_of(identity.issuer);
    if let Some(seconds) = identity.intermediate_lifetime {
        let until = core::time::Duration::from_secs(u64::from(seconds));
        let below = plan.issuer.subordinate("intermediate");
        plan.issuer = below.valid(Validity::Until(until));
    }
    match identity.borrows(renewals as usize) {
        Some(other) => plan.showing(identity_plan(scenario, other, 0)),
        None => plan,
    }
}

fn authority_of(issuer: Issuer) -> Authority {
    match issuer {
        Issuer::Users => Authority::users(),
        Issuer::Staff => Authority::named(issuer.as_str()),
    }
}

/// Asking late takes OpenSSL, at both ends.
fn stack(rule: ClientCertificate) -> Stack {
    match rule.late() {
        Some(_) => Stack::OpenSsl,
        None => Stack::Rustls,
    }
}

/// What a server answers to a request that arrived.
pub fn respond(server: &Server, request: &http::Request<Bytes>) -> http::Response<Bytes> {
    if request.method() == http::Method::CONNECT {
        let dug = server.proxy;
        let status = if dug {
            http::StatusCode::OK
        } else {
            http::StatusCode::METHOD_NOT_ALLOWED
        };
        let mut answer = http::Response::new(Bytes::new());
        *answer.status_mut() = status;
        return answer;
    }
    let text = |name: &str| request.headers().get(name).map(http::HeaderValue::as_bytes);
    let target = request
        .uri()
        .path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str);
    let asked = Asked {
        method: request.method().as_str(),
        path: target,
        origin: text("origin").map(Name::from_utf8_lossy),
        request_method: text("access-control-request-method").map(Cow::Borrowed),
        request_headers: text("access-control-request-headers").map(Cow::Borrowed),
    };
    let answer = reply(server, &asked);
    let mut response = http::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name.as_str(), value.as_bytes());
    }
    response
        .body(Bytes::new())
        .expect("the policy's headers are HTTP's")
}

/// A request as it goes on the wire.
pub(super) fn request(send: &Send) -> http::Request<Bytes> {
    let request = &send.request;
    let mut wire = http::Request::builder()
        .method(request.method.as_str())
        .uri(format!("https://{}{}", authority(request), path(request)));
    if let Some(origin) = origin_header(request) {
        wire = wire.header("origin", origin.as_str());
    }
    for (name, value) in &request.headers {
        wire = wire.header(name.as_str(), value.as_bytes());
    }
    if send.carried.cookie {
        wire = wire.header("cookie", "session=1");
    }
    if send.carried.authorization && !request.headers.contains(&HeaderName::AUTHORIZATION) {
        wire = wire.header("authorization", "Basic dTpw");
    }
    let body = match request.body {
        bareflight_policy::Body::None => Bytes::new(),
        _ => Bytes::from_static(b"{}"),
    };
    wire.body(body)
        .expect("fixup lets only valid methods, headers and URLs through")
}

/// A request as its server read it.
pub(in crate::tier) fn seen(head: &RequestHead, connection: u32, cause: Option<Cause>) -> Request {
    let text = |name: &str| {
        head.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(Name::new)
    };
    let origin = text("origin");
    Request {
        connection,
        stream: u32::try_from(head.stream.0 + 1).unwrap_or(u32::MAX),
        step: cause.map(|cause| cause.step),
        hop: cause.map_or(0, |cause| cause.hop),
        method: Name::new(head.method.as_str()),
        authority: Name::new(head.authority.as_deref().unwrap_or_default()),
        target: Name::new(&head.target),
        preflight: head.method == http::Method::OPTIONS
            && origin.is_some()
            && head.headers.contains_key("access-control-request-method"),
        origin,
        cookie: head.headers.contains_key("cookie"),
        authorization: head.headers.contains_key("authorization"),
        client_cert: head.headers.contains_key("client-cert"),
        behind: u32::try_from(head.behind).unwrap_or(u32::MAX),
    }
}

pub(super) fn response(
    connection: ConnectionId,
    stream: u64,
    response: &http::Response<Bytes>,
) -> Event {
    let mut headers = HeaderList::new();
    for (name, value) in response.headers() {
        let pair = (
            HeaderName::parse(name.as_str()),
            HeaderValue::parse(name.as_str(), value.as_bytes()),
        );
        if let (Ok(name), Ok(value)) = pair {
            headers.append(name, value);
        }
    }
    Event::Response {
        connection,
        stream: u32::try_from(stream + 1).unwrap_or(u32::MAX),
        status: response.status().as_u16(),
        headers,
    }
}

/// Why a handshake failed. In TLS 1.2 a server that insists on a certificate says so with `handshake_failure` (RFC 5246
/// section 7.4.6).
pub(super) fn refused(reason: &DriverEnd, asked: bool) -> EndReason {
    match reason {
        DriverEnd::AlertReceived(AlertDescription::HandshakeFailure) if asked => {
            EndReason::CertificateRequired
        }
        _ => end_reason(reason),
    }
}

/// Why a connection ended, as far as the user agent tells reasons apart.
pub(super) fn end_reason(reason: &DriverEnd) -> EndReason {
    match reason {
        DriverEnd::AbortedWhenAsked => EndReason::AbortedWhenAsked,
        DriverEnd::AlertReceived(AlertDescription::CertificateRequired) => {
            EndReason::CertificateRequired
        }
        DriverEnd::AlertReceived(_) => EndReason::Handshake,
        DriverEnd::Tls(TlsError::InvalidCertificate(_)) => EndReason::ServerUntrusted,
        DriverEnd::Proxy(_) => EndReason::Proxy,
        DriverEnd::Tls(_) | DriverEnd::Stalled | DriverEnd::AskedLateInHttp2 => {
            EndReason::Handshake
        }
        DriverEnd::Local
        | DriverEnd::Finished
        | DriverEnd::CloseNotify
        | DriverEnd::Truncated
        | DriverEnd::Flood
        | DriverEnd::Http(_) => EndReason::Closed,
    }
}

/// Why a server's handshake failed, by the names of the log.
pub(in crate::tier) fn refusal(reason: &DriverEnd, shown: &Shown) -> &'static str {
    match reason {
        DriverEnd::Tls(TlsError::NoCertificatesPresented) => "certificate-required",
        DriverEnd::Tls(TlsError::InvalidCertificate(CertificateError::BadSignature)) => {
            Connection::UNPROVEN
        }
        DriverEnd::Tls(TlsError::InvalidCertificate(_)) => "certificate-refused",
        DriverEnd::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown,
        ) => "server-untrusted",
        DriverEnd::Truncated if shown.asked() => "client-aborted",
        _ => "handshake-failed",
    }
}

pub(in crate::tier) fn late(kind: DriverLate) -> LateKind {
    match kind {
        DriverLate::Renegotiation => LateKind::Renegotiation,
        DriverLate::PostHandshake => LateKind::PostHandshake,
    }
}

pub(in crate::tier) fn tls(version: Version) -> Tls {
    match version {
        Version::Tls12 => Tls::V1_2,
        Version::Tls13 => Tls::V1_3,
    }
}

pub(in crate::tier) fn protocol(protocol: Option<DriverProtocol>) -> Protocol {
    match protocol {
        Some(DriverProtocol::H2) => Protocol::H2,
        _ => Protocol::Http1,
    }
}
