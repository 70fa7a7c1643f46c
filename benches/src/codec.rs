//! The few packets of MQTT 3.1.1 that a load generator at `QoS 0` needs (OASIS MQTT 3.1.1, chapter 3). No I/O.

/// Largest packet that is taken from a broker, in bytes. The bench's own packets are below 40.
const PACKET_MAX: usize = 1 << 16;

/// Why bytes from a broker were refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// The remaining length does not end within four bytes, or is beyond [`PACKET_MAX`].
    #[error("a packet with an impossible length")]
    Length,
    /// A packet that is shorter than its own fields.
    #[error("a packet of type {0} that is cut short")]
    Short(u8),
    /// A publish at `QoS 1` or `2`, though `QoS 0` was asked for.
    #[error("a publish at QoS {0}, want 0")]
    Qos(u8),
}

/// What a broker sends to a client at `QoS 0`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// The answer to `connect`; 0 is success (section 3.2.2.3).
    Connack(u8),
    /// The answer to `subscribe`; 0x80 is refusal (section 3.9.3).
    Suback(u8),
    /// One message.
    Publish {
        /// The topic's bytes; UTF-8 is the broker's business.
        topic: &'a [u8],
        /// The payload as it came.
        payload: &'a [u8],
    },
    /// Any other packet, by its type; the bench has no use for it.
    Other(u8),
}

/// A clean session without keep-alive: a connection of the bench lives for seconds.
pub(crate) fn connect(client: &str) -> Vec<u8> {
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4, 0b10, 0, 0];
    push_text(&mut body, client);
    packet(0x10, &body)
}

/// One filter at `QoS 0`.
pub(crate) fn subscribe(filter: &str) -> Vec<u8> {
    let mut body = vec![0, 1];
    push_text(&mut body, filter);
    body.push(0);
    packet(0x82, &body)
}

/// Appends one message at `QoS 0`.
pub(crate) fn push_publish(out: &mut Vec<u8>, topic: &str, payload: &[u8]) {
    out.push(0x30);
    push_length(out, 2 + topic.len() + payload.len());
    push_text(out, topic);
    out.extend_from_slice(payload);
}

/// The first packet in `bytes` with its whole length, or `None` while it is not complete.
pub(crate) fn decode(bytes: &[u8]) -> Result<Option<(Packet<'_>, usize)>, Error> {
    let Some((&head, rest)) = bytes.split_first() else { return Ok(None) };
    let Some((length, length_size)) = read_length(rest)? else { return Ok(None) };
    let whole = 1 + length_size + length;
    let Some(body) = bytes.get(1 + length_size..whole) else { return Ok(None) };
    Ok(Some((decode_body(head, body)?, whole)))
}

fn decode_body(head: u8, body: &[u8]) -> Result<Packet<'_>, Error> {
    let short = Error::Short(head >> 4);
    match head >> 4 {
        2 => body.get(1).map(|&code| Packet::Connack(code)).ok_or(short),
        9 => body.get(2).map(|&code| Packet::Suback(code)).ok_or(short),
        3 if head & 0b110 != 0 => Err(Error::Qos((head >> 1) & 0b11)),
        3 => {
            let (size, rest) = body.split_first_chunk::<2>().ok_or(Error::Short(3))?;
            let (topic, payload) = rest.split_at_checked(usize::from(u16::from_be_bytes(*size))).ok_or(short)?;
            Ok(Packet::Publish { topic, payload })
        }
        other => Ok(Packet::Other(other)),
    }
}

fn packet(head: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![head];
    push_length(&mut out, body.len());
    out.extend_from_slice(body);
    out
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).expect("the bench's topics and names are short");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// The remaining length of section 2.2.3: seven bits a byte, lowest first.
#[expect(clippy::cast_possible_truncation, reason = "seven bits fit into a byte")]
fn push_length(out: &mut Vec<u8>, mut length: usize) {
    while length > 0x7f {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

fn read_length(bytes: &[u8]) -> Result<Option<(usize, usize)>, Error> {
    let mut length = 0;
    for (index, &byte) in bytes.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if length > PACKET_MAX {
            return Err(Error::Length);
        }
        if byte & 0x80 == 0 {
            return Ok(Some((length, index + 1)));
        }
    }
    if bytes.len() < 4 { Ok(None) } else { Err(Error::Length) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], want: &Result<Option<(Packet<'_>, usize)>, Error>) {
        assert_eq!(&decode(bytes), want);
    }

    #[test]
    fn connect_is_the_packet_of_the_specification() {
        assert_eq!(connect("ab"), b"\x10\x0e\0\x04MQTT\x04\x02\0\0\0\x02ab");
    }

    #[test]
    fn subscribe_asks_for_qos_0() {
        assert_eq!(subscribe("out/+"), b"\x82\x0a\0\x01\0\x05out/+\0");
    }

    #[test]
    fn a_publish_comes_back_as_it_went() {
        for size in [0, 1, 100, 123, 124, 1000, 20_000] {
            let payload = vec![b'7'; size];
            let mut bytes = Vec::new();
            push_publish(&mut bytes, "in/9", &payload);
            check(&bytes, &Ok(Some((Packet::Publish { topic: b"in/9", payload: &payload }, bytes.len()))));
        }
    }

    #[test]
    fn every_cut_of_a_packet_waits_for_the_rest() {
        let mut bytes = Vec::new();
        push_publish(&mut bytes, "out/1", &[b'1'; 200]);
        for cut in 0..bytes.len() {
            check(&bytes[..cut], &Ok(None));
        }
    }

    #[test]
    fn answers_and_strangers_are_told_apart() {
        check(&[0x20, 2, 0, 5], &Ok(Some((Packet::Connack(5), 4))));
        check(&[0x90, 3, 0, 1, 0x80], &Ok(Some((Packet::Suback(0x80), 5))));
        check(&[0xd0, 0, 0xff], &Ok(Some((Packet::Other(13), 2))));
    }

    #[test]
    fn broken_packets_are_refused() {
        check(&[0x30, 0xff, 0xff, 0xff, 0xff], &Err(Error::Length));
        check(&[0x30, 0x80, 0x80, 0x08], &Err(Error::Length));
        check(&[0x30, 3, 0, 9, b'a'], &Err(Error::Short(3)));
        check(&[0x30, 1, 0], &Err(Error::Short(3)));
        check(&[0x20, 1, 0], &Err(Error::Short(2)));
        check(&[0x32, 4, 0, 0, 0, 1], &Err(Error::Qos(1)));
    }
}
