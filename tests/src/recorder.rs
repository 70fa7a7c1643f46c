//! A cable with a tap: it passes TCP on as it is, and keeps every frame by which something would be written, with its time.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

/// Which frames a cable carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bus {
    /// ADS over AMS/TCP.
    Ads,
    /// Modbus over TCP.
    Modbus,
}

/// A frame on its way to the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// When it was passed on.
    pub at: Instant,
    /// What it writes: a handle or an address, and the bytes for it.
    pub values: Vec<(u32, Vec<u8>)>,
}

#[derive(Debug, Default)]
struct Tape {
    writes: Vec<Frame>,
    others: usize,
}

/// A recorded cable to one device. What is passed on is never changed, held back or dropped.
pub struct Recorder {
    port: u16,
    tape: Arc<Mutex<Tape>>,
}

impl Recorder {
    /// Lays a cable to the device at a port of loopback. It lasts as long as the test.
    pub fn start(bus: Bus, device: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has free ports");
        let port = listener.local_addr().expect("it listens").port();
        let tape = Arc::<Mutex<Tape>>::default();
        let kept = Arc::clone(&tape);
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(("127.0.0.1", device)) else { continue };
                let _ = near.set_nodelay(true).and_then(|()| far.set_nodelay(true));
                let (Ok(near_back), Ok(far_back)) = (near.try_clone(), far.try_clone()) else { continue };
                let tape = Arc::clone(&kept);
                thread::spawn(move || carry(bus, near, far, &tape));
                thread::spawn(move || carry_back(far_back, near_back));
            }
        });
        Self { port, tape }
    }

    /// The end of the cable that a driver connects to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The frames that write, from the first on.
    pub fn writes(&self) -> Vec<Frame> {
        self.tape.lock().unwrap_or_else(PoisonError::into_inner).writes.clone()
    }

    /// How many frames went to the device that write nothing.
    pub fn others(&self) -> usize {
        self.tape.lock().unwrap_or_else(PoisonError::into_inner).others
    }
}

fn carry(bus: Bus, mut near: TcpStream, mut far: TcpStream, tape: &Mutex<Tape>) {
    let (mut chunk, mut waiting) = ([0; 4096], Vec::new());
    while let Ok(count @ 1..) = near.read(&mut chunk) {
        waiting.extend_from_slice(&chunk[..count]);
        while let Some(length) = length(bus, &waiting).filter(|length| *length <= waiting.len()) {
            let bytes: Vec<u8> = waiting.drain(..length).collect();
            // On the tape before it is on its way: what the device has seen was recorded.
            let mut tape = tape.lock().unwrap_or_else(PoisonError::into_inner);
            let values = written(bus, &bytes);
            if values.is_empty() {
                tape.others += 1;
            } else {
                tape.writes.push(Frame { at: Instant::now(), values });
            }
            drop(tape);
            if far.write_all(&bytes).is_err() {
                return;
            }
        }
    }
    let _ = far.shutdown(Shutdown::Both);
}

fn carry_back(mut far: TcpStream, mut near: TcpStream) {
    let _ = std::io::copy(&mut far, &mut near);
    let _ = near.shutdown(Shutdown::Both);
}

/// Bytes of the frame that begins here; `None` until its header is there.
fn length(bus: Bus, bytes: &[u8]) -> Option<usize> {
    match bus {
        // AMS/TCP header: two reserved bytes, then the length of what follows, low byte first.
        Bus::Ads => bytes.get(2..6).map(|l| 6 + u32::from_le_bytes([l[0], l[1], l[2], l[3]]) as usize),
        // MBAP header: the length at 4 counts from the unit on, high byte first.
        Bus::Modbus => bytes.get(4..6).map(|l| 6 + usize::from(u16::from_be_bytes([l[0], l[1]]))),
    }
}

/// What a frame changes on the device; nothing if it only asks.
fn written(bus: Bus, frame: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let values = match bus {
        Bus::Ads => written_by_ads(frame),
        Bus::Modbus => written_by_modbus(frame),
    };
    values.unwrap_or_default()
}

/// Four bytes, low byte first.
fn low(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

/// Group of a release of a handle, which changes no variable.
const RELEASE: u32 = 0xF006;
/// Group of many writes at once.
const SUM_WRITE: u32 = 0xF081;

fn written_by_ads(frame: &[u8]) -> Option<Vec<(u32, Vec<u8>)>> {
    const DATA: usize = 38;
    let command = frame.get(22..24).map(|b| u16::from_le_bytes([b[0], b[1]]))?;
    let (group, offset) = (low(frame, DATA)?, low(frame, DATA + 4)?);
    match command {
        3 if group != RELEASE => Some(vec![(offset, frame.get(DATA + 12..)?.to_vec())]),
        // Write control: the state of the PLC itself.
        5 => Some(vec![(u32::MAX, frame.get(DATA..)?.to_vec())]),
        9 if group == SUM_WRITE => {
            let parts = DATA + 16;
            let mut data = parts + 12 * offset as usize;
            let mut values = Vec::new();
            for part in (parts..data).step_by(12) {
                let length = low(frame, part + 8)? as usize;
                if low(frame, part)? != RELEASE {
                    values.push((low(frame, part + 4)?, frame.get(data..data + length)?.to_vec()));
                }
                data += length;
            }
            Some(values)
        }
        _ => None,
    }
}

/// Coils and registers, single and many; masked; read and written at once.
fn written_by_modbus(frame: &[u8]) -> Option<Vec<(u32, Vec<u8>)>> {
    let function = frame.get(7).filter(|function| matches!(function, 5 | 6 | 15 | 16 | 22 | 23))?;
    let at = if *function == 23 { 12 } else { 8 };
    let address = frame.get(at..at + 2).map(|b| u32::from(u16::from_be_bytes([b[0], b[1]])))?;
    Some(vec![(address, frame.get(at + 2..)?.to_vec())])
}
