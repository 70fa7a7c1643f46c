//! A Daly board on UART or RS485: answers of 13 bytes, and the two switches.

use super::{Device, Pack, steps};

/// A frame is always so long.
const LENGTH: usize = 13;

/// The least address of a host; a board with the number 1 is asked as this.
const HOST: u8 = 0x40;

/// One board.
#[derive(Debug)]
pub struct Daly {
    /// Its number on the bus, from 1.
    number: u8,
    heard: Vec<u8>,
    life: u8,
}

impl Daly {
    /// The board with this number.
    pub fn new(number: u8) -> Self {
        Self { number, heard: Vec::new(), life: 0 }
    }

    fn frame(&self, id: u8, data: [u8; 8]) -> Vec<u8> {
        let mut frame = vec![0xa5, self.number, id, 8];
        frame.extend(data);
        frame.push(frame.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)));
        frame
    }

    fn answer(&mut self, id: u8, asked: &[u8], pack: &mut Pack) -> Vec<Vec<u8>> {
        let data = match id {
            0x50 => {
                let [a, b, c, d] = pack.capacity_mah.to_be_bytes();
                [a, b, c, d, 0, 0, 0, 0]
            }
            0x90 => whole(pack),
            0x91 => {
                let [(high, high_at), (low, low_at)] = pack.extremes();
                let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
                [a, b, high_at, c, d, low_at, 0, 0]
            }
            0x92 => {
                let all = pack.temperatures.iter().map(|&tenth| offset_40(tenth));
                [all.clone().max().unwrap_or(40), 1, all.min().unwrap_or(40), 1, 0, 0, 0, 0]
            }
            0x93 => self.switches(pack),
            0x94 => {
                let [a, b] = pack.cycles.to_be_bytes();
                [count(pack.cells_mv.len()), count(pack.temperatures.len()), 0, 0, 0, a, b, 0x20]
            }
            0x95 => return self.cells(pack),
            0x96 => return self.temperatures(pack),
            0x97 => {
                let [a, b, c, d] = pack.balancing.to_le_bytes();
                [a, b, c, d, 0, 0, 0, 0]
            }
            0x98 => [u8::from(pack.cell_high), 0, 0, 0, 0, 0, 0, 0],
            0xd9 | 0xda => {
                let on = asked.first() == Some(&1);
                let switch = if id == 0xd9 { &mut pack.discharge_mos } else { &mut pack.charge_mos };
                *switch = on;
                [u8::from(on), 0, 0, 0, 0, 0, 0, 0]
            }
            _ => return Vec::new(),
        };
        vec![self.frame(id, data)]
    }

    fn switches(&mut self, pack: &Pack) -> [u8; 8] {
        self.life = self.life.wrapping_add(1);
        let state = match pack.current_ma {
            0 => 0,
            1.. => 1,
            _ => 2,
        };
        let [a, b, c, d] = (pack.remaining_mah as u32).to_be_bytes();
        [state, u8::from(pack.charge_mos), u8::from(pack.discharge_mos), self.life, a, b, c, d]
    }

    fn cells(&self, pack: &Pack) -> Vec<Vec<u8>> {
        let frame = |(number, cells): (u8, &[u16])| {
            let mut data = [0; 8];
            data[0] = number;
            for (at, cell) in cells.iter().enumerate() {
                data[1 + 2 * at..3 + 2 * at].copy_from_slice(&cell.to_be_bytes());
            }
            self.frame(0x95, data)
        };
        (1..).zip(pack.cells_mv.chunks(3)).map(frame).collect()
    }

    fn temperatures(&self, pack: &Pack) -> Vec<Vec<u8>> {
        let frame = |(number, temperatures): (u8, &[i16])| {
            let mut data = [0; 8];
            data[0] = number;
            for (at, &temperature) in temperatures.iter().enumerate() {
                data[1 + at] = offset_40(temperature);
            }
            self.frame(0x96, data)
        };
        (1..).zip(pack.temperatures.chunks(7)).map(frame).collect()
    }
}

impl Device for Daly {
    fn hear(&mut self, bytes: &[u8], pack: &mut Pack) -> Vec<Vec<u8>> {
        self.heard.extend_from_slice(bytes);
        let mut said = Vec::new();
        while self.heard.len() >= LENGTH {
            let frame = &self.heard[..LENGTH];
            let sum = frame[..12].iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte));
            if frame[0] != 0xa5 || frame[3] != 8 || frame[12] != sum {
                self.heard.remove(0);
                continue;
            }
            let frame: Vec<u8> = self.heard.drain(..LENGTH).collect();
            if frame[1] == HOST + self.number - 1 {
                said.extend(self.answer(frame[2], &frame[4..12], pack));
            }
        }
        said
    }
}

fn whole(pack: &Pack) -> [u8; 8] {
    let voltage = steps(pack.voltage_mv(), 100);
    // More than 30000 is discharging.
    let current = 30_000 - steps(pack.current_ma, 100);
    let soc = (10.0 * pack.soc()).round() as i32;
    let mut data = [0; 8];
    for (at, number) in [(0, voltage), (4, current), (6, soc)] {
        data[at..at + 2].copy_from_slice(&u16::try_from(number).unwrap_or(0).to_be_bytes());
    }
    data
}

/// Degrees Celsius as the board says them: plus 40.
fn offset_40(tenth: i16) -> u8 {
    u8::try_from((tenth + 5).div_euclid(10) + 40).unwrap_or(0)
}

fn count(length: usize) -> u8 {
    u8::try_from(length).unwrap_or(u8::MAX)
}
