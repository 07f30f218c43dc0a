//! What came before the handshake was over? Early data (RFC 9846 section 2.3), which HTTP reads before all else.
//!
//! It is served only after the handshake, when the client has proved that it is there now and not a replay; what it says is
//! marked all the same, since a client must not have said just anything in it (RFC 8470).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::plan::Protocol;
use crate::wire::writes_through;

/// How many requests are in it with their whole heads.
pub(super) fn requests(early: &[u8], alpn: Option<Protocol>) -> u64 {
    match alpn {
        Some(Protocol::H2) => in_http2(early),
        // Of HTTP/1.1 there is one: a client waits for the answer before it sends another.
        _ => u64::from(early.windows(4).any(|bytes| bytes == b"\r\n\r\n")),
    }
}

/// Field sections that end in it: HEADERS or CONTINUATION with END_HEADERS (RFC 9113 section 4.3).
fn in_http2(early: &[u8]) -> u64 {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const END_HEADERS: u8 = 4;
    let mut rest = early.strip_prefix(PREFACE).unwrap_or_default();
    let mut requests = 0;
    while let [l2, l1, l0, kind, flags, _, _, _, _, after @ ..] = rest {
        let length = u32::from_be_bytes([0, *l2, *l1, *l0]) as usize;
        let Some(next) = after.get(length..) else {
            break;
        };
        requests += u64::from(matches!(kind, 1 | 9) && flags & END_HEADERS != 0);
        rest = next;
    }
    requests
}

/// A stream that begins with what came early.
pub(super) struct Early<T> {
    early: Vec<u8>,
    read: usize,
    inner: T,
}

impl<T> Early<T> {
    pub(super) fn new(early: Vec<u8>, inner: T) -> Self {
        Self {
            early,
            read: 0,
            inner,
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Early<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read == self.early.len() {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        let end = self.early.len().min(self.read + buf.remaining());
        buf.put_slice(&self.early[self.read..end]);
        self.read = end;
        Poll::Ready(Ok(()))
    }
}

writes_through!(Early);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_heads_are_counted() {
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        let frame = |kind: u8, flags: u8, length: u8| {
            let head = [0, 0, length, kind, flags, 0, 0, 0, 1];
            [&head[..], &vec![0; usize::from(length)]].concat()
        };
        let settings = frame(4, 0, 6);
        let with = |frames: &[Vec<u8>]| [&preface[..], &settings, &frames.concat()].concat();
        for (early, alpn, requests) in [
            (
                b"GET / HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(),
                Some(Protocol::Http11),
                1,
            ),
            (b"GET / HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(), None, 1),
            (b"GET / HTTP/1.1\r\nhost: a\r\n".to_vec(), None, 0),
            (Vec::new(), None, 0),
            (Vec::new(), Some(Protocol::H2), 0),
            (with(&[]), Some(Protocol::H2), 0),
            (
                with(&[frame(1, 4, 30), frame(1, 5, 0)]),
                Some(Protocol::H2),
                2,
            ),
            (
                with(&[frame(1, 0, 30), frame(9, 4, 3)]),
                Some(Protocol::H2),
                1,
            ),
            (
                with(&[frame(1, 4, 30)[..20].to_vec()]),
                Some(Protocol::H2),
                0,
            ),
            (settings.clone(), Some(Protocol::H2), 0),
        ] {
            assert_eq!(super::requests(&early, alpn), requests, "{early:?}");
        }
    }
}
