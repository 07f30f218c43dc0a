//! Whose turn is it? Pipelining in HTTP/1.1 (RFC 9112 section 9.3.2), for a peer of hyper that sends the next request before the
//! last is answered.
//!
//! hyper reads what comes, whosever it is, and speaks of one message at a time. [`OneByOne`] stands below it and lets one
//! message in when its turn has come; the others it keeps, and tells how many they are.

mod length;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(crate) use self::length::{Length, Message};
use crate::wire::{Transport, writes_through};

/// Bytes of messages whose turn has not come of which more are not read, unless somebody listens for what lies behind them.
const KEPT: usize = 16 << 10;

/// Whose turn it is: shared by the stream and whoever answers, or asks, on it.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Whether messages take turns at all.
    in_use: Cell<bool>,
    /// The responses that must come, in order, of which nothing came yet.
    expected: RefCell<VecDeque<Message>>,
    /// How many responses must come, or came, in all.
    asked: Cell<u64>,
    /// How many messages may be read, or were, in all.
    due: Cell<u64>,
    /// How many began to arrive.
    begun: Cell<u64>,
    /// How many began to be read.
    read: Cell<u64>,
    /// How many before it had no answer when the message that is being read began to arrive.
    behind: Cell<u64>,
    /// Whether the message that is being read has no end that is known here.
    endless: Cell<bool>,
    /// Whether somebody waits for what TLS reads, behind all messages.
    listening: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Turns {
    /// A server's: it is the turn of the first request.
    pub(crate) fn of_server() -> Rc<Self> {
        let turns = Rc::<Self>::default();
        turns.begin();
        turns.give();
        turns
    }

    /// Messages take turns from now on.
    pub(crate) fn begin(&self) {
        self.in_use.set(true);
    }

    pub(crate) fn in_use(&self) -> bool {
        self.in_use.get()
    }

    /// A request is on the wire, and will be answered by such a message.
    pub(crate) fn expect(&self, answer: Message) {
        self.expected.borrow_mut().push_back(answer);
        self.asked.set(self.asked.get() + 1);
    }

    /// The next message may be read.
    pub(crate) fn give(&self) {
        self.due.set(self.due.get() + 1);
        self.wake();
    }

    /// Requests that began to arrive and that nobody has read: any number, where it cannot be told.
    pub(crate) fn waiting(&self) -> u64 {
        match self.endless.get() {
            true => u64::MAX,
            false => self.begun.get() - self.read.get(),
        }
    }

    /// How many requests before the one that now is read were not answered when it began to arrive. To be asked once.
    pub(crate) fn behind(&self) -> u64 {
        self.behind.take()
    }

    /// Whether somebody waits for what TLS reads, so that messages must not be in the way.
    pub(crate) fn listen(&self, listening: bool) {
        self.listening.set(listening);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn is_due(&self) -> bool {
        self.read.get() < self.due.get()
    }

    /// Whether an answer is to come to a request that hyper has not written yet.
    fn is_early(&self) -> bool {
        self.due.get() < self.asked.get()
    }

    /// A message begins to arrive. Whose turn it is has answers before it, each of which gave the next turn.
    fn begins(&self) -> (Message, u64) {
        let message = self.expected.borrow_mut().pop_front();
        let unanswered = (self.begun.get() + 1).saturating_sub(self.due.get());
        self.begun.set(self.begun.get() + 1);
        (message.unwrap_or(Message::Request), unanswered)
    }

    fn reads(&self, message: &Kept) {
        self.read.set(self.read.get() + 1);
        self.behind.set(message.behind);
        self.endless.set(message.is_endless());
    }
}

/// A message, as far as it came and was not read.
#[derive(Debug)]
struct Kept {
    message: Message,
    bytes: BytesMut,
    /// Bytes that are still to come; none while its head does not tell.
    missing: Option<usize>,
    /// How many before it had no answer when it began.
    behind: u64,
}

impl Kept {
    /// Takes what belongs to the message, and returns the rest.
    fn fill<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let Some(missing) = self.missing else {
            self.bytes.extend_from_slice(bytes);
            let length = match self.message.length(&self.bytes) {
                Length::Untold => return &[],
                Length::Unbounded => usize::MAX,
                Length::Bytes(length) => length,
            };
            let surplus = self.bytes.len().saturating_sub(length);
            self.bytes.truncate(self.bytes.len() - surplus);
            self.missing = Some(length - self.bytes.len());
            return &bytes[bytes.len() - surplus..];
        };
        let (its, rest) = bytes.split_at(missing.min(bytes.len()));
        self.bytes.extend_from_slice(its);
        self.missing = Some(missing - its.len());
        rest
    }

    fn is_whole(&self) -> bool {
        self.missing == Some(0)
    }

    fn is_endless(&self) -> bool {
        self.missing.is_some_and(|missing| missing > usize::MAX / 2)
    }
}

/// Lets one message in at a time.
pub(crate) struct OneByOne<S> {
    inner: S,
    turns: Rc<Turns>,
    kept: VecDeque<Kept>,
    /// Whether the first that is kept has begun to be read.
    reading: bool,
    ended: bool,
}

impl<S> OneByOne<S> {
    pub(crate) fn new(inner: S, turns: Rc<Turns>) -> Self {
        Self {
            inner,
            turns,
            kept: VecDeque::new(),
            reading: false,
            ended: false,
        }
    }

    fn take_in(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.kept.back().is_none_or(Kept::is_whole) {
                let (message, behind) = self.turns.begins();
                self.kept.push_back(Kept {
                    message,
                    bytes: BytesMut::new(),
                    missing: None,
                    behind,
                });
            }
            let Some(last) = self.kept.back_mut() else {
                return;
            };
            bytes = last.fill(bytes);
        }
    }

    fn is_full(&self) -> bool {
        !self.turns.listening.get()
            && self.kept.iter().map(|it| it.bytes.len()).sum::<usize>() > KEPT
    }

    /// Hands on what may be read by now; says whether there was anything.
    fn hand_on(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let due = self.reading || self.turns.is_due();
        let Some(first) = self
            .kept
            .front_mut()
            .filter(|it| due && (it.missing.is_some() || self.ended))
        else {
            return false;
        };
        if !core::mem::replace(&mut self.reading, true) {
            self.turns.reads(first);
        }
        let now = first.bytes.len().min(buf.remaining());
        buf.put_slice(&first.bytes.split_to(now));
        if first.is_whole() && first.bytes.is_empty() {
            self.kept.pop_front();
            self.reading = false;
        }
        now > 0
    }
}

impl<S: Transport> AsyncRead for OneByOne<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.turns.in_use() {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        loop {
            if self.hand_on(buf) {
                return Poll::Ready(Ok(()));
            }
            if self.ended {
                // Who is gone waits for no answer.
                return Poll::Ready(Ok(()));
            }
            self.turns.waker.replace(Some(cx.waker().clone()));
            let somebodys = self.reading || self.turns.is_due();
            if !somebodys && (self.turns.is_early() || self.is_full()) {
                return Poll::Pending;
            }
            let mut scratch = [0; 4096];
            let mut bytes = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut self.inner).poll_read(cx, &mut bytes))?;
            self.ended = bytes.filled().is_empty();
            self.take_in(bytes.filled());
        }
    }
}

writes_through!(OneByOne);

#[cfg(test)]
mod tests {
    use futures_executor::block_on;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::length::HEAD;
    use super::*;

    const GET: &[u8] = b"GET /a HTTP/1.1\r\nhost: a.test\r\n\r\n";
    const PUT: &[u8] = b"PUT /b HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody";

    fn server() -> (DuplexStream, OneByOne<DuplexStream>, Rc<Turns>) {
        let (client, server) = duplex(1 << 20);
        let turns = Turns::of_server();
        (client, OneByOne::new(server, Rc::clone(&turns)), turns)
    }

    /// What can be read by now.
    fn read(stream: &mut OneByOne<DuplexStream>) -> Option<Vec<u8>> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut all = Vec::new();
        loop {
            let mut room = [0; 7];
            let mut buf = ReadBuf::new(&mut room);
            match Pin::new(&mut *stream).poll_read(&mut cx, &mut buf) {
                Poll::Ready(Ok(())) if buf.filled().is_empty() => return None,
                Poll::Ready(Ok(())) => all.extend_from_slice(buf.filled()),
                Poll::Ready(Err(error)) => panic!("{error}"),
                Poll::Pending => return Some(all),
            }
        }
    }

    #[test]
    fn a_request_comes_when_the_one_before_it_is_answered() {
        let (mut client, mut stream, turns) = server();
        let both = [PUT, GET, GET].concat();
        let (some, rest) = both.split_at(PUT.len() + 5);
        block_on(client.write_all(some)).unwrap();
        assert_eq!(read(&mut stream).unwrap(), PUT);
        assert_eq!((turns.behind(), turns.waiting()), (0, 1));
        // The third begins to arrive when the first has its answer.
        turns.give();
        assert_eq!(read(&mut stream).unwrap(), b"", "its head is not whole");
        block_on(client.write_all(rest)).unwrap();
        assert_eq!(read(&mut stream).unwrap(), GET);
        assert_eq!((turns.behind(), turns.waiting()), (1, 1));
        turns.give();
        assert_eq!(read(&mut stream).unwrap(), GET);
        assert_eq!((turns.behind(), turns.waiting()), (1, 0));
        turns.give();
        assert_eq!(read(&mut stream).unwrap(), b"");
        block_on(client.write_all(GET)).unwrap();
        assert_eq!(read(&mut stream).unwrap(), GET);
        assert_eq!((turns.behind(), turns.waiting()), (0, 0));
    }

    #[test]
    fn who_is_gone_waits_for_no_answer() {
        for (sent, seen) in [
            ([GET, GET].concat(), GET.to_vec()),
            // What is cut short is for hyper to judge.
            (GET[..9].to_vec(), GET[..9].to_vec()),
        ] {
            let (mut client, mut stream, _) = server();
            block_on(client.write_all(&sent)).unwrap();
            drop(client);
            let mut all = Vec::new();
            block_on(stream.read_to_end(&mut all)).unwrap();
            assert_eq!(all, seen);
        }
    }

    #[test]
    fn what_waits_is_bounded() {
        let (mut client, mut stream, turns) = server();
        let flood = GET.repeat(1 << 14);
        let mut cx = Context::from_waker(Waker::noop());
        let mut written = 0;
        while let Poll::Ready(more) = Pin::new(&mut client).poll_write(&mut cx, &flood) {
            written += more.unwrap();
            read(&mut stream);
        }
        assert!(written <= (1 << 20) + KEPT + 8192, "{written}");
        assert!(turns.waiting() > 400);
        // Somebody waits for what comes behind all this.
        let before = turns.waiting();
        turns.listen(true);
        read(&mut stream);
        assert!(turns.waiting() > 2 * before);
    }

    #[test]
    fn a_head_without_end_is_handed_on_when_its_turn_has_come() {
        let (mut client, mut stream, _) = server();
        block_on(client.write_all(&vec![b'a'; HEAD - 1])).unwrap();
        assert_eq!(read(&mut stream).unwrap().len(), 0);
        block_on(client.write_all(b"a")).unwrap();
        assert_eq!(read(&mut stream).unwrap().len(), HEAD);
    }

    /// Where a message ends that says nothing of its length only hyper finds out.
    #[test]
    fn what_has_no_end_that_is_known_is_let_in_with_all_that_follows() {
        let (mut client, mut stream, turns) = server();
        let endless = b"PUT / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n";
        let all = [endless, GET].concat();
        block_on(client.write_all(&all)).unwrap();
        assert_eq!(read(&mut stream).unwrap(), all);
        assert_eq!((turns.behind(), turns.waiting()), (0, u64::MAX));
        turns.give();
        block_on(client.write_all(GET)).unwrap();
        assert_eq!(read(&mut stream).unwrap(), GET);
        assert_eq!((turns.behind(), turns.waiting()), (0, u64::MAX));
    }

    /// A client's: nothing is read before hyper has written what it answers.
    #[test]
    fn an_answer_comes_when_its_request_is_written() {
        const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        let (mut peer, stream) = duplex(1 << 10);
        let turns = Rc::<Turns>::default();
        let mut stream = OneByOne::new(stream, Rc::clone(&turns));
        block_on(peer.write_all(b"as it comes")).unwrap();
        assert_eq!(
            read(&mut stream).unwrap(),
            b"as it comes",
            "nothing is pipelined"
        );
        turns.begin();
        for _ in 0..2 {
            turns.expect(Message::Response { to_head: false });
            block_on(peer.write_all(ANSWER)).unwrap();
        }
        assert_eq!(read(&mut stream).unwrap(), b"");
        // What lies behind it, such as a late question, is not read before its request is hyper's either.
        assert_eq!(turns.begun.get(), 0);
        for _ in 0..2 {
            turns.give();
            assert_eq!(read(&mut stream).unwrap(), ANSWER);
        }
        drop(peer);
        assert_eq!(
            read(&mut stream),
            None,
            "that the peer is gone is seen at rest"
        );
    }
}
