//! Chance from one seed: a stream of its own for every purpose and actor, so that adding one shifts no other.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// A generator of one purpose and actor.
pub(crate) type Stream = ChaCha8Rng;

/// A generator of one of very many actors: a tenth of the room of a [`Stream`].
pub(crate) type SmallStream = Xoshiro256PlusPlus;

/// What a stream is for; part of its number, so never renumber one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Demand = 1,
    Driver = 2,
    Walker = 3,
    Sensor = 4,
    OnBoardUnit = 5,
    Radio = 6,
    Incident = 7,
    Authority = 8,
    Uu = 16,
    Gnss = 17,
    HandOver = 18,
    Reservation = 19,
    UuMessage = 20,
    SensorLink = 24,
    SensorFault = 25,
    SensorScenery = 26,
    Actor = 40,
}

/// The seed that everything follows from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seed(pub(crate) u64);

impl Seed {
    /// The stream of a purpose and an actor's number (below 2⁴⁸).
    pub(crate) fn stream(self, purpose: Purpose, actor: u64) -> Stream {
        let mut stream = ChaCha8Rng::seed_from_u64(self.0);
        stream.set_stream(((purpose as u64) << 48) | (actor & 0xffff_ffff_ffff));
        stream
    }

    /// The small stream of a purpose and an actor's number (below 2⁴⁸). Seeds are made of all three by SplitMix, as its
    /// authors advise.
    pub(crate) fn small_stream(self, purpose: Purpose, actor: u64) -> SmallStream {
        let own = ((purpose as u64) << 48) | (actor & 0xffff_ffff_ffff);
        let key = SmallStream::seed_from_u64(self.0).random::<u64>();
        SmallStream::seed_from_u64(key ^ own)
    }
}

/// A uniform draw from [low, high); `low` if the range is empty.
pub(crate) fn uniform(stream: &mut impl Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * stream.random::<f64>()
}

/// Whether an event of probability `p` happens.
pub(crate) fn chance(stream: &mut impl Rng, p: f64) -> bool {
    stream.random::<f64>() < p
}

/// A standard normal draw (Box and Muller's transform, cosine half).
pub(crate) fn normal(stream: &mut impl Rng) -> f64 {
    let radius = (-2.0 * libm::log(1.0 - stream.random::<f64>())).sqrt();
    radius * libm::cos(core::f64::consts::TAU * stream.random::<f64>())
}

/// Two independent standard normal draws (both halves of the transform): cheaper than twice [`normal`].
pub(crate) fn normal_pair(stream: &mut impl Rng) -> (f64, f64) {
    let radius = (-2.0 * libm::log(1.0 - stream.random::<f64>())).sqrt();
    let (sin, cos) = libm::sincos(core::f64::consts::TAU * stream.random::<f64>());
    (radius * cos, radius * sin)
}

/// A Poisson draw (Knuth's product), for means up to some tens.
pub(crate) fn poisson(stream: &mut impl Rng, mean: f64) -> usize {
    let floor = libm::exp(-mean.clamp(0.0, 50.0));
    let (mut count, mut product) = (0, stream.random::<f64>());
    while product > floor {
        count += 1;
        product *= stream.random::<f64>();
    }
    count
}

/// An index drawn in proportion to its weight; `None` if no weight is above zero.
pub(crate) fn weighted(stream: &mut Stream, weights: &[f64]) -> Option<usize> {
    let total: f64 = weights.iter().sum();
    let mut draw = stream.random::<f64>() * total;
    let last = weights.iter().rposition(|w| *w > 0.0)?;
    for (index, weight) in weights.iter().enumerate() {
        draw -= weight;
        if draw < 0.0 && *weight > 0.0 {
            return Some(index);
        }
    }
    Some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_do_not_touch_each_other() {
        let seed = Seed(7);
        let draw = |purpose, actor| seed.stream(purpose, actor).random::<u64>();
        assert_eq!(draw(Purpose::Driver, 3), draw(Purpose::Driver, 3));
        assert_ne!(draw(Purpose::Driver, 3), draw(Purpose::Driver, 4));
        assert_ne!(draw(Purpose::Driver, 3), draw(Purpose::Walker, 3));
        assert_ne!(draw(Purpose::Driver, 3), Seed(8).stream(Purpose::Driver, 3).random::<u64>());
        let small = |seed: u64, purpose, actor| Seed(seed).small_stream(purpose, actor).random::<u64>();
        assert_eq!(small(7, Purpose::Radio, 3), small(7, Purpose::Radio, 3));
        assert_ne!(small(7, Purpose::Radio, 3), small(7, Purpose::Radio, 4));
        assert_ne!(small(7, Purpose::Radio, 3), small(7, Purpose::Uu, 3));
        assert_ne!(small(7, Purpose::Radio, 3), small(8, Purpose::Radio, 3));
    }

    #[test]
    fn draws_have_the_moments_of_their_distributions() {
        let mut stream = Seed(1).stream(Purpose::Sensor, 0);
        let n = 40_000;
        let normals: Vec<f64> = (0..n).map(|_| normal(&mut stream)).collect();
        let mean = normals.iter().sum::<f64>() / f64::from(n);
        let variance = normals.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
        // Three standard errors: 3/sqrt(n) and 3*sqrt(2/n).
        assert!(mean.abs() < 0.015 && (variance - 1.0).abs() < 0.022, "{mean} {variance}");
        let counts = (0..n).map(|_| poisson(&mut stream, 2.5) as f64).sum::<f64>() / f64::from(n);
        assert!((counts - 2.5).abs() < 0.024, "{counts}");
    }
}
