//! The node's configuration file.

use anyhow::Context;
use jxz_hazard::HazardConfig;
use jxz_link::Role;
use jxz_observe::LogSettings;
use jxz_v2x::Profile;
use jxz_world::SiteId;
use serde::Deserialize;
use std::net::{SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};

/// Everything that an edge node is told; unknown keys are refused.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The roadside site in the map that this node is for.
    pub site: SiteId,
    /// The map's folder.
    pub map: PathBuf,
    /// Where the node keeps its status file.
    pub state_dir: PathBuf,
    /// Where sensors and the signal controller send to.
    pub ingest: Ingest,
    /// The cloud's QUIC listener.
    pub cloud: Cloud,
    /// Where vehicles subscribe over 5G.
    pub uu: Uu,
    /// The edition of the message set that vehicles here speak: day-1, day-2 or release-2019-07.
    #[serde(default)]
    pub profile: Profile,
    /// Whether the node shares what its sensors cover and see (SSM, with profile day-2).
    #[serde(default = "yes")]
    pub share_sensors: bool,
    /// The way to the vehicles near by.
    pub radio: Radio,
    /// Keys and certificates, as `jxz pki make` lays them out.
    pub pki: Pki,
    /// Signing what is sent and verifying what is heard.
    #[serde(default)]
    pub security: Security,
    /// Logging, to stderr.
    #[serde(default)]
    pub log: LogSettings,
    /// The warnings' switches and thresholds.
    #[serde(default)]
    pub hazard: HazardConfig,
}

/// Where sensors send to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ingest {
    /// UDP address; loopback or the cabinet's own network.
    pub listen: SocketAddr,
}

/// The cloud.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cloud {
    /// Host and port of its QUIC listener, resolved at each attempt to connect.
    pub address: String,
    /// The name its certificate must carry.
    #[serde(default = "cloud_name")]
    pub server_name: String,
}

/// Vehicles' subscriptions.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Uu {
    /// QUIC address.
    pub listen: SocketAddr,
    /// Most vehicles at once; more are refused and counted.
    #[serde(default = "subscribers")]
    pub max_subscribers: usize,
}

/// The radio.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Radio {
    /// UDP multicast with TTL 0 on a named interface, in place of a PC5 radio.
    Multicast {
        /// Interface name (`lo`).
        interface: String,
        /// Multicast group and port.
        group: SocketAddrV4,
    },
    /// A commercial roadside unit that forwards at once what it is told to (RSU 4.1 text over UDP).
    ImmediateForward {
        /// Where the unit listens; its port is 1516 by the convention.
        rsu: SocketAddr,
        /// Where the unit sends what it hears.
        listen: SocketAddr,
        /// Radio channel, 172 to 184.
        #[serde(default = "channel")]
        channel: u8,
        /// Whether the unit signs. Ours are signed already, unless `security.enabled` is false.
        #[serde(default)]
        sign: bool,
    },
}

/// Key material.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pki {
    /// Folder made by `jxz pki make`; the node reads the authority's certificate and its own key and certificate.
    pub dir: PathBuf,
}

/// Signed messages.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Security {
    /// Without it the node speaks and hears plain messages, which suits a laboratory.
    pub enabled: bool,
    /// Threads that verify signatures.
    pub verifiers: usize,
}

impl Default for Security {
    fn default() -> Self {
        Self { enabled: true, verifiers: 2 }
    }
}

const fn yes() -> bool {
    true
}

fn cloud_name() -> String {
    Role::Cloud.dns_name()
}

const fn channel() -> u8 {
    183
}

fn subscribers() -> usize {
    256
}

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, or has a key or value that does not belong: the message has the line.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} is not a configuration of jxz-edge", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let config: Self = toml::from_str(text)?;
        match &config.radio {
            Radio::Multicast { group, .. } => anyhow::ensure!(
                group.ip().is_multicast(),
                "radio.group {group} is not a multicast address; take one of 239.0.0.0/8"
            ),
            Radio::ImmediateForward { channel, .. } => {
                anyhow::ensure!((172..=184).contains(channel), "radio.channel is {channel}; 172 to 184 are")
            }
        }
        anyhow::ensure!(
            (1..=64).contains(&config.security.verifiers),
            "security.verifiers is {}; 1 to 64 threads can verify",
            config.security.verifiers
        );
        anyhow::ensure!(config.uu.max_subscribers > 0, "uu.max_subscribers is 0: no vehicle could ever subscribe");
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../../../../deploy/edge.example.toml");

    #[test]
    fn the_sample_configuration_is_accepted() {
        let config = Config::parse(SAMPLE).unwrap();
        assert_eq!(config.uu.max_subscribers, 256);
    }

    #[test]
    fn unknown_keys_are_refused_with_their_line() {
        let line = SAMPLE.lines().position(|l| l.starts_with("[ingest]")).unwrap() + 2;
        let error = Config::parse(&SAMPLE.replace("[ingest]", "[ingest]\nlisten_adress = 1")).unwrap_err();
        let said = format!("{error:#}");
        assert!(said.contains("listen_adress") && said.contains(&format!("line {line}")), "{said}");
    }

    #[test]
    fn a_group_that_is_not_multicast_is_refused() {
        let error = Config::parse(&SAMPLE.replace("239.255.59.5", "10.0.0.1")).unwrap_err();
        assert!(error.to_string().contains("not a multicast address"), "{error}");
    }
}
