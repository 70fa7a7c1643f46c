//! The check sums that several batteries share.

/// CRC-16/Modbus: polynomial 8005 reflected, from FFFF.
pub fn crc_modbus(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| MODBUS[usize::from((crc ^ u16::from(*byte)) & 0xff)] ^ (crc >> 8))
}

/// CRC-16/XMODEM: polynomial 1021, from 0000.
pub fn crc_xmodem(bytes: &[u8]) -> u16 {
    let mut crc = 0_u16;
    for byte in bytes {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
        }
    }
    crc
}

/// The low byte of the sum.
pub fn sum8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte))
}

/// The low 16 bits of the sum.
pub fn sum16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum: u16, byte| sum.wrapping_add(u16::from(*byte)))
}

/// One step of [`crc_modbus`] for each byte.
const MODBUS: [u16; 256] = {
    let mut table = [0_u16; 256];
    let mut n = 0;
    while n < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "n is below 256")]
        let mut crc = n as u16;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xa001 } else { crc >> 1 };
            bit += 1;
        }
        table[n] = crc;
        n += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_have_their_published_check_values() {
        let text = b"123456789";
        assert_eq!((crc_modbus(text), crc_xmodem(text)), (0x4b37, 0x31c3));
        assert_eq!((sum8(text), sum16(text)), (0xdd, 0x1dd));
    }
}
