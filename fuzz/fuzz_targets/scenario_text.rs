//! The text form of scenarios: parse, print, parse again.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bareflight_harness::fuzz::scenario_text(data));
