//! How does a server shake hands with OpenSSL, and how does it ask afterwards?
//!
//! It issues no sessions and resumes none: what a session stands for is rustls's part here.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use openssl::error::ErrorStack;
use openssl::ssl::{
    AlpnError, NameType, Ssl, SslContextBuilder, SslMethod, SslOptions, SslRef,
    SslSessionCacheMode, SslVerifyMode,
};
use openssl::stack::Stack;
use openssl::x509::X509StoreContextRef;
use rustls::pki_types::CertificateDer;

use super::authentication::Authentication;
use super::connection::{Accepted, Attendant, shown};
use super::hosts::{Host, Hosts};
use super::late::{Answered, Asks, CannotAsk};
use super::route::Hello;
use crate::error::{EndReason, ServerError};
use crate::lock;
use crate::observation::{RefusedHandshake, ServerHandshake, Shown};
use crate::pki::Pki;
use crate::plan::{ClientAuth, LateKind, Protocol, ServerPlan};
use crate::wire::Transport;
use crate::with_openssl::{
    Credentials, Tls, Watch, ask_after_the_handshake, begin_renegotiation, roots, unix, version,
};

/// What a server with this stack keeps made.
pub(crate) struct Kept {
    credentials: Credentials,
    anchors: Vec<CertificateDer<'static>>,
}

impl Kept {
    /// # Errors
    /// When OpenSSL refuses the certificate, or the hosts of the plan do not take the same issuers.
    pub(super) fn new(
        plan: &ServerPlan,
        chain: &[CertificateDer<'static>],
        pki: &Pki,
    ) -> Result<Self, ServerError> {
        if plan.hosts.iter().any(|host| host.accepts != plan.accepts) {
            return Err(ServerError::OpenSsl(
                "with OpenSSL all hosts of a server accept the same issuers".to_owned(),
            ));
        }
        let credentials = pki.openssl(chain).ok_or_else(|| {
            ServerError::OpenSsl("the server's key is not one that OpenSSL can use".to_owned())
        })?;
        Ok(Self {
            credentials: credentials.map_err(|error| ServerError::OpenSsl(error.to_string()))?,
            anchors: pki.anchors(&plan.accepts)?,
        })
    }
}

/// What one connection's callbacks note.
#[derive(Default)]
struct Notes {
    server_name: Option<String>,
    /// The host that was asked for; none until the ClientHello was read.
    host: Option<Arc<Host>>,
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
    context.set_options(SslOptions::NO_TICKET);
    context.set_session_cache_mode(SslSessionCacheMode::OFF);
    context.set_num_tickets(0)?;
    // Without one, OpenSSL refuses to ask for certificates in a renegotiation.
    context.set_session_id_context(b"bareflight")?;
    kept.credentials.give_to(&mut context)?;
    let (store, issuers) = roots(&kept.anchors)?;
    context.set_verify_cert_store(store)?;
    let offered: Vec<_> = plan
        .alpn
        .iter()
        .map(|it| it.id().as_bytes().to_vec())
        .collect();
    if !offered.is_empty() {
        context.set_alpn_select_callback(move |_, theirs| select(&offered, theirs));
    }
    let policy = Rc::clone(&attendant.policy);
    let hosts = HostsOf(Arc::clone(&policy.hosts));
    let mut names = Stack::new()?;
    for issuer in issuers {
        names.push(issuer)?;
    }
    context.set_client_ca_list(names);
    let noted = Arc::clone(notes);
    context.set_servername_callback(move |ssl, _| {
        let server_name = ssl.servername(NameType::HOST_NAME).map(str::to_owned);
        let host = hosts.asked_for(server_name.as_deref());
        let late = lock(&noted).late;
        ask(ssl, mode(host.plan.client_auth, late), &noted);
        let mut noted = lock(&noted);
        noted.server_name = server_name;
        noted.host = Some(host);
        Ok(())
    });
    let mut ssl = Ssl::new(&context.build())?;
    unix(ssl.param_mut(), &attendant.office.clock);
    ssl.set_accept_state();
    Ok(ssl)
}

/// The hosts, where OpenSSL's callbacks want something that could be sent to another thread.
struct HostsOf(Arc<Hosts>);

impl HostsOf {
    fn asked_for(&self, server_name: Option<&str>) -> Arc<Host> {
        let hello = Hello {
            server_name,
            fragmented: false,
        };
        Arc::clone(self.0.asked_for(&hello))
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
            let der = chain.iter().filter_map(|it| it.to_der().ok());
            der.map(CertificateDer::from).collect::<Vec<_>>()
        });
        let mut chain = built.unwrap_or_default();
        // What the client sent ends below the root; one that was issued by nobody here is alone.
        if chain.len() > 1 {
            chain.pop();
        }
        notes.chain = Some(chain);
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
    let seen = lock(notes);
    let host = seen.host.clone().unwrap_or_else(|| no_name(attendant));
    let chain = seen.chain.clone().filter(|_| seen.passed);
    let asked = asks_in_handshake(&host);
    let handshake = ServerHandshake {
        connection: attendant.connection,
        server: attendant.policy.present.server,
        version: tls.with(version),
        alpn: tls.with(|ssl| Protocol::agreed(ssl.selected_alpn_protocol())),
        server_name: seen.server_name.clone(),
        shown: shown(asked, seen.chain.as_deref(), Shown::Declined, pki),
        identity: chain.as_deref().map(|chain| pki.identify(chain)),
        policy: Arc::clone(&host.plan),
        resumed: None,
        original: None,
        offered: None,
    };
    let authentication = Arc::new(Authentication {
        server: attendant.policy.present.server,
        server_name: seen.server_name.clone(),
        host: Arc::clone(&host),
        chain,
        at: attendant.office.clock.now(),
    });
    let asks = host.plan.client_auth.late().map(|kind| {
        Rc::new(Late {
            kind,
            watch: tls.watch(),
            notes: Arc::clone(notes),
            pki: Arc::clone(pki),
            finished: RefCell::default(),
            asked: Cell::new(false),
        }) as Rc<dyn Asks>
    });
    Accepted {
        tls,
        handshake,
        host,
        authentication,
        issued: Vec::new(),
        asks,
    }
}

fn no_name(attendant: &Attendant) -> Arc<Host> {
    HostsOf(Arc::clone(&attendant.policy.hosts)).asked_for(None)
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
    let asked = notes.host.as_deref().is_some_and(asks_in_handshake) && !nothing_in_common;
    RefusedHandshake {
        connection: attendant.connection,
        server: attendant.policy.present.server,
        server_name: notes.server_name.clone(),
        shown: shown(
            asked,
            notes.chain.as_deref(),
            otherwise,
            &attendant.office.pki,
        ),
        offered: None,
        reason,
    }
}

/// A connection on which the server may ask late.
struct Late<S> {
    kind: LateKind,
    watch: Watch<S>,
    notes: Arc<Mutex<Notes>>,
    pki: Arc<Pki>,
    /// The client's last Finished message when it was asked: another one is the end of its answer.
    finished: RefCell<Vec<u8>>,
    asked: Cell<bool>,
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
            let passed = notes.chain.as_deref().filter(|_| notes.passed);
            Answered {
                shown: shown(true, notes.chain.as_deref(), Shown::Declined, &self.pki),
                identity: passed.map(|chain| self.pki.identify(chain)),
                issued: Vec::new(),
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

/// The last Finished message of the client.
fn finished(ssl: &SslRef) -> Vec<u8> {
    const LONGEST: usize = 64;
    let mut message = [0; LONGEST];
    let length = ssl.peer_finished(&mut message);
    message[..length.min(LONGEST)].to_vec()
}
