//! Benches with their budgets, in `benches/`, and how they measure.

pub mod measure;
