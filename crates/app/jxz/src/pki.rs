//! `jxz pki`: to be written by its owner (replace this file).

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args) -> anyhow::Result<()> {
    anyhow::bail!("jxz pki is not there yet")
}
