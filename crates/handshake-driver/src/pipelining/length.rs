//! Where does a message of HTTP/1.1 end? Told by its beginning (RFC 9112 section 6.3).

/// What a message is, as far as its length depends on it (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Request,
    Response { to_head: bool },
}

/// How long a message is, told by its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// More of it must come first.
    Untold,
    Bytes(usize),
    /// As long as the connection lasts, or as hyper may find out: where it ends is not known here.
    Unbounded,
}

/// Fields in a head of which more are not read here.
const FIELDS: usize = 100;
/// Bytes of a head of which more are not read here.
pub(super) const HEAD: usize = 64 << 10;

impl Message {
    /// The answer to a request that begins like this.
    pub(crate) fn answer_to(request: &[u8]) -> Self {
        let to_head = request.starts_with(b"HEAD ");
        Self::Response { to_head }
    }

    /// The length of the message that these bytes begin. An interim response goes with the one that it announces.
    pub(crate) fn length(self, bytes: &[u8]) -> Length {
        let mut interim = 0;
        loop {
            match self.of_one(&bytes[interim..]) {
                (Length::Bytes(head), true) => interim += head,
                (Length::Bytes(length), false) => {
                    return Length::Bytes(interim.saturating_add(length));
                }
                (Length::Untold, _) if bytes.len() < HEAD => return Length::Untold,
                _ => return Length::Unbounded,
            }
        }
    }

    /// The length of the next message, and whether it is an interim response.
    fn of_one(self, bytes: &[u8]) -> (Length, bool) {
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
            Ok(httparse::Status::Partial) => return (Length::Untold, false),
            Err(_) => return (Length::Unbounded, false),
        };
        match (self, status) {
            (_, Some(101)) => return (Length::Unbounded, false),
            (_, Some(100..=199)) => return (Length::Bytes(head), true),
            (Self::Response { to_head: true }, _) | (_, Some(204 | 304)) => {
                return (Length::Bytes(head), false);
            }
            _ => {}
        }
        let named = |name: &str| fields.iter().find(|it| it.name.eq_ignore_ascii_case(name));
        let length = match (named("transfer-encoding"), named("content-length")) {
            // Who waits to be told to go on would wait for ever, since nothing is handed on before the end is known.
            (Some(_), _) if named("expect").is_some() => Length::Unbounded,
            (Some(coding), _) if coding.value.eq_ignore_ascii_case(b"chunked") => {
                chunks(bytes, head)
            }
            (None, Some(length)) => match str::from_utf8(length.value).map(str::parse) {
                Ok(Ok(body)) => Length::Bytes(head.saturating_add(body)),
                _ => Length::Unbounded,
            },
            (None, None) if self == Self::Request => Length::Bytes(head),
            _ => Length::Unbounded,
        };
        (length, false)
    }
}

/// The length of a message in chunks, which begin behind its head (RFC 9112 section 7.1).
fn chunks(message: &[u8], head: usize) -> Length {
    let mut at = head;
    loop {
        let rest = message.get(at..).unwrap_or_default();
        match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete((line, 0))) => {
                let trailer = &rest[line - 2..];
                let end = trailer.windows(4).position(|it| it == b"\r\n\r\n");
                return end.map_or(Length::Untold, |end| Length::Bytes(at + line - 2 + end + 4));
            }
            Ok(httparse::Status::Complete((line, size))) => {
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                at = at
                    .saturating_add(line)
                    .saturating_add(size)
                    .saturating_add(2);
            }
            Ok(httparse::Status::Partial) => return Length::Untold,
            Err(_) => return Length::Unbounded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &[u8] = b"GET /a HTTP/1.1\r\nhost: a.test\r\n\r\n";
    const PUT: &[u8] = b"PUT /b HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody";

    #[test]
    fn lengths() {
        let answer = |to_head| Message::Response { to_head };
        for (message, bytes, length) in [
            (Message::Request, GET, Length::Bytes(GET.len())),
            (Message::Request, PUT, Length::Bytes(PUT.len())),
            (Message::Request, &GET[..GET.len() - 1], Length::Untold),
            (
                Message::Request,
                b"PUT / HTTP/1.1\r\ntransfer-encoding: Chunked\r\n\r\n4;x\r\nbody\r\n0\r\n\r\n",
                Length::Bytes(62),
            ),
            (
                Message::Request,
                b"PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\na: b\r\n\r\n",
                Length::Bytes(57),
            ),
            (
                Message::Request,
                b"PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbo",
                Length::Untold,
            ),
            (
                Message::Request,
                b"PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
                Length::Unbounded,
            ),
            (
                Message::Request,
                b"PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n",
                Length::Unbounded,
            ),
            (
                Message::Request,
                b"PUT / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                Length::Unbounded,
            ),
            (
                Message::Request,
                b"PUT / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
                Length::Unbounded,
            ),
            (Message::Request, b"\0\0\0", Length::Unbounded),
            (
                answer(false),
                b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
                Length::Bytes(40),
            ),
            (
                answer(true),
                b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n",
                Length::Bytes(38),
            ),
            (
                answer(false),
                b"HTTP/1.1 204 No Content\r\n\r\n",
                Length::Bytes(27),
            ),
            (
                answer(false),
                b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
                Length::Bytes(48),
            ),
            // Until the connection ends.
            (answer(false), b"HTTP/1.1 200 OK\r\n\r\n", Length::Unbounded),
            (
                answer(false),
                b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
                Length::Unbounded,
            ),
            (
                answer(false),
                b"HTTP/1.1 100 Continue\r\n\r\n",
                Length::Untold,
            ),
            (
                answer(false),
                b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
                Length::Bytes(52),
            ),
        ] {
            let text = String::from_utf8_lossy(bytes);
            assert_eq!(message.length(bytes), length, "{message:?} {text}");
        }
        let endless = vec![b'a'; HEAD];
        assert_eq!(Message::Request.length(&endless), Length::Unbounded);
        let interim = b"HTTP/1.1 102 Processing\r\n\r\n".repeat(HEAD / 27 + 1);
        assert_eq!(answer(false).length(&interim[..1_000]), Length::Untold);
        assert_eq!(answer(false).length(&interim), Length::Unbounded);
        assert_eq!(Message::answer_to(b"HEAD / HTTP/1.1\r\n"), answer(true));
        assert_eq!(Message::answer_to(b"HEADER / HTTP/1.1\r\n"), answer(false));
    }
}
