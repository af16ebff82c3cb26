//! A vendor's JSON from an MQTT broker. The broker is on the site's own network, or on the unit itself.

use super::json::{MAX_JSON_BYTES, read_frame};
use super::{AdapterError, Mapping};
use crate::listener::Feed;
use jxz_world::DropCause;
use rumqttc::mqttbytes::Error as PacketError;
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, NetworkOptions, Packet, QoS, StateError,
    SubscribeFilter, SubscribeReasonCode, valid_filter,
};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A packet of more is not taken in: the connection to the broker ends over it, and is made again. Messages between
/// [`MAX_JSON_BYTES`] and this are dropped, and the connection stays.
const MAX_PACKET_BYTES: usize = 4 * MAX_JSON_BYTES;
/// A broker that says nothing for one and a half times this is given up.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// From one attempt to connect to the next.
const RETRY: Duration = Duration::from_secs(1);
const REQUESTS: usize = 8;
const MAX_TOPICS: usize = 32;

/// Which broker, which topics, and how to read what comes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MqttSettings {
    /// Host and port of the broker, resolved at each attempt to connect. Without TLS: the site's own network.
    pub broker: String,
    /// Topics to subscribe to; `+` and `#` as MQTT has them.
    pub topics: Vec<String>,
    /// The mapping file (`docs/sensor-adapters.md`).
    pub mapping: PathBuf,
    /// User name at the broker.
    #[serde(default)]
    pub username: Option<String>,
    /// File with the password in its first line.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
}

/// A connection to be made, with what is needed to read what comes over it.
pub(super) struct Client {
    requests: AsyncClient,
    events: EventLoop,
    filters: Vec<SubscribeFilter>,
    mapping: Mapping,
    broker: String,
}

impl Client {
    pub(super) fn new(settings: &MqttSettings) -> Result<Self, AdapterError> {
        let wrong = |what: String| Err(AdapterError::Settings(what));
        let port = settings.broker.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
        let Some((host, port)) = port.filter(|(host, _)| !host.is_empty()) else {
            return wrong(format!("broker `{}` is not HOST:PORT", settings.broker));
        };
        if settings.topics.is_empty() || settings.topics.len() > MAX_TOPICS {
            return wrong(format!("{} topics; 1 to {MAX_TOPICS} can be subscribed to", settings.topics.len()));
        }
        if let Some(topic) = settings.topics.iter().find(|topic| !valid_filter(topic)) {
            return wrong(format!("`{topic}` is not a topic to subscribe to"));
        }
        let text = read(&settings.mapping)?;
        let mapping =
            Mapping::parse(&text).map_err(|source| AdapterError::Mapping { path: settings.mapping.clone(), source })?;

        // No name: the broker makes one up, and keeps nothing for us while we are away.
        let mut options = MqttOptions::new("", host.trim_matches(['[', ']']), port);
        options.set_keep_alive(KEEP_ALIVE).set_clean_session(true);
        options.set_max_packet_size(MAX_PACKET_BYTES, MAX_PACKET_BYTES);
        match (&settings.username, &settings.password_file) {
            (Some(username), Some(file)) => {
                let password = read(file)?;
                options.set_credentials(username, password.lines().next().unwrap_or_default());
            }
            (Some(username), None) => {
                options.set_credentials(username, "");
            }
            (None, Some(_)) => return wrong("password_file needs a username".to_owned()),
            (None, None) => {}
        }
        let (requests, mut events) = AsyncClient::new(options, REQUESTS);
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        events.set_network_options(network);
        // At most once: what is sent again comes too late.
        let filters =
            settings.topics.iter().map(|topic| SubscribeFilter::new(topic.clone(), QoS::AtMostOnce)).collect();
        Ok(Self { requests, events, filters, mapping, broker: settings.broker.clone() })
    }

    /// Runs until the node takes nothing any more.
    pub(super) async fn run(mut self, feed: Feed) {
        let mut said = false;
        loop {
            match self.events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    tracing::info!(broker = self.broker, "connected to the sensors' broker");
                    said = false;
                    // A new session knows no subscriptions. This task alone sends requests, and empties them by polling.
                    if let Err(error) = self.requests.try_subscribe_many(self.filters.clone()) {
                        tracing::error!(%error, broker = self.broker, "subscribe");
                    }
                }
                Ok(Event::Incoming(Packet::SubAck(answer))) => {
                    let refused =
                        answer.return_codes.iter().filter(|code| **code == SubscribeReasonCode::Failure).count();
                    if refused > 0 {
                        tracing::error!(refused, broker = self.broker, "the broker refuses to let us hear topics");
                    }
                }
                Ok(Event::Incoming(Packet::Publish(message))) => {
                    let going_on = match read_frame(&self.mapping, &message.payload) {
                        Ok(frame) => feed.frame(&frame),
                        Err(cause) => feed.drop_one(cause),
                    };
                    if !going_on {
                        return;
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    if is_oversize(&error) {
                        feed.drop_one(DropCause::SensorOversize);
                    }
                    if !said {
                        tracing::warn!(%error, broker = self.broker, "no connection to the sensors' broker; trying again");
                        said = true;
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }
}

const fn is_oversize(error: &ConnectionError) -> bool {
    matches!(error, ConnectionError::MqttState(StateError::Deserialization(PacketError::PayloadSizeLimitExceeded(_))))
}

fn read(path: &Path) -> Result<String, AdapterError> {
    std::fs::read_to_string(path).map_err(|source| AdapterError::File { path: path.to_owned(), source })
}
