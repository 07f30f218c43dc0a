//! What does a server do with a connection? The handshake under the policy in force, then its caller's answers.

mod authentication;
mod connection;
mod desk;
mod early;
mod examiner;
mod hello;
mod hosts;
mod late;
mod resumes;
mod route;
mod sessions;
mod state;
mod tunnel;
#[cfg(feature = "openssl")]
mod with_openssl;
mod with_rustls;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::ResolvesServerCert;
use rustls::sign::SingleCertAndKey;

pub(crate) use connection::{Attendant, Ending, attend, attend_after};
pub(crate) use late::Unanswered;
pub use late::{Admits, Authenticated, LateOutcome, Strict};
pub use resumes::{Certificate, Offer, Rechecks, Resumes};
pub use route::{Checks, Hello, Route, Routes};
pub(crate) use sessions::SessionTable;
pub(crate) use tunnel::{Dial, Dials};

use crate::clock::Clock;
use crate::error::ServerError;
use crate::executor::Spawner;
use crate::ids::{ConnectionId, ServerId};
use crate::observation::Observation;
use crate::pki::{Pki, ServerCertificatePlan};
use crate::plan::{Protocol, Resumption, ServerPlan, Stack};
use examiner::Examiner;
use hosts::Hosts;
use sessions::{ConnectionSessions, Present};

/// What a server does with a request.
#[derive(Debug)]
pub enum Reply {
    /// It answers, and keeps the connection.
    Answer(Response<Bytes>),
    /// It answers, then closes: `Connection: close` in HTTP/1.1, GOAWAY in HTTP/2.
    AnswerAndClose(Response<Bytes>),
    /// It never answers.
    Never,
    /// It does not answer, and wants the request over HTTP/1.1: RST_STREAM with HTTP_1_1_REQUIRED (RFC 9113 section 7), which is
    /// what a server does whose path needs a renegotiation. In HTTP/1.1 it closes the connection.
    Http11Required,
    /// It does not even look: RST_STREAM with REFUSED_STREAM (RFC 9113 section 8.7). In HTTP/1.1 it closes the connection.
    Refuse,
}

impl From<Response<Bytes>> for Reply {
    fn from(response: Response<Bytes>) -> Self {
        Self::Answer(response)
    }
}

/// Answers requests; it is told on which connection each came.
pub type Responder = dyn Fn(ConnectionId, &Request<Bytes>) -> Reply;

/// A server: a plan made ready.
pub(crate) struct Server {
    pub(crate) responder: Rc<Responder>,
    pub(crate) policy: RefCell<Rc<Policy>>,
}

/// What is in force on a server; connections that began earlier keep what they began with.
pub(crate) struct Policy {
    present: Arc<Present>,
    hosts: Arc<Hosts>,
    certificate: Arc<dyn ResolvesServerCert>,
    provider: Arc<CryptoProvider>,
    #[cfg(feature = "openssl")]
    openssl: Option<with_openssl::Kept>,
    plan: ServerPlan,
}

impl Policy {
    pub(crate) fn new(
        server: ServerId,
        plan: ServerPlan,
        office: &Office,
    ) -> Result<Self, ServerError> {
        let plan = settled(plan)?;
        let pki = &office.pki;
        let certificate = pki.server(&ServerCertificatePlan {
            names: plan.names.clone(),
            issuer: plan.issuer.clone(),
            validity: plan.validity,
        })?;
        let present = Present {
            server,
            resumption: plan.resumption,
            lifetime: plan.lifetime,
            across_names: plan.across_names,
            algorithms: pki.provider().signature_verification_algorithms.all,
            clock: Arc::clone(&office.clock),
            resumes: Arc::clone(&office.rules.resumes),
        };
        Ok(Self {
            present: Arc::new(present),
            hosts: Arc::new(Hosts::new(&plan, pki, Arc::clone(&office.rules.routes))?),
            #[cfg(feature = "openssl")]
            openssl: match plan.stack {
                Stack::Rustls => None,
                Stack::OpenSsl => Some(with_openssl::Kept::new(&plan, &certificate, pki)?),
            },
            certificate: Arc::new(SingleCertAndKey::from(certificate)),
            provider: provider(&plan, pki),
            plan,
        })
    }

    /// The configuration of one connection, with its own witnesses.
    fn configure(
        &self,
        examiner: Arc<Examiner>,
        sessions: Arc<ConnectionSessions>,
    ) -> Result<ServerConfig, rustls::Error> {
        let clock = Arc::clone(&self.present.clock);
        let mut config = ServerConfig::builder_with_details(Arc::clone(&self.provider), clock)
            .with_protocol_versions(self.plan.versions.supported())?
            .with_client_cert_verifier(examiner)
            .with_cert_resolver(Arc::clone(&self.certificate));
        config.alpn_protocols = Protocol::wire(&self.plan.alpn);
        config.max_early_data_size = self.plan.early_data;
        config.send_tls13_tickets = self.plan.tickets;
        config.ticketer = Arc::clone(&sessions) as _;
        config.session_storage = sessions;
        Ok(config)
    }
}

/// What servers decide by: each field is a seam for known faults, and its default is right.
#[derive(Clone)]
pub struct Rules {
    /// Which sessions are resumed.
    pub resumes: Arc<dyn Resumes>,
    /// Under which policy a connection is, and which requests it serves.
    pub routes: Arc<dyn Routes>,
    /// Who passes after a late authentication.
    pub admits: Arc<dyn Admits>,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules").finish_non_exhaustive()
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            resumes: Arc::new(Rechecks),
            routes: Arc::new(Checks),
            admits: Arc::new(Strict),
        }
    }
}

impl From<Arc<dyn Resumes>> for Rules {
    fn from(resumes: Arc<dyn Resumes>) -> Self {
        Self {
            resumes,
            ..Self::default()
        }
    }
}

impl From<Arc<dyn Routes>> for Rules {
    fn from(routes: Arc<dyn Routes>) -> Self {
        Self {
            routes,
            ..Self::default()
        }
    }
}

impl From<Arc<dyn Admits>> for Rules {
    fn from(admits: Arc<dyn Admits>) -> Self {
        Self {
            admits,
            ..Self::default()
        }
    }
}

fn provider(plan: &ServerPlan, pki: &Pki) -> Arc<CryptoProvider> {
    let provider = Arc::clone(pki.provider());
    if !plan.retries || provider.kx_groups.len() < 2 {
        return provider;
    }
    Arc::new(CryptoProvider {
        kx_groups: provider.kx_groups[1..].to_vec(),
        ..(*provider).clone()
    })
}

/// Checks what belongs together in a plan. A way to ask late takes the only version that has it.
fn settled(mut plan: ServerPlan) -> Result<ServerPlan, ServerError> {
    let once = plan.resumption == Resumption::Stateful && plan.stack == Stack::Rustls;
    if plan.early_data > 0 && !once {
        return Err(ServerError::EarlyDataReplays);
    }
    let hosts = plan.hosts.iter().map(|host| host.client_auth);
    let modes: Vec<_> = std::iter::once(plan.client_auth).chain(hosts).collect();
    for mode in modes {
        let Some(kind) = mode.late() else { continue };
        if plan.stack == Stack::Rustls {
            return Err(ServerError::CannotAskLate(mode));
        }
        if !plan.versions.include(kind.version()) {
            return Err(ServerError::VersionOfMode(mode, kind.version()));
        }
        plan.versions = kind.version().into();
    }
    Ok(plan)
}

/// Shared by all servers of a driver.
#[derive(Clone)]
pub(crate) struct Office {
    pub(crate) pki: Arc<Pki>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) rules: Rules,
    pub(crate) unanswered: Unanswered,
    pub(crate) table: Arc<Mutex<SessionTable>>,
    pub(crate) dials: Dials,
    pub(crate) spawner: Spawner,
    pub(crate) observations: Rc<RefCell<Vec<Observation>>>,
}
