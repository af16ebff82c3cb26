//! Road condition and guidance: stopped vehicles, queues, congestion and the way around.

mod common;

use common::*;
use jxz_hazard::{Congested, HazardConfig, Round};
use jxz_map::LinkIx;
use jxz_world::{Application, Cause, Track, TrackId, WarningKind, WarningStage};

#[test]
fn a_vehicle_that_stands_in_the_lane_is_a_stopped_vehicle_and_ends_when_it_drives_off() {
    // Stands at x = -100 until t = 20, then accelerates at 1.5 m/s². Another comes from behind, far off.
    let tracks = |t: f64| {
        let dt = (t - 20.0).max(0.0);
        let v = (1.5 * dt).min(12.0);
        let x = if dt < 8.0 { -100.0 + 0.75 * dt * dt } else { -52.0 + 12.0 * (dt - 8.0) };
        let mut broken = standing(1, t, (x, -right_of(1)), 90.0);
        broken.velocity.x = v;
        vec![broken, car(2, t, (-190.0 + 1.0 * t, -right_of(0)), (1.0, 0.0))]
    };
    let said = play(&mut hazards(HazardConfig::default()), (0.0, 26.0), tracks, Some(EAST_WEST));
    let raised = said.by(Application::Hlw);
    assert_eq!(raised.len(), 1, "{raised:?}");
    let (t, warning) = raised[0];
    assert!((8.0..8.5).contains(t), "raised at {t}");
    let Cause::StoppedVehicle { standing_s } = warning.cause else { panic!("{:?}", warning.cause) };
    assert!((standing_s - t).abs() < 0.15 && warning.about == [TrackId(1)]);
    let rear = jxz_geo::Point::new(-102.3, -right_of(1));
    assert!((warning.place.at - rear).norm() < 0.5 && (warning.place.path.end() - rear).norm() < 0.5);
    let over = said.of(WarningKind::RoadCondition, jxz_world::WarningStage::Cancelled);
    let over: Vec<_> = over.into_iter().filter(|(_, w)| w.application == Application::Hlw).collect();
    assert_eq!(over.len(), 1);
    assert!((20.0..22.5).contains(&over[0].0), "cancelled at {}", over[0].0);
    assert_eq!(over[0].1.id, warning.id);
}

/// `n` cars that stand in lane `k` from the west, the first `first_m` from the stop line, 7 m from each to the next.
fn queue(t: f64, n: u32, k: u8, first_m: f64) -> Vec<Track> {
    (0..n)
        .map(|i| {
            let x = -BOX_M - 1.0 - 2.3 - first_m - 7.0 * f64::from(i);
            standing(u64::from(k) * 100 + u64::from(i), t, (x, -right_of(k)), 90.0)
        })
        .collect()
}

#[test]
fn a_queue_at_a_red_light_is_neither_congestion_nor_stopped_vehicles() {
    let tracks = |t: f64| [queue(t, 8, 0, 1.0), queue(t, 6, 1, 1.5)].concat();
    let said = play(&mut hazards(HazardConfig::default()), (0.0, 60.0), tracks, Some(NORTH_SOUTH));
    assert!(said.kinds().is_empty(), "{:?}", said.kinds());
}

#[test]
fn a_queue_that_starts_after_the_light_has_turned_green_is_still_explained() {
    // Red until t = 20. Each car starts 1.5 s after the one ahead and accelerates at 1.5 m/s² to 10 m/s.
    let tracks = |t: f64| {
        let mut all = queue(t, 10, 1, 1.0);
        for (i, track) in all.iter_mut().enumerate() {
            let dt = (t - 20.5 - 1.5 * i as f64).max(0.0);
            let (gained, v) =
                if dt < 10.0 / 1.5 { (0.75 * dt * dt, 1.5 * dt) } else { (10.0 * dt - 100.0 / 3.0, 10.0) };
            track.position.x += gained;
            track.velocity.x = v;
        }
        all
    };
    let mut hazards = hazards(HazardConfig::default());
    let red = play(&mut hazards, (0.0, 20.0), tracks, Some(NORTH_SOUTH));
    let green = play(&mut hazards, (20.0, 45.0), tracks, Some(EAST_WEST));
    assert!(red.kinds().is_empty() && green.kinds().is_empty(), "{:?} {:?}", red.kinds(), green.0);
}

/// Ten cars crawling at 1 m/s on the way out to the east.
fn crawling(t: f64) -> Vec<Track> {
    (0..10)
        .map(|i| {
            let (x, k) = (40.0 + 14.0 * f64::from(i) + 1.0 * (t % 14.0), (i % 2) as u8);
            car(200 + i as u64, t, (x, -right_of(k)), (1.0, 0.0))
        })
        .collect()
}

#[test]
fn crawling_traffic_is_congestion_and_whoever_comes_is_told_the_way_around() {
    let tracks = |t: f64| {
        let mut all = crawling(t);
        all.push(car(1, t, (-190.0 + 4.0 * t, -right_of(0)), (4.0, 0.0)));
        all
    };
    let said = play(&mut hazards(HazardConfig::default()), (0.0, 20.0), tracks, Some(EAST_WEST));
    let jam = said.by(Application::Tjw);
    assert_eq!(jam.len(), 1, "{jam:?}");
    assert!((12.0..13.0).contains(&jam[0].0), "raised at {}", jam[0].0);
    let Cause::Congestion { mean_mps, vehicles } = jam[0].1.cause else { panic!("{:?}", jam[0].1.cause) };
    assert!((mean_mps - 1.0).abs() < 1e-9 && vehicles == 10);

    let advice = said.raised(WarningKind::Guidance);
    let from_west = advice.iter().find(|(_, w)| w.place.at.x < -10.0).expect("advice to those from the west");
    let Cause::Detour { congested_s, detour_s } = from_west.1.cause else { panic!("{:?}", from_west.1.cause) };
    // 185 m at 1 m/s and two junctions; north-out 185 m, top 200 m, down 175 m at the limit and four junctions.
    assert!((congested_s - (185.0 + 10.0)).abs() < 0.1, "{congested_s}");
    assert!((detour_s - (560.0 / LIMIT_MPS + 20.0)).abs() < 0.1, "{detour_s}");
    assert!(from_west.1.concerned.iter().any(|c| c.track == TrackId(1)), "{:?}", from_west.1.concerned);
    assert!(from_west.1.place.path.length_m() > 100.0);
}

#[test]
fn without_a_way_around_that_saves_time_there_is_no_advice() {
    // At 3.5 m/s (limit 13.9, a quarter) the link takes 53 s and the junctions 10: the way around takes 60.
    let tracks = |t: f64| {
        crawling(t)
            .into_iter()
            .map(|mut track| {
                track.velocity.x = 3.5;
                track
            })
            .collect()
    };
    let said = play(&mut hazards(HazardConfig::default()), (0.0, 20.0), tracks, Some(EAST_WEST));
    assert_eq!(said.kinds(), [WarningKind::RoadCondition]);
}

#[test]
fn guidance_works_with_everything_else_switched_off() {
    let mut config = HazardConfig::default();
    for application in Application::ALL {
        config.set_enabled(application, application == Application::Guidance);
    }
    let said = play(&mut hazards(config), (0.0, 20.0), crawling, Some(EAST_WEST));
    assert_eq!(said.kinds(), [WarningKind::Guidance]);
}

/// Somebody drives up from the west; of the road beyond the junction the site sees nothing.
fn comes_from_the_west(t: f64) -> Vec<Track> {
    vec![car(1, t, (-140.0 + 9.0 * t, -right_of(0)), (9.0, 0.0))]
}

fn told_of(link: &str, mean_mps: f64, until_s: f64) -> Vec<(f64, jxz_world::Warning)> {
    let map = town();
    let link = LinkIx(map.links.iter().position(|l| l.id == link).expect("a link of the town") as u32);
    let mut hazards = hazards(HazardConfig::default());
    let mut said = Vec::new();
    for i in 0..100 {
        let t = f64::from(i) * 0.1;
        let tracks = comes_from_the_west(t);
        let congested = [Congested { link, mean_mps }];
        let congested = if t < until_s { &congested[..] } else { &[] };
        let round = Round { congested, ..Round::of_tracks(at(t), &tracks, None) };
        said.extend(hazards.assess(&round).into_iter().map(|warning| (t, warning)));
    }
    said
}

#[test]
fn who_drives_towards_congestion_that_only_the_cloud_sees_is_told_the_way_around() {
    let said = told_of("east-out", 1.0, 6.0);
    let raised: Vec<_> = said.iter().filter(|(_, w)| w.stage == WarningStage::Raised).collect();
    let for_car: Vec<_> = raised.iter().filter(|(_, w)| w.concerned.iter().any(|c| c.track == TrackId(1))).collect();
    let [(_, warning)] = for_car[..] else { panic!("{raised:?}") };
    let Cause::Detour { congested_s, detour_s } = warning.cause else { panic!("{:?}", warning.cause) };
    assert!((congested_s - 195.0).abs() < 0.1 && detour_s < 70.0, "{congested_s} {detour_s}");
    assert!(raised.iter().all(|(_, w)| w.kind() == WarningKind::Guidance), "nothing else is known of it");
    assert!(said.iter().all(|(t, w)| w.stage == WarningStage::Cancelled || w.sensed_at == at(*t)), "as of the round");
    let ended = said.iter().find(|(_, w)| w.id == warning.id && w.stage == WarningStage::Cancelled);
    assert!(ended.is_some_and(|(t, _)| (6.0..7.5).contains(t)), "{said:?}");
}

#[test]
fn congestion_elsewhere_or_slight_concerns_nobody_here() {
    for (link, mean_mps) in [("east-out", 10.0), ("east-beyond", 0.8)] {
        let said = told_of(link, mean_mps, 100.0);
        let for_car = said.iter().filter(|(_, w)| w.concerned.iter().any(|c| c.track == TrackId(1)));
        assert_eq!(for_car.count(), 0, "{link}");
    }
}
