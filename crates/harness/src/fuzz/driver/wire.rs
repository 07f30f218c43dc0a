//! Bytes changed on their way, in both directions: whatever arrives, both ends come to an end, and what gets through is what
//! was sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::http::Request;
use arbitrary::{Arbitrary, Unstructured};
use bareflight_handshake_driver::{
    Answer, ClientAuth, ClientConfiguration, ClientEvent, ConfigKey, Identity, IdentityPlan,
    Observation, Protocol, ServerPlan, Versions,
};
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};

use super::{HOST, driver, echo, told};

#[derive(Arbitrary, Debug)]
struct Input {
    h2: bool,
    old: bool,
    to_client: Vec<Edit>,
    to_server: Vec<Edit>,
}

/// A change at a place in the stream of bytes.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Edit {
    at: u16,
    change: Change,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Change {
    /// The byte becomes another.
    Xor(u8),
    /// A byte is lost.
    Drop,
    /// A byte too many.
    Insert(u8),
    /// Nothing comes after it.
    End,
}

const EDITS: usize = 8;

/// The target `wire`.
///
/// # Panics
///
/// Where an end never comes to rest, or what was not sent gets through.
pub fn wire(data: &[u8]) {
    let Ok(mut input) = Input::arbitrary(&mut Unstructured::new(data)) else {
        return;
    };
    for edits in [&mut input.to_client, &mut input.to_server] {
        edits.truncate(EDITS);
        edits.sort_by_key(|edit| edit.at);
    }
    let protocol = match input.h2 {
        true => Protocol::H2,
        false => Protocol::Http11,
    };
    let mut driver = driver();
    let plan = ServerPlan {
        client_auth: ClientAuth::Request,
        versions: match input.old {
            true => Versions::Tls12,
            false => Versions::Tls13,
        },
        ..ServerPlan::new(&[HOST])
    };
    let server = driver.add_server(plan, echo).expect("a plain server");
    let alice = driver.pki().identity(&IdentityPlan::new("alice"));
    let client = ClientConfiguration {
        answer: Answer::Present(alice.expect("an identity can be made")),
        alpn: vec![protocol],
        ..ClientConfiguration::new(ConfigKey(0))
    };
    let (near, far) = duplex(1 << 16);
    let ends = (
        Edited::new(near, &input.to_client),
        Edited::new(far, &input.to_server),
    );
    let connection = driver
        .begin_over(ends, server, HOST, &client, None)
        .expect("it begins");
    let request = request();
    let sent = driver.send(connection, request.clone()).ok();
    driver.run().expect("it comes to rest");
    driver.close(connection).expect("it comes to rest");
    let outcomes = driver.events().into_iter().filter_map(|event| match event {
        ClientEvent::Response {
            stream, response, ..
        } => Some((stream, Some(response.into_body()))),
        ClientEvent::Failed { stream, .. } => Some((stream, None)),
        _ => None,
    });
    let outcomes: Vec<_> = outcomes.collect();
    assert_eq!(outcomes.len(), usize::from(sent.is_some()), "{outcomes:?}");
    for (stream, answer) in outcomes {
        assert_eq!(Some(stream), sent);
        assert!(answer.is_none_or(|answer| answer == told(&request)));
    }
    for seen in driver.observations() {
        match seen {
            Observation::Handshake(seen) => {
                let who = seen.identity;
                assert!(
                    matches!(&who, Some(Identity::Known(name)) if &*name.subject == "alice"),
                    "{who:?}"
                );
            }
            Observation::Request(head) => {
                assert_eq!((head.method.as_str(), &*head.target), ("POST", "/items"));
            }
            _ => {}
        }
    }
}

fn request() -> Request<Bytes> {
    Request::post(format!("https://{HOST}/items"))
        .body(Bytes::from_static(b"a body"))
        .expect("the parts of a request are its own")
}

/// An end of a pipe whose bytes arrive changed.
struct Edited {
    inner: DuplexStream,
    /// The changes that are still to come, the next one last.
    edits: Vec<Edit>,
    /// Bytes read so far.
    read: usize,
    /// Bytes that are to be read next, before any from the pipe.
    ready: Vec<u8>,
    ended: bool,
}

impl Edited {
    fn new(inner: DuplexStream, edits: &[Edit]) -> Self {
        Self {
            inner,
            edits: edits.iter().rev().copied().collect(),
            read: 0,
            ready: Vec::new(),
            ended: false,
        }
    }

    fn edit(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.ended {
                return;
            }
            let mut kept = Some(byte);
            while let Some(edit) = self.edits.pop_if(|edit| usize::from(edit.at) <= self.read) {
                match edit.change {
                    Change::Xor(with) => kept = kept.map(|byte| byte ^ with),
                    Change::Drop => kept = None,
                    Change::Insert(byte) => self.ready.push(byte),
                    Change::End => (self.ended, kept) = (true, None),
                }
            }
            self.ready.extend(kept);
            self.read += 1;
        }
    }
}

impl AsyncRead for Edited {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.ready.is_empty() && !self.ended {
            let mut bytes = [0; 1024];
            let mut scratch = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.inner).poll_read(cx, &mut scratch))?;
            if scratch.filled().is_empty() {
                self.ended = true;
            }
            self.edit(scratch.filled());
        }
        let some = self.ready.len().min(buf.remaining());
        buf.put_slice(&self.ready[..some]);
        self.ready.drain(..some);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Edited {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
