//! How does a connection come about?

use core::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::{Connect, EndReason, Send};

/// Opens connections: the place for TLS, proxies, and names that are looked up elsewhere.
///
/// [`Connect`] says all that a handshake needs to know. A connector that speaks TLS keeps one configuration for each
/// [`session_key`](Connect::session_key) (`bareflight_pool_key::tls::ClientConfigs` does), presents
/// [`identity`](Connect::identity) or nothing, as [`answer`](Connect::answer) says, and offers `http/1.1` alone by ALPN,
/// which is what this front speaks.
pub trait Connector: core::marker::Send + Sync + 'static {
    /// An open connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + core::marker::Send + 'static;

    /// Opens a connection.
    ///
    /// # Errors
    /// [`Refused`], with the reason that the fetch ends with.
    fn connect(
        &self,
        to: Connect,
    ) -> impl Future<Output = Result<Opened<Self::Stream>, Refused>> + core::marker::Send;

    /// Adds to a request what the network layer knows: a cookie where [`carried`](Send::carried) says that it travels,
    /// and an `Authorization` likewise. Adds nothing by default: this front has neither a cookie jar nor authentication
    /// entries.
    fn prepare(&self, send: &Send, request: &mut http::Request<Full<Bytes>>) {
        let _ = (send, request);
    }
}

/// An open connection, and what its handshake showed.
#[derive(Debug)]
pub struct Opened<S> {
    /// What HTTP/1.1 is spoken on.
    pub stream: S,
    /// Whether the server asked for a client certificate.
    pub asked: bool,
    /// The names that the server's certificate covers; none without TLS.
    pub names: Arc<[String]>,
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The reason.
    pub reason: EndReason,
    /// Whether the server had asked for a client certificate.
    pub asked: bool,
}

/// TCP without TLS: `http` alone, and no proxies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp;

impl Connector for Tcp {
    type Stream = TcpStream;

    async fn connect(&self, to: Connect) -> Result<Opened<TcpStream>, Refused> {
        let refused = |reason| Refused {
            reason,
            asked: false,
        };
        if to.hop.is_some() {
            return Err(refused(EndReason::Proxy));
        }
        let authority = to.origin.as_str().strip_prefix("http://");
        let authority = authority.ok_or(refused(EndReason::Handshake))?;
        let stream = match authority.rsplit_once(':') {
            Some((_, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                TcpStream::connect(authority).await
            }
            _ => TcpStream::connect((authority.trim_matches(['[', ']']), 80)).await,
        };
        let stream = stream.map_err(|_| refused(EndReason::Closed))?;
        // hyper writes a head and its body at once, so that there is nothing to gather.
        stream
            .set_nodelay(true)
            .map_err(|_| refused(EndReason::Closed))?;
        Ok(Opened {
            stream,
            asked: false,
            names: Arc::default(),
        })
    }
}
