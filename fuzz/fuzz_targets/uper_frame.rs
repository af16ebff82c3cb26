//! `uper::any_frame` on whatever libFuzzer finds.
#![no_main]

use jxz_fuzz::uper;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| uper::any_frame(data));
