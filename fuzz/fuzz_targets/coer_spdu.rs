//! `coer::spdu` on whatever libFuzzer finds.
#![no_main]

use jxz_fuzz::coer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| coer::spdu(data));
