//! `cargo xtask test`: every test there is, or a group of them.

use crate::run::{build_console, cargo, is_there, root, step, target_dir};
use anyhow::bail;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Every test: Rust's with nextest where it is there, documentation's, and the console's where npm is.
///
/// Example: cargo xtask test --only console
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Only tests whose name contains this (Rust's only).
    filter: Option<String>,
    /// Only this group: `console` (the console's tests, its walk in a browser, and an operator's day on a real island,
    /// installing what they need), `docs` (examples in the documentation), a crate by its folder (`fusion`, `cloudd`,
    /// `sim`), or an end-to-end behaviour by its file in `tests/tests` (`demo`). An unknown name lists them all.
    #[arg(long, value_name = "NAME", conflicts_with = "filter")]
    only: Option<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.only {
        Some(group) => run_group(group),
        None => run_all(args),
    }
}

fn run_all(args: &Args) -> anyhow::Result<()> {
    // The daemons embed the console, and the end-to-end tests look at it.
    let console = args.filter.is_none() && build_console()?;
    build_programs()?;
    // Everything that fails is told at once.
    let targets = ["--workspace", "--lib", "--bins", "--tests", "--locked", "--no-fail-fast"];
    step("tests", runner().args(targets).args(&args.filter))?;
    if args.filter.is_some() {
        return Ok(());
    }
    run_docs()?;
    if console {
        run_console()
    } else {
        eprintln!("==> console: skipped, npm is not installed");
        Ok(())
    }
}

fn run_group(group: &str) -> anyhow::Result<()> {
    match group {
        "docs" => return run_docs(),
        "console" => {
            if !build_console()? {
                bail!("console: npm is not installed; install Node 20 or later");
            }
            run_console()?;
            build_programs()?;
            return run_day();
        }
        _ => {}
    }
    let (crates, behaviours) = (crates()?, behaviours()?);
    let selected = if let Some(package) = crates.get(group) {
        ["--package".to_owned(), package.clone()]
    } else if behaviours.iter().any(|name| name == group) {
        ["--test".to_owned(), group.to_owned()]
    } else {
        let crates: Vec<&str> = crates.keys().map(String::as_str).collect();
        bail!(
            "there is no group {group:?}. Groups: console, docs; crates: {}; end to end: {}",
            crates.join(", "),
            behaviours.join(", ")
        );
    };
    build_programs()?;
    step("tests", runner().args(["--locked", "--no-fail-fast"]).args(selected))
}

/// The end-to-end tests run the programs themselves.
fn build_programs() -> anyhow::Result<()> {
    step("programs", cargo().args(["build", "--workspace", "--bins", "--locked"]))
}

fn runner() -> Command {
    let mut command = cargo();
    if is_there("cargo", &["nextest", "--version"]) {
        command.args(["nextest", "run"]);
    } else {
        command.arg("test");
    }
    command
}

fn run_docs() -> anyhow::Result<()> {
    step("documentation tests", cargo().args(["test", "--workspace", "--doc", "--locked", "--quiet"]))
}

fn run_console() -> anyhow::Result<()> {
    let mut npm = Command::new("npm");
    // The browser's walk is the last of what `npm test` does.
    step("console: tests", npm.args(["run", "--silent", "test"]).current_dir(root().join("console")))
}

/// An operator's day: the programs as they are, each a process, in a browser.
fn run_day() -> anyhow::Result<()> {
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", "test:day", "--", "--jxz"]).arg(target_dir().join("debug/jxz"));
    step("console: an operator's day", npm.current_dir(root().join("console")))
}

/// Packages by the name of their folder.
fn crates() -> anyhow::Result<BTreeMap<String, String>> {
    let folders = ["crates/base", "crates/core", "crates/io", "crates/app"];
    let mut found = BTreeMap::new();
    for folder in folders {
        for name in names(&root().join(folder), |path| path.join("Cargo.toml").is_file())? {
            found.insert(name.clone(), if name == "jxz" { name } else { format!("jxz-{name}") });
        }
    }
    found.insert("sim".to_owned(), "jxz-sim".to_owned());
    found.insert("xtask".to_owned(), "xtask".to_owned());
    Ok(found)
}

fn behaviours() -> anyhow::Result<Vec<String>> {
    names(&root().join("tests/tests"), |path| path.extension().is_some_and(|kind| kind == "rs"))
}

/// Sorted names, without what follows the dot, of those entries of a folder.
fn names(folder: &Path, wanted: impl Fn(&Path) -> bool) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if wanted(&path)
            && let Some(stem) = path.file_stem()
        {
            names.push(stem.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_group_lists_those_there_are() {
        let said = run_group("nonsense").unwrap_err().to_string();
        for group in ["console", "docs", "fusion", "cloudd", "jxz", "sim", "demo", "readme"] {
            assert!(said.contains(group), "{group}: {said}");
        }
    }

    #[test]
    fn every_crate_of_the_floors_is_a_group_by_its_package() {
        let crates = crates().unwrap();
        assert_eq!((crates["edge"].as_str(), crates["jxz"].as_str()), ("jxz-edge", "jxz"));
    }
}
