//! Logs to standard error.

use std::io::IsTerminal;
use std::str::FromStr;
use tracing_subscriber::EnvFilter;

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people; coloured on a terminal.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = LogError;
    fn from_str(text: &str) -> Result<Self, LogError> {
        match text {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            _ => Err(LogError::Format(text.to_owned())),
        }
    }
}

/// Why logs cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// Not the name of a format.
    #[error("`{0}` is no log format: human or json")]
    Format(String),
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

/// Sends `tracing` events to standard error. `RUST_LOG`, if it is set and not empty, goes before `filter`
/// (`info`, `info,quinn=warn`).
///
/// # Errors
/// A filter that cannot be read, or a second call in one process.
pub fn init_logs(format: LogFormat, filter: &str) -> Result<(), LogError> {
    let chosen = std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty()).unwrap_or_else(|| filter.to_owned());
    let filter =
        EnvFilter::try_new(&chosen).map_err(|error| LogError::Filter { filter: chosen, reason: error.to_string() })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let installed = match format {
        LogFormat::Human => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    installed.map_err(|_| LogError::Again)
}
