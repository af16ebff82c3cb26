//! Ingest: scans and signals from the site's sensors and signal controller, over UDP, TCP and MQTT.
//!
//! [`Gate`] is the pure, checked part: bytes and the time in, a scan or nothing out, everything dropped counted by
//! cause. [`Listener`] puts a socket and a bounded queue around it; [`Adapter`]s are further ways in, through the same
//! gate into the same queue.

mod adapter;
mod gate;
mod listener;
mod window;

pub use adapter::{
    Adapter, AdapterError, FrameSplitter, Mapping, MappingError, MqttSettings, OversizeFrame, StreamSettings,
    read_frame,
};
pub use gate::{Gate, Ingested, MAX_AGE, MAX_AHEAD};
pub use listener::{ListenError, Listener};
