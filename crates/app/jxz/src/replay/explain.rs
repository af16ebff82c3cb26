//! `jxz replay --explain`: a warning's life, in words and numbers.

use super::life::{Change, Life};
use super::likeness::Likeness;
use super::{Outcome, Plan, play};
use anyhow::{Context, bail};
use jxz_fusion::{Considered, Looked, Reason, TrackOrigin, Witness};
use jxz_units::Utc;
use jxz_world::{Level, SensorId, Track, TrackId, WarningId, WarningStage};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

/// What fed its tracks is told from so long before it was raised, seconds.
const FED_BEFORE_S: f64 = 5.0;
/// The newest scans before it was raised that are told one by one, for each track.
const SCANS_TOLD: usize = 6;
/// More scans' words are not held.
const MOST_LOOKED: usize = 200_000;

pub(super) fn run(plan: &Plan, id: WarningId) -> anyhow::Result<()> {
    let (mut likeness, mut life) = (Likeness::default(), Life::of(id));
    let first = play(plan, &mut (), &mut |told| {
        likeness.take(&told);
        life.take(&told);
    })?;
    let mut told_of = id;
    if life.changes.is_empty() && !plan.exact {
        // Numbers are other ones in a brain that began in the middle.
        if let Some(again) = likeness.again(id) {
            told_of = again;
            life = Life::of(again);
            play(plan, &mut (), &mut |told| life.take(&told))?;
        }
    }
    let Some(span) = life.span() else { bail!("{}", not_found(id, &likeness, plan)) };
    let origins = life.origins.iter().map(|(id, origin)| (*id, *origin)).collect();
    let mut teller = Teller { origins, span, looked: BTreeMap::new() };
    play(plan, &mut teller, &mut |_| {})?;

    let mut text = heading(plan, &first, id, told_of);
    write_life(&mut text, plan, &life)?;
    write_tracks(&mut text, &life, &teller)?;
    write!(std::io::stdout(), "{text}").context("write the explanation")
}

fn not_found(id: WarningId, likeness: &Likeness, plan: &Plan) -> String {
    let ids: Vec<String> = likeness.ids().take(20).map(|id| format!("{:016x}", id.0)).collect();
    let there = if ids.is_empty() { "there is none in it".to_owned() } else { format!("there are {}", ids.join(", ")) };
    let why = if plan.exact { "is not in the recording" } else { "did not come again in the replay" };
    format!("warning {:016x} {why}; {there}", id.0)
}

fn heading(plan: &Plan, outcome: &Outcome, id: WarningId, told_of: WarningId) -> String {
    let mut text = format!("warning {:016x} of {}", id.0, plan.head.site);
    if !plan.exact {
        text += &format!(
            ", as it came again in a replay from the middle of a boot (there {:016x}; tracks have other numbers too)",
            told_of.0
        );
    } else if let Some(difference) = &outcome.difference {
        text += &format!(", in a replay that differs from the recording in step {}", difference.step);
    }
    text + "\n"
}

fn write_life(text: &mut String, plan: &Plan, life: &Life) -> anyhow::Result<()> {
    let mut level: Option<Level> = None;
    for (place, change) in life.changes.iter().enumerate() {
        let Change { now, warning, tracks } = change;
        let what = match (warning.stage, level) {
            (WarningStage::Cancelled, _) => "cancelled",
            (WarningStage::Raised, _) | (_, None) => "raised",
            (WarningStage::Held, Some(level)) if warning.level > level => "upgraded",
            (WarningStage::Held, _) if place > 0 && is_back(life, place) => "back",
            (WarningStage::Held, _) => "held",
        };
        level = Some(warning.level);
        let (_, words) = jxz_hazard::describe(warning);
        let delay_ms = now.utc.seconds_since(warning.sensed_at) * 1e3;
        writeln!(text, "  {} {what:9} {} {}: {words}", now.utc, warning.application.name(), warning.level.name())?;
        if what == "cancelled" {
            write_end(text, plan, life, change)?;
        } else {
            let who: Vec<String> = tracks.values().map(who).collect();
            writeln!(text, "      {delay_ms:.0} ms after its newest measurement; {}", who.join("; "))?;
        }
    }
    Ok(())
}

/// Whether it was cancelled just before: seen again soon enough, an event goes on under its number.
fn is_back(life: &Life, place: usize) -> bool {
    life.changes[place - 1].warning.stage == WarningStage::Cancelled
}

fn write_end(text: &mut String, plan: &Plan, life: &Life, change: &Change) -> anyhow::Result<()> {
    let settings = plan.head.settings.clone().unwrap_or_default();
    let (_, thresholds) = hazard(&settings.hazard)?.switch(change.warning.application);
    let rounds = hazard(&settings.hazard)?.life.cancel_after;
    writeln!(
        text,
        "      {rounds} rounds of {} s in a row gave it less than {:.0} % (or its application was switched off); it had {:.0} % \
         when it was last supported",
        settings.round_s,
        thresholds.hold * 100.0,
        change.warning.confidence * 100.0,
    )?;
    for id in life.origins.keys() {
        match change.tracks.get(id) {
            Some(track) => writeln!(text, "      {}", who(track))?,
            None => writeln!(text, "      track {} is lost", id.0)?,
        }
    }
    Ok(())
}

fn hazard(text: &str) -> anyhow::Result<jxz_hazard::HazardConfig> {
    toml::from_str(text).context("read the recorded settings of the warnings")
}

fn who(track: &Track) -> String {
    let (class, probability) = track.class.best();
    format!(
        "track {} ({} {:.0} %) at {:.1} m/s, known to {:.1} m",
        track.id.0,
        class.name(),
        probability * 100.0,
        track.speed_mps(),
        track.position_sigma_m()
    )
}

fn write_tracks(text: &mut String, life: &Life, teller: &Teller) -> anyhow::Result<()> {
    let Some(raised) = life.changes.first() else { return Ok(()) };
    let concerned = life.concerned();
    for id in life.origins.keys() {
        let role = if concerned.contains(id) { "warned" } else { "warned of" };
        writeln!(text, "track {}, {role}:", id.0)?;
        if let Some(track) = raised.tracks.get(id) {
            let age_s = raised.now.utc.seconds_since(track.since);
            let own = if track.sources.v2x { ", and by its own messages" } else { "" };
            writeln!(
                text,
                "  began {age_s:.1} s before the warning; exists with {:.1} %{own}",
                track.existence * 100.0
            )?;
        }
        let fed: Vec<&Looked> = teller.of(*id).filter(|looked| feeding(looked).is_some()).collect();
        let mut sensors: BTreeMap<&SensorId, u32> = BTreeMap::new();
        for looked in &fed {
            *sensors.entry(&looked.sensor).or_default() += 1;
        }
        for (sensor, scans) in &sensors {
            let asked = teller.of(*id).filter(|looked| looked.sensor == **sensor).count();
            writeln!(text, "  {sensor}: fed by {scans} of {asked} scans that could see it")?;
        }
        let before: Vec<&&Looked> = fed.iter().filter(|looked| looked.at <= raised.now.utc).collect();
        for looked in before.iter().rev().take(SCANS_TOLD) {
            let Some((considered, weight)) = feeding(looked) else { continue };
            writeln!(
                text,
                "    {:.0} ms before it was raised {} saw it: detection {} at {:.2} m, {:.2} deg, {:.2} m from where it was \
                 expected, weight {:.0} %",
                raised.now.utc.seconds_since(looked.at) * 1e3,
                looked.sensor,
                considered.index,
                considered.detection.range_m,
                considered.detection.azimuth_rad.to_degrees(),
                considered.distance_m,
                weight * 100.0,
            )?;
        }
    }
    Ok(())
}

/// The detection that fed the track most.
fn feeding(looked: &Looked) -> Option<(&Considered, f64)> {
    let fed = looked.considered.iter().filter_map(|considered| match considered.reason {
        Reason::Fed(weight) => Some((considered, weight)),
        _ => None,
    });
    fed.max_by(|a, b| a.1.total_cmp(&b.1))
}

/// Collects what scans meant for the warning's tracks.
struct Teller {
    origins: Vec<(TrackId, TrackOrigin)>,
    span: (Utc, Utc),
    /// By track, time and sensor: what is told again replaces what was told.
    looked: BTreeMap<(TrackId, Utc, SensorId), Looked>,
}

impl Teller {
    fn of(&self, id: TrackId) -> impl Iterator<Item = &Looked> {
        self.looked.iter().filter(move |((track, ..), _)| *track == id).map(|(_, looked)| looked)
    }
}

impl Witness for Teller {
    const ASKS: bool = true;

    fn asks_about(&self, origin: TrackOrigin) -> bool {
        self.origins.iter().any(|(_, asked)| *asked == origin)
    }

    fn looked(&mut self, looked: Looked) {
        let (from, until) = self.span;
        let matters = looked.at.seconds_since(from) >= -FED_BEFORE_S && looked.at <= until;
        let Some((id, _)) = self.origins.iter().find(|(_, asked)| *asked == looked.origin) else { return };
        if matters && self.looked.len() < MOST_LOOKED {
            self.looked.insert((*id, looked.at, looked.sensor.clone()), looked);
        }
    }
}
