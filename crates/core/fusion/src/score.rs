//! What a sensor's own score is worth: learned from which detections turned out to be road users.

/// Bins over 0 to 1.
const BINS: usize = 16;
/// Detections of each kind that the prior (a score says nothing) is worth.
const PRIOR: f64 = 48.0;
/// Beyond this many of a kind the older count less.
const MEMORY: f64 = 20_000.0;
/// A score alone never says more than this.
const MOST: f64 = 20.0;

/// Distribution of a sensor's scores over true and over false detections.
#[derive(Debug, Clone)]
pub(crate) struct ScoreModel {
    counts: [[f64; BINS]; 2],
    totals: [f64; 2],
    ratio: [f64; BINS],
}

impl Default for ScoreModel {
    fn default() -> Self {
        Self { counts: [[PRIOR / BINS as f64; BINS]; 2], totals: [PRIOR; 2], ratio: [1.0; BINS] }
    }
}

impl ScoreModel {
    /// Likelihood of a score for a true detection over that for a false one.
    pub(crate) fn ratio(&self, score: f64) -> f64 {
        self.ratio[bin(score)]
    }

    /// Notes a detection that turned out to be true or false.
    pub(crate) fn learn(&mut self, score: f64, truth: bool) {
        let kind = usize::from(truth);
        self.counts[kind][bin(score)] += 1.0;
        self.totals[kind] += 1.0;
        if self.totals[kind] > MEMORY {
            self.counts[kind].iter_mut().chain([&mut self.totals[kind]]).for_each(|c| *c *= 0.5);
        }
    }

    /// Takes into use what was learned.
    pub(crate) fn renew(&mut self) {
        let [of_false, of_true] = &self.counts;
        let scale = self.totals[0] / self.totals[1];
        for ((ratio, f), t) in self.ratio.iter_mut().zip(of_false).zip(of_true) {
            *ratio = (scale * t / f).clamp(1.0 / MOST, MOST);
        }
    }
}

fn bin(score: f64) -> usize {
    // Saturates: what is below zero or not a number is the lowest.
    ((score * BINS as f64) as usize).min(BINS - 1)
}
