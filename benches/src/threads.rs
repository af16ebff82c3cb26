//! Work of the virtual island on several threads.

use jxz_sim::Executor;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many threads, the calling one among them.
#[derive(Debug, Clone, Copy)]
pub struct Threads(pub usize);

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
        std::thread::scope(|scope| {
            for _ in 1..self.0.min(count) {
                scope.spawn(worker);
            }
            worker();
        });
    }
}
