//! The cloud daemon: nodes over QUIC, operators over gRPC, browsers and scrapers over HTTP on loopback, around the
//! twin of `jxz-cloud`.

mod api;
mod audit;
mod brain;
mod caller;
mod catalogue;
mod config;
mod console;
mod daemon;
mod frame;
mod http;
mod live;
mod metrics;
mod operations;
mod record_log;
mod stats;
mod status;
mod stop;
mod truth;

pub use caller::Right;
pub use config::{Config, EXAMPLE, Grpc, Http, Pki, Quic, Records};
pub use daemon::Daemon;
