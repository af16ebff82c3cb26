//! The daemon's configuration file.

use crate::caller::Right;
use anyhow::Context;
use jxz_observe::LogSettings;
use jxz_trace::TraceSettings;
use serde::Deserialize;
use std::collections::BTreeMap;
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
    /// How long a log-in holds.
    #[serde(default)]
    pub sessions: Sessions,
    /// An identity provider at which people log in, beside accounts with passwords.
    #[serde(default)]
    pub oidc: Option<Oidc>,
    /// The authority that issues nodes' certificates; without it nodes can neither join nor renew.
    #[serde(default)]
    pub authority: Option<AuthorityConfig>,
    /// How much of the records is kept.
    #[serde(default)]
    pub records: Records,
    /// How much of the past can be played back.
    #[serde(default)]
    pub history: History,
    /// Logging, to stderr.
    #[serde(default)]
    pub log: LogSettings,
    /// Where the traces of warnings go; without it nowhere.
    #[serde(default)]
    pub trace: Option<TraceSettings>,
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
    /// What an operator's certificate may do, by its name; `viewer` for those not named.
    #[serde(default)]
    pub rights: BTreeMap<String, Right>,
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
    /// Whether people on this machine may look, and only that, without a log-in.
    #[serde(default)]
    pub open_viewing: bool,
    /// The most bytes of a request's body, KiB; 413 beyond it.
    #[serde(default = "max_body_kib")]
    pub max_body_kib: usize,
    /// Connections at once; others wait in the system's queue.
    #[serde(default = "max_connections")]
    pub max_connections: usize,
    /// Time for the head of a request, and for a connection to stay without one, seconds.
    #[serde(default = "head_timeout_s")]
    pub head_timeout_s: u16,
}

const fn max_body_kib() -> usize {
    64
}

const fn max_connections() -> usize {
    256
}

const fn head_timeout_s() -> u16 {
    15
}

/// How long a log-in holds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sessions {
    /// A session ends when its person does nothing for so long, minutes.
    pub idle_minutes: u32,
    /// A session ends after so long, hours.
    pub hours: u32,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { idle_minutes: 120, hours: 12 }
    }
}

/// An identity provider (OpenID Connect).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// Its address, as its tokens have it; HTTPS, but for one on this machine.
    pub issuer: String,
    /// Its name on the log-in page; the issuer if absent.
    pub name: Option<String>,
    /// What it knows this cloud as.
    pub client_id: String,
    /// File with the secret that goes with it.
    pub client_secret_file: PathBuf,
    /// Where it sends people back to; `http://LISTEN/api/v1/oidc/callback` if absent.
    pub redirect_uri: Option<String>,
    /// Certificates of the authorities that may vouch for it, PEM.
    #[serde(default = "ca_file")]
    pub ca_file: PathBuf,
    /// What is asked for; `openid` is a must.
    #[serde(default = "scope")]
    pub scope: String,
    /// The claim that names the account.
    #[serde(default = "name_claim")]
    pub name_claim: String,
    /// The claim, a text or a list, that says what somebody may do.
    #[serde(default = "claim")]
    pub claim: String,
    /// Its values that make an admin.
    #[serde(default)]
    pub admin: Vec<String>,
    /// Its values that make an operator.
    #[serde(default)]
    pub operator: Vec<String>,
    /// Its values that make a viewer.
    #[serde(default)]
    pub viewer: Vec<String>,
    /// Whether everybody whom the provider knows may look.
    #[serde(default)]
    pub everyone_views: bool,
}

fn ca_file() -> PathBuf {
    "/etc/ssl/certs/ca-certificates.crt".into()
}

fn scope() -> String {
    "openid profile".to_owned()
}

fn name_claim() -> String {
    "preferred_username".to_owned()
}

fn claim() -> String {
    "groups".to_owned()
}

/// Key material.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pki {
    /// Folder made by `jxz pki make`; read are the authority's certificate and the cloud's own certificate and key.
    pub dir: PathBuf,
}

/// The authority that issues nodes' certificates.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorityConfig {
    /// Folder with the authority's certificate and key, `ca.pem` and `ca.key`.
    pub dir: PathBuf,
    /// Host and port by which nodes reach this cloud, as tokens name it; without it, `quic.listen`.
    #[serde(default)]
    pub address: Option<String>,
    /// For how many days a node's certificate holds; it renews it by itself at two thirds of that.
    #[serde(default = "days")]
    pub days: u16,
    /// Another life than `days`, for tests.
    #[serde(skip)]
    pub life: Option<std::time::Duration>,
}

const fn days() -> u16 {
    30
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

/// How much of the past can be played back.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct History {
    /// Hours kept; older ones are deleted.
    pub hours: u64,
    /// Bytes kept; the oldest hours are deleted beyond it.
    pub max_bytes: u64,
    /// Frames a second: 1, 2, 5 or 10.
    pub rate_hz: u32,
}

impl Default for History {
    fn default() -> Self {
        Self { hours: 25, max_bytes: 8 << 30, rate_hz: 5 }
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
        self.trace.as_ref().map_or(Ok(()), TraceSettings::check)?;
        if let Some(authority) = &self.authority {
            anyhow::ensure!(
                (1..=398).contains(&authority.days),
                "authority.days is {}; a node's certificate holds for 1 to 398 days",
                authority.days
            );
            let address = authority.address.as_deref().unwrap_or("localhost:1");
            anyhow::ensure!(
                address.contains(':') && !address.contains('/') && address.len() <= 255,
                "authority.address `{address}` is not host:port"
            );
        }
        anyhow::ensure!(
            (1..=65_536).contains(&self.http.max_body_kib)
                && (8..=65_536).contains(&self.http.max_connections)
                && (1..=300).contains(&self.http.head_timeout_s),
            "http.max_body_kib must be 1 to 65536, http.max_connections 8 to 65536 and http.head_timeout_s 1 to 300"
        );
        anyhow::ensure!(
            (1..=10_080).contains(&self.sessions.idle_minutes) && (1..=8_760).contains(&self.sessions.hours),
            "sessions.idle_minutes must be 1 to 10080 and sessions.hours 1 to 8760"
        );
        if let Some(oidc) = &self.oidc {
            crate::oidc::check_url(&oidc.issuer).context("oidc.issuer")?;
            anyhow::ensure!(
                oidc.scope.split(' ').any(|scope| scope == "openid"),
                "oidc.scope `{}` lacks openid",
                oidc.scope
            );
        }
        anyhow::ensure!(
            self.records.file_bytes >= 4096 && self.records.files >= 2,
            "records.file_bytes must be 4096 or more and records.files 2 or more"
        );
        let history = self.history;
        anyhow::ensure!(
            [1, 2, 5, 10].contains(&history.rate_hz),
            "history.rate_hz {} is not 1, 2, 5 or 10",
            history.rate_hz
        );
        anyhow::ensure!(
            (1..=24 * 366).contains(&history.hours) && history.max_bytes >= 1 << 20,
            "history.hours must be 1 to 8784 and history.max_bytes 1048576 or more"
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
        assert_eq!((config.history.hours, config.history.rate_hz), (25, 5));
    }

    #[test]
    fn the_sample_of_an_identity_provider_is_accepted_and_its_address_is_checked() {
        let start = EXAMPLE.find("# [oidc]").unwrap();
        let end = start + EXAMPLE[start..].find("\n\n").unwrap();
        let oidc = EXAMPLE[start..end].lines().map(|line| line.trim_start_matches("# ")).collect::<Vec<_>>().join("\n");
        let config = Config::parse(&format!("{EXAMPLE}\n{oidc}\n")).unwrap();
        assert_eq!(config.oidc.unwrap().admin, ["jiangxin-admins"]);
        for (good, bad) in [("https://id", "http://id"), ("openid profile", "profile")] {
            assert!(Config::parse(&format!("{EXAMPLE}\n{}\n", oidc.replace(good, bad))).is_err(), "{bad}");
        }
    }

    #[test]
    fn nobody_looks_without_a_log_in_unless_it_is_said() {
        let config = Config::parse(EXAMPLE).unwrap();
        assert!(!config.http.open_viewing);
        let silent = EXAMPLE.replace("open_viewing = false", "");
        assert!(!Config::parse(&silent).unwrap().http.open_viewing);
    }

    #[test]
    fn the_authority_of_the_sample_is_one_and_its_numbers_have_limits() {
        let lines = ["[authority]", "dir = ", "address = ", "days = "];
        let wanted = |line: &str| lines.iter().any(|start| line.starts_with(&format!("# {start}")));
        let uncommented = |line: &str| if wanted(line) { line[2..].to_owned() } else { line.to_owned() };
        let text = EXAMPLE.lines().map(uncommented).collect::<Vec<_>>().join("\n");
        let authority = Config::parse(&text).unwrap().authority.unwrap();
        assert_eq!((authority.days, authority.address.as_deref()), (30, Some("127.0.0.1:7400")));
        assert!(Config::parse(EXAMPLE).unwrap().authority.is_none());
        for (good, bad) in [("days = 30", "days = 0"), ("address = \"127.0.0.1:7400\"", "address = \"nowhere\"")] {
            assert_ne!(text.replace(good, bad), text);
            assert!(Config::parse(&text.replace(good, bad)).is_err(), "{bad}");
        }
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
