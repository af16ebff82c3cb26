//! jxz-v2x
