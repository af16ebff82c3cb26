//! Forged, replayed and expired messages among good ones, in virtual time: everything is real but the time it takes.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::{Authority, BSM, start};
use jxz_security::{
    Admitted, Algorithm, Certificate, Class, Identity, QueueConfig, Receiver, ReceiverConfig, Refusal, Signer, Verdict,
    VerifyQueue,
};
use jxz_units::Now;
use std::collections::BTreeMap;
use std::time::Duration;

const VEHICLES: u64 = 200;
/// The cost model: two workers; the cheap checks run before them, one message after the other.
const WORKERS: usize = 2;
const CHEAP_US: u64 = 5;
const SIGNATURE_US: u64 = 200;
const CHAIN_US: u64 = 400;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    Good,
    StolenCertificate,
    /// The same, always of vehicle 0.
    VictimsCertificate,
    OwnCertificate,
    Replayed,
    Expired,
}

struct Arrival {
    at_us: u64,
    kind: Kind,
    vehicle: u64,
    bytes: Vec<u8>,
}

/// SplitMix64 (Steele, Lea, Flood 2014).
fn chance(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn at_us(us: u64) -> Now {
    Now::after_start(start(), Duration::from_micros(us))
}

/// 200 vehicles at 10 Hz, each at a time of its own within the tenth of a second, 1 to 3 ms under way.
fn good(authority: &Authority, seconds: u64) -> Vec<Arrival> {
    let mut state = 1;
    let mut arrivals = Vec::new();
    for vehicle in 0..VEHICLES {
        let mut signer = Signer::new(authority.issue(1_000 + vehicle as u32, &[BSM]));
        let phase_us = chance(&mut state) % 100_000;
        for tick in 0..seconds * 10 {
            let sent_us = tick * 100_000 + phase_us;
            let payload = [vehicle.to_be_bytes(), tick.to_be_bytes(), [0x42; 8], [0x42; 8], [0x42; 8]].concat();
            let bytes = signer.sign(at_us(sent_us), BSM, &payload).unwrap();
            let at_us = sent_us + 1_000 + chance(&mut state) % 2_000;
            arrivals.push(Arrival { at_us, kind: Kind::Good, vehicle, bytes });
        }
    }
    arrivals.sort_by_key(|arrival| arrival.at_us);
    arrivals
}

/// The attacker, who hears everything: half of what he sends comes evenly, half in bursts of 25 at one moment.
fn attack(authority: &Authority, good: &[Arrival], seconds: u64, per_second: &[(Kind, u64)]) -> Vec<Arrival> {
    let mut state = 2;
    let mut arrivals = Vec::new();
    let own = authority.issue(77, &[BSM]);
    for second in 0..seconds {
        for (kind, count) in per_second {
            for i in 0..*count {
                let in_burst = i % 2 == 0;
                let step = if in_burst { i / 50 * (50_000_000 / count) } else { i * 1_000_000 / count };
                let at_us = second * 1_000_000 + step;
                arrivals.extend(evil(authority, &own, good, *kind, at_us, &mut state));
            }
        }
    }
    arrivals
}

fn evil(
    authority: &Authority,
    own: &Identity,
    good: &[Arrival],
    kind: Kind,
    at_us: u64,
    state: &mut u64,
) -> Option<Arrival> {
    let heard = &good[..good.partition_point(|arrival| arrival.at_us + 1_000 < at_us)];
    let recent = &heard[heard.partition_point(|arrival| arrival.at_us + 1_500_000 < at_us)..];
    let old = &heard[..heard.partition_point(|arrival| arrival.at_us + 2_100_000 < at_us)];
    let of = |from: &[Arrival], state: &mut u64| {
        let pick = chance(state) as usize % from.len().max(1);
        from.get(pick).map(|arrival| arrival.bytes.clone())
    };
    let bytes = match kind {
        Kind::Good => None,
        Kind::Replayed => of(recent, state),
        // What was said more than two seconds ago; before there is such, the same by a vehicle whose clock is late.
        Kind::Expired => of(old, state).or_else(|| {
            let number = 5_000 + chance(state) as u32 % 4;
            let late = Now { utc: at_us_before(at_us, 2_200_000), ..self::at_us(at_us) };
            Some(Signer::new(authority.issue(number, &[BSM])).sign(late, BSM, &at_us.to_be_bytes()).unwrap())
        }),
        // Another payload under somebody's name and time.
        Kind::StolenCertificate => of(recent, state).map(|bytes| another_payload(bytes, state)),
        Kind::VictimsCertificate => {
            let last = recent.iter().rev().find(|arrival| arrival.vehicle == 0);
            last.map(|arrival| another_payload(arrival.bytes.clone(), state))
        }
        Kind::OwnCertificate => {
            let identity = Identity::new(forged_certificate(own, chance(state)), own.key().clone()).unwrap();
            Some(Signer::new(identity).sign(self::at_us(at_us), BSM, &at_us.to_be_bytes()).unwrap())
        }
    };
    bytes.map(|bytes| Arrival { at_us, kind, vehicle: 0, bytes })
}

fn another_payload(mut bytes: Vec<u8>, state: &mut u64) -> Vec<u8> {
    let at = 7 + chance(state) as usize % 32;
    bytes[at..at + 8].copy_from_slice(&chance(state).to_be_bytes());
    bytes
}

fn at_us_before(at_us: u64, back_us: u64) -> jxz_units::Utc {
    self::at_us(at_us).utc - Duration::from_micros(back_us)
}

/// The attacker's own key in a certificate that names our authority as its issuer; each is another one.
fn forged_certificate(own: &Identity, salt: u64) -> Certificate {
    let mut bytes = own.certificate().bytes().to_vec();
    let at = bytes.len() - 8;
    bytes[at..].copy_from_slice(&salt.to_be_bytes());
    Certificate::parse(&bytes).unwrap()
}

#[derive(Default, Debug)]
struct Outcome {
    accepted: BTreeMap<Kind, u64>,
    refused: BTreeMap<(Kind, Refusal), u64>,
    good: Vec<Heard>,
}

#[derive(Debug, Clone, Copy)]
struct Heard {
    vehicle: u64,
    arrived_us: u64,
    delay_us: u64,
}

impl Outcome {
    fn p99_us(&self, which: impl Fn(&Heard) -> bool) -> u64 {
        let mut delays_us: Vec<u64> = self.good.iter().filter(|h| which(h)).map(|h| h.delay_us).collect();
        delays_us.sort_unstable();
        delays_us[delays_us.len() * 99 / 100]
    }

    fn all_refused(&self, kind: Kind) -> u64 {
        self.refused.iter().filter(|((k, _), _)| *k == kind).map(|(_, n)| n).sum()
    }
}

/// From the second second on every vehicle's certificate is known.
fn in_steady_state(heard: &Heard) -> bool {
    heard.arrived_us >= 1_000_000
}

struct Waiting {
    arrived_us: u64,
    kind: Kind,
    vehicle: u64,
    job: jxz_security::Job,
}

struct Running {
    done_us: u64,
    arrived_us: u64,
    kind: Kind,
    vehicle: u64,
    verdict: Verdict,
}

/// What a roadside unit does, event by event.
struct Unit {
    receiver: Receiver,
    queue: VerifyQueue<Waiting>,
    busy: Vec<Running>,
    outcome: Outcome,
}

impl Unit {
    fn take(&mut self, now_us: u64, arrival: &Arrival) {
        match self.receiver.admit(at_us(now_us), &arrival.bytes) {
            Err(cause) => *self.outcome.refused.entry((arrival.kind, cause)).or_default() += 1,
            Ok(Admitted { job, signer, .. }) => {
                let Arrival { at_us, kind, vehicle, .. } = *arrival;
                let waiting = Waiting { arrived_us: at_us, kind, vehicle, job };
                if let Some(lost) = self.queue.push(waiting.job.class(), signer, waiting) {
                    self.receiver.count_overload();
                    *self.outcome.refused.entry((lost.kind, Refusal::Overload)).or_default() += 1;
                }
            }
        }
    }

    fn start_workers(&mut self, now_us: u64) {
        while self.busy.len() < WORKERS {
            let Some(waiting) = self.queue.pop() else { return };
            let cost_us = match (waiting.job.class(), waiting.kind) {
                (Class::Known, _) => SIGNATURE_US,
                // The message's signature is not looked at when the chain is bad.
                (Class::New, Kind::OwnCertificate) => CHAIN_US,
                (Class::New, _) => CHAIN_US + SIGNATURE_US,
            };
            let Waiting { arrived_us, kind, vehicle, job } = waiting;
            self.busy.push(Running { done_us: now_us + cost_us, arrived_us, kind, vehicle, verdict: job.run() });
        }
    }

    /// Lets the workers finish what is due until then.
    fn run_until(&mut self, until_us: u64) {
        while let Some(first) = (0..self.busy.len()).min_by_key(|i| self.busy[*i].done_us) {
            if self.busy[first].done_us > until_us {
                return;
            }
            let Running { done_us, arrived_us, kind, vehicle, verdict } = self.busy.swap_remove(first);
            match self.receiver.conclude(at_us(done_us), verdict) {
                Ok(_) => {
                    *self.outcome.accepted.entry(kind).or_default() += 1;
                    if kind == Kind::Good {
                        self.outcome.good.push(Heard { vehicle, arrived_us, delay_us: done_us - arrived_us });
                    }
                }
                Err(cause) => *self.outcome.refused.entry((kind, cause)).or_default() += 1,
            }
            self.start_workers(done_us);
        }
    }
}

/// The arrivals in the order of time.
fn play(authority: &Authority, arrivals: &[Arrival]) -> Outcome {
    let mut unit = Unit {
        receiver: Receiver::new(ReceiverConfig::default(), authority.trust()),
        queue: VerifyQueue::new(QueueConfig::default()),
        busy: Vec::new(),
        outcome: Outcome::default(),
    };
    let mut free_us = 0;
    for arrival in arrivals {
        let now_us = free_us.max(arrival.at_us) + CHEAP_US;
        free_us = now_us;
        unit.run_until(now_us);
        unit.take(now_us, arrival);
        unit.start_workers(now_us);
    }
    unit.run_until(u64::MAX);
    unit.outcome
}

fn flood(algorithm: Algorithm, seconds: u64) {
    let authority = Authority::new(algorithm);
    let good_count = seconds * VEHICLES * 10;
    let mut arrivals = good(&authority, seconds);
    let quiet = play(&authority, &arrivals);
    assert_eq!(quiet.accepted[&Kind::Good], good_count, "{:?}", quiet.refused);

    let rates =
        [(Kind::StolenCertificate, 250), (Kind::OwnCertificate, 250), (Kind::Replayed, 500), (Kind::Expired, 500)];
    let evil = attack(&authority, &arrivals, seconds, &rates);
    let evil_count = evil.len() as u64;
    assert!(evil_count > seconds * 1_500 - 100, "{evil_count}: the attacker has to have heard something first");
    arrivals.extend(evil);
    arrivals.sort_by_key(|arrival| arrival.at_us);
    let flooded = play(&authority, &arrivals);

    assert_eq!(flooded.accepted, BTreeMap::from([(Kind::Good, good_count)]), "{:?}", flooded.refused);
    let refused: u64 = rates.iter().map(|(kind, _)| flooded.all_refused(*kind)).sum();
    assert_eq!(refused, evil_count);
    // Each for what it is.
    for (kind, causes) in [
        (Kind::StolenCertificate, &[Refusal::BadSignature][..]),
        (Kind::OwnCertificate, &[Refusal::BadChain]),
        (Kind::Replayed, &[Refusal::Replayed]),
        (Kind::Expired, &[Refusal::Expired]),
    ] {
        let as_said: u64 = causes.iter().filter_map(|cause| flooded.refused.get(&(kind, *cause))).sum();
        assert_eq!(as_said, flooded.all_refused(kind), "{kind:?}: {:?}", flooded.refused);
    }
    for which in [|_: &Heard| true, in_steady_state] {
        let (quiet_us, flooded_us) = (quiet.p99_us(which), flooded.p99_us(which));
        assert!(flooded_us <= 2 * quiet_us, "p99 {flooded_us} us, {quiet_us} us when quiet");
    }
}

#[test]
fn a_flood_of_bad_messages_costs_no_good_one_p256() {
    flood(Algorithm::EcdsaP256, 3);
}

#[test]
fn a_flood_of_bad_messages_costs_no_good_one_sm2() {
    flood(Algorithm::Sm2, 3);
}

/// Far more than can be verified: under fresh certificates, and under one vehicle's. The others feel nothing of it.
#[test]
fn a_flood_beyond_all_capacity_harms_only_whom_it_names() {
    let authority = Authority::new(Algorithm::EcdsaP256);
    let mut arrivals = good(&authority, 2);
    let quiet = play(&authority, &arrivals);
    let evil: Vec<Arrival> =
        attack(&authority, &arrivals, 2, &[(Kind::VictimsCertificate, 10_000), (Kind::OwnCertificate, 5_000)])
            .into_iter()
            .filter(|arrival| arrival.at_us >= 1_000_000)
            .collect();
    assert!(evil.len() == 15_000, "{}", evil.len());
    arrivals.extend(evil);
    arrivals.sort_by_key(|arrival| arrival.at_us);
    let flooded = play(&authority, &arrivals);
    assert!(flooded.refused[&(Kind::VictimsCertificate, Refusal::Overload)] > 1_000, "{:?}", flooded.refused);
    assert!(flooded.refused[&(Kind::OwnCertificate, Refusal::Overload)] > 1_000, "{:?}", flooded.refused);
    assert_eq!(flooded.accepted.keys().collect::<Vec<_>>(), [&Kind::Good]);
    let of_others = |outcome: &Outcome| outcome.good.iter().filter(|heard| heard.vehicle != 0).count();
    assert_eq!(of_others(&flooded), of_others(&quiet), "{:?}", flooded.refused);
    let others = |heard: &Heard| heard.vehicle != 0 && in_steady_state(heard);
    let (quiet_us, flooded_us) = (quiet.p99_us(others), flooded.p99_us(others));
    // All workers are always busy now: one verification more to wait for, the longest being of a new certificate.
    assert!(flooded_us <= quiet_us + SIGNATURE_US + CHAIN_US, "p99 {flooded_us} us, {quiet_us} us when quiet");
}
