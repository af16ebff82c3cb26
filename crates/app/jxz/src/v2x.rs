//! `jxz v2x`: to be written by its owner (replace this file).

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args) -> anyhow::Result<()> {
    anyhow::bail!("jxz v2x is not there yet")
}
