//! The spool on the real file system.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use core::time::Duration;
use jxz_spool::{Importance, Limits, Spool, SpoolError};
use jxz_units::Utc;
use std::fs;

const NOW: Utc = Utc::from_unix_ms(1_786_270_272_000);

fn later(s: u64) -> Utc {
    NOW + Duration::from_secs(s)
}

#[test]
fn records_come_back_in_order_after_a_restart_and_settled_files_go() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("spool");
    let mut spool = Spool::open_dir(&folder, Limits::default(), NOW).unwrap();
    let ids: Vec<u64> = (0..100_u8).map(|n| spool.append(NOW, Importance::Warning, vec![n; 100]).unwrap()).collect();
    assert_eq!(spool.take_next().unwrap(), None, "not before it is durable");
    spool.commit(NOW).unwrap();
    for _ in 0..10 {
        let first = spool.take_next().unwrap().unwrap();
        spool.acknowledge(first.id);
    }
    spool.commit(later(6)).unwrap();
    // Given out, never answered, and the process is gone.
    spool.take_next().unwrap().unwrap();
    drop(spool);

    let mut spool = Spool::open_dir(&folder, Limits::default(), later(7)).unwrap();
    let stats = spool.stats();
    assert_eq!((stats.pending, stats.recovered, stats.oldest), (90, 90, Some(NOW)));
    for (id, n) in ids.iter().zip(0..).skip(10) {
        let got = spool.take_next().unwrap().unwrap();
        assert_eq!((got.id, got.record), (*id, vec![n; 100]));
        spool.acknowledge(got.id);
    }
    spool.commit(later(20)).unwrap();
    let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_str().unwrap().starts_with("segment")), "{names:?}");
    // With nothing left on disk but the ledger, ids go on.
    drop(spool);
    let mut spool = Spool::open_dir(&folder, Limits::default(), later(21)).unwrap();
    assert!(spool.append(later(21), Importance::Health, vec![]).unwrap() > *ids.last().unwrap());
}

#[test]
fn a_folder_is_one_process_s() {
    let home = tempfile::tempdir().unwrap();
    let _first = Spool::open_dir(home.path(), Limits::default(), NOW).unwrap();
    let second = Spool::open_dir(home.path(), Limits::default(), NOW);
    assert!(matches!(second, Err(SpoolError::InUse { .. })));
}

#[test]
fn beyond_its_bytes_health_goes_first_and_urgent_warnings_stay() {
    let home = tempfile::tempdir().unwrap();
    let limits = Limits { max_bytes: 256 << 10, ..Limits::default() };
    let mut spool = Spool::open_dir(home.path(), limits, NOW).unwrap();
    for n in 0..1000_u32 {
        let importance = if n % 4 == 0 { Importance::Urgent } else { Importance::Health };
        spool.append(NOW, importance, vec![7; 500]).unwrap();
        spool.commit(NOW).unwrap();
        let on_disk: u64 = fs::read_dir(home.path()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
        assert!(on_disk <= limits.max_bytes, "{on_disk}");
    }
    let stats = spool.stats();
    assert_eq!(stats.dropped[4], 0, "{stats:?}");
    assert!(stats.dropped[0] > 400, "{stats:?}");
    assert_eq!(stats.pending + stats.dropped[0], 1000);
}

#[test]
fn what_is_too_old_goes_and_what_is_too_large_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let limits = Limits { max_age: Duration::from_secs(60), ..Limits::default() };
    let mut spool = Spool::open_dir(home.path(), limits, NOW).unwrap();
    spool.append(NOW, Importance::Urgent, vec![1]).unwrap();
    spool.append(later(50), Importance::Health, vec![2]).unwrap();
    spool.commit(later(61)).unwrap();
    assert_eq!(spool.take_next().unwrap().unwrap().record, [2]);
    assert_eq!(spool.stats().dropped, [0, 0, 0, 0, 1]);
    let error = spool.append(NOW, Importance::Urgent, vec![0; 2 << 20]).unwrap_err();
    assert!(error.to_string().contains("2097152 bytes"), "{error}");
}
