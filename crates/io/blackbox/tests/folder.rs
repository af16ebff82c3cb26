//! A live recorder's folder: bounded, with clips apart, and none of the disk's troubles reach the brain.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::{START, frame, urgent};
use jxz_blackbox::{BlackBox, Entry, Handled, Recording, Settings, Stats, parts_before};
use jxz_wire::journal::v1::{Gap, Head};
use std::path::{Path, PathBuf};

const BOOT: u64 = 1_786_270_272_000;

fn head() -> Head {
    Head { format: jxz_blackbox::FORMAT, boot: BOOT, started_utc_ns: START.unix_ns(), ..Head::default() }
}

/// Room for all that a test says: what finds none is what the test is about.
fn settings(folder: &Path) -> Settings {
    Settings { queue: 100_000, ..Settings::new(folder.to_owned()) }
}

fn record(settings: Settings, steps: impl Iterator<Item = Handled>) -> Stats {
    let mut black_box = BlackBox::start(settings, head()).unwrap();
    steps.for_each(|step| black_box.record(step));
    black_box.finish()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

fn bytes(files: &[PathBuf]) -> u64 {
    files.iter().map(|file| std::fs::metadata(file).unwrap().len()).sum()
}

/// The numbers of a recording's steps, and its gaps.
fn numbers(files: &[PathBuf]) -> (Vec<u64>, Vec<Gap>) {
    let (mut numbers, mut gaps) = (Vec::new(), Vec::new());
    for entry in Recording::open(files).unwrap() {
        match entry.unwrap() {
            Entry::Step(step) => numbers.push(step.number),
            Entry::Gap(gap) => gaps.push(gap),
            _ => {}
        }
    }
    (numbers, gaps)
}

#[test]
fn the_ring_keeps_to_its_size_and_its_files_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { max_bytes: 2 << 20, ..settings(folder.path()) };
    let stats = record(settings, (0..1500).map(|number| frame(number, 10_000)));
    let ring = files(&folder.path().join("ring"));
    assert!(bytes(&ring) <= 2 << 20, "{} bytes", bytes(&ring));
    assert_eq!((stats.files, stats.bytes), (ring.len() as u64, bytes(&ring)));
    assert!(stats.deleted > 10 && stats.dropped + stats.lost + stats.errors == 0, "{stats:?}");
    let (numbers, gaps) = numbers(&ring);
    assert_eq!((gaps.len(), numbers.last()), (0, Some(&1499)));
    assert_eq!(numbers.len() as u64, 1500 - numbers[0], "none is missing from the first that is there");
    assert!(numbers[0] > 0 && parts_before(&ring[1]).is_none(), "its beginning is gone");
}

#[test]
fn a_boot_that_is_still_there_whole_is_found_from_any_of_its_files() {
    let folder = tempfile::tempdir().unwrap();
    record(settings(folder.path()), (0..1500).map(|number| frame(number, 100)));
    let ring = files(&folder.path().join("ring"));
    assert_eq!(ring.len(), 3, "a file a minute");
    assert_eq!(parts_before(&ring[2]), Some(ring.clone()));
    assert_eq!(parts_before(&ring[1]), Some(ring[..2].to_vec()));
    assert_eq!(numbers(&ring).0, (0..1500).collect::<Vec<_>>());
    let wrong = Recording::open(&[ring[0].clone(), ring[2].clone()]).unwrap().find_map(Result::err).unwrap();
    assert!(wrong.to_string().contains("does not go on where"), "{wrong}");
}

#[test]
fn what_is_too_old_goes() {
    let folder = tempfile::tempdir().unwrap();
    let max_age = std::time::Duration::from_secs(300);
    let settings = Settings { max_age, ..settings(folder.path()) };
    record(settings, (0..6000).map(|number| frame(number, 10)));
    let first = numbers(&files(&folder.path().join("ring"))).0[0];
    assert!((2200..=3000).contains(&first), "ten minutes, of which five are kept: from {first} on");
}

#[test]
fn an_urgent_warning_keeps_what_was_around_it_when_the_ring_has_moved_on() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { max_bytes: 2 << 20, max_clips: 2, ..settings(folder.path()) };
    let is_urgent = |number: u64| [300, 330, 600, 900].contains(&number);
    let step = |number| if is_urgent(number) { urgent(frame(number, 5000), number) } else { frame(number, 5000) };
    let stats = record(settings, (0..2000).map(step));
    let clips = files(&folder.path().join("clips"));
    assert_eq!(
        (clips.len(), stats.clips, stats.clips_deleted),
        (2, 2, 1),
        "the first is gone, for there is room for two"
    );
    for (clip, at) in clips.iter().zip([600, 900]) {
        assert!(clip.display().to_string().contains(&format!("{at:016x}")), "{}", clip.display());
        let (numbers, gaps) = numbers(std::slice::from_ref(clip));
        let (first, last) = (numbers[0], numbers[numbers.len() - 1]);
        assert_eq!((first, last, gaps.len()), (at - 200, at + 100, 0), "20 s before it, 10 s after it");
        let mut warned = Recording::open(std::slice::from_ref(clip)).unwrap();
        assert!(warned.any(|entry| matches!(entry, Ok(Entry::Warning(..)))));
    }
    let ring = numbers(&files(&folder.path().join("ring"))).0;
    assert!(ring[0] > 1000, "the ring itself has none of that any more");
}

#[test]
fn urgent_warnings_one_after_the_other_make_one_clip() {
    let folder = tempfile::tempdir().unwrap();
    let step =
        |number| if number == 300 || number == 350 { urgent(frame(number, 10), number) } else { frame(number, 10) };
    record(settings(folder.path()), (0..700).map(step));
    let clips = files(&folder.path().join("clips"));
    let (numbers, _) = numbers(&clips);
    assert_eq!((clips.len(), numbers[0], numbers[numbers.len() - 1]), (1, 100, 450));
}

#[test]
fn a_queue_that_is_full_drops_the_newest_and_marks_the_gap() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { queue: 1, ..settings(folder.path()) };
    // Said in a moment what takes the thread many: most of it finds no room.
    let stats = record(settings, (0..400).map(|number| frame(number, 200_000)));
    assert!(stats.dropped > 0, "{stats:?}");
    let (numbers, gaps) = numbers(&files(&folder.path().join("ring")));
    let missing: u64 = gaps.iter().map(|gap| gap.count).sum();
    let trailing = 399 - numbers[numbers.len() - 1];
    assert_eq!((numbers.len() as u64 + missing + trailing, stats.dropped), (400, missing + trailing));
    assert!(gaps.iter().all(|gap| gap.why == "queue"), "{gaps:?}");
}

#[test]
fn a_folder_that_cannot_be_written_is_counted_and_recording_goes_on_when_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("black_box");
    std::fs::write(&place, "in the way").unwrap();
    let mut black_box = BlackBox::start(settings(&place), head()).unwrap();
    for number in 0..100 {
        black_box.record(frame(number, 100));
    }
    while black_box.stats().lost < 100 {
        std::thread::yield_now();
    }
    let stats = black_box.stats();
    assert!(stats.errors >= 2 && stats.last_error.is_some_and(|said| said.contains("black_box")), "tried again");
    std::fs::remove_file(&place).unwrap();
    for number in 100..300 {
        black_box.record(frame(number, 100));
    }
    let stats = black_box.finish();
    assert!(stats.last_error.is_none() && stats.steps >= 100, "{stats:?}");
    let ring = files(&place.join("ring"));
    let (numbers, _) = numbers(&ring);
    assert!((100..=160).contains(&numbers[0]) && numbers.last() == Some(&299), "from {} on", numbers[0]);
    let begins = Recording::open(&ring).unwrap().head().steps_before;
    assert_eq!(begins, numbers[0], "it does not pretend to begin with the boot");
}

#[test]
fn a_file_cut_off_by_a_crash_is_read_up_to_its_last_flush() {
    let folder = tempfile::tempdir().unwrap();
    let mut black_box = BlackBox::start(settings(folder.path()), head()).unwrap();
    for number in 0..200 {
        black_box.record(frame(number, 1000));
    }
    while black_box.stats().steps < 200 {
        std::thread::yield_now();
    }
    // As it lies on the disk while the node lives, which is what a kill leaves.
    let copy = folder.path().join("copy.mcap");
    std::fs::copy(&files(&folder.path().join("ring"))[0], &copy).unwrap();
    let (mut steps, mut failed) = (0, false);
    for entry in Recording::open(&[copy]).unwrap() {
        match entry {
            Ok(Entry::Step(_)) => steps += 1,
            Ok(_) => {}
            Err(_) => failed = true,
        }
    }
    assert!(failed && (180..=200).contains(&steps), "{steps} steps");
    drop(black_box);
}
