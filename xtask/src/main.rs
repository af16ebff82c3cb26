//! `cargo xtask`: everything that is done to the tree.

mod bench;
mod check;
mod demo;
mod dist;
mod faults;
mod layers;
mod run;
mod soak;
mod test;

use clap::{Parser, Subcommand};

/// What is done to the tree: check it, test it, run it.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Bench(bench::Args),
    Check(check::Args),
    Demo(demo::Args),
    Dist(dist::Args),
    Faults(faults::Args),
    Layers(layers::Args),
    Soak(soak::Args),
    Test(test::Args),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Bench(args) => bench::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Dist(args) => dist::run(&args),
        Command::Faults(args) => faults::run(&args),
        Command::Layers(args) => layers::run(&args),
        Command::Soak(args) => soak::run(&args),
        Command::Test(args) => test::run(&args),
    }
}
