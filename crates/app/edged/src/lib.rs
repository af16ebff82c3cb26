//! The edge node's daemon as a library: its configuration, the node itself, and the status it writes.

mod black_box;
mod config;
mod node;
mod status;

pub use black_box::BlackBox;
pub use config::{Cloud, Config, Ingest, Pki, Radio, Security, Uu};
pub use node::run;
pub use status::{MustArrive, Status};
