//! The map's package. It is of no kind of machine, and has an edition of its own.

use crate::run::{root, step};
use anyhow::{Context, ensure};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const NAME: &str = "jxz-map-island";
const ISLAND: &str = "seeds/island";
/// Under the licence of what it is derived from; the text is the Open Data Commons' own page.
const COPYRIGHT: &str = "\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Jiangxin, map of the island

Files: *
Copyright: 2026, OpenStreetMap contributors
           2026, the Jiangxin authors
License: ODbL-1.0
Comment: Contains information from OpenStreetMap, which is made available at https://www.openstreetmap.org/copyright
 under the Open Database License. Lanes, signals, sites and base stations are assumed or synthetic; README.md says which.

License: ODbL-1.0
 Open Database License (ODbL) v1.0, https://opendatacommons.org/licenses/odbl/1-0/
";

const CHANGELOG: &str = "deploy/debian/map/changelog";

/// Makes it; gives its path.
pub(super) fn package(dist: &Path) -> anyhow::Result<PathBuf> {
    let edition =
        edition(&fs::read_to_string(root().join(ISLAND).join("map.toml")).context("the map has no map.toml")?)?;
    let stage = dist.join(format!("{NAME}.stage"));
    if stage.exists() {
        fs::remove_dir_all(&stage).with_context(|| format!("cannot empty {}", stage.display()))?;
    }
    let files = fs::read_dir(root().join(ISLAND)).context("cannot list the map")?;
    for file in files {
        let path = file.context("cannot list the map")?.path();
        let name = path.file_name().unwrap_or_default().to_owned();
        if path.extension().is_some_and(|extension| extension == "toml") || name == "README.md" {
            put(&stage.join("usr/share/jiangxin/island").join(name), &fs::read(&path)?)?;
        }
    }
    let papers = stage.join("usr/share/doc").join(NAME);
    put(&papers.join("copyright"), COPYRIGHT.as_bytes())?;
    let changelog = fs::read_to_string(root().join(CHANGELOG)).context("the map has no changelog")?;
    let history = papers.join("changelog.Debian");
    put(&history, changelog.replace("@EDITION@", &edition).as_bytes())?;
    step("changelog of the map", Command::new("gzip").args(["--best", "--no-name"]).arg(&history))?;
    let control = format!(
        "Package: {NAME}\nVersion: {edition}-1\nArchitecture: all\nMaintainer: Jiangxin maintainers \
         <maintainers@jiangxin.invalid>\nSection: misc\nPriority: optional\nDescription: Lanes, signals and roadside sites \
         of Jiangxinzhou\n For jxz-edge and jxz-cloud. (c) OpenStreetMap contributors, ODbL 1.0.\n"
    );
    put(&stage.join("DEBIAN/control"), control.as_bytes())?;
    let package = dist.join(format!("{NAME}_{edition}_all.deb"));
    let mut build = Command::new("dpkg-deb");
    build.args(["--root-owner-group", "--build"]).arg(&stage).arg(&package).stdout(std::process::Stdio::null());
    step(&format!("package {NAME}"), &mut build)?;
    fs::remove_dir_all(&stage).with_context(|| format!("cannot remove {}", stage.display()))?;
    Ok(package)
}

/// `edition = "2026.1"`, as a Debian version.
fn edition(map_toml: &str) -> anyhow::Result<String> {
    let line = map_toml.lines().find_map(|line| line.strip_prefix("edition = \"")?.strip_suffix('"'));
    let edition = line.context("map.toml has no line `edition = \"...\"`")?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".+~".contains(c);
    ensure!(
        edition.starts_with(|c: char| c.is_ascii_digit()) && edition.chars().all(allowed),
        "the map's edition {edition} is no version for Debian: a digit, then letters, digits and . + ~"
    );
    Ok(edition.to_owned())
}

/// Writes a file that everyone may read, with its folders, whatever the umask.
fn put(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut folder = PathBuf::new();
    for part in path.parent().unwrap_or(path).components() {
        folder.push(part);
        if !folder.exists() {
            fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
        }
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).context("cannot set a file's mode")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_islands_edition_is_a_version_and_a_sentence_is_none() {
        let ours = fs::read_to_string(root().join(ISLAND).join("map.toml")).unwrap();
        assert!(edition(&ours).unwrap().starts_with("20"));
        assert!(edition("edition = \"of May\"\n").is_err() && edition("name = \"a\"\n").is_err());
    }
}
