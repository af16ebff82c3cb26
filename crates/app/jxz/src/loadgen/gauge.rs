//! What the cloud says of itself at `/metrics`.

use anyhow::Context;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(super) struct Gauge {
    url: String,
    agent: ureq::Agent,
}

/// Samples by name with labels, as the text has them.
#[derive(Debug, Clone)]
pub(super) struct Reading(BTreeMap<String, f64>);

impl Gauge {
    pub(super) fn new(http: SocketAddr) -> Self {
        let agent = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).build().new_agent();
        Self { url: format!("http://{http}/metrics"), agent }
    }

    pub(super) async fn read(&self) -> anyhow::Result<Reading> {
        let this = self.clone();
        let ask = move || -> anyhow::Result<String> {
            let mut answer = this.agent.get(&this.url).call().with_context(|| format!("cannot read {}", this.url))?;
            answer.body_mut().with_config().limit(64 << 20).read_to_string().context("cannot read the metrics")
        };
        Ok(Reading::parse(&tokio::task::spawn_blocking(ask).await??))
    }
}

impl Reading {
    fn parse(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self(samples.collect())
    }

    /// A sample's value; 0 if it is not there, as counters that never counted are not.
    pub(super) fn value(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(0.0)
    }

    /// The value of every sample of a name whose only label is this one, by the label's value.
    pub(super) fn by_label(&self, name: &str, label: &str) -> BTreeMap<String, f64> {
        let head = format!("{name}{{{label}=\"");
        let of = |(sample, value): (&String, &f64)| {
            Some((sample.strip_prefix(&head)?.strip_suffix("\"}")?.to_owned(), *value))
        };
        self.0.iter().filter_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_found_by_name_and_label() {
        let text =
            "# HELP a b\na_total 3\nd_bucket{le=\"0.1\"} 4\nd_bucket{le=\"+Inf\"} 5\nx{le=\"1\",b=\"2\"} 9\n# EOF\n";
        let reading = Reading::parse(text);
        assert_eq!((reading.value("a_total"), reading.value("none")), (3.0, 0.0));
        let buckets = reading.by_label("d_bucket", "le");
        assert_eq!(buckets.into_iter().collect::<Vec<_>>(), [("+Inf".to_owned(), 5.0), ("0.1".to_owned(), 4.0)]);
    }
}
