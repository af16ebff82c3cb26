//! `jxz-cloud`: the cloud daemon.

use anyhow::Context;
use clap::{Parser, Subcommand};
use jxz_cloudd::{Config, Daemon, EXAMPLE};
use std::io::Write;
use std::path::PathBuf;

/// The cloud of Jiangxin: live twin of the island, console, gRPC and metrics.
#[derive(Debug, Parser)]
#[command(name = "jxz-cloud", version, after_help = help())]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the cloud until SIGINT or SIGTERM.
    Run {
        /// The cloud's configuration.
        #[arg(long)]
        config: PathBuf,
    },
    /// Reads a configuration and says what is wrong with it.
    CheckConfig {
        /// The cloud's configuration.
        config: PathBuf,
    },
}

fn help() -> String {
    format!("Example: jxz-cloud run --config cloud.toml\n\nA complete cloud.toml:\n\n{EXAMPLE}")
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Run { config } => run(&Config::read(&config)?),
        Command::CheckConfig { config } => {
            Config::read(&config)?;
            writeln!(std::io::stdout().lock(), "{} is a configuration of jxz-cloud", config.display())?;
            Ok(())
        }
    }
}

fn run(config: &Config) -> anyhow::Result<()> {
    jxz_observe::init_logs(&config.log)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")?;
    runtime.block_on(async {
        let stop = jxz_observe::stop_signal().context("cannot listen for signals")?;
        let mut daemon = Daemon::start(config).await?;
        let failure = tokio::select! {
            () = stop => None,
            failure = daemon.failed() => Some(failure),
        };
        tracing::info!("stopping");
        let stopped = daemon.stop().await;
        failure.map_or(stopped, Err)
    })
}
