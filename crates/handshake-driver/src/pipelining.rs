//! Where does one message end and the next begin? Pipelining in HTTP/1.1 (RFC 9112 section 9.3.2), for a peer of hyper that
//! sends the next request before the last is answered.
//!
//! hyper reads what comes, whosever it is, and speaks of one message at a time. [`OneByOne`] stands below it and lets one
//! message in when its turn has come; the others it keeps, and tells how many they are.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::wire::Transport;

/// What a message is, as far as its length depends on it (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Request,
    Response { to_head: bool },
}

/// How long a message is, told by its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    /// More of its head must come first.
    Untold,
    Bytes(usize),
    /// As long as the connection lasts, or as hyper may find out.
    Unbounded,
}

/// Fields in a head beyond which it is hyper's to refuse.
const FIELDS: usize = 100;
/// Bytes of a head beyond which it is hyper's to refuse.
const HEAD: usize = 64 << 10;
/// Bytes of messages whose turn has not come beyond which no more are read.
const KEPT: usize = 64 << 10;

impl Message {
    /// The answer to a request that begins like this.
    pub(crate) fn answer_to(request: &[u8]) -> Self {
        let to_head = request.starts_with(b"HEAD ");
        Self::Response { to_head }
    }

    /// How many of these bytes are the message that they begin, if it is whole.
    pub(crate) fn whole(self, bytes: &[u8]) -> Option<usize> {
        match self.length(bytes) {
            Length::Bytes(length) => Some(length).filter(|length| *length <= bytes.len()),
            Length::Untold | Length::Unbounded => None,
        }
    }

    /// The length of the message that these bytes begin.
    fn length(self, bytes: &[u8]) -> Length {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let (parsed, status) = match self {
            Self::Request => {
                let mut head = httparse::Request::new(&mut fields);
                (head.parse(bytes), None)
            }
            Self::Response { .. } => {
                let mut head = httparse::Response::new(&mut fields);
                (head.parse(bytes), head.code)
            }
        };
        let head = match parsed {
            Ok(httparse::Status::Complete(head)) => head,
            Ok(httparse::Status::Partial) if bytes.len() < HEAD => return Length::Untold,
            _ => return Length::Unbounded,
        };
        match (self, status) {
            (_, Some(101)) => return Length::Unbounded,
            // An interim response goes with the one that it announces.
            (_, Some(100..=199)) => {
                return match self.length(&bytes[head..]) {
                    Length::Bytes(rest) => Length::Bytes(head + rest),
                    other => other,
                };
            }
            (Self::Response { to_head: true }, _) | (_, Some(204 | 304)) => {
                return Length::Bytes(head);
            }
            _ => {}
        }
        let named = |name: &str| {
            let mut fields = fields.iter().filter(|it| !it.name.is_empty());
            fields.find(|it| it.name.eq_ignore_ascii_case(name))
        };
        if named("transfer-encoding").is_some() {
            return Length::Unbounded;
        }
        match named("content-length").map(|it| str::from_utf8(it.value).map(str::parse::<usize>)) {
            Some(Ok(Ok(body))) => Length::Bytes(head.saturating_add(body)),
            Some(_) => Length::Unbounded,
            None if self == Self::Request => Length::Bytes(head),
            None => Length::Unbounded,
        }
    }
}

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
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Requests that began to arrive and that nobody has read.
    pub(crate) fn waiting(&self) -> u64 {
        self.begun.get() - self.read.get()
    }

    /// How many requests before the one that is being read were not answered when it began to arrive.
    pub(crate) fn behind(&self) -> u64 {
        self.behind.get()
    }

    fn is_due(&self) -> bool {
        self.read.get() < self.due.get()
    }

    /// Whether some answer must come and is not to be read yet.
    fn is_early(&self) -> bool {
        self.due.get() < self.asked.get() && !self.is_due()
    }

    /// A message begins to arrive. Whose turn it is has answers before it, each of which gave the next turn.
    fn begins(&self) -> (Message, u64) {
        let message = self.expected.borrow_mut().pop_front();
        let unanswered = (self.begun.get() + 1).saturating_sub(self.due.get());
        self.begun.set(self.begun.get() + 1);
        (message.unwrap_or(Message::Request), unanswered)
    }

    fn reads(&self, behind: u64) {
        self.read.set(self.read.get() + 1);
        self.behind.set(behind);
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
        self.kept.iter().map(|it| it.bytes.len()).sum::<usize>() > KEPT
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
            self.turns.reads(first.behind);
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
            if !self.reading && (self.turns.is_early() || self.is_full()) {
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

impl<S: Transport> AsyncWrite for OneByOne<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
