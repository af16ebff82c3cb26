//! What a run is judged by.

use super::VirtualIsland;
use crate::truth::TruthObject;
use crate::virtual_run::report::{Latency, Tracking, VirtualReport};
use jxz_fusion::metrics::Moving;
use jxz_units::Now;
use jxz_world::LatencyStage;
use std::collections::BTreeMap;

impl VirtualIsland {
    /// Tracks against truth in every site's coverage, now.
    pub(super) fn compare(&mut self, now: Now) {
        for (number, node) in self.nodes.iter().enumerate() {
            let site = node.edge.site();
            let covered = |at: jxz_geo::Point| (at - site.position).norm() < site.coverage_m;
            let inside: Vec<_> = self.simulation.truth().iter().filter(|object| covered(object.position)).collect();
            let mut tracks = node.edge.tracks_at(now.utc);
            tracks.retain(|track| covered(track.position));
            let places: Vec<_> = inside.iter().map(|object| (object.id, object.position)).collect();
            self.hand_overs.look(now.mono, number, &node.neighbours, &places, &tracks);
            let moving = |object: &&TruthObject| Moving { position: object.position, velocity: object.velocity };
            let truth: Vec<Moving> = inside.iter().map(moving).collect();
            let tracks: Vec<Moving> = tracks.iter().map(Moving::from).collect();
            if !truth.is_empty() || !tracks.is_empty() {
                self.score.add(&truth, &tracks);
            }
        }
    }

    /// What happened so far.
    #[must_use]
    pub fn report(&self) -> VirtualReport {
        let now = self.simulation.now();
        let view = self.cloud.snapshot(now.utc);
        let on_board = self.simulation.on_board();
        let mut drops = self.drops.clone();
        let mut latencies = self.latencies.clone();
        for node in &self.nodes {
            drops.merge(&node.drops);
            latencies.merge(&node.latencies);
            drops.merge(node.edge.drops());
            latencies.merge(node.edge.latencies());
        }
        drops.merge(&on_board.drops);
        latencies.merge(&on_board.latencies);
        let timed = [LatencyStage::Ingest, LatencyStage::Radio, LatencyStage::SensingToVehicle];
        let latency = |l: &jxz_world::StageLatency| Latency { p50: l.p50_ms, p99: l.p99_ms, count: l.count };
        let score = self.score.score();
        let mut incidents = BTreeMap::new();
        for (incident, count) in self.scenario.incidents.iter().zip(self.simulation.incidents()) {
            *incidents.entry(incident.kind).or_default() += count;
        }
        VirtualReport {
            seed: self.seed,
            seconds: self.seconds(),
            digest: self.digest.finish(),
            nodes_online: view.nodes_online(),
            nodes_total: self.nodes.len(),
            warnings: on_board.warnings.clone(),
            latency_ms: latencies
                .summary()
                .iter()
                .filter(|l| timed.contains(&l.stage))
                .map(|l| (l.stage, latency(l)))
                .collect(),
            must_arrive: self.must_arrive,
            dropped: drops.iter().map(|(cause, n)| (cause.name().to_owned(), n)).collect(),
            tracks: Tracking {
                gospa_m: score.gospa_m,
                position_rmse_m: score.position_rmse_m,
                velocity_rmse_mps: score.velocity_rmse_mps,
                missed: score.missed,
                false_tracks: score.false_tracks,
            },
            hand_overs: self.hand_overs.count(),
            road_users: self.simulation.truth().len(),
            incidents,
            radio: self.simulation.radio().report(),
            removed_stuck: self.simulation.removed_stuck(),
            turned_away: self.simulation.turned_away(),
        }
    }
}
