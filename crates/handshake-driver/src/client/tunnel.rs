//! How does a client get through a proxy? CONNECT on a connection of its own, and then whatever is inside (RFC 9110 section
//! 9.3.6).

use std::pin::pin;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header::HOST;
use http::{Request, Response};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

use super::connection::{Errand, refuse};
use super::exchange::whole;
use super::report::Report;
use crate::error::{EndReason, StreamError};
use crate::ids::StreamId;
use crate::relay::relay;
use crate::wire::{End, Transport, Witness};

/// What a connection to a proxy is for.
pub(crate) struct Tunnel {
    /// Where the proxy is to connect to.
    pub(crate) authority: String,
    /// What comes from the connection inside, and goes to it.
    pub(crate) mouth: DuplexStream,
    /// Tells the connection inside that it may begin.
    pub(crate) dug: oneshot::Sender<()>,
    /// Why the connection inside ended, if it is the proxy's doing.
    pub(crate) inside: End,
}

/// Digs the tunnel, and carries what is inside until either end is done.
pub(super) async fn carry<T: Transport>(
    io: TokioIo<Witness<T>>,
    tunnel: Tunnel,
    queue: UnboundedReceiver<Errand>,
    report: &Report,
) {
    let ended = match select(
        pin!(dig(io, tunnel, report)),
        pin!(report.closing.notified()),
    )
    .await
    {
        Either::Left((ended, _)) => ended,
        Either::Right(_) => {
            report.end.set(EndReason::Local);
            Ok(())
        }
    };
    report.closed(ended.err().map(|error| error.to_string()));
    refuse(queue, report);
}

async fn dig<T: Transport>(
    io: TokioIo<Witness<T>>,
    tunnel: Tunnel,
    report: &Report,
) -> hyper::Result<()> {
    let (mut sender, http) = http1::handshake(io).await?;
    let mut http = pin!(http.without_shutdown());
    let answer = {
        let asked = pin!(ask(&mut sender, &tunnel.authority, report));
        match select(asked, http.as_mut()).await {
            Either::Left((answer, _)) => answer,
            // The answer, or why there is none, is known by the time that the connection is over.
            Either::Right((ended, asked)) => {
                let answer = asked.await;
                if is_open(&answer) {
                    report.answered(StreamId(0), answer);
                    // Whoever is inside may have gone.
                    let _ = tunnel.dug.send(());
                    return pass(ended?, tunnel.mouth, &report.end).await;
                }
                answer
            }
        }
    };
    let refused = match &answer {
        Ok(response) if !response.status().is_success() => Some(response.status()),
        _ => None,
    };
    let open = is_open(&answer);
    report.answered(StreamId(0), answer);
    if let Some(status) = refused {
        tunnel.inside.set(EndReason::Proxy(status));
    }
    if !open {
        return Ok(());
    }
    let _ = tunnel.dug.send(());
    pass(http.await?, tunnel.mouth, &report.end).await
}

fn is_open(answer: &Result<Response<Bytes>, StreamError>) -> bool {
    answer
        .as_ref()
        .is_ok_and(|response| response.status().is_success())
}

async fn ask(
    sender: &mut http1::SendRequest<Full<Bytes>>,
    authority: &str,
    report: &Report,
) -> Result<Response<Bytes>, StreamError> {
    let request = Request::connect(authority)
        .header(HOST, authority)
        .body(Full::default())
        .map_err(|error| StreamError::Unprocessed(EndReason::Http(error.to_string())))?;
    match sender.send_request(request).await {
        Ok(response) => whole(response, report).await,
        Err(error) => Err(super::exchange::why(&error, report)),
    }
}

async fn pass<T: Transport>(
    parts: http1::Parts<TokioIo<Witness<T>>>,
    mut mouth: DuplexStream,
    end: &End,
) -> hyper::Result<()> {
    end.uncounted();
    let io = parts.io.into_inner();
    // Either end may go away at any time; how this one ended, its witness has seen.
    if mouth.write_all(&parts.read_buf).await.is_ok() {
        relay(io, mouth).await;
    }
    Ok(())
}
