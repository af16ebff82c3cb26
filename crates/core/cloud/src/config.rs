//! Limits and ageing of the twin.

use crate::{IncidentConfig, TrafficConfig};

/// How much the twin holds, and how things in it age. Every number has a default that fits the island.
#[derive(Debug, Clone, PartialEq)]
pub struct CloudConfig {
    /// How things age past their validity.
    pub aging: Aging,
    /// How far ahead of the cloud's clock a node's times may lie before the node is flagged, seconds.
    pub clock_tolerance_s: f64,
    /// The longest validity that a node may claim for a state, seconds; longer claims are cut to this.
    pub max_valid_for_s: f64,
    /// For how long a health report stands for the node, seconds (health reports carry no validity of their own).
    pub health_valid_for_s: f64,
    /// A sensor is fresh while its newest scan is younger than this many of its own scan periods.
    pub sensor_periods: f64,
    /// Scan period assumed for a sensor that the map does not know, seconds.
    pub unknown_sensor_period_s: f64,
    /// For how long a lost or cancelled thing is kept before it is removed, seconds.
    pub forget_after_s: f64,
    /// Nodes held. States of a further node are dropped ([`jxz_world::DropCause::TwinFull`]); its records are kept.
    pub max_nodes: usize,
    /// Tracks held for one node; further ones are dropped and counted.
    pub max_tracks_per_node: usize,
    /// Warnings held in all; the one whose validity ends first makes room and is counted.
    pub max_warnings: usize,
    /// Junctions whose signals are held; further ones are dropped and counted.
    pub max_junctions: usize,
    /// Boots of one node whose records are told apart; the boot heard least recently makes room. A node that restarts again
    /// and again while it has no uplink brings a few records of each boot, and may bring those of many boots twice.
    pub max_boots: usize,
    /// Separate runs of record numbers remembered for one boot; beyond it the lowest gap is given up.
    pub max_record_runs: usize,
    /// Outputs waiting to be polled. A record that finds no room is refused: it is not stored, so its node sends it
    /// again ([`jxz_world::DropCause::MustArriveQueueFull`]).
    pub max_outputs: usize,
    /// How traffic on links is measured.
    pub traffic: TrafficConfig,
    /// How incidents are opened, merged and closed.
    pub incidents: IncidentConfig,
}

impl Default for CloudConfig {
    fn default() -> Self {
        Self {
            aging: Aging::default(),
            clock_tolerance_s: 0.2,
            max_valid_for_s: 60.0,
            health_valid_for_s: 5.0,
            sensor_periods: 3.0,
            unknown_sensor_period_s: 0.1,
            forget_after_s: 5.0,
            max_nodes: 2_048,
            max_tracks_per_node: 2_000,
            max_warnings: 10_000,
            max_junctions: 1_024,
            max_boots: 256,
            max_record_runs: 1_024,
            max_outputs: 8_192,
            traffic: TrafficConfig::default(),
            incidents: IncidentConfig::default(),
        }
    }
}

/// When a thing turns late, stale and lost, in multiples of its own span of validity after the start of that span.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Aging {
    /// Fresh up to one span; late up to this many.
    pub late_spans: f64,
    /// Stale up to this many; lost beyond.
    pub stale_spans: f64,
}

impl Default for Aging {
    fn default() -> Self {
        Self { late_spans: 2.0, stale_spans: 5.0 }
    }
}
