//! Other ways in than our own datagrams: whatever comes by them passes the same gate and the same queue.

mod json;
mod mapping;
mod mqtt;
mod stream;

pub use json::read_frame;
pub use mapping::{Mapping, MappingError};
pub use mqtt::MqttSettings;
pub use stream::{FrameSplitter, OversizeFrame, StreamSettings};

use crate::Listener;
use serde::Deserialize;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A way in for sensors that do not send our datagrams, as the configuration says it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Adapter {
    /// Our messages over TCP, each after its length.
    Tcp(StreamSettings),
    /// A vendor's own JSON from an MQTT broker.
    Mqtt(MqttSettings),
}

/// Why an adapter cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdapterError {
    /// The address is taken or is not this machine's.
    #[error("listen for sensors on {address} (TCP): {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A file that the settings name cannot be read.
    #[error("read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The mapping is not one.
    #[error("{} maps nothing: {source}", path.display())]
    Mapping {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: MappingError,
    },
    /// The settings make no sense.
    #[error("MQTT adapter: {0}")]
    Settings(String),
}

impl Listener {
    /// Opens a further way in, on the current tokio runtime. It ends with the listener.
    ///
    /// # Errors
    /// [`AdapterError`]. A broker that cannot be reached is none: it is tried again, for as long as it takes.
    pub fn add(&mut self, adapter: &Adapter) -> Result<(), AdapterError> {
        let Some(feed) = self.feed() else { return Ok(()) };
        match adapter {
            Adapter::Tcp(settings) => {
                let listening = stream::open(settings)?;
                self.tasks.spawn(stream::serve(listening, settings.max_connections, feed));
            }
            Adapter::Mqtt(settings) => {
                let client = mqtt::Client::new(settings)?;
                self.tasks.spawn(client.run(feed));
            }
        }
        Ok(())
    }
}
