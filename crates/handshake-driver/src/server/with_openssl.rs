//! How does a server shake hands with OpenSSL, and how does it ask afterwards?
//!
//! Its sessions are in the driver's table, by session ID, whether the plan says tickets or not: OpenSSL's own tickets hold a
//! state that nobody could number. A TLS 1.3 ticket is a session ID then (RFC 9846 section 4.6.1), and TLS 1.2 has no
//! tickets with this stack. After a resumption OpenSSL issues one ticket, whatever the plan says.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use openssl::error::ErrorStack;
use openssl::ssl::{
    AlpnError, ClientHelloResponse, Ssl, SslContextBuilder, SslMethod, SslOptions, SslRef,
    SslSessionCacheMode, SslVerifyMode,
};
use openssl::stack::Stack;
use openssl::x509::{X509StoreContextRef, X509VerifyResult};
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;

use super::authentication::Authentication;
use super::connection::{Accepted, Attendant, shown};
use super::hosts::Host;
use super::late::{Answered, Asks, CannotAsk};
use super::route::Hello;
use super::sessions::ConnectionSessions;
use crate::error::{EndReason, ServerError};
use crate::ids::SessionId;
use crate::lock;
use crate::observation::{RefusedHandshake, ServerHandshake, Shown};
use crate::pki::{Authority, Pki};
use crate::plan::{ClientAuth, LateKind, Protocol, Resumption, ServerPlan};
use crate::wire::Transport;
use crate::with_openssl::{
    Credentials, Tls, Watch, ask_after_the_handshake, begin_renegotiation, look_up, roots,
    server_name_in_hello, set_lifetime, unix, version,
};

/// What a server with this stack keeps made.
pub(crate) struct Kept {
    credentials: Credentials,
    anchors: Arc<Anchors>,
}

/// The roots of the authorities that the hosts of a server accept.
struct Anchors(Vec<(Vec<Authority>, Vec<CertificateDer<'static>>)>);

impl Anchors {
    fn new(plan: &ServerPlan, pki: &Pki) -> Result<Self, ServerError> {
        let mut anchors = Vec::new();
        let hosts = plan.hosts.iter().map(|host| &host.accepts);
        for accepts in std::iter::once(&plan.accepts).chain(hosts) {
            if anchors.iter().all(|(known, _)| known != accepts) {
                anchors.push((accepts.clone(), pki.anchors(accepts)?));
            }
        }
        Ok(Self(anchors))
    }

    /// Lets one connection believe the roots of these, and name them when it asks.
    fn give_to(&self, ssl: &mut SslRef, accepts: &[Authority]) -> Result<(), ErrorStack> {
        let anchors = self.0.iter().find(|(known, _)| known == accepts);
        let (store, issuers) = roots(anchors.map_or(&[], |(_, roots)| roots))?;
        ssl.set_verify_cert_store(store)?;
        let mut names = Stack::new()?;
        for issuer in issuers {
            names.push(issuer)?;
        }
        ssl.set_client_ca_list(names);
        Ok(())
    }
}

impl Kept {
    /// # Errors
    /// When OpenSSL refuses the certificate, or the plan has what only rustls can do.
    pub(super) fn new(
        plan: &ServerPlan,
        certificate: &CertifiedKey,
        pki: &Pki,
    ) -> Result<Self, ServerError> {
        if plan.retries {
            return Err(ServerError::OpenSsl(
                "only with rustls does a server refuse a client's first key share".to_owned(),
            ));
        }
        let credentials = pki.openssl(certificate).ok_or_else(|| {
            ServerError::OpenSsl("the server's key is not one that OpenSSL can use".to_owned())
        })?;
        Ok(Self {
            credentials: credentials.map_err(|error| ServerError::OpenSsl(error.to_string()))?,
            anchors: Arc::new(Anchors::new(plan, pki)?),
        })
    }
}

/// What one connection's callbacks note.
#[derive(Default)]
struct Notes {
    /// What was asked for: name, host and session; none until the ClientHello was read.
    sessions: Option<Arc<ConnectionSessions>>,
    /// The chain that the client presented, accepted or not.
    chain: Option<Vec<CertificateDer<'static>>>,
    /// Whether it passed.
    passed: bool,
    /// Whether the server has asked after the handshake.
    late: bool,
}

/// Shakes hands under the policy in force.
pub(super) async fn accept<S: Transport>(
    attendant: &Attendant,
    kept: &Kept,
    io: S,
) -> Result<Accepted<Tls<S>>, RefusedHandshake> {
    let notes = Arc::new(Mutex::new(Notes::default()));
    let refused = |reason: EndReason| refused(attendant, &lock(&notes), reason);
    let connection = connection(attendant, kept, &notes)
        .map_err(|error| refused(EndReason::Tls(rustls::Error::General(error.to_string()))))?;
    let tls = Tls::new(connection, io).map_err(refused)?;
    match tls.shake_hands().await {
        Ok(()) => Ok(complete(attendant, tls, &notes)),
        Err(error) => Err(refused(EndReason::from_io(&error))),
    }
}

fn connection(
    attendant: &Attendant,
    kept: &Kept,
    notes: &Arc<Mutex<Notes>>,
) -> Result<Ssl, ErrorStack> {
    let plan = &attendant.policy.plan;
    let mut context = SslContextBuilder::new(SslMethod::tls_server())?;
    let (least, most) = plan.versions.bounds();
    context.set_min_proto_version(Some(least.into()))?;
    context.set_max_proto_version(Some(most.into()))?;
    remember(&mut context, plan, notes)?;
    kept.credentials.give_to(&mut context)?;
    let offered: Vec<_> = plan
        .alpn
        .iter()
        .map(|it| it.id().as_bytes().to_vec())
        .collect();
    if !offered.is_empty() {
        context.set_alpn_select_callback(move |_, theirs| select(&offered, theirs));
    }
    let (noted, asked_for) = (Arc::clone(notes), asked_for(attendant));
    let anchors = Arc::clone(&kept.anchors);
    context.set_client_hello_callback(move |ssl, _| {
        let (sessions, late) = {
            let mut noted = lock(&noted);
            // A second ClientHello, after HelloRetryRequest or in a renegotiation, is for the same host.
            let sessions = noted
                .sessions
                .get_or_insert_with(|| asked_for(server_name_in_hello(ssl)));
            (Arc::clone(sessions), noted.late)
        };
        let policy = &sessions.host.plan;
        anchors.give_to(ssl, &policy.accepts)?;
        ask(ssl, mode(policy.client_auth, late), &noted);
        Ok(ClientHelloResponse::SUCCESS)
    });
    let mut ssl = Ssl::new(&context.build())?;
    unix(ssl.param_mut(), &attendant.office.clock);
    ssl.set_accept_state();
    Ok(ssl)
}

/// The server's sessions are in the driver's table.
fn remember(
    context: &mut SslContextBuilder,
    plan: &ServerPlan,
    notes: &Arc<Mutex<Notes>>,
) -> Result<(), ErrorStack> {
    // A renegotiation is there to ask, which a resumption within it would not.
    context.set_options(SslOptions::NO_TICKET | SslOptions::NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
    // Without one, OpenSSL refuses to ask for certificates.
    context.set_session_id_context(b"bareflight")?;
    let (mode, tickets) = match plan.resumption {
        Resumption::Off => (SslSessionCacheMode::OFF, 0),
        Resumption::Tickets | Resumption::Stateful => (SslSessionCacheMode::SERVER, plan.tickets),
    };
    context.set_session_cache_mode(mode | SslSessionCacheMode::NO_INTERNAL);
    context.set_num_tickets(tickets)?;
    set_lifetime(
        context,
        u32::try_from(plan.lifetime.as_secs()).unwrap_or(u32::MAX),
    );
    let noted = Arc::clone(notes);
    context.set_new_session_callback(move |ssl, session| {
        let sessions = lock(&noted).sessions.clone();
        if let (Some(sessions), Ok(state)) = (sessions, session.to_der()) {
            sessions.issue_openssl(session.id(), version(ssl), state);
        }
    });
    let noted = Arc::clone(notes);
    look_up(context, move |id| {
        let sessions = lock(&noted).sessions.clone();
        sessions?.find_openssl(id)
    });
    Ok(())
}

/// What a connection asks for by the name in its ClientHello.
fn asked_for(
    attendant: &Attendant,
) -> impl Fn(Option<String>) -> Arc<ConnectionSessions> + Send + Sync + use<> {
    let (hosts, table) = (
        Arc::clone(&attendant.policy.hosts),
        Arc::clone(&attendant.office.table),
    );
    let (present, connection) = (Arc::clone(&attendant.policy.present), attendant.connection);
    move |server_name| {
        let host = Arc::clone(hosts.asked_for(&Hello {
            server_name: server_name.as_deref(),
            fragmented: false,
        }));
        Arc::new(ConnectionSessions {
            table: Arc::clone(&table),
            present: Arc::clone(&present),
            connection,
            server_name,
            host,
            seen: Mutex::default(),
        })
    }
}

/// RFC 7301 section 3.2: the server's own order decides, and nothing in common is fatal.
fn select<'a>(ours: &[Vec<u8>], theirs: &'a [u8]) -> Result<&'a [u8], AlpnError> {
    let mut offered = Vec::new();
    let mut rest = theirs;
    while let [length, after @ ..] = rest {
        let Some((id, after)) = after.split_at_checked(usize::from(*length)) else {
            return Err(AlpnError::ALERT_FATAL);
        };
        offered.push(id);
        rest = after;
    }
    let common = ours
        .iter()
        .find_map(|own| offered.iter().find(|id| *id == own));
    common.copied().ok_or(AlpnError::ALERT_FATAL)
}

/// How a handshake under this policy asks for a certificate. One that begins because of a late question asks, and goes on
/// without one: it denies afterwards.
fn mode(auth: ClientAuth, late: bool) -> SslVerifyMode {
    match auth {
        _ if late => SslVerifyMode::PEER,
        ClientAuth::None | ClientAuth::Renegotiate | ClientAuth::PostHandshake => {
            SslVerifyMode::NONE
        }
        ClientAuth::Request => SslVerifyMode::PEER,
        ClientAuth::Require => SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT,
    }
}

fn ask(ssl: &mut SslRef, mode: SslVerifyMode, notes: &Arc<Mutex<Notes>>) {
    let notes = Arc::clone(notes);
    ssl.set_verify_callback(mode, move |passes, context| {
        note(&mut lock(&notes), passes, context);
        passes
    });
}

/// OpenSSL tells once for each certificate of the chain that it built, the trust anchor first.
fn note(notes: &mut Notes, passes: bool, context: &mut X509StoreContextRef) {
    if notes.chain.is_none() {
        let built = context.chain().map(|chain| {
            let mut built: Vec<_> = chain.iter().collect();
            // What the client sent ends below the root, which is there if it is one that is known here.
            let found = built
                .last()
                .is_some_and(|it| it.issued(it) == X509VerifyResult::OK);
            if found && built.len() > 1 {
                built.pop();
            }
            let der = built.into_iter().filter_map(|it| it.to_der().ok());
            der.map(CertificateDer::from).collect()
        });
        notes.chain = Some(built.unwrap_or_default());
        notes.passed = true;
    }
    notes.passed &= passes;
}

fn complete<S: Transport>(
    attendant: &Attendant,
    tls: Tls<S>,
    notes: &Arc<Mutex<Notes>>,
) -> Accepted<Tls<S>> {
    let pki = &attendant.office.pki;
    let noted = lock(notes);
    let sessions = noted.sessions.clone();
    let sessions = sessions.unwrap_or_else(|| asked_for(attendant)(None));
    let host = Arc::clone(&sessions.host);
    let seen = sessions.seen();
    let resumed = tls.with(SslRef::session_reused);
    let original = seen.original.filter(|_| resumed);
    let authentication = original.clone().unwrap_or_else(|| {
        let chain = noted.chain.clone().filter(|_| noted.passed);
        authenticated(&sessions, chain)
    });
    lock(&sessions.table).finished(attendant.connection, &seen.issued, &authentication);
    let chain = authentication.chain.as_deref();
    let asked = asks_in_handshake(&host) && !resumed;
    let handshake = ServerHandshake {
        connection: attendant.connection,
        server: attendant.policy.present.server,
        through: attendant.through,
        version: tls.with(version),
        retried: false,
        early_data: 0,
        alpn: tls.with(|ssl| Protocol::agreed(ssl.selected_alpn_protocol())),
        server_name: sessions.server_name.clone(),
        shown: shown(asked, noted.chain.as_deref(), Shown::Declined, pki),
        identity: chain.map(|chain| pki.identify(chain)),
        policy: Arc::clone(&host.plan),
        resumed: seen.offered.filter(|_| resumed),
        original: original.map(|original| attendant.original(&original)),
        offered: seen.offered.filter(|_| !resumed),
    };
    let asks = host.plan.client_auth.late().map(|kind| {
        Rc::new(Late {
            kind,
            watch: tls.watch(),
            notes: Arc::clone(notes),
            sessions: Arc::clone(&sessions),
            pki: Arc::clone(pki),
            finished: RefCell::default(),
            asked: Cell::new(false),
            before: Cell::new(0),
        }) as Rc<dyn Asks>
    });
    Accepted {
        tls,
        handshake,
        host,
        authentication,
        early: 0,
        issued: seen.issued,
        asks,
    }
}

/// Whom a handshake authenticated now: this chain, or nobody.
fn authenticated(
    sessions: &ConnectionSessions,
    chain: Option<Vec<CertificateDer<'static>>>,
) -> Arc<Authentication> {
    Arc::new(Authentication {
        server: sessions.present.server,
        server_name: sessions.server_name.clone(),
        host: Arc::clone(&sessions.host),
        chain,
        at: sessions.present.clock.now(),
    })
}

fn asks_in_handshake(host: &Host) -> bool {
    matches!(
        host.plan.client_auth,
        ClientAuth::Request | ClientAuth::Require
    )
}

fn refused(attendant: &Attendant, notes: &Notes, reason: EndReason) -> RefusedHandshake {
    let otherwise = match reason {
        EndReason::Tls(rustls::Error::NoCertificatesPresented) => Shown::Declined,
        _ => Shown::Unanswered,
    };
    // The question goes out with the server's first flight; before that there is nothing in common.
    let nothing_in_common = match &reason {
        EndReason::Tls(rustls::Error::NoApplicationProtocol) => true,
        EndReason::Tls(rustls::Error::General(why)) => {
            matches!(why.as_str(), "unsupported protocol" | "no shared cipher")
        }
        _ => false,
    };
    let sessions = notes.sessions.as_deref();
    let asked = sessions.is_some_and(|it| asks_in_handshake(&it.host)) && !nothing_in_common;
    RefusedHandshake {
        connection: attendant.connection,
        server: attendant.policy.present.server,
        server_name: sessions.and_then(|it| it.server_name.clone()),
        shown: shown(
            asked,
            notes.chain.as_deref(),
            otherwise,
            &attendant.office.pki,
        ),
        offered: sessions.and_then(|it| it.seen().offered),
        reason,
    }
}

/// A connection on which the server may ask late.
struct Late<S> {
    kind: LateKind,
    watch: Watch<S>,
    notes: Arc<Mutex<Notes>>,
    sessions: Arc<ConnectionSessions>,
    pki: Arc<Pki>,
    /// The client's last Finished message when it was asked: another one is the end of its answer.
    finished: RefCell<Vec<u8>>,
    asked: Cell<bool>,
    /// How many sessions had been issued when it was asked.
    before: Cell<usize>,
}

impl<S: Transport> Asks for Late<S> {
    fn ask(&self) -> Result<(), CannotAsk> {
        {
            let mut notes = lock(&self.notes);
            notes.chain = None;
            notes.passed = false;
            notes.late = true;
        }
        *self.finished.borrow_mut() = self.watch.with(finished);
        self.before.set(self.sessions.seen().issued.len());
        let notes = Arc::clone(&self.notes);
        let asked = self.watch.prompt(|ssl| {
            ask(ssl, SslVerifyMode::PEER, &notes);
            match self.kind {
                LateKind::Renegotiation => begin_renegotiation(ssl),
                LateKind::PostHandshake => ask_after_the_handshake(ssl),
            }
        });
        self.asked.set(asked.is_ok());
        asked.map_err(|_| CannotAsk)
    }

    fn poll_answer(&self, cx: &mut Context<'_>) -> Poll<Answered> {
        let answered = |ssl: &SslRef| {
            (ssl.is_init_finished() && finished(ssl) != *self.finished.borrow()).then_some(())
        };
        self.watch.poll(cx, answered).map(|()| {
            let notes = lock(&self.notes);
            let passed = notes.chain.clone().filter(|_| notes.passed);
            let identity = passed.as_deref().map(|chain| self.pki.identify(chain));
            Answered {
                shown: shown(true, notes.chain.as_deref(), Shown::Declined, &self.pki),
                identity,
                issued: self.issued_since(passed),
            }
        })
    }

    fn shown_so_far(&self) -> Shown {
        let notes = lock(&self.notes);
        shown(
            self.asked.get(),
            notes.chain.as_deref(),
            Shown::Unanswered,
            &self.pki,
        )
    }
}

impl<S> Late<S> {
    /// The sessions that came with the answer stand for whom it authenticated; those from before it do not.
    fn issued_since(&self, passed: Option<Vec<CertificateDer<'static>>>) -> Vec<SessionId> {
        let issued = self.sessions.seen().issued.split_off(self.before.get());
        let authentication = authenticated(&self.sessions, passed);
        lock(&self.sessions.table).finished(self.sessions.connection, &issued, &authentication);
        issued
    }
}

/// The last Finished message of the client.
fn finished(ssl: &SslRef) -> Vec<u8> {
    const LONGEST: usize = 64;
    let mut message = [0; LONGEST];
    let length = ssl.peer_finished(&mut message);
    message[..length.min(LONGEST)].to_vec()
}
