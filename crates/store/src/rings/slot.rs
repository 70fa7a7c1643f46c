//! One bucket: least, mean and most of each figure, in memory and as bytes.
//!
//! The bytes, little-endian: a checksum of all that follows (32 bits), the number of the bucket (32 bits), how many samples
//! it is made of (32 bits), then least, sum by count, and most of each figure as 32-bit floats.

/// The figures of a time: least, mean and most of each, `NaN` where nothing was measured.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bucket {
    /// How many samples it is made of.
    pub count: u32,
    /// The least of each figure.
    pub min: Vec<f32>,
    /// The mean of each figure.
    pub avg: Vec<f32>,
    /// The most of each figure.
    pub max: Vec<f32>,
}

impl Bucket {
    /// One without anything in it.
    pub(super) fn new(fields: usize) -> Self {
        let none = vec![f32::NAN; fields];
        Self { count: 0, min: none.clone(), avg: none.clone(), max: none }
    }

    /// Takes a sample in.
    pub(super) fn add(&mut self, figures: &[f32]) {
        let weight = f64::from(self.count);
        self.take(figures, figures, figures, weight, 1.0);
        self.count = self.count.saturating_add(1);
    }

    /// Takes another bucket in.
    pub(super) fn merge(&mut self, other: &Self) {
        self.take(&other.min, &other.avg, &other.max, f64::from(self.count), f64::from(other.count));
        self.count = self.count.saturating_add(other.count);
    }

    fn take(&mut self, min: &[f32], avg: &[f32], max: &[f32], weight: f64, added: f64) {
        for at in 0..self.avg.len().min(avg.len()) {
            let (mean, new) = (self.avg[at], avg[at]);
            if new.is_nan() {
                continue;
            }
            // The other of a number and NaN is the number.
            self.min[at] = self.min[at].min(min[at]);
            self.max[at] = self.max[at].max(max[at]);
            #[allow(clippy::cast_possible_truncation)] // a mean of 32-bit numbers is one
            let sum = ((f64::from(mean) * weight + f64::from(new) * added) / (weight + added)) as f32;
            self.avg[at] = if mean.is_nan() { new } else { sum };
        }
    }

    pub(super) fn bytes(&self, number: i64) -> Vec<u8> {
        let mut bytes = vec![0; 4];
        bytes.extend(u32::try_from(number).unwrap_or(0).to_le_bytes());
        bytes.extend(self.count.to_le_bytes());
        for figure in self.min.iter().chain(&self.avg).chain(&self.max) {
            bytes.extend(figure.to_le_bytes());
        }
        let sum = short(&bytes[4..]);
        bytes[..4].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// The bucket of this number; none if another one stands there, or none that is whole.
    pub(super) fn read(bytes: &[u8], number: i64, fields: usize) -> Option<Self> {
        let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let (sum, found, count) = (word(0)?, word(4)?, word(8)?);
        if i64::from(found) != number || count == 0 || sum != short(bytes.get(4..)?) {
            return None;
        }
        let row = |nth: usize| {
            let begin = 12 + nth * fields * 4;
            let figures = bytes.get(begin..begin + fields * 4)?.chunks_exact(4);
            Some(figures.map(|four| f32::from_le_bytes(four.try_into().unwrap_or_default())).collect())
        };
        Some(Self { count, min: row(0)?, avg: row(1)?, max: row(2)? })
    }
}

/// Bytes of one bucket.
pub(super) fn size(fields: usize) -> usize {
    12 + 12 * fields
}

/// FNV-1a.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[allow(clippy::cast_possible_truncation)] // folded
fn short(bytes: &[u8]) -> u32 {
    let hash = hash(bytes);
    (hash >> 32) as u32 ^ hash as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_comes_back_and_one_flipped_bit_is_noticed() {
        let mut bucket = Bucket::new(2);
        bucket.add(&[1.0, f32::NAN]);
        bucket.add(&[4.0, f32::NAN]);
        let bytes = bucket.bytes(7);
        assert_eq!(bytes.len(), size(2));
        let back = Bucket::read(&bytes, 7, 2).unwrap();
        assert_eq!((back.count, back.min[0], back.avg[0], back.max[0]), (2, 1.0, 2.5, 4.0));
        assert!(back.avg[1].is_nan());
        assert_eq!(Bucket::read(&bytes, 8, 2), None);
        for at in 0..bytes.len() {
            let mut wrong = bytes.clone();
            wrong[at] ^= 1;
            assert_eq!(Bucket::read(&wrong, 7, 2), None, "byte {at}");
        }
        assert_eq!(Bucket::read(&vec![0; size(2)], 0, 2), None, "a hole is no bucket");
    }

    #[test]
    fn means_are_weighed() {
        let (mut a, mut b) = (Bucket::new(1), Bucket::new(1));
        (0..3).for_each(|_| a.add(&[1.0]));
        b.add(&[5.0]);
        a.merge(&b);
        assert_eq!((a.count, a.min[0], a.avg[0], a.max[0]), (4, 1.0, 2.0, 5.0));
    }
}
