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

/// How a node's memory is kept, as its packaged unit says it.
const NODE_MEMORY: [(&str, &str); 2] = [("MALLOC_ARENA_MAX", "2"), ("MALLOC_MMAP_THRESHOLD_", "131072")];

/// One daemon that we started.
pub(crate) struct Daemon {
    name: String,
    program: PathBuf,
    config: PathBuf,
    log: PathBuf,
    child: Child,
    /// It was killed on purpose and is to be started again.
    is_down: bool,
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
        File::create(&log).with_context(|| format!("cannot write the log {}", log.display()))?;
        let child = launch(program, config, &log)?;
        let (name, program, config) = (name.to_owned(), program.to_owned(), config.to_owned());
        Ok(Self { name, program, config, log, child, is_down: false })
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The number of its process, while it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// An error with the end of its log if the daemon has stopped by itself.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(_)) if self.is_down => Ok(()),
            Ok(Some(status)) => bail!("{} stopped by itself ({status}):\n{}", self.name, self.end_of_log()),
            Err(error) => Err(error).with_context(|| format!("cannot ask after {}", self.name)),
        }
    }

    /// Kills it at once, as a loss of power would; [`Self::restart`] starts it again.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        self.is_down = true;
        self.child.kill().await.with_context(|| format!("cannot kill {}", self.name))
    }

    /// Starts it again after [`Self::kill`]; its log goes on.
    pub(crate) fn restart(&mut self) -> anyhow::Result<()> {
        self.child = launch(&self.program, &self.config, &self.log)?;
        self.is_down = false;
        Ok(())
    }

    /// Sends it a signal, if it runs.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(pid) = self.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
            // It may be gone already; waiting for it tells.
            let _gone = kill_process(pid, signal);
        }
    }

    /// Asks it to stop.
    pub(crate) fn ask_to_stop(&self) {
        self.signal(Signal::TERM);
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

fn launch(program: &Path, config: &Path, log: &Path) -> anyhow::Result<Child> {
    let file = File::options().append(true).open(log);
    let file = file.with_context(|| format!("cannot write the log {}", log.display()))?;
    let mut command = Command::new(program);
    if program.file_name().is_some_and(|name| name == "jxz-edge") {
        command.envs(NODE_MEMORY);
    }
    command
        .args(["run", "--config"])
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file)
        // Ctrl-C in the terminal is ours to handle: the daemons stop in our order, not all at once.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_of_ours_keeps_its_memory_as_an_installed_one() {
        let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../deploy/systemd/jxz-edge.service");
        let said = NODE_MEMORY.map(|(name, value)| format!("{name}={value}")).join(" ");
        assert!(std::fs::read_to_string(unit).unwrap().contains(&format!("\nEnvironment={said}\n")), "{said}");
    }
}
