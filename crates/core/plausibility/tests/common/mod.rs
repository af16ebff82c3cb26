//! Small traffic with known truth: cars that drive, receivers that err, a radio that loses, and senders that lie.
#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod attack;

use attack::Attack;
use jxz_geo::{Point, Vector};
use jxz_plausibility::{Assessment, Check, MisbehaviourReport, Plausibility, PlausibilityConfig, Verdict};
use jxz_units::{Now, Utc, Yaw};
use jxz_world::{SiteId, VehicleId, VehicleReport};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) const TICK_S: f64 = 0.1;

pub(crate) fn start() -> Utc {
    Utc::from_unix_ms(1_780_000_000_000)
}

pub(crate) fn now_at(s: f64) -> Now {
    Now::after_start(start(), Duration::from_secs_f64(s))
}

pub(crate) fn plausibility() -> Plausibility {
    Plausibility::new(PlausibilityConfig::default(), SiteId("here".to_owned()), Point::new(0.0, 0.0)).unwrap()
}

pub(crate) fn id(n: u64) -> VehicleId {
    VehicleId(n.to_be_bytes())
}

/// A car at a point, heading `yaw_deg` anticlockwise from east.
pub(crate) fn report(n: u64, at_s: f64, (x, y): (f64, f64), yaw_deg: f64, speed_mps: f64) -> VehicleReport {
    VehicleReport {
        vehicle: id(n),
        message_count: 0,
        valid_at: start().plus_seconds(at_s),
        position: Point::new(x, y),
        position_sigma_m: Some(1.5),
        speed_mps: Some(speed_mps),
        heading: Some(Yaw::from_rad(yaw_deg.to_radians()).to_heading()),
        acceleration_mps2: Some(0.0),
        extent_m: Some((4.6, 1.8)),
        class: None,
        details: jxz_world::VehicleDetails::default(),
    }
}

pub(crate) fn gauss(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (rng.random_range(1e-12..1.0), rng.random());
    (-2.0 * libm::log(u)).sqrt() * libm::cos(std::f64::consts::TAU * v)
}

/// How a satellite receiver errs: partly anew each time, partly slowly wandering. 1.5 m in each axis altogether.
#[derive(Clone, Copy)]
pub(crate) enum Noise {
    White,
    Wandering,
}

/// Acceleration m/s² and rate of turn rad/s at a time of the drive, given the speed.
pub(crate) type Drive = Box<dyn Fn(f64, f64) -> (f64, f64)>;

pub(crate) struct Car {
    pub(crate) id: u64,
    pub(crate) from_s: f64,
    pub(crate) to_s: f64,
    pub(crate) position: Point,
    pub(crate) yaw_rad: f64,
    pub(crate) speed_mps: f64,
    pub(crate) drive: Drive,
    pub(crate) noise: Noise,
    /// At this time the car takes the id `id + 10_000`.
    pub(crate) new_id_at_s: Option<f64>,
    /// The receiver is 30 m off for half a second from then on.
    pub(crate) glitch_at_s: Option<f64>,
    pub(crate) attack: Option<Attack>,
    wander: Vector,
    phase_s: f64,
    acceleration_mps2: f64,
}

impl Car {
    pub(crate) fn new(id: u64, (x, y): (f64, f64), yaw_deg: f64, speed_mps: f64, drive: Drive) -> Self {
        Self {
            id,
            from_s: 0.0,
            to_s: f64::INFINITY,
            position: Point::new(x, y),
            yaw_rad: yaw_deg.to_radians(),
            speed_mps,
            drive,
            noise: Noise::White,
            new_id_at_s: None,
            glitch_at_s: None,
            attack: None,
            wander: Vector::zeros(),
            phase_s: 0.0,
            acceleration_mps2: 0.0,
        }
    }

    fn step(&mut self, t_s: f64, rng: &mut ChaCha8Rng) {
        for part in 0..10 {
            let dt_s = TICK_S / 10.0;
            let (acceleration, turning) = (self.drive)(t_s + f64::from(part) * dt_s, self.speed_mps);
            let before = self.speed_mps;
            self.speed_mps = (self.speed_mps + acceleration * dt_s).max(0.0);
            self.acceleration_mps2 = (self.speed_mps - before) / dt_s;
            self.yaw_rad += turning * dt_s;
            self.position += Vector::new(libm::cos(self.yaw_rad), libm::sin(self.yaw_rad)) * (self.speed_mps * dt_s);
        }
        let keep = libm::exp(-TICK_S / 8.0_f64);
        let kick = 1.06 * (1.0 - keep * keep).sqrt();
        self.wander = self.wander * keep + Vector::new(gauss(rng), gauss(rng)) * kick;
    }

    fn says(&self, t_s: f64, rng: &mut ChaCha8Rng) -> VehicleReport {
        let white_m = match self.noise {
            Noise::White => 1.5,
            Noise::Wandering => 1.06,
        };
        let mut error = Vector::new(gauss(rng), gauss(rng)) * white_m;
        if matches!(self.noise, Noise::Wandering) {
            error += self.wander;
        }
        if self.glitch_at_s.is_some_and(|at_s| (at_s..at_s + 0.5).contains(&t_s)) {
            error += Vector::new(21.0, -21.0);
        }
        let id = self.id + if self.new_id_at_s.is_some_and(|at_s| t_s >= at_s) { 10_000 } else { 0 };
        // Valid at the end of the tick's drive, to the phase within it.
        let place = self.position + error;
        let speed_mps = (self.speed_mps + 0.2 * gauss(rng)).max(0.0);
        let yaw_deg = self.yaw_rad.to_degrees() + 1.5 * gauss(rng);
        VehicleReport {
            acceleration_mps2: Some((self.acceleration_mps2 + 0.2 * gauss(rng)).clamp(-20.0, 20.0)),
            ..report(id, t_s, (place.x, place.y), yaw_deg, speed_mps)
        }
    }
}

/// What became of one sender's reports.
#[derive(Debug, Default, Clone)]
pub(crate) struct Fate {
    pub(crate) sent: u64,
    pub(crate) accepted: u64,
    pub(crate) suspect: u64,
    pub(crate) rejected: u64,
    pub(crate) failures: BTreeMap<Check, u64>,
    pub(crate) told: u64,
}

impl Fate {
    pub(crate) fn record(&mut self, assessment: &Assessment) {
        self.sent += 1;
        match assessment.verdict {
            Verdict::Accept => self.accepted += 1,
            Verdict::Suspect => self.suspect += 1,
            Verdict::Reject => self.rejected += 1,
        }
        for failure in &assessment.failures {
            *self.failures.entry(failure.check).or_default() += 1;
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.accepted += other.accepted;
        self.suspect += other.suspect;
        self.rejected += other.rejected;
        self.told += other.told;
        for (check, n) in &other.failures {
            *self.failures.entry(*check).or_default() += n;
        }
    }

    pub(crate) fn rejected_part(&self) -> f64 {
        self.rejected as f64 / self.sent as f64
    }

    pub(crate) fn noticed_part(&self) -> f64 {
        (self.rejected + self.suspect) as f64 / self.sent as f64
    }
}

/// When a report goes out: when what it says is so, if it is of this tick; what is older is sent with the tick.
fn sent_at_s(report: &VehicleReport, t_s: f64) -> f64 {
    report.valid_at.seconds_since(start()).max(t_s + 0.001)
}

/// Whose id it is: a car's own, its second one, or a ghost's.
fn owner(vehicle: VehicleId) -> u64 {
    match u64::from_be_bytes(vehicle.0) {
        second @ 10_000.. => second - 10_000,
        ghost @ 1000.. => ghost / 1000,
        own => own,
    }
}

/// Everything follows from the seed.
pub(crate) struct Traffic {
    pub(crate) cars: Vec<Car>,
    pub(crate) plausibility: Plausibility,
    pub(crate) told: Vec<MisbehaviourReport>,
    rng: ChaCha8Rng,
    tick: u32,
}

impl Traffic {
    pub(crate) fn new(seed: u64, cars: Vec<Car>) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut cars = cars;
        for car in &mut cars {
            car.phase_s = rng.random_range(0.0..0.03);
            car.wander = Vector::new(gauss(&mut rng), gauss(&mut rng)) * 1.06;
        }
        Self { cars, plausibility: plausibility(), told: Vec::new(), rng, tick: 0 }
    }

    /// Drives on for some seconds; gives what became of each car's reports, by the car's first id. What a liar says
    /// under other ids counts as its own.
    pub(crate) fn run(&mut self, seconds: f64) -> BTreeMap<u64, Fate> {
        let mut fates: BTreeMap<u64, Fate> = BTreeMap::new();
        for _ in 0..(seconds / TICK_S).round() as u32 {
            for (arrives_s, car, report) in self.next_tick() {
                let assessment = self.plausibility.check(now_at(arrives_s), &report, Some(*b"digest-8"));
                fates.entry(car).or_default().record(&assessment);
                while let Some(told) = self.plausibility.poll_report() {
                    fates.entry(owner(told.subject)).or_default().told += 1;
                    self.told.push(told);
                }
            }
        }
        fates
    }

    fn next_tick(&mut self) -> Vec<(f64, u64, VehicleReport)> {
        let t_s = f64::from(self.tick) * TICK_S;
        self.tick += 1;
        let mut on_air = Vec::new();
        let mut honest = Vec::new();
        let rng = &mut self.rng;
        for car in &mut self.cars {
            if !(car.from_s..car.to_s).contains(&t_s) {
                continue;
            }
            car.step(t_s, rng);
            let said = car.says(t_s + TICK_S, rng);
            honest.push((car.id, said));
        }
        for car in &mut self.cars {
            let Some((_, truth)) = honest.iter().find(|(id, _)| *id == car.id) else { continue };
            let said = match &mut car.attack {
                None => vec![*truth],
                Some(attack) => {
                    let others: Vec<_> = honest.iter().filter(|(id, _)| *id != car.id).map(|(_, said)| *said).collect();
                    attack.says(t_s, truth, &others, rng)
                }
            };
            // The radio is heard from where the car is, whatever it says.
            let range_m = car.position.coords.norm();
            let delay_s = car.phase_s + rng.random_range(0.005..0.04);
            for report in said {
                let is_lost = rng.random_bool((0.02 + (range_m / 600.0).powi(3)).min(1.0));
                if !is_lost {
                    on_air.push((sent_at_s(&report, t_s) + delay_s, car.id, report));
                }
            }
        }
        on_air.sort_by(|a, b| a.0.total_cmp(&b.0));
        on_air
    }
}
