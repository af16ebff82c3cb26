//! Who does independent pieces of work: one after the other here, several at once where threads are allowed.

use std::sync::Mutex;

/// Does pieces of work that do not touch each other. A pure crate has no threads: whoever has them passes them in.
pub trait Executor: Send + Sync {
    /// Calls `work` once with each number below `count`, in any order and perhaps at the same time, and returns when
    /// all calls have.
    fn run(&self, count: usize, work: &(dyn Fn(usize) + Sync));
}

/// One after the other, in order.
#[derive(Debug, Clone, Copy, Default)]
pub struct Serial;

impl Executor for Serial {
    fn run(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        (0..count).for_each(work);
    }
}

/// Something to be done once.
pub(crate) type Job<'a> = Box<dyn FnOnce() + Send + 'a>;

/// Has each job done, perhaps several at the same time; the longest should come first.
pub(crate) fn run_all(executor: &dyn Executor, jobs: Vec<Job<'_>>) {
    let jobs: Vec<Mutex<Option<Job<'_>>>> = jobs.into_iter().map(|job| Mutex::new(Some(job))).collect();
    executor.run(jobs.len(), &|number| {
        // Nobody else holds it, so it cannot be poisoned.
        let job = jobs[number].lock().ok().and_then(|mut job| job.take());
        if let Some(job) = job {
            job();
        }
    });
}
