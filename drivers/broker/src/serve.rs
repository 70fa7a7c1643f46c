//! The listening broker: from the configuration to `ready`, and down again in order.

use std::io;
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fieldrail_driver::Outbox;
use mqtt5::broker::config::{TlsConfig, WebSocketConfig};
use mqtt5::broker::router::MessageRouter;
use mqtt5::broker::{
    BrokerConfig, BrokerShutdownHandle, DynamicStorage, MqttBroker, StorageBackend as _, StorageBackendType,
    StorageConfig,
};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::access::Access;
use crate::config::{Config, Endpoints};
use crate::error::Error;
use crate::link::{CLIENT_PROPERTY, Lanes, Link};
use crate::pace::Pace;
use crate::topics::Topics;

/// Set by the broker on what a logged-in client publishes: its user name.
const SENDER_PROPERTY: &str = "x-mqtt-sender";

/// The most subscriptions of one client.
const MAX_SUBSCRIPTIONS: usize = 1000;

/// Messages of quality of service 1 and 2 that one client may have open.
const RECEIVE_MAXIMUM: u16 = 256;

/// Messages that may wait for one connected client that reads too slowly; then those of quality of service 0 are dropped.
const CLIENT_LANE: usize = 8192;

/// Bytes that may wait for one absent client.
const MAX_QUEUED_BYTES: usize = 16 * 1024 * 1024;

/// How long an orderly end may take.
const LAST_WORDS: Duration = Duration::from_secs(4);

/// A broker that runs.
pub(crate) struct Serving {
    pub(crate) link: Link,
    pub(crate) router: Arc<MessageRouter>,
    pub(crate) task: JoinHandle<Result<(), mqtt5::MqttError>>,
    shutdown: BrokerShutdownHandle,
}

/// What a start needs.
pub(crate) struct Start<'a> {
    pub(crate) config: &'a Config,
    pub(crate) endpoints: &'a Endpoints,
    pub(crate) folder: Option<&'a Path>,
    pub(crate) access: &'a Arc<Access>,
    pub(crate) topics: &'a Arc<Mutex<Topics>>,
    pub(crate) outbox: Outbox,
}

/// Starts the broker; it accepts connections when this returns.
pub(crate) async fn start(start: Start<'_>) -> Result<Serving, Error> {
    for (_, address) in start.endpoints.all() {
        // The library's own error does not say which address and why.
        TcpListener::bind(address).map_err(|source| Error::Listen { address, source })?;
    }
    let lanes = Lanes::new();
    let pace = Pace { outbox: start.outbox.clone(), topics: Arc::clone(start.topics), lane: lanes.lane() };
    let mut config = broker_config(start.config, start.endpoints, storage(start.config, start.folder)?);
    config.event_handler = Some(Arc::new(pace));
    let broker = MqttBroker::with_config(config).await.map_err(Error::Start)?;
    let mut broker = broker.with_auth_provider(Arc::clone(start.access) as Arc<_>);
    if let Some(storage) = broker.storage() {
        forget_revoked(&storage, start.access).await.map_err(Error::Start)?;
    }
    let (router, shutdown, mut ready) = (broker.router(), broker.shutdown_handle(), broker.ready_receiver());
    let mut task = tokio::task::spawn_local(async move { broker.run().await });
    tokio::select! {
        ended = &mut task => return Err(ended_early(ended)),
        // An error means that the broker is gone; its task says why when it is asked next.
        _ = ready.wait_for(|ready| *ready) => {}
    }
    let link = Link::open(Arc::clone(&router), lanes, start.outbox).await.map_err(Error::Start)?;
    Ok(Serving { link, router, task, shutdown })
}

/// Why the broker is not running any more.
pub(crate) fn ended_early(ended: Result<Result<(), mqtt5::MqttError>, tokio::task::JoinError>) -> Error {
    match ended {
        Ok(Ok(())) => Error::Ended("without a reason".into()),
        Ok(Err(error)) => Error::Ended(error.to_string()),
        Err(error) => Error::Ended(error.to_string()),
    }
}

impl Serving {
    /// Lets writes out, says goodbye to the clients, and flushes to disk.
    pub(crate) async fn stop(self) {
        let Self { link, task, shutdown, .. } = self;
        let in_order = async {
            link.close().await;
            shutdown.shutdown();
            task.await
        };
        if timeout(LAST_WORDS, in_order).await.is_err() {
            tracing::warn!("The broker did not end in time; what was retained is on disk.");
        }
    }
}

fn storage(config: &Config, folder: Option<&Path>) -> Result<StorageConfig, Error> {
    let storage = StorageConfig::new()
        .with_max_queued_messages_per_client(config.queued_messages as usize)
        .with_max_queued_bytes_per_client(MAX_QUEUED_BYTES);
    let Some(folder) = folder else { return Ok(storage.with_backend(StorageBackendType::Memory)) };
    let folder = folder.join("mqtt");
    match std::fs::DirBuilder::new().mode(0o700).recursive(true).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(Error::Folder(error)),
        _ => Ok(storage.with_backend(StorageBackendType::File).with_base_dir(folder)),
    }
}

fn broker_config(config: &Config, endpoints: &Endpoints, storage: StorageConfig) -> BrokerConfig {
    let mut broker = BrokerConfig::new()
        .with_bind_address(endpoints.plain)
        .with_max_clients(config.max_clients as usize)
        .with_max_packet_size(config.max_packet_bytes as usize)
        .with_session_expiry(Duration::from_secs(config.session_expiry_s.into()))
        .with_max_subscriptions_per_client(MAX_SUBSCRIPTIONS)
        .with_max_retained_messages(config.retained_messages as usize)
        .with_max_retained_message_size(config.retained_bytes as usize)
        .with_client_channel_capacity(CLIENT_LANE)
        .with_sys_topics_enabled(false)
        .with_storage(storage);
    broker.server_receive_maximum = Some(RECEIVE_MAXIMUM);
    broker.topic_alias_maximum = 64;
    if let Some((address, tls)) = &endpoints.tls {
        // Another crate of the process may bring a second provider, so the choice is made here.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tls = TlsConfig::new(tls.cert_file.clone(), tls.key_file.clone()).with_bind_address(*address);
        broker = broker.with_tls(tls);
    }
    if let Some(address) = endpoints.websocket {
        broker = broker.with_websocket(WebSocketConfig::new().with_bind_address(address).with_path("/mqtt"));
    }
    broker
}

/// Removes retained messages of clients that may not publish them any more: whoever lost the right must not go on
/// speaking through what the broker kept.
async fn forget_revoked(storage: &DynamicStorage, access: &Access) -> Result<(), mqtt5::MqttError> {
    let mut forgotten = 0_usize;
    for (topic, message) in storage.get_retained_messages("#").await? {
        let property = |name: &str| message.user_properties.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        let by_client = property(CLIENT_PROPERTY).is_some();
        if by_client && !access.may_publish(property(SENDER_PROPERTY).map(String::as_str), &topic) {
            storage.remove_retained_message(&topic).await?;
            forgotten += 1;
        }
    }
    if forgotten > 0 {
        tracing::info!(messages = forgotten, "Retained messages were removed: their publishers have lost the right.");
    }
    Ok(())
}
