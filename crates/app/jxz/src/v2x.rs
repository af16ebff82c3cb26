//! `jxz v2x`: messages of the day-1 set to and from JSON, and shown to people.

use anyhow::Context as _;
use clap::Subcommand;
use jxz_geo::{LocalFrame, Wgs84};
use jxz_units::Utc;
use jxz_v2x::asn::{decode_frame, encode_frame, from_json, to_json};
use jxz_v2x::{Received, ReceivedMap, ReceivedRsi, ReceivedRsm, ReceivedSpat, decode, from_hex, to_hex};
use serde_json::{Map, Value, json};
use std::io::{BufRead, Write};
use std::path::PathBuf;

/// A line longer than this is refused: hexadecimal and JSON of the longest frame are far shorter.
const LONGEST_LINE: usize = 4 << 20;

/// Decode, encode and show Chinese C-V2X messages of day 1.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jxz v2x decode --in frames.jsonl              # needs uper_hex in each line, adds value
  jxz v2x encode --in values.jsonl              # needs value in each line, adds uper_hex
  jxz v2x show 2013132332334350...              # one message in metres and seconds

A line is an object like
  {\"name\": \"x\", \"module\": \"phase1\", \"type\": \"MessageFrame\", \"value\": {...}, \"uper_hex\": \"...\"}
where octet strings are hexadecimal, bit strings text of 0 and 1, enumerals names, a CHOICE an object with one key.
`type` is MessageFrame if left out; `module` is phase1 (or day-1) if left out. A line that fails has `error` and no
result; the run goes on, and ends with status 1 if any line failed.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// JSON lines with `uper_hex` in, the same with `value` out.
    Decode(Lines),
    /// JSON lines with `value` in, the same with `uper_hex` out.
    Encode(Lines),
    /// One message for people, with units.
    Show {
        /// The frame, hexadecimal.
        hex: String,
        /// Where local metres are counted from, degrees north and east; for messages whose numbers are shown in
        /// metres from there.
        #[arg(long, num_args = 2, value_names = ["LAT", "LON"], default_values_t = [32.03, 118.7], allow_negative_numbers = true)]
        origin: Vec<f64>,
        /// Time of receipt, Unix milliseconds (now if left out): messages tell only the part of the year, the hour
        /// or the minute.
        #[arg(long)]
        at: Option<i64>,
    },
}

#[derive(Debug, clap::Args)]
struct Lines {
    /// File of JSON lines; standard input if left out.
    #[arg(long = "in", value_name = "FILE")]
    input: Option<PathBuf>,
    /// File to write; standard output if left out.
    #[arg(long = "out", value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Command::Decode(lines) => convert(&lines, "value", decode_line),
        Command::Encode(lines) => convert(&lines, "uper_hex", encode_line),
        Command::Show { hex, origin, at } => show(&hex, &origin, at),
    }
}

/// What turns a line's members into its result.
type Conversion = fn(&Map<String, Value>) -> anyhow::Result<Value>;

/// Gives each line its member `result` by `conversion`; fails at the end if a line failed.
fn convert(lines: &Lines, result: &str, conversion: Conversion) -> anyhow::Result<()> {
    let mut input: Box<dyn BufRead> = match &lines.input {
        Some(path) => {
            let file = std::fs::File::open(path).with_context(|| format!("open {}", path.display()))?;
            Box::new(std::io::BufReader::new(file))
        }
        None => Box::new(std::io::stdin().lock()),
    };
    let mut output: Box<dyn Write> = match &lines.output {
        Some(path) => {
            let file = std::fs::File::create(path).with_context(|| format!("create {}", path.display()))?;
            Box::new(std::io::BufWriter::new(file))
        }
        None => Box::new(std::io::BufWriter::new(std::io::stdout().lock())),
    };
    let (mut total, mut failed) = (0_u64, 0_u64);
    while let Some(line) = next_line(&mut input)? {
        if line.as_ref().is_ok_and(|line| line.trim().is_empty()) {
            continue;
        }
        total += 1;
        let (answer, ok) = answered(line, result, conversion);
        failed += u64::from(!ok);
        writeln!(output, "{answer}").context("write a line")?;
    }
    output.flush().context("write the last lines")?;
    anyhow::ensure!(failed == 0, "{failed} of {total} lines failed; their `error` says why");
    Ok(())
}

/// The next line, or why it cannot be one; `None` at the end. At most [`LONGEST_LINE`] bytes of it are kept.
fn next_line(input: &mut dyn BufRead) -> anyhow::Result<Option<anyhow::Result<String>>> {
    let mut bytes = Vec::new();
    let mut oversize = false;
    loop {
        let chunk = input.fill_buf().context("read a line")?;
        if chunk.is_empty() {
            let nothing = bytes.is_empty() && !oversize;
            return Ok((!nothing).then(|| finished(bytes, oversize)));
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let part = &chunk[..end.unwrap_or(chunk.len())];
        oversize |= bytes.len() + part.len() > LONGEST_LINE;
        if !oversize {
            bytes.extend_from_slice(part);
        }
        let used = end.map_or(chunk.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(Some(finished(bytes, oversize)));
        }
    }
}

fn finished(bytes: Vec<u8>, oversize: bool) -> anyhow::Result<String> {
    anyhow::ensure!(!oversize, "the line is longer than {LONGEST_LINE} bytes");
    String::from_utf8(bytes).context("the line is not UTF-8")
}

/// A line with its member `result` or its `error`, and whether it is the former. A result that the line brought along
/// never passes for ours.
fn answered(line: anyhow::Result<String>, result: &str, conversion: Conversion) -> (Value, bool) {
    let parsed = line.and_then(|line| serde_json::from_str(&line).context("the line is not JSON"));
    let mut members = match parsed {
        Ok(Value::Object(members)) => members,
        Ok(_) => return (json!({"error": "the line is not a JSON object"}), false),
        Err(error) => return (json!({"error": format!("{error:#}")}), false),
    };
    members.remove(result);
    let converted = supported(&members).and_then(|()| conversion(&members));
    let ok = converted.is_ok();
    let (name, value) = match converted {
        Ok(value) => (result, value),
        Err(error) => ("error", format!("{error:#}").into()),
    };
    members.insert(name.to_owned(), value);
    (Value::Object(members), ok)
}

fn supported(members: &Map<String, Value>) -> anyhow::Result<()> {
    let kind = members.get("type").map_or(Some("MessageFrame"), Value::as_str);
    anyhow::ensure!(kind == Some("MessageFrame"), "type {} is not supported, only \"MessageFrame\"", members["type"]);
    let module = members.get("module").map_or(Some("phase1"), Value::as_str);
    anyhow::ensure!(
        matches!(module, Some("phase1" | "day-1")),
        "module {} is not supported, only \"phase1\" (\"day-1\")",
        members["module"]
    );
    Ok(())
}

fn decode_line(members: &Map<String, Value>) -> anyhow::Result<Value> {
    let hex = members.get("uper_hex").and_then(Value::as_str).context("no text `uper_hex`")?;
    Ok(to_json(&decode_frame(&from_hex(hex)?)?)?)
}

fn encode_line(members: &Map<String, Value>) -> anyhow::Result<Value> {
    let frame = from_json(members.get("value").context("no `value`")?)?;
    Ok(to_hex(&encode_frame(&frame)?).into())
}

fn show(hex: &str, origin: &[f64], at: Option<i64>) -> anyhow::Result<()> {
    let &[lat_deg, lon_deg] = origin else { anyhow::bail!("--origin takes a latitude and a longitude") };
    let frame = LocalFrame::new(Wgs84 { lat_deg, lon_deg })?;
    let near = match at {
        Some(ms) => Utc::from_unix_ms(ms),
        None => {
            let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
            Utc::from_unix_ms(i64::try_from(since_epoch.as_millis())?)
        }
    };
    let bytes = from_hex(hex.trim())?;
    let received = decode(&bytes, near, &frame)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{} bytes, positions in metres east, north of {lat_deg}°, {lon_deg}°", bytes.len())?;
    match received {
        Received::Bsm(report) => show_bsm(&mut out, &report, &frame)?,
        Received::Rsm(rsm) => show_rsm(&mut out, &rsm)?,
        Received::Rsi(rsi) => show_rsi(&mut out, &rsi)?,
        Received::Spat(spat) => show_spat(&mut out, &spat)?,
        Received::Map(map) => show_map(&mut out, &map)?,
        other => writeln!(out, "{other:#?}")?,
    }
    Ok(())
}

/// A number with its unit, or a dash.
fn told(number: Option<f64>, unit: &str) -> String {
    number.map_or_else(|| "—".to_owned(), |number| format!("{number:.2} {unit}"))
}

fn placed(point: jxz_geo::Point) -> String {
    format!("({:.2}, {:.2})", point.x, point.y)
}

fn clock(at: Option<Utc>) -> String {
    at.map_or_else(|| "—".to_owned(), |at| at.to_string())
}

fn sized(extent_m: Option<(f64, f64)>) -> String {
    extent_m.map_or_else(|| "—".to_owned(), |(length_m, width_m)| format!("{length_m:.2} m × {width_m:.2} m"))
}

fn show_bsm(out: &mut impl Write, report: &jxz_world::VehicleReport, frame: &LocalFrame) -> std::io::Result<()> {
    let position = frame.to_wgs84(report.position);
    writeln!(out, "BSM {} from vehicle {}", report.message_count, report.vehicle)?;
    writeln!(out, "  valid at      {}", report.valid_at)?;
    writeln!(
        out,
        "  position      {} = {:.7}° N {:.7}° E",
        placed(report.position),
        position.lat_deg,
        position.lon_deg
    )?;
    writeln!(out, "  1-sigma       {}", told(report.position_sigma_m, "m"))?;
    writeln!(out, "  speed         {}", told(report.speed_mps, "m/s"))?;
    writeln!(out, "  heading       {}", told(report.heading.map(|heading| heading.deg()), "°"))?;
    writeln!(out, "  acceleration  {}", told(report.acceleration_mps2, "m/s²"))?;
    writeln!(out, "  size          {}", sized(report.extent_m))
}

fn show_rsm(out: &mut impl Write, rsm: &ReceivedRsm) -> std::io::Result<()> {
    writeln!(out, "RSM {} from unit {} at {}", rsm.message_count, rsm.unit, placed(rsm.position))?;
    for participant in &rsm.participants {
        let id = participant.vehicle.map_or_else(String::new, |vehicle| format!(", id {vehicle}"));
        writeln!(out, "  {} {:?} by {:?}{id}", participant.number, participant.kind, participant.source)?;
        writeln!(
            out,
            "    {} at {} ± {}, {} towards {}, {}",
            participant.valid_at,
            placed(participant.position),
            told(participant.position_sigma_m, "m"),
            told(participant.speed_mps, "m/s"),
            told(participant.heading.map(|heading| heading.deg()), "°"),
            sized(participant.extent_m)
        )?;
    }
    Ok(())
}

fn show_rsi(out: &mut impl Write, rsi: &ReceivedRsi) -> std::io::Result<()> {
    writeln!(
        out,
        "RSI {} from unit {} at {}, {}",
        rsi.message_count,
        rsi.unit,
        placed(rsi.position),
        clock(rsi.minute)
    )?;
    for warning in &rsi.warnings {
        let kind = warning.kind().map_or("foreign", jxz_world::WarningKind::name);
        let priority = warning.priority.map_or_else(|| "—".to_owned(), |priority| priority.to_string());
        writeln!(out, "  {} {:?} ({kind}), priority {priority}", warning.number, warning.code)?;
        writeln!(
            out,
            "    at {}, within {}, probability {}, {} to {}",
            warning.at.map_or_else(|| "—".to_owned(), placed),
            told(warning.radius_m, "m"),
            told(warning.confidence.map(|probability| probability * 100.0), "%"),
            clock(warning.starts),
            clock(warning.ends)
        )?;
        for (path, radius_m) in &warning.paths {
            let points: Vec<String> = path.iter().copied().map(placed).collect();
            writeln!(out, "    path, {radius_m:.1} m to each side: {}", points.join(" "))?;
        }
        if let Some(notice) = &warning.notice {
            writeln!(out, "    warning {:016x}, revision {}, {:?}", notice.id.0, notice.revision, notice.stage)?;
            writeln!(out, "    sensed {}, valid until {}", notice.sensed_at, notice.valid_until)?;
            writeln!(out, "    for {:?}", notice.audience)?;
            writeln!(out, "    because {:?}", notice.cause)?;
        }
        if let Some(text) = &warning.text {
            writeln!(out, "    text {text:?}")?;
        }
    }
    Ok(())
}

fn show_spat(out: &mut impl Write, spat: &ReceivedSpat) -> std::io::Result<()> {
    writeln!(out, "SPAT {} of {}", spat.message_count, spat.name.as_deref().unwrap_or("—"))?;
    for junction in &spat.junctions {
        writeln!(out, "  node {} at {}", junction.node.id, clock(junction.valid_at))?;
        for phase in &junction.phases {
            for light in &phase.lights {
                let shows = light.light.map_or_else(|| "not told".to_owned(), |light| format!("{light:?}"));
                let (starts, ends) = (clock(light.starts), clock(light.likely_end));
                writeln!(out, "    phase {:3} {shows:16} {starts} to {ends}", phase.phase.0)?;
            }
        }
    }
    Ok(())
}

fn show_map(out: &mut impl Write, map: &ReceivedMap) -> std::io::Result<()> {
    writeln!(out, "MAP {}", map.message_count)?;
    for node in &map.nodes {
        let name = node.name.as_deref().unwrap_or("—");
        writeln!(out, "  node {} {name} at {}", node.node.id, placed(node.position))?;
        for link in &node.links {
            let name = link.name.as_deref().unwrap_or("—");
            let limit = told(link.speed_limit_mps, "m/s");
            writeln!(out, "    link {name} from node {}, limit {limit}, {} points", link.upstream.id, link.line.len())?;
            for lane in &link.lanes {
                let kind = lane.kind.map_or_else(|| "other".to_owned(), |kind| format!("{kind:?}"));
                let ways: Vec<String> = lane.connections.iter().map(way_on).collect();
                let width = told(lane.width_m, "m");
                writeln!(out, "      lane {} {kind}, {width} wide, leads to {}", lane.number, ways.join(", "))?;
            }
        }
    }
    Ok(())
}

fn way_on(connection: &jxz_v2x::ReceivedConnection) -> String {
    let lane = connection.lane.map_or_else(String::new, |lane| format!(" lane {lane}"));
    let phase = connection.phase.map_or_else(String::new, |phase| format!(" on phase {}", phase.0));
    format!("node {}{lane}{phase}", connection.node.id)
}
