//! What several files of tests share.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

pub(crate) mod mutate;
#[path = "../../../../../fuzz/src/uper.rs"]
pub(crate) mod uper;
pub(crate) mod values;
pub(crate) mod vectors;
