//! Any number of requests on one connection, while either end may close it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bareflight_harness::fuzz::http(data));
