//! jxz-wire
