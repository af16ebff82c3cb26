//! `jxz`: one command for everything that is not a daemon.

mod capture;
mod daemons;
mod demo;
mod fuse;
mod loadgen;
mod map;
mod passage;
mod pki;
mod plot;
mod record;
mod recording;
mod replay;
mod run;
mod score;
mod sim;
mod sim_check;
mod sim_judge;
mod sim_radio;
mod sumo;
mod v2x;
mod watch;

use clap::{Parser, Subcommand};

/// Vehicle-road cooperation for Jiangxinzhou: simulator, map, fusion, messages and keys.
#[derive(Debug, Parser)]
#[command(name = "jxz", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Fuse(fuse::Args),
    Loadgen(loadgen::Args),
    Map(map::Args),
    Pki(pki::Args),
    Replay(replay::Args),
    Run(run::Args),
    Score(score::Args),
    Sim(Box<sim::Args>),
    V2x(v2x::Args),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Demo(args) => demo::run(args),
        Command::Fuse(args) => fuse::run(args),
        Command::Loadgen(args) => loadgen::run(args),
        Command::Map(args) => map::run(args),
        Command::Pki(args) => pki::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Run(args) => run::run(args),
        Command::Score(args) => score::run(args),
        Command::Sim(args) => sim::run(*args),
        Command::V2x(args) => v2x::run(args),
    }
}
