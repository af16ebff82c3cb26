//! jxz-tests
