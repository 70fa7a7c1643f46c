//! MQTT 3.1.1.

use rumqttc_v4::mqttbytes;
use rumqttc_v4::{
    AckMode, AsyncClient, ConnectReturnCode, ConnectionError, LastWill, ManualAck, MqttOptions, Outgoing, Packet,
    PubAck, PubRec, PublishOptions, QoS, StateError, SubscribeFilterInput, SubscribeReasonCode, TlsConfiguration,
    TlsError, Transport,
};

use super::{
    BATCH, CONNECT, Event, IN_FLIGHT, Limits, Link, Message, Options, Publish, Receipt, Sender, io_error, tls_error,
};
use crate::error::{Error, Refusal, Unreachable};

pub(super) fn open(options: &Options) -> Result<(Sender, Link), Error> {
    let mut mqtt = MqttOptions::new(options.client_id.as_str(), (options.host.as_str(), options.port));
    let largest = options.max_packet_bytes as usize;
    mqtt.set_keep_alive(options.keep_alive_s)
        .set_clean_session(options.clean_session)
        .set_max_packet_size(largest, largest)
        .set_inflight(IN_FLIGHT)
        .set_max_request_batch(BATCH)
        .set_read_batch_size(BATCH)
        .set_ack_mode(AckMode::Manual);
    if let Some((user, password)) = &options.login {
        mqtt.set_credentials(user.as_str(), password.clone());
    }
    if let Some(will) = &options.will {
        let payload = will.payload.as_bytes();
        mqtt.set_last_will(LastWill::new(will.topic.as_str(), payload, qos(will.qos), will.retain));
    }
    if let Some(tls) = &options.tls {
        mqtt.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls.clone())));
    }
    let built = AsyncClient::builder(mqtt).unbounded().try_build();
    let (client, mut link) =
        built.map_err(|error| Error::Config { key: "client_id".into(), reason: error.to_string() })?;
    let mut network = link.network_options();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(CONNECT.as_secs());
    link.set_network_options(network);
    Ok((Sender::V4(client), Link::V4(Box::new(link))))
}

fn qos(qos: u8) -> QoS {
    match qos {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}

pub(super) fn publish(client: &AsyncClient, publish: Publish<'_>) -> bool {
    let options = PublishOptions::new(qos(publish.qos)).retain(publish.retain);
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
        QoS::AtLeastOnce => Some(Receipt::V4(ManualAck::PubAck(PubAck::new(number)))),
        QoS::ExactlyOnce => Some(Receipt::V4(ManualAck::PubRec(PubRec::new(number)))),
    }
}

pub(super) fn event(event: rumqttc_v4::Event) -> Event {
    match event {
        rumqttc_v4::Event::Incoming(Packet::Publish(publish)) => Event::Message(Message {
            topic: publish.topic,
            payload: publish.payload,
            retained: publish.retain,
            receipt: receipt(publish.qos, publish.pkid),
            origin: None,
        }),
        rumqttc_v4::Event::Incoming(Packet::PubAck(ack)) => Event::Acknowledged(ack.pkid, None),
        rumqttc_v4::Event::Incoming(Packet::PubComp(done)) => Event::Acknowledged(done.pkid, None),
        rumqttc_v4::Event::Incoming(Packet::SubAck(ack)) => {
            let refused = |code: &SubscribeReasonCode| match code {
                SubscribeReasonCode::Success(_) => None,
                SubscribeReasonCode::Failure => Some("refused, without a reason".into()),
            };
            Event::Subscribed(ack.pkid, ack.return_codes.iter().map(refused).collect())
        }
        rumqttc_v4::Event::Incoming(Packet::ConnAck(_)) => {
            Event::Connected(Limits { in_flight: IN_FLIGHT, qos: 2, retain: true, packet_bytes: u32::MAX })
        }
        rumqttc_v4::Event::Outgoing(Outgoing::Publish(number)) => Event::Sent(number),
        rumqttc_v4::Event::Outgoing(Outgoing::PubAck(_) | Outgoing::PubComp(_)) => Event::Answered,
        rumqttc_v4::Event::Outgoing(Outgoing::Subscribe(number)) => Event::Subscribing(number),
        _ => Event::Other,
    }
}

pub(super) fn error(error: ConnectionError) -> Error {
    match error {
        ConnectionError::Io(error)
        | ConnectionError::Tls(TlsError::Io(error))
        | ConnectionError::MqttState(
            StateError::Io(error) | StateError::Deserialization(mqttbytes::Error::Io(error)),
        ) => io_error(&error),
        ConnectionError::Tls(TlsError::TLS(error)) => tls_error(&error),
        ConnectionError::Tls(error) => Error::Tls(error.to_string()),
        ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => Error::Unreachable(Unreachable::Silent),
        ConnectionError::ConnectionRefused(code) => Error::Refused(match code {
            ConnectReturnCode::BadUserNamePassword => Refusal::Password,
            ConnectReturnCode::NotAuthorized => Refusal::NotAuthorised,
            ConnectReturnCode::RefusedProtocolVersion => Refusal::Version,
            ConnectReturnCode::BadClientId => Refusal::ClientId,
            other => Refusal::Other(format!("{other:?}")),
        }),
        ConnectionError::MqttState(StateError::ConnectionAborted) => Error::Unreachable(Unreachable::Closed),
        other => Error::Broken(other.to_string()),
    }
}
