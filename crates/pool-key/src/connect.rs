//! How does a client of hyper-util keep to one key?
//!
//! hyper-util's clients file connections under scheme and authority. So each [`ConnectionKey`] gets a client of its
//! own, kept in hyper-util's `pool::map::Map` or in any other map, and each client connects with the configuration of
//! its session key:
//!
//! ```
//! use std::{sync::{Arc, Mutex}, time::Duration};
//! use bareflight_pool_key::{SessionLimits, connect::{KeyedConnector, Keyed}, tls::ClientConfigs};
//! use hyper_util::{client::{legacy::Client, pool::map::Map}, rt::TokioExecutor};
//! # type Body = String;
//! # fn clients(configuration_for: impl Fn(&Keyed<http::Uri>) -> rustls::ClientConfig + Copy) {
//!
//! let started = std::time::Instant::now();
//! let configs = Mutex::new(ClientConfigs::new(100, SessionLimits::default(), move || started.elapsed()));
//! let mut clients = Map::builder::<Keyed<http::Uri>>()
//!     .keys(|to| to.keys.connection)
//!     .values(move |to| {
//!         // With the certificate of the description's identity, or with none.
//!         let build = || configuration_for(to);
//!         let config = configs.lock().unwrap().config(&to.keys.session, Duration::MAX, build);
//!         Client::builder(TokioExecutor::new()).build::<_, Body>(KeyedConnector::tcp(config))
//!     })
//!     .build();
//! // clients.service(&Keyed::new(&description, uri)).request(request).await
//! # let _ = move |to| { clients.service(&to).get(to.target.clone()); };
//! # }
//! ```
//!
//! The example `hyper_util` does so, and shows beside it what the same server sees of a client without keys.

use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use std::{io, sync::Arc};

use http::{Uri, uri::Scheme};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::connect::{Connected, Connection, HttpConnector},
    rt::TokioIo,
};
use rustls::{
    ClientConfig,
    pki_types::{InvalidDnsNameError, ServerName},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tower_service::Service;

use crate::{ConnectionKey, Description, Keys};

/// A target, and the keys under which it may be reached: what `hyper_util::client::pool::map::Map` takes for a
/// destination, with `|to| to.keys.connection` for its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Keyed<T> {
    /// What the connection and its TLS session are filed under.
    pub keys: Keys,
    /// Where to.
    pub target: T,
}

impl<T> Keyed<T> {
    /// This target for a request of this description.
    #[must_use]
    pub fn new(description: &Description, target: T) -> Self {
        Self {
            keys: description.keys(),
            target,
        }
    }

    /// What decides whether two requests may share a connection.
    #[must_use]
    pub fn key(&self) -> ConnectionKey {
        self.keys.connection
    }
}

/// A connector of one key: a `tower` service from a URI to a connection, TLS included where the scheme is `https`.
///
/// Use it in clients that serve this key alone. Whoever hands it a configuration from
/// [`ClientConfigs`](crate::tls::ClientConfigs) also has one session store for each key.
#[derive(Clone)]
pub struct KeyedConnector<T = HttpConnector> {
    inner: T,
    config: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
}

impl<T> KeyedConnector<T> {
    /// Connects by `inner` and then speaks TLS by this configuration, which decides on HTTP/2 too, by its ALPN.
    #[must_use]
    pub fn new(inner: T, config: Arc<ClientConfig>) -> Self {
        Self {
            inner,
            config,
            server_name: None,
        }
    }

    /// Names the server this way rather than by the URI's host: the description's
    /// [`server_name`](Description::server_name).
    #[must_use]
    pub fn with_server_name(self, name: ServerName<'static>) -> Self {
        Self {
            server_name: Some(name),
            ..self
        }
    }

    fn server_name(&self, uri: &Uri) -> Result<ServerName<'static>, ConnectError> {
        if let Some(name) = &self.server_name {
            return Ok(name.clone());
        }
        let host = uri.host().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        ServerName::try_from(bare.to_owned()).map_err(|source| ConnectError::Name {
            host: host.to_owned(),
            source,
        })
    }
}

impl KeyedConnector {
    /// The same over TCP.
    #[must_use]
    pub fn tcp(config: Arc<ClientConfig>) -> Self {
        let mut tcp = HttpConnector::new();
        // Or it would take nothing but `http`.
        tcp.enforce_http(false);
        Self::new(tcp, config)
    }
}

/// Why a connection did not come about.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The scheme is not one that this connector knows.
    #[error("{uri} is neither http nor https: ask for one of these")]
    Scheme {
        /// What was asked for.
        uri: Uri,
    },
    /// The host cannot be named in a handshake.
    #[error(
        "the host {host:?} is no name for a server's certificate: give one with `with_server_name`"
    )]
    Name {
        /// The URI's host.
        host: String,
        /// What is wrong with it.
        source: InvalidDnsNameError,
    },
    /// The connector below TLS takes no more.
    #[error("the connector below TLS is not ready: make another")]
    Unready {
        /// The inner connector's error.
        source: Box<dyn core::error::Error + Send + Sync>,
    },
    /// What lies below TLS failed.
    #[error("no connection to {uri}: see whether the host can be reached")]
    Below {
        /// What was asked for.
        uri: Uri,
        /// The inner connector's error.
        source: Box<dyn core::error::Error + Send + Sync>,
    },
    /// The TLS handshake failed.
    #[error(
        "the TLS handshake with {uri} failed: see whether the key's trust and identity are the server's"
    )]
    Handshake {
        /// What was asked for.
        uri: Uri,
        /// The error of rustls, or of the connection below.
        source: io::Error,
    },
}

type Connecting<T> = Pin<Box<dyn Future<Output = Result<MaybeTls<T>, ConnectError>> + Send>>;

impl<T> Service<Uri> for KeyedConnector<T>
where
    T: Service<Uri>,
    T::Response: Read + Write + Unpin + Send + 'static,
    T::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    T::Future: Send + 'static,
{
    type Response = MaybeTls<T::Response>;
    type Error = ConnectError;
    type Future = Connecting<T::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        let unready = |error: T::Error| ConnectError::Unready {
            source: error.into(),
        };
        self.inner.poll_ready(context).map_err(unready)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let name = if uri.scheme() == Some(&Scheme::HTTP) {
            Ok(None)
        } else if uri.scheme() == Some(&Scheme::HTTPS) {
            self.server_name(&uri).map(Some)
        } else {
            Err(ConnectError::Scheme { uri: uri.clone() })
        };
        let name = match name {
            Ok(name) => name,
            Err(error) => return Box::pin(core::future::ready(Err(error))),
        };
        let connecting = self.inner.call(uri.clone());
        let tls = TlsConnector::from(Arc::clone(&self.config));
        Box::pin(async move {
            let below = connecting.await.map_err(|error| ConnectError::Below {
                uri: uri.clone(),
                source: error.into(),
            })?;
            let Some(name) = name else {
                return Ok(MaybeTls::Plain(below));
            };
            match tls.connect(name, TokioIo::new(below)).await {
                Ok(stream) => Ok(MaybeTls::Tls(Box::new(TokioIo::new(stream)))),
                Err(source) => Err(ConnectError::Handshake { uri, source }),
            }
        })
    }
}

/// A connection, over TLS or not.
pub enum MaybeTls<T> {
    /// As the inner connector made it.
    Plain(T),
    /// With TLS over it.
    Tls(Box<TokioIo<TlsStream<TokioIo<T>>>>),
}

impl<T: Connection + Read + Write + Unpin> Connection for MaybeTls<T> {
    fn connected(&self) -> Connected {
        match self {
            Self::Plain(below) => below.connected(),
            Self::Tls(stream) => {
                let (below, tls) = stream.inner().get_ref();
                let connected = below.inner().connected();
                if tls.alpn_protocol() == Some(b"h2") {
                    connected.negotiated_h2()
                } else {
                    connected
                }
            }
        }
    }
}

impl<T: Read + Write + Unpin> Read for MaybeTls<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(below) => Pin::new(below).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl<T: Read + Write + Unpin> Write for MaybeTls<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(below) => Pin::new(below).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(below) => Pin::new(below).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(below) => Pin::new(below).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
