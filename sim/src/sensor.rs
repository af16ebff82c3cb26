//! Radars and cameras: what each of them reports of the truth.

use crate::rng::{Purpose, Seed, Stream, chance, normal, poisson, uniform};
use crate::truth::TruthObject;
use jxz_geo::{Point, Vector};
use jxz_units::{Utc, wrap_pi};
use jxz_world::{Detection, RoadUserClass, Scan, SensorKind, SensorSpec};

/// Height above the road at which a body must be seen for its detection, as a fraction of its height.
const SEEN_AT: f64 = 0.6;

/// One simulated sensor.
#[derive(Debug, Clone)]
pub(crate) struct Sensor {
    spec: SensorSpec,
    stream: Stream,
    sequence: u32,
    /// Nanoseconds from the start to its next scan, and between scans.
    due_ns: u64,
    period_ns: u64,
    /// Whom it detected in the last call of `scans`.
    seen: Vec<(Utc, u64)>,
}

/// A body as a sensor sees it: polar extent and height.
struct Sight<'a> {
    object: &'a TruthObject,
    centre: Vector,
    range_m: f64,
    azimuth_rad: f64,
    half_angle_rad: f64,
}

impl Sensor {
    /// `number` is its place among all sensors of the island, `phase` its share of the period by which it is late.
    pub(crate) fn new(spec: &SensorSpec, seed: Seed, number: u64, phase: f64) -> Self {
        let period_ns = (spec.period_s.max(0.01) * 1e9).round() as u64;
        Self {
            spec: spec.clone(),
            stream: seed.stream(Purpose::Sensor, number),
            sequence: 0,
            due_ns: (period_ns as f64 * phase.clamp(0.0, 0.999)) as u64,
            period_ns,
            seen: Vec::new(),
        }
    }

    /// Whom it detected in the last call of [`Self::scans`]: when, and the road user's number. Clutter is nobody.
    pub(crate) fn seen(&self) -> &[(Utc, u64)] {
        &self.seen
    }

    /// The scans that fall into [`from_ns`, `to_ns`), with the truth at `from_ns` (`utc`).
    pub(crate) fn scans(&mut self, truth: &[&TruthObject], utc: Utc, from_ns: u64, to_ns: u64, out: &mut Vec<Scan>) {
        self.seen.clear();
        while self.due_ns < to_ns {
            let after_s = self.due_ns.saturating_sub(from_ns) as f64 * 1e-9;
            out.push(self.scan(truth, utc, after_s));
            self.due_ns += self.period_ns;
        }
    }

    fn scan(&mut self, truth: &[&TruthObject], utc: Utc, after_s: f64) -> Scan {
        let mut sights: Vec<Sight<'_>> = truth.iter().filter_map(|object| self.sight(object, after_s)).collect();
        sights.sort_by(|a, b| a.range_m.total_cmp(&b.range_m).then(a.object.id.cmp(&b.object.id)));
        let mut detections = Vec::with_capacity(sights.len() + 2);
        for (index, sight) in sights.iter().enumerate() {
            let detected = chance(&mut self.stream, self.spec.detection_probability);
            if detected && !self.is_hidden(sight, &sights[..index]) {
                detections.push(self.measure(sight));
                self.seen.push((utc.plus_seconds(after_s), sight.object.id));
            }
        }
        for _ in 0..poisson(&mut self.stream, self.spec.clutter_per_scan) {
            detections.push(self.clutter());
        }
        let sequence = self.sequence;
        self.sequence = self.sequence.wrapping_add(1);
        Scan { sensor: self.spec.id.clone(), sequence, valid_at: utc.plus_seconds(after_s), detections }
    }

    fn sight<'a>(&self, object: &'a TruthObject, after_s: f64) -> Option<Sight<'a>> {
        let at: Point = object.position + object.velocity * after_s;
        if !self.spec.sees(at) {
            return None;
        }
        let centre = at - self.spec.position;
        let range_m = centre.norm();
        let azimuth_rad = wrap_pi(centre.y.atan2(centre.x) - self.spec.boresight.rad());
        // The outline's half width across the line of sight.
        let turn = object.yaw.rad() - centre.y.atan2(centre.x);
        let half_m = (object.extent_m.0 * turn.sin().abs() + object.extent_m.1 * turn.cos().abs()) / 2.0;
        Some(Sight { object, centre, range_m, azimuth_rad, half_angle_rad: half_m.atan2(range_m) })
    }

    /// Whether nearer bodies hide more than half of it. A tall mast looks over low ones: the ray to the part that
    /// must be seen passes over a nearer body if that is lower than the ray there.
    fn is_hidden(&self, sight: &Sight<'_>, nearer: &[Sight<'_>]) -> bool {
        let seen_at_m = sight.object.height_m * SEEN_AT;
        let mut hidden_rad = 0.0;
        for other in nearer.iter().filter(|other| other.range_m + 0.5 < sight.range_m) {
            let ray_m = self.spec.height_m + (seen_at_m - self.spec.height_m) * other.range_m / sight.range_m;
            if other.object.height_m < ray_m {
                continue;
            }
            let apart = wrap_pi(other.azimuth_rad - sight.azimuth_rad).abs();
            let overlap = (other.half_angle_rad + sight.half_angle_rad - apart).min(2.0 * sight.half_angle_rad);
            hidden_rad += overlap.max(0.0);
        }
        hidden_rad > sight.half_angle_rad
    }

    fn measure(&mut self, sight: &Sight<'_>) -> Detection {
        let spec = &self.spec;
        let stream = &mut self.stream;
        let range_m = sight.range_m + spec.range_sigma_at(sight.range_m) * normal(stream);
        let azimuth_rad = wrap_pi(sight.azimuth_rad + spec.azimuth_sigma_rad * normal(stream));
        let radial_mps = sight.object.velocity.dot(&sight.centre) / sight.range_m;
        let doppler_mps = spec.doppler_sigma_mps.map(|sigma| radial_mps + sigma * normal(stream));
        let class = spec.class_accuracy.map(|right| label(stream, sight.object.class, right));
        let extent_m = (spec.kind == SensorKind::Camera).then(|| {
            let (length_m, width_m) = sight.object.extent_m;
            ((length_m * (1.0 + 0.06 * normal(stream))).max(0.2), (width_m * (1.0 + 0.06 * normal(stream))).max(0.2))
        });
        let score = (0.93 - 0.2 * sight.range_m / spec.range_m.1 + 0.04 * normal(stream)).clamp(0.3, 0.99);
        Detection {
            range_m: range_m.clamp(spec.range_m.0, spec.range_m.1),
            azimuth_rad,
            doppler_mps,
            class,
            score,
            extent_m,
        }
    }

    /// A false detection, uniform over range and azimuth.
    fn clutter(&mut self) -> Detection {
        let spec = &self.spec;
        let stream = &mut self.stream;
        let range_m = uniform(stream, spec.range_m.0, spec.range_m.1);
        let azimuth_rad = wrap_pi(uniform(stream, -spec.half_fov_rad, spec.half_fov_rad));
        let doppler_mps = spec.doppler_sigma_mps.map(|_| uniform(stream, -12.0, 12.0));
        let class = spec.class_accuracy.map(|_| {
            let draw = (uniform(stream, 0.0, 3.0) as usize).min(2);
            RoadUserClass::ALL[draw]
        });
        let extent_m =
            (spec.kind == SensorKind::Camera).then(|| (uniform(stream, 0.4, 5.0), uniform(stream, 0.4, 2.0)));
        let score = uniform(stream, 0.25, 0.7);
        Detection { range_m, azimuth_rad, doppler_mps, class, score, extent_m }
    }
}

/// The class or, with what is left of its probability, one of the two others.
fn label(stream: &mut Stream, class: RoadUserClass, right: f64) -> RoadUserClass {
    if chance(stream, right) {
        return class;
    }
    let shift = if chance(stream, 0.5) { 1 } else { 2 };
    RoadUserClass::ALL[(class.index() + shift) % 3]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RoadUserKind;
    use jxz_units::Yaw;
    use jxz_world::SensorId;

    fn radar() -> SensorSpec {
        SensorSpec {
            id: SensorId("radar".into()),
            kind: SensorKind::Radar,
            position: Point::new(10.0, -5.0),
            height_m: 6.0,
            boresight: Yaw::from_rad(2.5),
            half_fov_rad: 1.0,
            range_m: (2.0, 150.0),
            range_sigma_m: 0.2,
            range_sigma_fraction: 0.0,
            azimuth_sigma_rad: 0.003,
            doppler_sigma_mps: Some(0.1),
            detection_probability: 0.9,
            clutter_per_scan: 0.5,
            class_accuracy: None,
            period_s: 0.1,
        }
    }

    fn object(id: u64, kind: RoadUserKind, at: Point, velocity: Vector) -> TruthObject {
        let (length_m, width_m, height_m) = kind.size_m();
        TruthObject {
            id,
            kind,
            class: kind.class(),
            position: at,
            velocity,
            yaw: Yaw::of_vector(velocity.x, velocity.y),
            extent_m: (length_m, width_m),
            height_m,
            acceleration_mps2: 0.0,
            vehicle: None,
            scripted: false,
        }
    }

    fn run(spec: &SensorSpec, truth: &[TruthObject], seconds: u64) -> Vec<Scan> {
        let mut sensor = Sensor::new(spec, Seed(3), 1, 0.25);
        let views: Vec<&TruthObject> = truth.iter().collect();
        let mut scans = Vec::new();
        for step in 0..seconds * 20 {
            let from_ns = step * 50_000_000;
            let utc = Utc::from_unix_ns(1_000_000_000 + from_ns as i64);
            sensor.scans(&views, utc, from_ns, from_ns + 50_000_000, &mut scans);
        }
        scans
    }

    #[test]
    fn errors_misses_and_clutter_have_the_stated_sizes() {
        let spec = radar();
        // Standing still but with a velocity: the truth is carried to each scan's time within its step only.
        let car = object(1, RoadUserKind::Car, Point::new(-20.0, 25.0), Vector::new(0.0, 0.0));
        let scans = run(&spec, core::slice::from_ref(&car), 400);
        assert_eq!(scans.len(), 4000);
        assert!(
            scans.windows(2).all(|w| w[1].sequence == w[0].sequence + 1
                && (w[1].valid_at.seconds_since(w[0].valid_at) - 0.1).abs() < 1e-9)
        );
        let d = car.position - spec.position;
        let azimuth = wrap_pi(d.y.atan2(d.x) - 2.5);
        let hits: Vec<&Detection> = scans
            .iter()
            .flat_map(|s| &s.detections)
            .filter(|x| {
                (x.range_m - d.norm()).abs() < 1.2
                    && (x.azimuth_rad - azimuth).abs() < 0.018
                    && x.doppler_mps.unwrap().abs() < 0.5
            })
            .collect();
        let n = hits.len() as f64;
        assert!((n / 4000.0 - 0.9).abs() < 0.02, "detected {n}");
        let sigma = |f: &dyn Fn(&Detection) -> f64| (hits.iter().map(|x| f(x).powi(2)).sum::<f64>() / n).sqrt();
        assert!((sigma(&|x| x.range_m - d.norm()) - 0.2).abs() < 0.01);
        assert!((sigma(&|x| x.azimuth_rad - azimuth) - 0.003).abs() < 2e-4);
        assert!((sigma(&|x| x.doppler_mps.unwrap()) - 0.1).abs() < 0.006);
        let clutter = scans.iter().map(|s| s.detections.len()).sum::<usize>() as f64 / 4000.0 - n / 4000.0;
        assert!((clutter - 0.5).abs() < 0.05, "{clutter}");
    }

    #[test]
    fn doppler_is_positive_when_the_range_grows() {
        let spec = SensorSpec { clutter_per_scan: 0.0, detection_probability: 1.0, ..radar() };
        let d = Vector::new(-30.0, 25.0);
        let car = object(1, RoadUserKind::Car, spec.position + d, d.normalize() * 9.0);
        for scan in run(&spec, &[car], 2) {
            assert!((scan.detections[0].doppler_mps.unwrap() - 9.0).abs() < 0.5);
        }
    }

    #[test]
    fn a_bus_hides_a_car_behind_it_from_a_low_mast_and_not_from_a_high_one() {
        let towards = Vector::new(2.5_f64.cos(), 2.5_f64.sin());
        let across = Vector::new(-towards.y, towards.x) * 1e-3;
        let at = |m: f64| Point::new(10.0, -5.0) + towards * m;
        let truth = [object(1, RoadUserKind::Bus, at(40.0), across), object(2, RoadUserKind::Car, at(47.0), across)];
        for (height_m, seen) in [(4.0, 1), (40.0, 2)] {
            let spec = SensorSpec { clutter_per_scan: 0.0, detection_probability: 1.0, height_m, ..radar() };
            for scan in run(&spec, &truth, 1) {
                assert_eq!(scan.detections.len(), seen, "mast of {height_m} m");
            }
        }
    }
}
