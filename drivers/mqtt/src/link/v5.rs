//! MQTT 5. The user property `fieldrail-origin` carries `HOPS ADDRESS`: where a value first came from.

use rumqttc_v5::mqttbytes;
use rumqttc_v5::{
    AckMode, AsyncClient, BrokerSessionResumePolicy, ConnAck, ConnectReturnCode, ConnectionError,
    IncomingPacketSizeLimit, LastWill, ManualAck, MqttOptions, Outgoing, Packet, PubAck, PubAckReason, PubRec,
    PubRecReason, PublishOptions, PublishProperties, QoS, SessionMode, StateError, SubscribeFilterInput,
    SubscribeReasonCode, TlsConfiguration, TlsError, Transport,
};

use super::{
    BATCH, CONNECT, Event, IN_FLIGHT, Limits, Link, Message, Options, Origin, Publish, Receipt, SESSION_EXPIRY_S,
    Sender, io_error, tls_error,
};
use crate::error::{Error, Refusal, Unreachable};

/// The name of the user property.
const ORIGIN: &str = "fieldrail-origin";

pub(super) fn open(options: &Options) -> Result<(Sender, Link), Error> {
    let mut mqtt = MqttOptions::new(options.client_id.as_str(), (options.host.as_str(), options.port));
    let mut network = mqtt.network_options();
    network.set_tcp_nodelay(true);
    mqtt.set_keep_alive(options.keep_alive_s)
        .set_network_options(network)
        .set_connect_timeout(CONNECT)
        .set_max_packet_size(Some(options.max_packet_bytes))
        .set_incoming_packet_size_limit(IncomingPacketSizeLimit::Bytes(options.max_packet_bytes))
        .set_outgoing_inflight_upper_limit(IN_FLIGHT)
        .set_max_request_batch(BATCH)
        .set_read_batch_size(BATCH)
        .set_ack_mode(AckMode::Manual);
    if !options.clean_session {
        mqtt.set_session_mode(SessionMode::Persistent)
            .set_session_expiry_interval(Some(SESSION_EXPIRY_S))
            .set_broker_session_resume_policy(BrokerSessionResumePolicy::AllowBrokerOnly);
    }
    if let Some((user, password)) = &options.login {
        mqtt.set_credentials(user.as_str(), password.clone());
    }
    if let Some(will) = &options.will {
        let payload = will.payload.as_bytes();
        mqtt.set_last_will(LastWill::new(will.topic.as_str(), payload, qos(will.qos), will.retain, None));
    }
    if let Some(tls) = &options.tls {
        mqtt.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls.clone())));
    }
    let built = AsyncClient::builder(mqtt).unbounded().try_build();
    let (client, link) = built.map_err(|error| Error::Config { key: "client_id".into(), reason: error.to_string() })?;
    let limits = Limits { in_flight: IN_FLIGHT, qos: 2, retain: true, packet_bytes: u32::MAX };
    Ok((Sender::V5(client), Link::V5(Box::new(link), limits)))
}

fn qos(qos: u8) -> QoS {
    match qos {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}

pub(super) fn publish(client: &AsyncClient, publish: Publish<'_>) -> bool {
    let mut options = PublishOptions::new(qos(publish.qos)).retain(publish.retain);
    if let Some((address, hops)) = publish.origin {
        let user_properties = vec![(ORIGIN.into(), format!("{hops} {address}"))];
        options = options.properties(PublishProperties { user_properties, ..PublishProperties::default() });
    }
    client.try_publish(publish.topic, publish.payload, options).is_ok()
}

pub(super) fn subscribe(client: &AsyncClient, filters: &[(String, u8)]) -> bool {
    let filters = filters.iter().map(|(filter, level)| SubscribeFilterInput::new(filter.as_str(), qos(*level)));
    client.try_subscribe_many(filters).is_ok()
}

/// What the broker waits for.
fn receipt(qos: QoS, number: u16) -> Option<Receipt> {
    match qos {
        QoS::AtMostOnce => None,
        QoS::AtLeastOnce => Some(Receipt::V5(ManualAck::PubAck(PubAck::new(number, None)))),
        QoS::ExactlyOnce => Some(Receipt::V5(ManualAck::PubRec(PubRec::new(number, None)))),
    }
}

/// The origin that the sender gave; anything else under that name is no origin.
fn origin(properties: &PublishProperties) -> Option<Origin> {
    let (_, text) = properties.user_properties.iter().find(|(name, _)| name == ORIGIN)?;
    let (hops, address) = text.split_once(' ')?;
    let fits = !address.is_empty() && address.len() <= fieldrail_model::address::MAX_ADDRESS_BYTES;
    Some((address.into(), hops.parse().ok()?)).filter(|_| fits)
}

pub(super) fn event(event: rumqttc_v5::Event, ours: Limits) -> Event {
    match event {
        rumqttc_v5::Event::Incoming(Packet::Publish(publish)) => Event::Message(Message {
            origin: publish.properties.as_ref().and_then(origin),
            topic: publish.topic,
            payload: publish.payload,
            retained: publish.retain,
            receipt: receipt(publish.qos, publish.pkid),
        }),
        rumqttc_v5::Event::Incoming(Packet::PubAck(ack)) => {
            let good = matches!(ack.reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers);
            Event::Acknowledged(ack.pkid, (!good).then(|| format!("{:?}", ack.reason)))
        }
        rumqttc_v5::Event::Incoming(Packet::PubRec(ack)) => match ack.reason {
            PubRecReason::Success | PubRecReason::NoMatchingSubscribers => Event::Other,
            reason => Event::Acknowledged(ack.pkid, Some(format!("{reason:?}"))),
        },
        rumqttc_v5::Event::Incoming(Packet::PubComp(done)) => Event::Acknowledged(done.pkid, None),
        rumqttc_v5::Event::Incoming(Packet::SubAck(ack)) => {
            let refused = |code: &SubscribeReasonCode| match code {
                SubscribeReasonCode::Success(_) => None,
                reason => Some(format!("{reason:?}")),
            };
            Event::Subscribed(ack.pkid, ack.return_codes.iter().map(refused).collect())
        }
        rumqttc_v5::Event::Incoming(Packet::ConnAck(ack)) => Event::Connected(limits(&ack, ours)),
        rumqttc_v5::Event::Outgoing(Outgoing::Publish(number)) => Event::Sent(number),
        rumqttc_v5::Event::Outgoing(Outgoing::PubAck(_) | Outgoing::PubComp(_)) => Event::Answered,
        rumqttc_v5::Event::Outgoing(Outgoing::Subscribe(number)) => Event::Subscribing(number),
        _ => Event::Other,
    }
}

fn limits(ack: &ConnAck, ours: Limits) -> Limits {
    let Some(theirs) = &ack.properties else { return ours };
    Limits {
        in_flight: theirs.receive_max.unwrap_or(u16::MAX).min(ours.in_flight),
        qos: theirs.max_qos.unwrap_or(2),
        retain: theirs.retain_available != Some(0),
        packet_bytes: theirs.max_packet_size.unwrap_or(u32::MAX),
    }
}

pub(super) fn error(error: ConnectionError) -> Error {
    let refused = |code| {
        Error::Refused(match code {
            ConnectReturnCode::BadUserNamePassword => Refusal::Password,
            ConnectReturnCode::NotAuthorized | ConnectReturnCode::Banned => Refusal::NotAuthorised,
            ConnectReturnCode::RefusedProtocolVersion | ConnectReturnCode::UnsupportedProtocolVersion => {
                Refusal::Version
            }
            ConnectReturnCode::BadClientId | ConnectReturnCode::ClientIdentifierNotValid => Refusal::ClientId,
            other => Refusal::Other(format!("{other:?}")),
        })
    };
    match error {
        ConnectionError::Io(error)
        | ConnectionError::Tls(TlsError::Io(error))
        | ConnectionError::MqttState(
            StateError::Io(error) | StateError::Deserialization(mqttbytes::Error::Io(error)),
        ) => io_error(&error),
        ConnectionError::Tls(TlsError::TLS(error)) => tls_error(&error),
        ConnectionError::Tls(error) => Error::Tls(error.to_string()),
        ConnectionError::Timeout(_) => Error::Unreachable(Unreachable::Silent),
        ConnectionError::ConnectionRefused(code)
        | ConnectionError::MqttState(StateError::ConnFail { reason: code }) => refused(code),
        ConnectionError::MqttState(StateError::ConnectionAborted) => Error::Unreachable(Unreachable::Closed),
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) => {
            Error::Broken(format!("the broker ended it: {reason_code:?}"))
        }
        other => Error::Broken(other.to_string()),
    }
}
