//! The cloud daemon: nodes over QUIC, operators over gRPC, browsers and scrapers over HTTP on loopback, around the
//! twin of `jxz-cloud`.

mod access;
mod answers;
mod api;
mod audit;
mod brain;
mod caller;
mod catalogue;
mod city;
mod config;
mod console;
mod daemon;
mod failure;
mod fleet;
mod frame;
mod history;
mod http;
mod incidents;
mod keep;
mod live;
mod management;
mod metrics;
mod oidc;
mod openapi;
mod operations;
mod picture;
mod places;
mod record_log;
mod serve;
mod stats;
mod status;
mod stop;
mod teller;
mod truth;
mod twin_api;

pub use caller::Right;
pub use config::{AuthorityConfig, Config, EXAMPLE, Grpc, History, Http, Oidc, Pki, Quic, Records, Sessions};
pub use daemon::Daemon;
