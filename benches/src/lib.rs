//! jxz-benches
