//! Logs to standard error, and the last of them to who asks.

use crate::tail::LogTail;
use serde::Deserialize;
use std::io::IsTerminal;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people; coloured on a terminal.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// How a daemon logs, as its configuration file says it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// `human` or `json`.
    pub format: LogFormat,
    /// What to log, as `RUST_LOG` says it (`info`, `info,quinn=warn`): levels, by module where wanted.
    pub filter: String,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { format: LogFormat::default(), filter: "info".to_owned() }
    }
}

/// Why logs cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The filter cannot be read.
    #[error("log filter `{filter}`: {reason}")]
    Filter {
        /// The filter given.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Logs are set up already.
    #[error("logs are set up already")]
    Again,
}

/// Sends `tracing` events to standard error and into [`LogTail::of_process`]. `RUST_LOG`, if it is set and not empty,
/// goes before the settings' filter.
///
/// # Errors
/// A filter that cannot be read, or a second call in one process.
pub fn init_logs(settings: &LogSettings) -> Result<(), LogError> {
    let chosen =
        std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty()).unwrap_or_else(|| settings.filter.clone());
    // `EnvFilter` would also look into spans, and bring a regular expression engine into each program for that.
    let filter: Targets =
        chosen.parse().map_err(|error| LogError::Filter { filter: chosen, reason: format!("{error}") })?;
    let writer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let writer = match settings.format {
        LogFormat::Human => writer.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => writer.json().flatten_event(true).boxed(),
    };
    let layers = tracing_subscriber::registry().with(filter).with(writer).with(LogTail::of_process().layer());
    let installed = layers.try_init();
    installed.map_err(|_| LogError::Again)
}
