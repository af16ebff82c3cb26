//! One digest over everything that came out.

use crate::on_board::Shown;
use crate::radio::Channel;
use jxz_units::Instant;
use jxz_v2x::Frame;
use jxz_world::{NodeState, Record};
use sha2::{Digest, Sha256};

/// SHA-256 over outputs in order: messages with their times, states, records, warnings shown.
#[derive(Debug, Clone, Default)]
pub(super) struct OutputDigest(Sha256);

impl OutputDigest {
    pub(super) fn broadcast(&mut self, site: usize, at: Instant, frame: &Frame) {
        self.begin(1, at);
        self.0.update((site as u64).to_le_bytes());
        self.0.update((frame.bytes.len() as u64).to_le_bytes());
        self.0.update(&frame.bytes);
    }

    pub(super) fn state(&mut self, site: usize, at: Instant, state: &NodeState) {
        self.begin(2, at);
        self.0.update((site as u64).to_le_bytes());
        for track in &state.tracks {
            self.0.update(track.id.0.to_le_bytes());
            for value in [track.position.x, track.position.y, track.velocity.x, track.velocity.y, track.existence] {
                self.0.update(value.to_bits().to_le_bytes());
            }
        }
    }

    /// Records are taken in their JSON form.
    pub(super) fn record(&mut self, at: Instant, record: &Record) -> Result<(), serde_json::Error> {
        self.begin(3, at);
        self.0.update(serde_json::to_vec(record)?);
        Ok(())
    }

    pub(super) fn shown(&mut self, at: Instant, shown: &Shown) {
        self.begin(4, at);
        self.0.update(shown.vehicle.0);
        self.0.update(shown.id.0.to_le_bytes());
        self.0.update(shown.revision.to_le_bytes());
        self.0.update([
            shown.application as u8,
            shown.level as u8,
            u8::from(shown.channel == Channel::Pc5),
            u8::from(shown.first),
        ]);
    }

    /// Sixty-four hexadecimal digits.
    pub(super) fn finish(&self) -> String {
        self.0.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn begin(&mut self, tag: u8, at: Instant) {
        self.0.update([tag]);
        self.0.update(at.ns().to_le_bytes());
    }
}
