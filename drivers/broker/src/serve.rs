//! The listening broker: from the configuration to `ready`, and down again in order.

use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use fieldrail_driver::Outbox;
use mqtt5::broker::config::{TlsConfig, WebSocketConfig};
use mqtt5::broker::router::MessageRouter;
use mqtt5::broker::{BrokerConfig, BrokerShutdownHandle, MqttBroker, StorageBackendType, StorageConfig};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::access::Access;
use crate::config::{Config, Endpoints};
use crate::error::Error;
use crate::hooks::Hooks;
use crate::keep::Keep;
use crate::link::{Lanes, Link};
use crate::topics::Topics;

/// The most subscriptions of one client.
const MAX_SUBSCRIPTIONS: usize = 1000;

/// Messages of quality of service 1 and 2 that one client may have open.
const RECEIVE_MAXIMUM: u16 = 256;

/// Messages that may wait for one connected client that reads too slowly; then those of quality of service 0 are dropped.
const CLIENT_LANE: usize = 8192;

/// Bytes that may wait for one absent client.
const MAX_QUEUED_BYTES: usize = 16 * 1024 * 1024;

/// How long an orderly end may take.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A broker that runs.
pub(crate) struct Serving {
    pub(crate) link: Link,
    pub(crate) router: Arc<MessageRouter>,
    pub(crate) task: JoinHandle<Result<(), mqtt5::MqttError>>,
    shutdown: BrokerShutdownHandle,
    keep: Option<Arc<Keep>>,
    keeping: Option<JoinHandle<()>>,
}

/// The task of a broker that broke must not write beside its successor.
impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(keeping) = &self.keeping {
            keeping.abort();
        }
    }
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
    let kept = Arc::new(OnceLock::new());
    let hooks = Hooks {
        outbox: start.outbox.clone(),
        topics: Arc::clone(start.topics),
        lane: lanes.lane(),
        keep: Arc::clone(&kept),
    };
    let mut config = broker_config(start.config, start.endpoints);
    config.event_handler = Some(Arc::new(hooks));
    let broker = MqttBroker::with_config(config).await.map_err(Error::Start)?;
    let mut broker = broker.with_auth_provider(Arc::clone(start.access) as Arc<_>);
    if let (Some(folder), Some(storage)) = (start.folder, broker.storage()) {
        let keep = Keep::open(folder, storage, start.access).await?;
        let _ = kept.set(Arc::new(keep));
    }
    let (router, shutdown, mut ready) = (broker.router(), broker.shutdown_handle(), broker.ready_receiver());
    let mut task = tokio::task::spawn_local(async move { broker.run().await });
    tokio::select! {
        ended = &mut task => return Err(ended_early(ended)),
        // An error means that the broker is gone; its task says why when it is asked next.
        _ = ready.wait_for(|ready| *ready) => {}
    }
    let link = Link::open(Arc::clone(&router), lanes, start.outbox).await.map_err(Error::Start)?;
    let keep = kept.get().map(Arc::clone);
    let keeping = keep.clone().map(|keep| tokio::task::spawn_local(keep.attend()));
    Ok(Serving { link, router, task, shutdown, keep, keeping })
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
    /// Lets writes out, says goodbye to the clients, and brings everything to disk.
    pub(crate) async fn stop(mut self) {
        let in_order = async {
            self.link.close().await;
            self.shutdown.shutdown();
            let _ = (&mut self.task).await;
        };
        if timeout(LAST_WORDS, in_order).await.is_err() {
            tracing::warn!("The broker did not end in time; what was retained is on disk.");
        }
        if let Some(keep) = &self.keep {
            keep.finish().await;
        }
    }
}

fn broker_config(config: &Config, endpoints: &Endpoints) -> BrokerConfig {
    let storage = StorageConfig::new()
        .with_backend(StorageBackendType::Memory)
        .with_max_queued_messages_per_client(config.queued_messages as usize)
        .with_max_queued_bytes_per_client(MAX_QUEUED_BYTES);
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
