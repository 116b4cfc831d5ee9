#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| red5_bridge::fuzzing::inspect(data));
