//! The score in words.

use jxz_sim::{AlarmTruth, ApplicationScore, Blame, LEAD_S, RunScore, Score};
use jxz_world::{Application, WarningKind};
use std::io::{IsTerminal, Write};

/// What the score should be.
const RECALL: f64 = 0.98;
const FALSE_ALARMS: f64 = 2.0;
const COLLISIONS_CUT: f64 = 0.9;
const CONFLICTS_CUT: f64 = 0.7;
/// The lead that a hidden pedestrian's should have.
const SHORT_LEAD_S: f64 = 1.5;

/// What one scenario came to, over its seeds.
#[derive(Debug, Default, serde::Serialize)]
pub(super) struct Line {
    pub(super) name: String,
    seeds: u64,
    events: u64,
    found: u64,
    /// Events with a warning at least 1.5 s before.
    found_1_5_s: u64,
    /// The least lead, seconds.
    least_lead_s: Option<f64>,
    alarms: u64,
    false_alarms: u64,
    collisions_off: u64,
    collisions_on: u64,
    conflicts_off: u64,
    conflicts_on: u64,
}

impl Line {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    pub(super) fn add(&mut self, off: &RunScore, on: Option<&RunScore>) {
        self.seeds += 1;
        for event in &off.events {
            self.events += 1;
            self.found += u64::from(event.found);
            self.found_1_5_s += u64::from(event.lead_s.is_some_and(|lead_s| lead_s >= SHORT_LEAD_S));
            self.least_lead_s = [self.least_lead_s, event.lead_s].into_iter().flatten().reduce(f64::min);
        }
        self.alarms += off.alarms.len() as u64;
        self.false_alarms += off.alarms.iter().filter(|alarm| alarm.truth == AlarmTruth::False).count() as u64;
        self.collisions_off += u64::from(off.collisions);
        self.conflicts_off += u64::from(off.conflicts);
        if let Some(on) = on {
            self.collisions_on += u64::from(on.collisions);
            self.conflicts_on += u64::from(on.conflicts);
        }
    }
}

/// Something that went wrong, with where to look.
#[derive(Debug)]
pub(super) struct Remark(String);

impl Remark {
    pub(super) fn of(name: &str, seed: u64, run: &RunScore) -> Vec<Self> {
        let mut remarks = Vec::new();
        for event in &run.events {
            let (application, of) = (event.application.name(), &event.of);
            let at = event.moment_s.map_or("-".to_owned(), |moment_s| format!("{moment_s:.1}"));
            let foreseeable = event.foreseeable_s.map_or("-".to_owned(), |s| format!("{s:.1}"));
            let where_ = format!("{name} seed {seed}: {application} of {of:?} at {at} s (foreseeable {foreseeable} s)");
            match event.lead_s {
                _ if !event.found => remarks.push(Self(format!("{where_} missed"))),
                Some(lead_s) if lead_s < LEAD_S => remarks.push(Self(format!("{where_} found {lead_s:.2} s before"))),
                _ => {}
            }
            if event.raises > 1 {
                remarks.push(Self(format!("{where_} raised {} times", event.raises)));
            }
        }
        for alarm in run.alarms.iter().filter(|alarm| alarm.truth == AlarmTruth::False) {
            let (application, level, at_s) = (alarm.application.name(), alarm.level.name(), alarm.at_s);
            remarks.push(Self(format!(
                "{name} seed {seed}: {application} ({level}) at {at_s:.1} s for {:?} about {:?} is false",
                alarm.concerned, alarm.about
            )));
        }
        remarks
    }

    /// What each false alarm of normal traffic came from, with the tracks that it named.
    pub(super) fn faults(name: &str, seed: u64, run: &RunScore) -> Vec<Self> {
        let told = run.alarms.iter().filter(|_| run.normal).filter_map(|alarm| Some((alarm, alarm.blame?)));
        let fault = |(alarm, blame): (&jxz_sim::Alarm, Blame)| {
            let of = |named: &jxz_sim::Named| {
                let whose = named.road_user.map_or("nobody's".to_owned(), |id| format!("of {id}"));
                let second = if named.is_second { ", a second one" } else { "" };
                let kind = if named.kind_is_right { "" } else { ", taken for another kind" };
                format!(
                    "{whose} ({:.1} m outside, {:.1} m/s wrong, {:.1} s old{second}{kind}) at {:.1} {:.1}",
                    named.outside_m, named.velocity_error_mps, named.age_s, named.at.x, named.at.y
                )
            };
            let tracks: Vec<String> = alarm.named.iter().map(of).collect();
            let (application, at_s) = (alarm.application.name(), alarm.at_s);
            Self(format!("{name} seed {seed}: {application} at {at_s:.1} s: {}: {}", blame.name(), tracks.join("; ")))
        };
        told.map(fault).collect()
    }
}

pub(super) fn remarks(remarks: &[Remark]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    remarks.iter().try_for_each(|Remark(text)| writeln!(out, "{text}"))?;
    Ok(())
}

/// A figure, red if it misses what it should be.
fn figure(value: Option<f64>, digits: usize, width: usize, missed: impl Fn(f64) -> bool) -> String {
    let text = value.map_or("-".to_owned(), |value| format!("{value:.digits$}"));
    let text = format!("{text:>width$}");
    let is_red = value.is_some_and(missed);
    if is_red && std::io::stdout().is_terminal() {
        format!("\x1b[31m{text}\x1b[0m")
    } else if is_red {
        format!("{text}!")
    } else {
        format!("{text} ")
    }
}

pub(super) fn report(lines: &[Line], score: &Score, (runs, times): (usize, f64)) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:<28} {:>5} {:>6} {:>6} {:>7} {:>8} {:>7} {:>9} {:>9}",
        "scenario", "seeds", "events", "found", ">=1.5 s", "least s", "false", "collide", "conflict"
    )?;
    for line in lines {
        let least = line.least_lead_s.map_or("-".to_owned(), |s| format!("{s:.2}"));
        writeln!(
            out,
            "{:<28} {:>5} {:>6} {:>6} {:>7} {:>8} {:>7} {:>9} {:>9}",
            line.name,
            line.seeds,
            line.events,
            line.found,
            line.found_1_5_s,
            least,
            line.false_alarms,
            format!("{}>{}", line.collisions_off, line.collisions_on),
            format!("{}>{}", line.conflicts_off, line.conflicts_on),
        )?;
    }
    writeln!(
        out,
        "\n{:<12} {:>6} {:>7}  {:>9}  {:>6} {:>7} {:>5} {:>6} {:>9}  {:>8} {:>6}  {:>6} {:>6}",
        "application",
        "events",
        "recall",
        "precision",
        "alarms",
        "averted",
        "near",
        "false",
        "false/h",
        "lead p50",
        "p5",
        "raises",
        "most"
    )?;
    for (name, application) in &score.applications {
        row(&mut out, name, application)?;
    }
    totals(&mut out, score)?;
    writeln!(out, "{runs} runs, {times:.0} x real time")?;
    Ok(())
}

fn row(out: &mut impl Write, name: &str, score: &ApplicationScore) -> anyhow::Result<()> {
    let kind = Application::from_name(name).map(Application::kind);
    let strict = matches!(kind, Some(WarningKind::Collision | WarningKind::Pedestrian));
    writeln!(
        out,
        "{:<12} {:>6} {} {} {:>6} {:>7} {:>5} {:>6} {} {} {} {} {:>5}",
        name,
        score.events,
        figure(score.recall, 3, 7, |recall| strict && recall < RECALL),
        figure(score.precision, 3, 9, |_| false),
        score.alarms,
        score.averted,
        score.near,
        score.false_alarms,
        figure(score.false_alarms_per_site_hour, 2, 9, |n| strict && n > FALSE_ALARMS),
        figure(score.lead_time_s.median, 2, 7, |_| false),
        figure(score.lead_time_s.p5, 2, 6, |s| strict && s < LEAD_S),
        figure(score.raises_per_event, 2, 6, |n| n > 1.0),
        score.most_raises,
    )?;
    Ok(())
}

fn totals(out: &mut impl Write, score: &Score) -> anyhow::Result<()> {
    writeln!(
        out,
        "\n{:.1} site-hours, {:.1} of them normal traffic; {} encounters; collision and pedestrian false alarms {} an hour and site \
         (at most {FALSE_ALARMS}); flicker {}; sensing to driver {} ms p50, {} ms p99",
        score.site_hours,
        score.normal_site_hours,
        score.encounters,
        figure(score.conflict_false_alarms_per_site_hour, 2, 0, |n| n > FALSE_ALARMS),
        score.flicker,
        figure(score.delay_ms.p50, 0, 0, |_| false),
        figure(score.delay_ms.p99, 0, 0, |_| false),
    )?;
    let Some(benefit) = score.benefit else { return Ok(()) };
    let cut = |off: u64, on: u64| (off > 0).then(|| 1.0 - on as f64 / off as f64);
    let (collisions, conflicts) =
        (cut(benefit.collisions_off, benefit.collisions_on), cut(benefit.conflicts_off, benefit.conflicts_on));
    writeln!(
        out,
        "drivers obeying: collisions {} to {}, cut by {} (at least {COLLISIONS_CUT}); conflicts {} to {}, cut by {} (at least {CONFLICTS_CUT})",
        benefit.collisions_off,
        benefit.collisions_on,
        figure(collisions, 3, 0, |cut| cut < COLLISIONS_CUT),
        benefit.conflicts_off,
        benefit.conflicts_on,
        figure(conflicts, 3, 0, |cut| cut < CONFLICTS_CUT),
    )?;
    Ok(())
}

/// What false alarms of normal traffic came from, by application.
pub(super) fn blamed(score: &Score) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    write!(out, "\n{:<12}", "false for")?;
    Blame::ALL.iter().try_for_each(|blame| write!(out, " {:>9}", blame.name()))?;
    writeln!(out)?;
    for (name, application) in score.applications.iter().filter(|(_, application)| !application.blamed.is_empty()) {
        write!(out, "{name:<12}")?;
        let count = |blame: &Blame| application.blamed.get(blame.name()).copied().unwrap_or(0);
        Blame::ALL.iter().try_for_each(|blame| write!(out, " {:>9}", count(blame)))?;
        writeln!(out)?;
    }
    Ok(())
}
