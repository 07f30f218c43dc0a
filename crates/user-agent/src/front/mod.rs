//! A client that performs the user agent's actions: TCP by tokio, HTTP/1.1 by hyper.
//!
//! ```no_run
//! use bareflight_policy::{CredentialsMode, Method, Origin, Profile, Request, RequestUrl};
//! use bareflight_user_agent::{Limits, Standard, UserAgent, front::{Client, Tcp}};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new(UserAgent::new(Profile::fetch(), &Standard, Limits::default()), Tcp);
//! let mut request = Request::fetch_api(RequestUrl::parse("http://api.test/items")?, Origin::parse("http://app.test")?);
//! request.method = Method::PUT;
//! request.credentials_mode = CredentialsMode::Include;
//! let answer = client.fetch(request, "{}".into()).await?; // after a preflight, on a connection of its own
//! # Ok(())
//! # }
//! ```
//!
//! A [`Connector`] of your own adds TLS, proxies and cookies. HTTP/2 is not spoken, and bodies are read whole, up to a
//! bound. The answer is the standard's *internal response*: whoever hands it to a page filters it first
//! (<https://fetch.spec.whatwg.org/#concept-filtered-response>).

mod books;
mod connection;
mod connector;
mod wire;

use core::future::poll_fn;
use core::num::NonZeroU32;
use core::time::Duration;
use std::sync::Arc;

use bareflight_policy::{Body, Request};
use bytes::Bytes;
use http_body_util::{BodyExt, Collected, LengthLimitError, Limited};
use thiserror::Error;

use crate::{
    ConnectionId, Event, FetchId, FetchRequest, NetworkError, Outcome, Send, UserAgent, trust,
};
use books::{Shared, Step};
pub use connector::{Connector, Opened, Refused, Tcp};

/// How long a connection may be idle beyond its time before somebody looks.
const TICK: Duration = Duration::from_secs(1);

/// The bytes of a body that [`Client::new`] reads at most: 16 MiB.
pub const MOST_BODY: usize = 16 << 20;

/// A client. Clones share everything: connections, caches, identities.
pub struct Client<C> {
    shared: Arc<Shared<C>>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The fetch ended in a network error.
    #[error(transparent)]
    Network(Box<NetworkError>),
    /// The URL is not one of HTTP.
    #[error("{url} is neither http nor https: fetch something else elsewhere")]
    Scheme {
        /// The URL.
        url: String,
    },
    /// A header of the request has bytes that HTTP does not send.
    #[error("the value of the request's header {name} has control characters: leave them out")]
    Header {
        /// The header's name.
        name: String,
    },
    /// The answer's body is longer than this client reads.
    #[error("the answer's body has more than {most} bytes: raise the client's bound")]
    BodyTooLong {
        /// The bound.
        most: usize,
    },
    /// The answer's body broke off.
    #[error("the answer's body broke off: {0}")]
    BodyCut(Box<dyn core::error::Error + core::marker::Send + Sync>),
}

impl<C: Connector> Client<C> {
    /// A client of this agent, which reads bodies up to [`MOST_BODY`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn new(agent: UserAgent, connector: C) -> Self {
        Self::with_most_body(agent, connector, MOST_BODY)
    }

    /// A client of this agent, which reads bodies up to so many bytes.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn with_most_body(agent: UserAgent, connector: C, most: usize) -> Self {
        let shared = Shared::new(agent, connector, most);
        let weak = Arc::downgrade(&shared);
        drop(tokio::spawn(async move {
            loop {
                tokio::time::sleep(TICK).await;
                let Some(shared) = weak.upgrade() else { break };
                shared.with_agent(|_| ());
            }
        }));
        Self { shared }
    }

    /// Fetches, with the identity that the user chooses and with the first of the trust policies.
    ///
    /// A fetch that is dropped is given up, and a connection that was busy with it is closed.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn fetch(
        &self,
        request: Request,
        body: Bytes,
    ) -> Result<http::Response<Bytes>, FetchError> {
        let wanted = FetchRequest {
            id: FetchId(0),
            request,
            identity: None,
            declines: false,
            trust: trust(NonZeroU32::MIN),
            server_name: None,
            via: None,
            preconnect: false,
            pipelined: false,
        };
        self.fetch_as(wanted, body).await
    }

    /// Fetches as [`fetch`](Self::fetch) does, with more said. The number of the fetch is the client's, and a preconnect
    /// is answered with status 200 and no body. Nothing is pipelined, which hyper's client does not do.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn fetch_as(
        &self,
        mut wanted: FetchRequest,
        body: Bytes,
    ) -> Result<http::Response<Bytes>, FetchError> {
        wire::sendable(&wanted.request)?;
        wanted.pipelined = false;
        if !body.is_empty() && wanted.request.body == Body::None {
            wanted.request.body = Body::Bytes;
        }
        let shared = &*self.shared;
        let id = shared.start(|agent, id| agent.fetch(FetchRequest { id, ..wanted }));
        let mut under_way = UnderWay {
            shared,
            id,
            using: None,
            over: false,
        };
        let mut answer = None;
        loop {
            match poll_fn(|context| shared.poll_step(id, context)).await {
                Step::Send(send) => answer = under_way.exchange(&send, &body).await,
                Step::Finish(outcome) => {
                    under_way.over = true;
                    return match outcome {
                        Outcome::NetworkError(error) => Err(FetchError::Network(error)),
                        Outcome::Response(_) | Outcome::Connected => {
                            answer.unwrap_or_else(|| Ok(http::Response::default()))
                        }
                    };
                }
            }
        }
    }

    /// Has the agent do something: add an identity, log out, hear of a changed network.
    pub fn with_agent<R>(&self, change: impl FnOnce(&mut UserAgent) -> R) -> R {
        self.shared.with_agent(change)
    }
}

impl<C> Clone for Client<C> {
    fn clone(&self) -> Self {
        let shared = Arc::clone(&self.shared);
        Self { shared }
    }
}

impl<C> core::fmt::Debug for Client<C> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

type Answer = Result<http::Response<Bytes>, FetchError>;

/// A fetch that somebody waits for; given up when it is dropped.
struct UnderWay<'a, C: Connector> {
    shared: &'a Shared<C>,
    id: FetchId,
    /// The connection that it is busy on.
    using: Option<ConnectionId>,
    over: bool,
}

impl<C: Connector> UnderWay<'_, C> {
    /// Sends a request, reads the answer and reports what came of it; no answer if the connection broke.
    async fn exchange(&mut self, send: &Send, body: &Bytes) -> Option<Answer> {
        let (connection, stream) = (send.connection, send.stream);
        self.using = Some(connection);
        let answer = self.try_exchange(send, body).await;
        self.using = None;
        let Some((sender, head, body)) = answer else {
            self.shared.broken(connection);
            return None;
        };
        let event = Event::Response {
            connection,
            stream,
            status: head.status.as_u16(),
            headers: wire::headers(&head.headers),
        };
        // What is left of a body makes the connection useless.
        let serves = body.is_ok() && !wire::closes(&head);
        let sender = serves.then_some(sender);
        self.shared.answered(event, connection, sender);
        Some(body.map(|body| http::Response::from_parts(head, body)))
    }

    async fn try_exchange(
        &self,
        send: &Send,
        body: &Bytes,
    ) -> Option<(
        books::Sender,
        http::response::Parts,
        Result<Bytes, FetchError>,
    )> {
        let mut sender = self.shared.take(send.connection)?;
        let mut request = wire::request(send, body);
        self.shared.connector.prepare(send, &mut request);
        sender.ready().await.ok()?;
        let (head, body) = sender.send_request(request).await.ok()?.into_parts();
        let most = self.shared.most_body;
        let body = Limited::new(body, most).collect().await;
        let body = body.map(Collected::to_bytes).map_err(|error| {
            if error.is::<LengthLimitError>() {
                FetchError::BodyTooLong { most }
            } else {
                FetchError::BodyCut(error)
            }
        });
        Some((sender, head, body))
    }
}

impl<C: Connector> Drop for UnderWay<'_, C> {
    fn drop(&mut self) {
        if !self.over {
            self.shared.cancel(self.id, self.using);
        }
    }
}
