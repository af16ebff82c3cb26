//! Sensor sharing messages, outwards: what a unit's sensors cover and see.

use crate::asn::{
    Confidence, DetectedPtcData, DetectedPtcList, DetectedPtcType, EquipmentType, MessageFrame, MessageFrameExt,
    Profile, SensorSharingMsg,
};
use crate::encoder::{Encoder, FRAME_BUDGET_BYTES, Refusal, Sink, Subject};
use crate::error::EncodeError;
use crate::kind::MessageKind;
use crate::place::{Anchor, offset_bits};
use crate::road_user::RoadUser;
use crate::scale;
use crate::time::sec_mark;
use jxz_units::Utc;
use jxz_world::{RoadUserClass, TrackId};

/// More than the bits of a frame with neither regions nor participants.
const HEAD_BITS: usize = 8 * 44;
/// The set's class of a car of any kind.
const CAR: u8 = 10;

impl Encoder {
    /// The road users as SSM frames of up to 1200 bytes, in the order given, with the fields of view of the site's
    /// sensors in the first frame; with no road users there is one frame. Refused as for [`Self::rsm`].
    ///
    /// A message of the second phase: in another profile than `day-2` nothing is sent, and the sink is told so.
    ///
    /// Each participant is told as in RSM, with what else a track knows: its type where its class is sure, with the
    /// probability; and for how long it has been tracked, in whole seconds (our reading of the member `tracking`, for
    /// which no public text gives the unit). Nothing is told as an obstacle: a thing of no sure class that stands may
    /// as well be a parked car.
    pub fn ssm<'t, I>(&mut self, now: Utc, users: I, sink: &mut dyn Sink)
    where
        I: IntoIterator<Item = RoadUser<'t>, IntoIter: Clone>,
    {
        if self.profile != Profile::Day2 {
            let error = EncodeError::NotInProfile { message: "SSM", profile: self.profile };
            sink.refused(Refusal { subject: Subject::Unit, error });
            return;
        }
        let users = users.into_iter();
        let Some(here) = self.anchor(sink) else { return };
        self.participants.begin(users.clone().map(|user| user.track.id));
        let mut frame = core::mem::take(&mut self.scratch.shared);
        frame.clear();
        let (mut first, mut filled) = (true, HEAD_BITS + self.regions.bits);
        for user in users {
            match self.shared(now, &here, &user) {
                Ok(participant) => {
                    let bits = bits_of(&participant);
                    if filled + bits > 8 * FRAME_BUDGET_BYTES && !frame.is_empty() {
                        frame = self.send_ssm(now, &here, frame, first, sink);
                        frame.clear();
                        (first, filled) = (false, HEAD_BITS);
                    }
                    filled += bits;
                    frame.push(participant);
                }
                Err((track, error)) => sink.refused(Refusal { subject: Subject::Track(track), error }),
            }
        }
        self.scratch.shared = self.send_ssm(now, &here, frame, first, sink);
    }

    fn shared(
        &mut self,
        now: Utc,
        here: &Anchor,
        user: &RoadUser<'_>,
    ) -> Result<DetectedPtcData, (TrackId, EncodeError)> {
        let track = user.track;
        let ptc = user.participant(now, here, &mut self.participants).map_err(|error| (track.id, error))?;
        let class = user.sure_class();
        let probability = class.map(|(_, p)| scale::steps("class_probability", p, 0.005, 0, 200));
        let probability = probability.transpose().map_err(|error| (track.id, error))?;
        let tracked_s = now.seconds_since(track.since).floor();
        Ok(DetectedPtcData {
            ptc,
            obj_size_confidence: None,
            detected_ptc_type: class.map(|(class, _)| kind_to_wire(class, user)),
            type_confidence: probability.map(|steps| Confidence(steps as u8)),
            acc4_way_confidence: None,
            status_duration: None,
            path_history: None,
            planning_list: None,
            tracking: (tracked_s >= 1.0).then_some(tracked_s.min(65_535.0) as u16),
            polygon: None,
            type_related_ext: None,
        })
    }

    /// Sends a frame and gives its participants back.
    fn send_ssm(
        &mut self,
        now: Utc,
        here: &Anchor,
        frame: Vec<DetectedPtcData>,
        first: bool,
        sink: &mut dyn Sink,
    ) -> Vec<DetectedPtcData> {
        let (full, spare) = if frame.is_empty() { (None, frame) } else { (Some(DetectedPtcList(frame)), Vec::new()) };
        let message = MessageFrame::MsgFrameExt(MessageFrameExt::Ssm(SensorSharingMsg {
            msg_cnt: Self::wire_count(&mut self.counts.ssm),
            id: self.unit.0,
            equipment_type: EquipmentType::Rsu,
            sec_mark: sec_mark(now),
            sensor_pos: here.steps().to_position(),
            detected_region: if first { self.regions.wire.take() } else { None },
            participants: full,
            obstacles: None,
            rtes: None,
        }));
        self.send(sink, MessageKind::Ssm, &message);
        let MessageFrame::MsgFrameExt(MessageFrameExt::Ssm(message)) = message else { return spare };
        if first {
            self.regions.wire = message.detected_region;
        }
        message.participants.map_or(spare, |list| list.0)
    }
}

/// The bits that a participant takes as we tell one, or a few more.
fn bits_of(participant: &DetectedPtcData) -> usize {
    let ptc = &participant.ptc;
    // Which members are there, and the ones that always are.
    let always = 24 + 3 + 16 + 4 + 16 + 8 + 13 + 15 + 24;
    let there = [
        (ptc.id.is_some(), 64),
        (ptc.transmission.is_some(), 3),
        (ptc.motion_cfd.is_some(), 13),
        (ptc.accel_set.is_some(), 48),
        (ptc.vehicle_class.is_some(), 10),
        (participant.detected_ptc_type.is_some(), 5),
        (participant.type_confidence.is_some(), 8),
        (participant.tracking.is_some(), 16),
    ];
    always + offset_bits(&ptc.pos) + there.iter().filter(|(is, _)| *is).map(|(_, bits)| bits).sum::<usize>()
}

/// A motor vehicle is a car only if it says so itself; its class alone does not tell it from a lorry.
fn kind_to_wire(class: RoadUserClass, user: &RoadUser<'_>) -> DetectedPtcType {
    match class {
        RoadUserClass::Pedestrian => DetectedPtcType::Pedestrian,
        RoadUserClass::NonMotor => DetectedPtcType::Cyclist,
        RoadUserClass::Motor if user.own().and_then(|own| own.details.vehicle_class) == Some(CAR) => {
            DetectedPtcType::Car
        }
        RoadUserClass::Motor => DetectedPtcType::UnknownMovable,
    }
}
