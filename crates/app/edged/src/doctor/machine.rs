//! The machine: clock, disk, radio, ports.

use super::{Finding, Unit};
use crate::Radio;
use jxz_ingest::Adapter;
use jxz_link::{MulticastConfig, MulticastRadio};
use jxz_units::Utc;
use std::fs::File;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// 2026-01-01: this software is younger than any clock before it.
const EARLIEST: Utc = Utc::from_unix_ms(1_767_225_600_000);
/// 2100-01-01.
const LATEST: Utc = Utc::from_unix_ms(4_102_444_800_000);
/// Below this the node's state does not fit.
const LEAST_FREE_BYTES: u64 = 64 << 20;
/// Below this it is time to look where the room has gone.
const LITTLE_FREE_BYTES: u64 = 1 << 30;
/// A disk that takes longer than this to sync is about to fail, or a network away.
const SLOW_SYNC_MS: u128 = 500;
/// Touched by systemd-timesyncd once it has set the clock.
const TIMESYNC_FLAG: &str = "/run/systemd/timesync/synchronized";

pub(super) fn clock(now: Utc) -> Finding {
    if now < EARLIEST || now > LATEST {
        let found = format!("it is {} s since 1970: not this century's", now.unix_ms() / 1000);
        return Finding::fail("clock", found, "set the clock (timedatectl set-ntp true), and see to its battery");
    }
    let advice = "run chrony or ptp4l: sensors and warnings are compared to 50 ms";
    match kernel_says_synchronised() {
        Some(true) => Finding::ok("clock", "synchronised, says the kernel"),
        Some(false) => Finding::fail("clock", "not synchronised, says the kernel", advice),
        None if Path::new(TIMESYNC_FLAG).exists() => Finding::ok("clock", "synchronised, says systemd-timesyncd"),
        None => Finding::warn("clock", "plausible; nobody here can tell whether it is synchronised", advice),
    }
}

/// The kernel's own flag (`adjtimex`), which chrony, ntpd, ptp4l and timesyncd all set; by way of timedated.
fn kernel_says_synchronised() -> Option<bool> {
    let asked = Command::new("timedatectl").args(["show", "--property=NTPSynchronized", "--value"]).output().ok()?;
    match asked.stdout.trim_ascii() {
        b"yes" => Some(true),
        b"no" => Some(false),
        _ => None,
    }
}

pub(super) fn disk(state_dir: &Path) -> Vec<Finding> {
    let there = state_dir.display();
    if !state_dir.exists() {
        let found = format!("{there} is not there yet");
        return vec![Finding::warn("disk", found, "the service makes it at its first start; by hand: mkdir -p")];
    }
    let mut findings = Vec::new();
    match rustix::fs::statvfs(state_dir) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let found = format!("{} MiB free under {there}", free >> 20);
            findings.push(if free < LEAST_FREE_BYTES {
                Finding::fail("disk", found, "make room: the node keeps its records there")
            } else if free < LITTLE_FREE_BYTES {
                Finding::warn("disk", found, "see what fills it (du -x / | sort -n)")
            } else {
                Finding::ok("disk", found)
            });
        }
        Err(error) => findings.push(Finding::warn("disk", format!("cannot ask how full {there} is: {error}"), "df")),
    }
    findings.push(match sync_a_file(state_dir) {
        Ok(ms) if ms > SLOW_SYNC_MS => {
            Finding::warn("disk", format!("a sync took {ms} ms"), "look at the disk's health (smartctl, dmesg)")
        }
        Ok(ms) => Finding::ok("disk", format!("a file is written and synced in {ms} ms")),
        Err(error) => {
            let advice = format!("it must be the service's own: chown jxz-edge: {there}");
            Finding::fail("disk", format!("cannot write under {there}: {error}"), advice)
        }
    });
    findings
}

/// Milliseconds that it takes.
fn sync_a_file(folder: &Path) -> io::Result<u128> {
    let path = folder.join(format!(".doctor-{}", std::process::id()));
    let started = Instant::now();
    let written = File::create(&path).and_then(|mut file| {
        file.write_all(&[0x5a; 4096])?;
        file.sync_all()
    });
    let took = started.elapsed().as_millis();
    let removed = std::fs::remove_file(&path);
    written.and(removed).map(|()| took)
}

pub(super) fn radio(radio: &Radio) -> Finding {
    match radio {
        Radio::Multicast { interface, group } => {
            match MulticastRadio::open(&MulticastConfig { interface: interface.clone(), group: *group }) {
                Ok(_) => Finding::ok("radio", format!("{group} can be joined on {interface}")),
                Err(error) => {
                    Finding::fail("radio", error.to_string(), "`ip link` lists the interfaces; set radio.interface")
                }
            }
        }
        Radio::ImmediateForward { rsu, listen, .. } => match UdpSocket::bind((listen.ip(), 0)) {
            Ok(_) => Finding::warn(
                "radio",
                format!("{} is ours; whether the unit at {rsu} listens, UDP does not tell", listen.ip()),
                "see the unit's own log for what it forwards",
            ),
            Err(error) => {
                let advice = "set radio.listen to an address of this machine (`ip address`)";
                Finding::fail("radio", format!("{}: {error}", listen.ip()), advice)
            }
        },
    }
}

/// The addresses that the node listens on: free, or held by the node that runs.
pub(super) fn ports(unit: &Unit<'_>) -> Vec<Finding> {
    let config = unit.config;
    let mut wanted = vec![("ingest.listen", config.ingest.listen, false), ("uu.listen", config.uu.listen, false)];
    wanted.extend(config.hand_over.as_ref().map(|hand_over| ("hand_over.listen", hand_over.listen, false)));
    for adapter in &config.ingest.adapters {
        if let Adapter::Tcp(settings) = adapter {
            wanted.push(("ingest.adapters", settings.listen, true));
        }
    }
    wanted.into_iter().map(|(key, address, tcp)| port(key, address, tcp, unit.running.is_some())).collect()
}

fn port(key: &str, address: SocketAddr, tcp: bool, running: bool) -> Finding {
    let protocol = if tcp { "TCP" } else { "UDP" };
    let tried = if tcp { TcpListener::bind(address).map(drop) } else { UdpSocket::bind(address).map(drop) };
    match tried {
        Ok(()) if running && address.port() != 0 => {
            let advice = "is the running node started with another configuration? systemctl restart jxz-edge";
            Finding::warn("port", format!("{key} {address} ({protocol}) is free though the node runs"), advice)
        }
        Ok(()) => Finding::ok("port", format!("{key} {address} ({protocol}) is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && running => {
            Finding::ok("port", format!("{key} {address} ({protocol}) is held, and the node runs"))
        }
        Err(error) => {
            let advice = "see who holds it (ss -lnptu), or whether the address is this machine's (ip address)";
            Finding::fail("port", format!("{key} {address} ({protocol}): {error}"), advice)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn a_clock_of_another_century_fails() {
        for ms in [0, 946_684_800_000, 4_200_000_000_000] {
            assert_eq!(clock(Utc::from_unix_ms(ms)).level, Level::Fail, "{ms}");
        }
    }

    #[test]
    fn a_state_folder_that_is_a_file_fails_and_one_that_is_missing_warns() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(disk(folder.path()).last().unwrap().level, Level::Ok);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it leaves nothing behind");
        assert_eq!(disk(&folder.path().join("none"))[0].level, Level::Warn);
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(disk(&file).last().unwrap().level, Level::Fail);
    }

    #[test]
    fn a_port_is_free_or_ours_or_somebody_elses() {
        let held = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = held.local_addr().unwrap();
        assert_eq!(port("uu.listen", address, false, false).level, Level::Fail);
        assert_eq!(port("uu.listen", address, false, true).level, Level::Ok);
        assert_eq!(port("uu.listen", "192.0.2.1:7000".parse().unwrap(), false, true).level, Level::Fail);
        drop(held);
        assert_eq!(port("uu.listen", address, false, false).level, Level::Ok);
    }
}
