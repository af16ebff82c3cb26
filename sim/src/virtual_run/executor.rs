//! Who does independent pieces of work: one after the other here, several at once where threads are allowed.

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
