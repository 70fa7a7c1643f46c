//! An ANT board: the old protocol (140 bytes, big endian) and the new one (7E A1, little endian).

use super::{Device, Pack, steps};

/// Requests of the old protocol are so long.
const OLD_LENGTH: usize = 6;

/// Requests of the new protocol are so long without their data.
const NEW_LENGTH: usize = 10;

/// Cells of the old protocol's answer.
const OLD_CELLS: usize = 32;

/// One board.
#[derive(Debug)]
pub struct Ant {
    is_new: bool,
    heard: Vec<u8>,
    /// Seconds since it was switched on; rises with each answer.
    uptime: u32,
    /// What was written and not yet applied: register and value.
    pending: Option<(u8, u8)>,
}

impl Ant {
    /// A board that speaks the old or the new protocol.
    pub fn new(is_new: bool) -> Self {
        Self { is_new, heard: Vec::new(), uptime: 36_591_633, pending: None }
    }

    fn hear_old(&mut self, pack: &mut Pack) -> Vec<Vec<u8>> {
        let mut said = Vec::new();
        while self.heard.len() >= OLD_LENGTH {
            let request = &self.heard[..OLD_LENGTH];
            let sum = request[2..5].iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte));
            let is_status = matches!(request, [0x5a, 0x5a, 0, 0, 0, 0] | [0xdb, 0xdb, 0, 0, 0, 0]);
            let is_write = request[..2] == [0xa5, 0xa5] && request[5] == sum;
            if !is_status && !is_write {
                self.heard.remove(0);
                continue;
            }
            let request: Vec<u8> = self.heard.drain(..OLD_LENGTH).collect();
            if is_status {
                self.uptime = self.uptime.wrapping_add(1);
                said.push(old_status(pack, self.uptime));
            } else {
                self.write_old(request[2], request[4], pack);
            }
        }
        said
    }

    fn write_old(&mut self, register: u8, value: u8, pack: &mut Pack) {
        match (register, self.pending.take()) {
            (255, Some((249, value))) => pack.discharge_mos = value != 0,
            (255, Some((250, value))) => pack.charge_mos = value != 0,
            (249 | 250, _) => self.pending = Some((register, value)),
            _ => {}
        }
    }

    fn hear_new(&mut self, pack: &mut Pack) -> Vec<Vec<u8>> {
        let mut said = Vec::new();
        while self.heard.len() >= NEW_LENGTH {
            // The last byte of a question for a status is how much is wanted, and no data follow.
            let data = if matches!(self.heard[2], 0x01 | 0x02) { 0 } else { usize::from(self.heard[5]) };
            let length = NEW_LENGTH + data;
            let starts = self.heard[..2] == [0x7e, 0xa1] && data <= 32;
            if starts && self.heard.len() < length {
                break;
            }
            let is_whole = starts && {
                let sum = u16::from_le_bytes([self.heard[length - 4], self.heard[length - 3]]);
                sum == crc(&self.heard[1..length - 4]) && self.heard[length - 2..length] == [0xaa, 0x55]
            };
            if !is_whole {
                self.heard.remove(0);
                continue;
            }
            let request: Vec<u8> = self.heard.drain(..length).collect();
            said.extend(self.answer_new(&request, pack));
        }
        said
    }

    fn answer_new(&mut self, request: &[u8], pack: &mut Pack) -> Option<Vec<u8>> {
        let address = [request[3], request[4]];
        match request[2] {
            0x01 => {
                self.uptime = self.uptime.wrapping_add(1);
                Some(new_frame(0x11, address, &new_status(pack, self.uptime)))
            }
            0x51 => {
                match u16::from_le_bytes(address) {
                    0x0001 => pack.discharge_mos = false,
                    0x0003 => pack.discharge_mos = true,
                    0x0004 => pack.charge_mos = false,
                    0x0006 => pack.charge_mos = true,
                    _ => return None,
                }
                Some(new_frame(0x61, address, &[]))
            }
            0x23 => Some(new_frame(0x33, address, &[])),
            _ => None,
        }
    }
}

impl Device for Ant {
    fn hear(&mut self, bytes: &[u8], pack: &mut Pack) -> Vec<Vec<u8>> {
        self.heard.extend_from_slice(bytes);
        if self.is_new { self.hear_new(pack) } else { self.hear_old(pack) }
    }
}

fn old_status(pack: &Pack, uptime: u32) -> Vec<u8> {
    let mut frame = vec![0; 140];
    let mut put = |at: usize, bytes: &[u8]| frame[at..at + bytes.len()].copy_from_slice(bytes);
    let short = |number: i32| u16::try_from(number).unwrap_or(0).to_be_bytes();
    put(0, &[0xaa, 0x55, 0xaa, 0xff]);
    put(4, &short(steps(pack.voltage_mv(), 100)));
    for (at, cell) in pack.cells_mv.iter().take(OLD_CELLS).enumerate() {
        put(6 + 2 * at, &cell.to_be_bytes());
    }
    // Positive is discharging.
    put(70, &(-steps(pack.current_ma, 100)).to_be_bytes());
    put(74, &[pack.soc().round() as u8]);
    put(75, &(pack.capacity_mah.saturating_mul(1000)).to_be_bytes());
    put(79, &((1000.0 * pack.remaining_mah) as u32).to_be_bytes());
    put(83, &89_306_u32.to_be_bytes());
    put(87, &uptime.to_be_bytes());
    for at in 0..6 {
        // The sensors that it has not got stand at -40.
        let tenth = pack.temperatures.get(at).copied().unwrap_or(-400);
        put(91 + 2 * at, &((tenth + 5).div_euclid(10)).to_be_bytes());
    }
    put(103, &[u8::from(pack.charge_mos), u8::from(pack.discharge_mos), u8::from(pack.balancing != 0)]);
    put(111, &(-pack.power_w()).to_be_bytes());
    let [(high, high_at), (low, low_at)] = pack.extremes();
    put(115, &[high_at]);
    put(116, &high.to_be_bytes());
    put(118, &[low_at]);
    put(119, &low.to_be_bytes());
    put(121, &mean(pack).to_be_bytes());
    put(123, &[u8::try_from(pack.cells_mv.len()).unwrap_or(0)]);
    put(132, &pack.balancing.to_be_bytes());
    let sum = frame[4..138].iter().fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
    frame[138..140].copy_from_slice(&sum.to_be_bytes());
    frame
}

/// The body of a status; offsets in the description count from the start of the frame, six bytes earlier.
fn new_status(pack: &Pack, uptime: u32) -> Vec<u8> {
    let state = match pack.current_ma {
        -50..=50 => 1,
        51.. => 2,
        _ => 3,
    };
    let count = |length: usize| u8::try_from(length).unwrap_or(0);
    let mut body = vec![5, state, count(pack.temperatures.len()), count(pack.cells_mv.len())];
    body.extend(if pack.cell_high { 2_u64 } else { 0 }.to_le_bytes());
    body.extend([0; 16]);
    body.extend(pack.cells_mv.iter().flat_map(|cell| cell.to_le_bytes()));
    let degrees = |tenth: i16| ((tenth + 5).div_euclid(10)).to_le_bytes();
    body.extend(pack.temperatures.iter().flat_map(|&tenth| degrees(tenth)));
    body.extend([degrees(231), degrees(226)].concat());
    let short = |number: i32| u16::try_from(number).unwrap_or(0).to_le_bytes();
    body.extend(short(steps(pack.voltage_mv(), 10)));
    // Positive is discharging.
    body.extend(i16::try_from(-steps(pack.current_ma, 100)).unwrap_or(0).to_le_bytes());
    body.extend(short(pack.soc().round() as i32));
    body.extend(short(100));
    body.extend([u8::from(pack.discharge_mos), u8::from(pack.charge_mos), u8::from(pack.balancing != 0), 0]);
    body.extend(pack.capacity_mah.saturating_mul(1000).to_le_bytes());
    body.extend(((1000.0 * pack.remaining_mah) as u32).to_le_bytes());
    body.extend(4_862_650_u32.to_le_bytes());
    body.extend((-pack.power_w()).to_le_bytes());
    body.extend(uptime.to_le_bytes());
    body.extend(pack.balancing.to_le_bytes());
    let [(high, high_at), (low, low_at)] = pack.extremes();
    for (cell, at) in [(high, high_at), (low, low_at)] {
        body.extend(cell.to_le_bytes());
        body.extend(u16::from(at).to_le_bytes());
    }
    body.extend((high - low).to_le_bytes());
    body.extend(mean(pack).to_le_bytes());
    body.extend([0; 8]);
    body.extend(0xfaf2_u16.to_le_bytes());
    body.extend([3_902_649_u32, 5_822_651, 4_402_651, 4_830_952].iter().flat_map(|counter| counter.to_le_bytes()));
    body
}

fn new_frame(function: u8, address: [u8; 2], body: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x7e, 0xa1, function, address[0], address[1], u8::try_from(body.len()).unwrap_or(0)];
    frame.extend_from_slice(body);
    let sum = crc(&frame[1..]);
    frame.extend(sum.to_le_bytes());
    frame.extend([0xaa, 0x55]);
    frame
}

fn mean(pack: &Pack) -> u16 {
    let sum: u32 = pack.cells_mv.iter().map(|&cell| u32::from(cell)).sum();
    u16::try_from(sum / u32::try_from(pack.cells_mv.len().max(1)).unwrap_or(1)).unwrap_or(0)
}

/// CRC-16/Modbus.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xa001 } else { crc >> 1 })
    })
}
