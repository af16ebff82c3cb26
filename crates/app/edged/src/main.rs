//! `jxz-edge`: the roadside edge node.

use anyhow::Context;
use clap::{CommandFactory, Parser, Subcommand};
use jxz_edged::{Config, Status};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

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
        /// Takes the place of the node that runs on the same state folder, within a round of its brain; or ends, and that one
        /// goes on. `jxz-edge take-over` starts one so.
        #[arg(long)]
        take_over: bool,
    },
    /// Has a new process take the place of the running node, without a message missing: after an upgrade, or for another
    /// configuration.
    ///
    /// The new one checks all that it needs, follows the running one for three seconds, and speaks in its place at the next
    /// round. If it cannot, the running one goes on and this ends with 1. Another map or site takes a restart.
    #[command(after_help = "Example: systemctl reload jxz-edge\n\
        Example: sudo -u jxz-edge jxz-edge take-over --config /etc/jiangxin/edge.toml")]
    TakeOver {
        /// The node's configuration.
        #[arg(long)]
        config: PathBuf,
    },
    /// Joins a cloud: makes a key that never leaves this unit, and gets the site's certificate for it.
    ///
    /// An operator makes the token at the cloud (its console, or POST /api/v1/nodes/SITE/join-tokens); it is good once.
    /// The certificate is renewed by itself from then on.
    #[command(after_help = "Example: jxz-edge join --config edge.toml jxz1/cloud.example:7400/FINGERPRINT/SECRET")]
    Join {
        /// The node's configuration: its site, and the folder of its keys.
        #[arg(long)]
        config: PathBuf,
        /// The token; `-` reads it from standard input, so that it stays out of the shell's history.
        token: String,
    },
    /// Reads a configuration and says what is wrong with it.
    CheckConfig {
        /// The node's configuration.
        config: PathBuf,
    },
    /// Looks at a unit, a line for each thing: clock, disk, radio, ports, keys, map, sensors, cloud.
    ///
    /// Ends with 1 if the node would not run. Run it as the service's own user, to see what that may read.
    #[command(after_help = "Example: sudo -u jxz-edge jxz-edge doctor --config /etc/jiangxin/edge.toml --listen-s 10")]
    Doctor {
        /// The node's configuration.
        #[arg(long)]
        config: PathBuf,
        /// How long to listen for sensors, seconds; 0 leaves it out.
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(..=600))]
        listen_s: u16,
        /// JSON, for machines.
        #[arg(long)]
        json: bool,
    },
    /// Writes manual pages and completions for shells into a folder, for packages.
    #[command(hide = true)]
    Manual {
        /// Where to; it is made.
        folder: PathBuf,
    },
    /// Prints what the running node (or the last one to run) says of itself, as JSON.
    Status {
        /// The node's configuration.
        #[arg(long)]
        config: PathBuf,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match Cli::parse().command {
        Command::Run { config, take_over } => {
            drop(out);
            run(Config::read(&config)?, take_over)?;
        }
        Command::TakeOver { config } => {
            let program = std::env::current_exe().context("cannot find this program's own file")?;
            jxz_edged::take_over(&program, &config)?;
            writeln!(out, "a new process runs the node of {}", config.display())?;
        }
        Command::Join { config, token } => {
            let token = if token == "-" { std::io::read_to_string(std::io::stdin())? } else { token };
            let config = Config::read(&config)?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.context("cannot start the runtime")?.block_on(jxz_edged::join_cloud(&config, &token))?;
            writeln!(
                out,
                "{} has its certificate; key and certificate are in {}",
                config.site,
                config.pki.dir.display()
            )?;
        }
        Command::CheckConfig { config } => {
            let parsed = Config::read(&config)?;
            writeln!(out, "{} is a configuration for site {}", config.display(), parsed.site)?;
        }
        Command::Doctor { config, listen_s, json } => return doctor(&config, listen_s, json, &mut out),
        Command::Manual { folder } => jxz_observe::write_manual(Cli::command(), &folder)
            .with_context(|| format!("cannot write the manual into {}", folder.display()))?,
        Command::Status { config } => {
            let status = Status::read(&Config::read(&config)?.state_dir)?;
            writeln!(out, "{}", serde_json::to_string_pretty(&status)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn doctor(config: &Path, listen_s: u16, json: bool, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
    let findings = runtime.block_on(jxz_edged::examine(config, Duration::from_secs(listen_s.into())));
    let would_run = jxz_edged::print(&findings, json, out)?;
    Ok(if would_run { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run(config: Config, take_over: bool) -> anyhow::Result<()> {
    jxz_observe::init_logs(&config.log)?;
    // One brain, a few sockets: two threads are plenty, and a roadside unit has other work.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let stop = jxz_observe::stop_signal().context("cannot listen for signals")?;
        if take_over { jxz_edged::run_in_place(config, stop).await } else { jxz_edged::run(config, stop).await }
    })
}
