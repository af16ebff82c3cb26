//! A synthetic town for benches of traffic: a square grid of signalised crossings, as large as it needs to be.

use jxz_map::Map;
use std::fmt::Write as _;
use std::path::Path;

/// Distance from crossing to crossing, metres.
const BLOCK_M: f64 = 200.0;
/// Metres of a degree of latitude, near enough: the grid need not be exact.
const DEGREE_M: f64 = 111_195.0;

/// A grid of `side` x `side` crossings 200 m apart, two lanes each way, on fixed-time signals with permissive left
/// turns; without sites, cycle lanes and crossings for people. Its roads end nowhere: who drives there stays.
///
/// # Errors
/// The files cannot be written to `dir`, or the map does not load from there.
pub fn town(side: usize, dir: &Path) -> Result<Map, Box<dyn std::error::Error>> {
    let mut roads = String::new();
    let mut junctions = String::new();
    let mut signals = String::new();
    for (column, row) in (0..side * side).map(|k| (k % side, k / side)) {
        let [lon, lat] = place(column, row);
        let name = format!("j{column}-{row}");
        let arms = arms(column, row, side);
        writeln!(junctions, "[[junction]]\nid = \"{name}\"\nnode_id = {}", column + row * side + 1)?;
        writeln!(junctions, "at = [{lon:.7}, {lat:.7}]\ncontrol = \"signals\"\n")?;
        write_signals(&mut signals, &name, &arms, column + row)?;
        for (step, kind) in [((1, 0), "e"), ((0, 1), "n")] {
            let (to_column, to_row) = (column + step.0, row + step.1);
            if to_column >= side || to_row >= side {
                continue;
            }
            let [to_lon, to_lat] = place(to_column, to_row);
            writeln!(roads, "[[road]]\nid = \"{kind}{column}-{row}\"\nclass = \"street\"\nprofile = \"street\"")?;
            writeln!(roads, "from = \"{name}\"\nto = \"j{to_column}-{to_row}\"")?;
            writeln!(roads, "points = [[{lon:.7}, {lat:.7}], [{to_lon:.7}, {to_lat:.7}]]\n")?;
        }
    }
    std::fs::write(dir.join("map.toml"), HEADER)?;
    std::fs::write(dir.join("roads.toml"), roads)?;
    std::fs::write(dir.join("junctions.toml"), junctions)?;
    std::fs::write(dir.join("signals.toml"), signals)?;
    Ok(Map::load(dir)?)
}

const HEADER: &str = r#"
name = "grid"
edition = "1"
credit = "synthetic"
[frame]
lat_deg = 0.0
lon_deg = 0.0
[speed_limits_kmh]
street = 50
[[profile]]
id = "street"
median_m = 1.0
strips = [{ kind = "driving", width_m = 3.5, count = 2 }]
"#;

fn place(column: usize, row: usize) -> [f64; 2] {
    [column as f64 * BLOCK_M / DEGREE_M, row as f64 * BLOCK_M / DEGREE_M]
}

/// The roads that meet at a crossing, anticlockwise from east; `None` beyond the rim.
fn arms(column: usize, row: usize, side: usize) -> [Option<String>; 4] {
    [
        (column + 1 < side).then(|| format!("e{column}-{row}")),
        (row + 1 < side).then(|| format!("n{column}-{row}")),
        (column > 0).then(|| format!("e{}-{row}", column.wrapping_sub(1))),
        (row > 0).then(|| format!("n{column}-{}", row.wrapping_sub(1))),
    ]
}

/// Two stages, east and west, then north and south; left turns give way to those who come against them.
fn write_signals(out: &mut String, name: &str, arms: &[Option<String>; 4], number: usize) -> std::fmt::Result {
    let mut phases = String::new();
    let mut green = [Vec::new(), Vec::new()];
    let mut permissive = [Vec::new(), Vec::new()];
    for (k, from) in arms.iter().enumerate() {
        let Some(from) = from else { continue };
        let (through, left) = (k * 2 + 1, k * 2 + 2);
        let to: Vec<String> = [k + 2, k + 1].iter().filter_map(|a| arms[a % 4].clone()).collect();
        if !to.is_empty() {
            writeln!(phases, "    {{ id = {through}, from = \"{from}\", to = {to:?} }},")?;
            green[k % 2].push(through);
        }
        if let Some(to) = &arms[(k + 3) % 4] {
            writeln!(phases, "    {{ id = {left}, from = \"{from}\", to = [{to:?}] }},")?;
            green[k % 2].push(left);
            permissive[k % 2].push(left);
        }
    }
    writeln!(out, "[[signals]]\njunction = \"{name}\"\noffset_s = {}", number % 6 * 10)?;
    writeln!(out, "phases = [\n{phases}]\nstages = [")?;
    for (green, permissive) in green.iter().zip(&permissive) {
        let times = "green_s = 25, yellow_s = 3, all_red_s = 2";
        writeln!(out, "    {{ green = {green:?}, permissive = {permissive:?}, {times} }},")?;
    }
    writeln!(out, "]\n")
}
