//! A run's digest does not depend on the processor: the C library picks other code for its mathematics where fused
//! multiply-add is missing, with other last bits, and nothing that counts may notice.
//!
//! Skipped, with the reason, where that choice cannot be made (it is glibc's on x86-64).

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_tests::{program, succeed};
use serde_json::Value;

/// Has glibc take what it has for processors without AVX2 and FMA.
const WITHOUT_FMA: &str = "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-FMA4,-AVX2_Usable,-FMA_Usable";

fn report(tunables: Option<&str>) -> Value {
    let mut sim = program("jxz");
    sim.args(["sim", "--virtual", "--seed", "7", "--minutes", "0.2"]);
    if let Some(tunables) = tunables {
        sim.env("GLIBC_TUNABLES", tunables);
    }
    serde_json::from_slice(&succeed(&mut sim).stdout).unwrap()
}

#[test]
fn one_digest_with_and_without_fused_multiply_add() {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu")) {
        eprintln!("skipped: only glibc on x86-64 can be told to leave instructions out");
        return;
    }
    let flags = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if !flags.split_whitespace().any(|flag| flag == "fma") {
        eprintln!("skipped: this processor has no fused multiply-add to leave out");
        return;
    }
    let (with, without) = (report(None), report(Some(WITHOUT_FMA)));
    assert_eq!(with["digest"], without["digest"]);
    // And both have seen traffic, or the digest says little.
    assert!(with["road_users"].as_u64().unwrap() > 100, "{with}");
}
