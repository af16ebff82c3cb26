//! Fingerprints of what a brain puts out.

use crate::convert::{neighbour_to_wire, signals_to_wire};
use jxz_edge::Output;
use jxz_security::{Class, SIGNATURE_BYTES};
use jxz_units::Now;
use jxz_wire::journal::v1::OutputKind;
use jxz_world::{NeighbourTracks, NodeState};
use prost::Message;
use sha2::{Digest, Sha256};

/// What one output is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// What it is.
    pub kind: OutputKind,
    /// The first eight bytes of its SHA-256.
    pub hash: u64,
}

/// Takes fingerprints, and a digest over all of them so far.
#[derive(Debug, Clone)]
pub struct Fingerprints {
    signed: bool,
    all: Sha256,
    count: u64,
    buffer: Vec<u8>,
}

impl Fingerprints {
    /// None so far, of a brain that signs its messages or does not.
    #[must_use]
    pub fn new(signed: bool) -> Self {
        Self { signed, all: Sha256::new(), count: 0, buffer: Vec::new() }
    }

    /// Takes one. All of the output counts, with every bit of every number, but for a message's signature.
    pub fn take(&mut self, now: Now, output: &Output) -> Fingerprint {
        self.buffer.clear();
        let kind = self.write(output);
        let hash = Sha256::digest(&self.buffer);
        self.count += 1;
        self.all.update([kind as u8]);
        self.all.update(now.mono.ns().to_le_bytes());
        self.all.update(hash);
        let mut first = [0; 8];
        first.copy_from_slice(&hash[..8]);
        Fingerprint { kind, hash: u64::from_le_bytes(first) }
    }

    /// Outputs taken.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// SHA-256 over everything taken: kind, time and hash of each.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.all.clone().finalize().into()
    }

    fn write(&mut self, output: &Output) -> OutputKind {
        let buffer = &mut self.buffer;
        match output {
            Output::Broadcast(frame) => {
                let signature = if self.signed { SIGNATURE_BYTES.min(frame.bytes.len()) } else { 0 };
                buffer.extend_from_slice(frame.kind.name().as_bytes());
                buffer.extend_from_slice(&frame.bytes[..frame.bytes.len() - signature]);
                OutputKind::Broadcast
            }
            Output::Verify(verification) => {
                buffer.extend_from_slice(&verification.ticket.to_le_bytes());
                buffer.extend_from_slice(&verification.job.signer().0);
                buffer.push(u8::from(verification.job.class() == Class::New));
                OutputKind::Verify
            }
            Output::State(state) => {
                write_state(buffer, state);
                OutputKind::State
            }
            Output::Neighbour { to, tracks } => {
                buffer.extend_from_slice(to.0.as_bytes());
                buffer.extend_from_slice(&neighbour_to_wire(tracks).encode_to_vec());
                OutputKind::Neighbour
            }
            Output::Record(record) => {
                // JSON, whose numbers are the shortest that read back to the same bits.
                if let Err(error) = serde_json::to_writer(&mut *buffer, record) {
                    buffer.extend_from_slice(error.to_string().as_bytes());
                }
                OutputKind::Record
            }
            // Of a kind that came after this version.
            _ => OutputKind::Unspecified,
        }
    }
}

fn write_state(buffer: &mut Vec<u8>, state: &NodeState) {
    let NodeState { site, boot, sequence, valid_at, valid_for_s, tracks, signals } = state;
    let (boot, sequence, valid_at) = (*boot, *sequence, *valid_at);
    let word = NeighbourTracks { site: site.clone(), boot, sequence, valid_at, tracks: tracks.clone() };
    buffer.extend_from_slice(&valid_for_s.to_bits().to_le_bytes());
    buffer.extend_from_slice(&neighbour_to_wire(&word).encode_to_vec());
    if let Some(signals) = signals {
        buffer.extend_from_slice(&signals_to_wire(signals).encode_to_vec());
    }
}
