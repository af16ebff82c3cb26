//! What must hold for any bytes as a node's black box.

use jxz_blackbox::{Entry, Recording, input_from_wire};
use std::io::Cursor;

/// Bytes as a black box: read to the end or to the first error, in bounded memory, and steps' numbers only rise.
///
/// # Panics
/// If that does not hold.
pub fn read(bytes: &[u8]) {
    let Ok(recording) = Recording::read(Box::new(Cursor::new(bytes.to_vec())), "fuzz") else { return };
    let mut last = None;
    for entry in recording {
        let Ok(Entry::Step(step)) = entry else { continue };
        assert!(last < Some(step.number), "step {} after step {last:?}", step.number);
        last = Some(step.number);
        let _ = step.input.map(input_from_wire);
    }
}
