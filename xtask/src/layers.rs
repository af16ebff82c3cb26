//! `cargo xtask layers`: imports go down only, and pure crates stay pure.

use crate::run::root;
use anyhow::{Context, bail};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Checks that every crate imports only what its floor may, and that no pure crate reaches the outside world.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Another workspace root than this one.
    #[arg(long)]
    root: Option<PathBuf>,
}

/// What each crate of the workspace may name as a dependency, beside what `FLOORS` allows.
const ARROWS: &[(&str, &[&str])] = &[
    ("jxz-units", &[]),
    ("jxz-geo", &["jxz-units"]),
    ("jxz-world", BASE),
    ("jxz-map", &["jxz-units", "jxz-geo", "jxz-world"]),
    ("jxz-fusion", MAP),
    ("jxz-hazard", MAP),
    ("jxz-security", BASE),
    ("jxz-plausibility", &["jxz-units", "jxz-geo", "jxz-world"]),
    ("jxz-v2x", MAP),
    ("jxz-signal", MAP),
    ("jxz-exchange", &["jxz-units", "jxz-geo", "jxz-world", "jxz-map", "jxz-signal"]),
    (
        "jxz-edge",
        &[
            "jxz-units",
            "jxz-geo",
            "jxz-world",
            "jxz-map",
            "jxz-fusion",
            "jxz-hazard",
            "jxz-security",
            "jxz-plausibility",
            "jxz-v2x",
            "jxz-signal",
        ],
    ),
    ("jxz-cloud", &["jxz-units", "jxz-geo", "jxz-world", "jxz-map", "jxz-hazard", "jxz-v2x", "jxz-signal"]),
    ("jxz-fleet", &["jxz-units", "jxz-geo", "jxz-world", "jxz-hazard"]),
    ("jxz-wire", &["jxz-units", "jxz-geo", "jxz-world"]),
    ("jxz-ingest", IO),
    ("jxz-journal", IO),
    (
        "jxz-blackbox",
        &[
            "jxz-units",
            "jxz-geo",
            "jxz-world",
            "jxz-map",
            "jxz-wire",
            "jxz-journal",
            "jxz-edge",
            "jxz-fusion",
            "jxz-hazard",
            "jxz-security",
            "jxz-v2x",
        ],
    ),
    ("jxz-link", &["jxz-units", "jxz-geo", "jxz-world", "jxz-map", "jxz-wire", "jxz-security"]),
    ("jxz-observe", IO),
    ("jxz-spool", &["jxz-units", "jxz-geo", "jxz-world"]),
    ("jxz-trace", &["jxz-units", "jxz-world"]),
    ("jxz-traci", &[]),
];
const BASE: &[&str] = &["jxz-units", "jxz-geo"];
const MAP: &[&str] = &["jxz-units", "jxz-geo", "jxz-world", "jxz-map"];
const IO: &[&str] = &["jxz-units", "jxz-geo", "jxz-world", "jxz-map", "jxz-wire"];

/// Crates that a pure crate must not reach, however far down.
const IMPURE: &[&str] = &["tokio", "quinn", "mio", "socket2", "hyper", "tonic", "async-std", "smol", "getrandom"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
    workspace_members: BTreeSet<String>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

/// The resolved graph, normal dependencies only (tests and build scripts may use what they like).
struct Graph {
    name: BTreeMap<String, String>,
    folder: BTreeMap<String, String>,
    deps: BTreeMap<String, Vec<String>>,
    members: BTreeSet<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let root = args.root.clone().unwrap_or_else(root);
    let faults = faults(&root, &Graph::read(&root)?)?;
    if faults.is_empty() {
        eprintln!("==> layers: in order");
        return Ok(());
    }
    for fault in &faults {
        eprintln!("layers: {fault}");
    }
    bail!("{} fault(s) in the layers; ARCHITECTURE.md says what may import what", faults.len())
}

impl Graph {
    fn read(root: &Path) -> anyhow::Result<Self> {
        let json = cargo_output(root, &["metadata", "--format-version", "1"])?;
        let metadata: Metadata = serde_json::from_str(&json).context("cannot read cargo metadata")?;
        let folder_of = |p: &Package| {
            let folder = p.manifest_path.parent()?.strip_prefix(&metadata.workspace_root).ok()?;
            Some((p.id.clone(), folder.display().to_string()))
        };
        let is_normal = |d: &&Dependency| d.dep_kinds.iter().any(|k| k.kind.is_none());
        let normal = |n: &Node| n.deps.iter().filter(is_normal).map(|d| d.pkg.clone()).collect();
        Ok(Self {
            folder: metadata.packages.iter().filter_map(folder_of).collect(),
            name: metadata.packages.iter().map(|p| (p.id.clone(), p.name.clone())).collect(),
            deps: metadata.resolve.nodes.iter().map(|n| (n.id.clone(), normal(n))).collect(),
            members: metadata.workspace_members,
        })
    }

    fn deps_of(&self, id: &str) -> &[String] {
        self.deps.get(id).map_or(&[], Vec::as_slice)
    }

    fn is_pure(&self, id: &str) -> bool {
        let folder = self.folder.get(id).map_or("", String::as_str);
        folder.starts_with("crates/base/") || folder.starts_with("crates/core/") || folder == "sim"
    }
}

fn faults(root: &Path, graph: &Graph) -> anyhow::Result<Vec<String>> {
    let mut faults = Vec::new();
    for member in &graph.members {
        let name = &graph.name[member];
        let inner = graph.deps_of(member).iter().filter(|d| graph.members.contains(*d));
        let inner: Vec<&str> = inner.map(|d| graph.name[d].as_str()).collect();
        if let Some(bad) = forbidden(name, &graph.folder[member], &inner) {
            faults.push(bad);
        }
        if graph.is_pure(member)
            && let Some(path) = path_to_impure(root, name)?
        {
            faults.push(format!("{name} must stay pure but reaches {}", path.join(" -> ")));
        }
    }
    Ok(faults)
}

/// A direct dependency within the workspace that the arrows do not allow.
fn forbidden(name: &str, folder: &str, inner: &[&str]) -> Option<String> {
    let outermost = ["xtask", "jxz-tests", "jxz-benches", "jxz-peer-rasn"];
    let allowed: Box<dyn Fn(&str) -> bool> = if name == "xtask" {
        Box::new(|_| false)
    } else if outermost.contains(&name) {
        Box::new(|dep| dep != "xtask")
    } else if folder.starts_with("crates/app/") {
        Box::new(|dep| !outermost.contains(&dep))
    } else if folder == "sim" {
        Box::new(|dep| ARROWS.iter().any(|(n, _)| *n == dep) && !IO_CRATES.contains(&dep))
    } else {
        let Some((_, arrows)) = ARROWS.iter().find(|(n, _)| *n == name) else {
            return Some(format!(
                "{name} ({folder}) is not in the table of arrows: give it its place in xtask/src/layers.rs"
            ));
        };
        Box::new(|dep| arrows.contains(&dep))
    };
    let bad = inner.iter().find(|dep| !allowed(dep))?;
    Some(format!("{name} must not import {bad}"))
}

const IO_CRATES: &[&str] =
    &["jxz-wire", "jxz-ingest", "jxz-journal", "jxz-link", "jxz-observe", "jxz-spool", "jxz-traci"];

/// The chain of names from a crate to the first one that it must not reach. `cargo tree` resolves the features of
/// this crate alone; `cargo metadata` would mix in what other members switch on.
fn path_to_impure(root: &Path, name: &str) -> anyhow::Result<Option<Vec<String>>> {
    let args = ["tree", "--edges", "normal,no-proc-macro", "--prefix", "depth", "--format", " {p}", "--package", name];
    let tree = cargo_output(root, &args)?;
    let mut path: Vec<String> = Vec::new();
    for line in tree.lines() {
        let mut words = line.split_whitespace();
        let (Some(Ok(depth)), Some(package)) = (words.next().map(str::parse::<usize>), words.next()) else { continue };
        path.truncate(depth);
        path.push(package.to_owned());
        if IMPURE.contains(&package) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn cargo_output(root: &Path, args: &[&str]) -> anyhow::Result<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(args).current_dir(root).output();
    let output = output.with_context(|| format!("cannot run cargo {}", args[0]))?;
    if !output.status.success() {
        bail!("cargo {} failed in {}: {}", args[0], root.display(), String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).with_context(|| format!("cargo {} printed something that is not text", args[0]))
}
