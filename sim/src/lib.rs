//! The simulated island: roads, road users, sensors, radio and vehicles' on-board units.
//!
//! Everything follows from one seed. [`Simulation`] is a state machine in steps of [`STEP`]; the same object runs in
//! virtual time and behind a real-time driver.

mod envelope;
mod fleet;
mod gnss;
mod on_board;
mod outside;
mod radio;
mod rng;
mod scenario;
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
    BlockagePlan, BurstPlan, Demand, GnssPlan, Incident, IncidentKind, OnBoardPlan, Outage, Pc5Plan, RadioPlan,
    Scenario, ScenarioError, TrafficPlan,
};
pub use simulation::{STEP, Simulation, SimulationError, StepOutput};
pub use site_play::{PlayOutput, Sighting, SitePlay};
pub use traffic::RoadUserKind;
pub use truth::TruthObject;
pub use virtual_run::{
    Executor, HandOvers, Latency, MustArrive, NeighbourLinks, Serial, Tracking, VirtualIsland, VirtualReport,
    VirtualRunError,
};
