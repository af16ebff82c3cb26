//! The protocol's numbers that are used here, by name (SUMO's `TraCIConstants.h`).

/// What kind of object a command is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Domain {
    /// Signals of a junction.
    TrafficLight,
    /// Vehicles and cyclists.
    Vehicle,
    /// Points of interest: places of our own.
    Place,
    /// The simulation as a whole.
    Simulation,
    /// People on foot.
    Person,
}

impl Domain {
    /// The low part of all of its commands.
    const fn number(self) -> u8 {
        match self {
            Self::TrafficLight => 0x02,
            Self::Vehicle => 0x04,
            Self::Place => 0x07,
            Self::Simulation => 0x0b,
            Self::Person => 0x0e,
        }
    }

    pub(crate) const fn get(self) -> u8 {
        0xa0 + self.number()
    }

    pub(crate) const fn set(self) -> u8 {
        0xc0 + self.number()
    }

    pub(crate) const fn subscribe(self) -> u8 {
        0xd0 + self.number()
    }

    pub(crate) const fn subscribe_context(self) -> u8 {
        0x80 + self.number()
    }

    /// The domain of a get-command's number.
    pub(crate) fn of_get(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|domain| domain.get() == number)
    }

    /// The domain of a subscription's answer, and whether it is one of a context.
    pub(crate) fn of_answer(number: u8) -> Option<(Self, bool)> {
        Self::ALL.into_iter().find_map(|domain| match number {
            n if n == domain.subscribe() + 0x10 => Some((domain, false)),
            n if n == domain.subscribe_context() + 0x10 => Some((domain, true)),
            _ => None,
        })
    }

    const ALL: [Self; 5] = [Self::TrafficLight, Self::Vehicle, Self::Place, Self::Simulation, Self::Person];
}

/// What is asked of an object, or set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Variable(pub u8);

impl Variable {
    /// Ids of all objects of the domain: [`Value::Texts`](crate::Value::Texts).
    pub const IDS: Self = Self(0x00);
    /// How many objects the domain has.
    pub const COUNT: Self = Self(0x01);
    /// Speed, metres per second.
    pub const SPEED: Self = Self(0x40);
    /// Middle of the front bumper, the network's metres; people: their middle.
    pub const POSITION: Self = Self(0x42);
    /// Degrees clockwise from north.
    pub const ANGLE: Self = Self(0x43);
    /// Length, metres.
    pub const LENGTH: Self = Self(0x44);
    /// Who it counts as (`passenger`, `bicycle`).
    pub const CLASS: Self = Self(0x49);
    /// Width, metres.
    pub const WIDTH: Self = Self(0x4d);
    /// The name of its type.
    pub const TYPE: Self = Self(0x4f);
    /// Its lights: bit 0 right indicator, 1 left, 3 brake, 11 to 13 an emergency vehicle's.
    pub const SIGNALS: Self = Self(0x5b);
    /// Height, metres.
    pub const HEIGHT: Self = Self(0xbc);
    /// Acceleration, m/s².
    pub const ACCELERATION: Self = Self(0x72);
    /// The vehicle that a person rides in; empty on foot.
    pub const VEHICLE: Self = Self(0xc3);
    /// The simulation's time, seconds.
    pub const TIME: Self = Self(0x66);
    /// The simulation's step, seconds.
    pub const STEP: Self = Self(0x7b);
    /// Vehicles that began in the last step, as a number.
    pub const DEPARTED: Self = Self(0x73);
    /// Vehicles that arrived in the last step, as a number.
    pub const ARRIVED: Self = Self(0x79);
    /// Vehicles and people that are there or to come.
    pub const EXPECTED: Self = Self(0x7d);
    /// Signals: what each connection shows, a letter each.
    pub const LIGHTS: Self = Self(0x20);
    /// Signals: the number of the program's step.
    pub const PHASE: Self = Self(0x28);
    /// Signals, set only: go to this step of the program.
    pub const SET_PHASE: Self = Self(0x22);
    /// Signals, set only: how long the present step still lasts, seconds.
    pub const SET_PHASE_LEFT: Self = Self(0x24);
    /// Signals: the programs in full.
    pub const PROGRAMS: Self = Self(0x2b);
    /// Places, set only: make one.
    pub const ADD: Self = Self(0x80);
    /// Vehicles, set only: a speed to slow down to and for how long.
    pub const SLOW_DOWN: Self = Self(0x14);
}
