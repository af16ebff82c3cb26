//! The node's configuration file.

use crate::{BlackBox, ClockSettings};
use anyhow::Context;
use jxz_hazard::HazardConfig;
use jxz_ingest::Adapter;
use jxz_link::Role;
use jxz_observe::LogSettings;
use jxz_spool::Limits;
use jxz_trace::TraceSettings;
use jxz_v2x::Profile;
use jxz_world::SiteId;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::net::{SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    /// Where neighbouring nodes send what is handed over; without it nothing is.
    #[serde(default)]
    pub hand_over: Option<HandOver>,
    /// The neighbouring nodes.
    #[serde(default)]
    pub neighbours: Vec<Neighbour>,
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
    /// Where the traces of warnings go; without it nowhere.
    #[serde(default)]
    pub trace: Option<TraceSettings>,
    /// The warnings' switches and thresholds.
    #[serde(default)]
    pub hazard: HazardConfig,
    /// What is put up with of the wall clock; without it nobody looks.
    #[serde(default)]
    pub clock: Option<ClockSettings>,
    /// What is recorded of all that the node is told.
    #[serde(default)]
    pub black_box: BlackBox,
    /// Must-arrive records on disk.
    #[serde(default)]
    pub spool: SpoolSettings,
}

/// Where and how much of what must arrive is kept until it has.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpoolSettings {
    /// A folder of its own; without it, `spool` in the state folder.
    pub folder: Option<PathBuf>,
    /// The most bytes on disk; with no room the least important records go first.
    pub max_bytes: u64,
    /// Records older than this are dropped, hours.
    pub max_age_h: u32,
}

impl Default for SpoolSettings {
    fn default() -> Self {
        Self { folder: None, max_bytes: 64 << 20, max_age_h: 7 * 24 }
    }
}

impl SpoolSettings {
    /// The least that holds records of every size.
    const MIN_BYTES: u64 = 8 << 20;

    pub(crate) fn folder(&self, state_dir: &Path) -> PathBuf {
        self.folder.clone().unwrap_or_else(|| state_dir.join("spool"))
    }

    pub(crate) fn limits(&self) -> Limits {
        let max_age = Duration::from_secs(u64::from(self.max_age_h) * 3600);
        Limits { max_bytes: self.max_bytes, max_age, ..Limits::default() }
    }
}

/// Where sensors send to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ingest {
    /// UDP address; loopback or the cabinet's own network.
    pub listen: SocketAddr,
    /// Other ways in for sensors that do not speak it.
    #[serde(default)]
    pub adapters: Vec<Adapter>,
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

/// Exchange with neighbouring nodes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOver {
    /// QUIC address: neighbours connect to it, and the node connects to them from it.
    pub listen: SocketAddr,
}

/// A neighbouring node.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Neighbour {
    /// Its site in the map, and the name in its certificate.
    pub site: SiteId,
    /// Host and port of its `hand_over.listen`, resolved at each attempt to connect.
    pub address: String,
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

/// A site has no more neighbours than this.
const MAX_NEIGHBOURS: usize = 16;

/// A site has no more ways in for sensors than this, beside the first.
const MAX_ADAPTERS: usize = 16;

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
        anyhow::ensure!(
            config.ingest.adapters.len() <= MAX_ADAPTERS,
            "{} ingest.adapters; at most {MAX_ADAPTERS} are opened",
            config.ingest.adapters.len()
        );
        if let Some(clock) = config.clock {
            anyhow::ensure!(
                (1..=10_000).contains(&clock.max_error_ms),
                "clock.max_error_ms is {}; 1 to 10000 can be told from nothing",
                clock.max_error_ms
            );
        }
        config.black_box.check()?;
        config.trace.as_ref().map_or(Ok(()), TraceSettings::check)?;
        let spool = &config.spool;
        anyhow::ensure!(
            spool.max_bytes >= SpoolSettings::MIN_BYTES && spool.max_age_h > 0,
            "spool.max_bytes is {}, spool.max_age_h {}; {} bytes and 1 h are the least",
            spool.max_bytes,
            spool.max_age_h,
            SpoolSettings::MIN_BYTES
        );
        config.check_neighbours()?;
        anyhow::ensure!(config.uu.max_subscribers > 0, "uu.max_subscribers is 0: no vehicle could ever subscribe");
        Ok(config)
    }

    fn check_neighbours(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.neighbours.is_empty() || self.hand_over.is_some(),
            "there are neighbours but no hand_over.listen: they could not reach this node"
        );
        let sites: BTreeSet<&SiteId> = self.neighbours.iter().map(|neighbour| &neighbour.site).collect();
        anyhow::ensure!(sites.len() == self.neighbours.len(), "a site is among the neighbours twice");
        anyhow::ensure!(!sites.contains(&self.site), "{} is among its own neighbours", self.site);
        anyhow::ensure!(sites.len() <= MAX_NEIGHBOURS, "{} neighbours; at most {MAX_NEIGHBOURS} are used", sites.len());
        Ok(())
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
        assert!(config.clock.is_some_and(|clock| clock.max_error_ms == 50 && !clock.hold_messages));
        let never = Config::parse(&SAMPLE.replace("max_error_ms = 50", "max_error_ms = 0")).unwrap_err();
        assert!(never.to_string().contains("clock.max_error_ms is 0"), "{never}");
        assert_eq!(config.spool.limits(), SpoolSettings::default().limits(), "the sample shows the defaults");
    }

    #[test]
    fn the_samples_collector_is_accepted_and_one_with_tls_is_not() {
        let with = SAMPLE.replace("# [trace]", "[trace]").replace("# endpoint = ", "endpoint = ");
        let config = Config::parse(&with).unwrap();
        assert_eq!(config.trace.map(|trace| trace.endpoint).as_deref(), Some("http://127.0.0.1:4317"));
        let error = Config::parse(&with.replace("http://127.0.0.1:4317", "https://127.0.0.1:4317")).unwrap_err();
        assert!(error.to_string().contains("trace.endpoint"), "{error}");
    }

    #[test]
    fn unknown_keys_are_refused_with_their_line() {
        let line = SAMPLE.lines().position(|l| l.starts_with("[ingest]")).unwrap() + 2;
        let error = Config::parse(&SAMPLE.replace("[ingest]", "[ingest]\nlisten_adress = 1")).unwrap_err();
        let said = format!("{error:#}");
        assert!(said.contains("listen_adress") && said.contains(&format!("line {line}")), "{said}");
    }

    #[test]
    fn neighbours_must_be_others_each_once_and_able_to_answer() {
        let config = Config::parse(SAMPLE).unwrap();
        assert_eq!((config.neighbours.len(), config.hand_over.is_some()), (1, true));
        let own = SAMPLE.replace("zhongxin-huandao-dong-2", "zhongxin-minan");
        assert!(Config::parse(&own).unwrap_err().to_string().contains("own neighbours"));
        let twice = format!("{SAMPLE}\n[[neighbours]]\nsite = \"zhongxin-huandao-dong-2\"\naddress = \"b:1\"\n");
        assert!(Config::parse(&twice).unwrap_err().to_string().contains("twice"));
        let deaf = SAMPLE.replace("[hand_over]\nlisten = \"127.0.0.1:7200\"\n", "");
        assert!(Config::parse(&deaf).unwrap_err().to_string().contains("hand_over"));
    }

    #[test]
    fn the_samples_adapters_are_accepted_and_a_key_that_they_do_not_have_is_not() {
        let mqtt = SAMPLE.replace("# [[ingest.adapters]]", "[[ingest.adapters]]");
        let mqtt: String = mqtt
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(key)
                    if ["kind = \"mqtt", "broker", "topics", "mapping", "username", "password_file"]
                        .iter()
                        .any(|k| key.starts_with(k)) =>
                {
                    key
                }
                _ => line,
            })
            .flat_map(|line| [line, "\n"])
            .collect();
        let adapters = Config::parse(&mqtt).unwrap().ingest.adapters;
        assert!(matches!(adapters.as_slice(), [Adapter::Tcp(_), Adapter::Mqtt(_)]), "{adapters:?}");
        let wrong = Config::parse(&mqtt.replace("max_connections", "max_conections")).unwrap_err();
        assert!(format!("{wrong:#}").contains("max_conections"), "{wrong:#}");
    }

    #[test]
    fn a_group_that_is_not_multicast_is_refused() {
        let error = Config::parse(&SAMPLE.replace("239.255.59.5", "10.0.0.1")).unwrap_err();
        assert!(error.to_string().contains("not a multicast address"), "{error}");
    }
}
