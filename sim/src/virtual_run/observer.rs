//! Whoever watches a virtual run: a recorder, a plot.

use crate::on_board::{ByChannel, Shown};
use crate::radio::Channel;
use crate::truth::TruthObject;
use jxz_edge::{Input, Output};
use jxz_units::Now;
use jxz_v2x::MessageKind;
use jxz_world::{JunctionSignals, NodeState, Record, Scan, SiteId, VehicleId};

/// Who sends a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender<'a> {
    /// A site, to vehicles.
    Site(&'a SiteId),
    /// A vehicle, to sites.
    Vehicle(VehicleId),
}

/// One message as one channel carries it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transmission<'a> {
    /// Who sends it.
    pub sender: Sender<'a>,
    /// On which channel.
    pub channel: Channel,
    /// What it is.
    pub kind: MessageKind,
    /// Unaligned PER, in its envelope if messages are signed.
    pub bytes: &'a [u8],
    /// How many receivers it reaches; the others in reach lose it.
    pub received_by: usize,
}

/// Is told of everything that happens in a [`VirtualIsland`](super::VirtualIsland), in order of time within each kind.
/// It cannot change anything: with it or without, the run's digest is the same. What it does not care for it leaves out.
pub trait Observer: Send {
    /// Every road user as it is at the beginning of each step.
    fn truth(&mut self, _now: Now, _truth: &[TruthObject]) {}
    /// A sensor's scan, when it comes to its node.
    fn scan(&mut self, _now: Now, _site: &SiteId, _scan: &Scan) {}
    /// What a signal controller reports, when it does.
    fn signals(&mut self, _now: Now, _signals: &JunctionSignals) {}
    /// A message of a site or a vehicle, when it is sent; once for each channel.
    fn transmission(&mut self, _now: Now, _transmission: &Transmission<'_>) {}
    /// A node's fresh state, when it is put out, whether it comes to the cloud or not.
    fn state(&mut self, _now: Now, _state: &NodeState) {}
    /// A node's record, when it is put out.
    fn record(&mut self, _now: Now, _record: &Record) {}
    /// Whether every word to the brain of this site is to be told of; they have to be copied for that.
    fn hears_brain(&self, _site: &SiteId) -> bool {
        false
    }
    /// A word to a site's brain, and all that it said to it.
    fn handled(&mut self, _now: Now, _site: &SiteId, _input: Input, _outputs: Vec<Output>) {}
    /// What a driver is shown, when it is.
    fn shown(&mut self, _now: Now, _shown: &Shown) {}
}

/// Tells of a message that goes out on both channels, and that so many receive.
pub(super) fn tell(
    observer: &mut dyn Observer,
    now: Now,
    (sender, kind, bytes): (Sender<'_>, MessageKind, &[u8]),
    received: ByChannel,
) {
    for (channel, received_by) in [(Channel::Pc5, received.pc5), (Channel::Uu, received.uu)] {
        let received_by = usize::try_from(received_by).unwrap_or(usize::MAX);
        observer.transmission(now, &Transmission { sender, channel, kind, bytes, received_by });
    }
}
