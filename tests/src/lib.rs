//! End-to-end tests: one file a behaviour, in `tests/`.
