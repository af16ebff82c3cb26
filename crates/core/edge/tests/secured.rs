//! A secured node: what it sends is signed, and only what is signed, fresh, permitted and plausible reaches fusion.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_edge::{Edge, EdgeConfig, Input, NoStopwatch, Output, Security};
use jxz_geo::Point;
use jxz_map::Map;
use jxz_security::{
    Algorithm, Identity, Psid, Receiver, ReceiverConfig, Signer, SigningKey, Subject, TrustStore, Validity,
};
use jxz_units::{Heading, Now, Utc};
use jxz_v2x::{MessageKind, MsgCount, OnBoardState, Profile, encode_bsm};
use jxz_world::{DropCause, RecordBody, Site, VehicleDetails, VehicleId};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

const START: Utc = Utc::from_unix_ms(1_786_270_272_000);

static MAP: LazyLock<Arc<Map>> = LazyLock::new(|| {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds/island");
    Arc::new(Map::load(&seeds).expect("the island's own map loads"))
});

fn at(ms: u64) -> Now {
    Now::after_start(START, Duration::from_millis(ms))
}

fn site() -> &'static Site {
    MAP.sites.iter().find(|s| s.junction.is_some()).expect("a site with signals")
}

const BSM: Psid = Psid(111);
const ROADSIDE: [Psid; 7] = [Psid(3618), Psid(3619), Psid(3620), Psid(3621), Psid(3622), Psid(3623), Psid(10_012)];

/// An authority, and what it lets others do.
struct Authority(Identity);

impl Authority {
    fn new(seed: u8) -> Self {
        let key = SigningKey::from_seed(Algorithm::Sm2, &[seed; 32]);
        let psids: Vec<Psid> = [BSM].into_iter().chain(ROADSIDE).collect();
        Self(Identity::root(key, &subject(Some("root"), &psids)).unwrap())
    }

    fn enrol(&self, seed: u8, psids: &[Psid]) -> Identity {
        let key = SigningKey::from_seed(Algorithm::Sm2, &[seed; 32]);
        let certificate = self.0.issue_application(&key.public_key(), &subject(None, psids)).unwrap();
        Identity::new(certificate, key).unwrap()
    }

    fn trust(&self) -> TrustStore {
        let mut trust = TrustStore::new();
        trust.add_root(self.0.certificate().bytes()).unwrap();
        trust
    }
}

fn subject<'a>(name: Option<&'a str>, psids: &'a [Psid]) -> Subject<'a> {
    let validity = Validity { from: START - Duration::from_secs(3600), until: START + Duration::from_secs(86_400) };
    Subject { name, validity, region: None, psids }
}

fn node(authority: &Authority) -> Edge {
    let node = authority.enrol(200, &ROADSIDE);
    let security =
        Security { signer: Signer::new(node), trust: authority.trust(), receiver: ReceiverConfig::default() };
    Edge::new(at(0), MAP.clone(), &site().id, EdgeConfig::default(), Box::new(NoStopwatch)).unwrap().secured(security)
}

/// A vehicle with a radio: its temporary id is its certificate's digest.
struct Vehicle {
    signer: Signer,
    state: OnBoardState,
    count: MsgCount,
    psid: Psid,
}

impl Vehicle {
    fn new(identity: Identity) -> Self {
        let id = VehicleId(identity.certificate().digest().0);
        let state = OnBoardState {
            vehicle: id,
            valid_at: START,
            position: site().position + jxz_geo::Vector::new(15.0, 10.0),
            position_sigma_m: Some(0.4),
            speed_mps: Some(0.0),
            heading: Some(Heading::from_deg(90.0)),
            acceleration_mps2: Some(0.0),
            extent_m: Some((4.6, 1.8)),
            details: VehicleDetails::default(),
        };
        Self { signer: Signer::new(identity), state, count: MsgCount::new(0), psid: BSM }
    }

    fn say(&mut self, now: Now) -> Vec<u8> {
        self.state.valid_at = now.utc;
        let message = encode_bsm(&MAP.frame, Profile::default(), &self.state, self.count.take()).unwrap();
        self.signer.sign(now, self.psid, &message).unwrap()
    }
}

/// Gives the node a message, runs what it wants verified, and answers.
fn hear(edge: &mut Edge, now: Now, bytes: Vec<u8>) -> Vec<Output> {
    edge.handle(now, Input::Radio(bytes));
    let mut others = Vec::new();
    while let Some(output) = edge.poll() {
        match output {
            Output::Verify(verification) => {
                edge.handle(now, Input::Verified(verification.ticket, Some(verification.job.run())));
            }
            other => others.push(other),
        }
    }
    others
}

fn tracks_of_vehicles(edge: &Edge, now: Now) -> usize {
    edge.tracks_at(now.utc).iter().filter(|track| track.sources.v2x).count()
}

#[test]
fn everything_that_a_secured_node_sends_can_be_verified_by_a_vehicle() {
    let authority = Authority::new(1);
    let mut edge = node(&authority);
    let mut vehicle = Receiver::new(ReceiverConfig::default(), authority.trust());
    let mut kinds = std::collections::BTreeSet::new();
    for ms in (0_u64..2000).step_by(50) {
        let now = at(ms);
        for output in hear(&mut edge, now, Vec::new()) {
            let Output::Broadcast(frame) = output else { continue };
            let admitted = vehicle.admit(now, &frame.bytes).unwrap();
            assert_eq!(admitted.psid, Psid(frame.kind.application_id()));
            jxz_v2x::decode(admitted.payload, Profile::default(), now.utc, &MAP.frame).unwrap();
            let verdict = admitted.job.run();
            vehicle.conclude(now, verdict).unwrap();
            kinds.insert(frame.kind);
        }
    }
    assert!(kinds.contains(&MessageKind::Rsm) && kinds.contains(&MessageKind::Map), "{kinds:?}");
}

#[test]
fn only_a_signed_permitted_and_fresh_report_reaches_fusion() {
    let authority = Authority::new(1);
    let mut edge = node(&authority);
    let mut good = Vehicle::new(authority.enrol(10, &[BSM]));

    // A single report starts a track that is not yet sure; a second's worth makes it so.
    let mut said = Vec::new();
    for ms in (0..1000).step_by(100) {
        said = good.say(at(ms));
        hear(&mut edge, at(ms), said.clone());
    }
    assert_eq!(tracks_of_vehicles(&edge, at(910)), 1, "the good one is heard: {:?}", edge.drops());

    let before = edge.drops().clone();
    let count = |edge: &Edge, cause| edge.drops().of(cause) - before.of(cause);
    hear(&mut edge, at(920), said);
    assert_eq!(count(&edge, DropCause::RadioReplayed), 1, "the same bytes again");

    let plain = encode_bsm(&MAP.frame, Profile::default(), &good.state, MsgCount::new(1)).unwrap();
    hear(&mut edge, at(930), plain);
    assert_eq!(count(&edge, DropCause::RadioUnsigned), 1, "a message without an envelope");

    let mut forged = good.say(at(940));
    *forged.last_mut().unwrap() ^= 1;
    hear(&mut edge, at(941), forged);
    assert_eq!(count(&edge, DropCause::RadioBadSignature), 1, "a changed signature");

    let late = good.say(at(1000));
    hear(&mut edge, at(5000), late);
    assert_eq!(count(&edge, DropCause::RadioExpired), 1, "five seconds late");

    let mut stranger = Vehicle::new(Authority::new(66).enrol(11, &[BSM]));
    let said = stranger.say(at(5000));
    hear(&mut edge, at(5010), said);
    assert_eq!(count(&edge, DropCause::RadioBadCertificate), 1, "another authority's vehicle");

    let mut bold = Vehicle::new(authority.enrol(12, &ROADSIDE[..1]));
    bold.psid = ROADSIDE[0];
    let said = bold.say(at(5000));
    hear(&mut edge, at(5010), said);
    assert_eq!(count(&edge, DropCause::RadioNotPermitted), 1, "a certificate for something else");

    let mut thief = Vehicle::new(authority.enrol(13, &[BSM]));
    thief.state.vehicle = good.state.vehicle;
    let said = thief.say(at(5000));
    hear(&mut edge, at(5010), said);
    assert_eq!(count(&edge, DropCause::RadioNotPermitted), 2, "signed well, in another's name");
}

#[test]
fn a_vehicle_that_says_what_cannot_be_is_dropped_and_told_of() {
    let authority = Authority::new(1);
    let mut edge = node(&authority);
    let mut liar = Vehicle::new(authority.enrol(10, &[BSM]));
    let centre = edge.site().position;
    let mut told = Vec::new();
    // It jumps across the junction and back, ten times a second.
    for (step, east_m) in [80.0, -70.0].into_iter().cycle().take(30).enumerate() {
        let now = at(100 * step as u64);
        liar.state.position = Point::new(centre.x + east_m, centre.y + 20.0);
        let said = liar.say(now);
        told.extend(hear(&mut edge, now, said).into_iter().filter_map(|output| match output {
            Output::Record(record) => match record.body {
                RecordBody::Misbehaviour(report) => Some(report),
                _ => None,
            },
            _ => None,
        }));
    }
    assert!(edge.drops().of(DropCause::RadioImplausible) > 0, "{:?}", edge.drops());
    assert!(
        told.iter()
            .any(|report| report.subject == liar.state.vehicle && report.certificate == Some(liar.state.vehicle.0))
    );
}

#[test]
fn what_is_never_verified_is_never_used() {
    let authority = Authority::new(1);
    let mut edge = node(&authority);
    let mut vehicle = Vehicle::new(authority.enrol(10, &[BSM]));
    edge.handle(at(0), Input::Radio(vehicle.say(at(0))));
    let ticket = std::iter::from_fn(|| edge.poll()).find_map(|output| match output {
        Output::Verify(verification) => Some(verification.ticket),
        _ => None,
    });
    assert_eq!(tracks_of_vehicles(&edge, at(10)), 0);
    edge.handle(at(20), Input::Verified(ticket.unwrap(), None));
    edge.handle(at(30), Input::Verified(12_345, None));
    assert_eq!(edge.drops().of(DropCause::RadioOverload), 1);
    assert_eq!(tracks_of_vehicles(&edge, at(30)), 0);
}
