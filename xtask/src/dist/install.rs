//! Do the packages do what they should on a machine that has never seen them? A fresh Debian is booted in a container,
//! with its own systemd, and `deploy/debian/check-install.sh` runs in it.

use super::target::Target;
use crate::run::{cargo, is_there, root, step, target_dir};
use anyhow::{Context, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the script needs beside a minimal Debian's own.
const INCLUDE: &str = "--include=systemd,systemd-sysv,dbus,init-system-helpers,procps";
const ISLAND: &str = "seeds/island";
/// In the container: runs the script once it has booted, and turns it off.
const UNIT: &str = "\
[Unit]
Description=Check of the packages
After=multi-user.target
[Service]
Type=oneshot
TimeoutStartSec=300
ExecStart=/bin/sh -c '/check/check-install.sh > /check/said 2>&1'
ExecStopPost=/bin/systemctl --no-block poweroff
[Install]
WantedBy=default.target
";

pub(super) fn check(packages: &[PathBuf], target: Target) -> anyhow::Result<()> {
    ensure!(target.is_native(), "--check runs the programs: it is for this machine's own kind");
    for (program, package) in [("mmdebstrap", "mmdebstrap"), ("systemd-nspawn", "systemd-container")] {
        ensure!(is_there(program, &["--version"]), "--check needs {program}: apt-get install {package}");
    }
    let work = target_dir().join("dist-check");
    let machine = work.join("machine");
    remove(&machine)?;
    fs::create_dir_all(&machine).with_context(|| format!("cannot make {}", machine.display()))?;
    let fresh = fresh_debian(&work)?;
    step("unpack", Command::new("tar").arg("--extract").arg("--file").arg(fresh).arg("--directory").arg(&machine))?;

    let inside = machine.join("check");
    let keys = keys(&work)?;
    copy_folder(&keys, &inside.join("pki"))?;
    for package in packages {
        fs::copy(package, inside.join(package.file_name().unwrap_or_default())).context("cannot copy a package")?;
    }
    fs::copy(root().join("deploy/debian/check-install.sh"), inside.join("check-install.sh"))?;
    let units = machine.join("etc/systemd/system");
    fs::create_dir_all(units.join("default.target.wants"))?;
    fs::write(units.join("check.service"), UNIT)?;
    std::os::unix::fs::symlink("../check.service", units.join("default.target.wants/check.service"))?;

    eprintln!("==> install, run, upgrade, remove, purge in a fresh Debian");
    // A network of its own, with nothing but loopback in it. How the container ends is no verdict: the script's word is.
    let mut boot = Command::new("systemd-nspawn");
    boot.args(["--quiet", "--boot", "--register=no", "--keep-unit", "--private-network", "--directory"]).arg(&machine);
    boot.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let ended = boot.output().context("cannot start systemd-nspawn")?;
    let said = fs::read_to_string(inside.join("said")).unwrap_or_default();
    eprint!("{said}");
    if said.lines().last() != Some("PASSED") {
        bail!(
            "the packages' check failed; {} is left to look at. {}",
            machine.display(),
            String::from_utf8_lossy(&ended.stderr)
        );
    }
    remove(&machine)
}

/// A minimal Debian of this machine's own edition, as an archive; made once.
fn fresh_debian(work: &Path) -> anyhow::Result<PathBuf> {
    let release = fs::read_to_string("/etc/os-release").context("cannot read /etc/os-release")?;
    let suite = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=")).context("this is no Debian")?;
    let archive = work.join(format!("{suite}.tar"));
    if !archive.exists() {
        let draft = work.join(format!("{suite}.draft.tar"));
        let mut make = Command::new("mmdebstrap");
        step("fresh Debian", make.args(["--quiet", "--variant=minbase", INCLUDE, suite]).arg(&draft))?;
        fs::rename(draft, &archive).context("cannot keep the fresh Debian")?;
    }
    Ok(archive)
}

/// New keys of the island's sites and of the cloud, by the `jxz` that was built for release, else by one built now.
fn keys(work: &Path) -> anyhow::Result<PathBuf> {
    let keys = work.join("pki");
    remove(&keys)?;
    let built = target_dir().join("release/jxz");
    let mut make = if built.exists() {
        let mut make = Command::new(built);
        make.current_dir(root());
        make
    } else {
        let mut run = cargo();
        run.args(["run", "--quiet", "--locked", "--package", "jxz", "--"]);
        run
    };
    make.args(["pki", "make", "--vehicles", "1", "--map", ISLAND]);
    step("keys", make.arg("--dir").arg(&keys).stdout(Stdio::null()))?;
    Ok(keys)
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let path = entry?.path();
        let copy = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_folder(&path, &copy)?;
        } else {
            fs::copy(&path, &copy).with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}
