//! `jxz fuse --explain`: why a track is as it is.

use super::ScanReader;
use anyhow::{Context, bail};
use jxz_fusion::{Looked, Reason, TrackOrigin, Tracker, Witness};
use jxz_world::TrackId;
use std::io::Write;
use std::path::Path;

/// Runs until the track of this number turns up, and gives what it grew out of.
pub(super) fn find(tracker: &mut Tracker, input: &Path, id: u64) -> anyhow::Result<TrackOrigin> {
    let mut reader = ScanReader::open(input)?;
    while let Some((_, scan)) = reader.next().with_context(|| input.display().to_string())? {
        tracker.handle_scan(&scan)?;
        if let Some(origin) = tracker.origin(TrackId(id)) {
            return Ok(origin);
        }
    }
    bail!("no track has the number {id} in {}; the numbers are those of the tracks written with --out", input.display())
}

/// Runs through again, and tells what each scan meant for that track.
pub(super) fn tell(tracker: &mut Tracker, input: &Path, origin: TrackOrigin) -> anyhow::Result<()> {
    let mut teller = Teller { origin, looked: Vec::new() };
    let mut reader = ScanReader::open(input)?;
    let mut stdout = std::io::stdout().lock();
    while let Some((_, scan)) = reader.next().with_context(|| input.display().to_string())? {
        tracker.handle_scan_before(&scan, &mut teller)?;
        for looked in teller.looked.drain(..) {
            write!(stdout, "{}", text(&looked)).context("writing the explanation")?;
        }
    }
    Ok(())
}

struct Teller {
    origin: TrackOrigin,
    looked: Vec<Looked>,
}

impl Witness for Teller {
    const ASKS: bool = true;

    fn asks_about(&self, origin: TrackOrigin) -> bool {
        origin == self.origin
    }

    fn looked(&mut self, looked: Looked) {
        self.looked.push(looked);
    }
}

/// A line for the scan, and one for each detection near the track.
fn text(looked: &Looked) -> String {
    let Looked { at, sensor, revised, detection_probability, hidden, existence, considered, .. } = looked;
    let fed = considered.iter().any(|c| matches!(c.reason, Reason::Fed(p) if p >= 0.5));
    let mut text = format!(
        "{:.4} s {sensor}: {}, to be detected with {:.0} %, hidden with {:.0} %; it exists with {:.2} %{}\n",
        at.unix_ns() as f64 / 1e9,
        if fed { "seen" } else { "not seen" },
        detection_probability * 100.0,
        hidden * 100.0,
        existence * 100.0,
        if *revised { " (again, with what came late)" } else { "" },
    );
    for c in considered {
        let reason = match c.reason {
            Reason::Fed(p) => format!("+ fed it, {:.0} %", p * 100.0),
            Reason::Claimed(Some(other), p) => format!("- is track {}'s, {:.0} %", other.0, p * 100.0),
            Reason::Claimed(None, p) => format!("- is a tentative track's, {:.0} %", p * 100.0),
            Reason::BeyondGate(chi2) => format!("- is beyond the gate, chi2 {chi2:.1}"),
            Reason::Stray(p) => format!("- is more likely false or somebody new, {:.1} % for it", p * 100.0),
            Reason::Outline => "- is a point of its outline, not needed to place it".to_owned(),
        };
        text += &format!(
            "    detection {} at {:.2} m, {:.2} deg, {:.2} m off: {reason}\n",
            c.index,
            c.detection.range_m,
            c.detection.azimuth_rad.to_degrees(),
            c.distance_m,
        );
    }
    text
}
