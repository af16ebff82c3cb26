//! jxz-signal
