//! How did the ClientHello come? Looked at on its way to TLS, which gathers it from its records and does not tell.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::wire::writes_through;

/// Lets everything through, and reads along the first nine bytes: a record's header (RFC 9846 section 5.1) and a handshake
/// message's (section 4).
pub(super) struct Peek<S> {
    inner: S,
    head: Vec<u8>,
    fragmented: Rc<Cell<bool>>,
}

const HEAD: usize = 9;

impl<S> Peek<S> {
    /// The stream, and where it will say whether its first message came in more than one record.
    pub(super) fn new(inner: S) -> (Self, Rc<Cell<bool>>) {
        let fragmented = Rc::<Cell<bool>>::default();
        let peek = Self {
            inner,
            head: Vec::with_capacity(HEAD),
            fragmented: Rc::clone(&fragmented),
        };
        (peek, fragmented)
    }

    fn look(&mut self, arrived: &[u8]) {
        let missing = HEAD - self.head.len();
        self.head
            .extend_from_slice(&arrived[..missing.min(arrived.len())]);
        self.fragmented.set(is_fragmented(&self.head));
    }
}

/// Whether the handshake message that begins in this record is longer than what the record holds.
fn is_fragmented(head: &[u8]) -> bool {
    const MESSAGE_HEADER: u32 = 4;
    match *head {
        [22, _, _, r1, r0, _, m2, m1, m0] => {
            let message = u32::from_be_bytes([0, m2, m1, m0]) + MESSAGE_HEADER;
            message > u32::from_be_bytes([0, 0, r1, r0])
        }
        // A record that does not even hold the message's header.
        [22, _, _, 0, 0..4, ..] => true,
        _ => false,
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Peek<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut self.inner).poll_read(cx, buf));
        if self.head.len() < HEAD {
            self.look(&buf.filled()[before..]);
        }
        Poll::Ready(read)
    }
}

writes_through!(Peek);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_longer_than_its_record_is_fragmented() {
        for (head, fragmented) in [
            (&[22, 3, 1, 1, 4, 1, 0, 1, 0][..], false),
            (&[22, 3, 1, 1, 3, 1, 0, 1, 0], true),
            (&[22, 3, 1, 0, 64, 1, 0, 1, 0], true),
            (&[22, 3, 1, 0, 3, 1, 0, 1], true),
            (&[22, 3, 1, 0, 0], true),
            (&[23, 3, 1, 0, 64, 1, 0, 1, 0], false),
            (&[22, 3, 1, 0, 64, 1], false),
            (&[], false),
        ] {
            assert_eq!(is_fragmented(head), fragmented, "{head:?}");
        }
    }
}
