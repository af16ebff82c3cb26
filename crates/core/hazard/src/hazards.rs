//! One round: tracks in, changed warnings out.

use crate::conditions::Conditions;
use crate::config::HazardConfig;
use crate::congestion::{CongestionBook, Jam};
use crate::encounter::{Encounter, EncounterBook};
use crate::guidance::GuidanceBook;
use crate::ledger::{Ledger, Proposal};
use crate::memory::Memory;
use crate::queue::Halt;
use crate::roads::Roads;
use crate::route::LinkGraph;
use crate::scene::{Scene, Setting};
use crate::signals::SignalBook;
use crate::{
    against, beside, emergency, encounter, guidance, headway, light, location, odd, queue, speed_limit, vulnerable,
};
use jxz_map::{LinkIx, Map};
use jxz_units::Utc;
use jxz_world::{Application, JunctionSignals, RoadReport, Site, Track, VehicleId, VehicleReport, Warning};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a round looks at.
#[derive(Debug, Clone, Copy)]
pub struct Round<'a> {
    /// The time of the round.
    pub at: Utc,
    /// The site's road users.
    pub tracks: &'a [Track],
    /// What the junction's signals show; not believed when older than three seconds.
    pub signals: Option<&'a JunctionSignals>,
    /// The last report of each vehicle; not believed when older than a second.
    pub reports: &'a BTreeMap<VehicleId, VehicleReport>,
    /// Reported road conditions; the first 64 that hold now.
    pub conditions: &'a [RoadReport],
    /// Links that are congested by the cloud's word: guidance leads around these too.
    pub congested: &'a [Congested],
}

/// A link that is congested, as the cloud says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Congested {
    /// Which link.
    pub link: LinkIx,
    /// Space-mean speed over it, metres per second.
    pub mean_mps: f64,
}

impl<'a> Round<'a> {
    /// A round with tracks and signals alone.
    #[must_use]
    pub const fn of_tracks(at: Utc, tracks: &'a [Track], signals: Option<&'a JunctionSignals>) -> Self {
        static NOBODY: BTreeMap<VehicleId, VehicleReport> = BTreeMap::new();
        Self { at, tracks, signals, reports: &NOBODY, conditions: &[], congested: &[] }
    }
}

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
    /// Reported road conditions that have nonsensical numbers, are over, or are beyond the most that a site has.
    pub conditions_refused: u64,
    /// Warnings that were due, for which there was no room.
    pub warnings_refused: u64,
}

/// The hazards of one roadside site.
pub struct Hazards {
    map: Arc<Map>,
    pub(crate) config: HazardConfig,
    roads: Roads,
    graph: LinkGraph,
    pub(crate) memory: Memory,
    signals: SignalBook,
    conditions: Conditions,
    pub(crate) encounters: EncounterBook,
    pub(crate) congestion: CongestionBook,
    guidance: GuidanceBook,
    pub(crate) ledger: Ledger,
    counts: HazardCounts,
    /// Empty between rounds.
    proposals: Vec<Proposal>,
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
            conditions: Conditions::default(),
            encounters: EncounterBook::default(),
            congestion: CongestionBook::default(),
            guidance: GuidanceBook::default(),
            ledger: Ledger::new(&site.id),
            counts: HazardCounts::default(),
            proposals: Vec::new(),
        }
    }

    /// One round, ten a second: looks at the road users as of `round.at` and returns the warnings that were raised,
    /// renewed (at a bounded rate) or cancelled, by application.
    ///
    /// What cannot be used is left out and counted.
    pub fn assess(&mut self, round: &Round<'_>) -> Vec<Warning> {
        self.signals.update(round.at, &self.map, round.signals);
        self.counts.conditions_refused += self.conditions.update(round.at, &self.map, &self.roads, round.conditions);
        let setting = Setting {
            map: &self.map,
            roads: &self.roads,
            signals: &self.signals,
            predict: &self.config.predict,
            life: &self.config.life,
            passed_s: self.config.icw.margin_s.max(self.config.vrucw.margin_s),
            zones: self.conditions.now(),
            reports: round.reports,
        };
        let scene = Scene::new(round.at, setting, round.tracks, &mut self.memory, &mut self.counts);
        // What applications share is worked out whichever of them run: switching one must not change another.
        let halts = queue::explain(&scene, &mut self.memory, &self.config.tjw);
        let jams = self.congestion.update(&scene, &halts, &self.config.tjw);
        let encounters = self.encounters.update(&scene, &self.config);
        let shared = Shared { scene: &scene, halts: &halts, jams: &jams, encounters: &encounters };
        for application in Application::ALL {
            let (enabled, thresholds) = self.config.switch(application);
            // Memories go on while an application is off, so that it comes back as if it had always run.
            let from = self.proposals.len();
            let least = thresholds.hold.min(thresholds.raise).max(1e-3);
            shared.propose(application, least, &self.config, &mut self.memory, &mut self.proposals);
            if application == Application::Guidance && enabled {
                let (config, reach_m) = (&self.config.guidance, self.config.life.approach_m);
                let slow = guidance::slow(&jams, round.congested, round.at);
                self.proposals.extend(self.guidance.propose(&scene, &self.graph, &slow, config, reach_m, least));
            }
            if !enabled {
                self.proposals.truncate(from);
            }
        }
        self.ledger.round(&scene, &mut self.proposals, &self.config)
    }

    /// The warnings alive, as last sent.
    pub fn alive(&self) -> impl Iterator<Item = &Warning> {
        self.ledger.alive()
    }

    /// Takes other settings from the next round on; applications whose settings stay the same go on undisturbed.
    pub fn set_config(&mut self, config: HazardConfig) {
        self.config = config;
    }

    /// The settings in force.
    #[must_use]
    pub const fn config(&self) -> &HazardConfig {
        &self.config
    }

    /// What was left out since the start.
    #[must_use]
    pub fn counts(&self) -> HazardCounts {
        HazardCounts { warnings_refused: self.ledger.refused(), ..self.counts }
    }
}

/// What applications look at in one round.
struct Shared<'a> {
    scene: &'a Scene<'a>,
    halts: &'a [Halt],
    jams: &'a [Jam],
    encounters: &'a [Encounter],
}

impl Shared<'_> {
    fn propose(
        &self,
        application: Application,
        least: f64,
        config: &HazardConfig,
        memory: &mut Memory,
        out: &mut Vec<Proposal>,
    ) {
        let Self { scene, halts, jams, encounters } = *self;
        match application {
            Application::Fcw => {
                headway::forward_collision(scene, &config.fcw, least, out);
                encounter::propose(scene, encounters, application, least, out);
            }
            Application::Icw | Application::Lta => encounter::propose(scene, encounters, application, least, out),
            Application::Bsw => beside::propose(scene, memory, &config.bsw, least, out),
            Application::Dnpw => against::do_not_pass(scene, &config.dnpw, least, out),
            Application::Ebw => headway::emergency_brake(scene, memory, &config.ebw, least, out),
            Application::Avw => odd::abnormal(scene, memory, halts, &config.avw, least, out),
            Application::Clw => odd::control_loss(scene, &config.clw, least, out),
            Application::Vrucw => {
                vulnerable::pedestrians(scene, &config.vrucw, least, out);
                vulnerable::cyclists(scene, encounters, &config.vrucw, least, out);
            }
            Application::Slw => speed_limit::propose(scene, &config.slw, least, out),
            Application::LeadSpeed => headway::lead_speed(scene, halts, &config.lead_speed, least, out),
            Application::Hlw => {
                location::seen(scene, halts, &config.hlw, least, out);
                location::reported(scene, application, out);
            }
            Application::Tjw => location::jams(scene, jams, least, out),
            Application::WrongWay => against::wrong_way(scene, memory, &config.wrong_way, least, out),
            Application::RoadWorks => location::reported(scene, application, out),
            Application::Ivs => location::signs(scene, &config.ivs, least, out),
            Application::Svw => light::violation(scene, &config.svw, least, out),
            Application::Glosa => light::green_speed(scene, &config.glosa, least, out),
            Application::Evw => emergency::propose(scene, &config.evw, least, out),
            Application::Guidance => {}
        }
    }
}
