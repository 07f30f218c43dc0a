//! What does a proxy do with CONNECT? It answers as its responder says, and on success carries bytes to where it was dialled
//! (RFC 9110 section 9.3.6).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;

use futures_util::future::{Either, select};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

use super::connection::Ending;
use super::desk::Desk;
use crate::error::EndReason;
use crate::ids::ConnectionId;
use crate::relay::relay;
use crate::wire::{End, Transport, Witness};

/// Where the proxies' tunnels lead: for each connection to a proxy the way to its origin, until the tunnel is dug.
pub(crate) type Dials = Rc<RefCell<BTreeMap<ConnectionId, Dial>>>;

/// The way from a proxy to an origin.
pub(crate) struct Dial {
    /// The proxy's end of it.
    pub(crate) exit: DuplexStream,
    /// Tells the origin that somebody comes.
    pub(crate) comes: oneshot::Sender<()>,
}

impl Dial {
    fn take(self) -> DuplexStream {
        // An origin that is gone is found out when it is spoken to.
        let _ = self.comes.send(());
        self.exit
    }
}

/// Serves a connection to a proxy.
pub(super) async fn serve<T: Transport>(
    io: TokioIo<Witness<T>>,
    desk: &Rc<Desk>,
    mut ended: UnboundedReceiver<Ending>,
    end: &End,
) -> hyper::Result<()> {
    let answering = Rc::clone(desk);
    let service = service_fn(move |request| Box::pin(Rc::clone(&answering).answer(request)));
    let mut http = http1::Builder::new()
        .auto_date_header(false)
        .serve_connection(io, service);
    let spoken = until_ended(
        poll_fn(|cx| http.poll_without_shutdown(cx)),
        &mut ended,
        end,
    )
    .await;
    match spoken {
        Some(Ok(())) => {}
        Some(Err(error)) => return Err(error),
        None => return Ok(()),
    }
    let parts = http.into_parts();
    end.uncounted();
    let mut io = parts.io.into_inner();
    let carried = async {
        // Either end may go away at any time; how this one ended, its witness has seen.
        match desk.dialled() {
            None => drop(io.shutdown().await),
            Some(dial) => {
                let mut exit = dial.take();
                if exit.write_all(&parts.read_buf).await.is_ok() {
                    relay(io, exit).await;
                }
            }
        }
    };
    until_ended(carried, &mut ended, end).await;
    Ok(())
}

/// What comes of it, unless the connection is ended first, which drops it: a tunnel has no other end.
async fn until_ended<F: Future>(
    work: F,
    ended: &mut UnboundedReceiver<Ending>,
    end: &End,
) -> Option<F::Output> {
    match select(pin!(work), pin!(ended.recv())).await {
        Either::Left((output, _)) => Some(output),
        Either::Right((Some(_), _)) => {
            end.set(EndReason::Local);
            None
        }
        // Nobody is left who could end it.
        Either::Right((None, work)) => Some(work.await),
    }
}
