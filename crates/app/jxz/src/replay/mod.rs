//! `jxz replay`: a node's brain again on what its black box recorded.

mod explain;
mod life;
mod likeness;
mod report;

use anyhow::{Context, bail};
use jxz_blackbox::{BlackBoxError, Difference, Entry, Recording, Replay, parts_before};
use jxz_edge::{Edge, Output};
use jxz_fusion::Witness;
use jxz_link::FastVerifier;
use jxz_map::Map;
use jxz_units::{Now, Utc};
use jxz_wire::journal::v1::{Gap, Head, Seal};
use jxz_world::{Record, WarningId};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Run a node's brain again on what its black box recorded, and hold what it says against what it said, bit for bit.
///
/// FILE is of a node's `black_box/ring` (the files before it, back to the node's start, are found beside it and replayed
/// first), a clip of `black_box/clips`, or written by `jxz sim --black-box`. Exits with 0 if everything is the same.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jxz replay /var/lib/jiangxin/edge/black_box/ring/1786233600000-000004.mcap --map /usr/share/jiangxin/island
  jxz replay box.mcap --explain 3f9a2b1c40d2e7a1
  jxz replay /var/lib/jiangxin/edge/black_box/clips/1786233721300-3f9a2b1c40d2e7a1.mcap --approximate")]
pub(crate) struct Args {
    /// The black box's file.
    file: PathBuf,
    /// The map's folder: the version that the node had.
    #[arg(long, default_value = "seeds/island")]
    map: PathBuf,
    /// Replay also what begins in the middle of a node's life, by a brain that knows nothing of before: then warnings are
    /// looked for again, and nothing is compared bit for bit.
    #[arg(long)]
    approximate: bool,
    /// Tell the life of a warning, by its id as the console and the records print it (hexadecimal).
    #[arg(long, value_name = "WARNING", value_parser = warning_id)]
    explain: Option<WarningId>,
    /// Print the result as JSON, a line.
    #[arg(long, conflicts_with = "explain")]
    json: bool,
}

fn warning_id(text: &str) -> Result<WarningId, String> {
    let digits = text.strip_prefix('#').or_else(|| text.strip_prefix("0x")).unwrap_or(text);
    u64::from_str_radix(digits, 16)
        .map(WarningId)
        .map_err(|_| format!("{text:?} is no warning's id: up to 16 hexadecimal digits"))
}

/// What is replayed.
pub(super) struct Plan {
    files: Vec<PathBuf>,
    map: Arc<Map>,
    head: Head,
    /// From the beginning of a boot, so that outputs must be the same.
    exact: bool,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Outcome {
    steps: u64,
    outputs: u64,
    /// From the first to the last step.
    seconds: f64,
    took_s: f64,
    difference: Option<Difference>,
    gap: Option<Gap>,
    /// Where the recording cannot be read any more.
    error: Option<BlackBoxError>,
    recorded: Option<Seal>,
    replayed: Option<Seal>,
}

/// Something that is told during a replay.
pub(super) enum Told<'a> {
    /// A warning in the recording.
    Recorded(&'a Record),
    /// An output of the brain that replays.
    Replayed(&'a Edge, Now, &'a Output),
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let files = parts_before(&args.file).unwrap_or_else(|| vec![args.file.clone()]);
    let recording = Recording::open(&files)?;
    let head = recording.head().clone();
    let exact = head.steps_before == 0;
    if !exact && !args.approximate {
        bail!(
            "{} begins with step {} of its boot, and what came before is not there: no replay of it can be the same bit for \
             bit. --approximate replays it by a brain that begins there",
            args.file.display(),
            head.steps_before
        );
    }
    let map = Map::load(&args.map).with_context(|| format!("cannot load the map {}", args.map.display()))?;
    let plan = Plan { files, map: Arc::new(map), head, exact };
    if let Some(id) = args.explain {
        return explain::run(&plan, id);
    }
    let mut likeness = likeness::Likeness::default();
    let outcome = play(&plan, &mut (), &mut |told| {
        if !exact {
            likeness.take(&told);
        }
    })?;
    report::tell(&plan, &outcome, likeness.count(), args.json)
}

/// Replays everything there is, to the first difference.
pub(super) fn play(plan: &Plan, witness: &mut impl Witness, told: &mut dyn FnMut(Told<'_>)) -> anyhow::Result<Outcome> {
    let recording = Recording::open(&plan.files)?;
    let before = recording.before().to_vec();
    let mut replay: Option<Replay<'_>> = None;
    let (mut outcome, mut began_ns, mut clock) = (Outcome::default(), None, Progress::start());
    for entry in recording {
        match entry {
            Err(error) => {
                outcome.error = Some(error);
                break;
            }
            Ok(Entry::Gap(gap)) => {
                outcome.gap.get_or_insert(gap);
                if plan.exact {
                    break;
                }
            }
            Ok(Entry::Seal(seal)) => {
                if let Some(difference) = replay.as_ref().and_then(|replay| unlike(plan, replay, &seal)) {
                    outcome.difference = Some(difference);
                    break;
                }
                outcome.recorded = Some(seal);
            }
            Ok(Entry::Warning(_, record)) => told(Told::Recorded(&record)),
            Ok(Entry::Step(step)) => {
                let replay = match &mut replay {
                    Some(replay) => replay,
                    None if plan.exact => replay.insert(Replay::from_boot(&plan.head, &plan.map, &FastVerifier)?),
                    None => {
                        let middle = Replay::from_middle(&plan.head, &before, &step, &plan.map, &FastVerifier)?;
                        replay.insert(middle)
                    }
                };
                let since_ns = *began_ns.get_or_insert(step.mono_ns);
                outcome.seconds = step.mono_ns.saturating_sub(since_ns) as f64 * 1e-9;
                clock.tell(outcome.seconds)?;
                let tell = |edge: &Edge, now: Now, output: Output| told(Told::Replayed(edge, now, &output));
                outcome.difference = replay.step(&step, witness, tell)?;
                if outcome.difference.is_some() {
                    break;
                }
            }
        }
    }
    if let Some(replay) = &replay {
        (outcome.steps, outcome.outputs) = replay.counts();
        outcome.replayed = Some(replay.seal());
    }
    outcome.took_s = clock.started.elapsed().as_secs_f64();
    Ok(outcome)
}

/// The digest over all outputs so far must be the recorded one, as must their number.
fn unlike(plan: &Plan, replay: &Replay<'_>, seal: &Seal) -> Option<Difference> {
    let own = replay.seal();
    if !plan.exact || *seal == own {
        return None;
    }
    let detail = format!(
        "after {} steps and {} outputs the digest differs from the one recorded after {} and {}",
        own.steps, own.outputs, seal.steps, seal.outputs
    );
    Some(Difference { step: own.steps, at: Utc::from_unix_ns(0), input: "seal", detail })
}

/// A line now and then, if it takes long.
struct Progress {
    started: Instant,
    next: Instant,
}

impl Progress {
    const EVERY: Duration = Duration::from_secs(3);

    fn start() -> Self {
        let started = Instant::now();
        Self { started, next: started + Self::EVERY }
    }

    fn tell(&mut self, seconds: f64) -> anyhow::Result<()> {
        let now = Instant::now();
        if now < self.next {
            return Ok(());
        }
        self.next = now + Self::EVERY;
        let times = seconds / self.started.elapsed().as_secs_f64().max(1e-9);
        writeln!(std::io::stderr(), "{seconds:8.1} s replayed, {times:.1} x real time").context("write progress")
    }
}
