//! A warning in words and numbers, in Chinese and in English: both say the same.

use crate::location::SPEED_LIMIT_SIGN;
use jxz_world::{Cause, RoadHazard, Warning, WarningKind, WarningStage};

const KMH_PER_MPS: f64 = 3.6;

/// What a warning says, in Chinese and in English.
///
/// Speeds are whole km/h, distances whole metres (tenths below 10 m), times tenths of seconds (whole above 20 s),
/// confidence whole percent.
#[must_use]
pub fn describe(warning: &Warning) -> (String, String) {
    let (zh, en) = reason(warning);
    let (zh, en) = match warning.stage {
        WarningStage::Cancelled => (format!("解除：{zh}"), format!("Cleared: {en}")),
        WarningStage::Raised | WarningStage::Held => (zh, en),
    };
    let percent = (warning.confidence.clamp(0.0, 1.0) * 100.0).round();
    (format!("{zh}（置信度 {percent:.0}%）"), format!("{en} (confidence {percent:.0} %)"))
}

fn reason(warning: &Warning) -> (String, String) {
    match &warning.cause {
        Cause::Conflict { time_to_conflict_s, post_encroachment_s, closest_m } => {
            conflict(warning.kind(), *time_to_conflict_s, *post_encroachment_s, *closest_m)
        }
        Cause::Overspeed { speed_mps, limit_mps } => {
            let (speed, limit) = (speed_mps * KMH_PER_MPS, limit_mps * KMH_PER_MPS);
            (
                format!("超速：车速 {speed:.0} km/h，限速 {limit:.0} km/h"),
                format!("Over the speed limit: {speed:.0} km/h where {limit:.0} km/h is allowed"),
            )
        }
        Cause::Closing { gap_m, ahead_mps, closing_mps } => {
            let (gap, ahead, closing) = (metres(*gap_m), ahead_mps * KMH_PER_MPS, closing_mps * KMH_PER_MPS);
            (
                format!("前车过慢：间距 {gap} m，前车车速 {ahead:.0} km/h，接近速度 {closing:.0} km/h"),
                format!("Slow vehicle ahead: gap {gap} m, it drives {ahead:.0} km/h, closing at {closing:.0} km/h"),
            )
        }
        Cause::Congestion { mean_mps, vehicles } => {
            let mean = mean_mps * KMH_PER_MPS;
            (
                format!("前方拥堵：{vehicles} 辆车，平均车速 {mean:.0} km/h"),
                format!("Congestion ahead: {vehicles} vehicles, mean speed {mean:.0} km/h"),
            )
        }
        Cause::StoppedVehicle { standing_s } => {
            let standing = seconds(*standing_s);
            (
                format!("前方车道有车辆停驶：已停 {standing} s"),
                format!("Stopped vehicle in the lane ahead: standing for {standing} s"),
            )
        }
        Cause::Braking { gap_m, braking_mps2 } => {
            let gap = metres(*gap_m);
            (
                format!("前车急刹：间距 {gap} m，减速度 {braking_mps2:.1} m/s²"),
                format!("Vehicle ahead brakes hard: gap {gap} m, {braking_mps2:.1} m/s²"),
            )
        }
        Cause::SlowVehicle { speed_mps, usual_mps } => {
            let (speed, usual) = (speed_mps * KMH_PER_MPS, usual_mps * KMH_PER_MPS);
            (
                format!("前方车辆异常：车速 {speed:.0} km/h，正常 {usual:.0} km/h"),
                format!("Abnormal vehicle ahead: {speed:.0} km/h where {usual:.0} km/h is usual"),
            )
        }
        Cause::ControlLoss { speed_mps, distance_m } => {
            let (speed, distance) = (speed_mps * KMH_PER_MPS, metres(*distance_m));
            (
                format!("附近车辆失控：相距 {distance} m，车速 {speed:.0} km/h"),
                format!("Vehicle out of control: {distance} m away, {speed:.0} km/h"),
            )
        }
        Cause::Beside { gap_m, closing_mps } => {
            let (gap, closing) = (metres(gap_m.max(0.0)), closing_mps * KMH_PER_MPS);
            (
                format!("变道危险：邻道有车，间距 {gap} m，接近速度 {closing:.0} km/h"),
                format!("Do not change lane: someone beside, gap {gap} m, closing at {closing:.0} km/h"),
            )
        }
        Cause::WrongWay { speed_mps } => {
            let speed = speed_mps * KMH_PER_MPS;
            (format!("逆行车辆：车速 {speed:.0} km/h"), format!("Vehicle on the wrong way: {speed:.0} km/h"))
        }
        Cause::Hazard { hazard, safe_mps } => {
            let ((zh, en), safe) = (hazard_words(*hazard), safe_mps * KMH_PER_MPS);
            (format!("前方{zh}：建议车速 {safe:.0} km/h"), format!("{en} ahead: {safe:.0} km/h is safe"))
        }
        Cause::Sign { code, value } => {
            if *code == SPEED_LIMIT_SIGN {
                (format!("前方限速 {value:.0} km/h"), format!("Speed limit ahead: {value:.0} km/h"))
            } else if *value > 0.0 {
                (format!("前方标志 {code}：{value:.0}"), format!("Sign {code} ahead: {value:.0}"))
            } else {
                (format!("前方标志 {code}"), format!("Sign {code} ahead"))
            }
        }
        Cause::RedLight { stop_m, needs_mps2 } => {
            let stop = metres(*stop_m);
            (
                format!("闯红灯危险：距停止线 {stop} m，需减速度 {needs_mps2:.1} m/s²"),
                format!("Red light: stop line in {stop} m, stopping takes {needs_mps2:.1} m/s²"),
            )
        }
        Cause::GreenSpeed { stop_m, advised_mps, green_in_s } => {
            let (stop, advised, green) = (metres(*stop_m), advised_mps * KMH_PER_MPS, seconds(*green_in_s));
            (
                format!("绿波车速：建议 {advised:.0} km/h，距停止线 {stop} m，{green} s 后可通行"),
                format!("Green light: {advised:.0} km/h meets it, stop line in {stop} m, open in {green} s"),
            )
        }
        Cause::Emergency { distance_m, arrives_s } => {
            let (distance, arrives) = (metres(*distance_m), seconds(*arrives_s));
            (
                format!("紧急车辆接近：相距 {distance} m，{arrives} s 后到达，请让行"),
                format!("Emergency vehicle: {distance} m away, here in {arrives} s, make way"),
            )
        }
        Cause::Detour { congested_s, detour_s } => {
            let (congested, detour) = (seconds(*congested_s), seconds(*detour_s));
            let saved = seconds(congested_s - detour_s);
            (
                format!("建议绕行：拥堵路段需 {congested} s，绕行需 {detour} s，节省 {saved} s"),
                format!(
                    "Take another way: {congested} s through the congestion, {detour} s around it, saves {saved} s"
                ),
            )
        }
    }
}

const fn hazard_words(hazard: RoadHazard) -> (&'static str, &'static str) {
    match hazard {
        RoadHazard::Object => ("有障碍物", "Object on the road"),
        RoadHazard::Water => ("积水", "Water on the road"),
        RoadHazard::Ice => ("结冰", "Ice"),
        RoadHazard::Fog => ("有雾", "Fog"),
        RoadHazard::Crash => ("发生事故", "Crash"),
        RoadHazard::Works => ("道路施工", "Road works"),
    }
}

fn conflict(kind: WarningKind, first_s: f64, post_s: f64, closest_m: f64) -> (String, String) {
    let (first, post, closest) = (seconds(first_s), seconds(post_s.abs()), metres(closest_m));
    let (what_zh, what_en) = match kind {
        WarningKind::Pedestrian => ("行人碰撞危险", "Pedestrian in the way"),
        _ => ("碰撞危险", "Collision ahead"),
    };
    if post_s < 0.0 {
        (
            format!("{what_zh}：{first} s 后到达冲突点，同时占用 {post} s，最近距离 {closest} m"),
            format!("{what_en}: conflict point in {first} s, both there for {post} s, closest {closest} m"),
        )
    } else {
        (
            format!("{what_zh}：{first} s 后到达冲突点，先后相隔 {post} s，最近距离 {closest} m"),
            format!("{what_en}: conflict point in {first} s, {post} s apart, closest {closest} m"),
        )
    }
}

fn metres(m: f64) -> String {
    if m.abs() < 10.0 { format!("{m:.1}") } else { format!("{m:.0}") }
}

fn seconds(s: f64) -> String {
    if s.abs() < 20.0 { format!("{s:.1}") } else { format!("{s:.0}") }
}
