//! 500 forged, 500 replayed, 500 expired and 500 implausible reports among 2,000 good ones each second, through the
//! whole node: every check and every signature is real, only the time that they take is modelled.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_edge::{Edge, EdgeConfig, Input, NoStopwatch, Output, Security};
use jxz_geo::Vector;
use jxz_map::Map;
use jxz_security::{
    Algorithm, Identity, Job, Psid, QueueConfig, ReceiverConfig, Signer, SigningKey, Subject, TrustStore, Validity,
    VerifyQueue,
};
use jxz_units::{Heading, Now, Utc};
use jxz_v2x::{MsgCount, OnBoardState, Profile, encode_bsm};
use jxz_world::{DropCause, Site, VehicleDetails, VehicleId};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

const START: Utc = Utc::from_unix_ms(1_786_270_272_000);
const BSM: Psid = Psid(111);
const VEHICLES: usize = 200;
const LIARS: usize = 20;
const FAKES: usize = 10;
/// Quiet until everybody is known and there is something old to be sent again; then the attack.
const ATTACK_FROM_MS: u64 = 3_000;
const END_MS: u64 = 6_000;
/// Of each kind, a second.
const EACH: u64 = 500;
/// The cost model: two threads verify; the cheap checks run before them, one message after the other.
const WORKERS: usize = 2;
const CHEAP_US: u64 = 10;
const SIGNATURE_US: u64 = 200;
const CHAIN_US: u64 = 400;

static MAP: LazyLock<Arc<Map>> = LazyLock::new(|| {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds/island");
    Arc::new(Map::load(&seeds).expect("the island's own map loads"))
});

fn at_us(us: u64) -> Now {
    Now::after_start(START, Duration::from_micros(us))
}

fn site() -> &'static Site {
    MAP.sites.iter().find(|s| s.junction.is_some()).expect("a site with signals")
}

struct Authority(Identity);

impl Authority {
    fn new(seed: u8) -> Self {
        let key = SigningKey::from_seed(Algorithm::EcdsaP256, &[seed; 32]);
        Self(
            Identity::root(
                key,
                &subject(&[BSM, Psid(3618), Psid(3619), Psid(3620), Psid(3621), Psid(3622), Psid(3623)]),
            )
            .unwrap(),
        )
    }

    fn enrol(&self, number: usize, psids: &[Psid]) -> Identity {
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let key = SigningKey::from_seed(Algorithm::EcdsaP256, &seed);
        Identity::new(self.0.issue_application(&key.public_key(), &subject(psids)).unwrap(), key).unwrap()
    }
}

fn subject(psids: &[Psid]) -> Subject<'_> {
    let validity = Validity { from: START - Duration::from_secs(3600), until: START + Duration::from_secs(86_400) };
    Subject { name: None, validity, region: None, psids }
}

/// One that says where it stands, in a grid around the site's middle, nine metres apart.
struct Speaker {
    signer: Signer,
    state: OnBoardState,
    count: MsgCount,
}

impl Speaker {
    fn new(identity: Identity, place: usize, speed_mps: f64) -> Self {
        let state =
            OnBoardState { vehicle: VehicleId(identity.certificate().digest().0), ..standing(place, speed_mps) };
        Self { signer: Signer::new(identity), state, count: MsgCount::new(0) }
    }

    fn say(&mut self, at: u64) -> Vec<u8> {
        self.state.valid_at = at_us(at).utc;
        let message = encode_bsm(&MAP.frame, Profile::default(), &self.state, self.count.take()).unwrap();
        self.signer.sign(at_us(at), BSM, &message).unwrap()
    }
}

fn standing(place: usize, speed_mps: f64) -> OnBoardState {
    let (row, column) = (place / 15, place % 15);
    OnBoardState {
        vehicle: VehicleId([0; 8]),
        valid_at: START,
        position: site().position + Vector::new(9.0 * column as f64 - 63.0, 9.0 * row as f64 - 63.0),
        position_sigma_m: Some(0.4),
        speed_mps: Some(speed_mps),
        heading: Some(Heading::from_deg(90.0)),
        acceleration_mps2: Some(0.0),
        extent_m: Some((4.6, 1.8)),
        details: VehicleDetails::default(),
    }
}

#[derive(Debug, Clone)]
struct Arrival {
    at_us: u64,
    is_good: bool,
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

/// 200 vehicles at 10 Hz, spread over the tenth of a second.
fn good(authority: &Authority) -> Vec<Arrival> {
    let mut vehicles: Vec<Speaker> = (0..VEHICLES).map(|n| Speaker::new(authority.enrol(n, &[BSM]), n, 0.0)).collect();
    let (mut arrivals, mut state) = (Vec::new(), 1);
    for tick in 0..END_MS / 100 {
        for (vehicle, phase) in vehicles.iter_mut().zip(0..) {
            let sent = tick * 100_000 + phase * 500;
            let at_us = sent + 1_000 + chance(&mut state) % 2_000;
            arrivals.push(Arrival { at_us, is_good: true, bytes: vehicle.say(sent) });
        }
    }
    arrivals.sort_by_key(|arrival: &Arrival| arrival.at_us);
    arrivals
}

/// What the attacker sends, at times that are left to chance: four kinds, each on its own, 500 a second.
fn attack(authority: &Authority, good: &[Arrival]) -> Vec<Arrival> {
    let mut liars: Vec<Speaker> =
        (0..LIARS).map(|n| Speaker::new(authority.enrol(500 + n, &[BSM]), 150 + n, 100.0)).collect();
    let own = Authority::new(66);
    let mut fakes: Vec<Speaker> = (0..FAKES).map(|n| Speaker::new(own.enrol(900 + n, &[BSM]), 170 + n, 0.0)).collect();
    let (mut arrivals, mut state) = (Vec::new(), 2);
    let total = EACH * (END_MS - ATTACK_FROM_MS) / 1000;
    for i in 0..total {
        let evenly = ATTACK_FROM_MS * 1000 + i * 1_000_000 / EACH;
        let at = evenly + chance(&mut state) % 20_000;
        let heard = |before_us: u64| {
            let until = good.partition_point(|arrival| arrival.at_us + before_us < at);
            // Another one each time, so that no two forgeries are the same.
            good[until - 1 - (i as usize * 7) % 400].bytes.clone()
        };
        let forged = match i % 4 {
            // Under a certificate of the attacker's own making.
            0 => fakes[i as usize / 4 % FAKES].say(evenly),
            // Under a stolen one: another's envelope of just now, with a place of the next moment in it.
            _ => elsewhere(heard(50_000), evenly + 100_000),
        };
        let expired = heard(2_300_000);
        // Its certificates are good, and it claims 100 m/s.
        let implausible = liars[i as usize % LIARS].say(evenly);
        for bytes in [forged, heard(150_000), expired, implausible] {
            let at_us = at + chance(&mut state) % 20_000;
            arrivals.push(Arrival { at_us, is_good: false, bytes });
        }
    }
    arrivals
}

/// The same envelope around a newer message in the same vehicle's name, ten metres from where it is.
fn elsewhere(mut bytes: Vec<u8>, at: u64) -> Vec<u8> {
    let spdu = jxz_security::Spdu::parse(&bytes).unwrap();
    let (payload, vehicle) = (spdu.payload().to_vec(), VehicleId(spdu.signer().0));
    let from = bytes.windows(payload.len()).position(|window| window == payload).unwrap();
    let position = site().position + Vector::new(10.0, 0.0);
    let state = OnBoardState { vehicle, valid_at: at_us(at).utc, position, ..standing(0, 0.0) };
    let message = encode_bsm(&MAP.frame, Profile::default(), &state, MsgCount::new(0)).unwrap();
    assert_eq!(message.len(), payload.len());
    bytes[from..from + message.len()].copy_from_slice(&message);
    bytes
}

#[derive(Debug, Clone)]
struct Waiting {
    job: Job,
    ticket: u64,
    arrived_us: u64,
    is_good: bool,
}

/// Plays arrivals into a node in front of two modelled threads; gives when the good ones arrived and for how long
/// each waited, and the node.
fn play(authority: &Authority, mut arrivals: Vec<Arrival>) -> (Vec<(u64, u64)>, Edge) {
    arrivals.sort_by_key(|arrival| arrival.at_us);
    let psids = [Psid(3618), Psid(3619), Psid(3620), Psid(3621), Psid(3622), Psid(3623)];
    let mut trust = TrustStore::new();
    trust.add_root(authority.0.certificate().bytes()).unwrap();
    let signer = Signer::new(authority.enrol(2_000, &psids));
    let security = Security { signer, trust, receiver: ReceiverConfig::default() };
    let config = EdgeConfig { share_sensors: false, ..EdgeConfig::default() };
    let mut edge =
        Edge::new(at_us(0), MAP.clone(), &site().id, config, Box::new(NoStopwatch)).unwrap().secured(security);

    let mut queue = VerifyQueue::new(QueueConfig::default());
    let mut workers: [Option<(u64, Waiting)>; WORKERS] = [const { None }; WORKERS];
    let (mut brain_free_us, mut delays) = (0, Vec::new());
    let mut arrivals = arrivals.into_iter().peekable();
    loop {
        let done = workers.iter().flatten().map(|(at, _)| *at).min();
        let next = arrivals.peek().map(|arrival| arrival.at_us.max(brain_free_us));
        let now = match (done, next) {
            (None, None) => return (delays, edge),
            (Some(done), Some(next)) => done.min(next),
            (done, next) => done.or(next).unwrap(),
        };
        for worker in &mut workers {
            if let Some((_, waiting)) = worker.take_if(|(at, _)| *at == now) {
                edge.handle(at_us(now), Input::Verified(waiting.ticket, Some(waiting.job.run())));
                if waiting.is_good {
                    delays.push((waiting.arrived_us, now - waiting.arrived_us));
                }
            }
        }
        if next == Some(now) {
            let arrival = arrivals.next().unwrap();
            brain_free_us = now + CHEAP_US;
            edge.handle(at_us(now), Input::Radio(arrival.bytes));
            while let Some(output) = edge.poll() {
                let Output::Verify(verification) = output else { continue };
                let (class, signer) = (verification.job.class(), verification.job.signer());
                let waiting = Waiting {
                    job: verification.job,
                    ticket: verification.ticket,
                    arrived_us: arrival.at_us,
                    is_good: arrival.is_good,
                };
                if let Some(dropped) = queue.push(class, signer, waiting) {
                    edge.handle(at_us(now), Input::Verified(dropped.ticket, None));
                }
            }
        }
        for worker in workers.iter_mut().filter(|worker| worker.is_none()) {
            let Some(waiting) = queue.pop() else { break };
            let cost = if waiting.job.class() == jxz_security::Class::New { CHAIN_US } else { SIGNATURE_US };
            *worker = Some((now.max(brain_free_us) + cost, waiting));
        }
    }
}

/// Of those that came while the attack went on, or would have.
fn p99(delays: &[(u64, u64)]) -> u64 {
    let during = delays.iter().filter(|(arrived_us, _)| *arrived_us >= ATTACK_FROM_MS * 1000);
    let mut delays: Vec<u64> = during.map(|(_, delay)| *delay).collect();
    delays.sort_unstable();
    delays[delays.len() * 99 / 100]
}

#[test]
fn every_good_report_is_accepted_in_time_and_no_other_is() {
    let authority = Authority::new(1);
    let good = good(&authority);
    let attack = attack(&authority, &good);
    let total = EACH * (END_MS - ATTACK_FROM_MS) / 1000;

    let (quiet, edge) = play(&authority, good.clone());
    assert_eq!(edge.drops().iter().map(|(_, n)| n).sum::<u64>(), 0, "{:?}", edge.drops());
    assert_eq!(quiet.len(), good.len());

    let (flooded, edge) = play(&authority, good.iter().cloned().chain(attack).collect());
    let drops = edge.drops();
    assert_eq!(flooded.len(), good.len(), "every good one came to its verdict: {drops:?}");
    assert_eq!(drops.of(DropCause::RadioExpired), total, "{drops:?}");
    assert_eq!(drops.of(DropCause::RadioReplayed), total, "{drops:?}");
    assert_eq!(drops.of(DropCause::RadioBadSignature), total * 3 / 4, "forged under stolen certificates: {drops:?}");
    // The rest falls to several checks: a fake certificate, or the digest of one that was never believed; what cannot
    // be, or, when a liar's newer message was verified first, what is known already.
    let others = [
        DropCause::RadioBadCertificate,
        DropCause::RadioUnknownSigner,
        DropCause::RadioImplausible,
        DropCause::RadioDuplicate,
    ];
    assert_eq!(others.map(|cause| drops.of(cause)).iter().sum::<u64>(), total / 4 + total, "{drops:?}");
    assert!(drops.of(DropCause::RadioImplausible) > total / 2, "{drops:?}");
    // Nothing else was dropped: every good one was used, and none of the 6,000 others.
    assert_eq!(drops.iter().map(|(_, n)| n).sum::<u64>(), 4 * total, "{drops:?}");

    let (quiet, flooded) = (p99(&quiet), p99(&flooded));
    println!("p99 of the good ones' delay: {quiet} us in the quiet run, {flooded} us in the flood");
    assert!(flooded <= 2 * quiet, "p99 {quiet} us, in the flood {flooded} us");
}
