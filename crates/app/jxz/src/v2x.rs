//! `jxz v2x`: messages of the set to and from JSON, shown to people, and captured from the radio.

use anyhow::Context as _;
use clap::Subcommand;
use jxz_security::{Spdu, Validity};
use jxz_v2x::asn::{Decoded, Meaning, MessageFrameExt, Profile, Shape, TypeInfo, type_named};
use jxz_v2x::{from_hex, to_hex};
use serde_json::{Map, Value, json};
use std::io::{BufRead, Read as _, Write};
use std::path::PathBuf;

/// A line longer than this is refused: hexadecimal and JSON of the longest frame are far shorter.
const LONGEST_LINE: usize = 4 << 20;

/// Decode, encode, show and capture Chinese C-V2X messages.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jxz v2x decode < frames.jsonl                 # needs uper_hex in each line, adds value
  jxz v2x encode --profile day-1 < values.jsonl # needs value in each line, adds uper_hex
  jxz v2x show 2013132332334350...              # one message with its units
  jxz v2x capture --seconds 10 --out pc5.pcapng # what is on the air, for Wireshark

A line is an object like
  {\"name\": \"x\", \"module\": \"day-2\", \"type\": \"MessageFrame\", \"value\": {...}, \"uper_hex\": \"...\"}
where octet strings are hexadecimal, bit strings text of 0 and 1, enumerals names, a CHOICE an object with one key.
`type` is any type of the set, MessageFrame if left out. The profile is --profile, else the line's `module` (phase1 is
day-1, combined is day-2), else day-2. A line that fails has `error` and no result, and the run goes on; with
--strict it ends with status 1 then.")]
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
        /// The message, plain or in its signed envelope, hexadecimal; `-` reads it from standard input.
        hex: String,
        /// Its type.
        #[arg(long = "type", value_name = "TYPE", default_value = "MessageFrame")]
        kind: String,
        /// The edition of the message set: day-1, day-2 or release-2019-07 (the first that fits, if left out).
        #[arg(long)]
        profile: Option<Profile>,
    },
    /// Write what is on the air to a pcapng file, for Wireshark.
    Capture(crate::capture::CaptureArgs),
}

#[derive(Debug, clap::Args)]
struct Lines {
    /// The edition of the message set: day-1, day-2 or release-2019-07 (each line's `module`, if left out).
    #[arg(long)]
    profile: Option<Profile>,
    /// End with status 1 if any line failed.
    #[arg(long)]
    strict: bool,
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
        Command::Show { hex, kind, profile } => show(&hex, &kind, profile),
        Command::Capture(args) => crate::capture::run(args),
    }
}

/// What turns a line's members into its result.
type Conversion = fn(&TypeInfo, Profile, &Map<String, Value>) -> anyhow::Result<Value>;

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
        let (answer, ok) = answered(line, result, lines.profile, conversion);
        failed += u64::from(!ok);
        writeln!(output, "{answer}").context("write a line")?;
    }
    output.flush().context("write the last lines")?;
    if failed > 0 {
        let summary = format!("{failed} of {total} lines failed; their `error` says why");
        anyhow::ensure!(!lines.strict, summary);
        writeln!(std::io::stderr(), "{summary}").context("say how many failed")?;
    }
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

/// A line with its member `result` or its `error`, and whether it is the former. What the line brought along under
/// these names never passes for ours.
fn answered(
    line: anyhow::Result<String>,
    result: &str,
    profile: Option<Profile>,
    conversion: Conversion,
) -> (Value, bool) {
    let parsed = line.and_then(|line| serde_json::from_str(&line).context("the line is not JSON"));
    let mut members = match parsed {
        Ok(Value::Object(members)) => members,
        Ok(_) => return (json!({"error": "the line is not a JSON object"}), false),
        Err(error) => return (json!({"error": format!("{error:#}")}), false),
    };
    members.remove(result);
    members.remove("error");
    let converted = spoken(&members, profile).and_then(|(info, profile)| conversion(info, profile, &members));
    let ok = converted.is_ok();
    let (name, value) = match converted {
        Ok(value) => (result, value),
        Err(error) => ("error", format!("{error:#}").into()),
    };
    members.insert(name.to_owned(), value);
    (Value::Object(members), ok)
}

/// The type and the profile of a line.
fn spoken(members: &Map<String, Value>, profile: Option<Profile>) -> anyhow::Result<(&'static TypeInfo, Profile)> {
    let name = match members.get("type") {
        None => "MessageFrame",
        Some(kind) => kind.as_str().with_context(|| format!("`type` is {kind}, not a text"))?,
    };
    let profile = match (profile, members.get("module").map(Value::as_str)) {
        (Some(profile), _) => profile,
        (None, None) => Profile::default(),
        (None, Some(Some("phase1"))) => Profile::Day1,
        (None, Some(Some("combined"))) => Profile::Day2,
        (None, Some(Some(module))) => module.parse()?,
        (None, Some(None)) => anyhow::bail!("`module` is {}, not a text", members["module"]),
    };
    Ok((type_named(name)?, profile))
}

fn decode_line(info: &TypeInfo, profile: Profile, members: &Map<String, Value>) -> anyhow::Result<Value> {
    let hex = members.get("uper_hex").and_then(Value::as_str).context("no text `uper_hex`")?;
    Ok(info.decode(&from_hex(hex)?, profile)?.value)
}

fn encode_line(info: &TypeInfo, profile: Profile, members: &Map<String, Value>) -> anyhow::Result<Value> {
    let bytes = info.encode(members.get("value").context("no `value`")?, profile)?;
    Ok(to_hex(&bytes).into())
}

/// The value, under the profile asked for, or else the first under which the bytes are what an encoder makes of it, or
/// else the first under which they are a whole message.
fn decoded(info: &TypeInfo, bytes: &[u8], profile: Option<Profile>) -> anyhow::Result<(Profile, Decoded<Value>)> {
    if let Some(profile) = profile {
        return Ok((profile, info.decode(bytes, profile)?));
    }
    let (mut found, mut reasons) = (Vec::new(), Vec::new());
    for profile in [Profile::Day2, Profile::Day1, Profile::Release2019] {
        match info.decode(bytes, profile) {
            Ok(decoded) => found.push((profile, decoded)),
            Err(error) => reasons.push(format!("{profile}: {error}")),
        }
    }
    let best = found.iter().position(|(_, decoded)| decoded.canonical).unwrap_or(0);
    found
        .into_iter()
        .nth(best)
        .with_context(|| format!("the bytes are no {} of any profile:\n  {}", info.name, reasons.join("\n  ")))
}

fn show(hex: &str, kind: &str, profile: Option<Profile>) -> anyhow::Result<()> {
    let text = if hex == "-" {
        std::io::read_to_string(std::io::stdin().take(LONGEST_LINE as u64)).context("read the message")?
    } else {
        hex.to_owned()
    };
    let bytes = from_hex(text.trim())?;
    let info = type_named(kind)?;
    let mut out = std::io::stdout().lock();
    let envelope = Spdu::parse(&bytes).ok().filter(|_| info.name == "MessageFrame");
    let message = match &envelope {
        Some(spdu) => {
            show_envelope(&mut out, spdu, bytes.len())?;
            spdu.payload()
        }
        None => &bytes,
    };
    let (profile, decoded) = decoded(info, message, profile)?;
    writeln!(out, "{} bytes, profile {profile}", message.len())?;
    if decoded.unknown_extensions > 0 {
        writeln!(out, "{} extensions of a newer edition are left out", decoded.unknown_extensions)?;
    }
    if !decoded.canonical && decoded.unknown_extensions == 0 {
        writeln!(out, "(a length, a number or the padding is in a longer form than the rules ask)")?;
    }
    Tree { out: &mut out, profile }.value(info.name, &Shape::Named(info.name), &decoded.value, 0)?;
    Ok(())
}

/// Whose envelope it is, unverified: nobody's trust is at hand here.
fn show_envelope(out: &mut impl Write, spdu: &Spdu<'_>, bytes: usize) -> std::io::Result<()> {
    writeln!(out, "signed envelope of {bytes} bytes, not verified: {}", spdu.algorithm())?;
    let made = spdu.generation().map_or_else(|| "beyond the calendar".to_owned(), |at| at.to_string());
    writeln!(out, "  application id {}, made {made}", spdu.psid().0)?;
    match spdu.certificate() {
        None => writeln!(out, "  signer: digest {}", spdu.signer()),
        Some(certificate) => {
            let Validity { from, until } = certificate.validity();
            let name = certificate.name().unwrap_or("a pseudonym");
            let ids: Vec<String> = certificate.permissions().iter().map(|psid| psid.0.to_string()).collect();
            writeln!(out, "  signer: certificate {} of {name}, {from} to {until}", certificate.digest())?;
            writeln!(out, "  which permits {}", ids.join(", "))
        }
    }
}

/// A value as an indented tree, a member a line, numbers in their units.
struct Tree<'a, W: Write> {
    out: &'a mut W,
    profile: Profile,
}

impl<W: Write> Tree<'_, W> {
    fn value(&mut self, name: &str, shape: &Shape, value: &Value, depth: usize) -> std::io::Result<()> {
        let (shape, meaning) = resolve(shape);
        let indent = "  ".repeat(depth);
        match (shape, value) {
            (Shape::Sequence(members) | Shape::Choice(members), Value::Object(object)) => {
                writeln!(self.out, "{indent}{name}")?;
                let profile = self.profile;
                for member in members {
                    if let Some((name, inner)) = member.name(profile).and_then(|name| object.get_key_value(name)) {
                        self.value(name, &member.shape, inner, depth + 1)?;
                    }
                }
                Ok(())
            }
            (Shape::MessageFrameExt, Value::Object(object)) => {
                let message = object.get("value").and_then(Value::as_object).and_then(|value| value.iter().next());
                match message {
                    Some((kind, inner)) => self.second_phase(kind, inner, depth),
                    None => writeln!(self.out, "{indent}{name} {value}"),
                }
            }
            (Shape::List(item, _), Value::Array(items)) => {
                for (index, inner) in items.iter().enumerate() {
                    self.value(&format!("{name}[{index}]"), item, inner, depth)?;
                }
                Ok(())
            }
            (Shape::Bits(_, names), Value::String(text)) => {
                let set: Vec<&str> =
                    text.char_indices().filter(|(_, digit)| *digit == '1').map(|(at, _)| flag(names, at)).collect();
                writeln!(
                    self.out,
                    "{indent}{name}: {text}{}",
                    if set.is_empty() { String::new() } else { format!(" = {}", set.join(", ")) }
                )
            }
            (_, Value::Number(number)) => {
                writeln!(self.out, "{indent}{name}: {}", physical(number.as_i64().unwrap_or_default(), meaning))
            }
            // A sender's text may hold what steers a terminal.
            (_, Value::String(text)) => writeln!(self.out, "{indent}{name}: {}", text.escape_debug()),
            (_, other) => writeln!(self.out, "{indent}{name}: {other}"),
        }
    }

    fn second_phase(&mut self, kind: &str, value: &Value, depth: usize) -> std::io::Result<()> {
        match MessageFrameExt::MESSAGES.iter().find(|(_, name)| *name == kind) {
            Some((number, name)) => {
                self.value(&format!("{name} (message {number})"), &Shape::Named(name), value, depth)
            }
            None => Ok(()),
        }
    }
}

/// The shape behind a name, and what its numbers mean.
fn resolve(shape: &Shape) -> (Shape, Option<Meaning>) {
    let (mut shape, mut meaning) = (*shape, None);
    while let Shape::Named(name) = shape {
        let Some(info) = TypeInfo::find(name) else { break };
        (shape, meaning) = (info.shape, info.meaning);
    }
    (shape, meaning)
}

fn flag(names: &'static [(&'static str, u32)], at: usize) -> &'static str {
    names.iter().find(|(_, bit)| *bit as usize == at).map_or("(a bit of a newer edition)", |(name, _)| name)
}

/// `694 (13.88 m/s)`, `8191 (unavailable)`, `17`.
fn physical(number: i64, meaning: Option<Meaning>) -> String {
    match meaning {
        Some(Meaning { unavailable: Some(code), .. }) if code == number => "unavailable".to_owned(),
        Some(Meaning { scale, unit, .. }) if !unit.is_empty() || (scale - 1.0).abs() > 0.0 => {
            // As many decimals as one step of the scale has.
            let step = scale.to_string();
            let decimals = step.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            format!("{:.*} {unit}", decimals.min(7), number as f64 * scale).trim_end().to_owned()
        }
        _ => number.to_string(),
    }
}
