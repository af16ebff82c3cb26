//! `cargo xtask demo`: build everything, then run the island.

use crate::run::{build_console, cargo, root, step, target_dir};
use anyhow::{Context, bail};
use std::ffi::OsString;
use std::process::Command;

/// Builds all and runs the island in real time: simulator, a process for each roadside node, cloud, console.
///
/// Example: cargo xtask demo --headless --seconds 60 --report r.json
///
/// Options: --seconds N, --headless, --report FILE, and the others of `jxz demo --help`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Passed on to `jxz demo`; `--help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) options: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if !build_console()? {
        eprintln!("==> npm is not installed: the console is not built, everything else runs all the same");
    }
    let packages = ["-p", "jxz", "-p", "jxz-edged", "-p", "jxz-cloudd"];
    step("build", cargo().args(["build", "--release", "--locked"]).args(packages))?;
    let jxz = target_dir().join("release").join("jxz");
    let mut demo = Command::new(&jxz);
    demo.arg("demo").args(&args.options).arg("--map").arg(root().join("seeds/island"));
    demo.arg("--scenario").arg(root().join("seeds/scenarios/demo.toml"));
    let status = demo.status().with_context(|| format!("cannot start {}", jxz.display()))?;
    if !status.success() {
        bail!("the demo ended with {status}");
    }
    Ok(())
}
