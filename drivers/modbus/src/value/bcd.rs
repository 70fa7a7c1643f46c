//! Decimal digits, four bits each, the first digit in the highest bits.

/// The number that the digits say; none if one of them is above 9.
pub(super) fn decode(mut bits: u64) -> Option<i128> {
    let (mut number, mut place) = (0, 1);
    while bits != 0 {
        let digit = bits & 15;
        if digit > 9 {
            return None;
        }
        number += i128::from(digit) * place;
        place *= 10;
        bits >>= 4;
    }
    Some(number)
}

/// The digits of a number of at most 16 digits.
pub(super) fn encode(mut number: u64) -> u64 {
    let (mut bits, mut shift) = (0, 0);
    while number != 0 && shift < 64 {
        bits |= (number % 10) << shift;
        number /= 10;
        shift += 4;
    }
    bits
}
