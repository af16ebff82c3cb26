//! A SUMO of our own: started, spoken to, ended with us.

use anyhow::{Context, bail};
use jxz_traci::{Client, find_program};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// SUMO reads its network and answers within this.
const PATIENCE: Duration = Duration::from_secs(120);
/// So much of what SUMO said last goes into an error, bytes.
const LAST_WORDS: u64 = 2000;

/// What SUMO is to run.
pub(super) struct Task<'a> {
    pub(super) net: &'a Path,
    pub(super) routes: &'a Path,
    pub(super) step_s: f64,
    pub(super) seed: u64,
    pub(super) gui: bool,
    /// Where SUMO is, if not where it usually is.
    pub(super) given: Option<&'a Path>,
}

/// A running SUMO; ended when this is dropped.
pub(super) struct Sumo {
    child: Child,
    said: File,
}

impl Sumo {
    pub(super) fn start(task: &Task<'_>) -> anyhow::Result<(Self, Client<TcpStream>)> {
        for file in [task.net, task.routes] {
            if !file.is_file() {
                bail!("no file {}; docs/sumo.md says how to make one from a map", file.display());
            }
        }
        let program = find_program(if task.gui { "sumo-gui" } else { "sumo" }, task.given)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port for SUMO")?;
        let port = listener.local_addr().context("find a free port for SUMO")?.port();
        drop(listener);
        let said = tempfile::tempfile().context("make a file for SUMO's words")?;
        let words = said.try_clone().context("make a file for SUMO's words")?;
        let mut command = Command::new(&program);
        command.arg("--net-file").arg(task.net).arg("--route-files").arg(task.routes);
        command.args(["--step-length", &task.step_s.to_string(), "--seed", &(task.seed % (1 << 31)).to_string()]);
        command.args(["--remote-port", &port.to_string(), "--no-step-log", "true", "--ignore-route-errors", "true"]);
        // Two bumpers that touch are a matter for the warnings, not for SUMO's own removal of both vehicles.
        command.args(["--collision.action", "warn"]);
        if task.gui {
            command.args(["--start", "true", "--quit-on-end", "true"]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(words);
        let child = command.spawn().with_context(|| format!("start {}", program.display()))?;
        let mut sumo = Self { child, said };
        let client = Client::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), PATIENCE);
        let client = client.map_err(|error| sumo.explain(error.into()))?;
        Ok((sumo, client))
    }

    /// An error with what SUMO said last, if it said anything.
    pub(super) fn explain(&mut self, error: anyhow::Error) -> anyhow::Error {
        // Give it a moment to say why it ends.
        std::thread::sleep(Duration::from_millis(200));
        let ended = self.child.try_wait().ok().flatten();
        let words = self.last_words().unwrap_or_default();
        match ended {
            Some(status) => error.context(format!("SUMO ended ({status}); it said: {words}")),
            None if words.is_empty() => error,
            None => error.context(format!("SUMO said: {words}")),
        }
    }

    fn last_words(&mut self) -> std::io::Result<String> {
        let length = self.said.metadata()?.len();
        self.said.seek(SeekFrom::Start(length.saturating_sub(LAST_WORDS)))?;
        let mut bytes = Vec::new();
        (&mut self.said).take(LAST_WORDS).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim().replace('\n', "; "))
    }
}

impl Drop for Sumo {
    fn drop(&mut self) {
        // It ends by itself when the conversation does; if not, it is not to stay behind.
        for _ in 0..20 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}
