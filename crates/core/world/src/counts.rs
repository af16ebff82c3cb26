//! What was dropped, by cause: nothing disappears uncounted.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why an input or an output was dropped. The name in reports and metrics is [`DropCause::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DropCause {
    /// Bytes that are not a frame of the agreed protocol.
    SensorGarbage,
    /// A frame larger than the limit.
    SensorOversize,
    /// A frame from a sensor that the site does not have.
    SensorUnknown,
    /// A detection whose numbers are NaN, infinite or outside the sensor's physical range.
    SensorNotFinite,
    /// A frame with a sequence number already seen.
    SensorDuplicate,
    /// A frame older than the fusion window.
    SensorStale,
    /// A frame stamped further in the future than clocks may differ.
    SensorFuture,
    /// A frame that found its queue full; the oldest goes first.
    SensorQueueFull,
    /// A detection of somebody new that found as many road users tracked as can be.
    TracksFull,
    /// Radio bytes that do not decode.
    RadioUndecodable,
    /// A message with something that only a newer edition of the message set has.
    RadioUnknownEdition,
    /// Radio bytes without a well-formed security envelope.
    RadioUnsigned,
    /// A signed message made too long ago, or in the future.
    RadioExpired,
    /// A signed message heard before in the same envelope.
    RadioReplayed,
    /// A message signed under a certificate that has not been heard yet.
    RadioUnknownSigner,
    /// A message whose signature does not hold.
    RadioBadSignature,
    /// A message under a certificate that does not lead to our root, or is not valid now.
    RadioBadCertificate,
    /// A message that its signer's certificate does not permit.
    RadioNotPermitted,
    /// A message under a revoked certificate.
    RadioRevoked,
    /// A message that found no place in the queue for verification.
    RadioOverload,
    /// A radio message that a roadside unit has no use for.
    RadioIrrelevant,
    /// A vehicle's report from beyond what the site covers: another site's to hear, if any's.
    RadioOutOfRange,
    /// A vehicle's report with a time, position or speed that cannot be.
    RadioImplausible,
    /// A message that the radio would not take.
    RadioSendFailed,
    /// A message to vehicles not sent because the wall clock was set just before.
    RadioClockSet,
    /// A message to vehicles not sent because nobody can say how wrong the wall clock is, or it is too wrong.
    RadioClockUnsure,
    /// A vehicle's report beyond what fusion can hold.
    RadioQueueFull,
    /// A message received before (by either channel).
    RadioDuplicate,
    /// A signal controller's report that is malformed, stale or of an unknown junction.
    SignalRejected,
    /// A road condition that has nonsensical numbers, is far from the site, or is beyond what can be held.
    ConditionRejected,
    /// The cloud's word of congestion that is malformed, stale, about a link that the map does not have, or beyond what can be
    /// held.
    CongestionRejected,
    /// Settings of the warnings that are out of range.
    SettingsRejected,
    /// A word to the brain that the black box could not keep: a gap in its recording.
    BlackBoxGap,
    /// A message that could not be encoded.
    EncodeFailed,
    /// Fresh state whose time to live ended before it could be sent.
    UplinkExpired,
    /// Fresh state shed because the uplink was full.
    UplinkShed,
    /// A must-arrive record that found its queue full.
    MustArriveQueueFull,
    /// A must-arrive record dropped from disk: there was no room for all, or it was too old.
    MustArriveShed,
    /// A must-arrive record whose bytes on disk were damaged.
    MustArriveDamaged,
    /// Bytes from the uplink's peer that do not decode.
    PeerGarbage,
    /// A record received before by the cloud.
    PeerDuplicate,
    /// A node, or who says that it is one, whom the cloud does not let in: its certificate is revoked, or its request for one
    /// is refused.
    PeerRefused,
    /// State from a node that is older than what is held.
    PeerStale,
    /// A neighbour's word that comes from no neighbour of this site.
    NeighbourUnknown,
    /// A neighbour's word that is older than what was heard of it already, or than fusion's reach.
    NeighbourStale,
    /// A road user of a neighbour's word that was heard already.
    NeighbourDuplicate,
    /// A neighbour's word with a time or values that cannot be.
    NeighbourImplausible,
    /// A road user of a neighbour's word beyond what can be held.
    NeighbourQueueFull,
    /// A word for a neighbour that its link could not take while it was fresh.
    NeighbourUnsent,
    /// A subscriber too slow for its stream.
    SubscriberSlow,
    /// A node, track, signal or warning that found the cloud's twin full.
    TwinFull,
}

impl DropCause {
    /// The cause's name in reports and metrics, `snake_case`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SensorGarbage => "sensor_garbage",
            Self::SensorOversize => "sensor_oversize",
            Self::SensorUnknown => "sensor_unknown",
            Self::SensorNotFinite => "sensor_not_finite",
            Self::SensorDuplicate => "sensor_duplicate",
            Self::SensorStale => "sensor_stale",
            Self::SensorFuture => "sensor_future",
            Self::SensorQueueFull => "sensor_queue_full",
            Self::TracksFull => "tracks_full",
            Self::RadioUndecodable => "radio_undecodable",
            Self::RadioUnknownEdition => "radio_unknown_edition",
            Self::RadioUnsigned => "radio_unsigned",
            Self::RadioExpired => "radio_expired",
            Self::RadioReplayed => "radio_replayed",
            Self::RadioUnknownSigner => "radio_unknown_signer",
            Self::RadioBadSignature => "radio_bad_signature",
            Self::RadioBadCertificate => "radio_bad_certificate",
            Self::RadioNotPermitted => "radio_not_permitted",
            Self::RadioRevoked => "radio_revoked",
            Self::RadioOverload => "radio_overload",
            Self::RadioIrrelevant => "radio_irrelevant",
            Self::RadioOutOfRange => "radio_out_of_range",
            Self::RadioImplausible => "radio_implausible",
            Self::RadioSendFailed => "radio_send_failed",
            Self::RadioClockSet => "radio_clock_set",
            Self::RadioClockUnsure => "radio_clock_unsure",
            Self::RadioQueueFull => "radio_queue_full",
            Self::RadioDuplicate => "radio_duplicate",
            Self::SignalRejected => "signal_rejected",
            Self::ConditionRejected => "condition_rejected",
            Self::CongestionRejected => "congestion_rejected",
            Self::SettingsRejected => "settings_rejected",
            Self::BlackBoxGap => "black_box_gap",
            Self::EncodeFailed => "encode_failed",
            Self::UplinkExpired => "uplink_expired",
            Self::UplinkShed => "uplink_shed",
            Self::MustArriveQueueFull => "must_arrive_queue_full",
            Self::MustArriveShed => "must_arrive_shed",
            Self::MustArriveDamaged => "must_arrive_damaged",
            Self::PeerGarbage => "peer_garbage",
            Self::PeerDuplicate => "peer_duplicate",
            Self::PeerRefused => "peer_refused",
            Self::PeerStale => "peer_stale",
            Self::NeighbourUnknown => "neighbour_unknown",
            Self::NeighbourStale => "neighbour_stale",
            Self::NeighbourDuplicate => "neighbour_duplicate",
            Self::NeighbourImplausible => "neighbour_implausible",
            Self::NeighbourQueueFull => "neighbour_queue_full",
            Self::NeighbourUnsent => "neighbour_unsent",
            Self::SubscriberSlow => "subscriber_slow",
            Self::TwinFull => "twin_full",
        }
    }
}

/// How much was dropped, by cause.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Drops(BTreeMap<DropCause, u64>);

impl Drops {
    /// Counts one more.
    pub fn count(&mut self, cause: DropCause) {
        self.add(cause, 1);
    }

    /// Counts `n` more.
    pub fn add(&mut self, cause: DropCause, n: u64) {
        if n > 0 {
            *self.0.entry(cause).or_default() += n;
        }
    }

    /// How many for one cause.
    #[must_use]
    pub fn of(&self, cause: DropCause) -> u64 {
        self.0.get(&cause).copied().unwrap_or(0)
    }

    /// Causes that occurred, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (DropCause, u64)> + '_ {
        self.0.iter().map(|(cause, n)| (*cause, *n))
    }

    /// Adds another's counts.
    pub fn merge(&mut self, other: &Self) {
        for (cause, n) in other.iter() {
            self.add(cause, n);
        }
    }
}
