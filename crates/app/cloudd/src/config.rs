//! The daemon's configuration file.

use anyhow::Context;
use jxz_observe::LogSettings;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Everything that the cloud is told; unknown keys are refused.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The map's folder.
    pub map: PathBuf,
    /// Where must-arrive records are kept.
    pub data_dir: PathBuf,
    /// Where nodes connect to.
    pub quic: Quic,
    /// Where operators and tools connect to.
    pub grpc: Grpc,
    /// Where the console, the status and the metrics are.
    pub http: Http,
    /// Keys and certificates, as `jxz pki make` lays them out.
    pub pki: Pki,
    /// How much of the records is kept.
    #[serde(default)]
    pub records: Records,
    /// Logging, to stderr.
    #[serde(default)]
    pub log: LogSettings,
}

/// Where nodes connect to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quic {
    /// UDP address; mutual TLS, nodes' certificates only.
    pub listen: SocketAddr,
}

/// Where operators and tools connect to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grpc {
    /// TCP address; mutual TLS, operators' certificates only.
    pub listen: SocketAddr,
}

/// Where the console, the status and the metrics are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// TCP address; it has no TLS, so it must be loopback.
    pub listen: SocketAddr,
    /// The console's files on disk; without it, those built into the binary.
    #[serde(default)]
    pub console_dir: Option<PathBuf>,
    /// UDP address at which a simulator tells what really is on the road, for the console to show; loopback. For
    /// simulations alone: a deployment leaves it out, and then there is nothing of the kind.
    #[serde(default)]
    pub simulator_truth: Option<SocketAddr>,
}

/// Key material.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pki {
    /// Folder made by `jxz pki make`; read are the authority's certificate and the cloud's own certificate and key.
    pub dir: PathBuf,
}

/// How much of the records is kept.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Records {
    /// A file that reaches this size is closed and the next begun, bytes.
    pub file_bytes: u64,
    /// Files kept, the one being written included; the oldest is deleted beyond it.
    pub files: usize,
}

impl Default for Records {
    fn default() -> Self {
        Self { file_bytes: 64 << 20, files: 16 }
    }
}

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, or has a key or value that does not belong: the message has the line.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} is not a configuration of jxz-cloud", path.display()))
    }

    /// Checks the text of a configuration file.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let config: Self = toml::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    /// Checks what the file's shape cannot say.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.http.listen.ip().is_loopback(),
            "http.listen {} is not loopback; HTTP has no TLS: take 127.0.0.1 or [::1], and a tunnel from afar",
            self.http.listen
        );
        if let Some(address) = self.http.simulator_truth {
            anyhow::ensure!(
                address.ip().is_loopback(),
                "http.simulator_truth {address} is not loopback; truth comes from a simulator on this machine or not at \
                 all: take 127.0.0.1 or [::1], or leave it out"
            );
        }
        anyhow::ensure!(
            self.records.file_bytes >= 4096 && self.records.files >= 2,
            "records.file_bytes must be 4096 or more and records.files 2 or more"
        );
        Ok(())
    }
}

/// A complete configuration with comments, as `jxz-cloud --help` shows it.
pub const EXAMPLE: &str = include_str!("../../../../deploy/cloud.example.toml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_configuration_is_accepted() {
        let config = Config::parse(EXAMPLE).unwrap();
        assert_eq!(config.records.files, 16);
    }

    #[test]
    fn unknown_keys_are_refused_with_their_line() {
        let line = EXAMPLE.lines().position(|l| l.starts_with("[http]")).unwrap() + 2;
        let error = Config::parse(&EXAMPLE.replace("[http]", "[http]\nlisten_adress = 1")).unwrap_err();
        let said = format!("{error:#}");
        assert!(said.contains("listen_adress") && said.contains(&format!("line {line}")), "{said}");
    }

    #[test]
    fn truth_is_refused_from_beyond_loopback_and_absent_from_the_sample() {
        assert_eq!(Config::parse(EXAMPLE).unwrap().http.simulator_truth, None);
        let with = |address| EXAMPLE.replace("[http]", &format!("[http]\nsimulator_truth = \"{address}\""));
        assert!(Config::parse(&with("127.0.0.1:7500")).is_ok());
        for address in ["0.0.0.0:7500", "192.168.1.5:7500", "[::]:7500"] {
            let error = Config::parse(&with(address)).unwrap_err();
            assert!(error.to_string().contains("http.simulator_truth"), "{error}");
        }
    }

    #[test]
    fn http_is_refused_beyond_loopback() {
        for address in ["0.0.0.0:8080", "192.168.1.5:8080", "[::]:8080"] {
            let error = Config::parse(&EXAMPLE.replace("127.0.0.1:8080", address)).unwrap_err();
            assert!(error.to_string().contains("not loopback"), "{error}");
        }
    }
}
