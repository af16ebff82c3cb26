//! What is on its way, in order of arrival.

use crate::radio::Channel;
use jxz_edge::Input;
use jxz_units::Instant;
use jxz_v2x::Frame;
use jxz_world::{CongestionReport, JunctionSignals, NeighbourTracks, NodeState, Record, RoadReport, Scan, VehicleId};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

/// Events in a queue at a time; about two seconds of a busy island.
const LIMIT: usize = 200_000;

/// Something that arrives at an edge node.
#[derive(Debug, Clone)]
pub(super) enum Arrival {
    /// A sensor's scan.
    Scan(Box<Scan>),
    /// A signal controller's report.
    Signals(Box<JunctionSignals>),
    /// A word on the road's condition.
    Condition(RoadReport),
    /// The cloud's word of congestion.
    Congestion(Box<CongestionReport>),
    /// A vehicle's message.
    Report(Arc<[u8]>),
    /// A neighbour's word.
    Neighbour(Box<NeighbourTracks>),
}

impl Arrival {
    /// What it is to the node.
    pub(super) fn into_input(self) -> Input {
        match self {
            Self::Scan(scan) => Input::Scan(*scan),
            Self::Signals(signals) => Input::Signals(*signals),
            Self::Condition(report) => Input::RoadCondition(report),
            Self::Congestion(report) => Input::Congestion(*report),
            Self::Report(bytes) => Input::Radio(bytes.to_vec()),
            Self::Neighbour(word) => Input::Neighbour(*word),
        }
    }
}

/// Something that arrives at a vehicle or the cloud.
#[derive(Debug, Clone)]
pub(super) enum Beyond {
    /// An edge node's message at a vehicle, with when it was sent.
    Broadcast(VehicleId, Channel, Arc<Frame>, Instant),
    /// An edge node's fresh state at the cloud.
    State(Box<NodeState>),
    /// An edge node's record at the cloud.
    Record(Box<Record>),
}

#[derive(Debug, Clone)]
struct Entry<T> {
    at: Instant,
    number: u64,
    arrival: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// Arrivals in order of time; of two at the same time, the one that was sent first.
#[derive(Debug, Clone)]
pub(super) struct Queue<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    next: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), next: 0 }
    }
}

impl<T> Queue<T> {
    /// False if the queue is full: then the arrival is lost.
    pub(super) fn push(&mut self, at: Instant, arrival: T) -> bool {
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

    pub(super) fn pop(&mut self) -> Option<(Instant, T)> {
        self.heap.pop().map(|entry| (entry.0.at, entry.0.arrival))
    }
}
