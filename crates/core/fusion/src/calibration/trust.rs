//! Whether a sensor is to be believed: it is voted out when it does not see what several others see, or repeats itself.

use jxz_units::Utc;
use jxz_world::Detection;

/// Memory of the votes, seconds.
const MEMORY_S: f64 = 0.7;
/// So many sightings must have been due before a vote counts.
const QUORUM: f64 = 12.0;
/// Below this share of what was due it is out; above the other it is in again.
const OUT_SHARE: f64 = 0.35;
const IN_SHARE: f64 = 0.65;
/// It stays out at least so long, seconds.
const OUT_S: f64 = 1.0;
/// A scan with at least so many detections, each the same to the last bit so many times in a row, is frozen.
const FROZEN_DETECTIONS: usize = 3;
const FROZEN_REPEATS: u32 = 6;

/// Whether a sensor is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// It agrees with the others, or there are too few others to say.
    #[default]
    Believed,
    /// It does not see what several others see: not used until it does.
    Contradicted,
    /// It sends the same scan again and again: not used until it moves.
    Frozen,
}

/// The votes on one sensor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Votes {
    due: f64,
    seen: f64,
    last: Option<Utc>,
    out_since: Option<Utc>,
    repeats: u32,
    previous: Vec<Detection>,
    trust: Trust,
}

impl Votes {
    pub(crate) fn trust(&self) -> Trust {
        self.trust
    }

    /// Looks at a scan's content, before it is used.
    pub(crate) fn look(&mut self, detections: &[Detection]) {
        let same = detections.len() >= FROZEN_DETECTIONS && detections == self.previous.as_slice();
        self.repeats = if same { self.repeats.saturating_add(1) } else { 0 };
        self.previous.clear();
        self.previous.extend_from_slice(detections);
        match (self.trust, self.repeats >= FROZEN_REPEATS) {
            (Trust::Believed | Trust::Contradicted, true) => self.trust = Trust::Frozen,
            (Trust::Frozen, false) if self.repeats == 0 => self.trust = Trust::Believed,
            _ => {}
        }
    }

    /// Counts a scan: of `due` road users that several others see and it should, it saw `seen`.
    /// Says whether it has just been voted out, or in again.
    pub(crate) fn count(&mut self, at: Utc, due: f64, seen: f64) -> bool {
        let dt_s = self.last.map_or(0.0, |last| at.seconds_since(last)).max(0.0);
        self.last = Some(at);
        let keep = libm::exp(-dt_s / MEMORY_S);
        self.due = self.due * keep + due;
        self.seen = self.seen * keep + seen;
        if self.due < QUORUM {
            return false;
        }
        let share = self.seen / self.due;
        match self.trust {
            Trust::Believed if share < OUT_SHARE => {
                self.trust = Trust::Contradicted;
                self.out_since = Some(at);
                true
            }
            Trust::Contradicted if share > IN_SHARE && self.out_since.is_none_or(|t| at.seconds_since(t) >= OUT_S) => {
                self.trust = Trust::Believed;
                true
            }
            _ => false,
        }
    }
}
