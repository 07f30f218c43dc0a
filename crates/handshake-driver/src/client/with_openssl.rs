//! How does a client shake hands with OpenSSL?

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use openssl::error::ErrorStack;
use openssl::ssl::{
    Ssl, SslContextBuilder, SslMethod, SslOptions, SslRef, SslSession, SslSessionCacheMode,
    SslVerifyMode,
};
use rustls::pki_types::{CertificateDer, ServerName};

use super::configuration::Means;
use super::connection::{Shaken, names};
use super::resolver::Asked;
use super::session::{Encoded, Shelf};
use crate::clock::Clock;
use crate::error::{ConnectError, EndReason};
use crate::ids::ConnectionId;
use crate::observation::{ClientEvent, ClientHandshake};
use crate::plan::{Answer, ClientConfiguration, ConfigKey, LateAnswer, Protocol, Trust, Version};
use crate::wire::{End, Gate, Transport};
use crate::with_openssl::{
    Credentials, Tls, lifetime_of, offer, offer_post_handshake_authentication, roots, unix,
    version, when_asked,
};

/// What one connection shakes hands with.
pub(crate) struct Ready {
    pub(super) connection: Ssl,
    early: Option<Credentials>,
    late: Option<Credentials>,
    /// Whether it answers late over HTTP/2 as well.
    late_in_http2: bool,
}

/// Where a connection tells that it was asked late.
pub(super) struct Told {
    pub(super) connection: ConnectionId,
    pub(super) events: Rc<RefCell<VecDeque<ClientEvent>>>,
    pub(super) end: End,
}

impl Ready {
    /// # Errors
    /// When OpenSSL refuses the plan, or an identity was made elsewhere.
    pub(super) fn new(
        plan: &ClientConfiguration,
        name: &ServerName<'_>,
        means: &Means<'_>,
        shelf: Arc<Shelf>,
    ) -> Result<Self, ConnectError> {
        let pki = means.pki;
        let of = |answer: Option<&Arc<rustls::sign::CertifiedKey>>| match answer {
            None => Ok(None),
            Some(key) => match pki.openssl(key) {
                None => Err(ConnectError::ForeignIdentity),
                Some(made) => made.map(Some).map_err(|error| refused(&error)),
            },
        };
        let early = match &plan.answer {
            Answer::Present(key) => Some(key),
            Answer::Decline | Answer::Abort => None,
        };
        let late = match &plan.late {
            LateAnswer::Present(key) => Some(key),
            LateAnswer::Refuse | LateAnswer::Decline => None,
        };
        let roots = match &plan.trust {
            Trust::Authorities(authorities) => Some(pki.anchors(authorities)?),
            Trust::Anyone => None,
        };
        let offered = shelf.take_openssl(plan.key, means.clock.now());
        let mut connection = connection(plan, name, roots.as_deref(), means, shelf)
            .map_err(|error| refused(&error))?;
        if let Some(session) = offered {
            offer(&mut connection, &session.der);
        }
        Ok(Self {
            early: of(early)?,
            late: of(late)?,
            late_in_http2: plan.late_in_http2,
            connection,
        })
    }
}

fn refused(error: &ErrorStack) -> ConnectError {
    ConnectError::OpenSsl(error.to_string())
}

fn connection(
    plan: &ClientConfiguration,
    name: &ServerName<'_>,
    anchors: Option<&[CertificateDer<'_>]>,
    means: &Means<'_>,
    shelf: Arc<Shelf>,
) -> Result<Ssl, ErrorStack> {
    let mut context = SslContextBuilder::new(SslMethod::tls_client())?;
    let (least, most) = plan.versions.bounds();
    context.set_min_proto_version(Some(least.into()))?;
    context.set_max_proto_version(Some(most.into()))?;
    context.set_session_cache_mode(SslSessionCacheMode::CLIENT | SslSessionCacheMode::NO_INTERNAL);
    context.set_new_session_callback(keeps(plan.key, Arc::clone(means.clock), shelf));
    let secrets = Arc::clone(means.secrets);
    context.set_keylog_callback(move |_, line| secrets.note(line));
    match plan.late {
        LateAnswer::Refuse => {
            context.set_options(SslOptions::NO_RENEGOTIATION);
        }
        LateAnswer::Decline | LateAnswer::Present(_) => {
            offer_post_handshake_authentication(&mut context);
        }
    }
    match anchors {
        Some(anchors) => {
            context.set_verify_cert_store(roots(anchors)?.0)?;
            context.set_verify(SslVerifyMode::PEER);
        }
        // The certificate is not looked at; that the peer holds its key is proved all the same.
        None => context.set_verify(SslVerifyMode::NONE),
    }
    let mut ssl = Ssl::new(&context.build())?;
    let wire: Vec<u8> = Protocol::wire(&plan.alpn)
        .into_iter()
        .flat_map(|id| [vec![u8::try_from(id.len()).unwrap_or(0)], id].concat())
        .collect();
    if !wire.is_empty() {
        ssl.set_alpn_protos(&wire)?;
    }
    unix(ssl.param_mut(), means.clock);
    match name {
        ServerName::DnsName(name) => {
            ssl.set_hostname(name.as_ref())?;
            ssl.param_mut().set_host(name.as_ref())?;
        }
        ServerName::IpAddress(address) => {
            ssl.param_mut().set_ip((*address).into())?;
        }
        _ => {}
    }
    ssl.set_connect_state();
    Ok(ssl)
}

/// What becomes of the sessions that arrive.
fn keeps(
    key: ConfigKey,
    clock: Arc<Clock>,
    shelf: Arc<Shelf>,
) -> impl Fn(&mut SslRef, SslSession) + Send + Sync {
    move |ssl, session| {
        if let Ok(der) = session.to_der() {
            let lifetime = lifetime_of(&session).map(Duration::from_secs);
            shelf.put_openssl(Encoded {
                key,
                version: version(ssl),
                until: lifetime.map(|it| clock.now().saturating_add(it)),
                der,
            });
        }
    }
}

/// Shakes hands.
pub(super) async fn connect<S: Transport>(
    ready: Ready,
    answer: &Answer,
    told: Told,
    io: S,
) -> Result<Shaken<Tls<Gate<S>>>, EndReason> {
    let aborts = *answer == Answer::Abort;
    let asked = Arc::new(Asked::answering(answer.clone()));
    let gate = match aborts {
        true => Gate::shut_when(io, Arc::clone(&asked)),
        false => Gate::open(io),
    };
    let open = Rc::<Cell<Option<Open>>>::default();
    let mut ssl = ready.connection;
    let question = Question {
        asked: Arc::clone(&asked),
        open: Rc::clone(&open),
        early: ready.early,
        late: ready.late,
        late_in_http2: ready.late_in_http2,
        told,
    };
    when_asked(&mut ssl, move |ssl| question.answer(ssl))
        .map_err(|error| EndReason::Tls(rustls::Error::General(error.to_string())))?;
    let tls = Tls::new(ssl, gate)?;
    match tls.shake_hands().await {
        Ok(()) => {
            let handshake = tls.with(|ssl| facts(ssl, &asked));
            open.set(Some(Open {
                h2: handshake.alpn == Some(Protocol::H2),
            }));
            Ok(Shaken {
                tls,
                alpn: handshake.alpn,
                handshake: Some(handshake),
            })
        }
        Err(_) if aborts && asked.was_asked() => Err(EndReason::AbortedWhenAsked),
        Err(error) => Err(EndReason::from_io(&error)),
    }
}

/// A connection after its handshake.
#[derive(Clone, Copy)]
struct Open {
    h2: bool,
}

/// What a connection needs to know when it is asked.
struct Question {
    asked: Arc<Asked>,
    /// What is spoken, once the handshake is over: who asks now asks late.
    open: Rc<Cell<Option<Open>>>,
    early: Option<Credentials>,
    late: Option<Credentials>,
    late_in_http2: bool,
    told: Told,
}

impl Question {
    /// Gives OpenSSL what it is to present, if anything; false ends the connection.
    fn answer(&self, ssl: &mut SslRef) -> bool {
        let Some(open) = self.open.get() else {
            self.asked.note();
            return present(self.early.as_ref(), ssl);
        };
        if open.h2 && !self.late_in_http2 {
            self.told.end.set(EndReason::AskedLateInHttp2);
            return false;
        }
        let connection = self.told.connection;
        let event = ClientEvent::AskedLate { connection };
        self.told.events.borrow_mut().push_back(event);
        present(self.late.as_ref(), ssl)
    }
}

fn present(credentials: Option<&Credentials>, ssl: &mut SslRef) -> bool {
    credentials.is_none_or(|it| it.give_to_connection(ssl).is_ok())
}

fn facts(ssl: &SslRef, asked: &Asked) -> ClientHandshake {
    let leaf = ssl.peer_certificate().and_then(|leaf| leaf.to_der().ok());
    ClientHandshake {
        version: version(ssl),
        alpn: Protocol::agreed(ssl.selected_alpn_protocol()),
        asked: asked.was_asked(),
        resumed: ssl.session_reused(),
        retried: false,
        early_data: false,
        server_names: names(leaf.map(CertificateDer::from).as_ref()),
    }
}

impl crate::plan::Versions {
    /// The oldest and the newest.
    pub(crate) fn bounds(self) -> (Version, Version) {
        let oldest = match self.include(Version::Tls12) {
            true => Version::Tls12,
            false => Version::Tls13,
        };
        let newest = match self.include(Version::Tls13) {
            true => Version::Tls13,
            false => Version::Tls12,
        };
        (oldest, newest)
    }
}
