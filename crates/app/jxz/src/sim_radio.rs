//! `jxz sim radio`: the sidelink on a highway, from the model as the simulator uses it.

use anyhow::Context;
use jxz_sim::{HighwayTrial, PC5_REFERENCE, Pc5Losses, TrialResult};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write as _;

/// Play vehicles in a line that all send ten messages of 190 bytes a second over PC5 mode 4, and count what arrives.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jxz sim radio --density 200 --power-dbm 23 --distances 100,200,300,400 --json")]
pub(crate) struct Args {
    /// Vehicles a kilometre of road, 1 to 500.
    #[arg(long, default_value_t = 100.0, value_name = "PER_KM")]
    density: f64,
    /// Transmit power, -10 to 33 dBm.
    #[arg(long, default_value_t = 23.0, value_name = "DBM", allow_negative_numbers = true)]
    power_dbm: f64,
    /// Distances from sender to receiver in metres, with commas between them.
    #[arg(long, value_delimiter = ',', default_values_t = [100.0, 200.0, 300.0, 400.0], value_name = "METRES")]
    distances: Vec<f64>,
    /// For how long messages are counted, simulated seconds.
    #[arg(long, default_value_t = 120)]
    seconds: u32,
    /// Everything that is left to chance follows from it.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// One line of JSON.
    #[arg(long)]
    json: bool,
}

/// The line of JSON; distances in metres are its keys.
#[derive(Serialize)]
struct Line {
    density_per_km: f64,
    power_dbm: f64,
    delivery_percent: BTreeMap<String, f64>,
    lost_percent: BTreeMap<String, Pc5Losses>,
    channel_busy_ratio: f64,
    messages: u64,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let trial = HighwayTrial {
        per_km: args.density,
        power_dbm: args.power_dbm,
        distances_m: args.distances.clone(),
        seed: args.seed,
        seconds: args.seconds,
    };
    let result = trial.run().context("play the highway")?;
    let text = if args.json { line(&trial, &result)? } else { table(&trial, &result) };
    writeln!(std::io::stdout(), "{text}").context("write the result")
}

fn percent(share: f64) -> f64 {
    (share * 1e4).round() / 1e2
}

fn in_percent(losses: &Pc5Losses) -> Pc5Losses {
    Pc5Losses {
        half_duplex: percent(losses.half_duplex),
        sensing: percent(losses.sensing),
        propagation: percent(losses.propagation),
        collision: percent(losses.collision),
    }
}

fn line(trial: &HighwayTrial, result: &TrialResult) -> anyhow::Result<String> {
    let by_distance = || trial.distances_m.iter().map(f64::to_string).zip(&result.losses);
    let line = Line {
        density_per_km: trial.per_km,
        power_dbm: trial.power_dbm,
        delivery_percent: by_distance().map(|(metres, losses)| (metres, percent(losses.delivered()))).collect(),
        lost_percent: by_distance().map(|(metres, losses)| (metres, in_percent(losses))).collect(),
        channel_busy_ratio: (result.channel_busy_ratio * 1e4).round() / 1e4,
        messages: result.messages,
    };
    serde_json::to_string(&line).context("write the result as JSON")
}

/// For people, with the published figure beside each that has one.
fn table(trial: &HighwayTrial, result: &TrialResult) -> String {
    let row = PC5_REFERENCE.iter().find(|row| (row.per_km, row.power_dbm) == (trial.per_km, trial.power_dbm));
    let published = |metres: f64| row?.delivery_percent.iter().find(|(m, _)| *m == metres).map(|(_, percent)| *percent);
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let mut text = format!(
        "{} vehicles a km, {} dBm: {} messages of 190 bytes at each distance\n\
         distance  delivered  published | lost: half-duplex  sensing  propagation  collision\n",
        trial.per_km, trial.power_dbm, result.messages
    );
    for (metres, losses) in trial.distances_m.iter().zip(&result.losses) {
        let lost = in_percent(losses);
        text += &format!(
            "{metres:>6} m {:>9.1}% {:>10} | {:>16.1}% {:>7.1}% {:>11.1}% {:>9.1}%\n",
            100.0 * losses.delivered(),
            or_dash(published(*metres).map(|percent| format!("{percent:.1}%"))),
            lost.half_duplex,
            lost.sensing,
            lost.propagation,
            lost.collision
        );
    }
    let busy = or_dash(row.map(|row| format!("{:.2}", row.busy_ratio)));
    text + &format!("channel busy ratio {:.3}, published {busy}", result.channel_busy_ratio)
}
