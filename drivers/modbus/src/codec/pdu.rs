//! What is said: a question ([`Request`]) and its answer ([`Response`]), without the frame around them.

mod exception;
mod read;

pub use exception::Exception;
use read::Reader;

use schemars::JsonSchema;
use serde::Deserialize;

/// The four tables of a device (V1.1b3, section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    /// Bits that can be written.
    Coil,
    /// Bits that can only be read.
    Discrete,
    /// Registers of 16 bits that can be written.
    Holding,
    /// Registers of 16 bits that can only be read.
    Input,
}

impl Table {
    /// As configurations and locations spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Coil => "coil",
            Self::Discrete => "discrete",
            Self::Holding => "holding",
            Self::Input => "input",
        }
    }

    /// Whether an entry is one bit, not a register.
    pub fn is_bits(self) -> bool {
        matches!(self, Self::Coil | Self::Discrete)
    }

    /// The function code that reads it.
    pub fn read_function(self) -> u8 {
        match self {
            Self::Coil => 1,
            Self::Discrete => 2,
            Self::Holding => 3,
            Self::Input => 4,
        }
    }

    /// The most entries that one question may ask for.
    pub fn most(self) -> u16 {
        if self.is_bits() { MAX_READ_BITS } else { MAX_READ_REGISTERS }
    }
}

/// The most bits in one read.
pub const MAX_READ_BITS: u16 = 2000;
/// The most registers in one read.
pub const MAX_READ_REGISTERS: u16 = 125;
/// The most bits in one write.
pub const MAX_WRITE_BITS: u16 = 1968;
/// The most registers in one write.
pub const MAX_WRITE_REGISTERS: u16 = 123;
/// The most registers that function 23 writes.
pub const MAX_EXCHANGE_REGISTERS: u16 = 121;

/// A question. Addresses are those of the protocol: they begin at 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Functions 1 to 4.
    Read {
        /// Which table.
        table: Table,
        /// The first entry.
        start: u16,
        /// How many.
        count: u16,
    },
    /// Function 5.
    WriteCoil {
        /// Which.
        address: u16,
        /// On or off.
        on: bool,
    },
    /// Function 6.
    WriteRegister {
        /// Which.
        address: u16,
        /// The new contents.
        value: u16,
    },
    /// Function 15.
    WriteCoils {
        /// The first.
        start: u16,
        /// The new states.
        values: Vec<bool>,
    },
    /// Function 16.
    WriteRegisters {
        /// The first.
        start: u16,
        /// The new contents.
        values: Vec<u16>,
    },
    /// Function 22: the new contents are (old and `and`) or (`or` and not `and`).
    Mask {
        /// Which.
        address: u16,
        /// Bits that stay.
        and: u16,
        /// Bits that are set, among those that do not stay.
        or: u16,
    },
    /// Function 23: writes, then reads.
    Exchange {
        /// The first register that is read.
        read_start: u16,
        /// How many are read.
        read_count: u16,
        /// The first register that is written.
        write_start: u16,
        /// The new contents.
        values: Vec<u16>,
    },
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    /// Functions 1 and 2: eight bits a byte, the first is the lowest. The last byte is filled up.
    Bits {
        /// Which table.
        table: Table,
        /// The bits.
        packed: Vec<u8>,
    },
    /// Functions 3 and 4.
    Registers {
        /// Which table.
        table: Table,
        /// The contents.
        values: Vec<u16>,
    },
    /// Function 5.
    WroteCoil {
        /// Which.
        address: u16,
        /// On or off.
        on: bool,
    },
    /// Function 6.
    WroteRegister {
        /// Which.
        address: u16,
        /// The contents.
        value: u16,
    },
    /// Function 15.
    WroteCoils {
        /// The first.
        start: u16,
        /// How many.
        count: u16,
    },
    /// Function 16.
    WroteRegisters {
        /// The first.
        start: u16,
        /// How many.
        count: u16,
    },
    /// Function 22.
    Masked {
        /// Which.
        address: u16,
        /// As asked.
        and: u16,
        /// As asked.
        or: u16,
    },
    /// Function 23: what was read.
    Exchanged {
        /// The contents.
        values: Vec<u16>,
    },
    /// The unit refuses.
    Refused {
        /// The function that was asked for.
        function: u8,
        /// Why.
        exception: Exception,
    },
}

/// Why bytes are no PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// No function code.
    #[error("it is empty")]
    Empty,
    /// A function that this driver does not speak.
    #[error("function {0} is not known")]
    Function(u8),
    /// Too short or too long for its function.
    #[error("{got} bytes do not fit function {function}")]
    Length {
        /// The function.
        function: u8,
        /// How many bytes there are, function code included.
        got: usize,
    },
    /// A number that the function does not allow.
    #[error("{value} is not allowed in function {function}")]
    Value {
        /// The function.
        function: u8,
        /// The number.
        value: u16,
    },
}

const COIL_ON: u16 = 0xff00;
const REFUSED: u8 = 0x80;

impl Request {
    /// The function code.
    pub fn function(&self) -> u8 {
        match self {
            Self::Read { table, .. } => table.read_function(),
            Self::WriteCoil { .. } => 5,
            Self::WriteRegister { .. } => 6,
            Self::WriteCoils { .. } => 15,
            Self::WriteRegisters { .. } => 16,
            Self::Mask { .. } => 22,
            Self::Exchange { .. } => 23,
        }
    }

    /// Whether it changes the device.
    pub fn writes(&self) -> bool {
        !matches!(self, Self::Read { .. })
    }

    /// Appends the PDU.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.function());
        match self {
            Self::Read { start, count, .. } => words(out, &[*start, *count]),
            Self::WriteCoil { address, on } => words(out, &[*address, if *on { COIL_ON } else { 0 }]),
            Self::WriteRegister { address, value } => words(out, &[*address, *value]),
            Self::WriteCoils { start, values } => {
                words(out, &[*start, length(values.len())]);
                let packed = pack(values);
                out.push(byte(packed.len()));
                out.extend(packed);
            }
            Self::WriteRegisters { start, values } => {
                words(out, &[*start, length(values.len())]);
                counted(out, values);
            }
            Self::Mask { address, and, or } => words(out, &[*address, *and, *or]),
            Self::Exchange { read_start, read_count, write_start, values } => {
                words(out, &[*read_start, *read_count, *write_start, length(values.len())]);
                counted(out, values);
            }
        }
    }

    /// The question that these bytes are: what a device does first.
    ///
    /// # Errors
    /// See [`Malformed`].
    pub fn decode(pdu: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(pdu)?;
        let request = match reader.function {
            function @ 1..=4 => {
                let table = table_of(function);
                Self::Read { table, start: reader.word()?, count: reader.word_in(1..=table.most())? }
            }
            5 => Self::WriteCoil { address: reader.word()?, on: reader.switch()? },
            6 => Self::WriteRegister { address: reader.word()?, value: reader.word()? },
            15 => {
                let (start, count) = (reader.word()?, reader.word_in(1..=MAX_WRITE_BITS)?);
                let packed = reader.counted(usize::from(count).div_ceil(8))?;
                Self::WriteCoils { start, values: unpack(packed, usize::from(count)) }
            }
            16 => {
                let (start, count) = (reader.word()?, reader.word_in(1..=MAX_WRITE_REGISTERS)?);
                Self::WriteRegisters { start, values: registers(reader.counted(2 * usize::from(count))?) }
            }
            22 => Self::Mask { address: reader.word()?, and: reader.word()?, or: reader.word()? },
            23 => {
                let (read_start, read_count) = (reader.word()?, reader.word_in(1..=MAX_READ_REGISTERS)?);
                let (write_start, count) = (reader.word()?, reader.word_in(1..=MAX_EXCHANGE_REGISTERS)?);
                let values = registers(reader.counted(2 * usize::from(count))?);
                Self::Exchange { read_start, read_count, write_start, values }
            }
            other => return Err(Malformed::Function(other)),
        };
        reader.end()?;
        Ok(request)
    }
}

impl Response {
    /// The function code, without the mark of a refusal.
    pub fn function(&self) -> u8 {
        match self {
            Self::Bits { table, .. } | Self::Registers { table, .. } => table.read_function(),
            Self::WroteCoil { .. } => 5,
            Self::WroteRegister { .. } => 6,
            Self::WroteCoils { .. } => 15,
            Self::WroteRegisters { .. } => 16,
            Self::Masked { .. } => 22,
            Self::Exchanged { .. } => 23,
            Self::Refused { function, .. } => *function,
        }
    }

    /// Appends the PDU.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Refused { function, exception } => out.extend([function | REFUSED, exception.0]),
            _ => out.push(self.function()),
        }
        match self {
            Self::Bits { packed, .. } => {
                out.push(byte(packed.len()));
                out.extend(packed);
            }
            Self::Registers { values, .. } | Self::Exchanged { values } => counted(out, values),
            Self::WroteCoil { address, on } => words(out, &[*address, if *on { COIL_ON } else { 0 }]),
            Self::WroteRegister { address, value } => words(out, &[*address, *value]),
            Self::WroteCoils { start, count } | Self::WroteRegisters { start, count } => words(out, &[*start, *count]),
            Self::Masked { address, and, or } => words(out, &[*address, *and, *or]),
            Self::Refused { .. } => {}
        }
    }

    /// The answer that these bytes are.
    ///
    /// # Errors
    /// See [`Malformed`].
    pub fn decode(pdu: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(pdu)?;
        let response = match reader.function {
            function @ (1 | 2) => Self::Bits { table: table_of(function), packed: reader.rest()?.to_vec() },
            function @ (3 | 4) => Self::Registers { table: table_of(function), values: reader.registers()? },
            5 => Self::WroteCoil { address: reader.word()?, on: reader.switch()? },
            6 => Self::WroteRegister { address: reader.word()?, value: reader.word()? },
            15 => Self::WroteCoils { start: reader.word()?, count: reader.word_in(1..=MAX_WRITE_BITS)? },
            16 => Self::WroteRegisters { start: reader.word()?, count: reader.word_in(1..=MAX_WRITE_REGISTERS)? },
            22 => Self::Masked { address: reader.word()?, and: reader.word()?, or: reader.word()? },
            23 => Self::Exchanged { values: reader.registers()? },
            refused if refused >= REFUSED => {
                Self::Refused { function: refused & !REFUSED, exception: Exception(reader.byte()?) }
            }
            other => return Err(Malformed::Function(other)),
        };
        reader.end()?;
        Ok(response)
    }
}

fn table_of(function: u8) -> Table {
    match function {
        1 => Table::Coil,
        2 => Table::Discrete,
        3 => Table::Holding,
        _ => Table::Input,
    }
}

fn words(out: &mut Vec<u8>, words: &[u16]) {
    out.extend(words.iter().flat_map(|word| word.to_be_bytes()));
}

fn counted(out: &mut Vec<u8>, values: &[u16]) {
    out.push(byte(2 * values.len()));
    words(out, values);
}

/// A count that the protocol's limits keep within a byte; what is longer is cut, and refused by the device.
fn byte(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}

fn length(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

fn registers(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

/// Eight bits a byte, the first is the lowest.
pub fn pack(bits: &[bool]) -> Vec<u8> {
    bits.chunks(8).map(|eight| eight.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit))).collect()
}

/// The first `count` bits of packed ones.
pub fn unpack(packed: &[u8], count: usize) -> Vec<bool> {
    (0..count.min(8 * packed.len())).map(|at| packed[at / 8] >> (at % 8) & 1 == 1).collect()
}

#[cfg(test)]
mod tests;
