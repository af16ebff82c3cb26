//! Benches with their budgets, in `benches/`, how they measure, and the scenes that they measure on.

pub mod grid;
pub mod measure;
pub mod scene;
pub mod threads;
