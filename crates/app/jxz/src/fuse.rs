//! `jxz fuse`: fusion alone, on recorded scans of one site.

mod explain;

use anyhow::{Context, bail, ensure};
use jxz_fusion::{Bounds, FusionConfig, FusionMode, Lateness, ScanOutcome, SensorCalibration, Tracker, Trust};
use jxz_geo::Point;
use jxz_units::{Utc, Yaw};
use jxz_world::{Detection, RoadUserClass, Scan, SensorId, SensorKind, SensorSpec};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// First instant asked for, seconds of sensor time.
const FIRST_INSTANT_S: f64 = 0.0375;
/// Time between instants, seconds.
const INSTANT_STEP_S: f64 = 0.05;
/// An instant is asked for this long after itself, seconds of arrival time.
const ANSWER_DELAY_S: f64 = 0.025;
/// Scans in a frame: one of each sensor of the usual site.
const SCANS_PER_FRAME: usize = 4;
/// Longest line read, bytes: about 100,000 detections.
const MAX_LINE_BYTES: u64 = 8 << 20;
/// Longest time between two lines in arrival, seconds: beyond it the file is garbage, not a recording.
const MAX_GAP_S: f64 = 3600.0;
/// Scans between two lines of progress.
const PROGRESS_SCANS: usize = 20_000;

/// Fuse recorded scans into tracks.
///
/// Reads a site and its scans, and writes one line of tracks for every 50 ms from 37.5 ms on: the state at that
/// sensor time as it is known 25 ms later. A line that cannot be read stops the run with its number; a detection that
/// is not finite or not possible is skipped and counted. Prints one JSON line with CPU time and counts.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Sensors and bounds, as `site.json` of the scene maker.
    #[arg(long)]
    site: PathBuf,
    /// Scans in order of arrival, one JSON object a line.
    #[arg(long = "in")]
    input: PathBuf,
    /// Tracks, one JSON object a line; overwritten.
    #[arg(long)]
    out: PathBuf,
    /// How detections are given to tracks.
    #[arg(long, value_enum, default_value_t = Mode::Pmb)]
    mode: Mode,
    /// Whether the sensors' yaw, position and clock are estimated from the traffic, and corrected.
    #[arg(long, value_enum, default_value_t = Switch::On)]
    calibrate: Switch,
    /// Tell of the track of this number, before the report: for each scan, which detections fed it, and why others near it
    /// did not. The recording is run through twice.
    #[arg(long, value_name = "ID")]
    explain: Option<u64>,
    /// Where the calibration at the end of the run goes, as JSON; overwritten.
    #[arg(long)]
    calibration: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// Poisson multi-Bernoulli: by marginal probabilities, existence considered.
    Pmb,
    /// Global nearest neighbour: by the one best assignment.
    Gnn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Switch {
    On,
    Off,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let (sensors, bounds) = read_site(&args.site)?;
    let mode = match args.mode {
        Mode::Pmb => FusionMode::Pmb,
        Mode::Gnn => FusionMode::Gnn,
    };
    let calibrate = args.calibrate == Switch::On;
    let config = FusionConfig { bounds, mode, calibrate, ..FusionConfig::default() };
    let at_site = || format!("site {}", args.site.display());
    if let Some(id) = args.explain {
        let origin =
            explain::find(&mut Tracker::new(sensors.clone(), config.clone()).with_context(at_site)?, &args.input, id)?;
        explain::tell(&mut Tracker::new(sensors.clone(), config.clone()).with_context(at_site)?, &args.input, origin)?;
    }
    let mut tracker = Tracker::new(sensors, config).with_context(at_site)?;
    let input = File::open(&args.input).with_context(|| format!("opening {}", args.input.display()))?;
    let output = File::create(&args.out).with_context(|| format!("creating {}", args.out.display()))?;
    let mut output = BufWriter::new(output);
    let report = fuse(&mut tracker, BufReader::new(input), &args.input, &mut output)?;
    output.flush().with_context(|| format!("writing {}", args.out.display()))?;
    if let Some(path) = &args.calibration {
        let sensors = tracker.calibration().into_iter().map(|c| (c.sensor.0.clone(), c.into())).collect();
        let text = serde_json::to_string_pretty(&CalibrationFile { sensors })?;
        std::fs::write(path, text + "\n").with_context(|| format!("writing {}", path.display()))?;
    }
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", serde_json::to_string(&report)?).context("writing the report")
}

/// Runs through the scans in order of arrival, answering at each instant on the way.
fn fuse(tracker: &mut Tracker, input: impl BufRead, name: &Path, output: &mut impl Write) -> anyhow::Result<Report> {
    let mut totals = Totals::default();
    let mut reader = ScanReader { input, line: 0, buffer: String::new(), sequence: BTreeMap::new() };
    let (mut instant, mut last_arrival_s) = (0_u64, None::<f64>);
    loop {
        let at_line = || name.display().to_string();
        let next = reader.next().with_context(at_line)?;
        let arrival_s = next.as_ref().map(|n| n.0);
        if let (Some(arrival_s), Some(last_s)) = (arrival_s, last_arrival_s) {
            let line = reader.line;
            ensure!(arrival_s >= last_s, "{} line {line}: arrival {arrival_s} is before the line above", at_line());
            ensure!(arrival_s - last_s <= MAX_GAP_S, "{} line {line}: arrival jumps by over an hour", at_line());
        }
        // Nothing more can come in time for an instant once the next arrival is past it, or the recording ends.
        let known_s = arrival_s.or(last_arrival_s.map(|s| s + ANSWER_DELAY_S / 4.0));
        while let Some(instant_s) = due(instant, known_s, arrival_s.is_none()) {
            write_tracks(tracker, instant_s, output, &mut totals)?;
            instant += 1;
        }
        let Some((arrival_s, scan)) = next else { break };
        last_arrival_s = Some(arrival_s);
        let start = thread_cpu_ms();
        let outcome = tracker.handle_scan(&scan).with_context(|| format!("{} line {}", at_line(), reader.line))?;
        totals.add_scan(thread_cpu_ms() - start, scan.detections.len(), outcome);
        if totals.scans.is_multiple_of(PROGRESS_SCANS) {
            writeln!(std::io::stderr(), "{} scans, {arrival_s:.0} s of recording", totals.scans)?;
        }
    }
    Ok(totals.report())
}

/// The instant's sensor time, if all that could arrive in time for it has.
fn due(instant: u64, known_s: Option<f64>, ended: bool) -> Option<f64> {
    let instant_s = FIRST_INSTANT_S + instant as f64 * INSTANT_STEP_S;
    let answer_s = instant_s + ANSWER_DELAY_S;
    let slack = if ended { 0.0 } else { -1e-9 };
    (answer_s <= known_s? + slack).then_some(instant_s)
}

fn write_tracks(tracker: &Tracker, instant_s: f64, output: &mut impl Write, totals: &mut Totals) -> anyhow::Result<()> {
    let start = thread_cpu_ms();
    let tracks = tracker.tracks_at(Utc::from_unix_s(instant_s));
    totals.frame_ms += thread_cpu_ms() - start;
    let tracks: Vec<TrackLine> = (tracks.iter())
        .map(|t| {
            let (class, probability) = t.class.best();
            TrackLine {
                id: t.id.0,
                x_m: t.position.x,
                y_m: t.position.y,
                vx_mps: t.velocity.x,
                vy_mps: t.velocity.y,
                class: (probability > 0.5).then_some(class.index()),
            }
        })
        .collect();
    totals.instants += 1;
    totals.track_states += tracks.len();
    // Rounded as the truth is: to 0.1 µs of time; tracks keep their full precision.
    let line = FrameLine { t: (instant_s * 1e7).round() / 1e7, tracks };
    serde_json::to_writer(&mut *output, &line)?;
    output.write_all(b"\n")?;
    Ok(())
}

/// CPU time of this thread, milliseconds: what fusion costs, not how busy the machine is.
fn thread_cpu_ms() -> f64 {
    let t = clock_gettime(ClockId::ThreadCPUTime);
    t.tv_sec as f64 * 1e3 + t.tv_nsec as f64 * 1e-6
}

#[derive(Serialize)]
struct FrameLine {
    t: f64,
    tracks: Vec<TrackLine>,
}

#[derive(Serialize)]
struct TrackLine {
    id: u64,
    x_m: f64,
    y_m: f64,
    vx_mps: f64,
    vy_mps: f64,
    class: Option<usize>,
}

#[derive(Debug, Default)]
struct Totals {
    scan_ms: Vec<f64>,
    frames_ms: Vec<f64>,
    frame_ms: f64,
    scans: usize,
    detections: usize,
    instants: usize,
    track_states: usize,
    inserted: usize,
    too_late: usize,
    unusable: usize,
    over_limit: usize,
    births_refused: usize,
}

impl Totals {
    fn add_scan(&mut self, cpu_ms: f64, detections: usize, outcome: ScanOutcome) {
        self.scans += 1;
        self.detections += detections;
        self.scan_ms.push(cpu_ms);
        self.frame_ms += cpu_ms;
        if self.scans.is_multiple_of(SCANS_PER_FRAME) {
            self.frames_ms.push(std::mem::take(&mut self.frame_ms));
        }
        self.inserted += usize::from(outcome.lateness == Lateness::Inserted);
        self.too_late += usize::from(outcome.lateness == Lateness::TooLate);
        self.unusable += outcome.unusable;
        self.over_limit += outcome.over_limit;
        self.births_refused += outcome.births_refused;
    }

    fn report(mut self) -> Report {
        Report {
            cpu_ms_per_scan: Percentiles::of(&mut self.scan_ms),
            cpu_ms_per_frame: Percentiles::of(&mut self.frames_ms),
            scans: self.scans,
            detections: self.detections,
            instants: self.instants,
            mean_tracks: (self.instants > 0).then(|| self.track_states as f64 / self.instants as f64),
            late_scans_used: self.inserted,
            dropped: BTreeMap::from([
                ("scan_too_late", self.too_late),
                ("detection_unusable", self.unusable),
                ("detection_over_limit", self.over_limit),
                ("birth_over_limit", self.births_refused),
            ]),
        }
    }
}

/// What is printed at the end. A frame is four scans in a row with the answers asked for between them.
#[derive(Debug, Serialize)]
struct Report {
    cpu_ms_per_scan: Percentiles,
    cpu_ms_per_frame: Percentiles,
    scans: usize,
    detections: usize,
    instants: usize,
    mean_tracks: Option<f64>,
    late_scans_used: usize,
    dropped: BTreeMap<&'static str, usize>,
}

#[derive(Debug, Serialize)]
struct Percentiles {
    p50: Option<f64>,
    p99: Option<f64>,
}

impl Percentiles {
    /// Nearest-rank percentiles; `None` of nothing.
    fn of(values: &mut [f64]) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |percent: usize| values.get((values.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        Self { p50: at(50), p99: at(99) }
    }
}

/// What the sensors' survey and stamps are off by: what is declared less what is estimated.
#[derive(Serialize)]
struct CalibrationFile {
    sensors: BTreeMap<String, CalibrationLine>,
}

#[derive(Serialize)]
struct CalibrationLine {
    yaw_bias_rad: f64,
    yaw_sigma_rad: f64,
    position_bias_m: [f64; 2],
    position_sigma_m: [f64; 2],
    clock_offset_s: f64,
    clock_sigma_s: f64,
    trust: &'static str,
}

impl From<SensorCalibration> for CalibrationLine {
    fn from(of: SensorCalibration) -> Self {
        Self {
            yaw_bias_rad: of.yaw_bias_rad,
            yaw_sigma_rad: of.yaw_sigma_rad,
            position_bias_m: of.position_bias_m,
            position_sigma_m: of.position_sigma_m,
            clock_offset_s: of.clock_offset_s,
            clock_sigma_s: of.clock_sigma_s,
            trust: match of.trust {
                Trust::Believed => "believed",
                Trust::Contradicted => "contradicted",
                Trust::Frozen => "frozen",
            },
        }
    }
}

#[derive(Deserialize)]
struct SiteFile {
    bounds_m: Option<[f64; 4]>,
    sensors: Vec<SensorFile>,
}

#[derive(Deserialize)]
struct SensorFile {
    id: String,
    kind: SensorKind,
    position_m: [f64; 2],
    yaw_rad: f64,
    range_sigma_m: Option<f64>,
    range_sigma_fraction: Option<f64>,
    range_sigma_floor_m: Option<f64>,
    azimuth_sigma_rad: f64,
    doppler_sigma_mps: Option<f64>,
    detection_probability: f64,
    clutter_per_scan: f64,
    class_accuracy: Option<f64>,
    period_s: f64,
}

impl From<SensorFile> for SensorSpec {
    fn from(file: SensorFile) -> Self {
        Self {
            id: SensorId(file.id),
            kind: file.kind,
            position: Point::new(file.position_m[0], file.position_m[1]),
            // The site file tells neither height, nor field of view, nor range: scenes see all around.
            height_m: 5.0,
            boresight: Yaw::from_rad(file.yaw_rad),
            half_fov_rad: std::f64::consts::PI,
            range_m: (0.0, 300.0),
            range_sigma_m: file.range_sigma_m.or(file.range_sigma_floor_m).unwrap_or(0.0),
            range_sigma_fraction: file.range_sigma_fraction.unwrap_or(0.0),
            azimuth_sigma_rad: file.azimuth_sigma_rad,
            doppler_sigma_mps: file.doppler_sigma_mps,
            detection_probability: file.detection_probability,
            clutter_per_scan: file.clutter_per_scan,
            class_accuracy: file.class_accuracy,
            period_s: file.period_s,
        }
    }
}

fn read_site(path: &Path) -> anyhow::Result<(Vec<SensorSpec>, Option<Bounds>)> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let site: SiteFile = serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))?;
    let bounds = site.bounds_m.map(|[west, south, east, north]| Bounds::Rectangle {
        min: Point::new(west, south),
        max: Point::new(east, north),
    });
    Ok((site.sensors.into_iter().map(SensorSpec::from).collect(), bounds))
}

/// Range (m), azimuth (rad), Doppler (m/s), class index, score.
type DetectionFields = (f64, f64, Option<f64>, Option<usize>, f64);

#[derive(Deserialize)]
struct ScanLine {
    t: f64,
    arrival: f64,
    sensor: String,
    detections: Vec<DetectionFields>,
}

/// Reads scans line by line.
struct ScanReader<R> {
    input: R,
    line: u64,
    buffer: String,
    sequence: BTreeMap<String, u32>,
}

impl ScanReader<BufReader<File>> {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let input = File::open(path).with_context(|| format!("opening {}", path.display()))?;
        Ok(Self { input: BufReader::new(input), line: 0, buffer: String::new(), sequence: BTreeMap::new() })
    }
}

impl<R: BufRead> ScanReader<R> {
    /// The next arrival time (seconds) and scan; `None` at the end. Blank lines are passed over.
    fn next(&mut self) -> anyhow::Result<Option<(f64, Scan)>> {
        loop {
            self.buffer.clear();
            self.line += 1;
            let line = self.line;
            let mut limited = (&mut self.input).take(MAX_LINE_BYTES);
            let read = limited.read_line(&mut self.buffer).with_context(|| format!("line {line}"))?;
            if read == 0 {
                return Ok(None);
            }
            if read as u64 == MAX_LINE_BYTES {
                bail!("line {line} is longer than {MAX_LINE_BYTES} bytes");
            }
            if !self.buffer.trim().is_empty() {
                return self.parse().with_context(|| format!("line {line}")).map(Some);
            }
        }
    }

    fn parse(&mut self) -> anyhow::Result<(f64, Scan)> {
        let line: ScanLine = serde_json::from_str(self.buffer.trim_end())?;
        ensure!(line.t.is_finite() && line.t.abs() < 4e9, "t is {}, not a time in seconds", line.t);
        ensure!(line.arrival.is_finite() && line.arrival.abs() < 4e9, "arrival is {}, not a time", line.arrival);
        ensure!((line.t - line.arrival).abs() <= MAX_GAP_S, "t and arrival are over an hour apart");
        let detections = line.detections.into_iter().map(detection).collect::<anyhow::Result<_>>()?;
        let sequence = self.sequence.entry(line.sensor.clone()).or_insert(0);
        let scan =
            Scan { sensor: SensorId(line.sensor), sequence: *sequence, valid_at: Utc::from_unix_s(line.t), detections };
        *sequence = sequence.wrapping_add(1);
        Ok((line.arrival, scan))
    }
}

fn detection(fields: DetectionFields) -> anyhow::Result<Detection> {
    let (range_m, azimuth_rad, doppler_mps, class, score) = fields;
    let class = class
        .map(|index| RoadUserClass::from_index(index).with_context(|| format!("class {index} is not 0, 1 or 2")))
        .transpose()?;
    Ok(Detection { range_m, azimuth_rad, doppler_mps, class, score, extent_m: None })
}
