//! ASAM OpenDRIVE 1.7: our map out, and others' maps in.

mod export;
mod folder;
mod import;
mod network;
mod plan_view;
mod recentre;
mod road;

pub use export::export;
pub use import::{ImportError, Imported, import};
