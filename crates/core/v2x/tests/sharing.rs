//! Sensor sharing: what a unit's sensors cover and see, out and in.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod scene;

use jxz_geo::{Point, Vector};
use jxz_units::Heading;
use jxz_v2x::asn::{encode_frame, from_json};
use jxz_v2x::{
    ApplicationIds, DetectedKind, Encoded, Encoder, Equipment, MessageKind, ObstacleKind, Profile, Received,
    ReceivedSsm, RoadUser, Subject, UnitId, decode,
};
use jxz_world::{ClassBelief, Gear, Sources, Track, VehicleDetails, VehicleId, VehicleReport};
use scene::{ISLAND, UNIT, encoder, frame, heard, now, raw, track};
use serde_json::json;

fn shared(told: &Encoded) -> Vec<ReceivedSsm> {
    let read = |received| if let Received::Ssm(ssm) = received { ssm } else { panic!("{received:?}") };
    heard(told, Profile::Day2, &frame()).into_iter().map(read).collect()
}

fn told(tracks: &[Track]) -> Encoded {
    let mut told = Encoded::default();
    encoder(Profile::Day2).ssm(now(), tracks.iter().map(RoadUser::from), &mut told);
    told
}

#[test]
fn each_road_user_is_told_with_what_its_track_is_sure_of() {
    let pedestrian = Track { class: ClassBelief::from_weights([0.1, 0.1, 0.8]), ..track(2) };
    let cyclist = Track { class: ClassBelief::from_weights([0.1, 0.7, 0.2]), ..track(3) };
    let anything = Track { class: ClassBelief::UNIFORM, velocity: Vector::zeros(), since: now(), ..track(4) };
    let told = told(&[track(1), pedestrian, cyclist, anything]);
    assert!(told.refused.is_empty() && told.frames[0].kind == MessageKind::Ssm);
    let [ssm] = &shared(&told)[..] else { panic!("{} frames", told.frames.len()) };
    assert_eq!((ssm.sender, ssm.equipment, ssm.message_count), (UNIT, Equipment::RoadsideUnit, 126));
    assert_eq!((ssm.valid_at, ssm.regions.len(), ssm.obstacles.len()), (now(), 0, 0));
    let kinds: Vec<_> = ssm.participants.iter().map(|p| (p.kind, p.kind_probability, p.tracked_s)).collect();
    let expected = [
        (Some(DetectedKind::Movable), Some(0.9), Some(7.0)),
        (Some(DetectedKind::Pedestrian), Some(0.8), Some(7.0)),
        (Some(DetectedKind::Cyclist), Some(0.7), Some(7.0)),
        (None, None, None),
    ];
    assert_eq!(kinds, expected, "what stands and has no sure class is no obstacle, and of no kind");
    let car = ssm.participants[0].participant;
    assert!((car.position - track(1).position).norm() < 0.008);
    assert_eq!((car.speed_mps, car.extent_m, car.number), (Some(10.0), Some((4.6, 1.8)), 1));
}

#[test]
fn the_first_frame_says_what_the_sites_sensors_cover() {
    let site = ISLAND.sites.iter().find(|site| site.sensors.len() >= 4).unwrap();
    let mut encoder = Encoder::for_site(&ISLAND, site, Profile::Day2, UNIT, 0);
    let tracks: Vec<Track> =
        (0..60).map(|id| Track { position: site.position + Vector::new(id as f64, 5.0), ..track(id) }).collect();
    let mut told = Encoded::default();
    encoder.ssm(now(), tracks.iter().map(RoadUser::from), &mut told);
    assert!(told.refused.is_empty() && told.frames.len() > 1);
    let longest = told.frames.iter().map(|frame| frame.bytes.len()).max().unwrap();
    assert!((900..=1200).contains(&longest), "frames are filled, and fit: {longest} bytes");
    let read = |received| if let Received::Ssm(ssm) = received { ssm } else { panic!("{received:?}") };
    let ssms: Vec<ReceivedSsm> = heard(&told, Profile::Day2, &ISLAND.frame).into_iter().map(read).collect();
    assert_eq!(ssms.iter().map(|ssm| ssm.participants.len()).sum::<usize>(), 60);
    assert_eq!(ssms[0].regions.len(), site.sensors.len());
    assert!(ssms[1..].iter().all(|ssm| ssm.regions.is_empty()));
    for (region, sensor) in ssms[0].regions.iter().zip(&site.sensors) {
        // Well inside every corner the sensor sees.
        let boresight = Vector::new(libm::cos(sensor.boresight.rad()), libm::sin(sensor.boresight.rad()));
        let middle = sensor.position + boresight * (sensor.range_m.1 / 2.0);
        for corner in region {
            assert!(sensor.sees(corner + (middle - corner).normalize() * 0.05), "{}: {corner}", sensor.id);
        }
        let reach = region.iter().map(|corner| (corner - sensor.position).norm()).fold(0.0, f64::max);
        assert!((reach - sensor.range_m.1).abs() < 0.02, "{}: {reach} m", sensor.id);
    }
    // And again: the regions are not used up.
    let mut again = Encoded::default();
    encoder.ssm(now(), [], &mut again);
    let Received::Ssm(alone) = &heard(&again, Profile::Day2, &ISLAND.frame)[0] else { panic!("not an SSM") };
    assert_eq!((alone.regions.len(), alone.participants.len()), (site.sensors.len(), 0));
}

#[test]
fn frames_of_the_longest_participants_still_fit() {
    let vehicle = VehicleId([0xff; 8]);
    let report = VehicleReport {
        vehicle,
        message_count: 0,
        valid_at: now(),
        position: Point::origin(),
        position_sigma_m: None,
        speed_mps: None,
        heading: None,
        acceleration_mps2: Some(-20.0),
        extent_m: None,
        class: None,
        details: VehicleDetails { gear: Some(Gear::Reverse), vehicle_class: Some(255), ..VehicleDetails::default() },
    };
    // Two degrees off: no offset but the whole position.
    let far = |id| Track {
        position: Point::new(190_000.0, id as f64),
        vehicle: Some(vehicle),
        sources: Sources { v2x: true, ..Sources::default() },
        since: now().plus_seconds(-1e6),
        ..track(id)
    };
    let tracks: Vec<Track> = (0..100).map(far).collect();
    let mut told = Encoded::default();
    let users = tracks.iter().map(|track| RoadUser { track, own: Some(&report) });
    encoder(Profile::Day2).ssm(now(), users, &mut told);
    assert!(told.refused.is_empty());
    let lengths: Vec<usize> = told.frames.iter().map(|frame| frame.bytes.len()).collect();
    assert!(lengths.iter().all(|bytes| *bytes <= 1200), "{lengths:?}");
    let all: Vec<_> = shared(&told).into_iter().flat_map(|ssm| ssm.participants).collect();
    assert_eq!(all.len(), 100);
    assert_eq!((all[0].tracked_s, all[0].participant.gear), (Some(65_535.0), Some(Gear::Reverse)));
}

#[test]
fn a_link_of_the_first_phase_carries_none_and_the_sink_is_told() {
    for profile in [Profile::Day1, Profile::Release2019] {
        let mut told = Encoded::default();
        encoder(profile).ssm(now(), [RoadUser::from(&track(1))], &mut told);
        encoder(profile).rtcm(&[&[1, 2, 3]], &mut told);
        assert!(told.frames.is_empty());
        let reasons: Vec<String> = told.refused.iter().map(ToString::to_string).collect();
        assert!(reasons[0].contains(&format!("the profile {profile} has no SSM")), "{reasons:?}");
        assert!(reasons[1].contains(&format!("the profile {profile} has no RTCM")), "{reasons:?}");
        assert!(told.refused.iter().all(|refusal| refusal.subject == Subject::Unit));
    }
}

#[test]
fn anothers_obstacles_are_read_in_metres_and_seconds() {
    let message = json!({"msgFrameExt": {"messageId": 12, "value": {"SensorSharingMsg": {
        "msgCnt": 5, "id": "0000000000000009", "equipmentType": "rsu", "secMark": 12_300,
        "sensorPos": {"lat": 320_300_000, "long": 1_187_000_000},
        "obstacles": [{
            "obsType": "trafficcone", "objTypeConfidence": 150, "obsId": 77, "source": "video", "secMark": 12_345,
            "pos": {"offsetLL": {"position-LL1": {"lon": 1000, "lat": 0}}}, "posConfidence": {"pos": "a1m"},
            "speed": 0, "heading": 28_800, "size": {"width": 40, "length": 50}, "tracking": 12
        }]
    }}}});
    let bytes = encode_frame(&from_json(&message, Profile::Day2).unwrap(), Profile::Day2).unwrap();
    let Received::Ssm(ssm) = decode(&bytes, Profile::Day2, now(), &frame()).unwrap() else { panic!("not an SSM") };
    let [cone] = ssm.obstacles[..] else { panic!("{:?}", ssm.obstacles) };
    assert_eq!((ssm.sender, cone.number, cone.valid_at), (UnitId([0, 0, 0, 0, 0, 0, 0, 9]), 77, now()));
    assert_eq!((cone.kind, cone.kind_probability), (Some(ObstacleKind::TrafficCone), Some(0.75)));
    assert_eq!((cone.speed_mps, cone.heading, cone.extent_m), (Some(0.0), None::<Heading>, Some((0.5, 0.4))));
    assert!((cone.position.x - 9.45).abs() < 0.05 && cone.position.y.abs() < 0.01, "{}", cone.position);
    assert_eq!(cone.tracked_s, Some(12.0));
}

#[test]
fn corrections_are_passed_on_as_they_are() {
    let long = vec![0xd3; 1029];
    let payloads: [&[u8]; 4] = [&[0xd3, 0, 1], &[7; 100], &[], &long];
    let mut told = Encoded::default();
    encoder(Profile::Day2).rtcm(&payloads, &mut told);
    assert_eq!(told.refused[0].to_string(), "Unit left out: rtcm_bytes: 0 is not within 1 to 2047");
    assert!(told.frames.iter().all(|frame| frame.kind == MessageKind::Rtcm && frame.bytes.len() <= 1200));
    let sent: Vec<String> = told
        .frames
        .iter()
        .flat_map(|frame| {
            let raw = raw(&frame.bytes, Profile::Day2);
            let list = raw["msgFrameExt"]["value"]["RTCMcorrections"]["corrections"].as_array().unwrap().clone();
            list.into_iter().map(|message| message["payload"].as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(sent, ["d30001".to_owned(), "07".repeat(100), "d3".repeat(1029)]);
}

#[test]
fn the_second_phases_application_ids_are_the_deployments_to_set() {
    let ours = ApplicationIds::default();
    assert_eq!(MessageKind::Ssm.application_id(), ours.of(MessageKind::Ssm));
    let theirs = ApplicationIds { ssm: 3624, ..ours };
    assert_eq!((theirs.of(MessageKind::Ssm), theirs.of(MessageKind::Rsm)), (3624, 3623));
}
