//! The policy alone, against a second reading of the standard and what must always hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bareflight_harness::fuzz::decide(data));
