//! The rules of the verdict, one by one: limits, memory, forgiving, telling.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::{id, now_at, plausibility, report};
use jxz_geo::Point;
use jxz_plausibility::{Check, Grade, Plausibility, PlausibilityConfig, Verdict};
use jxz_units::Heading;
use jxz_world::{SiteId, VehicleReport};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn with(config: PlausibilityConfig) -> Plausibility {
    Plausibility::new(config, SiteId("here".to_owned()), Point::new(0.0, 0.0)).unwrap()
}

#[test]
fn what_cannot_be_is_rejected_at_once_and_names_its_numbers() {
    let good = report(1, 0.0, (100.0, 0.0), 0.0, 10.0);
    for (check, bad) in [
        (Check::Range, VehicleReport { position: Point::new(1200.0, 0.0), ..good }),
        (Check::Speed, VehicleReport { speed_mps: Some(80.0), ..good }),
        (Check::Stale, VehicleReport { valid_at: good.valid_at.plus_seconds(-2.5), ..good }),
        (Check::Stale, VehicleReport { valid_at: good.valid_at.plus_seconds(0.5), ..good }),
        (Check::NotFinite, VehicleReport { position: Point::new(f64::NAN, 0.0), ..good }),
        (Check::NotFinite, VehicleReport { speed_mps: Some(f64::INFINITY), ..good }),
        (Check::NotFinite, VehicleReport { heading: Some(Heading::from_rad(f64::NAN)), ..good }),
    ] {
        let mut plausibility = plausibility();
        let assessment = plausibility.check(now_at(0.02), &bad, None);
        assert_eq!(assessment.verdict, Verdict::Reject, "{check:?}");
        assert_eq!(assessment.failures.iter().map(|f| f.check).collect::<Vec<_>>(), [check]);
        assert_eq!(plausibility.counts().of(check), 1);
        assert_eq!(plausibility.poll_report().unwrap().worst.check, check);
        assert_eq!(plausibility.vehicles(), 0, "it is no beginning of a history");
    }
    let far = VehicleReport { position: Point::new(1200.0, 0.0), ..good };
    let failure = plausibility().check(now_at(0.02), &far, None).failures[0];
    assert_eq!(failure.to_string(), "range: 1200.00 m, 1000.00 allowed");
}

#[test]
fn the_unusual_is_suspect_for_as_long_as_it_lasts_and_never_told_of() {
    let mut plausibility = plausibility();
    for k in 0..600_u32 {
        let t = f64::from(k) * 0.1;
        // 180 km/h, from 600 m before the receiver to 400 m behind it, one after another for a minute.
        let (car, since_s) = (k / 200, t % 20.0);
        let said = report(u64::from(car), t, (-600.0 + 50.0 * since_s, 3.5 * f64::from(car)), 0.0, 50.0);
        let assessment = plausibility.check(now_at(t + 0.02), &said, None);
        assert_eq!(assessment.verdict, Verdict::Suspect, "at {t} s: {assessment:?}");
        assert!(assessment.failures.iter().all(|failure| failure.grade == Grade::Notice), "at {t} s: {assessment:?}");
    }
    assert_eq!(plausibility.poll_report(), None);
}

#[test]
fn one_who_stops_lying_is_believed_again_within_a_minute() {
    let mut plausibility = plausibility();
    let mut verdicts = Vec::new();
    for k in 0..900_u32 {
        let t = f64::from(k) * 0.1;
        let lie = if k < 300 && k % 2 == 0 { 60.0 } else { 0.0 };
        let assessment = plausibility.check(now_at(t + 0.02), &report(1, t, (-200.0 + 5.0 * t, lie), 0.0, 5.0), None);
        verdicts.push(assessment.verdict);
    }
    assert!(verdicts[10..300].iter().all(|verdict| *verdict == Verdict::Reject));
    assert_eq!(verdicts[899], Verdict::Accept);
    let first_used = verdicts.iter().skip(300).position(|verdict| *verdict != Verdict::Reject).unwrap();
    assert!((100..400).contains(&first_used), "after {first_used} reports");
}

#[test]
fn a_vehicle_in_two_places_at_one_time_contradicts_itself() {
    let mut plausibility = plausibility();
    let first = report(1, 1.0, (100.0, 0.0), 0.0, 10.0);
    plausibility.check(now_at(1.02), &first, None);
    let again = plausibility.check(now_at(1.03), &first, None);
    assert_eq!(again.failures[0].grade, Grade::Notice, "the same again is only late");
    let elsewhere = VehicleReport { position: Point::new(100.0, 50.0), ..first };
    let assessment = plausibility.check(now_at(1.04), &elsewhere, None);
    assert_eq!((assessment.failures[0].check, assessment.failures[0].grade), (Check::Stale, Grade::Doubt));
}

#[test]
fn one_who_fell_silent_explains_one_newcomer_and_not_two() {
    let mut plausibility = plausibility();
    let mut sudden = 0;
    for k in 0..120_u32 {
        let t = f64::from(k) * 0.1;
        let x = -30.0 + 6.0 * (t - 7.0);
        let cars: &[u64] = if t < 7.0 { &[1] } else { &[2, 3] };
        for car in cars {
            let y = if *car == 3 { 4.0 } else { 0.0 };
            let said = report(*car, t, (x, y), 0.0, 6.0);
            let failures = plausibility.check(now_at(t + 0.02), &said, None).failures;
            sudden += failures.iter().filter(|failure| failure.check == Check::Appearance).count();
        }
    }
    assert_eq!(sudden, 1);
}

#[test]
fn reports_come_one_a_check_and_ten_seconds_and_count_every_failure() {
    let mut plausibility = plausibility();
    let mut told = Vec::new();
    for k in 0..450_u32 {
        let t = f64::from(k) * 0.1;
        let x = if k < 350 { f64::from(k * 7919 % 300) } else { 0.0 };
        // Afterwards another, who stands.
        let (vehicle, speed) = if k < 350 { (1, 3.0) } else { (2, 0.0) };
        plausibility.check(now_at(t + 0.02), &report(vehicle, t, (x, 0.0), 0.0, speed), Some([7; 8]));
        told.extend(std::iter::from_fn(|| plausibility.poll_report()).map(|told| (t, told)));
    }
    // The last period ends after the liar fell silent, and is told of all the same.
    let of_position: Vec<_> = told.iter().filter(|(_, told)| told.worst.check == Check::Position).collect();
    assert_eq!(of_position.len(), 5, "{told:#?}");
    assert!(of_position.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 9.9));
    assert_eq!(of_position.iter().map(|(_, told)| told.count).sum::<u64>(), plausibility.counts().of(Check::Position));
    let (_, second) = of_position[1];
    assert_eq!((second.subject, second.certificate, &second.reporter.0), (id(1), Some([7; 8]), &"here".to_owned()));
    assert!(second.worst.said > 100.0 && second.first < second.last && second.count > 50);
}

#[test]
fn memory_is_bounded_and_what_is_forgotten_is_counted() {
    let config = PlausibilityConfig { max_vehicles: 100, max_states: 50, max_reports: 10, ..Default::default() };
    let mut plausibility = with(config);
    for k in 0..5000_u32 {
        let t = f64::from(k) * 0.001;
        let said = report(u64::from(k % 500) + 1, t, (f64::from(k % 300), 0.0), 0.0, 80.0 * f64::from(k % 2));
        plausibility.check(now_at(t), &said, None);
        assert!(plausibility.vehicles() <= 100);
    }
    let counts = plausibility.counts();
    assert!(counts.evicted > 1000 && counts.reports == 10 && counts.reports_dropped > 100, "{counts:?}");
    assert_eq!(counts.checked, counts.accepted + counts.suspect + counts.rejected);
    // Half a minute later one speaks, and all others are forgotten.
    plausibility.check(now_at(60.0), &report(9, 60.0, (10.0, 0.0), 0.0, 5.0), None);
    assert_eq!(plausibility.vehicles(), 1);
}

#[test]
fn no_numbers_make_it_panic() {
    let mut plausibility = with(PlausibilityConfig { max_vehicles: 64, ..Default::default() });
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let strange = [0.0, -0.0, 1e-300, 1e300, -1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 163.82, 20.0];
    for k in 0..200_000_u32 {
        let mut number = || {
            if rng.random_bool(0.1) {
                strange[rng.random_range(0..strange.len())]
            } else {
                rng.random_range(-60.0..60.0)
            }
        };
        let said = VehicleReport {
            position_sigma_m: Some(number()),
            acceleration_mps2: Some(number()),
            extent_m: Some((number(), number())),
            heading: Some(Heading::from_rad(number())),
            ..report(0, f64::from(k) * 0.01, (number(), number()), 0.0, number())
        };
        let vehicle = id(rng.random_range(0..90));
        let valid_at = said.valid_at.plus_seconds(rng.random_range(-0.3..0.1));
        let assessment =
            plausibility.check(now_at(f64::from(k) * 0.01), &VehicleReport { vehicle, valid_at, ..said }, None);
        assert!(assessment.points.is_finite() && assessment.failures.len() <= Check::ALL.len() + 2);
        while plausibility.poll_report().is_some() {}
    }
    assert!(plausibility.counts().rejected > 1000);
}

#[test]
fn settings_that_cannot_work_are_named() {
    for (config, said) in [
        (
            PlausibilityConfig { reject_points: 3.0, ..Default::default() },
            "plausibility setting `reject_points` is 3; it must be from 3.5 to 10",
        ),
        (
            PlausibilityConfig { range_m: 2000.0, ..Default::default() },
            "plausibility setting `range_m` is 2000; it must be from 1 to 1000",
        ),
        (
            PlausibilityConfig { leak_per_s: f64::NAN, ..Default::default() },
            "plausibility setting `leak_per_s` is NaN; it must be from 0.001 to 100",
        ),
        (
            PlausibilityConfig { max_vehicles: 0, ..Default::default() },
            "plausibility setting `max_vehicles` is 0; it must be from 1 to 1000000",
        ),
    ] {
        let error = Plausibility::new(config, SiteId("here".to_owned()), Point::origin()).err().unwrap();
        assert_eq!(error.to_string(), said);
    }
}
