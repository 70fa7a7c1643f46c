//! Reading the symbols of a program: in bulk from the device, or from the disk where the same program was read before.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;

use crate::catalog::{Catalog, Program};
use crate::client::Urgency;
use crate::codec::ams::{AmsAddress, MAX_FRAME_BYTES};
use crate::codec::bytes::{Cursor, Put as _};
use crate::codec::command::{DeviceInfo, Request};
use crate::codec::groups;
use crate::codec::symbols::{self, Symbol};
use crate::codec::text::CodePage;
use crate::codec::types::{self, DataType};
use crate::codec::upload::UploadInfo;
use crate::device::Device;
use crate::error::Error;

/// How long a table may take.
const UPLOAD: Duration = Duration::from_secs(20);

/// What the slowest device sends in a second, in bytes: so much longer a table may take than any other answer.
const UPLOAD_BYTES: u32 = 100_000;

/// Symbols that are compared with the device before a table from the disk is believed.
const SAMPLES: usize = 8;

/// Types that are asked for because of one name.
const MOST_TYPES: usize = 64;

/// What a file on the disk begins with; the number changes with its layout.
const MAGIC: &[u8; 8] = b"frads001";

/// The tables of a program as the device gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tables {
    symbols: Bytes,
    types: Bytes,
}

/// What tells one program from another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    version: u8,
    upload: UploadInfo,
    info: DeviceInfo,
}

/// The symbols that the device has; none if it gives no table.
///
/// # Errors
/// The link broke, or the program changed meanwhile.
pub(crate) async fn load(
    device: &Device,
    info: &DeviceInfo,
    file: Option<&Path>,
) -> Result<Option<(Program, CodePage)>, Error> {
    let version = device.program_version().await?;
    device.version.set(version);
    let Some(upload) = upload_info(device).await? else { return Ok(None) };
    device.page.set(upload.code_page);
    let identity = version.map(|version| Identity { version, upload, info: info.clone() });
    if let (Some(identity), Some(file)) = (&identity, file)
        && let Some(tables) = read_file(file, Some(identity))
        && let Some(program) = parse(&tables, upload.code_page)
        && is_current(device, &program, upload.code_page).await?
    {
        return Ok(Some((program, upload.code_page)));
    }
    let Some(tables) = upload_tables(device, upload).await? else { return Ok(None) };
    if device.program_version().await? != version {
        return Err(Error::Changed);
    }
    let Some(program) = parse(&tables, upload.code_page) else { return Ok(None) };
    if let (Some(identity), Some(file)) = (&identity, file)
        && let Err(error) = write_file(file, identity, &tables)
    {
        tracing::warn!(%error, file = %file.display(), "The symbols cannot be kept on disk.");
    }
    Ok(Some((program, upload.code_page)))
}

/// The symbols as they were read last, for people who browse before the device answers.
pub(crate) fn remembered(file: &Path) -> Option<Program> {
    parse(&read_file(file, None)?, CodePage::Windows1252)
}

/// The file for a program in the instance's folder.
pub(crate) fn file_in(folder: &Path, target: AmsAddress) -> PathBuf {
    folder.join(format!("symbols-{}-{}.bin", target.net_id, target.port))
}

async fn upload_info(device: &Device) -> Result<Option<UploadInfo>, Error> {
    for (group, length) in [(groups::UPLOAD_INFO_2, 64), (groups::UPLOAD_INFO_2, 24), (groups::UPLOAD_INFO, 8)] {
        let request = Request::Read { group, offset: 0, length };
        match device.client.data(Urgency::Normal, &request, device.patience()).await {
            Ok(bytes) if bytes.len() >= 8 => {
                let info = UploadInfo::decode(&bytes)?;
                return Ok((info.symbols > 0).then_some(info));
            }
            Ok(_) | Err(Error::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

async fn upload_tables(device: &Device, upload: UploadInfo) -> Result<Option<Tables>, Error> {
    let read = async |group, length: u32| {
        if length == 0 || length as usize > MAX_FRAME_BYTES - 64 {
            return Ok(Bytes::new());
        }
        let request = Request::Read { group, offset: 0, length };
        let patience = device.timeout() + Duration::from_secs(1) * length / UPLOAD_BYTES;
        match device.client.data(Urgency::Normal, &request, patience.min(UPLOAD)).await {
            Ok(bytes) => Ok(bytes),
            Err(Error::Refused(code)) => {
                tracing::info!(%code, "The device gives no table.");
                Ok(Bytes::new())
            }
            Err(error) => Err(error),
        }
    };
    let symbols = read(groups::SYMBOL_TABLE, upload.symbol_bytes).await?;
    if symbols.is_empty() {
        return Ok(None);
    }
    Ok(Some(Tables { symbols, types: read(groups::TYPE_TABLE, upload.type_bytes).await? }))
}

/// The program that the tables describe; none, with a word in the log, if the symbol table cannot be read.
fn parse(tables: &Tables, page: CodePage) -> Option<Program> {
    let symbols = match symbols::decode(&tables.symbols, page) {
        Ok(symbols) => symbols,
        Err(error) => {
            tracing::warn!(%error, "The symbol table cannot be read; names are asked for one by one.");
            return None;
        }
    };
    let types = types::decode(&tables.types, page).unwrap_or_else(|error| {
        tracing::warn!(%error, "The data type table cannot be read; structures are not shown.");
        Vec::new()
    });
    Some(Program { symbols, types })
}

/// Whether some symbols still lie where the table says. The version is one byte only and may come round.
async fn is_current(device: &Device, program: &Program, page: CodePage) -> Result<bool, Error> {
    let step = program.symbols.len().div_ceil(SAMPLES).max(1);
    for known in program.symbols.iter().step_by(step) {
        match ask_symbol(device, &known.name, page).await {
            Ok(found) if (found.group, found.offset, found.size) == (known.group, known.offset, known.size) => {}
            // A device that does not tell is believed by its version.
            Err(Error::Refused(code)) if code.is_unsupported() => return Ok(true),
            Ok(_) | Err(Error::Refused(_)) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

async fn by_name(device: &Device, group: u32, name: &str, page: CodePage) -> Result<Bytes, Error> {
    let mut data = page.encode(name).unwrap_or_else(|| name.as_bytes().to_vec());
    data.push(0);
    let request = Request::ReadWrite { group, offset: 0, length: 0xffff, data: data.into() };
    device.client.data(Urgency::Normal, &request, device.patience()).await
}

/// One symbol, asked for by its name.
pub(crate) async fn ask_symbol(device: &Device, name: &str, page: CodePage) -> Result<Symbol, Error> {
    let bytes = by_name(device, groups::INFO_BY_NAME_EX, name, page).await?;
    Ok(symbols::decode_entry(&bytes, page)?)
}

/// Learns one name of a device without a table: its symbol, and the types that it needs.
///
/// # Errors
/// The device does not know it, or the link broke.
pub(crate) async fn learn(device: &Device, catalog: &Catalog, name: &str) -> Result<(Symbol, Vec<DataType>), Error> {
    let page = catalog.page;
    let symbol = ask_symbol(device, name, page).await?;
    let mut types: Vec<DataType> = Vec::new();
    let mut wanted = if catalog.reads(&symbol) { Vec::new() } else { vec![element_of(&symbol.type_name)] };
    while let Some(name) = wanted.pop() {
        let is_known = name.is_empty() || catalog.knows_type(&name) || types.iter().any(|t| t.name == name);
        if is_known || types.len() >= MOST_TYPES {
            continue;
        }
        let Ok(bytes) = by_name(device, groups::TYPE_BY_NAME, &name, page).await else { continue };
        let Ok(mut found) = types::decode_entry(&bytes, page) else { continue };
        wanted.extend(found.items.iter().map(|item| element_of(&item.type_name)));
        wanted.push(element_of(&found.type_name));
        found.name = name;
        types.push(found);
    }
    let told = if symbol.name.eq_ignore_ascii_case(name) { symbol.name.clone() } else { name.into() };
    Ok((Symbol { name: told, ..symbol }, types))
}

/// What an array is made of; the name itself if it is none.
fn element_of(type_name: &str) -> String {
    type_name.rsplit_once(" OF ").map_or(type_name, |(_, element)| element).trim().into()
}

/// A hash that tells damage on the disk, no more (FNV-1a).
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn head(identity: &Identity) -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    head.push(identity.version);
    head.push(u8::from(identity.upload.code_page == CodePage::Utf8));
    let upload = identity.upload;
    head.put_all([upload.symbols, upload.symbol_bytes, upload.types, upload.type_bytes]);
    head.extend([identity.info.major, identity.info.minor]);
    head.put16(identity.info.build);
    let mut name = identity.info.name.clone().into_bytes();
    name.resize(16, 0);
    head.extend(name);
    head
}

/// Bytes of the head.
const HEAD_BYTES: usize = 8 + 2 + 16 + 4 + 16;

fn write_file(file: &Path, identity: &Identity, tables: &Tables) -> std::io::Result<()> {
    let mut bytes = head(identity);
    for table in [&tables.symbols, &tables.types] {
        bytes.put_length(table.len());
        bytes.extend_from_slice(table);
    }
    let hash = hash(&bytes);
    bytes.put64(hash);
    let new = file.with_extension("new");
    let mut out = std::fs::File::create(&new)?;
    out.write_all(&bytes)?;
    out.sync_all()?;
    std::fs::rename(new, file)
}

/// The tables of a file, if it is whole and of this program.
fn read_file(file: &Path, identity: Option<&Identity>) -> Option<Tables> {
    let size = std::fs::metadata(file).ok()?.len();
    if size > 2 * MAX_FRAME_BYTES as u64 {
        return None;
    }
    let bytes = Bytes::from(std::fs::read(file).ok()?);
    let (body, end) = bytes.split_at_checked(bytes.len().checked_sub(8)?)?;
    let is_whole = body.starts_with(MAGIC) && hash(body).to_le_bytes() == *end;
    let is_of = identity.is_none_or(|identity| body.starts_with(&head(identity)));
    if !is_whole || !is_of {
        return None;
    }
    let mut cursor = Cursor::new(body, "a file of symbols");
    cursor.take(HEAD_BYTES).ok()?;
    let symbols = bytes.slice_ref(cursor.block().ok()?);
    Some(Tables { symbols, types: bytes.slice_ref(cursor.block().ok()?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_come_back_from_the_disk_only_whole_and_for_the_same_program() {
        let folder = tempfile::tempdir().unwrap();
        let file = file_in(folder.path(), AmsAddress::default());
        let upload = UploadInfo { symbols: 1, symbol_bytes: 3, ..UploadInfo::default() };
        let identity = Identity { version: 7, upload, info: DeviceInfo::default() };
        let tables = Tables { symbols: Bytes::from_static(b"abc"), types: Bytes::from_static(b"de") };
        assert_eq!(read_file(&file, None), None);
        write_file(&file, &identity, &tables).unwrap();
        assert_eq!(read_file(&file, Some(&identity)), Some(tables.clone()));
        assert_eq!(read_file(&file, None), Some(tables));
        assert_eq!(read_file(&file, Some(&Identity { version: 8, ..identity.clone() })), None);
        let whole = std::fs::read(&file).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(&file, &damaged).unwrap();
            assert_eq!(read_file(&file, Some(&identity)), None, "byte {at}");
            std::fs::write(&file, &whole[..at]).unwrap();
            assert_eq!(read_file(&file, Some(&identity)), None, "cut at {at}");
        }
    }
}
