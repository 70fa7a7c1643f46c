//! The bytes of Modbus: questions, answers and the three ways to frame them. Pure: bytes come in as an argument.
//!
//! Read in this order: [`pdu`] what is said (Modbus Application Protocol V1.1b3), then how it is framed: [`mbap`] on TCP,
//! [`rtu`] on serial lines, [`ascii`] on old ones. [`shape`] says which answer a question can have.
//!
//! Invariant: no bytes make a decoder panic, allocate more than one frame, or loop.

pub mod ascii;
pub mod mbap;
pub mod pdu;
pub mod rtu;
pub mod shape;

/// The most bytes of a PDU: function code and data (V1.1b3, section 4.1).
pub const MAX_PDU: usize = 253;

/// One frame: who is asked or answers, and what is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The unit, called slave or server elsewhere.
    pub unit: u8,
    /// Function code and data.
    pub pdu: Vec<u8>,
}

/// What a decoder found in a row of bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The frame, if there is a whole one.
    pub frame: Option<Frame>,
    /// How many bytes are dealt with: what was skipped before the frame, and the frame.
    pub used: usize,
    /// How many of them belong to no frame: noise, or a frame with a wrong checksum.
    pub noise: usize,
}

#[cfg(test)]
mod golden;
