//! `jxz sim --traffic sumo`: SUMO moves the road users, our sensors, radio, nodes and cloud do the rest.

mod process;
mod signals;
mod users;

use crate::record::Recorder;
use anyhow::{Context, bail};
use jxz_exchange::NetLocation;
use jxz_geo::Point;
use jxz_map::Map;
use jxz_sim::{STEP, VirtualIsland, VirtualReport};
use jxz_traci::{Client, Domain, Update, Variable};
use process::{Sumo, Task};
use serde::Serialize;
use signals::{SignalCount, Signals};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Instant;
use users::Users;

/// Road users within this distance of a site are asked for, metres: the reach of what a site may tell a vehicle.
const AROUND_M: f64 = 600.0;
/// Seconds between two looks at whether signals agree and road users are tracked.
const LOOK_S: f64 = 5.0;
/// A track this near a road user is taken to be its, metres.
const TRACKED_M: f64 = 3.0;

/// What SUMO needs.
#[derive(Debug, clap::Args)]
#[group(id = "sumo-run")]
pub(crate) struct Args {
    /// SUMO's network (.net.xml), for --traffic sumo.
    #[arg(long)]
    net: Option<PathBuf>,
    /// SUMO's routes (.rou.xml), for --traffic sumo.
    #[arg(long)]
    routes: Option<PathBuf>,
    /// Show SUMO's own window, for --traffic sumo.
    #[arg(long)]
    gui: bool,
    /// SUMO's program or its folder, if it is neither in $SUMO_HOME/bin nor on the PATH.
    #[arg(long)]
    sumo: Option<PathBuf>,
}

/// What SUMO did, for the report.
#[derive(Debug, Serialize)]
struct Said {
    program: String,
    departed: u64,
    arrived: u64,
    /// Different road users that came near a site.
    road_users_seen: u64,
    /// Of road users in a site's coverage, counted every few seconds: how many, and how many had a track.
    in_coverage: u64,
    tracked: u64,
    /// Road users that could not be taken: see `Simulation::left_out`.
    left_out: u64,
    signals: SignalCount,
}

/// The line at the end.
#[derive(Serialize)]
struct Line {
    times_real_time: f64,
    sumo: Said,
    #[serde(flatten)]
    report: VirtualReport,
}

/// A run in progress.
struct Run {
    island: VirtualIsland,
    client: Client<TcpStream>,
    users: Users,
    signals: Signals,
    said: Said,
}

/// Runs `island` for some minutes with SUMO's road users, and prints the report.
pub(crate) fn run(
    args: &Args,
    island: VirtualIsland,
    minutes: f64,
    seed: u64,
    recorder: Option<Recorder>,
) -> anyhow::Result<()> {
    let (Some(net), Some(routes)) = (&args.net, &args.routes) else {
        bail!(
            "--traffic sumo needs --net N.net.xml and --routes R.rou.xml; docs/sumo.md says how to make them from a map"
        );
    };
    let step_s = STEP.as_secs_f64();
    let task = Task { net, routes, step_s, seed, gui: args.gui, given: args.sumo.as_deref() };
    let location = location_of(net)?;
    let (mut sumo, client) = Sumo::start(&task)?;
    let mut run = Run::begin(island, client, location).map_err(|error| sumo.explain(error))?;
    let started = Instant::now();
    run.go(minutes * 60.0, started, recorder.as_ref()).map_err(|error| sumo.explain(error))?;
    recorder.map_or(Ok(()), Recorder::finish)?;
    let times_real_time = run.island.seconds() / started.elapsed().as_secs_f64().max(1e-9);
    let Run { island, client, users, signals, mut said } = run;
    said.road_users_seen = users.seen();
    said.left_out = island.simulation().left_out();
    said.signals = signals.count;
    let line = serde_json::to_string(&Line { times_real_time, sumo: said, report: island.report() })?;
    client.close().map_err(|error| sumo.explain(error.into()))?;
    writeln!(std::io::stdout(), "{line}").context("write the report")
}

fn location_of(net: &Path) -> anyhow::Result<NetLocation> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(net).with_context(|| format!("open network {}", net.display()))?;
    file.take(1 << 20).read_to_end(&mut bytes).with_context(|| format!("read network {}", net.display()))?;
    let location = NetLocation::of_net(&String::from_utf8_lossy(&bytes));
    location.with_context(|| format!("network {}", net.display()))
}

impl Run {
    fn begin(island: VirtualIsland, mut client: Client<TcpStream>, location: NetLocation) -> anyhow::Result<Self> {
        let map = std::sync::Arc::clone(island.simulation().map());
        // What SUMO shows after its first step is our present.
        let signals = Signals::align(&mut client, &map, island.simulation().now().utc, STEP)?;
        watch(&mut client, &map, &location)?;
        client.subscribe(Domain::Simulation, "", &[Variable::DEPARTED, Variable::ARRIVED])?;
        let said = Said {
            program: client.version()?.program,
            departed: 0,
            arrived: 0,
            road_users_seen: 0,
            in_coverage: 0,
            tracked: 0,
            left_out: 0,
            signals: SignalCount::default(),
        };
        let users = Users::new(location, map.frame);
        Ok(Self { island, client, users, signals, said })
    }

    fn go(&mut self, end_s: f64, started: Instant, recorder: Option<&Recorder>) -> anyhow::Result<()> {
        let mut next_look_s = LOOK_S;
        while self.island.seconds() < end_s - 1e-9 {
            let updates = self.client.step(0.0)?;
            self.count(&updates);
            let users = self.users.take(updates);
            self.island.place(&users);
            if self.island.seconds() >= next_look_s {
                self.signals.compare(&mut self.client, self.island.simulation().now().utc)?;
                self.look();
                crate::sim::progress(&self.island, end_s, started)?;
                recorder.map_or(Ok(()), Recorder::progress)?;
                next_look_s += LOOK_S;
            }
            self.island.step()?;
            recorder.map_or(Ok(()), Recorder::check)?;
        }
        Ok(())
    }

    fn count(&mut self, updates: &[Update]) {
        for update in updates {
            let Update::Object { domain: Domain::Simulation, values, .. } = update else { continue };
            let number = |variable| values.get(&variable).and_then(|value| value.number()).unwrap_or(0.0) as u64;
            self.said.departed += number(Variable::DEPARTED);
            self.said.arrived += number(Variable::ARRIVED);
        }
    }

    /// Which of the road users in coverage have a track.
    fn look(&mut self) {
        let truth = self.island.simulation().truth();
        for (site, tracks) in self.island.tracks() {
            let near = |at: Point, of: Point, within_m: f64| (at - of).norm() < within_m;
            for object in truth.iter().filter(|object| near(object.position, site.position, site.coverage_m)) {
                self.said.in_coverage += 1;
                let tracked = tracks.iter().any(|track| near(track.position, object.position, TRACKED_M));
                self.said.tracked += u64::from(tracked);
            }
        }
    }
}

/// Subscribes to everyone around every site.
fn watch(client: &mut Client<TcpStream>, map: &Map, location: &NetLocation) -> anyhow::Result<()> {
    for site in &map.sites {
        let place = format!("jxz {}", site.id);
        let at = location.of_local(site.position, &map.frame);
        client.add_place(&place, [at.x, at.y])?;
        let middle = (Domain::Place, place.as_str());
        client.subscribe_around(middle, Domain::Vehicle, AROUND_M, users::OF_VEHICLE)?;
        client.subscribe_around(middle, Domain::Person, AROUND_M, users::OF_PERSON)?;
    }
    Ok(())
}
