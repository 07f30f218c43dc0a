//! Real handshakes and real requests, in tables and in random sequences. One program, so that it links once.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod capture;
mod common;
mod early;
mod hosts;
mod http;
mod keys;
mod late;
mod loopback;
mod matrix;
mod proxy;
mod resumes;
mod resumption;
mod sequences;
mod stacks;
mod trust;

/// The PKI that the tests run over: real keys. (The program `insecure_test_crypto` runs the same tests over others.)
fn pki(_seed: u64) -> bareflight_handshake_driver::Pki {
    bareflight_handshake_driver::Pki::default()
}

/// The stacks that can use its keys.
fn stacks() -> &'static [bareflight_handshake_driver::Stack] {
    use bareflight_handshake_driver::Stack;
    &[Stack::Rustls, Stack::OpenSsl]
}
