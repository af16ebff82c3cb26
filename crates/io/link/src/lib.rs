//! jxz-link
