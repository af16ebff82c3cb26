//! Vehicles along a road: station over time, and speed over time.

use super::data::{Data, Life, Showing};
use super::road::Road;
use super::svg::{Axis, Drawing};
use anyhow::bail;
use jxz_world::Light;

/// Speeds by colour: from standing to fast, apart in grey print too (a part of the scale "viridis", reversed).
const SPEEDS: [(f64, &str); 6] = [
    (1.0, "#b5123b"),
    (3.0, "#e4632d"),
    (6.0, "#e0a214"),
    (9.0, "#35a06f"),
    (12.0, "#2079a8"),
    (f64::INFINITY, "#3b3f8f"),
];
/// A vehicle that is seen on the road again within this time has not left it, seconds.
const GAP_S: f64 = 0.65;
const SIZE: (f64, f64) = (860.0, 520.0);

/// One vehicle's way along the road: time, station, speed.
type Way = Vec<(f64, f64, f64)>;

fn ways(data: &Data, road: &Road) -> Vec<Way> {
    let mut ways = Vec::new();
    for life in data.truth.values().filter(|life| life.motor) {
        ways.extend(ways_of(life, road));
    }
    ways
}

/// The stretches of a life on the road.
fn ways_of(life: &Life, road: &Road) -> Vec<Way> {
    let mut ways: Vec<Way> = Vec::new();
    for sample in &life.samples {
        let Some(station_m) = road.station_m(sample.position, sample.yaw_rad) else { continue };
        let next = (sample.at_s, station_m, sample.speed_mps);
        let goes_on =
            |way: &Way| way.last().is_some_and(|last| sample.at_s - last.0 < GAP_S && station_m > last.1 - 2.0);
        match ways.last_mut().filter(|way| goes_on(way)) {
            Some(way) => way.push(next),
            None => ways.push(vec![next]),
        }
    }
    ways.retain(|way| way.len() > 2);
    ways
}

fn titles(data: &Data, what: &str, road: &Road, vehicles: usize) -> (String, String) {
    let run = &data.run;
    let subtitle =
        format!("{}, seed {}, {vehicles} vehicle passages (cars, buses, lorries: truth)", run.scenario, run.seed);
    (format!("{}: {what}", road.name), subtitle)
}

fn least_one(ways: &[Way], road: &Road, data: &Data) -> anyhow::Result<()> {
    if ways.is_empty() {
        let (name, from_s, to_s) = (&road.name, data.from_s, data.to_s);
        bail!("no vehicle was on {name} from {from_s} to {to_s:.0} s: try --reverse, or another time");
    }
    Ok(())
}

/// Station over time, a line a vehicle, coloured by speed; signals as bars at their stop lines.
pub(super) fn time_space(data: &Data, road: &Road) -> anyhow::Result<String> {
    let ways = ways(data, road);
    least_one(&ways, road, data)?;
    let (title, subtitle) = titles(data, "time-space diagram 时空图", road, ways.len());
    let x = Axis::new("time in the run, s", data.from_s, data.to_s);
    let y = Axis::new("station along the road, m", 0.0, road.length_m());
    let mut drawing = Drawing::new(SIZE.0, SIZE.1, x, y, &title, &subtitle);
    drawing.axes();
    drawing.clipped();
    for (from, (_, colour)) in SPEEDS.iter().enumerate() {
        let within = |speed: f64| SPEEDS.iter().position(|(below, _)| speed < *below) == Some(from);
        let lines: Vec<_> = ways.iter().flat_map(|way| stretches(way, within)).collect();
        drawing.paths(&lines, colour, 1.1, 0.95);
    }
    for (station_m, signal) in &road.stops {
        let shown = data.signals.get(&(signal.junction.clone(), signal.phase)).map_or(&[][..], Vec::as_slice);
        bars(&mut drawing, *station_m, shown, data.to_s);
    }
    drawing.unclipped();
    for (station_m, name) in &road.junctions {
        drawing.note((data.from_s + 0.006 * (data.to_s - data.from_s), station_m + 0.012 * road.length_m()), name);
    }
    drawing.border();
    drawing.legend(&legend());
    Ok(drawing.finish())
}

/// The parts of a way whose speed is within a class, each with the point after it so that lines join.
fn stretches(way: &Way, within: impl Fn(f64) -> bool) -> Vec<Vec<(f64, f64)>> {
    let mut parts: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut open = false;
    for pair in way.windows(2) {
        let [(t, s, speed), (next_t, next_s, _)] = [pair[0], pair[1]];
        if !within(speed) {
            open = false;
            continue;
        }
        if !open {
            parts.push(vec![(t, s)]);
            open = true;
        }
        if let Some(part) = parts.last_mut() {
            part.push((next_t, next_s));
        }
    }
    parts.into_iter().map(|part| simplified(&part, 0.4)).collect()
}

/// The line without points that lie within `within` of the straight line between their neighbours kept (Ramer, Douglas
/// and Peucker; the second value decides).
fn simplified(line: &[(f64, f64)], within: f64) -> Vec<(f64, f64)> {
    let mut keep = vec![false; line.len()];
    let mut spans = vec![(0, line.len().saturating_sub(1))];
    while let Some((first, last)) = spans.pop() {
        if let (Some(a), Some(b)) = (line.get(first), line.get(last)) {
            (keep[first], keep[last]) = (true, true);
            let on_line = |t: f64| if b.0 > a.0 { a.1 + (b.1 - a.1) * (t - a.0) / (b.0 - a.0) } else { a.1 };
            let off = |k: &usize| (line[*k].1 - on_line(line[*k].0)).abs();
            let farthest = (first + 1..last).max_by(|j, k| off(j).total_cmp(&off(k)));
            if let Some(middle) = farthest.filter(|k| off(k) > within) {
                spans.extend([(first, middle), (middle, last)]);
            }
        }
    }
    line.iter().zip(keep).filter(|(_, keep)| *keep).map(|(point, _)| *point).collect()
}

fn bars(drawing: &mut Drawing, station_m: f64, shown: &[Showing], to_s: f64) {
    for (k, showing) in shown.iter().enumerate() {
        let until_s = shown.get(k + 1).map_or(to_s, |next| next.from_s);
        let (colour, width) = match showing.light {
            Light::Red => ("#d92b22", 3.6),
            Light::Green => ("#14935c", 3.6),
            Light::PermissiveGreen => ("#6cc596", 3.6),
            Light::Yellow | Light::FlashingYellow => ("#f0b400", 3.6),
            Light::Dark => continue,
        };
        drawing.paths(&[vec![(showing.from_s, station_m), (until_s, station_m)]], colour, width, 0.9);
    }
}

fn legend() -> Vec<(Option<&'static str>, f64, String)> {
    let mut rows = vec![(None, 0.0, "Speed, km/h".to_owned())];
    let mut from_mps = 0.0;
    for (below_mps, colour) in SPEEDS {
        let words = if below_mps.is_finite() {
            format!("{:.0} to {:.0}", from_mps * 3.6, below_mps * 3.6)
        } else {
            format!("{:.0} and more", from_mps * 3.6)
        };
        rows.push((Some(colour), 2.5, words));
        from_mps = below_mps;
    }
    rows.push((None, 0.0, "Signal at stop line".to_owned()));
    for (colour, words) in
        [("#14935c", "green"), ("#6cc596", "green, gives way"), ("#f0b400", "yellow"), ("#d92b22", "red")]
    {
        rows.push((Some(colour), 4.0, words.to_owned()));
    }
    rows
}

/// Speed over time, a thin line a vehicle, and the mean of all each second.
pub(super) fn speed(data: &Data, road: &Road) -> anyhow::Result<String> {
    let ways = ways(data, road);
    least_one(&ways, road, data)?;
    let (title, subtitle) = titles(data, "speeds 车速", road, ways.len());
    let top = ways.iter().flatten().map(|(_, _, speed)| speed * 3.6).fold(10.0, f64::max);
    let x = Axis::new("time in the run, s", data.from_s, data.to_s);
    let y = Axis::new("speed, km/h", 0.0, (top / 10.0).ceil() * 10.0);
    let mut drawing = Drawing::new(SIZE.0, SIZE.1, x, y, &title, &subtitle);
    drawing.axes();
    drawing.clipped();
    let line = |way: &Way| simplified(&way.iter().map(|(t, _, v)| (*t, v * 3.6)).collect::<Vec<_>>(), 0.8);
    let lines: Vec<_> = ways.iter().map(line).collect();
    drawing.paths(&lines, "#2079a8", 0.7, 0.4);
    drawing.paths(&[means(&ways)], "#b5123b", 2.2, 1.0);
    drawing.unclipped();
    drawing.border();
    let row = |colour, width, words: &str| (Some(colour), width, words.to_owned());
    drawing.legend(&[row("#2079a8", 1.0, "each vehicle"), row("#b5123b", 2.2, "mean of all")]);
    Ok(drawing.finish())
}

/// The mean speed of the vehicles on the road in each second with one, km/h.
fn means(ways: &[Way]) -> Vec<(f64, f64)> {
    let mut seconds = std::collections::BTreeMap::<i64, (f64, f64)>::new();
    for (t, _, speed) in ways.iter().flatten() {
        let sum = seconds.entry(t.floor() as i64).or_default();
        *sum = (sum.0 + speed * 3.6, sum.1 + 1.0);
    }
    seconds.into_iter().map(|(second, (sum, count))| (second as f64 + 0.5, sum / count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_cut_by_speed_and_the_parts_join() {
        let way = vec![(0.0, 0.0, 5.0), (1.0, 5.0, 5.0), (2.0, 10.0, 0.5), (3.0, 10.5, 0.5), (4.0, 11.0, 5.0)];
        let parts = |low: f64, high: f64| stretches(&way, |speed| speed >= low && speed < high);
        assert_eq!(parts(3.0, 6.0), [vec![(0.0, 0.0), (2.0, 10.0)]]);
        assert_eq!(parts(0.0, 1.0), [vec![(2.0, 10.0), (4.0, 11.0)]]);
    }

    #[test]
    fn a_straight_line_needs_two_points_and_a_bend_keeps_its_corner() {
        let straight: Vec<_> = (0..50).map(|k| (f64::from(k), 3.0 * f64::from(k))).collect();
        assert_eq!(simplified(&straight, 0.4).len(), 2);
        let bend: Vec<_> = (0..50).map(|k| (f64::from(k), f64::from(k.min(20)) * 3.0)).collect();
        assert_eq!(simplified(&bend, 0.4), [(0.0, 0.0), (20.0, 60.0), (49.0, 60.0)]);
    }

    #[test]
    fn means_are_of_the_vehicles_of_each_second() {
        let ways = [vec![(0.1, 0.0, 10.0), (1.2, 0.0, 10.0)], vec![(0.6, 0.0, 5.0)]];
        assert_eq!(means(&ways), [(0.5, 27.0), (1.5, 36.0)]);
    }
}
