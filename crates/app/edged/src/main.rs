//! `jxz-edge`: the roadside edge node.

use anyhow::Context;
use clap::{Parser, Subcommand};
use jxz_edged::{Config, Status};
use std::io::Write;
use std::path::PathBuf;

/// The roadside edge node of Jiangxin.
///
/// Example: jxz-edge run --config deploy/edge.example.toml
#[derive(Debug, Parser)]
#[command(name = "jxz-edge", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the node until SIGINT or SIGTERM.
    Run {
        /// The node's configuration.
        #[arg(long)]
        config: PathBuf,
    },
    /// Reads a configuration and says what is wrong with it.
    CheckConfig {
        /// The node's configuration.
        config: PathBuf,
    },
    /// Prints what the running node (or the last one to run) says of itself, as JSON.
    Status {
        /// The node's configuration.
        #[arg(long)]
        config: PathBuf,
    },
}

fn main() -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match Cli::parse().command {
        Command::Run { config } => {
            drop(out);
            run(Config::read(&config)?)
        }
        Command::CheckConfig { config } => {
            let parsed = Config::read(&config)?;
            writeln!(out, "{} is a configuration for site {}", config.display(), parsed.site)?;
            Ok(())
        }
        Command::Status { config } => {
            let status = Status::read(&Config::read(&config)?.state_dir)?;
            writeln!(out, "{}", serde_json::to_string_pretty(&status)?)?;
            Ok(())
        }
    }
}

fn run(config: Config) -> anyhow::Result<()> {
    jxz_observe::init_logs(&config.log)?;
    // One brain, a few sockets: two threads are plenty, and a roadside unit has other work.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let stop = jxz_observe::stop_signal().context("cannot listen for signals")?;
        jxz_edged::run(config, stop).await
    })
}
