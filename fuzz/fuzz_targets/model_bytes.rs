//! As `model`, by plain bytes: no mutator knows what they mean.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bareflight_harness::fuzz::model_bytes(data));
