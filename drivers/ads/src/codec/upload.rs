//! The sizes of a program's tables: 8 bytes (0xF00C), 24 or 64 (0xF00F).

use super::Malformed;
use super::bytes::{Cursor, Put as _};
use super::text::CodePage;

/// How large the tables are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UploadInfo {
    /// Symbols.
    pub symbols: u32,
    /// Bytes of the symbol table.
    pub symbol_bytes: u32,
    /// Data types.
    pub types: u32,
    /// Bytes of the data type table.
    pub type_bytes: u32,
    /// How 8-bit text is written.
    pub code_page: CodePage,
}

/// The code page that stands for UTF-8.
const UTF8: u32 = 65001;

impl UploadInfo {
    /// Reads 8, 24 or 64 bytes, or anything between.
    ///
    /// # Errors
    /// Fewer than 8 bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(bytes, "an upload info");
        let (symbols, symbol_bytes) = (cursor.u32()?, cursor.u32()?);
        let mut later = || cursor.u32().unwrap_or(0);
        let (types, type_bytes) = (later(), later());
        let (_max_dynamic, _used_dynamic, _invalid_dynamic) = (later(), later(), later());
        let code_page = if later() == UTF8 { CodePage::Utf8 } else { CodePage::Windows1252 };
        Ok(Self { symbols, symbol_bytes, types, type_bytes, code_page })
    }

    /// The 24 bytes, or the 64 where the code page is not Windows-1252.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_all([self.symbols, self.symbol_bytes, self.types, self.type_bytes, 2000, 0]);
        if self.code_page == CodePage::Utf8 {
            out.put_all([0, UTF8]);
            out.resize(64, 0);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_in_use_is_read() {
        let info = UploadInfo { symbols: 3, symbol_bytes: 300, types: 2, type_bytes: 99, code_page: CodePage::Utf8 };
        assert_eq!(UploadInfo::decode(&info.encode()), Ok(info));
        let short = UploadInfo { types: 0, type_bytes: 0, code_page: CodePage::Windows1252, ..info };
        assert_eq!(UploadInfo::decode(&info.encode()[..8]), Ok(short));
        assert!(UploadInfo::decode(&[0; 7]).is_err());
    }
}
