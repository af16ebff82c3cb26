//! What is on its way, in order of arrival.

use crate::radio::Channel;
use jxz_edge::Input;
use jxz_units::Instant;
use jxz_v2x::Frame;
use jxz_world::{CongestionReport, JunctionSignals, NeighbourTracks, NodeState, Record, RoadReport, Scan, VehicleId};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

/// Events on their way at a time; about two seconds of a busy island.
const LIMIT: usize = 200_000;

/// Something that arrives.
#[derive(Debug, Clone)]
pub(super) enum Arrival {
    /// A scan at an edge node.
    Scan(usize, Box<Scan>),
    /// A signal controller's report at an edge node.
    Signals(usize, Box<JunctionSignals>),
    /// A word on the road's condition at an edge node.
    Condition(usize, RoadReport),
    /// The cloud's word of congestion at an edge node.
    Congestion(usize, Box<CongestionReport>),
    /// A vehicle's message at an edge node.
    Report(usize, Arc<[u8]>),
    /// A neighbour's word at an edge node.
    Neighbour(usize, Box<NeighbourTracks>),
    /// An edge node's message at a vehicle, with when it was sent.
    Broadcast(VehicleId, Channel, Arc<Frame>, Instant),
    /// An edge node's fresh state at the cloud.
    State(Box<NodeState>),
    /// An edge node's record at the cloud.
    Record(Box<Record>),
}

impl Arrival {
    /// The node that it arrives at, if it does at one.
    pub(super) const fn node(&self) -> Option<usize> {
        match self {
            Self::Scan(node, _)
            | Self::Signals(node, _)
            | Self::Condition(node, _)
            | Self::Congestion(node, _)
            | Self::Report(node, _)
            | Self::Neighbour(node, _) => Some(*node),
            Self::Broadcast(..) | Self::State(_) | Self::Record(_) => None,
        }
    }

    /// What it is to the node that it arrives at.
    pub(super) fn into_input(self) -> Option<(usize, Input)> {
        Some(match self {
            Self::Scan(node, scan) => (node, Input::Scan(*scan)),
            Self::Signals(node, signals) => (node, Input::Signals(*signals)),
            Self::Condition(node, report) => (node, Input::RoadCondition(report)),
            Self::Congestion(node, report) => (node, Input::Congestion(*report)),
            Self::Report(node, bytes) => (node, Input::Radio(bytes.to_vec())),
            Self::Neighbour(node, word) => (node, Input::Neighbour(*word)),
            Self::Broadcast(..) | Self::State(_) | Self::Record(_) => return None,
        })
    }
}

#[derive(Debug, Clone)]
struct Entry {
    at: Instant,
    number: u64,
    arrival: Arrival,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// Arrivals in order of time; of two at the same time, the one that was sent first.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Reverse<Entry>>,
    next: u64,
}

impl Queue {
    /// False if the queue is full: then the arrival is lost.
    pub(super) fn push(&mut self, at: Instant, arrival: Arrival) -> bool {
        if self.heap.len() >= LIMIT {
            return false;
        }
        self.heap.push(Reverse(Entry { at, number: self.next, arrival }));
        self.next += 1;
        true
    }

    pub(super) fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|entry| entry.0.at)
    }

    pub(super) fn pop(&mut self) -> Option<(Instant, Arrival)> {
        self.heap.pop().map(|entry| (entry.0.at, entry.0.arrival))
    }
}
