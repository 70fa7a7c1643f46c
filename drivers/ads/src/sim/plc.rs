//! The simulated device: its memory, its handles, what it counts, and what a person changes at it.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fieldrail_model::Value;

use super::faults::Faults;
use super::house::House;
use super::program::Program;
use crate::catalog::{Catalog, Place};
use crate::codec::ams::NetId;
use crate::codec::command::{DeviceInfo, DeviceState};
use crate::codec::groups::{INPUT_BITS, INPUT_BYTES, OUTPUT_BITS, OUTPUT_BYTES};
use crate::codec::sums::Part;
use crate::codec::text::CodePage;
use crate::codec::upload::UploadInfo;
use crate::codec::{symbols, types};
use crate::codes::{self, AdsCode};
use crate::value;

/// Bytes of each memory area.
const AREA_BYTES: usize = 1 << 20;

/// ADS state RUN.
pub const RUN: u16 = 5;

/// ADS state STOP.
pub const STOP: u16 = 6;

/// ADS state CONFIG: no PLC runs.
pub const CONFIG: u16 = 15;

/// Offset not within the area.
const OFFSET: AdsCode = AdsCode(0x703);
/// Length not that of the variable.
const SIZE: AdsCode = AdsCode(0x705);

/// What a handle stands for.
#[derive(Debug, Clone)]
struct Handle {
    place: Place,
    /// The version of the program in which it was made.
    version: u32,
}

/// What was asked of the device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// TCP connections taken.
    pub connections: u64,
    /// Requests by command.
    pub commands: HashMap<u16, u64>,
    /// Reads and read-writes by index group.
    pub groups: HashMap<u32, u64>,
    /// Reads from the beginning of a memory area on: a variable that lies there tells how often it is polled.
    pub beginnings: u64,
    /// The most parts of one sum command.
    pub largest_sum: usize,
    /// The first command of each connection.
    pub first_commands: Vec<u16>,
    /// Connections that came while the device rested.
    pub early: u64,
    /// Handles that are out and that nobody was told of, since the answer was spoilt.
    pub untold_handles: usize,
}

/// The device.
pub struct Plc {
    /// Who it is.
    pub net_id: NetId,
    /// Its runtimes; gone in CONFIG.
    pub ports: Vec<u16>,
    /// What it calls itself.
    pub info: DeviceInfo,
    /// How it stands.
    pub state: DeviceState,
    /// Its name on the network.
    pub host_name: String,
    /// Net IDs that it has a route to; none lets everybody in.
    pub routes: Option<HashSet<NetId>>,
    /// User and password for a new route.
    pub login: (String, String),
    /// The most notifications; more are refused with 0x716.
    pub most_notifications: usize,
    /// What goes wrong.
    pub faults: Faults,
    /// What was asked.
    pub counts: Counts,
    /// Notifications that live now.
    pub notifications: usize,
    /// Connections that live now.
    pub connections: usize,
    /// When the last connection ended.
    pub closed: Option<Instant>,
    pub(super) catalog: Catalog,
    pub(super) symbol_table: Bytes,
    pub(super) type_table: Bytes,
    pub(super) upload: UploadInfo,
    pub(super) program: Program,
    version: u32,
    handles: HashMap<u32, Handle>,
    next_handle: u32,
    areas: HashMap<u32, Vec<u8>>,
    house: Option<House>,
}

impl Plc {
    /// A device of TwinCAT 3 at port 851 that runs this program.
    pub fn new(program: Program) -> Self {
        let mut plc = Self {
            net_id: NetId([192, 168, 2, 162, 1, 1]),
            ports: vec![851],
            info: DeviceInfo { major: 3, minor: 1, build: 4024, name: "Plc30 App".into() },
            state: DeviceState { ads: RUN, device: 0 },
            host_name: "CX-SIM".into(),
            routes: None,
            login: ("Administrator".into(), "1".into()),
            most_notifications: 1024,
            faults: Faults::default(),
            counts: Counts::default(),
            notifications: 0,
            connections: 0,
            closed: None,
            catalog: Catalog::default(),
            symbol_table: Bytes::new(),
            type_table: Bytes::new(),
            upload: UploadInfo::default(),
            program: Program::default(),
            version: 1,
            handles: HashMap::new(),
            next_handle: 0x3400_0001,
            areas: HashMap::new(),
            house: None,
        };
        plc.load(program);
        plc
    }

    /// The house that plays, at this Net ID and port; of TwinCAT 2 where the port is one of its.
    pub fn house(net_id: NetId, port: u16) -> Self {
        let mut plc = Self::new(super::house::program());
        plc.net_id = net_id;
        plc.ports = vec![port];
        if port < 850 {
            plc.info = DeviceInfo { major: 2, minor: 11, build: 2241, name: "TCatPlcCtrl".into() };
        }
        plc.house = Some(House::default());
        plc
    }

    fn load(&mut self, program: Program) {
        let page = CodePage::Windows1252;
        self.symbol_table = symbols::encode(&program.symbols, page).into();
        self.type_table = types::encode(&program.types, page).into();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        self.upload = UploadInfo {
            symbols: count(program.symbols.len()),
            symbol_bytes: count(self.symbol_table.len()),
            types: count(program.types.len()),
            type_bytes: count(self.type_table.len()),
            code_page: page,
        };
        self.catalog = Catalog::new(Some(program.listing()), None, page);
        self.program = program;
    }

    /// Another program takes over, as by an online change: values of variables that stay are kept, wherever they lie now.
    pub fn online_change(&mut self, program: Program) {
        let names: Vec<String> = self.program.symbols.iter().map(|symbol| symbol.name.clone()).collect();
        let values: Vec<(String, Option<Value>)> =
            names.into_iter().map(|name| (name.clone(), self.get(&name))).collect();
        self.download(program);
        for (name, value) in values {
            if let Some(value) = value {
                self.put(&name, value);
            }
        }
    }

    /// Another program takes over, as by a download: all values are zero.
    pub fn download(&mut self, program: Program) {
        self.areas.clear();
        self.version += 1;
        self.load(program);
    }

    /// Switched off and on again: it has forgotten all handles; its program and the values stay.
    pub fn restart(&mut self) {
        self.handles.clear();
        self.counts.untold_handles = 0;
    }

    /// The byte that changes with each program.
    pub fn symbol_version(&self) -> u8 {
        u8::try_from(self.version % 256).unwrap_or(0)
    }

    /// Handles that are out.
    pub fn handles(&self) -> usize {
        self.handles.len()
    }

    /// Time passes in the house.
    pub fn step(&mut self, by: Duration) {
        if self.state.ads != RUN {
            return;
        }
        if let Some(mut house) = self.house.take() {
            house.step(self, by);
            self.house = Some(house);
        }
    }

    /// What a variable or part says; none if there is none.
    pub fn get(&self, name: &str) -> Option<Value> {
        let place = self.catalog.find(name).ok()??;
        let bytes = self.read_place(&place).ok()?;
        value::decode(&place.layout, place.bit, &bytes, self.catalog.page).ok()
    }

    /// Sets a variable or part. False if there is none, or it does not take the value.
    pub fn put(&mut self, name: &str, value: impl Into<Value>) -> bool {
        let Ok(Some(place)) = self.catalog.find(name) else { return false };
        let Ok(runs) = value::encode(&place.layout, &value.into(), self.catalog.page) else { return false };
        runs.into_iter().all(|run| {
            let length = u32::try_from(run.bytes.len()).unwrap_or(u32::MAX);
            let offset = place.offset + run.offset;
            self.write_area(Part { group: place.group, offset, length }, &run.bytes).is_ok()
        })
    }

    /// Sets bytes of a memory area, as the program does that knows where its variables lie. False if they lie outside.
    pub fn poke(&mut self, group: u32, offset: u32, data: &[u8]) -> bool {
        let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
        self.write_area(Part { group, offset, length }, data).is_ok()
    }

    fn read_place(&self, place: &Place) -> Result<Vec<u8>, AdsCode> {
        self.read_area(Part { group: place.group, offset: place.offset, length: place.size })
    }

    /// Bytes of a memory area. Inputs and outputs can be had by bits too, one byte a bit.
    pub(super) fn read_area(&self, part: Part) -> Result<Vec<u8>, AdsCode> {
        let (offset, length) = (part.offset as usize, part.length as usize);
        if length > AREA_BYTES {
            return Err(SIZE);
        }
        if let Some(bytes) = bit_area(part.group) {
            let area = self.areas.get(&bytes);
            let bit = |at: usize| area.and_then(|area| area.get(at / 8)).is_some_and(|byte| byte >> (at % 8) & 1 == 1);
            return Ok((offset..offset + length).map(|at| u8::from(bit(at))).collect());
        }
        let end = offset.checked_add(length).filter(|&end| end <= AREA_BYTES).ok_or(OFFSET)?;
        let area = self.areas.get(&part.group).map_or(&[][..], |area| area);
        let mut read = area.get(offset.min(area.len())..end.min(area.len())).unwrap_or_default().to_vec();
        read.resize(length, 0);
        Ok(read)
    }

    pub(super) fn write_area(&mut self, part: Part, data: &[u8]) -> Result<(), AdsCode> {
        let offset = part.offset as usize;
        if let Some(bytes) = bit_area(part.group) {
            let area = self.areas.entry(bytes).or_insert_with(|| vec![0; 4096]);
            for (at, &on) in (offset..).zip(data) {
                let byte = area.get_mut(at / 8).ok_or(OFFSET)?;
                *byte = *byte & !(1 << (at % 8)) | u8::from(on != 0) << (at % 8);
            }
            return Ok(());
        }
        let end = offset.checked_add(data.len()).filter(|&end| end <= AREA_BYTES).ok_or(OFFSET)?;
        let area = self.areas.entry(part.group).or_default();
        if area.len() < end {
            area.resize(end, 0);
        }
        area[offset..end].copy_from_slice(data);
        Ok(())
    }

    pub(super) fn new_handle(&mut self, name: &str) -> Result<u32, AdsCode> {
        let place = self.catalog.find(name).ok().flatten().ok_or(codes::SYMBOL)?;
        let handle = self.next_handle;
        self.next_handle += 1;
        self.handles.insert(handle, Handle { place, version: self.version });
        Ok(handle)
    }

    pub(super) fn release(&mut self, handle: u32) -> Result<(), AdsCode> {
        self.handles.remove(&handle).map(drop).ok_or(codes::INVALID_HANDLE)
    }

    fn handle(&self, handle: u32) -> Result<&Place, AdsCode> {
        let handle = self.handles.get(&handle).ok_or(codes::INVALID_HANDLE)?;
        if handle.version == self.version { Ok(&handle.place) } else { Err(codes::VERSION) }
    }

    /// Reads by handle. More than the variable has gives what lies behind it, as in a real device.
    pub(super) fn read_handle(&self, handle: u32, length: u32) -> Result<Vec<u8>, AdsCode> {
        let place = self.handle(handle)?;
        if matches!(place.layout, crate::layout::Layout::Bit) {
            let byte = self.read_place(place)?;
            return Ok(vec![byte.first().map_or(0, |byte| byte >> place.bit & 1)]);
        }
        self.read_area(Part { group: place.group, offset: place.offset, length })
    }

    pub(super) fn write_handle(&mut self, handle: u32, data: &[u8]) -> Result<(), AdsCode> {
        let place = self.handle(handle)?.clone();
        if data.len() != place.size as usize {
            return Err(SIZE);
        }
        let mut data = data.to_vec();
        if matches!(place.layout, crate::layout::Layout::Bit) {
            let old = self.read_place(&place)?[0];
            data[0] = old & !(1 << place.bit) | u8::from(data[0] != 0) << place.bit;
        }
        self.write_area(Part { group: place.group, offset: place.offset, length: place.size }, &data)
    }
}

/// The bytes of which an area of bits is made.
fn bit_area(group: u32) -> Option<u32> {
    match group {
        INPUT_BITS => Some(INPUT_BYTES),
        OUTPUT_BITS => Some(OUTPUT_BYTES),
        _ => None,
    }
}
