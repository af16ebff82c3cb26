//! `cargo xtask check`: what CI holds the tree to.

use crate::run::{cargo, is_there, step, target_dir};
use crate::{layers, test};

/// Formatting, lints, documentation, layers, licences and every test; equal to CI.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Leave the tests out.
    #[arg(long)]
    no_tests: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    step("format", cargo().args(["fmt", "--all", "--check"]))?;
    layers::run(&layers::Args::default())?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    step("lints", cargo().args(clippy))?;
    // A workspace of its own, here without libFuzzer.
    let fuzz = ["check", "--manifest-path", "fuzz/Cargo.toml", "--all-targets", "--no-default-features", "--locked"];
    step("fuzz targets", cargo().args(fuzz).arg("--target-dir").arg(target_dir()))?;
    let doc = ["doc", "--workspace", "--no-deps", "--locked", "--document-private-items"];
    step("documentation", cargo().args(doc).env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links"))?;
    if is_there("cargo", &["deny", "--version"]) {
        // Advisories would need a database from outside the package registry.
        let deny = ["deny", "--log-level", "error", "check", "bans", "licenses", "sources"];
        step("licences and bans", cargo().args(deny))?;
    } else {
        eprintln!("==> licences and bans: skipped, cargo-deny is not installed (cargo install cargo-deny)");
    }
    if args.no_tests { Ok(()) } else { test::run(&test::Args::default()) }
}
