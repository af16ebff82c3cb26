//! jxz-sim
