//! Daemons as processes of their own: started, watched, stopped.

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// How long a daemon may take to send what must arrive and stop before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// One daemon that we started.
pub(crate) struct Daemon {
    name: String,
    log: PathBuf,
    child: Child,
}

/// The path of a sibling of this executable.
pub(crate) fn sibling(program: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot find the path of jxz itself")?;
    let path = own.with_file_name(program);
    if !path.exists() {
        bail!("{} is not there: build it with `cargo build -p {}`", path.display(), package_of(program));
    }
    Ok(path)
}

fn package_of(program: &str) -> &str {
    match program {
        "jxz-edge" => "jxz-edged",
        _ => "jxz-cloudd",
    }
}

impl Daemon {
    /// Starts `program run --config FILE` with its log going to a file of the same name beside the configuration.
    pub(crate) fn start(name: &str, program: &Path, config: &Path) -> anyhow::Result<Self> {
        let log = config.with_extension("log");
        let file = File::create(&log).with_context(|| format!("cannot write the log {}", log.display()))?;
        let child = Command::new(program)
            .args(["run", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            // Ctrl-C in the terminal is ours to handle: the daemons stop in our order, not all at once.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Self { name: name.to_owned(), log, child })
    }

    /// An error with the end of its log if the daemon has stopped by itself.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => bail!("{} stopped by itself ({status}):\n{}", self.name, self.end_of_log()),
            Err(error) => Err(error).with_context(|| format!("cannot ask after {}", self.name)),
        }
    }

    /// Asks it to stop.
    pub(crate) fn ask_to_stop(&self) {
        if let Some(pid) = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
            // It may be gone already; waiting for it tells.
            let _gone = kill_process(pid, Signal::TERM);
        }
    }

    /// Waits until it has stopped; kills it when it takes too long.
    pub(crate) async fn wait(mut self) -> anyhow::Result<()> {
        match tokio::time::timeout(STOP_PATIENCE, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => bail!("{} ended with {status}:\n{}", self.name, self.end_of_log()),
            Ok(Err(error)) => Err(error).with_context(|| format!("cannot wait for {}", self.name)),
            Err(_) => {
                self.child.kill().await.with_context(|| format!("cannot kill {}", self.name))?;
                bail!("{} did not stop within {} s and was killed", self.name, STOP_PATIENCE.as_secs())
            }
        }
    }

    fn end_of_log(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }
}
