//! Whether daemons stay as large as they are: memory, open files, threads and disk over their lives.

use crate::daemons::Daemon;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// From look to look, seconds.
const PERIOD_S: f64 = 5.0;
/// Caches and buffers fill up in the first part of a life: it is not judged, seconds.
const SETTLES_S: f64 = 120.0;
/// Looks after that without which a life is too short to be judged.
const LEAST_LOOKS: usize = 12;
/// The past that consoles play back is kept for a day and bounded by itself.
const NOT_COUNTED: &str = "history";

/// What may be more at the end of a life than early in it: a share, and beside it so much.
const MAY_GROW: Held = Held { resident_mib: 4.0, files: 12.0, threads: 4.0, disk_mib: 4.0 };
const MAY_GROW_SHARE: f64 = 0.1;
/// What is kept of the past fills up to its bounds: a black box of 8 and clips of 8 MiB, or 4 MiB of records, and a little.
const FULL: Held = Held { resident_mib: 0.0, files: 0.0, threads: 0.0, disk_mib: 20.0 };

/// What a daemon holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Held {
    resident_mib: f64,
    files: f64,
    threads: f64,
    /// In its folder.
    disk_mib: f64,
}

/// A part of what is held, and its name.
type Part = (&'static str, fn(&Held) -> f64);

/// Of one life: the medians of its first and last third, after it has settled.
#[derive(Debug, Serialize)]
pub(super) struct Growth {
    daemon: String,
    lived_s: f64,
    early: Held,
    late: Held,
}

#[derive(Default)]
struct Life {
    looks: Vec<(f64, Held)>,
}

/// Looks at every daemon now and then.
#[derive(Default)]
pub(super) struct Watch {
    next_s: f64,
    lives: BTreeMap<String, Vec<Life>>,
}

impl Watch {
    /// Looks at those that run, when it is time.
    pub(super) fn look<'d>(&mut self, elapsed_s: f64, daemons: impl Iterator<Item = (&'d Daemon, &'d Path)>) {
        if elapsed_s < self.next_s {
            return;
        }
        self.next_s = elapsed_s + PERIOD_S;
        for (daemon, folder) in daemons {
            let Some(held) = daemon.id().and_then(|pid| Held::of(pid, folder)) else { continue };
            let lives = self.lives.entry(daemon.name().to_owned()).or_insert_with(|| vec![Life::default()]);
            if let Some(life) = lives.last_mut() {
                life.looks.push((elapsed_s, held));
            }
        }
    }

    /// A daemon's life has ended; the next look begins another.
    pub(super) fn ended(&mut self, name: &str) {
        if let Some(lives) = self.lives.get_mut(name) {
            lives.push(Life::default());
        }
    }

    /// For each daemon its longest life, and what grew beyond what may.
    pub(super) fn judge(&self) -> (Vec<Growth>, Vec<String>) {
        let longest = |lives: &Vec<Life>| lives.iter().filter_map(Life::growth).max_by(|a, b| a.0.total_cmp(&b.0));
        let grown: Vec<Growth> = (self.lives.iter())
            .filter_map(|(name, lives)| {
                let (lived_s, early, late) = longest(lives)?;
                Some(Growth { daemon: name.clone(), lived_s, early, late })
            })
            .collect();
        let grew = grown.iter().flat_map(Growth::beyond).collect();
        (grown, grew)
    }
}

impl Life {
    /// How long it was, and what was held early and late; `None` of one too short to say.
    fn growth(&self) -> Option<(f64, Held, Held)> {
        let (first, last) = (self.looks.first()?.0, self.looks.last()?.0);
        let settled: Vec<Held> =
            self.looks.iter().filter(|(at_s, _)| at_s - first >= SETTLES_S).map(|(_, held)| *held).collect();
        if settled.len() < LEAST_LOOKS {
            return None;
        }
        let third = settled.len() / 3;
        Some((last - first, Held::median(&settled[..third]), Held::median(&settled[settled.len() - third..])))
    }
}

impl Held {
    const PARTS: [Part; 4] = [
        ("resident MiB", |held| held.resident_mib),
        ("open files", |held| held.files),
        ("threads", |held| held.threads),
        ("MiB on disk", |held| held.disk_mib),
    ];

    /// What the kernel says of a process; `None` if it is gone.
    fn of(pid: u32, folder: &Path) -> Option<Self> {
        let usage = jxz_observe::process_usage_of(pid)?;
        Some(Self {
            resident_mib: usage.resident_bytes as f64 / f64::from(1 << 20),
            threads: usage.threads.into(),
            files: std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as f64,
            disk_mib: bytes_in(folder) as f64 / f64::from(1 << 20),
        })
    }

    fn median(looks: &[Self]) -> Self {
        let of = |part: fn(&Self) -> f64| {
            let mut values: Vec<f64> = looks.iter().map(part).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or_default()
        };
        let [resident_mib, files, threads, disk_mib] = Self::PARTS.map(|(_, part)| of(part));
        Self { resident_mib, files, threads, disk_mib }
    }
}

impl Growth {
    fn beyond(&self) -> Vec<String> {
        let grew = |(name, part): &Part| {
            let (early, late) = (part(&self.early), part(&self.late));
            (late > part(&FULL) && late > early * (1.0 + MAY_GROW_SHARE) + part(&MAY_GROW))
                .then(|| format!("{}: {name} from {early:.1} to {late:.1} in {:.0} s", self.daemon, self.lived_s))
        };
        Held::PARTS.iter().filter_map(grew).collect()
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<26} {:>8.0}", self.daemon, self.lived_s)?;
        for ((_, part), width) in Held::PARTS.iter().zip([16, 12, 12, 16]) {
            let change = format!("{:.0} to {:.0}", part(&self.early), part(&self.late));
            write!(f, " {change:>width$}")?;
        }
        Ok(())
    }
}

/// Bytes of all files in a folder that may change meanwhile.
fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |entry: std::fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() && entry.file_name() == NOT_COUNTED => 0,
        Ok(kind) if kind.is_dir() => bytes_in(&entry.path()),
        _ => entry.metadata().map_or(0, |metadata| metadata.len()),
    };
    entries.map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(resident_mib: impl Fn(f64) -> f64, until_s: u32) -> Life {
        let at = |k: u32| f64::from(k) * PERIOD_S;
        let held = |s: f64| Held { resident_mib: resident_mib(s), files: 40.0, threads: 8.0, disk_mib: 9.0 };
        Life { looks: (0..until_s / 5).map(|k| (at(k), held(at(k)))).collect() }
    }

    fn judged(lives: Vec<Life>) -> (usize, Vec<String>) {
        let watch = Watch { next_s: 0.0, lives: BTreeMap::from([("a-node".to_owned(), lives)]) };
        let (daemons, grew) = watch.judge();
        (daemons.len(), grew)
    }

    #[test]
    fn what_fills_up_and_stays_is_flat_and_what_leaks_is_not() {
        let fills = |s: f64| 30.0 + (s / 2.0).min(30.0) + (s * 0.7).sin();
        assert_eq!(judged(vec![life(fills, 900)]), (1, vec![]));
        let leaks = |s: f64| 40.0 + 0.02 * s;
        let (_, grew) = judged(vec![life(leaks, 900)]);
        assert!(matches!(grew.as_slice(), [one] if one.starts_with("a-node: resident MiB from 4")), "{grew:?}");
    }

    #[test]
    fn a_folder_fills_up_to_its_bounds_and_no_further() {
        let grown = |from, to| {
            let held = |disk_mib| Held { resident_mib: 40.0, files: 20.0, threads: 6.0, disk_mib };
            let (daemon, early, late) = ("a-node".to_owned(), held(from), held(to));
            Growth { daemon, lived_s: 900.0, early, late }.beyond().len()
        };
        assert_eq!((grown(4.0, 17.0), grown(17.0, 18.0), grown(17.0, 26.0)), (0, 0, 1));
    }

    #[test]
    fn a_life_too_short_says_nothing_and_the_longest_is_judged() {
        assert_eq!(judged(vec![life(|s| s, 150)]), (0, vec![]));
        let (daemons, grew) = judged(vec![life(|_| 40.0, 600), life(|s| 2.0 * s, 300)]);
        assert_eq!((daemons, grew.len()), (1, 0), "the short one is not what is judged");
    }

    #[test]
    fn a_process_tells_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), vec![0; 1 << 20]).unwrap();
        std::fs::create_dir(folder.path().join(NOT_COUNTED)).unwrap();
        std::fs::write(folder.path().join(NOT_COUNTED).join("b"), vec![0; 1 << 20]).unwrap();
        let held = Held::of(std::process::id(), folder.path()).unwrap();
        assert!(held.resident_mib > 1.0 && held.threads >= 1.0 && held.files >= 3.0, "{held:?}");
        assert!((held.disk_mib - 1.0).abs() < 1e-9, "{held:?}");
        assert!(Held::of(0, folder.path()).is_none());
    }
}
