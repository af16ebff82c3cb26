//! Ways on the map: what really drove and walked, what the nodes tracked, where they warned.

use super::Window;
use super::data::{Data, Life};
use super::svg::{Axis, Drawing};
use anyhow::bail;
use jxz_geo::Point;
use jxz_map::Map;
use jxz_world::WarningKind;

/// The longer side of the plot, pixels.
const LONGEST: f64 = 860.0;
const TRUTH: &str = "#2079a8";
const TRACKS: &str = "#e06a00";
/// Two samples of one road user further apart than this are not joined, seconds.
const GAP_S: f64 = 1.0;

pub(super) fn draw(data: &Data, map: &Map, window: &Window) -> anyhow::Result<String> {
    let (low, high) = (
        (window.centre.x - window.half_m.0, window.centre.y - window.half_m.1),
        (window.centre.x + window.half_m.0, window.centre.y + window.half_m.1),
    );
    let scale = LONGEST / (high.0 - low.0).max(high.1 - low.1);
    let inside = |p: Point| p.x >= low.0 && p.x <= high.0 && p.y >= low.1 && p.y <= high.1;
    let truth = lines(data.truth.values(), inside);
    let tracks = lines(data.tracks.values(), inside);
    if truth.is_empty() {
        bail!("nobody was there from {} to {:.0} s", data.from_s, data.to_s);
    }
    let run = &data.run;
    let title = format!("{}: trajectories 轨迹", window.title);
    let subtitle = format!("{}, seed {}, {:.0} to {:.0} s", run.scenario, run.seed, data.from_s, data.to_s);
    let x = Axis::new("east, m", low.0, high.0);
    let y = Axis::new("north, m", low.1, high.1);
    let mut drawing = Drawing::new(scale * (high.0 - low.0), scale * (high.1 - low.1), x, y, &title, &subtitle);
    drawing.axes();
    drawing.clipped();
    lanes(&mut drawing, map, low, high);
    drawing.paths(&truth, TRUTH, 2.4, 0.55);
    drawing.paths(&tracks, TRACKS, 0.9, 0.9);
    let warnings: Vec<_> = data.warnings.iter().filter(|warning| inside(warning.position)).collect();
    for warning in &warnings {
        drawing.mark((warning.position.x, warning.position.y), colour(warning.kind));
    }
    drawing.unclipped();
    drawing.border();
    let mut rows = vec![
        (Some(TRUTH), 3.0, format!("road users: {}", truth.len())),
        (Some(TRACKS), 1.4, format!("tracks: {}", tracks.len())),
        (Some("#c3cbd2"), 3.0, "lanes".to_owned()),
        (None, 0.0, "Warnings raised".to_owned()),
    ];
    for kind in WarningKind::ALL {
        let count = warnings.iter().filter(|warning| warning.kind == kind).count();
        if count > 0 {
            rows.push((Some(colour(kind)), 8.0, format!("{}: {count}", kind.name().replace('_', " "))));
        }
    }
    drawing.legend(&rows);
    Ok(drawing.finish())
}

/// Lines through what is inside, cut where a life is not.
fn lines<'a>(lives: impl Iterator<Item = &'a Life>, inside: impl Fn(Point) -> bool) -> Vec<Vec<(f64, f64)>> {
    let mut lines = Vec::new();
    for life in lives {
        let mut line: Vec<(f64, f64)> = Vec::new();
        let mut last: Option<super::data::Sample> = None;
        for sample in life.samples.iter().filter(|sample| inside(sample.position)) {
            if last.is_some_and(|last| sample.at_s - last.at_s > GAP_S) {
                lines.push(std::mem::take(&mut line));
            }
            // Half a metre is less than a line's width.
            if last.is_none_or(|last| (sample.position - last.position).norm() > 0.5) || line.is_empty() {
                line.push((sample.position.x, sample.position.y));
                last = Some(*sample);
            } else if let Some(last) = &mut last {
                last.at_s = sample.at_s;
            }
        }
        lines.push(line);
    }
    lines.retain(|line| line.len() > 1);
    lines
}

/// Lanes and crossings that reach into the plot.
fn lanes(drawing: &mut Drawing, map: &Map, low: (f64, f64), high: (f64, f64)) {
    let reaches = |line: &&[Point]| {
        let within = |value: fn(&Point) -> f64, low: f64, high: f64| {
            let values = || line.iter().map(value);
            values().fold(f64::INFINITY, f64::min) <= high && values().fold(f64::NEG_INFINITY, f64::max) >= low
        };
        within(|p| p.x, low.0, high.0) && within(|p| p.y, low.1, high.1)
    };
    let pairs = |points: &[Point]| points.iter().map(|p| (p.x, p.y)).collect::<Vec<_>>();
    let lines: Vec<_> = map.lanes.iter().map(|lane| lane.centre.points()).filter(reaches).map(pairs).collect();
    drawing.paths(&lines, "#c3cbd2", 2.6, 0.7);
    let crossings = map.crossings.iter().map(|crossing| crossing.line.points());
    let lines: Vec<_> = crossings.filter(reaches).map(pairs).collect();
    drawing.paths(&lines, "#9aa5af", 1.2, 0.8);
}

const fn colour(kind: WarningKind) -> &'static str {
    match kind {
        WarningKind::Collision => "#d3221c",
        WarningKind::Pedestrian => "#c2378a",
        WarningKind::SpeedLimit => "#8a7000",
        WarningKind::VehicleAhead => "#5b3a00",
        WarningKind::RoadCondition => "#7a3fc4",
        WarningKind::Guidance => "#00806b",
        WarningKind::Signal => "#b3560f",
        WarningKind::EmergencyVehicle => "#1f5fd0",
    }
}
