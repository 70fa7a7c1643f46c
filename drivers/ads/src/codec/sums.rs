//! Sum commands: many questions in one read-write. Each part has an error of its own.

use bytes::Bytes;

use super::bytes::{Cursor, Put as _};
use super::command::{Request, WISH_BYTES, Wish};
use super::{Malformed, groups};

/// The most parts of one sum command: Beckhoff's own advice.
pub const MAX_PARTS: usize = 500;

/// One value in the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Part {
    /// Index group.
    pub group: u32,
    /// Index offset.
    pub offset: u32,
    /// Bytes.
    pub length: u32,
}

/// One write-and-read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// What to read: length is the most bytes of the answer.
    pub part: Part,
    /// What to write.
    pub data: Bytes,
}

/// One part's end: bytes, or the error code.
pub type Outcome<T> = Result<T, u32>;

fn sum(group: u32, count: usize, length: usize, data: Vec<u8>) -> Request {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Request::ReadWrite { group, offset: number(count), length: number(length), data: data.into() }
}

fn put_part(part: &Part, out: &mut Vec<u8>) {
    out.put_all([part.group, part.offset, part.length]);
}

fn total(parts: &[Part]) -> usize {
    parts.iter().map(|part| part.length as usize).sum()
}

/// Reads all parts (0xF080).
pub fn read(parts: &[Part]) -> Request {
    let mut data = Vec::with_capacity(parts.len() * 12);
    for part in parts {
        put_part(part, &mut data);
    }
    sum(groups::SUM_READ, parts.len(), parts.len() * 4 + total(parts), data)
}

/// The answer to [`read`]: all errors, then all data at the lengths that were asked for.
///
/// # Errors
/// The answer is shorter than that.
pub fn read_answer(parts: &[Part], answer: &Bytes) -> Result<Vec<Outcome<Bytes>>, Malformed> {
    let mut errors = Cursor::new(answer, "a sum read");
    let mut data = Cursor::new(answer, "a sum read");
    data.take(parts.len() * 4)?;
    let one = |part: &Part| {
        let error = errors.u32()?;
        let bytes = data.take(part.length as usize)?;
        Ok(if error == 0 { Ok(answer.slice_ref(bytes)) } else { Err(error) })
    };
    parts.iter().map(one).collect()
}

/// The answer to [`read`] uncut: the errors, four bytes each, and the data, at the lengths that were asked for.
///
/// # Errors
/// The answer is shorter than that.
pub fn halves(parts: &[Part], answer: &Bytes) -> Result<(Bytes, Bytes), Malformed> {
    let mut cursor = Cursor::new(answer, "a sum read");
    let errors = cursor.take(parts.len() * 4)?;
    let data = cursor.take(total(parts))?;
    Ok((answer.slice_ref(errors), answer.slice_ref(data)))
}

/// Writes all parts (0xF081).
pub fn write(parts: &[(Part, Bytes)]) -> Request {
    let mut data = Vec::new();
    for (part, _) in parts {
        put_part(part, &mut data);
    }
    for (_, bytes) in parts {
        data.extend_from_slice(bytes);
    }
    sum(groups::SUM_WRITE, parts.len(), parts.len() * 4, data)
}

/// The answer to [`write`] and [`delete_notifications`]: one error code each.
///
/// # Errors
/// The answer is shorter than that.
pub fn codes(count: usize, answer: &[u8]) -> Result<Vec<Outcome<()>>, Malformed> {
    let mut cursor = Cursor::new(answer, "a sum");
    (0..count).map(|_| cursor.u32().map(|code| if code == 0 { Ok(()) } else { Err(code) })).collect()
}

/// Does all exchanges (0xF082).
pub fn read_write(exchanges: &[Exchange]) -> Request {
    let mut data = Vec::new();
    for exchange in exchanges {
        put_part(&exchange.part, &mut data);
        data.put_length(exchange.data.len());
    }
    for exchange in exchanges {
        data.extend_from_slice(&exchange.data);
    }
    let length: usize = exchanges.iter().map(|exchange| 8 + exchange.part.length as usize).sum();
    sum(groups::SUM_READ_WRITE, exchanges.len(), length, data)
}

/// The answer to [`read_write`], and to reads of group 0xF084: errors and real lengths, then the data at these.
///
/// # Errors
/// The answer is shorter than it says.
pub fn sized_answer(count: usize, answer: &Bytes) -> Result<Vec<Outcome<Bytes>>, Malformed> {
    let mut heads = Cursor::new(answer, "a sum");
    let mut data = heads;
    data.take(count.saturating_mul(8))?;
    let one = |_| {
        let (error, length) = (heads.u32()?, heads.u32()? as usize);
        let bytes = data.take(length)?;
        Ok(if error == 0 { Ok(answer.slice_ref(bytes)) } else { Err(error) })
    };
    (0..count).map(one).collect()
}

/// Adds all notifications (0xF085).
pub fn add_notifications(wishes: &[Wish]) -> Request {
    let mut data = Vec::with_capacity(wishes.len() * WISH_BYTES);
    for wish in wishes {
        wish.encode(&mut data);
    }
    sum(groups::SUM_ADD_NOTIFICATION, wishes.len(), wishes.len() * 8, data)
}

/// The answer to [`add_notifications`]: errors and handles.
///
/// # Errors
/// The answer is shorter than that.
pub fn handles(count: usize, answer: &[u8]) -> Result<Vec<Outcome<u32>>, Malformed> {
    let mut cursor = Cursor::new(answer, "a sum");
    let one = |_| {
        let (error, handle) = (cursor.u32()?, cursor.u32()?);
        Ok(if error == 0 { Ok(handle) } else { Err(error) })
    };
    (0..count).map(one).collect()
}

/// Deletes all notifications (0xF086).
pub fn delete_notifications(handles: &[u32]) -> Request {
    let mut data = Vec::with_capacity(handles.len() * 4);
    for &handle in handles {
        data.put32(handle);
    }
    sum(groups::SUM_DELETE_NOTIFICATION, handles.len(), handles.len() * 4, data)
}

/// A sum command as a device sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sum {
    /// Groups 0xF080, 0xF083 and 0xF084.
    Read(Vec<Part>),
    /// Group 0xF081.
    Write(Vec<(Part, Bytes)>),
    /// Group 0xF082.
    ReadWrite(Vec<Exchange>),
    /// Group 0xF085.
    Add(Vec<Wish>),
    /// Group 0xF086.
    Delete(Vec<u32>),
}

/// Reads the data of a sum command with `count` parts; none if the group is no sum command's.
///
/// # Errors
/// The data is shorter than its parts need, or the parts are too many.
pub fn decode(group: u32, count: u32, data: &Bytes) -> Result<Option<Sum>, Malformed> {
    let count = count as usize;
    let mut cursor = Cursor::new(data, "a sum command");
    let is_sum = (groups::SUM_READ..=groups::SUM_DELETE_NOTIFICATION).contains(&group);
    if is_sum && count > data.len() / 4 {
        return Err(Malformed::Short { what: "a sum command", wanted: count.saturating_mul(4), had: data.len() });
    }
    let part = |cursor: &mut Cursor<'_>| -> Result<Part, Malformed> {
        Ok(Part { group: cursor.u32()?, offset: cursor.u32()?, length: cursor.u32()? })
    };
    Ok(Some(match group {
        groups::SUM_READ | groups::SUM_READ_EX | groups::SUM_READ_EX_2 => {
            Sum::Read((0..count).map(|_| part(&mut cursor)).collect::<Result<_, _>>()?)
        }
        groups::SUM_WRITE => {
            let parts = (0..count).map(|_| part(&mut cursor)).collect::<Result<Vec<_>, _>>()?;
            let mut with_data = |part: Part| Ok((part, data.slice_ref(cursor.take(part.length as usize)?)));
            Sum::Write(parts.into_iter().map(&mut with_data).collect::<Result<_, Malformed>>()?)
        }
        groups::SUM_READ_WRITE => {
            let mut head = |_| Ok((part(&mut cursor)?, cursor.u32()? as usize));
            let heads = (0..count).map(&mut head).collect::<Result<Vec<_>, Malformed>>()?;
            let mut with_data = |(part, length)| Ok(Exchange { part, data: data.slice_ref(cursor.take(length)?) });
            Sum::ReadWrite(heads.into_iter().map(&mut with_data).collect::<Result<_, Malformed>>()?)
        }
        groups::SUM_ADD_NOTIFICATION => {
            Sum::Add((0..count).map(|_| Wish::decode(&mut cursor)).collect::<Result<_, _>>()?)
        }
        groups::SUM_DELETE_NOTIFICATION => Sum::Delete((0..count).map(|_| cursor.u32()).collect::<Result<_, _>>()?),
        _ => return Ok(None),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts() -> impl Strategy<Value = Vec<Part>> {
        let part =
            (any::<u32>(), any::<u32>(), 0_u32..20).prop_map(|(group, offset, length)| Part { group, offset, length });
        prop::collection::vec(part, 0..8)
    }

    #[track_caller]
    fn check(request: &Request, want: &Sum) {
        let Request::ReadWrite { group, offset, data, .. } = request else { panic!("{request:?}") };
        assert_eq!(decode(*group, *offset, data), Ok(Some(want.clone())));
    }

    proptest! {
        #[test]
        fn sums_come_back(parts in parts()) {
            check(&read(&parts), &Sum::Read(parts.clone()));
            let filled: Vec<(Part, Bytes)> =
                parts.iter().map(|part| (*part, Bytes::from(vec![7; part.length as usize]))).collect();
            check(&write(&filled), &Sum::Write(filled.clone()));
            let exchanges: Vec<Exchange> =
                filled.iter().map(|(part, data)| Exchange { part: *part, data: data.clone() }).collect();
            check(&read_write(&exchanges), &Sum::ReadWrite(exchanges));
            let handles: Vec<u32> = parts.iter().map(|part| part.group).collect();
            check(&delete_notifications(&handles), &Sum::Delete(handles));
        }

        #[test]
        fn no_bytes_make_the_decoders_panic(
            parts in parts(), group in 0xf07e_u32..0xf088, count in prop_oneof![0_u32..9, any::<u32>()],
            bytes in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let bytes = Bytes::from(bytes);
            let _ = decode(group, count, &bytes);
            let _ = read_answer(&parts, &bytes);
            let _ = (codes(9, &bytes), handles(9, &bytes), sized_answer(count.min(9) as usize, &bytes));
        }
    }

    #[test]
    fn a_failed_part_keeps_its_place_in_a_sum_read() {
        let parts = [Part { group: 1, offset: 0, length: 2 }, Part { group: 1, offset: 2, length: 1 }];
        let answer = Bytes::from_static(&[0x10, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0x2a]);
        let outcomes = read_answer(&parts, &answer).unwrap();
        assert_eq!(outcomes, [Err(0x710), Ok(Bytes::from_static(&[0x2a]))]);
        assert!(read_answer(&parts, &answer.slice(..10)).is_err());
    }
}
