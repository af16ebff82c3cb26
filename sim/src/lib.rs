//! The simulated island: roads, road users, sensors, radio and vehicles' on-board units.
//!
//! Everything follows from one seed. [`Simulation`] is a state machine in steps of [`STEP`]; the same object runs in
//! virtual time and behind a real-time driver.

mod envelope;
mod fleet;
mod gnss;
mod on_board;
mod outline;
mod outside;
mod radio;
mod rng;
mod scenario;
mod score;
mod sensor;
mod simulation;
mod site_play;
mod traffic;
mod truth;
mod virtual_run;

pub use envelope::{EnrolError, FleetSecurity};
pub use gnss::ReceiverKind;
pub use on_board::{ByChannel, OnBoardTotals, Shown, VehicleMessage};
pub use outside::OutsideUser;
pub use radio::{
    Cell, Channel, Deployment, HighwayTrial, HighwayTrialError, PC5_REFERENCE, Pc5Counts, Pc5Loss, Pc5Losses,
    Pc5Reference, Radio, RadioReport, TrialResult, UuCounts, UuLoss,
};
pub use scenario::{
    Actor, ActorKind, Amount, Area, BlockagePlan, Buildings, BurstPlan, Demand, DriverPlan, Expect, FaultySensor,
    Freeze, GnssPlan, Incident, IncidentKind, Light, OnBoardPlan, Outage, Pc5Plan, RadioPlan, Scenario, ScenarioError,
    SeedRange, SensorFault, TrafficPlan, WeatherChange, WeatherPlan,
};
/// The words of a scenario's actors and expectations.
pub mod words {
    pub use crate::scenario::{
        Appears, Brake, ChangeTo, Cross, Drive, EncounterExpected, Follow, Lamps, LightName, Meet, Order, Overtake,
        Place, Shift, Span, Step, StepBack, Stop, TurnName, Walk, WarningExpected, When, Within,
    };
}
pub use score::{
    Alarm, AlarmTruth, ApplicationScore, Benefit, Blame, CONFLICT_S, Delay, Event, LEAD_S, Lead, NEAR_CONFLICT_S,
    Named, RunScore, Score, ScoreWatch, Tally,
};
pub use simulation::{STEP, SentScan, Simulation, SimulationError, StepOutput};
pub use site_play::{PlayOutput, Sighting, SitePlay};
pub use traffic::{Discharge, FlowPoint, FlowTrial, QueueTrial, RoadUserKind};
pub use truth::TruthObject;
pub use virtual_run::{
    Encounter, EncounterBook, Executor, HandOvers, Judge, Latency, Met, MustArrive, NeighbourLinks, Observer, Sender,
    Serial, ShownTo, Tracking, Transmission, Verdict, VirtualIsland, VirtualReport, VirtualRunError, Warned,
};
