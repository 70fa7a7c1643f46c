//! Discovery and routes of the simulated device.

use tokio::net::UdpSocket;

use super::SharedPlc;
use super::plc::Plc;
use crate::codec::ams::{AmsAddress, NetId};
use crate::codec::udp::{ADD_ROUTE, ANSWER, DISCOVER, Datagram, MAX_BYTES, SYSTEM_PORT, tag};
use crate::codes::ACCESS;

/// Answers for ever.
pub(super) async fn answer(socket: UdpSocket, plc: SharedPlc) {
    let mut bytes = vec![0; MAX_BYTES];
    while let Ok((count, from)) = socket.recv_from(&mut bytes).await {
        let Ok(datagram) = Datagram::decode(&bytes[..count]) else { continue };
        let answer = reply(&mut plc.lock(), &datagram);
        if let Some(answer) = answer {
            let _ = socket.send_to(&answer.encode(), from).await;
        }
    }
}

fn reply(plc: &mut Plc, question: &Datagram) -> Option<Datagram> {
    let source = AmsAddress { net_id: plc.net_id, port: SYSTEM_PORT };
    let operation = question.operation | ANSWER;
    let answer = Datagram { invoke: question.invoke, operation, source, tags: Vec::new() };
    match question.operation {
        DISCOVER => {
            let build = plc.info.build.to_le_bytes();
            let mut system = 276_u32.to_le_bytes().to_vec();
            system.extend([10_u32, 0, 1, 2].map(u32::to_le_bytes).concat());
            system.resize(276, 0);
            let version = vec![plc.info.major, plc.info.minor, build[0], build[1]];
            let answer = answer.with_text(tag::HOST, &plc.host_name).with(tag::OS, system);
            Some(answer.with(tag::VERSION, version))
        }
        ADD_ROUTE => {
            let given = (question.text(tag::USER)?, question.text(tag::PASSWORD)?);
            let status = if given == plc.login {
                let id: [u8; 6] = question.get(tag::NET_ID)?.try_into().ok()?;
                if let Some(routes) = &mut plc.routes {
                    routes.insert(NetId(id));
                }
                0
            } else {
                ACCESS.0
            };
            Some(answer.with(tag::STATUS, status.to_le_bytes().to_vec()))
        }
        _ => None,
    }
}
