//! What the simulated device answers to each request.

use bytes::Bytes;

use super::plc::{CONFIG, Plc};
use crate::codec::ams::AmsAddress;
use crate::codec::bytes::Put as _;
use crate::codec::command::{DeviceState, Reply, Request, Wish};
use crate::codec::sums::{self, Part, Sum};
use crate::codec::text::CodePage;
use crate::codec::{groups, symbols, types, udp};
use crate::codes::{self, AdsCode};

/// What a connection holds of its own: notifications.
pub(super) trait Subscriber {
    /// Takes a wish; gives its handle.
    fn add(&mut self, wish: Wish) -> u32;
    /// Forgets one; false if it is not known.
    fn remove(&mut self, handle: u32) -> bool;
}

impl Plc {
    /// Why the router does not deliver to this end, if so.
    pub(super) fn undeliverable(&self, target: AmsAddress) -> Option<AdsCode> {
        if target.net_id != self.net_id {
            return Some(codes::TARGET_MACHINE);
        }
        let is_there =
            target.port == udp::SYSTEM_PORT || (self.state.ads != CONFIG && self.ports.contains(&target.port));
        (!is_there).then_some(codes::TARGET_PORT)
    }

    pub(super) fn reply(
        &mut self,
        port: u16,
        request: &Request,
        subscriber: &mut impl Subscriber,
    ) -> Result<Reply, AdsCode> {
        match request {
            Request::Info => Ok(Reply::Info(self.info.clone())),
            Request::State if port == udp::SYSTEM_PORT => {
                let ads = if self.state.ads == CONFIG { CONFIG } else { super::plc::RUN };
                Ok(Reply::State(DeviceState { ads, device: 0 }))
            }
            Request::State => Ok(Reply::State(self.state)),
            Request::Read { group, offset, length } => {
                let part = Part { group: *group, offset: *offset, length: *length };
                self.read(part).map(|data| Reply::Data(data.into()))
            }
            Request::Write { group, offset, data } => self.write(*group, *offset, data).map(|()| Reply::Done),
            Request::Control { ads, device, .. } => {
                self.state = DeviceState { ads: *ads, device: *device };
                Ok(Reply::Done)
            }
            Request::AddNotification(wish) => self.add(*wish, subscriber).map(Reply::Handle),
            Request::DeleteNotification { handle } => self.delete(*handle, subscriber).map(|()| Reply::Done),
            Request::ReadWrite { group, offset, length, data } => {
                let answer = self.read_write(*group, *offset, *length, data, subscriber)?;
                Ok(Reply::Data(answer.into()))
            }
        }
    }

    fn add(&mut self, wish: Wish, subscriber: &mut impl Subscriber) -> Result<u32, AdsCode> {
        self.read(Part { group: wish.group, offset: wish.offset, length: wish.length })?;
        if self.notifications >= self.most_notifications {
            return Err(AdsCode(0x716));
        }
        self.notifications += 1;
        Ok(subscriber.add(wish))
    }

    fn delete(&mut self, handle: u32, subscriber: &mut impl Subscriber) -> Result<(), AdsCode> {
        if !subscriber.remove(handle) {
            return Err(codes::NOTIFICATION_HANDLE);
        }
        self.notifications = self.notifications.saturating_sub(1);
        Ok(())
    }

    fn refused(&mut self, group: u32) -> Result<(), AdsCode> {
        *self.counts.groups.entry(group).or_default() += 1;
        self.faults.refuse.get(&group).map_or(Ok(()), |&code| Err(AdsCode(code)))
    }

    /// What stands at a place.
    pub(super) fn read(&mut self, part: Part) -> Result<Vec<u8>, AdsCode> {
        self.refused(part.group)?;
        let cut = |mut bytes: Vec<u8>| {
            bytes.truncate(part.length as usize);
            bytes
        };
        match part.group {
            groups::VALUE_BY_HANDLE => self.read_handle(part.offset, part.length),
            groups::SYMBOL_VERSION => Ok(cut(vec![self.symbol_version()])),
            groups::SYMBOL_TABLE => Ok(cut(self.symbol_table.to_vec())),
            groups::TYPE_TABLE => Ok(cut(self.type_table.to_vec())),
            groups::UPLOAD_INFO => Ok(cut(self.upload.encode()[..8].to_vec())),
            groups::UPLOAD_INFO_2 => Ok(cut(self.upload.encode())),
            groups::DEVICE_STATE => {
                let state = [self.state.ads.to_le_bytes(), self.state.device.to_le_bytes()];
                Ok(cut(state.concat()))
            }
            group if is_memory(group) => {
                self.counts.beginnings += u64::from(part.offset == 0);
                self.read_area(part)
            }
            _ => Err(codes::GROUP),
        }
    }

    fn write(&mut self, group: u32, offset: u32, data: &[u8]) -> Result<(), AdsCode> {
        self.refused(group)?;
        let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let part = Part { group, offset, length };
        match group {
            groups::RELEASE_HANDLE => {
                let Some(&[a, b, c, d]) = data.get(..4) else { return Err(AdsCode(0x705)) };
                self.release(u32::from_le_bytes([a, b, c, d]))
            }
            groups::VALUE_BY_HANDLE | groups::MEMORY | groups::DATA if self.faults.overwrite => Ok(()),
            groups::VALUE_BY_HANDLE => self.write_handle(offset, data),
            group if is_memory(group) => self.write_area(part, data),
            _ => Err(codes::GROUP),
        }
    }

    fn read_write(
        &mut self,
        group: u32,
        offset: u32,
        length: u32,
        data: &Bytes,
        subscriber: &mut impl Subscriber,
    ) -> Result<Vec<u8>, AdsCode> {
        self.refused(group)?;
        let page = CodePage::Windows1252;
        let name = || page.decode(data);
        let find = |plc: &Self| plc.catalog.find(&name()).ok().flatten().ok_or(codes::SYMBOL);
        match group {
            groups::HANDLE_BY_NAME => {
                let place = find(self)?;
                let mut answer = self.new_handle(&name())?.to_le_bytes().to_vec();
                // Who asks for more than the handle is told size and type.
                answer.put_all([place.size, 0]);
                let kind = page.encode(&place.type_name).unwrap_or_default();
                answer.put16(u16::try_from(kind.len()).unwrap_or(0));
                answer.extend(kind);
                answer.push(0);
                answer.truncate(length as usize);
                Ok(answer)
            }
            groups::VALUE_BY_NAME => {
                let place = find(self)?;
                self.read_area(Part { group: place.group, offset: place.offset, length: place.size.min(length) })
            }
            groups::INFO_BY_NAME => {
                let place = find(self)?;
                Ok([place.group, place.offset, place.size].map(u32::to_le_bytes).concat())
            }
            groups::INFO_BY_NAME_EX => {
                let place = find(self)?;
                let known = self.program.symbols.iter().find(|symbol| symbol.name == place.name).cloned();
                let symbol = known.unwrap_or_else(|| symbols::Symbol {
                    group: place.group,
                    offset: place.offset,
                    size: place.size,
                    type_id: super::program::type_id(&place.type_name),
                    name: place.name.clone(),
                    type_name: place.type_name.clone(),
                    ..symbols::Symbol::default()
                });
                let mut out = Vec::new();
                symbols::encode_entry(&symbol, page, &mut out);
                Ok(out)
            }
            groups::TYPE_BY_NAME => {
                let name = name();
                let known = self.program.types.iter().find(|known| known.name.eq_ignore_ascii_case(&name));
                let mut out = Vec::new();
                types::encode_entry(known.ok_or(codes::SYMBOL)?, page, &mut out);
                Ok(out)
            }
            _ => match sums::decode(group, offset, data) {
                Ok(Some(sum)) => Ok(self.sum(group, sum, subscriber)),
                Ok(None) => Err(codes::GROUP),
                Err(_) => Err(AdsCode(0x705)),
            },
        }
    }

    fn sum(&mut self, group: u32, sum: Sum, subscriber: &mut impl Subscriber) -> Vec<u8> {
        let count = match &sum {
            Sum::Read(parts) => parts.len(),
            Sum::Write(parts) => parts.len(),
            Sum::ReadWrite(exchanges) => exchanges.len(),
            Sum::Add(wishes) => wishes.len(),
            Sum::Delete(handles) => handles.len(),
        };
        self.counts.largest_sum = self.counts.largest_sum.max(count);
        match sum {
            Sum::Read(parts) => {
                let answers = parts.into_iter().map(|part| (part.length, self.read(part))).collect();
                sum_of_reads(group, answers)
            }
            Sum::Write(parts) => {
                let ends = parts.into_iter().map(|(part, data)| self.write(part.group, part.offset, &data));
                ends.flat_map(code).collect()
            }
            Sum::ReadWrite(exchanges) => {
                let mut answers = Vec::new();
                for sums::Exchange { part, data } in exchanges {
                    let answer = self.read_write(part.group, part.offset, part.length, &data, subscriber);
                    answers.push((part.length, answer));
                }
                sum_of_reads(groups::SUM_READ_EX_2, answers)
            }
            Sum::Add(wishes) => {
                let ends = wishes.into_iter().map(|wish| self.add(wish, subscriber));
                ends.flat_map(|end| [code(end.map(drop)), end.unwrap_or(0).to_le_bytes()].concat()).collect()
            }
            Sum::Delete(handles) => {
                handles.into_iter().map(|handle| self.delete(handle, subscriber)).flat_map(code).collect()
            }
        }
    }
}

fn code(end: Result<(), AdsCode>) -> [u8; 4] {
    end.err().map_or(0, |code| code.0).to_le_bytes()
}

/// The answer to a sum of reads: errors, in the extended forms with lengths, then data at the requested or real lengths.
fn sum_of_reads(group: u32, answers: Vec<(u32, Result<Vec<u8>, AdsCode>)>) -> Vec<u8> {
    let (mut heads, mut data) = (Vec::new(), Vec::new());
    for (requested, answer) in answers {
        heads.extend(code(answer.as_ref().map(drop).map_err(|&code| code)));
        let mut bytes = answer.unwrap_or_default();
        if group != groups::SUM_READ {
            heads.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
        }
        if group != groups::SUM_READ_EX_2 {
            bytes.resize(requested as usize, 0);
        }
        data.extend(bytes);
    }
    heads.extend(data);
    heads
}

fn is_memory(group: u32) -> bool {
    const AREAS: [u32; 7] = [
        groups::MEMORY,
        0x4030,
        groups::DATA,
        groups::INPUT_BYTES,
        groups::INPUT_BITS,
        groups::OUTPUT_BYTES,
        groups::OUTPUT_BITS,
    ];
    AREAS.contains(&group)
}
