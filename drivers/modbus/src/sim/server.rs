//! The server: units with tables of registers, all functions, and refusals where something is not there.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use super::faults::{Faults, Wrong};
use crate::codec::pdu::{Exception, Request, Response, Table, pack};
use crate::codec::{Frame, mbap, rtu};
use crate::line::Framing;

/// Connections at a time; more wait.
const MAX_CONNECTIONS: usize = 32;

/// The registers of all units. A bit is a register that is 0 or 1.
#[derive(Debug, Default)]
pub struct Bank {
    words: HashMap<(u8, Table, u16), u16>,
    /// What goes wrong.
    pub faults: Faults,
    /// Connections that live now.
    pub connections: usize,
}

impl Bank {
    /// Makes a register, unless it is there.
    pub fn add(&mut self, unit: u8, table: Table, address: u16) {
        self.words.entry((unit, table, address)).or_default();
    }

    /// Makes a register, or changes it.
    pub fn set(&mut self, unit: u8, table: Table, address: u16, word: u16) {
        self.words.insert((unit, table, address), word);
    }

    /// What stands in a register; none if it is not there.
    pub fn get(&self, unit: u8, table: Table, address: u16) -> Option<u16> {
        self.words.get(&(unit, table, address)).copied()
    }

    fn has_unit(&self, unit: u8) -> bool {
        self.words.keys().any(|(known, _, _)| *known == unit)
    }

    fn row(&self, unit: u8, table: Table, start: u16, count: u16) -> Result<Vec<u16>, Exception> {
        let end = u32::from(start) + u32::from(count);
        let words = (u32::from(start)..end).map(|at| self.get(unit, table, u16::try_from(at).ok()?));
        words.collect::<Option<Vec<u16>>>().ok_or(Exception::ILLEGAL_ADDRESS)
    }

    fn write(&mut self, unit: u8, table: Table, start: u16, words: &[u16]) -> Result<u16, Exception> {
        let count = u16::try_from(words.len()).unwrap_or(u16::MAX);
        self.row(unit, table, start, count)?;
        for (at, word) in (start..=u16::MAX).zip(words) {
            self.set(unit, table, at, *word);
        }
        Ok(count)
    }

    /// Takes a register away.
    pub fn remove(&mut self, unit: u8, table: Table, address: u16) {
        self.words.remove(&(unit, table, address));
    }

    /// What a unit says to a question. None if there is no such unit.
    fn answer(&mut self, unit: u8, pdu: &[u8]) -> Option<Response> {
        if !self.has_unit(unit) {
            return None;
        }
        let function = pdu.first().copied().unwrap_or(0) & 0x7f;
        let answered = match Request::decode(pdu) {
            Ok(request) => self.obey(unit, &request),
            Err(crate::codec::pdu::Malformed::Function(_)) => Err(Exception::ILLEGAL_FUNCTION),
            Err(_) => Err(Exception::ILLEGAL_VALUE),
        };
        Some(answered.unwrap_or_else(|exception| Response::Refused { function, exception }))
    }

    fn obey(&mut self, unit: u8, request: &Request) -> Result<Response, Exception> {
        Ok(match *request {
            Request::Read { table, start, count } if table.is_bits() => {
                let bits: Vec<bool> = self.row(unit, table, start, count)?.iter().map(|&word| word != 0).collect();
                Response::Bits { table, packed: pack(&bits) }
            }
            Request::Read { table, start, count } => {
                Response::Registers { table, values: self.row(unit, table, start, count)? }
            }
            Request::WriteCoil { address, on } => {
                self.write(unit, Table::Coil, address, &[on.into()])?;
                Response::WroteCoil { address, on }
            }
            Request::WriteRegister { address, value } => {
                self.write(unit, Table::Holding, address, &[value])?;
                Response::WroteRegister { address, value }
            }
            Request::WriteCoils { start, ref values } => {
                let words: Vec<u16> = values.iter().map(|&on| on.into()).collect();
                Response::WroteCoils { start, count: self.write(unit, Table::Coil, start, &words)? }
            }
            Request::WriteRegisters { start, ref values } => {
                Response::WroteRegisters { start, count: self.write(unit, Table::Holding, start, values)? }
            }
            Request::Mask { address, and, or } => {
                let old = self.row(unit, Table::Holding, address, 1)?[0];
                self.write(unit, Table::Holding, address, &[old & and | or & !and])?;
                Response::Masked { address, and, or }
            }
            Request::Exchange { read_start, read_count, write_start, ref values } => {
                self.write(unit, Table::Holding, write_start, values)?;
                Response::Exchanged { values: self.row(unit, Table::Holding, read_start, read_count)? }
            }
        })
    }
}

/// A bank that others and the server share.
#[derive(Clone, Default)]
pub struct SharedBank(Arc<Mutex<Bank>>);

impl SharedBank {
    /// The bank, for as long as the guard lives; nobody may wait while holding it.
    pub fn lock(&self) -> MutexGuard<'_, Bank> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server for one bank, on Modbus TCP or RTU over TCP. When it is dropped all connections are gone.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    cut: watch::Sender<u64>,
    task: JoinHandle<()>,
}

impl Server {
    /// Listens at `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// The address is in use.
    pub async fn start(bank: SharedBank, address: SocketAddr, framing: Framing) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (cut, cutting) = watch::channel(0);
        let task = tokio::spawn(accept(listener, bank, framing, cutting));
        Ok(Self { address, cut, task })
    }

    /// Cuts all connections.
    pub fn cut(&self) {
        self.cut.send_modify(|times| *times += 1);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.cut();
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, bank: SharedBank, framing: Framing, cutting: watch::Receiver<u64>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        if let Ok((stream, _)) = listener.accept().await {
            let (bank, mut cutting) = (bank.clone(), cutting.clone());
            cutting.mark_unchanged();
            tokio::spawn(async move {
                bank.lock().connections += 1;
                let _leave = Leave(&bank);
                tokio::select! {
                    _ = cutting.changed() => {}
                    // A client that is gone needs nothing more.
                    _ = converse(stream, &bank, framing) => {}
                }
                drop(place);
            });
        }
    }
}

/// Counts a connection off, however it ends.
struct Leave<'a>(&'a SharedBank);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let mut bank = self.0.lock();
        bank.connections = bank.connections.saturating_sub(1);
    }
}

async fn converse(mut stream: TcpStream, bank: &SharedBank, framing: Framing) -> io::Result<()> {
    stream.set_nodelay(true)?;
    if bank.lock().faults.abrupt {
        stream.set_zero_linger()?;
    }
    let mut heard = Vec::with_capacity(1024);
    loop {
        if stream.read_buf(&mut heard).await? == 0 {
            return Ok(());
        }
        let mut said = Vec::new();
        let mut stays = true;
        while let Some((transaction, frame)) = next_frame(&mut heard, framing)? {
            stays &= reply(&mut bank.lock(), framing, transaction, &frame, &mut said);
        }
        stream.write_all(&said).await?;
        if !stays {
            return Ok(());
        }
    }
}

/// The next question, with its transaction where there is one.
fn next_frame(heard: &mut Vec<u8>, framing: Framing) -> io::Result<Option<(u16, Frame)>> {
    if framing == Framing::Tcp {
        let decoded = mbap::decode(heard).map_err(io::Error::other)?;
        return Ok(decoded.map(|(transaction, frame, used)| {
            heard.drain(..used);
            (transaction, frame)
        }));
    }
    let found = rtu::decode(heard, rtu::Side::Client, None);
    heard.drain(..found.used);
    Ok(found.frame.map(|frame| (0, frame)))
}

/// Answers one question, rightly or as the faults say. False if the connection is to be closed.
fn reply(bank: &mut Bank, framing: Framing, transaction: u16, frame: &Frame, out: &mut Vec<u8>) -> bool {
    let Frame { unit, pdu } = frame;
    // Like a gateway: who is not there does not answer.
    let Some(response) = bank.answer(*unit, pdu).filter(|_| !bank.faults.silent) else { return true };
    let function = pdu.first().copied().unwrap_or(0) & 0x7f;
    let refusal = |code| Response::Refused { function, exception: Exception(code) };
    let response = bank.faults.refuse.map_or(response, refusal);
    let encoded = |response: &Response| {
        let mut pdu = Vec::new();
        response.encode(&mut pdu);
        pdu
    };
    let right = encoded(&response);
    let put = |transaction, unit, pdu: &[u8], out: &mut Vec<u8>| {
        if framing == Framing::Tcp { mbap::encode(transaction, unit, pdu, out) } else { rtu::encode(unit, pdu, out) }
    };
    let Some(wrong) = bank.faults.wrong.pop_front() else {
        put(transaction, *unit, &right, out);
        return true;
    };
    let begin = out.len();
    match wrong {
        Wrong::Transaction => put(transaction.wrapping_add(77), *unit, &right, out),
        Wrong::Unit => put(transaction, unit.wrapping_add(1), &right, out),
        Wrong::Function => put(transaction, *unit, &[&[right[0] ^ 1], &right[1..]].concat(), out),
        Wrong::Short => put(transaction, *unit, &shorter(right), out),
        Wrong::Refused(code) => put(transaction, *unit, &encoded(&refusal(code)), out),
        Wrong::Stray => {
            put(transaction.wrapping_sub(9), unit.wrapping_add(1), &right, out);
            put(transaction, *unit, &right, out);
        }
        Wrong::Twice => {
            put(transaction, *unit, &right, out);
            put(transaction, *unit, &right, out);
        }
        Wrong::Half | Wrong::HalfClosed => {
            put(transaction, *unit, &right, out);
            out.truncate(begin + (out.len() - begin) / 2);
        }
        Wrong::Damaged => {
            put(transaction, *unit, &right, out);
            let at = if framing == Framing::Tcp { begin + 2 } else { out.len() - 1 };
            out[at] ^= 0x55;
        }
        Wrong::Missing => {}
    }
    wrong != Wrong::HalfClosed
}

/// An answer with two bytes of data less that says so itself.
fn shorter(mut pdu: Vec<u8>) -> Vec<u8> {
    if pdu.len() > 4 && pdu[0] < 5 {
        pdu.truncate(pdu.len() - 2);
        pdu[1] -= 2;
    }
    pdu
}
