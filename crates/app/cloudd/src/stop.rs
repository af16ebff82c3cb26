//! The word to stop, as every task waits for it.

use tokio::sync::watch;

/// Says stop to every [`Stop`].
#[derive(Debug)]
pub(crate) struct Stopper(watch::Sender<bool>);

/// Waits for the word.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

/// The two ends.
pub(crate) fn channel() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Returns once the word is given, also if that was before, or if nobody is left to give it. Safe to cancel.
    pub(crate) async fn told(&mut self) {
        let _nobody_left = self.0.wait_for(|stop| *stop).await.is_err();
    }
}
