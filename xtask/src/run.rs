//! Running other programs, and saying what is run.

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// The cargo that runs us, else the one on the path.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// Whether `program --version` (or the like) works.
pub(crate) fn is_there(program: &str, args: &[&str]) -> bool {
    let status = Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|s| s.success())
}

/// Says and runs a step; its failure is an error that names it.
pub(crate) fn step(name: &str, command: &mut Command) -> anyhow::Result<()> {
    eprintln!("==> {name}");
    let started = std::time::Instant::now();
    let status = command.status().with_context(|| format!("{name}: cannot start {:?}", command.get_program()))?;
    if !status.success() {
        bail!("{name} failed ({status}); the command was {command:?}");
    }
    eprintln!("    {name}: {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// Installs the console's packages if needed and builds it. `Ok(false)`: there is no npm here.
pub(crate) fn build_console() -> anyhow::Result<bool> {
    let console = root().join("console");
    if !is_there("npm", &["--version"]) {
        return Ok(false);
    }
    install_console()?;
    step("console: build", Command::new("npm").args(["run", "--silent", "build"]).current_dir(console))?;
    Ok(true)
}

/// `npm ci`, unless the installed packages are newer than the lock file.
pub(crate) fn install_console() -> anyhow::Result<()> {
    let console = root().join("console");
    let modified = |path: PathBuf| path.metadata().and_then(|m| m.modified()).ok();
    let installed = modified(console.join("node_modules/.package-lock.json"));
    if installed.is_some() && installed >= modified(console.join("package-lock.json")) {
        return Ok(());
    }
    let args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
    step("console: packages", Command::new("npm").args(args).current_dir(console))
}
