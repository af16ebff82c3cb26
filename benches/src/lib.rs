//! Benches with their budgets, in `benches/`.
