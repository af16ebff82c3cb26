//! jxz-observe
