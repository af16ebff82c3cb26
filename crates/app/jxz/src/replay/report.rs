//! What is said at the end of a replay.

use super::{Outcome, Plan};
use crate::replay::likeness::Alike;
use anyhow::{Context, bail};
use jxz_wire::journal::v1::Seal;
use serde::Serialize;
use std::io::Write as _;

#[derive(Serialize)]
struct Line<'a> {
    site: &'a str,
    boot: u64,
    /// The software and the build profile that recorded, and the profile that replays.
    software_version: &'a str,
    recorded_in: &'a str,
    replayed_in: &'a str,
    files: usize,
    /// Whether it was replayed from the node's start.
    exact: bool,
    inputs: u64,
    outputs: u64,
    seconds: f64,
    times_real_time: f64,
    identical: bool,
    /// SHA-256 over all outputs of the replay, and as last recorded.
    digest: Option<String>,
    digest_recorded: Option<String>,
    first_difference: Option<DifferenceLine>,
    gap: Option<GapLine>,
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Alike>,
}

#[derive(Serialize)]
struct DifferenceLine {
    step: u64,
    at: String,
    input: &'static str,
    detail: String,
}

#[derive(Serialize)]
struct GapLine {
    first_step: u64,
    steps: u64,
    why: String,
}

const PROFILE: &str = if cfg!(debug_assertions) { "debug" } else { "release" };

fn hex(seal: &Seal) -> String {
    seal.digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn line<'a>(plan: &'a Plan, outcome: &Outcome, warnings: Alike) -> Line<'a> {
    let same = outcome.difference.is_none() && outcome.gap.is_none() && outcome.error.is_none();
    Line {
        site: &plan.head.site,
        boot: plan.head.boot,
        software_version: &plan.head.software_version,
        recorded_in: &plan.head.build,
        replayed_in: PROFILE,
        files: plan.files.len(),
        exact: plan.exact,
        inputs: outcome.steps,
        outputs: outcome.outputs,
        seconds: outcome.seconds,
        times_real_time: outcome.seconds / outcome.took_s.max(1e-9),
        identical: plan.exact && same && outcome.steps > 0,
        digest: outcome.replayed.as_ref().map(hex),
        digest_recorded: outcome.recorded.as_ref().map(hex),
        first_difference: outcome.difference.as_ref().map(|difference| DifferenceLine {
            step: difference.step,
            at: difference.at.to_string(),
            input: difference.input,
            detail: difference.detail.clone(),
        }),
        gap: outcome.gap.as_ref().map(|gap| GapLine { first_step: gap.first, steps: gap.count, why: gap.why.clone() }),
        error: outcome.error.as_ref().map(ToString::to_string),
        warnings: (!plan.exact).then_some(warnings),
    }
}

/// Prints the result; an error is what keeps it from being the same.
pub(super) fn tell(plan: &Plan, outcome: &Outcome, warnings: Alike, json: bool) -> anyhow::Result<()> {
    let line = line(plan, outcome, warnings);
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(&line)?).context("write the result")?;
    } else {
        writeln!(out, "{}", words(&line)).context("write the result")?;
    }
    out.flush()?;
    verdict(&line)
}

fn words(line: &Line<'_>) -> String {
    let Line { site, boot, files, inputs, outputs, seconds, times_real_time, .. } = line;
    let mut text = format!(
        "black box of {site}, boot {boot}, {files} file(s), recorded by version {} ({}), replayed in {}\n\
         {seconds:.1} s: {inputs} inputs replayed, {times_real_time:.0} times as fast as they came\n",
        line.software_version, line.recorded_in, line.replayed_in,
    );
    if let Some(Alike { recorded, again }) = line.warnings {
        text += &format!("replayed from the middle of a boot: {again} of {recorded} recorded warnings came again");
        return text;
    }
    text += &format!("{outputs} outputs compared, digest {}", line.digest.as_deref().unwrap_or("-"));
    if line.identical {
        text += "\nidentical, bit for bit";
    }
    text
}

fn verdict(line: &Line<'_>) -> anyhow::Result<()> {
    if let Some(DifferenceLine { step, at, input, detail }) = &line.first_difference {
        bail!("first difference in step {step} ({input}) at {at}: {detail}");
    }
    if let Some(error) = &line.error {
        bail!("{error}; what could be read was replayed");
    }
    if let Some(GapLine { first_step, steps, why }) = &line.gap
        && line.exact
    {
        bail!(
            "{steps} steps are missing from step {first_step} on ({why}): identical up to there, and no word on what follows"
        );
    }
    if line.inputs == 0 {
        bail!("there is no step in it");
    }
    Ok(())
}
