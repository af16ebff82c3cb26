//! Daemons that a command starts for itself: their configurations, their ports, their processes.

mod processes;

use anyhow::Context;
pub(crate) use processes::{Daemon, sibling};
use serde::Serialize;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

/// A section that says no more than where to listen.
#[derive(Serialize)]
pub(crate) struct Listen {
    pub(crate) listen: SocketAddr,
}

/// A folder of keys and certificates.
#[derive(Serialize)]
pub(crate) struct Pki<'a> {
    pub(crate) dir: &'a Path,
}

/// The configuration of `jxz-cloud`.
#[derive(Serialize)]
pub(crate) struct CloudToml<'a> {
    pub(crate) map: &'a Path,
    pub(crate) data_dir: PathBuf,
    pub(crate) quic: Listen,
    pub(crate) grpc: Listen,
    pub(crate) http: HttpToml,
    pub(crate) pki: Pki<'a>,
    /// With it nodes can be added from the console.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) authority: Option<Pki<'a>>,
    /// How much of the records is kept, if not as much as usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) records: Option<RecordsToml>,
    /// How often history takes a frame, if not as often as usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) history: Option<HistoryToml>,
    /// Where the traces of warnings go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trace: Option<TraceToml<'a>>,
}

/// `[trace]` of a daemon.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct TraceToml<'a> {
    pub(crate) endpoint: &'a str,
}

/// Its `[records]`.
#[derive(Serialize)]
pub(crate) struct RecordsToml {
    file_bytes: u64,
    files: usize,
}

impl RecordsToml {
    /// So little that it is soon full.
    pub(crate) const SMALL: Self = Self { file_bytes: 1 << 20, files: 4 };
}

/// Its `[history]`.
#[derive(Serialize)]
pub(crate) struct HistoryToml {
    pub(crate) rate_hz: u32,
}

/// Its `[http]`.
#[derive(Serialize)]
pub(crate) struct HttpToml {
    listen: SocketAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    simulator_truth: Option<SocketAddr>,
    open_viewing: bool,
}

impl HttpToml {
    /// Shows its console at once, without a log-in, to whoever sits here.
    pub(crate) const fn open(listen: SocketAddr, simulator_truth: Option<SocketAddr>) -> Self {
        Self { listen, simulator_truth, open_viewing: true }
    }
}

pub(crate) fn write_toml(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    let text = toml::to_string(value).with_context(|| format!("cannot put {} into TOML", path.display()))?;
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Sockets that keep their ports from being chosen twice.
#[derive(Default)]
pub(crate) struct Held {
    udp: Vec<UdpSocket>,
    tcp: Vec<TcpListener>,
}

impl Held {
    /// A free UDP port of loopback.
    pub(crate) fn udp(&mut self) -> anyhow::Result<SocketAddr> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot find a free UDP port on loopback")?;
        let address = socket.local_addr()?;
        self.udp.push(socket);
        Ok(address)
    }

    /// A TCP port of loopback; 0 takes a free one.
    pub(crate) fn tcp(&mut self, port: u16) -> anyhow::Result<SocketAddr> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .with_context(|| format!("cannot take TCP port {port} on loopback"))?;
        let address = socket.local_addr()?;
        self.tcp.push(socket);
        Ok(address)
    }
}
