//! A Modbus TCP server: units with tables of registers, all functions, and refusals where something is not there.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

use crate::codec::mbap;
use crate::codec::pdu::{Exception, Request, Response, Table, pack};

/// Connections at a time; more wait.
const MAX_CONNECTIONS: usize = 32;

/// The registers of all units. A bit is a register that is 0 or 1.
#[derive(Debug, Default)]
pub(crate) struct Bank {
    words: HashMap<(u8, Table, u16), u16>,
}

impl Bank {
    /// Makes a register, unless it is there.
    pub(crate) fn add(&mut self, unit: u8, table: Table, address: u16) {
        self.words.entry((unit, table, address)).or_default();
    }

    /// Makes a register, or changes it.
    pub(crate) fn set(&mut self, unit: u8, table: Table, address: u16, word: u16) {
        self.words.insert((unit, table, address), word);
    }

    pub(crate) fn get(&self, unit: u8, table: Table, address: u16) -> Option<u16> {
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

    /// What a unit says to a question. None if there is no such unit.
    pub(crate) fn answer(&mut self, unit: u8, pdu: &[u8]) -> Option<Response> {
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

/// Serves until the driver ends.
pub(crate) async fn serve(listener: TcpListener, bank: Rc<RefCell<Bank>>) {
    let places = std::sync::Arc::new(tokio::sync::Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = std::sync::Arc::clone(&places).acquire_owned().await else { return };
        if let Ok((stream, _)) = listener.accept().await {
            let bank = Rc::clone(&bank);
            spawn_local(async move {
                // A client that is gone needs nothing more.
                let _ = converse(stream, &bank).await;
                drop(place);
            });
        }
    }
}

async fn converse(mut stream: TcpStream, bank: &RefCell<Bank>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut heard = Vec::with_capacity(1024);
    loop {
        if stream.read_buf(&mut heard).await? == 0 {
            return Ok(());
        }
        let mut said = Vec::new();
        while let Some((transaction, frame, used)) = mbap::decode(&heard).map_err(std::io::Error::other)? {
            heard.drain(..used);
            // Like a gateway: who is not there does not answer.
            if let Some(response) = bank.borrow_mut().answer(frame.unit, &frame.pdu) {
                let mut pdu = Vec::new();
                response.encode(&mut pdu);
                mbap::encode(transaction, frame.unit, &pdu, &mut said);
            }
        }
        stream.write_all(&said).await?;
    }
}
