//! Every kind of word to the brain comes back from the wire with every bit, and what cannot be is refused by its name.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_blackbox::{input_from_wire, input_to_wire};
use jxz_edge::{Configuration, Input, LinkStatus};
use jxz_geo::{Point, Vector};
use jxz_hazard::HazardConfig;
use jxz_units::{Heading, Utc};
use jxz_wire::journal::v1 as wire;
use jxz_wire::journal::v1::step::Input as Wire;
use jxz_world::{
    ClassBelief, ConfigVersion, CongestionReport, Detection, DropCause, Drops, IslandId, JunctionId, JunctionSignals,
    Light, NeighbourTracks, PhaseId, PhaseSignal, RoadHazard, RoadReport, RoadUserClass, Scan, SensorId, SiteId,
    Sources, SpoolHealth, Track, TrackId, VehicleId,
};
use prost::Message;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const ROUNDS: u64 = 300;

struct Chance(ChaCha8Rng);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0.next_u64() % limit
    }

    fn yes(&mut self) -> bool {
        self.below(2) == 1
    }

    /// Any double that is one: all exponents, both zeros, infinities.
    fn number(&mut self) -> f64 {
        match self.below(8) {
            0 => -0.0,
            1 => f64::INFINITY,
            2 => f64::from_bits(1),
            _ => Some(f64::from_bits(self.0.next_u64())).filter(|x| !x.is_nan()).unwrap_or(0.1 + 0.2),
        }
    }

    fn utc(&mut self) -> Utc {
        Utc::from_unix_ns(self.0.next_u64() as i64)
    }

    fn text(&mut self) -> String {
        (0..self.below(12)).map(|_| char::from_u32(0x4e00 + self.below(0x1000) as u32).unwrap()).collect()
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..self.below(300)).map(|_| self.0.next_u64() as u8).collect()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.yes().then(|| make(self))
    }

    fn list<T>(&mut self, most: u64, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }
}

fn detection(chance: &mut Chance) -> Detection {
    Detection {
        range_m: chance.number(),
        azimuth_rad: chance.number(),
        doppler_mps: chance.maybe(Chance::number),
        class: chance.maybe(|chance| chance.pick(&RoadUserClass::ALL)),
        score: chance.number(),
        extent_m: chance.maybe(|chance| (chance.number(), chance.number())),
    }
}

const LIGHTS: [Light; 6] =
    [Light::Red, Light::Green, Light::PermissiveGreen, Light::Yellow, Light::FlashingYellow, Light::Dark];

fn phase(chance: &mut Chance) -> PhaseSignal {
    PhaseSignal {
        phase: PhaseId(chance.0.next_u64() as u8),
        light: chance.pick(&LIGHTS),
        likely_end: chance.utc(),
        next: chance.maybe(|chance| (chance.pick(&LIGHTS), chance.number())),
    }
}

fn track(chance: &mut Chance) -> Track {
    let weights = [1, 2, 3].map(|_| chance.below(1000) as f64);
    Track {
        id: TrackId(chance.0.next_u64()),
        island: IslandId(chance.0.next_u64()),
        valid_at: chance.utc(),
        measured_at: chance.utc(),
        since: chance.utc(),
        position: Point::new(chance.number(), chance.number()),
        velocity: Vector::new(chance.number(), chance.number()),
        covariance: nalgebra::Matrix4::from_fn(|_, _| chance.number()),
        existence: chance.number(),
        class: ClassBelief::from_weights(weights),
        extent_m: chance.maybe(|chance| (chance.number(), chance.number())),
        heading: chance.maybe(|chance| Heading::from_rad(chance.0.random::<f64>() * core::f64::consts::TAU)),
        vehicle: chance.maybe(|chance| VehicleId(chance.0.next_u64().to_be_bytes())),
        sources: Sources { radar: chance.yes(), camera: chance.yes(), v2x: chance.yes() },
    }
}

fn spool(chance: &mut Chance) -> SpoolHealth {
    SpoolHealth {
        pending: chance.0.next_u64(),
        oldest_age_s: chance.maybe(|chance| chance.0.random::<f64>() * 1e6),
        bytes: chance.0.next_u64(),
        dropped: [("health".to_owned(), chance.0.next_u64())].into(),
        damaged: chance.0.next_u64(),
        failing: chance.yes(),
    }
}

fn settings(chance: &mut Chance) -> HazardConfig {
    let mut config = HazardConfig::default();
    config.icw.enabled = chance.yes();
    for number in [&mut config.predict.horizon_s, &mut config.life.again_s, &mut config.icw.probability.raise] {
        *number = chance.number();
    }
    config.life.max_alive = chance.0.next_u64() as u32;
    config
}

fn drops(chance: &mut Chance) -> Drops {
    let mut drops = Drops::default();
    for cause in [DropCause::SensorStale, DropCause::BlackBoxGap, DropCause::RadioReplayed] {
        drops.add(cause, chance.0.next_u64() >> 1);
    }
    drops
}

fn input(chance: &mut Chance, kind: u64) -> Input {
    match kind {
        0 => Input::Scan(Scan {
            sensor: SensorId(chance.text()),
            sequence: chance.0.next_u64() as u32,
            valid_at: chance.utc(),
            detections: chance.list(30, detection),
        }),
        1 => Input::Signals(JunctionSignals {
            junction: JunctionId(chance.text()),
            valid_at: chance.utc(),
            phases: chance.list(8, phase),
        }),
        2 => Input::Radio(chance.bytes()),
        3 => Input::Verified(chance.0.next_u64(), None),
        4 => Input::Revocations(chance.bytes()),
        5 => Input::Neighbour(NeighbourTracks {
            site: SiteId(chance.text()),
            boot: chance.0.next_u64(),
            sequence: chance.0.next_u64(),
            valid_at: chance.utc(),
            tracks: chance.list(6, track),
        }),
        6 => Input::RoadCondition(RoadReport {
            id: chance.0.next_u64(),
            hazard: chance.pick(&RoadHazard::ALL),
            at: Point::new(chance.number(), chance.number()),
            radius_m: chance.number(),
            safe_mps: chance.number(),
            valid_until: chance.utc(),
        }),
        7 => Input::Hazard(Box::new(settings(chance))),
        9 => Input::Configuration(Box::new(Configuration {
            version: ConfigVersion { revision: chance.0.next_u64(), digest: chance.0.next_u64() },
            hazard: settings(chance),
            health_s: chance.number(),
        })),
        8 => Input::Links(LinkStatus {
            subscribers: chance.0.next_u64() as u32,
            drops: drops(chance),
            spool: chance.maybe(spool),
        }),
        10 => Input::Congestion(CongestionReport {
            link: format!("w{}", chance.0.next_u64()),
            said_at: chance.utc(),
            speed_mps: chance.number(),
            vehicles: chance.0.next_u64() as u32,
            valid_until: chance.utc(),
        }),
        _ => Input::Timer,
    }
}

#[test]
fn every_kind_comes_back_as_it_was_said() {
    let mut chance = Chance(ChaCha8Rng::seed_from_u64(18));
    for round in 0..ROUNDS {
        for kind in 0..12 {
            let said = input(&mut chance, kind);
            let step = wire::Step { input: input_to_wire(&said), ..wire::Step::default() };
            let bytes = step.encode_to_vec();
            let read = wire::Step::decode(bytes.as_slice()).unwrap().input.unwrap();
            let back = input_from_wire(read).unwrap();
            // The text of a double shows each of its bits, but for those of a NaN.
            assert_eq!(format!("{said:?}"), format!("{back:?}"), "round {round}, kind {kind}");
            let again = wire::Step { input: input_to_wire(&back), ..wire::Step::default() };
            assert_eq!(again.encode_to_vec(), bytes, "round {round}, kind {kind}");
        }
    }
}

#[test]
fn a_number_that_is_none_keeps_its_bits_too() {
    let nan = f64::from_bits(0x7ff8_0000_0000_0abc);
    let detection =
        Detection { range_m: nan, azimuth_rad: nan, doppler_mps: Some(nan), class: None, score: nan, extent_m: None };
    let sensor = SensorId("radar".to_owned());
    let scan = Scan { sensor, sequence: 1, valid_at: Utc::from_unix_ns(0), detections: vec![detection] };
    let Input::Scan(back) = input_from_wire(input_to_wire(&Input::Scan(scan)).unwrap()).unwrap() else { panic!() };
    assert_eq!(back.detections[0].range_m.to_bits(), nan.to_bits());
    assert_eq!(back.detections[0].doppler_mps.map(f64::to_bits), Some(nan.to_bits()));
}

#[test]
fn what_cannot_be_is_refused_by_the_name_of_its_field() {
    let many = wire::Scan { detections: vec![wire::Detection::default(); 10_000], ..wire::Scan::default() };
    let bare = wire::Scan { detections: vec![wire::Detection::default()], ..wire::Scan::default() };
    let class = wire::Detection { range_m: Some(1.0), azimuth_rad: Some(1.0), class: 7, ..wire::Detection::default() };
    let class = wire::Scan { detections: vec![class], ..wire::Scan::default() };
    let long = wire::Scan { sensor: "x".repeat(1000), ..wire::Scan::default() };
    let phase = wire::Phase { phase: 300, light: 1, ..wire::Phase::default() };
    let dark = wire::Phase { phase: 3, light: 9, ..wire::Phase::default() };
    let signals = |phase| Wire::Signals(wire::Signals { phases: vec![phase], ..wire::Signals::default() });
    let track = wire::Track { state: vec![0.0; 7], ..wire::Track::default() };
    let word = wire::NeighbourTracks { tracks: vec![track], ..wire::NeighbourTracks::default() };
    let sure = wire::Track { state: vec![2.0; 8], covariance: vec![0.0; 16], ..wire::Track::default() };
    let sure = wire::NeighbourTracks { tracks: vec![sure], ..wire::NeighbourTracks::default() };
    let hazard = wire::RoadCondition { hazard: "frogs".to_owned(), ..wire::RoadCondition::default() };
    let links = wire::Links { drops: [("no such cause".to_owned(), 1)].into(), ..wire::Links::default() };
    let good = wire::Verified { ticket: 1, outcome: "good".to_owned() };
    for (wanted, input) in [
        ("Scan.detections", Wire::Scan(many)),
        ("Detection.range_m", Wire::Scan(bare)),
        ("Detection.class", Wire::Scan(class)),
        ("Scan.sensor", Wire::Scan(long)),
        ("Phase.phase", signals(phase)),
        ("Phase.light", signals(dark)),
        ("Track.state", Wire::Neighbour(word)),
        ("Track.state", Wire::Neighbour(sure)),
        ("RoadCondition.hazard", Wire::RoadCondition(hazard)),
        ("Congestion.speed_mps", Wire::Congestion(wire::Congestion::default())),
        ("Links.drops", Wire::Links(links)),
        ("hazard", Wire::Hazard("icw = 7".to_owned())),
        ("Step.verified", Wire::Verified(good)),
    ] {
        let said = input_from_wire(input).unwrap_err().to_string();
        assert!(said.starts_with(wanted), "{said}");
    }
}
