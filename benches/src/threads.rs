//! Work of the virtual island on several threads.

use jxz_sim::Executor;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many threads, the calling one among them. The others wait between the pieces of work, of which there are a few
/// hundred a simulated second.
#[derive(Debug)]
pub struct Threads(Option<rayon::ThreadPool>);

impl Threads {
    /// `count` in all.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn new(count: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        let others = count.saturating_sub(1);
        let pool = (others > 0).then(|| rayon::ThreadPoolBuilder::new().num_threads(others).build()).transpose()?;
        Ok(Self(pool))
    }
}

impl Executor for Threads {
    fn run(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        let next = AtomicUsize::new(0);
        let worker = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return;
                }
                work(number);
            }
        };
        let Some(pool) = &self.0 else { return worker() };
        pool.in_place_scope(|scope| {
            for _ in 0..pool.current_num_threads().min(count.saturating_sub(1)) {
                scope.spawn(|_| worker());
            }
            worker();
        });
    }
}
