//! Index groups: where a read or write goes.

/// Memory `%M`, in bytes.
pub const MEMORY: u32 = 0x4020;
/// Data of the program, in bytes.
pub const DATA: u32 = 0x4040;
/// Handle by name.
pub const HANDLE_BY_NAME: u32 = 0xF003;
/// Value by name.
pub const VALUE_BY_NAME: u32 = 0xF004;
/// Value by handle.
pub const VALUE_BY_HANDLE: u32 = 0xF005;
/// Gives a handle back.
pub const RELEASE_HANDLE: u32 = 0xF006;
/// Group, offset and size by name.
pub const INFO_BY_NAME: u32 = 0xF007;
/// One byte that changes with each download and online change.
pub const SYMBOL_VERSION: u32 = 0xF008;
/// One entry of the symbol table by name.
pub const INFO_BY_NAME_EX: u32 = 0xF009;
/// The symbol table.
pub const SYMBOL_TABLE: u32 = 0xF00B;
/// Its size: 8 bytes.
pub const UPLOAD_INFO: u32 = 0xF00C;
/// The data type table.
pub const TYPE_TABLE: u32 = 0xF00E;
/// The sizes of both tables: 24 bytes, or 64.
pub const UPLOAD_INFO_2: u32 = 0xF00F;
/// One entry of the data type table by name.
pub const TYPE_BY_NAME: u32 = 0xF011;
/// Inputs, in bytes.
pub const INPUT_BYTES: u32 = 0xF020;
/// Inputs; the offset counts bits.
pub const INPUT_BITS: u32 = 0xF021;
/// Outputs, in bytes.
pub const OUTPUT_BYTES: u32 = 0xF030;
/// Outputs; the offset counts bits.
pub const OUTPUT_BITS: u32 = 0xF031;
/// Many reads in one.
pub const SUM_READ: u32 = 0xF080;
/// Many writes in one.
pub const SUM_WRITE: u32 = 0xF081;
/// Many read-writes in one.
pub const SUM_READ_WRITE: u32 = 0xF082;
/// Many reads in one, answered with lengths and at the requested lengths.
pub const SUM_READ_EX: u32 = 0xF083;
/// Many reads in one, answered with lengths and at these.
pub const SUM_READ_EX_2: u32 = 0xF084;
/// Many new notifications in one.
pub const SUM_ADD_NOTIFICATION: u32 = 0xF085;
/// Many notifications less in one.
pub const SUM_DELETE_NOTIFICATION: u32 = 0xF086;
/// The state of the device: u16 ADS state, u16 device state.
pub const DEVICE_STATE: u32 = 0xF100;

/// Whether the offset counts bits.
pub fn counts_bits(group: u32) -> bool {
    matches!(group, INPUT_BITS | OUTPUT_BITS)
}
