//! jxz-hazard
