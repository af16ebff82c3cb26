//! What can go wrong at a node's start.

use jxz_fusion::FusionError;
use jxz_plausibility::ConfigError;
use jxz_world::SiteId;

/// Why a node cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EdgeError {
    /// The map has no such site.
    #[error("site `{0}` is not in the map; `jxz map info` lists its sites")]
    UnknownSite(SiteId),
    /// The site's sensors do not make a fusion.
    #[error("site `{site}`: {source}")]
    Fusion {
        /// Which site.
        site: SiteId,
        /// What is wrong with its sensors.
        source: FusionError,
    },
    /// The checks of plausibility cannot begin.
    #[error(transparent)]
    Plausibility(#[from] ConfigError),
    /// A setting is out of its range.
    #[error("setting `{name}` is {value}; it must be above zero and at most {limit}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The largest value that makes sense.
        limit: f64,
    },
}
