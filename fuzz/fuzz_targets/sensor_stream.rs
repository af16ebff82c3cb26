//! `ingest::stream` on whatever libFuzzer finds.
#![no_main]

use jxz_fuzz::ingest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| ingest::stream(data));
