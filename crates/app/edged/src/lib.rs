//! The edge node's daemon as a library: its configuration, the node itself, the status it writes, and the doctor who
//! looks at a unit before it goes out.

mod black_box;
mod brain;
mod clock;
mod config;
mod doctor;
mod fleet;
mod log_tail;
mod node;
mod spool;
mod status;
mod takeover;

pub use black_box::BlackBox;
pub use clock::ClockSettings;
pub use config::{Cloud, Config, Ingest, Pki, Radio, Security, SpoolSettings, Uu};
pub use doctor::{Finding, Level, examine, print};
pub use fleet::join_cloud;
pub use node::{run, run_in_place};
pub use status::{MustArrive, Status};
pub use takeover::{socket_path, take_over};
