//! What the `openssl` crate does not have: two ways to ask a client after the handshake, and to hear that one is asked.
//!
//! The only `unsafe` code of the workspace. Each function here is safe to call: the pointers that C gets are made from
//! references that outlive the call, or from a box that lives as long as the connection.

#![allow(unsafe_code, reason = "OpenSSL is C")]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::os::raw::{c_int, c_void};
use std::rc::Rc;
use std::sync::OnceLock;

use foreign_types::ForeignTypeRef;
use openssl::error::ErrorStack;
use openssl::ex_data::Index;
use openssl::ssl::{Ssl, SslContextBuilder, SslRef, SslStream};
use openssl_sys::SSL;

// <https://docs.openssl.org/3.6/man3/SSL_key_update/> has the first, SSL_CTX_set_verify(3) the second,
// SSL_CTX_set_cert_cb(3) the third.
unsafe extern "C" {
    fn SSL_renegotiate(ssl: *mut SSL) -> c_int;
    fn SSL_verify_client_post_handshake(ssl: *mut SSL) -> c_int;
    fn SSL_set_cert_cb(
        ssl: *mut SSL,
        callback: Option<unsafe extern "C" fn(*mut SSL, *mut c_void) -> c_int>,
        argument: *mut c_void,
    );
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
