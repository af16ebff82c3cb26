//! jxz-edge
