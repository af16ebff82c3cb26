//! How often two vehicles send in the same resource: sensing-based semi-persistent scheduling of PC5 mode 4 on a road.
//!
//! The model of Gonzalez-Martín, Sepulcre, Molina-Masegosa and Gozalvez (TVT 68(2), 2019, arXiv 1807.06508), whose
//! equations are cited by number. It knows no fitted constant: everything follows from the standard's rules, path loss
//! and block errors. One thing differs: the paper takes the mean over the shadowing of the message's own path first;
//! here the chance of a collision is kept for each received power, since a message's shadowing is known when its fate
//! is drawn.

use super::propagation::{NOISE_DBM, SENSITIVITY_DBM, Sight, block_error_rate, with_noise_dbm};
use std::sync::OnceLock;

/// Messages a second from each vehicle; also the number of messages between two selections, on average.
pub(crate) const RATE_HZ: f64 = 10.0;
/// Resources in a selection window of 100 ms with four subchannels, eq. 28.
const RESOURCES: f64 = 4.0 * 1000.0 / RATE_HZ;
/// A vehicle chooses among this share of them.
const CANDIDATES: f64 = 0.2 * RESOURCES;
/// Step of the road, metres.
const STEP_M: f64 = 5.0;
/// Vehicles farther away than this exclude nothing, metres.
const FARTHEST_M: f64 = 1500.0;
const CELLS: usize = (FARTHEST_M / STEP_M) as usize;
/// Interference from farther away than this is not counted, metres.
const INTERFERENCE_M: f64 = 1000.0;
/// Grid of received powers, dBm.
const POWERS: Grid = Grid { first: SENSITIVITY_DBM, step: 2.0, count: 32 };
/// Grid of distances from sender to receiver, metres.
const DISTANCES: Grid = Grid { first: 0.0, step: 25.0, count: 41 };
/// Grid of densities: more of what is sparse, vehicles a kilometre.
const DENSITIES: [f64; 10] = [0.0, 25.0, 50.0, 100.0, 150.0, 200.0, 250.0, 300.0, 400.0, 500.0];

/// Equidistant points.
struct Grid {
    first: f64,
    step: f64,
    count: usize,
}

impl Grid {
    fn at(&self, index: usize) -> f64 {
        self.first + self.step * index as f64
    }

    /// The point at or below a value, not the last one, and the share of the way to the next.
    fn place(&self, value: f64) -> (usize, f64) {
        let steps = ((value - self.first) / self.step).clamp(0.0, (self.count - 1) as f64);
        let below = (steps as usize).min(self.count - 2);
        (below, steps - below as f64)
    }
}

fn between(share: f64, low: f64, high: f64) -> f64 {
    low + share * (high - low)
}

/// What one density does to the channel.
#[derive(Debug, Clone)]
struct Load {
    busy_ratio: f64,
    /// Chance of a collision by distance and received power.
    collision: Vec<f64>,
}

/// Chances of a collision for one transmit power, over density, distance and received power.
#[derive(Debug, Clone)]
pub(crate) struct Scheduling {
    power_dbm: f64,
    /// Share of messages heard, each `STEP_M`.
    heard: Vec<f64>,
    /// Its autocorrelation, eq. 30.2.
    overlap: Vec<f64>,
    /// Chance that an interferer spoils a message, by received power and by the interferer's distance.
    spoils: Vec<Vec<f64>>,
    /// One for each of `DENSITIES`, made when it is needed.
    loads: [OnceLock<Load>; DENSITIES.len()],
}

impl Scheduling {
    pub(crate) fn new(power_dbm: f64) -> Self {
        let heard: Vec<f64> =
            (0..=CELLS).map(|cell| Sight::Open.heard(power_dbm, cell as f64 * STEP_M, SENSITIVITY_DBM)).collect();
        let overlap = overlap(&heard);
        let spoils = (0..POWERS.count).map(|power| spoils(power_dbm, POWERS.at(power))).collect();
        Self { power_dbm, heard, overlap, spoils, loads: Default::default() }
    }

    /// Chance that a message of 190 bytes that would arrive is spoiled by others in the same resource.
    pub(crate) fn collision(&self, per_km: f64, distance_m: f64, received_dbm: f64) -> f64 {
        let (distance, far) = DISTANCES.place(distance_m);
        let (power, strong) = POWERS.place(received_dbm);
        self.interpolate(per_km, |load| {
            let row = |d: usize| {
                let at = d * POWERS.count + power;
                between(strong, load.collision[at], load.collision[at + 1])
            };
            between(far, row(distance), row(distance + 1))
        })
    }

    /// Share of the channel's resources that a vehicle finds busy, eq. 34.
    pub(crate) fn busy_ratio(&self, per_km: f64) -> f64 {
        self.interpolate(per_km, |load| load.busy_ratio)
    }

    /// How many vehicles a receiver hears of each vehicle a metre, metres: eq. 29.1 without the density.
    pub(crate) fn heard_length_m(&self) -> f64 {
        both_sides(&self.heard) * STEP_M
    }

    fn interpolate(&self, per_km: f64, of: impl Fn(&Load) -> f64) -> f64 {
        let above = DENSITIES.partition_point(|d| *d < per_km).clamp(1, DENSITIES.len() - 1);
        let below = above - 1;
        let share = ((per_km - DENSITIES[below]) / (DENSITIES[above] - DENSITIES[below])).clamp(0.0, 1.0);
        let at = |index: usize| of(self.loads[index].get_or_init(|| self.load(DENSITIES[index] / 1000.0)));
        between(share, at(below), at(above))
    }

    fn load(&self, per_m: f64) -> Load {
        let mut load = Load { busy_ratio: 0.0, collision: vec![0.0; DISTANCES.count * POWERS.count] };
        if per_m <= 0.0 {
            return load;
        }
        let by_sensing = self.selection(per_m, false);
        load.busy_ratio = by_sensing.excluded / RESOURCES;
        // Eq. 22: the busier the channel, the less is there to be ordered by its mean power.
        let weight = (2.0 * load.busy_ratio - 0.4).clamp(0.0, 1.0);
        let by_power = (weight < 1.0).then(|| self.selection(per_m, true));
        for distance in 0..DISTANCES.count {
            let row = &mut load.collision[distance * POWERS.count..][..POWERS.count];
            self.add_collisions(per_m, distance, weight, &by_sensing, row);
            if let Some(by_power) = &by_power {
                self.add_collisions(per_m, distance, 1.0 - weight, by_power, row);
            }
        }
        load
    }

    /// Adds the chance of a collision, eq. 14 and 15, for every received power, times a weight.
    fn add_collisions(&self, per_m: f64, distance: usize, weight: f64, selection: &Selection, row: &mut [f64]) {
        let each_m = 1.0 / per_m;
        let count = (INTERFERENCE_M * per_m) as i64;
        let interferers: Vec<(f64, f64)> = (-count..=count)
            .filter(|k| *k != 0)
            .map(|k| {
                let from_receiver_m = k as f64 * each_m;
                let from_sender_m = (from_receiver_m + DISTANCES.at(distance)).abs();
                (from_receiver_m.abs() / STEP_M, selection.same_resource(from_sender_m))
            })
            .collect();
        for (power, collision) in row.iter_mut().enumerate() {
            let survives = interferers.iter().map(|(cell, same)| 1.0 - same * along(&self.spoils[power], *cell));
            *collision += weight * (1.0 - survives.product::<f64>());
        }
    }

    /// How resources are chosen: in the second step of the standard all that are not sensed busy, in the third those
    /// with the least mean power, which is the second step with a threshold at which a fifth remains.
    fn selection(&self, per_m: f64, by_power: bool) -> Selection {
        // Eq. 32.1 has twice the vehicles of eq. 29.1: both ends of a path count.
        let vehicles = per_m * if by_power { 2.0 } else { 1.0 };
        let heard_at = |threshold_dbm: f64| -> Vec<f64> {
            (0..=CELLS).map(|cell| Sight::Open.heard(self.power_dbm, cell as f64 * STEP_M, threshold_dbm)).collect()
        };
        let (mut low_dbm, mut high_dbm) = (SENSITIVITY_DBM, 0.0);
        let mut heard = self.heard.clone();
        let mut excluded = excluded(vehicles * both_sides(&heard) * STEP_M);
        // The standard raises the threshold until enough resources remain; here to a hundredth of a decibel.
        if RESOURCES - excluded < CANDIDATES {
            while high_dbm - low_dbm > 0.01 {
                let middle_dbm = 0.5 * (low_dbm + high_dbm);
                heard = heard_at(middle_dbm);
                excluded = self::excluded(vehicles * both_sides(&heard) * STEP_M);
                if RESOURCES - excluded < CANDIDATES { low_dbm = middle_dbm } else { high_dbm = middle_dbm }
            }
        }
        let available = (RESOURCES - excluded).max(CANDIDATES);
        // Eq. 30: resources that both exclude, from all that one does at no distance to chance far away.
        let chance = excluded * excluded / RESOURCES;
        let together = excluded * per_m * self.overlap[0] / (per_m * both_sides(&self.heard) * STEP_M);
        let common = |cell: usize| {
            let both_exclude = self.overlap[cell] / self.overlap[0] * (together - chance) + chance;
            // Eq. 23 to 27. Cc/Nc² is Ca/Na².
            (RESOURCES - 2.0 * excluded + both_exclude) / (available * available)
        };
        let unaware = |cell: usize| 1.0 - (1.0 - 1.0 / RATE_HZ) * heard.get(cell).copied().unwrap_or(0.0);
        let same = (0..self.overlap.len()).map(|cell| (unaware(cell) * common(cell)).clamp(0.0, 1.0)).collect();
        Selection { excluded, same }
    }
}

/// One way to select resources.
struct Selection {
    /// Resources excluded, of `RESOURCES`.
    excluded: f64,
    /// Chance that two vehicles select the same one, each `STEP_M` of their distance.
    same: Vec<f64>,
}

impl Selection {
    fn same_resource(&self, apart_m: f64) -> f64 {
        along(&self.same, apart_m / STEP_M)
    }
}

/// A value between the cells of a row; the last one beyond its end.
fn along(row: &[f64], cell: f64) -> f64 {
    let below = (cell as usize).min(row.len() - 1);
    let above = (below + 1).min(row.len() - 1);
    between((cell - below as f64).clamp(0.0, 1.0), row[below], row[above])
}

/// Sum over both sides of the road of what is known for one.
fn both_sides(row: &[f64]) -> f64 {
    row[0] + 2.0 * row[1..].iter().sum::<f64>()
}

/// Resources excluded when so many vehicles are heard, eq. 29: half of them know of each other and take different
/// ones, the others may coincide.
fn excluded(heard: f64) -> f64 {
    let half = heard / 2.0;
    let free = (RESOURCES - half).max(1.0);
    let more: f64 = (1..=half as u32).map(|k| (1.0 - f64::from(k) / free).max(0.0)).sum();
    (half + more).min(RESOURCES)
}

/// Eq. 30.2 for lags up to twice the row.
fn overlap(heard: &[f64]) -> Vec<f64> {
    let last = heard.len() as i64 - 1;
    let at = |cell: i64| heard[cell.unsigned_abs() as usize];
    let of = |lag: i64| (-last..=last - lag).map(|cell| at(cell) * at(cell + lag)).sum::<f64>() * STEP_M;
    (0..=2 * last).map(of).collect()
}

/// Chance that interference spoils a message of a received power that noise alone would not, eq. 17 and 18, by the
/// interferer's distance each `STEP_M`; the mean over the interferer's shadowing.
fn spoils(power_dbm: f64, received_dbm: f64) -> Vec<f64> {
    const HALF: i32 = 20;
    let sigma_db = Sight::Open.shadow_sigma_db();
    // Standard normal weights at a fifth of a sigma, out to four.
    let weights: Vec<(f64, f64)> = (-HALF..=HALF)
        .map(|k| 0.2 * f64::from(k))
        .map(|sigmas| (sigmas * sigma_db, libm::exp(-0.5 * sigmas * sigmas)))
        .collect();
    let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
    let without = block_error_rate(received_dbm - NOISE_DBM);
    let of = |cell: usize| {
        let mean_dbm = power_dbm - Sight::Open.path_loss_db(cell as f64 * STEP_M);
        let lost = |(db, weight): &(f64, f64)| weight * block_error_rate(received_dbm - with_noise_dbm(mean_dbm + db));
        let with: f64 = weights.iter().map(lost).sum::<f64>() / total;
        ((with - without) / (1.0 - without).max(1e-9)).clamp(0.0, 1.0)
    };
    (0..=(INTERFERENCE_M / STEP_M) as usize).map(of).collect()
}
