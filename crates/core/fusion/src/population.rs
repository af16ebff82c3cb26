//! All possible road users at one time, and what a scan does to them.

use crate::FusionConfig;
use crate::assign::{Edge, assign};
use crate::bernoulli::{Bernoulli, BirthKey, Evidence};
use crate::filter::Imm;
use crate::gate::{Gated, gate};
use crate::rival::{Look, settle};
use crate::sensor::SensorModel;
use jxz_units::Utc;
use jxz_world::{ClassBelief, Detection, Scan};

/// A track is given up this far outside the tracked area, metres.
const OUTSIDE_MARGIN_M: f64 = 3.0;

/// The state of everything tracked, valid at `now`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Population {
    pub(crate) now: Option<Utc>,
    pub(crate) tracks: Vec<Bernoulli>,
}

/// What became of a scan's detections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ScanCounts {
    pub(crate) unusable: usize,
    pub(crate) over_limit: usize,
    pub(crate) associated: usize,
    pub(crate) births: usize,
    pub(crate) births_refused: usize,
}

impl Population {
    /// Moves every track to `at`, and gives up those that left or have not been heard of for long.
    pub(crate) fn advance(&mut self, at: Utc, config: &FusionConfig) {
        let dt_s = self.now.map_or(0.0, |now| at.seconds_since(now));
        self.now = Some(at);
        if dt_s > 0.0 {
            self.tracks.iter_mut().for_each(|t| t.predict(dt_s, config));
        }
        self.tracks.retain(|t| {
            let outside_m = config.bounds.map_or(0.0, |b| b.distance_outside_m(t.imm.combined().position()));
            outside_m <= OUTSIDE_MARGIN_M + 2.0 * t.spread().sqrt() && t.is_fresh(at, config)
        });
    }

    /// Fuses one scan, valid at or after `now`.
    pub(crate) fn fuse_scan(&mut self, scan: &Scan, sensor: &SensorModel, config: &FusionConfig) -> ScanCounts {
        self.advance(scan.valid_at, config);
        let mut counts = ScanCounts::default();
        let mut detections: Vec<&Detection> = Vec::with_capacity(scan.detections.len());
        for detection in &scan.detections {
            if !SensorModel::is_usable(detection) {
                counts.unusable += 1;
            } else if detections.len() == config.max_detections {
                counts.over_limit += 1;
            } else {
                detections.push(detection);
            }
        }
        let gated = gate(&self.tracks, &detections, sensor, config);
        let edges: Vec<Edge> = gated.iter().map(|g| g.edge).collect();
        let chosen = assign(&edges, self.tracks.len(), detections.len());
        let looks = self.weigh(&chosen, &gated, &detections, sensor, scan.valid_at, config);
        let mut taken = vec![false; detections.len()];
        chosen.iter().flatten().for_each(|&detection| taken[detection] = true);
        counts.associated = taken.iter().filter(|t| **t).count();
        settle(&mut self.tracks, &gated, &looks);
        self.drop_doubtful(scan.valid_at, config);
        self.start_tracks(&detections, &taken, sensor, scan.valid_at, config, &mut counts);
        counts
    }

    /// Updates each track by its detection or its miss.
    fn weigh(
        &mut self,
        chosen: &[Option<usize>],
        gated: &[Gated],
        detections: &[&Detection],
        sensor: &SensorModel,
        at: Utc,
        config: &FusionConfig,
    ) -> Vec<Look> {
        let mut looks = vec![Look::default(); self.tracks.len()];
        for (index, (track, choice)) in self.tracks.iter_mut().zip(chosen).enumerate() {
            let plain_pd = sensor.detection_probability(track.imm.combined().position());
            if plain_pd <= 0.0 {
                continue;
            }
            let expected_pd = track.expect(sensor, plain_pd, config);
            let ratio = choice.and_then(|detection| {
                let key = (index, detection);
                let found = gated.binary_search_by_key(&key, |g| (g.edge.track, g.edge.detection));
                found.ok().map(|k| (detection, gated[k].ratio))
            });
            looks[index] = Look { seen: ratio.is_some(), pd: 0.5 * (plain_pd + expected_pd) };
            match ratio {
                Some((detection, ratio)) => {
                    let evidence = Evidence { plain_pd, expected_pd, ratio };
                    track.detected(sensor, detections[detection], at, evidence, config);
                }
                None => track.missed(sensor, plain_pd, expected_pd),
            }
        }
        looks
    }

    fn drop_doubtful(&mut self, at: Utc, config: &FusionConfig) {
        self.tracks.retain(|t| t.existence >= config.delete_existence || t.is_held(at, config));
    }

    /// Starts a track on each unused detection inside the area.
    fn start_tracks(
        &mut self,
        detections: &[&Detection],
        taken: &[bool],
        sensor: &SensorModel,
        at: Utc,
        config: &FusionConfig,
        counts: &mut ScanCounts,
    ) {
        for (k, detection) in detections.iter().enumerate().filter(|(k, _)| !taken[*k]) {
            // Errors put half of what enters outside at first.
            let place = sensor.locate(detection);
            if config.bounds.is_some_and(|b| b.distance_outside_m(place) > 2.0 * sensor.worst_sigma_m(place)) {
                continue;
            }
            let birth = sensor.birth_density(detection, config);
            let existence = birth / (birth + sensor.clutter_density(detection, config));
            if existence < config.delete_existence {
                continue;
            }
            if self.tracks.len() >= config.max_tracks {
                counts.births_refused += 1;
                continue;
            }
            let class = sensor.class_likelihood(detection).map_or(ClassBelief::UNIFORM, ClassBelief::from_weights);
            let key = BirthKey { at, source: sensor.index, item: k as u64 };
            let imm = Imm::new(sensor.first_state(detection, class, config));
            let mut track = Bernoulli::new(key, imm, existence, ClassBelief::UNIFORM, config);
            track.absorb(sensor, detection, at);
            self.tracks.push(track);
            counts.births += 1;
        }
    }
}
