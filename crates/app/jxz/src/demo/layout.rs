//! The demo's folder: keys, a configuration for each daemon, and who listens where.

use crate::daemons::{CloudToml, Held, HttpToml, Listen, Pki, RecordsToml, TraceToml, write_toml};
use anyhow::Context;
use jxz_map::Map;
use jxz_security::Algorithm;
use jxz_world::{Site, SiteId};
use serde::Serialize;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};

/// Where the console is, if nobody else is there already.
const CONSOLE_PORT: u16 = 8600;
/// The multicast groups that stand for the PC5 channel around each site: one for each, from this on.
const PC5_GROUPS: Ipv4Addr = Ipv4Addr::new(239, 255, 59, 5);
/// Certificates hold for this long: a demo that runs longer is no demo.
const CERTIFICATE_DAYS: u16 = 30;

/// Everything that the demo's processes must agree on.
pub(super) struct Layout {
    pub(super) pki: PathBuf,
    /// Whether messages on the air are signed.
    pub(super) signed: bool,
    pub(super) http: SocketAddr,
    pub(super) grpc: SocketAddr,
    pub(super) pc5_interface: String,
    /// Where the cloud hears what really is on the road.
    pub(super) truth: SocketAddr,
    pub(super) cloud_config: PathBuf,
    /// The cloud's `data_dir`.
    pub(super) cloud_data: PathBuf,
    pub(super) sites: Vec<SiteLayout>,
}

/// One node's part.
pub(super) struct SiteLayout {
    pub(super) id: SiteId,
    pub(super) ingest: SocketAddr,
    /// The group of those on the air around it.
    pub(super) air: SocketAddrV4,
    pub(super) uu: SocketAddr,
    /// Where its neighbours send to.
    hand_over: SocketAddr,
    /// Sites of the demo that are its neighbours.
    neighbours: Vec<SiteId>,
    pub(super) state_dir: PathBuf,
    pub(super) config: PathBuf,
}

/// What the demo is to be like.
pub(super) struct Plan<'a> {
    /// The map's first sites, so many.
    pub(super) sites: usize,
    pub(super) vehicles: u16,
    pub(super) signing: Option<Algorithm>,
    /// Whether what is kept of the past is so little that it is soon full.
    pub(super) full_soon: bool,
    /// Where the traces of warnings go.
    pub(super) trace: Option<&'a str>,
}

#[derive(Serialize)]
struct EdgeToml<'a> {
    site: &'a SiteId,
    map: &'a Path,
    state_dir: &'a Path,
    ingest: Listen,
    cloud: UplinkToml,
    uu: Listen,
    hand_over: Listen,
    radio: RadioToml<'a>,
    pki: Pki<'a>,
    security: SecurityToml,
    #[serde(skip_serializing_if = "Option::is_none")]
    black_box: Option<BlackBoxToml>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<TraceToml<'a>>,
    neighbours: Vec<NeighbourToml<'a>>,
}

/// So small that it is soon full, within minutes at a busy site, and must stay so.
#[derive(Serialize)]
struct BlackBoxToml {
    max_mb: u64,
    max_minutes: u64,
    max_clips: usize,
    max_clips_mb: u64,
}

const SMALL: BlackBoxToml = BlackBoxToml { max_mb: 8, max_minutes: 1, max_clips: 4, max_clips_mb: 8 };

#[derive(Serialize)]
struct NeighbourToml<'a> {
    site: &'a SiteId,
    address: String,
}

#[derive(Serialize)]
struct SecurityToml {
    enabled: bool,
    verifiers: usize,
}

#[derive(Serialize)]
struct UplinkToml {
    address: String,
}

#[derive(Serialize)]
struct RadioToml<'a> {
    kind: &'a str,
    interface: &'a str,
    group: SocketAddrV4,
}

impl Layout {
    /// Makes keys and configurations in `folder`, with ports that are free now.
    pub(super) fn make(folder: &Path, map_dir: &Path, map: &Map, wanted: &Plan<'_>) -> anyhow::Result<Self> {
        let map_dir = map_dir.canonicalize().with_context(|| format!("cannot find {}", map_dir.display()))?;
        let sites = &map.sites[..wanted.sites];
        let pki = folder.join("pki");
        let plan = jxz_link::Plan {
            sites: sites.iter().map(|s| s.id.clone()).collect(),
            vehicles: wanted.vehicles,
            operators: vec!["operator".to_owned()],
            messages: crate::pki::message_plan(wanted.signing.unwrap_or(Algorithm::Sm2)),
            now: jxz_link::utc_now(),
            days: CERTIFICATE_DAYS,
        };
        jxz_link::make(&pki, &plan, false).context("cannot make the demo's keys")?;

        // Held until every port is chosen, so that no two are the same.
        let mut held = Held::default();
        let quic = held.udp()?;
        let http = held.tcp(CONSOLE_PORT).or_else(|_| held.tcp(0))?;
        let grpc = held.tcp(0)?;
        let truth = held.udp()?;
        let pc5_port = held.udp()?.port();
        let pc5_interface = "lo".to_owned();
        let sites = sites
            .iter()
            .zip(u32::from(PC5_GROUPS)..)
            .map(|(site, group)| {
                let dir = folder.join(&site.id.0);
                let ports = (held.udp()?, held.udp()?, held.udp()?);
                Ok(SiteLayout {
                    id: site.id.clone(),
                    ingest: ports.0,
                    air: SocketAddrV4::new(group.into(), pc5_port),
                    uu: ports.1,
                    hand_over: ports.2,
                    neighbours: neighbours_among(map, site, sites),
                    config: dir.with_extension("toml"),
                    state_dir: dir,
                })
            })
            .collect::<anyhow::Result<Vec<_>>>()?;

        let layout = Self {
            pki,
            signed: wanted.signing.is_some(),
            http,
            grpc,
            truth,
            pc5_interface,
            cloud_config: folder.join("cloud.toml"),
            cloud_data: folder.join("records"),
            sites,
        };
        layout.write(&map_dir, quic, wanted)?;
        Ok(layout)
    }

    fn neighbours_of(&self, site: &SiteLayout) -> Vec<NeighbourToml<'_>> {
        let others = self.sites.iter().filter(|other| site.neighbours.contains(&other.id));
        others.map(|other| NeighbourToml { site: &other.id, address: other.hand_over.to_string() }).collect()
    }

    fn write(&self, map: &Path, quic: SocketAddr, plan: &Plan<'_>) -> anyhow::Result<()> {
        let trace = plan.trace.map(|endpoint| TraceToml { endpoint });
        let pki = || Pki { dir: &self.pki };
        let cloud = CloudToml {
            map,
            data_dir: self.cloud_data.clone(),
            quic: Listen { listen: quic },
            grpc: Listen { listen: self.grpc },
            http: HttpToml::open(self.http, Some(self.truth)),
            pki: pki(),
            authority: Some(pki()),
            records: plan.full_soon.then_some(RecordsToml::SMALL),
            history: None,
            trace,
        };
        write_toml(&self.cloud_config, &cloud)?;
        for site in &self.sites {
            let edge = EdgeToml {
                site: &site.id,
                map,
                state_dir: &site.state_dir,
                ingest: Listen { listen: site.ingest },
                cloud: UplinkToml { address: quic.to_string() },
                uu: Listen { listen: site.uu },
                hand_over: Listen { listen: site.hand_over },
                radio: RadioToml { kind: "multicast", interface: &self.pc5_interface, group: site.air },
                pki: pki(),
                security: SecurityToml { enabled: self.signed, verifiers: 1 },
                black_box: plan.full_soon.then_some(SMALL),
                trace,
                neighbours: self.neighbours_of(site),
            };
            write_toml(&site.config, &edge)?;
        }
        Ok(())
    }
}

/// The neighbours of a site that take part in the demo.
fn neighbours_among(map: &Map, site: &Site, taking_part: &[Site]) -> Vec<SiteId> {
    let near = jxz_edge::neighbours_of(map, site).into_iter();
    near.filter(|near| taking_part.iter().any(|site| site.id == near.id)).map(|near| near.id.clone()).collect()
}

/// Waits until no other demo of this machine is starting, and keeps others from starting until dropped. Where the lock
/// cannot be had (another user's file), the demo starts without.
pub(super) fn take_turn() -> Option<File> {
    let path = std::env::temp_dir().join("jxz-demo.lock");
    let file = File::options().create(true).append(true).open(path).ok()?;
    file.lock().ok()?;
    Some(file)
}
