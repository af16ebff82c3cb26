//! The kind of machine that packages are for, and what building for it needs.

use crate::run::is_there;
use anyhow::{Context, bail};
use clap::ValueEnum;
use std::path::{Path, PathBuf};
use std::process::Command;

const GCC: &str = "aarch64-linux-gnu-gcc";
/// Debian's compiler, beside which the libraries of other kinds of machines can be installed.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// A kind of machine, by Debian's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(super) enum Target {
    /// This machine's own.
    #[default]
    Native,
    /// 64-bit Arm, as most roadside units have.
    Arm64,
}

impl Target {
    pub(super) fn is_native(self) -> bool {
        self == Self::Native || std::env::consts::ARCH == "aarch64"
    }

    pub(super) const fn debian(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::Native if cfg!(target_arch = "aarch64") => "arm64",
            Self::Native => "amd64",
        }
    }

    pub(super) const fn triple(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-gnu",
            Self::Native if cfg!(target_arch = "aarch64") => "aarch64-unknown-linux-gnu",
            Self::Native => "x86_64-unknown-linux-gnu",
        }
    }

    /// Where cargo puts what it builds for it.
    pub(super) fn folder(self, target_dir: &Path) -> PathBuf {
        if self.is_native() { target_dir.to_owned() } else { target_dir.join(self.triple()) }
    }

    /// Makes a cargo command one for this kind of machine.
    pub(super) fn prepare(self, command: &mut Command) -> anyhow::Result<()> {
        if self.is_native() {
            return Ok(());
        }
        if !is_there(GCC, &["--version"]) {
            bail!("{GCC} is not installed: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross");
        }
        command.args(["--target", self.triple()]);
        command.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", GCC).env("CC_aarch64_unknown_linux_gnu", GCC);
        if has_libraries("rustc", self.triple())? {
            return Ok(());
        }
        if is_there(DEBIAN_RUSTC, &["--version"]) && has_libraries(DEBIAN_RUSTC, self.triple())? {
            command.env("RUSTC", DEBIAN_RUSTC);
            return Ok(());
        }
        bail!(
            "no compiler here has the libraries of {triple}: rustup target add {triple}; or, on Debian: dpkg \
             --add-architecture arm64 && apt-get update && apt-get install rustc-web libstd-rust-web-dev:arm64",
            triple = self.triple()
        )
    }
}

/// Whether a compiler has the standard library for a kind of machine.
fn has_libraries(rustc: &str, triple: &str) -> anyhow::Result<bool> {
    let output = Command::new(rustc).args(["--print", "target-libdir", "--target", triple]).output();
    let output = output.with_context(|| format!("cannot run {rustc}"))?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let mut files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    Ok(output.status.success() && files.any(|file| file.file_name().to_string_lossy().starts_with("libstd-")))
}
