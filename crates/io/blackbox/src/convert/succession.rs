//! What one brain leaves to another.

use super::{bounded, track};
use crate::error::BlackBoxError;
use jxz_edge::Succession;
use jxz_hazard::{EventLegacy, JamLegacy, Legacy, TrackLegacy};
use jxz_units::Utc;
use jxz_v2x::{AirNumbers, MsgCount};
use jxz_wire::journal::v1 as wire;
use jxz_wire::{warning_from_wire, warning_to_wire};
use jxz_world::{TrackId, WarningId};

pub(super) fn to_wire(theirs: &Succession) -> wire::Succession {
    let Succession { at, tracks, next_track, air, hazards } = theirs;
    let number = |key, number: u8| wire::AirNumber { key, number: number.into() };
    wire::Succession {
        at_ns: at.unix_ns(),
        tracks: tracks.iter().map(track::track_to_wire).collect(),
        next_track: *next_track,
        counts: air.counts.iter().map(|count| count.get()).collect(),
        air_tracks: air.tracks.iter().map(|(track, given)| number(track.0, *given)).collect(),
        air_warnings: air.warnings.iter().map(|(warning, given)| number(warning.0, *given)).collect(),
        known: hazards.tracks.iter().map(known_to_wire).collect(),
        warnings: hazards.events.iter().map(event_to_wire).collect(),
        jams: hazards.jams.iter().map(jam_to_wire).collect(),
        next_warnings: hazards.next.iter().map(|next| next.map_or(0, |next| u64::from(next) + 1)).collect(),
    }
}

pub(super) fn from_wire(theirs: wire::Succession) -> Result<Succession, BlackBoxError> {
    for (field, count) in [
        ("Succession.tracks", theirs.tracks.len()),
        ("Succession.known", theirs.known.len()),
        ("Succession.warnings", theirs.warnings.len()),
        ("Succession.jams", theirs.jams.len()),
        ("Succession.next_warnings", theirs.next_warnings.len()),
    ] {
        bounded(field, count)?;
    }
    let counts: [u8; 6] = theirs.counts.as_slice().try_into().map_err(|_| {
        BlackBoxError::value("Succession.counts", theirs.counts.len(), "six octets, one a kind of message")
    })?;
    let next = |next: &u64| match next.checked_sub(1) {
        None => Ok(None),
        Some(number) => u32::try_from(number)
            .map(Some)
            .map_err(|_| BlackBoxError::value("Succession.next_warnings", next, "at most 2^32")),
    };
    Ok(Succession {
        at: Utc::from_unix_ns(theirs.at_ns),
        tracks: theirs.tracks.iter().map(track::track_from_wire).collect::<Result<_, _>>()?,
        next_track: theirs.next_track,
        air: AirNumbers {
            counts: counts.map(MsgCount::new),
            tracks: numbers(&theirs.air_tracks, TrackId)?,
            warnings: numbers(&theirs.air_warnings, WarningId)?,
        },
        hazards: Legacy {
            tracks: theirs.known.iter().map(known_from_wire).collect(),
            events: theirs.warnings.into_iter().map(event_from_wire).collect::<Result<_, _>>()?,
            jams: theirs.jams.iter().map(jam_from_wire).collect(),
            next: theirs.next_warnings.iter().map(next).collect::<Result<_, _>>()?,
        },
    })
}

fn numbers<K>(given: &[wire::AirNumber], key: impl Fn(u64) -> K) -> Result<Vec<(K, u8)>, BlackBoxError> {
    bounded("Succession.air_tracks and air_warnings", given.len())?;
    let number = |given: &wire::AirNumber| {
        let number = u8::try_from(given.number);
        let number = number.map_err(|_| BlackBoxError::value("AirNumber.number", given.number, "0 to 255"))?;
        Ok((key(given.key), number))
    };
    given.iter().map(number).collect()
}

fn known_to_wire(known: &TrackLegacy) -> wire::KnownTrack {
    wire::KnownTrack {
        track: known.track.0,
        event: known.event.0,
        fastest_mps: known.fastest_mps,
        slow_since_ns: known.slow_since.map(Utc::unix_ns),
        against_since_ns: known.against_since.map(Utc::unix_ns),
        standing_since_ns: known.standing_since.map(Utc::unix_ns),
        excused: known.excused,
        began_beside: known.began_beside,
    }
}

fn known_from_wire(known: &wire::KnownTrack) -> TrackLegacy {
    TrackLegacy {
        track: TrackId(known.track),
        event: TrackId(known.event),
        fastest_mps: known.fastest_mps,
        slow_since: known.slow_since_ns.map(Utc::from_unix_ns),
        against_since: known.against_since_ns.map(Utc::from_unix_ns),
        standing_since: known.standing_since_ns.map(Utc::from_unix_ns),
        excused: known.excused,
        began_beside: known.began_beside,
    }
}

fn event_to_wire(event: &EventLegacy) -> wire::LiveWarning {
    wire::LiveWarning {
        key: event.key.to_vec(),
        sent_at_ns: event.sent_at.unix_ns(),
        warning: Some(warning_to_wire(&event.warning)),
    }
}

fn event_from_wire(event: wire::LiveWarning) -> Result<EventLegacy, BlackBoxError> {
    let key: [u64; 3] = event
        .key
        .as_slice()
        .try_into()
        .map_err(|_| BlackBoxError::value("LiveWarning.key", event.key.len(), "three words"))?;
    let warning = event.warning.ok_or_else(|| BlackBoxError::value("LiveWarning.warning", "nothing", "a warning"))?;
    let warning = warning_from_wire(warning)
        .map_err(|error| BlackBoxError::value("LiveWarning.warning", error, "a warning that can be"))?;
    Ok(EventLegacy { key, sent_at: Utc::from_unix_ns(event.sent_at_ns), warning })
}

fn jam_to_wire(jam: &JamLegacy) -> wire::Jam {
    wire::Jam { link: jam.link, since_ns: jam.times.0.unix_ns(), last_ns: jam.times.1.unix_ns() }
}

fn jam_from_wire(jam: &wire::Jam) -> JamLegacy {
    JamLegacy { link: jam.link, times: (Utc::from_unix_ns(jam.since_ns), Utc::from_unix_ns(jam.last_ns)) }
}
