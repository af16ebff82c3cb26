//! PC5 mode 4 as a formula: how many messages get lost at a distance, and why.
//!
//! A message is lost to the first of four causes (arXiv 1807.06508, eq. 6): its receiver sends in the same subframe; it
//! comes in below the receiver's sensitivity; noise spoils it; somebody else's message in the same resource does.
//! [`Pc5Model::losses`] is the mean over shadowing; the air (`air.rs`) asks the same model for each message with the
//! shadowing that it has.

use super::propagation::{NOISE_DBM, SENSITIVITY_DBM, Sight, block_error_rate};
use super::scheduling::{RATE_HZ, Scheduling};
use serde::{Deserialize, Serialize};

/// Bytes that go into one resource: ten resource blocks at QPSK 0.7.
const BLOCK_BYTES: usize = 190;
/// Resources side by side in one subframe.
const SUBCHANNELS: u32 = 4;

/// Why a PC5 message did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pc5Loss {
    /// The receiver was sending itself.
    HalfDuplex,
    /// Too weak to be noticed.
    Sensing,
    /// Spoiled by noise.
    Propagation,
    /// Spoiled by another message in the same resource.
    Collision,
}

/// Shares of messages lost by cause, 0 to 1; each is of all messages.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Pc5Losses {
    /// The receiver was sending itself.
    pub half_duplex: f64,
    /// Too weak to be noticed.
    pub sensing: f64,
    /// Spoiled by noise.
    pub propagation: f64,
    /// Spoiled by another message in the same resource.
    pub collision: f64,
}

impl Pc5Losses {
    /// The share that arrives, 0 to 1.
    #[must_use]
    pub fn delivered(&self) -> f64 {
        1.0 - self.half_duplex - self.sensing - self.propagation - self.collision
    }
}

/// A message's size on the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// Resources of 190 bytes.
    pub(crate) blocks: u32,
    /// Subframes, each of four of them.
    pub(crate) subframes: u32,
}

impl Size {
    pub(crate) fn of(bytes: usize) -> Self {
        let blocks = u32::try_from(bytes.div_ceil(BLOCK_BYTES)).unwrap_or(u32::MAX).max(1);
        Self { blocks, subframes: blocks.div_ceil(SUBCHANNELS) }
    }
}

/// The chances of one message whose shadowing is known, each given that it survived the causes before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Chances {
    pub(crate) half_duplex: f64,
    pub(crate) heard: bool,
    pub(crate) propagation: f64,
    pub(crate) collision: f64,
}

/// A channel on which everyone sends with the same power.
#[derive(Debug, Clone)]
pub(crate) struct Pc5Model {
    power_dbm: f64,
    scheduling: Scheduling,
}

impl Pc5Model {
    pub(crate) fn new(power_dbm: f64) -> Self {
        Self { power_dbm, scheduling: Scheduling::new(power_dbm) }
    }

    /// Nothing arrives from farther away, metres: three and a half sigmas of shadowing are not enough.
    pub(crate) fn reach_m(&self) -> f64 {
        let best_db = self.power_dbm - SENSITIVITY_DBM + 3.5 * Sight::Open.shadow_sigma_db();
        let (mut near_m, mut far_m) = (1.0, 5000.0);
        while far_m - near_m > 1.0 {
            let middle_m = 0.5 * (near_m + far_m);
            if Sight::Open.path_loss_db(middle_m) < best_db { near_m = middle_m } else { far_m = middle_m }
        }
        far_m
    }

    /// Of messages over a distance, the share that is heard at all.
    pub(crate) fn heard(&self, sight: Sight, distance_m: f64) -> f64 {
        sight.heard(self.power_dbm, distance_m, SENSITIVITY_DBM)
    }

    /// Density on one straight road, vehicles a kilometre, whose channel is as full as one where so many are heard.
    pub(crate) fn density_of_heard(&self, heard: f64) -> f64 {
        1000.0 * heard / self.scheduling.heard_length_m()
    }

    /// Share of the channel's resources found busy, 0 to 1, at a density in vehicles a kilometre.
    pub(crate) fn busy_ratio(&self, per_km: f64) -> f64 {
        self.scheduling.busy_ratio(per_km)
    }

    /// Mean power that arrives over a distance, dBm: shadowing comes on top.
    pub(crate) fn mean_dbm(&self, sight: Sight, distance_m: f64) -> f64 {
        self.power_dbm - sight.path_loss_db(distance_m)
    }

    /// The chances of one message that arrives with a power; `receiver_hz` is in how many subframes a second its
    /// receiver sends.
    pub(crate) fn chances(
        &self,
        (distance_m, received_dbm): (f64, f64),
        size: Size,
        per_km: f64,
        receiver_hz: f64,
    ) -> Chances {
        let any = |chance: f64, times: u32| match times {
            1 => chance.clamp(0.0, 1.0),
            _ => 1.0 - libm::pow(1.0 - chance.clamp(0.0, 1.0), f64::from(times)),
        };
        let half_duplex = any(receiver_hz / 1000.0, size.subframes);
        if received_dbm < SENSITIVITY_DBM {
            return Chances { half_duplex, heard: false, propagation: 1.0, collision: 1.0 };
        }
        Chances {
            half_duplex,
            heard: true,
            propagation: any(block_error_rate(received_dbm - NOISE_DBM), size.blocks),
            collision: any(self.scheduling.collision(per_km, distance_m, received_dbm), size.blocks),
        }
    }

    /// Shares of 190-byte messages lost over a distance in the open, all vehicles sending ten a second: the mean over
    /// shadowing of [`Self::chances`].
    pub(crate) fn losses(&self, per_km: f64, distance_m: f64) -> Pc5Losses {
        const HALF: i32 = 500;
        let sigma_db = Sight::Open.shadow_sigma_db();
        let (mut losses, mut total) = (Pc5Losses::default(), 0.0);
        for k in -HALF..=HALF {
            let sigmas = 0.01 * f64::from(k);
            let weight = libm::exp(-0.5 * sigmas * sigmas);
            let received_dbm = self.mean_dbm(Sight::Open, distance_m) + sigmas * sigma_db;
            let chances = self.chances((distance_m, received_dbm), Size::of(BLOCK_BYTES), per_km, RATE_HZ);
            let mut left = weight * (1.0 - chances.half_duplex);
            total += weight;
            losses.half_duplex += weight - left;
            if !chances.heard {
                losses.sensing += left;
                continue;
            }
            losses.propagation += left * chances.propagation;
            left *= 1.0 - chances.propagation;
            losses.collision += left * chances.collision;
        }
        for share in [&mut losses.half_duplex, &mut losses.sensing, &mut losses.propagation, &mut losses.collision] {
            *share /= total;
        }
        losses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formula_gives_every_entry_of_the_reference_table() {
        for row in crate::radio::reference::ROWS {
            let model = Pc5Model::new(row.power_dbm);
            for (distance_m, published) in row.delivery_percent {
                let percent = 100.0 * model.losses(row.per_km, distance_m).delivered();
                assert!((percent - published).abs() < 0.5, "{distance_m} m in {row:?}: {percent} %");
            }
            let busy = model.busy_ratio(row.per_km);
            assert!((busy - row.busy_ratio).abs() < 0.01, "{row:?}: {busy}");
        }
    }

    #[test]
    fn more_of_anything_bad_delivers_less() {
        let model = Pc5Model::new(23.0);
        let mut last = [1.0; 9];
        for per_km in (0..=500).step_by(20) {
            let mut nearer = 1.0;
            for (k, last) in last.iter_mut().enumerate() {
                let delivered = model.losses(f64::from(per_km), 50.0 + 75.0 * k as f64).delivered();
                assert!(delivered <= nearer + 1e-3 && delivered <= *last + 1e-3, "{per_km} a km, {k}: {delivered}");
                (nearer, *last) = (delivered, delivered);
            }
        }
        let chances = |model: &Pc5Model, bytes| model.chances((200.0, -75.0), Size::of(bytes), 200.0, 10.0);
        let (one, four, five) = (chances(&model, 190), chances(&model, 760), chances(&model, 761));
        assert!(four.collision > 2.0 * one.collision && five.collision > four.collision);
        assert_eq!((four.half_duplex, one.half_duplex), (one.half_duplex, four.half_duplex));
        assert!((five.half_duplex - 0.0199).abs() < 1e-9);
    }

    #[test]
    fn round_a_corner_buildings_take_what_the_open_road_would_carry() {
        let model = Pc5Model::new(23.0);
        assert!(model.heard(Sight::Open, 200.0) > 0.999 && model.heard(Sight::Blocked, 200.0) < 0.05);
        assert!(model.heard(Sight::Blocked, 60.0) > 0.9);
    }
}
