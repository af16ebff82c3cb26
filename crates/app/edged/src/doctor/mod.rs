//! `jxz-edge doctor`: looks at a unit and says what is in order, what is not, and what to do about it.

mod keys;
mod machine;
mod site;

use crate::{Config, Status};
use jxz_link::utc_now;
use jxz_map::Map;
use jxz_units::Utc;
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// A status older than this is of a node that runs no longer: it writes one every second.
const STATUS_FRESH: Duration = Duration::from_secs(5);

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// In order.
    Ok,
    /// The node would run, but not as well as it should.
    Warn,
    /// The node would not run, or not be believed.
    Fail,
}

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at (`clock`).
    pub check: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub advice: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, found: found.into(), advice: None }
    }

    fn warn(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, level: Level::Warn, found: found.into(), advice: Some(advice.into()) }
    }

    fn fail(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, level: Level::Fail, found: found.into(), advice: Some(advice.into()) }
    }
}

/// What the checks have in common.
struct Unit<'a> {
    config: &'a Config,
    now: Utc,
    /// What the node says of itself, if it runs.
    running: Option<Status>,
    /// How long to listen for sensors.
    listen: Duration,
}

/// Looks at everything; listens for sensors for `listen`. Must be called on a tokio runtime. Opens sockets and a file of
/// its own for a moment, and connects to the cloud as the node would, unless the node runs; changes nothing.
pub async fn examine(config_path: &Path, listen: Duration) -> Vec<Finding> {
    let config = match Config::read(config_path) {
        Ok(config) => config,
        Err(error) => {
            let advice = "correct it; /usr/share/doc/jxz-edge/examples/edge.toml shows every key";
            return vec![Finding::fail("configuration", format!("{error:#}"), advice)];
        }
    };
    let now = utc_now();
    let fresh = |status: &Status| now.unix_ms().abs_diff(status.written_at_ms) < STATUS_FRESH.as_millis() as u64;
    let running = Status::read(&config.state_dir).ok().filter(fresh);
    let unit = Unit { config: &config, now, running, listen };

    let mut findings = vec![Finding::ok("configuration", format!("{}: site {}", config_path.display(), config.site))];
    findings.push(machine::clock(unit.now));
    findings.extend(machine::disk(&config.state_dir));
    findings.push(machine::radio(&config.radio));
    findings.extend(machine::ports(&unit));
    findings.extend(keys::certificates(&unit));
    match Map::load(&config.map) {
        Ok(map) => findings.extend(site::look(&unit, &map).await),
        Err(error) => {
            let advice = "install jxz-map-island, or set `map` to a map's folder";
            findings.push(Finding::fail("map", format!("{}: {error}", config.map.display()), advice));
        }
    }
    findings.push(site::cloud(&unit).await);
    findings
}

/// Prints the findings, a line each, or all as JSON. Returns whether the node would run.
///
/// # Errors
/// Standard output is closed.
pub fn print(findings: &[Finding], json: bool, out: &mut impl Write) -> io::Result<bool> {
    let worst = findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok);
    if json {
        serde_json::to_writer_pretty(&mut *out, findings).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        for Finding { check, level, found, advice } in findings {
            let level = match level {
                Level::Ok => "ok",
                Level::Warn => "warn",
                Level::Fail => "FAIL",
            };
            let advice = advice.as_ref().map(|advice| format!(" -> {advice}")).unwrap_or_default();
            writeln!(out, "{level:<4} {check:<13} {}{advice}", found.replace('\n', " "))?;
        }
    }
    Ok(worst < Level::Fail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_finding_and_only_a_failure_fails() {
        let mut out = Vec::new();
        let mut findings = vec![Finding::ok("clock", "good"), Finding::warn("disk", "full", "empty it")];
        assert!(print(&findings, false, &mut out).unwrap());
        let said = String::from_utf8(out).unwrap();
        assert_eq!(said, "ok   clock         good\nwarn disk          full -> empty it\n");
        findings.push(Finding::fail("map", "line 1\nline 2", "get one"));
        let mut out = Vec::new();
        assert!(!print(&findings, true, &mut out).unwrap());
        let back: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!((&back[2]["level"], &back[0]["advice"]), (&"fail".into(), &serde_json::Value::Null));
    }
}
