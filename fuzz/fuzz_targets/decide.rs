//! The policy alone, against what must always hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bareflight_harness::fuzz::decide(data));
