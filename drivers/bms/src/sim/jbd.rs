//! A JBD (Xiaoxiang) board: registers 03, 04, 05 and the switches at E1.

use super::{Device, Pack, steps};

/// The shortest request: start, direction, register, length, checksum, end.
const SHORTEST: usize = 7;

/// What it calls itself.
const NAME: &[u8] = b"JBD-SP16S020-SIM";

/// One board.
#[derive(Debug, Default)]
pub struct Jbd {
    heard: Vec<u8>,
}

impl Device for Jbd {
    fn hear(&mut self, bytes: &[u8], pack: &mut Pack) -> Vec<Vec<u8>> {
        self.heard.extend_from_slice(bytes);
        let mut said = Vec::new();
        while self.heard.len() >= SHORTEST {
            let length = SHORTEST + usize::from(self.heard[3]);
            let starts = self.heard[0] == 0xdd && matches!(self.heard[1], 0xa5 | 0x5a) && length <= 64;
            if starts && self.heard.len() < length {
                break;
            }
            let is_whole = starts && {
                let body = &self.heard[2..length - 3];
                let sum = u16::from_be_bytes([self.heard[length - 3], self.heard[length - 2]]);
                sum == checksum(body) && self.heard[length - 1] == 0x77
            };
            if !is_whole {
                self.heard.remove(0);
                continue;
            }
            let request: Vec<u8> = self.heard.drain(..length).collect();
            let is_write = request[1] == 0x5a;
            said.push(answer(request[2], is_write, &request[4..length - 3], pack));
        }
        said
    }
}

/// `0x10000` less the sum.
fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0_u16, |sum, byte| sum.wrapping_sub(u16::from(*byte)))
}

fn answer(register: u8, is_write: bool, data: &[u8], pack: &mut Pack) -> Vec<u8> {
    let payload = match (register, is_write) {
        (0x03, false) => info(pack),
        (0x04, false) => pack.cells_mv.iter().flat_map(|cell| cell.to_be_bytes()).collect(),
        (0x05, false) => NAME.to_vec(),
        (0xaa, false) => vec![0; 22],
        (0xe1, true) => {
            let off = data.get(1).copied().unwrap_or(0);
            (pack.charge_mos, pack.discharge_mos) = (off & 1 == 0, off & 2 == 0);
            Vec::new()
        }
        (0x00 | 0x01, true) => Vec::new(),
        _ => return frame(register, 0x80, &[]),
    };
    frame(register, 0, &payload)
}

fn frame(register: u8, status: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0xdd, register, status, u8::try_from(payload.len()).unwrap_or(u8::MAX)];
    frame.extend_from_slice(payload);
    let sum = checksum(&frame[2..]);
    frame.extend(sum.to_be_bytes());
    frame.push(0x77);
    frame
}

fn info(pack: &Pack) -> Vec<u8> {
    let unsigned = |number: i32| u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes();
    let hundredths = |milli: f64| unsigned((milli / 10.0).round() as i32);
    let mut payload = Vec::with_capacity(32);
    payload.extend(unsigned(steps(pack.voltage_mv(), 10)));
    payload.extend(i16::try_from(steps(pack.current_ma, 10)).unwrap_or(0).to_be_bytes());
    payload.extend(hundredths(pack.remaining_mah));
    payload.extend(hundredths(f64::from(pack.capacity_mah)));
    payload.extend(pack.cycles.to_be_bytes());
    // Made on 24 March 2022.
    payload.extend(0x2c78_u16.to_be_bytes());
    payload.extend((pack.balancing as u16).to_be_bytes());
    payload.extend(((pack.balancing >> 16) as u16).to_be_bytes());
    payload.extend(u16::from(pack.cell_high).to_be_bytes());
    payload.push(0x21);
    payload.push(pack.soc().round() as u8);
    payload.push(u8::from(pack.charge_mos) | u8::from(pack.discharge_mos) << 1);
    payload.push(u8::try_from(pack.cells_mv.len()).unwrap_or(u8::MAX));
    payload.push(u8::try_from(pack.temperatures.len()).unwrap_or(u8::MAX));
    for &tenth in &pack.temperatures {
        payload.extend(unsigned(i32::from(tenth) + 2731));
    }
    payload
}
