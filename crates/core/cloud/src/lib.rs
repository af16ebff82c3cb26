//! jxz-cloud
