//! jxz-fusion
