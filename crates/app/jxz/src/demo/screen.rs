//! The demo's one status block in the terminal.

use serde_json::Value;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::time::Duration;

/// Without a terminal to redraw, a line this often is enough.
const LINE_PERIOD_S: u64 = 10;
/// How long the cloud may take to answer.
const HTTP_PATIENCE: Duration = Duration::from_secs(2);

/// Asks the cloud for its status. `None`: it does not answer (yet).
pub(super) async fn cloud_status(http: SocketAddr) -> Option<Value> {
    let url = format!("http://{http}/api/v1/status");
    let ask = move || {
        let agent = ureq::Agent::config_builder().timeout_global(Some(HTTP_PATIENCE)).build().new_agent();
        agent.get(&url).call().ok()?.body_mut().read_json::<Value>().ok()
    };
    tokio::task::spawn_blocking(ask).await.ok().flatten()
}

/// Nodes online, and how many there are.
pub(super) fn nodes(status: &Value) -> (u64, u64) {
    let count = |key: &str| status[key].as_u64().unwrap_or(0);
    (count("nodes_online"), count("nodes_total"))
}

/// Draws the block anew in place, or prints a line now and then where there is no terminal.
pub(super) struct Screen {
    in_place: bool,
    drawn: usize,
    last_line_s: Option<u64>,
}

/// What the vehicles' side knows.
pub(super) struct Vehicles<'a> {
    /// Kind, shown over 5G, shown over PC5.
    pub(super) warnings: &'a [(&'static str, u64, u64)],
    /// Stage, p50, p99 in milliseconds.
    pub(super) latencies: &'a [(&'static str, f64, f64)],
    pub(super) connected: usize,
    /// By how much the simulator is behind the clock.
    pub(super) late: Duration,
}

/// A simulator that is later than this is told of: nodes drop scans that are half a second old.
const LATE: Duration = Duration::from_millis(300);

impl Screen {
    pub(super) fn new(headless: bool) -> Self {
        Self { in_place: !headless && std::io::stderr().is_terminal(), drawn: 0, last_line_s: None }
    }

    /// Shows the state after `elapsed_s` seconds.
    pub(super) fn show(&mut self, elapsed_s: u64, console: &str, status: Option<&Value>, vehicles: &Vehicles<'_>) {
        let mut err = std::io::stderr().lock();
        // Nothing can be done about a terminal that is gone.
        let _gone = if self.in_place {
            let block = block(elapsed_s, console, status, vehicles);
            let up = if self.drawn > 0 { format!("\x1b[{}A\x1b[J", self.drawn) } else { String::new() };
            self.drawn = block.lines().count();
            write!(err, "{up}{block}")
        } else {
            if self.last_line_s.is_some_and(|last| elapsed_s < last + LINE_PERIOD_S) {
                return;
            }
            self.last_line_s = Some(elapsed_s);
            writeln!(err, "{}", line(elapsed_s, status, vehicles))
        };
    }
}

fn number(value: &Value) -> String {
    value.as_u64().map_or_else(|| "–".to_owned(), |n| n.to_string())
}

fn line(elapsed_s: u64, status: Option<&Value>, vehicles: &Vehicles<'_>) -> String {
    let unknown = Value::Null;
    let status = status.unwrap_or(&unknown);
    let warnings: Vec<String> = vehicles.warnings.iter().map(|(kind, uu, pc5)| format!("{kind} {uu}/{pc5}")).collect();
    let end = vehicles.latencies.iter().find(|(stage, ..)| *stage == "sensing_to_vehicle");
    format!(
        "{elapsed_s:>5} s  nodes {}/{}  tracks {}  warnings (5G/PC5) {}  sensing to vehicle {}",
        number(&status["nodes_online"]),
        number(&status["nodes_total"]),
        number(&status["tracks"]),
        warnings.join(", "),
        end.map_or_else(|| "–".to_owned(), |(_, p50, p99)| format!("p50 {p50:.0} ms, p99 {p99:.0} ms")),
    ) + &too_busy(vehicles.late).map_or_else(String::new, |why| format!("  {why}"))
}

/// Words for a simulator that is late.
fn too_busy(late: Duration) -> Option<String> {
    let s = late.as_secs_f64();
    (late > LATE).then(|| format!("SIMULATOR {s:.1} s LATE: this machine is too busy for so many sites (--sites N)"))
}

fn block(elapsed_s: u64, console: &str, status: Option<&Value>, vehicles: &Vehicles<'_>) -> String {
    let unknown = Value::Null;
    let status = status.unwrap_or(&unknown);
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _never = writeln!(text, "Jiangxin · {elapsed_s} s · console {console} · Ctrl-C stops");
    let _never = writeln!(
        text,
        "  nodes {}/{}   tracks {}   vehicles on 5G {}",
        number(&status["nodes_online"]),
        number(&status["nodes_total"]),
        number(&status["tracks"]),
        vehicles.connected
    );
    let _never = writeln!(text, "  {:<18}{:>8}{:>8}", "warnings shown", "5G", "PC5");
    for (kind, uu, pc5) in vehicles.warnings {
        let _never = writeln!(text, "    {kind:<16}{uu:>8}{pc5:>8}");
    }
    let _never = writeln!(text, "  {:<18}{:>8}{:>8}", "latency, ms", "p50", "p99");
    for (stage, p50, p99) in vehicles.latencies {
        let _never = writeln!(text, "    {stage:<18}{p50:>6.2}{p99:>8.2}");
    }
    if let Some(why) = too_busy(vehicles.late) {
        let _never = writeln!(text, "  {why}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_is_a_dash_and_not_a_nought() {
        let nobody = Vehicles { warnings: &[], latencies: &[], connected: 0, late: Duration::ZERO };
        assert!(line(3, None, &nobody).contains("nodes –/–  tracks –"));
        let status = serde_json::json!({"nodes_online": 3, "nodes_total": 14, "tracks": 0});
        let vehicles = Vehicles {
            warnings: &[("collision", 4, 2)],
            latencies: &[("sensing_to_vehicle", 81.2, 140.0)],
            connected: 9,
            late: Duration::from_millis(1400),
        };
        let said = line(3, Some(&status), &vehicles);
        assert!(said.ends_with("(--sites N)") && said.contains("1.4 s LATE"));
        assert!(!line(3, None, &nobody).contains("LATE"));
        assert!(said.contains("nodes 3/14  tracks 0") && said.contains("collision 4/2") && said.contains("p99 140 ms"));
        assert!(block(3, "http://x", Some(&status), &vehicles).contains("vehicles on 5G 9"));
    }
}
