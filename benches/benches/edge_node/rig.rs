//! One site's node and its cloud: keys, ports, configurations, processes.

use crate::process::{Process, Usage};
use jxz_edged::Status;
use jxz_link::{Credentials, FastVerifier, MessagePlan, MulticastConfig, Plan, Role, utc_now};
use jxz_security::Psid;
use jxz_sim::FleetSecurity;
use jxz_v2x::MessageKind;
use jxz_world::SiteId;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A junction amid the island, with two cameras and two radars.
pub(crate) const SITE: &str = "zhongxin-xingying";
const PATIENCE: Duration = Duration::from_secs(30);

/// The island with sensors twice as fast as it has them: 20 Hz.
fn lay_out_map(to: &Path) {
    std::fs::create_dir(to).unwrap();
    let island = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds/island");
    for entry in std::fs::read_dir(island).unwrap().map(Result::unwrap).filter(|e| e.path().is_file()) {
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    let sites = to.join("sites.toml");
    let text = std::fs::read_to_string(&sites).unwrap();
    assert_eq!(text.matches("period_s = 0.1\n").count(), 2, "a radar's and a camera's");
    std::fs::write(&sites, text.replace("period_s = 0.1\n", "period_s = 0.05\n")).unwrap();
}

pub(crate) struct Rig {
    home: TempDir,
    pub(crate) site: SiteId,
    pub(crate) ingest: SocketAddr,
    pub(crate) uu: SocketAddr,
    group: SocketAddrV4,
    node: Option<Process>,
    cloud: Option<Process>,
}

impl Rig {
    pub(crate) fn new(vehicles: u16) -> Self {
        let home = tempfile::tempdir().unwrap();
        let site = SiteId(SITE.to_owned());
        let psid = |kind: MessageKind| Psid(kind.application_id());
        let plan = Plan {
            sites: vec![site.clone()],
            vehicles,
            operators: vec![],
            messages: MessagePlan {
                roadside: MessageKind::ROADSIDE.map(psid).to_vec(),
                vehicles: MessageKind::ROAD_USERS.map(psid).to_vec(),
                ..MessagePlan::default()
            },
            now: utc_now(),
            // Vehicles have pseudonyms for a week.
            days: 30,
        };
        jxz_link::make(&home.path().join("pki"), &plan, false).unwrap();
        // Held until all are chosen, so that no two are the same.
        let held: Vec<UdpSocket> = (0..6).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        let at: Vec<SocketAddr> = held.iter().map(|socket| socket.local_addr().unwrap()).collect();
        let group = SocketAddrV4::new(Ipv4Addr::new(239, 255, 59, 8), at[3].port());
        let (here, map) = (home.path().display(), home.path().join("map"));
        lay_out_map(&map);
        let edge = format!(
            "site = \"{site}\"\nmap = {map:?}\nstate_dir = \"{here}/edge\"\ningest = {{ listen = \"{}\" }}\n\
             cloud = {{ address = \"{}\" }}\nuu = {{ listen = \"{}\" }}\npki = {{ dir = \"{here}/pki\" }}\n\
             security = {{ enabled = true, verifiers = 1 }}\n\
             radio = {{ kind = \"multicast\", interface = \"lo\", group = \"{group}\" }}\n",
            at[0], at[1], at[2]
        );
        let cloud = format!(
            "map = {map:?}\ndata_dir = \"{here}/records\"\nquic = {{ listen = \"{}\" }}\n\
             grpc = {{ listen = \"{}\" }}\nhttp = {{ listen = \"{}\" }}\npki = {{ dir = \"{here}/pki\" }}\n",
            at[1], at[4], at[5]
        );
        std::fs::write(home.path().join("jxz-edge.toml"), edge).unwrap();
        std::fs::write(home.path().join("jxz-cloud.toml"), cloud).unwrap();
        Self { home, site, ingest: at[0], uu: at[2], group, node: None, cloud: None }
    }

    pub(crate) fn map(&self) -> PathBuf {
        self.home.path().join("map")
    }

    fn pki(&self) -> PathBuf {
        self.home.path().join("pki")
    }

    fn launch(&self, name: &str) -> Process {
        let own = std::env::current_exe().unwrap();
        let program = own.parent().unwrap().parent().unwrap().join(name);
        assert!(program.exists(), "{} is not there: `cargo xtask bench edge-node` builds it", program.display());
        Process::start(&program, &self.home.path().join(name).with_extension("toml"))
    }

    pub(crate) fn status(&self) -> Option<Status> {
        Status::read(&self.home.path().join("edge")).ok()
    }

    /// Starts both, and waits until the node has found the cloud.
    pub(crate) async fn start(&mut self) {
        self.cloud = Some(self.launch("jxz-cloud"));
        self.start_node();
        let begun = Instant::now();
        while !self.status().is_some_and(|status| status.cloud_connected) {
            assert!(begun.elapsed() < PATIENCE, "the node does not find the cloud");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) fn start_node(&mut self) {
        self.node = Some(self.launch("jxz-edge"));
    }

    /// As a loss of power would end it.
    pub(crate) fn kill_node(&mut self) {
        self.node = None;
    }

    pub(crate) fn kill_cloud(&mut self) {
        self.cloud = None;
    }

    pub(crate) fn end(&mut self) {
        self.node.take().unwrap().end();
    }

    pub(crate) fn node_usage(&self) -> Usage {
        self.node.as_ref().unwrap().usage()
    }

    pub(crate) fn channel(&self) -> MulticastConfig {
        MulticastConfig { interface: "lo".to_owned(), group: self.group }
    }

    pub(crate) fn vehicle(&self, n: u16) -> Credentials {
        Credentials::load(&self.pki(), &Role::Vehicle(format!("{n:04}"))).unwrap()
    }

    /// How the simulated vehicles sign.
    pub(crate) fn fleet(&self) -> FleetSecurity {
        FleetSecurity {
            trust: jxz_link::load_trust(&self.pki()).unwrap(),
            pseudonyms: jxz_link::load_pseudonym_authority(&self.pki()).unwrap(),
            verifier: Arc::new(FastVerifier),
        }
    }
}
