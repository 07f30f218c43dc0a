//! What the `openssl` crate does not have, or not safely: two ways to ask a client after the handshake, to hear that one is
//! asked, and sessions that are values.
//!
//! The only `unsafe` code of the workspace. Each function here is safe to call: the pointers that C gets are made from
//! references that outlive the call, or from a box that lives as long as the connection.

#![allow(unsafe_code, reason = "OpenSSL is C")]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::os::raw::{c_int, c_long, c_uchar, c_uint, c_ulong, c_void};
use std::rc::Rc;
use std::sync::OnceLock;

use foreign_types::ForeignTypeRef;
use openssl::error::ErrorStack;
use openssl::ex_data::Index;
use openssl::ssl::{Ssl, SslContextBuilder, SslRef, SslSession, SslSessionRef, SslStream};
use openssl_sys::{SSL, SSL_CTX, SSL_SESSION};

// <https://docs.openssl.org/3.6/man3/SSL_key_update/> has the first, SSL_CTX_set_verify(3) the second,
// SSL_CTX_set_cert_cb(3) the third, SSL_CTX_set_timeout(3), SSL_SESSION_get_time(3) and SSL_SESSION_has_ticket(3) the rest.
unsafe extern "C" {
    fn SSL_renegotiate(ssl: *mut SSL) -> c_int;
    fn SSL_verify_client_post_handshake(ssl: *mut SSL) -> c_int;
    fn SSL_set_cert_cb(
        ssl: *mut SSL,
        callback: Option<unsafe extern "C" fn(*mut SSL, *mut c_void) -> c_int>,
        argument: *mut c_void,
    );
    fn SSL_CTX_set_timeout(context: *mut SSL_CTX, seconds: c_long) -> c_long;
    fn SSL_SESSION_set_timeout(session: *mut SSL_SESSION, seconds: c_long) -> c_long;
    fn SSL_SESSION_get_ticket_lifetime_hint(session: *const SSL_SESSION) -> c_ulong;
}

/// A server's HelloRequest is to be sent with the next handshake call (RFC 5246 section 7.4.1.1).
pub(crate) fn begin_renegotiation(ssl: &mut SslRef) -> Result<(), ErrorStack> {
    // SAFETY: the pointer is that of a live connection, borrowed for this call alone.
    match unsafe { SSL_renegotiate(ssl.as_ptr()) } {
        1 => Ok(()),
        _ => Err(ErrorStack::get()),
    }
}

/// A server's CertificateRequest is to be sent with the next handshake call (RFC 9846 section 4.6.2).
///
/// # Errors
/// When the client did not offer `post_handshake_auth`, among others.
pub(crate) fn ask_after_the_handshake(ssl: &mut SslRef) -> Result<(), ErrorStack> {
    // SAFETY: as above.
    match unsafe { SSL_verify_client_post_handshake(ssl.as_ptr()) } {
        1 => Ok(()),
        _ => Err(ErrorStack::get()),
    }
}

/// A client offers the extension `post_handshake_auth` (RFC 9846 section 4.2.6).
pub(crate) fn offer_post_handshake_authentication(context: &mut SslContextBuilder) {
    // SAFETY: as above; the call sets a number.
    unsafe { openssl_sys::SSL_CTX_set_post_handshake_auth(context.as_ptr(), 1) }
}

/// The connection of a stream, to be changed; the `openssl` crate lends it for reading alone.
pub(crate) fn connection_of<S>(stream: &mut SslStream<S>) -> &mut SslRef {
    // SAFETY: the pointer is that of the stream's own connection, and the stream is borrowed for as long as it is used.
    unsafe { SslRef::from_ptr_mut(stream.ssl().as_ptr()) }
}

/// What is done when a client is asked for a certificate: it may set one. False ends the handshake with an alert.
type Answer = dyn Fn(&mut SslRef) -> bool;

thread_local! {
    /// The answers of this thread's connections. A connection has the number of its own with it, for what it has must be
    /// fit to be sent to another thread, as an answer is not.
    static ANSWERS: RefCell<HashMap<u64, Rc<Answer>>> = RefCell::default();
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// The place of a connection's answer; freed with the connection.
struct Place(u64);

impl Drop for Place {
    fn drop(&mut self) {
        // A thread that ends has no answers left to forget.
        let _ = ANSWERS.try_with(|answers| answers.borrow_mut().remove(&self.0));
    }
}

fn index() -> Result<Index<Ssl, Place>, ErrorStack> {
    static INDEX: OnceLock<Result<Index<Ssl, Place>, ErrorStack>> = OnceLock::new();
    INDEX.get_or_init(Ssl::new_ex_index).clone()
}

/// Calls `answer` whenever the server asks for a certificate, in the handshake or after it.
///
/// # Errors
/// When OpenSSL has no memory for it.
pub(crate) fn when_asked(
    ssl: &mut SslRef,
    answer: impl Fn(&mut SslRef) -> bool + 'static,
) -> Result<(), ErrorStack> {
    /// What OpenSSL calls.
    unsafe extern "C" fn asked(ssl: *mut SSL, _: *mut c_void) -> c_int {
        // SAFETY: OpenSSL calls with the connection that it works on, which nobody else touches meanwhile.
        let ssl = unsafe { SslRef::from_ptr_mut(ssl) };
        let place = index()
            .ok()
            .and_then(|index| ssl.ex_data(index).map(|it| it.0));
        let answer = place.and_then(|place| ANSWERS.with_borrow(|it| it.get(&place).cloned()));
        c_int::from(answer.is_none_or(|answer| answer(ssl)))
    }
    let place = NEXT.replace(NEXT.get() + 1);
    ANSWERS.with_borrow_mut(|answers| answers.insert(place, Rc::new(answer)));
    ssl.set_ex_data(index()?, Place(place));
    // SAFETY: the function has the type that OpenSSL calls, and needs no argument.
    unsafe { SSL_set_cert_cb(ssl.as_ptr(), Some(asked), std::ptr::null_mut()) };
    Ok(())
}

/// The name in the extension `server_name` of a ClientHello (RFC 6066 section 3), while it is the one being looked at: the
/// `openssl` crate has it only after OpenSSL has looked for a session.
pub(crate) fn server_name_in_hello(ssl: &SslRef) -> Option<String> {
    const SERVER_NAME: c_uint = 0;
    let (mut start, mut length) = (std::ptr::null::<c_uchar>(), 0);
    // SAFETY: the pointers to the results are valid for the call.
    let found = unsafe {
        openssl_sys::SSL_client_hello_get0_ext(ssl.as_ptr(), SERVER_NAME, &mut start, &mut length)
    };
    if found != 1 || start.is_null() {
        return None;
    }
    // SAFETY: OpenSSL found so many bytes there, and keeps them while the ClientHello is looked at.
    let extension = unsafe { std::slice::from_raw_parts(start, length) };
    // A list of one: its length, the kind of name (0: host_name), the length of the name, the name.
    let [_, _, 0, high, low, rest @ ..] = extension else {
        return None;
    };
    let name = rest.get(..usize::from(u16::from_be_bytes([*high, *low])))?;
    String::from_utf8(name.to_vec()).ok()
}

/// How long a server lets its sessions live, as it tells its clients.
pub(crate) fn set_lifetime(context: &mut SslContextBuilder, seconds: u32) {
    // SAFETY: the pointer is that of a live context, borrowed for this call alone; the call sets a number.
    unsafe { SSL_CTX_set_timeout(context.as_ptr(), c_long::from(seconds)) };
}

/// How long the server lets a session live, as it told with the ticket; nothing if it did not.
pub(crate) fn lifetime_of(session: &SslSessionRef) -> Option<u64> {
    // SAFETY: the pointer is that of a live session, borrowed for this call alone.
    let hint = unsafe { SSL_SESSION_get_ticket_lifetime_hint(session.as_ptr()) };
    (hint > 0).then_some(hint)
}

/// Looks a session up when a client offers it, by its session ID: `find` has its encoding.
pub(crate) fn look_up(
    context: &mut SslContextBuilder,
    find: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync + 'static,
) {
    let decoded = move |_: &mut SslRef, id: &[u8]| decode(&find(id)?);
    // SAFETY: a session that was just decoded belongs to no other context.
    unsafe { context.set_get_session_callback(decoded) };
}

/// Lets a client offer this session. What does not look like one is not offered.
pub(crate) fn offer(ssl: &mut SslRef, encoded: &[u8]) {
    if let Some(session) = decode(encoded) {
        // SAFETY: a session that was just decoded belongs to no other context.
        let _ = unsafe { ssl.set_session(&session) };
    }
}

/// A session from its encoding. Its age is for others to judge: OpenSSL would do it by the machine's clock.
fn decode(encoded: &[u8]) -> Option<SslSession> {
    const YEAR: c_long = 31_536_000;
    let session = SslSession::from_der(encoded).ok()?;
    // SAFETY: the pointer is that of a live session, which nobody else holds yet; the call sets a number.
    unsafe { SSL_SESSION_set_timeout(session.as_ptr(), YEAR) };
    Some(session)
}
