//! Which answer a question can have. On lines without transaction numbers this is all that tells an answer from another.

use super::pdu::{MAX_READ_REGISTERS, Request, Response, Table};

/// What of a question comes back in its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The function code.
    pub function: u8,
    body: Body,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    /// The answer has so many bytes of data; it does not say from where.
    Bytes(usize),
    /// The answer repeats three words of the question; the third is 0 where there are two.
    Echo([u16; 3]),
}

impl Shape {
    /// The shape of the answer to this question.
    pub fn of(request: &Request) -> Self {
        let body = match *request {
            Request::Read { table, count, .. } if table.is_bits() => Body::Bytes(usize::from(count).div_ceil(8)),
            Request::Read { count, .. } | Request::Exchange { read_count: count, .. } => {
                Body::Bytes(2 * usize::from(count))
            }
            Request::WriteCoil { address, on } => Body::Echo([address, u16::from(on), 0]),
            Request::WriteRegister { address, value } => Body::Echo([address, value, 0]),
            Request::WriteCoils { start, ref values } => Body::Echo([start, count(values.len()), 0]),
            Request::WriteRegisters { start, ref values } => Body::Echo([start, count(values.len()), 0]),
            Request::Mask { address, and, or } => Body::Echo([address, and, or]),
        };
        Self { function: request.function(), body }
    }

    /// How many bytes the answer's PDU has.
    pub fn length(self) -> usize {
        match (self.body, self.function) {
            (Body::Bytes(bytes), _) => 2 + bytes,
            (Body::Echo(_), 22) => 7,
            (Body::Echo(_), _) => 5,
        }
    }

    /// Whether this can be the answer. A refusal fits by its function alone.
    pub fn fits(self, response: &Response) -> bool {
        if response.function() != self.function {
            return false;
        }
        let body = match *response {
            Response::Refused { .. } => return true,
            Response::Bits { ref packed, .. } => Body::Bytes(packed.len()),
            Response::Registers { ref values, .. } | Response::Exchanged { ref values } => {
                Body::Bytes(2 * values.len())
            }
            Response::WroteCoil { address, on } => Body::Echo([address, u16::from(on), 0]),
            Response::WroteRegister { address, value } => Body::Echo([address, value, 0]),
            Response::WroteCoils { start, count } | Response::WroteRegisters { start, count } => {
                Body::Echo([start, count, 0])
            }
            Response::Masked { address, and, or } => Body::Echo([address, and, or]),
        };
        body == self.body
    }
}

fn count(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// A read near this question whose answer cannot be mistaken for an answer of one of these shapes: the same addresses but
/// fewer of them, or a few more. None if there is none.
pub fn distinct_read(request: &Request, taken: &[Shape]) -> Option<Request> {
    /// So many entries more may be asked for.
    const MORE: u16 = 3;
    let &Request::Read { table, start, count } = request else {
        // A write has an address: reading it is the nearest question without effect.
        let start = match *request {
            Request::WriteCoil { address, .. } => return distinct_read(&read(Table::Coil, address), taken),
            Request::WriteCoils { start, .. } => return distinct_read(&read(Table::Coil, start), taken),
            Request::WriteRegister { address, .. } | Request::Mask { address, .. } => address,
            Request::WriteRegisters { start, .. } | Request::Exchange { write_start: start, .. } => start,
            Request::Read { .. } => return None,
        };
        return distinct_read(&read(Table::Holding, start), taken);
    };
    // A step in bits must change the number of bytes.
    let step = if table.is_bits() { 8 } else { 1 };
    let fewer = (1..=count.div_ceil(step)).rev().map(|n| (n * step).min(count));
    let more = (1..=MORE).map(|n| count + n * step);
    let most = if table.is_bits() { table.most() } else { MAX_READ_REGISTERS };
    let candidates = fewer.chain(more).filter(|&n| n <= most && u32::from(start) + u32::from(n) <= 0x1_0000);
    let mut questions = candidates.map(|count| Request::Read { table, start, count });
    questions.find(|question| !taken.contains(&Shape::of(question)))
}

fn read(table: Table, start: u16) -> Request {
    Request::Read { table, start, count: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::pdu::Exception;

    fn holding(start: u16, count: u16) -> Request {
        Request::Read { table: Table::Holding, start, count }
    }

    #[test]
    fn an_answer_of_another_length_function_or_echo_does_not_fit() {
        let two = Response::Registers { table: Table::Holding, values: vec![1, 2] };
        assert!(Shape::of(&holding(7, 2)).fits(&two));
        assert!(!Shape::of(&holding(7, 3)).fits(&two));
        assert!(!Shape::of(&Request::Read { table: Table::Input, start: 7, count: 2 }).fits(&two));
        let write = Shape::of(&Request::WriteRegister { address: 4, value: 5 });
        assert!(write.fits(&Response::WroteRegister { address: 4, value: 5 }));
        assert!(!write.fits(&Response::WroteRegister { address: 4, value: 6 }));
        assert!(!write.fits(&Response::WroteRegister { address: 5, value: 5 }));
        let bits = Shape::of(&Request::Read { table: Table::Coil, start: 0, count: 9 });
        assert!(bits.fits(&Response::Bits { table: Table::Coil, packed: vec![1, 0] }));
        assert!(!bits.fits(&Response::Bits { table: Table::Coil, packed: vec![1] }));
    }

    #[test]
    fn the_length_of_an_answer_is_known_before_it_comes() {
        for (request, response) in [
            (holding(7, 2), Response::Registers { table: Table::Holding, values: vec![1, 2] }),
            (
                Request::Read { table: Table::Coil, start: 0, count: 9 },
                Response::Bits { table: Table::Coil, packed: vec![1, 0] },
            ),
            (Request::WriteCoil { address: 1, on: true }, Response::WroteCoil { address: 1, on: true }),
            (Request::Mask { address: 1, and: 2, or: 3 }, Response::Masked { address: 1, and: 2, or: 3 }),
        ] {
            let mut pdu = Vec::new();
            response.encode(&mut pdu);
            assert_eq!(Shape::of(&request).length(), pdu.len(), "{request:?}");
        }
    }

    #[test]
    fn a_refusal_fits_by_its_function() {
        let refused = |function| Response::Refused { function, exception: Exception::BUSY };
        assert!(Shape::of(&holding(1, 9)).fits(&refused(3)));
        assert!(!Shape::of(&holding(1, 9)).fits(&refused(4)));
    }

    #[test]
    fn a_read_that_cannot_be_mistaken_asks_for_fewer_or_a_few_more() {
        let taken = |requests: &[Request]| requests.iter().map(Shape::of).collect::<Vec<_>>();
        assert_eq!(distinct_read(&holding(10, 4), &taken(&[])), Some(holding(10, 4)));
        assert_eq!(distinct_read(&holding(10, 4), &taken(&[holding(99, 4)])), Some(holding(10, 3)));
        assert_eq!(distinct_read(&holding(10, 1), &taken(&[holding(99, 1)])), Some(holding(10, 2)));
        assert_eq!(distinct_read(&holding(0xffff, 1), &taken(&[holding(99, 1)])), None);
        let all: Vec<Request> = (1..=4).map(|n| holding(0, n)).collect();
        assert_eq!(distinct_read(&holding(10, 1), &taken(&all)), None);
        let write = Request::WriteRegister { address: 5, value: 1 };
        assert_eq!(distinct_read(&write, &taken(&[holding(99, 1)])), Some(holding(5, 2)));
        let coils = |count| Request::Read { table: Table::Coil, start: 0, count };
        assert_eq!(distinct_read(&coils(12), &taken(&[coils(16)])), Some(coils(8)));
        assert_eq!(distinct_read(&coils(5), &taken(&[coils(5)])), Some(coils(13)));
    }
}
