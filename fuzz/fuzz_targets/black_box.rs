//! `black_box::read` on whatever libFuzzer finds.
#![no_main]

use jxz_fuzz::black_box;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| black_box::read(data));
