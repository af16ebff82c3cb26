//! Corrections for satellite positioning, passed on.

use crate::asn::{MessageFrame, MessageFrameExt, Profile, RtcmCorrections, RtcmMsg, RtcmPayload};
use crate::encoder::{Encoder, FRAME_BUDGET_BYTES, Refusal, Sink, Subject};
use crate::error::EncodeError;
use crate::kind::MessageKind;

/// Corrections that a frame may hold.
const MOST_PAYLOADS: usize = 5;
/// Bytes of one correction.
const LONGEST_BYTES: usize = 2047;
/// Bytes around a payload, more than enough.
const AROUND_BYTES: usize = 8;

impl Encoder {
    /// Messages of an RTCM stream as RTCM frames: up to five in one, and about 1200 bytes. The payloads are not
    /// looked into; an empty one and one beyond 2047 bytes are refused.
    ///
    /// A message of the second phase: in another profile than `day-2` nothing is sent, and the sink is told so.
    pub fn rtcm(&mut self, payloads: &[&[u8]], sink: &mut dyn Sink) {
        if self.profile != Profile::Day2 {
            let error = EncodeError::NotInProfile { message: "RTCM", profile: self.profile };
            sink.refused(Refusal { subject: Subject::Unit, error });
            return;
        }
        let mut corrections = Vec::new();
        let mut filled = 0;
        for payload in payloads {
            let (count, low, high) = (payload.len(), 1, LONGEST_BYTES);
            if !(low..=high).contains(&count) {
                let error = EncodeError::Count { field: "rtcm_bytes", count, low, high };
                sink.refused(Refusal { subject: Subject::Unit, error });
                continue;
            }
            let full = filled + count + AROUND_BYTES > FRAME_BUDGET_BYTES || corrections.len() == MOST_PAYLOADS;
            if full && !corrections.is_empty() {
                self.send_rtcm(core::mem::take(&mut corrections), sink);
                filled = 0;
            }
            filled += count + AROUND_BYTES;
            let payload = RtcmPayload(payload.to_vec());
            corrections.push(RtcmMsg { rev: None, rtcm_id: None, payload });
        }
        if !corrections.is_empty() {
            self.send_rtcm(corrections, sink);
        }
    }

    fn send_rtcm(&mut self, corrections: Vec<RtcmMsg>, sink: &mut dyn Sink) {
        let message = RtcmCorrections { msg_cnt: Self::wire_count(&mut self.counts.rtcm), corrections };
        self.send(sink, MessageKind::Rtcm, &MessageFrame::MsgFrameExt(MessageFrameExt::Rtcm(message)));
    }
}
