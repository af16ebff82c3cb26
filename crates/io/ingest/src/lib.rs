//! jxz-ingest
