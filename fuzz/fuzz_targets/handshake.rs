//! One handshake between any server and any client, against what the standards say must come of it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bareflight_harness::fuzz::handshake(data));
