//! The threads on which signatures are verified.

use jxz_security::{Algorithm, Job, PublicKey, QueueConfig, SignatureBytes, Software, Verdict, VerifyQueue};
use jxz_security::{Class, VerifySignature};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::mpsc;

/// ECDSA P-256 by ring, about three times as fast as the portable code; SM2 by the portable code.
#[derive(Debug, Clone, Copy, Default)]
pub struct FastVerifier;

impl VerifySignature for FastVerifier {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &SignatureBytes) -> bool {
        match key.algorithm() {
            Algorithm::EcdsaP256 => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.uncompressed()).verify(message, signature).is_ok()
            }
            Algorithm::Sm2 => Software.verify(key, message, signature),
        }
    }
}

/// A fixed number of threads that run [`Job`]s in the order of a [`VerifyQueue`]. What is dropped for want of room is
/// counted. Dropping the pool lets each thread finish the job that it has begun, and waits for that.
#[derive(Debug)]
pub struct VerifyPool<T: Send + 'static> {
    shared: Arc<Shared<T>>,
    workers: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    wake: Condvar,
    overload: AtomicU64,
}

#[derive(Debug)]
struct State<T> {
    queue: VerifyQueue<(Job, T)>,
    is_closed: bool,
}

impl<T> Shared<T> {
    /// A worker never panics while it holds the lock; if one did, the queue is still whole.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count_overload(&self) {
        self.overload.fetch_add(1, Ordering::Relaxed);
    }
}

impl<T: Send + 'static> VerifyPool<T> {
    /// Starts the threads (at least one). Verdicts come out of the channel with whatever was submitted beside the
    /// job; the channel holds as many as the queue, and a verdict that finds it full is lost as overload.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(workers: usize, queue: QueueConfig) -> io::Result<(Self, mpsc::Receiver<(Verdict, T)>)> {
        let (results, verdicts) = mpsc::channel((queue.known + queue.new).max(1));
        let state = State { queue: VerifyQueue::new(queue), is_closed: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), wake: Condvar::new(), overload: AtomicU64::new(0) });
        let mut pool = Self { shared, workers: Vec::new() };
        for number in 0..workers.max(1) {
            let (shared, results) = (pool.shared.clone(), results.clone());
            let thread = std::thread::Builder::new().name(format!("verify-{number}"));
            pool.workers.push(thread.spawn(move || work(&shared, &results))?);
        }
        Ok((pool, verdicts))
    }

    /// Puts a job in; never waits. What comes back is what lay beside the job that found no room, this one or
    /// another: it is overload, and counted.
    pub fn submit(&self, job: Job, beside: T) -> Option<T> {
        let (class, signer): (Class, _) = (job.class(), job.signer());
        let dropped = self.shared.lock().queue.push(class, signer, (job, beside));
        self.shared.wake.notify_one();
        dropped.map(|(_, beside)| {
            self.shared.count_overload();
            beside
        })
    }

    /// Jobs and verdicts lost for want of room so far.
    #[must_use]
    pub fn overload(&self) -> u64 {
        self.shared.overload.load(Ordering::Relaxed)
    }

    /// Jobs waiting.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.lock().queue.len()
    }
}

impl<T: Send + 'static> Drop for VerifyPool<T> {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.wake.notify_all();
        for worker in self.workers.drain(..) {
            // A worker that panicked has said so on stderr already.
            let _ = worker.join();
        }
    }
}

fn work<T>(shared: &Shared<T>, results: &mpsc::Sender<(Verdict, T)>) {
    loop {
        let mut state = shared.lock();
        let (job, beside) = loop {
            if state.is_closed {
                return;
            }
            match state.queue.pop() {
                Some(next) => break next,
                None => state = shared.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        };
        drop(state);
        if results.try_send((job.run_with(&FastVerifier), beside)).is_err() {
            shared.count_overload();
        }
    }
}
