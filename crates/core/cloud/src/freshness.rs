//! How far a thing may be trusted, by its own validity and nothing else.

use crate::Aging;
use jxz_units::Utc;

/// A span shorter than this would make a thing lost between two polls.
const MIN_SPAN_S: f64 = 0.05;

/// How far a thing may be trusted. Ordered: the later, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Freshness {
    /// Within its validity.
    Fresh,
    /// Just past it: a renewal is overdue.
    Late,
    /// Well past it: only good as the last thing known.
    Stale,
    /// Given up, or never heard of at all.
    Lost,
}

impl Freshness {
    /// Every degree, best first.
    pub const ALL: [Self; 4] = [Self::Fresh, Self::Late, Self::Stale, Self::Lost];

    /// `fresh`, `late`, `stale` or `lost`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Late => "late",
            Self::Stale => "stale",
            Self::Lost => "lost",
        }
    }

    /// Fresh or late: still counted as there.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Fresh | Self::Late)
    }
}

/// The span of time for which something was said to hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Validity {
    from: Utc,
    span_s: f64,
    until: Utc,
}

impl Validity {
    /// Valid at `from` and for `span_s` seconds after it. A `from` that is ahead of `received` (the sender's clock is
    /// ahead of ours) counts from `received`, so that no clock can keep a thing fresh for longer than its span.
    #[must_use]
    pub fn new(from: Utc, span_s: f64, received: Utc) -> Self {
        let from = from.min(received);
        Self { from, span_s: span_s.max(MIN_SPAN_S), until: from.plus_seconds(span_s) }
    }

    /// Where the span begins.
    #[must_use]
    pub const fn from(&self) -> Utc {
        self.from
    }

    /// The last time at which it counts as fresh.
    #[must_use]
    pub const fn until(&self) -> Utc {
        self.until
    }

    /// Seconds since the span began, never negative.
    #[must_use]
    pub fn age_s(&self, now: Utc) -> f64 {
        now.seconds_since(self.from).max(0.0)
    }

    /// How far it may be trusted at `now`.
    #[must_use]
    pub fn freshness(&self, now: Utc, aging: Aging) -> Freshness {
        let past_s = now.seconds_since(self.until);
        if past_s <= 0.0 {
            Freshness::Fresh
        } else if past_s <= (aging.late_spans - 1.0) * self.span_s {
            Freshness::Late
        } else if past_s <= (aging.stale_spans - 1.0) * self.span_s {
            Freshness::Stale
        } else {
            Freshness::Lost
        }
    }

    /// When it is to be removed: `forget_after_s` after it turns lost.
    #[must_use]
    pub(crate) fn forget_at(&self, aging: Aging, forget_after_s: f64) -> Utc {
        self.until.plus_seconds((aging.stale_spans - 1.0) * self.span_s + forget_after_s)
    }
}
