//! Does the test provider change anything but the speed? Every test of the program `it` over it; the same sequences over both
//! providers, seen alike; and the bytes of a run, which are the same each time.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../it/capture.rs"]
mod capture;
#[path = "../it/common.rs"]
mod common;
mod differential;
#[path = "../it/early.rs"]
mod early;
#[path = "../it/hosts.rs"]
mod hosts;
#[path = "../it/http.rs"]
mod http;
#[path = "../it/keys.rs"]
mod keys;
#[path = "../it/loopback.rs"]
mod loopback;
#[path = "../it/matrix.rs"]
mod matrix;
#[path = "../it/proxy.rs"]
mod proxy;
#[path = "../it/resumes.rs"]
mod resumes;
#[path = "../it/resumption.rs"]
mod resumption;
#[path = "../it/sequences.rs"]
mod sequences;
#[path = "../it/trust.rs"]
mod trust;

/// The PKI that the tests run over.
fn pki(seed: u64) -> bareflight_handshake_driver::Pki {
    bareflight_handshake_driver::Pki::insecure_test(seed)
}

/// The stacks that can use its keys.
fn stacks() -> &'static [bareflight_handshake_driver::Stack] {
    use bareflight_handshake_driver::Stack;
    &[Stack::Rustls]
}
