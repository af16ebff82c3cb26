//! `jxz-cloud`: the cloud daemon.

use anyhow::Context;
use clap::{CommandFactory, Parser, Subcommand};
use jxz_cloudd::{Config, Daemon, EXAMPLE};
use jxz_observe::Supervisor;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// How often the service manager hears that the cloud gets on.
const ALIVE_PERIOD: Duration = Duration::from_secs(1);

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
    /// Writes manual pages and completions for shells into a folder, for packages.
    #[command(hide = true)]
    Manual {
        /// Where to; it is made.
        folder: PathBuf,
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
        Command::Manual { folder } => jxz_observe::write_manual(Cli::command(), &folder)
            .with_context(|| format!("cannot write the manual into {}", folder.display())),
    }
}

fn run(config: &Config) -> anyhow::Result<()> {
    jxz_observe::init_logs(&config.log)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")?;
    runtime.block_on(async {
        let stop = jxz_observe::stop_signal().context("cannot listen for signals")?;
        let mut daemon = Daemon::start(config).await?;
        let mut supervisor = Supervisor::ready("up");
        let mut alive = tokio::time::interval(ALIVE_PERIOD);
        tokio::pin!(stop);
        let failure = loop {
            tokio::select! {
                () = &mut stop => break None,
                failure = daemon.failed() => break Some(failure),
                _ = alive.tick() => {
                    supervisor.alive(&daemon.progress(), &daemon.status_line());
                }
            }
        };
        supervisor.stopping();
        tracing::info!("stopping");
        let stopped = daemon.stop().await;
        failure.map_or(stopped, Err)
    })
}
