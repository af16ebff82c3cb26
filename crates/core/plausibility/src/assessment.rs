//! What a check found.

use jxz_world::VehicleId;

/// What is checked. The name in reports and metrics is [`Check::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Check {
    /// A number that is NaN or infinite.
    NotFinite,
    /// A time of validity ahead of the clock, long past, or already spoken for.
    Stale,
    /// Farther away than the radio can carry.
    Range,
    /// Faster than a vehicle goes.
    Speed,
    /// Speeding up faster than a vehicle can: as said, or from one report to the next.
    Acceleration,
    /// Slowing down faster than a vehicle can: as said, or from one report to the next.
    Deceleration,
    /// A position that the said speeds and headings since earlier reports do not lead to.
    Position,
    /// Turning faster than a vehicle can.
    Turn,
    /// The very same position again and again while a speed is said.
    Frozen,
    /// The very state that another vehicle reported.
    Copied,
    /// Heard for the first time close by and at speed.
    Appearance,
    /// In the same place as another vehicle.
    Overlap,
    /// More reports than the message set allows.
    Rate,
}

impl Check {
    /// How many there are.
    pub(crate) const COUNT: usize = 13;

    /// All of them, in order.
    pub const ALL: [Self; Self::COUNT] = [
        Self::NotFinite,
        Self::Stale,
        Self::Range,
        Self::Speed,
        Self::Acceleration,
        Self::Deceleration,
        Self::Position,
        Self::Turn,
        Self::Frozen,
        Self::Copied,
        Self::Appearance,
        Self::Overlap,
        Self::Rate,
    ];

    /// The check's name in reports and metrics, `snake_case`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotFinite => "not_finite",
            Self::Stale => "stale",
            Self::Range => "range",
            Self::Speed => "speed",
            Self::Acceleration => "acceleration",
            Self::Deceleration => "deceleration",
            Self::Position => "position",
            Self::Turn => "turn",
            Self::Frozen => "frozen",
            Self::Copied => "copied",
            Self::Appearance => "appearance",
            Self::Overlap => "overlap",
            Self::Rate => "rate",
        }
    }

    /// The unit of [`Failure::said`] and [`Failure::allowed`].
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::NotFinite => "numbers",
            Self::Stale => "s of age",
            Self::Range => "m",
            Self::Speed => "m/s",
            Self::Acceleration | Self::Deceleration => "m/s2",
            Self::Position => "m off",
            Self::Turn => "rad",
            Self::Frozen => "m said to be driven",
            Self::Copied => "reports",
            Self::Appearance => "m away",
            Self::Overlap => "of the smaller one's area",
            Self::Rate => "reports beyond the rate",
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// The most points that failures of this check give a sender. Honest traffic appears suddenly out of side streets
    /// and stands side by side with noise on its positions: neither may ever reject a vehicle, not even together. Nor
    /// may a crash, however long it lasts; random speeds fail upwards as well as downwards.
    pub(crate) const fn most_points(self) -> f64 {
        match self {
            Self::Appearance => 1.0,
            Self::Overlap => 2.0,
            Self::Acceleration | Self::Deceleration => 3.0,
            _ => 10.0,
        }
    }
}

/// How much a failed check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Unusual, and still what honest vehicles do: hard braking, speeding, a long reach. Never leads to rejection.
    Notice,
    /// Not to be explained by driving, but perhaps by a sensor's mistake or a crash. Repeated, it leads to rejection.
    Doubt,
    /// No vehicle can be so: the report is rejected at once.
    Impossible,
}

/// One failed check, with its numbers in [`Check::unit`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Failure {
    /// Which check.
    pub check: Check,
    /// How much it says.
    pub grade: Grade,
    /// What the vehicle said, or what follows from it.
    pub said: f64,
    /// The most that was allowed; for [`Check::Appearance`] the least.
    pub allowed: f64,
    /// The other vehicle in [`Check::Overlap`] and [`Check::Copied`].
    pub other: Option<VehicleId>,
}

impl Failure {
    pub(crate) const fn new(check: Check, grade: Grade, said: f64, allowed: f64) -> Self {
        Self { check, grade, said, allowed, other: None }
    }

    pub(crate) const fn with(mut self, other: VehicleId) -> Self {
        self.other = Some(other);
        self
    }
}

impl core::fmt::Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (said, allowed) = (self.said, self.allowed);
        write!(f, "{}: {said:.2} {}, {allowed:.2} allowed", self.check.name(), self.check.unit())?;
        self.other.map_or(Ok(()), |other| write!(f, ", with {other}"))
    }
}

/// What to do with a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing to remark.
    Accept,
    /// Use it, and trust it less.
    Suspect,
    /// Do not use it.
    Reject,
}

/// What became of one report.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// What to do with it.
    pub verdict: Verdict,
    /// The checks that this report failed, at most two of a kind.
    pub failures: Vec<Failure>,
    /// The points that its sender has now, this report's included.
    pub points: f64,
}
