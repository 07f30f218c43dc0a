//! Bytes changed on their way, in both directions.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bareflight_harness::fuzz::wire(data));
