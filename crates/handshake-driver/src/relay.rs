//! How do bytes get through a tunnel? Both ways, and one way even when the other is blocked: what a server says last, an
//! alert for instance, arrives although it no longer listens.

use futures_util::future::join;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, copy, split};

/// Carries bytes between two ends until neither has more to say. Either may go away at any time.
pub(crate) async fn relay<A, B>(a: A, b: B)
where
    A: AsyncRead + AsyncWrite,
    B: AsyncRead + AsyncWrite,
{
    let ((from_a, to_a), (from_b, to_b)) = (split(a), split(b));
    join(one_way(from_a, to_b), one_way(from_b, to_a)).await;
}

async fn one_way<R: AsyncRead, W: AsyncWrite>(mut from: ReadHalf<R>, mut to: WriteHalf<W>) {
    // Who no longer listens is told no more, which is all that an error says here.
    let _ = copy(&mut from, &mut to).await;
    let _ = to.shutdown().await;
}
