//! What a process uses, from Linux's `/proc`.

use std::fs;
use std::time::Duration;

/// Linux gives times to user space in hundredths of a second, whatever the kernel's own tick (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// What a process uses of its machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessUsage {
    /// Memory that is really there, bytes.
    pub resident_bytes: u64,
    /// Processor time used since the start, in user and kernel mode; to a hundredth of a second.
    pub cpu: Duration,
    /// Threads now.
    pub threads: u32,
}

/// What this process uses now; `None` where there is no `/proc`, or it reads differently.
#[must_use]
pub fn process_usage() -> Option<ProcessUsage> {
    process_usage_of(std::process::id())
}

/// What another process uses now, by its number; `None` where it is gone, there is no `/proc`, or it reads differently.
#[must_use]
pub fn process_usage_of(pid: u32) -> Option<ProcessUsage> {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
    parse(&read("stat")?, &read("status")?)
}

fn parse(stat: &str, status: &str) -> Option<ProcessUsage> {
    // proc(5): the command's name is in brackets and may hold anything, so count from the last one. Fields 14
    // and 15 are then utime and stime, 20 the threads; the first after the name is field 3.
    let (_, rest) = stat.rsplit_once(')')?;
    let field = |n: usize| rest.split_whitespace().nth(n - 3);
    let ticks = field(14)?.parse::<u32>().ok()?.checked_add(field(15)?.parse().ok()?)?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let resident_kib: u64 = resident.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(ProcessUsage {
        resident_bytes: resident_kib.checked_mul(1024)?,
        cpu: TICK * ticks,
        threads: field(20)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194304 9 0 0 0 150 25 0 0 20 0 7 0 100 1000 10";
        let usage = parse(stat, "Name:\ta\nVmRSS:\t    2048 kB\n").unwrap();
        assert_eq!(usage, ProcessUsage { resident_bytes: 2 << 20, cpu: Duration::from_millis(1750), threads: 7 });
        assert_eq!(parse("nonsense", ""), None);
    }

    #[test]
    fn this_process_uses_some_memory_and_a_thread() {
        let usage = process_usage().unwrap();
        assert!(usage.resident_bytes > 100_000 && usage.threads >= 1, "{usage:?}");
    }
}
