//! A program in a process of its own, and what the kernel says of it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// What a process has used.
pub(crate) struct Usage {
    /// Processor time of all its threads, seconds.
    pub(crate) cpu_s: f64,
    /// Between two looks, seconds.
    pub(crate) wall_s: f64,
    /// Resident at the last look, and the most since its start.
    pub(crate) resident_mib: f64,
    pub(crate) peak_mib: f64,
    /// Size of its file.
    pub(crate) binary_mib: f64,
    at: Instant,
}

impl Usage {
    /// What was used from then on.
    pub(crate) fn since(self, before: &Self) -> Self {
        let wall_s = self.at.duration_since(before.at).as_secs_f64();
        Self { cpu_s: self.cpu_s - before.cpu_s, wall_s, ..self }
    }
}

pub(crate) struct Process(Child);

impl Process {
    /// Starts `program run --config FILE`; its log goes beside the configuration.
    pub(crate) fn start(program: &Path, config: &Path) -> Self {
        let log = std::fs::File::create(config.with_extension("log")).unwrap();
        let mut command = Command::new(program);
        command.args(["run", "--config"]).arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Self(command.spawn().unwrap())
    }

    /// From `/proc`.
    pub(crate) fn usage(&self) -> Usage {
        let proc = Path::new("/proc").join(self.0.id().to_string());
        let usage = jxz_observe::process_usage_of(self.0.id()).unwrap();
        let status = std::fs::read_to_string(proc.join("status")).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak_kib: f64 = peak.trim().strip_suffix("kB").unwrap().trim().parse().unwrap();
        let file = std::fs::metadata(proc.join("exe")).unwrap().len();
        Usage {
            cpu_s: usage.cpu.as_secs_f64(),
            wall_s: 0.0,
            resident_mib: usage.resident_bytes as f64 / f64::from(1 << 20),
            peak_mib: peak_kib / 1024.0,
            binary_mib: file as f64 / f64::from(1 << 20),
            at: Instant::now(),
        }
    }

    /// Asks it to end, and waits for it.
    pub(crate) fn end(mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Gone already, unless the bench has failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
