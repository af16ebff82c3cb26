//! One round: tracks in, changed warnings out.

use crate::config::{HazardConfig, Thresholds};
use crate::congestion::CongestionBook;
use crate::guidance::GuidanceBook;
use crate::ledger::{Ledger, Proposal};
use crate::memory::Memory;
use crate::roads::Roads;
use crate::route::LinkGraph;
use crate::scene::{Scene, Setting};
use crate::signals::SignalBook;
use crate::{collision, pedestrian, queue, road_condition, speed_limit, vehicle_ahead};
use jxz_map::Map;
use jxz_units::Utc;
use jxz_world::{JunctionSignals, Site, Track, Warning};
use std::sync::Arc;

/// What was left out since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HazardCounts {
    /// Tracks with a number that is NaN, infinite or beyond what can be.
    pub tracks_not_finite: u64,
    /// Tracks valid more than a second before or after the round.
    pub tracks_out_of_time: u64,
    /// Tracks whose existence is too doubtful.
    pub tracks_doubtful: u64,
    /// Tracks beyond the most that one round looks at.
    pub tracks_over_limit: u64,
    /// Warnings that were due, for which there was no room.
    pub warnings_refused: u64,
}

/// The hazards of one roadside site.
pub struct Hazards {
    map: Arc<Map>,
    config: HazardConfig,
    roads: Roads,
    graph: LinkGraph,
    memory: Memory,
    signals: SignalBook,
    congestion: CongestionBook,
    guidance: GuidanceBook,
    ledger: Ledger,
    counts: HazardCounts,
}

impl Hazards {
    /// Looks after `site` on `map`.
    #[must_use]
    pub fn new(map: Arc<Map>, site: &Site, config: HazardConfig) -> Self {
        let (roads, graph) = (Roads::new(&map, site), LinkGraph::new(&map));
        Self {
            map,
            config,
            roads,
            graph,
            memory: Memory::default(),
            signals: SignalBook::default(),
            congestion: CongestionBook::default(),
            guidance: GuidanceBook::default(),
            ledger: Ledger::new(&site.id),
            counts: HazardCounts::default(),
        }
    }

    /// One round, ten a second: looks at the tracks as of `at` and returns the warnings that were raised, renewed
    /// (at a bounded rate) or cancelled.
    ///
    /// Tracks that cannot be used are left out and counted; `signals` older than three seconds are not believed.
    pub fn assess(&mut self, at: Utc, tracks: &[Track], signals: Option<&JunctionSignals>) -> Vec<Warning> {
        self.signals.update(at, &self.map, signals);
        let setting =
            Setting { map: &self.map, roads: &self.roads, signals: &self.signals, predict: &self.config.predict };
        let scene = Scene::new(at, setting, tracks, &mut self.memory, &mut self.counts);
        let config = &self.config;
        let reach_m = config.life.approach_m;
        let least = |t: Thresholds| t.hold.min(t.raise).max(1e-3);
        let halts = queue::explain(&scene, &mut self.memory, &config.road_condition);
        let jams = self.congestion.update(&scene, &halts, &config.road_condition);
        let mut proposals: Vec<Proposal> = Vec::new();
        if config.collision.enabled {
            proposals.extend(collision::propose(&scene, &config.collision, least(config.collision.probability)));
        }
        if config.pedestrian.enabled {
            proposals.extend(pedestrian::propose(&scene, &config.pedestrian, least(config.pedestrian.probability)));
        }
        if config.speed_limit.enabled {
            proposals.extend(speed_limit::propose(&scene, &config.speed_limit, least(config.speed_limit.probability)));
        }
        if config.vehicle_ahead.enabled {
            let least = least(config.vehicle_ahead.probability);
            proposals.extend(vehicle_ahead::propose(&scene, &self.memory, &config.vehicle_ahead, least));
        }
        if config.road_condition.enabled {
            let least = least(config.road_condition.probability);
            let road = &config.road_condition;
            proposals.extend(road_condition::propose(&scene, &halts, &jams, road, reach_m, least));
        }
        if config.guidance.enabled {
            let least = least(config.guidance.probability);
            proposals.extend(self.guidance.propose(&scene, &self.graph, &jams, &config.guidance, reach_m, least));
        }
        self.ledger.round(&scene, proposals, config)
    }

    /// The warnings alive, as last sent.
    pub fn alive(&self) -> impl Iterator<Item = &Warning> {
        self.ledger.alive()
    }

    /// Takes other settings from the next round on; applications whose settings stay the same go on undisturbed.
    pub fn set_config(&mut self, config: HazardConfig) {
        self.config = config;
    }

    /// What was left out since the start.
    #[must_use]
    pub fn counts(&self) -> HazardCounts {
        HazardCounts { warnings_refused: self.ledger.refused, ..self.counts }
    }
}
