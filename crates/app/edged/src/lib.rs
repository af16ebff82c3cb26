//! The edge node's daemon as a library: its configuration, the node itself, and the status it writes.

mod config;
mod node;
mod spool;
mod status;

pub use config::{Cloud, Config, Ingest, Pki, Radio, Security, SpoolSettings, Uu};
pub use node::run;
pub use status::{MustArrive, Status};
