//! The signal to stop.

use std::io;
use tokio::signal::unix::{SignalKind, signal};

/// Ready once SIGINT (Ctrl-C) or SIGTERM has come. From this call on neither ends the process by itself.
///
/// # Errors
/// The system does not let us listen. Must be called within a tokio runtime.
pub fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
