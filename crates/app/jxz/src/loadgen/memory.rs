//! The cloud's memory over time, as the kernel sees it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

const EVERY: Duration = Duration::from_millis(500);
const MIB: f64 = (1 << 20) as f64;

/// Memory over a stage.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub(super) struct Memory {
    pub(super) first_mib: f64,
    pub(super) last_mib: f64,
    /// By least squares over the stage.
    pub(super) slope_mib_per_min: f64,
}

/// A sampler of a process's resident memory.
pub(super) struct Sampler {
    process: Option<u32>,
    started: Instant,
    samples: JoinHandle<()>,
    taken: Arc<Mutex<Vec<(f64, f64)>>>,
}

impl Sampler {
    pub(super) fn start(process: Option<u32>) -> Self {
        let (started, taken) = (Instant::now(), Arc::<Mutex<Vec<_>>>::default());
        let samples = tokio::spawn({
            let taken = Arc::clone(&taken);
            async move {
                let mut ticks = tokio::time::interval(EVERY);
                loop {
                    ticks.tick().await;
                    if let Some(mib) = process.and_then(resident_mib) {
                        let at_s = started.elapsed().as_secs_f64();
                        taken.lock().unwrap_or_else(PoisonError::into_inner).push((at_s, mib));
                    }
                }
            }
        });
        Self { process, started, samples, taken }
    }

    /// What it saw; `None` where the system has no `/proc`.
    pub(super) fn stop(self) -> Option<Memory> {
        self.samples.abort();
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone();
        taken.extend(self.process.and_then(resident_mib).map(|mib| (self.started.elapsed().as_secs_f64(), mib)));
        Memory::of(&taken)
    }
}

impl Memory {
    fn of(samples: &[(f64, f64)]) -> Option<Self> {
        let ((_, first_mib), (_, last_mib)) = (samples.first()?, samples.last()?);
        let n = samples.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| samples.iter().map(of).sum::<f64>() / n;
        let (mean_s, mean_mib) = (mean(|s| s.0), mean(|s| s.1));
        let (along, spread) = samples.iter().fold((0.0, 0.0), |(along, spread), (at_s, mib)| {
            let from_mean_s = at_s - mean_s;
            (along + from_mean_s * (mib - mean_mib), spread + from_mean_s * from_mean_s)
        });
        let slope_mib_per_min = if spread > 0.0 { 60.0 * along / spread } else { 0.0 };
        Some(Self { first_mib: *first_mib, last_mib: *last_mib, slope_mib_per_min })
    }
}

fn resident_mib(process: u32) -> Option<f64> {
    Some(jxz_observe::process_usage_of(process)?.resident_bytes as f64 / MIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_is_that_of_the_line_through_the_samples() {
        let memory = Memory::of(&[(0.0, 100.0), (30.0, 102.0), (60.0, 104.0)]).unwrap();
        assert_eq!((memory.first_mib, memory.last_mib), (100.0, 104.0));
        assert!((memory.slope_mib_per_min - 4.0).abs() < 1e-9);
        assert!(Memory::of(&[(1.0, 5.0)]).unwrap().slope_mib_per_min.abs() < 1e-9 && Memory::of(&[]).is_none());
    }
}
