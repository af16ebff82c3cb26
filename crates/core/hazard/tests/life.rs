//! The life of warnings: flicker, numbers, cancellation, limits, settings, rubbish.

mod common;

use common::*;
use jxz_geo::{Point, Vector};
use jxz_hazard::{HazardConfig, Round, describe};
use jxz_world::{Cause, Track, Warning, WarningKind, WarningStage};

/// One at 18 m/s where 13.9 is allowed.
fn speeder(t: f64) -> Vec<Track> {
    vec![car(1, t, (-180.0 + 18.0 * t, -right_of(0)), (18.0, 0.0))]
}

#[test]
fn one_event_keeps_one_number_and_is_renewed_at_a_bounded_rate_until_cancelled() {
    let tracks = |t: f64| if t < 5.0 { speeder(t) } else { Vec::new() };
    let mut hazards = hazards(HazardConfig::default());
    let said = play(&mut hazards, (0.0, 8.0), tracks, None);
    assert!(said.0.iter().all(|(_, w)| w.id == said.0[0].1.id));
    let stages: Vec<_> = said.0.iter().map(|(_, w)| w.stage).collect();
    assert_eq!((stages[0], stages[stages.len() - 1]), (WarningStage::Raised, WarningStage::Cancelled));
    let held = said.of(WarningKind::SpeedLimit, WarningStage::Held);
    assert_eq!(stages.len(), held.len() + 2);
    // Twice a second from 0.1 to 4.9 s.
    assert_eq!(held.len(), 9, "{:?}", held.iter().map(|(t, _)| t).collect::<Vec<_>>());
    for (k, (t, warning)) in said.0.iter().enumerate() {
        assert_eq!(warning.revision as usize, k);
        assert_eq!(warning.since, at(said.0[0].0));
        if warning.stage != WarningStage::Cancelled {
            assert!(warning.valid_until > at(t + 1.0) && warning.sensed_at == at(t - 0.02));
        }
    }
    // Eight rounds without it.
    let cancelled = said.0[said.0.len() - 1].0;
    assert!((cancelled - 5.7).abs() < 0.05, "{cancelled}");
    assert_eq!(hazards.alive().count(), 0);
}

#[test]
fn flicker_neither_raises_nor_cancels() {
    // Seen in one round of four only: never raised.
    let rare = |t: f64| if (t * 10.0).round() as i64 % 4 == 0 { speeder(t) } else { Vec::new() };
    assert!(play(&mut hazards(HazardConfig::default()), (0.0, 6.0), rare, None).kinds().is_empty());
    // Lost for half a second now and then: one life.
    let often = |t: f64| if (t * 10.0).round() as i64 % 15 < 10 { speeder(t) } else { Vec::new() };
    let said = play(&mut hazards(HazardConfig::default()), (0.0, 8.0), often, None);
    assert_eq!(said.raised(WarningKind::SpeedLimit).len(), 1);
    assert!(said.of(WarningKind::SpeedLimit, WarningStage::Cancelled).is_empty());
}

#[test]
fn events_of_two_lives_and_two_sites_have_different_numbers() {
    let twice = |t: f64| if !(2.0..=5.5).contains(&t) { speeder(t) } else { Vec::new() };
    let said = play(&mut hazards(HazardConfig::default()), (0.0, 8.0), twice, None);
    let ids: Vec<_> = said.raised(WarningKind::SpeedLimit).iter().map(|(_, w)| w.id).collect();
    assert_eq!(ids.len(), 2);
    assert!(ids[0] != ids[1] && ids[0].0 >> 32 == ids[1].0 >> 32);
    let mut other_site = site();
    other_site.id.0 = "other".into();
    let mut other = jxz_hazard::Hazards::new(town(), &other_site, HazardConfig::default());
    let said = play(&mut other, (0.0, 2.0), speeder, None);
    assert_ne!(said.raised(WarningKind::SpeedLimit)[0].1.id.0 >> 32, ids[0].0 >> 32);
}

#[test]
fn an_event_that_comes_back_goes_on_under_its_number_and_so_does_a_road_user_with_a_new_one() {
    // Gone for long enough to be cancelled, and back 1.2 s after that.
    let pauses = |t: f64| if !(2.0..=4.0).contains(&t) { speeder(t) } else { Vec::new() };
    let said = play(&mut hazards(HazardConfig::default()), (0.0, 6.0), pauses, None);
    assert_eq!(said.raised(WarningKind::SpeedLimit).len(), 1);
    assert_eq!(said.of(WarningKind::SpeedLimit, WarningStage::Cancelled).len(), 1);
    assert!(said.0.iter().all(|(_, w)| w.id == said.0[0].1.id));
    assert_eq!(said.0[said.0.len() - 1].1.stage, WarningStage::Held);
    // The track is lost for half a second and begins anew.
    let renamed = |t: f64| match t {
        t if t < 2.0 => speeder(t),
        t if t < 2.5 => Vec::new(),
        t => vec![Track { id: jxz_world::TrackId(77), ..speeder(t).remove(0) }],
    };
    let said = play(&mut hazards(HazardConfig::default()), (0.0, 6.0), renamed, None);
    assert_eq!(said.raised(WarningKind::SpeedLimit).len(), 1);
    let last = &said.0[said.0.len() - 1].1;
    assert_eq!((last.stage, last.about[0].0), (WarningStage::Held, 77));
}

#[test]
fn switching_one_application_off_cancels_its_warnings_and_leaves_the_others() {
    let tracks = |t: f64| {
        let mut all = speeder(t);
        all.push(standing(2, t, (-100.0, -right_of(1)), 90.0));
        all
    };
    let mut hazards = hazards(HazardConfig::default());
    // The speeder has left by 20 s: let another one come.
    let another = |t: f64| {
        if t < 10.0 {
            tracks(t)
        } else {
            tracks(t - 10.0)
                .into_iter()
                .map(|mut w| {
                    w.valid_at = at(t);
                    w.measured_at = at(t - 0.02);
                    w
                })
                .collect()
        }
    };
    play(&mut hazards, (0.0, 13.0), another, None);
    let alive = |hazards: &jxz_hazard::Hazards| hazards.alive().map(|w| w.kind()).collect::<Vec<_>>();
    assert_eq!(alive(&hazards), [WarningKind::SpeedLimit, WarningKind::RoadCondition]);
    let stopped = hazards.alive().last().unwrap().id;
    let mut config = HazardConfig::default();
    config.slw.enabled = false;
    hazards.set_config(config);
    let said = play(&mut hazards, (13.0, 14.0), another, None);
    assert_eq!(said.0[0].1.kind(), WarningKind::SpeedLimit);
    assert_eq!((said.0[0].0, said.0[0].1.stage), (13.0, WarningStage::Cancelled));
    assert_eq!(alive(&hazards), [WarningKind::RoadCondition]);
    assert_eq!(hazards.alive().next().unwrap().id, stopped);
    hazards.set_config(HazardConfig::default());
    let said = play(&mut hazards, (14.0, 15.0), another, None);
    assert_eq!(said.kinds(), [WarningKind::SpeedLimit]);
}

#[test]
fn rubbish_is_left_out_and_counted() {
    let rubbish = |t: f64| {
        let mut all = speeder(t);
        for (k, n) in [f64::NAN, f64::INFINITY, 1e300].into_iter().enumerate() {
            let id = 10 + 4 * k as u64;
            all.push(car(id, t, (n, 0.0), (1.0, 0.0)));
            all.push(car(id + 1, t, (0.0, 0.0), (0.0, n)));
            let mut blurred = car(id + 2, t, (0.0, 0.0), (1.0, 0.0));
            blurred.covariance[(1, 1)] = if n.is_finite() { f64::NEG_INFINITY } else { n };
            all.push(blurred);
            all.push(Track { extent_m: Some((f64::NAN, 1.0)), ..car(id + 3, t, (0.0, 0.0), (1.0, 0.0)) });
        }
        all
    };
    let mut hazards = hazards(HazardConfig::default());
    let said = play(&mut hazards, (0.0, 1.0), rubbish, None);
    assert_eq!(said.kinds(), [WarningKind::SpeedLimit]);
    assert_eq!(hazards.counts().tracks_not_finite, 120);
    let old = speeder(-5.0);
    hazards.assess(&Round::of_tracks(at(1.0), &old, None));
    assert_eq!(hazards.counts().tracks_out_of_time, 1);
}

#[test]
fn odd_but_finite_tracks_do_no_harm() {
    // A walk over extremes: huge covariance, standing on top of one another, sizes out of range, negative existence.
    let mut state = 7_u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut hazards = hazards(HazardConfig::default());
    for round in 0..50 {
        let t = f64::from(round) * 0.1;
        let tracks: Vec<Track> = (0..60)
            .map(|id| {
                let mut track = car(id, t, (0.0, 0.0), (0.0, 0.0));
                let scale = libm::pow(10_f64, next() * 8.0 - 2.0);
                track.position = Point::new((next() - 0.5) * scale, (next() - 0.5) * scale);
                track.velocity = Vector::new((next() - 0.5) * 80.0, (next() - 0.5) * 1e-3 * scale.min(1e4));
                track.covariance *= libm::pow(10_f64, next() * 30.0 - 15.0) * if next() < 0.1 { -1.0 } else { 1.0 };
                track.existence = next() * 2.0 - 0.2;
                track.extent_m = (next() < 0.5).then(|| (next() * 1e3, next() * 1e-3));
                track.class = jxz_world::ClassBelief::from_weights([next(), next(), next()]);
                track
            })
            .collect();
        for warning in hazards.assess(&Round::of_tracks(at(t), &tracks, Some(&signals(t, EAST_WEST)))) {
            assert!((0.0..=1.0).contains(&warning.confidence), "{warning:?}");
        }
    }
    assert!(hazards.alive().count() <= 64);
}

#[test]
fn what_finds_no_room_is_counted_and_the_rest_stays() {
    let mut config = HazardConfig::default();
    config.life.max_alive = 3;
    let tracks =
        |t: f64| (0..6).map(|k| car(k, t, (-180.0 + 18.0 * t + 30.0 * k as f64, -right_of(0)), (18.0, 0.0))).collect();
    let mut hazards = hazards(config);
    let said = play(&mut hazards, (0.0, 1.0), tracks, Some(EAST_WEST));
    assert_eq!(said.raised(WarningKind::SpeedLimit).len(), 3);
    assert_eq!(hazards.alive().count(), 3);
    // From the third of ten rounds on.
    assert_eq!(hazards.counts().warnings_refused, 3 * 8);
}

#[test]
fn the_same_inputs_give_the_same_warnings() {
    let tracks = |t: f64| {
        let mut all = speeder(t);
        all.push(walker(2, t, (40.0, -8.0 + 1.4 * t), (0.0, 1.4)));
        all.push(car(3, t, (right_of(0), -120.0 + 12.0 * t), (0.0, 12.0)));
        all
    };
    let once = play(&mut hazards(HazardConfig::default()), (0.0, 10.0), tracks, None);
    let again = play(&mut hazards(HazardConfig::default()), (0.0, 10.0), tracks, None);
    assert_eq!(once.0, again.0);
    assert!(once.kinds().len() >= 2);
}

#[test]
fn both_languages_say_the_same_numbers() {
    let said = play(&mut hazards(HazardConfig::default()), (0.0, 6.0), speeder, None);
    let (zh, en) = describe(&said.0[0].1);
    // 18 m/s is 64.8 km/h, the limit 50 km/h.
    assert!(zh.contains("超速") && en.contains("speed limit"), "{zh} / {en}");
    let numbers = |text: &str| {
        text.split(|c: char| !c.is_ascii_digit() && c != '.')
            .filter(|s| !s.is_empty())
            .map(String::from)
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers(&zh), numbers(&en));
    assert!(zh.contains("65") && zh.contains("50"), "{zh}");
}

#[test]
fn a_speed_limit_is_told_as_one_and_not_as_the_number_of_its_sign() {
    let said = play(&mut hazards(HazardConfig::default()), (0.0, 2.0), speeder, None);
    let Some((_, warning)) = said.0.first() else { panic!("no warning to put a sign into") };
    let sign = |code, value| describe(&Warning { cause: Cause::Sign { code, value }, ..warning.clone() });
    assert!(
        sign(85, 40.0).0.starts_with("前方限速 40 km/h") && sign(85, 40.0).1.starts_with("Speed limit ahead: 40 km/h")
    );
    assert!(sign(38, 0.0).0.starts_with("前方标志 38") && sign(38, 0.0).1.starts_with("Sign 38 ahead"));
}
