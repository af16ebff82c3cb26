//! Many runs, added up.

use super::LEAD_S;
use super::blame::Blame;
use super::watch::{AlarmTruth, RunScore};
use jxz_world::{Application, WarningKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What sensing and two looks take before a warning can be there: geometry allows the lead if the conflict was foreseeable
/// for the sum of both, seconds.
const SENSING_S: f64 = 0.5;

/// How long before the moment warnings were there, seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    /// Half of them less.
    pub median: Option<f64>,
    /// One in twenty less.
    pub p5: Option<f64>,
}

/// From sensing to a driver's eyes, milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Delay {
    /// Half of them less.
    pub p50: Option<f64>,
    /// One in a hundred more.
    pub p99: Option<f64>,
}

/// What an application came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ApplicationScore {
    /// Events that had to be warned of.
    pub events: u64,
    /// Others, that nobody could foresee for as long as sensing takes, 0.5 s: they are left out of everything else.
    pub unforeseeable: u64,
    /// Share of the events that were warned of before their moment; `None`: no events.
    pub recall: Option<f64>,
    /// Share of alarms that were right or averted; `None`: none that can be judged.
    pub precision: Option<f64>,
    /// Alarms raised.
    pub alarms: u64,
    /// Of them for a conflict that was averted by somebody reacting.
    pub averted: u64,
    /// Of them for a near conflict, within 3 s: neither right nor counted as false alarms.
    pub near: u64,
    /// Of them for nothing.
    pub false_alarms: u64,
    /// False alarms an hour and site of normal traffic; `None`: no normal traffic was run.
    pub false_alarms_per_site_hour: Option<f64>,
    /// False alarms per 1,000 pairs that came within 10 m of each other, over all scenarios.
    pub false_alarms_per_1000_encounters: Option<f64>,
    /// False alarms of normal traffic by what they came from, by its name ([`Blame::name`]).
    pub blamed: BTreeMap<String, u64>,
    /// Lead of the events whose geometry allows 1.8 s.
    pub lead_time_s: Lead,
    /// Lead of all events found.
    pub lead_time_all_s: Lead,
    /// Events found whose geometry does not allow 1.8 s: foreseeable for less than 2.3 s.
    pub short_geometry: u64,
    /// Warnings of the application raised for each event found.
    pub raises_per_event: Option<f64>,
    /// The most raised for one event.
    pub most_raises: u32,
}

/// Collisions and conflicts of actors, drivers deaf to warnings and drivers who obey.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Benefit {
    /// Pairs that touched, the system off.
    pub collisions_off: u64,
    /// On.
    pub collisions_on: u64,
    /// Pairs in conflict, the system off.
    pub conflicts_off: u64,
    /// On.
    pub conflicts_on: u64,
}

/// What all runs came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// By application, by name.
    pub applications: BTreeMap<String, ApplicationScore>,
    /// What obeying saves.
    pub benefit: Option<Benefit>,
    /// Hours of sites over all runs, and of normal traffic alone.
    pub site_hours: f64,
    /// See `site_hours`.
    pub normal_site_hours: f64,
    /// Pairs that came within 10 m of each other, a motor vehicle among them.
    pub encounters: u64,
    /// Alarms that came again within five seconds of their end.
    pub flicker: u64,
    /// From sensing to a driver's eyes.
    pub delay_ms: Delay,
    /// Alarms and road users that found no room.
    pub left_out: u64,
    /// False alarms of collision and pedestrian kinds an hour and site of normal traffic.
    pub conflict_false_alarms_per_site_hour: Option<f64>,
}

#[derive(Debug, Clone, Default)]
struct Sums {
    events: u64,
    unforeseeable: u64,
    found: u64,
    alarms: u64,
    right: u64,
    averted: u64,
    near: u64,
    false_alarms: u64,
    false_normal: u64,
    blamed: BTreeMap<Blame, u64>,
    leads_s: Vec<f64>,
    leads_all_s: Vec<f64>,
    short_geometry: u64,
    raises: u64,
    raised_events: u64,
    most_raises: u32,
}

/// Adds runs up.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    applications: BTreeMap<Application, Sums>,
    benefit: Option<Benefit>,
    site_s: f64,
    normal_s: f64,
    encounters: u64,
    flicker: u64,
    delays_s: Vec<f64>,
    left_out: u64,
}

impl Tally {
    /// Adds a run in which drivers were deaf to warnings.
    pub fn add(&mut self, run: &RunScore) {
        self.site_s += run.site_seconds;
        self.normal_s += if run.normal { run.site_seconds } else { 0.0 };
        self.encounters += run.encounters;
        self.flicker += run.flicker;
        self.left_out += run.left_out;
        self.delays_s.extend(&run.delays_s);
        for event in &run.events {
            let sums = self.applications.entry(event.application).or_default();
            if event.lead_s.is_none() && event.foreseeable_s.is_some_and(|s| s < SENSING_S) {
                sums.unforeseeable += 1;
                continue;
            }
            sums.events += 1;
            sums.found += u64::from(event.found);
            if event.raises > 0 {
                sums.raised_events += 1;
                sums.raises += u64::from(event.raises);
                sums.most_raises = sums.most_raises.max(event.raises);
            }
            let Some(lead_s) = event.lead_s else { continue };
            sums.leads_all_s.push(lead_s);
            if event.foreseeable_s.is_none_or(|s| s >= LEAD_S + SENSING_S) {
                sums.leads_s.push(lead_s);
            } else {
                sums.short_geometry += 1;
            }
        }
        for alarm in &run.alarms {
            let sums = self.applications.entry(alarm.application).or_default();
            sums.alarms += 1;
            match alarm.truth {
                AlarmTruth::Right => sums.right += 1,
                AlarmTruth::Averted => sums.averted += 1,
                AlarmTruth::Near => sums.near += 1,
                AlarmTruth::False => {
                    sums.false_alarms += 1;
                    sums.false_normal += u64::from(run.normal);
                    if let Some(blame) = alarm.blame.filter(|_| run.normal) {
                        *sums.blamed.entry(blame).or_default() += 1;
                    }
                }
                AlarmTruth::Advice => {}
            }
        }
    }

    /// Adds a pair of runs of one scenario and seed: drivers deaf to warnings, and drivers who obey.
    pub fn compare(&mut self, off: &RunScore, on: &RunScore) {
        let benefit = self.benefit.get_or_insert_default();
        benefit.collisions_off += u64::from(off.collisions);
        benefit.collisions_on += u64::from(on.collisions);
        benefit.conflicts_off += u64::from(off.conflicts);
        benefit.conflicts_on += u64::from(on.conflicts);
    }

    /// What all runs came to.
    #[must_use]
    pub fn score(&self) -> Score {
        let normal_h = self.normal_s / 3600.0;
        let per_hour = |n: u64| (normal_h > 0.0).then(|| n as f64 / normal_h);
        let conflict =
            |application: &Application| matches!(application.kind(), WarningKind::Collision | WarningKind::Pedestrian);
        let conflict_false = self
            .applications
            .iter()
            .filter(|(application, _)| conflict(application))
            .map(|(_, s)| s.false_normal)
            .sum();
        Score {
            applications: self
                .applications
                .iter()
                .map(|(application, sums)| (application.name().to_owned(), sums.score(per_hour, self.encounters)))
                .collect(),
            benefit: self.benefit,
            site_hours: self.site_s / 3600.0,
            normal_site_hours: normal_h,
            encounters: self.encounters,
            flicker: self.flicker,
            delay_ms: Delay {
                p50: quantile(&self.delays_s, 0.5).map(|s| s * 1e3),
                p99: quantile(&self.delays_s, 0.99).map(|s| s * 1e3),
            },
            left_out: self.left_out,
            conflict_false_alarms_per_site_hour: per_hour(conflict_false),
        }
    }
}

impl Sums {
    fn score(&self, per_hour: impl Fn(u64) -> Option<f64>, encounters: u64) -> ApplicationScore {
        let share = |part: u64, of: u64| (of > 0).then(|| part as f64 / of as f64);
        let lead = |leads: &[f64]| Lead { median: quantile(leads, 0.5), p5: quantile(leads, 0.05) };
        ApplicationScore {
            events: self.events,
            unforeseeable: self.unforeseeable,
            recall: share(self.found, self.events),
            precision: share(self.right + self.averted, self.right + self.averted + self.near + self.false_alarms),
            alarms: self.alarms,
            averted: self.averted,
            near: self.near,
            false_alarms: self.false_alarms,
            false_alarms_per_site_hour: per_hour(self.false_normal),
            false_alarms_per_1000_encounters: share(self.false_alarms * 1000, encounters),
            blamed: self.blamed.iter().map(|(blame, n)| (blame.name().to_owned(), *n)).collect(),
            lead_time_s: lead(&self.leads_s),
            lead_time_all_s: lead(&self.leads_all_s),
            short_geometry: self.short_geometry,
            raises_per_event: share(self.raises, self.raised_events),
            most_raises: self.most_raises,
        }
    }
}

/// The value below which this share lies: the nearest rank.
fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks() {
        let values: Vec<f64> = (1..=40).rev().map(f64::from).collect();
        assert_eq!((quantile(&values, 0.5), quantile(&values, 0.05)), (Some(20.0), Some(2.0)));
        assert_eq!((quantile(&[], 0.5), quantile(&[3.0], 0.05)), (None, Some(3.0)));
    }
}
