//! Any sequence of handshakes and of what happens to sessions between them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bareflight_harness::fuzz::resumption(data));
