//! `cargo xtask dist`: Debian packages of the edge node, the cloud and the island's map.

#![allow(clippy::print_stdout, reason = "it is what was asked for")]

mod install;
mod map;
mod target;

use crate::run::{build_console, cargo, is_there, root, step, target_dir};
use anyhow::{Context, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use target::Target;

/// What is packaged: crate, and the program and package that it makes.
const PROGRAMS: [(&str, &str); 2] = [("jxz-edged", "jxz-edge"), ("jxz-cloudd", "jxz-cloud")];
/// Installed where they are missing, at these versions.
const TOOLS: [(&str, &str); 2] = [("deb", "cargo-deb@3.8.0"), ("cyclonedx", "cargo-cyclonedx@0.5.9")];

/// Makes Debian packages of jxz-edge, jxz-cloud and the map, in `dist` of the target folder.
///
/// Each has its program, systemd unit, user, sample configuration, manual, completions and bill of materials.
///
/// Example: cargo xtask dist --check
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Packages for another kind of machine than this one.
    #[arg(long, value_enum)]
    target: Option<Target>,
    /// Package the programs as they were built last.
    #[arg(long)]
    no_build: bool,
    /// Also install them into a fresh Debian, run, upgrade, remove and purge them there, as root (needs mmdebstrap).
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    ensure!(is_there("dpkg-deb", &["--version"]), "dpkg-deb is not installed; packages are made on Debian or Ubuntu");
    for (command, tool) in TOOLS {
        if !is_there("cargo", &[command, "--version"]) {
            step(tool, cargo().args(["install", "--quiet", "--locked", tool]))?;
        }
    }
    let target = args.target.unwrap_or_default();
    if !args.no_build {
        build(target)?;
    }
    let release = target.folder(&target_dir()).join("release");
    let papers = release.join("papers");
    papers_of_programs(target, &papers)?;
    let dist = target_dir().join("dist");
    fs::create_dir_all(&dist).with_context(|| format!("cannot make {}", dist.display()))?;
    let mut packages = vec![map::package(&dist)?];
    for (name, program) in PROGRAMS {
        let mut deb = cargo();
        // The names that a backtrace needs go into a package of their own.
        deb.args(["deb", "--quiet", "--locked", "--no-build", "--dbgsym", "--package", name]);
        let package = dist.join(format!("{program}_{}_{}.deb", env!("CARGO_PKG_VERSION"), target.debian()));
        deb.arg("--output").arg(&package);
        target.prepare(&mut deb)?;
        step(&format!("package {program}"), &mut deb)?;
        packages.push(package);
    }
    packages.iter().try_for_each(|package| say_size(package))?;
    check_policy(&packages)?;
    if args.check { install::check(&packages, target) } else { Ok(()) }
}

fn build(target: Target) -> anyhow::Result<()> {
    if !build_console()? {
        eprintln!("==> npm is not installed: the cloud is packaged without its console");
    }
    let mut build = cargo();
    build.args(["build", "--release", "--locked"]);
    build.args(PROGRAMS.iter().flat_map(|(name, _)| ["--package", name]));
    target.prepare(&mut build)?;
    step("build", &mut build)
}

/// Manual, completions and bill of materials of each program, into a folder.
fn papers_of_programs(target: Target, papers: &Path) -> anyhow::Result<()> {
    if papers.exists() {
        fs::remove_dir_all(papers).with_context(|| format!("cannot empty {}", papers.display()))?;
    }
    for (name, program) in PROGRAMS {
        let built = target_dir().join("release").join(program);
        // They are the same for every kind of machine, and only our own kind's program runs here.
        let mut manual = if target.is_native() && built.exists() {
            Command::new(built)
        } else {
            let mut run = cargo();
            run.args(["run", "--quiet", "--locked", "--package", name, "--bin", program, "--"]);
            run
        };
        step(&format!("manual of {program}"), manual.arg("manual").arg(papers))?;
        bill_of_materials(target, name, program, papers)?;
    }
    let pages = fs::read_dir(papers).context("cannot list the manual")?.filter_map(|entry| Some(entry.ok()?.path()));
    let pages: Vec<PathBuf> = pages.filter(|page| page.extension().is_some_and(|extension| extension == "1")).collect();
    step("manual pages", Command::new("gzip").args(["--best", "--no-name"]).args(pages))
}

/// The tool writes beside each manifest of the workspace; we keep the one asked for, and leave the tree as it was.
fn bill_of_materials(target: Target, name: &str, program: &str, papers: &Path) -> anyhow::Result<()> {
    let marker = format!("{program}.cdx");
    let manifest = manifest_of(name)?;
    let mut tool = cargo();
    tool.args(["cyclonedx", "--quiet", "--format", "json", "--spec-version", "1.5", "--target", target.triple()]);
    tool.arg("--manifest-path").arg(&manifest).args(["--override-filename", &marker]);
    let made = step(&format!("bill of materials of {program}"), &mut tool);
    let file = format!("{marker}.json");
    let kept = papers.join(&file);
    let found = manifest.with_file_name(&file);
    let copied = fs::copy(&found, &kept).with_context(|| format!("no bill of materials in {}", found.display()));
    for folder in member_folders()? {
        let _not_there = fs::remove_file(folder.join(&file));
    }
    made.and(copied.map(drop))
}

fn metadata() -> anyhow::Result<serde_json::Value> {
    let output = cargo().args(["metadata", "--no-deps", "--format-version", "1"]).output();
    let output = output.context("cannot run cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("cannot read cargo metadata")
}

fn manifests() -> anyhow::Result<Vec<(String, PathBuf)>> {
    let metadata = metadata()?;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let packages = metadata["packages"].as_array().context("cargo metadata has no packages")?;
    Ok(packages.iter().map(|p| (text(&p["name"]), PathBuf::from(text(&p["manifest_path"])))).collect())
}

fn manifest_of(name: &str) -> anyhow::Result<PathBuf> {
    let found = manifests()?.into_iter().find(|(other, _)| other == name);
    found.map(|(_, manifest)| manifest).with_context(|| format!("no crate {name} in the workspace"))
}

fn member_folders() -> anyhow::Result<Vec<PathBuf>> {
    Ok(manifests()?.into_iter().filter_map(|(_, manifest)| manifest.parent().map(Path::to_path_buf)).collect())
}

/// How large a package is, and the programs in it as they are installed.
fn say_size(package: &Path) -> anyhow::Result<()> {
    let bytes = fs::metadata(package).with_context(|| format!("{} was not made", package.display()))?.len();
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!("{:>8.2} MiB  {}", mib(bytes), package.strip_prefix(root()).unwrap_or(package).display());
    let listed = Command::new("dpkg-deb").arg("--contents").arg(package).output().context("cannot run dpkg-deb")?;
    for line in String::from_utf8_lossy(&listed.stdout).lines() {
        let mut columns = line.split_whitespace();
        let (size, path) = (columns.nth(2).and_then(|size| size.parse().ok()), columns.next_back());
        if let (Some(size), Some(path)) = (size, path.and_then(|path| path.strip_prefix("./usr/bin/")))
            && !path.is_empty()
        {
            println!("{:>8.2} MiB    {path}, installed", mib(size));
        }
    }
    Ok(())
}

/// Debian's own check of packages, where it is installed: what it calls an error is one, and its warnings are shown.
fn check_policy(packages: &[PathBuf]) -> anyhow::Result<()> {
    if !is_there("lintian", &["--version"]) {
        eprintln!("==> lintian is not installed: Debian's policy is not checked (apt-get install lintian)");
        return Ok(());
    }
    step("lintian", Command::new("lintian").args(["--fail-on", "error"]).args(packages))
}
